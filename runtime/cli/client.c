/*
 * runtime/cli/client.c - one zmq DEALER at a node's call endpoint. A request
 * goes again, under the same id, while no answer comes: a door that died with
 * it answers the second one, and nothing is done twice.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <zmq.h>

#include "codecs/packer.h"
#include "runtime/cli/cli.h"
#include "runtime/ulid.h"

#define CONNECT_MS 2000
#define AGAIN_MS 1500
#define RETRY_MS 50
/* The node's own `timeout` says more than ours: it gets a head start. */
#define GRACE_MS 500
#define ANSWER_MAX (8 << 20)

struct acta_client {
	void *ctx, *socket;
	char *endpoint;
};

struct acta_client *
acta_client_open(const char *endpoint)
{
	struct acta_client *client = calloc(1, sizeof(*client));
	int zero = 0, one = 1, retry = 50, retry_max = 500;
	int64_t max = ANSWER_MAX;

	if (client == NULL)
		abort();
	client->ctx = zmq_ctx_new();
	client->socket = zmq_socket(client->ctx, ZMQ_DEALER);
	client->endpoint = acta_text_keepf("%s", endpoint);
	/* IMMEDIATE: what nobody took must not look as if it were sent. */
	zmq_setsockopt(client->socket, ZMQ_LINGER, &zero, sizeof(zero));
	zmq_setsockopt(client->socket, ZMQ_IMMEDIATE, &one, sizeof(one));
	zmq_setsockopt(
	    client->socket, ZMQ_RECONNECT_IVL, &retry, sizeof(retry));
	zmq_setsockopt(client->socket, ZMQ_RECONNECT_IVL_MAX, &retry_max,
	    sizeof(retry_max));
	zmq_setsockopt(client->socket, ZMQ_MAXMSGSIZE, &max, sizeof(max));
	if (zmq_connect(client->socket, endpoint) == 0)
		return client;
	acta_sayf(ACTA_EXIT_USAGE, "like tcp://127.0.0.1:7700",
	    "no endpoint: %s: %s", endpoint, zmq_strerror(errno));
	acta_client_close(&client);
	return NULL;
}

void
acta_client_close(struct acta_client **client)
{
	if (*client == NULL)
		return;
	zmq_close((*client)->socket);
	zmq_ctx_term((*client)->ctx);
	free((*client)->endpoint);
	free(*client);
	*client = NULL;
}

void
acta_client_id(char out[27])
{
	uint8_t random[10];
	struct timespec ts;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		abort();
	clock_gettime(CLOCK_REALTIME, &ts);
	acta_ulid(out, ts.tv_sec * 1000LL + ts.tv_nsec / 1000000, random);
}

static void
pack_request(const struct acta_client_call *call, const char *id,
    int64_t timeout_ms, struct acta_buf *buf)
{
	acta_buf_reset(buf);
	acta_pack_map(buf, 4 + (call->args != NULL) + call->send + !call->keep);
	acta_pack_text(buf, "to");
	acta_pack_text(buf, call->to);
	acta_pack_text(buf, "do");
	acta_pack_text(buf, call->type);
	if (call->args != NULL) {
		acta_pack_text(buf, "args");
		acta_pack_raw(buf, call->args->data, call->args->size);
	}
	acta_pack_text(buf, "id");
	acta_pack_text(buf, id);
	if (call->send) {
		acta_pack_text(buf, "op");
		acta_pack_text(buf, "send");
	}
	if (!call->keep) {
		acta_pack_text(buf, "keep");
		acta_pack_bool(buf, false);
	}
	acta_pack_text(buf, "timeout");
	acta_pack_int(buf, timeout_ms);
}

/* The next answer that is to `id`, if there is one now. */
static enum acta_err
take_answer(struct acta_client *client, const char *id, struct acta_buf *out)
{
	for (;;) {
		zmq_msg_t frame;
		bool more = true;
		struct acta_reader reader;
		acta_value map, own;

		acta_buf_reset(out);
		while (more) {
			zmq_msg_init(&frame);
			if (zmq_msg_recv(&frame, client->socket, ZMQ_DONTWAIT) <
			    0) {
				zmq_msg_close(&frame);
				return ACTA_EAGAIN;
			}
			more = zmq_msg_more(&frame) != 0;
			/* The body is the last frame. */
			if (!more)
				acta_buf_append(out, zmq_msg_data(&frame),
				    zmq_msg_size(&frame));
			zmq_msg_close(&frame);
		}
		if (acta_msgpack_check_wrapped(out->data, out->size) != ACTA_OK)
			return ACTA_EPROTO;
		reader = acta_reader(out->data, out->size);
		map = acta_read(&reader);
		if (map.type != ACTA_MAP)
			return ACTA_EPROTO;
		own = acta_value_at(map, "id");
		/* Without an id it could not read ours: still the answer. */
		if (own.type != ACTA_STR ||
		    (own.size == strlen(id) &&
			memcmp(own.as.data, id, own.size) == 0))
			return ACTA_OK;
	}
}

