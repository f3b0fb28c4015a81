/*
 * 39-corners.c - claim: the rules hold where two of them meet. Each case was
 * once broken, and found by reading.
 */
#include "t/30-part.h"

#include <stdarg.h>

/* ------------------------------------------------------------ a service -- */

static bool broken;    /* a test's switch: handlers that look at it fail */
static char ran[4096]; /* what ran, in order */
static char body[1 << 20];
static const char *cold = "";
static unsigned flaky_runs, cold_at;
static int64_t in_order; /* so many of "maybe" came in their order */

static void
note_ran(const char *format, ...)
{
	va_list ap;
	size_t n = strlen(ran);

	va_start(ap, format);
	vsnprintf(ran + n, sizeof(ran) - n, format, ap);
	va_end(ap);
}

static acta_status
on_add(acta_actor *a, const acta_msg *m)
{
	note_ran("%s+%d ", acta_key(a), (int)acta_arg_int(m, "n"));
	return acta_reply(
	    a, acta_int("n", acta_add(a, "total", acta_arg_int(m, "n"))));
}

static acta_status
on_look(acta_actor *a, const acta_msg *m)
{
	return acta_reply(a, acta_int("n", acta_get_int(a, "total", 0)));
}

static acta_status
on_flaky(acta_actor *a, const acta_msg *m)
{
	if (broken)
		return acta_fail(a, "broken");
	flaky_runs++;
	if (strcmp(acta_key(a), cold) == 0 && cold_at == 0)
		cold_at = flaky_runs;
	return ACTA_DONE;
}

/* To actor b of the same service. */
static acta_status
on_fwd(acta_actor *a, const acta_msg *m)
{
	return acta_forward(
	    a, "counter/b", "add", acta_int("n", acta_arg_int(m, "n")));
}

static acta_status
on_tell(acta_actor *a, const acta_msg *m)
{
	acta_send(a, "other/x", "add", acta_int("n", acta_arg_int(m, "n")));
	return ACTA_DONE;
}

static acta_status
on_tell_big(acta_actor *a, const acta_msg *m)
{
	acta_send(a, "other/x", "add", acta_bin("b", body, 500000));
	return ACTA_DONE;
}

static acta_status
on_ask(acta_actor *a, const acta_msg *m)
{
	acta_ask(a, "other/x", "q", "got", acta_within(60000),
	    acta_keep(acta_int("kept", acta_arg_int(m, "n"))));
	return ACTA_DONE;
}

static acta_status
on_got(acta_actor *a, const acta_msg *m)
{
	if (broken)
		return acta_fail(a, "broken");
	note_ran("got(%d for %d) ", (int)acta_arg_int(m, "n"),
	    (int)acta_as_int(acta_at(acta_kept(m), "kept"), -1));
	return ACTA_DONE;
}

static acta_status
on_block(acta_actor *a, const acta_msg *m)
{
	return acta_hold(a);
}

static acta_status
on_many(acta_actor *a, const acta_msg *m)
{
	for (int64_t i = 0; i < acta_arg_int(m, "n"); i++)
		acta_publish(a, "made", acta_int("i", i));
	return ACTA_DONE;
}

static acta_status
on_big_echo(acta_actor *a, const acta_msg *m)
{
	return acta_reply(a, acta_bin("b", body, 100000));
}

static acta_status
on_pass(acta_actor *a, const acta_msg *m)
{
	return acta_forward(a, "other/x", "q", ACTA_NONE);
}

static acta_status
on_self(acta_actor *a, const acta_msg *m)
{
	acta_send(a, "counter/", "step", acta_int("n", 1));
	return ACTA_DONE;
}

static acta_status
on_step(acta_actor *a, const acta_msg *m)
{
	note_ran("step ");
	acta_send(a, acta_self(a), "secret", acta_int("n", 1));
	return ACTA_DONE;
}

static acta_status
on_secret(acta_actor *a, const acta_msg *m)
{
	note_ran("secret ");
	return ACTA_DONE;
}

static acta_status
on_wide(acta_actor *a, const acta_msg *m)
{
	acta_send(a, "counter/b", "take", acta_bin("a0", body, 65536),
	    acta_bin("a1", body, 65536), acta_bin("a2", body, 65536),
	    acta_bin("a3", body, 65536), acta_bin("a4", body, 65536),
	    acta_bin("a5", body, 65536), acta_bin("a6", body, 65536),
	    acta_bin("a7", body, 65536), acta_bin("a8", body, 65536),
	    acta_bin("a9", body, 65536), acta_bin("b0", body, 65536),
	    acta_bin("b1", body, 65536), acta_bin("b2", body, 65536),
	    acta_bin("b3", body, 65536), acta_bin("b4", body, 65536),
	    acta_bin("b5", body, 65536), acta_bin("b6", body, 65536),
	    acta_bin("b7", body, 65536), acta_bin("b8", body, 65536),
	    acta_bin("b9", body, 65536), acta_bin("c0", body, 65536),
	    acta_bin("c1", body, 65536), acta_bin("c2", body, 65536),
	    acta_bin("c3", body, 65536), acta_bin("c4", body, 65536),
	    acta_bin("c5", body, 65536), acta_bin("c6", body, 65536),
	    acta_bin("c7", body, 65536), acta_bin("c8", body, 65536),
	    acta_bin("c9", body, 65536), acta_bin("d0", body, 65536),
	    acta_bin("d1", body, 65536), acta_bin("d2", body, 65536),
	    acta_bin("d3", body, 65536), acta_bin("d4", body, 65536));
	return ACTA_DONE;
}

static acta_status
on_take(acta_actor *a, const acta_msg *m)
{
	return acta_fail(a, "not now");
}

static acta_status
on_go(acta_actor *a, const acta_msg *m)
{
	acta_resume(a);
	return ACTA_DONE;
}

static acta_status
on_later_go(acta_actor *a, const acta_msg *m)
{
	acta_timer(a, "go", "go", acta_after(acta_arg_int(m, "n")));
	return ACTA_DONE;
}

static acta_status
on_maybe(acta_actor *a, const acta_msg *m)
{
	if (broken)
		return acta_hold(a);
	in_order += acta_arg_int(m, "n") == in_order;
	return ACTA_DONE;
}

