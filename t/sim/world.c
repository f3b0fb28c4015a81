/*
 * t/sim/world.c - the plan happens. One thing at a time: of all that could come
 * next at this moment (a frame, a round of a process, an event of the plan, a
 * restart, the root's word of one) chance picks one; if there is none, the time
 * moves on to the next that will be.
 */
#include "t/sim/sim.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"

#define RETRY_US 700000 /* a client that heard nothing asks again */
#define DOOR_END 32u

struct sim_world *sim;

void
sim_violation(const char *format, ...)
{
	va_list ap;

	if (sim->violated)
		return; /* the first is the one to tell */
	sim->violated = true;
	sim->violation_kind = format;
	sim->violated_us = sim->cluster.now_us;
	va_start(ap, format);
	vsnprintf(sim->violation, sizeof(sim->violation), format, ap);
	va_end(ap);
	sim_trace("VIOLATION: %s", sim->violation);
}

void
sim_trace(const char *format, ...)
{
	va_list ap;

	if (sim->trace == NULL)
		return;
	fprintf(sim->trace, "%12.6f  ",
	    (double)(sim->cluster.now_us % 1000000000) / 1e6);
	va_start(ap, format);
	vfprintf(sim->trace, format, ap);
	va_end(ap);
	fputc('\n', sim->trace);
}

/* --------------------------------------------------------------- points -- */

static const struct {
	const char *name;
	enum sim_point point;
} turn_points[] = {
	{ "item", PT_ITEM },
	{ "gather", PT_GATHER },
	{ "handler", PT_HANDLER },
	{ "commit", PT_COMMIT },
	{ "committed", PT_COMMITTED },
	{ "released", PT_RELEASED },
	{ "frame", PT_FRAME },
};

static bool
met(uint32_t end, enum sim_point point)
{
	for (uint32_t i = 0; i < sim->trap_count; i++) {
		struct sim_trap *trap = &sim->traps[i];

		if (!trap->armed || trap->end != end ||
		    trap->point != (uint32_t)point || --trap->countdown > 0)
			continue;
		trap->armed = false;
		sim->power_out |= trap->power;
		sim->tally[(trap->power ? T_POWER : T_KILL) + point]++;
		sim_trace("%s %s at: %s", trap->power ? "power cut," : "kill",
		    sim->cluster.routes[end].name, sim_point_names[point]);
		return true;
	}
	return false;
}

static bool
on_point(void *self, struct acta_place *place, const char *name)
{
	for (size_t i = 0; i < sizeof(turn_points) / sizeof(turn_points[0]);
	     i++)
		if (strcmp(turn_points[i].name, name) == 0)
			return met(place->process->end, turn_points[i].point);
	sim_violation("a point that the simulator does not know: %s", name);
	return false;
}

static enum sim_point
disk_point(enum acta_sim_step step)
{
	static const enum sim_point points[3][ACTA_SIM_STEPS] = {
		{ PT_COUNT, PT_COUNT, PT_DATA, PT_FLUSH, PT_ROOT, PT_CACHED,
		    PT_DONE },
		{ PT_COUNT, PT_COUNT, PT_IDLE_DATA, PT_IDLE_FLUSH, PT_IDLE_ROOT,
		    PT_IDLE_CACHED, PT_IDLE_DONE },
		{ PT_OPEN, PT_OPEN_SYNC, PT_OPEN_DATA, PT_OPEN_FLUSH,
		    PT_OPEN_ROOT, PT_OPEN_CACHED, PT_OPEN_DONE },
	};

	assert(sim->doing != DOING_NOTHING);
	return points[sim->doing - DOING_ROUND][step];
}

static enum acta_sim_fate
on_step(void *self, struct acta_sim_disk *disk, enum acta_sim_step step)
{
	struct acta_place *place = acta_sim_disk_user(disk);

	if (!met(place->process->end, disk_point(step)))
		return ACTA_SIM_GO;
	place->process->ended = true;
	return ACTA_SIM_KILL;
}

