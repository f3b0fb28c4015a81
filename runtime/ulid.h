/*
 * runtime/ulid.h - ids that sort by time: 48 bits of milliseconds, 80 of chance
 * (github.com/ulid/spec). A door refuses one that is older than what it
 * remembers, so that a late repeat is never applied twice.
 */
#ifndef ACTA_ULID_H
#define ACTA_ULID_H

#include <stdint.h>

/* 26 letters and a NUL. `ms` since 1970, of which 48 bits count. */
void acta_ulid(char out[27], int64_t ms, const uint8_t random[10]);

#endif /* ACTA_ULID_H */
