/*
 * runtime/config.c - the keys of acta.yaml in two tables, and the reading of a
 * file by them. A name with a dot is a key of a map within: `store.quota`.
 */
#include "runtime/config.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codecs/envelope.h"
#include "codecs/json.h"
#include "codecs/packer.h"
#include "codecs/reader.h"
#include "codecs/schema.h"
#include "runtime/config_text.h"
#include "runtime/config_yaml.h"
#include "runtime/ctl.h"

enum key_type {
	KEY_TEXT,     /* char * */
	KEY_ENDPOINT, /* char *: tcp://127.0.0.1:PORT, or off */
	KEY_INT,      /* int64_t, min .. max */
	KEY_SIZE,     /* int64_t bytes, min .. max */
	KEY_MS,       /* int64_t ms, min .. max */
	KEY_US,       /* int64_t us, min .. max */
	KEY_SHUTDOWN, /* int64_t ms, or brutal_kill, or infinity */
	KEY_NUM,      /* double, min .. max */
	KEY_BOOL,     /* bool */
	KEY_WORD,     /* int64_t: index in words */
	KEY_OWN,      /* read by other means: services, settings */
	KEY_LATER,    /* comes later: refused, `hint` says so */
};

struct key {
	const char *name;
	enum key_type type;
	size_t offset;
	const char *otherwise; /* NULL: must be there, or is worked out */
	double min, max;
	const char *const *words; /* `words[0]` is what they are called */
	const char *hint;
};

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
#define WORDS(name_, offset_, otherwise_, words_)                   \
	{                                                           \
		.name = name_, .type = KEY_WORD, .offset = offset_, \
		.otherwise = otherwise_, .words = words_            \
	}
#define LATER(name_, hint_)                                     \
	{                                                       \
		.name = name_, .type = KEY_LATER, .hint = hint_ \
	}

static const char *const strategies[] = { "strategy", "one_for_one", NULL };
static const char *const exceeds[] = { "on_exceed", "hold", "escalate", NULL };
static const char *const restarts[] = { "restart type", "permanent",
	"transient", "temporary", NULL };
static const char *const on_faileds[] = { "on_failed", "park", "stop", NULL };
static const char *const on_lags[] = { "on_lag", "hold", NULL };

/* Words of other systems, or of a later version: what to say instead. */
static const struct {
	const char *noun, *word, *instead, *hint;
} foreign[] = {
	{ "restart type", "always", "permanent", NULL },
	{ "restart type", "unless-stopped", "permanent", NULL },
	{ "restart type", "on-failure", "transient", NULL },
	{ "restart type", "never", "temporary", NULL },
	{ "restart type", "no", "temporary", NULL },
	{ "strategy", "one_for_all", NULL, "this version has one_for_one" },
	{ "strategy", "rest_for_one", NULL, "this version has one_for_one" },
	{ "strategy", "simple_one_for_one", NULL,
	    "this version has one_for_one" },
	{ "on_lag", "lapse", NULL, "this version has hold" },
};

#define N(field) offsetof(struct acta_config, field)
static const struct key node_keys[] = {
	PLAIN("node", KEY_TEXT, N(node), NULL),
	PLAIN("data", KEY_TEXT, N(data), NULL),
	PLAIN("run", KEY_TEXT, N(run), NULL),
	PLAIN("door.call", KEY_ENDPOINT, N(call), "tcp://127.0.0.1:7700"),
	PLAIN("door.push", KEY_ENDPOINT, N(push), "tcp://127.0.0.1:7701"),
	PLAIN("door.events", KEY_ENDPOINT, N(events), "tcp://127.0.0.1:7702"),
	RANGE("door.max_body", KEY_SIZE, N(max_body), "1MiB", KIB, MIB),
	RANGE("door.memory", KEY_SIZE, N(door_memory), "256MiB", 32 * MIB, TIB),
	PLAIN("door.admin", KEY_BOOL, N(admin), "false"),
	LATER("door.curve",
	    "this version has no CURVE: its doors are for this machine"),
	LATER("door.allow",
	    "this version has no CURVE: its doors are for this machine"),
	WORDS("supervisor.strategy", N(strategy), "one_for_one", strategies),
	RANGE("supervisor.intensity", KEY_INT, N(intensity), "5", 0, 1000),
	RANGE("supervisor.period", KEY_MS, N(period_ms), "30s", 1, 24 * MS_H),
	WORDS("supervisor.on_exceed", N(on_exceed), "hold", exceeds),
	PLAIN("services", KEY_OWN, 0, NULL),
};
#undef N
#define NODE_KEYS (sizeof(node_keys) / sizeof(node_keys[0]))
_Static_assert(NODE_KEYS <= ACTA_CONFIG_NODE_KEYS, "lines[] has room");

#define EXEC_HINT \
	"this version supervises services in C alone, by `load: FILE.so`"
