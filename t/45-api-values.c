/*
 * t/45-api-values.c - a value that goes in comes out: built, sent as args,
 * checked and defaulted as declared, read in place; and what an actor is told
 * of itself, the time and its settings.
 */
#include "45-api.h"

#include <sys/wait.h>
#include <unistd.h>

static const acta_value absent = { ACTA_ABSENT, 0, { 0 } };

START_TEST(a_value_is_16_bytes_and_as_x_gives_the_default_for_other_types)
{
	acta_value i = { ACTA_INT, 0, { .i = -7 } };
	acta_value t = { ACTA_TIME, 0, { .i = 1234 } };
	acta_value u = { ACTA_UINT, 0, { .u = (uint64_t)INT64_MAX + 1 } };
	acta_value d = { ACTA_NUM, 0, { .d = 1.5 } };
	acta_value b = { ACTA_BOOL, 0, { .b = true } };
	acta_value s = { ACTA_STR, 1, { .data = "1" } };
	acta_value nil = { ACTA_NIL, 0, { 0 } };

	ck_assert_uint_eq(sizeof(acta_value), 16);
	ck_assert_int_eq(acta_as_int(i, 9), -7);
	ck_assert_int_eq(acta_as_int(t, 9), 1234);
	ck_assert_int_eq(acta_as_int(u, 9), 9);
	ck_assert_int_eq(acta_as_int(d, 9), 9);
	ck_assert_int_eq(acta_as_int(b, 9), 9);
	ck_assert_int_eq(acta_as_int(s, 9), 9);
	ck_assert_int_eq(acta_as_int(nil, 9), 9);
	ck_assert_int_eq(acta_as_int(absent, 9), 9);
	ck_assert_double_eq(acta_as_num(d, 9), 1.5);
	ck_assert_double_eq(acta_as_num(i, 9), -7);
	ck_assert_double_eq(acta_as_num(t, 9), 9);
	ck_assert_double_eq(acta_as_num(s, 9), 9);
	ck_assert_double_eq(acta_as_num(absent, 9), 9);
	ck_assert(acta_as_bool(b, false));
	b.as.b = false;
	ck_assert(!acta_as_bool(b, true));
	ck_assert(acta_as_bool(i, true));
	ck_assert(!acta_as_bool(absent, false));
	ck_assert(acta_as_bool(nil, true));
}
END_TEST

START_TEST(at_finds_a_name_in_a_map_and_nothing_in_anything_else)
{
	acta_test *t = node("values", NULL, NULL);
	acta_actor *a = acta_test_actor(t);
	acta_value map = acta_map(a, acta_int("one", 1), acta_int("on", 2),
	    acta_int("", 3), acta_str("s", "x"));
	acta_value text = { ACTA_STR, 3, { .data = "one" } };

	assert_type(map, ACTA_MAP);
	ck_assert_uint_eq(map.size, 4);
	assert_int(acta_at(map, "one"), 1);
	assert_int(acta_at(map, "on"), 2);
	assert_int(acta_at(map, ""), 3);
	assert_type(acta_at(map, "ones"), ACTA_ABSENT);
	assert_type(acta_at(map, "o"), ACTA_ABSENT);
	assert_type(acta_at(text, "one"), ACTA_ABSENT);
	assert_type(acta_at(absent, "one"), ACTA_ABSENT);
	assert_type(acta_at(acta_map(a, ACTA_NONE), "one"), ACTA_ABSENT);
	acta_test_free(&t);
	ck_assert_ptr_null(t);
}
END_TEST

static acta_value
echoed(acta_test *t, acta_field field)
{
	acta_reply_view view = acta_test_call(t, "values/1", "echo", field);

	assert_ok(view);
	return acta_at(view.result, "v");
}

