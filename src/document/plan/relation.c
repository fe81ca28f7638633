/*
 * src/document/plan/relation.c
 *		Which server a document is about here, and which relation an object is.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/dbcommands.h"
#include "compat.h"
#include "document/plan/plan.h"
#include "miscadmin.h"
#include "parser/scansup.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* A part of a name: of a schema, a relation or a column. */
typedef struct Part
{
	char	   *name;
	bool		quoted;			/* only exactly so */
} Part;

/* is_ours: is a server of the document a PostgreSQL server? */
static bool
is_ours(const PgcNode *server)
{
	const char *type = pgc_node_get_text(server, "type");

	return type != NULL && (strcmp(type, "postgres") == 0 || strcmp(type, "postgresql") == 0);
}

/* has_value: is a server's field as given? */
static bool
has_value(const PgcNode *server, const char *field, const char *value)
{
	const char *found = pgc_node_get_text(server, field);

	return found != NULL && strcmp(found, value) == 0;
}

/* servers_with returns those of some servers whose field is as given. */
static List *
servers_with(const List *servers, const char *field, const char *value)
{
	List	   *found = NIL;
	ListCell   *cell;

	foreach(cell, servers)
	{
		if (has_value(lfirst(cell), field, value))
			found = lappend(found, lfirst(cell));
	}
	return found;
}

/* our_servers returns the document's PostgreSQL servers. */
static List *
our_servers(const PgcNode *root)
{
	const PgcNode *list = pgc_node_get(root, "servers");
	List	   *servers = NIL;

	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
	{
		if (is_ours(list->content.items[i]))
			servers = lappend(servers, list->content.items[i]);
	}
	return servers;
}

/* names_of lists servers for a hint (palloc'd). */
static char *
names_of(const List *servers)
{
	StringInfoData names;
	ListCell   *cell;

	initStringInfo(&names);
	foreach(cell, servers)
	{
		const char *name = pgc_node_get_text(lfirst(cell), "server");
		const char *environment = pgc_node_get_text(lfirst(cell), "environment");

		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", name == NULL ? "" : name);
		if (environment != NULL)
			appendStringInfo(&names, " (%s)", environment);
	}
	return names.data;
}

/* differ: do servers have different schemas? */
static bool
differ(const List *servers)
{
	const char *first = pgc_node_get_text(linitial(servers), "schema");
	ListCell   *cell;

	foreach(cell, servers)
	{
		const char *schema = pgc_node_get_text(lfirst(cell), "schema");

		if ((schema == NULL) != (first == NULL) || (schema != NULL && strcmp(schema, first) != 0))
			return true;
	}
	return false;
}

/* remark_servers says that no server could be chosen. */
static void
remark_servers(PgcPlanner *planner, const List *servers, const char *message)
{
	PgcRemark  *remark = pgc_remark(planner->remarks, PGC_ERROR, pgc_node_get(planner->root, "servers"),
									pgc_plan_path(NULL, "servers"), "%s", message);

	remark->hint = servers == NIL ? "It has no servers of type postgres." :
		psprintf("Say server => one of its servers of type postgres: %s.", names_of(servers));
}

/* asked_servers returns the servers that the caller named, or remarks that there is none. */
static List *
asked_servers(PgcPlanner *planner, List *servers)
{
	const char *name = planner->options->server;
	List	   *found = servers_with(servers, "server", name);

	if (found == NIL)
		found = servers_with(servers, "environment", name);
	if (found == NIL)
		remark_servers(planner, servers, psprintf("the document has no server \"%s\"", name));
	return found;
}

/*
 * pgc_plan_choose_server finds the schema that names without one are in: that of
 * the server that the caller named, of the only one, of that of this database.
 */
void
pgc_plan_choose_server(PgcPlanner *planner)
{
	List	   *servers = our_servers(planner->root);

	if (planner->options->server != NULL)
		servers = asked_servers(planner, servers);
	else if (list_length(servers) > 1)
	{
		List	   *here = servers_with(servers, "database", get_database_name(MyDatabaseId));

		if (here != NIL)
			servers = here;
	}
	if (servers == NIL)
		return;
	if (!differ(servers))
		planner->schema = pgc_node_get_text(linitial(servers), "schema");
	else if (planner->options->bind)
		remark_servers(planner, servers, "the document has several servers, with different schemas");
}

