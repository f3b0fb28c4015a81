/*
 * t/06-tree.c - trees of supervisors: a seeded simulation in which everything
 * happens to them at any time (SEED=n, EVENTS=n), and what 100,000 children cost.
 */
#include "runtime/root/supervisor.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROOM 64u
#define NONE ACTA_SUP_NONE
#define TOP ACTA_SUP_TOP
#define STAMPS 4096u
#define OWN 16u /* more than any intensity here */

static struct acta_sup sup;
static int64_t now;
static uint64_t seed;

static uint32_t
chance(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % n;
}

static struct acta_sup_child *
at(uint32_t child)
{
	return &sup.children[child == TOP ? sup.room : child];
}

/* What the world knows, apart from the machine. */
static struct {
	bool live[ROOM], killed[ROOM], asked[ROOM], called[ROOM];
	/* Of a supervisor (the last: the top): restarts under it, and why it
	 * may end. */
	struct stamp {
		int64_t at_ms;
		uint32_t child;
	} stamps[ROOM + 1][STAMPS];
	uint32_t stamps_count[ROOM + 1];
	/* Of a child under one that holds: its own. */
	int64_t own[ROOM][OWN];
	uint32_t own_count[ROOM];
	bool removed[ROOM]; /* by a change: it stops, and is deleted */
	bool may_end[ROOM + 1];
	bool exited;
	uint64_t spawned, restarted, escalated, shut, ended, held, gone;
	uint64_t changed[ACTA_NODE_PHASES];
} w;

static uint32_t
slot(uint32_t parent)
{
	return parent == TOP ? ROOM : parent;
}

/* ------------------------------------------------------------- the checks -- */

static void
check_spawn(uint32_t child)
{
	const struct acta_sup_child *c = at(child);

	ck_assert_msg(!w.live[child], "two live incarnations of %u", child);
	ck_assert(c->known);
	/* In an ordered start all before it are up, or at rest. */
	if (c->attempt != ACTA_TRY_FIRST && c->attempt != ACTA_TRY_GROUP)
		return;
	for (uint32_t i = c->prev; i != NONE; i = at(i)->prev)
		ck_assert_msg(
		    !at(i)->pending, "%u is started before %u", child, i);
}

/* Of siblings that end together the later ones are at rest first. */
static void
check_stop(uint32_t child)
{
	const struct acta_sup_child *c = at(child), *p = at(c->parent);
	bool all = p->phase == ACTA_NODE_STOPPING;

	if (p->spec.flags.strategy == ACTA_SIMPLE_ONE_FOR_ONE ||
	    w.called[child] || (!all && p->phase != ACTA_NODE_CLEARING))
		return;
	if (!all && !c->marked)
		return;
	for (uint32_t i = c->next; i != NONE; i = at(i)->next)
		ck_assert_msg(!at(i)->live || (!all && !at(i)->marked),
		    "%u is stopped before %u is at rest", child, i);
}

static uint32_t
recent(uint32_t parent)
{
	const struct acta_sup_flags *flags = &at(parent)->spec.flags;
	uint32_t count = 0;

	for (uint32_t i = 0; i < w.stamps_count[slot(parent)]; i++)
		count +=
		    now - w.stamps[slot(parent)][i].at_ms <= flags->period_ms;
	return count;
}

/* Its last restarts, the newest last: within the period no more than are borne. */
static void
check_own(uint32_t child)
{
	const struct acta_sup_flags *flags = &at(at(child)->parent)->spec.flags;
	uint32_t count = 0;

	if (w.own_count[child] == OWN)
		memmove(w.own[child], w.own[child] + 1,
		    --w.own_count[child] * sizeof(w.own[child][0]));
	w.own[child][w.own_count[child]++] = now;
	for (uint32_t i = 0; i < w.own_count[child]; i++)
		count += now - w.own[child][i] <= flags->period_ms;
	ck_assert_msg(count <= flags->intensity,
	    "%u restarts of %u are not seen of held %u", count,
	    flags->intensity, child);
	w.held++;
}

