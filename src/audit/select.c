/*
 * src/audit/select.c
 *		Reads any relation by a plain SELECT, row by row.
 *
 * The query's rows come straight from the executor into a DestReceiver; memory
 * stays flat.  It runs as a given role in a security-restricted operation.
 */
#include "postgres.h"

#include "audit/audit.h"
#include "catalog/pg_class.h"
#include "engine/rights.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

/* Takes the rows of a query: ctid, then the columns of the layout. */
typedef struct Receiver
{
	DestReceiver receiver;		/* must be first */
	PgcRows		rows;			/* one row */
	PgcScan    *scan;
	TupleTableSlot *slot;		/* that lends the row */
} Receiver;

/* receiver_of returns the receiver that rows belong to. */
static const Receiver *
receiver_of(const PgcRows *rows)
{
	return (const Receiver *) ((const char *) rows - offsetof(Receiver, rows));
}

/* form_row is PgcRows.form of a SELECT. */
static void
form_row(const PgcRows *rows, int row, Datum *values, bool *nulls)
{
	const Receiver *receiver = receiver_of(rows);
	int			ncolumns = receiver->scan->layout->ncolumns;

	memcpy(values, receiver->slot->tts_values + 1, ncolumns * sizeof(Datum));
	memcpy(nulls, receiver->slot->tts_isnull + 1, ncolumns * sizeof(bool));
}

/* receive_row hands one row to the consumers. */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *receiver = (Receiver *) self;
	PgcRows    *rows = &receiver->rows;

	slot_getallattrs(slot);
	receiver->slot = slot;
	for (int i = 0; i < receiver->scan->layout->ncolumns; i++)
	{
		rows->chunk.columns[i].values = &slot->tts_values[i + 1];
		rows->chunk.columns[i].nulls = &slot->tts_isnull[i + 1];
	}
	rows->tids = slot->tts_isnull[0] ? NULL : (ItemPointerData *) DatumGetPointer(slot->tts_values[0]);
	pgc_scan_hand_out(receiver->scan, rows);
	return !receiver->scan->stop;
}

static void
receive_start(DestReceiver *receiver, int operation, TupleDesc descriptor)
{
}

static void
receive_nothing(DestReceiver *receiver)
{
}

/* make_receiver prepares the receiver of a scan's rows. */
static Receiver *
make_receiver(PgcScan *scan, Relation relation)
{
	Receiver   *receiver = palloc0(sizeof(Receiver));

	receiver->receiver.receiveSlot = receive_row;
	receiver->receiver.rStartup = receive_start;
	receiver->receiver.rShutdown = receive_nothing;
	receiver->receiver.rDestroy = receive_nothing;
	receiver->receiver.mydest = DestNone;
	receiver->scan = scan;
	receiver->rows.chunk.nrows = 1;
	receiver->rows.chunk.has_nulls = true;
	receiver->rows.chunk.columns = palloc(Max(scan->layout->ncolumns, 1) * sizeof(PgcVector));
	receiver->rows.relation = RelationGetRelid(relation);
	receiver->rows.form = form_row;
	return receiver;
}

/* pgc_select_from returns FROM and the relation: inheritance children are not covered, partitions are. */
char *
pgc_select_from(Relation relation)
{
	char		kind = relation->rd_rel->relkind;

	return psprintf("FROM %s%s", kind == RELKIND_RELATION || kind == RELKIND_FOREIGN_TABLE ? "ONLY " : "",
					pgc_catalog_name(get_namespace_name(RelationGetNamespace(relation)),
									 RelationGetRelationName(relation)));
}

/*
 * query_of returns the SELECT over the rows of a relation that the scan wants:
 * ctid and all columns; for a bare one, or a role that may not read all, null for
 * what no consumer looks at.
 */
static char *
query_of(Relation relation, const PgcScan *scan)
{
	const PgcLayout *layout = scan->layout;
	char		kind = relation->rd_rel->relkind;
	bool		all = !scan->bare &&
	pg_class_aclcheck(RelationGetRelid(relation), scan->role, ACL_SELECT) == ACLCHECK_OK;
	bool		has_ctid = all && (kind == RELKIND_RELATION || kind == RELKIND_MATVIEW);
	Bitmapset  *wanted = pgc_scan_columns(scan->consumers);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, has_ctid ? "SELECT ctid" : "SELECT NULL::pg_catalog.tid");
	for (int i = 0; i < layout->ncolumns; i++)
		appendStringInfo(&sql, ", %s", all || bms_is_member(i, wanted) ?
						 quote_identifier(NameStr(layout->columns[i].name)) : "NULL");
	appendStringInfo(&sql, " %s", pgc_select_from(relation));
	if (scan->where != NULL)
		appendStringInfo(&sql, " WHERE %s", scan->where);
	return sql.data;
}

/* enter becomes the role that reads, in a restricted operation. */
static void
enter(PgcRights *saved, Oid role, bool row_security)
{
	pgc_rights_enter(saved, role, true);
	(void) set_config_option("row_security", row_security ? "on" : "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * pgc_select_run runs a statement that reads, as a role in a security-restricted
 * operation, under the active snapshot, and sends its rows to dest.  Rows that a
 * policy hides from the role raise an error unless row_security.
 */
void
pgc_select_run(const char *sql, Oid role, bool row_security, DestReceiver *dest)
{
	SPIExecuteOptions options = {0};
	PgcRights	saved;

	options.read_only = true;
	options.dest = dest;
	enter(&saved, role, row_security);
	SPI_connect();
	if (SPI_execute_extended(sql, &options) < 0)
		elog(ERROR, "could not execute \"%s\"", sql);
	SPI_finish();
	pgc_rights_leave(&saved);
}

/*
 * pgc_select_query is pgc_select_run for a few rows: row is called for each of
 * them in the current context.
 */
void
pgc_select_query(const char *sql, Oid role, bool row_security, PgcRowFunction row, void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	PgcRights	saved;

	enter(&saved, role, row_security);
	SPI_connect();
	if (SPI_execute(sql, true, 0) < 0)
		elog(ERROR, "could not execute \"%s\"", sql);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		row(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, arg);
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	pgc_rights_leave(&saved);
}

/* pgc_select_scan hands all rows of a relation to the scan's consumers. */
void
pgc_select_scan(PgcScan *scan, Relation relation)
{
	pgc_select_run(query_of(relation, scan), scan->role, scan->row_security,
				   (DestReceiver *) make_receiver(scan, relation));
}
