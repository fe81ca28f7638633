/*
 * src/document/odcs/odcs_value.c
 *		Is a single value what a field of the standard wants?
 */
#include "postgres.h"

#include <math.h>

#include "document/odcs/odcs.h"
#include "mb/pg_wchar.h"

/* Characters of a value that a message shows. */
#define SHOWN 40

/* shown returns a text as messages show it, not too long. */
static char *
shown(const PgcNode *scalar)
{
	int			length = pg_mbcharcliplen(scalar->content.text, scalar->count, SHOWN);

	return psprintf("%.*s%s", length, scalar->content.text, length < scalar->count ? "..." : "");
}

/* described returns what a value is: 'the string "yes"', 'a list'. */
static const char *
described(const PgcNode *node)
{
	switch ((PgcNodeType) node->type)
	{
		case PGC_NODE_NULL:
			return "empty";
		case PGC_NODE_LIST:
			return "a list";
		case PGC_NODE_MAP:
			return "a map";
		case PGC_NODE_STRING:
			return psprintf("the string \"%s\"", shown(node));
		default:
			return psprintf("the %s %s", pgc_node_type_name(node), shown(node));
	}
}

/* pgc_odcs_place returns what a path leads to: "amount" in quotes, or an element of it. */
const char *
pgc_odcs_place(const PgcPath *path)
{
	if (path->name != NULL)
		return psprintf("\"%s\"", path->name);
	return psprintf("an element of \"%s\"", path->parent->name);
}

/* say_wrong says that a value is of the wrong type.  False. */
static bool
say_wrong(PgcOdcsCheck *check, const PgcNode *node, const PgcPath *path, const char *wanted)
{
	PgcRemark  *remark = pgc_odcs_say(check, PGC_ERROR, node, path, "%s must be %s, it is %s",
									  pgc_odcs_place(path), wanted, described(node));

	if (node->type == PGC_NODE_NULL)
		remark->hint = pstrdup("Leave it out, or give it a value.");
	return false;
}

/* is_date tells texts such as 2024-05-17 and 2024-05-17T10:00:00Z: everybody knows what is meant. */
static bool
is_date(const char *string)
{
	return strspn(string, "0123456789") == 4 && string[4] == '-';
}

/*
 * warn_ambiguous warns of a string that readers of YAML 1.1 take for something
 * else.  Not of "y" and "n": YAML 1.1 does, its readers do not, and years are
 * counted in y.
 */
static void
warn_ambiguous(PgcOdcsCheck *check, const PgcNode *node, const PgcPath *path)
{
	PgcRemark  *remark;

	if (node->type != PGC_NODE_STRING || !node->plain || node->count < 2 ||
		!pgc_yaml_is_ambiguous(node->content.text, node->count) || is_date(node->content.text))
		return;
	remark = pgc_odcs_say(check, PGC_WARNING, node, path, "%s is %s here and something else to other readers",
						  pgc_odcs_place(path), described(node));
	remark->hint = psprintf("Put it in quotes: \"%s\".", node->content.text);
}

/* want_text turns a scalar into a string. */
static bool
want_text(PgcOdcsCheck *check, PgcNode **slot, const PgcPath *path)
{
	PgcNode    *node = *slot;
	PgcRemark  *remark;

	if (node->type == PGC_NODE_STRING)
	{
		if (node->plain)
			warn_ambiguous(check, node, path);
		return true;
	}
	if (!pgc_node_is_scalar(node) || node->type == PGC_NODE_NULL)
		return say_wrong(check, node, path, "text");
	remark = pgc_odcs_say(check, PGC_WARNING, node, path, "%s is text here and %s to other readers",
						  pgc_odcs_place(path), described(node));
	remark->hint = psprintf("Put it in quotes: \"%s\".", node->content.text);

	/* the node may have another parent, which wants a number */
	*slot = pgc_node_copy(node);
	(*slot)->type = PGC_NODE_STRING;
	return true;
}

/* want_number wants a decimal number, which others read as we do. */
static bool
want_number(PgcOdcsCheck *check, const PgcNode *node, const PgcPath *path, bool integer)
{
	const char *wanted = integer ? "an integer" : "a number";

	if (node->type != PGC_NODE_INTEGER && (integer || node->type != PGC_NODE_NUMBER))
		return say_wrong(check, node, path, wanted);
	if (strpbrk(node->content.text, "xXoOnN") != NULL)
		return say_wrong(check, node, path, integer ? "a decimal integer" : "a decimal number");
	return true;
}

