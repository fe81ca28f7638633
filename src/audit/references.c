/*
 * src/audit/references.c
 *		Rules of kind references: is the row's key found in another relation?
 *
 * A null in any column of the key passes (MATCH SIMPLE).  The referenced keys
 * are collected before the audit's pass, in a bitmap where they are integers of
 * a narrow range, else in a set; each row is then looked up.  What only SQL can
 * compare or read, or does not fit into memory, is counted by NOT EXISTS.  Both
 * relations are read with the same snapshot and the rights of the audit's role.
 */
#include "postgres.h"

#include "access/table.h"
#include "audit/ask.h"
#include "audit/dense.h"
#include "audit/keys.h"
#include "engine/reference.h"
#include "lib/stringinfo.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* What a rule is evaluated with. */
typedef struct References
{
	PgcConsumer consumer;		/* must be first */
	PgcAudit   *audit;
	int			rule;
	PgcKeys    *keys;
	PgcDense   *dense;			/* referenced keys; or NULL: they are in set */
	PgcKeySet  *set;
	PgcSampler *sampler;
	int64		considered;		/* rows */
	int64		failed;
	PgcKeyRows	read;
} References;

/* The pass over the referenced relation. */
typedef struct Referenced
{
	PgcConsumer consumer;		/* must be first */
	References *references;
	PgcKeys    *keys;
	PgcScan    *scan;
	bool		overflow;		/* memory does not suffice */
	PgcKeyRows	read;
} Referenced;

/* use_set moves the referenced keys from the bitmap to a set; false: memory does not suffice. */
static bool
use_set(References *references)
{
	uint64		position = 0;
	int64		integer;

	while (pgc_dense_next(references->dense, &position, &integer))
	{
		if (!pgc_keyset_add_code(references->set, (uint64) integer))
			return false;
	}
	pgc_dense_free(references->dense);
	references->dense = NULL;
	return true;
}

/* add_key adds one referenced key; false: memory does not suffice. */
static bool
add_key(Referenced *referenced, const PgcChunk *chunk, int i)
{
	References *references = referenced->references;
	uint64		code = referenced->read.codes[i];

	if (!referenced->keys->exact)
		return pgc_keyset_add(references->set, referenced->keys, code, chunk, referenced->read.rows[i]) != NULL;
	if (references->dense != NULL && pgc_dense_add(references->dense, (int64) code))
		return true;
	if (references->dense != NULL && !use_set(references))
		return false;
	return pgc_keyset_add_code(references->set, code);
}

/* collect is the PgcConsumer.take of the pass over the referenced relation. */
static void
collect(PgcConsumer *consumer, const PgcRows *rows)
{
	Referenced *referenced = (Referenced *) consumer;

	if (referenced->overflow)
		return;
	pgc_keys_read(referenced->keys, NULL, 0, &rows->chunk, &referenced->read);
	if (referenced->references->dense == NULL)
		pgc_keyset_prefetch(referenced->references->set, referenced->read.codes, referenced->read.nrows);
	for (int i = 0; i < referenced->read.nrows && !referenced->overflow; i++)
		referenced->overflow = !add_key(referenced, &rows->chunk, i);
	referenced->scan->stop = referenced->overflow;
}

/* fails: has a key of the rows read no parent? */
static inline bool
fails(const References *references, const PgcChunk *chunk, int i)
{
	uint64		code = references->read.codes[i];

	if (references->dense != NULL)
		return !pgc_dense_has(references->dense, (int64) code);
	if (references->keys->exact)
		return !pgc_keyset_has_code(references->set, code);
	return pgc_keyset_find(references->set, references->keys, code, chunk, references->read.rows[i]) == NULL;
}

/* look_up is the PgcConsumer.take of the audit's pass. */
static void
look_up(PgcConsumer *consumer, const PgcRows *rows)
{
	References *references = (References *) consumer;
	PgcAudit   *audit = references->audit;
	PgcKeyRows *read = &references->read;

	if (audit->program->rules[references->rule].broken != NULL)
		return;
	pgc_keys_read(references->keys, audit->program, references->rule, &rows->chunk, read);
	references->considered += Max(read->nselected, 0);
	if (references->dense == NULL)
		pgc_keyset_prefetch(references->set, read->codes, read->nrows);
	for (int i = 0; i < read->nrows; i++)
	{
		if (!fails(references, &rows->chunk, i))
			continue;
		references->failed++;
		if (pgc_sampler_wants(references->sampler, references->rule))
			pgc_sampler_take(references->sampler, references->rule, rows, read->rows[i]);
	}
}

