/*
 * t/45-api-ask.c - a question ends once: answered, refused, undelivered or
 * timed out; and the asker hears which, with what it kept. Every case twice:
 * asked of an actor of the same partition, and of another service.
 */
#include "45-api.h"

#define ASKER "msgs/asker"

static const char *const others[] = { "msgs/2", "peer/2" };
#define OTHERS (sizeof others / sizeof others[0])

static acta_test *
two(void)
{
	return node("msgs", "peer", NULL);
}

/* The outcome of the one question that `asker` has put, settled. */
static void
assert_outcome(
    acta_test *t, const char *asker, acta_outcome outcome, const char *code)
{
	acta_test_settle(t);
	assert_int(state_of(t, asker, "answers"), 1);
	assert_int(state_of(t, asker, "outcome"), outcome);
	assert_text(state_of(t, asker, "code"), code);
}

static const char *
asker(size_t i)
{
	return i == 0 ? "msgs/asker" : "msgs/asker-2";
}

START_TEST(an_answer_comes_with_its_fields_and_what_was_kept)
{
	acta_test *t = two();

	for (size_t i = 0; i < OTHERS; i++) {
		assert_ok(acta_test_call(t, asker(i), "ask",
		    acta_str("to", others[i]), acta_str("type", "answer"),
		    acta_int("n", 4)));
		assert_outcome(t, asker(i), ACTA_ANSWERED, "");
		assert_text(state_of(t, asker(i), "text"), "");
		/* the other saw n = 4, not the n that was kept */
		assert_int(state_of(t, asker(i), "left"), 5);
		assert_text(state_of(t, asker(i), "answer-from"), others[i]);
		assert_text(state_of(t, asker(i), "answer-sender"), others[i]);
		assert_text(state_of(t, asker(i), "tag"), "mine");
		assert_int(state_of(t, asker(i), "kept-n"), 9);
		assert_text(state_of(t, asker(i), "kept-self"), asker(i));
		assert_int(state_of(t, asker(i), "kept-size"), 3);
		assert_bool(state_of(t, asker(i), "absent"), false);
		assert_text(state_of(t, asker(i), "note"), ""); /* optional */
	}
	acta_test_free(&t);
}
END_TEST

START_TEST(the_one_asked_sees_who_asked)
{
	acta_test *t = two();

	for (size_t i = 0; i < OTHERS; i++) {
		assert_ok(acta_test_call(t, asker(i), "ask",
		    acta_str("to", others[i]), acta_str("type", "note"),
		    acta_int("n", 1)));
		acta_test_settle(t);
		assert_text(state_of(t, others[i], "from"), asker(i));
	}
	acta_test_free(&t);
}
END_TEST