static bool
on_toss(void *self)
{
	return acta_dice_chance(&sim->dice, 500);
}

static const char *
short_of(uint32_t kind)
{
	static const char *const names[] = { "?", "DATA", "ACK", "NACK",
		"HELLO", "WELCOME", "CALL", "REPLY", "EVENT", "HEAD" };

	return names[kind < 10 ? kind : 0];
}

static bool
on_leaves(void *self, struct acta_place *place, uint32_t end,
    const struct acta_item *item)
{
	sim_check_leaves(place, end, item);
	if (met(place->process->end, PT_LEAVING))
		return true;
	sim_trace("%s -> %u  %s first %llu count %u next %llu", place->dir, end,
	    short_of(item->kind), (unsigned long long)item->first, item->count,
	    (unsigned long long)item->next);
	return false;
}

static void
on_alarm(
    void *self, struct acta_place *place, const char *name, const char *text)
{
	sim_violation("%s: alarm %s: %s", place->dir, name, text);
}

/* ------------------------------------------------------------- clients -- */

static struct sim_ask *
ask_of(uint32_t door, uint64_t request)
{
	for (uint32_t i = 0; i < sim->ask_count; i++)
		if (sim->asks[i].requests[door] == request)
			return &sim->asks[i];
	return NULL;
}

static bool
is_code(const struct acta_item *item, const char *code)
{
	return item->code.data != NULL && item->code.size == strlen(code) &&
	    memcmp(item->code.data, code, item->code.size) == 0;
}

/* By these codes nothing ran, and a repeat may. */
static bool
leaves_it_open(const struct acta_item *item)
{
	return is_code(item, "busy") || is_code(item, "expired") ||
	    is_code(item, "unavailable") || is_code(item, "timeout");
}

static void
on_reply(uint32_t door, const struct acta_item *item)
{
	struct sim_ask *ask = ask_of(door, item->request);
	bool ok = item->code.data == NULL;

	if (ask == NULL)
		return;
	sim_trace("answer to %u: %s%.*s", ask->event->number, ok ? "ok" : "",
	    ok ? 0 : (int)item->code.size, ok ? "" : item->code.data);
	if (!ok && leaves_it_open(item))
		return;
	if (!ask->answered) {
		ask->answered = true;
		ask->ok = ok;
		snprintf(ask->code, sizeof(ask->code), "%.*s",
		    ok ? 0 : (int)item->code.size, ok ? "" : item->code.data);
		acta_buf_append(&ask->result, item->body.data, item->body.size);
		sim->tally[ok ? T_ANSWERED : T_REFUSED]++;
		return;
	}
	sim->tally[T_SAME_ANSWER]++;
	if (ok != ask->ok || (!ok && !is_code(item, ask->code)) ||
	    ask->result.size != item->body.size ||
	    memcmp(ask->result.data, item->body.data, item->body.size) != 0)
		sim_violation("request %u has two answers", ask->event->number);
}

static void
on_door(void *self, uint32_t door, const struct acta_item *item)
{
	if (item->kind == ACTA_ITEM_REPLY &&
	    item->inc == sim->cluster.doors[door].life)
		on_reply(door, item);
}

static void
pack_args(struct acta_buf *b, const struct sim_event *e)
{
	char to[64];

	snprintf(to, sizeof(to), "%s/%u", sim_services[e->c / SIM_KEYS].name,
	    e->c % SIM_KEYS);
	acta_pack_map(b, 2);
	acta_pack_text(b, "to");
	acta_pack_text(b, to);
	acta_pack_text(b, e->a == OP_MOVE ? "amount" : "count");
	acta_pack_int(b, e->d);
}

