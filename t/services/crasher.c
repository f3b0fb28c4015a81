/* crasher.c - a service with a handler that aborts, and one that does not. */
#include <stdlib.h>

#include <acta.h>

static acta_status
crash(acta_actor *self, const acta_msg *msg)
{
	(void)msg;
	acta_add(self, "crashes", 1); /* never kept */
	abort();
}

static acta_status
count(acta_actor *self, const acta_msg *msg)
{
	(void)msg;
	return acta_reply(self, acta_int("count", acta_add(self, "count", 1)),
	    acta_int("crashes", acta_get_int(self, "crashes", 0)));
}

static const struct acta_handler handlers[] = { { "crash", crash,
						    .doc = "Abort." },
	{ "count", count, .doc = "Count." }, { 0 } };

ACTA_SERVICE("crasher", "1.0.0", handlers);
