/*
 * src/document/shape.c
 *		Relations as ODCS objects: names and types, and the elements that rules
 *		are written with.
 *
 * Says nothing of constraints: what infer.c knows of the catalog, and export.c
 * of rules, each adds to the objects made here.  Nodes are made in the current
 * context.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tupdesc.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "document/shape.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

static void add_type(PgcNode *property, Oid type, int32 typmod);

/* pgc_shape_set_text sets a field to a string, unless there is none (NULL). */
void
pgc_shape_set_text(PgcNode *map, const char *key, const char *value)
{
	if (value != NULL)
		pgc_node_set(map, key, pgc_node_make_string(value));
}

/* pgc_shape_list returns the list of a field, made if it is not there. */
PgcNode *
pgc_shape_list(PgcNode *map, const char *key)
{
	PgcNode    *list = pgc_node_get(map, key);

	return pgc_node_is(list, PGC_NODE_LIST) ? list : pgc_node_set(map, key, pgc_node_make_list());
}

/* pgc_shape_texts makes a list of strings of a list of char *. */
PgcNode *
pgc_shape_texts(const List *texts)
{
	PgcNode    *list = pgc_node_make_list();
	ListCell   *cell;

	foreach(cell, texts)
		pgc_node_append(list, pgc_node_make_string(lfirst(cell)));
	return list;
}

/* pgc_shape_is_plain: can the standard's short references (object.property) have this name? */
bool
pgc_shape_is_plain(const char *name)
{
	const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";

	return name[0] != '\0' && strchr(letters, name[0]) != NULL &&
		strspn(name + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == strlen(name + 1);
}

/* pgc_shape_contract returns the root of a document without servers and objects. */
PgcNode *
pgc_shape_contract(const char *id, const char *name, const char *version, const char *status)
{
	PgcNode    *root = pgc_node_make_map();

	pgc_shape_set_text(root, "apiVersion", "v3.1.0");
	pgc_shape_set_text(root, "kind", "DataContract");
	pgc_shape_set_text(root, "id", id);
	pgc_shape_set_text(root, "name", name);
	pgc_shape_set_text(root, "version", version);
	pgc_shape_set_text(root, "status", status);
	return root;
}

/* server_host returns the address at which the client reached this server. */
static char *
server_host(void)
{
	LOCAL_FCINFO(fcinfo, 0);
	Datum		address;

	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
	address = inet_server_addr(fcinfo);
	/* without its netmask */
	return fcinfo->isnull ? "localhost" : TextDatumGetCString(DirectFunctionCall1(network_host, address));
}

/* pgc_shape_add_server adds this database, as it looks to the client. */
void
pgc_shape_add_server(PgcNode *root, const char *schema)
{
	PgcNode    *server = pgc_node_append(pgc_shape_list(root, "servers"), pgc_node_make_map());
	char	   *database = get_database_name(MyDatabaseId);

	pgc_shape_set_text(server, "server", database);
	pgc_shape_set_text(server, "type", "postgres");
	pgc_shape_set_text(server, "host", server_host());
	pgc_node_set(server, "port", pgc_node_make_scalar(PGC_NODE_INTEGER, psprintf("%d", PostPortNumber)));
	pgc_shape_set_text(server, "database", database);
	pgc_shape_set_text(server, "schema", schema);
}

/* logical_type returns the logical type of a base type that is no array or composite; NULL: ODCS has none. */
static const char *
logical_type(Oid type)
{
	char		category;
	bool		preferred;

	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return "integer";
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
			return "number";
		case BOOLOID:
			return "boolean";
		case DATEOID:
			return "date";
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return "timestamp";
		case TIMEOID:
		case TIMETZOID:
			return "time";
		case JSONOID:
		case JSONBOID:
			return "object";
		case UUIDOID:
			return "string";
	}
	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING || category == TYPCATEGORY_ENUM ? "string" : NULL;
}

