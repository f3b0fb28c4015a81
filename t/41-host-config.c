/* t/41-host-config.c - what a host makes of its config by itself. */
#include "runtime/host/config.h"

#include <check.h>
#include <stdlib.h>

START_TEST(who_has_a_core_to_spare_spins)
{
	ck_assert_int_eq(acta_host_spin_us(50, 1), 0);
	ck_assert_int_eq(acta_host_spin_us(50, ACTA_SPIN_CORES_MIN - 1), 0);
	ck_assert_int_eq(acta_host_spin_us(50, ACTA_SPIN_CORES_MIN), 50);
	ck_assert_int_eq(acta_host_spin_us(1000000, 64), 1000000);
	ck_assert_int_eq(acta_host_spin_us(0, 64), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("host-config");
	TCase *tc = tcase_create("spin");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, who_has_a_core_to_spare_spins);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
