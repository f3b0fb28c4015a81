/*
 * runtime/host/ids.c - what a client's id means (CORE 6): one effect and one
 * answer, however often it is asked.
 *
 * A record is pending, under hour 0, until its answer, however late. Then it
 * lies under an hour: the id's own if it tells one (ULID, UUIDv7; at most a day
 * ahead of our clock), else that of its answer; so inserts are dense and an hour goes whole. A session keeps one
 * record, its last, for ever.
 */
#include "runtime/host/turn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "codecs/packer.h"

#define HOUR_MS (3600 * 1000)
#define HOUR_PENDING 0u
#define HOUR_LAST 0xfffffffeu    /* answers of sessions' last calls */
#define HOUR_SESSION 0xffffffffu /* where each session is */
#define ROW_COST 48u             /* of a record, beside its value */
#define ID_AHEAD_MS_MAX (24 * (int64_t)HOUR_MS)
#define SEEN_MAX (1u << 22) /* fingerprints in memory: 32 MiB */
#define SEEN_ROWS 64u       /* read a turn after a start */

enum { SEEN_LOADING, SEEN_READY, SEEN_OFF };

static void
key_make(uint8_t out[20], uint32_t hour, const uint8_t hash[16])
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(hour >> (8 * (3 - i)));
	memcpy(out + 4, hash, 16);
}

static uint32_t
hour_of(int64_t ms)
{
	int64_t hour = ms / HOUR_MS;

	return hour < 1                  ? 1
	    : hour >= (int64_t)HOUR_LAST ? HOUR_LAST - 1
					 : (uint32_t)hour;
}

/* Refusals by which nothing ran leave no record (CORE 6.2). */
bool
acta_id_leaves(const struct acta_end *end)
{
	return end->outcome != ACTA_UNDELIVERED ||
	    strcmp(end->code, "failed") == 0;
}

/* ------------------------------------------------- fingerprints in memory -- */

static uint64_t
fingerprint(const uint8_t *hash)
{
	uint64_t print;

	memcpy(&print, hash, sizeof(print));
	return print ? print : 1;
}

static uint64_t *
seen_slot(const struct acta_seen *seen, uint64_t print)
{
	uint64_t at = print * UINT64_C(0x9e3779b97f4a7c15) >> seen->shift;

	while (seen->slots[at] != 0 && seen->slots[at] != print)
		at = (at + 1) & (seen->room - 1);
	return &seen->slots[at];
}

static void
seen_clear(struct acta_seen *seen, unsigned state)
{
	free(seen->slots);
	*seen = (struct acta_seen){ .state = state };
}

static void
seen_grow(struct acta_seen *seen)
{
	struct acta_seen old = *seen;

	seen->room = old.room ? 2 * old.room : 1024;
	seen->shift = 64u - (unsigned)__builtin_ctzll(seen->room);
	seen->slots = calloc(seen->room, sizeof(*seen->slots));
	if (seen->slots == NULL)
		abort();
	for (uint64_t i = 0; i < old.room; i++)
		if (old.slots[i] != 0)
			*seen_slot(seen, old.slots[i]) = old.slots[i];
	free(old.slots);
}

static void
seen_add(struct acta_seen *seen, const uint8_t *hash)
{
	uint64_t print = fingerprint(hash), *slot;

	if (seen->state == SEEN_OFF)
		return;
	if (seen->count >= SEEN_MAX) { /* then each hour is asked */
		seen_clear(seen, SEEN_OFF);
		return;
	}
	if (2 * seen->count >= seen->room)
		seen_grow(seen);
	slot = seen_slot(seen, print);
	seen->count += *slot == 0;
	*slot = print;
}

/* False: certainly no record of it lies under an hour. */
static bool
seen_perhaps(const struct acta_seen *seen, const uint8_t *hash)
{
	if (seen->state != SEEN_READY)
		return true;
	return seen->count > 0 && *seen_slot(seen, fingerprint(hash)) != 0;
}

