/*
 * src/enforce/quarantine.c
 *		SQL functions on quarantined rows: release, repair, discard.
 *
 * A row is kept as its columns' output texts; it is read back through the
 * input functions and judged by today's rules before it is written.  An INSERT
 * is inserted (identity columns keep their value, generated ones are computed
 * again), an UPDATE is done to the row of the same key, for the columns that it
 * wanted to change.  Rows are locked first, so that two people never release
 * the same one; each is written in a subtransaction, so that one that cannot
 * be written stays, with the reason.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "enforce/enforce.h"
#include "engine/output.h"
#include "engine/rights.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_release);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_repair);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_discard);

/* Rows that are locked and read at a time. */
#define CHUNK 1000

/* A relation whose quarantined rows are being dealt with. */
typedef struct Site
{
	PgcContract *contract;
	Relation	relation;
	PgcLayout  *layout;			/* all live columns */
	PgcProgram *program;		/* the rules that are checked on write */
	PgcVerdict *verdict;
	Datum	   *values;			/* a row in the layout's order */
	bool	   *nulls;
	bool	   *present;		/* the kept row has the column */
} Site;

/* open_site prepares a relation for a user who may deal with its quarantine. */
static Site *
open_site(Oid relid)
{
	Site	   *site = palloc0(sizeof(Site));
	PgcRuleSpec *specs;
	int			nspecs;
	int			ncolumns;

	PreventCommandIfReadOnly("changing the quarantine");
	pgc_privilege_require_owner(relid);
	pgc_recording_flush();
	CommandCounterIncrement();
	site->contract = pgc_contract_require(relid);
	site->relation = table_open(relid, RowExclusiveLock);
	site->layout = pgc_layout_of(site->relation);
	specs = pgc_contract_specs(site->contract, PGC_WARN, &nspecs, NULL);
	site->program = pgc_program_compile(CurrentMemoryContext, site->layout, specs, nspecs);
	site->verdict = pgc_verdict_make(site->program);
	ncolumns = Max(site->layout->ncolumns, 1);
	site->values = palloc(ncolumns * sizeof(Datum));
	site->nulls = palloc(ncolumns * sizeof(bool));
	site->present = palloc(ncolumns * sizeof(bool));
	return site;
}

/* column_text returns the kept text of a column; *present and NULL for null. */
static char *
column_text(Jsonb *row, const char *column, bool *present)
{
	JsonbValue *value = getKeyJsonValueFromContainer(&row->root, column, strlen(column), NULL);

	*present = value != NULL;
	return value == NULL || value->type == jbvNull ? NULL :
		pnstrdup(value->val.string.val, value->val.string.len);
}

/* parse turns a column's text into a value of its type, or raises. */
static Datum
parse(const PgcColumn *column, char *text)
{
	return pgc_value_of(column->type, column->typmod, "value", text, NameStr(column->name),
						format_type_with_typemod(column->type, column->typmod));
}

/* parse_row fills the site's values from a kept row; generated columns are null. */
static void
parse_row(Site *site, Jsonb *row)
{
	PgcOutputSettings saved;
	PgcRights	rights;

	/* a type may call a user's function */
	pgc_rights_enter(&rights, site->layout->owner, true);
	pgc_output_enter(&saved, true);
	PG_TRY();
	{
		for (int i = 0; i < site->layout->ncolumns; i++)
		{
			const PgcColumn *column = &site->layout->columns[i];
			char	   *text = column_text(row, NameStr(column->name), &site->present[i]);

			site->present[i] &= !column->generated;
			site->nulls[i] = text == NULL;
			site->values[i] = text ? parse(column, text) : (Datum) 0;
		}
	}
	PG_FINALLY();
	{
		pgc_output_leave(&saved);
	}
	PG_END_TRY();
	pgc_rights_leave(&rights);
}

