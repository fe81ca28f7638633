/*
 * src/document/dbt/dbt_column.c
 *		Columns and constraints of dbt relations: properties, keys, relationships.
 */
#include "postgres.h"

#include "document/dbt/dbt.h"
#include "document/shape.h"
#include "utils/builtins.h"

/* Fields of a column that are read, or say nothing of its data. */
static const char *const column_fields[] = {
	"name", "description", "data_type", "constraints", "tests", "data_tests", "meta", "tags", "config",
	"quote", NULL
};

/* A constraint, of a column or of the relation. */
typedef struct DbtConstraint
{
	const PgcNode *node;
	const char *type;
	const char *name;			/* or NULL */
	const char *expression;		/* or NULL */
	List	   *columns;		/* of char * */
} DbtConstraint;

/* pgc_dbt_property returns the property of a column, made if it is not there. */
PgcNode *
pgc_dbt_property(PgcDbtRelation *relation, const char *name)
{
	PgcNode    *property = pgc_shape_property(relation->object, name);

	if (property != NULL)
		return property;
	property = pgc_node_append(pgc_shape_list(relation->object, "properties"), pgc_node_make_map());
	pgc_shape_set_text(property, "name", name);
	return property;
}

/*
 * pgc_dbt_target returns the name of the object that a literal ref() or source() is,
 * and its relation or NULL if that is not in the file.  NULL: it is something else.
 */
char *
pgc_dbt_target(const PgcDbt *dbt, const char *target, PgcDbtRelation **relation)
{
	char	   *source;
	char	   *name;

	*relation = NULL;
	if (target == NULL || !pgc_dbt_parse_target(target, &source, &name))
		return NULL;
	*relation = pgc_dbt_find(dbt, source, name);
	return *relation ? pstrdup(pgc_node_get_text((*relation)->object, "name")) : name;
}

/* declare_properties makes properties that others refer to. */
static void
declare_properties(PgcDbtRelation *relation, const List *columns)
{
	ListCell   *cell;

	foreach(cell, columns)
		pgc_dbt_property(relation, lfirst(cell));
}

/* references returns "object.property" for each column. */
static PgcNode *
references(const char *object, const List *columns)
{
	PgcNode    *list = pgc_node_make_list();
	ListCell   *cell;

	foreach(cell, columns)
		pgc_node_append(list, pgc_node_make_string(psprintf("%s.%s", object, (char *) lfirst(cell))));
	return list;
}

static bool
all_plain(const List *names)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (!pgc_shape_is_plain(lfirst(cell)))
			return false;
	}
	return true;
}

/*
 * pgc_dbt_refer adds a relationship from columns to those of an object.  False: the
 * standard's references cannot have these names, or there is nothing to refer to.
 */
bool
pgc_dbt_refer(PgcDbtRelation *relation, int line, const List *columns,
			  const char *target, const List *target_columns)
{
	const char *object = pgc_node_get_text(relation->object, "name");
	PgcNode    *relationship;
	PgcNode    *to;

	if (columns == NIL || list_length(columns) != list_length(target_columns) ||
		!pgc_shape_is_plain(object) || !pgc_shape_is_plain(target) ||
		!all_plain(columns) || !all_plain(target_columns))
		return false;
	to = references(target, target_columns);
	relationship = pgc_node_make_map();
	relationship->line = line;
	if (list_length(columns) == 1)
	{
		pgc_node_set(relationship, "to", to->content.items[0]);
		pgc_node_append(pgc_shape_list(pgc_dbt_property(relation, linitial(columns)), "relationships"),
						relationship);
		return true;
	}
	declare_properties(relation, columns);
	pgc_node_set(relationship, "from", references(object, columns));
	pgc_node_set(relationship, "to", to);
	pgc_node_append(pgc_shape_list(relation->object, "relationships"), relationship);
	return true;
}

/* texts_of returns the texts of a list of scalars; NIL: it is none. */
static List *
texts_of(const PgcNode *list)
{
	List	   *texts = NIL;

	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
	{
		const char *words = pgc_node_text(list->content.items[i]);

		if (words == NULL || words[0] == '\0')
			return NIL;
		texts = lappend(texts, pstrdup(words));
	}
	return texts;
}

/* carry_foreign_key: to and to_columns, or before dbt 1.9 an expression. */
static bool
carry_foreign_key(PgcDbt *dbt, PgcDbtRelation *relation, const DbtConstraint *constraint)
{
	const char *to = pgc_node_get_text(constraint->node, "to");
	List	   *columns = texts_of(pgc_node_get(constraint->node, "to_columns"));
	PgcDbtRelation *target = NULL;
	char	   *name;

	if (to != NULL)
		name = pgc_dbt_target(dbt, to, &target);
	else if (constraint->expression == NULL ||
			 !pgc_dbt_parse_reference(constraint->expression, &name, &columns))
		name = NULL;
	else
		target = pgc_dbt_find(dbt, NULL, name);
	if (name == NULL || !pgc_dbt_refer(relation, constraint->node->line, constraint->columns, name, columns))
		return false;
	if (target != NULL)
		declare_properties(target, columns);
	return true;
}

/* carry_primary_key: its members, in their order. */
static bool
carry_primary_key(PgcDbtRelation *relation, const List *columns)
{
	int			position = 0;
	ListCell   *cell;

	foreach(cell, columns)
	{
		PgcNode    *property = pgc_dbt_property(relation, lfirst(cell));

		pgc_node_set(property, "primaryKey", pgc_node_make_bool(true));
		pgc_node_set(property, "primaryKeyPosition",
					 pgc_node_make_scalar(PGC_NODE_INTEGER, psprintf("%d", ++position)));
	}
	return position > 0;
}

