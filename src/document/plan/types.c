/*
 * src/document/plan/types.c
 *		physicalType and logicalType as types of PostgreSQL.
 *
 * physicalType is free text.  It counts if PostgreSQL's own parser knows it; a
 * name in upper or mixed case is tried as written before it is folded.  Each
 * different text is parsed once.  Nothing here raises an error.
 */
#include "postgres.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "document/plan/plan.h"
#include "engine/rights.h"
#include "miscadmin.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* The longest varchar. */
#define MOST_CHARACTERS 10485760

/* What a physicalType says. */
typedef struct Resolved
{
	Oid			type;			/* InvalidOid: nothing */
	int32		typmod;
	bool		is_length;		/* varchar[10] */
} Resolved;

/* try_parse lets PostgreSQL read a type's name; false: it cannot. */
static bool
try_parse(const char *name, Oid *type, int32 *typmod)
{
	PgcAttempt	attempt;
	volatile bool known = false;

	if (strchr(name, '%') != NULL)	/* table.column%TYPE */
		return false;
	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		known = pgc_compat_parse_type(name, type, typmod);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		(void) pgc_attempt_fail(&attempt);
		known = false;
	}
	PG_END_TRY();
	return known && OidIsValid(*type) && get_typtype(*type) != TYPTYPE_PSEUDO;
}

/* is_folded: is the name a plain identifier that would be changed by folding? */
static bool
is_folded(const char *name)
{
	bool		has_upper = false;

	for (const char *c = name; *c != '\0'; c++)
	{
		if (!isalnum((unsigned char) *c) && *c != '_' && !IS_HIGHBIT_SET(*c))
			return false;
		has_upper |= *c >= 'A' && *c <= 'Z';
	}
	return has_upper;
}

/* serial_of returns the type of a serial column, or InvalidOid. */
static Oid
serial_of(const char *name)
{
	static const struct
	{
		const char *name;
		Oid			type;
	}			serials[] = {
		{"serial", INT4OID}, {"serial4", INT4OID}, {"bigserial", INT8OID},
		{"serial8", INT8OID}, {"smallserial", INT2OID}, {"serial2", INT2OID},
	};

	for (int i = 0; i < lengthof(serials); i++)
	{
		if (pg_strcasecmp(serials[i].name, name) == 0)
			return serials[i].type;
	}
	return InvalidOid;
}

/*
 * length_of reads varchar[10], which is an array to PostgreSQL and a length to
 * some tools: returns the name with the length as PostgreSQL writes it, or NULL.
 */
static char *
length_of(const char *name)
{
	static const char *const texts[] = {"char", "varchar", "bpchar", "character", "character varying"};
	const char *bracket = strchr(name, '[');
	char	   *end;
	long		length;

	if (bracket == NULL)
		return NULL;
	length = strtol(bracket + 1, &end, 10);
	if (end == bracket + 1 || strcmp(end, "]") != 0 || length < 1)
		return NULL;
	for (int i = 0; i < lengthof(texts); i++)
	{
		int			bytes = strlen(texts[i]);

		if (bracket - name == bytes && pg_strncasecmp(name, texts[i], bytes) == 0)
			return length > MOST_CHARACTERS ? pstrdup(texts[i]) : psprintf("%s(%ld)", texts[i], length);
	}
	return NULL;
}

/* resolve finds out what a physicalType says (palloc'd). */
static Resolved *
resolve(const char *name)
{
	Resolved   *resolved = palloc(sizeof(Resolved));
	char	   *with_length = length_of(name);

	resolved->type = serial_of(name);
	resolved->typmod = -1;
	resolved->is_length = with_length != NULL;
	if (with_length != NULL)
		name = with_length;
	if (OidIsValid(resolved->type) || name[0] == '\0')
		return resolved;
	if (is_folded(name) && try_parse(quote_identifier(name), &resolved->type, &resolved->typmod))
		return resolved;
	if (!try_parse(name, &resolved->type, &resolved->typmod))
		resolved->type = InvalidOid;
	return resolved;
}

