/*
 * runtime/host/turn.c - the turn (CORE 1): gather, run each message on its
 * own, one commit for all, and only then let anything leave.
 */
#include "runtime/host/part.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "codecs/packer.h"
#include "runtime/host/park.h"

/* ------------------------------------------------------- small helpers -- */

size_t
acta_actor_row(char *out, const char *key, size_t key_size, const char *name,
    size_t name_size)
{
	out[0] = (char)key_size;
	memcpy(out + 1, key, key_size);
	if (name_size > 0)
		memcpy(out + 1 + key_size, name, name_size);
	return 1 + key_size + name_size;
}

struct acta_uid
acta_part_uid(
    const void *a, size_t an, const void *b, size_t bn, uint64_t number)
{
	struct acta_hash128 h = acta_hash128(a, an);
	struct acta_uid uid;

	h = acta_hash128_chain(h, b, bn);
	h = acta_hash128_chain(h, &number, sizeof(number));
	memcpy(uid.bytes, h.bytes, 16);
	return uid;
}

uint64_t
acta_part_random(struct acta_part *part)
{ /* splitmix64 over a counter: seeds replay */
	uint64_t z = (part->random[0] += 0x9e3779b97f4a7c15u);

	z ^= part->random[1];
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

const struct acta_route *
acta_part_route(const struct acta_part *part, const char *service, size_t size)
{
	for (uint32_t i = 0; i < part->config.route_count; i++) {
		const struct acta_route *r = &part->config.routes[i];

		if (strlen(r->name) == size &&
		    memcmp(r->name, service, size) == 0)
			return r;
	}
	return NULL;
}

/* A NUL-ended copy, cut to fit; printf is too slow for every message. */
static size_t
text_copy(char *out, size_t room, const char *data, size_t size)
{
	if (size >= room)
		size = room - 1;
	if (size > 0)
		memcpy(out, data, size);
	out[size] = '\0';
	return size;
}

static bool
is_text(struct acta_bytes b, const char *text)
{
	return b.size == strlen(text) && memcmp(b.data, text, b.size) == 0;
}

static bool
is_home(const struct acta_part *part, struct acta_bytes service, uint32_t p)
{
	return p == part->config.part && is_text(service, part->config.service);
}

enum acta_err
acta_part_fatal(struct acta_part *part, enum acta_err err)
{
	if (err == ACTA_EUNSURE || err == ACTA_ECORRUPT)
		part->failed = true;
	return err;
}

static bool
killed(struct acta_part *part, const char *point)
{
	return part->port.crash != NULL &&
	    part->port.crash(part->port.self, point);
}

static void
be64(uint8_t *out, uint64_t n)
{
	for (int i = 7; i >= 0; i--)
		*out++ = (uint8_t)(n >> (8 * i));
}

/* ------------------------------------------------------------ due rows -- */

static size_t
due_key(uint8_t *out, int64_t due_ms, char kind, const void *rest, size_t size)
{
	be64(out, (uint64_t)(due_ms < 0 ? 0 : due_ms));
	out[8] = (uint8_t)kind;
	memcpy(out + 9, rest, size);
	return 9 + size;
}

void
acta_part_due_put(struct acta_part *part, int64_t due_ms, char kind,
    const void *rest, size_t size, const void *value, size_t value_size)
{
	uint8_t key[ACTA_STORE_KEY_MAX];
	size_t n = due_key(key, due_ms, kind, rest, size);

	acta_store_put(part->store, ACTA_T_DUE, key, n, value, value_size);
	if (due_ms < part->next_due_ms)
		part->next_due_ms = due_ms;
}

void
acta_part_due_delete(struct acta_part *part, int64_t due_ms, char kind,
    const void *rest, size_t size)
{
	uint8_t key[ACTA_STORE_KEY_MAX];
	size_t n = due_key(key, due_ms, kind, rest, size);

	acta_store_delete(part->store, ACTA_T_DUE, key, n);
}

/* The first due row; its key in `out` (*out_size 0: there is none). */
static enum acta_err
due_first(struct acta_part *part, uint8_t *out, size_t *out_size)
{
	struct acta_scan *scan = acta_scan_open(part->store, ACTA_T_DUE, "", 0);
	struct acta_row row;
	uint64_t at = 0;

	*out_size = 0;
	if (acta_scan_next(scan, &row) && row.key_size >= 9) {
		memcpy(out, row.key, row.key_size);
		*out_size = row.key_size;
	}
	part->next_due_ms = INT64_MAX;
	if (*out_size > 0) {
		for (int i = 0; i < 8; i++)
			at = at << 8 | out[i];
		part->next_due_ms = (int64_t)at;
	}
	return acta_scan_close(&scan);
}

/* -------------------------------------------------------- what goes out -- */

void
acta_part_push_local(struct acta_part *part, const uint8_t *data, size_t size)
{
	struct acta_sent *s = acta_arena_alloc(&part->arena, sizeof(*s));

	*s = (struct acta_sent){ .data = data, .size = size };
	*part->local_tail = s;
	part->local_tail = &s->next;
}

static struct acta_bytes
keep_bytes(struct acta_part *part, struct acta_bytes b)
{
	if (b.data != NULL)
		b.data = acta_arena_text(&part->arena, b.data, b.size);
	return b;
}

void
acta_part_release(struct acta_part *part, const char *door, size_t door_size,
    uint64_t door_inc, const struct acta_item *item)
{
	struct acta_release *r = acta_arena_alloc(&part->arena, sizeof(*r));

	*r = (struct acta_release){ .item = *item, .door_inc = door_inc };
	if (door_size >= sizeof(r->door))
		return;
	memcpy(r->door, door, door_size);
	r->item.src = (struct acta_bytes){ r->door, (uint32_t)door_size };
	r->item.body = keep_bytes(part, item->body);
	r->item.code = keep_bytes(part, item->code);
	r->item.text = keep_bytes(part, item->text);
	r->item.hint = keep_bytes(part, item->hint);
	*part->release_tail = r;
	part->release_tail = &r->next;
}

static struct acta_bytes
text_bytes(const char *text)
{
	return (struct acta_bytes){ text, (uint32_t)strlen(text) };
}

static const uint8_t PACKED_NIL = 0xc0;

static void
reply_door(struct acta_part *part, const char *door, size_t door_size,
    uint64_t door_inc, uint64_t request, const struct acta_end *end,
    const char *hint)
{
	struct acta_item item = { .kind = ACTA_ITEM_REPLY };

	item.request = request;
	item.inc = door_inc;
	item.src = (struct acta_bytes){ door, (uint32_t)door_size };
	item.body = end->result
	    ? (struct acta_bytes){ end->result, (uint32_t)end->size }
	    : (struct acta_bytes){ (const char *)&PACKED_NIL, 1 };
	if (end->outcome != ACTA_ANSWERED)
		item.code = text_bytes(end->code);
	item.text = text_bytes(end->text ? end->text : "");
	item.hint = text_bytes(hint ? hint : "");
	acta_part_release(part, door, door_size, door_inc, &item);
}

/* Append to a channel, or to this partition's own queue. */
static void
route(struct acta_part *part, const char *service, uint32_t peer,
    const void *data, size_t size)
{
	if (peer == part->config.part &&
	    strcmp(service, part->config.service) == 0) {
		acta_part_push_local(
		    part, acta_arena_copy(&part->arena, data, size), size);
		return;
	}
	acta_channel_append(
	    part, acta_channel_out(part, service, peer), data, size);
}

/* A message of the runtime's own to a partition: `type` and its args. */
static void
route_own(struct acta_part *part, struct acta_bytes service, uint32_t peer,
    const char *type, const char *from, struct acta_bytes args)
{
	struct acta_message m = { .type = text_bytes(type),
		.from = text_bytes(from),
		.key = { "", 0 },
		.id = { "", 0 },
		.sent_ms = part->now_ms,
		.args_raw = args };
	struct acta_buf b;
	char name[ACTA_SERVICE_MAX + 1] = "";

	if (service.size > ACTA_SERVICE_MAX)
		return;
	memcpy(name, service.data, service.size);
	acta_buf_init(&b);
	acta_message_encode(&b, &m);
	route(part, name, peer, b.data, b.size);
	acta_buf_fini(&b);
}

/* {o: outcome, c: code, x: text, r: result} and what `more` pairs stand in
 * `head`. */
static void
pack_end(struct acta_buf *b, const struct acta_end *end)
{
	acta_pack_text(b, "o");
	acta_pack_int(b, end->outcome);
	acta_pack_text(b, "c");
	acta_pack_text(b, end->code ? end->code : "");
	acta_pack_text(b, "x");
	acta_pack_text(b, end->text ? end->text : "");
	acta_pack_text(b, "r");
	if (end->result != NULL)
		acta_pack_raw(b, end->result, end->size);
	else
		acta_pack_nil(b);
}

static acta_value
arg(acta_value map, const char *name)
{
	return acta_map_get(map, name, strlen(name));
}

/* -------------------------------------------------------- client ids -- */

/* Refusals by which nothing ran leave no record (CORE 6.2). */
static bool
leaves_record(const struct acta_end *end)
{
	return end->outcome != ACTA_UNDELIVERED ||
	    strcmp(end->code, "failed") == 0;
}

struct record {
	struct acta_bytes to, code, text;
	const uint8_t *body;
	int64_t state;
	const void *result;
	size_t size;
};

static enum acta_err
record_get(struct acta_part *part, const void *key, struct record *out)
{
	const void *value;
	size_t size;
	struct acta_reader r;
	bool ok = true;
	uint32_t n;
	enum acta_err err =
	    acta_store_get(part->store, ACTA_T_REPLY, key, 20, &value, &size);

	if (err != ACTA_OK)
		return err;
	r = acta_reader(value, size);
	ok = acta_read_list(&r, &ok) == 7 && ok;
	out->to.data = acta_read_str(&r, &out->to.size, &ok);
	out->body = acta_read_bin(&r, &n, &ok);
	(void)acta_read_int(&r, &ok);
	out->state = acta_read_int(&r, &ok);
	out->code.data = acta_read_str(&r, &out->code.size, &ok);
	out->text.data = acta_read_str(&r, &out->text.size, &ok);
	out->result = acta_read_raw(&r, &out->size);
	return ok && n == 16 ? ACTA_OK : ACTA_ECORRUPT;
}

static void
record_put(struct acta_part *part, const void *key, struct acta_bytes to,
    const uint8_t body[16], const struct acta_end *end)
{
	struct acta_buf *b = &part->pack;

	acta_buf_reset(b);
	acta_pack_list(b, 7);
	acta_pack_str(b, to.data, to.size);
	acta_pack_bin(b, body, 16);
	acta_pack_int(b, part->now_ms);
	acta_pack_int(b,
	    end == NULL                         ? 0
		: end->outcome == ACTA_ANSWERED ? 1
						: 2);
	acta_pack_text(b, end && end->code ? end->code : "");
	acta_pack_text(b, end && end->text ? end->text : "");
	if (end != NULL && end->result != NULL)
		acta_pack_raw(b, end->result, end->size);
	else
		acta_pack_nil(b);
	acta_store_put(part->store, ACTA_T_REPLY, key, 20, b->data, b->size);
}

/* Whoever asked again meanwhile hears it too. */
static void
tell_waiters(
    struct acta_part *part, const uint8_t *hash, const struct acta_end *end)
{
	for (uint32_t i = 0; i < part->waiter_count;) {
		struct acta_waiter *w = &part->waiters[i];

		if (memcmp(w->hash, hash, 16) != 0 &&
		    w->deadline_ms > part->now_ms) {
			i++;
			continue;
		}
		if (memcmp(w->hash, hash, 16) == 0)
			reply_door(part, w->door, strlen(w->door), w->door_inc,
			    w->request, end, NULL);
		*w = part->waiters[--part->waiter_count];
	}
}

static void
wait_for(struct acta_part *part, const struct acta_msg *msg)
{
	const struct acta_caller *c = &msg->m.caller;
	struct acta_waiter *w;

	if (part->waiters == NULL)
		part->waiters = calloc(ACTA_WAITERS_MAX, sizeof(*w));
	if (part->waiters == NULL)
		abort();
	if (part->waiter_count == ACTA_WAITERS_MAX)
		return; /* it asks again at its time-out */
	w = &part->waiters[part->waiter_count++];
	memcpy(w->hash, msg->client, 16);
	snprintf(
	    w->door, sizeof(w->door), "%.*s", (int)c->door.size, c->door.data);
	w->door_inc = c->door_inc;
	w->request = c->request;
	w->deadline_ms =
	    msg->m.deadline_ms ? msg->m.deadline_ms : part->now_ms + 5000;
}

/* --------------------------------------------------------------- answer -- */

static void
answer_here(struct acta_part *part, const struct acta_caller *c,
    const char *from, const struct acta_end *end)
{
	const struct acta_end after = {
		.outcome = ACTA_UNDELIVERED, .code = "failed", .text = end->text
	};

	if (c->home_key.data != NULL) {
		struct record r;
		const uint8_t none[16] = { 0 };
		enum acta_err err = record_get(part, c->home_key.data, &r);

		if (err == ACTA_OK && r.state != 0)
			return; /* it was answered: good once */
		/* Refused by another actor than was called: one had run. */
		if (!leaves_record(end) && err == ACTA_OK &&
		    !is_text(r.to, from))
			end = &after;
		if (!leaves_record(end))
			acta_store_delete(
			    part->store, ACTA_T_REPLY, c->home_key.data, 20);
		else if (err == ACTA_OK)
			record_put(part, c->home_key.data,
			    keep_bytes(part, r.to),
			    acta_arena_copy(&part->arena, r.body, 16), end);
		else
			record_put(part, c->home_key.data,
			    (struct acta_bytes){ "", 0 }, none, end);
		tell_waiters(part, (const uint8_t *)c->home_key.data + 4, end);
	}
	reply_door(part, c->door.data, c->door.size, c->door_inc, c->request,
	    end, NULL);
}

void
acta_part_answer(struct acta_part *part, const struct acta_caller *c,
    const char *from, const struct acta_end *end)
{
	struct acta_buf b;

	if (c->kind == ACTA_CALLER_NOBODY)
		return;
	if (c->kind == ACTA_CALLER_DOOR &&
	    (c->home_key.data == NULL || is_home(part, c->service, c->part))) {
		answer_here(part, c, from, end);
		return;
	}
	acta_buf_init(&b);
	acta_pack_map(&b, 5);
	if (c->kind == ACTA_CALLER_ASK) {
		acta_pack_text(&b, "a");
		acta_pack_uint(&b, c->ask);
	} else {
		acta_pack_text(&b, "w");
		acta_caller_encode(&b, c);
	}
	pack_end(&b, end);
	route_own(part, c->service, c->part,
	    c->kind == ACTA_CALLER_ASK ? "@answer" : "@reply", from,
	    (struct acta_bytes){ (const char *)b.data, (uint32_t)b.size });
	acta_buf_fini(&b);
}

/* --------------------------------------------------------- dead letters -- */

void
acta_part_dead(struct acta_part *part, const struct acta_msg *msg,
    const char *cause, const char *text)
{
	uint8_t key[8];
	struct acta_buf *b = &part->pack;

	acta_buf_reset(b);
	acta_pack_list(b, 6);
	acta_pack_text(b, cause);
	acta_pack_text(b, text ? text : "");
	acta_pack_int(b, msg->attempt);
	acta_pack_int(b, part->now_ms);
	acta_pack_bin(b, msg->uid.bytes, 16);
	acta_pack_raw(b, msg->raw, msg->raw_size);
	be64(key, part->next_dead++);
	part->numbers_dirty = true;
	part->dead++;
	acta_store_put(part->store, ACTA_T_DEAD, key, 8, b->data, b->size);
}

/* ------------------------------------------------------ one message run -- */

enum fate { FATE_HANDLED, FATE_REJECTED, FATE_PARKED, FATE_DEAD, FATE_KILLED };

static const char *const fate_names[] = { "handled", "rejected", "parked",
	"dead" };

static const char *
own_address(struct acta_part *part, struct acta_bytes key)
{
	char *text = acta_arena_alloc(&part->arena, ACTA_ADDRESS_MAX + 1);

	if (key.size == 0)
		snprintf(
		    text, ACTA_ADDRESS_MAX + 1, "%s", part->config.service);
	else
		snprintf(text, ACTA_ADDRESS_MAX + 1, "%s/%.*s",
		    part->config.service, (int)key.size, key.data);
	return text;
}

/* The answer that this message's end owes, if it owes one. */
static void
end_with(struct acta_part *part, const struct acta_msg *msg,
    const struct acta_end *end)
{
	struct acta_end nil = { .outcome = ACTA_ANSWERED };

	/* A client's send hears that it was taken, whatever came of it. */
	if (msg->source == ACTA_FROM_CALL && msg->send && leaves_record(end))
		end = &nil;
	acta_part_answer(
	    part, &msg->m.caller, own_address(part, msg->m.key), end);
}

static enum fate
undeliverable(struct acta_part *part, const struct acta_msg *msg,
    const char *code, const char *text, const char *hint)
{
	struct acta_end end = {
		.outcome = ACTA_UNDELIVERED, .code = code, .text = text
	};

	if (msg->source == ACTA_FROM_CALL) {
		const struct acta_caller *c = &msg->m.caller;

		if (c->kind == ACTA_CALLER_DOOR)
			reply_door(part, c->door.data, c->door.size,
			    c->door_inc, c->request, &end, hint);
		return FATE_REJECTED;
	}
	if (strcmp(code, "expired") != 0)
		acta_part_dead(part, msg, code, text);
	end_with(part, msg, &end);
	return strcmp(code, "expired") == 0 ? FATE_REJECTED : FATE_DEAD;
}

static int64_t
backoff_ms(const struct acta_part *part, uint32_t attempts)
{
	double ms = (double)part->config.backoff_min_ms;

	for (uint32_t i = 1; i < attempts && ms < part->config.backoff_max_ms;
	     i++)
		ms *= part->config.backoff_factor;
	return ms > (double)part->config.backoff_max_ms
	    ? part->config.backoff_max_ms
	    : (int64_t)ms;
}

/* Into its actor's queue; a client's id is pending from here on, and its send
 * is answered. */
static enum fate
park(struct acta_part *part, struct acta_msg *msg, uint32_t attempts,
    int64_t due_ms, const char *reason)
{
	struct acta_caller *c = &msg->m.caller;

	if (msg->source == ACTA_FROM_PARKED) {
		acta_park_update(part, msg, attempts, due_ms, reason);
		return FATE_PARKED;
	}
	if (msg->source == ACTA_FROM_CALL) {
		struct acta_buf b;

		if (msg->send) {
			const struct acta_end nil = { .outcome =
							  ACTA_ANSWERED };

			if (c->home_key.data != NULL)
				record_put(part, c->home_key.data,
				    text_bytes(own_address(part, msg->m.key)),
				    msg->body_hash, NULL);
			acta_part_answer(part, c, "", &nil);
			*c = (struct acta_caller){ 0 };
			msg->m.deadline_ms = 0;
		} else if (c->home_key.data != NULL) {
			record_put(part, c->home_key.data,
			    text_bytes(own_address(part, msg->m.key)),
			    msg->body_hash, NULL);
		}
		/* As it is now: with its home, without a send's deadline. */
		acta_buf_init(&b);
		acta_message_encode(&b, &msg->m);
		msg->raw = acta_arena_copy(&part->arena, b.data, b.size);
		msg->raw_size = b.size;
		acta_buf_fini(&b);
	}
	acta_park_append(part, msg, attempts, due_ms, reason);
	return FATE_PARKED;
}

static uint32_t
blamed(const struct acta_part *part, const struct acta_uid *uid)
{
	for (uint32_t i = 0; i < part->blame_count; i++)
		if (memcmp(part->blames[i].uid.bytes, uid->bytes, 16) == 0)
			return part->blames[i].count;
	return 0;
}

static void
note_box(struct acta_part *part, const struct acta_msg *msg)
{
	struct acta_box *box = part->box;
	struct timespec now;
	size_t at;

	clock_gettime(CLOCK_BOOTTIME, &now);
	box->part = part->config.part;
	memcpy(box->uid, msg->blamed.bytes, 16);
	memcpy(box->ran, msg->uid.bytes, 16);
	box->limit_ms = msg->handler->handler->turn_limit_ms
	    ? msg->handler->handler->turn_limit_ms
	    : (uint32_t)part->config.turn_limit_ms;
	at = text_copy(box->actor, sizeof(box->actor), part->config.service,
	    strlen(part->config.service));
	if (msg->m.key.size > 0) {
		box->actor[at++] = '/';
		(void)text_copy(box->actor + at, sizeof(box->actor) - at,
		    msg->m.key.data, msg->m.key.size);
	}
	(void)text_copy(
	    box->type, sizeof(box->type), msg->type_text, msg->m.type.size);
	atomic_store(
	    &box->since_ms, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	atomic_fetch_add(&box->begun, 1);
	atomic_store(&box->phase, ACTA_PHASE_HANDLER);
}

/* Lazily, once an actor, in the commit of its first message under a newer
 * schema. Returns the status that migrate left. */
static acta_status
migrate(struct acta_part *part, struct acta_actor *actor)
{
	uint32_t want = actor->loaded->service->schema;
	char key[ACTA_KEY_MAX + 2];
	size_t size = acta_actor_row(key, actor->key, actor->key_size, NULL, 0),
	       value_size;
	const void *value;
	int64_t have = 0;
	bool held = false, ok = true, known = false;
	acta_status status = ACTA_DONE;

	if (want == 0)
		return ACTA_DONE;
	if (acta_store_get(part->store, ACTA_T_ACTOR, key, size, &value,
		&value_size) == ACTA_OK) {
		struct acta_reader r = acta_reader(value, value_size);

		(void)acta_read_list(&r, &ok);
		have = acta_read_int(&r, &ok);
		held = acta_read_bool(&r, &ok);
		known = have > 0;
	}
	if (have == (int64_t)want)
		return ACTA_DONE;
	if (!known) { /* an actor without rows is new, not old */
		struct acta_scan *scan =
		    acta_scan_open(part->store, ACTA_T_STATE, key, size);
		struct acta_row row;

		known = acta_scan_next(scan, &row);
		if (acta_scan_close(&scan) != ACTA_OK)
			return ACTA_FAILED;
	}
	if (known && actor->loaded->service->migrate != NULL) {
		bool reads_only = actor->reads_only;

		actor->reads_only = false; /* it may change what it migrates */
		status = actor->loaded->service->migrate(actor, (uint32_t)have);
		actor->reads_only = reads_only;
	}
	if (status != ACTA_DONE || actor->status != ACTA_DONE)
		return ACTA_FAILED;
	acta_buf_reset(&part->pack);
	acta_pack_list(&part->pack, 2);
	acta_pack_int(&part->pack, want);
	acta_pack_bool(&part->pack, held);
	acta_store_put(part->store, ACTA_T_ACTOR, key, size, part->pack.data,
	    part->pack.size);
	return ACTA_DONE;
}

static void
actor_init(struct acta_part *part, struct acta_actor *a, struct acta_msg *msg)
{
	memset(a, 0, offsetof(struct acta_actor, scans));
	a->part = part;
	a->loaded = part->loaded;
	a->arena = &part->arena;
	a->msg = msg;
	a->scan_count = a->list_count = 0;
	memcpy(a->key, msg->m.key.data, msg->m.key.size);
	a->key[msg->m.key.size] = '\0';
	a->key_size = msg->m.key.size;
	a->now_ms = part->now_ms;
	a->sent_tail = &a->sent;
	a->event_tail = &a->events;
	msg->actor = a;
	a->reads_only = (msg->handler->handler->flags & ACTA_READS) != 0;
}

/* Is there room where it sends? A client's call must not take the reserve. */
static bool
room_for(struct acta_part *part, const struct acta_actor *a, bool inside)
{
	for (struct acta_sent *s = a->sent; s != NULL; s = s->next)
		if ((s->part != part->config.part ||
			strcmp(s->service, part->config.service) != 0) &&
		    !acta_channel_room(part,
			acta_channel_out(part, s->service, s->part), inside))
			return false;
	return true;
}

static void
keep_effects(struct acta_part *part, struct acta_actor *a)
{
	for (struct acta_sent *s = a->sent; s != NULL; s = s->next)
		route(part, s->service, s->part, s->data, s->size);
	for (struct acta_unsent *u = a->unsent; u != NULL; u = u->next) {
		const struct acta_end end = { .outcome = ACTA_UNDELIVERED,
			.code = "unknown-service",
			.text = u->text };

		acta_part_answer(part, &u->caller, u->from, &end);
	}
	for (struct acta_release *e = a->events, *next; e != NULL; e = next) {
		next = e->next;
		e->next = NULL;
		e->event = true;
		acta_topics_append(part, e);
		*part->release_tail = e;
		part->release_tail = &e->next;
	}
}

static enum fate
failed(struct acta_part *part, struct acta_msg *msg, const char *text)
{
	struct acta_end end = {
		.outcome = ACTA_UNDELIVERED, .code = "failed", .text = text
	};

	if (msg->attempt < part->config.max_attempts)
		return park(part, msg, msg->attempt,
		    part->now_ms + backoff_ms(part, msg->attempt), text);
	acta_part_dead(part, msg, "failed", text);
	end_with(part, msg, &end);
	return FATE_DEAD;
}

/* Where to go back to if nothing of a handler is kept. */
struct before {
	acta_store_mark mark;
	struct acta_sent **local_tail;
	struct acta_release **release_tail;
};

static void
undo(struct acta_part *part, const struct before *before)
{
	acta_store_undo(part->store, before->mark);
	part->local_tail = before->local_tail;
	*part->local_tail = NULL;
	part->release_tail = before->release_tail;
	*part->release_tail = NULL;
}

/* What came of the handler: all of it is kept, or nothing. */
static enum fate
conclude(struct acta_part *part, struct acta_actor *a,
    const struct before *before, acta_status status)
{
	struct acta_msg *msg = a->msg;
	struct acta_end end = { .outcome = ACTA_ANSWERED };

	if (a->status > status)
		status = a->status;
	if (status == ACTA_DONE && !a->held && !a->misused &&
	    !room_for(part, a, msg->source != ACTA_FROM_CALL))
		a->full = true;
	if (status != ACTA_DONE || a->held || a->misused || a->full)
		undo(part, before);
	if (a->misused) {
		acta_part_dead(part, msg, "misused", a->text);
		end = (struct acta_end){ .outcome = ACTA_UNDELIVERED,
			.code = "failed",
			.text = a->text };
		end_with(part, msg, &end);
		return FATE_DEAD;
	}
	if (a->held) {
		enum fate fate;

		msg->holds = true;
		fate = park(part, msg, msg->attempt - 1, part->now_ms, "held");
		acta_park_hold(part, msg, true);
		return fate;
	}
	if (a->full && msg->source == ACTA_FROM_CALL) {
		part->busy++;
		return undeliverable(part, msg, "busy",
		    "a channel that it would send to is full",
		    "nothing was applied: try again later");
	}
	if (a->full)
		return park(part, msg, msg->attempt - 1, part->now_ms + 100,
		    "channel full");
	if (status == ACTA_FAILED)
		return failed(part, msg, a->text ? a->text : "");
	if (status == ACTA_REJECTED) {
		end.outcome = ACTA_REFUSED;
		end.code = a->code ? a->code : "rejected";
		end.text = a->text ? a->text : "";
		if (msg->m.caller.kind == ACTA_CALLER_NOBODY || msg->send)
			part->rejected_sends++;
		end_with(part, msg, &end);
		return FATE_REJECTED;
	}
	/* What it sent goes first, as it was sent before the answer. */
	keep_effects(part, a);
	if (!a->caller_taken) {
		end.result = a->replied ? a->reply : NULL;
		end.size = a->reply_size;
		end_with(part, msg, &end);
	} else if (msg->source == ACTA_FROM_CALL && msg->send) {
		end_with(part, msg, &end);
	}
	if (a->resumed)
		acta_park_hold(part, msg, false);
	part->handled++;
	return FATE_HANDLED;
}

static enum fate
run_handler(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_actor actor;
	const struct before before = { acta_store_mark_now(part->store),
		part->local_tail, part->release_tail };
	acta_status status;
	enum fate fate;

	actor_init(part, &actor, msg);
	if (killed(part, "handler"))
		return FATE_KILLED;
	note_box(part, msg);
	status = migrate(part, &actor);
	if (status == ACTA_DONE)
		status = msg->handler->handler->run(&actor, msg);
	atomic_store(&part->box->phase, ACTA_PHASE_GATHER);
	if ((unsigned)status > ACTA_FAILED)
		acta_actor_misuse(&actor,
		    "%s returned %d, which is no "
		    "acta_status",
		    msg->type_text, (int)status);
	acta_actor_fini(&actor);
	fate = conclude(part, &actor, &before, status);
	return fate;
}

/* ---------------------------------------------- before a handler is run -- */

/* An answer to one of our asks, as the message `then` of its actor. */
static enum fate run(struct acta_part *part, struct acta_msg *msg);

static bool
make_then(struct acta_part *part, struct acta_msg *msg, uint64_t ask,
    const struct acta_end *end)
{
	uint8_t key[8];
	const void *value;
	size_t size;
	struct acta_reader r;
	bool ok = true;
	struct acta_message m = { .from = msg->m.from,
		.id = { "", 0 },
		.type = text_bytes("@then"),
		.sent_ms = part->now_ms };
	struct acta_bytes then;
	int64_t due_ms;
	const void *kept;
	size_t kept_size;
	struct acta_buf b;

	be64(key, ask);
	if (acta_store_get(part->store, ACTA_T_ASK, key, 8, &value, &size) !=
	    ACTA_OK) {
		part->late++; /* answered, or timed out, before */
		return false;
	}
	r = acta_reader(value, size);
	ok = acta_read_list(&r, &ok) == 4 && ok;
	m.key.data = acta_read_str(&r, &m.key.size, &ok);
	then.data = acta_read_str(&r, &then.size, &ok);
	kept = acta_read_raw(&r, &kept_size);
	due_ms = acta_read_int(&r, &ok);
	if (!ok || m.key.size > ACTA_KEY_MAX)
		return false;
	acta_buf_init(&b);
	acta_pack_map(&b, 6);
	acta_pack_text(&b, "t");
	acta_pack_str(&b, then.data, then.size);
	acta_pack_text(&b, "k");
	acta_pack_raw(&b, kept, kept_size);
	pack_end(&b, end);
	m.args_raw =
	    (struct acta_bytes){ acta_arena_copy(&part->arena, b.data, b.size),
		    (uint32_t)b.size };
	acta_buf_reset(&b);
	acta_message_encode(&b, &m);
	msg->raw = acta_arena_copy(&part->arena, b.data, b.size);
	msg->raw_size = b.size;
	acta_buf_fini(&b);
	acta_store_delete(part->store, ACTA_T_ASK, key, 8);
	acta_part_due_delete(part, due_ms, 'a', key, 8);
	return true;
}

static enum fate
run_then(struct acta_part *part, struct acta_msg *msg, uint64_t ask,
    const struct acta_end *end)
{
	return make_then(part, msg, ask, end) ? run(part, msg) : FATE_HANDLED;
}

static const char *
arg_text(struct acta_part *part, acta_value map, const char *name)
{
	acta_value v = arg(map, name);

	return v.type == ACTA_STR
	    ? acta_arena_text(&part->arena, v.as.data, v.size)
	    : "";
}

/* The end that stands in the args of @answer, @reply, @token, @then. */
static struct acta_end
end_of(struct acta_part *part, const struct acta_msg *msg)
{
	acta_value map = msg->m.args;
	struct acta_end end = { .outcome =
				    (acta_outcome)acta_as_int(arg(map, "o"), 0),
		.code = arg_text(part, map, "c"),
		.text = arg_text(part, map, "x") };
	struct acta_reader r = acta_reader_into(map);

	/* The raw bytes of "r". */
	r.end = (const uint8_t *)msg->raw + msg->raw_size;
	for (uint32_t i = 0; i < map.size; i++) {
		acta_value name = acta_read(&r);
		size_t size;
		const void *raw = acta_read_raw(&r, &size);

		if (name.type == ACTA_STR && name.size == 1 &&
		    *(const char *)name.as.data == 'r') {
			end.result = raw;
			end.size = size;
		}
	}
	return end;
}

/* A deferred reply comes home to where its token was given out. */
static enum fate
run_token(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_end end = end_of(part, msg);
	uint8_t key[16];
	const void *value;
	size_t size;
	struct acta_reader r;
	struct acta_caller caller;
	bool ok = true;
	int64_t due_ms;

	be64(key, (uint64_t)acta_as_int(arg(msg->m.args, "n"), 0));
	be64(key + 8, (uint64_t)acta_as_int(arg(msg->m.args, "d"), 0));
	if (acta_store_get(part->store, ACTA_T_TOKEN, key, 16, &value, &size) !=
	    ACTA_OK) {
		part->late++;
		return FATE_HANDLED;
	}
	r = acta_reader(value, size);
	ok = acta_read_list(&r, &ok) == 3 && ok;
	acta_caller_decode(&r, &caller, &ok);
	(void)acta_read_int(&r, &ok);
	due_ms = acta_read_int(&r, &ok);
	if (!ok)
		return FATE_HANDLED;
	acta_store_delete(part->store, ACTA_T_TOKEN, key, 16);
	acta_part_due_delete(part, due_ms, 'k', key, 16);
	acta_part_answer(part, &caller,
	    acta_arena_text(&part->arena, msg->m.from.data, msg->m.from.size),
	    &end);
	return FATE_HANDLED;
}

static enum fate
run_own(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_end end;

	if (is_text(msg->m.type, "@token"))
		return run_token(part, msg);
	end = end_of(part, msg);
	if (is_text(msg->m.type, "@answer"))
		return run_then(part, msg,
		    (uint64_t)acta_as_int(arg(msg->m.args, "a"), 0), &end);
	if (is_text(msg->m.type, "@reply")) {
		acta_value w = arg(msg->m.args, "w");
		struct acta_caller caller;
		struct acta_buf b;
		struct acta_reader r;
		bool ok = true;

		acta_buf_init(&b);
		acta_pack_value(&b, w);
		r = acta_reader(
		    acta_arena_copy(&part->arena, b.data, b.size), b.size);
		acta_buf_fini(&b);
		acta_caller_decode(&r, &caller, &ok);
		if (ok && caller.kind == ACTA_CALLER_DOOR)
			answer_here(part, &caller, msg->from_text, &end);
		return FATE_HANDLED;
	}
	if (msg->source == ACTA_FROM_CALL) {
		acta_part_admin(part, msg);
		return FATE_HANDLED;
	}
	part->dropped++;
	return FATE_HANDLED;
}

static void
texts(struct acta_msg *msg)
{
	static const char hex[] = "0123456789abcdef";

	text_copy(msg->type_text, sizeof(msg->type_text), msg->m.type.data,
	    msg->m.type.size);
	text_copy(msg->from_text, sizeof(msg->from_text), msg->m.from.data,
	    msg->m.from.size);
	for (int i = 0; i < 16; i++) {
		msg->id[2 * i] = hex[msg->uid.bytes[i] >> 4];
		msg->id[2 * i + 1] = hex[msg->uid.bytes[i] & 15];
	}
	msg->id[32] = '\0';
}

/* Who may send this type? NULL, or why not. */
static const char *
not_open(struct acta_part *part, const struct acta_msg *msg)
{
	uint32_t flags = msg->handler->handler->flags;

	if (msg->then || msg->timer)
		return NULL;
	if ((flags & ACTA_PRIVATE) != 0 &&
	    strcmp(msg->from_text, own_address(part, msg->m.key)) != 0)
		return "is private: only the actor itself may send it";
	if ((flags & ACTA_INSIDE) != 0 && msg->from_text[0] == '\0')
		return "is for the services of the node, not for clients";
	return NULL;
}

static const char *
type_hint(struct acta_part *part, const struct acta_msg *msg)
{
	const char *words[ACTA_HANDLERS_MAX + 1];
	const char *near;
	char *hint = acta_arena_alloc(&part->arena, 128);
	uint32_t n = 0;

	for (uint32_t i = 0; i < part->loaded->count; i++)
		if ((part->loaded->handlers[i].handler->flags & ACTA_PRIVATE) ==
		    0)
			words[n++] = part->loaded->handlers[i].handler->type;
	words[n] = NULL;
	near = acta_closest(msg->type_text, words);
	if (near == NULL)
		return "";
	snprintf(hint, 128, "did you mean \"%s\"?", near);
	return hint;
}

/* Find the handler and check the args; false: *fate is how it ended. */
static bool
check(struct acta_part *part, struct acta_msg *msg, enum fate *fate)
{
	struct acta_why why = { "", "" };
	acta_value args = msg->m.args;
	char text[200];
	const char *closed;

	msg->handler =
	    acta_loaded_find(part->loaded, msg->m.type.data, msg->m.type.size);
	if (msg->handler == NULL) {
		snprintf(text, sizeof(text), "%s has no type \"%s\"",
		    part->config.service, msg->type_text);
		*fate = undeliverable(
		    part, msg, "unknown-type", text, type_hint(part, msg));
		return false;
	}
	closed = not_open(part, msg);
	if (closed != NULL) {
		snprintf(
		    text, sizeof(text), "\"%s\" %s", msg->type_text, closed);
		*fate = undeliverable(part, msg, "denied", text, "");
		return false;
	}
	if (msg->then && msg->outcome != ACTA_ANSWERED) {
		args.type = ACTA_ABSENT;
		for (uint32_t i = 0; i < msg->handler->args.count; i++)
			msg->args[i] = msg->handler->args.fields[i].otherwise;
		return true;
	}
	if (acta_schema_check(&msg->handler->args, args,
		msg->source == ACTA_FROM_CALL, "arg", msg->args,
		&why) != ACTA_OK) {
		*fate =
		    undeliverable(part, msg, "bad-args", why.text, why.hint);
		return false;
	}
	return true;
}

static bool
open_then(struct acta_part *part, struct acta_msg *msg)
{
	acta_value map = msg->m.args, t = arg(map, "t");
	struct acta_end end = end_of(part, msg);

	if (t.type != ACTA_STR)
		return false;
	msg->then = true;
	msg->m.type = (struct acta_bytes){ t.as.data, t.size };
	msg->outcome = end.outcome;
	msg->code = end.code;
	msg->text = end.text;
	msg->kept = arg(map, "k");
	msg->m.args = arg(map, "r");
	if (msg->m.args.type != ACTA_MAP)
		msg->m.args = (acta_value){ 0 };
	return true;
}

/* Run an encoded message (raw, uid, source, attempt are set). */
static enum fate
run(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_reader r = acta_reader(msg->raw, msg->raw_size);
	struct acta_parked *queue;
	enum fate fate;
	uint32_t crashes;

	if (acta_message_decode(&r, &msg->m) != ACTA_OK) {
		acta_part_dead(part, msg, "malformed",
		    "it cannot be decoded: too deep, or damaged");
		return FATE_DEAD;
	}
	texts(msg);
	if (msg->m.type.size > 0 && msg->m.type.data[0] == '@') {
		if (!is_text(msg->m.type, "@then"))
			return run_own(part, msg);
		if (!open_then(part, msg))
			return FATE_HANDLED;
		texts(msg);
	}
	if (msg->m.deadline_ms != 0 && msg->m.deadline_ms <= part->now_ms)
		return undeliverable(part, msg, "expired",
		    "its deadline had passed before it was begun: not applied",
		    "");
	if (!check(part, msg, &fate))
		return fate;
	crashes = blamed(part, &msg->uid);
	if (crashes >= part->config.max_crashes) {
		struct acta_end end = { .outcome = ACTA_UNDELIVERED,
			.code = "failed",
			.text = "it crashed its process" };

		acta_part_dead(part, msg, "crashed", end.text);
		end_with(part, msg, &end);
		return FATE_DEAD;
	}
	queue = acta_parked_find(part, msg->m.key.data, msg->m.key.size);
	if (msg->source != ACTA_FROM_PARKED && queue != NULL &&
	    (queue->count > 0 || queue->held) &&
	    !(queue->held && (msg->then || msg->timer)))
		return park(part, msg, 0, part->now_ms, "behind others");
	return run_handler(part, msg);
}

/* ------------------------------------------------------------- sources -- */

static void
note(
    struct acta_part *part, const char *source, uint64_t number, enum fate fate)
{
	acta_buf_reset(&part->pack);
	acta_pack_list(&part->pack, 3);
	acta_pack_text(&part->pack, source);
	acta_pack_uint(&part->pack, number);
	acta_pack_text(&part->pack, fate_names[fate]);
	acta_store_note(part->store, part->pack.data, part->pack.size);
}

static void
msg_init(struct acta_msg *msg, enum acta_source source)
{
	memset(msg, 0, offsetof(struct acta_msg, args));
	memset((char *)msg + offsetof(struct acta_msg, uid), 0,
	    sizeof(*msg) - offsetof(struct acta_msg, uid));
	msg->source = source;
	msg->attempt = 1;
	msg->code = msg->text = "";
}

static enum fate
run_local(struct acta_part *part, const struct acta_uid *blame)
{
	struct acta_sent *s = part->local;
	struct acta_msg msg;

	part->local = s->next;
	if (part->local == NULL)
		part->local_tail = &part->local;
	msg_init(&msg, ACTA_FROM_LOCAL);
	msg.raw = s->data;
	msg.raw_size = s->size;
	msg.uid =
	    acta_part_uid(part->id.history, 16, "local", 5, part->next_local++);
	part->numbers_dirty = true;
	msg.blamed = *blame;
	return run(part, &msg);
}

/* What is left of the local queue gets a durable name (CORE 1.1, 1.6). */
static void
park_locals(struct acta_part *part)
{
	while (part->local != NULL) {
		struct acta_sent *s = part->local;
		struct acta_msg msg;
		struct acta_reader r;

		part->local = s->next;
		if (part->local == NULL)
			part->local_tail = &part->local;
		msg_init(&msg, ACTA_FROM_LOCAL);
		msg.raw = s->data;
		msg.raw_size = s->size;
		msg.uid = acta_part_uid(
		    part->id.history, 16, "local", 5, part->next_local++);
		part->numbers_dirty = true;
		r = acta_reader(s->data, s->size);
		if (acta_message_decode(&r, &msg.m) != ACTA_OK)
			continue;
		/* The runtime's own run no handler, but an answer does: it
		 * waits as the message that it will be. */
		if (is_text(msg.m.type, "@answer")) {
			struct acta_end end = end_of(part, &msg);

			if (!make_then(part, &msg,
				(uint64_t)acta_as_int(arg(msg.m.args, "a"), 0),
				&end))
				continue;
			r = acta_reader(msg.raw, msg.raw_size);
			if (acta_message_decode(&r, &msg.m) != ACTA_OK)
				continue;
		} else if (msg.m.type.data[0] == '@' &&
		    !is_text(msg.m.type, "@then")) {
			texts(&msg);
			(void)run_own(part, &msg);
			continue;
		}
		msg.then = is_text(msg.m.type, "@then");
		acta_park_append(part, &msg, 0, part->now_ms, "turn full");
	}
}

/* A timer, an ask's time-out or a forgotten token. */
static enum fate
run_due(struct acta_part *part, struct acta_uid *blame)
{
	uint8_t key[ACTA_STORE_KEY_MAX];
	size_t size, value_size;
	const void *value;
	struct acta_msg msg;
	struct acta_reader r;
	bool ok = true;
	struct acta_bytes type, args;
	int64_t due_ms, every_ms;
	struct acta_message m = { .id = { "", 0 } };
	struct acta_buf b;

	if (due_first(part, key, &size) != ACTA_OK || size == 0 ||
	    part->next_due_ms > part->now_ms)
		return FATE_HANDLED;
	msg_init(&msg, ACTA_FROM_TIMER);
	msg.uid = msg.blamed =
	    acta_part_uid(part->id.history, 16, key, size, 0);
	*blame = msg.uid;
	acta_store_delete(part->store, ACTA_T_DUE, key, size);
	if (key[8] == 'k') {
		acta_store_delete(part->store, ACTA_T_TOKEN, key + 9, size - 9);
		return FATE_HANDLED;
	}
	if (key[8] == 'a' && size == 17) {
		const struct acta_end end = { .outcome = ACTA_TIMED_OUT,
			.code = "timeout",
			.text = "no answer in time: it may still happen" };
		uint64_t ask = 0;

		for (int i = 0; i < 8; i++)
			ask = ask << 8 | key[9 + i];
		msg.m.from = (struct acta_bytes){ "", 0 };
		return run_then(part, &msg, ask, &end);
	}
	if (acta_store_get(part->store, ACTA_T_TIMER, key + 9, size - 9, &value,
		&value_size) != ACTA_OK)
		return FATE_HANDLED;
	r = acta_reader(value, value_size);
	ok = acta_read_list(&r, &ok) == 4 && ok;
	due_ms = acta_read_int(&r, &ok);
	every_ms = acta_read_int(&r, &ok);
	type.data = acta_read_str(&r, &type.size, &ok);
	{
		size_t n;

		args.data = acta_read_raw(&r, &n);
		args.size = (uint32_t)n;
	}
	if (!ok || due_ms != part->next_due_ms)
		return FATE_HANDLED;
	msg.timer = true;
	m.key = (struct acta_bytes){ (const char *)key + 10, key[9] };
	m.type = keep_bytes(part, type);
	m.from = text_bytes(own_address(part, m.key));
	m.sent_ms = part->now_ms;
	m.args_raw = keep_bytes(part, args);
	if (every_ms > 0) { /* at its old phase; what was missed ran once */
		due_ms += every_ms * ((part->now_ms - due_ms) / every_ms + 1);
		acta_buf_reset(&part->pack);
		acta_pack_list(&part->pack, 4);
		acta_pack_int(&part->pack, due_ms);
		acta_pack_int(&part->pack, every_ms);
		acta_pack_str(&part->pack, m.type.data, m.type.size);
		acta_pack_raw(&part->pack, m.args_raw.data, m.args_raw.size);
		acta_store_put(part->store, ACTA_T_TIMER, key + 9, size - 9,
		    part->pack.data, part->pack.size);
		acta_part_due_put(
		    part, due_ms, 't', key + 9, size - 9, &PACKED_NIL, 1);
	} else {
		acta_store_delete(part->store, ACTA_T_TIMER, key + 9, size - 9);
	}
	acta_buf_init(&b);
	acta_message_encode(&b, &m);
	msg.raw = acta_arena_copy(&part->arena, b.data, b.size);
	msg.raw_size = b.size;
	acta_buf_fini(&b);
	return run(part, &msg);
}

static enum fate
run_parked(struct acta_part *part, struct acta_parked *queue,
    struct acta_uid *blame, bool *alone)
{
	struct acta_msg msg;
	struct acta_bytes key;
	enum acta_err err;
	enum fate fate;
	uint32_t crashes;

	msg_init(&msg, ACTA_FROM_PARKED);
	err = acta_parked_first(part, queue, &msg);
	if (err != ACTA_OK) {
		if (err != ACTA_ENOENT)
			(void)acta_part_fatal(part, err);
		return FATE_HANDLED;
	}
	msg.blamed = *blame = msg.uid;
	crashes = blamed(part, &msg.uid);
	if (crashes > 0 && crashes < part->config.max_crashes) {
		*alone = true;
		if (part->turn_messages > 0)
			return FATE_HANDLED; /* at the next turn's beginning */
	}
	key = (struct acta_bytes){ acta_arena_text(&part->arena, queue->key,
				       queue->key_size),
		queue->key_size };
	fate = run(part, &msg);
	if (fate != FATE_PARKED && fate != FATE_KILLED) {
		msg.m.key = key;
		acta_park_remove(part, &msg);
	}
	return fate;
}

/* The args packed anew, so that the same request in another encoding is the
 * same request. */
static void
body_hash(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_hash128 h;

	acta_buf_reset(&part->pack);
	acta_pack_str(&part->pack, msg->m.key.data, msg->m.key.size);
	acta_pack_str(&part->pack, msg->m.type.data, msg->m.type.size);
	acta_pack_value(&part->pack, msg->m.args);
	h = acta_hash128(part->pack.data, part->pack.size);
	memcpy(msg->body_hash, h.bytes, 16);
}

/* A call under an id that is known: true, and it is answered. */
static bool
answered_before(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_caller *c = &msg->m.caller;
	enum acta_err err;
	struct record r;
	struct acta_end end = { .outcome = ACTA_UNDELIVERED,
		.code = "id-reused",
		.text = "this id named another request before" };

	err = record_get(part, c->home_key.data, &r);
	if (err != ACTA_OK && err != ACTA_ENOENT)
		(void)acta_part_fatal(part, err);
	if (err != ACTA_OK)
		return part->failed; /* a damaged record must not run again */
	if (memcmp(r.body, msg->body_hash, 16) == 0) {
		if (r.state == 0) {
			wait_for(part, msg);
			return true;
		}
		end.outcome = r.state == 1 ? ACTA_ANSWERED : ACTA_REFUSED;
		end.code =
		    acta_arena_text(&part->arena, r.code.data, r.code.size);
		end.text =
		    acta_arena_text(&part->arena, r.text.data, r.text.size);
		end.result = r.result;
		end.size = r.size;
	}
	reply_door(part, c->door.data, c->door.size, c->door_inc, c->request,
	    &end,
	    end.outcome == ACTA_UNDELIVERED ? "make a new id for every request"
					    : NULL);
	return true;
}

static enum fate
run_call(struct acta_part *part, const struct acta_item *item,
    struct acta_uid *blame, bool *alone)
{
	struct acta_msg msg;
	struct acta_reader r = acta_reader(item->body.data, item->body.size);
	const struct acta_handler_info *h;
	struct acta_buf b;
	uint8_t home[20] = { 0 };
	uint32_t crashes;
	enum fate fate;

	msg_init(&msg, ACTA_FROM_CALL);
	if (acta_message_decode(&r, &msg.m) != ACTA_OK ||
	    msg.m.caller.kind == ACTA_CALLER_ASK) {
		part->dropped++;
		return FATE_HANDLED;
	}
	msg.send = (item->flags & ACTA_CALL_SEND) != 0;
	msg.admin = (item->flags & ACTA_CALL_ADMIN) != 0;
	msg.uid = acta_part_uid(item->src.data, item->src.size, &item->inc,
	    sizeof(item->inc), item->request);
	h = acta_loaded_find(part->loaded, msg.m.type.data, msg.m.type.size);
	if (item->client != NULL && msg.m.caller.kind == ACTA_CALLER_DOOR &&
	    h != NULL && (h->handler->flags & ACTA_READS) == 0) {
		msg.has_client = true;
		memcpy(msg.client, item->client, 16);
		memcpy(msg.uid.bytes, item->client, 16);
		memcpy(home + 4, item->client, 16);
		msg.m.caller.home_key =
		    (struct acta_bytes){ (const char *)home, 20 };
		msg.m.caller.service = text_bytes(part->config.service);
		msg.m.caller.part = part->config.part;
		body_hash(part, &msg);
		if (answered_before(part, &msg))
			return FATE_HANDLED;
	}
	if (part->intake_stopped &&
	    !(h != NULL && (h->handler->flags & ACTA_READS) != 0) &&
	    msg.m.type.size > 0 && msg.m.type.data[0] != '@') {
		part->busy++;
		return undeliverable(part, &msg, "busy",
		    "the store is nearly full: it takes nothing new",
		    "acta ps shows what waits; raise store.quota");
	}
	msg.blamed = *blame = msg.uid;
	crashes = blamed(part, &msg.uid);
	if (crashes > 0 && crashes < part->config.max_crashes) {
		*alone = true;
		if (part->turn_messages > 0)
			return FATE_HANDLED;
	}
	if (h != NULL && (h->handler->flags & ACTA_READS) != 0 &&
	    acta_parked_find(part, msg.m.key.data, msg.m.key.size) != NULL &&
	    part->read_count < ACTA_READS_MAX &&
	    msg.m.deadline_ms > part->now_ms) {
		struct acta_buf *kept = &part->reads[part->read_count++];

		acta_buf_init(kept);
		acta_item_encode(kept, item);
		return FATE_HANDLED;
	}
	acta_buf_init(&b);
	acta_message_encode(&b, &msg.m);
	msg.raw = acta_arena_copy(&part->arena, b.data, b.size);
	msg.raw_size = b.size;
	acta_buf_fini(&b);
	/* What the handler leaves pending is so from this commit on. */
	if (msg.has_client)
		record_put(part, home, text_bytes(own_address(part, msg.m.key)),
		    msg.body_hash, NULL);
	fate = run(part, &msg);
	if (fate == FATE_REJECTED && msg.has_client) {
		struct record rec;

		/* Refused before it ran: a repeat runs. */
		if (record_get(part, home, &rec) == ACTA_OK && rec.state == 0)
			acta_store_delete(part->store, ACTA_T_REPLY, home, 20);
	}
	return fate;
}

/* The next message of the DATA in hand. */
static enum fate
run_data(struct acta_part *part, const struct acta_item *item,
    struct acta_uid *blame, bool *alone, bool *done)
{
	struct acta_reader r = acta_reader(item->body.data, item->body.size);
	const uint8_t *start;
	struct acta_in *in = NULL;
	struct acta_msg msg;
	struct acta_hash128 chain;
	uint64_t seq = item->first;
	size_t size;
	uint8_t head[8];
	char source[ACTA_SERVICE_MAX + 12];
	enum fate fate;
	uint32_t crashes;

	*done = true;
	if (part->inbox_skip > 0) {
		r.at += part->inbox_skip;
		seq = part->inbox_seq;
	}
	for (uint32_t i = 0; i < part->in_count && in == NULL; i++)
		if (part->ins[i].part == item->src_part &&
		    is_text(item->src, part->ins[i].service))
			in = &part->ins[i];
	if (in == NULL)
		return FATE_HANDLED;
	if (!in->open || in->hist != item->hist || in->inc != item->inc) {
		in->queued = in->next; /* dropped: it must come again */
		return FATE_HANDLED;
	}
	/* What was taken of it before, and what is a duplicate. */
	while (seq < in->next && seq < item->first + item->count) {
		(void)acta_read_raw(&r, &size);
		seq++;
	}
	in->want_ack = true;
	if (seq >= item->first + item->count)
		return FATE_HANDLED;
	if (seq > in->next) {
		in->nacked = true;
		return FATE_HANDLED;
	}
	start = acta_read_raw(&r, &size);
	if (size == 0) {
		part->dropped++;
		in->queued = in->next;
		in->nacked = true;
		return FATE_HANDLED;
	}
	*done = false;
	msg_init(&msg, ACTA_FROM_CHANNEL);
	msg.raw = acta_arena_copy(&part->arena, start, size);
	msg.raw_size = size;
	msg.in = in;
	msg.seq = seq;
	snprintf(source, sizeof(source), "%.*s.%u", (int)item->src.size,
	    item->src.data, item->src_part);
	msg.uid = acta_part_uid(
	    source, strlen(source), &item->hist, sizeof(item->hist), seq);
	msg.blamed = *blame = msg.uid;
	crashes = blamed(part, &msg.uid);
	if (crashes > 0 && crashes < part->config.max_crashes) {
		*alone = true;
		if (part->turn_messages > 0)
			return FATE_HANDLED;
	}
	fate = run(part, &msg);
	if (fate == FATE_KILLED)
		return fate;
	/* `in` may have moved: sending can meet a new channel. */
	for (uint32_t i = 0; i < part->in_count; i++)
		if (part->ins[i].part == item->src_part &&
		    is_text(item->src, part->ins[i].service))
			in = &part->ins[i];
	for (int i = 0; i < 8; i++)
		head[i] = (uint8_t)(seq >> (8 * i));
	chain = acta_hash128_chain(in->chain, head, 8);
	in->chain = acta_hash128_chain(chain, start, size);
	in->next = seq + 1;
	in->bytes += size;
	in->taken++;
	in->handled += fate == FATE_HANDLED;
	in->rejected += fate == FATE_REJECTED;
	in->parked += fate == FATE_PARKED;
	in->dead += fate == FATE_DEAD;
	in->dirty = true;
	part->inbox_skip = (size_t)(r.at - (const uint8_t *)item->body.data);
	part->inbox_seq = seq + 1;
	*done = seq + 1 == item->first + item->count;
	note(part, source, seq, fate);
	return fate;
}

/* Calls that waited for an actor's parked messages: into the inbox again. */
static void
wake_reads(struct acta_part *part)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < part->read_count; i++) {
		struct acta_buf *b = &part->reads[i];
		struct acta_reader r = acta_reader(b->data, b->size), mr;
		struct acta_item item;
		struct acta_message m;
		bool stays = false;

		if (acta_item_decode(&r, &item) == ACTA_OK) {
			mr = acta_reader(item.body.data, item.body.size);
			stays = acta_message_decode(&mr, &m) == ACTA_OK &&
			    m.deadline_ms > part->now_ms &&
			    acta_parked_find(part, m.key.data, m.key.size) !=
				NULL;
		}
		if (stays) {
			struct acta_buf swap = part->reads[kept];

			part->reads[kept++] = *b;
			if (&part->reads[kept - 1] != b)
				*b = swap;
			continue;
		}
		acta_buf_append(
		    &part->inbox, &(uint32_t){ (uint32_t)b->size }, 4);
		acta_buf_append(&part->inbox, b->data, b->size);
		acta_buf_fini(b);
	}
	part->read_count = kept;
}

