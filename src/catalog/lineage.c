/*
 * src/catalog/lineage.c
 *		Statements that ran, and their edges, as tables.
 *
 * A statement is a row however often it ran; what makes it the same is digested over nodes, which
 * outlive renames, and tables that are made anew each night.  A few SQL statements store it, however many
 * edges it has.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/contract.h"
#include "catalog/lineage_node.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/uuid.h"

/* Columns of edges as arrays. */
enum
{
	SOURCE,
	TARGET,
	SUBTYPE,
	IMMEDIATE,
	BASE,
	MASKING,
	NULLABLE,
	EXPRESSION,
	SOURCE_GONE,
	TARGET_GONE,
	NARRAYS
};

/* Edges that are deleted at a time. */
#define PRUNE_BATCH 1000

/* A sum that stays within bigint. */
#define SUM(a, b) "CASE WHEN " a " > 9223372036854775807 - " b " THEN 9223372036854775807 ELSE " a " + " b " END"

/* A statement being stored. */
typedef struct Store
{
	const PgcLineage *lineage;
	PgcPoint   *points;			/* distinct */
	int			npoints;
	int		  **point_of;		/* of each node: of each column (0: all rows),
								 * index into points */
} Store;

/* A column of a node, on its way to the points. */
typedef struct Use
{
	PgcPoint	point;
	int		   *index;
} Use;

/* An edge between nodes as rows, for the digest. */
typedef struct Link
{
	int64		source;
	int64		target;
	int64		subtype;
	uint64		shape;
} Link;

/* is_stored: can an edge be in our tables? */
static bool
is_stored(const PgcLineage *lineage, const PgcEdge *edge)
{
	const PgcLineageNode *source = &lineage->nodes[edge->source];
	const PgcLineageNode *target = &lineage->nodes[edge->target];

	return source->place != PGC_OUTPUT && target->place != PGC_OUTPUT && !source->temporary && !target->temporary;
}

/*
 * name_node fills what a node is now: the relation if it is still there, else the one that has its name now.
 * Returns whether the columns have the numbers that they had.
 */
static bool
name_node(const PgcLineageNode *node, PgcPoint *point)
{
	char	   *schema_now = NULL;
	char	   *name_now = NULL;
	Oid			schema;

	point->place = node->place;
	point->schema = node->schema;
	point->table = node->name;
	point->relid = InvalidOid;
	if (node->place == PGC_RELATION)
		pgc_node_relation_name(node->oid, &schema_now, &name_now);
	if (name_now != NULL)
	{
		point->relid = node->oid;
		point->schema = schema_now;
		point->table = name_now;
		return true;
	}
	schema = node->place == PGC_RELATION ? get_namespace_oid(node->schema, true) : InvalidOid;
	if (OidIsValid(schema))
		point->relid = get_relname_relid(node->name, schema);
	return false;
}

/* name_column fills which column of its relation a point is now. */
static void
name_column(const PgcLineageNode *node, AttrNumber column, bool same_numbers, PgcPoint *point)
{
	char	   *name = NULL;

	point->attnum = column;
	point->column = NULL;
	if (column == 0)
		return;
	if (column > node->ncolumns || node->columns[column - 1] == NULL)
		elog(ERROR, "column %d of \"%s\" has no name", column, node->name);
	point->column = node->columns[column - 1];
	if (!OidIsValid(point->relid))
		return;
	if (same_numbers)
		name = get_attname(point->relid, column, true);
	else
		point->attnum = get_attnum(point->relid, point->column);
	if (name != NULL)
		point->column = name;
	else if (same_numbers || point->attnum <= 0)
		point->relid = InvalidOid;
}

/* order_uses sorts points by name. */
static int
order_uses(const void *left, const void *right)
{
	const PgcPoint *a = &((const Use *) left)->point;
	const PgcPoint *b = &((const Use *) right)->point;
	int			result = (int) a->place - (int) b->place;

	if (result == 0)
		result = strcmp(a->schema ? a->schema : "", b->schema ? b->schema : "");
	if (result == 0)
		result = strcmp(a->table, b->table);
	return result != 0 ? result : strcmp(a->column ? a->column : "", b->column ? b->column : "");
}

