/* store/hash.h - XXH3 through one door; the library stays behind it. */
#ifndef ACTA_HASH_H
#define ACTA_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t acta_hash64(const void *data, size_t size); /* XXH3-64, seed 0 */
uint64_t acta_hash64_seeded(const void *data, size_t size, uint64_t seed);

struct acta_hash128 { /* canonical (big-endian) bytes of XXH3-128 */
	uint8_t bytes[16];
};
struct acta_hash128 acta_hash128(const void *data, size_t size);
/* Hash of `before` followed by data: a running chain. */
struct acta_hash128 acta_hash128_chain(
    struct acta_hash128 before, const void *data, size_t size);

/* The partition of an actor's key: XXH3-64(key, seed 0) mod parts. */
uint32_t acta_partition_of(const void *key, size_t key_size, uint32_t parts);

#endif /* ACTA_HASH_H */
