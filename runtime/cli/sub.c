/*
 * runtime/cli/sub.c - `acta sub`: events as they come, and those that a SUB
 * socket missed, fetched by `@events replay` before what follows them.
 *
 * A topic of a partition counts its events without a gap (seq), and an actor
 * names its own one before (prev). Who hears whole topics checks the first, who
 * hears one key only the second.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zmq.h>

#include "codecs/packer.h"
#include "runtime/cli/cli.h"

#define FRAME_MAX (8 << 20)
#define MONITOR "inproc://sub-monitor"
#define STREAMS_MAX 65536u
#define PAGE 500
#define WAIT_MS 200
/* When to ask what a lost connection cost: once the subscription has reached
 * the door, and once more for one that was slow to take it. */
#define ASK_FIRST_MS 300
#define ASK_AGAIN_MS 2000

/* One count: a topic's in a partition or, with a key, an actor's own. */
struct stream {
	char *topic, *from; /* from "": a topic's */
	int64_t part;
	int64_t last;
};

struct sub {
	const struct acta_cli *cli;
	struct acta_at at;
	const char *prefix;
	void *ctx, *socket, *monitor;
	bool connected;    /* once at least */
	int64_t ask_at[2]; /* after a reconnection; 0: not due */
	struct stream *streams;
	uint32_t count, room;
	int64_t left; /* events to print yet; -1: no end */
	bool keyed;   /* the prefix names a key */
};

/* A linear search: a terminal is the slow part here. */
static struct stream *
stream_of(struct sub *sub, const char *topic, const char *from, int64_t part)
{
	struct stream *s;
	uint32_t i;

	for (i = 0; i < sub->count; i++) {
		s = &sub->streams[i];
		if (s->part == part && strcmp(s->topic, topic) == 0 &&
		    strcmp(s->from, from) == 0)
			return s;
	}
	if (sub->count == STREAMS_MAX)
		return NULL;
	if (sub->count == sub->room) {
		sub->room = sub->room > 0 ? 2 * sub->room : 64;
		sub->streams =
		    realloc(sub->streams, sub->room * sizeof(*sub->streams));
		if (sub->streams == NULL)
			abort();
	}
	s = &sub->streams[sub->count++];
	*s = (struct stream){ acta_text_keepf("%s", topic),
		acta_text_keepf("%s", from), part, -1 };
	return s;
}

/* `stock.reserved  stock/17  #3  {"qty": 4}` */
static void
print_event(struct sub *sub, acta_value event)
{
	char *topic = acta_text_at(event, "topic", "");
	char *from = acta_text_at(event, "from", "");
	struct acta_buf packed, out;

	acta_buf_init(&packed);
	acta_buf_init(&out);
	acta_pack_value(
	    &packed, sub->cli->json ? event : acta_value_at(event, "data"));
	acta_out_json(packed.data, packed.size, &out);
	if (!sub->cli->json)
		printf("%s  %s  #%" PRId64 "  ", topic, from,
		    acta_int_at(event, "seq", 0));
	acta_out_line(&out);
	acta_buf_fini(&packed);
	acta_buf_fini(&out);
	free(topic);
	free(from);
	if (sub->left > 0)
		sub->left--;
}

/* Does the subscription cover it? By its first frame, `topic "/" key`. */
static bool
is_ours(const struct sub *sub, const char *topic, const char *from)
{
	const char *slash = strchr(from, '/');
	char *name =
	    acta_text_keepf("%s/%s", topic, slash != NULL ? slash + 1 : "");
	bool ours = strncmp(name, sub->prefix, strlen(sub->prefix)) == 0;

	free(name);
	return ours;
}

static void
pack_replay(struct acta_buf *args, const struct stream *s)
{
	const char *slash = strchr(s->from, '/');

	acta_buf_reset(args);
	acta_pack_map(args, s->from[0] != '\0' ? 5 : 4);
	acta_pack_text(args, "topic");
	acta_pack_text(args, s->topic);
	acta_pack_text(args, "part");
	acta_pack_int(args, s->part);
	acta_pack_text(args, "after");
	acta_pack_int(args, s->last);
	acta_pack_text(args, "limit");
	acta_pack_int(args, PAGE);
	if (s->from[0] != '\0') {
		acta_pack_text(args, "key");
		acta_pack_text(args, slash != NULL ? slash + 1 : "");
	}
}

