/*
 * src/engine/parameter.c
 *		Parameters of rules: read from jsonb, checked, cast to the column's
 *		type, written back in canonical form.
 *
 * Every error here is the author's: it names the parameter, the column and its
 * type, and says what is allowed.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "engine/kind.h"
#include "engine/output.h"
#include "parser/parse_coerce.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* names_of lists a kind's parameters for a hint (palloc'd). */
static char *
names_of(const PgcKind *kind)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < lengthof(kind->parameters) && kind->parameters[i]; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", kind->parameters[i]);
	return names.data;
}

static bool
knows_name(const PgcKind *kind, const char *name)
{
	for (int i = 0; i < lengthof(kind->parameters) && kind->parameters[i]; i++)
	{
		if (strcmp(kind->parameters[i], name) == 0)
			return true;
	}
	return false;
}

/* pgc_parameter_check_names refuses what is no object and unknown names. */
void
pgc_parameter_check_names(const PgcKind *kind, const Jsonb *parameters)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(parameters))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameters of a rule must be a JSON object")));

	iterator = JsonbIteratorInit((JsonbContainer *) &parameters->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		if (!knows_name(kind, name))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("rule kind \"%s\" has no parameter \"%s\"", kind->name, name),
					 kind->parameters[0] == NULL ?
					 errhint("It has no parameters.") :
					 errhint("Its parameters are: %s.", names_of(kind))));
	}
}

/* find returns a parameter's value, or NULL if absent or JSON null. */
static JsonbValue *
find(const PgcCompile *compile, const char *name)
{
	JsonbValue *value;

	value = getKeyJsonValueFromContainer(&compile->spec->parameters->root,
										 name, strlen(name), NULL);
	return value == NULL || value->type == jbvNull ? NULL : value;
}

/* scalar_text returns the text of a JSON string, number or boolean, else NULL. */
static char *
scalar_text(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		default:
			return NULL;
	}
}

/*
 * pgc_parameter_text returns a parameter's text (palloc'd); NULL if it is
 * absent and not required.
 */
char *
pgc_parameter_text(const PgcCompile *compile, const char *name, bool required)
{
	JsonbValue *value = find(compile, name);
	char	   *text;

	if (value == NULL)
	{
		if (required)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("rule kind \"%s\" needs the parameter \"%s\"",
							compile->spec->kind, name)));
		return NULL;
	}
	text = scalar_text(value);

	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" must be a single value", name)));
	return text;
}

/* pgc_parameter_bool returns a boolean parameter, false if absent. */
bool
pgc_parameter_bool(const PgcCompile *compile, const char *name)
{
	char	   *text = pgc_parameter_text(compile, name, false);
	bool		result = false;

	if (text !=NULL && !parse_bool(text, &result))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" must be true or false, not \"%s\"", name, text)));
	return result;
}

/* pgc_parameter_int sets *result if the parameter is there and says whether. */
bool
pgc_parameter_int(const PgcCompile *compile, const char *name, int *result)
{
	char	   *text = pgc_parameter_text(compile, name, false);
	char	   *end;
	long		value;

	if (text == NULL)
		return false;
	errno = 0;
	value = strtol(text, &end, 10);
	if (*text == '\0' || *end != '\0' || errno != 0 ||
		value < PG_INT32_MIN || value > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" must be a whole number, not \"%s\"", name, text)));
	*result = (int) value;
	return true;
}

/*
 * pgc_parameter_list returns a required list of texts (char *); JSON nulls in
 * it are refused, since null passes anyway.
 */
List *
pgc_parameter_list(const PgcCompile *compile, const char *name)
{
	JsonbValue *value = find(compile, name);
	JsonbContainer *array;
	List	   *texts = NIL;

	if (value == NULL || value->type != jbvBinary ||
		!JsonContainerIsArray(value->val.binary.data))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule kind \"%s\" needs a list in the parameter \"%s\"",
						compile->spec->kind, name)));
	array = value->val.binary.data;
	for (uint32 i = 0; i < JsonContainerSize(array); i++)
	{
		char	   *text = scalar_text(getIthJsonbValueFromContainer(array, i));

		if (text == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the list \"%s\" must hold single values other than null", name),
					 errhint("Null passes every rule but not_null and not_blank.")));
		texts = lappend(texts, text);
	}
	if (texts == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the list \"%s\" is empty", name)));
	return texts;
}

/*
 * bound_typmod returns the type modifier for constants: a text that is too long
 * is an error, but a number or time must not be rounded to the column's scale,
 * since the rule would then mean something else.
 */
static int32
bound_typmod(const PgcCompile *compile)
{
	switch (compile->type)
	{
		case VARCHAROID:
		case BPCHAROID:
		case BITOID:
		case VARBITOID:
			return compile->typmod;
		default:
			return -1;
	}
}

/*
 * pgc_value_of returns a text as a Datum of a type; a text that is none is an
 * error that names what it is for: column, shown as of type shown.
 */
