/*
 * flow.c - actors that send and ask one another, as fast as they may and for as
 * long as they are told; each counts what it heard from whom, and writes down
 * what did not come in order. What t/74 to t/78 load, under many names.
 */
#include <inttypes.h>
#include <stdlib.h>

#include <acta.h>

/* A handler may leave its message, and its table fields, alone. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define WITHIN_MS (24 * 3600 * 1000LL) /* no ask of a test ends so */
#define KEPT 128 /* bodies kept of one sender, and of what was sent to one */

/* The number of the next message from here to there. */
static int64_t
next_to(acta_actor *self, acta_ref to)
{
	return acta_add(self, acta_format(self, "to/%s", acta_address(to)), 1);
}

static acta_status
put(acta_actor *self, const acta_msg *msg)
{
	const char *from =
	    acta_msg_sender(msg) != NULL ? acta_msg_from(msg) : "client";
	const char *row = acta_format(self, "from/%s", from);
	int64_t n = acta_arg_int(msg, "n"), last = acta_get_int(self, row, 0);

	if (acta_arg_bool(msg, "crash"))
		abort();
	if (acta_arg_bool(msg, "fail"))
		return acta_fail(self, "always");
	if (n != last + 1)
		acta_put(self,
		    acta_int(
			acta_format(self, "wrong/%s/%" PRId64, from, n), last));
	acta_put(self, acta_int(row, n));
	if (acta_arg_bool(msg, "keep"))
		acta_put(self,
		    acta_str(
			acta_format(self, "kept/%s/%" PRId64, from, n % KEPT),
			acta_arg_str(msg, "pad")));
	return acta_reply(self, acta_int("n", n));
}

/* `count` puts in one turn. */
static acta_status
post(acta_actor *self, const acta_msg *msg)
{
	acta_ref to = acta_arg_ref(msg, "to");
	int64_t n = 0;

	for (int64_t i = acta_arg_int(msg, "count"); i > 0; i--) {
		n = next_to(self, to);
		acta_send(self, to, "put", acta_int("n", n),
		    acta_bool("keep", acta_arg_bool(msg, "keep")),
		    acta_str("pad", acta_arg_str(msg, "pad")));
		if (acta_arg_bool(msg, "keep"))
			acta_put(self,
			    acta_str(
				acta_format(self, "sent/%" PRId64, n % KEPT),
				acta_arg_str(msg, "pad")));
	}
	return acta_reply(self, acta_int("n", n));
}

/* One question on the way at any time, until `stop`. */
static void
ask(acta_actor *self, acta_ref to)
{
	acta_ask(self, to, "put", "heard", acta_int("n", next_to(self, to)),
	    acta_keep(acta_addr("to", to)), acta_within(WITHIN_MS));
}

static acta_status
start(acta_actor *self, const acta_msg *msg)
{
	for (int64_t i = acta_arg_int(msg, "first"),
		     end = i + acta_arg_int(msg, "actors");
	     i < end; i++)
		acta_send(self, acta_to_n(self, acta_arg_str(msg, "as"), i),
		    "go",
		    acta_addr(
			"to", acta_to_n(self, acta_arg_str(msg, "at"), i)));
	return ACTA_DONE;
}

static acta_status
go(acta_actor *self, const acta_msg *msg)
{
	ask(self, acta_arg_ref(msg, "to"));
	return ACTA_DONE;
}

static acta_status
heard(acta_actor *self, const acta_msg *msg)
{
	acta_value to = acta_at(acta_kept(msg), "to");

	if (acta_msg_outcome(msg) != ACTA_ANSWERED) {
		acta_put(self, acta_str("outcome", acta_msg_code(msg)));
		return ACTA_DONE;
	}
	acta_add(self, "heard", 1);
	if (!acta_get_bool(self, "stopped", false))
		ask(self, acta_to(self, acta_text(self, to)));
	return ACTA_DONE;
}

static acta_status
stop(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_bool("stopped", true));
	return ACTA_DONE;
}

/* A question that crashes or fails whom it is asked. */
static acta_status
harm(acta_actor *self, const acta_msg *msg)
{
	acta_ask(self, acta_arg_ref(msg, "to"), "put", "harmed",
	    acta_int("n", 0), acta_bool("crash", acta_arg_bool(msg, "crash")),
	    acta_bool("fail", !acta_arg_bool(msg, "crash")),
	    acta_within(WITHIN_MS));
	return ACTA_DONE;
}

static acta_status
harmed(acta_actor *self, const acta_msg *msg)
{
	acta_add(self,
	    acta_format(self, "harmed/%d/%s", (int)acta_msg_outcome(msg),
		acta_msg_code(msg)),
	    1);
	return ACTA_DONE;
}

/* Hand a message round: two for each that came, `left` times. */
static acta_status
ball(acta_actor *self, const acta_msg *msg)
{
	acta_value ring = acta_arg(msg, "ring");
	int64_t left = acta_arg_int(msg, "left"), at = acta_arg_int(msg, "at");
	acta_ref next = NULL;

	acta_add(self, "balls", 1);
	for (acta_cursor c = acta_each(self, ring); acta_next(&c);)
		if ((int64_t)c.index == at)
			next = acta_to(self, acta_text(self, c.value));
	for (int i = 0; left > 0 && i < 2; i++)
		acta_send(self, next, "ball", acta_val("ring", ring),
		    acta_int("left", left - 1),
		    acta_int("at", (at + 1) % acta_arg_int(msg, "of")),
		    acta_int("of", acta_arg_int(msg, "of")),
		    acta_str("pad", acta_arg_str(msg, "pad")));
	return ACTA_DONE;
}

static acta_status
count(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(self,
	    acta_int("heard", acta_get_int(self, "heard", 0)),
	    acta_int("balls", acta_get_int(self, "balls", 0)));
}

static const struct acta_handler handlers[] = {
	{ "put", put,
	    .args = "n:int crash:bool=false fail:bool=false keep:bool=false "
		    "pad:str?" },
	{ "post", post, .args = "to:ref count:int=1 keep:bool=false pad:str?" },
	{ "start", start, .args = "as:str at:str first:int=0 actors:int" },
	{ "go", go, .args = "to:ref" },
	{ "heard", heard, .args = "n:int", .flags = ACTA_PRIVATE },
	{ "stop", stop }, { "harm", harm, .args = "to:ref crash:bool" },
	{ "harmed", harmed, .flags = ACTA_PRIVATE },
	{ "ball", ball, .args = "ring:list left:int at:int of:int pad:str?" },
	{ "count", count, .flags = ACTA_READS }, { 0 }
};

/* t/acta_flow.py writes another name over this one, in copies. */
ACTA_SERVICE("flow-that-is-named-in-a-copy", "1.0.0", handlers);