static void
ask_send(struct sim_ask *ask)
{
	static const char *const types[OPS] = { "move", "say" };
	const struct sim_event *e = ask->event;
	const char *service = sim_services[e->b / SIM_KEYS].name;
	uint32_t door = acta_dice_roll(&sim->dice, sim->cluster.door_count);
	struct acta_item item = { .kind = ACTA_ITEM_CALL };
	struct acta_message m = { .from = { "", 0 }, .id = { "", 0 } };
	struct acta_hash128 id = acta_hash128(&ask->id, sizeof(ask->id));
	struct acta_buf args, body;
	uint32_t doubled;
	char key[16];

	snprintf(key, sizeof(key), "%u", e->b % SIM_KEYS);
	acta_buf_init(&args);
	acta_buf_init(&body);
	pack_args(&args, e);
	ask->requests[door] = ++sim->requests;
	m.key = (struct acta_bytes){ key, (uint32_t)strlen(key) };
	m.type =
	    (struct acta_bytes){ types[e->a], (uint32_t)strlen(types[e->a]) };
	m.sent_ms = sim->cluster.now_us / 1000;
	m.deadline_ms = m.sent_ms + 5000;
	m.args_raw =
	    (struct acta_bytes){ (const char *)args.data, (uint32_t)args.size };
	item.src = (struct acta_bytes){ sim->cluster.doors[door].name,
		(uint32_t)strlen(sim->cluster.doors[door].name) };
	item.inc = sim->cluster.doors[door].life;
	item.request = ask->requests[door];
	item.dst = (struct acta_bytes){ service, (uint32_t)strlen(service) };
	item.dst_part = acta_partition_of(
	    key, strlen(key), sim->plan->parts[e->b / SIM_KEYS]);
	item.flags = e->send ? ACTA_CALL_SEND : 0;
	item.client = e->kept_id ? id.bytes : NULL;
	m.caller = (struct acta_caller){ .kind = ACTA_CALLER_DOOR,
		.door = item.src,
		.door_inc = item.inc,
		.request = item.request,
		.service = item.dst,
		.part = item.dst_part };
	acta_message_encode(&body, &m);
	item.body =
	    (struct acta_bytes){ (const char *)body.data, (uint32_t)body.size };
	/* zmq doubles nothing: only what has an id bears it. */
	doubled = sim->cluster.net.rates.doubled;
	if (!e->kept_id)
		sim->cluster.net.rates.doubled = 0;
	acta_door_send(&sim->cluster, door, e->b / SIM_KEYS, &item);
	sim->cluster.net.rates.doubled = doubled;
	acta_buf_fini(&args);
	acta_buf_fini(&body);
	sim->tally[ask->tries > 0 ? T_ASKED_AGAIN : T_OP + e->a]++;
	ask->tries++;
	ask->again_us = sim->cluster.now_us + RETRY_US;
}

/* Without a kept id nobody may ask again; with one, some do so also after
 * their answer. */
static void
ask_again(struct sim_ask *ask)
{
	if (!ask->event->kept_id) {
		ask->final = true;
		ask->unknown = !ask->answered;
		sim->tally[T_UNKNOWN] += ask->unknown;
	} else if (ask->answered &&
	    (sim->healing || acta_dice_chance(&sim->dice, 700))) {
		ask->final = true;
	} else {
		ask_send(ask);
	}
}

/* --------------------------------------------------- processes and root -- */

/* The root tells all of it, and it of all, each after a while. */
static void
announce(uint32_t end)
{
	struct acta_cluster *c = &sim->cluster;

	for (uint32_t other = 0; other < ACTA_NET_ENDS_MAX; other++) {
		int64_t at;

		if (c->net.lives[other] == 0 ||
		    (other < c->count &&
			c->processes[other]->state != ACTA_PROCESS_UP))
			continue;
		at = c->now_us + acta_dice_between(&sim->dice, 0, 20000);
		sim->tell[other][end] = true;
		sim->tell_us[other][end] = at;
		if (other == end)
			continue;
		sim->tell[end][other] = true;
		sim->tell_us[end][other] = at;
	}
}

static void
tell(uint32_t who, uint32_t of)
{
	struct acta_cluster *c = &sim->cluster;

	sim->tell[who][of] = false;
	if (who < c->count)
		acta_process_tell(c->processes[who], of);
	else
		c->doors[who - DOOR_END].known[of] = c->net.lives[of];
}

