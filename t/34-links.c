/*
 * 34-links.c - claim: a socket to a service that is silent for a minute is
 * closed and opened again at the next word, as another link: its epoch is higher;
 * one that is used or has something waiting stays.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zmq.h>

#include "runtime/host/links.h"

static void *zmq, *pull;
static struct acta_links *links;
static char endpoint[100];
static uint32_t closed_count;

static void
closed(void *self, const char *name, uint32_t worker, uint32_t workers)
{
	ck_assert_str_eq(name, self);
	ck_assert_uint_eq(worker, 1);
	ck_assert_uint_eq(workers, 2);
	closed_count++;
}

static void
peer(const char *name)
{
	struct acta_ctl ctl;

	acta_ctl_init(&ctl, ACTA_CTL_PEER);
	ctl.index = 1;
	ctl.workers = 2;
	ctl.partitions = 4;
	ctl.number = 7;
	snprintf(ctl.name, sizeof(ctl.name), "%s", name);
	snprintf(ctl.text, sizeof(ctl.text), "%s", endpoint);
	acta_links_peer(links, &ctl);
}

static void
setup(void)
{
	closed_count = 0;
	zmq = zmq_ctx_new();
	pull = zmq_socket(zmq, ZMQ_PULL);
	snprintf(endpoint, sizeof(endpoint), "ipc:///tmp/acta-links-%d",
	    (int)getpid());
	ck_assert_int_eq(zmq_bind(pull, endpoint), 0);
	links = acta_links_new(zmq);
}

static void
teardown(void)
{
	acta_links_destroy(&links);
	zmq_close(pull);
	zmq_ctx_term(zmq);
	unlink(endpoint + 6);
}

/* Something to partition 3 of it, and the epoch of the frame that brings it. */
static uint64_t
say(const char *name, int64_t now_ms)
{
	struct acta_item item = { .kind = ACTA_ITEM_NACK,
		.src = { name, (uint32_t)strlen(name) },
		.dst = { "me", 2 } };
	int wait_ms = 10000, size;
	struct acta_reader items;
	uint64_t epoch;
	char frame[512];

	acta_links_to_part(links, name, 3, &item);
	/* It leaves once the connection is up: flush asks to be called again. */
	while (acta_links_flush(links, now_ms))
		usleep(1000);
	ck_assert_int_eq(
	    zmq_setsockopt(pull, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms)), 0);
	size = zmq_recv(pull, frame, sizeof(frame), 0);
	ck_assert_int_gt(size, 0);
	ck_assert_int_eq(
	    acta_frame_open(frame, (size_t)size, &epoch, &items), ACTA_OK);
	return epoch;
}

START_TEST(silent_for_a_minute)
{
	uint64_t first, second;
	char name[] = "stock";

	peer(name);
	first = say(name, 1000);
	ck_assert_uint_eq(say(name, 2000), first);
	acta_links_idle(links, 61999, closed, name);
	ck_assert_uint_eq(closed_count, 0);
	acta_links_idle(links, 62000, closed, name);
	ck_assert_uint_eq(closed_count, 1);
	acta_links_idle(links, 200000, closed, name);
	ck_assert_uint_eq(closed_count, 1); /* there is none to close */
	second = say(name, 200000);
	ck_assert_uint_gt(second, first);
	acta_links_idle(links, 200001, closed, name);
	ck_assert_uint_eq(closed_count, 1);
}
END_TEST

START_TEST(what_waits_keeps_it_open)
{
	struct acta_item item = { .kind = ACTA_ITEM_NACK,
		.src = { "stock", 5 },
		.dst = { "me", 2 } };
	char name[] = "stock";

	peer(name);
	say(name, 0);
	acta_links_to_part(links, name, 3, &item);
	acta_links_idle(links, 100000, closed, name);
	ck_assert_uint_eq(closed_count, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("links");
	TCase *tcase = tcase_create("links");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, silent_for_a_minute);
	tcase_add_test(tcase, what_waits_keeps_it_open);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
