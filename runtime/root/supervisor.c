/*
 * runtime/root/supervisor.c - see supervisor.h. What happens when is in five
 * tables at the end of the part that carries them out: a child's states by
 * events, a supervisor's phases by what its children do, and what restart type,
 * strategy and attempt make of an end.
 */
#include "runtime/root/supervisor_own.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define NEVER INT64_MAX
#define NONE ACTA_SUP_NONE
#define TOP ACTA_SUP_TOP

/* An event moves a child, its supervisor and those above, and a tick may move
 * all. No child gets more than this of one event. */
#define ACTIONS_PER_CHILD 12u

enum event {
	EV_READY,
	EV_IGNORED, /* ready, with nothing to do */
	EV_ENDED,   /* arg: enum acta_sup_end */
	EV_DUE,
	EV_CONDEMN, /* arg: enum acta_sup_fault */
	EV_END_WANTED,
	EVENTS
};

typedef void event_fn(struct acta_sup *sup, uint32_t child, int64_t arg);
typedef void phase_fn(struct acta_sup *sup, uint32_t parent);

static void dispatch(
    struct acta_sup *sup, uint32_t child, enum event event, int64_t arg);
static void go_on(struct acta_sup *sup, uint32_t parent);
static void clear(struct acta_sup *sup, uint32_t parent);
static void stop(struct acta_sup *sup, uint32_t parent);
static void begin_stop(struct acta_sup *sup, uint32_t parent);
static void ended_by_itself(struct acta_sup *sup, uint32_t child, int64_t end);

/* ------------------------------------------------------------- helpers -- */

static struct acta_sup_child *
at(const struct acta_sup *sup, uint32_t child)
{
	return acta_tree_at(sup, child);
}

const struct acta_sup_spec *
acta_sup_spec_of(const struct acta_sup *sup, uint32_t child)
{
	const struct acta_sup_child *c = at(sup, child), *p;

	if (c->parent == NONE)
		return &c->spec;
	p = at(sup, c->parent);
	if (p->spec.flags.strategy != ACTA_SIMPLE_ONE_FOR_ONE ||
	    p->founders == NONE)
		return &c->spec;
	return &at(sup, p->founders)->spec;
}

static bool
holds(const struct acta_sup *sup, uint32_t parent)
{
	return at(sup, parent)->spec.flags.on_exceed == ACTA_EXCEED_HOLD;
}

static bool
is_simple(const struct acta_sup_child *p)
{
	return p->spec.flags.strategy == ACTA_SIMPLE_ONE_FOR_ONE;
}

void
acta_sup_emit(
    struct acta_sup *sup, enum acta_sup_verb verb, uint32_t child, int64_t arg)
{
	/* Taking them may bring events: what was taken makes room. */
	if (sup->actions_count == sup->actions_max) {
		sup->actions_count -= sup->actions_taken;
		memmove(sup->actions, sup->actions + sup->actions_taken,
		    sup->actions_count * sizeof(*sup->actions));
		sup->actions_taken = 0;
	}
	assert(sup->actions_count < sup->actions_max);
	sup->actions[sup->actions_count++] =
	    (struct acta_sup_action){ verb, child, arg };
}
#define emit acta_sup_emit

