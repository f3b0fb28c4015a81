/* stuck.c - a handler that is at work for as long as a file is there. */
#define _POSIX_C_SOURCE 200809L
#include <acta.h>

#include <time.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static acta_status
put(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_int("n", acta_arg_int(msg, "n")));
	return ACTA_DONE;
}

static acta_status
stay(acta_actor *self, const acta_msg *msg)
{
	const struct timespec a_while = { 0, 1000000 };

	acta_put(
	    self, acta_int("n", -1)); /* not seen before its turn is over */
	while (access(acta_arg_str(msg, "while"), F_OK) == 0)
		(void)nanosleep(&a_while, NULL);
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = { { "put", put, .args = "n:int" },
	{ "stay", stay, .args = "while:str" }, { 0 } };

ACTA_SERVICE("stuck", "1.0.0", handlers);
