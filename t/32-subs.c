/*
 * 32-subs.c - claim: a service that subscribes is fed from where it says, first,
 * last, a seq or a time, in slices and in the log's order, then with what is new;
 * it is remembered; what its table no longer has ends; and one that is behind
 * holds its publisher up or is skipped, as it said.
 */
#include "t/30-part.h"

#include "runtime/host/subs.h"

static acta_status
tell(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_arg_int(msg, "n");

	acta_publish(self, "story", acta_int("n", n));
	return acta_reply(self, acta_int("n", n));
}

static acta_status
tell_big(acta_actor *self, const acta_msg *msg)
{
	static char big[60000];

	(void)msg;
	acta_publish(
	    self, "story", acta_int("n", 0), acta_bin("b", big, sizeof(big)));
	return acta_reply(self, acta_int("n", 0));
}

static int ticks; /* so many more */

static acta_status
tick(acta_actor *self, const acta_msg *msg)
{
	static char big[60000];

	(void)msg;
	acta_publish(self, "story", acta_bin("b", big, sizeof(big)));
	if (--ticks > 0)
		acta_timer(self, "t", "tick", acta_after(1));
	return ACTA_DONE;
}

static acta_status
tick_later(acta_actor *self, const acta_msg *msg)
{
	acta_timer(self, "t", "tick", acta_after(acta_arg_int(msg, "n")));
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ .type = "tick", .run = tick },
	{ .type = "tick-later", .run = tick_later, .args = "n:int" },
	{ .type = "tell", .run = tell, .args = "n:int" },
	{ .type = "tell-big", .run = tell_big, .args = "n:int" },
	{ 0 },
};
static const struct acta_service service = {
	.abi = ACTA_ABI,
	.size = sizeof(struct acta_service),
	.handler_size = sizeof(struct acta_handler),
	.name = "news",
	.version = "1",
	.handlers = handlers,
};

static struct driven d;
static uint64_t said; /* messages of "other" so far */

static void
setup(void)
{
	make_dir();
	driven_init(&d, dir, &service);
	said = 0;
}

static void
teardown(void)
{
	driven_fini(&d);
	remove_dir();
}

static void
publish(int64_t first, int64_t last)
{
	for (int64_t n = first; n <= last; n++) {
		ck_result(call(&d, .type = "tell", .n = n),
		    d.said.result); /* whatever: it is answered */
		d.now_ms += 1000;
	}
}

/* "@on" of service other: its handler `type` hears topic story, or none does; or
 * `count` of them, "type0" ... */
static void
on_many(
    const char *how, int64_t n, bool lapse, const char *type, uint32_t count)
{
	char name[24];
	struct acta_message m = { .key = { "", 0 },
		.type = { "@on", 3 },
		.from = { "other", 5 },
		.id = { "", 0 },
		.sent_ms = NOW_MS };
	struct acta_buf args, b;

	acta_buf_init(&args);
	acta_buf_init(&b);
	acta_pack_map(&args, 4);
	acta_pack_text(&args, "l");
	acta_pack_bool(&args, lapse);
	acta_pack_text(&args, "w");
	acta_pack_text(&args, how);
	acta_pack_text(&args, "n");
	acta_pack_int(&args, n);
	acta_pack_text(&args, "s");
	acta_pack_list(&args, count);
	for (uint32_t i = 0; i < count; i++) {
		if (count == 1)
			snprintf(name, sizeof(name), "%s", type);
		else
			snprintf(name, sizeof(name), "%s%u", type, i);
		acta_pack_list(&args, 3);
		acta_pack_text(&args, "story");
		acta_pack_text(&args, name);
		acta_pack_nil(&args);
	}
	m.args_raw =
	    (struct acta_bytes){ (const char *)args.data, (uint32_t)args.size };
	acta_message_encode(&b, &m);
	if (said == 0)
		driven_hello(&d, "other", 1000, 99, 1);
	driven_data(&d, "other", ++said, &b, 1, 99);
	driven_run(&d);
	acta_buf_fini(&args);
	acta_buf_fini(&b);
}

static void
on(const char *how, int64_t n, bool lapse, const char *type)
{
	on_many(how, n, lapse, type, type != NULL);
}

/* The numbers of the events that wait for other, as text; and that all are of
 * its handler. */
