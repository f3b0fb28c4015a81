/*
 * runtime/host/answer.c - what leaves a message: sends to where they belong,
 * answers to who waits for them, dead letters.
 */
#include "runtime/host/local.h"
#include "runtime/host/turn.h"

#include <stdio.h>
#include <string.h>

#include "codecs/packer.h"

/* -------------------------------------------------------- what goes out -- */

void
acta_part_push_local(struct acta_part *part, const uint8_t *data, size_t size)
{
	struct acta_sent *s = acta_arena_alloc(&part->arena, sizeof(*s));

	*s = (struct acta_sent){ .here = true, .data = data, .size = size };
	*part->local_tail = s;
	part->local_tail = &s->next;
}

struct acta_bytes
acta_bytes_keep(struct acta_part *part, struct acta_bytes b)
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

	*r = (struct acta_release){ .item = *item,
		.door_inc = door_inc,
		.known = part->release_known };
	if (door_size >= sizeof(r->door))
		return;
	memcpy(r->door, door, door_size);
	r->item.src = (struct acta_bytes){ r->door, (uint32_t)door_size };
	r->item.body = acta_bytes_keep(part, item->body);
	r->item.code = acta_bytes_keep(part, item->code);
	r->item.text = acta_bytes_keep(part, item->text);
	r->item.hint = acta_bytes_keep(part, item->hint);
	*part->release_tail = r;
	part->release_tail = &r->next;
}

void
acta_note_called(struct acta_part *part, const char *door, size_t door_size,
    uint64_t door_inc, uint64_t request)
{
	struct acta_called *called =
	    acta_arena_alloc(&part->arena, sizeof(*called));

	*called = (struct acta_called){
		.next = part->called, .door_inc = door_inc, .request = request
	};
	if (door_size >= sizeof(called->door))
		return;
	memcpy(called->door, door, door_size);
	part->called = called;
}

void
acta_unnote_called(struct acta_part *part, uint64_t door_inc, uint64_t request)
{
	struct acta_called *last = part->called;

	if (last != NULL && last->door_inc == door_inc &&
	    last->request == request)
		part->called = last->next;
}

void
acta_reply_door(struct acta_part *part, const char *door, size_t door_size,
    uint64_t door_inc, uint64_t request, const struct acta_end *end,
    const char *hint)
{
	struct acta_item item = { .kind = ACTA_ITEM_REPLY };

	item.request = request;
	item.inc = door_inc;
	item.src = (struct acta_bytes){ door, (uint32_t)door_size };
	item.body = end->result
	    ? (struct acta_bytes){ end->result, (uint32_t)end->size }
	    : (struct acta_bytes){ ACTA_PACKED_NIL, 1 };
	if (end->outcome != ACTA_ANSWERED)
		item.code = acta_bytes_of(end->code);
	item.text = acta_bytes_of(end->text ? end->text : "");
	item.hint = acta_bytes_of(hint ? hint : "");
	acta_part_release(part, door, door_size, door_inc, &item);
}