static acta_status
on_out(acta_actor *a, const acta_msg *m)
{
	if (acta_arg_int(m, "n") < 0)
		return acta_fail(a, "broken outside");
	acta_send(a, "counter/b", "add", acta_int("n", acta_arg_int(m, "n")));
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ .type = "add", .run = on_add, .args = "n:int" },
	{ .type = "look",
	    .run = on_look,
	    .args = "n:int",
	    .flags = ACTA_READS },
	{ .type = "flaky", .run = on_flaky, .args = "n:int?" },
	{ .type = "fwd", .run = on_fwd, .args = "n:int" },
	{ .type = "tell", .run = on_tell, .args = "n:int" },
	{ .type = "tell-big", .run = on_tell_big, .args = "n:int" },
	{ .type = "ask", .run = on_ask, .args = "n:int" },
	{ .type = "got", .run = on_got, .args = "n:int?" },
	{ .type = "block", .run = on_block, .args = "n:int" },
	{ .type = "many", .run = on_many, .args = "n:int" },
	{ .type = "big-echo", .run = on_big_echo, .args = "n:int?" },
	{ .type = "pass", .run = on_pass, .args = "n:int?" },
	{ .type = "self", .run = on_self, .args = "n:int?" },
	{ .type = "step", .run = on_step, .args = "n:int?" },
	{ .type = "secret",
	    .run = on_secret,
	    .args = "n:int?",
	    .flags = ACTA_PRIVATE },
	{ .type = "wide", .run = on_wide, .args = "n:int?" },
	{ .type = "out",
	    .run = on_out,
	    .args = "n:int",
	    .flags = ACTA_OUTSIDE },
	{ .type = "go", .run = on_go, .args = "" },
	{ .type = "later-go", .run = on_later_go, .args = "n:int" },
	{ .type = "maybe", .run = on_maybe, .args = "n:int?" },
	{ .type = "take",
	    .run = on_take,
	    .args = "a0:bin? a1:bin? a2:bin? a3:bin? a4:bin? a5:bin? a6:bin? "
		    "a7:bin? a8:bin? a9:bin? b0:bin? b1:bin? b2:bin? b3:bin? "
		    "b4:bin? b5:bin? b6:bin? b7:bin? b8:bin? b9:bin? c0:bin? "
		    "c1:bin? c2:bin? c3:bin? c4:bin? c5:bin? c6:bin? c7:bin? "
		    "c8:bin? c9:bin? d0:bin? d1:bin? d2:bin? d3:bin? d4:bin?" },
	{ 0 },
};

static const struct acta_service service = { .abi = ACTA_ABI,
	.size = sizeof(struct acta_service),
	.handler_size = sizeof(struct acta_handler),
	.name = "counter",
	.version = "1",
	.handlers = handlers };

/* ------------------------------------------------------------- driving -- */

static struct acta_service in_memory_service;
static struct driven d;
static struct acta_route routes[3];

struct reply {
	char code[65], text[200], result[32];
	uint32_t count;
};
static struct reply replies[65536];

static void
my_to_door(void *self, const char *door, uint64_t door_inc,
    const struct acta_item *item)
{
	struct reply *r;

	driven_to_door(self, door, door_inc, item);
	if (item->request >= 65536)
		return;
	r = &replies[item->request];
	r->count++;
	memcpy(r->code, d.said.code, sizeof(r->code));
	snprintf(r->text, sizeof(r->text), "%.199s", d.said.text);
	snprintf(r->result, sizeof(r->result), "%.31s", d.said.result);
}

static void
reopen(void)
{
	acta_part_close(&d.part);
	d.config.routes = routes;
	d.config.route_count = 3;
	driven_open(&d);
	d.part->port.to_door = my_to_door;
}

static void
setup(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_dir();
	memset(replies, 0, sizeof(replies));
	ran[0] = '\0';
	broken = false;
	snprintf(routes[0].name, sizeof(routes[0].name), "counter");
	snprintf(routes[1].name, sizeof(routes[1].name), "other");
	snprintf(routes[2].name, sizeof(routes[2].name), "third");
	routes[0].partitions = routes[1].partitions = routes[2].partitions = 1;
	driven_init(&d, dir, &service);
	reopen();
}

static void
teardown(void)
{
	driven_fini(&d);
	remove_dir();
}

/* A store anew that is full before a channel is. */
static void
small_store(uint64_t quota)
{
	acta_part_close(&d.part);
	remove_dir();
	make_dir();
	snprintf(d.dir, sizeof(d.dir), "%s", dir);
	d.options.quota = quota;
	d.config.channel_quota = 1u << 30;
	driven_open(&d);
	d.part->port.to_door = my_to_door;
}

/* A call into the inbox; no turn is run. */
static uint64_t
put_args(const char *key, const char *type, const struct acta_buf *args,
    struct asked ask)
{
	const char *name = ask.session ? ask.session : ask.id;
	struct acta_item item = { .kind = ACTA_ITEM_CALL, .inc = 1 };
	struct acta_message m = { .key = { key, (uint32_t)strlen(key) },
		.from = { "", 0 },
		.id = { "", 0 } };
	struct acta_hash128 hash;
	struct acta_buf b;

	acta_buf_init(&b);
	m.type = (struct acta_bytes){ type, (uint32_t)strlen(type) };
	m.sent_ms = d.now_ms;
	m.deadline_ms = d.now_ms + 5000;
	m.args_raw = (struct acta_bytes){ (const char *)args->data,
		(uint32_t)args->size };
	item.request = ++d.requests;
	item.src = (struct acta_bytes){ "@door", 5 };
	m.caller = (struct acta_caller){ .kind = ACTA_CALLER_DOOR,
		.door = item.src,
		.door_inc = 1,
		.request = item.request,
		.service = { "counter", 7 } };
	acta_message_encode(&b, &m);
	item.dst = m.caller.service;
	item.flags = ask.flags | (ask.session ? ACTA_CALL_SESSION : 0);
	if (name != NULL) {
		hash = acta_hash128(name, strlen(name));
		item.client = hash.bytes;
		item.id_ms = ask.session ? (int64_t)ask.seq : ask.id_ms;
	}
	item.body =
	    (struct acta_bytes){ (const char *)b.data, (uint32_t)b.size };
	acta_part_item(d.part, &item, d.now_ms);
	acta_buf_fini(&b);
	return item.request;
}

static uint64_t
put_call(const char *key, struct asked ask)
{
	struct acta_buf args;
	uint64_t request;

	acta_buf_init(&args);
	acta_pack_map(&args, strcmp(ask.type, "go") == 0 ? 0 : 1);
	if (strcmp(ask.type, "go") != 0) {
		acta_pack_text(&args, "n");
		acta_pack_int(&args, ask.n);
	}
	request = put_args(key, ask.type, &args, ask);
	acta_buf_fini(&args);
	return request;
}
#define put(key, ...) put_call((key), (struct asked){ __VA_ARGS__ })

static struct reply *
run_call_(const char *key, struct asked ask)
{
	uint64_t request = put_call(key, ask);

	driven_run(&d);
	return &replies[request];
}
#define ask_(key, ...) run_call_((key), (struct asked){ __VA_ARGS__ })

static void
data_from(const char *from, uint64_t first, const struct acta_buf *messages,
    uint32_t count, uint64_t hist)
{
	driven_data(&d, from, first, messages, count, hist);
}

static void
hello_from(const char *from, uint64_t next, uint64_t hist, uint64_t nonce)
{
	driven_hello(&d, from, next, hist, nonce);
}

static void
pack_answer(struct acta_buf *out, uint64_t ask, int64_t n)
{
	struct acta_message m = { .key = { "", 0 },
		.type = { "@answer", 7 },
		.from = { "other/x", 7 },
		.id = { "", 0 },
		.sent_ms = NOW_MS };
	struct acta_buf b;

	acta_buf_init(&b);
	acta_pack_map(&b, 5);
	acta_pack_text(&b, "a");
	acta_pack_uint(&b, ask);
	acta_pack_text(&b, "o");
	acta_pack_int(&b, 0);
	acta_pack_text(&b, "c");
	acta_pack_text(&b, "");
	acta_pack_text(&b, "x");
	acta_pack_text(&b, "");
	acta_pack_text(&b, "r");
	acta_pack_map(&b, 1);
	acta_pack_text(&b, "n");
	acta_pack_int(&b, n);
	m.args_raw =
	    (struct acta_bytes){ (const char *)b.data, (uint32_t)b.size };
	acta_message_encode(out, &m);
	acta_buf_fini(&b);
}

