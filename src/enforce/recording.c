/*
 * src/enforce/recording.c
 *		What writes leave behind: exact counts, samples of failing rows, and
 *		quarantined rows, buffered and written in batches.
 *
 * Each subtransaction that records something has a frame; frames form a stack
 * like the subtransactions themselves.  A frame dies with its subtransaction,
 * or is handed to the parent when it commits, so that rows and records share
 * their fate.  Flushing (when full, before a query reads the history, before
 * commit or prepare) writes all frames of the stack; those of the parents keep
 * their content until the subtransaction that wrote it has committed up to
 * them, since it may still be rolled back and what it wrote with it.
 *
 * Within a frame, a tally counts what one statement did to one dataset: a row
 * in contract.run, a row in contract.result for each rule that failed, and at
 * most pg_contract.violation_samples rows in contract.violation for each.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "enforce/enforce.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "replication/logicalworker.h"
#include "utils/array.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* A frame is written when it holds so many quarantined rows or bytes of them. */
#define MAX_QUARANTINED 1000
#define MAX_QUARANTINED_BYTES (8 * 1024 * 1024)
/* ... or tallies of earlier statements. */
#define MAX_TALLIES 256

int			pgc_violation_samples = 100;

/* One failing row of one rule. */
typedef struct Sample
{
	struct Sample *next;
	Jsonb	   *key;			/* or NULL */
	Jsonb	   *row;
	char	   *value;			/* or NULL */
	char	   *message;
} Sample;

/* One rule that failed. */
typedef struct RuleTally
{
	struct RuleTally *next;
	char	   *name;
	const char *kind;
	ArrayType  *columns;
	char	   *message;
	int64		failed;
	int			nsamples;
	Sample	   *first;
	Sample	   *last;
} RuleTally;

/* What one statement did to one dataset, by the action taken. */
typedef struct Tally
{
	struct Tally *next;
	int32		dataset_id;
	bool		is_update;
	PgcAction	taken;
	TimestampTz at;				/* of the statement, which it identifies */
	Oid			role;
	char	   *application;
	uint64		query_id;
	int64		rows;
	RuleTally  *rules;
} Tally;

/* A quarantined row, formed. */
typedef struct Quarantined
{
	struct Quarantined *next;
	HeapTuple	tuple;
} Quarantined;

typedef struct Frame
{
	struct Frame *parent;
	struct Frame *committed;	/* frames of subtransactions that committed
								 * into this */
	struct Frame *next;			/* in the parent's list of those */
	SubTransactionId subid;
	SubTransactionId written_in;	/* subtransaction that wrote the content,
									 * or 0 */
	MemoryContext context;		/* of the tallies */
	MemoryContext held_context; /* of the quarantined rows */
	int			ntallies;
	Tally	   *tallies;
	int			nquarantined;
	Size		bytes;
	Quarantined *quarantined;	/* newest first */
	TupleDesc	descriptor;		/* of those, or NULL */
	Oid			role;			/* who did it last, by name */
	NameData	role_name;
} Frame;

static Frame *top = NULL;

/* The history that was there when the first frame was made, and since when. */
static Oid	history = InvalidOid;
static CommandId history_seen;

/* new_frame pushes a frame for the current subtransaction. */
static Frame *
new_frame(void)
{
	Frame	   *frame = MemoryContextAllocZero(TopTransactionContext, sizeof(Frame));

	frame->context = AllocSetContextCreate(TopTransactionContext, "pg_contract recording",
										   ALLOCSET_SMALL_SIZES);
	frame->held_context = AllocSetContextCreate(TopTransactionContext, "pg_contract quarantined",
												ALLOCSET_SMALL_SIZES);
	frame->subid = GetCurrentSubTransactionId();
	frame->parent = top;
	if (top == NULL)
	{
		history = pgc_history_identity();
		history_seen = GetCurrentCommandId(false);
	}
	top = frame;
	return frame;
}

/* empty_held drops a frame's quarantined rows once they are written; cannot fail. */
static void
empty_held(Frame *frame)
{
	MemoryContextReset(frame->held_context);
	frame->nquarantined = 0;
	frame->bytes = 0;
	frame->quarantined = NULL;
}