static enum fate
run_inbox(struct acta_part *part, struct acta_uid *blame, bool *alone)
{
	struct acta_item *item = &part->inbox_item;
	bool done = true;
	enum fate fate = FATE_HANDLED;

	if (part->inbox_size == 0) {
		struct acta_reader r;

		memcpy(&part->inbox_size, part->inbox.data + part->inbox_at, 4);
		r = acta_reader(
		    part->inbox.data + part->inbox_at + 4, part->inbox_size);
		if (acta_item_decode(&r, item) != ACTA_OK) {
			part->dropped++;
			item->kind = 0;
		}
	}
	if (item->kind == ACTA_ITEM_CALL) {
		fate = run_call(part, item, blame, alone);
		if (*alone && part->turn_messages > 0)
			return fate;
	} else if (item->kind == ACTA_ITEM_DATA) {
		fate = run_data(part, item, blame, alone, &done);
	}
	if (!done)
		return fate;
	part->inbox_at += 4 + part->inbox_size;
	part->inbox_size = 0;
	part->inbox_skip = 0;
	if (part->inbox_at == part->inbox.size) {
		acta_buf_reset(&part->inbox);
		part->inbox_at = 0;
	} else if (part->inbox_at > (1u << 20) &&
	    part->inbox_at * 2 > part->inbox.size) {
		memmove(part->inbox.data, part->inbox.data + part->inbox_at,
		    part->inbox.size - part->inbox_at);
		part->inbox.size -= part->inbox_at;
		part->inbox_at = 0;
	}
	return fate;
}

