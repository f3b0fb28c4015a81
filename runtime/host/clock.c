/* runtime/host/clock.c - time that neither jumps nor goes back. */
#include "runtime/host/clock.h"

#include <time.h>

#define SLEW_EVERY_US 1000000
#define SLEW_PART 100 /* one in a hundred */

static int64_t
read_us(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
acta_clock_us(void)
{
	return read_us(CLOCK_BOOTTIME);
}

void
acta_clock_start(struct acta_clock *c)
{
	c->wall_us = read_us(CLOCK_REALTIME);
	c->boot_us = c->last_us = acta_clock_us();
}

int64_t
acta_clock_ms(struct acta_clock *c)
{
	int64_t boot = acta_clock_us();
	int64_t now = c->wall_us + (boot - c->boot_us);

	if (boot - c->last_us >= SLEW_EVERY_US) {
		int64_t off = read_us(CLOCK_REALTIME) - now;
		int64_t most = (boot - c->last_us) / SLEW_PART;

		c->last_us = boot;
		c->wall_us += off > most ? most : off < -most ? -most : off;
	}
	return now / 1000;
}
