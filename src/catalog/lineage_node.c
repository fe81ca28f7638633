/*
 * src/catalog/lineage_node.c
 *		Nodes of lineage: columns and relations by name, and which they are now.
 *
 * A node belongs to its name, and follows a rename unless another relation has taken the
 * name when the transaction ends.  So who reads a table that is dropped and made again, or
 * swapped for a new one, reads it still.  What has fed it goes with the table, though: the new one was fed
 * by others.  A binding
 * says which column a node is; a node without one is of something that is gone, of a database
 * that was restored a moment ago, or of a file.
 *
 * Whoever changes nodes, bindings or edges holds the lock of lineage until the end of
 * the transaction, and takes it at its end: so nobody waits long, and there is no order of rows to keep.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/contract.h"
#include "catalog/lineage.h"
#include "catalog/lineage_node.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "catalog/tables.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#define LOCK_TABLE "lineage_statement"

/* Between two looks at all nodes. */
#define PERIOD (5 * USECS_PER_MINUTE)

/* Finds nodes p of that name; conditions on schema and column as an index wants them. */
#define NAMED(conditions) \
	"SELECT n.node_id FROM contract.lineage_node n WHERE n.table_name = p.table_name AND n.place = p.place AND " conditions

/*
 * Finds or makes the nodes of points: by their bindings, else by name, where who has the name
 * takes it over from who had it.  A point has its number, its node, whether the node is another's
 * by name, and whether it is bound.
 */
static const char find[] =
"WITH point AS MATERIALIZED ("
"SELECT p.*, b.node_id AS bound, n.node_id AS named, n.relid IS NOT NULL AS named_bound,"
" (o.schema_name, o.table_name, o.column_name) IS DISTINCT FROM (p.schema_name, p.table_name, p.column_name) AS differs"
" FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY AS p (place, relid, attnum, schema_name, table_name, column_name, number)"
" LEFT JOIN contract.lineage_binding b ON b.relid = p.relid AND b.attnum = p.attnum"
" LEFT JOIN contract.lineage_node o ON o.node_id = b.node_id"
" LEFT JOIN LATERAL (SELECT m.node_id, c.relid FROM ("
NAMED("n.schema_name = p.schema_name AND n.column_name = p.column_name")
" UNION ALL "
NAMED("n.schema_name = p.schema_name AND p.column_name IS NULL AND n.column_name IS NULL")
" UNION ALL "
NAMED("p.schema_name IS NULL AND n.schema_name IS NULL AND n.column_name IS NOT DISTINCT FROM p.column_name")
") m LEFT JOIN contract.lineage_binding c USING (node_id)"
" WHERE b.node_id IS NULL ORDER BY c.relid IS NULL, m.node_id LIMIT 1) n ON true),"
" node AS MATERIALIZED (SELECT *, COALESCE(bound, named, nextval('contract.lineage_node_id_seq')) AS node_id FROM point),"
" made AS (INSERT INTO contract.lineage_node (node_id, place, schema_name, table_name, column_name)"
" SELECT node_id, place, schema_name, table_name, column_name FROM node WHERE COALESCE(bound, named) IS NULL),"
" freed AS (DELETE FROM contract.lineage_binding WHERE node_id = ANY (ARRAY(SELECT named FROM node WHERE relid <> 0 AND named_bound))),"
" tied AS (INSERT INTO contract.lineage_binding (relid, attnum, node_id)"
" SELECT relid, attnum, node_id FROM node WHERE relid <> 0 AND bound IS NULL ON CONFLICT DO NOTHING)"
" SELECT number, node_id, bound IS NOT NULL AND differs, bound IS NOT NULL OR COALESCE(named_bound, false) FROM node";

/* Relation and column of a binding b as the catalogs know them: c, s, a. */
#define CATALOGS \
	" LEFT JOIN pg_class c ON c.oid = b.relid LEFT JOIN pg_namespace s ON s.oid = c.relnamespace" \
	" LEFT JOIN pg_attribute a ON a.attrelid = b.relid AND a.attnum = b.attnum AND a.attnum > 0 AND NOT a.attisdropped"

/* Is what is bound there?  It may be gone since a moment ago. */
#define IS_THERE "s.oid IS NOT NULL AND (b.attnum = 0 OR a.attnum IS NOT NULL)"

