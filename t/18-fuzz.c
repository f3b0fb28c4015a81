/*
 * t/18-fuzz.c - every fuzz target over its seeds, and over those damaged at
 * random, without libFuzzer: what must be true of any input holds for these.
 * SEED=number and ROUNDS=number replay and prolong a run; what breaks a target is
 * left in the current folder as fuzz-NAME.bin if KEEP is set. `18-fuzz NAME FILE...`
 * runs a target over files, `18-fuzz --seeds DIR` writes the seeds there.
 */
#include "t/fuzz.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS 20000
#define SEEDS_MAX 256u
#define INPUT_MAX 65536u

static const struct {
	const char *name;
	int (*run)(const uint8_t *, size_t);
	void (*seeds)(fuzz_take *, void *);
} targets[] = {
#define X(name) { #name, fuzz_##name, fuzz_##name##_seeds },
	FUZZ_TARGETS(X)
#undef X
};
#define TARGETS (sizeof(targets) / sizeof(targets[0]))

struct input {
	uint8_t *data;
	size_t size;
};

static struct input seeds[SEEDS_MAX];
static size_t seed_count;

static void
keep(void *self, const void *data, size_t size)
{
	(void)self;
	fuzz_must(seed_count < SEEDS_MAX);
	seeds[seed_count].data = malloc(size ? size : 1);
	fuzz_must(seeds[seed_count].data != NULL);
	memcpy(seeds[seed_count].data, data, size);
	seeds[seed_count++].size = size;
}

/* ----------------------------------------------------------- the damage -- */

/* xorshift64*: small, and the same everywhere. */
static uint64_t
next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static size_t
below(uint64_t *state, size_t bound)
{
	return (size_t)((next(state) >> 33) % bound);
}

static void
insert(struct input *in, size_t at, const uint8_t *data, size_t size)
{
	if (in->size + size > INPUT_MAX)
		return;
	memmove(in->data + at + size, in->data + at, in->size - at);
	memcpy(in->data + at, data, size);
	in->size += size;
}

static void
damage(uint64_t *state, struct input *in)
{
	static const uint8_t odd[] = { 0x00, 0x01, 0x7f, 0x80, 0x81, 0x90, 0x91,
		0xa0, 0xc0, 0xc1, 0xc4, 0xc7, 0xca, 0xcf, 0xd3, 0xd6, 0xd9,
		0xdb, 0xdd, 0xdf, 0xe0, 0xff, '"', '\'', '{', '[', '}', ']',
		'\\', ',', ':', '-', '.', '=', '?', ' ', '\n', '\t', '0', '9',
		'$', '&', '!' };
	const struct input *other = &seeds[below(state, seed_count)];
	size_t at = in->size ? below(state, in->size) : 0;
	size_t rest = in->size - at, some = rest ? 1 + below(state, rest) : 0;
	uint8_t byte = odd[below(state, sizeof(odd))];

	if (in->size == 0) {
		insert(in, 0, &byte, 1);
		return;
	}
	switch (below(state, 9)) {
	case 0: in->data[at] ^= (uint8_t)(1u << below(state, 8)); break;
	case 1: in->data[at] = byte; break;
	case 2: in->data[at] = (uint8_t)next(state); break;
	case 3: insert(in, at, &byte, 1); break;
	case 4: /* cut some out */
		memmove(in->data + at, in->data + at + some, rest - some);
		in->size -= some;
		break;
	case 5: /* some of it twice */
		some = some > 512 ? 512 : some;
		{
			uint8_t copy[512];

			memcpy(copy, in->data + at, some);
			insert(in, at, copy, some);
		}
		break;
	case 6: /* a piece of another seed */
		if (other->size > 0) {
			size_t from = below(state, other->size);

			insert(in, at, other->data + from,
			    1 + below(state, other->size - from));
		}
		break;
	case 7: in->data[at] = (uint8_t)(in->data[at] + 1); break;
	default: in->size = at; break;
	}
}

/* ------------------------------------------------------------- a target -- */

static const char *running;
static struct input current;
static uint64_t seed = 20260926;

