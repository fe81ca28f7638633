/*
 * src/audit/repeats.c
 *		Which of many 64-bit hashes occur more than once, and how often?
 *
 * Hashes are sorted into partitions by their first bits as they come, and
 * each partition is counted at the end in a table that stays in the processor's
 * cache.  Partitions are chains of blocks; when memory is full, full blocks go
 * to a temporary file.  A partition with more different hashes than the table
 * may hold is read several times, a slice of it each.  Order of what is found:
 * by partition, so it does not depend on memory alone.
 */
#include "postgres.h"

#include "audit/keys.h"
#include "miscadmin.h"
#include "storage/buffile.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#define BLOCK_SIZE 2048
#define BLOCK_HASHES ((int) ((BLOCK_SIZE - sizeof(void *) - sizeof(int64)) / sizeof(uint64)))
#define MOST_BITS 12			/* 4096 partitions */
#define FEWEST_BITS 3

typedef struct HashBlock
{
	struct HashBlock *previous; /* in memory, full */
	int64		spilled;		/* block of the file before it, or -1 */
	uint64		hashes[BLOCK_HASHES];
} HashBlock;

typedef struct Partition
{
	HashBlock  *last;			/* being filled; or NULL: nothing came yet */
	int			fill;			/* hashes in last */
	int64		spilled;		/* last block in the file, or -1 */
	int64		nhashes;
} Partition;

/* One slot of the table that counts. */
typedef struct Slot
{
	uint64		hash;
	int64		count;			/* 0: free */
} Slot;

struct PgcRepeats
{
	MemoryContext context;		/* owns everything */
	ResourceOwner owner;		/* of the file */
	int			bits;			/* of a hash that say its partition */
	Partition  *partitions;
	HashBlock  *unused;			/* chain of blocks written out */
	int64		nblocks;		/* allocated */
	int64		most_blocks;
	BufFile    *file;			/* or NULL: all fits */
	int64		nspilled;		/* blocks in file */
	Slot	   *slots;
	int64		most_slots;		/* a power of two */
};

/* A partition, or a slice of it, that is being counted. */
typedef struct Count
{
	Slot	   *slots;
	uint64		mask;
	int64		room;			/* different hashes that may still come */
	bool		repeated;
	int			slice_bits;		/* of the hash, after those of the partition */
	uint64		slice;
} Count;

/* pgc_repeats_make returns an empty collection, in a context of its own under the current one. */
PgcRepeats *
pgc_repeats_make(Size memory)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract hashes",
												  ALLOCSET_DEFAULT_SIZES);
	PgcRepeats *repeats = MemoryContextAllocZero(context, sizeof(PgcRepeats));

	repeats->context = context;
	repeats->owner = CurrentResourceOwner;
	repeats->bits = MOST_BITS;
	while (repeats->bits > FEWEST_BITS && ((Size) BLOCK_SIZE << repeats->bits) > memory / 8)
		repeats->bits--;
	repeats->partitions = MemoryContextAllocZero(context, sizeof(Partition) << repeats->bits);
	for (int i = 0; i < 1 << repeats->bits; i++)
		repeats->partitions[i].spilled = -1;
	repeats->most_blocks = Max(memory / 8 * 7 / BLOCK_SIZE, (Size) 2 << repeats->bits);
	repeats->most_slots = 1024;
	while (repeats->most_slots * 2 * sizeof(Slot) <= memory / 8)
		repeats->most_slots *= 2;
	return repeats;
}

/* open_file makes the temporary file, in the collection's context and owner. */
static void
open_file(PgcRepeats *repeats)
{
	MemoryContext caller = MemoryContextSwitchTo(repeats->context);
	ResourceOwner owner = CurrentResourceOwner;

	CurrentResourceOwner = repeats->owner;
	repeats->file = BufFileCreateTemp(false);
	CurrentResourceOwner = owner;
	MemoryContextSwitchTo(caller);
}

/* spill writes the full blocks of all partitions. */
static void
spill(PgcRepeats *repeats)
{
	if (repeats->file == NULL)
		open_file(repeats);
	for (int i = 0; i < 1 << repeats->bits; i++)
	{
		Partition  *partition = &repeats->partitions[i];

		while (partition->last != NULL && partition->last->previous != NULL)
		{
			HashBlock  *block = partition->last->previous;

			partition->last->previous = block->previous;
			block->spilled = partition->spilled;
			partition->spilled = repeats->nspilled++;
			BufFileWrite(repeats->file, block, sizeof(HashBlock));
			block->previous = repeats->unused;
			repeats->unused = block;
		}
	}
}

/* new_block returns a block to be filled. */
static HashBlock *
new_block(PgcRepeats *repeats)
{
	HashBlock  *block;

	if (repeats->unused == NULL && repeats->nblocks >= repeats->most_blocks)
		spill(repeats);
	block = repeats->unused;
	if (block != NULL)
	{
		repeats->unused = block->previous;
		return block;
	}
	repeats->nblocks++;
	return MemoryContextAlloc(repeats->context, sizeof(HashBlock));
}

