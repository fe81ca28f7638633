/*
 * src/document/plan/rules.c
 *		From rules as the document asks for them to rules as they are stored:
 *		compiled by the engine, named, or given up with the reason.
 *
 * The rules of a dataset are compiled in one subtransaction.  What raises an
 * error there becomes a remark, and the rest goes on in a new one.
 */
#include "postgres.h"

#include "document/plan/plan.h"
#include "engine/rights.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* names_of returns the names of columns as the engine wants them. */
static char **
names_of(const List *columns)
{
	char	  **names = palloc(Max(list_length(columns), 1) * sizeof(char *));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, columns)
		names[n++] = NameStr(((PgcProperty *) lfirst(cell))->column->name);
	return names;
}

/* check_own_action: a rule about the whole table cannot be checked on write. */
static void
check_own_action(const PgcAsked *asked, const char *kind)
{
	PgcRemark  *remark;

	if (!asked->own_action || asked->action == PGC_AUDIT)
		return;
	remark = pgc_remark(asked->planner->remarks, PGC_ERROR, pgc_custom_get(asked->node, "onViolation"),
						pgc_plan_path(asked->path, NULL),
						"rule kind \"%s\" cannot be checked on write", kind);
	remark->hint = "Leave onViolation out, or use audit: the rule is about more than one row.";
}

/* pgc_plan_check_name drops a name that is too long, with room for a number, and remarks on it. */
void
pgc_plan_check_name(PgcAsked *asked)
{
	if (asked->name == NULL || strlen(asked->name) <= PGC_MAX_NAME - 12)
		return;
	(void) pgc_remark(asked->planner->remarks, PGC_ERROR, asked->node, pgc_plan_path(asked->path, NULL),
					  "the name is longer than %d bytes", PGC_MAX_NAME - 12);
	asked->name = NULL;
}

/*
 * pgc_plan_add adds a rule that was asked for to its dataset, and returns it;
 * columns are PgcProperty.
 */
PgcDraft *
pgc_plan_add(const PgcAsked *asked, const char *kind, List *columns, Jsonb *parameters)
{
	PgcDraft   *draft = palloc0(sizeof(PgcDraft));
	PgcPlannedRule *rule = palloc0(sizeof(PgcPlannedRule));
	bool		is_draft = asked->planner->is_draft;

	rule->node = asked->node;
	rule->path = pgc_plan_path(asked->path, NULL);
	rule->spec.name = "";
	rule->spec.kind = pstrdup(kind);
	rule->spec.columns = names_of(columns);
	rule->spec.ncolumns = list_length(columns);
	rule->spec.parameters = parameters;
	rule->spec.filter = asked->filter == NULL ? NULL : pstrdup(asked->filter);
	rule->spec.action = is_draft ? Min(asked->action, PGC_WARN) : asked->action;
	if (pgc_kind_default_action(kind) == PGC_AUDIT)
	{
		check_own_action(asked, kind);
		rule->spec.action = PGC_AUDIT;
	}
	rule->severity = is_draft && strcmp(asked->severity, "error") == 0 ? "warning" : asked->severity;
	rule->tolerance = pstrdup(asked->tolerance == NULL ? "0" : asked->tolerance);
	rule->description = asked->description;
	rule->schedule = asked->schedule;
	rule->runbook = asked->runbook;
	draft->rule = rule;
	draft->columns = columns;
	draft->base = asked->name != NULL && asked->name[0] != '\0' ? asked->name : NULL;
	asked->object->drafts = lappend(asked->object->drafts, draft);
	return draft;
}

/*
 * layout_of returns what a rule is compiled against: its own columns, if it can
 * name no others, since a dataset may have very many.
 */
static PgcLayout *
layout_of(const PgcObject *object, const PgcDraft *draft)
{
	PgcLayout  *layout;
	ListCell   *cell;

	if (draft->columns == NIL || draft->rule->spec.filter != NULL)
		return object->dataset->layout;
	layout = palloc(sizeof(PgcLayout));
	*layout = *object->dataset->layout;
	layout->columns = palloc(list_length(draft->columns) * sizeof(PgcColumn));
	layout->ncolumns = 0;
	foreach(cell, draft->columns)
		layout->columns[layout->ncolumns++] = *((PgcProperty *) lfirst(cell))->layout;
	return layout;
}

