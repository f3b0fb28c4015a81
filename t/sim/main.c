/*
 * t/sim/main.c - runs seeds, shrinks the events of those that fail, prints the
 * table:
 *
 *   acta-sim [--from SEED] [--seeds N] [--jobs N] [--table] [--break NAME]
 *            [--first]
 *   acta-sim --seed SEED [--story]
 *
 * --first ends with the first seed that fails, told as it is. The last line is
 * "N seeds, V violations". Exit 1: V > 0; 2: usage.
 */
#include "t/sim/sim.h"

#include <assert.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SIM_COMMIT
#define SIM_COMMIT "unknown"
#endif
#define TOLD_MAX 3u /* violations that are shrunk and told, of each job */
#define JOBS_MAX 64u
#define TURNS 8u /* orders of what happens that shrinking tries */

/* What a deliberate fault of the simulator's own is called. */
static const struct {
	const char *name;
	unsigned bit;
} breaks_known[] = {
	{ "no-flush", BREAK_NO_FLUSH },
	{ "early-ack", BREAK_EARLY_ACK },
	{ "new-id", BREAK_NEW_ID },
	{ "old-store", BREAK_OLD_STORE },
	{ "unchecked", BREAK_UNCHECKED },
	{ "blame-kills", BREAK_BLAME_KILLS },
};

struct result {
	uint64_t seeds, violations, steps, hash;
	uint64_t tally[T_COUNT];
};

static struct sim_plan plan;
static struct sim_world world;
static unsigned breaks;
static bool first;  /* one violation is enough */
static FILE *story; /* where a shrunk seed's goes */

/* `turn` picks another order of what could be next: 0 is the seed's own. */
static bool
run(const bool *left_out, uint32_t turn, FILE *trace)
{
	sim_world_run(&world, &plan, left_out, turn, trace, breaks);
	sim_world_fini(&world);
	return world.violated;
}

struct shrunk {
	bool left_out[SIM_EVENTS_MAX];
	uint32_t turn; /* in which it fails */
	const char *kind;
};

/* With fewer events chance falls otherwise: a few orders are tried. */
static bool
still_fails(struct shrunk *s)
{
	for (uint32_t n = 0; n < TURNS; n++) {
		uint32_t turn = (s->turn + n) % TURNS;

		if (run(s->left_out, turn, NULL) &&
		    world.violation_kind == s->kind) {
			s->turn = turn;
			return true;
		}
	}
	return false;
}

/* Leave out `size` events from `at` on, if it still fails alike. */
static uint32_t
leave_out(struct shrunk *s, uint32_t at, uint32_t size)
{
	const struct shrunk before = *s;
	uint32_t out = 0;

	for (uint32_t i = at; i < at + size && i < plan.count; i++) {
		out += !s->left_out[i];
		s->left_out[i] = true;
	}
	if (out > 0 && still_fails(s))
		return out;
	*s = before;
	return 0;
}

/* In halves, quarters, ..., then one by one, until not one can be spared. */
static uint32_t
shrink(struct shrunk *s)
{
	uint32_t left = plan.count, out, size = plan.count;

	while (size > 0) {
		out = 0;
		for (uint32_t at = 0; at < plan.count; at += size)
			out += leave_out(s, at, size);
		left -= out;
		if (size > 1 || out == 0)
			size /= 2;
	}
	return left;
}

static void
tell(void)
{
	struct shrunk shrunk = { .kind = world.violation_kind };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	uint32_t left;

	assert(out != NULL);
	fprintf(out, "seed %llu, commit %s: %s\n",
	    (unsigned long long)plan.seed, SIM_COMMIT, world.violation);
	left = shrink(&shrunk);
	(void)run(shrunk.left_out, shrunk.turn, story); /* it fails again */
	fprintf(out, "  of %u events these %u are enough: %s\n", plan.count,
	    left, world.violation);
	for (uint32_t i = 0; i < plan.count; i++)
		if (!shrunk.left_out[i]) {
			fprintf(out, "  ");
			sim_event_print(out, &plan, &plan.events[i]);
		}
	fclose(out);
	fwrite(text, 1, size, stdout);
	fflush(stdout);
	free(text);
}

