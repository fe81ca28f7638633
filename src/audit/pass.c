/*
 * src/audit/pass.c
 *		The pass of an audit over all heaps of a relation, part by part.
 *
 * A page is read and judged, or, if the memory of an earlier audit holds for it
 * (state.c), its counters are taken from there.  Workers may share the parts.
 */
#include "postgres.h"

#include "access/table.h"
#include "audit/pass.h"
#include "audit/progress.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/*
 * pgc_pass_begin prepares a pass, in the current context; the caller sets the
 * leaves and what becomes of parts.
 */
void
pgc_pass_begin(PgcPass *pass, PgcAudit *audit, PgcJudge *judge)
{
	memset(pass, 0, sizeof(PgcPass));
	pass->audit = audit;
	pass->judge = judge;
	pass->scan.relation = audit->relation;
	pass->scan.layout = &audit->program->layout;
	pass->scan.consumers = list_make1(judge);
	pgc_scan_begin(&pass->scan);
	pass->part_context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract part",
											   ALLOCSET_DEFAULT_SIZES);
}

/* leave_heap closes the heap that was read. */
static void
leave_heap(PgcPass *pass)
{
	if (pass->heap == NULL)
		return;
	pgc_heap_close(pass->heap);
	table_close(pass->relation, NoLock);
	pass->heap = NULL;
	pass->leaf = NULL;
}

/* enter_heap opens the heap that a unit belongs to. */
static void
enter_heap(PgcPass *pass, int unit)
{
	int			index = pass->nleaves - 1;

	while (pass->leaves[index].first_unit > unit)
		index--;
	if (pass->leaf == &pass->leaves[index])
		return;
	leave_heap(pass);
	pass->leaf = &pass->leaves[index];
	pass->relation = table_open(pass->leaf->relid, AccessShareLock);
	pass->heap = pgc_heap_open(pass->relation, pass->scan.layout, pgc_scan_columns(pass->scan.consumers),
							   GetActiveSnapshot());
}

/* read_page judges the page that is pinned. */
static void
read_page(PgcPass *pass, BlockNumber block)
{
	PgcJudge   *judge = pass->judge;

	pgc_heap_read(pass->heap, block);
	if (pass->heap->rows.chunk.nrows > 0)
		pgc_scan_hand_out(&pass->scan, &pass->heap->rows);
	else
		memset(judge->page, 0, judge->ncounters * sizeof(uint16));
}

/* add_counters adds remembered counters. */
static void
add_counters(PgcPass *pass, const int64 *totals)
{
	for (int i = 0; i < pass->judge->ncounters; i++)
		pass->judge->totals[i] += totals[i];
	pass->from_memory = true;
}

/* take_page takes the counters of a page from memory. */
static void
take_page(PgcPass *pass, const PgcPart *old, int page)
{
	PgcJudge   *judge = pass->judge;

	pgc_part_get(old, page, judge->page);
	for (int i = 0; i < judge->ncounters; i++)
		judge->totals[i] += judge->page[i];
	pass->from_memory = true;
}

/* holds: do remembered counters of a page hold?  Pins the page if it has to look at it. */
static bool
holds(PgcPass *pass, const PgcPart *old, const bool *unchanged, int page, BlockNumber block)
{
	bool		known = old != NULL && page < old->nblocks && old->settled[page];
	BlockNumber next = old == NULL && block + 1 < pass->leaf->nblocks ? block + 1 : InvalidBlockNumber;

	if (known && unchanged[page])
		return true;
	pgc_heap_pin(pass->heap, block, next);
	return known && !pgc_heap_was_changed(pass->heap, pass->leaf->state->old_lsn);
}

