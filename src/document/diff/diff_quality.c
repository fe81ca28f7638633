/*
 * src/document/diff/diff_quality.c
 *		What a change of a quality rule means: what it asks for, how bad a
 *		failure is, what a write does with a failing row.
 *
 * An operator is a range that the measured number must be in, so that operators of
 * different kinds can be compared: at most 5 takes in exactly 0.
 */
#include "postgres.h"

#include "document/diff/diff.h"
#include "utils/builtins.h"

/* What a number must be: in a range, or for the last two not in one. */
typedef struct Operator
{
	const char *key;			/* NULL: there is none */
	const PgcNode *node;
	bool		negated;
	PgcDiffBound low;
	PgcDiffBound high;
} Operator;

/* action_of returns what a write does with a failing row, if an element says so. */
static PgcAction
action_of(const PgcNode *element, PgcAction inherited)
{
	const char *word = pgc_node_text(pgc_custom_get(element, "onViolation"));

	for (int action = PGC_AUDIT; word != NULL && action <= PGC_REJECT; action++)
	{
		if (strcmp(word, pgc_action_name(action)) == 0)
			return action;
	}
	return inherited;
}

/* pgc_diff_enter goes into an element; returns the context to be put back after it. */
PgcDiffContext
pgc_diff_enter(PgcDiff *diff, const PgcNode *old, const PgcNode *new)
{
	PgcDiffContext outer = diff->context;

	diff->context.old_action = action_of(old, outer.old_action);
	diff->context.new_action = action_of(new, outer.new_action);
	return outer;
}

/* compare_amount compares a tolerance: more is looser; absent is none. */
static int
compare_amount(const PgcNode *old, const PgcNode *new)
{
	int			order;

	if (!pgc_diff_values(new ? pgc_node_text(new) : "0", old ? pgc_node_text(old) : "0", &order))
		return PGC_UNCLEAR;
	return order == 0 ? PGC_SAME : order > 0 ? PGC_LOOSER : PGC_TIGHTER;
}

static int
compare_flags(const PgcNode *old, const PgcNode *new, bool default_value)
{
	bool		before = old ? pgc_node_is_true(old) : default_value;
	bool		after = new ? pgc_node_is_true(new) : default_value;

	return before == after ? PGC_SAME : after ? PGC_TIGHTER : PGC_LOOSER;
}

/* relation_of_custom returns what becomes of what is right by a custom property of ours. */
static int
relation_of_custom(const PgcDiff *diff, const char *name, const PgcNode *old, const PgcNode *new)
{
	if (strcmp(name, "onViolation") == 0)
		return diff->context.new_action == diff->context.old_action ? PGC_SAME :
			diff->context.new_action > diff->context.old_action ? PGC_TIGHTER : PGC_LOOSER;
	if (strcmp(name, "tolerance") == 0)
		return compare_amount(old, new);
	if (strcmp(name, "filter") == 0)
		return old == NULL ? PGC_LOOSER : new == NULL ? PGC_TIGHTER : PGC_UNCLEAR;
	if (strcmp(name, "strictColumns") == 0)
		return compare_flags(old, new, false);
	if (strcmp(name, "checkTypes") == 0)
		return compare_flags(old, new, true);
	return PGC_SAME;
}

/* compare_custom compares a custom property. */
static void
compare_custom(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	const char *name = pgc_node_get_text(old ? old : new, "property");
	const PgcNode *before = pgc_node_get(old, "value");
	const PgcNode *after = pgc_node_get(new, "value");
	int			relation = PGC_SAME;

	if (name != NULL && !pgc_diff_equal(before, after))
		relation = relation_of_custom(diff, name, before, after);
	if (relation == PGC_SAME && old != NULL && new != NULL)
		pgc_diff_any(diff, path, old, new);
	else
		pgc_diff_add_relation(diff, path, before, after, relation,
							  psprintf("%s %s", name ? name : "custom property",
									   before == NULL ? "added" :
									   after == NULL ? "removed" : "changed"));
}

/* pgc_diff_custom compares customProperties. */
void
pgc_diff_custom(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	pgc_diff_list(diff, path, old, new, compare_custom);
}

/* between fills both ends from a list of two numbers. */
static void
between(Operator *operator)
{
	if (!pgc_node_is(operator->node, PGC_NODE_LIST) || operator->node->count != 2)
		return;
	operator->low.value = pgc_node_text(operator->node->content.items[0]);
	operator->high.value = pgc_node_text(operator->node->content.items[1]);
}

