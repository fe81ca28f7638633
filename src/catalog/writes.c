/*
 * src/catalog/writes.c
 *		When a dataset was written to last, as far as PostgreSQL's statistics tell:
 *		samples of their counters, in contract.last_write.
 *
 * Nothing of ours runs when a table is written to.  The statistics count rows
 * inserted, updated and deleted of each table and partition, those of
 * transactions that were rolled back as well; apart from these only the count since the last
 * ANALYZE.  So a rise is a write if that count has risen, too, or if there was an
 * ANALYZE in between, when nobody can tell.  A counter that has fallen was reset, by
 * hand or by a crash: it starts again from zero.
 *
 * A sample is the state of all tables of a dataset that hold rows, one by one: a
 * partition that comes with rows is a write, one that comes empty or goes is none.
 */
#include "postgres.h"

#include "catalog/contract.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "pgstat.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

/* One table, as four numbers of contract.last_write.counters. */
typedef struct Table
{
	int64		relid;
	PgcCounters counters;
} Table;

#define NUMBERS (sizeof(Table) / sizeof(int64))

/* The tables of a dataset, by OID. */
typedef struct Sample
{
	Oid			relid;			/* the dataset's relation */
	int			ntables;
	Table	   *tables;
	PgcWrites	writes;
	bool		found;			/* it was stored */
} Sample;

/* is_counted: do the statistics count what is written to relations of this kind? */
static bool
is_counted(char relkind)
{
	return relkind == RELKIND_RELATION || relkind == RELKIND_MATVIEW;
}

/* leaves_of returns the OIDs of the tables that hold a relation's rows, in their order. */
static List *
leaves_of(Oid relid)
{
	List	   *all = list_make1_oid(relid);
	List	   *leaves = NIL;
	ListCell   *cell;

	if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
		all = find_all_inheritors(relid, NoLock, NULL);
	foreach(cell, all)
	{
		if (is_counted(get_rel_relkind(lfirst_oid(cell))))
			leaves = lappend_oid(leaves, lfirst_oid(cell));
	}
	list_sort(leaves, list_oid_cmp);
	return leaves;
}

/* look samples a relation. */
static Sample
look(Oid relid)
{
	List	   *leaves = leaves_of(relid);
	Sample		sample = {.relid = relid,.ntables = list_length(leaves)};

	sample.tables = palloc(Max(sample.ntables, 1) * sizeof(Table));
	for (int i = 0; i < sample.ntables; i++)
	{
		sample.tables[i].relid = list_nth_oid(leaves, i);
		sample.tables[i].counters = pgc_compat_counters(list_nth_oid(leaves, i));
	}
	return sample;
}

/* read_sample fills a sample from a row of contract.last_write: relid, counters, since and written_at from a column on. */
static void
read_sample(Sample *sample, HeapTuple tuple, TupleDesc descriptor, int column)
{
	Datum		values[4];
	bool		nulls[4];
	ArrayType  *counters;

	for (int i = 0; i < 4; i++)
		values[i] = heap_getattr(tuple, column + i, descriptor, &nulls[i]);
	sample->found = !nulls[0];
	if (!sample->found)
		return;
	sample->relid = DatumGetObjectId(values[0]);
	counters = DatumGetArrayTypePCopy(values[1]);
	sample->ntables = ArrayGetNItems(ARR_NDIM(counters), ARR_DIMS(counters)) / NUMBERS;
	sample->tables = (Table *) ARR_DATA_PTR(counters);
	sample->writes.since = DatumGetTimestampTz(values[2]);
	sample->writes.written_at = nulls[3] ? DT_NOBEGIN : DatumGetTimestampTz(values[3]);
}

/* take_sample is the PgcRowFunction of recall. */
static void
take_sample(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	read_sample(arg, tuple, descriptor, 1);
}

/* recall returns the sample that is stored of a dataset. */
static Sample
recall(int32 dataset_id)
{
	const Oid	types[] = {INT4OID};
	const Datum values[] = {Int32GetDatum(dataset_id)};
	Sample		sample = {0};

	pgc_catalog_query("SELECT relid, counters, since, written_at FROM contract.last_write WHERE dataset_id = $1",
					  1, types, values, NULL, take_sample, &sample);
	return sample;
}

