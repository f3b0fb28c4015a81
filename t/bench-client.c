/*
 * bench-client.c - the clock of scripts/bench: one measurement a run, numbers
 * on one line.
 *
 *	latency ENDPOINT TO DO COUNT      us: p50 p99, calls one after another
 *	echo ENDPOINT COUNT               us: p50 p99, ROUTER and DEALER alone
 *	commit FOLDER COUNT               us: p50 p99, LMDB, one row a commit
 *	pipe ENDPOINT FRAME COUNT         messages/s, PUSH and PULL alone
 *	rate ENDPOINT TO DO CLIENTS WINDOW MS   calls/s; TO gets a number behind
 *	gap ENDPOINT TO DO                us between answers, the longest; calls;
 *	                                  until its input ends
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lmdb.h>
#include <zmq.h>

#include "codecs/packer.h"

#define BYTES 100
#define CLIENTS_MAX 256
#define WAIT_MS 30000 /* no answer in this time: the run has failed */
#define WARM_UP 200

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "bench-client: %s\n", what);
	exit(1);
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static long
number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end != '\0' || n < 1)
		fail("a number is wanted");
	return n;
}

static int
by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int64_t *
samples(long count)
{
	int64_t *times = calloc((size_t)count, sizeof(*times));

	if (times == NULL)
		fail("no memory");
	return times;
}

/* p50 and p99 in us; frees them. */
static void
tell(int64_t *times, long count)
{
	qsort(times, (size_t)count, sizeof(*times), by_value);
	printf("%.1f %.1f\n", (double)times[count / 2] / 1e3,
	    (double)times[count - 1 - count / 100] / 1e3);
	free(times);
}

static void *
open_socket(void *zmq, int type, const char *endpoint, bool bind)
{
	void *s = zmq_socket(zmq, type);
	int zero = 0, wait = WAIT_MS;

	zmq_setsockopt(s, ZMQ_LINGER, &zero, sizeof(zero));
	zmq_setsockopt(s, ZMQ_RCVTIMEO, &wait, sizeof(wait));
	zmq_setsockopt(s, ZMQ_SNDTIMEO, &wait, sizeof(wait));
	if ((bind ? zmq_bind : zmq_connect)(s, endpoint) != 0)
		fail(zmq_strerror(zmq_errno()));
	return s;
}

static void
request(struct acta_buf *body, const char *to, const char *type)
{
	acta_buf_init(body);
	acta_pack_map(body, 3);
	acta_pack_text(body, "to");
	acta_pack_text(body, to);
	acta_pack_text(body, "do");
	acta_pack_text(body, type);
	acta_pack_text(body, "timeout");
	acta_pack_int(body, WAIT_MS);
}

/* Room for any answer of these services; it must say that all is well. */
static void
check_answer(const void *data, int size)
{
	static const char good[] = "\xa2ok\xc3";

	if (size < 0 ||
	    memmem(data, (size_t)size, good, sizeof(good) - 1) == NULL)
		fail("no answer, or a refusal");
}

static void
call(void *socket, const void *data, size_t size)
{
	char answer[1024];

	if (zmq_send(socket, data, size, 0) < 0)
		fail(zmq_strerror(zmq_errno()));
	check_answer(answer, zmq_recv(socket, answer, sizeof(answer), 0));
}

static void
latency(const char *endpoint, const char *to, const char *type, long count)
{
	void *zmq = zmq_ctx_new();
	void *s = open_socket(zmq, ZMQ_REQ, endpoint, false);
	int64_t *times = samples(count);
	struct acta_buf body;

	request(&body, to, type);
	for (long i = -WARM_UP; i < count; i++) {
		int64_t begun = now_ns();

		call(s, body.data, body.size);
		if (i >= 0)
			times[i] = now_ns() - begun;
	}
	tell(times, count);
	acta_buf_fini(&body);
	zmq_close(s);
	zmq_ctx_term(zmq);
}

/* ------------------------------------------------- the other side alone -- */

/* Bind, say so through `ready`, and send all that comes back where it came
 * from, until an empty body. */
static void __attribute__((noreturn))
echo_server(const char *endpoint, int ready)
{
	void *zmq = zmq_ctx_new();
	void *s = open_socket(zmq, ZMQ_ROUTER, endpoint, true);
	char id[256], body[BYTES];
	int id_size, size;

	if (write(ready, "r", 1) != 1)
		_exit(1);
	do {
		id_size = zmq_recv(s, id, sizeof(id), 0);
		size = zmq_recv(s, body, sizeof(body), 0);
		if (id_size < 0 || size < 0)
			_exit(1);
		zmq_send(s, id, (size_t)id_size, ZMQ_SNDMORE);
		zmq_send(s, body, (size_t)size, 0);
	} while (size > 0);
	/* The last answer has to be out before the process is gone. */
	zmq_setsockopt(s, ZMQ_LINGER, &(int){ 1000 }, sizeof(int));
	zmq_close(s);
	zmq_ctx_term(zmq);
	_exit(0);
}

