/* t/22-store.c - a turn is whole or not at all, what it shows is what it will
 * leave, and a store that is not whole does not open. */
#include "store/internal.h"
#include "t/20-store.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct acta_store_options
options(void)
{
	return (struct acta_store_options){ .service = "stock",
		.parts = 1,
		.map_size = 256u << 20,
		.no_sync = true,
		.seed = 7 };
}

static struct acta_store *
open_with(struct acta_store_options with)
{
	struct acta_store *store = NULL;
	struct acta_why why = { "", "" };
	enum acta_err err = acta_store_open(dir, &with, &store, &why);

	ck_assert_msg(err == ACTA_OK, "%s: %s", acta_strerror(err), why.text);
	return store;
}

static struct acta_store *
open_store(void)
{
	return open_with(options());
}

static void
put(struct acta_store *store, const char *key, const char *value)
{
	acta_store_put(
	    store, ACTA_T_STATE, key, strlen(key), value, strlen(value));
}

static void delete (struct acta_store *store, const char *key)
{
	acta_store_delete(store, ACTA_T_STATE, key, strlen(key));
}

static void
delete_prefix(struct acta_store *store, const char *prefix)
{
	acta_store_delete_prefix(store, ACTA_T_STATE, prefix, strlen(prefix));
}

/* The value as text, or "-". Good for one use. */
static const char *
get(struct acta_store *store, const char *key)
{
	static char text[256];
	const void *value;
	size_t size;
	enum acta_err err = acta_store_get(
	    store, ACTA_T_STATE, key, strlen(key), &value, &size);

	if (err == ACTA_ENOENT)
		return "-";
	ck_assert_int_eq(err, ACTA_OK);
	ck_assert(size < sizeof(text));
	memcpy(text, value, size);
	text[size] = '\0';
	return text;
}

static void
rest(struct acta_scan *scan, char *out, size_t room)
{
	struct acta_row row;

	out[0] = '\0';
	while (acta_scan_next(scan, &row))
		add_text(out, room, "%.*s=%.*s ", (int)row.key_size,
		    (const char *)row.key, (int)row.value_size,
		    (const char *)row.value);
	ck_assert_int_eq(acta_scan_close(&scan), ACTA_OK);
	ck_assert(scan == NULL);
}

/* "key=value key=value " */
static const char *
scan(struct acta_store *store, const char *prefix)
{
	static char text[4096];

	rest(acta_scan_open(store, ACTA_T_STATE, prefix, strlen(prefix)), text,
	    sizeof(text));
	return text;
}

static void
commit(struct acta_store *store, int64_t now_ms)
{
	ck_assert_int_eq(acta_store_commit(store, now_ms, false), ACTA_OK);
}

/* Merge all into the trees. */
static void
settle(struct acta_store *store)
{
	bool more = true;

	while (more)
		ck_assert_int_eq(acta_store_idle(store,
				     acta_store_last_ms(store) + 2000, &more),
		    ACTA_OK);
}

START_TEST(a_turn_reads_its_own_writes_and_leaves_them)
{
	struct acta_store *store = open_store();

	acta_store_begin(store);
	ck_assert(!acta_store_dirty(store));
	ck_assert_str_eq(get(store, "a"), "-");
	put(store, "a", "1");
	put(store, "a", "2");
	put(store, "empty", "");
	ck_assert_str_eq(get(store, "a"), "2");
	ck_assert(acta_store_dirty(store));
	ck_assert(acta_store_pending_bytes(store) > 0);
	commit(store, 100);
	ck_assert(!acta_store_dirty(store));
	ck_assert_uint_eq(acta_store_turn(store), 1);
	ck_assert_int_eq(acta_store_last_ms(store), 100);
	acta_store_begin(store);
	ck_assert_str_eq(get(store, "a"), "2");
	ck_assert_str_eq(get(store, "empty"), "");
	delete (store, "a");
	ck_assert_str_eq(get(store, "a"), "-");
	commit(store, 50);
	ck_assert_int_eq(acta_store_last_ms(store), 100);
	ck_assert_str_eq(get(store, "a"), "-");
	acta_store_close(&store);
	ck_assert(store == NULL);
}
END_TEST

