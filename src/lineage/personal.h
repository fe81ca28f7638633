/*
 * src/lineage/personal.h
 *		Which columns hold personal data.
 */
#ifndef PGC_PERSONAL_H
#define PGC_PERSONAL_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"

/* One kind of personal data in one column. */
typedef struct PgcPersonal
{
	struct PgcHolder *holder;	/* the column */
	const char *category;
	const char *classification; /* or NULL */
	const struct PgcPersonal *from; /* what it was copied from; NULL: the
									 * column is tagged */
	struct PgcPersonal *next;	/* another kind in the same column, or NULL */
} PgcPersonal;

/* personal.c: what these return is valid until the next refresh */
extern bool pgc_personal_is_current(void);
extern bool pgc_personal_refresh(void);
extern bool pgc_personal_try_refresh(void);
extern bool pgc_personal_normalize(Oid *relid, AttrNumber *column);
extern uint64 pgc_personal_generation(void);
extern const PgcPersonal *pgc_personal_find(Oid relid, AttrNumber column);
extern List *pgc_personal_path(const PgcPersonal *personal);

#endif							/* PGC_PERSONAL_H */
