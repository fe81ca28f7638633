/*
 * src/worker/shared.c
 *		Shared memory of launcher, workers and backends.  shared.h says more.
 *
 * A slot is free, claimed (by the launcher, for a worker that is about to start), or
 * attached (its worker runs: it has a pid).  A worker frees its slot when it exits,
 * however it does.  One that never started is given up by the launcher.  A process
 * that dies hard takes the server's shared memory with it.
 */
#include "postgres.h"

#include <math.h>
#include <signal.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "worker/shared.h"

#define TRANCHE "pg_contract workers"

/* Without nudge: how often a database is looked at, with and without the extension. */
#define LOOK_EVERY_MS		(5 * 60 * 1000)
#define LOOK_ELSEWHERE_MS	(60 * 60 * 1000)
#define BACK_OFF_MS			(10 * 60 * 1000)	/* at most, after failures */
#define BREATH_MS			1000	/* at least, between two starts of a duty */

/* A worker.  database InvalidOid: free; pid 0: claimed. */
typedef struct Slot
{
	Oid			database;
	PgcDuty		duty;
	pid_t		pid;
	uint64		generation;
	TimestampTz started_at;
	char		doing[PGC_DOING_SIZE];
} Slot;

/* A duty of a database. */
typedef struct Due
{
	bool		is_running;		/* a slot has it */
	bool		is_nudged;		/* since it was started last */
	TimestampTz by;				/* when it is wanted at the latest, by what
								 * was said since then; DT_NOEND: it is not */
	int			failures;		/* in a row */
	TimestampTz next;			/* DT_NOEND: when nudged */
	TimestampTz started_at;		/* 0: never; likewise the next two, which are
								 * of the last run that has ended */
	TimestampTz last_run;
	TimestampTz last_end;
	char		last_error[PGC_ERROR_SIZE];
} Due;

/* A database. */
typedef struct Known
{
	Oid			database;		/* hash key */
	PgcPresence presence;
	int			holders;		/* transactions that keep workers out */
	uint64		seen;			/* by which look of the launcher */
	Due			due[PGC_NDUTIES];
} Known;

typedef struct Shared
{
	LWLock	   *lock;			/* protects all of this and the hash table */
	pid_t		launcher_pid;	/* 0: there is none */
	Latch	   *launcher;
	TimestampTz launched_at;
	bool		look_again;		/* there may be other databases than known */
	uint64		looks;
	uint64		generation;		/* last one given out */
	Slot		slots[PGC_WORKER_SLOTS];
} Shared;

int			pgc_naptime = 10000;
int			pgc_max_workers = 3;

static Shared *shared = NULL;	/* NULL: the library is not preloaded */
static HTAB *databases = NULL;

/* Of a worker: its slot. */
static PgcTicket own;
static bool attached = false;

/* pgc_duty_name returns what people call a duty. */
const char *
pgc_duty_name(PgcDuty duty)
{
	return duty == PGC_TENDING ? "tending" : "auditing";
}

/* pgc_worker_shared_request asks for the memory, while the server starts. */
void
pgc_worker_shared_request(void)
{
	RequestAddinShmemSpace(add_size(MAXALIGN(sizeof(Shared)),
									hash_estimate_size(PGC_KNOWN_DATABASES, sizeof(Known))));
	RequestNamedLWLockTranche(TRANCHE, 1);
}