static void
ended(struct acta_process *p)
{
	acta_process_end(p);
	sim->restart_us[p->end] = sim->cluster.now_us +
	    acta_dice_between(&sim->dice, 100,
		acta_dice_chance(&sim->dice, 200) ? 3000000 : 50000);
}

/* All processes at once; what was not durable goes, or had just made it. */
static void
power_cut(void)
{
	struct acta_cluster *c = &sim->cluster;

	sim->power_out = false;
	for (uint32_t i = 0; i < c->count; i++)
		ended(c->processes[i]);
	acta_net_clear(&c->net);
	for (uint32_t i = 0; i < c->count; i++)
		for (uint32_t n = 0; n < c->processes[i]->count; n++) {
			struct acta_sim_disk *disk =
			    c->processes[i]->places[n].disk;
			bool keep = acta_dice_chance(&sim->dice, 500);

			if (acta_sim_disk_pending(disk))
				sim->tally[keep ? T_POWER_KEPT
						: T_POWER_LOST]++;
			acta_sim_disk_power(disk, keep);
		}
	for (uint32_t i = 0; i < c->door_count; i++) {
		(void)acta_cluster_door(c, c->doors[i].name);
		announce(c->doors[i].end);
	}
}

static void
judge(struct acta_process *p, enum acta_err err)
{
	sim->doing = DOING_NOTHING;
	if (sim->power_out) {
		power_cut();
		return;
	}
	if (err == ACTA_OK)
		return;
	if (err != ACTA_ECLOSED)
		sim_violation("%s: %s", p->config.service, acta_strerror(err));
	ended(p);
}

static void
restart(struct acta_process *p)
{
	struct acta_why why = { "", "" };
	enum acta_err err;

	sim->restart_us[p->end] = INT64_MAX;
	sim->doing = DOING_OPEN;
	err = acta_process_start(p, false, &why);
	sim_trace(
	    "start %s: %s %s", p->config.service, acta_strerror(err), why.text);
	judge(p, err);
	if (err == ACTA_OK && p->state == ACTA_PROCESS_UP)
		announce(p->end);
}

static void
run_round(struct acta_process *p)
{
	uint32_t frames = 1 + acta_dice_roll(&sim->dice, 8);

	sim->doing = DOING_ROUND;
	judge(p, acta_process_round(p, frames));
}

/* --------------------------------------------------------------- events -- */

static void
trap(const struct sim_event *e)
{
	assert(sim->trap_count < SIM_TRAPS_MAX);
	sim->traps[sim->trap_count++] = (struct sim_trap){ .end = e->a,
		.point = e->b,
		.countdown = e->c,
		.power = e->kind == EV_POWER,
		.armed = true };
	if (e->b != PT_BETWEEN)
		return;
	sim->traps[sim->trap_count - 1].countdown = 1;
	if (met(e->a, PT_BETWEEN)) {
		if (sim->power_out)
			power_cut();
		else if (sim->cluster.processes[e->a]->state == ACTA_PROCESS_UP)
			ended(sim->cluster.processes[e->a]);
	}
}

static void
happen(const struct sim_event *e)
{
	struct sim_ask *ask;

	switch (e->kind) {
	case EV_OP:
		ask = &sim->asks[sim->ask_count++];
		*ask = (struct sim_ask){ .event = e, .begun = true };
		acta_buf_init(&ask->result);
		ask->id = sim->plan->seed << 10 | e->number;
		ask_send(ask);
		break;
	case EV_KILL:
	case EV_POWER: trap(e); break;
	case EV_CUT:
		sim->cluster.net.links[e->a][e->b].cut_until_us =
		    sim->cluster.now_us + e->x;
		break;
	default: break;
	}
}

