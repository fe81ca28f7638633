/*
 * src/audit/audit.c
 *		An audit from begin to end: what is known, what must be read, by what.
 *
 * The relation is locked before the snapshot is taken, so that a rewrite that
 * was waited for is seen with its rows.  Each rule ends up with one tally.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "audit/pass.h"
#include "audit/progress.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* push_snapshot makes the audit's snapshot the active one. */
static void
push_snapshot(PgcAudit *audit)
{
	PushActiveSnapshot(IsolationUsesXactSnapshot() ? GetTransactionSnapshot() : GetLatestSnapshot());
	audit->snapshot = GetActiveSnapshot();
}

/*
 * pgc_audit_begin prepares an audit of a relation that the caller has locked,
 * to be read with the rights of a role, by rules whose expressions run with those
 * of their author, in the current context, with a snapshot that stays active until
 * pgc_audit_end.
 */
PgcAudit *
pgc_audit_begin(const PgcContract *contract, const PgcRuleSpec *specs, int nspecs,
				Relation relation, Oid role, Oid author, int max_samples)
{
	PgcAudit   *audit = palloc0(sizeof(PgcAudit));
	PgcLayout  *layout = pgc_layout_of(relation);

	audit->context = CurrentMemoryContext;
	audit->contract = contract;
	audit->relation = relation;
	audit->role = role;
	audit->max_samples = max_samples;
	audit->rows = audit->failed = -1;
	pgc_progress_start(contract->dataset_id, RelationGetRelid(relation));
	(void) pgc_scan_leaves(relation);	/* locks them */
	push_snapshot(audit);
	layout->author = author;
	audit->program = pgc_program_compile(CurrentMemoryContext, layout, specs, nspecs);
	audit->tallies = palloc0(Max(nspecs, 1) * sizeof(PgcTally));
	return audit;
}

/* pgc_audit_end ends an audit; what it found stays. */
void
pgc_audit_end(PgcAudit *audit)
{
	PopActiveSnapshot();
	pgc_progress_phase(PGC_PHASE_STORE);
}

/* pgc_tally_add adds counts of one executor to a rule's tally. */
void
pgc_tally_add(PgcAudit *audit, int rule, int64 considered, int64 failed, const char *executor)
{
	PgcTally   *tally = &audit->tallies[rule];

	tally->considered += considered;
	tally->failed += failed;
	if (tally->executor == NULL)
		tally->executor = executor;
	else if (strstr(tally->executor, executor) == NULL)
		tally->executor = psprintf("%s, %s", tally->executor, executor);
}

/* unreadable_column returns the name of a column of the rule that the role may not read, or NULL. */
static const char *
unreadable_column(const PgcAudit *audit, const PgcRule *rule)
{
	int			column = -1;

	while ((column = bms_next_member(rule->uses, column)) >= 0)
	{
		const char *name = NameStr(audit->program->layout.columns[column].name);

		if (!pgc_privilege_may_read_column(RelationGetRelid(audit->relation), name))
			return name;
	}
	return NULL;
}

/* settle_without_rows deals with rules for which no row needs to be read. */
static void
settle_without_rows(PgcAudit *audit)
{
	for (int i = 0; i < audit->program->nrules; i++)
	{
		PgcTally   *tally = &audit->tallies[i];
		const PgcRule *rule = &audit->program->rules[i];
		const char *column = audit->partial ? unreadable_column(audit, rule) : NULL;

		tally->error = rule->broken;
		if (column != NULL)
			tally->skipped = psprintf("you may not read column \"%s\"", column);
		else if (audit->mode == PGC_MODE_SAMPLE && pgc_rule_is_set_rule(rule))
			tally->skipped = "the rule needs all rows, not a sample";
		else if (tally->error == NULL && !audit->partial)
			tally->message = pgc_proof_find(audit, i);
		if (tally->message != NULL)
		{
			tally->executor = "proof";
			tally->considered = -1;
		}
		tally->done = tally->error != NULL || tally->skipped != NULL || tally->message != NULL;
	}
}

/* has_row_rules: is a row rule left to be judged? */
static bool
has_row_rules(const PgcAudit *audit)
{
	for (int i = 0; i < audit->program->nrules; i++)
	{
		if (!audit->tallies[i].done && !pgc_rule_is_set_rule(&audit->program->rules[i]))
			return true;
	}
	return false;
}

/* finish_row_rules closes the tallies of row rules. */
static void
finish_row_rules(PgcAudit *audit)
{
	for (int i = 0; i < audit->program->nrules; i++)
	{
		PgcTally   *tally = &audit->tallies[i];

		if (tally->done || pgc_rule_is_set_rule(&audit->program->rules[i]))
			continue;
		tally->error = audit->program->rules[i].broken;
		tally->done = true;
	}
}

