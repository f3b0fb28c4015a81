/* t/20-env.c - LMDB, the maps in memory and the simulated disk keep the same
 * promises: one body of tests, run over all. */
#include "store/env.h"
#include "store/env_sim.h"
#include "t/20-store.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ON_DISK, IN_MEMORY, SIMULATED, ENVS };

static struct acta_sim_disks *disks;

static struct acta_env *env;
static const struct acta_env_ops *ops;

static struct acta_env *
open_env(int which, uint64_t map_size)
{
	struct acta_env_options options = { .map_size = map_size,
		.no_sync = true };
	struct acta_env *out = NULL;

	if (which == IN_MEMORY)
		return acta_env_mem_new(map_size);
	if (which == SIMULATED) {
		disks = acta_sim_disks_new("sim:", NULL);
		ck_assert_int_eq(
		    acta_sim_env_open(
			acta_sim_disk_at(disks, "sim:0"), &options, &out, NULL),
		    ACTA_OK);
		return out;
	}
	ck_assert_int_eq(acta_env_open(dir, &options, &out, NULL), ACTA_OK);
	return out;
}

static void
begin_with(int which)
{
	make_dir();
	env = open_env(which, 8u << 20);
	ops = env->ops;
}

static void
end(void)
{
	ops->close(env);
	acta_sim_disks_free(&disks);
	remove_dir();
}

static struct acta_env_txn *
begin(bool write)
{
	struct acta_env_txn *txn;

	ck_assert_int_eq(ops->begin(env, write, &txn), ACTA_OK);
	return txn;
}

static void
put(struct acta_env_txn *txn, const char *key, const char *value)
{
	void *room;

	ck_assert_int_eq(
	    ops->put(txn, ACTA_T_STATE, key, strlen(key), strlen(value), &room),
	    ACTA_OK);
	memcpy(room, value, strlen(value));
}

static enum acta_err
del(struct acta_env_txn *txn, const char *key)
{
	return ops->del(txn, ACTA_T_STATE, key, strlen(key));
}

/* "key=value key=value " from `from` on */
static const char *
rows(struct acta_env_txn *txn, const char *from)
{
	static char text[4096];
	struct acta_env_cursor *cursor;
	struct acta_row row;
	enum acta_err err;

	text[0] = '\0';
	ck_assert_int_eq(ops->cursor_open(txn, ACTA_T_STATE, &cursor), ACTA_OK);
	err = ops->cursor_seek(cursor, from, strlen(from), &row);
	while (err == ACTA_OK) {
		add_text(text, sizeof(text), "%.*s=%.*s ", (int)row.key_size,
		    (const char *)row.key, (int)row.value_size,
		    (const char *)row.value);
		err = ops->cursor_next(cursor, &row);
	}
	ck_assert_int_eq(err, ACTA_ENOENT);
	ops->cursor_close(cursor);
	return text;
}

static const char *
committed(void)
{
	struct acta_env_txn *txn = begin(false);
	const char *text = rows(txn, "");

	ops->abort(txn);
	return text;
}

START_TEST(a_commit_is_whole_and_an_abort_nothing)
{
	struct acta_env_txn *txn;
	const void *value;
	size_t size;

	begin_with(_i);
	txn = begin(true);
	put(txn, "b", "1");
	put(txn, "a", "");
	put(txn, "c", "1");
	ck_assert_str_eq(rows(txn, ""), "a= b=1 c=1 ");
	ck_assert_int_eq(ops->commit(txn), ACTA_OK);
	txn = begin(true);
	put(txn, "b", "longer");
	put(txn, "b", "2");
	put(txn, "bb", "2");
	ck_assert_int_eq(del(txn, "c"), ACTA_OK);
	ck_assert_int_eq(del(txn, "c"), ACTA_ENOENT);
	put(txn, "c", "2");
	ck_assert_int_eq(del(txn, "a"), ACTA_OK);
	ck_assert_str_eq(rows(txn, ""), "b=2 bb=2 c=2 ");
	ops->abort(txn);
	ck_assert_str_eq(committed(), "a= b=1 c=1 ");
	txn = begin(false);
	ck_assert_int_eq(
	    ops->get(txn, ACTA_T_STATE, "b", 1, &value, &size), ACTA_OK);
	ck_assert(size == 1 && memcmp(value, "1", 1) == 0);
	ck_assert_int_eq(
	    ops->get(txn, ACTA_T_STATE, "x", 1, &value, &size), ACTA_ENOENT);
	ck_assert_int_eq(
	    ops->get(txn, ACTA_T_OUTBOX, "b", 1, &value, &size), ACTA_ENOENT);
	ops->abort(txn);
	end();
}
END_TEST

