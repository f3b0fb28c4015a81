/* runtime/sim/cluster.c - see cluster.h. */
#include "runtime/sim/cluster.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/links.h"
#include "runtime/host/outside.h"

#define DOOR_ENDS ACTA_CLUSTER_PROCESSES_MAX

_Static_assert(
    ACTA_CLUSTER_PROCESSES_MAX + ACTA_CLUSTER_DOORS_MAX <= ACTA_NET_ENDS_MAX,
    "every process and door has its end of the network");

void
acta_cluster_init(struct acta_cluster *c, uint64_t seed, const char *name,
    int64_t now_us, const struct acta_cluster_hooks *hooks,
    const struct acta_sim_hooks *disk_hooks)
{
	memset(c, 0, sizeof(*c));
	c->seed = seed;
	c->now_us = now_us;
	c->hooks = *hooks;
	acta_cluster_boot(c);
	snprintf(c->name, sizeof(c->name), "%s", name);
	acta_net_init(&c->net, acta_dice_of(seed, 1));
	c->disks = acta_sim_disks_new(name, disk_hooks);
}

void
acta_cluster_fini(struct acta_cluster *c)
{
	for (uint32_t i = 0; i < c->count; i++) {
		struct acta_process *p = c->processes[i];

		acta_process_end(p);
		for (uint32_t e = 0; e < ACTA_NET_ENDS_MAX; e++)
			acta_buf_fini(&p->out[e]);
		for (uint32_t d = 0; d < ACTA_CLUSTER_DOORS_MAX; d++)
			acta_buf_fini(&p->unheard[d]);
		acta_blamed_free(&p->blamed);
		free(p->queue);
		free(p);
	}
	c->count = 0;
	acta_net_fini(&c->net);
	acta_sim_disks_free(&c->disks);
}

struct acta_process *
acta_cluster_add(struct acta_cluster *c, const struct acta_loaded *loaded,
    uint32_t partitions, const struct acta_part_config *config,
    const struct acta_store_options *store)
{
	struct acta_process *p = calloc(1, sizeof(*p));

	if (p == NULL)
		abort();
	assert(c->count < ACTA_CLUSTER_PROCESSES_MAX);
	assert(partitions > 0 && partitions <= ACTA_CLUSTER_PARTS_MAX);
	p->cluster = c;
	p->end = c->count;
	p->loaded = loaded;
	p->blamed = acta_blamed_new();
	p->count = partitions;
	p->wake_us = INT64_MAX;
	p->config = *config;
	p->config.service = loaded->service->name;
	p->config.parts = partitions;
	p->store = *store;
	p->store.service = loaded->service->name;
	p->store.parts = partitions;
	p->store.in_memory = loaded->service->in_memory;
	for (uint32_t e = 0; e < ACTA_NET_ENDS_MAX; e++)
		acta_buf_init(&p->out[e]);
	for (uint32_t d = 0; d < ACTA_CLUSTER_DOORS_MAX; d++)
		acta_buf_init(&p->unheard[d]);
	for (uint32_t i = 0; i < partitions; i++) {
		struct acta_place *place = &p->places[i];

		place->process = p;
		place->index = i;
		snprintf(place->dir, sizeof(place->dir), "%s%s/%u", c->name,
		    loaded->service->name, i);
		place->disk = acta_sim_disk_at(c->disks, place->dir);
		acta_sim_disk_set_user(place->disk, place);
	}
	snprintf(c->routes[c->count].name, sizeof(c->routes[0].name), "%s",
	    loaded->service->name);
	c->routes[c->count].partitions = partitions;
	c->processes[c->count++] = p;
	return p;
}

struct acta_door *
acta_cluster_door(struct acta_cluster *c, const char *name)
{
	struct acta_door *door = NULL;

	for (uint32_t i = 0; i < c->door_count && door == NULL; i++)
		if (strcmp(c->doors[i].name, name) == 0)
			door = &c->doors[i];
	if (door == NULL) {
		assert(c->door_count < ACTA_CLUSTER_DOORS_MAX);
		door = &c->doors[c->door_count];
		door->name = name;
		door->end = DOOR_ENDS + c->door_count++;
	}
	door->life = acta_net_born(&c->net, door->end);
	return door;
}

