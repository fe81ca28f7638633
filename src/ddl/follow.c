/*
 * src/ddl/follow.c
 *		Event triggers that keep contracts on the relations that bear their
 *		names.
 *
 * A contract belongs to a name, and follows a rename unless the old name is
 * taken again by commit.  So a relation that takes a dataset's name is bound at
 * once (what it is about to receive must be checked), while a relation that
 * lost the name keeps the contract until commit decides.  All state is in the
 * catalog (what is bound, against what is named): a rolled back subtransaction
 * needs no care here.
 *
 * A column in a WHEN clause makes PostgreSQL refuse to change its type and
 * suggest CASCADE to drop it, so our triggers are taken off before such a
 * command and put back after it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/annotate.h"
#include "catalog/contract.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "compat.h"
#include "ddl/breach.h"
#include "ddl/ddl.h"
#include "ddl/guard.h"
#include "fmgr.h"
#include "lineage/lineage.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_follow_ddl);

/* Datasets whose triggers this command's start took off. */
static List *taken_off = NIL;

/* Datasets whose relation another dataset took over: commit says so. */
static List *displaced = NIL;

/* Has this transaction done DDL that commit has to look at? */
static bool ddl_seen = false;

/* relation_named returns the relation under the dataset's name, if it may be one. */
static Oid
relation_named(const PgcBound *bound)
{
	return pgc_contract_named(&bound->schema_name, &bound->table_name);
}

/* is_locked: has this transaction made or altered the relation? */
static bool
is_locked(Oid relid)
{
	return pgc_compat_holds_lock(relid, ShareUpdateExclusiveLock);
}

/* has_triggers: does the relation carry triggers of the dataset? */
static bool
has_triggers(int32 dataset_id, Oid relid)
{
	Relation	relation = table_open(relid, AccessShareLock);
	bool		result = pgc_binding_has_triggers(dataset_id, relation);

	table_close(relation, AccessShareLock);
	return result;
}

/* bind_to ties a dataset to a relation, with triggers or leaving them as they are. */
static void
bind_to(int32 dataset_id, Oid relid, bool with_triggers)
{
	int32		other = pgc_binding_write(dataset_id, relid);

	if (other != 0)
	{
		MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);

		displaced = lappend_int(displaced, other);
		MemoryContextSwitchTo(caller);
	}
	if (with_triggers)
		pgc_binding_make_triggers(pgc_contract_load(dataset_id));
}

/*
 * bind_made binds a dataset without a relation to one that was made, or left,
 * under its name.
 */
static void
bind_made(const PgcBound *bound, Oid relid)
{
	bind_to(bound->dataset_id, relid, !has_triggers(bound->dataset_id, relid));
	if (bound->ncolumns > 0)
		pgc_guard_note_replaced(bound->dataset_id);
	else if (is_locked(relid))
		pgc_breach_warn(pgc_contract_load(bound->dataset_id));
}

/* warn_of_waiting says that a relation is not under the contract of its name, since it is another owner's. */
static void
warn_of_waiting(const PgcBound *bound, Oid relid)
{
	char	   *name = pgc_catalog_name(NameStr(bound->schema_name), NameStr(bound->table_name));

	ereport(WARNING,
			(errmsg("the contract of \"%s\" waits for the word of the relation's owner", name),
			 errdetail("Its rules are those of role \"%s\", and would run with the rights of role \"%s\".",
					   NameStr(bound->author), pgc_contract_owner_name(relid)),
			 errhint("To accept them: SELECT contract.enforce(%s); to end the contract: SELECT contract.drop_contract(%s).",
					 quote_literal_cstr(name), quote_literal_cstr(name))));
}

/* run executes a statement about a column: 1 dataset, 2 old, 3 new name. */
static void
run_rename(const char *sql, int32 dataset_id, const NameData *oldname, const char *newname)
{
	const Oid	types[] = {INT4OID, NAMEOID, NAMEOID};
	NameData	new;
	Datum		values[3];

	namestrcpy(&new, newname);
	values[0] = Int32GetDatum(dataset_id);
	values[1] = NameGetDatum(oldname);
	values[2] = NameGetDatum(&new);
	pgc_catalog_execute(sql, 3, types, values, NULL);
}

