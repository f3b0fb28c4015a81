/*
 * runtime/host/api.c - the functions of acta.h: they read and write the turn's
 * write-set and gather what is to be sent. What cannot be done marks the
 * message as misused and has no effect.
 */
#include "runtime/host/local.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"
#include "runtime/host/log.h"
#include "runtime/host/stage.h"
#include "runtime/host/subs.h"

#define FIELD_NAME_MAX 64u
#define ROW_NAME_MAX 255u
#define FIELDS_MAX 65536u
#define WITHIN_MS_DEFAULT 5000
#define WITHIN_MS_MAX (7LL * 24 * 3600 * 1000)
#define TOKEN_KEEP_MS (24LL * 3600 * 1000)
#define TIMER_MS_MAX (100LL * 365 * 24 * 3600 * 1000)

void
acta_actor_misuse(struct acta_actor *a, const char *format, ...)
{
	char text[400], key[ACTA_KEY_MAX * 2], said[800];
	va_list ap;

	if (a->misused)
		return; /* the first mistake is the one to tell */
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	acta_utf8_mend(text); /* it may show what was no UTF-8, or half of it */
	a->misused = true;
	a->status = ACTA_FAILED;
	a->text = acta_arena_text(a->arena, text, strlen(text));
	acta_log_line("error", "misuse", "service=%s key=%s text=%s",
	    a->loaded->service->name,
	    acta_log_quote(key, sizeof(key), a->key, a->key_size),
	    acta_log_quote(said, sizeof(said), text, strlen(text)));
	assert(!a->aborts); /* the test kit's own actor, as its header says */
}

void
acta_actor_fini(struct acta_actor *a)
{
	for (uint32_t i = 0; i < a->scan_count; i++)
		if (a->scans[i] != NULL)
			(void)acta_scan_close(&a->scans[i]);
	a->scan_count = 0;
	for (uint32_t i = 0; i < a->list_count; i++) {
		acta_buf_fini(a->lists[i]);
		free(a->lists[i]);
	}
	a->list_count = 0;
}

/* May it touch state and send? start() and the kit's actor may not. */
static bool
live(acta_actor *a, const char *call)
{
	if (a->no_state || a->part == NULL) {
		acta_actor_misuse(a, "%s: there is no actor here", call);
		return false;
	}
	return !a->misused;
}

static bool
may_change(acta_actor *a, const char *call)
{
	if (!live(a, call))
		return false;
	if (a->reads_only) {
		acta_actor_misuse(a, "%s in \"%s\", which is ACTA_READS", call,
		    a->msg->type_text);
		return false;
	}
	return true;
}

static bool
effect(acta_actor *a, const char *call, size_t bytes)
{
	a->effects++;
	a->effect_bytes += bytes;
	if (bytes > ACTA_VALUE_BYTES_MAX)
		acta_actor_misuse(
		    a, "%s: %zu bytes are over 1 MiB", call, bytes);
	else if (a->effects > ACTA_EFFECTS_MAX)
		acta_actor_misuse(a, "%s: over %u effects of one message", call,
		    ACTA_EFFECTS_MAX);
	else if (a->effect_bytes > ACTA_EFFECT_BYTES_MAX)
		acta_actor_misuse(a,
		    "%s: over 8 MiB of effects of one "
		    "message",
		    call);
	return !a->misused;
}

/* ------------------------------------------------------------- values -- */

int64_t
acta_as_int(acta_value v, int64_t otherwise)
{
	return v.type == ACTA_INT || v.type == ACTA_TIME ? v.as.i : otherwise;
}

double
acta_as_num(acta_value v, double otherwise)
{
	if (v.type == ACTA_NUM)
		return v.as.d;
	if (v.type == ACTA_INT)
		return (double)v.as.i;
	return v.type == ACTA_UINT ? (double)v.as.u : otherwise;
}

bool
acta_as_bool(acta_value v, bool otherwise)
{
	return v.type == ACTA_BOOL ? v.as.b : otherwise;
}

acta_value
acta_at(acta_value map, const char *name)
{
	if (map.type != ACTA_MAP || name == NULL)
		return (acta_value){ 0 };
	return acta_map_get(map, name, strlen(name));
}

/* Is a value sound enough to be packed: types known, text UTF-8 without NUL,
 * sizes within bounds? Depth is checked over the whole, once packed. */
static bool
sound(acta_actor *a, const char *call, const acta_field *f)
{
	const acta_value *v = &f->value;

	if (v->type > ACTA_EXT) {
		acta_actor_misuse(a, "%s: field \"%s\" has no type", call,
		    f->name ? f->name : "");
		return false;
	}
	if ((v->type == ACTA_STR || v->type == ACTA_BIN ||
		v->type == ACTA_EXT) &&
	    v->size > ACTA_VALUE_BYTES_MAX) {
		acta_actor_misuse(a, "%s: field \"%s\" is over 1 MiB", call,
		    f->name ? f->name : "");
		return false;
	}
	if ((v->type == ACTA_BIN || v->type == ACTA_STR) && v->size > 0 &&
	    v->as.data == NULL) {
		acta_actor_misuse(a,
		    "%s: field \"%s\" has a size and no "
		    "bytes",
		    call, f->name ? f->name : "");
		return false;
	}
	if (v->type == ACTA_STR && v->size > 0 &&
	    (memchr(v->as.data, 0, v->size) != NULL ||
		!acta_utf8_valid(v->as.data, v->size))) {
		acta_actor_misuse(a, "%s: field \"%s\" is not UTF-8", call,
		    f->name ? f->name : "");
		return false;
	}
	return true;
}

uint32_t
acta_list_count_(const acta_list *list)
{
	return list ? list->count : 0;
}

/* The bytes of its first `count` elements: it may have grown since. */
static size_t
list_bytes(const struct acta_list *l, uint32_t count)
{
	struct acta_reader r;
	size_t size;

	if (count == l->count || l->buf->size == 0)
		return l->buf->size;
	r = acta_reader(l->buf->data, l->buf->size);
	for (uint32_t i = 0; i < count; i++)
		(void)acta_read_raw(&r, &size);
	return (size_t)(r.at - l->buf->data);
}

/* One field's value. */
static bool
pack_field(
    acta_actor *a, const char *call, struct acta_buf *b, const acta_field *f)
{
	if (f->kind == ACTA_K_LIST_) {
		const struct acta_list *l = f->value.as.data;

		if (l == NULL) {
			acta_actor_misuse(a, "%s: \"%s\" is no list", call,
			    f->name ? f->name : "");
			return false;
		}
		if (f->value.size > l->count) {
			acta_actor_misuse(a, "%s: \"%s\" is no list", call,
			    f->name ? f->name : "");
			return false;
		}
		acta_pack_list(b, f->value.size);
		acta_pack_raw(b, l->buf->data, list_bytes(l, f->value.size));
		return true;
	}
	if (f->kind == ACTA_K_REF_) {
		const struct acta_ref_ *ref = f->value.as.data;

		if (ref == NULL)
			acta_pack_nil(b);
		else
			acta_pack_text(b, ref->text);
		return true;
	}
	if (!sound(a, call, f))
		return false;
	acta_pack_value(b, f->value);
	return true;
}

static bool
field_name(acta_actor *a, const char *call, const acta_field *f, size_t max)
{
	if (f->name == NULL || f->name_size > max ||
	    (f->name_size == 0 && max == ROW_NAME_MAX) ||
	    !acta_utf8_valid(f->name, f->name_size)) {
		acta_actor_misuse(a,
		    "%s: a name must be UTF-8 of at most %zu "
		    "bytes",
		    call, max);
		return false;
	}
	return true;
}

