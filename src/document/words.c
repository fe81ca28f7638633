/*
 * src/document/words.c
 *		Words that documents use, and what they mean: for all who read them.
 */
#include "postgres.h"

#include "document/document.h"

/* pgc_word_severity returns what a severity means; none, and any that is not known, is an error. */
PgcSeverity
pgc_word_severity(const char *word)
{
	static const char *const warnings[] = {"warning", "warn", "low", "minor", "trivial"};

	if (word != NULL && pg_strcasecmp(word, "info") == 0)
		return PGC_SEVERITY_INFO;
	for (int i = 0; word != NULL && i < lengthof(warnings); i++)
	{
		if (pg_strcasecmp(word, warnings[i]) == 0)
			return PGC_SEVERITY_WARNING;
	}
	return PGC_SEVERITY_ERROR;
}

/* pgc_word_metric returns the metric of a check of the standard's library, or NULL; some had other names before v3.1.0. */
const char *
pgc_word_metric(const char *word)
{
	static const char *const metrics[][2] = {
		{"nullValues", "nullValues"}, {"missingValues", "missingValues"}, {"invalidValues", "invalidValues"},
		{"duplicateValues", "duplicateValues"}, {"rowCount", "rowCount"}, {"nullCheck", "nullValues"},
		{"duplicateCount", "duplicateValues"}, {"validValues", "invalidValues"}, {"countCheck", "rowCount"},
	};

	for (int i = 0; word != NULL && i < lengthof(metrics); i++)
	{
		if (strcmp(metrics[i][0], word) == 0)
			return metrics[i][1];
	}
	return NULL;
}

/* pgc_word_service_level returns the full name of a service level, or NULL: none that is known.  Case does not count. */
const char *
pgc_word_service_level(const char *word)
{
	static const char *const levels[][2] = {
		{"availability", "av"}, {"throughput", "th"}, {"errorRate", "er"}, {"generalAvailability", "ga"},
		{"endOfSupport", "es"}, {"endOfLife", "el"}, {"retention", "re"}, {"frequency", "fy"}, {"latency", "ly"},
		{"timeToDetect", "td"}, {"timeToNotify", "tn"}, {"timeToRepair", "tr"},
		{"freshness", NULL}, {"timeOfAvailability", NULL},
	};

	for (int i = 0; word != NULL && i < lengthof(levels); i++)
	{
		if (pg_strcasecmp(levels[i][0], word) == 0 ||
			(levels[i][1] != NULL && pg_strcasecmp(levels[i][1], word) == 0))
			return levels[i][0];
	}
	return NULL;
}

/* pgc_check_is_percent: does a check count in percent, not in rows? */
bool
pgc_check_is_percent(const PgcNode *check)
{
	const char *unit = pgc_node_get_text(check, "unit");

	return unit != NULL && (pg_strcasecmp(unit, "percent") == 0 || strcmp(unit, "%") == 0);
}

/* pgc_custom_get returns the value of a custom property of an element, or NULL. */
const PgcNode *
pgc_custom_get(const PgcNode *element, const char *name)
{
	const PgcNode *list = pgc_node_get(element, "customProperties");

	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
	{
		const char *property = pgc_node_get_text(list->content.items[i], "property");
		const PgcNode *value;

		if (property == NULL || strcmp(property, name) != 0)
			continue;
		value = pgc_node_get(list->content.items[i], "value");
		return pgc_node_is(value, PGC_NODE_NULL) ? NULL : value;
	}
	return NULL;
}