/* parameter_text returns a text among a rule's parameters (palloc'd), or NULL. */
static char *
parameter_text(const PgcRuleSpec *spec, const char *name)
{
	JsonbValue *value = getKeyJsonValueFromContainer(&spec->parameters->root, name, strlen(name), NULL);

	return value == NULL || value->type != jbvString ? NULL :
		pnstrdup(value->val.string.val, value->val.string.len);
}

/* query_of returns a rule's query, or NULL if it is of another kind. */
static char *
query_of(const PgcRuleSpec *spec)
{
	return strcmp(spec->kind, "query") != 0 ? NULL : parameter_text(spec, "query");
}

/* columns_of returns the properties (PgcProperty) that a rule may be about. */
static const List *
columns_of(const PgcObject *object, const PgcDraft *draft)
{
	return draft->columns == NIL || draft->rule->spec.filter != NULL ? object->list : draft->columns;
}

/*
 * runs_nothing: is a rule compiled without running anybody's code?  Constants are
 * computed then, and while there is no relation it would be with the rights of the
 * user, who may only be looking at somebody else's document.
 */
static bool
runs_nothing(const PgcObject *object, const PgcDraft *draft)
{
	const PgcRuleSpec *spec = &draft->rule->spec;
	const PgcLayout *layout = object->dataset->layout;
	char	   *expression = strcmp(spec->kind, "satisfies") != 0 ? NULL : parameter_text(spec, "expression");
	ListCell   *cell;

	foreach(cell, columns_of(object, draft))
	{
		if (((const PgcProperty *) lfirst(cell))->is_strange)
			return false;
	}
	return (spec->filter == NULL || pgc_expression_names_built_in(spec->filter, "filter", layout)) &&
		(expression == NULL || pgc_expression_names_built_in(expression, "expression", layout));
}

/* is_compiled: can a rule be compiled now?  Not if a relation is missing that it needs. */
static bool
is_compiled(const PgcObject *object, const PgcDraft *draft)
{
	if (OidIsValid(object->dataset->relid))
		return strcmp(draft->rule->spec.kind, "references") != 0 || OidIsValid(draft->referenced);
	return strcmp(draft->rule->spec.kind, "query") != 0 && strcmp(draft->rule->spec.kind, "references") != 0 &&
		runs_nothing(object, draft);
}

/* copy_jsonb copies a jsonb to a context. */
static Jsonb *
copy_jsonb(MemoryContext context, const Jsonb *jsonb)
{
	return memcpy(MemoryContextAlloc(context, VARSIZE(jsonb)), jsonb, VARSIZE(jsonb));
}

/*
 * compile fills what the engine makes of a rule, or raises; what is only
 * needed meanwhile is left in the current context, what is kept goes to keep.
 */
static void
compile(const PgcObject *object, PgcDraft *draft, MemoryContext keep)
{
	PgcRuleSpec *spec = &draft->rule->spec;
	const PgcLayout *layout = layout_of(object, draft);
	PgcRule    *compiled;

	if (!is_compiled(object, draft))
	{
		if (query_of(spec) != NULL)
			pgc_query_check_syntax(query_of(spec));
		return;
	}
	compiled = pgc_program_validate(layout, spec);
	spec->action = pgc_rule_action(object->relkind, layout, compiled);
	spec->parameters = copy_jsonb(keep, compiled->parameters);
	spec->ncolumns = compiled->ncolumns;
	spec->columns = MemoryContextAlloc(keep, Max(compiled->ncolumns, 1) * sizeof(char *));
	for (int i = 0; i < compiled->ncolumns; i++)
		spec->columns[i] = MemoryContextStrdup(keep, NameStr(layout->columns[compiled->columns[i]].name));
}

