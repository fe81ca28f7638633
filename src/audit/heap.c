/*
 * src/audit/heap.c
 *		Reads a heap page by page, into columns.
 *
 * This is what a sequential scan does, without a slot and an executor node for
 * each row: visible tuples of a page are collected under the buffer's share
 * lock, then read under the pin alone, which keeps them from being pruned.  The
 * caller has locked the relation and has seen to it that the role may read all
 * of it (pgc_scan_is_heap_only); nothing here looks at privileges.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/multixact.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "audit/heap.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "compat.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/predicate.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Bytes that memory hands out at a time. */
#define CACHE_LINE 64

#ifdef __GNUC__
#define prefetch(address) __builtin_prefetch(address)
#else
#define prefetch(address) ((void) 0)
#endif

/*
 * pgc_heap_can_read: is the relation's storage a heap whose columns are all
 * stored?  That of a materialized view WITH NO DATA says nothing; a query tells why.
 */
bool
pgc_heap_can_read(Relation relation)
{
	TupleDesc	descriptor = RelationGetDescr(relation);

	if (!RELKIND_HAS_TABLE_AM(relation->rd_rel->relkind) || relation->rd_rel->relam != HEAP_TABLE_AM_OID ||
		RELATION_IS_OTHER_TEMP(relation) || !RelationIsPopulated(relation) ||
		(!RelationIsPermanent(relation) && RecoveryInProgress()))
		return false;
	for (int i = 0; i < descriptor->natts; i++)
	{
		if (TupleDescAttr(descriptor, i)->attgenerated == 'v')
			return false;
	}
	return true;
}

/* form_of returns how values of an attribute are read. */
static int
form_of(Form_pg_attribute attribute)
{
	if (attribute->attlen == -1)
		return PGC_VARLENA;
	if (attribute->attbyval && attribute->attlen == 8 && attribute->attalign == TYPALIGN_DOUBLE &&
		sizeof(Datum) == 8)
		return PGC_FIXED_8;
	if (attribute->attbyval && attribute->attlen == 4 && attribute->attalign == TYPALIGN_INT)
		return PGC_FIXED_4;
	return PGC_OTHER;
}

/* vector_make allocates a column of a chunk. */
static PgcVector
vector_make(void)
{
	PgcVector	vector;

	/* zeros, since comparators look behind nulls, too */
	vector.values = palloc0(PGC_CHUNK_ROWS * sizeof(Datum));
	vector.nulls = palloc0(PGC_CHUNK_ROWS * sizeof(bool));
	return vector;
}

/* plan_attributes decides how each attribute is read, up to the last wanted one. */
static void
plan_attributes(PgcHeap *heap, const Bitmapset *columns)
{
	TupleDesc	descriptor = RelationGetDescr(heap->relation);
	PgcVector	nobody = vector_make();
	int			column = -1;

	heap->attributes = palloc(Max(descriptor->natts, 1) * sizeof(PgcHeapAttribute));
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		PgcHeapAttribute *plan = &heap->attributes[i];

		plan->form = form_of(attribute);
		plan->length = attribute->attlen;
		plan->align = attribute->attalign;
		plan->by_value = attribute->attbyval;
		plan->values = nobody.values;
		plan->nulls = nobody.nulls;
	}
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		PgcVector	vector = vector_make();

		heap->rows.chunk.columns[column] = vector;
		heap->attributes[heap->attnos[column] - 1].values = vector.values;
		heap->attributes[heap->attnos[column] - 1].nulls = vector.nulls;
		heap->natts = Max(heap->natts, heap->attnos[column]);
	}
}

/* form_row is PgcRows.form of a heap. */
static void
form_row(const PgcRows *rows, int row, Datum *values, bool *nulls)
{
	const PgcHeap *heap = (const PgcHeap *) rows;
	HeapTupleData tuple;

	tuple.t_data = heap->tuples[row];
	tuple.t_len = heap->lengths[row];
	tuple.t_self = heap->tids[row];
	tuple.t_tableOid = RelationGetRelid(heap->relation);
	heap_deform_tuple(&tuple, RelationGetDescr(heap->relation), heap->form_values, heap->form_nulls);
	for (int i = 0; i < heap->ncolumns; i++)
	{
		values[i] = heap->form_values[heap->attnos[i] - 1];
		nulls[i] = heap->form_nulls[heap->attnos[i] - 1];
	}
}

