/*
 * src/document/dbt/dbt_text.c
 *		Texts of dbt's property files: Jinja, ref() and source(), thresholds, types.
 *
 * Jinja is not run.  ref() and source() with literal names are understood, with
 * and without braces.
 */
#include "postgres.h"

#include <ctype.h>

#include "document/dbt/dbt.h"
#include "nodes/pg_list.h"

/* pgc_dbt_has_jinja says whether a text, or NULL, is a template. */
bool
pgc_dbt_has_jinja(const char *words)
{
	return words != NULL &&
		(strstr(words, "{{") != NULL || strstr(words, "{%") != NULL || strstr(words, "{#") != NULL);
}

static const char *
skip_blanks(const char *at)
{
	while (isspace((unsigned char) *at))
		at++;
	return at;
}

/* take goes behind a word and the blanks after it; NULL: something else is there. */
static const char *
take(const char *at, const char *word)
{
	int			length = strlen(word);

	return at != NULL && strncmp(at, word, length) == 0 ? skip_blanks(at + length) : NULL;
}

/* take_literal reads a name in quotes; returns what follows, or NULL. */
static const char *
take_literal(const char *at, char **name)
{
	char		quote = *at;
	const char *end;

	if (quote != '\'' && quote != '"')
		return NULL;
	end = strchr(at + 1, quote);
	if (end == NULL || end == at + 1)
		return NULL;
	*name = pnstrdup(at + 1, end - at - 1);
	return skip_blanks(end + 1);
}

/* take_call reads "function('a')" or "function('a', 'b')"; returns what follows, or NULL. */
static const char *
take_call(const char *at, const char *function, char **first, char **second)
{
	const char *next;

	*first = *second = NULL;
	at = take(take(at, function), "(");
	if (at == NULL || (at = take_literal(at, first)) == NULL)
		return NULL;
	next = take(at, ",");
	if (next != NULL && (at = take_literal(next, second)) == NULL)
		return NULL;
	return take(at, ")");
}

/*
 * pgc_dbt_parse_target reads ref('x'), ref('package', 'x') or source('a', 'x'), perhaps
 * in braces.  False: it is something else.
 */
bool
pgc_dbt_parse_target(const char *words, char **source, char **name)
{
	const char *at = skip_blanks(words);
	const char *braces = take(at, "{{");
	const char *end;
	char	   *second;

	if (braces != NULL)
		at = braces;
	*source = NULL;
	end = take_call(at, "ref", name, &second);
	if (end != NULL)
	{
		if (second != NULL)
			*name = second;
	}
	else
	{
		end = take_call(at, "source", source, name);
		if (*name == NULL)
			return false;
	}
	if (end != NULL && braces != NULL)
		end = take(end, "}}");
	return end != NULL && *end == '\0';
}

/* take_identifier reads a name as SQL has it, folded unless quoted; returns what follows, or NULL. */
static const char *
take_identifier(const char *at, char **name)
{
	const char *from = at;

	if (*at == '"')
		return take_literal(at, name);
	while (isalnum((unsigned char) *at) || *at == '_' || *at == '$' || IS_HIGHBIT_SET(*at))
		at++;
	if (at == from)
		return NULL;
	*name = pnstrdup(from, at - from);
	for (char *c = *name; *c != '\0'; c++)
		*c = (char) pg_tolower((unsigned char) *c);
	return skip_blanks(at);
}

/*
 * pgc_dbt_parse_reference reads the expression of a foreign key: "table (a, b)",
 * perhaps "schema.table (a)", of which the schema does not count.
 */
bool
pgc_dbt_parse_reference(const char *words, char **table, List **columns)
{
	const char *at = take_identifier(skip_blanks(words), table);
	char	   *column;

	*columns = NIL;
	while (at != NULL && *at == '.')
		at = take_identifier(at + 1, table);
	at = take(at, "(");
	while (at != NULL && (at = take_identifier(at, &column)) != NULL)
	{
		*columns = lappend(*columns, column);
		if (*at == ')')
			return *skip_blanks(at + 1) == '\0';
		at = take(at, ",");
	}
	return false;
}

/* pgc_dbt_number makes a node of a number. */
PgcNode *
pgc_dbt_number(const char *number)
{
	return pgc_node_make_scalar(strpbrk(number, ".eE") ? PGC_NODE_NUMBER : PGC_NODE_INTEGER, number);
}

