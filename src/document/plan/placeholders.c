/*
 * src/document/plan/placeholders.c
 *		Names in the place of {table}, ${column} and the like in queries.
 *
 * With or without $, and with the quotes around them swallowed.  A ${...} that
 * is not known is an error: left alone it would mean something else to
 * whoever reads the document next.
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "document/plan/plan.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* What a query is being made of. */
typedef struct Replacement
{
	const PgcAsked *asked;
	const PgcNode *node;
	StringInfoData out;
	int			schema_end;		/* where a schema's name ended, or -1 */
	bool		failed;
} Replacement;

/* one_of: is a name, not NUL-terminated, one of some? */
static bool
one_of(const char *name, int length, const char *const *names)
{
	for (int i = 0; names[i] != NULL; i++)
	{
		if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0)
			return true;
	}
	return false;
}

/* fail remarks on a placeholder. */
static void
fail(Replacement *query, const char *name, int length, const char *why)
{
	pgc_remark(query->asked->planner->remarks, PGC_ERROR, query->node, pgc_plan_path(query->asked->path, "query"),
			   "placeholder {%.*s} %s", length, name, why)->hint =
		"Known are {object}, {table}, {model}, {property}, {column}, {field}, {schema} and {database}.";
	query->failed = true;
}

/* append_table appends the relation's name; without schema, if the query has just named that. */
static void
append_table(Replacement *query)
{
	const PgcPlannedDataset *dataset = query->asked->object->dataset;
	bool		has_schema = query->schema_end >= 0 && query->out.len == query->schema_end + 1 &&
	query->out.data[query->out.len - 1] == '.';

	appendStringInfoString(&query->out, has_schema ? quote_identifier(NameStr(dataset->table_name)) : dataset->name);
}

/* append appends what a placeholder stands for; false: it is none. */
static bool
append(Replacement *query, const char *name, int length)
{
	static const char *const tables[] = {"object", "table", "model", NULL};
	static const char *const columns[] = {"property", "column", "field", NULL};
	static const char *const schemas[] = {"schema", NULL};
	static const char *const databases[] = {"database", NULL};

	if (one_of(name, length, tables))
		append_table(query);
	else if (one_of(name, length, columns) && query->asked->property == NULL)
		fail(query, name, length, "is not known in a check of a whole object");
	else if (one_of(name, length, columns))
		appendStringInfoString(&query->out, pgc_plan_quoted(query->asked->property));
	else if (one_of(name, length, databases))
		appendStringInfoString(&query->out, quote_identifier(get_database_name(MyDatabaseId)));
	else if (one_of(name, length, schemas))
	{
		appendStringInfoString(&query->out, quote_identifier(NameStr(query->asked->object->dataset->schema_name)));
		query->schema_end = query->out.len;
	}
	else
		return false;
	return true;
}

/*
 * read_placeholder appends what the placeholder at a place stands for and returns
 * how long it is, its quotes included; 0: there is none.
 */
static int
read_placeholder(Replacement *query, const char *at)
{
	char		quote = *at == '"' || *at == '\'' ? *at : '\0';
	const char *start = at + (quote != '\0');
	bool		has_dollar = *start == '$';
	const char *name = start + has_dollar + 1;
	const char *end = start[has_dollar] == '{' ? strchr(name, '}') : NULL;

	if (end == NULL || (quote != '\0' && end[1] != quote))
		return 0;
	if (append(query, name, end - name))
		return end + 1 + (quote != '\0') - at;
	if (has_dollar)
		fail(query, name, Min(end - name, 100), "is not known");
	return 0;
}

/*
 * pgc_plan_replace returns a query with names in the place of placeholders
 * (palloc'd), or NULL and remarks on the one that is not known.
 */
char *
pgc_plan_replace(const PgcAsked *asked, const PgcNode *query)
{
	Replacement state = {.asked = asked,.node = query,.schema_end = -1};
	const char *at = pgc_node_text(query);

	initStringInfo(&state.out);
	while (*at != '\0' && !state.failed)
	{
		int			length = strchr("\"'${", *at) != NULL ? read_placeholder(&state, at) : 0;

		if (length > 0)
			at += length;
		else
			appendStringInfoChar(&state.out, *at++);
	}
	return state.failed ? NULL : state.out.data;
}