/* is_followed: is the rule changed with a column's name?  A document's own words are not, where the guard will refuse. */
static bool
is_followed(const PgcContract *contract, const PgcStoredRule *rule)
{
	return !rule->from_document || (!pgc_guard_refuses(contract) && strcmp(rule->spec.kind, "schema") != 0);
}

/* rename_in_rule rewrites a rule's filter and expression that name a column. */
static void
rename_in_rule(const PgcStoredRule *rule, const NameData *oldname, const char *newname)
{
	const Oid	types[] = {INT8OID, TEXTOID, TEXTOID, NAMEOID, NAMEOID};
	JsonbValue *expression = getKeyJsonValueFromContainer(&rule->spec.parameters->root,
														  "expression", strlen("expression"), NULL);
	NameData	new;
	Datum		values[5];
	char		nulls[6] = "     ";

	namestrcpy(&new, newname);
	values[0] = Int64GetDatum(rule->id);
	nulls[1] = rule->spec.filter ? ' ' : 'n';
	values[1] = rule->spec.filter ?
		CStringGetTextDatum(pgc_expression_rename(rule->spec.filter, NameStr(*oldname), newname)) : (Datum) 0;
	nulls[2] = expression ? ' ' : 'n';
	values[2] = expression ?
		CStringGetTextDatum(pgc_expression_rename(pnstrdup(expression->val.string.val, expression->val.string.len),
												  NameStr(*oldname), newname)) : (Datum) 0;
	values[3] = NameGetDatum(oldname);
	values[4] = NameGetDatum(&new);
	pgc_catalog_execute("UPDATE contract.rule SET filter = $2, columns = array_replace(columns, $4, $5),"
						" parameters = CASE"
						" WHEN $3 IS NOT NULL THEN jsonb_set(parameters, '{expression}', to_jsonb($3))"
						" WHEN kind = 'schema' AND parameters->'columns' <> '[]' THEN jsonb_set(parameters, '{columns}',"
						" (SELECT jsonb_agg(CASE WHEN c->>'name' = $4 THEN jsonb_set(c, '{name}', to_jsonb($5)) ELSE c END"
						" ORDER BY i) FROM jsonb_array_elements(parameters->'columns') WITH ORDINALITY AS e (c, i)))"
						" ELSE parameters END"
						" WHERE rule_id = $1 AND ($2 IS NOT NULL OR $3 IS NOT NULL OR kind = 'schema' OR $4 = ANY (columns))",
						5, types, values, nulls);
}

/* rename_in_rules follows a renamed column in all rules that follow. */
static void
rename_in_rules(const PgcContract *contract, const NameData *oldname, const char *newname)
{
	for (int i = 0; i < contract->nrules; i++)
	{
		if (is_followed(contract, &contract->rules[i]))
			rename_in_rule(&contract->rules[i], oldname, newname);
	}
}

/* rename_column follows a renamed column wherever its name is kept. */
static void
rename_column(int32 dataset_id, const NameData *oldname, const char *newname)
{
	rename_in_rules(pgc_contract_load(dataset_id), oldname, newname);
	pgc_shape_rename(dataset_id, NameStr(*oldname), newname);
	run_rename("DELETE FROM contract.column_annotation"
			   " WHERE dataset_id = $1 AND column_name = $3 AND $2 <> $3", dataset_id, oldname, newname);
	run_rename("UPDATE contract.column_annotation SET column_name = $3"
			   " WHERE dataset_id = $1 AND column_name = $2", dataset_id, oldname, newname);
	run_rename("UPDATE contract.violation SET columns = array_replace(columns, $2, $3),"
			   " \"row\" = CASE WHEN \"row\" ? $2::text"
			   " THEN \"row\" - $2::text || jsonb_build_object($3, \"row\" -> $2::text) ELSE \"row\" END,"
			   " key = CASE WHEN key ? $2::text"
			   " THEN key - $2::text || jsonb_build_object($3, key -> $2::text) ELSE key END"
			   " WHERE dataset_id = $1 AND ($2 = ANY (columns) OR \"row\" ? $2::text)",
			   dataset_id, oldname, newname);
	run_rename("UPDATE contract.result r SET columns = array_replace(columns, $2, $3)"
			   " FROM contract.run n WHERE n.run_id = r.run_id AND n.dataset_id = $1 AND $2 = ANY (columns)",
			   dataset_id, oldname, newname);
	run_rename("UPDATE contract.quarantine"
			   " SET \"row\" = \"row\" - $2::text || jsonb_build_object($3, \"row\" -> $2::text),"
			   " changed = array_replace(changed, $2, $3),"
			   " key = CASE WHEN key ? $2::text"
			   " THEN key - $2::text || jsonb_build_object($3, key -> $2::text) ELSE key END"
			   " WHERE dataset_id = $1 AND \"row\" ? $2::text", dataset_id, oldname, newname);
	CommandCounterIncrement();
}

