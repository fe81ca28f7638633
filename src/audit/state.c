/*
 * src/audit/state.c
 *		What is remembered of a heap from one audit to the next.
 *
 * For each page: the counters of the judge, and whether it was settled: no tuple
 * awaited the end of a transaction.  A settled page whose LSN is not above the one
 * taken before the remembered audit began still has these counters, since
 * whatever changes the verdict on a page moves its LSN, or is the end of a
 * transaction.  Where the visibility map says all-visible, and its own page was
 * not changed since, the heap page was not touched either and need not even be
 * read: setting a bit moves the map page's LSN.  The bit is looked at before that
 * LSN, and both after this audit's own LSN was taken; whoever changes the
 * page clears the bit before writing WAL.
 *
 * This lives in ordinary tables, so that a crash, a standby or a point-in-time
 * recovery takes it back together with the data.  In doubt there is no memory:
 * anything that could change the meaning of a counter is part of the identity.
 * One audit of a heap at a time keeps its memory, others read everything, and so
 * does an audit whose snapshot is older than the memory.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/visibilitymap.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "audit/state.h"
#include "catalog/pg_type.h"
#include "catalog/tables.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* lock tries to become the one audit that keeps the memory of a heap. */
static bool
lock(Oid relid)
{
	return pgc_catalog_try_lock("audit_state", relid);
}

/* add_columns adds to an identity how the heap's tuples are read. */
static void
add_columns(StringInfo identity, Relation heap)
{
	TupleDesc	descriptor = RelationGetDescr(heap);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		appendStringInfo(identity, "; %s %u %d %u%s%s", NameStr(attribute->attname), attribute->atttypid,
						 attribute->atttypmod, attribute->attcollation,
						 attribute->attisdropped ? " dropped" : "",
						 attribute->atthasmissing ? " missing" : "");
	}
}

/* add_rules adds to an identity what is counted. */
static void
add_rules(StringInfo identity, const PgcJudge *judge)
{
	const PgcAudit *audit = judge->audit;

	for (int i = 0; i < audit->program->nrules; i++)
	{
		const PgcRuleSpec *spec = &audit->specs[i];

		if (judge->failed_at[i] < 0)
			continue;
		appendStringInfo(identity, "; %s", spec->kind);
		for (int j = 0; j < spec->ncolumns; j++)
			appendStringInfo(identity, " %s", spec->columns[j]);
		appendStringInfo(identity, " %s", JsonbToCString(NULL, &spec->parameters->root, VARSIZE(spec->parameters)));
		if (spec->filter != NULL)
			appendStringInfo(identity, " where %s", spec->filter);
	}
}

/* identity_of says what the counters of a heap are about. */
static char *
identity_of(const PgcJudge *judge, Relation heap)
{
	StringInfoData identity;

	initStringInfo(&identity);
	appendStringInfo(&identity, "server %d, system " UINT64_FORMAT ", timeline %u, file %u/%u",
					 PG_VERSION_NUM, GetSystemIdentifier(), GetWALInsertionTimeLine(),
					 heap->rd_rel->reltablespace, heap->rd_rel->relfilenode);
	add_columns(&identity, heap);
	add_rules(&identity, judge);
	return identity.data;
}

/* take_part keeps one remembered part. */
static void
take_part(PgcState *state, HeapTuple tuple, TupleDesc descriptor)
{
	bool		isnull;
	int			number = DatumGetInt32(heap_getattr(tuple, 3, descriptor, &isnull));
	PgcOldPart *part;
	ArrayType  *totals;

	if (isnull)
		return;					/* the heap had no page */
	if (number >= state->nparts)
	{
		int			room = Max(number + 1, 2 * state->nparts);

		state->parts = state->parts ? repalloc(state->parts, room * sizeof(PgcOldPart)) :
			palloc(room * sizeof(PgcOldPart));
		memset(state->parts + state->nparts, 0, (room - state->nparts) * sizeof(PgcOldPart));
		state->nparts = room;
	}
	part = &state->parts[number];
	part->nblocks = DatumGetInt32(heap_getattr(tuple, 4, descriptor, &isnull));
	part->settled = DatumGetBool(heap_getattr(tuple, 5, descriptor, &isnull));
	totals = DatumGetArrayTypePCopy(heap_getattr(tuple, 6, descriptor, &isnull));
	part->totals = (int64 *) ARR_DATA_PTR(totals);
	part->present = ARR_DIMS(totals)[0] == state->ncounters;
}

