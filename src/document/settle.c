/*
 * src/document/settle.c
 *		What a document changes: its plan against the catalog.
 *
 * Changes nothing.  A document takes away only what a document made: rules with
 * source 'document', and fields that are listed as documented.  What was said in
 * SQL stays, unless the document says something else.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "document/apply.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"

static const bool yes = true;

static void raise_at(const PgcPlannedDataset *planned, const char *hint, const char *format,...) pg_attribute_printf(3, 4);

static const char *const contract_fields[] = {"version", "status", "owner", "description"};
static const char *const dataset_fields[] = {"description", "write_path", "on_apply"};
static const char *const column_fields[] = {"description", "classification", "pii_category", "tags"};

/* same_text: are both the same text, or both none? */
static bool
same_text(const char *left, const char *right)
{
	return left == NULL || right == NULL ? left == right : strcmp(left, right) == 0;
}

/* is_among: is the text one of a list of char *? */
static bool
is_among(const List *list, const char *string)
{
	ListCell   *cell;

	foreach(cell, list)
	{
		if (strcmp(lfirst(cell), string) == 0)
			return true;
	}
	return false;
}

/* What a row says of a field that changes. */
typedef struct FieldRow
{
	const char *path;
	const char *change;			/* NULL: no rows, the thing itself is new */
	const char *of;				/* what has the field */
} FieldRow;

/* add_field_row says that a field changes, and how that agrees with SQL. */
static void
add_field_row(PgcApply *apply, const PgcFields *fields, int i, const FieldRow *row)
{
	const char *note = "";

	if (fields->wanted[i] == NULL)
		note = ", which the document does not say any more";
	else if (fields->stored[i] != NULL && !is_among(fields->stored_documented, fields->names[i]))
		note = ", which was set in SQL";
	pgc_outcome(apply, row->path, row->change, fields->stored[i], fields->values[i], &yes,
				"%s of %s%s", fields->names[i], row->of, note);
}

/* settle_fields works out what becomes of fields, and adds a row for each that changes. */
static void
settle_fields(PgcApply *apply, PgcFields *fields, const FieldRow *row)
{
	for (int i = 0; i < fields->count; i++)
	{
		bool		was_documented = is_among(fields->stored_documented, fields->names[i]);
		bool		documented = fields->wanted[i] != NULL;

		fields->values[i] = documented ? fields->wanted[i] :
			was_documented ? fields->without[i] : fields->stored[i];
		if (documented)
			fields->documented = lappend(fields->documented, unconstify(char *, fields->names[i]));
		fields->changed = fields->changed || documented != was_documented;
		if (same_text(fields->values[i], fields->stored[i]))
			continue;
		fields->changed = true;
		if (row->change != NULL)
			add_field_row(apply, fields, i, row);
	}
}

/* owner_of_adopted returns the owner that SQL said of a dataset that the contract takes in, or NULL. */
static const char *
owner_of_adopted(const PgcApply *apply)
{
	ListCell   *cell;

	foreach(cell, apply->settled)
	{
		const PgcContract *stored = ((PgcSettled *) lfirst(cell))->stored;

		if (stored != NULL && stored->owner != NULL)
			return stored->owner;
	}
	return NULL;
}

/* settle_contract works out the contract's own fields. */
static void
settle_contract(PgcApply *apply)
{
	const PgcPlan *plan = apply->plan;
	const PgcContract *stored = apply->agreement;
	PgcFields  *fields = &apply->fields;
	FieldRow	row = {.path = "",.of = psprintf("contract \"%s\"", plan->contract_id)};

	fields->count = PGC_CONTRACT_FIELDS;
	fields->names = contract_fields;
	if (stored != NULL)
	{
		row.change = "contract changed";
		/* a contract made in SQL need not say a version */
		fields->stored[0] = stored->version != NULL ? stored->version : "1.0.0";
		fields->stored[1] = stored->status;
		fields->stored[2] = stored->owner;
		fields->stored[3] = stored->contract_description;
		fields->stored_documented = stored->contract_documented;
	}
	else
		pgc_outcome(apply, "", "contract added", NULL, plan->contract_id, &yes, "%s", row.of);
	if (fields->stored[2] == NULL && plan->owner == NULL)
		fields->stored[2] = owner_of_adopted(apply);
	fields->wanted[0] = plan->version;
	fields->wanted[1] = plan->status;
	fields->wanted[2] = plan->owner;
	fields->wanted[3] = plan->description;
	settle_fields(apply, fields, &row);
}

