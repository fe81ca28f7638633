/*
 * src/lineage/walk/agreed.c
 *		Of contract.impact: the contracts, rules and schedules that are about columns that were reached.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/contract.h"
#include "catalog/pg_class.h"
#include "engine/engine.h"
#include "engine/rights.h"
#include "lineage/walk/impact.h"
#include "lineage/lineage.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* put_agreement lists the contract of a dataset of which a column, or all rows, were reached. */
static void
put_agreement(PgcImpact *impact, const PgcContract *contract, const PgcVisit *visit)
{
	StringInfoData detail;

	initStringInfo(&detail);
	pgc_detail(&detail, "dataset", contract->name);
	pgc_detail(&detail, "version", contract->version);
	pgc_detail(&detail, "status", contract->status);
	pgc_detail(&detail, "owner", contract->owner);
	pgc_impact_put(impact, "contract", contract->contract_id, NULL, visit->depth, pgc_walk_path(impact->walk, visit), &detail);
}

/* put_schedules lists when such a dataset is audited. */
static void
put_schedules(PgcImpact *impact, const PgcContract *contract, const PgcVisit *visit)
{
	ListCell   *cell;

	foreach(cell, pgc_dataset_schedules(contract->dataset_id))
	{
		const PgcDatasetSchedule *schedule = lfirst(cell);
		StringInfoData detail;

		initStringInfo(&detail);
		pgc_detail(&detail, "source", schedule->source);
		pgc_detail(&detail, "every", schedule->every);
		pgc_detail(&detail, "cron", schedule->cron);
		pgc_detail(&detail, "time_zone", schedule->time_zone);
		pgc_impact_put(impact, "schedule", contract->name, NULL, visit->depth, pgc_walk_path(impact->walk, visit), &detail);
	}
}

/* put_rule lists a rule with the column because of which it is listed, or NULL. */
static void
put_rule(PgcImpact *impact, const PgcContract *contract, const PgcRuleSpec *spec, const char *column, const PgcVisit *visit)
{
	StringInfoData detail;

	initStringInfo(&detail);
	pgc_detail(&detail, "dataset", contract->name);
	pgc_detail(&detail, "kind", spec->kind);
	pgc_detail(&detail, "action", pgc_action_name(spec->action));
	pgc_impact_put(impact, "rule", spec->name, column, visit->depth, pgc_walk_path(impact->walk, visit), &detail);
}

/* names_of returns the columns that a rule and its filter use (List of char *). */
static List *
names_of(const PgcContract *contract, const PgcRuleSpec *spec)
{
	List	   *names = NIL;

	for (int i = 0; i < spec->ncolumns; i++)
		names = lappend(names, spec->columns[i]);
	if (spec->filter != NULL)
	{
		Relation	relation = table_open(contract->relid, AccessShareLock);
		PgcLayout  *layout = pgc_layout_of(relation);
		PgcProgram *program;
		int			index = -1;

		program = pgc_program_compile(CurrentMemoryContext, layout, spec, 1);
		while ((index = bms_next_member(program->rules[0].uses, index)) >= 0)
			names = lappend(names, NameStr(layout->columns[index].name));
		table_close(relation, NoLock);
	}
	return names;
}

/* What a rule is listed for. */
typedef struct Reason
{
	const PgcVisit *visit;		/* of the column nearest to the start, or NULL */
	const char *column;			/* or NULL: all rows */
} Reason;

/* consider takes a visit (or NULL) if it is nearer than what there is. */
static void
consider(Reason *reason, const PgcImpact *impact, const PgcVisit *visit)
{
	if (visit == NULL || (reason->visit != NULL && reason->visit->depth <= visit->depth))
		return;
	reason->visit = visit;
	reason->column = impact->walk->vertices[visit->vertex].column;
}

/* consider_own looks at the columns of a rule's dataset; a rule that uses none is about all rows. */
static void
consider_own(Reason *reason, const PgcImpact *impact, const PgcContract *contract, const PgcRuleSpec *spec)
{
	List	   *names = names_of(contract, spec);
	ListCell   *cell;

	foreach(cell, names)
		consider(reason, impact, pgc_impact_hit(impact, contract->relid, get_attnum(contract->relid, lfirst(cell))));
	if (names == NIL && strcmp(spec->kind, "query") != 0)
		consider(reason, impact, pgc_impact_hit(impact, contract->relid, InvalidAttrNumber));
}

