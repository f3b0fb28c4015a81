/*
 * runtime/sim/testkit.c - acta_test.h: services as a node runs them, in one
 * thread, on a simulated disk and network, with the time handed in. Each service
 * has one partition; a crash closes it where it is and opens it anew from what
 * its disk has. What must always hold is watched all the time (ledger.h).
 */
#include "runtime/sim/testkit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codecs/packer.h"

#define STEPS_MAX 1000000u /* of one settle: more is a loop without an end */
#define STARTS_MAX 16u     /* of one service, each ended on the way */
#define CALL_MS 5000
#define SETTLE_MS 60000 /* of waiting for retries, in simulated time */
#define START_US 1790000000000000LL

void
acta_test_die(struct acta_test *t, const char *format, ...)
{
	va_list ap;

	fprintf(stderr,
	    "acta_test: seed %llu: ", (unsigned long long)(t ? t->seed : 0));
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	if (t != NULL && t->met[0] != '\0')
		fprintf(stderr, " (after a %s)", t->met);
	fputc('\n', stderr);
	abort();
}

static uint32_t
find(struct acta_test *t, const char *name, size_t size)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (strlen(t->services[i].loaded.service->name) == size &&
		    memcmp(t->services[i].loaded.service->name, name, size) ==
			0)
			return i;
	return UINT32_MAX;
}

static struct acta_place *
place_of(struct acta_test *t, uint32_t service)
{
	return &t->services[service].process->places[0];
}

static int64_t
now_ms(struct acta_test *t)
{
	return acta_cluster_ms(&t->cluster);
}

/* ---------------------------------------------------------------- hooks -- */

/* Is this where a process, or the node, is to end? */
static bool
met(struct acta_test *t, const struct acta_place *place, const char *point)
{
	struct acta_test_crash_plan *c = &t->crash;
	const char *service = place->process->config.service;

	if (++t->points == t->storm) {
		t->power_out = t->storm_power;
		snprintf(t->met, sizeof(t->met), "%s of %.32s at %s",
		    t->storm_power ? "power cut" : "kill", service, point);
		return true;
	}
	if (!c->armed || strcmp(point, c->point) != 0 ||
	    (c->service[0] != '\0' && strcmp(c->service, service) != 0) ||
	    ++c->met < c->nth)
		return false;
	c->armed = false;
	t->power_out = c->power;
	return true;
}

static bool
on_point(void *self, struct acta_place *place, const char *point)
{
	return met(self, place, point);
}

static enum acta_sim_fate
on_step(void *self, struct acta_sim_disk *disk, enum acta_sim_step step)
{
	static const char *const names[ACTA_SIM_STEPS] = { "open", "sync",
		"data", "flush", "root", "cached", "durable" };
	struct acta_place *place = acta_sim_disk_user(disk);

	if (!met(self, place, names[step]))
		return ACTA_SIM_GO;
	place->process->ended = true;
	return ACTA_SIM_KILL;
}

static void *
on_seen(void *self, struct acta_sim_disk *disk, void *before)
{
	return acta_ledger_seen(
	    &((struct acta_test *)self)->ledger, disk, before);
}

static void
on_forget(void *self, void *view)
{
	acta_ledger_forget(view);
}

