/*
 * 30-ids.c - claim: under one client id there is one effect and one answer,
 * for as long as is promised and however the process ends meanwhile; what is
 * older is refused, not applied again. A session needs one integer for ever.
 */
#include "t/30-part.h"

#define MINUTE_MS (60 * INT64_C(1000))

static acta_status
on_add(acta_actor *a, const acta_msg *m)
{
	return acta_reply(
	    a, acta_int("n", acta_add(a, "total", acta_arg_int(m, "n"))));
}

static acta_status
on_look(acta_actor *a, const acta_msg *m)
{
	return acta_reply(a, acta_int("n", acta_get_int(a, "total", 0)));
}

static acta_status
on_later(acta_actor *a, const acta_msg *m)
{
	acta_add(a, "total", acta_arg_int(m, "n"));
	acta_put(a, acta_str("token", acta_defer(a)));
	return ACTA_DONE;
}

static acta_status
on_now(acta_actor *a, const acta_msg *m)
{
	acta_reply_to(a, acta_get_str(a, "token", ""), acta_int("n", 77));
	return ACTA_DONE;
}

static acta_status
on_fail(acta_actor *a, const acta_msg *m)
{
	return acta_fail(a, "not yet");
}

static acta_status
on_refuse(acta_actor *a, const acta_msg *m)
{
	return acta_reject(a, "no", "not today");
}

static const struct acta_handler handlers[] = {
	{ .type = "add", .run = on_add, .args = "n:int" },
	{ .type = "look",
	    .run = on_look,
	    .args = "n:int",
	    .flags = ACTA_READS },
	{ .type = "later", .run = on_later, .args = "n:int" },
	{ .type = "now", .run = on_now, .args = "n:int" },
	{ .type = "fail", .run = on_fail, .args = "n:int" },
	{ .type = "refuse", .run = on_refuse, .args = "n:int" },
	{ 0 },
};

static const struct acta_service service = {

	.abi = ACTA_ABI,
	.size = sizeof(struct acta_service),
	.handler_size = sizeof(struct acta_handler),
	.name = "counter",
	.version = "1",
	.handlers = handlers
};

static struct driven d;

static void
setup(void)
{
	make_dir();
	driven_init(&d, dir, &service);
}

static void
teardown(void)
{
	driven_fini(&d);
	remove_dir();
}

START_TEST(one_effect_and_one_answer)
{
	ck_result(call(&d, .type = "add", .n = 5, .id = "a"), "5");
	ck_result(call(&d, .type = "add", .n = 5, .id = "a"), "5");
	driven_reopen(&d);
	ck_result(call(&d, .type = "add", .n = 5, .id = "a"), "5");
	driven_run(&d); /* the fingerprints are read by now */
	ck_result(call(&d, .type = "add", .n = 5, .id = "a"), "5");
	ck_result(call(&d, .type = "add", .n = 5, .id = "b"), "10");
	ck_result(call(&d, .type = "look", .id = "a"), "10");
	ck_code(call(&d, .type = "refuse", .id = "c"), "no");
	ck_code(call(&d, .type = "refuse", .id = "c"), "no");
	ck_result(call(&d, .type = "add", .n = 1), "11");
	ck_result(call(&d, .type = "add", .n = 1), "12");
}
END_TEST

START_TEST(another_request_under_the_same_id)
{
	ck_result(call(&d, .type = "add", .n = 5, .id = "a"), "5");
	ck_code(call(&d, .type = "add", .n = 6, .id = "a"), "id-reused");
	ck_code(call(&d, .type = "refuse", .n = 5, .id = "a"), "id-reused");
	ck_result(call(&d, .type = "look"), "5");
}
END_TEST

START_TEST(refused_before_it_ran_leaves_nothing)
{
	ck_code(call(&d, .type = "nothing", .id = "a"), "unknown-type");
	ck_result(call(&d, .type = "add", .n = 5, .id = "a"), "5");
}
END_TEST

/* However late: hours later the answer is still that of the id. */
START_TEST(pending_until_its_answer)
{
	uint64_t first;

	ck_answers(call(&d, .type = "later", .n = 3, .id = "a"), 0);
	first = d.requests;
	driven_reopen(&d);
	d.now_ms += 20 * HOUR_MS;
	driven_run(&d);
	ck_answers(call(&d, .type = "later", .n = 3, .id = "a"), 0);
	ck_result(call(&d, .type = "look"), "3");
	/* The repeat that waits is answered, too. */
	call(&d, .type = "now");
	ck_assert_uint_eq(d.said.count, 3);
	ck_assert_uint_lt(first, d.requests);
	ck_result(call(&d, .type = "later", .n = 3, .id = "a"), "77");
	ck_result(call(&d, .type = "look"), "3");
}
END_TEST