/* read_referenced collects the referenced keys; false: memory does not suffice. */
static bool
read_referenced(References *references, Relation relation, const PgcLayout *layout, PgcKeys *keys)
{
	PgcAudit   *audit = references->audit;
	PgcScan		scan = {.relation = relation,.layout = layout,.role = audit->role};
	Referenced *referenced = palloc0(sizeof(Referenced));
	Size		memory = pgc_keys_memory(audit);
	bool		complete;

	referenced->consumer.columns = pgc_keys_columns(keys);
	referenced->consumer.take = collect;
	referenced->references = references;
	referenced->keys = keys;
	referenced->scan = &scan;
	references->set = pgc_keyset_make(memory / 4 * 3);
	references->dense = keys->exact ? pgc_dense_make(memory / 4) : NULL;
	scan.row_security = audit->row_security;
	scan.consumers = list_make1(referenced);
	pgc_scan_run(&scan);
	complete = !referenced->overflow;
	pfree(referenced);
	return complete;
}

/* referenced_keys returns the referenced key of a rule, or NULL: only SQL can compare it. */
static PgcKeys *
referenced_keys(const PgcRule *compiled, const PgcLayout *layout)
{
	const PgcReference *reference = compiled->set;
	int		   *columns = palloc(compiled->ncolumns * sizeof(int));

	for (int i = 0; i < compiled->ncolumns; i++)
	{
		columns[i] = pgc_layout_index(layout, reference->columns[i]);
		if (columns[i] < 0)
			return NULL;
	}
	return pgc_keys_make(layout, columns, compiled->ncolumns);
}

/* free_keys releases the referenced keys. */
static void
free_keys(References *references)
{
	if (references->dense != NULL)
		pgc_dense_free(references->dense);
	pgc_keyset_free(references->set);
}

/* begin_with collects the keys of the referenced relation; NULL: only SQL can tell. */
static PgcConsumer *
begin_with(PgcAudit *audit, int rule, PgcKeys *keys, Relation relation)
{
	const PgcRule *compiled = &audit->program->rules[rule];
	PgcLayout  *layout = pgc_layout_of(relation);
	PgcKeys    *others = referenced_keys(compiled, layout);
	References *references;

	if (others == NULL || !pgc_keys_pair(keys, others) || !pgc_scan_is_heap_only(relation, audit->role))
		return NULL;
	references = palloc0(sizeof(References));
	references->consumer.columns = compiled->uses;
	references->consumer.take = look_up;
	references->audit = audit;
	references->rule = rule;
	references->keys = keys;
	references->sampler = pgc_sampler_make(audit);
	if (read_referenced(references, relation, layout, others))
		return &references->consumer;
	free_keys(references);
	return NULL;
}

