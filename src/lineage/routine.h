/*
 * src/lineage/routine.h
 *		Functions in PL/pgSQL as they run: between routine.c, assignments.c and variables.c.
 */
#ifndef PGC_LINEAGE_ROUTINE_H
#define PGC_LINEAGE_ROUTINE_H

#include "postgres.h"

#include "lineage/lineage.h"
#include "plpgsql.h"

typedef enum PgcAssignmentKind
{
	PGC_ASSIGN_VALUE,			/* the value of the expression */
	PGC_ASSIGN_PART,			/* something made of it: an element, a number of a range */
	PGC_ASSIGN_COLUMNS			/* the columns of a query, to the fields of a record or row */
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

/* routine.c */
extern PLpgSQL_execstate *pgc_routine_frame(ErrorContextCallback **context);

/* assignments.c */
extern PgcCode *pgc_routine_code(PLpgSQL_function *function);

/* origins.c */
extern List *pgc_origins_add(List *origins, const List *more, PgcSubtype subtype, bool *grew);
extern List *pgc_origins_fields(Expr *value);
extern PgcOutputs *pgc_origins_of(const Query *query, List *(*origins) (const Param *param, AttrNumber field, void *arg), void *arg);

/* arguments.c */
extern List *pgc_routine_calls(const Query *query, Oid funcid);
extern void pgc_routine_planned(const Query *query);
extern List *pgc_routine_passed(Oid funcid);

#endif							/* PGC_LINEAGE_ROUTINE_H */
