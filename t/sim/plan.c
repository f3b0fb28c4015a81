/*
 * t/sim/plan.c - from a seed to a list of events. Events can be left out one by
 * one, so each has its chance from its own stream, and nothing in the list
 * depends on what came before it.
 */
#include "t/sim/sim.h"

#include <stdlib.h>
#include <string.h>

const char *const sim_point_names[PT_COUNT] = {
	[PT_BETWEEN] = "between rounds",
	[PT_ITEM] = "item taken in",
	[PT_GATHER] = "gather",
	[PT_HANDLER] = "handler",
	[PT_COMMIT] = "commit",
	[PT_DATA] = "commit: data",
	[PT_FLUSH] = "commit: flush",
	[PT_ROOT] = "commit: root",
	[PT_CACHED] = "commit: root in page cache",
	[PT_DONE] = "commit: durable, not returned",
	[PT_COMMITTED] = "committed",
	[PT_LEAVING] = "an item leaves",
	[PT_RELEASED] = "released",
	[PT_FRAME] = "a frame leaves",
	[PT_IDLE_DATA] = "idle: data",
	[PT_IDLE_FLUSH] = "idle: flush",
	[PT_IDLE_ROOT] = "idle: root",
	[PT_IDLE_CACHED] = "idle: root in page cache",
	[PT_IDLE_DONE] = "idle: durable, not returned",
	[PT_OPEN] = "open",
	[PT_OPEN_SYNC] = "open: sync",
	[PT_OPEN_DATA] = "open: data",
	[PT_OPEN_FLUSH] = "open: flush",
	[PT_OPEN_ROOT] = "open: root",
	[PT_OPEN_CACHED] = "open: root in page cache",
	[PT_OPEN_DONE] = "open: durable, not returned",
};

static const char *const op_names[OPS] = {
	[OP_MOVE] = "move",
	[OP_SAY] = "say",
};

#define START_US (1790000000LL * 1000000)
#define OPS_SPAN_US 8000000
#define KEPT_MS 24 * 3600 * 1000

static void
shape(struct sim_plan *plan, struct acta_dice *dice)
{
	plan->services = 2 + acta_dice_roll(dice, SIM_SERVICES - 1);
	for (uint32_t i = 0; i < plan->services; i++)
		plan->parts[i] = 1 + acta_dice_roll(dice, 2);
	plan->doors = 1 + acta_dice_roll(dice, 2);
	plan->config = (struct acta_part_config){ .node = "sim",
		.max_attempts = 5,
		.max_crashes = 3,
		.backoff_min_ms = 20,
		.backoff_max_ms = 1000,
		.backoff_factor = 2,
		.turn_limit_ms = 30000,
		.channel_quota = 256u << 20,
		.channel_credit = 4u << 20,
		.event_count = 10000000 };
	plan->store = (struct acta_store_options){ .quota = 1u << 30,
		.memory = 64u << 20,
		.journal_keep = 1u << 30,
		.map_size = 2u << 30 };
	plan->rates = (struct acta_net_rates){ .delay_us_max = 20
		    << acta_dice_roll(dice, 9),
		.late_us_max = 3000000 };
	if (acta_dice_chance(dice, 500)) {
		plan->rates.lost = acta_dice_roll(dice, 100);
		plan->rates.doubled = acta_dice_roll(dice, 60);
		plan->rates.overtaking = acta_dice_roll(dice, 60);
		plan->rates.late = acta_dice_roll(dice, 30);
	}
}

static void
op(struct sim_event *e, const struct sim_plan *plan, struct acta_dice *dice)
{
	e->kind = EV_OP;
	e->a = acta_dice_roll(dice, OPS);
	/* Who: service and key; to whom; how much. */
	e->b = acta_dice_roll(dice, plan->services) * SIM_KEYS +
	    acta_dice_roll(dice, SIM_KEYS);
	e->c = acta_dice_roll(dice, plan->services) * SIM_KEYS +
	    acta_dice_roll(dice, SIM_KEYS);
	e->d = 1 + acta_dice_roll(dice, 6);
	if (e->a == OP_MOVE)
		e->d *= acta_dice_roll(dice, 100);
	e->kept_id = acta_dice_chance(dice, 850);
	e->send = acta_dice_chance(dice, 150);
}

