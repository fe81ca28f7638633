/*
 * src/ddl/guard.c
 *		Refuses DDL that breaks a contract.
 *
 * Judged before commit or prepare, on what the transaction leaves behind: a table
 * that was dropped and made again is as good as one that was never touched.  Only
 * datasets that this transaction's DDL concerned are looked at, which is to say
 * those whose relation it has locked so that nobody else can alter it; and only
 * contracts that are active or deprecated.
 *
 * What cannot be seen at the end is noted on the way: whether triggers were in
 * order before somebody touched them, which partitions were detached.  A note
 * that a rolled back subtransaction left does no harm, since the end is looked at.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "compat.h"
#include "ddl/breach.h"
#include "ddl/ddl.h"
#include "ddl/guard.h"
#include "lineage/lineage.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"

/* So many rules are named for one breach, and so many relations downstream. */
#define SHOWN 10

int			pgc_ddl_guard = PGC_GUARD_REFUSE;

const struct config_enum_entry pgc_guard_options[] = {
	{"refuse", PGC_GUARD_REFUSE, false},
	{"warn", PGC_GUARD_WARN, false},
	{"off", PGC_GUARD_OFF, false},
	{NULL, 0, false}
};

/* A partition that was detached from a dataset's table. */
typedef struct Detached
{
	int32		dataset_id;
	Oid			partition;
} Detached;

/* Notes of this transaction, in its context: ids of datasets, and Detached. */
static List *armed = NIL;		/* triggers were in order before they were
								 * touched */
static List *renamed = NIL;		/* the schema's name may be another one now */
static List *replaced = NIL;	/* another relation took the name */
static List *detached = NIL;

/*
 * restores_dump: does the session run what pg_dump wrote?  Its scripts have both
 * settings.  It drops what it is about to make again, one transaction each.
 */
static bool
restores_dump(void)
{
	return !check_function_bodies && !row_security;
}

/* mode returns the setting; dumps are restored with warnings at most. */
static int
mode(void)
{
	return pgc_ddl_guard == PGC_GUARD_REFUSE && restores_dump() ? PGC_GUARD_WARN : pgc_ddl_guard;
}

/* pgc_guard_watches: is DDL judged by this contract? */
bool
pgc_guard_watches(const PgcContract *contract)
{
	return mode() != PGC_GUARD_OFF && contract->status != NULL &&
		(strcmp(contract->status, "active") == 0 || strcmp(contract->status, "deprecated") == 0);
}

/* pgc_guard_refuses: will commit refuse DDL that breaks the contract? */
bool
pgc_guard_refuses(const PgcContract *contract)
{
	return mode() == PGC_GUARD_REFUSE && pgc_guard_watches(contract);
}

/* note_dataset puts a dataset on one of the lists. */
static void
note_dataset(List **list, int32 dataset_id)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);

	*list = list_append_unique_int(*list, dataset_id);
	MemoryContextSwitchTo(caller);
}

/* pgc_guard_note_replaced notes that another relation took a dataset's name. */
void
pgc_guard_note_replaced(int32 dataset_id)
{
	note_dataset(&replaced, dataset_id);
}

/* datasets_over returns the ids of the datasets of a relation and of what it is a partition of. */
static List *
datasets_over(Oid relid)
{
	List	   *relations = list_make1_oid(relid);
	List	   *result = NIL;
	ListCell   *cell;

	if (get_rel_relispartition(relid))
		relations = list_concat(relations, get_partition_ancestors(relid));
	foreach(cell, relations)
	{
		int32		dataset_id = pgc_contract_of_relation(lfirst_oid(cell));

		if (dataset_id != 0)
			result = lappend_int(result, dataset_id);
	}
	return result;
}

/* disarmed says why rows of a contract's relation are not all checked on write (palloc'd), or returns NULL. */
static char *
disarmed(const PgcContract *contract)
{
	char	   *problem = pgc_binding_problem(contract);
	ListCell   *cell;

	if (problem != NULL)
		return problem;
	foreach(cell, pgc_binding_uncovered(contract))
	{
		const PgcUncovered *uncovered = lfirst(cell);

		if (!uncovered->foreign)
			return psprintf("partition %s: %s", uncovered->name, uncovered->problem);
	}
	return NULL;
}

