/*
 * src/document/apply.c
 *		contract.apply and contract.apply_file: a document becomes the contract.
 *
 * Steps, of which only the last changes anything: read and check the document;
 * plan it; take all locks; judge its version by the document in force; work out
 * what changes; change it.
 *
 * Locks: the contract's, so that of two documents at once the second is judged
 * by the first; then the definers' of all datasets, of the document and of the
 * contract as it is, in the order of their names; then the relations that get or
 * lose triggers, likewise.  A plan made before the definers' locks may be out of
 * date once they are held, so it is made again until it needs no further lock.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_inherits.h"
#include "document/apply.h"
#include "engine/rights.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include <sys/stat.h>

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_apply);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_apply_file);

/* A dataset that nobody else can define until commit. */
typedef struct PgcLocked
{
	const char *name;
	Oid			relid;			/* or InvalidOid: the name is locked */
} PgcLocked;

/* pgc_outcome adds a row of the result.  All but the message is not copied. */
void
pgc_outcome(PgcApply *apply, const char *path, const char *change, const char *old, const char *new,
			const bool *enforced, const char *format,...)
{
	PgcOutcome *outcome = palloc(sizeof(PgcOutcome));
	va_list		arguments;

	va_start(arguments, format);
	outcome->message = pgc_message(format, arguments);
	va_end(arguments);
	outcome->path = path;
	outcome->change = change;
	outcome->old = old;
	outcome->new = new;
	outcome->enforced = enforced;
	apply->outcomes = lappend(apply->outcomes, outcome);
}

/* read_document reads and checks the document, or raises with line and column. */
static void
read_document(PgcApply *apply)
{
	apply->root = pgc_document_require(apply->source);
	pgc_odcs_check(apply->root, &apply->checked);
	pgc_remarks_raise(&apply->checked);
	pgc_contract_require_id("id of the contract", pgc_node_get_text(apply->root, "id"));
}

/* require_owner: a document is for the owner of every relation that it names. */
static void
require_owner(Oid relid)
{
	pgc_dataset_require_possible(relid);
	pgc_privilege_require_owner(relid);
}

/*
 * make_plan plans the document, or raises with line and column.  In a
 * subtransaction that is rolled back, so that the locks that planning takes, in
 * the order of the document, are not held when others are waited for.
 */
static void
make_plan(PgcApply *apply)
{
	PgcPlanOptions options = {.bind = true,.server = apply->server,.require = require_owner};
	PgcAttempt	attempt;

	memset(&apply->planned, 0, sizeof(apply->planned));
	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		apply->plan = pgc_plan_make(apply->root, &options, &apply->planned);
	}
	PG_CATCH();
	{
		ReThrowError(pgc_attempt_fail_data(&attempt));
	}
	PG_END_TRY();
	pgc_attempt_undo(&attempt);
	pgc_remarks_raise(&apply->planned);
}

/*
 * require_rights: a document is for the owner of the contract's other relations,
 * too.  A dataset that waits for its relation is for its author, a new one for
 * those who may make the relation.
 */
static void
require_rights(PgcApply *apply)
{
	ListCell   *cell;

	foreach(cell, apply->plan->datasets)
	{
		const PgcPlannedDataset *planned = lfirst(cell);
		int32		waiting = pgc_contract_of_name(NameStr(planned->schema_name), NameStr(planned->table_name));

		if (OidIsValid(planned->relid))
			continue;
		pgc_dataset_require_possible_name(planned->name, NameStr(planned->schema_name));
		if (waiting != 0)
			pgc_dataset_require_rights(waiting);
		else
			pgc_privilege_require_create(NameStr(planned->schema_name));
	}
	pgc_contract_require_rights(apply->plan->contract_id);
}

static int
order_locked(const ListCell *left, const ListCell *right)
{
	return strcmp(((PgcLocked *) lfirst(left))->name, ((PgcLocked *) lfirst(right))->name);
}