/* raise_at raises what is wrong with a dataset of the document, with line and column. */
static void
raise_at(const PgcPlannedDataset *planned, const char *hint, const char *format,...)
{
	PgcRemarks	remarks = {NIL};
	va_list		arguments;
	char	   *message;

	va_start(arguments, format);
	message = pgc_message(format, arguments);
	va_end(arguments);
	pgc_remark(&remarks, PGC_ERROR, planned->node, planned->path, "%s", message)->hint = pstrdup(hint);
	pgc_remarks_raise(&remarks);
}

/* require_ours refuses a dataset that belongs to another document, or to nobody yet. */
static void
require_ours(const PgcApply *apply, const PgcSettled *settled)
{
	const PgcContract *stored = settled->stored;

	if (stored->in_document && strcmp(stored->contract_id, apply->plan->contract_id) != 0)
		raise_at(settled->planned, "Take it out of that document first, and apply that.",
				 "dataset \"%s\" is in the document of contract \"%s\"", stored->name, stored->contract_id);
	if (stored->relid != settled->planned->relid)
		raise_at(settled->planned, "Accept it with contract.enforce, or end it with contract.drop_contract.",
				 "the rules of dataset \"%s\" are those of role \"%s\" and wait to be accepted",
				 stored->name, NameStr(stored->author));
}

/* settle_dataset works out the fields of a dataset. */
static void
settle_dataset(PgcApply *apply, PgcSettled *settled)
{
	const PgcPlannedDataset *planned = settled->planned;
	const PgcContract *stored = settled->stored;
	PgcFields  *fields = &settled->fields;
	FieldRow	row = {.path = settled->path,.of = psprintf("dataset \"%s\"", settled->name)};

	fields->count = PGC_DATASET_FIELDS;
	fields->names = dataset_fields;
	fields->without[1] = "bulk";
	fields->without[2] = "enforce";
	if (stored != NULL)
	{
		row.change = "dataset changed";
		fields->stored[0] = stored->description;
		fields->stored[1] = stored->oltp ? "oltp" : "bulk";
		fields->stored[2] = stored->warn_on_apply ? "warn" : "enforce";
		fields->stored_documented = stored->documented;
	}
	else
	{
		fields->stored[1] = fields->without[1];
		fields->stored[2] = fields->without[2];
	}
	if (planned != NULL)
	{
		fields->wanted[0] = planned->description;
		fields->wanted[1] = planned->write_path;
		fields->wanted[2] = planned->on_apply;
	}
	settle_fields(apply, fields, &row);
	/* who made it stays known until it leaves */
	if (planned != NULL && (stored == NULL || is_among(stored->documented, "dataset")))
		fields->documented = lappend(fields->documented, pstrdup("dataset"));
	settled->changed = settled->changed || fields->changed;
}

/* add_dataset_row says what becomes of a dataset as such. */
static void
add_dataset_row(PgcApply *apply, const PgcSettled *settled)
{
	const char *contract_id = settled->stored != NULL ? settled->stored->contract_id : NULL;
	const char *name = settled->name;

	if (settled->planned == NULL)
		pgc_outcome(apply, "", "dataset removed", name, NULL, &yes,
					"dataset \"%s\" is not in the document any more", name);
	else if (contract_id == NULL)
		pgc_outcome(apply, settled->path, "dataset added", NULL, name, &yes, "dataset \"%s\"%s", name,
					OidIsValid(settled->planned->relid) ? "" : " waits for its relation");
	else if (strcmp(contract_id, apply->plan->contract_id) != 0)
		pgc_outcome(apply, settled->path, "dataset added", contract_id, name, &yes,
					"dataset \"%s\" is taken over from contract \"%s\", which was made in SQL", name, contract_id);
}

/* tags_text returns tags as text[]'s output, or NULL for none. */
static const char *
tags_text(const List *tags)
{
	return tags == NIL ? NULL : OidOutputFunctionCall(F_ARRAY_OUT, pgc_text_array(tags));
}

/* annotation_of returns what is stored of a column, or NULL. */
static const PgcAnnotation *
annotation_of(const PgcContract *stored, const char *column)
{
	ListCell   *cell;

	foreach(cell, stored != NULL ? stored->annotations : NIL)
	{
		const PgcAnnotation *annotation = lfirst(cell);

		if (strcmp(NameStr(annotation->column), column) == 0)
			return annotation;
	}
	return NULL;
}

