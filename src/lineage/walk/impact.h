/*
 * src/lineage/walk/impact.h
 *		What contract.impact is made of.
 */
#ifndef PGC_IMPACT_H
#define PGC_IMPACT_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "lineage/walk/graph.h"
#include "nodes/execnodes.h"

/* What was reached of a relation. */
typedef struct PgcHit
{
	Oid			relid;			/* key */
	List	   *visits;			/* of int, nearest first */
} PgcHit;

typedef struct PgcImpact
{
	ReturnSetInfo *result;
	PgcWalk    *walk;
	int			nstarts;		/* the first of the visits */
	int			nvisits;
	int			ngone;			/* as many more, which are not listed */
	int		   *visits;			/* one of each column reached: starts, then
								 * nearest first, then those that are gone */
	PgcEnd	   *ends;			/* parallel to visits */
	HTAB	   *hits;			/* PgcHit */
} PgcImpact;

/* impact.c */
extern void pgc_detail(StringInfo detail, const char *key, const char *value);
extern void pgc_impact_put(PgcImpact *impact, const char *type, const char *object, const char *column, int depth,
						   const List *path, const StringInfoData *detail);
extern List *pgc_impact_hits(const PgcImpact *impact, Oid relid);
extern const PgcVisit *pgc_impact_hit(const PgcImpact *impact, Oid relid, AttrNumber column);

/* agreed.c: contracts, rules, schedules */
extern void pgc_impact_put_contracts(PgcImpact *impact);

/* jobs.c: pg_cron */
extern void pgc_impact_mark_job(StringInfo detail, const PgcUse *use);

#endif							/* PGC_IMPACT_H */
