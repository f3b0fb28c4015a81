/*
 * t/45-api-storm.c - the test kit's disk and network break as real ones do: a
 * power cut takes what was not flushed, a link loses, doubles and delays; and a
 * storm of both finds a service that is not right, and passes one that is.
 */
#include "45-api.h"

#include <signal.h>
#include <unistd.h>

#include "runtime/sim/testkit.h" /* to break the disk, to see what is met */

#define LEAKY "leaky/1"

static acta_test *
leaky_new(void)
{
	acta_test *t = node("leaky", NULL, NULL);

	*(int *)probe("leaky", "runs") = 0;
	return t;
}

static void
add_once(acta_test *t, int64_t n, int64_t sum)
{
	acta_reply_view view =
	    acta_test_call(t, LEAKY, "add", acta_int("n", n));

	assert_ok(view);
	assert_int(acta_at(view.result, "sum"), sum);
}

/* ----------------------------------------------------------- power cuts -- */

START_TEST(what_was_answered_survives_a_power_cut)
{
	acta_test *t = leaky_new();

	for (int64_t n = 1; n <= 5; n++) {
		add_once(t, 1, n);
		acta_test_powercut(t);
		assert_int(state_of(t, LEAKY, "sum"), n);
	}
	ck_assert_int_eq(probe_int("leaky", "runs"), 5);
	acta_test_free(&t);
}
END_TEST

/* After the root is in the page cache a killed process's commit is there; the
 * same commit is gone if the power is cut, and the handler runs again. */
START_TEST(what_is_in_the_page_cache_survives_a_kill_and_no_power_cut)
{
	for (int power = 0; power < 2; power++) {
		acta_test *t = leaky_new();

		add_once(t, 1, 1);
		acta_test_crash(t, "leaky", "cached", 1);
		if (power)
			acta_test_powercut(t); /* there, and not a kill */
		add_once(t, 1, 2);
		ck_assert_int_eq(probe_int("leaky", "runs"), power ? 3 : 2);
		assert_int(state_of(t, LEAKY, "sum"), 2);
		acta_test_free(&t);
	}
}
END_TEST

START_TEST(a_power_cut_at_any_point_leaves_everything_once)
{
	static const char *const points[] = { "item", "gather", "handler",
		"commit", "data", "flush", "root", "cached", "durable",
		"committed", "released", "open", "sync" };

	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
		for (uint32_t nth = 1; nth <= 4; nth++) {
			acta_test *t = node("stock", "order", "mailer");
			acta_list *items = acta_list_new(acta_test_actor(t));
			acta_reply_view view;

			assert_ok(acta_test_call(
			    t, "stock/1", "restock", acta_int("qty", 5)));
			acta_test_crash(t, NULL, points[i], nth);
			acta_test_powercut(t);
			acta_list_row(
			    items, acta_int("product", 1), acta_int("qty", 2));
			view = acta_test_call(t, "order/alice", "checkout",
			    acta_items("items", items));
			if (!view.ok)
				view = acta_test_retry(t);
			assert_ok(view);
			acta_test_settle(t);
			assert_int(state_of(t, "stock/1", "reserved"), 2);
			ck_assert_uint_eq(
			    acta_test_events(t, "order.placed").size, 1);
			acta_test_free(&t);
		}
}
END_TEST

START_TEST(all_services_lose_their_power_at_once)
{
	acta_test *t = node("memo", "leaky", NULL);
	acta_reply_view view;

	assert_ok(acta_test_call(t, "memo/1", "add", ACTA_NONE));
	add_once(t, 1, 1);
	acta_test_powercut(t);
	view = acta_test_call(t, "memo/1", "add", ACTA_NONE);
	assert_ok(view);
	assert_int(acta_at(view.result, "n"), 1);
	assert_int(state_of(t, LEAKY, "sum"), 1);
	acta_test_free(&t);
}
END_TEST

/* ----------------------------------------------------------------- links -- */

static acta_test *
talk_new(void)
{
	return node("msgs", "peer", NULL);
}

