/* runtime/host/park.c - the queues of actors whose messages wait. */
#include "runtime/host/park.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"
#include "runtime/host/turn.h"

static uint32_t
bucket(const char *key, size_t size)
{
	return (uint32_t)(acta_hash64(key, size) % 1024u);
}

struct acta_parked *
acta_parked_find(const struct acta_part *part, const char *key, size_t size)
{
	struct acta_parked *a;

	if (part->parked_actors == 0)
		return NULL;
	for (a = part->parked[bucket(key, size)]; a != NULL; a = a->next_hash)
		if (a->key_size == size && memcmp(a->key, key, size) == 0)
			return a;
	return NULL;
}

static struct acta_parked *
make(struct acta_part *part, const char *key, size_t size)
{
	struct acta_parked *a = acta_parked_find(part, key, size);
	uint32_t b = bucket(key, size);

	if (a != NULL)
		return a;
	a = calloc(1, sizeof(*a));
	if (a == NULL || (a->key = malloc(size + 1)) == NULL)
		abort();
	memcpy(a->key, key, size);
	a->key[size] = '\0';
	a->key_size = (uint32_t)size;
	a->first = a->next = 1;
	a->due_ms = INT64_MAX;
	a->next_hash = part->parked[b];
	part->parked[b] = a;
	part->parked_actors++;
	return a;
}

static void
set_due(struct acta_part *part, struct acta_parked *a, int64_t due_ms)
{
	a->due_ms = due_ms;
	if (due_ms < part->parked_wake_ms)
		part->parked_wake_ms = due_ms;
}

static void
forget(struct acta_part *part, struct acta_parked *a)
{
	struct acta_parked **link = &part->parked[bucket(a->key, a->key_size)];

	while (*link != a)
		link = &(*link)->next_hash;
	*link = a->next_hash;
	part->parked_actors--;
	if (part->put_off == a)
		part->put_off = NULL;
	free(a->key);
	free(a);
}

static size_t
row_key(char *out, const char *key, size_t key_size, uint64_t n)
{
	size_t at = acta_actor_row(out, key, key_size, NULL, 0);

	for (int i = 7; i >= 0; i--)
		out[at++] = (char)(n >> (8 * i));
	return at;
}

/* [attempts, due, uid, reason, passes, message] */
struct row {
	uint32_t attempts;
	int64_t due_ms;
	const uint8_t *uid;
	bool passes;
	const void *message;
	size_t size;
};

static bool
row_decode(const void *value, size_t size, struct row *out)
{
	struct acta_reader r = acta_reader(value, size);
	bool ok = true;
	uint32_t n;

	ok = acta_read_list(&r, &ok) == 6 && ok;
	out->attempts = (uint32_t)acta_read_int(&r, &ok);
	out->due_ms = acta_read_int(&r, &ok);
	out->uid = acta_read_bin(&r, &n, &ok);
	ok = ok && n == 16;
	(void)acta_read_str(&r, &n, &ok);
	out->passes = acta_read_bool(&r, &ok);
	out->message = acta_read_raw(&r, &out->size);
	return ok && out->size > 0;
}

/* Answers and timers pass held messages, but not if they hold themselves. */
static bool
passes(const struct acta_msg *msg)
{
	return (msg->then || msg->timer) && !msg->holds;
}

static void
row_put(struct acta_part *part, const struct acta_msg *msg, uint64_t n,
    uint32_t attempts, int64_t due_ms, const char *reason)
{
	char key[ACTA_KEY_MAX + 16];
	size_t size = row_key(key, msg->m.key.data, msg->m.key.size, n);

	acta_buf_reset(&part->pack);
	acta_pack_list(&part->pack, 6);
	acta_pack_int(&part->pack, attempts);
	acta_pack_int(&part->pack, due_ms);
	acta_pack_bin(&part->pack, msg->uid.bytes, 16);
	acta_pack_text(&part->pack, reason);
	acta_pack_bool(&part->pack, passes(msg));
	acta_pack_raw(&part->pack, msg->raw, msg->raw_size);
	acta_store_put(part->store, ACTA_T_PARKED, key, size, part->pack.data,
	    part->pack.size);
}

bool
acta_park_has_timer(struct acta_part *part, struct acta_bytes actor,
    struct acta_bytes type, uint64_t n)
{
	char key[ACTA_KEY_MAX + 16];
	size_t key_size = row_key(key, actor.data, actor.size, n), size;
	const void *value;
	struct acta_message m;
	struct acta_reader r;
	struct row row;

