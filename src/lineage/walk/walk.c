/*
 * src/lineage/walk/walk.c
 *		Walking lineage, for the guard and for incidents.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/contract.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "lineage/lineage.h"
#include "utils/builtins.h"

/*
 * SQL: columns, and relations by column 0, that a column ($1 schema, $2 table, $3 column or null: all) feeds, by any
 * number of steps.  Who depends on all rows of a relation depends on all that these are made of.
 */
#define REACHED \
	"WITH RECURSIVE reached (classid, objid, attnum, node_id) AS (" \
	"SELECT 'pg_class'::regclass::oid, c.oid, COALESCE(a.attnum, 0::smallint), NULL::bigint" \
	" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace" \
	" LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $3 AND NOT a.attisdropped" \
	" WHERE n.nspname = $1 AND c.relname = $2 AND ($3 IS NULL OR a.attnum > 0)" \
	" UNION SELECT x.* FROM reached r CROSS JOIN LATERAL (" \
	"SELECT d.target_classid, d.target_objid, d.target_column, NULL::bigint FROM contract.lineage_definition d" \
	" WHERE d.source_relid = r.objid AND r.attnum IN (0, d.source_column)" \
	" UNION ALL SELECT 'pg_class'::regclass, tb.relid, tb.attnum, CASE WHEN tb.relid IS NULL THEN e.target_id END" \
	" FROM (SELECT b.node_id, false FROM contract.lineage_binding b WHERE b.relid = r.objid AND r.attnum IN (0, b.attnum)" \
	/* a relation that is gone */ \
	" UNION ALL SELECT o.node_id, true FROM contract.lineage_node n" \
	" JOIN contract.lineage_node o ON o.table_name = n.table_name AND o.schema_name = n.schema_name AND o.place = n.place" \
	" WHERE n.node_id = r.node_id AND n.place = 'relation' AND (n.column_name IS NULL OR o.column_name = n.column_name)" \
	") s (node_id, gone) JOIN contract.lineage_edge e ON e.source_id = s.node_id AND e.source_gone = s.gone" \
	" LEFT JOIN contract.lineage_binding tb ON tb.node_id = e.target_id AND NOT e.target_gone" \
	/* views that look at no column, count(*); -1: no column of them comes from this one */ \
	" UNION ALL SELECT 'pg_class'::regclass, w.ev_class, (CASE r.attnum WHEN 0 THEN 0 ELSE -1 END)::smallint, NULL FROM pg_depend p JOIN pg_rewrite w ON w.oid = p.objid" \
	" WHERE p.classid = 'pg_rewrite'::regclass AND p.refclassid = 'pg_class'::regclass AND p.refobjid = r.objid" \
	" AND p.deptype = 'n' AND w.ev_type = '1' AND r.attnum IN (0, p.refobjsubid)" \
	") x WHERE r.classid = 'pg_class'::regclass)"

/* SQL: what was reached, in words; so many columns of each are named */
#define REACHED_WORDS \
	"SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END" \
	" || format(' %I.%I', n.nspname, c.relname)" \
	" || COALESCE(' (' || array_to_string(a.names[:10], ', ') || CASE WHEN array_length(a.names, 1) > 10 THEN ', ...' ELSE '' END" \
	" || ')', '') || COALESCE(' of ' || COALESCE(k.owner, o.rolname), '') AS words" \
	" FROM (SELECT objid, array_agg(attnum) AS attnums FROM reached WHERE classid = 'pg_class'::regclass GROUP BY objid) r" \
	" JOIN pg_class c ON c.oid = r.objid JOIN pg_namespace n ON n.oid = c.relnamespace" \
	" LEFT JOIN pg_authid o ON o.oid = c.relowner" \
	" LEFT JOIN contract.binding b ON b.relid = c.oid LEFT JOIN contract.dataset d USING (dataset_id)" \
	" LEFT JOIN contract.contract k ON k.contract_id = d.contract_id CROSS JOIN LATERAL (" \
	"SELECT array_agg(quote_ident(attname) ORDER BY attnum) FROM pg_attribute" \
	" WHERE attrelid = c.oid AND attnum > 0 AND attnum = ANY (r.attnums)) a (names)" \
	" WHERE (n.nspname, c.relname) <> ($1, $2)" \
	" UNION ALL SELECT DISTINCT format('function %I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes))" \
	" FROM reached r JOIN pg_proc p ON p.oid = r.objid JOIN pg_namespace n ON n.oid = p.pronamespace" \
	" WHERE r.classid = 'pg_proc'::regclass" \
	" UNION ALL SELECT DISTINCT place || ' ' || table_name FROM reached JOIN contract.lineage_node USING (node_id)" \
	" WHERE place IN ('file', 'program')"

