/*
 * src/document/odcs/odcs.c
 *		Is a document one of the Open Data Contract Standard?
 *
 * Walks the document once along the tables of fields.c and servers.c.  What is
 * of the wrong type or says nothing useful is taken out of the tree when it has
 * been remarked on, so that whoever comes after meets only what fits the
 * tables.  Paths are made only where something is said.
 */
#include "postgres.h"

#include "document/odcs/odcs.h"
#include "miscadmin.h"

/* The versions, as documents say them. */
static const struct
{
	uint8		bit;
	int			number;
	const char *name;
}			versions[] = {
	{PGC_ODCS_300, 300, "v3.0.0"},
	{PGC_ODCS_301, 301, "v3.0.1"},
	{PGC_ODCS_302, 302, "v3.0.2"},
	{PGC_ODCS_310, 310, "v3.1.0"},
	{PGC_ODCS_320, 320, "v3.2.0"}
};

#define VERSIONS_READ "Versions that are read: v3.0.0, v3.0.1, v3.0.2, v3.1.0, v3.2.0."

/*
 * parse_version takes "v3.1.0" apart.  False: it is none.  A number that is too
 * large is none either.
 */
static bool
parse_version(const char *name, int *major, int *minor, int *patch)
{
	int			end = 0;

	return strlen(name) < 12 && sscanf(name, "v%3d.%3d.%3d%n", major, minor, patch, &end) == 3 &&
		name[end] == '\0' && *minor >= 0 && *patch >= 0;
}

/* find_version returns the index of the version that a document of the name is read as, or -1. */
static int
find_version(const char *name, bool *exact)
{
	int			major;
	int			minor;
	int			patch;
	int			found = -1;

	*exact = false;
	if (name == NULL || !parse_version(name, &major, &minor, &patch) || major != 3)
		return -1;
	for (int i = 0; i < lengthof(versions); i++)
	{
		if (versions[i].number <= Min(minor, 99) * 10 + Min(patch, 9) + 300)
			found = i;
	}
	*exact = strcmp(versions[found].name, name) == 0;
	return found;
}

/* pgc_odcs_version returns the version that a document says, or that it is read as: 300 to 320; 0: none. */
int
pgc_odcs_version(const PgcNode *root)
{
	bool		exact;
	int			found = find_version(pgc_node_get_text(root, "apiVersion"), &exact);

	return found < 0 ? 0 : versions[found].number;
}

/* pgc_odcs_version_name returns what documents call the first of some versions. */
const char *
pgc_odcs_version_name(uint8 version)
{
	for (int i = 0; i < lengthof(versions); i++)
	{
		if ((versions[i].bit & version) != 0)
			return versions[i].name;
	}
	return "";
}

/* pgc_odcs_identity returns what identifies an element of a list, or NULL: only its place. */
const char *
pgc_odcs_identity(const char *list, const PgcNode *element)
{
	static const struct
	{
		const char *list;
		const char *field;
	}			identities[] = {
		{"properties", "name"},
		{"schema", "name"},
		{"quality", "name"},
		{"customProperties", "property"},
		{"authoritativeDefinitions", "url"},
		{"slaProperties", "property"},
		{"servers", "server"},
		{"roles", "role"},
		{"support", "channel"},
		{"members", "username"},
		{"team", "username"},
		{"enum", "value"}
	};

	for (int i = 0; i < lengthof(identities); i++)
	{
		if (strcmp(identities[i].list, list) == 0)
			return pgc_node_get_text(element, identities[i].field);
	}
	return NULL;
}

/* pgc_odcs_say adds a remark.  Returns it, for a hint to be added. */
PgcRemark *
pgc_odcs_say(PgcOdcsCheck *check, PgcGravity gravity, const PgcNode *at, const PgcPath *path,
			 const char *format,...)
{
	PgcRemark  *remark;
	va_list		arguments;
	char	   *message;
	char	   *where = pgc_path_text(path);

	va_start(arguments, format);
	message = pgc_message(format, arguments);
	va_end(arguments);
	remark = pgc_remark(check->remarks, gravity, at, where, "%s", message);
	pfree(message);
	pfree(where);
	return remark;
}