/*
 * pgc_heap_open starts reading a relation that pgc_heap_can_read; columns (layout
 * indexes) will be filled.  The layout may be a partitioned parent's.  It lives in a context of
 * its own under the current one, until pgc_heap_close.
 */
PgcHeap *
pgc_heap_open(Relation relation, const PgcLayout *layout, const Bitmapset *columns, Snapshot snapshot)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract heap",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	PgcHeap    *heap = palloc0(sizeof(PgcHeap));
	int			natts = RelationGetDescr(relation)->natts;

	heap->context = context;
	heap->relation = relation;
	heap->snapshot = snapshot;
	heap->strategy = GetAccessStrategy(BAS_BULKREAD);
	heap->ncolumns = layout->ncolumns;
	heap->attnos = palloc(Max(layout->ncolumns, 1) * sizeof(AttrNumber));
	for (int i = 0; i < layout->ncolumns; i++)
		heap->attnos[i] = get_attnum(RelationGetRelid(relation), NameStr(layout->columns[i].name));
	heap->rows.chunk.columns = palloc0(Max(layout->ncolumns, 1) * sizeof(PgcVector));
	heap->rows.tids = heap->tids;
	heap->rows.relation = RelationGetRelid(relation);
	heap->rows.form = form_row;
	heap->form_values = palloc(Max(natts, 1) * sizeof(Datum));
	heap->form_nulls = palloc(Max(natts, 1) * sizeof(bool));
	plan_attributes(heap, columns);
	MemoryContextSwitchTo(caller);
	PredicateLockRelation(relation, snapshot);
	pgstat_count_heap_scan(relation);
	return heap;
}

/* is_pending: does a transaction that the snapshot does not see as ended stand in a tuple? */
static bool
is_pending(HeapTupleHeader tuple, Snapshot snapshot)
{
	TransactionId xid;

	if (!HeapTupleHeaderXminFrozen(tuple) && !HeapTupleHeaderXminInvalid(tuple))
	{
		xid = HeapTupleHeaderGetRawXmin(tuple);
		if (TransactionIdIsCurrentTransactionId(xid) || XidInMVCCSnapshot(xid, snapshot))
			return true;
	}
	if ((tuple->t_infomask & HEAP_XMAX_INVALID) || HEAP_XMAX_IS_LOCKED_ONLY(tuple->t_infomask))
		return false;
	xid = HeapTupleHeaderGetUpdateXid(tuple);
	return TransactionIdIsValid(xid) &&
		(TransactionIdIsCurrentTransactionId(xid) || XidInMVCCSnapshot(xid, snapshot));
}

/* is_visible asks the snapshot, as heap scans do. */
static bool
is_visible(PgcHeap *heap, HeapTuple tuple, bool conflicts)
{
	bool		visible = HeapTupleSatisfiesVisibility(tuple, heap->snapshot, heap->buffer);

	if (conflicts)
		HeapCheckForSerializableConflictOut(visible, heap->relation, tuple, heap->buffer, heap->snapshot);
	heap->settled &= !is_pending(tuple->t_data, heap->snapshot);
	return visible;
}

/* collect lists the visible tuples of the pinned and locked page. */
static void
collect(PgcHeap *heap, BlockNumber block)
{
	Page		page = BufferGetPage(heap->buffer);
	OffsetNumber last = PageGetMaxOffsetNumber(page);
	bool		conflicts = CheckForSerializableConflictOutNeeded(heap->relation, heap->snapshot);
	bool		all_visible = PageIsAllVisible(page) && !heap->snapshot->takenDuringRecovery && !conflicts;
	bool		has_nulls = false;
	int			nrows = 0;

	heap->settled = true;
	for (OffsetNumber offset = FirstOffsetNumber; offset <= last; offset++)
	{
		ItemId		item = PageGetItemId(page, offset);
		HeapTupleData tuple;

		if (!ItemIdIsNormal(item))
			continue;
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
		tuple.t_len = ItemIdGetLength(item);
		ItemPointerSet(&tuple.t_self, block, offset);
		if (!all_visible)
		{
			tuple.t_tableOid = RelationGetRelid(heap->relation);
			if (!is_visible(heap, &tuple, conflicts))
				continue;
		}
		has_nulls |= (tuple.t_data->t_infomask & HEAP_HASNULL) != 0 ||
			HeapTupleHeaderGetNatts(tuple.t_data) < heap->natts;
		heap->tuples[nrows] = tuple.t_data;
		heap->lengths[nrows] = tuple.t_len;
		heap->tids[nrows++] = tuple.t_self;
	}
	heap->rows.chunk.nrows = nrows;
	heap->rows.chunk.has_nulls = has_nulls;
}