/* After a start the rows are read a few a turn; until then hours are asked. */
static void
seen_load(struct acta_part *part)
{
	struct acta_seen *seen = &part->seen;
	struct acta_scan *scan;
	struct acta_row row;
	uint32_t n = 0;

	if (seen->state != SEEN_LOADING)
		return;
	scan = acta_scan_open_at(
	    part->store, ACTA_T_REPLY, "", 0, seen->from, sizeof(seen->from));
	while (n < SEEN_ROWS && seen->state == SEEN_LOADING &&
	    acta_scan_next(scan, &row)) {
		if (row.key_size == sizeof(seen->from)) {
			memcpy(seen->from, row.key, sizeof(seen->from));
			seen_add(seen, seen->from + 4);
		}
		n++;
	}
	if (acta_scan_close(&scan) == ACTA_OK && n < SEEN_ROWS &&
	    seen->state == SEEN_LOADING)
		seen->state = SEEN_READY;
}

/* --------------------------------------------------------------- hours -- */

static struct acta_id_hour *
hour_get(struct acta_part *part, uint32_t hour)
{
	uint32_t at = part->hour_count;

	while (at > 0 && part->hours[at - 1].hour > hour)
		at--;
	if (at > 0 && part->hours[at - 1].hour == hour)
		return &part->hours[at - 1];
	part->hours =
	    realloc(part->hours, (part->hour_count + 1) * sizeof(*part->hours));
	if (part->hours == NULL)
		abort();
	memmove(&part->hours[at + 1], &part->hours[at],
	    (part->hour_count - at) * sizeof(*part->hours));
	part->hour_count++;
	part->hours[at] = (struct acta_id_hour){ .hour = hour };
	return &part->hours[at];
}

static size_t
hour_name(char out[24], uint32_t hour)
{
	return (size_t)snprintf(out, 24, "id-hour/%08x", hour);
}

/* All of its records go, and what is older is refused from now on. */
static void
hour_drop(struct acta_part *part)
{
	struct acta_id_hour *oldest = &part->hours[0];
	int64_t end_ms = ((int64_t)oldest->hour + 1) * HOUR_MS;
	uint8_t prefix[20];
	char name[24];

	key_make(prefix, oldest->hour, (const uint8_t[16]){ 0 });
	acta_store_delete_prefix(part->store, ACTA_T_REPLY, prefix, 4);
	acta_store_delete(
	    part->store, ACTA_T_META, name, hour_name(name, oldest->hour));
	if (end_ms > part->id_horizon_ms)
		part->id_horizon_ms = end_ms;
	part->ids_dirty = true;
	part->id_bytes -= oldest->bytes;
	part->seen.stale += oldest->count;
	if (part->seen.stale > part->seen.count / 2)
		seen_clear(&part->seen, SEEN_LOADING);
	part->hour_count--;
	memmove(&part->hours[0], &part->hours[1],
	    part->hour_count * sizeof(*part->hours));
}

void
acta_ids_expire(struct acta_part *part)
{
	int64_t keep_ms = part->config.ids_keep_ms;
	uint64_t quota = part->config.ids_quota;
	bool early = false;

	while (keep_ms > 0 && part->hour_count > 0 &&
	    ((int64_t)part->hours[0].hour + 1) * HOUR_MS <=
		part->now_ms - keep_ms)
		hour_drop(part);
	/* The newest stays: those who asked in it may ask again. */
	while (quota > 0 && part->id_bytes > quota && part->hour_count > 1) {
		hour_drop(part);
		early = true;
	}
	if (early && !part->ids_early)
		part->port.alarm(part->port.self, "ids-quota",
		    "client ids are forgotten before ids.keep: their quota is "
		    "full; raise ids.quota");
	if (part->ids_early && part->id_horizon_ms <= part->now_ms - keep_ms) {
		part->port.alarm(part->port.self, "ids-quota", "");
		part->ids_early = false;
	}
	part->ids_early |= early;
	seen_load(part);
}

void
acta_ids_store(struct acta_part *part)
{
	struct acta_buf *b = &part->pack;
	char name[24];

	for (uint32_t i = 0; i < part->hour_count; i++) {
		struct acta_id_hour *h = &part->hours[i];

		if (!h->dirty)
			continue;
		acta_buf_reset(b);
		acta_pack_list(b, 2);
		acta_pack_uint(b, h->count);
		acta_pack_uint(b, h->bytes);
		acta_store_put(part->store, ACTA_T_META, name,
		    hour_name(name, h->hour), b->data, b->size);
		h->dirty = false;
	}
	if (!part->ids_dirty)
		return;
	acta_buf_reset(b);
	acta_pack_list(b, 1);
	acta_pack_int(b, part->id_horizon_ms);
	acta_store_put(part->store, ACTA_T_META, "ids", 3, b->data, b->size);
	part->ids_dirty = false;
}