static void
check_restart(uint32_t child)
{
	uint32_t parent = at(child)->parent, s = slot(parent);

	if (at(child)->spec.door)
		return;
	if (at(parent)->spec.flags.on_exceed == ACTA_EXCEED_HOLD) {
		check_own(child);
		return;
	}
	ck_assert_uint_lt(w.stamps_count[s], STAMPS);
	w.stamps[s][w.stamps_count[s]++] = (struct stamp){ now, child };
	ck_assert_msg(recent(parent) <= at(parent)->spec.flags.intensity,
	    "%u restarts of %u under %u are not seen", recent(parent),
	    at(parent)->spec.flags.intensity, s);
}

/* A supervisor gives up over this child: over its restarts, then they must have
 * been one too many; or over its own start. */
static void
check_escalation(uint32_t child, uint32_t parent)
{
	w.may_end[slot(parent)] = true;
	w.escalated++;
	if (!(at(child)->alarms & ACTA_ALARM_FAILED) ||
	    (at(child)->attempt == ACTA_TRY_FIRST && !at(child)->was_up))
		return; /* the alarm is older than this start */
	/* More, if the bound was lowered since. */
	ck_assert_uint_ge(recent(parent), at(parent)->spec.flags.intensity);
}

/* At the end of every event. */
static void
check_tree(void)
{
	for (uint32_t i = 0; i < ROOM; i++) {
		const struct acta_sup_child *c = at(i), *p;

		if (!c->used)
			continue;
		p = at(c->parent);
		/* A live child has a supervisor, who knows it. */
		if (c->live)
			ck_assert(c->known && p->phase != ACTA_NODE_NEW &&
			    p->phase != ACTA_NODE_DONE);
		if (!c->spec.supervisor)
			ck_assert_int_eq(c->live, w.live[i]);
		/* No supervisor ends by itself but for a reason. */
		if (c->spec.supervisor && c->phase == ACTA_NODE_STOPPING)
			ck_assert_msg(c->asked || w.may_end[i],
			    "%u stops without a reason", i);
		if (c->spec.supervisor && c->phase == ACTA_NODE_NEW)
			ck_assert(c->count == 0 && c->live_count == 0);
	}
	for (uint32_t p = 0; p <= ROOM; p++) {
		uint32_t count = 0, live = 0;

		if (!sup.children[p].used || !sup.children[p].spec.supervisor)
			continue;
		for (uint32_t i = sup.children[p].first; i != NONE;
		     i = at(i)->next) {
			count++;
			live += at(i)->live;
		}
		ck_assert_uint_eq(count, sup.children[p].count);
		ck_assert_uint_eq(live, sup.children[p].live_count);
	}
}

/* ---------------------------------------------------------------- the world -- */

static void
spawn(uint32_t child)
{
	check_spawn(child);
	w.spawned++;
	if (chance(12) == 0) {
		acta_sup_ended(&sup, child,
		    chance(3) ? ACTA_END_ABNORMAL : ACTA_END_START, now);
		return;
	}
	w.live[child] = true;
	w.killed[child] = w.asked[child] = false;
	acta_sup_spawned(&sup, child, now);
	if (chance(4) == 0)
		acta_sup_ready(&sup, child, now);
	else if (chance(40) == 0) {
		w.live[child] = false;
		acta_sup_ignored(&sup, child, now);
		if (at(child)->live) /* it was too late for that */
			w.live[child] = true;
	}
}

