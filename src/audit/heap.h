/*
 * src/audit/heap.h
 *		Reading a heap page by page, into columns.
 */
#ifndef PGC_HEAP_H
#define PGC_HEAP_H

#include "audit/audit.h"
#include "storage/bufmgr.h"

/* How one attribute of a tuple is read. */
typedef struct PgcHeapAttribute
{
	enum
	{
		PGC_FIXED_8, PGC_FIXED_4, PGC_VARLENA, PGC_OTHER
	}			form;
	int16		length;
	char		align;
	bool		by_value;
	Datum	   *values;			/* a row; nobody's if the column is not wanted */
	bool	   *nulls;
} PgcHeapAttribute;

/* A heap that is being read. */
typedef struct PgcHeap
{
	PgcRows		rows;			/* of the page read last; must be first */
	MemoryContext context;		/* owns this */
	Relation	relation;
	Snapshot	snapshot;
	BufferAccessStrategy strategy;
	Buffer		buffer;			/* pinned; or InvalidBuffer */
	Buffer		ahead;			/* of the page that comes next, or
								 * InvalidBuffer */
	BlockNumber ahead_block;
	bool		is_near;		/* the page was asked for while it was ahead */
	Buffer		last;			/* that was pinned last, or InvalidBuffer */
	bool		settled;		/* no tuple of the page awaits the end of a
								 * transaction that the snapshot does not see */
	int			natts;			/* up to the last wanted attribute */
	PgcHeapAttribute *attributes;
	int			ncolumns;		/* of the layout */
	AttrNumber *attnos;			/* of the layout's columns in this relation */
	Datum	   *form_values;	/* a whole row, in attribute order */
	bool	   *form_nulls;
	int			nstale;			/* rows that may have nulls from the page
								 * before */
	HeapTupleHeader tuples[PGC_CHUNK_ROWS];
	uint16		lengths[PGC_CHUNK_ROWS];
	ItemPointerData tids[PGC_CHUNK_ROWS];
} PgcHeap;

extern bool pgc_heap_can_read(Relation relation);
extern PgcHeap *pgc_heap_open(Relation relation, const PgcLayout *layout,
							  const Bitmapset *columns, Snapshot snapshot);
extern void pgc_heap_pin(PgcHeap *heap, BlockNumber block, BlockNumber next);
extern void pgc_heap_read(PgcHeap *heap, BlockNumber block);
extern bool pgc_heap_was_changed(PgcHeap *heap, XLogRecPtr lsn);
extern void pgc_heap_fetch(PgcHeap *heap, ItemPointer tid);
extern void pgc_heap_close(PgcHeap *heap);

#endif							/* PGC_HEAP_H */
