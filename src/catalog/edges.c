/*
 * src/catalog/edges.c
 *		Reading lineage, of definitions and of statements together, from one
 *		column to the next.
 *
 * Only immediate edges: a view stays between its tables and
 * who reads it.  A relation that is gone is a node with edges that say so, apart
 * from who has its name now.  What a statement read through variables of a routine is known as
 * base edges only; those are followed too, unless a view that the statement names
 * accounts for them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/contract.h"
#include "catalog/lineage.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"

/* $1 relations, $2 columns, $3 nodes that are no relations or are gone (else 0): the ends asked for. */
#define ASKED "WITH k AS (SELECT * FROM unnest($1, $2, $3) WITH ORDINALITY AS k (relid, attnum, node_id, number))\n"

/* The nodes among the ends asked for: is what they were gone? */
#define OWN_NODES \
	"SELECT k.number, n.node_id, 0::smallint AS attnum, n.place = 'relation' AS gone, n.column_name\n" \
	"	FROM k JOIN contract.lineage_node n USING (node_id)\n"

/* What is o to the node n: is it of the same relation? */
#define SAME_RELATION "o.table_name = n.table_name AND o.schema_name = n.schema_name AND o.place = 'relation' AND n.place = 'relation'"

/* The nodes of the ends asked for, as sources: all rows of a relation are all of its columns. */
#define SOURCE_NODES \
	"(" OWN_NODES \
	"	UNION ALL\n" \
	"	SELECT k.number, o.node_id, 0, true, o.column_name FROM k JOIN contract.lineage_node n USING (node_id)\n" \
	"	JOIN contract.lineage_node o ON " SAME_RELATION " WHERE n.column_name IS NULL AND o.column_name IS NOT NULL\n" \
	"	UNION ALL\n" \
	"	SELECT k.number, b.node_id, b.attnum, false, NULL FROM k\n" \
	"	JOIN contract.lineage_binding b ON b.relid = k.relid AND b.attnum = k.attnum WHERE k.attnum <> 0\n" \
	"	UNION ALL\n" \
	"	SELECT k.number, b.node_id, b.attnum, false, NULL FROM k JOIN contract.lineage_binding b ON b.relid = k.relid\n" \
	"	WHERE k.attnum = 0 AND b.attnum <> 0) s\n"

/* The nodes of the ends asked for, as targets; all rows of a relation that is gone once, not for each of its columns. */
#define TARGET_NODES \
	"(" OWN_NODES \
	"	UNION ALL\n" \
	"	SELECT min(k.number), o.node_id, 0, true, NULL FROM k JOIN contract.lineage_node n USING (node_id)\n" \
	"	JOIN contract.lineage_node o ON " SAME_RELATION " WHERE n.column_name IS NOT NULL AND o.column_name IS NULL GROUP BY o.node_id\n" \
	"	UNION ALL\n" \
	"	SELECT k.number, b.node_id, b.attnum, false, NULL FROM k\n" \
	"	JOIN contract.lineage_binding b ON b.relid = k.relid AND b.attnum = k.attnum) t\n"

/* The definitions that begin at the ends asked for. */
#define SOURCE_DEFINITIONS \
	"(SELECT k.number, d.* FROM k JOIN contract.lineage_definition d ON d.source_relid = k.relid AND d.source_column = k.attnum\n" \
	"	WHERE k.attnum <> 0 AND d.immediate\n" \
	"	UNION ALL\n" \
	"	SELECT k.number, d.* FROM k JOIN contract.lineage_definition d ON d.source_relid = k.relid\n" \
	"	WHERE k.attnum = 0 AND d.immediate) d\n"

/* Is the edge e not one that a view accounts for? */
#define LEADS_ON \
	"(e.immediate OR NOT EXISTS (\n" \
	"	SELECT FROM contract.lineage_binding sb\n" \
	"	JOIN contract.lineage_definition d ON d.source_relid = sb.relid AND d.source_column = sb.attnum AND d.base\n" \
	"	JOIN contract.lineage_binding vb ON vb.relid = d.target_objid AND (vb.attnum = d.target_column OR d.target_column = 0)\n" \
	"	JOIN contract.lineage_edge i ON i.statement_id = e.statement_id AND i.source_id = vb.node_id AND i.immediate\n" \
	"	WHERE sb.node_id = e.source_id AND d.target_classid = 'pg_class'::regclass\n" \
	"		AND (i.target_id = e.target_id OR e.subtype NOT IN ('identity', 'transformation', 'aggregation'))))\n"

