/*
 * src/lineage/variables.c
 *		Where the values of PL/pgSQL's variables come from.
 */
#include "postgres.h"

#include "lineage/lineage.h"
#include "lineage/routine.h"

bool
pgc_routine_origins(const char *source, ParamListInfo params, PgcExtraction *how)
{
	return false;
}
