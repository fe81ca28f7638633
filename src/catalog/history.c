/*
 * src/catalog/history.c
 *		Writing runs, results, violations, metrics and quarantined rows in batches.
 *
 * Tuples are formed by position and inserted with heap_multi_insert and their index entries: no SQL, no triggers, no grants of
 * the user.  Must never be used for tables with defaults or foreign keys that
 * matter: neither is looked at.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/contract.h"
#include "catalog/index.h"
#include "catalog/tables.h"
#include "commands/sequence.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/xid8.h"

static const char *const table_names[] = {"run", "result", "violation", "quarantine", "metric"};
static const char *const sequence_names[] = {"run_id_seq", NULL, "violation_id_seq", "quarantine_id_seq", NULL};

/* Rows of one heap_multi_insert: enough to share a page, few enough slots. */
#define BATCH 64

/* Positions of the columns, as in sql/pg_contract--*.sql. */
enum
{
	RUN_ID, RUN_DATASET, RUN_SOURCE, RUN_OPERATION, RUN_EXECUTOR, RUN_AT, RUN_ELAPSED,
	RUN_ROLE, RUN_APPLICATION, RUN_XID, RUN_QUERY_ID, RUN_CONSIDERED, RUN_FAILED, RUN_ORIGIN, RUN_NCOLUMNS
};
enum
{
	RESULT_RUN, RESULT_RULE, RESULT_KIND, RESULT_COLUMNS, RESULT_ACTION, RESULT_STATUS,
	RESULT_CONSIDERED, RESULT_FAILED, RESULT_OBSERVED, RESULT_EXPECTED, RESULT_MESSAGE, RESULT_NCOLUMNS
};
enum
{
	VIOLATION_ID, VIOLATION_RUN, VIOLATION_DATASET, VIOLATION_RULE, VIOLATION_KIND, VIOLATION_COLUMNS,
	VIOLATION_AT, VIOLATION_ACTION, VIOLATION_KEY, VIOLATION_ROW, VIOLATION_VALUE, VIOLATION_MESSAGE,
	VIOLATION_NCOLUMNS
};
enum
{
	QUARANTINED_ID, QUARANTINED_DATASET, QUARANTINED_OPERATION, QUARANTINED_RULES, QUARANTINED_AT,
	QUARANTINED_ROLE, QUARANTINED_APPLICATION, QUARANTINED_XID, QUARANTINED_QUERY_ID, QUARANTINED_KEY,
	QUARANTINED_CHANGED, QUARANTINED_ROW, QUARANTINED_NCOLUMNS
};
enum
{
	METRIC_RUN, METRIC_DATASET, METRIC_COLUMN, METRIC_METRIC, METRIC_NUMBER, METRIC_VALUE, METRIC_AT,
	METRIC_NCOLUMNS
};
#define MAX_COLUMNS 16

/* A row that is being put together. */
typedef struct Form
{
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];
	NameData	name;			/* room for a role's or column's */
} Form;

/* Tuples of one table that are collected for one insert. */
struct PgcBatch
{
	PgcTable	table;
	TupleDesc	descriptor;
	int			n;
	int			room;
	HeapTuple  *tuples;
};

/* open_table opens one of the tables, or raises. */
static Relation
open_table(PgcTable table, LOCKMODE lockmode)
{
	Oid			relid = pgc_table_oid(table_names[table]);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table contract.%s is missing", table_names[table]),
				 errhint("Run CREATE EXTENSION pg_contract.")));
	return table_open(relid, lockmode);
}

/* pgc_history_identity tells one history from another: dropped and made anew. */
Oid
pgc_history_identity(void)
{
	return pgc_table_oid(table_names[PGC_RUN]);
}

/* pgc_history_descriptor returns a copy of a table's row type. */
TupleDesc
pgc_history_descriptor(PgcTable table)
{
	Relation	relation = open_table(table, AccessShareLock);
	TupleDesc	descriptor = CreateTupleDescCopy(RelationGetDescr(relation));

	table_close(relation, AccessShareLock);
	return descriptor;
}

