/*
 * t/45-api-misuse.c - a call that cannot be done makes the message a dead
 * letter at once: nothing of it is kept, whatever the handler then returns,
 * and the call gives the default. At the limits themselves all is well.
 */
#include "45-api.h"

#include "codecs/reader.h"

#include <signal.h>

#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16

/* NULL, or what is wrong with the end of a misused message. */
static const char *
wrong_end(acta_test *t, const char *what, const char *then)
{
	size_t dead = acta_test_dead(t, "misuse");
	int *runs = probe("misuse", "misuse_runs");
	int *got_default = probe("misuse", "misuse_default");
	char address[96];
	acta_reply_view view;
	const char *wrong = NULL;

	snprintf(address, sizeof address, "misuse/%s-%s", what, then);
	*runs = 0;
	*got_default = -1;
	view = acta_test_call(t, address, "misuse", acta_str("what", what),
	    acta_str("then", then));
	acta_test_settle(t);
	if (view.ok)
		wrong = "ok";
	else if (strcmp(view.code, "failed") != 0)
		wrong = "code not failed";
	else if (*view.text == 0)
		wrong = "says not why";
	else if (!acta_utf8_valid(view.text, strlen(view.text)))
		wrong = "its text is no UTF-8, and would spoil a frame";
	else if (acta_test_dead(t, "misuse") != dead + 1)
		wrong = "no dead letter at once";
	else if (*runs != 1)
		wrong = "retried";
	else if (*got_default != 1)
		wrong = "gave no default";
	else if (state_of(t, address, "before").type != ACTA_ABSENT ||
	    state_of(t, address, "after").type != ACTA_ABSENT)
		wrong = "its state was kept";
	if (wrong)
		printf("# %s, then %s: %s (%s: %s)\n", what, then, wrong,
		    view.code, view.text);
	return wrong;
}

