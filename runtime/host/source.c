/*
 * runtime/host/source.c - where a turn takes its messages from: its own local
 * ones, parked ones, what is due by time, the inbox (links and doors).
 */
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
	memset(msg, 0, offsetof(struct acta_msg, args));
	memset((char *)msg + offsetof(struct acta_msg, uid), 0,
	    sizeof(*msg) - offsetof(struct acta_msg, uid));
	msg->source = source;
	msg->attempt = 1;
	msg->code = msg->text = "";
}

enum acta_fate
acta_source_local(struct acta_part *part, const struct acta_uid *blame)
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
			acta_msg_texts(&msg);
			(void)acta_own_run(part, &msg);
			continue;
		}
		msg.then = acta_bytes_is(msg.m.type, "@then");
		acta_park_append(part, &msg, 0, part->now_ms, "turn full");
	}
}

/* A timer, an ask's time-out or a forgotten token. */
enum acta_fate
acta_source_due(struct acta_part *part, struct acta_uid *blame)
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

	if (acta_due_first(part, key, &size) != ACTA_OK || size == 0 ||
	    part->next_due_ms > part->now_ms)
		return ACTA_FATE_HANDLED;
	msg_init(&msg, ACTA_FROM_TIMER);
	msg.uid = msg.blamed =
	    acta_part_uid(part->id.history, 16, key, size, 0);
	*blame = msg.uid;
	acta_store_delete(part->store, ACTA_T_DUE, key, size);
	if (key[8] == 'k') {
		acta_store_delete(part->store, ACTA_T_TOKEN, key + 9, size - 9);
		return ACTA_FATE_HANDLED;
	}
	if (key[8] == 'a' && size == 17) {
		const struct acta_end end = { .outcome = ACTA_TIMED_OUT,
			.code = "timeout",
			.text = "no answer in time: it may still happen" };
		uint64_t ask = 0;

		for (int i = 0; i < 8; i++)
			ask = ask << 8 | key[9 + i];
		msg.m.from = (struct acta_bytes){ "", 0 };
		return acta_own_then_run(part, &msg, ask, &end);
	}
	if (acta_store_get(part->store, ACTA_T_TIMER, key + 9, size - 9, &value,
		&value_size) != ACTA_OK)
		return ACTA_FATE_HANDLED;
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
		return ACTA_FATE_HANDLED;
	msg.timer = true;
	m.key = (struct acta_bytes){ (const char *)key + 10, key[9] };
	m.type = acta_bytes_keep(part, type);
	m.from = acta_bytes_of(acta_part_address(part, m.key));
	m.sent_ms = part->now_ms;
	m.args_raw = acta_bytes_keep(part, args);
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
		    part, due_ms, 't', key + 9, size - 9, ACTA_PACKED_NIL, 1);
	} else {
		acta_store_delete(part->store, ACTA_T_TIMER, key + 9, size - 9);
	}
	acta_buf_init(&b);
	acta_message_encode(&b, &m);
	msg.raw = acta_arena_copy(&part->arena, b.data, b.size);
	msg.raw_size = b.size;
	acta_buf_fini(&b);
	return acta_run(part, &msg);
}

enum acta_fate
acta_source_parked(struct acta_part *part, struct acta_parked *queue,
    struct acta_uid *blame, bool *alone)
{
	struct acta_msg msg;
	struct acta_bytes key;
	enum acta_err err;
	enum acta_fate fate;
	uint32_t crashes;

