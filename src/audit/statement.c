/*
 * src/audit/statement.c
 *		Row rules evaluated by the server: one SELECT of count(*) FILTER, for
 *		relations whose rows are elsewhere and come as counts.
 *
 * What is sent is built-in SQL only, so that a foreign server can evaluate it
 * all without having the extension.  Everything runs under the audit's snapshot
 * with the audit's role in a security-restricted operation.
 */
#include "postgres.h"

#include "access/transam.h"
#include "audit/audit.h"
#include "catalog/pg_class.h"
#include "engine/rights.h"
#include "foreign/fdwapi.h"
#include "utils/memutils.h"

/* Counts in one statement; PostgreSQL allows 1664 target entries. */
#define COUNTS 1600

/* is_built_in: does a condition call built-in immutable functions only? */
static bool
is_built_in(const PgcAudit *audit, const char *sql)
{
	Node	   *condition = pgc_condition_parse(audit, sql);

	return condition != NULL && pgc_expression_is_built_in(condition);
}

/*
 * is_portable: can a server without the extension evaluate the rule?  Its
 * columns have built-in types, and it calls built-in immutable functions.
 */
static bool
is_portable(const PgcAudit *audit, const PgcRule *rule)
{
	int			column = -1;

	if (rule->sql == NULL)
		return false;
	while ((column = bms_next_member(rule->uses, column)) >= 0)
	{
		if (audit->program->layout.columns[column].type >= FirstNormalObjectId)
			return false;
	}
	return is_built_in(audit, rule->sql) &&
		(rule->filter_sql == NULL || is_built_in(audit, rule->filter_sql));
}

/* left_rules returns the row rules that are to be counted. */
static Bitmapset *
left_rules(const PgcAudit *audit)
{
	Bitmapset  *rules = NULL;

	for (int i = 0; i < audit->program->nrules; i++)
	{
		if (!audit->program->rules[i].left_out && audit->program->rules[i].broken == NULL)
			rules = bms_add_member(rules, i);
	}
	return rules;
}

/*
 * pgc_statement_takes: can a foreign server count for all row rules that are
 * left?  If it cannot for one, all rows have to come here anyway.
 */
bool
pgc_statement_takes(const PgcAudit *audit, Relation relation)
{
	Bitmapset  *rules = left_rules(audit);
	int			rule = -1;

	if (relation->rd_rel->relkind != RELKIND_FOREIGN_TABLE ||
		GetFdwRoutineForRelation(relation, false)->GetForeignUpperPaths == NULL)
		return false;
	while ((rule = bms_next_member(rules, rule)) >= 0)
	{
		if (!is_portable(audit, &audit->program->rules[rule]))
			return false;
	}
	return true;
}

/* conditions_of returns what is to be counted: for each rule the rows considered and those that fail. */
static List *
conditions_of(const PgcAudit *audit, const Bitmapset *rules)
{
	List	   *conditions = list_make1("true");	/* all rows */
	int			rule = -1;

	while ((rule = bms_next_member(rules, rule)) >= 0)
	{
		const PgcRule *compiled = &audit->program->rules[rule];

		conditions = lappend(conditions, compiled->filter_sql ? compiled->filter_sql : "true");
		conditions = lappend(conditions, pgc_sql_failing(compiled));
	}
	return conditions;
}

/* receive_counts copies a row of counts. */
static void
receive_counts(HeapTuple tuple, TupleDesc descriptor, void *counts)
{
	for (int i = 0; i < descriptor->natts; i++)
	{
		bool		isnull;

		((int64 *) counts)[i] = DatumGetInt64(heap_getattr(tuple, i + 1, descriptor, &isnull));
	}
}

/* count_some counts rows for conditions from first on, as many as a statement takes. */
static void
count_some(const PgcAudit *audit, Relation relation, const List *conditions, int first, int64 *counts)
{
	int			ncounts = Min(list_length(conditions) - first, COUNTS);
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < ncounts; i++)
	{
		const char *condition = list_nth(conditions, first + i);

		appendStringInfoString(&sql, i == 0 ? "SELECT " : ", ");
		if (strcmp(condition, "true") == 0)
			appendStringInfoString(&sql, "pg_catalog.count(*)");
		else
			appendStringInfo(&sql, "pg_catalog.count(*) FILTER (WHERE %s)", condition);
	}
	appendStringInfo(&sql, " %s", pgc_select_from(relation));
	pgc_select_query(sql.data, audit->role, audit->row_security, receive_counts, &counts[first]);
}

