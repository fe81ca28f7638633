/*
 * src/document/yaml/jsonb.c
 *		Trees of nodes as jsonb, and back.
 *
 * jsonb keeps neither the order of keys nor how a number was written beyond
 * its digits; .inf, .nan and numbers beyond jsonb's become strings.
 */
#include "document/document.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

/* Numbers of more characters, or with a larger exponent, become strings. */
#define MAX_NUMBER 1000

static JsonbValue *push_node(JsonbParseState **state, const PgcNode *node, JsonbIteratorToken token);

/* set_string makes a jsonb string of a scalar's text, which is lent. */
static void
set_string(JsonbValue *value, const PgcNode *node)
{
	value->type = jbvString;
	value->val.string.val = node->content.text;
	value->val.string.len = node->count;
}

/* based_number returns a number written as 0x.. or 0o.., or NULL: it has more than 64 bits. */
static char *
based_number(const char *string)
{
	uint64		number;

	errno = 0;
	number = strtoull(string + 2, NULL, string[1] == 'x' ? 16 : 8);
	return errno == ERANGE ? NULL : psprintf(UINT64_FORMAT, number);
}

/* decimal_of returns what numeric reads a number from, or NULL: it would not, or it would be huge. */
static const char *
decimal_of(const PgcNode *node)
{
	const char *string = node->content.text;
	const char *exponent = strpbrk(string, "eE");

	if (node->count > MAX_NUMBER)
		return NULL;
	if (string[0] == '0' && (string[1] == 'x' || string[1] == 'o'))
		return based_number(string);
	if (string[strcspn(string, "nN")] != '\0')
		return NULL;			/* inf, nan */
	if (exponent != NULL && (strlen(exponent) > 6 || abs(atoi(exponent + 1)) > MAX_NUMBER))
		return NULL;
	return string;
}

/* set_number makes a jsonb number of a scalar, or a string where jsonb has no such number. */
static void
set_number(JsonbValue *value, const PgcNode *node)
{
	const char *decimal = decimal_of(node);

	if (decimal == NULL)
	{
		set_string(value, node);
		return;
	}
	value->type = jbvNumeric;
	value->val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(decimal),
															 ObjectIdGetDatum(InvalidOid),
															 Int32GetDatum(-1)));
}

/* set_scalar makes a jsonb value of a scalar. */
static void
set_scalar(JsonbValue *value, const PgcNode *node)
{
	switch (node->type)
	{
		case PGC_NODE_NULL:
			value->type = jbvNull;
			break;
		case PGC_NODE_BOOL:
			value->type = jbvBool;
			value->val.boolean = pgc_node_is_true(node);
			break;
		case PGC_NODE_INTEGER:
		case PGC_NODE_NUMBER:
			set_number(value, node);
			break;
		default:
			set_string(value, node);
	}
}

/* push_collection adds a list or a map. */
static JsonbValue *
push_collection(JsonbParseState **state, const PgcNode *node)
{
	if (node->type == PGC_NODE_LIST)
	{
		pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
		for (int i = 0; i < node->count; i++)
			push_node(state, node->content.items[i], WJB_ELEM);
		return pushJsonbValue(state, WJB_END_ARRAY, NULL);
	}
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < node->count; i++)
	{
		JsonbValue	key;

		set_string(&key, node->content.pairs[i].key);
		pushJsonbValue(state, WJB_KEY, &key);
		push_node(state, node->content.pairs[i].value, WJB_VALUE);
	}
	return pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* push_node adds a tree to a list (token: WJB_ELEM) or a map (WJB_VALUE). */
static JsonbValue *
push_node(JsonbParseState **state, const PgcNode *node, JsonbIteratorToken token)
{
	JsonbValue	value;

	check_stack_depth();
	if (!pgc_node_is_scalar(node))
		return push_collection(state, node);
	set_scalar(&value, node);
	return pushJsonbValue(state, token, &value);
}

/* pgc_node_to_jsonb returns a tree as jsonb (palloc'd). */
Jsonb *
pgc_node_to_jsonb(const PgcNode *node)
{
	JsonbParseState *state = NULL;
	JsonbValue	scalar;

	if (!pgc_node_is_scalar(node))
		return JsonbValueToJsonb(push_collection(&state, node));
	set_scalar(&scalar, node);
	return JsonbValueToJsonb(&scalar);
}

/* node_of_number makes a node of a jsonb number. */
static PgcNode *
node_of_number(Numeric number)
{
	char	   *string = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));

	return pgc_node_make_scalar(strchr(string, '.') == NULL ? PGC_NODE_INTEGER : PGC_NODE_NUMBER, string);
}

/* node_of_scalar makes a node of a jsonb scalar. */
static PgcNode *
node_of_scalar(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return pgc_node_make_scalar(PGC_NODE_NULL, "null");
		case jbvBool:
			return pgc_node_make_bool(value->val.boolean);
		case jbvNumeric:
			return node_of_number(value->val.numeric);
		default:
			return pgc_node_make_string(pnstrdup(value->val.string.val, value->val.string.len));
	}
}

/* read_items makes a list or map of what an iterator gives up to its end. */
static PgcNode *
read_items(JsonbIterator **iterator, JsonbIteratorToken begin)
{
	PgcNode    *node = begin == WJB_BEGIN_OBJECT ? pgc_node_make_map() : pgc_node_make_list();
	JsonbValue	value;
	JsonbIteratorToken token;
	PgcNode    *key = NULL;

	check_stack_depth();
	while ((token = JsonbIteratorNext(iterator, &value, false)) != WJB_END_ARRAY && token != WJB_END_OBJECT)
	{
		PgcNode    *item;

		item = token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT ?
			read_items(iterator, token) : node_of_scalar(&value);
		if (token == WJB_KEY)
			key = item;
		else if (begin == WJB_BEGIN_OBJECT)
			pgc_node_add(node, key, item);
		else
			pgc_node_append(node, item);
	}
	return node;
}

/* pgc_node_from_jsonb makes a tree of a jsonb value. */
PgcNode *
pgc_node_from_jsonb(const Jsonb *jsonb)
{
	JsonbIterator *iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &jsonb->root));
	JsonbValue	value;
	JsonbIteratorToken token = JsonbIteratorNext(&iterator, &value, false);
	PgcNode    *node = read_items(&iterator, token);

	return JB_ROOT_IS_SCALAR(jsonb) ? node->content.items[0] : node;
}
