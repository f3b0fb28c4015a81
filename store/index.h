/*
 * store/index.h - entries in key order: buckets of a range each, kept sorted as
 * they fill and cut in half when full, so that no turn ever sorts a whole
 * generation. The entries belong to their rowmap; keys are unique.
 */
#ifndef ACTA_INDEX_H
#define ACTA_INDEX_H

#include "store/rowmap.h"

#define ACTA_INDEX_BUCKET 128u

struct acta_bucket {
	struct acta_bucket *next; /* when unused */
	uint32_t count;
	struct acta_entry *items[ACTA_INDEX_BUCKET];
};

struct acta_index {
	struct acta_bucket **buckets, *unused;
	size_t count, room, unused_count;
};

struct acta_index_at {
	size_t bucket;
	uint32_t item;
};

void acta_index_fini(struct acta_index *index);
void acta_index_reset(struct acta_index *index, size_t keep);
size_t acta_index_memory(const struct acta_index *index);
void acta_index_insert(struct acta_index *index, struct acta_entry *entry);

/* The first entry >= key. */
struct acta_index_at acta_index_seek(
    const struct acta_index *index, const uint8_t *key, size_t size);
/* The entry there, or NULL at the end. */
struct acta_entry *acta_index_get(
    const struct acta_index *index, struct acta_index_at at);
void acta_index_step(const struct acta_index *index, struct acta_index_at *at);

#endif /* ACTA_INDEX_H */
