/*
 * codecs/envelope.c - see envelope.h. Encoders take what this program made;
 * decoders trust no byte, whoever sent it.
 */
#include "codecs/envelope.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codecs/packer.h"

/*
 * How deep it is and of how many values: a message is a list around its args. In
 * those of the runtime's own stands the result of a handler, and beside it, in
 * an answer that waits, what was kept for it; a map holds both.
 */
#define ARGS_NODES_MAX (ACTA_MSGPACK_NODES_MAX + 1) /* and the map itself */
#define MESSAGE_DEPTH_MAX (ACTA_MSGPACK_DEPTH_MAX + 1)
#define MESSAGE_NODES_MAX (ARGS_NODES_MAX + 64)
#define OWN_DEPTH_MAX (MESSAGE_DEPTH_MAX + 1)
#define OWN_NODES_MAX (2 * ARGS_NODES_MAX + 64)
#define ITEM_DEPTH_MAX (ACTA_MSGPACK_DEPTH_MAX + ACTA_MSGPACK_WRAP_DEPTH)
#define ITEM_NODES_MAX (ACTA_MSGPACK_NODES_MAX + ACTA_MSGPACK_WRAP_NODES)
/* Names in items: of services and doors. */
#define NAME_SIZE_MAX 64u
#define HASH_SIZE 16u
#define HOME_KEY_SIZE 20u
_Static_assert(
    OWN_DEPTH_MAX + 1 <= ITEM_DEPTH_MAX && OWN_NODES_MAX <= ITEM_NODES_MAX,
    "an item carries any message");

/* ----------------------------------------------------------- addresses -- */

static bool
name_valid(const char *data, size_t size, size_t size_max)
{
	if (size == 0 || size > size_max || data[0] < 'a' || data[0] > 'z')
		return false;
	for (size_t i = 1; i < size; i++)
		if (!((data[i] >= 'a' && data[i] <= 'z') ||
			(data[i] >= '0' && data[i] <= '9') || data[i] == '-'))
			return false;
	return true;
}

bool
acta_type_valid(const char *data, size_t size)
{
	return name_valid(data, size, ACTA_TYPE_MAX);
}

bool
acta_service_valid(const char *data, size_t size)
{
	return name_valid(data, size, ACTA_SERVICE_MAX);
}

enum acta_err
acta_address_split(const char *data, size_t size, struct acta_bytes *service,
    struct acta_bytes *key)
{
	const char *slash = size ? memchr(data, '/', size) : NULL;
	size_t name = slash ? (size_t)(slash - data) : size;
	size_t at = size && data[0] == '@';
	const char *rest = slash ? slash + 1 : data + size;
	size_t rest_size = slash ? size - name - 1 : 0;

	if (name > ACTA_SERVICE_MAX ||
	    !acta_service_valid(data + at, name - at))
		return ACTA_EINVAL;
	if (rest_size > ACTA_KEY_MAX ||
	    (rest_size && memchr(rest, '\0', rest_size)) ||
	    !acta_utf8_valid(rest, rest_size))
		return ACTA_EINVAL;
	*service = (struct acta_bytes){ data, (uint32_t)name };
	*key = (struct acta_bytes){ rest, (uint32_t)rest_size };
	return ACTA_OK;
}

/* ------------------------------------------------------------- request -- */

enum {
	KEY_TO,
	KEY_DO,
	KEY_ARGS,
	KEY_ID,
	KEY_OP,
	KEY_TIMEOUT,
	KEY_KEEP,
	KEY_CLIENT,
	KEY_SESSION,
	KEY_SEQ,
	KEY_TRACEPARENT,
	KEY_COUNT
};

static const char *const request_keys[KEY_COUNT] = { "to", "do", "args", "id",
	"op", "timeout", "keep", "client", "session", "seq", "traceparent" };

/* The known keys of a request, as they were found. */
struct found {
	acta_value values[KEY_COUNT];
	struct acta_bytes args_raw;
	bool doubled[KEY_COUNT];
	bool must_understand; /* a key that begins with '!' */
	acta_value bang;
};

static struct acta_bytes
bytes_of(acta_value value)
{
	return (struct acta_bytes){ value.as.data, value.size };
}

static bool
text_is(acta_value value, const char *text)
{
	return value.type == ACTA_STR && value.size == strlen(text) &&
	    memcmp(value.as.data, text, value.size) == 0;
}

static int
request_key(acta_value key)
{
	for (int i = 0; i < KEY_COUNT; i++)
		if (text_is(key, request_keys[i]))
			return i;
	return -1;
}

static void
find_keys(acta_value map, struct found *found)
{
	struct acta_reader r = acta_reader_into(map);

	for (uint32_t i = 0; i < map.size; i++) {
		acta_value key = acta_read(&r);
		const uint8_t *first = r.at;
		acta_value value = acta_read(&r);
		int at = request_key(key);

		if (key.type == ACTA_STR && key.size &&
		    *(const char *)key.as.data == '!') {
			found->must_understand = true;
			found->bang = key;
		}
		if (at < 0)
			continue;
		if (found->values[at].type != ACTA_ABSENT)
			found->doubled[at] = true;
		else
			found->values[at] = value;
		if (at == KEY_ARGS && value.type == ACTA_MAP)
			found->args_raw =
			    (struct acta_bytes){ (const char *)first,
				    (uint32_t)(r.at - first) };
	}
}

