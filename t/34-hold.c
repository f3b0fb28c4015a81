/*
 * 34-hold.c - claim: a partition that a backup holds makes no turn until it is let
 * go or the time is over, and then says which it was; whatever came meanwhile is
 * there.
 */
#include "t/30-part.h"

static acta_status
on_add(acta_actor *a, const acta_msg *m)
{
	return acta_reply(
	    a, acta_int("n", acta_add(a, "total", acta_arg_int(m, "n"))));
}

static const struct acta_handler handlers[] = {
	{ "add", on_add, .args = "n:int" }, { 0 }
};
static const struct acta_service counter = { .abi = ACTA_ABI,
	.size = sizeof(struct acta_service),
	.handler_size = sizeof(struct acta_handler),
	.name = "counter",
	.version = "1",
	.handlers = handlers };
static struct driven d;

static void
setup(void)
{
	make_dir();
	driven_init(&d, dir, &counter);
}

static void
teardown(void)
{
	driven_fini(&d);
	remove_dir();
}

/* Of the last answer: {"stores": [{...}]}. */
static struct {
	bool any, held;
	int64_t turn;
} told;

static void
hear_store(void *self, const char *door, uint64_t door_inc,
    const struct acta_item *item)
{
	struct acta_reader r = acta_reader(item->body.data, item->body.size);
	acta_value v = acta_read(&r);

	d.said.count++;
	if (v.type != ACTA_MAP)
		return;
	v = acta_map_get(v, "stores", 6);
	if (v.type != ACTA_LIST || v.size != 1)
		return;
	r = acta_reader_into(v);
	v = acta_read(&r);
	told.any = true;
	told.held = acta_map_get(v, "held", 4).as.b;
	told.turn = acta_map_get(v, "turn", 4).as.i;
}

static void
hold(void)
{
	d.part->port.to_door = hear_store;
	told.any = false;
	call(&d, .type = "@store-hold", .flags = ACTA_CALL_ADMIN);
	ck_assert(told.any);
	d.part->port.to_door = driven_to_door;
}

static void
let_go(uint32_t flags)
{
	d.part->port.to_door = hear_store;
	told.any = false;
	call(&d, .type = "@store-go", .flags = flags);
}

static uint64_t
turn(void)
{
	return acta_store_turn(d.part->store);
}

START_TEST(nothing_is_committed_until_it_is_let_go)
{
	uint64_t before;

	ck_result(call(&d, .type = "add", .n = 5), "5");
	hold();
	before = turn();
	ck_answers(call(&d, .type = "add", .n = 7), 0);
	d.now_ms += ACTA_HOLD_MS_MAX - 1;
	driven_run(&d);
	ck_assert_uint_eq(turn(), before);
	ck_assert_int_eq(acta_part_wake_ms(d.part), d.now_ms + 1);
	let_go(ACTA_CALL_ADMIN);
	ck_assert(told.any && told.held);
	ck_assert_int_eq(told.turn, (int64_t)before);
	ck_assert_uint_eq(d.said.count, 2); /* and the call */
	ck_assert_uint_gt(turn(), before);
	d.part->port.to_door = driven_to_door;
	ck_result(call(&d, .type = "add", .n = 1), "13");
}
END_TEST

START_TEST(the_time_ends_it_and_that_is_told)
{
	uint64_t before;

	ck_result(call(&d, .type = "add", .n = 5), "5");
	hold();
	before = turn();
	ck_answers(call(&d, .type = "add", .n = 7), 0);
	d.said = (struct said){ 0 };
	d.now_ms += ACTA_HOLD_MS_MAX;
	driven_run(&d);
	ck_result(&d.said, "12");
	ck_assert_uint_gt(turn(), before);
	let_go(ACTA_CALL_ADMIN);
	ck_assert(told.any && !told.held);
	let_go(ACTA_CALL_ADMIN); /* of one that nobody held */
	ck_assert(told.any && !told.held);
}
END_TEST

START_TEST(only_who_may_hold_lets_go)
{
	uint64_t before;

	hold();
	before = turn();
	let_go(0);
	ck_assert(!told.any);
	ck_assert_uint_eq(turn(), before);
	ck_assert_int_gt(acta_part_wake_ms(d.part), d.now_ms);
}
END_TEST

/* It takes nothing new, but what it has in hand it writes down. */
START_TEST(a_service_that_ends_does_not_wait_for_it)
{
	bool more;

	hold();
	ck_answers(call(&d, .type = "add", .n = 7), 0);
	ck_assert_int_eq(acta_part_turn(d.part, d.now_ms, &more), ACTA_OK);
	ck_assert(!more);
	d.part->draining = true;
	ck_assert_int_eq(acta_part_turn(d.part, d.now_ms, &more), ACTA_OK);
	ck_assert(more);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("hold");
	TCase *tcase = tcase_create("hold");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, nothing_is_committed_until_it_is_let_go);
	tcase_add_test(tcase, the_time_ends_it_and_that_is_told);
	tcase_add_test(tcase, only_who_may_hold_lets_go);
	tcase_add_test(tcase, a_service_that_ends_does_not_wait_for_it);
	suite_add_tcase(suite, tcase);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
