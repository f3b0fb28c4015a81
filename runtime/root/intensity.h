/* runtime/root/intensity.h - restart intensity: at most N restarts a period. */
#ifndef ACTA_ROOT_INTENSITY_H
#define ACTA_ROOT_INTENSITY_H

#include <stdint.h>

#include "codecs/err.h"

#define ACTA_INTENSITY_CAP 1024u

/*
 * Sliding window over one supervisor's (or, under hold, one child's) restarts.
 * A plain value: embed it in its owner; nothing to release. Only intensity.c
 * reads the fields.
 */
struct acta_intensity {
	uint64_t period_ms;
	uint32_t limit; /* 0: never restart */
	uint32_t count; /* slots in use */
	uint32_t next;  /* slot to write */
	uint64_t at_ms[ACTA_INTENSITY_CAP]; /* ring of accepted restarts */
};

/*
 * Allow `limit` restarts in any `period_ms` milliseconds. The ring is left
 * alone: what no restart has used costs no memory.
 *
 * Errors:  ACTA_EINVAL if limit > ACTA_INTENSITY_CAP or period_ms is 0 (both
 *          come from configuration); `w` is then untouched.
 * Threads: one owner.
 */
ACTA_NODISCARD enum acta_err acta_intensity_init(
    struct acta_intensity *w, uint32_t limit, uint64_t period_ms);

/*
 * Record a restart at `now_ms` (monotonic clock).
 *
 * Errors:  ACTA_ELIMIT if it is one too many: do not restart, hold or escalate.
 * Threads: one owner.
 */
ACTA_NODISCARD enum acta_err acta_intensity_record(
    struct acta_intensity *w, uint64_t now_ms);

/* Other bounds, from now on; what was recorded stays. ACTA_EINVAL, as init. */
ACTA_NODISCARD enum acta_err acta_intensity_change(
    struct acta_intensity *w, uint32_t limit, uint64_t period_ms);

/* A restart recorded at this time was called off before it was tried; nothing, if
 * none is known. */
void acta_intensity_take_back(struct acta_intensity *w, uint64_t when_ms);

/* How many recorded restarts lie in the period that ends at `now_ms`. */
uint32_t acta_intensity_count(const struct acta_intensity *w, uint64_t now_ms);

#endif /* ACTA_ROOT_INTENSITY_H */
