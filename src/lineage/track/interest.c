/*
 * src/lineage/track/interest.c
 *		Which relations, and so which statements, are of interest.
 *
 * Asked for each statement that writes, so the answers are kept by relation: a
 * contract that is made or dropped invalidates the relation's cache entry, which is
 * seen here.  Of a partition a dataset may be any ancestor, whose invalidation says
 * nothing of it; so any invalidation makes what is known of partitions void.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/catalog.h"
#include "catalog/contract.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "compat.h"
#include "lineage/track/track.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/syscache.h"

/* So many relations are kept; then all are forgotten. */
#define MAX_RELATIONS 10000

typedef struct Known
{
	Oid			relid;			/* hash key */
	bool		valid;
	bool		is_partition;
	uint64		at;				/* of a partition: value of invalidations */
	PgcInterest interest;
} Known;

static HTAB *relations = NULL;
static uint64 invalidations = 0;

/* Is the extension in this database? */
static bool here_known = false;
static bool here = false;
static Oid	our_schema = InvalidOid;

/* at_relcache notes that a relation changed, or all. */
static void
at_relcache(Datum arg, Oid relid)
{
	invalidations++;
	if (!OidIsValid(relid))
	{
		HASH_SEQ_STATUS scan;
		Known	   *known;

		hash_seq_init(&scan, relations);
		while ((known = hash_seq_search(&scan)) != NULL)
			known->valid = false;
	}
	else
	{
		Known	   *known = hash_search(relations, &relid, HASH_FIND, NULL);

		if (known != NULL)
			known->valid = false;
	}
	pgc_known_forget_queries();
	pgc_temporary_changes++;
}

/* at_function: a function changed that a query may look through. */
static void
at_function(Datum arg, int cache, uint32 hash)
{
	pgc_known_forget_queries();
	pgc_temporary_changes++;
}

/* at_schema: a schema was made or dropped, perhaps ours. */
static void
at_schema(Datum arg, int cache, uint32 hash)
{
	here_known = false;
	at_relcache(arg, InvalidOid);
}

