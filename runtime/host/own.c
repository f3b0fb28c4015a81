/*
 * runtime/host/own.c - messages of the runtime's own: answers to asks, replies
 * that go home, deferred answers.
 */
#include "runtime/host/turn.h"

#include <string.h>

#include "codecs/packer.h"
#include "runtime/host/subs.h"

bool
acta_own_then_make(struct acta_part *part, struct acta_msg *msg, uint64_t ask,
    const struct acta_end *end)
{
	uint8_t key[8];
	const void *value;
	size_t size;
	struct acta_reader r;
	bool ok = true;
	struct acta_message m = { .from = msg->m.from,
		.id = { "", 0 },
		.type = acta_bytes_of("@then"),
		.sent_ms = part->now_ms };
	struct acta_bytes then;
	int64_t due_ms;
	const void *kept;
	size_t kept_size;
	struct acta_buf b;

	acta_be64(key, ask);
	if (acta_part_get(part, ACTA_T_ASK, key, 8, &value, &size) != ACTA_OK) {
		part->late++; /* answered, or timed out, before */
		return false;
	}
	r = acta_reader(value, size);
	ok = acta_read_list(&r, &ok) == 4 && ok;
	m.key.data = acta_read_str(&r, &m.key.size, &ok);
	then.data = acta_read_str(&r, &then.size, &ok);
	kept = acta_read_raw(&r, &kept_size);
	due_ms = acta_read_int(&r, &ok);
	if (!ok || m.key.size > ACTA_KEY_MAX) {
		(void)acta_part_fatal(part, ACTA_ECORRUPT);
		return false;
	}
	acta_buf_init(&b);
	acta_pack_map(&b, 6);
	acta_pack_text(&b, "t");
	acta_pack_str(&b, then.data, then.size);
	acta_pack_text(&b, "k");
	acta_pack_raw(&b, kept, kept_size);
	acta_end_pack(&b, end);
	m.args_raw =
	    (struct acta_bytes){ acta_arena_copy(&part->arena, b.data, b.size),
		    (uint32_t)b.size };
	acta_buf_reset(&b);
	acta_message_encode(&b, &m);
	msg->raw = acta_arena_copy(&part->arena, b.data, b.size);
	msg->raw_size = b.size;
	acta_buf_fini(&b);
	acta_store_delete(part->store, ACTA_T_ASK, key, 8);
	acta_part_due_delete(part, due_ms, 'a', key, 8);
	return true;
}

enum acta_fate
acta_own_then_run(struct acta_part *part, struct acta_msg *msg, uint64_t ask,
    const struct acta_end *end)
{
	return acta_own_then_make(part, msg, ask, end)
	    ? acta_run_uncounted(part, msg)
	    : ACTA_FATE_HANDLED;
}

static const char *
arg_text(struct acta_part *part, acta_value map, const char *name)
{
	acta_value v = acta_own_arg(map, name);

	return v.type == ACTA_STR
	    ? acta_arena_text(&part->arena, v.as.data, v.size)
	    : "";
}

/* The end that stands in the args of @answer, @reply, @token, @then. */
struct acta_end
acta_own_end(struct acta_part *part, const struct acta_msg *msg)
{
	acta_value map = msg->m.args;
	struct acta_end end = { .outcome = (acta_outcome)acta_as_int(
				    acta_own_arg(map, "o"), 0),
		.code = arg_text(part, map, "c"),
		.text = arg_text(part, map, "x") };
	struct acta_reader r = acta_reader_into(map);

	/* The raw bytes of "r". */
	r.end = (const uint8_t *)msg->raw + msg->raw_size;
	for (uint32_t i = 0; i < map.size; i++) {
		acta_value name = acta_read(&r);
		size_t size;
		const void *raw = acta_read_raw(&r, &size);

		if (name.type == ACTA_STR && name.size == 1 &&
		    *(const char *)name.as.data == 'r') {
			end.result = raw;
			end.size = size;
		}
	}
	return end;
}

/* Nobody has used it in all this time: whoever waits, or asks again under the
 * same id, hears that (CORE 1.7). */
