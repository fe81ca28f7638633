/*
 * src/document/plan/pattern.c
 *		Translates a regular expression from ECMA-262, which documents use, to
 *		PostgreSQL's.
 *
 * The pattern is walked once.  What both read alike is copied; what they read
 * differently is written as PostgreSQL wants it; what PostgreSQL has no
 * equivalent for, or what is an error in ECMA-262 but not in PostgreSQL
 * (embedded options, \A, \y), is a problem with a hint.  The result means what
 * the pattern means in JavaScript without flags, except that \b, as \y, and \B
 * know the letters of the database's locale.
 *
 * Whether the result compiles is for PostgreSQL to say.
 */
#include "postgres.h"

#include <ctype.h>

#include "document/document.h"
#include "document/plan/pattern.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

/* What \s is; the second part only where there are such characters. */
#define SPACES "\\t\\n\\v\\f\\r "
#define MORE_SPACES "\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff"

/* The most bytes that one member of a class becomes. */
#define WRITTEN_MAX 256

/* The most repetitions that PostgreSQL counts. */
#define MOST_REPEATS 255

/* A group that can be referred back to. */
typedef struct Capture
{
	bool		closed;
	bool		optional;		/* it may have matched nothing */
} Capture;

/* A parenthesis that is open. */
typedef struct Open
{
	int			first;			/* number of groups before it */
	int			group;			/* its own number from 1, or 0 */
	bool		lookaround;
} Open;

typedef struct Walk
{
	const char *at;				/* what is next */
	StringInfoData out;
	PgcPatternProblem *problem; /* message set: it is over */
	bool		can_repeat;		/* a quantifier may follow */
	int			atom_first;		/* groups before the last atom */
	Capture    *groups;			/* those so far, from index 0 */
	int			ngroups;
	Open	   *open;
	int			nopen;
	int			nlookarounds;	/* open ones */
	bool		refers_back;
	bool		has_branches;
	bool		captures_in_lookaround;
} Walk;

/* One member of a class in brackets. */
typedef struct Member
{
	bool		is_set;			/* \d and the like: no end of a range */
	char		written[WRITTEN_MAX];	/* as PostgreSQL wants it */
} Member;

/* fail says why the pattern cannot be translated; the first reason stays. */
static void
pg_attribute_printf(3, 4)
fail(Walk *walk, const char *hint, const char *format,...)
{
	va_list		arguments;

	if (walk->problem->message != NULL)
		return;
	va_start(arguments, format);
	walk->problem->message = pgc_message(format, arguments);
	va_end(arguments);
	walk->problem->hint = hint;
}

static bool
is_utf8(void)
{
	return GetDatabaseEncoding() == PG_UTF8;
}