static bool
id_valid(acta_value id)
{
	return id.type == ACTA_INT || id.type == ACTA_UINT ||
	    (id.type == ACTA_STR && id.size >= 1 && id.size <= ACTA_ID_MAX);
}

/* A str of 1 to 64 bytes, or nothing. */
static enum acta_err
take_scope(acta_value value, const char *name, struct acta_bytes *out,
    struct acta_why *why)
{
	if (value.type == ACTA_ABSENT)
		return ACTA_OK;
	if (value.type != ACTA_STR || value.size == 0 ||
	    value.size > ACTA_ID_MAX) {
		acta_why_text(why, "\"%s\" is not a string of 1 to %u bytes",
		    name, ACTA_ID_MAX);
		return ACTA_EINVAL;
	}
	*out = bytes_of(value);
	return ACTA_OK;
}

static enum acta_err
take_to(acta_value to, struct acta_request *out, struct acta_why *why)
{
	if (to.type == ACTA_ABSENT) {
		acta_why_text(why, "\"to\" is missing");
		acta_why_hint(why,
		    "it is the actor's address, for example "
		    "\"stock/17\"");
		return ACTA_EINVAL;
	}
	if (to.type != ACTA_STR ||
	    acta_address_split(to.as.data, to.size, &out->service, &out->key) !=
		ACTA_OK) {
		acta_why_text(why, "\"to\" is not an address");
		acta_why_hint(why,
		    "an address is service or service/key: the "
		    "service of a-z, 0-9 and - (at most %u), the key at most "
		    "%u bytes",
		    ACTA_SERVICE_MAX, ACTA_KEY_MAX);
		return ACTA_EINVAL;
	}
	out->to = bytes_of(to);
	return ACTA_OK;
}

static enum acta_err
take_do(acta_value type, struct acta_request *out, struct acta_why *why)
{
	if (type.type != ACTA_STR ||
	    !acta_type_valid(type.as.data, type.size)) {
		acta_why_text(why,
		    type.type == ACTA_ABSENT ? "\"do\" is missing"
					     : "\"do\" is not a type");
		acta_why_hint(why,
		    "it is the message's type, of a-z, 0-9 and "
		    "-, at most %u bytes",
		    ACTA_TYPE_MAX);
		return ACTA_EINVAL;
	}
	out->type = bytes_of(type);
	return ACTA_OK;
}

static enum acta_err
take_op(acta_value op, struct acta_request *out, struct acta_why *why)
{
	out->send = text_is(op, "send");
	if (op.type == ACTA_ABSENT || out->send || text_is(op, "call"))
		return ACTA_OK;
	acta_why_text(why, "\"op\" is neither \"call\" nor \"send\"");
	return ACTA_EINVAL;
}

static enum acta_err
take_timeout(acta_value timeout, struct acta_request *out, struct acta_why *why)
{
	if (timeout.type == ACTA_ABSENT) {
		out->timeout_ms = ACTA_TIMEOUT_MS_DEFAULT;
		return ACTA_OK;
	}
	if (timeout.type != ACTA_INT || timeout.as.i < 1 ||
	    timeout.as.i > ACTA_TIMEOUT_MS_MAX) {
		acta_why_text(why,
		    "\"timeout\" is not an integer from 1 to "
		    "%lld (ms)",
		    ACTA_TIMEOUT_MS_MAX);
		return ACTA_EINVAL;
	}
	out->timeout_ms = timeout.as.i;
	return ACTA_OK;
}

static enum acta_err
take_keep(acta_value keep, struct acta_request *out, struct acta_why *why)
{
	out->keep = out->id.type != ACTA_ABSENT;
	if (keep.type == ACTA_ABSENT)
		return ACTA_OK;
	if (keep.type != ACTA_BOOL) {
		acta_why_text(why, "\"keep\" is neither true nor false");
		return ACTA_EINVAL;
	}
	out->keep = out->keep && keep.as.b;
	return ACTA_OK;
}

static enum acta_err
take_session(acta_value session, acta_value seq, struct acta_request *out,
    struct acta_why *why)
{
	enum acta_err err = take_scope(session, "session", &out->session, why);

	if (err != ACTA_OK)
		return err;
	if ((session.type == ACTA_ABSENT) != (seq.type == ACTA_ABSENT)) {
		acta_why_text(why, "\"session\" and \"seq\" go together");
		return ACTA_EINVAL;
	}
	if (seq.type == ACTA_INT && seq.as.i >= 0) {
		out->seq = (uint64_t)seq.as.i;
	} else if (seq.type == ACTA_UINT) {
		out->seq = seq.as.u;
	} else if (seq.type != ACTA_ABSENT) {
		acta_why_text(why, "\"seq\" is not an integer from 0");
		return ACTA_EINVAL;
	}
	return ACTA_OK;
}

