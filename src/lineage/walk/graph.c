/*
 * src/lineage/walk/graph.c
 *		Walking lineage, breadth first, a query for each step away from the start.
 *
 * A column is visited when it is reached first, and again only on a path that carries
 * its values better (PgcCarries): at most three times, so cycles end and diamonds
 * cost what their edges do.  What acts on all rows of a relation acts on all of its
 * columns: downstream, "all rows" feed whatever a column of the relation feeds;
 * upstream, a column is influenced by what "all rows" are.
 *
 * Relations that are gone are walked through, but not listed.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "funcapi.h"
#include "lineage/walk/graph.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

typedef struct IndexEntry
{
	PgcEnd		end;			/* key */
	int			vertex;
} IndexEntry;

typedef struct Readable
{
	Oid			relid;			/* key */
	bool		readable;
} Readable;

/* What a step found, of visits first, first + 1, ... */
typedef struct Step
{
	PgcWalk    *walk;
	const int  *asked;			/* visits, in the order of the ends asked for */
	List	   *next[PGC_CARRIES_INFLUENCE + 1];	/* PgcVisit *, by how they
													 * carry values */
} Step;

/* grow makes room for one more element of an array that begins empty. */
static void *
grow(void *array, int count, int *max, Size size)
{
	if (count < *max)
		return array;
	*max = Max(*max * 2, 64);
	return array == NULL ? palloc(*max * size) : repalloc_huge(array, *max * size);
}

/* pgc_walk_begin returns a walk in the current context that has no start yet, along edges that the current user may see. */
PgcWalk *
pgc_walk_begin(bool downstream)
{
	const HASHCTL vertices = {.keysize = sizeof(PgcEnd),.entrysize = sizeof(IndexEntry),.hcxt = CurrentMemoryContext};
	const HASHCTL readable = {.keysize = sizeof(Oid),.entrysize = sizeof(Readable),.hcxt = CurrentMemoryContext};
	PgcWalk    *walk = palloc0(sizeof(PgcWalk));

	walk->downstream = downstream;
	walk->role = GetUserId();
	walk->sees_all = has_privs_of_role(walk->role, ROLE_PG_READ_ALL_DATA);
	walk->index = hash_create("columns walked to", 256, &vertices, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	walk->readable = hash_create("relations walked to", 64, &readable, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return walk;
}

/* may_see: may the user select a column of the relation?  Called while the tables' owner is the current user. */
static bool
may_see(PgcWalk *walk, Oid relid)
{
	bool		found;
	Readable   *entry = hash_search(walk->readable, &relid, HASH_ENTER, &found);

	if (!found)
		entry->readable = SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)) &&
			(pg_class_aclcheck(relid, walk->role, ACL_SELECT) == ACLCHECK_OK ||
			 pg_attribute_aclcheck_all(relid, walk->role, ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK);
	return entry->readable;
}

/* result_name returns the name of a column of a function's result (palloc'd), or NULL. */
static char *
result_name(Oid funcid, AttrNumber column)
{
	TupleDesc	descriptor;
	Oid			type;

	if (get_func_result_type(funcid, &type, &descriptor) == TYPEFUNC_SCALAR)
		return get_func_name(funcid);
	if (descriptor == NULL || column > descriptor->natts)
		return NULL;
	return pstrdup(NameStr(TupleDescAttr(descriptor, column - 1)->attname));
}

/* name_routine fills the names of a function. */
static void
name_routine(PgcVertex *vertex)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(vertex->end.objid));
	Form_pg_proc routine;

	if (!HeapTupleIsValid(tuple))
		return;
	routine = (Form_pg_proc) GETSTRUCT(tuple);
	vertex->schema = get_namespace_name(routine->pronamespace);
	vertex->table = psprintf("%s(%s)", NameStr(routine->proname),
							 TextDatumGetCString(DirectFunctionCall1(oidvectortypes, PointerGetDatum(&routine->proargtypes))));
	if (vertex->end.column > 0)
		vertex->column = result_name(vertex->end.objid, vertex->end.column);
	ReleaseSysCache(tuple);
}

