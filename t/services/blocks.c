/* blocks.c - handlers outside the turn that sleep, crash and hang. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <acta.h>

static acta_status
sleeps(acta_actor *self, const acta_msg *msg)
{
	int64_t ms = acta_arg_int(msg, "ms");
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) != 0)
		;
	acta_add(self, "slept", 1);
	return ACTA_DONE;
}

static acta_status
crash(acta_actor *self, const acta_msg *msg)
{
	(void)self;
	(void)msg;
	abort();
}

static acta_status
hang(acta_actor *self, const acta_msg *msg)
{
	(void)self;
	(void)msg;
	while (pause() != 0)
		;
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ "sleep", sleeps, .args = "ms:int", .flags = ACTA_OUTSIDE },
	{ "crash", crash, .args = "", .flags = ACTA_OUTSIDE },
	{ "hang", hang, .args = "", .flags = ACTA_OUTSIDE,
	    .turn_limit_ms = 500 },
	{ 0 }
};

ACTA_SERVICE("blocks", "1", handlers);