static bool
hex_within(const char *data, size_t first, size_t end)
{
	bool any = false;

	for (size_t i = first; i < end; i++) {
		if (!((data[i] >= '0' && data[i] <= '9') ||
			(data[i] >= 'a' && data[i] <= 'f')))
			return false;
		any = any || data[i] != '0';
	}
	return any;
}

/* W3C Trace Context: 00-<32 hex>-<16 hex>-<2 hex>, ids not all 0. What is not
 * one starts no trace, and is no error. */
static bool
traceparent_valid(acta_value value)
{
	const char *p = value.as.data;

	return value.type == ACTA_STR && value.size == 55 &&
	    memcmp(p, "00-", 3) == 0 && p[35] == '-' && p[52] == '-' &&
	    hex_within(p, 3, 35) && hex_within(p, 36, 52) &&
	    (hex_within(p, 53, 55) || memcmp(p + 53, "00", 2) == 0);
}

static enum acta_err
refuse_form(const struct found *found, struct acta_why *why)
{
	for (int i = 0; i < KEY_COUNT; i++) {
		if (!found->doubled[i])
			continue;
		acta_why_text(why, "\"%s\" is there twice", request_keys[i]);
		return ACTA_EINVAL;
	}
	if (found->must_understand) {
		uint32_t size = found->bang.size;

		if (size > 32 ||
		    !acta_type_valid(
			(const char *)found->bang.as.data + 1, size - 1))
			size = 1; /* show no bytes that may be anything */
		acta_why_text(why, "\"%.*s\" is not understood here", (int)size,
		    (const char *)found->bang.as.data);
		acta_why_hint(why,
		    "a key that begins with ! must be "
		    "understood, and this door knows none");
		return ACTA_EINVAL;
	}
	return ACTA_OK;
}

static enum acta_err
take_values(
    const struct found *found, struct acta_request *out, struct acta_why *why)
{
	const acta_value *v = found->values;
	enum acta_err err = take_to(v[KEY_TO], out, why);

	if (err == ACTA_OK)
		err = take_do(v[KEY_DO], out, why);
	if (err == ACTA_OK && v[KEY_ARGS].type != ACTA_ABSENT &&
	    v[KEY_ARGS].type != ACTA_MAP) {
		acta_why_text(why, "\"args\" is not a map");
		err = ACTA_EINVAL;
	}
	out->args = v[KEY_ARGS];
	if (out->args.type == ACTA_MAP)
		out->args_raw = found->args_raw;
	if (err == ACTA_OK)
		err = take_op(v[KEY_OP], out, why);
	if (err == ACTA_OK)
		err = take_timeout(v[KEY_TIMEOUT], out, why);
	if (err == ACTA_OK)
		err = take_keep(v[KEY_KEEP], out, why);
	if (err == ACTA_OK)
		err = take_scope(v[KEY_CLIENT], "client", &out->client, why);
	if (err == ACTA_OK)
		err = take_session(v[KEY_SESSION], v[KEY_SEQ], out, why);
	if (err == ACTA_OK && traceparent_valid(v[KEY_TRACEPARENT]))
		out->traceparent = bytes_of(v[KEY_TRACEPARENT]);
	return err;
}

enum acta_err
acta_request_decode(const void *data, size_t size, struct acta_request *out,
    struct acta_why *why)
{
	struct acta_reader r = acta_reader(data, size);
	acta_value map = acta_read_head(&r);
	struct found found = { 0 };
	enum acta_err err;

	*out = (struct acta_request){ 0 };
	if (map.type != ACTA_MAP) {
		acta_why_text(why, "the body is not a map");
		acta_why_hint(why,
		    "a request is {\"to\": \"service/key\", "
		    "\"do\": \"type\", \"args\": {}}, in MessagePack or JSON");
		return ACTA_EINVAL;
	}
	find_keys(map, &found);
	err = refuse_form(&found, why);
	/* Only now: that a nil is there twice is a mistake, too. */
	for (int i = 0; i < KEY_COUNT; i++)
		if (found.values[i].type == ACTA_NIL)
			found.values[i].type = ACTA_ABSENT;
	if (id_valid(found.values[KEY_ID]) && !found.doubled[KEY_ID]) {
		out->id = found.values[KEY_ID];
	} else if (err == ACTA_OK && found.values[KEY_ID].type != ACTA_ABSENT) {
		acta_why_text(why,
		    "\"id\" is neither an integer nor a string "
		    "of 1 to %u bytes",
		    ACTA_ID_MAX);
		return ACTA_EINVAL;
	}
	return err == ACTA_OK ? take_values(&found, out, why) : err;
}

/* ------------------------------------------------------------- answers -- */

static void
answer_begin(struct acta_buf *buf, acta_value id, bool ok)
{
	bool with_id = id.type != ACTA_ABSENT;

	acta_pack_map(buf, with_id ? 3 : 2);
	if (with_id) {
		acta_pack_text(buf, "id");
		acta_pack_value(buf, id);
	}
	acta_pack_text(buf, "ok");
	acta_pack_bool(buf, ok);
}

