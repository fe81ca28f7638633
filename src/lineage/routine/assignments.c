/*
 * src/lineage/routine/assignments.c
 *		What a function in PL/pgSQL assigns to its variables, out of its compiled statements.
 *
 * Nothing is looked at but the statements: the order in which they run, and whether they do, plays no part.
 */
#include "postgres.h"

#include "lineage/routine/routine.h"
#include "miscadmin.h"
#include "parser/scansup.h"

/* A cursor variable, and a query that it is opened for or a target that it is fetched into. */
typedef struct CursorUse
{
	int			cursor;
	PLpgSQL_expr *query;		/* or NULL */
	PLpgSQL_variable *target;	/* or NULL */
} CursorUse;

typedef struct Collection
{
	PLpgSQL_function *function;
	PgcCode    *code;
	List	   *cursors;		/* CursorUse * */
} Collection;

static void collect_statements(Collection *collection, List *statements);

/* add_expression notes an expression, if there is one. */
static void
add_expression(Collection *collection, PLpgSQL_expr *expr)
{
	if (expr)
		collection->code->expressions = lappend(collection->code->expressions, expr);
}

/* add_assignment notes that what an expression gives goes to a variable. */
static void
add_assignment(Collection *collection, PLpgSQL_expr *expr, int target, PgcAssignmentKind kind)
{
	PgcAssignment *assignment = palloc(sizeof(PgcAssignment));

	assignment->expr = expr;
	assignment->target = target;
	assignment->kind = kind;
	collection->code->assignments = lappend(collection->code->assignments, assignment);
}

/* assign notes an expression and what its value goes to, if there is one. */
static void
assign(Collection *collection, PLpgSQL_expr *expr, int target, PgcAssignmentKind kind)
{
	add_expression(collection, expr);
	if (expr && target >= 0)
		add_assignment(collection, expr, target, kind);
}

/* assign_columns does the same for the columns of a query and a record or row. */
static void
assign_columns(Collection *collection, PLpgSQL_expr *query, const PLpgSQL_variable *target)
{
	assign(collection, query, target ? target->dno : -1, PGC_ASSIGN_COLUMNS);
}

/* use_cursor notes a query of a cursor, or a target. */
static void
use_cursor(Collection *collection, int cursor, PLpgSQL_expr *query, PLpgSQL_variable *target)
{
	CursorUse  *use = palloc(sizeof(CursorUse));

	use->cursor = cursor;
	use->query = query;
	use->target = target;
	collection->cursors = lappend(collection->cursors, use);
}

/* collect_expressions notes a list of expressions. */
static void
collect_expressions(Collection *collection, const List *expressions)
{
	ListCell   *cell;

	foreach(cell, expressions)
		add_expression(collection, lfirst(cell));
}

/* pass_arguments notes the arguments of a bound cursor. */
static void
pass_arguments(Collection *collection, int cursor, PLpgSQL_expr *arguments)
{
	PLpgSQL_var *variable = (PLpgSQL_var *) collection->function->datums[cursor];

	assign(collection, arguments, variable->cursor_explicit_argrow, PGC_ASSIGN_COLUMNS);
}

/* collect_block collects a block and its handlers of exceptions. */
static void
collect_block(Collection *collection, const PLpgSQL_stmt_block *block)
{
	ListCell   *cell;

	collect_statements(collection, block->body);
	if (block->exceptions == NULL)
		return;
	foreach(cell, block->exceptions->exc_list)
		collect_statements(collection, ((PLpgSQL_exception *) lfirst(cell))->action);
}

/* collect_if collects IF. */
static void
collect_if(Collection *collection, const PLpgSQL_stmt_if *statement)
{
	ListCell   *cell;

	add_expression(collection, statement->cond);
	collect_statements(collection, statement->then_body);
	foreach(cell, statement->elsif_list)
	{
		PLpgSQL_if_elsif *arm = lfirst(cell);

		add_expression(collection, arm->cond);
		collect_statements(collection, arm->stmts);
	}
	collect_statements(collection, statement->else_body);
}

/* collect_case collects CASE; what it compares is kept in a variable. */
static void
collect_case(Collection *collection, const PLpgSQL_stmt_case *statement)
{
	ListCell   *cell;

	assign(collection, statement->t_expr, statement->t_varno, PGC_ASSIGN_VALUE);
	foreach(cell, statement->case_when_list)
	{
		PLpgSQL_case_when *arm = lfirst(cell);

		add_expression(collection, arm->expr);
		collect_statements(collection, arm->stmts);
	}
	collect_statements(collection, statement->else_stmts);
}