static void
take_reply(struct acta_test *t, const struct acta_item *item)
{
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

/* The kit is the door: what leaves for it has arrived. Subscribers are not part
 * of it: acta_test_events reads the log. */
static bool
on_leaves(void *self, struct acta_place *place, uint32_t end,
    const struct acta_item *item)
{
	struct acta_test *t = self;

	if (!place->process->store.in_memory)
		acta_ledger_leaves(&t->ledger, place, item);
	if (item->kind != ACTA_ITEM_REPLY || item->request != t->request ||
	    t->answered)
		return false;
	if (t->last_keeps)
		acta_ledger_answer(&t->ledger, place, t->last_id, item);
	take_reply(t, item);
	return false;
}

static void
on_alarm(
    void *self, struct acta_place *place, const char *name, const char *text)
{
	if (text[0] != '\0') /* else it is over */
		acta_test_die(self, "alarm %s: %s", name, text);
}

static void
on_broken(void *self, const char *kind, const char *text)
{
	acta_test_die(self, "an invariant broke: %s", text);
}

/* What is in memory is at most as old as its process. */
static bool
on_trusted(void *self, const struct acta_place *place)
{
	return !place->process->store.in_memory;
}

/* ------------------------------------------------------------ the node -- */

static void
start_handler(struct acta_test *t, struct acta_test_service *s)
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
	actor.now_ms = now_ms(t);
	status = service->start(&actor, &s->loaded.shared);
	if (status != ACTA_DONE || actor.misused)
		acta_test_die(t, "%s: start() failed: %s", service->name,
		    actor.text ? actor.text : "");
}

static void power_cut(struct acta_test *t);

/* A process of it, whatever ends it on the way, and all are told. */
static void
start_process(struct acta_test *t, struct acta_test_service *s)
{
	struct acta_why why = { "", "" };
	enum acta_err err = ACTA_ECLOSED;

	for (uint32_t n = 0; err == ACTA_ECLOSED && n < STARTS_MAX; n++) {
		start_handler(t, s);
		err = acta_process_start(s->process, false, &why);
		if (t->power_out) {
			power_cut(t);
			return;
		}
	}
	if (err != ACTA_OK)
		acta_test_die(t, "%s: %s", s->loaded.service->name, why.text);
	acta_cluster_announce(&t->cluster, s->process->end);
}

/* All end at once; what was not durable goes. Then all come up again. */
static void
power_cut(struct acta_test *t)
{
	t->power_out = false;
	for (uint32_t i = 0; i < t->count; i++)
		acta_process_end(t->services[i].process);
	acta_net_clear(&t->cluster.net);
	for (uint32_t i = 0; i < t->count; i++)
		acta_sim_disk_power(place_of(t, i)->disk, false);
	acta_cluster_boot(&t->cluster);
	for (uint32_t i = 0; i < t->count; i++)
		if (t->services[i].process->state != ACTA_PROCESS_UP)
			start_process(t, &t->services[i]);
}

static void
add_process(struct acta_test *t, struct acta_test_service *s)
{
	static const struct acta_part_config config = { .node = "test",
		.max_attempts = 5,
		.max_crashes = 3,
		.backoff_min_ms = 100,
		.backoff_max_ms = 30000,
		.backoff_factor = 2,
		.turn_limit_ms = 30000,
		.channel_quota = 256u << 20,
		.channel_credit = 4u << 20,
		.event_count = 10000000 };
	static const struct acta_store_options store = { .quota = 1ull << 30,
		.memory = 64u << 20,
		.journal_keep = 1u << 30,
		.map_size = 2ull << 30 };
	struct acta_why why = { "", "" };
	struct acta_buf map;

	acta_buf_init(&map);
	acta_pack_map(&map, s->setting_count);
	acta_pack_raw(&map, s->settings.data, s->settings.size);
	if (acta_loaded_settings(&s->loaded, map.data, map.size, &why) !=
	    ACTA_OK)
		acta_test_die(t, "%s: %s", s->loaded.service->name, why.text);
	acta_buf_fini(&map);
	s->process =
	    acta_cluster_add(&t->cluster, &s->loaded, 1, &config, &store);
}

static void
start(struct acta_test *t)
{
	if (t->started)
		return;
	t->started = true;
	for (uint32_t i = 0; i < t->count; i++)
		add_process(t, &t->services[i]);
	for (uint32_t i = 0; i < t->count; i++)
		if (t->services[i].process->state != ACTA_PROCESS_UP)
			start_process(t, &t->services[i]);
}

