/*
 * src/worker/release.c
 *		Workers make way for DDL on their database and on the extension.
 *
 * DROP DATABASE and its like wait for nobody who is connected, or only for seconds; a
 * worker may be in the middle of an audit.  So whoever may run such a command
 * ends the workers first; they lose nothing but time.  New ones are held off until the
 * end of the transaction, which undoes that however it ends.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "compat.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "tcop/utility.h"
#include "utils/syscache.h"
#include "worker/shared.h"

#define WAIT_MS		(30 * 1000) /* at most, for a worker to end */
#define POLL_MS		10

static ProcessUtility_hook_type previous_utility = NULL;

/* The database that this transaction holds workers off from, or InvalidOid. */
static Oid	held = InvalidOid;

/* release holds off workers from a database, and ends those that are in it. */
static void
release(Oid database)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), WAIT_MS);

	if (held != database)
	{
		pgc_release_end();
		held = database;
		pgc_shared_hold(database);
	}
	while (pgc_shared_evict(database) && GetCurrentTimestamp() < until)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, POLL_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * pgc_release_end lets workers in again at the end of the transaction.  A
 * database that was dropped is forgotten at the launcher's next look.
 */
void
pgc_release_end(void)
{
	if (OidIsValid(held))
		pgc_shared_unhold(held);
	held = InvalidOid;
}

/* is_template: may anybody who creates databases copy it? */
static bool
is_template(Oid database)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	bool		result = false;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_database) GETSTRUCT(tuple))->datistemplate;
		ReleaseSysCache(tuple);
	}
	return result;
}

/*
 * release_database makes workers leave a database that its owner is about to drop or
 * change, or somebody to copy.  Who may not do that is told so by the command itself.
 */
static void
release_database(const char *name, bool to_copy)
{
	Oid			database = get_database_oid(name, true);

	if (OidIsValid(database) && (pgc_compat_owns_database(database, GetUserId()) ||
								 (to_copy && is_template(database))))
		release(database);
}

/* option returns the value of one of a command's options, or NULL. */
static const char *
option(const List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *element = lfirst_node(DefElem, lc);

		if (strcmp(element->defname, name) == 0 && element->arg != NULL)
			return defGetString(element);
	}
	return NULL;
}

/* drops_extension: is pg_contract among what is dropped, by one who may? */
static bool
drops_extension(const DropStmt *statement)
{
	ListCell   *lc;

	if (statement->removeType != OBJECT_EXTENSION)
		return false;
	foreach(lc, statement->objects)
	{
		if (strcmp(strVal(lfirst(lc)), "pg_contract") == 0)
		{
			Oid			extension = get_extension_oid("pg_contract", true);

			return OidIsValid(extension) && pgc_compat_owns_extension(extension, GetUserId());
		}
	}
	return false;
}

/* make_way does what a command needs of the workers before it runs. */
static void
make_way(Node *statement)
{
	const char *name;

	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			release_database(((DropdbStmt *) statement)->dbname, false);
			break;
		case T_CreatedbStmt:
			name = option(((CreatedbStmt *) statement)->options, "template");
			release_database(name ? name : "template1", true);
			break;
		case T_AlterDatabaseStmt:
			if (option(((AlterDatabaseStmt *) statement)->options, "tablespace") != NULL)
				release_database(((AlterDatabaseStmt *) statement)->dbname, false);
			break;
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
				release_database(((RenameStmt *) statement)->subname, false);
			break;
		case T_DropStmt:
			if (drops_extension((DropStmt *) statement))
			{
				release(MyDatabaseId);
				pgc_nudge(PGC_TENDING);
			}
			break;
		case T_CreateExtensionStmt:
			if (strcmp(((CreateExtensionStmt *) statement)->extname, "pg_contract") == 0)
				pgc_nudge(PGC_TENDING);
			break;
		case T_AlterExtensionStmt:
			if (strcmp(((AlterExtensionStmt *) statement)->extname, "pg_contract") == 0)
				pgc_nudge(PGC_TENDING);
			break;
		default:
			break;
	}
}

/* utility is the hook. */
static void
utility(PlannedStmt *statement, const char *query, bool read_only, ProcessUtilityContext context,
		ParamListInfo params, QueryEnvironment *environment, DestReceiver *receiver, QueryCompletion *completion)
{
	make_way(statement->utilityStmt);
	if (previous_utility)
		previous_utility(statement, query, read_only, context, params, environment, receiver, completion);
	else
		standard_ProcessUtility(statement, query, read_only, context, params, environment, receiver, completion);
}

/* pgc_release_init hooks this in; only where the library is preloaded, as without there are no workers. */
void
pgc_release_init(void)
{
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility;
}
