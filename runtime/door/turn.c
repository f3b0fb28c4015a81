/*
 * turn.c - the poll loop. In each turn first the workers' answers are read,
 * then what clients ask, then all calls leave, a frame for each worker.
 */
#include "runtime/door/turn.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "runtime/ctl.h"

#define HEARTBEAT_MS 1000
#define HELD_RETRY_MS 5

enum { AT_CTL, AT_LIFELINE, AT_INLETS, AT_FIXED = AT_INLETS + DOOR_INLETS };

struct turn {
	struct pollfd *items;
	size_t room;
	struct door_ask *asks[DOOR_ASKS_MAX];
	struct door_link **blocked;
	size_t ask_count, blocked_count;
	int64_t heartbeat_ms;
};

static void
read_clocks(struct door *door)
{
	int64_t boot_us = acta_clock_us();

	door->now_ms = boot_us / 1000;
	door->wall_ms = acta_clock_at(&door->clock, boot_us) / 1000;
}

void
door_turn_init(struct door *door)
{
	read_clocks(door);
	TAILQ_INIT(&door->held);
	TAILQ_INIT(&door->asks);
	TAILQ_INIT(&door->joins);
	TAILQ_INIT(&door->waiting);
	door_calls_init(door);
	door_events_init(door);
	acta_buf_init(&door->in);
	acta_buf_init(&door->message);
	acta_buf_init(&door->frame);
	acta_buf_init(&door->answer);
	acta_buf_init(&door->json);
	acta_buf_init(&door->result);
	acta_buf_init(&door->text);
}

void
door_turn_fini(struct door *door, bool linger)
{
	door_calls_fini(door);
	door_links_close(door);
	door_held_fini(door);
	door_events_fini(door);
	door_joins_fini(door);
	door_sockets_close(door, linger);
	door_config_fini(&door->config);
	acta_buf_fini(&door->in);
	acta_buf_fini(&door->message);
	acta_buf_fini(&door->frame);
	acta_buf_fini(&door->answer);
	acta_buf_fini(&door->json);
	acta_buf_fini(&door->result);
	acta_buf_fini(&door->text);
}

static uint32_t
count_of(acta_value map, const char *name)
{
	acta_value v = acta_map_get(map, name, strlen(name));

	return v.type == ACTA_INT && v.as.i > 0 && v.as.i < INT32_MAX
	    ? (uint32_t)v.as.i
	    : 1;
}

void
door_services_read(struct door *door)
{
	acta_value list = door->config.services;
	struct acta_reader reader;

	if (list.type != ACTA_LIST)
		return;
	reader = acta_reader_into(list);
	for (uint32_t i = 0; i < list.size; i++) {
		acta_value map = acta_read(&reader), name;
		char text[ACTA_SERVICE_MAX + 1];

		if (map.type != ACTA_MAP)
			continue;
		name = acta_map_get(map, "name", 4);
		if (name.type != ACTA_STR ||
		    !acta_service_valid(name.as.data, name.size))
			continue;
		snprintf(text, sizeof text, "%.*s", (int)name.size,
		    (const char *)name.as.data);
		if (!door_service_add(door, text, count_of(map, "partitions"),
			count_of(map, "workers")))
			door_log(door, "error", "too-many-services",
			    "service=%s", text);
	}
}

/* ---------------------------------------------------------------- ctl -- */

/* False: the root is gone or speaks another language. */
static bool
read_ctl(struct door *door)
{
	struct acta_ctl ctl;
	enum acta_err err;

	while ((err = acta_ctl_recv(ACTA_FD_CTL, &ctl)) == ACTA_OK) {
		if (ctl.type == ACTA_CTL_PEER)
			door_link_peer(door, ctl.name, ctl.index,
			    ctl.partitions, ctl.workers, ctl.number, ctl.text);
		else if (ctl.type == ACTA_CTL_STOP)
			door->stopping = true;
		/* BLAME is for hosts. */
	}
	return err == ACTA_EAGAIN;
}

static void
heartbeat(struct door *door, struct turn *turn)
{
	struct acta_ctl ctl;

	if (door->now_ms < turn->heartbeat_ms)
		return;
	turn->heartbeat_ms = door->now_ms + HEARTBEAT_MS;
	acta_ctl_init(&ctl, ACTA_CTL_HEARTBEAT);
	ctl.count = door->handled;
	ctl.number = door->pending;
	if (acta_ctl_send(ACTA_FD_CTL, &ctl) == ACTA_EAGAIN)
		door_log(door, "warn", "root-slow", "%s", "");
}

/* --------------------------------------------------------------- poll -- */

static struct pollfd *
item_at(struct turn *turn, size_t at)
{
	if (at >= turn->room) {
		size_t room = turn->room ? turn->room * 2 : 64;
		struct pollfd *items =
		    realloc(turn->items, room * sizeof *items);
		struct door_link **blocked =
		    realloc(turn->blocked, room * sizeof *blocked);

		assert(items && blocked);
		turn->items = items;
		turn->blocked = blocked;
		turn->room = room;
	}
	return &turn->items[at];
}

