/*
 * src/enforce/rejects.h
 *		The queue of refused rows: on its way from the backends, whose
 *		transactions are rolled back, to the database's worker.
 */
#ifndef PGC_REJECTS_H
#define PGC_REJECTS_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "port/pg_crc32c.h"
#include "utils/timestamp.h"

#define PGC_REJECT_COUNTER_SIZE 1024
#define PGC_REJECT_SAMPLE_SIZE 2048

/*
 * What a counter counts: refused rows of one dataset, by one role, with one
 * operation; or those of them that fail one rule.
 */
typedef struct PgcRejectKey
{
	uint64		hash;			/* of all that follows */
	Oid			database;
	Oid			history;		/* pgc_history_identity() */
	int32		dataset_id;
	Oid			role;
	bool		is_update;
	char		origin[52];		/* of what logical replication applies, else
								 * "" */
	int32		length;			/* of rule */
	char		rule[];			/* packed by refusal.c; none: rows */
} PgcRejectKey;

/* Protected by the queue's lock, but for what never changes while it is in use. */
typedef struct PgcRejectCounter
{
	int64		epoch;			/* unique for ever; 0: free */
	int64		total;			/* only rises */
	int64		recorded;		/* how much of it is in the history for good */
	TimestampTz at;				/* this and the next three: of the newest */
	uint64		xid;			/* or 0 */
	uint64		query_id;		/* or 0 */
	char		application[NAMEDATALEN];
	PgcRejectKey key;
} PgcRejectCounter;

#define PGC_REJECT_TEXT (PGC_REJECT_COUNTER_SIZE - (int) sizeof(PgcRejectCounter))

/* One refused row as evidence.  Not changed while it is in use. */
typedef struct PgcRejectSample
{
	int64		epoch;			/* of its counter of rows; 0: free */
	int64		ordinal;		/* recorded when that counter is, so far */
	int32		counter;		/* index of the counter */
	int32		next_free;		/* index, or -1; protected by the lock */
	TimestampTz at;
	pg_crc32c	checksum;		/* of data */
	int32		length;			/* of data */
	char		data[];			/* packed by refusal.c */
} PgcRejectSample;

#define PGC_REJECT_DATA (PGC_REJECT_SAMPLE_SIZE - (int) sizeof(PgcRejectSample))

/* A refused row on its way into the queue. */
typedef struct PgcRefusal
{
	PgcRejectKey *rows;
	List	   *rules;			/* of PgcRejectKey *: those that it fails */
	TimestampTz at;
	uint64		xid;			/* or 0 */
	uint64		query_id;		/* or 0 */
	const char *application;
	int			length;			/* of sample; 0: none */
	const char *sample;
} PgcRefusal;

/* All that is in the queue for a database, copied. */
typedef struct PgcRejected
{
	List	   *counters;		/* of PgcRejectCounter *, recorded ones too */
	List	   *samples;		/* of PgcRejectSample *, oldest first */
} PgcRejected;

extern int	pgc_reject_queue_size;	/* kB; 0: no queue */
extern void (*pgc_rejects_crowded) (void);	/* called when the worker had
											 * better come soon; may be NULL */

extern void pgc_rejects_request(void);
extern void pgc_rejects_startup(void);
extern bool pgc_rejects_available(void);
extern int64 pgc_rejects_incarnation(void);
extern void pgc_rejects_seal(PgcRejectKey *key);
extern bool pgc_rejects_wants_sample(const PgcRejectKey *rows);
extern void pgc_rejects_put(const PgcRefusal *refusal);
extern List *pgc_rejects_databases(void);
extern PgcRejected *pgc_rejects_read(Oid database);
extern bool pgc_rejects_mark(Oid database, const int64 *epochs, const int64 *recorded, int n);
extern void pgc_rejects_forget(Oid database, Oid history);
extern void pgc_rejects_forget_database(Oid database);

#endif							/* PGC_REJECTS_H */