static bool
turn_full(struct acta_part *part)
{
	return part->turn_messages >= ACTA_TURN_MESSAGES ||
	    acta_store_pending_bytes(part->store) >= ACTA_TURN_BYTES ||
	    part->port.elapsed_ms(part->port.self) >= ACTA_TURN_MS;
}

/* Round-robin over the sources, one message each; false: killed. */
static bool
gather(struct acta_part *part)
{
	struct acta_uid blame = { { 0 } };
	bool alone = false, progress = true;
	enum fate fate = FATE_HANDLED;

	while (progress && !turn_full(part)) {
		struct acta_parked *queue;

		progress = false;
		while (part->local != NULL && !turn_full(part)) {
			if (alone) /* the suspect ran: name what it sent */
				return true;
			fate = run_local(part, &blame);
			part->turn_messages++;
			if (fate == FATE_KILLED)
				return false;
		}
		if (alone || turn_full(part))
			break;
		queue = acta_parked_due(part);
		if (queue != NULL) {
			fate = run_parked(part, queue, &blame, &alone);
			if (fate == FATE_KILLED)
				return false;
			if (alone && part->turn_messages > 0)
				break;
			part->turn_messages++;
			progress = true;
			if (alone)
				continue;
		}
		if (part->draining)
			break;
		if (part->next_due_ms <= part->now_ms) {
			fate = run_due(part, &blame);
			if (fate == FATE_KILLED)
				return false;
			part->turn_messages++;
			progress = true;
			if (part->local != NULL)
				continue;
		}
		if (part->inbox_at < part->inbox.size) {
			uint32_t before = part->turn_messages;

			fate = run_inbox(part, &blame, &alone);
			if (fate == FATE_KILLED)
				return false;
			if (alone && before > 0)
				break;
			part->turn_messages++;
			progress = true;
		}
	}
	return true;
}