	/* A queue that was empty counts from 1 again: look what it is. */
	if (acta_part_get(part, ACTA_T_PARKED, key, key_size, &value, &size) !=
		ACTA_OK ||
	    !row_decode(value, size, &row) || !row.passes)
		return false;
	r = acta_reader(row.message, row.size);
	return acta_message_decode(&r, &m) == ACTA_OK &&
	    m.type.size == type.size &&
	    memcmp(m.type.data, type.data, type.size) == 0;
}

void
acta_park_append(struct acta_part *part, struct acta_msg *msg,
    uint32_t attempts, int64_t due_ms, const char *reason)
{
	struct acta_parked *a = make(part, msg->m.key.data, msg->m.key.size);

	if (a->fresh_turn != part->turn) {
		a->fresh_turn = part->turn;
		a->fresh = a->next;
	}
	msg->row = a->next++;
	row_put(part, msg, msg->row, attempts, due_ms, reason);
	/* The queue is due when its first row is; an answer or a timer behind
	 * held messages is due for itself. */
	if (a->count == 0 || (a->held && passes(msg)))
		set_due(part, a, due_ms);
	if (a->held && msg->m.deadline_ms > 0 &&
	    msg->m.deadline_ms < a->expires_ms) {
		a->expires_ms = msg->m.deadline_ms;
		if (a->expires_ms < a->due_ms)
			set_due(part, a, a->expires_ms);
	}
	a->count++;
	a->passing += passes(msg);
	part->parked_rows++;
}

void
acta_park_update(struct acta_part *part, const struct acta_msg *msg,
    uint32_t attempts, int64_t due_ms, const char *reason)
{
	struct acta_parked *a =
	    acta_parked_find(part, msg->m.key.data, msg->m.key.size);

	assert(a != NULL);
	/* One more wait is not worth a write: after a start it is tried at
	 * once. */
	if (attempts + 1 != msg->attempt || passes(msg) != msg->row_passes)
		row_put(part, msg, msg->row, attempts, due_ms, reason);
	a->passing += (uint32_t)passes(msg) - (uint32_t)msg->row_passes;
	set_due(part, a, due_ms);
}

void
acta_park_remove(struct acta_part *part, const struct acta_msg *msg)
{
	struct acta_parked *a =
	    acta_parked_find(part, msg->m.key.data, msg->m.key.size);
	char key[ACTA_KEY_MAX + 16];
	size_t size = row_key(key, msg->m.key.data, msg->m.key.size, msg->row);

	assert(a != NULL);
	acta_store_delete(part->store, ACTA_T_PARKED, key, size);
	if (msg->row == a->first)
		a->first++;
	a->no_room = false;
	a->count--;
	a->passing -= msg->row_passes;
	part->parked_rows--;
	set_due(
	    part, a, part->now_ms); /* the next one has not been looked at */
	if (a->held && a->count == a->passing) /* nobody waits any more */
		acta_park_hold(part, msg, false);
	else if (a->count == 0 && !a->held)
		forget(part, a);
}

void
acta_park_hold(struct acta_part *part, const struct acta_msg *msg, bool held)
{
	struct acta_parked *a =
	    acta_parked_find(part, msg->m.key.data, msg->m.key.size);
	char key[ACTA_KEY_MAX + 16];
	size_t size =
	    acta_actor_row(key, msg->m.key.data, msg->m.key.size, NULL, 0);
	const void *value;
	size_t value_size;
	int64_t schema = 0;
	bool ok = true;

	if (a == NULL || a->held == held)
		return;
	a->held = held;
	a->expires_ms = 0;
	a->swept = 0;
	set_due(part, a, part->now_ms); /* looked at, it says when */
	if (acta_part_get(part, ACTA_T_ACTOR, key, size, &value, &value_size) ==
	    ACTA_OK) {
		struct acta_reader r = acta_reader(value, value_size);

		(void)acta_read_list(&r, &ok);
		schema = acta_read_int(&r, &ok);
	}
	if (!ok)
		(void)acta_part_fatal(part, ACTA_ECORRUPT);
	acta_buf_reset(&part->pack);
	acta_pack_list(&part->pack, 2);
	acta_pack_int(&part->pack, schema);
	acta_pack_bool(&part->pack, held);
	acta_store_put(part->store, ACTA_T_ACTOR, key, size, part->pack.data,
	    part->pack.size);
	if (a->count == 0 && !held)
		forget(part, a);
}