/* In a target that aborts or faults: which input it was. */
static void
broke(int sig)
{
	char path[64];
	int fd;

	if (getenv("KEEP") != NULL) {
		snprintf(path, sizeof(path), "fuzz-%s.bin", running);
		fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
		if (fd < 0 ||
		    write(fd, current.data, current.size) !=
			(ssize_t)current.size)
			_exit(2);
	}
	fprintf(stderr,
	    "fuzz-%s broke: signal %d, SEED=%llu, %zu bytes:", running, sig,
	    (unsigned long long)seed, current.size);
	for (size_t i = 0; i < current.size && i < 512; i++)
		fprintf(stderr, " %02x", current.data[i]);
	fputc('\n', stderr);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Alone in its block, so that the sanitizers see a read beyond. */
static void
one(size_t target, const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);

	fuzz_must(exact != NULL);
	if (size)
		memcpy(exact, data, size);
	current = (struct input){ exact, size };
	(void)targets[target].run(exact, size);
	free(exact);
}

START_TEST(what_must_be_true_holds_for_seeds_and_damaged_ones)
{
	const char *rounds = getenv("ROUNDS");
	long count = rounds ? strtol(rounds, NULL, 10) : ROUNDS;
	struct input in = { malloc(INPUT_MAX), 0 };
	uint64_t state = seed;

	fuzz_must(in.data != NULL);
	running = targets[_i].name;
	signal(SIGABRT, broke);
	signal(SIGSEGV, broke);
	signal(SIGBUS, broke);
	signal(SIGFPE, broke);
	targets[_i].seeds(keep, NULL);
	ck_assert_uint_gt(seed_count, 0);
	one((size_t)_i, NULL, 0);
	for (size_t i = 0; i < seed_count; i++) {
		one((size_t)_i, seeds[i].data, seeds[i].size);
		for (size_t cut = 0; cut < seeds[i].size && cut < 512; cut++)
			one((size_t)_i, seeds[i].data, cut);
	}
	for (long i = 0; i < count; i++) {
		const struct input *s = &seeds[below(&state, seed_count)];

		if (s->size > INPUT_MAX)
			continue;
		memcpy(in.data, s->data, s->size);
		in.size = s->size;
		for (size_t n = 1 + below(&state, 6); n > 0; n--)
			damage(&state, &in);
		one((size_t)_i, in.data, in.size);
	}
	printf("# %s: %zu seeds, %ld damaged, SEED=%llu\n", running, seed_count,
	    count, (unsigned long long)seed);
	fflush(stdout);
	free(in.data);
	for (size_t i = 0; i < seed_count; i++)
		free(seeds[i].data);
}
END_TEST

/* ------------------------------------------------------- beside the test -- */

static void
write_seed(void *self, const void *data, size_t size)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/seed-%03zu", (const char *)self,
	    seed_count++);
	fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	fuzz_must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static int
write_seeds(const char *to)
{
	char path[400];

	(void)mkdir(to, 0755);
	for (size_t i = 0; i < TARGETS; i++) {
		snprintf(path, sizeof(path), "%s/%s", to, targets[i].name);
		(void)mkdir(path, 0755);
		seed_count = 0;
		targets[i].seeds(write_seed, path);
		puts(targets[i].name);
	}
	return EXIT_SUCCESS;
}

static void
run_file(void *self, const void *data, size_t size)
{
	one(*(size_t *)self, data, size);
}

static int
run_files(char **argv)
{
	for (size_t i = 0; i < TARGETS; i++) {
		if (strcmp(targets[i].name, argv[0]) != 0)
			continue;
		running = targets[i].name;
		for (argv++; *argv != NULL; argv++)
			fuzz_file(*argv, run_file, &i);
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "there is no target \"%s\"\n", argv[0]);
	return 2;
}

int
main(int argc, char **argv)
{
	Suite *suite;
	TCase *tc;
	SRunner *runner;

	if (argc == 3 && strcmp(argv[1], "--seeds") == 0)
		return write_seeds(argv[2]);
	if (argc > 2)
		return run_files(argv + 1);
	if (getenv("SEED"))
		seed = strtoull(getenv("SEED"), NULL, 10) | 1;
	suite = suite_create("fuzz");
	tc = tcase_create("fuzz");
	tcase_set_timeout(tc, 600);
	tcase_add_loop_test(tc,
	    what_must_be_true_holds_for_seeds_and_damaged_ones, 0,
	    (int)TARGETS);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
