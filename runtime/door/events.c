/*
 * events.c - events from the workers to whoever subscribed, and the heads: the
 * last seq of each (topic, part), told once a second while it changes, so that
 * a subscriber that missed the last event of all notices.
 */
#include "runtime/door/door.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "codecs/packer.h"
#include "store/hash.h"

#define TOPIC_MAX 100u /* bytes */
#define TICK_MS 1000
#define SLOTS_FIRST 64u

struct head {
	char topic[TOPIC_MAX + 1]; /* "": the slot is free */
	uint32_t size, part;
	uint64_t seq;
	bool changed;
};

/* Open addressing; grows by doubling, at most to twice DOOR_TOPICS_MAX. */
struct door_heads {
	struct head *slots;
	uint32_t slot_count, count;
	bool tell_all; /* someone subscribed: tell those that rest, too */
};

static uint32_t
hash_of(const char *topic, uint32_t size, uint32_t part)
{
	uint64_t hash = acta_hash64(topic, size);

	return (uint32_t)(hash ^ (hash >> 32)) + part * 0x9e3779b1u;
}

/* The slot of a head, or the free one where it would be. */
static struct head *
slot(const struct door_heads *heads, const char *topic, uint32_t size,
    uint32_t part)
{
	uint32_t mask = heads->slot_count - 1;
	uint32_t at = hash_of(topic, size, part) & mask;

	for (;; at = (at + 1) & mask) {
		struct head *head = &heads->slots[at];

		if (head->size == 0 ||
		    (head->size == size && head->part == part &&
			memcmp(head->topic, topic, size) == 0))
			return head;
	}
}

static void
grow(struct door_heads *heads)
{
	struct door_heads bigger = *heads;

	bigger.slot_count = heads->slot_count * 2;
	bigger.slots = calloc(bigger.slot_count, sizeof *bigger.slots);
	assert(bigger.slots);
	for (uint32_t i = 0; i < heads->slot_count; i++) {
		struct head *head = &heads->slots[i];

		if (head->size > 0)
			*slot(&bigger, head->topic, head->size, head->part) =
			    *head;
	}
	free(heads->slots);
	*heads = bigger;
}

void
door_events_init(struct door *door)
{
	door->heads = calloc(1, sizeof *door->heads);
	assert(door->heads);
	door->heads->slot_count = SLOTS_FIRST;
	door->heads->slots = calloc(SLOTS_FIRST, sizeof(struct head));
	assert(door->heads->slots);
}

void
door_events_fini(struct door *door)
{
	if (door->heads)
		free(door->heads->slots);
	free(door->heads);
	door->heads = NULL;
}

/* A head never goes back, but for a store that was made anew. */
static void
note_head(
    struct door *door, struct acta_bytes topic, uint32_t part, uint64_t seq)
{
	struct door_heads *heads = door->heads;
	struct head *head = slot(heads, topic.data, topic.size, part);

	if (head->size == 0) {
		if (heads->count == DOOR_TOPICS_MAX) {
			door->count[DOOR_COUNT_topics_over]++;
			return;
		}
		if (2 * (heads->count + 1) > heads->slot_count) {
			grow(heads);
			head = slot(heads, topic.data, topic.size, part);
		}
		memcpy(head->topic, topic.data, topic.size);
		head->size = topic.size;
		head->part = part;
		heads->count++;
	}
	head->changed = head->changed || head->seq != seq;
	head->seq = seq;
}

static bool
topic_ok(struct door *door, struct acta_bytes topic)
{
	if (topic.size > 0 && topic.size <= TOPIC_MAX)
		return true;
	door->count[DOOR_COUNT_bad_links]++;
	return false;
}

/* topic "/" key, then the body in door->result. XPUB never blocks: for who is
 * too slow it drops, and the gap in seq shows. */