/* Is a binding b other than its node n says? */
#define DIFFERS \
	"(s.nspname::text, c.relname::text, a.attname::text) IS DISTINCT FROM (n.schema_name, n.table_name, n.column_name)"

/* Is a node n not bound? */
#define IS_FREE "NOT EXISTS (SELECT FROM contract.lineage_binding o WHERE o.node_id = n.node_id)"

/* Binds nodes n without binding, of those the condition is about, to who has their name. */
#define ADOPT(condition) \
	"WITH n AS MATERIALIZED (SELECT n.node_id, n.schema_name::name, n.table_name::name, n.column_name::name" \
	" FROM contract.lineage_node n WHERE " condition " AND n.place = 'relation' AND " IS_FREE ")" \
	" INSERT INTO contract.lineage_binding (relid, attnum, node_id)" \
	" SELECT DISTINCT ON (c.oid, a.attnum) c.oid, COALESCE(a.attnum, 0), n.node_id" \
	" FROM n JOIN pg_namespace s ON s.nspname = n.schema_name" \
	" JOIN pg_class c ON c.relname = n.table_name AND c.relnamespace = s.oid" \
	" LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = n.column_name" \
	" WHERE n.column_name IS NULL OR a.attnum > 0 AND NOT a.attisdropped" \
	" ORDER BY c.oid, a.attnum, n.node_id ON CONFLICT DO NOTHING"

/* Edges that begin or end in one of these nodes turn historic: it is gone. */
#define TURN(nodes) \
	"UPDATE contract.lineage_edge SET historic_since = COALESCE(historic_since, statement_timestamp())," \
	" source_gone = source_gone OR source_id = ANY (ARRAY(" nodes "))," \
	" target_gone = target_gone OR target_id = ANY (ARRAY(" nodes "))" \
	" WHERE source_id = ANY (ARRAY(" nodes ")) AND NOT source_gone OR target_id = ANY (ARRAY(" nodes ")) AND NOT target_gone"

/*
 * What has fed relations $1 whose name another one has now feeds them under the name that they have now; if they are
 * gone, it is historic.  The statements get other numbers, and their old ones are returned: who knows them by these brings them
 * again, and the one that writes into the old name feeds that again.
 */
static const char displace[] =
"WITH old AS MATERIALIZED (SELECT b.relid, n.node_id AS old, " IS_THERE " AS is_there,"
" s.nspname::text AS schema_name, c.relname::text AS table_name, a.attname::text AS column_name"
" FROM contract.lineage_binding b JOIN contract.lineage_node n USING (node_id)" CATALOGS
" WHERE b.relid = ANY ($1) AND EXISTS (SELECT FROM pg_class t JOIN pg_namespace u ON u.oid = t.relnamespace"
" WHERE t.relname = n.table_name::name AND u.nspname = n.schema_name::name AND t.oid <> b.relid)),"
" pair AS MATERIALIZED (SELECT o.*, z.node_id AS known,"
" CASE WHEN o.is_there THEN COALESCE(z.node_id, nextval('contract.lineage_node_id_seq')) ELSE o.old END AS new"
" FROM old o LEFT JOIN LATERAL (SELECT min(z.node_id) AS node_id FROM contract.lineage_node z WHERE o.is_there"
" AND z.table_name = o.table_name AND z.schema_name = o.schema_name AND z.place = 'relation'"
" AND COALESCE(z.column_name, '') = COALESCE(o.column_name, '')) z ON true),"
" statement AS MATERIALIZED (SELECT statement_id, nextval('contract.lineage_statement_id_seq') AS new"
" FROM (SELECT DISTINCT statement_id FROM contract.lineage_edge"
" WHERE target_id = ANY (ARRAY(SELECT old FROM old)) AND NOT target_gone) e),"
" made AS (INSERT INTO contract.lineage_node (node_id, place, schema_name, table_name, column_name)"
" SELECT new, 'relation', schema_name, table_name, column_name FROM pair WHERE is_there AND known IS NULL"
" AND EXISTS (SELECT FROM statement)),"
" numbered AS (UPDATE contract.lineage_statement s SET statement_id = t.new FROM statement t WHERE s.statement_id = t.statement_id),"
" gone AS (DELETE FROM contract.lineage_edge e USING statement t WHERE e.statement_id = t.statement_id RETURNING e.*, t.new),"
" moved AS (SELECT g.*, COALESCE(x.new, g.source_id) AS source, COALESCE(y.new, g.target_id) AS target,"
" CASE WHEN y.is_there THEN NULL WHEN NOT y.is_there THEN statement_timestamp() END AS since"
" FROM gone g LEFT JOIN pair y ON y.old = g.target_id AND NOT g.target_gone"
" LEFT JOIN pair x ON x.old = g.source_id AND x.relid = y.relid),"
" fed AS (INSERT INTO contract.lineage_edge (statement_id, source_id, target_id, subtype,"
" immediate, base, masking, nullable, expression, historic_since, source_gone, target_gone)"
" SELECT new, source, target, subtype, bool_or(immediate), bool_or(base), bool_and(masking), bool_or(nullable), min(expression),"
" CASE WHEN count(COALESCE(historic_since, since)) = count(*) THEN max(COALESCE(historic_since, since)) END,"
" bool_and(source_gone), bool_and(target_gone OR since IS NOT NULL)"
" FROM moved GROUP BY new, source, target, subtype)"
" SELECT statement_id FROM statement";

