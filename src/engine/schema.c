/*
 * src/engine/schema.c
 *		Kind schema: the columns that a dataset is declared to have, and their
 *		types.
 *
 * Whether it is kept can be seen in the catalogs; no row is read.  A declared
 * type is kept by name: one that is dropped breaks the rule.  Types are compared
 * as ODCS' own tools do: domains are looked through, a modifier counts only if it
 * is declared, timestamp and timestamptz are one unless a time zone is declared.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "engine/kind.h"
#include "engine/schema.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

/* The logical types of ODCS, v3.2's map and vector included. */
static const char *const logical_types[] = {"string", "integer", "number", "boolean", "date",
"timestamp", "time", "array", "object", "map", "vector"};

/* What may be said of a column. */
static const char *const fields[] = {"name", "type", "logicalType", "timezone"};

/* refuse raises the error for columns that are not given as they must be. */
pg_noreturn static void
refuse(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("parameter \"columns\" of a rule of kind \"schema\" is not a list of columns"),
			 errdetail_internal("%s", detail),
			 errhint("Give a list of objects {\"name\": ..., \"type\": ..., \"logicalType\": ..., \"timezone\": ...}, where all but the name may be left out.")));
}

/* member returns a field of a JSON object, NULL if it is absent or null. */
static JsonbValue *
member(JsonbContainer *object, const char *name)
{
	JsonbValue *value = getKeyJsonValueFromContainer(object, name, strlen(name), NULL);

	return value == NULL || value->type == jbvNull ? NULL : value;
}

/* text_of returns a field that must be a text (palloc'd), NULL if it is absent. */
static char *
text_of(JsonbContainer *object, const char *name)
{
	JsonbValue *value = member(object, name);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString)
		refuse(psprintf("The field \"%s\" is not a text.", name));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* check_fields refuses fields that a column does not have. */
static void
check_fields(JsonbContainer *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;
		bool		known = false;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		for (int i = 0; i < lengthof(fields); i++)
			known |= strcmp(fields[i], name) == 0;
		if (!known)
			refuse(psprintf("A column has no field \"%s\".", name));
	}
}

/* read_type looks up a declared type, or raises. */
static void
read_type(PgcDeclared *column, const char *type)
{
	if (!pgc_compat_parse_type(type, &column->type, &column->typmod) ||
		get_typtype(column->type) == TYPTYPE_PSEUDO)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("\"%s\" is no type for column \"%s\"", type, NameStr(column->name)),
				 errhint("Types are looked up in pg_catalog: write schema.name for others.")));
	column->type_name = format_type_with_typemod(column->type, column->typmod);
}

/* read_logical_type checks a declared logical type, or raises. */
static void
read_logical_type(PgcDeclared *column, char *type)
{
	StringInfoData valid;

	initStringInfo(&valid);
	for (int i = 0; i < lengthof(logical_types); i++)
	{
		if (strcmp(logical_types[i], type) == 0)
		{
			column->logical_type = type;
			return;
		}
		appendStringInfo(&valid, "%s%s", i > 0 ? ", " : "", logical_types[i]);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown logical type \"%s\" of column \"%s\"", type, NameStr(column->name)),
			 errhint("Logical types are %s.", valid.data)));
}

/* has_time: is a column of times or timestamps declared? */
static bool
has_time(const PgcDeclared *column)
{
	Oid			type = OidIsValid(column->type) ? getBaseType(column->type) : InvalidOid;

	if (OidIsValid(type))
		return type == TIMEOID || type == TIMETZOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
	return column->logical_type != NULL &&
		(strcmp(column->logical_type, "timestamp") == 0 || strcmp(column->logical_type, "time") == 0);
}

/* read_column reads one declared column, or raises. */
static void
read_column(PgcDeclared *column, JsonbValue *value)
{
	JsonbContainer *object = value->type == jbvBinary ? value->val.binary.data : NULL;
	JsonbValue *timezone;
	char	   *field;

	if (object == NULL || !JsonContainerIsObject(object))
		refuse("An element is not an object.");
	check_fields(object);
	field = text_of(object, "name");
	if (field == NULL || field[0] == '\0' || strlen(field) >= NAMEDATALEN)
		refuse(field == NULL ? "A column has no name." :
			   psprintf("\"%s\" cannot be the name of a column.", field));
	namestrcpy(&column->name, field);
	column->typmod = -1;
	if ((field = text_of(object, "type")) != NULL)
		read_type(column, field);
	if ((field = text_of(object, "logicalType")) != NULL)
		read_logical_type(column, field);
	if ((timezone = member(object, "timezone")) == NULL)
		return;
	if (timezone->type != jbvBool)
		refuse("The field \"timezone\" is not true or false.");
	if (!has_time(column))
		refuse("Only a column of times or timestamps has a time zone.");
	column->has_timezone = true;
	column->timezone = timezone->val.boolean;
}