/* pgc_odcs_say_newer says that something is of later versions than the document. */
PgcRemark *
pgc_odcs_say_newer(PgcOdcsCheck *check, PgcGravity gravity, const PgcNode *at, const PgcPath *path,
				   uint8 versions_of_it, const char *what)
{
	const char *since = pgc_odcs_version_name(versions_of_it);
	PgcRemark  *remark = pgc_odcs_say(check, gravity, at, path, "%s came with ODCS %s, the document says %s",
									  what, since, pgc_odcs_version_name(check->version));

	remark->hint = psprintf("Say \"apiVersion: %s\".", since);
	return remark;
}

/*
 * find_field returns the field of a shape that a key names in the document's
 * version, or NULL; then *newer is the field of a later version, if there is
 * one.
 */
static const PgcOdcsField *
find_field(const PgcOdcsCheck *check, const PgcOdcsShape *shape, const PgcNode *key, const PgcOdcsField **newer)
{
	for (int i = 0; i < shape->nfields; i++)
	{
		const PgcOdcsField *field = &shape->fields[i];

		if (field->length != key->count || memcmp(field->name, key->content.text, key->count) != 0)
			continue;
		if (field->versions == 0 || (field->versions & check->version) != 0)
			return field;
		if (field->versions > check->version && *newer == NULL)
			*newer = field;
	}
	return NULL;
}

/* say_unknown says that an object has a field that the standard does not know. */
static void
say_unknown(PgcOdcsCheck *check, const PgcNode *key, const PgcOdcsShape *shape,
			const PgcOdcsShape *variant, const PgcPath *path)
{
	PgcGravity	gravity = (shape->strict & check->version) != 0 ? PGC_ERROR : PGC_WARNING;
	PgcRemark  *remark;

	if (check->version == PGC_ODCS_320)
		gravity = PGC_INFO;
	remark = pgc_odcs_say(check, gravity, key, path, "%s has no field \"%s\"",
						  variant ? variant->what : shape->what, key->content.text);
	remark->hint = pgc_odcs_field_hint(key->content.text, shape, variant);
}

/* check_value checks the value of a field.  False: it is of no use. */
static bool
check_value(PgcOdcsCheck *check, PgcNode **slot, const PgcOdcsField *field, const PgcPath *path)
{
	if (!pgc_odcs_want(check, slot, field->want, path))
		return false;
	if (field->shape != NULL && field->want == PGC_WANT_MAP &&
		!pgc_odcs_check_map(check, *slot, field->shape, path))
		return false;
	if (field->shape != NULL && field->want == PGC_WANT_MAPS &&
		!pgc_odcs_check_maps(check, *slot, field->shape, path))
		return false;
	if (field->words != NULL && !pgc_odcs_is_word(check, *slot, field->words, path))
		return false;
	return field->judge == NULL || field->judge(check, *slot, path);
}

/* What stands where something was taken out, until the walk is over: an alias may bring us there again. */
static PgcNode hole = {.type = PGC_NODE_NULL,.content.text = ""};

/* pgc_odcs_take_out notes that something of a list or a map is of no use. */
void
pgc_odcs_take_out(PgcOdcsCheck *check, PgcNode *node, PgcNode **slot)
{
	*slot = &hole;
	check->holed = lappend(check->holed, node);
}

/* check_required says which fields are missing; seen are those that are there.  True: none. */
static bool
check_required(PgcOdcsCheck *check, const PgcNode *map, const PgcOdcsShape *shape, uint64 seen,
			   const PgcPath *path)
{
	bool		complete = true;

	for (int i = 0; shape != NULL && i < shape->nfields; i++)
	{
		const PgcOdcsField *field = &shape->fields[i];

		if ((field->required & check->version) == 0 || (seen & (UINT64CONST(1) << i)) != 0 ||
			(field->versions != 0 && (field->versions & check->version) == 0))
			continue;
		pgc_odcs_say(check, PGC_ERROR, map, path, "%s needs the field \"%s\"", shape->what, field->name);
		complete = false;
	}
	return complete;
}

/*
 * check_pair checks a field with its value.  False: a field that must be there
 * is of no use.  *seen and *variant_seen get the field's bit.
 */
