/*
 * join.c - one question to several partitions, one answer of theirs.
 *
 * Of results that are maps, lists of the same name are put one behind the
 * other in the order of partitions, integers of the same name are added, and a
 * bool is true if one is; of anything else the first is taken. Partitions that did not answer stand in
 * `missing` as {service, part, code}. If none answered well, the first refusal
 * is the answer. One partition alone: its answer as it is.
 */
#include "runtime/door/door.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"

#define FIELDS_MAX 64u

struct part_answer {
	const struct door_service *service;
	uint32_t part;
	bool ok;
	char code[65];
	uint32_t at, size; /* of the result, in `results` */
};

struct door_join {
	TAILQ_ENTRY(door_join) entry;
	struct door_back back;
	uint32_t asked, answered;
	bool over;                 /* results beyond the bound were left out */
	char text[512], hint[256]; /* of the first refusal */
	struct acta_buf results;
	struct part_answer *parts;
};

static void
end(struct door *door, struct door_join *join)
{
	TAILQ_REMOVE(&door->joins, join, entry);
	door->join_count--;
	acta_buf_fini(&join->results);
	free((void *)join->back.frames);
	free(join->parts);
	free(join);
}

void
door_joins_fini(struct door *door)
{
	while (!TAILQ_EMPTY(&door->joins))
		end(door, TAILQ_FIRST(&door->joins));
}

/* --------------------------------------------------------------- join -- */

static acta_value
result_of(const struct door_join *join, const struct part_answer *part)
{
	struct acta_reader reader =
	    acta_reader(join->results.data + part->at, part->size);

	return part->ok ? acta_read(&reader) : (acta_value){ 0 };
}

/* Bytes of all elements of a list. */
static void
pack_elements(struct acta_buf *buf, acta_value list)
{
	struct acta_reader reader = acta_reader_into(list);

	for (uint32_t i = 0; i < list.size; i++) {
		size_t size;
		const void *data = acta_read_raw(&reader, &size);

		acta_pack_raw(buf, data, size);
	}
}

/* The field `name` of all results that have it. */
static void
pack_field(struct acta_buf *buf, const struct door_join *join, acta_value name,
    acta_value first)
{
	uint32_t elements = 0;
	int64_t sum = 0;
	bool any = false;

	for (uint32_t i = 0; i < join->answered; i++) {
		acta_value map = result_of(join, &join->parts[i]);
		acta_value v = { 0 };

		if (map.type == ACTA_MAP)
			v = acta_map_get(map, name.as.data, name.size);
		if (v.type == ACTA_LIST)
			elements += v.size;
		else if (v.type == ACTA_INT &&
		    __builtin_add_overflow(sum, v.as.i, &sum))
			sum = INT64_MAX;
		else if (v.type == ACTA_BOOL)
			any = any || v.as.b;
	}
	acta_pack_str(buf, name.as.data, name.size);
	if (first.type == ACTA_INT) {
		acta_pack_int(buf, sum);
		return;
	}
	if (first.type == ACTA_BOOL) {
		acta_pack_bool(buf, any);
		return;
	}
	if (first.type != ACTA_LIST) {
		acta_pack_value(buf, first);
		return;
	}
	acta_pack_list(buf, elements);
	for (uint32_t i = 0; i < join->answered; i++) {
		acta_value map = result_of(join, &join->parts[i]);
		acta_value v = { 0 };

		if (map.type == ACTA_MAP)
			v = acta_map_get(map, name.as.data, name.size);
		if (v.type == ACTA_LIST)
			pack_elements(buf, v);
	}
}

/* Names of fields in the order in which they are first seen. */
static uint32_t
collect(const struct door_join *join, acta_value *names, acta_value *firsts)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < join->answered; i++) {
		acta_value map = result_of(join, &join->parts[i]);
		struct acta_reader reader;

		if (map.type != ACTA_MAP)
			continue;
		reader = acta_reader_into(map);
		for (uint32_t f = 0; f < map.size; f++) {
			acta_value name = acta_read(&reader);
			acta_value value = acta_read(&reader);
			uint32_t at = 0;

			while (at < count && !acta_value_equal(names[at], name))
				at++;
			if (at < count || count == FIELDS_MAX ||
			    name.type != ACTA_STR)
				continue;
			names[count] = name;
			firsts[count++] = value;
		}
	}
	return count;
}

