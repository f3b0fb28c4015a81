/* t/14-envelope.c - requests, answers, messages and link items: what one end
 * writes the other reads, and what is malformed is refused field by field. */
#include "t/10-codecs.h"

#include "codecs/envelope.h"

static struct acta_why why;

static bool
is(struct acta_bytes bytes, const char *text)
{
	return bytes.data && bytes.size == strlen(text) &&
	    memcmp(bytes.data, text, bytes.size) == 0;
}

static struct acta_bytes
bytes(const char *text)
{
	return (struct acta_bytes){ text, (uint32_t)strlen(text) };
}

/* ----------------------------------------------------------- addresses -- */

START_TEST(an_address_splits_at_its_first_slash)
{
	static const char *const good[][3] = { { "stock", "stock", "" },
		{ "stock/17", "stock", "17" }, { "stock/", "stock", "" },
		{ "a/b/c", "a", "b/c" }, { "s-1//", "s-1", "/" },
		{ "@node", "@node", "" }, { "@dead/x", "@dead", "x" },
		{ "s/\xc3\xa4 :@", "s", "\xc3\xa4 :@" },
		{ "a2345678901234567890123456789012/k",
		    "a2345678901234567890123456789012", "k" } };
	static const char *const bad[] = { "", "/", "/k", "Stock", "1a", "-a",
		"a_b", "a:b", "@", "@/k", "@@a", "@N", "a b", "a/\xff",
		"a/\xed\xa0\x80", "a23456789012345678901234567890123",
		"@a2345678901234567890123456789012" };
	struct acta_bytes service, key;
	char text[ACTA_ADDRESS_MAX + 2];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		ck_assert_msg(acta_address_split(good[i][0], strlen(good[i][0]),
				  &service, &key) == ACTA_OK,
		    "%s", good[i][0]);
		ck_assert(is(service, good[i][1]));
		ck_assert(is(key, good[i][2]));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(acta_address_split(bad[i], strlen(bad[i]),
				  &service, &key) == ACTA_EINVAL,
		    "%s", bad[i]);
	ck_assert_int_eq(
	    acta_address_split("a/b\0c", 5, &service, &key), ACTA_EINVAL);
	ck_assert_int_eq(
	    acta_address_split(NULL, 0, &service, &key), ACTA_EINVAL);
	memset(text, 'k', sizeof(text));
	memcpy(text, "s/", 2);
	ck_assert_int_eq(
	    acta_address_split(text, 2 + 200, &service, &key), ACTA_OK);
	ck_assert_int_eq(
	    acta_address_split(text, 2 + 201, &service, &key), ACTA_EINVAL);
}
END_TEST

START_TEST(types_have_64_bytes_and_services_32)
{
	char text[70];

	memset(text, 'a', sizeof(text));
	ck_assert(acta_type_valid(text, 64));
	ck_assert(!acta_type_valid(text, 65));
	ck_assert(acta_service_valid(text, 32));
	ck_assert(!acta_service_valid(text, 33));
	ck_assert(!acta_type_valid("", 0));
	ck_assert(!acta_type_valid("@x", 2));
	ck_assert(!acta_type_valid("aB", 2));
	ck_assert(acta_type_valid("a-9", 3));
	ck_assert(!acta_service_valid("@a", 2));
}
END_TEST

/* ------------------------------------------------------------- request -- */

static struct acta_buf body;

static enum acta_err
request(const char *json, struct acta_request *out)
{
	acta_buf_fini(&body);
	from_json(&body, json);
	memset(&why, 0, sizeof(why));
	return acta_request_decode(body.data, body.size, out, &why);
}

START_TEST(a_request_has_defaults)
{
	struct acta_request q;

	ck_assert_int_eq(
	    request("{\"to\": \"stock/17\", \"do\": \"reserve\"}", &q),
	    ACTA_OK);
	ck_assert(is(q.to, "stock/17"));
	ck_assert(is(q.service, "stock"));
	ck_assert(is(q.key, "17"));
	ck_assert(is(q.type, "reserve"));
	ck_assert_uint_eq(q.args.type, ACTA_ABSENT);
	ck_assert_ptr_null(q.args_raw.data);
	ck_assert_uint_eq(q.id.type, ACTA_ABSENT);
	ck_assert_int_eq(q.timeout_ms, 5000);
	ck_assert(!q.send);
	ck_assert(!q.keep);
	ck_assert_ptr_null(q.client.data);
	ck_assert_ptr_null(q.session.data);
	ck_assert_ptr_null(q.traceparent.data);
}
END_TEST

START_TEST(a_request_says_all_it_can)
{
	struct acta_request q;

	ck_assert_int_eq(
	    request(
		"{\"later\": [1], \"to\": \"stock/a/b\", "
		"\"do\": \"reserve\", \"args\": {\"qty\": 2}, \"id\": "
		"\"01JD\", "
		"\"op\": \"send\", \"timeout\": 604800000, \"client\": "
		"\"web\", "
		"\"session\": \"s\", \"seq\": 9, \"traceparent\": "
		"\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}",
		&q),
	    ACTA_OK);
	ck_assert(is(q.key, "a/b"));
	ck_assert_int_eq(acta_map_get(q.args, "qty", 3).as.i, 2);
	ck_assert_uint_eq(q.args_raw.size, 6);
	ck_assert_mem_eq(q.args_raw.data, "\x81\xa3qty\x02", 6);
	ck_assert_uint_eq(q.id.size, 4);
	ck_assert(q.send);
	ck_assert(q.keep);
	ck_assert_int_eq(q.timeout_ms, ACTA_TIMEOUT_MS_MAX);
	ck_assert(is(q.client, "web"));
	ck_assert(is(q.session, "s"));
	ck_assert_uint_eq(q.seq, 9);
	ck_assert_uint_eq(q.traceparent.size, 55);
	ck_assert_int_eq(
	    request("{\"to\": \"@node\", \"do\": \"ps\", \"op\": "
		    "\"call\", \"id\": 7, \"keep\": false, \"timeout\": 1}",
		&q),
	    ACTA_OK);
	ck_assert_int_eq(q.id.as.i, 7);
	ck_assert(!q.keep);
	ck_assert(!q.send);
}
END_TEST

