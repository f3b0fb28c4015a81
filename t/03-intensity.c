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

START_TEST(bounds_change_and_what_was_recorded_stays)
{
	struct acta_intensity w;

	ck_assert(acta_intensity_init(&w, 2, 1000) == ACTA_OK);
	ck_assert(acta_intensity_record(&w, 10) == ACTA_OK);
	ck_assert(acta_intensity_record(&w, 20) == ACTA_OK);
	ck_assert(acta_intensity_change(&w, 3, 1000) == ACTA_OK);
	ck_assert(acta_intensity_record(&w, 30) == ACTA_OK);
	ck_assert(acta_intensity_record(&w, 40) == ACTA_ELIMIT);
	ck_assert(acta_intensity_change(&w, 1, 1000) == ACTA_OK);
	ck_assert(acta_intensity_record(&w, 1030) == ACTA_ELIMIT);
	ck_assert(acta_intensity_record(&w, 1031) == ACTA_OK);
	ck_assert(acta_intensity_change(&w, 1, 0) == ACTA_EINVAL);
}
END_TEST

START_TEST(one_called_off_was_none)
{
	struct acta_intensity w;

	ck_assert(acta_intensity_init(&w, 1, 1000) == ACTA_OK);
	acta_intensity_take_back(&w, 10);
	ck_assert(acta_intensity_record(&w, 10) == ACTA_OK);
	acta_intensity_take_back(&w, 9);
	ck_assert_uint_eq(acta_intensity_count(&w, 10), 1);
	acta_intensity_take_back(&w, 10);
	ck_assert_uint_eq(acta_intensity_count(&w, 10), 0);
	ck_assert(acta_intensity_record(&w, 20) == ACTA_OK);
	ck_assert(acta_intensity_record(&w, 20) == ACTA_ELIMIT);
}
END_TEST

START_TEST(one_called_off_leaves_those_after_it)
{
	struct acta_intensity w;

	ck_assert(acta_intensity_init(&w, 3, 1000) == ACTA_OK);
	for (int turn = 0; turn < 400; turn++) { /* over the ring's end, too */
		uint64_t at = 10000 * (uint64_t)(turn + 1);

		ck_assert(acta_intensity_record(&w, at) == ACTA_OK);
		ck_assert(acta_intensity_record(&w, at + 500) == ACTA_OK);
		ck_assert(acta_intensity_record(&w, at + 600) == ACTA_OK);
		acta_intensity_take_back(&w, at);
		ck_assert(acta_intensity_record(&w, at + 900) == ACTA_OK);
		/* The first was at + 500, and counts until a second later. */
		ck_assert(acta_intensity_record(&w, at + 1500) == ACTA_ELIMIT);
		ck_assert(acta_intensity_record(&w, at + 1501) == ACTA_OK);
	}
}
END_TEST

START_TEST(as_many_as_can_be_counted)
{
	struct acta_intensity w;

	ck_assert(acta_intensity_init(&w, ACTA_INTENSITY_CAP, 10) == ACTA_OK);
	for (int turn = 0; turn < 3; turn++) {
		uint64_t at = 100 * (uint64_t)turn;

		for (uint32_t i = 0; i < ACTA_INTENSITY_CAP; i++)
			ck_assert(acta_intensity_record(&w, at) == ACTA_OK);
		ck_assert(acta_intensity_record(&w, at) == ACTA_ELIMIT);
		ck_assert_uint_eq(
		    acta_intensity_count(&w, at), ACTA_INTENSITY_CAP);
	}
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
	tcase_add_test(tc, bounds_change_and_what_was_recorded_stays);
	tcase_add_test(tc, one_called_off_was_none);
	tcase_add_test(tc, one_called_off_leaves_those_after_it);
	tcase_add_test(tc, as_many_as_can_be_counted);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
