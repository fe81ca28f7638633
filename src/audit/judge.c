/*
 * src/audit/judge.c
 *		The consumer that judges rows by the row rules of an audit.
 */
#include "postgres.h"

#include "audit/judge.h"

/* count_chunk adds a verdict to the counters. */
static void
count_chunk(PgcJudge *judge, int nrows)
{
	const PgcChunkVerdict *verdict = judge->verdict;

	judge->page[PGC_COUNTER_ROWS] = nrows;
	judge->page[PGC_COUNTER_FAILED] = verdict->nbad;
	for (int i = 0; i < judge->audit->program->nrules; i++)
	{
		if (judge->failed_at[i] >= 0)
			judge->page[judge->failed_at[i]] = verdict->nfailed[i];
		if (judge->considered_at[i] >= 0)
			judge->page[judge->considered_at[i]] = verdict->nconsidered[i];
	}
	for (int i = 0; i < judge->ncounters; i++)
		judge->totals[i] += judge->page[i];
}

/* pgc_judge_keep_tid keeps where a failing row is, if the rule wants more samples. */
void
pgc_judge_keep_tid(PgcJudge *judge, int rule, const PgcTid *tid)
{
	MemoryContext caller = MemoryContextSwitchTo(judge->audit->context);
	PgcTid	   *copy;

	if (list_length(judge->tids[rule]) < judge->audit->max_samples)
	{
		copy = palloc(sizeof(PgcTid));
		*copy = *tid;
		judge->tids[rule] = lappend(judge->tids[rule], copy);
	}
	MemoryContextSwitchTo(caller);
}

/* wants: does the rule want more samples? */
static bool
wants(const PgcJudge *judge, int rule)
{
	return judge->sampler != NULL ? pgc_sampler_wants(judge->sampler, rule) :
		list_length(judge->tids[rule]) < judge->audit->max_samples;
}

/* take_sample keeps a failing row, or where it is. */
static void
take_sample(PgcJudge *judge, int rule, const PgcRows *rows, int row)
{
	PgcTid		tid;

	if (judge->sampler != NULL)
	{
		pgc_sampler_take(judge->sampler, rule, rows, row);
		return;
	}
	tid.relid = rows->relation;
	tid.tid = rows->tids[row];
	pgc_judge_keep_tid(judge, rule, &tid);
}

/* take_samples keeps failing rows of a chunk for rules that want more. */
static void
take_samples(PgcJudge *judge, const PgcRows *rows)
{
	const PgcChunkVerdict *verdict = judge->verdict;

	for (int i = 0; i < judge->audit->program->nrules; i++)
	{
		for (int j = 0; j < verdict->nfailed[i] && wants(judge, i); j++)
			take_sample(judge, i, rows, verdict->failed[i][j]);
	}
}

/* has_enough: has every rule all the samples that there can be? */
static bool
has_enough(const PgcJudge *judge)
{
	const PgcAudit *audit = judge->audit;

	for (int i = 0; i < audit->program->nrules; i++)
	{
		if (judge->failed_at[i] >= 0 &&
			list_length(audit->tallies[i].samples) < Min(audit->tallies[i].failed, audit->max_samples))
			return false;
	}
	return true;
}

/* take is PgcConsumer.take. */
static void
take(PgcConsumer *consumer, const PgcRows *rows)
{
	PgcJudge   *judge = (PgcJudge *) consumer;

	pgc_program_run_chunk(judge->audit->program, &rows->chunk, judge->verdict);
	count_chunk(judge, rows->chunk.nrows);
	if (judge->verdict->nbad == 0)
		return;
	take_samples(judge, rows);
	if (judge->sampled != NULL)
		judge->sampled->stop = has_enough(judge);
}

/* number_counters gives each rule its counters. */
static void
number_counters(PgcJudge *judge)
{
	const PgcProgram *program = judge->audit->program;
	int			nrules = Max(program->nrules, 1);

	judge->failed_at = palloc(nrules * sizeof(int));
	judge->considered_at = palloc(nrules * sizeof(int));
	judge->ncounters = PGC_COUNTER_FAILED + 1;
	for (int i = 0; i < program->nrules; i++)
	{
		judge->failed_at[i] = program->rules[i].left_out ? -1 : judge->ncounters++;
		judge->considered_at[i] = program->rules[i].left_out || program->rules[i].filter == NULL ?
			-1 : judge->ncounters++;
	}
	judge->page = palloc0(judge->ncounters * sizeof(uint16));
	judge->totals = palloc0(judge->ncounters * sizeof(int64));
}

/*
 * pgc_judge_make returns a judge, in the current context, for the row rules of
 * the audit that are not left out.  It takes samples at once, or keeps where failing
 * rows are.
 */
PgcJudge *
pgc_judge_make(PgcAudit *audit, bool keep_tids)
{
	PgcJudge   *judge = palloc0(sizeof(PgcJudge));

	judge->audit = audit;
	judge->consumer.columns = pgc_program_columns(audit->program);
	judge->consumer.take = take;
	judge->verdict = pgc_chunk_verdict_make(audit->program);
	judge->sampler = keep_tids ? NULL : pgc_sampler_make(audit);
	judge->tids = palloc0(Max(audit->program->nrules, 1) * sizeof(List *));
	number_counters(judge);
	return judge;
}

/* pgc_judge_finish adds what was counted to the audit. */
void
pgc_judge_finish(PgcJudge *judge, const char *executor)
{
	PgcAudit   *audit = judge->audit;
	const int64 *totals = judge->totals;

	audit->rows += totals[PGC_COUNTER_ROWS];
	audit->failed += totals[PGC_COUNTER_FAILED];
	for (int i = 0; i < audit->program->nrules; i++)
	{
		if (judge->failed_at[i] >= 0)
			pgc_tally_add(audit, i,
						  totals[judge->considered_at[i] >= 0 ? judge->considered_at[i] : PGC_COUNTER_ROWS],
						  totals[judge->failed_at[i]], executor);
	}
}

/*
 * pgc_judge_sample takes samples of rows that have been counted already, from
 * the relation or a partition of it, and reads no further than it must.
 */
void
pgc_judge_sample(PgcAudit *audit, Relation relation)
{
	PgcJudge   *judge = pgc_judge_make(audit, false);
	PgcScan		scan = {.relation = relation,.layout = &audit->program->layout};

	if (has_enough(judge))
		return;
	scan.role = audit->role;
	scan.row_security = audit->row_security;
	scan.consumers = list_make1(judge);
	judge->sampled = &scan;
	pgc_scan_run(&scan);
}
