/*
 * src/compat.h
 *		Differences between PostgreSQL 15, 16, 17 and 18, and nowhere else.
 */
#ifndef PGC_COMPAT_H
#define PGC_COMPAT_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
#include "parser/parse_type.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/rel.h"
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#include "nodes/queryjumble.h"
#include "varatt.h"
#else
#include "utils/queryjumble.h"
#endif

/* Before a declaration, from 18 on PostgreSQL's own. */
#ifndef pg_noreturn
#define pg_noreturn pg_attribute_noreturn()
#endif

/* search_path for what a user wrote: pg_temp must be named, last. */
static inline void
pgc_compat_restrict_search_path(void)
{
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/* No limit for a whole transaction, whatever the database says. */
static inline void
pgc_compat_no_transaction_timeout(void)
{
#if PG_VERSION_NUM >= 170000
	SetConfigOption("transaction_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
#endif
}

/* Does no row have a null in the column, numbered from 0? */
static inline bool
pgc_compat_is_not_null(TupleDesc descriptor, int column)
{
#if PG_VERSION_NUM >= 180000
	return TupleDescCompactAttr(descriptor, column)->attnullability == ATTNULLABLE_VALID;
#else
	return TupleDescAttr(descriptor, column)->attnotnull;
#endif
}

/* Does a part of ALTER TABLE give a generated column another expression? */
static inline bool
pgc_compat_sets_expression(const AlterTableCmd *part)
{
#if PG_VERSION_NUM >= 170000
	return part->subtype == AT_SetExpression;
#else
	return false;
#endif
}

/* Is the constraint false for no row? */
static inline bool
pgc_compat_check_holds(const ConstrCheck *check)
{
#if PG_VERSION_NUM >= 180000
	return check->ccvalid && check->ccenforced;
#else
	return check->ccvalid;
#endif
}

/* Does the role own the relation? */
static inline bool
pgc_compat_owns_relation(Oid relid, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, role);
#else
	return pg_class_ownercheck(relid, role);
#endif
}

/* Does the role own the database? */
static inline bool
pgc_compat_owns_database(Oid database, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, database, role);
#else
	return pg_database_ownercheck(database, role);
#endif
}

/* Does the role own the extension? */
static inline bool
pgc_compat_owns_extension(Oid extension, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(ExtensionRelationId, extension, role);
#else
	return pg_extension_ownercheck(extension, role);
#endif
}

/* Does this transaction hold the relation's lock of that mode, or of one numbered higher? */
static inline bool
pgc_compat_holds_lock(Oid relid, LOCKMODE mode)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
#if PG_VERSION_NUM >= 170000
	return LockHeldByMe(&tag, mode, true);
#else
	for (; mode <= AccessExclusiveLock; mode++)
	{
		if (LockHeldByMe(&tag, mode))
			return true;
	}
	return false;
#endif
}

/* Looks up a type as written, with its modifier; false: there is none. */
static inline bool
pgc_compat_parse_type(const char *text, Oid *type, int32 *typmod)
{
#if PG_VERSION_NUM >= 160000
	ErrorSaveContext context = {T_ErrorSaveContext};

	return parseTypeString(text, type, typmod, (Node *) &context);
#else
	parseTypeString(text, type, typmod, true);
	return OidIsValid(*type);
#endif
}

/* May the user create in the schema, or schemas in the database? */
static inline AclResult
pgc_compat_may_create(Oid classid, Oid objid)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(classid, objid, GetUserId(), ACL_CREATE);
#else
	if (classid == NamespaceRelationId)
		return pg_namespace_aclcheck(objid, GetUserId(), ACL_CREATE);
	return pg_database_aclcheck(objid, GetUserId(), ACL_CREATE);
#endif
}

/* Pins a page of a relation in a buffer if that is where it is, and counts it as a hit. */
static inline bool
pgc_compat_read_in(Relation relation, BlockNumber block, Buffer buffer)
{
#if PG_VERSION_NUM >= 160000
	bool		found = ReadRecentBuffer(relation->rd_locator, MAIN_FORKNUM, block, buffer);
#else
	bool		found = ReadRecentBuffer(relation->rd_node, MAIN_FORKNUM, block, buffer);
#endif

	if (found)
	{
		pgstat_count_buffer_read(relation);
		pgstat_count_buffer_hit(relation);
	}
	return found;
}

/* What the statistics count of a table; all zero if they do not know it. */
typedef struct PgcCounters
{
	int64		written;		/* rows inserted, updated and deleted, also by
								 * transactions that were rolled back */
	int64		committed;		/* the same without those, since ANALYZE */
	int64		analyzed;		/* how often */
} PgcCounters;

static inline PgcCounters
pgc_compat_counters(Oid relid)
{
	const PgStat_StatTabEntry *entry = pgstat_fetch_stat_tabentry(relid);
	PgcCounters counters = {0};

	if (entry == NULL)
		return counters;
	counters.written = entry->tuples_inserted + entry->tuples_updated + entry->tuples_deleted;
#if PG_VERSION_NUM >= 160000
	counters.committed = entry->mod_since_analyze;
	counters.analyzed = entry->analyze_count + entry->autoanalyze_count;
#else
	counters.committed = entry->changes_since_analyze;
	counters.analyzed = entry->analyze_count + entry->autovac_analyze_count;
#endif
	return counters;
}