static bool
load_hour(struct acta_part *part, const struct acta_row *row)
{
	struct acta_reader r = acta_reader(row->value, row->value_size);
	struct acta_id_hour *h;
	unsigned hour;
	char name[16] = "";
	bool ok = row->key_size == 16;

	if (!ok)
		return false;
	memcpy(name, (const char *)row->key + 8, 8);
	if (sscanf(name, "%8x", &hour) != 1)
		return false;
	h = hour_get(part, hour);
	ok = acta_read_list(&r, &ok) == 2 && ok;
	h->count = acta_read_uint(&r, &ok);
	h->bytes = acta_read_uint(&r, &ok);
	part->id_bytes += h->bytes;
	return ok;
}

enum acta_err
acta_ids_load(struct acta_part *part)
{
	struct acta_scan *scan;
	struct acta_row row;
	const void *value;
	size_t size;
	bool ok = true;
	enum acta_err err;

	part->hour_count = 0;
	part->id_bytes = 0;
	part->ids_dirty = part->waiters_told = false;
	for (uint32_t i = 0; i < part->waiter_count; i++)
		part->waiters[i].told = false;
	seen_clear(&part->seen, SEEN_LOADING);
	scan = acta_scan_open(part->store, ACTA_T_META, "id-hour/", 8);
	while (ok && acta_scan_next(scan, &row))
		ok = load_hour(part, &row);
	err = acta_scan_close(&scan);
	if (err == ACTA_OK)
		err = acta_store_get(
		    part->store, ACTA_T_META, "ids", 3, &value, &size);
	if (err == ACTA_OK) {
		struct acta_reader r = acta_reader(value, size);

		ok = ok && acta_read_list(&r, &ok) == 1 && ok;
		part->id_horizon_ms = acta_read_int(&r, &ok);
	}
	if (err != ACTA_OK && err != ACTA_ENOENT)
		return err;
	return ok ? ACTA_OK : ACTA_ECORRUPT;
}

void
acta_ids_fini(struct acta_part *part)
{
	free(part->hours);
	free(part->waiters);
	seen_clear(&part->seen, SEEN_OFF);
}

/* -------------------------------------------------------------- records -- */

struct record {
	struct acta_bytes to, code, text;
	const uint8_t *body, *session; /* 16 bytes; NULL: in none */
	int64_t state;                 /* 0 pending, 1 answered, 2 refused */
	int64_t at_ms, id_ms;
	uint64_t seq;
	const void *result;
	size_t size;
};

static enum acta_err
record_get(struct acta_part *part, uint32_t hour, const uint8_t *hash,
    struct record *out)
{
	const void *value;
	size_t size;
	struct acta_reader r;
	bool ok = true;
	uint32_t n, m = 16;
	uint8_t key[20];
	acta_value session;
	enum acta_err err;

	key_make(key, hour, hash);
	err = acta_store_get(
	    part->store, ACTA_T_REPLY, key, sizeof(key), &value, &size);
	if (err != ACTA_OK)
		return err;
	r = acta_reader(value, size);
	ok = acta_read_list(&r, &ok) == 10 && ok;
	out->to.data = acta_read_str(&r, &out->to.size, &ok);
	out->body = acta_read_bin(&r, &n, &ok);
	out->at_ms = acta_read_int(&r, &ok);
	out->state = acta_read_int(&r, &ok);
	out->code.data = acta_read_str(&r, &out->code.size, &ok);
	out->text.data = acta_read_str(&r, &out->text.size, &ok);
	out->result = acta_read_raw(&r, &out->size);
	out->id_ms = acta_read_int(&r, &ok);
	session = acta_read(&r);
	out->session = session.type == ACTA_BIN ? session.as.data : NULL;
	if (out->session != NULL)
		m = session.size;
	out->seq = acta_read_uint(&r, &ok);
	return ok && n == 16 && m == 16 ? ACTA_OK : ACTA_ECORRUPT;
}

