/*
 * src/engine/dfa.c
 *		Makes a table of a regular expression that PostgreSQL has compiled.
 *
 * PostgreSQL's compiled form is an NFA over colours (sets of characters that
 * the expression does not tell apart), which regex/regexport.h shows; the
 * subset construction makes states over bytes of it.  A table must say what
 * PostgreSQL's matcher says, or that it does not know:
 *
 * - Expressions with back references or lookaround are more than their NFA.
 * - Colours of characters that are not ASCII cannot all be found out, nor does
 *	 a byte tell which one it begins: unless such a character makes no difference
 *	 in a state, its first byte leads to "unknown".
 * - Beginning and end of a text have colours of their own, which COLOR_RAINBOW
 *	 does not include.  PostgreSQL reads the beginning before the first character,
 *	 and it matches when its final state is reached, which is one character, or
 *	 the end, after the match.
 */
#include "postgres.h"

#include "engine/dfa.h"
#include "regex/regexport.h"
#include "utils/memutils.h"

/* Larger NFAs would take long and hardly ever fit. */
#define NFA_STATES 512

#define ASCII_BYTES 128
#define NO_CLASS (-1)

/* A set of states of the NFA is an array of words. */
typedef uint64 Word;

/* What the NFA does in one of its states. */
typedef struct NfaState
{
	int			narcs;
	regex_arc_t *arcs;
} NfaState;

/* A table being made. */
typedef struct Build
{
	const regex_t *regex;
	int			nnfa;
	NfaState   *nfa;
	int			final;			/* state of the NFA */
	int		   *classes;		/* a colour: its class, one of those with
								 * ASCII characters, or NO_CLASS */
	bool	   *only_ascii;		/* a colour: has it no other characters? */
	int			nclasses;
	int			class_of[ASCII_BYTES];
	int			nwords;			/* of a set */
	Word	   *sets;			/* a state of the table: what it stands for */
	Word	   *targets;		/* a class: where it leads */
	Word	   *rainbow;		/* where every character leads */
	int			nstates;
	uint8		start;
	uint8		answers[PGC_DFA_STATES];
	uint8		(*next)[256];	/* state, byte -> state */
} Build;

/* add_to_set adds a state of the NFA. */
static inline void
add_to_set(Word *set, int state)
{
	set[state / 64] |= UINT64CONST(1) << (state % 64);
}

/* is_in_set: is a state of the NFA in the set? */
static inline bool
is_in_set(const Word *set, int state)
{
	return (set[state / 64] >> (state % 64)) & 1;
}

/* add_all adds another set. */
static inline void
add_all(Word *set, const Word *others, int nwords)
{
	for (int i = 0; i < nwords; i++)
		set[i] |= others[i];
}

/*
 * read_color puts the ASCII characters of a colour into a class of their own.
 * They come first.  Colour 0 is that of all characters that no other has; of it
 * and of classes like \d the number is not known.
 */
static void
read_color(Build *build, int color)
{
	pg_wchar	characters[ASCII_BYTES];
	int			n = 0;

	memset(characters, 0xFF, sizeof(characters));
	pg_reg_getcharacters(build->regex, color, characters, ASCII_BYTES);
	while (n < ASCII_BYTES && characters[n] < ASCII_BYTES)
		build->class_of[characters[n++]] = build->nclasses;
	build->only_ascii[color] = pg_reg_getnumcharacters(build->regex, color) == n;
	if (n > 0)
		build->classes[color] = build->nclasses++;
}

/* read_colors finds the classes of bytes; class 0 is that of colour 0. */
static void
read_colors(Build *build)
{
	int			ncolors = pg_reg_getnumcolors(build->regex);

	build->classes = palloc(ncolors * sizeof(int));
	build->only_ascii = palloc0(ncolors * sizeof(bool));
	build->classes[COLOR_WHITE] = build->nclasses++;
	for (int color = COLOR_WHITE + 1; color < ncolors; color++)
	{
		build->classes[color] = NO_CLASS;
		if (!pg_reg_colorisbegin(build->regex, color) && !pg_reg_colorisend(build->regex, color))
			read_color(build, color);
	}
}