/* add_attributes writes the attributes of a composite type as nested properties. */
static void
add_attributes(PgcNode *property, Oid type)
{
	TupleDesc	descriptor = lookup_rowtype_tupdesc_copy(type, -1);
	PgcNode    *properties = pgc_node_make_list();

	check_stack_depth();
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		PgcNode    *nested;

		if (attribute->attisdropped)
			continue;
		nested = pgc_node_append(properties, pgc_node_make_map());
		pgc_shape_set_text(nested, "name", NameStr(attribute->attname));
		add_type(nested, attribute->atttypid, attribute->atttypmod);
	}
	if (properties->count > 0)
		pgc_node_set(property, "properties", properties);
}

/* add_type writes a type: of a domain, what it is based on. */
static void
add_type(PgcNode *property, Oid type, int32 typmod)
{
	Oid			base = getBaseTypeAndTypmod(type, &typmod);
	Oid			element = get_element_type(base);

	if (OidIsValid(element))
	{
		pgc_shape_set_text(property, "logicalType", "array");
		pgc_shape_set_text(property, "physicalType", format_type_with_typemod(base, typmod));
		add_type(pgc_node_set(property, "items", pgc_node_make_map()), element, typmod);
		return;
	}
	if (get_typtype(base) == TYPTYPE_COMPOSITE)
	{
		pgc_shape_set_text(property, "logicalType", "object");
		pgc_shape_set_text(property, "physicalType", format_type_with_typemod(base, typmod));
		add_attributes(property, base);
		return;
	}
	pgc_shape_set_text(property, "logicalType", logical_type(base));
	pgc_shape_set_text(property, "physicalType", format_type_with_typemod(base, typmod));
}

/*
 * pgc_shape_physical_name returns how a document whose server has a schema (or
 * NULL) names a table: with its own schema where it must.
 */
char *
pgc_shape_physical_name(const char *schema, const char *table, const char *server_schema)
{
	if (server_schema != NULL && strcmp(schema, server_schema) == 0 && strpbrk(table, ".\"") == NULL)
		return pstrdup(table);
	return quote_qualified_identifier(schema, table);
}

/*
 * pgc_shape_object returns a relation as an object with its columns, names and
 * types only.  To be called under the restricted search_path, so that types are
 * written with their schemas.
 */
PgcNode *
pgc_shape_object(Relation relation, const char *name, const char *physical_name, const char *description)
{
	TupleDesc	descriptor = RelationGetDescr(relation);
	char		kind = relation->rd_rel->relkind;
	PgcNode    *object = pgc_node_make_map();
	PgcNode    *properties;

	pgc_shape_set_text(object, "name", name);
	pgc_shape_set_text(object, "physicalName", physical_name);
	pgc_shape_set_text(object, "physicalType",
					   kind == RELKIND_VIEW || kind == RELKIND_MATVIEW ? "view" : "table");
	pgc_shape_set_text(object, "logicalType", "object");
	pgc_shape_set_text(object, "description", description);
	properties = pgc_shape_list(object, "properties");
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		PgcNode    *property;

		if (attribute->attisdropped)
			continue;
		property = pgc_node_append(properties, pgc_node_make_map());
		pgc_shape_set_text(property, "name", NameStr(attribute->attname));
		add_type(property, attribute->atttypid, attribute->atttypmod);
	}
	return object;
}

/* pgc_shape_property returns an object's property of that column, or NULL. */
PgcNode *
pgc_shape_property(const PgcNode *object, const char *name)
{
	const PgcNode *properties = pgc_node_get(object, "properties");

	for (int i = 0; pgc_node_is(properties, PGC_NODE_LIST) && i < properties->count; i++)
	{
		PgcNode    *property = properties->content.items[i];
		const char *column = pgc_node_get_text(property, "physicalName");

		if (column == NULL)
			column = pgc_node_get_text(property, "name");
		if (column != NULL && strcmp(column, name) == 0)
			return property;
	}
	return NULL;
}

