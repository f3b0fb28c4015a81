/*
 * t/45-api-timers.c - a timer is a message to oneself: at its time, in order,
 * without drift, one a name, and through restarts.
 */
#include "45-api.h"

#define C "clock/1"
#define LATE_MS 5 /* what a timer may be late in simulated time */

static void
set(acta_test *t, const char *name, const char *tag, int64_t after,
    int64_t every)
{
	assert_ok(acta_test_call(t, C, "set", acta_str("name", name),
	    acta_str("tag", tag), acta_int("after", after),
	    acta_int("every", every)));
}

static int64_t
count(acta_test *t)
{
	return acta_as_int(state_of(t, C, "count"), 0);
}

START_TEST(a_timer_is_a_message_to_oneself_after_its_time)
{
	acta_test *t = node("clock", NULL, NULL);

	set(t, "a", "t", 1000, 0);
	acta_test_settle(t);
	ck_assert_int_eq(count(t), 0);
	acta_test_advance(t, 990);
	ck_assert_int_eq(count(t), 0);
	acta_test_advance(t, 20);
	ck_assert_int_eq(count(t), 1);
	assert_text(state_of(t, C, "log"), "t,");
	assert_text(state_of(t, C, "from"), C);
	assert_text(state_of(t, C, "type"), "fired");
	assert_int(state_of(t, C, "n"), 7);
	acta_test_advance(t, 100000);
	ck_assert_int_eq(count(t), 1); /* once */
	acta_test_free(&t);
}
END_TEST

START_TEST(without_a_time_it_runs_at_once)
{
	acta_test *t = node("clock", NULL, NULL);

	assert_ok(acta_test_call(t, C, "set", acta_str("name", "a")));
	acta_test_settle(t);
	acta_test_advance(t, 1);
	ck_assert_int_eq(count(t), 1);
	set(t, "a", "t", 0, 0);
	acta_test_settle(t);
	acta_test_advance(t, 1);
	ck_assert_int_eq(count(t), 2);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_far_timer_waits)
{
	acta_test *t = node("clock", NULL, NULL);
	const int64_t year = 365 * 86400000LL;

	set(t, "a", "t", 10 * year, 0);
	acta_test_advance(t, 10 * year - 1000);
	ck_assert_int_eq(count(t), 0);
	acta_test_advance(t, 2000);
	ck_assert_int_eq(count(t), 1);
	acta_test_free(&t);
}
END_TEST

START_TEST(timers_fire_in_the_order_of_their_times)
{
	acta_test *t = node("clock", NULL, NULL);

	set(t, "c", "c", 3000, 0);
	set(t, "a", "a", 1000, 0);
	set(t, "b", "b", 2000, 0);
	set(t, "d", "d", 40000, 0);
	acta_test_advance(t, 10000);
	assert_text(state_of(t, C, "log"), "a,b,c,");
	acta_test_advance(t, 40000);
	assert_text(state_of(t, C, "log"), "a,b,c,d,");
	acta_test_free(&t);
}
END_TEST

START_TEST(every_runs_again_and_again_without_drift)
{
	acta_test *t = node("clock", NULL, NULL);
	char name[16];

	set(t, "a", "t", 50, 100);
	for (int i = 0; i < 200;
	     i++) /* odd steps: no phase of the test's own */
		acta_test_advance(t, 37);
	ck_assert_int_ge(count(t), 73);
	ck_assert_int_le(count(t), 74);
	for (int i = 1; i <= 73; i++) {
		int64_t at;

		snprintf(name, sizeof name, "at/%05d", i);
		at = acta_as_int(state_of(t, C, name), -1);
		ck_assert_int_ge(at, 50 + (i - 1) * 100);
		ck_assert_int_le(at, 50 + (i - 1) * 100 + LATE_MS);
	}
	acta_test_free(&t);
}
END_TEST

