/* t/12-schema.c - what a handler declared is what it gets; what does not fit is
 * refused with words that help. */
#include "t/10-codecs.h"

#include "codecs/schema.h"

static struct acta_why why;

/* Parse, or fail the test. */
static struct acta_schema
schema_of(const char *text)
{
	struct acta_schema schema;

	ck_assert_msg(acta_schema_init(&schema, text, &why) == ACTA_OK,
	    "%s: %s", text, why.text);
	return schema;
}

/* Check JSON args against a schema; the values are dropped. */
static enum acta_err
check(const char *text, const char *json, bool strict)
{
	struct acta_schema schema = schema_of(text);
	acta_value out[ACTA_SCHEMA_FIELDS_MAX];
	struct acta_buf buf;
	enum acta_err err;

	memset(&why, 0, sizeof(why));
	err = acta_schema_check(
	    &schema, from_json(&buf, json), strict, "arg", out, &why);
	acta_buf_fini(&buf);
	acta_schema_fini(&schema);
	return err;
}

START_TEST(a_schema_says_names_types_and_defaults)
{
	struct acta_schema s = schema_of(
	    "  sku:str qty:int=1\tnote:str?\n"
	    "tags:list price:num=2 when:time=1000 raw:bin ok:bool=true "
	    "extra:map who:ref=stock/17 what:any=null "
	    "color:str=red said:str=\"a \\\"b\\\" \\u00e4\" ");

	ck_assert_uint_eq(s.count, 13);
	ck_assert_str_eq(s.fields[0].name, "sku");
	ck_assert_uint_eq(s.fields[0].name_size, 3);
	ck_assert_uint_eq(s.fields[0].type, ACTA_SCHEMA_STR);
	ck_assert(!s.fields[0].optional);
	ck_assert_uint_eq(s.fields[0].otherwise.type, ACTA_ABSENT);
	ck_assert_int_eq(s.fields[1].otherwise.as.i, 1);
	ck_assert(s.fields[2].optional);
	ck_assert_uint_eq(s.fields[4].otherwise.type, ACTA_INT);
	ck_assert_uint_eq(s.fields[5].otherwise.type, ACTA_TIME);
	ck_assert_int_eq(s.fields[5].otherwise.as.i, 1000);
	ck_assert(s.fields[7].otherwise.as.b);
	ck_assert_uint_eq(s.fields[9].otherwise.size, 8);
	ck_assert_uint_eq(s.fields[10].otherwise.type, ACTA_NIL);
	ck_assert_mem_eq(s.fields[11].otherwise.as.data, "red", 3);
	ck_assert_mem_eq(s.fields[12].otherwise.as.data, "a \"b\" \xc3\xa4", 8);
	ck_assert_int_eq(acta_schema_index(&s, "who", 3), 9);
	ck_assert_int_eq(acta_schema_index(&s, "whoo", 4), -1);
	ck_assert_int_eq(acta_schema_index(&s, "wh", 2), -1);
	acta_schema_fini(&s);
}
END_TEST

START_TEST(no_text_is_no_fields)
{
	struct acta_schema s = schema_of(NULL);

	ck_assert_uint_eq(s.count, 0);
	ck_assert_str_eq(s.text, "");
	acta_schema_fini(&s);
	s = schema_of("  ");
	ck_assert_uint_eq(s.count, 0);
	acta_schema_fini(&s);
	acta_schema_fini(&s);
	ck_assert_int_eq(check("", "{}", true), ACTA_OK);
	ck_assert_int_eq(check("", "{\"a\": 1}", true), ACTA_EINVAL);
	ck_assert_str_eq(why.text, "no arg \"a\"");
	ck_assert_str_eq(why.hint, "It takes none");
}
END_TEST