static bool
is_value(const acta_field *f)
{
	return (f->kind == ACTA_K_VALUE_ && f->value.type != ACTA_ABSENT) ||
	    f->kind == ACTA_K_LIST_ || f->kind == ACTA_K_REF_;
}

/* Depth 32 and 65,536 elements, the value that holds them not counted. */
static bool
fits(const struct acta_buf *b, size_t from)
{
	size_t taken;

	return acta_msgpack_check_first(b->data + from, b->size - from,
		   ACTA_MSGPACK_DEPTH_MAX, ACTA_MSGPACK_NODES_MAX + 1,
		   &taken) == ACTA_OK;
}

/* What a kept field is without its acta_keep. */
static uint32_t
kept_kind(uint32_t kind)
{
	switch (kind) {
	case ACTA_K_KEEP_: return ACTA_K_VALUE_;
	case ACTA_K_KEEP_LIST_: return ACTA_K_LIST_;
	case ACTA_K_KEEP_REF_: return ACTA_K_REF_;
	default: return ACTA_K_NONE_;
	}
}

enum { OPT_KEEP = 1, OPT_WITHIN = 2, OPT_TIMER = 4 };

struct options {
	uint32_t keeps;
	int64_t within_ms, after_ms, every_ms;
	bool within, after, every;
};

/* An option where it does not belong, or a field no one made, is misuse. */
static bool
options(acta_actor *a, const char *call, const acta_field *fields,
    unsigned allowed, struct options *out, uint32_t *out_values)
{
	uint32_t n = 0;

	*out = (struct options){ .within_ms = WITHIN_MS_DEFAULT };
	*out_values = 0;
	for (const acta_field *f = fields; f->kind != ACTA_K_END_; f++) {
		unsigned needs = 0;

		if (++n > FIELDS_MAX) {
			acta_actor_misuse(
			    a, "%s: over %u fields", call, FIELDS_MAX);
			return false;
		}
		switch (f->kind) {
		case ACTA_K_NONE_:
		case ACTA_K_VALUE_:
		case ACTA_K_LIST_:
		case ACTA_K_REF_: *out_values += is_value(f); break;
		case ACTA_K_KEEP_:
		case ACTA_K_KEEP_LIST_:
		case ACTA_K_KEEP_REF_:
			needs = OPT_KEEP;
			out->keeps += f->kind != ACTA_K_KEEP_ ||
			    f->value.type != ACTA_ABSENT;
			break;
		case ACTA_K_WITHIN_:
			needs = OPT_WITHIN;
			out->within = true;
			out->within_ms = f->value.as.i;
			break;
		case ACTA_K_AFTER_:
			needs = OPT_TIMER;
			out->after = true;
			out->after_ms = f->value.as.i;
			break;
		case ACTA_K_EVERY_:
			needs = OPT_TIMER;
			out->every = true;
			out->every_ms = f->value.as.i;
			break;
		default:
			acta_actor_misuse(a,
			    "%s: a field that no acta_x() "
			    "made",
			    call);
			return false;
		}
		if ((needs & allowed) != needs) {
			acta_actor_misuse(a, "%s takes no such option", call);
			return false;
		}
	}
	return true;
}

/* The values among the fields as a map into `b`; checked whole. */
static bool
pack_fields(acta_actor *a, const char *call, struct acta_buf *b,
    const acta_field *fields, uint32_t values, bool keeps)
{
	size_t start = b->size;

	acta_pack_map(b, values);
	for (const acta_field *f = fields; f->kind != ACTA_K_END_; f++) {
		acta_field plain = *f;

		if (keeps)
			plain.kind = kept_kind(f->kind);
		if (!is_value(&plain))
			continue;
		if (!field_name(a, call, &plain, FIELD_NAME_MAX))
			return false;
		acta_pack_str(b, plain.name, plain.name_size);
		if (!pack_field(a, call, b, &plain))
			return false;
		if (b->size - start > ACTA_EFFECT_BYTES_MAX) {
			acta_actor_misuse(a, "%s: over 1 MiB", call);
			return false;
		}
	}
	if (b->size - start > ACTA_VALUE_BYTES_MAX) {
		acta_actor_misuse(a, "%s: over 1 MiB", call);
		return false;
	}
	if (!fits(b, start)) {
		acta_actor_misuse(
		    a, "%s: over depth 32 or 65,536 elements", call);
		return false;
	}
	return true;
}

/* ------------------------------------------------- the actor, its time -- */

const char *
acta_key(const acta_actor *a)
{
	return a->key;
}

int64_t
acta_now_ms(const acta_actor *a)
{
	return a->now_ms;
}

const char *
acta_unique(acta_actor *a)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	char *out = acta_arena_alloc(a->arena, 27);
	uint64_t ms = (uint64_t)a->now_ms, hi, lo;

	if (a->part == NULL) {
		acta_actor_misuse(a, "acta_unique: there is no actor here");
		return "";
	}
	hi = acta_part_random(a->part);
	lo = acta_part_random(a->part);
	for (int i = 9; i >= 0; i--, ms >>= 5)
		out[i] = digits[ms & 31];
	for (int i = 0; i < 8; i++, hi >>= 5, lo >>= 5) {
		out[10 + i] = digits[hi & 31];
		out[18 + i] = digits[lo & 31];
	}
	out[26] = '\0';
	return out;
}

acta_value
acta_setting(const acta_actor *a, const char *name)
{
	int i = name == NULL ? -1
			     : acta_schema_index(&a->loaded->settings_schema,
				   name, strlen(name));

	if (i < 0 || a->loaded->settings == NULL) {
		acta_actor_misuse((acta_actor *)a,
		    "acta_setting: no setting \"%s\" is declared",
		    name ? name : "");
		return (acta_value){ 0 };
	}
	return a->loaded->settings[i];
}

void *
acta_shared(const acta_actor *a)
{
	return a->loaded->shared;
}

const struct acta_ref_ *
acta_ref_make(struct acta_arena *arena, const char *text, size_t size)
{
	struct acta_bytes service, key;
	struct acta_ref_ *ref;

	if (acta_address_split(text, size, &service, &key) != ACTA_OK ||
	    service.data[0] == '@')
		return NULL;
	if (key.size == 0) /* "service/" is "service" */
		size = service.size;
	ref = acta_arena_alloc(arena, sizeof(*ref) + size + 1);
	ref->route = NULL;
	ref->size = (uint32_t)size;
	memcpy(ref->text, text, size);
	ref->text[size] = '\0';
	ref->service = (struct acta_bytes){ ref->text, service.size };
	ref->key = (struct acta_bytes){
		ref->text + (key.size ? size - key.size : size), key.size
	};
	return ref;
}

const struct acta_route *
acta_ref_route(struct acta_part *part, const struct acta_ref_ *ref)
{
	struct acta_ref_ *at = (struct acta_ref_ *)ref; /* our own memory */

	if (at->route == NULL) {
		at->route =
		    acta_part_route(part, ref->service.data, ref->service.size);
		if (at->route != NULL)
			at->part = acta_partition_of(ref->key.data,
			    ref->key.size, at->route->partitions);
	}
	return at->route;
}

