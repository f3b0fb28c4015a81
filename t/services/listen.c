/*
 * listen.c - hears both topics of feed.c as eight actors, and counts what came,
 * its sum, and what came out of order.
 */
#include <acta.h>

static acta_status
number(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_arg_int(msg, "n");
	const char *row = acta_format(self, "last/%s", acta_msg_from(msg));

	if (acta_get_int(self, row, 0) >= n)
		acta_add(self, "wrong", 1);
	acta_put(self, acta_int(row, n));
	acta_add(self, "count", 1);
	acta_add(self, "sum", n);
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ "odd", number, .args = "n:int", .on = "feed.odd", .key = "to",
	    .flags = ACTA_PRIVATE },
	{ "even", number, .args = "n:int", .on = "feed.even", .key = "to",
	    .flags = ACTA_PRIVATE },
	{ 0 }
};

ACTA_SERVICE("listen", "1", handlers);
