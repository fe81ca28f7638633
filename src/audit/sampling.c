/*
 * src/audit/sampling.c
 *		Estimating what a full audit would find from one of every k pages of the heaps.
 *
 * Pages are clusters of rows, so the error of the fraction of failing rows is
 * that of a ratio estimator over clusters (Cochran, Sampling Techniques, 1977,
 * sections 6.4 and 9A): the spread of failed - fraction * considered over the pages
 * read, with the correction for a finite number of pages.  Where no page showed a
 * failure that spread is zero and says nothing: at most 1 - 0.05^(1/m) of the pages
 * have one then, with the same confidence.
 *
 * Of each k pages in a row one is drawn.  The same one each time would meet
 * whatever comes at regular intervals always or never.
 */
#include "postgres.h"

#include <math.h>

#include "access/table.h"
#include "audit/pass.h"
#include "audit/progress.h"
#include "common/pg_prng.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

/* So many pages are read, or one in a hundred if that is more. */
#define PAGES 1000

/* 95 % of a normal distribution lies within so many standard deviations. */
#define DEVIATIONS 1.96

/* Sums over the pages read, for one rule. */
typedef struct Sums
{
	double		failed;
	double		considered;
	double		failed_squared;
	double		considered_squared;
	double		product;
} Sums;

typedef struct Sampling
{
	PgcJudge   *judge;
	PgcScan		scan;
	Sums	   *sums;			/* a rule */
	uint64		step;
	uint64		first;			/* of the step pages that the next one is
								 * drawn from */
	uint64		next;			/* page to be read, counted through all heaps */
	uint64		passed;			/* pages of the heaps before */
	int64		npages;			/* read */
} Sampling;

/* add_page adds the counters of the page just judged to the sums. */
static void
add_page(Sampling *sampling)
{
	const PgcJudge *judge = sampling->judge;

	for (int i = 0; i < judge->audit->program->nrules; i++)
	{
		Sums	   *sums = &sampling->sums[i];
		double		failed;
		double		considered;

		if (judge->failed_at[i] < 0)
			continue;
		failed = judge->page[judge->failed_at[i]];
		considered = judge->page[judge->considered_at[i] >= 0 ? judge->considered_at[i] : PGC_COUNTER_ROWS];
		sums->failed += failed;
		sums->considered += considered;
		sums->failed_squared += failed * failed;
		sums->considered_squared += considered * considered;
		sums->product += failed * considered;
	}
}

/* draw chooses one of the step pages from first on. */
static void
draw(Sampling *sampling, uint64 first)
{
	sampling->first = first;
	sampling->next = first + pg_prng_uint64_range(&pg_global_prng_state, 0, sampling->step - 1);
}

/* sample_heap reads one of every step pages of a heap. */
static void
sample_heap(Sampling *sampling, Relation relation)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(relation);
	PgcHeap    *heap = pgc_heap_open(relation, sampling->scan.layout,
									 pgc_scan_columns(sampling->scan.consumers), GetActiveSnapshot());

	for (; sampling->next < sampling->passed + nblocks; draw(sampling, sampling->first + sampling->step))
	{
		BlockNumber block = sampling->next - sampling->passed;

		pgc_heap_pin(heap, block, InvalidBlockNumber);
		pgc_heap_read(heap, block);
		if (heap->rows.chunk.nrows > 0)
		{
			pgc_scan_hand_out(&sampling->scan, &heap->rows);
			add_page(sampling);
		}
		sampling->npages++;
		pgc_progress_pages(1, sampling->scan.rows);
	}
	sampling->passed += nblocks;
	pgc_heap_close(heap);
}

/* half_width returns half the interval that holds the fraction with 95 % confidence. */
static double
half_width(const Sums *sums, double fraction, double read, double all)
{
	double		spread = sums->failed_squared - 2 * fraction * sums->product +
	fraction * fraction * sums->considered_squared;

	if (read < 2)
		return 1;
	return DEVIATIONS * sqrt(Max(spread, 0) * (1 - read / all) * read / (read - 1)) / sums->considered;
}

/* estimate puts the interval for one rule into its tally. */
static void
estimate(PgcAudit *audit, int rule, const Sums *sums, double read, double all)
{
	PgcTally   *tally = &audit->tallies[rule];
	double		fraction = sums->considered > 0 ? sums->failed / sums->considered : 0;
	double		half;
	double		low;
	double		high;

	if (sums->considered == 0)
		return;
	half = half_width(sums, fraction, read, all);
	low = Max(fraction - half, 0);
	high = Min(Max(fraction + half, 1 - pow(0.05, 1 / read)), 1);
	tally->observed = DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("{\"failed_fraction\": %.10g, \"low\": %.10g, \"high\": %.10g, \"confidence\": 0.95, \"pages_read\": %.0f, \"pages\": %.0f}",
																			 fraction, low, high, read, all)));
	tally->message = psprintf("estimated from %.0f of %.0f pages: between %.4g %% and %.4g %% of the rows fail: %s",
							  read, all, 100 * low, 100 * high,
							  pgc_evidence_message(audit->contract, audit->program, rule, NULL));
}

/*
 * pgc_sampling_run judges the rows of one of every k pages of the relation's heaps and
 * puts estimates into the tallies.  Returns false, with nothing done, if that would be
 * every page, or not all rows lie in heaps: a full audit serves then.
 */
bool
pgc_sampling_run(PgcAudit *audit)
{
	Sampling	sampling = {0};
	uint64		nblocks = 0;
	ListCell   *cell;

	if (!pgc_scan_is_heap_only(audit->relation, audit->role))
		return false;
	foreach(cell, pgc_scan_leaves(audit->relation))
	{
		Relation	leaf = table_open(lfirst_oid(cell), AccessShareLock);

		nblocks += RelationGetNumberOfBlocks(leaf);
		table_close(leaf, NoLock);
	}
	sampling.step = nblocks / Max(PAGES, nblocks / 100 + 1);
	if (sampling.step < 2)
		return false;
	draw(&sampling, 0);
	sampling.judge = pgc_judge_make(audit, false);
	sampling.sums = palloc0(Max(audit->program->nrules, 1) * sizeof(Sums));
	sampling.scan.layout = &audit->program->layout;
	sampling.scan.consumers = list_make1(sampling.judge);
	pgc_scan_begin(&sampling.scan);
	pgc_progress_scan(nblocks / sampling.step);
	foreach(cell, pgc_scan_leaves(audit->relation))
	{
		Relation	leaf = table_open(lfirst_oid(cell), AccessShareLock);

		sample_heap(&sampling, leaf);
		table_close(leaf, NoLock);
	}
	pgc_judge_finish(sampling.judge, "sample");
	for (int i = 0; i < audit->program->nrules; i++)
	{
		if (sampling.judge->failed_at[i] >= 0)
			estimate(audit, i, &sampling.sums[i], sampling.npages, nblocks);
	}
	return true;
}
