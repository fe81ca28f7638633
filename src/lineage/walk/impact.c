/*
 * src/lineage/walk/impact.c
 *		contract.impact: what depends on a column, or on any column of a relation.
 *
 * A walk downstream finds the columns; then everybody who has to do with one of them
 * is asked for.  Only what the caller may see is listed.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/contract.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lineage/walk/graph.h"
#include "lineage/walk/impact.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_impact);

/* pgc_detail adds a key with a text to what becomes an object of JSON; NULL adds nothing. */
void
pgc_detail(StringInfo detail, const char *key, const char *value)
{
	if (value == NULL)
		return;
	if (detail->len > 0)
		appendStringInfoString(detail, ", ");
	escape_json(detail, key);
	appendStringInfoString(detail, ": ");
	escape_json(detail, value);
}

/* detail_raw adds a key with a number or a truth value. */
static void
detail_raw(StringInfo detail, const char *key, const char *value)
{
	if (detail->len > 0)
		appendStringInfoString(detail, ", ");
	escape_json(detail, key);
	appendStringInfo(detail, ": %s", value);
}

/* pgc_impact_put returns a row; column or detail may be NULL. */
void
pgc_impact_put(PgcImpact *impact, const char *type, const char *object, const char *column, int depth, const List *path,
			   const StringInfoData *detail)
{
	Datum		values[6];
	bool		nulls[6] = {false};

	values[0] = CStringGetTextDatum(type);
	values[1] = CStringGetTextDatum(object);
	nulls[2] = column == NULL;
	values[2] = nulls[2] ? (Datum) 0 : CStringGetTextDatum(column);
	values[3] = Int32GetDatum(depth);
	values[4] = pgc_text_array(path);
	nulls[5] = detail == NULL || detail->len == 0;
	values[5] = nulls[5] ? (Datum) 0 :
		DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("{%s}", detail->data)));
	tuplestore_putvalues(impact->result->setResult, impact->result->setDesc, values, nulls);
}

/* pgc_impact_hits returns the visits of a relation's columns or rows, nearest first; NIL: there are none. */
List *
pgc_impact_hits(const PgcImpact *impact, Oid relid)
{
	const PgcHit *hit = hash_search(impact->hits, &relid, HASH_FIND, NULL);

	return hit ? hit->visits : NIL;
}

/* pgc_impact_hit returns the visit of a column (0: of all rows), or NULL. */
const PgcVisit *
pgc_impact_hit(const PgcImpact *impact, Oid relid, AttrNumber column)
{
	ListCell   *cell;

	foreach(cell, pgc_impact_hits(impact, relid))
	{
		const PgcVisit *visit = &impact->walk->visits[lfirst_int(cell)];

		if (impact->walk->vertices[visit->vertex].end.column == column)
			return visit;
	}
	return NULL;
}

/* relation_name returns schema.table of a vertex, quoted where necessary. */
static char *
relation_name(const PgcVertex *vertex)
{
	PgcVertex	whole = *vertex;

	whole.column = whole.name = NULL;
	return pgc_vertex_name(&whole);
}

/* type_of returns what impact calls the thing that a vertex belongs to. */
static const char *
type_of(const PgcVertex *vertex)
{
	if (vertex->end.classid == ProcedureRelationId)
		return "function";
	if (vertex->end.classid != RelationRelationId)
		return vertex->schema ? "function" : "file";
	switch (get_rel_relkind(vertex->end.objid))
	{
		case RELKIND_VIEW:
			return "view";
		case RELKIND_MATVIEW:
			return "materialized view";
		default:
			return "table";
	}
}

/* put_columns lists the columns that were reached. */
static void
put_columns(PgcImpact *impact)
{
	for (int i = impact->nstarts; i < impact->nvisits; i++)
	{
		const PgcVisit *visit = &impact->walk->visits[impact->visits[i]];
		const PgcVertex *vertex = &impact->walk->vertices[visit->vertex];
		StringInfoData detail;

		if (vertex->column == NULL || vertex->end.classid == ProcedureRelationId)
			continue;
		initStringInfo(&detail);
		pgc_detail(&detail, "kind", PGC_IS_DIRECT(visit->subtype) ? "direct" : "indirect");
		pgc_detail(&detail, "subtype", pgc_subtype_name(visit->subtype));
		detail_raw(&detail, "masking", visit->masking ? "true" : "false");
		pgc_impact_put(impact, "column", relation_name(vertex), vertex->column, visit->depth,
					   pgc_walk_path(impact->walk, visit), &detail);
	}
}

/* put_relations lists what the columns belong to, each once; what functions return comes with the functions. */
static void
put_relations(PgcImpact *impact)
{
	List	   *files = NIL;

	for (int i = 0; i < impact->nvisits; i++)
	{
		const PgcVisit *visit = &impact->walk->visits[impact->visits[i]];
		const PgcVertex *vertex = &impact->walk->vertices[visit->vertex];
		char	   *name = relation_name(vertex);

		if (vertex->end.classid == ProcedureRelationId)
			continue;
		if (vertex->end.classid == RelationRelationId)
		{
			if (linitial_int(pgc_impact_hits(impact, vertex->end.objid)) != impact->visits[i])
				continue;
		}
		else if (list_member(files, makeString(name)))
			continue;
		else
			files = lappend(files, makeString(name));
		if (i >= impact->nstarts)
			pgc_impact_put(impact, type_of(vertex), name, NULL, visit->depth, pgc_walk_path(impact->walk, visit), NULL);
	}
}

