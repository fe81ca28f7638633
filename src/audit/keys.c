/*
 * src/audit/keys.c
 *		Keys of the rows of a chunk, as 64-bit codes, column by column.
 *
 * Equality is PostgreSQL's: by value for integers and what is one inside, by
 * bytes for text of a deterministic collation, else by the functions of the
 * type's hash operator class.  Only built-in functions are called from here,
 * since this may run with the caller's rights: keys of other types are left to
 * SQL.
 */
#include "postgres.h"

#include "access/transam.h"
#include "audit/keys.h"
#include "catalog/pg_type.h"
#include "engine/kind.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* pgc_key_is_integer: are values of the type equal if their integers are? */
bool
pgc_key_is_integer(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case CHAROID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case CASHOID:
			return true;
		default:
			return get_typtype(type) == TYPTYPE_ENUM;
	}
}

/* is_bytes: are values of the type equal if their bytes are? */
static bool
is_bytes(Oid type, Oid collation)
{
	if (type == BYTEAOID || type == UUIDOID)
		return true;
	return (type == TEXTOID || type == VARCHAROID || type == BPCHAROID) &&
		OidIsValid(collation) && get_collation_isdeterministic(collation);
}

/* bind_functions looks up hash and equality; false: there are none that may be called here. */
static bool
bind_functions(PgcKeyColumn *column)
{
	TypeCacheEntry *entry = lookup_type_cache(column->type, TYPECACHE_HASH_EXTENDED_PROC_FINFO |
											  TYPECACHE_EQ_OPR_FINFO);

	if (column->type >= FirstNormalObjectId || !OidIsValid(entry->hash_extended_proc) ||
		!OidIsValid(entry->eq_opr) || entry->hash_extended_proc >= FirstNormalObjectId)
		return false;
	fmgr_info_copy(&column->hash, &entry->hash_extended_proc_finfo, CurrentMemoryContext);
	fmgr_info_copy(&column->equal, &entry->eq_opr_finfo, CurrentMemoryContext);
	return true;
}

/* bind_column decides how a column is compared; false: not here. */
static bool
bind_column(PgcKeyColumn *column, const PgcLayout *layout, int index)
{
	column->column = index;
	column->type = getBaseType(layout->columns[index].type);
	column->collation = layout->columns[index].collation;
	column->trim = column->type == BPCHAROID;
	get_typlenbyval(column->type, &column->length, &column->by_value);
	column->width = column->length;
	column->form = pgc_key_is_integer(column->type) ? PGC_KEY_INTEGER :
		is_bytes(column->type, column->collation) ? PGC_KEY_BYTES : PGC_KEY_VALUE;
	return column->form != PGC_KEY_VALUE || bind_functions(column);
}

/* set_exact: integers that fit a code together are the code. */
static void
set_exact(PgcKeys *keys)
{
	int			width = 0;

	keys->exact = true;
	for (int i = 0; i < keys->ncolumns; i++)
	{
		keys->exact &= keys->columns[i].form == PGC_KEY_INTEGER;
		width += keys->columns[i].width;
	}
	keys->exact &= width <= sizeof(uint64);
}

/* pgc_keys_make returns a key over columns of a layout, in the current context, or NULL: only SQL can compare it. */
PgcKeys *
pgc_keys_make(const PgcLayout *layout, const int *columns, int ncolumns)
{
	PgcKeys    *keys = palloc(sizeof(PgcKeys));

	keys->ncolumns = ncolumns;
	keys->columns = palloc0(ncolumns * sizeof(PgcKeyColumn));
	for (int i = 0; i < ncolumns; i++)
	{
		if (!bind_column(&keys->columns[i], layout, columns[i]))
			return NULL;
	}
	set_exact(keys);
	return keys;
}

