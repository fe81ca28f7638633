/*
 * src/catalog/definition.c
 *		Lineage of definitions, as a table: of views, materialized views,
 *		generated columns and functions.
 *
 * contract.lineage_derived has a row for each definition.  Its lock is what
 * keeps two transactions from deriving the same definition at a time, each without
 * what the other one changes: so it is taken before the definition is read.
 * Locks on rows are not in the server's table of locks, which 5,000 of them would
 * fill.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/contract.h"
#include "catalog/dependency.h"
#include "catalog/lineage.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

/* The columns of contract.lineage_definition that differ from edge to edge, as arrays. */
enum
{
	SOURCE_RELID,
	SOURCE_COLUMN,
	TARGET_CLASSID,
	TARGET_OBJID,
	TARGET_COLUMN,
	SUBTYPE,
	IMMEDIATE,
	BASE,
	MASKING,
	NULLABLE,
	EXPRESSION,
	NARRAYS
};

static const Oid element_types[NARRAYS] = {
	OIDOID, INT2OID, OIDOID, OIDOID, INT2OID, TEXTOID, BOOLOID, BOOLOID, BOOLOID, BOOLOID, INT8OID
};

/* is_kept: is the edge between what the table can hold? */
static bool
is_kept(const PgcLineage *lineage, const PgcEdge *edge)
{
	const PgcLineageNode *source = &lineage->nodes[edge->source];
	const PgcLineageNode *target = &lineage->nodes[edge->target];

	return source->place == PGC_RELATION && OidIsValid(source->oid) &&
		(target->place == PGC_RELATION || target->place == PGC_ROUTINE) && OidIsValid(target->oid);
}

/* class_of returns the catalog that a node is in. */
static Oid
class_of(const PgcLineageNode *node)
{
	return node->place == PGC_ROUTINE ? ProcedureRelationId : RelationRelationId;
}

/* edge_values fills the array elements of an edge. */
static void
edge_values(const PgcLineage *lineage, const PgcEdge *edge, Datum **elements, int row)
{
	const PgcLineageNode *source = &lineage->nodes[edge->source];
	const PgcLineageNode *target = &lineage->nodes[edge->target];

	elements[SOURCE_RELID][row] = ObjectIdGetDatum(source->oid);
	elements[SOURCE_COLUMN][row] = Int16GetDatum(edge->source_column);
	elements[TARGET_CLASSID][row] = ObjectIdGetDatum(class_of(target));
	elements[TARGET_OBJID][row] = ObjectIdGetDatum(target->oid);
	elements[TARGET_COLUMN][row] = Int16GetDatum(edge->target_column);
	elements[SUBTYPE][row] = CStringGetTextDatum(pgc_subtype_name(edge->subtype));
	elements[IMMEDIATE][row] = BoolGetDatum((edge->hops & PGC_IMMEDIATE) != 0);
	elements[BASE][row] = BoolGetDatum((edge->hops & PGC_BASE) != 0);
	elements[MASKING][row] = BoolGetDatum(edge->masking);
	elements[NULLABLE][row] = BoolGetDatum(edge->nullable);
	elements[EXPRESSION][row] = Int64GetDatum((int64) edge->expression);
}

/* edge_arrays makes the arrays of all edges of a lineage that are kept. */
static void
edge_arrays(const PgcLineage *lineage, Datum *arrays)
{
	Datum	   *elements[NARRAYS];
	int			count = 0;

	for (int i = 0; i < NARRAYS; i++)
		elements[i] = palloc(Max(lineage->nedges, 1) * sizeof(Datum));
	for (int i = 0; i < lineage->nedges; i++)
	{
		if (is_kept(lineage, &lineage->edges[i]))
			edge_values(lineage, &lineage->edges[i], elements, count++);
	}
	for (int i = 0; i < NARRAYS; i++)
		arrays[i] = pgc_array(element_types[i], elements[i], NULL, count);
}

