/* store/hash.c - the one file that calls xxhash. */
#include "store/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <assert.h>
#include <string.h>

uint64_t
acta_hash64(const void *data, size_t size)
{
	return XXH3_64bits(data, size);
}

uint64_t
acta_hash64_seeded(const void *data, size_t size, uint64_t seed)
{
	return XXH3_64bits_withSeed(data, size, seed);
}

static struct acta_hash128
canonical(XXH128_hash_t hash)
{
	struct acta_hash128 out;
	XXH128_canonical_t bytes;

	XXH128_canonicalFromHash(&bytes, hash);
	memcpy(out.bytes, bytes.digest, sizeof(out.bytes));
	return out;
}

struct acta_hash128
acta_hash128(const void *data, size_t size)
{
	return canonical(XXH3_128bits(data, size));
}

struct acta_hash128
acta_hash128_chain(struct acta_hash128 before, const void *data, size_t size)
{
	XXH3_state_t state;

	XXH3_128bits_reset(&state);
	XXH3_128bits_update(&state, before.bytes, sizeof(before.bytes));
	XXH3_128bits_update(&state, data, size);
	return canonical(XXH3_128bits_digest(&state));
}

uint32_t
acta_partition_of(const void *key, size_t key_size, uint32_t parts)
{
	assert(parts > 0);
	return (uint32_t)(acta_hash64(key, key_size) % parts);
}
