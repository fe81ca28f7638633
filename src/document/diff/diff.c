/*
 * src/document/diff/diff.c
 *		What changes between two documents, and for whom: SQL function diff.
 *
 * A change breaks producers if what was right may fail, and consumers if
 * what reads the data may break; either may only need to be told.  Whoever is
 * broken asks for a new major version, whoever is told for a minor one, anything
 * else for a patch.  What is inside something new is part of that one change.
 *
 * Only the two texts count: neither tables nor types of the database are looked
 * at, so that the answer is the same everywhere.
 */
#include "postgres.h"

#include "document/diff/diff.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_diff_documents);

/* The columns of diff and apply. */
#define CHANGE_COLUMNS 9

static const char *
level_of(PgcHarm producer, PgcHarm consumer)
{
	switch (Max(producer, consumer))
	{
		case PGC_BREAKS:
			return "major";
		case PGC_WARNS:
			return "minor";
		default:
			return "patch";
	}
}

/* consequence says for whom a change matters, to follow what it is. */
static const char *
consequence(PgcHarm producer, PgcHarm consumer)
{
	static const char *const words[3][3] = {
		{"", "; readers should know", "; readers may break"},
		{"; producers should know", "; producers and readers should know",
		"; readers may break, producers should know"},
		{"; what was right may fail", "; what was right may fail, readers should know",
		"; what was right may fail, readers may break"}
	};

	return words[producer][consumer];
}

/*
 * pgc_diff_add adds a change, in words without a capital and a period; for whom it
 * matters is added to them.  Inside a rule that only warns nothing breaks
 * producers.
 */
void
pgc_diff_add(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new,
			 PgcHarm producer, PgcHarm consumer, const char *format,...)
{
	PgcChange  *change = palloc0(sizeof(PgcChange));
	va_list		arguments;
	char	   *message;

	if (diff->context.soft)
		producer = Min(producer, PGC_WARNS);
	va_start(arguments, format);
	message = pgc_message(format, arguments);
	va_end(arguments);
	change->path = path ? pgc_path_text(path) : pstrdup("");
	change->change = old == NULL ? "added" : new == NULL ? "removed" : "changed";
	change->old = old;
	change->new = new;
	change->breaks_producer = producer == PGC_BREAKS;
	change->breaks_consumer = consumer == PGC_BREAKS;
	change->level = level_of(producer, consumer);
	change->message = psprintf("%s%s", message, consequence(producer, consumer));
	diff->changes = lappend(diff->changes, change);
}

/* pgc_diff_add_relation adds a change of what is right: tighter, looser, both or unclear. */
void
pgc_diff_add_relation(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
					  const PgcNode *new, int relation, const char *what)
{
	PgcHarm		producer = relation & PGC_TIGHTER ? PGC_BREAKS : PGC_HARMLESS;
	PgcHarm		consumer = relation & PGC_LOOSER ? PGC_WARNS : PGC_HARMLESS;

	if (relation & PGC_UNCLEAR)
	{
		producer = Max(producer, PGC_WARNS);
		consumer = PGC_WARNS;
	}
	pgc_diff_add(diff, path, old, new, producer, consumer, "%s", what);
}

/* physical_name is what SQL calls an object or property. */
static const char *
physical_name(const PgcNode *element)
{
	const char *name = pgc_node_get_text(element, "physicalName");

	return name != NULL ? name : pgc_node_get_text(element, "name");
}

/*
 * pgc_diff_names compares the names of an object or a property, what: readers know
 * it by its physical name, documents by the other one.
 */
void
pgc_diff_names(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new,
			   const char *what)
{
	const PgcPath name_path = {path, "name", 0};
	const PgcPath physical_path = {path, "physicalName", 0};
	const PgcNode *old_name = pgc_node_get(old, "name");
	const PgcNode *new_name = pgc_node_get(new, "name");
	const PgcNode *old_physical = pgc_node_get(old, "physicalName");
	const PgcNode *new_physical = pgc_node_get(new, "physicalName");
	const char *before = physical_name(old);
	const char *after = physical_name(new);
	bool		moved = before != NULL && after != NULL && strcmp(before, after) != 0;

	if (!pgc_diff_equal(old_name, new_name))
		pgc_diff_add(diff, &name_path, old_name, new_name, PGC_HARMLESS,
					 moved ? PGC_BREAKS : PGC_WARNS, "%s renamed", what);
	if (pgc_diff_equal(old_physical, new_physical))
		return;
	if (moved)
		pgc_diff_add(diff, &physical_path, old_physical, new_physical, PGC_HARMLESS, PGC_BREAKS,
					 "the %s is now \"%s\", no longer \"%s\"",
					 strcmp(what, "object") == 0 ? "relation" : "column", after, before);
	else
		pgc_diff_any(diff, &physical_path, old_physical, new_physical);
}

