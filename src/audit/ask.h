/*
 * src/audit/ask.h
 *		What the parts of an audit share that ask SQL instead of reading rows.
 */
#ifndef PGC_ASK_H
#define PGC_ASK_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "audit/audit.h"
#include "engine/measure.h"
#include "lib/stringinfo.h"

/*
 * Takes a row of the answer, which is lent; descriptor (that of the slot may
 * have no names) and the current context last for the statement.
 */
typedef void (*PgcAskRow) (const Datum *values, const bool *nulls, TupleDesc descriptor, void *arg);

/*
 * Why a statement is not run with the rights of somebody who does not own the
 * relation: its functions would have them, too.
 */
#define PGC_ASK_FOREIGN "it runs what the owner wrote, and you do not see the whole relation"

/* ask.c */
extern char *pgc_ask_run(const PgcAudit *audit, const char *sql, PgcAskRow row, void *arg);
extern char *pgc_ask_counts(const PgcAudit *audit, const char *sql, int64 *counts);
extern char *pgc_ask_samples(PgcAudit *audit, int rule, const char *from);
extern char *pgc_ask_text(Oid type, Datum value);
extern bool pgc_ask_is_cut(const char *shown);
extern void pgc_ask_field(StringInfo object, const char *name, const char *value, bool as_number);
extern Datum pgc_ask_object(StringInfo object);
extern Datum pgc_ask_array(const char *name, const char *elements);

/* metric.c */
extern PgcTally *pgc_metric_tally(PgcAudit *audit, int rule);
extern void pgc_metric_skip(PgcAudit *audit, int rule, char *reason);
extern void pgc_metric_judge(PgcAudit *audit, int rule, const char *title, const PgcBounds *bounds,
							 Oid type, NullableDatum value, bool masked);

/* timely.c: rules about time */
extern void pgc_timely_judge_newest(PgcAudit *audit, int rule, const PgcMeasure *measure, NullableDatum newest,
									bool masked);
extern void pgc_timely_judge_volume(PgcAudit *audit, int rule, const PgcMeasure *measure, NullableDatum rows);
extern void pgc_timely_judge_writes(PgcAudit *audit, int rule, const PgcMeasure *measure);
extern void pgc_timely_explain(PgcAudit *audit, int rule, const PgcMeasure *measure);

#endif							/* PGC_ASK_H */
