/*
 * src/document/plan/names.h
 *		A table of pointers by name: a document may have very many of either.
 */
#ifndef PGC_NAMES_H
#define PGC_NAMES_H

#include "postgres.h"

typedef struct PgcNames PgcNames;

extern PgcNames *pgc_names_make(void);
extern void *pgc_names_find(const PgcNames *names, const char *name);	/* or NULL */

/* false: the name is there already, with its old value; names are not copied */
extern bool pgc_names_add(PgcNames *names, const char *name, void *value);

#endif							/* PGC_NAMES_H */