/* is_guess: was a rule compiled against a column whose type nobody has said? */
static bool
is_guess(const PgcObject *object, const PgcDraft *draft)
{
	ListCell   *cell;

	if (OidIsValid(object->dataset->relid))
		return false;
	foreach(cell, columns_of(object, draft))
	{
		if (pgc_plan_is_untyped(lfirst(cell)))
			return true;
	}
	return false;
}

/* is_about_types: may an error be another one, or none, with columns of other types? */
static bool
is_about_types(int code)
{
	return code == ERRCODE_DATATYPE_MISMATCH || code == ERRCODE_UNDEFINED_FUNCTION ||
		code == ERRCODE_AMBIGUOUS_FUNCTION || code == ERRCODE_CANNOT_COERCE ||
		(code != ERRCODE_INVALID_PARAMETER_VALUE && ERRCODE_TO_CATEGORY(code) == ERRCODE_DATA_EXCEPTION);
}

/*
 * note_error says why a rule cannot be made: an error of the document, or
 * something that will not be enforced because a relation is missing.
 */
static void
note_error(PgcPlanner *planner, const PgcObject *object, PgcDraft *draft, const ErrorData *error)
{
	/*
	 * lint knows only the columns that the document declares; the relation
	 * may have more
	 */
	PgcGravity	gravity = error->sqlerrcode == ERRCODE_UNDEFINED_COLUMN && !planner->options->bind ?
	PGC_WARNING : PGC_ERROR;
	PgcRemark  *remark;

	if (is_guess(object, draft) && is_about_types(error->sqlerrcode))
	{
		pgc_plan_give_up(planner, draft->rule->node, draft->rule->path, true,
						 "not all properties say their types, and there is no relation yet: %s", error->message);
		return;
	}
	if ((error->sqlerrcode == ERRCODE_UNDEFINED_TABLE || error->sqlerrcode == ERRCODE_UNDEFINED_SCHEMA) &&
		strcmp(draft->rule->spec.kind, "satisfies") != 0)
	{
		pgc_plan_give_up(planner, draft->rule->node, draft->rule->path, true, "%s (names are looked up in pg_catalog only: write schema.name)",
						 error->message);
		return;
	}
	if (error->detail != NULL && error->sqlerrcode != ERRCODE_INVALID_PARAMETER_VALUE &&
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_DATA_EXCEPTION)
		remark = pgc_remark(planner->remarks, gravity, draft->rule->node, draft->rule->path, "%s: %.*s",
							error->message, (int) strcspn(error->detail, "\n") - 1, error->detail);
	else
		remark = pgc_remark(planner->remarks, gravity, draft->rule->node, draft->rule->path, "%s", error->message);
	remark->hint = error->hint;
}

/* compile_all compiles the rules of an object; those that cannot be made are dropped. */
static void
compile_all(PgcPlanner *planner, PgcObject *object)
{
	MemoryContext keep = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(keep, "pg_contract plan", ALLOCSET_DEFAULT_SIZES);
	int			ndrafts = list_length(object->drafts);
	volatile int done = 0;
	List	   *compiled = NIL;

	while (done < ndrafts)
	{
		PgcAttempt	attempt;
		volatile int first = done;

		pgc_attempt_begin(&attempt);
		PG_TRY();
		{
			for (; done < ndrafts; done++)
			{
				CHECK_FOR_INTERRUPTS();
				MemoryContextSwitchTo(scratch);
				compile(object, list_nth(object->drafts, done), keep);
				MemoryContextSwitchTo(keep);
				MemoryContextReset(scratch);
			}
			pgc_attempt_commit(&attempt);
		}
		PG_CATCH();
		{
			ErrorData  *error = pgc_attempt_fail_data(&attempt);

			MemoryContextReset(scratch);
			note_error(planner, object, list_nth(object->drafts, done), error);
		}
		PG_END_TRY();
		for (; first < done; first++)
			compiled = lappend(compiled, list_nth(object->drafts, first));
		done++;
	}
	MemoryContextDelete(scratch);
	object->drafts = compiled;
}

/* column_list returns a rule's columns as a list (char *). */
static List *
column_list(const PgcRuleSpec *spec)
{
	List	   *names = NIL;

	for (int i = 0; i < spec->ncolumns; i++)
		names = lappend(names, spec->columns[i]);
	return names;
}