/* read_nfa copies the arcs. */
static void
read_nfa(Build *build)
{
	build->final = pg_reg_getfinalstate(build->regex);
	build->nfa = palloc(build->nnfa * sizeof(NfaState));
	for (int i = 0; i < build->nnfa; i++)
	{
		NfaState   *state = &build->nfa[i];

		state->narcs = pg_reg_getnumoutarcs(build->regex, i);
		state->arcs = palloc(Max(state->narcs, 1) * sizeof(regex_arc_t));
		pg_reg_getoutarcs(build->regex, i, state->arcs, state->narcs);
	}
}

/* add_state adds a state to the table; there must be room. */
static uint8
add_state(Build *build, const Word *set)
{
	memcpy(build->sets + build->nstates * build->nwords, set, build->nwords * sizeof(Word));
	return build->nstates++;
}

/*
 * find_state returns the state of the table that stands for a set, if need be a
 * new one; PGC_DFA_STATES if there are too many.
 */
static int
find_state(Build *build, const Word *set)
{
	Size		size = build->nwords * sizeof(Word);

	if (is_in_set(set, build->final))
		return PGC_DFA_YES;
	for (int i = 0; i < build->nstates; i++)
	{
		/* NO stands for the empty set; YES and UNKNOWN for none */
		if (i != PGC_DFA_YES && i != PGC_DFA_UNKNOWN &&
			memcmp(build->sets + i * build->nwords, set, size) == 0)
			return i;
	}
	return build->nstates < PGC_DFA_STATES ? add_state(build, set) : PGC_DFA_STATES;
}

/* What the arcs of a state of the table mean beside targets and rainbow. */
typedef struct Meaning
{
	bool		ends;			/* the end of the text is a match */
	bool		beyond_ascii;	/* other characters may lead somewhere */
} Meaning;

/* follow_arcs takes all arcs of one state of the NFA. */
static void
follow_arcs(Build *build, const NfaState *state, Meaning *meaning)
{
	for (int i = 0; i < state->narcs; i++)
	{
		const regex_arc_t *arc = &state->arcs[i];

		if (arc->co == COLOR_RAINBOW)
			add_to_set(build->rainbow, arc->to);
		else if (pg_reg_colorisend(build->regex, arc->co))
			meaning->ends |= arc->to == build->final;
		else if (!pg_reg_colorisbegin(build->regex, arc->co))
		{
			if (build->classes[arc->co] != NO_CLASS)
				add_to_set(build->targets + build->classes[arc->co] * build->nwords, arc->to);
			meaning->beyond_ascii |= !build->only_ascii[arc->co];
		}
		meaning->beyond_ascii |= arc->co == COLOR_RAINBOW;
	}
}

/* follow_set takes all arcs of the states that a state of the table stands for. */
static Meaning
follow_set(Build *build, const Word *set)
{
	Meaning		meaning = {false, false};

	memset(build->targets, 0, build->nclasses * build->nwords * sizeof(Word));
	memset(build->rainbow, 0, build->nwords * sizeof(Word));
	for (int i = 0; i < build->nnfa; i++)
	{
		if (is_in_set(set, i))
			follow_arcs(build, &build->nfa[i], &meaning);
	}
	for (int class = 0; class < build->nclasses; class++)
		add_all(build->targets + class * build->nwords, build->rainbow, build->nwords);
	return meaning;
}

/* fill_state writes a state's row of the table; false if there are too many states. */
static bool
fill_state(Build *build, int state)
{
	Meaning		meaning = follow_set(build, build->sets + state * build->nwords);
	uint8	   *row = build->next[state];
	uint8		by_class[ASCII_BYTES + 1] = {0};
	uint8		beyond = !meaning.beyond_ascii ? PGC_DFA_NO :
	is_in_set(build->rainbow, build->final) ? PGC_DFA_YES : PGC_DFA_UNKNOWN;

	for (int class = 0; class < build->nclasses; class++)
	{
		int			next = find_state(build, build->targets + class * build->nwords);

		if (next == PGC_DFA_STATES)
			return false;
		by_class[class] = next;
	}
	for (int byte = 0; byte < ASCII_BYTES; byte++)
		row[byte] = by_class[build->class_of[byte]];
	memset(row + ASCII_BYTES, beyond, 256 - ASCII_BYTES);
	build->answers[state] = meaning.ends ? PGC_DFA_YES : PGC_DFA_NO;
	return true;
}

