/*
 * runtime/host/source.c - where a turn takes its messages from: its own local
 * ones, parked ones, what is due by time, the inbox (links and doors).
 */
#include "runtime/host/local.h"
#include "runtime/host/turn.h"

#include <stdio.h>
#include <string.h>

#include "codecs/packer.h"
#include "runtime/host/park.h"

static const char *const fate_names[] = { "handled", "rejected", "parked",
	"dead" };

static void
note(struct acta_part *part, const char *source, uint64_t number,
    enum acta_fate fate)
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
	memset(msg, 0, sizeof(*msg));
	msg->source = source;
	msg->attempt = 1;
	msg->code = msg->text = msg->type_text = msg->from_text = "";
}

/* A message that crashed its process before is run alone in its turn: false, it
 * must wait for the next one. */
static bool
may_begin(struct acta_part *part, struct acta_msg *msg, struct acta_gather *g)
{
	uint32_t crashes = acta_part_blamed(part, &msg->uid);

	msg->blamed = g->blame = msg->uid;
	if (crashes == 0 || crashes >= part->config.max_crashes)
		return true;
	g->alone = true;
	g->put_off = part->turn_messages > 0;
	return !g->put_off;
}

enum acta_fate
acta_source_local(struct acta_part *part, const struct acta_gather *g)
{
	struct acta_sent *s = part->local;
	struct acta_msg msg;

	part->local = s->next;
	if (part->local == NULL)
		part->local_tail = &part->local;
	msg_init(&msg, ACTA_FROM_LOCAL);
	msg.raw = s->data;
	msg.raw_size = s->size;
	if (s->data == NULL)
		acta_local_open(part, s, &msg);
	msg.uid = acta_local_uid(part);
	msg.blamed = g->blame;
	return acta_run(part, &msg);
}

/* What is left of the local queue gets a durable name (CORE 1.1, 1.6). */
void
acta_source_local_park(struct acta_part *part)
{
	while (part->local != NULL) {
		struct acta_sent *s = part->local;
		struct acta_msg msg;
		struct acta_reader r;

		part->local = s->next;
		if (part->local == NULL)
			part->local_tail = &part->local;
		msg_init(&msg, ACTA_FROM_LOCAL);
		msg.uid = acta_local_uid(part);
		if (s->data == NULL) {
			acta_local_open(part, s, &msg);
			acta_local_pack(part, &msg);
			acta_park_append(
			    part, &msg, 0, part->now_ms, "turn full");
			continue;
		}
		msg.raw = s->data;
		msg.raw_size = s->size;
		r = acta_reader(s->data, s->size);
		if (acta_message_decode(&r, &msg.m) != ACTA_OK)
			continue;
		/* The runtime's own run no handler, but an answer does: it
		 * waits as the message that it will be. */
		if (acta_bytes_is(msg.m.type, "@answer")) {
			struct acta_end end = acta_own_end(part, &msg);

			if (!acta_own_then_make(part, &msg,
				(uint64_t)acta_as_int(
				    acta_own_arg(msg.m.args, "a"), 0),
				&end))
				continue;
			r = acta_reader(msg.raw, msg.raw_size);
			if (acta_message_decode(&r, &msg.m) != ACTA_OK)
				continue;
		} else if (msg.m.type.data[0] == '@' &&
		    !acta_bytes_is(msg.m.type, "@then")) {
			acta_msg_texts(part, &msg);
			(void)acta_own_run(part, &msg);
			continue;
		}
		msg.then = acta_bytes_is(msg.m.type, "@then");
		acta_park_append(part, &msg, 0, part->now_ms, "turn full");
	}
}

struct timer {              /* a row of T_TIMER */
	const uint8_t *key; /* actor and name */
	size_t key_size;
	int64_t due_ms, every_ms;
	struct acta_bytes type, args;
	uint64_t parked; /* the row of its last message that was parked, or 0 */
};