START_TEST(nil_is_as_if_left_out)
{
	struct acta_request q;

	ck_assert_int_eq(
	    request("{\"to\": \"a\", \"do\": \"b\", \"args\": null, "
		    "\"id\": null, \"op\": null, \"timeout\": null, \"keep\": "
		    "null, "
		    "\"client\": null, \"session\": null, \"seq\": null, "
		    "\"traceparent\": null}",
		&q),
	    ACTA_OK);
	ck_assert_uint_eq(q.args.type, ACTA_ABSENT);
	ck_assert_uint_eq(q.id.type, ACTA_ABSENT);
	ck_assert_int_eq(q.timeout_ms, 5000);
}
END_TEST

START_TEST(what_is_no_request_is_refused)
{
	/* behind {"id": 5, and before } */
	static const char *const bad[][2] = {
		{ "\"do\": \"b\"", "\"to\" is missing" },
		{ "\"to\": null, \"do\": \"b\"", "\"to\" is missing" },
		{ "\"to\": 1, \"do\": \"b\"", "\"to\" is not an address" },
		{ "\"to\": \"A\", \"do\": \"b\"", "\"to\" is not an address" },
		{ "\"to\": \"a\"", "\"do\" is missing" },
		{ "\"to\": \"a\", \"do\": 1", "\"do\" is not a type" },
		{ "\"to\": \"a\", \"do\": \"\"", "\"do\" is not a type" },
		{ "\"to\": \"a\", \"do\": \"@sub\"", "\"do\" is not a type" },
		{ "\"to\": \"a\", \"do\": \"b\", \"args\": []",
		    "\"args\" is not a map" },
		{ "\"to\": \"a\", \"do\": \"b\", \"op\": \"push\"",
		    "\"op\" is neither \"call\" nor \"send\"" },
		{ "\"to\": \"a\", \"do\": \"b\", \"op\": 1",
		    "\"op\" is neither \"call\" nor \"send\"" },
		{ "\"to\": \"a\", \"do\": \"b\", \"timeout\": 0",
		    "\"timeout\" is not an integer from 1 to 604800000 (ms)" },
		{ "\"to\": \"a\", \"do\": \"b\", \"timeout\": 604800001",
		    "\"timeout\" is not an integer from 1 to 604800000 (ms)" },
		{ "\"to\": \"a\", \"do\": \"b\", \"timeout\": 1.5",
		    "\"timeout\" is not an integer from 1 to 604800000 (ms)" },
		{ "\"to\": \"a\", \"do\": \"b\", \"keep\": 1",
		    "\"keep\" is neither true nor false" },
		{ "\"to\": \"a\", \"do\": \"b\", \"client\": \"\"",
		    "\"client\" is not a string of 1 to 64 bytes" },
		{ "\"to\": \"a\", \"do\": \"b\", \"client\": 1",
		    "\"client\" is not a string of 1 to 64 bytes" },
		{ "\"to\": \"a\", \"do\": \"b\", \"session\": \"s\"",
		    "\"session\" and \"seq\" go together" },
		{ "\"to\": \"a\", \"do\": \"b\", \"seq\": 1",
		    "\"session\" and \"seq\" go together" },
		{ "\"to\": \"a\", \"do\": \"b\", \"session\": \"s\", "
		  "\"seq\": -1",
		    "\"seq\" is not an integer from 0" },
		{ "\"to\": \"a\", \"do\": \"b\", \"!new\": 1",
		    "\"!new\" is not understood here" },
		{ "\"to\": \"a\", \"do\": \"b\", \"!\": 1",
		    "\"!\" is not understood here" },
		{ "\"to\": \"a\", \"do\": \"b\", \"!\xc3\xa4\": 1",
		    "\"!\" is not understood here" },
	};
	struct acta_request q;
	char json[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(json, sizeof(json), "{\"id\": 5, %s}", bad[i][0]);
		ck_assert_msg(request(json, &q) == ACTA_EINVAL, "%s", json);
		ck_assert_str_eq(why.text, bad[i][1]);
		ck_assert_int_eq(q.id.as.i, 5); /* so that it correlates */
	}
	ck_assert_int_eq(request("[]", &q), ACTA_EINVAL);
	ck_assert_int_eq(request("1", &q), ACTA_EINVAL);
	ck_assert_int_eq(acta_request_decode("\xc0", 1, &q, NULL), ACTA_EINVAL);
}
END_TEST

START_TEST(known_keys_twice_are_refused_and_unknown_ones_ignored)
{
	struct acta_request q;

	ck_assert_int_eq(
	    request("{\"$map\": [[\"to\", \"a\"], [\"do\", \"b\"], "
		    "[\"do\", null], [\"id\", 5]]}",
		&q),
	    ACTA_EINVAL);
	ck_assert_str_eq(why.text, "\"do\" is there twice");
	ck_assert_int_eq(q.id.as.i, 5);
	ck_assert_int_eq(
	    request("{\"$map\": [[\"to\", \"a\"], [\"do\", \"b\"], "
		    "[\"id\", 4], [\"id\", 5]]}",
		&q),
	    ACTA_EINVAL);
	ck_assert_uint_eq(q.id.type, ACTA_ABSENT);
	ck_assert_int_eq(
	    request("{\"$map\": [[\"to\", \"a\"], [\"do\", \"b\"], "
		    "[\"x\", 4], [\"x\", 5], [1, 2], [{}, {}]]}",
		&q),
	    ACTA_OK);
}
END_TEST