/* compare_relationship compares a relationship: each is a rule. */
static void
compare_relationship(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	static const PgcDiffField fields[] = {{"customProperties", pgc_diff_custom}, {NULL, NULL}};

	if (old == NULL)
		pgc_diff_add(diff, path, old, new, PGC_BREAKS, PGC_HARMLESS,
					 "values must be found in another object now");
	else if (new == NULL)
		pgc_diff_add(diff, path, old, new, PGC_HARMLESS, PGC_WARNS,
					 "values need not be found in another object any more");
	else if (!pgc_diff_equal(pgc_node_get(old, "from"), pgc_node_get(new, "from")) ||
			 !pgc_diff_equal(pgc_node_get(old, "to"), pgc_node_get(new, "to")))
		pgc_diff_add(diff, path, old, new, PGC_BREAKS, PGC_WARNS, "relationship changed");
	else
		pgc_diff_map(diff, path, old, new, fields);
}

/* pgc_diff_relationships compares the relationships of an object or property. */
void
pgc_diff_relationships(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	pgc_diff_list(diff, path, old, new, compare_relationship);
}

/* pgc_diff_checks compares the quality of an object or property. */
void
pgc_diff_checks(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	pgc_diff_list(diff, path, old, new, pgc_diff_quality);
}

/* compare_kind_of_relation compares table, view, topic, ... */
static void
compare_kind_of_relation(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
						 const PgcNode *new)
{
	bool		both = old != NULL && new != NULL;

	pgc_diff_add(diff, path, old, new, both ? PGC_WARNS : PGC_HARMLESS,
				 both ? PGC_WARNS : PGC_HARMLESS, "kind of relation %s",
				 both ? "changed" : old ? "removed" : "added");
}

/* compare_object compares an object of the schema. */
static void
compare_object(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	static const PgcDiffField fields[] = {
		{"name", NULL},
		{"physicalName", NULL},
		{"physicalType", compare_kind_of_relation},
		{"properties", pgc_diff_properties},
		{"relationships", pgc_diff_relationships},
		{"quality", pgc_diff_checks},
		{"customProperties", pgc_diff_custom},
		{NULL, NULL}
	};
	PgcDiffContext outer;

	if (old == NULL)
		pgc_diff_add(diff, path, old, new, PGC_HARMLESS, PGC_HARMLESS, "object added");
	else if (new == NULL)
		pgc_diff_add(diff, path, old, new, PGC_HARMLESS, PGC_BREAKS, "object removed");
	else
	{
		outer = pgc_diff_enter(diff, old, new);
		pgc_diff_names(diff, path, old, new, "object");
		pgc_diff_map(diff, path, old, new, fields);
		diff->context = outer;
	}
}

static void
compare_schema(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	pgc_diff_list(diff, path, old, new, compare_object);
}

static void
compare_service_levels(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	pgc_diff_list(diff, path, old, new, pgc_diff_sla);
}

/* How much a status asks of producers, and promises to readers. */
typedef enum Force
{
	NOT_IN_FORCE,				/* proposed, draft: nothing is refused */
	IN_FORCE,
	ENDING,						/* deprecated */
	ENDED						/* retired */
} Force;

static Force
force_of(const PgcNode *status)
{
	static const struct
	{
		const char *word;
		Force		force;
	}			words[] = {
		{"proposed", NOT_IN_FORCE}, {"draft", NOT_IN_FORCE}, {"development", NOT_IN_FORCE},
		{"in development", NOT_IN_FORCE}, {"pending", NOT_IN_FORCE}, {"test", NOT_IN_FORCE},
		{"deprecated", ENDING}, {"retired", ENDED}
	};
	const char *written = pgc_node_text(status);

	for (int i = 0; i < lengthof(words); i++)
	{
		if (written != NULL && pg_strcasecmp(written, words[i].word) == 0)
			return words[i].force;
	}
	return IN_FORCE;
}