/* count_all returns the number of rows for each of conditions_of (palloc'd). */
static int64 *
count_all(const PgcAudit *audit, Relation relation, const Bitmapset *rules)
{
	List	   *conditions = conditions_of(audit, rules);
	int64	   *counts = palloc(list_length(conditions) * sizeof(int64));

	for (int first = 0; first < list_length(conditions); first += COUNTS)
		count_some(audit, relation, conditions, first, counts);
	return counts;
}

/* try_counting is count_all where an error sets *error and returns NULL. */
static int64 *
try_counting(const PgcAudit *audit, Relation relation, const Bitmapset *rules, char **error)
{
	PgcAttempt	attempt;
	int64	   *volatile counts = NULL;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		counts = count_all(audit, relation, rules);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		*error = pgc_attempt_fail(&attempt);
		counts = NULL;
	}
	PG_END_TRY();
	return counts;
}

/* sound_rules returns the rules that raise no error when tried alone; the others are broken. */
static Bitmapset *
sound_rules(const PgcAudit *audit, Relation relation, const Bitmapset *rules)
{
	PgcProgram *program = audit->program;
	Bitmapset  *sound = NULL;
	int			rule = -1;

	while ((rule = bms_next_member(rules, rule)) >= 0)
	{
		Bitmapset  *alone = bms_make_singleton(rule);
		char	   *error = NULL;

		if (try_counting(audit, relation, alone, &error) != NULL)
			sound = bms_add_member(sound, rule);
		else
			program->rules[rule].broken = MemoryContextStrdup(program->context, error);
		bms_free(alone);
	}
	return sound;
}

/* count_any returns how many rows fail at least one of the rules. */
static int64
count_any(const PgcAudit *audit, Relation relation, const Bitmapset *rules)
{
	StringInfoData any;
	int			rule = -1;
	int64		count;

	initStringInfo(&any);
	while ((rule = bms_next_member(rules, rule)) >= 0)
		appendStringInfo(&any, "%s(%s)", any.len > 0 ? " OR " : "",
						 pgc_sql_failing(&audit->program->rules[rule]));
	count_some(audit, relation, list_make1(any.data), 0, &count);
	return count;
}

/* Keeps the rows of a scan as samples of one rule. */
typedef struct Taker
{
	PgcConsumer consumer;		/* must be first */
	PgcSampler *sampler;
	int			rule;
} Taker;

/* take is PgcConsumer.take. */
static void
take(PgcConsumer *consumer, const PgcRows *rows)
{
	Taker	   *taker = (Taker *) consumer;

	for (int i = 0; i < rows->chunk.nrows; i++)
		pgc_sampler_take(taker->sampler, taker->rule, rows, i);
}

/* take_samples reads failing rows of a rule, as many as the audit still wants. */
static void
take_samples(PgcAudit *audit, Relation relation, int rule)
{
	int			wanted = audit->max_samples - list_length(audit->tallies[rule].samples);
	Taker		taker = {.consumer.take = take,.rule = rule};
	PgcScan		scan = {.relation = relation,.layout = &audit->program->layout,.role = audit->role};

	if (wanted <= 0)
		return;
	taker.sampler = pgc_sampler_make(audit);
	scan.row_security = audit->row_security;
	scan.consumers = list_make1(&taker);
	scan.where = psprintf("%s LIMIT %d", pgc_sql_failing(&audit->program->rules[rule]), wanted);
	scan.context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract samples",
										 ALLOCSET_DEFAULT_SIZES);
	pgc_select_scan(&scan, relation);
	MemoryContextDelete(scan.context);
}

/*
 * pgc_statement_run counts in one statement the rows of a relation (the audit's
 * or a partition of it), and for each row rule that is left the rows considered
 * and those that fail, and takes samples.  A rule that raises an error is broken
 * from then on, the others are counted.  Where several rules fail, a second
 * statement counts the rows that fail any of them: in the first it would
 * evaluate all rules twice.
 */
void
pgc_statement_run(PgcAudit *audit, Relation relation)
{
	Bitmapset  *rules = left_rules(audit);
	Bitmapset  *failing = NULL;
	char	   *error;
	int64	   *counts = try_counting(audit, relation, rules, &error);
	const int64 *count;
	int			rule = -1;

	if (counts == NULL)
	{
		rules = sound_rules(audit, relation, rules);
		counts = count_all(audit, relation, rules);
	}
	audit->rows += counts[0];
	for (count = &counts[1]; (rule = bms_next_member(rules, rule)) >= 0; count += 2)
	{
		pgc_tally_add(audit, rule, count[0], count[1], "statement");
		if (count[1] == 0)
			continue;
		failing = bms_add_member(failing, rule);
		take_samples(audit, relation, rule);
	}
	if (failing != NULL)
		audit->failed += count_any(audit, relation, failing);
}