static void
publish(struct door *door, const char *topic, size_t topic_size,
    const char *key, size_t key_size)
{
	char name[TOPIC_MAX + 1 + ACTA_KEY_MAX];

	memcpy(name, topic, topic_size);
	name[topic_size] = '/';
	door->unread[DOOR_EVENTS] = true;
	if (key_size > 0)
		memcpy(name + topic_size + 1, key, key_size);
	if (zmq_send(door->events, name, topic_size + 1 + key_size,
		ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
		return;
	(void)zmq_send(
	    door->events, door->result.data, door->result.size, ZMQ_DONTWAIT);
}

void
door_events_event(struct door *door, const struct acta_item *item)
{
	struct acta_buf *buf = &door->result;

	if (!door->events || !topic_ok(door, item->topic))
		return;
	if (item->key.size > ACTA_KEY_MAX) {
		door->count[DOOR_COUNT_bad_links]++;
		return;
	}
	door->count[DOOR_COUNT_events]++;
	note_head(door, item->topic, item->src_part, item->seq);
	acta_buf_reset(buf);
	acta_pack_map(buf, 7);
	acta_pack_text(buf, "topic");
	acta_pack_str(buf, item->topic.data, item->topic.size);
	acta_pack_text(buf, "from");
	acta_pack_str(buf, item->from.data, item->from.size);
	acta_pack_text(buf, "part");
	acta_pack_uint(buf, item->src_part);
	acta_pack_text(buf, "seq");
	acta_pack_uint(buf, item->seq);
	acta_pack_text(buf, "prev");
	acta_pack_uint(buf, item->prev);
	acta_pack_text(buf, "at");
	acta_pack_int(buf, item->at_ms);
	acta_pack_text(buf, "data");
	acta_pack_raw(buf, item->body.data, item->body.size);
	publish(door, item->topic.data, item->topic.size, item->key.data,
	    item->key.size);
}

void
door_events_head(struct door *door, const struct acta_item *item)
{
	if (door->events && topic_ok(door, item->topic))
		note_head(door, item->topic, item->src_part, item->seq);
}

void
door_events_tick(struct door *door)
{
	struct door_heads *heads = door->heads;
	struct acta_buf *buf = &door->result;
	bool all = heads->tell_all;

	if (!door->events || door->now_ms < door->heads_due_ms)
		return;
	door->heads_due_ms = door->now_ms + TICK_MS;
	heads->tell_all = false;
	for (uint32_t i = 0; i < heads->slot_count; i++) {
		struct head *head = &heads->slots[i];

		if (head->size == 0 || (!head->changed && !all))
			continue;
		head->changed = false;
		door->count[DOOR_COUNT_heads]++;
		acta_buf_reset(buf);
		acta_pack_map(buf, 3);
		acta_pack_text(buf, "topic");
		acta_pack_str(buf, head->topic, head->size);
		acta_pack_text(buf, "part");
		acta_pack_uint(buf, head->part);
		acta_pack_text(buf, "head");
		acta_pack_uint(buf, head->seq);
		publish(door, head->topic, head->size, NULL, 0);
	}
}

/* ------------------------------------------------------ subscriptions -- */

/* libzmq tells of the first subscription to a topic and the last one's end; it
 * has kept it already. A door that holds too many can only start anew. An end
 * of what nobody subscribed to comes through as well: whoever sends many of
 * these lowers what is counted here, and meets the memory limit instead. */
static enum acta_err
subscription(struct door *door, const uint8_t *data, size_t size)
{
	if (size == 0 || data[0] > 1) {
		door->count[DOOR_COUNT_upstream]++;
		return ACTA_OK;
	}
	if (data[0] == 1) {
		door->subs++;
		door->subs_bytes += size;
		door->heads->tell_all = true;
	} else if (door->subs > 0) {
		door->subs--;
		door->subs_bytes -=
		    size < door->subs_bytes ? size : door->subs_bytes;
	}
	door->count[DOOR_COUNT_subscriptions] = door->subs;
	return door->subs > DOOR_SUBS_MAX ||
		door->subs_bytes > DOOR_SUBS_BYTES_MAX
	    ? ACTA_ELIMIT
	    : ACTA_OK;
}

enum acta_err
door_events_recv(struct door *door)
{
	for (uint32_t n = 0; n < 4 * DOOR_TURN_MESSAGES; n++) {
		enum acta_err err;
		zmq_msg_t msg;
		bool more;

		zmq_msg_init(&msg);
		if (zmq_msg_recv(&msg, door->events, ZMQ_DONTWAIT) < 0) {
			door->unread[DOOR_EVENTS] = errno == EINTR;
			zmq_msg_close(&msg);
			break;
		}
		more = zmq_msg_more(&msg);
		err = more ? ACTA_OK
			   : subscription(
				 door, zmq_msg_data(&msg), zmq_msg_size(&msg));
		zmq_msg_close(&msg);
		if (err != ACTA_OK)
			return err;
	}
	return ACTA_OK;
}