/* What was reached, in words. */
typedef struct Words
{
	int			limit;
	int			count;
	StringInfoData said;
} Words;

/* say_row is a PgcRowFunction that adds to Words. */
static void
say_row(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Words	   *words = arg;

	if (words->count++ < words->limit)
		appendStringInfo(&words->said, "%s%s", words->count > 1 ? ", " : "", pgc_row_text(tuple, descriptor, 1));
}

/*
 * pgc_lineage_downstream_text says what a column (or NULL: all of a relation) fed before this
 * transaction changed anything, with columns and owners (palloc'd); NULL: nothing.  Names
 * are those of then.  After limit relations only their number is told.
 */
char *
pgc_lineage_downstream_text(const char *schema, const char *table, const char *column, int limit)
{
	const Oid	types[] = {NAMEOID, NAMEOID, NAMEOID};
	const char	nulls[] = {' ', ' ', column ? ' ' : 'n', '\0'};
	Words		words = {.limit = limit};
	NameData	names[3];
	Datum		values[3];

	namestrcpy(&names[0], schema);
	namestrcpy(&names[1], table);
	namestrcpy(&names[2], column ? column : "");
	for (int i = 0; i < 3; i++)
		values[i] = NameGetDatum(&names[i]);
	initStringInfo(&words.said);
	pgc_catalog_query_before(REACHED " " REACHED_WORDS " ORDER BY 1", 3, types, values, nulls, say_row, &words);
	if (words.count > limit)
		appendStringInfo(&words.said, " and %d more", words.count - limit);
	return words.count > 0 ? words.said.data : NULL;
}

/*
 * pgc_lineage_upstream_datasets returns the ids of the datasets that feed a dataset by any
 * number of steps, the nearest ones first (palloc'd).
 */
List *
pgc_lineage_upstream_datasets(int32 dataset_id)
{
	const Oid	types[] = {INT4OID};
	const Datum values[] = {Int32GetDatum(dataset_id)};
	List	   *datasets = NIL;

	pgc_catalog_query("WITH RECURSIVE up (relid, schema_name, table_name, depth) AS ("
					  "SELECT relid, NULL::text, NULL::text, 0 FROM contract.binding WHERE dataset_id = $1"
					  " UNION SELECT x.relid, x.schema_name, x.table_name, up.depth + 1 FROM up CROSS JOIN LATERAL ("
					  "SELECT source_relid, NULL, NULL FROM contract.lineage_definition"
					  " WHERE target_objid = up.relid AND target_classid = 'pg_class'::regclass"
	/* what is gone goes by name */
					  " UNION SELECT sb.relid, CASE WHEN e.source_gone THEN n.schema_name END, CASE WHEN e.source_gone THEN n.table_name END"
					  " FROM (SELECT b.node_id, false FROM contract.lineage_binding b WHERE b.relid = up.relid"
					  " UNION ALL SELECT o.node_id, true FROM contract.lineage_node o"
					  " WHERE o.table_name = up.table_name AND o.schema_name = up.schema_name AND o.place = 'relation') t (node_id, gone)"
					  " JOIN contract.lineage_edge e ON e.target_id = t.node_id AND e.target_gone = t.gone"
					  " JOIN contract.lineage_node n ON n.node_id = e.source_id"
					  " LEFT JOIN contract.lineage_binding sb ON sb.node_id = e.source_id AND NOT e.source_gone"
					  " WHERE sb.relid IS NOT NULL OR e.source_gone) x (relid, schema_name, table_name)"
					  " WHERE up.depth < 20)"
					  " SELECT b.dataset_id FROM up JOIN contract.binding b USING (relid)"
					  " WHERE b.dataset_id <> $1 GROUP BY b.dataset_id ORDER BY min(up.depth), b.dataset_id",
					  1, types, values, NULL, pgc_take_ids, &datasets);
	return datasets;
}
