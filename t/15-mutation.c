/* t/15-mutation.c - valid input, damaged at random: no decoder crashes, reads
 * beyond the end or takes what is not well formed. A seed replays a failure:
 * SEED=number t/15-mutation. */
#include "t/10-codecs.h"

#include <time.h>

#include "codecs/envelope.h"
#include "codecs/schema.h"

#define ITERATIONS 200000
#define SECONDS_MAX 40

static uint64_t seed = 20260731;

/* xorshift64*: small, and the same everywhere. */
static uint64_t
next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static size_t
below(uint64_t *state, size_t bound)
{
	return (size_t)((next(state) >> 33) % bound);
}

/* ------------------------------------------------------- valid inputs -- */

static const char *const texts[] = {
	"{\"to\": \"stock/17\", \"do\": \"reserve\", \"args\": {\"qty\": 2}, "
	"\"id\": \"01JD\", \"op\": \"call\", \"timeout\": 2000}",
	"{\"to\": \"a\", \"do\": \"b\", \"session\": \"s\", \"seq\": 1, "
	"\"!x\": 1, \"traceparent\": "
	"\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}",
	"{\"a\": [1, -1, 1.5, true, null, \"\\u00e4\"], \"b\": {\"$bin\": "
	"\"AA==\"}, \"c\": {\"$ext\": [-1, \"AAAAAQ==\"]}, \"d\": "
	"{\"$map\": [[1, 2], [\"\\u0000\", {\"$num\": \"nan\"}]]}}",
	"[\"k\", \"t\", \"cart/9\", 1790000000123, 0, [2, \"s\", 1, 7], "
	"{\"x\": [1, 2, [3]]}, \"id\", \"trace\"]",
	"[9, \"stock.out\", 1, 9]",
	"[8, \"stock.out\", \"17\", \"stock/17\", 1, 9, 4, 5, {\"a\": 1}]",
	"[6, \"d\", 1, 2, \"s\", 3, 4, null, 0, [\"k\", \"t\", \"\", 1, 0, "
	"null, {}, \"\", null]]",
	"[7, \"d\", 1, 2, \"busy\", \"x\", \"y\", null]",
	"[4, \"a\", 1, \"b\", 2, 3, 4, 5, 6, 7, {\"$bin\": "
	"\"AAAAAAAAAAAAAAAAAAAAAA==\"}, true]",
	"[1, \"a\", 1, \"b\", 2, 3, 4, 5, 1, {\"$bin\": "
	"\"maFroXSgAQDAgKFpwA==\"}]",
};
#define TEXTS (sizeof(texts) / sizeof(*texts))

/* ----------------------------------------------------------- the damage -- */

static void
damage(uint64_t *state, struct acta_buf *buf)
{
	static const uint8_t odd[] = { 0x00, 0x7f, 0x80, 0x90, 0xa0, 0xc0, 0xc1,
		0xc4, 0xc7, 0xca, 0xcf, 0xd6, 0xd9, 0xdb, 0xdd, 0xdf, 0xff, '"',
		'{', '[', '}', ']', '\\', ',' };
	size_t at = below(state, buf->size), rest = buf->size - at;
	size_t some = 1 + below(state, rest);

	switch (below(state, 6)) {
	case 0: buf->data[at] ^= (uint8_t)(1u << below(state, 8)); break;
	case 1: buf->data[at] = odd[below(state, sizeof(odd))]; break;
	case 2: buf->data[at] = (uint8_t)next(state); break;
	case 3: /* cut some out */
		memmove(buf->data + at, buf->data + at + some, rest - some);
		buf->size -= some;
		break;
	case 4: /* write some again at the end */
		acta_buf_reserve(buf, some);
		memcpy(buf->data + buf->size, buf->data + at, some);
		buf->size += some;
		break;
	default: buf->size = at; break;
	}
}

/* --------------------------------------------------- what must be true -- */

/* To JSON and back is the same, but for integers over INT64_MAX and float 32,
 * which come back as str and float 64; and goes out again as the same text. */
static void
json_round(const void *data, size_t size)
{
	struct acta_buf text, back, again;

	acta_buf_init(&text);
	acta_buf_init(&back);
	acta_buf_init(&again);
	acta_json_encode(data, size, &text);
	ck_assert_int_eq(
	    acta_json_decode((const char *)text.data, text.size, &back, NULL),
	    ACTA_OK);
	acta_json_encode(back.data, back.size, &again);
	ck_assert_uint_eq(text.size, again.size);
	ck_assert_mem_eq(text.data, again.data, text.size);
	acta_buf_fini(&text);
	acta_buf_fini(&back);
	acta_buf_fini(&again);
}

static void
walk(acta_value value, const struct acta_schema *schema)
{
	acta_value out[ACTA_SCHEMA_FIELDS_MAX];
	struct acta_why why;

	if (value.type == ACTA_MAP) {
		(void)acta_map_get(value, "a", 1);
		if (acta_schema_check(schema, value, true, "arg", out, &why) !=
		    ACTA_OK) {
			ck_assert(acta_utf8_valid(why.text, strlen(why.text)));
			ck_assert(acta_utf8_valid(why.hint, strlen(why.hint)));
		}
		(void)!acta_schema_check(
		    schema, value, false, "arg", out, NULL);
	}
	ck_assert(acta_value_equal(value, value));
}