/*
 * is_seen: does the audit's snapshot see all that the audit saw that remembered?
 * Our tables are read as they are now, which may be later than the snapshot; counters of
 * a later snapshot do not go with rows of this one.
 */
static bool
is_seen(const PgcState *state, TransactionId remembered_by)
{
	return TransactionIdIsCurrentTransactionId(remembered_by) ||
		!XidInMVCCSnapshot(remembered_by, state->snapshot);
}

/* take_row keeps what is remembered, if it is about the same. */
static void
take_row(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	PgcState   *state = arg;
	bool		isnull;

	state->old_lsn = DatumGetLSN(heap_getattr(tuple, 2, descriptor, &isnull));
	state->usable = DatumGetBool(heap_getattr(tuple, 1, descriptor, &isnull)) &&
		state->old_lsn <= state->lsn &&
		is_seen(state, DatumGetTransactionId(heap_getattr(tuple, 7, descriptor, &isnull)));
	if (state->usable)
		take_part(state, tuple, descriptor);
}

/*
 * pgc_state_open returns the memory of a heap for the counters of a judge, or
 * NULL if there can be none: the heap writes no WAL, the audit is not stored, a
 * rule depends on more than the row, another audit is at it.
 */
PgcState *
pgc_state_open(const PgcJudge *judge, Relation heap)
{
	static const char sql[] =
	"SELECT s.identity OPERATOR(pg_catalog.=) $3, s.lsn, p.part, p.blocks, p.settled, p.totals, s.xmin"
	" FROM contract.audit_state s LEFT JOIN contract.audit_part p USING (dataset_id, relid)"
	" WHERE s.dataset_id = $1 AND s.relid = $2";
	const Oid	types[] = {INT4OID, OIDOID, TEXTOID};
	PgcState   *state;
	Datum		values[3];

	if (!judge->audit->stored || judge->ncounters == PGC_COUNTER_FAILED + 1 || !RelationNeedsWAL(heap) ||
		!pgc_program_is_fixed(judge->audit->program) || !lock(RelationGetRelid(heap)))
		return NULL;
	state = palloc0(sizeof(PgcState));
	state->dataset_id = judge->audit->contract->dataset_id;
	state->relid = RelationGetRelid(heap);
	state->snapshot = judge->audit->snapshot;
	state->ncounters = judge->ncounters;
	state->identity = identity_of(judge, heap);
	state->lsn = GetXLogInsertRecPtr();
	values[0] = Int32GetDatum(state->dataset_id);
	values[1] = ObjectIdGetDatum(state->relid);
	values[2] = CStringGetTextDatum(state->identity);
	pgc_catalog_query(sql, 3, types, values, NULL, take_row, state);
	if (judge->audit->mode == PGC_MODE_FULL)
		state->usable = false;
	return state;
}

/* pgc_state_knows: is there memory of a part? */
bool
pgc_state_knows(const PgcState *state, int part)
{
	return state->usable && part < state->nparts && state->parts[part].present;
}

/* leave_map_page takes back what a page of the visibility map said if bits of it were set since. */
static void
leave_map_page(const PgcState *state, Buffer map, bool *unchanged, int nblocks)
{
	LockBuffer(map, BUFFER_LOCK_SHARE);
	if (PageGetLSN(BufferGetPage(map)) > state->old_lsn)
		memset(unchanged, false, nblocks);
	UnlockReleaseBuffer(map);
}

