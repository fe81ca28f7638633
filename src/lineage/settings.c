/*
 * src/lineage/settings.c
 *		Settings of lineage.
 */
#include "postgres.h"

#include "lineage/lineage.h"
#include "miscadmin.h"
#include "utils/plancache.h"

int			pgc_track_lineage = PGC_TRACK_CONTRACTS;
int			pgc_pii_policy = PGC_PII_OFF;
bool		pgc_lineage_sync = false;
int			pgc_lineage_statements = 0;
char	   *pgc_lineage_namespace = NULL;
char	   *pgc_masking_functions = NULL;

const struct config_enum_entry pgc_track_options[] = {
	{"off", PGC_TRACK_OFF, false},
	{"contracts", PGC_TRACK_CONTRACTS, false},
	{"all", PGC_TRACK_ALL, false},
	{NULL, 0, false}
};

const struct config_enum_entry pgc_pii_options[] = {
	{"off", PGC_PII_OFF, false},
	{"warn", PGC_PII_WARN, false},
	{"reject", PGC_PII_REJECT, false},
	{NULL, 0, false}
};

/* at_enum has plans made anew, with or without lineage. */
static void
at_enum(int value, void *extra)
{
	ResetPlanCache();
}

/* at_bool does so. */
static void
at_bool(bool value, void *extra)
{
	ResetPlanCache();
}

/* pgc_lineage_define_settings is called while the library is loaded. */
void
pgc_lineage_define_settings(void)
{
	DefineCustomEnumVariable("pg_contract.track_lineage",
							 "Of which statements lineage is recorded.",
							 "contracts: of those that write a dataset or read one into something.",
							 &pgc_track_lineage, PGC_TRACK_CONTRACTS, pgc_track_options,
							 PGC_SUSET, 0, NULL, at_enum, NULL);
	DefineCustomBoolVariable("pg_contract.lineage_sync",
							 "Records lineage in the transaction itself instead of in the background.",
							 NULL,
							 &pgc_lineage_sync, false,
							 PGC_SUSET, 0, NULL, at_bool, NULL);
	DefineCustomEnumVariable("pg_contract.pii_policy",
							 "What happens to a statement that copies personal data into a column that is not tagged for it.",
							 NULL,
							 &pgc_pii_policy, PGC_PII_OFF, pgc_pii_options,
							 PGC_SUSET, 0, NULL, at_enum, NULL);
	DefineCustomStringVariable("pg_contract.masking_functions",
							   "Functions whose result does not give their arguments away, with their schemas.",
							   "Beside the hash functions of PostgreSQL and of pgcrypto.",
							   &pgc_masking_functions, "",
							   PGC_SUSET, GUC_LIST_INPUT, NULL, NULL, NULL);
	DefineCustomStringVariable("pg_contract.lineage_namespace",
							   "Namespace of this server's datasets in OpenLineage.",
							   "Empty: postgres:// with the server's address and port.",
							   &pgc_lineage_namespace, "",
							   PGC_USERSET, 0, NULL, NULL, NULL);
	if (process_shared_preload_libraries_in_progress)
		DefineCustomIntVariable("pg_contract.lineage_statements",
								"How many statements with lineage are known in shared memory at a time.",
								"0 keeps none: then lineage is recorded only with pg_contract.lineage_sync.",
								&pgc_lineage_statements, 5000, 0, 1000000,
								PGC_POSTMASTER, 0, NULL, NULL, NULL);
}
