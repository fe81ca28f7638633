/*
 * src/document/plan/relationships.c
 *		Relationships between properties: rules of kind references.
 *
 * A property is referred to by names, object.property, or by ids,
 * schema/object/properties/property.
 */
#include "postgres.h"

#include "document/plan/plan.h"
#include "engine/reference.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* What a reference means. */
typedef struct Target
{
	PgcObject  *object;			/* of the document, or NULL */
	Oid			relid;			/* of the relation, or InvalidOid: not there */
	const char *relation;		/* as SQL; NULL: it is nowhere */
	const char *column;
	Oid			type;			/* of the column */
} Target;

/* A relationship that is being planned. */
typedef struct Relationship
{
	PgcAsked	asked;
	List	   *from;			/* of PgcProperty */
	List	   *columns;		/* names (char *) of what they refer to */
	Target		target;			/* what the last one refers to */
	bool		failed;			/* it is remarked on, or given up */
} Relationship;

/* fail remarks that a relationship cannot be. */
static void
pg_attribute_printf(4, 5)
fail(Relationship *relationship, const PgcNode *node, const char *hint, const char *format,...)
{
	va_list		arguments;
	char	   *message;

	va_start(arguments, format);
	message = pgc_message(format, arguments);
	va_end(arguments);
	pgc_remark(relationship->asked.planner->remarks, PGC_ERROR, node,
			   pgc_plan_path(relationship->asked.path, NULL), "%s", message)->hint = unconstify(char *, hint);
	relationship->failed = true;
}

/*
 * pgc_plan_find_object returns the object that object.property means and sets
 * *property to what stands behind it, or returns NULL.  A name may have dots.
 */
PgcObject *
pgc_plan_find_object(const PgcPlanner *planner, const char *reference, const char **property)
{
	const char *dots[] = {strrchr(reference, '.'), strchr(reference, '.')};

	for (int i = 0; i < lengthof(dots) && dots[i] != NULL; i++)
	{
		PgcObject  *object = pgc_names_find(planner->objects, pnstrdup(reference, dots[i] - reference));

		*property = dots[i] + 1;
		if (object != NULL)
			return object;
	}
	return NULL;
}

/* set_target takes a property of the document as the target. */
static void
set_target(Target *target, PgcObject *object, const PgcProperty *property)
{
	target->object = object;
	target->relid = object->dataset->relid;
	target->relation = object->dataset->name;
	target->column = NameStr(property->column->name);
	target->type = property->layout->type;
}

/* find_by_id resolves schema/object/properties/property. */
static void
find_by_id(Relationship *relationship, const PgcNode *node, Target *target)
{
	const char *at = pgc_node_text(node);
	const char *middle;
	PgcObject  *object;
	PgcProperty *property;

	at += *at == '/';
	middle = strstr(at, "/properties/");
	if (strncmp(at, "schema/", 7) != 0 || middle == NULL || middle < at + 7)
	{
		fail(relationship, node, "Write object.property, or schema/<id>/properties/<id>.",
			 "\"%s\" is not a reference to a property", pgc_node_text(node));
		return;
	}
	object = pgc_names_find(relationship->asked.planner->ids, pnstrdup(at + 7, middle - at - 7));
	property = object == NULL ? NULL : pgc_names_find(object->ids, middle + strlen("/properties/"));
	if (property == NULL)
		fail(relationship, node, "References with slashes go by id, those with a dot by name.",
			 "the document has no property with ids \"%s\"", pgc_node_text(node));
	else if (property->layout != NULL)
		set_target(target, object, property);
	else
		relationship->failed = true;
}

