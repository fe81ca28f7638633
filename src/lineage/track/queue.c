/*
 * src/lineage/track/queue.c
 *		Executions on their way to the worker: a table of statements in shared
 *		memory.
 *
 * An execution of a known statement is an addition.  One that is not known comes with the
 * statement itself, packed, which lies here until the worker has recorded it (flush.c), and
 * nudges the worker.  Nobody waits for the worker: where there is no room executions
 * are counted as lost.
 *
 * Everything that may fail is done before commit (pgc_queue_prepare); what is done
 * after it cannot.  Memory is of a fixed size, laid out at start, so nothing is ever asked of the system.
 * A crash empties it: statements are learned again, executions since the last look of the worker are not counted.
 *
 * Locks: one LWLock for the table, in shared mode to find an entry, exclusively to add or remove one, or
 * change its statement; an entry's own spinlock for its counters.  Under neither of them is
 * anything allocated but by the worker, and none is taken under the spinlock.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "catalog/contract.h"
#include "common/int.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lineage/lineage.h"
#include "lineage/track/queue.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/dsa.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define TRANCHE "pg_contract lineage"

/* Memory for statements that are not recorded. */
#define BYTES_A_STATEMENT 1024
#define LEAST_BYTES (1024 * 1024)

/* What is recorded and not counted makes room when so much of the table is taken. */
#define FULL(room) ((room) / 4 * 3)
#define ROOMY(room) ((room) / 2)

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_lineage_queue);

/* A statement. */
typedef struct Entry
{
	PgcQueueKey key;
	/* Changed under the lock in exclusive mode: */
	int64		statement_id;	/* in our tables; 0: not recorded; PGC_REFUSED */
	dsa_pointer bytes;			/* of what is not recorded, as far as there
								 * was room */
	Size		length;
	/* Protected by the spinlock: */
	slock_t		mutex;
	int64		executions;		/* not recorded, likewise rows */
	int64		rows;
	TimestampTz first;			/* of those */
	TimestampTz last;			/* ever */
	char		application[NAMEDATALEN];	/* of the last */
} Entry;

typedef struct Queue
{
	LWLock	   *lock;			/* protects the table */
	pg_atomic_uint64 lost;		/* executions that could not be counted */
	int			room;			/* for statements */
	Size		nbytes;			/* of the area that follows */
} Queue;

/* A statement of this transaction on its way into the queue. */
typedef struct Pending
{
	struct Pending *next;
	dsa_pointer bytes;			/* or InvalidDsaPointer: it is known, or there
								 * is no room */
	PgcQueued	what;			/* without bytes */
	Size		length;
} Pending;

static Queue *queue = NULL;
static HTAB *table = NULL;
static dsa_area *area = NULL;	/* of this process */
static Pending *pending = NULL; /* in memory of the transaction */

/* area_size returns how much memory there is for statements that are not recorded. */
static Size
area_size(void)
{
	return Max((Size) pgc_lineage_statements * BYTES_A_STATEMENT, LEAST_BYTES);
}

/* pgc_queue_request asks for shared memory, while the library is preloaded. */
void
pgc_queue_request(void)
{
	if (pgc_lineage_statements == 0)
		return;
	RequestAddinShmemSpace(add_size(add_size(MAXALIGN(sizeof(Queue)), area_size()),
									hash_estimate_size(pgc_lineage_statements, sizeof(Entry))));
	RequestNamedLWLockTranche(TRANCHE, 1);
}

/* area_place returns where the area is. */
static void *
area_place(void)
{
	return (char *) queue + MAXALIGN(sizeof(Queue));
}

/* make_area lays out the area.  Its limit is its size, so that it never asks the system for more. */
static void
make_area(void)
{
	dsa_area   *made = dsa_create_in_place(area_place(), queue->nbytes, queue->lock->tranche, NULL);

	dsa_pin(made);
	dsa_set_size_limit(made, queue->nbytes);
	dsa_detach(made);
}

