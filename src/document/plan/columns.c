/*
 * src/document/plan/columns.c
 *		The properties of an object as columns of its dataset: names, types,
 *		annotations.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "document/plan/plan.h"
#include "miscadmin.h"
#include "parser/scansup.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Classifications and tags that say that a column holds personal data. */
static const char *const personal[] = {"pii", "personal", "confidential", "restricted", "sensitive", "secret"};

/* personal_word returns which of those words a text is, or NULL. */
static const char *
personal_word(const char *given)
{
	for (int i = 0; given != NULL && i < lengthof(personal); i++)
	{
		if (pg_strcasecmp(personal[i], given) == 0)
			return personal[i];
	}
	return NULL;
}

/* pii_of returns the category of a column's personal data, or NULL: it holds none. */
static const char *
pii_of(PgcPlanner *planner, const PgcPlannedColumn *column, const PgcPath *path)
{
	const PgcNode *pii = pgc_custom_get(column->node, "pii");
	const char *category = pgc_custom_text(planner, column->node, path, "piiCategory");
	ListCell   *cell;

	if (category != NULL)
		return category;
	if (pgc_node_is(pii, PGC_NODE_BOOL))
		return pgc_node_is_true(pii) ? "pii" : NULL;
	if (pii != NULL)
		return pgc_custom_text(planner, column->node, path, "pii");
	category = personal_word(column->classification);
	foreach(cell, column->tags)
	{
		if (category == NULL)
			category = personal_word(lfirst(cell));
	}
	return category;
}

/* tags_of returns a node's tags (char *). */
static List *
tags_of(const PgcNode *node)
{
	const PgcNode *list = pgc_node_get(node, "tags");
	List	   *tags = NIL;

	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
	{
		if (pgc_node_is_scalar(list->content.items[i]))
			tags = lappend(tags, unconstify(char *, pgc_node_text(list->content.items[i])));
	}
	return tags;
}

/* pgc_plan_is_untyped: does a property say nothing of its type? */
bool
pgc_plan_is_untyped(const PgcProperty *property)
{
	return !OidIsValid(property->column->type) && property->column->logical_type == NULL;
}

/* find_column returns the relation's column of a name, exact or else folded, or NULL. */
static PgcColumn *
find_column(const PgcObject *object, const char *name)
{
	PgcColumn  *column = pgc_names_find(object->columns, name);

	return column != NULL ? column :
		pgc_names_find(object->columns, downcase_identifier(name, strlen(name), false, false));
}

/* add_column adds a column as the document declares it to a dataset's layout. */
static PgcColumn *
add_column(PgcPlanner *planner, PgcPlannedDataset *dataset, const PgcPlannedColumn *planned)
{
	PgcColumn  *column = &dataset->layout->columns[dataset->layout->ncolumns++];

	memset(column, 0, sizeof(PgcColumn));
	column->name = planned->name;
	column->type = OidIsValid(planned->type) ? planned->type : pgc_plan_logical_type(planner, planned->node);
	column->typmod = OidIsValid(planned->type) ? planned->typmod : -1;
	column->collation = get_typcollation(column->type);
	column->attno = dataset->layout->ncolumns;
	return column;
}

/* bind_column finds or makes the layout's column of a property; NULL and a remark if there is none. */
static const PgcColumn *
bind_column(PgcPlanner *planner, PgcObject *object, PgcProperty *property, const char *name)
{
	PgcPlannedDataset *dataset = object->dataset;
	PgcPlannedColumn *planned = property->column;
	PgcColumn  *column;
	PgcRemark  *remark;

	if (strlen(name) >= NAMEDATALEN)
	{
		(void) pgc_remark(planner->remarks, PGC_ERROR, planned->node, planned->path,
						  "the column's name is longer than %d bytes", NAMEDATALEN - 1);
		return NULL;
	}
	namestrcpy(&planned->name, name);
	if (!OidIsValid(dataset->relid))
	{
		column = add_column(planner, dataset, planned);
		(void) pgc_names_add(object->columns, NameStr(column->name), column);
	}
	else
		column = find_column(object, name);
	if (column == NULL)
	{
		remark = pgc_remark(planner->remarks, PGC_ERROR, planned->node, planned->path,
							"%s has no column \"%s\"", dataset->name, name);
		remark->hint = psprintf("Its columns are %s.", pgc_layout_names(dataset->layout));
		return NULL;
	}
	planned->name = column->name;
	if (pgc_names_add(object->bound, NameStr(column->name), property))
		return column;
	(void) pgc_remark(planner->remarks, PGC_ERROR, planned->node, planned->path,
					  "column \"%s\" is taken by property \"%s\"", NameStr(column->name),
					  ((PgcProperty *) pgc_names_find(object->bound, NameStr(column->name)))->column->property);
	return NULL;
}