/* Which ends an operator has, and how. */
static const struct
{
	const char *key;
	bool		low;
	bool		high;
	bool		exclusive;
	bool		negated;
}			operators[] = {
	{"mustBe", true, true, false, false},
	{"mustNotBe", true, true, false, true},
	{"mustBeGreaterThan", true, false, true, false},
	{"mustBeGreaterOrEqualTo", true, false, false, false},
	{"mustBeLessThan", false, true, true, false},
	{"mustBeLessOrEqualTo", false, true, false, false},
	{"mustBeBetween", true, true, false, false},
	{"mustNotBeBetween", true, true, false, true}
};

/* operator_of reads the operator of a rule. */
static Operator
operator_of(const PgcNode *item)
{
	Operator	operator = {NULL};

	for (int i = 0; i < lengthof(operators) && operator.node == NULL; i++)
	{
		operator.node = pgc_node_get(item, operators[i].key);
		if (operator.node == NULL)
			continue;
		operator.key = operators[i].key;
		operator.negated = operators[i].negated;
		operator.low.exclusive = operator.high.exclusive = operators[i].exclusive;
		if (operators[i].low)
			operator.low.value = pgc_node_text(operator.node);
		if (operators[i].high)
			operator.high.value = pgc_node_text(operator.node);
		if (operators[i].low && operators[i].high)
			between(&operator);
	}
	return operator;
}

/* whole_bound makes an exclusive bound of a count an inclusive one. */
static void
whole_bound(PgcDiffBound *bound, int step)
{
	if (bound->value == NULL || !bound->exclusive || strlen(bound->value) > 9 ||
		strspn(bound->value, "0123456789") != strlen(bound->value))
		return;
	bound->value = psprintf("%d", atoi(bound->value) + step);
	bound->exclusive = false;
}

/* count_operator knows of a count that it is whole and not below zero. */
static Operator
count_operator(const PgcNode *item)
{
	Operator	operator = operator_of(item);
	PgcDiffBound zero = {.value = "0"};

	if (operator.node == NULL || operator.negated || pgc_node_get(item, "metric") == NULL)
		return operator;
	if (!pgc_check_is_percent(item))
	{
		whole_bound(&operator.low, 1);
		whole_bound(&operator.high, -1);
	}
	if (pgc_diff_bounds(&operator.low, &zero, true) == PGC_TIGHTER)
		operator.low = zero;
	return operator;
}

/* relation_of_operators returns what becomes of the numbers that are right. */
static int
relation_of_operators(const Operator *old, const Operator *new)
{
	int			relation;

	if (old->key == NULL || new->key == NULL)
		return old->key == NULL ? PGC_TIGHTER : PGC_LOOSER;
	if (old->negated != new->negated)
		return PGC_UNCLEAR;
	relation = pgc_diff_bounds(&old->low, &new->low, true) |
		pgc_diff_bounds(&old->high, &new->high, false);
	if (relation & PGC_UNCLEAR)
		return PGC_UNCLEAR;
	if (!old->negated)
		return relation;
	/* a wider hole is stricter */
	return (relation & PGC_TIGHTER ? PGC_LOOSER : 0) | (relation & PGC_LOOSER ? PGC_TIGHTER : 0);
}

/* compare_operators compares what two versions of a rule ask for. */
static void
compare_operators(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	Operator	before = count_operator(old);
	Operator	after = count_operator(new);
	const PgcPath place = {path, after.key ? after.key : before.key, 0};
	int			relation;

	if (before.key == after.key && pgc_diff_equal(before.node, after.node))
		return;
	if (before.node != NULL && after.node != NULL && pgc_check_is_percent(old) != pgc_check_is_percent(new))
		relation = PGC_UNCLEAR;
	else
		relation = relation_of_operators(&before, &after);
	if (relation != PGC_SAME)
		pgc_diff_add_relation(diff, &place, before.node, after.node, relation,
							  relation == PGC_TIGHTER ? "threshold tightened" :
							  relation == PGC_LOOSER ? "threshold loosened" :
							  "threshold changed");
	else if (before.key != after.key)
		pgc_diff_any(diff, &place, before.node, after.node);
}

