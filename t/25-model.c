/* t/25-model.c - seeded random turns against a plain sorted array: what the
 * store shows, in and between turns, after undo, abort, idle and reopening, is
 * what the array holds. ACTA_SEED=n runs one seed. */
#include "store/internal.h"
#include "t/20-store.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEYS_MAX 4096
#define TABLES_USED 3

struct model_row {
	unsigned table;
	char key[16], value[24];
};

struct model {
	struct model_row rows[KEYS_MAX];
	size_t count;
};

static uint64_t dice;
static struct model now, committed;

static uint64_t
roll(uint64_t sides)
{
	dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (dice >> 33) % sides;
}

static size_t
find(const struct model *m, unsigned table, const char *key, bool *found)
{
	size_t low = 0, high = m->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct model_row *row = &m->rows[mid];
		int order = row->table != table ? (row->table < table ? -1 : 1)
						: strcmp(row->key, key);

		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*found = low < m->count && m->rows[low].table == table &&
	    strcmp(m->rows[low].key, key) == 0;
	return low;
}

static void
model_put(struct model *m, unsigned table, const char *key, const char *value)
{
	bool found;
	size_t at = find(m, table, key, &found);

	if (!found) {
		ck_assert_uint_lt(m->count, KEYS_MAX);
		memmove(m->rows + at + 1, m->rows + at,
		    (m->count - at) * sizeof(m->rows[0]));
		m->count++;
		m->rows[at].table = table;
		memcpy(m->rows[at].key, key, strlen(key) + 1);
	}
	memcpy(m->rows[at].value, value, strlen(value) + 1);
}

static void
model_delete(struct model *m, size_t at)
{
	m->count--;
	memmove(m->rows + at, m->rows + at + 1,
	    (m->count - at) * sizeof(m->rows[0]));
}

static void
model_delete_prefix(struct model *m, unsigned table, const char *prefix)
{
	size_t i = 0;

	while (i < m->count)
		if (m->rows[i].table == table &&
		    strncmp(m->rows[i].key, prefix, strlen(prefix)) == 0)
			model_delete(m, i);
		else
			i++;
}

/* Few letters, so that prefixes and keys meet; 0xff, so that a prefix has no
 * next one. */
static void
random_key(char *out, size_t size_min)
{
	static const char letters[] = "ab\xff"
				      "c";
	size_t size = size_min + roll(6), i;

	for (i = 0; i < size; i++)
		out[i] = letters[roll(4)];
	out[size] = '\0';
}

static void
random_value(char out[24])
{
	snprintf(out, 24, "%.*s%llu", (int)roll(8), "xxxxxxxx",
	    (unsigned long long)roll(1000000));
	if (roll(10) == 0)
		out[0] = '\0';
}

static void
change_one(struct acta_store *store)
{
	char key[16], value[24];
	unsigned table = (unsigned)roll(TABLES_USED);
	bool found;
	size_t at;

	random_key(key, 1);
	switch (roll(8)) {
	case 0:
	case 1:
		at = find(&now, table, key, &found);
		if (found)
			model_delete(&now, at);
		acta_store_delete(store, table, key, strlen(key));
		break;
	case 2:
		random_key(key, roll(12) == 0 ? 0 : 2);
		model_delete_prefix(&now, table, key);
		acta_store_delete_prefix(store, table, key, strlen(key));
		break;
	default:
		random_value(value);
		model_put(&now, table, key, value);
		acta_store_put(
		    store, table, key, strlen(key), value, strlen(value));
	}
}

static void
check_get(struct acta_store *store)
{
	unsigned table = (unsigned)roll(TABLES_USED);
	const void *value;
	size_t size, at;
	char key[16];
	bool found;
	enum acta_err err;

	random_key(key, 1);
	at = find(&now, table, key, &found);
	err = acta_store_get(store, table, key, strlen(key), &value, &size);
	ck_assert_int_eq(err, found ? ACTA_OK : ACTA_ENOENT);
	if (!found)
		return;
	ck_assert_uint_eq(size, strlen(now.rows[at].value));
	ck_assert_mem_eq(value, now.rows[at].value, size);
}

static void
check_row(const struct acta_row *row, const struct model_row *want)
{
	ck_assert_uint_eq(row->key_size, strlen(want->key));
	ck_assert_mem_eq(row->key, want->key, row->key_size);
	ck_assert_uint_eq(row->value_size, strlen(want->value));
	ck_assert_mem_eq(row->value, want->value, row->value_size);
}

