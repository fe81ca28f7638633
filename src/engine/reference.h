/*
 * src/engine/reference.h
 *		What a compiled rule of kind references knows (PgcRule.set).
 */
#ifndef PGC_REFERENCE_H
#define PGC_REFERENCE_H

#include "postgres.h"

/* Where the keys of a rule must be found; arrays parallel to the rule's columns. */
typedef struct PgcReference
{
	Oid			relid;
	char	   *relation;		/* schema.table, quoted where necessary */
	char	  **columns;		/* names, not quoted */
	char	  **operators;		/* referenced = referencing, as SQL */
	char	  **collations;		/* COLLATE clause of the comparison, or "" */
} PgcReference;

/* keys.c */
extern char *pgc_key_operator(Oid left, Oid right);

#endif							/* PGC_REFERENCE_H */
