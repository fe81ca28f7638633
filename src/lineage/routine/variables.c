/*
 * src/lineage/routine/variables.c
 *		Where the values of PL/pgSQL's variables come from.
 *
 * A statement of a function that is planned has the function's variables as parameters.  What is assigned to them is in the function's
 * compiled statements (assignments.c), and the queries assigned from are in the plans that PL/pgSQL keeps; those that did not run
 * yet are analysed here.  The values of a variable are the union of all that is assigned to it anywhere in the function,
 * whatever the order: no source is missed for it, some may be named that cannot reach the statement.
 *
 * Arguments come from what the caller passes, in whichever of its calls.
 *
 * What this does not see: rows of cursors that are opened elsewhere or for text, and results of CALL.
 *
 * Nothing is executed, and nothing of the function changed.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "lineage/extract/body.h"
#include "lineage/lineage.h"
#include "lineage/routine/routine.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

/* How many callers are looked at, one from another, for the arguments of a function. */
#define MAX_DEPTH 8

/* What a variable, or a field of a record, comes from. */
typedef struct Content
{
	const char *field;			/* NULL: a variable without fields, or all
								 * fields of a record */
	List	   *origins;		/* PgcOrigin * */
} Content;

/* holder_of returns the number of the variable or record that a datum is or belongs to. */
static int
holder_of(const PgcVariables *variables, int number)
{
	PLpgSQL_datum *datum = variables->function->datums[number];

	if (datum->dtype == PLPGSQL_DTYPE_RECFIELD)
		return ((PLpgSQL_recfield *) datum)->recparentno;
	return number;
}

/* put notes that a field of a variable, or all of it, may come from some origins. */
static void
put(PgcVariables *variables, int number, const char *field, const List *origins, PgcSubtype subtype)
{
	List	  **contents = &variables->contents[number];
	Content    *content = NULL;
	MemoryContext caller = MemoryContextSwitchTo(variables->context);
	ListCell   *cell;

	foreach(cell, *contents)
	{
		Content    *known = lfirst(cell);

		if (known->field == field || (known->field && field && strcmp(known->field, field) == 0))
			content = known;
	}
	if (content == NULL)
	{
		content = palloc0(sizeof(Content));
		content->field = field ? pstrdup(field) : NULL;
		*contents = lappend(*contents, content);
	}
	content->origins = pgc_origins_add(content->origins, origins, subtype, &variables->grew);
	MemoryContextSwitchTo(caller);
}

/* put_value notes that a datum of any kind may come from some origins. */
static void
put_value(PgcVariables *variables, int number, const List *origins, PgcSubtype subtype)
{
	PLpgSQL_datum *datum = variables->function->datums[number];

	if (datum->dtype == PLPGSQL_DTYPE_RECFIELD)
		put(variables, holder_of(variables, number), ((PLpgSQL_recfield *) datum)->fieldname, origins, subtype);
	else if (datum->dtype == PLPGSQL_DTYPE_ROW)
	{
		PLpgSQL_row *row = (PLpgSQL_row *) datum;

		for (int i = 0; i < row->nfields; i++)
		{
			if (row->varnos[i] >= 0)
				put_value(variables, row->varnos[i], origins, subtype);
		}
	}
	else
		put(variables, number, NULL, origins, subtype);
}

/* field_name returns the name of a column of a composite type, by its place among those that are there; NULL: there is none. */
static const char *
field_name(Oid type, int place)
{
	TupleDesc	descriptor = lookup_rowtype_tupdesc_domain(type, -1, true);
	const char *name = NULL;

	if (descriptor == NULL)
		return NULL;
	for (int i = 0; i < descriptor->natts && name == NULL; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && place-- == 0)
			name = pstrdup(NameStr(attribute->attname));
	}
	ReleaseTupleDesc(descriptor);
	return name;
}

