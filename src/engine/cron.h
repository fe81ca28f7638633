/*
 * src/engine/cron.h
 *		Times that repeat, in a time zone.
 */
#ifndef PGC_CRON_H
#define PGC_CRON_H

#include "postgres.h"

#include "pgtime.h"
#include "utils/guc.h"

/* What names no time zone is in this one: the setting pg_contract.timezone. */
extern char *pgc_default_zone;
extern bool pgc_check_zone(char **newval, void **extra, GucSource source);
extern pg_tz *pgc_time_zone(const char *name);

#endif							/* PGC_CRON_H */
