/*
 * src/enforce/evidence.c
 *		Rows as jsonb: evidence for people, and verbatim for quarantine.
 *
 * Evidence has numbers and booleans as such, everything else as text, long
 * values cut, personal data masked.  Verbatim has each column's output text
 * under fixed settings, so that the input function gives the same value back.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "enforce/enforce.h"
#include "engine/output.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"

/* Evidence cuts values after so many bytes. */
#define CLIP 1000

/* is_pii: is the column one of those with personal data? */
static bool
is_pii(const List *pii, const char *column)
{
	ListCell   *cell;

	foreach(cell, pii)
	{
		if (strcmp(lfirst(cell), column) == 0)
			return true;
	}
	return false;
}

/* note_keys fills the primary key's columns of a relation. */
static void
note_keys(PgcWriter *writer, Relation relation)
{
	Bitmapset  *keys = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	int			key = -1;

	writer->keys = palloc(Max(bms_num_members(keys), 1) * sizeof(AttrNumber));
	while ((key = bms_next_member(keys, key)) >= 0)
		writer->keys[writer->nkeys++] = key + FirstLowInvalidHeapAttributeNumber;
	bms_free(keys);
}

/* jsonb_key_order is how jsonb sorts keys: by length, then bytes. */
static int
jsonb_key_order(const void *a, const void *b, void *arg)
{
	TupleDesc	descriptor = arg;
	const char *left = NameStr(TupleDescAttr(descriptor, *(const AttrNumber *) a - 1)->attname);
	const char *right = NameStr(TupleDescAttr(descriptor, *(const AttrNumber *) b - 1)->attname);
	size_t		left_length = strlen(left);
	size_t		right_length = strlen(right);

	if (left_length != right_length)
		return left_length < right_length ? -1 : 1;
	return memcmp(left, right, left_length);
}

/* order_columns lists the live columns as jsonb will sort them, once. */
static void
order_columns(PgcWriter *writer)
{
	TupleDesc	descriptor = writer->descriptor;

	writer->order = palloc(Max(descriptor->natts, 1) * sizeof(AttrNumber));
	for (int i = 0; i < descriptor->natts; i++)
	{
		if (!TupleDescAttr(descriptor, i)->attisdropped)
			writer->order[writer->nlive++] = i + 1;
	}
	qsort_arg(writer->order, writer->nlive, sizeof(AttrNumber), jsonb_key_order, descriptor);
	writer->verbatim = palloc(Max(writer->nlive, 1) * sizeof(AttrNumber));
	for (int i = 0; i < writer->nlive; i++)
	{
		if (!TupleDescAttr(descriptor, writer->order[i] - 1)->attgenerated)
			writer->verbatim[writer->nverbatim++] = writer->order[i];
	}
}

/*
 * pgc_writer_make prepares writing rows of a descriptor, in the current
 * context; relation (or NULL) gives the primary key, pii the masked columns.
 */
PgcWriter *
pgc_writer_make(TupleDesc descriptor, Relation relation, const List *pii)
{
	PgcWriter  *writer = palloc0(sizeof(PgcWriter));

	writer->descriptor = CreateTupleDescCopyConstr(descriptor);
	writer->outputs = palloc0(Max(descriptor->natts, 1) * sizeof(FmgrInfo));
	writer->masked = palloc0(Max(descriptor->natts, 1) * sizeof(bool));
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		Oid			output;
		bool		varlena;

		if (attribute->attisdropped)
			continue;
		getTypeOutputInfo(attribute->atttypid, &output, &varlena);
		fmgr_info(output, &writer->outputs[i]);
		writer->masked[i] = is_pii(pii, NameStr(attribute->attname));
		writer->needs_path |= pgc_output_needs_path(attribute->atttypid);
	}
	order_columns(writer);
	if (relation != NULL)
		note_keys(writer, relation);
	return writer;
}

/*
 * note_layout_keys fills them for a layout, unless it lacks one of them.
 */
