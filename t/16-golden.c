/* t/16-golden.c - the wire as kept in t/golden, for clients in any language:
 * NAME.bin are the bytes, NAME.json what they mean (codecs/README). The encoder
 * writes exactly these bytes, the decoder reads them. After a change of the
 * protocol that is meant: ACTA_GOLDEN=write build/plain/t/16-golden. */
#include "t/10-codecs.h"

#include "codecs/envelope.h"

static struct acta_bytes
bytes(const char *text)
{
	return (struct acta_bytes){ text, (uint32_t)strlen(text) };
}

/* ------------------------------------------------------------ requests -- */

/* These come from outside: their bytes are what a client's packer makes of the
 * JSON. */
static const struct {
	const char *name, *json;
	enum acta_err due;
} requests[] = {
	{ "request-least", "{\"to\":\"stock\",\"do\":\"list\"}", ACTA_OK },
	{ "request-call",
	    "{\"to\":\"stock/17\",\"do\":\"reserve\",\"args\":{\"qty\":2},"
	    "\"id\":\"01JD5M0Z3NQ8W6\",\"op\":\"call\",\"timeout\":2000}",
	    ACTA_OK },
	{ "request-send",
	    "{\"to\":\"mail/ann@example.org\",\"do\":\"queue\",\"args\":"
	    "{\"text\":\"gr\xc3\xbc\xc3\x9f dich\",\"urgent\":false,\"weight\":"
	    "1.5,\"raw\":{\"$bin\":\"AAH/\"},\"tags\":[\"a\",null]},\"op\":"
	    "\"send\",\"id\":42,\"keep\":false}",
	    ACTA_OK },
	{ "request-session",
	    "{\"to\":\"bank/a/b\",\"do\":\"pay\",\"args\":{\"at\":{\"$ext\":"
	    "[-1,\"AAAAAQ==\"]}},\"session\":\"till-3\",\"seq\":1000,"
	    "\"client\":\"shop\",\"traceparent\":\"00-0af7651916cd43dd8448eb21"
	    "1c80319c-b7ad6b7169203331-01\"}",
	    ACTA_OK },
	{ "request-unknown-key",
	    "{\"to\":\"stock\",\"do\":\"list\",\"later\":true}", ACTA_OK },
	{ "bad-request-must-understand",
	    "{\"id\":1,\"to\":\"stock\",\"do\":\"list\",\"!later\":true}",
	    ACTA_EINVAL },
	{ "bad-request-no-to", "{\"id\":1,\"do\":\"list\"}", ACTA_EINVAL },
	{ "event",
	    "{\"topic\":\"stock.reserved\",\"from\":\"stock/17\",\"part\":0,"
	    "\"seq\":9,\"prev\":4,\"at\":1790000000123,\"data\":{\"qty\":2}}",
	    ACTA_EINVAL },
	{ "event-head", "{\"topic\":\"stock.reserved\",\"part\":0,\"head\":9}",
	    ACTA_EINVAL },
};
#define REQUESTS (int)(sizeof(requests) / sizeof(*requests))

/* ------------------------------------------------- what we write ourselves */

static const uint8_t hash[20] = { 0, 7, 0x95, 0xa4, 1, 2, 3, 4, 5, 6, 7, 8, 9,
	10, 11, 12, 13, 14, 15, 16 };
static const acta_value no_id = { .type = ACTA_ABSENT };
static const acta_value text_id = {
	.type = ACTA_STR, .size = 14, .as.data = "01JD5M0Z3NQ8W6"
};

static void
answer_ok(struct acta_buf *buf)
{
	acta_answer_ok(buf, text_id, "\x81\xa4left\x08", 7);
}

static void
answer_nil(struct acta_buf *buf)
{
	acta_answer_ok(buf, no_id, NULL, 0);
}

static void
answer_error(struct acta_buf *buf)
{
	acta_answer_error(buf, (acta_value){ .type = ACTA_INT, .as.i = 42 },
	    "out-of-stock", "0 left", "");
}

