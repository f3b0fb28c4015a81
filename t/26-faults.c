/* t/26-faults.c - each write of a commit fails, once or from then on, counted
 * up until none is left: what the store says is what it then holds, and it goes on. */
#include "store/internal.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define CELLS 64

static struct acta_env_ops faulty;
static const struct acta_env_ops *sound;
static long until_fault; /* < 0: never */
static enum acta_err fault;
static bool for_good, fired;
static char model[CELLS][16], before[CELLS][16];

/* The countdown reached this operation. */
static bool
fails(void)
{
	if (until_fault < 0 || (until_fault > 0 && until_fault-- > 0))
		return false;
	if (!for_good)
		until_fault = -1;
	fired = true;
	return true;
}

static enum acta_err
faulty_begin(struct acta_env *env, bool write, struct acta_env_txn **out)
{
	return write && fails() ? fault : sound->begin(env, write, out);
}

static enum acta_err
faulty_put(struct acta_env_txn *txn, unsigned map, const void *key,
    size_t key_size, size_t size, void **out_room)
{
	return fails() ? fault
		       : sound->put(txn, map, key, key_size, size, out_room);
}

static enum acta_err
faulty_del(
    struct acta_env_txn *txn, unsigned map, const void *key, size_t key_size)
{
	return fails() ? fault : sound->del(txn, map, key, key_size);
}

static enum acta_err
faulty_cursor_del(struct acta_env_cursor *cursor)
{
	return fails() ? fault : sound->cursor_del(cursor);
}

static enum acta_err
faulty_commit(struct acta_env_txn *txn)
{
	if (!fails())
		return sound->commit(txn);
	sound->abort(txn);
	return fault;
}

static struct acta_store *
open_store(void)
{
	struct acta_store_options options = {
		.service = "s", .parts = 1, .seed = 1
	};
	struct acta_env *env = acta_env_mem_new(0);
	struct acta_store *store;

	env->lasting = true; /* so that it has a journal */
	sound = env->ops;
	faulty = *sound;
	faulty.begin = faulty_begin;
	faulty.put = faulty_put;
	faulty.del = faulty_del;
	faulty.cursor_del = faulty_cursor_del;
	faulty.commit = faulty_commit;
	env->ops = &faulty;
	until_fault = -1;
	memset(model, 0, sizeof(model));
	ck_assert_int_eq(
	    acta_store_open_env(env, &options, &store, NULL), ACTA_OK);
	return store;
}

static void
put(struct acta_store *store, int cell, int value)
{
	char key[16];
	int size = snprintf(key, sizeof(key), "k%02d", cell);

	snprintf(model[cell], sizeof(model[cell]), "%d", value);
	acta_store_put(store, ACTA_T_STATE, key, (size_t)size, model[cell],
	    strlen(model[cell]));
}

static void
delete_tens(struct acta_store *store, int tens)
{
	char prefix[16];
	int cell, size = snprintf(prefix, sizeof(prefix), "k%d", tens);

	acta_store_delete_prefix(store, ACTA_T_STATE, prefix, (size_t)size);
	for (cell = 10 * tens; cell < 10 * tens + 10 && cell < CELLS; cell++)
		model[cell][0] = '\0';
}

static void
check_cells(struct acta_store *store)
{
	struct acta_scan *all = acta_scan_open(store, ACTA_T_STATE, NULL, 0);
	struct acta_row row;
	int cell;

	for (cell = 0; cell < CELLS; cell++) {
		if (model[cell][0] == '\0')
			continue;
		ck_assert(acta_scan_next(all, &row));
		ck_assert_int_eq(((const char *)row.key)[1], '0' + cell / 10);
		ck_assert_int_eq(((const char *)row.key)[2], '0' + cell % 10);
		ck_assert_uint_eq(row.value_size, strlen(model[cell]));
		ck_assert_mem_eq(row.value, model[cell], row.value_size);
	}
	ck_assert(!acta_scan_next(all, &row));
	ck_assert_int_eq(acta_scan_close(&all), ACTA_OK);
}

static void
writes(struct acta_store *store, int turn)
{
	int i;

	if (turn % 3 == 0)
		delete_tens(store, turn % 7);
	for (i = 0; i < 20; i++)
		put(store, (turn * 31 + i * i) % CELLS, turn * 100 + i);
}

/* A store whose next commit has a journal to cut, as its follower went on, and
 * a half merged generation with marks and rows to go on with. */