#define S(field) offsetof(struct acta_config_service, field)
static const struct key service_keys[] = {
	PLAIN("name", KEY_TEXT, S(name), NULL),
	PLAIN("load", KEY_TEXT, S(load), NULL),
	RANGE("partitions", KEY_INT, S(partitions), "1", 1, 1024),
	RANGE("workers", KEY_INT, S(workers), NULL, 1, ACTA_BOX_WORKERS),
	WORDS("restart", S(restart), "permanent", restarts),
	RANGE("shutdown", KEY_SHUTDOWN, S(shutdown_ms), "5s", 1, 24 * MS_H),
	RANGE("backoff.min", KEY_MS, S(backoff_min_ms), "100ms", 1, 24 * MS_H),
	RANGE("backoff.max", KEY_MS, S(backoff_max_ms), "30s", 1, 24 * MS_H),
	RANGE("backoff.factor", KEY_NUM, S(backoff_factor), "2", 1, 100),
	RANGE("backoff.jitter", KEY_NUM, S(backoff_jitter), "0.2", 0, 1),
	RANGE(
	    "backoff.reset", KEY_MS, S(backoff_reset_ms), "60s", 1, 24 * MS_H),
	RANGE("max_attempts", KEY_INT, S(max_attempts), "5", 1, 1000),
	RANGE("max_crashes", KEY_INT, S(max_crashes), "3", 1, 1000),
	RANGE("turn_limit", KEY_MS, S(turn_limit_ms), "30s", 10, 24 * MS_H),
	RANGE("limits.memory", KEY_SIZE, S(memory_max), "0", 0, TIB),
	RANGE("limits.files", KEY_INT, S(files_max), "0", 0, 1 << 20),
	WORDS("on_failed", S(on_failed), "park", on_faileds),
	WORDS("on_lag", S(on_lag), "hold", on_lags),
	RANGE("ids.keep", KEY_MS, S(ids_keep_ms), "24h", MS_S, 366 * 24 * MS_H),
	RANGE("ids.quota", KEY_SIZE, S(ids_quota), "1GiB", MIB, TIB),
	RANGE("events.age", KEY_MS, S(events_age_ms), "24h", MS_S,
	    3660 * 24 * MS_H),
	RANGE("events.size", KEY_SIZE, S(events_size), "1GiB", KIB, TIB),
	RANGE("events.count", KEY_INT, S(events_count), "10000000", 1, 1e15),
	RANGE("spin", KEY_US, S(spin_us), "50us", 0, 1e6),
	RANGE("store.quota", KEY_SIZE, S(store_quota), "16GiB", 16 * MIB, TIB),
	RANGE("store.memory", KEY_SIZE, S(store_memory), "64MiB", MIB, TIB),
	RANGE("store.journal_keep", KEY_SIZE, S(store_journal_keep), "1GiB",
	    MIB, TIB),
	RANGE("channel.quota", KEY_SIZE, S(channel_quota), "256MiB", 64 * KIB,
	    TIB),
	RANGE("channel.credit", KEY_SIZE, S(channel_credit), "4MiB", 64 * KIB,
	    1024 * MIB),
	PLAIN("settings", KEY_OWN, 0, NULL),
	LATER("after",
	    "this version starts services in the list's order: "
	    "put it behind them"),
	LATER("direct", "this version has the node's doors alone"),
	LATER("significant",
	    "it comes with groups, which this version has "
	    "not"),
	LATER("exec", EXEC_HINT),
	LATER("ready", EXEC_HINT),
	LATER("env", EXEC_HINT),
	LATER("user", EXEC_HINT),
	LATER("cwd", EXEC_HINT),
	LATER("stop_signal", EXEC_HINT),
	LATER("group",
	    "this version has one supervisor: list the services "
	    "one by one"),
	LATER("strategy",
	    "this version has one supervisor, at the top of the "
	    "file"),
	LATER("intensity",
	    "this version has one supervisor, at the top of "
	    "the file"),
	LATER("period",
	    "this version has one supervisor, at the top of the "
	    "file"),
	LATER("auto_shutdown",
	    "it comes with groups, which this version has "
	    "not"),
	LATER("services",
	    "this version has one supervisor: list the services "
	    "one by one"),
};
#undef S
#define SERVICE_KEYS (sizeof(service_keys) / sizeof(service_keys[0]))
_Static_assert(SERVICE_KEYS <= ACTA_CONFIG_SERVICE_KEYS, "lines[] has room");

/* One reading. */
struct read {
	struct acta_config *config;
	const struct acta_config_world *world;
	struct acta_why *why;
};

/* What a value belongs to: the table, the struct, and each key's line. */
struct target {
	const struct key *keys;
	size_t count;
	void *base;
	uint32_t *lines;
};

static char *
keep(const char *text)
{
	char *out = strdup(text);

	if (out == NULL)
		abort();
	return out;
}

static char *__attribute__((format(printf, 1, 2)))
keepf(const char *format, ...)
{
	char *out;
	va_list args;

	va_start(args, format);
	if (vasprintf(&out, format, args) < 0)
		abort();
	va_end(args);
	return out;
}

/* ------------------------------------------------------------- errors -- */

static enum acta_err __attribute__((format(printf, 4, 5)))
refuse_at(const struct read *r, uint32_t line, uint32_t column,
    const char *format, ...)
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

#define refuse(r, node, ...) \
	refuse_at((r), (node)->line, (node)->column, __VA_ARGS__)
#define refuse_key(r, node, ...) \
	refuse_at((r), (node)->key_line, (node)->key_column, __VA_ARGS__)

static const char *
kind_of(const struct acta_yaml *node)
{
	if (node->kind == ACTA_YAML_LIST)
		return "a list";
	if (node->kind == ACTA_YAML_MAP)
		return "a map";
	if (node->plain && node->text[0] == '\0')
		return "empty";
	return node->plain ? "a value" : "a quoted text";
}

/* A list of words into `out`, as a sentence has them: "a, b, c". */
static void
words_join(const char *const *words, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (; *words != NULL && at < size; words++)
		at += (size_t)snprintf(
		    out + at, size - at, "%s%s", at > 0 ? ", " : "", *words);
}

/* ------------------------------------------------------- single values -- */

static enum acta_err
wrong(const struct read *r, const struct acta_yaml *node, const char *due)
{
	if (node->kind != ACTA_YAML_SCALAR || node->text[0] == '\0')
		return refuse(r, node, "\"%s\" is %s, %s is due", node->key,
		    kind_of(node), due);
	return refuse(r, node, "\"%s\" is \"%.80s\", %s is due", node->key,
	    node->text, due);
}

static void
range_text(const struct key *key, double value, char out[32])
{
	switch (key->type) {
	case KEY_SIZE: acta_text_of_size((int64_t)value, out); break;
	case KEY_SHUTDOWN:
	case KEY_MS: acta_text_of_duration((int64_t)value * 1000, out); break;
	case KEY_US: acta_text_of_duration((int64_t)value, out); break;
	default: snprintf(out, 32, "%.15g", value);
	}
}