START_TEST(a_turn_without_effects_commits_nothing)
{
	struct acta_store *store = open_store();

	acta_store_begin(store);
	ck_assert_str_eq(get(store, "a"), "-");
	commit(store, 100);
	ck_assert_uint_eq(acta_store_turn(store), 0);
	acta_store_note(store, "\x01", 1);
	ck_assert(acta_store_dirty(store));
	commit(store, 100);
	ck_assert_uint_eq(acta_store_turn(store), 1);
	acta_store_close(&store);
}
END_TEST

START_TEST(undo_returns_to_the_mark_and_marks_nest)
{
	struct acta_store *store = open_store();
	acta_store_mark outer, inner;

	put(store, "old", "x");
	put(store, "p1", "x");
	commit(store, 1);
	put(store, "a", "1");
	outer = acta_store_mark_now(store);
	put(store, "a", "2");
	put(store, "b", "1");
	delete (store, "old");
	inner = acta_store_mark_now(store);
	delete_prefix(store, "p");
	put(store, "p2", "1");
	acta_store_note(store, "\x01", 1);
	ck_assert_str_eq(scan(store, ""), "a=2 b=1 p2=1 ");
	acta_store_undo(store, inner);
	ck_assert_str_eq(scan(store, ""), "a=2 b=1 p1=x ");
	acta_store_undo(store, outer);
	ck_assert_str_eq(scan(store, ""), "a=1 old=x p1=x ");
	acta_store_undo(store, (acta_store_mark){ 0, 0 });
	ck_assert(!acta_store_dirty(store));
	ck_assert_uint_eq(acta_store_pending_bytes(store), 0);
	ck_assert_str_eq(scan(store, ""), "old=x p1=x ");
	put(store, "a", "3");
	acta_store_abort(store);
	ck_assert(!acta_store_dirty(store));
	ck_assert_str_eq(get(store, "a"), "-");
	acta_store_close(&store);
}
END_TEST

START_TEST(a_scan_merges_all_layers_as_of_its_opening)
{
	struct acta_store *store = open_store();
	struct acta_scan *open, *at;
	struct acta_row row;
	char text[512];

	put(store, "a", "tree");
	put(store, "b", "tree");
	put(store, "c", "tree");
	put(store, "d", "tree");
	commit(store, 1);
	settle(store);
	put(store, "b", "frozen");
	put(store, "e", "frozen");
	commit(store, 2);
	acta_store_freeze(store);
	put(store, "c", "active");
	delete (store, "e");
	commit(store, 3);
	put(store, "d", "writes");
	put(store, "bb", "writes");
	open = acta_scan_open(store, ACTA_T_STATE, NULL, 0);
	at = acta_scan_open_at(store, ACTA_T_STATE, "b", 1, "a", 1);
	ck_assert(acta_scan_next(open, &row));
	put(store, "d", "later");
	put(store, "aa", "later");
	delete (store, "c");
	delete_prefix(store, "b");
	rest(open, text, sizeof(text));
	ck_assert_str_eq(text, "b=frozen bb=writes c=active d=writes ");
	rest(at, text, sizeof(text));
	ck_assert_str_eq(text, "bb=writes ");
	ck_assert_str_eq(scan(store, ""), "a=tree aa=later d=later ");
	ck_assert_str_eq(scan(store, "a"), "a=tree aa=later ");
	commit(store, 4);
	settle(store);
	ck_assert_str_eq(scan(store, ""), "a=tree aa=later d=later ");
	acta_store_close(&store);
}
END_TEST

START_TEST(tables_do_not_mix)
{
	struct acta_store *store = open_store();
	const void *value;
	size_t size;

	put(store, "k", "state");
	acta_store_put(store, ACTA_T_OUTBOX, "k", 1, "outbox", 6);
	acta_store_put(store, ACTA_T_META, "k", 1, "meta", 4);
	acta_store_delete_prefix(store, ACTA_T_OUTBOX, NULL, 0);
	ck_assert_str_eq(scan(store, ""), "k=state ");
	commit(store, 1);
	settle(store);
	ck_assert_str_eq(scan(store, ""), "k=state ");
	ck_assert_int_eq(
	    acta_store_get(store, ACTA_T_OUTBOX, "k", 1, &value, &size),
	    ACTA_ENOENT);
	ck_assert_int_eq(
	    acta_store_get(store, ACTA_T_META, "k", 1, &value, &size), ACTA_OK);
	acta_store_close(&store);
}
END_TEST