/* put_outputs notes that columns go to the fields of a record, or to the variables of a row. */
static void
put_outputs(PgcVariables *variables, int number, const PgcOutputs *outputs)
{
	PLpgSQL_datum *datum = variables->function->datums[number];

	for (int i = 0; i < outputs->count; i++)
	{
		if (datum->dtype == PLPGSQL_DTYPE_ROW)
		{
			PLpgSQL_row *row = (PLpgSQL_row *) datum;

			if (i < row->nfields && row->varnos[i] >= 0)
				put_value(variables, row->varnos[i], outputs->origins[i], PGC_IDENTITY);
		}
		else if (datum->dtype == PLPGSQL_DTYPE_REC)
		{
			Oid			type = ((PLpgSQL_rec *) datum)->rectypeid;
			const char *name = type == RECORDOID ? outputs->names[i] : field_name(type, i);

			if (name)
				put(variables, number, name, outputs->origins[i], PGC_IDENTITY);
		}
		else if (i == 0)
			put_value(variables, number, outputs->origins[i], PGC_IDENTITY);
	}
}

/*
 * trigger_relation returns the relation whose rows NEW and OLD are: of a partition that has the trigger of its parent, the topmost parent.
 * InvalidOid: this is no trigger of a table.  The rows of a view are made by the statement that fires the trigger.
 */
static Oid
trigger_relation(const PgcVariables *variables)
{
	const TriggerData *trigger = variables->estate->trigdata;
	Oid			relid;

	if (trigger == NULL || trigger->tg_relation->rd_rel->relkind == RELKIND_VIEW)
		return InvalidOid;
	relid = RelationGetRelid(trigger->tg_relation);
	if (trigger->tg_trigger->tgisclone && trigger->tg_relation->rd_rel->relispartition)
		relid = llast_oid(get_partition_ancestors(relid));
	return relid;
}

/* row_origin returns where a column of the trigger's row comes from: NULL, if there is no such column. */
static PgcOrigin *
row_origin(Oid relid, const char *field)
{
	PgcOrigin  *origin;
	AttrNumber	column = get_attnum(relid, field);

	if (column <= 0)
		return NULL;
	origin = palloc0(sizeof(PgcOrigin));
	origin->relid = relid;
	origin->column = column;
	origin->subtype = PGC_IDENTITY;
	return origin;
}

/* row_contents returns what each field of the trigger's row comes from: List of Content *. */
static List *
row_contents(const PgcVariables *variables)
{
	Oid			relid = trigger_relation(variables);
	List	   *contents = NIL;
	TupleDesc	descriptor;

	if (!OidIsValid(relid))
		return NIL;
	descriptor = RelationGetDescr(variables->estate->trigdata->tg_relation);
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		PgcOrigin  *origin = attribute->attisdropped ? NULL : row_origin(relid, NameStr(attribute->attname));
		Content    *content;

		if (origin == NULL)
			continue;
		content = palloc(sizeof(Content));
		content->field = pstrdup(NameStr(attribute->attname));
		content->origins = list_make1(origin);
		contents = lappend(contents, content);
	}
	return contents;
}

/* content_of returns what a variable, or a field of it (NULL: all of it), comes from. */
static List *
content_of(const PgcVariables *variables, int number, const char *field)
{
	List	   *origins = NIL;
	bool		grew = false;
	ListCell   *cell;

	foreach(cell, variables->contents[number])
	{
		Content    *content = lfirst(cell);

		if (field == NULL || content->field == NULL || strcmp(content->field, field) == 0)
			origins = pgc_origins_add(origins, content->origins, PGC_IDENTITY, &grew);
	}
	return origins;
}

/* is_variable: does the parameter stand for a datum? */
static bool
is_variable(const PgcVariables *variables, const Param *param)
{
	return param->paramkind == PARAM_EXTERN && param->paramid > 0 && param->paramid <= variables->function->ndatums;
}

/* known_origins says where a parameter comes from, as far as it is known by now. */
static List *
known_origins(const Param *param, AttrNumber field, void *arg)
{
	PgcVariables *variables = arg;
	PLpgSQL_datum *datum;
	const char *name = NULL;

	if (!is_variable(variables, param))
		return NIL;
	datum = variables->function->datums[param->paramid - 1];
	if (datum->dtype == PLPGSQL_DTYPE_RECFIELD)
		name = ((PLpgSQL_recfield *) datum)->fieldname;
	else if (datum->dtype == PLPGSQL_DTYPE_REC && field > 0)
	{
		TupleDesc	descriptor = lookup_rowtype_tupdesc_domain(param->paramtype, -1, true);

		if (descriptor && field <= descriptor->natts)
			name = pstrdup(NameStr(TupleDescAttr(descriptor, field - 1)->attname));
		if (descriptor)
			ReleaseTupleDesc(descriptor);
	}
	return content_of(variables, holder_of(variables, datum->dno), name);
}

