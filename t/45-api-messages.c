/*
 * t/45-api-messages.c - a message is delivered once and in order; how its
 * handler ends decides what is kept; its caller hears exactly one answer.
 *
 * Subscriptions: 45-api-events; handlers outside the turn: 45-api-outside.
 */
#include "45-api.h"

#define M "msgs/1"

static acta_value
event_at(acta_test *t, const char *topic, size_t index, const char *name)
{
	acta_cursor c =
	    acta_each(acta_test_actor(t), acta_test_events(t, topic));

	while (acta_next(&c))
		if (c.index == index) {
			acta_value data = acta_at(c.value, "data");

			return acta_at(
			    data.type == ACTA_MAP ? data : c.value, name);
		}
	return (acta_value){ ACTA_ABSENT, 0, { 0 } };
}

START_TEST(a_send_is_delivered_once_and_in_order)
{
	acta_test *t = node("msgs", "peer", NULL);
	static const char *const to[] = { "msgs/2", "msgs", "peer/2", "peer" };
	char want[512] = "";

	for (int i = 0; i < 100; i++)
		snprintf(
		    want + strlen(want), sizeof want - strlen(want), "%d,", i);
	for (size_t i = 0; i < sizeof to / sizeof to[0]; i++) {
		assert_ok(acta_test_call(t, M, "burst", acta_str("to", to[i]),
		    acta_int("count", 100)));
		acta_test_settle(t);
		assert_text(state_of(t, to[i], "log"), want);
		assert_text(state_of(t, to[i], "from"), M);
		assert_text(state_of(t, to[i], "sender"), M);
	}
	acta_test_free(&t);
}
END_TEST

START_TEST(an_actor_may_send_to_itself)
{
	acta_test *t = node("msgs", NULL, NULL);

	assert_ok(acta_test_call(
	    t, M, "burst", acta_str("to", M), acta_int("count", 3)));
	acta_test_settle(t);
	assert_text(state_of(t, M, "log"), "0,1,2,");
	acta_test_free(&t);
}
END_TEST

START_TEST(a_client_has_no_address)
{
	acta_test *t = node("msgs", NULL, NULL);

	acta_test_send(t, M, "note", acta_int("n", 1));
	acta_test_send(t, M, "note", acta_int("n", 2));
	acta_test_settle(t);
	assert_text(state_of(t, M, "log"), "1,2,");
	assert_text(state_of(t, M, "from"), "");
	assert_type(state_of(t, M, "sender"), ACTA_NIL);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_send_that_cannot_arrive_is_a_dead_letter)
{
	acta_test *t = node("msgs", "peer", NULL);

	/* An unknown service: of the sender, whose other effects stay. */
	assert_ok(acta_test_call(t, M, "relay", acta_str("to", "nosuch/1"),
	    acta_str("type", "note")));
	acta_test_settle(t);
	assert_int(state_of(t, M, "relayed"), 1);
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 1);
	ck_assert_uint_eq(acta_test_dead(t, "peer"), 0);
	/* The rest: of the receiver. */
	assert_ok(acta_test_call(t, M, "relay", acta_str("to", "peer/1"),
	    acta_str("type", "nosuch")));
	acta_test_settle(t);
	ck_assert_uint_eq(acta_test_dead(t, "peer"), 1);
	assert_ok(acta_test_call(t, M, "relay", acta_str("to", "peer/1"),
	    acta_str("type", "note"), acta_str("n", "one")));
	assert_ok(acta_test_call(
	    t, M, "relay", acta_str("to", "peer/1"), acta_str("type", "note")));
	acta_test_settle(t);
	ck_assert_uint_eq(acta_test_dead(t, "peer"), 3);
	assert_ok(acta_test_call(
	    t, M, "relay", acta_str("to", "peer/1"), acta_str("type", "own")));
	acta_test_settle(t);
	ck_assert_uint_eq(acta_test_dead(t, "peer"), 4);
	assert_ok(acta_test_call(t, M, "relay", acta_str("to", "msgs/2"),
	    acta_str("type", "nosuch"))); /* in the same partition, too */
	acta_test_settle(t);
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 2);
	assert_type(state_of(t, "peer/1", "log"), ACTA_ABSENT);
	assert_type(state_of(t, "peer/1", "inner"), ACTA_ABSENT);
	assert_ok(acta_test_call(t, "peer/1", "nothing", ACTA_NONE));
	acta_test_free(&t);
}
END_TEST

