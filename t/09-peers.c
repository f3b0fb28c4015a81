/* t/09-peers.c - who follows is told the newest of each, in order, once. */
#include "runtime/root/peers.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct acta_plan_child children[3];
static struct acta_plan plan = { .count = 3, .children = children };
static struct acta_peers peers;

static void
setup(void)
{
	children[0].workers = 0; /* a door: one all the same */
	children[1].workers = 2;
	children[2].workers = 1;
	ck_assert_int_eq(acta_peers_init(&peers, &plan), ACTA_OK);
}

static void
teardown(void)
{
	acta_peers_fini(&peers);
}

static void
set(uint32_t child, uint32_t worker, uint64_t incarnation)
{
	ck_assert_int_eq(
	    acta_peers_set(&peers, child, worker, incarnation, "ipc://x"),
	    ACTA_OK);
}

/* "1.0:7 2.0:-" and so on, of all after `after`. */
static const char *
news(uint64_t after)
{
	static char text[256];
	const struct acta_peer *p = acta_peers_after(&peers, after);

	text[0] = '\0';
	for (; p; p = TAILQ_NEXT(p, link))
		sprintf(text + strlen(text), "%u.%u:%llu%s ", p->child,
		    p->worker, (unsigned long long)p->incarnation,
		    p->endpoint[0] ? "" : "-");
	return text;
}

START_TEST(the_newest_of_each_in_order)
{
	ck_assert_str_eq(news(0), "");
	set(0, 0, 1);
	set(1, 0, 1);
	set(1, 1, 1);
	uint64_t told = peers.last_change;

	ck_assert_str_eq(news(0), "0.0:1 1.0:1 1.1:1 ");
	ck_assert_str_eq(news(told), "");
	acta_peers_gone(&peers, 1);
	set(2, 0, 1);
	ck_assert_str_eq(news(told), "1.0:1- 1.1:1- 2.0:1 ");
	set(1, 0, 2);
	ck_assert_str_eq(news(told), "1.1:1- 2.0:1 1.0:2 ");
	acta_peers_gone(&peers, 1);
	acta_peers_gone(&peers, 1); /* no news */
	ck_assert_str_eq(news(told), "1.1:1- 2.0:1 1.0:2- ");
}
END_TEST

START_TEST(a_worker_that_is_not_there_is_refused)
{
	ck_assert_int_eq(acta_peers_set(&peers, 0, 1, 1, "x"), ACTA_EPROTO);
	ck_assert_int_eq(acta_peers_set(&peers, 1, 2, 1, "x"), ACTA_EPROTO);
	ck_assert_int_eq(
	    acta_peers_set(&peers, 2, UINT32_MAX, 1, "x"), ACTA_EPROTO);
	ck_assert_str_eq(news(0), "");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("peers");
	TCase *tc = tcase_create("news");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_newest_of_each_in_order);
	tcase_add_test(tc, a_worker_that_is_not_there_is_refused);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS;
}