/* arm notes datasets whose triggers a command may touch and are in order now. */
static void
arm(Oid relid)
{
	ListCell   *cell;

	if (!OidIsValid(relid))
		return;
	foreach(cell, datasets_over(relid))
	{
		const PgcContract *contract = pgc_contract_load(lfirst_int(cell));

		if (!list_member_int(armed, contract->dataset_id) && pgc_guard_watches(contract) &&
			disarmed(contract) == NULL)
			note_dataset(&armed, contract->dataset_id);
	}
}

/* touches_triggers: does a part of ALTER TABLE enable or disable triggers? */
static bool
touches_triggers(AlterTableType type)
{
	switch (type)
	{
		case AT_EnableTrig:
		case AT_EnableAlwaysTrig:
		case AT_EnableReplicaTrig:
		case AT_DisableTrig:
		case AT_EnableTrigAll:
		case AT_DisableTrigAll:
		case AT_EnableTrigUser:
		case AT_DisableTrigUser:
			return true;
		default:
			return false;
	}
}

/* rules_of returns the names of all rules of a contract, or of those checked on write. */
static List *
rules_of(const PgcContract *contract, PgcAction weakest)
{
	List	   *rules = NIL;

	for (int i = 0; i < contract->nrules; i++)
	{
		if (contract->rules[i].spec.action >= weakest)
			rules = lappend(rules, contract->rules[i].spec.name);
	}
	return rules;
}

/* What is wrong, with which contracts. */
typedef struct Report
{
	StringInfoData detail;
	List	   *contracts;		/* ids (char *) */
	bool		documented;		/* one of them has a document */
} Report;

/* contract_words names a contract, its version and owner (palloc'd). */
static char *
contract_words(const PgcContract *contract)
{
	return psprintf("Contract \"%s\"%s%s%s%s, dataset %s", contract->contract_id,
					contract->version ? " " : "", contract->version ? contract->version : "",
					contract->owner ? " of " : "", contract->owner ? contract->owner : "", contract->name);
}

/* say_widening tells of a change that passes, though the contract does not say it. */
static void
say_widening(const PgcContract *contract, const PgcBreach *breach)
{
	ereport(NOTICE,
			(errmsg("%s, which the contract of \"%s\" does not say yet", breach->what, contract->name),
			 errdetail("It holds all values that the declared type does."),
			 errhint("Let the contract follow, since audits compare the types.")));
}

/* add_downstream adds what a column of the dataset (or NULL: all of it) fed before this transaction. */
static void
add_downstream(Report *report, const PgcContract *contract, const char *column)
{
	char	   *downstream = pgc_lineage_downstream_text(NameStr(contract->schema_name), NameStr(contract->table_name),
														 column, SHOWN);

	if (downstream != NULL)
		appendStringInfo(&report->detail, " It feeds: %s.", downstream);
}

/* add_breach adds one thing that is wrong to a report. */
static void
add_breach(Report *report, const PgcContract *contract, const PgcBreach *breach)
{
	ListCell   *cell;
	bool		known = false;

	foreach(cell, report->contracts)
		known |= strcmp(lfirst(cell), contract->contract_id) == 0;
	if (!known)
		report->contracts = lappend(report->contracts, contract->contract_id);
	report->documented |= contract->in_document;
	appendStringInfo(&report->detail, "%s%s: %s", report->detail.len > 0 ? "\n" : "",
					 contract_words(contract), breach->what);
	foreach(cell, breach->rules)
	{
		int			index = foreach_current_index(cell);

		if (index == SHOWN)
			appendStringInfo(&report->detail, " and %d more", list_length(breach->rules) - SHOWN);
		else if (index < SHOWN)
			appendStringInfo(&report->detail, "%s%s", index == 0 ? "; rules: " : ", ", (char *) lfirst(cell));
	}
	appendStringInfoChar(&report->detail, '.');
	if (breach->is_lost)
		add_downstream(report, contract, breach->column);
}

