/*
 * src/catalog/binding.c
 *		What ties a dataset to the relation that stands under its name: the
 *		row in contract.binding and the triggers on the relation.
 *
 * Triggers are named zz_contract_<dataset>_<what> so that BEFORE triggers of
 * the user's mostly run first.  Their arguments are the dataset, the strongest
 * action of its rules and the columns that the WHEN clause passes, in order:
 * what is needed to judge a row when the catalog does not know the dataset,
 * and to read conforms()' arguments.  They fire always, also under
 * session_replication_role = replica, and go with the extension.
 *
 * Locks: making or replacing triggers takes ShareRowExclusive on the relation,
 * dropping them AccessExclusive, nothing to change takes nothing.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/contract.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "catalog/tables.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* The triggers that a dataset may have. */
typedef enum What
{
	AFTER_INSERT,				/* bulk: conforms() in WHEN */
	AFTER_UPDATE,
	AFTER_WRITE,				/* oltp: no WHEN */
	BEFORE_WRITE,				/* quarantine */
	NTRIGGERS
} What;

static const char *const what_names[] = {"insert", "update", "write", "divert"};

/* What a dataset's rules need of its relation. */
typedef struct Needs
{
	bool		triggers[NTRIGGERS];
	PgcAction	strongest;
	List	   *columns;		/* names (char *) in the relation's order */
	bool		moves;			/* partitioned: BEFORE_WRITE sees deletes too */
} Needs;

static Oid
function_oid(const char *name)
{
	return LookupFuncName(list_make2(makeString("contract"), makeString(pstrdup(name))), 0, NULL, true);
}

/* is_ours: is this a trigger of that dataset? */
static bool
is_ours(const Trigger *trigger, int32 dataset_id, Oid record, Oid divert)
{
	return (trigger->tgfoid == record || trigger->tgfoid == divert) &&
		trigger->tgnargs >= 2 && OidIsValid(trigger->tgfoid) &&
		pg_strtoint32(trigger->tgargs[0]) == dataset_id;
}

/* find_trigger returns the relation's trigger of that kind, or NULL. */
static const Trigger *
find_trigger(int32 dataset_id, Relation relation, What what)
{
	TriggerDesc *triggers = relation->trigdesc;
	Oid			record = function_oid("record");
	Oid			divert = function_oid("divert");
	char	   *suffix = psprintf("_%s", what_names[what]);

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];
		int			start = strlen(trigger->tgname) - strlen(suffix);

		if (is_ours(trigger, dataset_id, record, divert) && start > 0 &&
			strcmp(trigger->tgname + start, suffix) == 0)
			return trigger;
	}
	return NULL;
}

/* pgc_binding_has_triggers: does the relation carry any trigger of the dataset? */
bool
pgc_binding_has_triggers(int32 dataset_id, Relation relation)
{
	for (int i = 0; i < NTRIGGERS; i++)
	{
		if (find_trigger(dataset_id, relation, i) != NULL)
			return true;
	}
	return false;
}

/* pgc_binding_is_marked: does the relation bear a trigger of the dataset's name?  Locks nothing. */
bool
pgc_binding_is_marked(int32 dataset_id, Oid relid)
{
	for (int i = 0; i < NTRIGGERS; i++)
	{
		if (OidIsValid(get_trigger_oid(relid, psprintf("zz_contract_%d_%s", dataset_id, what_names[i]), true)))
			return true;
	}
	return false;
}

/*
 * pgc_binding_trigger_columns returns the columns (char *) that the dataset's
 * triggers pass; NIL if it has none.
 */
List *
pgc_binding_trigger_columns(int32 dataset_id, Relation relation)
{
	List	   *columns = NIL;

	for (int i = 0; i < NTRIGGERS; i++)
	{
		const Trigger *trigger = find_trigger(dataset_id, relation, i);

		if (trigger == NULL)
			continue;
		for (int arg = 2; arg < trigger->tgnargs; arg++)
			columns = lappend(columns, pstrdup(trigger->tgargs[arg]));
		break;
	}
	return columns;
}

/* takes_triggers: can rows of this relation be checked on write? */
static bool
takes_triggers(Relation relation)
{
	char		kind = relation->rd_rel->relkind;

	return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE || kind == RELKIND_FOREIGN_TABLE;
}

