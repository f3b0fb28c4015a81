/*
 * t/sim/world.c - the plan happens. One thing at a time: of all that could come
 * next at this moment (a frame, a round of a process, an event of the plan, a
 * restart, the root's word of one) chance picks one; if there is none, the time
 * moves on to the next that will be.
 */
#include "t/sim/sim.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "runtime/host/log.h"

struct sim_world *sim;

void
sim_violation_of(const char *kind, const char *text)
{
	if (sim->violated)
		return; /* the first is the one to tell */
	sim->violated = true;
	sim->violation_kind = kind;
	snprintf(sim->violation, sizeof(sim->violation), "%s", text);
	sim_trace("VIOLATION: %s", sim->violation);
}

static void
violate(const char *format, va_list ap)
{
	char text[sizeof(sim->violation)];

	vsnprintf(text, sizeof(text), format, ap);
	sim_violation_of(format, text);
}

void
sim_violation(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	violate(format, ap);
	va_end(ap);
}

void
sim_broken(const char *format, ...)
{
	va_list ap;

	if (sim->set_back)
		return;
	va_start(ap, format);
	violate(format, ap);
	va_end(ap);
}

void
sim_trace(const char *format, ...)
{
	va_list ap;

	if (sim->trace == NULL)
		return;
	fprintf(sim->trace, "%12.6f  ",
	    (double)(sim->cluster.now_us - sim->plan->start_us) / 1e6);
	va_start(ap, format);
	vfprintf(sim->trace, format, ap);
	va_end(ap);
	fputc('\n', sim->trace);
}

uint32_t
sim_places(struct acta_place *out[SIM_PLACES_MAX])
{
	const struct acta_cluster *c = &sim->cluster;
	uint32_t count = 0;

	for (uint32_t i = 0; i < c->count; i++)
		for (uint32_t n = 0; n < c->processes[i]->count; n++)
			out[count++] = &c->processes[i]->places[n];
	return count;
}

/* What services and the runtime would log: in the trace. */
void
acta_log_line(const char *level, const char *event, const char *format, ...)
{
	sim_trace("log %s %s", level, event);
}

/* ---------------------------------------------------------------- hooks -- */

static void
count_freeze(const struct acta_store *store)
{
	struct acta_store_info info;

	acta_store_info(store, &info);
	sim->tally[T_FROZE] +=
	    info.entries_frozen > 0 && info.entries_active == 0;
}

/* No turn begins and ends behind the last line of the quota. */
static void
check_quota(struct acta_place *place, const char *name)
{
	struct sim_process *s = &sim->processes[place->process->end];
	struct acta_store_info info;

	acta_store_info(place->part->store, &info);
	if (strcmp(name, "commit") == 0)
		s->beyond = info.used_bytes > info.quota / 100 * 95;
	else if (strcmp(name, "committed") == 0 && s->beyond)
		sim_violation("%s commits beyond its quota", place->dir);
}

/* CORE 1.1: a turn ends when its time is over; what is slow is so for each
 * message. */
static void
check_bound(const struct acta_place *place)
{
	uint32_t slow = place->process->slow;

	if (slow > 0 && place->part->turn_messages > ACTA_TURN_MS / slow + 1)
		sim_violation("%s takes %u messages in a turn, at %u ms each",
		    place->dir, place->part->turn_messages, slow);
}

static bool
on_point(void *self, struct acta_place *place, const char *name)
{
	static const struct {
		const char *name;
		enum sim_point point;
	} points[] = {
		{ "item", PT_ITEM },
		{ "gather", PT_GATHER },
		{ "handler", PT_HANDLER },
		{ "commit", PT_COMMIT },
		{ "committed", PT_COMMITTED },
		{ "released", PT_RELEASED },
		{ "frame", PT_FRAME },
		{ "outside", PT_OUTSIDE },
	};
	uint32_t kind;

	if (sim->plan->small_quota)
		check_quota(place, name);
	if (strcmp(name, "commit") == 0)
		check_bound(place);
	if (sim->plan->store.freeze_turns > 0 && strcmp(name, "committed") == 0)
		count_freeze(place->part->store);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		if (strcmp(points[i].name, name) == 0)
			return sim_point_met(
			    place->process->end, points[i].point, &kind);
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
	uint32_t kind;

	if (place == NULL)
		return sim_backup_disk(disk);
	if (!sim_point_met(place->process->end, disk_point(step), &kind))
		return ACTA_SIM_GO;
	if (kind == EV_EIO)
		return ACTA_SIM_EIO;
	if (kind == EV_FULL)
		return ACTA_SIM_FULL;
	place->process->ended = true;
	return ACTA_SIM_KILL;
}

