/* sockets.c - the zmq sockets of a door, with every option said. */
#include "runtime/door/door.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define HANDSHAKE_MS 5000
#define HEARTBEAT_MS 2000
#define HEARTBEAT_TIMEOUT_MS 10000
#define HEARTBEAT_TTL_MS 15000
#define BACKLOG 512
#define SEND_HWM 1024          /* answers and events to one client */
#define RECV_BYTES (32u << 20) /* of one client, in bodies as large as any */
#define RECV_HWM_MIN 32u
#define RECV_HWM_MAX 1024u
#define LINK_HWM 64           /* frames, each up to 1 MiB, of one worker */
#define SUBSCRIPTION_MAX 1024 /* bytes of what a subscriber may say */
#define STOP_LINGER_MS 300
#define IPC_PATH_MAX 107u /* of sun_path, without its NUL */

static bool
is_ipc(const char *endpoint)
{
	return strncmp(endpoint, "ipc://", 6) == 0;
}

static void
set(void *socket, int option, int value)
{
	int rc = zmq_setsockopt(socket, option, &value, sizeof value);

	/* Constants of ours: libzmq either knows them or we are wrong. */
	assert(rc == 0);
}

static void
set_size_max(void *socket, int64_t value)
{
	int rc = zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &value, sizeof value);

	assert(rc == 0);
}