/* A partition that has no such dead letter is not missing. */
static bool
is_missing(const struct part_answer *part)
{
	return !part->ok && strcmp(part->code, "not-found") != 0;
}

static void
pack_missing(struct acta_buf *buf, const struct door_join *join, uint32_t count)
{
	acta_pack_text(buf, "missing");
	acta_pack_list(buf, count);
	for (uint32_t i = 0; i < join->answered; i++) {
		const struct part_answer *part = &join->parts[i];

		if (!is_missing(part))
			continue;
		acta_pack_map(buf, 3);
		acta_pack_text(buf, "service");
		acta_pack_text(buf, part->service->name);
		acta_pack_text(buf, "part");
		acta_pack_uint(buf, part->part);
		acta_pack_text(buf, "code");
		acta_pack_text(buf, part->code);
	}
}

static void
answer_maps(struct door *door, struct door_join *join)
{
	acta_value names[FIELDS_MAX], firsts[FIELDS_MAX];
	uint32_t count = collect(join, names, firsts), missing = 0;
	struct acta_buf *buf = &door->result;

	for (uint32_t i = 0; i < join->answered; i++)
		missing += is_missing(&join->parts[i]);
	acta_buf_reset(buf);
	acta_pack_map(buf, count + (missing > 0));
	for (uint32_t i = 0; i < count; i++)
		pack_field(buf, join, names[i], firsts[i]);
	if (missing > 0)
		pack_missing(buf, join, missing);
	door_answer_ok(door, &join->back, buf->data, buf->size);
}

static int
by_part(const void *a, const void *b)
{
	const struct part_answer *x = a, *y = b;
	/* Without a service: this door itself. */
	int order = strcmp(x->service ? x->service->name : "",
	    y->service ? y->service->name : "");

	return order ? order : (x->part > y->part) - (x->part < y->part);
}

static void
finish(struct door *door, struct door_join *join)
{
	const struct part_answer *good = NULL, *bad = NULL;

	for (uint32_t i = 0; i < join->answered; i++) {
		const struct part_answer *part = &join->parts[i];

		if (part->ok && !good)
			good = part;
		/* "not-found" says least of all refusals. */
		if (!part->ok &&
		    (!bad || (is_missing(part) && !is_missing(bad))))
			bad = part;
	}
	if (join->over)
		door_answer_error(door, &join->back, "too-large",
		    "the partitions' answers are over 4 MiB together",
		    "ask one service, one part, or with a limit");
	else if (!good && bad)
		door_answer_error(
		    door, &join->back, bad->code, join->text, join->hint);
	else if (join->asked == 1)
		door_answer_ok(
		    door, &join->back, join->results.data, join->results.size);
	else {
		qsort(
		    join->parts, join->answered, sizeof *join->parts, by_part);
		answer_maps(door, join);
	}
	end(door, join);
}

/* --------------------------------------------------------------- parts -- */

static struct part_answer *
next_part(
    struct door_join *join, const struct door_service *service, uint32_t part)
{
	struct part_answer *answer = &join->parts[join->answered];

	assert(join->answered < join->asked);
	memset(answer, 0, sizeof *answer);
	answer->service = service;
	answer->part = part;
	return answer;
}

void
door_join_ok(struct door *door, struct door_join *join,
    const struct door_call *call, const void *result, size_t size)
{
	struct part_answer *answer =
	    next_part(join, call->link->service, call->part);

	if (join->results.size + size > DOOR_JOIN_BYTES_MAX) {
		join->over = true;
	} else {
		answer->ok = true;
		answer->at = (uint32_t)join->results.size;
		answer->size = (uint32_t)size;
		acta_buf_append(&join->results, result, size);
	}
	if (++join->answered == join->asked)
		finish(door, join);
}

static void
refused(struct door *door, struct door_join *join, struct part_answer *answer,
    const char *code, const char *text, const char *hint)
{
	bool says_more = strcmp(code, "not-found") != 0;

	snprintf(answer->code, sizeof answer->code, "%s", code);
	if (!*join->text || says_more) {
		snprintf(join->text, sizeof join->text, "%s", text);
		snprintf(join->hint, sizeof join->hint, "%s", hint);
	}
	if (++join->answered == join->asked)
		finish(door, join);
}

