/*
 * ask.c - conversations with the root over RUN/root.sock: one line out, one
 * JSON document in, end of file. Never waited for: a few states, each moved on
 * when poll says so, each with a deadline.
 */
#include "runtime/door/door.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "codecs/json.h"

#define LINE_MAX_SIZE 128u

struct door_ask {
	TAILQ_ENTRY(door_ask) entry;
	int fd;
	int64_t due_ms;
	char line[LINE_MAX_SIZE];
	size_t line_size, line_sent;
	struct acta_buf reply;
	struct door_back back;
};

static void
end(struct door *door, struct door_ask *ask)
{
	TAILQ_REMOVE(&door->asks, ask, entry);
	door->ask_count--;
	close(ask->fd);
	acta_buf_fini(&ask->reply);
	free((void *)ask->back.frames);
	free(ask);
}

static int
connect_root(const char *run)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int n = snprintf(
	    address.sun_path, sizeof address.sun_path, "%s/root.sock", run);
	int fd;

	if (n < 0 || (size_t)n >= sizeof address.sun_path)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* A unix socket connects at once or not at all. */
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void
door_ask_root(struct door *door, const struct door_back *back, const char *line,
    int64_t timeout_ms)
{
	struct door_ask *ask;
	int fd;

	if (door->ask_count == DOOR_ASKS_MAX) {
		door_answer_error(door, back, "busy",
		    "too many questions to the root wait already",
		    "ask again later");
		return;
	}
	fd = connect_root(door->config.run);
	if (fd < 0) {
		door_answer_error(door, back, "unavailable",
		    "the root does not take questions now", "");
		return;
	}
	ask = calloc(1, sizeof *ask);
	assert(ask);
	ask->fd = fd;
	ask->due_ms = door->now_ms + timeout_ms;
	ask->line_size = strlen(line);
	assert(ask->line_size < LINE_MAX_SIZE);
	memcpy(ask->line, line, ask->line_size);
	ask->line[ask->line_size++] = '\n';
	acta_buf_init(&ask->reply);
	door_back_copy(&ask->back, back);
	TAILQ_INSERT_TAIL(&door->asks, ask, entry);
	door->ask_count++;
}

struct door_ask *
door_ask_next(struct door_ask *ask)
{
	return TAILQ_NEXT(ask, entry);
}

int
door_ask_fd(const struct door_ask *ask, short *out_events)
{
	*out_events = ask->line_sent < ask->line_size ? POLLOUT : POLLIN;
	return ask->fd;
}

/* A str of a map, NUL-ended and cut to fit. */
static void
text_of(acta_value map, const char *name, char *out, size_t room)
{
	acta_value v = acta_map_get(map, name, strlen(name));
	int size = v.type == ACTA_STR ? (int)v.size : 0;

	snprintf(out, room, "%.*s", size, size ? (const char *)v.as.data : "");
}

/* The root has said all: {"error": {...}} or the result. */
static void
finish(struct door *door, struct door_ask *ask)
{
	struct acta_why why = { 0 };
	struct acta_reader reader;
	acta_value value, error;
	char code[65], text[512], hint[256];

	acta_buf_reset(&door->result);
	if (acta_json_decode((const char *)ask->reply.data, ask->reply.size,
		&door->result, &why) != ACTA_OK) {
		door_log(
		    door, "error", "bad-root-answer", "why=\"%s\"", why.text);
		door_answer_error(door, &ask->back, "internal",
		    "the root's answer cannot be read", "");
		return;
	}
	reader = acta_reader(door->result.data, door->result.size);
	value = acta_read(&reader);
	error = value.type == ACTA_MAP ? acta_map_get(value, "error", 5)
				       : (acta_value){ 0 };
	if (error.type != ACTA_MAP) {
		door_answer_ok(
		    door, &ask->back, door->result.data, door->result.size);
		return;
	}
	text_of(error, "code", code, sizeof code);
	text_of(error, "text", text, sizeof text);
	text_of(error, "hint", hint, sizeof hint);
	door_answer_error(
	    door, &ask->back, *code ? code : "internal", text, hint);
}

static void
broken(struct door *door, struct door_ask *ask, const char *text)
{
	door_answer_error(door, &ask->back, "unavailable", text, "");
	end(door, ask);
}

static void
write_line(struct door *door, struct door_ask *ask)
{
	ssize_t n = send(ask->fd, ask->line + ask->line_sent,
	    ask->line_size - ask->line_sent, MSG_NOSIGNAL);

	if (n >= 0)
		ask->line_sent += (size_t)n;
	else if (errno != EAGAIN && errno != EINTR)
		broken(door, ask, "the root has closed the conversation");
}

void
door_ask_ready(struct door *door, struct door_ask *ask)
{
	ssize_t n;

	if (ask->line_sent < ask->line_size) {
		write_line(door, ask);
		return;
	}
	acta_buf_reserve(&ask->reply, 16384);
	n = read(ask->fd, ask->reply.data + ask->reply.size, 16384);
	if (n > 0) {
		ask->reply.size += (size_t)n;
		if (ask->reply.size > DOOR_ASK_BYTES_MAX)
			broken(door, ask, "the root's answer has no end");
	} else if (n == 0) {
		finish(door, ask);
		end(door, ask);
	} else if (errno != EAGAIN && errno != EINTR) {
		broken(door, ask, "the root has closed the conversation");
	}
}

void
door_asks_expire(struct door *door, bool all)
{
	struct door_ask *ask, *next;

	for (ask = TAILQ_FIRST(&door->asks); ask; ask = next) {
		next = TAILQ_NEXT(ask, entry);
		if (!all && ask->due_ms > door->now_ms)
			continue;
		door_answer_error(
		    door, &ask->back, "timeout", "no answer from the root", "");
		end(door, ask);
	}
}
