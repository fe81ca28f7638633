/*
 * src/document/odcs/fields.c
 *		The fields of everything in a document but servers.
 *
 * Often used fields come first: they are looked for one after the other.
 */
#include "postgres.h"

#include "document/odcs/odcs_table.h"

/* What many objects have. */
#define ID TEXT("id", SINCE(310), JUDGE(pgc_odcs_judge_id))
#define TAGS(...) FIELD("tags", PGC_WANT_TEXTS, __VA_ARGS__)
#define CUSTOM_PROPERTIES(...) MAPS("customProperties", custom_property, __VA_ARGS__)
#define DEFINITIONS(...) MAPS("authoritativeDefinitions", definition, __VA_ARGS__)

/* Versions whose schemas allow no other fields. */
#define STRICT .strict = PGC_ODCS_ALL
#define STRICT_SINCE_310 .strict = PGC_ODCS_FROM_310

static const PgcOdcsField custom_property_fields[] = {
	TEXT("property", MUST_SINCE(310)),
	FIELD("value", PGC_WANT_ANYTHING, MUST_SINCE(310)),
	TEXT("description", SINCE(310)),
	ID
};
static const PgcOdcsShape custom_property = {
	.what = "a custom property", FIELDS(custom_property_fields), STRICT_SINCE_310
};

static const PgcOdcsField definition_fields[] = {
	TEXT("url", MUST), TEXT("type", MUST), TEXT("description", SINCE(310)), ID
};
static const PgcOdcsShape definition = {
	.what = "an authoritative definition", FIELDS(definition_fields), STRICT_SINCE_310
};

/* What is said of a contract as a whole. */

static const PgcOdcsField description_fields[] = {
	TEXT("purpose"), TEXT("usage"), TEXT("limitations"), DEFINITIONS(SINCE(301)), CUSTOM_PROPERTIES(SINCE(301))
};
static const PgcOdcsShape description = {
	.what = "the description of a contract", FIELDS(description_fields)
};

static const PgcOdcsField role_fields[] = {
	TEXT("role", MUST), TEXT("access"), TEXT("description"), TEXT("firstLevelApprovers"), TEXT("secondLevelApprovers"),
	CUSTOM_PROPERTIES(SINCE(301)), ID
};
static const PgcOdcsShape role = {.what = "a role", FIELDS(role_fields), STRICT_SINCE_310};

static const PgcOdcsField server_fields[] = {
	TEXT("server", MUST), TEXT("type", MUST, WORDS(pgc_odcs_server_types)), TEXT("description"),
	TEXT("environment"), MAPS("roles", role), CUSTOM_PROPERTIES(), ID
};
static const PgcOdcsShape server = {
	.what = "a server", FIELDS(server_fields), STRICT_SINCE_310,.variant = pgc_odcs_server
};

static const PgcOdcsField support_fields[] = {
	TEXT("channel", MUST), TEXT("url", MUST_UNTIL(302)), TEXT("description"), TEXT("tool"), TEXT("scope"),
	TEXT("invitationUrl"), CUSTOM_PROPERTIES(SINCE(310)), ID
};
static const PgcOdcsShape support = {.what = "a support channel", FIELDS(support_fields), STRICT_SINCE_310};

static const PgcOdcsField price_fields[] = {
	NUMBER("priceAmount"), TEXT("priceCurrency"), TEXT("priceUnit"), ID
};
static const PgcOdcsShape price = {.what = "a price", FIELDS(price_fields), STRICT_SINCE_310};

static const PgcOdcsField team_member_fields[] = {
	TEXT("username", MUST_SINCE(310)), TEXT("role"), TEXT("name", SINCE(302)), TEXT("description", SINCE(302)),
	TEXT("dateIn"), TEXT("dateOut"), TEXT("replacedByUsername"), TAGS(SINCE(310)), CUSTOM_PROPERTIES(SINCE(310)),
	DEFINITIONS(SINCE(310)), ID,
	/* in no schema, but in the standard's own examples of 3.0 */
	TEXT("comment", UNTIL(302))
};
const PgcOdcsShape pgc_odcs_team_member = {
	.what = "a team member", FIELDS(team_member_fields), STRICT_SINCE_310
};

static const PgcOdcsField team_fields[] = {
	TEXT("name"), TEXT("description"), MAPS("members", pgc_odcs_team_member), TAGS(), CUSTOM_PROPERTIES(), DEFINITIONS(), ID
};
const PgcOdcsShape pgc_odcs_team = {.what = "a team", FIELDS(team_fields), STRICT};

