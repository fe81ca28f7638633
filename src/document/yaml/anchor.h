/*
 * src/document/yaml/anchor.h
 *		The anchors of a YAML document, by name.
 */
#ifndef PGC_ANCHOR_H
#define PGC_ANCHOR_H

#include "document/yaml/node.h"

/* What an anchor names, in a tree of all by name. */
typedef struct PgcAnchor
{
	char	   *name;
	PgcNode    *node;
	bool		open;			/* its list or map has not ended */
	int			charge;			/* what an alias costs, in nodes */
	int			height;			/* of lists and maps in each other */
	uint32		priority;
	struct PgcAnchor *left;
	struct PgcAnchor *right;
} PgcAnchor;

extern PgcAnchor *pgc_anchor_find(PgcAnchor *root, const char *name);
extern PgcAnchor *pgc_anchor_add(PgcAnchor **root, const char *name);

#endif							/* PGC_ANCHOR_H */
