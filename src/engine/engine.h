/*
 * src/engine/engine.h
 *		Rules as values -> program -> verdict on a row.
 *
 * The engine knows values and SQL expressions, no table of ours and no
 * relation: a caller describes the columns of a row (PgcLayout), hands over
 * rules (PgcRuleSpec) and gets a program that says of an array of Datums
 * which rules fail.
 *
 * Kinds of rules live in a registry, one PgcKind each (kinds.c lists them).
 * A kind compiles a rule to one PgcOp: a function over one non-null Datum and
 * its constants.  A faster comparator replaces PgcOp.passes of one kind and
 * touches nothing else; what is not decidable on one value goes through the
 * executor (expression.c).
 */
#ifndef PGC_ENGINE_H
#define PGC_ENGINE_H

#include "postgres.h"

#include "access/htup_details.h"
#include "nodes/bitmapset.h"
#include "nodes/execnodes.h"
#include "utils/jsonb.h"

/* What a write does with a failing row, weakest first. */
typedef enum PgcAction
{
	PGC_AUDIT,					/* not checked on write */
	PGC_WARN,					/* recorded, the row stays */
	PGC_QUARANTINE,				/* diverted, the row is kept aside */
	PGC_REJECT					/* the statement is refused */
} PgcAction;

/* One column of a row. */
typedef struct PgcColumn
{
	NameData	name;
	Oid			type;			/* declared type, perhaps a domain */
	int32		typmod;
	Oid			collation;
	char		generated;		/* attgenerated: '\0', 's' or 'v' */
	AttrNumber	attno;			/* of the relation that the layout comes from */
} PgcColumn;

/* The columns of a row, in the order of the arrays of values. */
typedef struct PgcLayout
{
	const char *relation;		/* unqualified name, for qualified references */
	bool		any_qualifier;	/* stored rules: the relation may be renamed
								 * by now */
	Oid			owner;			/* with whose rights constants are read */
	Oid			author;			/* with whose rights expressions run */
	int			ncolumns;
	PgcColumn  *columns;
} PgcLayout;

/* A rule as its author wrote it. */
typedef struct PgcRuleSpec
{
	char	   *name;
	char	   *kind;
	int			ncolumns;
	char	  **columns;
	Jsonb	   *parameters;
	char	   *filter;			/* SQL expression or NULL */
	PgcAction	action;
} PgcRuleSpec;

typedef struct PgcOp PgcOp;
typedef struct PgcExpression PgcExpression;

/* The most rows of a chunk: a heap page's. */
#define PGC_CHUNK_ROWS MaxHeapTuplesPerPage

/* One column of a chunk. */
typedef struct PgcVector
{
	Datum	   *values;			/* a row: undefined where null */
	bool	   *nulls;
} PgcVector;

/* Some rows, column by column; values are lent until the next chunk. */
typedef struct PgcChunk
{
	int			nrows;
	bool		has_nulls;		/* if not, all nulls are false */
	PgcVector  *columns;		/* by layout index; those asked for are filled */
} PgcChunk;

/* Does this non-null value pass?  May allocate in the current context. */
typedef bool (*PgcPasses) (const PgcOp *op, Datum value);

/*
 * Which rows of a chunk fail?  Writes their indexes, ascending, and returns how
 * many.  Must say of each row what passes says, nulls included.
 */
typedef int (*PgcFails) (const PgcOp *op, const PgcVector *column, bool has_nulls,
						 int nrows, uint16 *failing);

/* One rule's test of one column, with its constants. */
struct PgcOp
{
	PgcPasses	passes;			/* NULL: see PgcRule.condition */
	PgcFails	fails;			/* passes for a chunk; NULL: row by row */
	int			column;			/* index into the values */
	bool		null_passes;
	bool		negate;			/* forbidden_values, not_matches */
	bool		trim;			/* bpchar: trailing blanks do not count */
	union
	{
		struct
		{
			int64		low;
			int64		high;
		}			integer;	/* inclusive bounds */
		void	   *pointer;	/* whatever the kind needs */
	}			constant;
};

typedef struct PgcKind PgcKind;

/* A compiled rule: what is needed beside the hot PgcOp. */
typedef struct PgcRule
{
	char	   *name;
	text	   *label;			/* the name again */
	const PgcKind *kind;
	PgcAction	action;
	int			ncolumns;
	int		   *columns;		/* the rule's own columns, as layout indexes */
	Bitmapset  *uses;			/* columns of rule and filter, layout indexes */
	char	   *words;			/* "must be between 0 and 10" */
	Jsonb	   *parameters;		/* in canonical form */
	PgcExpression *condition;	/* or NULL: the op decides */
	char	   *sql;			/* row rules: the condition as an SQL
								 * expression that is false for rows that
								 * fail; or NULL: there is none */
	char	   *filter_sql;		/* the filter likewise, or NULL */
	void	   *set;			/* set rules: what their kind needs, else NULL */
	PgcExpression *filter;		/* or NULL: every row is considered */
	char	   *broken;			/* why it cannot be evaluated, or NULL */
	bool		left_out;		/* not to be judged by pgc_program_run_chunk */
} PgcRule;

