/*
 * src/audit/scan.c
 *		One pass over a relation and its partitions, leaf by leaf.
 *
 * Leaves that are heaps are read page by page if the role may read all of
 * them; everything else, and everything under row security, by a SELECT.
 */
#include "postgres.h"

#include "access/table.h"
#include "audit/heap.h"
#include "audit/limits.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

/*
 * pgc_scan_leaves returns the relations that hold the rows: the relation
 * itself, or the leaves of a partitioned table, locked until the end of the
 * transaction.
 */
List *
pgc_scan_leaves(Relation relation)
{
	List	   *leaves = NIL;
	ListCell   *cell;

	if (relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return list_make1_oid(RelationGetRelid(relation));
	foreach(cell, find_all_inheritors(RelationGetRelid(relation), AccessShareLock, NULL))
	{
		if (get_rel_relkind(lfirst_oid(cell)) != RELKIND_PARTITIONED_TABLE)
			leaves = lappend_oid(leaves, lfirst_oid(cell));
	}
	return leaves;
}

/* may_read_all: may the role read every row and column? */
static bool
may_read_all(Relation relation, Oid role)
{
	Oid			relid = RelationGetRelid(relation);

	return pg_class_aclcheck(relid, role, ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(relid, role, true) != RLS_ENABLED;
}

/*
 * pgc_scan_is_heap_only: may the role read all rows, and do all lie in heaps
 * that pgc_heap_can_read?
 */
bool
pgc_scan_is_heap_only(Relation relation, Oid role)
{
	bool		result = may_read_all(relation, role);
	ListCell   *cell;

	foreach(cell, pgc_scan_leaves(relation))
	{
		Relation	leaf = table_open(lfirst_oid(cell), AccessShareLock);

		result &= pgc_heap_can_read(leaf);
		table_close(leaf, NoLock);
	}
	return result;
}

/* pgc_scan_columns returns the columns that any consumer wants. */
Bitmapset *
pgc_scan_columns(const List *consumers)
{
	Bitmapset  *columns = NULL;
	ListCell   *cell;

	foreach(cell, consumers)
		columns = bms_add_members(columns, ((PgcConsumer *) lfirst(cell))->columns);
	return columns;
}

/* pgc_scan_hand_out hands rows to the consumers; what they allocate goes afterwards. */
void
pgc_scan_hand_out(PgcScan *scan, const PgcRows *rows)
{
	MemoryContext caller = MemoryContextSwitchTo(scan->context);
	ListCell   *cell;

	pgc_limits_poll();
	scan->rows += rows->chunk.nrows;
	foreach(cell, scan->consumers)
	{
		PgcConsumer *consumer = lfirst(cell);

		consumer->take(consumer, rows);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(scan->context);
}

/* scan_heap reads a leaf page by page, but for those known to be clean. */
static void
scan_heap(PgcScan *scan, Relation leaf)
{
	PgcHeap    *heap = pgc_heap_open(leaf, scan->layout, pgc_scan_columns(scan->consumers),
									 GetActiveSnapshot());
	BlockNumber nblocks = RelationGetNumberOfBlocks(leaf);
	const PgcCleanPages *pages = scan->pages ? pgc_pages_of(scan->pages, RelationGetRelid(leaf)) : NULL;

	for (BlockNumber block = 0; block < nblocks && !scan->stop; block++)
	{
		bool		reads_next = pages == NULL && block + 1 < nblocks;

		if (pages != NULL && pgc_pages_is_clean(pages, block))
			continue;
		pgc_heap_pin(heap, block, reads_next ? block + 1 : InvalidBlockNumber);
		pgc_heap_read(heap, block);
		if (heap->rows.chunk.nrows > 0)
			pgc_scan_hand_out(scan, &heap->rows);
	}
	pgc_heap_close(heap);
}

/*
 * pgc_scan_is_by_leaf: may the role read a relation leaf by leaf, also where a
 * leaf must be queried?
 */
bool
pgc_scan_is_by_leaf(Relation relation, Oid role)
{
	bool		result = may_read_all(relation, role);
	ListCell   *cell;

	foreach(cell, pgc_scan_leaves(relation))
	{
		Relation	leaf = table_open(lfirst_oid(cell), AccessShareLock);

		result &= pgc_heap_can_read(leaf) || may_read_all(leaf, role);
		table_close(leaf, NoLock);
	}
	return result;
}

/* scan_leaf reads one leaf as it can be read. */
static void
scan_leaf(PgcScan *scan, Oid relid)
{
	Relation	leaf = table_open(relid, AccessShareLock);

	if (pgc_heap_can_read(leaf))
		scan_heap(scan, leaf);
	else
		pgc_select_scan(scan, leaf);
	table_close(leaf, NoLock);
}

/* pgc_scan_begin gives a scan its memory context. */
void
pgc_scan_begin(PgcScan *scan)
{
	scan->context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract scan",
										  ALLOCSET_DEFAULT_SIZES);
}

/* pgc_scan_run reads all rows and hands them to the consumers. */
void
pgc_scan_run(PgcScan *scan)
{
	ListCell   *cell;

	pgc_scan_begin(scan);
	if (!pgc_scan_is_by_leaf(scan->relation, scan->role))
		pgc_select_scan(scan, scan->relation);
	else
	{
		foreach(cell, pgc_scan_leaves(scan->relation))
		{
			if (!scan->stop)
				scan_leaf(scan, lfirst_oid(cell));
		}
	}
	MemoryContextDelete(scan->context);
}