/* The status of backend number i, from 1. */
static inline LocalPgBackendStatus *
pgc_compat_backend_status(int i)
{
#if PG_VERSION_NUM >= 160000
	return pgstat_get_local_beentry_by_index(i);
#else
	return pgstat_fetch_stat_local_beentry(i);
#endif
}

/*
 * Is the text a JSON value by PostgreSQL's own parser, as the input function
 * of type json sees it?  Raises an error only where the nesting exceeds
 * max_stack_depth.  From 17 on the lexer lives on the stack and needs no
 * release; before, it is allocated in the current context and freed.
 */
static inline bool
pgc_json_is_valid(const char *text, int length)
{
#if PG_VERSION_NUM >= 170000
	JsonLexContext lex;

	makeJsonLexContextCstringLen(&lex, text, length, GetDatabaseEncoding(), false);
	return pg_parse_json(&lex, &nullSemAction) == JSON_SUCCESS;
#else
	JsonLexContext *lex;
	JsonParseErrorType error;

	lex = makeJsonLexContextCstringLen(unconstify(char *, text), length,
									   GetDatabaseEncoding(), false);
	error = pg_parse_json(lex, &nullSemAction);
	pfree(lex);
	return error == JSON_SUCCESS;
#endif
}

/*
 * The view that a subquery in FROM was made of.  The first releases of 15 said
 * so only by the entry for OLD that the view's query has.
 */
static inline Oid
pgc_compat_expanded_view(const RangeTblEntry *rte)
{
	if (OidIsValid(rte->relid))
		return rte->relid;
#if PG_VERSION_NUM < 160000
	if (list_length(rte->subquery->rtable) >= 2)
	{
		const RangeTblEntry *old = linitial_node(RangeTblEntry, rte->subquery->rtable);

		if (old->rtekind == RTE_RELATION && old->relkind == RELKIND_VIEW && strcmp(old->eref->aliasname, "old") == 0)
			return old->relid;
	}
#endif
	return InvalidOid;
}

/* What a variable of GROUP BY's own entry, from 18 on, stands for; else NULL. */
static inline const Node *
pgc_compat_group_expression(const RangeTblEntry *rte, AttrNumber attnum)
{
#if PG_VERSION_NUM >= 180000
	if (rte->rtekind == RTE_GROUP && attnum <= list_length(rte->groupexprs))
		return list_nth(rte->groupexprs, attnum - 1);
#endif
	return NULL;
}

/* The ON of MERGE; NULL: the query is none. */
static inline const Node *
pgc_compat_merge_condition(const Query *query)
{
	if (query->commandType != CMD_MERGE || query->jointree == NULL)
		return NULL;
#if PG_VERSION_NUM >= 170000
	return query->mergeJoinCondition;
#else
	return query->jointree->quals;
#endif
}

/* JSON_TABLE: the values of its columns, as a list, and what PASSING hands over. */
static inline const List *
pgc_compat_column_values(const TableFunc *function)
{
#if PG_VERSION_NUM >= 170000
	return function->colvalexprs;
#else
	return NIL;
#endif
}

static inline const Node *
pgc_compat_passing_values(const TableFunc *function)
{
#if PG_VERSION_NUM >= 170000
	return (const Node *) function->passingvalexprs;
#else
	return NULL;
#endif
}

/* The argument of an expression that only says of what type it is, or which row it is of; else NULL. */
static inline const Node *
pgc_compat_same_value(const Node *node)
{
	switch (nodeTag(node))
	{
		case T_RelabelType:
			return (const Node *) ((const RelabelType *) node)->arg;
		case T_CollateExpr:
			return (const Node *) ((const CollateExpr *) node)->arg;
		case T_CoerceToDomain:
			return (const Node *) ((const CoerceToDomain *) node)->arg;
		case T_NamedArgExpr:
			return (const Node *) ((const NamedArgExpr *) node)->arg;
#if PG_VERSION_NUM >= 180000
		case T_ReturningExpr:
			return (const Node *) ((const ReturningExpr *) node)->retexpr;
#endif
		default:
			return NULL;
	}
}

/* Ends the reading of a page that an error broke off; from 16 on that belongs to the resource owner. */
static inline void
pgc_compat_abort_buffer_io(void)
{
#if PG_VERSION_NUM < 160000
	AbortBufferIO();
#endif
}

/* Does nobody compute the ids of queries, though they are not switched off? */
static inline bool
pgc_compat_query_id_missing(void)
{
	return compute_query_id != COMPUTE_QUERY_ID_OFF && !IsQueryIdEnabled();
}

/* Gives a query the id that the server would give it if asked for. */
static inline void
pgc_compat_give_query_id(Query *query, const char *text)
{
	query_id_enabled = true;	/* which JumbleQuery asserts */
	PG_TRY();
	{
#if PG_VERSION_NUM >= 160000
		(void) JumbleQuery(query);
#else
		(void) JumbleQuery(query, text);
#endif
	}
	PG_FINALLY();
	{
		query_id_enabled = false;
	}
	PG_END_TRY();
}

#endif							/* PGC_COMPAT_H */
