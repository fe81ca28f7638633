/*
 * src/lineage/personal.c
 *		Which columns hold personal data: those that are tagged, and those that it was
 *		copied into by direct edges that do not mask.
 *
 * From the tagged columns the edges are followed downstream, breadth first, so that paths
 * are shortest; immediate edges before base ones, which only add what the others do not
 * reach, so that paths name the views on the way.  A tagged column ends a path: somebody
 * has said what it holds.  Historic edges count: a table that is gone has passed on
 * what it held.  Partitions count as the table that they are of.  A column is its number; if it is gone, or is not
 * one of a relation (a file), its node.
 *
 * A backend keeps what it found until something changes that this depends on: whoever
 * changes tags or lineage says so (pgc_lineage_changed), and the relations found are watched themselves.  Only
 * what can be reached is read.
 *
 * Must never raise an error because of what lineage says; a relation that is gone is left out.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/contract.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "engine/rights.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lineage/lineage.h"
#include "lineage/personal.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_derived_pii);

/* A column: of a relation, or a node. */
typedef struct ColumnKey
{
	int64		node;			/* or 0 */
	Oid			relid;			/* or InvalidOid */
	int32		column;
} ColumnKey;

/* A column that holds personal data, or may. */
typedef struct PgcHolder
{
	ColumnKey	key;			/* hash key */
	char	   *name;			/* of a node; NULL: ask for the column's */
	PgcPersonal *data;			/* what it holds; NULL: nothing */
	bool		is_loaded;		/* these are known: */
	List	   *immediate;		/* of PgcHolder *: what it feeds */
	List	   *base;			/* likewise, by edges that are only base */
} PgcHolder;

/* All that is known. */
typedef struct Set
{
	MemoryContext context;
	HTAB	   *holders;		/* of PgcHolder */
	HTAB	   *relations;		/* OIDs of their relations */
	List	   *data;			/* of PgcPersonal *, in the order they were
								 * found */
} Set;

static Set *current = NULL;
static Set *loading = NULL;		/* what is to replace it */
static bool is_valid = false;
static uint64 generation = 0;	/* of current */
static Oid	marker = InvalidOid;	/* see pgc_lineage_changed */

/* forget_relation is told of changed relations. */
static void
forget_relation(Datum arg, Oid relid)
{
	const Set  *set = loading ? loading : current;

	if (!OidIsValid(relid) || relid == marker || set == NULL ||
		hash_search(set->relations, &relid, HASH_FIND, NULL) != NULL)
		is_valid = false;
}

/*
 * pgc_personal_normalize replaces a partition's column by that of the table that it is a
 * partition of; false: there is no such column.
 */
bool
pgc_personal_normalize(Oid *relid, AttrNumber *column)
{
	List	   *ancestors;
	char	   *name;

	if (!get_rel_relispartition(*relid))
		return true;
	name = get_attname(*relid, *column, true);
	ancestors = get_partition_ancestors(*relid);
	if (name == NULL || ancestors == NIL)
		return false;
	*relid = llast_oid(ancestors);
	*column = get_attnum(*relid, name);
	return *column > 0;
}

/* holder_of returns the holder of a column, a new one if need be; NULL if there is no such column. */
static PgcHolder *
holder_of(Set *set, Oid relid, AttrNumber column, int64 node, const char *name)
{
	ColumnKey	key = {.node = node};
	PgcHolder  *holder;
	bool		found;

	if (node == 0)
	{
		if (!pgc_personal_normalize(&relid, &column))
			return NULL;
		key.relid = relid;
		key.column = column;
		hash_search(set->relations, &relid, HASH_ENTER, NULL);
	}
	holder = hash_search(set->holders, &key, HASH_ENTER, &found);
	if (!found)
	{
		memset((char *) holder + sizeof(ColumnKey), 0, sizeof(PgcHolder) - sizeof(ColumnKey));
		holder->name = name ? MemoryContextStrdup(set->context, name) : NULL;
	}
	return holder;
}