START_TEST(a_door_answers_what_cannot_be_run_without_a_dead_letter)
{
	acta_test *t = node("msgs", NULL, NULL);

	assert_refused(acta_test_call(t, "nosuch/1", "note", ACTA_NONE),
	    "unknown-service");
	assert_refused(
	    acta_test_call(t, M, "nosuch", ACTA_NONE), "unknown-type");
	assert_refused(acta_test_call(t, M, "note", ACTA_NONE), "bad-args");
	assert_refused(acta_test_call(t, M, "own", ACTA_NONE), "denied");
	assert_refused(acta_test_call(t, M, "inner", ACTA_NONE), "denied");
	acta_test_settle(t);
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 0);
	assert_type(state_of(t, M, "inner"), ACTA_ABSENT);
	acta_test_free(&t);
}
END_TEST

START_TEST(inside_is_for_services_and_private_for_the_actor_alone)
{
	acta_test *t = node("msgs", "peer", NULL);

	assert_ok(acta_test_call(t, M, "relay", acta_str("to", "peer/1"),
	    acta_str("type", "inner")));
	assert_ok(acta_test_call(t, M, "relay", acta_str("to", "msgs/2"),
	    acta_str("type", "inner")));
	acta_test_settle(t);
	assert_int(state_of(t, "peer/1", "inner"), 1);
	assert_int(state_of(t, "msgs/2", "inner"), 1);
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 0);
	assert_ok(acta_test_call(t, M, "relay", acta_str("to", "msgs/2"),
	    acta_str("type", "own"))); /* another actor of the service */
	acta_test_settle(t);
	assert_int(state_of(t, "msgs/2", "inner"), 1);
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 1);
	assert_ok(acta_test_call(t, M, "to-itself", ACTA_NONE));
	acta_test_settle(t);
	assert_int(state_of(t, M, "inner"), 1);
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 1);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_handler_that_does_not_reply_answers_nil)
{
	acta_test *t = node("msgs", NULL, NULL);
	acta_reply_view view = acta_test_call(t, M, "nothing", ACTA_NONE);

	assert_ok(view);
	assert_type(view.result, ACTA_NIL);
	ck_assert_str_eq(view.code, "");
	ck_assert_str_eq(view.text, "");
	view = acta_test_call(t, M, "answer-none", ACTA_NONE);
	assert_ok(view);
	assert_type(view.result, ACTA_MAP);
	ck_assert_uint_eq(view.result.size, 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_reply_where_nobody_asked_is_nothing)
{
	acta_test *t = node("msgs", NULL, NULL);

	acta_test_send(t, M, "answer", acta_int("n", 1));
	assert_ok(acta_test_call(t, M, "relay", acta_str("to", "msgs/2"),
	    acta_str("type", "answer")));
	acta_test_settle(t);
	assert_int(state_of(t, M, "answered"), 1);
	assert_int(state_of(t, "msgs/2", "answered"), 1);
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 0);
	acta_test_free(&t);
}
END_TEST

/* The effects of `effects`, each `n` times. */
static void
assert_effects(acta_test *t, int n)
{
	acta_test_advance(t, 5000);
	if (n == 0) {
		assert_type(state_of(t, M, "kept"), ACTA_ABSENT);
		assert_type(state_of(t, M, "sum"), ACTA_ABSENT);
		assert_text(state_of(t, M, "log"), "7,");
		assert_type(state_of(t, "msgs/effect", "log"), ACTA_ABSENT);
		assert_type(
		    state_of(t, "msgs/effect", "answered"), ACTA_ABSENT);
		assert_type(state_of(t, M, "answers"), ACTA_ABSENT);
		assert_type(state_of(t, M, "timed"), ACTA_ABSENT);
	} else {
		assert_int(state_of(t, M, "kept"), 1);
		assert_int(state_of(t, M, "sum"), n);
		assert_type(state_of(t, M, "log"), ACTA_ABSENT);
		assert_int(state_of(t, "msgs/effect", "answered"), n);
		assert_int(state_of(t, M, "answers"), n);
		assert_int(state_of(t, M, "timed"), 1); /* one timer a name */
		assert_text(state_of(t, M, "timed-from"), M);
	}
	ck_assert_uint_eq(acta_test_events(t, "msgs.effect").size, (size_t)n);
}