/* Did the target n of the edge e, if it is gone, feed another relation?  All rows are all columns. */
#define LED_ON \
	"(NOT e.target_gone OR EXISTS (SELECT FROM contract.lineage_node o\n" \
	"	JOIN contract.lineage_edge l ON l.source_id = o.node_id AND l.source_gone\n" \
	"	JOIN contract.lineage_node m ON m.node_id = l.target_id\n" \
	"	WHERE " SAME_RELATION " AND (n.column_name IS NULL OR o.column_name = n.column_name)\n" \
	"		AND (m.table_name, m.schema_name) IS DISTINCT FROM (n.table_name, n.schema_name)))\n"

/* Was the source n of the edge e, if it is gone, fed by another relation? */
#define WAS_FED \
	"(NOT e.source_gone OR EXISTS (SELECT FROM contract.lineage_node o\n" \
	"	JOIN contract.lineage_edge l ON l.target_id = o.node_id AND l.target_gone\n" \
	"	JOIN contract.lineage_node m ON m.node_id = l.source_id\n" \
	"	WHERE " SAME_RELATION " AND (o.column_name IS NULL OR o.column_name = n.column_name)\n" \
	"		AND (m.table_name, m.schema_name) IS DISTINCT FROM (n.table_name, n.schema_name)))\n"

/* What is returned of an edge whose other end is the node n, bound as b or not at all. */
#define OTHER_NODE(is_gone) \
	"CASE WHEN b.relid IS NULL THEN 0 ELSE 'pg_class'::regclass END::oid, COALESCE(b.relid, 0),\n" \
	"	CASE WHEN b.relid IS NULL THEN n.node_id ELSE 0 END, COALESCE(b.attnum, 0),\n" \
	"	CASE WHEN b.relid IS NULL THEN n.schema_name END, CASE WHEN b.relid IS NULL THEN n.table_name END,\n" \
	"	CASE WHEN b.relid IS NULL THEN n.column_name END, e.subtype, e.masking, " is_gone

/* What is returned of the end asked for, the node s. */
#define OWN_NODE(s) s ".attnum, CASE WHEN " s ".gone THEN " s ".node_id ELSE 0 END, " s ".column_name\n"

static const char downstream_sql[] =
ASKED
"SELECT d.number, d.target_classid, d.target_objid, 0::bigint, d.target_column, NULL, NULL, NULL, d.subtype, d.masking, false,\n"
"	d.source_column, 0::bigint, NULL\n"
"FROM " SOURCE_DEFINITIONS
"UNION ALL\n"
"SELECT DISTINCT s.number, " OTHER_NODE("e.target_gone") ", " OWN_NODE("s")
"FROM " SOURCE_NODES
"JOIN contract.lineage_edge e ON e.source_id = s.node_id AND e.source_gone = s.gone\n"
"JOIN contract.lineage_node n ON n.node_id = e.target_id\n"
"LEFT JOIN contract.lineage_binding b ON b.node_id = e.target_id AND NOT e.target_gone\n"
"WHERE (b.relid IS NOT NULL OR n.place <> 'relation' OR e.target_gone) AND " LED_ON "AND " LEADS_ON;

static const char upstream_sql[] =
ASKED
"SELECT k.number, 'pg_class'::regclass::oid, d.source_relid, 0::bigint, d.source_column, NULL, NULL, NULL, d.subtype, d.masking, false,\n"
"	k.attnum, 0::bigint, NULL\n"
"FROM k JOIN contract.lineage_definition d ON d.target_objid = k.relid AND d.target_column = k.attnum\n"
"WHERE d.target_classid = 'pg_class'::regclass AND d.immediate\n"
"UNION ALL\n"
"SELECT DISTINCT t.number, " OTHER_NODE("e.source_gone") ", " OWN_NODE("t")
"FROM " TARGET_NODES
"JOIN contract.lineage_edge e ON e.target_id = t.node_id AND e.target_gone = t.gone\n"
"JOIN contract.lineage_node n ON n.node_id = e.source_id\n"
"LEFT JOIN contract.lineage_binding b ON b.node_id = e.source_id AND NOT e.source_gone\n"
"WHERE (b.relid IS NOT NULL OR n.place <> 'relation' OR e.source_gone) AND " WAS_FED "AND " LEADS_ON;

/* $4 who asks, $5 so many ends, the first ones, are also asked for as targets. */
static const char statements_sql[] =
ASKED
"SELECT min(u.number), bool_or(u.reads), bool_or(NOT u.reads), t.statement_id, t.operation, t.statement, t.routine,\n"
"	t.role::text, t.application, t.executions, t.last_seen\n"
"FROM (\n"
"	SELECT s.number, true AS reads, e.* FROM " SOURCE_NODES
"	JOIN contract.lineage_edge e ON e.source_id = s.node_id AND e.source_gone = s.gone\n"
"	JOIN contract.lineage_node n ON n.node_id = e.target_id WHERE " LED_ON "AND " LEADS_ON
"	UNION ALL\n"
"	SELECT k.number, false, e.* FROM k JOIN contract.lineage_binding b ON b.relid = k.relid AND b.attnum = k.attnum\n"
"	JOIN contract.lineage_edge e ON e.target_id = b.node_id WHERE k.number <= $5 AND NOT e.target_gone) u\n"
"JOIN contract.lineage_statement t USING (statement_id)\n"
"LEFT JOIN contract.lineage_binding sb ON sb.node_id = u.source_id\n"
"LEFT JOIN contract.lineage_binding tb ON tb.node_id = u.target_id\n"
"WHERE has_any_column_privilege($4, sb.relid, 'SELECT') OR has_any_column_privilege($4, tb.relid, 'SELECT')\n"
"	OR pg_has_role($4, 'pg_read_all_data'::name, 'usage')\n"
"GROUP BY t.statement_id ORDER BY 1, t.statement_id";

