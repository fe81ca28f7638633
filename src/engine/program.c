/*
 * src/engine/program.c
 *		Compiles rules to a program and runs it over rows.
 *
 * pgc_program_run is the hot path: a loop over PgcOps.  It allocates only
 * what comparators and expressions allocate, in the current context and in the
 * program's expression context, which it resets for each row.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "engine/kind.h"
#include "engine/rights.h"
#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Counts (sub)transactions that were rolled back; see pgc_program_run. */
uint64		pgc_program_aborts = 0;

static const char *const action_names[] = {"audit", "warn", "quarantine", "reject"};

/* pgc_action_parse returns the action of a name, or raises with the right ones. */
PgcAction
pgc_action_parse(const char *text)
{
	for (int i = 0; i < lengthof(action_names); i++)
	{
		if (strcmp(action_names[i], text) == 0)
			return (PgcAction) i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown action \"%s\"", text),
			 errhint("Valid actions are audit, warn, quarantine, reject.")));
}

/* pgc_action_name returns an action's name. */
const char *
pgc_action_name(PgcAction action)
{
	return action_names[action];
}

/* find_kind returns the spec's kind, or raises with the right ones. */
static const PgcKind *
find_kind(const PgcRuleSpec *spec)
{
	const PgcKind *kind = pgc_kind_lookup(spec->kind);

	if (kind == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown kind of rule \"%s\"", spec->kind),
				 errhint("Kinds of rules are %s.", pgc_kind_names())));
	if ((kind->ncolumns == 1 && spec->ncolumns != 1) ||
		(kind->ncolumns == PGC_SOME_COLUMNS && spec->ncolumns == 0) ||
		(kind->ncolumns == PGC_PERHAPS_A_COLUMN && spec->ncolumns > 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule kind \"%s\" is about %s, not %d", kind->name,
						kind->ncolumns == PGC_SOME_COLUMNS ? "one or more columns" :
						kind->ncolumns == PGC_PERHAPS_A_COLUMN ? "at most one column" : "one column",
						spec->ncolumns)));
	return kind;
}

/* pgc_layout_names lists the columns of a layout for a hint (palloc'd). */
char *
pgc_layout_names(const PgcLayout *layout)
{
	const int	shown = 20;
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < Min(layout->ncolumns, shown); i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(NameStr(layout->columns[i].name)));
	if (layout->ncolumns > shown)
		appendStringInfo(&names, " and %d more", layout->ncolumns - shown);
	return names.data;
}

/* pgc_layout_index returns the index of the column of that name, or -1. */
int
pgc_layout_index(const PgcLayout *layout, const char *name)
{
	for (int i = 0; i < layout->ncolumns; i++)
	{
		if (strcmp(NameStr(layout->columns[i].name), name) == 0)
			return i;
	}
	return -1;
}

/*
 * pgc_layout_pick returns a layout of the columns of those names (char *), in
 * their order; names that are not there are left out.
 */
PgcLayout *
pgc_layout_pick(const PgcLayout *layout, const List *names)
{
	PgcLayout  *picked = palloc(sizeof(PgcLayout));
	ListCell   *cell;

	*picked = *layout;
	picked->columns = palloc(Max(list_length(names), 1) * sizeof(PgcColumn));
	picked->ncolumns = 0;
	foreach(cell, names)
	{
		int			index = pgc_layout_index(layout, lfirst(cell));

		if (index >= 0)
			picked->columns[picked->ncolumns++] = layout->columns[index];
	}
	return picked;
}

/*
 * pgc_layout_find returns the index of the column of that name, or raises with
 * the columns that there are.
 */
int
pgc_layout_find(const PgcLayout *layout, const char *name)
{
	int			index = pgc_layout_index(layout, name);

	if (index < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of \"%s\" does not exist", name, layout->relation),
				 errhint("The columns are %s.", pgc_layout_names(layout))));
	return index;
}

/* pgc_rule_uses_generated: does a rule or its filter need a generated column? */
bool
pgc_rule_uses_generated(const PgcLayout *layout, const PgcRule *rule)
{
	int			column = -1;

	while ((column = bms_next_member(rule->uses, column)) >= 0)
	{
		if (layout->columns[column].generated)
			return true;
	}
	return false;
}