START_TEST(an_actor_may_ask_itself)
{
	acta_test *t = two();

	assert_ok(acta_test_call(t, ASKER, "ask", acta_str("to", ASKER),
	    acta_str("type", "answer"), acta_int("n", 1)));
	assert_outcome(t, ASKER, ACTA_ANSWERED, "");
	assert_int(state_of(t, ASKER, "left"), 2);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_refusal_brings_code_and_text_and_no_args)
{
	acta_test *t = two();

	for (size_t i = 0; i < OTHERS; i++) {
		assert_ok(acta_test_call(t, asker(i), "ask",
		    acta_str("to", others[i]), acta_str("type", "refuse")));
		assert_outcome(t, asker(i), ACTA_REFUSED, "out-of-stock");
		assert_text(state_of(t, asker(i), "text"), "0 left");
		assert_int(state_of(t, asker(i), "left"), 0);
		assert_text(state_of(t, asker(i), "note"), "");
		assert_bool(state_of(t, asker(i), "absent"), true);
		assert_text(state_of(t, asker(i), "tag"), "mine");
		assert_int(state_of(t, asker(i), "kept-size"), 3);
	}
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 0);
	ck_assert_uint_eq(acta_test_dead(t, "peer"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(what_is_not_applied_comes_back_undelivered)
{
	acta_test *t = two();
	static const struct {
		const char *to, *type, *code;
	} cases[] = {
		{ "nosuch/1", "answer", "unknown-service" },
		{ "msgs/2", "nosuch", "unknown-type" },
		{ "peer/2", "nosuch", "unknown-type" },
		{ "msgs/2", "note", "bad-args" },
		{ "peer/2", "note", "bad-args" },
		{ "msgs/2", "own", "denied" },
		{ "peer/2", "own", "denied" },
		{ "msgs/2", "fail-until", "failed" },
		{ "peer/2", "fail-until", "failed" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char who[32];

		snprintf(who, sizeof who, "msgs/a%zu", i);
		assert_ok(
		    acta_test_call(t, who, "ask", acta_str("to", cases[i].to),
			acta_str("type", cases[i].type)));
		acta_test_advance(t, 4000);
		ck_assert_msg(is_text(state_of(t, who, "code"), cases[i].code),
		    "%s %s: %s", cases[i].to, cases[i].type,
		    text_of(state_of(t, who, "code")));
		assert_outcome(t, who, ACTA_UNDELIVERED, cases[i].code);
		assert_bool(state_of(t, who, "absent"), true);
		assert_text(state_of(t, who, "tag"), "mine");
	}
	acta_test_free(&t);
}
END_TEST

START_TEST(inside_types_may_be_asked_for)
{
	acta_test *t = two();

	for (size_t i = 0; i < OTHERS; i++) {
		assert_ok(acta_test_call(t, asker(i), "ask",
		    acta_str("to", others[i]), acta_str("type", "inner")));
		assert_outcome(t, asker(i), ACTA_ANSWERED, "");
	}
	acta_test_free(&t);
}
END_TEST

START_TEST(without_an_answer_it_times_out_after_five_seconds)
{
	acta_test *t = two();

	for (size_t i = 0; i < OTHERS; i++) {
		assert_ok(acta_test_call(t, asker(i), "ask",
		    acta_str("to", others[i]), acta_str("type", "defer")));
		acta_test_advance(t, 4900);
		assert_type(state_of(t, asker(i), "answers"), ACTA_ABSENT);
		acta_test_advance(t, 200);
		assert_outcome(t, asker(i), ACTA_TIMED_OUT, "timeout");
		assert_bool(state_of(t, asker(i), "absent"), true);
		assert_text(state_of(t, asker(i), "tag"), "mine");
	}
	acta_test_free(&t);
}
END_TEST

START_TEST(within_says_how_long_to_wait)
{
	acta_test *t = two();

	for (size_t i = 0; i < OTHERS; i++) {
		int64_t took;

		assert_ok(acta_test_call(t, asker(i), "ask",
		    acta_str("to", others[i]), acta_str("type", "defer"),
		    acta_int("within", 300)));
		acta_test_advance(t, 10000);
		assert_outcome(t, asker(i), ACTA_TIMED_OUT, "timeout");
		took = acta_as_int(state_of(t, asker(i), "took"), 0);
		ck_assert_int_ge(took, 300);
		ck_assert_int_lt(took, 400);
	}
	/* Seven days are the most. */
	assert_ok(acta_test_call(t, "msgs/9", "ask", acta_str("to", "peer/9"),
	    acta_str("type", "defer"), acta_int("within", 7 * 86400000LL)));
	acta_test_advance(t, 7 * 86400000LL - 60000);
	assert_type(state_of(t, "msgs/9", "answers"), ACTA_ABSENT);
	acta_test_advance(t, 120000);
	assert_outcome(t, "msgs/9", ACTA_TIMED_OUT, "timeout");
	acta_test_free(&t);
}
END_TEST

START_TEST(a_late_answer_is_dropped)
{
	acta_test *t = two();

	for (size_t i = 0; i < OTHERS; i++) {
		assert_ok(acta_test_call(t, asker(i), "ask",
		    acta_str("to", others[i]), acta_str("type", "defer"),
		    acta_int("within", 300), acta_int("ms", 1000)));
		acta_test_advance(t, 5000);
		assert_int(state_of(t, others[i], "finished"), 1);
		assert_outcome(t, asker(i), ACTA_TIMED_OUT, "timeout");
	}
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 0);
	ck_assert_uint_eq(acta_test_dead(t, "peer"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(what_has_not_begun_by_its_deadline_is_not_run)
{
	acta_test *t = two();

	for (size_t i = 0; i < OTHERS; i++) {
		/* One that fails stands before it for 300 ms and more. */
		acta_test_send(
		    t, others[i], "fail-until", acta_int("until", 4));
		assert_ok(acta_test_call(t, asker(i), "ask",
		    acta_str("to", others[i]), acta_str("type", "answer"),
		    acta_int("within", 50)));
		acta_test_advance(t, 5000);
		acta_test_settle(t);
		assert_int(state_of(t, others[i], "tries"), 1);
		assert_type(state_of(t, others[i], "answered"), ACTA_ABSENT);
		assert_int(state_of(t, asker(i), "answers"), 1);
		ck_assert_int_ne(
		    acta_as_int(state_of(t, asker(i), "outcome"), -1),
		    ACTA_ANSWERED);
	}
	/* A send has no deadline. */
	acta_test_send(t, "peer/3", "fail-until", acta_int("until", 4));
	assert_ok(acta_test_call(t, ASKER, "relay", acta_str("to", "peer/3"),
	    acta_str("type", "answer")));
	acta_test_advance(t, 5000);
	assert_int(state_of(t, "peer/3", "answered"), 1);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_failure_that_passes_is_an_answer)
{
	acta_test *t = two();

	for (size_t i = 0; i < OTHERS; i++) {
		assert_ok(acta_test_call(t, asker(i), "ask",
		    acta_str("to", others[i]), acta_str("type", "fail-until"),
		    acta_int("until", 3)));
		acta_test_advance(t, 3000);
		assert_outcome(t, asker(i), ACTA_ANSWERED, "");
		assert_int(state_of(t, asker(i), "left"), 3);
	}
	acta_test_free(&t);
}
END_TEST

START_TEST(an_answer_is_checked_as_its_handler_declares)
{
	acta_test *t = two();
	static const char *const types[] = { "answer-wrong", "answer-none",
		"nothing" };
	size_t dead = 0;

	for (size_t i = 0; i < OTHERS; i++)
		for (size_t j = 0; j < sizeof types / sizeof types[0]; j++) {
			assert_ok(acta_test_call(t, ASKER, "ask",
			    acta_str("to", others[i]),
			    acta_str("type", types[j])));
			acta_test_advance(t, 10000);
			assert_type(state_of(t, ASKER, "answers"), ACTA_ABSENT);
			ck_assert_msg(acta_test_dead(t, "msgs") == ++dead,
			    "%s %s: %zu, not %zu", others[i], types[j],
			    acta_test_dead(t, "msgs"), dead);
		}
	acta_test_free(&t);
}
END_TEST

START_TEST(a_forwarded_question_is_answered_by_the_last)
{
	acta_test *t = two();

	for (size_t i = 0; i < OTHERS; i++) {
		const char *by = i == 0 ? "peer/5" : "msgs/5";

		assert_ok(acta_test_call(t, asker(i), "ask", acta_str("to", by),
		    acta_str("type", "forward"), acta_str("next", others[i]),
		    acta_str("next-type", "answer"), acta_int("n", 1)));
		assert_outcome(t, asker(i), ACTA_ANSWERED, "");
		assert_int(state_of(t, asker(i), "left"), 2);
		assert_text(state_of(t, asker(i), "answer-from"), others[i]);
		assert_int(state_of(t, by, "forwarded"), 1);
		assert_type(state_of(t, by, "answers"), ACTA_ABSENT);
	}
	acta_test_free(&t);
}
END_TEST

START_TEST(a_forward_hands_on_the_same_deadline)
{
	acta_test *t = two();

	for (size_t i = 0; i < OTHERS; i++) {
		int64_t took;

		assert_ok(acta_test_call(t, asker(i), "ask",
		    acta_str("to", "peer/5"), acta_str("type", "forward"),
		    acta_str("next", others[i]), acta_str("next-type", "defer"),
		    acta_int("n", 1), acta_int("within", 500)));
		acta_test_advance(t, 3000);
		assert_outcome(t, asker(i), ACTA_TIMED_OUT, "timeout");
		took = acta_as_int(state_of(t, asker(i), "took"), 0);
		ck_assert_int_ge(took, 500);
		ck_assert_int_lt(took, 600);

		/* And it is not run there when that has passed. */
		acta_test_send(
		    t, others[i], "fail-until", acta_int("until", 4));
		assert_ok(acta_test_call(t, "msgs/7", "ask",
		    acta_str("to", "peer/5"), acta_str("type", "forward"),
		    acta_str("next", others[i]),
		    acta_str("next-type", "answer"), acta_int("n", 1),
		    acta_int("within", 50)));
		acta_test_advance(t, 5000);
		assert_type(state_of(t, others[i], "answered"), ACTA_ABSENT);
	}
	acta_test_free(&t);
}
END_TEST

START_TEST(many_questions_each_get_their_own_answer)
{
	acta_test *t = two();
	static const char *const prefixes[] = { "msgs/x", "peer/x" };

	for (size_t i = 0; i < 2; i++) {
		acta_reply_view view = acta_test_call(t, asker(i), "ask-many",
		    acta_str("prefix", prefixes[i]), acta_int("count", 200));

		assert_ok(view);
		assert_int(acta_at(view.result, "right"), 200);
		assert_int(state_of(t, asker(i), "waiting"), 0);
	}
	acta_test_free(&t);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		an_answer_comes_with_its_fields_and_what_was_kept,
		the_one_asked_sees_who_asked,
		an_actor_may_ask_itself,
		a_refusal_brings_code_and_text_and_no_args,
		what_is_not_applied_comes_back_undelivered,
		inside_types_may_be_asked_for,
		without_an_answer_it_times_out_after_five_seconds,
		within_says_how_long_to_wait,
		a_late_answer_is_dropped,
		what_has_not_begun_by_its_deadline_is_not_run,
		a_failure_that_passes_is_an_answer,
		an_answer_is_checked_as_its_handler_declares,
		a_forwarded_question_is_answered_by_the_last,
		a_forward_hands_on_the_same_deadline,
		many_questions_each_get_their_own_answer,
		NULL,
	};

	return run_tests("api-ask", tests);
}
