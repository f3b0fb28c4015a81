/* t/10-reader.c - any bytes may come in: what is well formed is read as what it
 * means, all else is refused, and nothing beyond the end is touched. */
#include "t/10-codecs.h"

#include <math.h>

static json_t *vectors;

/* One of each form, for truncation and as a list of what there is. */
static const struct form {
	const char *hex;
	uint32_t type, size;
	int64_t i;
	double d;
} forms[] = {
	{ "c0", ACTA_NIL, 0, 0, 0 },
	{ "c2", ACTA_BOOL, 0, 0, 0 },
	{ "c3", ACTA_BOOL, 0, 1, 0 },
	{ "00", ACTA_INT, 0, 0, 0 },
	{ "7f", ACTA_INT, 0, 127, 0 },
	{ "e0", ACTA_INT, 0, -32, 0 },
	{ "ff", ACTA_INT, 0, -1, 0 },
	{ "cc ff", ACTA_INT, 0, 255, 0 },
	{ "cd ffff", ACTA_INT, 0, 65535, 0 },
	{ "ce ffffffff", ACTA_INT, 0, 4294967295, 0 },
	{ "cf 7fffffffffffffff", ACTA_INT, 0, INT64_MAX, 0 },
	{ "cf 8000000000000000", ACTA_UINT, 0, INT64_MIN, 0 },
	{ "cf ffffffffffffffff", ACTA_UINT, 0, -1, 0 },
	{ "d0 80", ACTA_INT, 0, -128, 0 },
	{ "d1 8000", ACTA_INT, 0, -32768, 0 },
	{ "d2 80000000", ACTA_INT, 0, -2147483648LL, 0 },
	{ "d3 8000000000000000", ACTA_INT, 0, INT64_MIN, 0 },
	{ "d3 0000000000000001", ACTA_INT, 0, 1, 0 },
	{ "ca 3fc00000", ACTA_NUM, 0, 0, 1.5 },
	{ "cb 3ff8000000000000", ACTA_NUM, 0, 0, 1.5 },
	{ "a0", ACTA_STR, 0, 0, 0 },
	{ "a2 6869", ACTA_STR, 2, 0, 0 },
	{ "d9 02 6869", ACTA_STR, 2, 0, 0 },
	{ "da 0002 6869", ACTA_STR, 2, 0, 0 },
	{ "db 00000002 6869", ACTA_STR, 2, 0, 0 },
	{ "c4 02 6869", ACTA_BIN, 2, 0, 0 },
	{ "c5 0002 6869", ACTA_BIN, 2, 0, 0 },
	{ "c6 00000002 6869", ACTA_BIN, 2, 0, 0 },
	{ "c7 00 05", ACTA_EXT, 0, 0, 0 },
	{ "c7 02 05 6869", ACTA_EXT, 2, 0, 0 },
	{ "c8 0002 05 6869", ACTA_EXT, 2, 0, 0 },
	{ "c9 00000002 05 6869", ACTA_EXT, 2, 0, 0 },
	{ "d4 05 68", ACTA_EXT, 1, 0, 0 },
	{ "d5 05 6869", ACTA_EXT, 2, 0, 0 },
	{ "d6 05 68696869", ACTA_EXT, 4, 0, 0 },
	{ "d7 05 6869686968696869", ACTA_EXT, 8, 0, 0 },
	{ "d8 05 68696869686968696869686968696869", ACTA_EXT, 16, 0, 0 },
	{ "d6 ff 00000002", ACTA_TIME, 4, 2000, 0 },
	{ "d7 ff 0000000000000002", ACTA_TIME, 8, 2000, 0 },
	{ "c7 0c ff 00000000 0000000000000002", ACTA_TIME, 12, 2000, 0 },
	{ "c8 0004 ff 00000002", ACTA_TIME, 4, 2000, 0 },
	{ "c9 0000000c ff 00000000 0000000000000002", ACTA_TIME, 12, 2000, 0 },
	{ "90", ACTA_LIST, 0, 0, 0 },
	{ "92 01 02", ACTA_LIST, 2, 0, 0 },
	{ "dc 0002 01 91 c0", ACTA_LIST, 2, 0, 0 },
	{ "dd 00000002 01 02", ACTA_LIST, 2, 0, 0 },
	{ "80", ACTA_MAP, 0, 0, 0 },
	{ "82 a1 61 01 a1 62 92 c0 c0", ACTA_MAP, 2, 0, 0 },
	{ "de 0001 a1 61 01", ACTA_MAP, 1, 0, 0 },
	{ "df 00000001 a1 61 01", ACTA_MAP, 1, 0, 0 },
};
#define FORMS (int)(sizeof(forms) / sizeof(*forms))