/*
 * split takes name, schema.name or database.schema.name apart; a part in double
 * quotes may contain dots.  Returns the number of parts, or 0: it is none of these.
 */
static int
split(const char *text, Part parts[3])
{
	int			n = 0;

	for (const char *at = text;; at++)
	{
		StringInfoData name;

		if (n == 3)
			return 0;
		initStringInfo(&name);
		parts[n].quoted = *at == '"';
		if (parts[n].quoted)
		{
			for (at++; *at != '\0' && (*at != '"' || at[1] == '"'); at++)
			{
				appendStringInfoChar(&name, *at);
				at += *at == '"';
			}
			if (*at++ != '"')
				return 0;
		}
		while (!parts[n].quoted && *at != '\0' && *at != '.')
			appendStringInfoChar(&name, *at++);
		if (name.len == 0 || name.len >= NAMEDATALEN || (*at != '\0' && *at != '.'))
			return 0;
		parts[n++].name = name.data;
		if (*at == '\0')
			return n;
	}
}

/* fold returns a name as PostgreSQL reads it without quotes (palloc'd). */
static char *
fold(const char *name)
{
	return downcase_identifier(name, strlen(name), false, false);
}

/* find_schema returns a schema's OID, by its exact name, then folded; or InvalidOid. */
static Oid
find_schema(const Part *part)
{
	Oid			schema = get_namespace_oid(part->name, true);

	return OidIsValid(schema) || part->quoted ? schema : get_namespace_oid(fold(part->name), true);
}

/* find_in returns the relation of a name in a schema likewise. */
static Oid
find_in(Oid schema, const Part *part)
{
	Oid			relid = get_relname_relid(part->name, schema);

	return OidIsValid(relid) || part->quoted ? relid : get_relname_relid(fold(part->name), schema);
}

/* find_on_path returns the first relation of a name on search_path, or InvalidOid. */
static Oid
find_on_path(const Part *part)
{
	List	   *path = fetch_search_path(false);
	Oid			relid = InvalidOid;
	ListCell   *cell;

	foreach(cell, path)
	{
		relid = find_in(lfirst_oid(cell), part);
		if (OidIsValid(relid))
			break;
	}
	list_free(path);
	return relid;
}

/* current_schema_name returns where a relation would be made, or NULL. */
static char *
current_schema_name(void)
{
	List	   *path = fetch_search_path(false);

	return path == NIL ? NULL : get_namespace_name(linitial_oid(path));
}

/* check_kind remarks a relation that is not what the document says it is. */
static void
check_kind(PgcPlanner *planner, const PgcObject *object)
{
	const PgcNode *node = pgc_node_get(object->dataset->node, "physicalType");
	const char *said = pgc_node_text(node) != NULL ? pgc_node_text(node) : "";
	bool		is_view = object->relkind == RELKIND_VIEW || object->relkind == RELKIND_MATVIEW;
	PgcRemark  *remark;

	if (!is_view && object->relkind != RELKIND_RELATION && object->relkind != RELKIND_PARTITIONED_TABLE &&
		object->relkind != RELKIND_FOREIGN_TABLE)
	{
		remark = pgc_remark(planner->remarks, PGC_ERROR, object->dataset->node, object->dataset->path,
							"%s cannot have a contract", object->dataset->name);
		remark->hint = "Use a table, partitioned table, foreign table, view or materialized view.";
	}
	else if ((pg_strcasecmp(said, "table") == 0 && is_view) || (pg_strcasecmp(said, "view") == 0 && !is_view))
		(void) pgc_remark(planner->remarks, PGC_WARNING, node, pgc_plan_path(object->path, "physicalType"),
						  "%s is a %s, not a %s", object->dataset->name, is_view ? "view" : "table", said);
}

/* open_relation takes names, kind and columns from the relation that an object is. */
static void
open_relation(PgcPlanner *planner, PgcObject *object, Oid relid)
{
	PgcPlannedDataset *dataset = object->dataset;
	Relation	relation;

	if (planner->options->require != NULL)
		planner->options->require(relid);
	relation = try_relation_open(relid, AccessShareLock);
	if (relation == NULL)
		return;
	dataset->relid = relid;
	object->relkind = relation->rd_rel->relkind;
	namestrcpy(&dataset->schema_name, get_namespace_name(RelationGetNamespace(relation)));
	namestrcpy(&dataset->table_name, RelationGetRelationName(relation));
	dataset->layout = pgc_layout_of(relation);
	relation_close(relation, NoLock);

	/*
	 * what is compiled may run the document's functions: as the owner only if
	 * the owner asks
	 */
	if (!pgc_compat_owns_relation(relid, GetUserId()))
		dataset->layout->owner = dataset->layout->author = GetUserId();
	dataset->name = pgc_catalog_name(NameStr(dataset->schema_name), NameStr(dataset->table_name));
	check_kind(planner, object);
}