/* make_relations makes the table of relations. */
static void
make_relations(void)
{
	const HASHCTL control = {.keysize = sizeof(Oid),.entrysize = sizeof(Known),.hcxt = CacheMemoryContext};

	relations = hash_create("pg_contract relations", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* set_up has invalidations told, once a backend. */
static void
set_up(void)
{
	make_relations();
	CacheRegisterRelcacheCallback(at_relcache, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, at_function, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, at_schema, (Datum) 0);
}

/* look_for_extension: is it here, whole? */
static void
look_for_extension(void *arg)
{
	our_schema = get_namespace_oid("contract", true);
	here = OidIsValid(our_schema) && pgc_catalog_exists();
	here_known = true;
}

/*
 * restores_dump: does the session run what pg_dump wrote?  Its scripts have both settings.  They are anybody's to make, and
 * would switch pg_contract.pii_policy off; so they count only for who may restore a whole database.
 */
static bool
restores_dump(void)
{
	return !check_function_bodies && !row_security && IsTransactionState() &&
		pgc_compat_owns_database(MyDatabaseId, GetSessionUserId());
}

/*
 * pgc_interest_is_here: is there anything to track in this database and by this process?  Not
 * while an extension is being made, or a dump restored.
 */
bool
pgc_interest_is_here(void)
{
	if (creating_extension || IsParallelWorker() || restores_dump())
		return false;
	if (here_known)
		return here;
	if (!IsTransactionState() || IsBinaryUpgrade || RecoveryInProgress())
		return false;
	if (relations == NULL)
		set_up();
	return pgc_lineage_try(look_for_extension, NULL) && here;
}

/* is_dataset: is the relation under contract, or a partition of one that is? */
static bool
is_dataset(Oid relid, bool is_partition)
{
	ListCell   *cell;

	if (pgc_contract_of_relation(relid) != 0)
		return true;
	if (!is_partition)
		return false;
	foreach(cell, get_partition_ancestors(relid))
	{
		if (pgc_contract_of_relation(lfirst_oid(cell)) != 0)
			return true;
	}
	return false;
}

/* look_at finds out about a relation. */
static void
look_at(void *arg)
{
	Known	   *known = arg;
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(known->relid));
	FormData_pg_class class;

	if (!HeapTupleIsValid(tuple))
		return;
	class = *(Form_pg_class) GETSTRUCT(tuple);
	ReleaseSysCache(tuple);
	known->is_partition = class.relispartition;
	if (class.relnamespace == our_schema || IsToastNamespace(class.relnamespace))
		known->interest = PGC_SYSTEM;
	else if (class.relpersistence == RELPERSISTENCE_TEMP)
		known->interest = PGC_TEMPORARY;
	else if (is_dataset(known->relid, class.relispartition))
		known->interest = PGC_DATASET;
	else if (class.relkind == RELKIND_VIEW)
		known->interest = PGC_VIEW;
	else if (OidIsValid(getExtensionOfObject(RelationRelationId, known->relid)))
		known->interest = PGC_MEMBER;
}

/* own_interest says of what interest a relation is by itself; in doubt, of none. */
static PgcInterest
own_interest(Oid relid)
{
	Known	   *known;
	Known		fresh = {.relid = relid,.interest = PGC_PLAIN};

	if (relid < FirstNormalObjectId)
		return PGC_SYSTEM;
	known = hash_search(relations, &relid, HASH_FIND, NULL);
	if (known != NULL && known->valid && (!known->is_partition || known->at == invalidations))
		return known->interest;
	if (hash_get_num_entries(relations) >= MAX_RELATIONS)
	{
		hash_destroy(relations);
		make_relations();
	}
	/* what is invalidated from here on counts */
	fresh.at = invalidations;
	known = hash_search(relations, &relid, HASH_ENTER, NULL);
	known->valid = true;
	if (!pgc_lineage_try(look_at, &fresh))
		return PGC_PLAIN;
	known = hash_search(relations, &relid, HASH_FIND, NULL);
	fresh.valid = known->valid;
	*known = fresh;
	return fresh.interest;
}

/* pgc_interest_of says of what interest a relation is.  One that personal data was copied into is like a dataset. */
PgcInterest
pgc_interest_of(Oid relid)
{
	PgcInterest interest = own_interest(relid);

	return interest == PGC_PLAIN && pgc_personal_is_in(relid) ? PGC_DATASET : interest;
}

/* is_possible: could this part of a query make it of interest? */
static bool
is_possible(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, is_possible, context, QTW_EXAMINE_RTES_BEFORE);
	if (IsA(node, RangeTblEntry))
	{
		const RangeTblEntry *rte = (RangeTblEntry *) node;

		return OidIsValid(rte->relid) && pgc_interest_of(rte->relid) >= PGC_TEMPORARY;
	}
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid >= FirstNormalObjectId)
		return true;			/* who knows what it reads */
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN)
		return true;			/* a variable, perhaps */
	return expression_tree_walker(node, is_possible, context);
}

/*
 * pgc_interest_possible: in mode contracts, could the query have lineage of interest?  It
 * has if it touches a dataset; a temporary table may hold what a dataset had, a view or a function look
 * at one.
 */
bool
pgc_interest_possible(const Query *query)
{
	return is_possible((Node *) query, NULL);
}

/* is_wanted: is the edge one between relations that are tracked? */
static bool
is_wanted(const PgcEdge *edge, const PgcInterest *interests)
{
	return interests[edge->source] != PGC_SYSTEM &&
		interests[edge->target] != PGC_SYSTEM && interests[edge->target] != PGC_MEMBER;
}

/* counts: is lineage of such a relation of interest in mode contracts?  A temporary one's is until it is known what it holds. */
static bool
counts(PgcInterest interest)
{
	return interest == PGC_DATASET || interest == PGC_TEMPORARY;
}

/*
 * pgc_interest_left takes out of lineage the edges that are not tracked, and says whether what is
 * left is of interest.
 */
bool
pgc_interest_left(PgcLineage *lineage)
{
	PgcInterest *interests = palloc(lineage->nnodes * sizeof(PgcInterest));
	int			kept = 0;
	bool		touches = pgc_track_lineage == PGC_TRACK_ALL;

	for (int i = 0; i < lineage->nnodes; i++)
	{
		const PgcLineageNode *node = &lineage->nodes[i];

		interests[i] = node->place == PGC_RELATION && OidIsValid(node->oid) ? pgc_interest_of(node->oid) : PGC_PLAIN;
	}
	for (int i = 0; i < lineage->nedges; i++)
	{
		const PgcEdge *edge = &lineage->edges[i];

		if (!is_wanted(edge, interests))
			continue;
		touches |= counts(interests[edge->source]) || counts(interests[edge->target]);
		lineage->edges[kept++] = *edge;
	}
	lineage->nedges = kept;
	pfree(interests);
	return kept > 0 && touches;
}
