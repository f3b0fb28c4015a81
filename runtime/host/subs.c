/* runtime/host/subs.c - see subs.h. */
#include "runtime/host/subs.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"
#include "runtime/host/turn.h"

/* Of a service's handlers, of an actor to all keys, of an actor to one. */
enum kind { ON = 'o', ALL = 'a', ONE = 'k' };

struct sub { /* a row of T_TOPIC */
	enum kind kind;
	struct acta_bytes topic, service, actor, handler;
	struct acta_bytes filter; /* ONE: the key it hears */
	struct acta_bytes
	    field; /* ON: whose value is the actor's key, or none */
	bool lapse;
	uint64_t cursor; /* it is fed from the log from there; 0: up to date */
};

struct acta_behind {
	uint8_t key[ACTA_STORE_KEY_MAX];
	size_t size;
	bool lapsing; /* it has missed some, and that is told */
};

/* ---------------------------------------------------------------- rows -- */

/* "s", kind, topic, and of ONE its filter's hash: those that may match. */
static size_t
prefix_of(uint8_t *out, enum kind kind, struct acta_bytes topic,
    struct acta_bytes filter)
{
	size_t n = 0;

	out[n++] = 's';
	out[n++] = (uint8_t)kind;
	out[n++] = (uint8_t)topic.size;
	memcpy(out + n, topic.data, topic.size);
	n += topic.size;
	if (kind == ONE) {
		acta_be64(out + n, acta_hash64(filter.data, filter.size));
		n += 8;
	}
	return n;
}

static size_t
key_of(uint8_t out[ACTA_STORE_KEY_MAX], const struct sub *s)
{
	size_t n = prefix_of(out, s->kind, s->topic, s->filter);
	struct acta_hash128 h = acta_hash128(s->service.data, s->service.size);
	struct acta_bytes who = s->kind == ON ? s->handler : s->actor;

	h = acta_hash128_chain(h, who.data, who.size);
	h = acta_hash128_chain(h, s->filter.data, s->filter.size);
	memcpy(out + n, h.bytes, 16);
	return n + 16;
}

static void
pack_or_nil(struct acta_buf *b, struct acta_bytes text)
{
	if (text.data == NULL)
		acta_pack_nil(b);
	else
		acta_pack_str(b, text.data, text.size);
}

static void
sub_put(struct acta_part *part, const struct sub *s)
{
	uint8_t key[ACTA_STORE_KEY_MAX];
	struct acta_buf *b = &part->pack;

	acta_buf_reset(b);
	acta_pack_list(b, 7);
	acta_pack_str(b, s->service.data, s->service.size);
	pack_or_nil(b, s->actor);
	acta_pack_str(b, s->handler.data, s->handler.size);
	pack_or_nil(b, s->filter);
	pack_or_nil(b, s->field);
	acta_pack_bool(b, s->lapse);
	acta_pack_uint(b, s->cursor);
	acta_store_put(
	    part->store, ACTA_T_TOPIC, key, key_of(key, s), b->data, b->size);
}

static struct acta_bytes
read_text(struct acta_reader *r)
{
	acta_value v = acta_read(r);

	if (v.type != ACTA_STR)
		return (struct acta_bytes){ NULL, 0 };
	return (struct acta_bytes){ v.as.data, v.size };
}

/* Its texts lie in the row. */
static bool
sub_read(const void *key, size_t key_size, const void *value, size_t size,
    struct sub *out)
{
	const uint8_t *k = key;
	struct acta_reader r = acta_reader(value, size);
	bool ok = key_size > 3 && key_size >= 3u + k[2] + 16;

	if (!ok)
		return false;
	out->kind = (enum kind)k[1];
	out->topic = (struct acta_bytes){ (const char *)k + 3, k[2] };
	ok = acta_read_list(&r, &ok) == 7 && ok;
	out->service = read_text(&r);
	out->actor = read_text(&r);
	out->handler = read_text(&r);
	out->filter = read_text(&r);
	out->field = read_text(&r);
	out->lapse = acta_read_bool(&r, &ok);
	out->cursor = acta_read_uint(&r, &ok);
	return ok && out->service.data != NULL && out->handler.data != NULL &&
	    (out->kind == ON || out->actor.data != NULL) &&
	    (out->kind != ONE || out->filter.data != NULL);
}

