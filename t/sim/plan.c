/*
 * t/sim/plan.c - from a seed to a list of events. Which kinds of requests and
 * faults a seed has is itself by chance: what all have at once hides what few
 * have alone.
 */
#include "t/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#define START_US (1790000000LL * 1000000)
#define SPAN_US 6000000
#define OPS_MOST 40u
#define FAULTS_MOST 14u
#define SIM_SESSIONS 200 /* of 1,000 */
#define SIM_SET_BACK 120 /* of 1,000 */
#define SIM_BACK_UP 100  /* of 1,000 */
#define SIM_CALM 120     /* of 1,000 */
#define SIM_FULL 20      /* of 1,000 */
#define SIM_LATE 80      /* of 1,000 */
#define SIM_CROWDED 40   /* of 1,000 */
#define HOUR_MS (3600 * 1000)

/* Some are small enough for all that a large one meets. */
static void
store_shape(struct sim_plan *plan, struct acta_dice *dice)
{
	if (acta_dice_chance(dice, 300)) {
		plan->store.freeze_turns = 2 + acta_dice_roll(dice, 12);
		plan->store.slice_rows = 1 + acta_dice_roll(dice, 8);
	}
	plan->small_quota = acta_dice_chance(dice, 60);
	if (plan->small_quota)
		plan->store.quota = 4096 * (10 + acta_dice_roll(dice, 16));
}

/* Where in a log those begin who had not heard it before. */
static void
hears_from(struct sim_plan *plan, struct acta_dice *dice)
{
	plan->config.on_how = "lst"[acta_dice_roll(dice, 3)];
	if (plan->config.on_how == 's')
		plan->config.on_from = 1 + acta_dice_roll(dice, 6);
	else if (plan->config.on_how == 't')
		plan->config.on_from = START_US / 1000 +
		    acta_dice_between(dice, 0, SPAN_US / 1000);
}

static void
shape(struct sim_plan *plan, struct acta_dice *dice)
{
	plan->services = 2 + acta_dice_roll(dice, SIM_SERVICES - 1);
	for (uint32_t i = 0; i < plan->services; i++)
		plan->parts[i] = 1 + acta_dice_roll(dice, 2);
	plan->memory = acta_dice_chance(dice, 150);
	plan->doors = 1 + acta_dice_roll(dice, 2);
	plan->config = (struct acta_part_config){ .node = "sim",
		.max_attempts = 3 + acta_dice_roll(dice, 3),
		.max_crashes = 3,
		.backoff_min_ms = 10 + acta_dice_roll(dice, 90),
		.backoff_max_ms = 1000,
		.backoff_factor = 2,
		.turn_limit_ms = 30000,
		.channel_quota = 256u << 20,
		.channel_credit = 4u << 20,
		.event_count = 10000000 };
	if (acta_dice_chance(dice, 250))
		plan->config.channel_credit = 100 + acta_dice_roll(dice, 2000);
	if (acta_dice_chance(dice, 150))
		plan->config.channel_quota = 400 + acta_dice_roll(dice, 6000);
	if (acta_dice_chance(dice, 200))
		plan->config.event_count = 1 + acta_dice_roll(dice, 5);
	else if (acta_dice_chance(dice, 100))
		plan->config.event_size = 100 + acta_dice_roll(dice, 500);
	plan->store = (struct acta_store_options){ .quota = 1u << 30,
		.memory = 64u << 20,
		.journal_keep = 1u << 30,
		.map_size = 2u << 30 };
	store_shape(plan, dice);
	plan->config.on_lapse = acta_dice_chance(dice, 150);
	plan->config.stop_on_failed = acta_dice_chance(dice, 100);
	if (acta_dice_chance(dice, 400))
		hears_from(plan, dice);
	plan->old_ids = acta_dice_chance(dice, 150);
	if (plan->old_ids)
		plan->config.ids_keep_ms =
		    acta_dice_between(dice, 60 * 1000, 3 * HOUR_MS);
	if (plan->old_ids && acta_dice_chance(dice, 300))
		plan->config.ids_quota = 300 + acta_dice_roll(dice, 3000);
	plan->rates = (struct acta_net_rates){
		.delay_us_max = 20 << acta_dice_roll(dice, 10),
		.late_us_max = 3000000,
	};
}

/* ------------------------------------------------------------- requests -- */

