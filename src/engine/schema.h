/*
 * src/engine/schema.h
 *		The columns that a dataset is declared to have, and how those that it
 *		has differ from them.
 */
#ifndef PGC_SCHEMA_H
#define PGC_SCHEMA_H

#include "postgres.h"

#include "engine/engine.h"
#include "nodes/pg_list.h"

/* One declared column. */
typedef struct PgcDeclared
{
	NameData	name;
	Oid			type;			/* InvalidOid: none declared */
	int32		typmod;			/* -1: any */
	char	   *type_name;		/* canonical, or NULL */
	char	   *logical_type;	/* judged where there is no type; or NULL */
	bool		has_timezone;	/* timezone is declared, too */
	bool		timezone;
} PgcDeclared;

/* What a rule of kind schema declares. */
typedef struct PgcSchema
{
	int			ncolumns;
	PgcDeclared *columns;
	bool		exact;			/* there must be no other columns */
} PgcSchema;

typedef enum PgcDifferenceKind
{
	PGC_MISSING,
	PGC_EXTRA,
	PGC_RETYPED,
	PGC_REORDERED
} PgcDifferenceKind;

/* One difference of a layout from a schema. */
typedef struct PgcDifference
{
	PgcDifferenceKind kind;
	NameData	column;
	char	   *expected;		/* a type, or a place; or NULL */
	char	   *found;			/* likewise */
	char	   *words;			/* the difference, as in a message */
	bool		fails;			/* the schema is not kept; else only to be
								 * known */
	bool		widened;		/* retyped so that every declared value fits */
} PgcDifference;

extern PgcSchema *pgc_schema_read(const Jsonb *parameters);
extern bool pgc_schema_declares(const Jsonb *parameters, const char *column);
extern const PgcSchema *pgc_rule_schema(const PgcRule *rule);
extern List *pgc_schema_compare(const PgcSchema *schema, const PgcLayout *layout);
extern const char *pgc_difference_name(PgcDifferenceKind kind);
extern bool pgc_type_is_widening(Oid old, int32 old_typmod, Oid new, int32 new_typmod);

#endif							/* PGC_SCHEMA_H */