static void
answer_hint(struct acta_buf *buf)
{
	acta_answer_error(buf, text_id, "unknown-type",
	    "stock has no type \"resrve\"", "did you mean \"reserve\"?");
}

static void
message_client(struct acta_buf *buf)
{
	struct acta_message m = { .key = bytes("17"),
		.type = bytes("reserve"),
		.from = bytes(""),
		.sent_ms = 1790000000000,
		.deadline_ms = 1790000002000,
		.caller = { .kind = ACTA_CALLER_DOOR,
		    .service = bytes("stock"),
		    .part = 0,
		    .door = bytes("door"),
		    .door_inc = 3,
		    .request = 77,
		    .home_key = { (const char *)hash, sizeof(hash) } },
		.args_raw = { "\x81\xa3qty\x02", 6 },
		.id = bytes("01JD5M0Z3NQ8W6") };

	acta_message_encode(buf, &m);
}

static void
message_ask(struct acta_buf *buf)
{
	struct acta_message m = { .key = bytes(""),
		.type = bytes("list"),
		.from = bytes("cart/9"),
		.sent_ms = 1790000000000,
		.deadline_ms = 1790000005000,
		.caller = { .kind = ACTA_CALLER_ASK,
		    .service = bytes("cart"),
		    .part = 2,
		    .ask = 300 },
		.id = bytes("a-300"),
		.trace = bytes("00-0af7651916cd43dd8448eb211c80319c-"
			       "b7ad6b7169203331-01") };

	acta_message_encode(buf, &m);
}

static void
message_send(struct acta_buf *buf)
{
	struct acta_message m = { .key = bytes("17"),
		.type = bytes("restock"),
		.from = bytes("cart/9"),
		.sent_ms = 1790000000000,
		.args_raw = { "\x81\xa3qty\x05", 6 },
		.id = bytes("s-1") };

	acta_message_encode(buf, &m);
}

#define CHANNEL                                                     \
	.src = { "cart", 4 }, .src_part = 2, .dst = { "stock", 5 }, \
	.dst_part = 0, .hist = 0x1122334455667788, .inc = 3

static void
frame(struct acta_buf *buf, const struct acta_item *item)
{
	acta_frame_begin(buf, 5);
	acta_item_encode(buf, item);
}

static void
link_data(struct acta_buf *buf)
{
	struct acta_buf body;
	struct acta_item item = {
		.kind = ACTA_ITEM_DATA, CHANNEL, .first = 100, .count = 2
	};

	acta_buf_init(&body);
	message_send(&body);
	message_ask(&body);
	item.body =
	    (struct acta_bytes){ (const char *)body.data, (uint32_t)body.size };
	frame(buf, &item);
	acta_buf_fini(&body);
}

static void
link_ack_nack(struct acta_buf *buf)
{
	frame(buf,
	    &(struct acta_item){ .kind = ACTA_ITEM_ACK,
		CHANNEL,
		.nonce = 9,
		.next = 102,
		.credit = 1 << 20 });
	acta_item_encode(buf,
	    &(struct acta_item){
		.kind = ACTA_ITEM_NACK, CHANNEL, .next = 100 });
}

static void
link_hello(struct acta_buf *buf)
{
	frame(buf,
	    &(struct acta_item){ .kind = ACTA_ITEM_HELLO,
		CHANNEL,
		.nonce = 9,
		.acked = 90,
		.next = 102,
		.chain = hash,
		.random = 77,
		.version_min = 1,
		.version_max = 1,
		.peer_hist = 0x1122334455667790 });
}

static void
link_welcome(struct acta_buf *buf)
{
	frame(buf,
	    &(struct acta_item){ .kind = ACTA_ITEM_WELCOME,
		CHANNEL,
		.nonce = 9,
		.next = 90,
		.chain = hash,
		.credit = 1 << 20 });
}

