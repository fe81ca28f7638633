/*
 * src/lineage/policy.c
 *		What is said of a statement before it copies personal data, and of one that may
 *		put nulls where there must be none.
 *
 * A copy is a direct edge that does not mask, from a column that holds personal data
 * (personal.c) to a column of a table that is not tagged for it, with whatever category; or to a file or a program of COPY,
 * which no tag can be put on.  A table that is made by the statement has no tags.  Views hold nothing, and
 * temporary tables are looked through when something comes out of them.  A column that is
 * fed by itself is no copy.
 *
 * Warnings are given once a session.  No value of the data is ever in a message.
 */
#include "postgres.h"

#include "catalog/contract.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "lineage/lineage.h"
#include "lineage/personal.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* So many columns are named in a message. */
#define MAX_NAMED 10

/* So many warnings are remembered. */
#define MAX_TOLD 1000

/* An edge that something is said about. */
typedef struct Remark
{
	const PgcEdge *edge;
	const PgcPersonal *personal;	/* what its source holds */
	const char *rule;			/* that its target has */
} Remark;

/* column_name returns the name of an edge's end, with those of its relation and schema; of a file, its path. */
static const char *
column_name(const PgcLineageNode *node, AttrNumber column)
{
	const char *relation = node->schema ? pgc_catalog_name(node->schema, node->name) : quote_identifier(node->name);

	if (node->place != PGC_RELATION)
		return node->name;
	return psprintf("%s.%s", relation, quote_identifier(node->columns[column - 1]));
}

/* is_judged: is it a copy what gets into a node? */
static bool
is_judged(const PgcLineageNode *node)
{
	if (node->place != PGC_RELATION)
		return node->place == PGC_FILE || node->place == PGC_PROGRAM;
	if (node->temporary)
		return false;
	switch (OidIsValid(node->oid) ? get_rel_relkind(node->oid) : RELKIND_RELATION)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
			return true;
		default:
			return false;
	}
}

/* is_allowed: may what is in a column get into another one (relation may be new), being the same or tagged? */
static bool
is_allowed(Oid source, AttrNumber source_column, Oid target, AttrNumber target_column)
{
	const PgcPersonal *held;

	if (!OidIsValid(target))
		return false;
	held = pgc_personal_find(target, target_column);
	if (held != NULL && held->from == NULL)
		return true;
	return pgc_personal_normalize(&source, &source_column) && pgc_personal_normalize(&target, &target_column) &&
		source == target && source_column == target_column;
}

/* add_remark adds a remark, one for each target column: immediate edges are preferred. */
static List *
add_remark(List *remarks, const Remark *remark)
{
	ListCell   *cell;

	foreach(cell, remarks)
	{
		Remark	   *other = lfirst(cell);

		if (other->edge->target != remark->edge->target || other->edge->target_column != remark->edge->target_column)
			continue;
		if (!(other->edge->hops & PGC_IMMEDIATE) && (remark->edge->hops & PGC_IMMEDIATE))
			*other = *remark;
		return remarks;
	}
	return lappend(remarks, memcpy(palloc(sizeof(Remark)), remark, sizeof(Remark)));
}

/* find_copies returns the edges that copy personal data to where it should not be, as a List of Remark *. */
static List *
find_copies(const PgcLineage *lineage)
{
	List	   *copies = NIL;

	for (int i = 0; i < lineage->nedges; i++)
	{
		const PgcEdge *edge = &lineage->edges[i];
		const PgcLineageNode *source = &lineage->nodes[edge->source];
		const PgcLineageNode *target = &lineage->nodes[edge->target];
		Remark		remark = {.edge = edge};

		if (!PGC_IS_DIRECT(edge->subtype) || edge->masking || edge->target_column == 0 ||
			source->place != PGC_RELATION || !OidIsValid(source->oid))
			continue;
		remark.personal = pgc_personal_find(source->oid, edge->source_column);
		if (remark.personal != NULL && is_judged(target) &&
			!is_allowed(source->oid, edge->source_column, target->oid, edge->target_column))
			copies = add_remark(copies, &remark);
	}
	return copies;
}

/* name_hash returns a hash of a node's name. */
static uint64
name_hash(const PgcLineageNode *node)
{
	uint64		schema = node->schema ? hash_bytes_extended((const unsigned char *) node->schema, strlen(node->schema), 0) : 0;

	return hash_bytes_extended((const unsigned char *) node->name, strlen(node->name), schema);
}

