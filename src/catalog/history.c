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

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/contract.h"
#include "catalog/index.h"
#include "catalog/tables.h"
#include "commands/sequence.h"
#include "executor/tuptable.h"
#include "nodes/parsenodes.h"
#include "utils/memutils.h"

static const char *const table_names[] = {"run", "result", "violation", "quarantine"};
static const char *const sequence_names[] = {"run_id_seq", NULL, "violation_id_seq", "quarantine_id_seq"};

/* Rows of one heap_multi_insert. */
#define BATCH 1000

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

/* pgc_history_identity tells one history from another: dropped and made anew. */
Oid
pgc_history_identity(void)
{
	return pgc_table_oid(table_names[PGC_RUN]);
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

/* An open table, with what its inserts need. */
typedef struct Target
{
	Relation	relation;
	List	   *indexes;		/* of Relation */
	List	   *infos;			/* of IndexInfo, parallel */
	int			nslots;
	TupleTableSlot *slots[BATCH];	/* made as needed, used again */
} Target;

/* open_target opens a table and its indexes for inserting. */
static Target *
open_target(PgcTable table)
{
	Target	   *target = palloc0(sizeof(Target));
	ListCell   *cell;

	target->relation = open_table(table, RowExclusiveLock);
	foreach(cell, RelationGetIndexList(target->relation))
	{
		Relation	index = index_open(lfirst_oid(cell), RowExclusiveLock);

		target->indexes = lappend(target->indexes, index);
		target->infos = lappend(target->infos, BuildIndexInfo(index));
	}
	return target;
}

/* close_target keeps the locks until the end of the transaction. */
static void
close_target(Target *target)
{
	ListCell   *cell;

	for (int i = 0; i < target->nslots; i++)
		ExecDropSingleTupleTableSlot(target->slots[i]);
	foreach(cell, target->indexes)
		index_close(lfirst(cell), NoLock);
	table_close(target->relation, NoLock);
}

/* insert_index_entries adds a row to all indexes: plain columns, no predicate. */
static void
insert_index_entries(const Target *target, TupleTableSlot *slot)
{
	ListCell   *index;
	ListCell   *info;

	forboth(index, target->indexes, info, target->infos)
	{
		Relation	relation = lfirst(index);
		IndexInfo  *index_info = lfirst(info);
		Datum		values[INDEX_MAX_KEYS];
		bool		nulls[INDEX_MAX_KEYS];

		FormIndexDatum(index_info, slot, NULL, values, nulls);
		index_insert(relation, values, nulls, &slot->tts_tid, target->relation,
					 relation->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
					 false, index_info);
	}
}

/* insert_batch inserts at most BATCH tuples. */
static void
insert_batch(Target *target, HeapTuple *tuples, int ntuples)
{
	/* a descriptor of our own: pinning the relation's for each slot is dear */
	if (target->nslots < ntuples)
	{
		TupleDesc	descriptor = CreateTupleDescCopy(RelationGetDescr(target->relation));

		while (target->nslots < ntuples)
			target->slots[target->nslots++] = MakeSingleTupleTableSlot(descriptor, &TTSOpsHeapTuple);
	}
	for (int i = 0; i < ntuples; i++)
		ExecStoreHeapTuple(tuples[i], target->slots[i], false);
	heap_multi_insert(target->relation, target->slots, ntuples, GetCurrentCommandId(true), 0, NULL);
	for (int i = 0; i < ntuples; i++)
		insert_index_entries(target, target->slots[i]);
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
	Target	   *target;

	if (ntuples == 0)
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract insert",
									ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	target = open_target(table);
	for (int done = 0; done < ntuples; done += BATCH)
		insert_batch(target, tuples + done, Min(BATCH, ntuples - done));
	close_target(target);
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