static void
op_numbers(struct sim_event *e, struct acta_dice *dice)
{
	switch (e->a) {
	case OP_MOVE: e->d = 10 * acta_dice_roll(dice, 60); break;
	case OP_SAY:
	case OP_WORK:
	case OP_THROW:
		e->d = 1 +
		    acta_dice_roll(dice, acta_dice_chance(dice, 50) ? 60 : 6);
		e->how =
		    acta_dice_chance(dice, 250) ? acta_dice_roll(dice, 3) : 0;
		break;
	case OP_POST:
		e->d = 1 + acta_dice_roll(dice, 4);
		e->how =
		    acta_dice_chance(dice, 250) ? acta_dice_roll(dice, 3) : 0;
		e->lives = acta_dice_chance(dice, 200)
		    ? 1 + acta_dice_roll(dice, 2)
		    : 0;
		break;
	case OP_ITEMS: e->d = acta_dice_roll(dice, 12); break;
	case OP_QUERY:
		e->how = acta_dice_roll(dice, HOWS);
		e->ms = 100 << acta_dice_roll(dice, 6);
		break;
	case OP_ANSWER:
		e->how = acta_dice_roll(dice, HOW_NEVER + 1);
		if (e->how == HOW_NEVER)
			e->how = HOW_FAILED;
		break;
	case OP_PASS: e->how = acta_dice_chance(dice, 100); break;
	case OP_DOOM:
		e->how = acta_dice_roll(dice, DOOMS);
		e->lives = acta_dice_chance(dice, 500)
		    ? 100
		    : 1 + acta_dice_roll(dice, 2);
		break;
	case OP_EVERY: e->d = 1 + acta_dice_roll(dice, 4); break;
	default: break;
	}
}

static uint32_t
durable(const struct sim_plan *plan)
{
	return plan->services - plan->memory;
}

static void
op(struct sim_event *e, const struct sim_plan *plan, struct acta_dice *dice,
    uint32_t kinds)
{
	e->kind = EV_OP;
	do
		e->a = acta_dice_roll(dice, OPS);
	while ((kinds >> e->a & 1) == 0);
	e->b = acta_dice_roll(dice, durable(plan) * SIM_KEYS);
	e->c = acta_dice_roll(dice,
	    (e->a == OP_QUERY ? plan->services : durable(plan)) * SIM_KEYS);
	e->ms = 1 << acta_dice_roll(dice, 12);
	op_numbers(e, dice);
	e->timeout_ms =
	    acta_dice_chance(dice, 250) ? 10 << acta_dice_roll(dice, 8) : 5000;
	e->kept_id = e->a == OP_REUSE || acta_dice_chance(dice, 850);
	e->send = e->a != OP_ANSWER && e->a != OP_REUSE && e->a != OP_PEEK &&
	    !sim_of_operator(e->a) && acta_dice_chance(dice, 120);
	e->session = e->kept_id && acta_dice_chance(dice, SIM_SESSIONS);
	if (sim_of_operator(e->a))
		e->d = 1 + acta_dice_roll(dice, 3);
	/* What it sends, it may send twice. */
	if (e->a == OP_QUERY && e->c >= durable(plan) * SIM_KEYS &&
	    (e->how == HOW_FORWARDED || e->how == HOW_BY_ANOTHER))
		e->how = HOW_AT_ONCE;
}

/* --------------------------------------------------------------- faults -- */

static bool
is_disk_point(uint32_t point, uint32_t kind)
{
	switch (point) {
	case PT_FLUSH:
	case PT_IDLE_FLUSH:
	case PT_OPEN_FLUSH: return true;
	case PT_ROOT:
	case PT_IDLE_ROOT:
	case PT_OPEN_ROOT:
	case PT_OPEN_SYNC: return kind == EV_EIO;
	case PT_OPEN:
	case PT_DATA:
	case PT_IDLE_DATA:
	case PT_OPEN_DATA: return true;
	default: return false;
	}
}

static struct acta_net_rates
bad_rates(const struct sim_plan *plan, struct acta_dice *dice)
{
	struct acta_net_rates rates = plan->rates;

	rates.lost = acta_dice_roll(dice, 300);
	rates.doubled = acta_dice_roll(dice, 200);
	rates.overtaking = acta_dice_roll(dice, 200);
	rates.late =
	    acta_dice_roll(dice, acta_dice_chance(dice, 200) ? 500 : 100);
	return rates;
}

