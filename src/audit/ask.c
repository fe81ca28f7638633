/*
 * src/audit/ask.c
 *		Asking SQL what nothing faster can tell.
 *
 * Statements run as the audit's role, locked down, under the audit's snapshot.
 * Their errors are about a rule, so they are caught and returned.
 */
#include "postgres.h"

#include "audit/ask.h"
#include "catalog/pg_class.h"
#include "engine/rights.h"
#include "utils/builtins.h"

/* Hands the rows of an answer to a function. */
typedef struct Receiver
{
	DestReceiver receiver;		/* must be first */
	PgcAnswerFunction row;
	void	   *arg;
} Receiver;

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	const Receiver *receiver = (const Receiver *) self;

	slot_getallattrs(slot);
	receiver->row(slot, receiver->arg);
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

/*
 * pgc_ask runs a SELECT and calls row for each row of its result.  Returns NULL,
 * or the message of the error that it raised, in the current context.
 */
char *
pgc_ask(const PgcAudit *audit, const char *sql, PgcAnswerFunction row, void *arg)
{
	Receiver	receiver = {.row = row,.arg = arg};
	char	   *volatile error = NULL;
	PgcAttempt	attempt;

	receiver.receiver.receiveSlot = receive_row;
	receiver.receiver.rStartup = receive_start;
	receiver.receiver.rShutdown = receive_nothing;
	receiver.receiver.rDestroy = receive_nothing;
	receiver.receiver.mydest = DestNone;
	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
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

/* take_counts is the PgcAnswerFunction of pgc_ask_counts. */
static void
take_counts(TupleTableSlot *slot, void *arg)
{
	int64	   *counts = arg;

	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
		counts[i] = DatumGetInt64(slot->tts_values[i]);
}

/* pgc_ask_counts runs a SELECT of one row of bigints.  Returns NULL or the error. */
char *
pgc_ask_counts(const PgcAudit *audit, const char *sql, int64 *counts)
{
	return pgc_ask(audit, sql, take_counts, counts);
}

/* One row of an answer as evidence: its ctid, then the columns of the layout. */
typedef struct Failing
{
	PgcRows		rows;			/* must be first */
	PgcSampler *sampler;
	int			rule;
	TupleTableSlot *slot;
} Failing;

/* form_row is PgcRows.form of an answer. */
static void
form_row(const PgcRows *rows, int row, Datum *values, bool *nulls)
{
	const TupleTableSlot *slot = ((const Failing *) rows)->slot;
	int			ncolumns = slot->tts_tupleDescriptor->natts - 1;

	memcpy(values, slot->tts_values + 1, ncolumns * sizeof(Datum));
	memcpy(nulls, slot->tts_isnull + 1, ncolumns * sizeof(bool));
}

/* take_failing is the PgcAnswerFunction of pgc_ask_samples. */
static void
take_failing(TupleTableSlot *slot, void *arg)
{
	Failing    *failing = arg;

	failing->slot = slot;
	failing->rows.tids = slot->tts_isnull[0] ? NULL : (ItemPointerData *) DatumGetPointer(slot->tts_values[0]);
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
	Failing		failing = {.rule = rule};
	StringInfoData sql;

	failing.rows.relation = RelationGetRelid(audit->relation);
	failing.rows.form = form_row;
	failing.sampler = pgc_sampler_make(audit);
	initStringInfo(&sql);
	appendStringInfoString(&sql, has_ctid ? "SELECT t.ctid" : "SELECT NULL::pg_catalog.tid");
	for (int i = 0; i < layout->ncolumns; i++)
		appendStringInfo(&sql, ", t.%s", quote_identifier(NameStr(layout->columns[i].name)));
	appendStringInfo(&sql, " %s LIMIT %d", from, audit->max_samples);
	return pgc_ask(audit, sql.data, take_failing, &failing);
}