uint32_t
acta_cluster_find(const struct acta_cluster *c, const char *name, size_t size)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (strlen(c->routes[i].name) == size &&
		    memcmp(c->routes[i].name, name, size) == 0)
			return i;
	return UINT32_MAX;
}

void
acta_cluster_boot(struct acta_cluster *c)
{
	acta_slew_start(&c->slew, c->now_us + c->wall_us, c->now_us);
}

int64_t
acta_cluster_ms(const struct acta_cluster *c)
{
	return (c->now_us + c->slew.offset_us) / 1000;
}

/* It never goes back, as acta_clock_at has it. */
int64_t
acta_process_ms(struct acta_process *p)
{
	int64_t now_ms = acta_cluster_ms(p->cluster);

	if (now_ms > p->last_ms)
		p->last_ms = now_ms;
	return p->last_ms;
}

/* ---------------------------------------------------------------- port -- */

static void
send_frame(struct acta_process *p, uint32_t end)
{
	struct acta_net *net = &p->cluster->net;
	struct acta_buf *out = &p->out[end];

	acta_net_send(net, p->end, end, p->known[end], out->data, out->size,
	    p->cluster->now_us);
	acta_buf_reset(out);
}

/* Into the frame for that end, as links.c does; what the root told nothing of
 * is not sent. */
static void
append(struct acta_place *place, uint32_t end, const struct acta_item *item)
{
	struct acta_process *p = place->process;
	const struct acta_cluster_hooks *hooks = &p->cluster->hooks;

	if (!p->ended && hooks->leaves != NULL)
		p->ended = hooks->leaves(hooks->self, place, end, item);
	if (p->ended || p->known[end] == 0)
		return;
	if (p->out[end].size == 0)
		acta_frame_begin(&p->out[end], p->epochs[end]);
	acta_item_encode(&p->out[end], item);
	if (p->out[end].size >= ACTA_LINK_FRAME_MAX)
		send_frame(p, end);
}

static void
to_part(void *self, const char *service, uint32_t part,
    const struct acta_item *item)
{
	struct acta_place *place = self;
	uint32_t end = acta_cluster_find(
	    place->process->cluster, service, strlen(service));

	if (end != UINT32_MAX)
		append(place, end, item);
}

/* Its call may come before the root has told of it: it waits until then. */
static void
keep_unheard(struct acta_place *place, uint32_t door, uint64_t door_inc,
    const struct acta_item *item)
{
	struct acta_process *p = place->process;
	const struct acta_cluster_hooks *hooks = &p->cluster->hooks;

	if (!p->ended && hooks->leaves != NULL)
		p->ended = hooks->leaves(
		    hooks->self, place, p->cluster->doors[door].end, item);
	if (p->ended || door_inc < p->unheard_inc[door])
		return;
	if (door_inc > p->unheard_inc[door])
		acta_buf_reset(&p->unheard[door]);
	p->unheard_inc[door] = door_inc;
	acta_item_encode(&p->unheard[door], item);
}

static void
to_door(void *self, const char *door, uint64_t door_inc,
    const struct acta_item *item)
{
	struct acta_place *place = self;
	struct acta_cluster *c = place->process->cluster;
	uint64_t known;

	for (uint32_t i = 0; i < c->door_count; i++) {
		known = place->process->known[c->doors[i].end];
		if (strcmp(c->doors[i].name, door) != 0)
			continue;
		if (known == door_inc)
			append(place, c->doors[i].end, item);
		else if (known < door_inc)
			keep_unheard(place, i, door_inc, item);
	}
}

static void
event(void *self, const struct acta_item *item)
{
	struct acta_place *place = self;
	struct acta_cluster *c = place->process->cluster;

	for (uint32_t i = 0; i < c->door_count; i++)
		append(place, c->doors[i].end, item);
}

