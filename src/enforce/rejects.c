/*
 * src/enforce/rejects.c
 *		The queue of refused rows: a file of fixed size that all processes have
 *		mapped.
 *
 * The statement of a refused row is rolled back, and with it whatever it would
 * write about it.  So it leaves a note here, which the database's worker
 * records (worker/drain.c).  Nobody ever waits for the worker: a row is always
 * counted; its evidence is kept while there is room.
 *
 * Counters only rise.  The worker writes how far it has recorded each into the
 * same transaction as the history, and tells us after the commit.  Whoever is
 * killed when, each count is in the history once.
 *
 * The file outlives the restart of the server that follows a crash of any
 * process, and the server.  Processes are killed between two instructions: so
 * a counter or sample is written before the epoch that makes it valid, and a
 * count is one store.  What only helps to find things (hashes, free samples) is
 * made anew at each start.  If the machine itself crashes the file may be older
 * than the tables, or torn: at start everything in it is checked, and what is
 * not whole is left out.
 *
 * Lock: one LWLock, held for a bounded time, without allocating, without any
 * other lock.  Must never raise an error while a row is put.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/htup_details.h"
#include "common/hashfn.h"
#include "enforce/enforce.h"
#include "enforce/rejects.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"

#define FILE_NAME PG_STAT_TMP_DIR "/pg_contract.queue"
#define TRANCHE "pg_contract_rejects"
#define MAGIC 0x50474351
#define LAYOUT 1				/* of the structs in the file */
#define MAX_COUNTERS 1024		/* they are searched one after the other */

#define CALL_EVERY_MS 100		/* the worker, while it is crowded */

int			pgc_reject_queue_size = 2048;
void		(*pgc_rejects_crowded) (void) = NULL;

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_reject_queue);

/* The file: this, the counters' hashes, the counters, the samples. */
typedef struct Queue
{
	uint32		magic;
	uint32		layout;
	uint64		size;			/* of the file */
	int64		incarnation;	/* random: not that of a file before */
	/* Protected by the lock: */
	int64		epoch;			/* the last that was given */
	int64		lost;			/* refused rows that are not, or not by all
								 * their rules, counted */
	/* Protected by the lock, and made anew at start: */
	int32		ncounters;
	int32		nsamples;
	int32		nused;			/* counters in use are below */
	int32		first_free;		/* sample, or -1 */
	int32		nfree;
	int32		newest;			/* highest counter that this row has begun */
	uint64		hashes[];
} Queue;

static Queue *queue = NULL;
static Size mapped;
static LWLock *lock;

StaticAssertDecl(PGC_REJECT_TEXT > 700, "a counter has room for a rule");

static inline PgcRejectCounter *
counter_at(int i)
{
	return (PgcRejectCounter *) ((char *) (queue->hashes + queue->ncounters) + (Size) i * PGC_REJECT_COUNTER_SIZE);
}

static inline PgcRejectSample *
sample_at(int i)
{
	return (PgcRejectSample *) ((char *) counter_at(queue->ncounters) + (Size) i * PGC_REJECT_SAMPLE_SIZE);
}

/* hash_of hashes a key. */
static uint64
hash_of(const PgcRejectKey *key)
{
	const Size	start = offsetof(PgcRejectKey, database);

	return hash_bytes_extended((const unsigned char *) key + start,
							   offsetof(PgcRejectKey, rule) - start + key->length, 0);
}

/* checksum_of sums up a sample's data. */
static pg_crc32c
checksum_of(const PgcRejectSample *sample)
{
	pg_crc32c	checksum;

	INIT_CRC32C(checksum);
	COMP_CRC32C(checksum, sample->data, sample->length);
	FIN_CRC32C(checksum);
	return checksum;
}

/* set_capacity computes how many counters and samples there is room for. */
static void
set_capacity(void)
{
	queue->ncounters = Min(mapped / 4 / PGC_REJECT_COUNTER_SIZE, MAX_COUNTERS);
	queue->nsamples = (mapped - sizeof(Queue) -
					   queue->ncounters * (sizeof(uint64) + PGC_REJECT_COUNTER_SIZE)) / PGC_REJECT_SAMPLE_SIZE;
}

/* is_whole: is this counter as it was written? */
static bool
is_whole(const PgcRejectCounter *counter)
{
	return counter->key.length >= 0 && counter->key.length <= PGC_REJECT_TEXT &&
		counter->key.hash == hash_of(&counter->key) &&
		counter->recorded >= 0 && counter->recorded <= counter->total &&
		IS_VALID_TIMESTAMP(counter->at) && counter->application[NAMEDATALEN - 1] == '\0';
}

