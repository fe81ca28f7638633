/*
 * src/lineage/walk/reading.c
 *		contract.upstream and contract.downstream.
 */
#include "postgres.h"

#include "catalog/contract.h"
#include "funcapi.h"
#include "lineage/walk/graph.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_upstream);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_downstream);

/* set_text fills one value; NULL is a null. */
static void
set_text(Datum *values, bool *nulls, int column, const char *value)
{
	nulls[column] = value == NULL;
	values[column] = value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
}

/* put_visit returns a row for a column that was reached. */
static void
put_visit(const PgcWalk *walk, const PgcVisit *visit, ReturnSetInfo *result)
{
	const PgcVisit *start = visit;
	const PgcVertex *source;
	const PgcVertex *target;
	Datum		values[11];
	bool		nulls[11] = {false};

	while (start->parent >= 0)
		start = &walk->visits[start->parent];
	source = &walk->vertices[walk->downstream ? start->vertex : visit->vertex];
	target = &walk->vertices[walk->downstream ? visit->vertex : start->vertex];
	values[0] = Int32GetDatum(visit->depth);
	set_text(values, nulls, 1, source->schema);
	set_text(values, nulls, 2, source->table);
	set_text(values, nulls, 3, source->column);
	set_text(values, nulls, 4, target->schema);
	set_text(values, nulls, 5, target->table);
	set_text(values, nulls, 6, target->column);
	values[7] = CStringGetTextDatum(PGC_IS_DIRECT(visit->subtype) ? "direct" : "indirect");
	values[8] = CStringGetTextDatum(pgc_subtype_name(visit->subtype));
	values[9] = BoolGetDatum(visit->masking);
	values[10] = pgc_text_array(pgc_walk_path(walk, visit));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* pgc_walk_column returns the number of a column that a user named, or raises; NULL: InvalidAttrNumber, for all of them. */
AttrNumber
pgc_walk_column(Oid relid, const char *name)
{
	AttrNumber	column = name == NULL ? InvalidAttrNumber : get_attnum(relid, name);

	if (get_rel_name(relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (name != NULL && column <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", name, get_rel_name(relid)),
				 errhint("Name one of its columns, or none for all of them.")));
	return column;
}

/* pgc_walk_depth raises unless a depth that a user gave is one. */
int
pgc_walk_depth(int depth)
{
	if (depth < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("depth must be at least 1"),
				 errhint("It is the number of steps from column to column.")));
	return depth;
}

/* walk_from fills the result with what a walk reaches. */
static void
walk_from(FunctionCallInfo fcinfo, bool downstream)
{
	PgcWalk    *walk;
	int			count;
	int		   *order;
	Oid			relid;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return;
	relid = PG_GETARG_OID(0);
	walk = pgc_walk_begin(downstream);
	pgc_walk_start(walk, relid, pgc_walk_column(relid, PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1))));
	pgc_walk_run(walk, PG_ARGISNULL(2) ? INT_MAX : pgc_walk_depth(PG_GETARG_INT32(2)));
	order = pgc_walk_order(walk, false, &count);
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_visit(walk, &walk->visits[order[i]], (ReturnSetInfo *) fcinfo->resultinfo);
	}
}

/* pgc_upstream is contract.upstream. */
Datum
pgc_upstream(PG_FUNCTION_ARGS)
{
	walk_from(fcinfo, false);
	PG_RETURN_VOID();
}

/* pgc_downstream is contract.downstream. */
Datum
pgc_downstream(PG_FUNCTION_ARGS)
{
	walk_from(fcinfo, true);
	PG_RETURN_VOID();
}
