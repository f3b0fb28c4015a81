/* t/21-writeset.c - the last write wins, undo leads back to the mark, and the
 * record of a turn says what the write-set said, or is refused. */
#include "store/journal.h"
#include "t/20-store.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct acta_writeset ws;

static void
setup(void)
{
	acta_writeset_init(&ws);
}

static void
teardown(void)
{
	acta_writeset_fini(&ws);
}

static struct acta_rowkey
key_of(const char *text)
{
	struct acta_rowkey key;

	acta_rowkey_init(&key, ACTA_T_STATE, text, strlen(text));
	return key;
}

static void
put(const char *key, const char *value)
{
	struct acta_rowkey k = key_of(key);

	acta_writeset_set(&ws, &k, ACTA_ROW_PUT, value, strlen(value));
}

static void delete (const char *key)
{
	struct acta_rowkey k = key_of(key);

	acta_writeset_set(&ws, &k, ACTA_ROW_DELETE, NULL, 0);
}

static void
delete_prefix(const char *prefix)
{
	struct acta_rowkey k = key_of(prefix);

	acta_writeset_mark(&ws, &k);
}

/* What a generation holds after the record: "a=1 b- c!", marks as "p*". */
static const char *
recorded(struct acta_buf *record)
{
	static char text[4096];
	struct acta_generation gen;
	struct acta_record out;
	struct acta_index_at at = { 0, 0 };
	struct acta_entry *entry;
	struct acta_mark *mark;

	acta_journal_encode(record, &ws, 7, 1234);
	ck_assert_int_eq(
	    acta_journal_decode(record->data, record->size, &out), ACTA_OK);
	ck_assert_uint_eq(out.turn, 7);
	ck_assert_int_eq(out.now_ms, 1234);
	acta_generation_init(&gen);
	acta_journal_apply(&out, &gen);
	text[0] = '\0';
	for (mark = gen.rows.marks; mark != NULL; mark = mark->next)
		add_text(text, sizeof(text), "%.*s* ", (int)mark->size - 1,
		    (const char *)mark->prefix + 1);
	for (at = acta_index_seek(&gen.index, (const uint8_t *)"", 0);
	     (entry = acta_index_get(&gen.index, at)) != NULL;
	     acta_index_step(&gen.index, &at))
		if (entry->kind == ACTA_ROW_PUT)
			add_text(text, sizeof(text), "%.*s=%.*s ",
			    (int)entry->key_size - 1,
			    (const char *)entry->key + 1, (int)entry->size,
			    (const char *)entry->value);
		else
			add_text(text, sizeof(text), "%.*s- ",
			    (int)entry->key_size - 1,
			    (const char *)entry->key + 1);
	acta_generation_fini(&gen);
	return text;
}

START_TEST(the_last_write_wins)
{
	struct acta_buf record;

	acta_buf_init(&record);
	ck_assert(!acta_writeset_dirty(&ws));
	ck_assert_str_eq(recorded(&record), "");
	put("a", "1");
	put("b", "1");
	delete ("a");
	put("c", "1");
	put("c", "22");
	delete ("d");
	put("d", "");
	ck_assert(acta_writeset_dirty(&ws));
	ck_assert_str_eq(recorded(&record), "a- b=1 c=22 d= ");
	acta_writeset_reset(&ws);
	ck_assert(!acta_writeset_dirty(&ws));
	ck_assert_str_eq(recorded(&record), "");
	acta_buf_fini(&record);
}
END_TEST

START_TEST(a_prefix_takes_what_was_before_it)
{
	struct acta_buf record;

	acta_buf_init(&record);
	put("ab", "1");
	put("b", "1");
	delete_prefix("a");
	put("ac", "2");
	ck_assert_str_eq(recorded(&record), "a* ac=2 b=1 ");
	delete_prefix("a");
	ck_assert_str_eq(recorded(&record), "a* b=1 ");
	delete_prefix("");
	ck_assert_str_eq(recorded(&record), "a* * ");
	put("b", "3");
	ck_assert_str_eq(recorded(&record), "a* * b=3 ");
	acta_buf_fini(&record);
}
END_TEST

START_TEST(undo_restores_rows_marks_notes_and_bytes)
{
	struct acta_buf record;
	uint64_t bytes;
	size_t undo, notes;

	acta_buf_init(&record);
	put("a", "1");
	put("pa", "1");
	acta_buf_append(&ws.notes, "\x01", 1);
	bytes = ws.bytes;
	undo = ws.undo_count;
	notes = ws.notes.size;
	put("a", "longer");
	delete ("a");
	put("b", "new");
	delete_prefix("p");
	delete_prefix("p");
	acta_buf_append(&ws.notes, "\x02", 1);
	ck_assert_str_eq(recorded(&record), "p* a- b=new ");
	acta_writeset_undo(&ws, undo, notes);
	ck_assert_str_eq(recorded(&record), "a=1 pa=1 ");
	ck_assert_uint_eq(ws.bytes, bytes);
	delete_prefix("p");
	ck_assert_str_eq(recorded(&record), "p* a=1 ");
	acta_writeset_undo(&ws, 0, 0);
	ck_assert(!acta_writeset_dirty(&ws));
	ck_assert_uint_eq(ws.bytes, 0);
	acta_buf_fini(&record);
}
END_TEST

