/*
 * codecs/reader.c - see reader.h. One function, head(), knows the format;
 * all else is built of it.
 */
#include "codecs/reader.h"

#include <assert.h>
#include <string.h>

/* ------------------------------------------------------------- numbers -- */

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the byte swaps here are for little-endian machines"
#endif

static inline uint16_t
be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline uint64_t
be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

static inline double
num32(const uint8_t *p)
{
	uint32_t bits = be32(p);
	float f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

static inline double
num64(const uint8_t *p)
{
	uint64_t bits = be64(p);
	double d;

	memcpy(&d, &bits, sizeof(d));
	return d;
}

/* ---------------------------------------------------------------- head -- */

/*
 * The functions of this part read the value whose tag is p[0] out of `room`
 * bytes, the tag among them, and return how many they took: the header, and of
 * str, bin and ext the payload too. 0: truncated or malformed.
 */

static inline size_t
put_int(acta_value *out, int64_t i, size_t taken)
{
	*out = (acta_value){ .type = ACTA_INT, .as.i = i };
	return taken;
}

static inline size_t
put_uint(acta_value *out, uint64_t u, size_t taken)
{
	if (u <= INT64_MAX)
		return put_int(out, (int64_t)u, taken);
	*out = (acta_value){ .type = ACTA_UINT, .as.u = u };
	return taken;
}

static inline size_t
put_num(acta_value *out, double d, size_t taken)
{
	*out = (acta_value){ .type = ACTA_NUM, .as.d = d };
	return taken;
}

static inline size_t
put_bool(acta_value *out, bool b)
{
	*out = (acta_value){ .type = ACTA_BOOL, .as.b = b };
	return 1;
}

/* Of a list or map the header alone; data is where the first element is. */
static inline size_t
put_data(acta_value *out, uint32_t type, uint32_t size, const uint8_t *data,
    size_t taken)
{
	*out = (acta_value){ .type = type, .size = size, .as.data = data };
	return taken;
}

static inline size_t
head_data(const uint8_t *p, size_t room, uint32_t type, size_t header,
    uint32_t size, acta_value *out)
{
	if (room - header < size)
		return 0;
	return put_data(out, type, size, p + header, header + size);
}

/* What int64 cannot hold in ms stays at its edge. */
static int64_t
time_ms(int64_t seconds, uint32_t ns)
{
	int64_t ms;

	if (__builtin_mul_overflow(seconds, 1000, &ms) ||
	    __builtin_add_overflow(ms, (int64_t)(ns / 1000000u), &ms))
		return seconds < 0 ? INT64_MIN : INT64_MAX;
	return ms;
}

/* Ext -1 is the specification's timestamp, of three sizes. */
static size_t
head_ext(const uint8_t *p, size_t room, size_t header, uint32_t size,
    acta_value *out)
{
	const uint8_t *data = p + header;
	int64_t seconds;
	uint32_t ns = 0;

	if (room - header < size)
		return 0;
	if ((int8_t)data[-1] != -1)
		return put_data(out, ACTA_EXT, size, data, header + size);
	if (size == 4) {
		seconds = be32(data);
	} else if (size == 8) {
		seconds = (int64_t)(be64(data) & 0x3ffffffffull);
		ns = (uint32_t)(be64(data) >> 34);
	} else if (size == 12) {
		seconds = (int64_t)be64(data + 4);
		ns = be32(data);
	} else {
		return 0;
	}
	if (ns > 999999999u)
		return 0;
	*out = (acta_value){
		.type = ACTA_TIME, .size = size, .as.i = time_ms(seconds, ns)
	};
	return header + size;
}

/* Tags 0xc0 to 0xdf. */
static size_t
head_long(const uint8_t *p, size_t room, acta_value *out)
{
	/* Bytes of the header, the tag and an ext's type among them. */
	static const uint8_t sizes[32] = { 1, 1, 1, 1, 2, 3, 5, 3, 4, 6, 5, 9,
		2, 3, 5, 9, 2, 3, 5, 9, 2, 2, 2, 2, 2, 2, 3, 5, 3, 5, 3, 5 };

	if (room < sizes[*p - 0xc0])
		return 0;
	switch (*p) {
	case 0xc0: *out = (acta_value){ .type = ACTA_NIL }; return 1;
	case 0xc2: return put_bool(out, false);
	case 0xc3: return put_bool(out, true);
	case 0xc4: return head_data(p, room, ACTA_BIN, 2, p[1], out);
	case 0xc5: return head_data(p, room, ACTA_BIN, 3, be16(p + 1), out);
	case 0xc6: return head_data(p, room, ACTA_BIN, 5, be32(p + 1), out);
	case 0xc7: return head_ext(p, room, 3, p[1], out);
	case 0xc8: return head_ext(p, room, 4, be16(p + 1), out);
	case 0xc9: return head_ext(p, room, 6, be32(p + 1), out);
	case 0xca: return put_num(out, num32(p + 1), 5);
	case 0xcb: return put_num(out, num64(p + 1), 9);
	case 0xcc: return put_int(out, p[1], 2);
	case 0xcd: return put_int(out, be16(p + 1), 3);
	case 0xce: return put_int(out, be32(p + 1), 5);
	case 0xcf: return put_uint(out, be64(p + 1), 9);
	case 0xd0: return put_int(out, (int8_t)p[1], 2);
	case 0xd1: return put_int(out, (int16_t)be16(p + 1), 3);
	case 0xd2: return put_int(out, (int32_t)be32(p + 1), 5);
	case 0xd3: return put_int(out, (int64_t)be64(p + 1), 9);
	case 0xd4: return head_ext(p, room, 2, 1, out);
	case 0xd5: return head_ext(p, room, 2, 2, out);
	case 0xd6: return head_ext(p, room, 2, 4, out);
	case 0xd7: return head_ext(p, room, 2, 8, out);
	case 0xd8: return head_ext(p, room, 2, 16, out);
	case 0xd9: return head_data(p, room, ACTA_STR, 2, p[1], out);
	case 0xda: return head_data(p, room, ACTA_STR, 3, be16(p + 1), out);
	case 0xdb: return head_data(p, room, ACTA_STR, 5, be32(p + 1), out);
	case 0xdc: return put_data(out, ACTA_LIST, be16(p + 1), p + 3, 3);
	case 0xdd: return put_data(out, ACTA_LIST, be32(p + 1), p + 5, 5);
	case 0xde: return put_data(out, ACTA_MAP, be16(p + 1), p + 3, 3);
	case 0xdf: return put_data(out, ACTA_MAP, be32(p + 1), p + 5, 5);
	default: return 0; /* 0xc1 was never given a meaning */
	}
}

static inline size_t
head(const uint8_t *p, size_t room, acta_value *out)
{
	if (room == 0)
		return 0;
	if (*p < 0x80)
		return put_int(out, *p, 1);
	if (*p >= 0xe0)
		return put_int(out, (int8_t)*p, 1);
	if (*p >= 0xc0) {
		acta_value value; /* so that *out can stay in registers */
		size_t taken = head_long(p, room, &value);

		if (taken)
			*out = value;
		return taken;
	}
	if (*p >= 0xa0)
		return head_data(p, room, ACTA_STR, 1, *p & 0x1f, out);
	if (*p >= 0x90)
		return put_data(out, ACTA_LIST, *p & 0x0f, p + 1, 1);
	return put_data(out, ACTA_MAP, *p & 0x0f, p + 1, 1);
}

static inline uint64_t
children(acta_value value)
{
	if (value.type == ACTA_LIST)
		return value.size;
	if (value.type == ACTA_MAP)
		return 2 * (uint64_t)value.size;
	return 0;
}

/* --------------------------------------------------------------- check -- */

bool
acta_utf8_valid(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t eight;

	while (size) {
		if (size >= sizeof(eight)) { /* most text is ASCII */
			memcpy(&eight, p, sizeof(eight));
			if (!(eight & 0x8080808080808080ull)) {
				p += sizeof(eight);
				size -= sizeof(eight);
				continue;
			}
		}
		if (*p < 0x80) {
			p++;
			size--;
			continue;
		}
		size_t taken = acta_utf8_sequence(p, size);

		if (taken == 0)
			return false;
		p += taken;
		size -= taken;
	}
	return true;
}

enum acta_err
acta_msgpack_check_first(const void *data, size_t size, uint32_t depth_max,
    uint32_t nodes_max, size_t *out_size)
{
	const uint8_t *at = data, *end = at + size;
	uint64_t due[ACTA_MSGPACK_DEPTH_MAX + ACTA_MSGPACK_WRAP_DEPTH + 1];
	uint32_t depth = 0, nodes = 0;
	acta_value value;

	assert(depth_max < sizeof(due) / sizeof(*due));
	due[0] = 1;
	for (;;) {
		size_t taken = head(at, (size_t)(end - at), &value);

		if (taken == 0)
			return ACTA_EPROTO;
		if (++nodes > nodes_max)
			return ACTA_ELIMIT;
		at += taken;
		due[depth]--;
		if (value.type == ACTA_STR &&
		    !acta_utf8_valid(value.as.data, value.size))
			return ACTA_EPROTO;
		if (value.type == ACTA_LIST || value.type == ACTA_MAP) {
			/* Each element takes a byte: a larger count lies. */
			if (children(value) > (size_t)(end - at))
				return ACTA_EPROTO;
			if (++depth > depth_max)
				return ACTA_ELIMIT;
			due[depth] = children(value);
		}
		while (due[depth] == 0) {
			if (depth == 0) {
				*out_size =
				    (size_t)(at - (const uint8_t *)data);
				return ACTA_OK;
			}
			depth--;
		}
	}
}

static enum acta_err
check_whole(
    const void *data, size_t size, uint32_t depth_max, uint32_t nodes_max)
{
	size_t taken;
	enum acta_err err =
	    acta_msgpack_check_first(data, size, depth_max, nodes_max, &taken);

	if (err == ACTA_OK && taken != size)
		return ACTA_EPROTO;
	return err;
}

enum acta_err
acta_msgpack_check(const void *data, size_t size)
{
	return check_whole(
	    data, size, ACTA_MSGPACK_DEPTH_MAX, ACTA_MSGPACK_NODES_MAX);
}

enum acta_err
acta_msgpack_check_wrapped(const void *data, size_t size)
{
	return check_whole(data, size,
	    ACTA_MSGPACK_DEPTH_MAX + ACTA_MSGPACK_WRAP_DEPTH,
	    ACTA_MSGPACK_NODES_MAX + ACTA_MSGPACK_WRAP_NODES);
}

/* -------------------------------------------------------------- reader -- */

/* A reader from acta_reader_into() ends where the addresses do, so distances
 * are taken as integers. */
static inline size_t
room_of(const struct acta_reader *reader)
{
	return (size_t)((uintptr_t)reader->end - (uintptr_t)reader->at);
}

static inline void
stop(struct acta_reader *reader)
{
	reader->at = reader->end;
}

struct acta_reader
acta_reader_into(acta_value value)
{
	if (children(value) == 0)
		return (struct acta_reader){ NULL, NULL };
	return (
	    struct acta_reader){ value.as.data, (const uint8_t *)UINTPTR_MAX };
}

acta_value
acta_read_head(struct acta_reader *reader)
{
	acta_value value;
	size_t taken = head(reader->at, room_of(reader), &value);

	if (taken == 0) {
		stop(reader);
		return (acta_value){ .type = ACTA_ABSENT };
	}
	reader->at += taken;
	return value;
}

/* Move behind `due` values. Each takes a byte at least, so that even of bytes
 * that nobody checked it ends. */
static bool
skip(struct acta_reader *reader, uint64_t due)
{
	const uint8_t *at = reader->at, *end = reader->end;
	acta_value value;

	for (; due; due--) {
		size_t taken =
		    head(at, (size_t)((uintptr_t)end - (uintptr_t)at), &value);

		if (taken == 0) {
			stop(reader);
			return false;
		}
		at += taken;
		due += children(value);
	}
	reader->at = at;
	return true;
}

acta_value
acta_read(struct acta_reader *reader)
{
	acta_value value = acta_read_head(reader);

	if (children(value) && !skip(reader, children(value)))
		return (acta_value){ .type = ACTA_ABSENT };
	return value;
}

const void *
acta_read_raw(struct acta_reader *reader, size_t *out_size)
{
	const uint8_t *first = reader->at;

	*out_size = 0;
	if (room_of(reader) == 0 || !skip(reader, 1))
		return NULL;
	*out_size = (size_t)(reader->at - first);
	return first;
}

/* The next value if it is of this type; else nothing more will come. */
static inline acta_value
read_typed(struct acta_reader *reader, uint32_t type, bool *ok)
{
	acta_value value = acta_read_head(reader);

	if (value.type != type) {
		stop(reader);
		*ok = false;
		return (acta_value){ .type = ACTA_ABSENT };
	}
	return value;
}

int64_t
acta_read_int(struct acta_reader *reader, bool *ok)
{
	return read_typed(reader, ACTA_INT, ok).as.i;
}

uint64_t
acta_read_uint(struct acta_reader *reader, bool *ok)
{
	acta_value value = acta_read_head(reader);

	if (value.type == ACTA_UINT)
		return value.as.u;
	if (value.type == ACTA_INT && value.as.i >= 0)
		return (uint64_t)value.as.i;
	stop(reader);
	*ok = false;
	return 0;
}

bool
acta_read_bool(struct acta_reader *reader, bool *ok)
{
	return read_typed(reader, ACTA_BOOL, ok).as.b;
}

const char *
acta_read_str(struct acta_reader *reader, uint32_t *out_size, bool *ok)
{
	acta_value value = read_typed(reader, ACTA_STR, ok);

	*out_size = value.size;
	return value.as.data;
}

const void *
acta_read_bin(struct acta_reader *reader, uint32_t *out_size, bool *ok)
{
	acta_value value = read_typed(reader, ACTA_BIN, ok);

	*out_size = value.size;
	return value.as.data;
}

uint32_t
acta_read_list(struct acta_reader *reader, bool *ok)
{
	return read_typed(reader, ACTA_LIST, ok).size;
}

uint32_t
acta_read_map(struct acta_reader *reader, bool *ok)
{
	return read_typed(reader, ACTA_MAP, ok).size;
}

/* ---------------------------------------------------------------- maps -- */

acta_value
acta_map_get(acta_value map, const char *name, size_t name_size)
{
	struct acta_reader r = acta_reader_into(map);

	if (map.type != ACTA_MAP)
		return (acta_value){ .type = ACTA_ABSENT };
	for (uint32_t i = 0; i < map.size; i++) {
		acta_value key = acta_read(&r);

		if (key.type == ACTA_STR && key.size == name_size &&
		    memcmp(key.as.data, name, name_size) == 0)
			return acta_read(&r);
		if (key.type == ACTA_ABSENT || !skip(&r, 1))
			break;
	}
	return (acta_value){ .type = ACTA_ABSENT };
}

static bool
same_bytes(acta_value a, acta_value b)
{
	return a.size == b.size &&
	    (a.size == 0 || memcmp(a.as.data, b.as.data, a.size) == 0);
}

/* Whether two that are neither LIST nor MAP are equal. */
static bool
scalar_equal(acta_value a, acta_value b)
{
	if (a.type != b.type)
		return false;
	switch ((acta_type)a.type) {
	case ACTA_ABSENT:
	case ACTA_NIL: return true;
	case ACTA_BOOL: return a.as.b == b.as.b;
	case ACTA_INT:
	case ACTA_TIME: return a.as.i == b.as.i;
	case ACTA_UINT: return a.as.u == b.as.u;
	case ACTA_NUM:
		return a.as.d == b.as.d ||
		    (a.as.d != a.as.d && b.as.d != b.as.d);
	case ACTA_STR:
	case ACTA_BIN: return same_bytes(a, b);
	case ACTA_EXT:
		return same_bytes(a, b) &&
		    ((const int8_t *)a.as.data)[-1] ==
		    ((const int8_t *)b.as.data)[-1];
	case ACTA_LIST:
	case ACTA_MAP: break;
	}
	return false;
}

/* Keys that are lists or maps themselves are compared by their bytes: nested
 * searches in them would take time without bound. */
static bool
key_equal(struct acta_reader *a, struct acta_reader *b)
{
	const uint8_t *a_first = a->at, *b_first = b->at;
	acta_value x = acta_read(a), y = acta_read(b);

	if (children(x) && children(y))
		return a->at - a_first == b->at - b_first &&
		    memcmp(a_first, b_first, (size_t)(a->at - a_first)) == 0;
	if (x.type == ACTA_LIST || x.type == ACTA_MAP)
		return x.type == y.type && x.size == y.size;
	return scalar_equal(x, y);
}

/* Where the value of the first key equal to the one at `key` stands. */
static bool
find_key(acta_value map, const uint8_t *key, struct acta_reader *out_value)
{
	struct acta_reader r = acta_reader_into(map);

	for (uint32_t i = 0; i < map.size; i++) {
		struct acta_reader k = { key, (const uint8_t *)UINTPTR_MAX };

		if (key_equal(&k, &r)) {
			*out_value = r;
			return true;
		}
		skip(&r, 1);
	}
	return false;
}

static bool
list_equal(acta_value a, acta_value b)
{
	struct acta_reader x = acta_reader_into(a), y = acta_reader_into(b);

	for (uint32_t i = 0; i < a.size; i++)
		if (!acta_value_equal(acta_read(&x), acta_read(&y)))
			return false;
	return true;
}

/* Whether all keys of `b` are keys of `a`. */
static bool
keys_within(acta_value b, acta_value a)
{
	struct acta_reader r = acta_reader_into(b), unused;

	for (uint32_t i = 0; i < b.size; i++) {
		if (!find_key(a, r.at, &unused))
			return false;
		skip(&r, 2);
	}
	return true;
}

static bool
map_equal(acta_value a, acta_value b)
{
	struct acta_reader x = acta_reader_into(a), y = acta_reader_into(b), v;
	bool in_order = true;

	for (uint32_t i = 0; i < a.size; i++) {
		const uint8_t *key = x.at;

		if (in_order && !key_equal(&x, &y)) {
			in_order = false;
			x.at = key;
		}
		if (in_order) {
			v = y;
			skip(&y, 1);
		} else {
			skip(&x, 1);
			if (!find_key(b, key, &v))
				return false;
		}
		if (!acta_value_equal(acta_read(&x), acta_read(&v)))
			return false;
	}
	return in_order || keys_within(b, a);
}

bool
acta_value_equal(acta_value a, acta_value b)
{
	if (a.type == ACTA_LIST && b.type == ACTA_LIST)
		return a.size == b.size && list_equal(a, b);
	if (a.type == ACTA_MAP && b.type == ACTA_MAP)
		return a.size == b.size && map_equal(a, b);
	return scalar_equal(a, b);
}
