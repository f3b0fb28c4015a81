/* t/36-ulid.c - ids are those of the ULID specification, and sort by time. */
#include "runtime/ulid.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(known_ones_come_out)
{
	uint8_t zeros[10] = { 0 }, ones[10], some[10];
	char out[27];
	int i;

	memset(ones, 0xff, sizeof(ones));
	for (i = 0; i < 10; i++)
		some[i] = (uint8_t)(i + 1);
	acta_ulid(out, 0, zeros);
	ck_assert_str_eq(out, "00000000000000000000000000");
	acta_ulid(out, (1LL << 48) - 1, ones);
	ck_assert_str_eq(out, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
	/* The specification's own example of a time. */
	acta_ulid(out, 1469918176385, zeros);
	ck_assert_str_eq(out, "01ARYZ6S410000000000000000");
	/* Reckoned elsewhere, with integers of any length. */
	acta_ulid(out, 0, some);
	ck_assert_str_eq(out, "0000000000041061050R3GG28A");
}
END_TEST

START_TEST(later_ones_sort_behind)
{
	uint8_t zeros[10] = { 0 }, ones[10];
	char before[27], after[27];
	int64_t ms;

	memset(ones, 0xff, sizeof(ones));
	for (ms = 1; ms < (1LL << 47); ms *= 3) {
		acta_ulid(before, ms, ones);
		acta_ulid(after, ms + 1, zeros);
		ck_assert_int_lt(strcmp(before, after), 0);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ulid");
	TCase *tc = tcase_create("ulid");
	SRunner *runner = srunner_create(suite);

	tcase_add_test(tc, known_ones_come_out);
	tcase_add_test(tc, later_ones_sort_behind);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