/* try_parse_row is parse_row with the error, if any, returned as a message. */
static char *
try_parse_row(Site *site, Jsonb *row)
{
	PgcAttempt	attempt;
	char	   *volatile message = NULL;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		parse_row(site, row);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		message = pgc_attempt_fail(&attempt);
	}
	PG_END_TRY();
	return message;
}

/* touches: is a column of the rule or its filter among those? */
static bool
touches(const Site *site, const PgcRule *rule, const List *columns)
{
	int			index = -1;

	while ((index = bms_next_member(rule->uses, index)) >= 0)
	{
		ListCell   *cell;

		foreach(cell, columns)
		{
			if (strcmp(lfirst(cell), NameStr(site->layout->columns[index].name)) == 0)
				return true;
		}
	}
	return false;
}

/*
 * failing_rules returns the rules of at least an action that the row fails; of
 * an UPDATE, those that the columns which it changes touch.
 */
static List *
failing_rules(Site *site, const PgcHeld *held, PgcAction weakest)
{
	List	   *names = NIL;

	pgc_program_run(site->program, site->values, site->nulls, PGC_ERRORS_CATCH, site->verdict);
	for (int i = 0; i < site->verdict->nfailed; i++)
	{
		const PgcRule *rule = &site->program->rules[site->verdict->failed[i]];

		if (rule->action >= weakest && !pgc_rule_uses_generated(site->layout, rule) &&
			(!held->is_update || rule->broken != NULL || touches(site, rule, held->changed)))
			names = lappend(names, rule->name);
	}
	return names;
}

/* Parameters of the statement that writes a row. */
typedef struct Parameters
{
	int			count;
	Oid		   *types;
	Datum	   *values;
	char	   *nulls;
} Parameters;

static Parameters
new_parameters(int room)
{
	Parameters	parameters = {0};

	parameters.types = palloc(Max(room, 1) * sizeof(Oid));
	parameters.values = palloc(Max(room, 1) * sizeof(Datum));
	parameters.nulls = palloc(room + 1);
	return parameters;
}

/* add_parameter adds a column's value and returns its number. */
static int
add_parameter(Parameters *parameters, const Site *site, int column)
{
	int			i = parameters->count++;

	parameters->types[i] = site->layout->columns[column].type;
	parameters->values[i] = site->values[column];
	parameters->nulls[i] = site->nulls[column] ? 'n' : ' ';
	return parameters->count;
}

/* relation_name returns the site's qualified, quoted name. */
static char *
relation_name(const Site *site)
{
	return pgc_catalog_name(get_namespace_name(RelationGetNamespace(site->relation)),
							RelationGetRelationName(site->relation));
}

/* insert_statement returns the INSERT of the site's row. */
static char *
insert_statement(const Site *site, Parameters *parameters)
{
	StringInfoData columns;
	StringInfoData values;

	initStringInfo(&columns);
	initStringInfo(&values);
	for (int i = 0; i < site->layout->ncolumns; i++)
	{
		const char *separator = parameters->count > 0 ? ", " : "";

		if (!site->present[i])
			continue;
		appendStringInfo(&columns, "%s%s", separator, quote_identifier(NameStr(site->layout->columns[i].name)));
		appendStringInfo(&values, "%s$%d", separator, add_parameter(parameters, site, i));
	}
	return psprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)",
					relation_name(site), columns.data, values.data);
}

/*
 * add_key appends the condition that finds the old row of an UPDATE; false if
 * the relation no longer has all columns of the key.
 */
