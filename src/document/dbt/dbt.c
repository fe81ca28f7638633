/*
 * src/document/dbt/dbt.c
 *		SQL function convert: a contract from a dbt property file (schema.yml).
 *
 * Models, seeds, snapshots and tables of sources become objects, their columns
 * properties; constraints and data tests become required, unique, keys,
 * relationships and quality rules.  What has no counterpart is never dropped in
 * silence: it is warned of, with its line, and listed at the head of the result.
 */
#include "postgres.h"

#include "document/dbt/dbt.h"
#include "document/shape.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_convert);

/* Fields of a relation that this file, or another one, reads, or that say nothing of its data. */
static const char *const relation_fields[] = {
	"name", "description", "columns", "constraints", "tests", "data_tests", "config", "meta", "tags",
	"identifier", "alias", "freshness", "loaded_at_field", "docs", "quoting", "version", "loader",
	"access", "group", NULL
};

/* Fields of config likewise. */
static const char *const config_fields[] = {
	"materialized", "contract", "meta", "tags", "alias", "freshness", "loaded_at_field", "schema",
	"database", "enabled", "docs", "group", "access", "indexes", "unique_key", "on_schema_change",
	"incremental_strategy", "full_refresh", "persist_docs", "grants", "event_time", "pre-hook", "post-hook",
	"pre_hook", "post_hook", "partition_by", "cluster_by", "sql_header", "on_configuration_change",
	"strategy", "updated_at", "check_cols", "target_schema", "target_database", "hard_deletes",
	"invalidate_hard_deletes", "column_types", "delimiter", "quote_columns", "unlogged", "begin",
	"batch_size", "lookback", NULL
};

/*
 * pgc_dbt_leave_out says that something cannot be carried, and why.  What came from
 * the file is put on one line, so that it cannot end the comment that it goes to.
 */
void
pgc_dbt_leave_out(PgcDbt *dbt, int line, const char *format,...)
{
	PgcDbtLeftOut *left_out = palloc(sizeof(PgcDbtLeftOut));
	va_list		arguments;

	va_start(arguments, format);
	left_out->message = pgc_message(format, arguments);
	va_end(arguments);
	for (char *c = left_out->message; *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || *c == 0x7F)
			*c = ' ';
	}
	left_out->line = line;
	left_out->number = list_length(dbt->left_out);
	dbt->left_out = lappend(dbt->left_out, left_out);
}

/* pgc_dbt_leave_out_others says of a map's fields which ones are not known. */
void
pgc_dbt_leave_out_others(PgcDbt *dbt, const PgcNode *map, const char *const *known, const char *what)
{
	for (int i = 0; pgc_node_is(map, PGC_NODE_MAP) && i < map->count; i++)
	{
		const PgcPair *pair = &map->content.pairs[i];
		const char *key = pgc_node_text(pair->key);
		bool		found = false;

		for (int j = 0; key != NULL && known[j] != NULL && !found; j++)
			found = strcmp(known[j], key) == 0;
		if (!found && !(key != NULL && key[0] == '+'))
			pgc_dbt_leave_out(dbt, pair->key->line, "%s of %s", key ? key : "null", what);
	}
}

/* pgc_dbt_find returns the relation that a ref (source NULL) or source is; NULL: it is not in the file. */
PgcDbtRelation *
pgc_dbt_find(const PgcDbt *dbt, const char *source, const char *name)
{
	ListCell   *cell;

	foreach(cell, dbt->relations)
	{
		PgcDbtRelation *relation = lfirst(cell);

		if (strcmp(relation->name, name) == 0 && (source == NULL) == (relation->source == NULL) &&
			(source == NULL || strcmp(relation->source, source) == 0))
			return relation;
	}
	return NULL;
}

/* carry_tags adds tags, one or a list of them, each once. */
static void
carry_tags(PgcDbt *dbt, PgcNode *element, const PgcNode *tags)
{
	PgcNode    *list;
	int			count;

	if (tags == NULL)
		return;
	list = pgc_shape_list(element, "tags");
	count = pgc_node_is(tags, PGC_NODE_LIST) ? tags->count : 1;
	for (int i = 0; i < count; i++)
	{
		const PgcNode *tag = pgc_node_is(tags, PGC_NODE_LIST) ? tags->content.items[i] : tags;
		const char *words = pgc_node_text(tag);
		bool		known = false;

		for (int j = 0; words != NULL && j < list->count && !known; j++)
			known = strcmp(pgc_node_text(list->content.items[j]), words) == 0;
		if (words == NULL || pgc_dbt_has_jinja(words))
			pgc_dbt_leave_out(dbt, tag->line, "a tag that is no plain text");
		else if (!known)
			pgc_node_append(list, pgc_node_make_string(words));
	}
}

