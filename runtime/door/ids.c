/* ids.c - what a client's id means: its text, its scope, the time in it. */
#include "runtime/door/door.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/hash.h"

#define ULID_SIZE 26u
#define ULID_TIME 10u /* letters */
#define UUID_SIZE 36u

struct acta_bytes
door_id_text(acta_value id, char room[24])
{
	struct acta_bytes text = { NULL, 0 };

	switch (id.type) {
	case ACTA_STR:
		text.data = id.as.data;
		text.size = id.size;
		break;
	case ACTA_INT:
		text.data = room;
		text.size = (uint32_t)snprintf(room, 24, "%" PRId64, id.as.i);
		break;
	case ACTA_UINT:
		text.data = room;
		text.size = (uint32_t)snprintf(room, 24, "%" PRIu64, id.as.u);
		break;
	default: break;
	}
	return text;
}

/*
 * scope 0x00 type id. The type byte keeps 1 and "1" apart. A session's is its
 * own name and the client's: its seq goes beside it.
 */
void
door_id_hash(
    const struct acta_request *request, struct acta_bytes id, uint8_t out[16])
{
	struct acta_hash128 hash;
	struct acta_bytes scope = request->client;
	uint8_t separator[2] = { 0, 'i' };

	if (request->session.data) {
		id = request->client;
		scope = request->session;
		separator[1] = 'q';
	} else if (request->id.type == ACTA_STR) {
		separator[1] = 's';
	}
	/* The length of an id and of a scope are bounded by the request. */
	uint8_t room[2048];
	size_t size = scope.data ? scope.size : 0;
	if (size > sizeof room - sizeof separator - ACTA_ID_MAX) {
		hash = acta_hash128(scope.data, size);
		memcpy(room, hash.bytes, 16);
		size = 16;
	} else if (size > 0) {
		memcpy(room, scope.data, size);
	}
	memcpy(room + size, separator, sizeof separator);
	size += sizeof separator;
	assert(id.size <= sizeof room - size);
	if (id.size > 0)
		memcpy(room + size, id.data, id.size);
	hash = acta_hash128(room, size + id.size);
	memcpy(out, hash.bytes, 16);
}

/* Crockford's base 32; -1 is not a letter of it. */
static int
base32(char c)
{
	static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	const char *at;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	at = c ? strchr(letters, c) : NULL;
	return at ? (int)(at - letters) : -1;
}

static int64_t
ulid_ms(const char *text)
{
	int64_t ms = 0;

	if (text[0] > '7')
		return 0;
	for (uint32_t i = 0; i < ULID_SIZE; i++) {
		int digit = base32(text[i]);

		if (digit < 0)
			return 0;
		if (i < ULID_TIME)
			ms = ms * 32 + digit;
	}
	return ms;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int64_t
uuid7_ms(const char *text)
{
	int64_t ms = 0;
	uint32_t digits = 0;

	for (uint32_t i = 0; i < UUID_SIZE; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		int digit = hex(text[i]);

		if (dash ? text[i] != '-' : digit < 0)
			return 0;
		if (!dash && digits++ < 12)
			ms = ms * 16 + digit;
	}
	/* The version, and the variant of RFC 9562. */
	return text[14] == '7' && (hex(text[19]) & 12) == 8 ? ms : 0;
}

int64_t
door_id_ms(struct acta_bytes id)
{
	if (id.size == ULID_SIZE)
		return ulid_ms(id.data);
	if (id.size == UUID_SIZE)
		return uuid7_ms(id.data);
	return 0;
}
