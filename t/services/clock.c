/* clock.c - timers: what fired, when, in which order. */
#include <acta.h>

#include <inttypes.h>

/* A handler may leave its message, and its table fields, alone. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static acta_status
set(acta_actor *self, const acta_msg *msg)
{
	int64_t every = acta_arg_int(msg, "every");
	acta_value after = acta_arg(msg, "after");

	acta_put(self, acta_int("set-at", acta_now_ms(self)));
	acta_timer(self, acta_arg_str(msg, "name"), "fired",
	    after.type == ACTA_ABSENT ? ACTA_NONE
				      : acta_after(acta_as_int(after, 0)),
	    every == 0 ? ACTA_NONE : acta_every(every),
	    acta_str("tag", acta_arg_str(msg, "tag")), acta_int("n", 7));
	if (acta_arg_bool(msg, "reject"))
		return acta_reject(self, "no", "nor the timer");
	return acta_reply(self, acta_int("now", acta_now_ms(self)));
}

/* Appends "tag," to the row `log`; counts; tells the lateness of it. */
static acta_status
fired(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_add(self, "count", 1);

	acta_put(self,
	    acta_str("log",
		acta_format(self, "%s%s,", acta_get_str(self, "log", ""),
		    acta_arg_str(msg, "tag"))),
	    acta_str("from", acta_msg_from(msg)),
	    acta_str("type", acta_msg_type(msg)),
	    acta_int("n", acta_arg_int(msg, "n")),
	    acta_int("fired-at", acta_now_ms(self)),
	    acta_int(acta_format(self, "at/%05" PRId64, n),
		acta_now_ms(self) - acta_get_int(self, "set-at", 0)));
	return ACTA_DONE;
}

static acta_status
cancel(acta_actor *self, const acta_msg *msg)
{
	acta_timer_cancel(self, acta_arg_str(msg, "name"));
	return ACTA_DONE;
}

/* Sets, replaces and cancels in one call: the last word counts. */
static acta_status
juggle(acta_actor *self, const acta_msg *msg)
{
	acta_timer(self, "a", "fired", acta_after(10), acta_str("tag", "a1"));
	acta_timer(self, "a", "fired", acta_after(20), acta_str("tag", "a2"));
	acta_timer(self, "b", "fired", acta_after(10), acta_str("tag", "b1"));
	acta_timer_cancel(self, "b");
	acta_timer_cancel(self, "c");
	acta_timer(self, "c", "fired", acta_after(30), acta_str("tag", "c1"));
	return ACTA_DONE;
}

static acta_status
delete_all(acta_actor *self, const acta_msg *msg)
{
	acta_delete(self, "/");
	return ACTA_DONE;
}

/* A periodic timer that ends itself at the third time. */
static acta_status
three_times(acta_actor *self, const acta_msg *msg)
{
	acta_timer(
	    self, "three", "one-of-three", acta_after(10), acta_every(10));
	return ACTA_DONE;
}

static acta_status
one_of_three(acta_actor *self, const acta_msg *msg)
{
	if (acta_add(self, "three", 1) == 3)
		acta_timer_cancel(self, "three");
	return ACTA_DONE;
}

/* A timer that sets itself anew, five times. */
static acta_status
chain(acta_actor *self, const acta_msg *msg)
{
	if (acta_add(self, "chain", 1) < 5)
		acta_timer(self, "chain", "chain", acta_after(100));
	return ACTA_DONE;
}

/* Fails the first two times that it is run. */
static acta_status
fails_first(acta_actor *self, const acta_msg *msg)
{
	acta_timer(self, "fails", "failing", acta_after(10));
	return ACTA_DONE;
}

static acta_status
failing(acta_actor *self, const acta_msg *msg)
{
	if (acta_msg_attempt(msg) < 3)
		return acta_fail(self, "attempt %d", acta_msg_attempt(msg));
	acta_add(self, "failing", 1);
	acta_put(self, acta_int("attempt", acta_msg_attempt(msg)));
	return ACTA_DONE;
}

/* Keeps its actor waiting: 700 ms by the default backoff. */
static acta_status
stuck(acta_actor *self, const acta_msg *msg)
{
	return acta_msg_attempt(msg) < 4 ? acta_fail(self, "not yet")
					 : ACTA_DONE;
}

static acta_status
get(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(self, acta_val("count", acta_get(self, "count")));
}

static const struct acta_handler handlers[] = {
	{ "set", set,
	    .args = "name:str tag:str=t after:int? every:int? "
		    "reject:bool=false" },
	{ "fired", fired, .args = "tag:str n:int=0", .flags = ACTA_PRIVATE },
	{ "cancel", cancel, .args = "name:str" }, { "juggle", juggle },
	{ "delete-all", delete_all }, { "three-times", three_times },
	{ "one-of-three", one_of_three, .flags = ACTA_PRIVATE },
	{ "chain", chain }, { "fails-first", fails_first },
	{ "failing", failing, .flags = ACTA_PRIVATE }, { "stuck", stuck },
	{ "get", get, .flags = ACTA_READS }, { 0 }
};

ACTA_SERVICE("clock", "1.0.0", handlers, .doc = "Timers.");
