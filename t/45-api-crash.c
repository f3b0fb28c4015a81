/*
 * t/45-api-crash.c - a service is killed at each point of each turn, one after
 * the other, until there is no such point any more; a client that then asks
 * again has the same answer, and everything happened once.
 */
#include "45-api.h"

#include <signal.h>

#define NTH_MAX 2000 /* of a point in one scenario; more is a loop */

static const char *const points[] = { "item", "gather", "handler", "commit",
	"data", "flush", "root", "cached", "durable", "committed", "released",
	"frame" };

struct world {
	acta_test *(*make)(void);
	void (*run)(acta_test *test); /* the scenario, with its checks */
	const char *const *services;  /* as loaded; NULL ends them */
};

/* Where the kill is of the scenario that runs; told if it ends badly. */
static char where[128];

static void
tell_where(void)
{
	if (*where)
		printf("# killed: %s\n", where);
	fflush(stdout);
}

static void
tell_and_abort(int number)
{
	tell_where();
	signal(number, SIG_DFL);
	raise(number);
}

static int
lives(const struct world *world)
{
	int sum = 0;

	for (const char *const *s = world->services; *s; s++)
		sum += probe_int(*s, "counted_starts") - 1;
	return sum + 1;
}

/* The scenario with `service` killed at `point` for the nth time it comes
 * there. False: it did not come there so often. */
static bool
run_killed(const struct world *world, const char *service, const char *point,
    uint32_t nth)
{
	acta_test *t;
	static bool told;
	bool met;

	if (!told) {
		atexit(tell_where);
		signal(SIGABRT, tell_and_abort);
		signal(SIGSEGV, tell_and_abort);
		told = true;
	}
	snprintf(where, sizeof where, "%s at %s %u", service ? service : "any",
	    point, nth);
	for (const char *const *s = world->services; *s; s++)
		*(int *)probe(*s, "counted_starts") = 0;
	t = world->make();
	acta_test_crash(t, service, point, nth);
	world->run(t);
	met = lives(world) > 1;
	acta_test_free(&t);
	where[0] = 0;
	return met;
}

static void
run_killed_everywhere(const struct world *world, const char *service)
{
	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
		uint32_t nth = 1;

		while (nth < NTH_MAX) {
			if (!run_killed(world, service, points[i], nth))
				break;
			nth++;
		}
		ck_assert_msg(nth > 1, "%s was never met", points[i]);
		ck_assert_msg(nth < NTH_MAX, "%s: no end", points[i]);
	}
}

/* ------------------------------------------------------------------ stock */

static acta_test *
stock_new(void)
{
	return node("stock-counted", NULL, NULL);
}

/* A call, and again with the same id: both give `name` = `want`. */
static void
call_twice(acta_test *t, const char *to, const char *type, acta_field field,
    const char *name, int64_t want)
{
	acta_reply_view view = acta_test_call(t, to, type, field);

	assert_ok(view);
	assert_int(acta_at(view.result, name), want);
	view = acta_test_retry(t);
	assert_ok(view);
	assert_int(acta_at(view.result, name), want);
}

static void
stock_run(acta_test *t)
{
	call_twice(
	    t, "stock/1", "restock", acta_int("qty", 10), "available", 10);
	call_twice(t, "stock/1", "reserve", acta_int("qty", 3), "left", 7);
	call_twice(t, "stock/1", "reserve", acta_int("qty", 4), "left", 3);
	for (int i = 0; i < 2; i++) {
		acta_reply_view view = i == 0
		    ? acta_test_call(
			  t, "stock/1", "reserve", acta_int("qty", 9))
		    : acta_test_retry(t);

		assert_refused(view, "out-of-stock");
		ck_assert_str_eq(view.text, "3 left");
	}
	acta_test_send(t, "stock/2", "restock", acta_int("qty", 5));
	acta_test_send(t, "stock/2", "restock", acta_int("qty", 6));
	acta_test_settle(t);
	acta_test_advance(t, 10000);
	assert_int(state_of(t, "stock/1", "available"), 10);
	assert_int(state_of(t, "stock/1", "reserved"), 7);
	assert_int(state_of(t, "stock/2", "available"), 11);
	ck_assert_uint_eq(acta_test_events(t, "stock.reserved").size, 2);
	ck_assert_uint_eq(acta_test_dead(t, "stock"), 0);
}

static const struct world stock = { stock_new, stock_run,
	(const char *const[]){ "stock-counted", NULL } };

START_TEST(stock_is_right_without_a_crash)
{
	acta_test *t = node("stock", NULL, NULL);

	stock_run(t);
	acta_test_free(&t);
}
END_TEST

START_TEST(stock_is_right_wherever_it_is_killed)
{
	run_killed_everywhere(&stock, "stock");
}
END_TEST

