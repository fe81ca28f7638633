/*
 * src/audit/ask.c
 *		Runs one SELECT for an audit and hands over the rows of its answer.
 *
 * Nothing that it calls may write, and its errors never end the audit: they are
 * the caller's to report.
 */
#include "postgres.h"

#include "access/xact.h"
#include "audit/ask.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "engine/output.h"
#include "engine/rights.h"
#include "executor/tuptable.h"
#include "mb/pg_wchar.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

/* A value is shown up to so many bytes. */
#define CLIP 1000

/* Hands rows to a function. */
typedef struct Receiver
{
	DestReceiver receiver;		/* must be first */
	TupleDesc	descriptor;
	PgcAskRow	row;
	void	   *arg;
} Receiver;

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	const Receiver *receiver = (Receiver *) self;

	slot_getallattrs(slot);
	receiver->row(slot->tts_values, slot->tts_isnull, receiver->descriptor, receiver->arg);
	return true;
}

static void
receive_start(DestReceiver *self, int operation, TupleDesc descriptor)
{
	((Receiver *) self)->descriptor = descriptor;
}

static void
receive_nothing(DestReceiver *receiver)
{
}

/* make_receiver returns a receiver that hands rows to a function. */
static Receiver
make_receiver(PgcAskRow row, void *arg)
{
	Receiver	receiver = {.row = row,.arg = arg};

	receiver.receiver.receiveSlot = receive_row;
	receiver.receiver.rStartup = receive_start;
	receiver.receiver.rShutdown = receive_nothing;
	receiver.receiver.rDestroy = receive_nothing;
	receiver.receiver.mydest = DestNone;
	return receiver;
}

/*
 * pgc_ask_run runs a SELECT and calls row for each row of its answer.  Returns
 * NULL, or the message if it raised an error (palloc'd); what row has noted by
 * then is void.
 */
char *
pgc_ask_run(const PgcAudit *audit, const char *sql, PgcAskRow row, void *arg)
{
	Receiver	receiver = make_receiver(row, arg);
	PgcAttempt	attempt;
	char	   *volatile error = NULL;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		/* the end of the subtransaction puts it back */
		XactReadOnly = true;
		pgc_select_run(sql, audit->role, audit->row_security, &receiver.receiver);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		error = pgc_attempt_fail(&attempt);
	}
	PG_END_TRY();
	return error;
}

/* take_counts is the PgcAskRow of pgc_ask_counts. */
static void
take_counts(const Datum *values, const bool *nulls, TupleDesc descriptor, void *arg)
{
	int64	   *counts = arg;

	for (int i = 0; i < descriptor->natts; i++)
		counts[i] = DatumGetInt64(values[i]);
}

/* pgc_ask_counts runs a SELECT of one row of bigints.  Returns NULL or the error. */
char *
pgc_ask_counts(const PgcAudit *audit, const char *sql, int64 *counts)
{
	return pgc_ask_run(audit, sql, take_counts, counts);
}

/* One row of an answer as evidence: its ctid, then the columns of the layout. */
typedef struct Failing
{
	PgcRows		rows;			/* must be first */
	PgcSampler *sampler;
	int			rule;
	int			ncolumns;
	const Datum *values;
	const bool *nulls;
} Failing;

/* form_row is PgcRows.form of an answer. */
static void
form_row(const PgcRows *rows, int row, Datum *values, bool *nulls)
{
	const Failing *failing = (const Failing *) rows;

	memcpy(values, failing->values, failing->ncolumns * sizeof(Datum));
	memcpy(nulls, failing->nulls, failing->ncolumns * sizeof(bool));
}

/* take_failing is the PgcAskRow of pgc_ask_samples. */
static void
take_failing(const Datum *values, const bool *nulls, TupleDesc descriptor, void *arg)
{
	Failing    *failing = arg;

	failing->values = values + 1;
	failing->nulls = nulls + 1;
	failing->rows.tids = nulls[0] ? NULL : (ItemPointerData *) DatumGetPointer(values[0]);
	pgc_sampler_take(failing->sampler, failing->rule, &failing->rows, 0);
}

/*
 * pgc_ask_samples keeps failing rows as samples of a rule: from is FROM and
 * WHERE of the SELECT of all of them, with the relation as t.  Returns NULL or
 * the error.
 */
char *
pgc_ask_samples(PgcAudit *audit, int rule, const char *from)
{
	const PgcLayout *layout = &audit->program->layout;
	char		kind = audit->relation->rd_rel->relkind;
	bool		has_ctid = kind == RELKIND_RELATION || kind == RELKIND_MATVIEW;
	Failing		failing = {.rule = rule,.ncolumns = layout->ncolumns};
	StringInfoData sql;

	failing.rows.relation = RelationGetRelid(audit->relation);
	failing.rows.form = form_row;
	failing.sampler = pgc_sampler_make(audit);
	initStringInfo(&sql);
	appendStringInfoString(&sql, has_ctid ? "SELECT t.ctid" : "SELECT NULL::pg_catalog.tid");
	for (int i = 0; i < layout->ncolumns; i++)
		appendStringInfo(&sql, ", t.%s", quote_identifier(NameStr(layout->columns[i].name)));
	appendStringInfo(&sql, " %s LIMIT %d", from, audit->max_samples);
	return pgc_ask_run(audit, sql.data, take_failing, &failing);
}

/*
 * pgc_ask_text returns a value as text for people (palloc'd): the same in every
 * session, cut, and numeric without zeros at its end.
 */
char *
pgc_ask_text(Oid type, Datum value)
{
	Oid			output;
	bool		varlena;
	char	   *shown;
	int			length;

	getTypeOutputInfo(type, &output, &varlena);
	if (type == NUMERICOID)
		value = DirectFunctionCall1(numeric_trim_scale, value);
	shown = pgc_output_text(output, value);
	length = strlen(shown);
	return length > CLIP ? psprintf("%.*s...", pg_mbcliplen(shown, length, CLIP), shown) : shown;
}

/* pgc_ask_is_cut: is that text from pgc_ask_text not all of the value? */
bool
pgc_ask_is_cut(const char *shown)
{
	return strlen(shown) > CLIP;
}

/*
 * pgc_ask_field adds a field to the text of a JSON object, which starts empty; a
 * NULL is null, a finite number that is not cut is one if as_number.
 */
void
pgc_ask_field(StringInfo object, const char *name, const char *value, bool as_number)
{
	appendStringInfoString(object, object->len == 0 ? "{" : ", ");
	escape_json(object, name);
	appendStringInfoString(object, ": ");
	if (value == NULL)
		appendStringInfoString(object, "null");
	else if (as_number && !pgc_ask_is_cut(value) && strspn(value, "+-0123456789.eE") == strlen(value))
		appendStringInfoString(object, value);
	else
		escape_json(object, value);
}

/* pgc_ask_object returns such an object as jsonb. */
Datum
pgc_ask_object(StringInfo object)
{
	appendStringInfoChar(object, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(object->data));
}

/* pgc_ask_array returns an object with one field, an array of the elements given as JSON, as jsonb. */
Datum
pgc_ask_array(const char *name, const char *elements)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("{\"%s\": [%s]}", name, elements)));
}