/* Of its bucket: the next time another one of it is found first. */
static void
to_the_end(struct acta_part *part, struct acta_parked *a, uint32_t i)
{
	struct acta_parked **link = &part->parked[i];

	while (*link != a)
		link = &(*link)->next_hash;
	*link = a->next_hash;
	while (*link != NULL)
		link = &(*link)->next_hash;
	*link = a;
	a->next_hash = NULL;
}

struct acta_parked *
acta_parked_due(struct acta_part *part)
{
	int64_t wake = INT64_MAX;
	struct acta_parked *put_off = part->put_off;

	if (put_off != NULL && put_off->count > 0 && !put_off->outside &&
	    put_off->due_ms <= part->now_ms)
		return put_off;
	if (part->parked_actors == 0 || part->parked_wake_ms > part->now_ms)
		return NULL;
	/* Behind where the last one was found: each has its turn. */
	for (uint32_t n = 0; n < 1024; n++) {
		uint32_t i = (part->parked_at + n) % 1024;

		for (struct acta_parked *a = part->parked[i]; a != NULL;
		     a = a->next_hash) {
			if (a->outside || a->waits_turn == part->turn)
				continue;
			if (a->count > 0 && a->due_ms <= part->now_ms) {
				part->parked_at = i;
				to_the_end(part, a, i);
				return a;
			}
			if (a->count > 0 && a->due_ms < wake)
				wake = a->due_ms;
		}
	}
	part->parked_wake_ms = wake;
	return NULL;
}

void
acta_parked_durable(struct acta_part *part)
{
	if (part->parked_fresh && part->now_ms < part->parked_wake_ms)
		part->parked_wake_ms = part->now_ms;
	part->parked_fresh = false;
	part->turn++; /* so that none waits for it */
}

/* Its crash must be laid to a name that is there after it: a row without one
 * runs in the next turn. In memory a crash leaves no row to blame. */
static bool
is_fresh(const struct acta_part *part, const struct acta_parked *a, uint64_t n)
{
	return a->fresh_turn == part->turn && n >= a->fresh &&
	    !part->loaded->service->in_memory;
}

static int64_t
deadline_of(const struct row *row)
{
	struct acta_reader r = acta_reader(row->message, row->size);
	struct acta_message m;

	return acta_message_decode(&r, &m) == ACTA_OK && m.deadline_ms > 0
	    ? m.deadline_ms
	    : INT64_MAX;
}

/* What is held waits for acta_resume, or for its own deadline. */
enum acta_err
acta_parked_first(
    struct acta_part *part, struct acta_parked *a, struct acta_msg *msg)
{
	char prefix[ACTA_KEY_MAX + 16];
	size_t size = acta_actor_row(prefix, a->key, a->key_size, NULL, 0);
	uint8_t from[8];
	struct acta_scan *scan;
	struct acta_row at;
	struct row row;
	bool found = false, expires = a->held && a->expires_ms <= part->now_ms;
	enum acta_err err;
	int64_t due_ms = INT64_MAX, expires_ms = INT64_MAX;

