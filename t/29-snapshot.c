/* t/29-snapshot.c - a copy is the store it was made of, as of one instant; a
 * store put anew is the same in fewer pages, wherever it was ended; and what is
 * not as it was written is found, with its place. */
#include "store/internal.h"
#include "store/snapshot.h"
#include "t/20-store.h"

#include <check.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define KEYS 700

static uint64_t dice;

static uint32_t
roll(uint32_t sides)
{
	dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)((dice >> 33) % sides);
}

static const char *
in_dir(const char *name)
{
	static char path[4][128];
	static int at;

	at = (at + 1) % 4;
	snprintf(path[at], sizeof(path[at]), "%s/%s", dir, name);
	return path[at];
}

static struct acta_store *
open_at(const char *path)
{
	struct acta_store_options options = { .service = "s",
		.part = 1,
		.parts = 2,
		.map_size = 256u << 20,
		.no_sync = true,
		.seed = 3 };
	struct acta_store *store;
	struct acta_why why = { "", "" };
	enum acta_err err = acta_store_open(path, &options, &store, &why);

	ck_assert_msg(err == ACTA_OK, "%s", why.text);
	return store;
}

static void
turns(struct acta_store *store, int count)
{
	static uint8_t value[150000];
	char key[16];
	int i;

	while (count-- > 0) {
		for (i = (int)roll(30); i >= 0; i--) {
			size_t size = (size_t)snprintf(
			    key, sizeof(key), "k%04u", roll(KEYS));

			memset(value, (int)roll(256), 3000);
			if (roll(3) == 0)
				acta_store_delete(
				    store, ACTA_T_STATE, key, size);
			else
				acta_store_put(store, roll(ACTA_TABLES), key,
				    size, value,
				    roll(100) ? roll(3000) : sizeof(value));
		}
		acta_store_note(store, "\x01", 1);
		ck_assert_int_eq(acta_store_commit(store,
				     acta_store_last_ms(store) + 1, false),
		    ACTA_OK);
	}
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

/* One of the states that a store may be left in. */
static void
make_store(const char *path, int state)
{
	struct acta_store *store = open_at(path);
	uint64_t next;
	bool more;

	dice = (uint64_t)state + 5;
	if (state > 0)
		turns(store, 300);
	if (state == 2) {
		acta_store_freeze(store);
		ck_assert_int_eq(acta_store_idle(store, 0, &more), ACTA_OK);
		turns(store, 60);
	}
	if (state == 3)
		settle(store);
	if (state == 4) {
		ck_assert_int_eq(
		    acta_store_follow(store, "f", 0, &next), ACTA_OK);
		turns(store, 60);
		settle(store);
		turns(store, 1);
	}
	acta_store_close(&store);
}

/* All rows, all records from the first kept on, and what it says of itself,
 * but for who it is. */
static struct acta_hash128
contents(const char *path)
{
	struct acta_hash128 sum = { { 0 } };
	struct acta_store_record record;
	struct acta_store_info info;
	struct acta_store *store;
	struct acta_why why = { "", "" };
	struct acta_row row;
	uint64_t turn;
	unsigned table;

	ck_assert_msg(acta_store_open_read(path, &store, &why) == ACTA_OK, "%s",
	    why.text);
	for (table = 0; table < ACTA_TABLES; table++) {
		struct acta_scan *scan = acta_scan_open(store, table, "", 0);

		while (acta_scan_next(scan, &row)) {
			sum = acta_hash128_chain(sum, row.key, row.key_size);
			sum =
			    acta_hash128_chain(sum, row.value, row.value_size);
		}
		ck_assert_int_eq(acta_scan_close(&scan), ACTA_OK);
	}
	acta_store_info(store, &info);
	for (turn = info.keep_from; turn <= info.journal_last; turn++) {
		ck_assert_int_eq(
		    acta_store_record(store, turn, &record), ACTA_OK);
		sum = acta_hash128_chain(sum, record.data, record.size);
	}
	sum = acta_hash128_chain(
	    sum, &info.journal_last, sizeof(info.journal_last));
	sum = acta_hash128_chain(
	    sum, &info.replay_from, sizeof(info.replay_from));
	turn = (uint64_t)acta_store_last_ms(store);
	sum = acta_hash128_chain(sum, &turn, sizeof(turn));
	acta_store_close(&store);
	return sum;
}

static void
check_same(const char *a, const char *b)
{
	struct acta_hash128 x = contents(a), y = contents(b);

	ck_assert_mem_eq(x.bytes, y.bytes, sizeof(x.bytes));
}

static void
copy(const char *from, const char *to, const uint8_t *history)
{
	struct acta_snapshot *snapshot;
	struct acta_copied copied;
	struct acta_why why = { "", "" };
	uint64_t turn;

	ck_assert_int_eq(acta_snapshot_open(from, &snapshot, &why), ACTA_OK);
	ck_assert_int_eq(acta_snapshot_take(snapshot, &turn, &why), ACTA_OK);
	ck_assert_msg(
	    acta_snapshot_copy(snapshot, to, history, &copied, &why) == ACTA_OK,
	    "%s", why.text);
	ck_assert_int_eq(
	    acta_snapshot_copy(snapshot, to, history, &copied, &why),
	    ACTA_EBUSY);
	acta_snapshot_close(&snapshot);
}

START_TEST(a_copy_is_the_same)
{
	struct acta_store_id was, is;
	struct acta_store *store;

	make_store(in_dir("a"), _i);
	copy(in_dir("a"), in_dir("b/c"), NULL);
	check_same(in_dir("a"), in_dir("b/c"));
	store = open_at(in_dir("a"));
	was = acta_store_id(store);
	ck_assert_int_eq(acta_store_follower(store, 0) != NULL, _i == 4);
	acta_store_close(&store);
	/* It opens, and goes on as the other would. */
	store = open_at(in_dir("b/c"));
	is = acta_store_id(store);
	ck_assert_mem_eq(was.history, is.history, 16);
	ck_assert_uint_eq(was.incarnation, is.incarnation);
	ck_assert_int_eq(acta_store_follower(store, 0) != NULL, _i == 4);
	turns(store, 50);
	settle(store);
	acta_store_close(&store);
}
END_TEST

START_TEST(with_another_history_it_is_another_store)
{
	static const uint8_t history[16] = "next of history";
	struct acta_store_id was, is;
	struct acta_store *store;

	make_store(in_dir("a"), _i);
	copy(in_dir("a"), in_dir("b"), history);
	check_same(in_dir("a"), in_dir("b"));
	store = open_at(in_dir("a"));
	was = acta_store_id(store);
	acta_store_close(&store);
	store = open_at(in_dir("b"));
	is = acta_store_id(store);
	ck_assert_mem_eq(is.history, history, 16);
	ck_assert_uint_eq(is.incarnation, was.incarnation);
	ck_assert(store->restored);
	ck_assert_mem_eq(store->parent, was.history, 16);
	ck_assert_uint_eq(store->parent_turn, acta_store_turn(store));
	ck_assert_ptr_null(acta_store_follower(store, 0));
	settle(store);
	acta_store_close(&store);
	/* Also in the copy of it. */
	copy(in_dir("b"), in_dir("c"), NULL);
	store = open_at(in_dir("c"));
	ck_assert(store->restored);
	ck_assert_mem_eq(store->parent, was.history, 16);
	acta_store_close(&store);
}
END_TEST

START_TEST(a_snapshot_stays_as_it_was)
{
	struct acta_snapshot *snapshot;
	struct acta_why why = { "", "" };
	struct acta_copied copied;
	struct acta_hash128 was, is;
	uint64_t turn, now;
	pid_t child;
	int status;

	make_store(in_dir("a"), 2);
	was = contents(in_dir("a"));
	ck_assert_int_eq(
	    acta_snapshot_open(in_dir("a"), &snapshot, &why), ACTA_OK);
	ck_assert_int_eq(acta_snapshot_turn(snapshot, &now), ACTA_OK);
	ck_assert_int_eq(acta_snapshot_take(snapshot, &turn, &why), ACTA_OK);
	ck_assert_uint_eq(turn, now);
	child = fork();
	if (child == 0) { /* the writer, in a process of its own */
		struct acta_store *store = open_at(in_dir("a"));

		turns(store, 200);
		settle(store);
		turns(store, 20);
		acta_store_close(&store);
		_exit(0);
	}
	ck_assert(waitpid(child, &status, 0) == child && status == 0);
	ck_assert_int_eq(
	    acta_snapshot_copy(snapshot, in_dir("b"), NULL, &copied, &why),
	    ACTA_OK);
	ck_assert_int_eq(acta_snapshot_turn(snapshot, &now), ACTA_OK);
	ck_assert_uint_eq(now, turn + 220);
	acta_snapshot_close(&snapshot);
	is = contents(in_dir("b"));
	ck_assert_mem_eq(was.bytes, is.bytes, sizeof(is.bytes));
}
END_TEST

/* -------------------------------------------------------------- compact -- */

static int kill_at, steps;

static void
on_step(const char *name)
{
	if (steps++ == kill_at)
		raise(SIGKILL);
}

static uint64_t
size_of(const char *path)
{
	struct stat st;

	ck_assert(stat(path, &st) == 0);
	return (uint64_t)st.st_size;
}

static enum acta_err
compact(const char *path, struct acta_compacted *out)
{
	struct acta_why why;

	steps = 0;
	return acta_store_compact(path, on_step, out, &why);
}

START_TEST(put_anew_it_is_the_same_and_smaller)
{
	struct acta_compacted out;
	struct acta_hash128 was, is;
	struct acta_store *store;
	uint64_t before;

	make_store(in_dir("a"), _i);
	was = contents(in_dir("a"));
	before = size_of(in_dir("a/data.mdb"));
	kill_at = -1;
	ck_assert_int_eq(compact(in_dir("a"), &out), ACTA_OK);
	is = contents(in_dir("a"));
	ck_assert_mem_eq(was.bytes, is.bytes, sizeof(is.bytes));
	ck_assert_uint_eq(out.bytes_after, size_of(in_dir("a/data.mdb")));
	if (_i > 1)
		ck_assert_uint_lt(out.bytes_after, before);
	ck_assert(access(in_dir("a/compact"), F_OK) != 0);
	store = open_at(in_dir("a"));
	turns(store, 100);
	settle(store);
	acta_store_close(&store);
}
END_TEST

START_TEST(killed_at_any_step_it_is_one_or_the_other)
{
	struct acta_compacted out;
	struct acta_hash128 was, is;
	struct acta_store *store;
	int status = -1;

	make_store(in_dir("a"), 2);
	was = contents(in_dir("a"));
	for (kill_at = 0; status != 0; kill_at++) {
		pid_t child = fork();

		if (child == 0)
			_exit(compact(in_dir("a"), &out) == ACTA_OK ? 0 : 1);
		ck_assert(waitpid(child, &status, 0) == child);
		ck_assert(status == 0 ||
		    (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
		is = contents(in_dir("a"));
		ck_assert_mem_eq(was.bytes, is.bytes, sizeof(is.bytes));
		store = open_at(in_dir("a")); /* it may be used as it is */
		turns(store, 3);
		acta_store_close(&store);
		was = contents(in_dir("a"));
	}
	ck_assert_int_ge(kill_at, 6);
	ck_assert(access(in_dir("a/compact"), F_OK) != 0);
}
END_TEST

START_TEST(not_while_it_is_in_use)
{
	struct acta_compacted out;
	struct acta_hash128 was, is;
	struct acta_store *store = open_at(in_dir("a"));
	struct acta_why why;
	int ready[2], over[2], status;
	pid_t child;
	char c;

	kill_at = -1;
	ck_assert_int_eq(
	    acta_store_compact(in_dir("a"), NULL, &out, &why), ACTA_EBUSY);
	ck_assert_ptr_nonnull(strstr(why.text, "held by process"));
	acta_store_close(&store);
	make_store(in_dir("a"), 2);
	was = contents(in_dir("a"));
	ck_assert(pipe(ready) == 0 && pipe(over) == 0);
	child = fork();
	if (child == 0) { /* somebody reads it */
		if (acta_store_open_read(in_dir("a"), &store, NULL) != ACTA_OK)
			_exit(1);
		close(over[1]);
		(void)!write(ready[1], "", 1);
		(void)!read(over[0], &c, 1);
		_exit(0);
	}
	ck_assert(read(ready[0], &c, 1) == 1);
	ck_assert_int_eq(
	    acta_store_compact(in_dir("a"), NULL, &out, &why), ACTA_EBUSY);
	ck_assert_ptr_nonnull(strstr(why.text, "being read"));
	ck_assert(access(in_dir("a/compact"), F_OK) != 0);
	close(over[1]);
	ck_assert(waitpid(child, &status, 0) == child && status == 0);
	is = contents(in_dir("a"));
	ck_assert_mem_eq(was.bytes, is.bytes, sizeof(is.bytes));
	ck_assert_int_eq(
	    acta_store_compact(in_dir("a"), NULL, &out, &why), ACTA_OK);
	ck_assert_int_eq(
	    acta_store_compact(in_dir("none"), NULL, &out, &why), ACTA_ENOENT);
	ck_assert(access(in_dir("none"), F_OK) != 0);
}
END_TEST

static bool die_with_root; /* this process does, once a root is written */

/* In front of libc's: LMDB writes its two roots by it. */
ssize_t
pwrite(int fd, const void *data, size_t size, off_t offset)
{
	static ssize_t (*next)(int, const void *, size_t, off_t);
	ssize_t n;

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "pwrite");
	n = next(fd, data, size, offset);
	if (die_with_root && offset < 8192 && size < 4096 && size > 64)
		raise(SIGKILL);
	return n;
}

/* What it wrote can be seen; what it would have told the readers of it not. */
START_TEST(a_writer_killed_with_its_root_written_is_followed_by_another)
{
	struct acta_store *store;
	int ready[2], over[2], status;
	uint64_t turn;
	pid_t child, reader;
	char c;

	make_store(in_dir("a"), 2);
	ck_assert(pipe(ready) == 0 && pipe(over) == 0);
	reader = fork();
	if (reader == 0) {
		if (acta_store_open_read(in_dir("a"), &store, NULL) != ACTA_OK)
			_exit(1);
		close(over[1]);
		(void)!write(ready[1], "", 1);
		(void)!read(over[0], &c, 1);
		_exit(0);
	}
	ck_assert(read(ready[0], &c, 1) == 1);
	child = fork();
	if (child == 0) {
		store = open_at(in_dir("a"));
		die_with_root = true;
		turns(store, 1);
		_exit(1);
	}
	ck_assert(waitpid(child, &status, 0) == child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	store = open_at(in_dir("a"));
	turn = acta_store_turn(store);
	turns(store, 1);
	ck_assert_uint_eq(acta_store_turn(store), turn + 1);
	acta_store_close(&store);
	close(over[1]);
	ck_assert(waitpid(reader, &status, 0) == reader && status == 0);
}
END_TEST

/* Whoever puts another file in its place by hand, while it is read. */
START_TEST(a_file_replaced_under_a_reader_is_not_written)
{
	struct acta_store_options options = { .service = "s",
		.part = 1,
		.parts = 2,
		.map_size = 256u << 20,
		.no_sync = true };
	struct acta_store *store;
	struct acta_hash128 was, is;
	struct acta_why why;
	int ready[2], over[2], status;
	pid_t child;
	char c;

	make_store(in_dir("a"), 2);
	make_store(in_dir("b"), 1);
	was = contents(in_dir("b"));
	ck_assert(pipe(ready) == 0 && pipe(over) == 0);
	child = fork();
	if (child == 0) {
		if (acta_store_open_read(in_dir("a"), &store, NULL) != ACTA_OK)
			_exit(1);
		close(over[1]);
		(void)!write(ready[1], "", 1);
		(void)!read(over[0], &c, 1);
		_exit(0);
	}
	ck_assert(read(ready[0], &c, 1) == 1);
	ck_assert(rename(in_dir("b/data.mdb"), in_dir("a/data.mdb")) == 0);
	ck_assert_int_eq(
	    acta_store_open(in_dir("a"), &options, &store, &why), ACTA_EBUSY);
	ck_assert_ptr_nonnull(strstr(why.text, "was replaced"));
	close(over[1]);
	ck_assert(waitpid(child, &status, 0) == child && status == 0);
	is = contents(in_dir("a"));
	ck_assert_mem_eq(was.bytes, is.bytes, sizeof(is.bytes));
	store = open_at(in_dir("a"));
	turns(store, 10);
	acta_store_close(&store);
}
END_TEST

/* ---------------------------------------------------------------- scrub -- */

static char told[4096];
static int told_count;

static void
on_bad(void *self, const char *where)
{
	told_count++;
	add_text(told, sizeof(told), "%s\n", where);
}

static struct acta_copied
scrub(const char *path)
{
	struct acta_scrub hooks = { .bad = on_bad };
	struct acta_snapshot *snapshot;
	struct acta_copied out;
	struct acta_why why;

	told[0] = '\0';
	told_count = 0;
	ck_assert_int_eq(acta_snapshot_open(path, &snapshot, &why), ACTA_OK);
	ck_assert_int_eq(acta_snapshot_scrub(snapshot, &hooks, &out), ACTA_OK);
	acta_snapshot_close(&snapshot);
	return out;
}

/* A change of the file that the store does not know of. */
static void
tamper(const char *path, unsigned map, const void *key, size_t size, int at)
{
	struct acta_env_options options = { .map_size = 256u << 20 };
	uint8_t copy[70000];
	struct acta_env_txn *txn;
	struct acta_env *env;
	const void *value;
	size_t value_size;
	void *room;

	ck_assert_int_eq(acta_env_open(path, &options, &env, NULL), ACTA_OK);
	ck_assert_int_eq(env->ops->begin(env, true, &txn), ACTA_OK);
	if (at < 0) {
		ck_assert_int_eq(env->ops->del(txn, map, key, size), ACTA_OK);
	} else {
		ck_assert_int_eq(
		    env->ops->get(txn, map, key, size, &value, &value_size),
		    ACTA_OK);
		ck_assert(value_size <= sizeof(copy));
		memcpy(copy, value, value_size);
		copy[(size_t)at % value_size] ^= 4;
		ck_assert_int_eq(
		    env->ops->put(txn, map, key, size, value_size, &room),
		    ACTA_OK);
		memcpy(room, copy, value_size);
	}
	ck_assert_int_eq(env->ops->commit(txn), ACTA_OK);
	env->ops->close(env);
}

START_TEST(what_is_whole_is_said_to_be)
{
	struct acta_copied out;

	make_store(in_dir("a"), _i);
	out = scrub(in_dir("a"));
	ck_assert_str_eq(told, "");
	ck_assert_int_eq(out.rows > 3, _i >= 2);
	ck_assert_int_eq(out.records > 0, _i > 0);
}
END_TEST

START_TEST(each_damage_is_found_with_its_place)
{
	uint8_t turn_20[ACTA_JOURNAL_KEY], turn_30[ACTA_JOURNAL_KEY];
	struct acta_store *store = open_at(in_dir("a"));
	struct acta_snapshot *snapshot;
	struct acta_copied copied;
	struct acta_why why = { "", "" };
	uint64_t next;
	int i;

	ck_assert_int_eq(acta_store_follow(store, "f", 0, &next), ACTA_OK);
	acta_store_put(store, ACTA_T_STATE, "my key", 6, "value", 5);
	turns(store, 50);
	settle(store);
	acta_store_close(&store);
	acta_journal_key_encode(turn_20, 20, 0);
	acta_journal_key_encode(turn_30, 30, 0);
	tamper(in_dir("a"), ACTA_T_STATE, "my key", 6, 2);
	scrub(in_dir("a"));
	ck_assert_str_eq(
	    told, "table state, key my\\20key: it is not what was written\n");
	tamper(in_dir("a"), ACTA_MAP_JOURNAL, turn_20, sizeof(turn_20), 60);
	tamper(in_dir("a"), ACTA_MAP_JOURNAL, turn_30, sizeof(turn_30), -1);
	scrub(in_dir("a"));
	ck_assert_int_eq(told_count, 3);
	ck_assert_ptr_nonnull(strstr(told, "journal, turn 20: "));
	ck_assert_ptr_nonnull(
	    strstr(told, "journal, turns 30 to 30: they are missing"));
	/* It is not copied as if it were sound. */
	ck_assert_int_eq(
	    acta_snapshot_open(in_dir("a"), &snapshot, &why), ACTA_OK);
	ck_assert_int_eq(acta_snapshot_take(snapshot, &next, &why), ACTA_OK);
	ck_assert_int_eq(
	    acta_snapshot_copy(snapshot, in_dir("b"), NULL, &copied, &why),
	    ACTA_ECORRUPT);
	ck_assert_ptr_nonnull(strstr(why.text, "my\\20key"));
	acta_snapshot_close(&snapshot);
	/* A bit anywhere in its own rows. */
	for (i = 0; i < 20; i++) {
		tamper(in_dir("a"), ACTA_MAP_STORE, "marks", 5, i);
		scrub(in_dir("a"));
		ck_assert_ptr_nonnull(strstr(told, "table store, key marks"));
		tamper(in_dir("a"), ACTA_MAP_STORE, "marks", 5, i);
	}
	scrub(in_dir("a"));
	ck_assert_int_eq(told_count, 3);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *tc = tcase_create("snapshot");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tc, make_dir, remove_dir);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, a_copy_is_the_same, 0, 5);
	tcase_add_loop_test(tc, with_another_history_it_is_another_store, 0, 5);
	tcase_add_test(tc, a_snapshot_stays_as_it_was);
	tcase_add_loop_test(tc, put_anew_it_is_the_same_and_smaller, 0, 5);
	tcase_add_test(tc, killed_at_any_step_it_is_one_or_the_other);
	tcase_add_test(tc, not_while_it_is_in_use);
	tcase_add_test(
	    tc, a_writer_killed_with_its_root_written_is_followed_by_another);
	tcase_add_test(tc, a_file_replaced_under_a_reader_is_not_written);
	tcase_add_loop_test(tc, what_is_whole_is_said_to_be, 0, 5);
	tcase_add_test(tc, each_damage_is_found_with_its_place);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
