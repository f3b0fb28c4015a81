/* unready.c - a service whose start fails: it must never run a message. */
#include <acta.h>

/* A handler may leave its message, and its table fields, alone. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

extern int unready_runs;
int unready_runs;

static acta_status
run(acta_actor *self, const acta_msg *msg)
{
	unready_runs++;
	return ACTA_DONE;
}

static acta_status
begin(acta_actor *self, void **out_shared)
{
	return ACTA_FAILED;
}

static const struct acta_handler handlers[] = { { "run", run }, { 0 } };

ACTA_SERVICE("unready", "1.0.0", handlers, .start = begin);
