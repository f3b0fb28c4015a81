/*
 * t/46-lossy.c - the numbers of Akka's random specs of reliable delivery: 63
 * messages over a link that loses 10 to 30 % each way and delays up to 40 ms; 31
 * from a sender whose disk fails 10 to 20 % of its writes (here it dies, or its
 * power is cut, in the commit); 17 with both. Each comes once and in order, within
 * 120 s of simulated time, under each of SEEDS seeds. What Akka does without
 * resending, Acta does not offer.
 */
#include "45-api.h"

#define SEEDS 200
#define WITHIN_MS 120000
#define AGAIN_MAX 40 /* a call, until it is answered */
#define FROM "transfer/0"
#define TO "transfer-two/1"

/* xorshift64: the same seed, the same story. */
static double
chance(uint64_t *state, double from, double to)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return from + (to - from) * (double)(*state >> 11) / 9007199254740992.0;
}

static void
give(acta_test *t, int64_t number)
{
	char id[16];
	acta_reply_view view;

	snprintf(id, sizeof id, "%d", (int)number);
	view = acta_test_call(t, FROM, "transfer", acta_str("id", id),
	    acta_str("to", TO), acta_int("n", number));
	for (int again = 0; !view.ok && again < AGAIN_MAX; again++)
		view = acta_test_retry(t);
	ck_assert_msg(view.ok, "message %s: %s", id, view.code);
	ck_assert_int_eq(acta_as_int(acta_at(view.result, "n"), 0), number);
}

/* All of them, and nothing else, in the order sent. */
static void
check_heard(acta_test *t, int64_t count, uint64_t seed)
{
	char row[32];

	for (int64_t n = 1; n <= count; n++) {
		acta_value e;

		snprintf(row, sizeof row, "log/%08d", (int)n);
		e = acta_test_state(t, TO, row);
		ck_assert_msg(acta_as_int(acta_at(e, "seq"), 0) == n &&
			acta_as_int(acta_at(e, "delta"), 0) == n,
		    "seed %d: %s is not number %d", (int)seed, row, (int)n);
	}
	ck_assert_int_eq(acta_as_int(acta_test_state(t, TO, "n"), 0), count);
	ck_assert_uint_eq(acta_test_dead(t, "transfer"), 0);
	ck_assert_uint_eq(acta_test_dead(t, "transfer-two"), 0);
}

struct spec {
	int64_t count;
	double loss_from, loss_to, fails_from, fails_to;
};

static void
deliver(const struct spec *spec, uint64_t seed)
{
	static const char *const points[] = { "data", "flush", "root",
		"cached" };
	const char *const services[] = { service_path("transfer"),
		service_path("transfer-two"), NULL };
	acta_test *t = acta_test_new(seed, services);
	uint64_t state = seed * 0x9e3779b97f4a7c15u | 1;
	double fails = chance(&state, spec->fails_from, spec->fails_to);

	acta_test_link(
	    t, chance(&state, spec->loss_from, spec->loss_to), 0, 40);
	for (int64_t n = 1; n <= spec->count; n++) {
		if (chance(&state, 0, 1) < fails) {
			acta_test_crash(t, "transfer",
			    points[(int)chance(&state, 0, 4)], 1);
			if (chance(&state, 0, 2) < 1)
				acta_test_powercut(t);
		}
		give(t, n);
		acta_test_advance(t, (int64_t)chance(&state, 0, 10));
	}
	acta_test_advance(t, WITHIN_MS);
	check_heard(t, spec->count, seed);
	acta_test_free(&t);
}

static void
under_all_seeds(struct spec spec)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		deliver(&spec, seed);
}

START_TEST(over_a_link_that_loses_10_to_30_percent)
{
	under_all_seeds((struct spec){ 63, 0.1, 0.3, 0, 0 });
}
END_TEST

START_TEST(from_a_sender_whose_commits_fail)
{
	under_all_seeds((struct spec){ 31, 0, 0, 0.1, 0.2 });
}
END_TEST

START_TEST(with_both)
{
	under_all_seeds((struct spec){ 17, 0.1, 0.2, 0.1, 0.2 });
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("46-lossy");
	TCase *tc = tcase_create("delivery");
	SRunner *sr;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, over_a_link_that_loses_10_to_30_percent);
	tcase_add_test(tc, from_a_sender_whose_commits_fail);
	tcase_add_test(tc, with_both);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_set_tap(sr, "-");
	srunner_run_all(sr, CK_SILENT);
	srunner_free(sr);
	return 0;
}
