/*
 * src/lineage/routine/routine.h
 *		Functions in PL/pgSQL as they run: between the files of lineage/ that know them.
 */
#ifndef PGC_LINEAGE_ROUTINE_H
#define PGC_LINEAGE_ROUTINE_H

#include "postgres.h"

#include "lineage/lineage.h"
#include "plpgsql.h"

typedef enum PgcAssignmentKind
{
	PGC_ASSIGN_VALUE,			/* the value of the expression */
	PGC_ASSIGN_PART,			/* something made of it: an element, a number
								 * of a range */
	PGC_ASSIGN_COLUMNS			/* the columns of a query, to the fields of a
								 * record or row */
} PgcAssignmentKind;

typedef struct PgcAssignment
{
	PLpgSQL_expr *expr;
	int			target;			/* number of a datum */
	PgcAssignmentKind kind;
} PgcAssignment;

/* What a function contains. */
typedef struct PgcCode
{
	List	   *expressions;	/* PLpgSQL_expr * */
	List	   *assignments;	/* PgcAssignment * */
	bool		acts;			/* it may do more than read */
} PgcCode;

/* What the columns of a query come from. */
typedef struct PgcOutputs
{
	int			count;
	const char **names;
	List	  **origins;		/* of each: PgcOrigin * */
} PgcOutputs;

/* What is passed to a function. */
typedef struct PgcArgument
{
	int			number;			/* from 0 */
	char	   *field;			/* of a composite one; NULL: all of it */
	List	   *origins;		/* PgcOrigin *; of a call: NIL */
} PgcArgument;

/* A function that a query calls. */
typedef struct PgcCall
{
	Oid			funcid;
	Query	   *query;			/* what it passes, as columns */
	List	   *arguments;		/* PgcArgument *, of each column */
} PgcCall;

/* The variables of a function that runs, and what is known of them. */
typedef struct PgcVariables
{
	MemoryContext context;		/* of all that is not given from outside */
	PLpgSQL_execstate *estate;
	PLpgSQL_function *function;
	ErrorContextCallback *frame;
	int			depth;			/* callees that this is the caller of */
	PgcCode    *code;
	bool	   *needed;			/* by number of datum */
	List	  **contents;		/* the same: what it comes from */
	Query	  **queries;		/* by number of assignment, while they are
								 * looked at */
	List	   *failed;			/* PLpgSQL_expr * that could not be analysed */
	bool		passed;			/* the function's arguments were needed */
	bool		of_call;		/* what is known is true of this call only */
	bool		observed;		/* for it contains what ran as text */
	bool		grew;
} PgcVariables;

/* routine.c */
extern PLpgSQL_execstate *pgc_routine_frame(ErrorContextCallback **context);
extern bool pgc_routine_sees_calls(void);

/* assignments.c */
extern PgcCode *pgc_routine_code(PLpgSQL_function *function);

/* origins.c */
extern List *pgc_origins_add(List *origins, const List *more, PgcSubtype subtype, bool *grew);
extern List *pgc_origins_fields(Expr *value);
extern PgcOutputs *pgc_origins_of(const Query *query, List *(*origins) (const Param *param, AttrNumber field, void *arg), void *arg);

/* variables.c */
extern PgcVariables *pgc_variables_make(PLpgSQL_execstate *estate, ErrorContextCallback *frame);
extern List *pgc_variables_origins(PgcVariables *variables, const Param *param, AttrNumber field);
extern List *pgc_variables_value(PgcVariables *variables, PLpgSQL_expr *expr, AttrNumber field);
extern bool pgc_variables_assign(PgcVariables *variables, int number, const PgcOutputs *outputs);

/* running.c */
extern void pgc_routine_begins(PLpgSQL_execstate *estate);
extern void pgc_routine_observe(PLpgSQL_execstate *estate, ErrorContextCallback *frame, const Query *query, const char *source);

/* arguments.c */
extern List *pgc_routine_calls(const Query *query, Oid funcid);
extern List *pgc_routine_planning(const Query *query);
extern const List *pgc_routine_passed(Oid funcid);
extern uint32 pgc_routine_passed_number(Oid funcid);

#endif							/* PGC_LINEAGE_ROUTINE_H */