void
acta_answer_ok(
    struct acta_buf *buf, acta_value id, const void *result, size_t result_size)
{
	answer_begin(buf, id, true);
	acta_pack_text(buf, "result");
	if (result)
		acta_pack_raw(buf, result, result_size);
	else
		acta_pack_nil(buf);
}

void
acta_answer_error(struct acta_buf *buf, acta_value id, const char *code,
    const char *text, const char *hint)
{
	bool with_hint = hint && *hint;

	answer_begin(buf, id, false);
	acta_pack_text(buf, "error");
	acta_pack_map(buf, with_hint ? 3 : 2);
	acta_pack_text(buf, "code");
	acta_pack_text(buf, code);
	acta_pack_text(buf, "text");
	acta_pack_text(buf, text);
	if (with_hint) {
		acta_pack_text(buf, "hint");
		acta_pack_text(buf, hint);
	}
}

/* ------------------------------------------------- pieces of the lists -- */

static void
pack_bytes(struct acta_buf *buf, struct acta_bytes bytes)
{
	acta_pack_str(buf, bytes.data, bytes.data ? bytes.size : 0);
}

/* `size` bytes as bin, or nil. */
static void
pack_hash(struct acta_buf *buf, const void *data, size_t size)
{
	if (data)
		acta_pack_bin(buf, data, size);
	else
		acta_pack_nil(buf);
}

static struct acta_bytes
read_bytes(struct acta_reader *reader, bool *ok)
{
	struct acta_bytes bytes;

	bytes.data = acta_read_str(reader, &bytes.size, ok);
	return bytes;
}

static struct acta_bytes
read_name(struct acta_reader *reader, bool *ok)
{
	struct acta_bytes bytes = read_bytes(reader, ok);

	if (bytes.size > NAME_SIZE_MAX)
		*ok = false;
	return bytes;
}

/* A str, or nil: then data is NULL. */
static struct acta_bytes
read_bytes_or_nil(struct acta_reader *reader, bool *ok)
{
	acta_value value = acta_read_head(reader);

	if (value.type == ACTA_STR)
		return bytes_of(value);
	if (value.type != ACTA_NIL)
		*ok = false;
	return (struct acta_bytes){ NULL, 0 };
}

/* A bin of exactly `size` bytes. */
static const uint8_t *
read_hash(struct acta_reader *reader, uint32_t size, bool *ok)
{
	uint32_t is;
	const uint8_t *data = acta_read_bin(reader, &is, ok);

	if (is != size)
		*ok = false;
	return *ok ? data : NULL;
}

/* The same, or nil: then NULL. */
static const uint8_t *
read_hash_or_nil(struct acta_reader *reader, uint32_t size, bool *ok)
{
	acta_value value = acta_read_head(reader);

	if (value.type == ACTA_BIN && value.size == size)
		return value.as.data;
	if (value.type != ACTA_NIL)
		*ok = false;
	return NULL;
}

static uint32_t
read_u32(struct acta_reader *reader, bool *ok)
{
	uint64_t value = acta_read_uint(reader, ok);

	if (value > UINT32_MAX)
		*ok = false;
	return (uint32_t)value;
}

static struct acta_bytes
read_raw(struct acta_reader *reader, bool *ok)
{
	size_t size;
	const char *data = acta_read_raw(reader, &size);

	if (!data || size > UINT32_MAX)
		*ok = false;
	return (struct acta_bytes){ data, (uint32_t)size };
}

/* The bytes of a MAP, and the value of it. */
static struct acta_bytes
read_raw_map(struct acta_reader *reader, acta_value *out_map, bool *ok)
{
	struct acta_bytes raw = read_raw(reader, ok);
	struct acta_reader inside = acta_reader(raw.data, raw.size);

	*out_map = acta_read_head(&inside);
	if (out_map->type != ACTA_MAP)
		*ok = false;
	return raw;
}

/*
 * The next value of `reader`, checked, as a reader of its own; a LIST of which
 * only the header is consumed. ACTA_ENOENT, ACTA_EPROTO: the reader is at its
 * end.
 */
static enum acta_err
open_list(struct acta_reader *reader, uint32_t depth_max, uint32_t nodes_max,
    struct acta_reader *out, uint32_t *out_count)
{
	size_t room = (size_t)(reader->end - reader->at), size;
	bool ok = true;

	if (room == 0)
		return ACTA_ENOENT;
	if (acta_msgpack_check_first(
		reader->at, room, depth_max, nodes_max, &size) != ACTA_OK) {
		reader->at = reader->end;
		return ACTA_EPROTO;
	}
	*out = acta_reader(reader->at, size);
	reader->at += size;
	*out_count = acta_read_list(out, &ok);
	if (!ok)
		reader->at = reader->end;
	return ok ? ACTA_OK : ACTA_EPROTO;
}