/* is_waiting: is this sample as it was written, and not recorded yet? */
static bool
is_waiting(const PgcRejectSample *sample)
{
	const PgcRejectCounter *counter;

	if (sample->epoch == 0 || sample->counter < 0 || sample->counter >= queue->nused)
		return false;
	counter = counter_at(sample->counter);
	return counter->epoch == sample->epoch &&
		sample->ordinal > counter->recorded && sample->ordinal <= counter->total &&
		sample->length > 0 && sample->length <= PGC_REJECT_DATA &&
		sample->checksum == checksum_of(sample);
}

/* free_sample puts a sample on the list of free ones. */
static void
free_sample(int i)
{
	PgcRejectSample *sample = sample_at(i);

	sample->epoch = 0;
	sample->next_free = queue->first_free;
	queue->first_free = i;
	queue->nfree++;
}

/* recover makes everything anew that follows from counters and samples. */
static void
recover(void)
{
	int			torn = 0;

	set_capacity();
	queue->nused = 0;
	for (int i = 0; i < queue->ncounters; i++)
	{
		PgcRejectCounter *counter = counter_at(i);

		queue->hashes[i] = 0;
		if (counter->epoch == 0)
			continue;
		if (is_whole(counter))
		{
			queue->hashes[i] = counter->key.hash;
			queue->nused = i + 1;
			continue;
		}
		counter->epoch = 0;
		torn++;
	}
	queue->first_free = -1;
	queue->nfree = 0;
	for (int i = queue->nsamples - 1; i >= 0; i--)
	{
		if (!is_waiting(sample_at(i)))
			free_sample(i);
	}
	if (torn > 0)
		ereport(LOG,
				(errmsg_plural("%d counter of refused rows in \"%s\" was damaged and is left out",
							   "%d counters of refused rows in \"%s\" were damaged and are left out",
							   torn, torn, FILE_NAME)));
}

/* make_anew empties the queue. */
static bool
make_anew(void)
{
	memset(queue, 0, mapped);
	if (!pg_strong_random(&queue->incarnation, sizeof(queue->incarnation)))
		return false;
	queue->layout = LAYOUT;
	queue->size = mapped;
	pg_write_barrier();
	queue->magic = MAGIC;
	return true;
}

/* allocate gives a file its size, every block of it; returns 0 or an errno. */
static int
allocate(int file, Size size)
{
	struct stat status;
	int			result;

	if (fstat(file, &status) != 0)
		return errno;
	if (status.st_size != (off_t) size && ftruncate(file, 0) != 0)
		return errno;
	do
	{
		result = posix_fallocate(file, 0, size);
	} while (result == EINTR);
	return result;
}

/* map maps the file, which is made if need be; returns 0 or an errno. */
static int
map(Size size)
{
	int			file = OpenTransientFile(FILE_NAME, O_RDWR | O_CREAT | PG_BINARY);
	void	   *address = MAP_FAILED;
	int			result;

	if (file < 0)
		return errno;
	result = allocate(file, size);
	if (result == 0)
	{
		address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
		result = address == MAP_FAILED ? errno : 0;
	}
	CloseTransientFile(file);
	if (result != 0)
		(void) unlink(FILE_NAME);
	else
	{
		queue = address;
		mapped = size;
	}
	return result;
}

/* unmap lets go of the file, after which there is no queue. */
static void
unmap(void)
{
	if (queue != NULL)
		(void) munmap(queue, mapped);
	queue = NULL;
}

/* pgc_rejects_request asks for shared memory, while the library is preloaded. */
void
pgc_rejects_request(void)
{
	if (pgc_reject_queue_size > 0)
		RequestNamedLWLockTranche(TRANCHE, 1);
}

/*
 * pgc_rejects_startup opens the queue.  Called by the postmaster, whose
 * children inherit it; again after a crash.
 */