/* mark notes that an edge has a column. */
static void
mark(Store *store, int node, AttrNumber column)
{
	if (store->point_of[node] == NULL)
		store->point_of[node] = palloc0((store->lineage->nodes[node].ncolumns + 1) * sizeof(int));
	if (column < 0 || column > store->lineage->nodes[node].ncolumns)
		elog(ERROR, "\"%s\" has no column %d", store->lineage->nodes[node].name, column);
	store->npoints += store->point_of[node][column] == 0;
	store->point_of[node][column] = 1;
}

/* find_points fills the points of a statement, with their nodes. */
static void
find_points(Store *store)
{
	const PgcLineage *lineage = store->lineage;
	Use		   *uses = palloc(store->npoints * sizeof(Use));
	int			nuses = 0;

	for (int i = 0; i < lineage->nnodes; i++)
	{
		const PgcLineageNode *node = &lineage->nodes[i];
		PgcPoint	point = {0};
		bool		same_numbers;

		if (store->point_of[i] == NULL)
			continue;
		same_numbers = name_node(node, &point);
		for (int column = 0; column <= node->ncolumns; column++)
		{
			if (store->point_of[i][column] == 0)
				continue;
			uses[nuses] = (Use)
			{
				point, &store->point_of[i][column]
			};
			name_column(node, column, same_numbers, &uses[nuses++].point);
		}
	}
	qsort(uses, nuses, sizeof(Use), order_uses);
	store->points = palloc(nuses * sizeof(PgcPoint));
	store->npoints = 0;
	for (int i = 0; i < nuses; i++)
	{
		if (i == 0 || order_uses(&uses[i - 1], &uses[i]) != 0)
			store->points[store->npoints++] = uses[i].point;
		*uses[i].index = store->npoints - 1;
	}
	pgc_node_find(store->points, store->npoints);
}

/* point_at returns the point of a node's column. */
static const PgcPoint *
point_at(const Store *store, int node, AttrNumber column)
{
	return &store->points[store->point_of[node][column]];
}

/* order_links sorts links. */
static int
order_links(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(Link));
}

/* digest_of returns what tells a statement from all others, as long as there are these nodes. */
static Datum
digest_of(const Store *store, const char *routine, const char *role)
{
	const PgcLineage *lineage = store->lineage;
	Link	   *links = palloc0(lineage->nedges * sizeof(Link));
	int			nlinks = 0;
	PgcDigest	digest = {0};
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));

	for (int i = 0; i < lineage->nedges; i++)
	{
		const PgcEdge *edge = &lineage->edges[i];

		if (!is_stored(lineage, edge))
			continue;
		links[nlinks++] = (Link)
		{
			point_at(store, edge->source, edge->source_column)->node_id,
				point_at(store, edge->target, edge->target_column)->node_id, edge->subtype, edge->shape
		};
	}
	qsort(links, nlinks, sizeof(Link), order_links);
	pgc_digest_add(&digest, links, nlinks * sizeof(Link));
	pgc_digest_add_text(&digest, lineage->operation);
	pgc_digest_add_text(&digest, routine);
	pgc_digest_add_text(&digest, role);
	StaticAssertStmt(sizeof(digest) == UUID_LEN, "a digest is a uuid");
	memcpy(uuid->data, &digest, UUID_LEN);
	return UUIDPGetDatum(uuid);
}

/* set_or_null sets a parameter that may be null. */
static void
set_or_null(Datum *value, char *null, const char *word)
{
	*null = word ? ' ' : 'n';
	*value = word ? CStringGetTextDatum(word) : (Datum) 0;
}