static void
link_call(struct acta_buf *buf)
{
	struct acta_buf body;
	struct acta_item item = { .kind = ACTA_ITEM_CALL,
		.src = { "door", 4 },
		.inc = 3,
		.request = 77,
		.dst = { "stock", 5 },
		.flags = ACTA_CALL_AGAIN,
		.client = hash,
		.id_ms = 1789999999000 };

	acta_buf_init(&body);
	message_client(&body);
	item.body =
	    (struct acta_bytes){ (const char *)body.data, (uint32_t)body.size };
	frame(buf, &item);
	acta_buf_fini(&body);
}

static void
link_reply(struct acta_buf *buf)
{
	frame(buf,
	    &(struct acta_item){ .kind = ACTA_ITEM_REPLY,
		.src = { "door", 4 },
		.inc = 3,
		.request = 77,
		.body = { "\x81\xa4left\x08", 7 } });
	acta_item_encode(buf,
	    &(struct acta_item){ .kind = ACTA_ITEM_REPLY,
		.src = { "door", 4 },
		.inc = 3,
		.request = 78,
		.code = bytes("out-of-stock"),
		.text = bytes("0 left") });
}

static void
link_event(struct acta_buf *buf)
{
	frame(buf,
	    &(struct acta_item){ .kind = ACTA_ITEM_EVENT,
		.topic = bytes("stock.reserved"),
		.key = bytes("17"),
		.from = bytes("stock/17"),
		.seq = 9,
		.prev = 4,
		.at_ms = 1790000000123,
		.body = { "\x81\xa3qty\x02", 6 } });
	acta_item_encode(buf,
	    &(struct acta_item){ .kind = ACTA_ITEM_HEAD,
		.topic = bytes("stock.reserved"),
		.seq = 9 });
}

enum form { ANSWER, MESSAGE, FRAME };
static const struct {
	const char *name;
	enum form form;
	void (*make)(struct acta_buf *buf);
} ours[] = {
	{ "answer-ok", ANSWER, answer_ok },
	{ "answer-nil", ANSWER, answer_nil },
	{ "answer-error", ANSWER, answer_error },
	{ "answer-hint", ANSWER, answer_hint },
	{ "message-client", MESSAGE, message_client },
	{ "message-ask", MESSAGE, message_ask },
	{ "message-send", MESSAGE, message_send },
	{ "link-data", FRAME, link_data },
	{ "link-ack-nack", FRAME, link_ack_nack },
	{ "link-hello", FRAME, link_hello },
	{ "link-welcome", FRAME, link_welcome },
	{ "link-call", FRAME, link_call },
	{ "link-reply", FRAME, link_reply },
	{ "link-event", FRAME, link_event },
};
#define OURS (int)(sizeof(ours) / sizeof(*ours))

/* --------------------------------------------------------------- files -- */

static void
path_of(char *path, size_t size, const char *name, const char *ending)
{
	snprintf(path, size, "t/golden/%s.%s", name, ending);
}

static void
load(struct acta_buf *buf, const char *name, const char *ending)
{
	char path[128], some[4096];
	size_t size;

	path_of(path, sizeof(path), name, ending);
	FILE *file = fopen(path, "rb");

	ck_assert_msg(file != NULL, "%s is not there", path);
	while ((size = fread(some, 1, sizeof(some), file)) > 0)
		acta_buf_append(buf, some, size);
	fclose(file);
}

static void
save(const struct acta_buf *buf, const char *name, const char *ending)
{
	char path[128];

	path_of(path, sizeof(path), name, ending);
	FILE *file = fopen(path, "wb");

	ck_assert_msg(file != NULL, "%s cannot be written", path);
	ck_assert_uint_eq(fwrite(buf->data, 1, buf->size, file), buf->size);
	ck_assert_int_eq(fclose(file), 0);
}