START_TEST(a_malformed_schema_is_refused_and_says_where)
{
	static const char *const bad[] = { "a", "a:", ":int", "1a:int", "a:itn",
		"a:int=", "a:int=x", "a:int=1.5", "a:int?=1", "a:int=1?",
		"a:int b", "a:int a:str", "a:str=\"x", "a:bool=1",
		"a:num=\"1\"", "a:bin=x", "a:list=[]", "a:map={}", "a:any=[1]",
		"a:ref=A/b", "a:int?x", "a: int", "a:str=\"x\"y",
		"a:str=", "a:str=\"\\u0000\"", "a:int=9223372036854775808",
		"a.b:int", "-a:int", "a:any=" };
	struct acta_schema s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(&why, 0, sizeof(why));
		ck_assert_msg(acta_schema_init(&s, bad[i], &why) == ACTA_EINVAL,
		    "%s", bad[i]);
		ck_assert_msg(why.text[0], "%s", bad[i]);
		ck_assert_int_eq(
		    acta_schema_init(&s, bad[i], NULL), ACTA_EINVAL);
	}
	ck_assert_int_eq(
	    acta_schema_init(&s, "x:int qty:itn", &why), ACTA_EINVAL);
	ck_assert_str_eq(why.text,
	    "column 11: unknown type \"itn\" of "
	    "\"qty\"");
	ck_assert_str_eq(why.hint,
	    "did you mean \"int\"? the types are int "
	    "num bool str bin time list map ref any");
}
END_TEST

START_TEST(names_of_64_bytes_and_64_fields_are_the_most)
{
	char name[80], text[1024] = "";
	struct acta_schema s;
	size_t used = 0;

	memset(name, 'a', sizeof(name));
	memcpy(name + 64, ":int", 5);
	s = schema_of(name);
	ck_assert_uint_eq(s.fields[0].name_size, 64);
	acta_schema_fini(&s);
	name[64] = 'a';
	memcpy(name + 65, ":int", 5);
	ck_assert_int_eq(acta_schema_init(&s, name, &why), ACTA_EINVAL);
	for (int i = 0; i < 64; i++)
		used += (size_t)snprintf(
		    text + used, sizeof(text) - used, "f%d:int ", i);
	s = schema_of(text);
	ck_assert_uint_eq(s.count, 64);
	acta_schema_fini(&s);
	snprintf(text + used, sizeof(text) - used, "f64:int");
	ck_assert_int_eq(acta_schema_init(&s, text, &why), ACTA_EINVAL);
	ck_assert_str_eq(why.text, "more than 64 fields");
}
END_TEST

/* Of a field of each type: a JSON value that fits, and those that do not. */
static const struct {
	const char *type, *good[5], *bad[9];
} fitting[] = {
	{ "int", { "0", "-9223372036854775808" },
	    { "1.0", "\"1\"", "null", "true", "[]", "{\"a\": 1}" } },
	{ "num", { "0", "1.5", "{\"$num\": \"nan\"}" },
	    { "\"1\"", "null", "[]" } },
	{ "bool", { "true", "false" }, { "0", "\"true\"", "null" } },
	{ "str", { "\"\"", "\"x\"" },
	    { "1", "null", "\"a\\u0000b\"", "{\"$bin\": \"YQ==\"}" } },
	{ "bin", { "{\"$bin\": \"\"}", "{\"$bin\": \"YQ==\"}" },
	    { "\"YQ==\"", "null" } },
	{ "time", { "1000", "{\"$ext\": [-1, \"AAAAAQ==\"]}" },
	    { "1.5", "\"2020-01-01\"", "null", "{\"$ext\": [1, \"\"]}" } },
	{ "list", { "[]", "[1]" }, { "{\"a\": 1}", "null", "\"\"" } },
	{ "map", { "{}", "{\"a\": 1}" }, { "[]", "null" } },
	{ "ref", { "\"stock\"", "\"stock/17\"", "\"stock/a/b\"", "\"@node\"" },
	    { "\"\"", "\"Stock\"", "\"/x\"", "17", "null" } },
	{ "any", { "null", "[]", "1", "\"a\\u0000b\"" }, { NULL } },
};

START_TEST(a_value_of_another_type_is_refused)
{
	char text[64], json[128];

	snprintf(text, sizeof(text), "f:%s", fitting[_i].type);
	for (int i = 0; i < 5 && fitting[_i].good[i]; i++) {
		snprintf(
		    json, sizeof(json), "{\"f\": %s}", fitting[_i].good[i]);
		ck_assert_msg(check(text, json, true) == ACTA_OK, "%s %s: %s",
		    text, json, why.text);
	}
	for (int i = 0; i < 9 && fitting[_i].bad[i]; i++) {
		snprintf(json, sizeof(json), "{\"f\": %s}", fitting[_i].bad[i]);
		ck_assert_msg(check(text, json, false) == ACTA_EINVAL, "%s %s",
		    text, json);
		ck_assert_msg(strstr(why.text, "arg \"f\""), "%s", why.text);
	}
	ck_assert_int_eq(check(text, "{}", true), ACTA_EINVAL);
	ck_assert_str_eq(why.text, "arg \"f\" is missing");
}
END_TEST

