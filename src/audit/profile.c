/*
 * src/audit/profile.c
 *		Profiles: rows of a table and, per column, nulls, distinct values, min,
 *		max and mean, stored in contract.metric.
 *
 * One statement measures all columns (of a very wide table, a slice of them).
 * Personal data gets counts only.
 */
#include "postgres.h"

#include "audit/ask.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* Columns of one statement: a target list has at most 1664 entries. */
#define SLICE 300

/* What one entry of the statement's target list is. */
typedef struct Figure
{
	const char *column;			/* NULL: the table */
	const char *metric;
} Figure;

/* A statement that measures columns. */
typedef struct Profile
{
	PgcAudit   *audit;
	StringInfoData sql;
	List	   *figures;		/* of Figure, parallel to the target list */
} Profile;

/* want adds an expression to the target list. */
static void
want(Profile *profile, const char *column, const char *metric, const char *expression)
{
	Figure	   *figure = palloc(sizeof(Figure));

	figure->column = column;
	figure->metric = metric;
	appendStringInfo(&profile->sql, "%s%s", profile->figures == NIL ? "SELECT " : ", ", expression);
	profile->figures = lappend(profile->figures, figure);
}

/* is_pii: is the column one of those with personal data? */
static bool
is_pii(const PgcContract *contract, const char *column)
{
	ListCell   *cell;

	foreach(cell, contract->pii)
	{
		if (strcmp(lfirst(cell), column) == 0)
			return true;
	}
	return false;
}

/* want_column adds what can be measured of a column. */
static void
want_column(Profile *profile, const PgcColumn *column)
{
	const char *name = NameStr(column->name);
	const char *quoted = quote_identifier(name);
	Oid			type = getBaseType(column->type);
	char	   *least = pgc_metric_extreme("min", type, quoted, "");
	char	   *most = pgc_metric_extreme("max", type, quoted, "");

	want(profile, name, "nulls", psprintf("count(*) - count(%s)", quoted));
	if (OidIsValid(lookup_type_cache(type, TYPECACHE_HASH_EXTENDED_PROC)->hash_extended_proc))
		want(profile, name, "distinct", psprintf("contract.approximate_distinct_count(%s)", quoted));
	if (is_pii(profile->audit->contract, name))
		return;					/* of few rows these would be the values */
	if (pgc_type_is_number(type))
		want(profile, name, "mean", psprintf("avg(%s)", quoted));
	if (least != NULL)
		want(profile, name, "min", least);
	if (most != NULL)
		want(profile, name, "max", most);
}

/* take_figures keeps the one row of the answer; what is null is left out. */
static void
take_figures(const Datum *values, const bool *nulls, TupleDesc descriptor, void *arg)
{
	Profile    *profile = arg;
	MemoryContext caller = MemoryContextSwitchTo(profile->audit->context);
	ListCell   *cell;

	foreach(cell, profile->figures)
	{
		const Figure *figure = lfirst(cell);
		int			column = foreach_current_index(cell);
		Oid			type = TupleDescAttr(descriptor, column)->atttypid;
		PgcMetricRow *row;

		if (nulls[column])
			continue;
		row = palloc0(sizeof(PgcMetricRow));
		row->column = figure->column;
		row->metric = figure->metric;
		row->value = pgc_ask_text(type, values[column]);
		if (pgc_type_is_number(type) && !pgc_ask_is_cut(row->value))
			row->number = DirectFunctionCall3(numeric_in, CStringGetDatum(row->value),
											  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
		profile->audit->metrics = lappend(profile->audit->metrics, row);
	}
	MemoryContextSwitchTo(caller);
}

/* measure asks for the columns first to last - 1; returns NULL or the error. */
static char *
measure(PgcAudit *audit, int first, int last)
{
	Profile		profile = {.audit = audit};

	initStringInfo(&profile.sql);
	if (first == 0)
		want(&profile, NULL, "rows", "count(*)");
	for (int i = first; i < last; i++)
		want_column(&profile, &audit->program->layout.columns[i]);
	appendStringInfo(&profile.sql, " %s", pgc_select_from(audit->relation));
	return pgc_ask_run(audit, profile.sql.data, take_figures, &profile);
}

/*
 * pgc_profile_run measures the audit's relation, under its snapshot, into
 * audit->metrics.  What cannot be measured is said in a warning; the audit goes on.
 */
void
pgc_profile_run(PgcAudit *audit)
{
	MemoryContext caller = MemoryContextSwitchTo(audit->context);
	int			ncolumns = audit->program->layout.ncolumns;

	for (int first = 0; first == 0 || first < ncolumns; first += SLICE)
	{
		char	   *error = measure(audit, first, Min(first + SLICE, ncolumns));

		if (error != NULL)
			ereport(WARNING,
					(errmsg("\"%s\" could not be profiled", audit->contract->name),
					 errdetail_internal("%s.", error)));
	}
	MemoryContextSwitchTo(caller);
}

/* count_rows has the number of rows that the audit read stored, where no profile does. */
static void
count_rows(PgcAudit *audit)
{
	PgcMetricRow *row;

	if (audit->metrics != NIL || audit->rows < 0 || audit->mode == PGC_MODE_SAMPLE)
		return;
	row = palloc0(sizeof(PgcMetricRow));
	row->metric = "rows";
	row->value = psprintf(INT64_FORMAT, audit->rows);
	row->number = DirectFunctionCall1(int8_numeric, Int64GetDatum(audit->rows));
	audit->metrics = list_make1(row);
}

/* pgc_profile_store writes what was measured with a run: a profile, or the number of rows alone. */
void
pgc_profile_store(PgcAudit *audit, int64 run_id, TimestampTz at)
{
	PgcBatch   *batch = pgc_batch_make(PGC_METRIC);
	ListCell   *cell;

	count_rows(audit);

	foreach(cell, audit->metrics)
	{
		PgcMetricRow *row = lfirst(cell);

		row->run_id = run_id;
		row->dataset_id = audit->contract->dataset_id;
		row->at = at;
		pgc_batch_add_metric(batch, row);
	}
	pgc_batch_insert(batch);
}