static bool
timer_get(struct acta_part *part, struct timer *t)
{
	const void *value;
	size_t size, n;
	struct acta_reader r;
	bool ok = true;

	if (acta_part_get(part, ACTA_T_TIMER, t->key, t->key_size, &value,
		&size) != ACTA_OK)
		return false;
	r = acta_reader(value, size);
	ok = acta_read_list(&r, &ok) == 5 && ok;
	t->due_ms = acta_read_int(&r, &ok);
	t->every_ms = acta_read_int(&r, &ok);
	t->type.data = acta_read_str(&r, &t->type.size, &ok);
	t->args.data = acta_read_raw(&r, &n);
	t->args.size = (uint32_t)n;
	t->parked = acta_read_uint(&r, &ok);
	t->type = acta_bytes_keep(part, t->type);
	t->args = acta_bytes_keep(part, t->args);
	if (!ok)
		(void)acta_part_fatal(part, ACTA_ECORRUPT);
	return ok;
}

static void
timer_put(struct acta_part *part, const struct timer *t)
{
	acta_buf_reset(&part->pack);
	acta_pack_list(&part->pack, 5);
	acta_pack_int(&part->pack, t->due_ms);
	acta_pack_int(&part->pack, t->every_ms);
	acta_pack_str(&part->pack, t->type.data, t->type.size);
	acta_pack_raw(&part->pack, t->args.data, t->args.size);
	acta_pack_uint(&part->pack, t->parked);
	acta_store_put(part->store, ACTA_T_TIMER, t->key, t->key_size,
	    part->pack.data, part->pack.size);
}

static enum acta_fate
timer_run(struct acta_part *part, struct acta_msg *msg, struct timer *t)
{
	struct acta_message m = { .id = { "", 0 },
		.key = { (const char *)t->key + 1, t->key[0] },
		.type = t->type,
		.sent_ms = part->now_ms,
		.args_raw = t->args };
	bool waits = t->every_ms > 0 && t->parked > 0 &&
	    acta_park_has_timer(part, m.key, m.type, t->parked);
	enum acta_fate fate;
	struct acta_buf b;

	if (t->every_ms > 0) { /* at its old phase; what was missed runs once */
		t->due_ms += t->every_ms *
		    ((part->now_ms - t->due_ms) / t->every_ms + 1);
		timer_put(part, t);
		acta_part_due_put(part, t->due_ms, 't', t->key, t->key_size,
		    ACTA_PACKED_NIL, 1);
	} else {
		acta_store_delete(
		    part->store, ACTA_T_TIMER, t->key, t->key_size);
	}
	if (waits) /* one that was missed is enough */
		return ACTA_FATE_HANDLED;
	msg->timer = true;
	m.from = acta_bytes_of(acta_part_address(part, m.key));
	acta_buf_init(&b);
	acta_message_encode(&b, &m);
	msg->raw = acta_arena_copy(&part->arena, b.data, b.size);
	msg->raw_size = b.size;
	acta_buf_fini(&b);
	fate = acta_run(part, msg);
	/* The handler may have set it anew, or cancelled it. */
	if (fate == ACTA_FATE_PARKED && t->every_ms > 0 && timer_get(part, t)) {
		t->parked = msg->row;
		timer_put(part, t);
	}
	return fate;
}

static enum acta_fate
ask_timed_out(struct acta_part *part, struct acta_msg *msg, const uint8_t *key)
{
	const struct acta_end end = { .outcome = ACTA_TIMED_OUT,
		.code = "timeout",
		.text = "no answer in time: it may still happen" };
	uint64_t ask = 0;

	for (int i = 0; i < 8; i++)
		ask = ask << 8 | key[i];
	msg->m.from = (struct acta_bytes){ "", 0 };
	return acta_own_then_run(part, msg, ask, &end);
}

