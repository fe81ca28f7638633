/*
 * src/engine/expression.c
 *		SQL expressions over a row: satisfies and filters.
 *
 * An expression is text.  It is parsed by the server against the layout (no
 * relation is looked at), with search_path = pg_catalog, pg_temp, and runs
 * with the rights of the layout's author.  It must be a single boolean
 * expression without subquery, aggregate, window or set-returning function,
 * parameter, and without volatile functions: a row is judged by its values
 * alone, and more than once.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/transam.h"
#include "access/tupdesc.h"
#include "access/xact.h"
#include "engine/kind.h"
#include "engine/rights.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parser.h"
#include "parser/scansup.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

struct PgcExpression
{
	ExprState  *state;
	Expr	   *planned;		/* what state was made of */
	MemoryContext context;
	bool		running;		/* or the last run ended in an error */
	bool		as_owner;		/* could see or do what the owner may not, or
								 * depends on search_path */
	bool		can_fail;		/* may raise an error on some values */
};

/* For error messages: which text is being parsed. */
typedef struct Source
{
	const char *sql;
	const char *what;			/* "filter", "expression" */
	const PgcLayout *layout;
} Source;

/* refuse raises the error for an expression that is not allowed. */
static void
refuse(const Source *source, const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s of a rule %s", source->what, reason),
			 errdetail("The %s is: %s", source->what, source->sql),
			 errhint("Use one boolean expression over the columns of the row.")));
}

/* describe_source moves an error's position from the query to our text. */
static void
describe_source(void *arg)
{
	const Source *source = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(source->sql);
	}
	errcontext("%s of a contract rule on \"%s\"", source->what, source->layout->relation);
}

/* resolve_column is the parser's hook for names: column or relation.column. */
static Node *
resolve_column(ParseState *pstate, ColumnRef *reference)
{
	const Source *source = pstate->p_ref_hook_state;
	int			nfields = list_length(reference->fields);
	Node	   *last = llast(reference->fields);
	const PgcColumn *column;
	int			index;

	if (!IsA(last, String) || nfields > 2 ||
		(nfields == 2 && !source->layout->any_qualifier &&
		 strcmp(strVal(linitial(reference->fields)), source->layout->relation) != 0))
		refuse(source, "may name columns of its dataset only");
	index = pgc_layout_index(source->layout, strVal(last));
	if (index < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of \"%s\" does not exist", strVal(last), source->layout->relation),
				 errhint("The columns are %s.", pgc_layout_names(source->layout)),
				 parser_errposition(pstate, reference->location)));
	column = &source->layout->columns[index];
	return (Node *) makeVar(1, index + 1, column->type, column->typmod, column->collation, 0);
}

static bool
contains_sublink(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
		return true;
	return raw_expression_tree_walker(node, contains_sublink, context);
}

/* parse_raw returns the raw tree of a text that must be one expression. */
static Node *
parse_raw(const Source *source)
{
	List	   *statements = raw_parser(source->sql, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;
	ResTarget  *target;

	if (!IsA(select, SelectStmt) || list_length(select->targetList) != 1 ||
		select->distinctClause || select->intoClause || select->fromClause ||
		select->whereClause || select->groupClause || select->havingClause ||
		select->windowClause || select->valuesLists || select->sortClause ||
		select->limitOffset || select->limitCount || select->lockingClause ||
		select->withClause || select->op != SETOP_NONE)
		refuse(source, "must be a single expression");
	target = linitial_node(ResTarget, select->targetList);
	if (target->name != NULL)
		refuse(source, "must be a single expression");
	if (contains_sublink(target->val, NULL))
		refuse(source, "cannot contain a subquery");
	return target->val;
}

/* analyze returns the analysed boolean expression, or raises. */
static Node *
analyze(Source *source)
{
	ParseState *pstate = make_parsestate(NULL);
	Node	   *node;

	pstate->p_sourcetext = source->sql;
	pstate->p_pre_columnref_hook = resolve_column;
	pstate->p_ref_hook_state = source;
	node = transformExpr(pstate, parse_raw(source), EXPR_KIND_OTHER);
	node = coerce_to_boolean(pstate, node, source->what);
	assign_expr_collations(pstate, node);
	if (pstate->p_hasAggs)
		refuse(source, "cannot contain an aggregate");
	if (pstate->p_hasWindowFuncs)
		refuse(source, "cannot contain a window function");
	if (pstate->p_hasTargetSRFs || expression_returns_set(node))
		refuse(source, "cannot contain a set-returning function");
	free_parsestate(pstate);
	if (contain_volatile_functions(node))
		refuse(source, "cannot contain a volatile function");
	return node;
}

/* is_elsewhere: does a qualified name mean something that is not built in? */
static bool
is_elsewhere(const List *name)
{
	return list_length(name) > 1 &&
		(list_length(name) > 2 || strcmp(strVal(linitial(name)), "pg_catalog") != 0);
}

/* names_elsewhere: does a raw tree name a function, operator or type that is not built in? */
static bool
names_elsewhere(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if ((IsA(node, FuncCall) && is_elsewhere(((FuncCall *) node)->funcname)) ||
		(IsA(node, A_Expr) && is_elsewhere(((A_Expr *) node)->name)) ||
		(IsA(node, TypeName) && is_elsewhere(((TypeName *) node)->names)))
		return true;
	return raw_expression_tree_walker(node, names_elsewhere, context);
}

/*
 * pgc_expression_names_built_in: does an expression name only what is built in?
 * Raises what is wrong with it as far as that can be seen without looking up a name.
 */
bool
pgc_expression_names_built_in(const char *sql, const char *what, const PgcLayout *layout)
{
	Source		source = {.sql = sql,.what = what,.layout = layout};
	ErrorContextCallback callback;
	bool		result;

	callback.callback = describe_source;
	callback.arg = &source;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	result = !names_elsewhere(parse_raw(&source), NULL);
	error_context_stack = callback.previous;
	return result;
}

static bool
is_not_built_in(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}

/* runs_foreign_code: does the tree call functions that are not built in? */
static bool
runs_foreign_code(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CoerceToDomain) || check_functions_in_node(node, is_not_built_in, NULL))
		return true;
	return expression_tree_walker(node, runs_foreign_code, context);
}