static bool
on_toss(void *self)
{
	return acta_dice_chance(&sim->dice, 500);
}

static void
trace_item(
    const struct acta_place *place, uint32_t end, const struct acta_item *item)
{
	static const char *const names[] = { "?", "DATA", "ACK", "NACK",
		"HELLO", "WELCOME", "CALL", "REPLY", "EVENT", "HEAD", "PROBE" };

	sim_trace("%s -> %u  %s first %llu count %u next %llu acked %llu "
		  "verdict %u",
	    place->dir, end, names[item->kind <= 10 ? item->kind : 0],
	    (unsigned long long)item->first, item->count,
	    (unsigned long long)item->next, (unsigned long long)item->acked,
	    item->verdict);
}

static bool
on_leaves(void *self, struct acta_place *place, uint32_t end,
    const struct acta_item *item)
{
	uint32_t kind;

	if (sim->trace != NULL)
		trace_item(place, end, item);
	sim_check_leaves(place, end, item);
	if (item->kind == ACTA_ITEM_DATA &&
	    (sim->breaks & BREAK_EARLY_ACK) != 0)
		sim_break_ack(place, item);
	return sim_point_met(place->process->end, PT_LEAVING, &kind);
}

/* No space: only where there is none. */
static bool
full_expected(const struct sim_process *s)
{
	sim->tally[T_STORE_FULL]++;
	sim->tally[T_QUOTA] += sim->plan->small_quota;
	return s->full || s->full_until_us != INT64_MIN ||
	    sim->plan->small_quota;
}

/* A channel may stop only where a store was set back, at one of its ends. */
static bool
stop_expected(
    const struct acta_place *place, const char *name, const char *text)
{
	/* What a life before the restore has said may come late. Whether any
	 * channel stands in the end is judged then. */
	if (sim->put_back > 0)
		return true;
	for (uint32_t i = 0; i < sim->cluster.count; i++)
		if (sim_set_apart(place->process->end, i) &&
		    (strstr(name, sim->cluster.routes[i].name) != NULL ||
			strstr(text, sim->cluster.routes[i].name) != NULL))
			return true;
	return false;
}

static void
on_alarm(
    void *self, struct acta_place *place, const char *name, const char *text)
{
	struct sim_process *s = &sim->processes[place->process->end];
	bool expected;

	sim_trace("alarm at %s: %s: %s", place->dir, name, text);
	if (text[0] == '\0') /* it is over */
		return;
	if (strcmp(name, "store-full") == 0) {
		expected = full_expected(s);
	} else if (strcmp(name, "store-nearly-full") == 0) {
		expected = sim->plan->small_quota;
		sim->tally[T_NEARLY_FULL]++;
	} else if (strcmp(name, "ids-quota") == 0) {
		expected = sim->plan->config.ids_quota > 0;
		sim->tally[T_IDS_QUOTA]++;
	} else if (strncmp(name, "lapse-", 6) == 0) {
		expected = sim->plan->config.on_lapse &&
		    sim->plan->config.channel_quota < 1u << 20;
		sim->tally[T_LAPSED]++;
	} else if (strncmp(name, "stopped.", 8) == 0) {
		expected = sim->plan->config.stop_on_failed;
		sim->tally[T_STOPPED]++;
		sim->stands[sim_place_number(place)] = true;
	} else if (strncmp(name, "cycle-", 6) == 0) {
		expected = sim->plan->config.channel_quota < 1u << 20;
	} else
		expected = stop_expected(place, name, text);
	if (!expected)
		sim_violation("%s: alarm %s: %s", place->dir, name, text);
}