/* A timer, an ask's time-out or a forgotten token. */
enum acta_fate
acta_source_due(struct acta_part *part, struct acta_gather *g)
{
	uint8_t key[ACTA_STORE_KEY_MAX];
	size_t size;
	struct acta_msg msg;
	struct timer t = { .key = key + 9 };

	if (part->next_due_ms > part->now_ms || acta_part_rests(part))
		return ACTA_FATE_NOTHING;
	if (acta_due_first(part, key, &size) != ACTA_OK)
		part->failed = true;
	if (part->failed || size == 0 || part->next_due_ms > part->now_ms)
		return ACTA_FATE_HANDLED;
	msg_init(&msg, ACTA_FROM_TIMER);
	msg.uid = acta_part_uid(part->id.history, 16, key, size, 0);
	if (!may_begin(part, &msg, g))
		return ACTA_FATE_HANDLED;
	acta_store_delete(part->store, ACTA_T_DUE, key, size);
	if (key[8] == 'k') {
		acta_own_token_forget(part, key + 9, size - 9);
		return ACTA_FATE_HANDLED;
	}
	if (key[8] == 'a' && size == 17)
		return ask_timed_out(part, &msg, key + 9);
	t.key_size = size - 9;
	if (!timer_get(part, &t) || t.due_ms != part->next_due_ms)
		return ACTA_FATE_HANDLED;
	return timer_run(part, &msg, &t);
}

enum acta_fate
acta_source_parked(struct acta_part *part, struct acta_gather *g)
{
	struct acta_parked *queue = acta_parked_due(part);
	struct acta_msg msg;
	struct acta_bytes key;
	enum acta_err err;
	enum acta_fate fate;

	if (queue == NULL || acta_part_rests(part))
		return ACTA_FATE_NOTHING;
	part->put_off = NULL;
	part->parked_at = (part->parked_at + 1) % 1024; /* the next, then */
	msg_init(&msg, ACTA_FROM_PARKED);
	err = acta_parked_first(part, queue, &msg);
	if (err != ACTA_OK) {
		if (err != ACTA_ENOENT)
			(void)acta_part_fatal(part, err);
		return ACTA_FATE_HANDLED;
	}
	if (!may_begin(part, &msg, g)) {
		part->put_off = queue;
		return ACTA_FATE_HANDLED;
	}
	key = (struct acta_bytes){ acta_arena_text(&part->arena, queue->key,
				       queue->key_size),
		queue->key_size };
	fate = acta_run(part, &msg);
	if (fate != ACTA_FATE_PARKED && fate != ACTA_FATE_KILLED) {
		msg.m.key = key;
		acta_park_remove(part, &msg);
	}
	return fate;
}

/* It waits for its actor's parked messages. False: too many do. */
static bool
read_wait(struct acta_part *part, const struct acta_item *item,
    const struct acta_msg *msg)
{
	struct acta_read *read = &part->reads[part->read_count];

	if (part->read_count == ACTA_READS_MAX ||
	    part->read_bytes >= ACTA_READS_BYTES_MAX)
		return false;
	part->read_count++;
	acta_buf_init(&read->item);
	acta_item_encode(&read->item, item);
	part->read_bytes += read->item.size;
	memcpy(read->key, msg->m.key.data, msg->m.key.size);
	read->key_size = msg->m.key.size;
	read->deadline_ms = msg->m.deadline_ms;
	return true;
}

static enum acta_fate
run_call(
    struct acta_part *part, const struct acta_item *item, struct acta_gather *g)
{
	struct acta_msg msg;
	struct acta_reader r = acta_reader(item->body.data, item->body.size);
	const struct acta_caller *c = &msg.m.caller;
	const struct acta_handler_info *h;
	struct acta_buf b;
	bool reads;
	enum acta_fate fate;

