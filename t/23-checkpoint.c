/* t/23-checkpoint.c - no turn merges more than the named bound, a replay from
 * any turn leads to the same state, and a writer that is killed anywhere has
 * lost no turn that it was told was done. */
#include "store/internal.h"
#include "t/20-store.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct acta_store_options
options(void)
{
	return (struct acta_store_options){
		.service = "stock", .parts = 1, .no_sync = true, .seed = 7
	};
}

static struct acta_store *
open_store(void)
{
	struct acta_store_options with = options();
	struct acta_store *store = NULL;
	struct acta_why why = { "", "" };
	enum acta_err err = acta_store_open(dir, &with, &store, &why);

	ck_assert_msg(err == ACTA_OK, "%s: %s", acta_strerror(err), why.text);
	return store;
}

static void
settle(struct acta_store *store)
{
	bool more = true;

	while (more)
		ck_assert_int_eq(acta_store_idle(store,
				     acta_store_last_ms(store) + 2000, &more),
		    ACTA_OK);
}

static struct acta_store_info
info(const struct acta_store *store)
{
	struct acta_store_info out;

	acta_store_info(store, &out);
	return out;
}

/* ------------------------------------------------------------- bounds -- */

#define KEYS 1000000u

static uint64_t dice = 1;

static uint32_t
roll(uint32_t sides)
{
	dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)((dice >> 33) % sides);
}

static void
put_number(struct acta_store *store, uint32_t key, uint64_t value)
{
	char name[32];
	int size = snprintf(name, sizeof(name), "user:%07u", key);
	uint64_t values[12] = { value, key };

	acta_store_put(
	    store, ACTA_T_STATE, name, (size_t)size, values, sizeof(values));
}

static void
fill(struct acta_store *store)
{
	uint32_t key;

	for (key = 0; key < KEYS; key++) {
		put_number(store, key, 0);
		if (key % 1000 == 999)
			ck_assert_int_eq(
			    acta_store_commit(store, 1, false), ACTA_OK);
	}
}

/* One turn; returns how many rows it merged. */
static uint64_t
turn_of(struct acta_store *store, uint32_t rows)
{
	uint64_t before = info(store).rows_merged;
	uint32_t i;

	for (i = 0; i < rows; i++)
		put_number(store, roll(KEYS), i);
	ck_assert_int_eq(acta_store_commit(store, 2, false), ACTA_OK);
	return info(store).rows_merged - before;
}

START_TEST(no_turn_merges_more_than_the_bound)
{
	struct acta_store *store = open_store();
	struct acta_store_info at;
	int turns, merges = 0;
	uint64_t replay_from;

	fill(store);
	at = info(store);
	/* Small turns: the base is enough for the next freeze. */
	for (turns = 0; turns < 2000; turns++)
		ck_assert_uint_le(turn_of(store, 100), ACTA_STORE_SLICE_ROWS);
	/* Large turns: slices grow, to a bound, and no freeze ever waits. */
	for (turns = 0; turns < 400; turns++) {
		replay_from = info(store).replay_from;
		ck_assert_uint_le(turn_of(store, 1000),
		    ACTA_STORE_SLICE_ROWS * ACTA_STORE_SLICE_GROWTH);
		at = info(store);
		ck_assert_uint_lt(at.entries_active, ACTA_STORE_FREEZE_ENTRIES);
		merges += at.replay_from > replay_from;
	}
	ck_assert_int_gt(merges, 3);
	ck_assert_uint_le(
	    at.slice_rows_max, ACTA_STORE_SLICE_ROWS * ACTA_STORE_SLICE_GROWTH);
	ck_assert_uint_le(at.slice_bytes_max,
	    ACTA_STORE_SLICE_BYTES * ACTA_STORE_SLICE_GROWTH);
	ck_assert_uint_le(at.memory, 64u << 20);
	/* A turn is replayed as long as it is one of two generations. */
	ck_assert_uint_lt(at.journal_last - at.replay_from, 2 * 66 + 2);
	ck_assert_uint_lt(at.journal_last - at.journal_first, 3 * 66);
	printf("# most in a turn: %llu rows, %llu bytes; memory %llu KiB\n",
	    (unsigned long long)at.slice_rows_max,
	    (unsigned long long)at.slice_bytes_max,
	    (unsigned long long)at.memory >> 10);
	acta_store_close(&store);
}
END_TEST