static void
raise_alarm(void *self, const char *name, const char *text)
{
	struct acta_place *place = self;
	const struct acta_cluster_hooks *hooks =
	    &place->process->cluster->hooks;

	if (hooks->alarm != NULL)
		hooks->alarm(hooks->self, place, name, text);
}

static int64_t
elapsed(void *self)
{
	struct acta_process *p = ((struct acta_place *)self)->process;

	p->turn_ms += p->slow;
	return p->turn_ms;
}

static bool
reached(struct acta_place *place, const char *point)
{
	struct acta_process *p = place->process;
	const struct acta_cluster_hooks *hooks = &p->cluster->hooks;

	if (!p->ended && hooks->point != NULL)
		p->ended = hooks->point(hooks->self, place, point);
	return p->ended;
}

static bool
crash(void *self, const char *point)
{
	return reached(self, point);
}

/* ------------------------------------------------------------- outside -- */

/* What the pool's threads would run: whoever drives the cluster says when. */
static void
outside(void *self, struct acta_outside *run)
{
	struct acta_place *place = self;
	struct acta_process *p = place->process;

	run->owner = place;
	run->queued = p->outside;
	p->outside = run;
	p->outside_count++;
}

static struct acta_outside *
take_nth(struct acta_outside **list, uint32_t *count, uint32_t n)
{
	struct acta_outside *run;

	assert(n < *count);
	while (n-- > 0)
		list = &(*list)->queued;
	run = *list;
	*list = run->queued;
	--*count;
	return run;
}

static void
outside_done(struct acta_outside *run)
{
	struct acta_place *place = run->owner;

	acta_outside_done(run);
	place->more = true;
}

enum acta_err
acta_process_outside(struct acta_process *p, uint32_t n)
{
	struct acta_outside *run;

	if (n >= p->outside_count) {
		outside_done(take_nth(&p->outside_ran, &p->outside_ran_count,
		    n - p->outside_count));
		return ACTA_OK;
	}
	run = take_nth(&p->outside, &p->outside_count, n);
	acta_outside_run(run, &p->box);
	run->queued = p->outside_ran;
	p->outside_ran = run;
	p->outside_ran_count++;
	return reached(run->owner, "outside") ? ACTA_ECLOSED : ACTA_OK;
}

/* As acta_pool_stop: what was not begun is not. */
static void
outside_stop(struct acta_process *p)
{
	while (p->outside_ran_count > 0)
		outside_done(
		    take_nth(&p->outside_ran, &p->outside_ran_count, 0));
	while (p->outside_count > 0) {
		struct acta_outside *run =
		    take_nth(&p->outside, &p->outside_count, 0);

		run->cancelled = true;
		outside_done(run);
	}
}

/* ------------------------------------------------------- start and end -- */

static void
close_all(struct acta_process *p)
{
	for (uint32_t i = 0; i < p->count; i++) {
		acta_part_close(&p->places[i].part);
		p->places[i].more = false;
	}
	for (uint32_t e = 0; e < ACTA_NET_ENDS_MAX; e++)
		acta_buf_reset(&p->out[e]);
	for (uint32_t d = 0; d < ACTA_CLUSTER_DOORS_MAX; d++)
		acta_buf_reset(&p->unheard[d]);
	while (p->queue_at < p->queue_end)
		free(p->queue[p->queue_at++]);
	p->queue_at = p->queue_end = 0;
	/* They went with their partitions. */
	p->outside = p->outside_ran = NULL;
	p->outside_count = p->outside_ran_count = 0;
	p->wake_us = INT64_MAX;
}

