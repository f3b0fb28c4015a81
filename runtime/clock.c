/* runtime/clock.c - see clock.h. */
#include "runtime/clock.h"

#include <stddef.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "runtime/ctl.h"

#define READS_MAX 5      /* of both clocks, until they are close enough */
#define READ_CLOSE_US 50 /* from before to after */
#define TORN_MAX 8       /* the root writes once a second */

/* ------------------------------------------------------------- the slew -- */

void
acta_slew_start(struct acta_slew *slew, int64_t wall_us, int64_t boot_us)
{
	*slew = (struct acta_slew){ .offset_us = wall_us - boot_us,
		.boot_us = boot_us };
}

void
acta_slew_tick(struct acta_slew *slew, int64_t wall_us, int64_t boot_us)
{
	int64_t off = wall_us - (boot_us + slew->offset_us);
	int64_t passed = boot_us - slew->boot_us;
	int64_t most, step;

	if (passed < 0)
		passed = 0;
	if (passed > ACTA_CLOCK_LATE_US)
		passed = ACTA_CLOCK_LATE_US;
	most = passed / ACTA_CLOCK_SLEW;
	step = off > most ? most : off < -most ? -most : off;
	slew->boot_us = boot_us;
	slew->offset_us += step;
	slew->off_us = off - step;
	if (off > ACTA_CLOCK_JUMP_US || off < -ACTA_CLOCK_JUMP_US)
		slew->jumped = true;
	else if (slew->off_us == 0)
		slew->jumped = false;
}

bool
acta_slew_reach(struct acta_slew *slew, int64_t ms, int64_t boot_us)
{
	if (ms <= 0 || ms > ACTA_CLOCK_MS_MAX ||
	    boot_us + slew->offset_us >= ms * 1000)
		return false;
	slew->offset_us = ms * 1000 - boot_us;
	return true;
}

/* ------------------------------------------------------------- the page -- */

void
acta_clock_page_set(struct acta_clock_page *page, int64_t offset_us)
{
	uint8_t turn = (uint8_t)(atomic_load(&page->turn) + 1);

	if (turn == 0) /* it means never, so the one after it of the same bit */
		turn = 2;
	atomic_store(&page->offset_us[turn & 1], offset_us);
	atomic_store(&page->turn, turn);
}

int64_t
acta_clock_page_offset(const struct acta_clock_page *page)
{
	int64_t offset_us = 0;

	for (int i = 0; i < TORN_MAX; i++) {
		uint8_t turn = atomic_load(&page->turn);

		offset_us = atomic_load(&page->offset_us[turn & 1]);
		if (atomic_load(&page->turn) == turn)
			break;
	}
	return offset_us;
}

/* By pwrite: a mapping could end the root if the page could not be had. */
static bool
put(int fd, const void *data, size_t size, size_t at)
{
	return pwrite(fd, data, size, (off_t)(ACTA_BOX_CLOCK + at)) ==
	    (ssize_t)size;
}

enum acta_err
acta_clock_page_write(const struct acta_clock_page *page, int box_fd)
{
	uint8_t turn = atomic_load(&page->turn);
	int64_t offset_us = atomic_load(&page->offset_us[turn & 1]);
	size_t at = offsetof(struct acta_clock_page, offset_us) +
	    (turn & 1) * sizeof(offset_us);

	if (!put(box_fd, &offset_us, sizeof(offset_us), at) ||
	    !put(box_fd, &turn, 1, offsetof(struct acta_clock_page, turn)))
		return ACTA_EIO;
	return ACTA_OK;
}

const struct acta_clock_page *
acta_clock_page_map(int box_fd)
{
	const struct acta_clock_page *page = mmap(
	    NULL, sizeof(*page), PROT_READ, MAP_SHARED, box_fd, ACTA_BOX_CLOCK);

	if (page == MAP_FAILED)
		return NULL;
	return atomic_load(&page->turn) != 0 ? page : NULL;
}

/* ---------------------------------------------------------- who reads it -- */

static int64_t
read_us(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now); /* these clocks cannot fail */
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
acta_clock_us(void)
{
	return read_us(CLOCK_BOOTTIME);
}

int64_t
acta_clock_at(struct acta_clock *clock, int64_t boot_us)
{
	int64_t now = boot_us + acta_clock_page_offset(clock->page);

	/* A step back of the offset is made good by standing still. */
	if (now > clock->last_us)
		clock->last_us = now;
	return clock->last_us;
}

int64_t
acta_clock_ms(struct acta_clock *clock)
{
	return acta_clock_at(clock, acta_clock_us()) / 1000;
}

void
acta_clock_read(int64_t *out_wall_us, int64_t *out_boot_us)
{
	int64_t best = INT64_MAX;

	/* Who is interrupted between the two would see a jump. */
	for (int i = 0; i < READS_MAX && best > READ_CLOSE_US; i++) {
		int64_t before = acta_clock_us();
		int64_t wall = read_us(CLOCK_REALTIME);
		int64_t took = acta_clock_us() - before;

		if (took < best) {
			best = took;
			*out_wall_us = wall;
			*out_boot_us = before + took / 2;
		}
	}
}