/* add_breaches adds all of a contract to a report, but for changes that pass. */
static void
add_breaches(Report *report, const PgcContract *contract, const List *breaches)
{
	ListCell   *cell;

	foreach(cell, breaches)
	{
		const PgcBreach *breach = lfirst(cell);

		if (breach->widening)
			say_widening(contract, breach);
		else
			add_breach(report, contract, breach);
	}
}

/* way_out says what to do about it (palloc'd). */
static char *
way_out(const Report *report, int level)
{
	return psprintf("%s with contract.drop_rule or contract.drop_contract.%s",
					report->documented ?
					"In the same transaction, apply a version of the document that permits it. What SQL made is ended" :
					"End what forbids it first,",
					level == ERROR ? " Where you may set it, pg_contract.ddl_guard = 'warn' lets it pass." : "");
}

/* deliver raises what was found as an error, or warns of it. */
static void
deliver(const Report *report)
{
	int			level = mode() == PGC_GUARD_REFUSE ? ERROR : WARNING;
	int			ncontracts = list_length(report->contracts);

	if (ncontracts == 0)
		return;
	ereport(level,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 ncontracts == 1 ?
			 errmsg("this transaction breaks contract \"%s\"", (char *) linitial(report->contracts)) :
			 errmsg("this transaction breaks %d contracts", ncontracts),
			 errdetail_internal("%s", report->detail.data),
			 errhint("%s", way_out(report, level))));
}

/* judge_at_once refuses to detach a partition where no transaction can make up for it. */
static void
judge_at_once(Oid relid, const PartitionCmd *command)
{
	Report		report = {.contracts = NIL};
	ListCell   *cell;

	initStringInfo(&report.detail);
	foreach(cell, datasets_over(relid))
	{
		const PgcContract *contract = pgc_contract_load(lfirst_int(cell));

		if (pgc_guard_watches(contract))
			add_breach(&report, contract,
					   pgc_breach_make(psprintf("partition \"%s\" is to be detached", command->name->relname), NIL));
	}
	deliver(&report);
}

/* before_alter_table notes what a part of ALTER TABLE may touch. */
static void
before_alter_table(const AlterTableStmt *statement)
{
	Oid			relid = RangeVarGetRelid(statement->relation, NoLock, true);
	ListCell   *cell;

	if (!OidIsValid(relid) || !pgc_compat_owns_relation(relid, GetUserId()))
		return;					/* PostgreSQL says so */
	foreach(cell, statement->cmds)
	{
		const AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if (touches_triggers(command->subtype))
			arm(relid);
		else if (command->subtype == AT_DetachPartition && ((const PartitionCmd *) command->def)->concurrent)
			judge_at_once(relid, (const PartitionCmd *) command->def);
	}
}

/* before_drop_trigger notes whether our triggers that are dropped are in order. */
static void
before_drop_trigger(const DropStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->objects)
	{
		const List *object = lfirst_node(List, cell);
		List	   *table = list_truncate(list_copy(object), list_length(object) - 1);

		if (strncmp(strVal(llast(object)), "zz_contract_", strlen("zz_contract_")) == 0 && table != NIL)
			arm(RangeVarGetRelid(makeRangeVarFromNameList(table), NoLock, true));
	}
}

/* before_rename_schema notes the datasets whose schema gets another name. */
static void
before_rename_schema(const char *schema)
{
	ListCell   *cell;

	foreach(cell, pgc_contract_list())
	{
		const PgcBound *bound = lfirst(cell);

		if (strcmp(NameStr(bound->schema_name), schema) == 0)
			note_dataset(&renamed, bound->dataset_id);
	}
}

