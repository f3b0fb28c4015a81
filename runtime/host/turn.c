/*
 * runtime/host/turn.c - the turn (CORE 1): gather, run each message on its
 * own, one commit for all, and only then let anything leave.
 */
#include "runtime/host/turn.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "codecs/packer.h"
#include "runtime/host/outside.h"
#include "runtime/host/park.h"
#include "runtime/host/subs.h"

bool
acta_part_killed(struct acta_part *part, const char *point)
{
	return part->port.crash != NULL &&
	    part->port.crash(part->port.self, point);
}

/* Looks at the clock, too, for whoever tells when the next handler began. */
static bool
turn_full(struct acta_part *part)
{
	part->elapsed_ms = part->port.elapsed_ms(part->port.self);
	return part->turn_messages >= (part->trial ? 1 : ACTA_TURN_MESSAGES) ||
	    acta_store_pending_bytes(part->store) >= ACTA_TURN_BYTES ||
	    part->elapsed_ms >= ACTA_TURN_MS;
}

/* Parked messages that are due, timers, links and doors take turns; what an
 * actor here sends to another runs before the next one. False: killed. */
static bool
gather(struct acta_part *part)
{
	static enum acta_fate (*const sources[])(
	    struct acta_part *, struct acta_gather *) = { acta_source_outside,
		acta_source_parked, acta_source_due, acta_source_inbox };
	const unsigned count = sizeof(sources) / sizeof(*sources);
	struct acta_gather g = { 0 };
	unsigned dry = 0;

	while (dry < count && !turn_full(part) && !part->stopping) {
		enum acta_fate fate;

		if (part->local != NULL) {
			/* The suspect ran: name what it sent. Or a handler
			 * outside has ended where all stands still. */
			if (g.alone || part->stopped)
				break;
			fate = acta_source_local(part, &g);
		} else if (g.alone || (part->draining && part->source > 0)) {
			part->source = 0;
			break;
		} else {
			fate = sources[part->source](part, &g);
			if (g.put_off) /* it is first in the next turn */
				break;
			part->source = (part->source + 1) % count;
		}
		if (fate == ACTA_FATE_KILLED)
			return false;
		if (fate == ACTA_FATE_NOTHING) {
			dry++;
			continue;
		}
		part->turn_messages++;
		dry = 0;
	}
	return true;
}

/* -------------------------------------------------------------- commit -- */

