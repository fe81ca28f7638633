/*
 * src/engine/sql.c
 *		Rules as SQL text, for whoever has the server evaluate them: over foreign
 *		tables, to prove them, to show failing rows.
 *
 * The text must mean exactly what the rule's op does, in every session: names
 * of functions, operators and types are qualified, values are literals of the
 * column's type.  Columns alone are unqualified.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "engine/format.h"
#include "engine/kind.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_has_format);

/* type_name returns a type's qualified name without modifier (palloc'd). */
static char *
type_name(Oid type)
{
	return format_type_extended(type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

/* pgc_sql_column returns a column as a value of its base type (palloc'd). */
char *
pgc_sql_column(const PgcColumn *column)
{
	const char *name = quote_identifier(NameStr(column->name));
	Oid			type = getBaseType(column->type);

	return type == column->type ? pstrdup(name) : psprintf("%s::%s", name, type_name(type));
}

/* pgc_sql_text returns the rule's column as a value of a built-in text type (palloc'd). */
char *
pgc_sql_text(const PgcCompile *compile)
{
	if (compile->type == TEXTOID || compile->type == VARCHAROID || compile->type == BPCHAROID)
		return pgc_sql_column(compile->column);
	return psprintf("%s::%s", quote_identifier(NameStr(compile->column->name)), type_name(TEXTOID));
}

/* pgc_sql_literal returns a value's output text as a literal of a type (palloc'd). */
char *
pgc_sql_literal(Oid type, const char *value)
{
	return psprintf("%s::%s", quote_literal_cstr(value), type_name(type));
}

/* pgc_sql_operator returns an operator's name as SQL wants it to be qualified (palloc'd). */
char *
pgc_sql_operator(Oid operator)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	Form_pg_operator form;
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", operator);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	name = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)),
					NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return name;
}

/*
 * pgc_sql_add_bound adds to the rule's text that the column compares with a
 * bound by the operator that its type's order has for a btree strategy.
 */
void
pgc_sql_add_bound(PgcCompile *compile, int strategy, const char *bound)
{
	TypeCacheEntry *entry = lookup_type_cache(compile->type, TYPECACHE_BTREE_OPFAMILY);
	Oid			operator = get_opfamily_member(entry->btree_opf, entry->btree_opintype,
											   entry->btree_opintype, strategy);

	if (!OidIsValid(operator))
		elog(ERROR, "missing operator %d of type %u", strategy, compile->type);
	appendStringInfo(&compile->sql, "%s%s %s %s", compile->sql.len > 0 ? " AND " : "",
					 pgc_sql_column(compile->column), pgc_sql_operator(operator),
					 pgc_sql_literal(compile->type, bound));
}

/*
 * pgc_sql_set_members makes the rule's text: the column equals one of the
 * values, given as output texts (char *).  An array cannot hold arrays, so a
 * column of arrays is compared with one after the other.
 */
void
pgc_sql_set_members(PgcCompile *compile, const List *values, bool negate)
{
	TypeCacheEntry *entry = lookup_type_cache(compile->type, TYPECACHE_EQ_OPR);
	const char *column = pgc_sql_column(compile->column);
	const char *equals = pgc_sql_operator(entry->eq_opr);
	bool		in_array = OidIsValid(get_array_type(compile->type)) && !type_is_array(compile->type);
	StringInfo	sql = &compile->sql;
	ListCell   *cell;

	appendStringInfoString(sql, negate ? "NOT (" : "");
	if (in_array)
		appendStringInfo(sql, "%s %s ANY (ARRAY[", column, equals);
	foreach(cell, values)
	{
		const char *literal = pgc_sql_literal(compile->type, lfirst(cell));

		if (in_array)
			appendStringInfo(sql, "%s%s", cell == list_head(values) ? "" : ", ", literal);
		else
			appendStringInfo(sql, "%s%s %s %s", cell == list_head(values) ? "" : " OR ",
							 column, equals, literal);
	}
	appendStringInfo(sql, "%s%s", in_array ? "])" : "", negate ? ")" : "");
}

/*
 * pgc_sql_failing returns a condition that is TRUE exactly for the rows that
 * fail a rule with an SQL text (palloc'd).  CASE keeps the rule from being
 * evaluated on rows that its filter leaves out.
 */
char *
pgc_sql_failing(const PgcRule *rule)
{
	return rule->filter_sql == NULL ? psprintf("NOT (%s)", rule->sql) :
		psprintf("CASE WHEN (%s) THEN NOT (%s) END", rule->filter_sql, rule->sql);
}

/* pgc_has_format is contract.has_format(value, format). */
Datum
pgc_has_format(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	const PgcFormat *format = pgc_format_require(text_to_cstring(PG_GETARG_TEXT_PP(1)));

	PG_RETURN_BOOL(format->valid(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)));
}