static void
on_door(void *self, uint32_t door, const struct acta_item *item)
{
	if (item->kind == ACTA_ITEM_REPLY &&
	    item->inc == sim->cluster.doors[door].life)
		sim_ask_reply(door, item);
}

/* ---------------------------------------------------------------- steps -- */

/* Some handlers outside take long, and others end before them. */
static void
outside_later(struct acta_process *p)
{
	int64_t most_us = acta_dice_chance(&sim->dice, 200) ? 500000 : 5000;

	sim->processes[p->end].outside_us =
	    p->outside_count + p->outside_ran_count == 0
	    ? INT64_MAX
	    : sim->cluster.now_us + acta_dice_between(&sim->dice, 0, most_us);
}

static void
run_outside(struct acta_process *p)
{
	uint32_t n =
	    acta_dice_roll(&sim->dice, p->outside_count + p->outside_ran_count);
	enum acta_err err = acta_process_outside(p, n);

	if (err == ACTA_OK)
		outside_later(p);
	sim_judge(p, err);
}

/* What has stopped for a message that failed goes on when an operator says so. */
static void
go_on(struct acta_process *p)
{
	for (uint32_t n = 0; n < p->count; n++) {
		struct acta_part *part = p->places[n].part;

		if (part == NULL || !part->stopped ||
		    !acta_dice_chance(&sim->dice, 300))
			continue;
		sim_trace("%s goes on", p->places[n].dir);
		sim->tally[T_GOES_ON]++;
		sim->stands[sim_place_number(&p->places[n])] = false;
		acta_part_go(part);
		p->wake_us = sim->cluster.now_us;
	}
}

static void
run_round(struct acta_process *p)
{
	struct sim_process *s = &sim->processes[p->end];
	uint32_t frames = p->slow > 0 ? 1 : 1 + acta_dice_roll(&sim->dice, 8);
	enum acta_err err;

	sim->doing = DOING_ROUND;
	s->round_us = sim->cluster.now_us;
	go_on(p);
	if ((sim->breaks & BREAK_OLD_STORE) != 0 &&
	    acta_dice_chance(&sim->dice, 200))
		sim_break_copy(p);
	err = acta_process_round(p, frames);
	if (s->idle_us == INT64_MAX)
		s->idle_us = sim->cluster.now_us + 1050000;
	if (err == ACTA_OK && !sim->power_out)
		sim_check_round(p);
	if (err == ACTA_OK && !sim->power_out && !p->store.in_memory)
		acta_ledger_memory(&sim->ledger, p);
	for (uint32_t n = 0; err == ACTA_OK && n < p->count; n++)
		sim->tally[T_BLOCKED] +=
		    p->places[n].part != NULL && p->places[n].part->no_room;
	if (s->outside_us == INT64_MAX)
		outside_later(p);
	sim_judge(p, err);
}

static void
run_idle(struct acta_process *p)
{
	struct sim_process *s = &sim->processes[p->end];
	bool more = false;
	enum acta_err err;

	s->idle_us = INT64_MAX;
	sim->doing = DOING_IDLE;
	go_on(p);
	for (uint32_t n = 0; n < p->count; n++)
		if (p->places[n].part != NULL && p->places[n].part->stopped)
			s->idle_us = sim->cluster.now_us + 100000;
	err = acta_process_idle(p, &more);
	if (more)
		s->idle_us = sim->cluster.now_us + 1000;
	if (err == ACTA_EFULL)
		err = ACTA_OK; /* a commit will say so to those who must act */
	sim_judge(p, err);
}

static void
tell(uint32_t who, uint32_t of)
{
	struct acta_cluster *c = &sim->cluster;

	sim->tell_us[who][of] = 0;
	sim->tells--;
	sim_disturb();
	if (who < c->count) {
		acta_process_tell(c->processes[who], of);
		return;
	}
	c->doors[who - SIM_DOOR_END].known[of] = c->net.lives[of];
	if (of < c->count)
		sim_ask_resend(who - SIM_DOOR_END, of);
}

