/*
 * src/catalog/lineage_node.h
 *		Nodes of lineage as rows, for who stores edges between them.
 */
#ifndef PGC_LINEAGE_NODE_H
#define PGC_LINEAGE_NODE_H

#include "postgres.h"

#include "catalog/lineage.h"

/* A column, or all rows of something, as it is named now. */
typedef struct PgcPoint
{
	PgcPlace	place;
	Oid			relid;			/* InvalidOid: it is no relation, or gone */
	AttrNumber	attnum;			/* of relid; 0: all rows */
	const char *schema;			/* or NULL */
	const char *table;
	const char *column;			/* NULL: all rows */
	int64		node_id;		/* out */
	bool		gone;			/* out: a relation or column that is not there
								 * any more */
} PgcPoint;

extern void pgc_node_relation_name(Oid relid, char **schema, char **name);
extern void pgc_node_find(PgcPoint *points, int npoints);

#endif							/* PGC_LINEAGE_NODE_H */