/* The rules of a dataset over one layout.  Not shared between backends. */
typedef struct PgcProgram
{
	MemoryContext context;		/* owns everything below */
	PgcLayout	layout;
	int			nrules;
	PgcRule    *rules;
	PgcOp	   *ops;			/* parallel to rules */
	int			nbroken;
	ExprContext *econtext;		/* for expressions, or NULL */
	bool		running;		/* ... unless an error ended the run since: */
	uint64		running_since;	/* pgc_program_aborts at its start */
	TupleTableSlot *slot;		/* lends the values to expressions */
} PgcProgram;

/* Which rules a row fails.  Made once, used for many rows. */
typedef struct PgcVerdict
{
	int			nfailed;
	int		   *failed;			/* indexes of failing rules, ascending */
	char	  **errors;			/* a rule: why it could not be evaluated, or
								 * NULL */
	PgcAction	strongest;		/* of the failing rules */
} PgcVerdict;

/* Which rows of a chunk fail which rules.  Made once, used for many chunks. */
typedef struct PgcChunkVerdict
{
	int			nbad;			/* rows that fail any rule */
	int		   *nfailed;		/* a rule */
	uint16	  **failed;			/* a rule: indexes of its failing rows,
								 * ascending */
	int		   *nconsidered;	/* a rule */
} PgcChunkVerdict;

/*
 * How a program deals with an expression that raises an error (division by
 * zero): the error is the statement's, or it counts as a failure with a
 * message.  Catching costs a subtransaction for each row and expression that
 * could fail.
 */
typedef enum PgcErrors
{
	PGC_ERRORS_CATCH_WARN,		/* catch for rules that only observe */
	PGC_ERRORS_CATCH,			/* catch always */
	PGC_ERRORS_THROW			/* never catch */
} PgcErrors;

/* program.c */
extern uint64 pgc_program_aborts;
extern PgcProgram *pgc_program_compile(MemoryContext parent,
									   const PgcLayout *layout,
									   const PgcRuleSpec *specs, int nspecs);
extern PgcRule *pgc_program_validate(const PgcLayout *layout,
									 const PgcRuleSpec *spec);
extern char *pgc_layout_names(const PgcLayout *layout);
extern int	pgc_layout_index(const PgcLayout *layout, const char *name);
extern PgcLayout *pgc_layout_pick(const PgcLayout *layout, const List *names);
extern int	pgc_layout_find(const PgcLayout *layout, const char *name);
extern bool pgc_rule_uses_generated(const PgcLayout *layout, const PgcRule *rule);
extern PgcVerdict *pgc_verdict_make(const PgcProgram *program);
extern bool pgc_program_run(PgcProgram *program, const Datum *values,
							const bool *nulls, PgcErrors errors,
							PgcVerdict *verdict);
extern bool pgc_program_considers(PgcProgram *program, int rule,
								  const Datum *values, const bool *nulls);
extern bool pgc_program_can_fail(const PgcProgram *program);
extern bool pgc_program_is_fixed(const PgcProgram *program);

/* chunk.c */
extern PgcChunkVerdict *pgc_chunk_verdict_make(const PgcProgram *program);
extern void pgc_program_run_chunk(PgcProgram *program, const PgcChunk *chunk,
								  PgcChunkVerdict *verdict);
extern int	pgc_program_select(PgcProgram *program, int rule, const PgcChunk *chunk,
							   uint16 *selected);
extern Bitmapset *pgc_program_columns(const PgcProgram *program);
extern bool pgc_rule_is_set_rule(const PgcRule *rule);
extern PgcAction pgc_action_parse(const char *text);
extern const char *pgc_action_name(PgcAction action);

/* kinds.c */
extern const PgcKind *pgc_kind_lookup(const char *name);
extern char *pgc_kind_names(void);
extern const char *pgc_kind_name(const PgcKind *kind);
extern PgcAction pgc_kind_default_action(const char *name);
extern bool pgc_kind_is_about_columns(const char *name);

/* parameter.c */
extern Datum pgc_value_of(Oid type, int32 typmod, const char *what, const char *text,
						  const char *column, const char *shown);
extern bool pgc_type_is_text(Oid type);
extern bool pgc_type_is_number(Oid type);

/* query.c */
extern void pgc_query_check_syntax(char *sql);

/* sql.c */
extern char *pgc_sql_column(const PgcColumn *column);
extern char *pgc_sql_failing(const PgcRule *rule);

/* expression.c */
extern bool pgc_expression_is_built_in(Node *node);
extern bool pgc_expression_names_built_in(const char *sql, const char *what, const PgcLayout *layout);
extern char *pgc_expression_rename(const char *sql, const char *oldname,
								   const char *newname);

#endif							/* PGC_ENGINE_H */