/* pgc_worker_shared_startup lays it out; also after a crash. */
void
pgc_worker_shared_startup(void)
{
	HASHCTL		control = {.keysize = sizeof(Oid),.entrysize = sizeof(Known)};
	bool		found;

	shared = NULL;
	databases = NULL;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("pg_contract workers", sizeof(Shared), &found);
	if (!found)
	{
		memset(shared, 0, sizeof(Shared));
		shared->lock = &GetNamedLWLockTranche(TRANCHE)->lock;
	}
	databases = ShmemInitHash("pg_contract databases", PGC_KNOWN_DATABASES, PGC_KNOWN_DATABASES,
							  &control, HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	LWLockRelease(AddinShmemInitLock);
}

/* pgc_shared_is_there: is the library preloaded? */
bool
pgc_shared_is_there(void)
{
	return shared != NULL;
}

/* know finds a database, or NULL. */
static Known *
know(Oid database)
{
	return hash_search(databases, &database, HASH_FIND, NULL);
}

/* get_to_know finds or adds a database; NULL: there is no room. */
static Known *
get_to_know(Oid database)
{
	bool		found;
	Known	   *known;

	known = hash_search(databases, &database, HASH_ENTER_NULL, &found);
	if (known == NULL || found)
		return known;
	memset((char *) known + sizeof(Oid), 0, sizeof(Known) - sizeof(Oid));
	known->due[PGC_TENDING].next = GetCurrentTimestamp();
	/* Whether there is anything to audit, the first tending finds out. */
	known->due[PGC_AUDITING].next = DT_NOEND;
	for (int duty = 0; duty < PGC_NDUTIES; duty++)
		known->due[duty].by = DT_NOEND;
	return known;
}

/* wake_launcher has it look around. */
static void
wake_launcher(void)
{
	if (shared->launcher != NULL)
		SetLatch(shared->launcher);
}

/* soonest returns when a duty may run next: not at once again. */
static TimestampTz
soonest(const Due *due)
{
	return TimestampTzPlusMilliseconds(due->started_at, Min(pgc_naptime, BREATH_MS));
}

/* nudge makes a duty due. After failures only the clock does. */
static void
nudge(Oid database, PgcDuty duty)
{
	Known	   *known = know(database);

	if (known == NULL)
		shared->look_again = true;
	else
	{
		Due		   *due = &known->due[duty];

		/* Who nudges has the extension. */
		if (known->presence == PGC_PRESENCE_NO)
		{
			known->presence = PGC_PRESENCE_UNKNOWN;
			due = &known->due[PGC_TENDING];
		}
		due->is_nudged = true;
		if (due->failures == 0)
			due->next = Min(due->next, soonest(due));
	}
	wake_launcher();
}

/* pgc_worker_due makes a duty of a database due at once; from any process, at any time. */
void
pgc_worker_due(Oid database, PgcDuty duty)
{
	if (shared == NULL)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	nudge(database, duty);
	LWLockRelease(shared->lock);
}

/*
 * pgc_worker_due_by makes a duty due by a time, from any process, at any time.  Nobody is woken: the
 * launcher looks once in a naptime.
 */
void
pgc_worker_due_by(Oid database, PgcDuty duty, TimestampTz by)
{
	Known	   *known;

	if (shared == NULL)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	known = know(database);
	if (known != NULL)
	{
		Due		   *due = &known->due[duty];

		due->by = Min(due->by, by);
		if (due->failures == 0)
			due->next = Min(due->next, by);
	}
	LWLockRelease(shared->lock);
}

/*
 * pgc_worker_wake passes on, after commit, that somebody nudged.  What a worker
 * says to itself is in vain: it is looking already.
 */
void
pgc_worker_wake(bool committed)
{
	for (int duty = 0; duty < PGC_NDUTIES; duty++)
	{
		if (pgc_nudge_take(duty) && committed && !(attached && own.duty == duty))
			pgc_worker_due(MyDatabaseId, duty);
	}
}

/* forget_launcher is called when the launcher exits. */
static void
forget_launcher(int code, Datum arg)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->launcher_pid = 0;
	shared->launcher = NULL;
	LWLockRelease(shared->lock);
}

/* free_slot makes room for another worker. */
static void
free_slot(Slot *slot)
{
	Known	   *known = know(slot->database);

	if (known != NULL)
		known->due[slot->duty].is_running = false;
	slot->database = InvalidOid;
	slot->pid = 0;
}

/*
 * pgc_shared_launch makes this process the launcher.  Workers that another one
 * started go on; those that have not begun yet will find that they are not wanted.
 */
void
pgc_shared_launch(void)
{
	before_shmem_exit(forget_launcher, 0);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->launcher_pid = MyProcPid;
	shared->launcher = MyLatch;
	shared->launched_at = GetCurrentTimestamp();
	for (int i = 0; i < PGC_WORKER_SLOTS; i++)
	{
		Slot	   *slot = &shared->slots[i];

		if (OidIsValid(slot->database) && slot->pid == 0)
			free_slot(slot);
	}
	LWLockRelease(shared->lock);
}

