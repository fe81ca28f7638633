/*
 * src/document/export.c
 *		contract.export: a contract as a document.
 *
 * A contract that is what its newest document says: that document, verbatim.
 * Else the document with what was added in SQL since; for a contract that was
 * made in SQL, one made of its datasets.  Either way to apply it changes
 * nothing: each rule is written in the first form (forms.c) from which the plan
 * makes the same rule again.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/annotate.h"
#include "catalog/contract.h"
#include "compat.h"
#include "document/forms.h"
#include "document/shape.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_export_named);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_export_relation);

/* A dataset that is being exported. */
typedef struct Exported
{
	PgcContract *contract;
	PgcForm    *forms;			/* a rule: how it is written */
	bool	   *there;			/* a rule: the stored document has it */
	PgcFormTarget target;
} Exported;

/* A contract that is being exported. */
typedef struct Export
{
	const char *contract_id;
	PgcVersion *version;		/* its newest document, or NULL */
	const char *server;			/* of the document, for which it was applied;
								 * or NULL */
	List	   *datasets;		/* of Exported, by name */
	const char *schema;			/* of the server that it makes, or NULL */
	List	   *objects;		/* of PgcFormObject */
	PgcNode    *root;
	bool		changed;		/* it says more than the stored document */
} Export;

/* same: are two texts, either of which may be NULL, the same? */
static bool
same(const char *left, const char *right)
{
	return left == NULL || right == NULL ? left == right : strcmp(left, right) == 0;
}

/* same_texts: are two lists of char * the same? */
static bool
same_texts(const List *left, const List *right)
{
	ListCell   *a;
	ListCell   *b;

	if (list_length(left) != list_length(right))
		return false;
	forboth(a, left, b, right)
	{
		if (strcmp(lfirst(a), lfirst(b)) != 0)
			return false;
	}
	return true;
}

/* same_rule: does the plan ask for the rule as it is stored? */
static bool
same_rule(const PgcPlannedRule *planned, const PgcStoredRule *stored)
{
	const PgcRuleSpec *left = &planned->spec;
	const PgcRuleSpec *right = &stored->spec;
	int			ncolumns;
	char	  **columns = pgc_array_names(planned->columns, &ncolumns);

	if (!same(left->name, right->name) || !same(left->kind, right->kind) || ncolumns != right->ncolumns)
		return false;
	for (int i = 0; i < ncolumns; i++)
	{
		if (strcmp(columns[i], right->columns[i]) != 0)
			return false;
	}
	return compareJsonbContainers(&left->parameters->root, &right->parameters->root) == 0 &&
		same(left->filter, right->filter) && left->action == right->action &&
		same(planned->severity, stored->severity) &&
		strtod(planned->tolerance, NULL) == stored->tolerance &&
		same(planned->description, stored->description) && same(planned->schedule, stored->schedule) &&
		same(planned->runbook, stored->runbook);
}

/* planned_dataset returns a dataset of the plan by its name, or NULL. */
static PgcPlannedDataset *
planned_dataset(const PgcPlan *plan, const PgcContract *contract)
{
	ListCell   *cell;

	foreach(cell, plan ? plan->datasets : NIL)
	{
		PgcPlannedDataset *dataset = lfirst(cell);

		if (strcmp(dataset->name, contract->name) == 0)
			return dataset;
	}
	return NULL;
}

/* is_planned: does the plan make the rule as it is stored? */
static bool
is_planned(const PgcPlannedDataset *dataset, const PgcStoredRule *rule)
{
	ListCell   *cell;

	foreach(cell, dataset ? dataset->rules : NIL)
	{
		if (same_rule(lfirst(cell), rule))
			return true;
	}
	return false;
}

/* is_stored: has the contract a rule of that name? */
static bool
is_stored(const PgcContract *contract, const char *name)
{
	for (int i = 0; i < contract->nrules; i++)
	{
		if (strcmp(contract->rules[i].spec.name, name) == 0)
			return true;
	}
	return false;
}