void
acta_own_token_forget(struct acta_part *part, const void *key, size_t size)
{
	const struct acta_end end = { .outcome = ACTA_UNDELIVERED,
		.code = "failed",
		.text = "its answer was put off and never given" };
	const void *value;
	size_t value_size;
	struct acta_reader r;
	struct acta_caller caller;
	bool ok = true;

	if (acta_part_get(part, ACTA_T_TOKEN, key, size, &value, &value_size) !=
	    ACTA_OK)
		return;
	value = acta_arena_copy(&part->arena, value, value_size);
	r = acta_reader(value, value_size);
	ok = acta_read_list(&r, &ok) == 3 && ok;
	acta_caller_decode(&r, &caller, &ok);
	acta_store_delete(part->store, ACTA_T_TOKEN, key, size);
	if (ok)
		acta_part_answer(part, &caller, "", &end);
	else
		(void)acta_part_fatal(part, ACTA_ECORRUPT);
}

/* A deferred reply comes home to where its token was given out. */
static enum acta_fate
run_token(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_end end = acta_own_end(part, msg);
	uint8_t key[16];
	const void *value;
	size_t size;
	struct acta_reader r;
	struct acta_caller caller;
	bool ok = true;
	int64_t due_ms;

	acta_be64(
	    key, (uint64_t)acta_as_int(acta_own_arg(msg->m.args, "n"), 0));
	acta_be64(
	    key + 8, (uint64_t)acta_as_int(acta_own_arg(msg->m.args, "d"), 0));
	if (acta_part_get(part, ACTA_T_TOKEN, key, 16, &value, &size) !=
	    ACTA_OK) {
		part->late++;
		return ACTA_FATE_HANDLED;
	}
	r = acta_reader(value, size);
	ok = acta_read_list(&r, &ok) == 3 && ok;
	acta_caller_decode(&r, &caller, &ok);
	(void)acta_read_int(&r, &ok);
	due_ms = acta_read_int(&r, &ok);
	if (!ok) {
		(void)acta_part_fatal(part, ACTA_ECORRUPT);
		return ACTA_FATE_HANDLED;
	}
	acta_store_delete(part->store, ACTA_T_TOKEN, key, 16);
	acta_part_due_delete(part, due_ms, 'k', key, 16);
	acta_part_answer(part, &caller,
	    acta_arena_text(&part->arena, msg->m.from.data, msg->m.from.size),
	    &end);
	return ACTA_FATE_HANDLED;
}

enum acta_fate
acta_own_run(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_end end;

	if (acta_bytes_is(msg->m.type, "@token"))
		return run_token(part, msg);
	if (msg->source != ACTA_FROM_CALL &&
	    (acta_bytes_is(msg->m.type, "@subscribe") ||
		acta_bytes_is(msg->m.type, "@on"))) {
		acta_subs_take(part, msg);
		return ACTA_FATE_HANDLED;
	}
	end = acta_own_end(part, msg);
	if (acta_bytes_is(msg->m.type, "@answer"))
		return acta_own_then_run(part, msg,
		    (uint64_t)acta_as_int(acta_own_arg(msg->m.args, "a"), 0),
		    &end);
	if (acta_bytes_is(msg->m.type, "@reply")) {
		acta_value w = acta_own_arg(msg->m.args, "w");
		struct acta_caller caller;
		struct acta_buf b;
		struct acta_reader r;
		bool ok = true;

		acta_buf_init(&b);
		acta_pack_value(&b, w);
		r = acta_reader(
		    acta_arena_copy(&part->arena, b.data, b.size), b.size);
		acta_buf_fini(&b);
		acta_caller_decode(&r, &caller, &ok);
		if (ok && caller.kind == ACTA_CALLER_DOOR)
			acta_answer_here(part, &caller, &end);
		return ACTA_FATE_HANDLED;
	}
	if (msg->source == ACTA_FROM_CALL) {
		acta_part_admin(part, msg);
		return ACTA_FATE_HANDLED;
	}
	part->dropped++;
	return ACTA_FATE_HANDLED;
}

bool
acta_own_then_open(struct acta_part *part, struct acta_msg *msg)
{
	acta_value map = msg->m.args, t = acta_own_arg(map, "t");
	struct acta_end end = acta_own_end(part, msg);

	if (t.type != ACTA_STR)
		return false;
	msg->then = true;
	msg->m.type = (struct acta_bytes){ t.as.data, t.size };
	msg->outcome = end.outcome;
	msg->code = end.code;
	msg->text = end.text;
	msg->kept = acta_own_arg(map, "k");
	msg->m.args = acta_own_arg(map, "r");
	if (msg->m.args.type != ACTA_MAP)
		msg->m.args = (acta_value){ 0 };
	return true;
}
