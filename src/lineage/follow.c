/*
 * src/lineage/follow.c
 *		Lineage follows DDL: definitions that were made or altered are derived, what
 *		was renamed is found under its new name, what was dropped is gone.
 *
 * Must never stop DDL: what goes wrong is said in a warning.
 */
#include "postgres.h"

#include "catalog/contract.h"
#include "engine/rights.h"
#include "lineage/lineage.h"
#include "nodes/parsenodes.h"
#include "utils/memutils.h"

/* Relations that were made, renamed or dropped in this transaction, in its context. */
static List *moved = NIL;

/* may_generate: may CREATE TABLE make a generated column? */
static bool
may_generate(const CreateStmt *statement)
{
	ListCell   *cell;

	if (statement->inhRelations != NIL)
		return true;			/* also of a partition */
	foreach(cell, statement->tableElts)
	{
		const ColumnDef *column = lfirst(cell);
		ListCell   *constraint;

		if (IsA(column, TableLikeClause))
			return true;
		if (!IsA(column, ColumnDef))
			continue;
		foreach(constraint, column->constraints)
		{
			if (lfirst_node(Constraint, constraint)->contype == CONSTR_GENERATED)
				return true;
		}
	}
	return false;
}

/* is_about_nulls: may a part of ALTER TABLE change which columns have nulls? */
static bool
is_about_nulls(AlterTableType type)
{
	switch (type)
	{
		case AT_SetNotNull:
		case AT_DropNotNull:
		case AT_AddIndex:		/* a primary key */
		case AT_AddIndexConstraint:
		case AT_AddConstraint:
		case AT_DropConstraint:
			return true;
		default:
			return false;
	}
}

/* changes_nulls: may ALTER TABLE change which columns have nulls? */
static bool
changes_nulls(const AlterTableStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->cmds)
	{
		if (is_about_nulls(lfirst_node(AlterTableCmd, cell)->subtype))
			return true;
	}
	return false;
}

/* defines: may a command make a definition, or another one of it? */
static bool
defines(const Node *command)
{
	switch (nodeTag(command))
	{
		case T_CreateStmt:
			return may_generate((const CreateStmt *) command);
		case T_CreateForeignTableStmt:
			return may_generate(&((const CreateForeignTableStmt *) command)->base);
		case T_CreateTableAsStmt:
			return ((const CreateTableAsStmt *) command)->objtype == OBJECT_MATVIEW;
		case T_CreateSchemaStmt:
			return ((const CreateSchemaStmt *) command)->schemaElts != NIL;
		case T_RuleStmt:
			return ((const RuleStmt *) command)->event == CMD_SELECT;
		case T_ViewStmt:
		case T_AlterTableStmt:
		case T_ImportForeignSchemaStmt:
		case T_CreateFunctionStmt:
		case T_AlterFunctionStmt:
			return true;
		default:
			return false;
	}
}

/* concerns_dependents: may a command change what others see through what it is about? */
static bool
concerns_dependents(const Node *command)
{
	if (IsA(command, AlterTableStmt))
		return changes_nulls((const AlterTableStmt *) command);
	return IsA(command, AlterFunctionStmt) ||
		(IsA(command, CreateFunctionStmt) && ((const CreateFunctionStmt *) command)->replace);
}

/* renames: may a command have given a relation or a column another name? */
static bool
renames(const Node *command)
{
	return IsA(command, RenameStmt) || IsA(command, AlterObjectSchemaStmt);
}

/* makes_several: may a command make several relations? */
static bool
makes_several(const Node *command)
{
	return IsA(command, CreateSchemaStmt) || IsA(command, ImportForeignSchemaStmt);
}

/* note notes relations that have another name now, or none: commit decides which nodes they are. */
static void
note(List *relids)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);

	moved = list_concat(moved, relids);
	MemoryContextSwitchTo(caller);
}

/* follow brings lineage up to a command that has been run; NULL: one that has dropped something. */
static void
follow(const Node *command)
{
	if (command == NULL)
		note(pgc_definition_dropped());
	else
	{
		if (renames(command) || makes_several(command))
			note(pgc_definition_relations());
		if (defines(command))
			pgc_derive_touched(concerns_dependents(command));
	}
}

/* try_follow does so in a subtransaction. */
static void
try_follow(void (*step) (const Node *command), const Node *command)
{
	PgcAttempt	attempt;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		step(command);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		char	   *message = pgc_attempt_fail(&attempt);

		ereport(WARNING,
				(errmsg("lineage does not follow: %s", message),
				 errhint("Once the cause is gone: SELECT contract.refresh_lineage().")));
	}
	PG_END_TRY();
}

/* pgc_lineage_after, in an event trigger, follows a command that has made a relation, or InvalidOid, or altered something. */
void
pgc_lineage_after(const Node *command, Oid made)
{
	if (OidIsValid(made))
		note(list_make1_oid(made));
	if (defines(command) || renames(command))
		try_follow(follow, command);
}

/* pgc_lineage_drop, in an event trigger, follows a command that has dropped something. */
void
pgc_lineage_drop(void)
{
	try_follow(follow, NULL);
}

/* settle has nodes follow the names that relations have in the end. */
static void
settle(const Node *command)
{
	pgc_lineage_follow(moved);
}

/* pgc_lineage_settle decides, before commit, which nodes relations are that were made, renamed or dropped. */
void
pgc_lineage_settle(void)
{
	if (moved != NIL)
		try_follow(settle, NULL);
	moved = NIL;
}

/* pgc_lineage_forget forgets the transaction's DDL. */
void
pgc_lineage_forget(void)
{
	moved = NIL;
}