/* pgc_queue_startup lays the queue out; also after a crash. */
void
pgc_queue_startup(void)
{
	HASHCTL		control = {.keysize = sizeof(PgcQueueKey),.entrysize = sizeof(Entry)};
	bool		found;

	queue = NULL;
	table = NULL;
	area = NULL;
	if (pgc_lineage_statements == 0)
		return;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	queue = ShmemInitStruct("pg_contract lineage", MAXALIGN(sizeof(Queue)) + area_size(), &found);
	if (!found)
	{
		queue->lock = &GetNamedLWLockTranche(TRANCHE)->lock;
		pg_atomic_init_u64(&queue->lost, 0);
		queue->room = pgc_lineage_statements;
		queue->nbytes = area_size();
		make_area();
	}
	table = ShmemInitHash("pg_contract lineage statements", pgc_lineage_statements, pgc_lineage_statements,
						  &control, HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	LWLockRelease(AddinShmemInitLock);
}

/* pgc_queue_exists: is there a queue? */
bool
pgc_queue_exists(void)
{
	return queue != NULL;
}

/* attach makes the area known to this process. */
static void
attach(void)
{
	MemoryContext caller;

	if (area != NULL)
		return;
	caller = MemoryContextSwitchTo(TopMemoryContext);
	area = dsa_attach_in_place(area_place(), NULL);
	dsa_pin_mapping(area);
	MemoryContextSwitchTo(caller);
}

/* find returns an entry or NULL; the lock is held. */
static Entry *
find(const PgcQueueKey *key)
{
	return hash_search(table, key, HASH_FIND, NULL);
}

/* is_complete: is all there that the worker needs to record the entry? */
static bool
is_complete(const Entry *entry)
{
	return entry->statement_id != 0 || DsaPointerIsValid(entry->bytes);
}

/* is_known: need a statement not be brought again? */
static bool
is_known(const PgcQueueKey *key)
{
	const Entry *entry;
	bool		result;

	LWLockAcquire(queue->lock, LW_SHARED);
	entry = find(key);
	result = entry != NULL && is_complete(entry);
	LWLockRelease(queue->lock);
	return result;
}

/* key_of fills in what a statement is found by; false: there is no extension whose it could be. */
static bool
key_of(const PgcStatement *statement, PgcQueueKey *key)
{
	memset(key, 0, sizeof(PgcQueueKey));
	key->database = MyDatabaseId;
	key->history = pgc_history_identity();
	pgc_statement_digest(statement, &key->digest);
	return OidIsValid(key->history);
}

/* pgc_queue_knows: has the statement run before, as far as is known here? */
bool
pgc_queue_knows(const PgcStatement *statement)
{
	PgcQueueKey key;

	return queue != NULL && key_of(statement, &key) && is_known(&key);
}

/* keep_bytes packs a statement into shared memory, if there is room. */
static void
keep_bytes(Pending *one, const PgcStatement *statement)
{
	bytea	   *bytes = pgc_statement_serialize(statement);

	one->length = VARSIZE(bytes);
	if (one->length < queue->nbytes)
		one->bytes = dsa_allocate_extended(area, one->length, DSA_ALLOC_NO_OOM);
	if (DsaPointerIsValid(one->bytes))
		memcpy(dsa_get_address(area, one->bytes), bytes, one->length);
	pfree(bytes);
}

/*
 * pgc_queue_prepare does before commit what may fail: afterwards there is nothing to do but
 * pgc_queue_publish, or pgc_queue_discard.
 */
void
pgc_queue_prepare(const List *statements)
{
	Oid			history = pgc_history_identity();
	ListCell   *cell;

	if (queue == NULL || !OidIsValid(history) || RecoveryInProgress())
		return;
	attach();
	foreach(cell, statements)
	{
		const PgcStatement *statement = lfirst(cell);
		const char *application = statement->application ? statement->application : "";
		Pending    *one = MemoryContextAllocZero(TopTransactionContext, sizeof(Pending));

		one->what.key.database = MyDatabaseId;
		one->what.key.history = history;
		pgc_statement_digest(statement, &one->what.key.digest);
		one->what.executions = statement->executions;
		one->what.rows = statement->rows;
		one->what.first = statement->first;
		one->what.last = statement->last;
		strlcpy(one->what.application, application,
				pg_mbcliplen(application, strlen(application), NAMEDATALEN - 1) + 1);
		one->next = pending;
		pending = one;
		if (!is_known(&one->what.key))
			keep_bytes(one, statement);
	}
}

/* sum returns a + b, or the highest number. */
static int64
sum(int64 a, int64 b)
{
	int64		result;

	return pg_add_s64_overflow(a, b, &result) ? PG_INT64_MAX : result;
}

/* add counts executions of an entry; the lock is held. Returns whether there were none to be recorded before. */
static bool
add(Entry *entry, const PgcQueued *what)
{
	bool		was_clean;

	if (entry->statement_id == PGC_REFUSED)
	{
		pg_atomic_fetch_add_u64(&queue->lost, what->executions);
		return false;
	}
	SpinLockAcquire(&entry->mutex);
	was_clean = entry->executions == 0;
	entry->executions = sum(entry->executions, what->executions);
	entry->rows = sum(entry->rows, what->rows);
	entry->first = was_clean ? what->first : Min(entry->first, what->first);
	if (what->last >= entry->last)
	{
		entry->last = what->last;
		memcpy(entry->application, what->application, NAMEDATALEN);
	}
	SpinLockRelease(&entry->mutex);
	return was_clean;
}

/* enter finds or adds an entry, and gives it the statement that it lacks; NULL: there is no room. The lock is held exclusively. */
static Entry *
enter(Pending *one)
{
	bool		found;
	Entry	   *entry = hash_search(table, &one->what.key, HASH_ENTER_NULL, &found);

	if (entry == NULL)
		return NULL;
	if (!found)
	{
		memset((char *) entry + sizeof(PgcQueueKey), 0, sizeof(Entry) - sizeof(PgcQueueKey));
		SpinLockInit(&entry->mutex);
	}
	if (!is_complete(entry))
	{
		entry->bytes = one->bytes;
		entry->length = one->length;
		one->bytes = InvalidDsaPointer;
	}
	return entry;
}

/* publish_known counts what needs no new entry, and marks it as done; returns whether something is to be recorded by and by. */
static bool
publish_known(bool *all)
{
	bool		dirty = false;

	*all = true;
	LWLockAcquire(queue->lock, LW_SHARED);
	for (Pending *one = pending; one != NULL; one = one->next)
	{
		Entry	   *entry = find(&one->what.key);

		if (entry != NULL && (is_complete(entry) || !DsaPointerIsValid(one->bytes)))
		{
			dirty |= add(entry, &one->what);
			one->what.executions = 0;
		}
		else
			*all = false;
	}
	LWLockRelease(queue->lock);
	return dirty;
}

/* publish_new counts the others. */
static void
publish_new(void)
{
	LWLockAcquire(queue->lock, LW_EXCLUSIVE);
	for (Pending *one = pending; one != NULL; one = one->next)
	{
		Entry	   *entry;

		if (one->what.executions == 0)
			continue;
		entry = enter(one);
		if (entry != NULL)
			(void) add(entry, &one->what);
		else
			pg_atomic_fetch_add_u64(&queue->lost, one->what.executions);
	}
	LWLockRelease(queue->lock);
}

/* call_worker has the worker come within a naptime. */
static void
call_worker(void)
{
	pgc_worker_due_by(MyDatabaseId, PGC_TENDING, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pgc_naptime));
}

