/*
 * runtime/host/admin.c - the runtime's own requests to a partition: @state-get,
 * @state-list, @dead-list, @dead-show, @events-replay.
 * They come from a door, which has checked who may ask, and answer at release.
 */
#include "runtime/host/part.h"

#include <stdio.h>
#include <string.h>

#include "codecs/packer.h"

#define LIST_MAX 1000u
#define ANSWER_BYTES_MAX (900u << 10)

static acta_value
arg(const struct acta_msg *msg, const char *name)
{
	return acta_map_get(msg->m.args, name, strlen(name));
}

static uint32_t
limit_of(const struct acta_msg *msg)
{
	int64_t n = acta_as_int(arg(msg, "limit"), 100);

	return n < 1 ? 1 : n > LIST_MAX ? LIST_MAX : (uint32_t)n;
}

static void
refuse(struct acta_part *part, struct acta_msg *msg, const char *code,
    const char *text)
{
	struct acta_end end = {
		.outcome = ACTA_UNDELIVERED, .code = code, .text = text
	};

	acta_part_answer(part, &msg->m.caller, "", &end);
}

/* {name: list, ...}: `count` values stand packed in `rows`. */
static void
answer_list(struct acta_part *part, struct acta_msg *msg, const char *name,
    const struct acta_buf *rows, uint32_t count, bool more)
{
	struct acta_buf b;
	struct acta_end end = { .outcome = ACTA_ANSWERED };

	acta_buf_init(&b);
	acta_pack_map(&b, 2);
	acta_pack_text(&b, name);
	acta_pack_list(&b, count);
	acta_pack_raw(&b, rows->data, rows->size);
	acta_pack_text(&b, "more");
	acta_pack_bool(&b, more);
	end.result = b.data;
	end.size = b.size;
	acta_part_answer(part, &msg->m.caller, "", &end);
	acta_buf_fini(&b);
}

static void
answer_value(
    struct acta_part *part, struct acta_msg *msg, const void *data, size_t size)
{
	struct acta_end end = {
		.outcome = ACTA_ANSWERED, .result = data, .size = size
	};

	acta_part_answer(part, &msg->m.caller, "", &end);
}

static void
state_get(struct acta_part *part, struct acta_msg *msg)
{
	acta_value name = arg(msg, "name");
	char key[ACTA_STORE_KEY_MAX];
	const void *value;
	size_t n, size;

	if (name.type != ACTA_STR || name.size == 0 || name.size > 255) {
		refuse(part, msg, "bad-args", "arg \"name\": a row's name");
		return;
	}
	n = acta_actor_row(
	    key, msg->m.key.data, msg->m.key.size, name.as.data, name.size);
	if (acta_store_get(part->store, ACTA_T_STATE, key, n, &value, &size) !=
	    ACTA_OK)
		answer_value(part, msg, "\xc0", 1);
	else
		answer_value(part, msg, value, size);
}

static void
state_list(struct acta_part *part, struct acta_msg *msg)
{
	acta_value prefix = arg(msg, "prefix"), after = arg(msg, "after");
	char key[ACTA_STORE_KEY_MAX];
	size_t own, n;
	struct acta_scan *scan;
	struct acta_row row;
	struct acta_buf rows;
	uint32_t count = 0, limit = limit_of(msg);
	bool more = false;

	own = acta_actor_row(key, msg->m.key.data, msg->m.key.size, NULL, 0);
	n = own;
	if (prefix.type == ACTA_STR && prefix.size <= 255)
		n = acta_actor_row(key, msg->m.key.data, msg->m.key.size,
		    prefix.as.data, prefix.size);
	acta_buf_init(&rows);
	scan = acta_scan_open(part->store, ACTA_T_STATE, key, n);
	while (acta_scan_next(scan, &row)) {
		const char *name = (const char *)row.key + own;
		size_t size = row.key_size - own;

		if (after.type == ACTA_STR) {
			size_t least = size < after.size ? size : after.size;
			int c = memcmp(name, after.as.data, least);

			if (c < 0 || (c == 0 && size <= after.size))
				continue;
		}
		if (count == limit || rows.size > ANSWER_BYTES_MAX) {
			more = true;
			break;
		}
		acta_pack_map(&rows, 2);
		acta_pack_text(&rows, "name");
		acta_pack_str(&rows, name, size);
		acta_pack_text(&rows, "value");
		acta_pack_raw(&rows, row.value, row.value_size);
		count++;
	}
	(void)acta_scan_close(&scan);
	answer_list(part, msg, "rows", &rows, count, more);
	acta_buf_fini(&rows);
}

