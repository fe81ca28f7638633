/*
 * src/lineage/body.c
 *		Bodies of functions in language SQL.
 */
#include "postgres.h"

#include "lineage/lineage.h"

List *
pgc_function_body(Oid funcid)
{
	return NIL;
}