/* pgc_queue_publish counts what was prepared: the transaction has committed.  Cannot fail, and waits for nobody for long. */
void
pgc_queue_publish(void)
{
	bool		all;
	bool		dirty;

	if (pending == NULL)
		return;
	dirty = publish_known(&all);
	if (!all)
		publish_new();
	pgc_queue_discard();
	if (!all)
		pgc_worker_due(MyDatabaseId, PGC_TENDING);
	else if (dirty)
		call_worker();
}

/* pgc_queue_discard forgets what was prepared.  Cannot fail. */
void
pgc_queue_discard(void)
{
	for (; pending != NULL; pending = pending->next)
	{
		if (DsaPointerIsValid(pending->bytes))
			dsa_free(area, pending->bytes);
	}
}

/* copy fills a copy of an entry, in the current context. */
static void
copy(Entry *entry, PgcQueued *queued)
{
	queued->key = entry->key;
	queued->statement_id = entry->statement_id;
	queued->bytes = NULL;
	if (DsaPointerIsValid(entry->bytes))
	{
		queued->bytes = palloc(entry->length);
		memcpy(queued->bytes, dsa_get_address(area, entry->bytes), entry->length);
	}
	SpinLockAcquire(&entry->mutex);
	queued->executions = entry->executions;
	queued->rows = entry->rows;
	queued->first = entry->first;
	queued->last = entry->last;
	memcpy(queued->application, entry->application, NAMEDATALEN);
	SpinLockRelease(&entry->mutex);
}

/*
 * pgc_queue_take copies, at most limit, statements of this database that have executions to be recorded: such as
 * are recorded themselves, or such as are not.  pgc_queue_settle is told what became of them.
 */
