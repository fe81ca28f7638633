/*
 * src/catalog/tables.h
 *		What the files of this room share about its tables.
 */
#ifndef PGC_TABLES_H
#define PGC_TABLES_H

#include "postgres.h"

extern Oid	pgc_table_oid(const char *name);

#endif							/* PGC_TABLES_H */