/* settle_column works out the annotation of a column; planned is NULL if the document does not name it. */
static void
settle_column(PgcApply *apply, PgcSettled *settled, const char *name, const PgcPlannedColumn *planned,
			  const PgcAnnotation *stored)
{
	PgcSettledColumn *column = palloc0(sizeof(PgcSettledColumn));
	PgcFields  *fields = &column->fields;
	FieldRow	row = {.change = "column changed"};

	namestrcpy(&column->name, name);
	row.path = planned != NULL ? planned->path : settled->path;
	row.of = psprintf("column \"%s\" of dataset \"%s\"", name, settled->name);
	fields->count = PGC_COLUMN_FIELDS;
	fields->names = column_fields;
	if (stored != NULL)
	{
		fields->stored[0] = stored->description;
		fields->stored[1] = stored->classification;
		fields->stored[2] = stored->pii_category;
		fields->stored[3] = tags_text(stored->tags);
		fields->stored_documented = stored->documented;
	}
	if (planned != NULL)
	{
		fields->wanted[0] = planned->description;
		fields->wanted[1] = planned->classification;
		fields->wanted[2] = planned->pii_category;
		fields->wanted[3] = tags_text(planned->tags);
	}
	settle_fields(apply, fields, &row);
	if (fields->changed)
		settled->columns = lappend(settled->columns, column);
}

/* settle_columns works out the annotations of a dataset's columns. */
static void
settle_columns(PgcApply *apply, PgcSettled *settled)
{
	List	   *seen = NIL;
	ListCell   *cell;

	foreach(cell, settled->planned != NULL ? settled->planned->columns : NIL)
	{
		const PgcPlannedColumn *planned = lfirst(cell);
		const PgcAnnotation *stored = annotation_of(settled->stored, NameStr(planned->name));

		seen = list_append_unique_ptr(seen, unconstify(PgcAnnotation *, stored));
		settle_column(apply, settled, NameStr(planned->name), planned, stored);
	}
	foreach(cell, settled->stored != NULL ? settled->stored->annotations : NIL)
	{
		PgcAnnotation *stored = lfirst(cell);

		if (stored->documented != NIL && !list_member_ptr(seen, stored))
			settle_column(apply, settled, NameStr(stored->column), NULL, stored);
	}
}

/* append_option adds "; name value" to a text unless there is no value. */
static void
append_option(StringInfo out, const char *name, const char *value)
{
	if (value != NULL)
		appendStringInfo(out, "; %s %s", name, value);
}

/* A rule as it is shown, stored or about to be. */
typedef struct RuleWords
{
	const PgcRuleSpec *spec;
	const char *severity;
	double		tolerance;
	const char *description;
	const char *schedule;
	const char *runbook;
} RuleWords;

/* rule_words returns a rule on one line (palloc'd), without its name. */
static char *
rule_words(const RuleWords *rule)
{
	const PgcRuleSpec *spec = rule->spec;
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "%s%s", spec->kind, spec->ncolumns > 0 ? " (" : "");
	for (int i = 0; i < spec->ncolumns; i++)
		appendStringInfo(&out, "%s%s", i > 0 ? ", " : "", quote_identifier(spec->columns[i]));
	appendStringInfo(&out, "%s %s", spec->ncolumns > 0 ? ")" : "", JsonbToCString(NULL, &spec->parameters->root, VARSIZE(spec->parameters)));
	append_option(&out, "filter", spec->filter);
	append_option(&out, "severity", rule->severity);
	append_option(&out, "action", pgc_action_name(spec->action));
	if (rule->tolerance != 0)
		append_option(&out, "tolerance", float8out_internal(rule->tolerance));
	append_option(&out, "schedule", rule->schedule);
	append_option(&out, "runbook", rule->runbook);
	append_option(&out, "description", rule->description);
	return out.data;
}

static RuleWords
words_of_stored(const PgcStoredRule *stored)
{
	return (RuleWords)
	{
		.spec = &stored->spec,.severity = stored->severity,.tolerance = stored->tolerance,
			.description = stored->description,.schedule = stored->schedule,
			.runbook = stored->runbook
	};
}

/* same_rule: does a rule as stored say what a rule of the document says? */
static bool
same_rule(const RuleWords *left, const RuleWords *right)
{
	if (strcmp(left->spec->kind, right->spec->kind) != 0 || left->spec->ncolumns != right->spec->ncolumns ||
		left->spec->action != right->spec->action || left->tolerance != right->tolerance ||
		strcmp(left->severity, right->severity) != 0 || !same_text(left->spec->filter, right->spec->filter) ||
		!same_text(left->description, right->description) || !same_text(left->schedule, right->schedule) ||
		!same_text(left->runbook, right->runbook))
		return false;
	for (int i = 0; i < left->spec->ncolumns; i++)
	{
		if (strcmp(left->spec->columns[i], right->spec->columns[i]) != 0)
			return false;
	}
	return compareJsonbContainers(&left->spec->parameters->root, &right->spec->parameters->root) == 0;
}