START_TEST(done_keeps_every_effect)
{
	acta_test *t = node("msgs", NULL, NULL);

	acta_test_send(t, M, "note", acta_int("n", 7));
	assert_ok(acta_test_call(t, M, "effects", ACTA_NONE));
	assert_effects(t, 2);
	assert_text(state_of(t, "msgs/effect", "log"), "1,1,");
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(reject_tells_the_caller_and_keeps_nothing_else)
{
	acta_test *t = node("msgs", NULL, NULL);
	static const char *const hows[] = { "reject", "reject-done",
		"reply-reject", "rejected" };
	acta_reply_view view;

	acta_test_send(t, M, "note", acta_int("n", 7));
	for (size_t i = 0; i < sizeof hows / sizeof hows[0]; i++) {
		view =
		    acta_test_call(t, M, "effects", acta_str("how", hows[i]));
		ck_assert_msg(!view.ok, "%s", hows[i]);
		if (strcmp(hows[i], "rejected") != 0)
			ck_assert_msg(strcmp(view.code, "no") == 0, "%s: %s",
			    hows[i], view.code);
		if (strcmp(hows[i], "reject") == 0)
			ck_assert_str_eq(view.text, "3 left of it");
	}
	assert_effects(t, 0);
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 0);
	ck_assert_int_eq(probe_int("msgs", "msgs_runs"), 4); /* no retries */
	/* The message is consumed: the next one is handled. */
	assert_ok(acta_test_call(t, M, "nothing", ACTA_NONE));
	acta_test_free(&t);
}
END_TEST

START_TEST(a_rejected_send_is_no_dead_letter)
{
	acta_test *t = node("msgs", NULL, NULL);

	acta_test_send(t, M, "note", acta_int("n", 7));
	acta_test_send(t, M, "effects", acta_str("how", "reject"));
	assert_ok(acta_test_call(t, "msgs/2", "relay", acta_str("to", M),
	    acta_str("type", "refuse")));
	acta_test_settle(t);
	assert_effects(t, 0);
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_failed_message_comes_again_and_then_is_done_once)
{
	acta_test *t = node("msgs", NULL, NULL);
	acta_reply_view view =
	    acta_test_call(t, M, "fail-until", acta_int("until", 3));
	int *attempts = probe("msgs", "msgs_attempts");
	char(*ids)[64] = probe("msgs", "msgs_ids");

	assert_ok(view);
	assert_int(acta_at(view.result, "attempt"), 3);
	assert_text(acta_at(view.result, "id"), ids[0]);
	acta_test_settle(t);
	ck_assert_int_eq(probe_int("msgs", "msgs_runs"), 3);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(attempts[i], i + 1);
		ck_assert_str_eq(ids[i], ids[0]);
	}
	assert_int(state_of(t, M, "tries"), 1); /* no traces of the others */
	assert_text(state_of(t, "msgs/effect", "log"), "1,");
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(after_five_attempts_with_backoff_it_is_a_dead_letter)
{
	acta_test *t = node("msgs", NULL, NULL);
	int64_t *times = probe("msgs", "msgs_times");
	static const int64_t least[] = { 80, 160, 320, 640 };
	acta_reply_view view = acta_test_call(t, M, "fail-until", ACTA_NONE);

	assert_refused(view, "failed"); /* not before it is a dead letter */
	acta_test_settle(t);
	acta_test_advance(t, 60000);
	ck_assert_int_eq(probe_int("msgs", "msgs_runs"), 5);
	for (int i = 0; i < 4; i++) { /* 100 ms, doubling, 0.2 of jitter */
		int64_t gap = times[i + 1] - times[i];

		ck_assert_int_ge(gap, least[i]);
		ck_assert_int_le(gap, least[i] * 2);
	}
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 1);
	assert_type(state_of(t, M, "tries"), ACTA_ABSENT);
	assert_type(state_of(t, "msgs/effect", "log"), ACTA_ABSENT);
	assert_ok(acta_test_call(t, M, "nothing", ACTA_NONE));
	acta_test_free(&t);
}
END_TEST