static void
store_numbers(struct acta_part *part)
{
	acta_buf_reset(&part->pack);
	acta_pack_list(&part->pack, 5);
	acta_pack_uint(&part->pack, part->next_ask);
	acta_pack_uint(&part->pack, part->next_token);
	acta_pack_uint(&part->pack, part->next_dead);
	acta_pack_uint(&part->pack, part->next_local);
	acta_pack_uint(&part->pack, part->next_place);
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

/* Above 80 % of its quota; with a look again when deletes have made room. */
static void
watch_quota(struct acta_part *part)
{
	bool nearly = acta_store_intake_stopped(part->store);

	if (nearly == part->nearly_full)
		return;
	part->nearly_full = nearly;
	part->port.alarm(part->port.self, "store-nearly-full",
	    nearly
		? "80 % of store.quota is used: it takes nothing new in, and "
		  "ends what it has; raise store.quota"
		: "");
}

static void
turn_begin(struct acta_part *part, int64_t now_ms)
{
	struct timespec now;

	acta_arena_reset(&part->arena, ACTA_SCRATCH_KEEP);
	acta_outside_sweep(part);
	if (now_ms > part->now_ms)
		part->now_ms = now_ms; /* time never goes back */
	part->local = NULL;
	part->local_tail = &part->local;
	part->releases = NULL;
	part->release_tail = &part->releases;
	part->called = NULL;
	part->turn_messages = 0;
	part->turn++;
	clock_gettime(CLOCK_BOOTTIME, &now);
	part->began_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	part->trial = part->full && part->now_ms >= part->full_ms;
	watch_quota(part);
	part->intake_stopped = part->full || part->nearly_full;
	acta_store_begin(part->store);
}

/* ---------------------------------------------------------- a full disk -- */

static void
reply_busy(struct acta_part *part, const char *door, uint64_t door_inc,
    uint64_t request, const char *text)
{
	struct acta_item item = { .kind = ACTA_ITEM_REPLY };

	part->busy++;
	item.request = request;
	item.inc = door_inc;
	item.src = acta_bytes_of(door);
	item.code = acta_bytes_of("busy");
	item.text = acta_bytes_of(text);
	item.hint = acta_bytes_of("nothing was applied: try again later");
	item.body = (struct acta_bytes){ ACTA_PACKED_NIL, 1 };
	part->port.to_door(part->port.self, door, door_inc, &item);
}

static void
refuse_call(
    struct acta_part *part, const struct acta_item *item, const char *text)
{
	char door[48];

	snprintf(door, sizeof(door), "%.*s", (int)item->src.size,
	    item->src.data ? item->src.data : "");
	reply_busy(part, door, item->inc, item->request, text);
}

/* What only looks is served also by a store that takes nothing in. */
static bool
only_looks(const struct acta_part *part, const struct acta_item *item)
{
	struct acta_reader r = acta_reader(item->body.data, item->body.size);
	const struct acta_handler_info *h;
	struct acta_message m;

	if (acta_message_decode(&r, &m) != ACTA_OK || m.type.size == 0)
		return false;
	if (m.type.data[0] == '@')
		return true;
	h = acta_loaded_find(part->loaded, m.type.data, m.type.size);
	return h != NULL && (h->handler->flags & ACTA_READS) != 0;
}

/* A call with an id may be known: answered, or pending. It must not hear that
 * nothing was applied from who has not looked (run_call). */
static bool
is_let_in(const struct acta_part *part, const struct acta_item *item)
{
	return item->client != NULL || only_looks(part, item);
}

static void
refuse_calls_waiting(struct acta_part *part, const char *text)
{
	struct acta_inbox kept;
	struct acta_item *item;

	acta_inbox_init(&kept);
	while ((item = acta_inbox_get(&part->calls)) != NULL) {
		if (is_let_in(part, item))
			acta_inbox_put(&kept, item);
		else
			refuse_call(part, item, text);
		acta_inbox_done(&part->calls);
	}
	while ((item = acta_inbox_get(&kept)) != NULL) {
		acta_inbox_put(&part->calls, item);
		part->gathered++;
		acta_inbox_done(&kept);
	}
	acta_inbox_fini(&kept);
}

/*
 * Nothing of this turn was committed, so nothing of it may be heard. Who called
 * in it is told so; what channels brought comes again; what was parked or due
 * still is. All that mirrors the store is read from it anew, and nothing is
 * taken in until a commit finds space.
 */
static enum acta_err
disk_full(struct acta_part *part, bool *out_more)
{
	enum acta_err err;

	acta_store_abort(part->store);
	for (struct acta_called *c = part->called; c != NULL; c = c->next)
		reply_busy(
		    part, c->door, c->door_inc, c->request, ACTA_NO_SPACE);
	for (struct acta_release *r = part->releases; r != NULL; r = r->next)
		if (r->known)
			part->port.to_door(
			    part->port.self, r->door, r->door_inc, &r->item);
	err = acta_part_reload(part);
	if (err != ACTA_OK)
		return acta_part_fatal(part, err);
	if (!part->full)
		part->port.alarm(part->port.self, "store-full",
		    ACTA_NO_SPACE
		    ": it takes nothing new in; free space on its "
		    "disk, or raise store.quota");
	part->full = true;
	part->full_ms = part->now_ms + ACTA_FULL_RETRY_MS;
	refuse_calls_waiting(part, ACTA_NO_SPACE);
	*out_more = part->gathered > 0;
	atomic_store(&part->box->phase, ACTA_PHASE_IDLE);
	return ACTA_OK;
}

static void
space_again(struct acta_part *part)
{
	part->full = false;
	/* Who sends to here asks anew, and is granted something. */
	for (uint32_t i = 0; i < part->in_count; i++)
		part->ins[i].nacked = true;
	part->port.alarm(part->port.self, "store-full", "");
}

/* ------------------------------------------------------------ a backup -- */

/*
 * A backup holds all partitions of the node between two turns, looks at their
 * stores, and lets them go; what it has then is of one instant. If it does not
 * come back, the time ends it.
 */
static bool
is_held(const struct acta_part *part, int64_t now_ms)
{
	return now_ms < part->hold_ms && !part->draining;
}

static void
let_go(struct acta_part *part, const struct acta_item *item)
{
	struct acta_reader r = acta_reader(item->body.data, item->body.size);
	struct acta_message m;

	if ((item->flags & ACTA_CALL_ADMIN) == 0 ||
	    acta_message_decode(&r, &m) != ACTA_OK ||
	    !acta_bytes_is(m.type, "@store-go"))
		return;
	part->held = is_held(part, part->now_ms);
	part->held_turn = acta_store_turn(part->store);
	part->hold_ms = 0;
}

/* ---------------------------------------------------------------- turn -- */

enum acta_err
acta_part_turn(struct acta_part *part, int64_t now_ms, bool *out_more)
{
	enum acta_err err;
	bool behind;

	*out_more = false;
	if (part->failed)
		return ACTA_EUNSURE;
	if (is_held(part, now_ms))
		return ACTA_OK;
	turn_begin(part, now_ms);
	acta_stop_end(part);
	if (acta_part_killed(part, "gather"))
		return ACTA_ECLOSED;
	if (part->read_count > 0)
		acta_source_reads_wake(part);
	if (!part->full || part->trial)
		acta_ids_expire(part);
	acta_subs_announce(part);
	if (!gather(part))
		return ACTA_ECLOSED;
	behind = acta_subs_catch_up(part);
	acta_source_local_park(part);
	/* Acks make room: they are written although nothing else is. Without
	 * space only by the trial: each one that fails has all channels agreed
	 * on anew, and what they hear then would be one more to write. */
	if (!part->full || part->trial || acta_store_dirty(part->store)) {
		acta_topics_store(part);
		acta_ids_store(part);
		acta_channels_store(part,
		    part->draining || part->intake_stopped || part->trial);
	}
	/* A number that only named what ran in one turn need not be kept. */
	if (part->trial ||
	    (part->numbers_dirty && acta_store_dirty(part->store)))
		store_numbers(part);
	if (part->failed) /* the store cannot be read: nothing more is said */
		return ACTA_ECORRUPT;
	if (acta_store_dirty(part->store)) {
		if (acta_part_killed(part, "commit"))
			return ACTA_ECLOSED;
		atomic_store(&part->box->phase, ACTA_PHASE_COMMIT);
		err = acta_store_commit(
		    part->store, part->now_ms, part->intake_stopped);
		if (err == ACTA_EFULL)
			return disk_full(part, out_more);
		if (err != ACTA_OK)
			return acta_part_fatal(part, err);
		if (part->full)
			space_again(part);
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
	err = acta_outside_begin(part);
	if (err != ACTA_OK)
		return err;
	atomic_store(&part->box->phase, ACTA_PHASE_IDLE);
	if (part->read_count > 0)
		acta_source_reads_wake(part);
	acta_parked_durable(part);
	acta_ids_told(part);
	if (part->stopping) {
		acta_stop_begin(part);
		refuse_calls_waiting(part, ACTA_STOPPED_TEXT);
	}
	*out_more = part->gathered > 0 || behind ||
	    (!part->full && part->outside_ended != NULL) ||
	    (!part->full && !part->stopped &&
		(acta_parked_due(part) != NULL ||
		    part->next_due_ms <= part->now_ms));
	return part->failed ? ACTA_EUNSURE : ACTA_OK;
}

int64_t
acta_part_wake_ms(const struct acta_part *part)
{
	int64_t wake = part->next_due_ms, at = acta_parked_wake_ms(part);

	if (is_held(part, part->now_ms))
		return part->hold_ms;
	if (part->full)
		return part->full_ms;
	if (part->stopped)
		wake = at = INT64_MAX;
	if (part->announce && !part->nearly_full)
		return 0;
	if (at < wake)
		wake = at;
	/* It waits for room: whether there is any is looked at by turns. */
	at = part->now_ms + ACTA_FULL_RETRY_MS;
	if (part->announce && at < wake)
		wake = at;
	at = acta_topics_wake_ms(part);
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
		n += part->outs[i]->next - part->outs[i]->acked;
	return n;
}

bool
acta_part_quiet(const struct acta_part *part)
{
	return part->gathered == 0;
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
	if (part->hold_ms != 0)
		let_go(part, item);
	if (part->full && !is_let_in(part, item)) {
		refuse_call(part, item, ACTA_NO_SPACE);
		return;
	}
	if (part->stopped && !is_let_in(part, item)) {
		refuse_call(part, item, ACTA_STOPPED_TEXT);
		return;
	}
	if (acta_inbox_bytes(&part->calls) > ACTA_INBOX_BYTES_MAX) {
		refuse_call(part, item, "too much waits already");
		return;
	}
	acta_inbox_put(&part->calls, item);
	part->gathered++;
}
