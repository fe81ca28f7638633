/*
 * src/document/plan/custom.c
 *		The customProperties that pg_contract knows: onViolation, filter,
 *		tolerance, runbook, owner, pii, piiCategory, checkTypes, strictColumns,
 *		writePath, onApply.
 *
 * Others are nobody's business here.  A value that is not one of ours is an error.
 */
#include "postgres.h"

#include "document/plan/plan.h"

/* path_of returns where a custom property of the element at path stands. */
static char *
path_of(const PgcPath *path, const char *name)
{
	PgcPath		list = {.parent = path,.name = "customProperties"};

	return pgc_plan_path(&list, name);
}

/* pgc_custom_text returns a custom property's text, or NULL. */
const char *
pgc_custom_text(PgcPlanner *planner, const PgcNode *node, const PgcPath *path, const char *name)
{
	const PgcNode *value = pgc_custom_get(node, name);

	if (value == NULL || (pgc_node_text(value) != NULL && pgc_node_text(value)[0] != '\0'))
		return pgc_node_text(value);
	(void) pgc_remark(planner->remarks, PGC_ERROR, value, path_of(path, name),
					  "custom property \"%s\" must be a text", name);
	return NULL;
}

/* pgc_custom_is returns a boolean custom property, false if absent. */
bool
pgc_custom_is(PgcPlanner *planner, const PgcNode *node, const PgcPath *path, const char *name)
{
	const PgcNode *value = pgc_custom_get(node, name);

	if (value != NULL && !pgc_node_is(value, PGC_NODE_BOOL))
		(void) pgc_remark(planner->remarks, PGC_ERROR, value, path_of(path, name),
						  "custom property \"%s\" must be true or false", name);
	return value != NULL && pgc_node_is_true(value);
}

/* pgc_custom_word returns a custom property that is one of some words, or NULL. */
const char *
pgc_custom_word(PgcPlanner *planner, const PgcNode *node, const PgcPath *path,
				const char *name, const char *const *words)
{
	const PgcNode *value = pgc_custom_get(node, name);
	StringInfoData valid;
	PgcRemark  *remark;

	if (value == NULL)
		return NULL;
	initStringInfo(&valid);
	for (int i = 0; words[i] != NULL; i++)
	{
		if (pgc_node_is_scalar(value) && strcmp(words[i], pgc_node_text(value)) == 0)
			return words[i];
		appendStringInfo(&valid, "%s%s", i > 0 ? ", " : "", words[i]);
	}
	remark = pgc_remark(planner->remarks, PGC_ERROR, value, path_of(path, name),
						"unknown %s \"%s\"", name, pgc_node_is_scalar(value) ? pgc_node_text(value) : "");
	remark->hint = psprintf("Valid values are %s.", valid.data);
	return NULL;
}

/* pgc_custom_action sets what a node says that a write does with a failing row, and says whether it does. */
bool
pgc_custom_action(PgcPlanner *planner, const PgcNode *node, const PgcPath *path, PgcAction *action)
{
	static const char *const words[] = {"audit", "warn", "quarantine", "reject", NULL};
	const char *word = pgc_custom_word(planner, node, path, "onViolation", words);

	if (word != NULL)
		*action = pgc_action_parse(word);
	return word != NULL;
}