START_TEST(every_alone_begins_at_once)
{
	acta_test *t = node("clock", NULL, NULL);

	assert_ok(acta_test_call(
	    t, C, "set", acta_str("name", "a"), acta_int("every", 1000)));
	acta_test_settle(t);
	acta_test_advance(t, 10);
	ck_assert_int_eq(count(t), 1); /* acta_after: default 0 */
	acta_test_advance(t, 500);
	ck_assert_int_eq(count(t), 1);
	acta_test_advance(t, 1000);
	ck_assert_int_eq(count(t), 2);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_timer_set_anew_replaces_the_old_one)
{
	acta_test *t = node("clock", NULL, NULL);

	set(t, "a", "old", 1000, 0);
	set(t, "b", "other", 1500, 0);
	set(t, "a", "new", 2000, 0);
	acta_test_advance(t, 1800);
	assert_text(state_of(t, C, "log"), "other,");
	acta_test_advance(t, 1000);
	assert_text(state_of(t, C, "log"), "other,new,");
	/* Of a periodic one, too; and another actor's is another. */
	set(t, "p", "p", 100, 100);
	assert_ok(acta_test_call(t, "clock/2", "set", acta_str("name", "p"),
	    acta_int("after", 100), acta_int("every", 100)));
	set(t, "p", "q", 350, 0);
	acta_test_advance(t, 1000);
	assert_text(state_of(t, C, "log"), "other,new,q,");
	ck_assert_int_ge(acta_as_int(state_of(t, "clock/2", "count"), 0), 9);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_cancelled_timer_does_not_run)
{
	acta_test *t = node("clock", NULL, NULL);

	set(t, "a", "a", 1000, 0);
	set(t, "b", "b", 1000, 1000);
	set(t, "c", "c", 1000, 0);
	assert_ok(acta_test_call(t, C, "cancel", acta_str("name", "a")));
	assert_ok(acta_test_call(t, C, "cancel", acta_str("name", "b")));
	assert_ok(acta_test_call(t, C, "cancel", acta_str("name", "nosuch")));
	acta_test_advance(t, 5000);
	assert_text(state_of(t, C, "log"), "c,");
	assert_ok(acta_test_call(t, C, "cancel", acta_str("name", "c")));
	set(t, "a", "again", 1000, 0);
	acta_test_advance(t, 5000);
	assert_text(state_of(t, C, "log"), "c,again,");
	acta_test_free(&t);
}
END_TEST

START_TEST(in_one_call_the_last_word_on_a_timer_counts)
{
	acta_test *t = node("clock", NULL, NULL);

	assert_ok(acta_test_call(t, C, "juggle", ACTA_NONE));
	acta_test_advance(t, 1000);
	assert_text(state_of(t, C, "log"), "a2,c1,");
	acta_test_free(&t);
}
END_TEST

START_TEST(a_periodic_timer_may_end_itself_and_another_renew_itself)
{
	acta_test *t = node("clock", NULL, NULL);

	assert_ok(acta_test_call(t, C, "three-times", ACTA_NONE));
	assert_ok(acta_test_call(t, C, "chain", ACTA_NONE));
	acta_test_advance(t, 5000);
	assert_int(state_of(t, C, "three"), 3);
	assert_int(state_of(t, C, "chain"), 5);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_timer_of_a_refused_message_is_not_set)
{
	acta_test *t = node("clock", NULL, NULL);

	set(t, "a", "old", 1000, 0);
	assert_refused(acta_test_call(t, C, "set", acta_str("name", "a"),
			   acta_str("tag", "new"), acta_int("after", 10),
			   acta_bool("reject", true)),
	    "no");
	assert_refused(acta_test_call(t, C, "set", acta_str("name", "b"),
			   acta_int("after", 10), acta_bool("reject", true)),
	    "no");
	acta_test_advance(t, 5000);
	assert_text(state_of(t, C, "log"), "old,");
	acta_test_free(&t);
}
END_TEST