/* Seconds, hours, a year. */
static int64_t
jump_us(struct acta_dice *dice)
{
	int64_t us = acta_dice_between(dice, 1, 20) * 1000000;

	if (acta_dice_chance(dice, 300))
		us *= 3600;
	else if (acta_dice_chance(dice, 50))
		us *= 3600 * 24 * 20;
	return acta_dice_chance(dice, 500) ? us : -us;
}

static void
fault(struct sim_event *e, const struct sim_plan *plan, struct acta_dice *dice,
    uint32_t kinds)
{
	/* Ends of processes are the most of it. */
	do
		e->kind = acta_dice_chance(dice, 300)
		    ? EV_KILL + acta_dice_roll(dice, 2)
		    : acta_dice_roll(dice, EV_KINDS);
	while ((kinds >> e->kind & 1) == 0);
	e->a = acta_dice_roll(dice, plan->services);
	e->b = acta_dice_roll(dice, PT_COUNT);
	e->c = 1 + acta_dice_roll(dice, 4);
	e->x = acta_dice_between(dice, 1000, 2000000);
	switch (e->kind) {
	case EV_KILL:
	case EV_POWER: /* and again, as soon as it is there again */
		e->lives = acta_dice_chance(dice, 150)
		    ? 1 + acta_dice_roll(dice, 5)
		    : 0;
		break;
	case EV_EIO:
	case EV_FULL:
		while (!is_disk_point(e->b, e->kind))
			e->b = acta_dice_roll(dice, PT_COUNT);
		break;
	case EV_LIMIT: e->d = 4096 * acta_dice_roll(dice, 8); break;
	case EV_DOOR: e->a = acta_dice_roll(dice, plan->doors); break;
	case EV_CUT: e->b = acta_dice_roll(dice, plan->services); break;
	case EV_REOPEN:
		e->b = acta_dice_roll(dice, plan->services);
		e->c = acta_dice_roll(dice, 2);
		break;
	case EV_PART: e->c = acta_dice_roll(dice, 3); break;
	case EV_NET: e->rates = bad_rates(plan, dice); break;
	case EV_LINK:
		e->rates = bad_rates(plan, dice);
		e->b = acta_dice_roll(dice, plan->services);
		break;
	case EV_WALL: e->x = jump_us(dice); break;
	default: break;
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

/* At least one of them, about half. */
static uint32_t
some(struct acta_dice *dice, uint32_t all)
{
	uint32_t bits;

	do
		bits = (uint32_t)acta_dice_bits(dice) & all;
	while (bits == 0);
	return bits;
}

static struct sim_event *
add(struct sim_plan *plan, uint32_t kind, uint32_t who, int64_t at_us)
{
	struct sim_event *e = &plan->events[plan->count];

	*e = (struct sim_event){
		.kind = kind, .a = who, .number = plan->count++, .at_us = at_us
	};
	return e;
}

static void
add_op(struct sim_plan *plan, enum sim_op op, uint32_t from, uint32_t to,
    uint32_t count, int64_t at_us)
{
	struct sim_event *e = add(plan, EV_OP, op, at_us);

	e->b = from;
	e->c = to;
	e->d = count;
	e->ms = 1000;
	e->timeout_ms = 5000;
	e->kept_id = true;
}

/* Two incarnations of one number: the store is copied, its process starts anew
 * and says much to somebody slow; it is put back, starts anew, and says
 * something else while the first is still being heard. */
static void
twin(struct sim_plan *plan, struct acta_dice *dice, struct sim_event *copied)
{
	uint32_t who = copied[0].a, to = (who + 1) % durable(plan);
	uint32_t from = who * SIM_KEYS + acta_dice_roll(dice, SIM_KEYS);
	uint32_t actor = to * SIM_KEYS + acta_dice_roll(dice, SIM_KEYS);
	int64_t at_us = copied[0].at_us;
	struct sim_event *e;

	if (who == to)
		return;
	e = add(plan, EV_KILL, who, at_us + 1000);
	e->b = PT_BETWEEN;
	e->c = 1;
	e = add(plan, EV_SLOW, to, at_us + 60000);
	e->c = 4;
	e->x = 3000000;
	add_op(plan, OP_SAY, from, actor, 60, at_us + 70000);
	copied[1].at_us = at_us + acta_dice_between(dice, 150000, 500000);
	copied[1].kind = EV_RESTORE;
	copied[1].b = 3;
	for (uint32_t i = 0; i < 4; i++)
		add_op(plan, OP_SAY, from, actor, 1 + acta_dice_roll(dice, 5),
		    copied[1].at_us + acta_dice_between(dice, 1000, 100000));
}

/* A channel is over its quota for long, since who hears it has stopped. */
static void
full_channel(struct sim_plan *plan, struct acta_dice *dice)
{
	uint32_t to = acta_dice_roll(dice, durable(plan));
	uint32_t from = (to + 1) % durable(plan);
	struct sim_event *e;

	if (plan->sets_back || from == to)
		return;
	e = add(plan, EV_PAUSE, to, START_US + 1000);
	e->x = SPAN_US;
	plan->config.channel_quota = 1000 + acta_dice_roll(dice, 3000);
	for (uint32_t i = 0; i < 12; i++)
		add_op(plan, OP_SAY, from * SIM_KEYS, to * SIM_KEYS,
		    1 + acta_dice_roll(dice, 20),
		    START_US + acta_dice_between(dice, 2000, 400000));
}

/* A service has no space while much of it is outside, and asks others. */
static void
full_outside(struct sim_plan *plan, struct acta_dice *dice)
{
	uint32_t who = acta_dice_roll(dice, durable(plan));
	struct sim_event *e;

	if (plan->sets_back)
		return;
	for (uint32_t i = 0; i < 16; i++)
		add_op(plan, i % 2 == 0 ? OP_POST : OP_QUERY,
		    who * SIM_KEYS + acta_dice_roll(dice, SIM_KEYS),
		    acta_dice_roll(dice, durable(plan) * SIM_KEYS), 1,
		    START_US + acta_dice_between(dice, 1000, 200000));
	e = add(plan, EV_FULL, who, START_US + 1000);
	e->b = PT_FLUSH;
	e->c = 4 + acta_dice_roll(dice, 30);
}

/* A service hears events only from its new version on: much was said before. */
static void
late_on(struct sim_plan *plan, struct acta_dice *dice)
{
	uint32_t who = acta_dice_roll(dice, durable(plan));
	int64_t at_us =
	    START_US + acta_dice_between(dice, SPAN_US / 3, SPAN_US);
	struct sim_event *e;

	plan->late = true;
	for (uint32_t i = 0; i < 16; i++)
		add_op(plan, OP_SHOUT, acta_dice_roll(dice, SIM_KEYS), 0, 0,
		    START_US + acta_dice_between(dice, 0, SPAN_US));
	add(plan, EV_UPGRADE, who, at_us);
	if (plan->sets_back || who == 0 || acta_dice_chance(dice, 300))
		return;
	/* And much meanwhile, for which there is no room on the way to it, and
	 * which would not be kept as long as that is so. */
	plan->config.event_count = 1 + acta_dice_roll(dice, 5);
	plan->config.channel_quota = 300 + acta_dice_roll(dice, 600);
	e = add(plan, EV_CUT, 0, at_us + acta_dice_between(dice, 0, 200000));
	e->b = who;
	e->x = acta_dice_between(dice, 1000000, 4000000);
	for (uint32_t i = 0; i < 24; i++)
		add_op(plan, OP_SHOUT, acta_dice_roll(dice, SIM_KEYS), 0, 0,
		    at_us + acta_dice_between(dice, 0, 2000000));
}

/* Who hears stands still, until there is no room for more. */
static void
lapses(struct sim_plan *plan, struct acta_dice *dice)
{
	uint32_t to = acta_dice_roll(dice, durable(plan));
	struct sim_event *e;

	if (plan->sets_back || to == 0)
		return;
	plan->config.on_lapse = true;
	plan->config.channel_quota = 500 + acta_dice_roll(dice, 1500);
	e = add(plan, EV_PAUSE, to, START_US + 500000);
	e->x = SPAN_US / 2;
	for (uint32_t i = 0; i < 40; i++)
		add_op(plan, OP_SHOUT, acta_dice_roll(dice, SIM_KEYS), 0, 0,
		    START_US + acta_dice_between(dice, 500000, SPAN_US));
}

/* A service in memory is asked much at once, answers it all to somebody slow,
 * is killed, and what it says in its next life comes while that is heard. */
static void
next_life(struct sim_plan *plan, struct acta_dice *dice)
{
	uint32_t memory = plan->services - 1;
	uint32_t slow = acta_dice_roll(dice, memory);
	int64_t at_us = START_US + 100000;
	bool late = acta_dice_chance(dice, 500);
	struct sim_event *e = add(plan, EV_PAUSE, memory, at_us);

	e->x = 100000;
	for (uint32_t i = 0; i < 12; i++)
		add_op(plan, OP_QUERY, slow * SIM_KEYS,
		    memory * SIM_KEYS + acta_dice_roll(dice, SIM_KEYS), 0,
		    at_us + (i < 8 ? 0 : 110000) +
			acta_dice_between(dice, 1000, 90000));
	e = add(plan, EV_SLOW, slow, at_us + 95000);
	e->c = 4;
	e->x = late ? 1 : 2000000;
	e = add(plan, EV_KILL, memory,
	    at_us + 100000 + acta_dice_between(dice, 500, 60000));
	e->b = PT_BETWEEN;
	e->c = 1;
	if (!late)
		return;
	/* What it asked in the one comes in the other. */
	e = add(plan, EV_LINK, memory, at_us);
	e->b = slow;
	e->x = 400000;
	e->rates = plan->rates;
	e->rates.late = 500;
	e->rates.doubled = 500;
	e->rates.late_us_max = 1000000;
	for (uint32_t i = 0; i < 8; i++)
		add_op(plan, OP_QUERY, slow * SIM_KEYS, memory * SIM_KEYS, 0,
		    at_us + acta_dice_between(dice, 200000, 2000000));
}

static uint32_t
key_part(const struct sim_plan *plan, uint32_t actor)
{
	char key = (char)('0' + actor % SIM_KEYS);

	return acta_partition_of(&key, 1, plan->parts[actor / SIM_KEYS]);
}

/* What ends its process comes to an actor behind others that wait there, again
 * and again, while more is said between the two. */
static void
crowded(struct sim_plan *plan, struct acta_dice *dice)
{
	uint32_t who = acta_dice_roll(dice, durable(plan));
	uint32_t first = who * SIM_KEYS, from = first, to = first;
	int64_t at_us = START_US + acta_dice_between(dice, 0, SPAN_US / 2);

	/* In one partition, so that it is said within the turn. */
	for (uint32_t a = first; a < first + SIM_KEYS; a++)
		for (uint32_t b = a + 1; b < first + SIM_KEYS; b++)
			if (key_part(plan, a) == key_part(plan, b)) {
				from = a;
				to = b;
			}
	for (uint32_t i = 0; i < 24; i++) {
		struct sim_event *e = &plan->events[plan->count];

		add_op(plan, i % 8 == 0 ? OP_DOOM : OP_SAY, from,
		    i % 2 == 0 ? to : first + acta_dice_roll(dice, SIM_KEYS),
		    1 + acta_dice_roll(dice, 4),
		    at_us + acta_dice_between(dice, 0, 1000000));
		e->how =
		    e->a == OP_DOOM ? DOOM_CRASHES : acta_dice_roll(dice, 3);
		e->lives = e->a == OP_DOOM ? 100 : 0;
	}
}

/* Nothing but numbered messages and transfers goes between those that are set
 * back, and everything that a copy can be of. */
static void
set_back(struct sim_plan *plan, struct acta_dice *dice)
{
	uint32_t victim = acta_dice_roll(dice, durable(plan));
	uint32_t times = 1 + acta_dice_chance(dice, 300);

	plan->sets_back = true;
	plan->mends = acta_dice_chance(dice, 500);
	/* A channel that stops stays full. */
	plan->config.channel_quota = 256u << 20;
	for (uint32_t i = 0; i < times; i++) {
		struct sim_event *e = &plan->events[plan->count];
		bool wipe = acta_dice_chance(dice, 150);

		if (i > 0 && acta_dice_chance(dice, 500))
			victim = acta_dice_roll(dice, durable(plan));
		e[0] = (struct sim_event){
			.kind = EV_COPY, .a = victim, .number = plan->count
		};
		e[0].at_us = START_US + acta_dice_between(dice, 0, SPAN_US / 2);
		e[1] = (struct sim_event){ .kind = wipe ? EV_WIPE : EV_RESTORE,
			.a = victim,
			.b = 1 + acta_dice_roll(dice, 3),
			.number = plan->count + 1 };
		if (plan->parts[victim] == 1 || acta_dice_chance(dice, 500))
			e[1].b = 3;
		e[1].at_us =
		    acta_dice_between(dice, e[0].at_us, START_US + SPAN_US);
		plan->count += 2;
		if (acta_dice_chance(dice, 300))
			twin(plan, dice, e);
	}
}

/* A backup while all goes on, tried until one comes to its end; then all is put
 * back from it, or some of it, perhaps twice. */
static void
back_up(struct sim_plan *plan, struct acta_dice *dice)
{
	uint32_t times = 1 + acta_dice_chance(dice, 300);
	int64_t at_us = START_US + acta_dice_between(dice, 0, SPAN_US / 2);

	for (uint32_t i = 0; i < 4; i++)
		add(plan, EV_BACKUP, 0, at_us + i * (SPAN_US / 8))->c =
		    acta_dice_chance(dice, 300) ? 1 + acta_dice_roll(dice, 40)
						: 0;
	for (uint32_t i = 0; i < times; i++) {
		bool some = durable(plan) > 1 && acta_dice_chance(dice, 400);
		int64_t later_us =
		    acta_dice_between(dice, at_us, START_US + SPAN_US - 1);

		add(plan, EV_PUT_BACK,
		    some ? 1 + acta_dice_roll(dice, (1u << durable(plan)) - 2)
			 : 0,
		    later_us);
		plan->mends |= some && acta_dice_chance(dice, 500);
		/* A channel that stops stays full. */
		if (some)
			plan->config.channel_quota = 256u << 20;
	}
}

/* Much is said when nothing breaks any more. */
static void
calm(struct sim_plan *plan, struct acta_dice *dice)
{
	for (uint32_t i = acta_dice_roll(dice, 3) + 1; i > 0; i--) {
		struct sim_event *e = &plan->events[plan->count];

		op(e, plan, dice, 1u << OP_SAY | 1u << OP_THROW);
		e->number = plan->count++;
		e->at_us = plan->heal_us + SIM_LATER_US +
		    acta_dice_between(dice, 0, 1000000);
		e->d = 20 + acta_dice_roll(dice, 100);
		e->how = 0;
		e->timeout_ms = 5000;
	}
}

void
sim_plan_make(struct sim_plan *plan, uint64_t seed)
{
	struct acta_dice dice = acta_dice_of(seed, 2);
	uint32_t ops, faults, op_kinds, fault_kinds;

	memset(plan, 0, sizeof(*plan));
	plan->seed = seed;
	plan->start_us = START_US;
	plan->heal_us = START_US + SPAN_US;
	shape(plan, &dice);
	op_kinds = some(&dice, (1u << OPS) - 1);
	fault_kinds = some(&dice, (1u << EV_COPY) - 2) | 1u << EV_KILL;
	ops = 6 + acta_dice_roll(&dice, OPS_MOST);
	faults = acta_dice_roll(&dice, FAULTS_MOST);
	for (uint32_t i = 0; i < ops + faults; i++) {
		struct sim_event *e = &plan->events[plan->count];

		e->number = plan->count++;
		e->at_us = START_US + acta_dice_between(&dice, 0, SPAN_US);
		if (i < ops)
			op(e, plan, &dice, op_kinds);
		else
			fault(e, plan, &dice, fault_kinds);
	}
	if (acta_dice_chance(&dice, SIM_SET_BACK))
		set_back(plan, &dice);
	else if (acta_dice_chance(&dice, SIM_BACK_UP))
		back_up(plan, &dice);
	else if (acta_dice_chance(&dice, SIM_CALM))
		calm(plan, &dice);
	if (acta_dice_chance(&dice, SIM_FULL))
		full_channel(plan, &dice);
	if (acta_dice_chance(&dice, SIM_FULL))
		full_outside(plan, &dice);
	if (acta_dice_chance(&dice, SIM_LATE))
		late_on(plan, &dice);
	if (acta_dice_chance(&dice, SIM_FULL))
		lapses(plan, &dice);
	if (!plan->sets_back && acta_dice_chance(&dice, SIM_CROWDED))
		crowded(plan, &dice);
	if (plan->memory && acta_dice_chance(&dice, 300))
		next_life(plan, &dice);
	qsort(plan->events, plan->count, sizeof(plan->events[0]), earlier);
	for (uint32_t i = 0; i < plan->count; i++)
		plan->events[i].number = i;
}

/* ------------------------------------------------------------- printing -- */

static void
print_op(FILE *out, const struct sim_event *e)
{
#define X(name, type, args) #name,
	static const char *const names[OPS] = { SIM_OPS(X) };
#undef X
	static const char *const hows[HOWS] = { "at once", "refused",
		"by timer", "forwarded", "by another", "nil", "never",
		"failed" };
	static const char *const dooms[DOOMS] = { "fails", "crashes", "hangs",
		"misuses", "to nowhere" };

	fprintf(out, "%s %s/%u to %s/%u, %u", names[e->a],
	    sim_services[0][e->b / SIM_KEYS].name, e->b % SIM_KEYS,
	    sim_services[0][e->c / SIM_KEYS].name, e->c % SIM_KEYS, e->d);
	if (e->a == OP_QUERY || e->a == OP_ANSWER)
		fprintf(out, ", %s", hows[e->how]);
	else if (e->a == OP_DOOM)
		fprintf(out, ", %s", dooms[e->how]);
	else if (e->how > 0)
		fprintf(out, ", fails %u times", e->how);
	if (e->lives > 0)
		fprintf(out, ", %u lives", e->lives);
	if (e->timeout_ms != 5000)
		fprintf(out, ", timeout %u", e->timeout_ms);
	fprintf(out, ", %u ms%s%s%s\n", e->ms, e->kept_id ? "" : ", no id",
	    e->session ? ", session" : "", e->send ? ", send" : "");
}

void
sim_event_print(
    FILE *out, const struct sim_plan *plan, const struct sim_event *e)
{
#define X(name, text) text,
	static const char *const names[EV_KINDS] = { SIM_EVENT_KINDS(X) };
#undef X
	const char *service = sim_services[0][e->a % SIM_SERVICES].name;

	fprintf(out, "%3u %9.6f s  %s", e->number,
	    (double)(e->at_us - plan->start_us) / 1e6, names[e->kind]);
	switch (e->kind) {
	case EV_OP:
		fprintf(out, " ");
		print_op(out, e);
		break;
	case EV_KILL:
	case EV_POWER:
	case EV_EIO:
	case EV_FULL:
		fprintf(out, " of %s at: %s, %u.", service,
		    sim_point_names[e->b], e->c);
		if (e->lives > 0)
			fprintf(out, ", and %u times again", e->lives);
		fprintf(out, "\n");
		break;
	case EV_CUT:
		fprintf(out, " %s to %s, %.3f s\n", service,
		    sim_services[0][e->b].name, (double)e->x / 1e6);
		break;
	case EV_REOPEN:
		fprintf(out, " %s to %s, %s\n", service,
		    sim_services[0][e->b].name, e->c == 0 ? "told" : "idle");
		break;
	case EV_PART:
		fprintf(out, " %s%s, %.3f s\n", service,
		    e->c == 0       ? ""
			: e->c == 1 ? ", what it says"
				    : ", what it hears",
		    (double)e->x / 1e6);
		break;
	case EV_LINK:
		fprintf(out, " %s to %s", service, sim_services[0][e->b].name);
		/* fall through */
	case EV_NET:
		fprintf(out,
		    ": of 1,000 lost %u, doubled %u, overtaking %u, "
		    "late %u, %.3f s\n",
		    e->rates.lost, e->rates.doubled, e->rates.overtaking,
		    e->rates.late, (double)e->x / 1e6);
		break;
	case EV_WALL: fprintf(out, " by %.0f s\n", (double)e->x / 1e6); break;
	case EV_DOOR: fprintf(out, " %u\n", e->a); break;
	case EV_ROOT: fprintf(out, "\n"); break;
	case EV_BACKUP:
		fprintf(out, ", ended at its step %u (0: not)\n", e->c);
		break;
	case EV_PUT_BACK: fprintf(out, ", services %u (0: all)\n", e->a); break;
	case EV_RESTORE:
	case EV_WIPE:
		fprintf(out, ", %s, partitions %u\n", service, e->b);
		break;
	default: fprintf(out, ", %s, %.3f s\n", service, (double)e->x / 1e6);
	}
}