/* -------------------------------------------------------------- commit -- */

static void
store_numbers(struct acta_part *part)
{
	acta_buf_reset(&part->pack);
	acta_pack_list(&part->pack, 4);
	acta_pack_uint(&part->pack, part->next_ask);
	acta_pack_uint(&part->pack, part->next_token);
	acta_pack_uint(&part->pack, part->next_dead);
	acta_pack_uint(&part->pack, part->next_local);
	acta_store_put(part->store, ACTA_T_META, "numbers", 7, part->pack.data,
	    part->pack.size);
	part->numbers_dirty = false;
}

static void
release(struct acta_part *part)
{
	for (struct acta_release *r = part->releases; r != NULL; r = r->next) {
		if (r->event)
			part->port.event(part->port.self, &r->item);
		else
			part->port.to_door(
			    part->port.self, r->door, r->door_inc, &r->item);
	}
}

static void
turn_begin(struct acta_part *part, int64_t now_ms)
{
	acta_arena_reset(&part->arena, ACTA_SCRATCH_KEEP);
	if (now_ms > part->now_ms)
		part->now_ms = now_ms; /* time never goes back */
	part->local = NULL;
	part->local_tail = &part->local;
	part->releases = NULL;
	part->release_tail = &part->releases;
	part->turn_messages = 0;
	part->inbox_size = 0; /* it may have moved since */
	acta_store_begin(part->store);
}

