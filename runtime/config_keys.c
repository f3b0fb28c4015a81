/*
 * runtime/config_keys.c - the keys of acta.yaml in two tables, and the reading
 * of values by them. A name with a dot is a key of a map within: `store.quota`.
 */
#include "runtime/config_keys.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/schema.h"
#include "runtime/ctl.h"

#define MS_S 1e3
#define MS_H 36e5
#define KIB 1024.0
#define MIB (KIB * KIB)
#define TIB (MIB * MIB)
#define PLAIN(name_, type_, offset_, otherwise_)                 \
	{                                                        \
		.name = name_, .type = type_, .offset = offset_, \
		.otherwise = otherwise_                          \
	}
#define RANGE(name_, type_, offset_, otherwise_, min_, max_)      \
	{                                                         \
		.name = name_, .type = type_, .offset = offset_,  \
		.otherwise = otherwise_, .min = min_, .max = max_ \
	}
#define WORDS(name_, offset_, otherwise_, words_)                        \
	{                                                                \
		.name = name_, .type = ACTA_KEY_WORD, .offset = offset_, \
		.otherwise = otherwise_, .words = words_                 \
	}
#define LATER(name_, hint_)                                          \
	{                                                            \
		.name = name_, .type = ACTA_KEY_LATER, .hint = hint_ \
	}

static const char *const strategies[] = { "strategy", "one_for_one",
	"one_for_all", "rest_for_one", "simple_one_for_one", NULL };
static const char *const autos[] = { "auto_shutdown", "never",
	"any_significant", "all_significant", NULL };
static const char *const readies[] = { "ready", "start", NULL };
static const char *const exceeds[] = { "on_exceed", "hold", "escalate", NULL };
static const char *const restarts[] = { "restart type", "permanent",
	"transient", "temporary", NULL };
static const char *const on_faileds[] = { "on_failed", "park", "stop", NULL };
static const char *const on_lags[] = { "on_lag", "hold", "lapse", NULL };

/* Words of other systems, or of a later version: what to say instead. */
static const struct {
	const char *noun, *word, *instead, *hint;
} foreign[] = {
	{ "restart type", "always", "permanent", NULL },
	{ "restart type", "unless-stopped", "permanent", NULL },
	{ "restart type", "on-failure", "transient", NULL },
	{ "restart type", "never", "temporary", NULL },
	{ "restart type", "no", "temporary", NULL },
	{ "ready", "line", NULL,
	    "this version has start: up with its process" },
	{ "ready", "notify", NULL,
	    "this version has start: up with its process" },
};

#define N(field) offsetof(struct acta_config, field)
static const struct acta_key node_keys[] = {
	PLAIN("node", ACTA_KEY_TEXT, N(node), NULL),
	PLAIN("data", ACTA_KEY_TEXT, N(data), NULL),
	PLAIN("run", ACTA_KEY_TEXT, N(run), NULL),
	PLAIN("door.call", ACTA_KEY_ENDPOINT, N(call), "tcp://127.0.0.1:7700"),
	PLAIN("door.push", ACTA_KEY_ENDPOINT, N(push), "tcp://127.0.0.1:7701"),
	PLAIN("door.events", ACTA_KEY_ENDPOINT, N(events),
	    "tcp://127.0.0.1:7702"),
	RANGE("door.max_body", ACTA_KEY_SIZE, N(max_body), "1MiB", KIB, MIB),
	RANGE("door.memory", ACTA_KEY_SIZE, N(door_memory), "256MiB", 32 * MIB,
	    TIB),
	PLAIN("door.admin", ACTA_KEY_BOOL, N(admin), "false"),
	LATER("door.curve",
	    "this version has no CURVE: its doors are for this machine"),
	LATER("door.allow",
	    "this version has no CURVE: its doors are for this machine"),
	WORDS("supervisor.strategy", N(strategy), "one_for_one", strategies),
	RANGE("supervisor.intensity", ACTA_KEY_INT, N(intensity), "5", 0, 1000),
	RANGE("supervisor.period", ACTA_KEY_MS, N(period_ms), "30s", 1,
	    24 * MS_H),
	WORDS("supervisor.on_exceed", N(on_exceed), "hold", exceeds),
	PLAIN("services", ACTA_KEY_OWN, 0, NULL),
};
#undef N
#define NODE_KEYS (sizeof(node_keys) / sizeof(node_keys[0]))
_Static_assert(NODE_KEYS <= ACTA_CONFIG_NODE_KEYS, "lines[] has room");