/* store keeps a sample. */
static void
store(int32 dataset_id, const Sample *sample, TimestampTz now)
{
	const Oid	types[] = {INT4OID, OIDOID, INT8ARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	int			n = sample->ntables * NUMBERS;
	Datum	   *numbers = palloc(Max(n, 1) * sizeof(Datum));
	bool		never = TIMESTAMP_IS_NOBEGIN(sample->writes.written_at);
	Datum		values[6];

	for (int i = 0; i < n; i++)
		numbers[i] = Int64GetDatum(((const int64 *) sample->tables)[i]);
	values[0] = Int32GetDatum(dataset_id);
	values[1] = ObjectIdGetDatum(sample->relid);
	values[2] = PointerGetDatum(construct_array(numbers, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[3] = TimestampTzGetDatum(now);
	values[4] = TimestampTzGetDatum(sample->writes.written_at);
	values[5] = TimestampTzGetDatum(sample->writes.since);
	pgc_catalog_execute("INSERT INTO contract.last_write (dataset_id, relid, counters, sampled_at, written_at, since)"
						" VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (dataset_id) DO UPDATE SET relid = $2,"
						" counters = $3, sampled_at = $4, written_at = $5, since = $6",
						6, types, values, never ? "    n " : NULL);
}

/* is_written: does one table's counters, and those before, show a write? */
static bool
is_written(const PgcCounters *before, const PgcCounters *now)
{
	static const PgcCounters zero = {0};

	if (now->written < before->written || now->analyzed < before->analyzed)
		before = &zero;
	return now->written > before->written &&
		(now->analyzed > before->analyzed || now->committed > before->committed);
}

/* was_written: has the dataset been written to between two samples? */
static bool
was_written(const Sample *before, const Sample *now)
{
	static const PgcCounters zero = {0};
	int			j = 0;

	if (now->relid != before->relid)
		return true;			/* another relation has the name */
	for (int i = 0; i < now->ntables; i++)
	{
		const Table *table = &now->tables[i];

		while (j < before->ntables && before->tables[j].relid < table->relid)
			j++;
		if (is_written(j < before->ntables && before->tables[j].relid == table->relid ?
					   &before->tables[j].counters : &zero, &table->counters))
			return true;
	}
	return false;
}

/* pgc_writes_why_not says why nobody counts what is written to a relation, or returns NULL. */
const char *
pgc_writes_why_not(Oid relid)
{
	if (!pgstat_track_counts)
		return "the setting track_counts is off, so the server does not count what is written";
	if (leaves_of(relid) == NIL && get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return "the server counts what is written to tables and materialized views only";
	return NULL;
}

/*
 * pgc_writes_find fills when a dataset, whose relation it is, was written to last; what was
 * written since the last sample was written now.  Returns false if nobody samples.
 */
bool
pgc_writes_find(int32 dataset_id, Oid relid, TimestampTz now, PgcWrites *writes)
{
	Sample		before = recall(dataset_id);
	Sample		sample;

	if (!before.found)
		return false;
	sample = look(relid);
	*writes = before.writes;
	if (was_written(&before, &sample))
		writes->written_at = now;
	return true;
}

/* is_same: has nothing been counted between two samples? */
static bool
is_same(const Sample *before, const Sample *now)
{
	return before->found && before->relid == now->relid && before->ntables == now->ntables &&
		memcmp(before->tables, now->tables, now->ntables * sizeof(Table)) == 0;
}

/*
 * advance stores a sample after the one before, unless nothing has changed.  Not often: only whether
 * there was a write is of interest, and nobody shall take the time of this sample for its.
 */
static void
advance(int32 dataset_id, const Sample *before, Sample *sample, TimestampTz now, bool often)
{
	if (is_same(before, sample))
		return;
	sample->writes = before->writes;
	if (!before->found || !often)
	{
		sample->writes.since = now;
		sample->writes.written_at = DT_NOBEGIN;
	}
	else if (was_written(before, sample))
		sample->writes.written_at = now;
	store(dataset_id, sample, now);
}

/* pgc_writes_sample samples a dataset, whose relation it is; often: others will follow soon. */
void
pgc_writes_sample(int32 dataset_id, Oid relid, TimestampTz now, bool often)
{
	Sample		before = recall(dataset_id);
	Sample		sample = look(relid);

	advance(dataset_id, &before, &sample, now, often);
}

/* A dataset that is to be sampled. */
typedef struct Watched
{
	int32		dataset_id;
	bool		often;			/* it has a rule about its last write */
	Sample		before;
} Watched;

/* add_watched is the PgcRowFunction of pgc_writes_sample_some. */
static void
add_watched(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **list = arg;
	Watched    *watched = palloc0(sizeof(Watched));
	bool		isnull;

	watched->dataset_id = DatumGetInt32(heap_getattr(tuple, 1, descriptor, &isnull));
	watched->often = DatumGetBool(heap_getattr(tuple, 2, descriptor, &isnull));
	read_sample(&watched->before, tuple, descriptor, 3);
	*list = lappend(*list, watched);
}

/* sample_watched samples a dataset and has its rules that are not fresh looked at if it was written to. */
static void
sample_watched(const Watched *watched, TimestampTz now)
{
	Oid			relid = pgc_contract_relation(watched->dataset_id);
	Sample		sample;

	if (!OidIsValid(relid) || pgc_writes_why_not(relid) != NULL)
		return;
	sample = look(relid);
	if (is_same(&watched->before, &sample) || !pgc_states_lock(watched->dataset_id))
		return;					/* the next sample finds it, too */
	if (watched->before.found && was_written(&watched->before, &sample))
		pgc_states_wake(watched->dataset_id, now);
	advance(watched->dataset_id, &watched->before, &sample, now, watched->often);
}

/*
 * pgc_writes_sample_some samples some of the datasets for which it matters: that have a rule about
 * their last write, or one that is not fresh; those whose id comes after a given one.  Returns
 * the id of the last, or PG_INT32_MIN: there were no more.
 */
int32
pgc_writes_sample_some(int32 after, TimestampTz now)
{
	static const char sql[] =
	"SELECT s.dataset_id, s.often, w.relid, w.counters, w.since, w.written_at"
	" FROM (SELECT s.dataset_id, bool_or(r.columns = '{}') AS often"
	"  FROM contract.freshness_state s JOIN contract.rule r ON r.rule_id = s.rule_id"
	"  WHERE s.dataset_id > $1 AND (s.status <> 'fresh' OR r.columns = '{}') GROUP BY 1 ORDER BY 1 LIMIT 500) s"
	" LEFT JOIN contract.last_write w ON w.dataset_id = s.dataset_id ORDER BY 1";
	const Oid	types[] = {INT4OID};
	const Datum values[] = {Int32GetDatum(after)};
	List	   *list = NIL;
	ListCell   *cell;

	pgc_catalog_query(sql, 1, types, values, NULL, add_watched, &list);
	foreach(cell, list)
		sample_watched(lfirst(cell), now);
	return list == NIL ? PG_INT32_MIN : ((Watched *) llast(list))->dataset_id;
}
