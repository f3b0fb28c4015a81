/* t/13-json.c - JSON becomes MessagePack and MessagePack JSON, and each comes
 * back the same. */
#include "t/10-codecs.h"

static struct acta_why why;

/* MessagePack of hex, as JSON, NUL-ended. */
static const char *
to_json(struct acta_buf *out, const char *hex)
{
	struct acta_buf in;
	void *copy;

	acta_buf_init(&in);
	acta_buf_init(out);
	unhex(&in, hex);
	ck_assert_int_eq(check_exact(in.data, in.size), ACTA_OK);
	copy = exact(in.data, in.size);
	acta_json_encode(copy, in.size, out);
	free(copy);
	fill(out, 0, 1);
	acta_buf_fini(&in);
	return (const char *)out->data;
}

static const struct {
	const char *hex, *json;
} both[] = {
	{ "c0", "null" },
	{ "c3", "true" },
	{ "c2", "false" },
	{ "00", "0" },
	{ "ff", "-1" },
	{ "cf 7fffffffffffffff", "9223372036854775807" },
	{ "d3 8000000000000000", "-9223372036854775808" },
	{ "cb 3ff8000000000000", "1.5" },
	{ "cb 3ff0000000000000", "1.0" },
	{ "cb 8000000000000000", "-0.0" },
	{ "cb 3fb999999999999a", "0.1" },
	{ "cb 3fd5555555555555", "0.3333333333333333" },
	{ "cb 3fd3333333333334", "0.30000000000000004" },
	{ "cb 7fefffffffffffff", "1.7976931348623157e+308" },
	{ "cb 0000000000000001", "4.94065645841247e-324" },
	{ "cb 4341c37937e08000", "1e+16" },
	{ "cb 412e848000000000", "1000000.0" },
	{ "cb 7ff8000000000000", "{\"$num\":\"nan\"}" },
	{ "cb 7ff0000000000000", "{\"$num\":\"inf\"}" },
	{ "cb fff0000000000000", "{\"$num\":\"-inf\"}" },
	{ "a0", "\"\"" },
	{ "a2 c3a4", "\"\xc3\xa4\"" },
	{ "a8 22 5c 0a 0d 09 08 7f 00",
	    "\"\\\"\\\\\\n\\r\\t\\u0008\\u007f\\u0000\"" },
	/* what a terminal obeys, and what YAML reads otherwise */
	{ "ac c280 c29b c2a0 e280a7 e280a8",
	    "\"\\u0080\\u009b\xc2\xa0\xe2\x80\xa7\\u2028\"" },
	{ "ae e280a9 e280aa efbbbf efbfbd c39b",
	    "\"\\u2029\xe2\x80\xaa\\ufeff\xef\xbf\xbd\xc3\x9b\"" },
	{ "a6 efbfbe efbfbf", "\"\\ufffe\\uffff\"" },
	{ "c4 00", "{\"$bin\":\"\"}" },
	{ "c4 01 00", "{\"$bin\":\"AA==\"}" },
	{ "c4 02 fbff", "{\"$bin\":\"+/8=\"}" },
	{ "c4 03 6869ff", "{\"$bin\":\"aGn/\"}" },
	{ "d4 85 00", "{\"$ext\":[-123,\"AA==\"]}" },
	{ "d6 ff 00000001", "{\"$ext\":[-1,\"AAAAAQ==\"]}" },
	{ "d7 ff 00000004 00000001", "{\"$ext\":[-1,\"AAAABAAAAAE=\"]}" },
	{ "c7 0c ff 3b9ac9ff ffffffffffffffff",
	    "{\"$ext\":[-1,\"O5rJ////////////\"]}" },
	{ "90", "[]" },
	{ "93 01 90 c0", "[1,[],null]" },
	{ "80", "{}" },
	{ "82 a1 61 01 a1 62 80", "{\"a\":1,\"b\":{}}" },
	{ "81 a0 01", "{\"\":1}" },
	/* what no JSON object can be */
	{ "81 01 02", "{\"$map\":[[1,2]]}" },
	{ "82 a1 61 01 a1 61 02", "{\"$map\":[[\"a\",1],[\"a\",2]]}" },
	{ "81 a2 6100 01", "{\"$map\":[[\"a\\u0000\",1]]}" },
	{ "81 80 81 90 c0", "{\"$map\":[[{},{\"$map\":[[[],null]]}]]}" },
	/* what would be taken for one of ours */
	{ "81 a4 2462696e 01", "{\"$map\":[[\"$bin\",1]]}" },
	{ "81 a1 24 01", "{\"$map\":[[\"$\",1]]}" },
	{ "82 a4 2462696e 01 a1 61 02", "{\"$bin\":1,\"a\":2}" },
};
#define BOTH (int)(sizeof(both) / sizeof(*both))

