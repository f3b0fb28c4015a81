/*
 * runtime/host/admin.c - the runtime's own requests to a partition: about its
 * state, dead letters, channels and events. They come from a door, which has checked who may ask, and answer at release.
 */
#include "runtime/host/park.h"
#include "runtime/host/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"
#include "codecs/schema.h"
#include "runtime/store_report.h"

#define LIST_MAX 1000u
#define ANSWER_BYTES_MAX (900u << 10)
#define RESET_MAX 1000u /* messages of one channel-reset */

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
	ok = acta_read_list(&r, &ok) == 7 && ok;
	cause = acta_read_str(&r, &cn, &ok);
	text = acta_read_str(&r, &tn, &ok);
	attempts = acta_read_int(&r, &ok);
	at_ms = acta_read_int(&r, &ok);
	(void)acta_read_bin(&r, &n, &ok);
	if (!ok || acta_message_decode(&r, &m) != ACTA_OK)
		return false;
	snprintf(id, sizeof(id), "%s.%u.%llu", part->config.service,
	    part->config.part, (unsigned long long)number);
	if (strncmp(cause, "unknown-service", cn) == 0 ||
	    strncmp(cause, "channel-reset", cn) == 0)
		snprintf(to, sizeof(to), "%.*s", (int)m.key.size, m.key.data);
	else
		snprintf(to, sizeof(to), "%s%s%.*s", part->config.service,
		    m.key.size ? "/" : "", (int)m.key.size, m.key.data);
	acta_pack_map(out, whole ? 10 : 8);
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
		acta_pack_text(out, "state");
		acta_pack_raw(out, r.at, (size_t)(r.end - r.at));
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

/* -------------------------------------------------------- dead letters -- */

/* Anew, under its old uid: into its actor's queue, or on its way if it is for
 * another service, in the commit that takes the dead letter away. Whoever
 * waited for it was answered when it died. */
static bool
revive(struct acta_part *part, struct acta_msg *dead, acta_value args)
{
	struct acta_reader r = acta_reader(dead->raw, dead->raw_size);
	struct acta_bytes service, key;
	const struct acta_route *route;
	struct acta_buf b;

	/* The runtime's own are for nobody else to send. */
	if (acta_message_decode(&r, &dead->m) != ACTA_OK ||
	    dead->m.type.data[0] == '@')
		return false;
	/* An event stays one: its handler may be open to nothing else. */
	dead->m.caller = (struct acta_caller){ .kind = dead->m.caller.kind ==
			ACTA_CALLER_EVENT
		    ? ACTA_CALLER_EVENT
		    : ACTA_CALLER_NOBODY };
	dead->m.deadline_ms = 0;
	if (args.type == ACTA_MAP) {
		dead->m.args = args;
		dead->m.args_raw = (struct acta_bytes){ 0 };
	}
	service = acta_bytes_of(part->config.service);
	key = dead->m.key;
	/* Of one that went to no service the key is the whole address. */
	if (dead->again &&
	    acta_address_split(
		dead->m.key.data, dead->m.key.size, &service, &key) != ACTA_OK)
		return false;
	route = acta_part_route(part, service.data, service.size);
	if (route == NULL)
		return false;
	dead->m.key = key;
	acta_buf_init(&b);
	acta_message_encode(&b, &dead->m);
	dead->raw = acta_arena_copy(&part->arena, b.data, b.size);
	dead->raw_size = b.size;
	acta_buf_fini(&b);
	if (dead->again)
		acta_route_to(part, route->name,
		    acta_partition_of(key.data, key.size, route->partitions),
		    dead->raw, dead->raw_size);
	else /* in a later turn, when that it is retried is durable */
		acta_park_append(part, dead, 0, part->now_ms + 1, "retried");
	return true;
}

/* "order.0.17" or 17: the number at its end. */
static uint64_t
number_of(acta_value id)
{
	uint64_t number = (uint64_t)acta_as_int(id, 0);

	if (id.type == ACTA_STR) {
		const char *s = id.as.data;

		number = 0;
		for (uint32_t i = 0; i < id.size; i++)
			number = s[i] == '.' ? 0
			    : s[i] >= '0' && s[i] <= '9'
			    ? number * 10 + (uint64_t)(s[i] - '0')
			    : number;
	}
	return number;
}