START_TEST(every_form_is_read_as_what_it_means)
{
	const struct form *form = &forms[_i];
	struct acta_buf buf;
	struct acta_reader r;
	acta_value v;

	acta_buf_init(&buf);
	unhex(&buf, form->hex);
	ck_assert_int_eq(check_exact(buf.data, buf.size), ACTA_OK);
	r = acta_reader(buf.data, buf.size);
	v = acta_read(&r);
	ck_assert_uint_eq(v.type, form->type);
	ck_assert_uint_eq(v.size, form->size);
	ck_assert_ptr_eq(r.at, r.end);
	if (v.type == ACTA_INT || v.type == ACTA_TIME)
		ck_assert_int_eq(v.as.i, form->i);
	if (v.type == ACTA_UINT)
		ck_assert_uint_eq(v.as.u, (uint64_t)form->i);
	if (v.type == ACTA_BOOL)
		ck_assert_int_eq(v.as.b, form->i);
	if (v.type == ACTA_NUM)
		ck_assert(v.as.d == form->d);
	if (v.type == ACTA_STR || v.type == ACTA_BIN || v.type == ACTA_EXT)
		ck_assert(v.size == 0 || memcmp(v.as.data, "hi", 1) == 0);
	if (v.type == ACTA_EXT)
		ck_assert_int_eq(((const int8_t *)v.as.data)[-1], 5);
	acta_buf_fini(&buf);
}
END_TEST

START_TEST(a_value_cut_at_any_byte_is_refused)
{
	struct acta_buf buf;

	acta_buf_init(&buf);
	unhex(&buf, forms[_i].hex);
	for (size_t size = 0; size < buf.size; size++) {
		void *copy = exact(buf.data, size);
		struct acta_reader r = acta_reader(copy, size);

		ck_assert_int_eq(check_exact(buf.data, size), ACTA_EPROTO);
		ck_assert_uint_eq(acta_read(&r).type, ACTA_ABSENT);
		ck_assert_ptr_eq(r.at, r.end);
		free(copy);
	}
	fill(&buf, 0xc0, 1); /* and so is one byte too many */
	ck_assert_int_eq(check_exact(buf.data, buf.size), ACTA_EPROTO);
	acta_buf_fini(&buf);
}
END_TEST

/* Whether `v` is what the vector says. */
static bool
is_vector(acta_value v, json_t *vector)
{
	json_t *number = json_object_get(vector, "number");
	json_t *big = json_object_get(vector, "bignum");
	json_t *time = json_object_get(vector, "timestamp");
	json_t *text = json_object_get(vector, "string");
	const char *digits = big ? json_string_value(big) : "";
	struct acta_buf buf;
	bool ok = true;

	if (v.type == ACTA_NUM)
		return number ? v.as.d == json_number_value(number)
			      : v.as.d == strtod(digits, NULL);
	if (v.type == ACTA_UINT)
		return v.as.u == strtoull(digits, NULL, 10);
	if (v.type == ACTA_INT)
		return v.as.i ==
		    (big ? strtoll(digits, NULL, 10)
			 : json_integer_value(number));
	if (v.type == ACTA_TIME)
		return v.as.i ==
		    json_integer_value(json_array_get(time, 0)) * 1000 +
		    json_integer_value(json_array_get(time, 1)) / 1000000;
	if (v.type == ACTA_STR)
		return v.size == json_string_length(text) &&
		    memcmp(v.as.data, json_string_value(text), v.size) == 0;
	acta_buf_init(&buf);
	if (v.type == ACTA_BIN) {
		unhex(
		    &buf, json_string_value(json_object_get(vector, "binary")));
		ok = buf.size == v.size &&
		    (v.size == 0 || memcmp(buf.data, v.as.data, v.size) == 0);
	}
	if (v.type == ACTA_EXT) {
		json_t *ext = json_object_get(vector, "ext");

		unhex(&buf, json_string_value(json_array_get(ext, 1)));
		ok = buf.size == v.size &&
		    (v.size == 0 || memcmp(buf.data, v.as.data, v.size) == 0) &&
		    ((const int8_t *)v.as.data)[-1] ==
			json_integer_value(json_array_get(ext, 0));
	}
	acta_buf_fini(&buf);
	if (v.type == ACTA_LIST)
		ok = json_is_array(json_object_get(vector, "array"));
	if (v.type == ACTA_MAP)
		ok = json_is_object(json_object_get(vector, "map"));
	return ok;
}