static void
unlimit(uint32_t end)
{
	struct acta_process *p = sim->cluster.processes[end];

	sim->processes[end].full_until_us = INT64_MIN;
	for (uint32_t n = 0; n < p->count; n++)
		acta_sim_disk_limit(p->places[n].disk, 0);
}

/* The operator gives a small store more room: it starts anew with that. */
static void
more_quota(struct acta_process *p)
{
	struct sim_event e = { .kind = EV_TERM, .a = p->end };

	p->store.quota = 1u << 30;
	sim_fault(&e);
}

static void
heal(void)
{
	struct acta_cluster *c = &sim->cluster;

	sim->healing = true;
	sim_disturb();
	sim_trace("heal");
	for (uint32_t i = 0; i < sim->trap_count; i++)
		sim->traps[i].armed = false;
	c->net.rates = (struct acta_net_rates){ .delay_us_max = 200 };
	sim->net_until_us = INT64_MAX;
	for (uint32_t a = 0; a < ACTA_NET_ENDS_MAX; a++)
		for (uint32_t b = 0; b < ACTA_NET_ENDS_MAX; b++)
			c->net.links[a][b].cut_until_us =
			    c->net.links[a][b].bad_until_us = 0;
	for (uint32_t i = 0; i < c->count; i++) {
		if (sim->processes[i].hang_us == INT64_MAX)
			c->processes[i]->paused = false;
		c->processes[i]->slow = 0;
		sim->processes[i].pause_us = sim->processes[i].slow_us =
		    INT64_MAX;
		unlimit(i);
		if (sim->plan->small_quota)
			more_quota(c->processes[i]);
	}
}

/* Everyone says one word to everyone, so that every channel that cannot go on
 * shows it. What else waits may wait for ever. */
static void
probe(void)
{
	uint32_t actors = sim->plan->services * SIM_KEYS;

	sim->probed = true;
	sim->ask_first = sim->ask_count;
	for (uint32_t from = 0; from < actors; from++)
		for (uint32_t to = 0; to < actors; to++) {
			struct sim_event e = { .kind = EV_OP,
				.number = SIM_EVENTS_MAX - 1,
				.a = OP_SAY,
				.b = from,
				.c = to,
				.d = 1 };

			sim_ask_begin(&e);
		}
}

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

static void
happen(const struct sim_event *e)
{
	sim_trace("event %u", e->number);
	if (e->kind == EV_OP)
		sim_ask_begin(e);
	else
		sim_fault(e);
}

enum what {
	A_FRAME,
	A_ROUND,
	A_IDLE,
	A_OUTSIDE,
	A_EVENT,
	A_RESTART,
	A_CHECK,
	A_TELL,
	A_CLIENT,
	A_CONT,
	A_HANG,
	A_FAST,
	A_SPACE,
	A_NET,
	A_SLEW,
	A_BACKUP
};

struct choice {
	enum what what;
	uint32_t a, b;
};

struct choices {
	struct choice list[64];
	uint32_t count;
	int64_t next_us; /* of what is not yet */
};

static void
offer(
    struct choices *all, int64_t at_us, enum what what, uint32_t a, uint32_t b)
{
	if (at_us > sim->cluster.now_us) {
		if (at_us < all->next_us)
			all->next_us = at_us;
	} else if (all->count < 64) {
		all->list[all->count++] = (struct choice){ what, a, b };
	}
}