/* The row of the dead letter that is meant, in the arena. */
static bool
dead_get(
    struct acta_part *part, acta_value id, uint8_t key[8], struct acta_row *out)
{
	acta_be64(key, number_of(id));
	*out = (struct acta_row){ .key = key, .key_size = 8 };
	if (acta_store_get(part->store, ACTA_T_DEAD, key, 8, &out->value,
		&out->value_size) != ACTA_OK)
		return false;
	out->value = acta_arena_copy(&part->arena, out->value, out->value_size);
	return true;
}

static void
dead_show(struct acta_part *part, struct acta_msg *msg)
{
	uint8_t key[8];
	struct acta_row row;
	struct acta_buf b;

	acta_buf_init(&b);
	if (dead_get(part, arg(msg, "id"), key, &row) &&
	    pack_dead(part, &b, &row, true))
		answer_value(part, msg, b.data, b.size);
	else
		refuse(part, msg, "not-found", "no such dead letter");
	acta_buf_fini(&b);
}

static void
dead_retry(struct acta_part *part, struct acta_msg *msg)
{
	acta_value args = arg(msg, "args");
	struct acta_msg dead = { .attempt = 0 };
	struct acta_row row;
	struct acta_reader r;
	const void *uid;
	const char *cause;
	uint8_t key[8];
	uint32_t n, m;
	bool ok = true;

	if (!dead_get(part, arg(msg, "id"), key, &row)) {
		refuse(part, msg, "not-found", "no such dead letter");
		return;
	}
	r = acta_reader(row.value, row.value_size);
	ok = acta_read_list(&r, &ok) == 7 && ok;
	cause = acta_read_str(&r, &n, &ok);
	(void)acta_read_str(&r, &m, &ok);
	(void)acta_read_int(&r, &ok);
	(void)acta_read_int(&r, &ok);
	uid = acta_read_bin(&r, &m, &ok);
	dead.raw = acta_read_raw(&r, &dead.raw_size);
	dead.again = ok &&
	    ((n == 15 && memcmp(cause, "unknown-service", n) == 0) ||
		(n == 13 && memcmp(cause, "channel-reset", n) == 0));
	if (!ok || m != 16) {
		refuse(part, msg, "failed", "the dead letter is damaged");
		return;
	}
	memcpy(dead.uid.bytes, uid, 16);
	if (!revive(part, &dead, args)) {
		refuse(part, msg, "failed",
		    "it cannot be sent: malformed, of the runtime's own, or "
		    "there is still no such service");
		return;
	}
	/* Its crashes are forgiven: it was asked to be tried. */
	for (uint32_t i = 0; i < part->blame_count; i++)
		if (memcmp(part->blames[i].uid.bytes, uid, 16) == 0)
			part->blames[i].count = 0;
	acta_store_delete(part->store, ACTA_T_DEAD, key, 8);
	part->dead -= part->dead > 0;
	answer_value(part, msg,
	    "\x81\xa7"
	    "retried\xc3",
	    10);
}

static void
dead_drop(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_row row;
	uint8_t key[8];

	if (!dead_get(part, arg(msg, "id"), key, &row)) {
		refuse(part, msg, "not-found", "no such dead letter");
		return;
	}
	acta_store_delete(part->store, ACTA_T_DEAD, key, 8);
	part->dead -= part->dead > 0;
	answer_value(part, msg,
	    "\x81\xa7"
	    "dropped\xc3",
	    10);
}

/* ------------------------------------------------------------ channels -- */

static void
pack_head(struct acta_part *part, struct acta_buf *b, const char *way,
    const char *peer, uint32_t peer_part, const char *state, uint32_t more)
{
	char own[ACTA_SERVICE_MAX + 12], other[ACTA_SERVICE_MAX + 12];

	snprintf(
	    own, sizeof(own), "%s.%u", part->config.service, part->config.part);
	snprintf(other, sizeof(other), "%s.%u", peer, peer_part);
	acta_pack_map(b, 4 + more);
	acta_pack_text(b, "of");
	acta_pack_text(b, own);
	acta_pack_text(b, "way");
	acta_pack_text(b, way);
	acta_pack_text(b, "peer");
	acta_pack_text(b, other);
	acta_pack_text(b, "state");
	acta_pack_text(b, state);
}

static void
pack_number(struct acta_buf *b, const char *name, uint64_t n)
{
	acta_pack_text(b, name);
	acta_pack_uint(b, n);
}

