/* t/01-plan.c - a plan comes back as it went; no bytes harm the root. */
#include "runtime/plan.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 1;

static char *sh_argv[] = { (char *)"sh", (char *)"-c", (char *)"", NULL };
static uint8_t config[] = { 0x81, 0x00, 0xff };

static struct acta_plan_child
a_child(const char *name)
{
	struct acta_plan_child c = { .kind = ACTA_KIND_EXEC,
		.program = (char *)"/bin/sh",
		.argv = sh_argv,
		.restart = ACTA_TEMPORARY,
		.shutdown_ms = ACTA_SHUTDOWN_INFINITY,
		.backoff_min_ms = 1,
		.backoff_max_ms = 2,
		.backoff_reset_ms = 3,
		.backoff_factor = 1.5,
		.backoff_jitter = 0.25,
		.max_crashes = 4,
		.turn_limit_ms = 5,
		.memory_max = 1ull << 40,
		.files_max = 7,
		.partitions = 8,
		.workers = 64,
		.keys = (char *)"shutdown infinity\nexec none\n",
		.config = config,
		.config_size = sizeof(config) };

	strcpy(c.name, name);
	return c;
}

static struct acta_plan
a_plan(struct acta_plan_child *children, uint32_t count)
{
	struct acta_plan plan = { .file = (char *)"/etc/shop.yaml",
		.data = (char *)"/var/data",
		.run = (char *)"/run/shop",
		.announce = (char *)"up",
		.reader = (char *)"/usr/bin/acta",
		.keys = (char *)"supervisor.intensity 5\n",
		.intensity = 5,
		.period_ms = 30000,
		.on_exceed = ACTA_EXCEED_ESCALATE,
		.count = count,
		.children = children };

	strcpy(plan.node, "shop");
	return plan;
}

/* What the encoder makes of `plan` is decoded again: the verdict. */
static enum acta_err
verdict(const struct acta_plan *plan)
{
	struct acta_plan back;
	uint8_t *bytes;
	size_t size;

	ck_assert_int_eq(acta_plan_encode(plan, &bytes, &size), ACTA_OK);
	enum acta_err err = acta_plan_decode(bytes, size, &back);

	free(bytes);
	if (err == ACTA_OK)
		acta_plan_fini(&back);
	return err;
}

START_TEST(comes_back_as_it_went)
{
	struct acta_plan_child children[2] = { a_child("stock"),
		a_child("@door") };
	struct acta_plan plan = a_plan(children, 2), back;
	uint8_t *bytes;
	size_t size;

	ck_assert_int_eq(acta_plan_encode(&plan, &bytes, &size), ACTA_OK);
	ck_assert_int_eq(acta_plan_decode(bytes, size, &back), ACTA_OK);
	ck_assert_str_eq(back.node, "shop");
	ck_assert_str_eq(back.file, plan.file);
	ck_assert_str_eq(back.data, plan.data);
	ck_assert_str_eq(back.run, plan.run);
	ck_assert_str_eq(back.registry, ""); /* NULL and "" are one */
	ck_assert_str_eq(back.announce, plan.announce);
	ck_assert_str_eq(back.reader, plan.reader);
	ck_assert_str_eq(back.keys, plan.keys);
	ck_assert_uint_eq(back.intensity, 5);
	ck_assert_int_eq(back.period_ms, 30000);
	ck_assert_uint_eq(back.on_exceed, ACTA_EXCEED_ESCALATE);
	ck_assert_uint_eq(back.count, 2);
	for (int i = 0; i < 2; i++) {
		struct acta_plan_child *was = &children[i],
				       *is = &back.children[i];

		ck_assert_str_eq(is->name, was->name);
		ck_assert_uint_eq(is->kind, was->kind);
		ck_assert_str_eq(is->program, was->program);
		ck_assert_str_eq(is->argv[1], "-c");
		ck_assert_str_eq(is->argv[2], "");
		ck_assert_ptr_null(is->argv[3]);
		ck_assert_uint_eq(is->restart, was->restart);
		ck_assert_int_eq(is->shutdown_ms, was->shutdown_ms);
		ck_assert_int_eq(is->backoff_min_ms, 1);
		ck_assert_int_eq(is->backoff_max_ms, 2);
		ck_assert_int_eq(is->backoff_reset_ms, 3);
		ck_assert_double_eq(is->backoff_factor, 1.5);
		ck_assert_double_eq(is->backoff_jitter, 0.25);
		ck_assert_uint_eq(is->max_crashes, 4);
		ck_assert_int_eq(is->turn_limit_ms, 5);
		ck_assert_uint_eq(is->memory_max, 1ull << 40);
		ck_assert_uint_eq(is->files_max, 7);
		ck_assert_uint_eq(is->partitions, 8);
		ck_assert_uint_eq(is->workers, 64);
		ck_assert_uint_eq(is->config_size, sizeof(config));
		ck_assert_mem_eq(is->config, config, sizeof(config));
		ck_assert_str_eq(is->keys, was->keys);
	}
	free(bytes);
	acta_plan_fini(&back);
	ck_assert_ptr_null(back.children);
}
END_TEST