START_TEST(the_worst_of_status_and_calls_counts)
{
	acta_test *t = node("msgs", NULL, NULL);

	acta_test_send(t, M, "note", acta_int("n", 7));
	assert_refused(
	    acta_test_call(t, M, "effects", acta_str("how", "fail-done")),
	    "failed");
	ck_assert_int_eq(probe_int("msgs", "msgs_runs"), 5);
	assert_refused(
	    acta_test_call(t, M, "effects", acta_str("how", "failed")),
	    "failed");
	ck_assert_int_eq(probe_int("msgs", "msgs_runs"), 10);
	assert_effects(t, 0);
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 2);
	acta_test_free(&t);
}
END_TEST

START_TEST(later_messages_wait_behind_a_failed_one_but_other_actors_do_not)
{
	acta_test *t = node("msgs", NULL, NULL);
	char *trace = probe("msgs", "msgs_trace");
	char *ran;

	acta_test_send(t, "msgs/1", "fail-until", acta_int("until", 3));
	acta_test_send(t, "msgs/1", "note", acta_int("n", 1));
	acta_test_send(t, "msgs/2", "note", acta_int("n", 2));
	acta_test_send(t, "msgs/1", "note", acta_int("n", 3));
	assert_ok(acta_test_call(t, "msgs/3", "relay", acta_str("to", M),
	    acta_str("type", "note"), acta_int("n", 4)));
	assert_ok(acta_test_call(t, "msgs/2", "nothing", ACTA_NONE));
	acta_test_settle(t);
	acta_test_advance(t, 5000);
	/* What the last attempt sent to another actor may come at any place. */
	ran = strstr(trace, "effect:note,");
	ck_assert_ptr_nonnull(ran);
	memmove(ran, ran + 12, strlen(ran + 12) + 1);
	ck_assert_str_eq(trace,
	    "1:fail-until,2:note,3:relay,2:nothing,1:fail-until,1:fail-until,"
	    "1:note,1:note,1:note,");
	assert_text(state_of(t, "msgs/1", "log"), "1,3,4,");
	acta_test_free(&t);
}
END_TEST

