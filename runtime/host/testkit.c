/*
 * runtime/host/testkit.c - acta_test.h: services as a node runs them, in one
 * thread, with the time and the network handed in. Each service has one
 * partition; a crash closes it where it is and opens it anew from its files.
 */
#include "runtime/acta_test.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "codecs/packer.h"
#include "runtime/host/part.h"

#define SERVICES_MAX 32u
#define STEPS_MAX 1000000u /* of one settle: more is a loop without an end */
#define CALL_MS 5000
#define SETTLE_MS 60000 /* of waiting for retries, in simulated time */
#define START_MS 1790000000000LL

struct frame {
	struct frame *next;
	uint32_t to; /* index of a service */
	size_t size;
	uint8_t data[];
};

struct node_service {
	struct acta_test *test;
	struct acta_loaded loaded;
	struct acta_part *part;
	struct acta_part_config config;
	struct acta_buf settings; /* packed pairs */
	uint32_t setting_count;
	char dir[300];
	bool down;
};

struct crash_plan {
	char service[ACTA_SERVICE_MAX + 1], point[32];
	uint32_t nth, met;
	bool armed;
};

struct acta_test {
	uint64_t seed;
	int64_t now_ms;
	char dir[256];
	struct node_service services[SERVICES_MAX];
	struct acta_route routes[SERVICES_MAX];
	uint32_t count;
	bool started;
	struct frame *frames, **frame_tail;
	struct crash_plan crash;
	struct acta_arena arena; /* of the test's own actor */
	struct acta_actor actor;
	struct acta_loaded actor_loaded;
	struct acta_service actor_service;
	/* the call in hand */
	uint64_t request;
	bool answered;
	struct acta_buf answer;
	struct acta_item answer_item;
	char code[ACTA_TYPE_MAX + 1], text[1200];
	/* the last call, for acta_test_retry */
	struct acta_buf last;
	uint32_t last_to;
	const char *refused; /* by what a door checks */
	uint64_t ids;
};

static void __attribute__((format(printf, 2, 3), noreturn))
die(struct acta_test *t, const char *format, ...)
{
	va_list ap;

	fprintf(stderr,
	    "acta_test: seed %llu: ", (unsigned long long)(t ? t->seed : 0));
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

/* --------------------------------------------------------------- ports -- */

static uint32_t
find(struct acta_test *t, const char *name, size_t size)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (strlen(t->routes[i].name) == size &&
		    memcmp(t->routes[i].name, name, size) == 0)
			return i;
	return UINT32_MAX;
}

static void
to_part(void *self, const char *service, uint32_t part,
    const struct acta_item *item)
{
	struct node_service *s = self;
	struct acta_test *t = s->test;
	uint32_t to = find(t, service, strlen(service));
	struct acta_buf b;
	struct frame *f;

	if (to == UINT32_MAX || t->services[to].down)
		return;
	acta_buf_init(&b);
	acta_frame_begin(&b, 1);
	acta_item_encode(&b, item);
	f = malloc(sizeof(*f) + b.size);
	if (f == NULL)
		abort();
	f->next = NULL;
	f->to = to;
	f->size = b.size;
	memcpy(f->data, b.data, b.size);
	acta_buf_fini(&b);
	*t->frame_tail = f;
	t->frame_tail = &f->next;
}

static void
to_door(void *self, const char *door, uint64_t door_inc,
    const struct acta_item *item)
{
	struct acta_test *t = ((struct node_service *)self)->test;

	if (strcmp(door, "@kit") != 0 || item->request != t->request ||
	    t->answered)
		return;
	t->answered = true;
	acta_buf_reset(&t->answer);
	acta_buf_append(&t->answer, item->body.data, item->body.size);
	snprintf(t->code, sizeof(t->code), "%.*s", (int)item->code.size,
	    item->code.data ? item->code.data : "");
	/* One text: what a client gets as text and hint. */
	snprintf(t->text, sizeof(t->text), "%.*s%s%.*s", (int)item->text.size,
	    item->text.data ? item->text.data : "",
	    item->hint.size > 0 ? "; " : "", (int)item->hint.size,
	    item->hint.data ? item->hint.data : "");
}