/*
 * pgc_history_next_id draws an id for a row of the table.  The transaction has an xid
 * before that, on which total.c relies.
 */
int64
pgc_history_next_id(PgcTable table)
{
	(void) GetTopTransactionId();
	return nextval_internal(pgc_table_oid(sequence_names[table]), false);
}

/* An open table, with what its inserts need. */
typedef struct Target
{
	Relation	relation;
	List	   *indexes;		/* of Relation */
	List	   *infos;			/* of IndexInfo, parallel */
	int			nslots;
	TupleTableSlot *slots[BATCH];	/* made as needed, used again */
} Target;

/* open_target opens a table and its indexes for inserting. */
static Target *
open_target(PgcTable table)
{
	Target	   *target = palloc0(sizeof(Target));
	ListCell   *cell;

	target->relation = open_table(table, RowExclusiveLock);
	foreach(cell, RelationGetIndexList(target->relation))
	{
		Relation	index = index_open(lfirst_oid(cell), RowExclusiveLock);

		target->indexes = lappend(target->indexes, index);
		target->infos = lappend(target->infos, BuildIndexInfo(index));
	}
	return target;
}

/* close_target keeps the locks until the end of the transaction. */
static void
close_target(Target *target)
{
	ListCell   *cell;

	for (int i = 0; i < target->nslots; i++)
		ExecDropSingleTupleTableSlot(target->slots[i]);
	foreach(cell, target->indexes)
		index_close(lfirst(cell), NoLock);
	table_close(target->relation, NoLock);
}

/* insert_index_entries adds a row to all indexes: plain columns, no predicate. */
static void
insert_index_entries(const Target *target, TupleTableSlot *slot)
{
	ListCell   *index;
	ListCell   *info;

	forboth(index, target->indexes, info, target->infos)
	{
		Relation	relation = lfirst(index);
		IndexInfo  *index_info = lfirst(info);
		Datum		values[INDEX_MAX_KEYS];
		bool		nulls[INDEX_MAX_KEYS];

		FormIndexDatum(index_info, slot, NULL, values, nulls);
		index_insert(relation, values, nulls, &slot->tts_tid, target->relation,
					 relation->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
					 false, index_info);
	}
}

/* insert_batch inserts at most BATCH tuples. */
static void
insert_batch(Target *target, HeapTuple *tuples, int ntuples)
{
	/* a descriptor of our own: pinning the relation's for each slot is dear */
	if (target->nslots < ntuples)
	{
		TupleDesc	descriptor = CreateTupleDescCopy(RelationGetDescr(target->relation));

		while (target->nslots < ntuples)
			target->slots[target->nslots++] = MakeSingleTupleTableSlot(descriptor, &TTSOpsHeapTuple);
	}
	for (int i = 0; i < ntuples; i++)
		ExecStoreHeapTuple(tuples[i], target->slots[i], false);
	heap_multi_insert(target->relation, target->slots, ntuples, GetCurrentCommandId(true), 0, NULL);
	for (int i = 0; i < ntuples; i++)
		insert_index_entries(target, target->slots[i]);
}

/*
 * pgc_batch_insert inserts a batch, in the current (sub)transaction; the caller
 * counts the command if it wants to see the rows.
 */
