/*
 * src/audit/evaluate.c
 *		SQL function evaluate and aggregate tally: row rules in any query.
 *
 * evaluate judges a row by some rules of a dataset and returns two bits a rule:
 * 1 it fails, 2 its filter does not consider it.  tally counts them.  So
 *		SELECT contract.tally(contract.evaluate(id, rules, columns, a, b)) FROM t
 * audits whatever a query can read, in parallel if the planner sees fit.
 *
 * The aggregate's state is a bytea that is changed in place, since only then can
 * systems that distribute queries send it around.
 */
#include "postgres.h"

#include "access/table.h"
#include "audit/audit.h"
#include "audit/limits.h"
#include "catalog/pg_type.h"
#include "engine/kind.h"
#include "fmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_evaluate);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_tally_step);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_tally_combine);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_tally_final);

#define FAILS UINT64CONST(1)
#define NOT_CONSIDERED UINT64CONST(2)

/* Arguments of evaluate before the values. */
#define LEADING 3

/* What a call site of evaluate keeps. */
typedef struct Site
{
	PgcProgram *program;
	PgcVerdict *verdict;
	bool		has_filters;
	bool		fixed;			/* the leading arguments are constants */
	struct varlena *leading[LEADING];	/* what they were, but for the first */
	int32		dataset_id;
	Datum	   *values;
	bool	   *nulls;
} Site;

/*
 * The state of tally, in a bytea: rows, rows that fail any rule, rows that fail
 * each rule, rows that the filter of each rule does not consider.
 */
#define COUNT_ROWS 0
#define COUNT_FAILED 1
#define COUNT_FAILS 2
#define COUNT_NOT_CONSIDERED (COUNT_FAILS + PGC_EVALUATE_RULES)
#define NCOUNTS (COUNT_NOT_CONSIDERED + PGC_EVALUATE_RULES)

/* refuse raises the error for arguments that do not fit the contract. */
pg_noreturn static void
refuse(const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("contract.evaluate() cannot judge these values"),
			 errdetail_internal("%s", reason),
			 errhint("Pass the dataset's id, at most %d names of its row rules, names of columns, and the values of these columns.",
					 PGC_EVALUATE_RULES)));
}

/* pick_rules returns the specs of the rules of those names. */
static PgcRuleSpec *
pick_rules(const PgcContract *contract, Datum names, int *nspecs)
{
	char	  **wanted = pgc_array_texts(names, nspecs);
	PgcRuleSpec *specs = palloc(Max(*nspecs, 1) * sizeof(PgcRuleSpec));

	if (*nspecs > PGC_EVALUATE_RULES)
		refuse(psprintf("There are %d rules.", *nspecs));
	for (int i = 0; i < *nspecs; i++)
	{
		int			rule = 0;

		while (rule < contract->nrules && strcmp(contract->rules[rule].spec.name, wanted[i]) != 0)
			rule++;
		if (rule == contract->nrules)
			refuse(psprintf("\"%s\" has no rule \"%s\".", contract->name, wanted[i]));
		specs[i] = contract->rules[rule].spec;
	}
	return specs;
}

/* pick_columns returns the layout of the columns whose values are passed. */
static PgcLayout *
pick_columns(FunctionCallInfo fcinfo, Relation relation)
{
	int			nnames;
	char	  **names = pgc_array_names(PG_GETARG_DATUM(2), &nnames);
	List	   *list = NIL;
	PgcLayout  *layout;

	for (int i = 0; i < nnames; i++)
	{
		if (!pgc_privilege_may_read_column(RelationGetRelid(relation), names[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied for column \"%s\" of \"%s\"", names[i],
							RelationGetRelationName(relation))));
		list = lappend(list, names[i]);
	}
	layout = pgc_layout_pick(pgc_layout_of(relation), list);
	if (layout->ncolumns != nnames || PG_NARGS() != LEADING + nnames)
		refuse(psprintf("There are %d names, %d values and %d such columns.", nnames,
						PG_NARGS() - LEADING, layout->ncolumns));
	for (int i = 0; i < nnames; i++)
	{
		if (get_fn_expr_argtype(fcinfo->flinfo, LEADING + i) != layout->columns[i].type)
			refuse(psprintf("The value for column \"%s\" is not of its type.", names[i]));
	}
	return layout;
}

/* runs_foreign: does a rule run functions that are not built in? */
static bool
runs_foreign(const PgcRule *rule)
{
	return (rule->condition != NULL && pgc_expression_is_foreign(rule->condition)) ||
		(rule->filter != NULL && pgc_expression_is_foreign(rule->filter));
}