	if (a->held && a->passing == 0 && !expires) {
		a->due_ms = a->expires_ms;
		return ACTA_ENOENT;
	}
	if (!expires || a->passing > 0)
		a->swept = 0;
	if (a->swept > 0)
		expires_ms = a->swept_ms;
	/* Not through the graves of those before it. */
	acta_be64(from, a->swept > a->first ? a->swept : a->first);
	scan = acta_scan_open_at(
	    part->store, ACTA_T_PARKED, prefix, size, from, sizeof(from));
	while (!found && acta_scan_next(scan, &at)) {
		const uint8_t *k = at.key;

		if (at.key_size != size + 8 ||
		    !row_decode(at.value, at.value_size, &row)) {
			(void)acta_scan_close(&scan);
			return ACTA_ECORRUPT;
		}
		if (a->held && !row.passes) {
			int64_t end_ms =
			    expires ? deadline_of(&row) : INT64_MAX;

			if (end_ms > part->now_ms) {
				if (end_ms < expires_ms)
					expires_ms = end_ms;
				continue;
			}
		} else if (due_ms < INT64_MAX) {
			continue; /* those before it come first */
		} else if (row.due_ms > part->now_ms) {
			due_ms = row.due_ms;
			if (!expires)
				break;
			continue;
		}
		msg->row = 0;
		for (int i = 0; i < 8; i++)
			msg->row = msg->row << 8 | k[size + i];
		found = true;
	}
	err = acta_scan_close(&scan);
	if (err != ACTA_OK)
		return err;
	a->swept = found && expires ? msg->row : 0;
	a->swept_ms = expires_ms;
	if (found && is_fresh(part, a, msg->row)) {
		a->waits_turn = part->turn;
		part->parked_fresh = true;
		return ACTA_ENOENT;
	}
	if (!found) {
		if (expires)
			a->expires_ms = expires_ms;
		a->due_ms =
		    a->held && a->expires_ms < due_ms ? a->expires_ms : due_ms;
		return ACTA_ENOENT;
	}
	msg->timer = msg->row_passes = row.passes;
	msg->attempt = row.attempts + 1;
	memcpy(msg->uid.bytes, row.uid, 16);
	msg->raw = acta_arena_copy(&part->arena, row.message, row.size);
	msg->raw_size = row.size;
	return ACTA_OK;
}

void
acta_park_no_room(struct acta_part *part, const struct acta_msg *msg)
{
	struct acta_parked *a =
	    acta_parked_find(part, msg->m.key.data, msg->m.key.size);

	assert(a != NULL);
	a->no_room = part->no_room = true;
}

void
acta_parked_room(struct acta_part *part)
{
	if (!part->no_room)
		return;
	part->no_room = false;
	for (uint32_t i = 0; i < 1024; i++)
		for (struct acta_parked *a = part->parked[i]; a != NULL;
		     a = a->next_hash)
			if (a->no_room) {
				a->no_room = false;
				set_due(part, a, part->now_ms);
			}
}

int64_t
acta_parked_wake_ms(const struct acta_part *part)
{
	return part->parked_actors == 0 ? INT64_MAX : part->parked_wake_ms;
}

static bool
load_row(struct acta_part *part, const struct acta_row *at)
{
	const uint8_t *k = at->key;
	struct acta_parked *a;
	struct row row;
	uint64_t n = 0;

	if (at->key_size < 9 || at->key_size != 9u + k[0] ||
	    !row_decode(at->value, at->value_size, &row))
		return false;
	for (uint32_t i = 0; i < 8; i++)
		n = n << 8 | k[1 + k[0] + i];
	a = make(part, (const char *)k + 1, k[0]);
	if (a->count == 0) {
		set_due(part, a, row.due_ms);
		a->first = n;
	}
	a->count++;
	a->passing += row.passes;
	if (n >= a->next)
		a->next = n + 1;
	part->parked_rows++;
	return true;
}

enum acta_err
acta_parked_load(struct acta_part *part)
{
	struct acta_scan *scan =
	    acta_scan_open(part->store, ACTA_T_PARKED, "", 0);
	struct acta_row row;
	bool ok = true;
	enum acta_err err;

	while (ok && acta_scan_next(scan, &row))
		ok = load_row(part, &row);
	err = acta_scan_close(&scan);
	if (err != ACTA_OK || !ok)
		return err != ACTA_OK ? err : ACTA_ECORRUPT;
	scan = acta_scan_open(part->store, ACTA_T_ACTOR, "", 0);
	while (ok && acta_scan_next(scan, &row)) {
		struct acta_reader r = acta_reader(row.value, row.value_size);
		const char *k = row.key;

		ok = acta_read_list(&r, &ok) == 2 && ok;
		(void)acta_read_int(&r, &ok);
		if (acta_read_bool(&r, &ok) && ok) {
			struct acta_parked *a =
			    make(part, k + 1, row.key_size - 1);

			a->held = true;
			/* Answers and timers among them may run: look once. */
			set_due(part, a, a->count > 0 ? 0 : INT64_MAX);
		}
	}
	err = acta_scan_close(&scan);
	return err != ACTA_OK ? err : ok ? ACTA_OK : ACTA_ECORRUPT;
}

void
acta_parked_fini(struct acta_part *part)
{
	for (uint32_t i = 0; i < 1024; i++)
		while (part->parked[i] != NULL)
			forget(part, part->parked[i]);
}