/* plan_for plans a tree for one of its servers (NULL: the obvious one); *errors says how many things are wrong. */
static PgcPlan *
plan_for(const PgcNode *root, const char *server, int *errors)
{
	PgcPlanOptions options = {.bind = true,.server = server};
	PgcRemarks	remarks = {NIL, 0};
	PgcPlan    *plan = pgc_plan_make(root, &options, &remarks);

	*errors = remarks.nerrors;
	return plan;
}

/* is_about: does the plan have the datasets of which a document made something? */
static bool
is_about(const PgcPlan *plan, const Export *export)
{
	ListCell   *cell;

	foreach(cell, export->datasets)
	{
		const PgcContract *contract = ((Exported *) lfirst(cell))->contract;

		if (contract->in_document && planned_dataset(plan, contract) == NULL)
			return false;
	}
	return true;
}

/*
 * choose_server finds the server for which the stored document was applied: the
 * one that puts its objects where the contract's datasets are.
 */
static void
choose_server(Export *export, const PgcNode *root)
{
	const PgcNode *servers = pgc_node_get(root, "servers");
	int			errors;

	if (is_about(plan_for(root, NULL, &errors), export) && errors == 0)
		return;
	for (int i = 0; pgc_node_is(servers, PGC_NODE_LIST) && i < servers->count; i++)
	{
		const char *name = pgc_node_get_text(servers->content.items[i], "server");

		if (name != NULL && is_about(plan_for(root, name, &errors), export) && errors == 0)
		{
			export->server = name;
			return;
		}
	}
}

/*
 * read_stored reads the stored document anew, as a tree of its own: what is added
 * must not be added wherever an alias repeats it.
 */
static PgcNode *
read_stored(const Export *export)
{
	PgcRemarks	remarks = {NIL, 0};
	PgcNode    *root = pgc_node_copy(pgc_document_require(export->version->source));

	(void) pgc_odcs_check(root, &remarks);
	return root;
}

/* is_taken: has the document an object of that name? */
static bool
is_taken(const Export *export, const char *name)
{
	const PgcNode *schema = pgc_node_get(export->root, "schema");

	for (int i = 0; pgc_node_is(schema, PGC_NODE_LIST) && i < schema->count; i++)
	{
		if (same(pgc_node_get_text(schema->content.items[i], "name"), name))
			return true;
	}
	return false;
}

/* add_missing_properties adds columns that only rules and annotations know of. */
static void
add_missing_properties(PgcNode *object, const PgcContract *contract)
{
	List	   *names = NIL;
	ListCell   *cell;

	for (int i = 0; i < contract->nrules; i++)
	{
		for (int j = 0; j < contract->rules[i].spec.ncolumns; j++)
			names = lappend(names, contract->rules[i].spec.columns[j]);
	}
	foreach(cell, contract->annotations)
		names = lappend(names, NameStr(((PgcAnnotation *) lfirst(cell))->column));
	foreach(cell, names)
	{
		if (pgc_shape_property(object, lfirst(cell)) == NULL)
			pgc_shape_set_text(pgc_node_append(pgc_shape_list(object, "properties"), pgc_node_make_map()),
							   "name", lfirst(cell));
	}
}

/* drop_logical_types takes out the logical types, of which older versions of the standard know fewer. */
static void
drop_logical_types(PgcNode *object)
{
	const PgcNode *properties = pgc_node_get(object, "properties");

	for (int i = 0; properties != NULL && i < properties->count; i++)
	{
		PgcNode    *property = properties->content.items[i];
		PgcNode    *bare = pgc_node_make_map();

		for (int j = 0; j < property->count; j++)
		{
			const char *key = pgc_node_text(property->content.pairs[j].key);

			if (strcmp(key, "logicalType") != 0 && strcmp(key, "items") != 0 && strcmp(key, "properties") != 0)
				pgc_node_set(bare, key, property->content.pairs[j].value);
		}
		*property = *bare;
	}
}