START_TEST(pending_until_its_token_is_forgotten)
{
	ck_answers(call(&d, .type = "later", .n = 3, .id = "a"), 0);
	d.now_ms += 25 * HOUR_MS;
	driven_reopen(&d);
	driven_run(&d);
	ck_code(call(&d, .type = "later", .n = 3, .id = "a"), "failed");
	ck_result(call(&d, .type = "look"), "3");
	call(&d, .type = "now");
	ck_code(call(&d, .type = "later", .n = 3, .id = "a"), "failed");
}
END_TEST

START_TEST(an_opaque_id_is_forgotten_after_its_hours)
{
	ck_result(call(&d, .type = "add", .n = 5, .id = "a"), "5");
	d.now_ms += 23 * HOUR_MS;
	driven_run(&d);
	ck_result(call(&d, .type = "add", .n = 5, .id = "a"), "5");
	d.now_ms += 3 * HOUR_MS;
	driven_run(&d);
	ck_result(call(&d, .type = "add", .n = 5, .id = "a"), "10");
}
END_TEST

START_TEST(an_id_that_tells_its_time_is_refused_when_forgotten)
{
	const int64_t made_ms = NOW_MS - 5 * MINUTE_MS;

	ck_result(
	    call(&d, .type = "add", .n = 5, .id = "t", .id_ms = made_ms), "5");
	ck_result(
	    call(&d, .type = "add", .n = 5, .id = "t", .id_ms = made_ms), "5");
	d.now_ms += 26 * HOUR_MS;
	driven_reopen(&d);
	driven_run(&d);
	ck_code(call(&d, .type = "add", .n = 5, .id = "t", .id_ms = made_ms),
	    "id-expired");
	ck_code(call(&d, .type = "add", .n = 5, .id = "never seen",
		    .id_ms = made_ms),
	    "id-expired");
	ck_result(call(&d, .type = "add", .n = 5, .id = "u", .id_ms = d.now_ms),
	    "10");
}
END_TEST

START_TEST(an_id_from_a_clock_ahead_is_found_as_well)
{
	const int64_t ahead_ms = NOW_MS + 5 * HOUR_MS;

	ck_result(
	    call(&d, .type = "add", .n = 5, .id = "f", .id_ms = ahead_ms), "5");
	ck_result(
	    call(&d, .type = "add", .n = 5, .id = "f", .id_ms = ahead_ms), "5");
	d.now_ms += 6 * HOUR_MS;
	driven_reopen(&d);
	ck_result(
	    call(&d, .type = "add", .n = 5, .id = "f", .id_ms = ahead_ms), "5");
}
END_TEST

START_TEST(at_the_quota_the_oldest_hour_goes_early)
{
	char id[16];

	acta_part_close(&d.part);
	d.config.ids_quota = 20000;
	driven_open(&d);
	for (int i = 0; i < 300; i++) {
		snprintf(id, sizeof(id), "%d", i);
		call(&d, .type = "add", .n = 1, .id = id, .id_ms = d.now_ms);
		ck_assert_str_eq(d.said.code, "");
		if (i % 50 == 49)
			d.now_ms += HOUR_MS;
	}
	driven_run(&d);
	ck_assert_str_eq(d.alarm, "ids-quota");
	ck_assert_str_ne(d.alarm_text, "");
	ck_code(call(&d, .type = "add", .n = 1, .id = "0", .id_ms = NOW_MS),
	    "id-expired");
	driven_reopen(&d);
	ck_code(call(&d, .type = "add", .n = 1, .id = "0", .id_ms = NOW_MS),
	    "id-expired");
	ck_result(call(&d, .type = "add", .n = 1, .id = "299",
		      .id_ms = d.now_ms - HOUR_MS),
	    "300");
	ck_result(call(&d, .type = "look"), "300");
}
END_TEST

START_TEST(a_session_goes_one_by_one)
{
	ck_code(
	    call(&d, .type = "add", .n = 1, .session = "s", .seq = 5), "busy");
	for (uint64_t seq = 1; seq <= 3; seq++) {
		char want[8];

		snprintf(want, sizeof(want), "%d", (int)seq);
		ck_result(
		    call(&d, .type = "add", .n = 1, .session = "s", .seq = seq),
		    want);
		ck_result(
		    call(&d, .type = "add", .n = 1, .session = "s", .seq = seq),
		    want);
	}
	ck_code(call(&d, .type = "add", .n = 1, .session = "s", .seq = 2),
	    "id-expired");
	ck_code(
	    call(&d, .type = "add", .n = 1, .session = "s", .seq = 5), "busy");
	ck_code(call(&d, .type = "add", .n = 9, .session = "s", .seq = 3),
	    "id-reused");
	ck_result(call(&d, .type = "look"), "3");
}
END_TEST