/* needs_of works out the triggers for a contract on its relation. */
static Needs
needs_of(const PgcContract *contract, Relation relation)
{
	Needs		needs = {.strongest = PGC_AUDIT};
	PgcLayout  *layout = pgc_layout_of(relation);
	int			nspecs;
	PgcRuleSpec *specs = pgc_contract_specs(contract, PGC_WARN, &nspecs, NULL);
	PgcProgram *program;
	Bitmapset  *uses = NULL;
	int			column = -1;

	if (!takes_triggers(relation))
		return needs;
	program = pgc_program_compile(CurrentMemoryContext, layout, specs, nspecs);
	for (int i = 0; i < program->nrules; i++)
	{
		needs.strongest = Max(needs.strongest, program->rules[i].action);
		uses = bms_add_members(uses, program->rules[i].uses);
		if (program->rules[i].action == PGC_QUARANTINE)
			needs.triggers[BEFORE_WRITE] = true;
	}
	while ((column = bms_next_member(uses, column)) >= 0)
		needs.columns = lappend(needs.columns, pstrdup(NameStr(layout->columns[column].name)));
	if (program->nrules > 0)
	{
		needs.triggers[AFTER_WRITE] = contract->oltp;
		needs.triggers[AFTER_INSERT] = needs.triggers[AFTER_UPDATE] = !contract->oltp;
	}
	needs.moves = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	MemoryContextDelete(program->context);
	return needs;
}

/* suffices: does a trigger pass all columns needed and know the strongest action? */
static bool
suffices(const Trigger *trigger, const Needs *needs)
{
	ListCell   *cell;

	if (trigger == NULL || strcmp(trigger->tgargs[1], pgc_action_name(needs->strongest)) != 0)
		return false;
	foreach(cell, needs->columns)
	{
		int			arg = 2;

		while (arg < trigger->tgnargs && strcmp(trigger->tgargs[arg], lfirst(cell)) != 0)
			arg++;
		if (arg == trigger->tgnargs)
			return false;
	}
	return true;
}

/*
 * any_missing: is a trigger that the rules need absent or too small?  All are
 * remade then, since they must agree on the columns they pass.
 */
static bool
any_missing(const PgcContract *contract, Relation relation, const Needs *needs)
{
	for (int i = 0; i < NTRIGGERS; i++)
	{
		const Trigger *trigger = find_trigger(contract->dataset_id, relation, i);

		if (needs->triggers[i] &&
			(!suffices(trigger, needs) || trigger->tgenabled != TRIGGER_FIRES_ALWAYS))
			return true;
	}
	return false;
}

static Node *
new_column(Node *field)
{
	ColumnRef  *reference = makeNode(ColumnRef);

	reference->fields = list_make2(makeString("new"), field);
	reference->location = -1;
	return (Node *) reference;
}

/* when_clause returns NOT contract.conforms(<dataset>, NEW.c1, ...), raw. */
static Node *
when_clause(int32 dataset_id, What what, List *columns)
{
	char	   *function = what == AFTER_INSERT ? "conforms" : "conforms_update";
	A_Const    *id = makeNode(A_Const);
	List	   *args;
	ListCell   *cell;

	id->val.ival.type = T_Integer;
	id->val.ival.ival = dataset_id;
	id->location = -1;
	args = list_make1(id);
	if (list_length(columns) >= FUNC_MAX_ARGS)
		args = lappend(args, new_column((Node *) makeNode(A_Star)));
	else
	{
		foreach(cell, columns)
			args = lappend(args, new_column((Node *) makeString(lfirst(cell))));
	}
	return (Node *) makeBoolExpr(NOT_EXPR,
								 list_make1(makeFuncCall(list_make2(makeString("contract"), makeString(function)),
														 args, COERCE_EXPLICIT_CALL, -1)), -1);
}

/* events_of returns which events a trigger of that kind is for. */
static int16
events_of(What what, const Needs *needs)
{
	switch (what)
	{
		case AFTER_INSERT:
			return TRIGGER_TYPE_INSERT;
		case AFTER_UPDATE:
			return TRIGGER_TYPE_UPDATE;
		case BEFORE_WRITE:
			if (needs->moves)
				return TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE;
			return TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE;
		default:
			return TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE;
	}
}