/* add_locked adds a dataset to a list of PgcLocked. */
static List *
add_locked(List *list, const char *name, Oid relid)
{
	PgcLocked  *locked = palloc(sizeof(PgcLocked));

	locked->name = name;
	locked->relid = relid;
	return lappend(list, locked);
}

/* to_lock returns the datasets of the plan and of the contract as stored, by name. */
static List *
to_lock(const PgcApply *apply)
{
	List	   *list = NIL;
	ListCell   *cell;

	foreach(cell, apply->plan->datasets)
	{
		const PgcPlannedDataset *planned = lfirst(cell);

		list = add_locked(list, planned->name, planned->relid);
	}
	foreach(cell, pgc_contract_datasets(apply->plan->contract_id))
	{
		const PgcContract *stored = pgc_contract_load(lfirst_int(cell));

		list = add_locked(list, stored->name, stored->relid);
	}
	list_sort(list, order_locked);
	return list;
}

/* is_locked: is that dataset among those locked? */
static bool
is_locked(const PgcApply *apply, const PgcLocked *wanted)
{
	ListCell   *cell;

	foreach(cell, apply->locked)
	{
		const PgcLocked *locked = lfirst(cell);

		if (locked->relid == wanted->relid && (OidIsValid(wanted->relid) || strcmp(locked->name, wanted->name) == 0))
			return true;
	}
	return false;
}

/*
 * lock_datasets holds off other definers of all datasets, and DDL on their
 * relations.  Returns whether it had to lock any.
 */
static bool
lock_datasets(PgcApply *apply)
{
	bool		any = false;
	ListCell   *cell;

	foreach(cell, to_lock(apply))
	{
		PgcLocked  *locked = lfirst(cell);

		if (is_locked(apply, locked))
			continue;
		any = true;
		if (OidIsValid(locked->relid))
		{
			pgc_dataset_lock(locked->relid);
			LockRelationOid(locked->relid, AccessShareLock);
		}
		else
			pgc_dataset_lock_name(locked->name);
		apply->locked = lappend(apply->locked, locked);
	}
	return any;
}

/* lock_and_plan makes the plan that holds while the locks are held. */
static void
lock_and_plan(PgcApply *apply)
{
	make_plan(apply);
	require_rights(apply);
	pgc_contract_lock(apply->plan->contract_id);
	while (lock_datasets(apply))
	{
		make_plan(apply);
		require_rights(apply);
	}
}

/* tree_in_force returns the checked tree of the document in force. */
static PgcNode *
tree_in_force(const PgcVersion *version)
{
	PgcYamlProblem problem;
	PgcRemarks	ignored = {NIL};
	PgcNode    *root = pgc_document_read(version->source, &problem);

	/* within the limits when it was applied, perhaps not within today's */
	if (root == NULL)
		root = pgc_node_from_jsonb(version->document);
	pgc_odcs_check(root, &ignored);
	return root;
}

/* list_differences says (palloc'd) what asks for the level, up to ten lines. */
static char *
list_differences(const PgcApply *apply, const char *level)
{
	StringInfoData list;
	int			count = 0;
	ListCell   *cell;

	initStringInfo(&list);
	foreach(cell, apply->differences)
	{
		const PgcChange *change = lfirst(cell);

		if (strcmp(change->level, level) == 0 && count++ < 10)
			appendStringInfo(&list, "%s%s: %s", list.len > 0 ? "\n" : "", change->path, change->message);
	}
	if (count > 10)
		appendStringInfo(&list, "\nand %d more", count - 10);
	return list.data;
}

/*
 * pass_gate compares the document with the one in force, and refuses what it
 * changes under a version that did not rise accordingly.
 */
static void
pass_gate(PgcApply *apply)
{
	const char *old;
	const char *level;
	const char *next;

	apply->in_force = pgc_version_newest(apply->plan->contract_id);
	if (apply->in_force == NULL)
		return;
	apply->differences = pgc_diff(tree_in_force(apply->in_force), apply->root);
	level = pgc_diff_level(apply->differences);
	old = apply->in_force->version;
	if (level == NULL || apply->allow_breaking || pgc_version_suffices(old, apply->plan->version, level))
		return;
	next = pgc_version_after(old, level);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("version \"%s\" of contract \"%s\" is not enough for what changed since version \"%s\"",
					apply->plan->version, apply->plan->contract_id, old),
			 errdetail("These changes ask for a new %s version:\n%s", level, list_differences(apply, level)),
			 next != NULL ?
			 errhint("Set version to %s or higher, or say allow_breaking => true.", next) :
			 errhint("Set version to another one, as major.minor.patch, or say allow_breaking => true.")));
}