static const PgcOdcsField sla_fields[] = {
	TEXT("property", MUST), FIELD("value", PGC_WANT_SCALAR, MUST), FIELD("valueExt", PGC_WANT_SCALAR), TEXT("unit"),
	TEXT("element"), TEXT("driver"), TEXT("description", SINCE(310)), TEXT("scheduler", SINCE(310)),
	TEXT("schedule", SINCE(310)), ID,
	/* so is this */
	TEXT("column", UNTIL(302))
};
static const PgcOdcsShape sla = {.what = "an SLA property", FIELDS(sla_fields), STRICT_SINCE_310};

/* Quality: the fields of all types, then of each. */

static const char *const quality_types[] = {"library", "sql", "custom", "text", NULL};
static const char *const dimensions[] = {
	"accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness", NULL
};
static const char *const metrics[] = {
	"nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount", NULL
};

static const PgcOdcsField quality_fields[] = {
	TEXT("type", WORDS(quality_types)), TEXT("name"), TEXT("description"), TEXT("dimension", WORDS(dimensions)),
	TEXT("severity"), TEXT("businessImpact"), TEXT("unit"), TEXT("schedule"), TEXT("scheduler"), TEXT("method"), TAGS(),
	CUSTOM_PROPERTIES(), DEFINITIONS(), ID
};
static const PgcOdcsShape quality = {
	.what = "a quality check", FIELDS(quality_fields), STRICT_SINCE_310,.whole = true,
	.variant = pgc_odcs_quality,.judge = pgc_odcs_judge_quality
};

#define OPERATORS \
	FIELD("mustBe", PGC_WANT_VALUE), \
	FIELD("mustNotBe", PGC_WANT_VALUE), \
	NUMBER("mustBeGreaterThan"), \
	NUMBER("mustBeGreaterOrEqualTo"), \
	NUMBER("mustBeLessThan"), \
	NUMBER("mustBeLessOrEqualTo"), \
	FIELD("mustBeBetween", PGC_WANT_VALUES, JUDGE(pgc_odcs_judge_between)), \
	FIELD("mustNotBeBetween", PGC_WANT_VALUES, JUDGE(pgc_odcs_judge_between))

static const PgcOdcsField quality_library_fields[] = {
	TEXT("metric", MUST_SINCE(310), WORDS(metrics)), OPERATORS,
	FIELD("arguments", PGC_WANT_MAP, JUDGE(pgc_odcs_judge_arguments)), TEXT("rule")
};
const PgcOdcsShape pgc_odcs_quality_library = {
	.what = "a quality check of type library", FIELDS(quality_library_fields)
};

/* What the metric was called before 3.1. */
static const PgcOdcsField quality_library_fields_30[] = {
	TEXT("rule", MUST), OPERATORS, TEXT("metric", SINCE(310), WORDS(metrics)),
	FIELD("arguments", PGC_WANT_MAP, SINCE(310), JUDGE(pgc_odcs_judge_arguments))
};
const PgcOdcsShape pgc_odcs_quality_library_30 = {
	.what = "a quality check of type library", FIELDS(quality_library_fields_30)
};

static const PgcOdcsField quality_sql_fields[] = {TEXT("query", MUST), OPERATORS};
const PgcOdcsShape pgc_odcs_quality_sql = {
	.what = "a quality check of type sql", FIELDS(quality_sql_fields)
};

static const PgcOdcsField quality_custom_fields[] = {
	TEXT("engine", MUST), FIELD("implementation", PGC_WANT_ANYTHING, MUST, JUDGE(pgc_odcs_judge_implementation))
};
const PgcOdcsShape pgc_odcs_quality_custom = {
	.what = "a quality check of type custom", FIELDS(quality_custom_fields)
};

const PgcOdcsShape pgc_odcs_quality_text = {.what = "a quality check of type text"};

/* Relationships: of a property ("from" is the property), of an object. */

static const char *const relationship_types[] = {"foreignKey", NULL};

#define REFERENCE(name_) FIELD(name_, PGC_WANT_ANYTHING, MUST, JUDGE(pgc_odcs_judge_reference))

static const PgcOdcsField property_relationship_fields[] = {
	REFERENCE("to"), TEXT("type", WORDS(relationship_types)), CUSTOM_PROPERTIES()
};
static const PgcOdcsShape property_relationship = {
	.what = "a relationship of a property", FIELDS(property_relationship_fields), STRICT,.whole = true
};

static const PgcOdcsField object_relationship_fields[] = {
	REFERENCE("from"), REFERENCE("to"), TEXT("type", WORDS(relationship_types)), CUSTOM_PROPERTIES()
};
static const PgcOdcsShape object_relationship = {
	.what = "a relationship of an object", FIELDS(object_relationship_fields), STRICT,.whole = true,
	.judge = pgc_odcs_judge_relationship
};

