/* t/04-backoff.c - at once, then min x factor up to max, spread by jitter. */
#include "runtime/root/backoff.h"

#include <check.h>
#include <stdlib.h>

#define HALF (UINT64_MAX / 2 + 1) /* the chance that adds nothing */

static struct acta_backoff
a_backoff(void)
{
	return (struct acta_backoff){ .min_ms = 100,
		.max_ms = 30000,
		.reset_ms = 60000,
		.factor = 2,
		.jitter = 0.2 };
}

START_TEST(the_first_is_at_once_then_it_doubles_up_to_max)
{
	static const int64_t want[] = { 0, 100, 200, 400, 800, 1600, 3200, 6400,
		12800, 25600, 30000, 30000 };
	struct acta_backoff b = a_backoff();

	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
		ck_assert_int_eq(acta_backoff_next(&b, HALF), want[i]);
}
END_TEST

START_TEST(jitter_stays_in_its_share_and_under_max)
{
	struct acta_backoff b = a_backoff();

	ck_assert_int_eq(acta_backoff_next(&b, 0), 0);
	ck_assert_int_eq(acta_backoff_next(&b, 0), 80);
	ck_assert_int_eq(acta_backoff_next(&b, UINT64_MAX), 240);
	for (int i = 0; i < 5000; i++) {
		int64_t delay_ms = acta_backoff_next(&b, UINT64_MAX);

		ck_assert(delay_ms > 0 && delay_ms <= 30000);
	}
	ck_assert_int_eq(acta_backoff_next(&b, 0), 24000);
}
END_TEST

START_TEST(long_enough_up_forgets)
{
	struct acta_backoff b = a_backoff();

	ck_assert_int_eq(acta_backoff_next(&b, HALF), 0);
	ck_assert_int_eq(acta_backoff_next(&b, HALF), 100);
	acta_backoff_was_up(&b, 59999);
	ck_assert_int_eq(acta_backoff_next(&b, HALF), 200);
	acta_backoff_was_up(&b, 60000); /* the edge */
	ck_assert_int_eq(acta_backoff_next(&b, HALF), 0);
	ck_assert_int_eq(acta_backoff_next(&b, HALF), 100);
	acta_backoff_reset(&b);
	ck_assert_int_eq(acta_backoff_next(&b, HALF), 0);
}
END_TEST

START_TEST(a_factor_of_one_and_no_delay_at_all)
{
	struct acta_backoff b = { .min_ms = 50, .max_ms = 50, .factor = 1 };

	ck_assert_int_eq(acta_backoff_next(&b, 7), 0);
	for (int i = 0; i < 3000; i++)
		ck_assert_int_eq(acta_backoff_next(&b, 7), 50);
	b = (struct acta_backoff){ .factor = 2, .jitter = 1 };
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(acta_backoff_next(&b, 7), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("backoff");
	TCase *tc = tcase_create("delays");
	SRunner *runner = srunner_create(suite);

	tcase_add_test(tc, the_first_is_at_once_then_it_doubles_up_to_max);
	tcase_add_test(tc, jitter_stays_in_its_share_and_under_max);
	tcase_add_test(tc, long_enough_up_forgets);
	tcase_add_test(tc, a_factor_of_one_and_no_delay_at_all);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS;
}
