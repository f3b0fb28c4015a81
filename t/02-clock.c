/*
 * t/02-clock.c - a node's time: never back, never faster or slower than by 1 %,
 * whatever the wall clock does; alarmed until it is caught up with; the same in
 * every process.
 */
#include "runtime/clock.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/ctl.h"

#define SECOND INT64_C(1000000)
#define YEAR (365 * 24 * 3600 * SECOND)
#define BOOT (1000 * SECOND)
#define WALL (INT64_C(1790000000) * SECOND)

/* A world: two clocks, what the root makes of them, and one who reads it. */
struct world {
	int64_t wall_us, boot_us;
	struct acta_slew slew;
	struct acta_clock_page page;
	struct acta_clock clock;
};

static void
begin(struct world *w)
{
	*w = (struct world){ .wall_us = WALL, .boot_us = BOOT };
	acta_slew_start(&w->slew, w->wall_us, w->boot_us);
	acta_clock_page_set(&w->page, w->slew.offset_us);
	w->clock.page = &w->page;
}

static int64_t
now(struct world *w)
{
	return acta_clock_at(&w->clock, w->boot_us);
}

static void
pass(struct world *w, int64_t us)
{
	w->wall_us += us;
	w->boot_us += us;
}

static void
tick(struct world *w)
{
	acta_slew_tick(&w->slew, w->wall_us, w->boot_us);
	acta_clock_page_set(&w->page, w->slew.offset_us);
}

/* A second and a tick: the node's time went on by 1 s, give or take 1 %. */
static void
second(struct world *w)
{
	int64_t before = now(w), node_before = w->boot_us + w->slew.offset_us;
	int64_t went;

	pass(w, SECOND);
	tick(w);
	went = w->boot_us + w->slew.offset_us - node_before;
	ck_assert_int_ge(went, SECOND - SECOND / 100);
	ck_assert_int_le(went, SECOND + SECOND / 100);
	ck_assert_int_gt(now(w), before);
}

START_TEST(is_the_wall_clock_at_the_start)
{
	struct world w;

	begin(&w);
	ck_assert_int_eq(now(&w), WALL);
	for (int i = 0; i < 100; i++)
		second(&w);
	ck_assert_int_eq(now(&w), w.wall_us);
	ck_assert(!w.slew.jumped);
}
END_TEST

START_TEST(a_drift_is_followed_without_alarm)
{
	struct world w;

	begin(&w);
	for (int i = 0; i < 100; i++) {
		w.wall_us += i % 2 ? 500 : -300; /* as NTP slews it */
		second(&w);
		ck_assert_int_eq(w.boot_us + w.slew.offset_us, w.wall_us);
		ck_assert(!w.slew.jumped);
	}
}
END_TEST

/* Each row: by how much the wall clock jumps, and whether that alarms. */
static const struct {
	int64_t us;
	bool alarm;
} jumps[] = {
	{ YEAR, true }, { -YEAR, true }, { SECOND, false }, { -SECOND, false },
	{ SECOND + 1, true }, { -SECOND - 1, true }, { SECOND / 2, false },
	{ 100 * YEAR, true }, { -WALL, true }, /* 1970 */
};

START_TEST(a_jump_is_followed_by_one_percent_and_alarmed)
{
	struct world w;
	int64_t us = jumps[_i].us, seconds = 0, off;

	begin(&w);
	second(&w);
	w.wall_us += us;
	second(&w);
	ck_assert(w.slew.jumped == jumps[_i].alarm);
	off = us > 0 ? us - SECOND / 100 : us + SECOND / 100;
	ck_assert_int_eq(w.slew.off_us, off);
	for (; w.slew.off_us != 0 && seconds < 200; seconds++)
		second(&w);
	if (llabs(us) > 2 * SECOND) { /* on its way, and still alarmed */
		ck_assert_int_eq(llabs(us - w.slew.off_us), 201 * 10000);
		ck_assert(w.slew.jumped);
		return;
	}
	/* 100 s for each; the alarm is over with the last. */
	ck_assert_int_le(seconds, 100 * llabs(us) / SECOND + 1);
	ck_assert_int_eq(w.boot_us + w.slew.offset_us, w.wall_us);
	second(&w);
	ck_assert(!w.slew.jumped);
}
END_TEST

