/*
 * src/catalog/quarantine.c
 *		Reading and changing contract.quarantine for release and repair.
 */
#include "postgres.h"

#include "catalog/contract.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* append_row appends a row of the result, copied, to a list of PgcHeld. */
static void
append_row(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **result = arg;
	PgcHeld    *held = palloc0(sizeof(PgcHeld));
	bool		isnull;
	Datum		value;

	held->id = DatumGetInt64(SPI_getbinval(tuple, descriptor, 1, &isnull));
	held->is_update = strcmp(SPI_getvalue(tuple, descriptor, 2), "UPDATE") == 0;
	value = SPI_getbinval(tuple, descriptor, 3, &isnull);
	held->key = isnull ? NULL : DatumGetJsonbPCopy(value);
	value = SPI_getbinval(tuple, descriptor, 4, &isnull);
	if (!isnull)
	{
		int			count;
		char	  **names = pgc_array_names(value, &count);

		for (int i = 0; i < count; i++)
			held->changed = lappend(held->changed, names[i]);
	}
	held->row = DatumGetJsonbPCopy(SPI_getbinval(tuple, descriptor, 5, &isnull));
	*result = lappend(*result, held);
}

/*
 * pgc_held_lock returns quarantined rows (list of PgcHeld, by id) and locks
 * them until the end of the transaction.  ids is a bigint[] or NULL for all of
 * the dataset above after; at most limit rows.
 */
List *
pgc_held_lock(int32 dataset_id, ArrayType *ids, int64 after, int limit)
{
	const Oid	types[] = {INT4OID, INT8ARRAYOID, INT8OID, INT4OID};
	const char	nulls[] = {' ', ids ? ' ' : 'n', ' ', ' ', '\0'};
	Datum		values[4];
	List	   *result = NIL;

	values[0] = Int32GetDatum(dataset_id);
	values[1] = PointerGetDatum(ids);
	values[2] = Int64GetDatum(after);
	values[3] = Int32GetDatum(limit);
	pgc_catalog_query("SELECT id, operation, key, changed, \"row\" FROM contract.quarantine"
					  " WHERE dataset_id = $1 AND ($2 IS NULL OR id = ANY ($2)) AND id > $3"
					  " ORDER BY id LIMIT $4 FOR UPDATE",
					  4, types, values, nulls, append_row, &result);
	return result;
}

/* pgc_held_delete deletes one quarantined row. */
void
pgc_held_delete(int64 id)
{
	const Oid	types[] = {INT8OID};
	const Datum values[] = {Int64GetDatum(id)};

	pgc_catalog_execute("DELETE FROM contract.quarantine WHERE id = $1", 1, types, values, NULL);
}

/* pgc_held_set_rules writes which rules the row fails today (text[]). */
void
pgc_held_set_rules(int64 id, Datum rules)
{
	const Oid	types[] = {INT8OID, TEXTARRAYOID};
	const Datum values[] = {Int64GetDatum(id), rules};

	pgc_catalog_execute("UPDATE contract.quarantine SET rules = $2 WHERE id = $1 AND rules <> $2",
						2, types, values, NULL);
}

/* pgc_held_set_row replaces a quarantined row; changed (text[]) is added to an UPDATE's columns. */
void
pgc_held_set_row(int64 id, Jsonb *row, Datum changed)
{
	const Oid	types[] = {INT8OID, JSONBOID, NAMEARRAYOID};
	Datum		values[3];

	values[0] = Int64GetDatum(id);
	values[1] = JsonbPGetDatum(row);
	values[2] = changed;
	pgc_catalog_execute("UPDATE contract.quarantine SET \"row\" = $2, changed = CASE WHEN operation = 'UPDATE'"
						" THEN ARRAY(SELECT DISTINCT unnest(changed || $3)) END WHERE id = $1",
						3, types, values, NULL);
}

/* pgc_held_discard deletes rows of a dataset (bigint[]) and returns how many. */
uint64
pgc_held_discard(int32 dataset_id, Datum ids)
{
	const Oid	types[] = {INT4OID, INT8ARRAYOID};
	const Datum values[] = {Int32GetDatum(dataset_id), ids};

	return pgc_catalog_execute("DELETE FROM contract.quarantine WHERE dataset_id = $1 AND id = ANY ($2)",
							   2, types, values, NULL);
}