/* make_object writes a dataset that is in no document: its columns, without a word of their constraints. */
static PgcNode *
make_object(const Export *export, const PgcContract *contract)
{
	const char *schema = NameStr(contract->schema_name);
	const char *table = NameStr(contract->table_name);
	const char *name = is_taken(export, table) ? contract->name : table;
	char	   *physical_name = pgc_shape_physical_name(schema, table, export->schema);
	Relation	relation = OidIsValid(contract->relid) ? try_relation_open(contract->relid, AccessShareLock) : NULL;
	PgcNode    *object;

	if (relation != NULL)
	{
		int			nestlevel = NewGUCNestLevel();

		pgc_compat_restrict_search_path();
		object = pgc_shape_object(relation, name, physical_name, contract->description);
		AtEOXact_GUC(false, nestlevel);
		relation_close(relation, AccessShareLock);
	}
	else
	{
		object = pgc_node_make_map();
		pgc_shape_set_text(object, "name", name);
		pgc_shape_set_text(object, "physicalName", physical_name);
		add_missing_properties(object, contract);
	}
	if (pgc_odcs_version(export->root) < 310)
		drop_logical_types(object);
	/* nobody asked that the columns be as they are */
	pgc_shape_add_custom_property(object, "checkTypes", pgc_node_make_bool(false));
	return pgc_node_append(pgc_shape_list(export->root, "schema"), object);
}

/* set_agreement writes what the contract says of itself and the plan does not. */
static void
set_agreement(Export *export, const PgcPlan *plan)
{
	const PgcContract *contract = ((Exported *) linitial(export->datasets))->contract;

	if (contract->owner != NULL && !same(contract->owner, plan ? plan->owner : NULL))
	{
		export->changed = true;
		if (plan == NULL)
		{
			PgcNode    *team = pgc_node_set(export->root, "team", pgc_node_make_map());
			PgcNode    *member = pgc_node_append(pgc_shape_list(team, "members"), pgc_node_make_map());

			pgc_shape_set_text(member, "username", contract->owner);
			pgc_shape_set_text(member, "role", "owner");
		}
		else
			pgc_shape_add_custom_property(export->root, "owner", pgc_node_make_string(contract->owner));
	}
	if (contract->contract_description != NULL && !same(contract->contract_description, plan ? plan->description : NULL))
	{
		PgcNode    *description = pgc_node_get(export->root, "description");

		export->changed = true;
		if (!pgc_node_is(description, PGC_NODE_MAP))
			description = pgc_node_set(export->root, "description", pgc_node_make_map());
		pgc_shape_set_text(description, "purpose", contract->contract_description);
	}
	if (plan != NULL && contract->version != NULL && !same(contract->version, plan->version))
	{
		export->changed = true;
		pgc_shape_set_text(export->root, "version", contract->version);
	}
	if (plan != NULL && !same(contract->status, plan->status))
	{
		export->changed = true;
		pgc_shape_set_text(export->root, "status", contract->status);
	}
}

/* set_dataset writes what is said of a dataset and the plan does not say. */
static void
set_dataset(Export *export, const Exported *exported, const PgcPlannedDataset *planned)
{
	const PgcContract *contract = exported->contract;
	PgcNode    *object = exported->target.object;

	if (contract->description != NULL && !same(contract->description, planned ? planned->description : NULL))
	{
		export->changed = true;
		pgc_shape_set_text(object, "description", contract->description);
	}
	if (contract->oltp != (planned != NULL && same(planned->write_path, "oltp")))
	{
		export->changed = true;
		pgc_shape_add_custom_property(object, "writePath", pgc_node_make_string(contract->oltp ? "oltp" : "bulk"));
	}
	if (contract->warn_on_apply != (planned != NULL && same(planned->on_apply, "warn")))
	{
		export->changed = true;
		pgc_shape_add_custom_property(object, "onApply",
									  pgc_node_make_string(contract->warn_on_apply ? "warn" : "enforce"));
	}
}

/* planned_column returns a column of the plan, or NULL. */
static const PgcPlannedColumn *
planned_column(const PgcPlannedDataset *planned, const char *name)
{
	ListCell   *cell;

	foreach(cell, planned ? planned->columns : NIL)
	{
		const PgcPlannedColumn *column = lfirst(cell);

		if (strcmp(NameStr(column->name), name) == 0)
			return column;
	}
	return NULL;
}