/* The bytes of its value. */
static size_t
record_put(struct acta_part *part, uint32_t hour, const uint8_t *hash,
    const struct record *rec)
{
	struct acta_buf *b = &part->pack;
	uint8_t key[20];

	acta_buf_reset(b);
	acta_pack_list(b, 10);
	acta_pack_str(b, rec->to.data, rec->to.size);
	acta_pack_bin(b, rec->body, 16);
	acta_pack_int(b, part->now_ms);
	acta_pack_int(b, rec->state);
	acta_pack_str(b, rec->code.data, rec->code.size);
	acta_pack_str(b, rec->text.data, rec->text.size);
	if (rec->result != NULL)
		acta_pack_raw(b, rec->result, rec->size);
	else
		acta_pack_nil(b);
	acta_pack_int(b, rec->id_ms);
	if (rec->session != NULL)
		acta_pack_bin(b, rec->session, 16);
	else
		acta_pack_nil(b);
	acta_pack_uint(b, rec->seq);
	key_make(key, hour, hash);
	acta_store_put(
	    part->store, ACTA_T_REPLY, key, sizeof(key), b->data, b->size);
	return b->size;
}

static void
record_delete(struct acta_part *part, uint32_t hour, const uint8_t *hash)
{
	uint8_t key[20];

	key_make(key, hour, hash);
	acta_store_delete(part->store, ACTA_T_REPLY, key, sizeof(key));
}

/* Under an hour, now that it is answered. */
static void
file(struct acta_part *part, const uint8_t *hash, const struct record *rec)
{
	uint32_t hour = hour_of(rec->id_ms > 0 ? rec->id_ms : part->now_ms);
	struct acta_id_hour *h;
	size_t size;

	size = ROW_COST + record_put(part, hour, hash, rec);
	h = hour_get(part, hour);
	h->count++;
	h->bytes += size;
	h->dirty = true;
	part->id_bytes += size;
	seen_add(&part->seen, hash);
}

/* An answered record: ACTA_ENOENT if there is none. */
static enum acta_err
find(struct acta_part *part, const uint8_t *hash, int64_t id_ms,
    struct record *out)
{
	enum acta_err err = ACTA_ENOENT;

	if (id_ms > 0)
		return record_get(part, hour_of(id_ms), hash, out);
	if (!seen_perhaps(&part->seen, hash))
		return ACTA_ENOENT;
	for (uint32_t i = part->hour_count; i > 0 && err == ACTA_ENOENT; i--)
		err = record_get(part, part->hours[i - 1].hour, hash, out);
	return err;
}

/* ------------------------------------------------------------- sessions -- */

/* Where a session is: its last seq; and of it and the 63 before, bit by bit from
 * it on, those that were refused before they ran, when others had begun. */
struct session {
	bool known;
	uint64_t last, undone;
};

static bool
session_read(const void *value, size_t size, struct session *out)
{
	struct acta_reader r = acta_reader(value, size);
	bool ok = true;

	ok = acta_read_list(&r, &ok) == 2 && ok;
	out->last = acta_read_uint(&r, &ok);
	out->undone = acta_read_uint(&r, &ok);
	return ok;
}

static struct session
session_get(struct acta_part *part, const uint8_t *session)
{
	struct session s = { 0 };
	uint8_t key[20];
	const void *value;
	size_t size;
	enum acta_err err;

	key_make(key, HOUR_SESSION, session);
	err = acta_store_get(
	    part->store, ACTA_T_REPLY, key, sizeof(key), &value, &size);
	s.known = err == ACTA_OK;
	if (s.known && !session_read(value, size, &s))
		err = ACTA_ECORRUPT;
	if (err != ACTA_OK && err != ACTA_ENOENT)
		(void)acta_part_fatal(part, err);
	return s;
}

static void
session_put(
    struct acta_part *part, const uint8_t *session, const struct session *s)
{
	uint8_t key[20];

	key_make(key, HOUR_SESSION, session);
	acta_buf_reset(&part->pack);
	acta_pack_list(&part->pack, 2);
	acta_pack_uint(&part->pack, s->last);
	acta_pack_uint(&part->pack, s->undone);
	acta_store_put(part->store, ACTA_T_REPLY, key, sizeof(key),
	    part->pack.data, part->pack.size);
}

