/* t/06-blame.c - counts by message, the one longest not seen makes room. */
#include "runtime/root/blame.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t *
uid(uint32_t number)
{
	static uint8_t bytes[16];

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, &number, sizeof(number));
	return bytes;
}

START_TEST(each_is_counted_for_itself_and_nobody_not_at_all)
{
	static struct acta_blame b;

	ck_assert_uint_eq(acta_blame_count(&b, uid(1)), 1);
	ck_assert_uint_eq(acta_blame_count(&b, uid(2)), 1);
	ck_assert_uint_eq(acta_blame_count(&b, uid(1)), 2);
	ck_assert_uint_eq(acta_blame_count(&b, uid(0)), 0);
	ck_assert_uint_eq(b.count, 2);
	ck_assert_mem_eq(b.rows[0].uid, uid(2), 16); /* oldest first */
	ck_assert_mem_eq(b.rows[1].uid, uid(1), 16);
}
END_TEST

START_TEST(the_table_is_bounded)
{
	static struct acta_blame b;

	for (uint32_t i = 1; i <= ACTA_BLAME_MAX; i++)
		ck_assert_uint_eq(acta_blame_count(&b, uid(i)), 1);
	ck_assert_uint_eq(acta_blame_count(&b, uid(1)), 2);
	ck_assert_uint_eq(acta_blame_count(&b, uid(1000)), 1); /* 2 goes */
	ck_assert_uint_eq(b.count, ACTA_BLAME_MAX);
	ck_assert_uint_eq(acta_blame_count(&b, uid(1)), 3);
	ck_assert_uint_eq(acta_blame_count(&b, uid(2)), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("blame");
	TCase *tc = tcase_create("counts");
	SRunner *runner = srunner_create(suite);

	tcase_add_test(tc, each_is_counted_for_itself_and_nobody_not_at_all);
	tcase_add_test(tc, the_table_is_bounded);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS;
}