/* Numbered messages and questions over the link. */
static void
talk(acta_test *t, int64_t times)
{
	for (int64_t i = 0; i < times; i++) {
		assert_ok(acta_test_call(t, "msgs/3", "burst",
		    acta_str("to", "peer/9"), acta_int("count", 10)));
		acta_test_settle(t);
	}
}

static void
check_log(acta_test *t, int64_t times)
{
	char want[512] = "";
	size_t at = 0;

	for (int64_t i = 0; i < times; i++)
		at += (size_t)snprintf(
		    want + at, sizeof want - at, "0,1,2,3,4,5,6,7,8,9,");
	assert_text(state_of(t, "peer/9", "log"), want);
}

START_TEST(over_a_bad_link_all_comes_once_and_in_order)
{
	acta_test *t = talk_new();

	acta_test_link(t, 0.4, 0.4, 30);
	talk(t, 12);
	check_log(t, 12);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_dead_link_keeps_messages_until_it_is_mended)
{
	acta_test *t = talk_new();

	acta_test_link(t, 1, 0, 0);
	talk(t, 1);
	assert_type(state_of(t, "peer/9", "log"), ACTA_ABSENT);
	acta_test_link(t, 0, 0, 0);
	acta_test_settle(t);
	check_log(t, 1);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_slow_link_takes_its_time)
{
	acta_test *t = talk_new();

	acta_test_link(t, 0, 0, 400);
	assert_ok(acta_test_call(t, "msgs/3", "burst", acta_str("to", "peer/9"),
	    acta_int("count", 10)));
	assert_type(state_of(t, "peer/9", "log"), ACTA_ABSENT);
	acta_test_advance(t, 2000);
	check_log(t, 1);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_seed_repeats_its_bad_link)
{
	const char *const services[] = { service_path("msgs"),
		service_path("peer"), NULL };
	char text[2][256];

	for (int i = 0; i < 2; i++) {
		acta_test *t = acta_test_new(7, services);

		acta_test_link(t, 0.5, 0.5, 1000);
		assert_ok(acta_test_call(t, "msgs/3", "burst",
		    acta_str("to", "peer/9"), acta_int("count", 10)));
		acta_test_advance(t, 900);
		snprintf(text[i], sizeof text[i], "%s",
		    text_of(state_of(t, "peer/9", "log")));
		acta_test_free(&t);
	}
	ck_assert_str_eq(text[0], text[1]);
}
END_TEST

/* From now on: what is on its way by then has been lost, or comes. */
START_TEST(a_link_is_good_again_when_it_is_said_to_be)
{
	acta_test *t = talk_new();

	acta_test_link(t, 0, 0, 5000);
	assert_ok(acta_test_call(t, "msgs/3", "burst", acta_str("to", "peer/9"),
	    acta_int("count", 10)));
	acta_test_link(t, 0, 0, 0);
	acta_test_advance(t, 6000);
	check_log(t, 1);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_clients_calls_are_not_lost)
{
	acta_test *t = talk_new();

	acta_test_link(t, 1, 1, 1000);
	for (int i = 0; i < 50; i++) /* one would be */
		assert_ok(acta_test_call(t, "msgs/3", "burst",
		    acta_str("to", "msgs/3"), acta_int("count", 0)));
	acta_test_free(&t);
}
END_TEST

/* Each aborts. */
static const struct {
	double loss, doubled;
	int64_t delay_ms;
} no_links[] = { { 1.5, 0, 0 }, { -0.1, 0, 0 }, { 0, 1.1, 0 }, { 0, -1, 0 },
	{ 0, 0, -1 }, { 0.0 / 0.0, 0, 0 } };

START_TEST(shares_are_0_to_1_and_a_delay_is_not_negative)
{
	acta_test *t = talk_new();

	acta_test_link(
	    t, no_links[_i].loss, no_links[_i].doubled, no_links[_i].delay_ms);
}
END_TEST

/* ---------------------------------------------------------------- storms -- */

static uint32_t checked;