static void
pack_out(struct acta_part *part, struct acta_buf *b, struct acta_out *o)
{
	static const char *const states[] = { [ACTA_OUT_DOWN] = "down",
		[ACTA_OUT_HELLO] = "asking",
		[ACTA_OUT_OPEN] = "open",
		[ACTA_OUT_STOPPED] = "stopped" };
	int64_t oldest_ms = acta_channel_oldest_ms(part, o);
	const char *state = states[o->state];

	if (o->state != ACTA_OUT_STOPPED && o->acked == o->next)
		state = "idle";
	pack_head(part, b, "to", o->service, o->part, state, 6);
	pack_number(b, "next", o->next);
	pack_number(b, "waiting", o->next - o->acked);
	pack_number(b, "bytes", o->bytes);
	pack_number(b, "oldest_ms",
	    oldest_ms > 0 && oldest_ms < part->now_ms
		? (uint64_t)(part->now_ms - oldest_ms)
		: 0);
	acta_pack_text(b, "full");
	acta_pack_bool(b, !acta_channel_room(part, o, true));
	acta_pack_text(b, "why");
	acta_pack_text(b, o->why ? o->why : "");
}

static void
pack_in(struct acta_part *part, struct acta_buf *b, const struct acta_in *in)
{
	pack_head(part, b, "from", in->service, in->part,
	    in->why        ? "stopped"
		: in->open ? "open"
			   : "down",
	    7);
	pack_number(b, "next", in->next);
	pack_number(b, "taken", in->taken);
	pack_number(b, "handled", in->handled);
	pack_number(b, "rejected", in->rejected);
	pack_number(b, "parked", in->parked);
	pack_number(b, "dead", in->dead);
	acta_pack_text(b, "why");
	acta_pack_text(b, in->why ? in->why : "");
}

static void
channel_list(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_buf rows;
	uint32_t count = 0;

	acta_buf_init(&rows);
	for (uint32_t i = 0;
	     i < part->out_count && rows.size < ANSWER_BYTES_MAX; i++, count++)
		pack_out(part, &rows, part->outs[i]);
	for (uint32_t i = 0; i < part->in_count && rows.size < ANSWER_BYTES_MAX;
	     i++)
		if (part->ins[i].next > 0 || part->ins[i].why != NULL) {
			pack_in(part, &rows, &part->ins[i]);
			count++;
		}
	answer_list(
	    part, msg, "channels", &rows, count, rows.size >= ANSWER_BYTES_MAX);
	acta_buf_fini(&rows);
}

static bool
peer_of(const struct acta_msg *msg, struct acta_bytes *service, uint32_t *part)
{
	acta_value peer = arg(msg, "peer");

	if (peer.type != ACTA_STR || peer.size == 0 ||
	    peer.size > ACTA_SERVICE_MAX)
		return false;
	*service = (struct acta_bytes){ peer.as.data, peer.size };
	*part = (uint32_t)acta_as_int(arg(msg, "peer_part"), 0);
	return true;
}

/* At the receiver: what the sender tells next is taken for true. */
static void
channel_accept(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_bytes service;
	struct acta_in *in = NULL;
	uint32_t peer;

	if (peer_of(msg, &service, &peer))
		in = acta_channel_from(part, service, peer);
	if (in == NULL) {
		refuse(part, msg, "not-found", "no channel comes from there");
		return;
	}
	acta_channel_accept(part, in);
	answer_value(part, msg,
	    "\x81\xa8"
	    "accepted\xc3",
	    11);
}

/* At the sender: what waits is not sent, but kept as dead letters. */
static void
channel_reset(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_bytes service;
	struct acta_out *out = NULL;
	struct acta_buf b;
	uint32_t peer;

	if (peer_of(msg, &service, &peer))
		for (uint32_t i = 0; i < part->out_count; i++)
			if (part->outs[i]->part == peer &&
			    acta_bytes_is(service, part->outs[i]->service))
				out = part->outs[i];
	if (out == NULL) {
		refuse(part, msg, "not-found", "no channel goes there");
		return;
	}
	acta_buf_init(&b);
	acta_pack_map(&b, 1);
	pack_number(&b, "left", acta_channel_reset(part, out, RESET_MAX));
	answer_value(part, msg, b.data, b.size);
	acta_buf_fini(&b);
}

/* --------------------------------------------------------------- store -- */

static void
answer_stores(
    struct acta_part *part, struct acta_msg *msg, const struct acta_buf *one)
{
	struct acta_end end = { .outcome = ACTA_ANSWERED };
	struct acta_buf b;

	acta_buf_init(&b);
	acta_pack_map(&b, 1);
	acta_pack_text(&b, "stores");
	acta_pack_list(&b, 1);
	acta_pack_raw(&b, one->data, one->size);
	end.result = b.data;
	end.size = b.size;
	acta_part_answer(part, &msg->m.caller, "", &end);
	acta_buf_fini(&b);
}