	msg_init(&msg, ACTA_FROM_CALL);
	if (acta_message_decode(&r, &msg.m) != ACTA_OK ||
	    msg.m.caller.kind == ACTA_CALLER_ASK) {
		part->dropped++;
		return ACTA_FATE_HANDLED;
	}
	msg.send = (item->flags & ACTA_CALL_SEND) != 0;
	msg.admin = (item->flags & ACTA_CALL_ADMIN) != 0;
	msg.uid = acta_part_uid(item->src.data, item->src.size, &item->inc,
	    sizeof(item->inc), item->request);
	h = acta_loaded_find(part->loaded, msg.m.type.data, msg.m.type.size);
	/* In a session it has its number as any call has, and its record. */
	reads = h != NULL && (h->handler->flags & ACTA_READS) != 0 &&
	    (item->flags & ACTA_CALL_SESSION) == 0;
	if (c->kind == ACTA_CALLER_DOOR)
		acta_note_called(
		    part, c->door.data, c->door.size, c->door_inc, c->request);
	if (item->client != NULL && c->kind == ACTA_CALLER_DOOR && h != NULL &&
	    !reads && acta_id_begin(part, &msg, item))
		return ACTA_FATE_HANDLED;
	if (part->stopped && !reads && msg.m.type.size > 0 &&
	    msg.m.type.data[0] != '@') {
		part->busy++;
		return acta_run_undeliverable(
		    part, &msg, "busy", ACTA_STOPPED_TEXT, ACTA_STOPPED_HINT);
	}
	if (part->intake_stopped && !reads && msg.m.type.size > 0 &&
	    msg.m.type.data[0] != '@') {
		part->busy++;
		return acta_run_undeliverable(part, &msg, "busy",
		    part->full
			? ACTA_NO_SPACE
			: "the store is nearly full: it takes nothing new",
		    "acta ps shows what waits; raise store.quota");
	}
	if (!may_begin(part, &msg, g))
		return ACTA_FATE_HANDLED;
	if (reads && msg.m.deadline_ms > part->now_ms &&
	    acta_parked_find(part, msg.m.key.data, msg.m.key.size) != NULL) {
		if (read_wait(part, item, &msg))
			return ACTA_FATE_HANDLED;
		part->busy++;
		return acta_run_undeliverable(part, &msg, "busy",
		    "too many wait already to look at actors whose messages "
		    "are parked",
		    "");
	}
	acta_buf_init(&b);
	acta_message_encode(&b, &msg.m);
	msg.raw = acta_arena_copy(&part->arena, b.data, b.size);
	msg.raw_size = b.size;
	acta_buf_fini(&b);
	part->calling = msg.has_client ? &msg : NULL;
	part->call_ended = false;
	fate = acta_run(part, &msg);
	part->calling = NULL;
	/* Refused before it ran: a repeat runs. */
	if (msg.has_client && !part->call_ended &&
	    (fate == ACTA_FATE_HANDLED || fate == ACTA_FATE_PARKED))
		acta_id_pend(part, &msg);
	return fate;
}

/* The conversation in which this came is over: it must come again. */
static bool
out_of_date(struct acta_in *in, const struct acta_item *item)
{
	return !in->open || in->hist != item->hist || in->inc != item->inc;
}

static void
count_taken(struct acta_in *in, enum acta_fate fate, size_t size)
{
	in->bytes += size;
	in->taken++;
	in->handled += fate == ACTA_FATE_HANDLED;
	in->rejected += fate == ACTA_FATE_REJECTED;
	in->parked += fate == ACTA_FATE_PARKED;
	in->dead += fate == ACTA_FATE_DEAD;
	in->dirty = true;
}