/* do_pages reads or remembers each page of a part, and keeps the part if anything was read. */
static void
do_pages(PgcPass *pass, int number, int nblocks, const PgcPart *old, const bool *unchanged)
{
	PgcPart    *part = pass->leaf->remember ?
	pgc_part_make(number, nblocks, pass->judge->ncounters) : NULL;
	bool		changed = old == NULL || old->nblocks != nblocks;

	for (int page = 0; page < nblocks; page++)
	{
		BlockNumber block = (BlockNumber) number * PGC_PART_BLOCKS + page;
		bool		settled = true;

		if (holds(pass, old, unchanged, page, block))
			take_page(pass, old, page);
		else
		{
			read_page(pass, block);
			settled = pass->heap->settled;
			changed = true;
		}
		if (part != NULL)
			pgc_part_set(part, page, pass->judge->page, settled);
		pgc_progress_pages(1, pass->judge->totals[PGC_COUNTER_ROWS]);
	}
	if (part != NULL && changed)
		pass->keep(pass, pass->leaf, part);
}

/* is_untouched: does the memory of a whole part hold? */
static bool
is_untouched(const PgcOldPart *old, const bool *unchanged, int nblocks)
{
	for (int page = 0; page < nblocks; page++)
	{
		if (!unchanged[page])
			return false;
	}
	return old->settled && old->nblocks == nblocks;
}

