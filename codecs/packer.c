/* codecs/packer.c - see packer.h. msgpack-c chooses the forms, we the place. */
#include "codecs/packer.h"

#include <assert.h>
#include <msgpack.h>
#include <string.h>

#include "codecs/reader.h"

/* Called by msgpack-c for each header and each payload: most are of a few bytes
 * and there is room. */
static inline int
write_into(void *to, const char *data, size_t size)
{
	struct acta_buf *buf = to;

	if (size > buf->room - buf->size || size == 0) {
		acta_buf_append(buf, data, size);
		return 0;
	}
	memcpy(buf->data + buf->size, data, size);
	buf->size += size;
	return 0;
}

static inline msgpack_packer
packer(struct acta_buf *buf)
{
	msgpack_packer pk;

	msgpack_packer_init(&pk, buf, write_into);
	return pk;
}

void
acta_pack_nil(struct acta_buf *buf)
{
	msgpack_packer pk = packer(buf);

	msgpack_pack_nil(&pk);
}

void
acta_pack_bool(struct acta_buf *buf, bool value)
{
	msgpack_packer pk = packer(buf);

	if (value)
		msgpack_pack_true(&pk);
	else
		msgpack_pack_false(&pk);
}

void
acta_pack_int(struct acta_buf *buf, int64_t value)
{
	msgpack_packer pk = packer(buf);

	msgpack_pack_int64(&pk, value);
}

void
acta_pack_uint(struct acta_buf *buf, uint64_t value)
{
	msgpack_packer pk = packer(buf);

	msgpack_pack_uint64(&pk, value);
}

void
acta_pack_num(struct acta_buf *buf, double value)
{
	msgpack_packer pk = packer(buf);

	msgpack_pack_double(&pk, value);
}

void
acta_pack_str(struct acta_buf *buf, const char *data, size_t size)
{
	msgpack_packer pk = packer(buf);

	assert(size <= UINT32_MAX);
	msgpack_pack_str(&pk, size);
	msgpack_pack_str_body(&pk, data, size);
}

void
acta_pack_text(struct acta_buf *buf, const char *text)
{
	acta_pack_str(buf, text, __builtin_strlen(text));
}

void
acta_pack_bin(struct acta_buf *buf, const void *data, size_t size)
{
	msgpack_packer pk = packer(buf);

	assert(size <= UINT32_MAX);
	msgpack_pack_bin(&pk, size);
	msgpack_pack_bin_body(&pk, data, size);
}

void
acta_pack_ext(struct acta_buf *buf, int8_t type, const void *data, size_t size)
{
	msgpack_packer pk = packer(buf);

	assert(size <= UINT32_MAX);
	msgpack_pack_ext(&pk, size, type);
	msgpack_pack_ext_body(&pk, data, size);
}

void
acta_pack_time(struct acta_buf *buf, int64_t ms_since_1970)
{
	msgpack_packer pk = packer(buf);
	int64_t seconds = ms_since_1970 / 1000, rest = ms_since_1970 % 1000;

	if (rest < 0) { /* nanoseconds count forward, before 1970 too */
		rest += 1000;
		seconds--;
	}
	msgpack_timestamp time = { .tv_sec = seconds,
		.tv_nsec = (uint32_t)rest * 1000000u };
	msgpack_pack_timestamp(&pk, &time);
}

void
acta_pack_list(struct acta_buf *buf, uint32_t count)
{
	msgpack_packer pk = packer(buf);

	msgpack_pack_array(&pk, count);
}

void
acta_pack_map(struct acta_buf *buf, uint32_t count)
{
	msgpack_packer pk = packer(buf);

	msgpack_pack_map(&pk, count);
}

void
acta_pack_raw(struct acta_buf *buf, const void *data, size_t size)
{
	acta_buf_append(buf, data, size);
}

/* The elements of a LIST or MAP have no end of their own: walk to it. */
static void
pack_elements(struct acta_buf *buf, acta_value value)
{
	struct acta_reader r = acta_reader_into(value);
	const uint8_t *first = r.at;
	uint64_t left = value.size;

	if (value.type == ACTA_MAP)
		left *= 2;
	if (left == 0)
		return;
	for (; left; left--) {
		acta_value element = acta_read(&r);

		assert(element.type != ACTA_ABSENT); /* it was checked */
	}
	acta_buf_append(buf, first, (size_t)(r.at - first));
}

void
acta_pack_value(struct acta_buf *buf, acta_value value)
{
	switch ((acta_type)value.type) {
	case ACTA_ABSENT:
	case ACTA_NIL: acta_pack_nil(buf); return;
	case ACTA_BOOL: acta_pack_bool(buf, value.as.b); return;
	case ACTA_INT: acta_pack_int(buf, value.as.i); return;
	case ACTA_UINT: acta_pack_uint(buf, value.as.u); return;
	case ACTA_NUM: acta_pack_num(buf, value.as.d); return;
	case ACTA_TIME: acta_pack_time(buf, value.as.i); return;
	case ACTA_STR: acta_pack_str(buf, value.as.data, value.size); return;
	case ACTA_BIN: acta_pack_bin(buf, value.as.data, value.size); return;
	case ACTA_EXT:
		acta_pack_ext(buf, ((const int8_t *)value.as.data)[-1],
		    value.as.data, value.size);
		return;
	case ACTA_LIST:
		acta_pack_list(buf, value.size);
		pack_elements(buf, value);
		return;
	case ACTA_MAP:
		acta_pack_map(buf, value.size);
		pack_elements(buf, value);
		return;
	}
	assert(!"a value of no type");
}