/* edge_hash returns a hash of all that is kept of an edge. */
static uint64
edge_hash(const PgcLineage *lineage, const PgcEdge *edge)
{
	struct
	{
		uint64		expression;
		Oid			source;
		Oid			target_class;
		Oid			target;
		int16		source_column;
		int16		target_column;
		uint8		rest[8];
	}			key = {
		.expression = edge->expression,
		.source = lineage->nodes[edge->source].oid,
		.target_class = class_of(&lineage->nodes[edge->target]),
		.target = lineage->nodes[edge->target].oid,
		.source_column = edge->source_column,
		.target_column = edge->target_column,
		.rest = {edge->subtype, edge->hops, edge->masking, edge->nullable}
	};

	StaticAssertStmt(sizeof(key) == 32, "no padding, whose content nobody knows");
	return hash_bytes_extended((const unsigned char *) &key, sizeof(key), 0);
}

/* digest_of returns a hash of a lineage (or NULL), whatever the order of its edges is; never 0. */
static int64
digest_of(const PgcLineage *lineage)
{
	uint64		digest = 0;

	if (lineage != NULL && lineage->unresolved != NULL)
		digest = hash_bytes_extended((const unsigned char *) lineage->unresolved, strlen(lineage->unresolved), 0);
	for (int i = 0; lineage != NULL && i < lineage->nedges; i++)
	{
		if (is_kept(lineage, &lineage->edges[i]))
			digest += edge_hash(lineage, &lineage->edges[i]);
	}
	return digest == 0 ? 1 : (int64) digest;
}

/* pgc_definition_equals: is the lineage (or NULL) what is stored of a definition? */
bool
pgc_definition_equals(const PgcDefinition *stored, const PgcLineage *lineage)
{
	return stored->digest == digest_of(lineage);
}

/*
 * pgc_definition_lock keeps other transactions from deriving a definition until commit,
 * and reads the digest of what is stored.  To be called before the definition is read.
 */
void
pgc_definition_lock(PgcDefinition *definition)
{
	const Oid	types[] = {OIDOID, OIDOID};
	Datum		values[2];

	values[0] = ObjectIdGetDatum(definition->classid);
	values[1] = ObjectIdGetDatum(definition->objid);
	pgc_catalog_query("INSERT INTO contract.lineage_derived AS d (classid, objid, digest) VALUES ($1, $2, 0)"
					  " ON CONFLICT (classid, objid) DO UPDATE SET digest = d.digest RETURNING digest",
					  2, types, values, NULL, pgc_take_int64, &definition->digest);
	CommandCounterIncrement();
}

/* insert_edges inserts the edges of a definition. */
static void
insert_edges(const PgcDefinition *definition, const PgcLineage *lineage)
{
	const Oid	types[] = {
		OIDOID, OIDOID, TEXTOID, OIDARRAYOID, INT2ARRAYOID, OIDARRAYOID, OIDARRAYOID, INT2ARRAYOID, TEXTARRAYOID,
		BOOLARRAYOID, BOOLARRAYOID, BOOLARRAYOID, BOOLARRAYOID, INT8ARRAYOID
	};
	Datum		values[3 + NARRAYS];

	values[0] = ObjectIdGetDatum(definition->classid);
	values[1] = ObjectIdGetDatum(definition->objid);
	values[2] = CStringGetTextDatum(lineage->operation);
	edge_arrays(lineage, &values[3]);
	pgc_catalog_execute("INSERT INTO contract.lineage_definition (classid, objid, operation, source_relid, source_column,"
						" target_classid, target_objid, target_column, subtype, immediate, base, masking, nullable, expression)"
						" SELECT $1, $2, $3, * FROM unnest($4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
						3 + NARRAYS, types, values, NULL);
}

/* pgc_definition_store stores the lineage (NULL: no edges) of a definition that is locked. */
void
pgc_definition_store(const PgcDefinition *definition, const PgcLineage *lineage)
{
	const Oid	types[] = {OIDOID, OIDOID, INT8OID, TEXTOID};
	const char *unresolved = lineage ? lineage->unresolved : NULL;
	const char	nulls[] = {' ', ' ', ' ', unresolved ? ' ' : 'n', '\0'};
	Datum		values[4];

	values[0] = ObjectIdGetDatum(definition->classid);
	values[1] = ObjectIdGetDatum(definition->objid);
	values[2] = Int64GetDatum(digest_of(lineage));
	values[3] = unresolved ? CStringGetTextDatum(unresolved) : (Datum) 0;
	pgc_catalog_execute("DELETE FROM contract.lineage_definition WHERE classid = $1 AND objid = $2", 2, types, values, NULL);
	if (lineage != NULL)
		insert_edges(definition, lineage);
	pgc_catalog_execute("UPDATE contract.lineage_derived SET digest = $3, unresolved = $4 WHERE classid = $1 AND objid = $2",
						4, types, values, nulls);
	CommandCounterIncrement();
	pgc_lineage_changed();
}

