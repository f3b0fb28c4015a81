/*
 * runtime/plan.c - the plan as bytes: an 8-byte mark, then records of u16 tag,
 * u32 length, bytes, little-endian. A child is one record holding its own.
 * Unknown tags are refused: cli and root are built together.
 */
#include "runtime/plan.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/ctl.h"

static const uint8_t mark[8] = { 'A', 'C', 'T', 'A', 'P', 'L', 'N', 3 };

#define ARGV_MAX 1024u
#define PATH_BYTES_MAX 4096u
#define KEYS_MAX (2u << 20) /* a config has 1 MiB */
#define TEXT_MAX (1u << 20)
/* A thousand years: sums of a few times stay far from overflow. */
#define TIME_MAX_MS (1000ll * 366 * 86400 * 1000)

enum tag {
	T_NODE = 1,
	T_FILE,
	T_DATA,
	T_RUN,
	T_REGISTRY,
	T_ANNOUNCE,
	T_INTENSITY,
	T_PERIOD,
	T_EXCEED,
	T_CHILD,
	T_STRATEGY,
	T_READER,
	T_KEYS,

	C_NAME = 32,
	C_KIND,
	C_PROGRAM,
	C_ARG,
	C_RESTART,
	C_SHUTDOWN,
	C_MIN,
	C_MAX,
	C_RESET,
	C_FACTOR,
	C_JITTER,
	C_CRASHES,
	C_TURN,
	C_MEMORY,
	C_FILES,
	C_PARTITIONS,
	C_WORKERS,
	C_CONFIG,
	C_PARENT,
	C_SIGNIFICANT,
	C_STRATEGY,
	C_AUTO,
	C_INTENSITY,
	C_PERIOD,
	C_EXCEED,
	C_KEYS
};

/* -------------------------------------------------------------- writing -- */

/* Appends; after a failure it swallows the rest, and `bad` tells at the end. */
struct out {
	uint8_t *data;
	size_t size, room;
	bool bad;
};

static void
put_bytes(struct out *out, const void *bytes, size_t size)
{
	if (out->bad || size == 0)
		return;
	if (size > out->room - out->size) {
		size_t room = out->room * 2 + size + 1024;
		uint8_t *data = realloc(out->data, room);

		if (!data) {
			out->bad = true;
			return;
		}
		out->data = data;
		out->room = room;
	}
	memcpy(out->data + out->size, bytes, size);
	out->size += size;
}

static void
put_le(struct out *out, uint64_t value, size_t size)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	put_bytes(out, bytes, size);
}

static void
put_head(struct out *out, enum tag tag, size_t size)
{
	if (size > ACTA_PLAN_BYTES_MAX)
		out->bad = true;
	put_le(out, tag, 2);
	put_le(out, size, 4);
}

static void
put_blob(struct out *out, enum tag tag, const void *bytes, size_t size)
{
	put_head(out, tag, size);
	put_bytes(out, bytes, size);
}

static void
put_text(struct out *out, enum tag tag, const char *text)
{
	put_blob(out, tag, text ? text : "", text ? strlen(text) : 0);
}

static void
put_num(struct out *out, enum tag tag, uint64_t value)
{
	put_head(out, tag, 8);
	put_le(out, value, 8);
}

static void
put_real(struct out *out, enum tag tag, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	put_num(out, tag, bits);
}

static void
put_child(struct out *out, const struct acta_plan_child *c)
{
	put_blob(out, C_NAME, c->name, strnlen(c->name, sizeof(c->name)));
	put_num(out, C_KIND, c->kind);
	if (c->kind != ACTA_KIND_GROUP)
		put_text(out, C_PROGRAM, c->program);
	for (char **arg = c->argv; arg && *arg; arg++)
		put_text(out, C_ARG, *arg);
	put_num(out, C_RESTART, c->restart);
	put_num(out, C_SHUTDOWN, (uint64_t)c->shutdown_ms);
	put_num(out, C_MIN, (uint64_t)c->backoff_min_ms);
	put_num(out, C_MAX, (uint64_t)c->backoff_max_ms);
	put_num(out, C_RESET, (uint64_t)c->backoff_reset_ms);
	put_real(out, C_FACTOR, c->backoff_factor);
	put_real(out, C_JITTER, c->backoff_jitter);
	put_num(out, C_CRASHES, c->max_crashes);
	put_num(out, C_TURN, (uint64_t)c->turn_limit_ms);
	put_num(out, C_MEMORY, c->memory_max);
	put_num(out, C_FILES, c->files_max);
	put_num(out, C_PARTITIONS, c->partitions);
	put_num(out, C_WORKERS, c->workers);
	put_blob(out, C_CONFIG, c->config, c->config_size);
	put_text(out, C_KEYS, c->keys);
	put_num(out, C_PARENT, c->parent);
	put_num(out, C_SIGNIFICANT, c->significant);
	if (c->kind != ACTA_KIND_GROUP)
		return;
	put_num(out, C_STRATEGY, c->strategy);
	put_num(out, C_AUTO, c->auto_shutdown);
	put_num(out, C_INTENSITY, c->intensity);
	put_num(out, C_PERIOD, (uint64_t)c->period_ms);
	put_num(out, C_EXCEED, c->on_exceed);
}