static enum acta_err
in_range(const struct read *r, const struct key *key,
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
read_word(const struct read *r, const struct key *key,
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
	if (near != NULL)
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
read_endpoint(const struct read *r, const struct acta_yaml *node)
{
	const char *text = node->text, *host = text + 6, *port;
	unsigned a, b, c;
	int64_t number;
	int used = 0;

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
	    number < 0 || number > 65535) {
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
	if (sscanf(host, "127.%3u.%3u.%3u:%n", &a, &b, &c, &used) != 3 ||
	    used == 0 || host + used != port + 1 || a > 255 || b > 255 ||
	    c > 255) {
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
read_time(const struct read *r, const struct key *key,
    const struct acta_yaml *node, int64_t *out)
{
	int64_t us;

	if (key->type == KEY_SHUTDOWN && strcmp(node->text, "infinity") == 0) {
		*out = ACTA_SHUTDOWN_INFINITY;
		return ACTA_OK;
	}
	if (key->type == KEY_SHUTDOWN &&
	    strcmp(node->text, "brutal_kill") == 0) {
		*out = 0;
		return ACTA_OK;
	}
	if (acta_text_duration(node->text, &us, r->why) != ACTA_OK)
		return wrong(r, node,
		    key->type == KEY_SHUTDOWN
			? "a time, brutal_kill or infinity"
			: "a duration");
	if (key->type == KEY_US) {
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
read_bool(const struct read *r, const struct acta_yaml *node, bool *out)
{
	if (node->plain && strcmp(node->text, "true") == 0) {
		*out = true;
		return ACTA_OK;
	}
	if (node->plain && strcmp(node->text, "false") == 0) {
		*out = false;
		return ACTA_OK;
	}
	return wrong(r, node, "true or false");
}

static enum acta_err
read_text(const struct read *r, const struct acta_yaml *node, char **out)
{
	if (node->text[0] == '\0')
		return wrong(r, node, "a text");
	free(*out);
	*out = keep(node->text);
	return ACTA_OK;
}

static enum acta_err
read_value(const struct read *r, const struct key *key, void *base,
    const struct acta_yaml *node)
{
	void *out = (char *)base + key->offset;
	enum acta_err err;

	if (key->type == KEY_LATER) {
		acta_why_hint(r->why, "%s", key->hint);
		return refuse_key(r, node, "\"%s\" comes later", node->key);
	}
	if (key->type == KEY_OWN)
		return ACTA_OK;
	if (node->kind != ACTA_YAML_SCALAR)
		return wrong(r, node, "one value");
	switch (key->type) {
	case KEY_TEXT: return read_text(r, node, out);
	case KEY_ENDPOINT:
		err = read_endpoint(r, node);
		return err == ACTA_OK ? read_text(r, node, out) : err;
	case KEY_INT:
		if (!node->plain || acta_text_int(node->text, out) != ACTA_OK)
			return wrong(r, node, "a whole number");
		return in_range(r, key, node, (double)*(int64_t *)out);
	case KEY_SIZE:
		if (acta_text_size(node->text, out, r->why) != ACTA_OK)
			return wrong(r, node, "a size");
		return in_range(r, key, node, (double)*(int64_t *)out);
	case KEY_MS:
	case KEY_US:
	case KEY_SHUTDOWN: return read_time(r, key, node, out);
	case KEY_NUM:
		if (!node->plain || acta_text_num(node->text, out) != ACTA_OK)
			return wrong(r, node, "a number");
		return in_range(r, key, node, *(double *)out);
	case KEY_BOOL: return read_bool(r, node, out);
	case KEY_WORD: return read_word(r, key, node, out);
	default: return ACTA_EINVAL;
	}
}

/* ---------------------------------------------------------------- maps -- */

/* The row of prefix.name; `*inner`: it is itself a map of dotted rows. */
static const struct key *
find_key(
    const struct target *t, const char *prefix, const char *name, bool *inner)
{
	size_t skip = strlen(prefix), size = strlen(name), i;

	*inner = false;
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

/* The tables without a struct, to look names up in. */
static const struct target node_table = { .keys = node_keys,
	.count = NODE_KEYS };
static const struct target service_table = { .keys = service_keys,
	.count = SERVICE_KEYS };

static enum acta_err
unknown_key(const struct read *r, const struct target *t, const char *prefix,
    const struct acta_yaml *node)
{
	static char names[ACTA_CONFIG_SERVICE_KEYS][32];
	const char *words[ACTA_CONFIG_SERVICE_KEYS + 1], *near;
	size_t skip = strlen(prefix), n = 0, i;
	char all[200];
	bool inner;

	for (i = 0; i < t->count; i++) {
		const char *at = t->keys[i].name + skip;
		size_t size = strcspn(at, ".");

		if (strncmp(t->keys[i].name, prefix, skip) != 0 ||
		    t->keys[i].type == KEY_LATER)
			continue;
		if (n > 0 && strlen(names[n - 1]) == size &&
		    strncmp(names[n - 1], at, size) == 0)
			continue;
		snprintf(names[n], sizeof(names[n]), "%.*s", (int)size, at);
		words[n] = names[n];
		n++;
	}
	words[n] = NULL;
	words_join(words, all, sizeof(all));
	/* At home elsewhere beats being like a name of here. */
	for (i = 0; i < t->count; i++) {
		const char *dot = strrchr(t->keys[i].name, '.');

		if (t->keys[i].type != KEY_LATER && dot != NULL &&
		    strcmp(dot + 1, node->key) == 0) {
			acta_why_hint(r->why, "it belongs under \"%.*s\"",
			    (int)(dot - t->keys[i].name), t->keys[i].name);
			goto out;
		}
	}
	near = acta_closest(node->key, words);
	if (t->keys == service_keys && skip == 0 &&
	    find_key(&node_table, "", node->key, &inner) != NULL)
		acta_why_hint(r->why,
		    "it belongs at the top of the file, not to a service");
	else if (t->keys == node_keys && skip == 0 &&
	    find_key(&service_table, "", node->key, &inner) != NULL)
		acta_why_hint(
		    r->why, "it belongs to a service: under \"services\"");
	else if (near != NULL)
		acta_why_hint(r->why, "did you mean \"%s\"?", near);
	else
		acta_why_hint(r->why, "the keys here are %s", all);
out:
	return refuse_key(r, node, "unknown key \"%.80s\"", node->key);
}

static enum acta_err
read_map(const struct read *r, const struct target *t, const char *prefix,
    const struct acta_yaml *map)
{
	const struct acta_yaml *node;

	for (node = map->first; node != NULL; node = node->next) {
		bool inner;
		char below[64];
		const struct key *key = find_key(t, prefix, node->key, &inner);
		enum acta_err err;

		if (key == NULL)
			return unknown_key(r, t, prefix, node);
		if (!inner) {
			err = read_value(r, key, t->base, node);
			t->lines[key - t->keys] = node->line;
		} else if (node->kind == ACTA_YAML_MAP) {
			/* No row has two dots, so this goes one deep. */
			snprintf(below, sizeof(below), "%s.", node->key);
			err = read_map(r, t, below, node);
		} else {
			err = wrong(r, node, "a map");
			acta_why_hint(r->why, "like {%s: ...}",
			    key->name + strlen(node->key) + 1);
		}
		if (err != ACTA_OK)
			return err;
	}
	return ACTA_OK;
}

static void
set_defaults(const struct read *r, const struct target *t)
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
		if (read_value(r, &t->keys[i], t->base, &node) != ACTA_OK)
			abort();
	}
}

/* ------------------------------------------------------------ settings -- */

/* YAML 1.2's own types of a plain scalar. */
static enum acta_err
pack_scalar(const struct read *r, const struct acta_yaml *node, bool as_text,
    struct acta_buf *buf)
{
	const char *text = node->text;
	int64_t number;
	double num;

	if (!node->plain || as_text)
		acta_pack_text(buf, text);
	else if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		acta_pack_bool(buf, text[0] == 't');
	else if (text[0] == '\0' || strcmp(text, "null") == 0 ||
	    strcmp(text, "~") == 0)
		acta_pack_nil(buf);
	else if (acta_text_int(text, &number) == ACTA_OK)
		acta_pack_int(buf, number);
	else if (acta_text_int(text, &number) == ACTA_ELIMIT)
		return refuse(r, node, "a number over 64 bits: %.60s", text);
	else if (acta_text_num(text, &num) == ACTA_OK)
		acta_pack_num(buf, num);
	else
		acta_pack_text(buf, text);
	return ACTA_OK;
}

/* Recursion is bounded by the depth of the file, which is 16. */
static enum acta_err
pack_yaml(const struct read *r, const struct acta_yaml *node, bool as_text,
    struct acta_buf *buf)
{
	const struct acta_yaml *at;
	enum acta_err err = ACTA_OK;

	if (node->kind == ACTA_YAML_SCALAR)
		return pack_scalar(r, node, as_text, buf);
	if (node->kind == ACTA_YAML_LIST)
		acta_pack_list(buf, node->count);
	else
		acta_pack_map(buf, node->count);
	for (at = node->first; at != NULL && err == ACTA_OK; at = at->next) {
		if (node->kind == ACTA_YAML_MAP)
			acta_pack_text(buf, at->key);
		err = pack_yaml(r, at, false, buf);
	}
	return err;
}

/* A setting declared as text takes a bare 007 or 1.0 as it stands. */
static bool
takes_text(const struct acta_schema *schema, const char *name)
{
	int i = acta_schema_index(schema, name, strlen(name));

	return i >= 0 &&
	    (schema->fields[i].type == ACTA_SCHEMA_STR ||
		schema->fields[i].type == ACTA_SCHEMA_REF);
}

/* Where a wrong setting stands: at its value, else at its name, else where
 * the settings do. `why` names it in quotes. */
static enum acta_err
refuse_setting(const struct read *r, const struct acta_config_service *service,
    const struct acta_yaml *settings, const struct acta_schema *schema)
{
	char text[sizeof(r->why->text)], quoted[96];
	const struct acta_yaml *at = NULL;

	snprintf(text, sizeof(text), "%s", r->why->text);
	if (settings == NULL)
		return refuse_at(r, service->line, service->column, "%s", text);
	for (at = settings->first; at != NULL; at = at->next) {
		snprintf(quoted, sizeof(quoted), "\"%.80s\"", at->key);
		if (strstr(text, quoted) == NULL)
			continue;
		if (acta_schema_index(schema, at->key, strlen(at->key)) < 0)
			return refuse_key(r, at, "%s", text);
		return refuse(r, at, "%s", text);
	}
	return refuse_key(r, settings, "%s", text);
}

/* The settings as the service gets them: checked, with its defaults. */
static enum acta_err
read_settings(const struct read *r, struct acta_config_service *service,
    const struct acta_yaml *settings)
{
	acta_value out[ACTA_SCHEMA_FIELDS_MAX], map = { 0 };
	struct acta_schema schema;
	struct acta_reader reader;
	struct acta_buf buf;
	const struct acta_yaml *at;
	uint32_t i, n = 0;
	enum acta_err err;

	if (settings != NULL && settings->kind != ACTA_YAML_MAP)
		return wrong(r, settings, "a map");
	err = acta_schema_init(&schema, service->declared.settings, r->why);
	if (err != ACTA_OK)
		return err; /* its host refuses to describe such a one */
	acta_buf_init(&buf);
	acta_pack_map(&buf, settings != NULL ? settings->count : 0);
	for (at = settings != NULL ? settings->first : NULL;
	     at != NULL && err == ACTA_OK; at = at->next) {
		acta_pack_text(&buf, at->key);
		err = pack_yaml(r, at, takes_text(&schema, at->key), &buf);
	}
	if (err != ACTA_OK)
		goto out;
	reader = acta_reader(buf.data, buf.size);
	map = acta_read(&reader);
	err = acta_schema_check(&schema, map, true, "setting", out, r->why);
	if (err != ACTA_OK) {
		err = refuse_setting(r, service, settings, &schema);
		goto out;
	}
	for (i = 0; i < schema.count; i++)
		n += out[i].type != ACTA_ABSENT;
	acta_buf_reset(&service->settings);
	acta_pack_map(&service->settings, n);
	for (i = 0; i < schema.count; i++) {
		if (out[i].type == ACTA_ABSENT)
			continue;
		acta_pack_text(&service->settings, schema.fields[i].name);
		acta_pack_value(&service->settings, out[i]);
	}
out:
	acta_buf_fini(&buf);
	acta_schema_fini(&schema);
	return err;
}

/* --------------------------------------------------------- one service -- */

static bool
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Beside the file, then in the actor path. NULL: nowhere. */
static char *
find_load(const struct read *r, const char *load)
{
	const char *at = r->world->actor_path;
	char *path;

	if (load[0] == '/')
		return is_file(load) ? keep(load) : NULL;
	path = keepf("%s/%s", r->config->dir, load);
	while (!is_file(path)) {
		size_t size = at != NULL ? strcspn(at, ":") : 0;

		free(path);
		if (at == NULL || *at == '\0')
			return NULL;
		path = keepf("%.*s/%s", (int)size, at, load);
		at += size + (at[size] == ':');
	}
	/* The node's services run elsewhere: only an absolute path is one. */
	if (path[0] != '/') {
		char *real = realpath(path, NULL);

		free(path);
		path = real;
	}
	return path;
}

/* A .so beside the file with nearly that name. NULL or one to be freed. */
static char *
near_load(const struct read *r, const char *load)
{
	DIR *dir = opendir(r->config->dir);
	struct dirent *entry;
	char *out = NULL;

	while (dir != NULL && out == NULL && (entry = readdir(dir)) != NULL) {
		const char *words[] = { entry->d_name, NULL };
		size_t size = strlen(entry->d_name);

		if (size > 3 && strcmp(entry->d_name + size - 3, ".so") == 0 &&
		    acta_closest(load, words) != NULL)
			out = keep(entry->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	return out;
}

static enum acta_err
check_load(const struct read *r, struct acta_config_service *service,
    const struct acta_yaml *node)
{
	char *near;

	service->path = find_load(r, service->load);
	if (service->path != NULL)
		return ACTA_OK;
	near = near_load(r, service->load);
	if (near != NULL)
		acta_why_hint(r->why, "did you mean \"%s\"?", near);
	else if (r->world->actor_path == NULL || service->load[0] == '/')
		acta_why_hint(r->why,
		    "it is looked for beside the config, "
		    "then in $ACTA_PATH: was it built? (make)");
	else
		acta_why_hint(r->why,
		    "it is neither beside the config nor in "
		    "$ACTA_PATH (%.100s): was it built?",
		    r->world->actor_path);
	free(near);
	return refuse(r, node, "no file \"%.120s\"", service->load);
}

/* What the service says of itself, and that it is the one meant. */
static enum acta_err
check_declared(const struct read *r, struct acta_config_service *service,
    const struct acta_yaml *map)
{
	const struct acta_yaml *name = acta_yaml_get(map, "name");
	const char *base = strrchr(service->path, '/') + 1;
	enum acta_err err;

	if (r->world->describe == NULL)
		return ACTA_OK;
	err = r->world->describe(
	    r->world->describe_arg, service->path, &service->declared, r->why);
	if (err != ACTA_OK)
		return err;
	if (strcmp(service->declared.name, service->name) != 0) {
		acta_why_hint(r->why, "write name: %.40s, or load another file",
		    service->declared.name);
		return refuse(r, name,
		    "%.80s is the service \"%.40s\", not "
		    "\"%s\"",
		    base, service->declared.name, service->name);
	}
	return read_settings(r, service, acta_yaml_get(map, "settings"));
}

static enum acta_err
check_name(const struct read *r, const struct acta_yaml *node, const char *noun,
    const char *name)
{
	if (acta_service_valid(name, strlen(name)))
		return ACTA_OK;
	acta_why_hint(r->why, "a small letter, then at most 31 of a-z 0-9 -");
	return refuse(r, node, "\"%.60s\" is no name for a %s", name, noun);
}

/* Numbers that hang together. */
static enum acta_err
check_service(const struct read *r, struct acta_config_service *s,
    const struct acta_yaml *map)
{
	const struct acta_yaml *node, *inner;

	node = acta_yaml_get(map, "workers");
	if (node == NULL) {
		s->workers = s->partitions < r->world->cores ? s->partitions
							     : r->world->cores;
		if (s->workers > (int64_t)ACTA_BOX_WORKERS)
			s->workers = ACTA_BOX_WORKERS;
	} else if (s->workers > s->partitions) {
		acta_why_hint(r->why,
		    "each runs some of the partitions: at "
		    "most %" PRId64 " here",
		    s->partitions);
		return refuse(r, node,
		    "%" PRId64 " workers for %" PRId64 " partition%s",
		    s->workers, s->partitions, s->partitions == 1 ? "" : "s");
	}
	node = acta_yaml_get(map, "backoff");
	if (node != NULL && s->backoff_min_ms > s->backoff_max_ms) {
		inner = acta_yaml_get(node, "min");
		if (inner == NULL)
			inner = acta_yaml_get(node, "max");
		acta_why_hint(r->why,
		    "min is where it begins, max where it "
		    "stays");
		return refuse(r, inner,
		    "backoff from %" PRId64 "ms to %" PRId64 "ms",
		    s->backoff_min_ms, s->backoff_max_ms);
	}
	node = acta_yaml_get(map, "limits");
	inner = node != NULL ? acta_yaml_get(node, "memory") : NULL;
	if (inner != NULL && s->memory_max < 32LL << 20) {
		acta_why_hint(r->why,
		    "a service needs 32MiB at least, and "
		    "store.memory on top");
		return refuse(
		    r, inner, "\"memory\" is %s: too little", inner->text);
	}
	inner = node != NULL ? acta_yaml_get(node, "files") : NULL;
	if (inner != NULL && s->files_max < 64) {
		acta_why_hint(r->why, "a service needs 64 at least");
		return refuse(
		    r, inner, "\"files\" is %s: too few", inner->text);
	}
	return ACTA_OK;
}

/* A map with what a service must have. */
static enum acta_err
check_shape(const struct read *r, const struct acta_yaml *map)
{
	const struct acta_yaml *name;

	if (map->kind != ACTA_YAML_MAP) {
		acta_why_hint(r->why, "like - {name: stock, load: stock.so}");
		return refuse(
		    r, map, "a service is %s, a map is due", kind_of(map));
	}
	/* Before what is missing: what is there, but not in this version. */
	for (name = map->first; name != NULL; name = name->next) {
		if (strcmp(name->key, "group") == 0 ||
		    strcmp(name->key, "exec") == 0) {
			bool inner;
			const struct key *key =
			    find_key(&(struct target){ service_keys,
					 SERVICE_KEYS, NULL, NULL },
				"", name->key, &inner);

			return read_value(r, key, NULL, name);
		}
	}
	return ACTA_OK;
}

static enum acta_err
read_service(const struct read *r, struct acta_config_service *s,
    const struct acta_yaml *map)
{
	struct target t = { service_keys, SERVICE_KEYS, s, s->lines };
	const struct acta_yaml *node;
	enum acta_err err = check_shape(r, map);

	if (err != ACTA_OK)
		return err;
	set_defaults(r, &t);
	err = read_map(r, &t, "", map);
	if (err != ACTA_OK)
		return err;
	node = acta_yaml_get(map, "name");
	if (node == NULL) {
		acta_why_hint(r->why, "like - {name: stock, load: stock.so}");
		return refuse(r, map, "a service without \"name\"");
	}
	s->line = node->line;
	s->column = node->column;
	err = check_name(r, node, "service", s->name);
	if (err != ACTA_OK)
		return err;
	if (s->load == NULL) {
		acta_why_hint(r->why, "load: %s.so", s->name);
		return refuse(
		    r, map, "service \"%s\" has no \"load\"", s->name);
	}
	err = check_service(r, s, map);
	if (err == ACTA_OK)
		err = check_load(r, s, acta_yaml_get(map, "load"));
	return err;
}

/* ------------------------------------------------------------ the node -- */

static enum acta_err
read_services(const struct read *r, const struct acta_yaml *root)
{
	const struct acta_yaml *list = acta_yaml_get(root, "services"), *at;
	struct acta_config *config = r->config;
	enum acta_err err = ACTA_OK;
	uint32_t i;

	if (list == NULL) {
		acta_why_hint(r->why,
		    "services:\n  - {name: stock, "
		    "load: stock.so}");
		return refuse(r, root, "no \"services\"");
	}
	if (list->kind != ACTA_YAML_LIST || list->count == 0) {
		acta_why_hint(r->why,
		    "each begins with a dash: "
		    "- {name: stock, load: stock.so}");
		return list->kind == ACTA_YAML_LIST
		    ? refuse(r, list, "an empty list of services")
		    : wrong(r, list, "a list");
	}
	config->services = calloc(list->count, sizeof(*config->services));
	if (config->services == NULL)
		abort();
	for (at = list->first; at != NULL && err == ACTA_OK; at = at->next) {
		struct acta_config_service *s =
		    &config->services[config->count];

		if (config->count == ACTA_CONFIG_SERVICES_MAX) {
			acta_why_hint(r->why, "split it into nodes");
			return refuse(r, at,
			    "%" PRIu32 " services: a node "
			    "runs at most %u",
			    list->count, ACTA_CONFIG_SERVICES_MAX);
		}
		acta_buf_init(&s->settings);
		config->count++;
		err = read_service(r, s, at);
		for (i = 0; err == ACTA_OK && i + 1 < config->count; i++) {
			if (strcmp(config->services[i].name, s->name) != 0)
				continue;
			acta_why_hint(r->why, "the first is in line %" PRIu32,
			    config->services[i].line);
			err = refuse(r, acta_yaml_get(at, "name"),
			    "a second service \"%s\"", s->name);
		}
	}
	/* Loading comes last: it takes time, and a typo elsewhere should not
	 * have to wait for it. */
	at = list->first;
	for (i = 0; i < config->count && err == ACTA_OK; i++, at = at->next)
		err = check_declared(r, &config->services[i], at);
	return err;
}

/* `path` as seen from the config's folder. Takes what it replaces. */
static char *
absolute(const struct acta_config *config, char *path)
{
	char *out = keepf("%s/%s", config->dir,
	    strncmp(path, "./", 2) == 0 ? path + 2 : path);

	free(path);
	return out;
}

/* Of shop.yaml: shop. */
static char *
node_from_file(const struct acta_config *config)
{
	char *out = keep(strrchr(config->file, '/') + 1);
	char *dot = strrchr(out, '.');

	if (dot != NULL &&
	    (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 ||
		strcmp(dot, ".json") == 0))
		*dot = '\0';
	return out;
}

static enum acta_err
check_node(const struct read *r, const struct acta_yaml *root)
{
	struct acta_config *config = r->config;
	const struct acta_yaml *node = acta_yaml_get(root, "node");
	enum acta_err err;

	if (config->node == NULL)
		config->node = node_from_file(config);
	err = check_name(r, node != NULL ? node : root, "node", config->node);
	if (err != ACTA_OK) {
		if (node == NULL)
			acta_why_hint(r->why,
			    "the file's name gives it; add "
			    "node: NAME at the top");
		return err;
	}
	if (config->data != NULL && config->data[0] != '/')
		config->data = absolute(config, config->data);
	if (config->data == NULL && r->world->state_home == NULL) {
		acta_why_hint(r->why, "add data: ./data");
		return refuse(r, root,
		    "no \"data\", and neither "
		    "$XDG_STATE_HOME nor $HOME to put it in");
	}
	if (config->data == NULL)
		config->data =
		    keepf("%s/acta/%s", r->world->state_home, config->node);
	if (config->run != NULL && config->run[0] != '/')
		config->run = absolute(config, config->run);
	if (config->run == NULL)
		config->run = keepf("%s/%s", r->world->run_base, config->node);
	config->registry =
	    keepf("%s/%s.node", r->world->run_base, config->node);
	return ACTA_OK;
}

/* Sockets in the run directory have 107 bytes for their whole path. */
static enum acta_err
check_run(const struct read *r, const struct acta_yaml *root)
{
	const struct acta_config *config = r->config;
	const struct acta_yaml *node = acta_yaml_get(root, "run");
	size_t longest = strlen("@door-events"), size, i;

	for (i = 0; i < config->count; i++)
		if (strlen(config->services[i].name) > longest)
			longest = strlen(config->services[i].name);
	size = strlen(config->run) + 1 + longest + strlen(".wNN.NNNNNNNNNN");
	if (size <= ACTA_CONFIG_IPC_MAX)
		return ACTA_OK;
	acta_why_hint(r->why,
	    "a socket's path has %u bytes, and %zu would be "
	    "needed; write run: /tmp/%s or the like",
	    ACTA_CONFIG_IPC_MAX, size, config->node);
	return refuse(r, node != NULL ? node : root,
	    "run directory too long: %.100s", config->run);
}

static enum acta_err
check_doors(const struct read *r, const struct acta_yaml *root)
{
	const char *names[] = { "call", "push", "events" };
	const char *values[] = { r->config->call, r->config->push,
		r->config->events };
	const struct acta_yaml *door = acta_yaml_get(root, "door"), *node;
	int i, j;

	for (i = 0; i < 3; i++) {
		for (j = 0; j < i; j++) {
			if (strcmp(values[i], "off") == 0 ||
			    strcmp(values[i], values[j]) != 0)
				continue;
			node = acta_yaml_get(door, names[i]);
			if (node == NULL)
				node = acta_yaml_get(door, names[j]);
			acta_why_hint(r->why, "each needs a port of its own");
			return refuse(r, node, "\"%s\" and \"%s\" both at %s",
			    names[j], names[i], values[i]);
		}
	}
	return ACTA_OK;
}

/*
 * Descriptors of a service's process: one PULL a worker, a PUSH and its
 * connection to each worker of another service, the one back, two files of
 * each partition's store, and what every process has.
 */
static uint64_t
files_needed(
    const struct acta_config *config, const struct acta_config_service *s)
{
	uint64_t others = 0, i;

	for (i = 0; i < config->count; i++)
		others += (uint64_t)config->services[i].workers;
	return 48 + 3 * (uint64_t)s->partitions +
	    (uint64_t)s->workers * (4 + 3 * (others + ACTA_CONFIG_DOORS));
}

static enum acta_err
check_files(const struct read *r)
{
	const struct acta_config *config = r->config;
	uint32_t i;

	for (i = 0; i < config->count; i++) {
		const struct acta_config_service *s = &config->services[i];
		uint64_t need = files_needed(config, s);
		uint64_t have = r->world->files_max;

		if (s->files_max != 0 && (uint64_t)s->files_max < have)
			have = (uint64_t)s->files_max;
		if (need <= have)
			continue;
		acta_why_hint(r->why,
		    "fewer workers or partitions, or more "
		    "files (limits.files, ulimit -Hn)");
		return refuse_at(r, s->line, s->column,
		    "service \"%s\" may "
		    "need %" PRIu64 " open files, and has %" PRIu64,
		    s->name, need, have);
	}
	return ACTA_OK;
}

/* The highest partition that has a folder in `path`, plus one; 0: none. */
static int64_t
stored_partitions(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int64_t most = 0, number;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (acta_text_int(entry->d_name, &number) == ACTA_OK &&
		    number >= most && number < 1 << 20)
			most = number + 1;
	if (dir != NULL)
		closedir(dir);
	return most;
}

/* Keys belong to partitions by their number, so it is for good. */
static enum acta_err
check_stores(const struct read *r, const struct acta_yaml *root)
{
	const struct acta_yaml *at = acta_yaml_get(root, "services")->first;
	const struct acta_config *config = r->config;
	uint32_t i;

	for (i = 0; i < config->count; i++, at = at->next) {
		const struct acta_config_service *s = &config->services[i];
		const struct acta_yaml *node = acta_yaml_get(at, "partitions");
		char *path = keepf("%s/%s", config->data, s->name);
		int64_t stored = stored_partitions(path);

		free(path);
		if (stored == 0 || stored == s->partitions)
			continue;
		if (node == NULL)
			node = acta_yaml_get(at, "name");
		acta_why_hint(r->why,
		    "write partitions: %" PRId64 "; the "
		    "number of a store cannot be changed",
		    stored);
		return refuse(r, node,
		    "service \"%s\" has %" PRId64
		    " partition%s in %.80s, not %" PRId64,
		    s->name, stored, stored == 1 ? "" : "s", config->data,
		    s->partitions);
	}
	return ACTA_OK;
}

static enum acta_err
read_root(const struct read *r, const struct acta_yaml *root)
{
	struct acta_config *config = r->config;
	struct target t = { node_keys, NODE_KEYS, config, config->lines };
	enum acta_err err;

	if (root == NULL) {
		acta_why_hint(r->why,
		    "it needs services at least; acta new "
		    "node NAME makes one");
		return refuse_at(r, 1, 1, "an empty file");
	}
	if (root->kind != ACTA_YAML_MAP)
		return refuse(
		    r, root, "the file is %s, a map is due", kind_of(root));
	set_defaults(r, &t);
	err = read_map(r, &t, "", root);
	if (err == ACTA_OK)
		err = check_node(r, root);
	if (err == ACTA_OK)
		err = check_doors(r, root);
	if (err == ACTA_OK)
		err = read_services(r, root);
	if (err == ACTA_OK)
		err = check_run(r, root);
	if (err == ACTA_OK)
		err = check_files(r);
	if (err == ACTA_OK)
		err = check_stores(r, root);
	return err;
}

enum acta_err
acta_config_load(struct acta_config *config, const char *path,
    const struct acta_config_world *world, struct acta_why *why)
{
	struct read r = { config, world, why };
	struct acta_yaml *root = NULL;
	char cwd[PATH_MAX];
	enum acta_err err;

	*config = (struct acta_config){ 0 };
	why->text[0] = why->hint[0] = '\0';
	config->name = keep(path);
	if (path[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL)
		config->file = keep(path);
	else
		config->file = keepf("%s/%s", cwd,
		    strncmp(path, "./", 2) == 0 ? path + 2 : path);
	config->dir = keep(config->file);
	*strrchr(config->dir, '/') = '\0';
	config->program_dir = keep(world->program_dir);
	/* A message has 320 bytes: the place in the file must fit. */
	if (strlen(config->name) > 80) {
		free(config->name);
		config->name = keep(strrchr(config->file, '/') + 1);
	}
	err = acta_yaml_load(path, config->name, &root, why);
	if (err == ACTA_OK)
		err = read_root(&r, root);
	acta_yaml_free(root);
	if (err != ACTA_OK)
		acta_config_fini(config);
	return err;
}

void
acta_config_fini(struct acta_config *config)
{
	uint32_t i;

	for (i = 0; i < config->count; i++) {
		struct acta_config_service *s = &config->services[i];

		free(s->name);
		free(s->load);
		free(s->path);
		acta_buf_fini(&s->settings);
		acta_declared_fini(&s->declared);
	}
	free(config->services);
	free(config->file);
	free(config->name);
	free(config->dir);
	free(config->node);
	free(config->data);
	free(config->run);
	free(config->call);
	free(config->push);
	free(config->events);
	free(config->registry);
	free(config->program_dir);
	*config = (struct acta_config){ 0 };
}

/* ---------------------------------------------------------------- show -- */

/* The value of a row as it would be written. */
static void
value_text(const struct key *key, const void *base, char out[PATH_MAX])
{
	const char *at = (const char *)base + key->offset;
	int64_t number = 0;

	if (key->type != KEY_TEXT && key->type != KEY_ENDPOINT &&
	    key->type != KEY_BOOL)
		memcpy(&number, at, sizeof(number));
	switch (key->type) {
	case KEY_TEXT:
	case KEY_ENDPOINT:
		snprintf(out, PATH_MAX, "%s", *(char *const *)(const void *)at);
		break;
	case KEY_SIZE: acta_text_of_size(number, out); break;
	case KEY_SHUTDOWN:
		if (number <= 0) {
			snprintf(out, PATH_MAX, "%s",
			    number == 0 ? "brutal_kill" : "infinity");
			break;
		}
		acta_text_of_duration(number * 1000, out);
		break;
	case KEY_MS: acta_text_of_duration(number * 1000, out); break;
	case KEY_US: acta_text_of_duration(number, out); break;
	case KEY_NUM:
		snprintf(
		    out, PATH_MAX, "%.15g", *(const double *)(const void *)at);
		break;
	case KEY_BOOL:
		snprintf(out, PATH_MAX, "%s",
		    *(const bool *)(const void *)at ? "true" : "false");
		break;
	case KEY_WORD:
		snprintf(out, PATH_MAX, "%s", key->words[number + 1]);
		break;
	default: snprintf(out, PATH_MAX, "%" PRId64, number);
	}
}

static bool
is_quoted(enum key_type type)
{
	return type != KEY_INT && type != KEY_NUM && type != KEY_BOOL;
}

/* As a JSON text, which in YAML is a quoted one. */
static void
put_quoted(struct acta_buf *out, const char *text)
{
	struct acta_buf packed;

	acta_buf_init(&packed);
	acta_pack_text(&packed, text);
	acta_json_encode(packed.data, packed.size, out);
	acta_buf_fini(&packed);
}

/* Is it no more than a word that YAML takes for a text as it stands? */
static bool
is_bare(const char *text)
{
	return isalpha((unsigned char)text[0]) != 0 &&
	    text[strspn(text,
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:-")] == '\0' &&
	    text[strlen(text) - 1] != ':';
}

/* One line, its origin in a column of its own. */
static void
show_line(struct acta_buf *out, const struct acta_config *config,
    const char *lead, const char *name, const char *value, bool quoted,
    uint32_t line)
{
	size_t begin = out->size;

	acta_text_printf(out, "%s%s: ", lead, name);
	if (quoted && !is_bare(value) && value[0] != '/' &&
	    !isdigit((unsigned char)value[0]))
		put_quoted(out, value);
	else
		acta_text_printf(out, "%s", value);
	do
		acta_buf_append(out, " ", 1);
	while (out->size - begin < 46);
	if (line == 0)
		acta_text_printf(out, "# default\n");
	else
		acta_text_printf(out, "# %s:%" PRIu32 "\n", config->name, line);
}

static void
show_table(struct acta_buf *out, const struct acta_config *config,
    const struct target *t, const char *indent, bool dash)
{
	char open[32] = "", lead[16], value[PATH_MAX];
	size_t i;

	for (i = 0; i < t->count; i++) {
		const struct key *key = &t->keys[i];
		const char *dot = strchr(key->name, '.');

		if (key->type == KEY_LATER || key->type == KEY_OWN)
			continue;
		value_text(key, t->base, value);
		/* No limit is the absence of one. */
		if (strncmp(key->name, "limits.", 7) == 0 &&
		    strcmp(value, "0") == 0)
			continue;
		if (dot != NULL &&
		    strncmp(open, key->name, (size_t)(dot - key->name)) != 0) {
			snprintf(open, sizeof(open), "%.*s",
			    (int)(dot - key->name), key->name);
			acta_text_printf(out, "%s%s:\n", indent, open);
		}
		snprintf(lead, sizeof(lead), "%s%s", indent,
		    dot != NULL ? "  " : "");
		if (dash && i == 0)
			memcpy(lead + strlen(indent) - 2, "- ", 2);
		show_line(out, config, lead, dot != NULL ? dot + 1 : key->name,
		    value, is_quoted(key->type), t->lines[i]);
	}
}

static void
show_yaml(const struct acta_config *config, struct acta_buf *out)
{
	struct target t = { node_keys, NODE_KEYS, (void *)(uintptr_t)config,
		(uint32_t *)(uintptr_t)config->lines };
	uint32_t i;

	show_table(out, config, &t, "", false);
	acta_text_printf(out, "services:\n");
	for (i = 0; i < config->count; i++) {
		struct acta_config_service *s = &config->services[i];

		t = (struct target){ service_keys, SERVICE_KEYS, s, s->lines };
		show_table(out, config, &t, "    ", true);
		if (s->settings.size <= 1) /* an empty map is one byte */
			continue;
		acta_text_printf(out, "    settings: ");
		acta_json_encode(s->settings.data, s->settings.size, out);
		acta_text_printf(out, "\n");
	}
}

/* {"key": {"value": ..., "line": n|null}, ...}, nested maps flat: the names
 * are those of acta.yaml(5), with dots. */
static void
show_json_table(struct acta_buf *out, const struct target *t)
{
	char value[PATH_MAX];
	size_t i;

	for (i = 0; i < t->count; i++) {
		const struct key *key = &t->keys[i];

		if (key->type == KEY_LATER || key->type == KEY_OWN)
			continue;
		value_text(key, t->base, value);
		acta_text_printf(out, "\"%s\":{\"value\":", key->name);
		if (is_quoted(key->type))
			put_quoted(out, value);
		else
			acta_text_printf(out, "%s", value);
		if (t->lines[i] == 0)
			acta_text_printf(out, ",\"line\":null},");
		else
			acta_text_printf(
			    out, ",\"line\":%" PRIu32 "},", t->lines[i]);
	}
}

static void
show_json(const struct acta_config *config, struct acta_buf *out)
{
	struct target t = { node_keys, NODE_KEYS, (void *)(uintptr_t)config,
		(uint32_t *)(uintptr_t)config->lines };
	uint32_t i;

	acta_text_printf(out, "{\"file\":");
	put_quoted(out, config->file);
	acta_text_printf(out, ",");
	show_json_table(out, &t);
	acta_text_printf(out, "\"services\":[");
	for (i = 0; i < config->count; i++) {
		struct acta_config_service *s = &config->services[i];

		t = (struct target){ service_keys, SERVICE_KEYS, s, s->lines };
		acta_text_printf(out, "%s{", i > 0 ? "," : "");
		show_json_table(out, &t);
		acta_text_printf(out, "\"version\":");
		put_quoted(out,
		    s->declared.version != NULL ? s->declared.version : "");
		acta_text_printf(out, ",\"settings\":");
		if (s->settings.size > 0)
			acta_json_encode(
			    s->settings.data, s->settings.size, out);
		else
			acta_text_printf(out, "{}");
		acta_text_printf(out, "}");
	}
	acta_text_printf(out, "]}");
}

void
acta_config_show(
    const struct acta_config *config, bool json, struct acta_buf *out)
{
	if (json)
		show_json(config, out);
	else
		show_yaml(config, out);
}

/* --------------------------------------------------------------- world -- */

/* The value of a variable that is set to an absolute path, else NULL. */
static const char *
env_dir(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] == '/' ? value : NULL;
}

void
acta_config_world(struct acta_config_world *world, struct acta_buf *buf)
{
	const char *home = env_dir("HOME"), *state = env_dir("XDG_STATE_HOME");
	const char *runtime = env_dir("XDG_RUNTIME_DIR");
	const char *tmp = env_dir("TMPDIR");
	size_t state_at = buf->size, run_at, program_at;
	struct rlimit limit;
	char self[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (state != NULL)
		acta_text_printf(buf, "%s", state);
	else if (home != NULL)
		acta_text_printf(buf, "%s/.local/state", home);
	acta_buf_append(buf, "", 1);
	run_at = buf->size;
	if (runtime != NULL)
		acta_text_printf(buf, "%s/acta", runtime);
	else
		acta_text_printf(buf, "%s/acta-%u", tmp != NULL ? tmp : "/tmp",
		    (unsigned)getuid());
	acta_buf_append(buf, "", 1);
	program_at = buf->size;
	/* The build has all programs in one folder, an installation the
	 * helpers of bin/acta in libexec/acta. */
	self[size > 0 ? size : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	acta_text_printf(buf, "%s/acta-root", self);
	acta_buf_append(buf, "", 1);
	if (access((char *)buf->data + program_at, X_OK) == 0 ||
	    strrchr(self, '/') == NULL) {
		buf->size = program_at;
		acta_text_printf(buf, "%s", self);
	} else {
		buf->size = program_at;
		*strrchr(self, '/') = '\0';
		acta_text_printf(buf, "%s/libexec/acta", self);
	}
	acta_buf_append(buf, "", 1);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		limit.rlim_max = 1024;
	*world = (struct acta_config_world){
		.state_home = state != NULL || home != NULL
		    ? (char *)buf->data + state_at
		    : NULL,
		.run_base = (char *)buf->data + run_at,
		.actor_path = getenv("ACTA_PATH"),
		.program_dir = (char *)buf->data + program_at,
		.files_max = limit.rlim_max,
		.cores = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN),
		.describe = acta_config_describe,
	};
	world->describe_arg = (void *)(uintptr_t)world->program_dir;
}
