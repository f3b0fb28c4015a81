/*
 * clients.c - what clients send by call and push, and the answers to them.
 *
 * Nothing here trusts a byte: frames are bounded before they are looked at, a
 * body is checked whole before it is read, and what cannot be served is
 * answered with a code and counted.
 */
#include "runtime/door/door.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "codecs/json.h"
#include "store/hash.h"

/* ---------------------------------------------------------- way back -- */

static bool
id_has_bytes(acta_value id)
{
	return id.type == ACTA_STR;
}

size_t
door_back_size(const struct door_back *back)
{
	return back->size + (id_has_bytes(back->id) ? back->id.size : 0);
}

void
door_back_copy_into(
    struct door_back *out, const struct door_back *back, uint8_t *room)
{
	*out = *back;
	out->frames = room;
	memcpy(room, back->frames, back->size);
	if (id_has_bytes(back->id)) {
		memcpy(room + back->size, back->id.as.data, back->id.size);
		out->id.as.data = room + back->size;
	}
}

void
door_back_copy(struct door_back *out, const struct door_back *back)
{
	uint8_t *room = malloc(door_back_size(back) + 1);

	assert(room);
	door_back_copy_into(out, back, room);
}

/* ----------------------------------------------------------- answers -- */

/*
 * What a client's queue has no room for is held, and all of its later answers
 * behind it: answers come in the order in which they were made. Clients whose
 * hashes meet wait for each other, a little.
 */
struct door_held {
	TAILQ_ENTRY(door_held) entry;
	uint32_t client; /* hash of its routing id */
	int64_t until_ms;
	uint32_t back_size;
	size_t size; /* of the body, which follows the way back */
	uint8_t data[];
};

/*
 * The frames of one answer. ACTA_EAGAIN: its client does not read; nothing was
 * sent, since only the first frame can meet that. ACTA_ECLOSED: it is gone.
 */
static enum acta_err
send_frames(struct door *door, const uint8_t *back, uint32_t back_size,
    const void *body, size_t size)
{
	const uint8_t *at = back, *end = back + back_size;
	int rc;

	door->unread[DOOR_CALL] = true;

	while (at < end) {
		size_t n = *at++;

		do
			rc = zmq_send(
			    door->call, at, n, ZMQ_SNDMORE | ZMQ_DONTWAIT);
		while (rc < 0 && errno == EINTR);
		if (rc < 0)
			return errno == EAGAIN ? ACTA_EAGAIN : ACTA_ECLOSED;
		at += n;
	}
	do
		rc = zmq_send(door->call, body, size, ZMQ_DONTWAIT);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? ACTA_ECLOSED : ACTA_OK;
}

static uint32_t
client_of(const uint8_t *back)
{
	return (uint32_t)acta_hash64(back + 1, back[0]) &
	    (DOOR_HELD_CLIENTS - 1);
}

static void
hold(struct door *door, const struct door_back *back, const void *body,
    size_t size)
{
	size_t all = sizeof(struct door_held) + back->size + size;
	struct door_held *held;

	if (door->held_count >= DOOR_HELD_MAX ||
	    door->held_bytes + all > DOOR_HELD_BYTES_MAX) {
		door->count[DOOR_COUNT_client_slow]++;
		door_log(
		    door, "warn", "client-slow", "held=%u", door->held_count);
		return;
	}
	held = malloc(all);
	assert(held);
	held->until_ms = door->now_ms + DOOR_HELD_MS;
	held->back_size = back->size;
	held->client = client_of(back->frames);
	held->size = size;
	door->held_by[held->client]++;
	memcpy(held->data, back->frames, back->size);
	memcpy(held->data + back->size, body, size);
	TAILQ_INSERT_TAIL(&door->held, held, entry);
	door->held_count++;
	door->held_bytes += all;
}

static void
held_end(struct door *door, struct door_held *held)
{
	TAILQ_REMOVE(&door->held, held, entry);
	door->held_by[held->client]--;
	door->held_count--;
	door->held_bytes -= sizeof *held + held->back_size + held->size;
	free(held);
}