/* A question of third/t. */
static void
pack_question(struct acta_buf *out, const char *type, uint64_t ask)
{
	struct acta_message m = { .key = { "k", 1 },
		.type = { type, (uint32_t)strlen(type) },
		.from = { "third/t", 7 },
		.id = { "", 0 },
		.sent_ms = NOW_MS,
		.deadline_ms = NOW_MS + 24 * HOUR_MS,
		.caller = { .kind = ACTA_CALLER_ASK,
		    .service = { "third", 5 },
		    .ask = ask } };

	acta_message_encode(out, &m);
}

static struct acta_out *
out_to(const char *name)
{
	for (uint32_t i = 0; i < d.part->out_count; i++)
		if (strcmp(d.part->outs[i]->service, name) == 0)
			return d.part->outs[i];
	return NULL;
}

static void
welcome(const char *from, uint64_t next, const uint8_t *chain)
{
	struct acta_out *o = out_to(from);
	struct acta_item item = { .kind = ACTA_ITEM_WELCOME,
		.src = { "counter", 7 },
		.dst = { from, (uint32_t)strlen(from) },
		.hist = 4712,
		.inc = 1,
		.nonce = o->nonce,
		.next = next,
		.chain = chain,
		.credit = 1u << 30 };

	acta_part_item(d.part, &item, d.now_ms);
}

static uint32_t
rows_of(enum acta_table table)
{
	struct acta_scan *scan;
	struct acta_row row;
	uint32_t n = 0;

	acta_store_begin(d.part->store);
	scan = acta_scan_open(d.part->store, table, "", 0);
	while (acta_scan_next(scan, &row))
		n++;
	ck_assert_int_eq(acta_scan_close(&scan), ACTA_OK);
	acta_store_abort(d.part->store);
	return n;
}

/* ---------------------------------------------------------------- tests -- */

START_TEST(a_clients_send_that_is_forwarded_is_not_lost)
{
	broken = true;
	ask_("b", .type = "flaky");
	ck_assert_str_eq(
	    ask_("k", .type = "fwd", .n = 5, .flags = ACTA_CALL_SEND)->code,
	    "");
	ck_assert_uint_eq(replies[d.requests].count, 1); /* told: taken */
	broken = false;
	d.now_ms += 6000;
	driven_run(&d);
	ck_assert_str_eq(ask_("b", .type = "look")->result, "5");
}
END_TEST

START_TEST(what_a_fork_did_not_get_stays_in_the_outbox)
{
	const uint8_t other_story[16] = { 1 };

	for (int i = 0; i < 3; i++)
		ask_("k", .type = "tell", .n = i);
	ck_assert_uint_eq(rows_of(ACTA_T_OUTBOX), 3);
	welcome("other", 3, other_story);
	ck_assert_str_eq(d.alarm, "channel-to-other.0");
	ask_("k", .type = "add", .n = 1);
	ck_assert_uint_eq(rows_of(ACTA_T_OUTBOX), 3);
}
END_TEST

START_TEST(no_answer_leaves_that_no_commit_implies)
{
	uint64_t first, again;

	small_store(1u << 20);
	first = put("k", .type = "add", .n = 5, .id = "x");
	again = put("k", .type = "add", .n = 5, .id = "x");
	put("k", .type = "tell-big", .n = 1);
	put("k", .type = "tell-big", .n = 1);
	put("k", .type = "tell-big", .n = 1);
	driven_run(&d);
	ck_assert(d.part->full);
	ck_assert_str_eq(replies[first].code, "busy");
	ck_assert_msg(
	    replies[again].count == 0 || strcmp(replies[again].code, "") != 0,
	    "answered ok: %s", replies[again].result);
}
END_TEST

START_TEST(a_reset_channels_letter_goes_where_it_was_to_go)
{
	struct acta_buf args;

	ask_("k", .type = "tell", .n = 5); /* other/x add 5 */
	acta_buf_init(&args);
	acta_pack_map(&args, 1);
	acta_pack_text(&args, "peer");
	acta_pack_text(&args, "other");
	put_args("", "@channel-reset", &args, (struct asked){ 0 });
	driven_run(&d);
	ck_assert_uint_eq(rows_of(ACTA_T_DEAD), 1);
	acta_buf_reset(&args);
	acta_pack_map(&args, 1);
	acta_pack_text(&args, "id");
	acta_pack_int(&args, 1);
	ran[0] = '\0';
	put_args("", "@dead-retry", &args, (struct asked){ 0 });
	driven_run(&d);
	d.now_ms += 1000;
	driven_run(&d);
	ck_assert_str_eq(ran, ""); /* it is for other/x, not for us */
	acta_buf_fini(&args);
}
END_TEST

/* Under valgrind or ASan: outs moves while the channel is reset. */
START_TEST(a_reset_channel_answers_who_never_heard_from_us)
{
	struct acta_buf b;

	acta_buf_init(&b);
	hello_from("third", 3, 100, 1);
	pack_question(&b, "pass", 1);
	pack_question(&b, "pass", 2);
	data_from("third", 1, &b, 2, 100);
	driven_run(&d);
	ck_assert_uint_eq(out_to("other")->next, 3);
	acta_buf_reset(&b);
	acta_pack_map(&b, 1);
	acta_pack_text(&b, "peer");
	acta_pack_text(&b, "other");
	put_args("", "@channel-reset", &b, (struct asked){ 0 });
	driven_run(&d);
	ck_assert_uint_eq(out_to("other")->acked, 3);
	ck_assert_uint_eq(out_to("third")->next, 3);
	acta_buf_fini(&b);
}
END_TEST

static void
accept_third(void)
{
	struct acta_buf b;

	acta_buf_init(&b);
	acta_pack_map(&b, 1);
	acta_pack_text(&b, "peer");
	acta_pack_text(&b, "third");
	put_args("", "@channel-accept", &b, (struct asked){ 0 });
	driven_run(&d);
	acta_buf_fini(&b);
}

/* Of a channel that has stopped it is an operator's way out; said again, as one
 * does who heard no answer, it takes back nothing of what came since. */
START_TEST(a_channel_accepted_twice_takes_nothing_twice)
{
	struct acta_buf b;

	acta_buf_init(&b);
	hello_from("third", 3, 100, 1);
	pack_question(&b, "pass", 1);
	pack_question(&b, "pass", 2);
	data_from("third", 1, &b, 2, 100);
	driven_run(&d);
	hello_from("third", 3, 98, 1); /* its store was made anew */
	ck_assert(strstr(d.alarm_text, "made anew") != NULL);
	accept_third();
	hello_from("third", 3, 98, 2);
	ck_assert_str_eq(d.alarm_text, "");
	data_from("third", 1, &b, 2, 98);
	driven_run(&d);
	ck_assert_uint_eq(out_to("other")->next, 5);
	for (int i = 0; i < 2; i++) { /* while it goes on; as it begins anew */
		accept_third();
		hello_from("third", 3, 98, 3);
		data_from("third", 1, &b, 2, 98);
		driven_run(&d);
		ck_assert_uint_eq(out_to("other")->next, 5);
		reopen();
	}
	acta_buf_fini(&b);
}
END_TEST

