/*
 * metrics.c - a door's counters. One door is asked and tells those of all: it
 * asks the others by a CALL on their links, the only one that a door answers.
 */
#include "runtime/door/door.h"

#include <string.h>
#include <zmq.h>

#include "codecs/packer.h"

static void
pack_counters(struct acta_buf *buf, const struct door *door)
{
	static const char *const names[] = {
#define X(name) #name,
		DOOR_COUNTER_MAP(X)
#undef X
	};

	acta_pack_text(buf, "pending");
	acta_pack_uint(buf, door->pending);
	acta_pack_text(buf, "pending_bytes");
	acta_pack_uint(buf, door->pending_bytes);
	acta_pack_text(buf, "held");
	acta_pack_uint(buf, door->held_count);
	for (uint32_t i = 0; i < DOOR_COUNTERS; i++) {
		acta_pack_text(buf, names[i]);
		acta_pack_uint(buf, door->count[i]);
	}
}

/* The counters, which a join adds up, and as a list of one, which it joins. */
void
door_metrics_pack(const struct door *door, struct acta_buf *buf)
{
	const uint32_t count = DOOR_COUNTERS + 3;

	acta_pack_map(buf, count + 1);
	pack_counters(buf, door);
	acta_pack_text(buf, "doors");
	acta_pack_list(buf, 1);
	acta_pack_map(buf, count + 1);
	acta_pack_text(buf, "door");
	acta_pack_text(buf, door->name);
	pack_counters(buf, door);
}

/* A call to a door, by another: it can only be for these. */
void
door_metrics_reply(struct door *door, const struct acta_item *call)
{
	struct door_service *to =
	    door_service_find(door, call->src.data, call->src.size);
	struct acta_item item = {
		.kind = ACTA_ITEM_REPLY,
		.src = call->src,
		.inc = call->inc,
		.request = call->request,
		.text = { "", 0 },
		.hint = { "", 0 },
	};

	if (!to || to->name[0] != '@' || !to->links[0]->socket) {
		door->count[DOOR_COUNT_bad_links]++;
		return;
	}
	acta_buf_reset(&door->result);
	door_metrics_pack(door, &door->result);
	item.body.data = (const char *)door->result.data;
	item.body.size = (uint32_t)door->result.size;
	acta_buf_reset(&door->frame);
	acta_frame_begin(&door->frame, to->links[0]->epoch);
	acta_item_encode(&door->frame, &item);
	/* No room, or gone: the other one's question ends by its timeout. */
	(void)zmq_send(to->links[0]->socket, door->frame.data, door->frame.size,
	    ZMQ_DONTWAIT);
}
