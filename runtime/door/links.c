/*
 * links.c - the services, their workers, and the frames to and from them.
 *
 * One PUSH a worker. What was called in one turn of the loop leaves in one
 * frame. A worker that was started anew gets a new socket (never zmq's own
 * reconnect: old and new pipes would be read in turns and lose the order), and
 * on it, first and in order, what it had not answered and whose id it keeps.
 */
#include "runtime/door/door.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "codecs/schema.h"

/* ---------------------------------------------------------- services -- */

/* Where `name` is or would be. */
static uint32_t
find(const struct door *door, const char *name, size_t size, bool *out_found)
{
	uint32_t low = 0, high = door->service_count;

	*out_found = false;
	while (low < high) {
		uint32_t mid = (low + high) / 2;
		const char *other = door->services[mid]->name;
		size_t other_size = strlen(other);
		size_t least = size < other_size ? size : other_size;
		int order = memcmp(name, other, least);

		if (order == 0)
			order = (size > other_size) - (size < other_size);
		if (order == 0) {
			*out_found = true;
			return mid;
		}
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

struct door_service *
door_service_find(const struct door *door, const char *name, size_t size)
{
	bool found;
	uint32_t at = find(door, name, size, &found);

	return found ? door->services[at] : NULL;
}

struct door_service *
door_service_asked(
    const struct door *door, struct acta_bytes name, struct acta_why *why)
{
	struct door_service *service = NULL;
	char word[ACTA_SERVICE_MAX + 2];
	const char *near;

	/* The other doors stand in the table, too: they are nobody's but ours. */
	if (name.size > 0 && name.data[0] != '@')
		service = door_service_find(door, name.data, name.size);
	if (service)
		return service;
	snprintf(word, sizeof word, "%.*s", (int)name.size, name.data);
	acta_why_text(why, "no service \"%s\" in this node", word);
	near = acta_closest(word, door->names);
	if (near && *near != '@')
		acta_why_hint(why, "did you mean \"%s\"?", near);
	else
		acta_why_hint(why, "`acta ps` lists them");
	return NULL;
}

static struct door_link *
link_new(struct door_service *service, uint32_t index)
{
	struct door_link *link = calloc(1, sizeof *link);

	assert(link);
	link->service = service;
	link->index = index;
	TAILQ_INIT(&link->unsent);
	TAILQ_INIT(&link->sent);
	return link;
}

static void
make_links(struct door_service *service)
{
	for (uint32_t i = 0; i < service->workers; i++)
		if (!service->links[i])
			service->links[i] = link_new(service, i);
}

static uint32_t
bounded(uint32_t workers)
{
	if (workers < 1)
		return 1;
	return workers > DOOR_WORKERS_MAX ? DOOR_WORKERS_MAX : workers;
}

struct door_service *
door_service_add(
    struct door *door, const char *name, uint32_t partitions, uint32_t workers)
{
	struct door_service *service;
	bool found;
	uint32_t at = find(door, name, strlen(name), &found);

	if (found)
		return door->services[at];
	if (door->service_count == DOOR_SERVICES_MAX)
		return NULL;
	service = calloc(1, sizeof *service);
	assert(service);
	snprintf(service->name, sizeof service->name, "%s", name);
	service->partitions = partitions > 0 ? partitions : 1;
	service->workers = bounded(workers);
	make_links(service);
	memmove(&door->services[at + 1], &door->services[at],
	    (door->service_count - at) * sizeof door->services[0]);
	memmove(&door->names[at + 1], &door->names[at],
	    (door->service_count - at) * sizeof door->names[0]);
	door->services[at] = service;
	door->names[at] = service->name;
	door->names[++door->service_count] = NULL;
	return service;
}

struct door_link *
door_link_of(const struct door_service *service, uint32_t part)
{
	return service->links[part % service->workers];
}

/* ------------------------------------------------------------- peers -- */

static void
move(struct door_call *call, struct door_link *to, bool unsent)
{
	struct door_link *from = call->link;

	TAILQ_REMOVE(call->queued ? &from->unsent : &from->sent, call, entry);
	TAILQ_INSERT_TAIL(unsent ? &to->unsent : &to->sent, call, entry);
	call->queued = unsent;
	from->count--;
	from->bytes -= call->charge;
	to->count++;
	to->bytes += call->charge;
	call->link = to;
}

/* The plan has another number of workers now: partitions change theirs. */
static void
set_workers(struct door *door, struct door_service *service, uint32_t workers)
{
	uint32_t before = service->workers;

	service->workers = workers;
	make_links(service);
	for (uint32_t i = 0; i < before; i++) {
		struct door_link *link = service->links[i];
		struct door_call *call, *next, *last;

		last = TAILQ_LAST(&link->unsent, door_calls);
		for (call = TAILQ_FIRST(&link->unsent); call; call = next) {
			next = call == last ? NULL : TAILQ_NEXT(call, entry);
			move(call, door_link_of(service, call->part), true);
		}
		last = TAILQ_LAST(&link->sent, door_calls);
		for (call = TAILQ_FIRST(&link->sent); call; call = next) {
			next = call == last ? NULL : TAILQ_NEXT(call, entry);
			move(call, door_link_of(service, call->part), false);
		}
		if (i >= workers)
			door_socket_close(&link->socket);
	}
	for (uint32_t i = 0; i < workers; i++)
		door_link_wants(door, service->links[i]);
}

/* To the front of `unsent`, in order: those sent before that have kept ids. What
 * was pushed without one is not sent twice, and nobody waits for it. */
static void
send_again(struct door *door, struct door_link *link)
{
	struct door_call *call, *before;

	for (call = TAILQ_LAST(&link->sent, door_calls); call; call = before) {
		before = TAILQ_PREV(call, door_calls, entry);
		if (!call->kept && call->silent)
			door_calls_end_unanswered(door, call);
		if (!call->kept)
			continue;
		TAILQ_REMOVE(&link->sent, call, entry);
		TAILQ_INSERT_HEAD(&link->unsent, call, entry);
		call->queued = true;
		call->flags |= ACTA_CALL_AGAIN;
		door->count[DOOR_COUNT_sent_again]++;
	}
}

void
door_link_peer(struct door *door, const char *name, uint32_t index,
    uint32_t partitions, uint32_t workers, uint64_t incarnation,
    const char *endpoint)
{
	struct door_service *service;
	struct door_link *link;

	/* Another door: asked for its counters (metrics.c). */
	if (!acta_service_valid(
		name + (*name == '@'), strlen(name + (*name == '@'))) ||
	    strcmp(name, door->name) == 0)
		return;
	service = door_service_add(door, name, partitions, workers);
	if (!service) {
		door_log(
		    door, "error", "too-many-services", "service=%s", name);
		return;
	}
	if (workers > 0 && bounded(workers) != service->workers)
		set_workers(door, service, bounded(workers));
	if (partitions > 0)
		service->partitions = partitions;
	if (index >= service->workers)
		return;
	link = service->links[index];
	door_socket_close(&link->socket);
	link->incarnation = incarnation;
	link->blocked = false;
	if (!*endpoint)
		return;
	link->socket = door_socket_push(door, endpoint);
	if (!link->socket) {
		door_log(door, "error", "no-link", "service=%s worker=%u", name,
		    index);
		return;
	}
	link->fd = door_socket_fd(link->socket);
	link->epoch = ++door->epoch;
	send_again(door, link);
	door_link_wants(door, link);
}

void
door_links_close(struct door *door)
{
	for (uint32_t s = 0; s < door->service_count; s++) {
		struct door_service *service = door->services[s];

		for (uint32_t i = 0; i < DOOR_WORKERS_MAX; i++) {
			if (!service->links[i])
				continue;
			door_socket_close(&service->links[i]->socket);
			free(service->links[i]);
		}
		free(service->numbers);
		free(service);
	}
	door->service_count = 0;
	TAILQ_INIT(&door->waiting);
}

/* -------------------------------------------------------------- send -- */

static void
append(struct door *door, const struct door_call *call)
{
	const char *to = call->link->service->name;
	struct acta_item item = {
		.kind = ACTA_ITEM_CALL,
		.src = { door->name, (uint32_t)strlen(door->name) },
		.inc = door->incarnation,
		.request = call->request,
		.dst = { to, (uint32_t)strlen(to) },
		.dst_part = call->part,
		.flags = call->flags,
		.client = call->kept ? call->client : NULL,
		.id_ms = call->id_ms,
		.body = { (const char *)call->message, call->message_size },
	};

	acta_item_encode(&door->frame, &item);
}

/* One frame of what waits. False: the socket takes none now. */
static bool
send_batch(struct door *door, struct door_link *link)
{
	struct door_call *call, *next;
	uint32_t count = 0;
	int rc;

	acta_buf_reset(&door->frame);
	acta_frame_begin(&door->frame, link->epoch);
	TAILQ_FOREACH (call, &link->unsent, entry) {
		if (count > 0 &&
		    (count == DOOR_BATCH_CALLS ||
			door->frame.size + call->message_size >
			    DOOR_BATCH_BYTES))
			break;
		append(door, call);
		count++;
	}
	do
		rc = zmq_send(link->socket, door->frame.data, door->frame.size,
		    ZMQ_DONTWAIT);
	while (rc < 0 && errno == EINTR);
	if (rc < 0) {
		link->blocked = true;
		return false;
	}
	for (call = TAILQ_FIRST(&link->unsent); count > 0; count--) {
		next = TAILQ_NEXT(call, entry);
		call->sent = true;
		TAILQ_REMOVE(&link->unsent, call, entry);
		TAILQ_INSERT_TAIL(&link->sent, call, entry);
		call->queued = false;
		if (!call->kept) { /* never to be sent again */
			free(call->message);
			call->message = NULL;
		}
		call = next;
	}
	return true;
}

void
door_link_wants(struct door *door, struct door_link *link)
{
	if (link->waiting || !link->socket || TAILQ_EMPTY(&link->unsent))
		return;
	link->waiting = true;
	TAILQ_INSERT_TAIL(&door->waiting, link, entry);
}

void
door_links_flush(struct door *door)
{
	struct door_link *link, *next;

	for (link = TAILQ_FIRST(&door->waiting); link; link = next) {
		next = TAILQ_NEXT(link, entry);
		while (link->socket && !link->blocked &&
		    !TAILQ_EMPTY(&link->unsent))
			if (!send_batch(door, link))
				break;
		if (link->socket && !TAILQ_EMPTY(&link->unsent))
			continue;
		TAILQ_REMOVE(&door->waiting, link, entry);
		link->waiting = false;
	}
}

/* -------------------------------------------------------------- recv -- */

/* A NUL-ended copy in door->text at `*at`; the buffer was reserved. */
static const char *
terminated(struct door *door, struct acta_bytes bytes, const char *otherwise)
{
	const char *at;

	if (!bytes.data)
		return otherwise;
	at = (const char *)door->text.data + door->text.size;
	acta_buf_append(&door->text, bytes.data, bytes.size);
	acta_buf_append(&door->text, "", 1);
	return at;
}

static void
reply(struct door *door, const struct acta_item *item)
{
	struct door_call *call;

	if (item->inc != door->incarnation ||
	    item->src.size != strlen(door->name) ||
	    memcmp(item->src.data, door->name, item->src.size) != 0) {
		door->count[DOOR_COUNT_other_replies]++;
		return;
	}
	call = door_calls_find(door, item->request);
	if (!call) {
		door->count[DOOR_COUNT_late_replies]++;
		return;
	}
	call->link->heard_ms = door->now_ms;
	if (!item->code.data) {
		door_call_ok(door, call, item->body.data, item->body.size);
		return;
	}
	acta_buf_reset(&door->text);
	acta_buf_reserve(&door->text,
	    (size_t)item->code.size + item->text.size + item->hint.size + 3);
	{
		const char *code = terminated(door, item->code, "internal");
		const char *text = terminated(door, item->text, "");
		const char *hint = terminated(door, item->hint, "");

		door_call_error(door, call, code, text, hint);
	}
}

static void
take_frame(struct door *door, const void *data, size_t size)
{
	struct acta_reader items;
	struct acta_item item;
	uint64_t epoch;
	enum acta_err err = acta_frame_open(data, size, &epoch, &items);

	while (err == ACTA_OK) {
		err = acta_item_decode(&items, &item);
		if (err != ACTA_OK)
			break;
		switch (item.kind) {
		case ACTA_ITEM_REPLY: reply(door, &item); break;
		case ACTA_ITEM_CALL: door_metrics_reply(door, &item); break;
		case ACTA_ITEM_EVENT: door_events_event(door, &item); break;
		case ACTA_ITEM_HEAD: door_events_head(door, &item); break;
		default: err = ACTA_EPROTO; break;
		}
		door->handled++;
	}
	if (err != ACTA_ENOENT) {
		door->count[DOOR_COUNT_bad_links]++;
		door_log(door, "error", "bad-link-frame", "size=%zu why=\"%s\"",
		    size, acta_strerror(err));
	}
}

void
door_links_recv(struct door *door)
{
	for (uint32_t n = 0; n < DOOR_TURN_FRAMES; n++) {
		zmq_msg_t msg;
		bool more;

		zmq_msg_init(&msg);
		if (zmq_msg_recv(&msg, door->link, ZMQ_DONTWAIT) < 0) {
			door->unread[DOOR_LINK] = errno == EINTR;
			zmq_msg_close(&msg);
			return;
		}
		more = zmq_msg_more(&msg);
		if (more)
			door->count[DOOR_COUNT_bad_links]++;
		else
			take_frame(
			    door, zmq_msg_data(&msg), zmq_msg_size(&msg));
		zmq_msg_close(&msg);
	}
}