acta_ref
acta_self(const acta_actor *a)
{
	acta_actor *self = (acta_actor *)a;
	const char *service = a->loaded->service->name;
	size_t n = strlen(service);
	struct acta_ref_ *ref;

	if (a->self != NULL)
		return a->self;
	ref = acta_arena_alloc(a->arena, sizeof(*ref) + n + a->key_size + 2);
	memcpy(ref->text, service, n);
	ref->service = (struct acta_bytes){ ref->text, (uint32_t)n };
	if (a->key_size > 0)
		ref->text[n++] = '/';
	memcpy(ref->text + n, a->key, a->key_size + 1);
	ref->key = (struct acta_bytes){ ref->text + n, a->key_size };
	ref->size = (uint32_t)n + a->key_size;
	ref->route = NULL;
	self->self = ref;
	return ref;
}

acta_ref
acta_to(acta_actor *a, const char *address)
{
	acta_ref ref;

	if (address == NULL)
		return NULL;
	if (a->part != NULL &&
	    (ref = acta_literal_ref(&a->part->literals, a->loaded, address)) !=
		NULL)
		return ref;
	ref = acta_ref_make(a->arena, address, strlen(address));
	if (ref == NULL)
		acta_actor_misuse(a,
		    "\"%.80s\" is not an address (service or "
		    "service/key)",
		    address);
	return ref;
}

acta_ref
acta_to_n(acta_actor *a, const char *prefix, int64_t number)
{
	char text[ACTA_ADDRESS_MAX + 24];
	int n = snprintf(
	    text, sizeof(text), "%s%" PRId64, prefix ? prefix : "", number);

	if (n < 0 || (size_t)n >= sizeof(text)) {
		acta_actor_misuse(a, "acta_to_n: too long for an address");
		return NULL;
	}
	return acta_to(a, text);
}

const char *
acta_address(acta_ref ref)
{
	return ref ? ref->text : "";
}

void *
acta_alloc(acta_actor *a, size_t size)
{
	if (size > (64u << 20)) {
		acta_actor_misuse(
		    a, "acta_alloc: %zu bytes are over 64 MiB", size);
		return NULL;
	}
	/* The arena aligns to 8; any type wants 16. */
	return (
	    void *)(((uintptr_t)acta_arena_alloc(a->arena, size + 16) + 15) &
	    ~(uintptr_t)15);
}

static const char *__attribute__((format(printf, 2, 0)))
vformat(acta_actor *a, const char *format, va_list ap)
{
	va_list again;
	char *out;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0 || n > (int)ACTA_VALUE_BYTES_MAX) {
		acta_actor_misuse(a, "acta_format: it does not fit");
		return "";
	}
	out = acta_arena_alloc(a->arena, (size_t)n + 1);
	vsnprintf(out, (size_t)n + 1, format, ap);
	return out;
}

const char *
acta_format(acta_actor *a, const char *format, ...)
{
	const char *out;
	va_list ap;

	va_start(ap, format);
	out = vformat(a, format, ap);
	va_end(ap);
	return out;
}

const char *
acta_text(acta_actor *a, acta_value v)
{
	switch (v.type) {
	case ACTA_STR:
	case ACTA_BIN: return acta_arena_text(a->arena, v.as.data, v.size);
	case ACTA_INT:
	case ACTA_TIME: return acta_format(a, "%" PRId64, v.as.i);
	case ACTA_UINT: return acta_format(a, "%" PRIu64, v.as.u);
	case ACTA_NUM: return acta_format(a, "%.17g", v.as.d);
	case ACTA_BOOL: return v.as.b ? "true" : "false";
	default: return "";
	}
}

void
acta_log_(acta_actor *a, acta_level level, const char *event,
    const acta_field *fields)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };
	char line[1024], key[ACTA_KEY_MAX * 2], value[256];
	size_t at = 0;

	if ((unsigned)level > ACTA_ERROR || event == NULL) {
		acta_actor_misuse(a, "acta_log: no such level, or no event");
		return;
	}
	for (const acta_field *f = fields;
	     f->kind != ACTA_K_END_ && at < sizeof(line) - 1; f++) {
		const char *text = f->value.as.data;
		size_t size = f->value.size;
		int n;

		if (f->kind != ACTA_K_VALUE_ || f->name == NULL)
			continue;
		if (f->value.type != ACTA_STR) {
			text = acta_text(a, f->value);
			size = strlen(text);
		}
		if (f->value.type != ACTA_INT && f->value.type != ACTA_NUM &&
		    f->value.type != ACTA_BOOL)
			text = acta_log_quote(value, sizeof(value), text, size);
		n = snprintf(
		    line + at, sizeof(line) - at, " %s=%s", f->name, text);
		if (n < 0)
			break;
		at += (size_t)n;
	}
	line[at < sizeof(line) ? at : sizeof(line) - 1] = '\0';
	acta_log_line(names[level], event, "service=%s key=%s%s",
	    a->loaded->service->name,
	    acta_log_quote(key, sizeof(key), a->key, a->key_size), line);
}

/* ------------------------------------------------------------- message -- */

const char *
acta_msg_type(const acta_msg *m)
{
	return m->type_text;
}

const char *
acta_msg_from(const acta_msg *m)
{
	return m->from_text;
}

acta_ref
acta_msg_sender(const acta_msg *m)
{
	if (m->sender != NULL)
		return m->sender;
	return m->from_text[0] == '\0'
	    ? NULL
	    : acta_ref_make(
		  m->actor->arena, m->from_text, strlen(m->from_text));
}

const char *
acta_msg_id(const acta_msg *m)
{
	static const char hex[] = "0123456789abcdef";
	acta_msg *msg = (acta_msg *)m; /* made when it is asked for */

	for (int i = 0; i < 16; i++) {
		msg->id[2 * i] = hex[m->uid.bytes[i] >> 4];
		msg->id[2 * i + 1] = hex[m->uid.bytes[i] & 15];
	}
	return m->id;
}

int
acta_msg_attempt(const acta_msg *m)
{
	return (int)m->attempt;
}

static acta_value
declared(const acta_msg *m, const char *name, unsigned type)
{
	const struct acta_schema *s = &m->handler->args;
	int i = name == NULL ? -1
			     : acta_literal_index(&m->actor->part->literals,
				   m->actor->loaded, m->handler, name);

	if (i < 0) {
		acta_actor_misuse(m->actor, "\"%s\" declares no arg \"%s\"",
		    m->type_text, name ? name : "");
		return (acta_value){ 0 };
	}
	if (type != ACTA_SCHEMA_ANY && s->fields[i].type != type &&
	    !(type == ACTA_SCHEMA_INT &&
		s->fields[i].type == ACTA_SCHEMA_TIME) &&
	    !(type == ACTA_SCHEMA_NUM &&
		s->fields[i].type == ACTA_SCHEMA_INT) &&
	    !(type == ACTA_SCHEMA_STR &&
		s->fields[i].type == ACTA_SCHEMA_REF) &&
	    s->fields[i].type != ACTA_SCHEMA_ANY) {
		acta_actor_misuse(m->actor,
		    "arg \"%s\" of \"%s\" is read as "
		    "another type than declared",
		    name, m->type_text);
		return (acta_value){ 0 };
	}
	return m->args[i];
}

int64_t
acta_arg_int(const acta_msg *m, const char *name)
{
	return acta_as_int(declared(m, name, ACTA_SCHEMA_INT), 0);
}

double
acta_arg_num(const acta_msg *m, const char *name)
{
	return acta_as_num(declared(m, name, ACTA_SCHEMA_NUM), 0);
}

bool
acta_arg_bool(const acta_msg *m, const char *name)
{
	return acta_as_bool(declared(m, name, ACTA_SCHEMA_BOOL), false);
}

const char *
acta_arg_str(const acta_msg *m, const char *name)
{
	acta_value v = declared(m, name, ACTA_SCHEMA_STR);

	return v.type == ACTA_STR
	    ? acta_arena_text(m->actor->arena, v.as.data, v.size)
	    : "";
}

