/*
 * runtime/host/ids.c - what a client's id means (CORE 6): one effect and one
 * answer, however often it is asked.
 */
#include "runtime/host/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"

/* Refusals by which nothing ran leave no record (CORE 6.2). */
bool
acta_id_leaves(const struct acta_end *end)
{
	return end->outcome != ACTA_UNDELIVERED ||
	    strcmp(end->code, "failed") == 0;
}

enum acta_err
acta_id_get(struct acta_part *part, const void *key, struct acta_id_record *out)
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

void
acta_id_put(struct acta_part *part, const void *key, struct acta_bytes to,
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
void
acta_id_tell(
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
			acta_reply_door(part, w->door, strlen(w->door),
			    w->door_inc, w->request, end, NULL);
		*w = part->waiters[--part->waiter_count];
	}
}

void
acta_id_wait(struct acta_part *part, const struct acta_msg *msg)
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

/* The args packed anew, so that the same request in another encoding is the
 * same request. */
void
acta_id_body_hash(struct acta_part *part, struct acta_msg *msg)
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
bool
acta_id_answered(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_caller *c = &msg->m.caller;
	enum acta_err err;
	struct acta_id_record r;
	struct acta_end end = { .outcome = ACTA_UNDELIVERED,
		.code = "id-reused",
		.text = "this id named another request before" };

	err = acta_id_get(part, c->home_key.data, &r);
	if (err != ACTA_OK && err != ACTA_ENOENT)
		(void)acta_part_fatal(part, err);
	if (err != ACTA_OK)
		return part->failed; /* a damaged record must not run again */
	if (memcmp(r.body, msg->body_hash, 16) == 0) {
		if (r.state == 0) {
			acta_id_wait(part, msg);
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
	acta_reply_door(part, c->door.data, c->door.size, c->door_inc,
	    c->request, &end,
	    end.outcome == ACTA_UNDELIVERED ? "make a new id for every request"
					    : NULL);
	return true;
}