/* lineage_of returns what a query of a rule reads, or NULL if it is not valid any more. */
static PgcLineage *
lineage_of(char *sql, Oid author)
{
	const PgcExtraction how = {.operation = "SELECT",.has_output = true};
	PgcLineage *volatile lineage = NULL;
	PgcAttempt	attempt;
	PgcRights	saved;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		pgc_rights_enter(&saved, author, true);
		lineage = pgc_extract_query(parse_analyze_fixedparams(linitial_node(RawStmt, raw_parser(sql, RAW_PARSE_DEFAULT)),
															  sql, NULL, 0, NULL), &how);
		pgc_rights_leave(&saved);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		(void) pgc_attempt_fail(&attempt);
	}
	PG_END_TRY();
	return lineage;
}

/* consider_query looks at what the query of a rule reads. */
static void
consider_query(Reason *reason, const PgcImpact *impact, const PgcContract *contract, char *sql)
{
	Oid			author = get_role_oid(NameStr(contract->author), true);
	PgcLineage *lineage = OidIsValid(author) ? lineage_of(sql, author) : NULL;

	for (int i = 0; lineage != NULL && i < lineage->nedges; i++)
		consider(reason, impact, pgc_impact_hit(impact, lineage->nodes[lineage->edges[i].source].oid,
												lineage->edges[i].source_column));
}

/* consider_reference looks at the columns that a rule of kind references points at. */
static void
consider_reference(Reason *reason, const PgcImpact *impact, const PgcMention *mention)
{
	for (int i = 0; i < impact->nvisits; i++)
	{
		const PgcVisit *visit = &impact->walk->visits[impact->visits[i]];
		const PgcVertex *vertex = &impact->walk->vertices[visit->vertex];
		ListCell   *cell;

		if (vertex->end.classid != RelationRelationId || vertex->column == NULL)
			continue;
		foreach(cell, mention->columns)
		{
			if (strcmp(lfirst(cell), vertex->column) == 0 &&
				strcmp(pgc_catalog_name(vertex->schema, vertex->table), mention->relation) == 0)
				consider(reason, impact, visit);
		}
	}
}

/* put_rules lists the rules of a dataset that use a column that was reached: its own, if the relation is here, and others'. */
static void
put_rules(PgcImpact *impact, const PgcContract *contract, bool is_hit, const List *mentions)
{
	for (int i = 0; i < contract->nrules; i++)
	{
		const PgcRuleSpec *spec = &contract->rules[i].spec;
		Reason		reason = {NULL};
		ListCell   *cell;

		if (is_hit)
			consider_own(&reason, impact, contract, spec);
		foreach(cell, mentions)
		{
			const PgcMention *mention = lfirst(cell);

			if (mention->dataset_id != contract->dataset_id || strcmp(mention->rule, spec->name) != 0)
				continue;
			if (mention->query != NULL)
				consider_query(&reason, impact, contract, mention->query);
			else
				consider_reference(&reason, impact, mention);
		}
		if (reason.visit != NULL)
			put_rule(impact, contract, spec, reason.column, reason.visit);
	}
}

/* has_mention: is there one of the dataset? */
static bool
has_mention(const List *mentions, int32 dataset_id)
{
	ListCell   *cell;

	foreach(cell, mentions)
	{
		if (((const PgcMention *) lfirst(cell))->dataset_id == dataset_id)
			return true;
	}
	return false;
}

/* pgc_impact_put_contracts lists contracts, rules and schedules of datasets that the user may see. */
void
pgc_impact_put_contracts(PgcImpact *impact)
{
	List	   *mentions = pgc_mentions();
	ListCell   *cell;

	foreach(cell, pgc_contract_list())
	{
		const PgcBound *bound = lfirst(cell);
		List	   *hits = OidIsValid(bound->relid) ? pgc_impact_hits(impact, bound->relid) : NIL;
		PgcContract *contract;

		if ((hits == NIL && !has_mention(mentions, bound->dataset_id)) || !pgc_privilege_is_visible(bound->dataset_id))
			continue;
		contract = pgc_contract_load(bound->dataset_id);
		if (contract == NULL)
			continue;
		if (contract->relid != bound->relid)
			hits = NIL;
		if (hits != NIL)
			put_agreement(impact, contract, &impact->walk->visits[linitial_int(hits)]);
		put_rules(impact, contract, hits != NIL, mentions);
		if (hits != NIL)
			put_schedules(impact, contract, &impact->walk->visits[linitial_int(hits)]);
	}
}