/* [cause, text, attempts, at, uid, message] as a map; `whole`: body too. */
static bool
pack_dead(struct acta_part *part, struct acta_buf *out,
    const struct acta_row *row, bool whole)
{
	struct acta_reader r = acta_reader(row->value, row->value_size);
	struct acta_message m;
	const uint8_t *k = row->key;
	bool ok = true;
	uint32_t cn, tn, n;
	const char *cause, *text;
	int64_t attempts, at_ms;
	uint64_t number = 0;
	char id[64], to[ACTA_ADDRESS_MAX + 1];

	for (size_t i = 0; i < row->key_size && i < 8; i++)
		number = number << 8 | k[i];
	ok = acta_read_list(&r, &ok) == 6 && ok;
	cause = acta_read_str(&r, &cn, &ok);
	text = acta_read_str(&r, &tn, &ok);
	attempts = acta_read_int(&r, &ok);
	at_ms = acta_read_int(&r, &ok);
	(void)acta_read_bin(&r, &n, &ok);
	if (!ok || acta_message_decode(&r, &m) != ACTA_OK)
		return false;
	snprintf(id, sizeof(id), "%s.%u.%llu", part->config.service,
	    part->config.part, (unsigned long long)number);
	if (strncmp(cause, "unknown-service", cn) == 0)
		snprintf(to, sizeof(to), "%.*s", (int)m.key.size, m.key.data);
	else
		snprintf(to, sizeof(to), "%s%s%.*s", part->config.service,
		    m.key.size ? "/" : "", (int)m.key.size, m.key.data);
	acta_pack_map(out, whole ? 9 : 8);
	acta_pack_text(out, "id");
	acta_pack_text(out, id);
	acta_pack_text(out, "to");
	acta_pack_text(out, to);
	acta_pack_text(out, "do");
	acta_pack_str(out, m.type.data, m.type.size);
	acta_pack_text(out, "from");
	acta_pack_str(out, m.from.data, m.from.size);
	acta_pack_text(out, "cause");
	acta_pack_str(out, cause, cn);
	acta_pack_text(out, "text");
	acta_pack_str(out, text, tn);
	acta_pack_text(out, "attempts");
	acta_pack_int(out, attempts);
	acta_pack_text(out, "at");
	acta_pack_int(out, at_ms);
	if (whole) {
		acta_pack_text(out, "args");
		acta_pack_raw(out, m.args_raw.data, m.args_raw.size);
	}
	return true;
}

static void
dead_list(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_scan *scan =
	    acta_scan_open(part->store, ACTA_T_DEAD, "", 0);
	struct acta_row row;
	struct acta_buf rows;
	uint32_t count = 0, limit = limit_of(msg);
	bool more = false;

	acta_buf_init(&rows);
	while (acta_scan_next(scan, &row)) {
		if (count == limit || rows.size > ANSWER_BYTES_MAX) {
			more = true;
			break;
		}
		count += pack_dead(part, &rows, &row, false);
	}
	(void)acta_scan_close(&scan);
	answer_list(part, msg, "dead", &rows, count, more);
	acta_buf_fini(&rows);
}

/* "order.0.17" or 17: the number at its end. */
static void
dead_show(struct acta_part *part, struct acta_msg *msg)
{
	acta_value id = arg(msg, "id");
	uint64_t number = (uint64_t)acta_as_int(id, 0);
	uint8_t key[8];
	struct acta_row row = { .key = key, .key_size = 8 };
	struct acta_buf b;

	if (id.type == ACTA_STR) {
		const char *s = id.as.data;

		number = 0;
		for (uint32_t i = 0; i < id.size; i++)
			number = s[i] == '.' ? 0
			    : s[i] >= '0' && s[i] <= '9'
			    ? number * 10 + (uint64_t)(s[i] - '0')
			    : number;
	}
	for (int i = 0; i < 8; i++)
		key[i] = (uint8_t)(number >> (8 * (7 - i)));
	acta_buf_init(&b);
	if (acta_store_get(part->store, ACTA_T_DEAD, key, 8, &row.value,
		&row.value_size) == ACTA_OK &&
	    pack_dead(part, &b, &row, true))
		answer_value(part, msg, b.data, b.size);
	else
		refuse(part, msg, "not-found", "no such dead letter");
	acta_buf_fini(&b);
}