START_TEST(a_retry_is_good_when_every_call_was_cut)
{
	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
		acta_test *t = stock_new();

		for (int n = 1; n <= 10; n++) {
			acta_test_crash(t, "stock", points[i], 1);
			call_twice(t, "stock/1", "restock", acta_int("qty", 1),
			    "available", n);
		}
		assert_int(state_of(t, "stock/1", "available"), 10);
		ck_assert_uint_eq(acta_test_dead(t, "stock"), 0);
		acta_test_free(&t);
	}
}
END_TEST

/* ------------------------------------------------- order, stock, mailer */

static acta_test *
shop_new(void)
{
	return node("stock-counted", "order-counted", "mailer");
}

static void
shop_run(acta_test *t)
{
	acta_list *items = acta_list_new(acta_test_actor(t));
	acta_reply_view view;
	char order[64], row[128];

	call_twice(t, "stock/1", "restock", acta_int("qty", 5), "available", 5);
	call_twice(t, "stock/2", "restock", acta_int("qty", 5), "available", 5);
	acta_list_row(items, acta_int("product", 1), acta_int("qty", 2));
	acta_list_row(items, acta_int("product", 2), acta_int("qty", 3));
	acta_list_row(items, acta_int("product", 3), acta_int("qty", 1));
	view = acta_test_call(
	    t, "order/alice", "checkout", acta_items("items", items));
	assert_ok(view);
	ck_assert_uint_eq(acta_at(view.result, "items").size, 2);
	ck_assert_uint_eq(acta_at(view.result, "order").size, 26);
	snprintf(
	    order, sizeof order, "%s", text_of(acta_at(view.result, "order")));
	view = acta_test_retry(t);
	assert_ok(view);
	assert_text(acta_at(view.result, "order"), order);
	ck_assert_uint_eq(acta_at(view.result, "items").size, 2);
	items = acta_list_new(acta_test_actor(t));
	assert_refused(acta_test_call(t, "order/alice", "checkout",
			   acta_items("items", items)),
	    "empty-cart");

	acta_test_settle(t);
	assert_int(state_of(t, "stock/1", "reserved"), 2);
	assert_int(state_of(t, "stock/2", "reserved"), 3);
	assert_type(state_of(t, "stock/3", "reserved"), ACTA_ABSENT);
	ck_assert_uint_eq(acta_test_events(t, "stock.reserved").size, 2);
	ck_assert_uint_eq(acta_test_events(t, "order.placed").size, 1);
	snprintf(row, sizeof row, "orders/%s/waiting", order);
	assert_type(state_of(t, "order/alice", row), ACTA_ABSENT);
	assert_type(state_of(t, "mailer", "mails"), ACTA_ABSENT);
	acta_test_advance(t, 86400000 + 60000);
	acta_test_settle(t);
	assert_int(state_of(t, "mailer", "mails"), 1);
	assert_text(state_of(t, "mailer", "last"), order);
	ck_assert_uint_eq(acta_test_dead(t, "stock"), 0);
	ck_assert_uint_eq(acta_test_dead(t, "order"), 0);
	ck_assert_uint_eq(acta_test_dead(t, "mailer"), 0);
}

static const struct world shop = { shop_new, shop_run,
	(const char *const[]){ "stock-counted", "order-counted", NULL } };

START_TEST(an_order_is_right_without_a_crash)
{
	acta_test *t = node("stock", "order", "mailer");

	shop_run(t);
	acta_test_free(&t);
}
END_TEST

START_TEST(an_order_is_right_wherever_order_is_killed)
{
	run_killed_everywhere(&shop, "order");
}
END_TEST

START_TEST(an_order_is_right_wherever_stock_is_killed)
{
	run_killed_everywhere(&shop, "stock");
}
END_TEST

/* The mailer counts no lives, so a fixed number of turns has to do. */
START_TEST(an_order_is_right_wherever_any_or_the_mailer_is_killed)
{
	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
		for (uint32_t nth = 1; nth <= 24; nth++) {
			(void)run_killed(&shop, NULL, points[i], nth);
			if (nth <= 4)
				(void)run_killed(
				    &shop, "mailer", points[i], nth);
		}
}
END_TEST

/* ----------------------------------------- messages of every other kind */

static acta_test *
talk_new(void)
{
	return node("msgs", "peer", NULL);
}