/* ------------------------------------------------------------- message -- */

void
acta_caller_encode(struct acta_buf *buf, const struct acta_caller *caller)
{
	switch ((enum acta_caller_kind)caller->kind) {
	case ACTA_CALLER_NOBODY: acta_pack_nil(buf); return;
	case ACTA_CALLER_DOOR:
		acta_pack_list(buf, 7 + caller->forwarded);
		acta_pack_uint(buf, caller->kind);
		pack_bytes(buf, caller->door);
		acta_pack_uint(buf, caller->door_inc);
		acta_pack_uint(buf, caller->request);
		pack_bytes(buf, caller->service);
		acta_pack_uint(buf, caller->part);
		assert(!caller->home_key.data ||
		    caller->home_key.size == HOME_KEY_SIZE);
		pack_hash(buf, caller->home_key.data, HOME_KEY_SIZE);
		if (caller->forwarded)
			acta_pack_bool(buf, true);
		return;
	case ACTA_CALLER_ASK:
		acta_pack_list(buf, 4 + caller->forwarded);
		acta_pack_uint(buf, caller->kind);
		pack_bytes(buf, caller->service);
		acta_pack_uint(buf, caller->part);
		acta_pack_uint(buf, caller->ask);
		if (caller->forwarded)
			acta_pack_bool(buf, true);
		return;
	case ACTA_CALLER_EVENT:
		acta_pack_list(buf, 1);
		acta_pack_uint(buf, caller->kind);
		return;
	}
	assert(!"a caller of no kind");
}

void
acta_caller_decode(
    struct acta_reader *reader, struct acta_caller *out, bool *ok)
{
	struct acta_caller caller = { 0 };
	acta_value list = acta_read_head(reader);
	const uint8_t *home;
	uint32_t more = 0;

	*out = caller;
	if (list.type == ACTA_NIL)
		return;
	if (list.type != ACTA_LIST) {
		*ok = false;
		return;
	}
	caller.kind = read_u32(reader, ok);
	if (caller.kind == ACTA_CALLER_DOOR && list.size - 7 < 2) {
		caller.door = read_name(reader, ok);
		caller.door_inc = acta_read_uint(reader, ok);
		caller.request = acta_read_uint(reader, ok);
		caller.service = read_name(reader, ok);
		caller.part = read_u32(reader, ok);
		home = read_hash_or_nil(reader, HOME_KEY_SIZE, ok);
		if (home)
			caller.home_key =
			    (struct acta_bytes){ (const char *)home,
				    HOME_KEY_SIZE };
		more = list.size - 7;
	} else if (caller.kind == ACTA_CALLER_ASK && list.size - 4 < 2) {
		caller.service = read_name(reader, ok);
		caller.part = read_u32(reader, ok);
		caller.ask = acta_read_uint(reader, ok);
		more = list.size - 4;
	} else if (caller.kind == ACTA_CALLER_EVENT && list.size == 1) {
		; /* that is all */
	} else {
		*ok = false;
	}
	if (more > 0)
		caller.forwarded = acta_read_bool(reader, ok);
	if (*ok)
		*out = caller;
}

void
acta_message_encode(struct acta_buf *buf, const struct acta_message *msg)
{
	acta_pack_list(buf, 9);
	pack_bytes(buf, msg->key);
	pack_bytes(buf, msg->type);
	pack_bytes(buf, msg->from);
	acta_pack_int(buf, msg->sent_ms);
	acta_pack_int(buf, msg->deadline_ms);
	acta_caller_encode(buf, &msg->caller);
	if (msg->args_raw.data)
		acta_pack_raw(buf, msg->args_raw.data, msg->args_raw.size);
	else if (msg->args.type == ACTA_MAP)
		acta_pack_value(buf, msg->args);
	else
		acta_pack_map(buf, 0);
	pack_bytes(buf, msg->id);
	if (msg->trace.data)
		pack_bytes(buf, msg->trace);
	else
		acta_pack_nil(buf);
}

/* Does a message with a type of the runtime's own begin here? */
static bool
is_own(struct acta_reader reader)
{
	acta_value type;

	(void)acta_read_head(&reader); /* the list */
	(void)acta_read_head(&reader); /* key */
	type = acta_read_head(&reader);
	return type.type == ACTA_STR && type.size > 0 &&
	    *(const char *)type.as.data == '@';
}

enum acta_err
acta_message_decode(struct acta_reader *reader, struct acta_message *out)
{
	struct acta_message msg = { 0 };
	struct acta_reader r;
	uint32_t count;
	bool own = is_own(*reader), ok;
	enum acta_err err =
	    open_list(reader, own ? OWN_DEPTH_MAX : MESSAGE_DEPTH_MAX,
		own ? OWN_NODES_MAX : MESSAGE_NODES_MAX, &r, &count);

	if (err != ACTA_OK)
		return err;
	ok = count == 9;
	msg.key = read_bytes(&r, &ok);
	msg.type = read_bytes(&r, &ok);
	msg.from = read_bytes(&r, &ok);
	msg.sent_ms = acta_read_int(&r, &ok);
	msg.deadline_ms = acta_read_int(&r, &ok);
	acta_caller_decode(&r, &msg.caller, &ok);
	msg.args_raw = read_raw_map(&r, &msg.args, &ok);
	msg.id = read_bytes(&r, &ok);
	msg.trace = read_bytes_or_nil(&r, &ok);
	/* Both become parts of keys in the store, whose size is bounded. */
	if (!ok || msg.key.size > ACTA_KEY_MAX || msg.type.size == 0 ||
	    msg.type.size > ACTA_TYPE_MAX) {
		reader->at = reader->end;
		return ACTA_EPROTO;
	}
	*out = msg;
	return ACTA_OK;
}