void
door_join_error(struct door *door, struct door_join *join,
    const struct door_call *call, const char *code, const char *text,
    const char *hint)
{
	refused(door, join, next_part(join, call->link->service, call->part),
	    code, text, hint);
}

static void
ask_part(struct door *door, struct door_join *join,
    const struct acta_request *request, const char *type,
    struct door_service *service, uint32_t part)
{
	static const char empty_map[] = { (char)0x80 };
	struct door_spec spec = {
		.service = service,
		.part = part,
		.key = { "", 0 },
		.type = { type, (uint32_t)strlen(type) },
		.args = request->args_raw,
		.trace = request->traceparent,
		.timeout_ms = request->timeout_ms,
		.flags = ACTA_CALL_ADMIN,
		.join = join,
	};

	if (!spec.args.data) {
		spec.args.data = empty_map;
		spec.args.size = sizeof empty_map;
	}
	if (door_calls_add(door, &spec) != ACTA_OK)
		refused(door, join, next_part(join, service, part), "busy",
		    "too many calls wait already", "ask again later");
}

static struct door_join *
join_new(struct door *door, const struct door_back *back, uint32_t asked)
{
	struct door_join *join = calloc(1, sizeof *join);

	assert(join);
	join->parts = calloc(asked, sizeof *join->parts);
	assert(join->parts);
	join->asked = asked;
	acta_buf_init(&join->results);
	door_back_copy(&join->back, back);
	TAILQ_INSERT_TAIL(&door->joins, join, entry);
	door->join_count++;
	return join;
}

/* `one`, or all services, but not the doors, which stand among them. */
static bool
concerns(const struct door_service *service, const struct door_service *one)
{
	return one ? service == one : service->name[0] != '@';
}

void
door_join_start(struct door *door, const struct door_back *back,
    const struct acta_request *request, const char *type,
    struct door_service *service, int64_t part)
{
	uint32_t first = part < 0 ? 0 : (uint32_t)part;
	struct door_join *join;
	uint64_t asked = 0;

	for (uint32_t s = 0; s < door->service_count; s++)
		if (concerns(door->services[s], service))
			asked += part < 0 ? door->services[s]->partitions : 1;
	if (asked > DOOR_JOIN_PARTS_MAX || door->join_count == DOOR_JOINS_MAX) {
		door_answer_error(door, back, "busy",
		    "too many partitions are asked at a time",
		    "ask one service, or later");
		return;
	}
	if (asked == 0) {
		static const uint8_t empty_map[] = { 0x80 };

		door_answer_ok(door, back, empty_map, sizeof empty_map);
		return;
	}
	join = join_new(door, back, (uint32_t)asked);
	/* The last one refused at once ends `join`: count, do not look. */
	for (uint32_t s = 0; s < door->service_count; s++) {
		struct door_service *to = door->services[s];
		uint32_t count = part < 0 ? to->partitions : 1;

		if (!concerns(to, service))
			continue;
		for (uint32_t i = 0; i < count; i++)
			ask_part(door, join, request, type, to, first + i);
	}
}

static bool
is_door_up(const struct door_service *service)
{
	return service->name[0] == '@' && service->links[0]->socket;
}

void
door_join_metrics(struct door *door, const struct door_back *back,
    const struct acta_request *request)
{
	struct door_join *join;
	struct part_answer *own;
	uint32_t asked = 1;

	for (uint32_t s = 0; s < door->service_count; s++)
		asked += is_door_up(door->services[s]);
	if (door->join_count == DOOR_JOINS_MAX) {
		door_answer_error(door, back, "busy",
		    "too many questions to all doors at a time",
		    "ask again later");
		return;
	}
	join = join_new(door, back, asked);
	own = next_part(join, NULL, 0);
	own->ok = true;
	door_metrics_pack(door, &join->results);
	own->size = (uint32_t)join->results.size;
	if (++join->answered == join->asked) {
		finish(door, join);
		return;
	}
	for (uint32_t s = 0; s < door->service_count; s++)
		if (is_door_up(door->services[s]))
			ask_part(door, join, request, "@metrics",
			    door->services[s], 0);
}