static void
store_info(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_buf b;

	acta_buf_init(&b);
	acta_store_report(&b, part->store, part->loaded->service->in_memory);
	answer_stores(part, msg, &b);
	acta_buf_fini(&b);
}

/* Who answers, and more. */
static void
pack_who(struct acta_part *part, struct acta_buf *b, uint32_t more)
{
	acta_pack_map(b, 2 + more);
	acta_pack_text(b, "service");
	acta_pack_text(b, part->config.service);
	pack_number(b, "part", part->config.part);
}

/* From the end of this turn on there is no other; the answer is heard when this
 * one is durable. */
static void
store_hold(struct acta_part *part, struct acta_msg *msg)
{
	int64_t ms = acta_as_int(arg(msg, "ms"), ACTA_HOLD_MS_MAX);
	struct acta_buf b;

	if (ms < 1 || ms > ACTA_HOLD_MS_MAX)
		ms = ACTA_HOLD_MS_MAX;
	part->hold_ms = part->now_ms + ms;
	part->held = false;
	acta_buf_init(&b);
	pack_who(part, &b, 0);
	answer_stores(part, msg, &b);
	acta_buf_fini(&b);
}

/* It was let go as this came in (turn.c). */
static void
store_go(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_buf b;

	acta_buf_init(&b);
	pack_who(part, &b, 2);
	acta_pack_text(&b, "held");
	acta_pack_bool(&b, part->held);
	pack_number(&b, "turn", part->held_turn);
	part->held = false;
	answer_stores(part, msg, &b);
	acta_buf_fini(&b);
}

/* -------------------------------------------------------------- events -- */

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

	ok = acta_read_list(&r, &ok) == 5 && ok;
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

/* What a service's own messages are checked by, for the runtime's. */
static bool
check(struct acta_part *part, struct acta_msg *msg, const char *args)
{
	acta_value limit = arg(msg, "limit"), after = arg(msg, "after");
	acta_value placed[ACTA_SCHEMA_FIELDS_MAX];
	struct acta_why why = { "", "" };
	struct acta_schema schema;
	bool ok;

	if (acta_schema_init(&schema, args, &why) != ACTA_OK)
		abort();
	ok = acta_schema_check(
		 &schema, msg->m.args, true, "arg", placed, &why) == ACTA_OK;
	acta_schema_fini(&schema);
	if (ok && limit.type == ACTA_INT && limit.as.i < 1) {
		snprintf(
		    why.text, sizeof(why.text), "arg \"limit\": at least 1");
		ok = false;
	} else if (ok && after.type == ACTA_INT && after.as.i < 0) {
		snprintf(why.text, sizeof(why.text),
		    "arg \"after\": an event's number, or 0");
		ok = false;
	}
	if (!ok)
		(void)acta_run_undeliverable(
		    part, msg, "bad-args", why.text, why.hint);
	return ok;
}

void
acta_part_admin(struct acta_part *part, struct acta_msg *msg)
{
	static const struct {
		const char *type;
		void (*run)(struct acta_part *, struct acta_msg *);
		const char *args; /* those by which a door has found us too */
	} requests[] = {
		{ "@state-get", state_get, "of:str name:str" },
		{ "@state-list", state_list,
		    "of:str prefix:str? after:str? limit:int?" },
		{ "@dead-list", dead_list,
		    "service:str? part:int? limit:int?" },
		{ "@dead-show", dead_show, "id:any service:str? part:int?" },
		{ "@dead-retry", dead_retry,
		    "id:any service:str? part:int? args:map?" },
		{ "@dead-drop", dead_drop, "id:any service:str? part:int?" },
		{ "@channel-list", channel_list, "service:str? part:int?" },
		{ "@channel-accept", channel_accept,
		    "service:str? part:int? peer:str peer_part:int=0" },
		{ "@channel-reset", channel_reset,
		    "service:str? part:int? peer:str peer_part:int=0" },
		{ "@events-replay", events_replay,
		    "topic:str part:int? after:int? limit:int? key:str?" },
		{ "@store-info", store_info, "service:str? part:int?" },
		{ "@store-hold", store_hold, "service:str? part:int? ms:int?" },
		{ "@store-go", store_go, "service:str? part:int? ms:int?" },
	};

	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++)
		if (strcmp(requests[i].type, msg->type_text) == 0) {
			if (check(part, msg, requests[i].args))
				requests[i].run(part, msg);
			return;
		}
	refuse(part, msg, "unknown-type",
	    "this acta has not got that request yet");
}
