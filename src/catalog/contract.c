/*
 * src/catalog/contract.c
 *		Reading contracts: by dataset, by relation, by name.
 *
 * Scans use the catalog snapshot, so that a transaction at REPEATABLE READ
 * that began before a rule was committed is judged by it all the same.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/contract.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "catalog/tables.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

/* Positions of the columns that are read here, from 0. */
enum
{
	DATASET_ID, DATASET_SCHEMA, DATASET_TABLE, DATASET_NAME, DATASET_CONTRACT,
	DATASET_DESCRIPTION, DATASET_WRITE_PATH, DATASET_ON_APPLY, DATASET_DOCUMENTED, DATASET_AUTHOR,
	DATASET_NCOLUMNS
};
enum
{
	RULE_ID, RULE_DATASET, RULE_NAME, RULE_KIND, RULE_COLUMNS, RULE_PARAMETERS, RULE_FILTER,
	RULE_SEVERITY, RULE_ACTION, RULE_TOLERANCE, RULE_DESCRIPTION, RULE_SOURCE,
	RULE_SCHEDULE, RULE_RUNBOOK, RULE_NCOLUMNS
};
enum
{
	BINDING_DATASET, BINDING_RELID, BINDING_ATTNUMS, BINDING_ATTNAMES, BINDING_NCOLUMNS
};
enum
{
	ANNOTATION_DATASET, ANNOTATION_COLUMN, ANNOTATION_DESCRIPTION, ANNOTATION_CLASSIFICATION,
	ANNOTATION_PII, ANNOTATION_TAGS, ANNOTATION_DOCUMENTED, ANNOTATION_NCOLUMNS
};
enum
{
	CONTRACT_ID, CONTRACT_VERSION, CONTRACT_STATUS, CONTRACT_OWNER, CONTRACT_DESCRIPTION,
	CONTRACT_CREATED_AT, CONTRACT_CHANGED_AT, CONTRACT_DOCUMENTED, CONTRACT_NCOLUMNS
};

/* A scan of one of our tables by an index on (at least) one column. */
typedef struct TableScan
{
	Relation	relation;
	SysScanDesc scan;
	int			ncolumns;
	Datum	   *values;
	bool	   *nulls;
} TableScan;

/* scan_begin opens a scan; attno 0 means the whole table. */
static TableScan
scan_begin(const char *table, const char *index, int attno, RegProcedure equal, Datum value)
{
	TableScan	scan;
	ScanKeyData key;
	Oid			relid = pgc_table_oid(table);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table contract.%s is missing", table),
				 errhint("Run CREATE EXTENSION pg_contract.")));
	scan.relation = table_open(relid, AccessShareLock);
	scan.ncolumns = RelationGetNumberOfAttributes(scan.relation);
	scan.values = palloc(scan.ncolumns * sizeof(Datum));
	scan.nulls = palloc(scan.ncolumns * sizeof(bool));
	if (attno > 0)
		ScanKeyInit(&key, attno, BTEqualStrategyNumber, equal, value);
	scan.scan = systable_beginscan(scan.relation, index ? pgc_table_oid(index) : InvalidOid,
								   index != NULL, NULL, attno > 0 ? 1 : 0, &key);
	return scan;
}

/* scan_by_id opens a scan by an index whose first column is a dataset's id. */
static TableScan
scan_by_id(const char *table, const char *index, int attno, int32 dataset_id)
{
	return scan_begin(table, index, attno, F_INT4EQ, Int32GetDatum(dataset_id));
}

/* scan_next fills scan->values, or returns false at the end. */
static bool
scan_next(TableScan *scan)
{
	HeapTuple	tuple = systable_getnext(scan->scan);

	if (!HeapTupleIsValid(tuple))
		return false;
	heap_deform_tuple(tuple, RelationGetDescr(scan->relation), scan->values, scan->nulls);
	return true;
}

static void
scan_end(TableScan *scan)
{
	systable_endscan(scan->scan);
	table_close(scan->relation, AccessShareLock);
}