/* check_names refuses a column that is declared twice. */
static void
check_names(const PgcSchema *schema)
{
	for (int i = 0; i < schema->ncolumns; i++)
	{
		for (int j = 0; j < i; j++)
		{
			if (strcmp(NameStr(schema->columns[i].name), NameStr(schema->columns[j].name)) == 0)
				refuse(psprintf("Column \"%s\" is there twice.", NameStr(schema->columns[i].name)));
		}
	}
}

/*
 * pgc_schema_read reads the parameters of a rule of kind schema (palloc'd), or
 * raises.  Types are looked up with the current search_path.
 */
PgcSchema *
pgc_schema_read(const Jsonb *parameters)
{
	PgcSchema  *schema = palloc0(sizeof(PgcSchema));
	JsonbContainer *root = unconstify(JsonbContainer *, &parameters->root);
	JsonbValue *list = member(root, "columns");
	JsonbValue *exact = member(root, "exact");

	if (list == NULL || list->type != jbvBinary || !JsonContainerIsArray(list->val.binary.data) ||
		JsonContainerIsScalar(list->val.binary.data))
		refuse("There is no list.");
	if (exact != NULL && exact->type != jbvBool)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"exact\" must be true or false")));
	schema->exact = exact != NULL && exact->val.boolean;
	schema->ncolumns = JsonContainerSize(list->val.binary.data);
	if (schema->ncolumns > MaxHeapAttributeNumber)
		refuse("There are more columns than a table can have.");
	schema->columns = palloc0(Max(schema->ncolumns, 1) * sizeof(PgcDeclared));
	for (int i = 0; i < schema->ncolumns; i++)
		read_column(&schema->columns[i], getIthJsonbValueFromContainer(list->val.binary.data, i));
	check_names(schema);
	return schema;
}

/* pgc_schema_declares: do stored parameters declare a column, whatever has become of its type? */
bool
pgc_schema_declares(const Jsonb *parameters, const char *column)
{
	JsonbContainer *list = member(unconstify(JsonbContainer *, &parameters->root), "columns")->val.binary.data;

	for (uint32 i = 0; i < JsonContainerSize(list); i++)
	{
		if (strcmp(text_of(getIthJsonbValueFromContainer(list, i)->val.binary.data, "name"), column) == 0)
			return true;
	}
	return false;
}

/* push_columns writes the columns in canonical form. */
static void
push_columns(PgcCompile *compile, const PgcSchema *schema)
{
	JsonbValue	key = {.type = jbvString,.val.string = {.len = strlen("columns"),.val = pstrdup("columns")}};

	pushJsonbValue(&compile->canonical, WJB_KEY, &key);
	pushJsonbValue(&compile->canonical, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < schema->ncolumns; i++)
	{
		const PgcDeclared *column = &schema->columns[i];

		pushJsonbValue(&compile->canonical, WJB_BEGIN_OBJECT, NULL);
		pgc_parameter_push(compile, "name", NameStr(column->name), false);
		if (column->type_name != NULL)
			pgc_parameter_push(compile, "type", column->type_name, false);
		if (column->logical_type != NULL)
			pgc_parameter_push(compile, "logicalType", column->logical_type, false);
		if (column->has_timezone)
			pgc_parameter_push_bool(compile, "timezone", column->timezone);
		pushJsonbValue(&compile->canonical, WJB_END_OBJECT, NULL);
	}
	pushJsonbValue(&compile->canonical, WJB_END_ARRAY, NULL);
}

static void
compile_schema(PgcCompile *compile)
{
	PgcSchema  *schema;

	pgc_require_no_columns(compile);
	if (compile->spec->filter != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule kind \"schema\" takes no filter"),
				 errdetail("It is about columns, not about rows.")));
	schema = pgc_schema_read(compile->spec->parameters);
	push_columns(compile, schema);
	if (schema->exact)
		pgc_parameter_push_bool(compile, "exact", true);
	appendStringInfo(&compile->words, "must have the %d columns declared%s", schema->ncolumns,
					 schema->exact ? " and no others" : "");
	compile->rule->set = schema;
}

/* pgc_rule_schema returns what a rule of this kind declares, else NULL. */
const PgcSchema *
pgc_rule_schema(const PgcRule *rule)
{
	return rule->broken == NULL && rule->kind == &pgc_kind_schema ? rule->set : NULL;
}

/* A type with its modifier, domains looked through. */
typedef struct BaseType
{
	Oid			type;
	int32		typmod;
} BaseType;

static BaseType
base_of(Oid type, int32 typmod)
{
	BaseType	base = {.typmod = typmod};

	base.type = getBaseTypeAndTypmod(type, &base.typmod);
	return base;
}

