/*
 * src/watch/root_cause.c
 *		Which dataset upstream an open incident comes from.
 *
 * The root cause is the furthest dataset upstream that has an open incident, too, by the
 * number of steps from table to table on the shortest way; of several the one whose
 * incident was opened first.  Whatever a column feeds (values, conditions) makes a step, in
 * definitions and in statements that were seen, also from tables that are gone since.  Tables go by their names: lineage
 * follows renames, as datasets do.
 *
 * The tables upstream of all open incidents are read once, level by level, and then walked from each
 * incident: loops end where the walk has been, and MAX_STEPS bounds both.  Of two tables that feed each other neither is
 * the other's root cause.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/contract.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/json.h"
#include "utils/numeric.h"
#include "watch/incident.h"

/* An incident is traced so many tables upstream. */
#define MAX_STEPS 20

typedef struct TableKey
{
	NameData	schema_name;
	NameData	table_name;
} TableKey;

/* A table upstream of an incident. */
typedef struct Table
{
	TableKey	key;			/* hash key */
	bool		is_loaded;		/* sources is known */
	List	   *sources;		/* of Table * that feed it */
	List	   *targets;		/* of Table * that it feeds, as far as known */
	int64		incident_id;	/* that is open, or 0 */
	int32		dataset_id;
	TimestampTz opened_at;
	Jsonb	   *root_cause;		/* that its incident has, or NULL */

	/* of the walk that came here last */
	int64		visited_by;		/* the incident */
	int			depth;
	struct Table *from;			/* one step downstream */
	int64		fed_by;			/* an incident whose table feeds this one */
} Table;

typedef struct Upstream
{
	HTAB	   *tables;
	List	   *open;			/* of Table *: those with an incident */
} Upstream;

/* table_of returns the table of a name in two columns of a row. */
static Table *
table_of(Upstream *upstream, HeapTuple tuple, TupleDesc descriptor, int column)
{
	TableKey	key = {0};
	Table	   *table;
	bool		found;
	bool		isnull;

	namestrcpy(&key.schema_name, NameStr(*DatumGetName(heap_getattr(tuple, column, descriptor, &isnull))));
	namestrcpy(&key.table_name, NameStr(*DatumGetName(heap_getattr(tuple, column + 1, descriptor, &isnull))));
	table = hash_search(upstream->tables, &key, HASH_ENTER, &found);
	if (!found)
		memset((char *) table + sizeof(TableKey), 0, sizeof(Table) - sizeof(TableKey));
	return table;
}

/* take_open is a PgcRowFunction for a dataset with an open incident. */
static void
take_open(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Upstream   *upstream = arg;
	Table	   *table = table_of(upstream, tuple, descriptor, 1);
	bool		isnull;
	Datum		value;

	table->dataset_id = DatumGetInt32(heap_getattr(tuple, 3, descriptor, &isnull));
	table->incident_id = DatumGetInt64(heap_getattr(tuple, 4, descriptor, &isnull));
	table->opened_at = DatumGetTimestampTz(heap_getattr(tuple, 5, descriptor, &isnull));
	value = heap_getattr(tuple, 6, descriptor, &isnull);
	table->root_cause = isnull ? NULL : DatumGetJsonbPCopy(value);
	upstream->open = lappend(upstream->open, table);
}

/* take_step is a PgcRowFunction for a table and one that feeds it. */
static void
take_step(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Table	   *table = table_of(arg, tuple, descriptor, 1);
	Table	   *source = table_of(arg, tuple, descriptor, 3);

	if (source == table)
		return;
	table->sources = lappend(table->sources, source);
	source->targets = lappend(source->targets, table);
}