void
door_held_send(struct door *door)
{
	bool full[DOOR_HELD_CLIENTS] = { false };
	struct door_held *held, *next;

	/* All are looked at: not oftener than once a millisecond. */
	if (door->held_tried_ms == door->now_ms)
		return;
	door->held_tried_ms = door->now_ms;
	for (held = TAILQ_FIRST(&door->held); held; held = next) {
		bool late = door->now_ms >= held->until_ms;
		enum acta_err err = ACTA_EAGAIN;

		next = TAILQ_NEXT(held, entry);
		if (!full[held->client])
			err = send_frames(door, held->data, held->back_size,
			    held->data + held->back_size, held->size);
		if (err == ACTA_EAGAIN && !late) {
			full[held->client] = true;
			continue;
		}
		if (err != ACTA_OK)
			door->count[late ? DOOR_COUNT_client_slow
					 : DOOR_COUNT_client_gone]++;
		held_end(door, held);
	}
}

void
door_held_fini(struct door *door)
{
	while (!TAILQ_EMPTY(&door->held))
		held_end(door, TAILQ_FIRST(&door->held));
}

/* What stands in door->answer, in the form that the client spoke. */
static void
send_answer(struct door *door, const struct door_back *back)
{
	const struct acta_buf *body = &door->answer;
	enum acta_err err = ACTA_EAGAIN;

	if (back->json) {
		acta_buf_reset(&door->json);
		acta_json_encode(
		    door->answer.data, door->answer.size, &door->json);
		body = &door->json;
	}
	if (door->held_by[client_of(back->frames)] == 0)
		err = send_frames(
		    door, back->frames, back->size, body->data, body->size);
	if (err == ACTA_EAGAIN)
		hold(door, back, body->data, body->size);
	else if (err != ACTA_OK)
		door->count[DOOR_COUNT_client_gone]++;
}

void
door_answer_ok(struct door *door, const struct door_back *back,
    const void *result, size_t size)
{
	acta_buf_reset(&door->answer);
	acta_answer_ok(&door->answer, back->id, result, size);
	door->count[DOOR_COUNT_answered_ok]++;
	send_answer(door, back);
}

/* By the name of its code, if it is one of the door's. */
static void
count_code(struct door *door, const char *code)
{
	static const struct {
		const char *code;
		enum door_counter counter;
	} codes[] = {
		{ "bad-request", DOOR_COUNT_bad_request },
		{ "too-large", DOOR_COUNT_too_large },
		{ "unknown-service", DOOR_COUNT_unknown_service },
		{ "unknown-type", DOOR_COUNT_unknown_type },
		{ "bad-args", DOOR_COUNT_bad_args },
		{ "denied", DOOR_COUNT_denied },
		{ "busy", DOOR_COUNT_busy },
		{ "timeout", DOOR_COUNT_timeout },
		{ "unavailable", DOOR_COUNT_unavailable },
		{ "not-found", DOOR_COUNT_not_found },
		{ "internal", DOOR_COUNT_internal },
	};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(code, codes[i].code) == 0)
			door->count[codes[i].counter]++;
}

/* Texts were cut to fit on their way: not in the middle of a letter. */
static const char *
whole(char *out, size_t room, const char *text)
{
	size_t size = strnlen(text, room - 1);

	memcpy(out, text, size);
	for (int n = 0; n < 3 && size > 0 && !acta_utf8_valid(out, size); n++)
		size--;
	if (!acta_utf8_valid(out, size))
		size = 0;
	out[size] = '\0';
	return out;
}

static void
answer_error(struct door *door, const struct door_back *back, const char *code,
    const char *text, const char *hint)
{
	char fit[2][1024];

	acta_buf_reset(&door->answer);
	acta_answer_error(&door->answer, back->id, code,
	    whole(fit[0], sizeof fit[0], text),
	    whole(fit[1], sizeof fit[1], hint));
	send_answer(door, back);
}

void
door_answer_error(struct door *door, const struct door_back *back,
    const char *code, const char *text, const char *hint)
{
	count_code(door, code);
	answer_error(door, back, code, text, hint);
}

static void
refuse_push(struct door *door, const char *code, const char *text)
{
	char quoted[DOOR_QUOTED_MAX];

	door->count[DOOR_COUNT_push_refused]++;
	door_log(door, "warn", "push-refused", "code=%.64s text=%s", code,
	    door_log_quote(quoted, text));
}

