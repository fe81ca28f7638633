/*
 * src/audit/unique.c
 *		Rules of kind unique: does another row have the same key?
 *
 * The hashes of all keys are collected in the audit's pass.  Where a hash is a
 * key, those that repeat are the answer; else a second pass compares the keys
 * whose hashes repeat, which is next to none, and reads the pages that may hold
 * one (pages.c).  A second pass also finds samples.
 * Keys that only SQL can compare, and repetitions that do not fit into memory,
 * are counted by GROUP BY.
 */
#include "postgres.h"

#include "audit/ask.h"
#include "audit/keys.h"
#include "engine/reference.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

/* What is collected in the audit's pass. */
typedef struct Collection
{
	PgcConsumer consumer;		/* must be first */
	PgcAudit   *audit;
	int			rule;
	PgcKeys    *keys;
	Size		memory;			/* bytes that all may take */
	PgcRepeats *repeats;
	PgcPages   *pages;			/* where the keys are */
	PgcKeySet  *suspects;		/* hashes that occur more than once */
	int64		considered;		/* rows */
	int64		failed;
	int64		duplicates;		/* keys that occur more than once */
	bool		overflow;		/* memory does not suffice */
	PgcKeyRows	read;
} Collection;

/* The second pass. */
typedef struct Confirmation
{
	PgcConsumer consumer;		/* must be first */
	Collection *collection;
	PgcScan    *scan;
	PgcKeySet  *keys;			/* those whose hash is suspect; NULL: the hash
								 * is the key */
	PgcSampler *sampler;
	List	   *sampled;		/* the key of each sample */
} Confirmation;

/* read_keys reads the keys of a chunk as hashes. */
static void
read_keys(Collection *collection, const PgcChunk *chunk)
{
	PgcKeyRows *read = &collection->read;

	pgc_keys_read(collection->keys, collection->audit->program, collection->rule, chunk, read);
	for (int i = 0; i < read->nrows && collection->keys->exact; i++)
		read->codes[i] = pgc_key_mix(read->codes[i]);
}

/* collect is the PgcConsumer.take of the audit's pass. */
static void
collect(PgcConsumer *consumer, const PgcRows *rows)
{
	Collection *collection = (Collection *) consumer;

	if (collection->audit->program->rules[collection->rule].broken != NULL)
		return;
	read_keys(collection, &rows->chunk);
	collection->considered += Max(collection->read.nselected, 0);
	pgc_repeats_add(collection->repeats, collection->read.codes, collection->read.nrows);
	pgc_pages_add(collection->pages, rows, collection->read.codes, collection->read.nrows);
}

/* pgc_unique_begin returns what collects keys, or NULL: only SQL can tell. */
PgcConsumer *
pgc_unique_begin(PgcAudit *audit, int rule)
{
	const PgcRule *compiled = &audit->program->rules[rule];
	PgcKeys    *keys = pgc_keys_make(&audit->program->layout, compiled->columns, compiled->ncolumns);
	Collection *collection;

	if (keys == NULL || !pgc_scan_is_heap_only(audit->relation, audit->role))
		return NULL;
	collection = palloc0(sizeof(Collection));
	collection->consumer.columns = compiled->uses;
	collection->consumer.take = collect;
	collection->audit = audit;
	collection->rule = rule;
	collection->keys = keys;
	collection->memory = pgc_keys_memory(audit);
	collection->repeats = pgc_repeats_make(collection->memory / 4 * 3);
	collection->pages = pgc_pages_make(collection->memory / 4);
	return &collection->consumer;
}

/* note_repeat takes a hash that occurs more than once. */
static void
note_repeat(uint64 hash, int64 count, void *arg)
{
	Collection *collection = arg;

	if (collection->keys->exact)
	{
		collection->failed += count;
		collection->duplicates++;
		/* a suspect is for samples only, and gives two at least */
		if (collection->duplicates > collection->audit->max_samples)
			return;
	}
	if (!collection->overflow && !pgc_keyset_add_code(collection->suspects, hash))
		collection->overflow = true;
	pgc_pages_suspect(collection->pages, hash);
}

/* sample keeps a row whose key is suspect, if more samples are wanted. */
static void
sample(Confirmation *confirmation, const PgcRows *rows, int row, PgcKey *key)
{
	Collection *collection = confirmation->collection;
	MemoryContext caller;

	if (!pgc_sampler_wants(confirmation->sampler, collection->rule))
	{
		confirmation->scan->stop = key == NULL;
		return;
	}
	pgc_sampler_take(confirmation->sampler, collection->rule, rows, row);
	caller = MemoryContextSwitchTo(collection->audit->context);
	confirmation->sampled = lappend(confirmation->sampled, key);
	MemoryContextSwitchTo(caller);
}