enum acta_err
acta_part_turn(struct acta_part *part, int64_t now_ms, bool *out_more)
{
	enum acta_err err;

	*out_more = false;
	if (part->failed)
		return ACTA_EUNSURE;
	turn_begin(part, now_ms);
	part->intake_stopped = acta_store_intake_stopped(part->store);
	if (killed(part, "gather"))
		return ACTA_ECLOSED;
	if (part->read_count > 0)
		wake_reads(part);
	if (!gather(part))
		return ACTA_ECLOSED;
	park_locals(part);
	acta_topics_store(part);
	acta_channels_store(part, part->draining);
	/* A number that only named what ran in one turn need not be kept. */
	if (part->numbers_dirty && acta_store_dirty(part->store))
		store_numbers(part);
	if (part->failed) /* the store cannot be read: nothing more is said */
		return ACTA_ECORRUPT;
	if (acta_store_dirty(part->store)) {
		if (killed(part, "commit"))
			return ACTA_ECLOSED;
		atomic_store(&part->box->phase, ACTA_PHASE_COMMIT);
		err = acta_store_commit(
		    part->store, part->now_ms, part->intake_stopped);
		if (err != ACTA_OK)
			return acta_part_fatal(part, err);
		if (killed(part, "committed"))
			return ACTA_ECLOSED;
	} else {
		acta_store_abort(part->store);
	}
	atomic_store(&part->box->phase, ACTA_PHASE_RELEASE);
	release(part);
	acta_store_begin(part->store);
	acta_channels_send(part, part->now_ms);
	acta_store_abort(part->store);
	if (killed(part, "released"))
		return ACTA_ECLOSED;
	atomic_store(&part->box->phase, ACTA_PHASE_IDLE);
	if (part->read_count > 0)
		wake_reads(part);
	*out_more = part->inbox_at < part->inbox.size ||
	    acta_parked_due(part) != NULL || part->next_due_ms <= part->now_ms;
	return part->failed ? ACTA_EUNSURE : ACTA_OK;
}