START_TEST(each_is_the_other_and_comes_back)
{
	struct acta_buf json, back, due;

	ck_assert_str_eq(to_json(&json, both[_i].hex), both[_i].json);
	acta_buf_init(&back);
	acta_buf_init(&due);
	unhex(&due, both[_i].hex);
	void *copy = exact(both[_i].json, strlen(both[_i].json));

	ck_assert_msg(acta_json_decode(
			  copy, strlen(both[_i].json), &back, &why) == ACTA_OK,
	    "%s: %s", both[_i].json, why.text);
	free(copy);
	ck_assert_uint_eq(back.size, due.size);
	ck_assert_mem_eq(back.data, due.data, due.size);
	acta_buf_fini(&json);
	acta_buf_fini(&back);
	acta_buf_fini(&due);
}
END_TEST

START_TEST(large_integers_go_out_as_strings)
{
	struct acta_buf json;

	ck_assert_str_eq(
	    to_json(&json, "cf ffffffffffffffff"), "\"18446744073709551615\"");
	acta_buf_fini(&json);
	ck_assert_str_eq(to_json(&json, "ca 3dcccccd"), "0.10000000149011612");
	acta_buf_fini(&json);
}
END_TEST

START_TEST(blanks_escapes_and_unknown_dollars_are_read)
{
	static const char *const pairs[][2] = {
		{ " { \"a\" :\n[ 1 , 2 ]\t} ", "{\"a\":[1,2]}" },
		{ "\"\\u00e4\\ud83c\\udf7a\\/\"",
		    "\"\xc3\xa4\xf0\x9f\x8d\xba/\"" },
		{ "1e2", "100.0" },
		{ "-0", "0" },
		{ "{\"$\": 1, \"$map\": 2}", "{\"$\":1,\"$map\":2}" },
		{ "{\"$ref\": 1}", "{\"$map\":[[\"$ref\",1]]}" },
		{ "{\"$map\": []}", "{}" },
		{ "\"[[[[{{{{,,,,\"", "\"[[[[{{{{,,,,\"" },
		{ "{\"$map\": [[\"a\", 1]]}", "{\"a\":1}" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct acta_buf buf, json;

		from_json(&buf, pairs[i][0]);
		acta_buf_init(&json);
		acta_json_encode(buf.data, buf.size, &json);
		fill(&json, 0, 1);
		ck_assert_str_eq((char *)json.data, pairs[i][1]);
		acta_buf_fini(&buf);
		acta_buf_fini(&json);
	}
}
END_TEST

START_TEST(what_is_not_one_json_value_is_refused)
{
	static const char *const bad[] = { "", " ", "{", "[", "[1", "[1,",
		"{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "[1,]", "\"",
		"\"a", "\"\\", "\"\\u12", "tru", "nul", "1 2", "{} {}", "]",
		"}", "[}", "{]", "{\"a\":1,\"a\":1}", "{a:1}", "'a'", "01",
		"+1", ".5", "1.", "NaN", "Infinity", "-", "0x10", "\"\t\"",
		"\"\xff\"", "\"\\ud800\"", "\xef\xbb\xbf{}", "// x\n1",
		"9223372036854775808", "1e999", "{\"$bin\":1}",
		"{\"$bin\":\"A\"}", "{\"$bin\":\"A===\"}",
		"{\"$bin\":\"====\"}", "{\"$bin\":\"AB==\"}",
		"{\"$bin\":\"AAB=\"}", "{\"$bin\":\"AA==AA==\"}",
		"{\"$bin\":\"AA-_\"}", "{\"$bin\":\"AA A\"}",
		"{\"$bin\":\"AA\\u0000=\"}", "{\"$ext\":[1]}",
		"{\"$ext\":[128,\"\"]}", "{\"$ext\":[-129,\"\"]}",
		"{\"$ext\":[1,\"\",1]}", "{\"$ext\":[\"1\",\"\"]}",
		"{\"$ext\":[1,\"A\"]}", "{\"$ext\":{}}",
		"{\"$ext\":[-1,\"AA==\"]}", "{\"$map\":1}", "{\"$map\":[1]}",
		"{\"$map\":[[1]]}", "{\"$map\":[[1,2,3]]}", "{\"$map\":{}}",
		"{\"$num\":1}", "{\"$num\":\"NaN\"}", "{\"a\\u0000\":1}",
		"{\"$map\":[[1,{\"$num\":0}"
		"]]}" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct acta_buf buf;
		void *copy = exact(bad[i], strlen(bad[i]));

		acta_buf_init(&buf);
		fill(&buf, 0x55, 3);
		memset(&why, 0, sizeof(why));
		ck_assert_msg(acta_json_decode(copy, strlen(bad[i]), &buf,
				  &why) == ACTA_EPROTO,
		    "%s", bad[i]);
		ck_assert_msg(strncmp(why.text, "JSON", 4) == 0, "%s", bad[i]);
		ck_assert_uint_eq(buf.size, 3); /* as before */
		ck_assert_int_eq(
		    acta_json_decode(copy, strlen(bad[i]), &buf, NULL),
		    ACTA_EPROTO);
		free(copy);
		acta_buf_fini(&buf);
	}
}
END_TEST

START_TEST(an_error_says_where)
{
	struct acta_buf buf;

	acta_buf_init(&buf);
	ck_assert_int_eq(
	    acta_json_decode("{\n \"a\": x}", 10, &buf, &why), ACTA_EPROTO);
	ck_assert_ptr_nonnull(strstr(why.text, "line 2, column 7"));
	acta_buf_fini(&buf);
}
END_TEST

/* jansson shows what it did not take, and may cut that in a letter. */
START_TEST(an_error_is_told_in_utf8)
{
	static const char text[] = "\"\\\xdd\xb4";
	struct acta_buf out;

	acta_buf_init(&out);
	ck_assert_int_eq(
	    acta_json_decode(text, strlen(text), &out, &why), ACTA_EPROTO);
	ck_assert_msg(
	    acta_utf8_valid(why.text, strlen(why.text)), "%s", why.text);
	acta_buf_fini(&out);
}
END_TEST

static enum acta_err
decode(const struct acta_buf *text)
{
	struct acta_buf out;
	enum acta_err err;

	acta_buf_init(&out);
	err =
	    acta_json_decode((const char *)text->data, text->size, &out, &why);
	acta_buf_fini(&out);
	return err;
}

START_TEST(depth_32_is_read_and_33_is_a_limit)
{
	for (size_t depth = 31; depth <= 33; depth++) {
		enum acta_err due = depth <= 32 ? ACTA_OK : ACTA_ELIMIT;
		struct acta_buf text;

		acta_buf_init(&text);
		fill(&text, '[', depth);
		fill(&text, ']', depth);
		ck_assert_int_eq(decode(&text), due);
		acta_buf_reset(&text);
		for (size_t i = 0; i < depth; i++)
			acta_buf_append(&text, "{\"$map\":[[", 10);
		acta_buf_append(&text, "1,2", 3);
		for (size_t i = 0; i < depth; i++) {
			acta_buf_append(&text, i ? ",0" : "", i ? 2 : 0);
			acta_buf_append(&text, "]]}", 3);
		}
		ck_assert_int_eq(decode(&text), due);
		acta_buf_fini(&text);
	}
}
END_TEST

START_TEST(nodes_65536_are_read_and_65537_are_a_limit)
{
	for (size_t nodes = 65535; nodes <= 65537; nodes++) {
		enum acta_err due = nodes <= 65536 ? ACTA_OK : ACTA_ELIMIT;
		struct acta_buf text;

		/* times take the most JSON a node */
		for (int times = 0; times < 2; times++) {
			const char *one =
			    times ? "{\"$ext\":[-1,\"AAAAAQ==\"]}," : "0,";

			acta_buf_init(&text);
			fill(&text, '[', 1);
			for (size_t i = 1; i < nodes; i++)
				acta_buf_append(&text, one, strlen(one));
			text.data[text.size - 1] = ']';
			ck_assert_int_eq(decode(&text), due);
			acta_buf_fini(&text);
		}
	}
}
END_TEST

START_TEST(bombs_are_a_limit)
{
	static const char *const bombs[] = { "[", "{\"a\":", "[],", "{},",
		"[[],", "1,", "{\"a\":{},", "\"a\":1," };

	for (size_t i = 0; i < sizeof(bombs) / sizeof(*bombs); i++) {
		struct acta_buf text;

		acta_buf_init(&text);
		fill(&text, '[', 1);
		while (text.size < 4 << 20)
			acta_buf_append(&text, bombs[i], strlen(bombs[i]));
		ck_assert_int_eq(decode(&text), ACTA_ELIMIT);
		acta_buf_fini(&text);
	}
}
END_TEST

START_TEST(the_deepest_checked_value_goes_out)
{
	struct acta_buf buf, json, back;

	/* a map of a key that needs "$map", 32 times: 96 levels of JSON */
	acta_buf_init(&buf);
	for (int i = 0; i < 31; i++)
		unhex(&buf, "81 01");
	unhex(&buf, "81 01 c4 01 00");
	ck_assert_int_eq(check_exact(buf.data, buf.size), ACTA_OK);
	acta_buf_init(&json);
	acta_buf_init(&back);
	acta_json_encode(buf.data, buf.size, &json);
	ck_assert_int_eq(
	    acta_json_decode((char *)json.data, json.size, &back, &why),
	    ACTA_OK);
	ck_assert_uint_eq(back.size, buf.size);
	ck_assert_mem_eq(back.data, buf.data, buf.size);
	acta_buf_fini(&buf);
	acta_buf_fini(&json);
	acta_buf_fini(&back);
}
END_TEST

START_TEST(large_maps_are_searched_for_doubled_keys)
{
	struct acta_buf buf, json;
	char key[16];

	for (int doubled = 0; doubled < 2; doubled++) {
		acta_buf_init(&buf);
		acta_buf_init(&json);
		acta_pack_map(&buf, 30000);
		for (int i = 0; i < 30000; i++) {
			snprintf(key, sizeof(key), "%d",
			    doubled && i == 29999 ? 7 : i);
			acta_pack_text(&buf, key);
			acta_pack_int(&buf, i);
		}
		acta_json_encode(buf.data, buf.size, &json);
		ck_assert_int_eq(
		    memcmp(json.data, "{\"$map\":", 8) == 0, doubled);
		acta_buf_fini(&buf);
		acta_buf_fini(&json);
	}
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("json");

	tcase_add_loop_test(tc, each_is_the_other_and_comes_back, 0, BOTH);
	tcase_add_test(tc, large_integers_go_out_as_strings);
	tcase_add_test(tc, blanks_escapes_and_unknown_dollars_are_read);
	tcase_add_test(tc, what_is_not_one_json_value_is_refused);
	tcase_add_test(tc, an_error_says_where);
	tcase_add_test(tc, an_error_is_told_in_utf8);
	tcase_add_test(tc, depth_32_is_read_and_33_is_a_limit);
	tcase_add_test(tc, nodes_65536_are_read_and_65537_are_a_limit);
	tcase_add_test(tc, bombs_are_a_limit);
	tcase_add_test(tc, the_deepest_checked_value_goes_out);
	tcase_add_test(tc, large_maps_are_searched_for_doubled_keys);
	return run("json", tc);
}