/* count_key counts a row whose hash is suspect; NULL: memory does not suffice. */
static PgcKey *
count_key(Confirmation *confirmation, uint64 hash, const PgcRows *rows, int row)
{
	Collection *collection = confirmation->collection;
	PgcKey	   *key = pgc_keyset_add(confirmation->keys, collection->keys, hash, &rows->chunk, row);

	if (key == NULL)
		return NULL;
	key->count++;
	collection->duplicates += key->count == 2;
	collection->failed += key->count == 2 ? 2 : key->count > 2;
	return key;
}

/* confirm is the PgcConsumer.take of the second pass. */
static void
confirm(PgcConsumer *consumer, const PgcRows *rows)
{
	Confirmation *confirmation = (Confirmation *) consumer;
	Collection *collection = confirmation->collection;
	const PgcKeyRows *read = &collection->read;

	if (confirmation->scan->stop)
		return;
	read_keys(collection, &rows->chunk);
	for (int i = 0; i < read->nrows; i++)
	{
		PgcKey	   *key = NULL;

		if (!pgc_keyset_has_code(collection->suspects, read->codes[i]))
			continue;
		if (confirmation->keys != NULL)
		{
			key = count_key(confirmation, read->codes[i], rows, read->rows[i]);
			if (key == NULL)
			{
				collection->overflow = confirmation->scan->stop = true;
				return;
			}
		}
		sample(confirmation, rows, read->rows[i], key);
	}
}

/* drop_false_samples drops rows whose hash is repeated but whose key is not. */
static void
drop_false_samples(const Confirmation *confirmation)
{
	PgcTally   *tally = &confirmation->collection->audit->tallies[confirmation->collection->rule];
	List	   *samples = NIL;

	for (int i = 0; i < list_length(confirmation->sampled); i++)
	{
		if (((PgcKey *) list_nth(confirmation->sampled, i))->count > 1)
			samples = lappend(samples, list_nth(tally->samples, i));
	}
	tally->samples = samples;
}

/* run_second_pass reads the rows whose hash is suspect, on the pages that are not clean. */
static void
run_second_pass(Collection *collection)
{
	PgcAudit   *audit = collection->audit;
	PgcScan		scan = {.relation = audit->relation,.layout = &audit->program->layout,.role = audit->role};
	Confirmation confirmation = {.collection = collection,.scan = &scan};

	confirmation.consumer.columns = collection->consumer.columns;
	confirmation.consumer.take = confirm;
	confirmation.sampler = pgc_sampler_make(audit);
	if (!collection->keys->exact)
		confirmation.keys = pgc_keyset_make(collection->memory / 16 * 11);
	scan.row_security = audit->row_security;
	scan.consumers = list_make1(&confirmation);
	scan.pages = collection->pages;
	pgc_scan_run(&scan);
	if (confirmation.keys != NULL)
	{
		drop_false_samples(&confirmation);
		pgc_keyset_free(confirmation.keys);
	}
}

/* count_repeats finds what fails among what was collected; false: memory does not suffice. */
static bool
count_repeats(Collection *collection)
{
	collection->suspects = pgc_keyset_make(collection->memory / 4);
	pgc_repeats_find(collection->repeats, note_repeat, collection);
	pgc_repeats_free(collection->repeats);
	if (!collection->overflow && !pgc_keyset_is_empty(collection->suspects))
	{
		pgc_pages_judge(collection->pages);
		run_second_pass(collection);
	}
	pgc_pages_free(collection->pages);
	pgc_keyset_free(collection->suspects);
	return !collection->overflow;
}

/* report fills the tally of a rule that was evaluated. */
static void
report(PgcTally *tally, int64 considered, int64 failed, int64 duplicates, const char *executor)
{
	char	   *observed = psprintf("{\"failed_fraction\": %.10g, \"duplicate_keys\": " INT64_FORMAT "}",
									(double) failed / Max(considered, 1), duplicates);

	tally->considered = considered;
	tally->failed = failed;
	tally->executor = executor;
	if (considered > 0)
		tally->observed = DirectFunctionCall1(jsonb_in, CStringGetDatum(observed));
}

