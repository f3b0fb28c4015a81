/*
 * t/45-api-limits.c - what a handler may make, the runtime carries: values at
 * the limits of depth, of elements and of bytes arrive whole by every way there
 * is, also where the runtime wraps them in messages and rows of its own, and
 * whatever is killed on the way.
 */
#include "45-api.h"

static const char *const shapes[] = { "deep", "broad", "large" };
#define SHAPES (sizeof shapes / sizeof shapes[0])

/* An answer's map is that, and what it has under "v" is one level less. */
static void
assert_whole(acta_value v, const char *shape, const char *where)
{
	uint32_t depth = 1;

	if (strcmp(shape, "deep") == 0) {
		while (acta_at(v, "d").type == ACTA_MAP) {
			v = acta_at(v, "d");
			depth++;
		}
		ck_assert_msg(is_text(acta_at(v, "end"), ""), "%s", where);
		ck_assert_msg(depth == 31, "%s: depth %u", where, depth);
	} else if (strcmp(shape, "broad") == 0) {
		ck_assert_msg(v.type == ACTA_LIST && v.size == 65534,
		    "%s: type %u, size %u", where, v.type, v.size);
	} else {
		ck_assert_msg(v.type == ACTA_BIN && v.size == (1 << 20) - 8,
		    "%s: type %u, size %u", where, v.type, v.size);
		for (uint32_t i = 0; i < v.size; i++)
			if (((const char *)v.as.data)[i] != 'x')
				ck_abort_msg("%s: byte %u", where, i);
	}
}

static void
assert_none_dead(acta_test *t)
{
	ck_assert_uint_eq(acta_test_dead(t, "nest"), 0);
	ck_assert_uint_eq(acta_test_dead(t, "nest-peer"), 0);
}

static acta_test *
two(void)
{
	return node("nest", "nest-peer", NULL);
}

static acta_value
at_limit(acta_test *t, const char *shape)
{
	acta_reply_view view =
	    acta_test_call(t, "nest/maker", "make", acta_str("shape", shape));

	assert_ok(view);
	return acta_at(view.result, "v");
}

START_TEST(a_client_gets_it_and_gets_it_again)
{
	acta_test *t = two();

	for (size_t i = 0; i < SHAPES; i++) {
		assert_whole(at_limit(t, shapes[i]), shapes[i], "call");
		assert_whole(acta_at(acta_test_retry(t).result, "v"), shapes[i],
		    "retry");
	}
	assert_none_dead(t);
	acta_test_free(&t);
}
END_TEST

START_TEST(a_client_may_send_it_and_it_may_wait_for_its_retry)
{
	acta_test *t = two();

	for (size_t i = 0; i < SHAPES; i++) {
		acta_reply_view view;

		/* `until` takes 7 bytes more, and 2 elements */
		if (strcmp(shapes[i], "deep") != 0)
			continue;
		view = acta_test_call(t, "nest/1", "take",
		    acta_val("v", at_limit(t, shapes[i])),
		    acta_int("until", 3));
		assert_ok(view);
		assert_whole(acta_at(view.result, "v"), shapes[i], "take");
		assert_whole(
		    state_of(t, "nest/1", "taken"), shapes[i], "taken");
		assert_int(state_of(t, "nest/1", "takes"), 1);
	}
	assert_none_dead(t);
	acta_test_free(&t);
}
END_TEST

/* Every way to one that is in the same partition, and to one that is not. */
static const char *const others[] = { "nest/2", "nest-peer/2" };
#define OTHERS (sizeof others / sizeof others[0])

START_TEST(it_is_sent_held_and_run_later)
{
	const char *shape = shapes[_i % SHAPES], *to = others[_i / SHAPES];
	acta_test *t = two();

	acta_test_send(t, "nest/1", "send-on", acta_str("shape", shape),
	    acta_str("to", to));
	acta_test_settle(t);
	assert_whole(state_of(t, to, "taken"), shape, "sent");
	acta_test_send(t, to, "open-later", ACTA_NONE);
	acta_test_send(t, "nest/1", "send-on", acta_str("shape", shape),
	    acta_str("to", to), acta_str("type", "take-open"));
	acta_test_advance(t, 400);
	assert_int(state_of(t, to, "takes"), 1);
	acta_test_advance(t, 600);
	assert_int(state_of(t, to, "takes"), 2);
	acta_test_send(t, to, "later", acta_str("shape", shape));
	acta_test_advance(t, 1000);
	assert_int(state_of(t, to, "takes"), 3);
	assert_whole(state_of(t, to, "taken"), shape, "timer");
	assert_none_dead(t);
	acta_test_free(&t);
}
END_TEST

/* Together they are more than a row of the store, an item or a frame holds. */
START_TEST(all_effects_of_one_message_go_to_one_other)
{
	for (size_t i = 0; i < OTHERS; i++)
		for (int crash = 0; crash < 2; crash++) {
			acta_test *t = two();

			if (crash)
				acta_test_crash(t, NULL, "released", 1);
			acta_test_send(t, "nest/1", "send-many",
			    acta_str("to", others[i]));
			acta_test_settle(t);
			assert_int(state_of(t, others[i], "takes"), 8);
			assert_whole(
			    state_of(t, others[i], "taken"), "large", "many");
			assert_none_dead(t);
			acta_test_free(&t);
		}
}
END_TEST