/* warn_of_dropped names the rules that a dropped column leaves without it, unless the guard will. */
static void
warn_of_dropped(const PgcContract *contract, const char *column)
{
	StringInfoData rules;

	if (pgc_guard_watches(contract))
		return;
	initStringInfo(&rules);
	for (int i = 0; i < contract->nrules; i++)
	{
		const PgcRuleSpec *spec = &contract->rules[i].spec;

		for (int j = 0; j < spec->ncolumns; j++)
		{
			if (strcmp(spec->columns[j], column) == 0)
				appendStringInfo(&rules, "%s%s", rules.len > 0 ? ", " : "", spec->name);
		}
	}
	if (rules.len > 0)
		ereport(WARNING,
				(errmsg("column \"%s\" of dataset \"%s\" is gone, but its contract has rules about it",
						column, contract->name),
				 errdetail("Rules: %s.", rules.data),
				 errhint("Drop them with contract.drop_rule; until then rules that refuse or divert rows stop every write.")));
}

/* is_live: does the relation have a column of this number?  Takes no lock. */
static bool
is_live(Oid relid, AttrNumber attno, NameData *name)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attno));
	bool		live;

	if (!HeapTupleIsValid(tuple))
		return false;
	live = !((Form_pg_attribute) GETSTRUCT(tuple))->attisdropped;
	*name = ((Form_pg_attribute) GETSTRUCT(tuple))->attname;
	ReleaseSysCache(tuple);
	return live;
}

/* highest_attno returns the number of the relation's last column, dropped or not. */
static AttrNumber
highest_attno(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	AttrNumber	result = 0;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
		ReleaseSysCache(tuple);
	}
	return result;
}

/* has_new_columns: are there columns that the binding does not know? */
static bool
has_new_columns(const PgcBound *bound)
{
	AttrNumber	highest = 0;
	AttrNumber	last = highest_attno(bound->relid);
	NameData	name;

	for (int i = 0; i < bound->ncolumns; i++)
		highest = Max(highest, bound->attnums[i]);
	for (AttrNumber attno = highest + 1; attno <= last; attno++)
	{
		if (is_live(bound->relid, attno, &name))
			return true;
	}
	return false;
}

/*
 * follow_columns brings a dataset up to its relation's columns; true if any
 * changed, and sets *gone if one was dropped.  It looks at the system catalogs
 * only and locks nothing: this is done for all datasets, of which this command
 * concerns one at most.
 */
static bool
follow_columns(const PgcBound *bound, bool *gone)
{
	bool		changed = has_new_columns(bound);

	for (int i = 0; i < bound->ncolumns; i++)
	{
		NameData	name;

		if (!is_live(bound->relid, bound->attnums[i], &name))
		{
			warn_of_dropped(pgc_contract_load(bound->dataset_id), NameStr(bound->attnames[i]));
			*gone = true;
		}
		else if (namestrcmp(&name, NameStr(bound->attnames[i])) != 0)
			rename_column(bound->dataset_id, &bound->attnames[i], NameStr(name));
		else
			continue;
		changed = true;
	}
	return changed;
}

/* follow_swap moves a dataset to the relation that took its name, if its author suits that. */
static void
follow_swap(const PgcBound *bound, Oid named)
{
	pgc_binding_drop_triggers(bound->dataset_id, bound->relid);
	if (pgc_contract_suits(bound->dataset_id, &bound->author, named))
	{
		bind_to(bound->dataset_id, named, true);
		pgc_guard_note_replaced(bound->dataset_id);
	}
	else
	{
		pgc_binding_release(bound->dataset_id);
		pgc_cache_invalidate(bound->relid);
		warn_of_waiting(bound, named);
	}
}