START_TEST(values_stay_where_they_are_until_the_reset)
{
	struct acta_rowkey key = key_of("a");
	const uint8_t *first;
	int i;

	put("a", "first");
	first = acta_rowmap_find(&ws.rows, &key)->value;
	put("a", "other");
	for (i = 0; i < 10000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "k%d", i);
		put(name, "value");
	}
	acta_writeset_undo(&ws, 0, 0);
	ck_assert_mem_eq(first, "first", 5);
}
END_TEST

START_TEST(a_warm_writeset_does_not_allocate)
{
	size_t held = 0;
	int turn, i;

	for (turn = 0; turn < 20; turn++) {
		for (i = 0; i < 300; i++) {
			char name[16];

			snprintf(name, sizeof(name), "k%d-%d", turn, i);
			put(name, "value");
		}
		if (turn == 2)
			held = ws.rows.arena.held;
		acta_writeset_reset(&ws);
	}
	ck_assert_uint_eq(ws.rows.arena.held, held);
}
END_TEST

START_TEST(a_record_with_any_bit_changed_is_refused)
{
	struct acta_buf record;
	struct acta_record out;
	size_t bit;

	acta_buf_init(&record);
	put("a", "1");
	delete ("b");
	delete_prefix("c");
	acta_buf_append(&ws.notes, "\x93\x01\x02\x03", 4);
	recorded(&record);
	for (bit = 0; bit < record.size * 8; bit++) {
		record.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_ne(
		    acta_journal_decode(record.data, record.size, &out),
		    ACTA_OK);
		record.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (bit = 0; bit < record.size; bit++)
		ck_assert_int_eq(
		    acta_journal_decode(record.data, bit, &out), ACTA_ECORRUPT);
	ck_assert_int_eq(
	    acta_journal_decode(record.data, record.size, &out), ACTA_OK);
	ck_assert_uint_eq(out.notes_size, 4);
	acta_buf_fini(&record);
}
END_TEST

/* A checksum says that it is as written, not that it makes sense. */
START_TEST(a_record_that_makes_no_sense_is_refused)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} wrong[] = {
		{ 3, 2 },    /* version */
		{ 24, 9 },   /* number of operations */
		{ 28, 200 }, /* bytes of them */
		{ 32, 1 },   /* bytes of notes */
		{ 40, 0 },   /* an operation that is none */
		{ 40, 4 },
		{ 41, ACTA_TABLES },
		{ 42, 0 },    /* no key */
		{ 42, 200 },  /* key behind the end */
		{ 43, 0x7f }, /* too long a key */
		{ 44, 200 },  /* value behind the end */
		{ 47, 0xff },
	};
	struct acta_buf record;
	struct acta_record out;
	size_t i;

	acta_buf_init(&record);
	put("a", "1");
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint64_t sum;

		acta_journal_encode(&record, &ws, 1, 1);
		record.data[wrong[i].at] = wrong[i].byte;
		sum = acta_hash64(record.data, record.size - 8);
		memcpy(record.data + record.size - 8, &sum, 8);
		ck_assert_int_eq(
		    acta_journal_decode(record.data, record.size, &out),
		    i == 0 ? ACTA_EVERSION : ACTA_ECORRUPT);
	}
	acta_buf_fini(&record);
}
END_TEST

START_TEST(an_index_keeps_any_order_of_arrival)
{
	struct acta_rowmap rows;
	struct acta_index index = { 0 };
	struct acta_index_at at;
	struct acta_rowkey key;
	struct acta_entry *entry, *last = NULL;
	uint32_t i, n = 5000, seen = 0;
	bool is_new;
	char name[16];

	acta_rowmap_init(&rows, 6);
	for (i = 0; i < n; i++) {
		uint32_t k = _i == 0 ? i
		    : _i == 1        ? n - 1 - i
				     : i * 2654435761u % n;

		snprintf(name, sizeof(name), "%05u", k);
		key = key_of(name);
		entry = acta_rowmap_add(&rows, &key, &is_new);
		if (is_new)
			acta_index_insert(&index, entry);
	}
	for (at = acta_index_seek(&index, (const uint8_t *)"", 0);
	     (entry = acta_index_get(&index, at)) != NULL;
	     acta_index_step(&index, &at)) {
		ck_assert(last == NULL || memcmp(last->key, entry->key, 6) < 0);
		last = entry;
		seen++;
	}
	ck_assert_uint_eq(seen, rows.count);
	key = key_of("02500x");
	entry = acta_index_get(
	    &index, acta_index_seek(&index, key.bytes, key.size));
	ck_assert(
	    memcmp(entry->key + 1, "0250", 4) == 0 && entry->key[5] > '0');
	key = key_of("1");
	ck_assert(acta_index_get(&index,
		      acta_index_seek(&index, key.bytes, key.size)) == NULL);
	acta_index_fini(&index);
	acta_rowmap_fini(&rows);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("writeset");
	TCase *tc = tcase_create("writeset");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_last_write_wins);
	tcase_add_test(tc, a_prefix_takes_what_was_before_it);
	tcase_add_test(tc, undo_restores_rows_marks_notes_and_bytes);
	tcase_add_test(tc, values_stay_where_they_are_until_the_reset);
	tcase_add_test(tc, a_warm_writeset_does_not_allocate);
	tcase_add_test(tc, a_record_with_any_bit_changed_is_refused);
	tcase_add_test(tc, a_record_that_makes_no_sense_is_refused);
	tcase_add_loop_test(tc, an_index_keeps_any_order_of_arrival, 0, 3);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