/* pgc_pass_unit does one unit of work. */
void
pgc_pass_unit(PgcPass *pass, int unit)
{
	MemoryContext caller;
	bool	   *unchanged = NULL;
	PgcPart    *old = NULL;
	PgcState   *state;
	int			number;
	int			nblocks;

	enter_heap(pass, unit);
	caller = MemoryContextSwitchTo(pass->part_context);
	state = pass->leaf->state;
	number = unit - pass->leaf->first_unit;
	nblocks = Min(PGC_PART_BLOCKS, pass->leaf->nblocks - (BlockNumber) number * PGC_PART_BLOCKS);
	if (state != NULL && pgc_state_knows(state, number))
	{
		unchanged = palloc(nblocks * sizeof(bool));
		pgc_state_find_unchanged(state, pass->relation, (BlockNumber) number * PGC_PART_BLOCKS, nblocks,
								 unchanged);
	}
	if (unchanged != NULL && is_untouched(&state->parts[number], unchanged, nblocks))
	{
		add_counters(pass, state->parts[number].totals);
		pgc_progress_pages(nblocks, pass->judge->totals[PGC_COUNTER_ROWS]);
	}
	else
	{
		if (unchanged != NULL)
			old = pgc_state_load_part(state, number);
		do_pages(pass, number, nblocks, old, unchanged);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(pass->part_context);
}

/* pgc_pass_end closes what a pass has open. */
void
pgc_pass_end(PgcPass *pass)
{
	leave_heap(pass);
	MemoryContextDelete(pass->part_context);
	MemoryContextDelete(pass->scan.context);
}

/* store_part is PgcPass.keep of a process that may write. */
static void
store_part(PgcPass *pass, PgcLeaf *leaf, const PgcPart *part)
{
	pgc_state_store_part(leaf->state, part->number, part->nblocks, pgc_part_is_settled(part), part->totals,
						 pgc_part_encode(part));
}

/* add_leaf puts a heap on the list. */
static void
add_leaf(PgcPass *pass, Relation relation)
{
	PgcLeaf    *leaf = &pass->leaves[pass->nleaves++];

	leaf->relid = RelationGetRelid(relation);
	leaf->state = pgc_state_open(pass->judge, relation);
	leaf->remember = leaf->state != NULL;
	/* before the pages are counted: rows may come on a page of their own */
	PredicateLockRelation(relation, pass->audit->snapshot);
	leaf->nblocks = RelationGetNumberOfBlocks(relation);
	leaf->first_unit = pass->nunits;
	pass->nunits += (leaf->nblocks + PGC_PART_BLOCKS - 1) / PGC_PART_BLOCKS;
	pass->nblocks += leaf->nblocks;
}

/*
 * find_leaves lists the heaps; returns what must be queried instead, as a list of
 * OIDs.
 */
static List *
find_leaves(PgcPass *pass)
{
	Relation	relation = pass->audit->relation;
	List	   *all = pgc_scan_leaves(relation);
	List	   *others = NIL;
	ListCell   *cell;

	pass->leaves = palloc0(list_length(all) * sizeof(PgcLeaf));
	if (!pgc_scan_is_by_leaf(relation, pass->audit->role))
		return list_make1_oid(RelationGetRelid(relation));
	foreach(cell, all)
	{
		Relation	leaf = table_open(lfirst_oid(cell), AccessShareLock);

		if (pgc_heap_can_read(leaf))
			add_leaf(pass, leaf);
		else
			others = lappend_oid(others, lfirst_oid(cell));
		table_close(leaf, NoLock);
	}
	return others;
}

/* has_broken: did the expression of a rule that was counted raise an error? */
static bool
has_broken(const PgcJudge *judge)
{
	for (int i = 0; i < judge->audit->program->nrules; i++)
	{
		if (judge->failed_at[i] >= 0 && judge->audit->program->rules[i].broken != NULL)
			return true;
	}
	return false;
}

/* close_states remembers what was counted, or forgets it if it does not hold. */
static void
close_states(PgcPass *pass)
{
	bool		broken = has_broken(pass->judge);
	List	   *kept = NIL;

	for (int i = 0; i < pass->nleaves; i++)
	{
		PgcLeaf    *leaf = &pass->leaves[i];

		if (leaf->state == NULL)
			continue;
		if (broken)
			pgc_state_forget(leaf->state);
		else
			pgc_state_close(leaf->state, leaf->nblocks);
		kept = lappend_oid(kept, leaf->relid);
	}
	if (kept != NIL && list_length(kept) == pass->nleaves && !pass->from_memory)
		pgc_state_keep_only(pass->audit->contract->dataset_id, kept);
}

/* has_memory: can counters of any heap be taken from memory? */
static bool
has_memory(const PgcPass *pass)
{
	for (int i = 0; i < pass->nleaves; i++)
	{
		if (pass->leaves[i].state != NULL && pass->leaves[i].state->usable)
			return true;
	}
	return false;
}

/* scan_apart hands all rows to consumers other than the judge. */
static void
scan_apart(const PgcAudit *audit, List *consumers)
{
	PgcScan		scan = {.relation = audit->relation,.layout = &audit->program->layout};

	scan.role = audit->role;
	scan.row_security = audit->row_security;
	scan.consumers = consumers;
	pgc_scan_run(&scan);
}

/*
 * pgc_pass_run judges the rows of all heaps and lets the consumers see them;
 * returns the relations that must be queried instead, as a list of OIDs.
 *
 * Where memory or workers make little work of the rules, consumers, who must see
 * every row here, get a pass of their own.
 */
List *
pgc_pass_run(PgcAudit *audit, List *consumers)
{
	PgcJudge   *judge = pgc_judge_make(audit, false);
	PgcPass		pass;
	List	   *others;
	int			nworkers;
	bool		apart;

	pgc_pass_begin(&pass, audit, judge);
	pass.keep = store_part;
	others = find_leaves(&pass);
	nworkers = pgc_workers_wanted(&pass);
	apart = nworkers > 0 || has_memory(&pass);
	if (!apart)
		pass.scan.consumers = list_concat(pass.scan.consumers, consumers);
	pgc_progress_scan(pass.nblocks);
	if (nworkers > 0)
		nworkers = pgc_workers_run(&pass, nworkers);
	else
	{
		for (int unit = 0; unit < pass.nunits; unit++)
			pgc_pass_unit(&pass, unit);
	}
	pgc_pass_end(&pass);
	close_states(&pass);
	if (pass.nleaves > 0)
		pgc_judge_finish(judge, nworkers > 0 ? "parallel heap" : pass.from_memory ? "incremental" : "heap");
	if (apart && consumers != NIL)
		scan_apart(audit, consumers);
	return others;
}