START_TEST(values_come_in_declared_order_with_defaults)
{
	struct acta_schema s = schema_of("a:int b:str=x c:num? d:time e:any?");
	acta_value out[5], map;
	struct acta_buf buf;

	map = from_json(&buf, "{\"d\": 5, \"a\": 7, \"b\": null, \"c\": null}");
	ck_assert_int_eq(
	    acta_schema_check(&s, map, true, "arg", out, &why), ACTA_OK);
	ck_assert_int_eq(out[0].as.i, 7);
	ck_assert_mem_eq(out[1].as.data, "x", 1);
	ck_assert_uint_eq(out[2].type, ACTA_ABSENT);
	ck_assert_uint_eq(out[3].type, ACTA_TIME);
	ck_assert_int_eq(out[3].as.i, 5);
	ck_assert_uint_eq(out[4].type, ACTA_ABSENT);
	acta_buf_fini(&buf);
	map = from_json(&buf,
	    "{\"a\": 7, \"b\": \"y\", \"c\": 1, \"d\": 1, "
	    "\"e\": null}");
	ck_assert_int_eq(
	    acta_schema_check(&s, map, true, "arg", out, &why), ACTA_OK);
	ck_assert_mem_eq(out[1].as.data, "y", 1);
	ck_assert_uint_eq(out[2].type, ACTA_INT);
	ck_assert_uint_eq(out[4].type, ACTA_NIL); /* for any it is a value */
	acta_buf_fini(&buf);
	acta_schema_fini(&s);
	s = schema_of("a:int=3");
	ck_assert_int_eq(
	    acta_schema_check(&s, (acta_value){ 0 }, true, "arg", out, &why),
	    ACTA_OK); /* absent is as an empty map */
	ck_assert_int_eq(out[0].as.i, 3);
	ck_assert_int_eq(acta_schema_check(&s, (acta_value){ .type = ACTA_INT },
			     true, "arg", out, &why),
	    ACTA_EINVAL);
	ck_assert_str_eq(why.text, "an int where a map of args is due");
	acta_schema_fini(&s);
}
END_TEST

START_TEST(an_unknown_name_is_refused_if_strict)
{
	ck_assert_int_eq(
	    check("qty:int=1", "{\"quantity\": 1}", false), ACTA_OK);
	ck_assert_int_eq(check("qty:int", "{\"qyt\": 1}", true), ACTA_EINVAL);
	ck_assert_str_eq(why.text, "no arg \"qyt\"");
	ck_assert_str_eq(why.hint, "did you mean \"qty\"? It takes qty:int");
	ck_assert_int_eq(check("qty:int", "{\"zebra\": 1}", true), ACTA_EINVAL);
	ck_assert_str_eq(why.hint, "It takes qty:int");
	ck_assert_int_eq(
	    check("qty:int", "{\"qty\": \"1\"}", true), ACTA_EINVAL);
	ck_assert_str_eq(why.text, "arg \"qty\": a str where int is due");
	ck_assert_int_eq(
	    check("q:int?", "{\"$map\": [[1, 2]]}", true), ACTA_EINVAL);
	ck_assert_int_eq(
	    check("q:int?", "{\"$map\": [[1, 2]]}", false), ACTA_OK);
}
END_TEST

START_TEST(a_name_twice_counts_once_and_is_refused_if_strict)
{
	const char *twice = "{\"$map\": [[\"a\", 1], [\"a\", 2]]}";
	struct acta_schema s = schema_of("a:int");
	acta_value out[1];
	struct acta_buf buf;

	ck_assert_int_eq(acta_schema_check(&s, from_json(&buf, twice), false,
			     "arg", out, &why),
	    ACTA_OK);
	ck_assert_int_eq(out[0].as.i, 1);
	acta_buf_fini(&buf);
	acta_schema_fini(&s);
	ck_assert_int_eq(check("a:int", twice, true), ACTA_EINVAL);
	ck_assert_str_eq(why.text, "arg \"a\" is there twice");
}
END_TEST