static struct acta_store *
prepared(void)
{
	struct acta_store *store = open_store();
	uint64_t next;
	int turn;
	bool more;

	ck_assert_int_eq(acta_store_follow(store, "f", 0, &next), ACTA_OK);
	for (turn = 0; turn < 30; turn++) {
		writes(store, turn);
		ck_assert_int_eq(
		    acta_store_commit(store, turn, false), ACTA_OK);
		if (turn == 10)
			acta_store_freeze(store);
		if (turn == 12)
			ck_assert_int_eq(
			    acta_store_idle(store, turn, &more), ACTA_OK);
	}
	ck_assert(acta_generation_empty(store->frozen));
	ck_assert_uint_eq(store->keep_from, 1);
	ck_assert_int_eq(acta_store_followed(store, "f", 7), ACTA_OK);
	acta_store_freeze(store);
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

static enum acta_err
try_turn(struct acta_store *store)
{
	enum acta_err err;

	memcpy(before, model, sizeof(model));
	writes(store, 33);
	err = acta_store_commit(store, 33, false);
	until_fault = -1;
	return err;
}

/* ACTA_OK: it went without its slice, or nothing failed. */
static void
check_outcome(struct acta_store *store, enum acta_err err, uint64_t turn)
{
	if (err == ACTA_OK) {
		ck_assert_uint_eq(acta_store_turn(store), turn + 1);
		return;
	}
	ck_assert_int_eq(err, ACTA_EFULL);
	ck_assert_uint_eq(acta_store_turn(store), turn);
	ck_assert(acta_store_dirty(store)); /* still the caller's */
	acta_store_abort(store);
	memcpy(model, before, sizeof(model));
}

START_TEST(no_space_in_any_write)
{
	struct acta_store *store;
	int saved = 0, refused = 0;
	long n;

	fault = ACTA_EFULL;
	for_good = _i;
	fired = true;
	for (n = 0; fired; n++) {
		enum acta_err err;
		uint64_t turn;

		store = prepared();
		turn = acta_store_turn(store);
		fired = false;
		until_fault = n;
		err = try_turn(store);
		*(err == ACTA_OK ? &saved : &refused) += 1;
		check_outcome(store, err, turn);
		check_cells(store);
		ck_assert_int_eq(try_turn(store), ACTA_OK);
		check_cells(store);
		settle(store);
		check_cells(store);
		acta_store_close(&store);
	}
	ck_assert_int_gt(n, 20);
	ck_assert(for_good ? refused > 20 : saved > 20);
}
END_TEST

START_TEST(no_space_in_any_write_of_the_idle_work)
{
	struct acta_store *store;
	bool merged = false, more;
	long n;

	fault = ACTA_EFULL;
	for_good = _i;
	for (n = 0; !merged; n++) {
		store = prepared();
		until_fault = n;
		ck_assert_int_eq(acta_store_idle(store, 33, &more), ACTA_OK);
		until_fault = -1;
		merged = acta_generation_empty(store->frozen);
		check_cells(store);
		settle(store);
		check_cells(store);
		acta_store_close(&store);
	}
	ck_assert_int_gt(n, 20);
}
END_TEST

START_TEST(no_space_to_come_or_to_leave)
{
	struct acta_store *store = open_store();
	uint64_t next;
	long n;

	fault = ACTA_EFULL;
	for_good = _i;
	for (n = 0; n < 4; n++) {
		until_fault = n;
		fired = false;
		ck_assert_int_eq(acta_store_follow(store, "f", 0, &next),
		    n < 3 ? ACTA_EFULL : ACTA_OK);
		until_fault = -1;
		ck_assert_int_eq(fired, n < 3);
		ck_assert_int_eq(acta_store_follower(store, 0) != NULL, n >= 3);
	}
	for (n = 0; n < 4; n++) {
		until_fault = n;
		ck_assert_int_eq(acta_store_unfollow(store, "f"),
		    n < 3 ? ACTA_EFULL : ACTA_OK);
		until_fault = -1;
		ck_assert_int_eq(acta_store_follower(store, 0) != NULL, n < 3);
	}
	acta_store_close(&store);
}
END_TEST

START_TEST(a_failed_disk_is_never_taken_for_a_full_one)
{
	struct acta_store *store;
	enum acta_err err = ACTA_EUNSURE;
	bool more;
	long n;

	fault = ACTA_EUNSURE;
	for (n = 0; err != ACTA_OK; n++) {
		store = prepared();
		until_fault = n;
		err = try_turn(store);
		ck_assert(err == ACTA_OK || err == ACTA_EUNSURE);
		acta_store_close(&store);
	}
	ck_assert_int_gt(n, 20);
	store = prepared();
	until_fault = 0;
	ck_assert_int_eq(acta_store_idle(store, 33, &more), ACTA_EUNSURE);
	acta_store_close(&store);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("faults");
	TCase *tc = tcase_create("faults");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, no_space_in_any_write, 0, 2);
	tcase_add_loop_test(tc, no_space_in_any_write_of_the_idle_work, 0, 2);
	tcase_add_loop_test(tc, no_space_to_come_or_to_leave, 0, 2);
	tcase_add_test(tc, a_failed_disk_is_never_taken_for_a_full_one);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
