/*
 * 62-client.c - claim: a client in C needs libzmq and JSON text alone: REQ,
 * DEALER with many in flight, push to event, and the endpoints of one node.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define WAIT_MS 10000
#define IN_FLIGHT 1000

static void *context;

static void *
connected(int type, const char *variable)
{
	void *socket = zmq_socket(context, type);
	int linger = 0;

	ck_assert_ptr_nonnull(socket);
	zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
	ck_assert_int_eq(zmq_connect(socket, getenv(variable)), 0);
	return socket;
}

/* One frame, NUL-ended; "" if none comes in time. */
static const char *
recv_text(void *socket, int wait_ms)
{
	static char text[65536];
	int size;

	zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
	size = zmq_recv(socket, text, sizeof text - 1, 0);
	text[size > 0 ? size : 0] = '\0';
	return text;
}

static const char *
ask(void *socket, const char *request)
{
	ck_assert_int_ge(zmq_send(socket, request, strlen(request), 0), 0);
	return recv_text(socket, WAIT_MS);
}

static void
setup(void)
{
	context = zmq_ctx_new();
	ck_assert_ptr_nonnull(context);
}

static void
teardown(void)
{
	zmq_ctx_term(context);
}

START_TEST(req_calls_and_is_refused)
{
	void *req = connected(ZMQ_REQ, "ACTA_CALL");

	ck_assert_str_eq(ask(req,
			     "{\"to\": \"stock/c\", \"do\": \"restock\","
			     " \"args\": {\"qty\": 3}, \"id\": 1}"),
	    "{\"id\":1,\"ok\":true,\"result\":{\"available\":3}}");
	ck_assert_str_eq(ask(req,
			     "{\"to\": \"stock/c\", \"do\": \"restock\","
			     " \"args\": {\"qty\": 3}, \"id\": 1}"),
	    "{\"id\":1,\"ok\":true,\"result\":{\"available\":3}}");
	ck_assert_str_eq(ask(req,
			     "{\"to\": \"stock/c\", \"do\": \"reserve\","
			     " \"args\": {\"qty\": 4}, \"id\": 2}"),
	    "{\"id\":2,\"ok\":false,\"error\":"
	    "{\"code\":\"out-of-stock\",\"text\":\"3 left\"}}");
	ck_assert_ptr_nonnull(
	    strstr(ask(req, "{\"to\": \"stock/c\""), "bad-request"));
	zmq_close(req);
}
END_TEST

START_TEST(dealer_has_many_in_flight)
{
	void *dealer = connected(ZMQ_DEALER, "ACTA_LOCAL");
	char text[128], want[128];

	for (int i = 1; i <= IN_FLIGHT; i++) {
		int size = snprintf(text, sizeof text,
		    "{\"to\": \"stock/d\", \"do\": \"restock\", "
		    "\"args\": {\"qty\": 1}, \"id\": %d}",
		    i);

		ck_assert_int_eq(zmq_send(dealer, text, (size_t)size, 0), size);
	}
	/* To one actor over one connection: done and answered in order. */
	for (int i = 1; i <= IN_FLIGHT; i++) {
		snprintf(want, sizeof want,
		    "{\"id\":%d,\"ok\":true,\"result\":{\"available\":%d}}", i,
		    i);
		ck_assert_str_eq(recv_text(dealer, WAIT_MS), want);
	}
	zmq_close(dealer);
}
END_TEST

START_TEST(push_in_event_out)
{
	static const char reserve[] =
	    "{\"to\": \"stock/e\", \"do\": \"reserve\", "
	    "\"args\": {\"qty\": 1}}";
	void *sub = connected(ZMQ_SUB, "ACTA_EVENTS");
	void *push = connected(ZMQ_PUSH, "ACTA_PUSH");
	void *req = connected(ZMQ_REQ, "ACTA_CALL");
	const char *topic = "";

	zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "stock.reserved/e", 16);
	ask(req,
	    "{\"to\": \"stock/e\", \"do\": \"restock\", "
	    "\"args\": {\"qty\": 1000}}");
	for (int i = 0; i < 100 && !*topic; i++) {
		zmq_send(push, reserve, sizeof reserve - 1, 0);
		topic = recv_text(sub, 100);
	}
	ck_assert_str_eq(topic, "stock.reserved/e");
	zmq_close(sub);
	zmq_close(push);
	zmq_close(req);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite = suite_create("client");
	TCase *tcase = tcase_create("client");
	SRunner *runner;
	int failed;

	(void)argc;
	if (!getenv("ACTA_CALL"))
		return execl("/usr/bin/python3", "python3", "t/60-node.py",
		    argv[0], (char *)NULL);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, req_calls_and_is_refused);
	tcase_add_test(tcase, dealer_has_many_in_flight);
	tcase_add_test(tcase, push_in_event_out);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
