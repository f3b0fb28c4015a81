/*
 * calls.c - the calls that wait for an answer: found by request number, ended
 * by a heap of deadlines, queued at their worker's link.
 *
 * Request numbers only grow. A call's slot is its number modulo the slots,
 * twice as many as calls may be; numbers whose slot is taken by a call with a
 * long timeout are skipped.
 */
#include "runtime/door/door.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"

/* What a call costs beside its bytes: malloc's heads, its place in tables. */
#define CALL_OVERHEAD 64u

void
door_calls_init(struct door *door)
{
	/* Untouched pages cost nothing: an idle door stays small. */
	door->slots = calloc(DOOR_SLOTS, sizeof *door->slots);
	door->heap = calloc(DOOR_CALLS_MAX, sizeof *door->heap);
	assert(door->slots && door->heap);
}

void
door_calls_fini(struct door *door)
{
	while (door->pending > 0)
		door_calls_end(door, door->heap[0]);
	free(door->slots);
	free(door->heap);
}

/* -------------------------------------------------------------- heap -- */

static void
place(struct door *door, struct door_call *call, uint32_t at)
{
	door->heap[at] = call;
	call->place = at;
}

static void
sift_up(struct door *door, struct door_call *call, uint32_t at)
{
	while (at > 0) {
		uint32_t up = (at - 1) / 2;

		if (door->heap[up]->due_ms <= call->due_ms)
			break;
		place(door, door->heap[up], at);
		at = up;
	}
	place(door, call, at);
}

static void
sift_down(struct door *door, struct door_call *call, uint32_t at)
{
	for (;;) {
		uint32_t down = 2 * at + 1;

		if (down >= door->pending)
			break;
		if (down + 1 < door->pending &&
		    door->heap[down + 1]->due_ms < door->heap[down]->due_ms)
			down++;
		if (door->heap[down]->due_ms >= call->due_ms)
			break;
		place(door, door->heap[down], at);
		at = down;
	}
	place(door, call, at);
}

static void
heap_remove(struct door *door, uint32_t at)
{
	struct door_call *last = door->heap[--door->pending];

	if (at == door->pending)
		return;
	if (at > 0 && door->heap[(at - 1) / 2]->due_ms > last->due_ms)
		sift_up(door, last, at);
	else
		sift_down(door, last, at);
}

/* --------------------------------------------------------------- add -- */

static struct door_call **
slot_of(const struct door *door, uint64_t request)
{
	return &door->slots[request & (DOOR_SLOTS - 1)];
}

static uint64_t
next_request(struct door *door)
{
	/* Ends: at most half of the slots are taken. */
	do
		door->request++;
	while (*slot_of(door, door->request));
	return door->request;
}

/* The message, into door->message. */
static void
encode(struct door *door, const struct door_spec *spec, uint64_t request)
{
	struct acta_message msg = {
		.key = spec->key,
		.type = spec->type,
		.from = { "", 0 },
		.sent_ms = door->wall_ms,
		.deadline_ms = door->wall_ms + spec->timeout_ms,
		.args_raw = spec->args,
		.id = spec->id.data ? spec->id : (struct acta_bytes){ "", 0 },
		.trace = spec->trace,
	};
	struct acta_reader args = acta_reader(spec->args.data, spec->args.size);

	msg.args = acta_read(&args);
	msg.caller.kind = ACTA_CALLER_DOOR;
	msg.caller.service.data = spec->service->name;
	msg.caller.service.size = (uint32_t)strlen(spec->service->name);
	msg.caller.part = spec->part;
	msg.caller.door.data = door->name;
	msg.caller.door.size = (uint32_t)strlen(door->name);
	msg.caller.door_inc = door->incarnation;
	msg.caller.request = request;
	acta_buf_reset(&door->message);
	acta_message_encode(&door->message, &msg);
}