acta_ref
acta_arg_ref(const acta_msg *m, const char *name)
{
	acta_value v = declared(m, name, ACTA_SCHEMA_REF);

	return v.type == ACTA_STR
	    ? acta_ref_make(m->actor->arena, v.as.data, v.size)
	    : NULL;
}

acta_value
acta_arg(const acta_msg *m, const char *name)
{
	return declared(m, name, ACTA_SCHEMA_ANY);
}

acta_outcome
acta_msg_outcome(const acta_msg *m)
{
	return m->outcome;
}

const char *
acta_msg_code(const acta_msg *m)
{
	return m->code;
}

const char *
acta_msg_text(const acta_msg *m)
{
	return m->text;
}

acta_value
acta_kept(const acta_msg *m)
{
	return m->kept;
}

/* --------------------------------------------------------------- state -- */

static size_t
row_key(acta_actor *a, const char *call, const char *name, char *out)
{
	size_t n = name ? strlen(name) : 0;

	if (n == 0 || n > ROW_NAME_MAX || !acta_utf8_valid(name, n)) {
		acta_actor_misuse(a,
		    "%s: a row's name must have 1 to %u "
		    "bytes of UTF-8",
		    call, ROW_NAME_MAX);
		return 0;
	}
	return acta_actor_row(out, a->key, a->key_size, name, n);
}

static bool
store_failed(acta_actor *a, enum acta_err err)
{
	if (err == ACTA_OK || err == ACTA_ENOENT)
		return false;
	(void)acta_part_fatal(a->part, err);
	a->status = ACTA_FAILED;
	return true;
}

static acta_value
get(acta_actor *a, const char *call, const char *name)
{
	char key[ACTA_STORE_KEY_MAX];
	const void *data;
	size_t size, n;
	struct acta_reader r;
	enum acta_err err;

	if (!live(a, call) || (n = row_key(a, call, name, key)) == 0)
		return (acta_value){ 0 };
	err =
	    acta_store_get(a->part->store, ACTA_T_STATE, key, n, &data, &size);
	if (store_failed(a, err) || err != ACTA_OK)
		return (acta_value){ 0 };
	r = acta_reader(data, size);
	return acta_read(&r);
}

static bool
typed(
    acta_actor *a, const char *call, const char *name, acta_value v, bool fits)
{
	if (v.type == ACTA_ABSENT || a->misused)
		return false;
	if (!fits)
		acta_actor_misuse(a, "%s: row \"%s\" is a %s", call, name,
		    acta_type_name(v.type));
	return fits;
}

int64_t
acta_get_int(acta_actor *a, const char *name, int64_t otherwise)
{
	acta_value v = get(a, "acta_get_int", name);

	return typed(a, "acta_get_int", name, v,
		   v.type == ACTA_INT || v.type == ACTA_TIME)
	    ? v.as.i
	    : otherwise;
}

double
acta_get_num(acta_actor *a, const char *name, double otherwise)
{
	acta_value v = get(a, "acta_get_num", name);

	return typed(a, "acta_get_num", name, v,
		   v.type == ACTA_NUM || v.type == ACTA_INT)
	    ? acta_as_num(v, otherwise)
	    : otherwise;
}

bool
acta_get_bool(acta_actor *a, const char *name, bool otherwise)
{
	acta_value v = get(a, "acta_get_bool", name);

	return typed(a, "acta_get_bool", name, v, v.type == ACTA_BOOL)
	    ? v.as.b
	    : otherwise;
}

const char *
acta_get_str(acta_actor *a, const char *name, const char *otherwise)
{
	acta_value v = get(a, "acta_get_str", name);

	return typed(a, "acta_get_str", name, v, v.type == ACTA_STR)
	    ? acta_arena_text(a->arena, v.as.data, v.size)
	    : otherwise;
}

acta_ref
acta_get_ref(acta_actor *a, const char *name)
{
	acta_value v = get(a, "acta_get_ref", name);
	acta_ref ref;

	if (v.type == ACTA_NIL ||
	    !typed(a, "acta_get_ref", name, v, v.type == ACTA_STR))
		return NULL;
	ref = acta_ref_make(a->arena, v.as.data, v.size);
	if (ref == NULL)
		acta_actor_misuse(a,
		    "acta_get_ref: row \"%s\" is not an "
		    "address",
		    name);
	return ref;
}

acta_value
acta_get(acta_actor *a, const char *name)
{
	return get(a, "acta_get", name);
}

static void
put_packed(acta_actor *a, const char *call, const char *name, size_t from)
{
	struct acta_buf *b = &a->part->pack;
	char key[ACTA_STORE_KEY_MAX];
	size_t n = row_key(a, call, name, key);

	if (n == 0 || !effect(a, call, b->size - from))
		return;
	acta_store_put(a->part->store, ACTA_T_STATE, key, n, b->data + from,
	    b->size - from);
}

void
acta_put_(acta_actor *a, const acta_field *fields)
{
	struct options o;
	uint32_t values;

	if (!may_change(a, "acta_put") ||
	    !options(a, "acta_put", fields, 0, &o, &values))
		return;
	for (const acta_field *f = fields; f->kind != ACTA_K_END_; f++) {
		struct acta_buf *b = &a->part->pack;

		if (!is_value(f))
			continue;
		if (!field_name(a, "acta_put", f, ROW_NAME_MAX))
			return;
		if (f->name[f->name_size - 1] == '/') {
			acta_actor_misuse(a,
			    "acta_put: a row's name does not "
			    "end in '/'");
			return;
		}
		acta_buf_reset(b);
		if (!pack_field(a, "acta_put", b, f))
			return;
		if (!fits(b, 0)) {
			acta_actor_misuse(a,
			    "acta_put: row \"%s\" is over "
			    "depth 32 or 65,536 elements",
			    f->name);
			return;
		}
		put_packed(a, "acta_put", f->name, 0);
	}
}

int64_t
acta_add(acta_actor *a, const char *name, int64_t delta)
{
	acta_value v;
	int64_t sum = 0;

	if (!may_change(a, "acta_add"))
		return 0;
	v = get(a, "acta_add", name);
	if (a->misused)
		return 0;
	if (v.type != ACTA_ABSENT && v.type != ACTA_INT) {
		acta_actor_misuse(a, "acta_add: row \"%s\" is a %s", name,
		    acta_type_name(v.type));
		return 0;
	}
	if (__builtin_add_overflow(acta_as_int(v, 0), delta, &sum)) {
		acta_actor_misuse(a, "acta_add: row \"%s\" overflows", name);
		return 0;
	}
	acta_buf_reset(&a->part->pack);
	acta_pack_int(&a->part->pack, sum);
	put_packed(a, "acta_add", name, 0);
	return a->misused ? 0 : sum;
}

/* Its timers, with their places in time. */
static void
delete_timers(acta_actor *a)
{
	char prefix[ACTA_KEY_MAX + 2];
	size_t n = acta_actor_row(prefix, a->key, a->key_size, NULL, 0);
	struct acta_scan *scan =
	    acta_scan_open(a->part->store, ACTA_T_TIMER, prefix, n);
	struct acta_row row;

	while (acta_scan_next(scan, &row)) {
		struct acta_reader r = acta_reader(row.value, row.value_size);
		bool ok = true;

		(void)acta_read_list(&r, &ok);
		acta_part_due_delete(a->part, acta_read_int(&r, &ok), 't',
		    row.key, row.key_size);
		acta_store_delete(
		    a->part->store, ACTA_T_TIMER, row.key, row.key_size);
	}
	(void)store_failed(a, acta_scan_close(&scan));
}

