/*
 * src/document/plan/names.c
 *		A table of pointers by name, in the memory context that it was made in.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "document/plan/names.h"

typedef struct Entry
{
	const char *name;
	void	   *value;
	uint32		hash;
	char		status;
} Entry;

#define SH_PREFIX entries
#define SH_ELEMENT_TYPE Entry
#define SH_KEY_TYPE const char *
#define SH_KEY name
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(table, a, b) (strcmp(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct PgcNames
{
	entries_hash *entries;
};

/* pgc_names_make returns an empty table. */
PgcNames *
pgc_names_make(void)
{
	PgcNames   *names = palloc(sizeof(PgcNames));

	names->entries = entries_create(CurrentMemoryContext, 16, NULL);
	return names;
}

/* pgc_names_find returns the value of a name, or NULL. */
void *
pgc_names_find(const PgcNames *names, const char *name)
{
	Entry	   *entry = entries_lookup(names->entries, name);

	return entry == NULL ? NULL : entry->value;
}

/* pgc_names_add adds a name unless it is there; says whether it was added. */
bool
pgc_names_add(PgcNames *names, const char *name, void *value)
{
	bool		found;
	Entry	   *entry = entries_insert(names->entries, name, &found);

	if (!found)
		entry->value = value;
	return !found;
}
