/*
 * src/ddl/guard.h
 *		What following names tells the guard, and asks it.
 */
#ifndef PGC_GUARD_H
#define PGC_GUARD_H

#include "postgres.h"

#include "catalog/contract.h"

extern bool pgc_guard_watches(const PgcContract *contract);
extern bool pgc_guard_refuses(const PgcContract *contract);
extern void pgc_guard_before(const Node *command);
extern void pgc_guard_after(const Node *command);
extern void pgc_guard_note_replaced(int32 dataset_id);
extern void pgc_guard_judge(const List *datasets);
extern void pgc_guard_accept(const List *datasets);
extern void pgc_guard_end(void);

#endif							/* PGC_GUARD_H */