static uint32_t *
count_of(struct acta_topic *t, enum kind kind)
{
	return kind == ON ? &t->subs_on
	    : kind == ALL ? &t->subs_all
			  : &t->subs_one;
}

static bool
same(struct acta_bytes a, struct acta_bytes b)
{
	return a.size == b.size && (a.data == NULL) == (b.data == NULL) &&
	    (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* It is fed from the log, which is kept for it if it must hear all. */
static void
behind_add(struct acta_part *part, const void *key, size_t size,
    const struct sub *s, struct acta_topic *t)
{
	struct acta_behind *at;

	if (!s->lapse && s->cursor < t->needed)
		acta_topic_needed(part, t, s->cursor);
	/* It may have left and come again since the list was looked through. */
	for (uint32_t i = 0; i < part->behind_count; i++)
		if (part->behind[i].size == size &&
		    memcmp(part->behind[i].key, key, size) == 0)
			return;
	part->behind = realloc(
	    part->behind, (part->behind_count + 1) * sizeof(*part->behind));
	if (part->behind == NULL)
		abort();
	at = &part->behind[part->behind_count++];
	memcpy(at->key, key, size);
	at->size = size;
	at->lapsing = false;
}

enum acta_err
acta_subs_load(struct acta_part *part)
{
	struct acta_scan *scan =
	    acta_scan_open(part->store, ACTA_T_TOPIC, "s", 1);
	struct acta_row row;
	bool ok = true;
	enum acta_err err;

	while (ok && acta_scan_next(scan, &row)) {
		struct sub s;
		struct acta_topic *t;

		ok = sub_read(
		    row.key, row.key_size, row.value, row.value_size, &s);
		t = ok ? acta_topic_find(part, s.topic, true) : NULL;
		if (t == NULL) {
			ok = false;
			break;
		}
		++*count_of(t, s.kind);
		if (s.cursor > 0)
			behind_add(part, row.key, row.key_size, &s, t);
	}
	err = acta_scan_close(&scan);
	part->announce = part->config.part == 0;
	return err != ACTA_OK ? err : ok ? ACTA_OK : ACTA_ECORRUPT;
}

void
acta_subs_fini(struct acta_part *part)
{
	free(part->behind);
	part->behind = NULL;
	part->behind_count = 0;
}

/* -------------------------------------------------------- an event sent -- */

struct event {
	struct acta_bytes from, data, trace; /* data: packed */
	int64_t at_ms;
};

struct letter { /* to one subscriber */
	struct acta_message m;
	const struct acta_route *route;
	uint32_t part;
	char key[24];
};

/* The key of the actor that hears it: false, the event does not tell it. */
static bool
key_in(const struct sub *s, const struct event *e, struct letter *out)
{
	struct acta_reader r = acta_reader(e->data.data, e->data.size);
	acta_value v;

	if (s->kind != ON || s->field.data == NULL) {
		out->m.key =
		    s->kind == ON ? (struct acta_bytes){ "", 0 } : s->actor;
		return true;
	}
	v = acta_map_get(acta_read(&r), s->field.data, s->field.size);
	if (v.type == ACTA_INT) {
		out->m.key = (struct acta_bytes){ out->key,
			(uint32_t)snprintf(
			    out->key, sizeof(out->key), "%" PRId64, v.as.i) };
		return true;
	}
	if (v.type != ACTA_STR || v.size > ACTA_KEY_MAX ||
	    memchr(v.as.data, 0, v.size) != NULL)
		return false;
	out->m.key = (struct acta_bytes){ v.as.data, v.size };
	return true;
}

/* False: it is for nobody. */
static bool
address(struct acta_part *part, const struct sub *s, const struct event *e,
    struct letter *out)
{
	char text[200];
	struct acta_msg dead = { .attempt = 0 };
	struct acta_buf b;

	*out = (struct letter){ .m = { .type = s->handler,
				    .from = e->from,
				    .sent_ms = e->at_ms,
				    .args_raw = e->data,
				    .id = { "", 0 },
				    .trace = e->trace,
				    .caller = { .kind = ACTA_CALLER_EVENT } } };
	out->route = acta_part_route(part, s->service.data, s->service.size);
	if (out->route == NULL) { /* not of this node any more */
		part->dropped++;
		return false;
	}
	if (key_in(s, e, out)) {
		out->part = acta_partition_of(
		    out->m.key.data, out->m.key.size, out->route->partitions);
		return true;
	}
	snprintf(text, sizeof(text),
	    "the event has no key of %.*s's actors in \"%.*s\"",
	    (int)s->service.size, s->service.data, (int)s->field.size,
	    s->field.data);
	out->m.key = s->service;
	acta_buf_init(&b);
	acta_message_encode(&b, &out->m);
	dead.raw = acta_arena_copy(&part->arena, b.data, b.size);
	dead.raw_size = b.size;
	acta_buf_fini(&b);
	dead.uid =
	    acta_part_uid(part->id.history, 16, "no-key", 6, part->next_dead);
	acta_part_dead(part, &dead, "no-key", text);
	return false;
}

static void
to_all(struct acta_actor *a, enum kind kind, struct acta_bytes topic,
    const struct event *e)
{
	struct acta_bytes own = { a->key, a->key_size };
	uint8_t prefix[ACTA_STORE_KEY_MAX];
	size_t n = prefix_of(prefix, kind, topic, own);
	struct acta_scan *scan =
	    acta_scan_open(a->part->store, ACTA_T_TOPIC, prefix, n);
	struct acta_row row;

	while (acta_scan_next(scan, &row)) {
		struct sub s;
		struct letter to;

		if (!sub_read(
			row.key, row.key_size, row.value, row.value_size, &s)) {
			(void)acta_part_fatal(a->part, ACTA_ECORRUPT);
			break;
		}
		if (s.cursor > 0 || (kind == ONE && !same(s.filter, own)))
			continue;
		if (address(a->part, &s, e, &to))
			acta_actor_queue(a, to.route, to.part, &to.m)->lapse =
			    s.lapse;
	}
	if (acta_scan_close(&scan) != ACTA_OK)
		a->part->failed = true;
}

void
acta_subs_publish(
    struct acta_actor *a, const char *topic, struct acta_bytes data)
{
	struct acta_bytes name = acta_bytes_of(topic);
	struct acta_topic *t = acta_topic_find(a->part, name, false);
	struct event e;

	if (t == NULL || t->subs_on + t->subs_all + t->subs_one == 0)
		return;
	e = (struct event){ .from = acta_bytes_of(acta_address(acta_self(a))),
		.data = data,
		.trace = a->msg->m.trace,
		.at_ms = a->now_ms };
	if (t->subs_on > 0)
		to_all(a, ON, name, &e);
	if (t->subs_all > 0)
		to_all(a, ALL, name, &e);
	if (t->subs_one > 0)
		to_all(a, ONE, name, &e);
}

/* ------------------------------------------------------------ catch up -- */

/* The event of the log at the cursor, and its place among those of all topics;
 * false: it cannot be read. */
static bool
event_at(struct acta_part *part, const struct acta_topic *t,
    const struct sub *s, struct event *out, uint64_t *out_place,
    char from[ACTA_ADDRESS_MAX + 1])
{
	uint8_t key[ACTA_TYPE_MAX + 16];
	const void *value;
	size_t size, n;
	struct acta_reader r;
	struct acta_bytes who;
	bool ok = true;

	n = acta_event_key((char *)key, t, s->cursor);
	if (acta_part_get(part, ACTA_T_EVENT, key, n, &value, &size) != ACTA_OK)
		return false;
	r = acta_reader(value, size);
	ok = acta_read_list(&r, &ok) == 5 && ok;
	who = read_text(&r);
	(void)acta_read_uint(&r, &ok);
	*out = (struct event){ .at_ms = acta_read_int(&r, &ok) };
	out->data.data = (const char *)acta_read_raw(&r, &n);
	out->data.size = (uint32_t)n;
	*out_place = acta_read_uint(&r, &ok);
	if (!ok || n == 0)
		return false;
	out->data.data = acta_arena_copy(&part->arena, out->data.data, n);
	snprintf(from, ACTA_ADDRESS_MAX + 1, "%s%s%.*s", part->config.service,
	    who.size > 0 ? "/" : "", (int)who.size, who.size ? who.data : "");
	out->from = acta_bytes_of(from);
	return true;
}

static bool
is_here(const struct acta_part *part, const struct letter *to)
{
	return to->route == part->own_route && to->part == part->config.part;
}

/* False: no room there. */
static bool
hand_on(struct acta_part *part, struct letter *to)
{
	struct acta_buf b;

	if (!is_here(part, to) &&
	    !acta_channel_room(part,
		acta_channel_out(part, to->route->name, to->part), false)) {
		acta_channel_block(part, to->route->name, to->part);
		return false;
	}
	acta_buf_init(&b);
	acta_message_encode(&b, &to->m);
	acta_route_to(part, to->route->name, to->part, b.data, b.size);
	acta_buf_fini(&b);
	return true;
}

/* Its texts, out of the row's memory, which a put may move. */
static void
sub_keep(struct acta_part *part, struct sub *s)
{
	s->topic = acta_bytes_keep(part, s->topic);
	s->service = acta_bytes_keep(part, s->service);
	s->actor = acta_bytes_keep(part, s->actor);
	s->handler = acta_bytes_keep(part, s->handler);
	s->filter = acta_bytes_keep(part, s->filter);
	s->field = acta_bytes_keep(part, s->field);
}

struct late { /* one that is behind */
	struct sub s;
	struct acta_topic *t;
	struct event next; /* of the log; its place there, UINT64_MAX: none */
	uint64_t place;
	uint32_t at; /* in part->behind */
	bool moved, stuck;
	char from[ACTA_ADDRESS_MAX + 1];
};

/* `text` "": it has caught up. */
static void
tell_lapse(struct acta_part *part, const struct late *late, const char *text)
{
	char name[48];

	snprintf(name, sizeof(name), "lapse-%.*s", (int)late->s.service.size,
	    late->s.service.data);
	part->port.alarm(part->port.self, name, text);
}

static void
look(struct acta_part *part, struct late *late)
{
	late->place = UINT64_MAX;
	if (late->s.cursor < late->t->first) { /* so long it was not kept */
		late->s.cursor = late->t->first;
		late->moved = true;
		if (!part->behind[late->at].lapsing)
			tell_lapse(part, late,
			    "it hears the log, and is so far behind that "
			    "events are skipped (on_lag: lapse)");
		part->behind[late->at].lapsing = true;
	}
	if (late->s.cursor < late->t->next &&
	    !event_at(
		part, late->t, &late->s, &late->next, &late->place, late->from))
		(void)acta_part_fatal(part, ACTA_ECORRUPT);
}

/* False: it cannot be read. Those that are no more are dropped from the list. */
static bool
read_late(struct acta_part *part, struct late *out, uint32_t *out_count)
{
	*out_count = 0;
	for (uint32_t i = 0; i < part->behind_count;) {
		struct acta_behind *at = &part->behind[i];
		struct late *late = &out[*out_count];
		const void *value;
		size_t size;
		enum acta_err err = acta_part_get(
		    part, ACTA_T_TOPIC, at->key, at->size, &value, &size);

		*late = (struct late){ .at = i };
		if (err != ACTA_OK && err != ACTA_ENOENT)
			return false;
		if (err == ACTA_OK &&
		    !sub_read(at->key, at->size, value, size, &late->s)) {
			(void)acta_part_fatal(part, ACTA_ECORRUPT);
			return false;
		}
		if (err == ACTA_ENOENT || late->s.cursor == 0) {
			*at = part->behind[--part->behind_count];
			continue;
		}
		sub_keep(part, &late->s);
		late->t = acta_topic_find(part, late->s.topic, true);
		assert(late->t != NULL); /* its row says that there is one */
		++*out_count;
		i++;
	}
	return true;
}

/* The one whose next event was published first. */
static struct late *
earliest(struct late *all, uint32_t count)
{
	struct late *first = NULL;

	for (uint32_t i = 0; i < count; i++)
		if (!all[i].stuck && all[i].place != UINT64_MAX &&
		    (first == NULL || all[i].place < first->place))
			first = &all[i];
	return first;
}

/* What comes next for a service waits behind what has no room. */
static void
stick(struct late *all, uint32_t count, const struct late *one_of)
{
	for (uint32_t i = 0; i < count; i++)
		all[i].stuck |= same(all[i].s.service, one_of->s.service);
}

/* All of its service have had all there is: from now on they are fed by who
 * publishes, together, so that nothing overtakes. */
static bool
has_caught_up(const struct late *all, uint32_t count, const struct late *one_of)
{
	for (uint32_t i = 0; i < count; i++)
		if (same(all[i].s.service, one_of->s.service) &&
		    all[i].place != UINT64_MAX)
			return false;
	return true;
}

/* What those who are behind must still hear, of each topic. */
static void
keep_needed(struct acta_part *part, const struct late *all, uint32_t count)
{
	for (uint32_t i = 0; i < part->topic_count; i++) {
		struct acta_topic *t = &part->topics[i];
		uint64_t needed = UINT64_MAX;

		for (uint32_t n = 0; n < count; n++)
			if (all[n].t == t && !all[n].s.lapse &&
			    all[n].s.cursor > 0 && all[n].s.cursor < needed)
				needed = all[n].s.cursor;
		if (needed != t->needed)
			acta_topic_needed(part, t, needed);
	}
}

bool
acta_subs_catch_up(struct acta_part *part)
{
	uint32_t left = ACTA_SUBS_SLICE, count;
	struct late *all, *late;

	/* A store that takes nothing new in must: its log is kept until then. */
	if (part->behind_count == 0 || part->full || part->draining)
		return false;
	all = acta_arena_alloc(&part->arena, part->behind_count * sizeof(*all));
	if (!read_late(part, all, &count))
		return false;
	for (uint32_t i = 0; i < count; i++)
		look(part, &all[i]);
	while (left > 0 && !part->failed &&
	    (late = earliest(all, count)) != NULL) {
		struct letter to;

		if (address(part, &late->s, &late->next, &to) &&
		    !hand_on(part, &to)) {
			stick(all, count, late);
			continue;
		}
		late->s.cursor++;
		late->moved = true;
		left--;
		look(part, late);
	}
	for (uint32_t i = 0; i < count; i++)
		if (has_caught_up(all, count, &all[i])) {
			if (part->behind[all[i].at].lapsing)
				tell_lapse(part, &all[i], "");
			part->behind[all[i].at].lapsing = false;
			all[i].s.cursor = 0;
			all[i].moved = true;
		}
	for (uint32_t i = 0; i < count; i++)
		if (all[i].moved)
			sub_put(part, &all[i].s);
	keep_needed(part, all, count);
	return left == 0;
}

/* ------------------------------------------------------- who subscribes -- */

static struct acta_bytes
text_arg(acta_value map, const char *name)
{
	acta_value v = acta_own_arg(map, name);

	if (v.type != ACTA_STR)
		return (struct acta_bytes){ NULL, 0 };
	return (struct acta_bytes){ v.as.data, v.size };
}

static void
forget(struct acta_part *part, const struct sub *s, struct acta_topic *t)
{
	uint8_t key[ACTA_STORE_KEY_MAX];
	size_t n = key_of(key, s), size;
	const void *value;

	if (acta_part_get(part, ACTA_T_TOPIC, key, n, &value, &size) != ACTA_OK)
		return;
	acta_store_delete(part->store, ACTA_T_TOPIC, key, n);
	--*count_of(t, s->kind);
}

/* NULL, or why it cannot be. */
static const char *
remember(struct acta_part *part, struct sub *s, struct acta_topic *t)
{
	uint8_t key[ACTA_STORE_KEY_MAX];
	size_t n = key_of(key, s), size;
	const void *value;
	struct sub old;

	if (acta_part_get(part, ACTA_T_TOPIC, key, n, &value, &size) ==
	    ACTA_OK) {
		if (!sub_read(key, n, value, size, &old)) {
			(void)acta_part_fatal(part, ACTA_ECORRUPT);
			return NULL;
		}
		s->cursor = old.cursor;
	} else {
		if (s->kind != ONE &&
		    *count_of(t, s->kind) >= ACTA_SUBS_TOPIC_MAX)
			return "too many hear this topic already";
		++*count_of(t, s->kind);
		if (s->cursor > 0)
			behind_add(part, key, n, s, t);
	}
	sub_put(part, s);
	return NULL;
}

static const char *
one(struct acta_part *part, acta_value args, struct acta_bytes service,
    struct acta_bytes actor)
{
	struct sub s = { .topic = text_arg(args, "t"),
		.service = service,
		.actor = actor,
		.handler = text_arg(args, "h"),
		.filter = text_arg(args, "k"),
		.lapse = acta_own_arg(args, "l").as.b };
	struct acta_topic *t;

	if (s.topic.data == NULL ||
	    !acta_type_valid(s.topic.data, s.topic.size))
		return "its topic is none";
	s.kind = s.filter.data != NULL ? ONE : ALL;
	t = acta_topic_find(part, s.topic, true);
	if (t == NULL)
		return "the service has too many topics";
	if (s.handler.data != NULL)
		return remember(part, &s, t);
	forget(part, &s, t);
	return NULL;
}

/* Where in the log a new one begins; 0: with what comes next. */
static uint64_t
begin_at(
    struct acta_part *part, const struct acta_topic *t, char how, int64_t n)
{
	uint64_t low = t->first, high = t->next, place;
	char from[ACTA_ADDRESS_MAX + 1];

	if (how == 'l' || t->first == t->next)
		return 0;
	if (how == 's')
		return n < (int64_t)t->first ? t->first
		    : n >= (int64_t)t->next  ? 0
					     : (uint64_t)n;
	while (how == 't' && low < high) { /* the first that is not before it */
		struct sub at = { .cursor = low + (high - low) / 2 };
		struct event e;

		if (!event_at(part, t, &at, &e, &place, from)) {
			(void)acta_part_fatal(part, ACTA_ECORRUPT);
			return 0;
		}
		if (e.at_ms < n)
			low = at.cursor + 1;
		else
			high = at.cursor;
	}
	return low < t->next ? low : 0;
}

static bool
is_in(acta_value list, const struct sub *s)
{
	struct acta_reader r = acta_reader_into(list);

	for (uint32_t i = 0; i < list.size; i++) {
		acta_value one_of = acta_read(&r);
		struct acta_reader in = acta_reader_into(one_of);
		struct acta_bytes topic = read_text(&in);
		struct acta_bytes handler = read_text(&in);

		if (same(topic, s->topic) && same(handler, s->handler))
			return true;
	}
	return false;
}

/* Those of the service that its table has no longer. */
static void
forget_others(
    struct acta_part *part, struct acta_bytes service, acta_value list)
{
	struct acta_scan *scan =
	    acta_scan_open(part->store, ACTA_T_TOPIC, "so", 2);
	struct acta_row row;

	while (acta_scan_next(scan, &row)) {
		struct sub s;
		struct acta_topic *t;

		if (!sub_read(
			row.key, row.key_size, row.value, row.value_size, &s)) {
			(void)acta_part_fatal(part, ACTA_ECORRUPT);
			break;
		}
		t = acta_topic_find(part, s.topic, false);
		if (t != NULL && same(s.service, service) && !is_in(list, &s))
			forget(part, &s, t);
	}
	if (acta_scan_close(&scan) != ACTA_OK)
		part->failed = true;
}

/* All that a service's handler table hears from here. */
static const char *
whole(struct acta_part *part, acta_value args, struct acta_bytes service)
{
	acta_value list = acta_own_arg(args, "s");
	struct acta_bytes how = text_arg(args, "w");
	struct acta_reader r = acta_reader_into(list);
	const char *why = NULL;

	if (list.type != ACTA_LIST || how.size != 1)
		return "it is malformed";
	forget_others(part, service, list);
	for (uint32_t i = 0; i < list.size && why == NULL; i++) {
		struct acta_reader in = acta_reader_into(acta_read(&r));
		struct sub s = { .kind = ON, .service = service };
		struct acta_topic *t;

		s.topic = read_text(&in);
		s.handler = read_text(&in);
		s.field = read_text(&in);
		s.lapse = acta_own_arg(args, "l").as.b;
		if (s.topic.data == NULL || s.handler.data == NULL ||
		    !acta_type_valid(s.topic.data, s.topic.size))
			return "its topic is none";
		t = acta_topic_find(part, s.topic, true);
		if (t == NULL)
			return "the service has too many topics";
		s.cursor = begin_at(part, t, how.data[0],
		    acta_as_int(acta_own_arg(args, "n"), 0));
		why = remember(part, &s, t);
	}
	return why;
}

void
acta_subs_take(struct acta_part *part, const struct acta_msg *msg)
{
	acta_value args = msg->m.args;
	struct acta_bytes service, actor;
	const char *why;
	char name[64];

	/* A message says who sent it, a channel whose it is: one and the same. */
	if (acta_address_split(msg->m.from.data, msg->m.from.size, &service,
		&actor) != ACTA_OK ||
	    (msg->in != NULL && !acta_bytes_is(service, msg->in->service))) {
		part->dropped++;
		return;
	}
	why = acta_bytes_is(msg->m.type, "@on")
	    ? whole(part, args, service)
	    : one(part, args, service, actor);
	if (why == NULL)
		return;
	part->dropped++;
	snprintf(name, sizeof(name), "subscribe-%.32s", msg->from_text);
	part->port.alarm(part->port.self, name, why);
}

/* ------------------------------------------------------- what we hear -- */

static void
say(struct acta_part *part, const struct acta_route *to, struct acta_bytes args)
{
	struct acta_message m = { .type = acta_bytes_of("@on"),
		.from = acta_bytes_of(part->config.service),
		.key = { "", 0 },
		.id = { "", 0 },
		.sent_ms = part->now_ms,
		.args_raw = args };
	struct acta_buf b;

	acta_buf_init(&b);
	acta_message_encode(&b, &m);
	for (uint32_t p = 0; p < to->partitions; p++)
		acta_route_to(part, to->name, p, b.data, b.size);
	acta_buf_fini(&b);
}

static bool
hears(const struct acta_handler *h, const char *service, size_t size)
{
	return h->on != NULL && strncmp(h->on, service, size) == 0 &&
	    h->on[size] == '.';
}

/* {l: lapse, w: from where, n: its number, s: [[topic, handler, field], ...]} */
static void
pack_whole(struct acta_part *part, struct acta_buf *b, const char *service)
{
	const struct acta_loaded *l = part->loaded;
	const char how[2] = { part->config.on_how ? part->config.on_how : 'f',
		0 };
	size_t size = strlen(service);
	uint32_t count = 0;

	for (uint32_t i = 0; i < l->count; i++)
		count += hears(l->handlers[i].handler, service, size);
	acta_pack_map(b, 4);
	acta_pack_text(b, "l");
	acta_pack_bool(b, part->config.on_lapse);
	acta_pack_text(b, "w");
	acta_pack_text(b, how);
	acta_pack_text(b, "n");
	acta_pack_int(b, part->config.on_from);
	acta_pack_text(b, "s");
	acta_pack_list(b, count);
	for (uint32_t i = 0; i < l->count; i++) {
		const struct acta_handler *h = l->handlers[i].handler;

		if (!hears(h, service, size))
			continue;
		acta_pack_list(b, 3);
		acta_pack_text(b, h->on + size + 1);
		acta_pack_text(b, h->type);
		if (h->key != NULL)
			acta_pack_text(b, h->key);
		else
			acta_pack_nil(b);
	}
}

/* What was last said to a publisher lies under "on/" and its name. */
static void
announce_to(struct acta_part *part, const char *service, size_t size)
{
	const struct acta_route *to = acta_part_route(part, service, size);
	char name[ACTA_SERVICE_MAX + 1] = "", row[48];
	const void *said;
	size_t said_size;
	struct acta_buf b;
	int n;

	memcpy(name, service, size);
	if (to == NULL) {
		char text[120];

		snprintf(row, sizeof(row), "no-publisher-%.32s", name);
		snprintf(text, sizeof(text),
		    "it hears events of %s, and no such service is in this "
		    "node",
		    name);
		part->port.alarm(part->port.self, row, text);
		return;
	}
	n = snprintf(row, sizeof(row), "on/%s", name);
	acta_buf_init(&b);
	pack_whole(part, &b, name);
	if (part->announce_all ||
	    acta_part_get(part, ACTA_T_META, row, (size_t)n, &said,
		&said_size) != ACTA_OK ||
	    said_size != b.size || memcmp(said, b.data, b.size) != 0) {
		acta_store_put(
		    part->store, ACTA_T_META, row, (size_t)n, b.data, b.size);
		say(part, to,
		    (struct acta_bytes){
			(const char *)b.data, (uint32_t)b.size });
	}
	acta_buf_fini(&b);
}

static bool
heard_before(const struct acta_loaded *l, uint32_t i, size_t size)
{
	for (uint32_t j = 0; j < i; j++)
		if (hears(l->handlers[j].handler, l->handlers[i].handler->on,
			size))
			return true;
	return false;
}

/* Publishers that this service hears no longer. */
static void
say_no_more(struct acta_part *part)
{
	struct acta_scan *scan =
	    acta_scan_open(part->store, ACTA_T_META, "on/", 3);
	struct acta_row row;

	while (acta_scan_next(scan, &row)) {
		char name[ACTA_SERVICE_MAX + 1] = "";
		size_t size = row.key_size - 3;
		const struct acta_route *to;
		bool still = size > ACTA_SERVICE_MAX;
		struct acta_buf b;

		for (uint32_t i = 0; i < part->loaded->count && !still; i++)
			still = hears(part->loaded->handlers[i].handler,
			    (const char *)row.key + 3, size);
		if (still)
			continue;
		memcpy(name, (const char *)row.key + 3, size);
		to = acta_part_route(part, name, size);
		if (to != NULL) {
			acta_buf_init(&b);
			pack_whole(part, &b, name);
			say(part, to,
			    (struct acta_bytes){
				(const char *)b.data, (uint32_t)b.size });
			acta_buf_fini(&b);
		}
		acta_store_delete(
		    part->store, ACTA_T_META, row.key, row.key_size);
	}
	if (acta_scan_close(&scan) != ACTA_OK)
		part->failed = true;
}

void
acta_subs_announce(struct acta_part *part)
{
	const struct acta_loaded *l = part->loaded;

	if (!part->announce || part->full || part->intake_stopped)
		return;
	for (uint32_t i = 0; i < l->count; i++) {
		const char *on = l->handlers[i].handler->on;
		size_t size = on ? strcspn(on, ".") : 0;

		if (on != NULL && !heard_before(l, i, size))
			announce_to(part, on, size);
	}
	say_no_more(part);
	part->announce = part->announce_all = false;
}

/* --------------------------------------------------- acta_subscribe() -- */

void
acta_subs_ask(struct acta_actor *a, const char *topic, const char *key,
    const char *handler)
{
	size_t size = strcspn(topic, ".");
	const struct acta_route *to = acta_part_route(a->part, topic, size);
	struct acta_message m = { .type = acta_bytes_of("@subscribe"),
		.from = acta_bytes_of(acta_address(acta_self(a))),
		.key = { "", 0 },
		.id = { "", 0 },
		.sent_ms = a->now_ms };
	struct acta_buf *b = &a->part->pack;
	uint32_t first = 0, last;

	if (to == NULL) {
		acta_actor_misuse(a,
		    "acta_subscribe: \"%.80s\": there is no such service",
		    topic);
		return;
	}
	acta_buf_reset(b);
	acta_pack_map(b, 4);
	acta_pack_text(b, "t");
	acta_pack_text(b, topic + size + 1);
	acta_pack_text(b, "k");
	pack_or_nil(b, key ? acta_bytes_of(key) : (struct acta_bytes){ 0 });
	acta_pack_text(b, "h");
	pack_or_nil(
	    b, handler ? acta_bytes_of(handler) : (struct acta_bytes){ 0 });
	acta_pack_text(b, "l");
	acta_pack_bool(b, a->part->config.on_lapse);
	m.args_raw =
	    (struct acta_bytes){ acta_arena_copy(a->arena, b->data, b->size),
		    (uint32_t)b->size };
	last = to->partitions;
	if (key != NULL) {
		first = acta_partition_of(key, strlen(key), to->partitions);
		last = first + 1;
	}
	for (uint32_t p = first; p < last; p++)
		(void)acta_actor_queue(a, to, p, &m);
}
