/*
 * src/document/shape.h
 *		Relations and rules written as nodes of ODCS: what infer and export share.
 */
#ifndef PGC_SHAPE_H
#define PGC_SHAPE_H

#include "document/document.h"

/* shape.c */
extern PgcNode *pgc_shape_contract(const char *id, const char *name, const char *version, const char *status);
extern void pgc_shape_add_server(PgcNode *root, const char *schema);
extern char *pgc_shape_physical_name(const char *schema, const char *table, const char *server_schema);
extern PgcNode *pgc_shape_object(Relation relation, const char *name, const char *physical_name,
								 const char *description);
extern PgcNode *pgc_shape_property(const PgcNode *object, const char *name);
extern void pgc_shape_set_text(PgcNode *map, const char *key, const char *value);
extern PgcNode *pgc_shape_list(PgcNode *map, const char *key);
extern void pgc_shape_add_custom_property(PgcNode *element, const char *property, PgcNode *value);
extern PgcNode *pgc_shape_add_check(PgcNode *element, const char *name, const char *metric,
									const char *argument, PgcNode *value);
extern PgcNode *pgc_shape_add_rule(PgcNode *object, const char *name, const char *kind, const List *columns,
								   PgcNode *parameters);
extern void pgc_shape_tidy(PgcNode *object);
extern bool pgc_shape_is_plain(const char *name);
extern PgcNode *pgc_shape_texts(const List *texts);

#endif							/* PGC_SHAPE_H */