/* pgc_shape_add_custom_property sets a custom property of an element. */
void
pgc_shape_add_custom_property(PgcNode *element, const char *property, PgcNode *value)
{
	PgcNode    *list = pgc_shape_list(element, "customProperties");
	PgcNode    *custom;

	for (int i = 0; i < list->count; i++)
	{
		const char *other = pgc_node_get_text(list->content.items[i], "property");

		if (other != NULL && strcmp(other, property) == 0)
		{
			pgc_node_set(list->content.items[i], "value", value);
			return;
		}
	}
	custom = pgc_node_append(list, pgc_node_make_map());
	pgc_shape_set_text(custom, "property", property);
	pgc_node_set(custom, "value", value);
}

/*
 * pgc_shape_add_check adds a library check that no bad ones be found, with an
 * argument unless that is NULL, and returns it.
 */
PgcNode *
pgc_shape_add_check(PgcNode *element, const char *name, const char *metric, const char *argument, PgcNode *value)
{
	PgcNode    *check = pgc_node_append(pgc_shape_list(element, "quality"), pgc_node_make_map());

	pgc_shape_set_text(check, "name", name);
	pgc_shape_set_text(check, "type", "library");
	pgc_shape_set_text(check, "metric", metric);
	if (argument != NULL)
		pgc_node_set(pgc_node_set(check, "arguments", pgc_node_make_map()), argument, value);
	pgc_node_set(check, "mustBe", pgc_node_make_scalar(PGC_NODE_INTEGER, "0"));
	return check;
}

/* pgc_shape_add_rule adds a rule of any kind in our own words, and returns the quality item. */
PgcNode *
pgc_shape_add_rule(PgcNode *object, const char *name, const char *kind, const List *columns, PgcNode *parameters)
{
	PgcNode    *item = pgc_node_append(pgc_shape_list(object, "quality"), pgc_node_make_map());
	PgcNode    *implementation;

	pgc_shape_set_text(item, "name", name);
	pgc_shape_set_text(item, "type", "custom");
	pgc_shape_set_text(item, "engine", "pg_contract");
	implementation = pgc_node_set(item, "implementation", pgc_node_make_map());
	pgc_shape_set_text(implementation, "kind", kind);
	if (columns != NIL)
		pgc_node_set(implementation, "columns", pgc_shape_texts(columns));
	if (parameters != NULL && parameters->count > 0)
		pgc_node_set(implementation, "parameters", parameters);
	return item;
}

/* rank returns where a field of an object, property or quality item is read most easily. */
static int
rank(const PgcPair *pair)
{
	static const char *const order[] = {
		"name", "physicalName", "logicalType", "physicalType", "description", "required", "unique", "primaryKey",
		"primaryKeyPosition", "partitioned", "partitionKeyPosition", "classification", "tags", "logicalTypeOptions",
		"items", "properties", "type", "metric", "arguments", "query", "engine", "implementation", "mustBe",
		"mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo", "mustBeBetween",
		"severity", "relationships", "quality", "customProperties"
	};
	const char *key = pgc_node_text(pair->key);
	int			i = 0;

	while (i < lengthof(order) && strcmp(order[i], key) != 0)
		i++;
	return i;
}

static int
order_pairs(const void *left, const void *right)
{
	return rank(left) - rank(right);
}

/* pgc_shape_tidy puts the fields of an object, its properties and their quality into an order for readers. */
void
pgc_shape_tidy(PgcNode *object)
{
	static const char *const lists[] = {"properties", "quality"};

	qsort(object->content.pairs, object->count, sizeof(PgcPair), order_pairs);
	for (int i = 0; i < lengthof(lists); i++)
	{
		const PgcNode *list = pgc_node_get(object, lists[i]);

		for (int j = 0; list != NULL && j < list->count; j++)
			pgc_shape_tidy(list->content.items[j]);
	}
}
