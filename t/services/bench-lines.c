/*
 * bench-lines.c - each actor writes down which numbers arrived from whom, in
 * the order that they did: what t/57-partitions.t judges.
 */
#include <inttypes.h>

#include <acta.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static acta_status
put(acta_actor *self, const acta_msg *msg)
{
	const char *row = acta_format(self, "log/%s", acta_arg_str(msg, "who"));

	acta_put(self,
	    acta_str(row,
		acta_format(self, "%s%" PRId64 ",", acta_get_str(self, row, ""),
		    acta_arg_int(msg, "n"))));
	return acta_reply(self, acta_int("count", acta_add(self, "count", 1)));
}

static const struct acta_handler handlers[] = {
	{ "put", put, .args = "who:str n:int" }, { 0 }
};

ACTA_SERVICE("bench-lines", "1.0.0", handlers);