/* may_be_meta says whether an entry of meta means nothing, or what it says, as a custom property. */
static bool
may_be_meta(const char *key, const PgcNode *value)
{
	static const char *const ours[] = {
		"onViolation", "filter", "tolerance", "checkTypes", "strictColumns", "writePath", "onApply"
	};

	for (int i = 0; i < lengthof(ours); i++)
	{
		if (strcmp(key, ours[i]) == 0)
			return false;
	}
	return (strncmp(key, "pii", 3) != 0 && strcmp(key, "owner") != 0) ||
		(pgc_node_is_scalar(value) && pgc_node_text(value)[0] != '\0');
}

/* carry_meta makes custom properties of meta. */
static void
carry_meta(PgcDbt *dbt, PgcNode *element, const PgcNode *meta)
{
	if (meta == NULL)
		return;
	if (!pgc_node_is(meta, PGC_NODE_MAP))
		pgc_dbt_leave_out(dbt, meta->line, "meta that is no map");
	for (int i = 0; pgc_node_is(meta, PGC_NODE_MAP) && i < meta->count; i++)
	{
		const PgcPair *pair = &meta->content.pairs[i];

		if (pgc_node_text(pair->key) == NULL || pgc_node_is(pair->value, PGC_NODE_NULL))
			pgc_dbt_leave_out(dbt, pair->key->line, "an empty entry of meta");
		else if (!may_be_meta(pgc_node_text(pair->key), pair->value))
			pgc_dbt_leave_out(dbt, pair->key->line, "%s of meta, which would mean something here",
							  pgc_node_text(pair->key));
		else
			pgc_shape_add_custom_property(element, pgc_node_text(pair->key), pgc_node_copy(pair->value));
	}
}

/* pgc_dbt_describe carries what a relation or column has that is for people: description, tags, meta. */
void
pgc_dbt_describe(PgcDbt *dbt, PgcNode *element, const PgcNode *node)
{
	const PgcNode *description = pgc_node_get(node, "description");
	const PgcNode *config = pgc_node_get(node, "config");
	const char *words = pgc_node_text(description);

	if (pgc_dbt_has_jinja(words))
		pgc_dbt_leave_out(dbt, description->line, "a description with Jinja");
	else if (words != NULL && words[0] != '\0')
		pgc_shape_set_text(element, "description", words);
	carry_tags(dbt, element, pgc_node_get(node, "tags"));
	carry_tags(dbt, element, pgc_node_get(config, "tags"));
	carry_meta(dbt, element, pgc_node_get(node, "meta"));
	carry_meta(dbt, element, pgc_node_get(config, "meta"));
}

/* either returns a field of a node, or of its config. */
static const PgcNode *
either(const PgcNode *node, const char *key)
{
	const PgcNode *field = pgc_node_get(node, key);

	return field != NULL ? field : pgc_node_get(pgc_node_get(node, "config"), key);
}

/* carry_freshness makes a service level of how old a source's data may be. */
static void
carry_freshness(PgcDbt *dbt, PgcDbtRelation *relation, const PgcNode *freshness, const PgcNode *field)
{
	const PgcNode *error = pgc_node_get(freshness, "error_after");
	const PgcNode *after = error != NULL ? error : pgc_node_get(freshness, "warn_after");
	const char *column = pgc_node_text(field);
	const char *count = pgc_node_get_text(after, "count");
	const char *period = pgc_node_get_text(after, "period");
	PgcNode    *level;

	if (after == NULL)
		return;
	if (error != NULL && pgc_node_get(freshness, "warn_after") != NULL)
		pgc_dbt_leave_out(dbt, pgc_node_get(freshness, "warn_after")->line, "warn_after beside error_after");
	if (pgc_node_get(freshness, "filter") != NULL)
		pgc_dbt_leave_out(dbt, pgc_node_get(freshness, "filter")->line, "the filter of freshness");
	if (count == NULL || period == NULL || column == NULL || !pgc_shape_is_plain(column) ||
		!pgc_shape_is_plain(pgc_node_get_text(relation->object, "name")) || strspn(count, "0123456789") != strlen(count))
	{
		pgc_dbt_leave_out(dbt, after->line, "freshness without a plain loaded_at_field, count and period");
		return;
	}
	pgc_dbt_property(relation, column);
	level = pgc_node_append(pgc_shape_list(dbt->root, "slaProperties"), pgc_node_make_map());
	pgc_shape_set_text(level, "property", "freshness");
	pgc_node_set(level, "value", pgc_node_make_scalar(PGC_NODE_INTEGER, count));
	pgc_shape_set_text(level, "unit", period);
	pgc_shape_set_text(level, "element",
					   psprintf("%s.%s", pgc_node_get_text(relation->object, "name"), column));
}