static enum acta_err
open_place(struct acta_place *place, bool checked, struct acta_why *why)
{
	struct acta_process *p = place->process;
	struct acta_cluster *c = p->cluster;
	struct acta_part_config config = p->config;
	struct acta_store_options store = p->store;
	const struct acta_port port = { .self = place,
		.to_part = to_part,
		.to_door = to_door,
		.event = event,
		.alarm = raise_alarm,
		.elapsed_ms = elapsed,
		.crash = crash,
		.outside = c->pools ? outside : NULL };
	const uint8_t *uid;
	uint32_t crashes;
	struct acta_dice dice =
	    acta_dice_of(c->seed, p->starts << 16 | p->end << 8 | place->index);
	enum acta_err err;

	config.part = store.part = place->index;
	config.routes = c->routes;
	config.route_count = c->count;
	config.seed = acta_dice_bits(&dice) | 1;
	store.seed = acta_dice_bits(&dice) | 1;
	store.checked = checked;
	err = acta_part_open(&place->part, place->dir, &store, &config,
	    p->loaded, &port, &p->box, acta_process_ms(p), why);
	if (err != ACTA_OK)
		return err;
	for (uint32_t i = 0; acta_blamed_row(p->blamed, i, &uid, &crashes); i++)
		acta_part_blame(place->part, uid, crashes, "");
	place->more = true;
	/* The root hears of it with the endpoint. */
	(void)acta_slew_reach(
	    &c->slew, acta_store_last_ms(place->part->store), c->now_us);
	return ACTA_OK;
}

enum acta_err
acta_process_start(struct acta_process *p, bool checked, struct acta_why *why)
{
	enum acta_err err = ACTA_OK;

	assert(p->state != ACTA_PROCESS_UP);
	p->starts++;
	p->ended = p->own_fault = false;
	p->last_ms = 0;
	memset(&p->box, 0, sizeof(p->box));
	for (uint32_t i = 0; i < p->count && err == ACTA_OK; i++)
		err = open_place(&p->places[i], checked, why);
	if (p->ended)
		err = ACTA_ECLOSED;
	if (err != ACTA_OK) {
		close_all(p);
		p->state = err == ACTA_EUNSURE || err == ACTA_ECORRUPT
		    ? ACTA_PROCESS_FAILED
		    : ACTA_PROCESS_DOWN;
		return err;
	}
	acta_net_born(&p->cluster->net, p->end);
	memset(p->known, 0, sizeof(p->known));
	p->state = ACTA_PROCESS_UP;
	p->paused = false;
	p->wake_us = p->cluster->now_us;
	return ACTA_OK;
}

void
acta_process_end(struct acta_process *p)
{
	if (p->state == ACTA_PROCESS_UP) {
		if (p->own_fault)
			acta_blamed_count(p->blamed, p->box.uid);
		/* The endpoint goes with it. */
		acta_net_born(&p->cluster->net, p->end);
		p->state = ACTA_PROCESS_DOWN;
	}
	close_all(p);
}

static void
reopen(struct acta_process *p, uint32_t end)
{
	p->epochs[end] = ++p->cluster->epochs;
	acta_buf_reset(&p->out[end]);
	acta_net_reopened(&p->cluster->net, p->end, end);
}

/* What waited for that door can go. */
static void
heard(struct acta_process *p, uint32_t door)
{
	struct acta_buf *b = &p->unheard[door];
	uint32_t end = DOOR_ENDS + door;

	if (b->size > 0 && p->unheard_inc[door] == p->known[end]) {
		acta_frame_begin(&p->out[end], p->epochs[end]);
		acta_buf_append(&p->out[end], b->data, b->size);
		send_frame(p, end);
	}
	acta_buf_reset(b);
}

void
acta_process_close_link(struct acta_process *p, uint32_t end)
{
	const struct acta_route *to = &p->cluster->routes[end];

	if (p->state != ACTA_PROCESS_UP || p->known[end] == 0)
		return;
	reopen(p, end);
	for (uint32_t i = 0; i < p->count; i++) {
		for (uint32_t n = 0; n < to->partitions; n++)
			acta_part_link_closed(p->places[i].part, to->name, n);
		p->places[i].more = true;
	}
}