/* compare_status: rules that come into force are the producers' matter, an end is the readers'. */
static void
compare_status(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	static const bool in_force[] = {false, true, true, false};
	Force		before = force_of(old);
	Force		after = force_of(new);
	PgcHarm		producer = !in_force[before] && in_force[after] ? PGC_WARNS : PGC_HARMLESS;
	PgcHarm		consumer = after != before && (after > IN_FORCE || !in_force[after]) ?
	PGC_WARNS : PGC_HARMLESS;

	pgc_diff_add(diff, path, old, new, producer, consumer, "status %s",
				 old == NULL ? "added" : new == NULL ? "removed" : "changed");
}

/* compare_roots compares two documents in normal form. */
static void
compare_roots(PgcDiff *diff, const PgcNode *old, const PgcNode *new)
{
	static const PgcDiffField fields[] = {
		{"status", compare_status},
		{"schema", compare_schema},
		{"slaProperties", compare_service_levels},
		{"customProperties", pgc_diff_custom},
		{NULL, NULL}
	};

	diff->context.old_action = diff->context.new_action = PGC_WARN;
	pgc_diff_enter(diff, old, new);
	pgc_diff_map(diff, NULL, old, new, fields);
}

/*
 * pgc_diff returns what changes from one checked document to another, a list of
 * PgcChange in the order of the old one.  old NULL: the contract is new, which
 * breaks nobody.
 */
List *
pgc_diff(const PgcNode *old, const PgcNode *new)
{
	PgcDiff		diff = {NIL};

	if (old == NULL)
		pgc_diff_add(&diff, NULL, NULL, pgc_node_get(new, "id"), PGC_HARMLESS, PGC_HARMLESS,
					 "contract added");
	else
		compare_roots(&diff, pgc_diff_normal(old), pgc_diff_normal(new));
	return diff.changes;
}

/* pgc_diff_level returns the highest level of some changes; NULL: there are none. */
const char *
pgc_diff_level(const List *changes)
{
	static const char *const levels[] = {"major", "minor", "patch"};
	int			highest = lengthof(levels);
	ListCell   *cell;

	foreach(cell, changes)
	{
		for (int i = 0; i < highest; i++)
		{
			if (strcmp(((PgcChange *) lfirst(cell))->level, levels[i]) == 0)
				highest = i;
		}
	}
	return highest < lengthof(levels) ? levels[highest] : NULL;
}

/* put_node fills a column with a node's text, or its JSON if it is no scalar. */
static void
put_node(const PgcNode *node, Datum *value, bool *null)
{
	*null = node == NULL || pgc_node_is(node, PGC_NODE_NULL);
	if (*null)
		return;
	if (pgc_node_is_scalar(node))
		*value = CStringGetTextDatum(pgc_node_text(node));
	else
	{
		Jsonb	   *jsonb = pgc_node_to_jsonb(node);

		*value = CStringGetTextDatum(JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb)));
	}
}

/* pgc_change_values fills the nine columns of diff and apply, "enforced" with null. */
void
pgc_change_values(const PgcChange *change, Datum *values, bool *nulls)
{
	memset(nulls, false, sizeof(bool) * CHANGE_COLUMNS);
	values[0] = CStringGetTextDatum(change->path);
	values[1] = CStringGetTextDatum(change->change);
	put_node(change->old, &values[2], &nulls[2]);
	put_node(change->new, &values[3], &nulls[3]);
	values[4] = BoolGetDatum(change->breaks_producer);
	values[5] = BoolGetDatum(change->breaks_consumer);
	values[6] = CStringGetTextDatum(change->level);
	nulls[7] = true;
	values[8] = CStringGetTextDatum(change->message);
}

/* say_which says which of the two documents an error is about. */
static void
say_which(void *which)
{
	errcontext("%s document of the comparison", (const char *) which);
}

/* read_checked reads a document that must be one of the standard; which says which it is. */
static PgcNode *
read_checked(const text *source, char *which)
{
	ErrorContextCallback context = {error_context_stack, say_which, which};
	PgcRemarks	remarks = {NIL};
	PgcNode    *root;

	error_context_stack = &context;
	root = pgc_document_require(source);
	pgc_odcs_check(root, &remarks);
	pgc_remarks_raise(&remarks);
	error_context_stack = context.previous;
	return root;
}

/* pgc_diff_documents is contract.diff(old, new). */
Datum
pgc_diff_documents(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	PgcNode    *old = read_checked(PG_GETARG_TEXT_PP(0), "old");
	PgcNode    *new = read_checked(PG_GETARG_TEXT_PP(1), "new");
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, pgc_diff(old, new))
	{
		Datum		values[CHANGE_COLUMNS];
		bool		nulls[CHANGE_COLUMNS];

		pgc_change_values(lfirst(cell), values, nulls);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