/* carry_config carries how a relation is made and whether its columns are enforced. */
static void
carry_config(PgcDbt *dbt, PgcDbtRelation *relation)
{
	const PgcNode *config = pgc_node_get(relation->node, "config");
	const char *materialized = pgc_node_get_text(config, "materialized");
	const PgcNode *enforced = pgc_node_get(pgc_node_get(config, "contract"), "enforced");

	pgc_dbt_leave_out_others(dbt, config, config_fields, "config");
	if (materialized != NULL && strstr(materialized, "view") != NULL)
		pgc_shape_set_text(relation->object, "physicalType", "view");
	else if (materialized != NULL)
		pgc_shape_set_text(relation->object, "physicalType", "table");
	if (pgc_node_is_true(enforced))
		pgc_shape_add_custom_property(relation->object, "strictColumns", pgc_node_make_bool(true));
}

/* carry_relation fills an object with what its relation says. */
static void
carry_relation(PgcDbt *dbt, PgcDbtRelation *relation)
{
	pgc_dbt_leave_out_others(dbt, relation->node, relation_fields, "a relation");
	pgc_dbt_describe(dbt, relation->object, relation->node);
	carry_config(dbt, relation);
	pgc_dbt_columns(dbt, relation);
}

/* object_name returns a name that no object has yet: the relation's, else with its source before it. */
static char *
object_name(const PgcDbt *dbt, const char *source, const char *name)
{
	char	   *result = pstrdup(name);
	bool		taken;
	int			number = 1;

	do
	{
		ListCell   *cell;

		taken = false;
		foreach(cell, dbt->relations)
			taken |= strcmp(pgc_node_get_text(((PgcDbtRelation *) lfirst(cell))->object, "name"), result) == 0;
		if (taken)
			result = number == 1 && source != NULL ? psprintf("%s_%s", source, name) :
				psprintf("%s_%d", name, number + 1);
		number++;
	} while (taken);
	return result;
}

/* add_relation adds an object for a relation; NULL: it is none. */
static PgcDbtRelation *
add_relation(PgcDbt *dbt, const PgcNode *node, const char *source, const char *what)
{
	const char *name = pgc_node_get_text(node, "name");
	PgcDbtRelation *relation;

	if (name == NULL || name[0] == '\0' || pgc_dbt_has_jinja(name))
	{
		pgc_dbt_leave_out(dbt, node->line, "%s without a plain name", what);
		return NULL;
	}
	if (pgc_dbt_find(dbt, source, name) != NULL)
	{
		pgc_dbt_leave_out(dbt, node->line, "%s \"%s\", which is there already", what, name);
		return NULL;
	}
	if (pgc_node_is(either(node, "enabled"), PGC_NODE_BOOL) && !pgc_node_is_true(either(node, "enabled")))
	{
		pgc_dbt_leave_out(dbt, node->line, "%s \"%s\", which is not enabled", what, name);
		return NULL;
	}
	relation = palloc0(sizeof(PgcDbtRelation));
	relation->source = source;
	relation->name = name;
	relation->node = node;
	relation->object = pgc_node_make_map();
	pgc_shape_set_text(relation->object, "name", object_name(dbt, source, name));
	dbt->relations = lappend(dbt->relations, relation);
	return relation;
}

/* set_physical_name says what SQL calls a relation, if that is not its object's name. */
static void
set_physical_name(PgcDbt *dbt, PgcDbtRelation *relation, const char *schema, const PgcNode *other)
{
	const char *name = pgc_node_text(other);

	if (pgc_dbt_has_jinja(name))
	{
		pgc_dbt_leave_out(dbt, other->line, "a relation's name with Jinja");
		name = NULL;
	}
	if (name == NULL)
		name = relation->name;
	if (schema != NULL)
		pgc_shape_set_text(relation->object, "physicalName", quote_qualified_identifier(schema, name));
	else if (strcmp(name, pgc_node_get_text(relation->object, "name")) != 0)
		pgc_shape_set_text(relation->object, "physicalName", quote_identifier(name));
}

