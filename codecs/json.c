/*
 * codecs/json.c - see json.h. jansson reads; the tree it makes is walked once.
 * Before it sees the text, a scan bounds what the tree can cost.
 */
#include "codecs/json.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"
#include "codecs/reader.h"

/*
 * A "$map" takes three levels of JSON for one of MessagePack, and an "$ext"
 * five tokens, an object and an array for one node: so much more is let through
 * to jansson. The true limits are checked on the result.
 */
#define TEXT_DEPTH_MAX (3 * ACTA_MSGPACK_DEPTH_MAX + 3)
#define TEXT_NODES_MAX (5 * ACTA_MSGPACK_NODES_MAX)
/* Deepest that the writer goes: what was checked, and what is around it. */
#define WRITE_DEPTH_MAX (ACTA_MSGPACK_DEPTH_MAX + ACTA_MSGPACK_WRAP_DEPTH)

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ------------------------------------------------------------- reading -- */

/* Behind the string whose opening quote is at `at`. */
static size_t
skip_string(const char *text, size_t size, size_t at)
{
	for (at++; at < size && text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;
	return at + 1;
}

/* Bound what jansson will allocate: brackets and commas outside of strings
 * tell how many values there can be. */
static enum acta_err
scan(const char *text, size_t size, struct acta_why *why)
{
	size_t depth = 0, nodes = 1, objects = 0, lists = 0;

	for (size_t at = 0; at < size; at++) {
		switch (text[at]) {
		case '"': at = skip_string(text, size, at) - 1; continue;
		case '{': objects++; break;
		case '[': lists++; break;
		case ',':
		case ':': nodes++; continue;
		case '}':
		case ']': depth -= depth > 0; continue;
		default: continue;
		}
		nodes++;
		if (++depth > TEXT_DEPTH_MAX) {
			acta_why_text(why, "JSON nested too deep");
			return ACTA_ELIMIT;
		}
	}
	if (nodes > TEXT_NODES_MAX || objects > ACTA_MSGPACK_NODES_MAX ||
	    lists > ACTA_MSGPACK_NODES_MAX) {
		acta_why_text(why, "JSON of too many values");
		return ACTA_ELIMIT;
	}
	return ACTA_OK;
}

static enum acta_err
fail(struct acta_why *why, const char *text)
{
	acta_why_text(why, "JSON: %s", text);
	return ACTA_EPROTO;
}

/* The value of a base64 digit, -1 if it is none. */
static int
base64_value(char c)
{
	const char *found = c ? strchr(base64_digits, c) : NULL;

	return found ? (int)(found - base64_digits) : -1;
}

/* Strict (RFC 4648, section 4): padded, no blanks, unused bits 0. */
static bool
base64_decode(const char *text, size_t size, struct acta_buf *out)
{
	size_t pad = 0;

	if (size % 4)
		return false;
	while (pad < 2 && pad < size && text[size - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < size; i += 4) {
		size_t digits = i + 4 == size ? 4 - pad : 4;
		uint32_t bits = 0;
		uint8_t bytes[3];

		for (size_t k = 0; k < 4; k++) {
			int v = k < digits ? base64_value(text[i + k]) : 0;

			if (v < 0)
				return false;
			bits = bits << 6 | (uint32_t)v;
		}
		bytes[0] = (uint8_t)(bits >> 16);
		bytes[1] = (uint8_t)(bits >> 8);
		bytes[2] = (uint8_t)bits;
		if (digits < 4 && (bytes[2] || (digits < 3 && bytes[1])))
			return false;
		acta_buf_append(out, bytes, digits - 1);
	}
	return true;
}

/* The scan bounds how deep the tree is, and so this recursion. */
static enum acta_err pack_json(
    const json_t *json, struct acta_buf *out, struct acta_why *why);

/* {"$bin": base64} */
static enum acta_err
pack_bin(const json_t *json, struct acta_buf *out, struct acta_why *why)
{
	struct acta_buf bytes;
	bool ok;

	if (!json_is_string(json))
		return fail(why, "$bin takes a base64 string");
	acta_buf_init(&bytes);
	ok = base64_decode(
	    json_string_value(json), json_string_length(json), &bytes);
	if (ok)
		acta_pack_bin(out, bytes.data, bytes.size);
	acta_buf_fini(&bytes);
	return ok ? ACTA_OK : fail(why, "$bin is not base64");
}

/* {"$ext": [type, base64]} */
static enum acta_err
pack_ext(const json_t *json, struct acta_buf *out, struct acta_why *why)
{
	const json_t *type = json_array_get(json, 0);
	const json_t *data = json_array_get(json, 1);
	struct acta_buf bytes;
	bool ok;

	if (json_array_size(json) != 2 || !json_is_integer(type) ||
	    json_integer_value(type) < INT8_MIN ||
	    json_integer_value(type) > INT8_MAX || !json_is_string(data))
		return fail(why, "$ext takes [type, base64]");
	acta_buf_init(&bytes);
	ok = base64_decode(
	    json_string_value(data), json_string_length(data), &bytes);
	if (ok)
		acta_pack_ext(out, (int8_t)json_integer_value(type), bytes.data,
		    bytes.size);
	acta_buf_fini(&bytes);
	return ok ? ACTA_OK : fail(why, "$ext is not base64");
}

/* {"$map": [[key, value], ...]} */
static enum acta_err
pack_pairs(const json_t *json, struct acta_buf *out, struct acta_why *why)
{
	enum acta_err err = ACTA_OK;

	if (!json_is_array(json))
		return fail(why, "$map takes [[key, value], ...]");
	acta_pack_map(out, (uint32_t)json_array_size(json));
	for (size_t i = 0; i < json_array_size(json) && err == ACTA_OK; i++) {
		const json_t *pair = json_array_get(json, i);

		if (json_array_size(pair) != 2)
			return fail(why, "$map takes [[key, value], ...]");
		err = pack_json(json_array_get(pair, 0), out, why);
		if (err == ACTA_OK)
			err = pack_json(json_array_get(pair, 1), out, why);
	}
	return err;
}

/* {"$num": "nan" | "inf" | "-inf"} */
static enum acta_err
pack_special(const json_t *json, struct acta_buf *out, struct acta_why *why)
{
	const char *text = json_is_string(json) ? json_string_value(json) : "";

	if (strcmp(text, "nan") == 0)
		acta_pack_num(out, (double)NAN);
	else if (strcmp(text, "inf") == 0)
		acta_pack_num(out, HUGE_VAL);
	else if (strcmp(text, "-inf") == 0)
		acta_pack_num(out, -HUGE_VAL);
	else
		return fail(why, "$num takes \"nan\", \"inf\" or \"-inf\"");
	return ACTA_OK;
}

static enum acta_err
pack_object(json_t *json, struct acta_buf *out, struct acta_why *why)
{
	enum acta_err err = ACTA_OK;
	const char *key;
	json_t *value;

	if (json_object_size(json) == 1) {
		key = json_object_iter_key(json_object_iter(json));
		value = json_object_iter_value(json_object_iter(json));
		if (strcmp(key, "$bin") == 0)
			return pack_bin(value, out, why);
		if (strcmp(key, "$ext") == 0)
			return pack_ext(value, out, why);
		if (strcmp(key, "$map") == 0)
			return pack_pairs(value, out, why);
		if (strcmp(key, "$num") == 0)
			return pack_special(value, out, why);
	}
	acta_pack_map(out, (uint32_t)json_object_size(json));
	json_object_foreach(json, key, value)
	{
		acta_pack_text(out, key);
		err = pack_json(value, out, why);
		if (err != ACTA_OK)
			break;
	}
	return err;
}

static enum acta_err
pack_array(const json_t *json, struct acta_buf *out, struct acta_why *why)
{
	enum acta_err err = ACTA_OK;

	acta_pack_list(out, (uint32_t)json_array_size(json));
	for (size_t i = 0; i < json_array_size(json) && err == ACTA_OK; i++)
		err = pack_json(json_array_get(json, i), out, why);
	return err;
}

static enum acta_err
pack_json(const json_t *json, struct acta_buf *out, struct acta_why *why)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT: return pack_object((json_t *)json, out, why);
	case JSON_ARRAY: return pack_array(json, out, why);
	case JSON_STRING:
		acta_pack_str(
		    out, json_string_value(json), json_string_length(json));
		break;
	case JSON_INTEGER: acta_pack_int(out, json_integer_value(json)); break;
	case JSON_REAL: acta_pack_num(out, json_real_value(json)); break;
	case JSON_TRUE: acta_pack_bool(out, true); break;
	case JSON_FALSE: acta_pack_bool(out, false); break;
	case JSON_NULL: acta_pack_nil(out); break;
	}
	return ACTA_OK;
}

