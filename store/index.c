/* store/index.c - a B+ tree of two levels, without deletes. */
#include "store/index.h"

#include <endian.h>
#include <stdlib.h>

#define TAIL_SMALL 8u

static int
compare(const struct acta_entry *entry, const uint8_t *key, size_t size)
{
	return acta_bytes_compare(entry->key, entry->key_size, key, size);
}

/* The range that holds the key: the last that begins at or before it, else
 * the first. There is at least one. */
static size_t
range_of(const struct acta_index *index, const uint8_t *key, size_t size)
{
	size_t low = 0, high = index->count;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (compare(index->ranges[mid].low, key, size) <= 0)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* The first of the sorted items that is >= key, or their count. */
static uint32_t
item_of(const struct acta_bucket *bucket, const uint8_t *key, size_t size)
{
	uint32_t low = 0, high = bucket->sorted;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (compare(bucket->items[mid], key, size) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* ------------------------------------------------------------- sorting -- */

/* An entry and eight bytes of its key, from where the bucket's keys begin to
 * differ: most comparisons need no more. */
struct item {
	uint64_t word;
	struct acta_entry *entry;
};

static size_t
common_prefix(const struct acta_bucket *bucket)
{
	const struct acta_entry *first = bucket->items[0];
	size_t common = first->key_size;
	uint32_t i;

	for (i = 1; i < bucket->count; i++) {
		const struct acta_entry *entry = bucket->items[i];
		size_t n = 0;

		if (entry->key_size < common)
			common = entry->key_size;
		while (n < common && entry->key[n] == first->key[n])
			n++;
		common = n;
	}
	return common;
}

static struct item
item(struct acta_entry *entry, size_t common)
{
	size_t left = entry->key_size - common;
	uint64_t word = 0;

	memcpy(&word, entry->key + common, left < 8 ? left : 8);
	return (struct item){ .word = be64toh(word), .entry = entry };
}

static bool
less(const struct item *a, const struct item *b)
{
	if (a->word != b->word)
		return a->word < b->word;
	return compare(a->entry, b->entry->key, b->entry->key_size) < 0;
}

static void
merge(const struct item *from, struct item *to, uint32_t low, uint32_t mid,
    uint32_t high)
{
	uint32_t a = low, b = mid;

	while (low < high) {
		if (b >= high || (a < mid && less(&from[a], &from[b])))
			to[low++] = from[a++];
		else
			to[low++] = from[b++];
	}
}

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void
sort_all(struct acta_bucket *bucket)
{
	struct item one[ACTA_INDEX_BUCKET], two[ACTA_INDEX_BUCKET];
	struct item *from = one, *to = two, *other;
	uint32_t n = bucket->count, width, i;
	size_t common = common_prefix(bucket);

	for (i = 0; i < n; i++)
		from[i] = item(bucket->items[i], common);
	for (width = 1; width < n; width *= 2) {
		for (i = 0; i < n; i += 2 * width)
			merge(from, to, i, least(i + width, n),
			    least(i + 2 * width, n));
		other = from;
		from = to;
		to = other;
	}
	for (i = 0; i < n; i++)
		bucket->items[i] = from[i].entry;
}

static void
sort_tail(struct acta_bucket *bucket)
{
	for (; bucket->sorted < bucket->count; bucket->sorted++) {
		struct acta_entry *entry = bucket->items[bucket->sorted];
		uint32_t at = item_of(bucket, entry->key, entry->key_size);

		memmove(bucket->items + at + 1, bucket->items + at,
		    (bucket->sorted - at) * sizeof(entry));
		bucket->items[at] = entry;
	}
}

static void
sort(struct acta_bucket *bucket)
{
	if (bucket->count - bucket->sorted <= TAIL_SMALL)
		sort_tail(bucket);
	else
		sort_all(bucket);
	bucket->sorted = bucket->count;
}

/* ------------------------------------------------------------ inserting -- */

static struct acta_bucket *
range_new(struct acta_index *index, size_t at, const struct acta_entry *low)
{
	struct acta_bucket *bucket = index->unused;

	if (bucket != NULL) {
		index->unused = bucket->next;
		index->unused_count--;
		bucket->count = bucket->sorted = 0;
		bucket->next = NULL;
	} else {
		bucket = acta_zalloc(1, sizeof(*bucket));
	}
	if (index->count == index->room) {
		index->room = index->room ? 2 * index->room : 16;
		index->ranges = acta_resize(
		    index->ranges, index->room, sizeof(*index->ranges));
	}
	memmove(index->ranges + at + 1, index->ranges + at,
	    (index->count - at) * sizeof(*index->ranges));
	index->ranges[at] = (struct acta_index_range){ low, bucket };
	index->count++;
	return bucket;
}

/* Cut the full bucket for `entry`, and return where that belongs. Keys that
 * come in order leave full buckets behind, not half empty ones. */
static struct acta_bucket *
split(struct acta_index *index, size_t at, const struct acta_entry *entry)
{
	struct acta_bucket *full = index->ranges[at].bucket, *upper;
	uint32_t keep = ACTA_INDEX_BUCKET / 2;

	sort(full);
	if (compare(full->items[full->count - 1], entry->key, entry->key_size) <
	    0)
		return range_new(index, at + 1, entry);
	upper = range_new(index, at + 1, full->items[keep]);
	upper->count = upper->sorted = full->count - keep;
	memcpy(upper->items, full->items + keep,
	    upper->count * sizeof(*upper->items));
	full->count = full->sorted = keep;
	return compare(upper->items[0], entry->key, entry->key_size) < 0 ? upper
									 : full;
}

void
acta_index_insert(struct acta_index *index, struct acta_entry *entry)
{
	struct acta_bucket *bucket;
	size_t at;

	if (index->count == 0)
		range_new(index, 0, NULL);
	at = range_of(index, entry->key, entry->key_size);
	bucket = index->ranges[at].bucket;
	if (bucket->count == ACTA_INDEX_BUCKET)
		bucket = split(index, at, entry);
	if (bucket->sorted == bucket->count &&
	    (bucket->count == 0 ||
		compare(bucket->items[bucket->count - 1], entry->key,
		    entry->key_size) < 0))
		bucket->sorted++;
	bucket->items[bucket->count++] = entry;
}

/* -------------------------------------------------------------- reading -- */

struct acta_index_at
acta_index_seek(struct acta_index *index, const uint8_t *key, size_t size)
{
	struct acta_index_at at = { 0, 0 };
	struct acta_bucket *bucket;

	if (index->count == 0)
		return at;
	at.bucket = range_of(index, key, size);
	bucket = index->ranges[at.bucket].bucket;
	sort(bucket);
	at.item = item_of(bucket, key, size);
	if (at.item == bucket->count) {
		at.bucket++;
		at.item = 0;
	}
	return at;
}

struct acta_entry *
acta_index_get(struct acta_index *index, struct acta_index_at at)
{
	struct acta_bucket *bucket;

	if (at.bucket >= index->count)
		return NULL;
	bucket = index->ranges[at.bucket].bucket;
	if (bucket->sorted != bucket->count)
		sort(bucket);
	return bucket->items[at.item];
}

void
acta_index_step(const struct acta_index *index, struct acta_index_at *at)
{
	if (at->bucket < index->count &&
	    ++at->item == index->ranges[at->bucket].bucket->count) {
		at->bucket++;
		at->item = 0;
	}
}

void
acta_index_reset(struct acta_index *index, size_t keep)
{
	struct acta_bucket *bucket;
	size_t i;

	for (i = 0; i < index->count; i++) {
		bucket = index->ranges[i].bucket;
		if (index->unused_count * sizeof(*bucket) < keep) {
			bucket->next = index->unused;
			index->unused = bucket;
			index->unused_count++;
		} else {
			free(bucket);
		}
	}
	index->count = 0;
	while (keep == 0 && (bucket = index->unused) != NULL) {
		index->unused = bucket->next;
		free(bucket);
		index->unused_count--;
	}
}

void
acta_index_fini(struct acta_index *index)
{
	acta_index_reset(index, 0);
	free(index->ranges);
	*index = (struct acta_index){ 0 };
}

size_t
acta_index_memory(const struct acta_index *index)
{
	return (index->count + index->unused_count) *
	    sizeof(struct acta_bucket) +
	    index->room * sizeof(*index->ranges);
}
