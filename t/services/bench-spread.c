/*
 * bench-spread.c - sends 1, 2, ... `count` to each of `actors` actors of
 * bench-lines: a number to all of them, then the next.
 */
#include <acta.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static acta_status
start(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_int("actors", acta_arg_int(msg, "actors")),
	    acta_int("count", acta_arg_int(msg, "count")));
	acta_send(self, acta_self(self), "step", acta_int("n", 1));
	return ACTA_DONE;
}

static acta_status
step(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_arg_int(msg, "n");
	int64_t actors = acta_get_int(self, "actors", 0);

	for (int64_t i = 0; i < actors; i++)
		acta_send(self, acta_to_n(self, "bench-lines/", i), "put",
		    acta_str("who", acta_key(self)), acta_int("n", n));
	if (n < acta_get_int(self, "count", 0))
		acta_send(self, acta_self(self), "step", acta_int("n", n + 1));
	else
		acta_put(self, acta_bool("done", true));
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ "start", start, .args = "actors:int count:int" },
	{ "step", step, .args = "n:int", .flags = ACTA_PRIVATE }, { 0 }
};

ACTA_SERVICE("bench-spread", "1.0.0", handlers);