PgcTaken *
pgc_queue_take(Oid history, bool recorded, int limit)
{
	PgcTaken   *taken = MemoryContextAlloc(TopTransactionContext, sizeof(PgcTaken));
	HASH_SEQ_STATUS scan;
	Entry	   *entry;

	attach();
	LWLockAcquire(queue->lock, LW_SHARED);
	limit = Min(limit, hash_get_num_entries(table));
	taken->count = 0;
	taken->queued = MemoryContextAlloc(TopTransactionContext, limit * sizeof(PgcQueued));
	hash_seq_init(&scan, table);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (entry->key.database != MyDatabaseId || entry->key.history != history ||
			entry->executions == 0 || (recorded ? entry->statement_id <= 0 : !DsaPointerIsValid(entry->bytes)))
			continue;
		if (taken->count == limit)
		{
			hash_seq_term(&scan);
			break;
		}
		copy(entry, &taken->queued[taken->count++]);
	}
	LWLockRelease(queue->lock);
	return taken;
}

/* drop_bytes frees an entry's statement; the lock is held exclusively. */
static void
drop_bytes(Entry *entry)
{
	if (DsaPointerIsValid(entry->bytes))
		dsa_free(area, entry->bytes);
	entry->bytes = InvalidDsaPointer;
}

/*
 * settle_one says of an entry what became of its copy.  What is not in our tables any more (0)
 * keeps its executions until somebody brings the statement again.  Returns whether it was executed since.
 */
static bool
settle_one(Entry *entry, const PgcQueued *queued)
{
	bool		dirty;

	entry->statement_id = queued->statement_id;
	drop_bytes(entry);
	if (queued->statement_id == 0)
		return false;
	if (queued->statement_id == PGC_REFUSED)
	{
		pg_atomic_fetch_add_u64(&queue->lost, entry->executions);
		entry->executions = 0;
		return false;
	}
	SpinLockAcquire(&entry->mutex);
	entry->executions -= queued->executions;
	entry->rows -= queued->rows;
	entry->first = entry->last;
	dirty = entry->executions > 0;
	SpinLockRelease(&entry->mutex);
	return dirty;
}

/* pgc_queue_settle tells the queue what became of copies, now that it is committed.  Cannot fail. */
void
pgc_queue_settle(const PgcTaken *taken)
{
	bool		dirty = false;

	LWLockAcquire(queue->lock, LW_EXCLUSIVE);
	for (int i = 0; i < taken->count; i++)
	{
		Entry	   *entry = find(&taken->queued[i].key);

		if (entry != NULL)
			dirty |= settle_one(entry, &taken->queued[i]);
	}
	LWLockRelease(queue->lock);

	/*
	 * Who executed it meanwhile did not call: there was something to be
	 * recorded already.
	 */
	if (dirty)
		call_worker();
}

/* remove_entry removes an entry; what it had is lost.  The lock is held exclusively. */
static void
remove_entry(Entry *entry)
{
	drop_bytes(entry);
	(void) hash_search(table, &entry->key, HASH_REMOVE, NULL);
}

/* is_foreign: is an entry of a database, but of another history than that? */
static bool
is_foreign(const Entry *entry, Oid database, Oid history)
{
	return entry->key.database == database && entry->key.history != history;
}

/* has_foreign: is there such an entry? */
static bool
has_foreign(Oid database, Oid history)
{
	HASH_SEQ_STATUS scan;
	Entry	   *entry;
	bool		result = false;

	LWLockAcquire(queue->lock, LW_SHARED);
	hash_seq_init(&scan, table);
	while (!result && (entry = hash_seq_search(&scan)) != NULL)
		result = is_foreign(entry, database, history);
	if (result)
		hash_seq_term(&scan);
	LWLockRelease(queue->lock);
	return result;
}

/*
 * pgc_queue_forget removes what a database has in the queue for another history than that, which
 * was dropped; InvalidOid: all that it has.
 */
void
pgc_queue_forget(Oid database, Oid history)
{
	HASH_SEQ_STATUS scan;
	Entry	   *entry;

	if (queue == NULL || !has_foreign(database, history))
		return;
	attach();
	LWLockAcquire(queue->lock, LW_EXCLUSIVE);
	hash_seq_init(&scan, table);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (is_foreign(entry, database, history))
			remove_entry(entry);
	}
	LWLockRelease(queue->lock);
}

/* pgc_queue_unlearn forgets that a statement of this database is recorded: its next execution brings it again. */
void
pgc_queue_unlearn(int64 statement_id)
{
	HASH_SEQ_STATUS scan;
	Entry	   *entry;

	if (queue == NULL)
		return;
	LWLockAcquire(queue->lock, LW_EXCLUSIVE);
	hash_seq_init(&scan, table);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (entry->key.database == MyDatabaseId && entry->statement_id == statement_id)
			entry->statement_id = 0;
	}
	LWLockRelease(queue->lock);
}

