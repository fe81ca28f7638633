/*
 * src/engine/length.c
 *		Kind length_between: the number of characters of a text.
 *
 * Bytes decide first: a text of n bytes has between n / maximal bytes per
 * character and n characters, so most texts need no counting.
 */
#include "postgres.h"

#include "engine/batch.h"
#include "engine/kind.h"
#include "mb/pg_wchar.h"

/* is_ascii: does every byte stand for a character? */
static inline bool
is_ascii(const char *string, int bytes)
{
	uint64		seen = 0;
	uint64		eight;
	int			i = 0;

	for (; i + (int) sizeof(eight) <= bytes; i += sizeof(eight))
	{
		memcpy(&eight, string + i, sizeof(eight));
		seen |= eight;
	}
	for (; i < bytes; i++)
		seen |= (unsigned char) string[i];
	return (seen & UINT64CONST(0x8080808080808080)) == 0;
}

/* length_passes counts characters only where the bytes leave it open. */
static pg_attribute_always_inline bool
length_passes(const PgcOp *op, Datum value)
{
	int			bytes;
	const char *text = pgc_text_of(op, value, &bytes);
	int64		low = op->constant.integer.low;
	int64		high = op->constant.integer.high;
	int			characters;

	if (bytes < low || bytes > high * MAX_MULTIBYTE_CHAR_LEN)
		return false;
	if (bytes <= high && bytes >= low * MAX_MULTIBYTE_CHAR_LEN)
		return true;
	characters = is_ascii(text, bytes) ? bytes : pg_mbstrlen_with_len(text, bytes);
	return characters >= low && characters <= high;
}

PGC_BATCH(length_fails, pgc_batch_by_row, length_passes);

/* say_length_in_sql writes the rule's text: the bounds that can be missed. */
static void
say_length_in_sql(PgcCompile *compile, int minimum, int maximum)
{
	const char *column = pgc_sql_text(compile);
	StringInfo	sql = &compile->sql;

	if (minimum > 0)
		appendStringInfo(sql, "pg_catalog.length(%s) OPERATOR(pg_catalog.>=) %d", column, minimum);
	if (maximum < PG_INT32_MAX)
		appendStringInfo(sql, "%spg_catalog.length(%s) OPERATOR(pg_catalog.<=) %d",
						 sql->len > 0 ? " AND " : "", column, maximum);
	if (sql->len == 0)
		appendStringInfoString(sql, "true");
}

static void
compile_length_between(PgcCompile *compile)
{
	int			minimum = 0;
	int			maximum = PG_INT32_MAX;
	bool		has_minimum;
	bool		has_maximum;

	pgc_require_text(compile);
	has_minimum = pgc_parameter_int(compile, "minimum", &minimum);
	has_maximum = pgc_parameter_int(compile, "maximum", &maximum);
	if (!has_minimum && !has_maximum)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule kind \"length_between\" needs a minimum or a maximum")));
	if (minimum < 0 || maximum < minimum)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no length lies between %d and %d", minimum, maximum),
				 errhint("The minimum must be at least 0 and at most the maximum.")));

	compile->op->passes = length_passes;
	compile->op->fails = length_fails;
	compile->op->constant.integer.low = minimum;
	compile->op->constant.integer.high = maximum;

	say_length_in_sql(compile, minimum, maximum);
	if (minimum == maximum)
		appendStringInfo(&compile->words, "must have %d characters", minimum);
	else if (!has_maximum)
		appendStringInfo(&compile->words, "must have at least %d characters", minimum);
	else if (!has_minimum)
		appendStringInfo(&compile->words, "must have at most %d characters", maximum);
	else
		appendStringInfo(&compile->words, "must have %d to %d characters", minimum, maximum);
	if (has_minimum)
		pgc_parameter_push(compile, "minimum", psprintf("%d", minimum), true);
	if (has_maximum)
		pgc_parameter_push(compile, "maximum", psprintf("%d", maximum), true);
}

const PgcKind pgc_kind_length_between = {
	.name = "length_between",
	.ncolumns = 1,
	.null_passes = true,
	.parameters = {"minimum", "maximum"},
	.compile = compile_length_between
};
