/*
 * src/enforce/refusal.c
 *		What is noted of a refused row, just before its error is raised; and how
 *		that is packed for the queue and unpacked by the worker.
 *
 * Must never raise anything in place of that error: if the evidence cannot be
 * formed the row is counted without it.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_subscription_rel.h"
#include "enforce/enforce.h"
#include "enforce/refusal.h"
#include "enforce/rejects.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "replication/logicalworker.h"
#include "replication/origin.h"
#include "replication/worker_internal.h"
#include "storage/lmgr.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/memutils.h"

/* Messages and values are cut after so many bytes: there must be room for several. */
#define CLIP 300

/* append_string appends a string, cut and terminated. */
static void
append_string(StringInfo packed, const char *string)
{
	appendBinaryStringInfo(packed, string, pg_mbcliplen(string, strlen(string), CLIP));
	appendStringInfoChar(packed, '\0');
}

/* append_optional appends a string that may be NULL. */
static void
append_optional(StringInfo packed, const char *string)
{
	appendStringInfoChar(packed, string ? 'v' : 'n');
	if (string != NULL)
		append_string(packed, string);
}

/* append_jsonb appends a jsonb that may be NULL. */
static void
append_jsonb(StringInfo packed, const Jsonb *value)
{
	int32		length = value ? VARSIZE(value) : 0;

	appendBinaryStringInfo(packed, (const char *) &length, sizeof(length));
	if (value != NULL)
		appendBinaryStringInfo(packed, (const char *) value, length);
}

/* take takes so many bytes off what is packed. */
static const char *
take(StringInfo packed, int length)
{
	const char *result = packed->data + packed->cursor;

	packed->cursor += length;
	return result;
}

/* take_string takes a string; it stays where it is. */
static const char *
take_string(StringInfo packed)
{
	return take(packed, strlen(packed->data + packed->cursor) + 1);
}

/* take_optional takes a string that may be NULL. */
static const char *
take_optional(StringInfo packed)
{
	return *take(packed, 1) == 'v' ? take_string(packed) : NULL;
}

/* take_jsonb takes a jsonb that may be NULL (palloc'd). */
static Jsonb *
take_jsonb(StringInfo packed)
{
	int32		length;
	Jsonb	   *result;

	memcpy(&length, take(packed, sizeof(length)), sizeof(length));
	if (length == 0)
		return NULL;
	result = palloc(length);
	memcpy(result, take(packed, length), length);
	return result;
}

/*
 * set_origin tells the retries of a subscription from other refusals: they begin
 * after the same change, and stop at the same row.  Empty for whoever else.
 * (The LSN of the refused transaction itself is not known outside of the apply
 * worker's own file.)  The copy of a table begins at another LSN each time, so
 * it has none.
 */
static void
set_origin(PgcRejectKey *key)
{
	XLogRecPtr	after = InvalidXLogRecPtr;

	if (!IsLogicalWorker())
		return;
	if (replorigin_session_origin != InvalidRepOriginId &&
		!(OidIsValid(MyLogicalRepWorker->relid) && MyLogicalRepWorker->relstate == SUBREL_STATE_DATASYNC))
		after = replorigin_session_get_progress(false);
	if (OidIsValid(MyLogicalRepWorker->relid))
		snprintf(key->origin, sizeof(key->origin), "pg_%u_%u %X/%X", MyLogicalRepWorker->subid,
				 MyLogicalRepWorker->relid, (uint32) (after >> 32), (uint32) after);
	else
		snprintf(key->origin, sizeof(key->origin), "pg_%u %X/%X", MyLogicalRepWorker->subid,
				 (uint32) (after >> 32), (uint32) after);
}

/* rows_key returns the key that counts refused rows like this one. */
static PgcRejectKey *
rows_key(const PgcFailure *failure)
{
	PgcRejectKey *key = palloc0(sizeof(PgcRejectKey) + PGC_REJECT_TEXT);

	key->database = MyDatabaseId;
	key->history = pgc_history_identity();
	key->dataset_id = failure->entry->dataset_id;
	key->role = GetUserId();
	key->is_update = failure->is_update;
	set_origin(key);
	pgc_rejects_seal(key);
	return key;
}

/* rule_key returns the key that counts those of them that fail a rule. */
static PgcRejectKey *
rule_key(const PgcRejectKey *rows, const PgcFailure *failure, int index)
{
	const PgcEntry *entry = failure->entry;
	const PgcRule *rule = &entry->program->rules[index];
	PgcRejectKey *key = palloc0(sizeof(PgcRejectKey) + PGC_REJECT_TEXT);
	StringInfoData packed;
	int			without_columns;

	initStringInfo(&packed);
	append_string(&packed, rule->name);
	append_string(&packed, entry->rules[index]->spec.kind);
	append_string(&packed, pgc_evidence_message(entry->contract, entry->program, index, NULL));
	without_columns = packed.len;
	for (int i = 0; i < rule->ncolumns; i++)
		append_string(&packed, NameStr(entry->program->layout.columns[rule->columns[i]].name));
	*key = *rows;
	key->length = packed.len <= PGC_REJECT_TEXT ? packed.len : without_columns;
	memcpy(key->rule, packed.data, key->length);
	pgc_rejects_seal(key);
	return key;
}

/* form_counts says what is to be counted. */
static PgcRefusal *
form_counts(const PgcFailure *failure)
{
	PgcRefusal *refusal = palloc0(sizeof(PgcRefusal));

	refusal->rows = rows_key(failure);
	for (int i = 0; i < failure->verdict->nfailed; i++)
		refusal->rules = lappend(refusal->rules, rule_key(refusal->rows, failure, failure->verdict->failed[i]));
	refusal->at = GetCurrentTimestamp();
	refusal->xid = U64FromFullTransactionId(GetTopFullTransactionIdIfAny());
	refusal->query_id = pgstat_get_my_query_id();
	refusal->application = application_name ? application_name : "";
	return refusal;
}

