/* runtime/host/outside.c - see outside.h. */
#include "runtime/host/outside.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codecs/reader.h"
#include "runtime/host/park.h"
#include "runtime/host/subs.h"

struct acta_outside_timer { /* in the shadow's arena */
	struct acta_outside_timer *next;
	struct acta_row row;
};

/* --------------------------------------------------------- the shadow -- */

static struct acta_part *
shadow_new(struct acta_part *part)
{
	const struct acta_store_options options = { .service =
							part->config.service,
		.part = part->config.part,
		.parts = part->config.parts,
		.quota = UINT64_C(1) << 40,
		.memory = UINT64_C(1) << 40,
		.in_memory = true,
		.no_sync = true,
		.seed = acta_part_random(part) | 1 };
	struct acta_part *s = calloc(1, sizeof(*s));
	struct acta_why why = { "", "" };

	if (s == NULL)
		abort();
	s->config = part->config;
	s->loaded = part->loaded;
	s->own_route = part->own_route;
	s->port = (struct acta_port){ 0 };
	s->box = &s->own_box;
	s->id = part->id;
	s->now_ms = part->now_ms;
	s->local_tail = &s->local;
	s->release_tail = &s->releases;
	s->random[0] = acta_part_random(part);
	s->random[1] = acta_part_random(part);
	acta_buf_init(&s->pack);
	acta_buf_init(&s->scratch);
	acta_inbox_init(&s->calls);
	/* Numbers that nobody else is given. */
	s->next_ask = part->next_ask;
	s->next_token = part->next_token;
	s->next_dead = 1;
	part->next_ask += ACTA_EFFECTS_MAX;
	part->next_token += ACTA_EFFECTS_MAX;
	if (acta_store_open("", &options, &s->store, &why) != ACTA_OK)
		abort(); /* it is memory */
	acta_store_begin(s->store);
	return s;
}

/* All rows that begin so, of one store into another's turn. */
static bool
copy_rows(struct acta_part *from, struct acta_part *to, enum acta_table table,
    const void *prefix, size_t size, uint64_t *bytes)
{
	struct acta_scan *scan =
	    acta_scan_open(from->store, table, prefix, size);
	struct acta_row row;

	while (*bytes <= ACTA_OUTSIDE_ROWS_MAX && acta_scan_next(scan, &row)) {
		acta_store_put(to->store, table, row.key, row.key_size,
		    row.value, row.value_size);
		*bytes += row.key_size + row.value_size;
	}
	if (acta_scan_close(&scan) != ACTA_OK)
		from->failed = true;
	return *bytes <= ACTA_OUTSIDE_ROWS_MAX;
}

/* Timers fall due while the handler runs: what it has changed of them is told
 * by what they were when it began. */
static void
keep_timers(struct acta_outside *run, const void *prefix, size_t size)
{
	struct acta_arena *arena = &run->shadow->arena;
	struct acta_outside_timer **link = &run->timers;
	struct acta_scan *scan =
	    acta_scan_open(run->shadow->store, ACTA_T_TIMER, prefix, size);
	struct acta_row row;

	while (acta_scan_next(scan, &row)) {
		*link = acta_arena_alloc(arena, sizeof(**link));
		(*link)->row = row;
		(*link)->row.key =
		    acta_arena_copy(arena, row.key, row.key_size);
		(*link)->row.value =
		    acta_arena_copy(arena, row.value, row.value_size);
		(*link)->next = NULL;
		link = &(*link)->next;
	}
	if (acta_scan_close(&scan) != ACTA_OK)
		run->part->failed = true;
}

static bool
copy_actor(struct acta_outside *run, struct acta_bytes key)
{
	struct acta_part *part = run->part, *shadow = run->shadow;
	char prefix[ACTA_KEY_MAX + 1];
	size_t n = acta_actor_row(prefix, key.data, key.size, NULL, 0);
	uint64_t bytes = 0;

	if (!copy_rows(part, shadow, ACTA_T_STATE, prefix, n, &bytes) ||
	    !copy_rows(part, shadow, ACTA_T_TIMER, prefix, n, &bytes) ||
	    !copy_rows(part, shadow, ACTA_T_ACTOR, prefix, n, &bytes))
		return false;
	keep_timers(run, prefix, n);
	return true;
}