void
acta_delete(acta_actor *a, const char *name)
{
	char key[ACTA_STORE_KEY_MAX];
	size_t n;

	if (!may_change(a, "acta_delete") ||
	    (n = row_key(a, "acta_delete", name, key)) == 0 ||
	    !effect(a, "acta_delete", 0))
		return;
	if (strcmp(name, "/") == 0) {
		acta_store_delete_prefix(
		    a->part->store, ACTA_T_STATE, key, n - 1);
		delete_timers(a);
	} else if (key[n - 1] == '/') {
		acta_store_delete_prefix(a->part->store, ACTA_T_STATE, key, n);
	} else {
		acta_store_delete(a->part->store, ACTA_T_STATE, key, n);
	}
}

enum { CURSOR_END, CURSOR_SCAN, CURSOR_LIST, CURSOR_MAP };
#define TO_STATE(n) ((void *)(uintptr_t)(n))

acta_cursor
acta_scan(acta_actor *a, const char *prefix)
{
	acta_cursor c = { .name = "", .index = SIZE_MAX };
	char key[ACTA_STORE_KEY_MAX];
	size_t n = prefix ? strlen(prefix) : 0;

	if (!live(a, "acta_scan"))
		return c;
	if (n > ROW_NAME_MAX) {
		acta_actor_misuse(
		    a, "acta_scan: the prefix is over %u bytes", ROW_NAME_MAX);
		return c;
	}
	if (a->scan_count == ACTA_SCANS_MAX) {
		/* Reuse the place of one that came to its end. */
		for (uint32_t i = 0; i < a->scan_count; i++)
			if (a->scans[i] == NULL) {
				a->scans[i] = a->scans[--a->scan_count];
				break;
			}
	}
	if (a->scan_count == ACTA_SCANS_MAX) {
		acta_actor_misuse(
		    a, "acta_scan: over %u scans open at once", ACTA_SCANS_MAX);
		return c;
	}
	if (n == 1 && prefix[0] == '/')
		n = 0; /* "/" is all, as for acta_delete */
	n = acta_actor_row(key, a->key, a->key_size, prefix, n);
	c.state_[0] = TO_STATE(CURSOR_SCAN);
	c.state_[1] = a;
	c.state_[2] = acta_scan_open(a->part->store, ACTA_T_STATE, key, n);
	c.state_[3] = TO_STATE(n);
	a->scans[a->scan_count++] = c.state_[2];
	return c;
}

acta_cursor
acta_each(acta_actor *a, acta_value v)
{
	acta_cursor c = { .name = "", .index = SIZE_MAX };

	if (v.type != ACTA_LIST && v.type != ACTA_MAP)
		return c;
	c.state_[0] = TO_STATE(v.type == ACTA_LIST ? CURSOR_LIST : CURSOR_MAP);
	c.state_[1] = a;
	c.state_[2] = (void *)v.as.data;
	c.state_[3] = TO_STATE(v.size);
	return c;
}

static bool
next_row(acta_cursor *c)
{
	acta_actor *a = c->state_[1];
	struct acta_scan *scan = c->state_[2];
	size_t skip = (uintptr_t)c->state_[3];
	struct acta_row row;
	struct acta_reader r;

	if (!acta_scan_next(scan, &row)) {
		for (uint32_t i = 0; i < a->scan_count; i++)
			if (a->scans[i] == scan)
				a->scans[i] = NULL;
		(void)store_failed(a, acta_scan_close(&scan));
		return false;
	}
	c->name = acta_arena_text(
	    a->arena, (const char *)row.key + skip, row.key_size - skip);
	r = acta_reader(acta_arena_copy(a->arena, row.value, row.value_size),
	    row.value_size);
	c->value = acta_read(&r);
	return true;
}

static bool
next_element(acta_cursor *c, bool map)
{
	acta_actor *a = c->state_[1];
	uintptr_t left = (uintptr_t)c->state_[3];
	struct acta_reader r = acta_reader_into((acta_value){ .type = ACTA_LIST,
	    .size = (uint32_t)left,
	    .as.data = c->state_[2] });

	if (left == 0)
		return false;
	c->name = "";
	if (map) {
		acta_value name = acta_read(&r);

		if (name.type == ACTA_STR)
			c->name =
			    acta_arena_text(a->arena, name.as.data, name.size);
	}
	c->value = acta_read(&r);
	c->state_[2] = (void *)r.at;
	c->state_[3] = TO_STATE(left - 1);
	return true;
}

bool
acta_next(acta_cursor *c)
{
	bool more;

	switch ((uintptr_t)c->state_[0]) {
	case CURSOR_SCAN: more = next_row(c); break;
	case CURSOR_LIST: more = next_element(c, false); break;
	case CURSOR_MAP: more = next_element(c, true); break;
	default: return false;
	}
	if (!more) {
		c->state_[0] = TO_STATE(CURSOR_END);
		c->value = (acta_value){ 0 };
		c->name = "";
		return false;
	}
	c->index++;
	return true;
}

/* ------------------------------------------------------------- building -- */

static acta_value
packed_value(acta_actor *a, const struct acta_buf *b)
{
	struct acta_reader r =
	    acta_reader(acta_arena_copy(a->arena, b->data, b->size), b->size);

	return acta_read(&r);
}

acta_value
acta_map_(acta_actor *a, const acta_field *fields)
{
	struct acta_buf b;
	struct options o;
	uint32_t values;
	acta_value v = { 0 };

	if (a->misused || !options(a, "acta_map", fields, 0, &o, &values))
		return v;
	acta_buf_init(&b);
	if (pack_fields(a, "acta_map", &b, fields, values, false))
		v = packed_value(a, &b);
	acta_buf_fini(&b);
	return v;
}

acta_list *
acta_list_new(acta_actor *a)
{
	static struct acta_buf none;
	acta_list *l = acta_arena_alloc(a->arena, sizeof(*l));

	*l = (acta_list){ .actor = a, .buf = &none };
	if (a->list_count == ACTA_LISTS_MAX) {
		acta_actor_misuse(a,
		    "acta_list_new: over %u lists of one "
		    "message",
		    ACTA_LISTS_MAX);
		return l;
	}
	l->buf = calloc(1, sizeof(*l->buf));
	if (l->buf == NULL)
		abort();
	acta_buf_init(l->buf);
	a->lists[a->list_count++] = l->buf;
	return l;
}

static bool
list_room(acta_list *l)
{
	if (l->actor->misused)
		return false;
	if (l->count >= ACTA_MSGPACK_NODES_MAX ||
	    l->buf->size > ACTA_VALUE_BYTES_MAX)
		acta_actor_misuse(l->actor,
		    "a list is over 65,536 elements "
		    "or 1 MiB");
	return !l->actor->misused;
}

void
acta_list_add(acta_list *l, acta_field bare)
{
	size_t before = l->buf->size;

	if (!list_room(l) || !is_value(&bare))
		return;
	if (pack_field(l->actor, "acta_list_add", l->buf, &bare))
		l->count++;
	else
		l->buf->size = before;
}

void
acta_list_row_(acta_list *l, const acta_field *fields)
{
	struct options o;
	uint32_t values;
	size_t before = l->buf->size;

	if (!list_room(l) ||
	    !options(l->actor, "acta_list_row", fields, 0, &o, &values))
		return;
	if (pack_fields(
		l->actor, "acta_list_row", l->buf, fields, values, false))
		l->count++;
	else
		l->buf->size = before;
}

/* ------------------------------------------------------------- messages -- */