/* pgc_queue_databases returns the OIDs of the databases that have something in the queue (palloc'd). */
List *
pgc_queue_databases(void)
{
	Oid			found[64];
	int			nfound = 0;
	List	   *result = NIL;
	HASH_SEQ_STATUS scan;
	Entry	   *entry;

	if (queue == NULL)
		return NIL;
	LWLockAcquire(queue->lock, LW_SHARED);
	hash_seq_init(&scan, table);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		bool		is_new = true;

		for (int i = 0; i < nfound && is_new; i++)
			is_new = found[i] != entry->key.database;
		if (is_new && nfound < lengthof(found))
			found[nfound++] = entry->key.database;
	}
	LWLockRelease(queue->lock);
	for (int i = 0; i < nfound; i++)
		result = lappend_oid(result, found[i]);
	return result;
}

/* An entry that may go. */
typedef struct Candidate
{
	PgcQueueKey key;
	TimestampTz last;
} Candidate;

/* may_go: would removing an entry lose nothing that the worker could record? */
static bool
may_go(const Entry *entry)
{
	return !DsaPointerIsValid(entry->bytes) && (entry->executions == 0 || entry->statement_id <= 0);
}

/* order_candidates sorts those that ran last to the end. */
static int
order_candidates(const void *left, const void *right)
{
	const Candidate *a = left;
	const Candidate *b = right;

	return a->last < b->last ? -1 : a->last > b->last;
}

/* list_candidates returns entries that may go (palloc'd), those that ran last at the end. */
static Candidate *
list_candidates(int *count)
{
	Candidate  *candidates = palloc_extended(queue->room * sizeof(Candidate), MCXT_ALLOC_HUGE);
	HASH_SEQ_STATUS scan;
	Entry	   *entry;

	*count = 0;
	LWLockAcquire(queue->lock, LW_SHARED);
	hash_seq_init(&scan, table);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (may_go(entry))
			candidates[(*count)++] = (Candidate)
		{
			entry->key, entry->last
		};
	}
	LWLockRelease(queue->lock);
	qsort(candidates, *count, sizeof(Candidate), order_candidates);
	return candidates;
}

/* let_go removes an entry that may go; its executions, if it has any, were waiting for a statement that nobody brought. */
static void
let_go(const PgcQueueKey *key)
{
	Entry	   *entry;

	LWLockAcquire(queue->lock, LW_EXCLUSIVE);
	entry = find(key);
	if (entry != NULL && may_go(entry))
	{
		pg_atomic_fetch_add_u64(&queue->lost, entry->executions);
		remove_entry(entry);
	}
	LWLockRelease(queue->lock);
}

/*
 * pgc_queue_make_room removes statements, of any database, that ran longest ago, when the table
 * gets full.  They come back when they run again.
 */
void
pgc_queue_make_room(void)
{
	Candidate  *candidates;
	int			count;
	int			surplus;

	LWLockAcquire(queue->lock, LW_SHARED);
	surplus = hash_get_num_entries(table);
	LWLockRelease(queue->lock);
	if (surplus <= FULL(queue->room))
		return;
	attach();
	surplus -= ROOMY(queue->room);
	candidates = list_candidates(&count);
	for (int i = 0; i < Min(count, surplus); i++)
		let_go(&candidates[i].key);
	pfree(candidates);
}

/*
 * pgc_lineage_queue is contract.lineage_queue(): how many statements are known, of how many there is room for,
 * how many executions wait to be counted, and how many could not be.
 */
Datum
pgc_lineage_queue(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor;
	Datum		values[4] = {0};
	bool		nulls[4] = {true, true, true, true};
	int64		waiting = 0;
	HASH_SEQ_STATUS scan;
	const Entry *entry;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (queue != NULL)
	{
		memset(nulls, false, sizeof(nulls));
		LWLockAcquire(queue->lock, LW_SHARED);
		hash_seq_init(&scan, table);
		while ((entry = hash_seq_search(&scan)) != NULL)
			waiting = sum(waiting, entry->executions);
		values[0] = Int32GetDatum((int32) hash_get_num_entries(table));
		LWLockRelease(queue->lock);
		values[1] = Int32GetDatum(queue->room);
		values[2] = Int64GetDatum(waiting);
		values[3] = Int64GetDatum((int64) pg_atomic_read_u64(&queue->lost));
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}