/* What third says first; an odd history is one in memory. */
static const uint8_t no_chain[16];
static const struct acta_item third_hello = { .kind = ACTA_ITEM_HELLO,
	.src = { "third", 5 },
	.dst = { "counter", 7 },
	.hist = 100,
	.inc = 1,
	.nonce = 1,
	.acked = 1,
	.next = 3,
	.random = 7,
	.version_min = 1,
	.version_max = 1,
	.chain = no_chain };

/* That two stories differ in the middle only their sender sees, and tells. */
START_TEST(a_hash_that_is_refused_stops_the_channel)
{
	const struct acta_bytes channel = { "third", 5 };
	struct acta_in *in;
	struct acta_buf b;
	struct acta_hash128 chain;
	struct acta_item hello = third_hello;

	acta_buf_init(&b);
	hello_from("third", 2, 100, 1);
	pack_question(&b, "pass", 1);
	data_from("third", 1, &b, 1, 100);
	driven_run(&d);
	in = acta_channel_in(d.part, channel, 0);
	chain = in->chain;
	hello.refused = chain.bytes;
	acta_part_item(d.part, &hello, d.now_ms);
	ck_assert(strstr(d.alarm_text, "different stories") != NULL);
	data_from("third", 2, &b, 1, 100);
	driven_run(&d);
	ck_assert_uint_eq(out_to("other")->next, 2);
	accept_third();
	acta_part_item(d.part, &hello, d.now_ms);
	ck_assert_str_eq(d.alarm_text, "");
	/* It may come again, and late: of a hash that is ours no more. */
	acta_part_item(d.part, &hello, d.now_ms);
	ck_assert_str_eq(d.alarm_text, "");
	data_from("third", 1, &b, 1, 100);
	driven_run(&d);
	ck_assert_uint_eq(out_to("other")->next, 3);
	acta_buf_fini(&b);
}
END_TEST

/* What was in memory is gone by right, and no store was lost: the service may be
 * durable now. */
START_TEST(who_was_in_memory_and_is_durable_now_goes_on)
{
	struct acta_item life = third_hello, durable = third_hello;
	struct acta_in *in;

	life.in_memory = true;
	life.hist = 101;
	life.epoch = 1;
	durable.epoch = 2;
	acta_part_item(d.part, &life, d.now_ms);
	acta_part_item(d.part, &durable, d.now_ms);
	ck_assert_str_eq(d.alarm_text, "");
	acta_part_item(d.part, &life, d.now_ms); /* late */
	in = acta_channel_in(d.part, durable.src, 0);
	ck_assert_uint_eq(in->hist, durable.hist);
	durable.hist = 102; /* and this one is lost */
	acta_part_item(d.part, &durable, d.now_ms);
	ck_assert(strstr(d.alarm_text, "made anew") != NULL);
}
END_TEST

START_TEST(who_hears_and_was_in_memory_goes_on)
{
	struct acta_item hello = third_hello;
	struct acta_bytes other = { "fourth", 6 };
	struct acta_in *in;

	hello.acked = 8;
	hello.next = 9;
	hello.peer_hist = 201;
	acta_part_item(d.part, &hello, d.now_ms);
	ck_assert_str_eq(d.alarm_text, "");
	in = acta_channel_in(d.part, hello.src, 0);
	ck_assert_uint_eq(in->next, 8);
	hello.src = other; /* whom it heard last was durable: that is lost */
	hello.peer_hist = 200;
	acta_part_item(d.part, &hello, d.now_ms);
	ck_assert(strstr(d.alarm_text, "acked messages") != NULL);
}
END_TEST

START_TEST(an_answer_to_the_life_before_answers_nothing)
{
	struct acta_buf b;

	acta_buf_init(&b);
	acta_part_close(&d.part);
	d.options.in_memory = true;
	in_memory_service = service;
	in_memory_service.in_memory = true;
	d.loaded.service = &in_memory_service;
	driven_open(&d);
	d.part->port.to_door = my_to_door;
	ask_("k", .type = "ask", .n = 111);
	reopen(); /* the process died: the question is forgotten */
	ask_("k", .type = "ask", .n = 222);
	hello_from("other", 2, 100, 1);
	pack_answer(&b, 1, 111); /* to the first life's question */
	data_from("other", 1, &b, 1, 100);
	driven_run(&d);
	ck_assert_str_eq(ran, "");
	acta_buf_fini(&b);
}
END_TEST

START_TEST(a_session_call_that_expired_runs_when_repeated)
{
	struct reply *r;

	broken = true;
	ask_("k", .type = "flaky");
	r = ask_("k", .type = "add", .n = 5, .session = "s", .seq = 1);
	ck_assert_uint_eq(r->count, 0);
	broken = false;
	d.now_ms += 6000;
	driven_run(&d);
	ck_assert_str_eq(r->code, "expired"); /* certainly not applied */
	ck_assert_str_eq(ask_("k", .type = "look")->result, "0");
	r = ask_("k", .type = "add", .n = 5, .session = "s", .seq = 1);
	ck_assert_msg(strcmp(r->code, "") == 0, "%s: %s", r->code, r->text);
	ck_assert_str_eq(r->result, "5");
}
END_TEST

START_TEST(a_store_whose_messages_were_all_acked_opens_again)
{
	struct acta_item ack = { .kind = ACTA_ITEM_ACK,
		.src = { "counter", 7 },
		.dst = { "other", 5 },
		.hist = 4712,
		.inc = 1 };
	struct acta_out *o;

	small_store(16u << 20);
	for (int i = 0; i < 100; i++) {
		bool more = true;

		ask_("k", .type = "tell-big", .n = i);
		if (i == 0)
			welcome("other", 1, out_to("other")->chain_acked.bytes);
		while (more)
			ck_assert_int_eq(acta_store_idle(d.part->store,
					     d.now_ms += 100, &more),
			    ACTA_OK);
		if (acta_store_intake_stopped(d.part->store))
			break;
	}
	ck_assert(acta_store_intake_stopped(d.part->store));
	driven_run(&d);
	o = out_to("other");
	d.now_ms += 10000;
	driven_run(&d); /* a HELLO, since no ack came */
	welcome("other", 1, o->chain_acked.bytes);
	driven_run(&d);
	ack.nonce = o->nonce;
	ack.next = o->next; /* it has them all */
	acta_part_item(d.part, &ack, d.now_ms);
	ck_assert_uint_eq(o->acked, o->next);
	for (int i = 0; i < 600; i++) { /* ten minutes */
		bool more = true;

		d.now_ms += 1000;
		driven_run(&d);
		while (more)
			ck_assert_int_eq(
			    acta_store_idle(d.part->store, d.now_ms, &more),
			    ACTA_OK);
	}
	ck_assert_msg(!acta_store_intake_stopped(d.part->store),
	    "%u rows are still in the outbox", rows_of(ACTA_T_OUTBOX));
}
END_TEST