/* As in the file: one value, or [epoch, item, item, ...] of a frame. */
static void
meaning(struct acta_buf *json, const struct acta_buf *bin, enum form form)
{
	struct acta_reader r = acta_reader(bin->data, bin->size);
	uint64_t epoch;
	char text[32];

	if (form != FRAME) {
		acta_json_encode(bin->data, bin->size, json);
	} else {
		ck_assert_int_eq(
		    acta_frame_open(bin->data, bin->size, &epoch, &r), ACTA_OK);
		snprintf(
		    text, sizeof(text), "[%llu", (unsigned long long)epoch);
		acta_buf_append(json, text, strlen(text));
		while (r.at < r.end) {
			size_t size;
			const void *raw = acta_read_raw(&r, &size);

			ck_assert_ptr_nonnull(raw);
			acta_buf_append(json, ",\n", 2);
			acta_json_encode(raw, size, json);
		}
		acta_buf_append(json, "]", 1);
	}
	acta_buf_append(json, "\n", 1);
}

static void
same_as_file(const struct acta_buf *buf, const char *name, const char *ending)
{
	struct acta_buf file;

	if (getenv("ACTA_GOLDEN"))
		save(buf, name, ending);
	acta_buf_init(&file);
	load(&file, name, ending);
	ck_assert_msg(file.size == buf->size &&
		memcmp(file.data, buf->data, buf->size) == 0,
	    "%s.%s differs", name, ending);
	acta_buf_fini(&file);
}

START_TEST(requests_and_events_are_as_in_the_files)
{
	struct acta_buf made, json, back;
	struct acta_request request;

	from_json(&made, requests[_i].json);
	same_as_file(&made, requests[_i].name, "bin");
	acta_buf_init(&json);
	meaning(&json, &made, ANSWER);
	same_as_file(&json, requests[_i].name, "json");
	acta_buf_init(&back);
	ck_assert_int_eq(
	    acta_json_decode((const char *)json.data, json.size, &back, NULL),
	    ACTA_OK);
	ck_assert_mem_eq(back.data, made.data, made.size);
	ck_assert_int_eq(
	    acta_request_decode(made.data, made.size, &request, NULL),
	    requests[_i].due);
	acta_buf_fini(&made);
	acta_buf_fini(&json);
	acta_buf_fini(&back);
}
END_TEST

START_TEST(what_we_write_is_as_in_the_files)
{
	struct acta_buf made, json;
	struct acta_reader r;
	struct acta_message message, inside;
	struct acta_item item;
	uint64_t epoch;
	enum acta_err err;

	acta_buf_init(&made);
	acta_buf_init(&json);
	ours[_i].make(&made);
	same_as_file(&made, ours[_i].name, "bin");
	meaning(&json, &made, ours[_i].form);
	same_as_file(&json, ours[_i].name, "json");
	if (ours[_i].form == MESSAGE) {
		r = acta_reader(made.data, made.size);
		ck_assert_int_eq(acta_message_decode(&r, &message), ACTA_OK);
	}
	if (ours[_i].form == FRAME) {
		ck_assert_int_eq(
		    acta_frame_open(made.data, made.size, &epoch, &r), ACTA_OK);
		ck_assert_uint_eq(epoch, 5);
		while ((err = acta_item_decode(&r, &item)) == ACTA_OK) {
			struct acta_reader m =
			    acta_reader(item.body.data, item.body.size);

			for (uint32_t i = 0; i < item.count; i++)
				ck_assert_int_eq(
				    acta_message_decode(&m, &inside), ACTA_OK);
			if (item.kind == ACTA_ITEM_DATA)
				ck_assert_ptr_eq(m.at, m.end);
		}
		ck_assert_int_eq(err, ACTA_ENOENT);
	}
	acta_buf_fini(&made);
	acta_buf_fini(&json);
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("golden");

	tcase_add_loop_test(
	    tc, requests_and_events_are_as_in_the_files, 0, REQUESTS);
	tcase_add_loop_test(tc, what_we_write_is_as_in_the_files, 0, OURS);
	return run("golden", tc);
}