START_TEST(a_deleted_prefix_is_one_mark_and_what_comes_after_stays)
{
	struct acta_store *store = open_store();
	char key[32];
	int i;

	for (i = 0; i < 3000; i++) {
		snprintf(key, sizeof(key), "u%04d", i);
		put(store, key, "x");
	}
	put(store, "t\xff", "before");
	put(store, "v", "behind");
	commit(store, 1);
	settle(store);
	put(store, "u0001", "active");
	commit(store, 2);
	delete_prefix(store, "u");
	ck_assert_uint_lt(acta_store_pending_bytes(store), 64);
	ck_assert_str_eq(scan(store, ""), "t\xff=before v=behind ");
	put(store, "u0002", "again");
	ck_assert_str_eq(scan(store, "u"), "u0002=again ");
	commit(store, 3);
	ck_assert_str_eq(scan(store, "u"), "u0002=again ");
	ck_assert_str_eq(get(store, "u0001"), "-");
	acta_store_close(&store);
	store = open_store();
	ck_assert_str_eq(scan(store, ""), "t\xff=before u0002=again v=behind ");
	settle(store);
	ck_assert_str_eq(scan(store, ""), "t\xff=before u0002=again v=behind ");
	delete_prefix(store, "t\xff");
	ck_assert_str_eq(scan(store, "t"), "");
	commit(store, 4);
	settle(store);
	ck_assert_str_eq(scan(store, ""), "u0002=again v=behind ");
	acta_store_close(&store);
}
END_TEST

START_TEST(a_reopened_store_is_what_it_was_in_a_new_incarnation)
{
	struct acta_store *store = open_store();
	struct acta_store_id before = acta_store_id(store), after;
	struct acta_store_info info;

	ck_assert_uint_eq(before.incarnation, 1);
	put(store, "a", "1");
	commit(store, 1000);
	put(store, "b", "2");
	put(store, "c", "lost");
	acta_store_abort(store);
	put(store, "b", "3");
	commit(store, 2000);
	put(store, "c", "lost");
	acta_store_close(&store);
	store = open_store();
	after = acta_store_id(store);
	ck_assert(memcmp(before.history, after.history, 16) == 0);
	ck_assert_uint_eq(after.incarnation, 2);
	ck_assert(after.incarnation_random != before.incarnation_random);
	ck_assert_uint_eq(acta_store_turn(store), 2);
	ck_assert_int_eq(acta_store_last_ms(store), 2000);
	ck_assert_str_eq(scan(store, ""), "a=1 b=3 ");
	settle(store);
	acta_store_info(store, &info);
	ck_assert_uint_eq(info.replay_from, 3);
	ck_assert_uint_eq(info.journal_first, 2); /* the last is kept */
	ck_assert_uint_eq(info.entries_active + info.entries_frozen, 0);
	acta_store_close(&store);
	store = open_store();
	ck_assert_uint_eq(acta_store_turn(store), 2);
	ck_assert_int_eq(acta_store_last_ms(store), 2000);
	ck_assert_str_eq(scan(store, ""), "a=1 b=3 ");
	acta_store_close(&store);
}
END_TEST

START_TEST(a_second_open_is_refused_and_names_the_holder)
{
	struct acta_store *store = open_store(), *second = NULL;
	struct acta_store_options with = options();
	struct acta_why why;
	char pid[32];
	pid_t child;
	int status;

	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	ck_assert_int_eq(
	    acta_store_open(dir, &with, &second, &why), ACTA_EBUSY);
	ck_assert(second == NULL);
	ck_assert_msg(strstr(why.text, pid) != NULL, "%s", why.text);
	child = fork();
	if (child == 0)
		_exit(
		    acta_store_open(dir, &with, &second, &why) == ACTA_EBUSY &&
			    strstr(why.text, pid) != NULL
			? 42
			: 1);
	ck_assert(waitpid(child, &status, 0) == child);
	ck_assert_int_eq(WEXITSTATUS(status), 42);
	acta_store_close(&store);
	store = open_store();
	acta_store_close(&store);
}
END_TEST

