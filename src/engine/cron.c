/*
 * src/engine/cron.c
 *		Times that repeat, in a time zone.
 */
#include "postgres.h"

#include "engine/cron.h"

char	   *pgc_default_zone = "UTC";

/* find_zone returns a time zone of PostgreSQL's, or NULL. */
static pg_tz *
find_zone(const char *name)
{
	pg_tz	   *zone = pg_tzset(name);

	return zone != NULL && pg_tz_acceptable(zone) ? zone : NULL;
}

/* pgc_check_zone checks the setting. */
bool
pgc_check_zone(char **newval, void **extra, GucSource source)
{
	if (find_zone(*newval) != NULL)
		return true;
	GUC_check_errdetail("Time zone \"%s\" is not known.", *newval);
	return false;
}

/* pgc_time_zone returns a time zone by its name, or raises. */
pg_tz *
pgc_time_zone(const char *name)
{
	pg_tz	   *zone = find_zone(name);

	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" is not known", name),
				 errhint("See the view pg_timezone_names.")));
	return zone;
}