static void
carry_out(void)
{
	struct acta_sup_action a;

	while (acta_sup_take(&sup, &a)) {
		ck_assert(!w.exited);
		switch (a.verb) {
		case ACTA_DO_SPAWN: spawn(a.child); break;
		case ACTA_DO_STOP:
			check_stop(a.child);
			w.asked[a.child] = true;
			break;
		case ACTA_DO_SIGNAL:
			if (w.live[a.child] && a.arg == SIGKILL)
				w.killed[a.child] = true;
			w.asked[a.child] = true;
			break;
		case ACTA_DO_RESTART:
			check_restart(a.child);
			w.restarted++;
			break;
		case ACTA_DO_ESCALATE:
			check_escalation(a.child, (uint32_t)a.arg);
			break;
		case ACTA_DO_AUTO_SHUTDOWN:
			w.may_end[slot((uint32_t)a.arg)] = true;
			w.shut++;
			break;
		case ACTA_DO_EXIT:
			for (uint32_t i = 0; i < ROOM; i++)
				ck_assert(!w.live[i]);
			w.exited = true;
			break;
		case ACTA_DO_FORGET:
			if (at(a.child)->used)
				break;
			w.called[a.child] = false;
			w.own_count[a.child] = 0;
			w.gone += w.removed[a.child];
			w.removed[a.child] = false;
			break;
		case ACTA_DO_CONDEMN:
		case ACTA_DO_UP:
		case ACTA_DO_DOWN:
		case ACTA_DO_ALARM:
		case ACTA_DO_CALM:
		case ACTA_DO_ANSWER:
		case ACTA_DO_ALL_UP: break;
		}
	}
}

static void
end_process(uint32_t child)
{
	static const enum acta_sup_end ends[] = { ACTA_END_NORMAL,
		ACTA_END_ABNORMAL, ACTA_END_ABNORMAL, ACTA_END_NORMAL,
		ACTA_END_SHUTDOWN, ACTA_END_STORAGE };

	w.live[child] = false;
	w.ended++;
	acta_sup_ended(&sup, child,
	    w.killed[child] ? ACTA_END_ABNORMAL
			    : ends[chance(chance(20) ? 5 : 6)],
	    now);
}

static struct acta_sup_flags
draw_flags(bool simple)
{
	return (struct acta_sup_flags){
		.strategy = simple ? ACTA_SIMPLE_ONE_FOR_ONE : chance(3),
		.intensity = chance(3) ? chance(9) : chance(3),
		.period_ms = 1 + chance(3000),
		.auto_shutdown = chance(2) ? chance(3) : ACTA_AUTO_NEVER,
		.on_exceed =
		    chance(4) ? ACTA_EXCEED_ESCALATE : ACTA_EXCEED_HOLD,
	};
}

static struct acta_sup_spec
draw_spec(uint32_t parent, uint32_t child)
{
	static const int64_t shutdowns[] = { 0, 100, 5000,
		ACTA_SHUTDOWN_INFINITY };
	struct acta_sup_spec spec = { .restart = chance(3),
		.shutdown_ms = shutdowns[chance(4)],
		.program = chance(3) == 0,
		.backoff_min_ms = chance(2) ? 0 : chance(300),
		.backoff_max_ms = 300 + chance(1000),
		.backoff_factor = 2,
		.backoff_jitter = 0.2,
		.backoff_reset_ms = chance(2000) };

	snprintf(spec.id, sizeof(spec.id), "c%u", child);
	spec.significant = spec.restart != ACTA_PERMANENT && chance(2) &&
	    at(parent)->spec.flags.auto_shutdown != ACTA_AUTO_NEVER;
	return spec;
}

static uint32_t
free_number(void)
{
	for (uint32_t i = 0; i < ROOM; i++)
		if (!sup.children[i].used)
			return i;
	return NONE;
}

static void
grow(uint32_t parent, uint32_t depth)
{
	uint32_t count = 1 + chance(4);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t child = free_number();
		struct acta_sup_spec spec;
		bool simple = chance(4) == 0;

		if (child == NONE || child > ROOM / 2)
			return;
		spec = draw_spec(parent, child);
		if (depth < 4 && chance(3) == 0) {
			spec.supervisor = true;
			spec.significant = false;
			spec.flags = draw_flags(simple);
			ck_assert_int_eq(
			    acta_sup_declare(&sup, parent, child, &spec),
			    ACTA_SUP_OK);
			if (simple) {
				uint32_t one = free_number();

				spec = draw_spec(child, one);
				ck_assert_int_eq(
				    acta_sup_declare(&sup, child, one, &spec),
				    ACTA_SUP_OK);
			} else {
				grow(child, depth + 1);
			}
			continue;
		}
		if (parent == TOP && chance(6) == 0) {
			spec.door = true;
			spec.significant = false;
			spec.restart = ACTA_PERMANENT;
		}
		ck_assert_int_eq(
		    acta_sup_declare(&sup, parent, child, &spec), ACTA_SUP_OK);
	}
}