/* lock_tables takes the locks that making the triggers will take, in the order of names. */
static void
lock_tables(PgcApply *apply)
{
	ListCell   *locked;
	ListCell   *cell;

	list_sort(apply->locked, order_locked);
	foreach(locked, apply->locked)
	{
		Oid			relid = ((PgcLocked *) lfirst(locked))->relid;

		foreach(cell, apply->settled)
		{
			const PgcSettled *settled = lfirst(cell);
			LOCKMODE	mode;

			if (!OidIsValid(relid) || settled->wanted.relid != relid || !settled->changed)
				continue;
			mode = pgc_binding_lock_needed(&settled->wanted);
			if (mode == NoLock)
				continue;
			LockRelationOid(relid, mode);
			if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
				(void) find_all_inheritors(relid, mode, NULL);
		}
	}
}

/* add_unenforced adds what the document asks for and does not get, and the sum. */
static void
add_unenforced(PgcApply *apply)
{
	static const bool no = false;
	int			enforced;
	int			asked;
	ListCell   *cell;

	foreach(cell, apply->plan->unenforced)
	{
		const PgcUnenforced *unenforced = lfirst(cell);

		pgc_outcome(apply, unenforced->path, "none", NULL, NULL, &no, "%s", unenforced->reason);
	}
	pgc_plan_count(apply->plan, &enforced, &asked);
	pgc_outcome(apply, "", "none", NULL, NULL, NULL, "%d of %d rules enforced", enforced, asked);
}

/* add_warnings adds the warnings among remarks to a list, up to ten of them all. */
static void
add_warnings(const PgcRemarks *remarks, StringInfo list, int *count)
{
	ListCell   *cell;

	foreach(cell, remarks->list)
	{
		const PgcRemark *remark = lfirst(cell);

		if (remark->gravity == PGC_WARNING && (*count)++ < 10)
			appendStringInfo(list, "%sline %d, column %d: %s", list->len > 0 ? "\n" : "", remark->line,
							 remark->column, remark->message);
	}
}

/* warn says what of the document may not mean what its author thinks. */
static void
warn(const PgcApply *apply)
{
	StringInfoData list;
	int			count = 0;

	initStringInfo(&list);
	add_warnings(&apply->checked, &list, &count);
	add_warnings(&apply->planned, &list, &count);
	if (count > 0)
		ereport(WARNING,
				(errmsg_plural("the document of contract \"%s\" has %d warning",
							   "the document of contract \"%s\" has %d warnings", count,
							   apply->plan->contract_id, count),
				 errdetail_internal("%s", list.data),
				 errhint("See contract.lint.")));
}

/* run applies the document. */
static void
run(PgcApply *apply)
{
	lock_and_plan(apply);
	pass_gate(apply);
	warn(apply);
	pgc_settle(apply);
	lock_tables(apply);
	pgc_change(apply);
	add_unenforced(apply);
}

/* try applies the document in a subtransaction, and rolls that back. */
static void
try(PgcApply *apply)
{
	PgcAttempt	attempt;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		run(apply);
	}
	PG_CATCH();
	{
		ReThrowError(pgc_attempt_fail_data(&attempt));
	}
	PG_END_TRY();
	pgc_attempt_undo(&attempt);
}

/* put_text fills a column with a text or null. */
static void
put_text(const char *string, Datum *value, bool *isnull)
{
	*isnull = string == NULL;
	*value = string ? CStringGetTextDatum(string) : (Datum) 0;
}