static void *
make(struct door *door, int type, int send_hwm, int recv_hwm, int64_t size_max)
{
	void *socket = zmq_socket(door->zmq, type);

	if (!socket)
		return NULL;
	set(socket, ZMQ_LINGER, 0);
	set(socket, ZMQ_SNDHWM, send_hwm);
	set(socket, ZMQ_RCVHWM, recv_hwm);
	set_size_max(socket, size_max);
	set(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
	set(socket, ZMQ_BACKLOG, BACKLOG);
	return socket;
}

/* What only one of the two transports takes. */
static void
set_transport(void *socket, const char *endpoint)
{
	if (is_ipc(endpoint)) {
		uid_t uid = geteuid();

		/* Beside the 0700 of the directory: the peer's own word for
		 * who it is, from the kernel. */
		if (zmq_setsockopt(
			socket, ZMQ_IPC_FILTER_UID, &uid, sizeof uid) != 0)
			assert(errno == EINVAL);
		return;
	}
	set(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
	set(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS);
	set(socket, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TTL_MS);
	set(socket, ZMQ_TCP_KEEPALIVE, 1);
}

static enum acta_err
bind_to(void *socket, const char *endpoint, struct acta_why *why)
{
	if (is_ipc(endpoint) && strlen(endpoint + 6) > IPC_PATH_MAX) {
		acta_why_text(
		    why, "%s: longer than %u bytes", endpoint, IPC_PATH_MAX);
		acta_why_hint(why, "choose a shorter run directory");
		return ACTA_EIO;
	}
	set_transport(socket, endpoint);
	if (zmq_bind(socket, endpoint) == 0)
		return ACTA_OK;
	acta_why_text(why, "%s: %s", endpoint, zmq_strerror(errno));
	return errno == EADDRINUSE ? ACTA_EBUSY : ACTA_EIO;
}

/* Sockets that an earlier incarnation of this door left behind. */
static void
sweep(const struct door *door)
{
	char prefix[64];
	DIR *dir = opendir(door->config.run);
	struct dirent *entry;

	if (!dir)
		return;
	snprintf(prefix, sizeof prefix, "%s.w0.", door->name);
	while ((entry = readdir(dir)))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

/*
 * How many messages of one client may wait in libzmq. It counts messages, a
 * flood counts in bytes: so few, if they may be large.
 */
static int
recv_hwm(const struct door *door)
{
	uint64_t n = RECV_BYTES / (4 * door->config.max_body);

	if (n < RECV_HWM_MIN)
		n = RECV_HWM_MIN;
	return (int)(n > RECV_HWM_MAX ? RECV_HWM_MAX : n);
}

static enum acta_err
open_clients(struct door *door, struct acta_why *why)
{
	const struct door_config *c = &door->config;
	int64_t size_max = 4 * (int64_t)c->max_body;
	int hwm = recv_hwm(door);
	enum acta_err err = ACTA_OK;

	if (*c->call) {
		door->call = make(door, ZMQ_ROUTER, SEND_HWM, hwm, size_max);
		if (!door->call)
			return ACTA_EIO;
		/* Without it what cannot be routed is dropped unseen. No
		 * HANDOVER: a client may not take another's routing id. */
		set(door->call, ZMQ_ROUTER_MANDATORY, 1);
		err = bind_to(door->call, c->call, why);
	}
	if (err == ACTA_OK && *c->push) {
		door->push = make(door, ZMQ_PULL, SEND_HWM, hwm, size_max);
		if (!door->push)
			return ACTA_EIO;
		err = bind_to(door->push, c->push, why);
	}
	if (err == ACTA_OK && *c->events) {
		door->events = make(
		    door, ZMQ_XPUB, SEND_HWM, RECV_HWM_MAX, SUBSCRIPTION_MAX);
		if (!door->events)
			return ACTA_EIO;
		err = bind_to(door->events, c->events, why);
	}
	return err;
}

static enum acta_err
open_link(struct door *door, char *out_endpoint, size_t endpoint_size,
    struct acta_why *why)
{
	int n = snprintf(out_endpoint, endpoint_size, "ipc://%s/%s.w0.%" PRIu64,
	    door->config.run, door->name, door->incarnation);

	if (n < 0 || (size_t)n >= endpoint_size) {
		acta_why_text(
		    why, "%s: the run directory is too long", door->config.run);
		return ACTA_EIO;
	}
	sweep(door);
	door->link =
	    make(door, ZMQ_PULL, LINK_HWM, LINK_HWM, DOOR_LINK_FRAME_MAX);
	return door->link ? bind_to(door->link, out_endpoint, why) : ACTA_EIO;
}

static void
note_inlets(struct door *door)
{
	void *const sockets[DOOR_INLETS] = { [DOOR_LINK] = door->link,
		[DOOR_CALL] = door->call,
		[DOOR_PUSH] = door->push,
		[DOOR_EVENTS] = door->events };

	for (int i = 0; i < DOOR_INLETS; i++) {
		door->fds[i] = sockets[i] ? door_socket_fd(sockets[i]) : -1;
		door->unread[i] = sockets[i] != NULL;
	}
}

enum acta_err
door_sockets_open(struct door *door, char *out_endpoint, size_t endpoint_size,
    struct acta_why *why)
{
	enum acta_err err;

	(void)umask(0177); /* a socket is its owner's */
	door->zmq = zmq_ctx_new();
	if (!door->zmq)
		return ACTA_EIO;
	zmq_ctx_set(door->zmq, ZMQ_IO_THREADS, 1);
	zmq_ctx_set(door->zmq, ZMQ_MAX_SOCKETS, 65535);
	zmq_ctx_set(door->zmq, ZMQ_BLOCKY, 0);
	err = open_link(door, out_endpoint, endpoint_size, why);
	if (err == ACTA_OK)
		err = open_clients(door, why);
	if (err == ACTA_EIO && why && !*why->text)
		acta_why_text(why, "no socket: %s", zmq_strerror(errno));
	if (err == ACTA_OK)
		note_inlets(door);
	return err;
}

void
door_socket_close(void **socket)
{
	if (*socket)
		zmq_close(*socket);
	*socket = NULL;
}

/*
 * libzmq 4.3.4 (and later) asserts that the first message of a line of ZMTP 1.0
 * finds its socket open: one that comes while a ROUTER is closed aborts. All that
 * this door owed to anybody is said by then, so it ends as well as it would have.
 */
static void
end_well(int number)
{
	_exit(0);
}

void
door_sockets_close(struct door *door, bool linger)
{
	if (linger)
		signal(SIGABRT, end_well);
	/* The last answers are on their way: a moment for them. */
	if (linger && door->call)
		set(door->call, ZMQ_LINGER, STOP_LINGER_MS);
	door_socket_close(&door->call);
	door_socket_close(&door->push);
	door_socket_close(&door->events);
	door_socket_close(&door->link);
	if (door->zmq)
		zmq_ctx_term(door->zmq);
	door->zmq = NULL;
}

int
door_socket_fd(void *socket)
{
	int fd = -1;
	size_t size = sizeof fd;
	int rc = zmq_getsockopt(socket, ZMQ_FD, &fd, &size);

	assert(rc == 0);
	return fd;
}

bool
door_socket_writable(void *socket)
{
	int events = 0;
	size_t size = sizeof events;

	/* A signal in between: asked again at the next turn. */
	return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 &&
	    (events & ZMQ_POLLOUT);
}

void *
door_socket_push(struct door *door, const char *endpoint)
{
	void *socket =
	    make(door, ZMQ_PUSH, LINK_HWM, LINK_HWM, DOOR_LINK_FRAME_MAX);

	if (!socket)
		return NULL;
	/* Only to a connection that is up: what waits, waits with us. */
	set(socket, ZMQ_IMMEDIATE, 1);
	set(socket, ZMQ_RECONNECT_IVL, 20);
	set(socket, ZMQ_RECONNECT_IVL_MAX, 2000);
	if (zmq_connect(socket, endpoint) != 0)
		door_socket_close(&socket);
	return socket;
}
