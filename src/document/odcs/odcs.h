/*
 * src/document/odcs/odcs.h
 *		The standard as tables: which fields each kind of object has, what they
 *		want, in which versions.
 *
 * fields.c and servers.c hold the tables (odcs_table.h), odcs.c walks a document along them,
 * odcs_value.c judges single values, odcs_object.c what several fields of an
 * object say together, odcs_hint.c guesses what was meant.  The JSON schemas of
 * the standard are the authority.
 */
#ifndef PGC_ODCS_H
#define PGC_ODCS_H

#include "document/document.h"

/* Versions as bits, so that a field can say where it is known. */
#define PGC_ODCS_300 0x01
#define PGC_ODCS_301 0x02
#define PGC_ODCS_302 0x04
#define PGC_ODCS_310 0x08
#define PGC_ODCS_320 0x10
#define PGC_ODCS_ALL 0x1f
#define PGC_ODCS_FROM_301 0x1e
#define PGC_ODCS_FROM_302 0x1c
#define PGC_ODCS_FROM_310 0x18
#define PGC_ODCS_FROM_320 0x10
#define PGC_ODCS_UNTIL_302 0x07
#define PGC_ODCS_UNTIL_310 0x0f

/* What a field wants. */
typedef enum PgcOdcsWant
{
	PGC_WANT_ANYTHING,
	PGC_WANT_VALUE,				/* anything, but other readers must see the
								 * same */
	PGC_WANT_SCALAR,			/* no list, no map; null is one */
	PGC_WANT_TEXT,
	PGC_WANT_BOOL,
	PGC_WANT_INTEGER,
	PGC_WANT_NUMBER,
	PGC_WANT_VALUES,			/* a list of anything */
	PGC_WANT_TEXTS,				/* a list of text */
	PGC_WANT_MAP,				/* of the field's shape, if it has one */
	PGC_WANT_MAPS				/* a list of maps of the field's shape */
} PgcOdcsWant;

/* A walk through a document. */
typedef struct PgcOdcsCheck
{
	uint8		version;		/* a bit */
	PgcRemarks *remarks;
	List	   *holed;			/* PgcNode of which something was taken out */
} PgcOdcsCheck;

typedef struct PgcOdcsShape PgcOdcsShape;

/* Judges a value of the right type; false: it is of no use. */
typedef bool (*PgcOdcsJudge) (PgcOdcsCheck *check, PgcNode *node, const PgcPath *path);

/* A field of an object. */
typedef struct PgcOdcsField
{
	const char *name;
	uint8		length;			/* of the name */
	uint8		want;			/* PgcOdcsWant */
	uint8		versions;		/* that know it; 0: all */
	uint8		required;		/* in which versions */
	const PgcOdcsShape *shape;	/* of its map or maps, or NULL */
	const char *const *words;	/* the only texts that may be, or NULL */
	PgcOdcsJudge judge;			/* or NULL */
} PgcOdcsField;

/* A kind of object. */
struct PgcOdcsShape
{
	const char *what;			/* "a property" */
	const PgcOdcsField *fields;
	uint8		nfields;
	uint8		strict;			/* versions in which it has no other fields */
	bool		names_differ;	/* no two of a list have the same name */
	bool		whole;			/* any error in it makes it useless */
	/* which further fields the object has, by what is in it; or NULL */
	const PgcOdcsShape *(*variant) (PgcOdcsCheck *check, const PgcNode *map, const PgcPath *path);
	PgcOdcsJudge judge;			/* after its fields, or NULL */
};

/* fields.c */
extern const PgcOdcsShape pgc_odcs_root;
extern const PgcOdcsShape pgc_odcs_team;
extern const PgcOdcsShape pgc_odcs_team_member;
extern const PgcOdcsShape pgc_odcs_quality_library;
extern const PgcOdcsShape pgc_odcs_quality_library_30;
extern const PgcOdcsShape pgc_odcs_quality_sql;
extern const PgcOdcsShape pgc_odcs_quality_custom;
extern const PgcOdcsShape pgc_odcs_quality_text;
extern const PgcOdcsShape *pgc_odcs_options(const char *logical_type);
extern bool pgc_odcs_is_option(const char *name);

/* servers.c */
extern const char *const pgc_odcs_server_types[];
extern const PgcOdcsShape *pgc_odcs_server(PgcOdcsCheck *check, const PgcNode *map, const PgcPath *path);

/* odcs.c */
extern bool pgc_odcs_check_map(PgcOdcsCheck *check, PgcNode *map, const PgcOdcsShape *shape, const PgcPath *path);
extern bool pgc_odcs_check_maps(PgcOdcsCheck *check, PgcNode *list, const PgcOdcsShape *shape, const PgcPath *path);
extern void pgc_odcs_take_out(PgcOdcsCheck *check, PgcNode *node, PgcNode **slot);
extern PgcRemark *pgc_odcs_say(PgcOdcsCheck *check, PgcGravity gravity, const PgcNode *at, const PgcPath *path,
							   const char *format,...) pg_attribute_printf(5, 6);
extern PgcRemark *pgc_odcs_say_newer(PgcOdcsCheck *check, PgcGravity gravity, const PgcNode *at, const PgcPath *path,
									 uint8 versions, const char *what);
extern const char *pgc_odcs_version_name(uint8 version);

/* odcs_value.c */
extern bool pgc_odcs_want(PgcOdcsCheck *check, PgcNode **slot, PgcOdcsWant want, const PgcPath *path);
extern bool pgc_odcs_is_word(PgcOdcsCheck *check, const PgcNode *node, const char *const *words,
							 const PgcPath *path);
extern const char *pgc_odcs_place(const PgcPath *path);
extern bool pgc_odcs_judge_name(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path);
extern bool pgc_odcs_judge_id(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path);
extern bool pgc_odcs_judge_logical_type(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path);
extern bool pgc_odcs_judge_not_negative(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path);
extern bool pgc_odcs_judge_positive(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path);
extern bool pgc_odcs_judge_exclusive_number(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path);
extern bool pgc_odcs_judge_exclusive_text(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path);
extern bool pgc_odcs_judge_between(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path);
extern bool pgc_odcs_judge_implementation(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path);
extern bool pgc_odcs_judge_reference(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path);
extern bool pgc_odcs_judge_sftp(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path);
extern bool pgc_odcs_judge_required_options(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path);

/* odcs_object.c */
extern const PgcOdcsShape *pgc_odcs_quality(PgcOdcsCheck *check, const PgcNode *map, const PgcPath *path);
extern bool pgc_odcs_judge_team(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path);
extern bool pgc_odcs_judge_arguments(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path);
extern bool pgc_odcs_judge_property(PgcOdcsCheck *check, PgcNode *map, const PgcPath *path);
extern bool pgc_odcs_judge_item(PgcOdcsCheck *check, PgcNode *map, const PgcPath *path);
extern bool pgc_odcs_judge_quality(PgcOdcsCheck *check, PgcNode *map, const PgcPath *path);
extern bool pgc_odcs_judge_relationship(PgcOdcsCheck *check, PgcNode *map, const PgcPath *path);
extern void pgc_odcs_check_duplicates(PgcOdcsCheck *check, PgcNode *list, const char *field, bool drop,
									  const PgcPath *path);

/* odcs_hint.c */
extern char *pgc_odcs_nearest_word(const char *text, const char *const *words);
extern char *pgc_odcs_field_hint(const char *name, const PgcOdcsShape *shape, const PgcOdcsShape *variant);

#endif							/* PGC_ODCS_H */
