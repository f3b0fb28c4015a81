/* memo.c - a service in memory: its state does not survive a restart. */
#include <acta.h>

/* A handler may leave its message, and its table fields, alone. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static acta_status
add(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(self, acta_int("n", acta_add(self, "n", 1)));
}

static const struct acta_handler handlers[] = { { "add", add }, { 0 } };

ACTA_SERVICE("memo", "1.0.0", handlers, .in_memory = true);