static uint32_t
bucket_of(const char *key)
{
	return (uint32_t)(acta_hash64(key, strlen(key)) % 1024u);
}

START_TEST(a_hot_actor_does_not_hold_up_another)
{
	const char *hot = "a";
	bool more = true;

	cold = "b";
	if (bucket_of(hot) > bucket_of(cold)) {
		hot = "b";
		cold = "a";
	}
	broken = true;
	ask_(hot, .type = "flaky");
	ask_(cold, .type = "flaky");
	ask_(hot, .type = "flaky", .flags = ACTA_CALL_SEND);
	broken = false;
	d.now_ms += 200; /* both are due */
	flaky_runs = cold_at = 0;
	for (int i = 0; i < 3000; i++)
		put(hot, .type = "flaky", .flags = ACTA_CALL_SEND);
	while (more)
		ck_assert_int_eq(
		    acta_part_turn(d.part, d.now_ms, &more), ACTA_OK);
	printf("# cold_at %u of %u\n", cold_at, flaky_runs);
	ck_assert_msg(
	    cold_at < 10, "it was number %u of %u", cold_at, flaky_runs);
}
END_TEST

START_TEST(a_read_in_a_session_has_its_number)
{
	struct reply *r;

	ask_("k", .type = "add", .n = 5, .session = "s", .seq = 1);
	for (int i = 0; i < 2; i++) { /* asked again: answered again */
		r = ask_("k", .type = "look", .session = "s", .seq = 2);
		ck_assert_str_eq(r->code, "");
		ck_assert_str_eq(r->result, "5");
	}
	r = ask_("k", .type = "add", .n = 1, .session = "s", .seq = 3);
	ck_assert_str_eq(r->result, "6");
	r = ask_("k", .type = "look", .session = "s", .seq = 2);
	ck_assert_str_eq(r->code, "id-expired");
}
END_TEST

START_TEST(a_store_that_is_nearly_full_says_so)
{
	small_store(4u << 20);
	for (int i = 0; i < 100 && d.alarm[0] == '\0'; i++)
		ask_("k", .type = "tell-big", .n = i);
	ck_assert_str_eq(d.alarm, "store-nearly-full");
	ck_assert(strstr(d.alarm_text, "raise store.quota") != NULL);
	ck_assert_str_eq(ask_("j", .type = "add", .n = 1)->code, "busy");
	acta_part_close(&d.part);
	d.options.quota = 64u << 20;
	d.alarm[0] = '\0';
	driven_open(&d);
	d.part->port.to_door = my_to_door;
	ck_assert_str_eq(ask_("j", .type = "add", .n = 1)->result, "1");
	ck_assert_str_eq(d.alarm, "");
}
END_TEST

/* on_failed: stop. Nothing overtakes a message that failed; whatever ends or
 * starts, its partition stands until it is told to go on, with that one first. */
START_TEST(a_partition_that_stops_lets_nothing_overtake)
{
	struct acta_buf b;
	struct reply *r;

	acta_buf_init(&b);
	d.config.stop_on_failed = true;
	reopen();
	hello_from("third", 3, 100, 1);
	broken = true;
	r = ask_("k", .type = "flaky");
	ck_assert_uint_eq(r->count, 0);
	ck_assert(strstr(d.alarm_text, "broken") != NULL);
	ck_assert(strstr(d.alarm_text, "acta start counter") != NULL);
	broken = false;
	d.now_ms += 100;
	driven_run(&d);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(r->count, 0);
		ck_assert_str_eq(
		    ask_("other", .type = "add", .n = 1)->code, "busy");
		ck_assert_str_eq(ask_("other", .type = "look")->result, "0");
		acta_buf_reset(&b);
		pack_question(&b, "pass", 1);
		hello_from("third", 3, 100, 2);
		data_from("third", 1, &b, 1, 100);
		driven_run(&d);
		ck_assert_uint_eq(rows_of(ACTA_T_OUTBOX), 0);
		d.alarm_text[0] = '\0';
		reopen();
		driven_run(&d);
		ck_assert(strstr(d.alarm_text, "broken") != NULL);
	}
	ran[0] = '\0';
	flaky_runs = 0;
	acta_part_go(d.part);
	ck_assert_str_eq(d.alarm_text, "");
	put("other", .type = "add", .n = 1);
	driven_run(&d);
	ck_assert_uint_eq(flaky_runs, 1);
	ck_assert_str_eq(ran, "other+1 ");
	ck_assert_uint_eq(rows_of(ACTA_T_PARKED), 0);
	hello_from("third", 3, 100, 3);
	data_from("third", 1, &b, 1, 100);
	driven_run(&d);
	ck_assert_uint_eq(rows_of(ACTA_T_OUTBOX), 1);
	reopen(); /* and it is not stopped any more */
	ck_assert_str_eq(ask_("other", .type = "add", .n = 1)->result, "2");
	acta_buf_fini(&b);
}
END_TEST

/* What the WELCOME that was said last grants. */
static uint64_t
credit_of_welcome(void)
{
	struct acta_reader r = acta_reader(d.to_part.data, d.to_part.size);
	struct acta_item item;
	uint64_t credit = UINT64_MAX;

	while (acta_item_decode(&r, &item) == ACTA_OK)
		if (item.kind == ACTA_ITEM_WELCOME)
			credit = item.credit;
	return credit;
}

/* What it would drop it does not ask for. */
START_TEST(a_partition_that_stopped_grants_nothing)
{
	d.config.stop_on_failed = true;
	reopen();
	hello_from("third", 3, 100, 1);
	ck_assert_uint_gt(credit_of_welcome(), 0);
	broken = true;
	ask_("k", .type = "flaky");
	hello_from("third", 3, 100, 2);
	ck_assert_uint_eq(credit_of_welcome(), 0);
	d.to_part_count = 0;
	driven_run(&d);
	driven_run(&d);
	ck_assert_uint_eq(d.to_part_count, 0); /* and it says so once */
	broken = false;
	acta_part_go(d.part);
	driven_run(&d);
	hello_from("third", 3, 100, 3);
	ck_assert_uint_gt(credit_of_welcome(), 0);
}
END_TEST

/* What was outside as it stopped ends, too: what it did is kept, what it sent waits,
 * and one more that failed changes nothing about which is first. */
START_TEST(what_was_outside_as_its_partition_stopped_ends)
{
	d.config.stop_on_failed = true;
	reopen();
	d.now_ms += 10;
	for (int i = 0; i < 3; i++) { /* durable, and due a moment later */
		static const char *const keys[] = { "p", "q", "r" };

		ask_(keys[i], .type = "out", .n = i < 2 ? i + 1 : -1,
		    .flags = ACTA_CALL_SEND);
	}
	broken = true;
	d.now_ms += 1;
	d.part->source = 1; /* parked, due, inbox, outside, parked ... */
	put("j", .type = "look");
	put("j", .type = "look");
	put("first", .type = "flaky", .flags = ACTA_CALL_SEND);
	driven_run(&d);
	ck_assert(d.part->stopped);
	ck_assert_ptr_eq(d.part->outside_ended, NULL);
	ck_assert_uint_eq(d.part->outside_count, 0);
	ck_assert(strstr(d.alarm_text, "broken outside") == NULL);
	ck_assert_uint_eq(rows_of(ACTA_T_PARKED), 4); /* first, r, two sends */
	acta_part_go(d.part);
	ck_assert_ptr_ne(d.part->put_off, NULL);
	ck_assert_str_eq(d.part->put_off->key, "first");
	broken = false;
	driven_run(&d);
	ck_assert_str_eq(ran, "b+1 b+2 ");
}
END_TEST