static void
fault(struct sim_event *e, const struct sim_plan *plan, struct acta_dice *dice)
{
	uint32_t kind = acta_dice_roll(dice, 10);

	e->a = acta_dice_roll(dice, plan->services);
	e->b = acta_dice_roll(dice, PT_COUNT);
	e->c = 1 + acta_dice_roll(dice, 4);
	e->kind = kind < 6 ? EV_KILL : kind < 8 ? EV_POWER : EV_CUT;
	if (e->kind == EV_CUT) {
		e->b = acta_dice_roll(dice, plan->services);
		e->x = acta_dice_between(dice, 1000, 3000000);
	}
}

static int
earlier(const void *a, const void *b)
{
	const struct sim_event *x = a, *y = b;

	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

void
sim_plan_make(struct sim_plan *plan, uint64_t seed)
{
	struct acta_dice dice = acta_dice_of(seed, 2);
	uint32_t ops, faults;

	memset(plan, 0, sizeof(*plan));
	plan->seed = seed;
	shape(plan, &dice);
	ops = 20 + acta_dice_roll(&dice, 40);
	faults = acta_dice_roll(&dice, 16);
	for (uint32_t i = 0; i < ops + faults; i++) {
		struct sim_event *e = &plan->events[plan->count++];

		e->at_us = START_US + acta_dice_between(&dice, 0, OPS_SPAN_US);
		if (i < ops)
			op(e, plan, &dice);
		else
			fault(e, plan, &dice);
		e->number = i;
	}
	plan->heal_us = START_US + OPS_SPAN_US;
	qsort(plan->events, plan->count, sizeof(plan->events[0]), earlier);
	for (uint32_t i = 0; i < plan->count; i++)
		plan->events[i].number = i;
}

void
sim_event_print(FILE *out, const struct sim_event *e)
{
	fprintf(out, "%3u  %7.3f s  ", e->number,
	    (double)(e->at_us - START_US) / 1e6);
	switch (e->kind) {
	case EV_OP:
		fprintf(out, "%s %s/%u %s/%u %u%s%s\n", op_names[e->a],
		    sim_services[e->b / SIM_KEYS].name, e->b % SIM_KEYS,
		    sim_services[e->c / SIM_KEYS].name, e->c % SIM_KEYS, e->d,
		    e->kept_id ? "" : " (no id)", e->send ? " (send)" : "");
		break;
	case EV_KILL:
		fprintf(out, "kill %s at: %s, %u.\n", sim_services[e->a].name,
		    sim_point_names[e->b], e->c);
		break;
	case EV_POWER:
		fprintf(out, "power cut at: %s of %s, %u.\n",
		    sim_point_names[e->b], sim_services[e->a].name, e->c);
		break;
	case EV_CUT:
		fprintf(out, "link %s to %s cut for %.3f s\n",
		    sim_services[e->a].name, sim_services[e->b].name,
		    (double)e->x / 1e6);
		break;
	default: fprintf(out, "?\n");
	}
}

const char *
sim_tally_name(uint32_t tally, char room[64])
{
	static const char *const names[] = {
		[T_ANSWERED] = "request: answered",
		[T_REFUSED] = "request: refused",
		[T_ASKED_AGAIN] = "request: asked again, same id",
		[T_SAME_ANSWER] = "request: answered again, the same",
		[T_UNKNOWN] = "request: no id, never answered",
		[T_POWER_LOST] = "un-synced commit: lost",
		[T_POWER_KEPT] = "un-synced commit: kept",
		[T_NET_LOST] = "frame: lost",
		[T_NET_DOUBLED] = "frame: doubled",
		[T_NET_OVERTAKING] = "frame: overtaking",
		[T_NET_LATE] = "frame: late",
		[T_NET_CUT] = "frame: link cut",
		[T_NET_TO_DEAD] = "frame: to a dead process",
		[T_NET_OF_DEAD] = "frame: of a dead process, arrived",
		[T_HELLO] = "HELLO",
		[T_WELCOME] = "WELCOME",
		[T_NACK] = "NACK",
		[T_ACK] = "ACK",
		[T_DATA] = "DATA",
		[T_REPLY] = "REPLY",
		[T_EVENT] = "EVENT",
		[T_HANDLED] = "messages handled",
		[T_COMMITS] = "commits",
		[T_SKIPPED] = "duplicates skipped",
	};

	if (tally < T_POWER)
		snprintf(room, 64, "kill: %s", sim_point_names[tally]);
	else if (tally < T_OP)
		snprintf(room, 64, "power cut: %s",
		    sim_point_names[tally - T_POWER]);
	else if (tally < T_OP + OPS)
		snprintf(room, 64, "asked: %s", op_names[tally - T_OP]);
	else
		snprintf(room, 64, "%s", names[tally]);
	return room;
}
