/* t/03-intensity.c - the window slides by time, not by number of calls. */
#include "runtime/root/intensity.h"

#include <check.h>
#include <stdlib.h>

START_TEST(limits_come_from_configuration_and_are_checked)
{
	struct acta_intensity w;

	ck_assert(acta_intensity_init(&w, ACTA_INTENSITY_CAP + 1, 1000) ==
	    ACTA_EINVAL);
	ck_assert(acta_intensity_init(&w, 1, 0) == ACTA_EINVAL);
}
END_TEST

START_TEST(one_restart_too_many_in_the_period_is_refused)
{
	struct acta_intensity w;

	ck_assert(acta_intensity_init(&w, 2, 1000) == ACTA_OK);
	ck_assert(acta_intensity_record(&w, 10) == ACTA_OK);
	ck_assert(acta_intensity_record(&w, 20) == ACTA_OK);
	ck_assert(
	    acta_intensity_record(&w, 1010) == ACTA_ELIMIT); /* the edge */
	ck_assert(acta_intensity_record(&w, 1011) == ACTA_OK);
	ck_assert(acta_intensity_record(&w, 1020) == ACTA_ELIMIT);
}
END_TEST

START_TEST(limit_zero_never_restarts)
{
	struct acta_intensity w;

	ck_assert(acta_intensity_init(&w, 0, 1000) == ACTA_OK);
	ck_assert(acta_intensity_record(&w, 1) == ACTA_ELIMIT);
}
END_TEST

START_TEST(those_of_the_period_are_counted)
{
	struct acta_intensity w;

	ck_assert(acta_intensity_init(&w, 3, 1000) == ACTA_OK);
	ck_assert_uint_eq(acta_intensity_count(&w, 0), 0);
	ck_assert(acta_intensity_record(&w, 10) == ACTA_OK);
	ck_assert(acta_intensity_record(&w, 500) == ACTA_OK);
	ck_assert_uint_eq(acta_intensity_count(&w, 1010), 2);
	ck_assert_uint_eq(acta_intensity_count(&w, 1011), 1);
	ck_assert_uint_eq(acta_intensity_count(&w, 9000), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("intensity");
	TCase *tc = tcase_create("window");
	SRunner *runner = srunner_create(suite);

	tcase_add_test(tc, limits_come_from_configuration_and_are_checked);
	tcase_add_test(tc, one_restart_too_many_in_the_period_is_refused);
	tcase_add_test(tc, limit_zero_never_restarts);
	tcase_add_test(tc, those_of_the_period_are_counted);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
