/*
 * src/document/plan/plan.c
 *		What a checked document asks for: the contract, its datasets, columns
 *		and rules, and what of it will not be enforced.
 *
 * Steps: what is said of the contract; all objects with their relations and
 * columns, so that they can refer to each other; the rules of each; the SLA;
 * then all rules are compiled and named (rules.c).  See plan.h for the files.
 *
 * Nothing of the document is executed, and nothing is written.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "document/plan/plan.h"
#include "engine/cron.h"
#include "utils/timestamp.h"

/* pgc_plan_element returns where an element of a list of a node stands (palloc'd). */
PgcPath *
pgc_plan_element(const PgcPath *parent, const char *list, const PgcNode *element, int index)
{
	PgcPath    *steps = palloc0(2 * sizeof(PgcPath));

	steps[0].parent = parent;
	steps[0].name = list;
	steps[1].parent = &steps[0];
	steps[1].name = pgc_odcs_identity(list, element);
	steps[1].index = index;
	return &steps[1];
}

/* pgc_plan_path returns the text of a path, or of what is called name there. */
char *
pgc_plan_path(const PgcPath *parent, const char *name)
{
	PgcPath		path = {.parent = parent,.name = name};

	char	   *made = pgc_path_text(name == NULL ? parent : &path);
	char	   *text = pstrdup(made);

	pfree(made);				/* is much longer than its text */
	return text;
}

/* pgc_plan_asked returns who asks for a rule, with what rules are by default. */
PgcAsked
pgc_plan_asked(PgcPlanner *planner, PgcObject *object, PgcProperty *property,
			   const PgcNode *node, const PgcPath *path)
{
	PgcAsked	asked = {.planner = planner,.object = object,.property = property,.node = node,.path = path};

	asked.severity = "error";
	asked.action = property != NULL ? property->action : object->action;
	return asked;
}

/*
 * pgc_plan_schedule returns the cron expression by which a check or service level wants to be
 * audited, or NULL; remarks on one that will not be acted on.
 */
const char *
pgc_plan_schedule(PgcPlanner *planner, const PgcNode *node, const PgcPath *path)
{
	const PgcNode *given = pgc_node_get(node, "schedule");
	const char *scheduler = pgc_node_get_text(node, "scheduler");
	const char *schedule = pgc_node_text(given);
	char	   *problem = NULL;
	PgcCron		cron;

	if (schedule == NULL)
		return NULL;
	if (scheduler != NULL && pg_strcasecmp(scheduler, "cron") != 0)
		pgc_remark(planner->remarks, PGC_INFO, given, pgc_plan_path(path, "schedule"),
				   "the scheduler %s is not run by pg_contract", scheduler)
			->hint = "The scheduler cron is: with it, the dataset is audited on time.";
	else if (!pgc_cron_read(schedule, &cron, &problem))
		pgc_remark(planner->remarks, PGC_WARNING, given, pgc_plan_path(path, "schedule"),
				   "\"%s\" is not a cron expression: %s", schedule, problem)
			->hint = "The fields are minute, hour, day of the month, month, day of the week.";
	else if (pgc_cron_next(&cron, GetCurrentTimestamp(), pgc_time_zone("UTC")) == DT_NOEND)
		(void) pgc_remark(planner->remarks, PGC_WARNING, given, pgc_plan_path(path, "schedule"),
						  "\"%s\" never comes", schedule);
	else
		return schedule;
	return NULL;
}

/* give_up notes that something will not be enforced; reason is not copied. */
static void
give_up(PgcPlanner *planner, const PgcNode *node, char *path, bool is_rule, char *reason)
{
	PgcUnenforced *unenforced = palloc(sizeof(PgcUnenforced));

	unenforced->node = node;
	unenforced->path = path;
	unenforced->reason = reason;
	unenforced->is_rule = is_rule;
	planner->plan->unenforced = lappend(planner->plan->unenforced, unenforced);
}

/* pgc_plan_give_up notes that something will not be enforced, and why. */
void
pgc_plan_give_up(PgcPlanner *planner, const PgcNode *node, char *path, bool is_rule, const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	give_up(planner, node, path, is_rule, pgc_message(format, arguments));
	va_end(arguments);
}

/* pgc_asked_give_up does so for what was asked. */
void
pgc_asked_give_up(const PgcAsked *asked, bool is_rule, const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	give_up(asked->planner, asked->node, pgc_plan_path(asked->path, NULL), is_rule, pgc_message(format, arguments));
	va_end(arguments);
}