/* Subscribers are not part of the kit: acta_test_events reads the log. */
static void
event(void *self, const struct acta_item *item)
{
	(void)self;
	(void)item;
}

static void
alarm_raised(void *self, const char *name, const char *text)
{
	if (text[0] != '\0') /* else it is over */
		die(((struct node_service *)self)->test, "alarm %s: %s", name,
		    text);
}

static int64_t
elapsed(void *self)
{
	return 0;
}

static bool
crash(void *self, const char *point)
{
	struct node_service *s = self;
	struct crash_plan *c = &s->test->crash;

	if (!c->armed || strcmp(point, c->point) != 0 ||
	    (c->service[0] != '\0' &&
		strcmp(c->service, s->config.service) != 0) ||
	    ++c->met < c->nth)
		return false;
	c->armed = false;
	return true;
}

/* ----------------------------------------------------------- the node -- */

static void
start_handler(struct acta_test *t, struct node_service *s)
{
	const struct acta_service *service = s->loaded.service;
	struct acta_actor actor;
	acta_status status;

	if (service->start == NULL)
		return;
	memset(&actor, 0, sizeof(actor));
	actor.loaded = &s->loaded;
	actor.arena = &t->arena;
	actor.no_state = true;
	actor.now_ms = t->now_ms;
	status = service->start(&actor, &s->loaded.shared);
	if (status != ACTA_DONE || actor.misused)
		die(t, "%s: start() failed: %s", s->config.service,
		    actor.text ? actor.text : "");
}

static void
open_part(struct acta_test *t, struct node_service *s)
{
	struct acta_port port = { .self = s,
		.to_part = to_part,
		.to_door = to_door,
		.event = event,
		.alarm = alarm_raised,
		.elapsed_ms = elapsed,
		.crash = crash };
	struct acta_store_options options = { .service = s->config.service,
		.parts = 1,
		.quota = 1ull << 30,
		.memory = 64u << 20,
		.journal_keep = 1u << 30,
		.map_size = 1ull << 30,
		.in_memory = s->loaded.service->in_memory,
		.no_sync = true,
		.allow_any_fs = true,
		.seed = t->seed + 1 };
	struct acta_why why = { "", "" };

	if (acta_part_open(&s->part, s->dir, &options, &s->config, &s->loaded,
		&port, NULL, t->now_ms, &why) != ACTA_OK)
		die(t, "%s: %s", s->config.service, why.text);
}