enum acta_err
acta_plan_encode(const struct acta_plan *plan, uint8_t **out, size_t *out_size)
{
	struct out all = { 0 }, one = { 0 };

	if (plan->count > ACTA_PLAN_CHILDREN_MAX)
		return ACTA_ELIMIT;
	put_bytes(&all, mark, sizeof(mark));
	put_blob(
	    &all, T_NODE, plan->node, strnlen(plan->node, sizeof(plan->node)));
	put_text(&all, T_FILE, plan->file);
	put_text(&all, T_DATA, plan->data);
	put_text(&all, T_RUN, plan->run);
	put_text(&all, T_REGISTRY, plan->registry);
	put_text(&all, T_READER, plan->reader);
	put_text(&all, T_KEYS, plan->keys);
	put_text(&all, T_ANNOUNCE, plan->announce);
	put_num(&all, T_STRATEGY, plan->strategy);
	put_num(&all, T_INTENSITY, plan->intensity);
	put_num(&all, T_PERIOD, (uint64_t)plan->period_ms);
	put_num(&all, T_EXCEED, plan->on_exceed);
	for (uint32_t i = 0; i < plan->count; i++) {
		one.size = 0;
		put_child(&one, &plan->children[i]);
		put_blob(&all, T_CHILD, one.data, one.size);
	}
	free(one.data);
	if (one.bad || all.bad) {
		free(all.data);
		return ACTA_ENOMEM;
	}
	if (all.size > ACTA_PLAN_BYTES_MAX) {
		free(all.data);
		return ACTA_ELIMIT;
	}
	*out = all.data;
	*out_size = all.size;
	return ACTA_OK;
}

/* -------------------------------------------------------------- reading -- */

struct in {
	const uint8_t *at, *end;
};

struct record {
	uint32_t tag;
	const uint8_t *bytes;
	size_t size;
};

static uint64_t
get_le(const uint8_t *bytes, size_t size)
{
	uint64_t value = 0;

	for (size_t i = size; i-- > 0;)
		value = value << 8 | bytes[i];
	return value;
}

/* False at the end and at what is no record; then in->at tells which. */
static bool
next_record(struct in *in, struct record *out)
{
	if (in->end - in->at < 6)
		return false;
	size_t size = (size_t)get_le(in->at + 2, 4);

	if (size > (size_t)(in->end - in->at) - 6)
		return false;
	*out = (struct record){ (uint32_t)get_le(in->at, 2), in->at + 6, size };
	in->at += 6 + size;
	return true;
}

static enum acta_err
get_num(const struct record *r, int64_t min, int64_t max, int64_t *out)
{
	if (r->size != 8)
		return ACTA_EPROTO;
	int64_t value = (int64_t)get_le(r->bytes, 8);

	if (value < min || value > max)
		return ACTA_EPROTO;
	*out = value;
	return ACTA_OK;
}

static enum acta_err
get_u32(const struct record *r, uint32_t max, uint32_t *out)
{
	int64_t value;
	enum acta_err err = get_num(r, 0, max, &value);

	if (err == ACTA_OK)
		*out = (uint32_t)value;
	return err;
}

static enum acta_err
get_u64(const struct record *r, uint64_t *out)
{
	int64_t value;
	enum acta_err err = get_num(r, 0, INT64_MAX, &value);

	if (err == ACTA_OK)
		*out = (uint64_t)value;
	return err;
}

static enum acta_err
get_real(const struct record *r, double min, double max, double *out)
{
	double value;
	uint64_t bits;

	if (r->size != 8)
		return ACTA_EPROTO;
	bits = get_le(r->bytes, 8);
	memcpy(&value, &bits, sizeof(value));
	if (!isfinite(value) || value < min || value > max)
		return ACTA_EPROTO;
	*out = value;
	return ACTA_OK;
}

static enum acta_err
get_text(const struct record *r, size_t max, char **out)
{
	if (r->size > max)
		return ACTA_ELIMIT;
	if (memchr(r->bytes, '\0', r->size) || *out)
		return ACTA_EPROTO; /* a second record of a kind, too */
	*out = malloc(r->size + 1);
	if (!*out)
		return ACTA_ENOMEM;
	memcpy(*out, r->bytes, r->size);
	(*out)[r->size] = '\0';
	return ACTA_OK;
}