static bool
type_ok(acta_actor *a, const char *call, const char *type)
{
	if (type == NULL || !acta_type_valid(type, strlen(type))) {
		acta_actor_misuse(a,
		    "%s: \"%.80s\" is not a type "
		    "([a-z][a-z0-9-]*, at most 64)",
		    call, type ? type : "");
		return false;
	}
	return true;
}

struct acta_sent *
acta_actor_queue(acta_actor *a, const struct acta_route *route, uint32_t part,
    const struct acta_message *m)
{
	struct acta_sent *s = acta_arena_alloc(a->arena, sizeof(*s));
	struct acta_buf *b = &a->part->scratch;

	acta_buf_reset(b);
	acta_message_encode(b, m);
	*s = (struct acta_sent){ .route = route,
		.part = part,
		.size = b->size,
		.here = route == a->part->own_route &&
		    part == a->part->config.part };
	s->data = acta_arena_copy(a->arena, b->data, b->size);
	*a->sent_tail = s;
	a->sent_tail = &s->next;
	return s;
}

/* Tell the asker once this handler's effects are kept, not before. */
static void
later(acta_actor *a, const struct acta_caller *caller, const char *from,
    const char *text)
{
	struct acta_unsent *u = acta_arena_alloc(a->arena, sizeof(*u));

	*u = (struct acta_unsent){
		.next = a->unsent, .caller = *caller, .from = from, .text = text
	};
	a->unsent = u;
}

/* To an actor: its args are what was packed into part->pack. */
static void
send_message(acta_actor *a, acta_ref to, struct acta_message *m)
{
	const struct acta_route *r = acta_ref_route(a->part, to);
	uint32_t part;

	m->key = to->key;
	m->sent_ms = a->now_ms;
	m->id = (struct acta_bytes){ "", 0 };
	if (r == NULL) { /* the sender's own dead letter */
		struct acta_end end = { .outcome = ACTA_UNDELIVERED,
			.code = "unknown-service" };
		struct acta_buf *b = &a->part->scratch;
		struct acta_msg dead = { .uid = a->msg->uid, .attempt = 1 };

		end.text = acta_format(a, "there is no service \"%.*s\"",
		    (int)to->service.size, to->service.data);
		m->key =
		    (struct acta_bytes){ to->text, (uint32_t)strlen(to->text) };
		acta_buf_reset(b);
		acta_message_encode(b, m);
		dead.raw = acta_arena_copy(a->arena, b->data, b->size);
		dead.raw_size = b->size;
		acta_part_dead(a->part, &dead, "unknown-service", end.text);
		later(a, &m->caller, to->text, end.text);
		return;
	}
	part = to->part;
	if (acta_key_is_any(to->key.data, to->key.size))
		acta_stage_pick(a->part, r, &part, &m->key);
	(void)acta_actor_queue(a, r, part, m);
}

static struct acta_bytes
own_service(acta_actor *a)
{
	return (struct acta_bytes){ a->part->config.service,
		(uint32_t)strlen(a->part->config.service) };
}

/* Pack the args and fill in what every message has. */
static bool
prepare(acta_actor *a, const char *call, acta_ref to, const char *type,
    const acta_field *fields, unsigned allowed, struct options *o,
    struct acta_message *m)
{
	struct acta_buf *b;
	uint32_t values;

	if (!may_change(a, call) || !type_ok(a, call, type) ||
	    !options(a, call, fields, allowed, o, &values))
		return false;
	if (to == NULL) {
		acta_actor_misuse(a, "%s: to nobody", call);
		return false;
	}
	b = &a->part->pack;
	acta_buf_reset(b);
	if (!pack_fields(a, call, b, fields, values, false) ||
	    !effect(a, call, b->size))
		return false;
	*m = (struct acta_message){ 0 };
	m->type = (struct acta_bytes){ type, (uint32_t)strlen(type) };
	m->from = (struct acta_bytes){ acta_address(acta_self(a)),
		(uint32_t)strlen(acta_address(acta_self(a))) };
	m->trace = a->msg->m.trace;
	m->args_raw =
	    (struct acta_bytes){ acta_arena_copy(a->arena, b->data, b->size),
		    (uint32_t)b->size };
	return true;
}

void
acta_send_(
    acta_actor *a, acta_ref to, const char *type, const acta_field *fields)
{
	struct options o;
	struct acta_message m;

	if (acta_local_send(a, to, type, fields))
		return;
	if (prepare(a, "acta_send", to, type, fields, 0, &o, &m))
		send_message(a, to, &m);
}

void
acta_ask_(acta_actor *a, acta_ref to, const char *type, const char *then,
    const acta_field *fields)
{
	struct options o;
	struct acta_message m;
	struct acta_buf *b;
	uint8_t key[8];
	uint64_t ask;
	int64_t due_ms;

	if (!prepare(
		a, "acta_ask", to, type, fields, OPT_KEEP | OPT_WITHIN, &o, &m))
		return;
	if (then == NULL ||
	    acta_loaded_find(a->loaded, then, strlen(then)) == NULL) {
		acta_actor_misuse(a,
		    "acta_ask: this service has no handler "
		    "\"%.80s\"",
		    then ? then : "");
		return;
	}
	if (o.within_ms < 1 || o.within_ms > WITHIN_MS_MAX) {
		acta_actor_misuse(a,
		    "acta_ask: acta_within takes 1 ms to 7 "
		    "days");
		return;
	}
	ask = a->part->next_ask++;
	a->part->numbers_dirty = true;
	due_ms = a->now_ms + o.within_ms;
	b = &a->part->pack;
	acta_buf_reset(b);
	acta_pack_list(b, 4);
	acta_pack_str(b, a->key, a->key_size);
	acta_pack_text(b, then);
	if (!pack_fields(a, "acta_keep", b, fields, o.keeps, true))
		return;
	acta_pack_int(b, due_ms);
	for (int i = 0; i < 8; i++)
		key[i] = (uint8_t)(ask >> (8 * (7 - i)));
	acta_store_put(a->part->store, ACTA_T_ASK, key, 8, b->data, b->size);
	acta_part_due_put(a->part, due_ms, 'a', key, 8, "\xc0", 1);
	m.deadline_ms = due_ms;
	m.caller = (struct acta_caller){ .kind = ACTA_CALLER_ASK,
		.service = own_service(a),
		.part = a->part->config.part,
		.ask = ask };
	send_message(a, to, &m);
}

/* Is it known, or is there room for one more? */
static bool
topic_ok(acta_actor *a, const char *topic)
{
	struct acta_new_topic *t;
	uint32_t count = a->part->topic_count;

	for (uint32_t i = 0; i < count; i++)
		if (strcmp(a->part->topics[i].name, topic) == 0)
			return true;
	for (t = a->new_topics; t != NULL; t = t->next, count++)
		if (strcmp(t->name, topic) == 0)
			return true;
	if (count >= ACTA_TOPICS_MAX)
		return false;
	t = acta_arena_alloc(a->arena, sizeof(*t));
	*t = (struct acta_new_topic){ .next = a->new_topics,
		.name = acta_arena_text(a->arena, topic, strlen(topic)) };
	a->new_topics = t;
	return true;
}

void
acta_actor_tell(acta_actor *a, const char *topic, struct acta_bytes data)
{
	if (topic_ok(a, topic))
		acta_subs_publish(a, topic, data);
	else
		acta_actor_misuse(
		    a, "acta_publish: over %u topics", ACTA_TOPICS_MAX);
}

