/*
 * t/fuzz-request.c - a client's request, as a door reads it: MessagePack or
 * JSON. What is taken keeps its promises; what is not says why in UTF-8, and
 * can be answered in either form.
 */
#include "t/fuzz.h"

#include "codecs/envelope.h"
#include "codecs/json.h"
#include "codecs/packer.h"

static bool
inside(struct acta_bytes bytes, const uint8_t *data, size_t size)
{
	return (const uint8_t *)bytes.data >= data &&
	    (const uint8_t *)bytes.data + bytes.size <= data + size;
}

static void
sound(const struct acta_request *q, const uint8_t *data, size_t size)
{
	fuzz_must(inside(q->to, data, size) && q->to.size > 0);
	fuzz_must(q->service.size >= 1 && q->service.size <= ACTA_SERVICE_MAX);
	fuzz_must(q->key.data != NULL && q->key.size <= ACTA_KEY_MAX);
	fuzz_must(acta_type_valid(q->type.data, q->type.size));
	fuzz_must(q->timeout_ms >= 1 && q->timeout_ms <= ACTA_TIMEOUT_MS_MAX);
	fuzz_must((q->args.type == ACTA_MAP) == (q->args_raw.data != NULL));
	if (q->args_raw.data != NULL) {
		fuzz_must(inside(q->args_raw, data, size));
		fuzz_must(acta_msgpack_check(
			      q->args_raw.data, q->args_raw.size) == ACTA_OK);
	}
	if (q->id.type == ACTA_STR)
		fuzz_must(q->id.size >= 1 && q->id.size <= ACTA_ID_MAX);
	else
		fuzz_must(q->id.type == ACTA_INT || q->id.type == ACTA_UINT ||
		    q->id.type == ACTA_ABSENT);
	fuzz_must(!q->keep || q->id.type != ACTA_ABSENT);
	fuzz_must(q->client.data == NULL ||
	    (q->client.size >= 1 && q->client.size <= ACTA_ID_MAX));
	fuzz_must(q->session.data != NULL || q->seq == 0);
	fuzz_must(q->traceparent.data == NULL || q->traceparent.size == 55);
}

/* An answer with the id that could be read, good or bad. */
static void
answered(acta_value id, const struct acta_why *why)
{
	struct acta_buf answer, text;

	acta_buf_init(&answer);
	acta_buf_init(&text);
	if (why == NULL)
		acta_answer_ok(&answer, id, NULL, 0);
	else
		acta_answer_error(
		    &answer, id, "bad-request", why->text, why->hint);
	fuzz_must(
	    acta_msgpack_check_wrapped(answer.data, answer.size) == ACTA_OK);
	acta_json_encode(answer.data, answer.size, &text);
	fuzz_must(acta_utf8_valid(text.data, text.size));
	acta_buf_fini(&answer);
	acta_buf_fini(&text);
}

int
fuzz_request(const uint8_t *data, size_t size)
{
	struct acta_request request;
	struct acta_why why = { "", "" };
	struct acta_buf packed;

	acta_buf_init(&packed);
	if (size > 0 && data[0] == '{') {
		if (acta_json_decode((const char *)data, size, &packed, NULL) !=
		    ACTA_OK)
			goto out;
		data = packed.data;
		size = packed.size;
	} else if (acta_msgpack_check(data, size) != ACTA_OK) {
		goto out;
	}
	if (acta_request_decode(data, size, &request, &why) == ACTA_OK) {
		sound(&request, data, size);
		answered(request.id, NULL);
	} else {
		fuzz_must(why.text[0] != '\0');
		fuzz_must(acta_utf8_valid(why.text, strlen(why.text)));
		fuzz_must(acta_utf8_valid(why.hint, strlen(why.hint)));
		answered(request.id, &why);
	}
out:
	acta_buf_fini(&packed);
	return 0;
}

void
fuzz_request_seeds(fuzz_take *take, void *self)
{
	fuzz_files("t/golden", "request-", ".bin", take, self);
	fuzz_files("t/golden", "bad-request-", ".bin", take, self);
	fuzz_files("t/golden", "request-", ".json", take, self);
	fuzz_text("{\"to\":\"a/b\",\"do\":\"c\",\"id\":7,\"session\":\"s\","
		  "\"seq\":1,\"client\":\"me\",\"keep\":false,\"op\":\"send\","
		  "\"timeout\":1,\"traceparent\":\"00-0af7651916cd43dd8448eb21"
		  "1c80319c-b7ad6b7169203331-01\",\"x\":null}",
	    take, self);
}