/* pgc_expression_is_built_in: does the tree call only built-in immutable functions? */
bool
pgc_expression_is_built_in(Node *node)
{
	return !runs_foreign_code(node, NULL) && !contain_mutable_functions(node);
}

/* columns_used returns the layout indexes of the Vars in the tree. */
static Bitmapset *
columns_used(Node *node)
{
	Bitmapset  *attnos = NULL;
	Bitmapset  *columns = NULL;
	int			attno = -1;

	pull_varattnos(node, 1, &attnos);
	while ((attno = bms_next_member(attnos, attno)) >= 0)
		columns = bms_add_member(columns, attno + FirstLowInvalidHeapAttributeNumber - 1);
	return columns;
}

/*
 * pgc_expression_compile returns an expression ready to run, in the current
 * context, and adds the columns that it uses to *uses.  Errors are about the
 * text; what says what it is ("filter").
 */
PgcExpression *
pgc_expression_compile(const char *sql, const char *what,
					   const PgcLayout *layout, Bitmapset **uses)
{
	PgcExpression *expression = palloc(sizeof(PgcExpression));
	MemoryContext target = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(target, "pg_contract parse",
												  ALLOCSET_SMALL_SIZES);
	Source		source = {.sql = sql,.what = what,.layout = layout};
	ErrorContextCallback callback;
	PgcRights	saved;
	Node	   *node;

	callback.callback = describe_source;
	callback.arg = &source;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	pgc_rights_enter(&saved, layout->author, true);
	MemoryContextSwitchTo(scratch);

	node = analyze(&source);
	expression->as_owner = runs_foreign_code(node, NULL) || contain_mutable_functions(node);
	expression->can_fail = contain_leaked_vars(node) || contain_mutable_functions(node);
	node = (Node *) expression_planner((Expr *) node);

	MemoryContextSwitchTo(target);
	*uses = bms_add_members(*uses, columns_used(node));
	expression->planned = copyObject((Expr *) node);
	expression->state = ExecInitExpr(expression->planned, NULL);
	expression->context = target;
	expression->running = false;
	MemoryContextDelete(scratch);
	pgc_rights_leave(&saved);
	error_context_stack = callback.previous;
	return expression;
}

/* lend_slot puts the arrays of values into the program's slot. */
static void
lend_slot(PgcProgram *program, const Datum *values, const bool *nulls)
{
	TupleTableSlot *slot = program->slot;

	slot->tts_values = unconstify(Datum *, values);
	slot->tts_isnull = unconstify(bool *, nulls);
	slot->tts_nvalid = program->layout.ncolumns;
	slot->tts_flags &= ~TTS_FLAG_EMPTY;
	program->econtext->ecxt_scantuple = slot;
}

