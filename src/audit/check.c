/*
 * src/audit/check.c
 *		SQL functions check and preview.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "audit/audit.h"
#include "catalog/annotate.h"
#include "compat.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_check);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_preview);

static const char *const modes[] = {"auto", "full", NULL};

/* Examples that preview shows. */
#define EXAMPLES 5

/* What is said of one rule, in check()'s result and in contract.result. */
typedef struct Finding
{
	const PgcStoredRule *rule;
	const char *status;
	const PgcTally *tally;		/* or NULL: not evaluated */
	char	   *message;		/* or NULL */
	Datum		columns;		/* name[] */
} Finding;

/* status_of judges a rule's counts. */
static const char *
status_of(const PgcStoredRule *rule, const PgcTally *tally)
{
	if (tally->error != NULL)
		return "error";
	if (tally->failed == 0 || (double) tally->failed / tally->considered <= rule->tolerance)
		return "pass";
	return strcmp(rule->severity, "error") == 0 ? "fail" : "warn";
}

/* message_of says what was found, in words (palloc'd or NULL). */
static char *
message_of(const PgcPass *pass, int rule, const char *problem)
{
	const PgcTally *tally = &pass->tallies[rule];
	const char *what = pgc_evidence_message(pass->contract, pass->program, rule, tally->error);

	if (tally->error != NULL)
		return psprintf("%s", what);
	if (tally->considered == 0)
		what = "no rows considered";
	else if (tally->failed > 0)
		what = psprintf(INT64_FORMAT " of " INT64_FORMAT " rows fail: %s",
						tally->failed, tally->considered, what);
	else
		what = NULL;
	if (problem == NULL || pass->program->rules[rule].action == PGC_AUDIT)
		return what ? pstrdup(what) : NULL;
	return psprintf("%s%snot enforced on write: %s", what ? what : "", what ? "; " : "", problem);
}

/* fraction returns {"failed_fraction": x} as jsonb. */
static Datum
fraction(double value)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("{\"failed_fraction\": %.10g}", value)));
}

/* observed_of returns the fraction of rows that failed, or 0 if none was considered. */
static Datum
observed_of(const Finding *finding)
{
	const PgcTally *tally = finding->tally;

	return tally == NULL || tally->considered == 0 ? (Datum) 0 :
		fraction((double) tally->failed / tally->considered);
}

/* rule_columns returns a stored rule's columns as a name[]. */
static Datum
rule_columns(const PgcRuleSpec *spec)
{
	List	   *names = NIL;

	for (int i = 0; i < spec->ncolumns; i++)
		names = lappend(names, spec->columns[i]);
	return pgc_name_array(names);
}

/* What a run of check() is about. */
typedef struct Check
{
	const PgcContract *contract;
	PgcPass    *pass;			/* or NULL: the relation is gone */
	Finding    *findings;
	int64		run_id;
	TimestampTz started;
	const char *executor;
	Datum		elapsed;		/* interval */
} Check;

/* judge_pass makes a finding of each rule's counts. */
static void
judge_pass(Check *check, const char *problem)
{
	for (int i = 0; i < check->contract->nrules; i++)
	{
		Finding    *finding = &check->findings[i];

		finding->rule = &check->contract->rules[i];
		finding->columns = rule_columns(&finding->rule->spec);
		if (check->pass == NULL)
		{
			finding->status = "error";
			finding->message = pstrdup(problem);
			continue;
		}
		finding->tally = &check->pass->tallies[i];
		finding->status = status_of(finding->rule, finding->tally);
		finding->message = message_of(check->pass, i, problem);
	}
}

