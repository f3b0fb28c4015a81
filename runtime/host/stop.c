/*
 * runtime/host/stop.c - `on_failed: stop`. For services whose actors may not
 * overtake one another: where a message fails, its partition stops, instead of that
 * actor's alone. The message is parked with its attempt, as ever; what waits stays
 * where it is, durably; who calls is told `busy`. It goes on, with that message
 * first, when an operator says `acta start`, and not before, restarts or no.
 */
#include "runtime/host/turn.h"

#include <stdio.h>
#include <string.h>

#include "codecs/packer.h"
#include "runtime/host/park.h"

static const char row[] = "stopped";     /* of T_META: [why, key] */
static const unsigned parked_source = 1; /* turn.c: sources */

static void
raise(struct acta_part *part, struct acta_bytes why)
{
	char name[32], text[300];

	snprintf(name, sizeof(name), "stopped.%u", part->config.part);
	snprintf(text, sizeof(text),
	    "partition %u has stopped, for a message failed: %.*s; acta start "
	    "%s goes on",
	    part->config.part, (int)(why.size < 160 ? why.size : 160), why.data,
	    part->config.service);
	part->port.alarm(part->port.self, name, text);
}

static enum acta_err
read_row(struct acta_part *part, struct acta_bytes *why, struct acta_bytes *key)
{
	const void *value;
	struct acta_reader r;
	size_t size;
	bool ok = true;
	enum acta_err err = acta_part_get(
	    part, ACTA_T_META, row, sizeof(row) - 1, &value, &size);

	if (err != ACTA_OK)
		return err;
	r = acta_reader(value, size);
	ok = acta_read_list(&r, &ok) == 2 && ok;
	why->data = acta_read_str(&r, &why->size, &ok);
	key->data = acta_read_str(&r, &key->size, &ok);
	return ok ? ACTA_OK : acta_part_fatal(part, ACTA_ECORRUPT);
}

enum acta_err
acta_stop_load(struct acta_part *part)
{
	struct acta_bytes why, key;
	enum acta_err err = read_row(part, &why, &key);

	part->stopped = err == ACTA_OK;
	part->stopping = false;
	if (err != ACTA_OK)
		return err == ACTA_ENOENT ? ACTA_OK : err;
	raise(part, why);
	return ACTA_OK;
}

/* Its row goes with the turn in which that message is parked. One that was outside
 * as all stopped may fail, too: the first one is the reason still. */
void
acta_part_stop(
    struct acta_part *part, const struct acta_msg *msg, const char *why)
{
	if (part->stopped)
		return;
	acta_buf_reset(&part->pack);
	acta_pack_list(&part->pack, 2);
	acta_pack_text(&part->pack, why);
	acta_pack_str(&part->pack, msg->m.key.data, msg->m.key.size);
	acta_store_put(part->store, ACTA_T_META, row, sizeof(row) - 1,
	    part->pack.data, part->pack.size);
	part->stopping = true;
}

/* That turn is durable. What came in, and was not taken, comes again. */
void
acta_stop_begin(struct acta_part *part)
{
	struct acta_bytes why, key;

	part->stopping = false;
	part->stopped = true;
	part->gathered = 0; /* calls that go on waiting are counted anew */
	for (uint32_t i = 0; i < part->in_count; i++) {
		struct acta_in *in = &part->ins[i];

		while (acta_inbox_get(&in->inbox) != NULL)
			acta_inbox_done(&in->inbox);
		in->queued = in->next;
	}
	acta_store_begin(part->store);
	if (read_row(part, &why, &key) == ACTA_OK)
		raise(part, why);
	acta_store_abort(part->store);
}

void
acta_part_go(struct acta_part *part)
{
	struct acta_bytes why, key;
	char name[32];

	if (!part->stopped)
		return;
	acta_store_begin(part->store);
	if (read_row(part, &why, &key) == ACTA_OK)
		part->put_off = acta_parked_find(part, key.data, key.size);
	acta_store_abort(part->store);
	part->source = parked_source;
	part->stopped = false;
	part->going = true;
	for (uint32_t i = 0; i < part->in_count; i++)
		part->ins[i].nacked = true; /* from where we are */
	snprintf(name, sizeof(name), "stopped.%u", part->config.part);
	part->port.alarm(part->port.self, name, "");
}

void
acta_stop_end(struct acta_part *part)
{
	if (part->going)
		acta_store_delete(
		    part->store, ACTA_T_META, row, sizeof(row) - 1);
	part->going = false;
}