/* splitmix64 (Steele, Lea, Flood 2014): enough for jitter. */
static uint64_t
chance(struct acta_sup *sup)
{
	uint64_t z = sup->chance += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void
soon(struct acta_sup *sup, int64_t due_ms)
{
	if (due_ms < sup->soonest_ms)
		sup->soonest_ms = due_ms;
}

static void
set_due(struct acta_sup *sup, uint32_t child, int64_t due_ms)
{
	at(sup, child)->due_ms = due_ms;
	soon(sup, due_ms);
}

static void
raise_alarm(struct acta_sup *sup, uint32_t child, uint32_t bit)
{
	struct acta_sup_child *c = at(sup, child);

	if (c->alarms & bit)
		return;
	c->alarms |= bit;
	emit(sup, ACTA_DO_ALARM, child, bit);
}

void
acta_sup_calm(struct acta_sup *sup, uint32_t child, uint32_t bit)
{
	struct acta_sup_child *c = at(sup, child);

	if (!(c->alarms & bit))
		return;
	c->alarms &= ~bit;
	emit(sup, ACTA_DO_CALM, child, bit);
}
#define calm acta_sup_calm

static void
rest(struct acta_sup *sup, uint32_t child, enum acta_sup_state state)
{
	struct acta_sup_child *c = at(sup, child);

	assert(!c->live);
	c->state = state;
	c->due_ms = NEVER;
	emit(sup, ACTA_DO_DOWN, child, 0);
}

void
acta_sup_answer(struct acta_sup *sup, uint32_t child, enum acta_sup_word word)
{
	struct acta_sup_child *c = at(sup, child);

	if (c->calling == ACTA_CALLING_NOT)
		return;
	c->calling = ACTA_CALLING_NOT;
	emit(sup, ACTA_DO_ANSWER, child, word);
}
#define answer acta_sup_answer

/* As deep as supervisors are. */
void
acta_sup_release(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = at(sup, child);

	assert(!c->known);
	assert(c->count == 0);
	while (c->founders != NONE) {
		uint32_t next = at(sup, c->founders)->founder_next;

		acta_sup_release(sup, c->founders);
		c->founders = next;
	}
	emit(sup, ACTA_DO_FORGET, child, 0);
	acta_tree_free(sup, child);
}

void
acta_sup_forget(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = at(sup, child);

	assert(!c->live);
	acta_tree_unlose(sup, child);
	acta_tree_unlink(sup, child);
	c->pending = c->marked = c->stay = c->fresh = false;
	if (c->founder)
		emit(sup, ACTA_DO_FORGET, child, 0);
	else
		acta_sup_release(sup, child);
}
#define forget acta_sup_forget

/* Which window its restarts are counted in. */
static struct acta_intensity *
window_of(const struct acta_sup *sup, uint32_t child)
{
	uint32_t parent = at(sup, child)->parent;

	return holds(sup, parent) ? at(sup, child)->window
				  : at(sup, parent)->own_window;
}

/* What is told to a supervisor's own supervisor waits until the event that
 * brought it about is through with those below. */
static void
post(struct acta_sup *sup, uint32_t child, enum event event)
{
	struct acta_sup_child *c = at(sup, child);
	bool queued = c->post != 0;

	c->post = event + 1; /* up, and over before anybody heard of it */
	if (queued)
		return;
	c->post_next = NONE;
	if (sup->posts_last != NONE)
		at(sup, sup->posts_last)->post_next = child;
	else
		sup->posts_first = child;
	sup->posts_last = child;
}

void
acta_sup_event_begin(struct acta_sup *sup, int64_t now_ms)
{
	sup->now_ms = now_ms;
}

void
acta_sup_event_end(struct acta_sup *sup)
{
	while (sup->posts_first != NONE) {
		uint32_t child = sup->posts_first;
		struct acta_sup_child *c = at(sup, child);
		enum event event = c->post - 1;

		sup->posts_first = c->post_next;
		if (sup->posts_first == NONE)
			sup->posts_last = NONE;
		c->post = 0;
		dispatch(sup, child, event, c->giving_up);
	}
}

/* ------------------------------------------------------------- starting -- */

/* A supervisor begins with its founders, whatever it had before. */
static void
begin_supervisor(struct acta_sup *sup, uint32_t parent)
{
	struct acta_sup_child *p = at(sup, parent);

	assert(p->count == 0);
	p->phase = ACTA_NODE_STARTING;
	p->reordered = false;
	p->giving_up = ACTA_END_SHUTDOWN;
	p->culprit = NONE;
	p->own_window->count = p->own_window->next = 0;
	if (!is_simple(p)) {
		for (uint32_t i = p->founders; i != NONE;
		     i = at(sup, i)->founder_next) {
			acta_tree_link(sup, i);
			at(sup, i)->pending =
			    at(sup, i)->state != ACTA_SUP_STORAGE;
		}
	}
	p->cursor = p->first;
	go_on(sup, parent);
}

void
acta_sup_begin(
    struct acta_sup *sup, uint32_t child, enum acta_sup_attempt attempt)
{
	struct acta_sup_child *c = at(sup, child);

	assert(!c->live);
	acta_tree_unlose(sup, child);
	c->live = true;
	c->was_up = c->asked = c->start_then = false;
	c->pending = c->marked = c->stay = false;
	c->fault = ACTA_FAULT_NONE;
	c->attempt = attempt;
	c->state = ACTA_SUP_STARTING;
	c->due_ms = NEVER;
	at(sup, c->parent)->live_count++;
	if (c->spec.supervisor) {
		begin_supervisor(sup, child);
		return;
	}
	set_due(sup, child, sup->now_ms + ACTA_SUP_READY_MS);
	emit(sup, ACTA_DO_SPAWN, child, c->checked);
}
#define begin acta_sup_begin

/* The supervisor has started all it had to. */
static void
filled(struct acta_sup *sup, uint32_t parent)
{
	struct acta_sup_child *p = at(sup, parent);

	if (p->phase == ACTA_NODE_FILLING)
		for (uint32_t i = p->first; i != NONE; i = at(sup, i)->next)
			at(sup, i)->stay = false;
	p->phase = ACTA_NODE_RUNNING;
	p->culprit = NONE;
	if (p->reordered)
		acta_tree_reorder(sup, parent);
	p->reordered = false;
	if (parent == TOP && sup->phase == ACTA_NODE_STARTING) {
		sup->phase = ACTA_NODE_RUNNING;
		emit(sup, ACTA_DO_ALL_UP, TOP, 0);
	} else if (parent != TOP && p->state == ACTA_SUP_STARTING) {
		post(sup, parent, EV_READY);
	}
	while (p->phase == ACTA_NODE_RUNNING && p->lost_first != NONE) {
		uint32_t child = p->lost_first;
		enum acta_sup_end end = at(sup, child)->end;

		acta_tree_unlose(sup, child);
		ended_by_itself(sup, child, end);
	}
}

static bool
in_motion(enum acta_sup_state state)
{
	return state == ACTA_SUP_STARTING || state == ACTA_SUP_BACKOFF ||
	    state == ACTA_SUP_STOPPING || state == ACTA_SUP_DYING;
}

/* The order of the start: on past all that are up or at rest. */
static void
fill(struct acta_sup *sup, uint32_t parent)
{
	struct acta_sup_child *p = at(sup, parent);

	while (p->cursor != NONE) {
		uint32_t child = p->cursor;
		struct acta_sup_child *c = at(sup, child);

		if (c->pending)
			begin(sup, child,
			    p->phase == ACTA_NODE_FILLING ? ACTA_TRY_GROUP
							  : ACTA_TRY_FIRST);
		if (in_motion(c->state))
			return;
		p->cursor = c->next;
	}
	filled(sup, parent);
}

static void
came_up(struct acta_sup *sup, uint32_t child, int64_t arg)
{
	struct acta_sup_child *c = at(sup, child);

	c->state = ACTA_SUP_UP;
	c->due_ms = NEVER;
	c->was_up = c->ever_up = true;
	c->fresh = false;
	c->checked = false; /* it has looked, and found its disk good */
	c->up_ms = c->beat_ms = sup->now_ms;
	soon(sup, sup->now_ms + ACTA_SUP_BEAT_MS);
	soon(sup, sup->now_ms + c->backoff.reset_ms);
	emit(sup, ACTA_DO_UP, child, 0);
	calm(sup, child, ACTA_ALARM_FAILED);
	calm(sup, child, ACTA_ALARM_STORAGE);
	answer(sup, child, ACTA_SUP_OK);
	go_on(sup, c->parent);
}

/* OTP's `ignore`: kept without a process, but for those of no further use. */
static void
came_to_nothing(struct acta_sup *sup, uint32_t child, int64_t arg)
{
	struct acta_sup_child *c = at(sup, child);
	uint32_t parent = c->parent;
	bool kept =
	    c->attempt == ACTA_TRY_CALL && !c->fresh; /* as OTP has it */

	c->live = false;
	at(sup, parent)->live_count--;
	rest(sup, child, ACTA_SUP_STOPPED);
	answer(sup, child, ACTA_SUP_UNDEFINED);
	c->fresh = false;
	if (is_simple(at(sup, parent)) ||
	    (acta_sup_spec_of(sup, child)->restart == ACTA_TEMPORARY && !kept))
		forget(sup, child);
	go_on(sup, parent);
}

/* ------------------------------------------------------------- stopping -- */

/* All that lives below, at once, from the last to the first. */
static void
kill_below(struct acta_sup *sup, uint32_t parent)
{
	for (uint32_t i = at(sup, parent)->last; i != NONE;
	     i = at(sup, i)->prev) {
		struct acta_sup_child *c = at(sup, i);

		if (!c->live)
			continue;
		c->asked = true;
		c->state = ACTA_SUP_STOPPING;
		c->due_ms = NEVER;
		if (c->spec.supervisor)
			kill_below(sup, i);
		else
			emit(sup, ACTA_DO_SIGNAL, i, SIGKILL);
	}
	if (at(sup, parent)->phase != ACTA_NODE_STOPPING)
		begin_stop(sup, parent);
}

static void
ask_supervisor(struct acta_sup *sup, uint32_t child, int64_t shutdown_ms)
{
	struct acta_sup_child *c = at(sup, child);

	if (shutdown_ms == 0 || sup->hurried) {
		kill_below(sup, child);
		return;
	}
	if (shutdown_ms != ACTA_SHUTDOWN_INFINITY)
		set_due(sup, child, sup->now_ms + shutdown_ms);
	if (c->phase != ACTA_NODE_STOPPING)
		begin_stop(sup, child);
}

void
acta_sup_ask(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = at(sup, child);
	int64_t shutdown_ms = acta_sup_spec_of(sup, child)->shutdown_ms;

	assert(c->live);
	c->asked = true;
	c->state = ACTA_SUP_STOPPING;
	c->due_ms = NEVER;
	if (c->spec.supervisor) {
		ask_supervisor(sup, child, shutdown_ms);
	} else if (shutdown_ms == 0 || sup->hurried) {
		emit(sup, ACTA_DO_SIGNAL, child, SIGKILL);
	} else {
		emit(sup, ACTA_DO_STOP, child, 0);
		if (shutdown_ms != ACTA_SHUTDOWN_INFINITY)
			set_due(sup, child, sup->now_ms + shutdown_ms);
	}
}
#define ask acta_sup_ask

/* Ask it, if nobody did; the one that does it itself is waited for. */
static void
ask_once(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = at(sup, child);

	if (c->state != ACTA_SUP_STOPPING && c->state != ACTA_SUP_DYING)
		ask(sup, child);
	c->asked = true;
}

/* It is at rest, and so are all below it. */
static void
over(struct acta_sup *sup, uint32_t parent)
{
	struct acta_sup_child *p = at(sup, parent);

	p->phase = ACTA_NODE_NEW;
	while (p->last != NONE) {
		uint32_t child = p->last;

		/* Those it began with stay as they are, for the next time. */
		if (!at(sup, child)->founder)
			forget(sup, child);
		else
			acta_tree_unlink(sup, child);
	}
	if (parent == TOP) {
		sup->phase = p->phase = ACTA_NODE_DONE;
		emit(sup, ACTA_DO_EXIT, TOP, sup->status);
		return;
	}
	post(sup, parent, EV_ENDED);
}

/* The last one alive is asked to end; once it has, the one before. Those of a
 * template have no order: all at once. */
static void
stop(struct acta_sup *sup, uint32_t parent)
{
	struct acta_sup_child *p = at(sup, parent);

	while (p->cursor != NONE) {
		uint32_t child = p->cursor;

		if (at(sup, child)->live) {
			ask_once(sup, child);
			if (!is_simple(p))
				return;
		}
		p->cursor = at(sup, child)->prev;
	}
	if (p->live_count == 0)
		over(sup, parent);
}

static void
begin_stop(struct acta_sup *sup, uint32_t parent)
{
	struct acta_sup_child *p = at(sup, parent);

	p->phase = ACTA_NODE_STOPPING;
	for (uint32_t i = p->first; i != NONE; i = at(sup, i)->next) {
		struct acta_sup_child *c = at(sup, i);

		c->pending = c->marked = c->stay = false;
		acta_tree_unlose(sup, i);
		if (c->state == ACTA_SUP_BACKOFF)
			rest(sup, i, ACTA_SUP_STOPPED);
	}
	p->cursor = p->last;
	stop(sup, parent);
}

static void
stop_all(struct acta_sup *sup, int status)
{
	sup->phase = ACTA_NODE_STOPPING;
	sup->status = status;
	begin_stop(sup, TOP);
}

/* The supervisor ends by its own decision; its own supervisor will hear of it
 * as `end`, once all below are at rest. */
static void
give_up(
    struct acta_sup *sup, uint32_t parent, enum acta_sup_end end, int status)
{
	struct acta_sup_child *p = at(sup, parent);

	if (parent == TOP) {
		stop_all(sup, status);
		return;
	}
	p->giving_up = end;
	p->state = ACTA_SUP_STOPPING;
	begin_stop(sup, parent);
}

/* ----------------------------------------------------------- restarting -- */

/* one_for_one, and those of a template: itself alone. */
static void
restart_one(struct acta_sup *sup, uint32_t child, int64_t delay_ms)
{
	struct acta_sup_child *p = at(sup, at(sup, child)->parent);

	/* The strategy may be another than when siblings were cleared for it. */
	if (p->culprit == child)
		p->culprit = NONE;
	if (delay_ms == 0) {
		begin(sup, child, ACTA_TRY_RESTART);
		return;
	}
	at(sup, child)->state = ACTA_SUP_BACKOFF;
	set_due(sup, child, sup->now_ms + delay_ms);
}

/* Stop what is marked, from the last on; then wait for the culprit's time;
 * then start all of it, in order. */
static void
restart_marked(struct acta_sup *sup, uint32_t child, int64_t delay_ms)
{
	uint32_t parent = at(sup, child)->parent;
	struct acta_sup_child *p = at(sup, parent);
	int64_t due_ms = sup->now_ms + delay_ms;

	/* One for whom they are down already comes up with them, in order, and
	 * no sooner than its own wait wants. */
	if (p->culprit != NONE && p->culprit != child &&
	    at(sup, p->culprit)->state == ACTA_SUP_BACKOFF) {
		struct acta_sup_child *before = at(sup, p->culprit);

		if (before->due_ms > due_ms)
			due_ms = before->due_ms;
		before->state = ACTA_SUP_STOPPED;
		before->due_ms = NEVER;
		before->pending = !before->marked; /* else once cleared */
	}
	at(sup, child)->state = ACTA_SUP_BACKOFF;
	set_due(sup, child, due_ms);
	p->culprit = child;
	p->phase = ACTA_NODE_CLEARING;
	p->cursor = p->last;
	clear(sup, parent);
}

static void
restart_all(struct acta_sup *sup, uint32_t child, int64_t delay_ms)
{
	struct acta_sup_child *p = at(sup, at(sup, child)->parent);

	for (uint32_t i = p->first; i != NONE; i = at(sup, i)->next)
		at(sup, i)->marked = !at(sup, i)->spec.door;
	restart_marked(sup, child, delay_ms);
}

static void
restart_rest(struct acta_sup *sup, uint32_t child, int64_t delay_ms)
{
	for (uint32_t i = child; i != NONE; i = at(sup, i)->next)
		at(sup, i)->marked = !at(sup, i)->spec.door;
	restart_marked(sup, child, delay_ms);
}

/* One that was to be stopped and is at rest: is it to be started again? */
static void
cleared_one(struct acta_sup *sup, uint32_t parent, uint32_t child)
{
	struct acta_sup_child *c = at(sup, child);

	c->marked = false;
	acta_tree_unlose(sup, child);
	if (child == at(sup, parent)->culprit) {
		c->pending = true;
	} else if (c->spec.restart == ACTA_TEMPORARY) {
		forget(sup, child);
	} else {
		c->pending = !c->stay && c->state != ACTA_SUP_STORAGE &&
		    (c->state != ACTA_SUP_FAILED || !holds(sup, parent));
	}
}

static void
clear(struct acta_sup *sup, uint32_t parent)
{
	struct acta_sup_child *p = at(sup, parent);

	while (p->cursor != NONE) {
		uint32_t child = p->cursor;
		uint32_t before = at(sup, child)->prev;

		if (at(sup, child)->live && at(sup, child)->marked) {
			ask_once(sup, child);
			return;
		}
		if (at(sup, child)->marked)
			cleared_one(sup, parent, child);
		p->cursor = before;
	}
	if (p->culprit != NONE) {
		struct acta_sup_child *c = at(sup, p->culprit);

		if (c->state == ACTA_SUP_BACKOFF && c->due_ms > sup->now_ms)
			return; /* its time brings us back */
		assert(!c->live);
		c->state = ACTA_SUP_STOPPED;
		c->due_ms = NEVER;
	}
	p->phase = ACTA_NODE_FILLING;
	p->cursor = p->first;
	fill(sup, parent);
}

static void
waited(struct acta_sup *sup, uint32_t child, int64_t arg)
{
	struct acta_sup_child *c = at(sup, child);

	if (at(sup, c->parent)->culprit != child) {
		begin(sup, child, ACTA_TRY_RESTART);
	} else if (at(sup, c->parent)->cursor == NONE) {
		clear(sup, c->parent);
	} else { /* the last of its siblings to end finds it ready */
		c->state = ACTA_SUP_STOPPED;
		c->due_ms = NEVER;
	}
}

/* One restart too many. */
static void
exceeded(struct acta_sup *sup, uint32_t child)
{
	uint32_t parent = at(sup, child)->parent;

	rest(sup, child, ACTA_SUP_FAILED);
	raise_alarm(sup, child, ACTA_ALARM_FAILED);
	if (holds(sup, parent)) {
		go_on(sup, parent);
		return;
	}
	emit(sup, ACTA_DO_ESCALATE, child, at(sup, child)->parent);
	give_up(sup, parent, ACTA_END_SHUTDOWN, 1);
}

static void (*const by_strategy[])(
    struct acta_sup *sup, uint32_t child, int64_t delay_ms) = {
	[ACTA_ONE_FOR_ONE] = restart_one,
	[ACTA_ONE_FOR_ALL] = restart_all,
	[ACTA_REST_FOR_ONE] = restart_rest,
	[ACTA_SIMPLE_ONE_FOR_ONE] = restart_one,
};

static void
restart(struct acta_sup *sup, uint32_t child, int64_t end)
{
	struct acta_sup_child *c = at(sup, child);
	int64_t delay_ms;

	if (acta_intensity_record(
		window_of(sup, child), (uint64_t)sup->now_ms) != ACTA_OK) {
		exceeded(sup, child);
		return;
	}
	delay_ms = acta_backoff_next(&c->backoff, chance(sup));
	c->restarts++;
	c->counted_ms = sup->now_ms;
	emit(sup, ACTA_DO_RESTART, child, delay_ms);
	by_strategy[at(sup, c->parent)->spec.flags.strategy](
	    sup, child, delay_ms);
}

/* Does the supervisor end with this one, which it will not restart? */
static bool
is_last_significant(const struct acta_sup *sup, uint32_t parent)
{
	const struct acta_sup_child *p = at(sup, parent);

	if (p->spec.flags.auto_shutdown != ACTA_AUTO_ALL || is_simple(p))
		return p->spec.flags.auto_shutdown == ACTA_AUTO_ANY ||
		    p->count == 0;
	for (uint32_t i = p->first; i != NONE; i = at(sup, i)->next)
		if (at(sup, i)->spec.significant &&
		    (at(sup, i)->live || acta_sup_is_restarting(sup, i)))
			return false;
	return true;
}

static void
leave(struct acta_sup *sup, uint32_t child, int64_t end)
{
	uint32_t parent = at(sup, child)->parent;
	const struct acta_sup_spec *spec = acta_sup_spec_of(sup, child);
	bool significant = spec->significant &&
	    at(sup, parent)->spec.flags.auto_shutdown != ACTA_AUTO_NEVER;

	rest(sup, child, ACTA_SUP_STOPPED);
	if (spec->restart == ACTA_TEMPORARY || is_simple(at(sup, parent)))
		forget(sup, child);
	if (significant && is_last_significant(sup, parent)) {
		emit(sup, ACTA_DO_AUTO_SHUTDOWN, child, parent);
		give_up(sup, parent, ACTA_END_SHUTDOWN, 0);
		return;
	}
	go_on(sup, parent);
}

/* A door that is down shuts everybody out, so it is never held: only waits. */
static void
door_ended(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = at(sup, child);
	int64_t delay_ms = acta_backoff_next(&c->backoff, chance(sup));

	if (!c->ever_up && sup->phase == ACTA_NODE_STARTING &&
	    ++c->tries >= ACTA_SUP_DOOR_TRIES) {
		rest(sup, child, ACTA_SUP_FAILED);
		emit(sup, ACTA_DO_ESCALATE, child, at(sup, child)->parent);
		stop_all(sup, 1);
		return;
	}
	raise_alarm(sup, child, ACTA_ALARM_DOOR);
	c->restarts++;
	if (delay_ms > ACTA_SUP_DOOR_MS)
		delay_ms = ACTA_SUP_DOOR_MS;
	emit(sup, ACTA_DO_RESTART, child, delay_ms);
	restart_one(sup, child, delay_ms);
}

/* ------------------------------------------------------ starts that fail -- */

/* The start of a supervisor fails with that of a child. One that holds goes on
 * without the child, as it would later. */
static void
first_failed(struct acta_sup *sup, uint32_t child, int64_t end)
{
	uint32_t parent = at(sup, child)->parent;

	if (holds(sup, parent)) {
		ended_by_itself(sup, child, end);
		return;
	}
	rest(sup, child, ACTA_SUP_FAILED);
	emit(sup, ACTA_DO_ESCALATE, child, at(sup, child)->parent);
	give_up(sup, parent,
	    end == ACTA_END_NORMAL ? ACTA_END_ABNORMAL : (enum acta_sup_end)end,
	    1);
}

static void
call_failed(struct acta_sup *sup, uint32_t child, int64_t end)
{
	uint32_t parent = at(sup, child)->parent;
	bool never = at(sup, child)->fresh;

	rest(sup, child, ACTA_SUP_STOPPED);
	answer(sup, child, ACTA_SUP_ERROR);
	if (never)
		forget(sup, child);
	go_on(sup, parent);
}

/* What it was for decides what its failure means; see the header. */
static event_fn *const by_attempt[] = {
	[ACTA_TRY_FIRST] = first_failed,
	[ACTA_TRY_OPERATOR] = ended_by_itself,
	[ACTA_TRY_CALL] = call_failed,
	[ACTA_TRY_RESTART] = restart,
	[ACTA_TRY_GROUP] = restart,
};

/* ----------------------------------------------------------------- ends -- */

/* OTP's restart types: the ends after which one comes back. */
static event_fn *const by_type[][ACTA_END_CONFLICT + 1] = {
	[ACTA_PERMANENT] = { [ACTA_END_NORMAL] = restart,
	    [ACTA_END_SHUTDOWN] = restart,
	    [ACTA_END_ABNORMAL] = restart,
	    [ACTA_END_START] = restart,
	    [ACTA_END_CONFLICT] = restart },
	[ACTA_TRANSIENT] = { [ACTA_END_NORMAL] = leave,
	    [ACTA_END_SHUTDOWN] = leave,
	    [ACTA_END_ABNORMAL] = restart,
	    [ACTA_END_START] = restart,
	    [ACTA_END_CONFLICT] = restart },
	[ACTA_TEMPORARY] = { [ACTA_END_NORMAL] = leave,
	    [ACTA_END_SHUTDOWN] = leave,
	    [ACTA_END_ABNORMAL] = leave,
	    [ACTA_END_START] = leave,
	    [ACTA_END_CONFLICT] = leave },
};

static void
ended_by_itself(struct acta_sup *sup, uint32_t child, int64_t end)
{
	uint32_t restart_type = acta_sup_spec_of(sup, child)->restart;

	by_type[restart_type][end](sup, child, end);
}

/* Its supervisor is busy with others: it is looked after when that is done. */
static void
ended_meanwhile(struct acta_sup *sup, uint32_t child, int64_t end)
{
	struct acta_sup_child *c = at(sup, child);

	rest(sup, child, ACTA_SUP_STOPPED);
	c->end = (enum acta_sup_end)end;
	acta_tree_lose(sup, child);
	go_on(sup, c->parent);
}

/* In the ordered start: of those that share no fate each goes on alone. */
static void
ended_early(struct acta_sup *sup, uint32_t child, int64_t end)
{
	const struct acta_sup_child *p = at(sup, at(sup, child)->parent);

	if (p->spec.flags.strategy == ACTA_ONE_FOR_ONE)
		ended_by_itself(sup, child, end);
	else
		ended_meanwhile(sup, child, end);
}

/* Before it was asked to make way for a restart: it has. */
static void
ended_clearing(struct acta_sup *sup, uint32_t child, int64_t end)
{
	if (!at(sup, child)->marked) {
		ended_meanwhile(sup, child, end);
		return;
	}
	rest(sup, child, ACTA_SUP_STOPPED);
	go_on(sup, at(sup, child)->parent);
}

static void
ended_as_asked(struct acta_sup *sup, uint32_t child, int64_t end)
{
	struct acta_sup_child *c = at(sup, child);
	uint32_t parent = c->parent;
	enum acta_sup_phase phase = at(sup, parent)->phase;

	if (c->start_then && phase != ACTA_NODE_STOPPING && !c->marked) {
		begin(sup, child, ACTA_TRY_OPERATOR);
		return;
	}
	rest(sup, child, ACTA_SUP_STOPPED);
	/* A start that was called off, or the end that was called for. */
	answer(sup, child,
	    c->calling == ACTA_CALLING_START ? ACTA_SUP_ERROR : ACTA_SUP_OK);
	if (!c->marked && phase != ACTA_NODE_STOPPING &&
	    (c->fresh || is_simple(at(sup, parent)) ||
		acta_sup_spec_of(sup, child)->restart == ACTA_TEMPORARY))
		forget(sup, child);
	go_on(sup, parent);
}

/* A supervisor's phases: what comes next when a child is up or at rest, and
 * what it means that one ended unasked. */
static const struct {
	phase_fn *next;
	event_fn *ended;
} by_phase[ACTA_NODE_PHASES] = {
	[ACTA_NODE_NEW] = { NULL, NULL },
	[ACTA_NODE_STARTING] = { fill, ended_early },
	[ACTA_NODE_RUNNING] = { NULL, ended_by_itself },
	[ACTA_NODE_CLEARING] = { clear, ended_clearing },
	[ACTA_NODE_FILLING] = { fill, ended_meanwhile },
	[ACTA_NODE_STOPPING] = { stop, ended_as_asked },
	[ACTA_NODE_DONE] = { NULL, NULL },
};

static void
go_on(struct acta_sup *sup, uint32_t parent)
{
	phase_fn *next = by_phase[at(sup, parent)->phase].next;

	if (next)
		next(sup, parent);
}

/* The node's first start: what will not get better ends it. */
static bool
ends_the_start(
    const struct acta_sup *sup, const struct acta_sup_child *c, int64_t end)
{
	return (end == ACTA_END_START || end == ACTA_END_CONFLICT) &&
	    c->parent == TOP && sup->phase == ACTA_NODE_STARTING && !c->ever_up;
}

static void
ended(struct acta_sup *sup, uint32_t child, int64_t end)
{
	struct acta_sup_child *c = at(sup, child);
	struct acta_sup_child *p = at(sup, c->parent);

	assert(c->live);
	c->live = false;
	p->live_count--;
	if (c->state == ACTA_SUP_DYING && end == ACTA_END_NORMAL)
		end = ACTA_END_ABNORMAL;
	if (c->was_up)
		acta_backoff_was_up(&c->backoff, sup->now_ms - c->up_ms);

	if (end == ACTA_END_STORAGE) {
		rest(sup, child, ACTA_SUP_STORAGE);
		raise_alarm(sup, child, ACTA_ALARM_STORAGE);
		answer(sup, child,
		    c->calling == ACTA_CALLING_START ? ACTA_SUP_ERROR
						     : ACTA_SUP_OK);
		c->fresh = false; /* that must not be forgotten */
		go_on(sup, c->parent);
	} else if (c->asked || p->phase == ACTA_NODE_STOPPING) {
		ended_as_asked(sup, child, end);
	} else if (ends_the_start(sup, c, end)) {
		rest(sup, child, ACTA_SUP_FAILED);
		emit(sup, ACTA_DO_ESCALATE, child, at(sup, child)->parent);
		stop_all(sup, end == ACTA_END_CONFLICT ? 5 : 1);
	} else if (c->spec.door) {
		door_ended(sup, child);
	} else if (!c->was_up &&
	    !(c->marked && p->phase == ACTA_NODE_CLEARING)) {
		by_attempt[c->attempt](sup, child, end);
	} else {
		by_phase[p->phase].ended(sup, child, end);
	}
}

/* ------------------------------------------------- condemned, or wanted -- */

static void
condemn(struct acta_sup *sup, uint32_t child, int64_t fault)
{
	struct acta_sup_child *c = at(sup, child);

	c->state = ACTA_SUP_DYING;
	c->fault = (enum acta_sup_fault)fault;
	emit(sup, ACTA_DO_CONDEMN, child, fault);
	if (fault == ACTA_FAULT_RECORD) {
		/* Its memory is not to be trusted: no last words. */
		emit(sup, ACTA_DO_SIGNAL, child, SIGKILL);
		c->due_ms = NEVER;
		return;
	}
	emit(sup, ACTA_DO_SIGNAL, child, SIGABRT);
	set_due(sup, child, sup->now_ms + ACTA_SUP_ABORT_MS);
}

static void
too_slow(struct acta_sup *sup, uint32_t child, int64_t arg)
{
	if (!at(sup, child)->spec.supervisor)
		condemn(sup, child, ACTA_FAULT_READY);
}

/* While it is up: its heartbeat, and the alarm of a door. */
static void
look_at(struct acta_sup *sup, uint32_t child, int64_t arg)
{
	struct acta_sup_child *c = at(sup, child);
	const struct acta_sup_spec *spec = acta_sup_spec_of(sup, child);

	if ((c->alarms & ACTA_ALARM_DOOR) &&
	    sup->now_ms >= c->up_ms + c->backoff.reset_ms)
		calm(sup, child, ACTA_ALARM_DOOR);
	if (!spec->program && !spec->supervisor &&
	    sup->now_ms >= c->beat_ms + ACTA_SUP_BEAT_MS)
		condemn(sup, child, ACTA_FAULT_BEAT);
}

static void
kill_it(struct acta_sup *sup, uint32_t child, int64_t arg)
{
	at(sup, child)->due_ms = NEVER;
	if (at(sup, child)->spec.supervisor)
		kill_below(sup, child);
	else
		emit(sup, ACTA_DO_SIGNAL, child, SIGKILL);
}

/* In the middle of a restart of siblings: this one is to stay down. */
static void
stay_down(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = at(sup, child);
	enum acta_sup_phase phase = at(sup, c->parent)->phase;

	c->stay = phase == ACTA_NODE_CLEARING || phase == ACTA_NODE_FILLING;
}

/* Siblings that were to come up behind it are not brought up any more. */
static void
abandon(struct acta_sup *sup, uint32_t parent)
{
	for (uint32_t i = at(sup, parent)->first; i != NONE;
	     i = at(sup, i)->next)
		at(sup, i)->pending = false;
}

static void
end_live(struct acta_sup *sup, uint32_t child, int64_t arg)
{
	struct acta_sup_child *c = at(sup, child);

	stay_down(sup, child);
	/* As if this attempt had failed already, with the call behind it. */
	if (c->state == ACTA_SUP_STARTING && c->attempt == ACTA_TRY_GROUP &&
	    at(sup, c->parent)->phase == ACTA_NODE_FILLING)
		abandon(sup, c->parent);
	ask(sup, child);
}

/* The signals go on as they are due; only no restart follows. */
static void
end_dying(struct acta_sup *sup, uint32_t child, int64_t arg)
{
	stay_down(sup, child);
	at(sup, child)->asked = true;
	at(sup, child)->state = ACTA_SUP_STOPPING;
}

static void
end_stopping(struct acta_sup *sup, uint32_t child, int64_t arg)
{
	stay_down(sup, child);
	at(sup, child)->asked = true;
	at(sup, child)->start_then = false;
}

static void
end_idle(struct acta_sup *sup, uint32_t child, int64_t arg)
{
	struct acta_sup_child *c = at(sup, child);
	uint32_t parent = c->parent;

	stay_down(sup, child);
	c->pending = false; /* an ordered start passes it over */
	acta_tree_unlose(sup, child);
	if (c->state == ACTA_SUP_FAILED)
		rest(sup, child, ACTA_SUP_STOPPED);
	calm(sup, child, ACTA_ALARM_FAILED);
	answer(sup, child, ACTA_SUP_OK);
	if (c->known &&
	    (is_simple(at(sup, parent)) ||
		acta_sup_spec_of(sup, child)->restart == ACTA_TEMPORARY) &&
	    !c->marked)
		forget(sup, child);
	go_on(sup, parent);
}

/* A restart that was not tried yet is none. Siblings that were to come back
 * with it, and are down for it, stay so, as in OTP. */
static void
call_off(struct acta_sup *sup, uint32_t child, int64_t arg)
{
	struct acta_sup_child *c = at(sup, child);
	struct acta_sup_child *p = at(sup, c->parent);

	if (!c->spec.door)
		acta_intensity_take_back(
		    window_of(sup, child), (uint64_t)c->counted_ms);
	rest(sup, child, ACTA_SUP_STOPPED);
	if (p->culprit == child) {
		p->culprit = NONE;
		if (p->cursor == NONE) {
			abandon(sup, c->parent);
			p->phase = ACTA_NODE_FILLING;
		}
	}
	end_idle(sup, child, arg);
}

static void
nothing(struct acta_sup *sup, uint32_t child, int64_t arg)
{
}

/* A child's states by events. Where nothing stands, it cannot be. */
static event_fn *const by_state[ACTA_SUP_STATES][EVENTS] = {
	[ACTA_SUP_STOPPED] = { [EV_READY] = nothing,
	    [EV_IGNORED] = nothing,
	    [EV_DUE] = nothing,
	    [EV_CONDEMN] = nothing,
	    [EV_END_WANTED] = end_idle },
	[ACTA_SUP_STARTING] = { [EV_READY] = came_up,
	    [EV_IGNORED] = came_to_nothing,
	    [EV_ENDED] = ended,
	    [EV_DUE] = too_slow,
	    [EV_CONDEMN] = condemn,
	    [EV_END_WANTED] = end_live },
	[ACTA_SUP_UP] = { [EV_READY] = nothing,
	    [EV_IGNORED] = nothing,
	    [EV_ENDED] = ended,
	    [EV_DUE] = look_at,
	    [EV_CONDEMN] = condemn,
	    [EV_END_WANTED] = end_live },
	[ACTA_SUP_BACKOFF] = { [EV_READY] = nothing,
	    [EV_IGNORED] = nothing,
	    [EV_DUE] = waited,
	    [EV_CONDEMN] = nothing,
	    [EV_END_WANTED] = call_off },
	/* READY came too late; a deadline is there already. */
	[ACTA_SUP_STOPPING] = { [EV_READY] = nothing,
	    [EV_IGNORED] = nothing,
	    [EV_ENDED] = ended,
	    [EV_DUE] = kill_it,
	    [EV_CONDEMN] = nothing,
	    [EV_END_WANTED] = end_stopping },
	[ACTA_SUP_DYING] = { [EV_READY] = nothing,
	    [EV_IGNORED] = nothing,
	    [EV_ENDED] = ended,
	    [EV_DUE] = kill_it,
	    [EV_CONDEMN] = nothing,
	    [EV_END_WANTED] = end_dying },
	[ACTA_SUP_FAILED] = { [EV_READY] = nothing,
	    [EV_IGNORED] = nothing,
	    [EV_DUE] = nothing,
	    [EV_CONDEMN] = nothing,
	    [EV_END_WANTED] = end_idle },
	[ACTA_SUP_STORAGE] = { [EV_READY] = nothing,
	    [EV_IGNORED] = nothing,
	    [EV_DUE] = nothing,
	    [EV_CONDEMN] = nothing,
	    [EV_END_WANTED] = end_idle },
};

static void
dispatch(struct acta_sup *sup, uint32_t child, enum event event, int64_t arg)
{
	event_fn *fn = by_state[at(sup, child)->state][event];

	assert(fn);
	fn(sup, child, arg);
}

void
acta_sup_end_wanted(struct acta_sup *sup, uint32_t child)
{
	dispatch(sup, child, EV_END_WANTED, 0);
}

/* --------------------------------------------------------------- events -- */

static void
happen(struct acta_sup *sup, uint32_t child, enum event event, int64_t arg,
    int64_t now_ms)
{
	acta_sup_event_begin(sup, now_ms);
	dispatch(sup, child, event, arg);
	acta_sup_event_end(sup);
}

void
acta_sup_start(struct acta_sup *sup, int64_t now_ms)
{
	assert(sup->phase == ACTA_NODE_NEW);
	acta_sup_event_begin(sup, now_ms);
	sup->phase = ACTA_NODE_STARTING;
	sup->last_tick_ms = now_ms;
	begin_supervisor(sup, TOP);
	acta_sup_event_end(sup);
}

void
acta_sup_spawned(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	at(sup, child)->beat_ms = now_ms;
	if (acta_sup_spec_of(sup, child)->program)
		acta_sup_ready(sup, child, now_ms);
}

void
acta_sup_ready(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	happen(sup, child, EV_READY, 0, now_ms);
}

void
acta_sup_ignored(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	happen(sup, child, EV_IGNORED, 0, now_ms);
}

void
acta_sup_beat(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	at(sup, child)->beat_ms = now_ms;
}

void
acta_sup_condemn(struct acta_sup *sup, uint32_t child,
    enum acta_sup_fault fault, int64_t now_ms)
{
	assert(fault != ACTA_FAULT_NONE);
	happen(sup, child, EV_CONDEMN, fault, now_ms);
}

void
acta_sup_ended(
    struct acta_sup *sup, uint32_t child, enum acta_sup_end end, int64_t now_ms)
{
	happen(sup, child, EV_ENDED, end, now_ms);
}

static int64_t
child_due(const struct acta_sup *sup, uint32_t child)
{
	const struct acta_sup_child *c = at(sup, child);
	const struct acta_sup_spec *spec;
	int64_t due_ms = c->due_ms;

	if (c->state != ACTA_SUP_UP)
		return due_ms;
	spec = acta_sup_spec_of(sup, child);
	if (!spec->program && !spec->supervisor)
		due_ms = c->beat_ms + ACTA_SUP_BEAT_MS;
	if ((c->alarms & ACTA_ALARM_DOOR) &&
	    c->up_ms + c->backoff.reset_ms < due_ms)
		due_ms = c->up_ms + c->backoff.reset_ms;
	return due_ms;
}

void
acta_sup_tick(struct acta_sup *sup, int64_t now_ms)
{
	/* If it was the root that slept (SIGSTOP, a paused machine), nobody's
	 * silence of that time counts. */
	bool slept = now_ms - sup->last_tick_ms > ACTA_SUP_BEAT_MS / 2;
	int64_t soonest_ms = NEVER;

	sup->last_tick_ms = now_ms;
	if (slept)
		for (uint32_t i = 0; i < sup->used; i++)
			sup->children[i].beat_ms = now_ms;
	if (now_ms < sup->soonest_ms)
		return;
	acta_sup_event_begin(sup, now_ms);
	for (uint32_t i = 0; i < sup->used; i++) {
		if (sup->children[i].used && child_due(sup, i) <= now_ms)
			dispatch(sup, i, EV_DUE, 0);
		acta_sup_event_end(sup);
	}
	for (uint32_t i = 0; i < sup->used; i++)
		if (sup->children[i].used && child_due(sup, i) < soonest_ms)
			soonest_ms = child_due(sup, i);
	sup->soonest_ms = soonest_ms;
}

int64_t
acta_sup_due(const struct acta_sup *sup)
{
	return sup->soonest_ms;
}

void
acta_sup_shutdown(struct acta_sup *sup, int status, int64_t now_ms)
{
	if (sup->phase == ACTA_NODE_DONE)
		return;
	acta_sup_event_begin(sup, now_ms);
	if (sup->phase != ACTA_NODE_STOPPING) {
		stop_all(sup, status);
		acta_sup_event_end(sup);
		return;
	}
	sup->hurried = true;
	for (uint32_t i = 0; i < sup->used; i++) {
		const struct acta_sup_child *c = &sup->children[i];

		if (c->live && !c->spec.supervisor &&
		    (c->state == ACTA_SUP_STOPPING ||
			c->state == ACTA_SUP_DYING))
			emit(sup, ACTA_DO_SIGNAL, i, SIGKILL);
	}
	acta_sup_event_end(sup);
}

/* ------------------------------------------------------------ life cycle -- */

enum acta_err
acta_sup_init(struct acta_sup *sup, const struct acta_sup_flags *flags,
    uint32_t room, uint64_t seed)
{
	enum acta_err err = ACTA_ENOMEM;

	*sup = (struct acta_sup){ .chance = seed,
		.soonest_ms = NEVER,
		.posts_first = NONE,
		.posts_last = NONE };
	if (acta_sup_check_flags(flags) != ACTA_SUP_OK ||
	    room > ACTA_SUP_ROOM_MAX)
		return ACTA_EINVAL;
	sup->actions_max = (room + 1) * ACTIONS_PER_CHILD;
	sup->actions = calloc(sup->actions_max, sizeof(*sup->actions));
	if (!sup->actions)
		goto fail;
	err = acta_tree_init(sup, room);
	if (err != ACTA_OK)
		goto fail;
	at(sup, TOP)->spec =
	    (struct acta_sup_spec){ .supervisor = true, .flags = *flags };
	if (acta_tree_fit(sup, TOP) == ACTA_SUP_OK)
		return ACTA_OK;
	err = ACTA_ENOMEM;
fail:
	acta_sup_fini(sup);
	return err;
}

void
acta_sup_fini(struct acta_sup *sup)
{
	acta_tree_fini(sup);
	free(sup->actions);
	sup->actions = NULL;
}

bool
acta_sup_take(struct acta_sup *sup, struct acta_sup_action *out)
{
	if (sup->actions_taken == sup->actions_count) {
		sup->actions_taken = sup->actions_count = 0;
		return false;
	}
	*out = sup->actions[sup->actions_taken++];
	/* Carrying an action out may bring the next event: an emptied queue has
	 * room for it. */
	if (sup->actions_taken == sup->actions_count)
		sup->actions_taken = sup->actions_count = 0;
	return true;
}