static void
outside_free(struct acta_outside *run)
{
	if (run->shadow != NULL) {
		acta_store_abort(run->shadow->store);
		acta_part_close(&run->shadow);
	}
	free(run);
}

/* ---------------------------------------------------------------- begin -- */

static struct acta_outside *
outside_new(struct acta_part *part, const struct acta_msg *msg)
{
	struct acta_outside *run = calloc(1, sizeof(*run));
	enum acta_fate fate;

	if (run == NULL)
		abort();
	run->part = part;
	run->shadow = shadow_new(part);
	run->next_ask = part->next_ask;
	run->next_token = part->next_token;
	run->msg = (struct acta_msg){ .source = ACTA_FROM_PARKED,
		.uid = msg->uid,
		.blamed = msg->blamed,
		.attempt = msg->attempt,
		.row = msg->row,
		.row_passes = msg->row_passes,
		.timer = msg->timer,
		.code = "",
		.text = "",
		.type_text = "",
		.from_text = "" };
	run->msg.raw =
	    acta_arena_copy(&run->shadow->arena, msg->raw, msg->raw_size);
	run->msg.raw_size = msg->raw_size;
	/* It was opened once; this time its texts lie in the shadow. */
	if (!acta_run_open(run->shadow, &run->msg, &fate)) {
		outside_free(run);
		return NULL;
	}
	return run;
}

enum acta_fate
acta_outside_take(struct acta_part *part, struct acta_msg *msg)
{
	struct acta_parked *queue;
	struct acta_outside *run;

	/* First it is durable; a turn later it may run. */
	if (msg->source != ACTA_FROM_PARKED)
		return acta_run_park(part, msg, 0, part->now_ms + 1, "outside");
	if (part->outside_count == ACTA_OUTSIDE_MAX)
		return acta_run_park_no_room(part, msg);
	run = outside_new(part, msg);
	if (run == NULL || !copy_actor(run, msg->m.key)) {
		if (run != NULL)
			outside_free(run);
		return acta_run_misused(part, msg,
		    "its actor has over 16 MiB of rows, too many for a "
		    "handler that is ACTA_OUTSIDE");
	}
	queue = acta_parked_find(part, msg->m.key.data, msg->m.key.size);
	queue->outside = true;
	run->next = part->outside;
	part->outside = run;
	part->outside_count++;
	return ACTA_FATE_PARKED;
}

enum acta_err
acta_outside_begin(struct acta_part *part)
{
	struct acta_outside *run, *next;

	for (run = part->outside; run != NULL; run = next) {
		next = run->next;
		if (run->begun)
			continue;
		run->begun = true;
		if (part->port.outside != NULL) {
			part->port.outside(part->port.self, run);
			continue;
		}
		if (acta_part_killed(part, "outside"))
			return ACTA_ECLOSED;
		acta_outside_run(run, part->box);
		acta_outside_done(run);
	}
	return ACTA_OK;
}

void
acta_outside_run(struct acta_outside *run, struct acta_box *box)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	run->shadow->began_ms =
	    (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	run->shadow->box = box;
	run->status = acta_run_call(run->shadow, &run->actor, &run->msg);
}

void
acta_outside_done(struct acta_outside *run)
{
	struct acta_part *part = run->part;
	struct acta_outside **link = &part->outside;

	while (*link != run)
		link = &(*link)->next;
	*link = run->next;
	run->next = part->outside_ended;
	part->outside_ended = run;
}

/* ------------------------------------------------------- what it has done -- */

static int64_t
timer_due(const struct acta_row *row)
{
	struct acta_reader r = acta_reader(row->value, row->value_size);
	bool ok = true;

	(void)acta_read_list(&r, &ok);
	return acta_read_int(&r, &ok);
}

/* It may have fired since, or be due at its next period. */
static void
timer_drop(struct acta_part *part, const struct acta_row *was)
{
	struct acta_row row = *was;

	if (acta_part_get(part, ACTA_T_TIMER, row.key, row.key_size, &row.value,
		&row.value_size) != ACTA_OK)
		return;
	acta_part_due_delete(part, timer_due(&row), 't', row.key, row.key_size);
	acta_store_delete(part->store, ACTA_T_TIMER, row.key, row.key_size);
}

