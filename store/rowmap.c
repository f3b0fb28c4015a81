/* store/rowmap.c - open addressing with linear probing, in shards that grow
 * each for itself: one doubling moves a shard, not the map. */
#include "store/rowmap.h"

#include <stdlib.h>

#define SHARD_FIRST 16u /* slots; a power of two */

struct slot {
	uint64_t hash;
	struct acta_entry *entry;
};

struct acta_shard {
	struct slot *slots;
	uint32_t room, count;
};

void
acta_rowmap_init(struct acta_rowmap *map, uint32_t shard_bits)
{
	*map = (struct acta_rowmap){ .shard_bits = shard_bits };
	map->shards =
	    acta_zalloc((size_t)1 << shard_bits, sizeof(*map->shards));
}

void
acta_rowmap_fini(struct acta_rowmap *map)
{
	if (map->shards != NULL) {
		acta_rowmap_reset(map, 0);
		free(map->shards);
		map->shards = NULL;
	}
}

static void
shard_clear(struct acta_shard *shard, size_t keep)
{
	if (shard->room * sizeof(*shard->slots) > keep) {
		free(shard->slots);
		*shard = (struct acta_shard){ 0 };
	} else if (shard->count > 0) {
		memset(shard->slots, 0, shard->room * sizeof(*shard->slots));
		shard->count = 0;
	}
}

void
acta_rowmap_reset(struct acta_rowmap *map, size_t keep)
{
	size_t shards = (size_t)1 << map->shard_bits, i;

	/* A small turn after a large one should not clear a large table. */
	for (i = 0; i < shards; i++) {
		size_t used = map->shards[i].count * sizeof(struct slot);
		size_t most = 32 * used > 4096 ? 32 * used : 4096;

		shard_clear(&map->shards[i],
		    keep / shards < most ? keep / shards : most);
	}
	map->count = 0;
	acta_arena_reset(&map->arena, keep);
	map->marks = map->marks_last = NULL;
	map->mark_count = map->mark_room = 0;
	free(map->mark_slots);
	map->mark_slots = NULL;
	memset(map->mark_sizes, 0, sizeof(map->mark_sizes));
}

size_t
acta_rowmap_memory(const struct acta_rowmap *map)
{
	/* Slots: 16 bytes at a load of at least 3/8 (they double at 3/4). */
	return map->arena.held + map->count * sizeof(struct slot) * 8 / 3 +
	    map->mark_room * sizeof(*map->mark_slots);
}

static struct acta_shard *
shard_of(const struct acta_rowmap *map, uint64_t hash)
{
	return &map->shards[map->shard_bits ? hash >> (64 - map->shard_bits)
					    : 0];
}

/* The slot of the key, or the free one where it would go. */
static struct slot *
probe(const struct acta_shard *shard, const struct acta_rowkey *key)
{
	uint32_t mask = shard->room - 1, i = (uint32_t)key->hash & mask;

	for (;; i = (i + 1) & mask) {
		struct slot *slot = &shard->slots[i];
		const struct acta_entry *entry = slot->entry;

		if (entry == NULL)
			return slot;
		if (slot->hash == key->hash && entry->key_size == key->size &&
		    memcmp(entry->key, key->bytes, key->size) == 0)
			return slot;
	}
}

static void
shard_grow(struct acta_shard *shard)
{
	struct acta_shard next = { .room = shard->room ? 2 * shard->room
						       : SHARD_FIRST };
	uint32_t i, j;

	next.slots = acta_zalloc(next.room, sizeof(*next.slots));
	next.count = shard->count;
	for (i = 0; i < shard->room; i++) {
		if (shard->slots[i].entry == NULL)
			continue;
		j = (uint32_t)shard->slots[i].hash & (next.room - 1);
		while (next.slots[j].entry != NULL)
			j = (j + 1) & (next.room - 1);
		next.slots[j] = shard->slots[i];
	}
	free(shard->slots);
	*shard = next;
}

struct acta_entry *
acta_rowmap_find(const struct acta_rowmap *map, const struct acta_rowkey *key)
{
	const struct acta_shard *shard = shard_of(map, key->hash);

	if (shard->count == 0)
		return NULL;
	return probe(shard, key)->entry;
}

struct acta_entry *
acta_rowmap_add(
    struct acta_rowmap *map, const struct acta_rowkey *key, bool *out_new)
{
	struct acta_shard *shard = shard_of(map, key->hash);
	struct acta_entry *entry;
	struct slot *slot;