/* bind_columns looks up the columns that a rule is about. */
static void
bind_columns(PgcCompile *compile)
{
	PgcRule    *rule = compile->rule;

	rule->columns = palloc(Max(compile->spec->ncolumns, 1) * sizeof(int));
	for (int i = 0; i < compile->spec->ncolumns; i++)
	{
		int			index = pgc_layout_find(compile->layout, compile->spec->columns[i]);

		rule->columns[rule->ncolumns++] = index;
		rule->uses = bms_add_member(rule->uses, index);
	}
	if (rule->ncolumns == 0)
		return;
	compile->column = &compile->layout->columns[rule->columns[0]];
	compile->typmod = compile->column->typmod;
	compile->type = getBaseTypeAndTypmod(compile->column->type, &compile->typmod);
	compile->op->column = rule->columns[0];
}

/*
 * compile_rule fills rule and op in the current context, or raises.  It runs
 * with the owner's rights: a constant's type may call a user's function.
 */
static void
compile_rule(const PgcLayout *layout, const PgcRuleSpec *spec, PgcRule *rule, PgcOp *op)
{
	PgcCompile	compile = {.spec = spec,.layout = layout,.rule = rule,.op = op};
	PgcRights	saved;

	pgc_rights_enter(&saved, layout->owner, true);
	rule->kind = find_kind(spec);
	pgc_parameter_check_names(rule->kind, spec->parameters);
	if (rule->kind->ncolumns != 0)
		bind_columns(&compile);
	op->null_passes = rule->kind->null_passes;
	if (spec->filter != NULL)
	{
		rule->filter = pgc_expression_compile(spec->filter, "filter", layout, &rule->uses);
		rule->filter_sql = pgc_expression_unqualified(spec->filter);
	}
	initStringInfo(&compile.words);
	initStringInfo(&compile.sql);
	pushJsonbValue(&compile.canonical, WJB_BEGIN_OBJECT, NULL);
	rule->kind->compile(&compile);
	rule->parameters = JsonbValueToJsonb(pushJsonbValue(&compile.canonical, WJB_END_OBJECT, NULL));
	rule->words = compile.words.data;
	rule->sql = compile.sql.len > 0 ? compile.sql.data : NULL;
	pgc_rights_leave(&saved);
}

/*
 * pgc_program_validate compiles one rule, in the current context, and raises
 * the author's errors; the result tells its columns and canonical parameters.
 */
PgcRule *
pgc_program_validate(const PgcLayout *layout, const PgcRuleSpec *spec)
{
	PgcRule    *rule = palloc0(sizeof(PgcRule));
	PgcOp		op = {.column = -1};

	rule->name = spec->name;
	rule->action = spec->action;
	compile_rule(layout, spec, rule, &op);
	return rule;
}

/*
 * try_rule compiles a stored rule; one that no longer compiles (its column or
 * function is gone) is marked broken with the reason.
 */
static void
try_rule(PgcProgram *program, const PgcRuleSpec *spec, PgcRule *rule, PgcOp *op)
{
	PgcAttempt	attempt;

	if (IsInParallelMode())		/* no subtransactions there */
	{
		compile_rule(&program->layout, spec, rule, op);
		return;
	}
	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		compile_rule(&program->layout, spec, rule, op);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		rule->broken = pgc_attempt_fail(&attempt);
		rule->words = pstrdup("could not be evaluated");
		rule->condition = NULL;
		rule->filter = NULL;
		op->passes = NULL;
		program->nbroken++;
	}
	PG_END_TRY();
}

/* copy_layout copies a layout into the current context. */
static PgcLayout
copy_layout(const PgcLayout *layout)
{
	PgcLayout	copy = *layout;
	Size		size = layout->ncolumns * sizeof(PgcColumn);

	copy.relation = pstrdup(layout->relation);
	copy.columns = palloc(Max(size, 1));
	memcpy(copy.columns, layout->columns, size);
	return copy;
}

/*
 * pgc_program_compile compiles rules over a layout into a program in a context
 * of its own under parent: delete program->context to free it.  Rules that do
 * not compile are kept and marked broken; no error is raised for them.
 */