Datum
pgc_value_of(Oid type, int32 typmod, const char *what, const char *text,
			 const char *column, const char *shown)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			input;
	Oid			ioparam;
	Datum		value = 0;

	getTypeInputInfo(type, &input, &ioparam);
	PG_TRY();
	{
		value = OidInputFunctionCall(input, unconstify(char *, text), ioparam, typmod);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		/* always thrown again: only the message changes */
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		ereport(ERROR,
				(errcode(error->sqlerrcode),
				 errmsg("%s \"%s\" does not fit column \"%s\" of type %s", what, text, column, shown),
				 errdetail_internal("%s%s", error->message,
									error->message[strlen(error->message) - 1] == '.' ? "" : ".")));
	}
	PG_END_TRY();
	return value;
}

/*
 * pgc_parameter_canonical returns a constant's text (palloc'd): the same in every session,
 * so that rules can be compared, and an instant therefore in UTC.
 */
char *
pgc_parameter_canonical(Oid type, Datum value)
{
	pg_tz	   *zone = session_timezone;
	char	   *volatile text = NULL;
	Oid			output;
	bool		varlena;

	getTypeOutputInfo(type, &output, &varlena);
	if (type == TIMESTAMPTZOID)
		session_timezone = pg_tzset("GMT");
	PG_TRY();
	{
		text = pgc_output_text(output, value);
	}
	PG_FINALLY();
	{
		session_timezone = zone;
	}
	PG_END_TRY();
	return text;
}

/*
 * pgc_parameter_cast returns a text as a Datum of the column's type; a text
 * that is none is an error with the column's type.  *canonical (unless NULL)
 * gets the value's output text.
 */
Datum
pgc_parameter_cast(const PgcCompile *compile, const char *name,
				   const char *text, char **canonical)
{
	Datum		value = pgc_value_of(compile->type, bound_typmod(compile), name, text,
									 NameStr(compile->column->name),
									 format_type_with_typemod(compile->type, compile->typmod));

	if (canonical != NULL)
		*canonical = pgc_parameter_canonical(compile->type, value);
	return value;
}

/* push_key starts a canonical parameter. */
static void
push_key(PgcCompile *compile, const char *name)
{
	JsonbValue	key;

	key.type = jbvString;
	key.val.string.val = pstrdup(name);
	key.val.string.len = strlen(name);
	pushJsonbValue(&compile->canonical, WJB_KEY, &key);
}

/* scalar_of makes a JSON string or, for a finite number, a JSON number. */
static JsonbValue
scalar_of(const char *text, bool as_number)
{
	JsonbValue	value;

	if (as_number && strspn(text, "+-0123456789.eE") == strlen(text))
	{
		value.type = jbvNumeric;
		value.val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in,
																CStringGetDatum(text),
																ObjectIdGetDatum(InvalidOid),
																Int32GetDatum(-1)));
		return value;
	}
	value.type = jbvString;
	value.val.string.val = pstrdup(text);
	value.val.string.len = strlen(text);
	return value;
}

void
pgc_parameter_push(PgcCompile *compile, const char *name, const char *text,
				   bool as_number)
{
	JsonbValue	value = scalar_of(text, as_number);

	push_key(compile, name);
	pushJsonbValue(&compile->canonical, WJB_VALUE, &value);
}

void
pgc_parameter_push_bool(PgcCompile *compile, const char *name, bool boolean)
{
	JsonbValue	value;

	value.type = jbvBool;
	value.val.boolean = boolean;
	push_key(compile, name);
	pushJsonbValue(&compile->canonical, WJB_VALUE, &value);
}

void
pgc_parameter_push_list(PgcCompile *compile, const char *name, List *texts,
						bool as_numbers)
{
	ListCell   *cell;

	push_key(compile, name);
	pushJsonbValue(&compile->canonical, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, texts)
	{
		JsonbValue	value = scalar_of(lfirst(cell), as_numbers);

		pushJsonbValue(&compile->canonical, WJB_ELEM, &value);
	}
	pushJsonbValue(&compile->canonical, WJB_END_ARRAY, NULL);
}

/* pgc_type_is_text: text, varchar, bpchar, or stored like text (citext). */
bool
pgc_type_is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID ||
		(get_typlen(type) == -1 && IsBinaryCoercible(type, TEXTOID));
}

/* pgc_type_is_number: shown as a JSON number. */
bool
pgc_type_is_number(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID ||
		type == NUMERICOID || type == FLOAT4OID || type == FLOAT8OID;
}

/* pgc_require_text refuses a column that holds no text. */
void
pgc_require_text(PgcCompile *compile)
{
	if (!pgc_type_is_text(compile->type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("rule kind \"%s\" needs a text column, but \"%s\" is of type %s",
						compile->spec->kind, NameStr(compile->column->name),
						format_type_be(compile->column->type)),
				 errhint("Use satisfies with a cast if its text is meant.")));
	compile->op->trim = compile->type == BPCHAROID;
}

/* pgc_require_no_columns refuses columns of a rule about the whole table. */
void
pgc_require_no_columns(const PgcCompile *compile)
{
	if (compile->spec->ncolumns > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule kind \"%s\" is about the whole table, not about columns", compile->spec->kind),
				 errhint("Give an empty list of columns.")));
}
