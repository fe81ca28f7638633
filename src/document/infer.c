/*
 * src/document/infer.c
 *		contract.infer: a first document of any relation, from the catalogs.
 *
 * What the database itself guarantees (types, NOT NULL, keys, CHECK) becomes
 * what the document asks for, so that it holds when it is applied, and goes on
 * holding when the data move on.  Reads no row.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/annotate.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "compat.h"
#include "document/shape.h"
#include "engine/output.h"
#include "engine/rights.h"
#include "fmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_infer_document);

/* A relation that is being described. */
typedef struct Inference
{
	Relation	relation;
	PgcLayout  *layout;
	PgcNode    *object;
} Inference;

/* property_of returns the property of a column. */
static PgcNode *
property_of(const Inference *inference, AttrNumber attno)
{
	return pgc_shape_property(inference->object,
							  NameStr(TupleDescAttr(RelationGetDescr(inference->relation), attno - 1)->attname));
}

/* position makes a number, from 1, of an index from 0. */
static PgcNode *
position(int index)
{
	return pgc_node_make_scalar(PGC_NODE_INTEGER, psprintf("%d", index + 1));
}

/* column_names returns the names (char *) of columns of a relation. */
static List *
column_names(Oid relid, const int16 *attnos, int count)
{
	List	   *names = NIL;

	for (int i = 0; i < count; i++)
		names = lappend(names, get_attname(relid, attnos[i], false));
	return names;
}

/* is_not_null: may the column hold no null, by itself or by its domain? */
static bool
is_not_null(Form_pg_attribute attribute)
{
	Oid			type = attribute->atttypid;
	bool		not_null = attribute->attnotnull;

	while (!not_null && get_typtype(type) == TYPTYPE_DOMAIN)
	{
		HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));

		if (!HeapTupleIsValid(tuple))
			break;
		not_null = ((Form_pg_type) GETSTRUCT(tuple))->typnotnull;
		type = ((Form_pg_type) GETSTRUCT(tuple))->typbasetype;
		ReleaseSysCache(tuple);
	}
	return not_null;
}

/* enum_labels returns the labels (char *) of an enum type, in their order. */
static List *
enum_labels(Oid type)
{
	Relation	catalog = table_open(EnumRelationId, AccessShareLock);
	Relation	index = index_open(EnumTypIdSortOrderIndexId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *labels = NIL;

	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(type));
	scan = systable_beginscan_ordered(catalog, index, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
		labels = lappend(labels, pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel)));
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(catalog, AccessShareLock);
	return labels;
}

/* is_short_text: a text of limited length? */
static bool
is_short_text(Oid type, int32 typmod)
{
	return (type == VARCHAROID || type == BPCHAROID) && typmod >= (int32) VARHDRSZ;
}

/* add_column adds what is known of a column by itself. */
static void
add_column(const Inference *inference, Form_pg_attribute attribute)
{
	PgcNode    *property = property_of(inference, attribute->attnum);
	int32		typmod = attribute->atttypmod;
	Oid			type = getBaseTypeAndTypmod(attribute->atttypid, &typmod);

	pgc_shape_set_text(property, "description",
					   GetComment(RelationGetRelid(inference->relation), RelationRelationId, attribute->attnum));
	if (is_not_null(attribute))
		pgc_node_set(property, "required", pgc_node_make_bool(true));
	if (is_short_text(type, typmod))
		pgc_node_set(pgc_node_set(property, "logicalTypeOptions", pgc_node_make_map()), "maxLength",
					 pgc_node_make_scalar(PGC_NODE_INTEGER, psprintf("%d", typmod - (int32) VARHDRSZ)));
	if (get_typtype(type) == TYPTYPE_ENUM)
		pgc_shape_add_check(property, NULL, "invalidValues", "validValues", pgc_shape_texts(enum_labels(type)));
	/* its value is not there yet when a row is written */
	if (attribute->attgenerated == 'v')
		pgc_shape_add_custom_property(property, "onViolation", pgc_node_make_string("audit"));
}

/* add_partition_key says by which columns the rows are divided; expressions are left out. */
static void
add_partition_key(const Inference *inference)
{
	PartitionKey key = RelationGetPartitionKey(inference->relation);

	for (int i = 0; key != NULL && i < key->partnatts; i++)
	{
		PgcNode    *property;

		if (key->partattrs[i] == 0)
			continue;
		property = property_of(inference, key->partattrs[i]);
		pgc_node_set(property, "partitioned", pgc_node_make_bool(true));
		pgc_node_set(property, "partitionKeyPosition", position(i));
	}
}