/*
 * require_row_rules refuses rules that cannot be judged on one row, and, for
 * others than the owner, those that run the owner's functions: values made up would
 * be passed to them with the owner's rights.
 */
static void
require_row_rules(const PgcProgram *program)
{
	bool		is_owner = has_privs_of_role(GetUserId(), program->layout.owner);

	for (int i = 0; i < program->nrules; i++)
	{
		const PgcRule *rule = &program->rules[i];

		if (pgc_rule_is_set_rule(rule))
			refuse(psprintf("Rule \"%s\" is not about single rows.", rule->name));
		if (rule->broken != NULL)
			refuse(psprintf("Rule \"%s\": %s.", rule->name, rule->broken));
		if (!is_owner && runs_foreign(rule))
			refuse(psprintf("Rule \"%s\" runs functions of the owner's.", rule->name));
	}
}

/* contract_of returns the contract of a dataset whose relation is there, or raises. */
static PgcContract *
contract_of(int32 dataset_id)
{
	PgcContract *contract = pgc_contract_load(dataset_id);

	if (contract != NULL && OidIsValid(contract->relid))
		return contract;
	refuse("There is no dataset of this id, or its relation is gone.");
}

/* note_leading keeps the arguments that a site was made for. */
static void
note_leading(FunctionCallInfo fcinfo, Site *site)
{
	site->fixed = true;
	site->dataset_id = PG_GETARG_INT32(0);
	for (int i = 0; i < LEADING; i++)
	{
		site->fixed &= get_fn_expr_arg_stable(fcinfo->flinfo, i);
		if (i > 0)
			site->leading[i] = PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(i));
	}
}

/* require_same_leading refuses arguments that change from row to row. */
static void
require_same_leading(FunctionCallInfo fcinfo, const Site *site)
{
	bool		same = !PG_ARGISNULL(0) && PG_GETARG_INT32(0) == site->dataset_id;

	for (int i = 1; i < LEADING && same; i++)
		same = !PG_ARGISNULL(i) &&
			datum_image_eq(PG_GETARG_DATUM(i), PointerGetDatum(site->leading[i]), false, -1);
	if (!same)
		refuse("Dataset, rules and columns must be the same for all rows.");
}

/* make_site compiles the rules for a call site, in its function's context. */
static Site *
make_site(FunctionCallInfo fcinfo)
{
	MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	Site	   *site = palloc0(sizeof(Site));
	PgcContract *contract = contract_of(PG_GETARG_INT32(0));
	Relation	relation;
	PgcRuleSpec *specs;
	int			nspecs;

	pgc_privilege_require_some(contract->relid);
	specs = pick_rules(contract, PG_GETARG_DATUM(1), &nspecs);
	relation = table_open(contract->relid, AccessShareLock);
	site->program = pgc_program_compile(CurrentMemoryContext, pick_columns(fcinfo, relation), specs, nspecs);
	table_close(relation, NoLock);
	require_row_rules(site->program);
	for (int i = 0; i < nspecs; i++)
		site->has_filters |= site->program->rules[i].filter != NULL;
	note_leading(fcinfo, site);
	site->verdict = pgc_verdict_make(site->program);
	site->values = palloc(PG_NARGS() * sizeof(Datum));
	site->nulls = palloc(PG_NARGS() * sizeof(bool));
	MemoryContextSwitchTo(caller);
	return site;
}

/* add_passed_over adds the bits of rules whose filter does not consider the row. */
static uint64
add_passed_over(const Site *site, uint64 bits)
{
	for (int i = 0; i < site->program->nrules; i++)
	{
		if (site->program->rules[i].filter != NULL &&
			!pgc_program_considers(site->program, i, site->values, site->nulls))
			bits |= NOT_CONSIDERED << (2 * i);
	}
	return bits;
}

/* pgc_evaluate is contract.evaluate(dataset_id, rules, columns, value ...). */
Datum
pgc_evaluate(PG_FUNCTION_ARGS)
{
	Site	   *site = fcinfo->flinfo->fn_extra;
	uint64		bits = 0;

	pgc_limits_poll();
	if (unlikely(site == NULL))
	{
		if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) || get_fn_expr_variadic(fcinfo->flinfo))
			refuse("Dataset, rules and columns must not be null, nor the values an array.");
		site = fcinfo->flinfo->fn_extra = make_site(fcinfo);
	}
	else if (unlikely(!site->fixed))
		require_same_leading(fcinfo, site);
	for (int i = 0; i < site->program->layout.ncolumns; i++)
	{
		site->values[i] = fcinfo->args[LEADING + i].value;
		site->nulls[i] = fcinfo->args[LEADING + i].isnull;
	}
	if (!pgc_program_run(site->program, site->values, site->nulls, PGC_ERRORS_THROW, site->verdict))
	{
		for (int i = 0; i < site->verdict->nfailed; i++)
			bits |= FAILS << (2 * site->verdict->failed[i]);
	}
	if (site->has_filters)
		bits = add_passed_over(site, bits);
	PG_RETURN_INT64((int64) bits);
}

