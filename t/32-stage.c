/*
 * 32-stage.c - claim: a message to "service/@any" goes to the worker that has the
 * least waiting, what the handler that runs has sent counts with it, and among
 * equals they take turns. Workers are actors of their partition, by its hash.
 */
#include "t/30-part.h"

static acta_status
fan(acta_actor *self, const acta_msg *msg)
{
	for (int64_t i = 0; i < acta_arg_int(msg, "n"); i++)
		acta_send(self, "other/@any", "work", acta_int("i", i));
	return acta_reply(self, acta_int("n", acta_arg_int(msg, "n")));
}

static acta_status
refuse(acta_actor *self, const acta_msg *msg)
{
	acta_send(self, "other/@any", "work", acta_int("i", 0));
	return acta_reject(self, "no", "not this time");
}

static const struct acta_handler handlers[] = {
	{ "fan", fan, .args = "n:int" },
	{ "fail", refuse, .args = "n:int" },
	{ 0 },
};
static const struct acta_service service = {
	.abi = ACTA_ABI,
	.size = sizeof(struct acta_service),
	.handler_size = sizeof(struct acta_handler),
	.name = "source",
	.version = "1",
	.handlers = handlers,
};

static struct driven d;

static void
setup(void)
{
	make_dir();
	driven_init(&d, dir, &service);
	d.routes[1].partitions = 3;
	driven_reopen(&d);
}

static void
teardown(void)
{
	driven_fini(&d);
	remove_dir();
}

static uint64_t
waiting(uint32_t part)
{
	struct acta_out *o = acta_channel_out(d.part, "other", part);

	return o->next - o->acked;
}

static void
all_taken(uint32_t part)
{
	struct acta_out *o = acta_channel_out(d.part, "other", part);

	acta_store_begin(d.part->store);
	ck_assert(acta_outbox_ack(d.part, o, o->next));
	acta_store_abort(d.part->store);
}

static void
ck_waiting(uint64_t a, uint64_t b, uint64_t c)
{
	ck_assert_uint_eq(waiting(0), a);
	ck_assert_uint_eq(waiting(1), b);
	ck_assert_uint_eq(waiting(2), c);
}

START_TEST(among_equals_they_take_turns)
{
	call(&d, .type = "fan", .n = 9);
	ck_waiting(3, 3, 3);
	for (int i = 0; i < 6; i++)
		call(&d, .type = "fan", .n = 1);
	ck_waiting(5, 5, 5);
}
END_TEST

START_TEST(who_has_less_to_do_gets_more)
{
	call(&d, .type = "fan", .n = 9);
	all_taken(1);
	call(&d, .type = "fan", .n = 3);
	ck_waiting(3, 3, 3);
	all_taken(0);
	all_taken(2);
	call(&d, .type = "fan", .n = 7); /* 3 are behind already */
	ck_assert_uint_ge(waiting(0), 3);
	ck_assert_uint_ge(waiting(2), 3);
	ck_assert_uint_eq(waiting(0) + waiting(1) + waiting(2), 10);
}
END_TEST

START_TEST(what_was_not_kept_does_not_count)
{
	for (int i = 0; i < 30; i++)
		ck_code(call(&d, .type = "fail"), "no");
	call(&d, .type = "fan", .n = 3);
	ck_waiting(1, 1, 1);
}
END_TEST

START_TEST(a_store_read_anew_knows_who_has_what)
{
	call(&d, .type = "fan", .n = 30);
	all_taken(2);
	call(&d, .type = "fan", .n = 1); /* the ack goes with its commit */
	driven_reopen(&d);
	ck_waiting(10, 10, 1);
	call(&d, .type = "fan", .n = 9);
	ck_waiting(10, 10, 10);
}
END_TEST

START_TEST(workers_lie_in_their_partitions)
{
	for (uint32_t parts = 1; parts <= 1024; parts = parts * 3 + 1) {
		uint32_t numbers[1024];

		acta_worker_numbers(numbers, parts);
		for (uint32_t p = 0; p < parts; p++) {
			char key[ACTA_WORKER_KEY_MAX];
			size_t n = acta_worker_key(key, numbers[p]);

			ck_assert_uint_eq(acta_partition_of(key, n, parts), p);
		}
	}
	ck_assert(acta_key_is_any("@any", 4));
	ck_assert(!acta_key_is_any("@an", 3));
	ck_assert(!acta_key_is_any("@anyone", 7));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stage");
	TCase *tcase = tcase_create("stage");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, among_equals_they_take_turns);
	tcase_add_test(tcase, who_has_less_to_do_gets_more);
	tcase_add_test(tcase, what_was_not_kept_does_not_count);
	tcase_add_test(tcase, a_store_read_anew_knows_who_has_what);
	tcase_add_test(tcase, workers_lie_in_their_partitions);
	suite_add_tcase(suite, tcase);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