/* put_functions lists the functions whose definitions read one of the columns. */
static void
put_functions(PgcImpact *impact)
{
	ListCell   *cell;

	foreach(cell, pgc_edges_functions(impact->ends, impact->nvisits, GetUserId()))
	{
		const PgcUse *use = lfirst(cell);
		const PgcVisit *visit = &impact->walk->visits[impact->visits[use->end]];
		HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(use->id));
		StringInfoData detail;

		if (!HeapTupleIsValid(tuple))
			continue;
		initStringInfo(&detail);
		pgc_detail(&detail, "found_in", "definition");
		pgc_impact_put(impact, "function", format_procedure_qualified(use->id), NULL, visit->depth + 1,
					   pgc_walk_path(impact->walk, visit), &detail);
		ReleaseSysCache(tuple);
	}
}

/* may_read_text: may the user see what a role has run? */
static bool
may_read_text(const char *role)
{
	Oid			owner = role ? get_role_oid(role, true) : InvalidOid;

	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		(OidIsValid(owner) && has_privs_of_role(GetUserId(), owner));
}

/* put_statement lists a statement that was seen to run. */
static void
put_statement(PgcImpact *impact, const PgcUse *use)
{
	const PgcVisit *visit = &impact->walk->visits[impact->visits[use->end]];
	const char *object = use->statement ? use->statement : use->operation;
	StringInfoData detail;

	initStringInfo(&detail);
	pgc_detail(&detail, "operation", use->operation);
	pgc_detail(&detail, "access", use->reads && use->writes ? "reads and writes" : use->reads ? "reads" : "writes");
	pgc_detail(&detail, "routine", use->routine);
	pgc_detail(&detail, "role", use->role);
	if (may_read_text(use->role))
	{
		pgc_detail(&detail, "application", use->application);
		pgc_impact_mark_job(&detail, use);
	}
	else
		object = "<insufficient privilege>";
	detail_raw(&detail, "executions", psprintf(INT64_FORMAT, use->executions));
	pgc_detail(&detail, "last_seen", JsonEncodeDateTime(NULL, TimestampTzGetDatum(use->last_seen), TIMESTAMPTZOID, NULL));
	pgc_impact_put(impact, "statement", object, NULL, visit->depth + (use->reads ? 1 : 0),
				   pgc_walk_path(impact->walk, visit), &detail);
}

/* put_statements lists statements that were seen to run, and the routines that they ran in. */
static void
put_statements(PgcImpact *impact)
{
	List	   *uses = pgc_edges_statements(impact->ends, impact->nvisits + impact->ngone, impact->nstarts, GetUserId());
	List	   *routines = NIL;
	ListCell   *cell;

	foreach(cell, uses)
	{
		const PgcUse *use = lfirst(cell);
		const PgcVisit *visit = &impact->walk->visits[impact->visits[use->end]];
		String	   *routine = use->routine ? makeString(use->routine) : NULL;
		StringInfoData detail;

		if (routine == NULL || list_member(routines, routine))
			continue;
		routines = lappend(routines, routine);
		initStringInfo(&detail);
		pgc_detail(&detail, "found_in", "statements");
		pgc_impact_put(impact, "function", use->routine, NULL, visit->depth + (use->reads ? 1 : 0),
					   pgc_walk_path(impact->walk, visit), &detail);
	}
	foreach(cell, uses)
		put_statement(impact, lfirst(cell));
}

/* note_hits fills what was reached by relation: the starts, too. */
static void
note_hits(PgcImpact *impact)
{
	const HASHCTL control = {.keysize = sizeof(Oid),.entrysize = sizeof(PgcHit),.hcxt = CurrentMemoryContext};
	int			count;
	const int  *order = pgc_walk_order(impact->walk, false, &count);
	const int  *gone = pgc_walk_order(impact->walk, true, &impact->ngone);
	int			nends;

	impact->nstarts = impact->walk->nstarts;
	impact->nvisits = impact->nstarts + count;
	nends = impact->nvisits + impact->ngone;
	impact->visits = palloc(Max(nends, 1) * sizeof(int));
	impact->ends = palloc(Max(nends, 1) * sizeof(PgcEnd));
	impact->hits = hash_create("relations reached", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < nends; i++)
	{
		PgcHit	   *hit;
		bool		found;

		impact->visits[i] = i < impact->nstarts ? i :
			i < impact->nvisits ? order[i - impact->nstarts] : gone[i - impact->nvisits];
		impact->ends[i] = impact->walk->vertices[impact->walk->visits[impact->visits[i]].vertex].end;
		if (impact->ends[i].classid != RelationRelationId)
			continue;
		hit = hash_search(impact->hits, &impact->ends[i].objid, HASH_ENTER, &found);
		hit->visits = lappend_int(found ? hit->visits : NIL, impact->visits[i]);
	}
}

/* pgc_impact is contract.impact(relation, column). */
Datum
pgc_impact(PG_FUNCTION_ARGS)
{
	PgcImpact	impact = {.result = (ReturnSetInfo *) fcinfo->resultinfo};
	Oid			relid;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		PG_RETURN_VOID();
	relid = PG_GETARG_OID(0);
	impact.walk = pgc_walk_begin(true);
	pgc_walk_start(impact.walk, relid, pgc_walk_column(relid, PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1))));
	pgc_walk_run(impact.walk, INT_MAX);
	note_hits(&impact);
	put_columns(&impact);
	put_relations(&impact);
	put_functions(&impact);
	put_statements(&impact);
	pgc_impact_put_contracts(&impact);
	if (impact.walk->hidden > 0)
		ereport(NOTICE,
				(errmsg("something downstream of \"%s\" is not listed, since you may not select from it", get_rel_name(relid))));
	PG_RETURN_VOID();
}
