/* store/index.c - a B+ tree of two levels, without deletes. */
#include "store/index.h"

#include <stdlib.h>

static int
compare(const struct acta_entry *entry, const uint8_t *key, size_t size)
{
	return acta_bytes_compare(entry->key, entry->key_size, key, size);
}

/* The bucket whose range holds the key: the last that begins at or before
 * it, else the first. There is at least one. */
static size_t
bucket_of(const struct acta_index *index, const uint8_t *key, size_t size)
{
	size_t low = 0, high = index->count;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (compare(index->buckets[mid]->items[0], key, size) <= 0)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* The first item >= key, or the count. */
static uint32_t
item_of(const struct acta_bucket *bucket, const uint8_t *key, size_t size)
{
	uint32_t low = 0, high = bucket->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (compare(bucket->items[mid], key, size) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct acta_bucket *
bucket_new(struct acta_index *index, size_t at)
{
	struct acta_bucket *bucket = index->unused;

	if (bucket != NULL) {
		index->unused = bucket->next;
		index->unused_count--;
		bucket->count = 0;
		bucket->next = NULL;
	} else {
		bucket = acta_zalloc(1, sizeof(*bucket));
	}
	if (index->count == index->room) {
		index->room = index->room ? 2 * index->room : 16;
		index->buckets = acta_resize(
		    index->buckets, index->room, sizeof(*index->buckets));
	}
	memmove(index->buckets + at + 1, index->buckets + at,
	    (index->count - at) * sizeof(*index->buckets));
	index->buckets[at] = bucket;
	index->count++;
	return bucket;
}

/* Keys that come in order leave full buckets behind, not half empty ones. */
static void
split(struct acta_index *index, size_t at, bool at_end)
{
	struct acta_bucket *full = index->buckets[at];
	struct acta_bucket *upper = bucket_new(index, at + 1);
	uint32_t keep = at_end ? ACTA_INDEX_BUCKET - 1 : ACTA_INDEX_BUCKET / 2;

	upper->count = full->count - keep;
	memcpy(upper->items, full->items + keep,
	    upper->count * sizeof(*upper->items));
	full->count = keep;
}

void
acta_index_insert(struct acta_index *index, struct acta_entry *entry)
{
	struct acta_bucket *bucket;
	size_t at = 0;
	uint32_t item;

	if (index->count == 0)
		bucket_new(index, 0);
	at = bucket_of(index, entry->key, entry->key_size);
	bucket = index->buckets[at];
	item = item_of(bucket, entry->key, entry->key_size);
	if (bucket->count == ACTA_INDEX_BUCKET) {
		split(index, at, item == bucket->count);
		if (item > bucket->count) {
			item -= bucket->count;
			bucket = index->buckets[at + 1];
		}
	}
	memmove(bucket->items + item + 1, bucket->items + item,
	    (bucket->count - item) * sizeof(*bucket->items));
	bucket->items[item] = entry;
	bucket->count++;
}

struct acta_index_at
acta_index_seek(const struct acta_index *index, const uint8_t *key, size_t size)
{
	struct acta_index_at at = { 0, 0 };

	if (index->count == 0)
		return at;
	at.bucket = bucket_of(index, key, size);
	at.item = item_of(index->buckets[at.bucket], key, size);
	if (at.item == index->buckets[at.bucket]->count) {
		at.bucket++;
		at.item = 0;
	}
	return at;
}

struct acta_entry *
acta_index_get(const struct acta_index *index, struct acta_index_at at)
{
	if (at.bucket >= index->count)
		return NULL;
	return index->buckets[at.bucket]->items[at.item];
}

void
acta_index_step(const struct acta_index *index, struct acta_index_at *at)
{
	if (at->bucket < index->count &&
	    ++at->item == index->buckets[at->bucket]->count) {
		at->bucket++;
		at->item = 0;
	}
}

void
acta_index_reset(struct acta_index *index, size_t keep)
{
	size_t i;

	for (i = 0; i < index->count; i++) {
		struct acta_bucket *bucket = index->buckets[i];

		if (index->unused_count * sizeof(*bucket) < keep) {
			bucket->next = index->unused;
			index->unused = bucket;
			index->unused_count++;
		} else {
			free(bucket);
		}
	}
	index->count = 0;
}

void
acta_index_fini(struct acta_index *index)
{
	struct acta_bucket *bucket;

	acta_index_reset(index, 0);
	while ((bucket = index->unused) != NULL) {
		index->unused = bucket->next;
		free(bucket);
	}
	free(index->buckets);
	*index = (struct acta_index){ 0 };
}

size_t
acta_index_memory(const struct acta_index *index)
{
	return (index->count + index->unused_count) *
	    sizeof(struct acta_bucket) +
	    index->room * sizeof(*index->buckets);
}
