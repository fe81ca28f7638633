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

/*
 * pgc_ask_field adds a field to the text of a JSON object, which starts empty; a
 * NULL is null, a finite number is one if as_number.
 */
void
pgc_ask_field(StringInfo object, const char *name, const char *value, bool as_number)
{
	appendStringInfoString(object, object->len == 0 ? "{" : ", ");
	escape_json(object, name);
	appendStringInfoString(object, ": ");
	if (value == NULL)
		appendStringInfoString(object, "null");
	else if (as_number && strspn(value, "+-0123456789.eE") == strlen(value))
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