#define EXEC_HINT "this version runs a program as it is: write a script"
#define S(field) offsetof(struct acta_config_service, field)
static const struct acta_key service_keys[] = {
	PLAIN("name", ACTA_KEY_TEXT, S(name), NULL),
	PLAIN("group", ACTA_KEY_TEXT, S(name), NULL),
	PLAIN("exec", ACTA_KEY_OWN, 0, NULL),
	WORDS("ready", S(ready), "start", readies),
	WORDS("strategy", S(strategy), "one_for_one", strategies),
	RANGE("intensity", ACTA_KEY_INT, S(intensity), "1", 0, 1000),
	RANGE("period", ACTA_KEY_MS, S(period_ms), "5s", 1, 24 * MS_H),
	WORDS("auto_shutdown", S(auto_shutdown), "never", autos),
	WORDS("on_exceed", S(on_exceed), "escalate", exceeds),
	PLAIN("load", ACTA_KEY_TEXT, S(load), NULL),
	RANGE("partitions", ACTA_KEY_INT, S(partitions), "1", 1, 1024),
	RANGE("workers", ACTA_KEY_INT, S(workers), NULL, 1, ACTA_BOX_WORKERS),
	WORDS("restart", S(restart), "permanent", restarts),
	PLAIN("significant", ACTA_KEY_BOOL, S(significant), "false"),
	RANGE(
	    "shutdown", ACTA_KEY_SHUTDOWN, S(shutdown_ms), "5s", 1, 24 * MS_H),
	RANGE("backoff.min", ACTA_KEY_MS, S(backoff_min_ms), "100ms", 1,
	    24 * MS_H),
	RANGE(
	    "backoff.max", ACTA_KEY_MS, S(backoff_max_ms), "30s", 1, 24 * MS_H),
	RANGE("backoff.factor", ACTA_KEY_NUM, S(backoff_factor), "2", 1, 100),
	RANGE("backoff.jitter", ACTA_KEY_NUM, S(backoff_jitter), "0.2", 0, 1),
	RANGE("backoff.reset", ACTA_KEY_MS, S(backoff_reset_ms), "60s", 1,
	    24 * MS_H),
	RANGE("max_attempts", ACTA_KEY_INT, S(max_attempts), "5", 1, 1000),
	RANGE("max_crashes", ACTA_KEY_INT, S(max_crashes), "3", 1, 1000),
	RANGE(
	    "turn_limit", ACTA_KEY_MS, S(turn_limit_ms), "30s", 10, 24 * MS_H),
	RANGE("limits.memory", ACTA_KEY_SIZE, S(memory_max), "0", 0, TIB),
	RANGE("limits.files", ACTA_KEY_INT, S(files_max), "0", 0, 1 << 20),
	WORDS("on_failed", S(on_failed), "park", on_faileds),
	WORDS("on_lag", S(on_lag), "hold", on_lags),
	PLAIN("on_from", ACTA_KEY_FROM, S(on_from), "first"),
	RANGE("ids.keep", ACTA_KEY_MS, S(ids_keep_ms), "24h", MS_S,
	    366 * 24 * MS_H),
	RANGE("ids.quota", ACTA_KEY_SIZE, S(ids_quota), "1GiB", MIB, TIB),
	RANGE("events.age", ACTA_KEY_MS, S(events_age_ms), "24h", MS_S,
	    3660 * 24 * MS_H),
	RANGE("events.size", ACTA_KEY_SIZE, S(events_size), "1GiB", KIB, TIB),
	RANGE(
	    "events.count", ACTA_KEY_INT, S(events_count), "10000000", 1, 1e15),
	RANGE("spin", ACTA_KEY_US, S(spin_us), "50us", 0, 1e6),
	RANGE("store.quota", ACTA_KEY_SIZE, S(store_quota), "16GiB", 16 * MIB,
	    TIB),
	RANGE(
	    "store.memory", ACTA_KEY_SIZE, S(store_memory), "64MiB", MIB, TIB),
	RANGE("store.journal_keep", ACTA_KEY_SIZE, S(store_journal_keep),
	    "1GiB", MIB, TIB),
	RANGE("channel.quota", ACTA_KEY_SIZE, S(channel_quota), "256MiB",
	    64 * KIB, TIB),
	RANGE("channel.credit", ACTA_KEY_SIZE, S(channel_credit), "4MiB",
	    64 * KIB, 1024 * MIB),
	PLAIN("settings", ACTA_KEY_OWN, 0, NULL),
	PLAIN("after", ACTA_KEY_OWN, 0, NULL),
	PLAIN("services", ACTA_KEY_OWN, 0, NULL),
	LATER("direct", "this version has the node's doors alone"),
	LATER("env", EXEC_HINT),
	LATER("user", EXEC_HINT),
	LATER("cwd", EXEC_HINT),
	LATER("stop_signal", EXEC_HINT),
};
#undef S
#define SERVICE_KEYS (sizeof(service_keys) / sizeof(service_keys[0]))
_Static_assert(SERVICE_KEYS <= ACTA_CONFIG_SERVICE_KEYS, "lines[] has room");