static const char *
sent(const char *type)
{
	static char text[4096];
	struct acta_out *o = acta_channel_out(d.part, "other", 0);
	size_t at = 0;

	text[0] = '\0';
	acta_store_begin(d.part->store);
	for (uint64_t seq = o->acked; seq < o->next;) {
		uint64_t end;
		size_t size;
		const uint8_t *data =
		    acta_outbox_read(d.part, o, seq, &size, &end);
		struct acta_reader r = acta_reader(data, size);
		struct acta_message m;

		ck_assert_ptr_nonnull(data);
		for (; seq < end; seq++) {
			ck_assert_int_eq(acta_message_decode(&r, &m), ACTA_OK);
			ck_assert_uint_eq(m.caller.kind, ACTA_CALLER_EVENT);
			ck_assert(type == NULL ||
			    strncmp(m.type.data, type, m.type.size) == 0);
			ck_assert_int_eq(strncmp(m.from.data, "news/k", 6), 0);
			at += (size_t)snprintf(text + at, sizeof(text) - at,
			    "%d ", (int)acta_map_get(m.args, "n", 1).as.i);
		}
	}
	acta_store_abort(d.part->store);
	return text;
}

START_TEST(from_the_first_then_what_is_new)
{
	publish(1, 3);
	on("f", 0, false, "hear");
	ck_assert_str_eq(sent("hear"), "1 2 3 ");
	publish(4, 5);
	ck_assert_str_eq(sent("hear"), "1 2 3 4 5 ");
}
END_TEST

START_TEST(from_the_last_only_what_is_new)
{
	publish(1, 3);
	on("l", 0, false, "hear");
	publish(4, 5);
	ck_assert_str_eq(sent("hear"), "4 5 ");
}
END_TEST

START_TEST(from_a_seq_or_a_time)
{
	publish(1, 9);
	on("s", 7, false, "seq");
	ck_assert_str_eq(sent("seq"), "7 8 9 ");
	on("s", 100, false, "later"); /* and the one before has ended */
	publish(10, 10);
	ck_assert_str_eq(sent(NULL), "7 8 9 10 ");
	on("t", NOW_MS + 4000, false, "time"); /* number 5 was then */
	ck_assert_str_eq(sent(NULL), "7 8 9 10 5 6 7 8 9 10 ");
	on("t", NOW_MS + 60 * HOUR_MS, false, "after");
	publish(11, 11);
	ck_assert_str_eq(sent(NULL), "7 8 9 10 5 6 7 8 9 10 11 ");
}
END_TEST

START_TEST(a_long_log_in_slices_and_new_ones_behind)
{
	struct acta_out *o;
	bool more = true;
	uint64_t turns = 0;
	char want[4096];
	size_t at = 0;

	publish(1, 300);
	on("f", 0, false, "hear");
	driven_reopen(&d); /* in whatever slice it was */
	publish(301, 301);
	o = acta_channel_out(d.part, "other", 0);
	for (; more; turns++)
		ck_assert_int_eq(
		    acta_part_turn(d.part, d.now_ms, &more), ACTA_OK);
	ck_assert_uint_eq(o->next - 1, 301);
	for (int n = 1; n <= 301; n++)
		at += (size_t)snprintf(want + at, sizeof(want) - at, "%d ", n);
	ck_assert_str_eq(sent("hear"), want);
}
END_TEST

START_TEST(it_is_remembered_and_said_twice_is_said_once)
{
	on("f", 0, false, "hear");
	driven_reopen(&d);
	publish(1, 2);
	driven_hello(&d, "other", 1000, 99, 2);
	on("f", 0, false, "hear");
	publish(3, 3);
	ck_assert_str_eq(sent("hear"), "1 2 3 ");
}
END_TEST

START_TEST(what_the_table_no_longer_has_ends)
{
	on("f", 0, false, "hear");
	publish(1, 1);
	on("f", 0, false, NULL);
	publish(2, 2);
	ck_assert_str_eq(sent("hear"), "1 ");
	driven_reopen(&d);
	publish(3, 3);
	ck_assert_str_eq(sent("hear"), "1 ");
}
END_TEST

/* The quota is 1 MiB, a quarter more for messages of services. */
START_TEST(who_is_behind_holds_the_publisher_up)
{
	int ok = 0;

	on("f", 0, false, "hear");
	for (int i = 0; i < 40; i++) {
		const struct said *answer = call(&d, .type = "tell-big");

		ok += answer->code[0] == '\0';
		if (answer->code[0] != '\0')
			ck_assert_str_eq(answer->code, "busy");
	}
	ck_assert_int_gt(ok, 15);
	ck_assert_int_lt(ok, 25);
	ck_assert_uint_eq(
	    acta_channel_out(d.part, "other", 0)->next - 1, (uint64_t)ok);
}
END_TEST