/* Objects and properties. */

static const PgcOdcsShape property;
static const PgcOdcsShape item;

static const PgcOdcsField enum_value_fields[] = {
	FIELD("value", PGC_WANT_SCALAR, MUST), TEXT("label"), TEXT("description"), TAGS(), CUSTOM_PROPERTIES(), DEFINITIONS(), ID
};
static const PgcOdcsShape enum_value = {.what = "a value of an enum", FIELDS(enum_value_fields)};

static const PgcOdcsField map_fields[] = {
	MAP("key", item, MUST), MAP("value", item, MUST)
};
static const PgcOdcsShape map_types = {.what = "a map", FIELDS(map_fields)};

/* What 3.2 adds to objects and properties, and is only kept. */
#define MEANINGS \
	FIELD("synonyms", PGC_WANT_ANYTHING, SINCE(320)), \
	FIELD("context", PGC_WANT_ANYTHING, SINCE(320)), \
	FIELD("vendor", PGC_WANT_ANYTHING, SINCE(320)), \
	FIELD("deprecated", PGC_WANT_ANYTHING, SINCE(320))

#define PROPERTY_FIELDS(...) \
	TEXT("name", __VA_ARGS__ JUDGE(pgc_odcs_judge_name)), \
	TEXT("logicalType", JUDGE(pgc_odcs_judge_logical_type)), \
	TEXT("physicalType"), \
	TEXT("description"), \
	BOOL("required"), \
	BOOL("unique"), \
	BOOL("primaryKey"), \
	INTEGER("primaryKeyPosition"), \
	TEXT("physicalName", SINCE(302), JUDGE(pgc_odcs_judge_name)), \
	TEXT("businessName"), \
	TEXT("classification"), \
	TAGS(), \
	CUSTOM_PROPERTIES(), \
	FIELD("logicalTypeOptions", PGC_WANT_MAP), \
	MAPS("quality", quality), \
	MAPS("relationships", property_relationship, SINCE(310)), \
	MAPS("properties", property), \
	MAP("items", item), \
	BOOL("partitioned"), \
	INTEGER("partitionKeyPosition"), \
	BOOL("criticalDataElement"), \
	FIELD("examples", PGC_WANT_VALUES), \
	TEXT("encryptedName"), \
	FIELD("transformSourceObjects", PGC_WANT_TEXTS), \
	TEXT("transformLogic"), \
	TEXT("transformDescription"), \
	DEFINITIONS(), \
	MAPS("enum", enum_value, SINCE(320)), \
	MAP("map", map_types, SINCE(320)), \
	TEXT("semanticType", SINCE(320)), \
	INTEGER("dimensions", SINCE(320)), \
	TEXT("elementType", SINCE(320)), \
	MEANINGS, \
	ID

static const PgcOdcsField property_fields[] = {PROPERTY_FIELDS(MUST,)};
static const PgcOdcsShape property = {
	.what = "a property", FIELDS(property_fields), STRICT,.names_differ = true,
	.judge = pgc_odcs_judge_property
};

static const PgcOdcsField item_fields[] = {PROPERTY_FIELDS()};
static const PgcOdcsShape item = {
	.what = "an item of an array", FIELDS(item_fields), STRICT,.judge = pgc_odcs_judge_item
};

static const char *const object_types[] = {"object", NULL};

static const PgcOdcsField object_fields[] = {
	TEXT("name", MUST, JUDGE(pgc_odcs_judge_name)),
	TEXT("physicalName", JUDGE(pgc_odcs_judge_name)),
	TEXT("physicalType"),
	TEXT("logicalType", WORDS(object_types)),
	TEXT("description"),
	TEXT("businessName"),
	TEXT("dataGranularityDescription"),
	TAGS(),
	CUSTOM_PROPERTIES(),
	DEFINITIONS(),
	MAPS("properties", property),
	MAPS("quality", quality),
	MAPS("relationships", object_relationship, SINCE(310)),
	MEANINGS,
	ID
};
static const PgcOdcsShape object = {
	.what = "a schema object", FIELDS(object_fields), STRICT,.names_differ = true
};

/* logicalTypeOptions, by logicalType. */

static const char *const integer_formats[] = {
	"i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128", NULL
};
static const char *const number_formats[] = {"f32", "f64", NULL};

#define COUNT(name_) INTEGER(name_, JUDGE(pgc_odcs_judge_not_negative))