START_TEST(deleting_the_actor_ends_its_timers)
{
	acta_test *t = node("clock", NULL, NULL);

	set(t, "a", "a", 1000, 0);
	set(t, "b", "b", 1000, 100);
	assert_ok(acta_test_call(t, "clock/2", "set", acta_str("name", "a"),
	    acta_int("after", 1000)));
	assert_ok(acta_test_call(t, C, "delete-all", ACTA_NONE));
	acta_test_advance(t, 5000);
	ck_assert_int_eq(count(t), 0);
	assert_int(state_of(t, "clock/2", "count"), 1);
	set(t, "a", "anew", 10, 0);
	acta_test_advance(t, 100);
	assert_text(state_of(t, C, "log"), "anew,");
	acta_test_free(&t);
}
END_TEST

START_TEST(a_timer_that_fails_comes_again)
{
	acta_test *t = node("clock", NULL, NULL);

	assert_ok(acta_test_call(t, C, "fails-first", ACTA_NONE));
	acta_test_advance(t, 5000);
	assert_int(state_of(t, C, "failing"), 1);
	assert_int(state_of(t, C, "attempt"), 3);
	ck_assert_uint_eq(acta_test_dead(t, "clock"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(what_a_waiting_actor_misses_runs_once)
{
	acta_test *t = node("clock", NULL, NULL);

	set(t, "a", "t", 100, 100);
	acta_test_send(t, C, "stuck", ACTA_NONE);
	acta_test_advance(t, 1050);
	/* One for those of the 700 ms, then one each 100 ms. */
	ck_assert_int_ge(count(t), 3);
	ck_assert_int_le(count(t), 5);
	ck_assert_uint_eq(acta_test_dead(t, "clock"), 0);
	int64_t before = count(t);
	acta_test_advance(t, 1000);
	ck_assert_int_eq(count(t), before + 10);
	acta_test_free(&t);
}
END_TEST

START_TEST(timers_survive_restarts)
{
	acta_test *t = node("clock", NULL, NULL);

	set(t, "a", "once", 10000, 0);
	set(t, "b", "again", 4000, 3000);
	for (int i = 0; i < 3; i++) {
		acta_test_crash(t, "clock", "gather", 1);
		assert_ok(acta_test_call(t, C, "get", ACTA_NONE));
		acta_test_advance(t, 1000);
	}
	ck_assert_int_eq(count(t), 0);
	acta_test_advance(t, 8000); /* 4, 7 and 10 s of the one, the other */
	ck_assert_int_eq(count(t), 4);
	acta_test_crash(t, "clock", "gather", 1);
	assert_ok(acta_test_call(t, C, "get", ACTA_NONE));
	acta_test_advance(t, 6000);
	ck_assert_int_eq(count(t), 6);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_timer_runs_once_wherever_its_service_is_killed)
{
	static const char *const points[] = { "gather", "handler", "commit",
		"committed", "released" };

	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
		for (uint32_t nth = 1; nth <= 4; nth++) {
			acta_test *t = node("clock", NULL, NULL);

			set(t, "a", "a", 100, 0);
			set(t, "b", "b", 200, 0);
			acta_test_crash(t, "clock", points[i], nth);
			acta_test_advance(t, 10000);
			ck_assert_msg(is_text(state_of(t, C, "log"), "a,b,"),
			    "%s %u: %s", points[i], nth,
			    text_of(state_of(t, C, "log")));
			acta_test_free(&t);
		}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_timer_is_a_message_to_oneself_after_its_time,
		without_a_time_it_runs_at_once,
		a_far_timer_waits,
		timers_fire_in_the_order_of_their_times,
		every_runs_again_and_again_without_drift,
		every_alone_begins_at_once,
		a_timer_set_anew_replaces_the_old_one,
		a_cancelled_timer_does_not_run,
		in_one_call_the_last_word_on_a_timer_counts,
		a_periodic_timer_may_end_itself_and_another_renew_itself,
		a_timer_of_a_refused_message_is_not_set,
		deleting_the_actor_ends_its_timers,
		a_timer_that_fails_comes_again,
		what_a_waiting_actor_misses_runs_once,
		timers_survive_restarts,
		a_timer_runs_once_wherever_its_service_is_killed,
		NULL,
	};

	return run_tests("api-timers", tests);
}