static uint32_t
some_supervisor(void)
{
	for (int i = 0; i < 20; i++) {
		uint32_t child = chance(ROOM);

		if (at(child)->used && at(child)->spec.supervisor)
			return child;
	}
	return TOP;
}

/* A restart that was called off is none: the last of this child, which others'
 * may have followed. */
static void
call_off(uint32_t over, uint32_t child)
{
	uint32_t i = w.stamps_count[over];

	if (at(at(child)->parent)->spec.flags.on_exceed == ACTA_EXCEED_HOLD) {
		w.own_count[child] -= w.own_count[child] > 0;
		return;
	}
	while (i > 0 && w.stamps[over][i - 1].child != child)
		i--;
	if (i == 0)
		return;
	for (; i < w.stamps_count[over]; i++)
		w.stamps[over][i - 1] = w.stamps[over][i];
	w.stamps_count[over]--;
}

static void
call(uint32_t child)
{
	const struct acta_sup_child *c = at(child);
	uint32_t parent = some_supervisor(), one = free_number();
	bool simple =
	    at(parent)->spec.flags.strategy == ACTA_SIMPLE_ONE_FOR_ONE;
	bool waited = c->used && c->state == ACTA_SUP_BACKOFF;
	uint32_t over = waited ? slot(c->parent) : 0;
	bool counted = waited && !c->spec.door;
	struct acta_sup_spec spec;
	enum acta_err err = ACTA_OK;
	uint32_t what = chance(10);

	switch (what) {
	case 0:
	case 1:
		if (one == NONE)
			return;
		spec = draw_spec(parent, one);
		(void)acta_sup_start_child(
		    &sup, parent, one, simple ? NULL : &spec, now);
		return;
	case 2:
		w.called[child] = true;
		(void)acta_sup_terminate_child(&sup, child, now);
		break;
	case 3: (void)acta_sup_restart_child(&sup, child, now); break;
	case 4: (void)acta_sup_delete_child(&sup, child, now); break;
	case 5:
		w.called[child] = true;
		err = acta_sup_cmd_stop(&sup, child, now);
		break;
	case 6:
	case 7:
	case 8: err = acta_sup_cmd_start(&sup, child, chance(2), now); break;
	default:
		if (c->used)
			w.called[child] = true;
		err = acta_sup_cmd_restart(&sup, child, now);
	}
	(void)err; /* whatever it was: the tree must hold */
	if (counted && (what == 2 || what == 5) && c->used &&
	    c->state != ACTA_SUP_BACKOFF)
		call_off(over, child);
	else if (what >= 6 && err == ACTA_OK)
		w.own_count[child] = 0; /* an operator's wish begins anew */
}

/* A new config, in whatever phase it meets: other flags, another order, some
 * that are gone, some that are new. */
static void
change(void)
{
	uint32_t parent = some_supervisor();
	const struct acta_sup_child *p = at(parent);
	bool simple = p->spec.flags.strategy == ACTA_SIMPLE_ONE_FOR_ONE;
	struct acta_sup_flags flags = draw_flags(simple);
	struct acta_sup_founder founders[12];
	uint32_t count = 0, phase = p->phase;
	bool taken[ROOM] = { false };
	enum acta_sup_word word;

	for (uint32_t i = p->founders; i != NONE && count < 8;
	     i = at(i)->founder_next) {
		if (chance(6) == 0 && !simple)
			continue;
		founders[count].child = i;
		founders[count++].spec = at(i)->spec;
	}
	for (uint32_t more = simple ? 0 : chance(4); more > 0; more--) {
		uint32_t one = chance(ROOM);

		if (at(one)->used || taken[one])
			continue;
		taken[one] = true;
		founders[count].child = one;
		founders[count++].spec = draw_spec(parent, one);
	}
	for (uint32_t i = count; i > 1; i--) {
		uint32_t other = chance(i);
		struct acta_sup_founder one = founders[i - 1];

		founders[i - 1] = founders[other];
		founders[other] = one;
	}
	word = acta_sup_change(&sup, parent, &flags, founders, count, now);
	if (word == ACTA_SUP_OK)
		w.changed[phase]++;
	for (uint32_t i = 0; i < ROOM && word == ACTA_SUP_OK; i++)
		if (at(i)->used && at(i)->parent == parent && !simple)
			w.removed[i] = !at(i)->founder;
	if (word != ACTA_SUP_OK || p->phase != ACTA_NODE_RUNNING || simple)
		return;
	/* In the new order, all that it does not have behind. */
	for (uint32_t i = p->first, k = 0; i != NONE; i = at(i)->next, k++)
		ck_assert_uint_eq(at(i)->founder, k < count);
	for (uint32_t i = p->first, k = 0; k < count; i = at(i)->next, k++)
		ck_assert_uint_eq(i, founders[k].child);
}

