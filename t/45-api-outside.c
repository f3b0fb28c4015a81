/*
 * 45-api-outside.c - claim: a handler that is ACTA_OUTSIDE does as acta.h says:
 * it runs at least once, after its message is durable; its actor takes no other
 * message meanwhile; what it puts and sends is one commit at its end; its id is the
 * same on every attempt.
 */
#include "t/45-api.h"

static acta_test *t;

static void
setup(void)
{
	t = node("outside", NULL, NULL);
}

static void
teardown(void)
{
	acta_test_free(&t);
}

static int *
acts(void)
{
	return probe("outside", "acts");
}

static int64_t
number(const char *who, const char *row)
{
	return acta_as_int(acta_test_state(t, who, row), 0);
}

static void
ck_text(const char *who, const char *row, const char *want)
{
	ck_assert_str_eq(text_of(acta_test_state(t, who, row)), want);
}

START_TEST(what_it_puts_and_sends_is_kept)
{
	acta_reply_view reply =
	    acta_test_call(t, "outside/a", "told", acta_str("text", "before"));

	ck_assert(reply.ok);
	reply = acta_test_call(t, "outside/a", "act", ACTA_NONE);
	ck_assert_msg(reply.ok, "%s: %s", reply.code, reply.text);
	ck_assert_int_eq(acta_as_int(acta_at(reply.result, "n"), 0), 1);
	acta_test_settle(t);
	ck_assert_int_eq(*acts(), 1);
	ck_text("outside/a", "seen", "before "); /* it read its rows */
	ck_assert_int_eq(number("outside/a", "row/1"), 1);
	ck_text("outside/other", "told", "sent ");
	ck_assert_int_eq(number("outside/a", "echoed"), 1);
	ck_assert_int_eq(number("outside", "heard"), 1);
	ck_assert_uint_eq(acta_test_events(t, "outside.acted").size, 1);
	acta_test_advance(t, 2000);
	ck_text("outside/a", "told", "before timer ");
}
END_TEST

START_TEST(a_timer_that_it_sets_anew_or_cancels_fires_once_or_never)
{
	ck_assert(acta_test_call(t, "outside/a", "act", ACTA_NONE).ok);
	ck_assert(acta_test_call(t, "outside/a", "act", ACTA_NONE).ok);
	ck_assert(acta_test_call(t, "outside/b", "act", ACTA_NONE).ok);
	ck_assert(acta_test_call(t, "outside/b", "cancel", ACTA_NONE).ok);
	acta_test_advance(t, 5000);
	ck_text("outside/a", "told", "timer ");
	ck_assert_int_eq(
	    acta_test_state(t, "outside/b", "told").type, ACTA_ABSENT);
}
END_TEST

START_TEST(a_repeat_of_its_call_does_not_run_it_again)
{
	ck_assert(acta_test_call(t, "outside/a", "act", ACTA_NONE).ok);
	ck_assert(acta_test_retry(t).ok);
	acta_test_settle(t);
	ck_assert_int_eq(*acts(), 1);
	ck_assert_int_eq(number("outside/a", "done"), 1);
}
END_TEST

START_TEST(nothing_is_kept_of_one_that_refuses)
{
	acta_reply_view reply =
	    acta_test_call(t, "outside/a", "refuse", ACTA_NONE);

	ck_assert_str_eq(reply.code, "no");
	ck_assert_int_eq(*acts(), 1);
	ck_assert_int_eq(number("outside/a", "refused"), 0);
}
END_TEST

START_TEST(one_that_fails_is_tried_again_under_the_same_id)
{
	*(int *)probe("outside", "fails") = 2;
	acta_test_send(t, "outside/a", "act", ACTA_NONE);
	acta_test_settle(t);
	acta_test_advance(t, 60000);
	ck_assert_int_eq(*acts(), 3);
	ck_assert_int_eq(probe_int("outside", "same_id"), 1);
	ck_assert_int_eq(number("outside/a", "done"), 1);
	ck_text("outside/other", "told", "sent ");
	ck_assert_uint_eq(acta_test_events(t, "outside.acted").size, 1);
}
END_TEST