	if (4 * (shard->count + 1) > 3 * shard->room)
		shard_grow(shard);
	slot = probe(shard, key);
	*out_new = slot->entry == NULL;
	if (slot->entry != NULL)
		return slot->entry;
	entry = acta_arena_alloc(&map->arena, sizeof(*entry) + key->size);
	*entry =
	    (struct acta_entry){ .hash = key->hash, .key_size = key->size };
	memcpy(entry->key, key->bytes, key->size);
	*slot = (struct slot){ .hash = key->hash, .entry = entry };
	shard->count++;
	map->count++;
	return entry;
}

/* -------------------------------------------------------------- marks -- */

static struct acta_mark **
mark_probe(const struct acta_rowmap *map, uint64_t hash, const uint8_t *prefix,
    size_t size)
{
	size_t mask = map->mark_room - 1, i = hash & mask;

	for (;; i = (i + 1) & mask) {
		struct acta_mark *mark = map->mark_slots[i];

		if (mark == NULL)
			return &map->mark_slots[i];
		if (mark->hash == hash && mark->size == size &&
		    memcmp(mark->prefix, prefix, size) == 0)
			return &map->mark_slots[i];
	}
}

static void
marks_grow(struct acta_rowmap *map)
{
	struct acta_mark *mark;

	map->mark_room = map->mark_room ? 2 * map->mark_room : 16;
	free(map->mark_slots);
	map->mark_slots = acta_zalloc(map->mark_room, sizeof(mark));
	for (mark = map->marks; mark != NULL; mark = mark->next)
		*mark_probe(map, mark->hash, mark->prefix, mark->size) = mark;
}

struct acta_mark *
acta_rowmap_mark(struct acta_rowmap *map, const struct acta_rowkey *prefix)
{
	struct acta_mark **slot, *mark;

	if (4 * (map->mark_count + 1) > 3 * map->mark_room)
		marks_grow(map);
	slot = mark_probe(map, prefix->hash, prefix->bytes, prefix->size);
	if (*slot != NULL)
		return *slot;
	mark = acta_arena_alloc(&map->arena, sizeof(*mark) + prefix->size);
	*mark =
	    (struct acta_mark){ .hash = prefix->hash, .size = prefix->size };
	memcpy(mark->prefix, prefix->bytes, prefix->size);
	if (map->marks_last)
		map->marks_last->next = mark;
	else
		map->marks = mark;
	map->marks_last = mark;
	map->mark_sizes[mark->size / 64] |= UINT64_C(1) << mark->size % 64;
	map->mark_count++;
	*slot = mark;
	return mark;
}

/*
 * Prefixes have few sizes (an actor's, a topic's), so a key is looked up once
 * a size in use. Calls `f` with each mark of the key until it returns true.
 */
#define MARKS_OF(map, key, key_size, mark)                                     \
	for (size_t size_ = next_size(map, 0, key_size); size_ <= (key_size);  \
	     size_ = next_size(map, size_ + 1, key_size))                      \
		if (((mark) = *mark_probe(                                     \
			 map, acta_hash64(key, size_), key, size_)) != NULL && \
		    (mark)->first != 0)

/* The next size in use from `size` on; above `max` if there is none. */
static size_t
next_size(const struct acta_rowmap *map, size_t size, size_t max)
{
	while (size <= max) {
		uint64_t bits = map->mark_sizes[size / 64] >> size % 64;

		if (bits != 0)
			return size + (size_t)__builtin_ctzll(bits);
		size = (size / 64 + 1) * 64;
	}
	return SIZE_MAX;
}

const struct acta_mark *
acta_rowmap_hides(const struct acta_rowmap *map, const uint8_t *key,
    size_t size, uint64_t as_of)
{
	const struct acta_mark *mark;

	if (map->mark_count == 0)
		return NULL;
	MARKS_OF(map, key, size, mark)
	{
		if (mark->first <= as_of)
			return mark;
	}
	return NULL;
}

bool
acta_rowmap_dead(const struct acta_rowmap *map, const struct acta_entry *entry)
{
	const struct acta_mark *mark;

	if (map->mark_count == 0)
		return false;
	MARKS_OF(map, entry->key, entry->key_size, mark)
	{
		if (mark->last > entry->stamp)
			return true;
	}
	return false;
}