void
door_call_ok(
    struct door *door, struct door_call *call, const void *result, size_t size)
{
	if (call->silent) {
		door_calls_end(door, call);
		return;
	}
	if (call->join)
		door_join_ok(door, call->join, call, result, size);
	else
		door_answer_ok(door, &call->back, result, size);
	door_calls_end(door, call);
}

void
door_call_error(struct door *door, struct door_call *call, const char *code,
    const char *text, const char *hint)
{
	/* What the door itself says is counted by code, the rest as one. */
	bool ours =
	    strcmp(code, "timeout") == 0 || strcmp(code, "unavailable") == 0;

	if (call->silent) {
		refuse_push(door, code, text);
		door_calls_end(door, call);
		return;
	}
	if (ours)
		count_code(door, code);
	else
		door->count[DOOR_COUNT_answered_error]++;
	if (call->join)
		door_join_error(door, call->join, call, code, text, hint);
	else
		answer_error(door, &call->back, code, text, hint);
	door_calls_end(door, call);
}

/* ------------------------------------------------------------ bodies -- */

/* A body as it came; `why` and code are filled when it is refused. */
struct body {
	const uint8_t *data;
	size_t size;
	bool json, odd;
	struct acta_request request;
	const char *code;
	struct acta_why why;
};

static bool
looks_like_json(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t c = data[i];

		if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
			return c == '{';
	}
	return false;
}

/* ACTA_OK: body->request is good. Else code and why say what is wrong. */
static enum acta_err
read_body(struct door *door, struct body *body)
{
	const void *data = body->data;
	size_t size = body->size;
	enum acta_err err;

	body->json = looks_like_json(body->data, body->size);
	body->code = "bad-request";
	if (body->odd) {
		acta_why_text(&body->why,
		    "before the body: over %u frames, or one over %u bytes",
		    DOOR_ENVELOPE_MAX, DOOR_FRAME_MAX);
		return ACTA_EPROTO;
	}
	if (size == 0) {
		acta_why_text(&body->why, "the last frame is empty");
		acta_why_hint(&body->why,
		    "the body, a MessagePack map or JSON object, comes last");
		return ACTA_EPROTO;
	}
	if (size > door->config.max_body) {
		body->code = "too-large";
		acta_why_text(&body->why, "%zu bytes, where max_body is %llu",
		    size, (unsigned long long)door->config.max_body);
		return ACTA_ELIMIT;
	}
	if (body->json) {
		acta_buf_reset(&door->in);
		err = acta_json_decode(
		    (const char *)data, size, &door->in, &body->why);
		if (err != ACTA_OK)
			return err;
		data = door->in.data;
		size = door->in.size;
		if (size > door->config.max_body) {
			body->code = "too-large";
			acta_why_text(&body->why,
			    "%zu bytes as MessagePack, where max_body is %llu",
			    size, (unsigned long long)door->config.max_body);
			return ACTA_ELIMIT;
		}
	} else {
		err = acta_msgpack_check(data, size);
		if (err != ACTA_OK) {
			acta_why_text(&body->why, "%s",
			    err == ACTA_ELIMIT
				? "MessagePack deeper than 32 or of over "
				  "65,536 values"
				: "neither a MessagePack map nor JSON");
			return err;
		}
	}
	return acta_request_decode(data, size, &body->request, &body->why);
}

static void
fill(const struct door *door, struct door_spec *spec,
    const struct acta_request *request, struct door_service *service)
{
	static const char empty_map[] = { (char)0x80 };

	spec->service = service;
	spec->part = acta_partition_of(
	    request->key.data, request->key.size, service->partitions);
	spec->key = request->key;
	spec->type = request->type;
	spec->args = request->args_raw;
	if (!spec->args.data) {
		spec->args.data = empty_map;
		spec->args.size = sizeof empty_map;
	}
	spec->trace = request->traceparent;
	spec->timeout_ms = request->timeout_ms;
	if (request->send)
		spec->flags |= ACTA_CALL_SEND;
	if (door->admin)
		spec->flags |= ACTA_CALL_ADMIN;
}

/*
 * "service/@any": the worker whose link has the least waiting. Under a kept id it
 * is always the same one, who remembers what it answered.
 */
