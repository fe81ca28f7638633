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

/* The most bytes of pairs: half of a usual first-level cache. */
#define PGC_DFA_PAIRS 16384

typedef struct PgcDfa
{
	int			nstates;
	uint8		start;
	uint8	   *pairs;			/* classes of two bytes, state -> state; or
								 * NULL: too many */
	uint16		first[256];		/* a byte: where its class begins in pairs */
	uint16		second[256];	/* and within that, as the second byte */
	uint8		answers[PGC_DFA_STATES];	/* PgcDfaAnswer if the text ends
											 * here */
	uint8		next[FLEXIBLE_ARRAY_MEMBER];	/* byte, state -> state */
} PgcDfa;

/* Texts that are read at a time. */
#define PGC_DFA_LANES 4

extern PgcDfa *pgc_dfa_make(const regex_t *regex);

/*
 * pgc_dfa_step reads a byte.  The table is by byte, then state: what depends on
 * the byte alone does not wait for the step before.
 */
static inline uint8
pgc_dfa_step(const PgcDfa *dfa, uint8 state, char byte)
{
	return (dfa->next + (Size) (unsigned char) byte * dfa->nstates)[state];
}

/*
 * pgc_dfa_finish reads a text, or what is left of it, from a state, two bytes a
 * step if it can: a step waits for the one before.  It looks now and then whether
 * the answer is known already; each time would cost more than it saves.
 */
static inline PgcDfaAnswer
pgc_dfa_finish(const PgcDfa *dfa, uint8 state, const char *text, int length)
{
	const unsigned char *bytes = (const unsigned char *) text;
	int			i = 0;

	while (length - i >= 2 && dfa->pairs != NULL && state > PGC_DFA_UNKNOWN)
	{
		int			stop = Min(length - 1, i + 32);

		for (; i < stop; i += 2)
			state = (dfa->pairs + dfa->first[bytes[i]] + dfa->second[bytes[i + 1]])[state];
	}
	for (; i < length && state > PGC_DFA_UNKNOWN; i++)
		state = pgc_dfa_step(dfa, state, text[i]);
	return dfa->answers[state];
}

/*
 * pgc_dfa_run_lanes answers for four texts.  Each step waits for the one before,
 * so four texts that do not wait for each other take little longer than one.
 */
static inline void
pgc_dfa_run_lanes(const PgcDfa *dfa, const char *const *texts, const int *lengths,
				  PgcDfaAnswer *answers)
{
	int			shared = Min(Min(lengths[0], lengths[1]), Min(lengths[2], lengths[3]));
	uint8		states[PGC_DFA_LANES] = {dfa->start, dfa->start, dfa->start, dfa->start};

	for (int i = 0; i < shared; i++)
	{
		states[0] = pgc_dfa_step(dfa, states[0], texts[0][i]);
		states[1] = pgc_dfa_step(dfa, states[1], texts[1][i]);
		states[2] = pgc_dfa_step(dfa, states[2], texts[2][i]);
		states[3] = pgc_dfa_step(dfa, states[3], texts[3][i]);
	}
	for (int lane = 0; lane < PGC_DFA_LANES; lane++)
		answers[lane] = pgc_dfa_finish(dfa, states[lane], texts[lane] + shared,
									   lengths[lane] - shared);
}

#endif							/* PGC_DFA_H */