/* add notes that a column holds personal data, unless that is known. */
static void
add(Set *set, PgcHolder *holder, const char *category, const char *classification, const PgcPersonal *from)
{
	MemoryContext caller;
	PgcPersonal *personal;

	for (personal = holder->data; personal != NULL; personal = personal->next)
	{
		if (personal->from == NULL ||
			(strcmp(personal->category, category) == 0 &&
			 strcmp(personal->classification ? personal->classification : "", classification ? classification : "") == 0))
			return;
	}
	caller = MemoryContextSwitchTo(set->context);
	personal = palloc(sizeof(PgcPersonal));
	personal->holder = holder;
	personal->category = from ? category : pstrdup(category);
	personal->classification = from || classification == NULL ? classification : pstrdup(classification);
	personal->from = from;
	personal->next = holder->data;
	holder->data = personal;
	set->data = lappend(set->data, personal);
	MemoryContextSwitchTo(caller);
}

/* take_tagged is a PgcRowFunction for a tagged column: relation, number, node, name, category, classification. */
static void
take_tagged(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Set		   *set = arg;
	bool		isnull[3];
	Oid			relid = DatumGetObjectId(heap_getattr(tuple, 1, descriptor, &isnull[0]));
	AttrNumber	column = DatumGetInt16(heap_getattr(tuple, 2, descriptor, &isnull[1]));
	int64		node = DatumGetInt64(heap_getattr(tuple, 3, descriptor, &isnull[2]));
	PgcHolder  *holder = NULL;

	if (!isnull[1])
		holder = holder_of(set, relid, column, 0, NULL);
	else if (!isnull[2])
		holder = holder_of(set, InvalidOid, 0, node, pgc_row_text(tuple, descriptor, 4));
	if (holder != NULL)
		add(set, holder, pgc_row_text(tuple, descriptor, 5), pgc_row_text(tuple, descriptor, 6), NULL);
}

/* Where edges begin that are looked for. */
typedef struct Frontier
{
	Set		   *set;
	List	   *holders;		/* by place, from 1; a partitioned table's
								 * several times */
	List	   *keys;			/* of ColumnKey *, likewise */
} Frontier;

/* take_edge is a PgcRowFunction for an edge: place in the frontier, target, is it immediate? */
static void
take_edge(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Frontier   *frontier = arg;
	MemoryContext caller;
	bool		isnull;
	bool		is_gone;
	PgcHolder  *source = list_nth(frontier->holders,
								  (int) DatumGetInt64(heap_getattr(tuple, 1, descriptor, &isnull)) - 1);
	Oid			relid = DatumGetObjectId(heap_getattr(tuple, 2, descriptor, &is_gone));
	AttrNumber	column = is_gone ? 0 : DatumGetInt16(heap_getattr(tuple, 3, descriptor, &isnull));
	int64		node = is_gone ? DatumGetInt64(heap_getattr(tuple, 4, descriptor, &isnull)) : 0;
	PgcHolder  *target = holder_of(frontier->set, relid, column, node, pgc_row_text(tuple, descriptor, 5));

	if (target == NULL || target == source)
		return;
	caller = MemoryContextSwitchTo(frontier->set->context);
	if (DatumGetBool(heap_getattr(tuple, 6, descriptor, &isnull)))
		source->immediate = lappend(source->immediate, target);
	else
		source->base = lappend(source->base, target);
	MemoryContextSwitchTo(caller);
}

/* extend adds a column to a frontier; a partitioned table's with those of its partitions. */
static void
extend(Frontier *frontier, PgcHolder *holder)
{
	ColumnKey  *key = &holder->key;
	List	   *relids;
	ListCell   *cell;
	char	   *name;

	holder->is_loaded = true;
	frontier->holders = lappend(frontier->holders, holder);
	frontier->keys = lappend(frontier->keys, key);
	if (get_rel_relkind(key->relid) != RELKIND_PARTITIONED_TABLE)
		return;
	name = get_attname(key->relid, key->column, true);
	relids = find_all_inheritors(key->relid, NoLock, NULL);
	for_each_from(cell, relids, 1)
	{
		ColumnKey  *other = palloc0(sizeof(ColumnKey));

		other->relid = lfirst_oid(cell);
		other->column = name ? get_attnum(other->relid, name) : 0;
		frontier->holders = lappend(frontier->holders, holder);
		frontier->keys = lappend(frontier->keys, other);
	}
}