/* set_annotation writes what is said of a column and the plan does not say. */
static void
set_annotation(Export *export, PgcNode *property, const PgcAnnotation *annotation, const PgcPlannedColumn *planned)
{
	static const PgcPlannedColumn nothing;

	if (planned == NULL)
		planned = &nothing;
	if (annotation->description != NULL && !same(annotation->description, planned->description))
	{
		export->changed = true;
		pgc_shape_set_text(property, "description", annotation->description);
	}
	if (annotation->classification != NULL && !same(annotation->classification, planned->classification))
	{
		export->changed = true;
		pgc_shape_set_text(property, "classification", annotation->classification);
	}
	if (annotation->tags != NIL && !same_texts(annotation->tags, planned->tags))
	{
		export->changed = true;
		pgc_node_set(property, "tags", pgc_shape_texts(annotation->tags));
	}
	if (annotation->pii_category != NULL && !same(annotation->pii_category, planned->pii_category))
	{
		export->changed = true;
		pgc_shape_add_custom_property(property, "piiCategory", pgc_node_make_string(annotation->pii_category));
	}
}

/* set_annotations does so for all columns of a dataset. */
static void
set_annotations(Export *export, const Exported *exported, const PgcPlannedDataset *planned)
{
	ListCell   *cell;

	foreach(cell, exported->contract->annotations)
	{
		const PgcAnnotation *annotation = lfirst(cell);
		PgcNode    *property = pgc_shape_property(exported->target.object, NameStr(annotation->column));

		if (property != NULL)
			set_annotation(export, property, annotation, planned_column(planned, NameStr(annotation->column)));
	}
}

/*
 * write_rules writes the rules of a dataset that the document does not have: those
 * that become fields first, since fields say what the rest of their property does
 * on a write.
 */
static void
write_rules(Export *export, Exported *exported)
{
	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = 0; i < exported->contract->nrules; i++)
		{
			const PgcStoredRule *rule = &exported->contract->rules[i];
			PgcForm    *form = &exported->forms[i];

			if (exported->there[i] || (*form == PGC_FORM_FIELD) != (pass == 0))
				continue;
			export->changed = true;
			while (!pgc_form_write(&exported->target, rule, *form))
			{
				(*form)++;
				if (pass == 0)
					break;
			}
		}
	}
}

/*
 * disown_personal takes back what a classification or tag says of a column that
 * nobody marked as personal data.
 */
static void
disown_personal(const Exported *exported, const PgcPlannedDataset *planned)
{
	ListCell   *cell;

	foreach(cell, planned ? planned->columns : NIL)
	{
		const PgcPlannedColumn *column = lfirst(cell);
		bool		marked = false;
		ListCell   *pii;

		foreach(pii, exported->contract->pii)
			marked |= strcmp(lfirst(pii), NameStr(column->name)) == 0;
		if (column->pii_category != NULL && !marked)
			pgc_shape_add_custom_property(unconstify(PgcNode *, column->node), "pii", pgc_node_make_bool(false));
	}
}

/* begin_tree reads the stored document, and plans it, or makes an empty one. */
static PgcPlan *
begin_tree(Export *export)
{
	const PgcContract *first = ((Exported *) linitial(export->datasets))->contract;
	int			errors;

	export->changed = export->version == NULL;
	if (export->version != NULL)
	{
		export->root = read_stored(export);
		return plan_for(export->root, export->server, &errors);
	}
	export->root = pgc_shape_contract(export->contract_id, NULL, first->version ? first->version : "1.0.0",
									  first->status);
	pgc_shape_add_server(export->root, export->schema);
	return NULL;
}