const struct acta_keys acta_node_keys = { .keys = node_keys,
	.count = NODE_KEYS };
const struct acta_keys acta_service_keys = { .keys = service_keys,
	.count = SERVICE_KEYS };

/* ------------------------------------------------------------- errors -- */

enum acta_err
acta_key_refuse(const struct acta_key_reading *r, uint32_t line,
    uint32_t column, const char *format, ...)
{
	char text[240], hint[sizeof(r->why->hint)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* The hint may be there first, and a new text takes it away. */
	memcpy(hint, r->why->hint, sizeof(hint));
	acta_why_text(r->why, "%s:%" PRIu32 ":%" PRIu32 ": %s", r->config->name,
	    line, column, text);
	acta_why_hint(r->why, "%s", hint);
	return ACTA_EINVAL;
}

void
acta_key_reason(const struct acta_key_reading *r, const char *reason)
{
	char hint[sizeof(r->why->hint)];

	memcpy(hint, r->why->hint, sizeof(hint));
	acta_why_hint(r->why, "%s%s(%s)", hint, hint[0] ? " " : "", reason);
}

const char *
acta_key_kind(const struct acta_yaml *node)
{
	if (node->kind == ACTA_YAML_LIST)
		return "a list";
	if (node->kind == ACTA_YAML_MAP)
		return "a map";
	if (node->text[0] == '\0')
		return "empty";
	return node->plain ? "a value" : "a quoted text";
}

/* A list of words into `out`, as a sentence has them: "a, b, c". */
static void
words_join(const char *const *words, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (; *words != NULL; words++) {
		size_t more = (at > 0 ? 2 : 0) + strlen(*words);

		if (at + more + sizeof(", ...") > size) {
			snprintf(out + at, size - at, ", ...");
			return;
		}
		at += (size_t)snprintf(
		    out + at, size - at, "%s%s", at > 0 ? ", " : "", *words);
	}
}

/* ------------------------------------------------------- single values -- */

enum acta_err
acta_key_wrong(const struct acta_key_reading *r, const struct acta_yaml *node,
    const char *due)
{
	if (node->kind != ACTA_YAML_SCALAR || node->text[0] == '\0')
		return refuse(r, node, "\"%s\" is %s, %s is due", node->key,
		    acta_key_kind(node), due);
	return refuse(r, node, "\"%s\" is \"%.80s\", %s is due", node->key,
	    node->text, due);
}

static void
range_text(const struct acta_key *key, double value, char out[32])
{
	switch (key->type) {
	case ACTA_KEY_SIZE: acta_text_of_size((int64_t)value, out); break;
	case ACTA_KEY_SHUTDOWN:
	case ACTA_KEY_MS:
		acta_text_of_duration((int64_t)value * 1000, out);
		break;
	case ACTA_KEY_US: acta_text_of_duration((int64_t)value, out); break;
	default: /* a count in digits, however many */
		snprintf(out, 32,
		    value == floor(value) && value < 1e18 ? "%.0f" : "%.15g",
		    value);
	}
}

static enum acta_err
in_range(const struct acta_key_reading *r, const struct acta_key *key,
    const struct acta_yaml *node, double value)
{
	char min[32], max[32];

	if (value >= key->min && value <= key->max)
		return ACTA_OK;
	range_text(key, key->min, min);
	range_text(key, key->max, max);
	acta_why_hint(r->why, "it can be %s to %s", min, max);
	return refuse(
	    r, node, "\"%s\" is %.40s: out of range", node->key, node->text);
}

static enum acta_err
read_word(const struct acta_key_reading *r, const struct acta_key *key,
    const struct acta_yaml *node, int64_t *out)
{
	const char *noun = key->words[0], *near;
	char all[128];
	size_t i;

	for (i = 1; key->words[i] != NULL; i++) {
		if (strcmp(key->words[i], node->text) == 0) {
			*out = (int64_t)i - 1;
			return ACTA_OK;
		}
	}
	near = acta_closest(node->text, key->words + 1);
	for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		const char *words[] = { foreign[i].word, NULL };

		if (strcmp(foreign[i].noun, noun) != 0)
			continue;
		if (foreign[i].hint != NULL) {
			if (strcmp(foreign[i].word, node->text) != 0)
				continue;
			acta_why_hint(r->why, "%s", foreign[i].hint);
			return refuse(
			    r, node, "%s \"%s\" comes later", noun, node->text);
		}
		if (near == NULL && acta_closest(node->text, words) != NULL)
			near = foreign[i].instead;
	}
	words_join(key->words + 1, all, sizeof(all));
	if (near != NULL && noun[strlen(noun) - 1] == 'y')
		acta_why_hint(r->why, "did you mean \"%s\"? The %.*sies are %s",
		    near, (int)strlen(noun) - 1, noun, all);
	else if (near != NULL)
		acta_why_hint(r->why, "did you mean \"%s\"? The %ss are %s",
		    near, noun, all);
	else
		acta_why_hint(r->why, "one of %s", all);
	return refuse(r, node, "unknown %s \"%.80s\"", noun, node->text);
}