/* As the root has it of a new config: whoever is in it no more is asked to end,
 * whatever it is about, and deleted once it is at rest. */
static void
remove_gone(void)
{
	for (uint32_t i = 0; i < ROOM; i++) {
		const struct acta_sup_child *c = at(i);

		if (!w.removed[i] || !c->used ||
		    c->state == ACTA_SUP_STOPPING || c->state == ACTA_SUP_DYING)
			continue;
		w.called[i] = true;
		if (acta_sup_terminate_child(&sup, i, now) == ACTA_SUP_OK &&
		    c->used && c->known && !c->live)
			(void)acta_sup_delete_child(&sup, i, now);
		carry_out();
	}
}

/* Half of all from those with a process, if there are any. */
static uint32_t
some_child(void)
{
	uint32_t child = chance(ROOM);

	for (uint32_t i = 0; i < ROOM && chance(2); i++)
		if (w.live[(child + i) % ROOM])
			return (child + i) % ROOM;
	return child;
}

static void
happen(void)
{
	uint32_t child = some_child();

	now += chance(4) ? chance(30) : chance(2000);
	for (uint32_t i = 0; i < ROOM; i++)
		if (w.live[i] && chance(50))
			acta_sup_beat(&sup, i, now);
	memset(w.called, 0, sizeof(w.called));
	switch (chance(14)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		if (w.live[child])
			acta_sup_ready(&sup, child, now);
		break;
	case 5:
	case 6:
		if (w.live[child])
			end_process(child);
		break;
	case 7:
		if (w.live[child])
			acta_sup_condemn(&sup, child,
			    chance(2) ? ACTA_FAULT_HANG : ACTA_FAULT_RECORD,
			    now);
		break;
	case 8:
	case 9: call(child); break;
	case 10:
		if (chance(20) == 0)
			change();
		break;
	default:
		/* The obedient, and the kernel's work. */
		for (uint32_t i = 0; i < ROOM; i++)
			if (w.live[i] && (w.killed[i] || w.asked[i]) &&
			    chance(3)) {
				end_process(i);
				carry_out();
			}
	}
	carry_out();
	acta_sup_tick(&sup, now);
	carry_out();
	remove_gone();
	check_tree();
}

/* A supervisor that begins anew has no restarts behind it, and no reason to
 * end. */
static void
forget_old(void)
{
	for (uint32_t i = 0; i < ROOM; i++) {
		if (!at(i)->used || !at(i)->spec.supervisor ||
		    at(i)->phase == ACTA_NODE_NEW ||
		    at(i)->state == ACTA_SUP_STARTING) {
			w.stamps_count[i] =
			    at(i)->own_window && at(i)->own_window->count > 0
			    ? w.stamps_count[i]
			    : 0;
			w.may_end[i] = false;
		}
	}
}

