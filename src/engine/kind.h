/*
 * src/engine/kind.h
 *		What the files of the engine share: how a kind of rule is written.
 *
 * A new kind is a new PgcKind (in a file of its own or beside its relatives)
 * and a line in kinds.c.
 */
#ifndef PGC_KIND_H
#define PGC_KIND_H

#include "compat.h"
#include "engine/engine.h"
#include "fmgr.h"
#include "lib/stringinfo.h"

/* PgcKind.ncolumns where it is no number. */
#define PGC_SOME_COLUMNS (-1)	/* one or more */
#define PGC_PERHAPS_A_COLUMN (-2)	/* none or one */

/* A rule that is being compiled.  The kind's compile function fills it. */
typedef struct PgcCompile
{
	const PgcRuleSpec *spec;
	const PgcLayout *layout;
	const PgcColumn *column;	/* the rule's first column, or NULL */
	Oid			type;			/* its type, domains looked through */
	int32		typmod;
	PgcOp	   *op;
	PgcRule    *rule;
	StringInfoData words;		/* "must be ..." */
	StringInfoData sql;			/* becomes PgcRule.sql; empty: there is none */
	JsonbParseState *canonical; /* parameters in canonical form */
} PgcCompile;

struct PgcKind
{
	const char *name;
	int			ncolumns;		/* how many columns it wants: 0, 1 or one of
								 * the two below */
	const char *parameters[8];	/* names it knows, NULL at the end */
	bool		null_passes;
	bool		set_rule;		/* needs the whole table: audits only */

	/*
	 * Checks the parameters, sets op->passes and its constants (in the
	 * current context), says in words what a value must be, pushes the
	 * parameters in canonical form.  Errors name what is wrong and what is
	 * allowed.
	 */
	void		(*compile) (PgcCompile *compile);
};

/* the kinds */
extern const PgcKind pgc_kind_not_null;
extern const PgcKind pgc_kind_not_blank;
extern const PgcKind pgc_kind_accepted_values;
extern const PgcKind pgc_kind_forbidden_values;
extern const PgcKind pgc_kind_between;
extern const PgcKind pgc_kind_length_between;
extern const PgcKind pgc_kind_matches;
extern const PgcKind pgc_kind_not_matches;
extern const PgcKind pgc_kind_format;
extern const PgcKind pgc_kind_multiple_of;
extern const PgcKind pgc_kind_satisfies;
extern const PgcKind pgc_kind_row_count;
extern const PgcKind pgc_kind_fresh;
extern const PgcKind pgc_kind_volume;
extern const PgcKind pgc_kind_lifecycle;
extern const PgcKind pgc_kind_metric;
extern const PgcKind pgc_kind_query;
extern const PgcKind pgc_kind_unique;
extern const PgcKind pgc_kind_references;
extern const PgcKind pgc_kind_schema;

/* parameter.c: reading and writing parameters */
extern void pgc_parameter_check_names(const PgcKind *kind, const Jsonb *parameters);
extern char *pgc_parameter_text(const PgcCompile *compile, const char *name,
								bool required);
extern bool pgc_parameter_bool(const PgcCompile *compile, const char *name);
extern bool pgc_parameter_int(const PgcCompile *compile, const char *name,
							  int *result);
extern List *pgc_parameter_list(const PgcCompile *compile, const char *name);
extern Datum pgc_parameter_cast(const PgcCompile *compile, const char *name,
								const char *text, char **canonical);
extern char *pgc_parameter_canonical(Oid type, Datum value);
extern void pgc_parameter_push(PgcCompile *compile, const char *name,
							   const char *text, bool as_number);
extern void pgc_parameter_push_bool(PgcCompile *compile, const char *name, bool value);
extern void pgc_parameter_push_list(PgcCompile *compile, const char *name,
									List *texts, bool as_numbers);
extern void pgc_require_text(PgcCompile *compile);
extern void pgc_require_no_columns(const PgcCompile *compile);

/*
 * Text of a varlena, not copied where it is inline; *length in bytes, without
 * the blanks at the end if op->trim.
 */
static inline const char *
pgc_text_of(const PgcOp *op, Datum value, int *length)
{
	struct varlena *stored = (struct varlena *) DatumGetPointer(value);
	const char *bytes;

	if (unlikely(VARATT_IS_COMPRESSED(stored) || VARATT_IS_EXTERNAL(stored)))
		stored = pg_detoast_datum_packed(stored);
	bytes = VARDATA_ANY(stored);
	*length = VARSIZE_ANY_EXHDR(stored);
	if (op->trim)
	{
		while (*length > 0 && bytes[*length - 1] == ' ')
			(*length)--;
	}
	return bytes;
}

/* sql.c: rules as SQL text */
extern char *pgc_sql_text(const PgcCompile *compile);
extern char *pgc_sql_literal(Oid type, const char *value);
extern char *pgc_sql_operator(Oid operator);
extern void pgc_sql_add_bound(PgcCompile *compile, int strategy, const char *bound);
extern void pgc_sql_set_members(PgcCompile *compile, const List *values, bool negate);

/* expression.c */
extern PgcExpression *pgc_expression_compile(const char *sql, const char *what,
											 const PgcLayout *layout,
											 Bitmapset **uses);
extern char *pgc_expression_unqualified(const char *sql);
extern bool pgc_expression_evaluate(PgcExpression *expression, PgcProgram *program,
									const Datum *values, const bool *nulls,
									bool *isnull);
extern bool pgc_expression_can_fail(const PgcExpression *expression);
extern bool pgc_expression_is_foreign(const PgcExpression *expression);
extern bool pgc_expression_is_fixed(const PgcExpression *expression);
extern bool pgc_expression_catch(PgcExpression *expression, PgcProgram *program,
								 const Datum *values, const bool *nulls,
								 bool *isnull, char **error);
extern int	pgc_expression_select(PgcExpression *expression, PgcProgram *program,
								  const PgcChunk *chunk, const Bitmapset *uses,
								  const uint16 *rows, int nrows, bool holding,
								  uint16 *selected, char **error);

#endif							/* PGC_KIND_H */
