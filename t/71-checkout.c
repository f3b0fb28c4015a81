/*
 * t/71-checkout.c - Online Marketplace's checkout, service by service, in the
 * test kit: what is ordered, refused, paid and given back, and that a kill at
 * any point of any service's turn changes nothing of it.
 */
#include "45-api.h"

#include <inttypes.h>

static const char *
path_of(const char *name)
{
	static char paths[3][512];
	static unsigned next;
	char *path = paths[next++ % 3];
	const char *build = getenv("BUILD");

	snprintf(path, sizeof(paths[0]), "%s/actors/marketplace/%s.so",
	    build ? build : "build/plain", name);
	return path;
}

/* Products 1 and 2, ten of each. */
static acta_test *
shop(uint64_t seed, const char *fail_percent)
{
	const char *services[] = { path_of("stock"), path_of("order"),
		path_of("payment"), NULL };
	acta_test *t = acta_test_new(seed, services);

	acta_test_set(t, "payment", "fail_percent", fail_percent);
	for (int i = 1; i <= 2; i++)
		assert_ok(acta_test_call(t, i == 1 ? "stock/1" : "stock/2",
		    "load", acta_int("qty", 10)));
	assert_ok(acta_test_call(t, "payment/7", "register",
	    acta_str("name", "Ada"), acta_str("card", "1234567812345678")));
	return t;
}

static void
add(acta_list *items, int64_t product, int64_t qty, int64_t voucher,
    const char *version)
{
	acta_list_row(items, acta_int("product", product), acta_int("qty", qty),
	    acta_int("unit_price", 1000), acta_int("freight", 50),
	    acta_int("voucher", voucher), acta_str("version", version));
}

static acta_reply_view
checkout(acta_test *t, const char *tid, const acta_list *items)
{
	return acta_test_call(t, "order/7", "checkout", acta_str("tid", tid),
	    acta_items("items", items));
}

static void
assert_stock(acta_test *t, const char *product, int64_t available)
{
	acta_test_settle(t);
	assert_int(acta_test_state(t, product, "qty_available"), available);
	assert_int(acta_test_state(t, product, "qty_reserved"), 0);
	assert_type(
	    acta_test_state(t, product, "held/7/000001/01"), ACTA_ABSENT);
}

START_TEST(what_is_there_is_ordered_paid_and_leaves_the_stock)
{
	acta_test *t = shop(SEED, "0");
	acta_list *items = acta_list_new(acta_test_actor(t));
	acta_reply_view view;
	acta_value order, line;

	add(items, 1, 3, 100, "0");
	add(items, 2, 4, 0, "0");
	view = checkout(t, "a", items);
	assert_ok(view);
	assert_text(acta_at(view.result, "status"), "PAYMENT_PROCESSED");
	assert_int(acta_at(view.result, "count_items"), 2);
	assert_int(acta_at(view.result, "total_invoice"), 7000);

	assert_stock(t, "stock/1", 7);
	assert_stock(t, "stock/2", 6);
	order = acta_test_state(t, "order/7", "orders/000001");
	assert_text(acta_at(order, "tid"), "a");
	assert_int(acta_at(order, "total_items"), 7000);
	assert_int(acta_at(order, "total_incentive"), 100);
	assert_int(acta_at(order, "total_amount"), 6900);
	assert_int(acta_at(order, "total_freight"), 100);
	line = acta_test_state(t, "payment/7", "lines/000001/01");
	assert_int(acta_at(line, "value"), 7000);
	assert_text(acta_at(line, "type"), "CREDIT_CARD");
	assert_text(acta_at(line, "card"), "5678");
	line = acta_test_state(t, "payment/7", "lines/000001/02");
	assert_int(acta_at(line, "value"), 100);
	assert_text(acta_at(line, "type"), "VOUCHER");
	assert_type(
	    acta_test_state(t, "order/7", "open/000001/cart"), ACTA_ABSENT);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_voucher_takes_off_no_more_than_its_line_costs)
{
	acta_test *t = shop(SEED, "0");
	acta_list *items = acta_list_new(acta_test_actor(t));

	add(items, 1, 2, 5000, "0");
	assert_int(
	    acta_at(checkout(t, "a", items).result, "total_invoice"), 50);
	acta_test_free(&t);
}
END_TEST

START_TEST(what_is_not_there_is_left_out)
{
	acta_test *t = shop(SEED, "0");
	acta_list *items = acta_list_new(acta_test_actor(t));
	acta_reply_view view;

	add(items, 1, 10, 0, "0"); /* all there are: just so */
	add(items, 2, 11, 0, "0"); /* one too many */
	add(items, 3, 1, 0, "0");  /* never loaded */
	add(items, 2, 1, 0, "1");  /* another version */
	view = checkout(t, "a", items);
	assert_ok(view);
	assert_int(acta_at(view.result, "count_items"), 1);
	assert_int(acta_at(view.result, "total_invoice"), 10050);
	assert_stock(t, "stock/1", 0);
	assert_stock(t, "stock/2", 10);
	acta_test_free(&t);
}
END_TEST