static void
start(struct acta_test *t)
{
	struct acta_why why = { "", "" };

	if (t->started)
		return;
	t->started = true;
	for (uint32_t i = 0; i < t->count; i++) {
		struct node_service *s = &t->services[i];
		struct acta_buf map;

		acta_buf_init(&map);
		acta_pack_map(&map, s->setting_count);
		acta_pack_raw(&map, s->settings.data, s->settings.size);
		if (acta_loaded_settings(
			&s->loaded, map.data, map.size, &why) != ACTA_OK)
			die(t, "%s: %s", s->config.service, why.text);
		acta_buf_fini(&map);
		start_handler(t, s);
		open_part(t, s);
	}
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

acta_test *
acta_test_new(uint64_t seed, const char *const *services)
{
	struct acta_test *t = calloc(1, sizeof(*t));
	const char *tmp = getenv("TMPDIR");

	if (t == NULL)
		abort();
	t->seed = seed ? seed : (uint64_t)time(NULL);
	t->now_ms = START_MS;
	t->frame_tail = &t->frames;
	acta_buf_init(&t->answer);
	acta_buf_init(&t->last);
	snprintf(
	    t->dir, sizeof(t->dir), "%s/acta-test-XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(t->dir) == NULL)
		die(t, "cannot make a folder in %s", tmp ? tmp : "/tmp");
	for (; services[t->count] != NULL; t->count++) {
		struct node_service *s = &t->services[t->count];
		struct acta_why why = { "", "" };

		if (t->count == SERVICES_MAX)
			die(t, "over %u services", SERVICES_MAX);
		if (acta_loaded_open(&s->loaded, services[t->count], &why) !=
		    ACTA_OK)
			die(t, "%s\n  %s", why.text, why.hint);
		s->test = t;
		acta_buf_init(&s->settings);
		snprintf(t->routes[t->count].name, ACTA_SERVICE_MAX + 1, "%s",
		    s->loaded.service->name);
		t->routes[t->count].partitions = 1;
		snprintf(s->dir, sizeof(s->dir), "%s/%s/0", t->dir,
		    s->loaded.service->name);
		s->config =
		    (struct acta_part_config){ .service =
						   s->loaded.service->name,
			    .node = "test",
			    .parts = 1,
			    .max_attempts = 5,
			    .max_crashes = 3,
			    .backoff_min_ms = 100,
			    .backoff_max_ms = 30000,
			    .backoff_factor = 2,
			    .turn_limit_ms = 30000,
			    .channel_quota = 256u << 20,
			    .channel_credit = 4u << 20,
			    .event_count = 10000000,
			    .routes = t->routes,
			    .seed = t->seed + t->count * 7919 + 1 };
	}
	for (uint32_t i = 0; i < t->count; i++)
		t->services[i].config.route_count = t->count;
	t->actor_service = (struct acta_service){ .name = "test" };
	t->actor_loaded.service = &t->actor_service;
	t->actor.loaded = &t->actor_loaded;
	t->actor.arena = &t->arena;
	t->actor.no_state = true;
	t->actor.aborts = true;
	t->actor.now_ms = t->now_ms;
	return t;
}

void
acta_test_free(acta_test **test)
{
	struct acta_test *t = *test;

	if (t == NULL)
		return;
	if (t->actor.misused)
		die(t, "%s", t->actor.text);
	for (struct frame *f = t->frames, *next; f != NULL; f = next) {
		next = f->next;
		free(f);
	}
	for (uint32_t i = 0; i < t->count; i++) {
		struct node_service *s = &t->services[i];

		acta_part_close(&s->part);
		if (t->started && s->loaded.service->stop != NULL)
			s->loaded.service->stop(s->loaded.shared);
		acta_loaded_close(&s->loaded);
		acta_buf_fini(&s->settings);
	}
	acta_actor_fini(&t->actor);
	acta_arena_fini(&t->arena);
	acta_buf_fini(&t->answer);
	acta_buf_fini(&t->last);
	nftw(t->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(t);
	*test = NULL;
}

/* As JSON would be read: a number, true, false, else text. */
void
acta_test_set(
    acta_test *t, const char *service, const char *setting, const char *value)
{
	uint32_t i = find(t, service, strlen(service));
	struct node_service *s;
	int type = -1;
	char *end;

	if (i == UINT32_MAX || t->started)
		die(t, "acta_test_set: %s",
		    t->started ? "the services run already"
			       : "no such service");
	s = &t->services[i];
	i = (uint32_t)acta_schema_index(
	    &s->loaded.settings_schema, setting, strlen(setting));
	if (i != UINT32_MAX)
		type = s->loaded.settings_schema.fields[i].type;
	acta_pack_text(&s->settings, setting);
	if (type == ACTA_SCHEMA_INT)
		acta_pack_int(&s->settings, strtoll(value, &end, 10));
	else if (type == ACTA_SCHEMA_NUM)
		acta_pack_num(&s->settings, strtod(value, &end));
	else if (type == ACTA_SCHEMA_BOOL)
		acta_pack_bool(&s->settings, strcmp(value, "true") == 0);
	else
		acta_pack_text(&s->settings, value);
	s->setting_count++;
}

acta_actor *
acta_test_actor(acta_test *t)
{
	return &t->actor;
}

/* ------------------------------------------------------------- running -- */

static void
reopen(struct acta_test *t, struct node_service *s)
{
	struct frame **link = &t->frames;
	uint32_t own = (uint32_t)(s - t->services);

	acta_part_close(&s->part);
	/* What was on its way to the dead process is gone. */
	while (*link != NULL) {
		struct frame *f = *link;

		if (f->to != own) {
			link = &f->next;
			continue;
		}
		*link = f->next;
		free(f);
	}
	t->frame_tail = link;
	start_handler(t, s); /* a process anew: kill -9 called no stop() */
	open_part(t, s);
	for (uint32_t i = 0; i < t->count; i++)
		if (&t->services[i] != s && t->services[i].part != NULL)
			acta_part_peer(t->services[i].part, s->config.service,
			    UINT32_MAX, t->now_ms);
}

static void
turns(struct acta_test *t, struct node_service *s)
{
	bool more = true;

	for (uint32_t n = 0; more; n++) {
		enum acta_err err = acta_part_turn(s->part, t->now_ms, &more);

		if (err == ACTA_ECLOSED) {
			reopen(t, s);
			more = true;
		} else if (err != ACTA_OK) {
			die(t, "%s: the turn: %s", s->config.service,
			    acta_strerror(err));
		}
		if (n > STEPS_MAX)
			die(t, "%s does not come to rest", s->config.service);
	}
}

static void
deliver(struct acta_test *t)
{
	struct frame *f = t->frames;
	struct acta_reader r;
	struct acta_item item;
	uint64_t epoch;

	t->frames = f->next;
	if (t->frames == NULL)
		t->frame_tail = &t->frames;
	if (acta_frame_open(f->data, f->size, &epoch, &r) != ACTA_OK)
		die(t, "a frame is malformed");
	while (acta_item_decode(&r, &item) == ACTA_OK) {
		item.epoch = epoch;
		acta_part_item(t->services[f->to].part, &item, t->now_ms);
	}
	turns(t, &t->services[f->to]);
	free(f);
}

/* All that can be done without time going on. */
static void
step(struct acta_test *t)
{
	start(t);
	for (uint32_t i = 0; i < t->count; i++)
		turns(t, &t->services[i]);
	for (uint32_t n = 0; t->frames != NULL; n++) {
		deliver(t);
		if (n > STEPS_MAX)
			die(t, "messages go round without an end");
	}
}

static int64_t
wake(struct acta_test *t)
{
	int64_t at = INT64_MAX;

	for (uint32_t i = 0; i < t->count; i++) {
		int64_t one = acta_part_wake_ms(t->services[i].part);

		if (one < at)
			at = one;
	}
	return at;
}

void
acta_test_advance(acta_test *t, int64_t ms)
{
	int64_t until = t->now_ms + ms, at;

	step(t);
	while ((at = wake(t)) <= until) {
		if (at > t->now_ms)
			t->now_ms = at;
		else
			t->now_ms++;
		if (t->now_ms > until)
			break;
		step(t);
	}
	t->now_ms = until;
	step(t);
}

/* Quiet: nothing on its way, and no message waits for its retry. What is due
 * later by a timer is not waited for. */
void
acta_test_settle(acta_test *t)
{
	int64_t until = t->now_ms + SETTLE_MS;

	step(t);
	for (;;) {
		uint64_t waiting = 0;
		int64_t at = wake(t);

		for (uint32_t i = 0; i < t->count; i++)
			waiting += acta_part_waiting(t->services[i].part);
		if (waiting == 0 || at > until)
			return;
		t->now_ms = at > t->now_ms ? at : t->now_ms + 1;
		step(t);
	}
}

static acta_reply_view
view(struct acta_test *t)
{
	acta_reply_view v = { .code = "", .text = "" };
	struct acta_reader r;

	if (!t->answered) {
		v.code = "timeout";
		v.text = "no answer in 5 s";
		return v;
	}
	v.code = t->code;
	v.text = t->text;
	v.ok = t->code[0] == '\0';
	if (v.ok) {
		r = acta_reader(
		    acta_arena_copy(&t->arena, t->answer.data, t->answer.size),
		    t->answer.size);
		v.result = acta_read(&r);
	}
	return v;
}

static void
deliver_call(struct acta_test *t)
{
	struct acta_reader r = acta_reader(t->last.data, t->last.size);
	struct acta_item item;
	uint64_t epoch;

	if (acta_frame_open(t->last.data, t->last.size, &epoch, &r) !=
		ACTA_OK ||
	    acta_item_decode(&r, &item) != ACTA_OK)
		die(t, "the call is malformed");
	acta_part_item(t->services[t->last_to].part, &item, t->now_ms);
}

/* As a door does: sent again to a process that came up anew. */
static acta_reply_view
run_call(struct acta_test *t)
{
	int64_t until = t->now_ms + CALL_MS, at;

	if (t->refused != NULL)
		return (acta_reply_view){ .code = t->refused,
			.text = "the door refuses it" };
	t->answered = false;
	deliver_call(t);
	step(t);
	while (!t->answered && t->now_ms < until) {
		deliver_call(t); /* its id makes that harmless */
		step(t);
		if (t->answered)
			break;
		at = wake(t);
		t->now_ms = at > t->now_ms && at < until ? at : t->now_ms + 50;
		step(t);
	}
	return view(t);
}

static void
build_call(struct acta_test *t, const char *to, const char *type,
    const acta_field *fields, bool send)
{
	acta_value args = acta_map_(&t->actor, fields);
	struct acta_item item = { .kind = ACTA_ITEM_CALL };
	struct acta_message m = { .from = { "", 0 }, .id = { "", 0 } };
	struct acta_bytes service, key;
	struct acta_hash128 id;
	struct acta_buf b, a;

	start(t);
	if (t->actor.misused)
		die(t, "%s", t->actor.text);
	t->refused = NULL;
	if (acta_address_split(to, strlen(to), &service, &key) != ACTA_OK)
		t->refused = "bad-request";
	else if ((t->last_to = find(t, service.data, service.size)) ==
	    UINT32_MAX)
		t->refused = "unknown-service";
	if (t->refused != NULL)
		return;
	acta_buf_init(&a);
	acta_buf_init(&b);
	acta_pack_value(&a, args);
	t->request = ++t->ids;
	id = acta_hash128(&t->ids, sizeof(t->ids));
	m.key = key;
	m.type = (struct acta_bytes){ type, (uint32_t)strlen(type) };
	m.sent_ms = t->now_ms;
	m.deadline_ms = t->now_ms + CALL_MS;
	m.args_raw =
	    (struct acta_bytes){ (const char *)a.data, (uint32_t)a.size };
	m.caller = (struct acta_caller){ .kind = ACTA_CALLER_DOOR,
		.door = { "@kit", 4 },
		.door_inc = 1,
		.request = t->request,
		.service = service };
	acta_message_encode(&b, &m);
	item.src = m.caller.door;
	item.inc = 1;
	item.request = t->request;
	item.dst = service;
	item.flags = send ? ACTA_CALL_SEND : 0;
	item.client = id.bytes;
	item.body =
	    (struct acta_bytes){ (const char *)b.data, (uint32_t)b.size };
	acta_buf_reset(&t->last);
	acta_frame_begin(&t->last, 1);
	acta_item_encode(&t->last, &item);
	acta_buf_fini(&a);
	acta_buf_fini(&b);
}

acta_reply_view
acta_test_call_(
    acta_test *t, const char *to, const char *type, const acta_field *fields)
{
	build_call(t, to, type, fields, false);
	return run_call(t);
}

void
acta_test_send_(
    acta_test *t, const char *to, const char *type, const acta_field *fields)
{
	build_call(t, to, type, fields, true);
	if (t->refused != NULL)
		die(t, "send to %s: %s", to, t->refused);
	t->answered = false;
	deliver_call(t);
	step(t);
	if (t->answered && t->code[0] != '\0')
		die(t, "send to %s: %s: %s", to, t->code, t->text);
	if (!t->answered)
		(void)run_call(t);
}

acta_reply_view
acta_test_retry(acta_test *t)
{
	if (t->last.size == 0)
		die(t, "acta_test_retry: nothing was called");
	return run_call(t);
}

/* ------------------------------------------------------------- looking -- */

acta_value
acta_test_state(acta_test *t, const char *address, const char *name)
{
	struct acta_bytes service, key;
	char row[ACTA_STORE_KEY_MAX];
	struct acta_store *store;
	const void *value;
	size_t n, size;
	uint32_t i;
	acta_value v = { 0 };

	start(t);
	if (acta_address_split(address, strlen(address), &service, &key) !=
		ACTA_OK ||
	    (i = find(t, service.data, service.size)) == UINT32_MAX)
		die(t, "there is no service at \"%s\"", address);
	store = t->services[i].part->store;
	n = acta_actor_row(row, key.data, key.size, name, strlen(name));
	acta_store_begin(store);
	if (acta_store_get(store, ACTA_T_STATE, row, n, &value, &size) ==
	    ACTA_OK) {
		struct acta_reader r =
		    acta_reader(acta_arena_copy(&t->arena, value, size), size);

		v = acta_read(&r);
	}
	acta_store_abort(store);
	return v;
}

/* From the log: what left a process and what a crash kept in it alike. */
acta_value
acta_test_events(acta_test *t, const char *topic)
{
	const char *dot = strchr(topic, '.');
	uint32_t i = dot ? find(t, topic, (size_t)(dot - topic)) : UINT32_MAX;
	char prefix[ACTA_TYPE_MAX + 2];
	struct acta_buf b, rows;
	struct acta_store *store;
	struct acta_scan *scan;
	struct acta_row row;
	uint32_t count = 0;
	struct acta_reader r;
	acta_value v;

	start(t);
	if (i == UINT32_MAX || strlen(dot + 1) > ACTA_TYPE_MAX)
		die(t, "no service publishes \"%s\"", topic);
	acta_buf_init(&b);
	acta_buf_init(&rows);
	store = t->services[i].part->store;
	acta_store_begin(store);
	prefix[0] = (char)strlen(dot + 1);
	memcpy(prefix + 1, dot + 1, strlen(dot + 1));
	scan = acta_scan_open(store, ACTA_T_EVENT, prefix, strlen(dot));
	while (acta_scan_next(scan, &row)) {
		bool ok = true;
		uint32_t n;

		r = acta_reader(row.value, row.value_size);
		(void)acta_read_list(&r, &ok);
		(void)acta_read_str(&r, &n, &ok);
		(void)acta_read_uint(&r, &ok);
		(void)acta_read_int(&r, &ok);
		if (!ok)
			die(t, "an event of %s cannot be read", topic);
		acta_buf_append(&rows, r.at, (size_t)(r.end - r.at));
		count++;
	}
	if (acta_scan_close(&scan) != ACTA_OK)
		die(t, "the store cannot be read");
	acta_store_abort(store);
	acta_pack_list(&b, count);
	acta_pack_raw(&b, rows.data, rows.size);
	r = acta_reader(acta_arena_copy(&t->arena, b.data, b.size), b.size);
	v = acta_read(&r);
	acta_buf_fini(&b);
	acta_buf_fini(&rows);
	return v;
}

size_t
acta_test_dead(acta_test *t, const char *service)
{
	uint32_t i = find(t, service, strlen(service));
	struct acta_store *store;
	struct acta_scan *scan;
	struct acta_row row;
	size_t n = 0;

	start(t);
	if (i == UINT32_MAX)
		die(t, "there is no service \"%s\"", service);
	store = t->services[i].part->store;
	acta_store_begin(store);
	scan = acta_scan_open(store, ACTA_T_DEAD, "", 0);
	while (acta_scan_next(scan, &row))
		n++;
	if (acta_scan_close(&scan) != ACTA_OK)
		die(t, "the store cannot be read");
	acta_store_abort(store);
	return n;
}

void
acta_test_crash(
    acta_test *t, const char *service, const char *point, uint32_t nth)
{
	snprintf(t->crash.service, sizeof(t->crash.service), "%s",
	    service ? service : "");
	snprintf(t->crash.point, sizeof(t->crash.point), "%s", point);
	t->crash.nth = nth;
	t->crash.met = 0;
	t->crash.armed = true;
}

/* They need the simulated disk and network, which this kit has not got. */
void
acta_test_powercut(acta_test *t)
{
	die(t, "acta_test_powercut comes with the simulator");
}

void
acta_test_link(
    acta_test *t, double loss, double duplicated, int64_t delay_ms_max)
{
	die(t, "acta_test_link comes with the simulator");
}

bool
acta_test_storm(const char *const *services, uint32_t count,
    void (*scenario)(acta_test *), bool (*check)(acta_test *))
{
	die(NULL, "acta_test_storm comes with the simulator");
}