/* From wherever it is: with well-behaved processes it comes to rest. */
static void
come_to_rest(void)
{
	bool rest = false;

	for (int i = 0; i < 5000 && !rest && !w.exited; i++) {
		int64_t due = acta_sup_due(&sup);

		if (due > now + 1000)
			due = now + 1000;
		now = due > now ? due : now + 1;
		rest = true;
		for (uint32_t c = 0; c < ROOM; c++) {
			if (w.live[c])
				acta_sup_beat(&sup, c, now);
			if (w.live[c] && (w.killed[c] || w.asked[c])) {
				end_process(c);
				rest = false;
			} else if (w.live[c] &&
			    at(c)->state == ACTA_SUP_STARTING) {
				acta_sup_ready(&sup, c, now);
				rest = false;
			}
			carry_out();
			rest = rest && at(c)->state != ACTA_SUP_BACKOFF &&
			    at(c)->state != ACTA_SUP_STOPPING &&
			    at(c)->state != ACTA_SUP_DYING;
		}
		acta_sup_tick(&sup, now);
		carry_out();
		remove_gone();
	}
	ck_assert_msg(rest || w.exited, "it does not come to rest");
	for (uint32_t i = 0; i < ROOM && !w.exited; i++)
		ck_assert_msg(!w.removed[i] || !at(i)->used ||
			at(at(i)->parent)->phase != ACTA_NODE_RUNNING,
		    "%u is removed, but stays", i);
	for (uint32_t i = 0; i <= ROOM; i++) {
		const struct acta_sup_child *c = &sup.children[i];

		if (c->used && c->spec.supervisor && !w.exited)
			ck_assert_msg(c->phase == ACTA_NODE_RUNNING ||
				c->phase == ACTA_NODE_NEW,
			    "%u stays in phase %d", i, (int)c->phase);
	}
}

static void
stop_world(void)
{
	acta_sup_shutdown(&sup, 0, now);
	carry_out();
	for (int i = 0; i < 2000 && !w.exited; i++) {
		now += 100;
		for (uint32_t c = ROOM; c-- > 0;)
			if (w.live[c] && (w.killed[c] || w.asked[c])) {
				end_process(c);
				carry_out();
			}
		if (i == 500)
			acta_sup_shutdown(&sup, 0, now);
		acta_sup_tick(&sup, now);
		carry_out();
	}
	ck_assert(w.exited);
}

START_TEST(whatever_happens_to_a_tree)
{
	uint64_t first =
	    getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : 1;
	long events = getenv("EVENTS") ? atol(getenv("EVENTS")) : 100000;
	uint64_t spawned = 0, restarted = 0, escalated = 0, shut = 0, ended = 0;
	uint64_t held = 0, gone = 0;
	uint64_t changed[ACTA_NODE_PHASES] = { 0 };

	for (uint64_t round = 0; events > 0; round++) {
		struct acta_sup_flags flags;

		memset(&w, 0, sizeof(w));
		seed = (first + round) * 0x9e3779b97f4a7c15u | 1;
		now = 1000000;
		flags = draw_flags(false);
		flags.auto_shutdown = ACTA_AUTO_NEVER;
		/* Before a failure stands the seed that repeats it soon. */
		if (round % 50 == 0) {
			printf("# SEED=%llu\n",
			    (unsigned long long)(first + round));
			fflush(stdout);
		}
		ck_assert_int_eq(
		    acta_sup_init(&sup, &flags, ROOM, seed), ACTA_OK);
		grow(TOP, 0);
		acta_sup_start(&sup, now);
		carry_out();
		for (int i = 0; i < 600 && !w.exited && events > 0; i++) {
			happen();
			forget_old();
			events--;
		}
		if (!w.exited)
			come_to_rest();
		if (!w.exited)
			stop_world();
		spawned += w.spawned;
		restarted += w.restarted;
		escalated += w.escalated;
		shut += w.shut;
		ended += w.ended;
		held += w.held;
		gone += w.gone;
		for (uint32_t i = 0; i < ACTA_NODE_PHASES; i++)
			changed[i] += w.changed[i];
		acta_sup_fini(&sup);
	}
	printf(
	    "# %llu starts, %llu ends, %llu restarts (%llu under hold), %llu "
	    "escalations, %llu automatic shutdowns, %llu removed\n",
	    (unsigned long long)spawned, (unsigned long long)ended,
	    (unsigned long long)restarted, (unsigned long long)held,
	    (unsigned long long)escalated, (unsigned long long)shut,
	    (unsigned long long)gone);
	ck_assert(spawned > 0 && restarted > 0 && escalated > 0 && shut > 0);
	ck_assert(held > 0 && gone > 0);
	printf("# changed while not up %llu, starting %llu, running %llu, "
	       "clearing %llu, filling %llu, stopping %llu\n",
	    (unsigned long long)changed[ACTA_NODE_NEW],
	    (unsigned long long)changed[ACTA_NODE_STARTING],
	    (unsigned long long)changed[ACTA_NODE_RUNNING],
	    (unsigned long long)changed[ACTA_NODE_CLEARING],
	    (unsigned long long)changed[ACTA_NODE_FILLING],
	    (unsigned long long)changed[ACTA_NODE_STOPPING]);
	for (uint32_t i = 0; i < ACTA_NODE_DONE; i++)
		ck_assert_uint_gt(changed[i], 0);
}
END_TEST