static const char functions_sql[] =
ASKED
"SELECT min(d.number), d.objid FROM " SOURCE_DEFINITIONS
"WHERE d.classid = 'pg_proc'::regclass AND (has_any_column_privilege($4, d.source_relid, 'SELECT')\n"
"	OR d.target_classid = 'pg_class'::regclass AND has_any_column_privilege($4, d.target_objid, 'SELECT'))\n"
"GROUP BY d.objid ORDER BY 1, 2";

/* What is gone is come to from what is not. */
static const char sources_sql[] =
"SELECT 0::bigint, 'pg_class'::regclass::oid, source_relid, 0::bigint, source_column, NULL, NULL, NULL, subtype, masking, false,\n"
"	0::smallint, 0::bigint, NULL\n"
"FROM (SELECT DISTINCT ON (source_relid, source_column) * FROM contract.lineage_definition WHERE immediate) d\n"
"UNION ALL\n"
"SELECT 0, " OTHER_NODE("false") ", 0::smallint, 0::bigint, NULL\n"
"FROM (SELECT DISTINCT ON (source_id) * FROM contract.lineage_edge WHERE NOT source_gone) e\n"
"JOIN contract.lineage_node n ON n.node_id = e.source_id\n"
"LEFT JOIN contract.lineage_binding b ON b.node_id = e.source_id\n"
"WHERE b.relid IS NOT NULL OR n.place <> 'relation'";

/* Where found edges go. */
typedef struct Reader
{
	PgcEdgeFunction function;
	void	   *arg;
} Reader;

/* subtype_of returns the subtype of that name, as stored. */
static PgcSubtype
subtype_of(const char *name)
{
	PgcSubtype	subtype = PGC_IDENTITY;

	while (subtype < PGC_CONDITIONAL && strcmp(pgc_subtype_name(subtype), name) != 0)
		subtype++;
	return subtype;
}

/* take_edge is a PgcRowFunction. */
static void
take_edge(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	const Reader *reader = arg;
	PgcFoundEdge edge;
	bool		isnull;

	edge.from = DatumGetInt64(heap_getattr(tuple, 1, descriptor, &isnull)) - 1;
	edge.to.classid = DatumGetObjectId(heap_getattr(tuple, 2, descriptor, &isnull));
	edge.to.objid = DatumGetObjectId(heap_getattr(tuple, 3, descriptor, &isnull));
	edge.to.node_id = DatumGetInt64(heap_getattr(tuple, 4, descriptor, &isnull));
	edge.to.column = DatumGetInt16(heap_getattr(tuple, 5, descriptor, &isnull));
	edge.schema = pgc_row_text(tuple, descriptor, 6);
	edge.name = pgc_row_text(tuple, descriptor, 7);
	edge.column = pgc_row_text(tuple, descriptor, 8);
	edge.subtype = subtype_of(pgc_row_text(tuple, descriptor, 9));
	edge.masking = DatumGetBool(heap_getattr(tuple, 10, descriptor, &isnull));
	edge.gone = DatumGetBool(heap_getattr(tuple, 11, descriptor, &isnull));
	edge.from_column = DatumGetInt16(heap_getattr(tuple, 12, descriptor, &isnull));
	edge.from_node = DatumGetInt64(heap_getattr(tuple, 13, descriptor, &isnull));
	edge.from_name = pgc_row_text(tuple, descriptor, 14);
	reader->function(&edge, reader->arg);
}

/* read_edges is pgc_catalog_query; planned as if it found much, a step of a walk is not worth compiling. */
static void
read_edges(const char *sql, int nargs, const Oid *types, const Datum *values, PgcRowFunction row, void *arg)
{
	int			nestlevel = NewGUCNestLevel();

	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	pgc_catalog_query(sql, nargs, types, values, NULL, row, arg);
	AtEOXact_GUC(false, nestlevel);
}