/* is_kind: is the rule still to be evaluated, and of this kind? */
static bool
is_kind(const PgcAudit *audit, int rule, const char *kind)
{
	const PgcRule *compiled = &audit->program->rules[rule];

	return !audit->tallies[rule].done && compiled->kind != NULL &&
		strcmp(pgc_kind_name(compiled->kind), kind) == 0;
}

/* What looks at the rows for rules that need a pass of their own kind. */
typedef struct SetConsumers
{
	PgcConsumer **unique;		/* a rule, or NULL */
	PgcConsumer **references;
	List	   *all;
} SetConsumers;

/* begin_consumers asks the set rules who wants to see the rows. */
static SetConsumers
begin_consumers(PgcAudit *audit)
{
	SetConsumers consumers = {0};
	int			nrules = Max(audit->program->nrules, 1);

	consumers.unique = palloc0(nrules * sizeof(PgcConsumer *));
	consumers.references = palloc0(nrules * sizeof(PgcConsumer *));
	for (int i = 0; i < audit->program->nrules; i++)
	{
		if (is_kind(audit, i, "unique"))
			consumers.unique[i] = pgc_unique_begin(audit, i);
		else if (is_kind(audit, i, "references"))
			consumers.references[i] = pgc_references_begin(audit, i);
		if (consumers.unique[i] != NULL)
			consumers.all = lappend(consumers.all, consumers.unique[i]);
		if (consumers.references[i] != NULL)
			consumers.all = lappend(consumers.all, consumers.references[i]);
	}
	return consumers;
}

/* finish_set_rules evaluates what is left when the rows have been read. */
static void
finish_set_rules(PgcAudit *audit, const SetConsumers *consumers)
{
	for (int i = 0; i < audit->program->nrules; i++)
	{
		if (is_kind(audit, i, "unique"))
			pgc_unique_finish(audit, i, consumers->unique[i]);
		else if (is_kind(audit, i, "references"))
			pgc_references_finish(audit, i, consumers->references[i]);
		else if (is_kind(audit, i, "query"))
			pgc_query_run(audit, i);
	}
	pgc_metric_run(audit);
}

/* select_rows hands the rows of a relation to a judge of row rules, by a plain SELECT. */
static void
select_rows(PgcAudit *audit, Relation relation)
{
	PgcJudge   *judge = pgc_judge_make(audit, false);
	PgcScan		scan = {.relation = relation,.layout = &audit->program->layout};

	scan.role = audit->role;
	scan.row_security = audit->row_security;
	scan.consumers = list_make1(judge);
	pgc_scan_run(&scan);
	pgc_judge_finish(judge, "select");
}

/* query_rows judges rows that cannot be read page by page. */
static void
query_rows(PgcAudit *audit, Oid relid)
{
	Relation	relation = table_open(relid, AccessShareLock);

	if (pgc_statement_takes(audit, relation))
		pgc_statement_run(audit, relation);
	else if (pgc_aggregate_takes(audit))
		pgc_aggregate_run(audit, relation);
	else
		select_rows(audit, relation);
	table_close(relation, NoLock);
}

/* leave_out leaves rules out of the judgement that need none. */
static void
leave_out(PgcAudit *audit)
{
	for (int i = 0; i < audit->program->nrules; i++)
		audit->program->rules[i].left_out = audit->tallies[i].done ||
			pgc_rule_is_set_rule(&audit->program->rules[i]);
}

/* read_rows evaluates all row rules that are left, and lets the consumers see the rows. */
static void
read_rows(PgcAudit *audit, const List *consumers)
{
	List	   *others;
	ListCell   *cell;

	leave_out(audit);
	audit->rows = audit->failed = 0;
	if (audit->mode != PGC_MODE_SAMPLE || !pgc_sampling_run(audit))
	{
		others = pgc_pass_run(audit, consumers);
		pgc_progress_phase(PGC_PHASE_QUERY);
		foreach(cell, others)
			query_rows(audit, lfirst_oid(cell));
	}
	finish_row_rules(audit);
}

/* pgc_audit_run evaluates all rules.  Errors other than the rules' own are thrown. */
void
pgc_audit_run(PgcAudit *audit)
{
	SetConsumers consumers;

	settle_without_rows(audit);
	consumers = begin_consumers(audit);
	if (has_row_rules(audit) || consumers.all != NIL)
		read_rows(audit, consumers.all);
	pgc_progress_phase(PGC_PHASE_SET_RULES);
	finish_set_rules(audit, &consumers);
	if (audit->profile)
		pgc_profile_run(audit);
}