static void
run_seeds(struct result *r, uint64_t from, uint64_t to, uint64_t step)
{
	uint32_t told = 0;

	for (uint64_t seed = from; seed < to; seed += step) {
		sim_plan_make(&plan, seed);
		(void)run(NULL, 0, NULL); /* counted below */
		r->seeds++;
		r->steps += world.steps;
		r->hash ^=
		    acta_hash64_seeded(&world.hash, sizeof(world.hash), seed);
		for (uint32_t i = 0; i < T_COUNT; i++)
			r->tally[i] += world.tally[i];
		r->violations += world.violated;
		if (world.violated && first) {
			printf("seed %llu: %s\n", (unsigned long long)seed,
			    world.violation);
			return;
		}
		if (world.violated && told++ < TOLD_MAX)
			tell();
	}
}

/* Each job takes every so many-th seed and hands its result up a pipe. */
static int
begin_job(uint64_t from, uint64_t to, uint64_t step)
{
	struct result r = { 0 };
	int ends[2];

	if (pipe(ends) != 0)
		return -1;
	switch (fork()) {
	case -1: return -1;
	case 0:
		run_seeds(&r, from, to, step);
		_exit(write(ends[1], &r, sizeof(r)) == sizeof(r) ? 0 : 1);
	default: close(ends[1]); return ends[0];
	}
}

static bool
end_job(int fd, struct result *sum)
{
	struct result r;
	size_t got = 0;
	ssize_t n = 1;

	while (got < sizeof(r) && n > 0) {
		n = read(fd, (char *)&r + got, sizeof(r) - got);
		got += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	if (got != sizeof(r))
		return false; /* it died: an assert, a crash */
	sum->seeds += r.seeds;
	sum->violations += r.violations;
	sum->steps += r.steps;
	sum->hash ^= r.hash;
	for (uint32_t i = 0; i < T_COUNT; i++)
		sum->tally[i] += r.tally[i];
	return true;
}

static bool
run_jobs(struct result *sum, uint64_t from, uint64_t to, uint32_t jobs)
{
	int fds[JOBS_MAX];
	bool ok = true;

	for (uint32_t i = 0; i < jobs; i++)
		fds[i] = begin_job(from + i, to, jobs);
	for (uint32_t i = 0; i < jobs; i++)
		ok &= fds[i] >= 0 && end_job(fds[i], sum);
	while (wait(NULL) > 0)
		;
	return ok;
}

static void
table(const struct result *r)
{
	char room[64];

	for (uint32_t i = 0; i < T_COUNT; i++)
		if (sim_tally_name(i, room))
			printf("%-44s %12llu\n", room,
			    (unsigned long long)r->tally[i]);
}

static unsigned
break_named(const char *name)
{
	for (size_t i = 0; i < sizeof(breaks_known) / sizeof(breaks_known[0]);
	     i++)
		if (strcmp(breaks_known[i].name, name) == 0)
			return breaks_known[i].bit;
	fprintf(stderr, "acta-sim: no break \"%s\"; there are:", name);
	for (size_t i = 0; i < sizeof(breaks_known) / sizeof(breaks_known[0]);
	     i++)
		fprintf(stderr, " %s", breaks_known[i].name);
	fprintf(stderr, "\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "seeds", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "story", no_argument, NULL, 't' },
		{ "table", no_argument, NULL, 'T' },
		{ "break", required_argument, NULL, 'b' },
		{ "first", no_argument, NULL, '1' },
		{ 0 },
	};
	uint64_t from = 1, count = 1000;
	uint32_t jobs = 1;
	bool show = false, whole = false, ok;
	struct result r = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 's': count = 1; /* fall through */
		case 'f': from = strtoull(optarg, NULL, 10); break;
		case 'n': count = strtoull(optarg, NULL, 10); break;
		case 'j': jobs = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 't': whole = true; break;
		case 'T': show = true; break;
		case 'b': breaks |= break_named(optarg); break;
		case '1': first = true; break;
		default: return 2;
		}
	}
	if (jobs == 0 || jobs > JOBS_MAX || optind < argc)
		return 2;
	/* Of a seed that fails, the shrunk one's: it is told below. */
	if (whole) {
		sim_plan_make(&plan, from);
		story = run(NULL, 0, NULL) ? stdout : NULL;
		if (story == NULL)
			(void)run(NULL, 0, stdout);
	}
	ok = jobs > 1 ? run_jobs(&r, from, from + count, jobs)
		      : (run_seeds(&r, from, from + count, 1), true);
	if (show)
		table(&r);
	printf("%llu steps, hash %016llx\n", (unsigned long long)r.steps,
	    (unsigned long long)r.hash);
	if (!ok)
		printf("a job died\n");
	printf("%llu seeds, %llu violations\n", (unsigned long long)r.seeds,
	    (unsigned long long)r.violations);
	return r.violations > 0 || !ok;
}
