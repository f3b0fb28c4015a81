/*
 * runtime/config_yaml.h - a YAML file as a tree that knows its lines. One pass
 * over libyaml's events builds it, so every bound holds before anything is
 * kept: nothing here is quadratic, cyclic or recursive in what was read.
 *
 * Refused: over 1 MiB, deeper than 16, over 65,536 nodes or 1,024 keys in one
 * map, anchors and aliases, tags, a second document, a key that is no plain
 * text, a key twice, a NUL.
 */
#ifndef ACTA_CONFIG_YAML_H
#define ACTA_CONFIG_YAML_H

#include <stdbool.h>
#include <stdint.h>

#include "codecs/err.h"

#define ACTA_YAML_BYTES_MAX (1u << 20)
#define ACTA_YAML_DEPTH_MAX 16u
#define ACTA_YAML_NODES_MAX 65536u
#define ACTA_YAML_KEYS_MAX 1024u

enum acta_yaml_kind { ACTA_YAML_SCALAR, ACTA_YAML_LIST, ACTA_YAML_MAP };

struct acta_yaml {
	enum acta_yaml_kind kind;
	bool plain; /* a scalar without quotes: may be a number or a bool */
	uint32_t line, column;
	char *text; /* SCALAR */
	char *key;  /* of an element of a MAP */
	uint32_t key_line, key_column;
	uint32_t count; /* LIST, MAP: elements */
	struct acta_yaml *first, *last, *next, *parent;
};

/*
 * Read `path`. On ACTA_OK the caller calls acta_yaml_free; an empty file is
 * *out NULL. Errors: ACTA_EINVAL, ACTA_EIO; `why` says where (`name:line:col:`
 * in front) and what; `name` is how the file is called in it.
 */
ACTA_NODISCARD enum acta_err acta_yaml_load(const char *path, const char *name,
    struct acta_yaml **out, struct acta_why *why);
void acta_yaml_free(struct acta_yaml *root);

/* The value of `key` in a MAP, or NULL. */
const struct acta_yaml *acta_yaml_get(
    const struct acta_yaml *map, const char *key);

#endif /* ACTA_CONFIG_YAML_H */