START_TEST(who_may_be_skipped_is_and_the_publisher_goes_on)
{
	struct acta_out *o;

	on("f", 0, true, "hear");
	for (int i = 0; i < 40; i++)
		ck_result(call(&d, .type = "tell-big"), "0");
	o = acta_channel_out(d.part, "other", 0);
	ck_assert_uint_gt(o->lapsed, 0);
	ck_assert_uint_eq(o->next - 1 + o->lapsed, 40);
	ck_assert_str_eq(d.alarm, "lapse-other.0");
	ck_assert_str_ne(d.alarm_text, "");
	acta_store_begin(d.part->store);
	ck_assert(acta_outbox_ack(d.part, o, o->next));
	acta_store_abort(d.part->store);
	publish(1, 1);
	ck_assert_str_eq(d.alarm, "lapse-other.0");
	ck_assert_str_eq(d.alarm_text, "");
	ck_assert_uint_eq(o->next - o->acked, 1);
}
END_TEST

START_TEST(no_more_than_the_bound_hear_one_topic)
{
	on_many("l", 0, false, "hear", ACTA_SUBS_TOPIC_MAX);
	ck_assert_str_eq(d.alarm, "");
	on_many("l", 0, false, "hear", ACTA_SUBS_TOPIC_MAX + 1);
	ck_assert_str_eq(d.alarm, "subscribe-other");
	publish(1, 1);
	ck_assert_uint_eq(acta_channel_out(d.part, "other", 0)->next - 1,
	    ACTA_SUBS_TOPIC_MAX);
}
END_TEST

static void
merge(void)
{
	bool more = true;

	d.now_ms += 2000;
	while (more)
		if (acta_store_idle(d.part->store, d.now_ms, &more) != ACTA_OK)
			break;
	driven_run(&d);
}

/* The log is kept for who is behind, and may fill its store; which must not keep it
 * from being handed on, or nothing ever makes room. */
START_TEST(a_full_store_hands_its_log_on)
{
	struct acta_out *o;
	uint64_t told = 0;
	int busy = 0;

	acta_part_close(&d.part);
	remove_dir();
	make_dir();
	snprintf(d.dir, sizeof(d.dir), "%s", dir);
	d.options.quota = 8u << 20;
	d.config.channel_quota = 100000;
	d.config.event_count = 8;
	driven_open(&d);
	for (int i = 0; i < 8; i++)
		call(&d, .type = "tell-big");
	on("f", 0, false, "hear");
	call(&d, .type = "tick-later", .n = HOUR_MS);
	while (busy < 3) {
		merge();
		call(&d, .type = "tell-big");
		busy = d.said.code[0] != '\0' ? busy + 1 : 0;
		told += busy == 0;
	}
	/* What was begun goes on, and says more. */
	d.now_ms += HOUR_MS;
	for (ticks = 6; ticks > 0; told++) {
		d.now_ms += 10;
		driven_run(&d);
	}
	ck_assert(d.part->nearly_full);
	ck_assert_uint_eq(d.part->behind_count, 1);
	for (uint64_t i = 0; i < told && d.part->behind_count > 0; i++) {
		o = acta_channel_out(d.part, "other", 0);
		acta_store_begin(d.part->store);
		ck_assert(acta_outbox_ack(d.part, o, o->next));
		acta_store_abort(d.part->store);
		merge();
	}
	ck_assert_uint_eq(
	    acta_channel_out(d.part, "other", 0)->next - 1, told + 8);
	ck_assert_str_eq(call(&d, .type = "tell-big")->code, "");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("subs");
	TCase *tcase = tcase_create("subs");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, from_the_first_then_what_is_new);
	tcase_add_test(tcase, from_the_last_only_what_is_new);
	tcase_add_test(tcase, from_a_seq_or_a_time);
	tcase_add_test(tcase, a_long_log_in_slices_and_new_ones_behind);
	tcase_add_test(tcase, it_is_remembered_and_said_twice_is_said_once);
	tcase_add_test(tcase, what_the_table_no_longer_has_ends);
	tcase_add_test(tcase, who_is_behind_holds_the_publisher_up);
	tcase_add_test(tcase, who_may_be_skipped_is_and_the_publisher_goes_on);
	tcase_add_test(tcase, no_more_than_the_bound_hear_one_topic);
	tcase_add_test(tcase, a_full_store_hands_its_log_on);
	suite_add_tcase(suite, tcase);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