/* -------------------------------------------------------------------- scale -- */

static double
cpu_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void
obey_all(void)
{
	struct acta_sup_action a;

	while (acta_sup_take(&sup, &a)) {
		if (a.verb == ACTA_DO_SPAWN) {
			acta_sup_spawned(&sup, a.child, now);
			acta_sup_ready(&sup, a.child, now);
		} else if (a.verb == ACTA_DO_STOP || a.verb == ACTA_DO_SIGNAL) {
			acta_sup_ended(&sup, a.child, ACTA_END_NORMAL, now);
		}
	}
}

static void
add_many(uint32_t parent, uint32_t count, uint32_t restart, bool simple)
{
	struct acta_sup_spec spec = {
		.restart = restart, .shutdown_ms = 1000, .backoff_factor = 1
	};

	for (uint32_t i = 0; i < count; i++) {
		snprintf(spec.id, sizeof(spec.id), "child-%u", i);
		ck_assert_int_eq(acta_sup_start_child(&sup, parent, i + 2,
				     simple ? NULL : &spec, now),
		    ACTA_SUP_OK);
		obey_all();
	}
}

static void
find_many(uint32_t parent, uint32_t count)
{
	char id[40];

	for (uint32_t i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "child-%u", i);
		ck_assert_uint_eq(acta_sup_find(&sup, parent, id), i + 2);
	}
	ck_assert_uint_eq(acta_sup_find(&sup, parent, "nobody"), NONE);
}

/* Adding, finding, counting, stopping by name, mass exit, mass stop, of `count`
 * children of a strategy: seconds of each. What is quadratic somewhere does not
 * end in time with 100,000. */
static void
many(uint32_t count, uint32_t strategy)
{
	struct acta_sup_flags top = { .period_ms = 1000,
		.on_exceed = ACTA_EXCEED_ESCALATE };
	struct acta_sup_spec group = { .id = "group",
		.supervisor = true,
		.shutdown_ms = ACTA_SHUTDOWN_INFINITY,
		.backoff_factor = 1,
		.flags = { .strategy = strategy,
		    .intensity = 1000,
		    .period_ms = 1000,
		    .on_exceed = ACTA_EXCEED_ESCALATE } };
	struct acta_sup_spec template = { .id = "t",
		.restart = ACTA_TEMPORARY,
		.shutdown_ms = 1000,
		.backoff_factor = 1 };
	bool simple = strategy == ACTA_SIMPLE_ONE_FOR_ONE;
	struct acta_sup_counts counts;
	double begun, added, found, ended;

	now = 1000;
	ck_assert_int_eq(acta_sup_init(&sup, &top, count + 2, 1), ACTA_OK);
	ck_assert_int_eq(acta_sup_declare(&sup, TOP, 0, &group), ACTA_SUP_OK);
	if (simple)
		ck_assert_int_eq(
		    acta_sup_declare(&sup, 0, 1, &template), ACTA_SUP_OK);
	acta_sup_start(&sup, now);
	obey_all();

	begun = cpu_s();
	add_many(0, count, ACTA_TEMPORARY, simple);
	added = cpu_s();
	if (!simple)
		find_many(0, count);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(
		    acta_sup_count_children(&sup, 0, &counts), ACTA_SUP_OK);
		ck_assert_uint_eq(counts.specs, simple ? 1 : count);
		ck_assert_uint_eq(counts.active, count);
		ck_assert_uint_eq(counts.workers, count);
		ck_assert_uint_eq(counts.supervisors, 0);
	}
	found = cpu_s();
	for (uint32_t i = 0; i < count; i++) { /* mass exit */
		acta_sup_ended(&sup, i + 2, ACTA_END_ABNORMAL, now);
		obey_all();
	}
	ended = cpu_s();
	ck_assert_int_eq(
	    acta_sup_count_children(&sup, 0, &counts), ACTA_SUP_OK);
	ck_assert_uint_eq(counts.active, 0);
	ck_assert_uint_eq(counts.workers, 0);
	add_many(0, count, ACTA_PERMANENT, simple);
	for (uint32_t i = 0; i < count / 2; i++) { /* by name, from the old */
		ck_assert_int_eq(
		    acta_sup_terminate_child(&sup, i + 2, now), ACTA_SUP_OK);
		obey_all();
	}
	acta_sup_shutdown(&sup, 0, now);
	obey_all();
	ck_assert_int_eq(sup.phase, ACTA_NODE_DONE);
	printf("# %s, %u: added in %.3f s, found and counted in %.3f s, mass "
	       "exit in %.3f s, stopped in %.3f s\n",
	    simple ? "simple_one_for_one" : "a list", count, added - begun,
	    found - added, ended - found, cpu_s() - ended);
	acta_sup_fini(&sup);
}