/* pgc_guard_before notes how things are before a command that may change them. */
void
pgc_guard_before(const Node *command)
{
	if (IsA(command, AlterTableStmt))
		before_alter_table((const AlterTableStmt *) command);
	else if (IsA(command, DropStmt) && ((const DropStmt *) command)->removeType == OBJECT_TRIGGER)
		before_drop_trigger((const DropStmt *) command);
	else if (IsA(command, RenameStmt))
	{
		const RenameStmt *statement = (const RenameStmt *) command;

		if (statement->renameType == OBJECT_TRIGGER)
			arm(RangeVarGetRelid(statement->relation, NoLock, true));
		else if (statement->renameType == OBJECT_SCHEMA)
			before_rename_schema(statement->subname);
	}
}

/* note_detached notes a partition that a command has detached. */
static void
note_detached(Oid relid, Oid partition)
{
	ListCell   *cell;

	foreach(cell, datasets_over(relid))
	{
		MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
		Detached   *note = palloc(sizeof(Detached));

		note->dataset_id = lfirst_int(cell);
		note->partition = partition;
		detached = lappend(detached, note);
		MemoryContextSwitchTo(caller);
	}
}

/* pgc_guard_after notes what a command has done that cannot be seen at the end. */
void
pgc_guard_after(const Node *command)
{
	const AlterTableStmt *statement = (const AlterTableStmt *) command;
	ListCell   *cell;

	if (!IsA(command, AlterTableStmt))
		return;
	foreach(cell, statement->cmds)
	{
		const AlterTableCmd *part = lfirst_node(AlterTableCmd, cell);
		const PartitionCmd *partition = (const PartitionCmd *) part->def;
		Oid			relid = part->subtype == AT_DetachPartition && !partition->concurrent ?
		RangeVarGetRelid(statement->relation, NoLock, true) : InvalidOid;

		if (OidIsValid(relid))
			note_detached(relid, RangeVarGetRelid(partition->name, NoLock, true));
	}
}

/* lost_partition: has this transaction detached something below the dataset's relation? */
static bool
lost_partition(int32 dataset_id)
{
	ListCell   *cell;

	foreach(cell, detached)
	{
		if (((const Detached *) lfirst(cell))->dataset_id == dataset_id)
			return true;
	}
	return false;
}

/*
 * is_concerned: has this transaction's DDL to do with the dataset?  A lock that
 * keeps others from altering the relation says so, or a note, or that it lost its
 * relation.
 */
static bool
is_concerned(const PgcBound *bound)
{
	if (bound->ncolumns == 0)
		return false;			/* never bound */
	return !OidIsValid(bound->last) || pgc_compat_holds_lock(bound->last, ShareUpdateExclusiveLock) ||
		list_member_int(renamed, bound->dataset_id) || list_member_int(armed, bound->dataset_id) ||
		lost_partition(bound->dataset_id);
}

/* check_name returns a breach if the dataset's name has no relation any more, or one that it may not have. */
static List *
check_name(const PgcContract *contract, const PgcBound *bound)
{
	Oid			named = pgc_contract_named(&bound->schema_name, &bound->table_name);
	char	   *what = NULL;
	PgcBreach  *breach;

	if (OidIsValid(named) && !OidIsValid(bound->relid) && !pgc_contract_suits(bound->dataset_id, &bound->author, named))
		what = psprintf("the relation was replaced by one of role \"%s\"", pgc_contract_owner_name(named));
	else if (!OidIsValid(named) && !OidIsValid(bound->relid))
		what = pstrdup("the relation is gone");
	else if (!OidIsValid(named) && contract->in_document)
		what = psprintf("the relation was renamed to %s, but not in the document",
						pgc_catalog_name(get_namespace_name(get_rel_namespace(bound->relid)), get_rel_name(bound->relid)));
	if (what == NULL)
		return NIL;
	breach = pgc_breach_make(what, rules_of(contract, PGC_AUDIT));
	breach->is_lost = true;
	return list_make1(breach);
}

