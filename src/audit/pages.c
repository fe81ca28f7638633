/*
 * src/audit/pages.c
 *		Which pages of a scan need not be read again, since no key on them is suspect?
 *
 * A first scan leaves a fingerprint of each key, part of its hash, page by page in
 * a stream of bytes.  Once suspect hashes are known, a page without any of their
 * fingerprints is clean.  What was not recorded, because memory was full or because
 * nothing was on the page, is not clean: in doubt a page is read.
 */
#include "postgres.h"

#include "audit/keys.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define FINGERPRINT_BYTES 3
#define FINGERPRINT_BITS (FINGERPRINT_BYTES * BITS_PER_BYTE)
#define SEGMENT_BYTES (32 * 1024)
#define LEAST_MEMORY 8192
/* with more of the bits set than one in so many, most pages have one by chance */
#define FEWEST_BITS_A_SUSPECT 64

/* What stands before the fingerprints of a page. */
typedef struct Header
{
	uint32		leaf;			/* index */
	BlockNumber block;
	uint32		nkeys;
} Header;

/* A piece of the stream: pages, each as a whole. */
typedef struct Segment
{
	struct Segment *previous;
	int			fill;			/* bytes */
	uint8		bytes[SEGMENT_BYTES];
} Segment;

/* The pages of a relation that were recorded. */
struct PgcCleanPages
{
	Oid			relid;
	BlockNumber nblocks;		/* up to the last page recorded */
	uint8	   *clean;			/* a bit each block; NULL: none is known to be */
};

struct PgcPages
{
	MemoryContext context;		/* owns everything */
	Size		left;			/* bytes that may still be taken */
	Size		reserved;		/* bytes for pgc_pages_judge */
	bool		full;			/* nothing more is recorded */
	Segment    *last;
	PgcCleanPages *leaves;
	int			nleaves;
	int			most_leaves;
	int			suspect_bits;	/* of a fingerprint that are looked at */
	int64		nsuspects;
	uint64	   *suspects;		/* a bit each value that these bits can have */
};

StaticAssertDecl(sizeof(Header) + PGC_CHUNK_ROWS * FINGERPRINT_BYTES <= SEGMENT_BYTES,
				 "a page fits into a segment");

/* take_bytes returns memory, or NULL and records nothing more: there is none left. */
static void *
take_bytes(PgcPages *pages, Size size)
{
	if (pages->full || size > pages->left)
	{
		pages->full = true;
		return NULL;
	}
	pages->left -= size;
	return MemoryContextAllocHuge(pages->context, size);
}

/* pgc_pages_make returns a record without pages, in a context of its own under the current one. */
PgcPages *
pgc_pages_make(Size memory)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract pages",
												  ALLOCSET_DEFAULT_SIZES);
	PgcPages   *pages = MemoryContextAllocZero(context, sizeof(PgcPages));
	Size		size;

	memory = Max(memory, LEAST_MEMORY);
	pages->context = context;
	pages->suspect_bits = FINGERPRINT_BITS;
	while (((Size) 1 << pages->suspect_bits) / BITS_PER_BYTE > memory / 64)
		pages->suspect_bits--;
	size = ((Size) 1 << pages->suspect_bits) / BITS_PER_BYTE;
	pages->reserved = memory / 64;
	pages->left = memory - size - pages->reserved;
	pages->suspects = MemoryContextAllocZero(context, size);
	return pages;
}

/* add_leaf puts a relation on the list; false: memory is full. */
static bool
add_leaf(PgcPages *pages, Oid relid)
{
	if (pages->nleaves == pages->most_leaves)
	{
		int			most = Max(2 * pages->most_leaves, 16);
		PgcCleanPages *leaves = take_bytes(pages, most * sizeof(PgcCleanPages));

		if (leaves == NULL)
			return false;
		if (pages->nleaves > 0)
		{
			memcpy(leaves, pages->leaves, pages->nleaves * sizeof(PgcCleanPages));
			pfree(pages->leaves);
			pages->left += pages->most_leaves * sizeof(PgcCleanPages);
		}
		pages->leaves = leaves;
		pages->most_leaves = most;
	}
	pages->leaves[pages->nleaves++] = (PgcCleanPages)
	{
		.relid = relid
	};
	return true;
}

/* reserve returns where so many bytes of a page go, in the last segment; NULL: memory is full. */
static uint8 *
reserve(PgcPages *pages, int size)
{
	Segment    *segment = pages->last;

	if (segment == NULL || segment->fill + size > SEGMENT_BYTES)
	{
		segment = take_bytes(pages, sizeof(Segment));
		if (segment == NULL)
			return NULL;
		segment->previous = pages->last;
		segment->fill = 0;
		pages->last = segment;
	}
	segment->fill += size;
	return segment->bytes + segment->fill - size;
}

/*
 * pgc_pages_add records the page that rows were read from, with the hashes of all
 * keys on it, whose bits must be well mixed.  Pages of a leaf come one after another.
 */