/* compare_severity: a failure that was told of now is one. */
static void
compare_severity(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	PgcSeverity before = pgc_word_severity(pgc_node_text(old));
	PgcSeverity after = pgc_word_severity(pgc_node_text(new));

	if (after > before)
		pgc_diff_add(diff, path, old, new, after == PGC_SEVERITY_ERROR ? PGC_BREAKS : PGC_WARNS,
					 PGC_HARMLESS, "severity raised");
	else if (after < before)
		pgc_diff_add(diff, path, old, new, PGC_HARMLESS, PGC_WARNS, "severity lowered");
	else
		pgc_diff_any(diff, path, old, new);
}

/* compare_meaning compares what decides what is measured: nobody knows which is stricter. */
static void
compare_meaning(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	pgc_diff_add(diff, path, old, new, PGC_WARNS, PGC_WARNS, "%s %s", path->name,
				 old == NULL ? "added" : new == NULL ? "removed" : "changed");
}

static void
compare_valid_value(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	pgc_diff_add_relation(diff, path, old, new, new ? PGC_LOOSER : PGC_TIGHTER,
						  new ? "value is valid now" : "value is not valid any more");
}

static void
compare_missing_value(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
					  const PgcNode *new)
{
	pgc_diff_add_relation(diff, path, old, new, new ? PGC_TIGHTER : PGC_LOOSER,
						  new ? "value counts as missing now" :
						  "value does not count as missing any more");
}

/* compare_value_lists compares arguments that are lists of values, where both are. */
static void
compare_value_lists(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	if (!pgc_node_is(old, PGC_NODE_LIST) || !pgc_node_is(new, PGC_NODE_LIST))
		compare_meaning(diff, path, old, new);
	else if (strcmp(path->name, "validValues") == 0)
		pgc_diff_members(diff, path, old, new, compare_valid_value);
	else
		pgc_diff_members(diff, path, old, new, compare_missing_value);
}

static void
compare_arguments(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	static const PgcDiffField fields[] = {
		{"validValues", compare_value_lists},
		{"missingValues", compare_value_lists},
		{"pattern", compare_meaning},
		{"properties", compare_meaning},
		{NULL, NULL}
	};

	pgc_diff_map(diff, path, old, new, fields);
}

/* is_checked says whether a rule is more than words. */
static bool
is_checked(const PgcNode *item)
{
	const char *type = pgc_node_get_text(item, "type");
	const char *engine = pgc_node_get_text(item, "engine");

	if (type == NULL)
		return pgc_node_get(item, "metric") != NULL || pgc_node_get(item, "query") != NULL;
	if (strcmp(type, "sql") == 0)
		return true;
	return strcmp(type, "custom") == 0 && engine != NULL && strcmp(engine, "pg_contract") == 0;
}

/* compare_checked compares a rule that is in both documents and checked in one. */
static void
compare_checked(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	static const PgcDiffField fields[] = {
		{"mustBe", NULL}, {"mustNotBe", NULL},
		{"mustBeGreaterThan", NULL}, {"mustBeGreaterOrEqualTo", NULL},
		{"mustBeLessThan", NULL}, {"mustBeLessOrEqualTo", NULL},
		{"mustBeBetween", NULL}, {"mustNotBeBetween", NULL},
		{"type", compare_meaning}, {"metric", compare_meaning}, {"query", compare_meaning},
		{"engine", compare_meaning}, {"implementation", compare_meaning},
		{"unit", compare_meaning},
		{"arguments", compare_arguments},
		{"severity", compare_severity},
		{"customProperties", pgc_diff_custom},
		{NULL, NULL}
	};

	compare_operators(diff, path, old, new);
	pgc_diff_map(diff, path, old, new, fields);
}

/* pgc_diff_quality compares a quality rule. */
void
pgc_diff_quality(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	PgcDiffContext outer = pgc_diff_enter(diff, old, new);
	bool		checked = is_checked(old ? old : new) || is_checked(new ? new : old);

	diff->context.soft = pgc_word_severity(pgc_node_get_text(new, "severity")) < PGC_SEVERITY_ERROR;
	if (old == NULL)
		pgc_diff_add(diff, path, old, new, checked ? PGC_BREAKS : PGC_HARMLESS, PGC_HARMLESS,
					 "quality rule added");
	else if (new == NULL)
		pgc_diff_add(diff, path, old, new, PGC_HARMLESS, checked ? PGC_WARNS : PGC_HARMLESS,
					 "quality rule removed");
	else if (checked)
		compare_checked(diff, path, old, new);
	else
		pgc_diff_map(diff, path, old, new, NULL);
	diff->context = outer;
}
