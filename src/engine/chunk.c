/*
 * src/engine/chunk.c
 *		Runs a program over a chunk of rows, column by column.
 *
 * An audit judges so.  A rule whose expression raises an error is broken from
 * then on: its message says why, and it is not evaluated again.
 */
#include "postgres.h"

#include "engine/kind.h"

/* pgc_rule_is_set_rule: does the rule need the whole table? */
bool
pgc_rule_is_set_rule(const PgcRule *rule)
{
	return rule->kind != NULL && rule->kind->set_rule;
}

/* is_judged: does pgc_program_run_chunk judge the rule? */
static bool
is_judged(const PgcRule *rule)
{
	return rule->broken == NULL && !rule->left_out;
}

/* pgc_program_columns returns the columns that the rules to be judged use, as layout indexes. */
Bitmapset *
pgc_program_columns(const PgcProgram *program)
{
	Bitmapset  *columns = NULL;

	for (int i = 0; i < program->nrules; i++)
	{
		if (is_judged(&program->rules[i]))
			columns = bms_add_members(columns, program->rules[i].uses);
	}
	return columns;
}

/* pgc_chunk_verdict_make returns a verdict for a program's chunks, in the current context. */
PgcChunkVerdict *
pgc_chunk_verdict_make(const PgcProgram *program)
{
	PgcChunkVerdict *verdict = palloc0(sizeof(PgcChunkVerdict));
	int			nrules = Max(program->nrules, 1);

	verdict->nfailed = palloc0(nrules * sizeof(int));
	verdict->nconsidered = palloc0(nrules * sizeof(int));
	verdict->failed = palloc(nrules * sizeof(uint16 *));
	for (int i = 0; i < nrules; i++)
		verdict->failed[i] = palloc(PGC_CHUNK_ROWS * sizeof(uint16));
	return verdict;
}

/* fails_by_row asks the op about each row. */
static int
fails_by_row(const PgcOp *op, const PgcVector *column, int nrows, uint16 *failing)
{
	int			nfailing = 0;

	for (int i = 0; i < nrows; i++)
	{
		if (!(column->nulls[i] ? op->null_passes : op->passes(op, column->values[i])))
			failing[nfailing++] = i;
	}
	return nfailing;
}

/* fails_op returns the rows that fail an op. */
static int
fails_op(const PgcOp *op, const PgcChunk *chunk, uint16 *failing)
{
	const PgcVector *column = &chunk->columns[op->column];

	if (op->fails != NULL)
		return op->fails(op, column, chunk->has_nulls, chunk->nrows, failing);
	return fails_by_row(op, column, chunk->nrows, failing);
}

/* intersect keeps those of ascending rows that are among others, also ascending. */
static int
intersect(uint16 *rows, int nrows, const uint16 *others, int nothers)
{
	int			kept = 0;

	for (int i = 0, j = 0; i < nrows; i++)
	{
		while (j < nothers && others[j] < rows[i])
			j++;
		if (j < nothers && others[j] == rows[i])
			rows[kept++] = rows[i];
	}
	return kept;
}

/*
 * pgc_program_select writes the indexes of the rows that a rule's filter calls
 * TRUE and returns how many; an error of the filter breaks the rule: -1.
 */
int
pgc_program_select(PgcProgram *program, int rule, const PgcChunk *chunk, uint16 *selected)
{
	PgcRule    *compiled = &program->rules[rule];
	char	   *error = NULL;
	int			nselected;

	if (compiled->filter == NULL)
	{
		for (int i = 0; i < chunk->nrows; i++)
			selected[i] = i;
		return chunk->nrows;
	}
	nselected = pgc_expression_select(compiled->filter, program, chunk, compiled->uses,
									  NULL, chunk->nrows, true, selected, &error);
	if (error == NULL)
		return nselected;
	compiled->broken = MemoryContextStrdup(program->context, error);
	return -1;
}

/* fails_expression returns the selected rows (NULL: all) for which the condition is false. */
static int
fails_expression(PgcProgram *program, PgcRule *rule, const PgcChunk *chunk,
				 const uint16 *selected, int nselected, uint16 *failing)
{
	char	   *error = NULL;
	int			nfailing = pgc_expression_select(rule->condition, program, chunk, rule->uses, selected,
												 nselected, false, failing, &error);

	if (error == NULL)
		return nfailing;
	rule->broken = MemoryContextStrdup(program->context, error);
	return 0;
}

/* judge fills the verdict for one rule that is not broken. */
static void
judge(PgcProgram *program, int index, const PgcChunk *chunk, PgcChunkVerdict *verdict)
{
	PgcRule    *rule = &program->rules[index];
	const PgcOp *op = &program->ops[index];
	uint16		selected[PGC_CHUNK_ROWS];
	int			nselected = chunk->nrows;

	if (rule->filter != NULL)
	{
		nselected = pgc_program_select(program, index, chunk, selected);
		if (nselected < 0)
			return;
	}
	verdict->nconsidered[index] = nselected;
	if (op->passes == NULL)
		verdict->nfailed[index] = fails_expression(program, rule, chunk,
												   rule->filter != NULL ? selected : NULL, nselected,
												   verdict->failed[index]);
	else
	{
		verdict->nfailed[index] = fails_op(op, chunk, verdict->failed[index]);
		if (rule->filter != NULL && verdict->nfailed[index] > 0)
			verdict->nfailed[index] = intersect(verdict->failed[index], verdict->nfailed[index],
												selected, nselected);
	}
}

/* count_bad returns how many rows fail any rule. */
static int
count_bad(const PgcProgram *program, const PgcChunk *chunk, const PgcChunkVerdict *verdict)
{
	bool		bad[PGC_CHUNK_ROWS];
	int			nbad = 0;

	memset(bad, false, chunk->nrows);
	for (int i = 0; i < program->nrules; i++)
	{
		for (int j = 0; j < verdict->nfailed[i]; j++)
		{
			nbad += !bad[verdict->failed[i][j]];
			bad[verdict->failed[i][j]] = true;
		}
	}
	return nbad;
}

/*
 * pgc_program_run_chunk judges all rows of a chunk by all row rules but those that
 * are broken or left_out.  Allocates in the current context what comparators
 * allocate: reset it between chunks.
 */
void
pgc_program_run_chunk(PgcProgram *program, const PgcChunk *chunk, PgcChunkVerdict *verdict)
{
	bool		any = false;

	for (int i = 0; i < program->nrules; i++)
	{
		verdict->nfailed[i] = 0;
		verdict->nconsidered[i] = 0;
		if (!is_judged(&program->rules[i]))
			continue;
		judge(program, i, chunk, verdict);
		any |= verdict->nfailed[i] > 0;
	}
	verdict->nbad = any ? count_bad(program, chunk, verdict) : 0;
}