void
pgc_batch_insert(PgcBatch *batch)
{
	MemoryContext context;
	MemoryContext caller;
	Target	   *target;

	if (batch->n == 0)
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract insert",
									ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	target = open_target(batch->table);
	for (int done = 0; done < batch->n; done += BATCH)
		insert_batch(target, batch->tuples + done, Min(BATCH, batch->n - done));
	close_target(target);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* pgc_batch_make starts a batch for a table, in the current context. */
PgcBatch *
pgc_batch_make(PgcTable table)
{
	PgcBatch   *batch = palloc0(sizeof(PgcBatch));

	batch->table = table;
	batch->descriptor = pgc_history_descriptor(table);
	batch->room = 64;
	batch->tuples = palloc(batch->room * sizeof(HeapTuple));
	return batch;
}

/* pgc_batch_add_tuple adds a tuple that is formed already. */
void
pgc_batch_add_tuple(PgcBatch *batch, HeapTuple tuple)
{
	if (batch->n == batch->room)
	{
		batch->room *= 2;
		batch->tuples = repalloc(batch->tuples, batch->room * sizeof(HeapTuple));
	}
	batch->tuples[batch->n++] = tuple;
}

static inline void
set(Form *form, int column, Datum value)
{
	form->values[column] = value;
	form->nulls[column] = false;
}

static inline void
set_datum(Form *form, int column, Datum value)
{
	if (value != (Datum) 0)
		set(form, column, value);
}

static inline void
set_text(Form *form, int column, const char *text)
{
	if (text !=NULL)
		set(form, column, CStringGetTextDatum(text));
}

static inline void
set_count(Form *form, int column, int64 count)
{
	if (count >= 0)
		set(form, column, Int64GetDatum(count));
}

/* set_author sets who did it: role, application, transaction (NULL: this one), query. */
static void
set_author(Form *form, int first, const char *role, const char *application,
		   const FullTransactionId *xid, uint64 query_id)
{
	FullTransactionId transaction = xid ? *xid : GetTopFullTransactionId();

	namestrcpy(&form->name, role ? role : "");
	set(form, first, NameGetDatum(&form->name));
	set_text(form, first + 1, application);
	if (FullTransactionIdIsValid(transaction))
		set(form, first + 2, FullTransactionIdGetDatum(transaction));
	if (query_id != 0)
		set(form, first + 3, Int64GetDatum((int64) query_id));
}

/* pgc_batch_add_run adds a row of contract.run.  What an audit found is for incidents to be judged by. */
void
pgc_batch_add_run(PgcBatch *batch, const PgcRunRow *row)
{
	Form		form;

	memset(form.nulls, true, sizeof(form.nulls));
	set(&form, RUN_ID, Int64GetDatum(row->id));
	set(&form, RUN_DATASET, Int32GetDatum(row->dataset_id));
	set_text(&form, RUN_SOURCE, row->source);
	set_text(&form, RUN_OPERATION, row->operation);
	set_text(&form, RUN_EXECUTOR, row->executor);
	set(&form, RUN_AT, TimestampTzGetDatum(row->at));
	set_datum(&form, RUN_ELAPSED, row->elapsed);
	set_author(&form, RUN_ROLE, row->role, row->application, row->xid, row->query_id);
	set_count(&form, RUN_CONSIDERED, row->considered);
	set_count(&form, RUN_FAILED, row->failed);
	set_text(&form, RUN_ORIGIN, row->origin);
	pgc_batch_add_tuple(batch, heap_form_tuple(batch->descriptor, form.values, form.nulls));
	if (strcmp(row->source, "audit") == 0)
		pgc_incident_due(row->dataset_id);
}

/* pgc_batch_add_result adds a row of contract.result. */
void
pgc_batch_add_result(PgcBatch *batch, const PgcResultRow *row)
{
	Form		form;

	memset(form.nulls, true, sizeof(form.nulls));
	set(&form, RESULT_RUN, Int64GetDatum(row->run_id));
	set_text(&form, RESULT_RULE, row->rule);
	set_text(&form, RESULT_KIND, row->kind);
	set(&form, RESULT_COLUMNS, row->columns);
	set_text(&form, RESULT_ACTION, pgc_action_name(row->action));
	set_text(&form, RESULT_STATUS, row->status);
	set_count(&form, RESULT_CONSIDERED, row->considered);
	set_count(&form, RESULT_FAILED, row->failed);
	set_datum(&form, RESULT_OBSERVED, row->observed);
	set_datum(&form, RESULT_EXPECTED, row->expected);
	set_text(&form, RESULT_MESSAGE, row->message);
	pgc_batch_add_tuple(batch, heap_form_tuple(batch->descriptor, form.values, form.nulls));
}

/* pgc_batch_add_violation adds a row of contract.violation, with a new id. */
void
pgc_batch_add_violation(PgcBatch *batch, const PgcViolationRow *row)
{
	Form		form;

	memset(form.nulls, true, sizeof(form.nulls));
	set(&form, VIOLATION_ID, Int64GetDatum(pgc_history_next_id(PGC_VIOLATION)));
	set(&form, VIOLATION_RUN, Int64GetDatum(row->run_id));
	set(&form, VIOLATION_DATASET, Int32GetDatum(row->dataset_id));
	set_text(&form, VIOLATION_RULE, row->rule);
	set_text(&form, VIOLATION_KIND, row->kind);
	set(&form, VIOLATION_COLUMNS, row->columns);
	set(&form, VIOLATION_AT, TimestampTzGetDatum(row->at));
	set_text(&form, VIOLATION_ACTION, pgc_action_name(row->action));
	set_datum(&form, VIOLATION_KEY, PointerGetDatum(row->key));
	set_datum(&form, VIOLATION_ROW, PointerGetDatum(row->row));
	set_text(&form, VIOLATION_VALUE, row->value);
	set_text(&form, VIOLATION_MESSAGE, row->message);
	pgc_batch_add_tuple(batch, heap_form_tuple(batch->descriptor, form.values, form.nulls));
}

/* pgc_batch_add_metric adds a row of contract.metric. */
void
pgc_batch_add_metric(PgcBatch *batch, const PgcMetricRow *row)
{
	Form		form;

	memset(form.nulls, true, sizeof(form.nulls));
	set(&form, METRIC_RUN, Int64GetDatum(row->run_id));
	set(&form, METRIC_DATASET, Int32GetDatum(row->dataset_id));
	if (row->column != NULL)
	{
		namestrcpy(&form.name, row->column);
		set(&form, METRIC_COLUMN, NameGetDatum(&form.name));
	}
	set_text(&form, METRIC_METRIC, row->metric);
	set_datum(&form, METRIC_NUMBER, row->number);
	set_text(&form, METRIC_VALUE, row->value);
	set(&form, METRIC_AT, TimestampTzGetDatum(row->at));
	pgc_batch_add_tuple(batch, heap_form_tuple(batch->descriptor, form.values, form.nulls));
}

/*
 * pgc_history_form_quarantined makes a row of contract.quarantine, with a new
 * id, in a memory context.
 */
HeapTuple
pgc_history_form_quarantined(TupleDesc descriptor, const PgcQuarantinedRow *row,
							 MemoryContext context)
{
	MemoryContext caller;
	HeapTuple	tuple;
	Form		form;

	memset(form.nulls, true, sizeof(form.nulls));
	set(&form, QUARANTINED_ID, Int64GetDatum(pgc_history_next_id(PGC_QUARANTINED)));
	set(&form, QUARANTINED_DATASET, Int32GetDatum(row->dataset_id));
	set_text(&form, QUARANTINED_OPERATION, row->operation);
	set(&form, QUARANTINED_RULES, row->rules);
	set(&form, QUARANTINED_AT, TimestampTzGetDatum(row->at));
	set_author(&form, QUARANTINED_ROLE, row->role, row->application, NULL, row->query_id);
	set_datum(&form, QUARANTINED_KEY, PointerGetDatum(row->key));
	set_datum(&form, QUARANTINED_CHANGED, row->changed);
	set(&form, QUARANTINED_ROW, PointerGetDatum(row->row));
	caller = MemoryContextSwitchTo(context);
	tuple = heap_form_tuple(descriptor, form.values, form.nulls);
	MemoryContextSwitchTo(caller);
	return tuple;
}

/* pgc_history_reads: does a query's range table hold one of these tables? */
bool
pgc_history_reads(const List *rangetable)
{
	ListCell   *cell;

	foreach(cell, rangetable)
	{
		const RangeTblEntry *entry = lfirst(cell);

		for (int i = 0; entry->rtekind == RTE_RELATION && i < lengthof(table_names); i++)
		{
			if (entry->relid == pgc_table_oid(table_names[i]))
				return true;
		}
	}
	return false;
}
