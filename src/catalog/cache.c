/*
 * src/catalog/cache.c
 *		The contracts that this backend has compiled, by dataset.
 *
 * Protocol.  Whoever changes a contract sends a relcache invalidation of its
 * table (pgc_cache_invalidate).  The callback here only marks entries; the
 * next pgc_cache_get compiles anew.  Callers hold the entry's address (it
 * stays) and its generation, and look at both at the start of each row: what
 * hangs off an entry lives until the end of the transaction in which it was
 * replaced, so that a program that is running is never freed.
 *
 * A statement's first look accepts pending invalidations, since a transaction
 * that already holds its lock on the table would not see a rule committed
 * meanwhile.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/contract.h"
#include "catalog/tables.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

static MemoryContext cache_context = NULL;
static HTAB *entries = NULL;
static List *retired = NIL;		/* contexts to delete at transaction end */

/* mark_relation flags the entries of a relation, or all. */
static void
mark_relation(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS scan;
	PgcEntry   *entry;

	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (relid == InvalidOid || entry->relid == relid)
			entry->valid = false;
	}
}

/* mark_all: a function changed that an expression may have inlined. */
static void
mark_all(Datum arg, int cache, uint32 hash)
{
	mark_relation(arg, InvalidOid);
}

/* set_up makes the hash table and registers callbacks, once a backend. */
static void
set_up(void)
{
	HASHCTL		control = {.keysize = sizeof(int32),.entrysize = sizeof(PgcEntry)};

	cache_context = AllocSetContextCreate(CacheMemoryContext, "pg_contract cache",
										  ALLOCSET_DEFAULT_SIZES);
	control.hcxt = cache_context;
	entries = hash_create("pg_contract contracts", 32, &control,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(mark_relation, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, mark_all, (Datum) 0);
}

/* retire keeps an entry's old context until the transaction ends. */
static void
retire(PgcEntry *entry)
{
	MemoryContext caller;

	if (entry->context == NULL)
		return;
	caller = MemoryContextSwitchTo(cache_context);
	retired = lappend(retired, entry->context);
	MemoryContextSwitchTo(caller);
	entry->context = NULL;
	entry->program = NULL;
}

/* pgc_cache_at_transaction_end frees what was replaced. */
void
pgc_cache_at_transaction_end(void)
{
	ListCell   *cell;

	if (retired == NIL)
		return;
	foreach(cell, retired)
		MemoryContextDelete(lfirst(cell));
	list_free(retired);
	retired = NIL;
}

/*
 * trigger_layout returns the columns that our trigger passes, in its order; a
 * column that is gone is left out, and then the trigger's arguments no longer
 * fit, which conforms() notices.
 */
static PgcLayout *
trigger_layout(const PgcContract *contract, Relation relation)
{
	PgcLayout  *layout = pgc_layout_of(relation);
	List	   *names = pgc_binding_trigger_columns(contract->dataset_id, relation);

	return names == NIL ? layout : pgc_layout_pick(layout, names);
}

/* fill compiles the write rules of a contract into an entry. */
static void
fill(PgcEntry *entry, PgcContract *contract)
{
	Relation	relation = table_open(contract->relid, AccessShareLock);
	PgcLayout  *layout = trigger_layout(contract, relation);
	int			nspecs;
	int		   *origin;
	PgcRuleSpec *specs = pgc_contract_specs(contract, PGC_WARN, &nspecs, &origin);

	entry->program = pgc_program_compile(entry->context, layout, specs, nspecs);
	entry->verdict = pgc_verdict_make(entry->program);
	entry->rules = palloc(Max(nspecs, 1) * sizeof(PgcStoredRule *));
	entry->has_expressions = false;
	for (int i = 0; i < nspecs; i++)
	{
		const PgcRule *rule = &entry->program->rules[i];

		entry->rules[i] = &contract->rules[origin[i]];
		entry->has_expressions |= rule->condition != NULL || rule->filter != NULL;
	}
	entry->whole_row = layout->ncolumns >= FUNC_MAX_ARGS;
	entry->contract = contract;
	table_close(relation, NoLock);
}

/* load makes an entry valid; false if the dataset or its relation is unknown. */
static bool
load(PgcEntry *entry)
{
	static uint64 generation = 0;
	MemoryContext caller = CurrentMemoryContext;
	PgcContract *contract;

	retire(entry);
	entry->context = AllocSetContextCreate(cache_context, "pg_contract entry",
										   ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(entry->context);
	entry->generation = ++generation;
	entry->valid = true;		/* an invalidation from here on counts */
	contract = pgc_contract_load(entry->dataset_id);
	entry->relid = contract ? contract->relid : InvalidOid;
	if (OidIsValid(entry->relid))
		fill(entry, contract);
	else
		entry->valid = false;
	MemoryContextSwitchTo(caller);
	return OidIsValid(entry->relid);
}

/*
 * pgc_cache_get returns a dataset's compiled contract, or NULL if this
 * database does not know the dataset or its relation.  The address is for
 * ever; what it holds until generation changes.
 */
PgcEntry *
pgc_cache_get(int32 dataset_id)
{
	PgcEntry   *entry;
	bool		found;

	if (entries == NULL)
		set_up();
	entry = hash_search(entries, &dataset_id, HASH_ENTER, &found);
	if (!found)
		memset((char *) entry + sizeof(int32), 0, sizeof(PgcEntry) - sizeof(int32));
	if (entry->valid && entry->program != NULL)
		return entry;
	return load(entry) ? entry : NULL;
}

/*
 * pgc_lineage_marker returns the table whose relcache entry stands for what is known of personal data: which columns
 * are tagged, and where it was copied to.
 */
Oid
pgc_lineage_marker(void)
{
	return pgc_table_oid("column_annotation");
}

/* pgc_lineage_changed makes every backend find out anew which columns hold personal data. */
void
pgc_lineage_changed(void)
{
	Oid			marker = pgc_lineage_marker();

	if (OidIsValid(marker))
		CacheInvalidateRelcacheByRelid(marker);
}

/*
 * pgc_cache_invalidate makes every backend compile a relation's contract anew; it may have said something
 * else of personal data.
 */
void
pgc_cache_invalidate(Oid relid)
{
	pgc_lineage_changed();
	if (OidIsValid(relid) && SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		CacheInvalidateRelcacheByRelid(relid);
}