/* Names become file names, so what could leave the folder is refused. */
static enum acta_err
get_name(const struct record *r, char *out, size_t out_size)
{
	if (r->size == 0 || r->size >= out_size || r->bytes[0] == '.' ||
	    memchr(r->bytes, '\0', r->size) || memchr(r->bytes, '/', r->size))
		return ACTA_EPROTO;
	memcpy(out, r->bytes, r->size);
	out[r->size] = '\0';
	return ACTA_OK;
}

static enum acta_err
get_arg(const struct record *r, struct acta_plan_child *c)
{
	size_t count = 0;

	while (c->argv && c->argv[count])
		count++;
	if (count >= ARGV_MAX)
		return ACTA_ELIMIT;
	char **argv = realloc(c->argv, (count + 2) * sizeof(*argv));

	if (!argv)
		return ACTA_ENOMEM;
	c->argv = argv;
	argv[count] = argv[count + 1] = NULL;
	return get_text(r, TEXT_MAX, &argv[count]);
}

static enum acta_err
get_config(const struct record *r, struct acta_plan_child *c)
{
	if (c->config)
		return ACTA_EPROTO;
	c->config = malloc(r->size + 1);
	if (!c->config)
		return ACTA_ENOMEM;
	memcpy(c->config, r->bytes, r->size);
	c->config_size = r->size;
	return ACTA_OK;
}

static enum acta_err
child_field(const struct record *r, struct acta_plan_child *c)
{
	switch (r->tag) {
	case C_NAME: return get_name(r, c->name, sizeof(c->name));
	case C_KIND: return get_u32(r, ACTA_KIND_GROUP, &c->kind);
	case C_PROGRAM: return get_text(r, PATH_BYTES_MAX, &c->program);
	case C_ARG: return get_arg(r, c);
	case C_RESTART: return get_u32(r, ACTA_TEMPORARY, &c->restart);
	case C_SHUTDOWN:
		return get_num(
		    r, ACTA_SHUTDOWN_INFINITY, TIME_MAX_MS, &c->shutdown_ms);
	case C_MIN: return get_num(r, 0, TIME_MAX_MS, &c->backoff_min_ms);
	case C_MAX: return get_num(r, 0, TIME_MAX_MS, &c->backoff_max_ms);
	case C_RESET: return get_num(r, 0, TIME_MAX_MS, &c->backoff_reset_ms);
	case C_FACTOR: return get_real(r, 1, 1e6, &c->backoff_factor);
	case C_JITTER: return get_real(r, 0, 1, &c->backoff_jitter);
	case C_CRASHES: return get_u32(r, UINT32_MAX, &c->max_crashes);
	case C_TURN: return get_num(r, 0, TIME_MAX_MS, &c->turn_limit_ms);
	case C_MEMORY: return get_u64(r, &c->memory_max);
	case C_FILES: return get_u64(r, &c->files_max);
	case C_PARTITIONS: return get_u32(r, UINT32_MAX, &c->partitions);
	case C_WORKERS: return get_u32(r, ACTA_BOX_WORKERS, &c->workers);
	case C_CONFIG: return get_config(r, c);
	case C_KEYS: return get_text(r, KEYS_MAX, &c->keys);
	case C_PARENT: return get_u32(r, ACTA_PLAN_CHILDREN_MAX, &c->parent);
	case C_SIGNIFICANT: return get_u32(r, 1, &c->significant);
	case C_STRATEGY:
		return get_u32(r, ACTA_SIMPLE_ONE_FOR_ONE, &c->strategy);
	case C_AUTO: return get_u32(r, ACTA_AUTO_ALL, &c->auto_shutdown);
	case C_INTENSITY: return get_u32(r, UINT32_MAX, &c->intensity);
	case C_PERIOD: return get_num(r, 1, TIME_MAX_MS, &c->period_ms);
	case C_EXCEED: return get_u32(r, ACTA_EXCEED_ESCALATE, &c->on_exceed);
	default: return ACTA_EPROTO;
	}
}

/* A group has no program, anything else has one; parents are groups, before
 * what is in them. */
static bool
well_placed(const struct acta_plan *plan, const struct acta_plan_child *c)
{
	bool group = c->kind == ACTA_KIND_GROUP;

	if (c->parent > 0 &&
	    (c->parent >= plan->count ||
		plan->children[c->parent - 1].kind != ACTA_KIND_GROUP))
		return false;
	if (group)
		return !c->argv && !c->program && c->period_ms > 0;
	return c->argv && c->program && c->program[0] == '/';
}