static void
watch(struct turn *turn, size_t at, int fd, short events)
{
	*item_at(turn, at) = (struct pollfd){ .fd = fd, .events = events };
}

/* Descriptors, also of zmq's sockets, for poll(2): zmq_poll asks each socket
 * twice a turn, at three system calls each, which took a tenth of a call. */
static size_t
prepare(struct door *door, struct turn *turn)
{
	struct door_ask *ask;
	struct door_link *link;
	size_t at = AT_FIXED;

	watch(turn, AT_CTL, ACTA_FD_CTL, POLLIN);
	watch(turn, AT_LIFELINE, ACTA_FD_LIFELINE, POLLIN);
	for (int i = 0; i < DOOR_INLETS; i++) {
		/* It says that there is something until it is looked at. */
		bool waits = i == DOOR_PUSH && door_pushes_wait(door);

		watch(turn, AT_INLETS + (size_t)i, waits ? -1 : door->fds[i],
		    POLLIN);
	}
	turn->ask_count = turn->blocked_count = 0;
	for (ask = TAILQ_FIRST(&door->asks); ask; ask = door_ask_next(ask)) {
		short events;
		int fd = door_ask_fd(ask, &events);

		watch(turn, at++, fd, events);
		turn->asks[turn->ask_count++] = ask;
	}
	TAILQ_FOREACH (link, &door->waiting, entry) {
		if (!link->socket || !link->blocked)
			continue;
		watch(turn, at++, link->fd, POLLIN);
		turn->blocked[turn->blocked_count++] = link;
	}
	return at;
}

static bool
has_unread(struct door *door)
{
	for (int i = 0; i < DOOR_INLETS; i++)
		if (door->unread[i] &&
		    (i != DOOR_PUSH || !door_pushes_wait(door)))
			return true;
	return false;
}

static int
wait_ms(struct door *door, const struct turn *turn)
{
	int64_t wait = turn->heartbeat_ms - door->now_ms;

	if (wait < 0 || has_unread(door))
		return 0;
	wait = door_calls_wait(door, wait);
	if (door->held_count > 0 && wait > HELD_RETRY_MS)
		wait = HELD_RETRY_MS;
	return (int)wait;
}

/* The inlets in order: answers before what is asked. */
static enum acta_err
read_inlets(struct door *door)
{
	if (door->unread[DOOR_LINK])
		door_links_recv(door);
	if (door->unread[DOOR_CALL])
		door_clients_recv(door);
	if (door->unread[DOOR_PUSH])
		door_pushes_recv(door);
	return door->unread[DOOR_EVENTS] ? door_events_recv(door) : ACTA_OK;
}

/* True: go on. False with a code: cannot. False without: stop. */
static bool
take(struct door *door, struct turn *turn, struct acta_why *why,
    const char **out_code)
{
	const struct pollfd *items = turn->items;

	/* Asks and links first: what follows may end or close them. */
	for (size_t i = 0; i < turn->ask_count; i++)
		if (items[AT_FIXED + i].revents)
			door_ask_ready(door, turn->asks[i]);
	for (size_t i = 0; i < turn->blocked_count; i++)
		if (items[AT_FIXED + turn->ask_count + i].revents)
			turn->blocked[i]->blocked =
			    !door_socket_writable(turn->blocked[i]->socket);
	for (int i = 0; i < DOOR_INLETS; i++)
		if (items[AT_INLETS + i].revents)
			door->unread[i] = true;
	if (read_inlets(door) != ACTA_OK) {
		acta_why_text(why, "over %u subscriptions, or %u bytes of them",
		    DOOR_SUBS_MAX, DOOR_SUBS_BYTES_MAX);
		*out_code = "too-many-subscriptions";
		return false;
	}
	if (items[AT_CTL].revents && !read_ctl(door))
		return false;
	return !door->stopping && !items[AT_LIFELINE].revents;
}

bool
door_turn_run(struct door *door, struct acta_why *why, const char **out_code)
{
	struct turn turn = { 0 };
	bool go_on = true;

	*out_code = NULL;
	while (go_on) {
		size_t count = prepare(door, &turn);
		int rc = poll(turn.items, count, wait_ms(door, &turn));

		read_clocks(door);
		if (rc < 0 && errno != EINTR) {
			acta_why_text(why, "poll: %s", strerror(errno));
			*out_code = "internal";
			break;
		}
		if (rc >= 0)
			go_on = take(door, &turn, why, out_code);
		door_calls_expire(door, false);
		door_asks_expire(door, false);
		door_events_tick(door);
		if (door->held_count > 0)
			door_held_send(door);
		heartbeat(door, &turn);
		door_links_flush(door);
	}
	/* Whoever still waits is told, as far as we know. */
	door_calls_expire(door, true);
	door_asks_expire(door, true);
	free(turn.items);
	free(turn.blocked);
	return *out_code == NULL;
}