/* add_unique adds the key of a unique index, which is the primary key or another one. */
static void
add_unique(const Inference *inference, Form_pg_index index)
{
	if (index->indisprimary)
	{
		for (int i = 0; i < index->indnkeyatts; i++)
		{
			PgcNode    *property = property_of(inference, index->indkey.values[i]);

			pgc_node_set(property, "primaryKey", pgc_node_make_bool(true));
			pgc_node_set(property, "primaryKeyPosition", position(i));
		}
		return;
	}
	if (index->indnkeyatts == 1)
		pgc_node_set(property_of(inference, index->indkey.values[0]), "unique", pgc_node_make_bool(true));
	else
		pgc_shape_add_check(inference->object, get_rel_name(index->indexrelid), "duplicateValues", "properties",
							pgc_shape_texts(column_names(index->indrelid, index->indkey.values, index->indnkeyatts)));
}

/* add_indexes adds the keys that unique indexes on plain columns guarantee. */
static void
add_indexes(const Inference *inference)
{
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(inference->relation))
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
		Form_pg_index index;
		bool		plain;

		if (!HeapTupleIsValid(tuple))
			continue;
		index = (Form_pg_index) GETSTRUCT(tuple);
		plain = index->indisunique && index->indisvalid && heap_attisnull(tuple, Anum_pg_index_indpred, NULL);
		for (int i = 0; i < index->indnkeyatts; i++)
			plain = plain && index->indkey.values[i] > 0;
		if (plain)
			add_unique(inference, index);
		ReleaseSysCache(tuple);
	}
}

/* are_plain: can all of the names (char *) be in short references? */
static bool
are_plain(const List *names)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (!pgc_shape_is_plain(lfirst(cell)))
			return false;
	}
	return true;
}

/* reference returns the standard's short reference to a column of a table. */
static PgcNode *
reference(const char *table, const char *column)
{
	return pgc_node_make_string(psprintf("%s.%s", table, column));
}

/* references makes a list of them. */
static PgcNode *
references(const char *table, const List *columns)
{
	PgcNode    *list = pgc_node_make_list();
	ListCell   *cell;

	foreach(cell, columns)
		pgc_node_append(list, reference(table, lfirst(cell)));
	return list;
}

/*
 * add_relationship adds a foreign key as a relationship: to a property if the key
 * is of one column, else to the object.
 */
static void
add_relationship(const Inference *inference, AttrNumber first, const List *columns, const char *table,
				 const List *referenced)
{
	bool		single = list_length(columns) == 1;
	PgcNode    *element = single ? property_of(inference, first) : inference->object;
	PgcNode    *relationship = pgc_node_append(pgc_shape_list(element, "relationships"), pgc_node_make_map());

	pgc_shape_set_text(relationship, "type", "foreignKey");
	if (single)
	{
		pgc_node_set(relationship, "to", reference(table, linitial(referenced)));
		return;
	}
	pgc_node_set(relationship, "from", references(RelationGetRelationName(inference->relation), columns));
	pgc_node_set(relationship, "to", references(table, referenced));
}

/*
 * add_foreign_key adds a foreign key.  What a relationship cannot name (other
 * schemas, unusual names) is written as a rule of ours.
 */
static void
add_foreign_key(const Inference *inference, HeapTuple tuple)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
	AttrNumber	from[INDEX_MAX_KEYS];
	AttrNumber	to[INDEX_MAX_KEYS];
	int			count;
	const char *table = get_rel_name(form->confrelid);
	List	   *columns;
	List	   *referenced;
	PgcNode    *parameters;

	DeconstructFkConstraintRow(tuple, &count, from, to, NULL, NULL, NULL, NULL, NULL);
	columns = column_names(form->conrelid, from, count);
	referenced = column_names(form->confrelid, to, count);
	if (get_rel_namespace(form->confrelid) == RelationGetNamespace(inference->relation) &&
		pgc_shape_is_plain(table) && are_plain(referenced) &&
		(count == 1 || (are_plain(columns) && pgc_shape_is_plain(RelationGetRelationName(inference->relation)))))
	{
		add_relationship(inference, from[0], columns, table, referenced);
		return;
	}
	parameters = pgc_node_make_map();
	pgc_shape_set_text(parameters, "referenced_relation",
					   quote_qualified_identifier(get_namespace_name(get_rel_namespace(form->confrelid)), table));
	pgc_node_set(parameters, "referenced_columns", pgc_shape_texts(referenced));
	pgc_shape_add_rule(inference->object, NameStr(form->conname), "references", columns, parameters);
}

/* why_no_rule returns why an expression cannot be a rule, or NULL if it can. */
static char *
why_no_rule(const Inference *inference, char *name, const char *expression)
{
	PgcNode    *parameters = pgc_node_make_map();
	PgcRuleSpec spec = {.name = name,.kind = "satisfies",.action = PGC_AUDIT};
	PgcAttempt	attempt;
	char	   *volatile reason = NULL;

	pgc_shape_set_text(parameters, "expression", expression);
	spec.parameters = pgc_node_to_jsonb(parameters);
	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		(void) pgc_program_validate(inference->layout, &spec);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		reason = pgc_attempt_fail(&attempt);
	}
	PG_END_TRY();
	return reason;
}