START_TEST(every_type_of_value_goes_through_a_call_unchanged)
{
	acta_test *t = node("values", NULL, NULL);
	acta_actor *a = acta_test_actor(t);
	acta_value most = { ACTA_UINT, 0, { .u = UINT64_MAX } };
	acta_list *list = acta_list_new(a);
	static const int64_t ints[] = { 0, 1, -1, 127, 128, -32, -33, 255, 256,
		65535, 65536, INT32_MAX, INT32_MIN, UINT32_MAX, INT64_MAX,
		INT64_MIN };
	acta_value got;

	for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++)
		assert_int(echoed(t, acta_int("v", ints[i])), ints[i]);
	got = echoed(t, acta_val("v", most));
	assert_type(got, ACTA_UINT);
	ck_assert(got.as.u == UINT64_MAX);
	assert_num(echoed(t, acta_num("v", -0.1)), -0.1);
	assert_num(echoed(t, acta_num("v", 2.0)), 2.0); /* stays a number */
	assert_bool(echoed(t, acta_bool("v", true)), true);
	assert_bool(echoed(t, acta_bool("v", false)), false);
	assert_text(echoed(t, acta_str("v", "")), "");
	assert_text(echoed(t, acta_str("v", "gr\xc3\xbc\xc3\x9f")),
	    "gr\xc3\xbc\xc3\x9f");
	assert_type(echoed(t, acta_str("v", NULL)), ACTA_NIL);
	got = echoed(t, acta_bin("v", "a\0b", 3));
	assert_type(got, ACTA_BIN);
	ck_assert_uint_eq(got.size, 3);
	ck_assert_mem_eq(got.as.data, "a\0b", 3);
	got = echoed(t, acta_bin("v", "", 0));
	assert_type(got, ACTA_BIN);
	ck_assert_uint_eq(got.size, 0);
	got = echoed(t, acta_time("v", 1790000000123));
	assert_type(got, ACTA_TIME);
	ck_assert_int_eq(got.as.i, 1790000000123);
	got = echoed(t, acta_time("v", -1));
	assert_type(got, ACTA_TIME);
	ck_assert_int_eq(got.as.i, -1);
	acta_list_add(list, acta_int(NULL, 5));
	acta_list_row(list, acta_str("k", "w"));
	got = echoed(t, acta_items("v", list));
	assert_type(got, ACTA_LIST);
	ck_assert_uint_eq(got.size, 2);
	got = echoed(t, acta_val("v", acta_map(a, acta_items("l", list))));
	assert_type(got, ACTA_MAP);
	assert_type(acta_at(got, "l"), ACTA_LIST);
	assert_type(echoed(t, acta_val("v", absent)), ACTA_ABSENT);
	acta_test_free(&t);
}
END_TEST

START_TEST(nested_values_are_built_and_a_list_in_a_field_is_as_of_now)
{
	acta_test *t = node("values", NULL, NULL);
	acta_reply_view view =
	    acta_test_call(t, "values/1", "build", ACTA_NONE);
	acta_actor *a = acta_test_actor(t);
	acta_value map, row = absent;
	acta_cursor c;

	assert_ok(view);
	map = acta_at(view.result, "map");
	assert_type(map, ACTA_MAP);
	assert_int(acta_at(view.result, "size"), 6);
	ck_assert_uint_eq(map.size, 6);
	ck_assert_uint_eq(acta_at(map, "before").size, 2);
	ck_assert_uint_eq(acta_at(map, "after").size, 3);
	assert_type(acta_at(map, "empty"), ACTA_LIST);
	ck_assert_uint_eq(acta_at(map, "empty").size, 0);
	assert_type(acta_at(map, "left-out"), ACTA_ABSENT);
	assert_type(acta_at(map, "nil"), ACTA_NIL);
	assert_int(acta_at(acta_at(map, "map"), "x"), 1);
	assert_type(acta_at(map, "bare"), ACTA_MAP);
	ck_assert_uint_eq(acta_at(map, "bare").size, 0);
	c = acta_each(a, acta_at(map, "after"));
	ck_assert(acta_next(&c));
	assert_int(c.value, 1);
	ck_assert(acta_next(&c));
	assert_text(c.value, "two");
	ck_assert(acta_next(&c));
	row = c.value;
	ck_assert(!acta_next(&c));
	assert_type(row, ACTA_MAP);
	assert_int(acta_at(row, "row"), 3);
	assert_bool(acta_at(row, "yes"), true);
	acta_test_free(&t);
}
END_TEST

