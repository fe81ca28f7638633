/*
 * src/lineage/track/known.c
 *		Statements with lineage that this backend has planned.
 *
 * A plan may be kept and run much later, when nobody has its query any more.  So what was
 * found is kept here, under a number, and the plan bears the number: as an item among those that invalidate
 * it, of a cache that there is not.  PostgreSQL copies the item with the plan, compares it
 * with what was invalidated, and finds nothing.
 *
 * What is kept is dropped all at once, at the end of a transaction, when it has become too much;
 * then all plans are made anew.  Within a transaction it stays, so others may point to it; where one transaction
 * has too many statements, further ones have no lineage.
 *
 * A query that is planned again is known by its id, until something changes on which its lineage may depend.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lineage/track/track.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

/* The cache that there is not; PostgreSQL's are numbered from 0. */
#define NO_CACHE (-20261121)

/* Bytes that are kept over the end of a transaction, and within one. */
#define KEPT (8 * 1024 * 1024)
#define KEPT_WITHIN (64 * 1024 * 1024)

/* A query as it is planned: one of its kind at a time. */
typedef struct QueryKey
{
	uint64		query_id;
	Oid			user;			/* row security */
	Oid			target;			/* of what a view is rewritten to */
	CmdType		command;
	int			track;			/* pg_contract.track_lineage */
} QueryKey;

typedef struct PlannedQuery
{
	QueryKey	key;
	PgcKnown   *known;			/* NULL: it has no lineage of interest */
	bool		has_parameters;
} PlannedQuery;

typedef struct Numbered
{
	uint32		number;			/* hash key */
	PgcKnown   *known;
} Numbered;

static MemoryContext context = NULL;
static HTAB *by_content;
static HTAB *by_number;
static HTAB *by_query;
static uint32 last_number = 0;
static bool queries_are_stale = false;