int64_t
acta_part_wake_ms(const struct acta_part *part)
{
	int64_t wake = part->next_due_ms, at = acta_parked_wake_ms(part);

	if (at < wake)
		wake = at;
	at = acta_channels_wake_ms(part);
	return at < wake ? at : wake;
}

uint64_t
acta_part_waiting(const struct acta_part *part)
{
	uint64_t n = part->parked_rows;

	for (uint32_t i = 0; i < part->out_count; i++)
		n += part->outs[i].next - part->outs[i].acked;
	return n;
}

bool
acta_part_quiet(const struct acta_part *part)
{
	return part->inbox_at == part->inbox.size;
}

/* --------------------------------------------------------------- items -- */

void
acta_part_item(
    struct acta_part *part, const struct acta_item *item, int64_t now_ms)
{
	if (now_ms > part->now_ms)
		part->now_ms = now_ms;
	if (item->kind != ACTA_ITEM_CALL) {
		acta_store_begin(part->store);
		acta_channel_item(part, item, now_ms);
		acta_store_abort(part->store);
		return;
	}
	if (part->inbox.size - part->inbox_at > ACTA_INBOX_BYTES_MAX) {
		struct acta_item out = { .kind = ACTA_ITEM_REPLY };
		char door[48];

		part->busy++;
		snprintf(door, sizeof(door), "%.*s", (int)item->src.size,
		    item->src.data);
		out.request = item->request;
		out.inc = item->inc;
		out.src = item->src;
		out.code = text_bytes("busy");
		out.text = text_bytes("too much waits already");
		out.hint = text_bytes("nothing was applied: try again later");
		out.body = (struct acta_bytes){ (const char *)&PACKED_NIL, 1 };
		part->port.to_door(part->port.self, door, item->inc, &out);
		return;
	}
	acta_buf_reset(&part->scratch);
	acta_item_encode(&part->scratch, item);
	acta_buf_append(
	    &part->inbox, &(uint32_t){ (uint32_t)part->scratch.size }, 4);
	acta_buf_append(&part->inbox, part->scratch.data, part->scratch.size);
}

