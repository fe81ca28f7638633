/*
 * src/lineage/track/temporary.c
 *		Temporary tables are looked through.
 *
 * Where the columns of a temporary table come from is kept in this backend's memory, and lineage that reads
 * the table gets these origins instead of it.  So no temporary table is ever a node of what is recorded.  Origins add
 * up as a table is written, and go with TRUNCATE, with ON COMMIT DELETE ROWS, and when their transaction or subtransaction is
 * rolled back.  A temporary view is looked through by its definition.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "lineage/track/track.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* So many origins are kept of a table; what else feeds it is not known. */
#define MAX_ORIGINS 20000
/* With so many tables those are looked for that are gone. */
#define MANY_TABLES 100

/* Something with columns that feed a temporary table. */
typedef struct Source
{
	struct Source *next;
	PgcLineageNode node;
} Source;

typedef struct Origin
{
	struct Origin *next;
	Source	   *source;
	PgcEdge		edge;			/* source and target are not used */
	SubTransactionId added;		/* 0: before this transaction */
	SubTransactionId removed;	/* 0: it was not */
} Origin;

typedef struct Table
{
	Oid			relid;			/* hash key */
	bool		empties_at_commit;
	int			norigins;
	Origin	   *origins;
	Source	   *sources;
	MemoryContext context;
} Table;

uint64		pgc_temporary_changes = 1;

static HTAB *tables = NULL;
static bool changed = false;	/* in this transaction */

/* note_change notes that what is known of a table changes. */
static void
note_change(void)
{
	changed = true;
	pgc_temporary_changes++;
}

/* pgc_temporary_any: is anything known of temporary tables? */
bool
pgc_temporary_any(void)
{
	return tables != NULL && hash_get_num_entries(tables) > 0;
}

/* forget drops a table. */
static void
forget(Table *table)
{
	MemoryContextDelete(table->context);
	(void) hash_search(tables, &table->relid, HASH_REMOVE, NULL);
}

/* sweep forgets the tables that are gone. */
static void
sweep(void)
{
	HASH_SEQ_STATUS scan;
	Table	   *table;

	hash_seq_init(&scan, tables);
	while ((table = hash_seq_search(&scan)) != NULL)
	{
		if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(table->relid)))
			forget(table);
	}
}