static void
timer_set(struct acta_part *part, const struct acta_row *row)
{
	acta_part_due_put(part, timer_due(row), 't', row->key, row->key_size,
	    ACTA_PACKED_NIL, 1);
	acta_store_put(part->store, ACTA_T_TIMER, row->key, row->key_size,
	    row->value, row->value_size);
}

static bool
same_value(const struct acta_row *a, const struct acta_row *b)
{
	return a->value_size == b->value_size &&
	    memcmp(a->value, b->value, a->value_size) == 0;
}

static int
order_of(
    bool a_is, const struct acta_row *a, bool b_is, const struct acta_row *b)
{
	size_t both;
	int order;

	if (!a_is || !b_is)
		return a_is ? -1 : 1;
	both = a->key_size < b->key_size ? a->key_size : b->key_size;
	order = memcmp(a->key, b->key, both);
	return order
	    ? order
	    : (a->key_size > b->key_size) - (a->key_size < b->key_size);
}

/* Nobody else has changed these rows of the actor meanwhile: two lists in the
 * same order, the one that was and the one that is to be. */
static void
take_rows(struct acta_part *part, struct acta_part *shadow,
    enum acta_table table, const void *prefix, size_t size)
{
	struct acta_scan *old =
	    acta_scan_open(part->store, table, prefix, size);
	struct acta_scan *new =
	    acta_scan_open(shadow->store, table, prefix, size);
	struct acta_row was, is;
	bool had = acta_scan_next(old, &was), has = acta_scan_next(new, &is);

	while (had || has) {
		int order = order_of(had, &was, has, &is);

		if (order < 0)
			acta_store_delete(
			    part->store, table, was.key, was.key_size);
		else if (order > 0 || !same_value(&was, &is))
			acta_store_put(part->store, table, is.key, is.key_size,
			    is.value, is.value_size);
		if (order <= 0)
			had = acta_scan_next(old, &was);
		if (order >= 0)
			has = acta_scan_next(new, &is);
	}
	if (acta_scan_close(&old) != ACTA_OK ||
	    acta_scan_close(&new) != ACTA_OK)
		part->failed = true;
}

/* Those that it has set anew or cancelled; all others are as they are now. */
static void
take_timers(struct acta_part *part, const struct acta_outside *run,
    const void *prefix, size_t size)
{
	struct acta_store *store = run->shadow->store;
	const struct acta_outside_timer *was = run->timers;
	struct acta_scan *scan =
	    acta_scan_open(store, ACTA_T_TIMER, prefix, size);
	struct acta_row is;
	bool has = acta_scan_next(scan, &is);

	while (was != NULL || has) {
		int order =
		    order_of(was != NULL, was ? &was->row : NULL, has, &is);
		bool changed = order != 0 || !same_value(&was->row, &is);

		if (order <= 0 && changed)
			timer_drop(part, &was->row);
		if (order >= 0 && changed)
			timer_set(part, &is);
		if (order <= 0)
			was = was->next;
		if (order >= 0)
			has = acta_scan_next(scan, &is);
	}
	if (acta_scan_close(&scan) != ACTA_OK)
		part->failed = true;
}

/* Asks, tokens, their times, dead letters: there were none in the shadow. */
static void
take_new(
    struct acta_part *part, struct acta_part *shadow, enum acta_table table)
{
	struct acta_scan *scan = acta_scan_open(shadow->store, table, "", 0);
	struct acta_row row;

	while (acta_scan_next(scan, &row)) {
		const uint8_t *k = row.key;
		uint8_t number[8];

		if (table == ACTA_T_DUE && k[8] == 't')
			continue; /* they come with their timers */
		if (table == ACTA_T_DUE) {
			int64_t due_ms = 0;

			for (int i = 0; i < 8; i++)
				due_ms = due_ms << 8 | k[i];
			acta_part_due_put(part, due_ms, (char)k[8], k + 9,
			    row.key_size - 9, row.value, row.value_size);
			continue;
		}
		if (table == ACTA_T_DEAD) {
			acta_be64(number, part->next_dead++);
			part->dead++;
			acta_store_put(part->store, table, number, 8, row.value,
			    row.value_size);
			continue;
		}
		acta_store_put(part->store, table, row.key, row.key_size,
		    row.value, row.value_size);
	}
	if (acta_scan_close(&scan) != ACTA_OK)
		part->failed = true;
}