	msg_init(&msg, ACTA_FROM_PARKED);
	err = acta_parked_first(part, queue, &msg);
	if (err != ACTA_OK) {
		if (err != ACTA_ENOENT)
			(void)acta_part_fatal(part, err);
		return ACTA_FATE_HANDLED;
	}
	msg.blamed = *blame = msg.uid;
	crashes = acta_part_blamed(part, &msg.uid);
	if (crashes > 0 && crashes < part->config.max_crashes) {
		*alone = true;
		if (part->turn_messages > 0)
			return ACTA_FATE_HANDLED; /* at the next turn's beginning */
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

static enum acta_fate
run_call(struct acta_part *part, const struct acta_item *item,
    struct acta_uid *blame, bool *alone)
{
	struct acta_msg msg;
	struct acta_reader r = acta_reader(item->body.data, item->body.size);
	const struct acta_handler_info *h;
	struct acta_buf b;
	uint8_t home[20] = { 0 };
	uint32_t crashes;
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
	if (item->client != NULL && msg.m.caller.kind == ACTA_CALLER_DOOR &&
	    h != NULL && (h->handler->flags & ACTA_READS) == 0) {
		msg.has_client = true;
		memcpy(msg.client, item->client, 16);
		memcpy(msg.uid.bytes, item->client, 16);
		memcpy(home + 4, item->client, 16);
		msg.m.caller.home_key =
		    (struct acta_bytes){ (const char *)home, 20 };
		msg.m.caller.service = acta_bytes_of(part->config.service);
		msg.m.caller.part = part->config.part;
		acta_id_body_hash(part, &msg);
		if (acta_id_answered(part, &msg))
			return ACTA_FATE_HANDLED;
	}
	if (part->intake_stopped &&
	    !(h != NULL && (h->handler->flags & ACTA_READS) != 0) &&
	    msg.m.type.size > 0 && msg.m.type.data[0] != '@') {
		part->busy++;
		return acta_run_undeliverable(part, &msg, "busy",
		    "the store is nearly full: it takes nothing new",
		    "acta ps shows what waits; raise store.quota");
	}
	msg.blamed = *blame = msg.uid;
	crashes = acta_part_blamed(part, &msg.uid);
	if (crashes > 0 && crashes < part->config.max_crashes) {
		*alone = true;
		if (part->turn_messages > 0)
			return ACTA_FATE_HANDLED;
	}
	if (h != NULL && (h->handler->flags & ACTA_READS) != 0 &&
	    acta_parked_find(part, msg.m.key.data, msg.m.key.size) != NULL &&
	    part->read_count < ACTA_READS_MAX &&
	    msg.m.deadline_ms > part->now_ms) {
		struct acta_buf *kept = &part->reads[part->read_count++];

		acta_buf_init(kept);
		acta_item_encode(kept, item);
		return ACTA_FATE_HANDLED;
	}
	acta_buf_init(&b);
	acta_message_encode(&b, &msg.m);
	msg.raw = acta_arena_copy(&part->arena, b.data, b.size);
	msg.raw_size = b.size;
	acta_buf_fini(&b);
	/* What the handler leaves pending is so from this commit on. */
	if (msg.has_client)
		acta_id_put(part, home,
		    acta_bytes_of(acta_part_address(part, msg.m.key)),
		    msg.body_hash, NULL);
	fate = acta_run(part, &msg);
	if (fate == ACTA_FATE_REJECTED && msg.has_client) {
		struct acta_id_record rec;

		/* Refused before it ran: a repeat runs. */
		if (acta_id_get(part, home, &rec) == ACTA_OK && rec.state == 0)
			acta_store_delete(part->store, ACTA_T_REPLY, home, 20);
	}
	return fate;
}

/* The next message of the DATA in hand. */
static enum acta_fate
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
	enum acta_fate fate;
	uint32_t crashes;

	*done = true;
	if (part->inbox_skip > 0) {
		r.at += part->inbox_skip;
		seq = part->inbox_seq;
	}
	for (uint32_t i = 0; i < part->in_count && in == NULL; i++)
		if (part->ins[i].part == item->src_part &&
		    acta_bytes_is(item->src, part->ins[i].service))
			in = &part->ins[i];
	if (in == NULL)
		return ACTA_FATE_HANDLED;
	if (!in->open || in->hist != item->hist || in->inc != item->inc) {
		in->queued = in->next; /* dropped: it must come again */
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
	snprintf(source, sizeof(source), "%.*s.%u", (int)item->src.size,
	    item->src.data, item->src_part);
	msg.uid = acta_part_uid(
	    source, strlen(source), &item->hist, sizeof(item->hist), seq);
	msg.blamed = *blame = msg.uid;
	crashes = acta_part_blamed(part, &msg.uid);
	if (crashes > 0 && crashes < part->config.max_crashes) {
		*alone = true;
		if (part->turn_messages > 0)
			return ACTA_FATE_HANDLED;
	}
	fate = acta_run(part, &msg);
	if (fate == ACTA_FATE_KILLED)
		return fate;
	/* `in` may have moved: sending can meet a new channel. */
	for (uint32_t i = 0; i < part->in_count; i++)
		if (part->ins[i].part == item->src_part &&
		    acta_bytes_is(item->src, part->ins[i].service))
			in = &part->ins[i];
	for (int i = 0; i < 8; i++)
		head[i] = (uint8_t)(seq >> (8 * i));
	chain = acta_hash128_chain(in->chain, head, 8);
	in->chain = acta_hash128_chain(chain, start, size);
	in->next = seq + 1;
	in->bytes += size;
	in->taken++;
	in->handled += fate == ACTA_FATE_HANDLED;
	in->rejected += fate == ACTA_FATE_REJECTED;
	in->parked += fate == ACTA_FATE_PARKED;
	in->dead += fate == ACTA_FATE_DEAD;
	in->dirty = true;
	part->inbox_skip = (size_t)(r.at - (const uint8_t *)item->body.data);
	part->inbox_seq = seq + 1;
	*done = seq + 1 == item->first + item->count;
	note(part, source, seq, fate);
	return fate;
}

/* Calls that waited for an actor's parked messages: into the inbox again. */
void
acta_source_reads_wake(struct acta_part *part)
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

enum acta_fate
acta_source_inbox(struct acta_part *part, struct acta_uid *blame, bool *alone)
{
	struct acta_item *item = &part->inbox_item;
	bool done = true;
	enum acta_fate fate = ACTA_FATE_HANDLED;

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