static enum acta_err
get_child(const struct record *r, struct acta_plan *plan)
{
	struct in in = { r->bytes, r->bytes + r->size };
	struct record field;
	enum acta_err err = ACTA_OK;

	if (plan->count == ACTA_PLAN_CHILDREN_MAX)
		return ACTA_ELIMIT;
	/* Counted before it is whole, so that fini frees what it has. */
	struct acta_plan_child *c = &plan->children[plan->count++];

	*c = (struct acta_plan_child){ .backoff_factor = 1 };
	while (err == ACTA_OK && next_record(&in, &field))
		err = child_field(&field, c);
	if (err != ACTA_OK)
		return err;
	if (in.at != in.end || !c->name[0] || !c->keys ||
	    !well_placed(plan, c) || c->backoff_max_ms < c->backoff_min_ms)
		return ACTA_EPROTO;
	for (uint32_t i = 0; i + 1 < plan->count; i++)
		if (strcmp(plan->children[i].name, c->name) == 0)
			return ACTA_EPROTO;
	return ACTA_OK;
}

static enum acta_err
plan_field(const struct record *r, struct acta_plan *plan)
{
	switch (r->tag) {
	case T_NODE: return get_name(r, plan->node, sizeof(plan->node));
	case T_FILE: return get_text(r, PATH_BYTES_MAX, &plan->file);
	case T_DATA: return get_text(r, PATH_BYTES_MAX, &plan->data);
	case T_RUN: return get_text(r, PATH_BYTES_MAX, &plan->run);
	case T_REGISTRY: return get_text(r, PATH_BYTES_MAX, &plan->registry);
	case T_READER: return get_text(r, PATH_BYTES_MAX, &plan->reader);
	case T_KEYS: return get_text(r, KEYS_MAX, &plan->keys);
	case T_ANNOUNCE: return get_text(r, TEXT_MAX, &plan->announce);
	case T_INTENSITY: return get_u32(r, UINT32_MAX, &plan->intensity);
	case T_STRATEGY: return get_u32(r, ACTA_REST_FOR_ONE, &plan->strategy);
	case T_PERIOD: return get_num(r, 1, TIME_MAX_MS, &plan->period_ms);
	case T_EXCEED:
		return get_u32(r, ACTA_EXCEED_ESCALATE, &plan->on_exceed);
	case T_CHILD: return get_child(r, plan);
	default: return ACTA_EPROTO;
	}
}

/* Room for the children is taken once: their addresses then stay. */
static uint32_t
count_children(struct in in)
{
	struct record r;
	uint32_t count = 0;

	while (next_record(&in, &r))
		if (r.tag == T_CHILD && count < ACTA_PLAN_CHILDREN_MAX)
			count++;
	return count;
}

enum acta_err
acta_plan_decode(const uint8_t *data, size_t size, struct acta_plan *out)
{
	struct acta_plan plan = { 0 };
	struct record r;
	enum acta_err err = ACTA_OK;

	if (size > ACTA_PLAN_BYTES_MAX)
		return ACTA_ELIMIT;
	if (size < sizeof(mark) || memcmp(data, mark, sizeof(mark)) != 0)
		return ACTA_EPROTO;

	struct in in = { data + sizeof(mark), data + size };

	plan.children = calloc(count_children(in) + 1, sizeof(*plan.children));
	if (!plan.children)
		return ACTA_ENOMEM;
	while (err == ACTA_OK && next_record(&in, &r))
		err = plan_field(&r, &plan);
	if (err == ACTA_OK &&
	    (in.at != in.end || !plan.node[0] || !plan.file || !plan.data ||
		plan.data[0] != '/' || !plan.run || plan.run[0] != '/' ||
		!plan.registry || !plan.reader || !plan.keys ||
		!plan.announce || plan.period_ms == 0))
		err = ACTA_EPROTO;
	if (err != ACTA_OK) {
		acta_plan_fini(&plan);
		return err;
	}
	assert(plan.count <= ACTA_PLAN_CHILDREN_MAX);
	*out = plan;
	return ACTA_OK;
}

void
acta_plan_child_fini(struct acta_plan_child *c)
{
	free(c->program);
	for (char **arg = c->argv; arg && *arg; arg++)
		free(*arg);
	free(c->argv);
	free(c->config);
	free(c->keys);
	*c = (struct acta_plan_child){ .name = "" };
}

void
acta_plan_fini(struct acta_plan *plan)
{
	if (!plan)
		return;
	for (uint32_t i = 0; i < plan->count; i++)
		acta_plan_child_fini(&plan->children[i]);
	free(plan->children);
	free(plan->file);
	free(plan->data);
	free(plan->run);
	free(plan->registry);
	free(plan->reader);
	free(plan->keys);
	free(plan->announce);
	*plan = (struct acta_plan){ 0 };
}