START_TEST(every_public_vector_is_read_as_its_value)
{
	const char *group;
	json_t *list, *vector, *hex;
	size_t i, k;

	json_object_foreach(vectors, group, list)
	    json_array_foreach(list, i, vector)
		json_array_foreach(json_object_get(vector, "msgpack"), k, hex)
	{
		const char *text = json_string_value(hex);
		struct acta_buf buf, first;
		struct acta_reader r, f;
		acta_value v;

		acta_buf_init(&buf);
		acta_buf_init(&first);
		unhex(&buf, text);
		unhex(&first,
		    json_string_value(
			json_array_get(json_object_get(vector, "msgpack"), 0)));
		ck_assert_msg(check_exact(buf.data, buf.size) == ACTA_OK,
		    "%s: %s refused", group, text);
		r = acta_reader(buf.data, buf.size);
		f = acta_reader(first.data, first.size);
		v = acta_read(&r);
		ck_assert_msg(is_vector(v, vector), "%s: %s", group, text);
		ck_assert_msg(
		    v.type == ACTA_NUM || acta_value_equal(v, acta_read(&f)),
		    "%s: %s is not "
		    "equal to the first form",
		    group, text);
		acta_buf_fini(&buf);
		acta_buf_fini(&first);
	}
}
END_TEST

START_TEST(lying_counts_and_lengths_are_refused)
{
	static const char *const lies[] = {
		"dd ffffffff",
		"dd ffffffff 00",
		"df ffffffff",
		"df 80000000",
		"df 7fffffff 00 00",
		"dc ffff 00",
		"de ffff 00 00",
		"92 00",
		"81 00",
		"82 00 00 00",
		"91 dd ffffffff c0",
		"db ffffffff 61",
		"da ffff 61",
		"d9 02 61",
		"a2 61",
		"c6 ffffffff 61",
		"c5 ffff 61",
		"c4 02 61",
		"c9 ffffffff 05 61",
		"c8 ffff 05 61",
		"c7 02 05 61",
		"91 db fffffffe",
		"c1",
		"91 c1",
		"",
		"dd 00000001",
		"df 00000001 00",
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		struct acta_buf buf;
		struct acta_reader r;

		ck_assert_msg(check_hex(lies[i]) == ACTA_EPROTO, "%s", lies[i]);
		/* Unchecked it is no value either, and soon so. */
		acta_buf_init(&buf);
		unhex(&buf, lies[i]);
		r = acta_reader(buf.data, buf.size);
		ck_assert_uint_eq(acta_read(&r).type, ACTA_ABSENT);
		ck_assert_ptr_eq(r.at, r.end);
		acta_buf_fini(&buf);
	}
}
END_TEST

START_TEST(depth_32_is_read_and_33_is_a_limit)
{
	for (int is_map = 0; is_map < 2; is_map++)
		for (size_t depth = 31; depth <= 33; depth++) {
			struct acta_buf buf;

			acta_buf_init(&buf);
			for (size_t i = 1; i < depth; i++)
				unhex(&buf, is_map ? "81 c0" : "91");
			unhex(&buf, is_map ? "80" : "90");
			ck_assert_int_eq(check_exact(buf.data, buf.size),
			    depth <= 32 ? ACTA_OK : ACTA_ELIMIT);
			acta_buf_fini(&buf);
		}
}
END_TEST