/* store_statement adds a statement, or what is new of one that is there; returns its id. */
static int64
store_statement(const Store *store, const PgcStatement *statement)
{
	const Oid	types[] = {UUIDOID, TEXTOID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
	TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID};
	char	   *routine = OidIsValid(statement->routine) ? format_procedure_extended(statement->routine,
																					 FORMAT_PROC_INVALID_AS_NULL | FORMAT_PROC_FORCE_QUALIFY) : NULL;
	char	   *role = GetUserNameFromId(statement->role, true);
	Datum		values[lengthof(types)];
	char		nulls[] = "            ";
	int64		id = 0;

	values[0] = digest_of(store, routine, role);
	values[1] = CStringGetTextDatum(store->lineage->operation);
	values[2] = Int64GetDatum((int64) statement->query_id);
	nulls[2] = statement->query_id == 0 ? 'n' : ' ';
	set_or_null(&values[3], &nulls[3], statement->text);
	set_or_null(&values[4], &nulls[4], routine);
	set_or_null(&values[5], &nulls[5], role);
	set_or_null(&values[6], &nulls[6], statement->application);
	set_or_null(&values[7], &nulls[7], store->lineage->unresolved);
	values[8] = TimestampTzGetDatum(statement->first);
	values[9] = TimestampTzGetDatum(statement->last);
	values[10] = Int64GetDatum(statement->executions);
	values[11] = Int64GetDatum(statement->rows);
	pgc_catalog_query("INSERT INTO contract.lineage_statement AS s (digest, operation, query_id, statement, routine, role,"
					  " application, unresolved, first_seen, last_seen, executions, rows)"
					  " VALUES ($1, $2, $3, $4, $5, $6::name, $7, $8, $9, $10, $11, $12)"
					  " ON CONFLICT (digest) DO UPDATE SET query_id = COALESCE(EXCLUDED.query_id, s.query_id),"
					  " statement = COALESCE(EXCLUDED.statement, s.statement), unresolved = EXCLUDED.unresolved,"
					  " application = CASE WHEN EXCLUDED.last_seen >= s.last_seen THEN EXCLUDED.application ELSE s.application END,"
					  " first_seen = LEAST(s.first_seen, EXCLUDED.first_seen), last_seen = GREATEST(s.last_seen, EXCLUDED.last_seen),"
					  " executions = " SUM("s.executions", "EXCLUDED.executions") ", rows = " SUM("s.rows", "EXCLUDED.rows")
					  " RETURNING statement_id",
					  lengthof(types), types, values, nulls, pgc_take_int64, &id);
	return id;
}

/* set_edge fills an edge's elements of the arrays. */
static void
set_edge(const Store *store, const PgcEdge *edge, Datum **arrays, int i)
{
	const PgcPoint *source = point_at(store, edge->source, edge->source_column);
	const PgcPoint *target = point_at(store, edge->target, edge->target_column);

	arrays[SOURCE][i] = Int64GetDatum(source->node_id);
	arrays[TARGET][i] = Int64GetDatum(target->node_id);
	arrays[SUBTYPE][i] = CStringGetTextDatum(pgc_subtype_name(edge->subtype));
	arrays[IMMEDIATE][i] = BoolGetDatum((edge->hops & PGC_IMMEDIATE) != 0);
	arrays[BASE][i] = BoolGetDatum((edge->hops & PGC_BASE) != 0);
	arrays[MASKING][i] = BoolGetDatum(edge->masking);
	arrays[NULLABLE][i] = BoolGetDatum(edge->nullable);
	arrays[EXPRESSION][i] = Int64GetDatum((int64) edge->expression);
	arrays[SOURCE_GONE][i] = BoolGetDatum(source->gone);
	arrays[TARGET_GONE][i] = BoolGetDatum(target->gone);
}

void		(*pgc_lineage_added) (const PgcLineage *lineage) = NULL;

