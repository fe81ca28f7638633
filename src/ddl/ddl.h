/*
 * src/ddl/ddl.h
 *		What DDL does to contracts, and contracts to DDL.
 */
#ifndef PGC_DDL_H
#define PGC_DDL_H

#include "utils/guc.h"

/* pg_contract.ddl_guard */
enum
{
	PGC_GUARD_OFF,
	PGC_GUARD_WARN,
	PGC_GUARD_REFUSE
};

extern int	pgc_ddl_guard;
extern const struct config_enum_entry pgc_guard_options[];

extern void pgc_ddl_pre_commit(void);
extern void pgc_ddl_end(void);

#endif							/* PGC_DDL_H */
