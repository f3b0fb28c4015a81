/*
 * bench-ping.c - two actors of one service, in memory, throw a ball to and
 * fro; who is asked to start answers when it was thrown `count` times.
 */
#include <acta.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static acta_status
start(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_str("caller", acta_defer(self)));
	acta_send(self, "bench-ping/b", "ball",
	    acta_int("left", acta_arg_int(msg, "count")));
	return ACTA_DONE;
}

static acta_status
ball(acta_actor *self, const acta_msg *msg)
{
	int64_t left = acta_arg_int(msg, "left");

	if (left > 1)
		acta_send(self, acta_msg_sender(msg), "ball",
		    acta_int("left", left - 1));
	else
		acta_send(self, "bench-ping/a", "end", ACTA_NONE);
	return ACTA_DONE;
}

static acta_status
end(acta_actor *self, const acta_msg *msg)
{
	(void)msg;
	acta_reply_to(self, acta_get_str(self, "caller", ""), ACTA_NONE);
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ "start", start, .args = "count:int",
	    .doc = "Call it on bench-ping/a." },
	{ "ball", ball, .args = "left:int", .flags = ACTA_INSIDE },
	{ "end", end, .flags = ACTA_INSIDE }, { 0 }
};

ACTA_SERVICE("bench-ping", "1.0.0", handlers, .in_memory = true);