/* load_sources finds what feeds those of some tables of which that is not known; returns what it found. */
static List *
load_sources(Upstream *upstream, const List *tables)
{
	static const char find_sources[] =
	"WITH f AS (SELECT * FROM unnest($1, $2) f (schema_name, table_name))"
	" SELECT f.schema_name, f.table_name, sn.nspname, sc.relname"
	" FROM f JOIN pg_catalog.pg_namespace n ON n.nspname = f.schema_name"
	" JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = f.table_name"
	" JOIN contract.lineage_definition d ON d.target_objid = c.oid AND d.target_classid = 'pg_catalog.pg_class'::regclass"
	" JOIN pg_catalog.pg_class sc ON sc.oid = d.source_relid JOIN pg_catalog.pg_namespace sn ON sn.oid = sc.relnamespace"
	" UNION"
	" SELECT f.schema_name, f.table_name, s.schema_name::name, s.table_name::name"
	" FROM f JOIN contract.lineage_node t ON t.table_name = f.table_name::text AND t.schema_name = f.schema_name::text"
	" JOIN contract.lineage_edge e ON e.target_id = t.node_id"
	" JOIN contract.lineage_node s ON s.node_id = e.source_id AND s.place = 'relation'"
	" WHERE t.place = 'relation' ORDER BY 1, 2, 3, 4";
	const Oid	types[] = {NAMEARRAYOID, NAMEARRAYOID};
	List	   *schemas = NIL;
	List	   *names = NIL;
	List	   *found = NIL;
	Datum		values[2];
	ListCell   *cell;

	foreach(cell, tables)
	{
		Table	   *table = lfirst(cell);

		if (table->is_loaded)
			continue;
		table->is_loaded = true;
		schemas = lappend(schemas, NameStr(table->key.schema_name));
		names = lappend(names, NameStr(table->key.table_name));
		found = lappend(found, table);
	}
	if (found == NIL)
		return NIL;
	values[0] = pgc_name_array(schemas);
	values[1] = pgc_name_array(names);
	pgc_catalog_query(find_sources, 2, types, values, NULL, take_step, upstream);
	return found;
}

/* load reads the open incidents and, if there are several, the tables upstream of them. */
static void
load(Upstream *upstream)
{
	const HASHCTL control = {.keysize = sizeof(TableKey),.entrysize = sizeof(Table),.hcxt = CurrentMemoryContext};
	List	   *level;

	upstream->tables = hash_create("pg_contract tables upstream", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	pgc_catalog_query("SELECT d.schema_name, d.table_name, d.dataset_id, i.incident_id, i.opened_at, i.root_cause"
					  " FROM contract.incident i JOIN contract.dataset d USING (dataset_id) WHERE i.status = 'open'"
					  " ORDER BY i.incident_id", 0, NULL, NULL, NULL, take_open, upstream);
	level = list_length(upstream->open) > 1 ? upstream->open : NIL;
	for (int step = 0; level != NIL && step < MAX_STEPS; step++)
	{
		List	   *next = NIL;
		ListCell   *cell;

		foreach(cell, load_sources(upstream, level))
			next = list_concat(next, ((Table *) lfirst(cell))->sources);
		level = next;
	}
}

/* mark_fed marks the tables that a table with an incident feeds. */
static void
mark_fed(Table *start)
{
	List	   *queue = list_make1(start);
	ListCell   *cell;

	foreach(cell, queue)
	{
		ListCell   *target_cell;

		foreach(target_cell, ((Table *) lfirst(cell))->targets)
		{
			Table	   *target = lfirst(target_cell);

			if (target->fed_by == start->incident_id)
				continue;
			target->fed_by = start->incident_id;
			queue = lappend(queue, target);
		}
	}
}

/* trace returns the root cause of a table's incident, or NULL; from it, "from" leads back to the table. */
static Table *
trace(Table *start)
{
	List	   *queue = list_make1(start);
	Table	   *best = NULL;
	ListCell   *cell;

	mark_fed(start);
	start->visited_by = start->incident_id;
	start->depth = 0;
	start->from = NULL;
	foreach(cell, queue)
	{
		Table	   *table = lfirst(cell);
		ListCell   *source_cell;

		if (table != start && table->incident_id != 0 && table->fed_by != start->incident_id &&
			(best == NULL || table->depth > best->depth || table->opened_at < best->opened_at))
			best = table;
		if (table->depth == MAX_STEPS)
			continue;
		foreach(source_cell, table->sources)
		{
			Table	   *source = lfirst(source_cell);

			if (source->visited_by == start->incident_id)
				continue;
			source->visited_by = start->incident_id;
			source->depth = table->depth + 1;
			source->from = table;
			queue = lappend(queue, source);
		}
	}
	return best;
}

/* push_key adds a key to an object that is being made. */
static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue	item = {.type = jbvString};

	item.val.string.val = unconstify(char *, key);
	item.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &item);
}