static void
heal(void)
{
	struct acta_cluster *c = &sim->cluster;

	sim->healing = true;
	sim_trace("heal");
	for (uint32_t i = 0; i < sim->trap_count; i++)
		sim->traps[i].armed = false;
	c->net.rates = (struct acta_net_rates){ .delay_us_max = 200 };
	for (uint32_t a = 0; a < ACTA_NET_ENDS_MAX; a++)
		for (uint32_t b = 0; b < ACTA_NET_ENDS_MAX; b++)
			c->net.links[a][b].cut_until_us = 0;
}

/* ---------------------------------------------------------------- steps -- */

static const struct sim_event *
next_event(void)
{
	const struct sim_plan *plan = sim->plan;

	while (sim->next_event < plan->count && sim->left_out != NULL &&
	    sim->left_out[sim->next_event])
		sim->next_event++;
	return sim->next_event < plan->count ? &plan->events[sim->next_event]
					     : NULL;
}

struct choice {
	enum { A_FRAME, A_ROUND, A_EVENT, A_RESTART, A_TELL, A_CLIENT } what;
	uint32_t a, b;
};

struct choices {
	struct choice list[64];
	uint32_t count;
	int64_t next_us; /* of what is not yet */
};

static void
offer(struct choices *all, int64_t at_us, struct choice choice)
{
	if (at_us > sim->cluster.now_us) {
		if (at_us < all->next_us)
			all->next_us = at_us;
	} else if (all->count < 64) {
		all->list[all->count++] = choice;
	}
}

static void
offer_all(struct choices *all)
{
	struct acta_cluster *c = &sim->cluster;
	const struct sim_event *e = next_event();

	all->count = 0;
	all->next_us = INT64_MAX;
	if (e != NULL)
		offer(all, e->at_us, (struct choice){ A_EVENT, 0, 0 });
	if (!sim->healing && sim->plan->heal_us < all->next_us)
		all->next_us = sim->plan->heal_us;
	offer(all, acta_net_wake_us(&c->net), (struct choice){ A_FRAME, 0, 0 });
	for (uint32_t i = 0; i < c->count; i++) {
		struct acta_process *p = c->processes[i];

		if (p->state != ACTA_PROCESS_UP)
			offer(all, sim->restart_us[i],
			    (struct choice){ A_RESTART, i, 0 });
		else
			offer(all,
			    acta_process_ready(p) ? c->now_us : p->wake_us,
			    (struct choice){ A_ROUND, i, 0 });
	}
	for (uint32_t a = 0; a < DOOR_END + c->door_count; a++)
		for (uint32_t b = 0; b < DOOR_END + c->door_count; b++) {
			if (sim->tell[a][b])
				offer(all, sim->tell_us[a][b],
				    (struct choice){ A_TELL, a, b });
			if (b == c->count - 1)
				b = DOOR_END - 1;
		}
	for (uint32_t i = 0; i < sim->ask_count; i++)
		if (!sim->asks[i].final)
			offer(all, sim->asks[i].again_us,
			    (struct choice){ A_CLIENT, i, 0 });
}

static void
choose(const struct choice *choice)
{
	struct acta_cluster *c = &sim->cluster;

	switch (choice->what) {
	case A_FRAME: (void)acta_cluster_deliver(c); break;
	case A_ROUND: run_round(c->processes[choice->a]); break;
	case A_EVENT: happen(&sim->plan->events[sim->next_event++]); break;
	case A_RESTART: restart(c->processes[choice->a]); break;
	case A_TELL: tell(choice->a, choice->b); break;
	case A_CLIENT: ask_again(&sim->asks[choice->a]); break;
	}
}

static bool
quiet(void)
{
	struct acta_cluster *c = &sim->cluster;

	if (next_event() != NULL || c->net.count > 0)
		return false;
	for (uint32_t i = 0; i < sim->ask_count; i++)
		if (!sim->asks[i].final)
			return false;
	for (uint32_t i = 0; i < c->count; i++) {
		struct acta_process *p = c->processes[i];

		if (p->state != ACTA_PROCESS_UP || acta_process_ready(p) ||
		    p->wake_us != INT64_MAX)
			return false;
		for (uint32_t n = 0; n < p->count; n++)
			if (!acta_part_quiet(p->places[n].part) ||
			    acta_part_waiting(p->places[n].part) > 0)
				return false;
	}
	return true;
}