/* was_told: has this session had such a warning?  If not, now it has. */
static bool
was_told(const PgcLineage *lineage, const List *remarks)
{
	static HTAB *told = NULL;
	uint64		key = 0;
	ListCell   *cell;
	bool		found;

	foreach(cell, remarks)
	{
		const PgcEdge *edge = ((const Remark *) lfirst(cell))->edge;

		key = hash_combine64(key, lineage->nodes[edge->source].oid);
		key = hash_combine64(key, name_hash(&lineage->nodes[edge->target]));
		key = hash_combine64(key, ((uint64) edge->source_column << 16) + edge->target_column);
	}
	if (told != NULL && hash_get_num_entries(told) >= MAX_TOLD)
	{
		hash_destroy(told);
		told = NULL;
	}
	if (told == NULL)
	{
		const HASHCTL control = {.keysize = sizeof(uint64),.entrysize = sizeof(uint64),.hcxt = CacheMemoryContext};

		told = hash_create("pg_contract warnings given", 32, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	hash_search(told, &key, HASH_ENTER, &found);
	return found;
}

/* append_more says how many columns there are if not all are named (palloc'd). */
static char *
append_more(StringInfo detail, int count)
{
	if (count > MAX_NAMED)
		appendStringInfo(detail, "\nThere are %d such columns.", count);
	return detail->data;
}

/* path_text returns a way through columns, the target's the last (palloc'd). */
static char *
path_text(const PgcPersonal *personal, const char *target)
{
	StringInfoData path;
	ListCell   *cell;

	initStringInfo(&path);
	foreach(cell, pgc_personal_path(personal))
		appendStringInfo(&path, "%s -> ", (const char *) lfirst(cell));
	appendStringInfoString(&path, target);
	return path.data;
}

/* copies_detail says from where columns get what (palloc'd). */
static char *
copies_detail(const PgcLineage *lineage, const List *copies)
{
	StringInfoData detail;

	initStringInfo(&detail);
	for (int i = 0; i < Min(list_length(copies), MAX_NAMED); i++)
	{
		const Remark *copy = list_nth(copies, i);
		const PgcEdge *edge = copy->edge;
		const char *classification = copy->personal->classification;

		appendStringInfo(&detail, "%sCategory %s%s%s comes through %s.", i > 0 ? "\n" : "", copy->personal->category,
						 classification ? ", " : "", classification ? classification : "",
						 path_text(copy->personal, column_name(&lineage->nodes[edge->target], edge->target_column)));
	}
	return append_more(&detail, list_length(copies));
}

/* copy_hint says what to do about a copy (palloc'd). */
static char *
copy_hint(const PgcLineageNode *target, const Remark *copy)
{
	static const char mask[] = "mask it with a hash function or one of pg_contract.masking_functions.";

	if (target->place != PGC_RELATION)
		return psprintf("Leave it out, or %s", mask);
	if (!OidIsValid(target->oid))
		return psprintf("If it belongs there, make it WITH NO DATA first and tag its columns with contract.pii(...); else %s", mask);
	return psprintf("If it belongs there, say so with contract.pii(%s, %s, %s); else %s",
					quote_literal_cstr(pgc_catalog_name(target->schema, target->name)),
					quote_literal_cstr(target->columns[copy->edge->target_column - 1]),
					quote_literal_cstr(copy->personal->category), mask);
}

/* set_fields sets an error's schema, table and column, where it has them. */
static void
set_fields(const PgcLineageNode *target, AttrNumber column)
{
	if (target->place != PGC_RELATION)
		return;
	if (target->schema != NULL)
		err_generic_string(PG_DIAG_SCHEMA_NAME, target->schema);
	err_generic_string(PG_DIAG_TABLE_NAME, target->name);
	err_generic_string(PG_DIAG_COLUMN_NAME, target->columns[column - 1]);
}

/*
 * pgc_policy_check is called before a statement runs: under pg_contract.pii_policy = reject it raises
 * an error if the statement copies personal data to where it should not be, under warn it says so.
 */
void
pgc_policy_check(const PgcLineage *lineage)
{
	bool		is_rejected = pgc_pii_policy == PGC_PII_REJECT;
	const PgcLineageNode *target;
	const Remark *first;
	const char *name;
	List	   *copies;

	if (pgc_pii_policy == PGC_PII_OFF || lineage == NULL || (!pgc_personal_is_current() && !pgc_catalog_exists()) ||
		!(is_rejected ? pgc_personal_refresh() : pgc_personal_try_refresh()))
		return;
	copies = find_copies(lineage);
	if (copies == NIL || (!is_rejected && was_told(lineage, copies)))
		return;
	first = linitial(copies);
	target = &lineage->nodes[first->edge->target];
	name = column_name(target, first->edge->target_column);
	ereport(is_rejected ? ERROR : WARNING,
			(errcode(is_rejected ? ERRCODE_INSUFFICIENT_PRIVILEGE : ERRCODE_WARNING),
			 is_rejected ? errmsg("personal data must not be copied to %s", name) :
			 errmsg("personal data is copied to %s", name),
			 errdetail("%s", copies_detail(lineage, copies)),
			 errhint("%s", copy_hint(target, first)),
			 set_fields(target, first->edge->target_column)));
}

/*
 * pgc_policy_state returns a number that stays the same as long as the policy says the same of a statement; 0: it
 * must be asked.
 */
uint64
pgc_policy_state(void)
{
	return pgc_personal_is_current() ? pgc_personal_generation() * 2 + (pgc_pii_policy == PGC_PII_REJECT) : 0;
}

/* not_null_rule returns the name of a rule, for all rows, that a column must not be null; or NULL. */
static const char *
not_null_rule(const PgcContract *contract, const char *column)
{
	for (int i = 0; i < contract->nrules; i++)
	{
		const PgcRuleSpec *rule = &contract->rules[i].spec;

		if (rule->filter != NULL || (strcmp(rule->kind, "not_null") != 0 && strcmp(rule->kind, "not_blank") != 0))
			continue;
		for (int j = 0; j < rule->ncolumns; j++)
		{
			if (strcmp(rule->columns[j], column) == 0)
				return rule->name;
		}
	}
	return NULL;
}

/* contract_of returns what is said of a node, or NULL; a partition's is that of the table it is of. */
static PgcContract *
contract_of(const PgcLineageNode *node)
{
	Oid			relid = node->oid;
	int32		dataset_id;

	if (node->place != PGC_RELATION || !OidIsValid(relid) || node->temporary)
		return NULL;
	dataset_id = pgc_contract_of_relation(relid);
	if (dataset_id == 0 && get_rel_relispartition(relid))
		dataset_id = pgc_contract_of_relation(llast_oid(get_partition_ancestors(relid)));
	return dataset_id == 0 ? NULL : pgc_contract_load(dataset_id);
}

/* find_nulls returns the edges by which nulls may get to where none must be, as a List of Remark *. */
static List *
find_nulls(const PgcLineage *lineage)
{
	PgcContract **contracts = palloc(lineage->nnodes * sizeof(PgcContract *));
	List	   *remarks = NIL;

	for (int i = 0; i < lineage->nnodes; i++)
		contracts[i] = contract_of(&lineage->nodes[i]);
	for (int i = 0; i < lineage->nedges; i++)
	{
		const PgcEdge *edge = &lineage->edges[i];
		const PgcContract *contract = contracts[edge->target];
		Remark		remark = {.edge = edge};

		if (contract == NULL || contract->nrules == 0 || !PGC_IS_DIRECT(edge->subtype) || !edge->nullable ||
			!(edge->hops & PGC_BASE) || edge->target_column == 0)
			continue;
		remark.rule = not_null_rule(contract, lineage->nodes[edge->target].columns[edge->target_column - 1]);
		if (remark.rule != NULL)
			remarks = add_remark(remarks, &remark);
	}
	return remarks;
}

/*
 * pgc_policy_report_nulls is called when a statement has run first, or a view is defined: it warns if a column gets
 * values that may be null and is under a rule that it must not be.
 */
void
pgc_policy_report_nulls(const PgcLineage *lineage)
{
	StringInfoData detail;
	const Remark *first;
	List	   *nulls;

	if (lineage == NULL || !pgc_catalog_exists())
		return;
	nulls = find_nulls(lineage);
	if (nulls == NIL)
		return;
	initStringInfo(&detail);
	for (int i = 0; i < Min(list_length(nulls), MAX_NAMED); i++)
	{
		const Remark *remark = list_nth(nulls, i);
		const PgcEdge *edge = remark->edge;

		appendStringInfo(&detail, "%s%s, under the rule \"%s\", is fed by %s, which may be null there.", i > 0 ? "\n" : "",
						 column_name(&lineage->nodes[edge->target], edge->target_column), remark->rule,
						 column_name(&lineage->nodes[edge->source], edge->source_column));
	}
	append_more(&detail, list_length(nulls));
	first = linitial(nulls);
	ereport(WARNING,
			(errmsg("nulls may get to %s, where they must not be",
					column_name(&lineage->nodes[first->edge->target], first->edge->target_column)),
			 errdetail("%s", detail.data),
			 errhint("Leave them out with IS NOT NULL, replace them with COALESCE, or declare the source NOT NULL."),
			 set_fields(&lineage->nodes[first->edge->target], first->edge->target_column)));
}