/* make_trigger makes or replaces one trigger. */
static void
make_trigger(const PgcContract *contract, What what, const Needs *needs)
{
	CreateTrigStmt *statement = makeNode(CreateTrigStmt);
	ObjectAddress trigger;
	ObjectAddress extension;
	ListCell   *cell;

	statement->replace = true;
	statement->trigname = psprintf("zz_contract_%d_%s", contract->dataset_id, what_names[what]);
	statement->funcname = list_make2(makeString("contract"),
									 makeString(what == BEFORE_WRITE ? "divert" : "record"));
	statement->args = list_make2(makeString(psprintf("%d", contract->dataset_id)),
								 makeString(pstrdup(pgc_action_name(needs->strongest))));
	foreach(cell, needs->columns)
		statement->args = lappend(statement->args, makeString(lfirst(cell)));
	statement->row = true;
	statement->timing = what == BEFORE_WRITE ? TRIGGER_TYPE_BEFORE : TRIGGER_TYPE_AFTER;
	statement->events = events_of(what, needs);
	/* rules whose columns are all gone leave nothing to pass: record() judges */
	if ((what == AFTER_INSERT || what == AFTER_UPDATE) && needs->columns != NIL)
		statement->whenClause = when_clause(contract->dataset_id, what, needs->columns);

	trigger = CreateTriggerFiringOn(statement, "pg_contract", contract->relid, InvalidOid,
									InvalidOid, InvalidOid, InvalidOid, InvalidOid, NULL,
									false, false, TRIGGER_FIRES_ALWAYS);
	ObjectAddressSet(extension, ExtensionRelationId, get_extension_oid("pg_contract", false));
	recordDependencyOn(&trigger, &extension, DEPENDENCY_AUTO_EXTENSION);
	CommandCounterIncrement();
}