START_TEST(one_that_goes_on_failing_is_a_dead_letter)
{
	*(int *)probe("outside", "fails") = 100;
	acta_test_send(t, "outside/a", "act", ACTA_NONE);
	acta_test_settle(t);
	acta_test_advance(t, 600000);
	ck_assert_uint_eq(acta_test_dead(t, "outside"), 1);
	ck_assert_int_eq(*acts(), 5);
	ck_assert_int_eq(number("outside/a", "done"), 0);
	*(int *)probe("outside", "fails") = 0;
}
END_TEST

START_TEST(its_answer_may_be_put_off)
{
	acta_test_send(t, "outside/a", "put-off", ACTA_NONE);
	acta_test_settle(t);
	ck_assert_str_ne(text_of(acta_test_state(t, "outside/a", "token")), "");
	ck_assert(acta_test_call(t, "outside/a", "answer", ACTA_NONE).ok);
	acta_test_settle(t);
	ck_assert_uint_eq(acta_test_dead(t, "outside"), 0);
}
END_TEST

/* Killed before it is run: it was durable, so it is run by the next process.
 * Killed when it has run and nothing of that is durable: it is run again. */
START_TEST(a_kill_before_it_or_after_it_runs_it_again)
{
	static const struct {
		const char *point;
		uint32_t nth;
		int runs;
	} kills[] = { { "outside", 1, 1 }, { "commit", 2, 2 } };

	acta_test_crash(t, "outside", kills[_i].point, kills[_i].nth);
	acta_test_send(t, "outside/a", "act", ACTA_NONE);
	acta_test_settle(t);
	acta_test_advance(t, 10000);
	ck_assert_int_eq(*acts(), kills[_i].runs);
	ck_assert_int_eq(number("outside/a", "done"), 1);
	ck_text("outside/other", "told", "sent ");
	ck_assert_int_eq(number("outside", "heard"), 1);
}
END_TEST

/* ---------------------------------------------------------------- storm -- */

static void
scenario(acta_test *node_)
{
	t = node_;
	for (int i = 0; i < 3; i++) {
		acta_reply_view reply =
		    acta_test_call(t, "outside/a", "act", ACTA_NONE);

		for (int tries = 0; !reply.ok && tries < 20; tries++)
			reply = acta_test_retry(t);
		ck_assert_int_eq(
		    acta_as_int(acta_at(reply.result, "n"), 0), i + 1);
	}
}

static bool
once_each(acta_test *node_)
{
	t = node_;
	return number("outside/a", "done") == 3 &&
	    number("outside", "heard") == 1 + 2 + 3 &&
	    strcmp(text_of(acta_test_state(t, "outside/other", "told")),
		"sent sent sent ") == 0;
}

START_TEST(its_effects_are_one_commit_whatever_ends_when)
{
	const char *services[] = { service_path("outside"), NULL };

	ck_assert(acta_test_storm(services, 200, scenario, once_each));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("outside");
	TCase *tc = tcase_create("outside"), *storm = tcase_create("storm");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_it_puts_and_sends_is_kept);
	tcase_add_test(
	    tc, a_timer_that_it_sets_anew_or_cancels_fires_once_or_never);
	tcase_add_test(tc, a_repeat_of_its_call_does_not_run_it_again);
	tcase_add_test(tc, nothing_is_kept_of_one_that_refuses);
	tcase_add_test(tc, one_that_fails_is_tried_again_under_the_same_id);
	tcase_add_test(tc, one_that_goes_on_failing_is_a_dead_letter);
	tcase_add_test(tc, its_answer_may_be_put_off);
	tcase_add_loop_test(
	    tc, a_kill_before_it_or_after_it_runs_it_again, 0, 2);
	suite_add_tcase(suite, tc);
	tcase_set_timeout(storm, 120);
	tcase_add_test(storm, its_effects_are_one_commit_whatever_ends_when);
	suite_add_tcase(suite, storm);
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