void
acta_part_blame(struct acta_part *part, const uint8_t uid[16], uint32_t count)
{
	struct acta_blame *b;

	if (part->blame_count == ACTA_BLAMES_MAX)
		return;
	b = &part->blames[part->blame_count++];
	memcpy(b->uid.bytes, uid, 16);
	b->count = count;
}

/* ---------------------------------------------------------- open, close -- */

static enum acta_err
load(struct acta_part *part)
{
	const void *value;
	size_t size;
	uint8_t key[ACTA_STORE_KEY_MAX];
	bool ok = true;
	enum acta_err err;

	acta_store_begin(part->store);
	err = acta_store_get(
	    part->store, ACTA_T_META, "numbers", 7, &value, &size);
	if (err == ACTA_OK) {
		struct acta_reader r = acta_reader(value, size);

		ok = acta_read_list(&r, &ok) == 4 && ok;
		part->next_ask = acta_read_uint(&r, &ok);
		part->next_token = acta_read_uint(&r, &ok);
		part->next_dead = acta_read_uint(&r, &ok);
		part->next_local = acta_read_uint(&r, &ok);
	} else if (err != ACTA_ENOENT) {
		return err;
	}
	if (!ok)
		return ACTA_ECORRUPT;
	err = acta_channels_load(part);
	if (err == ACTA_OK)
		err = acta_parked_load(part);
	if (err == ACTA_OK)
		err = acta_topics_load(part);
	if (err == ACTA_OK)
		err = due_first(part, key, &size);
	acta_store_abort(part->store);
	return err;
}

