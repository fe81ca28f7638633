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

/* pgc_attempt_undo rolls it back although all went well: it was only to be tried. */
void
pgc_attempt_undo(const PgcAttempt *attempt)
{
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(attempt->context);
	CurrentResourceOwner = attempt->owner;
}

/*
 * pgc_attempt_is_fatal: is the error about the transaction, the server or its resources, not
 * about what was tried?  Such are errors of the statement, for the client to deal with.
 */
bool
pgc_attempt_is_fatal(int code)
{
	switch (ERRCODE_TO_CATEGORY(code))
	{
		case MAKE_SQLSTATE('4', '0', '0', '0', '0'):	/* transaction rollback */
		case MAKE_SQLSTATE('5', '3', '0', '0', '0'):	/* insufficient
														 * resources */
		case MAKE_SQLSTATE('5', '7', '0', '0', '0'):	/* operator intervention */
			return true;
		default:
			return false;
	}
}

/*
 * pgc_attempt_fail_any, called in PG_CATCH, rolls the subtransaction back and
 * returns the error, whatever it is, in the context of begin.
 */
ErrorData *
pgc_attempt_fail_any(const PgcAttempt *attempt)
{
	ErrorData  *error;

	MemoryContextSwitchTo(attempt->context);
	error = CopyErrorData();
	FlushErrorState();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(attempt->context);
	CurrentResourceOwner = attempt->owner;
	return error;
}

/* pgc_attempt_fail_data does so; what pgc_attempt_is_fatal is thrown again. */
ErrorData *
pgc_attempt_fail_data(const PgcAttempt *attempt)
{
	ErrorData  *error = pgc_attempt_fail_any(attempt);

	if (pgc_attempt_is_fatal(error->sqlerrcode))
		ReThrowError(error);
	return error;
}

/* pgc_attempt_fail does the same and returns the error's message. */
char *
pgc_attempt_fail(const PgcAttempt *attempt)
{
	return pgc_attempt_fail_data(attempt)->message;
}
