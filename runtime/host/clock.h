/*
 * runtime/host/clock.h - the wall clock read once at the start, then
 * CLOCK_BOOTTIME; a later jump of the wall clock is followed at 1 % at most
 * (CORE 1.11).
 */
#ifndef ACTA_HOST_CLOCK_H
#define ACTA_HOST_CLOCK_H

#include <stdint.h>

struct acta_clock {
	int64_t wall_us, boot_us; /* at the start, slewed since */
	int64_t last_us;          /* of boot, when it was last corrected */
};

void acta_clock_start(struct acta_clock *clock);
int64_t acta_clock_ms(struct acta_clock *clock); /* since 1970 */
int64_t acta_clock_us(void);                     /* CLOCK_BOOTTIME */

#endif /* ACTA_HOST_CLOCK_H */
