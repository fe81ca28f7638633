/*
 * src/audit/finding.c
 *		From a tally to what is said of a rule: status, message, numbers.
 */
#include "postgres.h"

#include "audit/finding.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* status_of judges a rule's tally. */
static const char *
status_of(const PgcStoredRule *rule, const PgcTally *tally)
{
	bool		kept = tally->failed <= 0 ||
	(tally->considered > 0 && (double) tally->failed / tally->considered <= rule->tolerance);

	if (tally->error != NULL)
		return "error";
	if (tally->skipped != NULL)
		return "skipped";
	if (kept && !tally->missed)
		return "pass";
	return strcmp(rule->severity, "error") == 0 ? "fail" : "warn";
}

/* what_was_found says it in words (palloc'd), or returns NULL. */
static const char *
what_was_found(const PgcAudit *audit, int rule)
{
	const PgcTally *tally = &audit->tallies[rule];
	char	   *what;

	if (tally->skipped != NULL)
		return tally->skipped;
	what = pgc_evidence_message(audit->contract, audit->program, rule, tally->error);
	if (tally->error != NULL)
		return what;
	if (tally->message != NULL)
		return tally->message;
	if (tally->considered == 0)
		return "no rows considered";
	if (tally->failed > 0 && tally->considered < 0)
		return psprintf(INT64_FORMAT " rows fail: %s", tally->failed, what);
	if (tally->failed > 0)
		return psprintf(INT64_FORMAT " of " INT64_FORMAT " rows fail: %s", tally->failed,
						tally->considered, what);
	return NULL;
}

/* fraction returns {"failed_fraction": x} as jsonb. */
static Datum
fraction(double value)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("{\"failed_fraction\": %.10g}", value)));
}

/* rule_columns returns a stored rule's columns as a name[]. */
static Datum
rule_columns(const PgcRuleSpec *spec)
{
	List	   *names = NIL;

	for (int i = 0; i < spec->ncolumns; i++)
		names = lappend(names, spec->columns[i]);
	return pgc_name_array(names);
}

/* fill fills a finding from the tally of its rule. */
static void
fill(PgcFinding *finding, const PgcAudit *audit, int rule)
{
	const PgcTally *tally = &audit->tallies[rule];

	finding->status = status_of(finding->rule, tally);
	finding->message = what_was_found(audit, rule);
	finding->executor = tally->executor;
	if (tally->error != NULL || tally->skipped != NULL)
		return;
	finding->considered = tally->considered;
	finding->failed = tally->failed;
	finding->observed = tally->observed;
	if (tally->observed == (Datum) 0 && tally->considered > 0 && tally->failed >= 0)
		finding->observed = fraction((double) tally->failed / tally->considered);
}

/*
 * pgc_finding_make fills what is said of finding->rule; audit is NULL if the
 * relation is gone, problem (or NULL) says why the rules are not enforced.
 */
void
pgc_finding_make(PgcFinding *finding, const PgcAudit *audit, int rule, const char *problem)
{
	finding->columns = rule_columns(&finding->rule->spec);
	finding->considered = finding->failed = -1;
	finding->expected = fraction(finding->rule->tolerance);
	if (audit == NULL)
	{
		finding->status = "error";
		finding->message = problem;
		return;
	}
	fill(finding, audit, rule);
	if (audit->tallies[rule].expected != (Datum) 0)
		finding->expected = audit->tallies[rule].expected;
	if (problem != NULL && finding->rule->spec.action != PGC_AUDIT)
		finding->message = psprintf("%s%snot enforced on write: %s", finding->message ? finding->message : "",
									finding->message ? "; " : "", problem);
}