/*
 * A door's endpoint. Only loopback: anyone who reaches a port may call, and
 * this version cannot ask who it is.
 */
static enum acta_err
read_endpoint(const struct acta_key_reading *r, const struct acta_yaml *node)
{
	const char *text = node->text, *host = text + 6, *port;
	char address[INET_ADDRSTRLEN];
	struct in_addr ip;
	int64_t number;

	if (strcmp(text, "off") == 0)
		return ACTA_OK;
	if (strncmp(text, "tcp://", 6) != 0) {
		acta_why_hint(r->why,
		    "tcp://127.0.0.1:7700, or off; over "
		    "ipc all three are in the run directory");
		return refuse(r, node, "\"%s\" is no tcp endpoint: \"%.80s\"",
		    node->key, text);
	}
	port = strrchr(host, ':');
	if (port == NULL || acta_text_int(port + 1, &number) != ACTA_OK ||
	    number < 0 || number > 65535 || (port[1] == '0' && number > 0)) {
		acta_why_hint(r->why, "like tcp://127.0.0.1:7700");
		return refuse(r, node,
		    "\"%s\" has no port in 1 to 65535: "
		    "\"%.80s\"",
		    node->key, text);
	}
	if (number == 0) {
		acta_why_hint(r->why,
		    "clients must know it: choose one; "
		    "`off` if nobody needs this door");
		return refuse(r, node, "\"%s\" has port 0", node->key);
	}
	if (strncmp(host, "localhost:", 10) == 0 ||
	    strncmp(host, "[::1]:", 6) == 0) {
		acta_why_hint(r->why, "write tcp://127.0.0.1%s", port);
		return refuse(
		    r, node, "\"%s\" is to be a number of IPv4", node->key);
	}
	snprintf(address, sizeof(address), "%.*s", (int)(port - host), host);
	if (strncmp(address, "127.", 4) != 0 ||
	    (size_t)(port - host) >= sizeof(address) ||
	    inet_pton(AF_INET, address, &ip) != 1) {
		acta_why_hint(r->why,
		    "write tcp://127.0.0.1%s; a door to "
		    "the network needs CURVE keys, which "
		    "this version has not",
		    port);
		return refuse(r, node, "\"%s\" is not on loopback: \"%.80s\"",
		    node->key, text);
	}
	return ACTA_OK;
}