/* --------------------------------------------------------------- token -- */

void
acta_token_encode(char out[ACTA_TOKEN_MAX + 1], const struct acta_token *token)
{
	int n;

	assert(token->service.size <= ACTA_SERVICE_MAX);
	assert(token->number <= INT64_MAX && token->chance <= INT64_MAX);
	n = snprintf(out, ACTA_TOKEN_MAX + 1,
	    "%.*s.%" PRIu32 ".%" PRIx64 ".%" PRIx64, (int)token->service.size,
	    token->service.data, token->part, token->number, token->chance);
	assert(n > 0 && n <= (int)ACTA_TOKEN_MAX);
}

/* A number as it is printed, up to `end`: no sign, no 0 before it. */
static bool
token_number(const char **at, const char *end, unsigned base, uint64_t max,
    uint64_t *out)
{
	const char *first = *at;
	uint64_t value = 0;

	for (; *at < end && **at != '.'; (*at)++) {
		char c = **at;
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0')
		    : c >= 'a' && c <= 'f'            ? (unsigned)(c - 'a') + 10
						      : UINT32_MAX;

		if (digit >= base || value > (max - digit) / base)
			return false;
		value = value * base + digit;
	}
	*out = value;
	return *at > first && (*first != '0' || *at == first + 1);
}

enum acta_err
acta_token_decode(const char *text, size_t size, struct acta_token *out)
{
	const char *at = size ? memchr(text, '.', size) : NULL;
	const char *end = text + size;
	struct acta_token token = { 0 };
	uint64_t part;

	if (at == NULL || size > ACTA_TOKEN_MAX ||
	    !acta_service_valid(text, (size_t)(at - text)))
		return ACTA_EINVAL;
	token.service = (struct acta_bytes){ text, (uint32_t)(at - text) };
	at++;
	if (!token_number(&at, end, 10, UINT32_MAX, &part) || at++ == end ||
	    !token_number(&at, end, 16, INT64_MAX, &token.number) ||
	    at++ == end ||
	    !token_number(&at, end, 16, INT64_MAX, &token.chance) || at != end)
		return ACTA_EINVAL;
	token.part = (uint32_t)part;
	*out = token;
	return ACTA_OK;
}

/* ---------------------------------------------------------------- link -- */

static const uint8_t frame_mark[4] = { 'A', 'c', 'L', ACTA_LINK_VERSION };

void
acta_frame_begin(struct acta_buf *buf, uint64_t epoch)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(epoch >> (8 * i));
	acta_buf_reset(buf);
	acta_buf_append(buf, frame_mark, sizeof(frame_mark));
	acta_buf_append(buf, bytes, sizeof(bytes));
}

enum acta_err
acta_frame_open(const void *data, size_t size, uint64_t *out_epoch,
    struct acta_reader *out_items)
{
	const uint8_t *p = data;
	uint64_t epoch = 0;

	if (size < sizeof(frame_mark) || memcmp(p, frame_mark, 3) != 0)
		return ACTA_EPROTO;
	if (p[3] != ACTA_LINK_VERSION)
		return ACTA_EVERSION;
	if (size < ACTA_LINK_HEAD)
		return ACTA_EPROTO;
	for (int i = 0; i < 8; i++)
		epoch |= (uint64_t)p[4 + i] << (8 * i);
	*out_epoch = epoch;
	*out_items = acta_reader(p + ACTA_LINK_HEAD, size - ACTA_LINK_HEAD);
	return ACTA_OK;
}

/* The first fields of DATA to WELCOME. */
static void
encode_channel(struct acta_buf *buf, const struct acta_item *item)
{
	pack_bytes(buf, item->src);
	acta_pack_uint(buf, item->src_part);
	pack_bytes(buf, item->dst);
	acta_pack_uint(buf, item->dst_part);
	acta_pack_uint(buf, item->hist);
	acta_pack_uint(buf, item->inc);
}

static void
encode_chain(struct acta_buf *buf, const uint8_t *chain)
{
	static const uint8_t zero[HASH_SIZE];

	acta_pack_bin(buf, chain ? chain : zero, HASH_SIZE);
}

