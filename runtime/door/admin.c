/*
 * admin.c - the runtime's own services: `@node`, `@events`, `@state`, `@dead`,
 * `@channel`, `@store`.
 * Some the door answers, some the root, most the partition concerned, which
 * gets a message of a type that no client can send.
 */
#include "runtime/door/door.h"

#include <stdio.h>
#include <string.h>

#include "codecs/schema.h"
#include "store/hash.h"

/* An argument that is a str (NULL: absent or of another type). */
static struct acta_bytes
arg_str(const struct acta_request *request, const char *name)
{
	struct acta_bytes out = { NULL, 0 };
	acta_value v;

	if (request->args.type != ACTA_MAP)
		return out;
	v = acta_map_get(request->args, name, strlen(name));
	if (v.type == ACTA_STR) {
		out.data = v.as.data;
		out.size = v.size;
	}
	return out;
}

static bool
arg_true(const struct acta_request *request, const char *name)
{
	acta_value v = { 0 };

	if (request->args.type == ACTA_MAP)
		v = acta_map_get(request->args, name, strlen(name));
	return v.type == ACTA_BOOL && v.as.b;
}

/* -1: absent. -2: not a partition's number. */
static int64_t
arg_part(const struct acta_request *request)
{
	acta_value v = { 0 };

	if (request->args.type == ACTA_MAP)
		v = acta_map_get(request->args, "part", 4);
	if (v.type == ACTA_ABSENT || v.type == ACTA_NIL)
		return -1;
	return v.type == ACTA_INT && v.as.i >= 0 ? v.as.i : -2;
}

static bool
is(struct acta_bytes text, const char *word)
{
	return text.size == strlen(word) &&
	    memcmp(text.data, word, text.size) == 0;
}

/* The types of a runtime service; NULL-ended. Refuses what is none of them. */
static bool
known_type(struct door *door, const struct door_back *back,
    const struct acta_request *request, const char *const *types)
{
	struct acta_why why = { 0 };
	char word[ACTA_TYPE_MAX + 1];
	const char *near;

	for (const char *const *t = types; *t; t++)
		if (is(request->type, *t))
			return true;
	snprintf(word, sizeof word, "%.*s", (int)request->type.size,
	    request->type.data);
	acta_why_text(&why, "%.*s takes no \"%s\"", (int)request->service.size,
	    request->service.data, word);
	near = acta_closest(word, types);
	if (near)
		acta_why_hint(&why, "did you mean \"%s\"?", near);
	door_answer_error(door, back, "unknown-type", why.text, why.hint);
	return false;
}

static void
deny(struct door *door, const struct door_back *back)
{
	door_answer_error(door, back, "denied", "not through this door",
	    "use the local door (ipc `call` in the run directory), or set "
	    "door: {admin: true}");
}

static void
bad_args(struct door *door, const struct door_back *back, const char *text)
{
	door_answer_error(door, back, "bad-args", text, "");
}

/* --------------------------------------------------------------- node -- */

/* "VERB NAME", where the name is a service's (or a door's, "@door-call"). */
static void
ask_about(struct door *door, const struct door_back *back,
    const struct acta_request *request)
{
	struct acta_bytes name = arg_str(request, "service");
	bool checked = arg_true(request, "checked") ||
	    arg_true(request, "storage_checked");
	char line[96];
	uint32_t at;

	if (!name.data)
		name = arg_str(request, "name");
	if (!name.data) {
		bad_args(door, back, "arg \"service\" is missing");
		return;
	}
	/* It goes into a line of words: nothing else may get in. */
	at = name.size > 0 && name.data[0] == '@' ? 1 : 0;
	if (!acta_service_valid(name.data + at, name.size - at)) {
		bad_args(door, back, "arg \"service\": not a service's name");
		return;
	}
	snprintf(line, sizeof line, "%.*s %.*s%s", (int)request->type.size,
	    request->type.data, (int)name.size, name.data,
	    checked && is(request->type, "start") ? " checked" : "");
	door_ask_root(door, back, line, request->timeout_ms);
}