/* What wraps users' values may be deeper, and no deeper than the writer of
 * JSON goes. */
START_TEST(wrapped_values_are_read_to_depth_36)
{
	for (size_t depth = 36; depth <= 37; depth++) {
		struct acta_buf buf, json;
		void *copy;

		acta_buf_init(&buf);
		acta_buf_init(&json);
		for (size_t i = 1; i < depth; i++)
			unhex(&buf, "91");
		unhex(&buf, "80");
		copy = exact(buf.data, buf.size);
		ck_assert_int_eq(check_exact(buf.data, buf.size), ACTA_ELIMIT);
		ck_assert_int_eq(acta_msgpack_check_wrapped(copy, buf.size),
		    depth == 36 ? ACTA_OK : ACTA_ELIMIT);
		if (depth == 36) {
			acta_json_encode(copy, buf.size, &json);
			ck_assert_uint_eq(json.size, 2 * 36);
		}
		free(copy);
		unhex(&buf, "00"); /* exact end */
		ck_assert_int_eq(acta_msgpack_check_wrapped(buf.data, buf.size),
		    depth == 36 ? ACTA_EPROTO : ACTA_ELIMIT);
		acta_buf_fini(&buf);
		acta_buf_fini(&json);
	}
}
END_TEST

START_TEST(nodes_65536_are_read_and_65537_are_a_limit)
{
	for (uint32_t nodes = 65535; nodes <= 65537; nodes++) {
		struct acta_buf buf;

		acta_buf_init(&buf);
		acta_pack_list(&buf, nodes - 1); /* and the list itself */
		fill(&buf, 0xc0, nodes - 1);
		ck_assert_int_eq(check_exact(buf.data, buf.size),
		    nodes <= 65536 ? ACTA_OK : ACTA_ELIMIT);
		acta_buf_fini(&buf);
	}
}
END_TEST

START_TEST(a_megabyte_of_open_brackets_is_a_limit)
{
	static const uint8_t tags[] = { 0x91, 0x81, 0x9f, 0x8f };

	for (size_t i = 0; i < sizeof(tags); i++) {
		struct acta_buf buf;
		struct acta_reader r;

		acta_buf_init(&buf);
		fill(&buf, tags[i], 1 << 20);
		ck_assert_int_ne(check_exact(buf.data, buf.size), ACTA_OK);
		r = acta_reader(buf.data, buf.size);
		ck_assert_uint_eq(acta_read(&r).type, ACTA_ABSENT);
		acta_buf_fini(&buf);
	}
}
END_TEST

START_TEST(str_must_be_utf8)
{
	static const char *const good[] = { "", "61", "00", "7f", "c280",
		"dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf", "f0908080",
		"f48fbfbf", "6162636465666768 c3a4 6162636465666768" };
	static const char *const bad[] = { "80", "bf", "c0 80", "c1 bf", "c2",
		"c2 41", "e0 9f bf", "e0 a0", "ed a0 80", "ed bf bf",
		"f0 8f bf bf", "f0 90 80", "f4 90 80 80", "f5 80 80 80", "ff",
		"fe", "e2 28 a1", "e2 82 28", "6162636465666768 c3",
		"61626364656667 ff 6162636465666768" };
	struct acta_buf buf, str;

	for (size_t i = 0;
	     i < sizeof(good) / sizeof(*good) + sizeof(bad) / sizeof(*bad);
	     i++) {
		bool is_good = i < sizeof(good) / sizeof(*good);
		const char *hex =
		    is_good ? good[i] : bad[i - sizeof(good) / sizeof(*good)];

		acta_buf_init(&buf);
		acta_buf_init(&str);
		unhex(&buf, hex);
		void *copy = exact(buf.data, buf.size);

		ck_assert_msg(
		    acta_utf8_valid(copy, buf.size) == is_good, "%s", hex);
		free(copy);
		acta_pack_str(&str, (const char *)buf.data, buf.size);
		ck_assert_int_eq(check_exact(str.data, str.size),
		    is_good ? ACTA_OK : ACTA_EPROTO);
		acta_buf_reset(&str); /* in a bin anything goes */
		acta_pack_bin(&str, buf.data, buf.size);
		ck_assert_int_eq(check_exact(str.data, str.size), ACTA_OK);
		acta_buf_fini(&buf);
		acta_buf_fini(&str);
	}
}
END_TEST