/* Append to a channel, or to this partition's own queue. */
void
acta_route_to(struct acta_part *part, const char *service, uint32_t peer,
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
	struct acta_message m = { .type = acta_bytes_of(type),
		.from = acta_bytes_of(from),
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
	acta_route_to(part, name, peer, b.data, b.size);
	acta_buf_fini(&b);
}

/* {o: outcome, c: code, x: text, r: result} and what `more` pairs stand in
 * `head`. */
void
acta_end_pack(struct acta_buf *b, const struct acta_end *end)
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

/* --------------------------------------------------------------- answer -- */

static bool
is_home(const struct acta_part *part, struct acta_bytes service, uint32_t p)
{
	return p == part->config.part &&
	    acta_bytes_is(service, part->config.service);
}

void
acta_answer_here(struct acta_part *part, const struct acta_caller *c,
    const struct acta_end *end)
{
	if (c->home_key.data != NULL)
		(void)acta_id_end(part, c, end);
	else
		acta_reply_door(part, c->door.data, c->door.size, c->door_inc,
		    c->request, end, NULL);
}

void
acta_part_answer(struct acta_part *part, const struct acta_caller *c,
    const char *from, const struct acta_end *end)
{
	struct acta_end after = { .outcome = ACTA_UNDELIVERED,
		.code = "failed" };
	struct acta_buf b;
	char text[300];

	if (c->kind != ACTA_CALLER_ASK && c->kind != ACTA_CALLER_DOOR)
		return; /* nobody waits */
	/* Whoever forwarded it had run: it cannot be said that nothing was
	 * done, and a repeat must not do it again. */
	if (c->forwarded && !acta_id_leaves(end)) {
		snprintf(text, sizeof(text),
		    "it ran and was forwarded; there it ended as %.64s: %.200s",
		    end->code, end->text ? end->text : "");
		after.text = text;
		end = &after;
	}
	if (c->kind == ACTA_CALLER_DOOR &&
	    (c->home_key.data == NULL || is_home(part, c->service, c->part))) {
		acta_answer_here(part, c, end);
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
	acta_end_pack(&b, end);
	route_own(part, c->service, c->part,
	    c->kind == ACTA_CALLER_ASK ? "@answer" : "@reply", from,
	    (struct acta_bytes){ (const char *)b.data, (uint32_t)b.size });
	acta_buf_fini(&b);
}

/* --------------------------------------------------------- dead letters -- */

/* The actor's rows, as a map: what the message met. nil: it is no actor here, or
 * they are too many to keep. */
static void
state_of(struct acta_part *part, const struct acta_msg *msg, const char *cause,
    struct acta_buf *out)
{
	static const char *const elsewhere[] = { "unknown-service",
		"channel-reset", "no-key", "malformed" };
	struct acta_reader r = acta_reader(msg->raw, msg->raw_size);
	struct acta_message m;
	char prefix[ACTA_KEY_MAX + 1];
	struct acta_buf rows;
	struct acta_scan *scan;
	struct acta_row row;
	uint32_t count = 0;
	size_t n;
	bool here = acta_message_decode(&r, &m) == ACTA_OK;

	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		here = here && strcmp(cause, elsewhere[i]) != 0;
	acta_buf_init(&rows);
	if (here) {
		n = acta_actor_row(prefix, m.key.data, m.key.size, NULL, 0);
		scan = acta_scan_open(part->store, ACTA_T_STATE, prefix, n);
		while (rows.size <= ACTA_DEAD_STATE_MAX &&
		    acta_scan_next(scan, &row)) {
			acta_pack_str(
			    &rows, (const char *)row.key + n, row.key_size - n);
			acta_pack_raw(&rows, row.value, row.value_size);
			count++;
		}
		if (acta_scan_close(&scan) != ACTA_OK)
			part->failed = true;
		here = rows.size <= ACTA_DEAD_STATE_MAX;
	}
	if (here) {
		acta_pack_map(out, count);
		acta_pack_raw(out, rows.data, rows.size);
	} else {
		acta_pack_nil(out);
	}
	acta_buf_fini(&rows);
}

void
acta_part_dead(struct acta_part *part, struct acta_msg *msg, const char *cause,
    const char *text)
{
	uint8_t key[8];
	struct acta_buf *b = &part->pack, state;

	acta_local_pack(part, msg);
	acta_buf_init(&state);
	state_of(part, msg, cause, &state);
	acta_buf_reset(b);
	acta_pack_list(b, 7);
	acta_pack_text(b, cause);
	acta_pack_text(b, text ? text : "");
	acta_pack_int(b, msg->attempt);
	acta_pack_int(b, part->now_ms);
	acta_pack_bin(b, msg->uid.bytes, 16);
	acta_pack_raw(b, msg->raw, msg->raw_size);
	acta_pack_raw(b, state.data, state.size);
	acta_buf_fini(&state);
	acta_be64(key, part->next_dead++);
	part->numbers_dirty = true;
	part->dead++;
	acta_store_put(part->store, ACTA_T_DEAD, key, 8, b->data, b->size);
}
