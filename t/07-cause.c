/* t/07-cause.c - whose doing an end was, and how it is told. */
#include "runtime/root/cause.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct acta_story
a_story(enum acta_sup_state state)
{
	return (struct acta_story){ .service = "stock",
		.state = state,
		.now_ms = 10000,
		.up_ms = 7009,
		.due_ms = 10400,
		.intensity = 5,
		.max_crashes = 3,
		.period_ms = 30000,
		.turn_limit_ms = 30000,
		.shutdown_ms = 5000 };
}

static struct acta_cause
a_kill(int number)
{
	return (struct acta_cause){ .at_ms = 7000,
		.back_ms = 9,
		.how = ACTA_HOW_SIGNALLED,
		.number = number,
		.was_up = true,
		.phase = ACTA_PHASE_IDLE,
		.restarted = true,
		.restart = 1 };
}

static const char *
told(const struct acta_cause *cause, enum acta_sup_state state)
{
	static char text[2048];
	struct acta_story story = a_story(state);

	acta_why_prose(cause, &story, text, sizeof(text));
	return text;
}

START_TEST(own_doing_is_told_from_kills)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	static const int others[] = { SIGKILL, SIGTERM, SIGINT, SIGHUP };
	struct acta_cause c;

	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		c = a_kill(own[i]);
		ck_assert(acta_cause_own_doing(&c));
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		c = a_kill(others[i]);
		ck_assert(!acta_cause_own_doing(&c));
	}
	c = a_kill(SIGKILL);
	c.fault = ACTA_FAULT_HANG; /* deaf to SIGABRT, but our kill */
	ck_assert(acta_cause_own_doing(&c));
	c.fault = ACTA_FAULT_RECORD;
	ck_assert(!acta_cause_own_doing(&c));

	c = (struct acta_cause){ .how = ACTA_HOW_EXITED };
	ck_assert(acta_cause_own_doing(&c)); /* exit 0, unasked */
	c.asked = true;
	ck_assert(!acta_cause_own_doing(&c));
	c.number = 1;
	ck_assert(acta_cause_own_doing(&c));
	strcpy(c.code, "storage-failed");
	ck_assert(!acta_cause_own_doing(&c));
}
END_TEST

START_TEST(a_kill_between_messages)
{
	struct acta_cause c = a_kill(SIGKILL);

	ck_assert_str_eq(told(&c, ACTA_SUP_UP),
	    "stock was killed by SIGKILL 3 s ago, between messages, and was "
	    "back after 9 ms (restart 1 of 5 in 30 s). Nothing was waiting; "
	    "nothing was lost.");
	c.waiting = 1;
	ck_assert_ptr_nonnull(strstr(told(&c, ACTA_SUP_UP),
	    " 1 message was waiting; nothing was lost."));
}
END_TEST

START_TEST(a_crash_in_a_handler)
{
	struct acta_cause c = a_kill(SIGSEGV);

	c.phase = ACTA_PHASE_HANDLER;
	c.blamed = true;
	c.crashes = 2;
	c.waiting = 12;
	strcpy(c.actor, "stock/17");
	strcpy(c.type, "reserve");
	ck_assert_str_eq(told(&c, ACTA_SUP_UP),
	    "stock crashed with SIGSEGV 3 s ago, while handling reserve for "
	    "stock/17, and was back after 9 ms (restart 1 of 5 in 30 s). 12 "
	    "messages were waiting; nothing was lost. That message has ended "
	    "it 2 times; at 3 it is made a dead letter.");
	c.crashes = 3;
	ck_assert_ptr_nonnull(strstr(told(&c, ACTA_SUP_UP),
	    "ended it 3 times and is made a dead letter."));
	c.back_ms = -1;
	ck_assert_ptr_nonnull(strstr(told(&c, ACTA_SUP_BACKOFF),
	    ", and is to be started again in 400 ms (restart 1 of 5"));
}
END_TEST

START_TEST(what_is_held_says_what_to_do)
{
	struct acta_cause c = a_kill(SIGABRT);

	c.back_ms = -1;
	c.restarted = false;
	ck_assert_ptr_nonnull(
	    strstr(told(&c, ACTA_SUP_FAILED), "`acta start stock`"));
	strcpy(c.code, "storage-failed");
	strcpy(c.text, "EIO at a commit");
	ck_assert_ptr_nonnull(
	    strstr(told(&c, ACTA_SUP_STORAGE), "It said: EIO at a commit."));
	ck_assert_ptr_nonnull(strstr(told(&c, ACTA_SUP_STORAGE),
	    "`acta start --storage-checked stock`"));
	ck_assert_str_eq(told(NULL, ACTA_SUP_UP),
	    "stock has been up for 2 s and has not ended since the node "
	    "started.");
}
END_TEST

START_TEST(it_is_cut_to_fit)
{
	struct acta_story story = a_story(ACTA_SUP_UP);
	struct acta_cause c = a_kill(SIGKILL);
	char text[512];

	for (size_t size = 1; size < sizeof(text); size++) {
		memset(text, 'x', sizeof(text));
		acta_why_prose(&c, &story, text, size);
		ck_assert_uint_lt(strlen(text), size);
		ck_assert_int_eq(text[size], 'x');
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cause");
	TCase *tc = tcase_create("prose");
	SRunner *runner = srunner_create(suite);

	tcase_add_test(tc, own_doing_is_told_from_kills);
	tcase_add_test(tc, a_kill_between_messages);
	tcase_add_test(tc, a_crash_in_a_handler);
	tcase_add_test(tc, what_is_held_says_what_to_do);
	tcase_add_test(tc, it_is_cut_to_fit);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS;
}
