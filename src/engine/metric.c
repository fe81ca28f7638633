/*
 * src/engine/metric.c
 *		Kinds that judge a table by one value: row_count and metric; those
 *		about time are in fresh.c.
 *
 * Each compiles to an SQL expression over all rows and what its value must be;
 * who evaluates the expression, the audit, puts those of several rules into one
 * statement.  Names in it are looked up in pg_catalog, pg_temp.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "engine/measure.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* What a metric needs of its column. */
typedef enum Needs
{
	NEEDS_NOTHING,
	NEEDS_HASH,
	NEEDS_ORDER,
	NEEDS_NUMBER
} Needs;

/* A metric that can be asked for. */
typedef struct Metric
{
	const char *name;
	Needs		needs;
	bool		is_value;		/* the value of a row */
} Metric;

static const Metric metrics[] = {
	{"min", NEEDS_ORDER, true},
	{"max", NEEDS_ORDER, true},
	{"avg", NEEDS_NUMBER, false},
	{"sum", NEEDS_NUMBER, false},
	{"stddev", NEEDS_NUMBER, false},
	{"quantile", NEEDS_NUMBER, true},
	{"distinct_count", NEEDS_HASH, false},
	{"null_fraction", NEEDS_NOTHING, false},
};

/* find_metric returns the metric of a name, or raises with the right ones. */
static const Metric *
find_metric(const char *name)
{
	StringInfoData valid;

	initStringInfo(&valid);
	for (int i = 0; i < lengthof(metrics); i++)
	{
		if (strcmp(metrics[i].name, name) == 0)
			return &metrics[i];
		appendStringInfo(&valid, "%s%s", i > 0 ? ", " : "", metrics[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown metric \"%s\"", name),
			 errhint("Metrics are %s.", valid.data)));
}

/* schema_of returns the name of a type's schema (palloc'd), or NULL. */
static char *
schema_of(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid			schema;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	schema = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace;
	ReleaseSysCache(tuple);
	return get_namespace_name(schema);
}

/*
 * find_aggregate finds an aggregate over one value of a type in a schema; sets
 * the type of its result.
 */
static bool
find_aggregate(const char *schema, const char *aggregate, Oid type, Oid *result)
{
	List	   *name = list_make2(makeString(pstrdup(schema)), makeString(pstrdup(aggregate)));
	Oid			function;
	Oid			variadic;
	bool		is_set;
	int			nvariadic;
	Oid		   *actual;

	return func_get_detail(name, NIL, NIL, 1, &type, false, false, false, &function, result,
						   &is_set, &nvariadic, &variadic, &actual, NULL) == FUNCDETAIL_AGGREGATE;
}

/*
 * pgc_metric_extreme returns the SQL of min or max, with a FILTER clause, over a
 * quoted column as of its type (palloc'd); NULL if the type has no order or
 * no such aggregate.  A type's own aggregate, as citext has one, goes first.
 */
char *
pgc_metric_extreme(const char *aggregate, Oid type, const char *column, const char *filter)
{
	const char *schemas[] = {schema_of(type), "pg_catalog"};
	Oid			result;

	if (!OidIsValid(lookup_type_cache(type, TYPECACHE_CMP_PROC)->cmp_proc))
		return NULL;
	for (int i = 0; i < lengthof(schemas); i++)
	{
		if (schemas[i] == NULL || !find_aggregate(schemas[i], aggregate, type, &result))
			continue;
		return psprintf("(%s.%s(%s)%s)::%s", quote_identifier(schemas[i]), aggregate, column, filter,
						format_type_extended(type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	}
	return NULL;
}

/* pgc_measure_filter returns a rule's FILTER clause (palloc'd). */
char *
pgc_measure_filter(const PgcCompile *compile)
{
	/* a line of its own: the filter may end in a comment */
	return compile->spec->filter == NULL ? pstrdup("") :
		psprintf(" FILTER (WHERE %s\n)", compile->rule->filter_sql);
}

/* quantile_of returns the parameter quantile as text, or raises. */
static char *
quantile_of(PgcCompile *compile)
{
	char	   *given = pgc_parameter_text(compile, "quantile", true);
	char	   *end;
	double		fraction = strtod(given, &end);

	if (*given == '\0' || *end != '\0' || !(fraction >= 0 && fraction <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"quantile\" must be a number between 0 and 1, not \"%s\"", given)));
	given = psprintf("%.10g", fraction);
	pgc_parameter_push(compile, "quantile", given, true);
	return given;
}

/* require_column refuses a column that a metric cannot be computed of. */
static void
require_column(const PgcCompile *compile, const Metric *metric, bool fits, const char *what)
{
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s \"%s\" needs a column %s, but \"%s\" is of type %s",
						compile->spec->kind, metric->name, what, NameStr(compile->column->name),
						format_type_be(compile->column->type))));
}