START_TEST(each_walks_a_list_by_index_and_a_map_by_name)
{
	acta_test *t = node("values", NULL, NULL);
	acta_actor *a = acta_test_actor(t);
	acta_list *list = acta_list_new(a);
	acta_reply_view view;
	acta_value steps;
	acta_cursor c;
	int n = 0;

	for (int i = 0; i < 40; i++)
		acta_list_add(list, acta_int(NULL, i * i));
	view = acta_test_call(t, "values/1", "walk", acta_items("v", list));
	assert_ok(view);
	steps = acta_at(view.result, "steps");
	ck_assert_uint_eq(steps.size, 40);
	for (c = acta_each(a, steps); acta_next(&c); n++) {
		ck_assert_uint_eq(c.index, (size_t)n);
		ck_assert_str_eq(c.name, "");
		assert_text(acta_at(c.value, "name"), "");
		assert_int(acta_at(c.value, "index"), n);
		assert_int(acta_at(c.value, "value"), (int64_t)n * n);
	}
	ck_assert_int_eq(n, 40);
	ck_assert(!acta_next(&c)); /* and stays ended */

	view = acta_test_call(t, "values/1", "walk",
	    acta_val("v", acta_map(a, acta_int("x", 1), acta_str("y", "b"))));
	assert_ok(view);
	steps = acta_at(view.result, "steps");
	ck_assert_uint_eq(steps.size, 2);
	c = acta_each(a, steps);
	ck_assert(acta_next(&c));
	assert_text(acta_at(c.value, "name"), "x");
	assert_int(acta_at(c.value, "value"), 1);
	ck_assert(acta_next(&c));
	assert_text(acta_at(c.value, "name"), "y");
	assert_int(acta_at(c.value, "index"), 1);

	view = acta_test_call(t, "values/1", "walk", acta_int("v", 3));
	assert_ok(view); /* what is neither has no elements */
	ck_assert_uint_eq(acta_at(view.result, "steps").size, 0);
	c = acta_each(a, absent);
	ck_assert(!acta_next(&c));
	acta_test_free(&t);
}
END_TEST

START_TEST(text_is_the_string_or_the_decimal_number_or_nothing)
{
	acta_test *t = node("values", NULL, NULL);
	acta_reply_view view =
	    acta_test_call(t, "values/1", "texts", ACTA_NONE);

	assert_ok(view);
	assert_text(acta_at(view.result, "none"), "");
	assert_text(acta_at(view.result, "most"), "18446744073709551615");
	assert_text(acta_at(view.result, "least"), "-9223372036854775808");
	assert_text(acta_at(view.result, "part"), "abc");
	assert_text(acta_at(view.result, "half"), "0.5");
	acta_test_free(&t);
}
END_TEST

START_TEST(args_are_read_by_name_as_they_were_declared)
{
	acta_test *t = node("values", NULL, NULL);
	acta_actor *a = acta_test_actor(t);
	acta_list *list = acta_list_new(a);
	acta_reply_view view;

	acta_list_add(list, acta_int(NULL, 1));
	view = acta_test_call(t, "values/1", "kinds", acta_str("a", "any"),
	    acta_str("r", "stock/a/b"), acta_num("n", 2.5), acta_int("i", -4),
	    acta_bool("b", true), acta_str("s", "text"), acta_bin("x", "\0", 1),
	    acta_time("t", 5), acta_items("l", list),
	    acta_val("m", acta_map(a, acta_int("z", 6))));
	assert_ok(view);
	assert_int(acta_at(view.result, "i"), -4);
	assert_num(acta_at(view.result, "n"), 2.5);
	assert_bool(acta_at(view.result, "b"), true);
	assert_text(acta_at(view.result, "s"), "text");
	assert_text(acta_at(view.result, "r"), "stock/a/b");
	assert_text(acta_at(view.result, "r-text"), "stock/a/b");
	assert_type(acta_at(view.result, "x"), ACTA_BIN);
	assert_type(acta_at(view.result, "t"), ACTA_TIME);
	ck_assert_uint_eq(acta_at(view.result, "l").size, 1);
	assert_int(acta_at(acta_at(view.result, "m"), "z"), 6);
	assert_text(acta_at(view.result, "a"), "any");
	acta_test_free(&t);
}
END_TEST