/* add_models adds the models, seeds or snapshots of the file. */
static void
add_models(PgcDbt *dbt, const PgcNode *list, const char *what)
{
	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
	{
		const PgcNode *node = list->content.items[i];
		const char *materialized = pgc_node_get_text(pgc_node_get(node, "config"), "materialized");
		PgcDbtRelation *relation;

		if (materialized != NULL && strcmp(materialized, "ephemeral") == 0)
		{
			pgc_dbt_leave_out(dbt, node->line, "%s \"%s\", which is ephemeral", what,
							  pgc_node_get_text(node, "name") ? pgc_node_get_text(node, "name") : "");
			continue;
		}
		relation = add_relation(dbt, node, NULL, what);
		if (relation == NULL)
			continue;
		set_physical_name(dbt, relation, NULL, either(node, "alias"));
		if (strcmp(what, "model") != 0)
			pgc_shape_set_text(relation->object, "physicalType", "table");
	}
}

/* Fields of a source that are read here, or say nothing of its data. */
static const char *const source_fields[] = {
	"name", "description", "tables", "schema", "database", "config", "meta", "tags", "freshness",
	"loaded_at_field", "quoting", "loader", "overrides", NULL
};

/* add_source adds the tables of a source. */
static void
add_source(PgcDbt *dbt, const PgcNode *source)
{
	const char *name = pgc_node_get_text(source, "name");
	const PgcNode *tables = pgc_node_get(source, "tables");
	const PgcNode *schema_node = pgc_node_get(source, "schema");
	const char *schema = pgc_node_text(schema_node) ? pgc_node_text(schema_node) : name;

	if (name == NULL || pgc_dbt_has_jinja(name))
	{
		pgc_dbt_leave_out(dbt, source->line, "a source without a plain name");
		return;
	}
	pgc_dbt_leave_out_others(dbt, source, source_fields, "a source");
	if (pgc_dbt_has_jinja(schema))
	{
		pgc_dbt_leave_out(dbt, schema_node->line, "a schema with Jinja: the source's name is taken for it");
		schema = name;
	}
	for (int i = 0; pgc_node_is(tables, PGC_NODE_LIST) && i < tables->count; i++)
	{
		const PgcNode *table = tables->content.items[i];
		PgcDbtRelation *relation = add_relation(dbt, table, name, "source table");

		if (relation == NULL)
			continue;
		set_physical_name(dbt, relation, schema, pgc_node_get(table, "identifier"));
		carry_tags(dbt, relation->object, pgc_node_get(source, "tags"));
		carry_meta(dbt, relation->object, pgc_node_get(source, "meta"));
	}
}

/* carry_source_freshness carries freshness after all properties are there. */
static void
carry_source_freshness(PgcDbt *dbt, const PgcNode *source)
{
	const PgcNode *tables = pgc_node_get(source, "tables");

	for (int i = 0; pgc_node_is(tables, PGC_NODE_LIST) && i < tables->count; i++)
	{
		const PgcNode *table = tables->content.items[i];
		const PgcNode *freshness = either(table, "freshness");
		const PgcNode *field = either(table, "loaded_at_field");
		const char *name = pgc_node_get_text(table, "name");
		PgcDbtRelation *relation = name ? pgc_dbt_find(dbt, pgc_node_get_text(source, "name"), name) : NULL;

		if (relation != NULL)
			carry_freshness(dbt, relation, freshness ? freshness : either(source, "freshness"),
							field ? field : either(source, "loaded_at_field"));
	}
}

/* Sections of a file that are read, or that number its format. */
static const char *const sections[] = {
	"version", "models", "sources", "seeds", "snapshots", NULL
};

/* require_dbt refuses what is no property file. */
static void
require_dbt(const PgcNode *file)
{
	for (int i = 1; sections[i] != NULL; i++)
	{
		if (pgc_node_is(pgc_node_get(file, sections[i]), PGC_NODE_LIST))
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the document is no dbt property file"),
			 errhint("It needs at least one of the lists models, sources, seeds and snapshots.")));
}