/*
 * sql_of returns the SQL of a metric over the rule's column, or raises if the
 * column's type does not allow it.
 */
static char *
sql_of(PgcCompile *compile, const Metric *metric, const char *quantile)
{
	const char *column = quote_identifier(NameStr(compile->column->name));
	char	   *filter = pgc_measure_filter(compile);
	char	   *extreme = NULL;

	switch (metric->needs)
	{
		case NEEDS_ORDER:
			extreme = pgc_metric_extreme(metric->name, compile->type, column, filter);
			require_column(compile, metric, extreme != NULL, "whose type has an order and this aggregate");
			return extreme;
		case NEEDS_NUMBER:
			require_column(compile, metric, pgc_type_is_number(compile->type), "of numbers");
			if (quantile != NULL)
				return psprintf("percentile_cont(%s) WITHIN GROUP (ORDER BY %s)%s", quantile, column, filter);
			return psprintf("%s(%s)%s", metric->name, column, filter);
		case NEEDS_HASH:
			require_column(compile, metric,
						   OidIsValid(lookup_type_cache(compile->type,
														TYPECACHE_HASH_EXTENDED_PROC)->hash_extended_proc),
						   "whose values can be hashed");
			return psprintf("contract.approximate_distinct_count(%s)%s", column, filter);
		default:
			return psprintf("1 - count(%s)%s::numeric / NULLIF(count(*)%s, 0)", column, filter, filter);
	}
}

/* value_type returns the type as which a metric's value is compared. */
static Oid
value_type(const PgcCompile *compile, const Metric *metric, const char *quantile)
{
	if (quantile != NULL)
		return FLOAT8OID;
	return metric->needs == NEEDS_ORDER || metric->needs == NEEDS_NUMBER ?
		pgc_bounds_type(compile->type) : NUMERICOID;
}

static void
compile_metric(PgcCompile *compile)
{
	const Metric *metric = find_metric(pgc_parameter_text(compile, "metric", true));
	PgcMeasure *measure = palloc0(sizeof(PgcMeasure));
	char	   *quantile = NULL;

	if (strcmp(metric->name, "quantile") == 0)
		quantile = quantile_of(compile);
	else if (pgc_parameter_text(compile, "quantile", false) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metric \"%s\" has no parameter \"quantile\"", metric->name),
				 errhint("Use metric \"quantile\".")));
	pgc_parameter_push(compile, "metric", metric->name, false);
	measure->title = psprintf("%s%s%s of %s", metric->name, quantile ? " " : "", quantile ? quantile : "",
							  NameStr(compile->column->name));
	measure->sql = sql_of(compile, metric, quantile);
	measure->bounds = pgc_bounds_require(compile, value_type(compile, metric, quantile),
										 metric->needs == NEEDS_ORDER);
	measure->is_value = metric->is_value;
	appendStringInfo(&compile->words, "must have %s %s", metric->name, measure->bounds->words);
	compile->rule->set = measure;
}

static void
compile_row_count(PgcCompile *compile)
{
	PgcMeasure *measure = palloc0(sizeof(PgcMeasure));

	pgc_require_no_columns(compile);
	measure->title = pstrdup("row count");
	measure->sql = psprintf("count(*)%s", pgc_measure_filter(compile));
	measure->bounds = pgc_bounds_require(compile, NUMERICOID, false);
	measure->is_count = true;
	appendStringInfo(&compile->words, "count must be %s", measure->bounds->words);
	compile->rule->set = measure;
}

/* pgc_rule_measure returns what a rule of these kinds measures, else NULL. */
const PgcMeasure *
pgc_rule_measure(const PgcRule *rule)
{
	return rule->broken == NULL &&
		(rule->kind == &pgc_kind_row_count || rule->kind == &pgc_kind_metric || rule->kind == &pgc_kind_fresh ||
		 rule->kind == &pgc_kind_volume || rule->kind == &pgc_kind_lifecycle) ? rule->set : NULL;
}

const PgcKind pgc_kind_row_count = {
	.name = "row_count",
	.ncolumns = 0,
	.null_passes = true,
	.set_rule = true,
	.parameters = {"minimum", "maximum"},
	.compile = compile_row_count
};

const PgcKind pgc_kind_metric = {
	.name = "metric",
	.ncolumns = 1,
	.null_passes = true,
	.set_rule = true,
	.parameters = {"metric", "minimum", "maximum", "exclusive_minimum", "exclusive_maximum", "quantile"},
	.compile = compile_metric
};
