/*
 * runtime/config_text.h - quantities as people write them (`50us`, `64MiB`),
 * and a printf that appends to a buffer.
 */
#ifndef ACTA_CONFIG_TEXT_H
#define ACTA_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codecs/buf.h"
#include "codecs/err.h"

/* Append; no NUL is counted. Longer than 64 KiB a call is cut. */
void acta_text_printf(struct acta_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A malloc'ed text. */
char *acta_text_keepf(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/*
 * `text` as a duration in microseconds: digits with at most one point, then
 * us, ms, s, m, h or d; a bare 0 is one too. ACTA_EINVAL with `why->hint` set
 * (text is the caller's); ACTA_ELIMIT over a hundred years.
 */
ACTA_NODISCARD enum acta_err acta_text_duration(
    const char *text, int64_t *out_us, struct acta_why *why);
/* `text` as a size in bytes: digits, then B, KiB, MiB, GiB or TiB; a bare 0
 * is one too. Errors as above; ACTA_ELIMIT over 2^62. */
ACTA_NODISCARD enum acta_err acta_text_size(
    const char *text, int64_t *out_bytes, struct acta_why *why);
/* A whole decimal number, perhaps negative. */
ACTA_NODISCARD enum acta_err acta_text_int(const char *text, int64_t *out);
/* A finite decimal number. */
#define ACTA_FROM_FIRST 0
#define ACTA_FROM_LAST (-1)
/* "first", "last", a seq from 1 on, or a time as 2026-01-31T12:00:00Z, which
 * must be after 1970: 0, -1, the seq, or minus the ms. */
ACTA_NODISCARD enum acta_err acta_text_from(const char *text, int64_t *out);
void acta_text_of_from(int64_t from, char out[32]);
ACTA_NODISCARD enum acta_err acta_text_num(const char *text, double *out);

/* The other way: the largest unit that leaves no rest. `out` of 32 bytes. */
void acta_text_of_duration(int64_t us, char out[32]);
void acta_text_of_size(int64_t bytes, char out[32]);

#endif /* ACTA_CONFIG_TEXT_H */