/* fill_ends makes the first three parameters of ends. */
static void
fill_ends(Datum *values, const PgcEnd *ends, int nends)
{
	Datum	   *relids = palloc(nends * sizeof(Datum));
	Datum	   *columns = palloc(nends * sizeof(Datum));
	Datum	   *nodes = palloc(nends * sizeof(Datum));

	for (int i = 0; i < nends; i++)
	{
		relids[i] = ObjectIdGetDatum(ends[i].classid == RelationRelationId ? ends[i].objid : InvalidOid);
		columns[i] = Int16GetDatum(ends[i].column);
		nodes[i] = Int64GetDatum(ends[i].node_id);
	}
	values[0] = PointerGetDatum(construct_array(relids, nends, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
	values[1] = PointerGetDatum(construct_array(columns, nends, INT2OID, sizeof(int16), true, TYPALIGN_SHORT));
	values[2] = PointerGetDatum(construct_array(nodes, nends, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/*
 * pgc_edges_next calls function for each edge that leads on from one of the ends,
 * downstream or upstream.  The same one may come for several statements, but
 * not with the same subtype and masking.  All rows of a relation feed whatever a column of it feeds.
 */
void
pgc_edges_next(const PgcEnd *ends, int nends, bool downstream, PgcEdgeFunction function, void *arg)
{
	const Oid	types[] = {OIDARRAYOID, INT2ARRAYOID, INT8ARRAYOID};
	Reader		reader = {.function = function,.arg = arg};
	Datum		values[lengthof(types)];

	fill_ends(values, ends, nends);
	read_edges(downstream ? downstream_sql : upstream_sql, lengthof(types), types, values, take_edge, &reader);
}

/* take_statement is a PgcRowFunction. */
static void
take_statement(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **uses = arg;
	PgcUse	   *use = palloc0(sizeof(PgcUse));
	bool		isnull;

	use->end = DatumGetInt64(heap_getattr(tuple, 1, descriptor, &isnull)) - 1;
	use->reads = DatumGetBool(heap_getattr(tuple, 2, descriptor, &isnull));
	use->writes = DatumGetBool(heap_getattr(tuple, 3, descriptor, &isnull));
	use->id = DatumGetInt64(heap_getattr(tuple, 4, descriptor, &isnull));
	use->operation = pgc_row_text(tuple, descriptor, 5);
	use->statement = pgc_row_text(tuple, descriptor, 6);
	use->routine = pgc_row_text(tuple, descriptor, 7);
	use->role = pgc_row_text(tuple, descriptor, 8);
	use->application = pgc_row_text(tuple, descriptor, 9);
	use->executions = DatumGetInt64(heap_getattr(tuple, 10, descriptor, &isnull));
	use->last_seen = DatumGetTimestampTz(heap_getattr(tuple, 11, descriptor, &isnull));
	*uses = lappend(*uses, use);
}

/* take_function is a PgcRowFunction. */
static void
take_function(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **uses = arg;
	PgcUse	   *use = palloc0(sizeof(PgcUse));
	bool		isnull;

	use->end = DatumGetInt64(heap_getattr(tuple, 1, descriptor, &isnull)) - 1;
	use->reads = true;
	use->id = DatumGetObjectId(heap_getattr(tuple, 2, descriptor, &isnull));
	*uses = lappend(*uses, use);
}

/*
 * pgc_edges_statements returns the statements (List of PgcUse *) that read one of the ends, or write
 * one of the first ntargets of them; those that use the first ends first.  Only
 * what the role may see of lineage.
 */
List *
pgc_edges_statements(const PgcEnd *ends, int nends, int ntargets, Oid role)
{
	const Oid	types[] = {OIDARRAYOID, INT2ARRAYOID, INT8ARRAYOID, OIDOID, INT8OID};
	Datum		values[lengthof(types)];
	List	   *uses = NIL;

	fill_ends(values, ends, nends);
	values[3] = ObjectIdGetDatum(role);
	values[4] = Int64GetDatum(ntargets);
	read_edges(statements_sql, lengthof(types), types, values, take_statement, &uses);
	return uses;
}

/* pgc_edges_functions returns the functions by whose definitions (List of PgcUse *) one of the ends is read, likewise. */
List *
pgc_edges_functions(const PgcEnd *ends, int nends, Oid role)
{
	const Oid	types[] = {OIDARRAYOID, INT2ARRAYOID, INT8ARRAYOID, OIDOID};
	Datum		values[lengthof(types)];
	List	   *uses = NIL;

	fill_ends(values, ends, nends);
	values[3] = ObjectIdGetDatum(role);
	read_edges(functions_sql, lengthof(types), types, values, take_function, &uses);
	return uses;
}

/* pgc_edges_sources calls function for all that an edge begins at, as if an edge led to it. */
void
pgc_edges_sources(PgcEdgeFunction function, void *arg)
{
	Reader		reader = {.function = function,.arg = arg};

	read_edges(sources_sql, 0, NULL, NULL, take_edge, &reader);
}
