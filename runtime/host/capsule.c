/* runtime/host/capsule.c - see capsule.h. */
#include "runtime/host/capsule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codecs/json.h"
#include "codecs/packer.h"
#include "runtime/host/park.h"
#include "runtime/host/turn.h"

#define FILE_MAX (8u << 20)
#define TURNS_MAX 1000u

struct capsule {
	struct acta_buf bytes;
	acta_value map;
	struct acta_bytes service, key;
	struct acta_loaded loaded;
	struct acta_route route;
	struct acta_part *part;
};

/* ---------------------------------------------------------------- port -- */

static void
print_raw(const char *what, const void *data, size_t size)
{
	struct acta_buf text;

	acta_buf_init(&text);
	if (acta_msgpack_check_wrapped(data, size) == ACTA_OK)
		acta_json_encode(data, size, &text);
	printf("%s %.*s\n", what, (int)text.size, (const char *)text.data);
	acta_buf_fini(&text);
}

static void
to_part(void *self, const char *service, uint32_t part,
    const struct acta_item *item)
{
	if (item->kind == ACTA_ITEM_HELLO)
		printf("sends     to %s.%u: %llu messages\n", service, part,
		    (unsigned long long)(item->next - item->acked));
}

static void
to_door(void *self, const char *door, uint64_t door_inc,
    const struct acta_item *item)
{
}

static void
event(void *self, const struct acta_item *item)
{
	printf("publishes %.*s", (int)item->topic.size, item->topic.data);
	print_raw("", item->body.data, item->body.size);
}

static void
alarm(void *self, const char *name, const char *text)
{
}

static int64_t
elapsed(void *self)
{
	return 0;
}

/* ----------------------------------------------------------------- load -- */

static acta_value
at(const struct capsule *c, const char *name)
{
	return acta_map_get(c->map, name, strlen(name));
}