/* begin_dataset finds or makes a dataset's object, and writes what is said of it and its columns. */
static void
begin_dataset(Export *export, Exported *exported, const PgcPlan *plan)
{
	const PgcPlannedDataset *planned = planned_dataset(plan, exported->contract);
	PgcFormTarget *target = &exported->target;
	PgcFormObject *named = palloc(sizeof(PgcFormObject));

	target->root = export->root;
	target->version = pgc_odcs_version(export->root);
	target->own = planned == NULL;
	target->object = planned ? unconstify(PgcNode *, planned->node) : make_object(export, exported->contract);
	target->object_name = pgc_node_get_text(target->object, "name");
	target->schema = export->schema;
	target->warning = NIL;
	export->changed |= planned == NULL;
	named->relation = exported->contract->name;
	named->name = target->object_name;
	export->objects = lappend(export->objects, named);
	set_dataset(export, exported, planned);
	set_annotations(export, exported, planned);
}

/* build makes the tree with the rules in the forms that are chosen for now. */
static void
build(Export *export)
{
	PgcPlan    *plan = begin_tree(export);
	ListCell   *cell;

	export->objects = NIL;
	set_agreement(export, plan);
	foreach(cell, export->datasets)
		begin_dataset(export, lfirst(cell), plan);
	foreach(cell, export->datasets)
	{
		((Exported *) lfirst(cell))->target.objects = export->objects;
		write_rules(export, lfirst(cell));
	}
}

/* next_forms takes the next form for rules that the plan does not make as they are; false: there are none. */
static bool
next_forms(Exported *exported, const PgcPlannedDataset *planned)
{
	bool		moved = false;

	for (int i = 0; i < exported->contract->nrules; i++)
	{
		if (exported->there[i] || exported->forms[i] == PGC_FORM_CUSTOM ||
			is_planned(planned, &exported->contract->rules[i]))
			continue;
		exported->forms[i]++;
		moved = true;
	}
	return moved;
}

/* forget_forms writes all rules in our own words, if the plan makes one that is not there. */
static bool
forget_forms(Exported *exported, const PgcPlannedDataset *planned)
{
	bool		moved = false;
	ListCell   *cell;

	foreach(cell, planned && exported->target.own ? planned->rules : NIL)
	{
		if (is_stored(exported->contract, ((PgcPlannedRule *) lfirst(cell))->spec.name))
			continue;
		for (int i = 0; i < exported->contract->nrules; i++)
		{
			moved |= exported->forms[i] != PGC_FORM_CUSTOM;
			exported->forms[i] = PGC_FORM_CUSTOM;
		}
	}
	return moved;
}

/*
 * judge plans the tree, as if the contract was active since a draft's rules are
 * weaker, and returns whether it has to be built anew with other forms.
 */
static bool
judge(Export *export)
{
	PgcNode    *status = pgc_node_get(export->root, "status");
	PgcPlan    *plan;
	int			errors;
	bool		again = false;
	ListCell   *cell;

	pgc_shape_set_text(export->root, "status", "active");
	plan = plan_for(export->root, export->server, &errors);
	pgc_node_set(export->root, "status", status);
	foreach(cell, export->datasets)
		again |= next_forms(lfirst(cell), planned_dataset(plan, ((Exported *) lfirst(cell))->contract));
	foreach(cell, again ? NIL : export->datasets)
		again |= forget_forms(lfirst(cell), planned_dataset(plan, ((Exported *) lfirst(cell))->contract));
	foreach(cell, again ? NIL : export->datasets)
	{
		if (((Exported *) lfirst(cell))->target.own)
			disown_personal(lfirst(cell), planned_dataset(plan, ((Exported *) lfirst(cell))->contract));
	}
	return again;
}

/* warn_of_changes says which rules would be others if the document was applied. */
static void
warn_of_changes(const Export *export)
{
	int			errors;
	PgcPlan    *plan = plan_for(export->root, export->server, &errors);
	StringInfoData names;
	ListCell   *cell;

	initStringInfo(&names);
	foreach(cell, export->datasets)
	{
		const Exported *exported = lfirst(cell);
		const PgcPlannedDataset *planned = planned_dataset(plan, exported->contract);

		for (int i = 0; i < exported->contract->nrules; i++)
		{
			if (!exported->there[i] && !is_planned(planned, &exported->contract->rules[i]))
				appendStringInfo(&names, "%s%s of %s", names.len > 0 ? ", " : "",
								 exported->contract->rules[i].spec.name, exported->contract->name);
		}
	}
	if (names.len > 0)
		ereport(WARNING,
				(errmsg("the document does not make all rules of contract \"%s\" as they are", export->contract_id),
				 errdetail("They are: %s.", names.data),
				 errhint("Rules that cannot be evaluated cannot be applied; what is a draft or retired enforces less in a document.")));
}