/* empty drops a frame's content once it is written; cannot fail. */
static void
empty(Frame *frame)
{
	MemoryContextReset(frame->context);
	frame->written_in = InvalidSubTransactionId;
	frame->ntallies = 0;
	frame->tallies = NULL;
	frame->descriptor = NULL;
	empty_held(frame);
}

/* drop_frame frees a frame and those that committed into it; cannot fail. */
static void
drop_frame(Frame *frame)
{
	for (Frame *child = frame->committed; child != NULL;)
	{
		Frame	   *next = child->next;

		drop_frame(child);
		child = next;
	}
	MemoryContextDelete(frame->context);
	MemoryContextDelete(frame->held_context);
	pfree(frame);
}

/* find_tally returns the frame's tally with the same identity, or NULL. */
static Tally *
find_tally(Frame *frame, const Tally *like)
{
	for (Tally *tally = frame->tallies; tally != NULL; tally = tally->next)
	{
		if (tally->dataset_id == like->dataset_id && tally->at == like->at &&
			tally->is_update == like->is_update && tally->taken == like->taken)
			return tally;
	}
	return NULL;
}

/* find_rule returns the tally's rule of that name, or NULL. */
static RuleTally *
find_rule(Tally *tally, const char *name)
{
	for (RuleTally *rule = tally->rules; rule != NULL; rule = rule->next)
	{
		if (strcmp(rule->name, name) == 0)
			return rule;
	}
	return NULL;
}

/* copy_jsonb copies into the current context. */
static Jsonb *
copy_jsonb(const Jsonb *value)
{
	Jsonb	   *copy;

	if (value == NULL)
		return NULL;
	copy = palloc(VARSIZE(value));
	memcpy(copy, value, VARSIZE(value));
	return copy;
}

/* append_sample appends a copy of a sample to a rule, in the current context. */
static void
append_sample(RuleTally *rule, const Sample *sample)
{
	Sample	   *copy = palloc(sizeof(Sample));

	copy->next = NULL;
	copy->key = copy_jsonb(sample->key);
	copy->row = copy_jsonb(sample->row);
	copy->value = sample->value ? pstrdup(sample->value) : NULL;
	copy->message = sample->message ? pstrdup(sample->message) : NULL;
	if (rule->last != NULL)
		rule->last->next = copy;
	else
		rule->first = copy;
	rule->last = copy;
	rule->nsamples++;
}

/* add_rule_tally adds an empty rule, in the current context. */
static RuleTally *
add_rule_tally(Tally *tally, const char *name, const char *kind, const ArrayType *columns,
			   const char *message)
{
	RuleTally  *rule = palloc0(sizeof(RuleTally));
	RuleTally **tail = &tally->rules;

	while (*tail != NULL)
		tail = &(*tail)->next;
	rule->name = pstrdup(name);
	rule->kind = pstrdup(kind);
	rule->columns = palloc(VARSIZE(columns));
	memcpy(rule->columns, columns, VARSIZE(columns));
	rule->message = pstrdup(message);
	*tail = rule;
	return rule;
}

/* add_tally adds an empty tally of that identity to a frame, in its context. */
static Tally *
add_tally(Frame *frame, const Tally *like)
{
	Tally	   *tally = palloc(sizeof(Tally));

	*tally = *like;
	tally->application = pstrdup(like->application);
	tally->rows = 0;
	tally->rules = NULL;
	tally->next = frame->tallies;
	frame->tallies = tally;
	frame->ntallies++;
	return tally;
}

/* absorb_tally adds a tally's counts, and samples as far as there is room. */
static void
absorb_tally(Frame *frame, const Tally *from)
{
	Tally	   *tally = find_tally(frame, from);

	if (tally == NULL)
		tally = add_tally(frame, from);
	tally->rows += from->rows;
	for (const RuleTally *theirs = from->rules; theirs != NULL; theirs = theirs->next)
	{
		RuleTally  *ours = find_rule(tally, theirs->name);

		if (ours == NULL)
			ours = add_rule_tally(tally, theirs->name, theirs->kind, theirs->columns, theirs->message);
		ours->failed += theirs->failed;
		for (Sample *sample = theirs->first; sample != NULL; sample = sample->next)
		{
			if (ours->nsamples < pgc_violation_samples)
				append_sample(ours, sample);
		}
	}
}

