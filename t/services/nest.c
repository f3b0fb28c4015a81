/*
 * nest.c - values at the limits of depth, elements and bytes, made by handlers
 * and sent every way there is. nest-peer.c is the same under another name.
 */
#include <acta.h>

#include <string.h>

/* A handler may leave its message, and its table fields, alone. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#ifndef SERVICE_NAME
#define SERVICE_NAME "nest"
#endif
#define DEPTH_MAX 32 /* acta.h, LIMITS */
#define ELEMENTS_MAX 65536
#define BYTES_MAX (1 << 20)

/*
 * What as the field `v` of args or of a reply is at a limit: of depth (the map
 * of fields is the first level), of elements (`v` with its name are two and a
 * list is one), of bytes (1 the map, 2 the name, 5 the bin's header).
 */
static acta_value
limit(acta_actor *self, const char *shape)
{
	acta_value v = { 0 };

	if (strcmp(shape, "deep") == 0) {
		v = acta_map(self, acta_str("end", ""));
		for (int depth = 2; depth < DEPTH_MAX; depth++)
			v = acta_map(self, acta_val("d", v));
	} else if (strcmp(shape, "broad") == 0) {
		acta_list *list = acta_list_new(self);

		for (int i = 0; i < ELEMENTS_MAX - 2; i++)
			acta_list_add(list, acta_int(NULL, 0));
		v = acta_at(acta_map(self, acta_items("v", list)), "v");
	} else {
		int64_t size = BYTES_MAX - 8;
		void *bytes = acta_alloc(self, (size_t)size);

		memset(bytes, 'x', (size_t)size);
		v.type = ACTA_BIN;
		v.size = (uint32_t)size;
		v.as.data = bytes;
	}
	return v;
}

static acta_status
make(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(
	    self, acta_val("v", limit(self, acta_arg_str(msg, "shape"))));
}

/* Takes what it is given, at attempt `until`, and gives it back. */
static acta_status
take(acta_actor *self, const acta_msg *msg)
{
	if (acta_msg_attempt(msg) < acta_arg_int(msg, "until"))
		return acta_fail(self, "attempt %d", acta_msg_attempt(msg));
	acta_put(self, acta_val("taken", acta_arg(msg, "v")));
	acta_add(self, "takes", 1);
	return acta_reply(self, acta_val("v", acta_arg(msg, "v")));
}

/* The same, once the actor is open. */
static acta_status
take_open(acta_actor *self, const acta_msg *msg)
{
	if (!acta_get_bool(self, "open", false))
		return acta_hold(self);
	return take(self, msg);
}

static acta_status
open_later(acta_actor *self, const acta_msg *msg)
{
	acta_timer(self, "open", "open", acta_after(500));
	return ACTA_DONE;
}

static acta_status
open_gate(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_bool("open", true));
	acta_resume(self);
	return ACTA_DONE;
}

static acta_status
send_on(acta_actor *self, const acta_msg *msg)
{
	acta_send(self, acta_arg_str(msg, "to"), acta_arg_str(msg, "type"),
	    acta_val("v", limit(self, acta_arg_str(msg, "shape"))));
	return ACTA_DONE;
}

/* All the bytes of effects that one message may have, to one other. */
static acta_status
send_many(acta_actor *self, const acta_msg *msg)
{
	acta_value v = limit(self, "large");

	for (int i = 0; i < 8; i++)
		acta_send(
		    self, acta_arg_str(msg, "to"), "take", acta_val("v", v));
	return ACTA_DONE;
}

/* Asks for something at a limit, and keeps the like of it. */
static acta_status
ask(acta_actor *self, const acta_msg *msg)
{
	const char *shape = acta_arg_str(msg, "shape");

	acta_put(self, acta_int("until", acta_arg_int(msg, "until")));
	acta_ask(self, acta_arg_str(msg, "to"), acta_arg_str(msg, "type"),
	    "got", acta_str("shape", shape), acta_within(60000),
	    acta_keep(acta_val("v", limit(self, shape))));
	return ACTA_DONE;
}

static acta_status
got(acta_actor *self, const acta_msg *msg)
{
	if (acta_msg_attempt(msg) < acta_get_int(self, "until", 0))
		return acta_fail(self, "attempt %d", acta_msg_attempt(msg));
	acta_put(self, acta_int("outcome", acta_msg_outcome(msg)),
	    acta_str("code", acta_msg_code(msg)),
	    acta_val("answer", acta_arg(msg, "v")),
	    acta_val("kept", acta_at(acta_kept(msg), "v")));
	acta_add(self, "answers", 1);
	return ACTA_DONE;
}

static acta_status
forward(acta_actor *self, const acta_msg *msg)
{
	const char *shape = acta_arg_str(msg, "shape");

	return acta_forward(self, acta_arg_str(msg, "to"), "take",
	    acta_val("v", limit(self, shape)));
}

/* Has the caller answered by another actor, which is handed the token. */
static acta_status
defer(acta_actor *self, const acta_msg *msg)
{
	acta_send(self, acta_arg_str(msg, "to"), "finish",
	    acta_str("token", acta_defer(self)),
	    acta_str("shape", acta_arg_str(msg, "shape")));
	return ACTA_DONE;
}

static acta_status
finish(acta_actor *self, const acta_msg *msg)
{
	acta_reply_to(self, acta_arg_str(msg, "token"),
	    acta_val("v", limit(self, acta_arg_str(msg, "shape"))));
	return ACTA_DONE;
}

static acta_status
publish(acta_actor *self, const acta_msg *msg)
{
	acta_publish(self, "limit",
	    acta_val("v", limit(self, acta_arg_str(msg, "shape"))));
	return ACTA_DONE;
}

static acta_status
later(acta_actor *self, const acta_msg *msg)
{
	acta_timer(self, "later", "take", acta_after(10),
	    acta_val("v", limit(self, acta_arg_str(msg, "shape"))));
	return ACTA_DONE;
}

/* A row may be one level deeper than the field of a message. */
static acta_status
keep(acta_actor *self, const acta_msg *msg)
{
	const char *shape = acta_arg_str(msg, "shape");
	acta_value v = limit(self, shape);

	if (strcmp(shape, "deep") == 0)
		v = acta_map(self, acta_val("d", v));
	acta_put(self, acta_val("row", v));
	return ACTA_DONE;
}

/* clang-format off */
#define SHAPE "shape:str=deep "
static const struct acta_handler handlers[] = {
	{ "make", make, .args = SHAPE },
	{ "take", take, .args = "v:any until:int=0" },
	{ "take-open", take_open, .args = "v:any until:int=0" },
	{ "open-later", open_later },
	{ "open", open_gate, .flags = ACTA_PRIVATE },
	{ "send-on", send_on, .args = SHAPE "to:str type:str=take" },
	{ "send-many", send_many, .args = "to:str" },
	{ "ask", ask, .args = SHAPE "to:str type:str=make until:int=0" },
	{ "got", got, .args = "v:any", .flags = ACTA_PRIVATE },
	{ "forward", forward, .args = SHAPE "to:str=" SERVICE_NAME "/2" },
	{ "defer", defer, .args = SHAPE "to:str=" SERVICE_NAME "/2" },
	{ "finish", finish, .args = SHAPE "token:str" },
	{ "publish", publish, .args = SHAPE },
	{ "later", later, .args = SHAPE },
	{ "keep", keep, .args = SHAPE },
	{ 0 }
};
/* clang-format on */

ACTA_SERVICE(SERVICE_NAME, "1.0.0", handlers, .doc = "Values at the limits.");
