/*
 * src/audit/preview.c
 *		SQL function preview: what a rule would say today.  Stores nothing.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "audit/audit.h"
#include "audit/progress.h"
#include "catalog/annotate.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_preview);

/* Examples that preview shows. */
#define EXAMPLES 5

/* examples_of returns samples as a JSON array of rows. */
static Datum
examples_of(const PgcTally *tally)
{
	JsonbParseState *state = NULL;
	ListCell   *cell;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, tally->samples)
	{
		JsonbValue	row;

		row.type = jbvBinary;
		row.val.binary.data = &((PgcSample *) lfirst(cell))->row->root;
		row.val.binary.len = VARSIZE(((PgcSample *) lfirst(cell))->row) - VARHDRSZ;
		pushJsonbValue(&state, WJB_ELEM, &row);
	}
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL)));
}

/* spec_of_arguments makes a rule of preview()'s arguments. */
static PgcRuleSpec
spec_of_arguments(FunctionCallInfo fcinfo)
{
	PgcRuleSpec spec = {.name = "preview",.action = PGC_AUDIT};

	for (int i = 0; i < 4; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("relation, kind, columns and parameters must not be null")));
	}
	spec.columns = pgc_array_names(PG_GETARG_DATUM(2), &spec.ncolumns);
	spec.kind = pgc_argument_text(fcinfo, 1);
	spec.parameters = PG_GETARG_JSONB_P(3);
	spec.filter = pgc_argument_text(fcinfo, 4);
	return spec;
}

/* contract_of returns what masks the examples: the relation's contract, or nothing. */
static const PgcContract *
contract_of(Oid relid)
{
	int32		dataset_id = pgc_contract_of_relation(relid);
	PgcContract *contract;

	if (dataset_id != 0)
		return pgc_contract_load(dataset_id);
	contract = palloc0(sizeof(PgcContract));
	contract->relid = relid;
	return contract;
}

/* refuse_error raises what kept the rule from being evaluated. */
static void
refuse_error(const PgcTally *tally)
{
	const char *reason = tally->error ? tally->error : tally->skipped;

	if (reason != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the rule could not be evaluated: %s", reason)));
}

/* say_verdict says what became of a rule that is about no rows, since it has no counts. */
static void
say_verdict(const PgcTally *tally)
{
	if (tally->failed >= 0)
		return;
	if (tally->missed)
		ereport(NOTICE,
				(errmsg("the rule would fail today"), errdetail_internal("%s", tally->message)));
	else
		ereport(NOTICE, (errmsg("the rule would pass today")));
}

/*
 * pgc_preview is contract.preview(relation, kind, columns, parameters, filter).
 * It reads with the caller's rights, since the rule is the caller's.
 */
Datum
pgc_preview(PG_FUNCTION_ARGS)
{
	PgcRuleSpec spec = spec_of_arguments(fcinfo);
	Relation	relation;
	PgcLayout  *layout;
	PgcAudit   *audit;
	TupleDesc	descriptor;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	relation = table_open(PG_GETARG_OID(0), AccessShareLock);
	layout = pgc_layout_of(relation);
	layout->author = GetUserId();
	pgc_program_validate(layout, &spec);
	audit = pgc_audit_begin(contract_of(RelationGetRelid(relation)), &spec, 1, relation,
							GetUserId(), GetUserId(), EXAMPLES);
	pgc_audit_run(audit);
	pgc_progress_end();
	table_close(relation, NoLock);
	refuse_error(&audit->tallies[0]);
	say_verdict(&audit->tallies[0]);
	nulls[0] = audit->tallies[0].considered < 0;
	values[0] = Int64GetDatum(audit->tallies[0].considered);
	nulls[1] = audit->tallies[0].failed < 0;
	values[1] = Int64GetDatum(audit->tallies[0].failed);
	values[2] = examples_of(&audit->tallies[0]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