static void
take_over(struct acta_part *part, struct acta_outside *run)
{
	struct acta_bytes key = run->msg.m.key;
	char prefix[ACTA_KEY_MAX + 1];
	size_t n = acta_actor_row(prefix, key.data, key.size, NULL, 0);
	size_t skip = strlen(part->config.service) + 1;

	take_rows(part, run->shadow, ACTA_T_STATE, prefix, n);
	take_timers(part, run, prefix, n);
	take_rows(part, run->shadow, ACTA_T_ACTOR, prefix, n);
	take_new(part, run->shadow, ACTA_T_ASK);
	take_new(part, run->shadow, ACTA_T_TOKEN);
	take_new(part, run->shadow, ACTA_T_DUE);
	take_new(part, run->shadow, ACTA_T_DEAD);
	part->numbers_dirty = true;
	/* Only here is known who hears what it published. */
	for (struct acta_release *e = run->actor.events; e != NULL; e = e->next)
		acta_actor_tell(
		    &run->actor, e->item.topic.data + skip, e->item.body);
}

enum acta_fate
acta_source_outside(struct acta_part *part, struct acta_gather *g)
{
	struct acta_outside *run = part->outside_ended;
	struct acta_parked *queue;
	struct acta_run_before before;
	enum acta_fate fate;

	if (run == NULL || (part->full && !part->trial))
		return ACTA_FATE_NOTHING;
	part->outside_ended = run->next;
	run->next = part->outside_spent;
	part->outside_spent = run;
	part->outside_count--;
	acta_parked_room(part); /* for whom there were too many */
	queue =
	    acta_parked_find(part, run->msg.m.key.data, run->msg.m.key.size);
	if (queue == NULL) /* an operator's hand: nothing waits here */
		return ACTA_FATE_HANDLED;
	queue->outside = false;
	if (run->cancelled)
		return ACTA_FATE_HANDLED; /* it waits, and is run again */
	g->blame = run->msg.blamed;
	before = acta_run_before(part);
	run->actor.part = part;
	run->actor.arena = &part->arena;
	if (run->status == ACTA_DONE && run->actor.status == ACTA_DONE &&
	    !run->actor.misused && !run->actor.held)
		take_over(part, run);
	fate = acta_run_conclude(part, &run->actor, &before, run->status);
	if (fate != ACTA_FATE_PARKED)
		acta_park_remove(part, &run->msg);
	return fate;
}

/* ------------------------------------------------------------- the rest -- */

static void
free_all(struct acta_outside **list)
{
	while (*list != NULL) {
		struct acta_outside *run = *list;

		*list = run->next;
		outside_free(run);
	}
}

void
acta_outside_sweep(struct acta_part *part)
{
	free_all(&part->outside_spent);
}

static void
forget_unbegun(struct acta_part *part)
{
	struct acta_outside **link = &part->outside;

	while (*link != NULL) {
		struct acta_outside *run = *link;

		if (run->begun) {
			link = &run->next;
			continue;
		}
		*link = run->next;
		part->outside_count--;
		outside_free(run);
	}
}

static void
recall(struct acta_part *part, const struct acta_outside *run)
{
	for (; run != NULL; run = run->next) {
		if (part->next_ask < run->next_ask)
			part->next_ask = run->next_ask;
		if (part->next_token < run->next_token)
			part->next_token = run->next_token;
		struct acta_parked *queue = acta_parked_find(
		    part, run->msg.m.key.data, run->msg.m.key.size);

		if (queue != NULL)
			queue->outside = true;
	}
}

void
acta_outside_recall(struct acta_part *part)
{
	forget_unbegun(part);
	recall(part, part->outside);
	recall(part, part->outside_ended);
}

void
acta_outside_fini(struct acta_part *part)
{
	free_all(&part->outside);
	free_all(&part->outside_ended);
	free_all(&part->outside_spent);
}
