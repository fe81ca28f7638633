/*
 * src/watch/incident.c
 */
#include "postgres.h"

#include "watch/watch.h"

bool
pgc_incident_step(PgcStep *step)
{
	return false;
}