static void
session_hash(const uint8_t *session, uint64_t seq, uint8_t out[16])
{
	struct acta_hash128 h = acta_hash128(session, 16);

	h = acta_hash128_chain(h, &seq, sizeof(seq));
	memcpy(out, h.bytes, 16);
}

/* This call is the session's last now; the one before is forgotten. */
static void
session_advance(struct acta_part *part, const struct acta_msg *msg)
{
	struct session s = session_get(part, msg->session);
	uint8_t before[16];

	if (s.known && s.last >= msg->seq_of_session)
		return;
	if (s.known) {
		session_hash(msg->session, s.last, before);
		record_delete(part, HOUR_LAST, before);
	}
	s.last = msg->seq_of_session;
	s.undone <<= 1;
	session_put(part, msg->session, &s);
}

/* A call that was pending was refused before it ran. The session's last one may
 * come again; of one that others followed that is kept. */
static void
session_undone(struct acta_part *part, const uint8_t *session, uint64_t seq)
{
	struct session s = session_get(part, session);
	uint8_t key[20];

	if (!s.known || s.last < seq)
		return;
	if (s.last > seq) {
		if (s.last - seq < 64)
			s.undone |= UINT64_C(1) << (s.last - seq);
	} else if (seq == 0) {
		key_make(key, HOUR_SESSION, session);
		acta_store_delete(part->store, ACTA_T_REPLY, key, sizeof(key));
		return;
	} else {
		s.last--;
		s.undone >>= 1;
	}
	session_put(part, session, &s);
}

/* -------------------------------------------------- who asked meanwhile -- */

/* Whoever asked again while it was pending hears it too; and waits on if this turn
 * is taken back. */
static void
tell_waiters(
    struct acta_part *part, const uint8_t *hash, const struct acta_end *end)
{
	for (uint32_t i = 0; i < part->waiter_count; i++) {
		struct acta_waiter *w = &part->waiters[i];

		if (w->told || memcmp(w->hash, hash, 16) != 0)
			continue;
		acta_reply_door(part, w->door, strlen(w->door), w->door_inc,
		    w->request, end, NULL);
		w->told = part->waiters_told = true;
	}
}

void
acta_ids_told(struct acta_part *part)
{
	if (!part->waiters_told)
		return;
	part->waiters_told = false;
	for (uint32_t i = 0; i < part->waiter_count;) {
		struct acta_waiter *w = &part->waiters[i];

		if (w->told || w->deadline_ms <= part->now_ms)
			*w = part->waiters[--part->waiter_count];
		else
			i++;
	}
}

static void
wait_for(struct acta_part *part, const struct acta_msg *msg)
{
	const struct acta_caller *c = &msg->m.caller;
	struct acta_waiter *w;

	if (part->waiters == NULL)
		part->waiters = calloc(ACTA_WAITERS_MAX, sizeof(*w));
	if (part->waiters == NULL)
		abort();
	if (part->waiter_count == ACTA_WAITERS_MAX)
		return; /* it asks again at its time-out */
	w = &part->waiters[part->waiter_count++];
	memcpy(w->hash, msg->client, 16);
	snprintf(
	    w->door, sizeof(w->door), "%.*s", (int)c->door.size, c->door.data);
	w->door_inc = c->door_inc;
	w->request = c->request;
	w->told = false;
	w->deadline_ms =
	    msg->m.deadline_ms ? msg->m.deadline_ms : part->now_ms + 5000;
}

/* ---------------------------------------------------------------- calls -- */

/* The args packed anew, so that the same request in another encoding is the
 * same request. */
static void
hash_body(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_hash128 h;

	acta_buf_reset(&part->pack);
	acta_pack_str(&part->pack, msg->m.key.data, msg->m.key.size);
	acta_pack_str(&part->pack, msg->m.type.data, msg->m.type.size);
	acta_pack_value(&part->pack, msg->m.args);
	h = acta_hash128(part->pack.data, part->pack.size);
	memcpy(msg->body_hash, h.bytes, 16);
}