/* make_draft returns a rule of the document as it will be stored. */
static PgcRuleDraft *
make_draft(const PgcPlannedRule *planned)
{
	PgcRuleDraft *draft = palloc0(sizeof(PgcRuleDraft));

	draft->spec = planned->spec;
	draft->columns = planned->columns;
	draft->spec.columns = pgc_array_names(planned->columns, &draft->spec.ncolumns);
	draft->severity = planned->severity;
	draft->tolerance = DirectFunctionCall3(numeric_in,
										   CStringGetDatum(planned->tolerance ? planned->tolerance : "0"),
										   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	draft->description = planned->description;
	draft->schedule = planned->schedule;
	draft->runbook = planned->runbook;
	draft->from_document = true;
	return draft;
}

/* words_of_draft is for comparing and showing a rule of the document. */
static RuleWords
words_of_draft(const PgcRuleDraft *draft)
{
	return (RuleWords)
	{
		.spec = &draft->spec,.severity = draft->severity,
			.tolerance = DatumGetFloat8(DirectFunctionCall1(numeric_float8, draft->tolerance)),
			.description = draft->description,.schedule = draft->schedule,
			.runbook = draft->runbook
	};
}

/* find_stored returns the index of the stored rule of a name, or -1. */
static int
find_stored(const PgcContract *stored, const char *name)
{
	for (int i = 0; stored != NULL && i < stored->nrules; i++)
	{
		if (strcmp(stored->rules[i].spec.name, name) == 0)
			return i;
	}
	return -1;
}

/* settle_rule works out what becomes of a rule of the document; returns the stored rule that it is, or -1. */
static int
settle_rule(PgcApply *apply, PgcSettled *settled, const PgcPlannedRule *planned)
{
	PgcRuleDraft *draft = make_draft(planned);
	RuleWords	words = words_of_draft(draft);
	int			index = find_stored(settled->stored, draft->spec.name);
	const char *of = psprintf("rule \"%s\" of dataset \"%s\"", draft->spec.name, settled->name);

	if (index < 0)
		pgc_outcome(apply, planned->path, "rule added", NULL, rule_words(&words), &yes, "%s", of);
	else
	{
		RuleWords	old = words_of_stored(&settled->stored->rules[index]);

		if (same_rule(&old, &words))
			return index;
		if (!settled->stored->rules[index].from_document)
			elog(ERROR, "the plan took the name of rule \"%s\", which was made in SQL", draft->spec.name);
		draft->replaces = settled->stored->rules[index].id;
		pgc_outcome(apply, planned->path, "rule changed", rule_words(&old), rule_words(&words), &yes, "%s", of);
	}
	settled->drafts = lappend(settled->drafts, draft);
	return index;
}

/* settle_rules works out what becomes of a dataset's rules. */
static void
settle_rules(PgcApply *apply, PgcSettled *settled)
{
	const PgcContract *stored = settled->stored;
	Bitmapset  *kept = NULL;
	ListCell   *cell;

	foreach(cell, settled->planned != NULL ? settled->planned->rules : NIL)
	{
		int			index;

		CHECK_FOR_INTERRUPTS();
		index = settle_rule(apply, settled, lfirst(cell));
		if (index >= 0)
			kept = bms_add_member(kept, index);
	}
	for (int i = 0; stored != NULL && i < stored->nrules; i++)
	{
		PgcStoredRule *rule = &stored->rules[i];
		RuleWords	words = words_of_stored(rule);

		if (!rule->from_document || bms_is_member(i, kept))
			continue;
		settled->gone = lappend(settled->gone, rule);
		pgc_outcome(apply, settled->path, "rule removed", rule_words(&words),
					NULL, &yes, "rule \"%s\" of dataset \"%s\"", rule->spec.name, settled->name);
	}
	settled->changed = settled->changed || settled->drafts != NIL || settled->gone != NIL;
}

/* is_replaced: is a stored rule gone, or changed by a draft? */
static bool
is_replaced(const PgcSettled *settled, PgcStoredRule *rule)
{
	ListCell   *cell;

	foreach(cell, settled->drafts)
	{
		if (((PgcRuleDraft *) lfirst(cell))->replaces == rule->id)
			return true;
	}
	return list_member_ptr(settled->gone, rule);
}

/* fill_wanted makes the contract as it will be, as far as triggers depend on it. */
static void
fill_wanted(PgcSettled *settled)
{
	PgcContract *wanted = &settled->wanted;
	const PgcContract *stored = settled->stored;
	ListCell   *cell;

	wanted->dataset_id = stored ? stored->dataset_id : 0;
	wanted->relid = stored ? stored->relid : settled->planned->relid;
	wanted->oltp = strcmp(settled->fields.values[1], "oltp") == 0;
	wanted->rules = palloc0(((stored ? stored->nrules : 0) + list_length(settled->drafts) + 1) *
							sizeof(PgcStoredRule));
	for (int i = 0; stored != NULL && i < stored->nrules; i++)
	{
		if (!is_replaced(settled, &stored->rules[i]))
			wanted->rules[wanted->nrules++] = stored->rules[i];
	}
	foreach(cell, settled->drafts)
		wanted->rules[wanted->nrules++].spec = ((PgcRuleDraft *) lfirst(cell))->spec;
}

/* stored_dataset returns the dataset that a planned one is already, or NULL. */
static const PgcContract *
stored_dataset(const PgcPlannedDataset *planned)
{
	int32		id = OidIsValid(planned->relid) ? pgc_contract_of_relation(planned->relid) : 0;

	if (id == 0)
		id = pgc_contract_of_name(NameStr(planned->schema_name), NameStr(planned->table_name));
	return id != 0 ? pgc_contract_load(id) : NULL;
}

/* add_dataset adds a dataset to those that are to be settled; one of both may be NULL. */
static void
add_dataset(PgcApply *apply, const PgcPlannedDataset *planned, const PgcContract *stored, const char *name)
{
	PgcSettled *settled = palloc0(sizeof(PgcSettled));

	settled->planned = planned;
	settled->stored = stored;
	settled->name = name;
	settled->path = planned != NULL ? planned->path : "";
	settled->changed = stored == NULL || planned == NULL || !stored->in_document ||
		strcmp(stored->contract_id, apply->plan->contract_id) != 0;
	apply->settled = lappend(apply->settled, settled);
}

static int
order_names(const ListCell *left, const ListCell *right)
{
	return strcmp(((PgcContract *) lfirst(left))->name, ((PgcContract *) lfirst(right))->name);
}

/* is_kept: is a stored dataset one of the document's? */
static bool
is_kept(const PgcApply *apply, const PgcContract *contract)
{
	ListCell   *cell;

	foreach(cell, apply->settled)
	{
		const PgcContract *stored = ((PgcSettled *) lfirst(cell))->stored;

		if (stored != NULL && stored->dataset_id == contract->dataset_id)
			return true;
	}
	return false;
}

/* leaving_datasets returns the datasets that the document in force declares and this one does not, by name. */
static List *
leaving_datasets(const PgcApply *apply)
{
	List	   *leaving = NIL;
	ListCell   *cell;

	foreach(cell, pgc_contract_datasets(apply->plan->contract_id))
	{
		PgcContract *contract = pgc_contract_load(lfirst_int(cell));

		if (contract->in_document && !is_kept(apply, contract))
			leaving = lappend(leaving, contract);
	}
	list_sort(leaving, order_names);
	return leaving;
}

/*
 * pgc_settle works out what the document changes: apply->settled, apply->fields,
 * and a row for each change.
 */
void
pgc_settle(PgcApply *apply)
{
	ListCell   *cell;

	apply->agreement = pgc_contract_agreement(apply->plan->contract_id);
	foreach(cell, apply->plan->datasets)
	{
		const PgcPlannedDataset *planned = lfirst(cell);
		const PgcContract *stored = stored_dataset(planned);

		add_dataset(apply, planned, stored, stored != NULL ? stored->name : planned->name);
	}
	settle_contract(apply);
	foreach(cell, leaving_datasets(apply))
		add_dataset(apply, NULL, lfirst(cell), ((PgcContract *) lfirst(cell))->name);
	foreach(cell, apply->settled)
	{
		PgcSettled *settled = lfirst(cell);

		Assert(settled->planned != NULL || settled->stored != NULL);
		if (settled->planned != NULL && settled->stored != NULL)
			require_ours(apply, settled);
		add_dataset_row(apply, settled);
		settle_dataset(apply, settled);
		settle_columns(apply, settled);
		settle_rules(apply, settled);
		fill_wanted(settled);
	}
}