START_TEST(an_id_is_an_integer_or_1_to_64_bytes)
{
	struct acta_request q;
	char json[256];

	for (int size = 0; size <= 65; size++) {
		snprintf(json, sizeof(json),
		    "{\"to\": \"a\", \"do\": \"b\", "
		    "\"id\": \"%.*s\"}",
		    size,
		    "0123456789012345678901234567890"
		    "1234567890123456789012345678901234567890");
		ck_assert_int_eq(request(json, &q),
		    size >= 1 && size <= 64 ? ACTA_OK : ACTA_EINVAL);
		ck_assert_uint_eq(q.id.type,
		    size >= 1 && size <= 64 ? ACTA_STR : ACTA_ABSENT);
	}
	ck_assert_int_eq(
	    request("{\"to\": \"a\", \"do\": \"b\", \"id\": -1}", &q), ACTA_OK);
	ck_assert_int_eq(
	    request("{\"to\": \"a\", \"do\": \"b\", \"id\": 1.0}", &q),
	    ACTA_EINVAL);
	ck_assert_int_eq(
	    request("{\"to\": \"a\", \"do\": \"b\", \"id\": []}", &q),
	    ACTA_EINVAL);
}
END_TEST

START_TEST(a_traceparent_that_is_none_is_dropped)
{
	static const char *const none[] = {
		"1", "\"\"", "[]",
		"\"00-00000000000000000000000000000000-b7ad6b7169203331-01\"",
		"\"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01\"",
		"\"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"",
		"\"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"",
		"\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x\"",
		"\"00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01\"",
		"\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-\""
	};
	struct acta_request q;
	char json[256];

	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		snprintf(json, sizeof(json),
		    "{\"to\": \"a\", \"do\": \"b\", "
		    "\"traceparent\": %s}",
		    none[i]);
		ck_assert_int_eq(request(json, &q), ACTA_OK);
		ck_assert_ptr_null(q.traceparent.data);
	}
	ck_assert_int_eq(
	    request(
		"{\"to\": \"a\", \"do\": \"b\", \"traceparent\""
		": "
		"\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\"}",
		&q),
	    ACTA_OK);
	ck_assert_ptr_nonnull(q.traceparent.data);
}
END_TEST

/* ------------------------------------------------------------- answers -- */

static void
expect_json(const struct acta_buf *buf, const char *json)
{
	struct acta_buf out;

	ck_assert_int_eq(check_exact(buf->data, buf->size), ACTA_OK);
	acta_buf_init(&out);
	acta_json_encode(buf->data, buf->size, &out);
	fill(&out, 0, 1);
	ck_assert_str_eq((char *)out.data, json);
	acta_buf_fini(&out);
}

START_TEST(answers_are_one_map)
{
	acta_value id = { .type = ACTA_STR, .size = 2, .as.data = "i1" };
	acta_value none = { .type = ACTA_ABSENT };
	struct acta_buf buf;

	acta_buf_init(&buf);
	acta_answer_ok(&buf, id, "\x81\xa1x\x01", 4);
	expect_json(&buf, "{\"id\":\"i1\",\"ok\":true,\"result\":{\"x\":1}}");
	acta_buf_reset(&buf);
	acta_answer_ok(&buf, none, NULL, 0);
	expect_json(&buf, "{\"ok\":true,\"result\":null}");
	acta_buf_reset(&buf);
	acta_answer_error(&buf, id, "busy", "no room", "");
	expect_json(&buf,
	    "{\"id\":\"i1\",\"ok\":false,\"error\":{\"code\":"
	    "\"busy\",\"text\":\"no room\"}}");
	acta_buf_reset(&buf);
	acta_answer_error(&buf, none, "busy", "no room", "wait");
	expect_json(&buf,
	    "{\"ok\":false,\"error\":{\"code\":\"busy\",\"text\":"
	    "\"no room\",\"hint\":\"wait\"}}");
	acta_buf_reset(&buf);
	acta_answer_error(&buf, none, "busy", "", NULL);
	expect_json(&buf,
	    "{\"ok\":false,\"error\":{\"code\":\"busy\",\"text\":"
	    "\"\"}}");
	acta_buf_fini(&buf);
}
END_TEST

/* ------------------------------------------------------------- message -- */

static const uint8_t home[20] = "hourhash-128-bits---";
static const uint8_t chain[16] = "chain-128-bits--";

static struct acta_message
a_message(uint32_t kind)
{
	struct acta_message m = { .key = bytes("17"),
		.type = bytes("reserve"),
		.from = bytes("cart/9"),
		.sent_ms = 1790000000123,
		.deadline_ms = 0,
		.id = bytes("i"),
		.trace = bytes("t"),
		.args_raw = { "\x81\xa1x\x01", 4 } };

	m.caller.kind = kind;
	if (kind == ACTA_CALLER_NOBODY) {
		m.trace.data = NULL;
		return m;
	}
	m.caller.service = bytes("stock");
	m.caller.part = 3;
	m.caller.ask = kind == ACTA_CALLER_ASK ? UINT64_MAX : 0;
	if (kind == ACTA_CALLER_DOOR) {
		m.caller.door = bytes("door");
		m.caller.door_inc = 4;
		m.caller.request = 5;
		m.caller.home_key =
		    (struct acta_bytes){ (const char *)home, 20 };
	}
	return m;
}

