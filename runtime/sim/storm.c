/*
 * runtime/sim/storm.c - acta_test_storm: the same scenario again and again, each
 * time with an end at another of the points that it meets, over a bad network.
 */
#include "runtime/sim/testkit.h"

#include <stdio.h>

#include "runtime/sim/dice.h"

/* How many points the scenario meets when nothing breaks. */
static uint64_t
count_points(const char *const *services, void (*scenario)(acta_test *))
{
	acta_test *t = acta_test_new(1, services);
	uint64_t points;

	scenario(t);
	acta_test_settle(t);
	points = t->points;
	acta_test_free(&t);
	return points;
}

/* Seed 1 has a good network and a kill at the first point; then all are spread
 * evenly over the points, one in three a power cut. */
static void
prepare(acta_test *t, uint64_t points, uint32_t n, uint32_t count)
{
	struct acta_dice dice = acta_dice_of(t->seed, 9);
	uint64_t step = points > count ? points / count : 1;

	t->storm = 1 + n * step % points;
	if (step > 1)
		t->storm +=
		    (uint64_t)acta_dice_between(&dice, 0, (int64_t)step - 1);
	t->storm_power = acta_dice_chance(&dice, 333);
	if (n > 0)
		acta_test_link(t, acta_dice_roll(&dice, 100) / 1000.0,
		    acta_dice_roll(&dice, 100) / 1000.0,
		    acta_dice_roll(&dice, 20));
}

bool
acta_test_storm(const char *const *services, uint32_t count,
    void (*scenario)(acta_test *), bool (*check)(acta_test *))
{
	uint64_t points;

	if (count == 0 || scenario == NULL || check == NULL)
		acta_test_die(NULL, "acta_test_storm: no seed, or no function");
	points = count_points(services, scenario);
	if (points == 0)
		acta_test_die(NULL, "acta_test_storm: nothing can end");
	for (uint32_t n = 0; n < count; n++) {
		acta_test *t = acta_test_new(n + 1, services);
		bool good;

		prepare(t, points, n, count);
		scenario(t);
		acta_test_link(t, 0, 0, 0);
		acta_test_settle(t);
		good = check(t);
		if (!good)
			fprintf(stderr,
			    "acta_test_storm: seed %u: the check does not "
			    "hold after a %s\n",
			    n + 1, t->met[0] ? t->met : "bad network");
		acta_test_free(&t);
		if (!good)
			return false;
	}
	return true;
}
