/*
 * src/watch/incident.c
 */
#include "postgres.h"

#include "watch/watch.h"

int			pgc_incident_quiet = 15 * 60;

bool
pgc_incident_step(PgcStep *step)
{
	return false;
}
