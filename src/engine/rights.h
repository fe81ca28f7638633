/*
 * src/engine/rights.h
 *		Running what a user wrote: as the owner, locked down, with a fixed
 *		search_path, and with errors caught where a rule only observes.
 */
#ifndef PGC_RIGHTS_H
#define PGC_RIGHTS_H

#include "postgres.h"

#include "utils/resowner.h"

/* What was in force before pgc_rights_enter. */
typedef struct PgcRights
{
	Oid			role;
	int			context;
	int			nestlevel;		/* of settings, or -1 if none was changed */
} PgcRights;

extern void pgc_rights_enter(PgcRights *saved, Oid role, bool fix_search_path);
extern void pgc_rights_leave(const PgcRights *saved);

/* A subtransaction around something that may raise an error. */
typedef struct PgcAttempt
{
	MemoryContext context;
	ResourceOwner owner;
} PgcAttempt;

/*
 * Between begin and commit (or undo) stands a PG_TRY; its PG_CATCH calls fail, which rolls
 * the subtransaction back and returns the message (in the context of begin);
 * fail_data returns all of the error.  Errors that are not about what was tried they
 * throw again; fail_any does not.
 */
extern void pgc_attempt_begin(PgcAttempt *attempt);
extern void pgc_attempt_commit(const PgcAttempt *attempt);
extern void pgc_attempt_undo(const PgcAttempt *attempt);
extern char *pgc_attempt_fail(const PgcAttempt *attempt);
extern ErrorData *pgc_attempt_fail_any(const PgcAttempt *attempt);
extern bool pgc_attempt_is_fatal(int code);
extern ErrorData *pgc_attempt_fail_data(const PgcAttempt *attempt);

#endif							/* PGC_RIGHTS_H */