static void
load_service(struct acta_test *t, const char *path)
{
	struct acta_test_service *s = &t->services[t->count];
	struct acta_why why = { "", "" };

	if (t->count == ACTA_TEST_SERVICES_MAX)
		acta_test_die(t, "over %u services", ACTA_TEST_SERVICES_MAX);
	if (acta_loaded_open(&s->loaded, path, &why) != ACTA_OK)
		acta_test_die(t, "%s\n  %s", why.text, why.hint);
	s->test = t;
	acta_buf_init(&s->settings);
	t->count++;
}

static void
init_cluster(struct acta_test *t)
{
	static uint64_t nodes; /* each has disks of its own */
	const struct acta_cluster_hooks hooks = { .self = t,
		.point = on_point,
		.leaves = on_leaves,
		.alarm = on_alarm };
	const struct acta_sim_hooks disk_hooks = {
		.self = t, .step = on_step, .seen = on_seen, .forget = on_forget
	};
	char name[32];

	snprintf(name, sizeof(name), "kit%llu:", (unsigned long long)++nodes);
	acta_cluster_init(
	    &t->cluster, t->seed, name, START_US, &hooks, &disk_hooks);
	(void)acta_cluster_door(&t->cluster, "@kit");
	t->ledger = (struct acta_ledger){ .cluster = &t->cluster,
		.self = t,
		.broken = on_broken,
		.trusted = on_trusted };
}

acta_test *
acta_test_new(uint64_t seed, const char *const *services)
{
	struct acta_test *t = calloc(1, sizeof(*t));

	if (t == NULL)
		abort();
	t->seed = seed ? seed : (uint64_t)time(NULL);
	init_cluster(t);
	acta_buf_init(&t->answer);
	acta_buf_init(&t->last);
	while (services[t->count] != NULL)
		load_service(t, services[t->count]);
	t->actor_service = (struct acta_service){ .name = "test" };
	t->actor_loaded.service = &t->actor_service;
	t->actor.loaded = &t->actor_loaded;
	t->actor.arena = &t->arena;
	t->actor.no_state = true;
	t->actor.aborts = true;
	t->actor.now_ms = now_ms(t);
	return t;
}

void
acta_test_free(acta_test **test)
{
	struct acta_test *t = *test;

	if (t == NULL)
		return;
	if (t->actor.misused)
		acta_test_die(t, "%s", t->actor.text);
	for (uint32_t i = 0; t->started && i < t->count; i++) {
		struct acta_place *place = place_of(t, i);

		if (!place->process->store.in_memory)
			acta_ledger_store(&t->ledger, place);
	}
	acta_cluster_fini(&t->cluster);
	for (uint32_t i = 0; i < t->count; i++) {
		struct acta_test_service *s = &t->services[i];

		if (t->started && s->loaded.service->stop != NULL)
			s->loaded.service->stop(s->loaded.shared);
		acta_loaded_close(&s->loaded);
		acta_buf_fini(&s->settings);
	}
	acta_actor_fini(&t->actor);
	acta_arena_fini(&t->arena);
	acta_buf_fini(&t->answer);
	acta_buf_fini(&t->last);
	free(t);
	*test = NULL;
}