START_TEST(a_partition_that_stops_is_tried_as_often_as_others)
{
	struct reply *r;

	d.config.stop_on_failed = true;
	d.config.max_attempts = 3;
	reopen();
	broken = true;
	r = ask_("k", .type = "flaky");
	put("other", .type = "flaky"); /* behind it */
	for (int i = 0; i < 2; i++) {
		ck_assert(d.part->stopped);
		ck_assert_uint_eq(r->count, 0);
		acta_part_go(d.part);
		driven_run(&d);
	}
	ck_assert_str_eq(r->code, "failed");
	ck_assert_uint_eq(rows_of(ACTA_T_DEAD), 1);
	ck_assert(!d.part->stopped);
	ck_assert_uint_eq(rows_of(ACTA_T_META), 1); /* the numbers */
}
END_TEST

/* Who waits for a state that never comes is told so in time, and is in nobody's
 * way from then on; who has no deadline waits on. */
START_TEST(what_is_held_expires_with_its_deadline)
{
	struct reply *first, *second;

	first = ask_("k", .type = "block");
	d.now_ms += 1000;
	second = ask_("k", .type = "add", .n = 5);
	ck_assert_uint_eq(first->count + second->count, 0);
	reopen(); /* and over a restart */
	d.now_ms += 4500;
	driven_run(&d);
	ck_assert_str_eq(first->code, "expired");
	ck_assert_uint_eq(second->count, 0);
	d.now_ms += 1000;
	driven_run(&d);
	ck_assert_str_eq(second->code, "expired");
	ck_assert_uint_eq(rows_of(ACTA_T_PARKED), 0);
	ck_assert_str_eq(ask_("k", .type = "add", .n = 2)->result, "2");
	ask_("k", .type = "block", .flags = ACTA_CALL_SEND);
	first = ask_("k", .type = "add", .n = 5);
	d.now_ms += 100 * HOUR_MS;
	driven_run(&d);
	ck_assert_str_eq(first->code, "expired");
	ck_assert_uint_eq(rows_of(ACTA_T_PARKED), 1);
}
END_TEST

/* Each at its own time, whoever stands in front of it. */
START_TEST(what_is_held_expires_one_by_one)
{
	enum { MANY = 50 };
	const int64_t began_ms = d.now_ms;
	struct acta_buf b;
	uint64_t last = 0, first;

	acta_buf_init(&b);
	hello_from("third", MANY + 1, 100, 1);
	ask_("k", .type = "block", .flags = ACTA_CALL_SEND);
	for (unsigned i = 0; i < MANY; i++) {
		d.now_ms = began_ms + 10 * i;
		last = put("k", .type = "add");
		acta_buf_reset(&b);
		pack_question(&b, "pass", i); /* it has a day */
		data_from("third", i + 1, &b, 1, 100);
		driven_run(&d);
	}
	first = last - MANY + 1;
	ck_assert_uint_eq(rows_of(ACTA_T_PARKED), 2 * MANY + 1);
	for (unsigned i = 0; i < MANY; i += 1 + i % 3) {
		d.now_ms = began_ms + 10 * i + 5000;
		driven_run(&d);
		ck_assert_str_eq(replies[first + i].code, "expired");
		ck_assert_uint_eq(replies[first + i + 1].count, 0);
	}
	d.now_ms += 1000;
	driven_run(&d);
	ck_assert_uint_eq(rows_of(ACTA_T_PARKED), MANY + 1);
	d.now_ms += 24 * HOUR_MS;
	driven_run(&d);
	ck_assert_uint_eq(rows_of(ACTA_T_PARKED), 1);
	acta_buf_fini(&b);
}
END_TEST

START_TEST(answers_to_a_held_actor_keep_their_order)
{
	struct acta_buf b;

	acta_buf_init(&b);
	ask_("k", .type = "ask", .n = 1);
	ask_("k", .type = "ask", .n = 2);
	ask_("k", .type = "block"); /* held from here on */
	hello_from("other", 3, 100, 1);
	broken = true;
	pack_answer(&b, 1, 1);
	data_from("other", 1, &b, 1, 100);
	driven_run(&d);
	broken = false;
	acta_buf_reset(&b);
	pack_answer(&b, 2, 2);
	data_from("other", 2, &b, 1, 100);
	driven_run(&d);
	d.now_ms += 1000;
	driven_run(&d);
	ck_assert_str_eq(ran, "got(1 for 1) got(2 for 2) ");
	acta_buf_fini(&b);
}
END_TEST

START_TEST(the_log_of_events_stays_within_its_count)
{
	d.part->config.event_count = 100;
	for (int i = 0; i < 60; i++)
		ask_("k", .type = "many", .n = 200);
	ck_assert_uint_le(rows_of(ACTA_T_EVENT), 100);
}
END_TEST

START_TEST(the_log_of_events_goes_by_age)
{
	d.part->config.event_age_ms = HOUR_MS;
	ask_("k", .type = "many", .n = 50);
	d.now_ms += 100 * HOUR_MS;
	for (int i = 0; i < 10; i++) {
		d.now_ms += 1000;
		ask_("k", .type = "add", .n = 1);
	}
	ck_assert_uint_eq(rows_of(ACTA_T_EVENT), 0);
}
END_TEST

START_TEST(many_events_on_one_new_topic)
{
	struct reply *r = ask_("k", .type = "many", .n = 1100);

	ck_assert_msg(strcmp(r->code, "") == 0, "%s: %s", r->code, r->text);
}
END_TEST

START_TEST(answers_do_not_overfill_a_channel)
{
	struct acta_buf b;

	acta_buf_init(&b);
	hello_from("third", 201, 100, 1);
	for (uint64_t i = 1; i <= 200; i++) {
		acta_buf_reset(&b);
		pack_question(&b, "big-echo", i);
		data_from("third", i, &b, 1, 100);
		driven_run(&d);
	}
	/* quota 1 MiB, hard 1.25, and one handler's 8 MiB of effects */
	ck_assert_uint_le(out_to("third")->bytes, 10u << 20);
	acta_buf_fini(&b);
}
END_TEST