/* absorb_quarantined copies quarantined rows into a frame. */
static void
absorb_quarantined(Frame *frame, const Quarantined *from)
{
	Quarantined *copy;

	if (from == NULL)
		return;
	absorb_quarantined(frame, from->next);
	copy = palloc(sizeof(Quarantined));
	copy->tuple = heap_copytuple(from->tuple);
	copy->next = frame->quarantined;
	frame->quarantined = copy;
	frame->nquarantined++;
	frame->bytes += copy->tuple->t_len;
}

/*
 * settle merges what committed subtransactions handed to the frames of the
 * stack.  Not done when they commit, since nothing may fail then; done at the
 * next occasion, so that a loop of subtransactions does not pile up frames.
 */
static void
settle(void)
{
	for (Frame *frame = top; frame != NULL; frame = frame->parent)
	{
		while (frame->committed != NULL)
		{
			Frame	   *child = frame->committed;
			MemoryContext caller = MemoryContextSwitchTo(frame->context);

			for (const Tally *tally = child->tallies; tally != NULL; tally = tally->next)
				absorb_tally(frame, tally);
			MemoryContextSwitchTo(frame->held_context);
			absorb_quarantined(frame, child->quarantined);
			frame->committed = child->next;
			MemoryContextSwitchTo(caller);
			drop_frame(child);
		}
	}
}

/* add_run adds the row of contract.run for a tally. */
static void
add_run(PgcBatch *batch, const Tally *tally, int64 run_id)
{
	PgcRunRow	row = {.id = run_id};

	row.dataset_id = tally->dataset_id;
	row.source = "write";
	row.operation = tally->is_update ? "UPDATE" : "INSERT";
	row.at = tally->at;
	row.role = GetUserNameFromId(tally->role, true);
	row.application = tally->application;
	row.query_id = tally->query_id;
	row.considered = -1;
	row.failed = tally->rows;
	pgc_batch_add_run(batch, &row);
}

/* add_result adds the row of contract.result for a rule of a tally. */
static void
add_result(PgcBatch *batch, const Tally *tally, const RuleTally *rule, int64 run_id)
{
	PgcResultRow row = {.run_id = run_id};

	row.rule = rule->name;
	row.kind = rule->kind;
	row.columns = PointerGetDatum(rule->columns);
	row.action = tally->taken;
	row.status = "fail";
	row.considered = -1;
	row.failed = rule->failed;
	row.message = rule->message;
	pgc_batch_add_result(batch, &row);
}

/* add_violation adds the row of contract.violation for a sample. */
static void
add_violation(PgcBatch *batch, const Tally *tally, const RuleTally *rule,
			  const Sample *sample, int64 run_id)
{
	PgcViolationRow row = {.run_id = run_id};

	row.dataset_id = tally->dataset_id;
	row.rule = rule->name;
	row.kind = rule->kind;
	row.columns = PointerGetDatum(rule->columns);
	row.at = tally->at;
	row.action = tally->taken;
	row.key = sample->key;
	row.row = sample->row;
	row.value = sample->value;
	row.message = sample->message ? sample->message : rule->message;
	pgc_batch_add_violation(batch, &row);
}