/* text_at returns a column's text (palloc'd), or NULL. */
static char *
text_at(const TableScan *scan, int column)
{
	return scan->nulls[column] ? NULL : TextDatumGetCString(scan->values[column]);
}

/* texts_at returns the elements of a column's text[] (char *); NIL if it is null. */
static List *
texts_at(const TableScan *scan, int column)
{
	List	   *result = NIL;
	char	  **texts;
	int			count;

	if (scan->nulls[column])
		return NIL;
	texts = pgc_array_texts(scan->values[column], &count);
	for (int i = 0; i < count; i++)
		result = lappend(result, texts[i]);
	return result;
}

static void
name_at(const TableScan *scan, int column, NameData *result)
{
	memcpy(result, DatumGetName(scan->values[column]), NAMEDATALEN);
}

/* read_rule fills a rule from the scan's row. */
static void
read_rule(const TableScan *scan, PgcStoredRule *rule)
{
	char	   *action = text_at(scan, RULE_ACTION);

	rule->id = DatumGetInt64(scan->values[RULE_ID]);
	rule->spec.name = text_at(scan, RULE_NAME);
	rule->spec.kind = text_at(scan, RULE_KIND);
	rule->spec.columns = pgc_array_names(scan->values[RULE_COLUMNS], &rule->spec.ncolumns);
	rule->spec.parameters = DatumGetJsonbPCopy(scan->values[RULE_PARAMETERS]);
	rule->spec.filter = text_at(scan, RULE_FILTER);
	rule->spec.action = pgc_action_parse(action);
	rule->severity = text_at(scan, RULE_SEVERITY);
	rule->tolerance = DatumGetFloat8(DirectFunctionCall1(numeric_float8, scan->values[RULE_TOLERANCE]));
	rule->description = text_at(scan, RULE_DESCRIPTION);
	rule->schedule = text_at(scan, RULE_SCHEDULE);
	rule->runbook = text_at(scan, RULE_RUNBOOK);
	rule->from_document = strcmp(text_at(scan, RULE_SOURCE), "document") == 0;
}

static int
order_rules(const void *a, const void *b)
{
	int64		left = ((const PgcStoredRule *) a)->id;
	int64		right = ((const PgcStoredRule *) b)->id;

	return left < right ? -1 : left > right;
}

/* load_rules reads a dataset's rules in the order they were made. */
static void
load_rules(PgcContract *contract)
{
	TableScan	scan = scan_by_id("rule", "rule_dataset_id_name_key", RULE_DATASET + 1,
								  contract->dataset_id);
	int			room = 16;

	contract->rules = palloc(room * sizeof(PgcStoredRule));
	while (scan_next(&scan))
	{
		if (contract->nrules == room)
		{
			room *= 2;
			contract->rules = repalloc(contract->rules, room * sizeof(PgcStoredRule));
		}
		read_rule(&scan, &contract->rules[contract->nrules++]);
	}
	scan_end(&scan);
	qsort(contract->rules, contract->nrules, sizeof(PgcStoredRule), order_rules);
}

/* load_annotations reads what is known of columns, and which hold personal data. */
static void
load_annotations(PgcContract *contract)
{
	TableScan	scan = scan_by_id("column_annotation", "column_annotation_pkey",
								  ANNOTATION_DATASET + 1, contract->dataset_id);

	while (scan_next(&scan))
	{
		PgcAnnotation *annotation = palloc(sizeof(PgcAnnotation));

		name_at(&scan, ANNOTATION_COLUMN, &annotation->column);
		annotation->description = text_at(&scan, ANNOTATION_DESCRIPTION);
		annotation->classification = text_at(&scan, ANNOTATION_CLASSIFICATION);
		annotation->pii_category = text_at(&scan, ANNOTATION_PII);
		annotation->tags = texts_at(&scan, ANNOTATION_TAGS);
		annotation->documented = texts_at(&scan, ANNOTATION_DOCUMENTED);
		contract->annotations = lappend(contract->annotations, annotation);
		if (annotation->pii_category != NULL)
			contract->pii = lappend(contract->pii, NameStr(annotation->column));
	}
	scan_end(&scan);
}