void
acta_publish_(acta_actor *a, const char *topic, const acta_field *fields)
{
	struct options o;
	uint32_t values;
	struct acta_buf *b;
	struct acta_release *e;
	const char *full;

	if (!may_change(a, "acta_publish") ||
	    !type_ok(a, "acta_publish", topic) ||
	    !options(a, "acta_publish", fields, 0, &o, &values))
		return;
	if (!topic_ok(a, topic)) {
		acta_actor_misuse(
		    a, "acta_publish: over %u topics", ACTA_TOPICS_MAX);
		return;
	}
	b = &a->part->pack;
	acta_buf_reset(b);
	if (!pack_fields(a, "acta_publish", b, fields, values, false) ||
	    !effect(a, "acta_publish", b->size))
		return;
	full = acta_format(a, "%s.%s", a->part->config.service, topic);
	e = acta_arena_alloc(a->arena, sizeof(*e));
	*e = (struct acta_release){ .event = true };
	e->item.kind = ACTA_ITEM_EVENT;
	e->item.topic = (struct acta_bytes){ full, (uint32_t)strlen(full) };
	e->item.key =
	    (struct acta_bytes){ acta_arena_text(a->arena, a->key, a->key_size),
		    a->key_size };
	e->item.from = (struct acta_bytes){ acta_address(acta_self(a)),
		(uint32_t)strlen(acta_address(acta_self(a))) };
	e->item.body =
	    (struct acta_bytes){ acta_arena_copy(a->arena, b->data, b->size),
		    (uint32_t)b->size };
	*a->event_tail = e;
	a->event_tail = &e->next;
	acta_subs_publish(a, topic, e->item.body);
}

/* ---------------------------------------------------------------- reply -- */

static bool
may_answer(acta_actor *a, const char *call)
{
	if (!live(a, call))
		return false;
	if (a->replied || a->caller_taken) {
		acta_actor_misuse(a,
		    "%s: the caller was answered, forwarded "
		    "or deferred before",
		    call);
		return false;
	}
	return true;
}

acta_status
acta_reply_(acta_actor *a, const acta_field *fields)
{
	struct options o;
	uint32_t values;
	struct acta_buf *b;

	if (!may_answer(a, "acta_reply") ||
	    !options(a, "acta_reply", fields, 0, &o, &values))
		return ACTA_FAILED;
	b = &a->part->pack;
	acta_buf_reset(b);
	if (!pack_fields(a, "acta_reply", b, fields, values, false))
		return ACTA_FAILED;
	a->reply = acta_arena_copy(a->arena, b->data, b->size);
	a->reply_size = b->size;
	a->reply_tail = a->sent_tail;
	a->replied = true;
	return ACTA_DONE;
}

/* A client's send is answered in this commit: nobody waits any more, and its
 * time-out is over with that (CORE 1.8). */
static bool
told(const acta_actor *a)
{
	return a->msg->source == ACTA_FROM_CALL && a->msg->send;
}

acta_status
acta_forward_(
    acta_actor *a, acta_ref to, const char *type, const acta_field *fields)
{
	struct options o;
	struct acta_message m;

	if (!may_answer(a, "acta_forward") ||
	    !prepare(a, "acta_forward", to, type, fields, 0, &o, &m))
		return ACTA_FAILED;
	m.from = a->msg->m.from;
	m.deadline_ms = a->msg->m.deadline_ms;
	m.caller = a->msg->m.caller;
	m.caller.forwarded = true;
	if (told(a)) {
		m.caller = (struct acta_caller){ 0 };
		m.deadline_ms = 0;
	}
	send_message(a, to, &m);
	a->caller_taken = true;
	return ACTA_DONE;
}

const char *
acta_defer(acta_actor *a)
{
	struct acta_buf *b;
	uint8_t key[16];
	char text[ACTA_TOKEN_MAX + 1];
	uint64_t number, chance;
	int64_t due_ms;
	const struct acta_caller nobody = { 0 };
	int64_t deadline_ms = told(a) ? 0 : a->msg->m.deadline_ms;

	if (!may_change(a, "acta_defer") || !may_answer(a, "acta_defer"))
		return "";
	if (!effect(a, "acta_defer", 64))
		return "";
	number = a->part->next_token++;
	a->part->numbers_dirty = true;
	chance = acta_part_random(a->part) >> 16; /* the token: 63 bytes */
	for (int i = 0; i < 8; i++) {
		key[i] = (uint8_t)(number >> (8 * (7 - i)));
		key[8 + i] = (uint8_t)(chance >> (8 * (7 - i)));
	}
	due_ms = a->now_ms + TOKEN_KEEP_MS;
	if (deadline_ms + TOKEN_KEEP_MS > due_ms)
		due_ms = deadline_ms + TOKEN_KEEP_MS;
	b = &a->part->pack;
	acta_buf_reset(b);
	acta_pack_list(b, 3);
	acta_caller_encode(b, told(a) ? &nobody : &a->msg->m.caller);
	acta_pack_int(b, deadline_ms);
	acta_pack_int(b, due_ms);
	acta_store_put(a->part->store, ACTA_T_TOKEN, key, 16, b->data, b->size);
	acta_part_due_put(a->part, due_ms, 'k', key, 16, "\xc0", 1);
	a->caller_taken = true;
	a->deferred = true;
	acta_token_encode(text,
	    &(struct acta_token){
		own_service(a), a->part->config.part, number, chance });
	return acta_arena_text(a->arena, text, strlen(text));
}

static void
answer_token(acta_actor *a, const char *call, const char *token,
    const struct acta_end *end)
{
	struct acta_token t;
	struct acta_message m = { 0 };
	struct acta_buf b;
	const struct acta_route *r;

	if (token == NULL ||
	    acta_token_decode(token, strlen(token), &t) != ACTA_OK ||
	    (r = acta_part_route(a->part, t.service.data, t.service.size)) ==
		NULL ||
	    t.part >= r->partitions) {
		acta_actor_misuse(a,
		    "%s: \"%.70s\" is not a token of "
		    "acta_defer",
		    call, token ? token : "");
		return;
	}
	acta_buf_init(&b);
	acta_pack_map(&b, 6);
	acta_pack_text(&b, "n");
	acta_pack_uint(&b, t.number);
	acta_pack_text(&b, "d");
	acta_pack_uint(&b, t.chance);
	acta_pack_text(&b, "o");
	acta_pack_int(&b, end->outcome);
	acta_pack_text(&b, "c");
	acta_pack_text(&b, end->code ? end->code : "");
	acta_pack_text(&b, "x");
	acta_pack_text(&b, end->text ? end->text : "");
	acta_pack_text(&b, "r");
	if (end->result != NULL)
		acta_pack_raw(&b, end->result, end->size);
	else
		acta_pack_nil(&b);
	m.type = (struct acta_bytes){ "@token", 6 };
	m.key = m.id = (struct acta_bytes){ "", 0 };
	m.from = (struct acta_bytes){ acta_address(acta_self(a)),
		(uint32_t)strlen(acta_address(acta_self(a))) };
	m.sent_ms = a->now_ms;
	m.args_raw =
	    (struct acta_bytes){ acta_arena_copy(a->arena, b.data, b.size),
		    (uint32_t)b.size };
	acta_buf_fini(&b);
	if (effect(a, call, end->size)) /* what the user made of it */
		(void)acta_actor_queue(a, r, t.part, &m);
}

