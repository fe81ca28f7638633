/*
 * src/document/apply.h
 *		What the files that apply a document share.
 *
 *	apply.c		the SQL functions; locks, the version gate, the order of the steps
 *	settle.c	the plan against the catalog -> what changes
 *	change.c	what changes -> the catalog
 */
#ifndef PGC_APPLY_H
#define PGC_APPLY_H

#include "postgres.h"

#include "catalog/annotate.h"
#include "document/document.h"

/* A row of the result that is not about a difference of documents. */
typedef struct PgcOutcome
{
	const char *path;
	const char *change;
	const char *old;			/* or NULL */
	const char *new;			/* or NULL */
	const bool *enforced;		/* or NULL: neither */
	const char *message;
} PgcOutcome;

#define PGC_MAX_FIELDS 4

/*
 * The fields of a contract, a dataset or a column: what is stored, what the
 * document says, what comes of it.
 */
typedef struct PgcFields
{
	int			count;
	const char *const *names;
	const char *stored[PGC_MAX_FIELDS]; /* NULL: nothing, likewise below */
	const char *wanted[PGC_MAX_FIELDS];
	const char *without[PGC_MAX_FIELDS];	/* once no document says it */
	const char *values[PGC_MAX_FIELDS]; /* what comes of it */
	List	   *stored_documented;	/* names (char *) that a document said */
	List	   *documented;
	bool		changed;		/* a value, or who said it */
} PgcFields;

/* What becomes of a column's annotation. */
typedef struct PgcSettledColumn
{
	NameData	name;
	PgcFields	fields;
} PgcSettledColumn;

/* What becomes of a dataset. */
typedef struct PgcSettled
{
	const PgcPlannedDataset *planned;	/* NULL: it leaves the document */
	const PgcContract *stored;	/* NULL: it is to be made */
	const char *name;			/* as stored, or else as planned */
	const char *path;			/* in the document, or empty */
	PgcContract wanted;			/* with the rules and the relation that it
								 * will have; no id if it is to be made */
	PgcFields	fields;
	List	   *columns;		/* of PgcSettledColumn that change */
	List	   *drafts;			/* of PgcRuleDraft */
	List	   *gone;			/* of PgcStoredRule */
	bool		changed;		/* anything but annotations: triggers may, too */
} PgcSettled;

/* A document that is being applied. */
typedef struct PgcApply
{
	text	   *source;
	const char *server;			/* or NULL */
	bool		allow_breaking;
	PgcNode    *root;
	PgcRemarks	checked;		/* what is to be said of the document */
	PgcRemarks	planned;		/* ... and of its plan */
	PgcPlan    *plan;
	List	   *locked;			/* of PgcLocked */
	PgcVersion *in_force;		/* or NULL: the first document */
	List	   *differences;	/* of PgcChange, to the one in force */
	const PgcContract *agreement;	/* the contract as stored, or NULL */
	PgcFields	fields;			/* of the contract */
	List	   *settled;		/* of PgcSettled: in the document's order,
								 * then those that leave it */
	List	   *outcomes;		/* of PgcOutcome */
} PgcApply;

extern void pgc_outcome(PgcApply *apply, const char *path, const char *change, const char *old,
						const char *new, const bool *enforced, const char *format,...) pg_attribute_printf(7, 8);
extern void pgc_settle(PgcApply *apply);
extern void pgc_change(PgcApply *apply);

#endif							/* PGC_APPLY_H */