/* find_outside resolves a reference to a relation that the document does not have. */
static void
find_outside(Relationship *relationship, const PgcNode *node, Target *target)
{
	PgcPlanner *planner = relationship->asked.planner;
	const char *reference = pgc_node_text(node);
	const char *dot = strrchr(reference, '.');
	char	   *name = pnstrdup(reference, dot - reference);
	Oid			relid = pgc_plan_other_relation(planner, relationship->asked.object, name);
	AttrNumber	attno;

	if (!OidIsValid(relid))
	{
		pgc_plan_give_up(planner, relationship->asked.node, pgc_plan_path(relationship->asked.path, NULL), true,
						 planner->options->bind ? "\"%s\" is neither an object of the document nor a relation here" :
						 "\"%s\" is not an object of the document", name);
		relationship->failed = true;
		return;
	}
	target->relid = relid;
	target->relation = pgc_catalog_name(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
	attno = get_attnum(relid, dot + 1);
	if (attno <= InvalidAttrNumber)
		fail(relationship, node, NULL, "%s has no column \"%s\"", target->relation, dot + 1);
	else
	{
		target->column = pstrdup(dot + 1);
		target->type = get_atttype(relid, attno);
	}
}

/* find_by_name resolves object.property. */
static void
find_by_name(Relationship *relationship, const PgcNode *node, Target *target)
{
	const char *name;
	PgcObject  *object = pgc_plan_find_object(relationship->asked.planner, pgc_node_text(node), &name);
	PgcProperty *property = object == NULL ? NULL : pgc_names_find(object->properties, name);
	const char *dot = strchr(pgc_node_text(node), '.');

	if (dot == NULL || dot == pgc_node_text(node) || strrchr(dot, '.')[1] == '\0')
		fail(relationship, node, "Write object.property, or schema/<id>/properties/<id>.",
			 "\"%s\" is not a reference to a property", pgc_node_text(node));
	else if (object == NULL)
		find_outside(relationship, node, target);
	else if (property == NULL)
		fail(relationship, node, NULL, "object \"%s\" has no property \"%s\"", object->dataset->object, name);
	else if (property->layout != NULL)
		set_target(target, object, property);
	else
		relationship->failed = true;
}

/* find_target resolves a reference; relationship->failed if it cannot be. */
static Target
find_target(Relationship *relationship, const PgcNode *node)
{
	Target		target = {.object = NULL};

	if (pgc_node_text(node) == NULL)
		relationship->failed = true;
	else if (strchr(pgc_node_text(node), '#') != NULL)
	{
		pgc_plan_give_up(relationship->asked.planner, relationship->asked.node,
						 pgc_plan_path(relationship->asked.path, NULL), true,
						 "\"%s\" is in another document", pgc_node_text(node));
		relationship->failed = true;
	}
	else if (strchr(pgc_node_text(node), '/') != NULL)
		find_by_id(relationship, node, &target);
	else
		find_by_name(relationship, node, &target);
	return target;
}

/* add_from adds a property that refers, which must be the object's own. */
static void
add_from(Relationship *relationship, const PgcNode *node)
{
	PgcObject  *object = relationship->asked.object;
	const char *reference = pgc_node_text(node);
	PgcProperty *property = reference == NULL ? NULL : pgc_names_find(object->properties, reference);
	Target		target;

	if (property == NULL)
	{
		target = find_target(relationship, node);
		if (relationship->failed)
			return;
		if (target.object != object)
		{
			fail(relationship, node, "Move the relationship to that object.",
				 "\"%s\" is not a property of object \"%s\"", reference, object->dataset->object);
			return;
		}
		property = pgc_names_find(object->bound, target.column);
	}
	if (property->layout == NULL)
		relationship->failed = true;
	else
		relationship->from = lappend(relationship->from, property);
}

/* add_to adds what is referred to: all in the same relation. */
static void
add_to(Relationship *relationship, const PgcNode *node)
{
	Target		target = find_target(relationship, node);

	if (relationship->failed)
		return;
	if (relationship->columns != NIL && strcmp(relationship->target.relation, target.relation) != 0)
		fail(relationship, node, "A relationship has one target.",
			 "\"%s\" is not in %s", pgc_node_text(node), relationship->target.relation);
	relationship->target = target;
	relationship->columns = lappend(relationship->columns, unconstify(char *, target.column));
}

/* add_each calls add for each item of a list, or for the one reference that there is. */
static void
add_each(Relationship *relationship, const PgcNode *node, void (*add) (Relationship *, const PgcNode *))
{
	if (!pgc_node_is(node, PGC_NODE_LIST))
		add(relationship, node);
	for (int i = 0; pgc_node_is(node, PGC_NODE_LIST) && i < node->count && !relationship->failed; i++)
		add(relationship, node->content.items[i]);
}

/* check_types remarks a reference that the engine has no chance to judge: a relation is not there. */
static void
check_types(Relationship *relationship, const PgcNode *to)
{
	for (int i = 0; i < list_length(relationship->from); i++)
	{
		const PgcProperty *from = list_nth(relationship->from, i);
		const char *name = list_nth(relationship->columns, i);
		const PgcColumn *column = pgc_names_find(relationship->target.object->columns, name);
		const PgcProperty *to_property = pgc_names_find(relationship->target.object->bound, name);

		if (pgc_plan_is_untyped(from) || (to_property != NULL && pgc_plan_is_untyped(to_property)))
			continue;
		if (pgc_key_operator(column->type, from->layout->type) == NULL)
			fail(relationship, to, NULL, "column \"%s\" of type %s cannot be compared with \"%s\" of type %s",
				 NameStr(from->column->name), format_type_be(from->layout->type),
				 NameStr(column->name), format_type_be(column->type));
	}
}

/* plan_one plans a relationship. */
static void
plan_one(PgcPlanner *planner, PgcObject *object, PgcProperty *property, const PgcNode *node, const PgcPath *path)
{
	Relationship relationship = {.asked = pgc_plan_asked(planner, object, property, node, path)};
	const PgcNode *to = pgc_node_get(node, "to");
	PgcParameters parameters;

	if (property != NULL)
		relationship.from = list_make1(property);
	else
		add_each(&relationship, pgc_node_get(node, "from"), add_from);
	if (!relationship.failed)
		add_each(&relationship, to, add_to);
	if (relationship.failed)
		return;
	if (list_length(relationship.from) != list_length(relationship.columns) || relationship.from == NIL)
		fail(&relationship, to, NULL, "%d properties cannot refer to %d",
			 list_length(relationship.from), list_length(relationship.columns));
	else if (relationship.target.object != NULL && relationship.target.object->not_here != NULL)
	{
		pgc_plan_give_up(planner, node, pgc_plan_path(path, NULL), true, "%s", relationship.target.object->not_here);
		relationship.failed = true;
	}
	else if (relationship.target.object != NULL)
		check_types(&relationship, to);
	if (relationship.failed)
		return;
	pgc_parameters_begin(&parameters);
	pgc_parameters_text(&parameters, "referenced_relation", relationship.target.relation);
	pgc_parameters_list(&parameters, "referenced_columns", relationship.columns);
	pgc_plan_add(&relationship.asked, "references", relationship.from,
				 pgc_parameters_end(&parameters))->referenced = relationship.target.relid;
}

/* pgc_plan_relationships plans the relationships of a property, or (NULL) of an object. */
void
pgc_plan_relationships(PgcPlanner *planner, PgcObject *object, PgcProperty *property)
{
	const PgcNode *node = property != NULL ? property->column->node : object->dataset->node;
	const PgcPath *path = property != NULL ? property->path : object->path;
	const PgcNode *list = pgc_node_get(node, "relationships");

	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
		plan_one(planner, object, property, list->content.items[i],
				 pgc_plan_element(path, "relationships", list->content.items[i], i));
}
