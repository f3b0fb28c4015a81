/* runtime/root/backoff.c - see backoff.h. */
#include "runtime/root/backoff.h"

#include <assert.h>

void
acta_backoff_reset(struct acta_backoff *b)
{
	b->tries = 0;
}

void
acta_backoff_was_up(struct acta_backoff *b, int64_t up_ms)
{
	if (up_ms >= b->reset_ms)
		b->tries = 0;
}

int64_t
acta_backoff_next(struct acta_backoff *b, uint64_t chance)
{
	double delay = (double)b->min_ms;

	assert(b->factor >= 1);
	assert(b->jitter >= 0 && b->jitter <= 1);
	if (b->tries++ == 0)
		return 0;
	/* With a factor of 1 it never reaches max: the count bounds the loop.
	 * 1,100 doublings leave the range of a double, so of any max. */
	for (uint32_t i = 2; i < b->tries && i < 1100; i++) {
		delay *= b->factor;
		if (delay >= (double)b->max_ms)
			break;
	}
	if (delay > (double)b->max_ms)
		delay = (double)b->max_ms;

	double unit = (double)(chance >> 11) * 0x1p-53; /* [0, 1) */

	delay *= 1 + b->jitter * (2 * unit - 1);
	if (delay > (double)b->max_ms)
		delay = (double)b->max_ms;
	return (int64_t)delay;
}