/* append_key appends the rule's columns of the relation called alias. */
static void
append_key(StringInfo sql, const PgcAudit *audit, int rule, const char *alias)
{
	const PgcRule *compiled = &audit->program->rules[rule];

	for (int i = 0; i < compiled->ncolumns; i++)
		appendStringInfo(sql, "%s%s.%s", i > 0 ? ", " : "", alias,
						 quote_identifier(NameStr(audit->program->layout.columns[compiled->columns[i]].name)));
}

/* append_rows appends FROM and WHERE of the rows considered. */
static void
append_rows(StringInfo sql, const PgcAudit *audit, int rule, const char *alias)
{
	const char *filter = audit->program->rules[rule].filter_sql;

	appendStringInfo(sql, "%s AS %s WHERE %s", pgc_select_from(audit->relation), alias,
					 filter ? psprintf("(%s)", filter) : "true");
}

/* failing_from returns FROM and WHERE of the failing rows, called t. */
static char *
failing_from(const PgcAudit *audit, int rule)
{
	const PgcRule *compiled = &audit->program->rules[rule];
	StringInfoData sql;

	initStringInfo(&sql);
	append_rows(&sql, audit, rule, "t");
	appendStringInfoString(&sql, " AND EXISTS (SELECT FROM (SELECT ");
	append_key(&sql, audit, rule, "u");
	appendStringInfoChar(&sql, ' ');
	append_rows(&sql, audit, rule, "u");
	appendStringInfoString(&sql, " GROUP BY ");
	append_key(&sql, audit, rule, "u");
	appendStringInfoString(&sql, " HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1) AS d WHERE ");
	for (int i = 0; i < compiled->ncolumns; i++)
	{
		const PgcColumn *column = &audit->program->layout.columns[compiled->columns[i]];
		const char *value = pgc_sql_column(column);

		appendStringInfo(&sql, "%sd.%s %s t.%s", i > 0 ? " AND " : "", value,
						 pgc_key_operator(column->type, column->type), value);
	}
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/* counts_sql returns the SELECT of rows considered, rows that fail and keys that are repeated. */
static char *
counts_sql(const PgcAudit *audit, int rule)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT COALESCE(pg_catalog.sum(n), 0)::pg_catalog.int8,"
						   " COALESCE(pg_catalog.sum(n) FILTER (WHERE n > 1 AND nulls = 0), 0)::pg_catalog.int8,"
						   " pg_catalog.count(*) FILTER (WHERE n > 1 AND nulls = 0)"
						   " FROM (SELECT pg_catalog.count(*) AS n, pg_catalog.num_nulls(");
	append_key(&sql, audit, rule, "t");
	appendStringInfoString(&sql, ") AS nulls ");
	append_rows(&sql, audit, rule, "t");
	appendStringInfoString(&sql, " GROUP BY ");
	append_key(&sql, audit, rule, "t");
	appendStringInfoString(&sql, ") AS g");
	return sql.data;
}

/* ask_sql evaluates the rule by SQL. */
static void
ask_sql(PgcAudit *audit, int rule)
{
	PgcTally   *tally = &audit->tallies[rule];
	int64		counts[3];

	tally->samples = NIL;
	tally->error = pgc_ask_counts(audit, counts_sql(audit, rule), counts);
	if (tally->error != NULL)
		return;
	report(tally, counts[0], counts[1], counts[2], "sql");
	/* the counts stand, even if the other columns cannot be read for evidence */
	if (tally->failed > 0 && pgc_ask_samples(audit, rule, failing_from(audit, rule)) != NULL)
		tally->samples = NIL;
}

/* pgc_unique_finish fills the tally of the rule. */
void
pgc_unique_finish(PgcAudit *audit, int rule, PgcConsumer *consumer)
{
	const PgcRule *compiled = &audit->program->rules[rule];
	PgcTally   *tally = &audit->tallies[rule];
	Collection *collection = (Collection *) consumer;
	bool		counted = collection != NULL && compiled->broken == NULL && count_repeats(collection);

	tally->done = true;
	if (compiled->broken != NULL)
		tally->error = compiled->broken;
	else if (counted)
		report(tally, collection->considered, collection->failed, collection->duplicates, "hash");
	else
		ask_sql(audit, rule);
}

/* pgc_unique_rows_sql returns the SELECT of the failing rows (palloc'd). */
char *
pgc_unique_rows_sql(const PgcAudit *audit, int rule)
{
	return psprintf("SELECT t.* %s", failing_from(audit, rule));
}
