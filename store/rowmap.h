/*
 * store/rowmap.h - a hash of rows by (table, key), with prefix-delete marks:
 * what the write-set and the generations have in common. Nothing is taken out
 * but all at once; entries do not move.
 *
 * A row or mark carries a stamp, the order of the operations within the map. A
 * mark hides every row of its prefix with a lower stamp, and all of the layers
 * below.
 */
#ifndef ACTA_ROWMAP_H
#define ACTA_ROWMAP_H

#include "store/arena.h"
#include "store/hash.h"
#include "store/store.h"

#include <assert.h>
#include <string.h>

#define ACTA_ROWKEY_MAX (1u + ACTA_STORE_KEY_MAX)

/* The table's number and the key, as one string: its order is the tree's. */
struct acta_rowkey {
	uint64_t hash;
	uint16_t size;
	uint8_t bytes[ACTA_ROWKEY_MAX];
};

static inline void
acta_rowkey_init(
    struct acta_rowkey *out, unsigned table, const void *key, size_t size)
{
	assert(size <= ACTA_STORE_KEY_MAX);
	out->bytes[0] = (uint8_t)table;
	if (size > 0)
		memcpy(out->bytes + 1, key, size);
	out->size = (uint16_t)(1 + size);
	out->hash = acta_hash64(out->bytes, out->size);
}

static inline int
acta_bytes_compare(const void *a, size_t a_size, const void *b, size_t b_size)
{
	size_t both = a_size < b_size ? a_size : b_size;
	int order = both > 0 ? memcmp(a, b, both) : 0;

	return order ? order : (a_size > b_size) - (a_size < b_size);
}

enum acta_row_kind {
	ACTA_ROW_NONE, /* no opinion: as if it were not in the map */
	ACTA_ROW_PUT,
	ACTA_ROW_DELETE
};

struct acta_entry {
	uint64_t hash, stamp;
	const uint8_t *value;
	uint32_t size;
	uint32_t room; /* at `value`, for what may be overwritten */
	uint16_t key_size;
	uint8_t kind;
	uint8_t key[];
};

struct acta_mark {
	struct acta_mark *next; /* in the order of making */
	uint64_t hash;
	uint64_t first, last; /* stamps; 0: undone */
	uint16_t size;
	uint8_t prefix[];
};

struct acta_rowmap {
	struct acta_arena arena;
	struct acta_shard *shards;
	uint32_t shard_bits; /* so that no turn rehashes all */
	size_t count;

	struct acta_mark *marks, *marks_last, **mark_slots;
	size_t mark_count, mark_room;
	uint64_t mark_sizes[(ACTA_ROWKEY_MAX + 64) / 64]; /* bit: such a size */
};

void acta_rowmap_init(struct acta_rowmap *map, uint32_t shard_bits);
void acta_rowmap_fini(struct acta_rowmap *map);
/* Empty; keeps at most about `keep` bytes of memory. */
void acta_rowmap_reset(struct acta_rowmap *map, size_t keep);
size_t acta_rowmap_memory(const struct acta_rowmap *map);

struct acta_entry *acta_rowmap_find(
    const struct acta_rowmap *map, const struct acta_rowkey *key);
/* Find or add (kind NONE). */
struct acta_entry *acta_rowmap_add(
    struct acta_rowmap *map, const struct acta_rowkey *key, bool *out_new);

/* Find or add the mark of a prefix (table byte first). */
struct acta_mark *acta_rowmap_mark(
    struct acta_rowmap *map, const struct acta_rowkey *prefix);
/* A mark that hides `key` from what lies below, as of a stamp; or NULL. */
const struct acta_mark *acta_rowmap_hides(const struct acta_rowmap *map,
    const uint8_t *key, size_t size, uint64_t as_of);
/* Is the entry hidden by a later mark of its own map? */
bool acta_rowmap_dead(
    const struct acta_rowmap *map, const struct acta_entry *entry);

#endif /* ACTA_ROWMAP_H */
