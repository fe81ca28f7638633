/*
 * src/engine/output.h
 *		Values as text that means the same in every session.
 */
#ifndef PGC_OUTPUT_H
#define PGC_OUTPUT_H

#include "postgres.h"

#include "fmgr.h"

/* Display settings of a session, set aside while we write text. */
typedef struct PgcOutputSettings
{
	int			date_style;
	int			interval_style;
	int			float_digits;
	int			bytea_format;
	int			nestlevel;		/* -1 unless slower settings had to change too */
} PgcOutputSettings;

extern bool pgc_output_needs_path(Oid type);
extern void pgc_output_enter(PgcOutputSettings *saved, bool needs_path);
extern void pgc_output_leave(const PgcOutputSettings *saved);
extern char *pgc_output_text(Oid output_function, Datum value);

#endif							/* PGC_OUTPUT_H */