/* follow_dataset brings one dataset up to what DDL did. */
static void
follow_dataset(const PgcBound *bound, bool may_have_made)
{
	Oid			named = relation_named(bound);

	if (!OidIsValid(bound->relid))
	{
		/* its relation is gone, and another may have been made in its place */
		if (!OidIsValid(named) || !may_have_made)
			return;
		if (pgc_contract_suits(bound->dataset_id, &bound->author, named))
			bind_made(bound, named);
		else if (is_locked(named))
			warn_of_waiting(bound, named);
	}
	else if (OidIsValid(named) && named != bound->relid)
		follow_swap(bound, named);
	else
	{
		bool		off = list_member_int(taken_off, bound->dataset_id);
		bool		gone = false;
		bool		changed = follow_columns(bound, &gone);

		/* a column that went by CASCADE took the triggers with it */
		if (changed || off)
			bind_to(bound->dataset_id, bound->relid,
					off || gone || has_triggers(bound->dataset_id, bound->relid));
	}
}

/* changes_owner: does ALTER TABLE give the relation to another role, whose contract may have waited? */
static bool
changes_owner(const AlterTableStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->cmds)
	{
		if (lfirst_node(AlterTableCmd, cell)->subtype == AT_ChangeOwner)
			return true;
	}
	return false;
}

/* makes_relations: can the command put a relation under a name, or make one suit a contract? */
static bool
makes_relations(const Node *command)
{
	switch (nodeTag(command))
	{
		case T_CreateStmt:
		case T_CreateTableAsStmt:
		case T_CreateForeignTableStmt:
		case T_ImportForeignSchemaStmt:
		case T_CreateSchemaStmt:
		case T_ViewStmt:
		case T_RenameStmt:
		case T_AlterObjectSchemaStmt:
			return true;
		case T_AlterTableStmt:
			return changes_owner((const AlterTableStmt *) command);
		default:
			return false;
	}
}

/* relation_made returns the relation that a command made, or InvalidOid. */
static Oid
relation_made(const Node *command)
{
	const RangeVar *relation = NULL;

	if (IsA(command, CreateStmt))
		relation = ((const CreateStmt *) command)->relation;
	else if (IsA(command, CreateForeignTableStmt))
		relation = ((const CreateForeignTableStmt *) command)->base.relation;
	else if (IsA(command, CreateTableAsStmt))
		relation = ((const CreateTableAsStmt *) command)->into->rel;
	else if (IsA(command, ViewStmt))
		relation = ((const ViewStmt *) command)->view;
	return relation ? RangeVarGetRelid(relation, NoLock, true) : InvalidOid;
}

/*
 * await_documents waits for a document that is being applied and does not see
 * the new relation yet, and makes later ones wait until it can be seen.
 */
static void
await_documents(const Node *command)
{
	Oid			relid = relation_made(command);

	if (OidIsValid(relid))
		pgc_dataset_await_name(pgc_catalog_name(get_namespace_name(get_rel_namespace(relid)),
												get_rel_name(relid)));
}

/* is_temporary: does the command make a temporary table? */
static bool
is_temporary(const Node *command)
{
	if (IsA(command, CreateStmt))
		return ((const CreateStmt *) command)->relation->relpersistence == RELPERSISTENCE_TEMP;
	if (IsA(command, CreateTableAsStmt))
		return ((const CreateTableAsStmt *) command)->into->rel->relpersistence == RELPERSISTENCE_TEMP;
	return false;
}

/* follow_all looks at every dataset after (or before) a command. */
static void
follow_all(bool may_have_made)
{
	ListCell   *cell;

	foreach(cell, pgc_contract_list())
	{
		CHECK_FOR_INTERRUPTS();
		follow_dataset(lfirst(cell), may_have_made);
	}
}

/* relation_of returns the relation that a command is about, or InvalidOid. */
static Oid
relation_of(const Node *command)
{
	RangeVar   *relation = NULL;

	if (IsA(command, AlterTableStmt))
		relation = ((const AlterTableStmt *) command)->relation;
	else if (IsA(command, RenameStmt))
		relation = ((const RenameStmt *) command)->relation;
	else if (IsA(command, AlterObjectSchemaStmt))
		relation = ((const AlterObjectSchemaStmt *) command)->relation;
	return relation ? RangeVarGetRelid(relation, NoLock, true) : InvalidOid;
}

/* drops_something: can the command drop a relation or a part of one? */
static bool
drops_something(const Node *command)
{
	return IsA(command, DropStmt) || IsA(command, DropOwnedStmt);
}