static int64_t
time_of(const char *hex)
{
	struct acta_buf buf;
	struct acta_reader r;
	acta_value v;

	acta_buf_init(&buf);
	unhex(&buf, hex);
	ck_assert_int_eq(check_exact(buf.data, buf.size), ACTA_OK);
	r = acta_reader(buf.data, buf.size);
	v = acta_read(&r);
	ck_assert_uint_eq(v.type, ACTA_TIME);
	acta_buf_fini(&buf);
	return v.as.i;
}

START_TEST(what_is_no_utf8_is_mended_byte_by_byte)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		    "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\xff"
		  "a"
		  "\xc3",
		    "?a?" }, /* cut in a letter */
		{ "\xe2\x82"
		  "b\xed\xa0\x80",
		    "??b???" }, /* a surrogate */
		{ "\xc0\x80\xf5", "???" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = strdup(cases[i][0]);

		acta_utf8_mend(text);
		ck_assert_str_eq(text, cases[i][1]);
		ck_assert(acta_utf8_valid(text, strlen(text)));
		free(text);
	}
}
END_TEST

START_TEST(times_are_ms_and_finer_digits_are_cut_towards_the_past)
{
	ck_assert_int_eq(time_of("d6 ff ffffffff"), 4294967295000);
	ck_assert_int_eq(time_of("d7 ff ee6b27fc 00000000"), 999);
	ck_assert_int_eq(time_of("c7 0c ff 3b9ac9ff ffffffffffffffff"), -1);
	ck_assert_int_eq(time_of("c7 0c ff 00000001 ffffffffffffffff"), -1000);
	/* what ms cannot hold stays at the edge */
	ck_assert_int_eq(
	    time_of("c7 0c ff 00000000 7fffffffffffffff"), INT64_MAX);
	ck_assert_int_eq(
	    time_of("c7 0c ff 00000000 8000000000000000"), INT64_MIN);
	/* a thousand million nanoseconds are a second */
	ck_assert_int_eq(
	    check_hex("c7 0c ff 3b9aca00 0000000000000000"), ACTA_EPROTO);
	ck_assert_int_eq(check_hex("d7 ff ee6b2800 00000000"), ACTA_EPROTO);
	/* sizes that no time has */
	ck_assert_int_eq(check_hex("d4 ff 00"), ACTA_EPROTO);
	ck_assert_int_eq(check_hex("d5 ff 0000"), ACTA_EPROTO);
	ck_assert_int_eq(check_hex("c7 00 ff"), ACTA_EPROTO);
	ck_assert_int_eq(check_hex("c7 05 ff 0000000000"), ACTA_EPROTO);
	ck_assert_int_eq(
	    check_hex("d8 ff 00000000000000000000000000000000"), ACTA_EPROTO);
}
END_TEST

START_TEST(a_chain_of_reads_is_checked_once_by_its_last)
{
	static const uint8_t bytes[] = { 0x01, 0xa1, 'x', 0xc3, 0xc4, 0x01, 7,
		0x92, 1, 2, 0x80, 0xc1 };
	struct acta_reader r = acta_reader(bytes, sizeof(bytes));
	uint32_t size;
	bool ok = true;

	ck_assert_int_eq(acta_read_int(&r, &ok), 1);
	ck_assert_int_eq(acta_read_str(&r, &size, &ok)[0], 'x');
	ck_assert_uint_eq(size, 1);
	ck_assert(acta_read_bool(&r, &ok));
	ck_assert_int_eq(*(const uint8_t *)acta_read_bin(&r, &size, &ok), 7);
	ck_assert_uint_eq(acta_read_list(&r, &ok), 2);
	ck_assert_uint_eq(acta_read_uint(&r, &ok), 1);
	ck_assert_uint_eq(acta_read_uint(&r, &ok), 2);
	ck_assert_uint_eq(acta_read_map(&r, &ok), 0);
	ck_assert(ok);
	ck_assert_int_eq(acta_read_int(&r, &ok), 0); /* 0xc1 */
	ck_assert(!ok);
	ck_assert_ptr_eq(r.at, r.end);
	ck_assert_uint_eq(acta_read(&r).type, ACTA_ABSENT);
	ck_assert(!acta_read_bool(&r, &ok));
	ck_assert_ptr_null(acta_read_str(&r, &size, &ok));
	ck_assert_uint_eq(size, 0);
	ck_assert(!ok);
}
END_TEST

