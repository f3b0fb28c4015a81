/* store/hash.h - XXH3 through one door; the library stays behind it. */
#ifndef ACTA_HASH_H
#define ACTA_HASH_H

#include <stdbool.h>
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

/*
 * "service/@any" is whichever worker of it has the least to do. A service's
 * competing workers are the actors "@0", "@7", ..., one a partition:
 * each number is the smallest whose key lies there. out[part] for all of them.
 */
#define ACTA_WORKER_KEY_MAX 12u
bool acta_key_is_any(const void *key, size_t key_size);
void acta_worker_numbers(uint32_t *out, uint32_t parts);
size_t acta_worker_key(char out[ACTA_WORKER_KEY_MAX], uint32_t number);

#endif /* ACTA_HASH_H */
