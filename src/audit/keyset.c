/*
 * src/audit/keyset.c
 *		A set of keys that knows them exactly, in bounded memory.
 *
 * Open addressing over the codes; keys whose code does not say it all are kept
 * as copies and compared.  A set never grows beyond its memory: what adds to it
 * is told, and asks SQL instead.
 */
#include "postgres.h"

#include "audit/keys.h"
#include "utils/memutils.h"

#define FIRST_SLOTS 1024
#define ARENA_PAGE 65536

typedef struct Slot
{
	uint64		code;
	PgcKey	   *key;			/* NULL: free */
} Slot;

struct PgcKeySet
{
	MemoryContext context;		/* owns slots and copies */
	PgcArena	arena;			/* of the copies */
	Size		memory;			/* bytes that all may take */
	Slot	   *slots;
	uint64		mask;			/* number of slots - 1 */
	uint64		nkeys;
};

/* The key of codes that say it all. */
static PgcKey by_code;

/* pgc_arena_reserve returns memory for a copy, which lives as long as the arena's context. */
void *
pgc_arena_reserve(PgcArena *arena, Size size)
{
	void	   *reserved;

	size = MAXALIGN(size);
	if (size > arena->left)
	{
		arena->left = Max(size, ARENA_PAGE);
		arena->next = MemoryContextAllocHuge(arena->context, arena->left);
	}
	reserved = arena->next;
	arena->next += size;
	arena->left -= size;
	return reserved;
}

/* make_slots allocates free slots in the current context. */
static Slot *
make_slots(uint64 nslots)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, nslots * sizeof(Slot),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* pgc_keyset_make returns an empty set, in a context of its own under the current one. */
PgcKeySet *
pgc_keyset_make(Size memory)
{
	PgcKeySet  *set = palloc(sizeof(PgcKeySet));
	MemoryContext caller;

	set->context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract keys", ALLOCSET_DEFAULT_SIZES);
	set->arena = (PgcArena)
	{
		.context = set->context
	};
	set->memory = memory;
	set->mask = FIRST_SLOTS - 1;
	set->nkeys = 0;
	caller = MemoryContextSwitchTo(set->context);
	set->slots = make_slots(FIRST_SLOTS);
	MemoryContextSwitchTo(caller);
	return set;
}

/* place returns the first slot that a code may have. */
static inline uint64
place(const PgcKeySet *set, uint64 code)
{
	return pgc_key_mix(code) & set->mask;
}

/* grow doubles the slots; false: there is no memory for that. */
static bool
grow(PgcKeySet *set)
{
	uint64		nold = set->mask + 1;
	Slot	   *old = set->slots;
	MemoryContext caller;

	if (MemoryContextMemAllocated(set->context, false) + 2 * nold * sizeof(Slot) > set->memory)
		return false;
	caller = MemoryContextSwitchTo(set->context);
	set->slots = make_slots(2 * nold);
	MemoryContextSwitchTo(caller);
	set->mask = 2 * nold - 1;
	for (uint64 i = 0; i < nold; i++)
	{
		uint64		slot = place(set, old[i].code);

		if (old[i].key == NULL)
			continue;
		while (set->slots[slot].key != NULL)
			slot = (slot + 1) & set->mask;
		set->slots[slot] = old[i];
	}
	pfree(old);
	return true;
}

/* fits: may another key be added?  Makes room for it. */
static inline bool
fits(PgcKeySet *set)
{
	return set->nkeys < (set->mask + 1) / 4 * 3 || grow(set);
}

/* slot_of returns the slot of a key, or the free one where it would be. */
static inline Slot *
slot_of(const PgcKeySet *set, const PgcKeys *keys, uint64 code, const PgcChunk *chunk, int row)
{
	for (uint64 i = place(set, code);; i = (i + 1) & set->mask)
	{
		Slot	   *slot = &set->slots[i];

		if (slot->key == NULL || (slot->code == code && (slot->key == &by_code ||
														 pgc_keys_equal(keys, slot->key->values, chunk, row))))
			return slot;
	}
}

/* pgc_keyset_is_empty: is no key in the set? */
bool
pgc_keyset_is_empty(const PgcKeySet *set)
{
	return set->nkeys == 0;
}

/* pgc_keyset_add_code adds a code that says it all; false: there is no memory for it. */
bool
pgc_keyset_add_code(PgcKeySet *set, uint64 code)
{
	Slot	   *slot;

	if (!fits(set))
		return false;
	slot = slot_of(set, NULL, code, NULL, 0);
	set->nkeys += slot->key == NULL;
	slot->code = code;
	slot->key = &by_code;
	return true;
}

/* pgc_keyset_has_code: was the code added by pgc_keyset_add_code? */
bool
pgc_keyset_has_code(const PgcKeySet *set, uint64 code)
{
	return slot_of(set, NULL, code, NULL, 0)->key != NULL;
}

/*
 * pgc_keyset_add returns the key of a row, added with count 0 if it was not
 * there; NULL: there is no memory for it.
 */
PgcKey *
pgc_keyset_add(PgcKeySet *set, const PgcKeys *keys, uint64 code, const PgcChunk *chunk, int row)
{
	Slot	   *slot;

	if (!fits(set))
		return NULL;
	slot = slot_of(set, keys, code, chunk, row);
	if (slot->key != NULL)
		return slot->key;
	if (MemoryContextMemAllocated(set->context, false) > set->memory)
		return NULL;
	slot->code = code;
	slot->key = pgc_arena_reserve(&set->arena, offsetof(PgcKey, values) + keys->ncolumns * sizeof(Datum));
	slot->key->count = 0;
	pgc_keys_copy(keys, chunk, row, &set->arena, slot->key->values);
	set->nkeys++;
	return slot->key;
}

/* pgc_keyset_find returns the key of a row, or NULL. */
PgcKey *
pgc_keyset_find(const PgcKeySet *set, const PgcKeys *keys, uint64 code, const PgcChunk *chunk, int row)
{
	return slot_of(set, keys, code, chunk, row)->key;
}

/* pgc_keyset_prefetch fetches slots that will be looked at, all at a time. */
void
pgc_keyset_prefetch(const PgcKeySet *set, const uint64 *codes, int ncodes)
{
	for (int i = 0; i < ncodes; i++)
		__builtin_prefetch(&set->slots[place(set, codes[i])]);
}

/* pgc_keyset_free releases a set with its keys. */
void
pgc_keyset_free(PgcKeySet *set)
{
	MemoryContextDelete(set->context);
	pfree(set);
}
