/*
 * runtime/host/run.c - one message: may it run, what its handler did, and what
 * came of it: done, rejected, parked or dead.
 */
#include "runtime/host/local.h"
#include "runtime/host/outside.h"
#include "runtime/host/turn.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "codecs/packer.h"
#include "runtime/host/park.h"

/* ------------------------------------------------------ one message run -- */

/* A NUL-ended copy, cut to fit; printf is too slow for every message. */
static size_t
text_copy(char *out, size_t room, const char *data, size_t size)
{
	if (size >= room)
		size = room - 1;
	/* Of memmove the compiler makes a call; of a memcpy a `rep movs`, which
	 * takes longer to begin than this to copy. */
	if (size > 0)
		memmove(out, data, size);
	out[size] = '\0';
	return size;
}

const char *
acta_part_address(struct acta_part *part, struct acta_bytes key)
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
	if (msg->m.caller.kind == ACTA_CALLER_NOBODY)
		return;
	if (msg->source == ACTA_FROM_CALL && msg->send && acta_id_leaves(end))
		end = &nil;
	acta_part_answer(
	    part, &msg->m.caller, acta_part_address(part, msg->m.key), end);
}

enum acta_fate
acta_run_undeliverable(struct acta_part *part, struct acta_msg *msg,
    const char *code, const char *text, const char *hint)
{
	struct acta_end end = {
		.outcome = ACTA_UNDELIVERED, .code = code, .text = text
	};

	if (msg->source == ACTA_FROM_CALL) {
		const struct acta_caller *c = &msg->m.caller;

		if (c->kind == ACTA_CALLER_DOOR)
			acta_reply_door(part, c->door.data, c->door.size,
			    c->door_inc, c->request, &end, hint);
		return ACTA_FATE_REJECTED;
	}
	if (strcmp(code, "expired") != 0)
		acta_part_dead(part, msg, code, text);
	end_with(part, msg, &end);
	return strcmp(code, "expired") == 0 ? ACTA_FATE_REJECTED
					    : ACTA_FATE_DEAD;
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
enum acta_fate
acta_run_park(struct acta_part *part, struct acta_msg *msg, uint32_t attempts,
    int64_t due_ms, const char *reason)
{
	struct acta_caller *c = &msg->m.caller;

	if (msg->source == ACTA_FROM_PARKED) {
		acta_park_update(part, msg, attempts, due_ms, reason);
		return ACTA_FATE_PARKED;
	}
	if (msg->source == ACTA_FROM_CALL) {
		struct acta_buf b;

		if (msg->send) {
			const struct acta_end nil = { .outcome =
							  ACTA_ANSWERED };

			acta_part_answer(part, c, "", &nil);
			*c = (struct acta_caller){ 0 };
			msg->m.deadline_ms = 0;
		}
		/* As it is now: with its home, without a send's deadline. */
		acta_buf_init(&b);
		acta_message_encode(&b, &msg->m);
		msg->raw = acta_arena_copy(&part->arena, b.data, b.size);
		msg->raw_size = b.size;
		acta_buf_fini(&b);
	}
	acta_local_pack(part, msg);
	acta_park_append(part, msg, attempts, due_ms, reason);
	return ACTA_FATE_PARKED;
}

enum acta_fate
acta_run_park_no_room(struct acta_part *part, struct acta_msg *msg)
{
	(void)acta_run_park(part, msg, msg->attempt - 1,
	    part->now_ms + ACTA_ROOM_RETRY_MS, "channel full");
	acta_park_no_room(part, msg);
	return ACTA_FATE_PARKED;
}

/* Is there room for the answer that it will be owed elsewhere? */
static bool
room_to_answer(struct acta_part *part, const struct acta_msg *msg)
{
	const struct acta_caller *c = &msg->m.caller;
	const struct acta_route *to;

	if (c->kind == ACTA_CALLER_NOBODY || c->service.size == 0)
		return true;
	to = acta_part_route(part, c->service.data, c->service.size);
	if (to == NULL ||
	    (to == part->own_route && c->part == part->config.part))
		return true;
	if (acta_channel_room(
		part, acta_channel_out(part, to->name, c->part), true))
		return true;
	acta_channel_block(part, to->name, c->part);
	return false;
}

uint32_t
acta_part_blamed(const struct acta_part *part, const struct acta_uid *uid)
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
	size_t at;

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
	/* turn.c has looked at the clock before this message. The one writer of
	 * these needs no locked instruction to count. */
	atomic_store_explicit(&box->since_ms, part->began_ms + part->elapsed_ms,
	    memory_order_release);
	atomic_store_explicit(&box->begun,
	    atomic_load_explicit(&box->begun, memory_order_relaxed) + 1,
	    memory_order_release);
	atomic_store_explicit(
	    &box->phase, ACTA_PHASE_HANDLER, memory_order_release);
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
	if (acta_part_get(part, ACTA_T_ACTOR, key, size, &value, &value_size) ==
	    ACTA_OK) {
		struct acta_reader r = acta_reader(value, value_size);

		(void)acta_read_list(&r, &ok);
		have = acta_read_int(&r, &ok);
		held = acta_read_bool(&r, &ok);
		known = have > 0;
	}
	if (!ok || part->failed) { /* not to be taken for a new actor */
		(void)acta_part_fatal(part, ACTA_ECORRUPT);
		return ACTA_FAILED;
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
	/* Who only looks leaves no trace of an actor that is not there; and
	 * without space nothing is changed to be looked at. */
	if (actor->reads_only && !known)
		return ACTA_DONE;
	if (actor->reads_only && part->full && !part->trial) {
		actor->full = true;
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

/* Likewise: libc's memset is faster than what is made of it in place. */
static void __attribute__((noinline)) clear(void *at, size_t size)
{
	memset(at, 0, size);
}

static void
actor_init(struct acta_part *part, struct acta_actor *a, struct acta_msg *msg)
{
	clear(a, offsetof(struct acta_actor, key));
	a->part = part;
	a->loaded = part->loaded;
	a->arena = &part->arena;
	a->msg = msg;
	memcpy(a->key, msg->m.key.data, msg->m.key.size);
	a->key[msg->m.key.size] = '\0';
	a->key_size = msg->m.key.size;
	a->now_ms = part->now_ms;
	a->self = msg->to;
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
		if (!s->here && !s->lapse &&
		    !acta_channel_room(part,
			acta_channel_out(part, s->route->name, s->part),
			inside)) {
			acta_channel_block(part, s->route->name, s->part);
			return false;
		}
	return true;
}

static void
keep_sent(struct acta_part *part, struct acta_sent *from, struct acta_sent *to)
{
	for (struct acta_sent *s = from, *next; s != to; s = next) {
		next = s->next;
		if (!s->here) {
			struct acta_out *out =
			    acta_channel_out(part, s->route->name, s->part);

			if (s->lapse && !acta_channel_room(part, out, true))
				acta_channel_lapse(part, out);
			else
				acta_channel_append(
				    part, out, s->data, s->size);
			continue;
		}
		s->next = NULL;
		*part->local_tail = s;
		part->local_tail = &s->next;
	}
}

static void
keep_effects(struct acta_part *part, struct acta_actor *a)
{
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

static enum acta_fate
failed(struct acta_part *part, struct acta_msg *msg, const char *text)
{
	struct acta_end end = {
		.outcome = ACTA_UNDELIVERED, .code = "failed", .text = text
	};

	if (msg->attempt < part->config.max_attempts &&
	    part->config.stop_on_failed) {
		acta_part_stop(part, msg, text);
		return acta_run_park(
		    part, msg, msg->attempt, part->now_ms, text);
	}
	if (msg->attempt < part->config.max_attempts)
		return acta_run_park(part, msg, msg->attempt,
		    part->now_ms + backoff_ms(part, msg->attempt), text);
	acta_part_dead(part, msg, "failed", text);
	end_with(part, msg, &end);
	return ACTA_FATE_DEAD;
}

static void
undo(struct acta_part *part, const struct acta_run_before *before)
{
	acta_store_undo(part->store, before->mark);
	part->local_tail = before->local_tail;
	*part->local_tail = NULL;
	part->release_tail = before->release_tail;
	*part->release_tail = NULL;
}

enum acta_fate
acta_run_misused(struct acta_part *part, struct acta_msg *msg, const char *text)
{
	const struct acta_end end = {
		.outcome = ACTA_UNDELIVERED, .code = "failed", .text = text
	};

	acta_part_dead(part, msg, "misused", text);
	end_with(part, msg, &end);
	return ACTA_FATE_DEAD;
}

struct acta_run_before
acta_run_before(const struct acta_part *part)
{
	return (struct acta_run_before){ acta_store_mark_now(part->store),
		part->local_tail, part->release_tail };
}

/* What came of the handler: all of it is kept, or nothing. */
enum acta_fate
acta_run_conclude(struct acta_part *part, struct acta_actor *a,
    const struct acta_run_before *before, acta_status status)
{
	struct acta_msg *msg = a->msg;
	struct acta_end end = { .outcome = ACTA_ANSWERED };
	struct acta_sent *after;

	if (a->status > status)
		status = a->status;
	/* What was done outside is not done again for want of room. */
	if (status == ACTA_DONE && !a->held && !a->misused &&
	    (msg->handler->handler->flags & ACTA_OUTSIDE) == 0 &&
	    !room_for(part, a, msg->source != ACTA_FROM_CALL))
		a->full = true;
	if (status != ACTA_DONE || a->held || a->misused || a->full)
		undo(part, before);
	if (a->misused)
		return acta_run_misused(part, msg, a->text);
	if (a->held) {
		enum acta_fate fate;

		msg->holds = true;
		fate = acta_run_park(
		    part, msg, msg->attempt - 1, part->now_ms, "held");
		acta_park_hold(part, msg, true);
		return fate;
	}
	if (a->full && msg->source == ACTA_FROM_CALL) {
		part->busy++;
		return acta_run_undeliverable(part, msg, "busy",
		    part->full ? ACTA_NO_SPACE
			       : "a channel that it would send to is full",
		    "nothing was applied: try again later");
	}
	if (a->full)
		return acta_run_park_no_room(part, msg);
	if (status == ACTA_FAILED)
		return failed(part, msg, a->text ? a->text : "");
	if (status == ACTA_REJECTED) {
		end.outcome = ACTA_REFUSED;
		end.code = a->code ? a->code : "rejected";
		end.text = a->text ? a->text : "";
		if (msg->m.caller.kind == ACTA_CALLER_NOBODY || msg->send)
			part->rejected_sends++;
		end_with(part, msg, &end);
		return ACTA_FATE_REJECTED;
	}
	/* In the order in which it was said: what was sent after the answer
	 * goes after it. */
	after = a->replied ? *a->reply_tail : NULL;
	keep_sent(part, a->sent, after);
	keep_effects(part, a);
	if (!a->caller_taken) {
		end.result = a->replied ? a->reply : NULL;
		end.size = a->reply_size;
		end_with(part, msg, &end);
	} else if (msg->source == ACTA_FROM_CALL && msg->send) {
		end_with(part, msg, &end);
	}
	keep_sent(part, after, NULL);
	if (a->resumed)
		acta_park_hold(part, msg, false);
	part->handled++;
	return ACTA_FATE_HANDLED;
}

acta_status
acta_run_call(
    struct acta_part *part, struct acta_actor *actor, struct acta_msg *msg)
{
	acta_status status;

	part->runs++;
	actor_init(part, actor, msg);
	note_box(part, msg);
	status = migrate(part, actor);
	if (status == ACTA_DONE)
		status = msg->handler->handler->run(actor, msg);
	atomic_store_explicit(
	    &part->box->phase, ACTA_PHASE_GATHER, memory_order_release);
	if ((unsigned)status > ACTA_FAILED)
		acta_actor_misuse(actor,
		    "%s returned %d, which is no acta_status", msg->type_text,
		    (int)status);
	acta_actor_fini(actor);
	return status;
}

static enum acta_fate
run_handler(struct acta_part *part, struct acta_msg *msg)
{
	const struct acta_run_before before = acta_run_before(part);
	struct acta_actor actor;
	acta_status status;

	if (acta_part_killed(part, "handler"))
		return ACTA_FATE_KILLED;
	status = acta_run_call(part, &actor, msg);
	return acta_run_conclude(part, &actor, &before, status);
}

/* ---------------------------------------------- before a handler is run -- */

void
acta_msg_texts(struct acta_part *part, struct acta_msg *msg)
{
	msg->type_text =
	    acta_arena_text(&part->arena, msg->m.type.data, msg->m.type.size);
	msg->from_text =
	    acta_arena_text(&part->arena, msg->m.from.data, msg->m.from.size);
}

/* Who may send this type? NULL, or why not. */
static const char *
not_open(struct acta_part *part, const struct acta_msg *msg)
{
	uint32_t flags = msg->handler->handler->flags;

	if (msg->then || msg->timer || msg->event)
		return NULL;
	if ((flags & ACTA_PRIVATE) != 0 &&
	    strcmp(msg->from_text, acta_part_address(part, msg->m.key)) != 0)
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

static bool
open_to(struct acta_part *part, struct acta_msg *msg, enum acta_fate *fate)
{
	const char *closed = not_open(part, msg);
	char text[200];

	if (closed == NULL)
		return true;
	snprintf(text, sizeof(text), "\"%s\" %s", msg->type_text, closed);
	*fate = acta_run_undeliverable(part, msg, "denied", text, "");
	return false;
}

/* Find the handler and check the args; false: *fate is how it ended. */
static bool
check(struct acta_part *part, struct acta_msg *msg, enum acta_fate *fate)
{
	struct acta_why why = { "", "" };
	acta_value args = msg->m.args;
	char text[200];

	msg->handler =
	    acta_loaded_find(part->loaded, msg->m.type.data, msg->m.type.size);
	if (msg->handler == NULL) {
		snprintf(text, sizeof(text), "%s has no type \"%s\"",
		    part->config.service, msg->type_text);
		*fate = acta_run_undeliverable(
		    part, msg, "unknown-type", text, type_hint(part, msg));
		return false;
	}
	if (!open_to(part, msg, fate))
		return false;
	msg->args = part->args;
	if (msg->then && msg->outcome != ACTA_ANSWERED) {
		args.type = ACTA_ABSENT;
		for (uint32_t i = 0; i < msg->handler->args.count; i++)
			msg->args[i] = msg->handler->args.fields[i].otherwise;
		return true;
	}
	if (acta_schema_check(&msg->handler->args, args,
		msg->source == ACTA_FROM_CALL, "arg", msg->args,
		&why) != ACTA_OK) {
		*fate = acta_run_undeliverable(
		    part, msg, "bad-args", why.text, why.hint);
		return false;
	}
	return true;
}

/* Decode it and see that it may run; false: *fate is how it ended. */
bool
acta_run_open(
    struct acta_part *part, struct acta_msg *msg, enum acta_fate *fate)
{
	struct acta_reader r = acta_reader(msg->raw, msg->raw_size);

	*fate = ACTA_FATE_HANDLED;
	if (acta_message_decode(&r, &msg->m) != ACTA_OK) {
		acta_part_dead(part, msg, "malformed",
		    "it cannot be decoded: too deep, or damaged");
		*fate = ACTA_FATE_DEAD;
		return false;
	}
	/* Nobody waits for what comes of an event. */
	msg->event = msg->m.caller.kind == ACTA_CALLER_EVENT;
	if (msg->event)
		msg->m.caller = (struct acta_caller){ 0 };
	acta_msg_texts(part, msg);
	if (msg->m.type.size > 0 && msg->m.type.data[0] == '@') {
		if (!acta_bytes_is(msg->m.type, "@then")) {
			*fate = acta_own_run(part, msg);
			return false;
		}
		if (!acta_own_then_open(part, msg))
			return false;
		acta_msg_texts(part, msg);
	}
	if (msg->source != ACTA_FROM_CALL && !room_to_answer(part, msg)) {
		*fate = acta_run_park_no_room(part, msg);
		return false;
	}
	if (msg->m.deadline_ms != 0 && msg->m.deadline_ms <= part->now_ms) {
		*fate = acta_run_undeliverable(part, msg, "expired",
		    "its deadline had passed before it was begun: not applied",
		    "");
		return false;
	}
	return check(part, msg, fate);
}

static enum acta_fate
crashed(struct acta_part *part, struct acta_msg *msg)
{
	const char *words = "";
	char text[240];
	const struct acta_end end = { .outcome = ACTA_UNDELIVERED,
		.code = "failed",
		.text = "it crashed its process" };

	for (uint32_t i = 0; i < part->blame_count; i++)
		if (memcmp(part->blames[i].uid.bytes, msg->uid.bytes, 16) == 0)
			words = part->blames[i].words;
	snprintf(
	    text, sizeof(text), "%s%s%s", end.text, *words ? ": " : "", words);
	acta_part_dead(part, msg, "crashed", text);
	end_with(part, msg, &end);
	return ACTA_FATE_DEAD;
}

enum acta_fate
acta_run_uncounted(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_parked *queue;
	enum acta_fate fate;

	if (msg->raw != NULL ? !acta_run_open(part, msg, &fate)
			     : !open_to(part, msg, &fate))
		return fate;
	if (acta_part_blamed(part, &msg->uid) >= part->config.max_crashes)
		return crashed(part, msg);
	queue = acta_parked_find(part, msg->m.key.data, msg->m.key.size);
	if (msg->source != ACTA_FROM_PARKED && queue != NULL &&
	    (queue->count > 0 || queue->held) &&
	    !(queue->held && queue->passing == 0 && (msg->then || msg->timer)))
		return acta_run_park(
		    part, msg, 0, part->now_ms, "behind others");
	if ((msg->handler->handler->flags & ACTA_OUTSIDE) != 0)
		return acta_outside_take(part, msg);
	return run_handler(part, msg);
}

enum acta_fate
acta_run(struct acta_part *part, struct acta_msg *msg)
{
	enum acta_fate fate = acta_run_uncounted(part, msg);

	if (msg->in != NULL && fate != ACTA_FATE_KILLED) {
		msg->in->run++;
		msg->in->run_dirty = true;
	}
	return fate;
}