static void
node(struct door *door, const struct door_back *back,
    const struct acta_request *request)
{
	static const char *const types[] = { "ps", "health", "info", "where",
		"why", "start", "stop", "restart", "metrics", NULL };
	struct acta_bytes type = request->type;
	bool open = is(type, "ps") || is(type, "health") || is(type, "info");
	char line[ACTA_TYPE_MAX + 1];

	if (!known_type(door, back, request, types))
		return;
	if (!open && !door->admin) {
		deny(door, back);
	} else if (is(type, "metrics")) {
		door_join_metrics(door, back, request);
	} else if (open || is(type, "where")) {
		snprintf(line, sizeof line, "%.*s", (int)type.size, type.data);
		door_ask_root(door, back, line, request->timeout_ms);
	} else {
		ask_about(door, back, request);
	}
}

/* ------------------------------------------------------ to partitions -- */

/* NULL: answered, there is none of this name. */
static struct door_service *
find_service(
    struct door *door, const struct door_back *back, struct acta_bytes name)
{
	struct acta_why why = { 0 };
	struct door_service *service = door_service_asked(door, name, &why);

	if (service)
		return service;
	door_answer_error(door, back, "unknown-service", why.text, why.hint);
	return NULL;
}

/* `type` to one partition, with the request's own args. */
static void
to_part(struct door *door, const struct door_back *back,
    const struct acta_request *request, const char *type,
    struct door_service *service, uint32_t part, struct acta_bytes key)
{
	static const char empty_map[] = { (char)0x80 };
	struct door_spec spec = {
		.service = service,
		.part = part,
		.key = key,
		.type = { type, (uint32_t)strlen(type) },
		.args = request->args_raw,
		.trace = request->traceparent,
		.timeout_ms = request->timeout_ms,
		.flags = door->admin ? ACTA_CALL_ADMIN : 0,
		.back = back,
	};

	if (!spec.args.data) {
		spec.args.data = empty_map;
		spec.args.size = sizeof empty_map;
	}
	if (door_calls_add(door, &spec) != ACTA_OK)
		door_answer_error(door, back, "busy",
		    "too many calls wait for this service; nothing was done",
		    "ask again later");
}

/* A topic begins with its service's name. */
static void
events(struct door *door, const struct door_back *back,
    const struct acta_request *request)
{
	static const char *const types[] = { "replay", NULL };
	struct acta_bytes topic = arg_str(request, "topic");
	struct acta_bytes name = topic, nobody = { "", 0 };
	struct door_service *service;
	int64_t part = arg_part(request);
	const char *dot;

	if (!known_type(door, back, request, types))
		return;
	dot = topic.data ? memchr(topic.data, '.', topic.size) : NULL;
	if (!dot) {
		bad_args(door, back,
		    "arg \"topic\": service.event, as in stock.reserved");
		return;
	}
	name.size = (uint32_t)(dot - topic.data);
	service = find_service(door, back, name);
	if (!service)
		return;
	if (part == -1)
		part = 0;
	if (part < 0 || part >= service->partitions) {
		bad_args(door, back, "arg \"part\": there is no such one");
		return;
	}
	to_part(door, back, request, "@events-replay", service, (uint32_t)part,
	    nobody);
}

static void
state(struct door *door, const struct door_back *back,
    const struct acta_request *request)
{
	static const char *const types[] = { "get", "list", NULL };
	struct acta_bytes of = arg_str(request, "of"), name, key;
	struct door_service *service;

	if (!known_type(door, back, request, types))
		return;
	if (!door->admin) {
		deny(door, back);
		return;
	}
	if (!of.data ||
	    acta_address_split(of.data, of.size, &name, &key) != ACTA_OK) {
		bad_args(door, back,
		    "arg \"of\": an address is due, as in stock/17");
		return;
	}
	service = find_service(door, back, name);
	if (!service)
		return;
	to_part(door, back, request,
	    is(request->type, "get") ? "@state-get" : "@state-list", service,
	    acta_partition_of(key.data, key.size, service->partitions), key);
}

/* A dead letter's id, SERVICE.PART.NUMBER, says where it lies. */
static void
dead_place(
    const struct acta_request *request, struct acta_bytes *name, int64_t *part)
{
	struct acta_bytes id = arg_str(request, "id");
	const char *end = id.data + id.size, *at;
	int64_t number = 0;

	at = id.data ? memchr(id.data, '.', id.size) : NULL;
	if (!at || name->data || *part != -1)
		return;
	name->data = id.data;
	name->size = (uint32_t)(at - id.data);
	for (at++; at < end && *at >= '0' && *at <= '9'; at++)
		number =
		    number < INT32_MAX ? number * 10 + (*at - '0') : number;
	*part = at < end && *at == '.' ? number : -2;
}