START_TEST(large_values_are_merged_by_bytes)
{
	struct acta_store *store = open_store();
	static char big[1 << 20];
	struct acta_store_info at;
	int i;

	for (i = 0; i < 200; i++) {
		acta_store_put(
		    store, ACTA_T_STATE, &i, sizeof(i), big, sizeof(big));
		ck_assert_int_eq(acta_store_commit(store, i, false), ACTA_OK);
	}
	at = info(store);
	ck_assert_uint_le(at.slice_bytes_max,
	    ACTA_STORE_SLICE_BYTES * ACTA_STORE_SLICE_GROWTH);
	ck_assert_uint_le(at.memory, 64u << 20);
	ck_assert_uint_lt(at.journal_last - at.replay_from, 40);
	settle(store);
	ck_assert_uint_lt(info(store).memory, 1u << 20);
	acta_store_close(&store);
}
END_TEST

START_TEST(a_prefix_of_many_rows_is_deleted_in_slices)
{
	struct acta_store *store = open_store();
	struct acta_scan *all;
	struct acta_row row;
	int turns = 0;

	fill(store);
	settle(store);
	acta_store_delete_prefix(store, ACTA_T_STATE, "user:", 5);
	ck_assert_int_eq(acta_store_commit(store, 3, false), ACTA_OK);
	acta_store_freeze(store);
	while (info(store).replay_from < acta_store_turn(store) - 5 ||
	    turns < 10) {
		uint64_t merged = turn_of(store, 10);

		ck_assert_uint_le(
		    merged, ACTA_STORE_SLICE_ROWS * ACTA_STORE_SLICE_GROWTH);
		turns++;
		all = acta_scan_open(store, ACTA_T_STATE, "user:", 5);
		ck_assert(acta_scan_next(all, &row));
		ck_assert_int_eq(acta_scan_close(&all), ACTA_OK);
		if (turns > 20)
			break;
	}
	settle(store);
	ck_assert_uint_lt(info(store).used_bytes, 4u << 20);
	acta_store_close(&store);
}
END_TEST

/* -------------------------------------------------------------- replay -- */

/* All rows of the table, as one hash. */
static struct acta_hash128
contents(struct acta_store *store)
{
	struct acta_hash128 hash = { { 0 } };
	struct acta_scan *all = acta_scan_open(store, ACTA_T_STATE, NULL, 0);
	struct acta_row row;

	while (acta_scan_next(all, &row)) {
		hash = acta_hash128_chain(hash, row.key, row.key_size);
		hash = acta_hash128_chain(hash, row.value, row.value_size);
	}
	ck_assert_int_eq(acta_scan_close(&all), ACTA_OK);
	return hash;
}

/* Merge so many rows, then claim that the turns from `from` on are not. */
static void
merge_and_claim(struct acta_store *store, uint64_t rows, uint64_t from)
{
	struct acta_slice slice = { .rows_max = rows, .bytes_max = UINT64_MAX };
	struct acta_marks_row marks = { from, from };
	const struct acta_env_ops *ops = store->env->ops;
	struct acta_env_txn *txn;

	acta_store_reads_end(store);
	ck_assert_int_eq(ops->begin(store->env, true, &txn), ACTA_OK);
	if (acta_generation_empty(store->frozen))
		acta_store_freeze(store);
	ck_assert_int_eq(acta_checkpoint_merge(&store->checkpoint, store->env,
			     txn, store->frozen, &slice),
	    ACTA_OK);
	ck_assert_int_eq(acta_store_write_marks(store, txn, marks), ACTA_OK);
	ck_assert_int_eq(ops->commit(txn), ACTA_OK);
}

START_TEST(a_replay_from_any_turn_leads_to_the_same)
{
	struct acta_store *store = open_store();
	struct acta_hash128 want, got;
	uint64_t turn, turns = 60;
	uint32_t i;

	for (turn = 1; turn <= turns; turn++) {
		for (i = 0; i < 20; i++)
			put_number(store, roll(200), turn);
		if (turn % 7 == 0)
			acta_store_delete_prefix(
			    store, ACTA_T_STATE, "user:00000", 9 + turn % 3);
		put_number(store, roll(200), turn);
		ck_assert_int_eq(acta_store_commit(store, 1, false), ACTA_OK);
	}
	want = contents(store);
	/* Trees with any part of what the journal says. */
	for (i = 0; i < 60; i++) {
		merge_and_claim(store, 1 + roll(150), 1);
		acta_store_close(&store);
		store = open_store();
		got = contents(store);
		ck_assert_mem_eq(&got, &want, sizeof(got));
	}
	/* Trees with all of it, and any suffix. */
	for (turn = 1; turn <= turns; turn++) {
		merge_and_claim(store, UINT64_MAX, turn);
		acta_store_close(&store);
		store = open_store();
		ck_assert_uint_eq(info(store).replay_from, turn);
		ck_assert_uint_eq(acta_store_turn(store), turns);
		got = contents(store);
		ck_assert_mem_eq(&got, &want, sizeof(got));
	}
	acta_store_close(&store);
}
END_TEST