/* store_run writes the row of contract.run. */
static void
store_run(const Check *check)
{
	PgcBatch   *batch = pgc_batch_make(PGC_RUN);
	PgcRunRow	row = {.id = check->run_id};

	row.dataset_id = check->contract->dataset_id;
	row.source = "audit";
	row.executor = check->executor;
	row.at = check->started;
	row.elapsed = check->elapsed;
	row.role = GetUserNameFromId(GetUserId(), false);
	row.application = application_name;
	row.query_id = pgstat_get_my_query_id();
	row.considered = check->pass ? check->pass->rows : -1;
	row.failed = check->pass ? check->pass->failed : -1;
	pgc_batch_add_run(batch, &row);
	pgc_batch_insert(batch);
}

/* store_results writes the rows of contract.result. */
static void
store_results(const Check *check)
{
	PgcBatch   *batch = pgc_batch_make(PGC_RESULT);

	for (int i = 0; i < check->contract->nrules; i++)
	{
		const Finding *finding = &check->findings[i];
		PgcResultRow row = {.run_id = check->run_id};

		row.rule = finding->rule->spec.name;
		row.kind = finding->rule->spec.kind;
		row.columns = finding->columns;
		row.action = finding->rule->spec.action;
		row.status = finding->status;
		row.considered = finding->tally ? finding->tally->considered : -1;
		row.failed = finding->tally ? finding->tally->failed : -1;
		row.observed = observed_of(finding);
		row.expected = fraction(finding->rule->tolerance);
		row.message = finding->message;
		pgc_batch_add_result(batch, &row);
	}
	pgc_batch_insert(batch);
}

/* store_violations writes the samples of all rules. */
static void
store_violations(const Check *check)
{
	PgcBatch   *batch = pgc_batch_make(PGC_VIOLATION);

	for (int i = 0; i < check->contract->nrules; i++)
	{
		const Finding *finding = &check->findings[i];
		ListCell   *cell;

		foreach(cell, finding->tally->samples)
		{
			const PgcSample *sample = lfirst(cell);
			PgcViolationRow row = {.run_id = check->run_id};

			row.dataset_id = check->contract->dataset_id;
			row.rule = finding->rule->spec.name;
			row.kind = finding->rule->spec.kind;
			row.columns = finding->columns;
			row.at = check->started;
			row.action = PGC_AUDIT;
			row.key = sample->key;
			row.row = sample->row;
			row.value = sample->value;
			row.message = pgc_evidence_message(check->contract, check->pass->program, i, NULL);
			pgc_batch_add_violation(batch, &row);
		}
	}
	pgc_batch_insert(batch);
}

/* text_or_null puts a text, or null, into a result row. */
static void
text_or_null(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text ? CStringGetTextDatum(text) : (Datum) 0;
}

/* return_findings puts the findings into check()'s result. */
static void
return_findings(const Check *check, ReturnSetInfo *result)
{
	for (int i = 0; i < check->contract->nrules; i++)
	{
		const Finding *finding = &check->findings[i];
		const PgcTally *tally = finding->tally;
		Datum		values[11];
		bool		nulls[11] = {false};

		text_or_null(values, nulls, 0, finding->rule->spec.name);
		text_or_null(values, nulls, 1, finding->rule->spec.kind);
		values[2] = finding->columns;
		text_or_null(values, nulls, 3, finding->status);
		nulls[4] = nulls[5] = tally == NULL;
		values[4] = Int64GetDatum(tally ? tally->considered : 0);
		values[5] = Int64GetDatum(tally ? tally->failed : 0);
		values[6] = observed_of(finding);
		nulls[6] = values[6] == (Datum) 0;
		values[7] = fraction(finding->rule->tolerance);
		text_or_null(values, nulls, 8, finding->message);
		text_or_null(values, nulls, 9, check->executor);
		values[10] = check->elapsed;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* run_pass judges all rows of the contract's relation as its owner. */
static PgcPass *
run_pass(const PgcContract *contract)
{
	PgcPass    *pass = palloc0(sizeof(PgcPass));
	Relation	relation = table_open(contract->relid, AccessShareLock);
	int			nspecs;
	PgcRuleSpec *specs = pgc_contract_specs(contract, PGC_AUDIT, &nspecs, NULL);

	pass->contract = contract;
	pass->max_samples = pgc_violation_samples;
	pass->program = pgc_program_compile(CurrentMemoryContext, pgc_layout_of(relation), specs, nspecs);
	pgc_pass_run(pass, relation, relation->rd_rel->relowner);
	table_close(relation, NoLock);
	return pass;
}

/* require_arguments refuses modes and options that are not there. */
static void
require_arguments(const char *mode, bool profile)
{
	if (strcmp(mode, "incremental") == 0 || strcmp(mode, "sample") == 0 || profile)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 profile ? errmsg("profiles are not available in this version") :
				 errmsg("audit mode \"%s\" is not available in this version", mode),
				 errhint("Use mode => 'auto' or 'full', without profile.")));
	pgc_require_word("mode", mode, modes);
}