/* name_relation fills the names of a relation that is still there. */
static void
name_relation(PgcVertex *vertex)
{
	Oid			relid = vertex->end.objid;

	vertex->table = get_rel_name(relid);
	if (vertex->table == NULL)
		return;
	vertex->schema = get_namespace_name(get_rel_namespace(relid));
	if (vertex->end.column > 0 && OidIsValid(get_atttype(relid, vertex->end.column)))
		vertex->column = get_attname(relid, vertex->end.column, true);
}

/* add_vertex returns the index of the vertex of an end, made if there is none; of a node without its names. */
static int
add_vertex(PgcWalk *walk, const PgcEnd *end)
{
	bool		found;
	IndexEntry *entry = hash_search(walk->index, end, HASH_ENTER, &found);
	PgcVertex  *vertex;

	if (found)
		return entry->vertex;
	walk->vertices = grow(walk->vertices, walk->nvertices, &walk->max_vertices, sizeof(PgcVertex));
	entry->vertex = walk->nvertices++;
	vertex = memset(&walk->vertices[entry->vertex], 0, sizeof(PgcVertex));
	vertex->end = *end;
	vertex->best = -1;
	if (end->classid == RelationRelationId)
		name_relation(vertex);
	else if (end->classid == ProcedureRelationId)
		name_routine(vertex);
	return entry->vertex;
}

/* relation_end is a column of a relation, or all of its rows. */
static PgcEnd
relation_end(Oid relid, AttrNumber column)
{
	const PgcEnd end = {.classid = RelationRelationId,.objid = relid,.column = column};

	return end;
}

/* visit adds a visit, unless the column was reached before by a path that is no worse. */
static void
visit(PgcWalk *walk, const PgcVisit *next)
{
	PgcVertex  *vertex = &walk->vertices[next->vertex];

	if (vertex->best >= 0 && walk->visits[vertex->best].carries <= next->carries)
		return;
	walk->visits = grow(walk->visits, walk->nvisits, &walk->max_visits, sizeof(PgcVisit));
	vertex->best = walk->nvisits;
	walk->visits[walk->nvisits++] = *next;
}

/* vertex_of returns the vertex that an edge leads to, or -1: it was dropped meanwhile. */
static int
vertex_of(PgcWalk *walk, const PgcFoundEdge *edge)
{
	int			index = add_vertex(walk, &edge->to);
	PgcVertex  *vertex = &walk->vertices[index];

	if (!OidIsValid(edge->to.classid))
	{
		vertex->schema = edge->schema;
		vertex->table = edge->name;
		vertex->column = edge->column;
		vertex->gone = edge->gone;
	}
	return vertex->table == NULL || (edge->to.column > 0 && vertex->column == NULL) ? -1 : index;
}

/* pgc_walk_start begins at a column of a relation, or at all of its columns if that is InvalidAttrNumber. */
void
pgc_walk_start(PgcWalk *walk, Oid relid, AttrNumber column)
{
	for (AttrNumber attno = Max(column, 1);
		 SearchSysCacheExists2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attno)); attno++)
	{
		const PgcEnd end = relation_end(relid, attno);

		if (OidIsValid(get_atttype(relid, attno)))
		{
			const PgcVisit start = {.vertex = add_vertex(walk, &end),.parent = -1};

			visit(walk, &start);
		}
		if (column != InvalidAttrNumber)
			break;
	}
}

/* take_source is a PgcEdgeFunction. */
static void
take_source(const PgcFoundEdge *edge, void *arg)
{
	const PgcVisit start = {.vertex = vertex_of(arg, edge),.parent = -1};

	if (start.vertex >= 0)
		visit(arg, &start);
}

/* pgc_walk_start_everywhere begins wherever an edge does. */
void
pgc_walk_start_everywhere(PgcWalk *walk)
{
	pgc_edges_sources(take_source, walk);
}

/* is_hidden: may the user see neither end of an edge? */
static bool
is_hidden(PgcWalk *walk, const PgcEnd *one, const PgcEnd *other)
{
	return !walk->sees_all &&
		!(one->classid == RelationRelationId && may_see(walk, one->objid)) &&
		!(other->classid == RelationRelationId && may_see(walk, other->objid));
}