enum acta_err
acta_part_open(struct acta_part **out, const char *dir,
    const struct acta_store_options *options,
    const struct acta_part_config *config, const struct acta_loaded *loaded,
    const struct acta_port *port, struct acta_box *box, int64_t now_ms,
    struct acta_why *why)
{
	struct acta_part *part = calloc(1, sizeof(*part));
	enum acta_err err;

	if (part == NULL)
		abort();
	part->config = *config;
	part->loaded = loaded;
	part->port = *port;
	part->box = box ? box : &part->own_box;
	part->next_ask = part->next_token = part->next_dead = 1;
	part->next_local = 1;
	acta_buf_init(&part->inbox);
	acta_buf_init(&part->pack);
	acta_buf_init(&part->scratch);
	part->local_tail = &part->local;
	part->release_tail = &part->releases;
	part->random[0] = config->seed;
	if (config->seed == 0 &&
	    getrandom(part->random, sizeof(part->random), 0) !=
		sizeof(part->random)) {
		err = ACTA_EIO;
		acta_why_text(why, "no random numbers from the system");
		goto fail;
	}
	err = acta_store_open(dir, options, &part->store, why);
	if (err != ACTA_OK)
		goto fail;
	part->id = acta_store_id(part->store);
	memcpy(&part->hist, part->id.history, 8);
	part->random[1] ^= part->id.incarnation_random;
	part->now_ms = acta_store_last_ms(part->store);
	if (now_ms > part->now_ms)
		part->now_ms = now_ms;
	part->intake_stopped = acta_store_intake_stopped(part->store);
	err = load(part);
	if (err != ACTA_OK) {
		acta_why_text(why,
		    "%s: a row of the runtime cannot be read: "
		    "%s",
		    dir, acta_strerror(err));
		goto fail;
	}
	*out = part;
	return ACTA_OK;
fail:
	acta_part_close(&part);
	return err;
}

void
acta_part_close(struct acta_part **p)
{
	struct acta_part *part = *p;

	if (part == NULL)
		return;
	acta_parked_fini(part);
	for (uint32_t i = 0; i < part->read_count; i++)
		acta_buf_fini(&part->reads[i]);
	acta_store_close(&part->store);
	acta_arena_fini(&part->arena);
	acta_buf_fini(&part->inbox);
	acta_buf_fini(&part->pack);
	acta_buf_fini(&part->scratch);
	for (uint32_t i = 0; i < part->out_count; i++)
		acta_buf_fini(&part->outs[i].cache);
	free(part->outs);
	free(part->ins);
	free(part->topics);
	free(part->waiters);
	free(part);
	*p = NULL;
}