static void
refuse(struct acta_part *part, const struct acta_msg *msg, const char *code,
    const char *text, const char *hint)
{
	const struct acta_caller *c = &msg->m.caller;
	const struct acta_end end = {
		.outcome = ACTA_UNDELIVERED, .code = code, .text = text
	};

	acta_reply_door(part, c->door.data, c->door.size, c->door_inc,
	    c->request, &end, hint);
}

/* Asked before: the same answer, or a wait for it. */
static void
again(struct acta_part *part, const struct acta_msg *msg,
    const struct record *rec)
{
	const struct acta_caller *c = &msg->m.caller;
	struct acta_end end;

	if (memcmp(rec->body, msg->body_hash, 16) != 0) {
		refuse(part, msg, "id-reused",
		    "this id named another request before",
		    "make a new id for every request");
		return;
	}
	if (rec->state == 0) { /* and is, though this turn be taken back */
		if (rec->at_ms < part->now_ms)
			acta_unnote_called(part, c->door_inc, c->request);
		wait_for(part, msg);
		return;
	}
	end = (struct acta_end){ .outcome = rec->state == 1 ? ACTA_ANSWERED
							    : ACTA_REFUSED,
		.code = acta_arena_text(
		    &part->arena, rec->code.data, rec->code.size),
		.text = acta_arena_text(
		    &part->arena, rec->text.data, rec->text.size),
		.result = rec->result,
		.size = rec->size };
	/* Of an earlier turn it is durable, whatever comes of this one. */
	part->release_known = rec->at_ms < part->now_ms;
	if (part->release_known)
		acta_unnote_called(part, c->door_inc, c->request);
	acta_reply_door(part, c->door.data, c->door.size, c->door_inc,
	    c->request, &end, NULL);
	part->release_known = false;
}

/* Not known: may it run? True: it was refused. */
static bool
refused(struct acta_part *part, const struct acta_msg *msg)
{
	struct session s;
	uint64_t seq = msg->seq_of_session;
	char text[160];

	if (!msg->in_session) {
		int64_t horizon_ms = part->id_horizon_ms;
		int64_t kept_ms = part->now_ms - part->config.ids_keep_ms;

		if (part->config.ids_keep_ms > 0 && kept_ms > horizon_ms)
			horizon_ms = kept_ms;
		/* It would be kept under its own hour, which may never come. */
		if (msg->id_ms > part->now_ms + ID_AHEAD_MS_MAX) {
			refuse(part, msg, "bad-request",
			    "the time in this id is more than a day ahead of "
			    "the node's clock",
			    "set the clock that made it, and make a new id");
			return true;
		}
		if (msg->id_ms == 0 || msg->id_ms >= horizon_ms)
			return false;
		refuse(part, msg, "id-expired",
		    "this id is older than what is remembered: it may have "
		    "been applied",
		    "make a new id if it surely was not");
		return true;
	}
	s = session_get(part, msg->session);
	if (part->failed)
		return true;
	if (s.known ? seq == s.last + 1 : seq <= 1)
		return false;
	if (!s.known || seq > s.last) {
		snprintf(text, sizeof(text), "seq %llu is due first",
		    (unsigned long long)(s.known ? s.last + 1 : 1));
		refuse(part, msg, "busy", text,
		    "nothing was applied: seqs come one by one, from 1");
	} else if (s.last - seq < 64 && (s.undone >> (s.last - seq) & 1) != 0) {
		refuse(part, msg, "expired",
		    "it was refused before it was begun: not applied",
		    "the session has gone on: ask it under its next seq");
	} else {
		snprintf(text, sizeof(text),
		    "the session is at seq %llu: this one is over, its answer "
		    "is no longer kept",
		    (unsigned long long)s.last);
		refuse(part, msg, "id-expired", text, "");
	}
	return true;
}

bool
acta_id_begin(
    struct acta_part *part, struct acta_msg *msg, const struct acta_item *item)
{
	struct record rec;
	enum acta_err err;

