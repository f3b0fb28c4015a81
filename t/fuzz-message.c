/*
 * t/fuzz-message.c - messages one behind the other, as they are carried in a
 * frame and kept in a row. What is decoded is encoded to the same again.
 */
#include "t/fuzz.h"

#include "codecs/envelope.h"
#include "codecs/packer.h"

static void
encoded_again(const struct acta_message *msg)
{
	struct acta_message back;
	struct acta_buf once, twice;
	struct acta_reader r;

	acta_buf_init(&once);
	acta_buf_init(&twice);
	acta_message_encode(&once, msg);
	r = acta_reader(once.data, once.size);
	fuzz_must(acta_message_decode(&r, &back) == ACTA_OK);
	fuzz_must(r.at == r.end);
	acta_message_encode(&twice, &back);
	fuzz_must(once.size == twice.size &&
	    memcmp(once.data, twice.data, once.size) == 0);
	fuzz_must(back.caller.kind == msg->caller.kind);
	fuzz_must(back.args_raw.size == msg->args_raw.size);
	acta_buf_fini(&once);
	acta_buf_fini(&twice);
}

int
fuzz_message(const uint8_t *data, size_t size)
{
	struct acta_reader r = acta_reader(data, size);
	struct acta_message msg;
	enum acta_err err;

	while ((err = acta_message_decode(&r, &msg)) == ACTA_OK) {
		fuzz_must(r.at <= r.end);
		fuzz_must(msg.key.size <= ACTA_KEY_MAX);
		fuzz_must(msg.type.size >= 1 && msg.type.size <= ACTA_TYPE_MAX);
		fuzz_must(msg.args.type == ACTA_MAP);
		fuzz_must(acta_msgpack_check_wrapped(
			      msg.args_raw.data, msg.args_raw.size) == ACTA_OK);
		if (msg.caller.home_key.data != NULL)
			fuzz_must(msg.caller.home_key.size == 20);
		encoded_again(&msg);
	}
	fuzz_must(err == ACTA_ENOENT || err == ACTA_EPROTO);
	fuzz_must(r.at == r.end);
	return 0;
}

void
fuzz_message_seeds(fuzz_take *take, void *self)
{
	fuzz_files("t/golden", "message-", ".bin", take, self);
}