/* push_string adds a value or an element. */
static void
push_string(JsonbParseState **state, JsonbIteratorToken token, char *string)
{
	JsonbValue	item = {.type = jbvString};

	item.val.string.val = string;
	item.val.string.len = strlen(string);
	pushJsonbValue(state, token, &item);
}

/* describe says what the root cause is: its dataset, incident, when that was opened, and the tables from it on. */
static Jsonb *
describe(const Table *cause)
{
	const int	utc = 0;
	JsonbParseState *state = NULL;
	JsonbValue	number = {.type = jbvNumeric};

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_key(&state, "dataset");
	push_string(&state, WJB_VALUE, pgc_catalog_name(NameStr(cause->key.schema_name), NameStr(cause->key.table_name)));
	push_key(&state, "incident");
	number.val.numeric = int64_to_numeric(cause->incident_id);
	pushJsonbValue(&state, WJB_VALUE, &number);
	push_key(&state, "opened_at");
	push_string(&state, WJB_VALUE, JsonEncodeDateTime(NULL, TimestampTzGetDatum(cause->opened_at), TIMESTAMPTZOID, &utc));
	push_key(&state, "path");
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (const Table *table = cause; table != NULL; table = table->from)
		push_string(&state, WJB_ELEM, pgc_catalog_name(NameStr(table->key.schema_name), NameStr(table->key.table_name)));
	pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* store writes an incident's root cause, or that there is none, unless somebody has the incident locked. */
static void
store(const Table *table)
{
	const Oid	types[] = {INT8OID, JSONBOID};
	Datum		values[2];

	values[0] = Int64GetDatum(table->incident_id);
	values[1] = table->root_cause ? JsonbPGetDatum(table->root_cause) : (Datum) 0;
	pgc_catalog_execute("UPDATE contract.incident SET root_cause = $2 WHERE incident_id ="
						" (SELECT o.incident_id FROM contract.incident o WHERE o.incident_id = $1 FOR UPDATE SKIP LOCKED)",
						2, types, values, table->root_cause ? NULL : " n");
}

/* is_same: are two root causes, or none (NULL), the same? */
static bool
is_same(Jsonb *left, Jsonb *right)
{
	if (left == NULL || right == NULL)
		return left == right;
	return compareJsonbContainers(&left->root, &right->root) == 0;
}

/*
 * pgc_root_causes finds the root causes of all open incidents, stores those that have changed, and puts them into the
 * incidents of the list (PgcFailing *) that are to be told.  What was judged in this step is seen.
 */
void
pgc_root_causes(const List *failing)
{
	Upstream	upstream = {0};
	ListCell   *cell;
	ListCell   *other;

	load(&upstream);
	foreach(cell, upstream.open)
	{
		Table	   *table = lfirst(cell);
		const Table *cause = trace(table);
		Jsonb	   *root_cause = cause ? describe(cause) : NULL;
		bool		changed = !is_same(root_cause, table->root_cause);

		table->root_cause = root_cause;
		if (changed)
			store(table);
		foreach(other, failing)
		{
			PgcFailing *told = lfirst(other);

			if (told->dataset_id == table->dataset_id)
				told->root_cause = root_cause;
		}
	}
}