static void
choose_worker(struct door_service *service, struct door_spec *spec,
    char room[ACTA_WORKER_KEY_MAX])
{
	uint32_t parts = service->partitions, best = service->next_any % parts;

	if (!acta_key_is_any(spec->key.data, spec->key.size))
		return;
	if (service->number_count != parts) {
		service->numbers = realloc(
		    service->numbers, parts * sizeof(*service->numbers));
		assert(service->numbers);
		acta_worker_numbers(service->numbers, parts);
		service->number_count = parts;
	}
	for (uint32_t n = 1; n < parts; n++) {
		uint32_t part = (service->next_any + n) % parts;

		if (door_link_of(service, part)->count <
		    door_link_of(service, best)->count)
			best = part;
	}
	if (spec->client)
		best = acta_partition_of(spec->client, 16, parts);
	service->next_any = (best + 1) % parts;
	spec->part = best;
	spec->key = (struct acta_bytes){ room,
		(uint32_t)acta_worker_key(room, service->numbers[best]) };
}

/* --------------------------------------------------------------- call -- */

/* The id that its service shall keep: the client's, or its session's seq. */
static bool
fill_id(struct door_spec *spec, const struct acta_request *request,
    char room[24], uint8_t hash[16])
{
	acta_value id = request->id;

	if (id.type == ACTA_ABSENT && request->session.data) {
		id.type = ACTA_UINT;
		id.as.u = request->seq;
	}
	if (id.type == ACTA_ABSENT)
		return false;
	spec->id = door_id_text(id, room);
	if (request->session.data) {
		spec->flags |= ACTA_CALL_SESSION;
		spec->id_ms = (int64_t)request->seq;
		door_id_hash(request, spec->id, hash);
		return true;
	}
	if (request->id.type != ACTA_ABSENT && !request->keep)
		return false;
	door_id_hash(request, spec->id, hash);
	if (request->id.type == ACTA_STR)
		spec->id_ms = door_id_ms(spec->id);
	return true;
}

static void
take_call(struct door *door, struct door_back *back, struct body *body)
{
	const struct acta_request *request = &body->request;
	struct door_spec spec = { .back = back };
	struct door_service *service;
	enum acta_err err;
	uint8_t hash[16];
	char room[24], worker[ACTA_WORKER_KEY_MAX];

	door->count[DOOR_COUNT_calls]++;
	door->handled++;
	err = read_body(door, body);
	back->json = body->json;
	back->id = request->id;
	if (body->odd)
		door->count[DOOR_COUNT_odd_frames]++;
	if (err != ACTA_OK) {
		door_answer_error(
		    door, back, body->code, body->why.text, body->why.hint);
		return;
	}
	if (request->service.data[0] == '@') {
		door_admin(door, back, request);
		return;
	}
	service = door_service_asked(door, request->service, &body->why);
	if (!service) {
		door_answer_error(door, back, "unknown-service", body->why.text,
		    body->why.hint);
		return;
	}
	fill(door, &spec, request, service);
	if (fill_id(&spec, request, room, hash))
		spec.client = hash;
	choose_worker(service, &spec, worker);
	if (door_calls_add(door, &spec) != ACTA_OK)
		door_answer_error(door, back, "busy",
		    "too many calls wait for this service; nothing was done",
		    "ask again later");
}

/*
 * The frames before a body: at most 8 of at most 255 bytes are kept, with
 * their lengths; whatever else comes is dropped as it is read.
 */
struct envelope {
	uint8_t frames[DOOR_BACK_MAX];
	uint32_t size, count;
	bool odd;
};

static void
envelope_add(struct envelope *env, const void *data, size_t size, uint32_t most)
{
	if (env->count == most || size > DOOR_FRAME_MAX) {
		env->odd = true;
		return;
	}
	env->frames[env->size++] = (uint8_t)size;
	memcpy(env->frames + env->size, data, size);
	env->size += (uint32_t)size;
	env->count++;
}

/* One message, however many frames: the last into `out_body`, which the caller
 * closes. False: there is none. */