/* status_of returns which of our five words a status means, or NULL. */
static const char *
status_of(const char *status)
{
	static const char *const words[][2] = {
		{"proposed", "proposed"}, {"draft", "draft"}, {"active", "active"}, {"deprecated", "deprecated"},
		{"retired", "retired"}, {"current", "active"}, {"production", "active"}, {"live", "active"},
		{"development", "draft"}, {"in development", "draft"}, {"pending", "draft"}, {"test", "draft"},
	};

	for (int i = 0; i < lengthof(words); i++)
	{
		if (pg_strcasecmp(words[i][0], status) == 0)
			return words[i][1];
	}
	return NULL;
}

/* plan_status reads the contract's status. */
static void
plan_status(PgcPlanner *planner)
{
	const PgcNode *node = pgc_node_get(planner->root, "status");
	const char *given = pgc_node_text(node) != NULL ? pgc_node_text(node) : "active";
	PgcPlan    *plan = planner->plan;
	PgcRemark  *remark;

	plan->status = status_of(given);
	planner->is_draft = plan->status != NULL &&
		(strcmp(plan->status, "draft") == 0 || strcmp(plan->status, "proposed") == 0);
	if (plan->status != NULL)
		return;
	plan->status = "active";
	remark = pgc_remark(planner->remarks, PGC_INFO, node, pgc_plan_path(NULL, "status"),
						"status \"%s\" is taken for active", given);
	remark->hint = "Known are proposed, draft, active, deprecated, retired.";
}

/* owner_of returns who owns the contract, or NULL. */
static const char *
owner_of(PgcPlanner *planner)
{
	const PgcNode *team = pgc_node_get(planner->root, "team");
	const PgcNode *members = pgc_node_is(team, PGC_NODE_LIST) ? team : pgc_node_get(team, "members");
	const char *owner = pgc_custom_text(planner, planner->root, NULL, "owner");

	if (owner != NULL)
		return owner;
	for (int i = 0; pgc_node_is(members, PGC_NODE_LIST) && i < members->count; i++)
	{
		const PgcNode *member = members->content.items[i];
		const char *role = pgc_node_get_text(member, "role");

		if (role != NULL && pg_strcasecmp(role, "owner") == 0 && pgc_node_get_text(member, "username") != NULL)
			return pgc_node_get_text(member, "username");
	}
	return pgc_node_is(team, PGC_NODE_MAP) ? pgc_node_get_text(team, "name") : NULL;
}

/* plan_contract reads what is said of the contract as a whole. */
static void
plan_contract(PgcPlanner *planner)
{
	const PgcNode *root = planner->root;
	PgcPlan    *plan = planner->plan;

	plan->root = root;
	plan->contract_id = pgc_node_get_text(root, "id");
	plan->version = pgc_node_get_text(root, "version");
	plan->description = pgc_node_get_text(pgc_node_get(root, "description"), "purpose");
	plan->owner = owner_of(planner);
	plan_status(planner);
	if (plan->contract_id != NULL && strlen(plan->contract_id) > PGC_MAX_NAME)
		(void) pgc_remark(planner->remarks, PGC_ERROR, pgc_node_get(root, "id"), pgc_plan_path(NULL, "id"),
						  "id is longer than %d bytes", PGC_MAX_NAME);
	planner->action = PGC_WARN;
	(void) pgc_custom_action(planner, root, NULL, &planner->action);
}

/* not_here returns why rules of an object cannot be enforced, or NULL. */
static const char *
not_here(const PgcPlanner *planner, const char *physical_type)
{
	if (strcmp(planner->plan->status, "retired") == 0)
		return "the contract is retired";
	if (physical_type != NULL && (strcmp(physical_type, "topic") == 0 || strcmp(physical_type, "file") == 0))
		return psprintf("a %s is not a relation of the database", physical_type);
	return NULL;
}

/* register_object makes an object known by its name and id. */
static void
register_object(PgcPlanner *planner, PgcObject *object)
{
	const char *id = pgc_node_get_text(object->dataset->node, "id");

	(void) pgc_names_add(planner->objects, object->dataset->object, object);
	if (id != NULL)
		(void) pgc_names_add(planner->ids, id, object);
	planner->list = lappend(planner->list, object);
}

