/*
 * src/lineage/routine.c
 *		PL/pgSQL: which routine runs, and where the values of its variables come from.
 */
#include "postgres.h"

#include "lineage/lineage.h"

void
pgc_routine_init(void)
{
}

Oid
pgc_routine_current(void)
{
	return InvalidOid;
}

void
pgc_routine_call(Oid funcid)
{
}

void
pgc_routine_end(void)
{
}

bool
pgc_routine_origins(ParamListInfo params, PgcExtraction *how)
{
	return false;
}
