/* store/hash.c - the one file that calls xxhash. */
#include "store/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <assert.h>
#include <stdio.h>
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

bool
acta_key_is_any(const void *key, size_t key_size)
{
	return key_size == 4 && memcmp(key, "@any", 4) == 0;
}

void
acta_worker_numbers(uint32_t *out, uint32_t parts)
{
	uint32_t left = parts;
	char key[ACTA_WORKER_KEY_MAX];

	memset(out, 0xff, parts * sizeof(*out));
	for (uint32_t n = 0; left > 0; n++) {
		uint32_t part =
		    acta_partition_of(key, acta_worker_key(key, n), parts);

		assert(n < UINT32_MAX);
		if (out[part] != UINT32_MAX)
			continue;
		out[part] = n;
		left--;
	}
}

size_t
acta_worker_key(char out[ACTA_WORKER_KEY_MAX], uint32_t number)
{
	return (size_t)snprintf(out, ACTA_WORKER_KEY_MAX, "@%u", number);
}