static void
offer_process(struct choices *all, uint32_t i)
{
	struct acta_process *p = sim->cluster.processes[i];
	struct sim_process *s = &sim->processes[i];
	int64_t at_us;

	offer(all, s->pause_us, A_CONT, i, 0);
	offer(all, s->hang_us, A_HANG, i, 0);
	offer(all, s->slow_us, A_FAST, i, 0);
	if (s->full_until_us != INT64_MIN)
		offer(all, s->full_until_us, A_SPACE, i, 0);
	if (p->state == ACTA_PROCESS_DOWN)
		offer(all, s->restart_us, A_RESTART, i, 0);
	if (p->state == ACTA_PROCESS_FAILED)
		offer(all, s->check_us, A_CHECK, i, 0);
	if (p->state != ACTA_PROCESS_UP || p->paused)
		return;
	at_us = acta_process_ready(p) ? sim->cluster.now_us : p->wake_us;
	if (p->slow > 0 && at_us < s->round_us + 20000)
		at_us = s->round_us + 20000;
	offer(all, at_us, A_ROUND, i, 0);
	offer(all, s->idle_us, A_IDLE, i, 0);
	offer(all, s->outside_us, A_OUTSIDE, i, 0);
}

static void
offer_tells(struct choices *all)
{
	uint32_t ends = SIM_DOOR_END + sim->cluster.door_count;
	uint32_t count = sim->cluster.count;

	if (sim->tells == 0)
		return;
	for (uint32_t a = 0; a < ends;
	     a = a == count - 1 ? SIM_DOOR_END : a + 1)
		for (uint32_t b = 0; b < ends;
		     b = b == count - 1 ? SIM_DOOR_END : b + 1)
			if (sim->tell_us[a][b] != 0)
				offer(all, sim->tell_us[a][b], A_TELL, a, b);
}

static void
offer_all(struct choices *all)
{
	struct acta_cluster *c = &sim->cluster;
	const struct sim_event *e = next_event();

	all->count = 0;
	all->next_us = INT64_MAX;
	if (e != NULL)
		offer(all, e->at_us, A_EVENT, 0, 0);
	if (!sim->healing && sim->plan->heal_us < all->next_us)
		all->next_us = sim->plan->heal_us;
	offer(all, acta_net_wake_us(&c->net), A_FRAME, 0, 0);
	for (uint32_t i = 0; i < c->count; i++)
		offer_process(all, i);
	offer_tells(all);
	for (uint32_t i = sim->ask_first; i < sim->ask_count; i++)
		if (!sim->asks[i].final)
			offer(all, sim->asks[i].again_us, A_CLIENT, i, 0);
	offer(all, sim->net_until_us, A_NET, 0, 0);
	offer(all, sim->backup.next_us, A_BACKUP, 0, 0);
	if (c->wall_us != c->slew.offset_us)
		offer(all, sim->slew_us, A_SLEW, 0, 0);
}

static void
choose(const struct choice *choice)
{
	struct acta_cluster *c = &sim->cluster;
	uint32_t a = choice->a;

	switch (choice->what) {
	case A_FRAME: (void)acta_cluster_deliver(c); break;
	case A_ROUND: run_round(c->processes[a]); break;
	case A_IDLE: run_idle(c->processes[a]); break;
	case A_OUTSIDE: run_outside(c->processes[a]); break;
	case A_EVENT: happen(&sim->plan->events[sim->next_event++]); break;
	case A_RESTART: sim_restart(c->processes[a]); break;
	case A_CHECK: sim_restart(c->processes[a]); break;
	case A_TELL: tell(a, choice->b); break;
	case A_CLIENT: sim_ask_again(&sim->asks[a]); break;
	case A_CONT:
		c->processes[a]->paused = false;
		sim->processes[a].pause_us = INT64_MAX;
		break;
	case A_HANG: sim_fault_hang_over(c->processes[a]); break;
	case A_FAST:
		c->processes[a]->slow = 0;
		sim->processes[a].slow_us = INT64_MAX;
		break;
	case A_SPACE: unlimit(a); break;
	case A_NET:
		c->net.rates = sim->plan->rates;
		sim->net_until_us = INT64_MAX;
		break;
	case A_BACKUP: sim_backup_step(); break;
	case A_SLEW:
		acta_slew_tick(&c->slew, c->now_us + c->wall_us, c->now_us);
		sim->slew_us = c->now_us + 1000000;
		break;
	}
}