static enum acta_err
read_time(const struct acta_key_reading *r, const struct acta_key *key,
    const struct acta_yaml *node, int64_t *out)
{
	int64_t us;

	if (key->type == ACTA_KEY_SHUTDOWN &&
	    strcmp(node->text, "infinity") == 0) {
		*out = ACTA_SHUTDOWN_INFINITY;
		return ACTA_OK;
	}
	if (key->type == ACTA_KEY_SHUTDOWN &&
	    strcmp(node->text, "brutal_kill") == 0) {
		*out = 0;
		return ACTA_OK;
	}
	if (acta_text_duration(node->text, &us, r->why) != ACTA_OK)
		return acta_key_wrong(r, node,
		    key->type == ACTA_KEY_SHUTDOWN
			? "a time, brutal_kill or infinity"
			: "a duration");
	if (key->type == ACTA_KEY_US) {
		*out = us;
		return in_range(r, key, node, (double)us);
	}
	if (us % 1000 != 0) {
		acta_why_hint(r->why, "whole milliseconds, please");
		return refuse(r, node, "\"%s\" is %s: finer than 1ms",
		    node->key, node->text);
	}
	*out = us / 1000;
	return in_range(r, key, node, (double)*out);
}

static enum acta_err
read_bool(
    const struct acta_key_reading *r, const struct acta_yaml *node, bool *out)
{
	if (node->plain && strcmp(node->text, "true") == 0) {
		*out = true;
		return ACTA_OK;
	}
	if (node->plain && strcmp(node->text, "false") == 0) {
		*out = false;
		return ACTA_OK;
	}
	return acta_key_wrong(r, node, "true or false");
}

static enum acta_err
read_text(
    const struct acta_key_reading *r, const struct acta_yaml *node, char **out)
{
	if (node->text[0] == '\0')
		return acta_key_wrong(r, node, "a text");
	free(*out);
	*out = acta_text_keepf("%s", node->text);
	return ACTA_OK;
}