static void
dead(struct door *door, const struct door_back *back,
    const struct acta_request *request)
{
	static const char *const types[] = { "list", "show", "retry", "drop",
		NULL };
	static const char *const messages[] = { "@dead-list", "@dead-show",
		"@dead-retry", "@dead-drop" };
	struct acta_bytes name = arg_str(request, "service");
	struct door_service *service = NULL;
	int64_t part = arg_part(request);
	uint32_t at = 0;

	if (!known_type(door, back, request, types))
		return;
	if (!door->admin) {
		deny(door, back);
		return;
	}
	dead_place(request, &name, &part);
	if (name.data) {
		service = find_service(door, back, name);
		if (!service)
			return;
	}
	if (part == -2 ||
	    (part >= 0 && (!service || part >= service->partitions))) {
		bad_args(door, back,
		    "no such partition of the service (\"part\", or within "
		    "\"id\")");
		return;
	}
	while (!is(request->type, types[at]))
		at++;
	door_join_start(door, back, request, messages[at], service, part);
}

/* list: of `service`, or of all; accept, reset: at `service` and `part`. */
static void
channel(struct door *door, const struct door_back *back,
    const struct acta_request *request)
{
	static const char *const types[] = { "list", "accept", "reset", NULL };
	struct acta_bytes name = arg_str(request, "service"),
			  nobody = { "", 0 };
	struct door_service *service = NULL;
	int64_t part = arg_part(request);
	bool all = is(request->type, "list");

	if (!known_type(door, back, request, types))
		return;
	if (!door->admin) {
		deny(door, back);
		return;
	}
	if (name.data) {
		service = find_service(door, back, name);
		if (!service)
			return;
	}
	if (part == -2 || (!all && (!service || part < 0)) ||
	    (part >= 0 && (!service || part >= service->partitions))) {
		bad_args(door, back, "\"service\" and its \"part\" are due");
		return;
	}
	if (all)
		door_join_start(
		    door, back, request, "@channel-list", service, part);
	else
		to_part(door, back, request,
		    is(request->type, "accept") ? "@channel-accept"
						: "@channel-reset",
		    service, (uint32_t)part, nobody);
}

/* Of `service`, or of all; and of one `part`. */
static void
store(struct door *door, const struct door_back *back,
    const struct acta_request *request)
{
	static const char *const types[] = { "info", "hold", "go", NULL };
	static const char *const messages[] = { "@store-info", "@store-hold",
		"@store-go" };
	struct acta_bytes name = arg_str(request, "service");
	struct door_service *service = NULL;
	int64_t part = arg_part(request);
	uint32_t at = 0;

	if (!known_type(door, back, request, types))
		return;
	if (!door->admin) {
		deny(door, back);
		return;
	}
	if (name.data) {
		service = find_service(door, back, name);
		if (!service)
			return;
	}
	if (part == -2 ||
	    (part >= 0 && (!service || part >= service->partitions))) {
		bad_args(door, back, "no such partition of the service");
		return;
	}
	while (!is(request->type, types[at]))
		at++;
	door_join_start(door, back, request, messages[at], service, part);
}

void
door_admin(struct door *door, const struct door_back *back,
    const struct acta_request *request)
{
	static const char *const names[] = { "@node", "@events", "@state",
		"@dead", "@channel", "@store", NULL };
	struct acta_why why = { 0 };
	char word[ACTA_SERVICE_MAX + 2];
	const char *near;

	if (is(request->service, "@node")) {
		node(door, back, request);
	} else if (is(request->service, "@events")) {
		events(door, back, request);
	} else if (is(request->service, "@state")) {
		state(door, back, request);
	} else if (is(request->service, "@dead")) {
		dead(door, back, request);
	} else if (is(request->service, "@channel")) {
		channel(door, back, request);
	} else if (is(request->service, "@store")) {
		store(door, back, request);
	} else {
		snprintf(word, sizeof word, "%.*s", (int)request->service.size,
		    request->service.data);
		acta_why_text(&why, "the runtime has no \"%s\"", word);
		near = acta_closest(word, names);
		if (near)
			acta_why_hint(&why, "did you mean \"%s\"?", near);
		door_answer_error(
		    door, back, "unknown-service", why.text, why.hint);
	}
}
