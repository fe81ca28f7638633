/*
 * src/watch/notify.c
 *		The message about an incident: NOTIFY pg_contract with a JSON payload.
 *
 * It is part of the transaction that writes the incident's row: whoever listens
 * hears of what is in the table, and of nothing else.  Values of the data must
 * never be in it: everybody who may connect may listen.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/async.h"
#include "utils/json.h"
#include "utils/numeric.h"
#include "watch/incident.h"

#define CHANNEL "pg_contract"

/* 7900 bytes; the server takes a hundred more (async.c), fewer if its blocks are small. */
#define MAX_PAYLOAD (BLCKSZ - NAMEDATALEN - 228)

/* push_text adds a key with a text, unless there is none. */
static void
push_text(JsonbParseState **state, const char *key, const char *value)
{
	JsonbValue	item = {.type = jbvString};

	if (value == NULL)
		return;
	item.val.string.val = unconstify(char *, key);
	item.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &item);
	item.val.string.val = unconstify(char *, value);
	item.val.string.len = strlen(value);
	pushJsonbValue(state, WJB_VALUE, &item);
}

/* push_number adds a key with a whole number. */
static void
push_number(JsonbParseState **state, const char *key, int64 value)
{
	JsonbValue	item = {.type = jbvString};

	item.val.string.val = unconstify(char *, key);
	item.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &item);
	item.type = jbvNumeric;
	item.val.numeric = int64_to_numeric(value);
	pushJsonbValue(state, WJB_VALUE, &item);
}

/* push_rules adds the first so many of the rules, and how many more there are. */
static void
push_rules(JsonbParseState **state, Jsonb *details, int count)
{
	JsonbValue	key = {.type = jbvString};
	int			all = details ? JsonContainerSize(&details->root) : 0;

	key.val.string.val = "rules";
	key.val.string.len = strlen("rules");
	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < count; i++)
		pushJsonbValue(state, WJB_ELEM, getIthJsonbValueFromContainer(&details->root, i));
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
	if (count < all)
		push_number(state, "more_rules", all - count);
}

/* push_root_cause adds the root cause, perhaps without the path. */
static void
push_root_cause(JsonbParseState **state, Jsonb *root_cause, bool has_path)
{
	JsonbIterator *iterator = JsonbIteratorInit(&root_cause->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = "root_cause";
	value.val.string.len = strlen("root_cause");
	pushJsonbValue(state, WJB_KEY, &value);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY && !has_path && value.val.string.len == strlen("path") &&
			strncmp(value.val.string.val, "path", value.val.string.len) == 0)
			JsonbIteratorNext(&iterator, &value, true);
		else
			pushJsonbValue(state, token, token == WJB_KEY || token == WJB_VALUE ? &value : NULL);
	}
}

/* payload_of makes the message with the first so many rules (palloc'd). */
static char *
payload_of(const PgcFailing *failing, int nrules, bool has_path)
{
	const int	utc = 0;
	JsonbParseState *state = NULL;
	Jsonb	   *jsonb;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_text(&state, "event", failing->event);
	push_number(&state, "incident", failing->incident_id);
	push_text(&state, "dataset", failing->dataset);
	push_text(&state, "contract", failing->contract_id);
	push_text(&state, "severity", failing->had_severity);
	push_text(&state, "owner", failing->owner);
	push_text(&state, "opened_at",
			  JsonEncodeDateTime(NULL, TimestampTzGetDatum(failing->opened_at), TIMESTAMPTZOID, &utc));
	if (failing->root_cause != NULL)
		push_root_cause(&state, failing->root_cause, has_path);
	push_rules(&state, failing->details, nrules);
	jsonb = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	return JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
}

/*
 * pgc_incident_notify sends the message about an event: open, escalate, reopen,
 * close.  Rules that do not fit are counted only; before any is left out, the root cause's path is.
 */
void
pgc_incident_notify(const PgcFailing *failing)
{
	int			nrules = failing->details ? JsonContainerSize(&failing->details->root) : 0;
	char	   *payload = payload_of(failing, nrules, true);

	if (strlen(payload) > MAX_PAYLOAD)
		payload = payload_of(failing, nrules, false);
	while (strlen(payload) > MAX_PAYLOAD && nrules > 0)
	{
		nrules = Min(nrules - 1, (int64) nrules * MAX_PAYLOAD / (int64) strlen(payload));
		payload = payload_of(failing, nrules, false);
	}
	Async_Notify(CHANNEL, payload);
}