/* table_of returns what is known of a temporary table, which may be nothing yet. */
static Table *
table_of(Oid relid)
{
	static int	next_sweep = MANY_TABLES;
	Table	   *table;
	MemoryContext context;
	bool		found;

	if (tables == NULL)
	{
		const HASHCTL control = {.keysize = sizeof(Oid),.entrysize = sizeof(Table),.hcxt = TopMemoryContext};

		tables = hash_create("pg_contract temporary tables", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	table = hash_search(tables, &relid, HASH_FIND, NULL);
	if (table != NULL)
		return table;
	if (hash_get_num_entries(tables) >= next_sweep)
	{
		sweep();
		next_sweep = (int) hash_get_num_entries(tables) * 2 + MANY_TABLES;
	}
	context = AllocSetContextCreate(TopMemoryContext, "pg_contract temporary table", ALLOCSET_SMALL_SIZES);
	table = hash_search(tables, &relid, HASH_ENTER, &found);
	*table = (Table)
	{
		.relid = relid,.context = context
	};
	return table;
}

/* is_same: do two nodes stand for the same thing? */
static bool
is_same(const PgcLineageNode *one, const PgcLineageNode *other)
{
	if (one->place != other->place || one->oid != other->oid)
		return false;
	return OidIsValid(one->oid) ||
		(strcmp(one->name ? one->name : "", other->name ? other->name : "") == 0 &&
		 strcmp(one->schema ? one->schema : "", other->schema ? other->schema : "") == 0);
}

/* note_column has a node know the name of a column, as another one does. */
static void
note_column(PgcLineageNode *node, const PgcLineageNode *other, AttrNumber column)
{
	if (node->columns == NULL || column > node->ncolumns)
	{
		char	  **columns = palloc0(column * sizeof(char *));

		if (node->columns != NULL)
			memcpy(columns, node->columns, node->ncolumns * sizeof(char *));
		node->columns = columns;
		node->ncolumns = column;
	}
	if (node->columns[column - 1] == NULL)
		node->columns[column - 1] = pstrdup(other->columns[column - 1]);
}

/* copy_node makes a node the same as another one, without columns yet. */
static void
copy_node(PgcLineageNode *node, const PgcLineageNode *other)
{
	*node = *other;
	node->schema = other->schema ? pstrdup(other->schema) : NULL;
	node->name = other->name ? pstrdup(other->name) : NULL;
	node->ncolumns = 0;
	node->columns = NULL;
}

/* source_of returns the table's source that is the same as a node, in the table's context. */
static Source *
source_of(Table *table, const PgcLineageNode *node)
{
	Source	   *source;

	for (source = table->sources; source != NULL; source = source->next)
	{
		if (is_same(&source->node, node))
			return source;
	}
	source = palloc0(sizeof(Source));
	copy_node(&source->node, node);
	source->next = table->sources;
	table->sources = source;
	return source;
}

/* has_origin: is it known already?  By whatever expression, or an UPDATE of a column by itself would add one each time. */
static bool
has_origin(const Table *table, const Source *source, const PgcEdge *edge)
{
	for (const Origin *origin = table->origins; origin != NULL; origin = origin->next)
	{
		if (origin->removed == 0 && origin->source == source &&
			origin->edge.source_column == edge->source_column &&
			origin->edge.target_column == edge->target_column &&
			origin->edge.subtype == edge->subtype && origin->edge.hops == edge->hops &&
			origin->edge.masking == edge->masking && origin->edge.nullable == edge->nullable)
			return true;
	}
	return false;
}

/* add_origin adds what an edge says that ends in the table. */
static void
add_origin(Table *table, const PgcLineageNode *node, const PgcEdge *edge)
{
	MemoryContext caller = MemoryContextSwitchTo(table->context);
	Source	   *source = source_of(table, node);

	if (!has_origin(table, source, edge) && table->norigins < MAX_ORIGINS)
	{
		Origin	   *origin = palloc0(sizeof(Origin));

		note_column(&source->node, node, edge->source_column);
		origin->source = source;
		origin->edge = *edge;
		origin->added = GetCurrentSubTransactionId();
		origin->next = table->origins;
		table->origins = origin;
		table->norigins++;
		note_change();
	}
	MemoryContextSwitchTo(caller);
}

/* pgc_temporary_wrote keeps the origins of temporary tables that a statement, already resolved, has written. */
void
pgc_temporary_wrote(const PgcLineage *lineage)
{
	for (int i = 0; i < lineage->nedges; i++)
	{
		const PgcEdge *edge = &lineage->edges[i];
		const PgcLineageNode *target = &lineage->nodes[edge->target];

		if (target->temporary && OidIsValid(target->oid))
			add_origin(table_of(target->oid), &lineage->nodes[edge->source], edge);
	}
}

/* Lineage that is being made. */
typedef struct Making
{
	PgcLineage *lineage;
	int			room_nodes;
	int			room_edges;
	HTAB	   *edges;			/* EdgeKey -> index */
} Making;

/* Edges that are one: direct ones of whatever subtype. */
typedef struct EdgeKey
{
	int16		source;
	int16		target;
	AttrNumber	source_column;
	AttrNumber	target_column;
	int			subtype;
} EdgeKey;

typedef struct EdgePlace
{
	EdgeKey		key;
	int			index;
} EdgePlace;

/* node_for returns the number of a node like the one given, which knows the column. */
static int16
node_for(Making *making, const PgcLineageNode *like, AttrNumber column)
{
	PgcLineage *lineage = making->lineage;
	int			number = 0;

	while (number < lineage->nnodes && !is_same(&lineage->nodes[number], like))
		number++;
	if (number == lineage->nnodes)
	{
		if (lineage->nnodes == PG_INT16_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many relations feed a statement")));
		if (number >= making->room_nodes)
		{
			making->room_nodes *= 2;
			lineage->nodes = repalloc(lineage->nodes, making->room_nodes * sizeof(PgcLineageNode));
		}
		copy_node(&lineage->nodes[lineage->nnodes++], like);
	}
	if (column > 0)
		note_column(&lineage->nodes[number], like, column);
	return (int16) number;
}

/* put_edge adds an edge, or to one between the same columns. */
static void
put_edge(Making *making, const PgcEdge *edge)
{
	PgcLineage *lineage = making->lineage;
	EdgeKey		key;
	EdgePlace  *place;
	bool		found;

	memset(&key, 0, sizeof(key));
	key.source = edge->source;
	key.target = edge->target;
	key.source_column = edge->source_column;
	key.target_column = edge->target_column;
	key.subtype = PGC_IS_DIRECT(edge->subtype) ? PGC_IDENTITY : edge->subtype;
	place = hash_search(making->edges, &key, HASH_ENTER, &found);
	if (found)
	{
		PgcEdge    *other = &lineage->edges[place->index];

		other->subtype = Max(other->subtype, edge->subtype);
		other->hops |= edge->hops;
		other->masking &= edge->masking;
		other->nullable |= edge->nullable;
		return;
	}
	place->index = lineage->nedges;
	if (lineage->nedges >= making->room_edges)
	{
		making->room_edges *= 2;
		lineage->edges = repalloc_huge(lineage->edges, making->room_edges * sizeof(PgcEdge));
	}
	lineage->edges[lineage->nedges++] = *edge;
}

/* compose puts the edge that two edges make one after the other; the second is one of making's old lineage. */
static void
compose(Making *making, const PgcLineageNode *node, const PgcEdge *first, const PgcEdge *second, int16 target)
{
	PgcEdge		edge = *second;

	if (first->target_column == 0)
	{
		/* what acts on the table's rows acts on the target's */
		edge.target_column = 0;
		edge.subtype = first->subtype;
		edge.masking = first->masking;
		edge.expression = first->expression;
		edge.shape = first->shape;
	}
	else
	{
		if (PGC_IS_DIRECT(second->subtype))
			edge.subtype = Max(first->subtype, second->subtype);
		edge.masking = first->masking || second->masking;
		edge.nullable = first->nullable && second->nullable;
		if (second->subtype == PGC_IDENTITY)
		{
			edge.expression = first->expression;
			edge.shape = first->shape;
		}
		else
		{
			edge.expression = hash_combine64(second->expression, first->expression);
			edge.shape = hash_combine64(second->shape, first->shape);
		}
	}
	edge.source_column = first->source_column;
	edge.hops = first->hops & second->hops;
	if (edge.hops == 0)
		return;
	edge.source = node_for(making, node, edge.source_column);
	edge.target = target;
	put_edge(making, &edge);
}

/* matters: does what feeds a column of the table, or all its rows (0), matter to who reads a column? */
static bool
matters(AttrNumber fed, AttrNumber read)
{
	return fed == read || fed == 0;
}

/* through_table replaces an edge from a temporary table. */
static void
through_table(Making *making, Oid relid, const PgcEdge *edge, int16 target)
{
	const Table *table = tables ? hash_search(tables, &relid, HASH_FIND, NULL) : NULL;

	if (table == NULL)
		return;
	for (const Origin *origin = table->origins; origin != NULL; origin = origin->next)
	{
		if (origin->removed == 0 && matters(origin->edge.target_column, edge->source_column))
			compose(making, &origin->source->node, &origin->edge, edge, target);
	}
}

/* through_view replaces an edge from a temporary view. */
static void
through_view(Making *making, const PgcLineage *view, const PgcEdge *edge, int16 target)
{
	for (int i = 0; view != NULL && i < view->nedges; i++)
	{
		if (matters(view->edges[i].target_column, edge->source_column))
			compose(making, &view->nodes[view->edges[i].source], &view->edges[i], edge, target);
	}
}

/* views_of returns the lineage of the temporary views among the sources, resolved, by the numbers of their nodes. */
static PgcLineage **
views_of(const PgcLineage *lineage)
{
	PgcLineage **views = palloc0(lineage->nnodes * sizeof(PgcLineage *));

	check_stack_depth();
	for (int i = 0; i < lineage->nedges; i++)
	{
		int			source = lineage->edges[i].source;
		const PgcLineageNode *node = &lineage->nodes[source];

		if (views[source] != NULL || !node->temporary || get_rel_relkind(node->oid) != RELKIND_VIEW)
			continue;
		views[source] = pgc_extract_view(node->oid);
		if (views[source] != NULL)
			views[source] = pgc_temporary_resolve(views[source]);
	}
	return views;
}

/* begin_making returns lineage with room, without nodes and edges. */
static void
begin_making(Making *making, const PgcLineage *like)
{
	const HASHCTL control = {.keysize = sizeof(EdgeKey),.entrysize = sizeof(EdgePlace),.hcxt = CurrentMemoryContext};

	making->lineage = palloc(sizeof(PgcLineage));
	*making->lineage = *like;
	making->room_nodes = like->nnodes + 8;
	making->room_edges = like->nedges + 8;
	making->lineage->nnodes = making->lineage->nedges = 0;
	making->lineage->nodes = palloc(making->room_nodes * sizeof(PgcLineageNode));
	making->lineage->edges = palloc(making->room_edges * sizeof(PgcEdge));
	making->edges = hash_create("pg_contract edges", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/*
 * pgc_temporary_resolve returns lineage (palloc'd; strings may be the old one's) whose edges come from no
 * temporary relation.  A temporary relation stays where it is a target.
 */
PgcLineage *
pgc_temporary_resolve(PgcLineage *lineage)
{
	Making		making;
	PgcLineage **views = views_of(lineage);

	begin_making(&making, lineage);
	for (int i = 0; i < lineage->nedges; i++)
	{
		PgcEdge		edge = lineage->edges[i];
		const PgcLineageNode *source = &lineage->nodes[edge.source];
		int16		target = node_for(&making, &lineage->nodes[edge.target], edge.target_column);

		if (views[edge.source] != NULL)
			through_view(&making, views[edge.source], &edge, target);
		else if (source->temporary)
			through_table(&making, source->oid, &edge, target);
		else
		{
			edge.source = node_for(&making, source, edge.source_column);
			edge.target = target;
			put_edge(&making, &edge);
		}
	}
	hash_destroy(making.edges);
	return making.lineage;
}

/* pgc_temporary_left returns lineage without its edges into temporary relations, and without these; NULL: nothing is left. */
PgcLineage *
pgc_temporary_left(const PgcLineage *lineage)
{
	Making		making;

	begin_making(&making, lineage);
	for (int i = 0; i < lineage->nedges; i++)
	{
		PgcEdge		edge = lineage->edges[i];

		if (lineage->nodes[edge.target].temporary)
			continue;
		edge.source = node_for(&making, &lineage->nodes[edge.source], edge.source_column);
		edge.target = node_for(&making, &lineage->nodes[edge.target], edge.target_column);
		put_edge(&making, &edge);
	}
	hash_destroy(making.edges);
	pgc_lineage_sort(making.lineage);
	return making.lineage->nedges > 0 ? making.lineage : NULL;
}

/* pgc_temporary_truncated notes that a temporary table was emptied. */
void
pgc_temporary_truncated(Oid relid)
{
	const Table *table = OidIsValid(relid) && tables ? hash_search(tables, &relid, HASH_FIND, NULL) : NULL;

	if (table == NULL)
		return;
	for (Origin *origin = table->origins; origin != NULL; origin = origin->next)
	{
		if (origin->removed == 0)
			origin->removed = GetCurrentSubTransactionId();
	}
	note_change();
}

/* pgc_temporary_empties_at_commit notes that a temporary table is emptied at each commit. */
void
pgc_temporary_empties_at_commit(Oid relid)
{
	if (OidIsValid(relid))
		table_of(relid)->empties_at_commit = true;
}

/* drop_origins drops the origins of a table that a function says are to go; never fails. */
static void
drop_origins(Table *table, bool (*goes) (Origin *origin, SubTransactionId subid), SubTransactionId subid)
{
	for (Origin **place = &table->origins; *place != NULL;)
	{
		Origin	   *origin = *place;

		if (goes(origin, subid))
		{
			*place = origin->next;
			table->norigins--;
			pfree(origin);
		}
		else
			place = &origin->next;
	}
}

/* goes_at_abort of a subtransaction, and brings back what it removed. */
static bool
goes_at_abort(Origin *origin, SubTransactionId subid)
{
	if (origin->removed == subid)
		origin->removed = 0;
	return origin->added == subid;
}

/* goes_at_rollback of the transaction, likewise. */
static bool
goes_at_rollback(Origin *origin, SubTransactionId subid)
{
	origin->removed = 0;
	return origin->added != 0;
}

/* goes_at_commit, and is there before the next transaction. */
static bool
goes_at_commit(Origin *origin, SubTransactionId subid)
{
	origin->added = 0;
	return origin->removed != 0;
}

/* goes_anyway is for a table that is emptied at commit. */
static bool
goes_anyway(Origin *origin, SubTransactionId subid)
{
	return true;
}

/* hand_over makes a subtransaction's changes its parent's. */
static void
hand_over(const Table *table, SubTransactionId subid, SubTransactionId parent)
{
	for (Origin *origin = table->origins; origin != NULL; origin = origin->next)
	{
		if (origin->added == subid)
			origin->added = parent;
		if (origin->removed == subid)
			origin->removed = parent;
	}
}

/* pgc_temporary_subtransaction ends a subtransaction; never fails. */
void
pgc_temporary_subtransaction(SubXactEvent event, SubTransactionId subid, SubTransactionId parent)
{
	HASH_SEQ_STATUS scan;
	Table	   *table;

	if (!changed)
		return;
	pgc_temporary_changes++;
	hash_seq_init(&scan, tables);
	while ((table = hash_seq_search(&scan)) != NULL)
	{
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			hand_over(table, subid, parent);
		else
			drop_origins(table, goes_at_abort, subid);
	}
}

/* pgc_temporary_end ends a transaction; never fails. */
void
pgc_temporary_end(XactEvent event)
{
	HASH_SEQ_STATUS scan;
	Table	   *table;

	if (!changed)
		return;
	changed = false;
	pgc_temporary_changes++;
	hash_seq_init(&scan, tables);
	while ((table = hash_seq_search(&scan)) != NULL)
	{
		if (event == XACT_EVENT_ABORT)
			drop_origins(table, goes_at_rollback, 0);
		else
			drop_origins(table, table->empties_at_commit ? goes_anyway : goes_at_commit, 0);
		if (table->origins == NULL && !table->empties_at_commit)
			forget(table);
	}
}