/* write_tallies writes a frame's tallies, oldest first. */
static void
write_tallies(const Frame *frame)
{
	PgcBatch   *runs = pgc_batch_make(PGC_RUN);
	PgcBatch   *results = pgc_batch_make(PGC_RESULT);
	PgcBatch   *violations = pgc_batch_make(PGC_VIOLATION);
	List	   *ordered = NIL;
	ListCell   *cell;

	for (Tally *tally = frame->tallies; tally != NULL; tally = tally->next)
		ordered = lcons(tally, ordered);
	foreach(cell, ordered)
	{
		const Tally *tally = lfirst(cell);
		int64		run_id = pgc_history_next_id(PGC_RUN);

		add_run(runs, tally, run_id);
		for (const RuleTally *rule = tally->rules; rule != NULL; rule = rule->next)
		{
			add_result(results, tally, rule, run_id);
			for (const Sample *sample = rule->first; sample != NULL; sample = sample->next)
				add_violation(violations, tally, rule, sample, run_id);
		}
	}
	pgc_batch_insert(runs);
	pgc_batch_insert(results);
	pgc_batch_insert(violations);
}

/* add_held adds quarantined rows to a batch, oldest first. */
static void
add_held(PgcBatch *batch, const Quarantined *newest)
{
	List	   *ordered = NIL;
	ListCell   *cell;

	for (const Quarantined *row = newest; row != NULL; row = row->next)
		ordered = lcons(row->tuple, ordered);
	foreach(cell, ordered)
		pgc_batch_add_tuple(batch, lfirst(cell));
}

/* write_quarantined writes a frame's quarantined rows. */
static void
write_quarantined(const Frame *frame)
{
	PgcBatch   *batch = pgc_batch_make(PGC_QUARANTINED);

	add_held(batch, frame->quarantined);
	pgc_batch_insert(batch);
}

/* write_frame writes a frame's content in the current subtransaction. */
static void
write_frame(Frame *frame)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract flush",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	bool		no_snapshot = !ActiveSnapshotSet();
	bool		read_only = XactReadOnly;

	if (no_snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	/* a transaction may become read only after it has written */
	XactReadOnly = false;
	if (frame->tallies != NULL)
		write_tallies(frame);
	if (frame->quarantined != NULL)
		write_quarantined(frame);
	XactReadOnly = read_only;
	if (no_snapshot)
		PopActiveSnapshot();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	frame->written_in = GetCurrentSubTransactionId();
}

/*
 * history_is_there: are our tables still those that were there at first?  Not
 * if the extension was dropped, and perhaps made anew; only another command
 * can have done that.
 */
static bool
history_is_there(void)
{
	if (history_seen == GetCurrentCommandId(false))
		return true;
	history_seen = GetCurrentCommandId(false);
	return pgc_history_identity() == history;
}

/* write_stack writes frames that are not written yet, oldest first. */
static void
write_stack(Frame *frame)
{
	if (frame == NULL)
		return;
	write_stack(frame->parent);
	if (frame->written_in == InvalidSubTransactionId &&
		(frame->tallies != NULL || frame->quarantined != NULL))
		write_frame(frame);
}

/* pgc_recording_flush writes all that the transaction has recorded so far. */
void
pgc_recording_flush(void)
{
	if (top == NULL || IsInParallelMode())
		return;
	if (!history_is_there())
	{
		top = NULL;				/* the extension was dropped, its history too */
		return;
	}
	settle();
	write_stack(top);
	if (top->written_in == top->subid)
		empty(top);
}

/* statement_time identifies the statement: a subscription's by its transaction. */
static TimestampTz
statement_time(void)
{
	return IsLogicalWorker() ? GetCurrentTransactionStartTimestamp() : GetCurrentStatementStartTimestamp();
}

/* current_frame returns the current subtransaction's frame. */
static Frame *
current_frame(void)
{
	if (top != NULL && !history_is_there())
		top = NULL;
	if (top != NULL)
		settle();
	if (top == NULL || top->subid != GetCurrentSubTransactionId())
		return new_frame();
	return top;
}

/* current_tally returns the tally that a failure belongs to. */
static Tally *
current_tally(const PgcFailure *failure)
{
	Frame	   *frame = current_frame();
	Tally		like = {0};
	Tally	   *tally;
	MemoryContext caller;

	like.dataset_id = failure->entry->dataset_id;
	like.is_update = failure->is_update;
	like.taken = failure->taken;
	like.at = statement_time();
	tally = find_tally(frame, &like);
	if (tally != NULL)
		return tally;
	if (frame->ntallies >= MAX_TALLIES)
	{
		pgc_recording_flush();
		frame = current_frame();
	}
	like.role = GetUserId();
	like.application = application_name ? application_name : "";
	like.query_id = pgstat_get_my_query_id();
	caller = MemoryContextSwitchTo(frame->context);
	tally = add_tally(frame, &like);
	MemoryContextSwitchTo(caller);
	return tally;
}