enum acta_err
acta_key_read(const struct acta_key_reading *r, const struct acta_key *key,
    void *base, const struct acta_yaml *node)
{
	void *out;
	enum acta_err err;

	if (key->type == ACTA_KEY_LATER) {
		acta_why_hint(r->why, "%s", key->hint);
		return refuse_key(r, node, "\"%s\" comes later", node->key);
	}
	if (key->type == ACTA_KEY_OWN)
		return ACTA_OK;
	if (node->kind != ACTA_YAML_SCALAR)
		return acta_key_wrong(r, node, "one value");
	out = (char *)base + key->offset;
	switch (key->type) {
	case ACTA_KEY_TEXT: return read_text(r, node, out);
	case ACTA_KEY_ENDPOINT:
		err = read_endpoint(r, node);
		return err == ACTA_OK ? read_text(r, node, out) : err;
	case ACTA_KEY_INT:
		if (!node->plain || acta_text_int(node->text, out) != ACTA_OK)
			return acta_key_wrong(r, node, "a whole number");
		return in_range(r, key, node, (double)*(int64_t *)out);
	case ACTA_KEY_FROM:
		if (acta_text_from(node->text, out) != ACTA_OK)
			return acta_key_wrong(r, node,
			    "first, last, a seq or a time as "
			    "2026-01-31T12:00:00Z");
		return ACTA_OK;
	case ACTA_KEY_SIZE:
		if (acta_text_size(node->text, out, r->why) != ACTA_OK)
			return acta_key_wrong(r, node, "a size");
		return in_range(r, key, node, (double)*(int64_t *)out);
	case ACTA_KEY_MS:
	case ACTA_KEY_US:
	case ACTA_KEY_SHUTDOWN: return read_time(r, key, node, out);
	case ACTA_KEY_NUM:
		if (!node->plain || acta_text_num(node->text, out) != ACTA_OK)
			return acta_key_wrong(r, node, "a number");
		return in_range(r, key, node, *(double *)out);
	case ACTA_KEY_BOOL: return read_bool(r, node, out);
	case ACTA_KEY_WORD: return read_word(r, key, node, out);
	default: return ACTA_EINVAL;
	}
}

/* ---------------------------------------------------------------- maps -- */

/* The row of prefix.name; `*inner`: it is itself a map of dotted rows. */
const struct acta_key *
acta_key_find(const struct acta_keys *t, const char *prefix, const char *name,
    bool *inner)
{
	size_t skip = strlen(prefix), size = strlen(name), i;

	*inner = false;
	/* The dot is ours: in a file a map is written as one. */
	if (strchr(name, '.') != NULL)
		return NULL;
	for (i = 0; i < t->count; i++) {
		const char *at = t->keys[i].name;

		if (strncmp(at, prefix, skip) != 0)
			continue;
		at += skip;
		if (strcmp(at, name) == 0)
			return &t->keys[i];
		if (strncmp(at, name, size) == 0 && at[size] == '.') {
			*inner = true;
			return &t->keys[i];
		}
	}
	return NULL;
}

/* The maps that have a key of this name: `"ids", "store" or "channel"`. */
static void
homes(const struct acta_keys *t, const char *name, char *out, size_t size)
{
	const char *maps[ACTA_CONFIG_SERVICE_KEYS];
	int sizes[ACTA_CONFIG_SERVICE_KEYS];
	size_t n = 0, at = 0, i;

	for (i = 0; i < t->count; i++) {
		const char *dot = strrchr(t->keys[i].name, '.');

		if (t->keys[i].type == ACTA_KEY_LATER || dot == NULL ||
		    strcmp(dot + 1, name) != 0)
			continue;
		maps[n] = t->keys[i].name;
		sizes[n++] = (int)(dot - t->keys[i].name);
	}
	out[0] = '\0';
	for (i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s\"%.*s\"",
		    i == 0          ? ""
			: i + 1 < n ? ", "
				    : " or ",
		    sizes[i], maps[i]);
}