void
pgc_rejects_startup(void)
{
	int			error;

	unmap();
	if (pgc_reject_queue_size == 0)
		return;
	lock = &GetNamedLWLockTranche(TRANCHE)->lock;
	error = map((Size) Max(pgc_reject_queue_size, 64) * 1024);
	if (error == 0 && (queue->magic != MAGIC || queue->layout != LAYOUT || queue->size != mapped) &&
		!make_anew())
	{
		unmap();
		error = EIO;
	}
	if (error == 0)
	{
		recover();
		return;
	}
	errno = error;
	ereport(WARNING,
			(errcode_for_file_access(),
			 errmsg("could not make the queue of refused rows, \"%s\": %m", FILE_NAME),
			 errdetail("Rows are refused as before, but not recorded."),
			 errhint("Make room on the disk, or lower pg_contract.reject_queue_size, and restart the server.")));
}

/* pgc_rejects_available: is there a queue? */
bool
pgc_rejects_available(void)
{
	return queue != NULL;
}

/* pgc_rejects_incarnation tells this queue from one before it. */
int64
pgc_rejects_incarnation(void)
{
	return queue->incarnation;
}

/*
 * pgc_reject_queue is contract.reject_queue(): how many refused rows wait, of
 * how many there is evidence, of how many there can be, and how many could not
 * be counted, ever.
 */