/*
 * Nodes of relation $1 whose name of now other nodes have become those: their edges move. Whoever
 * writes into the old name again finds the old nodes, so that his statement is the same.
 */
static const char merge[] =
"WITH pair AS MATERIALIZED (SELECT b.attnum, n.node_id AS old, min(z.node_id) AS new"
" FROM contract.lineage_binding b JOIN contract.lineage_node n USING (node_id)" CATALOGS
" JOIN contract.lineage_node z ON z.table_name = c.relname::text AND z.schema_name = s.nspname::text"
" AND COALESCE(z.column_name, '') = COALESCE(a.attname::text, '') AND z.place = 'relation'"
" WHERE b.relid = $1 AND " IS_THERE " AND " DIFFERS
" AND NOT EXISTS (SELECT FROM contract.lineage_binding o WHERE o.node_id = z.node_id AND o.relid = $1)"
" GROUP BY b.attnum, n.node_id),"
" gone AS (DELETE FROM contract.lineage_edge WHERE source_id = ANY (ARRAY(SELECT old FROM pair))"
" OR target_id = ANY (ARRAY(SELECT old FROM pair)) RETURNING *),"
" moved AS (INSERT INTO contract.lineage_edge AS e (statement_id, source_id, target_id, subtype,"
" immediate, base, masking, nullable, expression, historic_since, source_gone, target_gone)"
" SELECT statement_id, COALESCE(x.new, source_id), COALESCE(y.new, target_id), subtype,"
" bool_or(immediate), bool_or(base), bool_and(masking), bool_or(nullable), min(expression),"
" CASE WHEN count(historic_since) = count(*) THEN max(historic_since) END, bool_and(source_gone), bool_and(target_gone)"
" FROM gone LEFT JOIN pair x ON x.old = source_id LEFT JOIN pair y ON y.old = target_id GROUP BY 1, 2, 3, 4"
" ON CONFLICT (statement_id, source_id, target_id, subtype) DO UPDATE SET historic_since = EXCLUDED.historic_since,"
" source_gone = EXCLUDED.source_gone, target_gone = EXCLUDED.target_gone),"
" freed AS (DELETE FROM contract.lineage_binding WHERE node_id = ANY (ARRAY(SELECT new FROM pair)))"
" UPDATE contract.lineage_binding b SET node_id = pair.new FROM pair WHERE b.relid = $1 AND b.attnum = pair.attnum";

/* What pgc_node_find has called for each point. */
typedef struct Found
{
	PgcPoint   *points;
	List	   *renamed;		/* relations whose nodes have other names */
} Found;

/* What a relation's nodes are named after. */
typedef struct Named
{
	char	   *schema;			/* NULL: it has none */
	char	   *table;
} Named;

static void follow(Oid relid);
static void follow_all(const List *relids);

