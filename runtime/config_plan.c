/* runtime/config_plan.c - from a checked config to what the root is to do. */
#include "runtime/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"
#include "runtime/config_keys.h"

/* A door is back within a second, whatever it did. */
#define DOOR_BACKOFF_MIN_MS 10
#define DOOR_BACKOFF_MAX_MS 500
#define DOOR_TURN_LIMIT_MS 30000

static void
put_text(struct acta_buf *buf, const char *key, const char *value)
{
	acta_pack_text(buf, key);
	acta_pack_text(buf, value);
}

static void
put_int(struct acta_buf *buf, const char *key, int64_t value)
{
	acta_pack_text(buf, key);
	acta_pack_int(buf, value);
}

static void
put_num(struct acta_buf *buf, const char *key, double value)
{
	acta_pack_text(buf, key);
	acta_pack_num(buf, value);
}

static void
put_map(struct acta_buf *buf, const char *key, uint32_t count)
{
	acta_pack_text(buf, key);
	acta_pack_map(buf, count);
}

/* Everyone knows all services: where a key lives is a matter of counting. */
static void
put_services(struct acta_buf *buf, const struct acta_config *config)
{
	uint32_t i;

	acta_pack_text(buf, "services");
	acta_pack_list(buf, acta_config_hosts(config));
	for (i = 0; i < config->count; i++) {
		const struct acta_config_service *s = &config->services[i];

		if (s->kind != ACTA_CONFIG_SERVICE)
			continue;
		acta_pack_map(buf, 3);
		put_text(buf, "name", s->name);
		put_int(buf, "partitions", s->partitions);
		put_int(buf, "workers", s->workers);
	}
}

static void
host_config(const struct acta_config *config,
    const struct acta_config_service *s, struct acta_buf *buf)
{
	char *data = acta_text_keepf("%s/%s", config->data, s->name);

	acta_pack_map(buf, 22);
	put_text(buf, "node", config->node);
	put_text(buf, "service", s->name);
	put_text(buf, "load", s->path);
	put_text(buf, "data", data);
	put_text(buf, "run", config->run);
	put_int(buf, "partitions", s->partitions);
	put_int(buf, "workers", s->workers);
	put_int(buf, "max_attempts", s->max_attempts);
	put_int(buf, "max_crashes", s->max_crashes);
	put_int(buf, "turn_limit_ms", s->turn_limit_ms);
	put_map(buf, "backoff", 4);
	put_int(buf, "min_ms", s->backoff_min_ms);
	put_int(buf, "max_ms", s->backoff_max_ms);
	put_num(buf, "factor", s->backoff_factor);
	put_num(buf, "jitter", s->backoff_jitter);
	put_text(buf, "on_failed", s->on_failed == 0 ? "park" : "stop");
	put_map(buf, "ids", 2);
	put_int(buf, "keep_ms", s->ids_keep_ms);
	put_int(buf, "quota", s->ids_quota);
	put_map(buf, "events", 3);
	put_int(buf, "age_ms", s->events_age_ms);
	put_int(buf, "size", s->events_size);
	put_int(buf, "count", s->events_count);
	put_int(buf, "spin_us", s->spin_us);
	put_map(buf, "store", 3);
	put_int(buf, "quota", s->store_quota);
	put_int(buf, "memory", s->store_memory);
	put_int(buf, "journal_keep", s->store_journal_keep);
	put_map(buf, "channel", 2);
	put_int(buf, "quota", s->channel_quota);
	put_int(buf, "credit", s->channel_credit);
	acta_pack_text(buf, "settings");
	if (s->settings.size > 0)
		acta_pack_raw(buf, s->settings.data, s->settings.size);
	else
		acta_pack_map(buf, 0);
	put_int(buf, "max_body", config->max_body);
	put_text(buf, "on_lag", s->on_lag == 0 ? "hold" : "lapse");
	put_int(buf, "on_from", s->on_from);
	put_services(buf, config);
	free(data);
}

/* The local door binds all three as ipc and may do anything; one over tcp
 * binds the one that it is for. */