START_TEST(each_bound_is_kept)
{
	struct acta_plan_child c[2] = { a_child("a"), a_child("b") };
	struct acta_plan plan = a_plan(c, 2);

	ck_assert_int_eq(verdict(&plan), ACTA_OK);
#define REFUSED(change, undo)                                  \
	do {                                                   \
		change;                                        \
		ck_assert_int_eq(verdict(&plan), ACTA_EPROTO); \
		undo;                                          \
		ck_assert_int_eq(verdict(&plan), ACTA_OK);     \
	} while (0)
	REFUSED(c[1].workers = 65, c[1].workers = 64);
	REFUSED(c[1].kind = 3, c[1].kind = 2);
	REFUSED(c[1].restart = 3, c[1].restart = 0);
	REFUSED(c[1].shutdown_ms = -2, c[1].shutdown_ms = 0);
	REFUSED(c[1].backoff_min_ms = -1, c[1].backoff_min_ms = 0);
	REFUSED(c[1].backoff_min_ms = 3, c[1].backoff_min_ms = 2);
	REFUSED(c[1].backoff_factor = 0.9, c[1].backoff_factor = 1);
	REFUSED(c[1].backoff_factor = 1 / 0.0, c[1].backoff_factor = 1);
	REFUSED(c[1].backoff_jitter = 1.1, c[1].backoff_jitter = 1);
	REFUSED(c[1].program = (char *)"sh", c[1].program = (char *)"/sh");
	REFUSED(c[1].argv = NULL, c[1].argv = sh_argv);
	REFUSED(strcpy(c[1].name, "a"), strcpy(c[1].name, "b"));
	REFUSED(strcpy(c[1].name, ""), strcpy(c[1].name, "b"));
	REFUSED(strcpy(c[1].name, "../b"), strcpy(c[1].name, "b"));
	REFUSED(strcpy(c[1].name, "b/c"), strcpy(c[1].name, "b"));
	REFUSED(strcpy(plan.node, ""), strcpy(plan.node, "shop"));
	REFUSED(plan.data = (char *)"data", plan.data = (char *)"/data");
	REFUSED(plan.run = NULL, plan.run = (char *)"/run");
	REFUSED(plan.period_ms = 0, plan.period_ms = 1);
	REFUSED(plan.on_exceed = 2, plan.on_exceed = 0);
#undef REFUSED
	plan.count = ACTA_PLAN_CHILDREN_MAX + 1;

	uint8_t *bytes;
	size_t size;

	ck_assert_int_eq(acta_plan_encode(&plan, &bytes, &size), ACTA_ELIMIT);
}
END_TEST

START_TEST(every_cut_is_refused)
{
	struct acta_plan_child c[2] = { a_child("a"), a_child("b") };
	struct acta_plan plan = a_plan(c, 2), back;
	uint8_t *bytes;
	size_t size;

	ck_assert_int_eq(acta_plan_encode(&plan, &bytes, &size), ACTA_OK);
	for (size_t cut = 0; cut < size; cut++) {
		/* Into a block of that size, so that a sanitizer sees a read
		 * past it. */
		uint8_t *part = malloc(cut + 1);
		struct acta_plan_child *none = NULL;

		memcpy(part, bytes, cut);
		back.children = none;
		/* A cut between two children leaves a plan with fewer. */
		if (acta_plan_decode(part, cut, &back) == ACTA_OK) {
			ck_assert_uint_lt(back.count, 2);
			acta_plan_fini(&back);
		}
		free(part);
	}
	free(bytes);
	ck_assert_int_eq(
	    acta_plan_decode(config, ACTA_PLAN_BYTES_MAX + 1, &back),
	    ACTA_ELIMIT);
}
END_TEST

START_TEST(no_byte_that_changes_does_harm)
{
	struct acta_plan_child c[2] = { a_child("a"), a_child("b") };
	struct acta_plan plan = a_plan(c, 2), back;
	uint8_t *bytes;
	size_t size;

	srandom((unsigned)seed);
	ck_assert_int_eq(acta_plan_encode(&plan, &bytes, &size), ACTA_OK);
	for (int round = 0; round < 100000; round++) {
		uint8_t *part = malloc(size);

		memcpy(part, bytes, size);
		for (int i = random() % 4; i >= 0; i--)
			part[(size_t)random() % size] = (uint8_t)random();
		if (acta_plan_decode(part, size, &back) == ACTA_OK) {
			for (uint32_t i = 0; i < back.count; i++)
				ck_assert(back.children[i].workers <= 64 &&
				    back.children[i].program[0] == '/');
			acta_plan_fini(&back);
		}
		free(part);
	}
	free(bytes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("plan");
	TCase *tc = tcase_create("bytes");
	SRunner *runner = srunner_create(suite);

	if (getenv("SEED"))
		seed = strtoull(getenv("SEED"), NULL, 10);
	printf("# SEED=%llu\n", (unsigned long long)seed);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, comes_back_as_it_went);
	tcase_add_test(tc, each_bound_is_kept);
	tcase_add_test(tc, every_cut_is_refused);
	tcase_add_test(tc, no_byte_that_changes_does_harm);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS;
}