void
pgc_pages_add(PgcPages *pages, const PgcRows *rows, const uint64 *hashes, int nhashes)
{
	Header		header = {.nkeys = nhashes};
	uint8	   *to;

	if (pages->full || rows->tids == NULL || rows->chunk.nrows == 0)
		return;
	if ((pages->nleaves == 0 || pages->leaves[pages->nleaves - 1].relid != rows->relation) &&
		!add_leaf(pages, rows->relation))
		return;
	to = reserve(pages, sizeof(Header) + nhashes * FINGERPRINT_BYTES);
	if (to == NULL)
		return;
	header.leaf = pages->nleaves - 1;
	header.block = ItemPointerGetBlockNumber(&rows->tids[0]);
	pages->leaves[header.leaf].nblocks = Max(pages->leaves[header.leaf].nblocks, header.block + 1);
	memcpy(to, &header, sizeof(Header));
	to += sizeof(Header);
	for (int i = 0; i < nhashes; i++, to += FINGERPRINT_BYTES)
	{
		to[0] = (uint8) hashes[i];
		to[1] = (uint8) (hashes[i] >> 8);
		to[2] = (uint8) (hashes[i] >> 16);
	}
}

/* drop_segment releases the last piece of the stream. */
static void
drop_segment(PgcPages *pages)
{
	Segment    *segment = pages->last;

	pages->last = segment->previous;
	pfree(segment);
}

/* drop_record forgets all pages. */
static void
drop_record(PgcPages *pages)
{
	pages->full = true;
	pages->nleaves = 0;
	while (pages->last != NULL)
		drop_segment(pages);
}

/*
 * pgc_pages_suspect makes a hash suspect.  Where there are so many that hardly any
 * page is clean, the record makes room for them.
 */
void
pgc_pages_suspect(PgcPages *pages, uint64 hash)
{
	uint64		bit = hash & ((UINT64CONST(1) << pages->suspect_bits) - 1);

	pages->suspects[bit / 64] |= UINT64CONST(1) << bit % 64;
	if (++pages->nsuspects > (INT64CONST(1) << pages->suspect_bits) / FEWEST_BITS_A_SUSPECT)
		drop_record(pages);
}

/* has_suspect: is one of the fingerprints a suspect's? */
static inline bool
has_suspect(const PgcPages *pages, const uint8 *fingerprints, int nfingerprints)
{
	uint32		mask = ((uint32) 1 << pages->suspect_bits) - 1;
	uint64		found = 0;

	for (int i = 0; i < nfingerprints; i++, fingerprints += FINGERPRINT_BYTES)
	{
		uint32		bit = (fingerprints[0] | (uint32) fingerprints[1] << 8 | (uint32) fingerprints[2] << 16) & mask;

		found |= pages->suspects[bit / 64] >> bit % 64;
	}
	return (found & 1) != 0;
}

/* judge_segment marks the clean pages of a segment. */
static void
judge_segment(PgcPages *pages, const Segment *segment)
{
	const uint8 *from = segment->bytes;
	const uint8 *end = from + segment->fill;

	while (from < end)
	{
		Header		header;
		uint8	   *clean;

		memcpy(&header, from, sizeof(Header));
		from += sizeof(Header);
		clean = pages->leaves[header.leaf].clean;
		if (clean != NULL && !has_suspect(pages, from, header.nkeys))
			clean[header.block / BITS_PER_BYTE] |= 1 << header.block % BITS_PER_BYTE;
		from += header.nkeys * FINGERPRINT_BYTES;
	}
}

/*
 * pgc_pages_judge finds the clean pages, when all suspects are known, and keeps nothing
 * but a bit each page.
 */
void
pgc_pages_judge(PgcPages *pages)
{
	pages->full = false;
	pages->left += pages->reserved;
	for (int i = 0; i < pages->nleaves; i++)
	{
		Size		size = (Size) pages->leaves[i].nblocks / BITS_PER_BYTE + 1;

		pages->leaves[i].clean = take_bytes(pages, size);
		if (pages->leaves[i].clean != NULL)
			memset(pages->leaves[i].clean, 0, size);
	}
	for (; pages->last != NULL; drop_segment(pages))
	{
		CHECK_FOR_INTERRUPTS();
		judge_segment(pages, pages->last);
	}
	pfree(pages->suspects);
	pages->suspects = NULL;
}

/* pgc_pages_of returns the pages of a relation that were recorded, or NULL: none were. */
const PgcCleanPages *
pgc_pages_of(const PgcPages *pages, Oid relid)
{
	for (int i = 0; i < pages->nleaves; i++)
	{
		if (pages->leaves[i].relid == relid)
			return &pages->leaves[i];
	}
	return NULL;
}

/* pgc_pages_is_clean: is it known that a page holds no suspect? */
bool
pgc_pages_is_clean(const PgcCleanPages *pages, BlockNumber block)
{
	return pages->clean != NULL && block < pages->nblocks &&
		(pages->clean[block / BITS_PER_BYTE] >> block % BITS_PER_BYTE & 1) != 0;
}

/* pgc_pages_free releases a record. */
void
pgc_pages_free(PgcPages *pages)
{
	MemoryContextDelete(pages->context);
}
