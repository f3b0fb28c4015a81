/*
 * news.c - publishes: "news.story" under the actor's key, each with its number,
 * its text and, if told, who is to read it.
 */
#include <acta.h>

static acta_status
tell(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_add(self, "told", 1);

	acta_publish(self, "story", acta_int("n", n),
	    acta_val("reader", acta_arg(msg, "reader")));
	return acta_reply(self, acta_int("n", n));
}

/* The same to two topics, one after the other. */
static acta_status
both(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_add(self, "told", 1);

	acta_publish(self, "story", acta_int("n", n),
	    acta_val("reader", acta_arg(msg, "reader")));
	acta_publish(self, "other", acta_int("n", n),
	    acta_val("reader", acta_arg(msg, "reader")));
	return acta_reply(self, acta_int("n", n));
}

static acta_status
hush(acta_actor *self, const acta_msg *msg)
{
	(void)msg;
	acta_publish(self, "story", acta_int("n", 0));
	return acta_reject(self, "hushed", "nothing was told");
}

static const struct acta_handler handlers[] = { { "tell", tell,
						    .args = "reader:any?" },
	{ "both", both, .args = "reader:any?" },
	{ .type = "hush", .run = hush }, { 0 } };

ACTA_SERVICE("news", "1", handlers);