/* mark_there notes which rules of a dataset the stored document makes. */
static void
mark_there(Exported *exported, const PgcPlannedDataset *planned)
{
	for (int i = 0; i < exported->contract->nrules; i++)
		exported->there[i] = exported->contract->rules[i].from_document ||
			is_planned(planned, &exported->contract->rules[i]);
}

/* make_exported prepares a dataset for export. */
static Exported *
make_exported(PgcContract *contract)
{
	Exported   *exported = palloc0(sizeof(Exported));

	exported->contract = contract;
	exported->forms = palloc0(Max(contract->nrules, 1) * sizeof(PgcForm));
	exported->there = palloc0(Max(contract->nrules, 1) * sizeof(bool));
	return exported;
}

static int
order_exported(const ListCell *left, const ListCell *right)
{
	return strcmp(((Exported *) lfirst(left))->contract->name, ((Exported *) lfirst(right))->contract->name);
}

/* open_export reads a contract, which the user must be allowed to see. */
static Export
open_export(const char *contract_id)
{
	Export		export = {.contract_id = contract_id,.version = pgc_version_newest(contract_id)};
	ListCell   *cell;

	foreach(cell, pgc_contract_datasets(contract_id))
	{
		PgcContract *contract = pgc_contract_load(lfirst_int(cell));

		if (!pgc_privilege_is_visible(contract->dataset_id))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied for contract \"%s\"", contract_id),
					 errdetail("You may not select from its dataset %s.", contract->name)));
		export.datasets = lappend(export.datasets, make_exported(contract));
	}
	list_sort(export.datasets, order_exported);
	return export;
}

/* export_contract returns a contract as a document. */
static text *
export_contract(const char *contract_id)
{
	Export		export = open_export(contract_id);
	ListCell   *cell;

	if (export.datasets == NIL)
	{
		pgc_contract_require_rights(contract_id);
		return export.version->source;
	}
	if (export.version == NULL)
		export.schema = NameStr(((Exported *) linitial(export.datasets))->contract->schema_name);
	else
	{
		PgcNode    *root = read_stored(&export);
		PgcPlan    *plan;
		int			errors;

		choose_server(&export, root);
		plan = plan_for(root, export.server, &errors);
		foreach(cell, export.datasets)
			mark_there(lfirst(cell), planned_dataset(plan, ((Exported *) lfirst(cell))->contract));
	}
	do
	{
		CHECK_FOR_INTERRUPTS();
		build(&export);
	} while (export.changed && judge(&export));
	if (!export.changed)
		return export.version->source;
	warn_of_changes(&export);
	foreach(cell, export.datasets)
	{
		if (((Exported *) lfirst(cell))->target.own)
			pgc_shape_tidy(((Exported *) lfirst(cell))->target.object);
	}
	return cstring_to_text(pgc_node_write_yaml(export.root));
}

/* pgc_export_named is contract.export(name): a contract's id, else a dataset's name. */
Datum
pgc_export_named(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int32		dataset_id;

	if (pgc_contract_datasets(name) != NIL || pgc_version_newest(name) != NULL)
		PG_RETURN_TEXT_P(export_contract(name));
	dataset_id = pgc_contract_find(name, true);
	if (dataset_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no contract or dataset \"%s\"", name),
				 errhint("contract.scorecard lists both; of a table without contract, contract.infer makes a first document.")));
	PG_RETURN_TEXT_P(export_contract(pgc_contract_load(dataset_id)->contract_id));
}

/* pgc_export_relation is contract.export(relation). */
Datum
pgc_export_relation(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(export_contract(pgc_contract_require(PG_GETARG_OID(0))->contract_id));
}