/* is_whole_number: int2, int4 and int8 are equal across types. */
static bool
is_whole_number(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* are_alike: do equal values of two columns have equal codes? */
static bool
are_alike(const PgcKeyColumn *left, const PgcKeyColumn *right)
{
	if (left->form != right->form)
		return false;
	if (left->type == right->type)
		return left->form != PGC_KEY_VALUE || left->collation == right->collation;
	if (left->form == PGC_KEY_INTEGER)
		return is_whole_number(left->type) && is_whole_number(right->type);
	return left->form == PGC_KEY_BYTES &&
		(left->type == TEXTOID || left->type == VARCHAROID) &&
		(right->type == TEXTOID || right->type == VARCHAROID);
}

/*
 * pgc_keys_pair makes equal keys of two relations have equal codes; false: they
 * cannot have.
 */
bool
pgc_keys_pair(PgcKeys *keys, PgcKeys *others)
{
	for (int i = 0; i < keys->ncolumns; i++)
	{
		if (!are_alike(&keys->columns[i], &others->columns[i]))
			return false;
		keys->columns[i].width = others->columns[i].width =
			Max(keys->columns[i].width, others->columns[i].width);
	}
	set_exact(keys);
	set_exact(others);
	return true;
}

/* integer_of returns the value of an integer column, however wide. */
static inline int64
integer_of(const PgcKeyColumn *column, Datum value)
{
	switch (column->length)
	{
		case 1:
			return DatumGetChar(value);
		case 2:
			return DatumGetInt16(value);
		case 4:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

/* bytes_of returns the bytes of a value that are compared; may allocate. */
static inline const char *
bytes_of(const PgcKeyColumn *column, Datum value, int *length)
{
	const PgcOp op = {.trim = column->trim};

	if (column->length == -1)
		return pgc_text_of(&op, value, length);
	*length = column->length;
	return DatumGetPointer(value);
}

/* hash_bytes adds bytes to a code, eight at a time. */
static inline uint64
hash_bytes(uint64 code, const char *bytes, int length)
{
	uint64		word;

	code ^= (uint64) length * UINT64CONST(0x9e3779b97f4a7c15);
	for (; length >= sizeof(word); length -= sizeof(word), bytes += sizeof(word))
	{
		memcpy(&word, bytes, sizeof(word));
		code = (code ^ word) * UINT64CONST(0xd6e8feb86659fd93);
		code ^= code >> 32;
	}
	word = 0;
	memcpy(&word, bytes, length);
	return pgc_key_mix(code ^ word);
}

/* add_integers adds a column of integers to the codes. */
static void
add_integers(const PgcKeys *keys, const PgcKeyColumn *column, const Datum *values, PgcKeyRows *read)
{
	int			bits = column->width * BITS_PER_BYTE;

	for (int i = 0; i < read->nrows; i++)
	{
		uint64		integer = integer_of(column, values[read->rows[i]]);

		if (keys->ncolumns == 1)
			read->codes[i] = integer;
		else if (keys->exact)
			read->codes[i] = (read->codes[i] << bits) | (integer & ((UINT64CONST(1) << bits) - 1));
		else
			read->codes[i] = pgc_key_mix(read->codes[i] + integer);
	}
}

/* add_column adds a column to the codes. */
static void
add_column(const PgcKeys *keys, const PgcKeyColumn *column, const Datum *values, PgcKeyRows *read)
{
	int			length;
	const char *bytes;

	if (column->form == PGC_KEY_INTEGER)
	{
		add_integers(keys, column, values, read);
		return;
	}
	for (int i = 0; i < read->nrows; i++)
	{
		Datum		value = values[read->rows[i]];

		if (column->form == PGC_KEY_BYTES)
		{
			bytes = bytes_of(column, value, &length);
			read->codes[i] = hash_bytes(read->codes[i], bytes, length);
		}
		else
			read->codes[i] = pgc_key_mix(read->codes[i] +
										 DatumGetUInt64(FunctionCall2Coll(unconstify(FmgrInfo *, &column->hash),
																		  column->collation, value,
																		  UInt64GetDatum(0))));
	}
}

/* drop_nulls keeps the rows whose value is not null. */
static void
drop_nulls(PgcKeyRows *read, const bool *nulls)
{
	int			kept = 0;

	for (int i = 0; i < read->nrows; i++)
	{
		if (!nulls[read->rows[i]])
			read->rows[kept++] = read->rows[i];
	}
	read->nrows = kept;
}

/* select_all selects every row of a chunk. */
static int
select_all(const PgcChunk *chunk, uint16 *rows)
{
	for (int i = 0; i < chunk->nrows; i++)
		rows[i] = i;
	return chunk->nrows;
}

/*
 * pgc_keys_read reads the keys of a chunk's rows: those that the rule's filter
 * lets pass, all if program is NULL.  May allocate in the current context.
 */
void
pgc_keys_read(const PgcKeys *keys, PgcProgram *program, int rule, const PgcChunk *chunk,
			  PgcKeyRows *read)
{
	read->nselected = program ? pgc_program_select(program, rule, chunk, read->rows) :
		select_all(chunk, read->rows);
	read->nrows = Max(read->nselected, 0);
	for (int i = 0; i < keys->ncolumns && chunk->has_nulls; i++)
		drop_nulls(read, chunk->columns[keys->columns[i].column].nulls);
	memset(read->codes, 0, read->nrows * sizeof(uint64));
	for (int i = 0; i < keys->ncolumns; i++)
		add_column(keys, &keys->columns[i], chunk->columns[keys->columns[i].column].values, read);
}

/* copy_value returns a copy of a value that is no integer, in the arena. */
static Datum
copy_value(const PgcKeyColumn *column, Datum value, PgcArena *arena)
{
	Size		size;
	void	   *copy;

	if (column->by_value)
		return value;
	if (column->length == -1)
		value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
	size = datumGetSize(value, false, column->length);
	copy = pgc_arena_reserve(arena, size);
	memcpy(copy, DatumGetPointer(value), size);
	return PointerGetDatum(copy);
}

/* pgc_keys_copy copies a row's key into the arena; may allocate in the current context too. */
void
pgc_keys_copy(const PgcKeys *keys, const PgcChunk *chunk, int row, PgcArena *arena, Datum *copy)
{
	for (int i = 0; i < keys->ncolumns; i++)
	{
		const PgcKeyColumn *column = &keys->columns[i];
		Datum		value = chunk->columns[column->column].values[row];

		copy[i] = column->form == PGC_KEY_INTEGER ? Int64GetDatum(integer_of(column, value)) :
			copy_value(column, value, arena);
	}
}

/* is_equal: does a value equal a copied one? */
static bool
is_equal(const PgcKeyColumn *column, Datum copy, Datum value)
{
	const char *left;
	const char *right;
	int			left_length;
	int			right_length;

	if (column->form == PGC_KEY_INTEGER)
		return DatumGetInt64(copy) == integer_of(column, value);
	if (column->form == PGC_KEY_VALUE)
		return DatumGetBool(FunctionCall2Coll(unconstify(FmgrInfo *, &column->equal),
											  column->collation, copy, value));
	left = bytes_of(column, copy, &left_length);
	right = bytes_of(column, value, &right_length);
	return left_length == right_length && memcmp(left, right, left_length) == 0;
}

/* pgc_keys_equal: does a row have the key that was copied? */
bool
pgc_keys_equal(const PgcKeys *keys, const Datum *copy, const PgcChunk *chunk, int row)
{
	for (int i = 0; i < keys->ncolumns; i++)
	{
		const PgcKeyColumn *column = &keys->columns[i];

		if (!is_equal(column, copy[i], chunk->columns[column->column].values[row]))
			return false;
	}
	return true;
}

/* pgc_keys_columns returns the columns of a key, as layout indexes. */
Bitmapset *
pgc_keys_columns(const PgcKeys *keys)
{
	Bitmapset  *columns = NULL;

	for (int i = 0; i < keys->ncolumns; i++)
		columns = bms_add_member(columns, keys->columns[i].column);
	return columns;
}

/*
 * pgc_keys_memory returns the bytes that one rule about keys may take: those of
 * an audit share maintenance_work_mem.
 */
Size
pgc_keys_memory(const PgcAudit *audit)
{
	int			nrules = 0;

	for (int i = 0; i < audit->program->nrules; i++)
	{
		const PgcKind *kind = audit->program->rules[i].kind;

		nrules += !audit->tallies[i].done && (kind == &pgc_kind_unique || kind == &pgc_kind_references);
	}
	return (Size) maintenance_work_mem * 1024 / Max(nrules, 1);
}
