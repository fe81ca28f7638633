/*
 * src/ddl/ddl.h
 *		Contracts follow what DDL does to their relations.
 */
#ifndef PGC_DDL_H
#define PGC_DDL_H

extern void pgc_ddl_pre_commit(void);
extern void pgc_ddl_end(void);

#endif							/* PGC_DDL_H */