/* hexadecimal reads exactly so many digits, or returns -1 and reads nothing. */
static int
hexadecimal(Walk *walk, int digits)
{
	int			code = 0;

	for (int i = 0; i < digits; i++)
	{
		char		c = walk->at[i];

		if (!isxdigit((unsigned char) c))
			return -1;
		code = code * 16 + (isdigit((unsigned char) c) ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	walk->at += digits;
	return code;
}

/* low_surrogate reads the second half of a pair of \u escapes, or returns -1. */
static int
low_surrogate(Walk *walk)
{
	const char *start = walk->at;
	int			code = -1;

	if (walk->at[0] == '\\' && walk->at[1] == 'u')
	{
		walk->at += 2;
		code = hexadecimal(walk, 4);
	}
	if (code >= 0xDC00 && code <= 0xDFFF)
		return code;
	walk->at = start;
	return -1;
}

/* braced reads {H...} after \u, or returns -1. */
static int
braced(Walk *walk)
{
	int			code = 0;

	for (walk->at++; isxdigit((unsigned char) *walk->at) && code <= 0x10FFFF;)
	{
		int			digit = hexadecimal(walk, 1);

		code = code * 16 + digit;
	}
	if (*walk->at != '}' || code > 0x10FFFF)
		return -1;
	walk->at++;
	return code;
}

/* unicode reads what follows \u and returns the code point, or fails. */
static int
unicode(Walk *walk)
{
	int			code = *walk->at == '{' ? braced(walk) : hexadecimal(walk, 4);
	int			second;

	if (code >= 0xD800 && code <= 0xDBFF && (second = low_surrogate(walk)) >= 0)
		return 0x10000 + ((code - 0xD800) << 10) + (second - 0xDC00);
	if (code < 0)
		fail(walk, "Write \\uHHHH with four hexadecimal digits.", "\\u without its digits");
	else if (code >= 0xD800 && code <= 0xDFFF)
		fail(walk, "Write both halves of the pair, or \\u{H...}.", "\\u%04x is half a character", code);
	return code;
}

/* write_code writes a character by its code point, as an escape. */
static void
write_code(Walk *walk, int code, char *written, Size size)
{
	if (code == 0)
		fail(walk, "A text in PostgreSQL cannot contain it.", "the pattern names the character with code 0");
	else if (code > 127 && !is_utf8() && !(GetDatabaseEncoding() == PG_LATIN1 && code <= 255))
		fail(walk, "Write the character itself.",
			 "the database's encoding is not Unicode, so \\u%04x is not known in it", code);
	snprintf(written, size, code <= 0xFFFF ? "\\u%04x" : "\\U%08x", code);
}

/* refuse_letter fails for a backslash and a letter that are no character. */
static void
refuse_letter(Walk *walk, char letter)
{
	switch (letter)
	{
		case 'p':
		case 'P':
			fail(walk, "List the characters as ranges, [A-Za-z].",
				 "PostgreSQL has no Unicode properties (\\%c)", letter);
			break;
		case 'k':
			fail(walk, "Number the group: (...) and \\1.", "PostgreSQL has no named groups (\\k)");
			break;
		case 'A':
			fail(walk, "Write ^ for the start of the text.", "\\A is no anchor in ECMA-262");
			break;
		case 'Z':
		case 'z':
			fail(walk, "Write $ for the end of the text.", "\\%c is no anchor in ECMA-262", letter);
			break;
		case 'y':
		case 'm':
		case 'M':
		case 'Y':
			fail(walk, "Write \\b for the edge of a word.", "\\%c means nothing in ECMA-262", letter);
			break;
		default:
			fail(walk, "A letter needs no backslash; a backslash is \\\\.", "unknown escape \\%c", letter);
	}
}

/*
 * read_escape reads what follows a backslash that stands for one character, in
 * or outside of brackets, and writes it; fails for what stands for none.
 */
static void
read_escape(Walk *walk, char *written, Size size)
{
	char		c = *walk->at++;
	int			code;

	if (c == '\0')
	{
		walk->at--;
		fail(walk, "A backslash is \\\\.", "the pattern ends in a backslash");
	}
	else if (c == 'x')
	{
		code = hexadecimal(walk, 2);
		if (code < 0)
			fail(walk, "Write \\xHH with two hexadecimal digits.", "\\x without its digits");
		else
			write_code(walk, code, written, size);
	}
	else if (c == 'u')
		write_code(walk, unicode(walk), written, size);
	else if (c == 'c')
	{
		if (!isalpha((unsigned char) *walk->at) || IS_HIGHBIT_SET(*walk->at))
			fail(walk, "Write \\cA to \\cZ.", "\\c without its letter");
		else
			write_code(walk, *walk->at++ & 31, written, size);
	}
	else if (c == '0' && !isdigit((unsigned char) *walk->at))
		write_code(walk, 0, written, size);
	else if (isdigit((unsigned char) c))
		fail(walk, "Write \\xHH for a character by its code.", "octal escape \\%c", c);
	else if (strchr("tnvfr", c) != NULL)
		snprintf(written, size, "\\%c", c);
	else if (IS_HIGHBIT_SET(c))
	{
		int			length = pg_mblen(walk->at - 1);

		snprintf(written, size, "%.*s", length, walk->at - 1);
		walk->at += length - 1;
	}
	else if (isalpha((unsigned char) c))
		refuse_letter(walk, c);
	else
		snprintf(written, size, "\\%c", c);
}

/* spaces returns what \s is, without brackets. */
static const char *
spaces(void)
{
	return is_utf8() ? SPACES MORE_SPACES :
		GetDatabaseEncoding() == PG_LATIN1 ? SPACES "\\u00a0" : SPACES;
}

/* members_of returns the members of \d, \w, \s and of all but them, without brackets. */
static void
members_of(char letter, char *written, Size size)
{
	const char *last = is_utf8() ? "\\U0010ffff" : "\\U7ffffffe";

	switch (letter)
	{
		case 'd':
			strlcpy(written, "0-9", size);
			break;
		case 'w':
			strlcpy(written, "A-Za-z0-9_", size);
			break;
		case 's':
			strlcpy(written, spaces(), size);
			break;
		case 'D':
			snprintf(written, size, "\\u0001-\\u002f\\u003a-%s", last);
			break;
		case 'W':
			snprintf(written, size, "\\u0001-\\u002f\\u003a-\\u0040\\u005b-\\u005e\\u0060\\u007b-%s", last);
			break;
		default:
			if (is_utf8())
				snprintf(written, size, "\\u0001-\\u0008\\u000e-\\u001f\\u0021-\\u009f\\u00a1-\\u167f\\u1681-\\u1fff"
						 "\\u200b-\\u2027\\u202a-\\u202e\\u2030-\\u205e\\u2060-\\u2fff\\u3001-\\ufefe\\uff00-%s", last);
			else
				snprintf(written, size, "\\u0001-\\u0008\\u000e-\\u001f\\u0021-%s%s",
						 GetDatabaseEncoding() == PG_LATIN1 ? "\\u009f\\u00a1-" : "", last);
	}
}

/* read_member reads one member of a class in brackets. */
static void
read_member(Walk *walk, Member *member)
{
	const char *start = walk->at;
	int			length;

	member->is_set = false;
	member->written[0] = '\0';
	if (*start == '\\' && start[1] != '\0' && strchr("dDwWsS", start[1]) != NULL)
	{
		member->is_set = true;
		members_of(start[1], member->written, sizeof(member->written));
		walk->at += 2;
		return;
	}
	if (*start == '\\' && start[1] == 'b')	/* backspace */
	{
		strlcpy(member->written, "\\u0008", sizeof(member->written));
		walk->at += 2;
		return;
	}
	if (*start == '\\')
	{
		walk->at++;
		read_escape(walk, member->written, sizeof(member->written));
		return;
	}
	length = pg_mblen(start);
	snprintf(member->written, sizeof(member->written), "%s%.*s",
			 strchr("[^-", *start) != NULL ? "\\" : "", length, start);
	walk->at += length;
}

/* read_class translates [...]. */
static void
read_class(Walk *walk)
{
	Member		member;
	bool		negated = walk->at[1] == '^';

	walk->at += negated ? 2 : 1;
	walk->can_repeat = true;
	if (*walk->at == ']')
	{
		if (!negated)
			fail(walk, "Write what it may contain.", "the class [] matches nothing");
		appendStringInfoChar(&walk->out, '.');	/* [^]: any character */
		walk->at++;
		return;
	}
	appendStringInfoString(&walk->out, negated ? "[^" : "[");
	while (walk->problem->message == NULL && *walk->at != ']')
	{
		if (*walk->at == '\0')
		{
			fail(walk, "A bracket that is meant is \\[.", "a class in brackets is not closed");
			return;
		}
		read_member(walk, &member);
		appendStringInfoString(&walk->out, member.written);
		if (walk->at[0] != '-' || walk->at[1] == ']' || walk->at[1] == '\0' || member.is_set)
			continue;
		walk->at++;
		read_member(walk, &member);
		appendStringInfo(&walk->out, member.is_set ? "\\-%s" : "-%s", member.written);
	}
	appendStringInfoChar(&walk->out, ']');
	walk->at++;
}

/* read_reference translates \1, or fails where the two engines differ. */
static void
read_reference(Walk *walk)
{
	int			number = 0;

	for (; isdigit((unsigned char) *walk->at) && number < 1000; walk->at++)
		number = number * 10 + (*walk->at - '0');
	if (number > walk->ngroups || !walk->groups[number - 1].closed)
		fail(walk, "Refer to a group that is closed before.", "\\%d refers to no group before it", number);
	else if (walk->groups[number - 1].optional)
		fail(walk, "List the alternatives without a back reference.",
			 "PostgreSQL fails where group %d took no part, ECMA-262 does not", number);
	else if (walk->nlookarounds > 0)
		fail(walk, NULL, "PostgreSQL has no back references in lookaround (\\%d)", number);
	walk->refers_back = true;
	appendStringInfo(&walk->out, "\\%d", number);
	/* a digit that follows must not become part of the number */
	if (isdigit((unsigned char) *walk->at))
		appendStringInfoString(&walk->out, "(?:)");
}

/* read_backslash translates an escape outside of brackets. */
static void
read_backslash(Walk *walk)
{
	char		written[WRITTEN_MAX] = "";
	char		c = walk->at[1];

	walk->at++;
	walk->can_repeat = true;
	if (c == 'b' || c == 'B')
	{
		appendStringInfoString(&walk->out, c == 'b' ? "\\y" : "\\Y");
		walk->can_repeat = false;
		walk->at++;
	}
	else if (c >= '1' && c <= '9')
		read_reference(walk);
	else if (c != '\0' && strchr("dDwWsS", c) != NULL)
	{
		members_of(tolower((unsigned char) c), written, sizeof(written));
		appendStringInfo(&walk->out, isupper((unsigned char) c) ? "[^%s]" : "[%s]", written);
		walk->at++;
	}
	else
	{
		read_escape(walk, written, sizeof(written));
		appendStringInfoString(&walk->out, written);
	}
}

/* read_open translates an opening parenthesis. */
static void
read_open(Walk *walk)
{
	static const char *const known[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!"};
	Open	   *open = &walk->open[walk->nopen++];
	int			length = 1;

	for (int i = 0; i < lengthof(known); i++)
	{
		if (strncmp(walk->at, known[i], strlen(known[i])) == 0)
			length = strlen(known[i]);
	}
	open->first = walk->ngroups;
	open->group = 0;
	open->lookaround = length > 1 && walk->at[2] != ':';
	walk->nlookarounds += open->lookaround;
	if (length == 1 && strncmp(walk->at, "(?<", 3) == 0)
		fail(walk, "Write (...).", "PostgreSQL has no named groups");
	else if (length == 1 && walk->at[1] == '?')
		fail(walk, "Write both cases, [Aa].", "embedded options, (?%c, are not part of ECMA-262", walk->at[2]);
	else if (length == 1)
	{
		walk->groups[walk->ngroups].closed = walk->groups[walk->ngroups].optional = false;
		open->group = ++walk->ngroups;
		walk->captures_in_lookaround |= walk->nlookarounds > 0;
	}
	appendBinaryStringInfo(&walk->out, walk->at, length);
	walk->at += length;
	walk->can_repeat = false;
}

/* read_close translates a closing parenthesis. */
static void
read_close(Walk *walk)
{
	const Open *open;

	if (walk->nopen == 0)
	{
		fail(walk, "A parenthesis that is meant is \\).", "a parenthesis is closed that was not opened");
		return;
	}
	open = &walk->open[--walk->nopen];
	if (open->group > 0)
		walk->groups[open->group - 1].closed = true;
	walk->nlookarounds -= open->lookaround;
	walk->can_repeat = !open->lookaround;
	walk->atom_first = open->first;
	appendStringInfoChar(&walk->out, ')');
	walk->at++;
}

/*
 * bound_length returns how long the quantifier {m}, {m,} or {m,n} is, and its
 * numbers (most -1: no end); 0: the brace is a character.
 */
static int
bound_length(const char *at, long *least, long *most)
{
	char	   *end;

	if (at[0] != '{' || !isdigit((unsigned char) at[1]))
		return 0;
	*least = *most = strtol(at + 1, &end, 10);
	if (*end == ',')
	{
		end++;
		*most = isdigit((unsigned char) *end) ? strtol(end, &end, 10) : -1;
	}
	return *end == '}' ? end + 1 - at : 0;
}

/* read_quantifier copies a quantifier of so many bytes. */
static void
read_quantifier(Walk *walk, int length, long least, long most)
{
	if (!walk->can_repeat)
		fail(walk, "Put what is to be repeated into (?:...), or a backslash before the character.",
			 "the quantifier %.*s has nothing to repeat", length, walk->at);
	else if (least > MOST_REPEATS || most > MOST_REPEATS)
		fail(walk, "Use minLength and maxLength for lengths.",
			 "PostgreSQL repeats at most %d times, not %.*s", MOST_REPEATS, length, walk->at);
	else if (most >= 0 && most < least)
		fail(walk, NULL, "the numbers of %.*s are out of order", length, walk->at);
	for (int i = walk->atom_first; least == 0 && i < walk->ngroups; i++)
		walk->groups[i].optional = true;
	if (walk->at[length] == '?')
		length++;
	appendBinaryStringInfo(&walk->out, walk->at, length);
	walk->at += length;
	walk->can_repeat = false;
}

/* read_character copies a character that means itself. */
static void
read_character(Walk *walk)
{
	int			length = pg_mblen(walk->at);

	if (strchr("{}]", *walk->at) != NULL)
		appendStringInfoChar(&walk->out, '\\');
	appendBinaryStringInfo(&walk->out, walk->at, length);
	walk->at += length;
	walk->can_repeat = true;
}

/* read_next translates what is next. */
static void
read_next(Walk *walk)
{
	long		least = *walk->at == '+';
	long		most = *walk->at == '?' ? 1 : -1;
	int			length = strchr("*+?", *walk->at) != NULL ? 1 : bound_length(walk->at, &least, &most);

	if (length > 0)
	{
		read_quantifier(walk, length, least, most);
		return;
	}
	if (*walk->at != ')')
		walk->atom_first = walk->ngroups;
	switch (*walk->at)
	{
		case '\\':
			read_backslash(walk);
			break;
		case '[':
			read_class(walk);
			break;
		case '(':
			read_open(walk);
			break;
		case ')':
			read_close(walk);
			break;
		case '.':
			appendStringInfoString(&walk->out, is_utf8() ? "[^\\n\\r\\u2028\\u2029]" : "[^\\n\\r]");
			walk->at++;
			walk->can_repeat = true;
			break;
		case '|':
			walk->has_branches = true;
			/* FALLTHROUGH */
		case '^':
		case '$':
			appendStringInfoChar(&walk->out, *walk->at++);
			walk->can_repeat = false;
			break;
		default:
			read_character(walk);
	}
}

/*
 * pgc_pattern_from_ecma returns the pattern in PostgreSQL's language (palloc'd),
 * or NULL and says in *problem why there is none.
 */
char *
pgc_pattern_from_ecma(const char *pattern, PgcPatternProblem *problem)
{
	Walk		walk = {.at = pattern,.problem = problem};
	int			length = strlen(pattern);
	char	   *translated;

	problem->message = NULL;
	problem->hint = NULL;
	initStringInfo(&walk.out);
	walk.groups = palloc((length + 1) * sizeof(Capture));
	walk.open = palloc((length + 1) * sizeof(Open));
	while (*walk.at != '\0' && problem->message == NULL)
		read_next(&walk);
	if (walk.nopen > 0)
		fail(&walk, "A parenthesis that is meant is \\(.", "a parenthesis is not closed");
	if (walk.refers_back && (walk.has_branches || walk.captures_in_lookaround))
		fail(&walk, "List the alternatives without a back reference.",
			 "PostgreSQL reads back references beside alternatives and lookaround differently");
	pfree(walk.groups);
	pfree(walk.open);
	translated = problem->message == NULL ? pstrdup(walk.out.data) : NULL;
	pfree(walk.out.data);
	return translated;
}