static bool
recv_message(
    void *socket, struct envelope *env, zmq_msg_t *out_body, uint32_t most)
{
	env->size = env->count = 0;
	env->odd = false;
	for (;;) {
		int rc;

		zmq_msg_init(out_body);
		do
			rc = zmq_msg_recv(out_body, socket, ZMQ_DONTWAIT);
		while (rc < 0 && errno == EINTR);
		if (rc < 0) {
			zmq_msg_close(out_body);
			return false;
		}
		if (!zmq_msg_more(out_body))
			return true;
		envelope_add(
		    env, zmq_msg_data(out_body), zmq_msg_size(out_body), most);
		zmq_msg_close(out_body);
	}
}

void
door_clients_recv(struct door *door)
{
	struct envelope env;
	size_t bytes = 0;
	zmq_msg_t msg;

	for (uint32_t n = 0; n < DOOR_TURN_MESSAGES; n++) {
		struct door_back back = { 0 };
		struct body body = { 0 };

		if (!recv_message(
			door->call, &env, &msg, 1 + DOOR_ENVELOPE_MAX)) {
			door->unread[DOOR_CALL] = false;
			return;
		}
		body.data = zmq_msg_data(&msg);
		body.size = zmq_msg_size(&msg);
		body.odd = env.odd;
		back.frames = env.frames;
		back.size = env.size;
		bytes += body.size;
		take_call(door, &back, &body);
		zmq_msg_close(&msg);
		if (bytes >= DOOR_TURN_BYTES)
			return;
	}
}

/* --------------------------------------------------------------- push -- */

/* A worker with much to do lets pushes wait where they come from. */
static void
note_push(struct door *door, struct door_link *link)
{
	if (link->count == 1) /* it was idle: that is no silence */
		link->heard_ms = door->now_ms;
	if (link->count >= DOOR_LINK_CALLS_MAX / 2 ||
	    link->bytes >= DOOR_LINK_BYTES_MAX / 2)
		door->push_waits = link;
}

bool
door_pushes_wait(struct door *door)
{
	const struct door_link *link = door->push_waits;

	if (link &&
	    (!link->socket ||
		door->now_ms - link->heard_ms >= DOOR_PUSH_HEARD_MS ||
		(link->count < DOOR_LINK_CALLS_MAX / 2 &&
		    link->bytes < DOOR_LINK_BYTES_MAX / 2)))
		door->push_waits = NULL;
	return door->push_waits != NULL;
}

static void
take_push(struct door *door, struct body *body)
{
	struct door_spec spec = { .silent = true };
	struct door_service *service;
	uint8_t hash[16];
	char room[24], worker[ACTA_WORKER_KEY_MAX];

	door->count[DOOR_COUNT_pushes]++;
	door->handled++;
	if (body->odd)
		door->count[DOOR_COUNT_odd_frames]++;
	if (read_body(door, body) != ACTA_OK) {
		refuse_push(door, body->code, body->why.text);
		return;
	}
	service = door_service_asked(door, body->request.service, &body->why);
	if (!service) {
		refuse_push(door, "unknown-service", body->why.text);
		return;
	}
	fill(door, &spec, &body->request, service);
	spec.flags |= ACTA_CALL_SEND;
	if (fill_id(&spec, &body->request, room, hash))
		spec.client = hash;
	choose_worker(service, &spec, worker);
	if (door_calls_add(door, &spec) != ACTA_OK) {
		acta_why_text(
		    &body->why, "too much waits for %s", service->name);
		refuse_push(door, "busy", body->why.text);
	}
	note_push(door, door_link_of(service, spec.part));
}

void
door_pushes_recv(struct door *door)
{
	struct envelope env;
	size_t bytes = 0;
	zmq_msg_t msg;

	for (uint32_t n = 0; n < DOOR_TURN_MESSAGES && !door_pushes_wait(door);
	     n++) {
		struct body body = { 0 };

		if (!recv_message(door->push, &env, &msg, DOOR_ENVELOPE_MAX)) {
			door->unread[DOOR_PUSH] = false;
			return;
		}
		body.data = zmq_msg_data(&msg);
		body.size = zmq_msg_size(&msg);
		body.odd = env.odd;
		bytes += body.size;
		take_push(door, &body);
		zmq_msg_close(&msg);
		if (bytes >= DOOR_TURN_BYTES)
			return;
	}
}