/* set_missing fills attributes that were added after the tuple was written. */
static void
set_missing(PgcHeap *heap, int row, int natts)
{
	for (int i = natts; i < heap->natts; i++)
		heap->attributes[i].values[row] = getmissingattr(RelationGetDescr(heap->relation), i + 1,
														 &heap->attributes[i].nulls[row]);
}

/* deform spreads a tuple over the columns, as slot_deform_heap_tuple does. */
static inline void
deform(PgcHeap *heap, int row)
{
	HeapTupleHeader tuple = heap->tuples[row];
	const char *data = (const char *) tuple + tuple->t_hoff;
	bool		has_nulls = (tuple->t_infomask & HEAP_HASNULL) != 0;
	int			natts = Min((int) HeapTupleHeaderGetNatts(tuple), heap->natts);
	uint32		offset = 0;

	for (int i = 0; i < natts; i++)
	{
		const PgcHeapAttribute *attribute = &heap->attributes[i];

		if (unlikely(has_nulls) && att_isnull(i, tuple->t_bits))
		{
			attribute->nulls[row] = true;
			continue;
		}
		switch (attribute->form)
		{
			case PGC_FIXED_8:
				offset = TYPEALIGN(8, offset);
				attribute->values[row] = *(const Datum *) (data + offset);
				offset += 8;
				break;
			case PGC_FIXED_4:
				offset = TYPEALIGN(4, offset);
				attribute->values[row] = Int32GetDatum(*(const int32 *) (data + offset));
				offset += 4;
				break;
			case PGC_VARLENA:
				if (!VARATT_NOT_PAD_BYTE(data + offset))
					offset = att_align_nominal(offset, attribute->align);
				attribute->values[row] = PointerGetDatum(data + offset);
				offset += VARSIZE_ANY(data + offset);
				break;
			case PGC_OTHER:
				offset = att_align_nominal(offset, attribute->align);
				attribute->values[row] = fetch_att(data + offset, attribute->by_value, attribute->length);
				offset = att_addlength_pointer(offset, attribute->length, data + offset);
				break;
		}
	}
	if (unlikely(natts < heap->natts))
		set_missing(heap, row, natts);
}

/* clear_nulls: nulls are set where there are any, and false everywhere else. */
static void
clear_nulls(PgcHeap *heap)
{
	int			nrows = heap->rows.chunk.has_nulls ? heap->rows.chunk.nrows : 0;
	int			nstale = Max(nrows, heap->nstale);

	for (int i = 0; nstale > 0 && i < heap->natts; i++)
		memset(heap->attributes[i].nulls, false, nstale * sizeof(bool));
	heap->nstale = nrows;
}

/*
 * pin returns the buffer of a page.  Pages that were read one after the other often lie so in
 * shared buffers, too: the buffer after the last one is tried before the look-up.
 */
static Buffer
pin(PgcHeap *heap, BlockNumber block)
{
	Buffer		guess = heap->last + 1;

	if (!BufferIsValid(heap->last) || BufferIsLocal(heap->last) || guess > NBuffers ||
		!pgc_compat_read_in(heap->relation, block, guess))
		guess = ReadBufferExtended(heap->relation, MAIN_FORKNUM, block, RBM_NORMAL, heap->strategy);
	heap->last = guess;
	return guess;
}

/* release lets go of a buffer, if it is one. */
static void
release(Buffer *buffer)
{
	if (BufferIsValid(*buffer))
		ReleaseBuffer(*buffer);
	*buffer = InvalidBuffer;
}