/* plan_object reads an object: its relation, columns and settings. */
static void
plan_object(PgcPlanner *planner, const PgcNode *node, int index)
{
	static const char *const write_paths[] = {"bulk", "oltp", NULL};
	static const char *const apply_modes[] = {"enforce", "warn", NULL};
	PgcObject  *object = palloc0(sizeof(PgcObject));
	PgcPlannedDataset *dataset = palloc0(sizeof(PgcPlannedDataset));
	const char *physical_type = pgc_node_get_text(node, "physicalType");

	if (pgc_node_get_text(node, "name") == NULL)
		return;
	object->dataset = dataset;
	object->path = pgc_plan_element(NULL, "schema", node, index);
	dataset->node = node;
	dataset->path = pgc_plan_path(object->path, NULL);
	dataset->object = pgc_node_get_text(node, "name");
	dataset->description = pgc_node_get_text(node, "description");
	dataset->write_path = pgc_custom_word(planner, node, object->path, "writePath", write_paths);
	dataset->on_apply = pgc_custom_word(planner, node, object->path, "onApply", apply_modes);
	object->action = planner->action;
	(void) pgc_custom_action(planner, node, object->path, &object->action);
	object->not_here = not_here(planner, physical_type);
	register_object(planner, object);
	pgc_plan_find_relation(planner, object);
	pgc_plan_columns(planner, object);
	if (object->not_here == NULL || strcmp(planner->plan->status, "retired") == 0)
		planner->plan->datasets = lappend(planner->plan->datasets, dataset);
	else
		pgc_plan_give_up(planner, node, dataset->path, false, "%s", object->not_here);
}

/* plan_schema adds the rule that the columns are as declared. */
static void
plan_schema(PgcPlanner *planner, PgcObject *object)
{
	PgcAsked	asked = pgc_plan_asked(planner, object, NULL, object->dataset->node, object->path);
	PgcParameters parameters;
	const PgcNode *checks = pgc_custom_get(asked.node, "checkTypes");
	bool		exact = pgc_custom_is(planner, asked.node, object->path, "strictColumns");

	if (checks != NULL && !pgc_custom_is(planner, asked.node, object->path, "checkTypes"))
		return;
	pgc_parameters_begin(&parameters);
	pgc_parameters_columns(&parameters, object);
	if (exact)
		pgc_parameters_true(&parameters, "exact");
	asked.name = "schema";
	pgc_plan_add(&asked, "schema", NIL, pgc_parameters_end(&parameters));
}

/* plan_rules plans the rules of an object. */
static void
plan_rules(PgcPlanner *planner, PgcObject *object)
{
	ListCell   *cell;

	if (object->list != NIL)
		plan_schema(planner, object);
	foreach(cell, object->list)
		pgc_plan_property(planner, object, lfirst(cell));
	pgc_plan_keys(planner, object);
	pgc_plan_relationships(planner, object, NULL);
	pgc_plan_quality(planner, object, NULL);
}

/*
 * pgc_plan_make returns what a checked document asks for, in the current
 * context; what is wrong with it, or worth knowing, goes to remarks.
 */
PgcPlan *
pgc_plan_make(const PgcNode *root, const PgcPlanOptions *options, PgcRemarks *remarks)
{
	PgcPlanner	planner = {.root = root,.options = options,.remarks = remarks};
	const PgcNode *schema = pgc_node_get(root, "schema");
	ListCell   *cell;

	planner.plan = palloc0(sizeof(PgcPlan));
	planner.objects = pgc_names_make();
	planner.ids = pgc_names_make();
	planner.relations = pgc_names_make();
	planner.types = pgc_names_make();
	plan_contract(&planner);
	pgc_plan_choose_server(&planner);
	for (int i = 0; pgc_node_is(schema, PGC_NODE_LIST) && i < schema->count; i++)
		plan_object(&planner, schema->content.items[i], i);
	foreach(cell, planner.list)
		plan_rules(&planner, lfirst(cell));
	pgc_plan_sla(&planner);
	foreach(cell, planner.list)
		pgc_plan_finish(&planner, lfirst(cell));
	return planner.plan;
}

/*
 * pgc_plan_count counts the rules of a plan that will be enforced, and those that
 * were asked for.
 */
void
pgc_plan_count(const PgcPlan *plan, int *enforced, int *asked)
{
	ListCell   *cell;

	*enforced = 0;
	foreach(cell, plan->datasets)
		* enforced += list_length(((const PgcPlannedDataset *) lfirst(cell))->rules);
	*asked = *enforced;
	foreach(cell, plan->unenforced)
		* asked += ((const PgcUnenforced *) lfirst(cell))->is_rule;
}