/* outputs_of returns what the columns of a query come from, as far as its parameters are known by now. */
static PgcOutputs *
outputs_of(PgcVariables *variables, const Query *query)
{
	return pgc_origins_of(query, known_origins, variables);
}

/* put_record assigns a record to another, field by field. */
static void
put_record(PgcVariables *variables, int number, int source)
{
	ListCell   *cell;

	foreach(cell, variables->contents[source])
	{
		Content    *content = lfirst(cell);

		put(variables, number, content->field, content->origins, PGC_IDENTITY);
	}
}

/* copy_query returns a query with other columns. */
static Query *
copy_query(const Query *query, List *columns)
{
	Query	   *copy = makeNode(Query);

	*copy = *query;
	copy->targetList = columns;
	return copy;
}

/* select_fields returns a query whose columns are the fields of an expression of a query; NULL: it shows none. */
static Query *
select_fields(const Query *query, Expr *value)
{
	List	   *fields = NIL;
	ListCell   *cell;

	if (IsA(value, RowExpr))
	{
		foreach(cell, ((RowExpr *) value)->args)
			fields = lappend(fields, makeTargetEntry(lfirst(cell), list_length(fields) + 1,
													 psprintf("f%d", list_length(fields) + 1), false));
	}
	else
		fields = pgc_origins_fields(value);
	if (fields == NIL)
		return NULL;
	return copy_query(query, fields);
}

/* assign_record assigns a value to a record, field by field; false: that cannot be told apart. */
static bool
assign_record(PgcVariables *variables, int number, const Query *query, Expr *value)
{
	const Param *param = (Param *) value;
	Query	   *fields;

	if (IsA(value, Param) && is_variable(variables, param) &&
		variables->function->datums[param->paramid - 1]->dtype == PLPGSQL_DTYPE_REC)
	{
		put_record(variables, number, param->paramid - 1);
		return true;
	}
	fields = select_fields(query, value);
	if (fields != NULL)
		put_outputs(variables, number, outputs_of(variables, fields));
	return fields != NULL;
}

/* assign_value assigns the value of an expression: the only column of a query. */
static void
assign_value(PgcVariables *variables, int number, const Query *query, PgcSubtype subtype)
{
	PgcOutputs *outputs;

	if (query->targetList == NIL)
		return;
	if (variables->function->datums[number]->dtype == PLPGSQL_DTYPE_REC &&
		assign_record(variables, number, query, linitial_node(TargetEntry, query->targetList)->expr))
		return;
	outputs = outputs_of(variables, query);
	put_value(variables, number, outputs->origins[0], subtype);
}

/* planned_queries returns the queries of an expression that PL/pgSQL has planned, in its memory. */
static List *
planned_queries(const PLpgSQL_expr *expr)
{
	List	   *queries = NIL;
	ListCell   *cell;

	if (expr->plan == NULL)
		return NIL;
	foreach(cell, SPI_plan_get_plan_sources(expr->plan))
	{
		CachedPlanSource *source = lfirst(cell);

		if (source->is_valid)
			queries = list_concat(queries, source->query_list);
	}
	return queries;
}

/* queries_of returns the queries of an expression; NIL: it did not run yet, and cannot be analysed yet. */
static List *
queries_of(const PgcVariables *variables, const PLpgSQL_expr *expr)
{
	List	   *queries = planned_queries(expr);
	PLpgSQL_expr copy = *expr;	/* PL/pgSQL's parser writes into it */

	if (queries != NIL)
		return queries;
	copy.func = variables->function;
	copy.paramnos = NULL;
	queries = pgc_analyze(expr->query, expr->parseMode, variables->estate->paramLI->parserSetup, &copy, NULL);
	bms_free(copy.paramnos);
	return queries;
}

/* query_of returns that of them that has columns to assign, or NULL. */
static Query *
query_of(PgcVariables *variables, PLpgSQL_expr *expr)
{
	List	   *queries = queries_of(variables, expr);
	ListCell   *cell;

	if (queries == NIL)
	{
		MemoryContext caller = MemoryContextSwitchTo(variables->context);

		variables->failed = list_append_unique_ptr(variables->failed, expr);
		MemoryContextSwitchTo(caller);
	}
	foreach(cell, queries)
	{
		Query	   *query = lfirst_node(Query, cell);

		if (query->canSetTag && query->commandType != CMD_UTILITY)
			return query;
	}
	return NULL;
}

