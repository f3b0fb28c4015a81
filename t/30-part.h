/*
 * 30-part.h - one partition, driven by hand: items and the time go in, what it
 * says to the door is kept. Its store lies in a folder, so it can be opened anew.
 */
#ifndef T_30_PART_H
#define T_30_PART_H

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"
#include "runtime/host/part.h"
#include "t/20-store.h"

#define NOW_MS INT64_C(1790000000000)
#define HOUR_MS (3600 * INT64_C(1000))

struct said { /* the last answer to the door */
	uint64_t request;
	uint32_t count;
	char code[65], text[256], result[256];
};

struct driven {
	struct acta_loaded loaded;
	struct acta_part_config config;
	struct acta_store_options options;
	struct acta_route routes[2];
	struct acta_part *part;
	struct said said;
	int64_t now_ms;
	uint64_t requests;
	char alarm[64], alarm_text[400];
	char dir[300];
	struct acta_buf to_part; /* items for other partitions, one after another */
	uint32_t to_part_count;
};

static void
driven_to_part(void *self, const char *service, uint32_t part,
    const struct acta_item *item)
{
	struct driven *d = self;

	acta_item_encode(&d->to_part, item);
	d->to_part_count++;
}

static void
driven_to_door(void *self, const char *door, uint64_t door_inc,
    const struct acta_item *item)
{
	struct driven *d = self;

	d->said.request = item->request;
	d->said.count++;
	snprintf(d->said.code, sizeof(d->said.code), "%.*s",
	    (int)item->code.size, item->code.data ? item->code.data : "");
	snprintf(d->said.text, sizeof(d->said.text), "%.*s",
	    (int)item->text.size, item->text.data ? item->text.data : "");
	d->said.result[0] = '\0';
	if (item->code.data == NULL) {
		struct acta_reader r =
		    acta_reader(item->body.data, item->body.size);
		acta_value v = acta_read(&r);

		if (v.type == ACTA_MAP)
			v = acta_map_get(v, "n", 1);
		snprintf(d->said.result, sizeof(d->said.result), "%" PRId64,
		    v.type == ACTA_INT ? v.as.i : -1);
	}
}

static void
driven_event(void *self, const struct acta_item *item)
{
}

static void
driven_alarm(void *self, const char *name, const char *text)
{
	struct driven *d = self;

	snprintf(d->alarm, sizeof(d->alarm), "%s", name);
	snprintf(d->alarm_text, sizeof(d->alarm_text), "%s", text);
}

static int64_t
driven_elapsed(void *self)
{
	return 0;
}

static inline void
driven_open(struct driven *d)
{
	const struct acta_port port = { .self = d,
		.to_part = driven_to_part,
		.to_door = driven_to_door,
		.event = driven_event,
		.alarm = driven_alarm,
		.elapsed_ms = driven_elapsed };
	struct acta_why why = { "", "" };

	ck_assert_msg(acta_part_open(&d->part, d->dir, &d->options, &d->config,
			  &d->loaded, &port, NULL, d->now_ms, &why) == ACTA_OK,
	    "%s", why.text);
}

static inline void
driven_init(
    struct driven *d, const char *folder, const struct acta_service *service)
{
	struct acta_why why = { "", "" };

	*d = (struct driven){ .now_ms = NOW_MS };
	ck_assert_msg(acta_loaded_from(&d->loaded, service, &why) == ACTA_OK,
	    "%s", why.text);
	acta_buf_init(&d->to_part);
	snprintf(d->dir, sizeof(d->dir), "%s", folder);
	snprintf(d->routes[0].name, sizeof(d->routes[0].name), "%s",
	    service->name);
	snprintf(d->routes[1].name, sizeof(d->routes[1].name), "other");
	d->routes[0].partitions = d->routes[1].partitions = 1;
	d->options = (struct acta_store_options){ .service = service->name,
		.parts = 1,
		.quota = 1u << 30,
		.memory = 64u << 20,
		.map_size = 1u << 30,
		.no_sync = true,
		.allow_any_fs = true };
	d->config = (struct acta_part_config){ .service = service->name,
		.node = "test",
		.parts = 1,
		.max_attempts = 5,
		.max_crashes = 3,
		.backoff_min_ms = 100,
		.backoff_max_ms = 30000,
		.backoff_factor = 2,
		.turn_limit_ms = 30000,
		.channel_quota = 1u << 20,
		.channel_credit = 1u << 20,
		.ids_keep_ms = 24 * HOUR_MS,
		.ids_quota = 1u << 30,
		.routes = d->routes,
		.route_count = 2,
		.seed = 1 };
	driven_open(d);
}

static inline void
driven_fini(struct driven *d)
{
	acta_part_close(&d->part);
	acta_loaded_close(&d->loaded);
	acta_buf_fini(&d->to_part);
}

