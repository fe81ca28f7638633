/*
 * src/lineage/follow.c
 *		Lineage follows DDL: definitions that were made or altered are derived, what
 *		was renamed is found under its new name, what was dropped is gone.
 *
 * Must never stop DDL: what goes wrong is said in a warning.
 */
#include "postgres.h"

#include "catalog/contract.h"
#include "catalog/pg_class.h"
#include "compat.h"
#include "engine/rights.h"
#include "lineage/lineage.h"
#include "nodes/parsenodes.h"
#include "utils/memutils.h"

/* Relations that were made, renamed or dropped in this transaction, in its context. */
static List *moved = NIL;

/* is_generated: is a column that is added generated? */
static bool
is_generated(const ColumnDef *column)
{
	ListCell   *cell;

	foreach(cell, column->constraints)
	{
		if (lfirst_node(Constraint, cell)->contype == CONSTR_GENERATED)
			return true;
	}
	return false;
}

/* changes_generated: may a part of ALTER TABLE change what a generated column is made of? */
static bool
changes_generated(const AlterTableCmd *part)
{
	switch (part->subtype)
	{
		case AT_AddColumn:
			return is_generated(castNode(ColumnDef, part->def));
		case AT_AlterColumnType:
		case AT_DropExpression:
			return true;
		default:
			return pgc_compat_sets_expression(part);
	}
}

/* changes_nulls: may it change which columns have nulls? */
static bool
changes_nulls(const AlterTableCmd *part)
{
	switch (part->subtype)
	{
		case AT_SetNotNull:
		case AT_DropNotNull:
		case AT_DropConstraint: /* since 18 that may be NOT NULL */
			return true;
		case AT_AddConstraint:
			return castNode(Constraint, part->def)->contype == CONSTR_PRIMARY ||
				castNode(Constraint, part->def)->contype == CONSTR_NOTNULL;
		default:
			return false;
	}
}

/* has_part: has ALTER TABLE a part of a kind? */
static bool
has_part(const AlterTableStmt *statement, bool (*is_such) (const AlterTableCmd *part))
{
	ListCell   *cell;

	foreach(cell, statement->cmds)
	{
		if (is_such(lfirst_node(AlterTableCmd, cell)))
			return true;
	}
	return false;
}

/* is_sql: is a function that is made in language SQL, which is looked through? */
static bool
is_sql(const CreateFunctionStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->options)
	{
		const DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "language") == 0)
			return pg_strcasecmp(strVal(option->arg), "sql") == 0;
	}
	return true;
}

/* defines: may a command make a definition, beside the relation that it is known to make, or change one? */
static bool
defines(const Node *command)
{
	switch (nodeTag(command))
	{
		case T_CreateSchemaStmt:
			return ((const CreateSchemaStmt *) command)->schemaElts != NIL;
		case T_RuleStmt:
			return ((const RuleStmt *) command)->event == CMD_SELECT;
		case T_AlterTableStmt:
			return has_part((const AlterTableStmt *) command, changes_generated) ||
				has_part((const AlterTableStmt *) command, changes_nulls);
		case T_ImportForeignSchemaStmt:
		case T_AlterFunctionStmt:
			return true;
		case T_CreateFunctionStmt:
			return is_sql((const CreateFunctionStmt *) command);
		default:
			return false;
	}
}

/* concerns_dependents: may a command change what others see through what it is about? */
static bool
concerns_dependents(const Node *command)
{
	if (IsA(command, AlterTableStmt))
		return has_part((const AlterTableStmt *) command, changes_nulls);
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
		if (!renames(command))
			pgc_derive_touched(concerns_dependents(command));
	}
}

/* try_follow takes a step in a subtransaction. */
static void
try_follow(void (*step) (const Node *command), const Node *command)
{
	bool		keeps_plans = pgc_catalog_keeps_plans;
	PgcAttempt	attempt;

	pgc_catalog_keeps_plans = true;
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
	pgc_catalog_keeps_plans = keeps_plans;
}

/* pgc_lineage_after, in an event trigger, follows a command that has made a relation, or InvalidOid, or altered something. */
void
pgc_lineage_after(const Node *command, Oid made)
{
	if (OidIsValid(made))
		note(list_make1_oid(made));
	if (defines(command) || renames(command) || (OidIsValid(made) && pgc_definition_is(RelationRelationId, made)))
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
