/*
 * src/lineage/normalize.c
 *		Text of a statement without its constants.
 */
#include "postgres.h"

#include "lineage/lineage.h"

char *
pgc_normalize(const char *statement, int location, int length)
{
	return NULL;
}