Datum
pgc_reject_queue(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor;
	int64		waiting = 0;
	Datum		values[4] = {0};
	bool		nulls[4] = {true, true, true, true};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (queue != NULL)
	{
		memset(nulls, false, sizeof(nulls));
		LWLockAcquire(lock, LW_SHARED);
		for (int i = 0; i < queue->nused; i++)
		{
			const PgcRejectCounter *counter = counter_at(i);

			if (counter->epoch != 0 && counter->key.length == 0)
				waiting += counter->total - counter->recorded;
		}
		values[0] = Int64GetDatum(waiting);
		values[1] = Int32GetDatum(queue->nsamples - queue->nfree);
		values[2] = Int32GetDatum(queue->nsamples);
		values[3] = Int64GetDatum(queue->lost);
		LWLockRelease(lock);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}

/* pgc_rejects_seal completes a key that is filled otherwise. */
void
pgc_rejects_seal(PgcRejectKey *key)
{
	key->hash = hash_of(key);
}

/* find returns the counter of a key, or NULL. */
static PgcRejectCounter *
find(const PgcRejectKey *key)
{
	const Size	start = offsetof(PgcRejectKey, database);
	const Size	length = offsetof(PgcRejectKey, rule) - start + key->length;

	for (int i = 0; i < queue->nused; i++)
	{
		PgcRejectCounter *counter = counter_at(i);

		if (queue->hashes[i] == key->hash && counter->epoch != 0 && counter->key.length == key->length &&
			memcmp((char *) &counter->key + start, (const char *) key + start, length) == 0)
			return counter;
	}
	return NULL;
}

/* find_room returns the index of a counter that may be taken, or -1. */
static int
find_room(void)
{
	if (queue->nused < queue->ncounters)
		return queue->nused++;
	for (int i = 0; i < queue->nused; i++)
	{
		if (counter_at(i)->epoch == 0 || counter_at(i)->recorded == counter_at(i)->total)
			return i;
	}
	return -1;
}

/*
 * next_epoch returns one that was never given.  Epochs follow the clock, so that
 * none comes back even if the file is older than the tables.
 */
static int64
next_epoch(TimestampTz now)
{
	queue->epoch = Max(queue->epoch + 1, now);
	return queue->epoch;
}

/* begin takes a counter for a key; NULL: there is none. */
static PgcRejectCounter *
begin(const PgcRejectKey *key, TimestampTz now)
{
	int			i = find_room();
	PgcRejectCounter *counter;

	if (i < 0)
		return NULL;
	counter = counter_at(i);
	counter->epoch = 0;
	pg_write_barrier();
	counter->total = 0;
	counter->recorded = 0;
	counter->application[NAMEDATALEN - 1] = '\0';
	memcpy(&counter->key, key, offsetof(PgcRejectKey, rule) + key->length);
	queue->hashes[i] = key->hash;
	queue->newest = Max(queue->newest, i);
	pg_write_barrier();
	counter->epoch = next_epoch(now);
	return counter;
}

/* count counts one row by a key; NULL: there is no counter left. */
static PgcRejectCounter *
count(const PgcRejectKey *key, const PgcRefusal *refusal)
{
	PgcRejectCounter *counter = find(key);

	if (counter == NULL)
		counter = begin(key, refusal->at);
	if (counter == NULL)
		return NULL;
	counter->at = refusal->at;
	counter->xid = refusal->xid;
	counter->query_id = refusal->query_id;
	strlcpy(counter->application, refusal->application, NAMEDATALEN);
	pg_write_barrier();
	counter->total++;
	return counter;
}

/* keep_sample keeps the evidence of the row just counted, if there is room. */
static void
keep_sample(const PgcRejectCounter *counter, const PgcRefusal *refusal)
{
	PgcRejectSample *sample;

	if (queue->first_free < 0)
		return;
	sample = sample_at(queue->first_free);
	queue->first_free = sample->next_free;
	queue->nfree--;
	sample->ordinal = counter->total;
	sample->counter = ((const char *) counter - (char *) counter_at(0)) / PGC_REJECT_COUNTER_SIZE;
	sample->at = refusal->at;
	sample->length = refusal->length;
	memcpy(sample->data, refusal->sample, refusal->length);
	sample->checksum = checksum_of(sample);
	pg_write_barrier();
	sample->epoch = counter->epoch;
}

/*
 * pgc_rejects_wants_sample: would the worker keep the evidence of another such
 * row?  It keeps pg_contract.violation_samples a rule and batch.
 */
bool
pgc_rejects_wants_sample(const PgcRejectKey *rows)
{
	const PgcRejectCounter *counter;
	bool		result;

	LWLockAcquire(lock, LW_SHARED);
	counter = find(rows);
	result = queue->first_free >= 0 &&
		(counter ? counter->total - counter->recorded : 0) < pgc_violation_samples;
	LWLockRelease(lock);
	return result;
}

/* call_worker calls it, unless this process did a moment ago. */
static void
call_worker(void)
{
	static TimestampTz called = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (pgc_rejects_crowded == NULL || !TimestampDifferenceExceeds(called, now, CALL_EVERY_MS))
		return;
	called = now;
	pgc_rejects_crowded();
}

/* is_repeated: does a subscription only try again what is in the queue already? */
static bool
is_repeated(const PgcRefusal *refusal)
{
	return refusal->rows->origin[0] != '\0' && find(refusal->rows) != NULL;
}

/* put is pgc_rejects_put under the lock; false: there was no counter left. */
static bool
put(const PgcRefusal *refusal)
{
	PgcRejectCounter *rows = count(refusal->rows, refusal);
	bool		complete = true;
	ListCell   *cell;

	if (rows == NULL)
		return false;
	foreach(cell, refusal->rules)
		complete &= count(lfirst(cell), refusal) != NULL;
	if (refusal->length > 0)
		keep_sample(rows, refusal);
	return complete;
}

/*
 * pgc_rejects_put counts a refused row, and keeps its evidence while there is
 * room; NULL: one of which nothing is known.  What a subscription tries again
 * is one row.  Must not raise.
 */
void
pgc_rejects_put(const PgcRefusal *refusal)
{
	bool		crowded = false;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	queue->newest = 0;
	if (refusal == NULL || (!is_repeated(refusal) && !put(refusal)))
	{
		queue->lost++;
		crowded = true;
	}
	crowded |= queue->nfree < queue->nsamples / 2 || queue->newest >= queue->ncounters / 2;
	LWLockRelease(lock);
	if (crowded)
		call_worker();
}

/*
 * pgc_rejects_databases returns the OIDs of the databases for which something
 * waits (palloc'd).
 */
List *
pgc_rejects_databases(void)
{
	Oid			found[MAX_COUNTERS];
	int			nfound = 0;
	List	   *result = NIL;

	if (queue == NULL)
		return NIL;
	LWLockAcquire(lock, LW_SHARED);
	for (int i = 0; i < queue->nused; i++)
	{
		const PgcRejectCounter *counter = counter_at(i);

		if (counter->epoch != 0 && counter->recorded < counter->total)
			found[nfound++] = counter->key.database;
	}
	LWLockRelease(lock);
	for (int i = 0; i < nfound; i++)
		result = list_append_unique_oid(result, found[i]);
	return result;
}

/* copy_counters copies a database's counters to room for all of them; how many? */
static int
copy_counters(Oid database, char *room)
{
	int			n = 0;

	for (int i = 0; i < queue->nused; i++)
	{
		const PgcRejectCounter *counter = counter_at(i);

		if (counter->epoch != 0 && counter->key.database == database)
			memcpy(room + (Size) n++ * PGC_REJECT_COUNTER_SIZE, counter, PGC_REJECT_COUNTER_SIZE);
	}
	return n;
}

/* copy_samples copies a database's samples likewise. */
static int
copy_samples(Oid database, char *room)
{
	int			n = 0;

	for (int i = 0; i < queue->nsamples; i++)
	{
		const PgcRejectSample *sample = sample_at(i);

		if (sample->epoch != 0 && counter_at(sample->counter)->key.database == database)
			memcpy(room + (Size) n++ * PGC_REJECT_SAMPLE_SIZE, sample, PGC_REJECT_SAMPLE_SIZE);
	}
	return n;
}

/* by_age sorts samples of a counter by their number. */
static int
by_age(const ListCell *a, const ListCell *b)
{
	const PgcRejectSample *left = lfirst(a);
	const PgcRejectSample *right = lfirst(b);

	if (left->epoch != right->epoch)
		return left->epoch < right->epoch ? -1 : 1;
	return left->ordinal < right->ordinal ? -1 : left->ordinal > right->ordinal;
}

/*
 * pgc_rejects_read copies all that is there for a database, in the current
 * context: as of one moment, so that each sample comes with its counts.
 */
PgcRejected *
pgc_rejects_read(Oid database)
{
	PgcRejected *result = palloc0(sizeof(PgcRejected));
	char	   *counters = palloc_extended((Size) queue->ncounters * PGC_REJECT_COUNTER_SIZE, MCXT_ALLOC_HUGE);
	char	   *samples = palloc_extended((Size) queue->nsamples * PGC_REJECT_SAMPLE_SIZE, MCXT_ALLOC_HUGE);
	int			ncounters;
	int			nsamples;

	LWLockAcquire(lock, LW_SHARED);
	ncounters = copy_counters(database, counters);
	nsamples = copy_samples(database, samples);
	LWLockRelease(lock);
	for (int i = 0; i < ncounters; i++)
		result->counters = lappend(result->counters, counters + (Size) i * PGC_REJECT_COUNTER_SIZE);
	for (int i = 0; i < nsamples; i++)
		result->samples = lappend(result->samples, samples + (Size) i * PGC_REJECT_SAMPLE_SIZE);
	list_sort(result->samples, by_age);
	return result;
}

/* sweep frees the samples that are not wanted any more. */
static void
sweep(void)
{
	for (int i = 0; i < queue->nsamples; i++)
	{
		const PgcRejectSample *sample = sample_at(i);
		const PgcRejectCounter *counter = counter_at(sample->counter);

		if (sample->epoch != 0 && (counter->epoch != sample->epoch || sample->ordinal <= counter->recorded))
			free_sample(i);
	}
}

/* position_of returns how far a counter is recorded as told, or as it knows itself. */
static int64
position_of(const PgcRejectCounter *counter, const int64 *epochs, const int64 *recorded, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (epochs[i] == counter->epoch)
			return recorded[i];
	}
	return counter->recorded;
}

