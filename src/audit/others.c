/*
 * src/audit/others.c
 *		Row rules on relations that cannot be read page by page.
 *
 * They are asked by a query: one statement on a foreign server, tally(evaluate())
 * through the planner, or a plain SELECT.  An error that the query raises, perhaps on
 * another server, is that of the rules that raise it alone.
 */
#include "postgres.h"

#include "access/table.h"
#include "audit/judge.h"
#include "engine/rights.h"
#include "utils/memutils.h"

/* select_rows hands the rows of a relation to a judge of row rules, by a plain SELECT. */
static void
select_rows(PgcAudit *audit, Relation relation)
{
	PgcJudge   *judge = pgc_judge_make(audit, false);
	PgcScan		scan = {.relation = relation,.layout = &audit->program->layout};

	scan.role = audit->role;
	scan.row_security = audit->row_security;
	scan.consumers = list_make1(judge);
	scan.bare = audit->max_samples == 0;
	pgc_scan_run(&scan);
	pgc_judge_finish(judge, "select");
}

/* ask_rows judges rows that cannot be read page by page, by a query. */
static void
ask_rows(PgcAudit *audit, Relation relation)
{
	if (pgc_statement_takes(audit, relation))
		pgc_statement_run(audit, relation);
	else if (pgc_aggregate_takes(audit))
		pgc_aggregate_run(audit, relation);
	else
		select_rows(audit, relation);
}

/* copy_tallies returns a copy of what was found so far. */
static PgcTally *
copy_tallies(const PgcAudit *audit)
{
	Size		size = Max(audit->program->nrules, 1) * sizeof(PgcTally);
	PgcTally   *copy = memcpy(palloc(size), audit->tallies, size);

	for (int i = 0; i < audit->program->nrules; i++)
		copy[i].samples = list_copy(copy[i].samples);
	return copy;
}

/*
 * try_rows is ask_rows; returns NULL, or the error that the query raised (palloc'd),
 * with the audit as it was.
 */
static char *
try_rows(PgcAudit *audit, Relation relation)
{
	PgcAudit	before = *audit;
	PgcAttempt	attempt;
	char	   *volatile error = NULL;

	before.tallies = copy_tallies(audit);
	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		ask_rows(audit, relation);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		error = pgc_attempt_fail(&attempt);
		*audit = before;
	}
	PG_END_TRY();
	return error;
}

/* break_rule makes a rule one that cannot be evaluated. */
static void
break_rule(PgcAudit *audit, int rule, const char *error)
{
	audit->program->rules[rule].broken = MemoryContextStrdup(audit->program->context, error);
}

/* is_judged: is it a row rule that is left? */
static bool
is_judged(const PgcAudit *audit, int rule)
{
	return !audit->program->rules[rule].left_out && audit->program->rules[rule].broken == NULL;
}

/* leave_out_all_but leaves all row rules out of the judgement but one, or none (-1). */
static void
leave_out_all_but(PgcAudit *audit, const bool *judged, int rule)
{
	for (int i = 0; i < audit->program->nrules; i++)
		audit->program->rules[i].left_out = !judged[i] || (rule >= 0 && i != rule);
}

/*
 * blame tries the row rules on a relation one by one, each on no other columns than its own, and
 * breaks those that raise an error.  Nothing is counted.
 */
static void
blame(PgcAudit *audit, Relation relation)
{
	PgcAudit	before = *audit;
	PgcTally   *tallies = copy_tallies(audit);
	bool	   *judged = palloc(Max(audit->program->nrules, 1) * sizeof(bool));

	for (int i = 0; i < audit->program->nrules; i++)
		judged[i] = is_judged(audit, i);
	for (int i = 0; i < audit->program->nrules; i++)
	{
		char	   *error;

		if (!judged[i])
			continue;
		leave_out_all_but(audit, judged, i);
		audit->max_samples = 0;
		error = try_rows(audit, relation);
		if (error != NULL)
			break_rule(audit, i, error);
		*audit = before;
		memcpy(audit->tallies, tallies, audit->program->nrules * sizeof(PgcTally));
	}
	leave_out_all_but(audit, judged, -1);
}

/*
 * pgc_others_judge judges rows that cannot be read page by page.  Where that raises an
 * error, only the rules that are to blame end as errors; evidence that cannot be read is left out.
 */
void
pgc_others_judge(PgcAudit *audit, Oid relid)
{
	Relation	relation = table_open(relid, AccessShareLock);
	int			max_samples = audit->max_samples;
	char	   *error = try_rows(audit, relation);

	if (error != NULL)
	{
		blame(audit, relation);
		audit->max_samples = 0;
		error = try_rows(audit, relation);
		audit->max_samples = max_samples;
	}
	for (int i = 0; error != NULL && i < audit->program->nrules; i++)
	{
		if (is_judged(audit, i))
			break_rule(audit, i, error);
	}
	audit->uncounted |= error != NULL;
	table_close(relation, NoLock);
}