/* --------------------------------------------------------------- kill -- */

#define CELLS 5000u

/* The writer's turns are random but known: cell i has in turn t a value that
 * both sides can compute, so that the log needs the turn's number alone. */
static void
write_turn(struct acta_store *store, uint64_t turn)
{
	uint32_t i;

	dice = turn * 2654435761u;
	if (turn % 50 == 0)
		acta_store_delete_prefix(store, ACTA_T_STATE, "user:00010", 10);
	for (i = 0; i < 300; i++)
		put_number(store, roll(CELLS), turn);
}

/* Commit turns for ever; each is logged when the store says it is done. */
static void
writer(int log)
{
	struct acta_store *store = open_store();
	uint64_t turn = acta_store_turn(store);
	bool more;

	for (;;) {
		turn++;
		write_turn(store, turn);
		if (acta_store_commit(store, (int64_t)turn, false) != ACTA_OK)
			_exit(1);
		if (write(log, &turn, sizeof(turn)) != sizeof(turn))
			_exit(1);
		if (turn % 9 == 0 && acta_generation_empty(store->frozen))
			acta_store_freeze(store);
		if (turn % 4 == 0 &&
		    acta_store_idle(store, (int64_t)turn, &more) != ACTA_OK)
			_exit(1);
	}
}

static uint64_t expected[CELLS]; /* 0: not there */
static uint64_t expected_turn;

static void
expect_until(uint64_t turn)
{
	uint32_t i;

	while (expected_turn < turn) {
		expected_turn++;
		dice = expected_turn * 2654435761u;
		if (expected_turn % 50 == 0)
			memset(expected + 1000, 0, 100 * sizeof(expected[0]));
		for (i = 0; i < 300; i++)
			expected[roll(CELLS)] = expected_turn;
	}
}

static void
check_cells(struct acta_store *store)
{
	struct acta_scan *all = acta_scan_open(store, ACTA_T_STATE, NULL, 0);
	struct acta_row row;
	uint32_t i;

	for (i = 0; i < CELLS; i++) {
		uint64_t value[2];

		if (expected[i] == 0)
			continue;
		ck_assert(acta_scan_next(all, &row));
		memcpy(value, row.value, sizeof(value));
		ck_assert_uint_eq(value[1], i);
		ck_assert_uint_eq(value[0], expected[i]);
	}
	ck_assert(!acta_scan_next(all, &row));
	ck_assert_int_eq(acta_scan_close(&all), ACTA_OK);
}

START_TEST(a_killed_writer_has_lost_nothing_that_was_done)
{
	uint64_t done = 0, turn, seen = 0;
	struct acta_store *store;
	int kills, log[2], status;
	pid_t child;

	for (kills = 0; kills < 50; kills++) {
		ck_assert(pipe(log) == 0);
		child = fork();
		if (child == 0) {
			close(log[0]);
			writer(log[1]);
		}
		close(log[1]);
		ck_assert(read(log[0], &turn, sizeof(turn)) == sizeof(turn));
		done = turn;
		usleep((useconds_t)(kills * 997 % 20000));
		kill(child, SIGKILL);
		ck_assert(waitpid(child, &status, 0) == child);
		ck_assert(WIFSIGNALED(status));
		while (read(log[0], &turn, sizeof(turn)) == sizeof(turn)) {
			ck_assert_uint_eq(turn, done + 1);
			done = turn;
		}
		close(log[0]);
		store = open_store();
		seen = acta_store_turn(store);
		/* Durable and not yet said so, at most the one. */
		ck_assert_uint_ge(seen, done);
		ck_assert_uint_le(seen, done + 1);
		expect_until(seen);
		check_cells(store);
		acta_store_close(&store);
	}
	printf("# %llu turns\n", (unsigned long long)seen);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("checkpoint");
	TCase *tc = tcase_create("checkpoint");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tc, make_dir, remove_dir);
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, no_turn_merges_more_than_the_bound);
	tcase_add_test(tc, large_values_are_merged_by_bytes);
	tcase_add_test(tc, a_prefix_of_many_rows_is_deleted_in_slices);
	tcase_add_test(tc, a_replay_from_any_turn_leads_to_the_same);
	tcase_add_test(tc, a_killed_writer_has_lost_nothing_that_was_done);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