/* carry_check: a condition, as a rule of our own. */
static bool
carry_check(PgcDbtRelation *relation, const DbtConstraint *constraint)
{
	PgcNode    *parameters = pgc_node_make_map();

	if (constraint->expression == NULL || !pgc_dbt_use(relation, constraint->expression))
		return false;
	pgc_shape_set_text(parameters, "expression", constraint->expression);
	pgc_shape_add_rule(relation->object, constraint->name, "satisfies", NIL, parameters)->line =
		constraint->node->line;
	return true;
}

/* carry_unique: one column, or several together. */
static bool
carry_unique(PgcDbtRelation *relation, const DbtConstraint *constraint)
{
	if (constraint->columns == NIL)
		return false;
	declare_properties(relation, constraint->columns);
	if (list_length(constraint->columns) == 1)
	{
		pgc_node_set(pgc_dbt_property(relation, linitial(constraint->columns)), "unique",
					 pgc_node_make_bool(true));
		return true;
	}
	pgc_shape_add_check(relation->object, constraint->name, "duplicateValues", "properties",
						pgc_shape_texts(constraint->columns))->line = constraint->node->line;
	return true;
}

static bool
carry_not_null(PgcDbtRelation *relation, const List *columns)
{
	ListCell   *cell;

	foreach(cell, columns)
		pgc_node_set(pgc_dbt_property(relation, lfirst(cell)), "required", pgc_node_make_bool(true));
	return columns != NIL;
}

/* carry_constraint carries a constraint if it can. */
static bool
carry_constraint(PgcDbt *dbt, PgcDbtRelation *relation, const DbtConstraint *constraint)
{
	if (pgc_dbt_has_jinja(constraint->expression))
		return false;
	if (strcmp(constraint->type, "check") == 0)
		return carry_check(relation, constraint);
	if (strcmp(constraint->type, "foreign_key") == 0)
		return carry_foreign_key(dbt, relation, constraint);
	if (strcmp(constraint->type, "not_null") == 0)
		return carry_not_null(relation, constraint->columns);
	if (strcmp(constraint->type, "unique") == 0)
		return carry_unique(relation, constraint);
	return strcmp(constraint->type, "primary_key") == 0 &&
		carry_primary_key(relation, constraint->columns);
}

/* carry_constraints carries the constraints of a column, or with column NULL of the relation. */
static void
carry_constraints(PgcDbt *dbt, PgcDbtRelation *relation, const char *column, const PgcNode *list)
{
	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
	{
		DbtConstraint constraint = {.node = list->content.items[i]};

		constraint.type = pgc_node_get_text(constraint.node, "type");
		constraint.name = pgc_node_get_text(constraint.node, "name");
		constraint.expression = pgc_node_get_text(constraint.node, "expression");
		constraint.columns = column ? list_make1(pstrdup(column)) :
			texts_of(pgc_node_get(constraint.node, "columns"));
		if (constraint.type == NULL || !carry_constraint(dbt, relation, &constraint))
			pgc_dbt_leave_out(dbt, constraint.node->line, "constraint of type \"%s\"",
							  constraint.type ? constraint.type : "");
	}
}

/* carry_type carries the type of a column. */
static void
carry_type(PgcDbt *dbt, PgcNode *property, const PgcNode *type)
{
	const char *data_type = pgc_node_text(type);

	if (data_type == NULL || data_type[0] == '\0')
		return;
	if (pgc_dbt_has_jinja(data_type))
	{
		pgc_dbt_leave_out(dbt, type->line, "a data type with Jinja");
		return;
	}
	pgc_shape_set_text(property, "logicalType", pgc_dbt_logical_type(data_type));
	pgc_shape_set_text(property, "physicalType", data_type);
}

/* column_name returns the name of a column, or NULL: it has none that is plain. */
static const char *
column_name(const PgcNode *column)
{
	const char *name = pgc_node_get_text(column, "name");

	return name == NULL || name[0] == '\0' || pgc_dbt_has_jinja(name) ? NULL : name;
}

/* pgc_dbt_columns makes properties of a relation's columns: what they are. */
void
pgc_dbt_columns(PgcDbt *dbt, PgcDbtRelation *relation)
{
	const PgcNode *columns = pgc_node_get(relation->node, "columns");

	for (int i = 0; pgc_node_is(columns, PGC_NODE_LIST) && i < columns->count; i++)
	{
		const PgcNode *column = columns->content.items[i];
		PgcNode    *property;

		if (column_name(column) == NULL)
		{
			pgc_dbt_leave_out(dbt, column->line, "a column without a plain name");
			continue;
		}
		pgc_dbt_leave_out_others(dbt, column, column_fields, "a column");
		property = pgc_dbt_property(relation, column_name(column));
		carry_type(dbt, property, pgc_node_get(column, "data_type"));
		pgc_dbt_describe(dbt, property, column);
	}
}

/* pgc_dbt_rules carries what is asked of a relation and of its columns. */
void
pgc_dbt_rules(PgcDbt *dbt, PgcDbtRelation *relation)
{
	const PgcNode *columns = pgc_node_get(relation->node, "columns");

	for (int i = 0; pgc_node_is(columns, PGC_NODE_LIST) && i < columns->count; i++)
	{
		const PgcNode *column = columns->content.items[i];
		const char *name = column_name(column);

		if (name == NULL)
			continue;
		carry_constraints(dbt, relation, name, pgc_node_get(column, "constraints"));
		pgc_dbt_tests(dbt, relation, pgc_dbt_property(relation, name), column);
	}
	carry_constraints(dbt, relation, NULL, pgc_node_get(relation->node, "constraints"));
	pgc_dbt_tests(dbt, relation, NULL, relation->node);
}