/* With writes meanwhile, which the scan does not see. */
static void
check_scan(
    struct acta_store *store, const char *prefix, unsigned table, bool write)
{
	static struct model then;
	struct acta_scan *scan;
	struct acta_row row;
	size_t i;

	then = now;
	scan = acta_scan_open(store, table, prefix, strlen(prefix));
	for (i = 0; i < then.count; i++) {
		if (then.rows[i].table != table ||
		    strncmp(then.rows[i].key, prefix, strlen(prefix)) != 0)
			continue;
		ck_assert(acta_scan_next(scan, &row));
		check_row(&row, &then.rows[i]);
		if (write && roll(4) == 0)
			change_one(store);
	}
	ck_assert(!acta_scan_next(scan, &row));
	ck_assert_int_eq(acta_scan_close(&scan), ACTA_OK);
}

static void
check_all(struct acta_store *store)
{
	unsigned table;

	for (table = 0; table < TABLES_USED; table++)
		check_scan(store, "", table, false);
}

/* A message: some changes, and sometimes undone. */
static void
message(struct acta_store *store)
{
	static struct model before;
	acta_store_mark mark = acta_store_mark_now(store);
	uint64_t bytes = acta_store_pending_bytes(store);
	char prefix[16];
	int i, changes = (int)roll(6);

	before = now;
	for (i = 0; i < changes; i++)
		change_one(store);
	check_get(store);
	if (roll(4) == 0) {
		random_key(prefix, 0);
		check_scan(store, prefix, (unsigned)roll(TABLES_USED), true);
	}
	if (roll(4) == 0) {
		acta_store_undo(store, mark);
		now = before;
		ck_assert_uint_eq(acta_store_pending_bytes(store), bytes);
	}
}

static void
turn(struct acta_store *store, int64_t now_ms)
{
	int i, messages = (int)roll(12);
	bool more;

	acta_store_begin(store);
	for (i = 0; i < messages; i++)
		message(store);
	if (roll(8) == 0) {
		acta_store_abort(store);
		now = committed;
	} else {
		ck_assert_int_eq(
		    acta_store_commit(store, now_ms, false), ACTA_OK);
		committed = now;
	}
	/* Generations freeze far too seldom for a test this small. */
	if (roll(6) == 0 && acta_generation_empty(store->frozen) &&
	    !acta_generation_empty(store->active))
		acta_store_freeze(store);
	if (roll(4) == 0)
		ck_assert_int_eq(
		    acta_store_idle(store, now_ms + (int64_t)roll(2000), &more),
		    ACTA_OK);
	if (roll(10) == 0)
		check_all(store);
}

static struct acta_store *
open_store(bool in_memory)
{
	struct acta_store_options options = { .service = "model",
		.parts = 1,
		.map_size = 64u << 20,
		.no_sync = true,
		.seed = 1,
		.in_memory = in_memory };
	struct acta_store *store;

	ck_assert_int_eq(acta_store_open(dir, &options, &store, NULL), ACTA_OK);
	return store;
}

static void
run(uint64_t seed, bool in_memory)
{
	struct acta_store *store;
	int i;

	printf("# seed %llu%s\n", (unsigned long long)seed,
	    in_memory ? " in memory" : "");
	fflush(stdout);
	dice = seed;
	now.count = committed.count = 0;
	make_dir();
	store = open_store(in_memory);
	for (i = 0; i < 400; i++) {
		turn(store, i);
		if (roll(25) != 0 || in_memory)
			continue;
		acta_store_close(&store);
		store = open_store(false);
		check_all(store);
	}
	check_all(store);
	acta_store_close(&store);
	remove_dir();
}

static uint64_t
seed_of(int i)
{
	const char *given = getenv("ACTA_SEED");

	return given ? strtoull(given, NULL, 0) : (uint64_t)i + 1;
}

START_TEST(on_disk)
{
	run(seed_of(_i), false);
}
END_TEST

START_TEST(in_memory)
{
	run(seed_of(_i), true);
}
END_TEST

int
main(void)
{
	int seeds = getenv("ACTA_SEED") ? 1 : 12;
	Suite *suite = suite_create("model");
	TCase *tc = tcase_create("model");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, on_disk, 0, seeds);
	tcase_add_loop_test(tc, in_memory, 0, seeds);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
