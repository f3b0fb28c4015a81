/*
 * runtime/clock.h - the time of a node, one for all of its processes: the wall
 * clock read once at the node's start, then CLOCK_BOOTTIME; a later jump of the
 * wall clock is followed at 1 % at most (CORE 1.11).
 *
 * The root keeps it (struct acta_slew) and shows each child how far it is from
 * CLOCK_BOOTTIME, in a page of the child's black box (struct acta_clock_page,
 * at ACTA_BOX_CLOCK of ctl.h) that the child maps for reading alone. Who needs
 * the time adds CLOCK_BOOTTIME to that (struct acta_clock). libc alone.
 */
#ifndef ACTA_CLOCK_H
#define ACTA_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "codecs/err.h"

#define ACTA_CLOCK_SLEW 100        /* follows by one part in so many */
#define ACTA_CLOCK_LATE_US 2000000 /* between two ticks, at most, for that: a
                                    * root that slept does not catch up at once */
#define ACTA_CLOCK_JUMP_US 1000000 /* further off: a jump, to be alarmed */
#define ACTA_CLOCK_MS_MAX INT64_C(253402300799999) /* of the year 9999 */

/* -------------------------------------------------- the root's part, pure -- */

struct acta_slew {
	int64_t offset_us; /* the node's time minus CLOCK_BOOTTIME */
	int64_t boot_us;   /* CLOCK_BOOTTIME of the last tick */
	int64_t off_us;    /* the wall clock minus the node's time, then */
	bool jumped;       /* it jumped, and has not been caught up with since */
};

void acta_slew_start(struct acta_slew *slew, int64_t wall_us, int64_t boot_us);
/* Once a second: go towards the wall clock. */
void acta_slew_tick(struct acta_slew *slew, int64_t wall_us, int64_t boot_us);
/*
 * A store of this node has been at `ms` before: time does not go back, so it is
 * at least that from now on. (Else, the wall clock set back while the node was
 * down, the doors' deadlines would be past wherever such a store is open.)
 * False: that was so already, or `ms` is no time.
 */
bool acta_slew_reach(struct acta_slew *slew, int64_t ms, int64_t boot_us);

/* ------------------------------------------------------------- the page -- */

/*
 * Two offsets in turn, so that a reader never meets one that is half written:
 * the other is written first, then the byte that makes it the one.
 */
struct acta_clock_page {
	_Atomic int64_t offset_us[2];
	_Atomic uint8_t turn; /* 0: never set; of its lowest bit: which */
};

void acta_clock_page_set(struct acta_clock_page *page, int64_t offset_us);
int64_t acta_clock_page_offset(const struct acta_clock_page *page);
/* The page as it was set last, into a black box: the root's end of it. */
ACTA_NODISCARD enum acta_err acta_clock_page_write(
    const struct acta_clock_page *page, int box_fd);
/* The child's end; NULL: there is none, or it was never written. */
const struct acta_clock_page *acta_clock_page_map(int box_fd);

/* ---------------------------------------------------------- who reads it -- */

/* One thread's. */
struct acta_clock {
	const struct acta_clock_page *page;
	int64_t last_us; /* what was read last: it never goes back */
};

/* In us since 1970, at that instant of CLOCK_BOOTTIME. Pure. */
int64_t acta_clock_at(struct acta_clock *clock, int64_t boot_us);
/* Now, in ms since 1970. */
int64_t acta_clock_ms(struct acta_clock *clock);
/* CLOCK_BOOTTIME. */
int64_t acta_clock_us(void);
/* A counter that is cheaper to read than any clock, in no unit: to see that next
 * to no time has gone. 0: this processor has none. */
static inline uint64_t
acta_clock_ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#else
	return 0;
#endif
}
/* Both clocks, as of one instant as far as that can be had. */
void acta_clock_read(int64_t *out_wall_us, int64_t *out_boot_us);

#endif /* ACTA_CLOCK_H */
