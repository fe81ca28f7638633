/*
 * src/catalog/shape.c
 *		The columns of a dataset as they were when its contract last accepted
 *		them: what DDL is judged against.
 *
 * Kept in contract.binding, by name, since another relation may have taken the
 * name meanwhile.  A column that is renamed so that its contract follows gets its
 * new name beside the old one.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/contract.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* make_shape returns a shape with room for so many columns, with none yet. */
static PgcShape *
make_shape(int room)
{
	PgcShape   *shape = palloc0(sizeof(PgcShape));

	shape->columns = palloc0(Max(room, 1) * sizeof(PgcShapeColumn));
	return shape;
}

/* pgc_shape_of returns the shape of a relation as it is (palloc'd). */
PgcShape *
pgc_shape_of(Relation relation)
{
	TupleDesc	descriptor = RelationGetDescr(relation);
	PgcShape   *shape = make_shape(descriptor->natts);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		PgcShapeColumn *column = &shape->columns[shape->ncolumns];

		if (attribute->attisdropped)
			continue;
		column->name = attribute->attname;
		column->type = attribute->atttypid;
		column->typmod = attribute->atttypmod;
		column->not_null = attribute->attnotnull;
		shape->ncolumns++;
	}
	return shape;
}

/* pgc_shape_find returns the column of that name, or NULL. */
const PgcShapeColumn *
pgc_shape_find(const PgcShape *shape, const char *name)
{
	for (int i = 0; i < shape->ncolumns; i++)
	{
		if (namestrcmp(&shape->columns[i].name, name) == 0)
			return &shape->columns[i];
	}
	return NULL;
}

/* elements returns the elements of an array column. */
static Datum *
elements(HeapTuple tuple, TupleDesc descriptor, int column, Oid type, int16 length, bool by_value, char align,
		 int *count)
{
	bool		isnull;
	Datum		array = heap_getattr(tuple, column, descriptor, &isnull);
	Datum	   *result;

	deconstruct_array(DatumGetArrayTypePCopy(array), type, length, by_value, align, &result, NULL, count);
	return result;
}

/* read_shape makes a shape of the arrays in a row. */
static void
read_shape(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	int			count;
	Datum	   *names = elements(tuple, descriptor, 1, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &count);
	Datum	   *types = elements(tuple, descriptor, 2, OIDOID, sizeof(Oid), true, TYPALIGN_INT, &count);
	Datum	   *typmods = elements(tuple, descriptor, 3, INT4OID, sizeof(int32), true, TYPALIGN_INT, &count);
	Datum	   *not_nulls = elements(tuple, descriptor, 4, BOOLOID, sizeof(bool), true, TYPALIGN_CHAR, &count);
	PgcShape   *shape = make_shape(count);

	for (shape->ncolumns = 0; shape->ncolumns < count; shape->ncolumns++)
	{
		PgcShapeColumn *column = &shape->columns[shape->ncolumns];

		column->name = *DatumGetName(names[shape->ncolumns]);
		column->type = DatumGetObjectId(types[shape->ncolumns]);
		column->typmod = DatumGetInt32(typmods[shape->ncolumns]);
		column->not_null = DatumGetBool(not_nulls[shape->ncolumns]);
	}
	*(PgcShape **) arg = shape;
}

/* pgc_shape_accepted returns the shape that was accepted last (palloc'd), or NULL: never bound. */
PgcShape *
pgc_shape_accepted(int32 dataset_id)
{
	const Oid	types[] = {INT4OID};
	const Datum values[] = {Int32GetDatum(dataset_id)};
	PgcShape   *shape = NULL;

	pgc_catalog_query("SELECT names, types, typmods, not_null FROM contract.binding WHERE dataset_id = $1",
					  1, types, values, NULL, read_shape, &shape);
	return shape;
}

/* pgc_shape_arrays makes name[], oid[], integer[] and boolean[] of a shape. */
void
pgc_shape_arrays(const PgcShape *shape, Datum *arrays)
{
	Datum	   *values[4];

	for (int i = 0; i < 4; i++)
		values[i] = palloc(Max(shape->ncolumns, 1) * sizeof(Datum));
	for (int i = 0; i < shape->ncolumns; i++)
	{
		values[0][i] = NameGetDatum(&shape->columns[i].name);
		values[1][i] = ObjectIdGetDatum(shape->columns[i].type);
		values[2][i] = Int32GetDatum(shape->columns[i].typmod);
		values[3][i] = BoolGetDatum(shape->columns[i].not_null);
	}
	arrays[0] = PointerGetDatum(construct_array(values[0], shape->ncolumns, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
	arrays[1] = PointerGetDatum(construct_array(values[1], shape->ncolumns, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
	arrays[2] = PointerGetDatum(construct_array(values[2], shape->ncolumns, INT4OID, sizeof(int32), true, TYPALIGN_INT));
	arrays[3] = PointerGetDatum(construct_array(values[3], shape->ncolumns, BOOLOID, sizeof(bool), true, TYPALIGN_CHAR));
}

/* pgc_shape_accept accepts the shape that a dataset's relation has. */
void
pgc_shape_accept(int32 dataset_id, const PgcShape *shape)
{
	const Oid	types[] = {INT4OID, NAMEARRAYOID, OIDARRAYOID, INT4ARRAYOID, BOOLARRAYOID};
	Datum		values[5] = {Int32GetDatum(dataset_id)};

	pgc_shape_arrays(shape, &values[1]);
	pgc_catalog_execute("UPDATE contract.binding SET names = $2, types = $3, typmods = $4, not_null = $5"
						" WHERE dataset_id = $1 AND (names, types, typmods, not_null) IS DISTINCT FROM ($2, $3, $4, $5)",
						5, types, values, NULL);
	CommandCounterIncrement();
}

/* pgc_shape_rename gives an accepted column a second name. */
void
pgc_shape_rename(int32 dataset_id, const char *oldname, const char *newname)
{
	PgcShape   *shape = pgc_shape_accepted(dataset_id);
	const PgcShapeColumn *old = shape ? pgc_shape_find(shape, oldname) : NULL;

	if (old == NULL || pgc_shape_find(shape, newname) != NULL)
		return;
	shape->columns = repalloc(shape->columns, (shape->ncolumns + 1) * sizeof(PgcShapeColumn));
	old = pgc_shape_find(shape, oldname);
	shape->columns[shape->ncolumns] = *old;
	namestrcpy(&shape->columns[shape->ncolumns].name, newname);
	shape->ncolumns++;
	pgc_shape_accept(dataset_id, shape);
}