START_TEST(a_session_is_exact_for_ever)
{
	ck_result(
	    call(&d, .type = "add", .n = 1, .session = "s", .seq = 1), "1");
	d.now_ms += 1000 * 24 * HOUR_MS;
	driven_reopen(&d);
	driven_run(&d);
	ck_result(
	    call(&d, .type = "add", .n = 1, .session = "s", .seq = 1), "1");
	ck_result(
	    call(&d, .type = "add", .n = 1, .session = "t", .seq = 1), "2");
	ck_result(
	    call(&d, .type = "add", .n = 1, .session = "s", .seq = 2), "3");
}
END_TEST

START_TEST(a_session_goes_on_beside_a_late_answer)
{
	ck_answers(
	    call(&d, .type = "later", .n = 1, .session = "s", .seq = 1), 0);
	ck_result(
	    call(&d, .type = "add", .n = 1, .session = "s", .seq = 2), "2");
	call(&d, .type = "now");
	ck_assert_uint_eq(d.said.count, 2); /* its own, and seq 1's */
	ck_code(call(&d, .type = "later", .n = 1, .session = "s", .seq = 1),
	    "id-expired");
	ck_result(
	    call(&d, .type = "add", .n = 1, .session = "s", .seq = 2), "2");
}
END_TEST

/* Seq 2 waits behind another message, expires, and the session has gone on. */
START_TEST(a_session_tells_what_it_surely_did_not_do)
{
	call(&d, .type = "fail", .n = 1);
	ck_answers(
	    call(&d, .type = "add", .n = 1, .session = "s", .seq = 1), 0);
	ck_answers(
	    call(&d, .type = "add", .n = 1, .session = "s", .seq = 2), 0);
	d.now_ms += MINUTE_MS;
	driven_run(&d);
	d.now_ms += MINUTE_MS;
	driven_run(&d);
	ck_code(call(&d, .type = "add", .n = 1, .session = "s", .seq = 1),
	    "expired");
	ck_result(
	    call(&d, .type = "add", .n = 1, .session = "s", .seq = 2), "1");
	driven_reopen(&d);
	ck_code(call(&d, .type = "add", .n = 1, .session = "s", .seq = 1),
	    "expired");
	for (uint64_t seq = 3; seq < 65; seq++)
		call(&d, .type = "add", .n = 1, .session = "s", .seq = seq);
	ck_code(call(&d, .type = "add", .n = 1, .session = "s", .seq = 1),
	    "expired");
	call(&d, .type = "add", .n = 1, .session = "s", .seq = 65);
	ck_code(call(&d, .type = "add", .n = 1, .session = "s", .seq = 1),
	    "id-expired");
	ck_result(call(&d, .type = "look"), "64");
}
END_TEST

START_TEST(many_ids_are_found_after_a_start)
{
	char id[16];

	for (int i = 0; i < 2000; i++) {
		snprintf(id, sizeof(id), "%d", i);
		call(&d, .type = "add", .n = 1, .id = id);
	}
	driven_reopen(&d);
	for (int i = 1999; i >= 0; i -= 7) {
		char want[16];

		snprintf(id, sizeof(id), "%d", i);
		snprintf(want, sizeof(want), "%d", i + 1);
		ck_result(call(&d, .type = "add", .n = 1, .id = id), want);
	}
	ck_result(call(&d, .type = "look"), "2000");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ids");
	TCase *tcase = tcase_create("ids");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, one_effect_and_one_answer);
	tcase_add_test(tcase, another_request_under_the_same_id);
	tcase_add_test(tcase, refused_before_it_ran_leaves_nothing);
	tcase_add_test(tcase, pending_until_its_answer);
	tcase_add_test(tcase, pending_until_its_token_is_forgotten);
	tcase_add_test(tcase, an_opaque_id_is_forgotten_after_its_hours);
	tcase_add_test(
	    tcase, an_id_that_tells_its_time_is_refused_when_forgotten);
	tcase_add_test(tcase, an_id_from_a_clock_ahead_is_found_as_well);
	tcase_add_test(tcase, at_the_quota_the_oldest_hour_goes_early);
	tcase_add_test(tcase, a_session_goes_one_by_one);
	tcase_add_test(tcase, a_session_is_exact_for_ever);
	tcase_add_test(tcase, a_session_goes_on_beside_a_late_answer);
	tcase_add_test(tcase, a_session_tells_what_it_surely_did_not_do);
	tcase_add_test(tcase, many_ids_are_found_after_a_start);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