START_TEST(defaults_are_filled_in_and_overridden)
{
	acta_test *t = node("values", NULL, NULL);
	acta_reply_view view =
	    acta_test_call(t, "values/1", "defaults", ACTA_NONE);

	assert_ok(view);
	assert_int(acta_at(view.result, "qty"), 7);
	assert_num(acta_at(view.result, "ratio"), 0.5);
	assert_bool(acta_at(view.result, "on"), true);
	assert_text(acta_at(view.result, "name"), "abc");
	assert_int(acta_at(view.result, "qty-value"), 7);
	view = acta_test_call(t, "values/1", "defaults", acta_int("qty", 0),
	    acta_num("ratio", -1.25), acta_bool("on", false),
	    acta_str("name", ""));
	assert_ok(view);
	assert_int(acta_at(view.result, "qty"), 0);
	assert_num(acta_at(view.result, "ratio"), -1.25);
	assert_bool(acta_at(view.result, "on"), false);
	assert_text(acta_at(view.result, "name"), "");
	acta_test_free(&t);
}
END_TEST

START_TEST(an_optional_arg_that_is_missing_gives_nothing_of_its_type)
{
	acta_test *t = node("values", NULL, NULL);
	acta_reply_view view =
	    acta_test_call(t, "values/1", "missing", ACTA_NONE);

	assert_ok(view);
	assert_int(acta_at(view.result, "i"), 0);
	assert_num(acta_at(view.result, "n"), 0.0);
	assert_bool(acta_at(view.result, "b"), false);
	assert_text(acta_at(view.result, "s"), "");
	assert_type(acta_at(view.result, "r"), ACTA_NIL);
	assert_bool(acta_at(view.result, "absent"), true);
	ck_assert_uint_eq(acta_test_dead(t, "values"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(args_that_do_not_fit_are_refused_at_the_door)
{
	acta_test *t = node("values", NULL, NULL);
	acta_reply_view view;

	assert_refused(
	    acta_test_call(t, "values/1", "need", ACTA_NONE), "bad-args");
	assert_refused(
	    acta_test_call(t, "values/1", "need", acta_str("qty", "1")),
	    "bad-args");
	assert_refused(
	    acta_test_call(t, "values/1", "need", acta_num("qty", 1.5)),
	    "bad-args");
	assert_refused(
	    acta_test_call(t, "values/1", "need", acta_str("qty", NULL)),
	    "bad-args");
	assert_refused(acta_test_call(t, "values/1", "need", acta_int("qty", 1),
			   acta_int("sku", 1)),
	    "bad-args"); /* optional, but a str if there */
	assert_refused(acta_test_call(t, "values/1", "kinds", acta_int("i", 1)),
	    "bad-args");
	view = acta_test_call(
	    t, "values/1", "need", acta_int("qty", 1), acta_str("skuu", "x"));
	assert_refused(view, "bad-args");
	ck_assert_msg(strstr(view.text, "did you mean") != NULL &&
		strstr(view.text, "sku") != NULL,
	    "%s", view.text);
	view = acta_test_call(t, "values/1", "need", acta_int("qyt", 1));
	assert_refused(view, "bad-args");
	ck_assert_msg(strstr(view.text, "qty") != NULL, "%s", view.text);
	assert_type(state_of(t, "values/1", "needed"), ACTA_ABSENT);
	ck_assert_uint_eq(acta_test_dead(t, "values"), 0);
	assert_ok(acta_test_call(t, "values/1", "need", acta_int("qty", 1)));
	assert_int(state_of(t, "values/1", "needed"), 1);
	acta_test_free(&t);
}
END_TEST

START_TEST(an_unknown_arg_is_ignored_between_services)
{
	acta_test *t = node("values", NULL, NULL);

	assert_ok(
	    acta_test_call(t, "values/1", "tell", acta_str("to", "values/2")));
	acta_test_settle(t);
	assert_int(state_of(t, "values/2", "needed"), 3);
	ck_assert_uint_eq(acta_test_dead(t, "values"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_ref_arg_is_a_checked_address_outside)
{
	acta_test *t = node("values", NULL, NULL);
	static const char *const bad[] = { "", "/", "/1", "Stock/1", "1x/1",
		"sto ck/1", "-a/1",
		"a23456789012345678901234567890123/1" /* 33 */ };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		acta_reply_view view = acta_test_call(
		    t, "values/1", "missing", acta_str("r", bad[i]));

		ck_assert_msg(!view.ok && strcmp(view.code, "bad-args") == 0,
		    "\"%s\": %s", bad[i], view.code);
	}
	assert_refused(
	    acta_test_call(t, "values/1", "missing", acta_int("r", 1)),
	    "bad-args");
	assert_ok(
	    acta_test_call(t, "values/1", "missing", acta_str("r", "stock")));
	acta_test_free(&t);
}
END_TEST

START_TEST(an_actor_knows_its_key_itself_and_the_message)
{
	acta_test *t = node("values", NULL, NULL);
	acta_reply_view view;
	char first[128];

	view = acta_test_call(t, "values/a/b c", "who", ACTA_NONE);
	assert_ok(view);
	assert_text(acta_at(view.result, "key"), "a/b c");
	assert_text(acta_at(view.result, "self"), "values/a/b c");
	assert_text(acta_at(view.result, "type"), "who");
	assert_text(acta_at(view.result, "from"), "");
	assert_bool(acta_at(view.result, "no-sender"), true);
	assert_int(acta_at(view.result, "attempt"), 1);
	ck_assert_uint_gt(acta_at(view.result, "id").size, 0);
	snprintf(
	    first, sizeof first, "%s", text_of(acta_at(view.result, "id")));
	view = acta_test_call(t, "values", "who", ACTA_NONE);
	assert_ok(view);
	assert_text(acta_at(view.result, "key"), "");
	assert_text(acta_at(view.result, "self"), "values");
	ck_assert_str_ne(text_of(acta_at(view.result, "id")), first);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_key_may_have_200_bytes)
{
	acta_test *t = node("values", NULL, NULL);
	char address[256] = "values/";
	acta_reply_view view;

	memset(address + 7, 'k', 200);
	view = acta_test_call(t, address, "who", ACTA_NONE);
	assert_ok(view);
	assert_text(acta_at(view.result, "self"), address);
	memset(address + 7, 'k', 201);
	view = acta_test_call(t, address, "who", ACTA_NONE);
	ck_assert(!view.ok);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_ref_is_an_address_resolved)
{
	acta_test *t = node("values", NULL, NULL);
	acta_reply_view view =
	    acta_test_call(t, "values/1", "refs", acta_str("to", "stock/a/b"));

	assert_ok(view);
	assert_text(acta_at(view.result, "to"), "stock/a/b");
	assert_text(acta_at(view.result, "addr"), "stock/a/b");
	assert_text(acta_at(view.result, "n"), "stock/17");
	assert_text(acta_at(view.result, "zero"), "stock/a-0");
	assert_text(acta_at(view.result, "minus"), "stock/-5");
	assert_text(acta_at(view.result, "most"), "stock/9223372036854775807");
	assert_text(acta_at(view.result, "nobody"), "");
	assert_type(acta_at(view.result, "nil"), ACTA_NIL);
	acta_test_free(&t);
}
END_TEST

START_TEST(the_time_is_read_once_a_call_and_goes_with_the_clock)
{
	acta_test *t = node("values", NULL, NULL);
	acta_reply_view view = acta_test_call(t, "values/1", "now", ACTA_NONE);
	int64_t first, second;

	assert_ok(view);
	assert_bool(acta_at(view.result, "same"), true);
	first = acta_as_int(acta_at(view.result, "now"), 0);
	ck_assert_int_gt(first, 0);
	acta_test_advance(t, 10000);
	view = acta_test_call(t, "values/1", "now", ACTA_NONE);
	assert_ok(view);
	second = acta_as_int(acta_at(view.result, "now"), 0);
	ck_assert_int_ge(second, first + 10000);
	ck_assert_int_lt(second, first + 11000); /* simulated, not real */
	acta_test_free(&t);
}
END_TEST

/* The time of a ULID: its first ten letters, Crockford's base 32. */
static int64_t
ulid_ms(const char *ulid)
{
	static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	int64_t ms = 0;

	ck_assert_uint_eq(strlen(ulid), 26);
	ck_assert_uint_eq(strspn(ulid, letters), 26);
	for (int i = 0; i < 10; i++)
		ms = ms * 32 + (strchr(letters, ulid[i]) - letters);
	return ms;
}

START_TEST(unique_is_a_ulid_of_now_and_differs)
{
	acta_test *t = node("values", NULL, NULL);
	char seen[20][32];
	int n = 0;

	for (int i = 0; i < 10; i++) {
		acta_reply_view view = acta_test_call(
		    t, i % 2 ? "values/1" : "values/2", "unique", ACTA_NONE);
		int64_t now;

		assert_ok(view);
		now = acta_as_int(acta_at(view.result, "now"), 0);
		snprintf(seen[n], 32, "%s", text_of(acta_at(view.result, "a")));
		ck_assert_int_eq(ulid_ms(seen[n++]), now);
		snprintf(seen[n], 32, "%s", text_of(acta_at(view.result, "b")));
		ck_assert_int_eq(ulid_ms(seen[n++]), now);
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(seen[i], seen[j]);
	acta_test_free(&t);
}
END_TEST

START_TEST(settings_have_defaults_and_can_be_set)
{
	acta_test *t = node("values", NULL, NULL);
	acta_reply_view view =
	    acta_test_call(t, "values/1", "setting", ACTA_NONE);

	assert_ok(view);
	assert_text(acta_at(view.result, "greeting"), "hello");
	assert_int(acta_at(view.result, "limit"), 3);
	assert_type(acta_at(view.result, "label"), ACTA_ABSENT);
	assert_text(acta_at(view.result, "at-start"), "hello");
	acta_test_free(&t);

	t = node("values", NULL, NULL);
	acta_test_set(t, "values", "greeting", "moin");
	acta_test_set(t, "values", "limit", "12");
	acta_test_set(t, "values", "label", "l");
	view = acta_test_call(t, "values/1", "setting", ACTA_NONE);
	assert_ok(view);
	assert_text(acta_at(view.result, "greeting"), "moin");
	assert_int(acta_at(view.result, "limit"), 12);
	assert_text(acta_at(view.result, "label"), "l");
	assert_text(acta_at(view.result, "at-start"), "moin");
	acta_test_free(&t);
}
END_TEST

START_TEST(start_makes_what_shared_gives_and_stop_gets_it)
{
	acta_test *t = node("values", NULL, NULL);
	int *starts = probe("values", "values_starts");
	int *stops = probe("values", "values_stops");
	int *magic = probe("values", "values_stopped_magic");
	acta_reply_view view;

	for (int i = 0; i < 3; i++) {
		view = acta_test_call(t, "values/1", "setting", ACTA_NONE);
		assert_ok(view);
		assert_int(acta_at(view.result, "magic"), 4711);
	}
	ck_assert_int_eq(*starts, 1);
	ck_assert_int_eq(*stops, 0);
	acta_test_free(&t);
	ck_assert_int_eq(*starts, 1);
	ck_assert_int_eq(*stops, 1);
	ck_assert_int_eq(*magic, 4711);
}
END_TEST

START_TEST(a_service_whose_start_fails_runs_nothing)
{
	int status;
	pid_t child = fork();

	if (child == 0) { /* a kit may well refuse such a node with an abort */
		acta_test *t = node("unready", NULL, NULL);
		acta_reply_view view =
		    acta_test_call(t, "unready/1", "run", ACTA_NONE);

		_exit(view.ok || probe_int("unready", "unready_runs") ? 1 : 0);
	}
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	    (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
}
END_TEST

START_TEST(scratch_is_aligned_and_lives_through_the_handler)
{
	acta_test *t = node("values", NULL, NULL);
	acta_reply_view view =
	    acta_test_call(t, "values/1", "memory", ACTA_NONE);

	assert_ok(view);
	assert_bool(acta_at(view.result, "fine"), true);
	assert_text(acta_at(view.result, "one"), "items/12/qty");
	assert_text(acta_at(view.result, "two"), "007");
	assert_int(acta_at(view.result, "width"), 5000);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_handler_has_256_kib_of_stack)
{
	acta_test *t = node("values", NULL, NULL);
	acta_reply_view view =
	    acta_test_call(t, "values/1", "stack", ACTA_NONE);

	assert_ok(view);
	assert_int(acta_at(view.result, "sum"), 400);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_node_may_have_any_seed)
{
	static const uint64_t seeds[] = { 0, 2, UINT64_MAX };

	for (size_t i = 0; i < 3; i++) {
		const char *const services[] = { service_path("values"), NULL };
		acta_test *t = acta_test_new(seeds[i], services);

		assert_ok(acta_test_call(t, "values/1", "unique", ACTA_NONE));
		acta_test_free(&t);
	}
}
END_TEST

START_TEST(a_log_line_is_no_effect)
{
	acta_test *t = node("values", NULL, NULL);
	acta_reply_view view = acta_test_call(t, "values/1", "logs", ACTA_NONE);

	assert_ok(view);
	assert_bool(acta_at(view.result, "logged"), true);
	ck_assert_uint_eq(acta_test_dead(t, "values"), 0);
	acta_test_free(&t);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_value_is_16_bytes_and_as_x_gives_the_default_for_other_types,
		at_finds_a_name_in_a_map_and_nothing_in_anything_else,
		every_type_of_value_goes_through_a_call_unchanged,
		nested_values_are_built_and_a_list_in_a_field_is_as_of_now,
		each_walks_a_list_by_index_and_a_map_by_name,
		text_is_the_string_or_the_decimal_number_or_nothing,
		args_are_read_by_name_as_they_were_declared,
		defaults_are_filled_in_and_overridden,
		an_optional_arg_that_is_missing_gives_nothing_of_its_type,
		args_that_do_not_fit_are_refused_at_the_door,
		an_unknown_arg_is_ignored_between_services,
		a_ref_arg_is_a_checked_address_outside,
		an_actor_knows_its_key_itself_and_the_message,
		a_key_may_have_200_bytes,
		a_ref_is_an_address_resolved,
		the_time_is_read_once_a_call_and_goes_with_the_clock,
		unique_is_a_ulid_of_now_and_differs,
		settings_have_defaults_and_can_be_set,
		start_makes_what_shared_gives_and_stop_gets_it,
		a_service_whose_start_fails_runs_nothing,
		scratch_is_aligned_and_lives_through_the_handler,
		a_handler_has_256_kib_of_stack,
		a_node_may_have_any_seed,
		a_log_line_is_no_effect,
		NULL,
	};

	return run_tests("api-values", tests);
}
