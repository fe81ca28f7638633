/*
 * src/document/yaml/anchor.c
 *		The anchors of a YAML document, by name.
 *
 * A treap: a binary tree by name that is a heap by random priorities.  It is
 * flat whatever the names are, so that the author of a document finds none
 * that make it slow.  Runs without a server (FRONTEND).
 */
#include "document/yaml/anchor.h"

#include "common/pg_prng.h"

/* pgc_anchor_find returns the anchor of a name, or NULL. */
PgcAnchor *
pgc_anchor_find(PgcAnchor *root, const char *name)
{
	while (root != NULL)
	{
		int			order = strcmp(name, root->name);

		if (order == 0)
			return root;
		root = order < 0 ? root->left : root->right;
	}
	return NULL;
}

/* put adds an anchor with a new name to a tree, and returns its root. */
static PgcAnchor *
put(PgcAnchor *root, PgcAnchor *anchor)
{
	PgcAnchor  *child;

	if (root == NULL)
		return anchor;
	if (strcmp(anchor->name, root->name) < 0)
	{
		child = root->left = put(root->left, anchor);
		if (child->priority <= root->priority)
			return root;
		root->left = child->right;
		child->right = root;
	}
	else
	{
		child = root->right = put(root->right, anchor);
		if (child->priority <= root->priority)
			return root;
		root->right = child->left;
		child->left = root;
	}
	return child;
}

/* pgc_anchor_add adds an anchor with a name that is not there (palloc'd). */
PgcAnchor *
pgc_anchor_add(PgcAnchor **root, const char *name)
{
	PgcAnchor  *anchor = palloc0(sizeof(PgcAnchor));

	anchor->name = pstrdup(name);
	anchor->priority = pg_prng_uint32(&pg_global_prng_state);
	*root = put(*root, anchor);
	return anchor;
}
