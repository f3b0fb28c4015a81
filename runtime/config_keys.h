/*
 * runtime/config_keys.h - the reading of acta.yaml by tables: of each key its
 * type, default and range, or that it comes later. Within config*.c alone.
 */
#ifndef ACTA_CONFIG_KEYS_H
#define ACTA_CONFIG_KEYS_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codecs/err.h"
#include "runtime/config.h"
#include "runtime/config_text.h"
#include "runtime/config_yaml.h"

enum acta_key_type {
	ACTA_KEY_TEXT,     /* char * */
	ACTA_KEY_ENDPOINT, /* char *: tcp://127.0.0.1:PORT, or off */
	ACTA_KEY_INT,      /* int64_t, min .. max */
	ACTA_KEY_SIZE,     /* int64_t bytes, min .. max */
	ACTA_KEY_MS,       /* int64_t ms, min .. max */
	ACTA_KEY_US,       /* int64_t us, min .. max */
	ACTA_KEY_SHUTDOWN, /* int64_t ms, or brutal_kill, or infinity */
	ACTA_KEY_FROM,     /* int64_t, config.h: where in a log */
	ACTA_KEY_NUM,      /* double, min .. max */
	ACTA_KEY_BOOL,     /* bool */
	ACTA_KEY_WORD,     /* int64_t: index in words */
	ACTA_KEY_OWN,      /* read by other means: services, settings */
	ACTA_KEY_LATER,    /* comes later: refused, `hint` says so */
};

struct acta_key {
	const char *name;
	enum acta_key_type type;
	size_t offset;
	const char *otherwise; /* NULL: must be there, or is worked out */
	double min, max;
	const char *const *words; /* `words[0]` is what they are called */
	const char *hint;
};

/* One reading. */
struct acta_key_reading {
	struct acta_config *config;
	const struct acta_config_world *world;
	struct acta_why *why;
};

/* What a value belongs to: the table, the struct, and each key's line. */
struct acta_keys {
	const struct acta_key *keys;
	size_t count;
	void *base;
	uint32_t *lines;
};

/* The two tables, without a struct to read into. */
extern const struct acta_keys acta_node_keys, acta_service_keys;

static inline struct acta_keys
acta_keys_of(const struct acta_keys *table, void *base, uint32_t *lines)
{
	struct acta_keys t = { table->keys, table->count, base, lines };

	return t;
}

/* The row of prefix.name, or NULL; `*inner`: it is the first of a map's. */
const struct acta_key *acta_key_find(const struct acta_keys *t,
    const char *prefix, const char *name, bool *inner);
/* Each key of a map, in the file's order; unknown ones are refused. */
ACTA_NODISCARD enum acta_err acta_keys_read(const struct acta_key_reading *r,
    const struct acta_keys *t, const char *prefix, const struct acta_yaml *map);
/* All defaults, into t->base. */
void acta_keys_defaults(
    const struct acta_key_reading *r, const struct acta_keys *t);
/* One value, checked, to its place in `base`. */
ACTA_NODISCARD enum acta_err acta_key_read(const struct acta_key_reading *r,
    const struct acta_key *key, void *base, const struct acta_yaml *node);

/*
 * `FILE:LINE:COLUMN: ...` as the reason; a hint is set before, and stays.
 * Always ACTA_EINVAL.
 */
enum acta_err acta_key_refuse(const struct acta_key_reading *r, uint32_t line,
    uint32_t column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same, for a value that is of another kind than `due`. */
enum acta_err acta_key_wrong(const struct acta_key_reading *r,
    const struct acta_yaml *node, const char *due);
/* "a list", "empty", ... */
const char *acta_key_kind(const struct acta_yaml *node);

/* OTP's word for what is wrong with a key of supervision, behind the hint. */
void acta_key_reason(const struct acta_key_reading *r, const char *reason);

/* config.c: one entry, all but its children. config_tree.c: a list of them, and
 * their order. */
ACTA_NODISCARD enum acta_err acta_config_read_one(
    const struct acta_key_reading *r, struct acta_config_service *s,
    const struct acta_yaml *map);
ACTA_NODISCARD enum acta_err acta_config_read_tree(
    const struct acta_key_reading *r, const struct acta_yaml *list);
/* Of what kind the map is; a key that is none of this kind's is refused. */
ACTA_NODISCARD enum acta_err acta_config_read_kind(
    const struct acta_key_reading *r, const struct acta_yaml *map,
    enum acta_config_kind *out);
/* All that is known of an entry (NULL: of the node) as lines `key value`, for
 * one to be compared with another; malloc'ed. */
char *acta_config_lines(
    const struct acta_config *config, const struct acta_config_service *s);
/* Is the key, by its whole name, one of this kind's? */
bool acta_config_key_fits(enum acta_config_kind kind, const char *name);
/* `exec` and where its program is. */
ACTA_NODISCARD enum acta_err acta_config_read_exec(
    const struct acta_key_reading *r, struct acta_config_service *s,
    const struct acta_yaml *node);

#define refuse(r, node, ...) \
	acta_key_refuse((r), (node)->line, (node)->column, __VA_ARGS__)
#define refuse_key(r, node, ...) \
	acta_key_refuse((r), (node)->key_line, (node)->key_column, __VA_ARGS__)

#endif /* ACTA_CONFIG_KEYS_H */
