/*
 * t/45-api-state.c - an actor's rows: what was put is read, by name and in
 * byte order, until it is deleted; a scan is of its beginning.
 */
#include "45-api.h"

#include <inttypes.h>

#define A "state/1"

static void
put_int(acta_test *t, const char *address, const char *name, int64_t v)
{
	assert_ok(acta_test_call(
	    t, address, "put", acta_str("name", name), acta_int("v", v)));
}

/* The rows below a prefix as "name=value,…". */
static const char *
scanned(acta_test *t, const char *address, const char *prefix)
{
	static char out[4096];
	acta_reply_view view =
	    acta_test_call(t, address, "scan", acta_str("prefix", prefix));
	acta_cursor c;
	size_t n = 0;

	assert_ok(view);
	out[0] = 0;
	for (c = acta_each(acta_test_actor(t), acta_at(view.result, "rows"));
	     acta_next(&c);) {
		assert_int(acta_at(c.value, "index"), (int64_t)c.index);
		n += (size_t)snprintf(out + n, sizeof out - n,
		    "%s=%" PRId64 ",", text_of(acta_at(c.value, "name")),
		    acta_as_int(acta_at(c.value, "value"), -999));
		ck_assert_uint_lt(n, sizeof out);
	}
	return out;
}

START_TEST(an_absent_row_gives_the_default)
{
	acta_test *t = node("state", NULL, NULL);
	acta_reply_view view = acta_test_call(t, A, "get-typed", ACTA_NONE);

	assert_ok(view);
	assert_int(acta_at(view.result, "i"), -1);
	assert_num(acta_at(view.result, "n"), -0.5);
	assert_bool(acta_at(view.result, "b"), true);
	assert_text(acta_at(view.result, "s"), "otherwise");
	assert_type(acta_at(view.result, "null"), ACTA_NIL);
	assert_bool(acta_at(view.result, "no-ref"), true);
	assert_text(acta_at(view.result, "r"), "");
	view = acta_test_call(t, A, "get", acta_str("name", "i"));
	assert_ok(view);
	assert_type(acta_at(view.result, "v"), ACTA_ABSENT);
	assert_type(state_of(t, A, "i"), ACTA_ABSENT);
	acta_test_free(&t);
}
END_TEST

START_TEST(rows_of_every_type_are_read_in_the_same_call_and_the_next)
{
	acta_test *t = node("state", NULL, NULL);

	for (int i = 0; i < 2; i++) {
		acta_reply_view view = acta_test_call(
		    t, A, i == 0 ? "put-typed" : "get-typed", ACTA_NONE);

		assert_ok(view);
		assert_int(acta_at(view.result, "i"), 42);
		assert_num(acta_at(view.result, "n"), 1.25);
		assert_bool(acta_at(view.result, "b"), false);
		assert_text(acta_at(view.result, "s"), "copied");
		assert_bool(acta_at(view.result, "no-ref"), false);
		assert_text(acta_at(view.result, "r"), "stock/17");
	}
	assert_int(state_of(t, A, "i"), 42);
	assert_text(state_of(t, A, "r"), "stock/17");
	assert_type(state_of(t, A, "nil"), ACTA_NIL);
	assert_type(state_of(t, A, "x"), ACTA_BIN);
	ck_assert_uint_eq(state_of(t, A, "x").size, 2);
	assert_type(state_of(t, A, "t"), ACTA_TIME);
	ck_assert_int_eq(state_of(t, A, "t").as.i, 77);
	assert_type(state_of(t, A, "l"), ACTA_LIST);
	assert_int(acta_at(state_of(t, A, "m"), "z"), 1);
	acta_test_free(&t);
}
END_TEST

START_TEST(reads_see_the_writes_before_them)
{
	acta_test *t = node("state", NULL, NULL);

	for (int i = 0; i < 2; i++) {
		acta_reply_view view =
		    acta_test_call(t, A, "see-own-puts", ACTA_NONE);

		assert_ok(view);
		assert_int(acta_at(view.result, "before"), i == 0 ? 0 : 7);
		assert_int(acta_at(view.result, "after"), i == 0 ? 1 : 8);
		assert_int(acta_at(view.result, "deleted"), -2);
		assert_int(acta_at(view.result, "again"), 7);
	}
	acta_test_free(&t);
}
END_TEST