static void
try_msgpack(const void *data, size_t size, const struct acta_schema *schema)
{
	struct acta_reader r = acta_reader(data, size);
	struct acta_request request;
	struct acta_buf again;
	acta_value value = acta_read(&r);

	if (acta_msgpack_check(data, size) != ACTA_OK)
		return;
	ck_assert_uint_ne(value.type, ACTA_ABSENT);
	ck_assert_ptr_eq(r.at, r.end);
	walk(value, schema);
	acta_buf_init(&again);
	acta_pack_value(&again, value);
	ck_assert_int_eq(acta_msgpack_check(again.data, again.size), ACTA_OK);
	acta_buf_fini(&again);
	json_round(data, size);
	if (acta_request_decode(data, size, &request, NULL) == ACTA_OK) {
		ck_assert(request.type.size >= 1 && request.type.size <= 64);
		ck_assert(request.service.size >= 1);
		ck_assert(request.timeout_ms >= 1);
	}
}

/* What was decoded can be encoded, and is then decoded again. */
static void
try_items(const void *data, size_t size)
{
	struct acta_reader r = acta_reader(data, size), inside;
	struct acta_item item;
	struct acta_message message;
	struct acta_buf again;

	acta_buf_init(&again);
	while (acta_item_decode(&r, &item) == ACTA_OK) {
		acta_buf_reset(&again);
		acta_item_encode(&again, &item);
		inside = acta_reader(again.data, again.size);
		ck_assert_int_eq(acta_item_decode(&inside, &item), ACTA_OK);
		inside = acta_reader(item.body.data, item.body.size);
		while (acta_message_decode(&inside, &message) == ACTA_OK)
			continue;
	}
	r = acta_reader(data, size);
	while (acta_message_decode(&r, &message) == ACTA_OK) {
		acta_buf_reset(&again);
		acta_message_encode(&again, &message);
		inside = acta_reader(again.data, again.size);
		ck_assert_int_eq(
		    acta_message_decode(&inside, &message), ACTA_OK);
	}
	acta_buf_fini(&again);
}

static void
try_frame(const void *data, size_t size)
{
	struct acta_reader items;
	uint64_t epoch;

	if (acta_frame_open(data, size, &epoch, &items) == ACTA_OK)
		try_items(items.at, (size_t)(items.end - items.at));
}

static void
try_json(const char *text, size_t size)
{
	struct acta_why why;
	struct acta_buf out;

	acta_buf_init(&out);
	if (acta_json_decode(text, size, &out, &why) == ACTA_OK) {
		ck_assert_int_eq(
		    acta_msgpack_check(out.data, out.size), ACTA_OK);
		json_round(out.data, out.size);
	} else {
		ck_assert(acta_utf8_valid(why.text, strlen(why.text)));
		ck_assert_uint_eq(out.size, 0);
	}
	acta_buf_fini(&out);
}

static void
one(uint64_t *state, const struct acta_schema *schema)
{
	const char *text = texts[below(state, TEXTS)];
	bool json = below(state, 4) == 0;
	struct acta_buf buf, frame;
	void *copy;

	acta_buf_init(&buf);
	if (json)
		acta_buf_append(&buf, text, strlen(text));
	else
		ck_assert_int_eq(
		    acta_json_decode(text, strlen(text), &buf, NULL), ACTA_OK);
	for (size_t times = below(state, 4); times && buf.size; times--)
		damage(state, &buf);
	copy = exact(buf.data, buf.size);
	if (json) {
		try_json(copy, buf.size);
	} else {
		try_msgpack(copy, buf.size, schema);
		try_items(copy, buf.size);
		acta_buf_init(&frame);
		acta_frame_begin(&frame, next(state));
		acta_buf_append(&frame, buf.data, buf.size);
		if (below(state, 2))
			damage(state, &frame);
		try_frame(frame.data, frame.size);
		acta_buf_fini(&frame);
	}
	free(copy);
	acta_buf_fini(&buf);
}

START_TEST(no_decoder_trusts_a_damaged_input)
{
	time_t start = time(NULL);
	struct acta_schema schema;
	uint64_t state = seed;
	int done;

	ck_assert_int_eq(acta_schema_init(&schema,
			     "to:ref? do:str=x args:map? "
			     "a:list b:bin? c:time? d:any",
			     NULL),
	    ACTA_OK);
	for (done = 0; done < ITERATIONS; done++) {
		if (done % 1000 == 0 && time(NULL) - start > SECONDS_MAX)
			break;
		one(&state, &schema);
	}
	acta_schema_fini(&schema);
	printf("# seed %llu, %d iterations\n", (unsigned long long)seed, done);
	fflush(stdout);
	ck_assert_int_gt(done, 1000);
}
END_TEST

/* Random bytes are seldom well formed; these at least look like it. */
START_TEST(no_reader_trusts_random_bytes)
{
	uint64_t state = seed;
	uint8_t bytes[64];

	for (int i = 0; i < ITERATIONS; i++) {
		size_t size = below(&state, sizeof(bytes));

		for (size_t k = 0; k < size; k++)
			bytes[k] = (uint8_t)(next(&state) >> 40);
		if (size)
			bytes[0] = (uint8_t)(0x80 | (bytes[0] & 0x1f));
		void *copy = exact(bytes, size);
		struct acta_reader r = acta_reader(copy, size);

		while (acta_read(&r).type != ACTA_ABSENT)
			continue;
		if (acta_msgpack_check(copy, size) == ACTA_OK)
			json_round(copy, size);
		try_items(copy, size);
		free(copy);
	}
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("mutation");

	if (getenv("SEED"))
		seed = strtoull(getenv("SEED"), NULL, 10) | 1;
	tcase_add_test(tc, no_decoder_trusts_a_damaged_input);
	tcase_add_test(tc, no_reader_trusts_random_bytes);
	return run("mutation", tc);
}