/* want_values wants a list. */
static bool
want_values(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path, const char *wanted)
{
	return node->type == PGC_NODE_LIST || say_wrong(check, node, path, wanted);
}

/* want_texts wants a list of text. */
static bool
want_texts(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path)
{
	bool		right = want_values(check, node, path, "a list of texts");

	for (int i = 0; right && i < node->count; i++)
	{
		PgcPath		here = {path, NULL, i};

		if (!want_text(check, &node->content.items[i], &here))
			return false;
	}
	return right;
}

/* pgc_odcs_want tells if a value is what a field wants; a scalar that stands for text becomes one. */
bool
pgc_odcs_want(PgcOdcsCheck *check, PgcNode **slot, PgcOdcsWant want, const PgcPath *path)
{
	PgcNode    *node = *slot;

	switch (want)
	{
		case PGC_WANT_ANYTHING:
			return true;
		case PGC_WANT_VALUE:
			if (pgc_node_is_scalar(node))
				warn_ambiguous(check, node, path);
			return true;
		case PGC_WANT_SCALAR:
			if (!pgc_node_is_scalar(node))
				return say_wrong(check, node, path, "a single value");
			warn_ambiguous(check, node, path);
			return true;
		case PGC_WANT_TEXT:
			return want_text(check, slot, path);
		case PGC_WANT_BOOL:
			return node->type == PGC_NODE_BOOL || say_wrong(check, node, path, "true or false");
		case PGC_WANT_INTEGER:
			return want_number(check, node, path, true);
		case PGC_WANT_NUMBER:
			return want_number(check, node, path, false);
		case PGC_WANT_VALUES:
			return want_values(check, node, path, "a list");
		case PGC_WANT_TEXTS:
			return want_texts(check, node, path);
		case PGC_WANT_MAP:
			return node->type == PGC_NODE_MAP || say_wrong(check, node, path, "a map");
		case PGC_WANT_MAPS:
			return want_values(check, node, path, "a list of maps");
	}
	return true;
}

/* joined returns words in a row, as a hint lists them. */
static char *
joined(const char *const *words)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; words[i] != NULL; i++)
		appendStringInfo(&list, "%s%s", i == 0 ? "" : ", ", words[i]);
	return list.data;
}

/* pgc_odcs_is_word tells if a text is one of those that may be. */
bool
pgc_odcs_is_word(PgcOdcsCheck *check, const PgcNode *node, const char *const *words, const PgcPath *path)
{
	char	   *nearest;
	PgcRemark  *remark;

	for (int i = 0; words[i] != NULL; i++)
	{
		if (strcmp(words[i], node->content.text) == 0)
			return true;
	}
	remark = pgc_odcs_say(check, PGC_ERROR, node, path, "%s cannot be \"%s\"", pgc_odcs_place(path), shown(node));
	nearest = pgc_odcs_nearest_word(node->content.text, words);
	if (nearest != NULL)
		remark->hint = psprintf("Did you mean \"%s\"? It can be: %s.", nearest, joined(words));
	else
		remark->hint = psprintf("It can be: %s.", joined(words));
	return false;
}