/* Its record goes when its own hour is over, however far that is. */
START_TEST(an_id_from_a_clock_ahead_is_not_applied_twice)
{
	const int64_t ahead_ms = NOW_MS + 23 * HOUR_MS;

	ck_assert_str_eq(
	    ask_("k", .type = "add", .n = 5, .id = "f", .id_ms = ahead_ms)
		->result,
	    "5");
	d.now_ms += 30 * HOUR_MS;
	driven_run(&d);
	ck_assert_str_eq(
	    ask_("k", .type = "add", .n = 5, .id = "f", .id_ms = ahead_ms)
		->result,
	    "5");
	ck_assert_str_eq(ask_("k", .type = "look")->result, "5");
	d.now_ms += 48 * HOUR_MS;
	driven_run(&d);
	ck_assert_str_eq(
	    ask_("k", .type = "add", .n = 5, .id = "f", .id_ms = ahead_ms)
		->code,
	    "id-expired");
	ck_assert_str_eq(ask_("k", .type = "add", .n = 5, .id = "g",
			     .id_ms = d.now_ms + 25 * HOUR_MS)
			     ->code,
	    "bad-request");
	ck_assert_str_eq(ask_("k", .type = "look")->result, "5");
}
END_TEST

START_TEST(waiting_for_room_costs_no_journal)
{
	struct acta_store_info before, after;

	d.part->config.channel_quota = 1000;
	broken = true;
	ask_("k", .type = "flaky"); /* so that the calls are parked, not busy */
	ask_("k", .type = "tell-big", .n = 1, .flags = ACTA_CALL_SEND);
	ask_("k", .type = "tell-big", .n = 1, .flags = ACTA_CALL_SEND);
	broken = false;
	d.now_ms += 200;
	driven_run(&d); /* one went out, the other waits for room */
	acta_store_info(d.part->store, &before);
	for (int i = 0; i < 600; i++) { /* a minute */
		d.now_ms += 100;
		driven_run(&d);
	}
	acta_store_info(d.part->store, &after);
	ck_assert_msg(after.journal_last - before.journal_last < 100,
	    "%d commits of nothing new in a minute",
	    (int)(after.journal_last - before.journal_last));
}
END_TEST

START_TEST(an_actor_with_no_key_is_itself)
{
	ask_("z", .type = "self");
	ck_assert_str_eq(ran, "step secret ");
}
END_TEST

START_TEST(a_wide_local_message_is_refused_not_asserted)
{
	ask_("k", .type = "wide");
	ck_assert_uint_le(d.part->parked_rows, 1);
}
END_TEST

/* Longer than a turn, and than what one generation of the store holds. */
START_TEST(a_long_queue_drains_in_order)
{
	enum { LONG = 20000 };

	broken = true;
	ask_("k", .type = "later-go", .n = 1000);
	for (int i = 0; i < LONG; i++) {
		put("k", .type = "maybe", .n = i, .flags = ACTA_CALL_SEND);
		if (i % 1000 == 999)
			driven_run(&d);
	}
	driven_run(&d);
	ck_assert_uint_eq(d.part->parked_rows, LONG);
	broken = false;
	in_order = 0;
	d.now_ms += 1000;
	driven_run(&d);
	ck_assert_uint_eq(d.part->parked_rows, 0);
	ck_assert_int_eq(in_order, LONG);
}
END_TEST

/* What waits in memory has a bound, in number and in bytes. */
START_TEST(reads_beyond_the_bound_are_told_busy)
{
	struct acta_buf args;
	uint64_t last = 0;

	acta_buf_init(&args);
	broken = true;
	ask_("b", .type = "flaky");
	for (uint32_t i = 0; i <= ACTA_READS_MAX; i++)
		last = put("b", .type = "look");
	driven_run(&d);
	ck_assert_uint_eq(d.part->read_count, ACTA_READS_MAX);
	ck_assert_str_eq(replies[last].code, "busy");
	broken = false;
	d.now_ms += 1000;
	driven_run(&d);
	ck_assert_uint_eq(d.part->read_count, 0);
	ck_assert_uint_eq(d.part->read_bytes, 0);
	ck_assert_str_eq(replies[last - 1].code, "");
	ck_assert_uint_eq(replies[last - 1].count, 1);

	broken = true;
	ask_("b", .type = "flaky");
	acta_pack_map(&args, 2);
	acta_pack_text(&args, "n");
	acta_pack_int(&args, 1);
	acta_pack_text(&args, "x");
	acta_pack_bin(&args, body, 900000);
	for (uint32_t i = 0; i < 20; i++)
		last = put_args("b", "look", &args, (struct asked){ 0 });
	driven_run(&d);
	ck_assert_uint_eq(d.part->read_count, 19);
	ck_assert_str_eq(replies[last].code, "busy");
	acta_buf_fini(&args);
}
END_TEST

/* Who waits for a pending id hears its answer although a commit failed. */
START_TEST(who_was_refused_in_a_turn_without_space_hears_it)
{
	uint64_t reused;

	small_store(1u << 20);
	ask_("k", .type = "add", .n = 5, .id = "x");
	d.now_ms += 10;
	reused = put("k", .type = "add", .n = 6, .id = "x");
	for (int i = 0; i < 3; i++)
		put("k", .type = "tell-big", .n = 1);
	driven_run(&d);
	ck_assert(d.part->full);
	ck_assert_uint_eq(replies[reused].count, 1);
}
END_TEST

/* `busy` says that nothing was applied: of an id that is known that may be untrue,
 * and whoever hears it does it again under another one. */
START_TEST(who_asks_again_where_all_stands_still_hears_what_he_heard)
{
	struct reply *r, *first;

	d.config.stop_on_failed = true;
	reopen();
	ask_("j", .type = "add", .n = 5, .id = "x");
	broken = true;
	first = ask_("k", .type = "flaky", .id = "y");
	ck_assert(d.part->stopped);
	for (int i = 0; i < 2; i++) {
		d.now_ms += 10;
		r = ask_("j", .type = "add", .n = 5, .id = "x");
		ck_assert_str_eq(r->code, "");
		ck_assert_str_eq(r->result, "5");
		r = ask_("k", .type = "flaky", .id = "y");
		ck_assert_uint_eq(r->count, 0); /* it waits, as one can */
		ck_assert_str_eq(
		    ask_("j", .type = "add", .n = 5, .id = "z")->code, "busy");
		reopen();
	}
	r = ask_("k", .type = "flaky", .id = "y");
	broken = false;
	acta_part_go(d.part);
	driven_run(&d);
	ck_assert_uint_eq(first->count, 1);
	ck_assert_str_eq(first->code, "");
	ck_assert_uint_eq(r->count, 1);
	ck_assert_str_eq(r->code, "");
	ck_assert_str_eq(
	    ask_("j", .type = "add", .n = 1, .id = "z")->result, "6");
}
END_TEST

/* The same where there is no space; those too that wait in the inbox. */
START_TEST(who_asks_again_without_space_hears_what_he_heard)
{
	uint64_t known, pending, fresh;

	small_store(1u << 20);
	ask_("k", .type = "add", .n = 5, .id = "x");
	broken = true;
	ask_("j", .type = "flaky", .id = "y");
	d.now_ms += 10;
	pending = put("j", .type = "flaky", .id = "y");
	for (int i = 0; i < 3; i++)
		put("k", .type = "tell-big", .n = 1);
	known = put("k", .type = "add", .n = 5, .id = "x");
	driven_run(&d);
	ck_assert(d.part->full);
	ck_assert_str_eq(replies[known].code, "");
	ck_assert_str_eq(replies[known].result, "5");
	ck_assert_uint_eq(replies[pending].count, 0);
	d.now_ms += 10;
	known = put("k", .type = "add", .n = 5, .id = "x");
	pending = put("j", .type = "flaky", .id = "y");
	fresh = put("j", .type = "add", .id = "z");
	driven_run(&d);
	ck_assert(d.part->full);
	ck_assert_str_eq(replies[known].code, "");
	ck_assert_str_eq(replies[known].result, "5");
	ck_assert_uint_eq(replies[pending].count, 0);
	ck_assert_str_eq(replies[fresh].code, "busy");
}
END_TEST