/* require_auditor raises unless the caller may learn what an audit tells. */
static void
require_auditor(const PgcContract *contract)
{
	if (OidIsValid(contract->relid))
		pgc_privilege_require_read(contract->relid);
	PreventCommandIfReadOnly("contract.check()");
	PreventCommandIfParallelMode("contract.check()");
}

/* pgc_check is contract.check(dataset, mode, profile). */
Datum
pgc_check(PG_FUNCTION_ARGS)
{
	Check		check = {0};
	char	   *problem;

	require_arguments(text_to_cstring(PG_GETARG_TEXT_PP(1)), PG_GETARG_BOOL(2));
	InitMaterializedSRF(fcinfo, 0);
	check.contract = pgc_contract_load(pgc_contract_find(text_to_cstring(PG_GETARG_TEXT_PP(0)), false));
	require_auditor(check.contract);
	pgc_recording_flush();

	check.started = GetCurrentTimestamp();
	check.findings = palloc0(Max(check.contract->nrules, 1) * sizeof(Finding));
	problem = pgc_binding_problem(check.contract);
	if (problem != NULL)
		ereport(WARNING,
				(errmsg("the contract of \"%s\" is not enforced on write", check.contract->name),
				 errdetail_internal("%s.", problem)));
	if (OidIsValid(check.contract->relid))
		check.pass = run_pass(check.contract);
	check.executor = check.pass ? "select" : "none";
	check.elapsed = DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(GetCurrentTimestamp()),
										TimestampTzGetDatum(check.started));
	judge_pass(&check, problem);

	check.run_id = pgc_history_next_id(PGC_RUN);
	store_run(&check);
	store_results(&check);
	if (check.pass != NULL)
		store_violations(&check);
	CommandCounterIncrement();
	return_findings(&check, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

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

/*
 * pgc_preview is contract.preview(relation, kind, columns, parameters, filter).
 * It reads with the caller's rights, since the rule is the caller's.
 */
Datum
pgc_preview(PG_FUNCTION_ARGS)
{
	PgcRuleSpec spec = spec_of_arguments(fcinfo);
	Oid			relid = PG_GETARG_OID(0);
	Relation	relation;
	PgcPass		pass = {0};
	PgcContract nobody = {.relid = relid};
	PgcLayout  *layout;
	int32		dataset_id;
	TupleDesc	descriptor;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	relation = table_open(relid, AccessShareLock);
	layout = pgc_layout_of(relation);
	layout->author = GetUserId();
	pgc_program_validate(layout, &spec);
	dataset_id = pgc_contract_of_relation(relid);
	pass.contract = dataset_id ? pgc_contract_load(dataset_id) : &nobody;
	pass.max_samples = EXAMPLES;
	pass.program = pgc_program_compile(CurrentMemoryContext, layout, &spec, 1);
	pgc_pass_run(&pass, relation, GetUserId());
	table_close(relation, NoLock);
	if (pass.tallies[0].error != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the rule could not be evaluated: %s", pass.tallies[0].error)));
	values[0] = Int64GetDatum(pass.tallies[0].considered);
	values[1] = Int64GetDatum(pass.tallies[0].failed);
	values[2] = examples_of(&pass.tallies[0]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
