/* runtime/root/intensity.c - a ring of the last restart times. */
#include "runtime/root/intensity.h"

#include <assert.h>
#include <stddef.h>

enum acta_err
acta_intensity_change(
    struct acta_intensity *w, uint32_t limit, uint64_t period_ms)
{
	assert(w != NULL);

	if (limit > ACTA_INTENSITY_CAP || period_ms == 0)
		return ACTA_EINVAL;
	w->limit = limit;
	w->period_ms = period_ms;
	return ACTA_OK;
}

enum acta_err
acta_intensity_init(
    struct acta_intensity *w, uint32_t limit, uint64_t period_ms)
{
	enum acta_err err = acta_intensity_change(w, limit, period_ms);

	if (err == ACTA_OK)
		w->count = w->next = 0;
	return err;
}

/* The time of the restart `back` before the next: 1 is the last. */
static uint64_t
at_ms(const struct acta_intensity *w, uint32_t back)
{
	return w
	    ->at_ms[(w->next + ACTA_INTENSITY_CAP - back) % ACTA_INTENSITY_CAP];
}

enum acta_err
acta_intensity_record(struct acta_intensity *w, uint64_t now_ms)
{
	assert(w != NULL);
	assert(w->limit <= ACTA_INTENSITY_CAP);
	assert(w->count <= ACTA_INTENSITY_CAP);

	if (w->limit == 0)
		return ACTA_ELIMIT;
	if (w->count >= w->limit) {
		assert(now_ms >= at_ms(w, w->limit));
		/* Exactly one period old still counts, as in OTP. */
		if (now_ms - at_ms(w, w->limit) <= w->period_ms)
			return ACTA_ELIMIT;
	}

	w->at_ms[w->next] = now_ms;
	w->next = (w->next + 1) % ACTA_INTENSITY_CAP;
	if (w->count < ACTA_INTENSITY_CAP)
		w->count++;
	return ACTA_OK;
}

void
acta_intensity_take_back(struct acta_intensity *w, uint64_t when_ms)
{
	uint32_t back = 1, slot, after;

	while (back <= w->count && at_ms(w, back) != when_ms)
		back++;
	if (back > w->count)
		return;
	/* Those that came later keep their times. */
	for (; back > 1; back--) {
		slot =
		    (w->next + ACTA_INTENSITY_CAP - back) % ACTA_INTENSITY_CAP;
		after = (slot + 1) % ACTA_INTENSITY_CAP;
		w->at_ms[slot] = w->at_ms[after];
	}
	w->count--;
	w->next = (w->next + ACTA_INTENSITY_CAP - 1) % ACTA_INTENSITY_CAP;
}

uint32_t
acta_intensity_count(const struct acta_intensity *w, uint64_t now_ms)
{
	uint32_t count = 0;

	while (count < w->count && now_ms - at_ms(w, count + 1) <= w->period_ms)
		count++;
	return count;
}