static void
note_layout_keys(PgcWriter *writer, const PgcLayout *layout, Relation relation)
{
	note_keys(writer, relation);
	for (int i = 0; i < writer->nkeys; i++)
	{
		int			column = 0;

		while (column < layout->ncolumns && layout->columns[column].attno != writer->keys[i])
			column++;
		if (column == layout->ncolumns)
		{
			writer->nkeys = 0;
			return;
		}
		writer->keys[i] = column + 1;
	}
}

/*
 * pgc_writer_of_layout prepares writing rows of a layout, in the current
 * context; relation (or NULL) is the one that it comes from.
 */
PgcWriter *
pgc_writer_of_layout(const PgcLayout *layout, Relation relation, const List *pii)
{
	TupleDesc	descriptor = CreateTemplateTupleDesc(layout->ncolumns);
	PgcWriter  *writer;

	for (int i = 0; i < layout->ncolumns; i++)
	{
		const PgcColumn *column = &layout->columns[i];

		TupleDescInitEntry(descriptor, i + 1, NameStr(column->name), column->type, column->typmod, 0);
	}
	writer = pgc_writer_make(descriptor, NULL, pii);
	if (relation != NULL)
		note_layout_keys(writer, layout, relation);
	return writer;
}

/* push_text pushes a text, cut after clip bytes unless clip is 0. */
static void
push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text, int clip)
{
	JsonbValue	value;
	int			length = strlen(text);

	value.type = jbvString;
	value.val.string.val = unconstify(char *, text);
	if (clip > 0 && length > clip)
	{
		length = pg_mbcliplen(text, length, clip);
		value.val.string.val = psprintf("%.*s...", length, text);
		length += 3;
	}
	value.val.string.len = length;
	pushJsonbValue(state, token, &value);
}

/* push_number pushes a finite number as such, else its text. */
static void
push_number(JsonbParseState **state, const char *text)
{
	JsonbValue	value;

	if (strspn(text, "+-0123456789.eE") != strlen(text))
	{
		push_text(state, WJB_VALUE, text, 0);
		return;
	}
	value.type = jbvNumeric;
	value.val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
															ObjectIdGetDatum(InvalidOid),
															Int32GetDatum(-1)));
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* push_null pushes a JSON null. */
static void
push_null(JsonbParseState **state)
{
	JsonbValue	value = {.type = jbvNull};

	pushJsonbValue(state, WJB_VALUE, &value);
}

/* push_column pushes one column of a row, name and value. */
static void
push_column(JsonbParseState **state, const PgcWriter *writer, int column,
			Datum datum, bool isnull, bool verbatim, bool mask)
{
	Form_pg_attribute attribute = TupleDescAttr(writer->descriptor, column);
	char	   *text;

	push_text(state, WJB_KEY, NameStr(attribute->attname), 0);
	if (isnull)
	{
		push_null(state);
		return;
	}
	if (mask && writer->masked[column])
	{
		push_text(state, WJB_VALUE, PGC_MASK, 0);
		return;
	}
	text = OutputFunctionCall(&writer->outputs[column], datum);

	if (verbatim)
		push_text(state, WJB_VALUE, text, 0);
	else if (attribute->atttypid == BOOLOID)
	{
		JsonbValue	value = {.type = jbvBool};

		value.val.boolean = DatumGetBool(datum);
		pushJsonbValue(state, WJB_VALUE, &value);
	}
	else if (attribute->atttypid == NUMERICOID || attribute->atttypid == FLOAT8OID ||
			 attribute->atttypid == FLOAT4OID || attribute->atttypid == INT8OID ||
			 attribute->atttypid == INT4OID || attribute->atttypid == INT2OID)
		push_number(state, text);
	else
		push_text(state, WJB_VALUE, text, CLIP);
}

