/*
 * src/document/document.h
 *		Contracts as documents: what the files of this room share.
 *
 *	text --yaml/--> nodes --odcs/--> nodes checked against the standard
 *		--plan/--> the datasets, columns and rules that the document asks for
 *		--apply.c--> the catalog
 *
 * lint stops after the plan and says what it found; diff compares the nodes of
 * two documents; export goes from the catalog back to nodes and text.
 */
#ifndef PGC_DOCUMENT_H
#define PGC_DOCUMENT_H

#include "postgres.h"

#include "catalog/contract.h"
#include "document/yaml/node.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/*
 * Where in a document: "schema.orders.properties.amount.required".  Elements of
 * lists go by what identifies them (name, property, server, ...), else by [n]
 * from 0.  Kept on the stack while walking.
 */
typedef struct PgcPath
{
	const struct PgcPath *parent;	/* or NULL */
	const char *name;			/* or NULL: index */
	int			index;
} PgcPath;

extern char *pgc_path_text(const PgcPath *path);	/* palloc'd */

/* What is to be said of a document. */
typedef enum PgcGravity
{
	PGC_INFO,					/* the document is fine */
	PGC_WARNING,				/* it does not say what its author may think */
	PGC_ERROR					/* it cannot be applied */
} PgcGravity;

typedef struct PgcRemark
{
	int			line;			/* from 1; 0: none */
	int			column;
	PgcGravity	gravity;
	char	   *path;
	char	   *message;
	char	   *hint;			/* or NULL */
} PgcRemark;

typedef struct PgcRemarks
{
	List	   *list;			/* of PgcRemark, in the order made */
	int			nerrors;
} PgcRemarks;

/* remark.c: what psprintf does, for those with a va_list */
extern char *pgc_message(const char *format, va_list arguments) pg_attribute_printf(1, 0);

/* adds a remark about a node (whose line and column it takes), or NULL */
extern PgcRemark *pgc_remark(PgcRemarks *remarks, PgcGravity gravity, const PgcNode *at, const char *path,
							 const char *format,...) pg_attribute_printf(5, 6);

/* raises the first error among the remarks, with line and column, if there is one */
extern void pgc_remarks_raise(const PgcRemarks *remarks);

/* yaml/read.c: text in the server's encoding -> nodes likewise; within pg_contract.document_* settings */
extern PgcNode *pgc_document_read(const text *source, PgcYamlProblem *problem); /* NULL: see problem */

/* the same, or an error with line and column */
extern PgcNode *pgc_document_require(const text *source);
extern int	pgc_document_max_size;	/* kilobytes */
extern int	pgc_document_max_depth;
extern int	pgc_document_max_nodes;

/* yaml/writer.c: nodes -> YAML or JSON; a string that YAML 1.1 or 1.2 would read as something else is quoted */
extern char *pgc_node_write_yaml(const PgcNode *node);
extern Jsonb *pgc_node_to_jsonb(const PgcNode *node);
extern PgcNode *pgc_node_from_jsonb(const Jsonb *jsonb);

/*
 * odcs/odcs.c: is the tree an ODCS document of the version it says?  Remarks about
 * unknown fields, wrong types, missing fields, values outside closed sets; turns
 * scalars into strings where the standard wants text (1.10, no).  False: it is
 * none at all (not a map, another kind, a version that is not read).
 */
extern bool pgc_odcs_check(PgcNode *root, PgcRemarks *remarks);

/* the version that it says, as 300, 301, 302, 310, 320 */
extern int	pgc_odcs_version(const PgcNode *root);

/* what identifies an element of a list of the document ("schema", "properties", ...); NULL: its index */
extern const char *pgc_odcs_identity(const char *list, const PgcNode *element);

/* How bad it is if a rule fails. */
typedef enum PgcSeverity
{
	PGC_SEVERITY_INFO,
	PGC_SEVERITY_WARNING,
	PGC_SEVERITY_ERROR
} PgcSeverity;

/* words.c */
extern PgcSeverity pgc_word_severity(const char *word);
extern const char *pgc_word_metric(const char *word);
extern const char *pgc_word_service_level(const char *word);
extern const char *pgc_word_unit(const char *word, bool is_retention, double *seconds);
extern bool pgc_word_time(const char *value, const char *unit, int *seconds, const char **zone);
extern const char *const pgc_check_operators[];
extern bool pgc_check_is_percent(const PgcNode *check);
extern const PgcNode *pgc_custom_get(const PgcNode *element, const char *name);