/* How a page of the visibility map is laid out: visibilitymap.c, which shows one bit a call. */
#define MAP_BLOCKS_PER_BYTE (BITS_PER_BYTE / BITS_PER_HEAPBLOCK)
#define MAP_BLOCKS ((BLCKSZ - MAXALIGN(SizeOfPageHeaderData)) * MAP_BLOCKS_PER_BYTE)

/* read_map reads which of some blocks, all on one page of the map, are all-visible. */
static void
read_map(Buffer map, BlockNumber first, int nblocks, bool *visible)
{
	const uint8 *bytes = (const uint8 *) PageGetContents(BufferGetPage(map));

	for (int i = 0; i < nblocks; i++)
	{
		BlockNumber bit = (first + i) % MAP_BLOCKS;

		visible[i] = (bytes[bit / MAP_BLOCKS_PER_BYTE] >>
					  (bit % MAP_BLOCKS_PER_BYTE * BITS_PER_HEAPBLOCK)) & VISIBILITYMAP_ALL_VISIBLE;
	}
}

/*
 * pgc_state_find_unchanged says which pages of a range the visibility map shows
 * to be as they were.  What is read of a page of the map counts only if PostgreSQL says
 * the same of the last block on it.
 */
void
pgc_state_find_unchanged(const PgcState *state, Relation heap, BlockNumber first,
						 int nblocks, bool *unchanged)
{
	Buffer		map = InvalidBuffer;

	memset(unchanged, false, nblocks);
	for (int i = 0, n; i < nblocks; i += n)
	{
		BlockNumber block = first + i;

		n = Min(nblocks - i, (int) (MAP_BLOCKS - block % MAP_BLOCKS));
		(void) visibilitymap_get_status(heap, block, &map);
		if (!BufferIsValid(map))
			return;				/* the map does not reach so far */
		read_map(map, block, n, unchanged + i);
		if (!visibilitymap_pin_ok(block + n - 1, map) ||
			((visibilitymap_get_status(heap, block + n - 1, &map) & VISIBILITYMAP_ALL_VISIBLE) != 0) != unchanged[i + n - 1])
			memset(unchanged + i, false, n);
		leave_map_page(state, map, unchanged + i, n);
		map = InvalidBuffer;
	}
}

/* What take_pages fills. */
typedef struct Loading
{
	const PgcState *state;
	int			number;
	PgcPart    *part;
} Loading;

/* take_pages decodes the pages of a part. */
static void
take_pages(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Loading    *loading = arg;
	bool		isnull;

	loading->part = pgc_part_decode(loading->number, loading->state->ncounters,
									DatumGetByteaPP(heap_getattr(tuple, 1, descriptor, &isnull)));
}

/* pgc_state_load_part returns what is remembered of the pages of a part that is known. */
PgcPart *
pgc_state_load_part(const PgcState *state, int number)
{
	const Oid	types[] = {INT4OID, OIDOID, INT4OID};
	Loading		loading = {.state = state,.number = number};
	Datum		values[3];

	values[0] = Int32GetDatum(state->dataset_id);
	values[1] = ObjectIdGetDatum(state->relid);
	values[2] = Int32GetDatum(number);
	pgc_catalog_query("SELECT pages FROM contract.audit_part WHERE dataset_id = $1 AND relid = $2 AND part = $3",
					  3, types, values, NULL, take_pages, &loading);
	return loading.part;
}