static bool
add_key(StringInfo sql, const Site *site, Jsonb *key, Parameters *parameters)
{
	JsonbIterator *iterator = JsonbIteratorInit(&key->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	const char *separator = " WHERE ";

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		int			n = parameters->count;
		const PgcColumn *column;
		bool		present;
		char	   *text;
		int			index;

		if (token != WJB_KEY)
			continue;
		index = pgc_layout_index(site->layout, pnstrdup(value.val.string.val, value.val.string.len));
		if (index < 0)
			return false;
		column = &site->layout->columns[index];
		text = column_text(key, NameStr(column->name), &present);

		if (text == NULL)
			return false;
		parameters->types[n] = column->type;
		parameters->values[n] = parse(column, text);
		parameters->nulls[n] = ' ';
		parameters->count++;
		appendStringInfo(sql, "%s%s = $%d", separator, quote_identifier(NameStr(column->name)), n + 1);
		separator = " AND ";
	}
	return true;
}

/* update_statement returns the UPDATE that was diverted, or NULL without a key. */
static char *
update_statement(const Site *site, const PgcHeld *held, Parameters *parameters)
{
	StringInfoData sql;
	PgcRights	rights;
	bool		has_key;
	bool		by_ctid;

	if (held->key == NULL)
		return NULL;
	(void) column_text(held->key, "ctid", &by_ctid);
	if (by_ctid)
		return NULL;			/* rows move: a ctid may be another row by now */
	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s SET ", relation_name(site));
	for (int i = 0; i < site->layout->ncolumns; i++)
	{
		const char *name = NameStr(site->layout->columns[i].name);
		ListCell   *cell;

		foreach(cell, held->changed)
		{
			const char *separator = parameters->count > 0 ? ", " : "";

			if (site->present[i] && strcmp(lfirst(cell), name) == 0)
				appendStringInfo(&sql, "%s%s = $%d", separator, quote_identifier(name),
								 add_parameter(parameters, site, i));
		}
	}
	pgc_rights_enter(&rights, site->layout->owner, true);
	has_key = add_key(&sql, site, held->key, parameters);
	pgc_rights_leave(&rights);
	return has_key ? sql.data : NULL;
}

/* execute writes the row; returns why not, or NULL. */
static char *
execute(const Site *site, const PgcHeld *held)
{
	Parameters	parameters = new_parameters(2 * site->layout->ncolumns);
	char	   *sql = held->is_update ? update_statement(site, held, &parameters) :
	insert_statement(site, &parameters);
	uint64		processed;

	if (sql == NULL)
		return "the table has no primary key by which the row could be updated";
	SPI_connect();
	if (SPI_execute_with_args(sql, parameters.count, parameters.types, parameters.values,
							  parameters.nulls, false, 0) < 0)
		elog(ERROR, "could not write quarantined row " INT64_FORMAT, held->id);
	processed = SPI_processed;
	SPI_finish();
	if (processed == 1)
		return NULL;
	if (processed > 1)
		return "its key is not unique any more";
	return held->is_update ? "the row to update is gone" : "a trigger kept the row out of the table";
}

/* write_row writes the site's row in a subtransaction; returns why not, or NULL. */
static char *
write_row(const Site *site, const PgcHeld *held)
{
	PgcAttempt	attempt;
	char	   *volatile message = NULL;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		message = execute(site, held);
		if (message != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("%s", message)));
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		message = pgc_attempt_fail(&attempt);
	}
	PG_END_TRY();
	return message;
}

/* lost_columns names what a kept row has and the relation has not, or NULL. */
static char *
lost_columns(const Site *site, Jsonb *row)
{
	JsonbIterator *iterator = JsonbIteratorInit(&row->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	StringInfoData lost;

	initStringInfo(&lost);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		if (pgc_layout_index(site->layout, name) < 0)
			appendStringInfo(&lost, "%s%s", lost.len > 0 ? ", " : "", quote_identifier(name));
	}
	return lost.len > 0 ? psprintf("without columns that the table no longer has: %s", lost.data) : NULL;
}