void
acta_process_tell(struct acta_process *p, uint32_t end)
{
	struct acta_cluster *c = p->cluster;

	if (p->state != ACTA_PROCESS_UP)
		return;
	p->known[end] = c->net.lives[end];
	reopen(p, end);
	if (end >= DOOR_ENDS) {
		heard(p, end - DOOR_ENDS);
		return;
	}
	for (uint32_t i = 0; i < p->count; i++) {
		acta_part_peer(p->places[i].part, c->routes[end].name,
		    UINT32_MAX, acta_process_ms(p));
		p->places[i].more = true;
	}
}

void
acta_cluster_announce(struct acta_cluster *c, uint32_t end)
{
	for (uint32_t i = 0; i < c->count; i++)
		acta_process_tell(c->processes[i], end);
	for (uint32_t i = 0; i < c->door_count; i++)
		c->doors[i].known[end] = c->net.lives[end];
	if (end >= DOOR_ENDS)
		return;
	for (uint32_t e = 0; e < ACTA_NET_ENDS_MAX; e++)
		if (e != end && c->net.lives[e] > 0 &&
		    (e >= DOOR_ENDS ||
			c->processes[e]->state == ACTA_PROCESS_UP))
			acta_process_tell(c->processes[end], e);
}

/* --------------------------------------------------------------- rounds -- */

/* As worker.c: an answer to a sender's HELLO or DATA is for the sender. */
static struct acta_place *
place_of(struct acta_process *p, const struct acta_item *item)
{
	bool ours = item->kind != ACTA_ITEM_ACK &&
	    item->kind != ACTA_ITEM_NACK && item->kind != ACTA_ITEM_WELCOME;
	uint32_t part = ours ? item->dst_part : item->src_part;

	return part < p->count ? &p->places[part] : NULL;
}

enum acta_err
acta_place_give(struct acta_place *place, const struct acta_item *item)
{
	acta_part_item(place->part, item, acta_process_ms(place->process));
	place->more = true;
	return reached(place, "item") ? ACTA_ECLOSED : ACTA_OK;
}

static enum acta_err
take_frame(struct acta_process *p, const struct acta_net_frame *frame)
{
	struct acta_reader items;
	struct acta_item item;
	uint64_t epoch;
	enum acta_err err =
	    acta_frame_open(frame->data, frame->size, &epoch, &items);

	while (err == ACTA_OK &&
	    (err = acta_item_decode(&items, &item)) == ACTA_OK) {
		struct acta_place *place = place_of(p, &item);

		item.epoch = epoch;
		if (place == NULL)
			continue;
		err = acta_place_give(place, &item);
		if (err != ACTA_OK)
			return err;
	}
	assert(err == ACTA_ENOENT); /* what we encoded can be read */
	return ACTA_OK;
}

static enum acta_err
run_turn(struct acta_place *place)
{
	struct acta_process *p = place->process;
	enum acta_err err;

	p->turn_ms = 0;
	err = acta_part_turn(place->part, acta_process_ms(p), &place->more);
	return p->ended ? ACTA_ECLOSED : err;
}

/* When the process's clock shows `ms`. */
static int64_t
cluster_us(const struct acta_process *p, int64_t ms)
{
	if (ms > INT64_MAX / 2000)
		return INT64_MAX;
	return ms * 1000 - p->cluster->slew.offset_us;
}

static void
set_wake(struct acta_process *p)
{
	p->wake_us = INT64_MAX;
	for (uint32_t i = 0; i < p->count; i++) {
		int64_t at =
		    cluster_us(p, acta_part_wake_ms(p->places[i].part));

		if (at < p->wake_us)
			p->wake_us = at;
	}
}

static enum acta_err
flush(struct acta_process *p)
{
	for (uint32_t e = 0; e < ACTA_NET_ENDS_MAX; e++) {
		if (p->out[e].size <= ACTA_LINK_HEAD)
			continue;
		if (reached(&p->places[0], "frame"))
			return ACTA_ECLOSED;
		send_frame(p, e);
	}
	return ACTA_OK;
}

static bool
due(const struct acta_place *place)
{
	return place->more ||
	    cluster_us(place->process, acta_part_wake_ms(place->part)) <=
	    place->process->cluster->now_us;
}