/*
 * bind_named, before a command, binds the dataset that it is about if that was
 * never bound (after a restore): its name may be another one afterwards.  Of a
 * schema that is renamed, all its datasets; before something is dropped, all that
 * can be locked at once.  Others stay as they are, so that DDL on one table neither
 * locks nor waits for others.
 */
static void
bind_named(const Node *command)
{
	Oid			relid = relation_of(command);
	bool		schema = IsA(command, RenameStmt) &&
	((const RenameStmt *) command)->renameType == OBJECT_SCHEMA;
	bool		drops = drops_something(command);
	ListCell   *cell;

	if (!schema && !drops && !OidIsValid(relid))
		return;
	foreach(cell, pgc_contract_list())
	{
		const PgcBound *bound = lfirst(cell);
		Oid			named = OidIsValid(bound->relid) ? InvalidOid : relation_named(bound);

		if (!OidIsValid(named) || !pgc_contract_suits(bound->dataset_id, &bound->author, named))
			continue;
		if (named == relid || (drops && ConditionalLockRelationOid(named, AccessShareLock)) ||
			(schema && strcmp(NameStr(bound->schema_name), ((const RenameStmt *) command)->subname) == 0))
			bind_to(bound->dataset_id, named, false);
	}
}

/* blocked_by_triggers: would our WHEN clauses stand in the command's way? */
static bool
blocked_by_triggers(const AlterTableStmt *command)
{
	ListCell   *cell;

	foreach(cell, command->cmds)
	{
		AlterTableType type = lfirst_node(AlterTableCmd, cell)->subtype;

		if (type == AT_AlterColumnType || type == AT_DropColumn)
			return true;
	}
	return false;
}

/*
 * take_off takes our triggers off a table and its children that are about to
 * be altered; whoever may not alter the table gets PostgreSQL's own error.
 */
static void
take_off(const AlterTableStmt *command)
{
	Oid			relid = RangeVarGetRelid(command->relation, NoLock, true);
	ListCell   *cell;

	if (!OidIsValid(relid) || !pgc_compat_owns_relation(relid, GetUserId()))
		return;
	foreach(cell, find_all_inheritors(relid, AccessExclusiveLock, NULL))
	{
		int32		dataset_id = pgc_contract_of_relation(lfirst_oid(cell));
		MemoryContext caller;

		if (dataset_id == 0 || !has_triggers(dataset_id, lfirst_oid(cell)))
			continue;
		pgc_binding_drop_triggers(dataset_id, lfirst_oid(cell));
		caller = MemoryContextSwitchTo(TopTransactionContext);
		taken_off = lappend_int(taken_off, dataset_id);
		MemoryContextSwitchTo(caller);
	}
}

/* warn_of_dropped_triggers says which contracts a DROP TRIGGER has disarmed, unless the guard will. */
static void
warn_of_dropped_triggers(const DropStmt *command)
{
	ListCell   *cell;

	foreach(cell, command->objects)
	{
		int32		dataset_id;
		PgcContract *contract;
		char	   *problem;

		if (sscanf(strVal(llast(lfirst_node(List, cell))), "zz_contract_%d_", &dataset_id) != 1)
			continue;
		contract = pgc_contract_load(dataset_id);
		problem = contract && OidIsValid(contract->relid) && !pgc_guard_watches(contract) ?
			pgc_binding_problem(contract) : NULL;
		if (problem != NULL)
			ereport(WARNING,
					(errmsg("the contract of \"%s\" is not enforced on write", contract->name),
					 errdetail_internal("%s.", problem)));
	}
}

/* is_about_routine: does the command make or alter a function or procedure?  Contracts have nothing to do with that. */
static bool
is_about_routine(const Node *command)
{
	return IsA(command, CreateFunctionStmt) || IsA(command, AlterFunctionStmt);
}