/* physical_of returns what a property's physicalType says, or NULL: it has none. */
static const Resolved *
physical_of(PgcPlanner *planner, const PgcNode *property)
{
	const char *name = pgc_node_get_text(property, "physicalType");
	Resolved   *resolved;

	if (name == NULL)
		return NULL;
	resolved = pgc_names_find(planner->types, name);
	if (resolved == NULL)
	{
		resolved = resolve(name);
		(void) pgc_names_add(planner->types, name, resolved);
	}
	return resolved;
}

/*
 * pgc_plan_physical_type returns the type that a property's physicalType says,
 * with its modifier or -1, or InvalidOid if it says nothing that PostgreSQL knows.
 */
Oid
pgc_plan_physical_type(PgcPlanner *planner, const PgcNode *property, const char *path, int32 *typmod)
{
	const Resolved *resolved = physical_of(planner, property);
	const PgcNode *node = pgc_node_get(property, "physicalType");
	PgcRemark  *remark;

	*typmod = resolved == NULL ? -1 : resolved->typmod;
	if (resolved == NULL)
		return InvalidOid;
	if (!OidIsValid(resolved->type))
	{
		remark = pgc_remark(planner->remarks, PGC_INFO, node, path,
							"physicalType \"%s\" is not a type that PostgreSQL knows here", pgc_node_text(node));
		remark->hint = pgc_node_get(property, "logicalType") != NULL ? "The column is judged by its logicalType." :
			"Give a logicalType by which the column can be judged.";
	}
	else if (resolved->is_length)
		(void) pgc_remark(planner->remarks, PGC_INFO, node, path, "physicalType \"%s\" is read as %s",
						  pgc_node_text(node), format_type_with_typemod(resolved->type, resolved->typmod));
	return resolved->type;
}

/* is_trusted: is a type made by the user, or by a superuser as those of extensions are? */
static bool
is_trusted(const FormData_pg_type *type)
{
	return type->typowner == GetUserId() ||
		((type->typtype == TYPTYPE_BASE || type->typtype == TYPTYPE_ENUM || type->typtype == TYPTYPE_DOMAIN) &&
		 superuser_arg(type->typowner));
}

/*
 * pgc_plan_is_strange: may reading a value of a type, or a cast from or to it, run
 * code that is neither built in, nor a superuser's, nor the user's own?
 */
bool
pgc_plan_is_strange(Oid type)
{
	HeapTuple	tuple;
	const FormData_pg_type *form;
	bool		trusted;
	Oid			within;

	if (type < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return true;
	form = (Form_pg_type) GETSTRUCT(tuple);
	trusted = is_trusted(form);
	within = form->typtype == TYPTYPE_DOMAIN ? form->typbasetype : form->typelem;
	ReleaseSysCache(tuple);
	return !trusted || (OidIsValid(within) && pgc_plan_is_strange(within));
}

/* array_of returns the type of arrays of a property's items. */
static Oid
array_of(PgcPlanner *planner, const PgcNode *property)
{
	const PgcNode *items = pgc_node_get(property, "items");
	const Resolved *resolved = physical_of(planner, items);
	Oid			element = resolved != NULL && OidIsValid(resolved->type) ? resolved->type : TEXTOID;
	Oid			array = get_array_type(element);

	return OidIsValid(array) ? array : TEXTARRAYOID;
}

/* pgc_plan_logical_type returns the type that a column of a logicalType will have. */
Oid
pgc_plan_logical_type(PgcPlanner *planner, const PgcNode *property)
{
	static const struct
	{
		const char *name;
		Oid			type;
	}			types[] = {
		{"integer", INT8OID}, {"number", NUMERICOID}, {"boolean", BOOLOID}, {"date", DATEOID},
		{"timestamp", TIMESTAMPTZOID}, {"time", TIMEOID}, {"object", JSONBOID}, {"map", JSONBOID},
	};
	const char *name = pgc_node_get_text(property, "logicalType");
	const PgcNode *timezone = pgc_node_get(pgc_node_get(property, "logicalTypeOptions"), "timezone");

	if (name == NULL)
		return TEXTOID;
	if (strcmp(name, "timestamp") == 0 && timezone != NULL && !pgc_node_is_true(timezone))
		return TIMESTAMPOID;
	if (strcmp(name, "array") == 0)
		return array_of(planner, property);
	for (int i = 0; i < lengthof(types); i++)
	{
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	}
	return TEXTOID;
}