enum acta_err
acta_process_round(struct acta_process *p, uint32_t frames)
{
	enum acta_err err = ACTA_OK;

	assert(p->state == ACTA_PROCESS_UP);
	for (uint32_t n = 0; n < frames && p->queue_at < p->queue_end; n++) {
		struct acta_net_frame *frame = p->queue[p->queue_at++];

		err = take_frame(p, frame);
		free(frame);
		if (err != ACTA_OK)
			return err;
	}
	if (p->queue_at == p->queue_end)
		p->queue_at = p->queue_end = 0;
	for (uint32_t i = 0; i < p->count && err == ACTA_OK; i++)
		if (due(&p->places[i]))
			err = run_turn(&p->places[i]);
	if (err == ACTA_OK)
		err = flush(p);
	if (err == ACTA_OK)
		set_wake(p);
	return err;
}

enum acta_err
acta_process_stop(struct acta_process *p)
{
	enum acta_err err;

	outside_stop(p);
	for (uint32_t i = 0; i < p->count; i++) {
		p->places[i].part->draining = true;
		p->places[i].more = true;
	}
	err = acta_process_round(p, ACTA_CLUSTER_FRAMES_A_ROUND);
	acta_process_end(p);
	return err;
}

enum acta_err
acta_process_idle(struct acta_process *p, bool *out_more)
{
	enum acta_err err = ACTA_OK;

	*out_more = false;
	for (uint32_t i = 0; i < p->count && err == ACTA_OK; i++) {
		bool more = false;

		err = acta_store_idle(
		    p->places[i].part->store, acta_process_ms(p), &more);
		*out_more |= more;
	}
	return p->ended ? ACTA_ECLOSED : err;
}

bool
acta_process_ready(const struct acta_process *p)
{
	bool ready =
	    p->queue_at < p->queue_end || p->wake_us <= p->cluster->now_us;

	if (p->state != ACTA_PROCESS_UP || p->paused)
		return false;
	for (uint32_t i = 0; i < p->count && !ready; i++)
		ready = p->places[i].more;
	return ready;
}

/* ------------------------------------------------------------- network -- */

static void
enqueue(struct acta_process *p, struct acta_net_frame *frame)
{
	if (p->queue_end == p->queue_room) {
		p->queue_room = p->queue_room ? 2 * p->queue_room : 16;
		assert(p->queue_room <= ACTA_NET_FRAMES_MAX);
		p->queue =
		    acta_resize(p->queue, p->queue_room, sizeof(p->queue[0]));
	}
	p->queue[p->queue_end++] = frame;
}

static void
to_hook(struct acta_cluster *c, const struct acta_net_frame *frame)
{
	struct acta_reader items;
	struct acta_item item;
	uint64_t epoch;
	enum acta_err err =
	    acta_frame_open(frame->data, frame->size, &epoch, &items);

	while (err == ACTA_OK &&
	    (err = acta_item_decode(&items, &item)) == ACTA_OK)
		if (c->hooks.door != NULL)
			c->hooks.door(
			    c->hooks.self, frame->to - DOOR_ENDS, &item);
}

bool
acta_cluster_deliver(struct acta_cluster *c)
{
	struct acta_net_frame *frame = acta_net_take(&c->net, c->now_us);

	if (frame == NULL)
		return false;
	if (frame->to < c->count) {
		enqueue(c->processes[frame->to], frame);
		return true;
	}
	to_hook(c, frame);
	free(frame);
	return true;
}

void
acta_door_send(struct acta_cluster *c, uint32_t door, uint32_t end,
    const struct acta_item *item)
{
	struct acta_door *from = &c->doors[door];
	struct acta_buf b;

	if (from->known[end] == 0)
		return;
	acta_buf_init(&b);
	acta_frame_begin(&b, from->life);
	acta_item_encode(&b, item);
	acta_net_send(&c->net, from->end, end, from->known[end], b.data, b.size,
	    c->now_us);
	acta_buf_fini(&b);
}