static bool
read_file(struct capsule *c, const char *path)
{
	FILE *f = fopen(path, "rb");
	char chunk[4096];
	size_t n = 0;
	acta_value to;
	struct acta_reader r;

	while (f != NULL && c->bytes.size < FILE_MAX &&
	    (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		acta_buf_append(&c->bytes, chunk, n);
	if (f == NULL || fclose(f) != 0 ||
	    acta_msgpack_check_wrapped(c->bytes.data, c->bytes.size) != ACTA_OK)
		return false;
	r = acta_reader(c->bytes.data, c->bytes.size);
	c->map = acta_read(&r);
	to = at(c, "to");
	return c->map.type == ACTA_MAP && to.type == ACTA_STR &&
	    acta_address_split(to.as.data, to.size, &c->service, &c->key) ==
	    ACTA_OK;
}

static bool
open_part(struct capsule *c, struct acta_why *why)
{
	const char *name = c->loaded.service->name;
	struct timespec now;
	const struct acta_store_options options = { .service = name,
		.parts = 1,
		.quota = 1u << 30,
		.memory = 64u << 20,
		.in_memory = true,
		.no_sync = true };
	const struct acta_part_config config = { .service = name,
		.node = "capsule",
		.parts = 1,
		.max_attempts = 1,
		.max_crashes = 1,
		.backoff_min_ms = 1,
		.backoff_max_ms = 1,
		.backoff_factor = 1,
		.channel_quota = 1u << 30,
		.channel_credit = 1u << 20,
		.ids_keep_ms = 3600000,
		.routes = &c->route,
		.route_count = 1 };
	const struct acta_port port = { .to_part = to_part,
		.to_door = to_door,
		.event = event,
		.alarm = alarm,
		.elapsed_ms = elapsed };

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(c->route.name, sizeof(c->route.name), "%s", name);
	c->route.partitions = 1;
	return acta_part_open(&c->part, "", &options, &config, &c->loaded,
		   &port, NULL,
		   (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
		   why) == ACTA_OK;
}

/* The actor's rows and the message, as they were. */
static bool
fill(struct capsule *c)
{
	acta_value state = at(c, "state"), type = at(c, "do");
	acta_value from = at(c, "from");
	struct acta_reader r;
	struct acta_msg msg = { .attempt = 1 };
	struct acta_buf b;

	if (state.type != ACTA_MAP || type.type != ACTA_STR ||
	    from.type != ACTA_STR ||
	    (type.size > 0 && *(const char *)type.as.data == '@'))
		return false;
	acta_store_begin(c->part->store);
	r = acta_reader_into(state);
	for (uint32_t i = 0; i < state.size; i++) {
		acta_value name = acta_read(&r);
		size_t size, n;
		const void *raw = acta_read_raw(&r, &size);
		char key[ACTA_STORE_KEY_MAX];

		if (name.type != ACTA_STR || name.size > 255)
			return false;
		n = acta_actor_row(
		    key, c->key.data, c->key.size, name.as.data, name.size);
		acta_store_put(c->part->store, ACTA_T_STATE, key, n, raw, size);
	}
	msg.m = (struct acta_message){ .key = c->key,
		.type = { type.as.data, type.size },
		.from = { from.as.data, from.size },
		.sent_ms = c->part->now_ms,
		.id = { "", 0 },
		/* Whatever it was, it may run what it ran then. */
		.caller = { .kind = ACTA_CALLER_EVENT },
		.args = at(c, "args") };
	acta_buf_init(&b);
	acta_message_encode(&b, &msg.m);
	msg.raw = b.data;
	msg.raw_size = b.size;
	acta_park_append(c->part, &msg, 0, c->part->now_ms, "capsule");
	acta_buf_fini(&b);
	return acta_store_commit(c->part->store, c->part->now_ms, false) ==
	    ACTA_OK;
}

/* ------------------------------------------------------------------ run -- */

static void
print_dead(struct acta_part *part)
{
	struct acta_scan *scan =
	    acta_scan_open(part->store, ACTA_T_DEAD, "", 0);
	struct acta_row row;

	while (acta_scan_next(scan, &row)) {
		struct acta_reader r = acta_reader(row.value, row.value_size);
		bool ok = true;
		uint32_t cn, tn;
		const char *cause, *text;

		(void)acta_read_list(&r, &ok);
		cause = acta_read_str(&r, &cn, &ok);
		text = acta_read_str(&r, &tn, &ok);
		printf("dead      %.*s: %.*s\n", (int)cn, cause, (int)tn, text);
	}
	(void)acta_scan_close(&scan);
}

static void
print_state(struct capsule *c)
{
	char prefix[ACTA_KEY_MAX + 1];
	size_t n = acta_actor_row(prefix, c->key.data, c->key.size, NULL, 0);
	struct acta_scan *scan =
	    acta_scan_open(c->part->store, ACTA_T_STATE, prefix, n);
	struct acta_row row;

	while (acta_scan_next(scan, &row)) {
		printf("row       %.*s", (int)(row.key_size - n),
		    (const char *)row.key + n);
		print_raw(":", row.value, row.value_size);
	}
	(void)acta_scan_close(&scan);
}

static int
run(struct capsule *c)
{
	bool more = true;
	uint64_t dead;

	for (uint32_t i = 0; i < TURNS_MAX && more; i++)
		if (acta_part_turn(c->part, c->part->now_ms + 1, &more) !=
		    ACTA_OK)
			return 1;
	dead = c->part->dead;
	acta_store_begin(c->part->store);
	print_dead(c->part);
	print_state(c);
	acta_store_abort(c->part->store);
	printf("%s\n",
	    dead > 0                       ? "it is a dead letter again"
		: c->part->parked_rows > 0 ? "it waits"
		: c->part->handled > 0     ? "handled"
					   : "refused");
	return dead > 0 || c->part->parked_rows > 0;
}

int
acta_capsule(const char *file, const char *load)
{
	struct capsule c = { .part = NULL };
	struct acta_why why = { "", "" };
	int code = 2;

	acta_buf_init(&c.bytes);
	if (!read_file(&c, file)) {
		fprintf(stderr, "%s: no capsule\n", file);
	} else if (acta_loaded_open(&c.loaded, load, &why) != ACTA_OK ||
	    acta_loaded_settings(&c.loaded, "\x80", 1, &why) != ACTA_OK ||
	    !open_part(&c, &why)) {
		fprintf(stderr, "%s\n", why.text);
	} else if (!acta_bytes_is(c.service, c.loaded.service->name)) {
		fprintf(stderr, "%s: it is of the service %.*s, not %s\n", file,
		    (int)c.service.size, c.service.data,
		    c.loaded.service->name);
	} else if (!fill(&c)) {
		fprintf(stderr,
		    "%s: it cannot be run again: the runtime's own, or its "
		    "actor's rows were too many to keep\n",
		    file);
	} else {
		code = run(&c);
	}
	acta_part_close(&c.part);
	if (c.loaded.service != NULL)
		acta_loaded_close(&c.loaded);
	acta_buf_fini(&c.bytes);
	return code;
}