static void need(PgcVariables *variables, int number);

/* need_parameters finds out where all parameters in a tree come from. */
static bool
need_parameters(Node *node, void *arg)
{
	PgcVariables *variables = arg;

	if (node == NULL)
		return false;
	if (IsA(node, Param) && is_variable(variables, (Param *) node))
		need(variables, ((Param *) node)->paramid - 1);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, need_parameters, arg, 0);
	return expression_tree_walker(node, need_parameters, arg);
}

/*
 * propagate carries origins from variable to variable until nothing changes.  Then the queries, which need not live on, are done with: what
 * is known now depends on nothing that will be needed later.
 */
static void
propagate(PgcVariables *variables)
{
	ListCell   *cell;

	do
	{
		CHECK_FOR_INTERRUPTS();
		variables->grew = false;
		foreach(cell, variables->code->assignments)
		{
			PgcAssignment *assignment = lfirst(cell);
			Query	   *query = variables->queries[foreach_current_index(cell)];

			if (query == NULL)
				continue;
			if (assignment->kind == PGC_ASSIGN_COLUMNS)
				put_outputs(variables, assignment->target, outputs_of(variables, query));
			else
				assign_value(variables, assignment->target, query,
							 assignment->kind == PGC_ASSIGN_PART ? PGC_TRANSFORMATION : PGC_IDENTITY);
		}
	} while (variables->grew);
	foreach(cell, variables->code->assignments)
		variables->queries[foreach_current_index(cell)] = NULL;
}

/*
 * pgc_variables_make returns the variables of a function that runs, in the current context.  Nothing is known of them but the rows of a
 * trigger.
 */
PgcVariables *
pgc_variables_make(PLpgSQL_execstate *estate, ErrorContextCallback *frame)
{
	PgcVariables *variables = palloc0(sizeof(PgcVariables));
	PLpgSQL_function *function = estate->func;

	variables->context = CurrentMemoryContext;
	variables->estate = estate;
	variables->function = function;
	variables->frame = frame;
	variables->code = pgc_routine_code(function);
	variables->needed = palloc0(function->ndatums * sizeof(bool));
	variables->contents = palloc0(function->ndatums * sizeof(List *));
	variables->queries = palloc0(list_length(variables->code->assignments) * sizeof(Query *));
	if (estate->trigdata)
	{
		variables->contents[function->new_varno] = row_contents(variables);
		variables->contents[function->old_varno] = row_contents(variables);
	}
	return variables;
}

/* put_argument notes that an argument of the function, or a field of it, may come from some origins. */
static void
put_argument(PgcVariables *variables, const PgcArgument *argument, const List *origins)
{
	const PLpgSQL_function *function = variables->function;
	int			number;

	if (argument->number >= function->fn_nargs)
		return;
	number = function->fn_argvarnos[argument->number];
	if (argument->field && function->datums[number]->dtype == PLPGSQL_DTYPE_REC)
		put(variables, number, argument->field, origins, PGC_IDENTITY);
	else
		put_value(variables, number, origins, PGC_IDENTITY);
}

/* pass_call takes the arguments from a call. */
static void
pass_call(PgcVariables *variables, PgcVariables *caller, const PgcCall *call)
{
	PgcOutputs *outputs;
	ListCell   *cell;

	(void) need_parameters((Node *) call->query, caller);
	propagate(caller);
	outputs = outputs_of(caller, call->query);
	foreach(cell, call->arguments)
		put_argument(variables, lfirst(cell), outputs->origins[foreach_current_index(cell)]);
}

/* pass_arguments takes the arguments from all calls of the function in one that calls it. */
static void
pass_arguments(PgcVariables *variables, PgcVariables *caller)
{
	Oid			funcid = variables->function->fn_oid;
	char	   *name = get_func_name(funcid);
	ListCell   *cell;
	ListCell   *query;
	ListCell   *call;

	foreach(cell, caller->code->expressions)
	{
		const PLpgSQL_expr *expr = lfirst(cell);

		/*
		 * What did not run yet is worth being analysed only if it may call
		 * the function.
		 */
		if (expr->plan == NULL && (name == NULL || strcasestr(expr->query, name) == NULL))
			continue;
		foreach(query, queries_of(caller, expr))
		{
			foreach(call, pgc_routine_calls(lfirst(query), funcid))
				pass_call(variables, caller, lfirst(call));
		}
	}
}