/* make_workspace gives a program what expressions need, at first use. */
static void
make_workspace(PgcProgram *program)
{
	MemoryContext caller = MemoryContextSwitchTo(program->context);
	const PgcLayout *layout = &program->layout;
	TupleDesc	descriptor = CreateTemplateTupleDesc(layout->ncolumns);

	for (int i = 0; i < layout->ncolumns; i++)
	{
		const PgcColumn *column = &layout->columns[i];

		TupleDescInitEntry(descriptor, i + 1, NameStr(column->name), column->type,
						   column->typmod, 0);
		TupleDescInitEntryCollation(descriptor, i + 1, column->collation);
	}
	program->slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsVirtual);
	program->econtext = CreateStandaloneExprContext();
	MemoryContextSwitchTo(caller);
}

/*
 * renew makes the executor state anew: after an error functions may have left
 * theirs half done in it, and PostgreSQL never runs such a state again.
 */
static void
renew(PgcExpression *expression)
{
	MemoryContext caller = MemoryContextSwitchTo(expression->context);

	expression->state = ExecInitExpr(expression->planned, NULL);
	MemoryContextSwitchTo(caller);
}

/* prepare makes an expression ready for a run. */
static void
prepare(PgcExpression *expression, PgcProgram *program)
{
	if (program->econtext == NULL)
		make_workspace(program);
	if (expression->running)
		renew(expression);
}

/*
 * pgc_expression_evaluate returns the expression's truth over a row and sets
 * *isnull.  Errors of the expression are thrown.
 */
bool
pgc_expression_evaluate(PgcExpression *expression, PgcProgram *program,
						const Datum *values, const bool *nulls, bool *isnull)
{
	PgcRights	saved;
	Datum		result;

	prepare(expression, program);
	lend_slot(program, values, nulls);
	expression->running = true;
	if (expression->as_owner)
		pgc_rights_enter(&saved, program->layout.author, true);
	result = ExecEvalExprSwitchContext(expression->state, program->econtext, isnull);
	expression->running = false;
	if (expression->as_owner)
		pgc_rights_leave(&saved);
	return !*isnull && DatumGetBool(result);
}

/* pgc_expression_can_fail: may it raise an error on some row? */
bool
pgc_expression_can_fail(const PgcExpression *expression)
{
	return expression->can_fail;
}

/* pgc_expression_is_fixed: is it made of immutable built-in functions only? */
bool
pgc_expression_is_fixed(const PgcExpression *expression)
{
	return !expression->as_owner;
}

/* pgc_expression_is_foreign: does it run what is not built in, or changes? */
bool
pgc_expression_is_foreign(const PgcExpression *expression)
{
	return expression->as_owner;
}

/*
 * pgc_expression_catch evaluates like the above in a subtransaction; on an
 * error it sets *error to the message and returns false.
 */
bool
pgc_expression_catch(PgcExpression *expression, PgcProgram *program,
					 const Datum *values, const bool *nulls, bool *isnull, char **error)
{
	PgcAttempt	attempt;
	volatile bool result = false;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		result = pgc_expression_evaluate(expression, program, values, nulls, isnull);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		*error = pgc_attempt_fail(&attempt);
		result = false;
	}
	PG_END_TRY();
	return result;
}

/* gather copies the columns that are used of one row of a chunk into arrays. */
static void
gather(const PgcChunk *chunk, const Bitmapset *uses, int row, Datum *values, bool *nulls)
{
	int			column = -1;

	while ((column = bms_next_member(uses, column)) >= 0)
	{
		values[column] = chunk->columns[column].values[row];
		nulls[column] = chunk->columns[column].nulls[row];
	}
}

/* select_rows is pgc_expression_select without catching. */
static int
select_rows(PgcExpression *expression, PgcProgram *program, const PgcChunk *chunk,
			const Bitmapset *uses, const uint16 *rows, int nrows, bool holding, uint16 *selected)
{
	Datum	   *values = palloc(program->layout.ncolumns * sizeof(Datum));
	bool	   *nulls = palloc0(program->layout.ncolumns * sizeof(bool));
	PgcRights	saved;
	int			nselected = 0;

	prepare(expression, program);
	lend_slot(program, values, nulls);
	expression->running = true;
	if (expression->as_owner)
		pgc_rights_enter(&saved, program->layout.author, true);
	for (int i = 0; i < nrows; i++)
	{
		int			row = rows ? rows[i] : i;
		bool		isnull;
		bool		holds;

		gather(chunk, uses, row, values, nulls);
		ResetExprContext(program->econtext);
		holds = DatumGetBool(ExecEvalExprSwitchContext(expression->state, program->econtext, &isnull));
		if (!isnull && holds == holding)
			selected[nselected++] = row;
	}
	if (expression->as_owner)
		pgc_rights_leave(&saved);
	expression->running = false;
	return nselected;
}