/* store_edges adds a statement's edges, or what has changed of them.  One that is seen again is not historic. */
static void
store_edges(const Store *store, int64 statement_id, int nedges)
{
	static const Oid elements[NARRAYS] = {INT8OID, INT8OID, TEXTOID, BOOLOID, BOOLOID, BOOLOID, BOOLOID, INT8OID,
	BOOLOID, BOOLOID};
	const Oid	types[] = {INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID, BOOLARRAYOID, BOOLARRAYOID, BOOLARRAYOID,
	BOOLARRAYOID, INT8ARRAYOID, BOOLARRAYOID, BOOLARRAYOID, INT8OID};
	Datum	   *arrays[NARRAYS];
	Datum		values[NARRAYS + 1];
	int			n = 0;

	for (int i = 0; i < NARRAYS; i++)
		arrays[i] = palloc(nedges * sizeof(Datum));
	for (int i = 0; i < store->lineage->nedges; i++)
	{
		if (is_stored(store->lineage, &store->lineage->edges[i]))
			set_edge(store, &store->lineage->edges[i], arrays, n++);
	}
	for (int i = 0; i < NARRAYS; i++)
		values[i] = pgc_array(elements[i], arrays[i], NULL, n);
	values[NARRAYS] = Int64GetDatum(statement_id);
	if (pgc_catalog_execute("INSERT INTO contract.lineage_edge AS e (statement_id, source_id, target_id, subtype, immediate, base,"
							" masking, nullable, expression, historic_since, source_gone, target_gone)"
							" SELECT $11, source_id, target_id, subtype, bool_or(immediate), bool_or(base), bool_and(masking),"
							" bool_or(nullable), min(expression), CASE WHEN bool_and(source_gone OR target_gone) THEN statement_timestamp() END,"
							" bool_and(source_gone), bool_and(target_gone)"
							" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
							" AS u (source_id, target_id, subtype, immediate, base, masking, nullable, expression,"
							" source_gone, target_gone)"
							" GROUP BY source_id, target_id, subtype"
							" ON CONFLICT (statement_id, source_id, target_id, subtype) DO UPDATE SET immediate = EXCLUDED.immediate,"
							" base = EXCLUDED.base, masking = EXCLUDED.masking, nullable = EXCLUDED.nullable,"
							" expression = EXCLUDED.expression, historic_since = CASE WHEN EXCLUDED.historic_since IS NOT NULL"
							" THEN COALESCE(e.historic_since, EXCLUDED.historic_since) END,"
							" source_gone = EXCLUDED.source_gone, target_gone = EXCLUDED.target_gone"
							" WHERE (e.immediate, e.base, e.masking, e.nullable, e.expression, e.source_gone, e.target_gone) IS DISTINCT FROM"
							" (EXCLUDED.immediate, EXCLUDED.base, EXCLUDED.masking, EXCLUDED.nullable, EXCLUDED.expression,"
							" EXCLUDED.source_gone, EXCLUDED.target_gone)",
							lengthof(types), types, values, NULL) > 0)
		pgc_lineage_added(store->lineage);
}

/*
 * pgc_lineage_store adds a statement that ran, with its edges and their nodes, or counts its executions if it is
 * there.  Returns its id; 0: it has no edge that could be stored.  Waits for the lock of lineage for a second, then
 * raises an error.
 */
int64
pgc_lineage_store(const PgcStatement *statement)
{
	const PgcLineage *lineage = statement->lineage;
	Store		store = {lineage};
	bool		kept = pgc_catalog_keeps_plans;
	int64		id;
	int			nedges = 0;

	store.point_of = palloc0(lineage->nnodes * sizeof(int *));
	for (int i = 0; i < lineage->nedges; i++)
	{
		const PgcEdge *edge = &lineage->edges[i];

		if (!is_stored(lineage, edge))
			continue;
		nedges++;
		mark(&store, edge->source, edge->source_column);
		mark(&store, edge->target, edge->target_column);
	}
	if (nedges == 0)
		return 0;
	pgc_lineage_lock();
	pgc_catalog_keeps_plans = true;
	pgc_lineage_catch_up();
	find_points(&store);
	id = store_statement(&store, statement);
	store_edges(&store, id, nedges);
	pgc_catalog_keeps_plans = kept;
	return id;
}

/*
 * pgc_lineage_count counts executions of a statement that is there; only these, its application and times
 * are looked at.  Returns false if it is not there any more.  The lock of lineage is held.
 */