/* Exclusive bounds were yes or no before 3.1: the judges look. */
#define NUMBER_BOUNDS \
	NUMBER("minimum"), NUMBER("maximum"), \
	FIELD("exclusiveMinimum", PGC_WANT_ANYTHING, JUDGE(pgc_odcs_judge_exclusive_number)), \
	FIELD("exclusiveMaximum", PGC_WANT_ANYTHING, JUDGE(pgc_odcs_judge_exclusive_number)), \
	NUMBER("multipleOf", JUDGE(pgc_odcs_judge_positive))
#define TEXT_BOUNDS \
	TEXT("minimum"), TEXT("maximum"), \
	FIELD("exclusiveMinimum", PGC_WANT_ANYTHING, JUDGE(pgc_odcs_judge_exclusive_text)), \
	FIELD("exclusiveMaximum", PGC_WANT_ANYTHING, JUDGE(pgc_odcs_judge_exclusive_text)), \
	TEXT("format")

static const PgcOdcsField string_options[] = {
	COUNT("minLength"), COUNT("maxLength"), TEXT("pattern"), TEXT("format"), FIELD("enum", PGC_WANT_VALUES, SINCE(320))
};
static const PgcOdcsField integer_options[] = {NUMBER_BOUNDS, TEXT("format", WORDS(integer_formats))};
static const PgcOdcsField number_options[] = {NUMBER_BOUNDS, TEXT("format", WORDS(number_formats))};
static const PgcOdcsField date_options[] = {TEXT_BOUNDS};
static const PgcOdcsField time_options[] = {TEXT_BOUNDS, BOOL("timezone"), TEXT("defaultTimezone")};
static const PgcOdcsField object_options[] = {
	COUNT("minProperties"), COUNT("maxProperties"),
	FIELD("required", PGC_WANT_TEXTS, JUDGE(pgc_odcs_judge_required_options))
};
static const PgcOdcsField array_options[] = {COUNT("minItems"), COUNT("maxItems"), BOOL("uniqueItems")};

#define OPTIONS(type_, fields_) {.what = "logicalType " type_, FIELDS(fields_), STRICT}

static const struct
{
	const char *logical_type;
	PgcOdcsShape shape;
}			options[] = {
	{"string", OPTIONS("string", string_options)},
	{"integer", OPTIONS("integer", integer_options)},
	{"number", OPTIONS("number", number_options)},
	{"date", OPTIONS("date", date_options)},
	{"timestamp", OPTIONS("timestamp", time_options)},
	{"time", OPTIONS("time", time_options)},
	{"object", OPTIONS("object", object_options)},
	{"array", OPTIONS("array", array_options)}
};

/* pgc_odcs_options returns the shape of a logical type's options, or NULL if the standard has none. */
const PgcOdcsShape *
pgc_odcs_options(const char *logical_type)
{
	for (int i = 0; i < lengthof(options); i++)
	{
		if (strcmp(options[i].logical_type, logical_type) == 0)
			return &options[i].shape;
	}
	return NULL;
}

/* pgc_odcs_is_option tells if a logical type has an option of the name. */
bool
pgc_odcs_is_option(const char *name)
{
	for (int i = 0; i < lengthof(options); i++)
	{
		for (int j = 0; j < options[i].shape.nfields; j++)
		{
			if (strcmp(options[i].shape.fields[j].name, name) == 0)
				return true;
		}
	}
	return false;
}

/* The whole document. */

static const char *const kinds[] = {"DataContract", NULL};

static const PgcOdcsField root_fields[] = {
	TEXT("version", MUST, JUDGE(pgc_odcs_judge_name)),
	TEXT("apiVersion", MUST),
	TEXT("kind", MUST, WORDS(kinds)),
	TEXT("id", MUST, JUDGE(pgc_odcs_judge_name)),
	TEXT("status", MUST_UNTIL(310)),
	TEXT("name"),
	TEXT("tenant"),
	TAGS(),
	TEXT("domain"),
	TEXT("dataProduct"),
	MAP("description", description),
	MAPS("servers", server),
	MAPS("schema", object),
	MAPS("support", support),
	MAP("price", price),
	FIELD("team", PGC_WANT_ANYTHING, JUDGE(pgc_odcs_judge_team)),
	MAPS("roles", role),
	TEXT("slaDefaultElement"),
	MAPS("slaProperties", sla),
	DEFINITIONS(SINCE(301)),
	CUSTOM_PROPERTIES(),
	TEXT("contractCreatedTs"),
	FIELD("context", PGC_WANT_ANYTHING, SINCE(320))
};
const PgcOdcsShape pgc_odcs_root = {.what = "a data contract", FIELDS(root_fields), STRICT};
