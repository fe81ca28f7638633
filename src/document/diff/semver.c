/*
 * src/document/diff/semver.c
 *		Versions of contracts: which one is later, and by how much.
 *
 * A semantic version is two or three numbers without leading zeros, perhaps
 * after a "v", perhaps with a pre-release and a build: 1.2, v1.2.3, 1.2.3-rc.1+7.
 * Anything else ("2024-06", "12", and what begins with a year) is ordered as
 * people do, digits as numbers; then any rise is as good as any other.
 *
 * Before 1.0.0 a minor rise may break, as in semver.org's item 4; what is a
 * pre-release may change in any way until its release.
 */
#include "postgres.h"

#include "document/document.h"

/* Numbers with more digits are no semantic version. */
#define MAX_DIGITS 9

/* First numbers from here on are years. */
#define FIRST_YEAR 1900

typedef struct Version
{
	const char *prefix;			/* "v" or "" */
	int			numbers[3];		/* major, minor, patch */
	int			count;			/* of numbers that are written: 2 or 3 */
	char	   *prerelease;		/* or NULL */
} Version;

/* The index into Version.numbers that a level raises. */
static int
level_index(const char *level)
{
	return strcmp(level, "major") == 0 ? 0 : strcmp(level, "minor") == 0 ? 1 : 2;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* read_number reads a number without leading zeros; returns what follows, or NULL. */
static const char *
read_number(const char *at, int *number)
{
	const char *from = at;

	while (is_digit(*at))
		at++;
	if (at == from || at - from > MAX_DIGITS || (*from == '0' && at - from > 1))
		return NULL;
	*number = atoi(from);
	return at;
}

/* parse_version reads a semantic version; false: it is none. */
static bool
parse_version(const char *written, Version *version)
{
	const char *at = written;

	memset(version, 0, sizeof(Version));
	version->prefix = "";
	if (*at == 'v' || *at == 'V')
	{
		version->prefix = *at == 'v' ? "v" : "V";
		at++;
	}
	for (;;)
	{
		at = read_number(at, &version->numbers[version->count++]);
		if (at == NULL)
			return false;
		if (*at != '.' || version->count == lengthof(version->numbers))
			break;
		at++;
	}
	if (*at == '-')
	{
		int			length = strcspn(at + 1, "+");

		version->prerelease = pnstrdup(at + 1, length);
		at += 1 + length;
	}
	return version->count >= 2 && (*at == '\0' || *at == '+') &&
		version->numbers[0] < FIRST_YEAR;
}

/* compare_digits compares two runs of digits as numbers, and goes behind them. */
static int
compare_digits(const char **left, const char **right)
{
	int			left_length;
	int			right_length;
	int			order;

	while (**left == '0')
		(*left)++;
	while (**right == '0')
		(*right)++;
	left_length = strspn(*left, "0123456789");
	right_length = strspn(*right, "0123456789");
	order = left_length != right_length ? left_length - right_length :
		strncmp(*left, *right, left_length);
	*left += left_length;
	*right += right_length;
	return order;
}

/* compare_natural orders texts, digits in them as numbers. */
static int
compare_natural(const char *left, const char *right)
{
	while (*left != '\0' && *right != '\0')
	{
		int			order;

		if (is_digit(*left) && is_digit(*right))
			order = compare_digits(&left, &right);
		else
			order = (unsigned char) *left++ - (unsigned char) *right++;
		if (order != 0)
			return order;
	}
	return (unsigned char) *left - (unsigned char) *right;
}

/* compare_numbers compares what comes before the pre-release. */
static int
compare_numbers(const Version *left, const Version *right)
{
	for (int i = 0; i < lengthof(left->numbers); i++)
	{
		if (left->numbers[i] != right->numbers[i])
			return left->numbers[i] - right->numbers[i];
	}
	return 0;
}

/* compare_versions: a pre-release comes before its release; a build does not count. */
static int
compare_versions(const Version *left, const Version *right)
{
	int			order = compare_numbers(left, right);

	if (order != 0)
		return order;
	if (left->prerelease == NULL || right->prerelease == NULL)
		return (left->prerelease == NULL) - (right->prerelease == NULL);
	return compare_natural(left->prerelease, right->prerelease);
}

/* raise_version makes a version the first one that is later by a level. */
static void
raise_version(Version *version, const char *level)
{
	int			index = level_index(level);

	if (version->prerelease != NULL)
	{
		version->prerelease = NULL;
		return;
	}
	if (version->numbers[0] == 0)
		index = Min(index + 1, 2);
	version->numbers[index]++;
	for (int i = index + 1; i < lengthof(version->numbers); i++)
		version->numbers[i] = 0;
	version->count = Max(version->count, index + 1);
}

/* pgc_version_after returns the version that a level asks for (palloc'd); NULL: old is not semantic. */
char *
pgc_version_after(const char *old, const char *level)
{
	Version		version;

	if (old == NULL || !parse_version(old, &version))
		return NULL;
	raise_version(&version, level);
	if (version.count == 2)
		return psprintf("%s%d.%d", version.prefix, version.numbers[0], version.numbers[1]);
	return psprintf("%s%d.%d.%d", version.prefix, version.numbers[0], version.numbers[1],
					version.numbers[2]);
}

/*
 * pgc_version_suffices says whether new is later than old by at least a level; with
 * level NULL, which is no change, whether it is not earlier.  old NULL: anything is.
 */
bool
pgc_version_suffices(const char *old, const char *new, const char *level)
{
	Version		before;
	Version		after;
	int			order;

	if (old == NULL || new == NULL)
		return old == NULL;
	if (!parse_version(old, &before) || !parse_version(new, &after))
		return compare_natural(new, old) >= (level != NULL);
	order = compare_versions(&after, &before);
	if (level == NULL)
		return order >= 0;
	/* any later pre-release will do, until the release */
	if (order <= 0 || before.prerelease != NULL)
		return order > 0;
	raise_version(&before, level);
	return compare_numbers(&after, &before) >= 0;
}