/* The next message of the DATA in hand. */
static enum acta_fate
run_data(struct acta_part *part, struct acta_in *in, struct acta_gather *g,
    bool *done)
{
	const struct acta_item *item = &in->inbox.item;
	struct acta_reader r = acta_reader(item->body.data, item->body.size);
	const uint8_t *start;
	/* Channels to two partitions of a service count alike. */
	const uint64_t at[] = { item->hist, part->config.part };
	struct acta_msg msg;
	uint64_t seq = item->first;
	size_t size;
	enum acta_fate fate;

	*done = true;
	if (in->inbox.skip > 0) {
		r.at += in->inbox.skip;
		seq = in->inbox.seq;
	}
	if (out_of_date(in, item)) {
		in->queued = in->next;
		return ACTA_FATE_HANDLED;
	}
	/* What was taken of it before, and what is a duplicate. */
	while (seq < in->next && seq < item->first + item->count) {
		(void)acta_read_raw(&r, &size);
		seq++;
	}
	in->want_ack = true;
	if (seq >= item->first + item->count)
		return ACTA_FATE_HANDLED;
	if (seq > in->next) {
		in->nacked = true;
		return ACTA_FATE_HANDLED;
	}
	start = acta_read_raw(&r, &size);
	if (size == 0) {
		part->dropped++;
		in->queued = in->next;
		in->nacked = true;
		return ACTA_FATE_HANDLED;
	}
	*done = false;
	msg_init(&msg, ACTA_FROM_CHANNEL);
	msg.raw = acta_arena_copy(&part->arena, start, size);
	msg.raw_size = size;
	msg.in = in;
	msg.seq = seq;
	msg.uid =
	    acta_part_uid(in->source, strlen(in->source), at, sizeof(at), seq);
	if (!may_begin(part, &msg, g))
		return ACTA_FATE_HANDLED;
	fate = acta_run(part, &msg);
	if (fate == ACTA_FATE_KILLED)
		return fate;
	in->chain = acta_chain_step(in->chain, seq, start, size);
	in->next = seq + 1;
	count_taken(in, fate, size);
	in->inbox.skip = (size_t)(r.at - (const uint8_t *)item->body.data);
	in->inbox.seq = seq + 1;
	*done = seq + 1 == item->first + item->count;
	part->inbox_left -= (int64_t)size;
	note(part, in->source, seq, fate);
	return fate;
}

/* Calls that waited for an actor's parked messages: into the inbox again. */
void
acta_source_reads_wake(struct acta_part *part)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < part->read_count; i++) {
		struct acta_read read = part->reads[i];
		struct acta_reader r =
		    acta_reader(read.item.data, read.item.size);
		struct acta_item item;

		if (read.deadline_ms > part->now_ms &&
		    acta_parked_find(part, read.key, read.key_size) != NULL) {
			part->reads[kept++] = read;
			continue;
		}
		part->read_bytes -= read.item.size;
		if (acta_item_decode(&r, &item) == ACTA_OK) {
			acta_inbox_put(&part->calls, &item);
			part->gathered++;
		}
		acta_buf_fini(&read.item);
	}
	part->read_count = kept;
}

/* The inbox whose turn it is: of the doors or of a channel. NULL: all are dry. */
static struct acta_inbox *
inbox_next(struct acta_part *part, struct acta_in **out_in)
{
	if (part->gathered == 0)
		return NULL;
	for (uint32_t n = 0; n <= part->in_count + 1; n++) {
		struct acta_in *in = NULL;
		struct acta_inbox *box = &part->calls;

		if (part->inbox_turn > 0) {
			in = &part->ins[part->inbox_turn - 1];
			box = &in->inbox;
		}
		if (part->inbox_left > 0 && acta_inbox_bytes(box) > 0) {
			*out_in = in;
			return box;
		}
		part->inbox_turn = part->inbox_turn < part->in_count
		    ? part->inbox_turn + 1
		    : 0;
		part->inbox_left = ACTA_INBOX_QUANTUM;
	}
	return NULL;
}

enum acta_fate
acta_source_inbox(struct acta_part *part, struct acta_gather *g)
{
	struct acta_in *in = NULL;
	struct acta_inbox *box = part->trial ? NULL : inbox_next(part, &in);
	struct acta_item *item;
	bool done = true;
	enum acta_fate fate = ACTA_FATE_HANDLED;

	if (box == NULL)
		return ACTA_FATE_NOTHING;
	item = acta_inbox_get(box);
	if (item->kind == ACTA_ITEM_CALL) {
		fate = run_call(part, item, g);
		part->inbox_left -= (int64_t)box->size;
	} else if (item->kind == ACTA_ITEM_DATA && in != NULL) {
		fate = run_data(part, in, g, &done);
	} else {
		part->dropped++;
	}
	if (g->put_off || !done || fate == ACTA_FATE_KILLED)
		return fate;
	acta_inbox_done(box);
	part->gathered--;
	return fate;
}