/* take_sample adds the failing row to a rule's samples. */
static void
take_sample(RuleTally *tally, const PgcFailure *failure, int rule, Jsonb **row, Jsonb **key)
{
	const PgcEntry *entry = failure->entry;
	const char *error = failure->verdict->errors[rule];
	Sample		sample = {0};
	MemoryContext caller;

	if (*row == NULL)
	{
		*row = pgc_evidence_row(failure->writer, failure->values, failure->nulls);
		*key = pgc_evidence_key(failure->writer, failure->values, failure->nulls, failure->tid, true);
	}
	sample.row = *row;
	sample.key = *key;
	sample.value = pgc_evidence_value(entry->contract, entry->program, rule,
									  failure->layout_values, failure->layout_nulls, true);
	if (error != NULL)
		sample.message = pgc_evidence_message(entry->contract, entry->program, rule, error);
	caller = MemoryContextSwitchTo(top->context);
	append_sample(tally, &sample);
	MemoryContextSwitchTo(caller);
}

/* pgc_recording_note counts a failing row and keeps it while samples are few. */
void
pgc_recording_note(const PgcFailure *failure)
{
	const PgcProgram *program = failure->entry->program;
	Tally	   *tally = current_tally(failure);
	Jsonb	   *row = NULL;
	Jsonb	   *key = NULL;

	tally->rows++;
	for (int i = 0; i < failure->verdict->nfailed; i++)
	{
		int			index = failure->verdict->failed[i];
		const PgcRule *rule = &program->rules[index];
		RuleTally  *counts = find_rule(tally, rule->name);

		if (counts == NULL)
		{
			Datum		columns = pgc_evidence_columns(program, index);
			char	   *message = pgc_evidence_message(failure->entry->contract, program, index, NULL);
			MemoryContext caller = MemoryContextSwitchTo(top->context);

			counts = add_rule_tally(tally, rule->name, failure->entry->rules[index]->spec.kind,
									DatumGetArrayTypeP(columns), message);
			MemoryContextSwitchTo(caller);
		}
		counts->failed++;
		if (counts->nsamples < pgc_violation_samples)
			take_sample(counts, failure, index, &row, &key);
	}
}

/* is_full: does the frame hold as many quarantined rows as it should? */
static bool
is_full(const Frame *frame)
{
	return frame->nquarantined >= MAX_QUARANTINED || frame->bytes >= MAX_QUARANTINED_BYTES;
}

/* rule_names returns the names of the rules that the row fails, as a text[]. */
static Datum
rule_names(const PgcFailure *failure)
{
	const PgcVerdict *verdict = failure->verdict;
	Datum	   *names = palloc(verdict->nfailed * sizeof(Datum));

	for (int i = 0; i < verdict->nfailed; i++)
		names[i] = PointerGetDatum(failure->entry->program->rules[verdict->failed[i]].label);
	return PointerGetDatum(construct_array(names, verdict->nfailed, TEXTOID, -1, false, TYPALIGN_INT));
}

/* role_name returns the current role's name, looked up once a frame and role. */
static const char *
role_name(Frame *frame)
{
	if (frame->role != GetUserId())
	{
		namestrcpy(&frame->role_name, GetUserNameFromId(GetUserId(), false));
		frame->role = GetUserId();
	}
	return NameStr(frame->role_name);
}