static void
talk_run(acta_test *t)
{
	acta_reply_view view;
	static const char *const logs[] = { "msgs/9", "peer/9" };

	/* Questions across the link, and to actors of the same partition. */
	view = acta_test_call(t, "msgs/1", "ask-many",
	    acta_str("prefix", "peer/x"), acta_int("count", 5));
	assert_ok(view);
	assert_int(acta_at(view.result, "right"), 5);
	view = acta_test_call(t, "msgs/2", "ask-many",
	    acta_str("prefix", "msgs/x"), acta_int("count", 5));
	assert_ok(view);
	assert_int(acta_at(view.result, "right"), 5);
	/* Sends in order. */
	for (size_t i = 0; i < 2; i++)
		assert_ok(acta_test_call(t, "msgs/3", "burst",
		    acta_str("to", logs[i]), acta_int("count", 10)));
	/* A token that is answered from elsewhere, and a forward. */
	view = acta_test_call(t, "msgs/4", "defer", acta_str("to", "peer/4"));
	assert_ok(view);
	assert_text(acta_at(view.result, "by"), "peer/4");
	view = acta_test_retry(t);
	assert_ok(view);
	assert_text(acta_at(view.result, "by"), "peer/4");
	view = acta_test_call(t, "msgs/5", "forward", acta_str("to", "peer/5"),
	    acta_str("type", "answer"), acta_int("n", 1));
	assert_ok(view);
	assert_int(acta_at(view.result, "left"), 2);
	/* A message that is held until a timer, one that fails first. */
	assert_ok(
	    acta_test_call(t, "msgs/6", "open-after", acta_int("ms", 500)));
	assert_ok(acta_test_call(t, "msgs/6", "pass", acta_int("n", 1)));
	view = acta_test_call(t, "msgs/7", "fail-until", acta_int("until", 5));
	assert_ok(view); /* so no crash counted as an attempt */
	assert_int(acta_at(view.result, "attempt"), 5);
	view = acta_test_retry(t);
	assert_ok(view);

	acta_test_advance(t, 10000);
	acta_test_settle(t);
	for (size_t i = 0; i < 2; i++)
		assert_text(
		    state_of(t, logs[i], "log"), "0,1,2,3,4,5,6,7,8,9,");
	assert_int(state_of(t, "msgs/1", "right"), 5);
	assert_int(state_of(t, "msgs/1", "waiting"), 0);
	assert_int(state_of(t, "peer/x4", "answered"), 1);
	assert_int(state_of(t, "msgs/x4", "answered"), 1);
	assert_int(state_of(t, "peer/4", "finished"), 1);
	assert_int(state_of(t, "peer/5", "answered"), 1);
	assert_text(state_of(t, "msgs/6", "log"), "1,");
	assert_int(state_of(t, "msgs/7", "tries"), 1);
	assert_text(state_of(t, "msgs/effect", "log"), "1,");
	ck_assert_uint_eq(acta_test_dead(t, "msgs"), 0);
	ck_assert_uint_eq(acta_test_dead(t, "peer"), 0);
}

static const struct world talk = { talk_new, talk_run,
	(const char *const[]){ "msgs", "peer", NULL } };

START_TEST(messages_arrive_once_without_a_crash)
{
	acta_test *t = talk_new();

	talk_run(t);
	acta_test_free(&t);
}
END_TEST

START_TEST(messages_arrive_once_wherever_the_sender_is_killed)
{
	run_killed_everywhere(&talk, "msgs");
}
END_TEST

START_TEST(messages_arrive_once_wherever_the_receiver_is_killed)
{
	run_killed_everywhere(&talk, "peer");
}
END_TEST

START_TEST(what_is_in_memory_does_not_survive_and_the_rest_does)
{
	acta_test *t = node("memo", "stock", NULL);
	acta_reply_view view;

	for (int i = 1; i <= 3; i++) {
		view = acta_test_call(t, "memo/1", "add", ACTA_NONE);
		assert_ok(view);
		assert_int(acta_at(view.result, "n"), i);
	}
	call_twice(t, "stock/1", "restock", acta_int("qty", 2), "available", 2);
	acta_test_crash(t, "memo", "gather", 1);
	view = acta_test_call(t, "memo/1", "add", ACTA_NONE);
	assert_ok(view);
	assert_int(acta_at(view.result, "n"), 1);
	acta_test_crash(t, "stock", "gather", 1);
	call_twice(t, "stock/1", "restock", acta_int("qty", 2), "available", 4);
	acta_test_free(&t);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		stock_is_right_without_a_crash,
		stock_is_right_wherever_it_is_killed,
		a_retry_is_good_when_every_call_was_cut,
		an_order_is_right_without_a_crash,
		an_order_is_right_wherever_order_is_killed,
		an_order_is_right_wherever_stock_is_killed,
		an_order_is_right_wherever_any_or_the_mailer_is_killed,
		messages_arrive_once_without_a_crash,
		messages_arrive_once_wherever_the_sender_is_killed,
		messages_arrive_once_wherever_the_receiver_is_killed,
		what_is_in_memory_does_not_survive_and_the_rest_does,
		NULL,
	};

	return run_tests("api-crash", tests);
}