/* pgc_definition_forget takes away what is known of a definition; which is not one any more. */
void
pgc_definition_forget(Oid classid, Oid objid)
{
	const Oid	types[] = {OIDOID, OIDOID};
	Datum		values[2];

	values[0] = ObjectIdGetDatum(classid);
	values[1] = ObjectIdGetDatum(objid);
	pgc_catalog_execute("WITH gone AS (DELETE FROM contract.lineage_derived WHERE classid = $1 AND objid = $2)"
						" DELETE FROM contract.lineage_definition WHERE classid = $1 AND objid = $2", 2, types, values, NULL);
	CommandCounterIncrement();
	pgc_lineage_changed();
}

/* has_generated: does a relation have a generated column? */
static bool
has_generated(Oid relid, AttrNumber natts)
{
	for (AttrNumber attno = 1; attno <= natts; attno++)
	{
		HeapTuple	tuple = SearchSysCacheAttNum(relid, attno); /* none: dropped */
		bool		generated = HeapTupleIsValid(tuple) && ((Form_pg_attribute) GETSTRUCT(tuple))->attgenerated != '\0';

		if (HeapTupleIsValid(tuple))
			ReleaseSysCache(tuple);
		if (generated)
			return true;
	}
	return false;
}

/* relation_defines: does a relation have a definition?  Sets its schema. */
static bool
relation_defines(Oid relid, Oid *schema)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		defines = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	*schema = ((Form_pg_class) GETSTRUCT(tuple))->relnamespace;
	switch (((Form_pg_class) GETSTRUCT(tuple))->relkind)
	{
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
			defines = true;
			break;
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
			defines = has_generated(relid, ((Form_pg_class) GETSTRUCT(tuple))->relnatts);
	}
	ReleaseSysCache(tuple);
	return defines;
}

/* function_defines: does a function have a definition, a body that was analysed when it was made?  Sets its schema. */
static bool
function_defines(Oid funcid, Oid *schema)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	bool		isnull;

	if (!HeapTupleIsValid(tuple))
		return false;
	*schema = ((Form_pg_proc) GETSTRUCT(tuple))->pronamespace;
	(void) SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &isnull);
	ReleaseSysCache(tuple);
	return !isnull;
}

/* pgc_definition_is: is an object a definition with lineage?  What is the server's or an extension's is none.  Takes no lock. */
bool
pgc_definition_is(Oid classid, Oid objid)
{
	Oid			schema;

	if (classid == RelationRelationId ? !relation_defines(objid, &schema) : !function_defines(objid, &schema))
		return false;
	return !IsCatalogNamespace(schema) && schema != get_namespace_oid("information_schema", true) &&
		!OidIsValid(getExtensionOfObject(classid, objid));
}

/* take_definition is a PgcRowFunction that puts a PgcDefinition on a List: classid, objid, digest. */
static void
take_definition(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **definitions = arg;
	PgcDefinition *definition = palloc(sizeof(PgcDefinition));
	bool		isnull;

	definition->classid = DatumGetObjectId(heap_getattr(tuple, 1, descriptor, &isnull));
	definition->objid = DatumGetObjectId(heap_getattr(tuple, 2, descriptor, &isnull));
	definition->digest = DatumGetInt64(heap_getattr(tuple, 3, descriptor, &isnull));
	definition->exists = pgc_definition_is(definition->classid, definition->objid);
	*definitions = lappend(*definitions, definition);
}

/* pgc_definition_list returns all definitions that there are or were, as a list of PgcDefinition (palloc'd). */
List *
pgc_definition_list(void)
{
	List	   *definitions = NIL;

	pgc_catalog_query("SELECT classid, objid, COALESCE(x.digest, 0) FROM ("
					  "SELECT 'pg_class'::regclass::oid AS classid, oid AS objid FROM pg_class WHERE relkind IN ('v', 'm')"
					  " UNION SELECT 'pg_class'::regclass, attrelid FROM pg_attribute WHERE attgenerated <> ''"
					  " UNION SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE prosqlbody IS NOT NULL) d"
					  " FULL JOIN contract.lineage_derived x USING (classid, objid) WHERE classid <> 0 ORDER BY 1, 2",
					  0, NULL, NULL, NULL, take_definition, &definitions);
	return definitions;
}

