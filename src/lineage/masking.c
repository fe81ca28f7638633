/*
 * src/lineage/masking.c
 *		Functions whose results do not give their arguments away.
 */
#include "postgres.h"

#include "lineage/lineage.h"

bool
pgc_is_masking(Oid funcid)
{
	return false;
}
