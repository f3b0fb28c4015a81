/*
 * runtime/host/turn.c - the turn (CORE 1): gather, run each message on its
 * own, one commit for all, and only then let anything leave.
 */
#include "runtime/host/turn.h"

#include <stdio.h>
#include <string.h>

#include "codecs/packer.h"
#include "runtime/host/park.h"

bool
acta_part_killed(struct acta_part *part, const char *point)
{
	return part->port.crash != NULL &&
	    part->port.crash(part->port.self, point);
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
	enum acta_fate fate = ACTA_FATE_HANDLED;

	while (progress && !turn_full(part)) {
		struct acta_parked *queue;

		progress = false;
		while (part->local != NULL && !turn_full(part)) {
			if (alone) /* the suspect ran: name what it sent */
				return true;
			fate = acta_source_local(part, &blame);
			part->turn_messages++;
			if (fate == ACTA_FATE_KILLED)
				return false;
		}
		if (alone || turn_full(part))
			break;
		queue = acta_parked_due(part);
		if (queue != NULL) {
			fate = acta_source_parked(part, queue, &blame, &alone);
			if (fate == ACTA_FATE_KILLED)
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
			fate = acta_source_due(part, &blame);
			if (fate == ACTA_FATE_KILLED)
				return false;
			part->turn_messages++;
			progress = true;
			if (part->local != NULL)
				continue;
		}
		if (part->inbox_at < part->inbox.size) {
			uint32_t before = part->turn_messages;

			fate = acta_source_inbox(part, &blame, &alone);
			if (fate == ACTA_FATE_KILLED)
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
	if (acta_part_killed(part, "gather"))
		return ACTA_ECLOSED;
	if (part->read_count > 0)
		acta_source_reads_wake(part);
	if (!gather(part))
		return ACTA_ECLOSED;
	acta_source_local_park(part);
	acta_topics_store(part);
	acta_channels_store(part, part->draining);
	/* A number that only named what ran in one turn need not be kept. */
	if (part->numbers_dirty && acta_store_dirty(part->store))
		store_numbers(part);
	if (part->failed) /* the store cannot be read: nothing more is said */
		return ACTA_ECORRUPT;
	if (acta_store_dirty(part->store)) {
		if (acta_part_killed(part, "commit"))
			return ACTA_ECLOSED;
		atomic_store(&part->box->phase, ACTA_PHASE_COMMIT);
		err = acta_store_commit(
		    part->store, part->now_ms, part->intake_stopped);
		if (err != ACTA_OK)
			return acta_part_fatal(part, err);
		if (acta_part_killed(part, "committed"))
			return ACTA_ECLOSED;
	} else {
		acta_store_abort(part->store);
	}
	atomic_store(&part->box->phase, ACTA_PHASE_RELEASE);
	release(part);
	acta_store_begin(part->store);
	acta_channels_send(part, part->now_ms);
	acta_store_abort(part->store);
	if (acta_part_killed(part, "released"))
		return ACTA_ECLOSED;
	atomic_store(&part->box->phase, ACTA_PHASE_IDLE);
	if (part->read_count > 0)
		acta_source_reads_wake(part);
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
		out.code = acta_bytes_of("busy");
		out.text = acta_bytes_of("too much waits already");
		out.hint =
		    acta_bytes_of("nothing was applied: try again later");
		out.body = (struct acta_bytes){ ACTA_PACKED_NIL, 1 };
		part->port.to_door(part->port.self, door, item->inc, &out);
		return;
	}
	acta_buf_reset(&part->scratch);
	acta_item_encode(&part->scratch, item);
	acta_buf_append(
	    &part->inbox, &(uint32_t){ (uint32_t)part->scratch.size }, 4);
	acta_buf_append(&part->inbox, part->scratch.data, part->scratch.size);
}