START_TEST(what_was_read_lives_until_the_handler_returns)
{
	acta_test *t = node("state", NULL, NULL);
	char text[4001];
	acta_reply_view view;

	memset(text, 't', sizeof text - 1);
	text[sizeof text - 1] = 0;
	assert_ok(acta_test_call(
	    t, A, "put", acta_str("name", "long"), acta_str("v", text)));
	view = acta_test_call(t, A, "outlive", ACTA_NONE);
	assert_ok(view);
	assert_text(acta_at(view.result, "old"), text);
	assert_text(acta_at(view.result, "value"), text);
	assert_text(acta_at(view.result, "new"), "new");
	assert_type(state_of(t, A, "long"), ACTA_ABSENT);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_name_is_its_text_wherever_it_stands)
{
	acta_test *t = node("state", NULL, NULL);

	for (int i = 0; i < 3; i++) {
		acta_reply_view view = acta_test_call(
		    t, i == 2 ? "state/2" : A, "names", ACTA_NONE);

		assert_ok(view);
		assert_int(acta_at(view.result, "right"), 20);
	}
	assert_int(state_of(t, A, "as"), -1);
	assert_int(state_of(t, A, "is"), 8);
	assert_int(state_of(t, A, "al"), 100);
	acta_test_free(&t);
}
END_TEST

START_TEST(an_absent_field_leaves_the_row_and_another_type_replaces_it)
{
	acta_test *t = node("state", NULL, NULL);
	acta_reply_view view;

	put_int(t, A, "v", 5);
	view = acta_test_call(t, A, "put", acta_str("name", "v"));
	assert_ok(view);
	assert_int(acta_at(view.result, "v"), 5);
	assert_int(state_of(t, A, "v"), 5);
	assert_ok(acta_test_call(
	    t, A, "put", acta_str("name", "v"), acta_str("v", "text")));
	assert_text(state_of(t, A, "v"), "text");
	acta_test_free(&t);
}
END_TEST

START_TEST(rows_belong_to_one_actor)
{
	acta_test *t = node("state", NULL, NULL);

	put_int(t, "state/1", "v", 1);
	put_int(t, "state/10", "v", 10);
	put_int(t, "state", "v", 2);
	put_int(t, "state/1/v", "v", 3);
	assert_int(state_of(t, "state/1", "v"), 1);
	assert_int(state_of(t, "state/10", "v"), 10);
	assert_int(state_of(t, "state", "v"), 2);
	assert_int(state_of(t, "state/1/v", "v"), 3);
	assert_type(state_of(t, "state/100", "v"), ACTA_ABSENT);
	assert_ok(
	    acta_test_call(t, "state/1", "delete", acta_str("name", "/")));
	assert_ok(acta_test_call(t, "state", "delete", acta_str("name", "/")));
	assert_type(state_of(t, "state/1", "v"), ACTA_ABSENT);
	assert_type(state_of(t, "state", "v"), ACTA_ABSENT);
	assert_int(state_of(t, "state/10", "v"), 10);
	assert_int(state_of(t, "state/1/v", "v"), 3);
	acta_test_free(&t);
}
END_TEST

START_TEST(add_sums_from_nothing_and_gives_the_sum)
{
	acta_test *t = node("state", NULL, NULL);
	static const int64_t steps[][2] = { { 5, 5 }, { -7, -2 }, { 0, -2 },
		{ INT64_MAX, INT64_MAX - 2 }, { 2, INT64_MAX },
		{ INT64_MIN, -1 }, { INT64_MIN + 1, INT64_MIN } };

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		acta_reply_view view = acta_test_call(t, A, "add",
		    acta_str("name", "sum"), acta_int("n", steps[i][0]));

		assert_ok(view);
		assert_int(acta_at(view.result, "sum"), steps[i][1]);
		assert_int(state_of(t, A, "sum"), steps[i][1]);
	}
	acta_test_free(&t);
}
END_TEST

START_TEST(an_add_that_overflows_fails)
{
	acta_test *t = node("state", NULL, NULL);

	put_int(t, A, "top", INT64_MAX);
	put_int(t, A, "bottom", INT64_MIN);
	assert_refused(acta_test_call(t, A, "add", acta_str("name", "top"),
			   acta_int("n", 1)),
	    "failed");
	assert_refused(acta_test_call(t, A, "add", acta_str("name", "bottom"),
			   acta_int("n", -1)),
	    "failed");
	assert_int(state_of(t, A, "top"), INT64_MAX);
	assert_int(state_of(t, A, "bottom"), INT64_MIN);
	acta_test_settle(t);
	ck_assert_uint_eq(acta_test_dead(t, "state"), 2);
	acta_test_free(&t);
}
END_TEST