/*
 * pgc_definition_dependents returns the definitions that look at a relation or a
 * function, and others, as a list of PgcDefinition (palloc'd).
 */
List *
pgc_definition_dependents(Oid classid, Oid objid)
{
	const Oid	types[] = {OIDOID, OIDOID};
	Datum		values[2];
	List	   *definitions = NIL;

	values[0] = ObjectIdGetDatum(classid);
	values[1] = ObjectIdGetDatum(objid);
	pgc_catalog_query("SELECT d.classid, d.objid, COALESCE(x.digest, 0) FROM (SELECT DISTINCT"
					  " CASE WHEN p.classid = 'pg_proc'::regclass THEN p.classid ELSE 'pg_class'::regclass END,"
					  " COALESCE(r.ev_class, a.adrelid, p.objid) FROM pg_depend p"
					  " LEFT JOIN pg_rewrite r ON p.classid = 'pg_rewrite'::regclass AND r.oid = p.objid"
					  " LEFT JOIN pg_attrdef a ON p.classid = 'pg_attrdef'::regclass AND a.oid = p.objid"
					  " WHERE p.refclassid = $1 AND p.refobjid = $2"
					  " AND p.classid IN ('pg_rewrite'::regclass, 'pg_attrdef'::regclass, 'pg_proc'::regclass)) d (classid, objid)"
					  " LEFT JOIN contract.lineage_derived x USING (classid, objid) WHERE d.objid <> $2 ORDER BY 1, 2",
					  2, types, values, NULL, take_definition, &definitions);
	return definitions;
}

/*
 * pgc_definition_moved_in: has the database come from another server by pg_upgrade, which gives functions other OIDs?
 * Then, once, what is known of functions is forgotten, to be derived anew.
 */
bool
pgc_definition_moved_in(void)
{
	const Oid	types[] = {INT8OID};
	const Datum values[] = {Int64GetDatum((int64) GetSystemIdentifier())};
	int64		home = 0;

	pgc_catalog_query("SELECT digest FROM contract.lineage_derived WHERE classid = 0 AND objid = 0",
					  0, NULL, NULL, NULL, pgc_take_int64, &home);
	if (home == DatumGetInt64(values[0]))
		return false;
	pgc_catalog_execute("WITH gone AS (DELETE FROM contract.lineage_derived WHERE classid = 'pg_proc'::regclass),"
						" edges AS (DELETE FROM contract.lineage_definition WHERE classid = 'pg_proc'::regclass)"
						" INSERT INTO contract.lineage_derived (classid, objid, digest) VALUES (0, 0, $1)"
						" ON CONFLICT (classid, objid) DO UPDATE SET digest = $1", 1, types, values, NULL);
	CommandCounterIncrement();
	return true;
}

/*
 * In contract.lineage_due, relid 1 says when all definitions are to be derived anew.
 */

/* pgc_definition_due returns when that is; DT_NOBEGIN: now. */
TimestampTz
pgc_definition_due(void)
{
	int64		due = DT_NOBEGIN;

	pgc_catalog_query("SELECT min(due) FROM contract.lineage_due WHERE relid = 1", 0, NULL, NULL, NULL, pgc_take_int64, &due);
	return due;
}

/* pgc_definition_put_off forgets all such times but a new one.  To be called before definitions are read. */
void
pgc_definition_put_off(TimestampTz until)
{
	const Oid	types[] = {TIMESTAMPTZOID};
	const Datum values[] = {TimestampTzGetDatum(until)};

	pgc_catalog_execute("WITH gone AS (DELETE FROM contract.lineage_due WHERE relid = 1)"
						" INSERT INTO contract.lineage_due (relid, due) VALUES (1, $1)", 1, types, values, NULL);
}

/* pgc_definition_hurry has the worker do it at that time already. */
void
pgc_definition_hurry(TimestampTz due)
{
	const Oid	types[] = {TIMESTAMPTZOID};
	const Datum values[] = {TimestampTzGetDatum(due)};

	pgc_catalog_execute("INSERT INTO contract.lineage_due (relid, due) VALUES (1, $1)", 1, types, values, NULL);
	pgc_nudge(PGC_TENDING);
}