/*
 * pgc_shared_reconcile gets to know the databases (Oids) and forgets all others;
 * returns whether there was room for all.
 */
bool
pgc_shared_reconcile(const List *list)
{
	HASH_SEQ_STATUS scan;
	Known	   *known;
	ListCell   *lc;
	bool		complete = true;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->looks++;
	foreach(lc, list)
	{
		known = know(lfirst_oid(lc));
		if (known != NULL)
			known->seen = shared->looks;
	}
	hash_seq_init(&scan, databases);
	while ((known = hash_seq_search(&scan)) != NULL)
	{
		if (known->seen != shared->looks)
			(void) hash_search(databases, &known->database, HASH_REMOVE, NULL);
	}
	foreach(lc, list)
	{
		known = get_to_know(lfirst_oid(lc));
		if (known != NULL)
			known->seen = shared->looks;
		else
			complete = false;
	}
	LWLockRelease(shared->lock);
	return complete;
}

/* pgc_shared_look_again returns whether there may be other databases than known, and forgets it. */
bool
pgc_shared_look_again(void)
{
	bool		result;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	result = shared->look_again;
	shared->look_again = false;
	LWLockRelease(shared->lock);
	return result;
}

/* find_slot returns a free slot if there may be another worker, and whether it may audit. */
static Slot *
find_slot(bool *may_audit)
{
	Slot	   *unused = NULL;
	int			nworkers = 0;
	int			nauditing = 0;

	for (int i = 0; i < PGC_WORKER_SLOTS; i++)
	{
		Slot	   *slot = &shared->slots[i];

		if (!OidIsValid(slot->database))
			unused = slot;
		else
		{
			nworkers++;
			if (slot->duty == PGC_AUDITING)
				nauditing++;
		}
	}
	/* Audits may be long: they leave one worker to the others. */
	*may_audit = nauditing < Max(pgc_max_workers - 1, 1);
	return nworkers < pgc_max_workers ? unused : NULL;
}

/* was_put_back: is that so far ahead that the clock must have been put back? */
static bool
was_put_back(TimestampTz now, TimestampTz next)
{
	return next != DT_NOEND && next > TimestampTzPlusMilliseconds(now, 2 * LOOK_ELSEWHERE_MS);
}

/*
 * choose returns the database whose duty of that kind is to be done first, or
 * NULL if none is due; *next becomes when one will be, if that is earlier.
 */
static Known *
choose(PgcDuty duty, TimestampTz now, TimestampTz *next)
{
	HASH_SEQ_STATUS scan;
	Known	   *known;
	Known	   *first = NULL;

	hash_seq_init(&scan, databases);
	while ((known = hash_seq_search(&scan)) != NULL)
	{
		const Due  *due = &known->due[duty];

		if (due->is_running || known->holders > 0)
			continue;
		if (due->next > now && !was_put_back(now, due->next))
			*next = Min(*next, due->next);
		else if (first == NULL || due->next < first->due[duty].next)
			first = known;
	}
	return first;
}

/*
 * pgc_shared_claim takes a slot for what is due first.  Returns false if nothing
 * can be started now; *next is then when something may be.  Tending comes before
 * auditing that is due for less than a naptime, so that neither keeps the other
 * from being done.
 */
bool
pgc_shared_claim(TimestampTz now, PgcTicket *ticket, TimestampTz *next)
{
	Slot	   *slot;
	bool		may_audit;

	*next = DT_NOEND;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = find_slot(&may_audit);
	if (slot != NULL)
	{
		Known	   *tend = choose(PGC_TENDING, now, next);
		Known	   *audit = may_audit ? choose(PGC_AUDITING, now, next) : NULL;
		PgcDuty		duty = PGC_TENDING;
		Known	   *known = tend;

		if (audit != NULL &&
			(tend == NULL || tend->due[PGC_TENDING].next >
			 TimestampTzPlusMilliseconds(audit->due[PGC_AUDITING].next, pgc_naptime)))
		{
			duty = PGC_AUDITING;
			known = audit;
		}
		if (known != NULL)
		{
			known->due[duty].is_running = true;
			known->due[duty].is_nudged = false;
			known->due[duty].by = DT_NOEND;
			known->due[duty].started_at = now;
			slot->database = known->database;
			slot->duty = duty;
			slot->pid = 0;
			slot->generation = ++shared->generation;
			slot->started_at = now;
			slot->doing[0] = '\0';
			*ticket = (PgcTicket)
			{
				slot - shared->slots, slot->generation, slot->database, duty
			};
			LWLockRelease(shared->lock);
			return true;
		}
	}
	LWLockRelease(shared->lock);
	return false;
}