/* load_agreement reads what is said of the dataset's contract; false: it does not exist. */
static bool
load_agreement(PgcContract *contract)
{
	TableScan	scan = scan_begin("contract", "contract_pkey", CONTRACT_ID + 1, F_TEXTEQ,
								  CStringGetTextDatum(contract->contract_id));
	bool		found = scan_next(&scan);

	if (found)
	{
		contract->version = text_at(&scan, CONTRACT_VERSION);
		contract->status = text_at(&scan, CONTRACT_STATUS);
		contract->owner = text_at(&scan, CONTRACT_OWNER);
		contract->contract_description = text_at(&scan, CONTRACT_DESCRIPTION);
		contract->contract_documented = texts_at(&scan, CONTRACT_DOCUMENTED);
	}
	scan_end(&scan);
	return found;
}

/*
 * pgc_contract_agreement returns what is said of a contract, whatever its
 * datasets (their fields are empty); NULL if there is no such contract.
 */
PgcContract *
pgc_contract_agreement(const char *contract_id)
{
	PgcContract *contract = palloc0(sizeof(PgcContract));

	contract->contract_id = pstrdup(contract_id);
	return load_agreement(contract) ? contract : NULL;
}

/* exists: is there still a relation of this OID? */
static bool
exists(Oid relid)
{
	return SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid));
}

/* read_binding returns the relation that a dataset is bound to, or InvalidOid. */
static Oid
read_binding(int32 dataset_id)
{
	TableScan	scan = scan_by_id("binding", "binding_pkey", BINDING_DATASET + 1, dataset_id);
	Oid			relid = InvalidOid;

	if (scan_next(&scan) && !scan.nulls[BINDING_RELID])
		relid = DatumGetObjectId(scan.values[BINDING_RELID]);
	scan_end(&scan);
	return OidIsValid(relid) && exists(relid) ? relid : InvalidOid;
}

/*
 * pgc_contract_named returns the relation under a name, if it is of a kind that
 * can have a contract; else InvalidOid.
 */
Oid
pgc_contract_named(const NameData *schema_name, const NameData *table_name)
{
	Oid			schema = get_namespace_oid(NameStr(*schema_name), true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid(NameStr(*table_name), schema) : InvalidOid;

	if (!OidIsValid(relid) || get_rel_persistence(relid) == RELPERSISTENCE_TEMP)
		return InvalidOid;
	switch (get_rel_relkind(relid))
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
			return relid;
		default:
			return InvalidOid;
	}
}