START_TEST(a_typed_read_of_another_type_is_as_the_end)
{
	static const uint8_t text[] = { 0xa1, 'x', 1 }, minus[] = { 0xff, 1 };
	static const uint8_t large[] = { 0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0, 1 };
	struct acta_reader r = acta_reader(text, sizeof(text));
	bool ok = true;

	ck_assert_int_eq(acta_read_int(&r, &ok), 0);
	ck_assert(!ok);
	ck_assert_ptr_eq(r.at, r.end);
	ok = true;
	r = acta_reader(minus, sizeof(minus));
	ck_assert_uint_eq(acta_read_uint(&r, &ok), 0);
	ck_assert(!ok);
	ok = true;
	r = acta_reader(large, sizeof(large));
	ck_assert_uint_eq(acta_read_uint(&r, &ok), 1ull << 63);
	ck_assert(ok);
	r = acta_reader(large, sizeof(large));
	ck_assert_int_eq(acta_read_int(&r, &ok), 0); /* does not fit */
	ck_assert(!ok);
}
END_TEST

START_TEST(raw_and_head_move_over_all_and_over_the_header)
{
	static const uint8_t bytes[] = { 0x92, 0x91, 0xc0, 0xa1, 'x', 0x05 };
	struct acta_reader r = acta_reader(bytes, sizeof(bytes));
	size_t size;

	ck_assert_ptr_eq(acta_read_raw(&r, &size), bytes);
	ck_assert_uint_eq(size, 5);
	ck_assert_ptr_eq(acta_read_raw(&r, &size), bytes + 5);
	ck_assert_uint_eq(size, 1);
	ck_assert_ptr_null(acta_read_raw(&r, &size));
	ck_assert_uint_eq(size, 0);
	r = acta_reader(bytes, sizeof(bytes));
	ck_assert_uint_eq(acta_read_head(&r).size, 2);
	ck_assert_ptr_eq(r.at, bytes + 1);
	ck_assert_uint_eq(acta_read(&r).type, ACTA_LIST);
	ck_assert_ptr_eq(r.at, bytes + 3);
	r = acta_reader(NULL, 0);
	ck_assert_uint_eq(acta_read(&r).type, ACTA_ABSENT);
}
END_TEST

START_TEST(map_get_finds_the_first_of_that_name)
{
	struct acta_buf buf;
	struct acta_reader r;
	acta_value map;

	acta_buf_init(&buf);
	unhex(&buf, "85 01 02 a1 61 07 a1 61 08 90 c0 a0 09");
	ck_assert_int_eq(check_exact(buf.data, buf.size), ACTA_OK);
	r = acta_reader(buf.data, buf.size);
	map = acta_read(&r);
	ck_assert_int_eq(acta_map_get(map, "a", 1).as.i, 7);
	ck_assert_int_eq(acta_map_get(map, "", 0).as.i, 9);
	ck_assert_uint_eq(acta_map_get(map, "b", 1).type, ACTA_ABSENT);
	ck_assert_uint_eq(acta_map_get(map, "ab", 2).type, ACTA_ABSENT);
	map.type = ACTA_LIST;
	ck_assert_uint_eq(acta_map_get(map, "a", 1).type, ACTA_ABSENT);
	ck_assert_uint_eq(
	    acta_map_get((acta_value){ .type = ACTA_ABSENT }, "a", 1).type,
	    ACTA_ABSENT);
	acta_buf_fini(&buf);
}
END_TEST