/* check_kind adds a breach if rows were checked on write and the relation that took the name cannot have triggers. */
static List *
check_kind(List *breaches, const PgcContract *contract)
{
	char		kind = get_rel_relkind(contract->relid);
	List	   *rules = rules_of(contract, PGC_WARN);

	if (rules == NIL || !list_member_int(replaced, contract->dataset_id) ||
		(kind != RELKIND_VIEW && kind != RELKIND_MATVIEW))
		return breaches;
	return lappend(breaches, pgc_breach_make(pstrdup("a view took the table's place, whose rows are not checked on write"),
											 rules));
}

/* check_triggers adds a breach if triggers were in order before they were touched. */
static List *
check_triggers(List *breaches, const PgcContract *contract)
{
	char	   *problem = list_member_int(armed, contract->dataset_id) ? disarmed(contract) : NULL;

	if (problem == NULL)
		return breaches;
	return lappend(breaches, pgc_breach_make(psprintf("not enforced on write any more: %s", problem),
											 rules_of(contract, PGC_WARN)));
}

/* check_detached adds a breach for each partition that is a table of its own now. */
static List *
check_detached(List *breaches, const PgcContract *contract)
{
	ListCell   *cell;

	foreach(cell, detached)
	{
		const Detached *note = lfirst(cell);
		char	   *name = get_rel_name(note->partition);

		if (note->dataset_id != contract->dataset_id || name == NULL ||
			(get_rel_relispartition(note->partition) &&
			 list_member_oid(get_partition_ancestors(note->partition), contract->relid)))
			continue;
		breaches = lappend(breaches,
						   pgc_breach_make(psprintf("partition \"%s\" is detached, a table of its own", name), NIL));
	}
	return breaches;
}

/* check_relation returns what the relation of a contract does not keep any more. */
static List *
check_relation(const PgcContract *contract)
{
	Relation	relation = table_open(contract->relid, AccessShareLock);
	List	   *breaches = pgc_breach_columns(contract, relation);

	table_close(relation, NoLock);
	breaches = check_kind(breaches, contract);
	breaches = check_triggers(breaches, contract);
	return check_detached(breaches, contract);
}

/* by_name orders datasets for list_sort. */
static int
by_name(const ListCell *left, const ListCell *right)
{
	const PgcBound *a = lfirst(left);
	const PgcBound *b = lfirst(right);
	int			order = namestrcmp(unconstify(NameData *, &a->schema_name), NameStr(b->schema_name));

	return order != 0 ? order : namestrcmp(unconstify(NameData *, &a->table_name), NameStr(b->table_name));
}

/* pgc_guard_judge raises, or warns, if the transaction has broken a contract. */
void
pgc_guard_judge(const List *datasets)
{
	Report		report = {.contracts = NIL};
	List	   *concerned = NIL;
	ListCell   *cell;

	if (mode() == PGC_GUARD_OFF)
		return;
	initStringInfo(&report.detail);
	foreach(cell, datasets)
	{
		if (is_concerned(lfirst(cell)))
			concerned = lappend(concerned, lfirst(cell));
	}
	list_sort(concerned, by_name);
	foreach(cell, concerned)
	{
		const PgcBound *bound = lfirst(cell);
		PgcContract *contract = pgc_contract_load(bound->dataset_id);

		if (!pgc_guard_watches(contract))
			continue;
		add_breaches(&report, contract, check_name(contract, bound));
		if (OidIsValid(contract->relid))
			add_breaches(&report, contract, check_relation(contract));
	}
	deliver(&report);
}

/* pgc_guard_accept takes relations as they are now for what later DDL is judged against. */
void
pgc_guard_accept(const List *datasets)
{
	ListCell   *cell;

	foreach(cell, datasets)
	{
		const PgcBound *bound = lfirst(cell);

		if (OidIsValid(bound->relid) && is_concerned(bound))
			pgc_binding_accept(bound->dataset_id, bound->relid);
	}
}

/* pgc_guard_end forgets the transaction's notes. */
void
pgc_guard_end(void)
{
	armed = renamed = replaced = detached = NIL;
}