static const char *const ways[] = { "make", "forward", "defer" };
#define WAYS (sizeof ways / sizeof ways[0])

static void
assert_answered(acta_test *t, const char *asker, const char *shape)
{
	assert_none_dead(t);
	assert_text(state_of(t, asker, "code"), "");
	assert_int(state_of(t, asker, "outcome"), ACTA_ANSWERED);
	assert_int(state_of(t, asker, "answers"), 1);
	assert_whole(state_of(t, asker, "answer"), shape, "answer");
	assert_whole(state_of(t, asker, "kept"), shape, "kept");
}

START_TEST(it_is_answered_forwarded_and_deferred)
{
	const char *shape = shapes[(size_t)_i % SHAPES];
	const char *to = others[(size_t)_i / SHAPES % OTHERS];
	const char *way = ways[(size_t)_i / SHAPES / OTHERS];
	acta_test *t = two();
	acta_reply_view view;

	/* to a client */
	view = acta_test_call(t, to, way, acta_str("shape", shape));
	assert_ok(view);
	assert_whole(acta_at(view.result, "v"), shape, way);
	view = acta_test_retry(t);
	assert_ok(view);
	assert_whole(acta_at(view.result, "v"), shape, "retry");
	/* to an actor, at once and after a failure of its own */
	for (int until = 0; until <= 2; until += 2) {
		char asker[16];

		snprintf(asker, sizeof asker, "nest/a%d", until);
		acta_test_send(t, asker, "ask", acta_str("shape", shape),
		    acta_str("to", to), acta_str("type", way),
		    acta_int("until", until));
		acta_test_settle(t);
		assert_answered(t, asker, shape);
	}
	acta_test_free(&t);
}
END_TEST

/* The asker's deferred answer goes home through another service. */
START_TEST(a_token_is_answered_from_another_service)
{
	for (size_t i = 0; i < SHAPES; i++) {
		acta_test *t = two();
		acta_reply_view view = acta_test_call(t, "nest/1", "defer",
		    acta_str("to", "nest-peer/2"),
		    acta_str("shape", shapes[i]));

		assert_ok(view);
		assert_whole(acta_at(view.result, "v"), shapes[i], "client");
		acta_test_send(t, "nest-peer/1", "ask",
		    acta_str("shape", shapes[i]), acta_str("to", "nest/1"),
		    acta_str("type", "defer"));
		acta_test_settle(t);
		assert_answered(t, "nest-peer/1", shapes[i]);
		acta_test_free(&t);
	}
}
END_TEST

static const char *const points[] = { "gather", "handler", "commit",
	"committed", "released" };
#define POINTS (sizeof points / sizeof points[0])
#define NTHS 5
static const char *const ends[] = { "deep", "large" };

START_TEST(it_survives_a_kill_at_every_point)
{
	const char *point = points[(size_t)_i % POINTS];
	const char *way = ways[(size_t)_i / POINTS % WAYS];
	const char *shape = ends[(size_t)_i / POINTS / WAYS];

	for (uint32_t nth = 1; nth <= NTHS; nth++)
		for (int who = 0; who < 2; who++) {
			acta_test *t = two();

			acta_test_crash(
			    t, who ? "nest-peer" : "nest", point, nth);
			acta_test_send(t, "nest/1", "ask",
			    acta_str("shape", shape),
			    acta_str("to", "nest-peer/2"),
			    acta_str("type", way), acta_int("until", 2));
			acta_test_settle(t);
			assert_answered(t, "nest/1", shape);
			acta_test_free(&t);
		}
}
END_TEST

START_TEST(it_is_published_and_kept_as_a_row)
{
	acta_test *t = two();
	acta_value events;

	for (size_t i = 0; i < SHAPES; i++) {
		acta_test_send(
		    t, "nest/1", "publish", acta_str("shape", shapes[i]));
		acta_test_send(
		    t, "nest/1", "keep", acta_str("shape", shapes[i]));
		acta_test_settle(t);
		if (i == 0)
			assert_whole(acta_at(state_of(t, "nest/1", "row"), "d"),
			    shapes[i], "row");
		else
			assert_whole(
			    state_of(t, "nest/1", "row"), shapes[i], "row");
	}
	events = acta_test_events(t, "nest.limit");
	ck_assert_uint_eq(events.size, SHAPES);
	for (acta_cursor c = acta_each(acta_test_actor(t), events);
	     acta_next(&c);)
		assert_whole(acta_at(c.value, "v"), shapes[c.index], "event");
	assert_none_dead(t);
	acta_test_free(&t);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("limits");
	TCase *tc = tcase_create("limits");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, a_client_gets_it_and_gets_it_again);
	tcase_add_test(tc, a_client_may_send_it_and_it_may_wait_for_its_retry);
	tcase_add_loop_test(
	    tc, it_is_sent_held_and_run_later, 0, SHAPES * OTHERS);
	tcase_add_test(tc, all_effects_of_one_message_go_to_one_other);
	tcase_add_loop_test(tc, it_is_answered_forwarded_and_deferred, 0,
	    SHAPES * OTHERS * WAYS);
	tcase_add_test(tc, a_token_is_answered_from_another_service);
	tcase_add_loop_test(
	    tc, it_survives_a_kill_at_every_point, 0, POINTS * WAYS * 2);
	tcase_add_test(tc, it_is_published_and_kept_as_a_row);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