/* Print what lies between the last one seen and `until`, itself included. */
static void
replay(struct sub *sub, struct stream *s, int64_t until)
{
	struct acta_buf args, answer;
	struct acta_reader reader;
	acta_value result, list;
	bool more = true;
	uint32_t i;

	acta_buf_init(&args);
	acta_buf_init(&answer);
	while (more && s->last < until && sub->left != 0) {
		pack_replay(&args, s);
		acta_buf_reset(&answer);
		if (acta_client_result(sub->cli, sub->at.call, "@events",
			"replay", &args, &answer, &result) != ACTA_EXIT_OK)
			break;
		list = acta_value_at(result, "events");
		more = acta_bool_at(result, "more") && list.type == ACTA_LIST &&
		    list.size > 0;
		if (list.type != ACTA_LIST)
			break;
		reader = acta_reader_into(list);
		for (i = 0; i < list.size && sub->left != 0; i++) {
			acta_value event = acta_read(&reader);
			char *from = acta_text_raw_at(event, "from", "");
			int64_t seq = acta_int_at(event, "seq", 0);

			if (seq > until) {
				more = false;
			} else {
				if (is_ours(sub, s->topic, from))
					print_event(sub, event);
				s->last = seq;
			}
			free(from);
		}
	}
	/* INT64_MAX: all there is, however much. */
	if (until == INT64_MAX)
		goto out;
	/* What retention took is gone: said once, and not asked for again. */
	if (s->last < until && sub->left != 0) {
		acta_sayf(0, NULL,
		    "%s: events after #%" PRId64 " up to #%" PRId64
		    " cannot be had",
		    s->topic, s->last, until);
		s->last = until;
	}
out:
	acta_buf_fini(&args);
	acta_buf_fini(&answer);
}

static void
on_event(struct sub *sub, acta_value event)
{
	char *topic = acta_text_raw_at(event, "topic", "");
	char *from = acta_text_raw_at(event, "from", "");
	int64_t seq = acta_int_at(event, "seq", 0);
	int64_t before = sub->keyed ? acta_int_at(event, "prev", 0) : seq - 1;
	struct stream *s = stream_of(
	    sub, topic, sub->keyed ? from : "", acta_int_at(event, "part", 0));

	/* One that is behind was printed already, by a replay. */
	if (s != NULL && s->last >= 0 && seq <= s->last)
		goto out;
	if (s != NULL && s->last >= 0 && before > s->last)
		replay(sub, s, before);
	if (sub->left != 0)
		print_event(sub, event);
	if (s != NULL)
		s->last = seq;
out:
	free(topic);
	free(from);
}

/* The last seq of a topic: the first time where we came in, later the way to
 * notice that the last event of all was missed. */
static void
on_head(struct sub *sub, acta_value head)
{
	char *topic = acta_text_raw_at(head, "topic", "");
	int64_t seq = acta_int_at(head, "head", 0);
	struct stream *s;

	if (!sub->keyed) {
		s = stream_of(sub, topic, "", acta_int_at(head, "part", 0));
		if (s != NULL && s->last >= 0 && seq > s->last)
			replay(sub, s, seq);
		else if (s != NULL && s->last < 0)
			s->last = seq;
	}
	free(topic);
}

/* The last frame of the next message: its body, checked. */
static enum acta_err
take(struct sub *sub, struct acta_buf *out)
{
	bool more = true;

	acta_buf_reset(out);
	while (more) {
		zmq_msg_t frame;

		zmq_msg_init(&frame);
		if (zmq_msg_recv(&frame, sub->socket, ZMQ_DONTWAIT) < 0) {
			zmq_msg_close(&frame);
			return errno == EAGAIN || errno == EINTR ? ACTA_EAGAIN
								 : ACTA_EIO;
		}
		more = zmq_msg_more(&frame) != 0;
		if (!more)
			acta_buf_append(
			    out, zmq_msg_data(&frame), zmq_msg_size(&frame));
		zmq_msg_close(&frame);
	}
	return acta_msgpack_check_wrapped(out->data, out->size);
}

/* RUN/events; where the run directory is, a call door tells. */
static char *
events_endpoint(struct sub *sub)
{
	struct acta_buf answer;
	acta_value result;
	char *endpoint = NULL, *run;

	if (sub->at.run[0] != '\0')
		return acta_text_keepf("ipc://%s/events", sub->at.run);
	acta_buf_init(&answer);
	if (acta_client_result(sub->cli, sub->at.call, "@node", "info", NULL,
		&answer, &result) == ACTA_EXIT_OK) {
		run = acta_text_raw_at(result, "run", "");
		endpoint = acta_root_listens(run)
		    ? acta_text_keepf("ipc://%s/events", run)
		    : acta_text_keepf("%s", "");
		free(run);
	}
	acta_buf_fini(&answer);
	return endpoint;
}

