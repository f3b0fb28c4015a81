/*
 * bench-source.c - keeps `window` messages of `bytes` bytes in flight to a
 * sink, whose partitions are all one actor, until `count` arrived; then it
 * answers. bench-source-memory.c is the same in memory.
 */
#include <acta.h>

/* A handler may leave its message, and its table fields, alone. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#ifndef SERVICE_NAME
#define SERVICE_NAME "bench-source"
#define SINK "bench-sink/flow"
#define IN_MEMORY false
#endif
#define BYTES_MAX 4096

/* `batch` messages; the last of them asks for more. */
static void
send_batch(acta_actor *self)
{
	static const char body[BYTES_MAX] = { 'x' };
	int64_t left = acta_get_int(self, "left", 0);
	int64_t batch = acta_get_int(self, "batch", 0);
	size_t bytes = (size_t)acta_get_int(self, "bytes", 0);
	acta_ref sink = acta_to(self, SINK);

	if (batch > left)
		batch = left;
	for (int64_t i = 1; i <= batch; i++)
		acta_send(self, sink, "take", acta_bin("body", body, bytes),
		    acta_bool("last", i == batch));
	acta_put(self, acta_int("left", left - batch));
}

static acta_status
start(acta_actor *self, const acta_msg *msg)
{
	int64_t bytes = acta_arg_int(msg, "bytes");
	int64_t window = acta_arg_int(msg, "window");
	int64_t batch = acta_arg_int(msg, "batch");
	int64_t count = acta_arg_int(msg, "count");

	if (bytes < 0 || bytes > BYTES_MAX || batch < 1 || window < batch ||
	    count < 1)
		return acta_reject(self, "bad-args", "out of range");
	acta_put(self, acta_int("left", count), acta_int("batch", batch),
	    acta_int("bytes", bytes), acta_int("open", 0),
	    acta_str("caller", acta_defer(self)));
	for (int64_t sent = 0; sent < window && sent < count; sent += batch) {
		send_batch(self);
		acta_add(self, "open", 1);
	}
	return ACTA_DONE;
}

static acta_status
more(acta_actor *self, const acta_msg *msg)
{
	if (acta_get_int(self, "left", 0) > 0)
		send_batch(self);
	else if (acta_add(self, "open", -1) == 0)
		acta_reply_to(
		    self, acta_get_str(self, "caller", ""), ACTA_NONE);
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ "start", start, .args = "count:int window:int batch:int bytes:int" },
	{ "more", more, .flags = ACTA_INSIDE }, { 0 }
};

ACTA_SERVICE(SERVICE_NAME, "1.0.0", handlers, .in_memory = IN_MEMORY);