static void
shop(acta_test *t)
{
	acta_list *items = acta_list_new(acta_test_actor(t));
	acta_reply_view view =
	    acta_test_call(t, "stock/1", "restock", acta_int("qty", 5));

	for (int again = 0; !view.ok && again < 20; again++)
		view = acta_test_retry(t);
	assert_ok(view);
	acta_list_row(items, acta_int("product", 1), acta_int("qty", 2));
	acta_list_row(items, acta_int("product", 2), acta_int("qty", 1));
	view = acta_test_call(
	    t, "order/bob", "checkout", acta_items("items", items));
	for (int again = 0; !view.ok && again < 20; again++)
		view = acta_test_retry(t);
	assert_ok(view);
}

/* A question may time out, so that nothing is reserved; but not half of it, and
 * nothing gets lost. */
static bool
shop_is_right(acta_test *t)
{
	int64_t available = acta_as_int(state_of(t, "stock/1", "available"), 0);
	int64_t reserved = acta_as_int(state_of(t, "stock/1", "reserved"), 0);

	checked++;
	return available == 5 && (reserved == 0 || reserved == 2) &&
	    acta_test_events(t, "stock.reserved").size == reserved / 2 &&
	    acta_test_events(t, "order.placed").size == 1 &&
	    acta_test_dead(t, "stock") == 0 && acta_test_dead(t, "order") == 0;
}

START_TEST(a_storm_passes_what_is_right)
{
	const char *const services[] = { service_path("stock"),
		service_path("order"), service_path("mailer"), NULL };

	checked = 0;
	ck_assert(acta_test_storm(services, 400, shop, shop_is_right));
	ck_assert_uint_eq(checked, 400);
}
END_TEST

static void
leak(acta_test *t)
{
	acta_reply_view view;

	for (int64_t n = 0; n < 3; n++) {
		view = acta_test_call(t, LEAKY, "add", acta_int("n", 1));
		for (int again = 0; !view.ok && again < 20; again++)
			view = acta_test_retry(t);
		assert_ok(view);
	}
}

static bool
nothing_leaks(acta_test *t)
{
	checked++;
	return acta_as_int(state_of(t, LEAKY, "sum"), 0) ==
	    acta_as_int(state_of(t, LEAKY, "leaky"), 0);
}

START_TEST(a_storm_finds_what_is_not)
{
	const char *const services[] = { service_path("leaky"), NULL };

	checked = 0;
	ck_assert(!acta_test_storm(services, 100, leak, nothing_leaks));
	ck_assert_uint_lt(checked, 100);
}
END_TEST

static void
restock(acta_test *t)
{
	acta_reply_view view =
	    acta_test_call(t, "stock/1", "restock", acta_int("qty", 5));

	for (int again = 0; !view.ok && again < 20; again++)
		view = acta_test_retry(t);
	assert_ok(view);
}

static bool
is_stocked(acta_test *t)
{
	return acta_as_int(state_of(t, "stock/1", "available"), 0) == 5;
}

START_TEST(in_a_storm_something_ends_once_a_seed)
{
	const char *const services[] = { service_path("stock-counted"), NULL };
	int *starts = probe("stock-counted", "counted_starts");

	*starts = 0;
	ck_assert(acta_test_storm(services, 100, restock, is_stocked));
	/* The one that counts the points, then two a seed. */
	ck_assert_int_eq(*starts, 1 + 2 * 100);
}
END_TEST

/* What is wrong is told: the seed, and what ended where. */
START_TEST(a_storm_tells_what_it_found)
{
	const char *const services[] = { service_path("leaky"), NULL };
	FILE *file = tmpfile();
	char text[4096] = "";
	int was = dup(STDERR_FILENO);
	size_t size;

	ck_assert(file != NULL && was >= 0);
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	ck_assert(!acta_test_storm(services, 100, leak, nothing_leaks));
	fflush(stderr);
	dup2(was, STDERR_FILENO);
	rewind(file);
	size = fread(text, 1, sizeof text - 1, file);
	text[size] = '\0';
	fclose(file);
	ck_assert_msg(strstr(text, "acta_test_storm: seed ") != NULL &&
		(strstr(text, "after a kill of leaky at ") != NULL ||
		    strstr(text, "after a power cut of leaky at ") != NULL),
	    "%s", text);
}
END_TEST

