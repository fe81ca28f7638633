/*
 * src/audit/audit.c
 *		An audit from begin to end: what is known, what must be read, by what.
 *
 * The relation, and what its rules reference, is locked before the snapshot is
 * taken, so that a rewrite that was waited for is seen with its rows; proofs are found before it, too, so that
 * the snapshot sees only rows that keep them.  Each rule ends up with one tally.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "audit/ask.h"
#include "audit/pass.h"
#include "audit/progress.h"
#include "engine/kind.h"
#include "engine/schema.h"
#include "miscadmin.h"
#include "storage/sinval.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* push_snapshot makes the audit's snapshot the active one. */
static void
push_snapshot(PgcAudit *audit)
{
	PushActiveSnapshot(IsolationUsesXactSnapshot() ? GetTransactionSnapshot() : GetLatestSnapshot());
	audit->snapshot = GetActiveSnapshot();
	audit->as_of = GetCurrentTimestamp();
}

/*
 * compile compiles the rules and locks what they reference.  What was waited for may
 * have other columns then, or another relation may have its name: the rules are
 * compiled again until nothing has changed.
 */
static PgcProgram *
compile(PgcLayout *layout, const PgcRuleSpec *specs, int nspecs, Oid role)
{
	PgcProgram *program;
	uint64		seen;

	do
	{
		program = pgc_program_compile(CurrentMemoryContext, layout, specs, nspecs);
		seen = SharedInvalidMessageCounter;
		pgc_references_lock(program, role);
	} while (seen != SharedInvalidMessageCounter);
	return program;
}

/*
 * pgc_audit_begin prepares an audit of a relation that the caller has locked,
 * to be read with the rights of a role, by rules whose expressions run with those
 * of their author, in the current context.
 */
PgcAudit *
pgc_audit_begin(const PgcContract *contract, const PgcRuleSpec *specs, int nspecs,
				Relation relation, Oid role, Oid author, int max_samples)
{
	PgcAudit   *audit = palloc0(sizeof(PgcAudit));
	PgcLayout  *layout = pgc_layout_of(relation);

	audit->context = CurrentMemoryContext;
	audit->contract = contract;
	audit->specs = specs;
	audit->relation = relation;
	audit->role = role;
	audit->max_samples = max_samples;
	audit->rows = audit->failed = -1;
	(void) pgc_scan_leaves(relation);	/* locks them */
	layout->author = author;
	audit->program = compile(layout, specs, nspecs, role);
	audit->tallies = palloc0(Max(nspecs, 1) * sizeof(PgcTally));
	return audit;
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
		else if (pgc_rule_schema(rule) != NULL)
			pgc_schema_settle(audit, i);
		else if (audit->mode == PGC_MODE_SAMPLE && pgc_rule_is_set_rule(rule))
			tally->skipped = "the rule needs all rows, not a sample";
		else if (tally->error == NULL && audit->of_contract && !audit->partial)
			tally->message = pgc_proof_find(audit, i);
		if (tally->message != NULL && !tally->done)
		{
			tally->executor = "proof";
			tally->considered = -1;
		}
		tally->done |= tally->error != NULL || tally->skipped != NULL || tally->message != NULL;
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

/* Set rules that look at the rows: begin gives what takes them, or NULL; finish draws the conclusion. */
typedef struct KeyKind
{
	const char *name;
	PgcConsumer *(*begin) (PgcAudit *audit, int rule);
	void		(*finish) (PgcAudit *audit, int rule, PgcConsumer *consumer);
} KeyKind;

static const KeyKind key_kinds[] = {
	{"unique", pgc_unique_begin, pgc_unique_finish},
	{"references", pgc_references_begin, pgc_references_finish},
};

/* is_kind: is the rule still to be evaluated, and of this kind? */
static bool
is_kind(const PgcAudit *audit, int rule, const char *kind)
{
	const PgcRule *compiled = &audit->program->rules[rule];

	return !audit->tallies[rule].done && compiled->kind != NULL &&
		strcmp(pgc_kind_name(compiled->kind), kind) == 0;
}

/* key_kind_of returns what evaluates a rule that looks at keys, or NULL. */
static const KeyKind *
key_kind_of(const PgcAudit *audit, int rule)
{
	for (int i = 0; i < lengthof(key_kinds); i++)
	{
		if (is_kind(audit, rule, key_kinds[i].name))
			return &key_kinds[i];
	}
	return NULL;
}

/* begin_consumers returns, a rule, what wants to see the rows, or NULL; *all is a list of them. */
static PgcConsumer **
begin_consumers(PgcAudit *audit, List **all)
{
	PgcConsumer **consumers = palloc0(Max(audit->program->nrules, 1) * sizeof(PgcConsumer *));

	*all = NIL;
	for (int i = 0; i < audit->program->nrules; i++)
	{
		const KeyKind *kind = key_kind_of(audit, i);

		if (kind != NULL)
			consumers[i] = kind->begin(audit, i);
		if (consumers[i] != NULL)
			*all = lappend(*all, consumers[i]);
	}
	return consumers;
}

/*
 * skip_foreign skips a rule about keys whose filter may run what the owner wrote:
 * in SQL that is asked with the caller's rights it would have them.
 */
static bool
skip_foreign(PgcAudit *audit, int rule)
{
	const PgcExpression *filter = audit->program->rules[rule].filter;
	PgcTally   *tally = &audit->tallies[rule];

	if (!audit->partial || filter == NULL || !pgc_expression_is_foreign(filter))
		return false;
	tally->skipped = PGC_ASK_FOREIGN;
	tally->done = true;
	return true;
}

/* finish_set_rules evaluates what is left when the rows have been read. */
static void
finish_set_rules(PgcAudit *audit, PgcConsumer **consumers)
{
	for (int i = 0; i < audit->program->nrules; i++)
	{
		const KeyKind *kind = key_kind_of(audit, i);

		if (kind != NULL && !skip_foreign(audit, i))
			kind->finish(audit, i, consumers[i]);
		else if (is_kind(audit, i, "query"))
			pgc_query_run(audit, i);
	}
	pgc_metric_run(audit);
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
read_rows(PgcAudit *audit, List *consumers)
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
			pgc_others_judge(audit, lfirst_oid(cell));
	}
	if (audit->uncounted)
		audit->rows = audit->failed = -1;
	finish_row_rules(audit);
}

/* evaluate evaluates the rules for which something must be read. */
static void
evaluate(PgcAudit *audit)
{
	List	   *all;
	PgcConsumer **consumers = begin_consumers(audit, &all);

	if (has_row_rules(audit) || all != NIL)
		read_rows(audit, all);
	pgc_progress_phase(PGC_PHASE_SET_RULES);
	finish_set_rules(audit, consumers);
	if (audit->profile)
		pgc_profile_run(audit);
}

/* pgc_audit_run evaluates all rules.  Errors other than the rules' own are thrown. */
void
pgc_audit_run(PgcAudit *audit)
{
	pgc_progress_start(audit->contract->dataset_id, RelationGetRelid(audit->relation));
	settle_without_rows(audit);
	push_snapshot(audit);
	evaluate(audit);
	PopActiveSnapshot();
	pgc_progress_phase(PGC_PHASE_STORE);
}