static void
encode_call(struct acta_buf *buf, const struct acta_item *item)
{
	pack_bytes(buf, item->src);
	acta_pack_uint(buf, item->inc);
	acta_pack_uint(buf, item->request);
	pack_bytes(buf, item->dst);
	acta_pack_uint(buf, item->dst_part);
	acta_pack_uint(buf, item->flags);
	pack_hash(buf, item->client, HASH_SIZE);
	acta_pack_int(buf, item->id_ms);
	assert(item->body.data);
	acta_pack_raw(buf, item->body.data, item->body.size);
}

static void
encode_reply(struct acta_buf *buf, const struct acta_item *item)
{
	pack_bytes(buf, item->src);
	acta_pack_uint(buf, item->inc);
	acta_pack_uint(buf, item->request);
	if (item->code.data)
		pack_bytes(buf, item->code);
	else
		acta_pack_nil(buf);
	pack_bytes(buf, item->text);
	pack_bytes(buf, item->hint);
	if (item->body.data)
		acta_pack_raw(buf, item->body.data, item->body.size);
	else
		acta_pack_nil(buf);
}

static void
encode_event(struct acta_buf *buf, const struct acta_item *item)
{
	pack_bytes(buf, item->topic);
	pack_bytes(buf, item->key);
	pack_bytes(buf, item->from);
	acta_pack_uint(buf, item->src_part);
	acta_pack_uint(buf, item->seq);
	acta_pack_uint(buf, item->prev);
	acta_pack_int(buf, item->at_ms);
	if (item->body.data)
		acta_pack_raw(buf, item->body.data, item->body.size);
	else
		acta_pack_map(buf, 0);
}

/* Fields of each kind, the kind among them. */
static const uint8_t item_sizes[] = { [ACTA_ITEM_DATA] = 10,
	[ACTA_ITEM_ACK] = 10,
	[ACTA_ITEM_NACK] = 8,
	[ACTA_ITEM_HELLO] = 17,
	[ACTA_ITEM_WELCOME] = 12,
	[ACTA_ITEM_CALL] = 10,
	[ACTA_ITEM_REPLY] = 8,
	[ACTA_ITEM_EVENT] = 9,
	[ACTA_ITEM_HEAD] = 4,
	[ACTA_ITEM_PROBE] = 10 };

/* Its list goes on with src, src_part, dst, dst_part, hist, inc. */
static bool
of_channel(uint32_t kind)
{
	return kind <= ACTA_ITEM_WELCOME || kind == ACTA_ITEM_PROBE;
}

void
acta_item_encode(struct acta_buf *buf, const struct acta_item *item)
{
	assert(item->kind >= ACTA_ITEM_DATA);
	assert(item->kind <= ACTA_ITEM_PROBE);
	acta_pack_list(buf, item_sizes[item->kind]);
	acta_pack_uint(buf, item->kind);
	if (of_channel(item->kind))
		encode_channel(buf, item);
	switch ((enum acta_item_kind)item->kind) {
	case ACTA_ITEM_DATA:
		acta_pack_uint(buf, item->first);
		acta_pack_uint(buf, item->count);
		acta_pack_bin(buf, item->body.data, item->body.size);
		break;
	case ACTA_ITEM_ACK:
		acta_pack_uint(buf, item->nonce);
		acta_pack_uint(buf, item->next);
		acta_pack_uint(buf, item->credit);
		break;
	case ACTA_ITEM_NACK: acta_pack_uint(buf, item->next); break;
	case ACTA_ITEM_HELLO:
		acta_pack_uint(buf, item->nonce);
		acta_pack_uint(buf, item->acked);
		acta_pack_uint(buf, item->next);
		encode_chain(buf, item->chain);
		acta_pack_bool(buf, item->in_memory);
		acta_pack_uint(buf, item->random);
		acta_pack_uint(buf, item->version_min);
		acta_pack_uint(buf, item->version_max);
		if (item->refused)
			acta_pack_bin(buf, item->refused, HASH_SIZE);
		else
			acta_pack_nil(buf);
		acta_pack_uint(buf, item->peer_hist);
		break;
	case ACTA_ITEM_WELCOME:
		acta_pack_uint(buf, item->nonce);
		acta_pack_uint(buf, item->next);
		encode_chain(buf, item->chain);
		acta_pack_uint(buf, item->credit);
		acta_pack_uint(buf, item->verdict);
		break;
	case ACTA_ITEM_CALL: encode_call(buf, item); break;
	case ACTA_ITEM_REPLY: encode_reply(buf, item); break;
	case ACTA_ITEM_EVENT: encode_event(buf, item); break;
	case ACTA_ITEM_HEAD:
		pack_bytes(buf, item->topic);
		acta_pack_uint(buf, item->src_part);
		acta_pack_uint(buf, item->seq);
		break;
	case ACTA_ITEM_PROBE:
		acta_pack_uint(buf, item->nonce);
		acta_pack_uint(buf, item->first);
		acta_pack_str(buf, item->text.data, item->text.size);
		break;
	}
}

static void
decode_channel(struct acta_reader *r, struct acta_item *item, bool *ok)
{
	item->src = read_name(r, ok);
	item->src_part = read_u32(r, ok);
	item->dst = read_name(r, ok);
	item->dst_part = read_u32(r, ok);
	item->hist = acta_read_uint(r, ok);
	item->inc = acta_read_uint(r, ok);
}

