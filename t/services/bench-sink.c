/*
 * bench-sink.c - counts what arrives, and answers calls with the count.
 * bench-sink-memory.c is the same in memory.
 */
#include <acta.h>

/* A handler may leave its message, and its table fields, alone. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#ifndef SERVICE_NAME
#define SERVICE_NAME "bench-sink"
#define IN_MEMORY false
#endif

static acta_status
take(acta_actor *self, const acta_msg *msg)
{
	acta_add(self, "count", 1);
	if (acta_arg_bool(msg, "last"))
		acta_send(self, acta_msg_sender(msg), "more", ACTA_NONE);
	return ACTA_DONE;
}

static acta_status
add(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(self, acta_int("count", acta_add(self, "count", 1)));
}

static acta_status
count(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(
	    self, acta_int("count", acta_get_int(self, "count", 0)));
}

static const struct acta_handler handlers[] = {
	{ "take", take, .args = "body:bin last:bool", .flags = ACTA_INSIDE },
	{ "add", add, .doc = "Count this call." },
	{ "count", count, .flags = ACTA_READS }, { 0 }
};

ACTA_SERVICE(SERVICE_NAME, "1.0.0", handlers, .in_memory = IN_MEMORY);