/* As JSON would be read: a number, true, false, else text. */
void
acta_test_set(
    acta_test *t, const char *service, const char *setting, const char *value)
{
	uint32_t i = find(t, service, strlen(service));
	struct acta_test_service *s;
	int type = -1;
	char *end;

	if (i == UINT32_MAX || t->started)
		acta_test_die(t, "acta_test_set: %s",
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

/* What came of something that a process did. */
static void
came_of(struct acta_test *t, struct acta_test_service *s, enum acta_err err)
{
	if (t->power_out) {
		power_cut(t);
	} else if (err == ACTA_ECLOSED) {
		acta_process_end(s->process);
		start_process(t, s); /* kill -9 called no stop() */
	} else if (err != ACTA_OK) {
		acta_test_die(t, "%s: the turn: %s", s->loaded.service->name,
		    acta_strerror(err));
	} else if (!s->process->store.in_memory) {
		acta_ledger_memory(&t->ledger, s->process);
	}
}

static void
run_round(struct acta_test *t, struct acta_test_service *s)
{
	came_of(
	    t, s, acta_process_round(s->process, ACTA_CLUSTER_FRAMES_A_ROUND));
}

/* All that can be done without time going on. */
static void
step(struct acta_test *t)
{
	bool any = true;

	start(t);
	for (uint32_t n = 0; any; n++) {
		any = acta_cluster_deliver(&t->cluster);
		for (uint32_t i = 0; i < t->count; i++)
			if (acta_process_ready(t->services[i].process)) {
				run_round(t, &t->services[i]);
				any = true;
			}
		if (n > STEPS_MAX)
			acta_test_die(t, "messages go round without an end");
	}
}

/* When something happens next by itself. */
static int64_t
wake_us(struct acta_test *t)
{
	int64_t at = acta_net_wake_us(&t->cluster.net);

	for (uint32_t i = 0; i < t->count; i++)
		if (t->services[i].process->wake_us < at)
			at = t->services[i].process->wake_us;
	return at;
}

/* To that time, or a ms on: then all that can be done. */
static void
go_to(struct acta_test *t, int64_t at_us)
{
	t->cluster.now_us =
	    at_us > t->cluster.now_us ? at_us : t->cluster.now_us + 1000;
	step(t);
}

void
acta_test_advance(acta_test *t, int64_t ms)
{
	int64_t until_us = t->cluster.now_us + ms * 1000, at_us;

	step(t);
	while ((at_us = wake_us(t)) < until_us &&
	    t->cluster.now_us + 1000 < until_us)
		go_to(t, at_us);
	t->cluster.now_us = until_us;
	step(t);
}

/* Quiet: nothing on its way, and no message waits for its retry. What is due
 * later by a timer is not waited for. */
void
acta_test_settle(acta_test *t)
{
	int64_t until_us = t->cluster.now_us + SETTLE_MS * 1000LL;

	step(t);
	for (;;) {
		uint64_t waiting = t->cluster.net.count;
		int64_t at_us = wake_us(t);

		for (uint32_t i = 0; i < t->count; i++)
			waiting += acta_part_waiting(place_of(t, i)->part);
		if (waiting == 0 || at_us > until_us)
			return;
		go_to(t, at_us);
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
	struct acta_test_service *s = &t->services[t->last_to];
	struct acta_reader r;
	struct acta_item item;
	uint64_t epoch;

	if (acta_frame_open(t->last.data, t->last.size, &epoch, &r) !=
		ACTA_OK ||
	    acta_item_decode(&r, &item) != ACTA_OK)
		acta_test_die(t, "the call is malformed");
	came_of(t, s, acta_place_give(place_of(t, t->last_to), &item));
}

/* As a door does: sent again to a process that came up anew. */
static acta_reply_view
run_call(struct acta_test *t)
{
	int64_t until_us = t->cluster.now_us + CALL_MS * 1000LL, at_us;

	if (t->refused != NULL)
		return (acta_reply_view){ .code = t->refused,
			.text = "the door refuses it" };
	t->answered = false;
	deliver_call(t);
	step(t);
	while (!t->answered && t->cluster.now_us < until_us) {
		deliver_call(t); /* its id makes that harmless */
		step(t);
		if (t->answered)
			break;
		at_us = wake_us(t);
		go_to(t, at_us < until_us ? at_us : t->cluster.now_us + 50000);
	}
	return view(t);
}

/* Is an answer to this type kept under the caller's id? */
static bool
keeps(const struct acta_loaded *loaded, const char *type)
{
	const struct acta_handler_info *h =
	    acta_loaded_find(loaded, type, strlen(type));

	return h != NULL && (h->handler->flags & ACTA_READS) == 0 &&
	    !loaded->service->in_memory;
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
		acta_test_die(t, "%s", t->actor.text);
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
	memcpy(t->last_id, id.bytes, sizeof(t->last_id));
	t->last_keeps = keeps(&t->services[t->last_to].loaded, type);
	m.key = key;
	m.type = (struct acta_bytes){ type, (uint32_t)strlen(type) };
	m.sent_ms = now_ms(t);
	m.deadline_ms = now_ms(t) + CALL_MS;
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
		acta_test_die(t, "send to %s: %s", to, t->refused);
	t->answered = false;
	deliver_call(t);
	step(t);
	if (t->answered && t->code[0] != '\0')
		acta_test_die(t, "send to %s: %s: %s", to, t->code, t->text);
	if (!t->answered)
		(void)run_call(t);
}

acta_reply_view
acta_test_retry(acta_test *t)
{
	if (t->last.size == 0)
		acta_test_die(t, "acta_test_retry: nothing was called");
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
		acta_test_die(t, "there is no service at \"%s\"", address);
	store = place_of(t, i)->part->store;
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
		acta_test_die(t, "no service publishes \"%s\"", topic);
	acta_buf_init(&b);
	acta_buf_init(&rows);
	store = place_of(t, i)->part->store;
	acta_store_begin(store);
	prefix[0] = (char)strlen(dot + 1);
	memcpy(prefix + 1, dot + 1, strlen(dot + 1));
	scan = acta_scan_open(store, ACTA_T_EVENT, prefix, strlen(dot));
	while (acta_scan_next(scan, &row)) {
		bool ok = true;
		const void *data;
		size_t size;
		uint32_t n;

		r = acta_reader(row.value, row.value_size);
		(void)acta_read_list(&r, &ok);
		(void)acta_read_str(&r, &n, &ok);
		(void)acta_read_uint(&r, &ok);
		(void)acta_read_int(&r, &ok);
		data = acta_read_raw(&r, &size);
		if (!ok)
			acta_test_die(
			    t, "an event of %s cannot be read", topic);
		acta_buf_append(&rows, data, size);
		count++;
	}
	if (acta_scan_close(&scan) != ACTA_OK)
		acta_test_die(t, "the store cannot be read");
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
		acta_test_die(t, "there is no service \"%s\"", service);
	store = place_of(t, i)->part->store;
	acta_store_begin(store);
	scan = acta_scan_open(store, ACTA_T_DEAD, "", 0);
	while (acta_scan_next(scan, &row))
		n++;
	if (acta_scan_close(&scan) != ACTA_OK)
		acta_test_die(t, "the store cannot be read");
	acta_store_abort(store);
	return n;
}

/* --------------------------------------------------------------- broken -- */

void
acta_test_crash(
    acta_test *t, const char *service, const char *point, uint32_t nth)
{
	t->crash = (struct acta_test_crash_plan){ .nth = nth, .armed = true };
	snprintf(t->crash.service, sizeof(t->crash.service), "%s",
	    service ? service : "");
	snprintf(t->crash.point, sizeof(t->crash.point), "%s", point);
}

void
acta_test_powercut(acta_test *t)
{
	if (t->crash.armed) {
		t->crash.power = true;
		return;
	}
	start(t);
	power_cut(t);
}

void
acta_test_link(
    acta_test *t, double loss, double duplicated, int64_t delay_ms_max)
{
	if (!(loss >= 0 && loss <= 1 && duplicated >= 0 && duplicated <= 1) ||
	    delay_ms_max < 0)
		acta_test_die(t, "acta_test_link: shares are 0 to 1");
	t->cluster.net.rates =
	    (struct acta_net_rates){ .lost = (uint32_t)(loss * 1000),
		    .doubled = (uint32_t)(duplicated * 1000),
		    .delay_us_max = delay_ms_max * 1000 };
}