/* same_text: are two texts, or none, the same? */
static bool
same_text(const char *left, const char *right)
{
	return left == NULL || right == NULL ? left == right : strcmp(left, right) == 0;
}

/* is_same: does a stored rule say what a planned one does, its name included? */
static bool
is_same(const PgcStoredRule *stored, const PgcPlannedRule *rule)
{
	const PgcRuleSpec *spec = &rule->spec;

	if (stored->spec.ncolumns != spec->ncolumns)
		return false;
	for (int i = 0; i < spec->ncolumns; i++)
	{
		if (strcmp(stored->spec.columns[i], spec->columns[i]) != 0)
			return false;
	}
	return strcmp(stored->spec.kind, spec->kind) == 0 &&
		compareJsonbContainers(&stored->spec.parameters->root, &spec->parameters->root) == 0 &&
		same_text(stored->spec.filter, spec->filter) && stored->spec.action == spec->action &&
		strcmp(stored->severity, rule->severity) == 0 && stored->tolerance == strtod(rule->tolerance, NULL) &&
		same_text(stored->description, rule->description) && same_text(stored->schedule, rule->schedule) &&
		same_text(stored->runbook, rule->runbook);
}

/* Who has a name: a rule made in SQL, unless a rule of the document is the same. */
typedef struct Holder
{
	const PgcStoredRule *stored;	/* or NULL: taken */
	int			last;			/* the last number tried after it */
} Holder;

/* hold notes that a name is taken. */
static Holder *
hold(PgcNames *taken, const char *name, const PgcStoredRule *stored)
{
	Holder	   *holder = palloc0(sizeof(Holder));

	holder->stored = stored;
	holder->last = 1;
	(void) pgc_names_add(taken, name, holder);
	return holder;
}

/* sql_names returns the names of the rules that were made in SQL. */
static PgcNames *
sql_names(PgcPlanner *planner, const PgcObject *object)
{
	PgcNames   *taken = pgc_names_make();
	int32		id = planner->options->bind ? pgc_contract_find(object->dataset->name, true) : 0;
	const PgcContract *contract = id == 0 ? NULL : pgc_contract_load(id);

	for (int i = 0; contract != NULL && i < contract->nrules; i++)
	{
		if (!contract->rules[i].from_document)
			(void) hold(taken, contract->rules[i].spec.name, &contract->rules[i]);
	}
	return taken;
}

/*
 * choose_name returns the rule's name: its base, or its base with a number.  The
 * name of a rule made in SQL that is the same counts as its own, once.
 */
static char *
choose_name(PgcNames *taken, const PgcDraft *draft)
{
	Holder	   *first = pgc_names_find(taken, draft->base);
	Holder	   *holder = first;
	char	   *name = pstrdup(draft->base);

	while (holder != NULL)
	{
		if (holder->stored != NULL && is_same(holder->stored, draft->rule))
		{
			holder->stored = NULL;
			return name;
		}
		name = psprintf("%s_%d", draft->base, ++first->last);
		holder = pgc_names_find(taken, name);
	}
	(void) hold(taken, name, NULL);
	return name;
}

/*
 * pgc_plan_finish compiles and names an object's rules and puts them into its
 * dataset; those of an object that is not here are given up.
 */
void
pgc_plan_finish(PgcPlanner *planner, PgcObject *object)
{
	PgcNames   *taken = sql_names(planner, object);
	ListCell   *cell;

	compile_all(planner, object);
	foreach(cell, object->drafts)
	{
		PgcDraft   *draft = lfirst(cell);
		PgcPlannedRule *rule = draft->rule;
		List	   *columns = column_list(&rule->spec);

		if (object->not_here != NULL)
		{
			pgc_plan_give_up(planner, rule->node, rule->path, true, "%s", object->not_here);
			continue;
		}
		rule->columns = pgc_name_array(columns);
		if (draft->base == NULL)
			draft->base = pgc_rule_base_name(rule->spec.kind, columns);
		rule->spec.name = choose_name(taken, draft);
		object->dataset->rules = lappend(object->dataset->rules, rule);
	}
}