static void
door_config(const struct acta_config *config, const char *call,
    const char *push, const char *events, bool admin, struct acta_buf *buf)
{
	acta_pack_map(buf, 9);
	put_text(buf, "node", config->node);
	put_text(buf, "run", config->run);
	put_text(buf, "call", call);
	put_text(buf, "push", push);
	put_text(buf, "events", events);
	put_int(buf, "max_body", config->max_body);
	put_int(buf, "memory", config->door_memory);
	acta_pack_text(buf, "admin");
	acta_pack_bool(buf, admin);
	put_services(buf, config);
}

/* Program, arguments and config of a child; `buf` becomes the child's. */
static void
set_child(const struct acta_config *config, struct acta_plan_child *child,
    enum acta_plan_kind kind, const char *name, struct acta_buf *buf)
{
	const char *program =
	    kind == ACTA_KIND_HOST ? "acta-host" : "acta-door";

	snprintf(child->name, sizeof(child->name), "%s", name);
	child->kind = kind;
	child->program = acta_text_keepf("%s/%s", config->program_dir, program);
	child->argv = calloc(3, sizeof(*child->argv));
	if (child->argv == NULL)
		abort();
	child->argv[0] = acta_text_keepf("%s", program);
	child->argv[1] = acta_text_keepf("%s", name);
	child->config = malloc(buf->size);
	if (child->config == NULL)
		abort();
	memcpy(child->config, buf->data, buf->size);
	child->config_size = buf->size;
	acta_buf_reset(buf);
}

static void
add_door(const struct acta_config *config, struct acta_plan *plan,
    const char *name, struct acta_buf *buf)
{
	struct acta_plan_child *child = &plan->children[plan->count++];

	*child = (struct acta_plan_child){
		.restart = ACTA_PERMANENT,
		.shutdown_ms = 5000,
		.backoff_min_ms = DOOR_BACKOFF_MIN_MS,
		.backoff_max_ms = DOOR_BACKOFF_MAX_MS,
		.backoff_reset_ms = 60000,
		.backoff_factor = 2,
		.backoff_jitter = 0.2,
		.max_crashes = 3,
		.turn_limit_ms = DOOR_TURN_LIMIT_MS,
		/* The local one serves this user alone: none to be guarded
		 * against. */
		.memory_max = strcmp(name, "@door") == 0
		    ? 0
		    : (uint64_t)config->door_memory,
		.partitions = 1,
		.workers = 1,
	};
	set_child(config, child, ACTA_KIND_DOOR, name, buf);
}

static void
add_doors(const struct acta_config *config, struct acta_plan *plan,
    struct acta_buf *buf)
{
	char *call = acta_text_keepf("ipc://%s/call", config->run);
	char *push = acta_text_keepf("ipc://%s/push", config->run);
	char *events = acta_text_keepf("ipc://%s/events", config->run);

	door_config(config, call, push, events, true, buf);
	add_door(config, plan, "@door", buf);
	free(call);
	free(push);
	free(events);
	if (strcmp(config->call, "off") != 0) {
		door_config(config, config->call, "", "", config->admin, buf);
		add_door(config, plan, "@door-call", buf);
	}
	if (strcmp(config->push, "off") != 0) {
		door_config(config, "", config->push, "", config->admin, buf);
		add_door(config, plan, "@door-push", buf);
	}
	if (strcmp(config->events, "off") != 0) {
		door_config(config, "", "", config->events, config->admin, buf);
		add_door(config, plan, "@door-events", buf);
	}
}

/* argv[0] as it is written, which some programs look at. */
static void
set_program(struct acta_plan_child *child, const struct acta_config_service *s)
{
	size_t count = 0;

	while (s->argv[count] != NULL)
		count++;
	child->kind = ACTA_KIND_EXEC;
	child->program = acta_text_keepf("%s", s->path);
	child->argv = calloc(count + 1, sizeof(*child->argv));
	if (child->argv == NULL)
		abort();
	for (size_t i = 0; i < count; i++)
		child->argv[i] = acta_text_keepf("%s", s->argv[i]);
}