/* A column that a document declares. */
typedef struct PgcPlannedColumn
{
	const PgcNode *node;		/* the property */
	char	   *path;
	const char *property;		/* ODCS name */
	NameData	name;			/* of the column: physicalName or name */
	Oid			type;			/* declared by physicalType or, if that says
								 * nothing, InvalidOid */
	int32		typmod;			/* -1: none declared */
	const char *logical_type;	/* as written, or NULL */
	bool		required;		/* must not be null: required, primaryKey */
	const char *description;	/* or NULL */
	const char *classification; /* or NULL */
	const char *pii_category;	/* or NULL */
	List	   *tags;			/* of char * */
} PgcPlannedColumn;

/* A rule that a document asks for. */
typedef struct PgcPlannedRule
{
	const PgcNode *node;		/* what asks for it */
	char	   *path;
	PgcRuleSpec spec;			/* name set and unique in the dataset;
								 * parameters in canonical form */
	Datum		columns;		/* name[], as add_rule would store them */
	const char *severity;		/* info, warning, error */
	char	   *tolerance;		/* a numeric's text, 0 to 1 */
	const char *description;	/* or NULL */
	const char *schedule;		/* cron expression, or NULL */
	const char *runbook;		/* what to do if it fails, or NULL */
} PgcPlannedRule;

/* Something that asks to be checked and will not be. */
typedef struct PgcUnenforced
{
	const PgcNode *node;
	char	   *path;
	char	   *reason;			/* a sentence without capital and period */
	bool		is_rule;		/* counts among "n of m rules": a check was
								 * asked for, not only described */
} PgcUnenforced;

/* A dataset that a document declares: an object of its schema. */
typedef struct PgcPlannedDataset
{
	const PgcNode *node;
	char	   *path;
	const char *object;			/* ODCS name */
	NameData	schema_name;
	NameData	table_name;
	char	   *name;			/* schema.table, quoted where necessary */
	Oid			relid;			/* InvalidOid: there is none yet, or nobody
								 * looked */
	PgcLayout  *layout;			/* of the relation; without one, as the
								 * document declares it */
	const char *description;	/* or NULL */
	const char *write_path;		/* customProperties writePath: bulk, oltp */
	const char *on_apply;		/* customProperties onApply: enforce, warn */
	List	   *columns;		/* of PgcPlannedColumn, in the document's
								 * order */
	List	   *rules;			/* of PgcPlannedRule, in the document's order */
} PgcPlannedDataset;

/* What a document asks for. */
typedef struct PgcPlan
{
	const PgcNode *root;
	const char *contract_id;
	const char *version;
	const char *status;			/* one of contract.contract's five */
	const char *owner;			/* or NULL */
	const char *description;	/* or NULL */
	List	   *datasets;		/* of PgcPlannedDataset, in the document's
								 * order */
	List	   *unenforced;		/* of PgcUnenforced */
} PgcPlan;

/* How to plan. */
typedef struct PgcPlanOptions
{
	bool		bind;			/* look for relations and judge by them; else
								 * (lint) by the document alone */
	const char *server;			/* name or environment of a server of the
								 * document, or NULL */
	void		(*require) (Oid relid); /* raises if the user may not plan for
										 * this relation; or NULL */
} PgcPlanOptions;

/*
 * plan/plan.c: what a checked tree asks for.  Remarks about what cannot be: patterns,
 * bounds that do not fit the type, relationships to nowhere.  Never NULL; only
 * to be applied if remarks has no errors.
 */
extern PgcPlan *pgc_plan_make(const PgcNode *root, const PgcPlanOptions *options, PgcRemarks *remarks);

/* counts rules that will be enforced, and those that were asked for */
extern void pgc_plan_count(const PgcPlan *plan, int *enforced, int *asked);

/* One difference between two documents. */
typedef struct PgcChange
{
	char	   *path;
	const char *change;			/* added, removed, changed */
	const PgcNode *old;			/* or NULL */
	const PgcNode *new;			/* or NULL */
	bool		breaks_producer;	/* data that was right may fail */
	bool		breaks_consumer;	/* readers may break */
	const char *level;			/* the version that must rise: major, minor,
								 * patch */
	char	   *message;
} PgcChange;

/* diff/diff.c: both trees checked; old may be NULL: everything is new, nothing breaks */
extern List *pgc_diff(const PgcNode *old, const PgcNode *new);	/* of PgcChange */

/* the highest level among changes; NULL: there are none */
extern const char *pgc_diff_level(const List *changes);

/* fills the nine columns of diff and apply, "enforced" with null */
extern void pgc_change_values(const PgcChange *change, Datum *values, bool *nulls);

/* diff/semver.c */
/* the version that a level asks for after old ("1.2.3", "minor" -> "1.3.0"; palloc'd); NULL if old is no version */
extern char *pgc_version_after(const char *old, const char *level);

/* is new after old by at least the level? */
extern bool pgc_version_suffices(const char *old, const char *new, const char *level);

/* infer.c: a first document of a relation, without a contract (its rules come from the catalog) */
extern PgcNode *pgc_infer(Oid relid);

#endif							/* PGC_DOCUMENT_H */
