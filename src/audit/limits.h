/*
 * src/audit/limits.h
 *		Limits of an audit that nobody waits for: a timeout, and giving way.
 */
#ifndef PGC_LIMITS_H
#define PGC_LIMITS_H

#include "postgres.h"

#include <signal.h>

/* What ended an audit before its time. */
typedef enum PgcLimitHit
{
	PGC_UNLIMITED,
	PGC_TIMED_OUT,
	PGC_GAVE_WAY
} PgcLimitHit;

extern volatile sig_atomic_t pgc_limits_look;

extern void pgc_limits_begin(int timeout, bool gives_way);
extern PgcLimitHit pgc_limits_end(bool cancelled);
extern void pgc_limits_give_way(void);

/* pgc_limits_poll is called by whoever reads rows, as often as it likes. */
static inline void
pgc_limits_poll(void)
{
	if (unlikely(pgc_limits_look))
		pgc_limits_give_way();
}

#endif							/* PGC_LIMITS_H */
