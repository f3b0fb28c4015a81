/* t/41-host-config.c - what a host makes of its config and its service by itself. */
#include "runtime/host/config.h"
#include "runtime/host/service.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(who_has_a_core_to_spare_spins)
{
	ck_assert_int_eq(acta_host_spin_us(50, 1), 0);
	ck_assert_int_eq(acta_host_spin_us(50, ACTA_SPIN_CORES_MIN - 1), 0);
	ck_assert_int_eq(acta_host_spin_us(50, ACTA_SPIN_CORES_MIN), 50);
	ck_assert_int_eq(acta_host_spin_us(1000000, 64), 1000000);
	ck_assert_int_eq(acta_host_spin_us(0, 64), 0);
}
END_TEST

static acta_status
does_nothing(acta_actor *self, const acta_msg *msg)
{
	return ACTA_DONE;
}

/* Whatever it does not know may be a bound: nothing is let by. */
START_TEST(a_handler_that_cannot_be_is_refused)
{
	static const struct {
		struct acta_handler handler;
		const char *text, *hint;
	} rows[] = {
		{ { .type = "x", .run = does_nothing, .flags = 64 },
		    "handler \"x\": flags 0x40 are unknown", "a later one" },
		{ { .type = "x" }, "handler \"x\": no function",
		    "{ \"x\", function }" },
		{ { .type = "X", .run = does_nothing },
		    "handler \"X\": not a type", "[a-z]" },
		{ { .type = "x",
		      .run = does_nothing,
		      .flags = ACTA_OUTSIDE | ACTA_READS },
		    "ACTA_OUTSIDE and ACTA_READS", "durable" },
	};
	struct acta_handler handlers[2] = { 0 };
	const struct acta_service service = { .abi = ACTA_ABI,
		.size = sizeof(struct acta_service),
		.handler_size = sizeof(struct acta_handler),
		.name = "one",
		.version = "1",
		.handlers = handlers };
	struct acta_why why = { "", "" };
	struct acta_loaded loaded;

	handlers[0] = rows[_i].handler;
	ck_assert_int_eq(
	    acta_loaded_from(&loaded, &service, &why), ACTA_EINVAL);
	ck_assert_msg(strstr(why.text, rows[_i].text) != NULL, "%s", why.text);
	ck_assert_msg(strstr(why.hint, rows[_i].hint) != NULL, "%s", why.hint);
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
	tcase_add_loop_test(tc, a_handler_that_cannot_be_is_refused, 0, 4);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