/*
 * pgc_expression_select evaluates an expression on rows of a chunk (NULL: the
 * first nrows), writes the indexes of those for which it is TRUE, or FALSE if
 * not holding, and returns how many.  An error of the expression sets *error.
 */
int
pgc_expression_select(PgcExpression *expression, PgcProgram *program, const PgcChunk *chunk,
					  const Bitmapset *uses, const uint16 *rows, int nrows, bool holding,
					  uint16 *selected, char **error)
{
	PgcAttempt	attempt;
	volatile int nselected = 0;

	if (!expression->can_fail || IsInParallelMode())
		return select_rows(expression, program, chunk, uses, rows, nrows, holding, selected);
	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		nselected = select_rows(expression, program, chunk, uses, rows, nrows, holding, selected);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		*error = pgc_attempt_fail(&attempt);
	}
	PG_END_TRY();
	return nselected;
}

/* What pgc_expression_rename collects. */
typedef struct Renaming
{
	const char *oldname;		/* or NULL: all columns */
	List	   *locations;		/* of references, in bytes */
} Renaming;

static bool
find_references(Node *node, void *context)
{
	Renaming   *renaming = context;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		ColumnRef  *reference = (ColumnRef *) node;
		Node	   *last = llast(reference->fields);

		if (IsA(last, String) &&
			(renaming->oldname == NULL || strcmp(strVal(last), renaming->oldname) == 0))
			renaming->locations = lappend_int(renaming->locations, reference->location);
		return false;
	}
	return raw_expression_tree_walker(node, find_references, context);
}

static int
order_locations(const ListCell *a, const ListCell *b)
{
	return lfirst_int(a) < lfirst_int(b) ? -1 : lfirst_int(a) > lfirst_int(b);
}

/* skip_identifier returns the end of the identifier that starts at text. */
static const char *
skip_identifier(const char *text)
{
	if (*text == '"')
	{
		for (text ++; *text; text ++)
		{
			if (*text == '"' && *++text !='"')
				break;
		}
		return text;
	}
	while (*text &&(IS_HIGHBIT_SET(*text) || isalnum((unsigned char) *text) ||
					*text == '_' || *text == '$'))
		text	  ++;
	return text;
}

/* last_identifier returns the start of the last name in a.b.c. */
static const char *
last_identifier(const char *text)
{
	for (;;)
	{
		const char *end = skip_identifier(text);

		while (scanner_isspace(*end))
			end++;
		if (*end != '.')
			return text;

		end++;
		while (scanner_isspace(*end))
			end++;
		text = end;
	}
}

/* references returns where a text refers to a column (NULL: to any), ascending. */
static List *
references(const char *sql, const char *column)
{
	Renaming	renaming = {.oldname = column};
	PgcLayout	layout = {.relation = ""};
	Source		source = {.sql = sql,.what = "expression",.layout = &layout};

	(void) find_references(parse_raw(&source), &renaming);
	list_sort(renaming.locations, order_locations);
	return renaming.locations;
}

/*
 * pgc_expression_rename returns the text with references to a column changed
 * to its new name (palloc'd), everything else byte for byte as it was.
 */
char *
pgc_expression_rename(const char *sql, const char *oldname, const char *newname)
{
	StringInfoData result;
	const char *rest = sql;
	ListCell   *cell;

	initStringInfo(&result);
	foreach(cell, references(sql, oldname))
	{
		const char *name = last_identifier(sql + lfirst_int(cell));

		appendBinaryStringInfo(&result, rest, name - rest);
		appendStringInfoString(&result, quote_identifier(newname));
		rest = skip_identifier(name);
	}
	appendStringInfoString(&result, rest);
	return result.data;
}

/*
 * pgc_expression_unqualified returns the text without the relation's name
 * before columns (palloc'd), fit to be put between parentheses.
 */
char *
pgc_expression_unqualified(const char *sql)
{
	StringInfoData result;
	const char *rest = sql;
	ListCell   *cell;

	initStringInfo(&result);
	foreach(cell, references(sql, NULL))
	{
		appendBinaryStringInfo(&result, rest, sql + lfirst_int(cell) - rest);
		rest = last_identifier(sql + lfirst_int(cell));
	}
	appendStringInfoString(&result, rest);
	if (strstr(rest, "--") != NULL) /* perhaps a comment */
		appendStringInfoChar(&result, '\n');
	return result.data;
}