/* count_children_supervisor: a template may be of a supervisor. */
START_TEST(supervisors_are_counted_as_such)
{
	struct acta_sup_flags flags = { .strategy = ACTA_SIMPLE_ONE_FOR_ONE,
		.intensity = 1,
		.period_ms = 1000,
		.on_exceed = ACTA_EXCEED_ESCALATE };
	struct acta_sup_spec template = { .id = "t",
		.supervisor = true,
		.restart = ACTA_TEMPORARY,
		.shutdown_ms = ACTA_SHUTDOWN_INFINITY,
		.backoff_factor = 1 };
	struct acta_sup_counts counts;

	template.flags = flags;
	template.flags.strategy = ACTA_ONE_FOR_ONE;
	now = 1000;
	ck_assert_int_eq(acta_sup_init(&sup, &flags, 2001, 1), ACTA_OK);
	ck_assert_int_eq(
	    acta_sup_declare(&sup, TOP, 2000, &template), ACTA_SUP_OK);
	acta_sup_start(&sup, now);
	obey_all();
	for (uint32_t i = 0; i < 2000; i++) {
		ck_assert_int_eq(
		    acta_sup_start_child(&sup, TOP, i, NULL, now), ACTA_SUP_OK);
		obey_all();
		ck_assert_int_eq(
		    acta_sup_count_children(&sup, TOP, &counts), ACTA_SUP_OK);
		ck_assert_uint_eq(counts.specs, 1);
		ck_assert_uint_eq(counts.active, i + 1);
		ck_assert_uint_eq(counts.supervisors, i + 1);
		ck_assert_uint_eq(counts.workers, 0);
	}
	for (uint32_t i = 0; i < 2000; i++) {
		ck_assert_int_eq(
		    acta_sup_terminate_child(&sup, i, now), ACTA_SUP_OK);
		obey_all();
	}
	ck_assert_int_eq(
	    acta_sup_count_children(&sup, TOP, &counts), ACTA_SUP_OK);
	ck_assert_uint_eq(counts.active + counts.supervisors, 0);
	acta_sup_fini(&sup);
}
END_TEST

START_TEST(a_hundred_thousand_are_linear)
{
	for (uint32_t count = 1000; count <= 100000; count *= 10) {
		many(count, ACTA_ONE_FOR_ONE);
		many(count, ACTA_ONE_FOR_ALL);
		many(count, ACTA_SIMPLE_ONE_FOR_ONE);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tree");
	TCase *tc = tcase_create("simulation");
	TCase *scale = tcase_create("scale");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, whatever_happens_to_a_tree);
	tcase_set_timeout(scale, 300);
	tcase_add_test(scale, a_hundred_thousand_are_linear);
	tcase_add_test(scale, supervisors_are_counted_as_such);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, scale);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS;
}