START_TEST(scan_is_in_byte_order_and_names_what_follows_the_prefix)
{
	acta_test *t = node("state", NULL, NULL);
	static const char *const names[] = { "items/b", "items/a", "items/a/x",
		"items/10", "items/9", "items/1", "items/~", "items/B",
		"items/\xc3\xa4", "item", "items", "items0", "itemsz/1", "j" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		put_int(t, A, names[i], (int64_t)i);
	put_int(t, "state/2", "items/other", 1);
	ck_assert_str_eq(scanned(t, A, "items/"),
	    "1=5,10=3,9=4,B=7,a=1,a/x=2,b=0,~=6,\xc3\xa4=8,");
	ck_assert_str_eq(scanned(t, A, "items/a/"), "x=2,");
	ck_assert_str_eq(scanned(t, A, "none/"), "");
	ck_assert_str_eq(scanned(t, "state/3", "items/"), "");
	acta_test_free(&t);
}
END_TEST

START_TEST(scan_merges_what_is_committed_with_what_is_not)
{
	acta_test *t = node("state", NULL, NULL);
	acta_reply_view view;
	acta_cursor c;
	char got[256] = "";

	for (int i = 1; i <= 5; i++) {
		char name[8];

		snprintf(name, sizeof name, "w/%d", i);
		put_int(t, A, name, i);
	}
	view = acta_test_call(t, A, "scan-and-write", ACTA_NONE);
	assert_ok(view); /* sees the rows as of its beginning */
	for (c = acta_each(acta_test_actor(t), acta_at(view.result, "rows"));
	     acta_next(&c);)
		snprintf(got + strlen(got), sizeof got - strlen(got),
		    "%s=%" PRId64 ",", text_of(acta_at(c.value, "name")),
		    acta_as_int(acta_at(c.value, "value"), -1));
	ck_assert_str_eq(got, "1=1,2=2,3=3,4=4,5=5,");
	ck_assert_str_eq(scanned(t, A, "w/"), "0=0,2=2,25=25,4=400,5=5,9=9,");
	view = acta_test_call(t, A, "scan-nested", ACTA_NONE);
	assert_ok(view);
	assert_int(acta_at(view.result, "pairs"), 36);
	view = acta_test_call(t, A, "scan-and-clear", ACTA_NONE);
	assert_ok(view);
	assert_int(acta_at(view.result, "before"), 6);
	assert_int(acta_at(view.result, "after"), 1);
	ck_assert_str_eq(scanned(t, A, "w/"), "new=1,");
	acta_test_free(&t);
}
END_TEST

START_TEST(delete_takes_a_row_or_all_below_a_prefix)
{
	acta_test *t = node("state", NULL, NULL);
	static const char *const names[] = { "items", "items/1", "items/1/x",
		"items/2", "items2", "a" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		put_int(t, A, names[i], 1);
	assert_ok(acta_test_call(t, A, "delete", acta_str("name", "nope")));
	assert_ok(acta_test_call(t, A, "delete", acta_str("name", "nope/")));
	assert_ok(acta_test_call(t, A, "delete", acta_str("name", "items/1")));
	assert_type(state_of(t, A, "items/1"), ACTA_ABSENT);
	assert_int(state_of(t, A, "items/1/x"), 1); /* not below, but itself */
	assert_ok(acta_test_call(t, A, "delete", acta_str("name", "items/")));
	ck_assert_str_eq(scanned(t, A, "items/"), "");
	assert_int(state_of(t, A, "items"), 1);
	assert_int(state_of(t, A, "items2"), 1);
	assert_int(state_of(t, A, "a"), 1);
	assert_ok(acta_test_call(t, A, "delete", acta_str("name", "/")));
	assert_type(state_of(t, A, "items"), ACTA_ABSENT);
	assert_type(state_of(t, A, "items2"), ACTA_ABSENT);
	assert_type(state_of(t, A, "a"), ACTA_ABSENT);
	put_int(t, A, "a", 2); /* makes the actor anew */
	assert_int(state_of(t, A, "a"), 2);
	assert_type(state_of(t, A, "items"), ACTA_ABSENT);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_put_after_a_delete_in_the_same_call_stays)
{
	acta_test *t = node("state", NULL, NULL);

	put_int(t, A, "items/committed", 1);
	put_int(t, A, "committed", 1);
	assert_ok(acta_test_call(t, A, "renew", acta_str("name", "items/")));
	ck_assert_str_eq(scanned(t, A, "items/"), "new=2,");
	assert_int(state_of(t, A, "a"), 1);
	assert_ok(acta_test_call(t, A, "renew", acta_str("name", "/")));
	ck_assert_str_eq(scanned(t, A, "items/"), "new=2,");
	assert_type(state_of(t, A, "a"), ACTA_ABSENT);
	assert_type(state_of(t, A, "committed"), ACTA_ABSENT);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_delete_is_one_mark_however_many_rows)
{
	acta_test *t = node("state", NULL, NULL);
	acta_reply_view view;

	for (int i = 0; i < 5; i++) /* 15,000 rows: over a message's effects */
		assert_ok(acta_test_call(t, A, "fill",
		    acta_int("from", i * 3000), acta_int("n", 3000)));
	view = acta_test_call(t, A, "count", acta_str("prefix", "many/"));
	assert_ok(view);
	assert_int(acta_at(view.result, "n"), 15000);
	assert_ok(acta_test_call(t, A, "delete", acta_str("name", "many/")));
	assert_ok(acta_test_call(
	    t, A, "fill", acta_int("from", 7000), acta_int("n", 2)));
	ck_assert_str_eq(scanned(t, A, "many/"), "007000=7000,007001=7001,");
	for (int i = 0; i < 20; i++) {
		acta_test_advance(t, 1000); /* slices of it run meanwhile */
		put_int(t, "state/2", "v", i);
	}
	ck_assert_str_eq(scanned(t, A, "many/"), "007000=7000,007001=7001,");
	acta_test_free(&t);
}
END_TEST

START_TEST(a_delete_of_many_rows_survives_restarts)
{
	acta_test *t = node("state", NULL, NULL);
	static const char *const points[] = { "gather", "commit", "committed",
		"released" };

	for (int i = 0; i < 5; i++)
		assert_ok(acta_test_call(t, A, "fill",
		    acta_int("from", i * 3000), acta_int("n", 3000)));
	acta_test_crash(t, "state", "committed", 1);
	assert_ok(acta_test_call(t, A, "delete", acta_str("name", "many/")));
	for (int i = 0; i < 12; i++) {
		acta_reply_view view;

		acta_test_crash(t, "state", points[i % 4], 1);
		assert_ok(acta_test_call(
		    t, A, "fill", acta_int("from", i * 100), acta_int("n", 1)));
		acta_test_advance(t, 1000);
		view =
		    acta_test_call(t, A, "count", acta_str("prefix", "many/"));
		assert_ok(view);
		assert_int(acta_at(view.result, "n"), i + 1);
	}
	assert_ok(acta_test_call(t, A, "delete", acta_str("name", "/")));
	acta_test_crash(t, "state", "gather", 1);
	ck_assert_str_eq(scanned(t, A, "many/"), "");
	acta_test_free(&t);
}
END_TEST

START_TEST(deleting_all_ends_timers_but_not_asks_tokens_or_messages)
{
	acta_test *t = node("state", NULL, NULL);

	assert_ok(
	    acta_test_call(t, "state/asker", "ask-prepare", acta_str("to", A)));
	acta_test_settle(t);
	assert_int(state_of(t, A, "answers"), 1);
	assert_type(state_of(t, "state/asker", "by"), ACTA_ABSENT);
	assert_ok(acta_test_call(t, A, "vanish", ACTA_NONE));
	acta_test_settle(t);
	assert_type(state_of(t, A, "token"), ACTA_ABSENT);
	assert_int(state_of(t, A, "answers"), 1); /* anew: its ask went on */
	assert_int(state_of(t, "state/asker", "outcome"), ACTA_ANSWERED);
	assert_text(state_of(t, "state/asker", "by"), "state/keeper");
	acta_test_advance(t, 5000); /* neither of its two timers runs */
	assert_type(state_of(t, A, "ticks"), ACTA_ABSENT);
	ck_assert_uint_eq(acta_test_dead(t, "state"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_refusal_keeps_no_change_of_state)
{
	acta_test *t = node("state", NULL, NULL);

	put_int(t, A, "old", 1);
	put_int(t, A, "sum", 5);
	assert_refused(acta_test_call(t, A, "put-and-reject", ACTA_NONE), "no");
	assert_type(state_of(t, A, "kept"), ACTA_ABSENT);
	assert_int(state_of(t, A, "old"), 1);
	assert_int(state_of(t, A, "sum"), 5);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_handler_that_reads_may_not_change)
{
	acta_test *t = node("state", NULL, NULL);
	static const char *const types[] = { "read-put", "read-add",
		"read-delete", "read-send", "read-publish", "read-timer",
		"read-defer", "read-cancel", "read-ask" };
	acta_reply_view view;

	put_int(t, A, "i", 3);
	put_int(t, A, "w/1", 8);
	view = acta_test_call(t, A, "peek", ACTA_NONE);
	assert_ok(view);
	assert_int(acta_at(view.result, "i"), 3);
	assert_int(acta_at(view.result, "first"), 8);
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		view = acta_test_call(t, A, types[i], ACTA_NONE);
		ck_assert_msg(!view.ok && strcmp(view.code, "failed") == 0,
		    "%s: %s", types[i], view.ok ? "ok" : view.code);
	}
	assert_refused(acta_test_call(t, A, "read-reject", ACTA_NONE), "no");
	acta_test_advance(t, 10000);
	assert_int(state_of(t, A, "i"), 3);
	assert_type(state_of(t, A, "ticks"), ACTA_ABSENT);
	assert_type(state_of(t, "state/helper", "sent"), ACTA_ABSENT);
	ck_assert_uint_eq(acta_test_events(t, "state.read").size, 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(an_actor_may_ask_a_handler_that_reads)
{
	acta_test *t = node("state", NULL, NULL);

	put_int(t, "state/2", "i", 11);
	assert_ok(acta_test_call(t, A, "ask-read", acta_str("to", "state/2")));
	acta_test_settle(t);
	assert_int(state_of(t, A, "peeked"), 11);
	acta_test_free(&t);
}
END_TEST

START_TEST(an_actor_is_migrated_once_before_its_first_message)
{
	acta_test *t = node("migrating", NULL, NULL);
	struct acta_service *service = probe("migrating", "acta_service_v1");
	int *runs = probe("migrating", "migrating_runs");
	int *from = probe("migrating", "migrating_from");
	acta_reply_view view;

	assert_ok(acta_test_call(t, "migrating/1", "put", acta_int("v", 50)));
	assert_ok(acta_test_call(t, "migrating/2", "put", acta_int("v", 70)));
	assert_ok(acta_test_call(t, "migrating/3", "put", acta_int("v", -1)));
	ck_assert_int_eq(*runs, 0);
	service->schema = 2; /* the next life of the process is a newer one */
	acta_test_crash(t, "migrating", "gather", 1);
	view = acta_test_call(t, "migrating/1", "get", ACTA_NONE);
	assert_ok(view);
	assert_type(acta_at(view.result, "v"), ACTA_ABSENT);
	assert_int(acta_at(view.result, "new"), 5);
	ck_assert_int_eq(*runs, 1);
	ck_assert_int_eq(*from, 1);
	assert_int(state_of(t, "migrating/2", "v"), 70); /* lazily */
	assert_ok(acta_test_call(t, "migrating/1", "get", ACTA_NONE));
	ck_assert_int_eq(*runs, 1);
	view = acta_test_call(t, "migrating/2", "get", ACTA_NONE);
	assert_ok(view);
	assert_int(acta_at(view.result, "new"), 7);
	ck_assert_int_eq(*runs, 2);
	/* A failure of migrate is one of the message, and keeps nothing. */
	assert_refused(
	    acta_test_call(t, "migrating/3", "get", ACTA_NONE), "failed");
	assert_int(state_of(t, "migrating/3", "v"), -1);
	acta_test_free(&t);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		an_absent_row_gives_the_default,
		rows_of_every_type_are_read_in_the_same_call_and_the_next,
		reads_see_the_writes_before_them,
		what_was_read_lives_until_the_handler_returns,
		a_name_is_its_text_wherever_it_stands,
		an_absent_field_leaves_the_row_and_another_type_replaces_it,
		rows_belong_to_one_actor,
		add_sums_from_nothing_and_gives_the_sum,
		an_add_that_overflows_fails,
		scan_is_in_byte_order_and_names_what_follows_the_prefix,
		scan_merges_what_is_committed_with_what_is_not,
		delete_takes_a_row_or_all_below_a_prefix,
		a_put_after_a_delete_in_the_same_call_stays,
		a_delete_is_one_mark_however_many_rows,
		a_delete_of_many_rows_survives_restarts,
		deleting_all_ends_timers_but_not_asks_tokens_or_messages,
		a_refusal_keeps_no_change_of_state,
		a_handler_that_reads_may_not_change,
		an_actor_may_ask_a_handler_that_reads,
		an_actor_is_migrated_once_before_its_first_message,
		NULL,
	};

	return run_tests("api-state", tests);
}
