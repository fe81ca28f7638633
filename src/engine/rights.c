/*
 * src/engine/rights.c
 *		With whose rights an expression runs, and how its errors are caught.
 *
 * Nothing of a user's is executed with more rights than its owner has.
 */
#include "postgres.h"

#include "access/xact.h"
#include "compat.h"
#include "engine/rights.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/*
 * pgc_rights_enter becomes a role in a security-restricted operation, with
 * search_path fixed unless only built-in functions will run.  After an error
 * the (sub)transaction's end restores everything.
 */
void
pgc_rights_enter(PgcRights *saved, Oid role, bool fix_search_path)
{
	GetUserIdAndSecContext(&saved->role, &saved->context);
	SetUserIdAndSecContext(role, saved->context | SECURITY_RESTRICTED_OPERATION);
	saved->nestlevel = -1;
	if (fix_search_path)
	{
		saved->nestlevel = NewGUCNestLevel();
		pgc_compat_restrict_search_path();
	}
}

/* pgc_rights_leave undoes pgc_rights_enter. */
void
pgc_rights_leave(const PgcRights *saved)
{
	if (saved->nestlevel >= 0)
		AtEOXact_GUC(false, saved->nestlevel);
	SetUserIdAndSecContext(saved->role, saved->context);
}

/* pgc_attempt_begin opens a subtransaction. */
void
pgc_attempt_begin(PgcAttempt *attempt)
{
	attempt->context = CurrentMemoryContext;
	attempt->owner = CurrentResourceOwner;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(attempt->context);
}

/* pgc_attempt_commit closes it when all went well. */
void
pgc_attempt_commit(const PgcAttempt *attempt)
{
	ReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(attempt->context);
	CurrentResourceOwner = attempt->owner;
}

/*
 * pgc_attempt_fail, called in PG_CATCH, rolls the subtransaction back and
 * returns the error's message; a cancellation or shutdown is thrown again.
 */
char *
pgc_attempt_fail(const PgcAttempt *attempt)
{
	ErrorData  *error;

	MemoryContextSwitchTo(attempt->context);
	error = CopyErrorData();
	FlushErrorState();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(attempt->context);
	CurrentResourceOwner = attempt->owner;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
		ReThrowError(error);
	return error->message;
}
