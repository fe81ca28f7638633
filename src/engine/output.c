/*
 * src/engine/output.c
 *		Values as text that means the same in every session: ISO dates, shortest
 *		exact floats, hexadecimal bytea, qualified names.
 *
 * The cheap settings are saved and put back by hand, since the write path pays
 * for each row; whoever enters must leave, also on an error (PG_FINALLY).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "compat.h"
#include "engine/output.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

/*
 * pgc_output_needs_path: can the text of this type depend on search_path or
 * lc_monetary?  True for everything that is not a plain built-in type.
 */
bool
pgc_output_needs_path(Oid type)
{
	switch (getBaseType(type))
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case BYTEAOID:
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
		case UUIDOID:
		case JSONOID:
		case JSONBOID:
			return false;
		default:
			return true;
	}
}

/* pgc_output_enter fixes the settings; *saved remembers what was. */
void
pgc_output_enter(PgcOutputSettings *saved, bool needs_path)
{
	saved->date_style = DateStyle;
	saved->interval_style = IntervalStyle;
	saved->float_digits = extra_float_digits;
	saved->bytea_format = bytea_output;
	saved->nestlevel = -1;
	if (needs_path)
	{
		saved->nestlevel = NewGUCNestLevel();
		pgc_compat_restrict_search_path();
		(void) set_config_option("lc_monetary", "C", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	}
	DateStyle = USE_ISO_DATES;
	IntervalStyle = INTSTYLE_POSTGRES;
	extra_float_digits = 1;
	bytea_output = BYTEA_OUTPUT_HEX;
}

/* pgc_output_leave puts the session's settings back. */
void
pgc_output_leave(const PgcOutputSettings *saved)
{
	if (saved->nestlevel >= 0)
		AtEOXact_GUC(true, saved->nestlevel);
	DateStyle = saved->date_style;
	IntervalStyle = saved->interval_style;
	extra_float_digits = saved->float_digits;
	bytea_output = saved->bytea_format;
}

/* pgc_output_text returns one value's text (palloc'd) under the fixed settings. */
char *
pgc_output_text(Oid output_function, Datum value)
{
	PgcOutputSettings saved;
	char	   *volatile text = NULL;

	pgc_output_enter(&saved, true);
	PG_TRY();
	{
		text = OidOutputFunctionCall(output_function, value);
	}
	PG_FINALLY();
	{
		pgc_output_leave(&saved);
	}
	PG_END_TRY();
	return text;
}
