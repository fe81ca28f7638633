/* Until merged: each is replaced by its own file. Delete your functions here. */
#include "postgres.h"

#include "audit/audit.h"

void
pgc_metric_run(PgcAudit *audit)
{
}

void
pgc_query_run(PgcAudit *audit, int rule)
{
}

char *
pgc_proof_find(const PgcAudit *audit, int rule)
{
	return NULL;
}

void
pgc_statement_run(PgcAudit *audit, Relation relation, const Bitmapset *rules)
{
}