/* report adds a row to release()'s result. */
static void
report(ReturnSetInfo *result, int64 id, bool released, List *rules, const char *message)
{
	Datum		values[4];
	bool		nulls[4] = {false, false, false, message == NULL};

	values[0] = Int64GetDatum(id);
	values[1] = BoolGetDatum(released);
	values[2] = pgc_text_array(rules);
	values[3] = message ? CStringGetTextDatum(message) : (Datum) 0;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* release_row releases one row, or says why it stays. */
static void
release_row(Site *site, const PgcHeld *held, ReturnSetInfo *result)
{
	char	   *message = try_parse_row(site, held->row);
	List	   *rules = NIL;

	if (message == NULL)
	{
		rules = failing_rules(site, held, PGC_QUARANTINE);
		if (rules != NIL)
		{
			pgc_held_set_rules(held->id, pgc_text_array(failing_rules(site, held, PGC_WARN)));
			message = "the row still fails";
		}
		else
			message = write_row(site, held);
	}
	if (message == NULL)
	{
		pgc_held_delete(held->id);
		report(result, held->id, true, NIL, lost_columns(site, held->row));
	}
	else
		report(result, held->id, false, rules, message);
}

/* Ids that were found, ascending as they are locked. */
typedef struct Seen
{
	int			n;
	int			room;
	int64	   *ids;
} Seen;

static void
note_seen(Seen *seen, int64 id)
{
	if (seen->n == seen->room)
	{
		seen->room *= 2;
		seen->ids = repalloc_huge(seen->ids, seen->room * sizeof(int64));
	}
	seen->ids[seen->n++] = id;
}

static int
order_ids(const void *a, const void *b)
{
	int64		left = *(const int64 *) a;
	int64		right = *(const int64 *) b;

	return left < right ? -1 : left > right;
}

/* report_missing reports the ids that are not in this dataset's quarantine. */
static void
report_missing(ArrayType *ids, const Seen *seen, ReturnSetInfo *result)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(ids, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		int64		id = nulls[i] ? 0 : DatumGetInt64(elements[i]);

		if (!nulls[i] && bsearch(&id, seen->ids, seen->n, sizeof(int64), order_ids) == NULL)
			report(result, id, false, NIL, "there is no such row in quarantine");
	}
}

/* pgc_release is contract.release(relation, ids). */
Datum
pgc_release(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ArrayType  *ids = PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1);
	MemoryContext context;
	MemoryContext caller;
	Seen		seen = {.room = 64};
	Site	   *site;
	int64		last = 0;
	List	   *chunk;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("relation must not be null")));
	InitMaterializedSRF(fcinfo, 0);
	site = open_site(PG_GETARG_OID(0));
	seen.ids = palloc(seen.room * sizeof(int64));
	context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract release", ALLOCSET_DEFAULT_SIZES);
	caller = CurrentMemoryContext;
	do
	{
		ListCell   *cell;

		MemoryContextReset(context);
		MemoryContextSwitchTo(context);
		chunk = pgc_held_lock(site->contract->dataset_id, ids, last, CHUNK);
		foreach(cell, chunk)
		{
			PgcHeld    *held = lfirst(cell);

			CHECK_FOR_INTERRUPTS();
			last = held->id;
			release_row(site, held, result);
			if (ids != NULL)
				note_seen(&seen, held->id);
		}
		MemoryContextSwitchTo(caller);
	} while (chunk != NIL);
	if (ids != NULL)
		report_missing(ids, &seen, result);
	table_close(site->relation, NoLock);
	return (Datum) 0;
}

/* find_column returns the site's column of that name, or raises. */
static const PgcColumn *
find_column(const Site *site, const char *name)
{
	int			index = pgc_layout_index(site->layout, name);

	if (index < 0 || site->layout->columns[index].generated)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("\"%s\" has no column \"%s\" that could be set", site->contract->name, name)));
	return &site->layout->columns[index];
}

/* patched_text returns the text of a JSON value as input of a column, or NULL. */
static char *
patched_text(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return NULL;
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		default:
			return JsonbToCString(NULL, &JsonbValueToJsonb(unconstify(JsonbValue *, value))->root, 0);
	}
}