START_TEST(a_misused_call_is_a_dead_letter_at_once_and_has_no_effect)
{
	acta_test *t = node("misuse", NULL, NULL);
	const char *(*name)(size_t) = NULL;
	int wrong = 0;

	*(void **)&name = probe("misuse", "misuse_name");
	for (size_t i = 0; name(i); i++)
		if (wrong_end(t, name(i), "done"))
			wrong++;
	acta_test_advance(t, 60000);
	if (state_of(t, "misuse/sink", "sunk").type != ACTA_ABSENT)
		wrong += printf("# messages were sent\n") > 0;
	if (acta_test_events(t, "misuse.misused").size != 0 ||
	    acta_test_events(t, "misuse.topic").size != 0)
		wrong += printf("# events were published\n") > 0;
	ck_assert_int_eq(wrong, 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(whatever_the_handler_then_returns)
{
	acta_test *t = node("misuse", NULL, NULL);
	static const char *const whats[] = { "arg_undeclared_int",
		"add_overflow", "reply_twice", "send_type_spelt",
		"code_spelt" };

	for (size_t i = 0; i < sizeof whats / sizeof whats[0]; i++) {
		ck_assert_ptr_null(wrong_end(t, whats[i], "reject"));
		ck_assert_ptr_null(wrong_end(t, whats[i], "fail"));
	}
	acta_test_advance(t, 60000);
	assert_type(state_of(t, "misuse/sink", "sunk"), ACTA_ABSENT);
	acta_test_free(&t);
}
END_TEST

START_TEST(an_asker_hears_failed)
{
	acta_test *t = node("misuse", NULL, NULL);

	assert_ok(acta_test_call(t, "misuse/1", "ask-misuse", ACTA_NONE));
	acta_test_settle(t);
	assert_int(state_of(t, "misuse/1", "outcome"), ACTA_UNDELIVERED);
	assert_text(state_of(t, "misuse/1", "code"), "failed");
	ck_assert_uint_eq(acta_test_dead(t, "misuse"), 1);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_limit_may_be_used_to_the_full)
{
	acta_test *t = node("misuse", NULL, NULL);
	char far[256] = "misuse/";
	char path[256];
	acta_reply_view view;

	memset(far + 7, 'x', 200);
	memset(path, 'x', 255);
	path[255] = 0;
	view = acta_test_call(t, "misuse/1", "edges", ACTA_NONE);
	assert_ok(view);
	ck_assert_uint_eq(acta_at(view.result, "large").size, 1024 * 1024 - 64);
	acta_test_advance(t, 1000);
	assert_int(state_of(t, far, "edge"), 64);
	assert_int(state_of(t, "misuse/1", "edge"), 64);
	assert_int(state_of(t, "misuse/1", path), 255);
	ck_assert_uint_eq(
	    state_of(t, "misuse/1", "large").size, 1024 * 1024 - 64);
	ck_assert_uint_eq(state_of(t, "misuse/1", "long").size, 65536);
	assert_type(state_of(t, "misuse/1", "deep"), ACTA_LIST);
	assert_int(state_of(t, "misuse/1", "outcome"), ACTA_ANSWERED);
	assert_int(state_of(t, "misuse/edge", "sunk"), 2);
	ck_assert_uint_eq(acta_test_events(t, "misuse." X64).size, 1);
	view = acta_test_call(t, "misuse/1", "edge-code", ACTA_NONE);
	assert_refused(view, X64);
	ck_assert_uint_eq(acta_test_dead(t, "misuse"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(ten_thousand_effects_and_nearly_8_mib_are_kept)
{
	acta_test *t = node("misuse", NULL, NULL);

	assert_ok(acta_test_call(t, "misuse/1", "edge-effects", ACTA_NONE));
	assert_int(state_of(t, "misuse/1", "r/9999"), 9999);
	assert_ok(acta_test_call(t, "misuse/1", "edge-bytes", ACTA_NONE));
	ck_assert_uint_eq(state_of(t, "misuse/1", "b/7").size, 1000000);
	ck_assert_uint_eq(acta_test_dead(t, "misuse"), 0);
	acta_test_free(&t);
}
END_TEST

START_TEST(other_messages_go_on)
{
	acta_test *t = node("misuse", NULL, NULL);

	ck_assert_ptr_null(wrong_end(t, "add_overflow", "done"));
	acta_test_send(
	    t, "misuse/x", "misuse", acta_str("what", "reply_twice"));
	acta_test_send(t, "misuse/x", "sink", ACTA_NONE);
	acta_test_settle(t);
	assert_int(state_of(t, "misuse/x", "sunk"), 1);
	acta_test_free(&t);
}
END_TEST

/* The kit's own actor has no state, sends nothing, answers nobody. */
START_TEST(a_put_with_the_actor_of_a_test_aborts)
{
	acta_test *t = node("misuse", NULL, NULL);

	acta_put(acta_test_actor(t), acta_int("row", 1));
}
END_TEST

START_TEST(a_send_with_the_actor_of_a_test_aborts)
{
	acta_test *t = node("misuse", NULL, NULL);

	acta_send(acta_test_actor(t), "misuse/1", "sink", ACTA_NONE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("api-misuse");
	TCase *tc = tcase_create("misuse");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tc, 120);
	tcase_add_test(
	    tc, a_misused_call_is_a_dead_letter_at_once_and_has_no_effect);
	tcase_add_test(tc, whatever_the_handler_then_returns);
	tcase_add_test(tc, an_asker_hears_failed);
	tcase_add_test(tc, a_limit_may_be_used_to_the_full);
	tcase_add_test(tc, ten_thousand_effects_and_nearly_8_mib_are_kept);
	tcase_add_test(tc, other_messages_go_on);
	tcase_add_test_raise_signal(
	    tc, a_put_with_the_actor_of_a_test_aborts, SIGABRT);
	tcase_add_test_raise_signal(
	    tc, a_send_with_the_actor_of_a_test_aborts, SIGABRT);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