/* may_read_any: may the role read a column of the relation, if that is still there? */
static bool
may_read_any(Oid relid, Oid role)
{
	bool		missing = false;

	return pg_class_aclcheck_ext(relid, role, ACL_SELECT, &missing) == ACLCHECK_OK ||
		pg_attribute_aclcheck_all(relid, role, ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK;
}

/*
 * pgc_references_lock locks all referenced relations that the role may read, with
 * their partitions, until the end of the transaction.
 */
void
pgc_references_lock(const PgcProgram *program, Oid role)
{
	for (int i = 0; i < program->nrules; i++)
	{
		const PgcRule *compiled = &program->rules[i];
		const PgcReference *reference = compiled->set;
		Relation	relation;

		if (compiled->kind != &pgc_kind_references || compiled->broken != NULL ||
			!may_read_any(reference->relid, role))
			continue;
		relation = try_table_open(reference->relid, AccessShareLock);
		if (relation == NULL)
			continue;
		(void) pgc_scan_leaves(relation);
		table_close(relation, NoLock);
	}
}

/* pgc_references_begin returns what looks rows up, or NULL: only SQL can tell. */
PgcConsumer *
pgc_references_begin(PgcAudit *audit, int rule)
{
	const PgcRule *compiled = &audit->program->rules[rule];
	const PgcReference *reference = compiled->set;
	PgcKeys    *keys = pgc_keys_make(&audit->program->layout, compiled->columns, compiled->ncolumns);
	Relation	relation;
	PgcConsumer *consumer;

	if (keys == NULL || !pgc_scan_is_heap_only(audit->relation, audit->role))
		return NULL;
	relation = try_table_open(reference->relid, AccessShareLock);
	if (relation == NULL)
		return NULL;
	consumer = begin_with(audit, rule, keys, relation);
	table_close(relation, NoLock);
	return consumer;
}

/* append_rows appends FROM and WHERE of the rows considered, called t. */
static void
append_rows(StringInfo sql, const PgcAudit *audit, int rule)
{
	const char *filter = audit->program->rules[rule].filter_sql;

	appendStringInfo(sql, "%s AS t WHERE %s", pgc_select_from(audit->relation),
					 filter ? psprintf("(%s)", filter) : "true");
}

/* column_name returns the rule's i-th column of t, as SQL. */
static char *
column_name(const PgcAudit *audit, const PgcRule *compiled, int i)
{
	return psprintf("t.%s", pgc_sql_column(&audit->program->layout.columns[compiled->columns[i]]));
}

/*
 * parent_name returns the i-th referenced column of p, as SQL; domains are looked through, as in column_name.  The
 * relation is not locked and may be gone.
 */
static char *
parent_name(const PgcReference *reference, int i)
{
	PgcColumn	column = {0};

	namestrcpy(&column.name, reference->columns[i]);
	column.type = get_atttype(reference->relid, get_attnum(reference->relid, reference->columns[i]));
	return psprintf("p.%s", OidIsValid(column.type) ? pgc_sql_column(&column) :
					quote_identifier(reference->columns[i]));
}

/* failing_from returns FROM and WHERE of the failing rows, called t. */
static char *
failing_from(const PgcAudit *audit, int rule)
{
	const PgcRule *compiled = &audit->program->rules[rule];
	const PgcReference *reference = compiled->set;
	StringInfoData sql;

	initStringInfo(&sql);
	append_rows(&sql, audit, rule);
	for (int i = 0; i < compiled->ncolumns; i++)
		appendStringInfo(&sql, " AND pg_catalog.num_nulls(%s) OPERATOR(pg_catalog.=) 0",
						 column_name(audit, compiled, i));
	appendStringInfo(&sql, " AND NOT EXISTS (SELECT FROM %s%s AS p WHERE ",
					 get_rel_relkind(reference->relid) == RELKIND_RELATION ? "ONLY " : "", reference->relation);
	for (int i = 0; i < compiled->ncolumns; i++)
		appendStringInfo(&sql, "%s%s %s %s%s", i > 0 ? " AND " : "", parent_name(reference, i),
						 reference->operators[i], column_name(audit, compiled, i), reference->collations[i]);
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/* counts_sql returns the SELECT of rows considered and rows that fail. */
static char *
counts_sql(const PgcAudit *audit, int rule)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT (SELECT pg_catalog.count(*) ");
	append_rows(&sql, audit, rule);
	appendStringInfo(&sql, "), (SELECT pg_catalog.count(*) %s)", failing_from(audit, rule));
	return sql.data;
}

/* report fills the tally of a rule that was evaluated. */
static void
report(PgcTally *tally, int64 considered, int64 failed, const char *executor)
{
	tally->considered = considered;
	tally->failed = failed;
	tally->executor = executor;
}

/* ask_sql evaluates the rule by SQL. */
static void
ask_sql(PgcAudit *audit, int rule)
{
	PgcTally   *tally = &audit->tallies[rule];
	int64		counts[2];

	tally->error = pgc_ask_counts(audit, counts_sql(audit, rule), counts);
	if (tally->error != NULL)
		return;
	report(tally, counts[0], counts[1], "sql");
	/* the counts stand, even if the other columns cannot be read for evidence */
	if (tally->failed > 0 && pgc_ask_samples(audit, rule, failing_from(audit, rule)) != NULL)
		tally->samples = NIL;
}

/* pgc_references_finish fills the tally of the rule. */
void
pgc_references_finish(PgcAudit *audit, int rule, PgcConsumer *consumer)
{
	const PgcRule *compiled = &audit->program->rules[rule];
	PgcTally   *tally = &audit->tallies[rule];
	References *references = (References *) consumer;

	if (references != NULL)
		free_keys(references);
	tally->done = true;
	if (compiled->broken != NULL)
		tally->error = compiled->broken;
	else if (references != NULL)
		report(tally, references->considered, references->failed, "hash");
	else
		ask_sql(audit, rule);
}

/* pgc_references_rows_sql returns the SELECT of the failing rows (palloc'd). */
char *
pgc_references_rows_sql(const PgcAudit *audit, int rule)
{
	return psprintf("SELECT t.* %s", failing_from(audit, rule));
}