static bool
check_pair(PgcOdcsCheck *check, PgcNode *map, PgcPair *pair, const PgcOdcsShape *shape,
		   const PgcOdcsShape *variant, uint64 *seen, uint64 *variant_seen, const PgcPath *path)
{
	const PgcOdcsField *newer = NULL;
	const PgcOdcsField *field = find_field(check, shape, pair->key, &newer);
	const PgcOdcsShape *owner = shape;
	char		what[NAMEDATALEN];

	if (field == NULL && variant != NULL)
	{
		owner = variant;
		seen = variant_seen;
		field = find_field(check, variant, pair->key, &newer);
	}
	if (field == NULL && newer == NULL)
	{
		say_unknown(check, pair->key, shape, variant, path);
		return true;
	}
	if (field == NULL)
	{
		snprintf(what, sizeof(what), "\"%s\"", newer->name);
		pgc_odcs_say_newer(check, (shape->strict & check->version) != 0 ? PGC_ERROR : PGC_INFO, pair->key, path,
						   newer->versions, what);
		field = newer;
	}
	else
		*seen |= UINT64CONST(1) << (field - owner->fields);

	if (pair->value == &hole)
		return (field->required & check->version) == 0;
	if (check_value(check, &pair->value, field, path))
		return true;
	pgc_odcs_take_out(check, map, &pair->value);
	return (field->required & check->version) == 0;
}

/*
 * pgc_odcs_check_map checks an object along its shape.  False: it is of no use,
 * since it lacks something.
 */
bool
pgc_odcs_check_map(PgcOdcsCheck *check, PgcNode *map, const PgcOdcsShape *shape, const PgcPath *path)
{
	const PgcOdcsShape *variant = shape->variant ? shape->variant(check, map, path) : NULL;
	uint64		seen = 0;
	uint64		variant_seen = 0;
	int			nerrors = check->remarks->nerrors;
	bool		complete = true;

	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < map->count; i++)
	{
		PgcPair    *pair = &map->content.pairs[i];
		PgcPath		here = {path, pair->key->content.text, 0};

		if (!check_pair(check, map, pair, shape, variant, &seen, &variant_seen, &here))
			complete = false;
	}
	if (!check_required(check, map, shape, seen, path))
		complete = false;
	if (!check_required(check, map, variant, variant_seen, path))
		complete = false;
	if (shape->judge != NULL && !shape->judge(check, map, path))
		complete = false;
	return complete && (!shape->whole || check->remarks->nerrors == nerrors);
}

/* pgc_odcs_check_maps checks a list of objects, which keeps only those of use.  True. */
bool
pgc_odcs_check_maps(PgcOdcsCheck *check, PgcNode *list, const PgcOdcsShape *shape, const PgcPath *path)
{
	for (int i = 0; i < list->count; i++)
	{
		PgcNode   **slot = &list->content.items[i];
		PgcPath		here = {path, pgc_odcs_identity(path->name, *slot), i};

		if (*slot == &hole)
			continue;
		if (!pgc_odcs_want(check, slot, PGC_WANT_MAP, &here) || !pgc_odcs_check_map(check, *slot, shape, &here))
			pgc_odcs_take_out(check, list, slot);
	}
	pgc_odcs_check_duplicates(check, list, "id", false, path);
	if (shape->names_differ)
		pgc_odcs_check_duplicates(check, list, "name", true, path);
	return true;
}

/* close_holes_of closes up what was taken out of a list or a map. */
static void
close_holes_of(PgcNode *node)
{
	int			kept = 0;

	for (int i = 0; i < node->count; i++)
	{
		if (node->type == PGC_NODE_MAP && node->content.pairs[i].value != &hole)
			node->content.pairs[kept++] = node->content.pairs[i];
		else if (node->type == PGC_NODE_LIST && node->content.items[i] != &hole)
			node->content.items[kept++] = node->content.items[i];
	}
	node->count = kept;
}

/* compare_cells orders a list's cells by what they point at. */
static int
compare_cells(const ListCell *left, const ListCell *right)
{
	uintptr_t	a = (uintptr_t) lfirst(left);
	uintptr_t	b = (uintptr_t) lfirst(right);

	return (a > b) - (a < b);
}

