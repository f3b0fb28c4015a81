/* t/11-packer.c - each value goes out in its shortest form, and what goes out
 * comes back the same. */
#include "t/10-codecs.h"

#include <math.h>

static json_t *vectors;

static void
expect(const struct acta_buf *buf, const char *hex)
{
	struct acta_buf due;

	acta_buf_init(&due);
	unhex(&due, hex);
	ck_assert_msg(
	    buf->size == due.size && memcmp(buf->data, due.data, due.size) == 0,
	    "not %s", hex);
	ck_assert_int_eq(check_exact(buf->data, buf->size), ACTA_OK);
	acta_buf_fini(&due);
}

START_TEST(integers_are_as_short_as_can_be)
{
	static const struct {
		int64_t i;
		const char *hex;
	} edges[] = { { 0, "00" }, { 127, "7f" }, { 128, "cc 80" },
		{ 255, "cc ff" }, { 256, "cd 0100" }, { 65535, "cd ffff" },
		{ 65536, "ce 00010000" }, { 4294967295, "ce ffffffff" },
		{ 4294967296, "cf 0000000100000000" },
		{ INT64_MAX, "cf 7fffffffffffffff" }, { -1, "ff" },
		{ -32, "e0" }, { -33, "d0 df" }, { -128, "d0 80" },
		{ -129, "d1 ff7f" }, { -32768, "d1 8000" },
		{ -32769, "d2 ffff7fff" }, { -2147483648LL, "d2 80000000" },
		{ -2147483649LL, "d3 ffffffff7fffffff" },
		{ INT64_MIN, "d3 8000000000000000" } };
	struct acta_buf buf;

	acta_buf_init(&buf);
	for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++) {
		acta_buf_reset(&buf);
		acta_pack_int(&buf, edges[i].i);
		expect(&buf, edges[i].hex);
		if (edges[i].i < 0)
			continue;
		acta_buf_reset(&buf);
		acta_pack_uint(&buf, (uint64_t)edges[i].i);
		expect(&buf, edges[i].hex);
	}
	acta_buf_reset(&buf);
	acta_pack_uint(&buf, UINT64_MAX);
	expect(&buf, "cf ffffffffffffffff");
	acta_buf_fini(&buf);
}
END_TEST

START_TEST(scalars_have_one_form)
{
	struct acta_buf buf;

	acta_buf_init(&buf);
	acta_pack_list(&buf, 6);
	acta_pack_nil(&buf);
	acta_pack_bool(&buf, true);
	acta_pack_bool(&buf, false);
	acta_pack_num(&buf, 1.5);
	acta_pack_text(&buf, "hi");
	acta_pack_raw(&buf, "\x81\x01\x02", 3);
	expect(&buf, "96 c0 c3 c2 cb 3ff8000000000000 a2 6869 81 01 02");
	acta_buf_fini(&buf);
}
END_TEST

/* The first bytes of `size` bytes of payload, and how many bytes in all. */
static void
expect_header(const struct acta_buf *buf, const char *hex, size_t size)
{
	struct acta_buf due;

	acta_buf_init(&due);
	unhex(&due, hex);
	ck_assert_uint_eq(buf->size, due.size + size);
	ck_assert_mem_eq(buf->data, due.data, due.size);
	acta_buf_fini(&due);
}

START_TEST(lengths_and_counts_are_as_short_as_can_be)
{
	static const struct {
		uint32_t size;
		const char *str, *bin, *ext, *list, *map;
	} edges[] = {
		{ 0, "a0", "c400", "c70005", "90", "80" },
		{ 1, "a1", "c401", "d405", "91", "81" },
		{ 2, "a2", "c402", "d505", "92", "82" },
		{ 3, "a3", "c403", "c70305", "93", "83" },
		{ 4, "a4", "c404", "d605", "94", "84" },
		{ 8, "a8", "c408", "d705", "98", "88" },
		{ 15, "af", "c40f", "c70f05", "9f", "8f" },
		{ 16, "b0", "c410", "d805", "dc0010", "de0010" },
		{ 31, "bf", "c41f", "c71f05", "dc001f", "de001f" },
		{ 32, "d920", "c420", "c72005", "dc0020", "de0020" },
		{ 255, "d9ff", "c4ff", "c7ff05", "dc00ff", "de00ff" },
		{ 256, "da0100", "c50100", "c8010005", "dc0100", "de0100" },
		{ 65535, "daffff", "c5ffff", "c8ffff05", "dcffff", "deffff" },
		{ 65536, "db00010000", "c600010000", "c90001000005",
		    "dd00010000", "df00010000" },
	};
	static const char zero[65536];
	struct acta_buf buf;

	acta_buf_init(&buf);
	for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++) {
		uint32_t size = edges[i].size;

		acta_buf_reset(&buf);
		acta_pack_str(&buf, zero, size);
		expect_header(&buf, edges[i].str, size);
		acta_buf_reset(&buf);
		acta_pack_bin(&buf, zero, size);
		expect_header(&buf, edges[i].bin, size);
		acta_buf_reset(&buf);
		acta_pack_ext(&buf, 5, zero, size);
		expect_header(&buf, edges[i].ext, size);
		acta_buf_reset(&buf);
		acta_pack_list(&buf, size);
		expect_header(&buf, edges[i].list, 0);
		acta_buf_reset(&buf);
		acta_pack_map(&buf, size);
		expect_header(&buf, edges[i].map, 0);
	}
	acta_buf_reset(&buf);
	acta_pack_str(&buf, NULL, 0);
	acta_pack_bin(&buf, NULL, 0);
	ck_assert_uint_eq(buf.size, 3);
	acta_buf_fini(&buf);
}
END_TEST

