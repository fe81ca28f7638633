/*
 * src/lineage/walk/graph.h
 *		Walking lineage: from columns to what they feed, or to what feeds them.
 */
#ifndef PGC_GRAPH_H
#define PGC_GRAPH_H

#include "postgres.h"

#include "catalog/lineage.h"
#include "utils/hsearch.h"

/* A column, or all rows, of something that lineage knows. */
typedef struct PgcVertex
{
	PgcEnd		end;
	char	   *schema;			/* or NULL: a file, a program */
	char	   *table;
	char	   *column;			/* or NULL: all rows */
	char	   *name;			/* of pgc_vertex_name, or NULL */
	bool		gone;			/* a relation that was dropped */
	int			best;			/* index of the visit that is shown, or -1 */
} PgcVertex;

/* How well a path carries values, best first.  A column is visited again only on a better path. */
typedef enum PgcCarries
{
	PGC_CARRIES_VALUES,
	PGC_CARRIES_MASKED,
	PGC_CARRIES_INFLUENCE		/* some step is indirect */
} PgcCarries;

typedef struct PgcVisit
{
	int			vertex;
	int			parent;			/* index of a visit nearer to the start, or -1 */
	int			depth;			/* steps from the start */
	PgcCarries	carries;
	PgcSubtype	subtype;		/* of the path: the first indirect one, else
								 * the strongest; of a start PGC_IDENTITY */
	bool		masking;		/* some step is */
	bool		helper;			/* not a column that was reached, but all rows
								 * of its relation */
} PgcVisit;

typedef struct PgcArc
{
	int			source;			/* indexes of vertices */
	int			target;
	PgcSubtype	subtype;
	bool		masking;
} PgcArc;

typedef struct PgcWalk
{
	bool		downstream;
	Oid			role;			/* who asks */
	bool		sees_all;		/* may the role select from everything? */
	int			hidden;			/* edges that were left out, since the role
								 * may see neither end */
	int			nvertices;
	PgcVertex  *vertices;
	int			nstarts;		/* the first of the visits */
	int			nvisits;
	PgcVisit   *visits;			/* by depth */
	int			narcs;
	PgcArc	   *arcs;			/* that were gone along, or led to where the
								 * walk had been */
	/* of graph.c */
	HTAB	   *index;			/* PgcEnd -> vertex */
	HTAB	   *readable;		/* relation -> may the user see it? */
	int			max_vertices;
	int			max_visits;
	int			max_arcs;
} PgcWalk;

/* graph.c */
extern PgcWalk *pgc_walk_begin(bool downstream);
extern void pgc_walk_start(PgcWalk *walk, Oid relid, AttrNumber column);
extern void pgc_walk_start_everywhere(PgcWalk *walk);
extern void pgc_walk_run(PgcWalk *walk, int depth);
extern void pgc_walk_turn(PgcWalk *walk);
extern int *pgc_walk_order(const PgcWalk *walk, bool gone, int *count);
extern List *pgc_walk_path(const PgcWalk *walk, const PgcVisit *visit);
extern char *pgc_vertex_name(PgcVertex *vertex);

/* reading.c: arguments of the SQL functions */
extern AttrNumber pgc_walk_column(Oid relid, const char *name);
extern int	pgc_walk_depth(int depth);

#endif							/* PGC_GRAPH_H */
