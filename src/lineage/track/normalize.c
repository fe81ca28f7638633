/*
 * src/lineage/track/normalize.c
 *		Text of a statement without its constants.
 *
 * Constants may be personal data: none is ever kept.  The text is cut into tokens by PostgreSQL's own
 * scanner, so that nothing is overlooked that is a constant to the server, be it a file's name.  What it is called depends on
 * its first characters, since the numbers of tokens are known to PostgreSQL alone.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "lineage/lineage.h"
#include "mb/pg_wchar.h"
#include "parser/scanner.h"

/* Longer texts are cut off. */
#define MAX_LENGTH 10000

/* What is made of a text. */
typedef struct Normal
{
	StringInfoData text;
	int			highest;		/* number of a parameter, seen or given */
	int			end;			/* of the last token, in the source */
} Normal;

/* is_constant: does the token begin like a number or a string of any kind? */
static bool
is_constant(const char *token)
{
	switch (token[0])
	{
		case '\'':
			return true;
		case '$':
			return !isdigit((unsigned char) token[1]);	/* quoted by dollars */
		case '.':
			return isdigit((unsigned char) token[1]);
		case 'b':
		case 'B':
		case 'e':
		case 'E':
		case 'x':
		case 'X':
			return token[1] == '\'';
		case 'u':
		case 'U':
			return token[1] == '&' && token[2] == '\'';
		default:
			return isdigit((unsigned char) token[0]);
	}
}

/* highest_parameter returns the greatest n of what may be a parameter $n in a text. */
static int
highest_parameter(const char *statement)
{
	int			highest = 0;

	for (const char *at = strchr(statement, '$'); at != NULL; at = strchr(at + 1, '$'))
	{
		long		number = strtol(at + 1, NULL, 10);

		if (number > highest && number <= PG_UINT16_MAX)
			highest = (int) number;
	}
	return highest;
}

/* add_token appends a token of the source, where it begins there. */
static void
add_token(Normal *normal, const char *token, int location)
{
	if (normal->text.len > 0 && location > normal->end)
		appendStringInfoChar(&normal->text, ' ');
	if (is_constant(token))
		appendStringInfo(&normal->text, "$%d", ++normal->highest);
	else
		appendStringInfoString(&normal->text, token);
	normal->end = location + (int) strlen(token);
}

/*
 * is_ambiguous: is it a string whose end depends on standard_conforming_strings?  That may have been another when
 * the statement was prepared.
 */
static bool
is_ambiguous(const char *token, int length)
{
	for (int i = 1; token[0] == '\'' && i + 1 < length; i++)
	{
		if (token[i] == '\\' && token[i + 1] == '\'')
			return true;
	}
	return false;
}

/* piece copies the part of a text where the statement stands; NULL: that is not known. */
static char *
piece(const char *statement, int location, int length)
{
	int			all = (int) strlen(statement);

	if (location < 0)
		location = length = 0;
	if (location > all || length > all - location)
		return NULL;
	return pnstrdup(statement + location, length > 0 ? length : all - location);
}

/*
 * pgc_normalize returns a statement (palloc'd), of length bytes (0: the rest) from location (-1: the
 * beginning) on, with $1, $2, ... for constants, without comments, and one space where there
 * was any; NULL if there is none, or if it is not certain what is a constant.
 */
char *
pgc_normalize(const char *statement, int location, int length)
{
	char	   *source = piece(statement, location, length);
	core_yyscan_t scanner;
	core_yy_extra_type extra;
	core_YYSTYPE value;
	YYLTYPE		at = 0;
	int			before = 0;
	bool		ambiguous = false;
	Normal		normal = {.highest = 0};

	if (source == NULL)
		return NULL;
	initStringInfo(&normal.text);
	normal.highest = highest_parameter(source);
	scanner = scanner_init(source, &extra, &ScanKeywords, ScanKeywordTokens);
	extra.escape_string_warning = false;	/* the server has warned already */
	while (normal.text.len < MAX_LENGTH && core_yylex(&value, &at, scanner) != 0)
	{
		ambiguous |= is_ambiguous(source + before, at - before);
		before = at;
		add_token(&normal, extra.scanbuf + at, at); /* the scanner ends it
													 * with a zero byte */
	}
	scanner_finish(scanner);
	pfree(source);
	if (ambiguous)
		return NULL;
	if (normal.text.len > MAX_LENGTH)
	{
		normal.text.len = pg_mbcliplen(normal.text.data, normal.text.len, MAX_LENGTH);
		strcpy(normal.text.data + normal.text.len, " ...");
	}
	else if (normal.text.len > 0 && normal.text.data[normal.text.len - 1] == ';')
		normal.text.data[--normal.text.len] = '\0';
	return normal.text.len > 0 ? normal.text.data : NULL;
}