static bool
pack_event(struct acta_buf *out, const struct acta_part *part,
    const char *topic, uint64_t seq, const struct acta_row *row,
    acta_value only)
{
	struct acta_reader r = acta_reader(row->value, row->value_size);
	bool ok = true;
	uint32_t n;
	const char *key;
	uint64_t prev;
	int64_t at_ms;
	const void *data;
	size_t size;
	char from[ACTA_ADDRESS_MAX + 1];

	ok = acta_read_list(&r, &ok) == 4 && ok;
	key = acta_read_str(&r, &n, &ok);
	prev = acta_read_uint(&r, &ok);
	at_ms = acta_read_int(&r, &ok);
	data = acta_read_raw(&r, &size);
	if (!ok ||
	    (only.type == ACTA_STR &&
		(only.size != n || memcmp(only.as.data, key, n) != 0)))
		return false;
	snprintf(from, sizeof(from), "%s%s%.*s", part->config.service,
	    n ? "/" : "", (int)n, key);
	acta_pack_map(out, 7);
	acta_pack_text(out, "topic");
	acta_pack_text(out, topic);
	acta_pack_text(out, "from");
	acta_pack_text(out, from);
	acta_pack_text(out, "part");
	acta_pack_int(out, part->config.part);
	acta_pack_text(out, "seq");
	acta_pack_uint(out, seq);
	acta_pack_text(out, "prev");
	acta_pack_uint(out, prev);
	acta_pack_text(out, "at");
	acta_pack_int(out, at_ms);
	acta_pack_text(out, "data");
	acta_pack_raw(out, data, size);
	return true;
}

static void
events_replay(struct acta_part *part, struct acta_msg *msg)
{
	acta_value topic = arg(msg, "topic");
	size_t skip = strlen(part->config.service) + 1;
	uint64_t after = (uint64_t)acta_as_int(arg(msg, "after"), 0) + 1;
	char key[ACTA_TYPE_MAX + 16], name[ACTA_TYPE_MAX * 2 + 2];
	uint8_t from[8];
	struct acta_scan *scan;
	struct acta_row row;
	struct acta_buf rows;
	uint32_t count = 0, limit = limit_of(msg), seen = 0;
	size_t n;
	bool more = false;

	if (topic.type != ACTA_STR || topic.size <= skip ||
	    topic.size - skip > ACTA_TYPE_MAX) {
		refuse(part, msg, "bad-args",
		    "arg \"topic\": SERVICE.topic is due");
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)topic.size,
	    (const char *)topic.as.data);
	key[0] = (char)(topic.size - skip);
	memcpy(key + 1, name + skip, topic.size - skip);
	n = 1 + topic.size - skip;
	for (int i = 0; i < 8; i++)
		from[i] = (uint8_t)(after >> (8 * (7 - i)));
	acta_buf_init(&rows);
	scan = acta_scan_open_at(part->store, ACTA_T_EVENT, key, n, from, 8);
	while (acta_scan_next(scan, &row)) {
		uint64_t seq = 0;

		if (row.key_size != n + 8)
			continue;
		if (count == limit || rows.size > ANSWER_BYTES_MAX ||
		    ++seen > LIST_MAX * 100) {
			more = true;
			break;
		}
		for (int i = 0; i < 8; i++)
			seq = seq << 8 | ((const uint8_t *)row.key)[n + i];
		count +=
		    pack_event(&rows, part, name, seq, &row, arg(msg, "key"));
	}
	(void)acta_scan_close(&scan);
	answer_list(part, msg, "events", &rows, count, more);
	acta_buf_fini(&rows);
}

void
acta_part_admin(struct acta_part *part, struct acta_msg *msg)
{
	static const struct {
		const char *type;
		void (*run)(struct acta_part *, struct acta_msg *);
	} requests[] = {
		{ "@state-get", state_get },
		{ "@state-list", state_list },
		{ "@dead-list", dead_list },
		{ "@dead-show", dead_show },
		{ "@events-replay", events_replay },
	};

	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++)
		if (strcmp(requests[i].type, msg->type_text) == 0) {
			requests[i].run(part, msg);
			return;
		}
	refuse(part, msg, "unknown-type",
	    "this acta has not got that request yet");
}