static enum acta_err
unknown_key(const struct acta_key_reading *r, const struct acta_keys *t,
    const char *prefix, const struct acta_yaml *node)
{
	static char names[ACTA_CONFIG_SERVICE_KEYS][32];
	const char *words[ACTA_CONFIG_SERVICE_KEYS + 1], *near;
	size_t skip = strlen(prefix), n = 0, i;
	char all[200];
	bool inner;

	for (i = 0; i < t->count; i++) {
		const char *at = t->keys[i].name;
		size_t size;

		if (strncmp(at, prefix, skip) != 0 ||
		    t->keys[i].type == ACTA_KEY_LATER)
			continue;
		at += skip;
		size = strcspn(at, ".");
		if (n > 0 && strlen(names[n - 1]) == size &&
		    strncmp(names[n - 1], at, size) == 0)
			continue;
		snprintf(names[n], sizeof(names[n]), "%.*s", (int)size, at);
		words[n] = names[n];
		n++;
	}
	words[n] = NULL;
	/* At home elsewhere beats being like a name of here. */
	homes(t, node->key, all, sizeof(all));
	if (all[0] != '\0') {
		acta_why_hint(r->why, "it belongs under %s", all);
		goto out;
	}
	words_join(words, all, sizeof(all));
	near = acta_closest(node->key, words);
	if (t->keys == service_keys && skip == 0 &&
	    acta_key_find(&acta_node_keys, "", node->key, &inner) != NULL)
		acta_why_hint(r->why,
		    "it belongs at the top of the file, not to a service");
	else if (t->keys == node_keys && skip == 0 &&
	    acta_key_find(&acta_service_keys, "", node->key, &inner) != NULL)
		acta_why_hint(
		    r->why, "it belongs to a service: under \"services\"");
	else if (near != NULL)
		acta_why_hint(r->why, "did you mean \"%s\"?", near);
	else
		acta_why_hint(r->why, "the keys here are %s", all);
out:
	return refuse_key(r, node, "unknown key \"%.80s\"", node->key);
}

/* Keys that are OTP's, too. */
static void
say_reason(const struct acta_key_reading *r, const char *name)
{
	static const struct {
		const char *key, *reason;
	} reasons[] = {
		{ "name", "missing_id" },
		{ "restart", "invalid_restart_type" },
		{ "shutdown", "invalid_shutdown" },
		{ "significant", "invalid_significant" },
		{ "strategy", "invalid_strategy" },
		{ "intensity", "invalid_intensity" },
		{ "period", "invalid_period" },
		{ "auto_shutdown", "invalid_auto_shutdown" },
	};

	if (strncmp(name, "supervisor.", 11) == 0)
		name += 11;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(reasons[i].key, name) == 0)
			acta_key_reason(r, reasons[i].reason);
}

enum acta_err
acta_keys_read(const struct acta_key_reading *r, const struct acta_keys *t,
    const char *prefix, const struct acta_yaml *map)
{
	const struct acta_yaml *node;

	for (node = map->first; node != NULL; node = node->next) {
		bool inner;
		char below[64];
		const struct acta_key *key =
		    acta_key_find(t, prefix, node->key, &inner);
		enum acta_err err;

		if (key == NULL)
			return unknown_key(r, t, prefix, node);
		if (!inner) {
			err = acta_key_read(r, key, t->base, node);
			t->lines[key - t->keys] = node->line;
		} else if (node->kind == ACTA_YAML_MAP) {
			/* No row has two dots, so this goes one deep. */
			snprintf(below, sizeof(below), "%s.", node->key);
			err = acta_keys_read(r, t, below, node);
		} else {
			err = acta_key_wrong(r, node, "a map");
			acta_why_hint(r->why, "like {%s: ...}",
			    key->name + strlen(node->key) + 1);
		}
		if (err != ACTA_OK) {
			say_reason(r, key->name);
			return err;
		}
	}
	return ACTA_OK;
}

void
acta_keys_defaults(const struct acta_key_reading *r, const struct acta_keys *t)
{
	size_t i;

	for (i = 0; i < t->count; i++) {
		struct acta_yaml node = { .kind = ACTA_YAML_SCALAR,
			.plain = true,
			.text = (char *)t->keys[i].otherwise,
			.key = (char *)t->keys[i].name };

		if (node.text == NULL)
			continue;
		/* The tables are ours: a default that does not read is a
		 * bug. A 0 of limits means none and is below their range. */
		if (acta_key_read(r, &t->keys[i], t->base, &node) != ACTA_OK)
			abort();
	}
}