START_TEST(a_cursor_seeks_ends_and_deletes_in_order)
{
	struct acta_env_txn *txn;
	struct acta_env_cursor *cursor;
	struct acta_row row;

	begin_with(_i);
	txn = begin(true);
	ck_assert_int_eq(ops->cursor_open(txn, ACTA_T_STATE, &cursor), ACTA_OK);
	ck_assert_int_eq(ops->cursor_seek(cursor, "", 0, &row), ACTA_ENOENT);
	ck_assert_int_eq(ops->cursor_last(cursor, &row), ACTA_ENOENT);
	ops->cursor_close(cursor);
	put(txn, "a", "1");
	put(txn, "ab", "2");
	put(txn, "b", "3");
	put(txn, "c", "4");
	ck_assert_str_eq(rows(txn, "aa"), "ab=2 b=3 c=4 ");
	ck_assert_str_eq(rows(txn, "c"), "c=4 ");
	ck_assert_str_eq(rows(txn, "d"), "");
	ck_assert_int_eq(ops->cursor_open(txn, ACTA_T_STATE, &cursor), ACTA_OK);
	ck_assert_int_eq(ops->cursor_last(cursor, &row), ACTA_OK);
	ck_assert(*(const char *)row.key == 'c');
	ck_assert_int_eq(ops->cursor_seek(cursor, "ab", 2, &row), ACTA_OK);
	ck_assert_int_eq(ops->cursor_del(cursor), ACTA_OK);
	ck_assert_int_eq(ops->cursor_next(cursor, &row), ACTA_OK);
	ck_assert(*(const char *)row.key == 'b');
	ck_assert_int_eq(ops->cursor_del(cursor), ACTA_OK);
	ck_assert_int_eq(ops->cursor_next(cursor, &row), ACTA_OK);
	ck_assert(*(const char *)row.key == 'c');
	ck_assert_int_eq(ops->cursor_del(cursor), ACTA_OK);
	ck_assert_int_eq(ops->cursor_next(cursor, &row), ACTA_ENOENT);
	ops->cursor_close(cursor);
	ck_assert_int_eq(ops->commit(txn), ACTA_OK);
	ck_assert_str_eq(committed(), "a=1 ");
	end();
}
END_TEST

START_TEST(many_rows_come_back_in_order)
{
	struct acta_env_txn *txn;
	struct acta_env_cursor *cursor;
	struct acta_row row;
	unsigned i, n = 20000, seen = 0, last = 0;
	void *room;

	begin_with(_i);
	txn = begin(true);
	for (i = 0; i < n; i++) {
		unsigned key = __builtin_bswap32(i * 7919u % n);

		ck_assert_int_eq(
		    ops->put(txn, ACTA_T_DUE, &key, 4, 40, &room), ACTA_OK);
		memset(room, (int)i, 40);
	}
	for (i = 0; i < n; i += 2) {
		unsigned key = __builtin_bswap32(i);

		ck_assert_int_eq(ops->del(txn, ACTA_T_DUE, &key, 4), ACTA_OK);
	}
	ck_assert_int_eq(ops->commit(txn), ACTA_OK);
	txn = begin(false);
	ck_assert_int_eq(ops->cursor_open(txn, ACTA_T_DUE, &cursor), ACTA_OK);
	for (i = (unsigned)ops->cursor_seek(cursor, NULL, 0, &row);
	     i == ACTA_OK; i = (unsigned)ops->cursor_next(cursor, &row)) {
		unsigned key;

		memcpy(&key, row.key, 4);
		key = __builtin_bswap32(key);
		ck_assert(key % 2 == 1);
		ck_assert(seen == 0 || key > last);
		last = key;
		seen++;
	}
	ck_assert_uint_eq(seen, n / 2);
	ops->cursor_close(cursor);
	ops->abort(txn);
	end();
}
END_TEST

START_TEST(a_full_map_says_so_and_stays_as_it_was)
{
	struct acta_env_txn *txn;
	struct acta_env_info before, after;
	enum acta_err err = ACTA_OK;
	void *room;
	unsigned i;

	begin_with(_i);
	txn = begin(true);
	put(txn, "a", "1");
	ck_assert_int_eq(ops->commit(txn), ACTA_OK);
	txn = begin(false);
	ck_assert_int_eq(ops->info(txn, &before), ACTA_OK);
	ops->abort(txn);
	txn = begin(true);
	for (i = 0; i < 1000 && err == ACTA_OK; i++) {
		err = ops->put(txn, ACTA_T_STATE, &i, 4, 50000, &room);
		if (err == ACTA_OK)
			memset(room, 0, 50000);
	}
	ck_assert_int_eq(err, ACTA_EFULL);
	ops->abort(txn);
	ck_assert_str_eq(committed(), "a=1 ");
	txn = begin(true);
	put(txn, "a", "2");
	ck_assert_int_eq(ops->info(txn, &after), ACTA_OK);
	ck_assert_uint_eq(after.used_bytes, before.used_bytes);
	ck_assert_uint_eq(after.map_size, 8u << 20);
	ck_assert_int_eq(ops->commit(txn), ACTA_OK);
	ck_assert_str_eq(committed(), "a=2 ");
	end();
}
END_TEST

START_TEST(what_is_committed_is_there_after_a_close)
{
	struct acta_env_txn *txn;

	begin_with(ON_DISK);
	ck_assert(env->lasting);
	txn = begin(true);
	put(txn, "a", "1");
	ck_assert_int_eq(ops->commit(txn), ACTA_OK);
	txn = begin(true);
	put(txn, "a", "2");
	ops->abort(txn);
	ck_assert_int_eq(ops->sync(env), ACTA_OK);
	ops->close(env);
	env = open_env(ON_DISK, 8u << 20);
	ck_assert_str_eq(committed(), "a=1 ");
	end();
}
END_TEST

START_TEST(read_only_needs_something_to_read)
{
	struct acta_env_options options = { .read_only = true };
	struct acta_env *reader;
	struct acta_why why;

	begin_with(ON_DISK);
	ck_assert_int_eq(acta_env_open("/tmp/no/such", &options, &reader, &why),
	    ACTA_ENOENT);
	ck_assert(strstr(why.text, "/tmp/no/such") != NULL);
	end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("env");
	TCase *tc = tcase_create("env");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(
	    tc, a_commit_is_whole_and_an_abort_nothing, 0, ENVS);
	tcase_add_loop_test(
	    tc, a_cursor_seeks_ends_and_deletes_in_order, 0, ENVS);
	tcase_add_loop_test(tc, many_rows_come_back_in_order, 0, ENVS);
	tcase_add_loop_test(
	    tc, a_full_map_says_so_and_stays_as_it_was, 0, ENVS);
	tcase_add_test(tc, what_is_committed_is_there_after_a_close);
	tcase_add_test(tc, read_only_needs_something_to_read);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
