/* runtime/root/intensity.c - a ring of the last `limit` restart times. */
#include "runtime/root/intensity.h"

#include <assert.h>
#include <stddef.h>

enum acta_err
acta_intensity_init(
    struct acta_intensity *w, uint32_t limit, uint64_t period_ms)
{
	assert(w != NULL);

	if (limit > ACTA_INTENSITY_CAP || period_ms == 0)
		return ACTA_EINVAL;
	w->limit = limit;
	w->period_ms = period_ms;
	w->count = 0;
	w->next = 0;
	return ACTA_OK;
}

enum acta_err
acta_intensity_record(struct acta_intensity *w, uint64_t now_ms)
{
	assert(w != NULL);
	assert(w->limit <= ACTA_INTENSITY_CAP);
	assert(w->count <= w->limit);

	if (w->limit == 0)
		return ACTA_ELIMIT;
	if (w->count == w->limit) {
		assert(now_ms >= w->at_ms[w->next]);
		/* Exactly one period old still counts, as in OTP. */
		if (now_ms - w->at_ms[w->next] <= w->period_ms)
			return ACTA_ELIMIT;
	}

	w->at_ms[w->next] = now_ms;
	w->next = (w->next + 1) % w->limit;
	if (w->count < w->limit)
		w->count++;
	return ACTA_OK;
}

uint32_t
acta_intensity_count(const struct acta_intensity *w, uint64_t now_ms)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < w->count; i++)
		if (now_ms - w->at_ms[i] <= w->period_ms)
			count++;
	return count;
}