/* name_relation gives an object whose relation is not there its names. */
static void
name_relation(PgcPlanner *planner, PgcObject *object, const Part *schema, const Part *table)
{
	PgcPlannedDataset *dataset = object->dataset;
	const char *type = pgc_node_get_text(dataset->node, "physicalType");
	const char *name = schema != NULL ? schema->name : planner->schema;
	PgcRemark  *remark;

	if (name == NULL)
		name = planner->options->bind ? current_schema_name() : "public";
	if (name == NULL)
	{
		remark = pgc_remark(planner->remarks, PGC_ERROR, dataset->node, dataset->path,
							"no schema is known for \"%s\"", table->name);
		remark->hint = "Give the server a schema, or set search_path.";
		name = "public";
	}
	object->relkind = type != NULL && pg_strcasecmp(type, "view") == 0 ? RELKIND_VIEW : RELKIND_RELATION;
	namestrcpy(&dataset->schema_name, name);
	namestrcpy(&dataset->table_name, table->name);
	dataset->name = pgc_catalog_name(name, table->name);
}

/* look_for returns the relation that a name means, and sets the schema as it is called. */
static Oid
look_for(const Part *table, Part *schema)
{
	Oid			namespace;

	if (schema == NULL)
		return find_on_path(table);
	namespace = find_schema(schema);
	if (!OidIsValid(namespace))
		return InvalidOid;
	schema->name = get_namespace_name(namespace);
	return find_in(namespace, table);
}

/*
 * pgc_plan_find_relation finds out which relation an object is, and fills its
 * dataset's names; its layout only if the relation is there.
 */
void
pgc_plan_find_relation(PgcPlanner *planner, PgcObject *object)
{
	const PgcNode *node = pgc_node_get(object->dataset->node, "physicalName");
	Part		parts[3];
	Part		server = {.name = unconstify(char *, planner->schema)};
	Part	   *schema;
	int			n;
	Oid			relid;
	PgcRemark  *remark;
	PgcObject  *taken_by;

	if (pgc_node_text(node) == NULL || pgc_node_text(node)[0] == '\0')
		node = pgc_node_get(object->dataset->node, "name");
	n = split(pgc_node_text(node), parts);
	if (n == 0)
	{
		remark = pgc_remark(planner->remarks, PGC_ERROR, node, object->dataset->path,
							"\"%s\" cannot be the name of a relation", pgc_node_text(node));
		remark->hint = "Write table or schema.table; a part with a dot in double quotes.";
		parts[0].name = "?";
		parts[0].quoted = true;
		n = 1;
	}
	schema = n > 1 ? &parts[n - 2] : server.name != NULL ? &server : NULL;
	relid = planner->options->bind ? look_for(&parts[n - 1], schema) : InvalidOid;
	if (OidIsValid(relid))
		open_relation(planner, object, relid);
	if (!OidIsValid(object->dataset->relid))
		name_relation(planner, object, schema, &parts[n - 1]);
	if (pgc_names_add(planner->relations, object->dataset->name, object))
		return;
	taken_by = pgc_names_find(planner->relations, object->dataset->name);
	(void) pgc_remark(planner->remarks, PGC_ERROR, node, object->dataset->path,
					  "%s is taken by object \"%s\"", object->dataset->name, taken_by->dataset->object);
}

/*
 * pgc_plan_other_relation returns the relation that an object which is not in the
 * document means to one that is, or InvalidOid.
 */
Oid
pgc_plan_other_relation(PgcPlanner *planner, const PgcObject *object, const char *name)
{
	Part		parts[3];
	int			n = planner->options->bind ? split(name, parts) : 0;
	Part		own = {.name = pstrdup(NameStr(object->dataset->schema_name)),.quoted = true};
	Oid			relid;

	if (n == 0)
		return InvalidOid;
	if (n > 1)
		return look_for(&parts[n - 1], &parts[n - 2]);
	relid = look_for(&parts[0], &own);
	return OidIsValid(relid) ? relid : find_on_path(&parts[0]);
}