/* add_relations adds an object for each relation of the file. */
static void
add_relations(PgcDbt *dbt, const PgcNode *file)
{
	const PgcNode *sources = pgc_node_get(file, "sources");

	add_models(dbt, pgc_node_get(file, "models"), "model");
	add_models(dbt, pgc_node_get(file, "seeds"), "seed");
	add_models(dbt, pgc_node_get(file, "snapshots"), "snapshot");
	for (int i = 0; pgc_node_is(sources, PGC_NODE_LIST) && i < sources->count; i++)
		add_source(dbt, sources->content.items[i]);
}

/* carry_relations fills the objects, of all of which the names are known now. */
static void
carry_relations(PgcDbt *dbt, const PgcNode *file)
{
	const PgcNode *sources = pgc_node_get(file, "sources");
	PgcNode    *schema = pgc_node_make_list();
	ListCell   *cell;

	foreach(cell, dbt->relations)
	{
		PgcDbtRelation *relation = lfirst(cell);

		carry_relation(dbt, relation);
		pgc_node_append(schema, relation->object);
	}
	foreach(cell, dbt->relations)
		pgc_dbt_rules(dbt, lfirst(cell));
	pgc_node_set(dbt->root, "schema", schema);
	for (int i = 0; pgc_node_is(sources, PGC_NODE_LIST) && i < sources->count; i++)
		carry_source_freshness(dbt, sources->content.items[i]);
}

/* carry_owner makes the contract's owner of the one that its relations' meta agree on. */
static void
carry_owner(PgcDbt *dbt)
{
	const PgcNode *owner = NULL;
	ListCell   *cell;

	foreach(cell, dbt->relations)
	{
		const PgcNode *node = ((PgcDbtRelation *) lfirst(cell))->node;
		const PgcNode *meta = either(node, "meta");
		const PgcNode *other = pgc_node_get(meta, "owner");

		if (pgc_node_text(other) == NULL || pgc_node_text(other)[0] == '\0')
			continue;
		if (owner != NULL && strcmp(pgc_node_text(owner), pgc_node_text(other)) != 0)
			return;
		owner = other;
	}
	if (owner != NULL)
		pgc_shape_add_custom_property(dbt->root, "owner", pgc_node_make_string(pgc_node_text(owner)));
}

/*
 * convert_dbt returns the contract of a property file.  Such a file has no id of its
 * own: the contract gets the name of its first relation, or of its source.
 */
static PgcNode *
convert_dbt(PgcDbt *dbt, const PgcNode *file)
{
	PgcDbtRelation *first;

	require_dbt(file);
	pgc_dbt_leave_out_others(dbt, file, sections, "the file");
	add_relations(dbt, file);
	if (dbt->relations == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the dbt property file describes no relation")));
	first = linitial(dbt->relations);
	dbt->root = pgc_shape_contract(first->source ? first->source : first->name, NULL, "1.0.0", "active");
	carry_owner(dbt);
	carry_relations(dbt, file);
	pgc_dbt_check(dbt);
	return dbt->root;
}

static int
by_line(const ListCell *left, const ListCell *right)
{
	const PgcDbtLeftOut *a = lfirst(left);
	const PgcDbtLeftOut *b = lfirst(right);

	return a->line != b->line ? a->line - b->line : a->number - b->number;
}

/* with_head warns of what was left out, and puts it before a contract, as comments. */
static char *
with_head(PgcDbt *dbt, const char *contract)
{
	StringInfoData result;
	ListCell   *cell;

	initStringInfo(&result);
	appendStringInfoString(&result, "# Converted from dbt.\n");
	list_sort(dbt->left_out, by_line);
	foreach(cell, dbt->left_out)
	{
		const PgcDbtLeftOut *left_out = lfirst(cell);

		ereport(WARNING,
				(errmsg("not carried: line %d: %s", left_out->line, left_out->message)));
		appendStringInfo(&result, "# not carried: line %d: %s\n", left_out->line, left_out->message);
	}
	appendStringInfoString(&result, contract);
	return result.data;
}

/* pgc_convert is contract.convert(document, format). */
Datum
pgc_convert(PG_FUNCTION_ARGS)
{
	char	   *format = text_to_cstring(PG_GETARG_TEXT_PP(1));
	PgcDbt		dbt = {NULL};

	if (strcmp(format, "dbt") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown format \"%s\"", format),
				 errhint("Formats that can be converted: dbt.")));
	convert_dbt(&dbt, pgc_document_require(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_TEXT_P(cstring_to_text(with_head(&dbt, pgc_node_write_yaml(dbt.root))));
}
