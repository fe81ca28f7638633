/*
 * src/lineage/track/harmless.c
 *		Work whose failure must not reach the user's statement.
 *
 * An error is logged, once a session, and forgotten; but not one that is about
 * the transaction or the server (a cancelled query, no memory): that is the
 * statement's own.
 */
#include "postgres.h"

#include "compat.h"
#include "engine/rights.h"
#include "lineage/track/track.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

/* report logs what went wrong, once a session. */
static void
report(const ErrorData *error)
{
	static bool reported = false;

	if (!reported)
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("pg_contract could not follow the lineage of a statement: %s", error->message),
				 error->detail ? errdetail_internal("%s", error->detail) : 0,
				 errhint("The statement is not affected. Further failures of this session are not logged.")));
	reported = true;
}

/* clean_up does what the end of a subtransaction does first: an error may come while a page of a catalog is read. */
static void
clean_up(void)
{
	LWLockReleaseAll();
	pgstat_report_wait_end();
	pgc_compat_abort_buffer_io();
	UnlockBuffers();
	ConditionVariableCancelSleep();
	LockErrorCleanup();
}

/* release gives back what was taken while CurrentResourceOwner was owner; of success, locks go to its parent. */
static void
release(ResourceOwner owner, ResourceOwner parent, bool success)
{
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_BEFORE_LOCKS, success, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_LOCKS, success, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_AFTER_LOCKS, success, false);
	CurrentResourceOwner = parent;
	ResourceOwnerDelete(owner);
}

/* pop_snapshots takes off what was put on the stack of active snapshots since top was there (NULL: it was empty). */
static void
pop_snapshots(Snapshot top)
{
	while (ActiveSnapshotSet() && GetActiveSnapshot() != top)
		PopActiveSnapshot();
}

/*
 * pgc_lineage_try does work that only reads, in a memory context of its own that is
 * gone afterwards; false: it failed.  There is no subtransaction, which would cost more than the
 * work: what an error leaves behind of pins, references and locks belongs to a
 * resource owner.
 */
bool
pgc_lineage_try(void (*work) (void *arg), void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "pg_contract lineage", ALLOCSET_DEFAULT_SIZES);
	ResourceOwner parent = CurrentResourceOwner;
	ResourceOwner owner = ResourceOwnerCreate(parent, "pg_contract lineage");
	Snapshot	snapshot = ActiveSnapshotSet() ? GetActiveSnapshot() : NULL;
	volatile bool done = false;

	CurrentResourceOwner = owner;
	MemoryContextSwitchTo(scratch);
	PG_TRY();
	{
		work(arg);
		MemoryContextSwitchTo(caller);
		release(owner, parent, true);
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		clean_up();
		pop_snapshots(snapshot);
		release(owner, parent, false);
		if (pgc_attempt_is_fatal(error->sqlerrcode))
			ReThrowError(error);
		report(error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextDelete(scratch);
	return done;
}

/* pgc_lineage_try_writing does work that may write, in a subtransaction; false: it failed. */
bool
pgc_lineage_try_writing(void (*work) (void *arg), void *arg)
{
	PgcAttempt	attempt;
	volatile bool done = false;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		work(arg);
		pgc_attempt_commit(&attempt);
		done = true;
	}
	PG_CATCH();
	{
		report(pgc_attempt_fail_data(&attempt));
	}
	PG_END_TRY();
	return done;
}