START_TEST(with_nothing_there_the_checkout_is_not_accepted)
{
	acta_test *t = shop(SEED, "0");
	acta_list *items = acta_list_new(acta_test_actor(t));

	add(items, 1, 11, 0, "0");
	assert_refused(checkout(t, "a", items), "not-accepted");
	assert_text(
	    acta_at(acta_test_state(t, "order/7", "refused/000001"), "tid"),
	    "a");
	assert_type(
	    acta_test_state(t, "order/7", "orders/000001"), ACTA_ABSENT);
	assert_stock(t, "stock/1", 10);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_failed_payment_gives_everything_back)
{
	acta_test *t = shop(SEED, "100");
	acta_list *items = acta_list_new(acta_test_actor(t));

	add(items, 1, 3, 0, "0");
	assert_refused(checkout(t, "a", items), "payment-failed");
	assert_stock(t, "stock/1", 10);
	assert_text(acta_at(acta_test_state(t, "order/7", "history/000001/2"),
			"status"),
	    "PAYMENT_FAILED");
	assert_text(acta_at(acta_test_state(t, "payment/7", "payments/000001"),
			"status"),
	    "FAILED");
	assert_type(
	    acta_test_state(t, "payment/7", "lines/000001/01"), ACTA_ABSENT);
	acta_test_free(&t);
}
END_TEST

START_TEST(nonsense_is_refused_before_anything_is_reserved)
{
	acta_test *t = shop(SEED, "0");
	acta_actor *a = acta_test_actor(t);
	acta_list *none = acta_list_new(a), *bad = acta_list_new(a);

	assert_refused(checkout(t, "a", none), "empty-cart");
	add(bad, 1, 1, 0, "0");
	add(bad, 1, 0, 0, "0");
	assert_refused(checkout(t, "b", bad), "bad-items");
	assert_stock(t, "stock/1", 10);
	assert_type(acta_test_state(t, "order/7", "next"), ACTA_ABSENT);
	acta_test_free(&t);
}
END_TEST

START_TEST(asked_again_by_its_id_a_checkout_happens_once)
{
	acta_test *t = shop(SEED, "0");
	acta_list *items = acta_list_new(acta_test_actor(t));

	add(items, 1, 3, 0, "0");
	assert_ok(checkout(t, "a", items));
	assert_int(acta_at(acta_test_retry(t).result, "order"), 1);
	assert_stock(t, "stock/1", 7);
	assert_int(acta_test_state(t, "order/7", "next"), 1);
	acta_test_free(&t);
}
END_TEST

START_TEST(clients_cannot_reach_what_is_inside)
{
	acta_test *t = shop(SEED, "0");

	assert_refused(
	    acta_test_call(t, "stock/1", "attempt", acta_str("hold", "x"),
		acta_int("qty", 1), acta_str("version", "0")),
	    "denied");
	assert_refused(acta_test_call(t, "order/7", "paid",
			   acta_str("status", "SUCCEEDED")),
	    "denied");
	acta_test_free(&t);
}
END_TEST

/* One checkout with a kill at the nth time that `service` comes to `point`. */
static void
killed(const char *service, const char *point, uint32_t nth, bool fails)
{
	acta_test *t = shop(SEED + nth, fails ? "100" : "0");
	acta_list *items = acta_list_new(acta_test_actor(t));
	acta_reply_view view;

	add(items, 1, 3, 0, "0");
	add(items, 2, 4, 0, "0");
	acta_test_crash(t, service, point, nth);
	view = checkout(t, "a", items);
	if (!view.ok && strcmp(view.code, "timeout") == 0)
		view = acta_test_retry(t);
	if (fails)
		assert_refused(view, "payment-failed");
	else
		assert_ok(view);
	assert_stock(t, "stock/1", fails ? 10 : 7);
	assert_stock(t, "stock/2", fails ? 10 : 6);
	assert_int(acta_test_state(t, "order/7", "next"), 1);
	ck_assert_uint_eq(acta_test_dead(t, service), 0);
	acta_test_free(&t);
}

START_TEST(a_kill_anywhere_changes_nothing)
{
	static const char *const services[] = { "stock", "order", "payment" };
	static const char *const points[] = { "gather", "handler", "commit",
		"committed", "released" };

	for (size_t s = 0; s < 3; s++)
		for (size_t p = 0; p < 5; p++)
			for (uint32_t nth = 1; nth <= 4; nth++) {
				killed(services[s], points[p], nth, false);
				killed(services[s], points[p], nth, true);
			}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		what_is_there_is_ordered_paid_and_leaves_the_stock,
		a_voucher_takes_off_no_more_than_its_line_costs,
		what_is_not_there_is_left_out,
		with_nothing_there_the_checkout_is_not_accepted,
		a_failed_payment_gives_everything_back,
		nonsense_is_refused_before_anything_is_reserved,
		asked_again_by_its_id_a_checkout_happens_once,
		clients_cannot_reach_what_is_inside,
		a_kill_anywhere_changes_nothing,
		NULL,
	};

	return run_tests("checkout", tests);
}
