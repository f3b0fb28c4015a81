/*
 * t/fuzz-msgpack.c - bytes from outside as MessagePack. What the check lets
 * through is walked without a fault, is equal to itself, is packed anew to an
 * equal value, and goes through JSON and back without loss.
 */
#include "t/fuzz.h"

#include "codecs/json.h"
#include "codecs/packer.h"
#include "codecs/reader.h"

/* As deep as it was checked, so the recursion is bounded. */
static uint32_t
walk(struct acta_reader *r)
{
	const uint8_t *first = r->at;
	acta_value value = acta_read_head(r);
	uint32_t nodes = 1, inside = 0;
	struct acta_reader again = { first, r->end };
	size_t size;

	fuzz_must(value.type != ACTA_ABSENT);
	if (value.type == ACTA_LIST)
		inside = value.size;
	else if (value.type == ACTA_MAP)
		inside = 2 * value.size;
	if (value.type == ACTA_STR)
		fuzz_must(acta_utf8_valid(value.as.data, value.size));
	for (uint32_t i = 0; i < inside; i++)
		nodes += walk(r);
	fuzz_must(acta_read_raw(&again, &size) == first);
	fuzz_must(again.at == r->at && first + size == r->at);
	if (value.type == ACTA_MAP && inside > 0) {
		struct acta_reader keys = acta_reader_into(value);
		acta_value name = acta_read(&keys);

		if (name.type == ACTA_STR)
			fuzz_must(
			    acta_map_get(value, name.as.data, name.size).type !=
			    ACTA_ABSENT);
	}
	return nodes;
}

/* `b` is what came of `a` by JSON: the same, but that an integer over INT64_MAX
 * is the str of its digits. */
static void
same_through_json(struct acta_reader *a, struct acta_reader *b)
{
	const uint8_t *a_at = a->at, *b_at = b->at;
	acta_value x = acta_read_head(a), y = acta_read_head(b);
	char digits[24];
	uint32_t inside = 0;

	if (x.type == ACTA_UINT) {
		int n = snprintf(
		    digits, sizeof(digits), "%llu", (unsigned long long)x.as.u);

		fuzz_must(y.type == ACTA_STR && y.size == (uint32_t)n &&
		    memcmp(y.as.data, digits, y.size) == 0);
		return;
	}
	fuzz_must(x.type == y.type && x.size == y.size);
	if (x.type == ACTA_LIST)
		inside = x.size;
	else if (x.type == ACTA_MAP)
		inside = 2 * x.size;
	else if (x.type == ACTA_TIME) /* as its bytes, finer than ms too */
		fuzz_must(memcmp(a->at - x.size, b->at - y.size, x.size) == 0);
	else
		fuzz_must(acta_value_equal(x, y));
	for (uint32_t i = 0; i < inside; i++)
		same_through_json(a, b);
	fuzz_must(a->at > a_at && b->at > b_at);
}

static void
through_json(const uint8_t *data, size_t size)
{
	struct acta_buf text, back;
	struct acta_why why = { "", "" };
	struct acta_reader a = acta_reader(data, size), b;

	acta_buf_init(&text);
	acta_buf_init(&back);
	acta_json_encode(data, size, &text);
	fuzz_must(acta_utf8_valid(text.data, text.size));
	if (acta_json_decode((const char *)text.data, text.size, &back, &why) ==
	    ACTA_OK) {
		b = acta_reader(back.data, back.size);
		same_through_json(&a, &b);
		fuzz_must(a.at == a.end && b.at == b.end);
	} else {
		fprintf(stderr, "%s\n", why.text);
		fuzz_must(!"JSON that we wrote is read");
	}
	acta_buf_fini(&text);
	acta_buf_fini(&back);
}

static void
packed_anew(const uint8_t *data, size_t size)
{
	struct acta_reader r = acta_reader(data, size);
	acta_value value = acta_read(&r);
	struct acta_buf again;

	acta_buf_init(&again);
	acta_pack_value(&again, value);
	fuzz_must(acta_msgpack_check(again.data, again.size) == ACTA_OK);
	r = acta_reader(again.data, again.size);
	fuzz_must(acta_value_equal(value, acta_read(&r)));
	fuzz_must(acta_value_equal(value, value));
	acta_buf_fini(&again);
}

int
fuzz_msgpack(const uint8_t *data, size_t size)
{
	struct acta_reader r = acta_reader(data, size);
	enum acta_err err = acta_msgpack_check(data, size);
	enum acta_err wrapped = acta_msgpack_check_wrapped(data, size);
	bool ok = true;
	uint32_t n;

	/* Unchecked bytes may be read, too: they only end sooner. */
	while (acta_read(&r).type != ACTA_ABSENT)
		fuzz_must(r.at <= r.end);
	fuzz_must(r.at == r.end);
	r = acta_reader(data, size);
	(void)acta_read_list(&r, &ok);
	(void)acta_read_int(&r, &ok);
	(void)acta_read_uint(&r, &ok);
	(void)acta_read_str(&r, &n, &ok);
	(void)acta_read_bin(&r, &n, &ok);
	(void)acta_read_bool(&r, &ok);
	(void)acta_read_map(&r, &ok);
	fuzz_must(err != ACTA_OK || wrapped == ACTA_OK);
	fuzz_must(err != ACTA_EPROTO || wrapped != ACTA_OK);
	if (err != ACTA_OK)
		return 0;
	r = acta_reader(data, size);
	fuzz_must(walk(&r) <= ACTA_MSGPACK_NODES_MAX);
	fuzz_must(r.at == r.end);
	packed_anew(data, size);
	through_json(data, size);
	return 0;
}

void
fuzz_msgpack_seeds(fuzz_take *take, void *self)
{
	static const char *const texts[] = {
		"{\"a\": [1, -1, 1.5, true, null, \"\\u00e4\"], \"b\": "
		"{\"$bin\": \"AA==\"}, \"c\": {\"$ext\": [-1, \"AAAAAQ==\"]}, "
		"\"d\": {\"$map\": [[1, 2], [\"\\u0000\", {\"$num\": "
		"\"nan\"}]]}}",
		"{\"$x\": {\"$ext\": [5, \"AAAA\"]}, \"\": [[], {}, [[[]]]]}",
		"{\"$map\": [[\"$bin\", 1]]}",
		"{\"$map\": [[[1], {\"a\": 1}], [[1], {}], [{}, 0]]}",
		"[9223372036854775807, -9223372036854775808, 4294967296]",
		"[1e300, -0.0, 65536, 255, -129, -32769]",
	};
	struct acta_buf buf;

	acta_buf_init(&buf);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		acta_buf_reset(&buf);
		fuzz_must(acta_json_decode(texts[i], strlen(texts[i]), &buf,
			      NULL) == ACTA_OK);
		take(self, buf.data, buf.size);
	}
	acta_buf_reset(&buf);
	acta_pack_list(&buf, 2);
	acta_pack_uint(&buf, UINT64_MAX);
	acta_pack_raw(&buf, "\xca\x3f\x99\x99\x9a", 5); /* a float 32 */
	take(self, buf.data, buf.size);
	acta_buf_fini(&buf);
	fuzz_files("t/golden", "", ".bin", take, self);
}