START_TEST(another_service_or_number_of_partitions_is_refused)
{
	struct acta_store_options with = options();
	struct acta_store *store = open_store();
	struct acta_why why;

	acta_store_close(&store);
	with.parts = 4;
	ck_assert_int_eq(
	    acta_store_open(dir, &with, &store, &why), ACTA_EINVAL);
	ck_assert_msg(strstr(why.text, "0 of 4") != NULL, "%s", why.text);
	with = options();
	with.service = "order";
	ck_assert_int_eq(
	    acta_store_open(dir, &with, &store, &why), ACTA_EINVAL);
	ck_assert_msg(strstr(why.text, "stock") != NULL, "%s", why.text);
	with.service = "";
	ck_assert_int_eq(
	    acta_store_open(dir, &with, &store, NULL), ACTA_EINVAL);
	with = options();
	with.part = 1;
	ck_assert_int_eq(
	    acta_store_open(dir, &with, &store, NULL), ACTA_EINVAL);
	ck_assert_int_eq(
	    acta_store_open("/proc/no/such", &with, &store, &why), ACTA_EINVAL);
	with.part = 0;
	ck_assert_int_eq(
	    acta_store_open("/proc/no/such", &with, &store, &why), ACTA_EIO);
	store = open_store();
	acta_store_close(&store);
}
END_TEST

START_TEST(a_full_store_says_so_changes_nothing_and_can_be_emptied)
{
	struct acta_store_options with = options();
	struct acta_store *store;
	static char big[64 << 10];
	enum acta_err err = ACTA_OK;
	uint64_t turn;
	char key[32];
	int i;

	with.quota = 8u << 20;
	store = open_with(with);
	for (i = 0; err == ACTA_OK; i++) {
		ck_assert_int_lt(i, 1000);
		turn = acta_store_turn(store);
		snprintf(key, sizeof(key), "k%03d", i);
		acta_store_put(store, ACTA_T_STATE, key, 4, big, sizeof(big));
		err = acta_store_commit(store, i, false);
	}
	ck_assert_int_eq(err, ACTA_EFULL);
	ck_assert(acta_store_intake_stopped(store));
	ck_assert(acta_store_dirty(store)); /* still the caller's */
	acta_store_abort(store);
	ck_assert_uint_eq(acta_store_turn(store), turn);
	ck_assert_str_eq(get(store, key), "-");
	/* Clean-up goes on. */
	delete_prefix(store, "k");
	ck_assert_int_eq(acta_store_commit(store, i, true), ACTA_OK);
	settle(store);
	put(store, "a", "1");
	ck_assert_int_eq(acta_store_commit(store, i, true), ACTA_OK);
	settle(store);
	put(store, "a", "2");
	commit(store, i);
	ck_assert(!acta_store_intake_stopped(store));
	acta_store_close(&store);
	store = open_with(with);
	ck_assert_str_eq(scan(store, ""), "a=2 ");
	acta_store_close(&store);
}
END_TEST

START_TEST(the_map_may_end_before_the_quota)
{
	struct acta_store_options with = options();
	struct acta_store *store;
	static char big[60000];
	enum acta_err err = ACTA_OK;
	struct acta_store_info info;
	int i;

	with.map_size = 4u << 20;
	store = open_with(with);
	acta_store_info(store, &info);
	ck_assert_uint_eq(info.map_size, with.map_size);
	ck_assert_uint_lt(info.quota, with.map_size);
	for (i = 0; err == ACTA_OK; i++) {
		ck_assert_int_lt(i, 1000);
		acta_store_put(
		    store, ACTA_T_STATE, &i, sizeof(i), big, sizeof(big));
		err = acta_store_commit(store, i, true);
	}
	ck_assert_int_eq(err, ACTA_EFULL);
	acta_store_abort(store);
	acta_store_close(&store);
	store = open_with(with);
	ck_assert_uint_eq(acta_store_turn(store), (uint64_t)i - 1);
	acta_store_close(&store);
}
END_TEST