/* canonical_text checks a text by the column's type and returns its output text. */
static char *
canonical_text(const PgcColumn *column, char *text)
{
	Oid			output;
	bool		varlena;

	getTypeOutputInfo(column->type, &output, &varlena);
	return pgc_output_text(output, parse(column, text));
}

/* push_patch pushes the patch's columns, checked; *names gets them. */
static void
push_patch(const Site *site, Jsonb *patch, JsonbParseState **state, List **names)
{
	JsonbIterator *iterator = JsonbIteratorInit(&patch->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	const PgcColumn *column = NULL;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *string;

		if (token == WJB_KEY)
		{
			column = find_column(site, pnstrdup(value.val.string.val, value.val.string.len));
			*names = lappend(*names, pstrdup(NameStr(column->name)));
			pushJsonbValue(state, WJB_KEY, &value);
		}
		else if (token == WJB_VALUE && column != NULL)
		{
			string = patched_text(&value);
			value.type = string ? jbvString : jbvNull;
			if (string != NULL)
			{
				value.val.string.val = canonical_text(column, string);
				value.val.string.len = strlen(value.val.string.val);
			}
			pushJsonbValue(state, WJB_VALUE, &value);
		}
	}
}

/* patched returns the row with the patch's columns replaced. */
static Jsonb *
patched(const Site *site, Jsonb *row, Jsonb *patch, List **names)
{
	JsonbParseState *state = NULL;
	JsonbIterator *iterator = JsonbIteratorInit(&row->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	/* of equal keys the last one wins */
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_END_OBJECT)
		pushJsonbValue(&state, token, token < WJB_BEGIN_ARRAY ? &value : NULL);
	push_patch(site, patch, &state, names);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* pgc_repair is contract.repair(id, patch). */
Datum
pgc_repair(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	Jsonb	   *patch = PG_GETARG_JSONB_P(1);
	Datum		element = Int64GetDatum(id);
	ArrayType  *ids = construct_array(&element, 1, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	int32		dataset_id;
	Oid			relid;
	List	   *held;
	List	   *names = NIL;
	List	   *rules;
	PgcRights	rights;
	PgcHeld		for_held;
	Site	   *site;
	Jsonb	   *row;

	if (!JB_ROOT_IS_OBJECT(patch))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a patch must be a JSON object of columns and their new values")));
	pgc_recording_flush();
	CommandCounterIncrement();
	dataset_id = pgc_contract_of_held(id);
	relid = dataset_id == 0 ? InvalidOid : pgc_contract_relation(dataset_id);
	site = OidIsValid(relid) ? open_site(relid) : NULL;
	held = site ? pgc_held_lock(dataset_id, ids, 0, 1) : NIL;
	if (held == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("there is no row " INT64_FORMAT " in quarantine", id),
				 errhint("See the view contract.quarantined.")));
	pgc_rights_enter(&rights, site->layout->owner, true);
	row = patched(site, ((PgcHeld *) linitial(held))->row, patch, &names);
	pgc_rights_leave(&rights);
	parse_row(site, row);
	for_held = *(PgcHeld *) linitial(held);
	for_held.changed = list_concat_copy(for_held.changed, names);
	rules = failing_rules(site, &for_held, PGC_WARN);
	pgc_held_set_row(id, row, pgc_name_array(names));
	pgc_held_set_rules(id, pgc_text_array(rules));
	table_close(site->relation, NoLock);
	PG_RETURN_DATUM(pgc_text_array(failing_rules(site, &for_held, PGC_QUARANTINE)));
}

/* pgc_discard is contract.discard(relation, ids). */
Datum
pgc_discard(PG_FUNCTION_ARGS)
{
	Site	   *site = open_site(PG_GETARG_OID(0));
	uint64		count = pgc_held_discard(site->contract->dataset_id, PG_GETARG_DATUM(1));

	table_close(site->relation, NoLock);
	PG_RETURN_INT64((int64) count);
}
