/*
 * src/document/diff/diff_type.c
 *		Which of two types takes in more values.
 *
 * Types are PostgreSQL's built-in ones by all their names.  Others are only ever
 * the same or not: what a domain or an extension's type is depends on the
 * database, and this must not.
 */
#include "postgres.h"

#include <ctype.h>

#include "document/diff/diff.h"
#include "lib/stringinfo.h"

/* What wider means. */
typedef enum Family
{
	OTHER,						/* nothing is wider */
	INTEGER,					/* size in decimal digits that always fit */
	NUMERIC,
	FLOAT,						/* size in bytes */
	STRING,						/* size in characters */
	SIZED						/* of one name: size in characters, bits or
								 * digits of seconds */
} Family;

#define UNLIMITED 100000000
#define MAX_MODIFIERS 2

/* A type as it was written. */
typedef struct Type
{
	const char *name;			/* the one of its names that all are turned
								 * into */
	Family		family;
	int			size;			/* numeric: digits before the point */
	int			scale;			/* numeric: digits after it */
	bool		is_array;		/* of however many dimensions */
} Type;

typedef struct KnownType
{
	const char *written;
	const char *name;
	Family		family;
	int			size;			/* if no modifier says otherwise */
} KnownType;

static const KnownType known_types[] = {
	{"smallint", "int2", INTEGER, 4}, {"int2", "int2", INTEGER, 4},
	{"smallserial", "int2", INTEGER, 4}, {"serial2", "int2", INTEGER, 4},
	{"integer", "int4", INTEGER, 9}, {"int", "int4", INTEGER, 9}, {"int4", "int4", INTEGER, 9},
	{"serial", "int4", INTEGER, 9}, {"serial4", "int4", INTEGER, 9},
	{"bigint", "int8", INTEGER, 18}, {"int8", "int8", INTEGER, 18},
	{"bigserial", "int8", INTEGER, 18}, {"serial8", "int8", INTEGER, 18},
	{"numeric", "numeric", NUMERIC, UNLIMITED}, {"decimal", "numeric", NUMERIC, UNLIMITED},
	{"dec", "numeric", NUMERIC, UNLIMITED},
	{"real", "float4", FLOAT, 4}, {"float4", "float4", FLOAT, 4},
	{"double precision", "float8", FLOAT, 8}, {"float8", "float8", FLOAT, 8},
	{"float", "float8", FLOAT, 8},
	{"text", "text", STRING, UNLIMITED + 1},
	{"varchar", "varchar", STRING, UNLIMITED}, {"character varying", "varchar", STRING, UNLIMITED},
	{"char varying", "varchar", STRING, UNLIMITED},
	{"bpchar", "bpchar", SIZED, UNLIMITED}, {"char", "bpchar", SIZED, 1},
	{"character", "bpchar", SIZED, 1},
	{"varbit", "varbit", SIZED, UNLIMITED}, {"bit varying", "varbit", SIZED, UNLIMITED},
	{"timestamp", "timestamp", SIZED, 6}, {"timestamp without time zone", "timestamp", SIZED, 6},
	{"timestamptz", "timestamptz", SIZED, 6},
	{"timestamp with time zone", "timestamptz", SIZED, 6},
	{"time", "time", SIZED, 6}, {"time without time zone", "time", SIZED, 6},
	{"timetz", "timetz", SIZED, 6}, {"time with time zone", "timetz", SIZED, 6},
	{"bit", "bit", OTHER, 0}, {"boolean", "bool", OTHER, 0}, {"bool", "bool", OTHER, 0}
};

/* Bytes that a float of so many bits takes, as in SQL's float(24). */
#define FLOAT4_BITS 24

/* take_modifiers reads "(10, 2)" or "[50]"; returns what follows, NULL: this is no modifier. */
static const char *
take_modifiers(const char *at, int *modifiers, int *count)
{
	char		close = *at++ == '(' ? ')' : ']';

	for (*count = 0; *count < MAX_MODIFIERS;)
	{
		char	   *end;
		long		value = strtol(at, &end, 10);

		if (end == at || value < -UNLIMITED || value > UNLIMITED)
			return NULL;
		modifiers[(*count)++] = (int) value;
		while (isspace((unsigned char) *end))
			end++;
		at = end + 1;
		if (*end != ',')
			return *end == close ? at : NULL;
	}
	return NULL;
}

/* is_length_type: names after which tools write a length in brackets. */
static bool
is_length_type(const char *name)
{
	return strcmp(name, "char") == 0 || strcmp(name, "varchar") == 0 || strcmp(name, "bpchar") == 0;
}

