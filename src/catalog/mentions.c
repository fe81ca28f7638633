/*
 * src/catalog/mentions.c
 *		Rules that are about another relation than their own, and schedules, of all datasets.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/contract.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* take_mention is a PgcRowFunction. */
static void
take_mention(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **mentions = arg;
	PgcMention *mention = palloc0(sizeof(PgcMention));
	bool		isnull;
	Datum		columns;
	char	  **names;
	int			ncolumns = 0;

	mention->dataset_id = DatumGetInt32(heap_getattr(tuple, 1, descriptor, &isnull));
	mention->rule = pgc_row_text(tuple, descriptor, 2);
	mention->query = pgc_row_text(tuple, descriptor, 3);
	mention->relation = pgc_row_text(tuple, descriptor, 4);
	columns = heap_getattr(tuple, 5, descriptor, &isnull);
	names = isnull ? NULL : pgc_array_texts(columns, &ncolumns);
	for (int i = 0; i < ncolumns; i++)
		mention->columns = lappend(mention->columns, names[i]);
	*mentions = lappend(*mentions, mention);
}

/* pgc_mentions returns the rules of kinds query and references (List of PgcMention *), by dataset and age. */
List *
pgc_mentions(void)
{
	List	   *mentions = NIL;

	pgc_catalog_query("SELECT r.dataset_id, r.name, r.parameters->>'query', r.parameters->>'referenced_relation',"
					  " CASE r.kind WHEN 'references' THEN ARRAY(SELECT jsonb_array_elements_text(r.parameters->'referenced_columns')) END"
					  " FROM contract.rule r WHERE r.kind IN ('query', 'references') ORDER BY r.dataset_id, r.rule_id",
					  0, NULL, NULL, NULL, take_mention, &mentions);
	return mentions;
}

/* take_schedule is a PgcRowFunction. */
static void
take_schedule(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **schedules = arg;
	PgcDatasetSchedule *schedule = palloc0(sizeof(PgcDatasetSchedule));

	schedule->source = pgc_row_text(tuple, descriptor, 1);
	schedule->every = pgc_row_text(tuple, descriptor, 2);
	schedule->cron = pgc_row_text(tuple, descriptor, 3);
	schedule->time_zone = pgc_row_text(tuple, descriptor, 4);
	*schedules = lappend(*schedules, schedule);
}

/* pgc_dataset_schedules returns when a dataset is audited (List of PgcDatasetSchedule *). */
List *
pgc_dataset_schedules(int32 dataset_id)
{
	const Oid	types[] = {INT4OID};
	const Datum values[] = {Int32GetDatum(dataset_id)};
	List	   *schedules = NIL;

	pgc_catalog_query("SELECT source, every::text, cron, time_zone FROM contract.schedules WHERE dataset_id = $1"
					  " ORDER BY source DESC, cron",
					  lengthof(types), types, values, NULL, take_schedule, &schedules);
	return schedules;
}
