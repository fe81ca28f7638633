/*
 * src/lineage/follow.c
 *		Lineage follows DDL.
 */
#include "postgres.h"

#include "lineage/lineage.h"

void
pgc_lineage_before(const Node *command)
{
}

void
pgc_lineage_after(const Node *command)
{
}

void
pgc_lineage_drop(void)
{
}
