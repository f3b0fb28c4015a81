/*
 * outside.c - handlers outside the turn. `acts` counts the runs, which a kill does
 * not take back: it stands for the world.
 */
#include <string.h>

#include <acta.h>

ACTA_EXPORT int acts;
ACTA_EXPORT char last_id[40];
ACTA_EXPORT int same_id = 1; /* of all attempts of a message, so far */
ACTA_EXPORT int fails;       /* so many of the next runs fail */

static void
in_the_world(const acta_msg *msg)
{
	acts++;
	if (acta_msg_attempt(msg) > 1 && strcmp(last_id, acta_msg_id(msg)) != 0)
		same_id = 0;
	strncpy(last_id, acta_msg_id(msg), sizeof(last_id) - 1);
}

/* A bit of everything. */
static acta_status
act(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_add(self, "done", 1);

	in_the_world(msg);
	acta_delete(self, "old");
	acta_put(self, acta_str("seen", acta_get_str(self, "told", "")),
	    acta_int(acta_format(self, "row/%d", (int)n), n));
	acta_send(self, "outside/other", "told", acta_str("text", "sent"));
	acta_publish(self, "acted", acta_int("n", n));
	acta_timer(
	    self, "later", "told", acta_after(1000), acta_str("text", "timer"));
	acta_ask(self, "outside/other", "echo", "echoed",
	    acta_str("text", acta_unique(self)), acta_keep(acta_int("n", n)));
	if (fails > 0) {
		fails--;
		return acta_fail(self, "the world said no");
	}
	return acta_reply(self, acta_int("n", n));
}

static acta_status
refuse(acta_actor *self, const acta_msg *msg)
{
	in_the_world(msg);
	acta_put(self, acta_int("refused", 1));
	return acta_reject(self, "no", "not this");
}

static acta_status
put_off(acta_actor *self, const acta_msg *msg)
{
	in_the_world(msg);
	acta_put(self, acta_str("token", acta_defer(self)));
	return ACTA_DONE;
}

static acta_status
answer(acta_actor *self, const acta_msg *msg)
{
	(void)msg;
	acta_reply_to(self, acta_get_str(self, "token", ""), acta_int("n", 7));
	acta_delete(self, "token");
	return ACTA_DONE;
}

static acta_status
told(acta_actor *self, const acta_msg *msg)
{
	acta_put(self,
	    acta_str("told",
		acta_format(self, "%s%s ", acta_get_str(self, "told", ""),
		    acta_arg_str(msg, "text"))));
	return ACTA_DONE;
}

static acta_status
echo(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(self, acta_str("text", acta_arg_str(msg, "text")));
}

static acta_status
echoed(acta_actor *self, const acta_msg *msg)
{
	acta_add(self, "echoed", acta_as_int(acta_at(acta_kept(msg), "n"), 0));
	return ACTA_DONE;
}

static acta_status
heard(acta_actor *self, const acta_msg *msg)
{
	acta_add(self, "heard", acta_arg_int(msg, "n"));
	return ACTA_DONE;
}

static acta_status
cancel(acta_actor *self, const acta_msg *msg)
{
	in_the_world(msg);
	acta_timer_cancel(self, "later");
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = { { "act", act,
						    .flags = ACTA_OUTSIDE },
	{ "refuse", refuse, .flags = ACTA_OUTSIDE },
	{ "put-off", put_off, .flags = ACTA_OUTSIDE },
	{ "cancel", cancel, .flags = ACTA_OUTSIDE },
	{ .type = "answer", .run = answer },
	{ "told", told, .args = "text:str" },
	{ "echo", echo, .args = "text:str" },
	{ "echoed", echoed, .args = "text:str?", .flags = ACTA_PRIVATE },
	{ "heard", heard, .args = "n:int", .on = "outside.acted",
	    .flags = ACTA_PRIVATE },
	{ 0 } };

ACTA_SERVICE("outside", "1", handlers);
