/*
 * src/lineage/extract/body.c
 *		Source text as queries: of functions in language SQL, and of what a function contains.
 *
 * Text is analysed, never executed, in a subtransaction that is rolled back, so that neither an error nor a lock is left.
 */
#include "postgres.h"

#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "engine/rights.h"
#include "executor/functions.h"
#include "lineage/extract/body.h"
#include "lineage/lineage.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/syscache.h"

/* set_locally changes a setting until the subtransaction's end; a value that is not valid is none. */
static void
set_locally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, DEBUG1, false);
}

/*
 * pgc_analyze returns the queries of a text, not rewritten, in the caller's memory; NIL: it cannot be analysed now (a table is not there, or is locked).
 * setup gives its parameters and their types.  search_path NULL: the one in force.
 */
List *
pgc_analyze(const char *source, RawParseMode mode, ParserSetupHook setup, void *arg, const char *search_path)
{
	List	   *volatile queries = NIL;
	PgcAttempt	attempt;
	ListCell   *cell;

	if (IsInParallelMode())
		return NIL;				/* no subtransactions there */
	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		set_locally("lock_timeout", "1");	/* ms: nobody waits for this */
		if (search_path)
			set_locally("search_path", search_path);
		foreach(cell, raw_parser(source, mode))
			queries = lappend(queries, parse_analyze_withcb(lfirst_node(RawStmt, cell), source, setup, arg, NULL));
		pgc_attempt_undo(&attempt);
	}
	PG_CATCH();
	{
		ErrorData  *error = pgc_attempt_fail_data(&attempt);

		ereport(DEBUG1, errmsg_internal("lineage: not analysed: %s", error->message));
		FreeErrorData(error);
		queries = NIL;
	}
	PG_END_TRY();
	return queries;
}

/* search_path_of returns the search_path that a function sets for itself, or NULL. */
static char *
search_path_of(HeapTuple procedure)
{
	static const char prefix[] = "search_path=";
	bool		isnull;
	Datum		settings = SysCacheGetAttr(PROCOID, procedure, Anum_pg_proc_proconfig, &isnull);
	Datum	   *elements;
	int			count;

	if (isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(settings), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		char	   *setting = TextDatumGetCString(elements[i]);

		if (strncmp(setting, prefix, strlen(prefix)) == 0)
			return setting + strlen(prefix);
	}
	return NULL;
}

/* is_polymorphic: does the type of a function's arguments depend on the call? */
static bool
is_polymorphic(Form_pg_proc form)
{
	for (int i = 0; i < form->pronargs; i++)
	{
		if (IsPolymorphicType(form->proargtypes.values[i]))
			return true;
	}
	return false;
}

/* stored_body returns the queries of a function whose body was analysed when it was made: BEGIN ATOMIC or RETURN. */
static List *
stored_body(Datum body)
{
	Node	   *node = (Node *) stringToNode(TextDatumGetCString(body));

	if (IsA(node, List))
		return linitial_node(List, (List *) node);
	return list_make1(node);
}

/* body_of is pgc_function_body for a function in language SQL. */
static List *
body_of(HeapTuple procedure)
{
	bool		isnull;
	Datum		body = SysCacheGetAttr(PROCOID, procedure, Anum_pg_proc_prosqlbody, &isnull);

	if (!isnull)
		return stored_body(body);
	if (is_polymorphic((Form_pg_proc) GETSTRUCT(procedure)))
		return NIL;
	body = SysCacheGetAttr(PROCOID, procedure, Anum_pg_proc_prosrc, &isnull);
	return pgc_analyze(TextDatumGetCString(body), RAW_PARSE_DEFAULT, (ParserSetupHook) sql_fn_parser_setup,
					   prepare_sql_fn_parse_info(procedure, NULL, InvalidOid), search_path_of(procedure));
}

/*
 * pgc_function_body returns what a function or procedure in language SQL does, as queries that are not rewritten; NIL: not known (another
 * language, polymorphic arguments, a table that is not there).  Parameters are PARAM_EXTERN, numbered from 1 like the input
 * arguments; the last query gives the result, without the casts to the result's type.
 */
List *
pgc_function_body(Oid funcid)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	List	   *queries = NIL;

	if (!HeapTupleIsValid(tuple))
		return NIL;
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == SQLlanguageId)
		queries = body_of(tuple);
	ReleaseSysCache(tuple);
	return queries;
}