enum acta_err
acta_json_decode(
    const char *text, size_t size, struct acta_buf *out, struct acta_why *why)
{
	enum acta_err err = scan(text, size, why);
	size_t before = out->size;
	json_error_t error;
	json_t *json;

	if (err != ACTA_OK)
		return err;
	json = json_loadb(text, size,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if (!json) {
		acta_why_text(why, "JSON, line %d, column %d: %s", error.line,
		    error.column, error.text);
		return ACTA_EPROTO;
	}
	err = pack_json(json, out, why);
	json_decref(json);
	if (err == ACTA_OK) {
		/* The limits, and of "$ext" [-1, ...] that it is a time. */
		err =
		    acta_msgpack_check(out->data + before, out->size - before);
		if (err == ACTA_ELIMIT)
			acta_why_text(why,
			    "JSON nested deeper than %u or of "
			    "more than %u values",
			    ACTA_MSGPACK_DEPTH_MAX, ACTA_MSGPACK_NODES_MAX);
		else if (err != ACTA_OK)
			acta_why_text(why, "JSON: $ext -1 is not a time");
	}
	if (err != ACTA_OK)
		out->size = before;
	return err;
}

/* ------------------------------------------------------------- writing -- */

static void
put(struct acta_buf *out, const char *text)
{
	acta_buf_append(out, text, strlen(text));
}

static void
put_char(struct acta_buf *out, char c)
{
	acta_buf_append(out, &c, 1);
}

static void
put_escape(struct acta_buf *out, uint32_t c)
{
	char text[16];

	switch (c) {
	case '"': put(out, "\\\""); return;
	case '\\': put(out, "\\\\"); return;
	case '\n': put(out, "\\n"); return;
	case '\r': put(out, "\\r"); return;
	case '\t': put(out, "\\t"); return;
	default: break;
	}
	snprintf(text, sizeof(text), "\\u%04" PRIx32, c);
	put(out, text);
}

#define AS_IT_IS UINT32_MAX

/*
 * The character at p if it is to be escaped: what JSON wants, what a terminal
 * obeys (U+007F to U+009F), and what YAML takes for the end of a line or for
 * none at all (U+2028, U+2029, U+FEFF, U+FFFE, U+FFFF).
 */
static inline uint32_t
to_escape(const uint8_t *p, size_t room)
{
	uint32_t c = p[0];

	if (c < 0x80)
		return c < 0x20 || c == '"' || c == '\\' || c == 0x7f
		    ? c
		    : AS_IT_IS;
	if (c == 0xc2 && room >= 2 && p[1] < 0xa0)
		return p[1];
	if ((c != 0xe2 && c != 0xef) || room < 3)
		return AS_IT_IS;
	c = (c & 0x0f) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	return c == 0x2028 || c == 0x2029 || c == 0xfeff || c >= 0xfffe
	    ? c
	    : AS_IT_IS;
}

static void
put_string(struct acta_buf *out, const void *data, size_t size)
{
	const uint8_t *p = data;
	size_t plain = 0;

	put_char(out, '"');
	for (size_t i = 0; i < size; i++) {
		uint32_t c = to_escape(p + i, size - i);

		if (c == AS_IT_IS)
			continue;
		acta_buf_append(out, p + plain, i - plain);
		put_escape(out, c);
		i += c < 0x80 ? 0 : c < 0x800 ? 1 : 2; /* its other bytes */
		plain = i + 1;
	}
	if (size)
		acta_buf_append(out, p + plain, size - plain);
	put_char(out, '"');
}

static void
put_base64(struct acta_buf *out, const uint8_t *p, size_t size)
{
	put_char(out, '"');
	for (size_t i = 0; i < size; i += 3) {
		size_t rest = size - i < 3 ? size - i : 3;
		uint32_t bits = (uint32_t)p[i] << 16;
		char digits[4] = { '=', '=', '=', '=' };

		if (rest > 1)
			bits |= (uint32_t)p[i + 1] << 8;
		if (rest > 2)
			bits |= p[i + 2];
		for (size_t k = 0; k <= rest; k++)
			digits[k] = base64_digits[bits >> (18 - 6 * k) & 63];
		acta_buf_append(out, digits, sizeof(digits));
	}
	put_char(out, '"');
}

/* The shortest of 15 to 17 digits that reads back as the same number, and
 * always recognizable as a NUM. */
static void
put_num(struct acta_buf *out, double d)
{
	char text[40];

	if (isnan(d) || isinf(d)) {
		put(out,
		    isnan(d)    ? "{\"$num\":\"nan\"}"
			: d > 0 ? "{\"$num\":\"inf\"}"
				: "{\"$num\":\"-inf\"}");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	/* A service may have set a locale with another decimal point. */
	for (char *c = text; *c; c++)
		if (*c == ',')
			*c = '.';
	put(out, text);
	if (!strpbrk(text, ".e"))
		put(out, ".0");
}

static void
put_ext(struct acta_buf *out, int type, const uint8_t *data, size_t size)
{
	char text[24];

	snprintf(text, sizeof(text), "{\"$ext\":[%d,", type);
	put(out, text);
	put_base64(out, data, size);
	put(out, "]}");
}

static int
compare_keys(const void *a, const void *b)
{
	const acta_value *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return x->size ? memcmp(x->as.data, y->as.data, x->size) : 0;
}

static bool
doubled_keys(acta_value *keys, uint32_t count)
{
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (uint32_t i = 1; i < count; i++)
		if (compare_keys(&keys[i - 1], &keys[i]) == 0)
			return true;
	return false;
}

/* Whether the map can be a JSON object and come back the same. */
static bool
is_object(acta_value map)
{
	struct acta_reader r = acta_reader_into(map);
	acta_value some[16], *keys = some;
	struct acta_buf more;
	uint32_t i;
	bool ok;

	acta_buf_init(&more);
	if (map.size > sizeof(some) / sizeof(*some)) {
		acta_buf_reserve(&more, map.size * sizeof(*keys));
		keys = (acta_value *)(void *)more.data;
	}
	for (i = 0; i < map.size; i++) {
		keys[i] = acta_read(&r);
		(void)acta_read(&r); /* its value */
		/* jansson reads no NUL in keys */
		if (keys[i].type != ACTA_STR ||
		    (keys[i].size &&
			memchr(keys[i].as.data, '\0', keys[i].size)))
			break;
	}
	ok = i == map.size &&
	    !(map.size == 1 && keys[0].size &&
		*(const char *)keys[0].as.data == '$') &&
	    !doubled_keys(keys, map.size);
	acta_buf_fini(&more);
	return ok;
}

static void put_value(
    struct acta_buf *out, struct acta_reader *reader, uint32_t depth);

static void
put_map(struct acta_buf *out, struct acta_reader *reader, acta_value map,
    uint32_t depth)
{
	bool object = is_object(map);

	put(out, object ? "{" : "{\"$map\":[");
	for (uint32_t i = 0; i < map.size; i++) {
		put(out, i ? "," : "");
		put(out, object ? "" : "[");
		put_value(out, reader, depth);
		put(out, object ? ":" : ",");
		put_value(out, reader, depth);
		put(out, object ? "" : "]");
	}
	put(out, object ? "}" : "]}");
}

static void
put_list(struct acta_buf *out, struct acta_reader *reader, uint32_t count,
    uint32_t depth)
{
	put_char(out, '[');
	for (uint32_t i = 0; i < count; i++) {
		put(out, i ? "," : "");
		put_value(out, reader, depth);
	}
	put_char(out, ']');
}

/* One value; the recursion is as deep as the value, which was checked. */
static void
put_value(struct acta_buf *out, struct acta_reader *reader, uint32_t depth)
{
	acta_value value = acta_read_head(reader);
	char text[32];

	assert(depth <= WRITE_DEPTH_MAX);
	switch ((acta_type)value.type) {
	case ACTA_ABSENT:
	case ACTA_NIL: put(out, "null"); break;
	case ACTA_BOOL: put(out, value.as.b ? "true" : "false"); break;
	case ACTA_INT:
		snprintf(text, sizeof(text), "%lld", (long long)value.as.i);
		put(out, text);
		break;
	case ACTA_UINT:
		snprintf(text, sizeof(text), "\"%llu\"",
		    (unsigned long long)value.as.u);
		put(out, text);
		break;
	case ACTA_NUM: put_num(out, value.as.d); break;
	case ACTA_STR: put_string(out, value.as.data, value.size); break;
	case ACTA_BIN:
		put(out, "{\"$bin\":");
		put_base64(out, value.as.data, value.size);
		put_char(out, '}');
		break;
	case ACTA_EXT:
		put_ext(out, ((const int8_t *)value.as.data)[-1], value.as.data,
		    value.size);
		break;
	case ACTA_TIME: /* as its bytes: it may be finer than ms */
		put_ext(out, -1, reader->at - value.size, value.size);
		break;
	case ACTA_LIST: put_list(out, reader, value.size, depth + 1); break;
	case ACTA_MAP: put_map(out, reader, value, depth + 1); break;
	}
}

void
acta_json_encode(const void *msgpack, size_t size, struct acta_buf *out)
{
	struct acta_reader reader = acta_reader(msgpack, size);

	put_value(out, &reader, 0);
}