/* plan_column reads what is said of a property as a column. */
static PgcPlannedColumn *
plan_column(PgcPlanner *planner, const PgcNode *node, const PgcPath *path)
{
	PgcPlannedColumn *column = palloc0(sizeof(PgcPlannedColumn));

	column->node = node;
	column->path = pgc_plan_path(path, NULL);
	column->property = pgc_node_get_text(node, "name");
	column->type = pgc_plan_physical_type(planner, node, column->path, &column->typmod);
	column->logical_type = pgc_node_get_text(node, "logicalType");
	column->required = pgc_node_get_true(node, "required") || pgc_node_get_true(node, "primaryKey");
	column->description = pgc_node_get_text(node, "description");
	column->classification = pgc_node_get_text(node, "classification");
	column->tags = tags_of(node);
	column->pii_category = pii_of(planner, column, path);
	return column;
}

/* plan_property adds a property to its object and dataset. */
static void
plan_property(PgcPlanner *planner, PgcObject *object, const PgcNode *node, int index)
{
	PgcProperty *property = palloc0(sizeof(PgcProperty));
	const char *name = pgc_node_get_text(node, "physicalName");
	const char *id = pgc_node_get_text(node, "id");

	if (pgc_node_get_text(node, "name") == NULL)
		return;
	property->path = pgc_plan_element(object->path, "properties", node, index);
	property->column = plan_column(planner, node, property->path);
	property->layout = bind_column(planner, object, property,
								   name == NULL || name[0] == '\0' ? property->column->property : name);
	property->action = object->action;
	(void) pgc_custom_action(planner, node, property->path, &property->action);
	(void) pgc_names_add(object->properties, property->column->property, property);
	if (id != NULL)
		(void) pgc_names_add(object->ids, id, property);
	if (property->layout == NULL)
		return;
	property->type = getBaseType(property->layout->type);
	property->is_strange = !OidIsValid(object->dataset->relid) && pgc_plan_is_strange(property->layout->type);
	object->list = lappend(object->list, property);
	object->dataset->columns = lappend(object->dataset->columns, property->column);
}

/* make_layout gives a dataset without relation a layout, empty yet. */
static void
make_layout(PgcPlannedDataset *dataset, int ncolumns)
{
	PgcLayout  *layout = palloc0(sizeof(PgcLayout));

	layout->relation = NameStr(dataset->table_name);
	layout->owner = layout->author = GetUserId();
	layout->columns = palloc(Max(ncolumns, 1) * sizeof(PgcColumn));
	dataset->layout = layout;
}

/* pgc_plan_columns reads the properties of an object. */
void
pgc_plan_columns(PgcPlanner *planner, PgcObject *object)
{
	PgcPlannedDataset *dataset = object->dataset;
	const PgcNode *list = pgc_node_get(dataset->node, "properties");
	int			count = pgc_node_is(list, PGC_NODE_LIST) ? list->count : 0;

	object->properties = pgc_names_make();
	object->ids = pgc_names_make();
	object->columns = pgc_names_make();
	object->bound = pgc_names_make();
	if (count > MaxHeapAttributeNumber)
	{
		(void) pgc_remark(planner->remarks, PGC_ERROR, list, pgc_plan_path(object->path, "properties"),
						  "a relation has at most %d columns, not %d", MaxHeapAttributeNumber, count);
		count = 0;
	}
	if (!OidIsValid(dataset->relid))
		make_layout(dataset, count);
	else
	{
		for (int i = 0; i < dataset->layout->ncolumns; i++)
			(void) pgc_names_add(object->columns, NameStr(dataset->layout->columns[i].name),
								 &dataset->layout->columns[i]);
	}
	for (int i = 0; i < count; i++)
		plan_property(planner, object, list->content.items[i], i);
}