static bool
same_bytes(struct acta_bytes a, struct acta_bytes b)
{
	return (a.data == NULL) == (b.data == NULL) && a.size == b.size &&
	    (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static void
ck_message(const struct acta_message *a, const struct acta_message *b)
{
	ck_assert(same_bytes(a->key, b->key));
	ck_assert(same_bytes(a->type, b->type));
	ck_assert(same_bytes(a->from, b->from));
	ck_assert_int_eq(a->sent_ms, b->sent_ms);
	ck_assert_int_eq(a->deadline_ms, b->deadline_ms);
	ck_assert(same_bytes(a->args_raw, b->args_raw));
	ck_assert(same_bytes(a->id, b->id));
	ck_assert(a->trace.data ? same_bytes(a->trace, b->trace)
				: b->trace.data == NULL);
	ck_assert_uint_eq(a->caller.kind, b->caller.kind);
	ck_assert(same_bytes(a->caller.service, b->caller.service));
	ck_assert(same_bytes(a->caller.door, b->caller.door));
	ck_assert(same_bytes(a->caller.home_key, b->caller.home_key));
	ck_assert_uint_eq(a->caller.part, b->caller.part);
	ck_assert_uint_eq(a->caller.door_inc, b->caller.door_inc);
	ck_assert_uint_eq(a->caller.request, b->caller.request);
	ck_assert_uint_eq(a->caller.ask, b->caller.ask);
	ck_assert_int_eq(a->caller.forwarded, b->caller.forwarded);
}

/* Each kind of caller, then those of them that were forwarded. */
START_TEST(a_message_comes_back_and_cut_anywhere_is_refused)
{
	struct acta_message in = a_message((uint32_t)_i % 3), out;
	struct acta_buf buf;
	struct acta_reader r;

	acta_buf_init(&buf);
	in.caller.forwarded = _i > ACTA_CALLER_ASK + 1;
	acta_message_encode(&buf, &in);
	acta_message_encode(&buf, &in);
	size_t size = buf.size / 2;
	void *copy = exact(buf.data, buf.size);

	r = acta_reader(copy, buf.size);
	ck_assert_int_eq(acta_message_decode(&r, &out), ACTA_OK);
	ck_message(&in, &out);
	ck_assert_uint_eq(out.args.type, ACTA_MAP);
	ck_assert_int_eq(acta_map_get(out.args, "x", 1).as.i, 1);
	ck_assert_int_eq(acta_message_decode(&r, &out), ACTA_OK);
	ck_message(&in, &out);
	ck_assert_int_eq(acta_message_decode(&r, &out), ACTA_ENOENT);
	free(copy);
	for (size_t cut = 1; cut < size; cut++) {
		copy = exact(buf.data, cut);
		r = acta_reader(copy, cut);
		ck_assert_int_eq(acta_message_decode(&r, &out), ACTA_EPROTO);
		ck_assert_int_eq(acta_message_decode(&r, &out), ACTA_ENOENT);
		free(copy);
	}
	acta_buf_fini(&buf);
}
END_TEST

START_TEST(args_come_raw_or_as_a_value_or_not_at_all)
{
	struct acta_message in = a_message(ACTA_CALLER_NOBODY), out;
	struct acta_buf buf;
	struct acta_reader r = acta_reader("\xde\0\1\xa1x\x02", 6);

	acta_buf_init(&buf);
	in.args_raw.data = NULL;
	acta_message_encode(&buf, &in);
	in.args = acta_read(&r);
	acta_message_encode(&buf, &in);
	r = acta_reader(buf.data, buf.size);
	ck_assert_int_eq(acta_message_decode(&r, &out), ACTA_OK);
	ck_assert_uint_eq(out.args_raw.size, 1);
	ck_assert_int_eq(acta_message_decode(&r, &out), ACTA_OK);
	ck_assert_int_eq(acta_map_get(out.args, "x", 1).as.i, 2);
	acta_buf_fini(&buf);
}
END_TEST

static enum acta_err
message_of(const char *json)
{
	struct acta_message out;
	struct acta_buf buf;
	struct acta_reader r;
	enum acta_err err;

	from_json(&buf, json);
	r = acta_reader(buf.data, buf.size);
	err = acta_message_decode(&r, &out);
	acta_buf_fini(&buf);
	return err;
}

START_TEST(a_message_of_other_fields_is_refused)
{
	static const char *const callers[] = { "[]", "[0]", "[1]", "[3,1,1,1]",
		"[2,\"s\",1]", "[2,\"s\",1,-1]", "[2,\"s\",4294967296,1]",
		"[2,1,1,1]", "[1,\"d\",1,1,\"s\",1,{\"$bin\":\"AA==\"}]",
		"[1,\"d\",1,1,\"s\",1,1]", "{}", "1", "[2,\"s\",1,1,1]" };
	static const char *const bad[] = { "[]", "{}", "1", "null",
		"[\"k\",\"t\",\"\",1,0,null,{},\"i\"]",
		"[\"k\",\"t\",\"\",1,0,null,{},\"i\",null,1]",
		"[1,\"t\",\"\",1,0,null,{},\"i\",null]",
		"[\"k\",\"\",\"\",1,0,null,{},\"i\",null]",
		"[\"k\",\"t\",null,1,0,null,{},\"i\",null]",
		"[\"k\",\"t\",\"\",1.0,0,null,{},\"i\",null]",
		"[\"k\",\"t\",\"\",1,null,null,{},\"i\",null]",
		"[\"k\",\"t\",\"\",1,0,null,[],\"i\",null]",
		"[\"k\",\"t\",\"\",1,0,null,null,\"i\",null]",
		"[\"k\",\"t\",\"\",1,0,null,{},1,null]",
		"[\"k\",\"t\",\"\",1,0,null,{},\"i\",1]" };
	char json[512], key[300];

	ck_assert_int_eq(message_of("[\"\",\"@t\",\"\",1,0,[2,\"s\",1,1],{},"
				    "\"\",null]"),
	    ACTA_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(message_of(bad[i]) == ACTA_EPROTO, "%s", bad[i]);
	for (size_t i = 0; i < sizeof(callers) / sizeof(*callers); i++) {
		snprintf(json, sizeof(json),
		    "[\"k\",\"t\",\"\",1,0,%s,{},\"i\","
		    "null]",
		    callers[i]);
		ck_assert_msg(message_of(json) == ACTA_EPROTO, "%s", json);
	}
	memset(key, 'k', sizeof(key));
	for (int size = 200; size <= 201; size++) {
		snprintf(json, sizeof(json),
		    "[\"%.*s\",\"t\",\"\",1,0,null,{},"
		    "\"i\",null]",
		    size, key);
		ck_assert_int_eq(
		    message_of(json), size == 200 ? ACTA_OK : ACTA_EPROTO);
	}
}
END_TEST

/* `depth` maps, one in the other. */
static void
nested(struct acta_buf *buf, uint32_t depth)
{
	for (uint32_t i = 1; i < depth; i++)
		unhex(buf, "81 01");
	unhex(buf, "80");
}

/* A map of `nodes` nodes: {"l": [0, 0, ...]}. */
static void
broad(struct acta_buf *buf, uint32_t nodes)
{
	unhex(buf, "81 a1 6c");
	acta_pack_list(buf, nodes - 3);
	fill(buf, 0, nodes - 3);
}

static enum acta_err
decoded(struct acta_message *in, const struct acta_buf *args)
{
	struct acta_buf buf;
	struct acta_message out;
	struct acta_reader r;
	enum acta_err err;
	void *copy;

	acta_buf_init(&buf);
	in->args_raw = (struct acta_bytes){ (const char *)args->data,
		(uint32_t)args->size };
	acta_message_encode(&buf, in);
	copy = exact(buf.data, buf.size);
	r = acta_reader(copy, buf.size);
	err = acta_message_decode(&r, &out);
	if (err == ACTA_OK) {
		ck_assert_ptr_eq(r.at, r.end);
		ck_assert_uint_eq(out.args_raw.size, args->size);
		ck_assert_mem_eq(out.args_raw.data, args->data, args->size);
	}
	free(copy);
	acta_buf_fini(&buf);
	return err;
}

START_TEST(args_are_held_to_the_limits_of_users)
{
	struct acta_message m = a_message(ACTA_CALLER_DOOR);
	struct acta_buf args;

	acta_buf_init(&args);
	for (uint32_t depth = 32; depth <= 33; depth++) {
		acta_buf_reset(&args);
		nested(&args, depth);
		ck_assert_int_eq(
		    decoded(&m, &args), depth == 32 ? ACTA_OK : ACTA_EPROTO);
	}
	/* 65,536 and the map that holds them; more than what else there is in
	 * a message of 9 fields cannot hide in their room. */
	acta_buf_reset(&args);
	broad(&args, ACTA_MSGPACK_NODES_MAX + 1);
	ck_assert_int_eq(decoded(&m, &args), ACTA_OK);
	acta_buf_reset(&args);
	broad(&args, ACTA_MSGPACK_NODES_MAX + 1 + 64);
	ck_assert_int_eq(decoded(&m, &args), ACTA_EPROTO);
	acta_buf_fini(&args);
}
END_TEST

/* What the runtime makes of a result and of what was kept (runtime/README). */
START_TEST(the_runtimes_own_messages_carry_what_users_may_make)
{
	static const char *const types[] = { "@answer", "@reply", "@token",
		"@then" };
	struct acta_message m = a_message(ACTA_CALLER_NOBODY);
	struct acta_buf args;

	acta_buf_init(&args);
	for (size_t i = 0; i < 4; i++) {
		m.type = bytes(types[i]);
		for (uint32_t depth = 32; depth <= 33; depth++) {
			acta_buf_reset(&args);
			unhex(&args, "83 a1 6f 00 a1 6b"); /* o: 0, k */
			nested(&args, depth);
			unhex(&args, "a1 72"); /* r */
			nested(&args, depth);
			ck_assert_int_eq(decoded(&m, &args),
			    depth == 32 ? ACTA_OK : ACTA_EPROTO);
		}
		acta_buf_reset(&args);
		unhex(&args, "83 a1 6f 00 a1 6b");
		broad(&args, ACTA_MSGPACK_NODES_MAX + 1);
		unhex(&args, "a1 72");
		broad(&args, ACTA_MSGPACK_NODES_MAX + 1);
		ck_assert_int_eq(decoded(&m, &args), ACTA_OK);
	}
	acta_buf_fini(&args);
}
END_TEST

/* --------------------------------------------------------------- token -- */

START_TEST(a_token_has_one_form)
{
	static const char *const good[] = { "stock.0.1.f123456789ab", "a.0.0.0",
		"a-9.4294967295.7fffffffffffffff.7fffffffffffffff" };
	static const char *const bad[] = { "", ".", "...", "stock", "stock.0.1",
		"stock.0.1.", "stock.0..1", "stock..1.1", ".0.1.1",
		"stock.0.1.1.", "stock.0.1.1 ", " stock.0.1.1", "stock. 0.1.1",
		"stock.+0.1.1", "stock.-1.1.1", "stock.00.1.1", "stock.0.01.1",
		"stock.0.0x1.1", "stock.0.A.1", "stock.a.1.1",
		"stock.4294967296.1.1", "stock.0.8000000000000000.1",
		"stock.0.1.10000000000000000", "Stock.0.1.1", "st/ock.0.1.1",
		"abcdefghijklmnopqrstuvwxyzabcdefg.0.1.1" };
	struct acta_token token;
	char text[ACTA_TOKEN_MAX + 1];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		void *copy = exact(good[i], strlen(good[i]));

		ck_assert_msg(
		    acta_token_decode(copy, strlen(good[i]), &token) == ACTA_OK,
		    "%s", good[i]);
		acta_token_encode(text, &token);
		ck_assert_str_eq(text, good[i]);
		free(copy);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(acta_token_decode(bad[i], strlen(bad[i]),
				  &token) == ACTA_EINVAL,
		    "%s", bad[i]);
	/* The longest there can be has room. */
	token = (struct acta_token){ bytes("abcdefghijklmnopqrstuvwxyzabcdef"),
		UINT32_MAX, INT64_MAX, INT64_MAX };
	acta_token_encode(text, &token);
	ck_assert_int_eq(
	    acta_token_decode(text, strlen(text), &token), ACTA_OK);
}
END_TEST

/* ---------------------------------------------------------------- link -- */

START_TEST(a_frame_has_a_head_of_12_bytes)
{
	struct acta_buf buf;
	struct acta_reader r;
	struct acta_item item;
	uint64_t epoch = 0;

	acta_buf_init(&buf);
	fill(&buf, 0x55, 9); /* begin resets */
	acta_frame_begin(&buf, 0x0102030405060708ull);
	ck_assert_uint_eq(buf.size, ACTA_LINK_HEAD);
	ck_assert_mem_eq(buf.data, "AcL\1\x8\7\6\5\4\3\2\1", 12);
	ck_assert_int_eq(acta_frame_open(buf.data, 12, &epoch, &r), ACTA_OK);
	ck_assert_uint_eq(epoch, 0x0102030405060708ull);
	ck_assert_int_eq(acta_item_decode(&r, &item), ACTA_ENOENT);
	for (size_t cut = 0; cut < 12; cut++) {
		void *copy = exact(buf.data, cut);

		ck_assert_int_eq(
		    acta_frame_open(copy, cut, &epoch, &r), ACTA_EPROTO);
		free(copy);
	}
	buf.data[3] = 2;
	ck_assert_int_eq(
	    acta_frame_open(buf.data, 12, &epoch, &r), ACTA_EVERSION);
	buf.data[0] = 'B';
	ck_assert_int_eq(
	    acta_frame_open(buf.data, 12, &epoch, &r), ACTA_EPROTO);
	acta_buf_fini(&buf);
}
END_TEST

#define CHANNEL                                                     \
	.src = { "cart", 4 }, .src_part = 1, .dst = { "stock", 5 }, \
	.dst_part = UINT32_MAX, .hist = UINT64_MAX, .inc = 7

static const struct acta_item items[] = {
	{ .kind = ACTA_ITEM_DATA,
	    CHANNEL,
	    .first = 10,
	    .count = 2,
	    .body = { "\x90\x90", 2 } },
	{ .kind = ACTA_ITEM_ACK, CHANNEL, .next = 12, .credit = 1 << 20 },
	{ .kind = ACTA_ITEM_NACK, CHANNEL, .next = 12 },
	{ .kind = ACTA_ITEM_HELLO,
	    CHANNEL,
	    .nonce = 3,
	    .acked = 4,
	    .next = 5,
	    .chain = chain,
	    .in_memory = true,
	    .random = UINT64_MAX,
	    .version_min = 1,
	    .version_max = UINT32_MAX,
	    .refused = chain,
	    .peer_hist = UINT64_MAX - 1 },
	{ .kind = ACTA_ITEM_WELCOME,
	    CHANNEL,
	    .nonce = 3,
	    .next = 5,
	    .chain = chain,
	    .credit = 6,
	    .verdict = 2 },
	{ .kind = ACTA_ITEM_CALL,
	    .src = { "door", 4 },
	    .inc = 2,
	    .request = 3,
	    .dst = { "stock", 5 },
	    .dst_part = 4,
	    .flags = ACTA_CALL_SEND | ACTA_CALL_ADMIN,
	    .client = chain,
	    .id_ms = 1790000000123,
	    .body = { "\x91\xc0", 2 } },
	{ .kind = ACTA_ITEM_CALL,
	    .src = { "door", 4 },
	    .dst = { "stock", 5 },
	    .body = { "\x90", 1 } },
	{ .kind = ACTA_ITEM_REPLY,
	    .src = { "door", 4 },
	    .inc = 2,
	    .request = 3,
	    .text = { "", 0 },
	    .hint = { "", 0 },
	    .body = { "\x81\1\2", 3 } },
	{ .kind = ACTA_ITEM_REPLY,
	    .src = { "door", 4 },
	    .inc = 2,
	    .request = 3,
	    .code = { "busy", 4 },
	    .text = { "x", 1 },
	    .hint = { "y", 1 },
	    .body = { "\xc0", 1 } },
	{ .kind = ACTA_ITEM_EVENT,
	    .topic = { "stock.out", 9 },
	    .key = { "17", 2 },
	    .from = { "stock/17", 8 },
	    .src_part = 1,
	    .seq = 9,
	    .prev = 4,
	    .at_ms = -5,
	    .body = { "\x81\1\2", 3 } },
	{ .kind = ACTA_ITEM_HEAD,
	    .topic = { "stock.out", 9 },
	    .src_part = 1,
	    .seq = 9 },
	{ .kind = ACTA_ITEM_PROBE,
	    CHANNEL,
	    .nonce = 3,
	    .first = 2,
	    .text = { "a.0 > b.1", 9 } },
};
#define ITEMS (int)(sizeof(items) / sizeof(*items))

static void
ck_item(const struct acta_item *a, const struct acta_item *b)
{
	ck_assert_uint_eq(a->kind, b->kind);
	ck_assert(same_bytes(a->src, b->src) && same_bytes(a->dst, b->dst));
	ck_assert_uint_eq(a->src_part, b->src_part);
	ck_assert_uint_eq(a->dst_part, b->dst_part);
	ck_assert(a->hist == b->hist && a->inc == b->inc);
	ck_assert_uint_eq(a->peer_hist, b->peer_hist);
	ck_assert(a->first == b->first && a->next == b->next);
	ck_assert(a->credit == b->credit && a->nonce == b->nonce);
	ck_assert(a->acked == b->acked && a->request == b->request);
	ck_assert(a->count == b->count && a->flags == b->flags);
	ck_assert_uint_eq(a->verdict, b->verdict);
	ck_assert(a->in_memory == b->in_memory && a->random == b->random);
	ck_assert_uint_eq(a->version_min, b->version_min);
	ck_assert_uint_eq(a->version_max, b->version_max);
	ck_assert((a->chain == NULL) == (b->chain == NULL));
	ck_assert(!a->chain || memcmp(a->chain, b->chain, 16) == 0);
	ck_assert((a->client == NULL) == (b->client == NULL));
	ck_assert(!a->client || memcmp(a->client, b->client, 16) == 0);
	ck_assert(a->id_ms == b->id_ms && a->at_ms == b->at_ms);
	ck_assert(same_bytes(a->body, b->body));
	ck_assert(same_bytes(a->code, b->code));
	ck_assert(same_bytes(a->text, b->text));
	ck_assert(same_bytes(a->hint, b->hint));
	ck_assert(same_bytes(a->topic, b->topic));
	ck_assert(same_bytes(a->key, b->key) && same_bytes(a->from, b->from));
	ck_assert(a->seq == b->seq && a->prev == b->prev);
}

START_TEST(an_item_comes_back_and_cut_anywhere_is_refused)
{
	struct acta_item out;
	struct acta_buf buf;
	struct acta_reader r;
	uint64_t epoch;

	acta_buf_init(&buf);
	acta_frame_begin(&buf, 1);
	acta_item_encode(&buf, &items[_i]);
	size_t size = buf.size;

	acta_item_encode(&buf, &items[(_i + 1) % ITEMS]);
	void *copy = exact(buf.data, buf.size);

	ck_assert_int_eq(acta_frame_open(copy, buf.size, &epoch, &r), ACTA_OK);
	ck_assert_int_eq(acta_item_decode(&r, &out), ACTA_OK);
	ck_item(&items[_i], &out);
	ck_assert_int_eq(acta_item_decode(&r, &out), ACTA_OK);
	ck_item(&items[(_i + 1) % ITEMS], &out);
	ck_assert_int_eq(acta_item_decode(&r, &out), ACTA_ENOENT);
	free(copy);
	for (size_t cut = ACTA_LINK_HEAD + 1; cut < size; cut++) {
		copy = exact(buf.data, cut);
		ck_assert_int_eq(
		    acta_frame_open(copy, cut, &epoch, &r), ACTA_OK);
		ck_assert_int_eq(acta_item_decode(&r, &out), ACTA_EPROTO);
		ck_assert_int_eq(acta_item_decode(&r, &out), ACTA_ENOENT);
		free(copy);
	}
	acta_buf_fini(&buf);
}
END_TEST

/* Each field in turn is replaced by a value that fits in no field but those
 * of any value, left out, or doubled. */
static enum acta_err
item_decoded(struct acta_item *in, const struct acta_buf *result)
{
	struct acta_buf frame;
	struct acta_item out;
	struct acta_reader r;
	uint64_t epoch;
	enum acta_err err;

	acta_buf_init(&frame);
	in->body = (struct acta_bytes){ (const char *)result->data,
		(uint32_t)result->size };
	acta_frame_begin(&frame, 1);
	acta_item_encode(&frame, in);
	acta_item_encode(&frame, &(struct acta_item){ .kind = ACTA_ITEM_HEAD });
	ck_assert_int_eq(
	    acta_frame_open(frame.data, frame.size, &epoch, &r), ACTA_OK);
	err = acta_item_decode(&r, &out);
	if (err == ACTA_OK) { /* and it spoils nothing behind it */
		ck_assert_uint_eq(out.body.size, result->size);
		ck_assert_mem_eq(out.body.data, result->data, result->size);
		ck_assert_int_eq(acta_item_decode(&r, &out), ACTA_OK);
		ck_assert_uint_eq(out.kind, ACTA_ITEM_HEAD);
	}
	acta_buf_fini(&frame);
	return err;
}

/* {"rows": [{"name": "n", "value": V}, ...], "more": false} */
static void
rows_begin(struct acta_buf *buf, uint32_t count)
{
	acta_buf_reset(buf);
	unhex(buf, "82 a4 6d6f7265 c2 a4 726f7773");
	acta_pack_list(buf, count);
}

START_TEST(items_carry_results_data_and_lists_of_rows)
{
	struct acta_item reply = { .kind = ACTA_ITEM_REPLY,
		.src = bytes("@door") };
	struct acta_item event = { .kind = ACTA_ITEM_EVENT,
		.topic = bytes("a.b") };
	struct acta_buf result;

	acta_buf_init(&result);
	nested(&result, 32);
	ck_assert_int_eq(item_decoded(&reply, &result), ACTA_OK);
	ck_assert_int_eq(item_decoded(&event, &result), ACTA_OK);
	acta_buf_reset(&result);
	broad(&result, ACTA_MSGPACK_NODES_MAX + 1);
	ck_assert_int_eq(item_decoded(&reply, &result), ACTA_OK);
	ck_assert_int_eq(item_decoded(&event, &result), ACTA_OK);
	for (uint32_t depth = 32; depth <= 33; depth++) {
		rows_begin(&result, 1);
		unhex(&result, "82 a4 6e616d65 a1 6e a5 76616c7565");
		nested(&result, depth);
		ck_assert_int_eq(item_decoded(&reply, &result),
		    depth == 32 ? ACTA_OK : ACTA_EPROTO);
	}
	rows_begin(&result, 20); /* more than one value may have nodes */
	for (int i = 0; i < 20; i++) {
		unhex(&result, "82 a4 6e616d65 a1 6e a5 76616c7565");
		broad(&result, ACTA_MSGPACK_NODES_MAX + 1);
	}
	ck_assert_int_eq(item_decoded(&reply, &result), ACTA_OK);
	acta_buf_fini(&result);
}
END_TEST

START_TEST(an_item_of_other_fields_is_refused)
{
	struct acta_item out;
	struct acta_buf buf;

	acta_buf_init(&buf);
	acta_item_encode(&buf, &items[_i]);
	uint32_t count = buf.data[0] & 0x0f;

	for (uint32_t at = 0; at < count; at++) {
		struct acta_reader r = acta_reader(buf.data, buf.size), made;
		struct acta_buf other;
		bool any = at == count - 1 &&
		    (items[_i].kind == ACTA_ITEM_CALL ||
			items[_i].kind == ACTA_ITEM_REPLY);

		acta_buf_init(&other);
		acta_pack_list(&other, count);
		(void)acta_read_head(&r);
		for (uint32_t i = 0; i < count; i++) {
			size_t size;
			const void *raw = acta_read_raw(&r, &size);

			if (i == at)
				acta_pack_num(&other, 1.5);
			else
				acta_pack_raw(&other, raw, size);
		}
		made = acta_reader(other.data, other.size);
		ck_assert_msg((acta_item_decode(&made, &out) == ACTA_OK) == any,
		    "field %u", at);
		acta_buf_fini(&other);
	}
	for (int more = -1; more <= 1; more += 2) {
		struct acta_reader made;

		buf.data[0] = (uint8_t)(0x90 | (count + (uint32_t)more));
		acta_pack_nil(&buf);
		made = acta_reader(buf.data, buf.size);
		ck_assert_int_eq(acta_item_decode(&made, &out), ACTA_EPROTO);
	}
	acta_buf_fini(&buf);
}
END_TEST

static enum acta_err
item_of(const char *hex)
{
	struct acta_item out;
	struct acta_buf buf;
	struct acta_reader r;
	enum acta_err err;

	acta_buf_init(&buf);
	unhex(&buf, hex);
	r = acta_reader(buf.data, buf.size);
	err = acta_item_decode(&r, &out);
	acta_buf_fini(&buf);
	return err;
}

START_TEST(odd_items_are_refused)
{
	ck_assert_int_eq(item_of("90"), ACTA_EPROTO);
	ck_assert_int_eq(item_of("01"), ACTA_EPROTO);
	ck_assert_int_eq(item_of("9400 a1 74 01 02"), ACTA_EPROTO);
	ck_assert_int_eq(item_of("940a a1 74 01 02"), ACTA_EPROTO);
	ck_assert_int_eq(item_of("9409 a1 74 01 02"), ACTA_OK);
	ck_assert_int_eq(item_of("9409 a1 74 ff 02"), ACTA_EPROTO);
	ck_assert_int_eq(item_of("9409 a1 ff 01 02"), ACTA_EPROTO); /* UTF-8 */
	/* DATA: more messages than bytes, a seq that wraps, a long name */
	ck_assert_int_eq(
	    item_of("9a01 a161 00 a162 00 01 01 05 01 c4 01 90"), ACTA_OK);
	ck_assert_int_eq(
	    item_of("9a01 a161 00 a162 00 01 01 05 02 c4 01 90"), ACTA_EPROTO);
	ck_assert_int_eq(item_of("9a01 a161 00 a162 00 01 01 "
				 "cf ffffffffffffffff 01 c4 01 90"),
	    ACTA_EPROTO);
	ck_assert_int_eq(item_of("9a01 d941 "
				 "616161616161616161616161616161616161616161616"
				 "1616161616161616161"
				 "616161616161616161616161616161616161616161616"
				 "1616161616161616161"
				 "61 00 a162 00 01 01 05 01 c4 01 90"),
	    ACTA_EPROTO);
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("envelope");

	tcase_add_test(tc, an_address_splits_at_its_first_slash);
	tcase_add_test(tc, types_have_64_bytes_and_services_32);
	tcase_add_test(tc, a_request_has_defaults);
	tcase_add_test(tc, a_request_says_all_it_can);
	tcase_add_test(tc, nil_is_as_if_left_out);
	tcase_add_test(tc, what_is_no_request_is_refused);
	tcase_add_test(
	    tc, known_keys_twice_are_refused_and_unknown_ones_ignored);
	tcase_add_test(tc, an_id_is_an_integer_or_1_to_64_bytes);
	tcase_add_test(tc, a_traceparent_that_is_none_is_dropped);
	tcase_add_test(tc, answers_are_one_map);
	tcase_add_loop_test(tc,
	    a_message_comes_back_and_cut_anywhere_is_refused,
	    ACTA_CALLER_NOBODY, 2 * (ACTA_CALLER_ASK + 1));
	tcase_add_test(tc, args_come_raw_or_as_a_value_or_not_at_all);
	tcase_add_test(tc, a_message_of_other_fields_is_refused);
	tcase_add_test(tc, args_are_held_to_the_limits_of_users);
	tcase_add_test(tc, the_runtimes_own_messages_carry_what_users_may_make);
	tcase_add_test(tc, items_carry_results_data_and_lists_of_rows);
	tcase_add_test(tc, a_token_has_one_form);
	tcase_add_test(tc, a_frame_has_a_head_of_12_bytes);
	tcase_add_loop_test(
	    tc, an_item_comes_back_and_cut_anywhere_is_refused, 0, ITEMS);
	tcase_add_loop_test(tc, an_item_of_other_fields_is_refused, 0, ITEMS);
	tcase_add_test(tc, odd_items_are_refused);
	return run("envelope", tc);
}