/* find_ticket returns the slot that the ticket is for, or NULL if it is not valid any more. */
static Slot *
find_ticket(const PgcTicket *ticket)
{
	Slot	   *slot = &shared->slots[ticket->slot];

	return OidIsValid(slot->database) && slot->generation == ticket->generation ? slot : NULL;
}

/* count says of a duty how its worker ended, and when it is due again. */
static void
count(Known *known, PgcDuty duty, const PgcOutcome *outcome)
{
	Due		   *due = &known->due[duty];
	TimestampTz now = GetCurrentTimestamp();

	due->last_run = due->started_at;
	due->last_end = now;
	known->presence = outcome->presence != PGC_PRESENCE_UNKNOWN ? outcome->presence : known->presence;
	strlcpy(due->last_error, outcome->error, PGC_ERROR_SIZE);
	if (outcome->failed)
	{
		double		back_off = ldexp(pgc_naptime, Min(due->failures, 30));

		due->failures = Min(due->failures + 1, 1000000);
		due->next = TimestampTzPlusMilliseconds(now, (int64) Min(back_off, BACK_OFF_MS));
		return;
	}
	due->failures = 0;
	due->next = Min(Min(outcome->next, due->by), TimestampTzPlusMilliseconds(now, LOOK_EVERY_MS));
	if (known->presence == PGC_PRESENCE_NO)
	{
		known->due[PGC_TENDING].next = TimestampTzPlusMilliseconds(now, LOOK_ELSEWHERE_MS);
		known->due[PGC_AUDITING].next = DT_NOEND;
	}
	else if (duty == PGC_TENDING && known->due[PGC_AUDITING].next == DT_NOEND)
		known->due[PGC_AUDITING].next = now;
	if (due->is_nudged)
		due->next = now;
	due->next = Max(due->next, soonest(due));
}

/* end_slot frees a slot and says how its worker ended; NULL: not by itself. */
static void
end_slot(Slot *slot, const PgcOutcome *outcome)
{
	static const PgcOutcome died = {PGC_PRESENCE_UNKNOWN, true, DT_NOEND, "the worker ended before it was done"};
	static const PgcOutcome stopped = {PGC_PRESENCE_UNKNOWN, false, DT_NOBEGIN, ""};
	Known	   *known = know(slot->database);

	if (known != NULL)
	{
		if (outcome == NULL)
			outcome = known->holders > 0 ? &stopped : &died;
		count(known, slot->duty, outcome);
	}
	free_slot(slot);
	wake_launcher();
}

/* pgc_shared_give_back: the worker was not registered, for want of room in the server. */
void
pgc_shared_give_back(const PgcTicket *ticket)
{
	Slot	   *slot;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = find_ticket(ticket);
	if (slot != NULL)
		free_slot(slot);
	LWLockRelease(shared->lock);
}

/* pgc_shared_give_up: the worker is gone; if it never began, the slot is still taken. */
void
pgc_shared_give_up(const PgcTicket *ticket)
{
	Slot	   *slot;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = find_ticket(ticket);
	if (slot != NULL)
		end_slot(slot, NULL);
	LWLockRelease(shared->lock);
}

/* pgc_shared_attach makes this process the slot's worker; false: it is not wanted any more. */
bool
pgc_shared_attach(const PgcTicket *ticket)
{
	Slot	   *slot;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = find_ticket(ticket);
	if (slot != NULL)
	{
		slot->pid = MyProcPid;
		own = *ticket;
		attached = true;
	}
	LWLockRelease(shared->lock);
	return attached;
}

