/*
 * src/document/yaml/scalar.c
 *		What a plain scalar means, in YAML 1.2 and in YAML 1.1.
 *
 * YAML 1.2's core schema, but that a number with a leading zero (014, 007.5)
 * is a string: those are codes, and readers of YAML 1.1 take them for octal.
 * Runs without a server (FRONTEND).
 */
#include "document/yaml/node.h"

/* What YAML 1.1 knows besides. */
#define YAML11_TIMESTAMP	100
#define YAML11_OTHER		101 /* merge, value */

/* span returns how many bytes at the begin of a text are among those of a set. */
static int
span(const char *string, int length, const char *set)
{
	int			count = 0;

	while (count < length && string[count] != '\0' && strchr(set, string[count]) != NULL)
		count++;
	return count;
}

#define DIGITS "0123456789"
#define HEX_DIGITS "0123456789abcdefABCDEF"

/* is_one_of says whether the text is one of a NULL-terminated list of words. */
static bool
is_one_of(const char *string, int length, const char *const *words)
{
	for (; *words != NULL; words++)
	{
		if (strlen(*words) == length && memcmp(*words, string, length) == 0)
			return true;
	}
	return false;
}

static const char *const null_words[] = {"", "~", "null", "Null", "NULL", NULL};
static const char *const bool_words[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
static const char *const old_bool_words[] = {"yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON",
"off", "Off", "OFF", "y", "Y", "n", "N", NULL};
static const char *const old_other_words[] = {"<<", "=", NULL};
static const char *const infinity_words[] = {".inf", ".Inf", ".INF", NULL};
static const char *const nan_words[] = {".nan", ".NaN", ".NAN", NULL};

/* without_sign skips a sign. */
static void
without_sign(const char **string, int *length)
{
	if (*length > 0 && ((*string)[0] == '+' || (*string)[0] == '-'))
	{
		(*string)++;
		(*length)--;
	}
}

/* has_prefix says whether a text begins with a prefix and goes on. */
static bool
has_prefix(const char *string, int length, const char *prefix)
{
	int			prefix_length = (int) strlen(prefix);

	return length > prefix_length && memcmp(string, prefix, prefix_length) == 0;
}

/* is_exponent says whether the text is empty or an exponent; signed_only: that has a sign. */
static bool
is_exponent(const char *string, int length, bool signed_only)
{
	int			sign;

	if (length == 0)
		return true;
	if (string[0] != 'e' && string[0] != 'E')
		return false;
	sign = span(string + 1, Min(length - 1, 1), "+-");
	return (sign == 1 || !signed_only) && length - 1 - sign > 0 &&
		span(string + 1 + sign, length - 1 - sign, DIGITS) == length - 1 - sign;
}

/* resolve_number tells integers, numbers and strings in YAML 1.2. */
static PgcNodeType
resolve_number(const char *string, int length)
{
	int			digits;
	int			fraction;

	if (has_prefix(string, length, "0x") && span(string + 2, length - 2, HEX_DIGITS) == length - 2)
		return PGC_NODE_INTEGER;
	if (has_prefix(string, length, "0o") && span(string + 2, length - 2, "01234567") == length - 2)
		return PGC_NODE_INTEGER;
	if (is_one_of(string, length, nan_words))
		return PGC_NODE_NUMBER;
	without_sign(&string, &length);
	if (is_one_of(string, length, infinity_words))
		return PGC_NODE_NUMBER;

	digits = span(string, length, DIGITS);
	if (digits > 1 && string[0] == '0')
		return PGC_NODE_STRING;
	if (digits == length)
		return digits > 0 ? PGC_NODE_INTEGER : PGC_NODE_STRING;
	string += digits;
	length -= digits;
	if (string[0] == '.')
	{
		fraction = span(string + 1, length - 1, DIGITS);
		digits += fraction;
		string += 1 + fraction;
		length -= 1 + fraction;
	}
	return digits > 0 && is_exponent(string, length, false) ? PGC_NODE_NUMBER : PGC_NODE_STRING;
}

/* pgc_yaml_resolve returns the type of a plain scalar in YAML 1.2's core schema. */
PgcNodeType
pgc_yaml_resolve(const char *text, int length)
{
	if (length == 0)
		return PGC_NODE_NULL;
	if (strchr("+-.0123456789", text[0]) != NULL)
		return resolve_number(text, length);
	if (length > 5)
		return PGC_NODE_STRING;
	if (is_one_of(text, length, null_words))
		return PGC_NODE_NULL;
	return is_one_of(text, length, bool_words) ? PGC_NODE_BOOL : PGC_NODE_STRING;
}

/* is_sexagesimal says whether the text is what follows the first number of 12:30:00, or of 12:30:00.5. */
static bool
is_sexagesimal(const char *string, int length, bool fraction)
{
	int			digits;

	if (length == 0 || string[0] != ':')
		return false;
	while (length > 0 && string[0] == ':')
	{
		digits = span(string + 1, length - 1, DIGITS);
		if (digits < 1 || digits > 2 || (digits == 2 && string[1] > '5'))
			return false;
		string += 1 + digits;
		length -= 1 + digits;
	}
	if (!fraction)
		return length == 0;
	return length > 0 && string[0] == '.' && span(string + 1, length - 1, DIGITS "_") == length - 1;
}

/* is_old_integer says whether YAML 1.1 takes the text for an integer. */
static bool
is_old_integer(const char *string, int length)
{
	int			digits;

	without_sign(&string, &length);
	if (has_prefix(string, length, "0b"))
		return span(string + 2, length - 2, "01_") == length - 2;
	if (has_prefix(string, length, "0x"))
		return span(string + 2, length - 2, HEX_DIGITS "_") == length - 2;
	if (length == 0 || string[0] < '0' || string[0] > '9')
		return false;
	if (string[0] == '0')
		return span(string + 1, length - 1, "01234567_") == length - 1;
	digits = span(string, length, DIGITS "_");
	return digits == length || is_sexagesimal(string + digits, length - digits, false);
}

/* is_old_number says whether YAML 1.1 takes the text for a number with a fraction. */
static bool
is_old_number(const char *string, int length)
{
	int			digits;
	int			fraction;

	if (is_one_of(string, length, nan_words))
		return true;
	without_sign(&string, &length);
	if (is_one_of(string, length, infinity_words))
		return true;
	digits = length > 0 && string[0] != '_' ? span(string, length, DIGITS "_") : 0;
	if (digits > 0 && is_sexagesimal(string + digits, length - digits, true))
		return true;
	string += digits;
	length -= digits;
	if (length == 0 || string[0] != '.')
		return false;
	fraction = span(string + 1, length - 1, DIGITS "_");
	if (digits == 0 && (fraction == 0 || string[1] == '_'))
		return false;
	return is_exponent(string + 1 + fraction, length - 1 - fraction, true);
}

/*
 * shaped returns how many bytes at the begin of a text have a shape: 9 for one
 * digit, # for one or two, everything else for itself.  0: it has not.
 */
static int
shaped(const char *string, int length, const char *shape)
{
	int			at = 0;

	for (; *shape != '\0'; shape++)
	{
		int			count;

		if (*shape == '9' || *shape == '#')
			count = span(string + at, Min(length - at, *shape == '9' ? 1 : 2), DIGITS);
		else
			count = at < length && string[at] == *shape ? 1 : 0;
		if (count == 0)
			return 0;
		at += count;
	}
	return at;
}

/* is_old_timestamp says whether YAML 1.1 takes the text for a date or a point in time. */
static bool
is_old_timestamp(const char *string, int length)
{
	int			at = shaped(string, length, "9999-#-#");
	int			part;

	if (at == 0)
		return false;
	if (at == length)
		return shaped(string, length, "9999-99-99") == length;
	if (string[at] == 'T' || string[at] == 't')
		at++;
	else if ((part = span(string + at, length - at, " \t")) > 0)
		at += part;
	else
		return false;
	part = shaped(string + at, length - at, "#:99:99");
	if (part == 0)
		return false;
	at += part;
	if (at < length && string[at] == '.')
		at += 1 + span(string + at + 1, length - at - 1, DIGITS);
	at += span(string + at, length - at, " \t");
	if (at == length || (string[at] == 'Z' && at + 1 == length))
		return true;
	if (string[at] != '+' && string[at] != '-')
		return false;
	at++;
	return shaped(string + at, length - at, "#") == length - at ||
		shaped(string + at, length - at, "#:99") == length - at;
}

/* resolve_old returns the type of a plain scalar in YAML 1.1. */
static int
resolve_old(const char *string, int length)
{
	if (is_one_of(string, length, null_words))
		return PGC_NODE_NULL;
	if (is_one_of(string, length, bool_words) || is_one_of(string, length, old_bool_words))
		return PGC_NODE_BOOL;
	if (is_old_number(string, length))
		return PGC_NODE_NUMBER;
	if (is_old_integer(string, length))
		return PGC_NODE_INTEGER;
	if (is_old_timestamp(string, length))
		return YAML11_TIMESTAMP;
	if (is_one_of(string, length, old_other_words))
		return YAML11_OTHER;
	return PGC_NODE_STRING;
}

/*
 * pgc_yaml_is_ambiguous says whether a reader of YAML 1.1, such as PyYAML,
 * takes the plain scalar for something else than pgc_yaml_resolve.
 */
bool
pgc_yaml_is_ambiguous(const char *text, int length)
{
	if (length == 0 || strchr("+-.0123456789~=<yYnNtTfFoO", text[0]) == NULL)
		return false;
	return resolve_old(text, length) != (int) pgc_yaml_resolve(text, length);
}
