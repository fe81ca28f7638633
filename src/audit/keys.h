/*
 * src/audit/keys.h
 *		Keys of rows: values of some columns that are compared as one.
 */
#ifndef PGC_KEYS_H
#define PGC_KEYS_H

#include "audit/audit.h"
#include "fmgr.h"

/* One column of a key. */
typedef struct PgcKeyColumn
{
	enum
	{
		PGC_KEY_INTEGER,		/* equal if the integers are */
		PGC_KEY_BYTES,			/* equal if the bytes are */
		PGC_KEY_VALUE			/* equal if the type's function says so */
	}			form;
	int			column;			/* layout index */
	Oid			type;			/* domains looked through */
	Oid			collation;
	int16		length;			/* of the type */
	bool		by_value;
	bool		trim;			/* bpchar: trailing blanks do not count */
	int			width;			/* bytes that an integer takes in a code */
	FmgrInfo	hash;			/* of PGC_KEY_VALUE */
	FmgrInfo	equal;
} PgcKeyColumn;

/*
 * A key.  Its code is 64 bits: equal keys have equal codes, and if exact, then
 * equal codes are equal keys.
 */
typedef struct PgcKeys
{
	bool		exact;
	int			ncolumns;
	PgcKeyColumn *columns;
} PgcKeys;

/* The keys of the rows of a chunk that a filter lets pass and that have no null in them. */
typedef struct PgcKeyRows
{
	int			nselected;		/* rows that the filter lets pass, or -1: it
								 * failed */
	int			nrows;
	uint16		rows[PGC_CHUNK_ROWS];	/* indexes into the chunk */
	uint64		codes[PGC_CHUNK_ROWS];
} PgcKeyRows;

/* Where many small copies lie, without a header each. */
typedef struct PgcArena
{
	MemoryContext context;
	char	   *next;
	Size		left;			/* bytes */
} PgcArena;

/* keys.c */
extern bool pgc_key_is_integer(Oid type);
extern PgcKeys *pgc_keys_make(const PgcLayout *layout, const int *columns, int ncolumns);
extern bool pgc_keys_pair(PgcKeys *keys, PgcKeys *others);
extern void pgc_keys_read(const PgcKeys *keys, PgcProgram *program, int rule, const PgcChunk *chunk,
						  PgcKeyRows *read);
extern void pgc_keys_copy(const PgcKeys *keys, const PgcChunk *chunk, int row, PgcArena *arena, Datum *copy);
extern bool pgc_keys_equal(const PgcKeys *keys, const Datum *copy, const PgcChunk *chunk, int row);
extern Bitmapset *pgc_keys_columns(const PgcKeys *keys);
extern Size pgc_keys_memory(const PgcAudit *audit);

/*
 * pgc_key_mix spreads a code over 64 bits, one to one.  PostgreSQL's own hash of a
 * bigint folds it to 32 bits first.
 */
static inline uint64
pgc_key_mix(uint64 code)
{
	code ^= code >> 32;
	code *= UINT64CONST(0xd6e8feb86659fd93);
	code ^= code >> 32;
	code *= UINT64CONST(0xd6e8feb86659fd93);
	code ^= code >> 32;
	return code;
}

/* keyset.c: a set of keys that knows them exactly */
typedef struct PgcKey
{
	int64		count;			/* whatever the set's user counts */
	Datum		values[FLEXIBLE_ARRAY_MEMBER];	/* not there if the code says
												 * it all */
} PgcKey;

typedef struct PgcKeySet PgcKeySet;
extern PgcKeySet *pgc_keyset_make(Size memory);
extern bool pgc_keyset_add_code(PgcKeySet *set, uint64 code);
extern bool pgc_keyset_is_empty(const PgcKeySet *set);
extern bool pgc_keyset_has_code(const PgcKeySet *set, uint64 code);
extern PgcKey *pgc_keyset_add(PgcKeySet *set, const PgcKeys *keys, uint64 code,
							  const PgcChunk *chunk, int row);
extern PgcKey *pgc_keyset_find(const PgcKeySet *set, const PgcKeys *keys, uint64 code,
							   const PgcChunk *chunk, int row);
extern void pgc_keyset_prefetch(const PgcKeySet *set, const uint64 *codes, int ncodes);
extern void pgc_keyset_free(PgcKeySet *set);
extern void *pgc_arena_reserve(PgcArena *arena, Size size);

/* repeats.c: which of many hashes occur more than once? */
typedef struct PgcRepeats PgcRepeats;
typedef void (*PgcRepeatFunction) (uint64 hash, int64 count, void *arg);
extern PgcRepeats *pgc_repeats_make(Size memory);
extern void pgc_repeats_add(PgcRepeats *repeats, const uint64 *hashes, int nhashes);
extern void pgc_repeats_find(PgcRepeats *repeats, PgcRepeatFunction found, void *arg);
extern void pgc_repeats_free(PgcRepeats *repeats);

#endif							/* PGC_KEYS_H */