static void __attribute__((noreturn))
pull_server(const char *endpoint, int ready, long frames)
{
	void *zmq = zmq_ctx_new();
	void *s = open_socket(zmq, ZMQ_PULL, endpoint, true);
	volatile char touched = 0;

	if (write(ready, "r", 1) != 1)
		_exit(1);
	for (long i = 0; i < frames; i++) {
		zmq_msg_t m;
		const char *data;

		zmq_msg_init(&m);
		if (zmq_msg_recv(&m, s, 0) < 0)
			_exit(1);
		data = zmq_msg_data(&m);
		for (size_t at = 0; at < zmq_msg_size(&m); at += BYTES)
			touched = (char)(touched + data[at]);
		zmq_msg_close(&m);
	}
	_exit(write(ready, "d", 1) == 1 ? 0 : 1);
}

static void
wait_for(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		fail("the other process ended");
}

static pid_t
other_process(int fds[2])
{
	pid_t pid;

	if (pipe(fds) != 0 || (pid = fork()) < 0)
		fail(strerror(errno));
	close(fds[pid == 0 ? 0 : 1]);
	return pid;
}

static void
echo(const char *endpoint, long count)
{
	int fds[2];
	pid_t pid = other_process(fds);
	int64_t *times = samples(count);
	char body[BYTES] = { 'x' };
	void *zmq, *s;

	if (pid == 0)
		echo_server(endpoint, fds[1]);
	wait_for(fds[0]);
	zmq = zmq_ctx_new();
	s = open_socket(zmq, ZMQ_DEALER, endpoint, false);
	for (long i = -WARM_UP; i < count; i++) {
		int64_t begun = now_ns();

		zmq_send(s, body, sizeof(body), 0);
		if (zmq_recv(s, body, sizeof(body), 0) < 0)
			fail("no echo");
		if (i >= 0)
			times[i] = now_ns() - begun;
	}
	zmq_send(s, "", 0, 0);
	zmq_recv(s, body, sizeof(body), 0);
	tell(times, count);
	waitpid(pid, NULL, 0);
	zmq_close(s);
	zmq_ctx_term(zmq);
}

static void
pipe_rate(const char *endpoint, long frame, long count)
{
	int fds[2];
	pid_t pid = other_process(fds);
	long frames = count / frame;
	size_t size = (size_t)frame * BYTES;
	char *data = calloc(1, size);
	int64_t begun;
	void *zmq, *s;

	if (pid == 0)
		pull_server(endpoint, fds[1], frames);
	if (data == NULL)
		fail("no memory");
	wait_for(fds[0]);
	zmq = zmq_ctx_new();
	s = open_socket(zmq, ZMQ_PUSH, endpoint, false);
	begun = now_ns();
	for (long i = 0; i < frames; i++)
		if (zmq_send(s, data, size, 0) < 0)
			fail(zmq_strerror(zmq_errno()));
	wait_for(fds[0]);
	printf("%.0f\n",
	    (double)(frames * frame) * 1e9 / (double)(now_ns() - begun));
	waitpid(pid, NULL, 0);
	free(data);
	zmq_close(s);
	zmq_ctx_term(zmq);
}

static void
must(int rc)
{
	if (rc != 0)
		fail(mdb_strerror(rc));
}

static void
commit(const char *folder, long count)
{
	int64_t *times = samples(count);
	char row[BYTES] = { 'x' };
	MDB_env *env;
	MDB_dbi dbi = 0;

	must(mdb_env_create(&env));
	must(mdb_env_set_mapsize(env, 64u << 20));
	must(mdb_env_open(env, folder, 0, 0600));
	for (long i = -WARM_UP; i < count; i++) {
		uint32_t n = (uint32_t)(i + WARM_UP);
		MDB_val key = { sizeof(n), &n }, value = { sizeof(row), row };
		int64_t begun = now_ns();
		MDB_txn *txn;

		must(mdb_txn_begin(env, NULL, 0, &txn));
		must(mdb_dbi_open(txn, NULL, 0, &dbi));
		must(mdb_put(txn, dbi, &key, &value, 0));
		must(mdb_txn_commit(txn));
		if (i >= 0)
			times[i] = now_ns() - begun;
	}
	tell(times, count);
	mdb_env_close(env);
}