/* owner_of returns the owner of a relation, or InvalidOid. */
static Oid
owner_of(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/*
 * pgc_contract_suits: may what the author of a dataset wrote take effect on a
 * relation that it is not bound to?  Expressions run with the rights of the
 * relation's owner: so if the author has them, or is no role any more, or the
 * relation bears the dataset's triggers, which nobody can have made against the
 * owner's will (after a restore for other owners).
 */
bool
pgc_contract_suits(int32 dataset_id, const NameData *author, Oid relid)
{
	Oid			role = get_role_oid(NameStr(*author), true);

	return !OidIsValid(role) || has_privs_of_role(role, owner_of(relid)) ||
		pgc_binding_is_marked(dataset_id, relid);
}

/* pgc_contract_owner_name returns the name of a relation's owner (palloc'd). */
char *
pgc_contract_owner_name(Oid relid)
{
	return GetUserNameFromId(owner_of(relid), false);
}

/*
 * pgc_contract_relation returns the relation that a dataset is about: the one
 * it is bound to, else (after a restore) the one of its name, if its author
 * suits that; or InvalidOid.
 */
Oid
pgc_contract_relation(int32 dataset_id)
{
	Oid			relid = read_binding(dataset_id);
	TableScan	scan;

	if (OidIsValid(relid))
		return relid;
	scan = scan_by_id("dataset", "dataset_pkey", DATASET_ID + 1, dataset_id);
	if (scan_next(&scan))
		relid = pgc_contract_named(DatumGetName(scan.values[DATASET_SCHEMA]),
								   DatumGetName(scan.values[DATASET_TABLE]));
	if (OidIsValid(relid) && !pgc_contract_suits(dataset_id, DatumGetName(scan.values[DATASET_AUTHOR]), relid))
		relid = InvalidOid;
	scan_end(&scan);
	return relid;
}

/*
 * pgc_contract_load returns what is said of a dataset, in the current context;
 * NULL if there is none of this id.
 */
PgcContract *
pgc_contract_load(int32 dataset_id)
{
	TableScan	scan = scan_by_id("dataset", "dataset_pkey", DATASET_ID + 1, dataset_id);
	PgcContract *contract = NULL;

	if (scan_next(&scan))
	{
		contract = palloc0(sizeof(PgcContract));
		contract->dataset_id = dataset_id;
		name_at(&scan, DATASET_SCHEMA, &contract->schema_name);
		name_at(&scan, DATASET_TABLE, &contract->table_name);
		contract->name = text_at(&scan, DATASET_NAME);
		contract->contract_id = text_at(&scan, DATASET_CONTRACT);
		contract->oltp = strcmp(text_at(&scan, DATASET_WRITE_PATH), "oltp") == 0;
		contract->warn_on_apply = strcmp(text_at(&scan, DATASET_ON_APPLY), "warn") == 0;
		contract->description = text_at(&scan, DATASET_DESCRIPTION);
		contract->in_document = !scan.nulls[DATASET_DOCUMENTED];
		contract->documented = texts_at(&scan, DATASET_DOCUMENTED);
		name_at(&scan, DATASET_AUTHOR, &contract->author);
	}
	scan_end(&scan);
	if (contract == NULL)
		return NULL;

	contract->relid = pgc_contract_relation(dataset_id);
	load_agreement(contract);
	load_rules(contract);
	load_annotations(contract);
	return contract;
}

/* read_binding_row adds to a dataset what it is bound to. */
static void
read_binding_row(PgcBound *bound, const TableScan *scan)
{
	Datum	   *numbers;
	char	  **names;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(scan->values[BINDING_ATTNUMS]), INT2OID, sizeof(int16),
					  true, TYPALIGN_SHORT, &numbers, NULL, &bound->ncolumns);
	names = pgc_array_names(scan->values[BINDING_ATTNAMES], &count);
	bound->attnums = palloc(Max(count, 1) * sizeof(int16));
	bound->attnames = palloc(Max(count, 1) * sizeof(NameData));
	for (int i = 0; i < count; i++)
	{
		bound->attnums[i] = DatumGetInt16(numbers[i]);
		namestrcpy(&bound->attnames[i], names[i]);
	}
	if (!scan->nulls[BINDING_RELID])
		bound->relid = bound->last = DatumGetObjectId(scan->values[BINDING_RELID]);
	if (!exists(bound->relid))
		bound->relid = InvalidOid;
}

static int
order_bound(const ListCell *left, const ListCell *right)
{
	int32		left_id = ((PgcBound *) lfirst(left))->dataset_id;
	int32		right_id = ((PgcBound *) lfirst(right))->dataset_id;

	return left_id < right_id ? -1 : left_id > right_id;
}

