/*
 * src/lineage/track/queue.h
 *		What the worker takes out of the queue of executions.
 */
#ifndef PGC_QUEUE_H
#define PGC_QUEUE_H

#include "postgres.h"

#include "catalog/lineage.h"

/* What tells statements of a server apart. */
typedef struct PgcQueueKey
{
	Oid			database;
	Oid			history;		/* pgc_history_identity() */
	PgcDigest	digest;
} PgcQueueKey;

#define PGC_REFUSED (-1)		/* statement_id of what cannot be stored */

/* A statement with executions that are not recorded. */
typedef struct PgcQueued
{
	PgcQueueKey key;
	int64		statement_id;	/* 0: not recorded; the worker fills it in */
	bytea	   *bytes;			/* of what is not recorded, else NULL */
	int64		executions;
	int64		rows;
	TimestampTz first;
	TimestampTz last;
	char		application[NAMEDATALEN];
} PgcQueued;

/* Copies, of which the queue is told what became of them. */
typedef struct PgcTaken
{
	int			count;
	PgcQueued  *queued;
} PgcTaken;

extern PgcTaken *pgc_queue_take(Oid history, bool recorded, int limit);
extern void pgc_queue_settle(const PgcTaken *taken);
extern void pgc_queue_make_room(void);

#endif							/* PGC_QUEUE_H */