/* drop_trigger drops one trigger, quietly. */
static void
drop_trigger(Oid trigger)
{
	ObjectAddress address;

	ObjectAddressSet(address, TriggerRelationId, trigger);
	performDeletion(&address, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
	CommandCounterIncrement();
}

/* drop_triggers drops the dataset's triggers of the kinds wanted[]. */
static void
drop_triggers(int32 dataset_id, Oid relid, const bool *wanted)
{
	Relation	relation = table_open(relid, AccessShareLock);
	List	   *oids = NIL;
	ListCell   *cell;

	for (int i = 0; i < NTRIGGERS; i++)
	{
		const Trigger *trigger = wanted[i] ? find_trigger(dataset_id, relation, i) : NULL;

		if (trigger != NULL)
			oids = lappend_oid(oids, trigger->tgoid);
	}
	table_close(relation, NoLock);
	foreach(cell, oids)
		drop_trigger(lfirst_oid(cell));
}

/* pgc_binding_drop_triggers takes all the dataset's triggers off a relation. */
void
pgc_binding_drop_triggers(int32 dataset_id, Oid relid)
{
	const bool	all[NTRIGGERS] = {true, true, true, true};

	drop_triggers(dataset_id, relid, all);
}

/*
 * pgc_binding_make_triggers gives the contract's relation exactly the triggers
 * that its rules need.  Runs as the relation's owner.
 */
void
pgc_binding_make_triggers(const PgcContract *contract)
{
	Relation	relation = table_open(contract->relid, AccessShareLock);
	Needs		needs = needs_of(contract, relation);
	bool		missing = any_missing(contract, relation, &needs);
	bool		surplus[NTRIGGERS];
	Oid			role;
	int			context;

	for (int i = 0; i < NTRIGGERS; i++)
		surplus[i] = !needs.triggers[i];
	GetUserIdAndSecContext(&role, &context);
	SetUserIdAndSecContext(relation->rd_rel->relowner, context | SECURITY_LOCAL_USERID_CHANGE);
	table_close(relation, NoLock);

	if (missing)
	{
		LockRelationOid(contract->relid, ShareRowExclusiveLock);
		for (int i = 0; i < NTRIGGERS; i++)
		{
			if (needs.triggers[i])
				make_trigger(contract, i, &needs);
		}
	}
	drop_triggers(contract->dataset_id, contract->relid, surplus);
	SetUserIdAndSecContext(role, context);
	pgc_cache_invalidate(contract->relid);
}

/* missing_relation says why a contract has no relation. */
static char *
missing_relation(const PgcContract *contract)
{
	if (!OidIsValid(pgc_contract_named(&contract->schema_name, &contract->table_name)))
		return psprintf("there is no relation %s", contract->name);
	return psprintf("the relation %s is another owner's than role %s, whose rules these are; to accept them, its owner runs SELECT contract.enforce(%s)",
					contract->name, quote_identifier(NameStr(contract->author)), quote_literal_cstr(contract->name));
}

/*
 * pgc_binding_lock_needed returns the lock on the contract's relation that
 * pgc_binding_make_triggers would take; the contract may be one that is not
 * stored yet.
 */
LOCKMODE
pgc_binding_lock_needed(const PgcContract *contract)
{
	Relation	relation = table_open(contract->relid, AccessShareLock);
	Needs		needs = needs_of(contract, relation);
	LOCKMODE	mode = any_missing(contract, relation, &needs) ? ShareRowExclusiveLock : NoLock;

	for (int i = 0; i < NTRIGGERS; i++)
	{
		if (!needs.triggers[i] && find_trigger(contract->dataset_id, relation, i) != NULL)
			mode = AccessExclusiveLock;
	}
	table_close(relation, NoLock);
	return mode;
}

/* trigger_problem says (palloc'd) which trigger a relation should have and has not, or not in force; or returns NULL. */
static char *
trigger_problem(const PgcContract *contract, const Needs *needs, Relation relation, bool is_root)
{
	for (int i = 0; i < NTRIGGERS; i++)
	{
		const Trigger *trigger = find_trigger(contract->dataset_id, relation, i);

		if (!needs->triggers[i])
			continue;
		if (trigger == NULL)
			return psprintf("trigger zz_contract_%d_%s is missing", contract->dataset_id, what_names[i]);
		if (trigger->tgenabled != TRIGGER_FIRES_ALWAYS)
			return psprintf("trigger %s is disabled or does not fire always", trigger->tgname);
		if (is_root && !suffices(trigger, needs))
			return psprintf("trigger %s does not fit the rules", trigger->tgname);
	}
	return NULL;
}

/*
 * pgc_binding_problem says (palloc'd) why the contract is not enforced on
 * write as its rules say, or returns NULL.
 */
char *
pgc_binding_problem(const PgcContract *contract)
{
	char	   *problem;
	Relation	relation;
	Needs		needs;

	if (!OidIsValid(contract->relid))
		return missing_relation(contract);
	relation = table_open(contract->relid, AccessShareLock);
	needs = needs_of(contract, relation);
	problem = trigger_problem(contract, &needs, relation, true);
	table_close(relation, AccessShareLock);
	if (problem != NULL)
		problem = psprintf("%s; run SELECT contract.enforce(%s)", problem, quote_literal_cstr(contract->name));
	return problem;
}

/*
 * pgc_binding_uncovered returns the partitions of a contract's relation whose rows
 * are not all checked on write, as a list of PgcUncovered (palloc'd).
 */
List *
pgc_binding_uncovered(const PgcContract *contract)
{
	List	   *result = NIL;
	Relation	relation = table_open(contract->relid, AccessShareLock);
	Needs		needs = needs_of(contract, relation);
	ListCell   *cell;

	table_close(relation, NoLock);
	if (!needs.moves)
		return NIL;				/* not partitioned */
	foreach(cell, find_all_inheritors(contract->relid, AccessShareLock, NULL))
	{
		Relation	partition = table_open(lfirst_oid(cell), NoLock);
		bool		is_root = lfirst_oid(cell) == contract->relid;
		bool		foreign = partition->rd_rel->relkind == RELKIND_FOREIGN_TABLE;
		char	   *problem = is_root ? NULL : trigger_problem(contract, &needs, partition, false);

		if (problem != NULL || (foreign && needs.columns != NIL))
		{
			PgcUncovered *uncovered = palloc(sizeof(PgcUncovered));

			uncovered->name = pgc_catalog_name(get_namespace_name(RelationGetNamespace(partition)),
											   RelationGetRelationName(partition));
			uncovered->foreign = problem == NULL;
			uncovered->problem = problem ? problem :
				pstrdup("it is a foreign table, and what others write to it is not checked");
			result = lappend(result, uncovered);
		}
		table_close(partition, NoLock);
	}
	return result;
}

/* column_arrays makes the int2[] and name[] of a relation's live columns. */
static void
column_arrays(Relation relation, Datum *numbers, Datum *names)
{
	TupleDesc	descriptor = RelationGetDescr(relation);
	Datum	   *number = palloc(Max(descriptor->natts, 1) * sizeof(Datum));
	Datum	   *name = palloc(Max(descriptor->natts, 1) * sizeof(Datum));
	int			count = 0;

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (attribute->attisdropped)
			continue;
		number[count] = Int16GetDatum(attribute->attnum);
		name[count++] = NameGetDatum(&attribute->attname);
	}
	*numbers = PointerGetDatum(construct_array(number, count, INT2OID, sizeof(int16), true, TYPALIGN_SHORT));
	*names = PointerGetDatum(construct_array(name, count, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
}

/* write_author notes whose rules a dataset's are: the owner's of its relation. */
static void
write_author(int32 dataset_id, Relation relation)
{
	const Oid	types[] = {INT4OID, OIDOID};
	const Datum values[] = {Int32GetDatum(dataset_id), ObjectIdGetDatum(relation->rd_rel->relowner)};

	pgc_catalog_execute("UPDATE contract.dataset SET author = pg_catalog.pg_get_userbyid($2)"
						" WHERE dataset_id = $1 AND author <> pg_catalog.pg_get_userbyid($2)",
						2, types, values, NULL);
}

/*
 * pgc_binding_write binds a dataset to a relation and notes its columns and owner.
 * The first time it accepts the columns as they are; afterwards that is the
 * guard's.  Another dataset that is bound to it (names are being exchanged) loses
 * it: its id is returned, else 0.
 */
int32
pgc_binding_write(int32 dataset_id, Oid relid)
{
	const Oid	types[] = {INT4OID, OIDOID, INT2ARRAYOID, NAMEARRAYOID, NAMEARRAYOID, OIDARRAYOID, INT4ARRAYOID,
	BOOLARRAYOID};
	Relation	relation = table_open(relid, AccessShareLock);
	int32		other = pgc_contract_of_relation(relid);
	Datum		values[8];

	if (other == dataset_id)
		other = 0;
	if (other != 0)
	{
		pgc_binding_drop_triggers(other, relid);
		pgc_binding_release(other);
	}
	values[0] = Int32GetDatum(dataset_id);
	values[1] = ObjectIdGetDatum(relid);
	column_arrays(relation, &values[2], &values[3]);
	pgc_shape_arrays(pgc_shape_of(relation), &values[4]);
	pgc_catalog_execute("INSERT INTO contract.binding VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
						" ON CONFLICT (dataset_id) DO UPDATE"
						" SET relid = $2, attnums = $3, attnames = $4",
						8, types, values, NULL);
	write_author(dataset_id, relation);
	table_close(relation, NoLock);
	CommandCounterIncrement();
	pgc_cache_invalidate(relid);
	return other;
}

/* pgc_binding_accept takes a dataset's relation as it is for what DDL is judged against. */
void
pgc_binding_accept(int32 dataset_id, Oid relid)
{
	Relation	relation = table_open(relid, AccessShareLock);

	pgc_shape_accept(dataset_id, pgc_shape_of(relation));
	write_author(dataset_id, relation);
	table_close(relation, NoLock);
}

/* pgc_binding_release takes a dataset's relation from it, for the rest of the transaction. */
void
pgc_binding_release(int32 dataset_id)
{
	const Oid	types[] = {INT4OID};
	const Datum values[] = {Int32GetDatum(dataset_id)};

	pgc_catalog_execute("UPDATE contract.binding SET relid = NULL WHERE dataset_id = $1", 1, types, values, NULL);
	CommandCounterIncrement();
}

/* pgc_binding_forget unties a dataset whose relation is gone. */
void
pgc_binding_forget(int32 dataset_id)
{
	const Oid	types[] = {INT4OID};
	const Datum values[] = {Int32GetDatum(dataset_id)};

	pgc_catalog_execute("DELETE FROM contract.binding WHERE dataset_id = $1", 1, types, values, NULL);
	CommandCounterIncrement();
}