static void
decode_data(struct acta_reader *r, struct acta_item *item, bool *ok)
{
	item->first = acta_read_uint(r, ok);
	item->count = read_u32(r, ok);
	item->body.data = acta_read_bin(r, &item->body.size, ok);
	/* A message takes more than a byte, and seqs do not wrap around. */
	if (item->count > item->body.size ||
	    item->first > UINT64_MAX - item->count)
		*ok = false;
}

static void
decode_call(struct acta_reader *r, struct acta_item *item, bool *ok)
{
	item->src = read_name(r, ok);
	item->inc = acta_read_uint(r, ok);
	item->request = acta_read_uint(r, ok);
	item->dst = read_name(r, ok);
	item->dst_part = read_u32(r, ok);
	item->flags = read_u32(r, ok);
	item->client = read_hash_or_nil(r, HASH_SIZE, ok);
	item->id_ms = acta_read_int(r, ok);
	item->body = read_raw(r, ok);
}

static void
decode_reply(struct acta_reader *r, struct acta_item *item, bool *ok)
{
	item->src = read_name(r, ok);
	item->inc = acta_read_uint(r, ok);
	item->request = acta_read_uint(r, ok);
	item->code = read_bytes_or_nil(r, ok);
	item->text = read_bytes(r, ok);
	item->hint = read_bytes(r, ok);
	item->body = read_raw(r, ok);
}

static void
decode_event(struct acta_reader *r, struct acta_item *item, bool *ok)
{
	acta_value data;

	item->topic = read_bytes(r, ok);
	item->key = read_bytes(r, ok);
	item->from = read_bytes(r, ok);
	item->src_part = read_u32(r, ok);
	item->seq = acta_read_uint(r, ok);
	item->prev = acta_read_uint(r, ok);
	item->at_ms = acta_read_int(r, ok);
	item->body = read_raw_map(r, &data, ok);
}

static void
decode_fields(struct acta_reader *r, struct acta_item *item, bool *ok)
{
	if (of_channel(item->kind))
		decode_channel(r, item, ok);
	switch ((enum acta_item_kind)item->kind) {
	case ACTA_ITEM_DATA: decode_data(r, item, ok); break;
	case ACTA_ITEM_ACK:
		item->nonce = acta_read_uint(r, ok);
		item->next = acta_read_uint(r, ok);
		item->credit = acta_read_uint(r, ok);
		break;
	case ACTA_ITEM_NACK: item->next = acta_read_uint(r, ok); break;
	case ACTA_ITEM_HELLO:
		item->nonce = acta_read_uint(r, ok);
		item->acked = acta_read_uint(r, ok);
		item->next = acta_read_uint(r, ok);
		item->chain = read_hash(r, HASH_SIZE, ok);
		item->in_memory = acta_read_bool(r, ok);
		item->random = acta_read_uint(r, ok);
		item->version_min = read_u32(r, ok);
		item->version_max = read_u32(r, ok);
		item->refused = read_hash_or_nil(r, HASH_SIZE, ok);
		item->peer_hist = acta_read_uint(r, ok);
		break;
	case ACTA_ITEM_WELCOME:
		item->nonce = acta_read_uint(r, ok);
		item->next = acta_read_uint(r, ok);
		item->chain = read_hash(r, HASH_SIZE, ok);
		item->credit = acta_read_uint(r, ok);
		item->verdict = read_u32(r, ok);
		break;
	case ACTA_ITEM_CALL: decode_call(r, item, ok); break;
	case ACTA_ITEM_REPLY: decode_reply(r, item, ok); break;
	case ACTA_ITEM_EVENT: decode_event(r, item, ok); break;
	case ACTA_ITEM_HEAD:
		item->topic = read_bytes(r, ok);
		item->src_part = read_u32(r, ok);
		item->seq = acta_read_uint(r, ok);
		break;
	case ACTA_ITEM_PROBE:
		item->nonce = acta_read_uint(r, ok);
		item->first = acta_read_uint(r, ok);
		item->text = read_bytes(r, ok);
		break;
	}
}

enum acta_err
acta_item_decode(struct acta_reader *reader, struct acta_item *out)
{
	struct acta_item item = { 0 };
	struct acta_reader r;
	uint32_t count;
	enum acta_err err =
	    open_list(reader, ITEM_DEPTH_MAX, ITEM_NODES_MAX, &r, &count);
	bool ok = true;

	if (err != ACTA_OK)
		return err;
	item.kind = read_u32(&r, &ok);
	if (item.kind < ACTA_ITEM_DATA || item.kind > ACTA_ITEM_PROBE ||
	    count != item_sizes[item.kind])
		ok = false;
	if (ok)
		decode_fields(&r, &item, &ok);
	if (!ok) {
		reader->at = reader->end;
		return ACTA_EPROTO;
	}
	*out = item;
	return ACTA_OK;
}
