/*
 * src/engine/kinds.c
 *		The registry of rule kinds.  It must never know what a kind does.
 */
#include "postgres.h"

#include "engine/kind.h"

static const PgcKind *const kinds[] = {
	&pgc_kind_not_null,
	&pgc_kind_not_blank,
	&pgc_kind_accepted_values,
	&pgc_kind_forbidden_values,
	&pgc_kind_between,
	&pgc_kind_length_between,
	&pgc_kind_matches,
	&pgc_kind_not_matches,
	&pgc_kind_format,
	&pgc_kind_multiple_of,
	&pgc_kind_satisfies,
	&pgc_kind_row_count,
	&pgc_kind_fresh,
	&pgc_kind_volume,
	&pgc_kind_lifecycle,
	&pgc_kind_metric,
	&pgc_kind_query,
	&pgc_kind_unique,
	&pgc_kind_references,
	&pgc_kind_schema,
};

/* pgc_kind_lookup returns the kind of that name, or NULL. */
const PgcKind *
pgc_kind_lookup(const char *name)
{
	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	}
	return NULL;
}

/* pgc_kind_names returns all names, comma-separated, for hints (palloc'd). */
char *
pgc_kind_names(void)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < lengthof(kinds); i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", kinds[i]->name);
	return names.data;
}

/* pgc_kind_name returns a kind's name. */
const char *
pgc_kind_name(const PgcKind *kind)
{
	return kind->name;
}

/* pgc_kind_default_action returns what rules of a kind do unless it is said. */
PgcAction
pgc_kind_default_action(const char *name)
{
	const PgcKind *kind = pgc_kind_lookup(name);

	return kind != NULL && kind->set_rule ? PGC_AUDIT : PGC_WARN;
}

/* pgc_kind_is_about_columns: do rules of a kind name columns, or may they? */
bool
pgc_kind_is_about_columns(const char *name)
{
	const PgcKind *kind = pgc_kind_lookup(name);

	return kind != NULL && kind->ncolumns != 0;
}