/*
 * pgc_rejects_mark notes how far counters of a database, given by their epochs,
 * are recorded for good.  Returns whether that was news.
 */
bool
pgc_rejects_mark(Oid database, const int64 *epochs, const int64 *recorded, int n)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		news = false;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	for (int i = 0; i < queue->nused; i++)
	{
		PgcRejectCounter *counter = counter_at(i);
		int64		position;

		if (counter->epoch == 0 || counter->key.database != database)
			continue;
		position = position_of(counter, epochs, recorded, n);
		if (position <= counter->recorded)
			continue;
		/* more than there is: the file is older than the table, so count anew */
		if (position > counter->total)
			counter->epoch = next_epoch(now);
		counter->recorded = Min(position, counter->total);
		news = true;
	}
	if (news)
		sweep();
	LWLockRelease(lock);
	return news;
}

/* pgc_rejects_forget drops what a database has in the queue for another history. */
void
pgc_rejects_forget(Oid database, Oid history)
{
	bool		any = false;

	if (queue == NULL)
		return;
	LWLockAcquire(lock, LW_EXCLUSIVE);
	for (int i = 0; i < queue->nused; i++)
	{
		PgcRejectCounter *counter = counter_at(i);

		if (counter->epoch == 0 || counter->key.database != database || counter->key.history == history)
			continue;
		counter->epoch = 0;
		queue->hashes[i] = 0;
		any = true;
	}
	if (any)
		sweep();
	LWLockRelease(lock);
}

/* pgc_rejects_forget_database drops all that a database has in the queue. */
void
pgc_rejects_forget_database(Oid database)
{
	pgc_rejects_forget(database, InvalidOid);
}