START_TEST(they_go_on_behind_a_dead_letter)
{
	acta_test *t = node("msgs", "peer", NULL);

	assert_ok(acta_test_call(t, "peer/1", "relay", acta_str("to", M),
	    acta_str("type", "fail-until")));
	assert_ok(acta_test_call(
	    t, "peer/1", "burst", acta_str("to", M), acta_int("count", 10)));
	assert_ok(acta_test_call(t, "peer/1", "burst", acta_str("to", "msgs/2"),
	    acta_int("count", 2)));
	acta_test_settle(t);
	assert_text(state_of(t, "msgs/2", "log"), "0,1,");
	acta_test_advance(t, 10000);
	assert_text(state_of(t, M, "log"), "0,1,2,3,4,5,6,7,8,9,");
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 1);
	ck_assert_uint_eq(acta_test_dead(t, "peer"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_held_message_waits_for_resume_in_order_without_attempts)
{
	acta_test *t = node("msgs", NULL, NULL);
	int *attempts = probe("msgs", "msgs_attempts");
	int runs;

	assert_ok(acta_test_call(t, M, "open-after", acta_int("ms", 2000)));
	acta_test_send(t, M, "pass", acta_int("n", 1));
	acta_test_send(t, M, "pass", acta_int("n", 2));
	acta_test_advance(t, 1000);
	assert_type(state_of(t, M, "log"), ACTA_ABSENT);
	assert_type(state_of(t, M, "leak"), ACTA_ABSENT);
	acta_test_send(t, M, "pass", acta_int("n", 3));
	acta_test_advance(t, 2000); /* the timer does not wait behind them */
	assert_text(state_of(t, M, "log"), "1,2,3,");
	acta_test_send(t, M, "pass", acta_int("n", 4));
	acta_test_settle(t);
	assert_text(state_of(t, M, "log"), "1,2,3,4,");
	runs = probe_int("msgs", "msgs_runs");
	for (int i = 0; i < runs; i++)
		ck_assert_int_eq(attempts[i], 1);
	assert_type(state_of(t, "msgs/effect", "log"), ACTA_ABSENT);
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(newer_messages_wait_behind_a_held_one_but_other_actors_do_not)
{
	acta_test *t = node("msgs", NULL, NULL);

	assert_ok(acta_test_call(t, M, "open-after", acta_int("ms", 1000)));
	acta_test_send(t, M, "pass", acta_int("n", 1));
	acta_test_send(t, M, "note", acta_int("n", 2));
	acta_test_send(t, "msgs/2", "note", acta_int("n", 3));
	acta_test_advance(t, 100);
	assert_text(state_of(t, "msgs/2", "log"), "3,");
	assert_type(state_of(t, M, "log"), ACTA_ABSENT);
	acta_test_advance(t, 2000);
	assert_text(state_of(t, M, "log"), "1,2,");
	acta_test_free(&t);
}
END_TEST

START_TEST(an_answer_passes_held_messages)
{
	acta_test *t = node("msgs", "peer", NULL);

	assert_ok(acta_test_call(t, M, "open-by-ask",
	    acta_str("to", "peer/1"))); /* answered in a second */
	acta_test_send(t, M, "pass", acta_int("n", 1));
	acta_test_send(t, M, "pass", acta_int("n", 2));
	acta_test_advance(t, 3000);
	assert_text(state_of(t, M, "log"), "1,2,");
	acta_test_free(&t);
}
END_TEST

START_TEST(timers_and_answers_may_be_held_themselves)
{
	acta_test *t = node("msgs", "peer", NULL);

	assert_ok(acta_test_call(t, M, "open-after", acta_int("ms", 1000)));
	assert_ok(acta_test_call(t, M, "pass-by-timer", ACTA_NONE));
	acta_test_advance(t, 500); /* the third timer passes the first two */
	assert_text(state_of(t, M, "log"), "0,");
	ck_assert_int_eq(probe_int("msgs", "msgs_runs"), 2);
	acta_test_advance(t, 1000);
	assert_text(state_of(t, M, "log"), "0,1,2,");

	assert_ok(
	    acta_test_call(t, "msgs/2", "open-after", acta_int("ms", 1000)));
	assert_ok(acta_test_call(
	    t, "msgs/2", "pass-by-ask", acta_str("to", "peer/1")));
	acta_test_advance(t, 500);
	assert_type(state_of(t, "msgs/2", "log"), ACTA_ABSENT);
	acta_test_crash(t, "msgs", "gather", 1);
	acta_test_advance(t, 1000);
	assert_text(state_of(t, "msgs/2", "log"), "0,0,");
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_resume_of_a_refused_message_is_none)
{
	acta_test *t = node("msgs", NULL, NULL);

	assert_ok(acta_test_call(t, M, "reject-after", acta_int("ms", 100)));
	assert_ok(acta_test_call(t, M, "open-after", acta_int("ms", 1000)));
	acta_test_send(t, M, "pass", acta_int("n", 1));
	acta_test_advance(t, 500);
	ck_assert_int_eq(probe_int("msgs", "msgs_runs"), 1);
	assert_type(state_of(t, M, "log"), ACTA_ABSENT);
	acta_test_advance(t, 1000);
	assert_text(state_of(t, M, "log"), "1,");
	acta_test_free(&t);
}
END_TEST

START_TEST(held_messages_wait_through_restarts)
{
	acta_test *t = node("msgs", NULL, NULL);

	assert_ok(acta_test_call(t, M, "open-after", acta_int("ms", 3000)));
	for (int i = 1; i <= 4; i++)
		acta_test_send(t, M, "pass", acta_int("n", i));
	for (int i = 0; i < 3; i++) {
		acta_test_crash(t, "msgs", "gather", 1);
		assert_ok(acta_test_call(t, "msgs/2", "nothing", ACTA_NONE));
		acta_test_advance(t, 500);
		assert_type(state_of(t, M, "log"), ACTA_ABSENT);
	}
	acta_test_send(t, M, "pass", acta_int("n", 5));
	acta_test_advance(t, 3000);
	assert_text(state_of(t, M, "log"), "1,2,3,4,5,");
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_caller_waits_while_its_message_is_held)
{
	acta_test *t = node("msgs", NULL, NULL);
	acta_reply_view view;

	assert_ok(acta_test_call(t, M, "open-after", acta_int("ms", 2000)));
	view = acta_test_call(t, M, "pass", acta_int("n", 1));
	assert_ok(view);
	assert_int(acta_at(view.result, "attempt"), 1);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_message_may_be_held_more_often_than_it_may_fail)
{
	acta_test *t = node("msgs", NULL, NULL);

	assert_ok(acta_test_call(t, M, "resume-often", ACTA_NONE));
	assert_ok(acta_test_call(t, M, "open-after", acta_int("ms", 2050)));
	acta_test_send(t, M, "pass", acta_int("n", 1));
	acta_test_send(t, M, "pass", acta_int("n", 2));
	acta_test_advance(t, 2000);
	ck_assert_int_ge(acta_as_int(state_of(t, M, "resumed"), 0), 19);
	assert_type(state_of(t, M, "log"), ACTA_ABSENT);
	acta_test_advance(t, 1000);
	assert_text(state_of(t, M, "log"), "1,2,");
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_forwarded_call_is_answered_by_another)
{
	acta_test *t = node("msgs", "peer", NULL);
	static const char *const to[] = { "msgs/2", "peer/2" };

	for (size_t i = 0; i < 2; i++) {
		acta_reply_view view =
		    acta_test_call(t, M, "forward", acta_str("to", to[i]),
			acta_str("type", "answer"), acta_int("n", 4));

		assert_ok(view);
		assert_int(acta_at(view.result, "left"), 5);
		assert_text(acta_at(view.result, "from"), ""); /* a client */
		assert_int(state_of(t, to[i], "answered"), 1);
		assert_refused(
		    acta_test_call(t, M, "forward", acta_str("to", to[i]),
			acta_str("type", "refuse")),
		    "out-of-stock");
		assert_refused(
		    acta_test_call(t, M, "forward", acta_str("to", to[i]),
			acta_str("type", "fail-until")),
		    "failed");
	}
	assert_ok(acta_test_call(t, M, "forward-twice",
	    acta_str("by", "peer/1"), acta_str("to", "msgs/2")));
	assert_int(state_of(t, "msgs/2", "answered"), 2);
	assert_type(state_of(t, M, "answers"), ACTA_ABSENT);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_forward_that_cannot_arrive_is_answered_too)
{
	acta_test *t = node("msgs", "peer", NULL);
	static const char *const cases[][2] = { { "nosuch/1", "answer" },
		{ "peer/1", "nosuch" }, { "peer/1", "own" } };

	for (size_t i = 0; i < 3; i++) {
		acta_reply_view view = acta_test_call(t, M, "forward",
		    acta_str("to", cases[i][0]), acta_str("type", cases[i][1]));

		ck_assert_msg(!view.ok && strcmp(view.code, "timeout") != 0,
		    "%s %s: %s", cases[i][0], cases[i][1],
		    view.ok ? "ok" : view.code);
	}
	acta_test_free(&t);
}
END_TEST

START_TEST(a_forwarded_send_keeps_its_first_sender)
{
	acta_test *t = node("msgs", "peer", NULL);

	/* peer/1 asks msgs/1, which forwards to msgs/2: asked by peer/1. */
	assert_ok(acta_test_call(t, "peer/1", "ask", acta_str("to", M),
	    acta_str("type", "forward"), acta_str("next", "msgs/2"),
	    acta_str("next-type", "note"), acta_int("n", 1)));
	acta_test_settle(t);
	assert_text(state_of(t, "msgs/2", "from"), "peer/1");
	assert_text(state_of(t, "msgs/2", "sender"), "peer/1");
	acta_test_free(&t);
}
END_TEST

START_TEST(a_deferred_call_is_answered_by_the_token)
{
	acta_test *t = node("msgs", "peer", NULL);
	acta_reply_view view;

	view = acta_test_call(t, M, "defer", acta_int("ms", 1000));
	assert_ok(view);
	assert_text(acta_at(view.result, "by"), M);
	ck_assert_int_le(acta_as_int(state_of(t, M, "token-size"), 99), 63);
	ck_assert_int_gt(acta_as_int(state_of(t, M, "token-size"), 0), 0);
	view = acta_test_call(t, M, "defer", acta_str("to", "msgs/2"));
	assert_ok(view); /* by whom the token was sent to */
	assert_text(acta_at(view.result, "by"), "msgs/2");
	view = acta_test_call(t, M, "defer", acta_str("to", "peer/2"));
	assert_ok(view);
	assert_text(acta_at(view.result, "by"), "peer/2");
	acta_test_free(&t);
}
END_TEST

START_TEST(a_token_is_good_once)
{
	acta_test *t = node("msgs", "peer", NULL);

	/* The asker's answers are counted; the token is used four times. */
	for (int i = 0; i < 2; i++) {
		const char *to = i ? "peer/2" : "msgs/2";
		const char *asker = i ? "msgs/8" : "msgs/9";

		assert_ok(acta_test_call(t, asker, "ask", acta_str("to", to),
		    acta_str("type", "defer"), acta_int("within", 60000)));
		acta_test_settle(t);
		assert_type(state_of(t, asker, "answers"), ACTA_ABSENT);
		assert_ok(
		    acta_test_call(t, to, "finish", acta_str("how", "twice")));
		assert_ok(acta_test_call(t, to, "finish", ACTA_NONE));
		acta_test_settle(t);
		assert_int(state_of(t, asker, "answers"), 1);
		assert_int(state_of(t, asker, "outcome"), ACTA_ANSWERED);
		assert_text(state_of(t, asker, "answer-from"), to);
		assert_int(state_of(t, to, "finished"), 2);
	}
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 0);
	ck_assert_uint_eq(acta_test_dead(t, "peer"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_token_may_be_refused)
{
	acta_test *t = node("msgs", "peer", NULL);

	assert_ok(acta_test_call(t, M, "ask", acta_str("to", "peer/2"),
	    acta_str("type", "defer"), acta_int("within", 60000)));
	acta_test_settle(t);
	assert_ok(
	    acta_test_call(t, "peer/2", "finish", acta_str("how", "reject")));
	acta_test_settle(t);
	assert_int(state_of(t, M, "answers"), 1);
	assert_int(state_of(t, M, "outcome"), ACTA_REFUSED);
	assert_text(state_of(t, M, "code"), "too-late");
	assert_text(state_of(t, M, "text"), "no more");
	acta_test_free(&t);
}
END_TEST

START_TEST(a_late_reply_is_kept_for_a_client_that_asks_again)
{
	acta_test *t = node("msgs", NULL, NULL);
	acta_reply_view view =
	    acta_test_call(t, M, "defer", acta_int("ms", 7000));

	assert_refused(view, "timeout");
	acta_test_advance(t, 4000);
	assert_int(state_of(t, M, "finished"), 1);
	view = acta_test_retry(t);
	assert_ok(view);
	assert_text(acta_at(view.result, "by"), M);
	assert_int(state_of(t, M, "finished"), 1);
	ck_assert_str_eq(probe("msgs", "msgs_trace"), "1:defer,");
	acta_test_free(&t);
}
END_TEST

START_TEST(a_client_that_asks_again_gets_the_same_answer_and_one_effect)
{
	acta_test *t = node("msgs", NULL, NULL);
	acta_reply_view view;
	char unique[64];

	for (int n = 1; n <= 3; n++) {
		view = acta_test_call(t, M, "reply-and-count", ACTA_NONE);
		assert_ok(view);
		assert_int(acta_at(view.result, "n"), n);
		snprintf(unique, sizeof unique, "%s",
		    text_of(acta_at(view.result, "unique")));
		for (int i = 0; i < 3; i++) {
			view = acta_test_retry(t);
			assert_ok(view);
			assert_int(acta_at(view.result, "n"), n);
			assert_text(acta_at(view.result, "unique"), unique);
		}
		assert_int(state_of(t, M, "count"), n);
	}
	assert_refused(
	    acta_test_call(t, M, "refuse", ACTA_NONE), "out-of-stock");
	view = acta_test_retry(t);
	assert_refused(view, "out-of-stock");
	ck_assert_str_eq(view.text, "0 left");
	acta_test_free(&t);
}
END_TEST

START_TEST(an_event_is_in_the_log_once_it_is_committed)
{
	acta_test *t = node("msgs", NULL, NULL);

	ck_assert_uint_eq(acta_test_events(t, "msgs.said").size, 0);
	assert_ok(acta_test_call(t, M, "publish", acta_int("n", 3)));
	assert_ok(acta_test_call(t, "msgs/2", "publish", acta_int("n", 1)));
	acta_test_settle(t);
	assert_type(acta_test_events(t, "msgs.said"), ACTA_LIST);
	ck_assert_uint_eq(acta_test_events(t, "msgs.said").size, 4);
	for (size_t i = 0; i < 3; i++) {
		assert_int(event_at(t, "msgs.said", i, "i"), (int64_t)i);
		assert_text(event_at(t, "msgs.said", i, "what"), "x");
	}
	assert_int(event_at(t, "msgs.said", 3, "i"), 0);
	ck_assert_uint_eq(acta_test_events(t, "msgs.other").size, 0);
	acta_test_free(&t);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_send_is_delivered_once_and_in_order,
		an_actor_may_send_to_itself,
		a_client_has_no_address,
		a_send_that_cannot_arrive_is_a_dead_letter,
		a_door_answers_what_cannot_be_run_without_a_dead_letter,
		inside_is_for_services_and_private_for_the_actor_alone,
		a_handler_that_does_not_reply_answers_nil,
		a_reply_where_nobody_asked_is_nothing,
		done_keeps_every_effect,
		reject_tells_the_caller_and_keeps_nothing_else,
		a_rejected_send_is_no_dead_letter,
		a_failed_message_comes_again_and_then_is_done_once,
		after_five_attempts_with_backoff_it_is_a_dead_letter,
		the_worst_of_status_and_calls_counts,
		later_messages_wait_behind_a_failed_one_but_other_actors_do_not,
		they_go_on_behind_a_dead_letter,
		a_held_message_waits_for_resume_in_order_without_attempts,
		newer_messages_wait_behind_a_held_one_but_other_actors_do_not,
		an_answer_passes_held_messages,
		timers_and_answers_may_be_held_themselves,
		a_resume_of_a_refused_message_is_none,
		held_messages_wait_through_restarts,
		a_caller_waits_while_its_message_is_held,
		a_message_may_be_held_more_often_than_it_may_fail,
		a_forwarded_call_is_answered_by_another,
		a_forward_that_cannot_arrive_is_answered_too,
		a_forwarded_send_keeps_its_first_sender,
		a_deferred_call_is_answered_by_the_token,
		a_token_is_good_once,
		a_token_may_be_refused,
		a_late_reply_is_kept_for_a_client_that_asks_again,
		a_client_that_asks_again_gets_the_same_answer_and_one_effect,
		an_event_is_in_the_log_once_it_is_committed,
		NULL,
	};

	return run_tests("api-messages", tests);
}