static void
set_group(struct acta_plan_child *child, const struct acta_config_service *s)
{
	child->kind = ACTA_KIND_GROUP;
	child->strategy = (uint32_t)s->strategy;
	child->auto_shutdown = (uint32_t)s->auto_shutdown;
	child->intensity = (uint32_t)s->intensity;
	child->period_ms = s->period_ms;
	child->on_exceed = (uint32_t)s->on_exceed;
}

static void
add_child(const struct acta_config *config, const struct acta_config_service *s,
    uint32_t doors, struct acta_plan *plan, struct acta_buf *buf)
{
	struct acta_plan_child *child = &plan->children[plan->count++];
	bool host = s->kind == ACTA_CONFIG_SERVICE;

	*child = (struct acta_plan_child){
		.parent =
		    s->parent == ACTA_CONFIG_TOP ? 0 : 1 + doors + s->parent,
		.significant = s->significant,
		.restart = (uint32_t)s->restart,
		.shutdown_ms = s->shutdown_ms,
		.backoff_min_ms = s->backoff_min_ms,
		.backoff_max_ms = s->backoff_max_ms,
		.backoff_reset_ms = s->backoff_reset_ms,
		.backoff_factor = s->backoff_factor,
		.backoff_jitter = s->backoff_jitter,
		.max_crashes = (uint32_t)s->max_crashes,
		.turn_limit_ms = s->turn_limit_ms,
		.memory_max = (uint64_t)s->memory_max,
		.files_max = (uint64_t)s->files_max,
		.partitions = host ? (uint32_t)s->partitions : 0,
		.workers = host ? (uint32_t)s->workers : 0,
	};
	snprintf(child->name, sizeof(child->name), "%s", s->name);
	child->keys = acta_config_lines(config, s);
	if (s->kind == ACTA_CONFIG_PROGRAM) {
		set_program(child, s);
	} else if (s->kind == ACTA_CONFIG_GROUP) {
		set_group(child, s);
	} else {
		host_config(config, s, buf);
		set_child(config, child, ACTA_KIND_HOST, s->name, buf);
	}
}

static uint32_t
runnable(const struct acta_config *config)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < config->count; i++) {
		const struct acta_config_service *s = &config->services[i];
		bool template = s->parent != ACTA_CONFIG_TOP &&
		    config->services[s->parent].strategy ==
			ACTA_SIMPLE_ONE_FOR_ONE;

		count += s->kind != ACTA_CONFIG_GROUP && !template;
	}
	return count;
}

void
acta_config_plan(const struct acta_config *config, struct acta_plan *out)
{
	struct acta_buf buf;
	uint32_t count = runnable(config), doors, i;
	char *call;

	*out = (struct acta_plan){
		.file = acta_text_keepf("%s", config->file),
		.data = acta_text_keepf("%s", config->data),
		.run = acta_text_keepf("%s", config->run),
		.registry = acta_text_keepf("%s", config->registry),
		.strategy = (uint32_t)config->strategy,
		.intensity = (uint32_t)config->intensity,
		.period_ms = config->period_ms,
		.on_exceed = (uint32_t)config->on_exceed,
	};
	snprintf(out->node, sizeof(out->node), "%s", config->node);
	out->keys = acta_config_lines(config, NULL);
	call = strcmp(config->call, "off") == 0
	    ? acta_text_keepf("ipc://%s/call", config->run)
	    : acta_text_keepf("%s", config->call);
	out->announce = acta_text_keepf("acta: %s: %" PRIu32
					" service%s up, call %s (acta ps)",
	    config->node, count, count == 1 ? "" : "s", call);
	free(call);
	out->children =
	    calloc(config->count + ACTA_CONFIG_DOORS, sizeof(*out->children));
	if (out->children == NULL)
		abort();
	acta_buf_init(&buf);
	add_doors(config, out, &buf);
	doors = out->count;
	for (i = 0; i < config->count; i++)
		add_child(config, &config->services[i], doors, out, &buf);
	acta_buf_fini(&buf);
}
