/*
 * src/document/plan/pattern.h
 *		Regular expressions of documents (ECMA-262) as PostgreSQL's.
 */
#ifndef PGC_DOCUMENT_PATTERN_H
#define PGC_DOCUMENT_PATTERN_H

#include "postgres.h"

/* Why a pattern cannot be translated. */
typedef struct PgcPatternProblem
{
	char	   *message;
	const char *hint;			/* or NULL */
} PgcPatternProblem;

/* palloc'd; NULL and *problem filled if PostgreSQL has no equivalent */
extern char *pgc_pattern_from_ecma(const char *pattern, PgcPatternProblem *problem);

#endif							/* PGC_DOCUMENT_PATTERN_H */
