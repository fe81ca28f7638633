/*
 * src/audit/part.c
 *		What an audit remembers of the pages of a heap, a part at a time.
 *
 * Encoded, a part is the number of pages, then counter by counter, the settled
 * flags last, runs of pages with the same value: value, length, both as base-128
 * numbers.  Most counters of most pages are zero.
 */
#include "postgres.h"

#include "audit/part.h"
#include "compat.h"
#include "lib/stringinfo.h"

/* pgc_part_make returns a part of zeros, in the current context. */
PgcPart *
pgc_part_make(int number, int nblocks, int ncounters)
{
	PgcPart    *part = palloc(sizeof(PgcPart));

	part->number = number;
	part->nblocks = nblocks;
	part->ncounters = ncounters;
	part->counts = palloc0(sizeof(uint16) * (ncounters + 1) * PGC_PART_BLOCKS);
	part->settled = part->counts + ncounters * PGC_PART_BLOCKS;
	part->totals = palloc0(sizeof(int64) * ncounters);
	return part;
}

/* pgc_part_set sets the counters of a page, once. */
void
pgc_part_set(PgcPart *part, int page, const uint16 *counters, bool settled)
{
	for (int i = 0; i < part->ncounters; i++)
	{
		part->counts[i * PGC_PART_BLOCKS + page] = counters[i];
		part->totals[i] += counters[i];
	}
	part->settled[page] = settled;
}

/* pgc_part_get reads the counters of a page. */
void
pgc_part_get(const PgcPart *part, int page, uint16 *counters)
{
	for (int i = 0; i < part->ncounters; i++)
		counters[i] = part->counts[i * PGC_PART_BLOCKS + page];
}

/* pgc_part_is_settled: are all pages? */
bool
pgc_part_is_settled(const PgcPart *part)
{
	for (int page = 0; page < part->nblocks; page++)
	{
		if (!part->settled[page])
			return false;
	}
	return true;
}

/* write_number appends a number, seven bits a byte. */
static void
write_number(StringInfo bytes, uint32 number)
{
	for (; number >= 0x80; number >>= 7)
		appendStringInfoCharMacro(bytes, (char) (number | 0x80));
	appendStringInfoCharMacro(bytes, (char) number);
}

/* write_runs appends the runs of equal values among the first n. */
static void
write_runs(StringInfo bytes, const uint16 *values, int n)
{
	for (int i = 0, start = 0; i < n; start = i)
	{
		while (i < n && values[i] == values[start])
			i++;
		write_number(bytes, values[start]);
		write_number(bytes, i - start);
	}
}

/* pgc_part_encode returns the part as bytes, in the current context. */
bytea *
pgc_part_encode(const PgcPart *part)
{
	StringInfoData bytes;

	initStringInfo(&bytes);
	appendStringInfoSpaces(&bytes, VARHDRSZ);
	write_number(&bytes, part->nblocks);
	for (int i = 0; i <= part->ncounters; i++)
		write_runs(&bytes, part->counts + i * PGC_PART_BLOCKS, part->nblocks);
	SET_VARSIZE(bytes.data, bytes.len);
	return (bytea *) bytes.data;
}

/* Where decoding stands. */
typedef struct Reader
{
	const uint8 *next;
	const uint8 *end;
} Reader;

/* read_number reads a number; one that is cut off or too large is an error. */
static uint32
read_number(Reader *reader, uint32 most)
{
	uint32		number = 0;

	for (int shift = 0; shift < 32 && reader->next < reader->end; shift += 7)
	{
		uint8		byte = *reader->next++;

		number |= (uint32) (byte & 0x7F) << shift;
		if ((byte & 0x80) == 0 && number <= most)
			return number;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("a row of contract.audit_part is damaged"),
			 errhint("Run contract.check with mode => 'full'.")));
}

/* read_runs reads n values. */
static void
read_runs(Reader *reader, uint16 *values, int n)
{
	for (int i = 0; i < n;)
	{
		uint32		value = read_number(reader, PG_UINT16_MAX);

		for (uint32 length = read_number(reader, n - i); length > 0; length--)
			values[i++] = value;
	}
}

/* pgc_part_decode is the inverse of pgc_part_encode. */
PgcPart *
pgc_part_decode(int number, int ncounters, const bytea *bytes)
{
	Reader		reader;
	PgcPart    *part;

	reader.next = (const uint8 *) VARDATA_ANY(bytes);
	reader.end = reader.next + VARSIZE_ANY_EXHDR(bytes);
	part = pgc_part_make(number, read_number(&reader, PGC_PART_BLOCKS), ncounters);
	for (int i = 0; i <= ncounters; i++)
		read_runs(&reader, part->counts + i * PGC_PART_BLOCKS, part->nblocks);
	for (int i = 0; i < ncounters; i++)
	{
		for (int page = 0; page < part->nblocks; page++)
			part->totals[i] += part->counts[i * PGC_PART_BLOCKS + page];
	}
	return part;
}
