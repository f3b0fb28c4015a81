/* t/08-doc.c - whatever a child says, what comes out is JSON. */
#include "runtime/root/doc.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

START_TEST(commas_keys_and_kinds)
{
	struct acta_doc doc = { 0 };
	static const uint8_t bytes[] = { 0x00, 0xaf };

	acta_doc_open(&doc, NULL, '{');
	acta_doc_str(&doc, "a", "x\"y\\z\n\x01");
	acta_doc_int(&doc, "b", INT64_MIN);
	acta_doc_open(&doc, "c", '[');
	acta_doc_close(&doc, ']');
	acta_doc_open(&doc, "d", '[');
	acta_doc_tenths(&doc, NULL, 2.25);
	acta_doc_tenths(&doc, NULL, 1e300);
	acta_doc_bool(&doc, NULL, true);
	acta_doc_null(&doc, NULL);
	acta_doc_hex(&doc, NULL, bytes, sizeof(bytes));
	acta_doc_close(&doc, ']');
	acta_doc_close(&doc, '}');
	acta_doc_end(&doc);
	ck_assert(!doc.bad);

	static const char want[] =
	    "{\"a\": \"x\\\"y\\\\z\\n\\u0001\", \"b\": -9223372036854775808, "
	    "\"c\": [], \"d\": [2.2, 0.0, true, null, \"00af\"]}\n";

	ck_assert_uint_eq(doc.size, sizeof(want) - 1);
	ck_assert_mem_eq(doc.data, want, doc.size);
	acta_doc_fini(&doc);
}
END_TEST

/* Jansson refuses what is no UTF-8: it is the judge. */
START_TEST(any_bytes_become_a_string)
{
	srandom(7);
	for (int round = 0; round < 20000; round++) {
		struct acta_doc doc = { 0 };
		char text[24];
		size_t size = (size_t)random() % sizeof(text);

		for (size_t i = 0; i < size; i++) /* lead bytes often */
			text[i] =
			    (char)(random() % 3 ? random() | 0x80 : random());
		text[size] = '\0';
		acta_doc_open(&doc, NULL, '[');
		acta_doc_str(&doc, NULL, text);
		acta_doc_close(&doc, ']');

		json_t *json = json_loadb(doc.data, doc.size, 0, NULL);

		ck_assert_ptr_nonnull(json);
		json_decref(json);
		acta_doc_fini(&doc);
	}
}
END_TEST

START_TEST(good_text_stays_and_bad_is_marked)
{
	struct acta_doc doc = { 0 };

	acta_doc_str(&doc, NULL, "h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	ck_assert_uint_eq(doc.size, 12);
	ck_assert_mem_eq(
	    doc.data + 2, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9);
	acta_doc_fini(&doc);
	/* Overlong, a surrogate, cut short: each bad byte is one mark. */
	acta_doc_str(&doc, NULL, "\xc0\x80|\xed\xa0\x80|\xe2\x82");
	ck_assert_uint_eq(doc.size, 2 + 2 + 7 * 3);
	acta_doc_fini(&doc);
}
END_TEST

START_TEST(it_is_bounded)
{
	struct acta_doc doc = { 0 };
	static char text[1 << 20];

	memset(text, 'x', sizeof(text) - 1);
	for (int i = 0; i < 9; i++)
		acta_doc_str(&doc, NULL, text);
	ck_assert(doc.bad);
	ck_assert_uint_le(doc.room, ACTA_DOC_MAX);
	acta_doc_fini(&doc);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("doc");
	TCase *tc = tcase_create("json");
	SRunner *runner = srunner_create(suite);

	tcase_add_test(tc, commas_keys_and_kinds);
	tcase_add_test(tc, any_bytes_become_a_string);
	tcase_add_test(tc, good_text_stays_and_bad_is_marked);
	tcase_add_test(tc, it_is_bounded);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS;
}
