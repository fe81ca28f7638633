/*
 * src/lineage/routine/origins.c
 *		Where values come from: lists of PgcOrigin, and the columns of a query.
 *
 * The lists are in the context that is current when they are made or added to.
 */
#include "postgres.h"

#include "lineage/lineage.h"
#include "lineage/routine/routine.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* add_origin adds an origin to a list, or joins it with the one there; *grew: the list says more then. */
static List *
add_origin(List *origins, const PgcOrigin *origin, bool *grew)
{
	PgcOrigin  *added;
	ListCell   *cell;

	foreach(cell, origins)
	{
		PgcOrigin  *known = lfirst(cell);

		if (known->relid != origin->relid || known->column != origin->column)
			continue;
		*grew |= known->subtype < origin->subtype || (known->masking && !origin->masking);
		known->subtype = Max(known->subtype, origin->subtype);
		known->masking &= origin->masking;
		return origins;
	}
	added = palloc(sizeof(PgcOrigin));
	*added = *origin;
	*grew = true;
	return lappend(origins, added);
}

/* pgc_origins_add adds those of a list, at least as what is said. */
List *
pgc_origins_add(List *origins, const List *more, PgcSubtype subtype, bool *grew)
{
	ListCell   *cell;

	foreach(cell, more)
	{
		PgcOrigin	origin = *(PgcOrigin *) lfirst(cell);

		origin.subtype = Max(origin.subtype, subtype);
		origins = add_origin(origins, &origin, grew);
	}
	return origins;
}

/* field_of returns a field of a value: of a whole row the column. */
static Expr *
field_of(Expr *value, Form_pg_attribute attribute)
{
	FieldSelect *field = makeNode(FieldSelect);

	if (IsA(value, Var) && ((Var *) value)->varattno == InvalidAttrNumber)
		return (Expr *) makeVar(((Var *) value)->varno, attribute->attnum, attribute->atttypid, attribute->atttypmod,
								attribute->attcollation, ((Var *) value)->varlevelsup);
	field->arg = value;
	field->fieldnum = attribute->attnum;
	field->resulttype = attribute->atttypid;
	field->resulttypmod = attribute->atttypmod;
	field->resultcollid = attribute->attcollation;
	return (Expr *) field;
}

/* pgc_origins_fields returns the fields of a value as columns of a query; NIL: it is not of a composite type with a name. */
List *
pgc_origins_fields(Expr *value)
{
	Oid			type = exprType((Node *) value);
	TupleDesc	descriptor;
	List	   *fields = NIL;

	if (type == RECORDOID || !type_is_rowtype(type))
		return NIL;
	descriptor = lookup_rowtype_tupdesc_domain(type, -1, false);
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped)
			fields = lappend(fields, makeTargetEntry(field_of(value, attribute), list_length(fields) + 1,
													 pstrdup(NameStr(attribute->attname)), false));
	}
	ReleaseTupleDesc(descriptor);
	return fields;
}

/* as_select returns a query whose columns are what a query returns. */
static const Query *
as_select(const Query *query)
{
	Query	   *select;

	if (query->commandType == CMD_SELECT)
		return query;
	select = makeNode(Query);
	*select = *query;
	select->commandType = CMD_SELECT;
	select->resultRelation = 0;
	select->targetList = query->returningList;
	select->returningList = NIL;
	select->onConflict = NULL;
	select->mergeActionList = NIL;
	return select;
}

/* pgc_origins_of returns what the columns of a query, or what it returns, come from; its parameters come from what origins says. */
PgcOutputs *
pgc_origins_of(const Query *query, List *(*origins) (const Param *param, AttrNumber field, void *arg), void *arg)
{
	PgcExtraction how = {.has_output = true,.origins = origins,.arg = arg};
	const Query *select = as_select(query);
	PgcLineage *lineage = pgc_extract_query(select, &how);
	PgcOutputs *outputs = palloc0(sizeof(PgcOutputs));
	ListCell   *cell;
	bool		grew = false;

	outputs->names = palloc0(list_length(select->targetList) * sizeof(char *));
	outputs->origins = palloc0(list_length(select->targetList) * sizeof(List *));
	foreach(cell, select->targetList)
	{
		TargetEntry *entry = lfirst(cell);

		if (!entry->resjunk)
			outputs->names[outputs->count++] = entry->resname ? entry->resname : "?column?";
	}
	for (int i = 0; lineage && i < lineage->nedges; i++)
	{
		const PgcEdge *edge = &lineage->edges[i];
		const PgcLineageNode *source = &lineage->nodes[edge->source];
		PgcOrigin	origin = {source->oid, edge->source_column, edge->subtype, edge->masking};
		int			column = edge->target_column - 1;

		if (lineage->nodes[edge->target].place == PGC_OUTPUT && source->place == PGC_RELATION &&
			PGC_IS_DIRECT(edge->subtype) && (edge->hops & PGC_BASE) && column >= 0 && column < outputs->count)
			outputs->origins[column] = add_origin(outputs->origins[column], &origin, &grew);
	}
	return outputs;
}