/* gone_vertex returns the vertex that an edge begins at; the one asked for is another of that relation, which is gone. */
static int
gone_vertex(PgcWalk *walk, int asked, const PgcFoundEdge *edge)
{
	const PgcEnd end = {.node_id = edge->from_node};
	int			index = add_vertex(walk, &end);
	PgcVertex  *vertex = &walk->vertices[index];

	vertex->schema = walk->vertices[asked].schema;
	vertex->table = walk->vertices[asked].table;
	vertex->column = edge->from_name;
	vertex->gone = true;
	return index;
}

/* add_arc notes an edge between two vertices; of all rows, whichever column it is of. */
static void
add_arc(PgcWalk *walk, int from, int to, const PgcFoundEdge *edge)
{
	PgcEnd		end = walk->vertices[from].end;
	PgcArc	   *arc;

	if (walk->downstream && end.classid == RelationRelationId && end.column == 0)
	{
		end.column = edge->from_column;
		from = add_vertex(walk, &end);
	}
	else if (edge->from_node != 0 && edge->from_node != end.node_id)
		from = gone_vertex(walk, from, edge);
	walk->arcs = grow(walk->arcs, walk->narcs, &walk->max_arcs, sizeof(PgcArc));
	arc = &walk->arcs[walk->narcs++];
	arc->source = walk->downstream ? from : to;
	arc->target = walk->downstream ? to : from;
	arc->subtype = edge->subtype;
	arc->masking = edge->masking;
}

/* take_edge is a PgcEdgeFunction: what it leads to is for the next step. */
static void
take_edge(const PgcFoundEdge *edge, void *arg)
{
	Step	   *step = arg;
	PgcWalk    *walk = step->walk;
	int			parent = step->asked[edge->from];
	const PgcVisit from = walk->visits[parent];
	PgcVisit   *next;
	int			vertex;

	if (is_hidden(walk, &walk->vertices[from.vertex].end, &edge->to))
	{
		walk->hidden++;
		return;
	}
	vertex = vertex_of(walk, edge);
	if (vertex < 0)
		return;
	add_arc(walk, from.vertex, vertex, edge);
	next = palloc0(sizeof(PgcVisit));
	next->vertex = vertex;
	next->parent = parent;
	next->depth = from.depth + 1;
	next->masking = from.masking || edge->masking;
	next->subtype = PGC_IS_DIRECT(from.subtype) ? Max(from.subtype, edge->subtype) : from.subtype;
	next->carries = !PGC_IS_DIRECT(next->subtype) ? PGC_CARRIES_INFLUENCE :
		next->masking ? PGC_CARRIES_MASKED : PGC_CARRIES_VALUES;
	step->next[next->carries] = lappend(step->next[next->carries], next);
}

/*
 * add_all_rows: upstream, whoever comes to a column comes to what acts on all rows
 * of its relation, too.  The visits from first on are looked at.
 */
static void
add_all_rows(PgcWalk *walk, int first)
{
	int			last = walk->nvisits;

	for (int i = first; i < last; i++)
	{
		const PgcVisit column = walk->visits[i];
		const PgcEnd end = walk->vertices[column.vertex].end;
		const PgcEnd rows = relation_end(end.objid, 0);
		PgcVisit	all = column;

		if (end.classid != RelationRelationId)
			continue;
		all.vertex = add_vertex(walk, &rows);
		all.parent = i;
		all.helper = true;
		all.carries = PGC_CARRIES_INFLUENCE;
		visit(walk, &all);
	}
}

/* next_step asks for what the visits from first on lead to, and visits it; best paths first. */
static void
next_step(PgcWalk *walk, int first)
{
	Step		step = {.walk = walk};
	int			count = walk->nvisits - first;
	PgcEnd	   *ends = palloc(count * sizeof(PgcEnd));
	int		   *asked = palloc(count * sizeof(int));
	ListCell   *cell;

	for (int i = 0; i < count; i++)
	{
		asked[i] = first + i;
		ends[i] = walk->vertices[walk->visits[first + i].vertex].end;
	}
	step.asked = asked;
	pgc_edges_next(ends, count, walk->downstream, take_edge, &step);
	for (int carries = 0; carries < lengthof(step.next); carries++)
	{
		foreach(cell, step.next[carries])
			visit(walk, lfirst(cell));
		list_free_deep(step.next[carries]);
	}
	pfree(ends);
	pfree(asked);
}