/* pgc_follow_ddl is contract.follow_ddl(), for ddl_command_start, _end and sql_drop. */
Datum
pgc_follow_ddl(PG_FUNCTION_ARGS)
{
	const EventTriggerData *data = (const EventTriggerData *) fcinfo->context;
	const Node *command;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function contract.follow_ddl() is for event triggers")));
	command = data->parsetree;
	if (IsBinaryUpgrade || is_temporary(command) || !pgc_catalog_exists())
		PG_RETURN_NULL();

	if (strcmp(data->event, "ddl_command_start") == 0)
	{
		taken_off = NIL;
		bind_named(command);
		pgc_guard_before(command);
		if (IsA(command, AlterTableStmt) && blocked_by_triggers((const AlterTableStmt *) command))
			take_off((const AlterTableStmt *) command);
	}
	else
	{
		if (strcmp(data->event, "sql_drop") == 0)
			pgc_lineage_drop();
		else
			pgc_lineage_after(command, relation_made(command));
		if (is_about_routine(command))
			PG_RETURN_NULL();
		ddl_seen = true;
		await_documents(command);
		follow_all(makes_relations(command));
		pgc_guard_after(command);
		taken_off = NIL;
		if (IsA(command, DropStmt) && ((const DropStmt *) command)->removeType == OBJECT_TRIGGER)
			warn_of_dropped_triggers((const DropStmt *) command);
	}
	PG_RETURN_NULL();
}

/* warn_of_displaced says that a contract applies to nothing any more. */
static void
warn_of_displaced(const PgcBound *bound)
{
	char	   *name = pgc_catalog_name(NameStr(bound->schema_name), NameStr(bound->table_name));

	ereport(WARNING,
			(errmsg("the contract of \"%s\" applies to no relation any more", name),
			 errdetail("Its relation took a name that has a contract of its own."),
			 errhint("It waits for a relation of its name; to end it: SELECT contract.drop_contract(%s).",
					 quote_literal_cstr(name))));
}

/* follow_rename gives a dataset the name that its relation has now. */
static void
follow_rename(const PgcBound *bound)
{
	NameData	schema;
	NameData	table;

	namestrcpy(&schema, get_namespace_name(get_rel_namespace(bound->relid)));
	namestrcpy(&table, get_rel_name(bound->relid));
	if (!pgc_dataset_rename(bound->dataset_id, &schema, &table))
	{
		/* the new name has a contract of its own: this one waits for its name */
		pgc_binding_drop_triggers(bound->dataset_id, bound->relid);
		pgc_binding_forget(bound->dataset_id);
		warn_of_displaced(bound);
	}
	pgc_cache_invalidate(bound->relid);
}

/* forget_relation unbinds a dataset whose relation is gone, and says so. */
static void
forget_relation(const PgcBound *bound)
{
	char	   *name = pgc_catalog_name(NameStr(bound->schema_name), NameStr(bound->table_name));

	if (bound->ncolumns == 0)
		return;					/* not bound: known already */
	pgc_binding_forget(bound->dataset_id);
	ereport(NOTICE,
			(errmsg("the relation of dataset \"%s\" is gone; its contract waits for a relation of that name", name),
			 errhint("To end the contract: SELECT contract.drop_contract(%s).", quote_literal_cstr(name))));
}

/* settle decides what becomes of a dataset whose relation is not the one under its name. */
static void
settle(const PgcBound *bound)
{
	if (OidIsValid(relation_named(bound)))
	{
		/* not bound to it: it waits for its owner's word */
		if (!OidIsValid(bound->relid) && bound->ncolumns > 0)
			pgc_binding_forget(bound->dataset_id);
	}
	else if (OidIsValid(bound->relid))
		follow_rename(bound);
	else if (list_member_int(displaced, bound->dataset_id))
	{
		pgc_binding_forget(bound->dataset_id);
		warn_of_displaced(bound);
	}
	else
		forget_relation(bound);
}

/*
 * pgc_ddl_pre_commit decides, before commit or prepare, whether contracts permit
 * what was done, which datasets follow the relation that lost their name, and which
 * have lost their relation.
 */
void
pgc_ddl_pre_commit(void)
{
	List	   *datasets;
	ListCell   *cell;

	if (!ddl_seen)
		return;
	ddl_seen = false;
	if (!pgc_catalog_exists())
		return;
	PushActiveSnapshot(GetTransactionSnapshot());
	datasets = pgc_contract_list();
	pgc_guard_judge(datasets);
	foreach(cell, datasets)
		settle(lfirst(cell));
	pgc_guard_accept(datasets);
	pgc_lineage_settle();
	PopActiveSnapshot();
}

/* pgc_ddl_end forgets this transaction's DDL. */
void
pgc_ddl_end(void)
{
	ddl_seen = false;
	taken_off = NIL;
	displaced = NIL;
	pgc_guard_end();
	pgc_lineage_forget();
}