/* pgc_state_store_part remembers a part. */
void
pgc_state_store_part(PgcState *state, int number, int nblocks, bool settled,
					 const int64 *totals, bytea *pages)
{
	static const char sql[] =
	"INSERT INTO contract.audit_part (dataset_id, relid, part, blocks, settled, totals, pages)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (dataset_id, relid, part) DO UPDATE"
	" SET blocks = EXCLUDED.blocks, settled = EXCLUDED.settled, totals = EXCLUDED.totals, pages = EXCLUDED.pages";
	const Oid	types[] = {INT4OID, OIDOID, INT4OID, INT4OID, BOOLOID, INT8ARRAYOID, BYTEAOID};
	Datum	   *numbers = palloc(state->ncounters * sizeof(Datum));
	Datum		values[7];

	for (int i = 0; i < state->ncounters; i++)
		numbers[i] = Int64GetDatum(totals[i]);
	values[0] = Int32GetDatum(state->dataset_id);
	values[1] = ObjectIdGetDatum(state->relid);
	values[2] = Int32GetDatum(number);
	values[3] = Int32GetDatum(nblocks);
	values[4] = BoolGetDatum(settled);
	values[5] = PointerGetDatum(construct_array(numbers, state->ncounters, INT8OID, sizeof(int64), true,
												TYPALIGN_DOUBLE));
	values[6] = PointerGetDatum(pages);
	pgc_catalog_execute(sql, 7, types, values, NULL);
	state->changed = true;
}

/*
 * pgc_state_close remembers when this audit began, and forgets parts that the
 * heap no longer has.  If no part was stored the old memory stands as it is.
 */
void
pgc_state_close(PgcState *state, BlockNumber nblocks)
{
	static const char upsert[] =
	"INSERT INTO contract.audit_state (dataset_id, relid, identity, lsn) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (dataset_id, relid) DO UPDATE SET identity = EXCLUDED.identity, lsn = EXCLUDED.lsn";
	const Oid	types[] = {INT4OID, OIDOID, TEXTOID, LSNOID, INT4OID};
	int			nparts = (nblocks + PGC_PART_BLOCKS - 1) / PGC_PART_BLOCKS;
	Datum		values[5];

	values[0] = Int32GetDatum(state->dataset_id);
	values[1] = ObjectIdGetDatum(state->relid);
	values[2] = CStringGetTextDatum(state->identity);
	values[3] = LSNGetDatum(state->lsn);
	values[4] = Int32GetDatum(nparts);
	if (!state->usable || state->nparts > nparts)
		pgc_catalog_execute("DELETE FROM contract.audit_part WHERE dataset_id = $1 AND relid = $2 AND part >= $5",
							5, types, values, NULL);
	if (state->changed || !state->usable)
		pgc_catalog_execute(upsert, 4, types, values, NULL);
}

/* pgc_state_forget leaves no memory of a heap. */
void
pgc_state_forget(const PgcState *state)
{
	const Oid	types[] = {INT4OID, OIDOID};
	Datum		values[2];

	values[0] = Int32GetDatum(state->dataset_id);
	values[1] = ObjectIdGetDatum(state->relid);
	pgc_catalog_execute("DELETE FROM contract.audit_part WHERE dataset_id = $1 AND relid = $2", 2, types,
						values, NULL);
	pgc_catalog_execute("DELETE FROM contract.audit_state WHERE dataset_id = $1 AND relid = $2", 2, types,
						values, NULL);
}

/* pgc_state_keep_only forgets the heaps of a dataset that are not among those (a list of OIDs). */
void
pgc_state_keep_only(int32 dataset_id, const List *relids)
{
	const Oid	types[] = {INT4OID, OIDARRAYOID};
	Datum	   *oids = palloc(Max(list_length(relids), 1) * sizeof(Datum));
	Datum		values[2];
	int			count = 0;
	ListCell   *cell;

	foreach(cell, relids)
		oids[count++] = ObjectIdGetDatum(lfirst_oid(cell));
	values[0] = Int32GetDatum(dataset_id);
	values[1] = PointerGetDatum(construct_array(oids, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
	pgc_catalog_execute("DELETE FROM contract.audit_part WHERE dataset_id = $1 AND relid <> ALL ($2)",
						2, types, values, NULL);
	pgc_catalog_execute("DELETE FROM contract.audit_state WHERE dataset_id = $1 AND relid <> ALL ($2)",
						2, types, values, NULL);
}
