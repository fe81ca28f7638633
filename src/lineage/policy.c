/*
 * src/lineage/policy.c
 *		Personal data and nulls follow the data.
 */
#include "postgres.h"

#include "lineage/lineage.h"

void
pgc_policy_check(const PgcLineage *lineage)
{
}

void
pgc_policy_report_nulls(const PgcLineage *lineage)
{
}
