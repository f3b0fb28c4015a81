/*
 * store/omap.h - an ordered map of bytes that is copied for the price of a
 * pointer: a treap whose nodes are shared and counted, and copied when one of
 * the maps that share them writes. The simulated disk is made of these.
 */
#ifndef ACTA_OMAP_H
#define ACTA_OMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acta_omap_node;

struct acta_omap_row { /* lives as long as a map that has it */
	uint32_t refs;
	uint16_t key_size;
	size_t size;
	uint8_t bytes[]; /* the key, up to 8 bytes of nothing, the value */
};

static inline const uint8_t *
acta_omap_value(const struct acta_omap_row *row)
{
	return row->bytes + (row->key_size + 7u) / 8u * 8u;
}

struct acta_omap { /* all zeros: empty */
	struct acta_omap_node *root;
	size_t count;
	uint64_t bytes; /* of keys and values */
};

struct acta_omap acta_omap_copy(const struct acta_omap *map);
void acta_omap_fini(struct acta_omap *map); /* empty afterwards */
/* Put or replace; the caller fills `size` bytes before it copies the map. */
void *acta_omap_put(
    struct acta_omap *map, const void *key, size_t key_size, size_t size);
bool acta_omap_del(struct acta_omap *map, const void *key, size_t key_size);

/* NULL: there is none. */
const struct acta_omap_row *acta_omap_get(
    const struct acta_omap *map, const void *key, size_t key_size);
/* The first row at `key` or behind it; `after`: behind it. */
const struct acta_omap_row *acta_omap_from(
    const struct acta_omap *map, const void *key, size_t key_size, bool after);
/* The last row at `key` or before it. */
const struct acta_omap_row *acta_omap_upto(
    const struct acta_omap *map, const void *key, size_t key_size);
const struct acta_omap_row *acta_omap_last(const struct acta_omap *map);

#endif /* ACTA_OMAP_H */