/* find_bound returns the dataset of an id in a list that is sorted by id, or NULL. */
static PgcBound *
find_bound(const List *sorted, int32 dataset_id)
{
	int			low = 0;
	int			high = list_length(sorted);

	while (low < high)
	{
		int			middle = (low + high) / 2;
		PgcBound   *bound = list_nth(sorted, middle);

		if (bound->dataset_id == dataset_id)
			return bound;
		if (bound->dataset_id < dataset_id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/*
 * attach_bindings adds to datasets, sorted by id, what they are bound to: in one
 * scan, since DDL does this for each command.
 */
static void
attach_bindings(const List *sorted)
{
	TableScan	scan = scan_begin("binding", NULL, 0, InvalidOid, 0);

	while (scan_next(&scan))
	{
		PgcBound   *bound = find_bound(sorted, DatumGetInt32(scan.values[BINDING_DATASET]));

		if (bound != NULL)
			read_binding_row(bound, &scan);
	}
	scan_end(&scan);
}

/* pgc_contract_datasets returns the ids of the datasets of a contract. */
List *
pgc_contract_datasets(const char *contract_id)
{
	TableScan	scan = scan_begin("dataset", NULL, 0, InvalidOid, 0);
	List	   *result = NIL;

	while (scan_next(&scan))
	{
		if (strcmp(text_at(&scan, DATASET_CONTRACT), contract_id) == 0)
			result = lappend_int(result, DatumGetInt32(scan.values[DATASET_ID]));
	}
	scan_end(&scan);
	return result;
}

/* pgc_contract_list returns all datasets as a list of PgcBound, by id. */
List *
pgc_contract_list(void)
{
	TableScan	scan = scan_begin("dataset", NULL, 0, InvalidOid, 0);
	List	   *result = NIL;

	while (scan_next(&scan))
	{
		PgcBound   *bound = palloc0(sizeof(PgcBound));

		bound->dataset_id = DatumGetInt32(scan.values[DATASET_ID]);
		name_at(&scan, DATASET_SCHEMA, &bound->schema_name);
		name_at(&scan, DATASET_TABLE, &bound->table_name);
		name_at(&scan, DATASET_AUTHOR, &bound->author);
		result = lappend(result, bound);
	}
	scan_end(&scan);
	list_sort(result, order_bound);
	attach_bindings(result);
	return result;
}

/* pgc_contract_of_name returns the dataset of that schema and table, or 0. */
int32
pgc_contract_of_name(const char *schema, const char *table)
{
	TableScan	scan = scan_begin("dataset", "dataset_schema_name_table_name_key",
								  DATASET_SCHEMA + 1, F_NAMEEQ,
								  CStringGetDatum(schema));
	int32		result = 0;

	while (result == 0 && scan_next(&scan))
	{
		if (namestrcmp(DatumGetName(scan.values[DATASET_TABLE]), table) == 0)
			result = DatumGetInt32(scan.values[DATASET_ID]);
	}
	scan_end(&scan);
	return result;
}

/* is_suited: may a dataset that is not bound take effect on a relation of its name? */
static bool
is_suited(int32 dataset_id, Oid relid)
{
	TableScan	scan = scan_by_id("dataset", "dataset_pkey", DATASET_ID + 1, dataset_id);
	bool		result = scan_next(&scan) &&
	pgc_contract_suits(dataset_id, DatumGetName(scan.values[DATASET_AUTHOR]), relid);

	scan_end(&scan);
	return result;
}

/* unbound_of_name returns the dataset of a relation's name that is bound to none, or 0. */
static int32
unbound_of_name(Oid relid)
{
	char	   *schema = get_namespace_name(get_rel_namespace(relid));
	int32		result = schema ? pgc_contract_of_name(schema, get_rel_name(relid)) : 0;

	/* the name's own dataset may be bound elsewhere until commit */
	return result != 0 && OidIsValid(read_binding(result)) ? 0 : result;
}

/* pgc_contract_waiting returns the dataset that waits for its author's or the owner's word, or 0. */
int32
pgc_contract_waiting(Oid relid)
{
	int32		result = unbound_of_name(relid);

	return result != 0 && is_suited(result, relid) ? 0 : result;
}

/* pgc_contract_of_relation returns the dataset of a relation, or 0. */
int32
pgc_contract_of_relation(Oid relid)
{
	TableScan	scan = scan_begin("binding", "binding_relid_key", BINDING_RELID + 1, F_OIDEQ,
								  ObjectIdGetDatum(relid));
	int32		result = 0;

	if (scan_next(&scan))
		result = DatumGetInt32(scan.values[BINDING_DATASET]);
	scan_end(&scan);
	if (result != 0)
		return result;
	result = unbound_of_name(relid);
	return result != 0 && is_suited(result, relid) ? result : 0;
}

/* pgc_contract_of_held returns the dataset of a quarantined row, or 0. */
int32
pgc_contract_of_held(int64 id)
{
	TableScan	scan = scan_begin("quarantine", "quarantine_pkey", 1, F_INT8EQ,
								  Int64GetDatum(id));
	int32		result = 0;

	if (scan_next(&scan))
		result = DatumGetInt32(scan.values[1]);
	scan_end(&scan);
	return result;
}

/* is_table_name: can this be the name of a table, perhaps with its schema? */
static bool
is_table_name(const char *name)
{
	List	   *parts;

	return SplitIdentifierString(pstrdup(name), '.', &parts) && list_length(parts) <= 2 && parts != NIL;
}

/*
 * pgc_contract_find returns the dataset of a name as a user writes it: a
 * relation that is there, found as SQL finds it, or the stored name of one
 * that is gone.  Raises if there is none, or returns 0 if missing_ok.
 */
int32
pgc_contract_find(const char *name, bool missing_ok)
{
	RangeVar   *relation;
	Oid			relid;
	int32		result = 0;

	if (missing_ok && !is_table_name(name))
		return 0;
	relation = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(name)));
	relid = RangeVarGetRelid(relation, NoLock, true);
	if (OidIsValid(relid))
		result = pgc_contract_of_relation(relid);
	if (result == 0 && relation->schemaname != NULL)
		result = pgc_contract_of_name(relation->schemaname, relation->relname);
	else if (result == 0)
	{
		ListCell   *cell;

		foreach(cell, fetch_search_path(false))
		{
			char	   *schema = get_namespace_name(lfirst_oid(cell));

			if (schema != NULL && (result = pgc_contract_of_name(schema, relation->relname)) != 0)
				break;
		}
	}
	if (result == 0 && !missing_ok)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 OidIsValid(relid) ?
				 errmsg("relation \"%s\" has no contract", name) :
				 errmsg("there is no dataset \"%s\"", name),
				 errhint("Put a table under contract with contract.describe or a rule function; contract.scorecard lists the datasets.")));
	return result;
}