/* form_held makes the row of contract.quarantine for a diverted row, in the frame. */
static HeapTuple
form_held(const PgcFailure *failure, Jsonb *key, Datum changed, Frame *frame)
{
	PgcQuarantinedRow row = {.dataset_id = failure->entry->dataset_id};

	row.operation = failure->is_update ? "UPDATE" : "INSERT";
	row.rules = rule_names(failure);
	row.at = GetCurrentStatementStartTimestamp();
	row.role = role_name(frame);
	row.application = application_name;
	row.query_id = pgstat_get_my_query_id();
	row.key = key;
	row.changed = changed;
	row.row = pgc_evidence_verbatim(failure->writer, failure->values, failure->nulls);
	return pgc_history_form_quarantined(frame->descriptor, &row, frame->held_context);
}

/*
 * pgc_recording_quarantine keeps a diverted row: key finds the old row of an
 * UPDATE, changed (or 0) is the name[] of the columns that it wanted to change.
 */
void
pgc_recording_quarantine(const PgcFailure *failure, Jsonb *key, Datum changed)
{
	Frame	   *frame = current_frame();
	HeapTuple	tuple;
	Quarantined *row;
	MemoryContext caller;

	if (frame->descriptor == NULL)
	{
		caller = MemoryContextSwitchTo(frame->context);
		frame->descriptor = pgc_history_descriptor(PGC_QUARANTINED);
		MemoryContextSwitchTo(caller);
	}
	tuple = form_held(failure, key, changed, frame);
	caller = MemoryContextSwitchTo(frame->held_context);
	row = palloc(sizeof(Quarantined));
	row->tuple = tuple;
	row->next = frame->quarantined;
	frame->quarantined = row;
	frame->nquarantined++;
	frame->bytes += tuple->t_len;
	MemoryContextSwitchTo(caller);
	if (is_full(frame) && !IsInParallelMode())
	{
		/* the tallies stay: a statement is counted once */
		write_quarantined(frame);
		empty_held(frame);
	}
}

/*
 * pgc_recording_before_read, at the start of a query, writes what is buffered
 * if the query reads the history, and lets it see that.
 */
void
pgc_recording_before_read(QueryDesc *query)
{
	Snapshot	old = query->snapshot;

	if (top == NULL || IsInParallelMode() || !pgc_history_reads(query->plannedstmt->rtable))
		return;
	pgc_recording_flush();
	CommandCounterIncrement();
	PushCopiedSnapshot(old);
	UpdateActiveSnapshotCommandId();
	query->snapshot = RegisterSnapshot(GetActiveSnapshot());
	PopActiveSnapshot();
	UnregisterSnapshot(old);
}

/*
 * pgc_recording_pre_commit_sub lets a subtransaction write its own frame when
 * its parent holds a lot already.
 */
void
pgc_recording_pre_commit_sub(SubTransactionId subid)
{
	if (top == NULL || top->subid != subid || top->parent == NULL)
		return;
	settle();
	if (is_full(top->parent) || top->parent->ntallies >= MAX_TALLIES)
		pgc_recording_flush();
}

/* pgc_recording_commit_sub hands a frame to the parent; must not fail. */
void
pgc_recording_commit_sub(SubTransactionId subid, SubTransactionId parent)
{
	Frame	   *frame = top;

	for (Frame *above = top; above != NULL; above = above->parent)
	{
		if (above->written_in != subid)
			continue;
		above->written_in = parent;
		if (above->subid == parent)
			empty(above);
	}
	if (frame == NULL || frame->subid != subid)
		return;
	if (frame->parent == NULL || frame->parent->subid != parent)
	{
		frame->subid = parent;
		return;
	}
	top = frame->parent;
	frame->next = top->committed;
	top->committed = frame;
}

/* pgc_recording_abort_sub forgets what a subtransaction recorded and wrote. */
void
pgc_recording_abort_sub(SubTransactionId subid)
{
	Frame	   *frame = top;

	if (frame != NULL && frame->subid == subid)
	{
		top = frame->parent;
		drop_frame(frame);
	}
	for (frame = top; frame != NULL; frame = frame->parent)
	{
		if (frame->written_in == subid)
			frame->written_in = InvalidSubTransactionId;
	}
}

/* pgc_recording_end forgets everything at the end of the transaction. */
void
pgc_recording_end(void)
{
	top = NULL;					/* the memory was the transaction's */
}