/* put_rows returns the result: differences of the documents first. */
static void
put_rows(const PgcApply *apply, ReturnSetInfo *result)
{
	ListCell   *cell;

	foreach(cell, apply->differences)
	{
		Datum		values[9];
		bool		nulls[9];

		pgc_change_values(lfirst(cell), values, nulls);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	foreach(cell, apply->outcomes)
	{
		const PgcOutcome *outcome = lfirst(cell);
		Datum		values[9] = {0};
		bool		nulls[9] = {[4] = true,[5] = true,[6] = true};

		put_text(outcome->path, &values[0], &nulls[0]);
		put_text(outcome->change, &values[1], &nulls[1]);
		put_text(outcome->old, &values[2], &nulls[2]);
		put_text(outcome->new, &values[3], &nulls[3]);
		nulls[7] = outcome->enforced == NULL;
		values[7] = BoolGetDatum(!nulls[7] && *outcome->enforced);
		put_text(outcome->message, &values[8], &nulls[8]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* apply_source is contract.apply with arguments 1 on of the call. */
static void
apply_source(FunctionCallInfo fcinfo, text *source)
{
	PgcApply	apply = {.source = source};

	for (int i = 1; i < 4; i += 2)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be null", i == 1 ? "dry_run" : "allow_breaking")));
	}
	PreventCommandIfReadOnly("changing a contract");
	apply.server = pgc_argument_text(fcinfo, 2);
	apply.allow_breaking = PG_GETARG_BOOL(3);
	read_document(&apply);
	if (PG_GETARG_BOOL(1))
		try(&apply);
	else
		run(&apply);
	InitMaterializedSRF(fcinfo, 0);
	put_rows(&apply, (ReturnSetInfo *) fcinfo->resultinfo);
}

/* pgc_apply is contract.apply(document, dry_run, server, allow_breaking). */
Datum
pgc_apply(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("document must not be null")));
	apply_source(fcinfo, PG_GETARG_TEXT_PP(0));
	return (Datum) 0;
}

/* name_file says of an error in which file. */
static void
name_file(void *arg)
{
	errcontext("file \"%s\"", (const char *) arg);
}

/* open_regular opens a file to read, or raises; a pipe would wait for a writer. */
static FILE *
open_regular(const char *path, off_t *size)
{
	struct stat status;
	FILE	   *file;

	if (stat(path, &status) != 0 || (S_ISREG(status.st_mode) && (file = AllocateFile(path, PG_BINARY_R)) == NULL))
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not open file \"%s\" for reading: %m", path)));
	if (!S_ISREG(status.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a regular file", path)));
	*size = status.st_size;
	return file;
}

/* read_file returns a file's text, which is UTF-8, in the server's encoding. */
static text *
read_file(const char *path)
{
	size_t		room = (size_t) pgc_document_max_size * 1024 + 1;
	off_t		size;
	FILE	   *file = open_regular(path, &size);
	char	   *bytes;
	int			length;

	if (size >= room)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the document has more than %d kB", pgc_document_max_size),
				 errhint("The limit is pg_contract.document_max_size.")));
	bytes = palloc(room + 1);
	length = (int) fread(bytes, 1, room, file);
	if (ferror(file))
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not read file \"%s\": %m", path)));
	FreeFile(file);
	bytes[length] = '\0';
	/* a byte order mark is no part of the text */
	if (length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
	{
		bytes += 3;
		length -= 3;
	}
	return cstring_to_text(pg_any_to_server(bytes, length, PG_UTF8));
}

/* pgc_apply_file is contract.apply_file(file, dry_run, server, allow_breaking). */
Datum
pgc_apply_file(PG_FUNCTION_ARGS)
{
	ErrorContextCallback callback;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("file must not be null")));
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to apply a file of the server"),
				 errdetail("Only roles with the privileges of role pg_read_server_files may."),
				 errhint("Anyone may read a file in psql and apply its text with contract.apply.")));
	callback.callback = name_file;
	callback.arg = pgc_argument_text(fcinfo, 0);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	apply_source(fcinfo, read_file(callback.arg));
	error_context_stack = callback.previous;
	return (Datum) 0;
}