/* extend gives a partition another block. */
static void
extend(PgcRepeats *repeats, Partition *partition)
{
	HashBlock  *block = new_block(repeats);

	block->previous = partition->last;
	partition->last = block;
	partition->fill = 0;
}

/* pgc_repeats_add adds hashes, whose bits must be well mixed. */
void
pgc_repeats_add(PgcRepeats *repeats, const uint64 *hashes, int nhashes)
{
	int			shift = 64 - repeats->bits;

	for (int i = 0; i < nhashes; i++)
	{
		Partition  *partition = &repeats->partitions[hashes[i] >> shift];

		if (unlikely(partition->last == NULL || partition->fill == BLOCK_HASHES))
			extend(repeats, partition);
		partition->last->hashes[partition->fill++] = hashes[i];
		partition->nhashes++;
	}
}

/* count_hashes counts those hashes that belong to the slice; false: too many different ones. */
static inline bool
count_hashes(Count *count, const uint64 *hashes, int nhashes, int bits)
{
	for (int i = 0; i < nhashes; i++)
	{
		uint64		slot = hashes[i] & count->mask;

		if (count->slice_bits > 0 && (hashes[i] << bits) >> (64 - count->slice_bits) != count->slice)
			continue;
		while (count->slots[slot].count > 0 && count->slots[slot].hash != hashes[i])
			slot = (slot + 1) & count->mask;
		if (count->slots[slot].count++ > 0)
			count->repeated = true;
		else if (count->room-- == 0)
			return false;
		count->slots[slot].hash = hashes[i];
	}
	return true;
}

/* read_block reads a block of the file. */
static void
read_block(PgcRepeats *repeats, int64 number, HashBlock *block)
{
	if (BufFileSeek(repeats->file, 0, (off_t) (number * sizeof(HashBlock)), SEEK_SET) != 0 ||
		BufFileRead(repeats->file, block, sizeof(HashBlock)) != sizeof(HashBlock))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read from the temporary file of an audit: %m")));
}

/* count_partition counts a slice of a partition; false: too many different hashes. */
static bool
count_partition(PgcRepeats *repeats, const Partition *partition, Count *count)
{
	int			fill = partition->fill;
	HashBlock	read;

	for (const HashBlock *block = partition->last; block != NULL; block = block->previous)
	{
		if (!count_hashes(count, block->hashes, fill, repeats->bits))
			return false;
		fill = BLOCK_HASHES;
	}
	for (int64 number = partition->spilled; number >= 0; number = read.spilled)
	{
		read_block(repeats, number, &read);
		if (!count_hashes(count, read.hashes, BLOCK_HASHES, repeats->bits))
			return false;
	}
	return true;
}

/* slots_for returns how many slots a partition gets. */
static int64
slots_for(const PgcRepeats *repeats, const Partition *partition)
{
	int64		nslots = 64;

	while (nslots < repeats->most_slots && nslots < partition->nhashes * 2)
		nslots *= 2;
	return nslots;
}

/*
 * find_in finds what is repeated in a slice of a partition; where there are too
 * many different hashes, in the two halves of the slice.
 */
static void
find_in(PgcRepeats *repeats, const Partition *partition, int slice_bits, uint64 slice,
		PgcRepeatFunction found, void *arg)
{
	int64		nslots = slots_for(repeats, partition);
	Count		count = {.slots = repeats->slots,.mask = nslots - 1,.room = nslots / 4 * 3};

	CHECK_FOR_INTERRUPTS();
	count.slice_bits = slice_bits;
	count.slice = slice;
	memset(count.slots, 0, nslots * sizeof(Slot));
	if (!count_partition(repeats, partition, &count))
	{
		find_in(repeats, partition, slice_bits + 1, slice * 2, found, arg);
		find_in(repeats, partition, slice_bits + 1, slice * 2 + 1, found, arg);
		return;
	}
	for (int64 i = 0; count.repeated && i < nslots; i++)
	{
		if (count.slots[i].count > 1)
			found(count.slots[i].hash, count.slots[i].count, arg);
	}
}

/* pgc_repeats_find calls found for each hash that was added more than once. */
void
pgc_repeats_find(PgcRepeats *repeats, PgcRepeatFunction found, void *arg)
{
	repeats->slots = MemoryContextAllocHuge(repeats->context, repeats->most_slots * sizeof(Slot));
	for (int i = 0; i < 1 << repeats->bits; i++)
	{
		if (repeats->partitions[i].nhashes > 1)
			find_in(repeats, &repeats->partitions[i], 0, 0, found, arg);
	}
}

/* pgc_repeats_free releases a collection and its file. */
void
pgc_repeats_free(PgcRepeats *repeats)
{
	if (repeats->file != NULL)
		BufFileClose(repeats->file);
	MemoryContextDelete(repeats->context);
}
