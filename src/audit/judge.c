/*
 * src/audit/judge.c
 *		The consumer that judges rows by the row rules of an audit.
 */
#include "postgres.h"

#include "audit/judge.h"

/* count_chunk adds a verdict to the tallies. */
static void
count_chunk(PgcJudge *judge, int nrows)
{
	PgcAudit   *audit = judge->audit;
	const PgcChunkVerdict *verdict = judge->verdict;

	judge->rows += nrows;
	judge->failed += verdict->nbad;
	for (int i = 0; i < audit->program->nrules; i++)
	{
		judge->counts[i].considered += verdict->nconsidered[i];
		judge->counts[i].failed += verdict->nfailed[i];
	}
}

/* take_samples keeps failing rows of a chunk for rules that want more. */
static void
take_samples(PgcJudge *judge, const PgcRows *rows)
{
	const PgcChunkVerdict *verdict = judge->verdict;

	for (int i = 0; i < judge->audit->program->nrules; i++)
	{
		for (int j = 0; j < verdict->nfailed[i] && pgc_sampler_wants(judge->sampler, i); j++)
			pgc_sampler_take(judge->sampler, i, rows, verdict->failed[i][j]);
	}
}

/* has_enough: has every rule all the samples that there can be? */
static bool
has_enough(const PgcJudge *judge)
{
	const PgcAudit *audit = judge->audit;

	for (int i = 0; i < audit->program->nrules; i++)
	{
		if (!audit->program->rules[i].left_out &&
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

/*
 * pgc_judge_make returns a judge, in the current context, for the row rules of
 * the audit that are not left out.
 */
PgcJudge *
pgc_judge_make(PgcAudit *audit)
{
	PgcJudge   *judge = palloc0(sizeof(PgcJudge));

	judge->audit = audit;
	judge->consumer.columns = pgc_program_columns(audit->program);
	judge->consumer.take = take;
	judge->verdict = pgc_chunk_verdict_make(audit->program);
	judge->counts = palloc0(Max(audit->program->nrules, 1) * sizeof(PgcCount));
	judge->sampler = pgc_sampler_make(audit);
	return judge;
}

/* pgc_judge_finish adds what was counted to the audit. */
void
pgc_judge_finish(PgcJudge *judge, const char *executor)
{
	PgcAudit   *audit = judge->audit;

	audit->rows += judge->rows;
	audit->failed += judge->failed;
	for (int i = 0; i < audit->program->nrules; i++)
	{
		if (!pgc_rule_is_set_rule(&audit->program->rules[i]) && !audit->tallies[i].done)
			pgc_tally_add(audit, i, judge->counts[i].considered, judge->counts[i].failed, executor);
	}
}

/*
 * pgc_judge_sample takes samples of rows that have been counted already, from
 * the relation or a partition of it, and reads no further than it must.
 */
void
pgc_judge_sample(PgcAudit *audit, Relation relation)
{
	PgcJudge   *judge = pgc_judge_make(audit);
	PgcScan		scan = {.relation = relation,.layout = &audit->program->layout};

	if (has_enough(judge))
		return;
	scan.role = audit->role;
	scan.row_security = audit->row_security;
	scan.consumers = list_make1(judge);
	judge->sampled = &scan;
	pgc_scan_run(&scan);
}
