/*
 * t/sim/main.c - sim [--from SEED] [--seeds N] [--seed SEED] [--trace]
 * [--break NAME]: run seeds, shrink the first that fails, print the table.
 */
#include "t/sim/sim.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#ifndef SIM_COMMIT
#define SIM_COMMIT "unknown"
#endif

static struct sim_plan plan;
static struct sim_world world;
static uint64_t tally[T_COUNT], steps, hash_of_all;

static bool
run(const bool *left_out, FILE *trace, unsigned breaks)
{
	sim_world_run(&world, &plan, left_out, trace, breaks);
	sim_world_fini(&world);
	return world.violated;
}

/* Leave out as many events as can be left out, in halves, then one by one,
 * so that it still fails. */
static uint32_t
shrink(bool *left_out, unsigned breaks)
{
	const char *kind = world.violation_kind;
	uint32_t left = plan.count;

	for (uint32_t size = plan.count; size > 0; size /= 2) {
		bool progress = true;

		while (progress) {
			progress = false;
			for (uint32_t at = 0; at < plan.count; at += size) {
				bool before[SIM_EVENTS_MAX];
				uint32_t out = 0;

				memcpy(before, left_out, sizeof(before));
				for (uint32_t i = at;
				     i < at + size && i < plan.count; i++) {
					out += !left_out[i];
					left_out[i] = true;
				}
				if (out == 0)
					continue;
				if (run(left_out, NULL, breaks) &&
				    world.violation_kind == kind) {
					left -= out;
					progress = true;
				} else {
					memcpy(
					    left_out, before, sizeof(before));
				}
			}
			if (size > 1)
				progress = false;
		}
	}
	return left;
}

static void
tell(uint64_t seed, unsigned breaks)
{
	bool left_out[SIM_EVENTS_MAX] = { false };
	char violation[512];
	uint32_t left;

	memcpy(violation, world.violation, sizeof(violation));
	printf("seed %llu, commit %s: %s\n", (unsigned long long)seed,
	    SIM_COMMIT, violation);
	fflush(stdout);
	left = shrink(left_out, breaks);
	(void)run(left_out, NULL, breaks);
	printf("  of %u events these %u are enough: %s\n", plan.count, left,
	    world.violation);
	for (uint32_t i = 0; i < plan.count; i++)
		if (!left_out[i]) {
			printf("  ");
			sim_event_print(stdout, &plan.events[i]);
		}
}

static void
table(void)
{
	char room[64];

	for (uint32_t i = 0; i < T_COUNT; i++)
		printf("%-40s %12llu\n", sim_tally_name(i, room),
		    (unsigned long long)tally[i]);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "seeds", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "trace", no_argument, NULL, 't' },
		{ "table", no_argument, NULL, 'T' },
		{ "break", required_argument, NULL, 'b' },
		{ 0 },
	};
	uint64_t from = 1, count = 1000, violations = 0;
	unsigned breaks = 0;
	bool show = false;
	FILE *trace = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'f': from = strtoull(optarg, NULL, 10); break;
		case 'n': count = strtoull(optarg, NULL, 10); break;
		case 's':
			from = strtoull(optarg, NULL, 10);
			count = 1;
			break;
		case 't': trace = stdout; break;
		case 'T': show = true; break;
		case 'b': breaks = (unsigned)strtoul(optarg, NULL, 10); break;
		default: return 2;
		}
	}
	for (uint64_t seed = from; seed < from + count; seed++) {
		sim_plan_make(&plan, seed);
		sim_world_run(&world, &plan, NULL, trace, breaks);
		steps += world.steps;
		hash_of_all ^= world.hash;
		for (uint32_t i = 0; i < T_COUNT; i++)
			tally[i] += world.tally[i];
		if (world.violated)
			violations++;
		sim_world_fini(&world);
		if (world.violated && violations <= 3)
			tell(seed, breaks);
	}
	if (show)
		table();
	printf("%llu steps, hash %016llx\n", (unsigned long long)steps,
	    (unsigned long long)hash_of_all);
	printf("%llu seeds, %llu violations\n", (unsigned long long)count,
	    (unsigned long long)violations);
	return violations > 0;
}