void
acta_reply_to_(acta_actor *a, const char *token, const acta_field *fields)
{
	struct options o;
	uint32_t values;
	struct acta_buf *b;
	struct acta_end end = { .outcome = ACTA_ANSWERED };

	if (!may_change(a, "acta_reply_to") ||
	    !options(a, "acta_reply_to", fields, 0, &o, &values))
		return;
	b = &a->part->pack;
	acta_buf_reset(b);
	if (!pack_fields(a, "acta_reply_to", b, fields, values, false))
		return;
	end.result = acta_arena_copy(a->arena, b->data, b->size);
	end.size = b->size;
	answer_token(a, "acta_reply_to", token, &end);
}

static bool
code_ok(acta_actor *a, const char *call, const char *code)
{
	if (code != NULL && acta_type_valid(code, strlen(code)))
		return true;
	acta_actor_misuse(a,
	    "%s: \"%.80s\" is not a code ([a-z][a-z0-9-]*, "
	    "at most 64)",
	    call, code ? code : "");
	return false;
}

/* Text for people: UTF-8, or it is cut where it stops being so. */
static const char *__attribute__((format(printf, 2, 0)))
said(acta_actor *a, const char *format, va_list ap)
{
	char *text = (char *)vformat(a, format, ap);
	size_t n = strlen(text);

	if (n > 1000)
		text[n = 1000] = '\0';
	while (n > 0 && !acta_utf8_valid(text, n))
		text[--n] = '\0';
	return text;
}

void
acta_reject_to(
    acta_actor *a, const char *token, const char *code, const char *format, ...)
{
	struct acta_end end = { .outcome = ACTA_REFUSED, .code = code };
	va_list ap;

	if (!may_change(a, "acta_reject_to") ||
	    !code_ok(a, "acta_reject_to", code))
		return;
	va_start(ap, format);
	end.text = said(a, format, ap);
	va_end(ap);
	answer_token(a, "acta_reject_to", token, &end);
}

acta_status
acta_reject(acta_actor *a, const char *code, const char *format, ...)
{
	va_list ap;

	if (a->no_state) {
		a->status = ACTA_FAILED;
		return ACTA_FAILED;
	}
	if (a->misused || !code_ok(a, "acta_reject", code))
		return ACTA_FAILED;
	a->code = acta_arena_text(a->arena, code, strlen(code));
	va_start(ap, format);
	a->text = said(a, format, ap);
	va_end(ap);
	if (a->status < ACTA_REJECTED)
		a->status = ACTA_REJECTED;
	return ACTA_REJECTED;
}

acta_status
acta_fail(acta_actor *a, const char *format, ...)
{
	va_list ap;

	if (a->misused)
		return ACTA_FAILED;
	va_start(ap, format);
	a->text = said(a, format, ap);
	va_end(ap);
	a->status = ACTA_FAILED;
	return ACTA_FAILED;
}

acta_status
acta_hold(acta_actor *a)
{
	if (live(a, "acta_hold") && !a->reads_only)
		a->held = true;
	else if (!a->misused)
		acta_actor_misuse(a,
		    "acta_hold in a handler that is "
		    "ACTA_READS");
	return ACTA_FAILED;
}

void
acta_resume(acta_actor *a)
{
	if (may_change(a, "acta_resume"))
		a->resumed = true;
}

/* --------------------------------------------------------------- timers -- */

static size_t
timer_key(acta_actor *a, const char *call, const char *name, char *out)
{
	size_t n = name ? strlen(name) : 0;

	if (n == 0 || n > FIELD_NAME_MAX || !acta_utf8_valid(name, n)) {
		acta_actor_misuse(a,
		    "%s: a timer's name must have 1 to 64 "
		    "bytes of UTF-8",
		    call);
		return 0;
	}
	return acta_actor_row(out, a->key, a->key_size, name, n);
}

static void
timer_drop(acta_actor *a, const char *key, size_t n)
{
	const void *value;
	size_t size;
	enum acta_err err =
	    acta_store_get(a->part->store, ACTA_T_TIMER, key, n, &value, &size);

	if (!store_failed(a, err) && err == ACTA_OK) {
		struct acta_reader r = acta_reader(value, size);
		bool ok = true;

		(void)acta_read_list(&r, &ok);
		acta_part_due_delete(
		    a->part, acta_read_int(&r, &ok), 't', key, n);
		acta_store_delete(a->part->store, ACTA_T_TIMER, key, n);
	}
}

void
acta_timer_(
    acta_actor *a, const char *name, const char *type, const acta_field *fields)
{
	struct options o;
	uint32_t values;
	char key[ACTA_STORE_KEY_MAX];
	struct acta_buf *b;
	size_t n, head;
	int64_t due_ms;

	if (!may_change(a, "acta_timer") || !type_ok(a, "acta_timer", type) ||
	    (n = timer_key(a, "acta_timer", name, key)) == 0 ||
	    !options(a, "acta_timer", fields, OPT_TIMER, &o, &values))
		return;
	if (acta_loaded_find(a->loaded, type, strlen(type)) == NULL) {
		acta_actor_misuse(a,
		    "acta_timer: this service has no handler "
		    "\"%s\"",
		    type);
		return;
	}
	if (o.after_ms < 0 || o.after_ms > TIMER_MS_MAX ||
	    (o.every && (o.every_ms < 1 || o.every_ms > TIMER_MS_MAX))) {
		acta_actor_misuse(a,
		    "acta_timer: a time that is negative, "
		    "nil or over 100 years");
		return;
	}
	due_ms = a->now_ms + o.after_ms;
	b = &a->part->pack;
	acta_buf_reset(b);
	acta_pack_list(b, 5);
	acta_pack_int(b, due_ms);
	acta_pack_int(b, o.every ? o.every_ms : 0);
	acta_pack_text(b, type);
	head = b->size;
	if (!pack_fields(a, "acta_timer", b, fields, values, false) ||
	    !effect(a, "acta_timer", b->size - head))
		return;
	acta_pack_uint(b, 0); /* none of its messages is parked */
	timer_drop(a, key, n);
	acta_store_put(a->part->store, ACTA_T_TIMER, key, n, b->data, b->size);
	acta_part_due_put(a->part, due_ms, 't', key, n, "\xc0", 1);
}

void
acta_timer_cancel(acta_actor *a, const char *name)
{
	char key[ACTA_STORE_KEY_MAX];
	size_t n;

	if (may_change(a, "acta_timer_cancel") &&
	    (n = timer_key(a, "acta_timer_cancel", name, key)) != 0 &&
	    effect(a, "acta_timer_cancel", 0))
		timer_drop(a, key, n);
}

void
acta_subscribe(
    acta_actor *a, const char *topic, const char *key, const char *handler)
{
	size_t size = topic ? strcspn(topic, ".") : 0;

	if (!may_change(a, "acta_subscribe"))
		return;
	if (topic == NULL || topic[size] != '.' ||
	    !acta_service_valid(topic, size) ||
	    !acta_type_valid(topic + size + 1, strlen(topic + size + 1))) {
		acta_actor_misuse(a,
		    "acta_subscribe: \"%.100s\" is not a topic, "
		    "\"service.topic\"",
		    topic ? topic : "");
		return;
	}
	if (key != NULL &&
	    (strlen(key) > ACTA_KEY_MAX ||
		!acta_utf8_valid(key, strlen(key)))) {
		acta_actor_misuse(
		    a, "acta_subscribe: that is no key of an actor");
		return;
	}
	if (handler != NULL &&
	    acta_loaded_find(a->loaded, handler, strlen(handler)) == NULL) {
		acta_actor_misuse(a,
		    "acta_subscribe: this service has no handler \"%.80s\"",
		    handler);
		return;
	}
	if (effect(a, "acta_subscribe", ACTA_KEY_MAX))
		acta_subs_ask(a, topic, key, handler);
}