START_TEST(the_alarm_lasts_until_it_is_caught_up)
{
	struct world w;

	begin(&w);
	w.wall_us += SECOND + 5000;
	for (int i = 0; i < 100; i++) {
		second(&w);
		ck_assert_msg(w.slew.jumped, "second %d", i);
	}
	second(&w);
	ck_assert(!w.slew.jumped);
	/* Set back by who set it: no more to follow. */
	w.wall_us += YEAR;
	second(&w);
	ck_assert(w.slew.jumped);
	w.wall_us -= YEAR;
	second(&w);
	second(&w);
	ck_assert(!w.slew.jumped);
}
END_TEST

/* Suspended, both clocks go on; the root's ticks do not. */
START_TEST(a_suspended_machine_has_not_jumped)
{
	struct world w;

	begin(&w);
	pass(&w, 8 * 3600 * SECOND);
	ck_assert_int_eq(now(&w), w.wall_us);
	tick(&w);
	ck_assert_int_eq(now(&w), w.wall_us);
	ck_assert(!w.slew.jumped);
	/* The real-time chip was 3 s off: no more than two seconds' worth is
	 * made good at once, however long it slept. */
	pass(&w, 8 * 3600 * SECOND);
	w.wall_us += 3 * SECOND;
	tick(&w);
	ck_assert_int_eq(w.slew.off_us, 3 * SECOND - 20000);
	ck_assert(w.slew.jumped);
}
END_TEST

START_TEST(between_two_ticks_it_stands_rather_than_go_back)
{
	struct world w;
	int64_t last;

	begin(&w);
	w.wall_us -= YEAR;
	for (int s = 0; s < 20; s++) {
		for (int i = 0; i < 1000; i++) {
			last = now(&w);
			pass(&w, 1000);
			if (i == 500)
				tick(&w);
			ck_assert_int_ge(now(&w), last);
			/* It stands for as long as one step is. */
			ck_assert_int_le(
			    now(&w), w.boot_us + w.slew.offset_us + 10000);
		}
	}
}
END_TEST

START_TEST(a_tick_too_soon_or_of_a_clock_gone_back_does_nothing)
{
	struct world w;

	begin(&w);
	w.wall_us += YEAR;
	tick(&w);
	ck_assert_int_eq(now(&w), WALL);
	w.boot_us -= SECOND;
	tick(&w);
	ck_assert_int_eq(w.slew.offset_us, WALL - BOOT);
}
END_TEST

START_TEST(it_is_no_less_than_what_a_store_has_seen)
{
	struct world w;

	begin(&w);
	ck_assert(!acta_slew_reach(&w.slew, WALL / 1000 - 5, w.boot_us));
	ck_assert(!acta_slew_reach(&w.slew, WALL / 1000, w.boot_us));
	ck_assert(!acta_slew_reach(&w.slew, 0, w.boot_us));
	ck_assert(!acta_slew_reach(&w.slew, -1, w.boot_us));
	ck_assert(!acta_slew_reach(&w.slew, INT64_MIN, w.boot_us));
	ck_assert(!acta_slew_reach(&w.slew, INT64_MAX, w.boot_us));
	ck_assert(!acta_slew_reach(&w.slew, ACTA_CLOCK_MS_MAX + 1, w.boot_us));
	ck_assert_int_eq(w.slew.offset_us, WALL - BOOT);
	/* The wall clock was set back an hour while the node was down. */
	ck_assert(
	    acta_slew_reach(&w.slew, (WALL + 3600 * SECOND) / 1000, w.boot_us));
	acta_clock_page_set(&w.page, w.slew.offset_us);
	ck_assert_int_eq(now(&w), WALL + 3600 * SECOND);
	second(&w);
	ck_assert(w.slew.jumped);
	ck_assert_int_eq(w.slew.off_us, -3600 * SECOND + 10000);
	ck_assert(acta_slew_reach(&w.slew, ACTA_CLOCK_MS_MAX, w.boot_us));
	second(&w);
}
END_TEST

