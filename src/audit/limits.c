/*
 * src/audit/limits.c
 *		Limits of an audit that nobody waits for: a timeout, and giving way to
 *		sessions that wait for a lock on what it reads.
 *
 * Either ends the audit by an error of class query_canceled, which no rule's error
 * handling holds up.  The timeout does so as statement_timeout does.  For giving way a timer
 * only asks to look who waits; that is done by whoever reads rows, since
 * it takes locks that a signal handler must not.
 *
 * A cancel by somebody else must never be taken for one of these.
 */
#include "postgres.h"

#include "audit/limits.h"
#include "compat.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "utils/timeout.h"

/* How often an audit looks who waits. */
#define LOOK_EVERY_MS 500

volatile sig_atomic_t pgc_limits_look = false;

static volatile sig_atomic_t timed_out;
static bool gave_way;
static TimeoutId limit_timer = MAX_TIMEOUTS;	/* not registered yet */
static TimeoutId look_timer;

/* at_limit cancels what is running, unless somebody else has just done so. */
static void
at_limit(void)
{
	if (QueryCancelPending)
		return;
	timed_out = true;
	QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

/* at_look asks to look who waits. */
static void
at_look(void)
{
	pgc_limits_look = true;
}

/* pgc_limits_begin sets limits: a time in ms (0: none), and whether to give way. */
void
pgc_limits_begin(int timeout, bool gives_way)
{
	if (limit_timer == MAX_TIMEOUTS)
	{
		look_timer = RegisterTimeout(USER_TIMEOUT, at_look);
		limit_timer = RegisterTimeout(USER_TIMEOUT, at_limit);
	}
	pgc_limits_look = timed_out = gave_way = false;
	if (timeout > 0)
		enable_timeout_after(limit_timer, timeout);
	if (gives_way)
		enable_timeout_every(look_timer, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LOOK_EVERY_MS), LOOK_EVERY_MS);
}

/*
 * pgc_limits_end lifts the limits.  To be called first of all after the audit: by who caught an
 * error, with whether it is a cancel; returns the limit that was its cause.  A cancel
 * of ours that has not arrived yet is taken back.
 */
PgcLimitHit
pgc_limits_end(bool cancelled)
{
	disable_timeout(limit_timer, false);
	disable_timeout(look_timer, false);
	pgc_limits_look = false;
	if (cancelled)
		return gave_way ? PGC_GAVE_WAY : timed_out ? PGC_TIMED_OUT : PGC_UNLIMITED;
	if (timed_out)
		QueryCancelPending = false;
	return PGC_UNLIMITED;
}

/*
 * is_waited_for: does a session wait for a lock on a relation that this one reads?
 * The table of locks is looked through as pg_locks does: a lock taken on the fast path
 * cannot be asked for its waiters.
 */
static bool
is_waited_for(void)
{
	LockData   *locks = GetLockStatusData();

	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];

		if (lock->waitLockMode == AccessExclusiveLock && lock->locktag.locktag_type == LOCKTAG_RELATION &&
			lock->locktag.locktag_field1 == MyDatabaseId &&
			pgc_compat_holds_lock(lock->locktag.locktag_field2, AccessShareLock))
			return true;
	}
	return false;
}

/* pgc_limits_give_way ends the audit if a session waits for it. */
void
pgc_limits_give_way(void)
{
	pgc_limits_look = false;
	if (!is_waited_for())
		return;
	gave_way = true;
	ereport(ERROR,
			(errcode(ERRCODE_QUERY_CANCELED),
			 errmsg("the audit gives way to a session that waits for a lock on the relation")));
}