enum acta_err
door_calls_add(struct door *door, const struct door_spec *spec)
{
	struct door_link *link = door_link_of(spec->service, spec->part);
	size_t back = spec->back ? door_back_size(spec->back) : 0;
	struct door_call *call;
	size_t charge;
	uint64_t request;

	if (door->pending >= DOOR_CALLS_MAX ||
	    link->count >= DOOR_LINK_CALLS_MAX)
		return ACTA_ELIMIT;
	request = next_request(door);
	encode(door, spec, request);
	charge = sizeof *call + back + door->message.size + CALL_OVERHEAD;
	if (door->pending_bytes + charge > DOOR_CALLS_BYTES_MAX ||
	    link->bytes + charge > DOOR_LINK_BYTES_MAX)
		return ACTA_ELIMIT;

	call = calloc(1, sizeof *call + back);
	assert(call);
	call->message_size = (uint32_t)door->message.size;
	call->message = malloc(door->message.size);
	assert(call->message);
	memcpy(call->message, door->message.data, door->message.size);
	call->link = link;
	call->request = request;
	call->part = spec->part;
	call->flags = spec->flags;
	call->due_ms = door->now_ms + spec->timeout_ms;
	call->timeout_ms_shown = (uint32_t)spec->timeout_ms;
	call->silent = spec->silent;
	call->id_ms = spec->id_ms;
	call->join = spec->join;
	call->charge = charge;
	if (spec->client) {
		call->kept = true;
		memcpy(call->client, spec->client, sizeof call->client);
	}
	if (spec->back)
		door_back_copy_into(&call->back, spec->back, call->data);
	TAILQ_INSERT_TAIL(&link->unsent, call, entry);
	call->queued = true;
	link->count++;
	link->bytes += charge;
	door->pending_bytes += charge;
	*slot_of(door, request) = call;
	sift_up(door, call, door->pending++);
	door_link_wants(door, link);
	return ACTA_OK;
}

struct door_call *
door_calls_find(struct door *door, uint64_t request)
{
	struct door_call *call = *slot_of(door, request);

	return call && call->request == request ? call : NULL;
}

void
door_calls_end(struct door *door, struct door_call *call)
{
	struct door_link *link = call->link;

	assert(*slot_of(door, call->request) == call);
	*slot_of(door, call->request) = NULL;
	heap_remove(door, call->place);
	TAILQ_REMOVE(call->queued ? &link->unsent : &link->sent, call, entry);
	link->count--;
	link->bytes -= call->charge;
	door->pending_bytes -= call->charge;
	free(call->message);
	free(call);
}

/* --------------------------------------------------------------- end -- */

void
door_calls_end_unanswered(struct door *door, struct door_call *call)
{
	door->count[DOOR_COUNT_push_unanswered]++;
	door_log(door, "warn", "push-unanswered", "service=%s",
	    call->link->service->name);
	door_calls_end(door, call);
}

/* Never sent: certainly not applied. Sent: who knows. */
static void
expire(struct door *door, struct door_call *call)
{
	const char *name = call->link->service->name;
	uint32_t ms = call->timeout_ms_shown;
	char text[160];

	if (call->silent && call->sent) {
		door_calls_end_unanswered(door, call);
	} else if (call->silent) {
		door->count[DOOR_COUNT_push_expired]++;
		door_log(door, "warn", "push-expired", "service=%s", name);
		door_calls_end(door, call);
	} else if (!call->sent) {
		snprintf(text, sizeof text,
		    "%s was not reachable for %u ms; nothing was sent to it",
		    name, ms);
		door_call_error(door, call, "unavailable", text,
		    "`acta ps` shows its state, `acta why` the reason");
	} else {
		snprintf(text, sizeof text,
		    "no answer from %s in %u ms; it may still be applied", name,
		    ms);
		door_call_error(door, call, "timeout", text,
		    call->kept ? "ask again with the same id"
			       : "a call with an id can safely be asked again");
	}
}

void
door_calls_expire(struct door *door, bool all)
{
	while (
	    door->pending > 0 && (all || door->heap[0]->due_ms <= door->now_ms))
		expire(door, door->heap[0]);
}

int64_t
door_calls_wait(const struct door *door, int64_t most)
{
	int64_t wait;

	if (door->pending == 0)
		return most;
	wait = door->heap[0]->due_ms - door->now_ms;
	if (wait < 0)
		wait = 0;
	return wait < most ? wait : most;
}