/* collect_integers collects FOR over integers; the upper bound does not become a value. */
static void
collect_integers(Collection *collection, const PLpgSQL_stmt_fori *statement)
{
	assign(collection, statement->lower, statement->var->dno, PGC_ASSIGN_PART);
	assign(collection, statement->step, statement->var->dno, PGC_ASSIGN_PART);
	add_expression(collection, statement->upper);
	collect_statements(collection, statement->body);
}

/* collect_open collects OPEN. */
static void
collect_open(Collection *collection, const PLpgSQL_stmt_open *statement)
{
	if (statement->argquery)
		pass_arguments(collection, statement->curvar, statement->argquery);
	add_expression(collection, statement->query);
	add_expression(collection, statement->dynquery);
	collect_expressions(collection, statement->params);
	if (statement->query)
		use_cursor(collection, statement->curvar, statement->query, NULL);
}

/* collect_loop collects a loop and returns true, or returns false. */
static bool
collect_loop(Collection *collection, PLpgSQL_stmt *statement)
{
	switch (statement->cmd_type)
	{
		case PLPGSQL_STMT_LOOP:
			collect_statements(collection, ((PLpgSQL_stmt_loop *) statement)->body);
			return true;
		case PLPGSQL_STMT_WHILE:
			add_expression(collection, ((PLpgSQL_stmt_while *) statement)->cond);
			collect_statements(collection, ((PLpgSQL_stmt_while *) statement)->body);
			return true;
		case PLPGSQL_STMT_FORI:
			collect_integers(collection, (PLpgSQL_stmt_fori *) statement);
			return true;
		case PLPGSQL_STMT_FORS:
			assign_columns(collection, ((PLpgSQL_stmt_fors *) statement)->query, ((PLpgSQL_stmt_fors *) statement)->var);
			collect_statements(collection, ((PLpgSQL_stmt_fors *) statement)->body);
			return true;
		case PLPGSQL_STMT_FORC:
			{
				PLpgSQL_stmt_forc *loop = (PLpgSQL_stmt_forc *) statement;

				if (loop->argquery)
					pass_arguments(collection, loop->curvar, loop->argquery);
				use_cursor(collection, loop->curvar, NULL, loop->var);
				collect_statements(collection, loop->body);
				return true;
			}
		case PLPGSQL_STMT_DYNFORS:
			add_expression(collection, ((PLpgSQL_stmt_dynfors *) statement)->query);
			collect_expressions(collection, ((PLpgSQL_stmt_dynfors *) statement)->params);
			collect_statements(collection, ((PLpgSQL_stmt_dynfors *) statement)->body);
			return true;
		case PLPGSQL_STMT_FOREACH_A:
			assign(collection, ((PLpgSQL_stmt_foreach_a *) statement)->expr,
				   ((PLpgSQL_stmt_foreach_a *) statement)->varno, PGC_ASSIGN_PART);
			collect_statements(collection, ((PLpgSQL_stmt_foreach_a *) statement)->body);
			return true;
		default:
			return false;
	}
}

/* collect_returning collects a RETURN of any kind and returns true, or returns false. */
static bool
collect_returning(Collection *collection, PLpgSQL_stmt *statement)
{
	switch (statement->cmd_type)
	{
		case PLPGSQL_STMT_RETURN:
			add_expression(collection, ((PLpgSQL_stmt_return *) statement)->expr);
			return true;
		case PLPGSQL_STMT_RETURN_NEXT:
			add_expression(collection, ((PLpgSQL_stmt_return_next *) statement)->expr);
			return true;
		case PLPGSQL_STMT_RETURN_QUERY:
			add_expression(collection, ((PLpgSQL_stmt_return_query *) statement)->query);
			add_expression(collection, ((PLpgSQL_stmt_return_query *) statement)->dynquery);
			collect_expressions(collection, ((PLpgSQL_stmt_return_query *) statement)->params);
			return true;
		default:
			return false;
	}
}

/* is_select: does a statement look like a plain SELECT? */
static bool
is_select(const char *statement)
{
	while (scanner_isspace(*statement))
		statement++;
	return pg_strncasecmp(statement, "select", strlen("select")) == 0;
}