/* As after a kill -9. */
static inline void
driven_reopen(struct driven *d)
{
	acta_part_close(&d->part);
	driven_open(d);
}

static inline void
driven_run(struct driven *d)
{
	bool more = true;

	for (int n = 0; more && n < 1000; n++)
		ck_assert_int_eq(
		    acta_part_turn(d->part, d->now_ms, &more), ACTA_OK);
	ck_assert(!more);
}

/* Partition 0 of service `from` says hello, and sends messages as seq first ... */
static inline void
driven_hello(struct driven *d, const char *from, uint64_t next, uint64_t hist,
    uint64_t nonce)
{
	struct acta_item item = { .kind = ACTA_ITEM_HELLO,
		.src = { from, (uint32_t)strlen(from) },
		.dst = { d->config.service,
		    (uint32_t)strlen(d->config.service) },
		.hist = hist,
		.inc = 1,
		.nonce = nonce,
		.acked = 1,
		.next = next,
		.random = 7,
		.version_min = 1,
		.version_max = 1,
		.chain = (const uint8_t[16]){ 0 } };

	acta_part_item(d->part, &item, d->now_ms);
}

static inline void
driven_data(struct driven *d, const char *from, uint64_t first,
    const struct acta_buf *messages, uint32_t count, uint64_t hist)
{
	struct acta_item item = { .kind = ACTA_ITEM_DATA,
		.src = { from, (uint32_t)strlen(from) },
		.dst = { d->config.service,
		    (uint32_t)strlen(d->config.service) },
		.hist = hist,
		.inc = 1,
		.first = first,
		.count = count };

	item.body = (struct acta_bytes){ (const char *)messages->data,
		(uint32_t)messages->size };
	acta_part_item(d->part, &item, d->now_ms);
}

struct asked { /* of a call */
	const char *type, *id, *session;
	int64_t n, id_ms;
	uint64_t seq;
	uint32_t flags;
};

/* One call and all the turns that it brings; said.count tells whether it was
 * answered. */
static inline const struct said *
driven_call(struct driven *d, struct asked ask)
{
	const char *name = ask.session ? ask.session : ask.id;
	struct acta_item item = { .kind = ACTA_ITEM_CALL, .inc = 1 };
	struct acta_message m = { .key = { "k", 1 },
		.from = { "", 0 },
		.id = { "", 0 } };
	struct acta_hash128 hash;
	struct acta_buf args, body;

	acta_buf_init(&args);
	acta_buf_init(&body);
	acta_pack_map(&args, ask.type[0] != '@');
	if (ask.type[0] != '@') { /* the runtime's own have no such arg */
		acta_pack_text(&args, "n");
		acta_pack_int(&args, ask.n);
	}
	m.type = (struct acta_bytes){ ask.type, (uint32_t)strlen(ask.type) };
	m.sent_ms = d->now_ms;
	m.deadline_ms = d->now_ms + 5000;
	m.args_raw = (struct acta_bytes){ (const char *)args.data,
		(uint32_t)args.size };
	item.request = ++d->requests;
	item.src = (struct acta_bytes){ "@door", 5 };
	m.caller = (struct acta_caller){ .kind = ACTA_CALLER_DOOR,
		.door = item.src,
		.door_inc = 1,
		.request = item.request,
		.service = { d->config.service,
		    (uint32_t)strlen(d->config.service) } };
	acta_message_encode(&body, &m);
	item.dst = m.caller.service;
	item.flags = ask.flags | (ask.session ? ACTA_CALL_SESSION : 0);
	if (name != NULL) {
		hash = acta_hash128(name, strlen(name));
		item.client = hash.bytes;
		item.id_ms = ask.session ? (int64_t)ask.seq : ask.id_ms;
	}
	item.body = (struct acta_bytes){ (const char *)body.data,
		(uint32_t)body.size };
	d->said = (struct said){ 0 };
	acta_part_item(d->part, &item, d->now_ms);
	driven_run(d);
	acta_buf_fini(&args);
	acta_buf_fini(&body);
	return &d->said;
}

#define call(d, ...) driven_call((d), (struct asked){ __VA_ARGS__ })

#define ck_result(it, want)                                       \
	do {                                                        \
		const struct said *s_ = (it);                     \
		ck_assert_uint_eq(s_->count, 1);                    \
		ck_assert_str_eq(s_->code, "");                     \
		ck_assert_str_eq(s_->result, (want));               \
	} while (0)
#define ck_code(it, want)                                         \
	do {                                                        \
		const struct said *s_ = (it);                     \
		ck_assert_uint_eq(s_->count, 1);                    \
		ck_assert_str_eq(s_->code, (want));                 \
	} while (0)

#define ck_answers(said_, want) ck_assert_uint_eq((said_)->count, (want))

#endif /* T_30_PART_H */