/* Flip a bit of the first place in the file that has these bytes. */
static void
flip(const char *bytes)
{
	char path[128];
	static char file[1 << 20];
	char *at;
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	fd = open(path, O_RDWR);
	ck_assert(fd >= 0);
	size = pread(fd, file, sizeof(file), 0);
	ck_assert(size > 0);
	at = memmem(file, (size_t)size, bytes, strlen(bytes));
	ck_assert(at != NULL);
	for (; at != NULL; at = memmem(at + 1, (size_t)(file + size - at - 1),
			       bytes, strlen(bytes))) {
		char bad = (char)(*at ^ 0x10);

		ck_assert(pwrite(fd, &bad, 1, at - file) == 1);
	}
	close(fd);
}

START_TEST(a_flipped_bit_in_the_journal_is_no_shorter_history)
{
	struct acta_store_options with = options();
	struct acta_store *store = open_store();
	struct acta_why why;

	put(store, "a", "some-value");
	commit(store, 1);
	put(store, "b", "another");
	commit(store, 2);
	acta_store_close(&store);
	flip("some-value");
	ck_assert_int_eq(
	    acta_store_open(dir, &with, &store, &why), ACTA_ECORRUPT);
	ck_assert(why.text[0] != '\0');
	ck_assert_int_eq(
	    acta_store_open_read(dir, &store, &why), ACTA_ECORRUPT);
}
END_TEST

START_TEST(a_flipped_bit_in_a_tree_is_found_when_it_is_read)
{
	struct acta_store *store = open_store();
	struct acta_scan *all;
	struct acta_row row;
	const void *value;
	size_t size;

	put(store, "a", "some-value");
	commit(store, 1);
	settle(store);
	put(store, "b", "x");
	commit(store, 2);
	settle(store);
	acta_store_close(&store);
	flip("some-value");
	store = open_store();
	ck_assert_int_eq(
	    acta_store_get(store, ACTA_T_STATE, "a", 1, &value, &size),
	    ACTA_ECORRUPT);
	ck_assert_str_eq(get(store, "b"), "x");
	all = acta_scan_open(store, ACTA_T_STATE, NULL, 0);
	ck_assert(!acta_scan_next(all, &row));
	ck_assert_int_eq(acta_scan_close(&all), ACTA_ECORRUPT);
	acta_store_close(&store);
}
END_TEST

START_TEST(a_file_that_is_no_store_is_refused)
{
	struct acta_store_options with = options();
	struct acta_store *store;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	file = fopen(path, "w");
	fprintf(file, "%8192d", 1);
	fclose(file);
	ck_assert_int_eq(
	    acta_store_open(dir, &with, &store, NULL), ACTA_ECORRUPT);
}
END_TEST

START_TEST(the_checked_open_reads_the_disk)
{
	struct acta_store_options with = options();
	struct acta_store *store;
	enum acta_err err;

	with.no_sync = false;
	store = open_with(with);
	put(store, "a", "1");
	commit(store, 1);
	acta_store_close(&store);
	with.checked = true;
	err = acta_store_open(dir, &with, &store, NULL);
	/* tmpfs has no disk to ask, and says so */
	ck_assert(err == ACTA_OK || err == ACTA_EINVAL);
	if (err == ACTA_OK)
		ck_assert_str_eq(get(store, "a"), "1");
	acta_store_close(&store);
}
END_TEST

START_TEST(a_reader_sees_the_store_beside_its_writer)
{
	struct acta_store *store = open_store(), *reader;
	int to[2], from[2], status;
	char byte;
	pid_t child;

	put(store, "a", "tree");
	commit(store, 1);
	settle(store);
	put(store, "b", "journal");
	commit(store, 2);
	acta_store_close(&store);
	ck_assert(pipe(to) == 0 && pipe(from) == 0);
	child = fork();
	if (child == 0) {
		store = open_store();
		put(store, "c", "more");
		commit(store, 3);
		(void)!write(to[1], "x", 1);
		(void)!read(from[0], &byte, 1);
		put(store, "d", "later");
		commit(store, 4);
		(void)!write(to[1], "x", 1);
		(void)!read(from[0], &byte, 1);
		_exit(0);
	}
	ck_assert(read(to[0], &byte, 1) == 1);
	ck_assert_int_eq(acta_store_open_read(dir, &reader, NULL), ACTA_OK);
	ck_assert_str_eq(scan(reader, ""), "a=tree b=journal c=more ");
	ck_assert(write(from[1], "x", 1) == 1);
	ck_assert(read(to[0], &byte, 1) == 1);
	ck_assert_str_eq(scan(reader, ""), "a=tree b=journal c=more ");
	ck_assert_str_eq(acta_store_service(reader), "stock");
	acta_store_close(&reader);
	ck_assert(write(from[1], "x", 1) == 1);
	ck_assert(waitpid(child, &status, 0) == child);
	ck_assert_int_eq(
	    acta_store_open_read("/tmp/no-such-store", &reader, NULL),
	    ACTA_ENOENT);
}
END_TEST