/* collect_command collects what runs a query or assigns, and is no loop. */
static void
collect_command(Collection *collection, PLpgSQL_stmt *statement)
{
	switch (statement->cmd_type)
	{
		case PLPGSQL_STMT_ASSIGN:
			assign(collection, ((PLpgSQL_stmt_assign *) statement)->expr,
				   ((PLpgSQL_stmt_assign *) statement)->varno, PGC_ASSIGN_VALUE);
			break;
		case PLPGSQL_STMT_EXECSQL:
			collection->code->acts |= !((PLpgSQL_stmt_execsql *) statement)->into ||
				!is_select(((PLpgSQL_stmt_execsql *) statement)->sqlstmt->query);
			assign_columns(collection, ((PLpgSQL_stmt_execsql *) statement)->sqlstmt,
						   ((PLpgSQL_stmt_execsql *) statement)->target);
			break;
		case PLPGSQL_STMT_DYNEXECUTE:
			collection->code->acts |= !((PLpgSQL_stmt_dynexecute *) statement)->into;
			add_expression(collection, ((PLpgSQL_stmt_dynexecute *) statement)->query);
			collect_expressions(collection, ((PLpgSQL_stmt_dynexecute *) statement)->params);
			break;
		case PLPGSQL_STMT_OPEN:
			collect_open(collection, (PLpgSQL_stmt_open *) statement);
			break;
		case PLPGSQL_STMT_FETCH:
			use_cursor(collection, ((PLpgSQL_stmt_fetch *) statement)->curvar, NULL,
					   ((PLpgSQL_stmt_fetch *) statement)->target);
			break;
		case PLPGSQL_STMT_PERFORM:
			collection->code->acts = true;
			add_expression(collection, ((PLpgSQL_stmt_perform *) statement)->expr);
			break;
		case PLPGSQL_STMT_CALL:
			collection->code->acts = true;
			add_expression(collection, ((PLpgSQL_stmt_call *) statement)->expr);
			break;
		default:
			break;				/* neither queries nor assignments of data */
	}
}

/* collect_statements collects statements and what they contain. */
static void
collect_statements(Collection *collection, List *statements)
{
	ListCell   *cell;

	check_stack_depth();
	foreach(cell, statements)
	{
		PLpgSQL_stmt *statement = lfirst(cell);

		if (statement->cmd_type == PLPGSQL_STMT_BLOCK)
			collect_block(collection, (PLpgSQL_stmt_block *) statement);
		else if (statement->cmd_type == PLPGSQL_STMT_IF)
			collect_if(collection, (PLpgSQL_stmt_if *) statement);
		else if (statement->cmd_type == PLPGSQL_STMT_CASE)
			collect_case(collection, (PLpgSQL_stmt_case *) statement);
		else if (!collect_loop(collection, statement) && !collect_returning(collection, statement))
			collect_command(collection, statement);
	}
}

/* collect_declarations collects defaults of variables, and queries of cursors. */
static void
collect_declarations(Collection *collection)
{
	for (int i = 0; i < collection->function->ndatums; i++)
	{
		PLpgSQL_datum *datum = collection->function->datums[i];

		if (datum->dtype == PLPGSQL_DTYPE_VAR || datum->dtype == PLPGSQL_DTYPE_REC)
			assign(collection, ((PLpgSQL_variable *) datum)->default_val, i, PGC_ASSIGN_VALUE);
		if (datum->dtype == PLPGSQL_DTYPE_VAR && ((PLpgSQL_var *) datum)->cursor_explicit_expr)
		{
			add_expression(collection, ((PLpgSQL_var *) datum)->cursor_explicit_expr);
			use_cursor(collection, i, ((PLpgSQL_var *) datum)->cursor_explicit_expr, NULL);
		}
	}
}

/* assign_fetched assigns each query of a cursor to each target that is fetched from it. */
static void
assign_fetched(Collection *collection)
{
	ListCell   *cell;
	ListCell   *other;

	foreach(cell, collection->cursors)
	{
		CursorUse  *query = lfirst(cell);

		foreach(other, collection->cursors)
		{
			CursorUse  *target = lfirst(other);

			if (query->query && target->target && query->cursor == target->cursor)
				add_assignment(collection, query->query, target->target->dno, PGC_ASSIGN_COLUMNS);
		}
	}
}

/* pgc_routine_code returns the expressions and the assignments of a function; *code is in the current context, what it points to in the function. */
PgcCode *
pgc_routine_code(PLpgSQL_function *function)
{
	Collection	collection = {.function = function};

	collection.code = palloc0(sizeof(PgcCode));
	collect_declarations(&collection);
	collect_block(&collection, function->action);
	assign_fetched(&collection);
	return collection.code;
}