/* ------------------------------------------------------------- the page -- */

static int
box(void)
{
	int fd = memfd_create("box", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, ACTA_BOX_FILE), 0);
	return fd;
}

START_TEST(a_child_sees_what_the_root_wrote_last)
{
	struct acta_clock_page image = { 0 };
	const struct acta_clock_page *page;
	int fd = box();

	ck_assert_ptr_null(acta_clock_page_map(fd)); /* never written */
	acta_clock_page_set(&image, 5);
	ck_assert_int_eq(acta_clock_page_write(&image, fd), ACTA_OK);
	page = acta_clock_page_map(fd);
	ck_assert_ptr_nonnull(page);
	ck_assert_int_eq(acta_clock_page_offset(page), 5);
	/* Past the wrap of its one byte. */
	for (int64_t i = -600; i < 600; i++) {
		acta_clock_page_set(&image, i * YEAR);
		ck_assert_int_eq(acta_clock_page_write(&image, fd), ACTA_OK);
		ck_assert_int_eq(acta_clock_page_offset(page), i * YEAR);
		ck_assert_ptr_nonnull(acta_clock_page_map(fd));
	}
	/* The first offset of a later child is wherever the turn is then. */
	close(fd);
	fd = box();
	ck_assert_int_eq(acta_clock_page_write(&image, fd), ACTA_OK);
	page = acta_clock_page_map(fd);
	ck_assert_int_eq(acta_clock_page_offset(page), 599 * YEAR);
	close(fd);
	ck_assert_int_eq(acta_clock_page_write(&image, fd), ACTA_EIO);
	ck_assert_ptr_null(acta_clock_page_map(fd));
}
END_TEST

START_TEST(a_child_cannot_write_it)
{
	struct acta_clock_page image = { 0 };
	int fd = box();

	acta_clock_page_set(&image, 5);
	ck_assert_int_eq(acta_clock_page_write(&image, fd), ACTA_OK);
	/* The kernel says it without a signal. */
	ck_assert_int_eq(
	    pread(fd, (void *)(uintptr_t)acta_clock_page_map(fd), 1, 0), -1);
	ck_assert_int_eq(errno, EFAULT);
}
END_TEST

START_TEST(the_real_clocks_can_be_read)
{
	struct acta_clock_page page = { 0 };
	struct acta_clock clock = { .page = &page };
	int64_t wall_us = 0, boot_us = 0, first;

	acta_clock_read(&wall_us, &boot_us);
	ck_assert_int_gt(wall_us, WALL / 2);
	ck_assert_int_gt(boot_us, 0);
	acta_clock_page_set(&page, wall_us - boot_us);
	first = acta_clock_ms(&clock);
	ck_assert_int_ge(first, wall_us / 1000);
	ck_assert_int_ge(acta_clock_ms(&clock), first);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("clock");
	TCase *slew = tcase_create("slew"), *page = tcase_create("page");
	SRunner *runner;
	int failed;

	tcase_add_test(slew, is_the_wall_clock_at_the_start);
	tcase_add_test(slew, a_drift_is_followed_without_alarm);
	tcase_add_loop_test(slew, a_jump_is_followed_by_one_percent_and_alarmed,
	    0, sizeof(jumps) / sizeof(*jumps));
	tcase_add_test(slew, the_alarm_lasts_until_it_is_caught_up);
	tcase_add_test(slew, a_suspended_machine_has_not_jumped);
	tcase_add_test(slew, between_two_ticks_it_stands_rather_than_go_back);
	tcase_add_test(
	    slew, a_tick_too_soon_or_of_a_clock_gone_back_does_nothing);
	tcase_add_test(slew, it_is_no_less_than_what_a_store_has_seen);
	tcase_add_test(page, a_child_sees_what_the_root_wrote_last);
	tcase_add_test(page, a_child_cannot_write_it);
	tcase_add_test(page, the_real_clocks_can_be_read);
	suite_add_tcase(suite, slew);
	suite_add_tcase(suite, page);
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