/* take_number reads a number as YAML and SQL write it; returns what follows, or NULL. */
static const char *
take_number(const char *at, PgcNode **number)
{
	const char *from = at;
	char	   *digits;

	at += *at == '-';
	at += strspn(at, "0123456789");
	if (*at == '.')
		at += 1 + strspn(at + 1, "0123456789");
	if (at == from || strpbrk(pnstrdup(from, at - from), "0123456789") == NULL)
		return NULL;
	digits = pnstrdup(from, at - from);
	*number = pgc_dbt_number(digits);
	return skip_blanks(at);
}

/*
 * pgc_dbt_parse_threshold reads when a test fails, "> 10" or "between 1 and 5", and
 * turns it into what must be.  False: it is something else.
 */
bool
pgc_dbt_parse_threshold(const char *words, PgcDbtThreshold *threshold)
{
	static const struct
	{
		const char *fails;
		const char *must;
	}			operators[] = {
		{"!=", "mustBe"}, {"<>", "mustBe"},
		{">=", "mustBeLessThan"}, {"<=", "mustBeGreaterThan"},
		{">", "mustBeLessOrEqualTo"}, {"<", "mustBeGreaterOrEqualTo"},
		{"==", "mustNotBe"}, {"=", "mustNotBe"}
	};
	const char *at = skip_blanks(words);
	PgcNode    *high;

	for (int i = 0; i < lengthof(operators); i++)
	{
		const char *number = take(at, operators[i].fails);

		if (number == NULL)
			continue;
		threshold->operator = operators[i].must;
		number = take_number(number, &threshold->value);
		return number != NULL && *number == '\0';
	}
	if (pg_strncasecmp(at, "between ", 8) != 0)
		return false;
	threshold->operator = "mustNotBeBetween";
	threshold->value = pgc_node_make_list();
	at = take_number(skip_blanks(at + 8), &high);
	if (at == NULL || pg_strncasecmp(at, "and ", 4) != 0)
		return false;
	pgc_node_append(threshold->value, high);
	at = take_number(skip_blanks(at + 4), &high);
	if (at == NULL || *at != '\0')
		return false;
	pgc_node_append(threshold->value, high);
	return true;
}

/* Types of PostgreSQL, and of other warehouses that dbt is used with, without modifiers. */
static const struct
{
	const char *data_type;
	const char *logical_type;
}			logical_types[] = {
	{"text", "string"}, {"varchar", "string"}, {"character varying", "string"}, {"char", "string"},
	{"character", "string"}, {"bpchar", "string"}, {"uuid", "string"}, {"citext", "string"},
	{"name", "string"}, {"string", "string"}, {"nvarchar", "string"},
	{"smallint", "integer"}, {"integer", "integer"}, {"int", "integer"}, {"bigint", "integer"},
	{"int2", "integer"}, {"int4", "integer"}, {"int8", "integer"}, {"int64", "integer"},
	{"serial", "integer"}, {"bigserial", "integer"},
	{"numeric", "number"}, {"decimal", "number"}, {"number", "number"}, {"real", "number"},
	{"float", "number"}, {"float4", "number"}, {"float8", "number"}, {"float64", "number"},
	{"double precision", "number"}, {"double", "number"},
	{"boolean", "boolean"}, {"bool", "boolean"}, {"date", "date"},
	{"timestamp", "timestamp"}, {"timestamptz", "timestamp"}, {"datetime", "timestamp"},
	{"timestamp with time zone", "timestamp"}, {"timestamp without time zone", "timestamp"},
	{"timestamp_ntz", "timestamp"}, {"timestamp_tz", "timestamp"},
	{"time", "time"}, {"timetz", "time"}, {"time with time zone", "time"},
	{"time without time zone", "time"}, {"json", "object"}, {"jsonb", "object"}
};

/* pgc_dbt_logical_type returns the standard's type that a type is, or NULL: that is not known. */
const char *
pgc_dbt_logical_type(const char *data_type)
{
	int			length = strcspn(data_type, "([");
	const char *rest = strpbrk(data_type, ")");
	char	   *name;

	if (strchr(data_type, '[') != NULL)
		return "array";
	while (length > 0 && isspace((unsigned char) data_type[length - 1]))
		length--;
	/* timestamp(3) with time zone */
	name = psprintf("%.*s%s", length, data_type, rest ? rest + 1 : "");
	for (int i = 0; i < lengthof(logical_types); i++)
	{
		if (pg_strcasecmp(name, logical_types[i].data_type) == 0)
			return logical_types[i].logical_type;
	}
	return NULL;
}