/* make_queries makes the table of planned queries. */
static void
make_queries(void)
{
	const HASHCTL control = {.keysize = sizeof(QueryKey),.entrysize = sizeof(PlannedQuery),.hcxt = context};

	by_query = hash_create("pg_contract planned queries", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	queries_are_stale = false;
}

/* set_up makes the tables, empty. */
static void
set_up(void)
{
	HASHCTL		content = {.keysize = sizeof(PgcDigest),.entrysize = sizeof(PgcKnown)};
	HASHCTL		number = {.keysize = sizeof(uint32),.entrysize = sizeof(Numbered)};

	if (context == NULL)
		context = AllocSetContextCreate(CacheMemoryContext, "pg_contract statements", ALLOCSET_DEFAULT_SIZES);
	content.hcxt = number.hcxt = context;
	by_content = hash_create("pg_contract statements", 64, &content, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	by_number = hash_create("pg_contract statement numbers", 64, &number, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	make_queries();
}

/* content_of returns a digest of all that a lineage says, the names of its relations too, and of the query's id. */
static PgcDigest
content_of(const PgcLineage *lineage, uint64 query_id)
{
	const PgcStatement statement = {.lineage = lineage,.query_id = query_id};
	const bytea *bytes = pgc_statement_serialize(&statement);
	PgcDigest	digest;

	digest.high = hash_bytes_extended((const unsigned char *) VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), 1);
	digest.low = hash_bytes_extended((const unsigned char *) VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), 2);
	return digest;
}

/* has_temporary: is a relation of it temporary? */
static bool
has_temporary(const PgcLineage *lineage)
{
	for (int i = 0; i < lineage->nnodes; i++)
	{
		if (lineage->nodes[i].temporary)
			return true;
	}
	return false;
}

/* bytes_kept returns how much is kept, of the lineage at least. */
static Size
bytes_kept(void)
{
	return MemoryContextMemAllocated(context, true);
}

/*
 * pgc_known_enter returns the statement of this query id that has this lineage, which is copied.  Its text is the one
 * that came first.  If there is no room until the end of the transaction it raises an error.
 */
PgcKnown *
pgc_known_enter(const PgcLineage *lineage, const PgcSource *source)
{
	PgcDigest	content = content_of(lineage, source->query_id);
	PgcKnown   *known;
	PgcKnown	made = {.content = content,.query_id = source->query_id,.temporary = has_temporary(lineage)};
	Numbered   *numbered;
	MemoryContext caller;

	if (by_content == NULL)
		set_up();
	known = hash_search(by_content, &content, HASH_FIND, NULL);
	if (known != NULL)
		return known;
	if (bytes_kept() > KEPT_WITHIN)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a transaction has too many different statements")));
	caller = MemoryContextSwitchTo(context);
	made.lineage = pgc_lineage_copy(lineage);
	made.text = source->text ? pgc_normalize(source->text, source->location, source->length) : NULL;
	MemoryContextSwitchTo(caller);
	known = hash_search(by_content, &content, HASH_ENTER, NULL);
	*known = made;
	known->number = ++last_number;
	numbered = hash_search(by_number, &known->number, HASH_ENTER, NULL);
	numbered->known = known;
	return known;
}

/* pgc_known_mark makes a plan bear the number of its statement. */
void
pgc_known_mark(PlannedStmt *plan, const PgcKnown *known)
{
	PlanInvalItem *item = makeNode(PlanInvalItem);

	item->cacheId = NO_CACHE;
	item->hashValue = known->number;
	plan->invalItems = lappend(plan->invalItems, item);
}

/* pgc_known_find returns the statement whose number the plan bears, or NULL. */
PgcKnown *
pgc_known_find(const PlannedStmt *plan)
{
	const PlanInvalItem *item;
	const Numbered *numbered;

	if (plan->invalItems == NIL)
		return NULL;
	item = llast_node(PlanInvalItem, plan->invalItems);
	if (item->cacheId != NO_CACHE || by_number == NULL)
		return NULL;
	numbered = hash_search(by_number, &item->hashValue, HASH_FIND, NULL);
	return numbered ? numbered->known : NULL;
}

/* key_of fills in what a query is known by; false: it cannot be. */
static bool
key_of(const Query *query, QueryKey *key)
{
	if (query->queryId == 0 || query->querySource != QSRC_ORIGINAL)
		return false;
	memset(key, 0, sizeof(QueryKey));
	key->query_id = (uint64) query->queryId;
	key->user = GetUserId();
	key->command = query->commandType;
	key->track = pgc_track_lineage;
	if (query->resultRelation != 0)
		key->target = rt_fetch(query->resultRelation, query->rtable)->relid;
	return true;
}

/* pgc_known_recall finds what is known of a query, as pgc_known_remember was told. */
bool
pgc_known_recall(const Query *query, PgcKnown **known, bool *has_parameters)
{
	QueryKey	key;
	const PlannedQuery *planned;

	if (by_query == NULL)
		return false;
	if (queries_are_stale)
	{
		hash_destroy(by_query);
		make_queries();
	}
	if (!key_of(query, &key))
		return false;
	planned = hash_search(by_query, &key, HASH_FIND, NULL);
	if (planned == NULL)
		return false;
	*known = planned->known;
	*has_parameters = planned->has_parameters;
	return true;
}

/*
 * pgc_known_remember keeps what was found after pgc_known_recall did not (NULL: no lineage of interest), unless
 * something changed meanwhile; and whether the query has parameters, whose values then came from nowhere.
 */
void
pgc_known_remember(const Query *query, PgcKnown *known, bool has_parameters)
{
	QueryKey	key;
	PlannedQuery *planned;

	if (by_query == NULL)
		set_up();
	if (queries_are_stale || !key_of(query, &key) || bytes_kept() > KEPT_WITHIN)
		return;
	planned = hash_search(by_query, &key, HASH_ENTER, NULL);
	planned->known = known;
	planned->has_parameters = has_parameters;
}

/* pgc_known_forget_queries: something has changed on which lineage may depend; never fails. */
void
pgc_known_forget_queries(void)
{
	queries_are_stale = true;
}

/* pgc_known_end drops everything if it has become too much, when nothing runs any more; never fails. */
void
pgc_known_end(void)
{
	if (by_content == NULL || bytes_kept() <= KEPT)
		return;
	by_content = by_number = by_query = NULL;
	MemoryContextReset(context);
	ResetPlanCache();
}
