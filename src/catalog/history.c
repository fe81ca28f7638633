/*
 * src/catalog/history.c
 *		Writing runs, results, violations and quarantined rows in batches.
 *
 * Tuples are formed by position (the enums in contract.h) and inserted with
 * heap_multi_insert and their index entries: no SQL, no triggers, no grants of
 * the user.  Must never be used for tables with defaults or foreign keys that
 * matter: neither is looked at.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/contract.h"
#include "catalog/indexing.h"
#include "catalog/tables.h"
#include "commands/sequence.h"
#include "executor/tuptable.h"
#include "nodes/parsenodes.h"
#include "utils/memutils.h"

static const char *const table_names[] = {"run", "result", "violation", "quarantine"};
static const char *const sequence_names[] = {"run_id_seq", NULL, "violation_id_seq", "quarantine_id_seq"};

/* Rows of one heap_multi_insert. */
#define BATCH 500

/* open_table opens one of the tables, or raises. */
static Relation
open_table(PgcTable table, LOCKMODE lockmode)
{
	Oid			relid = pgc_table_oid(table_names[table]);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table contract.%s is missing", table_names[table]),
				 errhint("Run CREATE EXTENSION pg_contract.")));
	return table_open(relid, lockmode);
}

/* pgc_history_descriptor returns a copy of a table's row type. */
TupleDesc
pgc_history_descriptor(PgcTable table)
{
	Relation	relation = open_table(table, AccessShareLock);
	TupleDesc	descriptor = CreateTupleDescCopy(RelationGetDescr(relation));

	table_close(relation, AccessShareLock);
	return descriptor;
}

/* pgc_history_next_id draws an id for a row of the table. */
int64
pgc_history_next_id(PgcTable table)
{
	return nextval_internal(pgc_table_oid(sequence_names[table]), false);
}

/* insert_batch inserts at most BATCH tuples. */
static void
insert_batch(Relation relation, CatalogIndexState indexes, HeapTuple *tuples, int ntuples)
{
	TupleTableSlot *slots[BATCH];

	for (int i = 0; i < ntuples; i++)
	{
		slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsHeapTuple);
		ExecStoreHeapTuple(tuples[i], slots[i], false);
	}
	CatalogTuplesMultiInsertWithInfo(relation, slots, ntuples, indexes);
	for (int i = 0; i < ntuples; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
}

/*
 * pgc_history_insert inserts tuples, in the current (sub)transaction; the
 * caller counts the command if it wants to see them.
 */
void
pgc_history_insert(PgcTable table, HeapTuple *tuples, int ntuples)
{
	MemoryContext context;
	MemoryContext caller;
	Relation	relation;
	CatalogIndexState indexes;

	if (ntuples == 0)
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract insert",
									ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	relation = open_table(table, RowExclusiveLock);
	indexes = CatalogOpenIndexes(relation);
	for (int done = 0; done < ntuples; done += BATCH)
		insert_batch(relation, indexes, tuples + done, Min(BATCH, ntuples - done));
	CatalogCloseIndexes(indexes);
	table_close(relation, NoLock);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* pgc_history_reads: does a query's range table hold one of these tables? */
bool
pgc_history_reads(const List *rangetable)
{
	ListCell   *cell;

	foreach(cell, rangetable)
	{
		const RangeTblEntry *entry = lfirst(cell);

		for (int i = 0; entry->rtekind == RTE_RELATION && i < lengthof(table_names); i++)
		{
			if (entry->relid == pgc_table_oid(table_names[i]))
				return true;
		}
	}
	return false;
}