START_TEST(times_come_back_to_the_ms)
{
	static const struct {
		int64_t ms;
		const char *hex;
	} edges[] = { { 0, "d6 ff 00000000" }, { 1000, "d6 ff 00000001" },
		{ 4294967295000, "d6 ff ffffffff" },
		{ 1, "d7 ff 003d0900 00000000" },
		{ 4294967296000, "d7 ff 00000001 00000000" },
		{ 17179869183999, "d7 ff ee2e1f03 ffffffff" },
		{ 17179869184000, "c7 0c ff 00000000 0000000400000000" },
		{ -1, "c7 0c ff 3b8b87c0 ffffffffffffffff" },
		{ -1000, "c7 0c ff 00000000 ffffffffffffffff" },
		{ INT64_MAX, NULL }, { INT64_MIN, NULL } };
	struct acta_buf buf;

	acta_buf_init(&buf);
	for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++) {
		struct acta_reader r;
		acta_value v;

		acta_buf_reset(&buf);
		acta_pack_time(&buf, edges[i].ms);
		if (edges[i].hex)
			expect(&buf, edges[i].hex);
		r = acta_reader(buf.data, buf.size);
		v = acta_read(&r);
		ck_assert_uint_eq(v.type, ACTA_TIME);
		ck_assert_int_eq(v.as.i, edges[i].ms);
	}
	acta_buf_fini(&buf);
}
END_TEST

static void
again(struct acta_buf *out, const char *hex)
{
	struct acta_buf in;
	struct acta_reader r;

	acta_buf_init(&in);
	unhex(&in, hex);
	ck_assert_int_eq(check_exact(in.data, in.size), ACTA_OK);
	r = acta_reader(in.data, in.size);
	acta_buf_reset(out);
	acta_pack_value(out, acta_read(&r));
	acta_buf_fini(&in);
}

START_TEST(any_value_that_was_read_can_be_packed)
{
	static const char *const pairs[][2] = { { "c0", "c0" }, { "c3", "c3" },
		{ "d3 0000000000000001", "01" },
		{ "cf ffffffffffffffff", "cf ffffffffffffffff" },
		{ "ca 3fc00000", "cb 3ff8000000000000" },
		{ "db 00000001 61", "a1 61" }, { "c5 0001 61", "c4 01 61" },
		{ "c7 01 85 61", "d4 85 61" },
		{ "c7 0c ff 00000000 0000000000000002", "d6 ff 00000002" },
		/* elements as they are, only the header anew */
		{ "dc 0002 cc 01 91 c0", "92 cc 01 91 c0" },
		{ "df 00000001 a1 61 81 01 02", "81 a1 61 81 01 02" },
		{ "dd 00000000", "90" }, { "de 0000", "80" } };
	struct acta_buf buf;

	acta_buf_init(&buf);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		again(&buf, pairs[i][0]);
		expect(&buf, pairs[i][1]);
	}
	acta_buf_reset(&buf);
	acta_pack_value(&buf, (acta_value){ .type = ACTA_ABSENT });
	expect(&buf, "c0");
	acta_buf_fini(&buf);
}
END_TEST

/* One of the listed forms, none shorter; but a float is always float 64. */
START_TEST(every_public_vector_packs_to_its_shortest_form)
{
	const char *group;
	json_t *list, *vector, *hex;
	size_t i, k;
	struct acta_buf buf, form;

	acta_buf_init(&buf);
	acta_buf_init(&form);
	json_object_foreach(vectors, group, list)
	    json_array_foreach(list, i, vector)
	{
		json_t *all = json_object_get(vector, "msgpack");
		bool listed = false, is_float;

		if (json_integer_value(json_array_get(
			json_object_get(vector, "timestamp"), 1)) %
		    1000000)
			continue; /* we write whole ms */
		again(&buf, json_string_value(json_array_get(all, 0)));
		is_float = buf.data[0] == 0xcb;
		json_array_foreach(all, k, hex)
		{
			acta_buf_reset(&form);
			unhex(&form, json_string_value(hex));
			/* a float is not the integer it is equal to */
			ck_assert(form.size >= buf.size || is_float ||
			    form.data[0] == 0xca);
			listed = listed ||
			    (form.size == buf.size &&
				memcmp(form.data, buf.data, buf.size) == 0);
		}
		ck_assert_msg(listed, "%s: %s", group,
		    json_string_value(json_array_get(all, 0)));
	}
	acta_buf_fini(&buf);
	acta_buf_fini(&form);
}
END_TEST

START_TEST(a_buffer_keeps_its_memory)
{
	struct acta_buf buf;
	uint8_t *data;

	acta_buf_init(&buf);
	acta_buf_reserve(&buf, 0);
	ck_assert_ptr_nonnull(buf.data);
	fill(&buf, 1, 100000);
	data = buf.data;
	ck_assert_uint_ge(buf.room, 100000);
	acta_buf_reset(&buf);
	acta_buf_reserve(&buf, 100000);
	ck_assert_ptr_eq(buf.data, data);
	ck_assert_uint_eq(buf.size, 0);
	acta_buf_fini(&buf);
	ck_assert_ptr_null(buf.data);
	acta_buf_fini(&buf);
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("packer");

	vectors = vectors_load();
	tcase_add_test(tc, integers_are_as_short_as_can_be);
	tcase_add_test(tc, scalars_have_one_form);
	tcase_add_test(tc, lengths_and_counts_are_as_short_as_can_be);
	tcase_add_test(tc, times_come_back_to_the_ms);
	tcase_add_test(tc, any_value_that_was_read_can_be_packed);
	if (vectors)
		tcase_add_test(
		    tc, every_public_vector_packs_to_its_shortest_form);
	tcase_add_test(tc, a_buffer_keeps_its_memory);
	run("packer", tc);
	json_decref(vectors);
	return EXIT_SUCCESS;
}
