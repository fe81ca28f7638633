/*
 * src/document/plan/parameters.c
 *		Builds the parameters of a rule as a JSON object.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "document/plan/plan.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* push pushes a token.  Building takes far more memory than what is built: it is done in a context of its own. */
static JsonbValue *
push(PgcParameters *parameters, JsonbIteratorToken token, JsonbValue *value)
{
	MemoryContext caller = MemoryContextSwitchTo(parameters->scratch);
	JsonbValue *pushed = pushJsonbValue(&parameters->state, token, value);

	MemoryContextSwitchTo(caller);
	return pushed;
}

void
pgc_parameters_begin(PgcParameters *parameters)
{
	parameters->state = NULL;
	parameters->scratch = AllocSetContextCreate(CurrentMemoryContext, "pg_contract parameters", ALLOCSET_SMALL_SIZES);
	push(parameters, WJB_BEGIN_OBJECT, NULL);
}

/* push_text pushes a text as a key, a value or an element. */
static void
push_text(PgcParameters *parameters, JsonbIteratorToken token, const char *value)
{
	JsonbValue	string;

	string.type = jbvString;
	string.val.string.val = MemoryContextStrdup(parameters->scratch, value);
	string.val.string.len = strlen(value);
	push(parameters, token, &string);
}

void
pgc_parameters_text(PgcParameters *parameters, const char *name, const char *value)
{
	push_text(parameters, WJB_KEY, name);
	push_text(parameters, WJB_VALUE, value);
}

/* pgc_parameters_number pushes a number, exactly; what is none (0x10, .inf) as a text. */
void
pgc_parameters_number(PgcParameters *parameters, const char *name, const char *value)
{
	JsonbValue	number;

	if (strlen(value) > 1000 || strspn(value, "+-0123456789.") != strlen(value))
	{
		pgc_parameters_text(parameters, name, value);
		return;
	}
	number.type = jbvNumeric;
	number.val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(value),
															 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	push_text(parameters, WJB_KEY, name);
	push(parameters, WJB_VALUE, &number);
}

void
pgc_parameters_true(PgcParameters *parameters, const char *name)
{
	JsonbValue	value;

	value.type = jbvBool;
	value.val.boolean = true;
	push_text(parameters, WJB_KEY, name);
	push(parameters, WJB_VALUE, &value);
}

/* pgc_parameters_list pushes a list of texts (char *). */
void
pgc_parameters_list(PgcParameters *parameters, const char *name, const List *values)
{
	ListCell   *cell;

	push_text(parameters, WJB_KEY, name);
	push(parameters, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, values)
		push_text(parameters, WJB_ELEM, lfirst(cell));
	push(parameters, WJB_END_ARRAY, NULL);
}

/* push_timezone says whether a column has a time zone, where the document says so and it can have one. */
static void
push_timezone(PgcParameters *parameters, const PgcPlannedColumn *column)
{
	const PgcNode *timezone = pgc_node_get(pgc_node_get(column->node, "logicalTypeOptions"), "timezone");
	JsonbValue	value = {.type = jbvBool};
	Oid			type = OidIsValid(column->type) ? getBaseType(column->type) : InvalidOid;

	if (!pgc_node_is(timezone, PGC_NODE_BOOL) || column->logical_type == NULL)
		return;
	if (OidIsValid(type) ? type != TIMEOID && type != TIMETZOID && type != TIMESTAMPOID && type != TIMESTAMPTZOID :
		strcmp(column->logical_type, "timestamp") != 0 && strcmp(column->logical_type, "time") != 0)
		return;
	value.val.boolean = pgc_node_is_true(timezone);
	push_text(parameters, WJB_KEY, "timezone");
	push(parameters, WJB_VALUE, &value);
}

/* pgc_parameters_columns pushes what an object declares of its columns, for kind schema. */
void
pgc_parameters_columns(PgcParameters *parameters, const PgcObject *object)
{
	ListCell   *cell;

	push_text(parameters, WJB_KEY, "columns");
	push(parameters, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, object->list)
	{
		const PgcPlannedColumn *column = ((const PgcProperty *) lfirst(cell))->column;

		push(parameters, WJB_BEGIN_OBJECT, NULL);
		pgc_parameters_text(parameters, "name", NameStr(column->name));
		if (OidIsValid(column->type))
			pgc_parameters_text(parameters, "type",
								format_type_extended(column->type, column->typmod,
													 FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
		if (column->logical_type != NULL)
			pgc_parameters_text(parameters, "logicalType", column->logical_type);
		push_timezone(parameters, column);
		push(parameters, WJB_END_OBJECT, NULL);
	}
	push(parameters, WJB_END_ARRAY, NULL);
}

/* pgc_parameters_end returns what was built, in the current context. */
Jsonb *
pgc_parameters_end(PgcParameters *parameters)
{
	JsonbValue *object = push(parameters, WJB_END_OBJECT, NULL);
	MemoryContext caller = MemoryContextSwitchTo(parameters->scratch);
	Jsonb	   *built = JsonbValueToJsonb(object);
	Jsonb	   *copy = MemoryContextAlloc(caller, VARSIZE(built));

	memcpy(copy, built, VARSIZE(built));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(parameters->scratch);
	return copy;
}
