/*
 * src/catalog/nudge.c
 *		Telling the database's workers that there is something to do, when the
 *		transaction has committed.
 *
 * Only notes it: the rooms know nothing of workers.  pg_contract.c takes the note
 * at the end of the transaction.
 */
#include "postgres.h"

#include "catalog/contract.h"

static bool nudged[PGC_NDUTIES];

/* pgc_nudge has the workers look at once after commit; cannot fail. */
void
pgc_nudge(PgcDuty duty)
{
	nudged[duty] = true;
}

/* pgc_nudge_take returns whether somebody was nudged, and forgets it. */
bool
pgc_nudge_take(PgcDuty duty)
{
	bool		result = nudged[duty];

	nudged[duty] = false;
	return result;
}