enum acta_err
acta_client_ask(struct acta_client *client, const struct acta_client_call *call,
    struct acta_buf *out)
{
	int64_t begin = acta_cli_now_ms(), deadline = begin + call->timeout_ms;
	int64_t again = begin;
	bool sent = false;
	struct acta_buf request;
	char id[80];
	enum acta_err err = ACTA_EAGAIN;

	if (call->id != NULL)
		snprintf(id, sizeof(id), "%s", call->id);
	else
		acta_client_id(id);
	acta_buf_init(&request);
	while (err == ACTA_EAGAIN) {
		zmq_pollitem_t item = { client->socket, 0, ZMQ_POLLIN, 0 };
		int64_t now = acta_cli_now_ms(), wait;

		if (now >= deadline + GRACE_MS) {
			err = sent ? ACTA_ETIMEDOUT : ACTA_ECLOSED;
			break;
		}
		if (!sent && now >= begin + CONNECT_MS) {
			err = ACTA_ECLOSED;
			break;
		}
		if (now >= again && now < deadline) {
			pack_request(call, id, deadline - now, &request);
			if (zmq_send(client->socket, request.data, request.size,
				ZMQ_DONTWAIT) >= 0) {
				sent = true;
				again = now + AGAIN_MS;
			} else if (sent) {
				again = now + RETRY_MS; /* it is away */
			}
		}
		wait = deadline + GRACE_MS - now;
		if (sent && now < deadline && again - now < wait)
			wait = again - now;
		if (!sent) {
			item.events = ZMQ_POLLOUT;
			wait = begin + CONNECT_MS - now;
		}
		if (wait > 0 && zmq_poll(&item, 1, (long)wait) < 0 &&
		    errno != EINTR) {
			err = ACTA_EIO;
			break;
		}
		err = take_answer(client, id, out);
	}
	acta_buf_fini(&request);
	return err;
}

int
acta_exit_of_code(const char *code)
{
	static const struct {
		const char *code;
		int exit_code;
	} map[] = {
		{ "timeout", ACTA_EXIT_TIMEOUT },
		{ "expired", ACTA_EXIT_TIMEOUT },
		{ "denied", ACTA_EXIT_DENIED },
		{ "unknown-service", ACTA_EXIT_NOT_FOUND },
		{ "unknown-type", ACTA_EXIT_NOT_FOUND },
		{ "not-found", ACTA_EXIT_NOT_FOUND },
		{ "id-reused", ACTA_EXIT_CONFLICT },
		{ "conflict", ACTA_EXIT_CONFLICT },
		/* OTP's words, of `acta sup` */
		{ "not_found", ACTA_EXIT_NOT_FOUND },
		{ "noproc", ACTA_EXIT_NOT_FOUND },
		{ "already_started", ACTA_EXIT_CONFLICT },
		{ "already_present", ACTA_EXIT_CONFLICT },
		{ "running", ACTA_EXIT_CONFLICT },
		{ "restarting", ACTA_EXIT_CONFLICT },
		{ "simple_one_for_one", ACTA_EXIT_USAGE },
	};
	size_t i;

	for (i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (strcmp(map[i].code, code) == 0)
			return map[i].exit_code;
	return ACTA_EXIT_FAILED;
}

int
acta_client_result(const struct acta_cli *cli, const char *endpoint,
    const char *to, const char *type, const struct acta_buf *args,
    struct acta_buf *out, acta_value *result)
{
	struct acta_client_call call = { .to = to,
		.type = type,
		.args = args,
		.timeout_ms = cli->timeout_ms > 0 ? cli->timeout_ms : 5000 };
	struct acta_client *client = acta_client_open(endpoint);
	struct acta_reader reader;
	acta_value answer, error;
	enum acta_err err;
	char *code, *text, *hint;
	int exit_code;

	if (client == NULL)
		return ACTA_EXIT_USAGE;
	err = acta_client_ask(client, &call, out);
	acta_client_close(&client);
	if (err == ACTA_ETIMEDOUT)
		return acta_sayf(ACTA_EXIT_TIMEOUT, "--timeout waits longer",
		    "%s %s: no answer from %s", to, type, endpoint);
	if (err == ACTA_ECLOSED)
		return acta_sayf(ACTA_EXIT_NO_NODE,
		    "acta run FILE starts a node", "nobody answers at %s",
		    endpoint);
	if (err != ACTA_OK)
		return acta_sayf(ACTA_EXIT_FAILED, NULL, "%s: %s", endpoint,
		    acta_strerror(err));
	reader = acta_reader(out->data, out->size);
	answer = acta_read(&reader);
	if (acta_bool_at(answer, "ok")) {
		*result = acta_value_at(answer, "result");
		return ACTA_EXIT_OK;
	}
	error = acta_value_at(answer, "error");
	code = acta_text_at(error, "code", "failed");
	text = acta_text_at(error, "text", "");
	hint = acta_text_at(error, "hint", "");
	exit_code = acta_sayf(acta_exit_of_code(code), hint, "%s %s: %s: %s",
	    to, type, code, text);
	free(code);
	free(text);
	free(hint);
	return exit_code;
}