/*
 * pgc_heap_pin pins a page in place of the one before; next is the page that will
 * be asked for after it, or InvalidBlockNumber.
 */
void
pgc_heap_pin(PgcHeap *heap, BlockNumber block, BlockNumber next)
{
	CHECK_FOR_INTERRUPTS();
	release(&heap->buffer);
	heap->is_near = BufferIsValid(heap->ahead) && heap->ahead_block == block;
	if (heap->is_near)
	{
		heap->buffer = heap->ahead;
		heap->ahead = InvalidBuffer;
	}
	else
	{
		release(&heap->ahead);
		heap->buffer = pin(heap, block);
	}
	if (BlockNumberIsValid(next))
	{
		heap->ahead = pin(heap, next);
		heap->ahead_block = next;
	}
}

/*
 * Waiting for memory would be half of a scan.  Tuples lie on a page from its end
 * downwards, which the processor does not foresee.  So the next page is asked for
 * upwards, some lines for each row of this one: all at once would be waited for.
 */

/* touch reads a byte of each cache line of a page, upwards. */
static inline void
touch(const volatile char *page)
{
	for (int offset = 0; offset < BLCKSZ; offset += CACHE_LINE)
		(void) page[offset];
}

/* ask_for asks for some cache lines from an address on, and returns the address behind them. */
static inline const char *
ask_for(const char *address, int nlines)
{
	for (; nlines > 0; nlines--, address += CACHE_LINE)
		prefetch(address);
	return address;
}

/* pgc_heap_read fills rows with the visible tuples of the page that is pinned. */
void
pgc_heap_read(PgcHeap *heap, BlockNumber block)
{
	bool		has_next = BufferIsValid(heap->ahead);
	const char *next = has_next ? (const char *) BufferGetPage(heap->ahead) : NULL;
	int			nrows;

	if (!heap->is_near)
		touch(BufferGetPage(heap->buffer));
	LockBuffer(heap->buffer, BUFFER_LOCK_SHARE);
	collect(heap, block);
	LockBuffer(heap->buffer, BUFFER_LOCK_UNLOCK);
	clear_nulls(heap);
	nrows = heap->rows.chunk.nrows;
	for (int row = 0; row < nrows; row++)
	{
		if (has_next)
			next = ask_for(next, BLCKSZ / CACHE_LINE / nrows + 1);
		deform(heap, row);
	}
}

/*
 * pgc_heap_was_changed: has the page that is pinned been changed since an LSN?
 * Under the lock, so that nobody is between writing WAL and stamping the page.  An
 * empty page without LSN may be new: whoever added it did not get to write on it.
 */
bool
pgc_heap_was_changed(PgcHeap *heap, XLogRecPtr lsn)
{
	Page		page = BufferGetPage(heap->buffer);
	XLogRecPtr	page_lsn;
	bool		changed;

	LockBuffer(heap->buffer, BUFFER_LOCK_SHARE);
	page_lsn = BufferGetLSNAtomic(heap->buffer);
	changed = page_lsn > lsn || (PageIsEmpty(page) && XLogRecPtrIsInvalid(page_lsn));
	LockBuffer(heap->buffer, BUFFER_LOCK_UNLOCK);
	return changed;
}

/* pgc_heap_fetch makes a tuple that the snapshot saw the only row, for form. */
void
pgc_heap_fetch(PgcHeap *heap, ItemPointer tid)
{
	Page		page;
	ItemId		item;

	pgc_heap_pin(heap, ItemPointerGetBlockNumber(tid), InvalidBlockNumber);
	page = BufferGetPage(heap->buffer);
	LockBuffer(heap->buffer, BUFFER_LOCK_SHARE);
	item = PageGetItemId(page, ItemPointerGetOffsetNumber(tid));
	heap->tuples[0] = (HeapTupleHeader) PageGetItem(page, item);
	heap->lengths[0] = ItemIdGetLength(item);
	heap->tids[0] = *tid;
	LockBuffer(heap->buffer, BUFFER_LOCK_UNLOCK);
}

/* pgc_heap_close ends reading. */
void
pgc_heap_close(PgcHeap *heap)
{
	release(&heap->buffer);
	release(&heap->ahead);
	MemoryContextDelete(heap->context);
}