static bool
quiet(void)
{
	struct acta_cluster *c = &sim->cluster;

	if (next_event() != NULL || c->net.count > 0 || sim->tells > 0 ||
	    sim->backup.state != BACKUP_NONE)
		return false;
	for (uint32_t i = sim->ask_first; i < sim->ask_count; i++)
		if (!sim->asks[i].final)
			return false;
	for (uint32_t i = 0; i < c->count; i++) {
		struct acta_process *p = c->processes[i];

		if (p->state != ACTA_PROCESS_UP || p->paused ||
		    acta_process_ready(p) || p->outside_count > 0 ||
		    p->outside_ran_count > 0 ||
		    (p->wake_us < c->now_us + SIM_LONG_US && !sim->set_back))
			return false;
		for (uint32_t n = 0; n < p->count; n++)
			if (!acta_part_quiet(p->places[n].part) ||
			    (acta_part_waiting(p->places[n].part) > 0 &&
				!sim->set_back))
				return false;
	}
	return true;
}

/* An operator resets some, accepts all, and says it again if nobody answers, or
 * of whom none has heard since a start. What was answered is so, whatever ends
 * then. */
static void
mend_channel(
    const struct acta_place *from, const struct acta_place *to, uint32_t step)
{
	const struct sim_event kill = {
		.kind = EV_KILL, .a = to->process->end, .b = PT_RELEASED, .c = 1
	};
	uint64_t *word =
	    &sim->words[sim_place_number(from)][sim_place_number(to)];

	if (step == 0) {
		if (!acta_dice_chance(&sim->dice, 500))
			return;
		(void)sim_operator(from, "@channel-reset", to);
		sim->tally[T_BACK_RESET]++;
	} else if (step == 1 || *word != 0) {
		*word = sim_operator(to, "@channel-accept", from);
		sim->tally[T_BACK_ACCEPTED]++;
		if (step == 1 && acta_dice_chance(&sim->dice, 300))
			sim_fault(&kill);
	}
}

/* Of all channels that have stopped some are reset, then all accepted
 * (runtime/README), then a word is said on each. */
static void
mend(void)
{
	struct acta_place *places[SIM_PLACES_MAX];
	uint32_t count = sim_places(places), step = sim->mended++;

	sim->mend_us = sim->cluster.now_us +
	    (step < SIM_MEND_PROBE ? SIM_MEND_US : 10 * SIM_MEND_US);
	if (step == SIM_MEND_PROBE)
		probe();
	for (uint32_t a = 0; step != SIM_MEND_PROBE && a < count; a++)
		for (uint32_t b = 0; b < count; b++) {
			bool stands =
			    a != b && sim_channel_stopped(places[a], places[b]);

			sim->stood[a][b] = stands ||
			    (sim->stood[a][b] && step < SIM_MEND_PROBE);
			if (sim->stood[a][b])
				mend_channel(places[a], places[b], step);
		}
}

/* A store that was set back may leave others waiting for ever: there it is
 * enough to be quiet a while after all was said. */