/* pgc_walk_run goes from the starts as many steps as are asked for. */
void
pgc_walk_run(PgcWalk *walk, int depth)
{
	int			first = 0;

	walk->nstarts = walk->nvisits;
	while (depth-- > 0 && first < walk->nvisits)
	{
		int			next;

		CHECK_FOR_INTERRUPTS();
		if (!walk->downstream)
			add_all_rows(walk, first);
		next = walk->nvisits;
		next_step(walk, first);
		first = next;
	}
}

/* pgc_walk_turn forgets where a walk has been, but not its vertices and arcs: it can go upstream now. */
void
pgc_walk_turn(PgcWalk *walk)
{
	walk->downstream = false;
	walk->nstarts = walk->nvisits = 0;
	for (int i = 0; i < walk->nvertices; i++)
		walk->vertices[i].best = -1;
}

/* For qsort_arg; pgc_walk_order's. */
static int
compare_visits(const void *a, const void *b, void *arg)
{
	const PgcWalk *walk = arg;
	const PgcVisit *left = &walk->visits[*(const int *) a];
	const PgcVisit *right = &walk->visits[*(const int *) b];
	const PgcVertex *one = &walk->vertices[left->vertex];
	const PgcVertex *other = &walk->vertices[right->vertex];
	int			order = (left->depth > right->depth) - (left->depth < right->depth);

	if (order == 0)
		order = strcmp(one->schema ? one->schema : "", other->schema ? other->schema : "");
	if (order == 0)
		order = strcmp(one->table, other->table);
	if (order == 0)
		order = (one->end.column > other->end.column) - (one->end.column < other->end.column);
	return order != 0 ? order : strcmp(one->column ? one->column : "", other->column ? other->column : "");
}

/*
 * pgc_walk_order returns indexes of the visits that are to be shown (palloc'd), the
 * nearest first: of each column that was reached, but not the starts, the one on the best path.  Those
 * of what is gone are others, for who asks for them.
 */
int *
pgc_walk_order(const PgcWalk *walk, bool gone, int *count)
{
	int		   *order = palloc(Max(walk->nvisits, 1) * sizeof(int));

	*count = 0;
	for (int i = 0; i < walk->nvisits; i++)
	{
		const PgcVisit *visit = &walk->visits[i];

		if (visit->depth > 0 && !visit->helper && walk->vertices[visit->vertex].best == i &&
			walk->vertices[visit->vertex].gone == gone)
			order[(*count)++] = i;
	}
	qsort_arg(order, *count, sizeof(int), compare_visits, unconstify(PgcWalk *, walk));
	return order;
}

/* pgc_vertex_name returns schema.table.column, quoted where necessary; of all rows schema.table.  It belongs to the vertex. */
char *
pgc_vertex_name(PgcVertex *vertex)
{
	StringInfoData name;

	if (vertex->name != NULL)
		return vertex->name;
	initStringInfo(&name);
	if (vertex->schema != NULL)
		appendStringInfo(&name, "%s.", quote_identifier(vertex->schema));
	appendStringInfoString(&name, vertex->gone || vertex->end.classid == RelationRelationId ? quote_identifier(vertex->table) : vertex->table);
	if (vertex->column != NULL)
		appendStringInfo(&name, ".%s", quote_identifier(vertex->column));
	return vertex->name = name.data;
}

/* pgc_walk_path returns the names of the columns between the start and a visit, both included, from source to target (List of char *). */
List *
pgc_walk_path(const PgcWalk *walk, const PgcVisit *visit)
{
	List	   *path = NIL;

	for (;;)
	{
		char	   *name = pgc_vertex_name(&walk->vertices[visit->vertex]);

		if (!visit->helper)
			path = walk->downstream ? lcons(name, path) : lappend(path, name);
		if (visit->parent < 0)
			return path;
		visit = &walk->visits[visit->parent];
	}
}