/* find_arguments finds out where the function's arguments come from, unless it is known. */
static void
find_arguments(PgcVariables *variables)
{
	ErrorContextCallback *context = variables->frame->previous;
	PLpgSQL_execstate *estate;
	PgcVariables *caller;
	ListCell   *cell;

	if (variables->passed || variables->function->fn_nargs == 0 || variables->depth >= MAX_DEPTH)
		return;
	variables->passed = true;
	variables->of_call = true;
	estate = pgc_routine_frame(&context);
	if (estate != NULL)
	{
		caller = pgc_variables_make(estate, context);
		caller->depth = variables->depth + 1;
		pass_arguments(variables, caller);
		return;
	}
	foreach(cell, pgc_routine_passed(variables->function->fn_oid))
	{
		PgcArgument *argument = lfirst(cell);

		put_argument(variables, argument, argument->origins);
	}
}

/* assigns: does an assignment to a target change a variable? */
static bool
assigns(const PgcVariables *variables, int target, int number)
{
	PLpgSQL_datum *datum = variables->function->datums[target];
	PLpgSQL_row *row = (PLpgSQL_row *) datum;

	if (datum->dtype != PLPGSQL_DTYPE_ROW)
		return holder_of(variables, target) == number;
	for (int i = 0; i < row->nfields; i++)
	{
		if (row->varnos[i] >= 0 && assigns(variables, row->varnos[i], number))
			return true;
	}
	return false;
}

/* is_argument: is it a variable that the caller of the function sets? */
static bool
is_argument(const PgcVariables *variables, int number)
{
	for (int i = 0; i < variables->function->fn_nargs; i++)
	{
		if (variables->function->fn_argvarnos[i] == number)
			return true;
	}
	return false;
}

/* need marks a variable, and all that it is made of, and gets the queries. */
static void
need(PgcVariables *variables, int number)
{
	ListCell   *cell;

	check_stack_depth();
	number = holder_of(variables, number);
	if (variables->needed[number])
		return;
	variables->needed[number] = true;
	if (is_argument(variables, number))
		find_arguments(variables);
	foreach(cell, variables->code->assignments)
	{
		PgcAssignment *assignment = lfirst(cell);
		Query	  **query = &variables->queries[foreach_current_index(cell)];

		if (*query || !assigns(variables, assignment->target, number))
			continue;
		*query = query_of(variables, assignment->expr);
		(void) need_parameters((Node *) *query, variables);
	}
}

/* pgc_variables_origins returns what a variable, or a field of it, comes from, in the current context. */
List *
pgc_variables_origins(PgcVariables *variables, const Param *param, AttrNumber field)
{
	if (!is_variable(variables, param))
		return NIL;
	if (!variables->needed[holder_of(variables, param->paramid - 1)])
	{
		need(variables, param->paramid - 1);
		propagate(variables);
	}
	return known_origins(param, field, variables);
}

/* pgc_variables_assign notes that columns go to a variable; true: that is new, and what is made of it is found out again. */
bool
pgc_variables_assign(PgcVariables *variables, int number, const PgcOutputs *outputs)
{
	variables->grew = false;
	put_outputs(variables, number, outputs);
	if (variables->grew)
		memset(variables->needed, 0, variables->function->ndatums * sizeof(bool));
	return variables->grew;
}

/* pgc_variables_value returns what the value of an expression of the function, or a field of it, comes from, in the current context. */
List *
pgc_variables_value(PgcVariables *variables, PLpgSQL_expr *expr, AttrNumber field)
{
	Query	   *query = query_of(variables, expr);
	PgcOutputs *outputs;

	if (query == NULL || query->targetList == NIL)
		return NIL;
	if (field > 0)
	{
		FieldSelect *select = makeNode(FieldSelect);

		select->arg = linitial_node(TargetEntry, query->targetList)->expr;
		select->fieldnum = field;
		query = copy_query(query, list_make1(makeTargetEntry((Expr *) select, 1, "field", false)));
	}
	(void) need_parameters((Node *) query, variables);
	propagate(variables);
	outputs = outputs_of(variables, query);
	return outputs->origins[0];
}
