/*
 * 45-api-events.c - claim: `.on` and acta_subscribe as acta.h says, one test for
 * each sentence, and for each misuse; each event once and in its publisher's
 * order across topics, with a kill or a power cut at every point.
 */
#include "t/45-api.h"

static acta_test *t;

static void
setup(void)
{
	t = node("news", "reader", NULL);
}

static void
teardown(void)
{
	acta_test_free(&t);
}

static void
tell(const char *who, acta_field reader)
{
	acta_reply_view reply = acta_test_call(t, who, "tell", reader);

	ck_assert_msg(reply.ok, "%s: %s", reply.code, reply.text);
	acta_test_settle(t);
}

static void
follow(const char *who, const char *key, bool end)
{
	acta_reply_view reply = acta_test_call(
	    t, who, "follow", acta_str("key", key), acta_bool("end", end));

	ck_assert_msg(reply.ok, "%s: %s", reply.code, reply.text);
	acta_test_settle(t);
}

static void
ck_heard(const char *who, const char *want)
{
	ck_assert_str_eq(text_of(acta_test_state(t, who, "heard")), want);
}

START_TEST(a_handler_hears_as_the_actor_in_its_key_field)
{
	tell("news/a", acta_str("reader", "ann"));
	tell("news/a", acta_str("reader", "bob"));
	tell("news/b", acta_str("reader", "ann"));
	tell("news/b", acta_int("reader", -17));
	ck_heard("reader/ann", "a#1 b#1 ");
	ck_heard("reader/bob", "a#2 ");
	ck_heard("reader/-17", "b#2 ");
}
END_TEST

START_TEST(without_a_key_field_as_the_actor_with_the_empty_key)
{
	tell("news/a", acta_str("reader", "ann"));
	tell("news/a", acta_str("reader", "bob"));
	ck_assert_int_eq(
	    acta_as_int(acta_test_state(t, "reader", "count"), 0), 2);
}
END_TEST

START_TEST(nothing_is_heard_of_what_was_not_kept)
{
	acta_reply_view reply = acta_test_call(t, "news/a", "hush", ACTA_NONE);

	ck_assert_str_eq(reply.code, "hushed");
	acta_test_settle(t);
	ck_assert_int_eq(
	    acta_as_int(acta_test_state(t, "reader", "count"), 0), 0);
}
END_TEST

/* The publisher is not held against what its readers want. */
START_TEST(an_event_without_the_key_is_a_dead_letter)
{
	tell("news/a", ACTA_NONE);
	tell("news/a", acta_bool("reader", true));
	ck_assert_uint_eq(acta_test_dead(t, "news"), 2);
	ck_assert_uint_eq(acta_test_dead(t, "reader"), 0);
	ck_assert_int_eq(
	    acta_as_int(acta_test_state(t, "reader", "count"), 0), 2);
}
END_TEST

START_TEST(its_order_is_kept_across_topics)
{
	for (int i = 0; i < 3; i++)
		ck_assert(acta_test_call(
		    t, "news/a", "both", acta_str("reader", "ann"))
			      .ok);
	acta_test_settle(t);
	ck_heard("reader/ann", "a#1 o:a#1 a#2 o:a#2 a#3 o:a#3 ");
}
END_TEST

START_TEST(an_actor_follows_all_keys_or_one_until_it_does_not)
{
	tell("news/a", acta_str("reader", "x"));
	follow("reader/ann", "*", false);
	follow("reader/bob", "b", false);
	tell("news/a", acta_str("reader", "x"));
	tell("news/b", acta_str("reader", "x"));
	ck_heard("reader/ann", "f:a#2 f:b#1 ");
	ck_heard("reader/bob", "f:b#1 ");
	follow("reader/ann", "*", true);
	follow("reader/bob", "a", true); /* which it never did */
	tell("news/b", acta_str("reader", "x"));
	ck_heard("reader/ann", "f:a#2 f:b#1 ");
	ck_heard("reader/bob", "f:b#1 f:b#2 ");
}
END_TEST

START_TEST(to_follow_twice_is_to_follow_once)
{
	follow("reader/ann", "*", false);
	follow("reader/ann", "*", false);
	tell("news/a", acta_str("reader", "x"));
	ck_heard("reader/ann", "f:a#1 ");
}
END_TEST

START_TEST(events_are_no_back_door_to_a_private_handler)
{
	ck_assert_str_eq(
	    acta_test_call(t, "reader/ann", "story", acta_int("n", 1)).code,
	    "denied");
}
END_TEST

START_TEST(what_cannot_be_followed_is_a_misuse)
{
	static const struct {
		const char *topic, *key, *handler;
	} wrong[] = {
		{ "story", "*", "followed" },
		{ "news.", "*", "followed" },
		{ "news.Story", "*", "followed" },
		{ "nobody.story", "*", "followed" },
		{ "news.story", "*", "nothing" },
	};
	size_t count = sizeof(wrong) / sizeof(wrong[0]);

	for (size_t i = 0; i < count; i++)
		ck_assert_str_eq(acta_test_call(t, "reader/ann", "follow",
				     acta_str("topic", wrong[i].topic),
				     acta_str("key", wrong[i].key),
				     acta_str("handler", wrong[i].handler))
				     .code,
		    "failed");
	ck_assert_uint_eq(acta_test_dead(t, "reader"), count);
}
END_TEST

/* ---------------------------------------------------------------- storm -- */

static void
scenario(acta_test *node_)
{
	t = node_;
	acta_test_send(t, "reader/fan", "follow", acta_str("key", "a"));
	acta_test_settle(t);
	for (int i = 0; i < 5; i++) {
		acta_reply_view reply = acta_test_call(
		    t, "news/a", "both", acta_str("reader", "ann"));

		for (int tries = 0; !reply.ok && tries < 20; tries++)
			reply = acta_test_retry(t);
	}
}

static bool
each_once(acta_test *node_)
{
	t = node_;
	return strcmp(text_of(acta_test_state(t, "reader/ann", "heard")),
		   "a#1 o:a#1 a#2 o:a#2 a#3 o:a#3 a#4 o:a#4 a#5 o:a#5 ") == 0 &&
	    strcmp(text_of(acta_test_state(t, "reader/fan", "heard")),
		"f:a#1 f:a#2 f:a#3 f:a#4 f:a#5 ") == 0 &&
	    acta_as_int(acta_test_state(t, "reader", "count"), 0) == 5;
}

START_TEST(each_once_and_in_order_whatever_ends_when)
{
	const char *services[] = { service_path("news"), service_path("reader"),
		NULL };

	ck_assert(acta_test_storm(services, 300, scenario, each_once));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("events");
	TCase *tc = tcase_create("events"), *storm = tcase_create("storm");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_handler_hears_as_the_actor_in_its_key_field);
	tcase_add_test(tc, without_a_key_field_as_the_actor_with_the_empty_key);
	tcase_add_test(tc, nothing_is_heard_of_what_was_not_kept);
	tcase_add_test(tc, an_event_without_the_key_is_a_dead_letter);
	tcase_add_test(tc, its_order_is_kept_across_topics);
	tcase_add_test(tc, an_actor_follows_all_keys_or_one_until_it_does_not);
	tcase_add_test(tc, to_follow_twice_is_to_follow_once);
	tcase_add_test(tc, events_are_no_back_door_to_a_private_handler);
	tcase_add_test(tc, what_cannot_be_followed_is_a_misuse);
	suite_add_tcase(suite, tc);
	tcase_set_timeout(storm, 120);
	tcase_add_test(storm, each_once_and_in_order_whatever_ends_when);
	suite_add_tcase(suite, storm);
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