/* ------------------------------------------------- many calls in flight -- */

struct clients {
	void *zmq;
	zmq_pollitem_t items[CLIENTS_MAX];
	struct acta_buf bodies[CLIENTS_MAX];
	long count, answers;
};

static void
clients_open(
    struct clients *c, const char *endpoint, const char *to, const char *type)
{
	c->zmq = zmq_ctx_new();
	for (long i = 0; i < c->count; i++) {
		char address[200];

		snprintf(address, sizeof(address), "%.180s%ld", to, i);
		request(&c->bodies[i], address, type);
		c->items[i] = (zmq_pollitem_t){ .events = ZMQ_POLLIN,
			.socket =
			    open_socket(c->zmq, ZMQ_DEALER, endpoint, false) };
	}
}

static void
clients_close(struct clients *c)
{
	for (long i = 0; i < c->count; i++) {
		zmq_close(c->items[i].socket);
		acta_buf_fini(&c->bodies[i]);
	}
	zmq_ctx_term(c->zmq);
}

/* Each answer that is there; and, if `again`, the next call for each. */
static void
clients_take(struct clients *c, long i, bool again)
{
	char answer[1024];
	void *s = c->items[i].socket;
	int size;

	while (
	    (size = zmq_recv(s, answer, sizeof(answer), ZMQ_DONTWAIT)) >= 0) {
		check_answer(answer, size);
		c->answers++;
		if (again)
			zmq_send(s, c->bodies[i].data, c->bodies[i].size, 0);
	}
}

static void
clients_run(struct clients *c, long window, int64_t end_ns)
{
	long begun = c->answers, sent = c->count * window;
	bool again = true;

	for (long i = 0; i < sent; i++)
		zmq_send(c->items[i % c->count].socket,
		    c->bodies[i % c->count].data, c->bodies[i % c->count].size,
		    0);
	while (again || c->answers < begun + sent) {
		long before = c->answers;

		if (zmq_poll(c->items, (int)c->count, WAIT_MS) <= 0)
			fail("no answers");
		for (long i = 0; i < c->count; i++)
			if (c->items[i].revents)
				clients_take(c, i, again);
		if (again)
			sent += c->answers - before;
		again = again && now_ns() < end_ns;
	}
}

static void
rate(struct clients *c, long window, long ms)
{
	int64_t begun;

	clients_run(c, window, now_ns()); /* all are connected and known */
	c->answers = 0;
	begun = now_ns();
	clients_run(c, window, begun + ms * 1000000);
	printf("%.0f\n", (double)c->answers * 1e9 / (double)(now_ns() - begun));
}

/* -------------------------------------------------------------- the gap -- */

static bool
input_ended(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&input, 1, 0) > 0;
}

static void
gap(const char *endpoint, const char *to, const char *type)
{
	void *zmq = zmq_ctx_new();
	void *s = open_socket(zmq, ZMQ_REQ, endpoint, false);
	int64_t last, worst = 0;
	long calls = 0;
	struct acta_buf body;

	request(&body, to, type);
	for (long i = 0; i < WARM_UP; i++)
		call(s, body.data, body.size);
	puts("ready");
	fflush(stdout);
	for (last = now_ns(); !input_ended(); calls++) {
		int64_t now;

		call(s, body.data, body.size);
		now = now_ns();
		if (now - last > worst)
			worst = now - last;
		last = now;
	}
	printf("%.1f %ld\n", (double)worst / 1e3, calls);
	acta_buf_fini(&body);
	zmq_close(s);
	zmq_ctx_term(zmq);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "latency") == 0 && argc == 6) {
		latency(argv[2], argv[3], argv[4], number(argv[5]));
	} else if (strcmp(what, "echo") == 0 && argc == 4) {
		echo(argv[2], number(argv[3]));
	} else if (strcmp(what, "commit") == 0 && argc == 4) {
		commit(argv[2], number(argv[3]));
	} else if (strcmp(what, "pipe") == 0 && argc == 5) {
		pipe_rate(argv[2], number(argv[3]), number(argv[4]));
	} else if (strcmp(what, "rate") == 0 && argc == 8) {
		struct clients c = { .count = number(argv[5]) };

		if (c.count > CLIENTS_MAX)
			fail("too many clients");
		clients_open(&c, argv[2], argv[3], argv[4]);
		rate(&c, number(argv[6]), number(argv[7]));
		clients_close(&c);
	} else if (strcmp(what, "gap") == 0 && argc == 5) {
		gap(argv[2], argv[3], argv[4]);
	} else {
		fail("see the head of t/bench-client.c");
	}
	return 0;
}
