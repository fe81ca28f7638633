/*
 * src/lineage/extract/masking.c
 *		Functions whose results do not give their arguments away.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "catalog/dependency.h"
#include "lineage/lineage.h"
#include "nodes/value.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/varlena.h"

/* is_one_of: is the name in a list that ends with NULL? */
static bool
is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
	{
		if (strcmp(name, *names) == 0)
			return true;
	}
	return false;
}

/* is_hash: is it a hash function of PostgreSQL's own? */
static bool
is_hash(const char *name)
{
	static const char *const hashes[] = {"md5", "sha224", "sha256", "sha384", "sha512", "crc32", "crc32c", NULL};

	return is_one_of(name, hashes) || strncmp(name, "hash", 4) == 0;
}

/* is_of_pgcrypto: is it one of pgcrypto's that have no way back? */
static bool
is_of_pgcrypto(Oid funcid, const char *name)
{
	static const char *const hashes[] = {"digest", "hmac", "crypt", NULL};
	Oid			extension;

	if (!is_one_of(name, hashes))
		return false;
	extension = getExtensionOfObject(ProcedureRelationId, funcid);
	return OidIsValid(extension) && strcmp(get_extension_name(extension), "pgcrypto") == 0;
}

/* is_listed: is it named by the setting masking_functions? */
static bool
is_listed(Oid funcid, const char *name)
{
	char	   *setting = pstrdup(pgc_masking_functions);
	char	   *schema = get_namespace_name(get_func_namespace(funcid));
	List	   *items;
	ListCell   *cell;

	if (schema == NULL || !SplitGUCList(setting, ',', &items))
		return false;
	foreach(cell, items)
	{
		char	   *item = lfirst(cell);
		List	   *parts;

		if (!SplitIdentifierString(item, '.', &parts) || list_length(parts) != 2)
			continue;
		if (strcmp(linitial(parts), schema) == 0 && strcmp(lsecond(parts), name) == 0)
			return true;
	}
	return false;
}

/*
 * pgc_is_masking: can the arguments of a function not be had back from its result?
 * So are hash functions of PostgreSQL and of pgcrypto, and those that
 * pg_contract.masking_functions names.
 */
bool
pgc_is_masking(Oid funcid)
{
	const char *name = get_func_name(funcid);

	if (name == NULL)
		return false;
	if (funcid < FirstNormalObjectId)
		return is_hash(name);
	return is_of_pgcrypto(funcid, name) ||
		(pgc_masking_functions != NULL && pgc_masking_functions[0] != '\0' && is_listed(funcid, name));
}
