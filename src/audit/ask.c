/*
 * src/audit/ask.c
 *		Runs one SELECT for an audit and hands over its rows.
 *
 * It runs with the rights of the audit's role in a security-restricted
 * operation, under the active snapshot, and nothing that it calls may write.
 * Its errors are the caller's to report; they never end the audit.
 */
#include "postgres.h"

#include "access/xact.h"
#include "audit/ask.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "engine/output.h"
#include "engine/rights.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

/* A value is shown up to so many bytes. */
#define CLIP 1000

/* Hands rows to a function. */
typedef struct Receiver
{
	DestReceiver receiver;		/* must be first */
	PgcAskRow	row;
	void	   *arg;
} Receiver;

static bool
receive_row(TupleTableSlot *slot, DestReceiver *receiver)
{
	slot_getallattrs(slot);
	((Receiver *) receiver)->row(slot, ((Receiver *) receiver)->arg);
	return true;
}

static void
receive_start(DestReceiver *receiver, int operation, TupleDesc descriptor)
{
}

static void
receive_nothing(DestReceiver *receiver)
{
}

/* select_rows runs a SELECT with the audit's rights. */
static void
select_rows(const PgcAudit *audit, const char *sql, PgcAskRow row, void *arg)
{
	Receiver	receiver = {.row = row,.arg = arg};
	SPIExecuteOptions options = {.read_only = true,.must_return_tuples = true};
	PgcRights	saved;

	receiver.receiver.receiveSlot = receive_row;
	receiver.receiver.rStartup = receive_start;
	receiver.receiver.rShutdown = receive_nothing;
	receiver.receiver.rDestroy = receive_nothing;
	receiver.receiver.mydest = DestNone;
	options.dest = &receiver.receiver;
	pgc_rights_enter(&saved, audit->role, true);
	/* rows that a policy hides would pass in silence: an error instead */
	if (!audit->row_security)
		(void) set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	SPI_connect();
	if (SPI_execute_extended(sql, &options) < 0)
		elog(ERROR, "could not execute \"%s\"", sql);
	SPI_finish();
	pgc_rights_leave(&saved);
}

/*
 * pgc_ask_run runs a SELECT and calls row for each row of its answer.  Returns
 * NULL, or the message if it raised an error (palloc'd); what row has noted by
 * then is void.
 */
char *
pgc_ask_run(const PgcAudit *audit, const char *sql, PgcAskRow row, void *arg)
{
	PgcAttempt	attempt;
	char	   *volatile error = NULL;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		/* the end of the subtransaction puts it back */
		XactReadOnly = true;
		select_rows(audit, sql, row, arg);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		error = pgc_attempt_fail(&attempt);
	}
	PG_END_TRY();
	return error;
}

/* pgc_ask_source returns what stands after FROM: the audit's relation (palloc'd). */
char *
pgc_ask_source(const PgcAudit *audit)
{
	Relation	relation = audit->relation;

	/* inheritance children are not covered, partitions are */
	return psprintf("%s%s", relation->rd_rel->relkind == RELKIND_RELATION ? "ONLY " : "",
					pgc_catalog_name(get_namespace_name(RelationGetNamespace(relation)),
									 RelationGetRelationName(relation)));
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