static bool
done(void)
{
	int64_t at_us = sim->cluster.now_us - sim->plan->heal_us;

	if (!sim->healing)
		return false;
	if (!sim->set_back)
		return quiet();
	if (!sim->probed && at_us > SIM_PROBE_US / 2)
		probe();
	if (!sim->probed || at_us <= SIM_PROBE_US || !quiet())
		return false;
	if (!sim->plan->mends)
		return true;
	if (sim->cluster.now_us < sim->mend_us)
		return false;
	if (sim->mended < SIM_MENDS) {
		mend();
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
		if (done())
			return;
		if (sim->set_back && sim->healing &&
		    all.next_us > sim->cluster.now_us + 1000000)
			all.next_us = sim->cluster.now_us + 1000000;
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
set_up(const struct sim_plan *plan)
{
	static const struct acta_cluster_hooks hooks = { .point = on_point,
		.leaves = on_leaves,
		.door = on_door,
		.alarm = on_alarm };
	static const struct acta_sim_hooks disk_hooks = { .step = on_step,
		.seen = sim_check_seen,
		.forget = sim_check_forget,
		.toss = on_toss };
	static const char *const doors[] = { "@door", "@door-call" };
	struct acta_why why = { "", "" };

	acta_cluster_init(&sim->cluster, plan->seed, "sim:", plan->start_us,
	    &hooks, &disk_hooks);
	sim_actors_init();
	sim_check_init();
	sim->cluster.pools = true;
	if ((sim->breaks & BREAK_NO_FLUSH) != 0)
		acta_sim_disks_break(sim->cluster.disks, ACTA_SIM_NO_FLUSH);
	sim->cluster.net.rates = plan->rates;
	sim->net_until_us = sim->backup.next_us = INT64_MAX;
	for (uint32_t i = 0; i < plan->services; i++) {
		bool memory = plan->memory && i == plan->services - 1;

		for (int v = 0; v < 4; v++) {
			enum acta_err err = acta_loaded_from(
			    &sim->loaded[v][i], &sim_services[v][i], &why);

			assert(err == ACTA_OK);
		}
		(void)acta_cluster_add(&sim->cluster,
		    &sim->loaded[memory  ? 2
			    : plan->late ? 3
					 : 0][i],
		    plan->parts[i], &plan->config, &plan->store);
		sim->processes[i] =
		    (struct sim_process){ .restart_us = plan->start_us,
			    .check_us = INT64_MAX,
			    .idle_us = INT64_MAX,
			    .pause_us = INT64_MAX,
			    .hang_us = INT64_MAX,
			    .outside_us = INT64_MAX,
			    .slow_us = INT64_MAX,
			    .full_until_us = INT64_MIN };
	}
	for (uint32_t i = 0; i < plan->doors; i++)
		sim_announce(acta_cluster_door(&sim->cluster, doors[i])->end);
}

static void
count(void)
{
	const struct acta_net_counts *n = &sim->cluster.net.counts;

	sim->tally[T_NET_LOST] += n->lost;
	sim->tally[T_NET_DOUBLED] += n->doubled;
	sim->tally[T_NET_OVERTAKING] += n->overtaking;
	sim->tally[T_NET_LATE] += n->late;
	sim->tally[T_NET_CUT] += n->cut;
	sim->tally[T_NET_TO_DEAD] += n->to_the_dead;
	sim->tally[T_NET_OF_DEAD] += n->of_the_dead;
	sim->tally[T_TAKEN_HANDLED] += sim->ledger.taken_handled;
	sim->tally[T_TAKEN_REJECTED] += sim->ledger.taken_rejected;
	sim->tally[T_TAKEN_PARKED] += sim->ledger.taken_parked;
	sim->tally[T_TAKEN_DEAD] += sim->ledger.taken_dead;
	sim->tally[T_COMMITS] += sim->ledger.turns;
	sim->tally[T_MERGES] += sim->ledger.merges;
	sim->hash ^= sim->ledger.hash;
}

void
sim_world_run(struct sim_world *world, const struct sim_plan *plan,
    const bool *left_out, uint32_t turn, FILE *trace, unsigned breaks)
{
	memset(world, 0, sizeof(*world));
	sim = world;
	world->plan = plan;
	world->left_out = left_out;
	world->trace = trace;
	world->breaks = breaks;
	world->dice = acta_dice_of(plan->seed, 3 + turn);
	set_up(plan);
	steps();
	if (!world->violated)
		sim_check_last();
	count();
}

void
sim_world_fini(struct sim_world *world)
{
	for (uint32_t i = 0; i < world->plan->services; i++)
		for (uint32_t n = 0; n < ACTA_CLUSTER_PARTS_MAX; n++) {
			acta_sim_copy_free(&world->processes[i].copies[n]);
			acta_sim_copy_free(&world->processes[i].old[n]);
		}
	sim_backup_fini(&world->backup);
	acta_cluster_fini(&world->cluster);
	for (uint32_t i = 0; i < world->ask_count; i++)
		acta_buf_fini(&world->asks[i].result);
	for (uint32_t i = 0; i < world->plan->services; i++)
		for (int v = 0; v < 4; v++)
			acta_loaded_close(&world->loaded[v][i]);
	sim = NULL;
}