/* The counts lie behind the header of a bytea and a gap that aligns them. */
#define COUNTS_OFFSET MAXALIGN(VARHDRSZ)
#define COUNTS_SIZE (COUNTS_OFFSET + NCOUNTS * sizeof(int64))

/* counts_of returns the counts in a state that we have allocated. */
static inline int64 *
counts_of(Datum state)
{
	return (int64 *) (DatumGetPointer(state) + COUNTS_OFFSET);
}

/* new_state returns a state of zeros, or raises outside of an aggregate. */
static Datum
new_state(FunctionCallInfo fcinfo)
{
	MemoryContext context;
	char	   *state;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this function belongs to the aggregate contract.tally and can be called by it only")));
	state = MemoryContextAllocZero(context, COUNTS_SIZE);
	SET_VARSIZE(state, COUNTS_SIZE);
	return PointerGetDatum(state);
}

/* own_counts returns the counts in a state that may be changed in place, or raises: an aggregate of somebody else's may begin with any bytea. */
static int64 *
own_counts(Datum state)
{
	const char *bytes = DatumGetPointer(state);

	if (!VARATT_IS_4B_U(bytes) || VARSIZE(bytes) != COUNTS_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION), errmsg("this is no state of the aggregate contract.tally")));
	return counts_of(state);
}

/* pgc_tally_step counts one row. */
Datum
pgc_tally_step(PG_FUNCTION_ARGS)
{
	Datum		state = PG_ARGISNULL(0) || !AggCheckCallContext(fcinfo, NULL) ?
	new_state(fcinfo) : PG_GETARG_DATUM(0);
	int64	   *counts = own_counts(state);
	uint64		bits = PG_ARGISNULL(1) ? 0 : (uint64) PG_GETARG_INT64(1);
	bool		failed = false;

	counts[COUNT_ROWS]++;
	for (int rule = 0; bits != 0 && rule < PGC_EVALUATE_RULES; rule++, bits >>= 2)
	{
		counts[COUNT_FAILS + rule] += bits & FAILS;
		counts[COUNT_NOT_CONSIDERED + rule] += (bits & NOT_CONSIDERED) != 0;
		failed |= (bits & FAILS) != 0;
	}
	counts[COUNT_FAILED] += failed;
	PG_RETURN_DATUM(state);
}

/* add adds the counts in a bytea that need not be aligned. */
static void
add(int64 *counts, const struct varlena *bytes)
{
	int64		others[NCOUNTS] = {0};

	if (VARSIZE_ANY_EXHDR(bytes) != COUNTS_SIZE - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION), errmsg("this is no state of the aggregate contract.tally")));
	memcpy(others, VARDATA_ANY(bytes) + COUNTS_OFFSET - VARHDRSZ, sizeof(others));
	for (int i = 0; i < NCOUNTS; i++)
		counts[i] += others[i];
}

/* pgc_tally_combine adds the state of another process. */
Datum
pgc_tally_combine(PG_FUNCTION_ARGS)
{
	Datum		state = new_state(fcinfo);

	for (int i = 0; i < 2; i++)
	{
		if (!PG_ARGISNULL(i))
			add(counts_of(state), PG_GETARG_BYTEA_PP(i));
	}
	PG_RETURN_DATUM(state);
}

/*
 * pgc_tally_final returns {rows, rows that fail any rule, rows that fail rule 1, ...,
 * rows that rule 1's filter does not consider, ...}.
 */
Datum
pgc_tally_final(PG_FUNCTION_ARGS)
{
	Datum		numbers[NCOUNTS];
	int64		counts[NCOUNTS] = {0};

	if (!PG_ARGISNULL(0))
		add(counts, PG_GETARG_BYTEA_PP(0));
	for (int i = 0; i < NCOUNTS; i++)
		numbers[i] = Int64GetDatum(counts[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(numbers, NCOUNTS, INT8OID, sizeof(int64), true,
										  TYPALIGN_DOUBLE));
}
