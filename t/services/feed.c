/*
 * feed.c - publishes numbers: 1, 2, ... of each of its actors, the odd ones under
 * one topic and the even ones under another, so that their order across topics
 * can be seen. Some tens a message, which it sends to itself until it is done.
 */
#include <acta.h>

#define AT_ONCE 20

static acta_status
run(acta_actor *self, const acta_msg *msg)
{
	int64_t count = acta_arg_int(msg, "count"), n = 0;

	for (int i = 0; i < AT_ONCE && n < count; i++) {
		n = acta_add(self, "n", 1);
		acta_publish(self, n % 2 ? "odd" : "even", acta_int("n", n),
		    acta_int("to", n / 2 % 8));
	}
	if (n < count)
		acta_send(
		    self, acta_self(self), "run", acta_int("count", count));
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ "run", run, .args = "count:int" }, { 0 }
};

ACTA_SERVICE("feed", "1", handlers);