/*
 * writer_of_layout prepares writing the columns that were judged: conforms()
 * has no others.
 */
static PgcWriter *
writer_of_layout(const PgcEntry *entry)
{
	Relation	relation = NULL;
	PgcWriter  *writer;

	/* another partition of it is written to, perhaps: do not wait for it */
	if (ConditionalLockRelationOid(entry->relid, AccessShareLock))
		relation = try_table_open(entry->relid, NoLock);
	writer = pgc_writer_of_layout(&entry->program->layout, relation, entry->contract->pii);
	if (relation != NULL)
		table_close(relation, NoLock);
	return writer;
}

/* append_rules appends value and error of each rule, as far as there is room. */
static void
append_rules(StringInfo packed, const PgcFailure *failure, const PgcRefusal *refusal)
{
	const PgcContract *contract = failure->entry->contract;
	const PgcProgram *program = failure->entry->program;

	for (int i = 0; i < failure->verdict->nfailed; i++)
	{
		int			index = failure->verdict->failed[i];
		const char *error = failure->verdict->errors[index];
		const PgcRejectKey *key = list_nth(refusal->rules, i);
		int			before = packed->len;

		appendBinaryStringInfo(packed, (const char *) &key->hash, sizeof(key->hash));
		append_optional(packed, pgc_evidence_value(contract, program, index, failure->layout_values,
												   failure->layout_nulls, true));
		append_optional(packed, error ? pgc_evidence_message(contract, program, index, error) : NULL);
		if (packed->len <= PGC_REJECT_DATA)
			continue;
		packed->len = before;
		return;
	}
}

/* form_sample forms the evidence: key and row, if they are not too long, then the rules. */
static void
form_sample(const PgcFailure *failure, PgcRefusal *refusal)
{
	const int	room = PGC_REJECT_DATA - 2 * (int) sizeof(int32) - 2 * CLIP;
	const PgcWriter *writer = failure->writer ? failure->writer : writer_of_layout(failure->entry);
	const Datum *values = failure->writer ? failure->values : failure->layout_values;
	const bool *nulls = failure->writer ? failure->nulls : failure->layout_nulls;
	Jsonb	   *key = pgc_evidence_key(writer, values, nulls, NULL, true);
	Jsonb	   *row = pgc_evidence_row(writer, values, nulls);
	StringInfoData packed;

	if (key != NULL && VARSIZE(key) > room)
		key = NULL;
	if (VARSIZE(row) + (key ? VARSIZE(key) : 0) > room)
		row = NULL;
	initStringInfo(&packed);
	append_jsonb(&packed, key);
	append_jsonb(&packed, row);
	append_rules(&packed, failure, refusal);
	refusal->sample = packed.data;
	refusal->length = packed.len;
}

/* is_by_hand: did a query call conforms() that has written nothing? */
static bool
is_by_hand(const PgcFailure *failure)
{
	return failure->writer == NULL && !TransactionIdIsValid(GetCurrentTransactionIdIfAny());
}

/* is_ending: is the error that is being handled about ending the statement or session? */
static bool
is_ending(void)
{
	int			code = geterrcode();

	return code == ERRCODE_QUERY_CANCELED || code == ERRCODE_ADMIN_SHUTDOWN || code == ERRCODE_CRASH_SHUTDOWN;
}

/*
 * pgc_refusal_put counts a row that is about to be refused, and keeps evidence
 * while there is room.  Does nothing without preload.
 */
void
pgc_refusal_put(const PgcFailure *failure)
{
	MemoryContext context;
	MemoryContext caller;
	PgcRefusal *volatile refusal = NULL;

	if (!pgc_rejects_available() || IsParallelWorker() || is_by_hand(failure))
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract refusal", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	PG_TRY();
	{
		refusal = form_counts(failure);
		if (pgc_rejects_wants_sample(refusal->rows))
			form_sample(failure, refusal);
	}
	PG_CATCH();
	{
		/* swallowed without a subtransaction: another error follows at once */
		if (is_ending())
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	pgc_rejects_put(refusal);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* pgc_refused_rule returns what a counter's key says of its rule, or NULL: it counts rows. */
PgcRefusedRule *
pgc_refused_rule(const PgcRejectKey *key)
{
	StringInfoData packed = {.data = unconstify(char *, &key->rule[0])};
	PgcRefusedRule *rule = palloc0(sizeof(PgcRefusedRule));
	List	   *columns = NIL;

	if (key->length == 0)
		return NULL;
	rule->name = take_string(&packed);
	rule->kind = take_string(&packed);
	rule->message = take_string(&packed);
	while (packed.cursor < key->length)
		columns = lappend(columns, unconstify(char *, take_string(&packed)));
	rule->columns = pgc_name_array(columns);
	return rule;
}

/* pgc_refused_row unpacks a sample (palloc'd). */
PgcRefusedRow *
pgc_refused_row(const PgcRejectSample *sample)
{
	StringInfoData packed = {.data = unconstify(char *, &sample->data[0])};
	PgcRefusedRow *row = palloc0(sizeof(PgcRefusedRow));

	row->key = take_jsonb(&packed);
	row->row = take_jsonb(&packed);
	while (packed.cursor < sample->length)
	{
		PgcRefusedValue *value = palloc0(sizeof(PgcRefusedValue));

		memcpy(&value->rule, take(&packed, sizeof(value->rule)), sizeof(value->rule));
		value->value = take_optional(&packed);
		value->error = take_optional(&packed);
		row->values = lappend(row->values, value);
	}
	return row;
}
