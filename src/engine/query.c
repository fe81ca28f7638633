/*
 * src/engine/query.c
 *		Kind query: a SELECT of the author's whose rows are the failures, or
 *		which returns one number to compare.
 *
 * The query is looked at here, with the author's rights, and run by the audit.
 * It must be a single SELECT that only reads; its names are looked up in
 * pg_catalog, pg_temp, so that it means the same for everybody.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "engine/measure.h"
#include "engine/rights.h"
#include "executor/spi.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* refuse raises the error for a query that is not allowed. */
pg_noreturn static void
refuse(const char *sql, const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("query of a rule %s", reason),
			 errdetail("The query is: %s", sql),
			 errhint("Use one SELECT that only reads; its rows are the failures, or with bounds its one number is compared.")));
}

/*
 * describe_query moves an error's position from the statement to our query, and
 * says how names are looked up.
 */
static void
describe_query(void *arg)
{
	int			position = geterrposition();
	int			code = geterrcode();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(arg);
	}
	if (code == ERRCODE_UNDEFINED_TABLE || code == ERRCODE_UNDEFINED_FUNCTION ||
		code == ERRCODE_UNDEFINED_OBJECT)
		errhint("Names in the query of a rule are looked up in pg_catalog only: write schema.name.");
	errcontext("query of a contract rule");
}

/* What a query names of the rule's own columns. */
typedef struct Names
{
	const PgcLayout *layout;
	Bitmapset  *columns;
} Names;

/* find_names adds columns of the layout that a raw tree names, or means by a star. */
static bool
find_names(Node *node, void *context)
{
	Names	   *names = context;
	Node	   *last;

	if (node == NULL)
		return false;
	if (!IsA(node, ColumnRef))
		return raw_expression_tree_walker(node, find_names, context);
	last = llast(((ColumnRef *) node)->fields);
	for (int i = 0; i < names->layout->ncolumns; i++)
	{
		if (IsA(last, A_Star) || strcmp(strVal(last), NameStr(names->layout->columns[i].name)) == 0)
			names->columns = bms_add_member(names->columns, i);
	}
	return false;
}

/* writes: does a SELECT make a table, lock rows, or write in a WITH? */
static bool
writes(const SelectStmt *select)
{
	ListCell   *cell;

	if (select->op != SETOP_NONE && (writes(select->larg) || writes(select->rarg)))
		return true;
	if (select->intoClause != NULL || select->lockingClause != NIL)
		return true;
	foreach(cell, select->withClause ? select->withClause->ctes : NIL)
	{
		if (!IsA(lfirst_node(CommonTableExpr, cell)->ctequery, SelectStmt))
			return true;
	}
	return false;
}

/* parse returns the raw tree of a query, or raises unless it is one that reads. */
static Node *
parse(const char *sql)
{
	List	   *statements = raw_parser(sql, RAW_PARSE_DEFAULT);
	Node	   *node = list_length(statements) == 1 ? linitial_node(RawStmt, statements)->stmt : NULL;

	if (node == NULL)
		refuse(sql, "must be a single statement");
	if (!IsA(node, SelectStmt))
		refuse(sql, "must be a SELECT");
	if (writes((SelectStmt *) node))
		refuse(sql, "must only read");
	return node;
}

/*
 * pgc_query_check_syntax raises unless a text is a query that a rule can have, as
 * far as that can be seen without looking up a name.
 */
void
pgc_query_check_syntax(char *sql)
{
	ErrorContextCallback callback;

	callback.callback = describe_query;
	callback.arg = sql;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	(void) parse(sql);
	error_context_stack = callback.previous;
}

/*
 * result_type plans the query and starts it, which looks up names and checks the
 * author's rights to read; no row is read.  Returns the type of its only column,
 * domains looked through, or InvalidOid if it has several; none is an error.
 */
static Oid
result_type(const char *sql)
{
	TupleDesc	descriptor;
	Portal		portal;
	Oid			type;

	SPI_connect();
	portal = SPI_cursor_open_with_args(NULL, sql, 0, NULL, NULL, NULL, true, 0);
	descriptor = portal->tupDesc;
	if (descriptor->natts == 0)
		refuse(sql, "must return a column");
	type = descriptor->natts == 1 ? getBaseType(TupleDescAttr(descriptor, 0)->atttypid) : InvalidOid;
	SPI_cursor_close(portal);
	SPI_finish();
	return type;
}

/*
 * check looks at a query with the author's rights: adds the rule's columns that it
 * names to *uses, also if it turns out wrong, and returns its result_type.
 */
static Oid
check(const PgcLayout *layout, char *sql, Bitmapset **uses)
{
	Names		names = {.layout = layout,.columns = *uses};
	ErrorContextCallback callback;
	PgcRights	saved;
	Oid			type;

	callback.callback = describe_query;
	callback.arg = sql;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	pgc_rights_enter(&saved, layout->author, true);
	(void) find_names(parse(sql), &names);
	*uses = names.columns;
	type = result_type(sql);
	pgc_rights_leave(&saved);
	error_context_stack = callback.previous;
	return type;
}

static void
compile_query(PgcCompile *compile)
{
	PgcQuery   *query = palloc0(sizeof(PgcQuery));
	bool		is_number;
	Oid			type;

	pgc_require_no_columns(compile);
	if (compile->spec->filter != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule kind \"query\" takes no filter"),
				 errhint("Put the condition into the query.")));
	query->sql = pgc_parameter_text(compile, "query", true);
	pgc_parameter_push(compile, "query", query->sql, false);
	/* what it names may be personal data */
	type = check(compile->layout, query->sql, &compile->rule->uses);
	is_number = pgc_type_is_number(type);
	query->bounds = pgc_bounds_read(compile, is_number ? pgc_bounds_type(type) : NUMERICOID, false);
	if (query->bounds != NULL && !is_number)
		refuse(query->sql, "must return one column of numbers, since the rule has a minimum or a maximum");
	if (query->bounds != NULL)
		appendStringInfo(&compile->words, "must be such that the query returns a number %s", query->bounds->words);
	else
		appendStringInfoString(&compile->words, "must not be returned by the query");
	compile->rule->set = query;
}

/* pgc_rule_query returns the query of a rule of this kind, else NULL. */
const PgcQuery *
pgc_rule_query(const PgcRule *rule)
{
	return rule->broken == NULL && rule->kind == &pgc_kind_query ? rule->set : NULL;
}

const PgcKind pgc_kind_query = {
	.name = "query",
	.ncolumns = 0,
	.null_passes = true,
	.set_rule = true,
	.parameters = {"query", "minimum", "maximum", "exclusive_minimum", "exclusive_maximum"},
	.compile = compile_query
};
