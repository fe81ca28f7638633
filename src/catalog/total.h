/*
 * src/catalog/total.h
 *		SQL that adds up runs in contract.total; see total.c.
 */
#ifndef PGC_TOTAL_H
#define PGC_TOTAL_H

/* The highest run that is counted in contract.total. */
#define COUNTED "(SELECT COALESCE(max(run_id), 0) FROM contract.counted)"

/*
 * What runs count, as rows of contract.total: of a query "runs" with the columns
 * of contract.run, and "failures" with the action and the sum of failures of each.
 */
#define COUNTS(condition) \
	"SELECT dataset_id, 'audits' AS counter, '' AS detail, count(*)::numeric AS value FROM runs" \
	" WHERE source = 'audit' AND operation IS DISTINCT FROM 'freshness' AND " condition " GROUP BY dataset_id" \
	" UNION ALL SELECT n.dataset_id, v.counter, f.action, sum(v.value) FROM runs n JOIN failures f USING (run_id)" \
	" CROSS JOIN LATERAL (VALUES ('rows', n.failed), ('failures', f.failed)) v (counter, value)" \
	" WHERE n.source = 'write' AND " condition " GROUP BY 1, 2, 3"

/*
 * Adds the rows of a query "news" to contract.total, without those that keep does not hold
 * for.  Rows that somebody else adds to stay beside it: all are to be added up.
 */
#define ADD_NEWS(keep) \
	"before AS (DELETE FROM contract.total WHERE ctid = ANY (ARRAY(SELECT ctid FROM contract.total" \
	" WHERE dataset_id IN (SELECT dataset_id FROM news) FOR UPDATE SKIP LOCKED)) RETURNING *)," \
	" added AS (INSERT INTO contract.total SELECT dataset_id, counter, detail, sum(value)" \
	" FROM (TABLE before UNION ALL TABLE news) t WHERE value > 0 AND " keep " GROUP BY 1, 2, 3)"

extern void pgc_total_hold(void);

#endif							/* PGC_TOTAL_H */
