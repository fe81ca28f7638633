/*
 * src/engine/dfa.h
 *		Regular expressions as a table: one look-up a byte.
 */
#ifndef PGC_DFA_H
#define PGC_DFA_H

#include "postgres.h"

#include "regex/regex.h"

/* What a table says of a text; also its first three states, which are never left. */
typedef enum PgcDfaAnswer
{
	PGC_DFA_NO,
	PGC_DFA_YES,
	PGC_DFA_UNKNOWN				/* PostgreSQL's matcher must be asked */
} PgcDfaAnswer;

/* The most states: 64 kB. */
#define PGC_DFA_STATES 250

typedef struct PgcDfa
{
	uint8		start;
	uint8		answers[PGC_DFA_STATES];	/* PgcDfaAnswer if the text ends
											 * here */
	uint8		next[FLEXIBLE_ARRAY_MEMBER][256];	/* state, byte -> state */
} PgcDfa;

/* Texts that are read at a time. */
#define PGC_DFA_LANES 4

extern PgcDfa *pgc_dfa_make(const regex_t *regex);

/* pgc_dfa_finish reads a text, or what is left of it, from a state. */
static inline PgcDfaAnswer
pgc_dfa_finish(const PgcDfa *dfa, uint8 state, const char *text, int length)
{
	for (int i = 0; i < length && state > PGC_DFA_UNKNOWN; i++)
		state = dfa->next[state][(unsigned char) text[i]];
	return dfa->answers[state];
}

/*
 * pgc_dfa_run_lanes answers for four texts.  Each look-up waits for the one
 * before, so four that do not wait for each other take little longer than one.
 */
static inline void
pgc_dfa_run_lanes(const PgcDfa *dfa, const char *const *texts, const int *lengths,
				  PgcDfaAnswer *answers)
{
	int			shared = Min(Min(lengths[0], lengths[1]), Min(lengths[2], lengths[3]));
	uint8		states[PGC_DFA_LANES] = {dfa->start, dfa->start, dfa->start, dfa->start};

	for (int i = 0; i < shared; i++)
	{
		states[0] = dfa->next[states[0]][(unsigned char) texts[0][i]];
		states[1] = dfa->next[states[1]][(unsigned char) texts[1][i]];
		states[2] = dfa->next[states[2]][(unsigned char) texts[2][i]];
		states[3] = dfa->next[states[3]][(unsigned char) texts[3][i]];
	}
	for (int lane = 0; lane < PGC_DFA_LANES; lane++)
		answers[lane] = pgc_dfa_finish(dfa, states[lane], texts[lane] + shared,
									   lengths[lane] - shared);
}

#endif							/* PGC_DFA_H */
