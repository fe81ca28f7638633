/*
 * src/catalog/rows.c
 *		Taking what pgc_catalog_query finds, where that is one column.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/contract.h"
#include "utils/builtins.h"

/* pgc_row_text returns a column's text (palloc'd), or NULL. */
char *
pgc_row_text(HeapTuple tuple, TupleDesc descriptor, int column)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, descriptor, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* pgc_take_int64 is a PgcRowFunction that fills a bigint, or a time; of null it leaves what is there. */
void
pgc_take_int64(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, 1, descriptor, &isnull);

	if (!isnull)
		*(int64 *) arg = DatumGetInt64(value);
}

/* pgc_take_ids is a PgcRowFunction that puts an integer on a List; null is left out. */
void
pgc_take_ids(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **ids = arg;
	bool		isnull;
	Datum		id = heap_getattr(tuple, 1, descriptor, &isnull);

	if (!isnull)
		*ids = lappend_int(*ids, DatumGetInt32(id));
}
