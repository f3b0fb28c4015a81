/*
 * leaky.c - a service with the mistake that a storm is there to find: it keeps
 * what it did in a variable of its process, beside the turn. `runs` counts how
 * often its handler ran, whatever was kept of that.
 */
#include <acta.h>

#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

ACTA_EXPORT int runs;
static int64_t sum;

static acta_status
add(acta_actor *self, const acta_msg *msg)
{
	runs++;
	sum += acta_arg_int(msg, "n");
	acta_put(self, acta_int("leaky", sum));
	return acta_reply(self,
	    acta_int("sum", acta_add(self, "sum", acta_arg_int(msg, "n"))));
}

/* A process has its variables to itself; the kit has all in one. */
static acta_status
start(acta_actor *self, void **shared)
{
	sum = 0;
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ "add", add, .args = "n:int" },
	{ 0 },
};

ACTA_SERVICE("leaky", "1.0.0", handlers, .start = start);
