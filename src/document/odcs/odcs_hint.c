/*
 * src/document/odcs/odcs_hint.c
 *		What was meant by a name that the standard does not know.
 */
#include "postgres.h"

#include "document/odcs/odcs.h"

/* A longer name is not compared with others. */
#define MAX_NAME 40

/* Names of ODCS v2 and of other standards, and what they are here. */
static const struct
{
	const char *old;
	const char *new;
	const char *hint;			/* or NULL: the new name says it */
}			old_names[] = {
	{"dataset", "schema", NULL},
	{"datasets", "schema", NULL},
	{"models", "schema", NULL},
	{"tables", "schema", NULL},
	{"columns", "properties", NULL},
	{"fields", "properties", NULL},
	{"table", "name", NULL},
	{"column", "name", NULL},
	{"isNullable", "required", "In v3 \"isNullable: false\" is \"required: true\"."},
	{"nullable", "required", "Write \"required: true\" for what must not be null."},
	{"notNull", "required", NULL},
	{"isUnique", "unique", NULL},
	{"isPrimary", "primaryKey", NULL},
	{"isPrimaryKey", "primaryKey", NULL},
	{"encryptedColumnName", "encryptedName", NULL},
	{"partitionStatus", "partitioned", NULL},
	{"sampleValues", "examples", NULL},
	{"criticalDataElementStatus", "criticalDataElement", NULL},
	{"stakeholders", "team", NULL},
	{"uuid", "id", NULL},
	{"comment", "description", NULL},
	{"type", "logicalType", NULL},
	{"title", "businessName", NULL},
	{"references", "relationships", NULL},
	{"servicelevels", "slaProperties", NULL},
	{"toolName", "engine", NULL},
	{"owner", "team", "Write a team with a member of role owner, or a customProperty \"owner\"."}
};

/* is_same tells if two names differ only by case, _ and -. */
static bool
is_same(const char *left, const char *right)
{
	while (true)
	{
		while (*left == '_' || *left == '-')
			left++;
		while (*right == '_' || *right == '-')
			right++;
		if (pg_tolower((unsigned char) *left) != pg_tolower((unsigned char) *right))
			return false;
		if (*left == '\0')
			return true;
		left++;
		right++;
	}
}

/* distance returns how many letters must be changed, added or dropped to get from one name to the other. */
static int
distance(const char *left, int left_length, const char *right, int right_length)
{
	int			row[MAX_NAME + 1];

	for (int j = 0; j <= right_length; j++)
		row[j] = j;
	for (int i = 1; i <= left_length; i++)
	{
		int			diagonal = row[0];

		row[0] = i;
		for (int j = 1; j <= right_length; j++)
		{
			int			changed = diagonal + (left[i - 1] != right[j - 1]);

			diagonal = row[j];
			row[j] = Min(changed, Min(row[j - 1], row[j]) + 1);
		}
	}
	return row[right_length];
}

/*
 * strangeness returns how far a text is from a name, -1: too far.  One that
 * stops early is farther than one that is misspelt.
 */
static int
strangeness(const char *text, const char *name)
{
	int			length = (int) strlen(text);
	int			name_length = (int) strlen(name);
	int			far = Min(length, name_length) < 5 ? 1 : 2;
	int			found;

	if (length > MAX_NAME || name_length > MAX_NAME)
		return -1;
	if (is_same(text, name))
		return 0;
	if (length > 5 && strncmp(text, name, length) == 0)
		return far + 1;
	if (abs(length - name_length) > far)
		return -1;
	found = distance(text, length, name, name_length);
	return found <= far ? found : -1;
}

/* pgc_odcs_nearest_word returns the word that a text is nearest to, or NULL: none is near. */
char *
pgc_odcs_nearest_word(const char *text, const char *const *words)
{
	int			best = -1;
	const char *nearest = NULL;

	for (int i = 0; words[i] != NULL; i++)
	{
		int			found = strangeness(text, words[i]);

		if (found >= 0 && (nearest == NULL || found < best))
		{
			best = found;
			nearest = words[i];
		}
	}
	return nearest ? pstrdup(nearest) : NULL;
}

/* nearest_field returns the field of a shape that a name is nearest to, or NULL; *best is how near, -1 at first. */
static const char *
nearest_field(const char *name, const PgcOdcsShape *shape, int *best)
{
	const char *nearest = NULL;

	for (int i = 0; shape != NULL && i < shape->nfields; i++)
	{
		int			found = strangeness(name, shape->fields[i].name);

		if (found >= 0 && (*best < 0 || found < *best))
		{
			*best = found;
			nearest = shape->fields[i].name;
		}
	}
	return nearest;
}

/* has_field tells if a shape has a field, in some version. */
static bool
has_field(const PgcOdcsShape *shape, const char *name)
{
	for (int i = 0; shape != NULL && i < shape->nfields; i++)
	{
		if (strcmp(shape->fields[i].name, name) == 0)
			return true;
	}
	return false;
}

/* old_hint returns a hint for a name of another standard, or NULL. */
static char *
old_hint(const char *name, const PgcOdcsShape *shape, const PgcOdcsShape *variant)
{
	for (int i = 0; i < lengthof(old_names); i++)
	{
		const char *new = old_names[i].new;

		if (strcmp(old_names[i].old, name) != 0 || (!has_field(shape, new) && !has_field(variant, new)))
			continue;
		return old_names[i].hint ? pstrdup(old_names[i].hint) : psprintf("In ODCS v3 it is called \"%s\".", new);
	}
	return NULL;
}

/* pgc_odcs_field_hint returns what to write in place of a field that there is not, or NULL. */
char *
pgc_odcs_field_hint(const char *name, const PgcOdcsShape *shape, const PgcOdcsShape *variant)
{
	int			best = -1;
	const char *nearest = nearest_field(name, shape, &best);
	const char *nearest_of_variant = nearest_field(name, variant, &best);
	char	   *hint = old_hint(name, shape, variant);

	if (hint != NULL)
		return hint;
	if (nearest_of_variant != NULL)
		nearest = nearest_of_variant;
	if (nearest != NULL)
		return psprintf("Did you mean \"%s\"?", nearest);
	if (has_field(shape, "logicalTypeOptions") && pgc_odcs_is_option(name))
		return pstrdup("It belongs into \"logicalTypeOptions\".");
	if (strcmp(name, "from") == 0 && has_field(shape, "to"))
		return pstrdup("A relationship of a property starts at that property.");
	if (has_field(shape, "customProperties"))
		return pstrdup("What the standard does not know belongs into \"customProperties\".");
	return NULL;
}