/* close_holes closes up what was taken out of all lists and maps, of each once, whatever was taken out of it. */
static void
close_holes(List *holed)
{
	const PgcNode *last = NULL;
	ListCell   *cell;

	list_sort(holed, compare_cells);
	foreach(cell, holed)
	{
		if (lfirst(cell) != last)
			close_holes_of(lfirst(cell));
		last = lfirst(cell);
	}
	list_free(holed);
}

/* is_contract says whether the root is a map that calls itself a data contract, or nothing. */
static bool
is_contract(PgcOdcsCheck *check, const PgcNode *root)
{
	const char *kind = pgc_node_get_text(root, "kind");
	PgcPath		path = {NULL, "kind", 0};
	PgcRemark  *remark;

	if (!pgc_node_is(root, PGC_NODE_MAP))
	{
		remark = pgc_odcs_say(check, PGC_ERROR, root, NULL, "the document is a %s, a data contract is a map",
							  pgc_node_type_name(root));
		remark->hint = pstrdup("A data contract begins with fields such as \"kind: DataContract\" and \"apiVersion: v3.1.0\".");
		return false;
	}
	if (kind == NULL || strcmp(kind, "DataContract") == 0)
		return true;
	remark = pgc_odcs_say(check, PGC_ERROR, pgc_node_get(root, "kind"), &path,
						  "the document is of kind \"%s\"", kind);
	remark->hint = pstrdup("Only kind \"DataContract\" is read.");
	return false;
}

/* say_version says that a document's version is not read. */
static void
say_version(PgcOdcsCheck *check, const PgcNode *root)
{
	const PgcNode *node = pgc_node_get(root, "apiVersion");
	const char *name = pgc_node_text(node);
	PgcPath		path = {NULL, "apiVersion", 0};
	PgcRemark  *remark;

	if ((name != NULL && (strncmp(name, "v2.", 3) == 0 || strncmp(name, "2.", 2) == 0)) ||
		(name == NULL && pgc_node_get(root, "dataset") != NULL))
	{
		remark = pgc_odcs_say(check, PGC_ERROR, node ? node : root, &path, "ODCS v2 is not read");
		remark->hint = pstrdup("Say \"apiVersion: v3.1.0\", and rename: dataset to schema; table and column to name; "
							   "columns to properties; isNullable: false to required: true; isUnique to unique; "
							   "isPrimaryKey to primaryKey; sampleValues to examples; stakeholders to team; uuid to id.");
		return;
	}
	if (name == NULL)
		remark = pgc_odcs_say(check, PGC_ERROR, node ? node : root, &path, "a data contract needs the field \"apiVersion\"");
	else
		remark = pgc_odcs_say(check, PGC_ERROR, node, &path, "ODCS %s is not read", name);
	remark->hint = pstrdup(VERSIONS_READ);
}

/* find_bit sets the version to check by.  False: the document's is not read. */
static bool
find_bit(PgcOdcsCheck *check, const PgcNode *root)
{
	const PgcNode *node = pgc_node_get(root, "apiVersion");
	bool		exact;
	int			found = find_version(pgc_node_text(node), &exact);
	PgcPath		path = {NULL, "apiVersion", 0};
	PgcRemark  *remark;

	if (found < 0)
	{
		say_version(check, root);
		return false;
	}
	check->version = versions[found].bit;
	if (!exact)
	{
		remark = pgc_odcs_say(check, PGC_WARNING, node, &path, "ODCS %s is read as %s", node->content.text,
							  versions[found].name);
		remark->hint = pstrdup(VERSIONS_READ);
	}
	return true;
}

/*
 * pgc_odcs_check remarks on everything in a document that is not as the
 * standard wants it, and turns scalars into strings where it wants text.  What
 * was remarked on as an error is taken out.  False: the document is none of the
 * standard at all, or lacks what makes it one.
 */
bool
pgc_odcs_check(PgcNode *root, PgcRemarks *remarks)
{
	PgcOdcsCheck check = {0, remarks, NIL};
	bool		complete;

	if (!is_contract(&check, root) || !find_bit(&check, root))
		return false;
	complete = pgc_odcs_check_map(&check, root, &pgc_odcs_root, NULL);
	close_holes(check.holed);
	return complete;
}