/* pgc_odcs_judge_name wants a text that is not empty. */
bool
pgc_odcs_judge_name(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path)
{
	if (node->count > 0)
		return true;
	pgc_odcs_say(check, PGC_ERROR, node, path, "%s must not be empty", pgc_odcs_place(path));
	return false;
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define ID_CHARACTERS LETTERS DIGITS "_-"
#define NAME_START LETTERS "_"
#define NAME_CHARACTERS LETTERS DIGITS "_"

/* pgc_odcs_judge_id wants an id that references can name. */
bool
pgc_odcs_judge_id(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path)
{
	PgcRemark  *remark;

	if (node->count > 0 && strspn(node->content.text, ID_CHARACTERS) == node->count)
		return true;
	remark = pgc_odcs_say(check, PGC_ERROR, node, path, "\"%s\" cannot be an id", shown(node));
	remark->hint = pstrdup("An id has letters from a to z, digits, _ and - only.");
	return false;
}

/* pgc_odcs_judge_logical_type wants a logical type; later ones are often used by documents that say v3.0. */
bool
pgc_odcs_judge_logical_type(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path)
{
	static const char *const types[] = {
		"string", "integer", "number", "boolean", "date", "object", "array", "timestamp", "time", NULL
	};
	static const char *const types_310[] = {"timestamp", "time", NULL};
	static const char *const types_320[] = {"map", "vector", NULL};
	const char *type = node->content.text;

	for (int i = 0; types_320[i] != NULL; i++)
	{
		if (strcmp(type, types_320[i]) != 0)
			continue;
		if (check->version != PGC_ODCS_320)
			pgc_odcs_say_newer(check, PGC_ERROR, node, path, PGC_ODCS_320, psprintf("logicalType \"%s\"", type));
		return check->version == PGC_ODCS_320;
	}
	if (!pgc_odcs_is_word(check, node, types, path))
		return false;
	for (int i = 0; types_310[i] != NULL; i++)
	{
		if (strcmp(type, types_310[i]) == 0 && (check->version & PGC_ODCS_UNTIL_302) != 0)
			pgc_odcs_say_newer(check, PGC_INFO, node, path, PGC_ODCS_310, psprintf("logicalType \"%s\"", type));
	}
	return true;
}

/* pgc_odcs_judge_not_negative wants zero or more. */
bool
pgc_odcs_judge_not_negative(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path)
{
	if (strtod(node->content.text, NULL) >= 0)
		return true;
	pgc_odcs_say(check, PGC_ERROR, node, path, "%s must not be negative", pgc_odcs_place(path));
	return false;
}

/* pgc_odcs_judge_positive wants more than zero. */
bool
pgc_odcs_judge_positive(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path)
{
	/* a digit that is not zero: 1e-400 is zero for strtod */
	const char *digit = node->content.text;

	digit += strspn(digit, "+0.");
	if (digit[0] >= '1' && digit[0] <= '9')
		return true;
	pgc_odcs_say(check, PGC_ERROR, node, path, "%s must be greater than zero", pgc_odcs_place(path));
	return false;
}

/*
 * is_exclusive_flag tells if an exclusive bound is as 3.0 has it: true or false,
 * a modifier of the bound.  *right: and may be so in this version.
 */
static bool
is_exclusive_flag(PgcOdcsCheck *check, const PgcNode *node, const PgcPath *path, bool *right)
{
	bool		is_30 = (check->version & PGC_ODCS_UNTIL_302) != 0;
	PgcRemark  *remark;

	*right = true;
	if (node->type != PGC_NODE_BOOL)
	{
		if (is_30 && pgc_node_is_scalar(node) && node->type != PGC_NODE_NULL)
			pgc_odcs_say_newer(check, PGC_INFO, node, path, PGC_ODCS_310, psprintf("a bound as %s", pgc_odcs_place(path)));
		return false;
	}
	if (!is_30)
	{
		remark = pgc_odcs_say(check, PGC_ERROR, node, path, "%s must be a bound, it is %s", pgc_odcs_place(path),
							  described(node));
		remark->hint = psprintf("True and false were of ODCS v3.0. Write the bound here, in place of \"%s\".",
								strcmp(path->name, "exclusiveMinimum") == 0 ? "minimum" : "maximum");
		*right = false;
	}
	return true;
}

/* pgc_odcs_judge_exclusive_number judges an exclusive bound of a number. */
bool
pgc_odcs_judge_exclusive_number(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path)
{
	bool		right;

	return is_exclusive_flag(check, node, path, &right) ? right : want_number(check, node, path, false);
}

/* pgc_odcs_judge_exclusive_text judges an exclusive bound of a date or time. */
bool
pgc_odcs_judge_exclusive_text(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path)
{
	bool		right;

	return is_exclusive_flag(check, node, path, &right) ? right :
		node->type == PGC_NODE_STRING || say_wrong(check, node, path, "text");
}

/* pgc_odcs_judge_between wants two numbers, the smaller one first. */
bool
pgc_odcs_judge_between(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path)
{
	double		bounds[2];

	if (node->count != 2)
	{
		pgc_odcs_say(check, PGC_ERROR, node, path, "%s must be a list of two numbers, it has %d",
					 pgc_odcs_place(path), node->count);
		return false;
	}
	for (int i = 0; i < 2; i++)
	{
		PgcPath		here = {path, NULL, i};

		if (!want_number(check, node->content.items[i], &here, false))
			return false;
		bounds[i] = strtod(node->content.items[i]->content.text, NULL);
	}
	if (bounds[0] < bounds[1])
		return true;
	pgc_odcs_say(check, PGC_ERROR, node, path, "%s must be two different numbers, the smaller one first",
				 pgc_odcs_place(path));
	return false;
}

/* pgc_odcs_judge_implementation wants what another engine understands: text or a map. */
bool
pgc_odcs_judge_implementation(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path)
{
	return node->type == PGC_NODE_STRING || node->type == PGC_NODE_MAP || say_wrong(check, node, path, "text or a map");
}

/* pgc_odcs_judge_sftp wants the address of a file server. */
bool
pgc_odcs_judge_sftp(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path)
{
	if (strncmp(node->content.text, "sftp://", 7) == 0)
		return true;
	pgc_odcs_say(check, PGC_ERROR, node, path, "%s must begin with sftp://", pgc_odcs_place(path));
	return false;
}

/* pgc_odcs_judge_required_options wants names, each once. */
bool
pgc_odcs_judge_required_options(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path)
{
	int			nerrors = check->remarks->nerrors;

	if (node->count == 0)
		pgc_odcs_say(check, PGC_ERROR, node, path, "%s must not be empty", pgc_odcs_place(path));
	pgc_odcs_check_duplicates(check, node, NULL, false, path);
	return check->remarks->nerrors == nerrors;
}

/* skip_name returns what follows a name, or NULL: there is none. */
static const char *
skip_name(const char *string)
{
	if (string == NULL || string[0] == '\0' || strchr(NAME_START, string[0]) == NULL)
		return NULL;
	return string + strspn(string, NAME_CHARACTERS);
}

/* skip_step returns what follows "schema/orders_id", or NULL: there is no such. */
static const char *
skip_step(const char *string)
{
	const char *slash = skip_name(string);
	size_t		length;

	if (slash == NULL || slash[0] != '/')
		return NULL;
	length = strspn(slash + 1, ID_CHARACTERS);
	return length == 0 ? NULL : slash + 1 + length;
}

/* is_shorthand tells references such as orders.id; from 3.2 on orders.address.city, too. */
static bool
is_shorthand(const PgcOdcsCheck *check, const char *string)
{
	int			dots = 0;
	const char *at = skip_name(string);

	while (at != NULL && at[0] == '.')
	{
		dots++;
		at = skip_name(at + 1);
	}
	return at != NULL && at[0] == '\0' && (dots == 1 || (dots > 1 && check->version == PGC_ODCS_320));
}

/* is_file tells if a text, of some length, names a YAML file, perhaps on the web. */
static bool
is_file(const char *string, size_t length)
{
	if (strncmp(string, "https://", 8) == 0 || strncmp(string, "http://", 7) == 0)
	{
		size_t		skip = strchr(string, ':') + 3 - string;

		string += skip;
		length -= skip;
	}
	return length > 5 && memcmp(string + length - 5, ".yaml", 5) == 0 &&
		strspn(string, ID_CHARACTERS "./") >= length;
}

/* is_qualified tells references such as schema/orders_id/properties/id_id, perhaps into another file. */
static bool
is_qualified(const char *string)
{
	const char *hash = strchr(string, '#');

	if (hash != NULL)
	{
		if (!is_file(string, hash - string))
			return false;
		string = hash + 1;
	}
	if (string[0] == '/')
		string++;
	string = skip_step(string);
	while (string != NULL && string[0] == '/')
		string = skip_step(string + 1);
	return string != NULL && string[0] == '\0';
}

/* is_reference wants a text that names a property. */
static bool
is_reference(PgcOdcsCheck *check, const PgcNode *node, const PgcPath *path)
{
	PgcRemark  *remark;

	if (node->type != PGC_NODE_STRING)
		return say_wrong(check, node, path, "text");
	if (is_shorthand(check, node->content.text) || is_qualified(node->content.text))
		return true;
	remark = pgc_odcs_say(check, PGC_ERROR, node, path, "\"%s\" names no property", shown(node));
	remark->hint = pstrdup("Write \"object.property\" with the names, or \"schema/object/properties/property\" with the ids.");
	return false;
}

/* pgc_odcs_judge_reference wants the name of a property, or a list of such names. */
bool
pgc_odcs_judge_reference(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path)
{
	bool		right = true;

	if (node->type != PGC_NODE_LIST)
		return is_reference(check, node, path);
	if (node->count == 0)
	{
		pgc_odcs_say(check, PGC_ERROR, node, path, "%s must not be empty", pgc_odcs_place(path));
		return false;
	}
	for (int i = 0; i < node->count; i++)
	{
		PgcPath		here = {path, NULL, i};

		right = is_reference(check, node->content.items[i], &here) && right;
	}
	return right;
}