/* fill_first_states makes the three states that are never left. */
static void
fill_first_states(Build *build)
{
	for (int state = PGC_DFA_NO; state <= PGC_DFA_UNKNOWN; state++)
	{
		memset(build->next[state], state, sizeof(build->next[state]));
		build->answers[state] = state;
		build->nstates++;
	}
}

/* find_start reads the beginning of a text. */
static uint8
find_start(Build *build)
{
	const NfaState *initial = &build->nfa[pg_reg_getinitialstate(build->regex)];

	memset(build->rainbow, 0, build->nwords * sizeof(Word));
	for (int i = 0; i < initial->narcs; i++)
	{
		if (pg_reg_colorisbegin(build->regex, initial->arcs[i].co))
			add_to_set(build->rainbow, initial->arcs[i].to);
	}
	return find_state(build, build->rainbow);
}

/* fill_table makes all states; false if there are too many. */
static bool
fill_table(Build *build)
{
	read_colors(build);
	read_nfa(build);
	build->nwords = (build->nnfa + 63) / 64;
	build->sets = palloc0(PGC_DFA_STATES * build->nwords * sizeof(Word));
	build->targets = palloc(build->nclasses * build->nwords * sizeof(Word));
	build->rainbow = palloc(build->nwords * sizeof(Word));
	build->next = palloc(PGC_DFA_STATES * sizeof(build->next[0]));
	fill_first_states(build);
	build->start = find_start(build);
	for (int state = PGC_DFA_UNKNOWN + 1; state < build->nstates; state++)
	{
		if (!fill_state(build, state))
			return false;
	}
	return true;
}

/* class_of_byte returns a byte's class; all bytes that are not ASCII are one. */
static int
class_of_byte(const Build *build, int byte)
{
	return byte < ASCII_BYTES ? build->class_of[byte] : build->nclasses;
}

/* write_pairs makes the table for two bytes at a time, unless it is too large. */
static void
write_pairs(PgcDfa *dfa, const Build *build, MemoryContext context)
{
	int			nclasses = build->nclasses + 1;
	uint8		members[ASCII_BYTES + 1] = {0}; /* a class: one of its bytes */

	dfa->pairs = NULL;
	if (nclasses * nclasses * build->nstates > PGC_DFA_PAIRS)
		return;
	dfa->pairs = MemoryContextAlloc(context, nclasses * nclasses * build->nstates);
	for (int byte = 0; byte < 256; byte++)
	{
		members[class_of_byte(build, byte)] = byte;
		dfa->second[byte] = class_of_byte(build, byte) * build->nstates;
		dfa->first[byte] = dfa->second[byte] * nclasses;
	}
	for (int i = 0; i < nclasses * nclasses; i++)
	{
		uint8	   *row = dfa->pairs + i * build->nstates;

		for (int state = 0; state < build->nstates; state++)
			row[state] = build->next[build->next[state][members[i / nclasses]]][members[i % nclasses]];
	}
}

/* write_table copies the table into a context, by byte, then state. */
static PgcDfa *
write_table(const Build *build, MemoryContext context)
{
	PgcDfa	   *dfa = MemoryContextAlloc(context, offsetof(PgcDfa, next) + build->nstates * 256);

	write_pairs(dfa, build, context);
	dfa->nstates = build->nstates;
	dfa->start = build->start;
	memcpy(dfa->answers, build->answers, sizeof(dfa->answers));
	for (int byte = 0; byte < 256; byte++)
	{
		for (int state = 0; state < build->nstates; state++)
			dfa->next[byte * build->nstates + state] = build->next[state][byte];
	}
	return dfa;
}

/*
 * pgc_dfa_make returns the table of a regular expression in the current context,
 * or NULL if it has none that serves.
 */
PgcDfa *
pgc_dfa_make(const regex_t *regex)
{
	Build		build = {.regex = regex,.nnfa = pg_reg_getnumstates(regex)};
	PgcDfa	   *dfa = NULL;
	MemoryContext scratch;
	MemoryContext caller;

	if (regex->re_info & (REG_UBACKREF | REG_ULOOKAROUND | REG_UIMPOSSIBLE) || build.nnfa > NFA_STATES)
		return NULL;
	scratch = AllocSetContextCreate(CurrentMemoryContext, "pg_contract dfa", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(scratch);
	if (fill_table(&build))
		dfa = write_table(&build, caller);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	return dfa;
}