	msg->has_client = true;
	msg->in_session = (item->flags & ACTA_CALL_SESSION) != 0;
	memcpy(msg->client, item->client, 16);
	if (msg->in_session) {
		memcpy(msg->session, item->client, 16);
		msg->seq_of_session = (uint64_t)item->id_ms;
		session_hash(msg->session, msg->seq_of_session, msg->client);
	} else {
		msg->id_ms = item->id_ms;
	}
	memcpy(msg->uid.bytes, msg->client, 16);
	key_make(msg->home, HOUR_PENDING, msg->client);
	msg->m.caller.home_key =
	    (struct acta_bytes){ (const char *)msg->home, sizeof(msg->home) };
	msg->m.caller.service = acta_bytes_of(part->config.service);
	msg->m.caller.part = part->config.part;
	hash_body(part, msg);

	err = record_get(part, HOUR_PENDING, msg->client, &rec);
	if (err == ACTA_ENOENT)
		err = msg->in_session
		    ? record_get(part, HOUR_LAST, msg->client, &rec)
		    : find(part, msg->client, msg->id_ms, &rec);
	if (err == ACTA_OK) {
		again(part, msg, &rec);
		return true;
	}
	if (err != ACTA_ENOENT) { /* damaged: it must not run again */
		(void)acta_part_fatal(part, err);
		return true;
	}
	return refused(part, msg);
}

void
acta_id_pend(struct acta_part *part, const struct acta_msg *msg)
{
	const struct record rec = { .to = acta_bytes_of(
					acta_part_address(part, msg->m.key)),
		.code = { "", 0 },
		.text = { "", 0 },
		.body = msg->body_hash,
		.session = msg->in_session ? msg->session : NULL,
		.id_ms = msg->id_ms,
		.seq = msg->seq_of_session };

	if (msg->in_session)
		session_advance(part, msg);
	(void)record_put(part, HOUR_PENDING, msg->client, &rec);
}

/* Of a pending one, in memory that lives while the store is written to. */
static bool
pending_get(struct acta_part *part, const uint8_t *hash, struct record *out)
{
	enum acta_err err = record_get(part, HOUR_PENDING, hash, out);

	if (err != ACTA_OK) {
		if (err != ACTA_ENOENT)
			(void)acta_part_fatal(part, err);
		return false;
	}
	out->to = acta_bytes_keep(part, out->to);
	out->body = acta_arena_copy(&part->arena, out->body, 16);
	if (out->session != NULL)
		out->session = acta_arena_copy(&part->arena, out->session, 16);
	return true;
}

static void
file_in_session(
    struct acta_part *part, const uint8_t *hash, const struct record *rec)
{
	/* One that was overtaken is answered, but not remembered. */
	if (session_get(part, rec->session).last == rec->seq)
		(void)record_put(part, HOUR_LAST, hash, rec);
}

bool
acta_id_end(struct acta_part *part, const struct acta_caller *c,
    const struct acta_end *end)
{
	const uint8_t *hash = (const uint8_t *)c->home_key.data + 4;
	const struct acta_msg *call = part->calling;
	struct record rec = { 0 };
	bool own = call != NULL && memcmp(call->client, hash, 16) == 0;

	if (own) {
		if (part->call_ended)
			return false;
		rec.to = acta_bytes_of(acta_part_address(part, call->m.key));
		rec.body = call->body_hash;
		rec.session = call->in_session ? call->session : NULL;
		rec.id_ms = call->id_ms;
		rec.seq = call->seq_of_session;
		part->call_ended = true;
	} else if (!pending_get(part, hash, &rec)) {
		part->late++; /* it was answered: good once */
		return false;
	} else {
		record_delete(part, HOUR_PENDING, hash);
	}
	if (acta_id_leaves(end)) {
		rec.state = end->outcome == ACTA_ANSWERED ? 1 : 2;
		rec.code = acta_bytes_of(end->code ? end->code : "");
		rec.text = acta_bytes_of(end->text ? end->text : "");
		rec.result = end->result;
		rec.size = end->size;
		if (own && call->in_session)
			session_advance(part, call);
		if (rec.session != NULL)
			file_in_session(part, hash, &rec);
		else
			file(part, hash, &rec);
	}
	if (!acta_id_leaves(end) && rec.session != NULL && !own)
		session_undone(part, rec.session, rec.seq);
	tell_waiters(part, hash, end);
	acta_reply_door(part, c->door.data, c->door.size, c->door_inc,
	    c->request, end, NULL);
	return true;
}