/* SQL: what a command has made or altered, with children of tables; functions by classid pg_proc, else relations. */
#define TOUCHED \
	"c AS MATERIALIZED (SELECT classid, objid FROM pg_event_trigger_ddl_commands())," \
	" t (classid, objid) AS (" \
	"SELECT CASE WHEN c.classid = 'pg_proc'::regclass THEN c.classid ELSE 'pg_class'::regclass END," \
	" COALESCE(r.ev_class, c.objid) FROM c LEFT JOIN pg_rewrite r ON c.classid = 'pg_rewrite'::regclass AND r.oid = c.objid" \
	" WHERE c.classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_rewrite'::regclass)" \
	" UNION SELECT t.classid, i.inhrelid FROM t JOIN pg_inherits i ON i.inhparent = t.objid AND t.classid = 'pg_class'::regclass)"

/*
 * pgc_definition_touched returns what the command that fired an event trigger has made or
 * altered, definition or not, as a list of PgcDefinition (palloc'd).
 */
List *
pgc_definition_touched(void)
{
	List	   *touched = NIL;

	pgc_catalog_query("WITH RECURSIVE " TOUCHED
					  " SELECT t.classid, t.objid, COALESCE(x.digest, 0) FROM t"
					  " LEFT JOIN contract.lineage_derived x USING (classid, objid) ORDER BY 1, 2",
					  0, NULL, NULL, NULL, take_definition, &touched);
	return touched;
}

/* take_oid is a PgcRowFunction that puts an OID on a List. */
static void
take_oid(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **oids = arg;
	bool		isnull;

	*oids = lappend_oid(*oids, DatumGetObjectId(heap_getattr(tuple, 1, descriptor, &isnull)));
}

/*
 * pgc_definition_dropped forgets what the command that fired an event trigger has dropped:
 * definitions, and edges of others that have lost an end.  Returns the relations of it, or with
 * a column of it, that statements have edges of (palloc'd).
 */
List *
pgc_definition_dropped(void)
{
	List	   *dropped = NIL;

	pgc_catalog_query("WITH o AS MATERIALIZED (SELECT classid, objid, objsubid::smallint AS attnum"
					  " FROM pg_event_trigger_dropped_objects() WHERE classid IN ('pg_class'::regclass, 'pg_proc'::regclass)),"
					  " derived AS (DELETE FROM contract.lineage_derived d USING o"
					  " WHERE d.classid = o.classid AND d.objid = o.objid AND o.attnum = 0),"
					  " own AS (DELETE FROM contract.lineage_definition d USING o"
					  " WHERE d.classid = o.classid AND d.objid = o.objid AND o.attnum = 0),"
					  " source AS (DELETE FROM contract.lineage_definition d USING o"
					  " WHERE o.classid = 'pg_class'::regclass AND d.source_relid = o.objid AND o.attnum IN (0, d.source_column)),"
					  " target AS (DELETE FROM contract.lineage_definition d USING o"
					  " WHERE d.target_classid = o.classid AND d.target_objid = o.objid AND o.attnum IN (0, d.target_column))"
					  " SELECT DISTINCT o.objid FROM o JOIN contract.lineage_binding b ON b.relid = o.objid"
					  " WHERE o.classid = 'pg_class'::regclass AND o.attnum IN (0, b.attnum)",
					  0, NULL, NULL, NULL, take_oid, &dropped);
	CommandCounterIncrement();
	pgc_lineage_changed();
	return dropped;
}

/* pgc_definition_relations returns the relations that the command that fired an event trigger has made, altered or renamed (palloc'd). */
List *
pgc_definition_relations(void)
{
	List	   *relations = NIL;

	pgc_catalog_query("WITH RECURSIVE " TOUCHED
					  " SELECT objid FROM t WHERE classid = 'pg_class'::regclass"
					  " UNION SELECT o.oid FROM c JOIN pg_class o ON c.classid = 'pg_namespace'::regclass AND o.relnamespace = c.objid"
					  " WHERE o.relkind IN ('r', 'p', 'v', 'm', 'f')",
					  0, NULL, NULL, NULL, take_oid, &relations);
	return relations;
}