/* pgc_lineage_lock waits, for a second at most, for the lock of lineage; raises an error if it is not to be had. */
void
pgc_lineage_lock(void)
{
	int			nestlevel = NewGUCNestLevel();

	(void) set_config_option("lock_timeout", "1s", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	LockDatabaseObject(pgc_table_oid(LOCK_TABLE), 0, 0, ExclusiveLock);
	AtEOXact_GUC(false, nestlevel);
}

/* pgc_node_relation_name fills schema and name of a relation (palloc'd); both NULL: it is gone, perhaps since a moment ago. */
void
pgc_node_relation_name(Oid relid, char **schema, char **name)
{
	*name = get_rel_name(relid);
	*schema = *name ? get_namespace_name(get_rel_namespace(relid)) : NULL;
	if (*schema == NULL)
		*name = NULL;
}

/* take_point is a PgcRowFunction for what was found of a point. */
static void
take_point(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Found	   *found = arg;
	bool		isnull;
	PgcPoint   *point = &found->points[DatumGetInt64(heap_getattr(tuple, 1, descriptor, &isnull)) - 1];
	bool		is_bound = DatumGetBool(heap_getattr(tuple, 4, descriptor, &isnull));

	point->node_id = DatumGetInt64(heap_getattr(tuple, 2, descriptor, &isnull));
	if (DatumGetBool(heap_getattr(tuple, 3, descriptor, &isnull)))
		found->renamed = list_append_unique_oid(found->renamed, point->relid);
	point->gone = point->place == PGC_RELATION && !OidIsValid(point->relid) && !is_bound;
}

/* set_text sets an element of a text[]. */
static void
set_text(Datum *value, bool *isnull, const char *element)
{
	*isnull = element == NULL;
	*value = element ? CStringGetTextDatum(element) : (Datum) 0;
}

/* find_once finds or makes the nodes of points; returns relations whose nodes have other names than the points. */
static List *
find_once(PgcPoint *points, int npoints)
{
	static const char *const places[] = {"relation", "output", "routine", "file", "program"};
	static const Oid types[] = {TEXTOID, OIDOID, INT2OID, TEXTOID, TEXTOID, TEXTOID};
	static const Oid arrays[] = {TEXTARRAYOID, OIDARRAYOID, INT2ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID};
	Datum	   *values[lengthof(types)];
	bool	   *nulls[lengthof(types)];
	Datum		parameters[lengthof(types)];
	Found		found = {points, NIL};

	for (int i = 0; i < lengthof(types); i++)
	{
		values[i] = palloc(npoints * sizeof(Datum));
		nulls[i] = palloc0(npoints * sizeof(bool));
	}
	for (int i = 0; i < npoints; i++)
	{
		const PgcPoint *point = &points[i];

		set_text(&values[0][i], &nulls[0][i], places[point->place]);
		values[1][i] = ObjectIdGetDatum(point->relid);
		values[2][i] = Int16GetDatum(point->attnum);
		set_text(&values[3][i], &nulls[3][i], point->schema);
		set_text(&values[4][i], &nulls[4][i], point->table);
		set_text(&values[5][i], &nulls[5][i], point->column);
	}
	for (int i = 0; i < lengthof(types); i++)
		parameters[i] = pgc_array(types[i], values[i], nulls[i], npoints);
	pgc_catalog_query(find, lengthof(types), arrays, parameters, NULL, take_point, &found);
	return found.renamed;
}

/* one_of runs a statement about the nodes of a relation. */
static void
one_of(const char *sql, Oid relid)
{
	const Oid	types[] = {OIDOID};
	const Datum values[] = {ObjectIdGetDatum(relid)};

	(void) pgc_catalog_execute(sql, 1, types, values, NULL);
}

/*
 * pgc_node_find finds or makes the nodes of points, which are distinct.  The lock of lineage
 * is held.
 */
void
pgc_node_find(PgcPoint *points, int npoints)
{
	List	   *renamed = find_once(points, npoints);

	if (renamed == NIL)
		return;
	follow_all(renamed);
	(void) find_once(points, npoints);
}

/* take_named is a PgcRowFunction for schema and table. */
static void
take_named(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Named	   *named = arg;

	named->schema = pgc_row_text(tuple, descriptor, 1);
	named->table = pgc_row_text(tuple, descriptor, 2);
}

/* relation_of returns who has a name now, or InvalidOid. */
static Oid
relation_of(const Named *named)
{
	Oid			schema = get_namespace_oid(named->schema, true);

	return OidIsValid(schema) ? get_relname_relid(named->table, schema) : InvalidOid;
}

/* settle has the nodes of a relation that still has their name, or a new one that is its own, follow. */
static void
settle(Oid relid)
{
	one_of("WITH gone AS (DELETE FROM contract.lineage_binding WHERE relid = $1 AND attnum > 0 AND attnum <> ALL"
		   " (ARRAY(SELECT attnum FROM pg_attribute WHERE attrelid = $1 AND NOT attisdropped)) RETURNING node_id) "
		   TURN("SELECT node_id FROM gone"), relid);
	one_of(merge, relid);
	one_of("UPDATE contract.lineage_node n SET schema_name = s.nspname, table_name = c.relname, column_name = a.attname"
		   " FROM contract.lineage_binding b" CATALOGS
		   " WHERE b.relid = $1 AND n.node_id = b.node_id AND " IS_THERE " AND " DIFFERS, relid);
}

/* by_name runs a statement about the nodes of a name. */
static void
by_name(const char *sql, const Named *named)
{
	const Oid	types[] = {TEXTOID, TEXTOID};
	const Datum values[] = {CStringGetTextDatum(named->schema), CStringGetTextDatum(named->table)};

	(void) pgc_catalog_execute(sql, 2, types, values, NULL);
}

/* give_up takes a relation's nodes from it: they are whose their name is, or nobody's. */
static void
give_up(Oid relid, const Named *named, Oid successor)
{
	one_of("DELETE FROM contract.lineage_binding WHERE relid = $1", relid);
	if (OidIsValid(successor))
		follow(successor);
	by_name(TURN("SELECT node_id FROM contract.lineage_node n WHERE n.schema_name = $1 AND n.table_name = $2"
				 " AND n.place = 'relation' AND " IS_FREE), named);
}

/*
 * follow compares the nodes of a relation with the catalogs: it may be gone, renamed, or have
 * lost its name to another one, whose nodes are compared then.
 */
static void
follow(Oid relid)
{
	const Oid	types[] = {OIDOID};
	const Datum values[] = {ObjectIdGetDatum(relid)};
	Named		named = {0};
	Named		now;
	Oid			owner;

	check_stack_depth();
	pgc_node_relation_name(relid, &now.schema, &now.table);
	pgc_catalog_query("SELECT n.schema_name, n.table_name FROM contract.lineage_binding b"
					  " JOIN contract.lineage_node n USING (node_id) WHERE b.relid = $1 LIMIT 1",
					  1, types, values, NULL, take_named, &named);
	if (named.schema != NULL)
	{
		owner = relation_of(&named);
		if (now.schema == NULL || (OidIsValid(owner) && owner != relid))
			give_up(relid, &named, owner);
		else
			settle(relid);
	}
	if (now.schema != NULL)
		by_name(ADOPT("n.schema_name = $1 AND n.table_name = $2"), &now);
}

/* oid_array makes an oid[] of a List. */
static Datum
oid_array(const List *oids)
{
	Datum	   *elements = palloc(list_length(oids) * sizeof(Datum));
	int			count = 0;
	ListCell   *cell;

	foreach(cell, oids)
		elements[count++] = ObjectIdGetDatum(lfirst_oid(cell));
	return pgc_array(OIDOID, elements, NULL, count);
}

void		(*pgc_lineage_renumbered) (int64 statement_id) = NULL;

/* take_renumbered is a PgcRowFunction for a number that a statement had. */
static void
take_renumbered(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	bool		isnull;

	pgc_lineage_renumbered(DatumGetInt64(heap_getattr(tuple, 1, descriptor, &isnull)));
}

/* follow_all compares the nodes of relations with the catalogs. */
static void
follow_all(const List *relids)
{
	const Oid	types[] = {OIDARRAYOID};
	Datum		values[1];
	ListCell   *cell;

	if (relids == NIL)
		return;
	values[0] = oid_array(relids);
	pgc_catalog_query(displace, lengthof(types), types, values, NULL, take_renumbered, NULL);
	foreach(cell, relids)
	{
		CHECK_FOR_INTERRUPTS();
		follow(lfirst_oid(cell));
	}
}

/* is_concerned: is there a node of one of these relations (an oid[]), or of the name of one? */
static bool
is_concerned(Datum relids)
{
	const Oid	types[] = {OIDARRAYOID};
	bool		kept = pgc_catalog_keeps_plans;
	bool		result;

	pgc_catalog_keeps_plans = true;
	result = pgc_catalog_query("SELECT FROM contract.lineage_binding WHERE relid = ANY ($1)"
							   " UNION ALL SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace"
							   " JOIN contract.lineage_node n ON n.schema_name = s.nspname::text AND n.table_name = c.relname::text"
							   " WHERE c.oid = ANY ($1) LIMIT 1", 1, types, &relids, NULL, NULL, NULL) > 0;
	pgc_catalog_keeps_plans = kept;
	return result;
}

/*
 * pgc_lineage_follow has lineage follow what this transaction has dropped, made or renamed: relations,
 * or columns of them.  Called before commit, so that each name is whose it will be; a relation to which nothing
 * has happened in the end does no harm.  If somebody else works on lineage at that moment, who does so next follows.
 */
void
pgc_lineage_follow(const List *relids)
{
	const Oid	types[] = {OIDARRAYOID};
	Datum		values[1];

	if (relids == NIL)
		return;
	values[0] = oid_array(relids);
	if (!is_concerned(values[0]))
		return;
	if (pgc_catalog_try_lock(LOCK_TABLE, 0))
	{
		follow_all(relids);
		return;
	}
	pgc_catalog_execute("INSERT INTO contract.lineage_due (relid) SELECT unnest($1)", 1, types, values, NULL);
	pgc_nudge(PGC_TENDING);
}

/* take_relation is a PgcRowFunction that puts an OID on a List. */
static void
take_relation(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **relids = arg;
	bool		isnull;

	*relids = lappend_oid(*relids, DatumGetObjectId(heap_getattr(tuple, 1, descriptor, &isnull)));
}

/* pgc_lineage_catch_up does what pgc_lineage_follow could not.  The lock of lineage is held. */
void
pgc_lineage_catch_up(void)
{
	List	   *relids = NIL;

	pgc_catalog_query("DELETE FROM contract.lineage_due WHERE relid > 1 RETURNING relid",
					  0, NULL, NULL, NULL, take_relation, &relids);
	follow_all(relids);
}

/*
 * pgc_lineage_reconcile compares all nodes with the catalogs: after a restore, after a schema
 * was renamed, or if somebody did not follow.  Waits for the lock of lineage.
 */
void
pgc_lineage_reconcile(void)
{
	List	   *relids = NIL;

	pgc_lineage_lock();
	pgc_catalog_query("SELECT DISTINCT b.relid FROM contract.lineage_binding b"
					  " JOIN contract.lineage_node n USING (node_id)" CATALOGS " WHERE " DIFFERS,
					  0, NULL, NULL, NULL, take_relation, &relids);
	follow_all(relids);
	if (pgc_catalog_execute(ADOPT("true"), 0, NULL, NULL, NULL) > 0)
		pgc_lineage_changed();
	pgc_catalog_execute(TURN("SELECT node_id FROM contract.lineage_node n WHERE n.place = 'relation' AND " IS_FREE),
						0, NULL, NULL, NULL);
}

/* pgc_lineage_reconcile_if_due does so once in a while, and returns whether it did. */
bool
pgc_lineage_reconcile_if_due(TimestampTz now)
{
	const Oid	types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[2];

	values[0] = TimestampTzGetDatum(now);
	values[1] = TimestampTzGetDatum(now + PERIOD);
	if (pgc_catalog_query("SELECT FROM contract.lineage_due WHERE relid = 0 AND due BETWEEN $1 AND $2",
						  2, types, values, NULL, NULL, NULL) > 0)
		return false;
	pgc_lineage_reconcile();
	pgc_catalog_execute("DELETE FROM contract.lineage_due WHERE relid = 0", 0, NULL, NULL, NULL);
	pgc_catalog_execute("INSERT INTO contract.lineage_due (relid, due) VALUES (0, $1)", 1, &types[1], &values[1], NULL);
	return true;
}
