/*
 * src/lineage/extract/body.h
 *		Source text as queries, for body.c and variables.c.
 */
#ifndef PGC_LINEAGE_BODY_H
#define PGC_LINEAGE_BODY_H

#include "postgres.h"

#include "nodes/params.h"
#include "nodes/pg_list.h"
#include "parser/parser.h"

extern List *pgc_analyze(const char *source, RawParseMode mode, ParserSetupHook setup, void *arg, const char *search_path);

#endif							/* PGC_LINEAGE_BODY_H */