START_TEST(words_stay_utf8_whatever_the_name)
{
	char json[1024] = "{\"a";

	for (int i = 0; i < 200; i++) /* cut in the middle of one */
		memcpy(json + 3 + 3 * i, "\xe2\x82\xac", 3);
	memcpy(json + 603, "\": 1}", 6);
	ck_assert_int_eq(check("qty:int", json, true), ACTA_EINVAL);
	ck_assert(acta_utf8_valid(why.text, strlen(why.text)));
	ck_assert_uint_le(strlen(why.text), 80);
	for (int i = 0; i < 4; i++) {
		memset(json, 'x', (size_t)i);
		for (int k = 0; k < 200; k++)
			memcpy(json + i + 3 * k, "\xe2\x82\xac", 3);
		json[600 + i] = '\0';
		acta_why_text(&why, "%s", json);
		acta_why_hint(&why, "%s", json);
		ck_assert(acta_utf8_valid(why.text, strlen(why.text)));
		ck_assert(acta_utf8_valid(why.hint, strlen(why.hint)));
		ck_assert_uint_ge(strlen(why.text), sizeof(why.text) - 3);
	}
	/* Nor does it matter what is shown in them. */
	acta_why_text(&why, "\"%s\" \"%.2s\"", "\xff\xc3", "a\xc3\xa9");
	ck_assert_str_eq(why.text, "\"??\" \"a?\"");
	acta_why_text(NULL, "x");
	acta_why_hint(NULL, "x");
}
END_TEST

START_TEST(the_closest_word_is_near_or_there_is_none)
{
	static const char *const words[] = { "permanent", "transient",
		"temporary", "ps", "stop", "qty", "description", "state",
		"start", NULL };

	ck_assert_str_eq(acta_closest("permanant", words), "permanent");
	ck_assert_str_eq(acta_closest("prmanent", words), "permanent");
	ck_assert_str_eq(acta_closest("permnaent", words), "permanent");
	ck_assert_str_eq(acta_closest("sp", words), "ps");
	ck_assert_str_eq(acta_closest("sotp", words), "stop");
	ck_assert_str_eq(acta_closest("quantity", words), "qty");
	ck_assert_str_eq(acta_closest("desc", words), "description");
	ck_assert_str_eq(acta_closest("dscrn", words), "description");
	ck_assert_str_eq(acta_closest("stat", words), "state");
	ck_assert_ptr_null(acta_closest("de", words));
	ck_assert_ptr_null(acta_closest("quantities", words));
	ck_assert_ptr_null(acta_closest("noitpircsed", words));
	ck_assert_ptr_null(acta_closest("always", words));
	ck_assert_ptr_null(acta_closest("", words));
	ck_assert_ptr_null(acta_closest("x", words));
	ck_assert_str_eq(acta_type_name(ACTA_UINT), "uint");
	ck_assert_str_eq(acta_type_name(ACTA_EXT), "ext");
	ck_assert_str_eq(acta_type_name(99), "unknown");
	ck_assert_str_eq(acta_strerror(ACTA_EIO), "the system call failed");
	ck_assert_str_eq(acta_strerror((enum acta_err)99), "unknown error");
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("schema");

	tcase_add_test(tc, a_schema_says_names_types_and_defaults);
	tcase_add_test(tc, no_text_is_no_fields);
	tcase_add_test(tc, a_malformed_schema_is_refused_and_says_where);
	tcase_add_test(tc, names_of_64_bytes_and_64_fields_are_the_most);
	tcase_add_loop_test(tc, a_value_of_another_type_is_refused, 0,
	    (int)(sizeof(fitting) / sizeof(*fitting)));
	tcase_add_test(tc, values_come_in_declared_order_with_defaults);
	tcase_add_test(tc, an_unknown_name_is_refused_if_strict);
	tcase_add_test(tc, a_name_twice_counts_once_and_is_refused_if_strict);
	tcase_add_test(tc, words_stay_utf8_whatever_the_name);
	tcase_add_test(tc, the_closest_word_is_near_or_there_is_none);
	return run("schema", tc);
}