/* expression_of returns a stored expression as text that means the same in every session. */
static char *
expression_of(Datum stored, Oid relid)
{
	PgcOutputSettings saved;
	char	   *volatile expression = NULL;

	pgc_output_enter(&saved, false);
	PG_TRY();
	{
		expression = TextDatumGetCString(DirectFunctionCall3(pg_get_expr_ext, stored, ObjectIdGetDatum(relid),
															 BoolGetDatum(true)));
	}
	PG_FINALLY();
	{
		pgc_output_leave(&saved);
	}
	PG_END_TRY();
	return expression;
}

/* add_check adds a CHECK constraint: as a rule, or in words if it cannot be one. */
static void
add_check(const Inference *inference, Relation catalog, HeapTuple tuple)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
	bool		isnull;
	Datum		stored = heap_getattr(tuple, Anum_pg_constraint_conbin, RelationGetDescr(catalog), &isnull);
	Oid			relid = RelationGetRelid(inference->relation);
	char	   *expression;
	char	   *reason;

	if (isnull)
		return;
	expression = expression_of(stored, relid);
	reason = why_no_rule(inference, NameStr(form->conname), expression);
	if (reason == NULL)
	{
		PgcNode    *parameters = pgc_node_make_map();

		pgc_shape_set_text(parameters, "expression", expression);
		pgc_shape_add_rule(inference->object, NameStr(form->conname), "satisfies", NIL, parameters);
	}
	else
	{
		PgcNode    *item = pgc_node_append(pgc_shape_list(inference->object, "quality"), pgc_node_make_map());

		pgc_shape_set_text(item, "name", NameStr(form->conname));
		pgc_shape_set_text(item, "type", "text");
		pgc_shape_set_text(item, "description", psprintf("CHECK (%s): %s", expression, reason));
	}
}

/* is_own: is the foreign key the relation's own, not a copy of it for a partition of the referenced table? */
static bool
is_own(Form_pg_constraint form)
{
	HeapTuple	parent;
	bool		own;

	if (!OidIsValid(form->conparentid))
		return true;
	parent = SearchSysCache1(CONSTROID, ObjectIdGetDatum(form->conparentid));
	own = !HeapTupleIsValid(parent) || ((Form_pg_constraint) GETSTRUCT(parent))->conrelid != form->conrelid;
	if (HeapTupleIsValid(parent))
		ReleaseSysCache(parent);
	return own;
}

/* add_constraints adds foreign keys and CHECK constraints, by name. */
static void
add_constraints(const Inference *inference)
{
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationGetRelid(inference->relation)));
	scan = systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);

		if (form->contype == CONSTRAINT_FOREIGN && is_own(form))
			add_foreign_key(inference, tuple);
		else if (form->contype == CONSTRAINT_CHECK)
			add_check(inference, catalog, tuple);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
}

/* infer_object describes one relation, on a server that has its schema. */
static PgcNode *
infer_object(Relation relation, const char *schema)
{
	TupleDesc	descriptor = RelationGetDescr(relation);
	const char *name = RelationGetRelationName(relation);
	Inference	inference = {
		.relation = relation,
		.layout = pgc_layout_of(relation),
		.object = pgc_shape_object(relation, name, pgc_shape_physical_name(schema, name, schema),
								   GetComment(RelationGetRelid(relation), RelationRelationId, 0))
	};

	for (int i = 0; i < descriptor->natts; i++)
	{
		if (!TupleDescAttr(descriptor, i)->attisdropped)
			add_column(&inference, TupleDescAttr(descriptor, i));
	}
	add_partition_key(&inference);
	add_indexes(&inference);
	add_constraints(&inference);
	pgc_shape_tidy(inference.object);
	return inference.object;
}

/*
 * pgc_infer returns a first document of a relation, in the current context.  The
 * caller has locked it, and has seen to it that the user may know of it.
 */
PgcNode *
pgc_infer(Oid relid)
{
	Relation	relation = relation_open(relid, AccessShareLock);
	char	   *schema = get_namespace_name(RelationGetNamespace(relation));
	PgcNode    *root = pgc_shape_contract(pgc_catalog_name(schema, RelationGetRelationName(relation)),
										  RelationGetRelationName(relation), "1.0.0", "active");
	int			nestlevel = NewGUCNestLevel();

	pgc_compat_restrict_search_path();
	pgc_shape_add_server(root, schema);
	pgc_node_append(pgc_shape_list(root, "schema"), infer_object(relation, schema));
	AtEOXact_GUC(false, nestlevel);
	relation_close(relation, AccessShareLock);
	return root;
}

/* pgc_infer_document is contract.infer(relation). */
Datum
pgc_infer_document(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);

	LockRelationOid(relid, AccessShareLock);
	pgc_dataset_require_possible(relid);
	pgc_privilege_require_some(relid);
	PG_RETURN_TEXT_P(cstring_to_text(pgc_node_write_yaml(pgc_infer(relid))));
}