static int
connect_events(struct sub *sub)
{
	char *endpoint = events_endpoint(sub);
	int zero = 0, retry = 50, retry_max = 500;
	int64_t max = FRAME_MAX;
	int code = ACTA_EXIT_OK;

	if (endpoint == NULL)
		return ACTA_EXIT_NO_NODE;
	if (endpoint[0] == '\0') {
		free(endpoint);
		return acta_sayf(ACTA_EXIT_NO_NODE,
		    "any zmq SUB at its events door hears them",
		    "%s: acta sub goes by its run directory, which cannot be "
		    "reached from here",
		    sub->at.call);
	}
	sub->ctx = zmq_ctx_new();
	sub->socket = zmq_socket(sub->ctx, ZMQ_SUB);
	zmq_setsockopt(sub->socket, ZMQ_LINGER, &zero, sizeof(zero));
	zmq_setsockopt(sub->socket, ZMQ_RCVHWM, &zero, sizeof(zero));
	zmq_setsockopt(sub->socket, ZMQ_RECONNECT_IVL, &retry, sizeof(retry));
	zmq_setsockopt(
	    sub->socket, ZMQ_RECONNECT_IVL_MAX, &retry_max, sizeof(retry_max));
	zmq_setsockopt(sub->socket, ZMQ_MAXMSGSIZE, &max, sizeof(max));
	zmq_setsockopt(
	    sub->socket, ZMQ_SUBSCRIBE, sub->prefix, strlen(sub->prefix));
	/* Read in the same loop as the events, so that it never fills. */
	zmq_socket_monitor(sub->socket, MONITOR, ZMQ_EVENT_CONNECTED);
	sub->monitor = zmq_socket(sub->ctx, ZMQ_PAIR);
	zmq_setsockopt(sub->monitor, ZMQ_LINGER, &zero, sizeof(zero));
	zmq_connect(sub->monitor, MONITOR);
	if (zmq_connect(sub->socket, endpoint) != 0)
		code = acta_sayf(ACTA_EXIT_USAGE, NULL, "no endpoint: %s: %s",
		    endpoint, zmq_strerror(errno));
	free(endpoint);
	return code;
}

/* Connected again: what came meanwhile went to nobody. */
static void
on_monitor(struct sub *sub)
{
	int64_t now = acta_cli_now_ms();
	char frame[256];

	while (zmq_recv(sub->monitor, frame, sizeof(frame), ZMQ_DONTWAIT) >= 0)
		if (zmq_recv(sub->monitor, frame, sizeof(frame), 0) >= 0) {
			sub->ask_at[0] =
			    sub->connected ? now + ASK_FIRST_MS : 0;
			sub->ask_at[1] =
			    sub->connected ? now + ASK_AGAIN_MS : 0;
			sub->connected = true;
		}
}

/* A door that is new itself knows no heads: each stream is asked for. */
static void
catch_up(struct sub *sub)
{
	int64_t now = acta_cli_now_ms();
	uint32_t i;
	int k;

	for (k = 0; k < 2; k++) {
		if (sub->ask_at[k] == 0 || now < sub->ask_at[k])
			continue;
		sub->ask_at[k] = 0;
		for (i = 0; i < sub->count && sub->left != 0; i++)
			if (sub->streams[i].last >= 0)
				replay(sub, &sub->streams[i], INT64_MAX);
	}
}

/* Nobody holds the other end of our output any more. */
static bool
reader_gone(void)
{
	zmq_pollitem_t item = { NULL, STDOUT_FILENO, ZMQ_POLLERR, 0 };

	return zmq_poll(&item, 1, 0) > 0 && (item.revents & ZMQ_POLLERR) != 0;
}

int
acta_cmd_sub(struct acta_cli *cli)
{
	struct sub sub = { .cli = cli,
		.prefix = cli->argc > 0 ? cli->argv[0] : "",
		.left = cli->count > 0 ? cli->count : -1 };
	struct acta_reader reader;
	struct acta_buf body;
	enum acta_err err = ACTA_OK;
	uint32_t i;
	int code = acta_at_find(cli, &sub.at);

	sub.keyed = strchr(sub.prefix, '/') != NULL;
	acta_buf_init(&body);
	if (code == ACTA_EXIT_OK)
		code = connect_events(&sub);
	while (code == ACTA_EXIT_OK && sub.left != 0) {
		zmq_pollitem_t items[] = { { sub.socket, 0, ZMQ_POLLIN, 0 },
			{ sub.monitor, 0, ZMQ_POLLIN, 0 } };
		acta_value event;

		zmq_poll(items, 2, WAIT_MS);
		on_monitor(&sub);
		catch_up(&sub);
		if (sub.left == 0)
			break;
		err = take(&sub, &body);
		if (err == ACTA_EIO)
			code = acta_sayf(ACTA_EXIT_FAILED, NULL, "events: %s",
			    zmq_strerror(errno));
		if (err != ACTA_OK) {
			if (reader_gone())
				break;
			continue;
		}
		reader = acta_reader(body.data, body.size);
		event = acta_read(&reader);
		if (acta_value_at(event, "seq").type != ACTA_ABSENT)
			on_event(&sub, event);
		else if (acta_value_at(event, "head").type != ACTA_ABSENT)
			on_head(&sub, event);
	}
	acta_buf_fini(&body);
	for (i = 0; i < sub.count; i++) {
		free(sub.streams[i].topic);
		free(sub.streams[i].from);
	}
	free(sub.streams);
	if (sub.monitor != NULL) {
		zmq_socket_monitor(sub.socket, NULL, 0);
		zmq_close(sub.monitor);
	}
	if (sub.socket != NULL)
		zmq_close(sub.socket);
	if (sub.ctx != NULL)
		zmq_ctx_term(sub.ctx);
	acta_at_fini(&sub.at);
	return code;
}