PgcProgram *
pgc_program_compile(MemoryContext parent, const PgcLayout *layout,
					const PgcRuleSpec *specs, int nspecs)
{
	MemoryContext context = AllocSetContextCreate(parent, "pg_contract program",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	PgcProgram *program = palloc0(sizeof(PgcProgram));

	program->context = context;
	program->layout = copy_layout(layout);
	program->layout.any_qualifier = true;
	program->nrules = nspecs;
	program->rules = palloc0(Max(nspecs, 1) * sizeof(PgcRule));
	program->ops = palloc0(Max(nspecs, 1) * sizeof(PgcOp));
	for (int i = 0; i < nspecs; i++)
	{
		program->rules[i].name = pstrdup(specs[i].name);
		program->rules[i].label = cstring_to_text(specs[i].name);
		program->rules[i].action = specs[i].action;
		program->ops[i].column = -1;
		try_rule(program, &specs[i], &program->rules[i], &program->ops[i]);
	}
	MemoryContextSwitchTo(caller);
	return program;
}

/* pgc_verdict_make returns a verdict for a program's rows, in the current context. */
PgcVerdict *
pgc_verdict_make(const PgcProgram *program)
{
	PgcVerdict *verdict = palloc0(sizeof(PgcVerdict));

	verdict->failed = palloc(Max(program->nrules, 1) * sizeof(int));
	verdict->errors = palloc0(Max(program->nrules, 1) * sizeof(char *));
	return verdict;
}

/* note_failure adds a rule to the verdict; error says if it was not evaluated. */
static void
note_failure(const PgcProgram *program, int rule, char *error, PgcVerdict *verdict)
{
	verdict->failed[verdict->nfailed++] = rule;
	verdict->errors[rule] = error;
	verdict->strongest = Max(verdict->strongest, program->rules[rule].action);
}

/* name_rule adds to an error which rule was being evaluated. */
static void
name_rule(void *arg)
{
	errcontext("contract rule \"%s\"", ((const PgcRule *) arg)->name);
}

/* evaluate returns an expression's truth, with errors caught if they must be. */
static bool
evaluate(PgcExpression *expression, PgcProgram *program, const PgcRule *rule,
		 const Datum *values, const bool *nulls, PgcErrors errors,
		 bool *isnull, char **error)
{
	ErrorContextCallback callback;
	bool		catch = errors == PGC_ERRORS_CATCH;
	bool		result;

	if (errors == PGC_ERRORS_CATCH_WARN)
		catch = rule->action <= PGC_WARN;
	*isnull = false;
	if (catch && pgc_expression_can_fail(expression) && !IsInParallelMode())
		return pgc_expression_catch(expression, program, values, nulls, isnull, error);
	callback.callback = name_rule;
	callback.arg = unconstify(PgcRule *, rule);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	result = pgc_expression_evaluate(expression, program, values, nulls, isnull);
	error_context_stack = callback.previous;
	return result;
}

/* considers: does the rule's filter call the row TRUE? */
static bool
considers(PgcProgram *program, const PgcRule *rule, const Datum *values,
		  const bool *nulls, PgcErrors errors, char **error)
{
	bool		isnull;

	return rule->filter == NULL ||
		evaluate(rule->filter, program, rule, values, nulls, errors, &isnull, error);
}

/*
 * judge_broken deals with a rule that could not be compiled: an audit says so,
 * what guards rows fails closed, what only observes fails open with a message
 * in the log.
 */
static void
judge_broken(PgcProgram *program, int index, PgcErrors errors, PgcVerdict *verdict)
{
	PgcRule    *rule = &program->rules[index];

	if (errors == PGC_ERRORS_CATCH)
		note_failure(program, index, rule->broken, verdict);
	else if (rule->action >= PGC_QUARANTINE)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("contract rule \"%s\" of \"%s\" cannot be evaluated", rule->name, program->layout.relation),
				 errdetail("%s.", rule->broken),
				 errhint("Change the rule with contract.alter_rule, or drop it with contract.drop_rule.")));
	else if (program->nbroken > 0)
	{
		program->nbroken = 0;	/* once a program is enough */
		ereport(LOG,
				(errmsg("contract rule \"%s\" of \"%s\" cannot be evaluated: %s",
						rule->name, program->layout.relation, rule->broken)));
	}
}