/*
 * split_type puts a written type into lower case without modifiers, dimensions and
 * surplus blanks (palloc'd).
 */
static char *
split_type(const char *written, Type *type, int *modifiers, int *nmodifiers)
{
	StringInfoData name;

	initStringInfo(&name);
	for (const char *at = written; *at != '\0';)
	{
		const char *rest = NULL;

		if (*at == '(' || (*at == '[' && is_length_type(name.data)))
			rest = take_modifiers(at, modifiers, nmodifiers);
		else if (*at == '[' && at[1 + strspn(at + 1, "0123456789")] == ']')
		{
			rest = strchr(at, ']') + 1;
			type->is_array = true;
		}
		if (rest != NULL)
		{
			at = rest;
			continue;
		}
		if (!isspace((unsigned char) *at))
			appendStringInfoChar(&name, (char) pg_tolower((unsigned char) *at));
		else if (name.len > 0 && name.data[name.len - 1] != ' ')
			appendStringInfoChar(&name, ' ');
		at++;
	}
	while (name.len > 0 && name.data[name.len - 1] == ' ')
		name.data[--name.len] = '\0';
	return name.data;
}

/* apply_modifiers gives a known type its size. */
static void
apply_modifiers(Type *type, const int *modifiers, int count)
{
	type->scale = type->family == NUMERIC && count == 0 ? UNLIMITED : 0;
	if (count == 0)
		return;
	switch (type->family)
	{
		case NUMERIC:
			type->scale = count > 1 ? modifiers[1] : 0;
			type->size = modifiers[0] - type->scale;
			break;
		case FLOAT:
			type->size = modifiers[0] <= FLOAT4_BITS ? 4 : 8;
			type->name = type->size == 4 ? "float4" : "float8";
			break;
		default:
			type->size = modifiers[0];
			type->scale = count > 1 ? modifiers[1] : 0;
	}
}

static Type
parse_type(const char *written)
{
	Type		type = {.family = OTHER};
	int			modifiers[MAX_MODIFIERS];
	int			count = 0;
	char	   *name = split_type(written, &type, modifiers, &count);

	type.name = name;
	for (int i = 0; i < lengthof(known_types); i++)
	{
		if (strcmp(known_types[i].written, name) != 0)
			continue;
		type.name = known_types[i].name;
		type.family = known_types[i].family;
		type.size = known_types[i].size;
	}
	apply_modifiers(&type, modifiers, count);
	return type;
}

/* compare_sizes returns what becomes of a size. */
static int
compare_sizes(int old, int new)
{
	return new == old ? PGC_SAME : new > old ? PGC_LOOSER : PGC_TIGHTER;
}

/* ranks_across_names: int2 < int4, varchar < text */
static bool
ranks_across_names(Family family)
{
	return family == INTEGER || family == FLOAT || family == STRING;
}

/*
 * pgc_diff_physical_types returns what becomes of a type: the same, tighter
 * (narrower), looser (wider), or unclear: another one.
 */
int
pgc_diff_physical_types(const char *old, const char *new)
{
	Type		before = parse_type(old);
	Type		after = parse_type(new);
	int			relation;

	if (before.is_array != after.is_array)
		return PGC_UNCLEAR;
	if (before.family == INTEGER && after.family == NUMERIC)
		return after.scale >= 0 && after.size > before.size ? PGC_LOOSER : PGC_UNCLEAR;
	if (before.family == NUMERIC && after.family == INTEGER)
	{
		if (before.size > after.size)
			return PGC_TIGHTER;
		return before.scale <= 0 ? PGC_LOOSER : PGC_UNCLEAR;
	}
	if (before.family != after.family ||
		(!ranks_across_names(before.family) && strcmp(before.name, after.name) != 0))
		return PGC_UNCLEAR;
	relation = compare_sizes(before.size, after.size) | compare_sizes(before.scale, after.scale);
	if (relation != PGC_SAME && before.family == OTHER)
		return PGC_UNCLEAR;
	return relation == (PGC_TIGHTER | PGC_LOOSER) ? PGC_UNCLEAR : relation;
}

/* pgc_diff_logical_types does so for the standard's own types. */
int
pgc_diff_logical_types(const char *old, const char *new)
{
	if (pg_strcasecmp(old, new) == 0)
		return PGC_SAME;
	if (strcmp(old, "integer") == 0 && strcmp(new, "number") == 0)
		return PGC_LOOSER;
	if (strcmp(old, "number") == 0 && strcmp(new, "integer") == 0)
		return PGC_TIGHTER;
	return PGC_UNCLEAR;
}
