/* t/24-reader.c - an independent program in Python, written from store/README,
 * reads a stopped store as acta-peek does; acta-peek shows a running one, and
 * says what that is worth. */
#include "codecs/packer.h"
#include "store/internal.h"
#include "t/20-store.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static uint64_t dice;

static uint32_t
roll(uint32_t sides)
{
	dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)((dice >> 33) % sides);
}

static struct acta_store *
open_store(void)
{
	struct acta_store_options options = { .service = "stöck",
		.part = 1,
		.parts = 3,
		.map_size = 256u << 20,
		.no_sync = true,
		.seed = 3 };
	struct acta_store *store;

	ck_assert_int_eq(acta_store_open(dir, &options, &store, NULL), ACTA_OK);
	return store;
}

static size_t
random_key(char key[64])
{
	if (roll(3) == 0) { /* bytes that are no text */
		uint32_t n = roll(500);

		key[0] = (char)0xfe;
		memcpy(key + 1, &n, sizeof(n));
		return 5;
	}
	return (size_t)snprintf(key, 64, "us\"er/\\%03u\xc3\xa9", roll(500));
}

static void
random_value(struct acta_buf *value)
{
	static uint8_t big[200000];

	acta_buf_reset(value);
	switch (roll(6)) {
	case 0: acta_buf_append(value, "\xc1\xff", 2); break; /* no msgpack */
	case 1: break;
	case 2: acta_pack_bin(value, big, roll(200) ? 5 : sizeof(big)); break;
	case 3: acta_pack_num(value, roll(100) / 8.0); break;
	default:
		acta_pack_map(value, 3);
		acta_pack_text(value, "qty");
		acta_pack_int(value, (int64_t)roll(1000) - 500);
		acta_pack_text(value, "names");
		acta_pack_list(value, 2);
		acta_pack_text(value, "ä");
		acta_pack_nil(value);
		acta_pack_text(value, "ok");
		acta_pack_bool(value, roll(2));
	}
}

static void
random_turns(struct acta_store *store, int turns)
{
	struct acta_buf value;
	char key[64];
	int i;

	acta_buf_init(&value);
	while (turns-- > 0) {
		for (i = (int)roll(20); i >= 0; i--) {
			enum acta_table table = roll(ACTA_TABLES);
			size_t size = random_key(key);

			random_value(&value);
			if (roll(4) == 0)
				acta_store_delete(store, table, key, size);
			else
				acta_store_put(store, table, key, size,
				    value.data, value.size);
			if (roll(300) == 0)
				acta_store_delete_prefix(store, table, "us", 2);
		}
		acta_store_note(store, "\x01", 1);
		ck_assert_int_eq(
		    acta_store_commit(store, 1700000000000 + turns, false),
		    ACTA_OK);
	}
	acta_buf_fini(&value);
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

static void
compare(void)
{
	printf("%s", shell("/usr/bin/python3 t/24-compare.py ", " 2>&1"));
	fflush(stdout);
}

START_TEST(the_reader_agrees_with_peek_in_every_state)
{
	struct acta_store *store;
	uint64_t next;
	bool more;

	dice = (uint64_t)_i + 1;
	store = open_store();
	acta_store_close(&store);
	compare(); /* new and empty */
	store = open_store();
	random_turns(store, 1);
	acta_store_close(&store);
	compare(); /* the journal alone */
	store = open_store();
	ck_assert_int_eq(acta_store_follow(store, "first", 0, &next), ACTA_OK);
	random_turns(store, 300);
	ck_assert_int_eq(acta_store_follow(store, "second", 0, &next), ACTA_OK);
	acta_store_freeze(store);
	ck_assert_int_eq(acta_store_idle(store, 0, &more), ACTA_OK);
	random_turns(store, 100);
	acta_store_close(&store);
	compare(); /* half merged */
	store = open_store();
	settle(store);
	acta_store_close(&store);
	compare(); /* trees, and a journal that is kept for two */
	store = open_store();
	ck_assert_int_eq(acta_store_followed(store, "first", 300), ACTA_OK);
	ck_assert_int_eq(acta_store_unfollow(store, "second"), ACTA_OK);
	settle(store);
	acta_store_close(&store);
	compare(); /* for one */
	store = open_store();
	ck_assert_int_eq(acta_store_unfollow(store, "first"), ACTA_OK);
	settle(store);
	acta_store_close(&store);
	compare(); /* the trees alone */
}
END_TEST

START_TEST(peek_shows_a_running_store_and_says_so)
{
	struct acta_store *store = open_store();
	const char *out;
	char pid[64];

	acta_store_put(store, ACTA_T_STATE, "user:1", 6,
	    "\x81\xa1"
	    "a\x01",
	    4);
	acta_store_put(store, ACTA_T_STATE, "\x01", 1, "\x05", 1);
	acta_store_put(store, ACTA_T_DUE, "user:2", 6, "\xc1", 1);
	ck_assert_int_eq(acta_store_commit(store, 5, false), ACTA_OK);
	out = shell("acta-peek ", " state 2>/dev/null");
	ck_assert_ptr_nonnull(strstr(out,
	    "{\"table\":\"state\",\"key\":\"user:1\",\"value\":{\"a\":1}}\n"));
	ck_assert_ptr_nonnull(
	    strstr(out, "{\"table\":\"state\",\"key\":\"01\",\"value\":5}\n"));
	ck_assert_ptr_null(strstr(out, "due"));
	out = shell("acta-peek ", " due user: 2>/dev/null");
	ck_assert_ptr_nonnull(
	    strstr(out, "\"key\":\"user:2\",\"value\":\"c1\""));
	out = shell("acta-peek ", " due userx 2>&1 >/dev/null");
	snprintf(pid, sizeof(pid), "in use by process %ld", (long)getpid());
	ck_assert_ptr_nonnull(strstr(out, pid));
	ck_assert_ptr_nonnull(strstr(out, "one turn ahead"));
	acta_store_close(&store);
	out = shell("acta-peek ", " state 2>&1 >/dev/null");
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(peek_refuses_what_is_no_store)
{
	const char *out = shell("acta-peek ", "/none 2>&1; test $? = 1");

	ck_assert_ptr_nonnull(strstr(out, "none"));
	shell("test ! -e ", "/none");
	out = shell("acta-peek ", " nosuch 2>&1; test $? = 2");
	ck_assert_ptr_nonnull(strstr(out, "usage:"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("reader");
	TCase *tc = tcase_create("reader");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tc, make_dir, remove_dir);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(
	    tc, the_reader_agrees_with_peek_in_every_state, 0, 3);
	tcase_add_test(tc, peek_shows_a_running_store_and_says_so);
	tcase_add_test(tc, peek_refuses_what_is_no_store);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