bool
pgc_lineage_count(int64 statement_id, const PgcStatement *statement)
{
	const Oid	types[] = {INT8OID, TEXTOID, TIMESTAMPTZOID, INT8OID, INT8OID};
	Datum		values[lengthof(types)];
	char		nulls[] = "     ";

	values[0] = Int64GetDatum(statement_id);
	set_or_null(&values[1], &nulls[1], statement->application);
	values[2] = TimestampTzGetDatum(statement->last);
	values[3] = Int64GetDatum(statement->executions);
	values[4] = Int64GetDatum(statement->rows);
	return pgc_catalog_execute("UPDATE contract.lineage_statement SET"
							   " application = CASE WHEN $3 >= last_seen THEN $2 ELSE application END,"
							   " last_seen = GREATEST(last_seen, $3), executions = " SUM("executions", "$4")
							   ", rows = " SUM("rows", "$5") " WHERE statement_id = $1",
							   lengthof(types), types, values, nulls) > 0;
}

/* What a batch of edges that are gone leaves behind. */
typedef struct Pruned
{
	int64		edges;
	Datum		statements;		/* bigint[] */
	Datum		nodes;			/* likewise */
} Pruned;

/* take_pruned is a PgcRowFunction for a count and two arrays. */
static void
take_pruned(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Pruned	   *pruned = arg;
	bool		isnull;

	pruned->edges = DatumGetInt64(heap_getattr(tuple, 1, descriptor, &isnull));
	if (pruned->edges == 0)
		return;
	pruned->statements = PointerGetDatum(DatumGetArrayTypePCopy(heap_getattr(tuple, 2, descriptor, &isnull)));
	pruned->nodes = PointerGetDatum(DatumGetArrayTypePCopy(heap_getattr(tuple, 3, descriptor, &isnull)));
}

/*
 * pgc_lineage_prune deletes a batch of edges that have been historic since before oldest, and what only they were
 * there for; returns whether there may be more.  The lock of lineage is held.
 */
bool
pgc_lineage_prune(TimestampTz oldest)
{
	const Oid	times[] = {TIMESTAMPTZOID, INT8OID};
	const Oid	arrays[] = {INT8ARRAYOID};
	Datum		values[2];
	Pruned		pruned = {0};

	values[0] = TimestampTzGetDatum(oldest);
	values[1] = Int64GetDatum(PRUNE_BATCH);
	pgc_catalog_query("WITH gone AS (DELETE FROM contract.lineage_edge WHERE ctid = ANY (ARRAY("
					  "SELECT ctid FROM contract.lineage_edge WHERE historic_since < $1 LIMIT $2))"
					  " RETURNING statement_id, source_id, target_id)"
					  " SELECT (SELECT count(*) FROM gone), ARRAY(SELECT DISTINCT statement_id FROM gone),"
					  " ARRAY(SELECT source_id FROM gone UNION SELECT target_id FROM gone)",
					  2, times, values, NULL, take_pruned, &pruned);
	if (pruned.edges == 0)
		return false;
	pgc_lineage_changed();
	pgc_catalog_execute("DELETE FROM contract.lineage_statement s WHERE statement_id = ANY ($1)"
						" AND NOT EXISTS (SELECT FROM contract.lineage_edge e WHERE e.statement_id = s.statement_id)",
						1, arrays, &pruned.statements, NULL);
	pgc_catalog_execute("DELETE FROM contract.lineage_node n WHERE node_id = ANY ($1)"
						" AND NOT EXISTS (SELECT FROM contract.lineage_edge e WHERE e.source_id = n.node_id)"
						" AND NOT EXISTS (SELECT FROM contract.lineage_edge e WHERE e.target_id = n.node_id)"
						" AND NOT EXISTS (SELECT FROM contract.lineage_binding b WHERE b.node_id = n.node_id)",
						1, arrays, &pruned.nodes, NULL);
	return pruned.edges == PRUNE_BATCH;
}