static bool
equal(const char *a_hex, const char *b_hex)
{
	struct acta_buf a, b;
	struct acta_reader x, y;
	acta_value v, w;
	bool same;

	acta_buf_init(&a);
	acta_buf_init(&b);
	unhex(&a, a_hex);
	unhex(&b, b_hex);
	ck_assert_int_eq(check_exact(a.data, a.size), ACTA_OK);
	ck_assert_int_eq(check_exact(b.data, b.size), ACTA_OK);
	x = acta_reader(a.data, a.size);
	y = acta_reader(b.data, b.size);
	v = acta_read(&x);
	w = acta_read(&y);
	same = acta_value_equal(v, w);
	ck_assert(acta_value_equal(w, v) == same);
	ck_assert(acta_value_equal(v, v));
	acta_buf_fini(&a);
	acta_buf_fini(&b);
	return same;
}

START_TEST(equal_is_what_means_the_same)
{
	ck_assert(equal("01", "d3 0000000000000001"));
	ck_assert(!equal("01", "02"));
	ck_assert(!equal("01", "cb 3ff0000000000000"));
	ck_assert(equal("ca 3fc00000", "cb 3ff8000000000000"));
	ck_assert(equal("cb 7ff8000000000000", "cb fff8000000000001"));
	ck_assert(equal("a1 61", "d9 01 61"));
	ck_assert(!equal("a1 61", "c4 01 61"));
	ck_assert(equal("d4 05 68", "c7 01 05 68"));
	ck_assert(!equal("d4 05 68", "d4 06 68"));
	ck_assert(equal("d6 ff 00000002", "d7 ff 0000000000000002"));
	ck_assert(equal("92 01 02", "dc 0002 01 cc 02"));
	ck_assert(!equal("92 01 02", "92 02 01"));
	ck_assert(!equal("91 01", "92 01 01"));
	ck_assert(!equal("90", "80"));
	/* maps in any order, a key in any form */
	ck_assert(equal("82 a1 61 01 a1 62 02", "82 a1 62 02 d9 01 61 01"));
	ck_assert(!equal("82 a1 61 01 a1 62 02", "82 a1 61 02 a1 62 01"));
	ck_assert(!equal("82 01 01 01 01", "82 01 01 02 02"));
	ck_assert(!equal("82 02 01 01 01", "82 01 01 01 01"));
	ck_assert(equal("82 91 01 02 80 03", "82 80 03 91 01 02"));
	ck_assert(equal("82 c0 82 01 01 02 02 c2 90",
	    "82 c2 90 c0 82 02 02 "
	    "01 01"));
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("reader");

	vectors = vectors_load();
	tcase_add_loop_test(tc, every_form_is_read_as_what_it_means, 0, FORMS);
	tcase_add_loop_test(tc, a_value_cut_at_any_byte_is_refused, 0, FORMS);
	if (vectors)
		tcase_add_test(tc, every_public_vector_is_read_as_its_value);
	tcase_add_test(tc, lying_counts_and_lengths_are_refused);
	tcase_add_test(tc, depth_32_is_read_and_33_is_a_limit);
	tcase_add_test(tc, wrapped_values_are_read_to_depth_36);
	tcase_add_test(tc, nodes_65536_are_read_and_65537_are_a_limit);
	tcase_add_test(tc, a_megabyte_of_open_brackets_is_a_limit);
	tcase_add_test(tc, str_must_be_utf8);
	tcase_add_test(tc, what_is_no_utf8_is_mended_byte_by_byte);
	tcase_add_test(
	    tc, times_are_ms_and_finer_digits_are_cut_towards_the_past);
	tcase_add_test(tc, a_chain_of_reads_is_checked_once_by_its_last);
	tcase_add_test(tc, a_typed_read_of_another_type_is_as_the_end);
	tcase_add_test(tc, raw_and_head_move_over_all_and_over_the_header);
	tcase_add_test(tc, map_get_finds_the_first_of_that_name);
	tcase_add_test(tc, equal_is_what_means_the_same);
	run("reader", tc);
	json_decref(vectors);
	return EXIT_SUCCESS;
}
