/*
 * test/fuzz/yaml_fuzz.c
 *		Reads whatever libFuzzer makes up, and writes and reads again what was read.
 *
 * Built by test/fuzz/yaml.sh from the reader's own files, without a server.
 * Fails where a sanitizer finds something, where a tree that was written and
 * read is another, or where a document is refused without a position.
 *
 * Memory: what the code under test asks for is freed after each input, so that
 * what LeakSanitizer reports is libyaml's.
 */
#include "document/yaml/node.h"

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

/* A piece of memory, in a list of all. */
typedef struct Piece
{
	struct Piece *next;
	struct Piece *previous;
} Piece;

#define PIECE_HEADER MAXALIGN(sizeof(Piece))

static Piece pieces = {&pieces, &pieces};

void *
palloc(Size size)
{
	Piece	   *piece = malloc(PIECE_HEADER + size);

	if (piece == NULL)
		abort();
	piece->next = pieces.next;
	piece->previous = &pieces;
	pieces.next->previous = piece;
	pieces.next = piece;
	return (char *) piece + PIECE_HEADER;
}

void
pfree(void *pointer)
{
	Piece	   *piece = (Piece *) ((char *) pointer - PIECE_HEADER);

	piece->next->previous = piece->previous;
	piece->previous->next = piece->next;
	free(piece);
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void *
palloc_extended(Size size, int flags)
{
	return palloc(size);
}

void *
repalloc(void *pointer, Size size)
{
	Piece	   *piece = (Piece *) ((char *) pointer - PIECE_HEADER);
	Piece	   *next = piece->next;
	Piece	   *previous = piece->previous;

	piece = realloc(piece, PIECE_HEADER + size);
	if (piece == NULL)
		abort();
	next->previous = piece;
	previous->next = piece;
	return (char *) piece + PIECE_HEADER;
}

char *
pstrdup(const char *string)
{
	size_t		size = strlen(string) + 1;

	return memcpy(palloc(size), string, size);
}

static void
free_all(void)
{
	while (pieces.next != &pieces)
		pfree((char *) pieces.next + PIECE_HEADER);
}

static void
expect(bool fact, const char *message)
{
	if (fact)
		return;
	fprintf(stderr, "yaml_fuzz: %s\n", message);
	abort();
}

/* Everything that a tree of its own says of itself. */
static void
check_tree(const PgcNode *node)
{
	expect(node->line > 0 && node->column > 0, "a node without a position");
	if (pgc_node_is_scalar(node))
	{
		expect(strlen(node->content.text) == node->count, "a scalar of another length");
		(void) pgc_yaml_is_ambiguous(node->content.text, node->count);
	}
	for (int i = 0; i < node->count && !pgc_node_is_scalar(node); i++)
	{
		if (node->type == PGC_NODE_LIST)
			check_tree(node->content.items[i]);
		else
		{
			const PgcPair *pair = &node->content.pairs[i];

			check_tree(pair->key);
			check_tree(pair->value);
			expect(i > 100 || pgc_node_get(node, pair->key->content.text) == pair->value, "a key that is not found");
		}
	}
}

static void
check_round_trip(const PgcNode *tree, const PgcYamlLimits *limits)
{
	PgcYamlLimits wide = *limits;
	PgcYamlProblem problem;
	char	   *written = pgc_yaml_write(tree, NULL);
	PgcNode    *again;

	wide.max_bytes = PG_INT32_MAX;	/* aliases and escapes are longer when written */
	again = pgc_yaml_read(written, (int) strlen(written), &wide, NULL, &problem);
	if (again == NULL)
		fprintf(stderr, "yaml_fuzz: line %d, column %d: %s\n%s", problem.line, problem.column, problem.message, written);
	else if (!pgc_node_equal(tree, again))
		fprintf(stderr, "yaml_fuzz: written as\n%s", written);
	expect(again != NULL, "what was written is not read");
	expect(pgc_node_equal(tree, again), "what was written is read as another tree");
	expect(pgc_node_equal(tree, pgc_node_copy(tree)), "a copy is another tree");
}

/* The input itself as a string: as a value, as a key, in a list. */
static void
check_string(const char *string, const PgcYamlLimits *limits)
{
	PgcNode    *map = pgc_node_make_map();
	PgcNode    *list = pgc_node_make_list();

	pgc_node_append(list, pgc_node_make_string(string));
	pgc_node_append(list, pgc_node_make_string(string));
	pgc_node_set(map, "value", pgc_node_make_string(string));
	pgc_node_set(map, "list", list);
	pgc_node_set(map, string, pgc_node_make_string("value"));
	check_round_trip(map, limits);
	check_round_trip(pgc_node_make_string(string), limits);
}

/* Is it UTF-8, as libyaml sees it? */
static bool
is_utf8(const char *string)
{
	const uint8 *at = (const uint8 *) string;

	while (*at != 0)
	{
		int			length = *at < 0x80 ? 1 : *at < 0xC2 ? 0 : *at < 0xE0 ? 2 : *at < 0xF0 ? 3 : *at < 0xF5 ? 4 : 0;

		if (length == 0)
			return false;
		for (int i = 1; i < length; i++)
		{
			if ((at[i] & 0xC0) != 0x80)
				return false;
		}
		if ((at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] >= 0xA0) ||
			(at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] >= 0x90))
			return false;
		at += length;
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	static const PgcYamlLimits limits = {1024 * 1024, 64, 100000, 256 * 1024};
	PgcYamlProblem problem;
	char	   *source = palloc(size + 1);
	PgcNode    *tree;

	memcpy(source, data, size);
	source[size] = '\0';
	tree = pgc_yaml_read(source, (int) size, &limits, NULL, &problem);
	expect((tree == NULL) == (problem.message != NULL), "neither a tree nor a problem, or both");
	if (tree != NULL)
	{
		check_tree(tree);
		check_round_trip(tree, &limits);
	}
	else
		expect(problem.line > 0 && problem.column > 0, "a problem without a position");
	if (size > 0 && strlen(source) == size && size < 4096 && is_utf8(source))
		check_string(source, &limits);
	free_all();
	return 0;
}