/* What a turn said that was taken back nobody has heard: neither who called nor
 * who asked again meanwhile, who wait on. */
START_TEST(who_waits_hears_nothing_of_a_turn_without_space)
{
	struct reply *first, *second;

	small_store(1u << 20);
	broken = true;
	first = ask_("j", .type = "flaky", .id = "y");
	d.now_ms += 10;
	second = ask_("j", .type = "flaky", .id = "y");
	broken = false;
	d.now_ms += 1000;
	flaky_runs = 0;
	for (int i = 0; i < 3; i++)
		put("k", .type = "tell-big", .n = 1);
	driven_run(&d);
	ck_assert(d.part->full);
	ck_assert_uint_eq(flaky_runs, 1);
	ck_assert_uint_eq(first->count + second->count, 0);
	d.now_ms += 2000;
	driven_run(&d);
	ck_assert(!d.part->full);
	ck_assert_uint_eq(flaky_runs, 2);
	ck_assert_uint_eq(first->count, 1);
	ck_assert_str_eq(first->code, "");
	ck_assert_uint_eq(second->count, 1);
	ck_assert_str_eq(second->code, "");
}
END_TEST

/* What it has to say of whom it hears waits for space, and for nothing else. */
START_TEST(who_hears_of_others_says_so_once_there_is_space)
{
	bool more;

	small_store(1u << 20);
	for (int i = 0; i < 4; i++)
		put("k", .type = "tell-big", .n = 1);
	driven_run(&d);
	ck_assert(d.part->full);
	d.part->announce = true;
	d.now_ms += 2000;
	ck_assert_int_eq(acta_part_turn(d.part, d.now_ms, &more), ACTA_OK);
	ck_assert(!d.part->full && !d.part->nearly_full);
	ck_assert(d.part->announce);
	ck_assert_int_eq(acta_part_wake_ms(d.part), 0);
	driven_run(&d);
	ck_assert(!d.part->announce);
}
END_TEST

/* A session may begin with 0 or 1. */
START_TEST(a_session_that_began_with_0_takes_it_once)
{
	struct reply *r;

	ask_("k", .type = "add", .n = 5, .session = "s", .seq = 0);
	broken = true;
	ask_("k", .type = "flaky");
	r = ask_("k", .type = "add", .n = 7, .session = "s", .seq = 1);
	ck_assert_uint_eq(r->count, 0);
	broken = false;
	d.now_ms += 6000;
	driven_run(&d);
	ck_assert_str_eq(r->code, "expired");
	ask_("k", .type = "add", .n = 5, .session = "s", .seq = 0);
	ck_assert_str_eq(ask_("k", .type = "look")->result, "5");
	r = ask_("k", .type = "add", .n = 7, .session = "s", .seq = 1);
	ck_assert_str_eq(r->result, "12");
}
END_TEST

/* A word for a channel that went on is over with the HELLO that shows it; it is
 * not there for what comes of it weeks later. */
START_TEST(an_operators_word_does_not_outlive_its_channel)
{
	struct acta_buf b;
	struct acta_in *in;

	acta_buf_init(&b);
	hello_from("third", 2, 100, 1);
	pack_question(&b, "pass", 1);
	data_from("third", 1, &b, 1, 100);
	driven_run(&d);
	ck_assert_uint_eq(out_to("other")->next, 2);
	in = acta_channel_in(d.part, (struct acta_bytes){ "third", 5 }, 0);
	ck_assert_uint_eq(in->next, 2);
	accept_third(); /* for nothing: both tell the same */
	{
		struct acta_hash128 chain = in->chain;
		struct acta_item hello = { .kind = ACTA_ITEM_HELLO,
			.src = { "third", 5 },
			.dst = { "counter", 7 },
			.hist = 100,
			.inc = 1,
			.nonce = 2,
			.acked = 2,
			.next = 2,
			.random = 7,
			.version_min = 1,
			.version_max = 1,
			.chain = chain.bytes };

		acta_part_item(d.part, &hello, d.now_ms);
		driven_run(&d);
	}
	reopen();
	hello_from("third", 1, 100, 3); /* its store was set back */
	ck_assert(strstr(d.alarm_text, "set back") != NULL);
	acta_buf_fini(&b);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite = suite_create("corners");
	TCase *tcase = tcase_create("corners");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 300);
#define T(name)                                                        \
	if (argc < 2 || strncmp(#name, argv[1], strlen(argv[1])) == 0) \
	tcase_add_test(tcase, name)
	T(a_clients_send_that_is_forwarded_is_not_lost);
	T(what_a_fork_did_not_get_stays_in_the_outbox);
	T(no_answer_leaves_that_no_commit_implies);
	T(a_reset_channels_letter_goes_where_it_was_to_go);
	T(a_reset_channel_answers_who_never_heard_from_us);
	T(a_channel_accepted_twice_takes_nothing_twice);
	T(a_hash_that_is_refused_stops_the_channel);
	T(who_was_in_memory_and_is_durable_now_goes_on);
	T(who_hears_and_was_in_memory_goes_on);
	T(an_answer_to_the_life_before_answers_nothing);
	T(a_session_call_that_expired_runs_when_repeated);
	T(a_store_whose_messages_were_all_acked_opens_again);
	T(a_hot_actor_does_not_hold_up_another);
	T(a_read_in_a_session_has_its_number);
	T(a_store_that_is_nearly_full_says_so);
	T(a_partition_that_stops_lets_nothing_overtake);
	T(a_partition_that_stops_is_tried_as_often_as_others);
	T(a_partition_that_stopped_grants_nothing);
	T(what_was_outside_as_its_partition_stopped_ends);
	T(what_is_held_expires_with_its_deadline);
	T(what_is_held_expires_one_by_one);
	T(answers_to_a_held_actor_keep_their_order);
	T(the_log_of_events_stays_within_its_count);
	T(the_log_of_events_goes_by_age);
	T(many_events_on_one_new_topic);
	T(answers_do_not_overfill_a_channel);
	T(an_id_from_a_clock_ahead_is_not_applied_twice);
	T(waiting_for_room_costs_no_journal);
	T(a_long_queue_drains_in_order);
	T(reads_beyond_the_bound_are_told_busy);
	T(who_was_refused_in_a_turn_without_space_hears_it);
	T(who_asks_again_where_all_stands_still_hears_what_he_heard);
	T(who_asks_again_without_space_hears_what_he_heard);
	T(who_waits_hears_nothing_of_a_turn_without_space);
	T(who_hears_of_others_says_so_once_there_is_space);
	T(a_session_that_began_with_0_takes_it_once);
	T(an_operators_word_does_not_outlive_its_channel);
	T(an_actor_with_no_key_is_itself);
	T(a_wide_local_message_is_refused_not_asserted);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