START_TEST(in_memory_is_the_same_without_a_file)
{
	struct acta_store_options with = options();
	struct acta_store *store;

	with.in_memory = true;
	with.map_size = 0;
	store = open_with(with);
	put(store, "a", "1");
	put(store, "b", "1");
	commit(store, 1);
	settle(store);
	put(store, "c", "2");
	delete_prefix(store, "a");
	commit(store, 2);
	ck_assert_str_eq(scan(store, ""), "b=1 c=2 ");
	settle(store);
	ck_assert_str_eq(scan(store, ""), "b=1 c=2 ");
	acta_store_close(&store);
	store = open_with(with);
	ck_assert_str_eq(scan(store, ""), "");
	ck_assert_uint_eq(acta_store_turn(store), 0);
	acta_store_close(&store);
}
END_TEST

START_TEST(files_are_for_the_owner_alone)
{
	struct acta_store *store;
	struct stat st;
	char path[128];

	add_text(dir, sizeof(dir), "/a/b");
	store = open_store();
	ck_assert(stat(dir, &st) == 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	ck_assert(stat(path, &st) == 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	acta_store_close(&store);
	dir[strlen(dir) - 4] = '\0';
}
END_TEST

START_TEST(a_partition_is_xxh3_of_the_key)
{
	/* From the reference implementation: xxh3_64("") and 128 canonical. */
	ck_assert_uint_eq(acta_hash64("", 0), UINT64_C(0x2d06800538d394c2));
	ck_assert_uint_eq(acta_partition_of("", 0, 1000),
	    UINT64_C(0x2d06800538d394c2) % 1000);
	ck_assert_uint_eq(acta_hash128("", 0).bytes[0], 0x99);
	ck_assert_uint_eq(acta_partition_of("x", 1, 1), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store");
	TCase *tc = tcase_create("store");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tc, make_dir, remove_dir);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_turn_reads_its_own_writes_and_leaves_them);
	tcase_add_test(tc, a_turn_without_effects_commits_nothing);
	tcase_add_test(tc, undo_returns_to_the_mark_and_marks_nest);
	tcase_add_test(tc, a_scan_merges_all_layers_as_of_its_opening);
	tcase_add_test(tc, tables_do_not_mix);
	tcase_add_test(
	    tc, a_deleted_prefix_is_one_mark_and_what_comes_after_stays);
	tcase_add_test(
	    tc, a_reopened_store_is_what_it_was_in_a_new_incarnation);
	tcase_add_test(tc, a_second_open_is_refused_and_names_the_holder);
	tcase_add_test(tc, another_service_or_number_of_partitions_is_refused);
	tcase_add_test(
	    tc, a_full_store_says_so_changes_nothing_and_can_be_emptied);
	tcase_add_test(tc, the_map_may_end_before_the_quota);
	tcase_add_test(tc, a_flipped_bit_in_the_journal_is_no_shorter_history);
	tcase_add_test(tc, a_flipped_bit_in_a_tree_is_found_when_it_is_read);
	tcase_add_test(tc, a_file_that_is_no_store_is_refused);
	tcase_add_test(tc, the_checked_open_reads_the_disk);
	tcase_add_test(tc, a_reader_sees_the_store_beside_its_writer);
	tcase_add_test(tc, in_memory_is_the_same_without_a_file);
	tcase_add_test(tc, files_are_for_the_owner_alone);
	tcase_add_test(tc, a_partition_is_xxh3_of_the_key);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
