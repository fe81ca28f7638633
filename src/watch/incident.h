/*
 * src/watch/incident.h
 *		What incident.c knows of a dataset, for the message about it (notify.c).
 */
#ifndef PGC_INCIDENT_H
#define PGC_INCIDENT_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* A dataset whose rules fail now, or that has an open incident.  A time that is not there is DT_NOBEGIN. */
typedef struct PgcFailing
{
	int32		dataset_id;
	char	   *dataset;		/* schema.table */
	char	   *contract_id;
	char	   *owner;			/* of the contract, or NULL */
	Datum		rules;			/* text[]: that fail; 0: none */
	Jsonb	   *details;		/* of them, or of those that failed last; or
								 * NULL */
	const char *severity;		/* the worst of them, or NULL */

	/* its incident, open or closed lately; nothing of this without one */
	int64		incident_id;	/* 0: none */
	bool		open;
	const char *had_severity;	/* the worst that it had */
	bool		same_rules;		/* it says that those fail that do */
	int			reopened;
	const char *notified;		/* event of the last message, or NULL */
	TimestampTz opened_at;
	TimestampTz passing_since;
	TimestampTz notified_at;
	TimestampTz muted_until;
	TimestampTz judge_at;

	/* what is to be told of it */
	const char *event;			/* or NULL: nothing */
	Jsonb	   *root_cause;		/* or NULL: none is known */
} PgcFailing;

/* notify.c */
extern void pgc_incident_notify(const PgcFailing *failing);

/* root_cause.c */
extern void pgc_root_causes(const List *failing);

#endif							/* PGC_INCIDENT_H */