static bool
is_timestamp(Oid type)
{
	return type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

/* fits: is a type as declared? */
static bool
fits(BaseType declared, BaseType found)
{
	Oid			declared_element = get_element_type(declared.type);
	Oid			found_element = get_element_type(found.type);

	if (OidIsValid(declared_element) && OidIsValid(found_element))
		return fits(base_of(declared_element, declared.typmod), base_of(found_element, found.typmod));
	if (declared.type != found.type && !(is_timestamp(declared.type) && is_timestamp(found.type)))
		return false;
	return declared.typmod < 0 || declared.typmod == found.typmod;
}

/* is_number: may a column of type integer or number be of this type? */
static bool
is_number(Oid type)
{
	return pgc_type_is_number(type);
}

/* is_string: may a column of type string be of this type? */
static bool
is_string(Oid type)
{
	char		category;
	bool		preferred;

	if (type == UUIDOID || type == NAMEOID || type_is_enum(type))
		return true;
	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING;
}

/* is_called: is a type of an extension called so, in whatever schema? */
static bool
is_called(Oid type, const char *name)
{
	const char *full = format_type_be(type);
	const char *dot = strrchr(full, '.');

	return strcmp(dot ? dot + 1 : full, name) == 0;
}

/* is_object: may a column of type object or map be of this type? */
static bool
is_object(Oid type)
{
	return type == JSONOID || type == JSONBOID || type_is_rowtype(type) ||
		is_called(type, "hstore");
}

/* fits_logically: may a column of a logical type be of this type? */
static bool
fits_logically(const char *logical, Oid type)
{
	if (strcmp(logical, "string") == 0)
		return is_string(type);
	if (strcmp(logical, "integer") == 0 || strcmp(logical, "number") == 0)
		return is_number(type);
	if (strcmp(logical, "boolean") == 0)
		return type == BOOLOID;
	if (strcmp(logical, "date") == 0)
		return type == DATEOID;
	if (strcmp(logical, "timestamp") == 0)
		return is_timestamp(type);
	if (strcmp(logical, "time") == 0)
		return type == TIMEOID || type == TIMETZOID;
	if (strcmp(logical, "array") == 0)
		return type_is_array(type);
	if (strcmp(logical, "vector") == 0)
		return type_is_array(type) || is_called(type, "vector") || is_called(type, "halfvec");
	return is_object(type);
}

/* keeps_timezone: does a type have a time zone, or none, as declared? */
static bool
keeps_timezone(const PgcDeclared *declared, Oid type)
{
	bool		with = type == TIMESTAMPTZOID || type == TIMETZOID;

	if (!declared->has_timezone || (!is_timestamp(type) && type != TIMEOID && type != TIMETZOID))
		return true;
	return declared->timezone == with;
}

/* matches: is a column as it is declared? */
static bool
matches(const PgcDeclared *declared, const PgcColumn *column)
{
	BaseType	found = base_of(column->type, column->typmod);

	if (!keeps_timezone(declared, found.type))
		return false;
	if (OidIsValid(declared->type))
		return (declared->type == column->type && declared->typmod == column->typmod) ||
			fits(base_of(declared->type, declared->typmod), found);
	return declared->logical_type == NULL || fits_logically(declared->logical_type, found.type);
}

/* rank_of returns a type's place in a row of types that each hold all values of those before, or 0. */
static int
rank_of(Oid type, bool *is_float)
{
	*is_float = type == FLOAT4OID || type == FLOAT8OID;
	switch (type)
	{
		case INT2OID:
		case FLOAT4OID:
			return 1;
		case INT4OID:
		case FLOAT8OID:
			return 2;
		case INT8OID:
			return 3;
		default:
			return 0;
	}
}

/* is_longer: does a text type hold all that varchar(n) of the old modifier does, and more? */
static bool
is_longer(BaseType old, BaseType new)
{
	if (old.type != VARCHAROID || old.typmod < 0)
		return old.type == VARCHAROID && new.type == TEXTOID;
	return new.type == TEXTOID || (new.type == VARCHAROID && (new.typmod < 0 || new.typmod > old.typmod));
}

/* is_more_precise: does numeric of a modifier hold all that numeric of the old one does, and more? */
static bool
is_more_precise(int32 old, int32 new)
{
	int			old_precision = ((old - VARHDRSZ) >> 16) & 0xffff;
	int			new_precision = ((new - VARHDRSZ) >> 16) & 0xffff;
	int			old_scale = (((old - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
	int			new_scale = (((new - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;

	if (old < 0 || old == new)
		return false;
	return new < 0 ||
		(new_scale >= old_scale && new_precision - new_scale >= old_precision - old_scale);
}

/* pgc_type_is_widening: does the new type hold all values of the old one, and more? */
bool
pgc_type_is_widening(Oid old_type, int32 old_typmod, Oid new_type, int32 new_typmod)
{
	BaseType	old = base_of(old_type, old_typmod);
	BaseType	new = base_of(new_type, new_typmod);
	bool		old_float;
	bool		new_float;
	int			old_rank = rank_of(old.type, &old_float);
	int			new_rank = rank_of(new.type, &new_float);

	if (old_rank > 0)
		return old_float == new_float && new_rank > old_rank;
	if (old.type == NUMERICOID && new.type == NUMERICOID)
		return is_more_precise(old.typmod, new.typmod);
	return is_longer(old, new);
}

/* add_difference adds a difference to a list. */
static PgcDifference *
add_difference(List **differences, PgcDifferenceKind kind, const NameData *column, bool fails)
{
	PgcDifference *difference = palloc0(sizeof(PgcDifference));

	difference->kind = kind;
	difference->column = *column;
	difference->fails = fails;
	*differences = lappend(*differences, difference);
	return difference;
}

/* expected_type says what a declared column must be, or returns NULL: anything. */
static char *
expected_type(const PgcDeclared *declared)
{
	bool		is_time = declared->type == TIMEOID || declared->type == TIMETZOID;
	char	   *type = declared->type_name ? declared->type_name : declared->logical_type;

	if (!declared->has_timezone || type == NULL)
		return type;
	if (is_time || is_timestamp(declared->type))
		type = is_time ? "time" : "timestamp";
	return psprintf("%s %s time zone", type, declared->timezone ? "with" : "without");
}

/* note_missing notes that a declared column is not there. */
static void
note_missing(List **differences, const PgcDeclared *declared)
{
	PgcDifference *difference = add_difference(differences, PGC_MISSING, &declared->name, true);

	difference->expected = expected_type(declared);
	difference->words = psprintf("column \"%s\" is missing", NameStr(declared->name));
}

/* note_retyped notes that a declared column has another type. */
static void
note_retyped(List **differences, const PgcDeclared *declared, const PgcColumn *column)
{
	PgcDifference *difference = add_difference(differences, PGC_RETYPED, &declared->name, true);

	difference->expected = expected_type(declared);
	difference->found = format_type_with_typemod(column->type, column->typmod);
	difference->words = psprintf("column \"%s\" is %s, not %s", NameStr(declared->name),
								 difference->found, difference->expected);
	difference->widened = OidIsValid(declared->type) &&
		pgc_type_is_widening(declared->type, declared->typmod, column->type, column->typmod);
}

/* note_reordered notes that a declared column stands before one that is declared before it. */
static void
note_reordered(List **differences, const PgcDeclared *declared, const NameData *after)
{
	PgcDifference *difference = add_difference(differences, PGC_REORDERED, &declared->name, false);

	difference->expected = psprintf("after \"%s\"", NameStr(*after));
	difference->found = psprintf("before \"%s\"", NameStr(*after));
	difference->words = psprintf("column \"%s\" stands before \"%s\", not after it",
								 NameStr(declared->name), NameStr(*after));
}

/* note_extra notes a column that is not declared. */
static void
note_extra(List **differences, const PgcColumn *column, bool fails)
{
	PgcDifference *difference = add_difference(differences, PGC_EXTRA, &column->name, fails);

	difference->found = format_type_with_typemod(column->type, column->typmod);
	difference->words = psprintf("column \"%s\" is not declared", NameStr(column->name));
}

/*
 * pgc_schema_compare returns how a layout differs from a schema, as a list of
 * PgcDifference: the declared columns in their order, then the others.
 */
List *
pgc_schema_compare(const PgcSchema *schema, const PgcLayout *layout)
{
	List	   *differences = NIL;
	bool	   *declared = palloc0(Max(layout->ncolumns, 1) * sizeof(bool));
	int			last = -1;

	for (int i = 0; i < schema->ncolumns; i++)
	{
		const PgcDeclared *column = &schema->columns[i];
		int			index = pgc_layout_index(layout, NameStr(column->name));

		if (index < 0)
		{
			note_missing(&differences, column);
			continue;
		}
		declared[index] = true;
		if (!matches(column, &layout->columns[index]))
			note_retyped(&differences, column, &layout->columns[index]);
		if (index < last)
			note_reordered(&differences, column, &layout->columns[last].name);
		last = Max(last, index);
	}
	for (int i = 0; i < layout->ncolumns; i++)
	{
		if (!declared[i])
			note_extra(&differences, &layout->columns[i], schema->exact);
	}
	return differences;
}

/* pgc_difference_name returns what contract.drift calls a kind of difference. */
const char *
pgc_difference_name(PgcDifferenceKind kind)
{
	static const char *const names[] = {"missing", "extra", "retyped", "reordered"};

	return names[kind];
}

const PgcKind pgc_kind_schema = {
	.name = "schema",
	.ncolumns = 0,
	.null_passes = true,
	.set_rule = true,
	.parameters = {"columns", "exact"},
	.compile = compile_schema
};