/* judge_expression judges a rule whose condition is an expression. */
static void
judge_expression(PgcProgram *program, int index, const Datum *values,
				 const bool *nulls, PgcErrors errors, PgcVerdict *verdict)
{
	PgcRule    *rule = &program->rules[index];
	char	   *error = NULL;
	bool		isnull;
	bool		holds;

	if (rule->broken != NULL)
	{
		judge_broken(program, index, errors, verdict);
		return;
	}
	if (!considers(program, rule, values, nulls, errors, &error))
	{
		if (error != NULL)
			note_failure(program, index, error, verdict);
		return;
	}
	holds = evaluate(rule->condition, program, rule, values, nulls, errors, &isnull, &error);
	if (error != NULL || (!holds && !isnull))
		note_failure(program, index, error, verdict);
}

/*
 * refuse_nested_run raises if a rule's own function writes to the dataset: the
 * two runs would share values and verdict.  A run that an error ended is none.
 */
static inline void
refuse_nested_run(PgcProgram *program)
{
	if (unlikely(program->running && program->running_since == pgc_program_aborts))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("a contract rule of \"%s\" calls a function that writes to its own dataset",
						program->layout.relation),
				 errhint("Functions in rules must not write.")));
	program->running = true;
	program->running_since = pgc_program_aborts;
}

/*
 * pgc_program_run judges a row: values and nulls in the order of the layout.
 * Returns whether it passes; verdict lists the rules that it fails.
 */
bool
pgc_program_run(PgcProgram *program, const Datum *values, const bool *nulls,
				PgcErrors errors, PgcVerdict *verdict)
{
	refuse_nested_run(program);
	while (verdict->nfailed > 0)
		verdict->errors[verdict->failed[--verdict->nfailed]] = NULL;
	verdict->strongest = PGC_AUDIT;
	if (program->econtext != NULL)
		ResetExprContext(program->econtext);

	for (int i = 0; i < program->nrules; i++)
	{
		const PgcOp *op = &program->ops[i];
		char	   *error = NULL;

		if (unlikely(op->passes == NULL))
		{
			judge_expression(program, i, values, nulls, errors, verdict);
			continue;
		}
		if (likely(nulls[op->column] ? op->null_passes : op->passes(op, values[op->column])))
			continue;
		if (considers(program, &program->rules[i], values, nulls, errors, &error) || error != NULL)
			note_failure(program, i, error, verdict);
	}
	program->running = false;
	return verdict->nfailed == 0;
}

/*
 * pgc_program_considers says whether a rule's filter calls the row TRUE; errors
 * of the filter are thrown.
 */
bool
pgc_program_considers(PgcProgram *program, int rule, const Datum *values, const bool *nulls)
{
	return considers(program, &program->rules[rule], values, nulls, PGC_ERRORS_THROW, NULL);
}

/* pgc_program_can_fail: may an expression of a rule that is not left out raise an error? */
bool
pgc_program_can_fail(const PgcProgram *program)
{
	for (int i = 0; i < program->nrules; i++)
	{
		const PgcRule *rule = &program->rules[i];

		if (!rule->left_out && rule->broken == NULL &&
			((rule->condition != NULL && pgc_expression_can_fail(rule->condition)) ||
			 (rule->filter != NULL && pgc_expression_can_fail(rule->filter))))
			return true;
	}
	return false;
}

/* is_built_in: do all columns that a rule uses have built-in types? */
static bool
is_built_in(const PgcLayout *layout, const PgcRule *rule)
{
	int			column = -1;

	while ((column = bms_next_member(rule->uses, column)) >= 0)
	{
		if (getBaseType(layout->columns[column].type) >= FirstNormalObjectId)
			return false;
	}
	return true;
}

/*
 * pgc_program_is_fixed: do the rules that are not left out say the same of a
 * row for ever, and in every process?  Only what is built in promises that.
 */
bool
pgc_program_is_fixed(const PgcProgram *program)
{
	for (int i = 0; i < program->nrules; i++)
	{
		const PgcRule *rule = &program->rules[i];

		if (rule->left_out || rule->broken != NULL)
			continue;
		if (!is_built_in(&program->layout, rule) ||
			(rule->condition != NULL && !pgc_expression_is_fixed(rule->condition)) ||
			(rule->filter != NULL && !pgc_expression_is_fixed(rule->filter)))
			return false;
	}
	return true;
}
