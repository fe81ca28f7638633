/*
 * src/document/forms.h
 *		How a rule is written in ODCS.
 */
#ifndef PGC_FORMS_H
#define PGC_FORMS_H

#include "document/document.h"

/*
 * A rule may have several forms; the first that reads back as the same rule is
 * the one to take.
 */
typedef enum PgcForm
{
	PGC_FORM_FIELD,				/* a field of the property: required, unique,
								 * ... */
	PGC_FORM_CHECK,				/* a quality check of the standard's own */
	PGC_FORM_CUSTOM				/* in our own words; any rule can be said so */
} PgcForm;

/* Where rules of a dataset are written. */
typedef struct PgcFormTarget
{
	PgcNode    *root;
	int			version;		/* of the standard, as pgc_odcs_version says;
								 * before 3.1 only our own words are used */
	PgcNode    *object;
	const char *object_name;	/* as references name it */
	const char *schema;			/* the server's: its other tables can be
								 * referenced by name; or NULL */
	const List *objects;		/* of PgcFormObject: what else can be */
	List	   *warning;		/* properties with fields of rules that warn */
	bool		own;			/* the object is ours: nothing in it but what
								 * we wrote */
} PgcFormTarget;

/* A table that a relationship can name. */
typedef struct PgcFormObject
{
	const char *relation;		/* schema.table, quoted where necessary */
	const char *name;			/* of its object */
} PgcFormObject;

/* writes a rule in a form; false: the form cannot say it, and nothing was written */
extern bool pgc_form_write(PgcFormTarget *target, const PgcStoredRule *rule, PgcForm form);

#endif							/* PGC_FORMS_H */