/* pgc_shared_detach frees the worker's slot; outcome as of end_slot. */
void
pgc_shared_detach(const PgcOutcome *outcome)
{
	if (!attached)
		return;
	attached = false;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	end_slot(&shared->slots[own.slot], outcome);
	LWLockRelease(shared->lock);
}

/* pgc_worker_doing says what this worker does now; nothing outside of a worker. */
void
pgc_worker_doing(const char *what)
{
	char	   *doing;
	char		activity[PGC_DOING_SIZE + 16];

	if (!attached)
		return;
	doing = shared->slots[own.slot].doing;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	strlcpy(doing, what, pg_mbcliplen(what, strlen(what), PGC_DOING_SIZE - 1) + 1);
	LWLockRelease(shared->lock);
	snprintf(activity, sizeof(activity), "pg_contract: %s", doing);
	pgstat_report_activity(STATE_RUNNING, activity);
}

/* pgc_shared_hold keeps workers from being started in a database until pgc_shared_unhold. */
void
pgc_shared_hold(Oid database)
{
	Known	   *known;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	known = get_to_know(database);
	if (known != NULL)
		known->holders++;
	LWLockRelease(shared->lock);
}

/* pgc_shared_evict ends the workers in a database; returns whether one is still there: ask again. */
bool
pgc_shared_evict(Oid database)
{
	bool		busy = false;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < PGC_WORKER_SLOTS; i++)
	{
		Slot	   *slot = &shared->slots[i];

		if (slot->database != database)
			continue;
		if (slot->pid == 0)
			end_slot(slot, NULL);
		else
		{
			kill(slot->pid, SIGTERM);
			busy = true;
		}
	}
	LWLockRelease(shared->lock);
	return busy;
}

/* pgc_shared_unhold lets workers in again, if the database is still there. */
void
pgc_shared_unhold(Oid database)
{
	Known	   *known;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	known = know(database);
	if (known != NULL && known->holders > 0)
		known->holders--;
	shared->look_again = true;
	wake_launcher();
	LWLockRelease(shared->lock);
}

/* row_of_duty fills the row of a duty, with the lock held. */
static void
row_of_duty(const Known *known, PgcDuty duty, PgcWorkerRow *row)
{
	const Due  *due = &known->due[duty];

	*row = (PgcWorkerRow)
	{
		.database = known->database,.duty = duty,.state = "waiting",
			.next_due = due->next,.last_run = due->last_run,.last_end = due->last_end,
			.failures = due->failures
	};
	strlcpy(row->last_error, due->last_error, PGC_ERROR_SIZE);
	for (int i = 0; due->is_running && i < PGC_WORKER_SLOTS; i++)
	{
		const Slot *slot = &shared->slots[i];

		if (slot->database != known->database || slot->duty != duty)
			continue;
		row->pid = slot->pid;
		row->state = slot->pid != 0 ? "running" : "starting";
		row->started_at = slot->started_at;
		strlcpy(row->doing, slot->doing, PGC_DOING_SIZE);
	}
}

/*
 * pgc_shared_rows returns the rows of contract.workers, palloc'd: the launcher, and
 * the duties of databases that have the extension or have not been looked at.
 */
PgcWorkerRow *
pgc_shared_rows(int *nrows)
{
	PgcWorkerRow *rows;
	HASH_SEQ_STATUS scan;
	Known	   *known;
	int			n = 0;

	*nrows = 0;
	if (shared == NULL)
		return NULL;
	rows = palloc_extended(sizeof(PgcWorkerRow) * (1 + PGC_KNOWN_DATABASES * PGC_NDUTIES), MCXT_ALLOC_HUGE);
	LWLockAcquire(shared->lock, LW_SHARED);
	if (shared->launcher_pid != 0)
		rows[n++] = (PgcWorkerRow)
	{
		.pid = shared->launcher_pid,.state = "running",.started_at = shared->launched_at,.next_due = DT_NOEND
	};
	hash_seq_init(&scan, databases);
	while ((known = hash_seq_search(&scan)) != NULL)
	{
		for (int duty = 0; known->presence != PGC_PRESENCE_NO && duty < PGC_NDUTIES; duty++)
			row_of_duty(known, duty, &rows[n++]);
	}
	LWLockRelease(shared->lock);
	*nrows = n;
	return rows;
}
