/*
 * src/lineage/queue.c
 *		Executions on their way to the worker.
 */
#include "postgres.h"

#include "lineage/lineage.h"

void
pgc_queue_request(void)
{
}

void
pgc_queue_startup(void)
{
}

bool
pgc_queue_exists(void)
{
	return false;
}

void
pgc_queue_prepare(const List *statements)
{
}

void
pgc_queue_publish(void)
{
}

void
pgc_queue_discard(void)
{
}