/* pgc_contract_require returns the contract of a relation, or raises. */
PgcContract *
pgc_contract_require(Oid relid)
{
	int32		dataset_id = pgc_contract_of_relation(relid);

	if (dataset_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("relation \"%s\" has no contract", get_rel_name(relid)),
				 errhint("Put it under contract with contract.describe or a rule function.")));
	return pgc_contract_load(dataset_id);
}

/*
 * pgc_contract_specs returns the rules of at least an action as an array for
 * the engine; *origin (unless NULL) maps them to contract->rules.
 */
PgcRuleSpec *
pgc_contract_specs(const PgcContract *contract, PgcAction weakest, int *nspecs, int **origin)
{
	PgcRuleSpec *specs = palloc(Max(contract->nrules, 1) * sizeof(PgcRuleSpec));

	if (origin != NULL)
		*origin = palloc(Max(contract->nrules, 1) * sizeof(int));
	*nspecs = 0;
	for (int i = 0; i < contract->nrules; i++)
	{
		if (contract->rules[i].spec.action < weakest)
			continue;
		if (origin != NULL)
			(*origin)[*nspecs] = i;
		specs[(*nspecs)++] = contract->rules[i].spec;
	}
	return specs;
}

/* pgc_layout_of returns the live columns of a relation, in their order. */
PgcLayout *
pgc_layout_of(Relation relation)
{
	TupleDesc	descriptor = RelationGetDescr(relation);
	PgcLayout  *layout = palloc(sizeof(PgcLayout));

	layout->relation = pstrdup(RelationGetRelationName(relation));
	layout->any_qualifier = false;
	layout->owner = layout->author = relation->rd_rel->relowner;
	layout->ncolumns = 0;
	layout->columns = palloc(Max(descriptor->natts, 1) * sizeof(PgcColumn));
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		PgcColumn  *column;

		if (attribute->attisdropped)
			continue;
		column = &layout->columns[layout->ncolumns++];
		column->name = attribute->attname;
		column->type = attribute->atttypid;
		column->typmod = attribute->atttypmod;
		column->collation = attribute->attcollation;
		column->generated = attribute->attgenerated;
		column->attno = attribute->attnum;
	}
	return layout;
}