/* write_columns writes the columns attnos of a row. */
static Jsonb *
write_columns(const PgcWriter *writer, const AttrNumber *attnos, int nattnos,
			  const Datum *values, const bool *nulls, bool verbatim, bool mask)
{
	PgcOutputSettings saved;
	JsonbParseState *state = NULL;
	JsonbValue *volatile object = NULL;

	pgc_output_enter(&saved, writer->needs_path);
	PG_TRY();
	{
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		for (int i = 0; i < nattnos; i++)
		{
			int			column = attnos[i] - 1;

			push_column(&state, writer, column, values[column], nulls[column], verbatim, mask);
		}
		object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	PG_FINALLY();
	{
		pgc_output_leave(&saved);
	}
	PG_END_TRY();
	return JsonbValueToJsonb(object);
}

/* pgc_evidence_row returns a row for people: masked and cut. */
Jsonb *
pgc_evidence_row(const PgcWriter *writer, const Datum *values, const bool *nulls)
{
	return write_columns(writer, writer->order, writer->nlive, values, nulls, false, true);
}

/*
 * Verbatim rows are built as jsonb stores an object (utils/jsonb.h): a header,
 * an entry for each key and each value, the bytes of the keys, the bytes of the
 * values.  Keys come sorted from order_columns, and values are strings or null,
 * so there is nothing to sort or to align; a load that diverts much pays a
 * third of what pushJsonbValue costs.
 */

/* set_entry fills the entry of a string or null that ends at offset. */
static inline void
set_entry(JsonbContainer *container, int i, int length, bool isnull, uint32 offset)
{
	uint32		type = isnull ? JENTRY_ISNULL : JENTRY_ISSTRING;

	container->children[i] = type | (i % JB_OFFSET_STRIDE == 0 ? JENTRY_HAS_OFF | offset : (uint32) length);
}

/* assemble makes the jsonb of the columns' texts (NULL: null), in writer->order. */
static Jsonb *
assemble(const PgcWriter *writer, char **texts)
{
	int			n = writer->nverbatim;
	Size		header = offsetof(JsonbContainer, children) + 2 * n * sizeof(JEntry);
	Size	   *lengths = palloc(2 * n * sizeof(Size));
	Size		total = 0;
	Jsonb	   *result;
	char	   *bytes;

	for (int i = 0; i < n; i++)
	{
		lengths[i] = strlen(NameStr(TupleDescAttr(writer->descriptor, writer->verbatim[i] - 1)->attname));
		lengths[n + i] = texts[i] ? strlen(texts[i]) : 0;
		total += lengths[i] + lengths[n + i];
	}
	if (total > JENTRY_OFFLENMASK)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("row of %zu bytes is too large for quarantine", total)));
	result = palloc(VARHDRSZ + header + total);
	SET_VARSIZE(result, VARHDRSZ + header + total);
	result->root.header = n | JB_FOBJECT;
	bytes = (char *) &result->root + header;
	total = 0;
	for (int i = 0; i < 2 * n; i++)
	{
		const char *text = i < n ?
		NameStr(TupleDescAttr(writer->descriptor, writer->verbatim[i] - 1)->attname) : texts[i - n];

		if (lengths[i] > 0)
			memcpy(bytes + total, text, lengths[i]);
		total += lengths[i];
		set_entry(&result->root, i, lengths[i], i >= n && text == NULL, total);
	}
	return result;
}

/* pgc_evidence_verbatim returns a row without loss, generated columns left out. */
Jsonb *
pgc_evidence_verbatim(const PgcWriter *writer, const Datum *values, const bool *nulls)
{
	char	  **texts = palloc(Max(writer->nverbatim, 1) * sizeof(char *));
	PgcOutputSettings saved;

	pgc_output_enter(&saved, writer->needs_path);
	PG_TRY();
	{
		for (int i = 0; i < writer->nverbatim; i++)
		{
			int			column = writer->verbatim[i] - 1;

			texts[i] = nulls[column] ? NULL : OutputFunctionCall(&writer->outputs[column], values[column]);
		}
	}
	PG_FINALLY();
	{
		pgc_output_leave(&saved);
	}
	PG_END_TRY();
	return assemble(writer, texts);
}

