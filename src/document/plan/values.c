/*
 * src/document/plan/values.c
 *		Rules about the values of a property: patterns, lists of values; the
 *		same as SQL conditions, where they are counted.
 *
 * Kinds that want text are for text columns; for others, the text of the value
 * is judged by an expression.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "document/plan/pattern.h"
#include "document/plan/plan.h"
#include "engine/engine.h"
#include "engine/kind.h"
#include "engine/rights.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* pgc_plan_quoted returns a property's column as SQL. */
const char *
pgc_plan_quoted(const PgcProperty *property)
{
	return quote_identifier(NameStr(property->column->name));
}

/* pgc_plan_satisfies adds a rule that an expression must not be false. */
void
pgc_plan_satisfies(const PgcAsked *asked, const char *format,...)
{
	PgcParameters parameters;
	va_list		arguments;
	char	   *expression;

	va_start(arguments, format);
	expression = pgc_message(format, arguments);
	va_end(arguments);
	pgc_parameters_begin(&parameters);
	pgc_parameters_text(&parameters, "expression", expression);
	pgc_plan_add(asked, "satisfies", asked->property == NULL ? NIL : list_make1(asked->property),
				 pgc_parameters_end(&parameters));
}

/*
 * pgc_plan_range_sql returns the condition that a number is within two options, or
 * NULL: they say nothing.
 */
char *
pgc_plan_range_sql(const PgcNode *minimum, const PgcNode *maximum, const char *number)
{
	bool		has_minimum = pgc_node_is(minimum, PGC_NODE_INTEGER) && strcmp(pgc_node_text(minimum), "0") != 0;
	bool		has_maximum = pgc_node_is(maximum, PGC_NODE_INTEGER);

	if (has_minimum && has_maximum)
		return psprintf("%s BETWEEN %s AND %s", number, pgc_node_text(minimum), pgc_node_text(maximum));
	if (has_minimum)
		return psprintf("%s >= %s", number, pgc_node_text(minimum));
	return has_maximum ? psprintf("%s <= %s", number, pgc_node_text(maximum)) : NULL;
}

/* pgc_plan_pattern returns a document's pattern as PostgreSQL's, or NULL and remarks why not. */
char *
pgc_plan_pattern(const PgcAsked *asked, const PgcNode *pattern)
{
	PgcPatternProblem problem;
	PgcRemark  *remark;
	char	   *translated;

	if (pgc_node_text(pattern) == NULL)
		return NULL;
	translated = pgc_pattern_from_ecma(pgc_node_text(pattern), &problem);
	if (translated != NULL)
		return translated;
	remark = pgc_remark(asked->planner->remarks, PGC_ERROR, pattern, pgc_plan_path(asked->path, NULL),
						"pattern \"%s\": %s", pgc_node_text(pattern), problem.message);
	remark->hint = unconstify(char *, problem.hint);
	return NULL;
}

/* pgc_plan_match_sql returns the condition that values match a pattern of PostgreSQL's. */
char *
pgc_plan_match_sql(const PgcProperty *property, const char *pattern)
{
	return psprintf("%s::text ~ %s", pgc_plan_quoted(property), quote_literal_cstr(pattern));
}

/*
 * pgc_plan_matches adds a rule that values match a pattern of PostgreSQL's: as
 * text, without the blanks that fill a char(n), and in the case that is stored.
 */
void
pgc_plan_matches(const PgcAsked *asked, const char *pattern)
{
	PgcParameters parameters;

	if (asked->property->type != TEXTOID && asked->property->type != VARCHAROID)
	{
		pgc_plan_satisfies(asked, "%s", pgc_plan_match_sql(asked->property, pattern));
		return;
	}
	pgc_parameters_begin(&parameters);
	pgc_parameters_text(&parameters, "pattern", pattern);
	pgc_plan_add(asked, "matches", list_make1(asked->property), pgc_parameters_end(&parameters));
}

/* pgc_plan_list returns the texts (char *) of a list's scalars but nulls. */
List *
pgc_plan_list(const PgcNode *list)
{
	List	   *texts = NIL;

	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
	{
		if (pgc_node_text(list->content.items[i]) != NULL)
			texts = lappend(texts, unconstify(char *, pgc_node_text(list->content.items[i])));
	}
	return texts;
}

/* pgc_plan_values adds a rule of kind accepted_values or forbidden_values. */
void
pgc_plan_values(const PgcAsked *asked, const char *kind, const List *values)
{
	PgcParameters parameters;

	pgc_parameters_begin(&parameters);
	pgc_parameters_list(&parameters, "values", values);
	pgc_plan_add(asked, kind, list_make1(asked->property), pgc_parameters_end(&parameters));
}

/* pgc_plan_fits: can the property's column hold a value? */
bool
pgc_plan_fits(const PgcProperty *property, const char *value)
{
	int32		typmod = property->layout->typmod;
	Oid			type = getBaseTypeAndTypmod(property->layout->type, &typmod);
	bool		is_limited = typmod >= 0 && (type == VARCHAROID || type == BPCHAROID);
	PgcAttempt	attempt;
	volatile bool fits = false;

	if (pgc_type_is_text(type) && !is_limited)
		return true;
	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		(void) pgc_value_of(type, is_limited ? typmod : -1, "value", value, "", "");
		fits = true;
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		(void) pgc_attempt_fail(&attempt);
		fits = false;
	}
	PG_END_TRY();
	return fits;
}

/* equality_of returns the operator = or <> of a type as SQL; NULL: its texts are compared. */
static const char *
equality_of(Oid type, bool negated)
{
	bool		is_plain = type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
	Oid			operator = is_plain ? InvalidOid : lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;

	if (negated && OidIsValid(operator))
		operator = get_negator(operator);
	if (!OidIsValid(operator) || !OidIsValid(get_array_type(type)))
		return NULL;
	/* only those of pg_catalog are found by their names */
	return type < FirstNormalObjectId ? get_opname(operator) : pgc_sql_operator(operator);
}

/*
 * pgc_plan_values_sql returns the condition that values are, or are not, among
 * some, compared as of the column's type if that can be.
 */
char *
pgc_plan_values_sql(const PgcProperty *property, const List *values, bool forbidden)
{
	const char *operator = equality_of(property->type, forbidden);
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	appendStringInfo(&sql, "%s%s %s %s (ARRAY[", pgc_plan_quoted(property), operator == NULL ? "::text" : "",
					 operator != NULL ? operator : forbidden ? "<>" : "=", forbidden ? "ALL" : "ANY");
	foreach(cell, values)
		appendStringInfo(&sql, "%s%s", foreach_current_index(cell) > 0 ? ", " : "", quote_literal_cstr(lfirst(cell)));
	appendStringInfo(&sql, "]::%s)", operator == NULL ? "text[]" :
					 format_type_extended(get_array_type(property->type), -1, FORMAT_TYPE_FORCE_QUALIFY));
	return sql.data;
}
