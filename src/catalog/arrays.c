/*
 * src/catalog/arrays.c
 *		Lists of names as arrays of PostgreSQL, and back.
 */
#include "postgres.h"

#include "catalog/contract.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* pgc_name_array makes a name[] of a list of char *. */
Datum
pgc_name_array(const List *names)
{
	int			count = list_length(names);
	Datum	   *elements = palloc(Max(count, 1) * sizeof(Datum));
	NameData   *copies = palloc(Max(count, 1) * sizeof(NameData));
	ArrayType  *array;

	for (int i = 0; i < count; i++)
	{
		namestrcpy(&copies[i], list_nth(names, i));
		elements[i] = NameGetDatum(&copies[i]);
	}
	array = construct_array(elements, count, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR);
	pfree(copies);
	pfree(elements);
	return PointerGetDatum(array);
}

/* pgc_text_array makes a text[] of a list of char *. */
Datum
pgc_text_array(const List *texts)
{
	Datum	   *elements = palloc(Max(list_length(texts), 1) * sizeof(Datum));
	int			count = 0;
	ListCell   *cell;

	foreach(cell, texts)
		elements[count++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* pgc_array_names returns the elements of a name[] as char *; null is an error. */
char	  **
pgc_array_names(Datum array, int *count)
{
	Datum	   *elements;
	bool	   *nulls;
	char	  **names;

	deconstruct_array(DatumGetArrayTypeP(array), NAMEOID, NAMEDATALEN, false,
					  TYPALIGN_CHAR, &elements, &nulls, count);
	names = palloc(Max(*count, 1) * sizeof(char *));
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("column name must not be null")));
		names[i] = pstrdup(NameStr(*DatumGetName(elements[i])));
	}
	return names;
}

/* pgc_array_texts returns the elements of a text[] as char *; null is an error. */
char	  **
pgc_array_texts(Datum array, int *count)
{
	Datum	   *elements;
	bool	   *nulls;
	char	  **texts;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, count);
	texts = palloc(Max(*count, 1) * sizeof(char *));
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("element of a list must not be null")));
		texts[i] = TextDatumGetCString(elements[i]);
	}
	return texts;
}

/* pgc_array makes an array of values; nulls may be NULL. */
Datum
pgc_array(Oid type, Datum *values, bool *nulls, int count)
{
	int16		length;
	bool		by_value;
	char		align;
	int			lower = 1;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(construct_md_array(values, nulls, 1, &count, &lower, type, length, by_value, align));
}
