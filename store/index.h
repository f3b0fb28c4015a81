/*
 * store/index.h - entries in key order: buckets of a range each, cut in half
 * when full. A bucket takes its entries as they come and is sorted only when
 * someone reads it, so that no turn ever sorts a whole generation. The entries
 * belong to their rowmap; keys are unique.
 */
#ifndef ACTA_INDEX_H
#define ACTA_INDEX_H

#include "store/rowmap.h"

#define ACTA_INDEX_BUCKET 256u

struct acta_bucket {
	struct acta_bucket *next; /* when unused */
	uint32_t count, sorted;   /* so many at the front are in order */
	struct acta_entry *items[ACTA_INDEX_BUCKET];
};

struct acta_index_range {
	const struct acta_entry *low; /* none is less; of the first: NULL */
	struct acta_bucket *bucket;
};

struct acta_index {
	struct acta_index_range *ranges;
	struct acta_bucket *unused;
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
    struct acta_index *index, const uint8_t *key, size_t size);
/* The entry there, or NULL at the end. */
struct acta_entry *acta_index_get(
    struct acta_index *index, struct acta_index_at at);
void acta_index_step(const struct acta_index *index, struct acta_index_at *at);

#endif /* ACTA_INDEX_H */
