/*
 * src/lineage/routine.h
 *		Functions in PL/pgSQL as they run, for routine.c and variables.c.
 */
#ifndef PGC_LINEAGE_ROUTINE_H
#define PGC_LINEAGE_ROUTINE_H

#include "postgres.h"

#include "plpgsql.h"

extern PLpgSQL_execstate *pgc_routine_frame(ErrorContextCallback **context);

#endif							/* PGC_LINEAGE_ROUTINE_H */