/*
 * pgc_evidence_key returns what finds the row again: its primary key, else its
 * ctid, else NULL.  Verbatim unless mask.
 */
Jsonb *
pgc_evidence_key(const PgcWriter *writer, const Datum *values, const bool *nulls,
				 ItemPointer tid, bool mask)
{
	JsonbParseState *state = NULL;

	if (writer->nkeys > 0)
		return write_columns(writer, writer->keys, writer->nkeys, values, nulls, !mask, mask);
	if (tid == NULL || !ItemPointerIsValid(tid))
		return NULL;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_text(&state, WJB_KEY, "ctid", 0);
	push_text(&state, WJB_VALUE,
			  psprintf("(%u,%u)", ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid)), 0);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* column_text returns one layout column's text, cut (palloc'd). */
static char *
column_text(const PgcLayout *layout, int column, Datum value)
{
	Oid			output;
	bool		varlena;
	char	   *text;
	int			length;

	getTypeOutputInfo(layout->columns[column].type, &output, &varlena);
	text = pgc_output_text(output, value);

	length = strlen(text);
	return length > CLIP ? psprintf("%.*s...", pg_mbcliplen(text, length, CLIP), text) : text;
}

/*
 * pgc_evidence_value returns the values that a rule judged: the text of one
 * column, or "a = 1, b = null" for several (palloc'd); NULL for one that is
 * null.  Personal data is masked if mask.
 */
char *
pgc_evidence_value(const PgcContract *contract, const PgcProgram *program, int rule,
				   const Datum *values, const bool *nulls, bool mask)
{
	const PgcLayout *layout = &program->layout;
	const PgcRule *compiled = &program->rules[rule];
	StringInfoData result;

	if (compiled->ncolumns == 0 || (compiled->ncolumns == 1 && nulls[compiled->columns[0]]))
		return NULL;
	initStringInfo(&result);
	for (int i = 0; i < compiled->ncolumns; i++)
	{
		int			column = compiled->columns[i];
		const char *name = NameStr(layout->columns[column].name);
		const char *text = nulls[column] ? "null" :
		mask && is_pii(contract->pii, name) ? PGC_MASK :
		column_text(layout, column, values[column]);

		if (compiled->ncolumns > 1)
			appendStringInfo(&result, "%s%s = ", i > 0 ? ", " : "", name);
		appendStringInfoString(&result, text);
	}
	return result.data;
}

/* pgc_evidence_is_personal: does the rule or its filter use personal data? */
bool
pgc_evidence_is_personal(const PgcContract *contract, const PgcProgram *program, int rule)
{
	int			column = -1;

	while ((column = bms_next_member(program->rules[rule].uses, column)) >= 0)
	{
		if (is_pii(contract->pii, NameStr(program->layout.columns[column].name)))
			return true;
	}
	return false;
}

/*
 * pgc_evidence_message says what was wrong, without any value (palloc'd): the
 * message of an error may quote one, and is left out where that is personal.
 */
char *
pgc_evidence_message(const PgcContract *contract, const PgcProgram *program, int rule, const char *error)
{
	const PgcRule *compiled = &program->rules[rule];

	if (error != NULL)
		return pgc_evidence_is_personal(contract, program, rule) ? pstrdup("could not be evaluated") :
			psprintf("could not be evaluated: %s", error);
	if (compiled->ncolumns == 1)
		return psprintf("%s %s", NameStr(program->layout.columns[compiled->columns[0]].name),
						compiled->words);
	return psprintf("row %s", compiled->words);
}

/* pgc_evidence_columns returns a rule's columns as a name[]. */
Datum
pgc_evidence_columns(const PgcProgram *program, int rule)
{
	const PgcRule *compiled = &program->rules[rule];
	List	   *names = NIL;

	for (int i = 0; i < compiled->ncolumns; i++)
		names = lappend(names, NameStr(program->layout.columns[compiled->columns[i]].name));
	return pgc_name_array(names);
}