static uint64_t struck[1000], strikes;

static bool
strikes_anew(acta_test *t)
{
	for (uint64_t i = 0; i < strikes; i++)
		ck_assert_uint_ne(struck[i], t->storm);
	struck[strikes++] = t->storm;
	return t->met[0] != '\0' && is_stocked(t);
}

/* Another point each; as many seeds as there are points are all of them. */
START_TEST(a_storm_strikes_at_every_point)
{
	const char *const services[] = { service_path("stock"), NULL };
	acta_test *t = acta_test_new(1, services);
	uint32_t points;

	restock(t);
	acta_test_settle(t);
	points = (uint32_t)t->points;
	acta_test_free(&t);
	ck_assert_uint_gt(points, 15);
	ck_assert_uint_lt(points, 1000);
	ck_assert(acta_test_storm(services, points, restock, strikes_anew));
	ck_assert_uint_eq(strikes, points);
}
END_TEST

static void
restock_unflushed(acta_test *t)
{
	acta_sim_disks_break(t->cluster.disks, ACTA_SIM_NO_FLUSH);
	restock(t);
}

/* It is said before it is durable: no check of a service would see it. */
START_TEST(what_must_always_hold_is_checked_in_a_storm)
{
	const char *const services[] = { service_path("stock"), NULL };

	(void)!acta_test_storm(services, 10, restock_unflushed, is_stocked);
}
END_TEST

START_TEST(and_without_one)
{
	acta_test *t = node("stock", NULL, NULL);

	restock_unflushed(t);
}
END_TEST

START_TEST(a_storm_has_seeds)
{
	const char *const services[] = { service_path("stock"), NULL };

	(void)!acta_test_storm(services, 0, restock, is_stocked);
}
END_TEST

START_TEST(a_storm_has_a_scenario)
{
	const char *const services[] = { service_path("stock"), NULL };

	(void)!acta_test_storm(services, 1, NULL, is_stocked);
}
END_TEST

START_TEST(a_storm_has_services)
{
	const char *const services[] = { NULL };

	(void)!acta_test_storm(services, 1, acta_test_settle, is_stocked);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("api-storm");
	TCase *tc = tcase_create("api-storm");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, what_was_answered_survives_a_power_cut);
	tcase_add_test(
	    tc, what_is_in_the_page_cache_survives_a_kill_and_no_power_cut);
	tcase_add_test(tc, a_power_cut_at_any_point_leaves_everything_once);
	tcase_add_test(tc, all_services_lose_their_power_at_once);
	tcase_add_test(tc, over_a_bad_link_all_comes_once_and_in_order);
	tcase_add_test(tc, a_dead_link_keeps_messages_until_it_is_mended);
	tcase_add_test(tc, a_slow_link_takes_its_time);
	tcase_add_test(tc, a_seed_repeats_its_bad_link);
	tcase_add_test(tc, a_link_is_good_again_when_it_is_said_to_be);
	tcase_add_test(tc, a_clients_calls_are_not_lost);
	tcase_add_loop_test_raise_signal(tc,
	    shares_are_0_to_1_and_a_delay_is_not_negative, SIGABRT, 0,
	    sizeof no_links / sizeof no_links[0]);
	tcase_add_test(tc, a_storm_passes_what_is_right);
	tcase_add_test(tc, a_storm_finds_what_is_not);
	tcase_add_test(tc, in_a_storm_something_ends_once_a_seed);
	tcase_add_test(tc, a_storm_tells_what_it_found);
	tcase_add_test(tc, a_storm_strikes_at_every_point);
	tcase_add_test_raise_signal(
	    tc, what_must_always_hold_is_checked_in_a_storm, SIGABRT);
	tcase_add_test_raise_signal(tc, and_without_one, SIGABRT);
	tcase_add_test_raise_signal(tc, a_storm_has_seeds, SIGABRT);
	tcase_add_test_raise_signal(tc, a_storm_has_a_scenario, SIGABRT);
	tcase_add_test_raise_signal(tc, a_storm_has_services, SIGABRT);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
