/* Until merged: each is replaced by its own file. Delete your functions here. */
#include "postgres.h"

#include "audit/audit.h"

PgcConsumer *
pgc_unique_begin(PgcAudit *audit, int rule)
{
	return NULL;
}

void
pgc_unique_finish(PgcAudit *audit, int rule, PgcConsumer *consumer)
{
}

PgcConsumer *
pgc_references_begin(PgcAudit *audit, int rule)
{
	return NULL;
}

void
pgc_references_finish(PgcAudit *audit, int rule, PgcConsumer *consumer)
{
}