/* set_keys makes three arrays of a frontier's keys: relations, numbers, nodes. */
static void
set_keys(const Frontier *frontier, Datum *arrays)
{
	int			count = list_length(frontier->keys);
	Datum	   *relids = palloc(count * sizeof(Datum));
	Datum	   *columns = palloc(count * sizeof(Datum));
	Datum	   *nodes = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
	{
		const ColumnKey *key = list_nth(frontier->keys, i);

		relids[i] = ObjectIdGetDatum(key->relid);
		columns[i] = Int16GetDatum(key->column);
		nodes[i] = Int64GetDatum(key->node);
	}
	arrays[0] = PointerGetDatum(construct_array(relids, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
	arrays[1] = PointerGetDatum(construct_array(columns, count, INT2OID, sizeof(int16), true, TYPALIGN_SHORT));
	arrays[2] = PointerGetDatum(construct_array(nodes, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* load_edges finds what the columns feed that were found from a place on. */
static void
load_edges(Set *set, int from)
{
	static const char find_edges[] =
	"WITH f AS (SELECT * FROM unnest($1, $2, $3) WITH ORDINALITY f (relid, attnum, node_id, place))"
	" SELECT f.place, d.target_objid, d.target_column, 0::bigint, NULL, d.immediate"
	" FROM f JOIN contract.lineage_definition d ON d.source_relid = f.relid AND d.source_column = f.attnum"
	" WHERE d.target_classid = 'pg_catalog.pg_class'::regclass AND d.target_column > 0 AND NOT d.masking"
	" AND d.subtype IN ('identity', 'transformation', 'aggregation')"
	" UNION ALL"
	" SELECT s.place, b.relid, b.attnum, e.target_id,"
	" CASE WHEN b.relid IS NOT NULL THEN NULL WHEN n.schema_name IS NULL THEN n.table_name"
	" ELSE pg_catalog.format('%I.%I.%I', n.schema_name, n.table_name, n.column_name) END, e.immediate"
	" FROM (SELECT f.place, b.node_id FROM f JOIN contract.lineage_binding b ON b.relid = f.relid AND b.attnum = f.attnum"
	" UNION ALL SELECT f.place, f.node_id FROM f WHERE f.node_id <> 0) s"
	" JOIN contract.lineage_edge e ON e.source_id = s.node_id JOIN contract.lineage_node n ON n.node_id = e.target_id"
	" LEFT JOIN contract.lineage_binding b ON b.node_id = e.target_id"
	" WHERE NOT e.masking AND e.subtype IN ('identity', 'transformation', 'aggregation')"
	" ORDER BY 1, 2, 3, 4";
	const Oid	types[] = {OIDARRAYOID, INT2ARRAYOID, INT8ARRAYOID};
	Frontier	frontier = {.set = set};
	Datum		values[3];
	ListCell   *cell;

	for_each_from(cell, set->data, from)
	{
		PgcHolder  *holder = ((PgcPersonal *) lfirst(cell))->holder;

		if (!holder->is_loaded)
			extend(&frontier, holder);
	}
	set_keys(&frontier, values);
	pgc_catalog_query(find_edges, 3, types, values, NULL, take_edge, &frontier);
}

/* pass_on has columns hold what another one does that feeds them. */
static void
pass_on(Set *set, const PgcPersonal *personal, const List *targets)
{
	ListCell   *cell;

	foreach(cell, targets)
		add(set, lfirst(cell), personal->category, personal->classification, personal);
}

/* follow finds all columns that personal data was copied into. */
static void
follow(Set *set)
{
	int			immediate = 0;	/* so many have been passed on by immediate
								 * edges */
	int			base = 0;		/* and by others, too */

	for (;;)
	{
		PgcPersonal *personal;

		CHECK_FOR_INTERRUPTS();
		if (immediate < list_length(set->data))
		{
			personal = list_nth(set->data, immediate);
			if (!personal->holder->is_loaded)
				load_edges(set, immediate);
			pass_on(set, personal, personal->holder->immediate);
			immediate++;
		}
		else if (base < list_length(set->data))
		{
			personal = list_nth(set->data, base++);
			pass_on(set, personal, personal->holder->base);
		}
		else
			return;
	}
}

/* is_nothing_tagged: is nothing known of any column?  This is all that it costs who does not use it. */
static bool
is_nothing_tagged(void)
{
	Relation	annotations = table_open(marker, AccessShareLock);
	BlockNumber blocks = RelationGetNumberOfBlocks(annotations);

	table_close(annotations, AccessShareLock);
	return blocks == 0;
}

/* make_set makes an empty set with a context of its own. */
static Set *
make_set(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract personal data", ALLOCSET_SMALL_SIZES);
	const HASHCTL holders = {.keysize = sizeof(ColumnKey),.entrysize = sizeof(PgcHolder),.hcxt = context};
	const HASHCTL relations = {.keysize = sizeof(Oid),.entrysize = sizeof(Oid),.hcxt = context};
	Set		   *set = MemoryContextAllocZero(context, sizeof(Set));

	set->context = context;
	set->holders = hash_create("pg_contract personal columns", 64, &holders, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	set->relations = hash_create("pg_contract personal relations", 32, &relations, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return set;
}

/* load fills a set that is empty. */
static void
load(Set *set)
{
	if (is_nothing_tagged())
		return;
	pgc_catalog_query("SELECT r.relid, a.attnum, n.node_id,"
					  " d.name || '.' || pg_catalog.quote_ident(c.column_name), c.pii_category, c.classification"
					  " FROM contract.column_annotation c JOIN contract.dataset d USING (dataset_id)"
					  " LEFT JOIN contract.binding b USING (dataset_id)"
					  " CROSS JOIN LATERAL (SELECT COALESCE((SELECT p.oid FROM pg_catalog.pg_class p WHERE p.oid = b.relid),"
					  " pg_catalog.to_regclass(d.name)::oid) AS relid) r"
					  " LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = r.relid AND a.attname = c.column_name"
					  " LEFT JOIN contract.lineage_node n ON a.attnum IS NULL AND n.place = 'relation'"
					  " AND n.table_name = d.table_name::text AND n.schema_name = d.schema_name::text"
					  " AND n.column_name = c.column_name::text"
					  " WHERE c.pii_category IS NOT NULL ORDER BY d.name, c.column_name",
					  0, NULL, NULL, NULL, take_tagged, set);
	if (set->data != NIL)
		follow(set);
}

/* reload replaces what is known by what is true now. */
static void
reload(void)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "pg_contract personal data being read",
												  ALLOCSET_DEFAULT_SIZES);
	Set		   *set = make_set();

	loading = set;
	is_valid = true;			/* a change from here on counts */
	MemoryContextSwitchTo(scratch);
	PG_TRY();
	{
		load(set);
	}
	PG_CATCH();
	{
		is_valid = false;
		loading = NULL;
		PG_RE_THROW();
	}
	PG_END_TRY();
	loading = NULL;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	if (current != NULL)
		MemoryContextDelete(current->context);
	MemoryContextSetParent(set->context, CacheMemoryContext);
	current = set;
	generation++;
}

/* pgc_personal_is_current: is what is known true? */
bool
pgc_personal_is_current(void)
{
	AcceptInvalidationMessages();
	return is_valid;
}

/* pgc_personal_generation returns a number, not 0, that changes with what is known. */
uint64
pgc_personal_generation(void)
{
	return generation;
}

/*
 * pgc_personal_refresh makes sure that what is known is true; false: there is no column with
 * personal data.  The extension must exist.
 */
bool
pgc_personal_refresh(void)
{
	static bool is_registered = false;

	if (!is_registered)
	{
		CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
		is_registered = true;
	}
	if (!pgc_personal_is_current())
	{
		marker = pgc_lineage_marker();
		reload();
	}
	return current->data != NIL;
}

/* pgc_personal_try_refresh does the same, but what goes wrong is logged, once a session; then false. */
bool
pgc_personal_try_refresh(void)
{
	static bool is_told = false;
	volatile bool result = false;
	PgcAttempt	attempt;

	if (pgc_personal_is_current())
		return current->data != NIL;
	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		result = pgc_personal_refresh();
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		char	   *message = pgc_attempt_fail(&attempt);

		if (!is_told)
			ereport(LOG,
					(errmsg("pg_contract could not find out which columns hold personal data: %s", message)));
		is_told = true;
	}
	PG_END_TRY();
	return result;
}

/*
 * pgc_personal_is_in: does a relation hold personal data, as far as can be found out?  For those who ask often:
 * invalidations are not looked for.
 */
bool
pgc_personal_is_in(Oid relid)
{
	if (!is_valid && (IsInParallelMode() || !pgc_personal_try_refresh()))
		return false;
	if (current->data == NIL)
		return false;
	if (get_rel_relispartition(relid))
	{
		List	   *ancestors = get_partition_ancestors(relid);

		relid = ancestors == NIL ? relid : llast_oid(ancestors);
	}
	return hash_search(current->relations, &relid, HASH_FIND, NULL) != NULL;
}

/*
 * pgc_personal_stored is called when lineage was stored that was not there: if it takes personal data anywhere, every
 * backend finds out anew what holds it.
 */
void
pgc_personal_stored(const PgcLineage *lineage)
{
	if (!pgc_personal_refresh())
		return;
	for (int i = 0; i < lineage->nedges; i++)
	{
		const PgcEdge *edge = &lineage->edges[i];
		const PgcLineageNode *source = &lineage->nodes[edge->source];

		if (!PGC_IS_DIRECT(edge->subtype) || edge->masking)
			continue;
		/* a file may be one that something was copied to */
		if (source->place == PGC_FILE ||
			(source->place == PGC_RELATION && pgc_personal_find(source->oid, edge->source_column) != NULL))
		{
			pgc_lineage_changed();
			return;
		}
	}
}

/* pgc_personal_find returns what a column holds, or NULL. */
const PgcPersonal *
pgc_personal_find(Oid relid, AttrNumber column)
{
	ColumnKey	key = {0};
	PgcHolder  *holder;

	if (!pgc_personal_normalize(&relid, &column))
		return NULL;
	key.relid = relid;
	key.column = column;
	holder = hash_search(current->holders, &key, HASH_FIND, NULL);
	return holder ? holder->data : NULL;
}

/* name_of returns a column's name with those of its relation and schema (palloc'd), or NULL if it is gone. */
static char *
name_of(const PgcHolder *holder)
{
	const char *relation = get_rel_name(holder->key.relid);
	const char *schema = get_namespace_name(get_rel_namespace(holder->key.relid));
	const char *column = get_attname(holder->key.relid, holder->key.column, true);

	if (holder->name != NULL)
		return pstrdup(holder->name);
	if (relation == NULL || schema == NULL || column == NULL)
		return NULL;
	return psprintf("%s.%s", pgc_catalog_name(schema, relation), quote_identifier(column));
}

/* pgc_personal_path returns the columns (char *) through which it came, from the tagged one on. */
List *
pgc_personal_path(const PgcPersonal *personal)
{
	List	   *path = NIL;

	for (; personal != NULL; personal = personal->from)
	{
		char	   *name = name_of(personal->holder);

		if (name != NULL)
			path = lcons(name, path);
	}
	return path;
}

/* is_readable: may the caller select some column of a relation? */
static bool
is_readable(Oid relid)
{
	bool		is_missing = false;

	return pg_class_aclcheck_ext(relid, GetUserId(), ACL_SELECT, &is_missing) == ACLCHECK_OK ||
		(!is_missing && pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK);
}

/* put_derived adds a row to the result of contract.derived_pii. */
static void
put_derived(ReturnSetInfo *result, const PgcPersonal *personal)
{
	const ColumnKey *key = &personal->holder->key;
	const char *column = get_attname(key->relid, key->column, true);
	const char *schema = get_namespace_name(get_rel_namespace(key->relid));
	Datum		values[6];
	bool		nulls[6] = {false};
	NameData	name;

	if (column == NULL || schema == NULL)
		return;
	namestrcpy(&name, column);
	values[0] = ObjectIdGetDatum(key->relid);
	values[1] = CStringGetTextDatum(pgc_catalog_name(schema, get_rel_name(key->relid)));
	values[2] = NameGetDatum(&name);
	values[3] = CStringGetTextDatum(personal->category);
	nulls[4] = personal->classification == NULL;
	values[4] = nulls[4] ? (Datum) 0 : CStringGetTextDatum(personal->classification);
	values[5] = pgc_text_array(pgc_personal_path(personal));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * pgc_derived_pii is contract.derived_pii(): columns of relations that the caller may select
 * from, with what they hold though they are not tagged.
 */
Datum
pgc_derived_pii(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	if (!pgc_personal_refresh())
		return (Datum) 0;
	foreach(cell, current->data)
	{
		const PgcPersonal *personal = lfirst(cell);
		Oid			relid = personal->holder->key.relid;

		if (personal->from != NULL && OidIsValid(relid) && is_readable(relid))
			put_derived(result, personal);
	}
	return (Datum) 0;
}