static void
steps(void)
{
	struct choices all;

	while (!sim->violated) {
		if (!sim->healing && sim->cluster.now_us >= sim->plan->heal_us)
			heal();
		offer_all(&all);
		if (all.count > 0) {
			choose(
			    &all.list[acta_dice_roll(&sim->dice, all.count)]);
			if (++sim->steps > SIM_STEPS_MAX)
				sim_violation("it does not come to rest");
			continue;
		}
		if (sim->healing && quiet())
			return;
		if (all.next_us == INT64_MAX) {
			sim_violation("it stands still and is not done");
			return;
		}
		sim->cluster.now_us = all.next_us;
		if (sim->cluster.now_us > sim->plan->heal_us + SIM_HEAL_US)
			sim_violation("healed, and not quiet in %lld s",
			    SIM_HEAL_US / 1000000);
	}
}

/* ------------------------------------------------------------ the whole -- */

static void
set_up(const struct sim_plan *plan, unsigned breaks)
{
	static const struct acta_cluster_hooks hooks = { .point = on_point,
		.leaves = on_leaves,
		.door = on_door,
		.alarm = on_alarm };
	static const struct acta_sim_hooks disk_hooks = { .step = on_step,
		.seen = sim_check_seen,
		.durable = sim_check_durable,
		.forget = sim_check_forget,
		.toss = on_toss };
	static const char *const doors[] = { "@door", "@door-call" };
	struct acta_why why = { "", "" };

	acta_cluster_init(&sim->cluster, plan->seed,
	    "sim:", plan->events[0].at_us, &hooks, &disk_hooks);
	sim->cluster.orderly_hello = true;
	acta_sim_disks_break(sim->cluster.disks, breaks);
	sim->cluster.net.rates = plan->rates;
	for (uint32_t i = 0; i < plan->services; i++) {
		enum acta_err err =
		    acta_loaded_from(&sim->loaded[i], &sim_services[i], &why);

		assert(err == ACTA_OK);
		(void)acta_cluster_add(&sim->cluster, &sim->loaded[i],
		    plan->parts[i], &plan->config, &plan->store);
		sim->restart_us[i] = sim->cluster.now_us;
	}
	for (uint32_t i = 0; i < plan->doors; i++)
		announce(acta_cluster_door(&sim->cluster, doors[i])->end);
}

static void
count_net(struct sim_world *world)
{
	const struct acta_net_counts *n = &world->cluster.net.counts;

	world->tally[T_NET_LOST] += n->lost;
	world->tally[T_NET_DOUBLED] += n->doubled;
	world->tally[T_NET_OVERTAKING] += n->overtaking;
	world->tally[T_NET_LATE] += n->late;
	world->tally[T_NET_CUT] += n->cut;
	world->tally[T_NET_TO_DEAD] += n->to_the_dead;
	world->tally[T_NET_OF_DEAD] += n->of_the_dead;
}

void
sim_world_run(struct sim_world *world, const struct sim_plan *plan,
    const bool *left_out, FILE *trace, unsigned breaks)
{
	memset(world, 0, sizeof(*world));
	sim = world;
	world->plan = plan;
	world->left_out = left_out;
	world->trace = trace;
	world->dice = acta_dice_of(plan->seed, 3);
	set_up(plan, breaks);
	steps();
	if (!world->violated)
		sim_check_last(world);
	count_net(world);
}

void
sim_world_fini(struct sim_world *world)
{
	acta_cluster_fini(&world->cluster);
	for (uint32_t i = 0; i < world->ask_count; i++)
		acta_buf_fini(&world->asks[i].result);
	for (uint32_t i = 0; i < world->plan->services; i++)
		acta_loaded_close(&world->loaded[i]);
	sim = NULL;
}
