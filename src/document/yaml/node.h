/*
 * src/document/yaml/node.h
 *		A document as a tree of nodes that know where they stand.
 *
 * Read from YAML (or JSON, which is YAML) by yaml.c, made from nothing by whoever
 * exports, written by writer.c.  A tree is read-only once read, except that
 * pgc_odcs_check turns scalars into strings where the standard wants text.
 * An alias is the anchor's own node again: a node may have several parents.
 *
 * anchor.c, node.c, scalar.c, yaml.c and writer.c use nothing of the server but
 * palloc, so that the fuzzer can run them alone (FRONTEND).
 */
#ifndef PGC_NODE_H
#define PGC_NODE_H

#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

/* The types of YAML 1.2's core schema. */
typedef enum PgcNodeType
{
	PGC_NODE_NULL,
	PGC_NODE_BOOL,
	PGC_NODE_INTEGER,
	PGC_NODE_NUMBER,			/* with fraction or exponent, inf or nan */
	PGC_NODE_STRING,
	PGC_NODE_LIST,
	PGC_NODE_MAP
} PgcNodeType;

typedef struct PgcNode PgcNode;

/* One entry of a map.  Keys are scalars, none twice. */
typedef struct PgcPair
{
	PgcNode    *key;
	PgcNode    *value;
} PgcPair;

struct PgcNode
{
	uint8		type;			/* PgcNodeType */
	bool		plain;			/* a scalar written without quotes */
	int			line;			/* from 1; 0: not from a text */
	int			column;			/* in characters, from 1 */
	int			count;			/* a list's items, a map's pairs, a scalar's
								 * bytes */
	union
	{
		char	   *text;		/* of a scalar as written, NUL-terminated */
		PgcNode   **items;
		PgcPair    *pairs;
	}			content;
};

/* How large a document may be. */
typedef struct PgcYamlLimits
{
	int			max_bytes;		/* of the text */
	int			max_depth;		/* of lists and maps in each other */
	int			max_nodes;		/* after aliases are expanded, keys too; each
								 * PGC_ALIAS_BYTES of text in what an alias
								 * repeats count as one more */
	int			max_scalar;		/* bytes of one scalar */
} PgcYamlLimits;

#define PGC_ALIAS_BYTES 64

/* Why a text is no document. */
typedef struct PgcYamlProblem
{
	int			line;			/* from 1 */
	int			column;			/* from 1 */
	char	   *message;		/* as of ereport: no capital, no period */
	char	   *hint;			/* or NULL; full sentences */
	bool		is_limit;		/* too large or too deep, perhaps right */
} PgcYamlProblem;

/* Brings a scalar's text from UTF-8 into another encoding, in place; false if it has no such character. */
typedef bool (*PgcYamlDecode) (PgcNode *scalar);

/* yaml.c: source is UTF-8; NULL and *problem filled if it is no document; decode may be NULL */
extern PgcNode *pgc_yaml_read(const char *source, int length, const PgcYamlLimits *limits,
							  PgcYamlDecode decode, PgcYamlProblem *problem);

/* writer.c: the tree as YAML; encode gives a text in UTF-8, may be NULL; the result is UTF-8, palloc'd */
typedef const char *(*PgcYamlEncode) (const char *string, int length);
extern char *pgc_yaml_write(const PgcNode *node, PgcYamlEncode encode);

/* scalar.c: the type of a plain scalar in YAML 1.2's core schema */
extern PgcNodeType pgc_yaml_resolve(const char *text, int length);

/* would a YAML 1.1 reader (PyYAML) take the plain scalar for something else than YAML 1.2 does? */
extern bool pgc_yaml_is_ambiguous(const char *text, int length);

/* node.c: reading; all accept NULL for a node that is not there */
extern PgcNode *pgc_node_get(const PgcNode *map, const char *key);
extern const char *pgc_node_text(const PgcNode *scalar);	/* NULL for a null, too */
extern bool pgc_node_is(const PgcNode *node, PgcNodeType type);
extern bool pgc_node_is_scalar(const PgcNode *node);
extern bool pgc_node_is_true(const PgcNode *scalar);
extern const char *pgc_node_get_text(const PgcNode *map, const char *key);
extern bool pgc_node_get_true(const PgcNode *map, const char *key);
extern const char *pgc_node_type_name(const PgcNode *node);

/* the order of keys does not matter */
extern bool pgc_node_equal(const PgcNode *left, const PgcNode *right);

/* by key, the same keys in their order; palloc'd */
extern PgcPair **pgc_node_sort_pairs(const PgcNode *map);
extern int	pgc_node_compare_keys(const PgcNode *left, const PgcNode *right);

/* node.c: making; texts are copied, nodes are not; what an alias repeats is changed in all its places */
extern int	pgc_node_room(int count);	/* of an array of count items */
extern PgcNode *pgc_node_make_map(void);
extern PgcNode *pgc_node_make_list(void);
extern PgcNode *pgc_node_make_scalar(PgcNodeType type, const char *text);
extern PgcNode *pgc_node_make_string(const char *text);
extern PgcNode *pgc_node_make_bool(bool value);

/* replaces or adds; returns value */
extern PgcNode *pgc_node_set(PgcNode *map, const char *key, PgcNode *value);

/* adds a key that is not there */
extern void pgc_node_add(PgcNode *map, PgcNode *key, PgcNode *value);
extern PgcNode *pgc_node_append(PgcNode *list, PgcNode *item);	/* returns item */
extern PgcNode *pgc_node_copy(const PgcNode *node); /* deep */

#endif							/* PGC_NODE_H */
