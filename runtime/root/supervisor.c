/* runtime/root/supervisor.c - see supervisor.h. */
#include "runtime/root/supervisor.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

#define NEVER INT64_MAX

/* One event moves one child and then the order of the node; a tick may move
 * every child. No child gets more than this of one event. */
#define ACTIONS_PER_CHILD 8u

/* ------------------------------------------------------------- helpers -- */

static const struct acta_plan_child *
spec_of(const struct acta_sup *sup, uint32_t child)
{
	return &sup->plan->children[child];
}

static bool
is_door(const struct acta_sup *sup, uint32_t child)
{
	return spec_of(sup, child)->kind == ACTA_KIND_DOOR;
}

static void
emit(struct acta_sup *sup, enum acta_sup_verb verb, uint32_t child, int64_t arg)
{
	assert(sup->actions_count < sup->actions_max);
	sup->actions[sup->actions_count++] =
	    (struct acta_sup_action){ verb, child, arg };
}

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
raise_alarm(struct acta_sup *sup, uint32_t child, uint32_t bit)
{
	struct acta_sup_child *c = &sup->children[child];

	if (c->alarms & bit)
		return;
	c->alarms |= bit;
	emit(sup, ACTA_DO_ALARM, child, bit);
}

static void
calm(struct acta_sup *sup, uint32_t child, uint32_t bit)
{
	struct acta_sup_child *c = &sup->children[child];

	if (!(c->alarms & bit))
		return;
	c->alarms &= ~bit;
	emit(sup, ACTA_DO_CALM, child, bit);
}

static void
rest(struct acta_sup *sup, uint32_t child, enum acta_sup_state state)
{
	struct acta_sup_child *c = &sup->children[child];

	assert(!c->live);
	c->state = state;
	c->due_ms = NEVER;
	emit(sup, ACTA_DO_DOWN, child, 0);
}

static void
spawn(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	struct acta_sup_child *c = &sup->children[child];

	assert(!c->live);
	c->live = true;
	c->begun = true;
	c->was_up = false;
	c->fault = ACTA_FAULT_NONE;
	c->start_then = false;
	c->state = ACTA_SUP_STARTING;
	c->due_ms = now_ms + ACTA_SUP_READY_MS;
	emit(sup, ACTA_DO_SPAWN, child, c->checked);
}

static void
ask_to_stop(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	struct acta_sup_child *c = &sup->children[child];
	int64_t shutdown_ms = spec_of(sup, child)->shutdown_ms;

	assert(c->live);
	c->state = ACTA_SUP_STOPPING;
	c->due_ms = NEVER;
	if (shutdown_ms == 0 || sup->hurried) {
		emit(sup, ACTA_DO_SIGNAL, child, SIGKILL);
		return;
	}
	emit(sup, ACTA_DO_STOP, child, 0);
	if (shutdown_ms != ACTA_SHUTDOWN_INFINITY)
		c->due_ms = now_ms + shutdown_ms;
}

/* ------------------------------------------------- the order of the node -- */

/* The last one alive is asked to stop; once it has ended, the one before. */
static void
stop_next(struct acta_sup *sup, int64_t now_ms)
{
	for (uint32_t i = sup->plan->count; i-- > 0;) {
		struct acta_sup_child *c = &sup->children[i];

		if (!c->live)
			continue;
		if (c->state != ACTA_SUP_STOPPING && c->state != ACTA_SUP_DYING)
			ask_to_stop(sup, i, now_ms);
		return;
	}
	sup->phase = ACTA_NODE_DONE;
	emit(sup, ACTA_DO_EXIT, 0, sup->status);
}

static void
stop_all(struct acta_sup *sup, int status, int64_t now_ms)
{
	sup->phase = ACTA_NODE_STOPPING;
	sup->status = status;
	for (uint32_t i = 0; i < sup->plan->count; i++)
		if (sup->children[i].state == ACTA_SUP_BACKOFF)
			rest(sup, i, ACTA_SUP_STOPPED);
	stop_next(sup, now_ms);
}

/* The ordered start goes on past all that are up or at rest. */
static void
start_next(struct acta_sup *sup, int64_t now_ms)
{
	if (sup->phase != ACTA_NODE_STARTING)
		return;
	for (; sup->next < sup->plan->count; sup->next++) {
		const struct acta_sup_child *c = &sup->children[sup->next];

		if (!c->begun) {
			spawn(sup, sup->next, now_ms);
			return;
		}
		if (c->state == ACTA_SUP_STARTING ||
		    c->state == ACTA_SUP_BACKOFF ||
		    c->state == ACTA_SUP_STOPPING || c->state == ACTA_SUP_DYING)
			return;
	}
	sup->phase = ACTA_NODE_RUNNING;
	emit(sup, ACTA_DO_ALL_UP, 0, 0);
}

/* ------------------------------------------------------ restart or not -- */

static void
restart_in(
    struct acta_sup *sup, uint32_t child, int64_t delay_ms, int64_t now_ms)
{
	struct acta_sup_child *c = &sup->children[child];

	c->restarts++;
	emit(sup, ACTA_DO_RESTART, child, delay_ms);
	if (delay_ms == 0) {
		spawn(sup, child, now_ms);
		return;
	}
	c->state = ACTA_SUP_BACKOFF;
	c->due_ms = now_ms + delay_ms;
}

/* A door that is down shuts everybody out, so it is never held: only waits. */
static void
door_ended(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	struct acta_sup_child *c = &sup->children[child];
	int64_t delay_ms = acta_backoff_next(&c->backoff, chance(sup));

	if (!c->ever_up && sup->phase == ACTA_NODE_STARTING &&
	    ++c->tries >= ACTA_SUP_DOOR_TRIES) {
		rest(sup, child, ACTA_SUP_FAILED);
		emit(sup, ACTA_DO_ESCALATE, child, 0);
		stop_all(sup, 1, now_ms);
		return;
	}
	raise_alarm(sup, child, ACTA_ALARM_DOOR);
	restart_in(sup, child,
	    delay_ms < ACTA_SUP_DOOR_MS ? delay_ms : ACTA_SUP_DOOR_MS, now_ms);
}

static void
service_ended(
    struct acta_sup *sup, uint32_t child, enum acta_sup_end end, int64_t now_ms)
{
	struct acta_sup_child *c = &sup->children[child];
	uint32_t restart = spec_of(sup, child)->restart;
	bool escalate = sup->plan->on_exceed == ACTA_EXCEED_ESCALATE;

	if (restart == ACTA_TEMPORARY ||
	    (restart == ACTA_TRANSIENT && end == ACTA_END_NORMAL)) {
		rest(sup, child, ACTA_SUP_STOPPED);
		return;
	}
	if (acta_intensity_record(escalate ? &sup->window : &c->window,
		(uint64_t)now_ms) == ACTA_OK) {
		restart_in(sup, child,
		    acta_backoff_next(&c->backoff, chance(sup)), now_ms);
		return;
	}
	rest(sup, child, ACTA_SUP_FAILED);
	raise_alarm(sup, child, ACTA_ALARM_FAILED);
	if (escalate) {
		emit(sup, ACTA_DO_ESCALATE, child, 0);
		stop_all(sup, 1, now_ms);
	}
}

/* ------------------------------------------------------------- life cycle -- */

static enum acta_err
init_children(struct acta_sup *sup)
{
	const struct acta_plan *plan = sup->plan;

	for (uint32_t i = 0; i < plan->count; i++) {
		const struct acta_plan_child *spec = &plan->children[i];
		struct acta_sup_child *c = &sup->children[i];
		enum acta_err err = acta_intensity_init(
		    &c->window, plan->intensity, (uint64_t)plan->period_ms);

		if (err != ACTA_OK)
			return err;
		c->state = ACTA_SUP_STOPPED;
		c->due_ms = NEVER;
		c->backoff = (struct acta_backoff){
			.min_ms = spec->backoff_min_ms,
			.max_ms = spec->backoff_max_ms,
			.reset_ms = spec->backoff_reset_ms,
			.factor = spec->backoff_factor,
			.jitter = spec->backoff_jitter,
		};
	}
	return ACTA_OK;
}

enum acta_err
acta_sup_init(struct acta_sup *sup, const struct acta_plan *plan, uint64_t seed)
{
	enum acta_err err;

	*sup = (struct acta_sup){ .plan = plan, .chance = seed };
	sup->actions_max = (plan->count + 1) * ACTIONS_PER_CHILD;
	sup->children = calloc(plan->count + 1, sizeof(*sup->children));
	sup->actions = calloc(sup->actions_max, sizeof(*sup->actions));
	if (!sup->children || !sup->actions) {
		err = ACTA_ENOMEM;
		goto fail;
	}
	err = acta_intensity_init(
	    &sup->window, plan->intensity, (uint64_t)plan->period_ms);
	if (err == ACTA_OK)
		err = init_children(sup);
	if (err == ACTA_OK)
		return ACTA_OK;
fail:
	acta_sup_fini(sup);
	return err;
}

void
acta_sup_fini(struct acta_sup *sup)
{
	free(sup->children);
	free(sup->actions);
	sup->children = NULL;
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

static int64_t
child_due(const struct acta_sup *sup, uint32_t child)
{
	const struct acta_sup_child *c = &sup->children[child];
	int64_t due_ms = c->due_ms;

	if (c->state == ACTA_SUP_UP &&
	    spec_of(sup, child)->kind != ACTA_KIND_EXEC)
		due_ms = c->beat_ms + ACTA_SUP_BEAT_MS;
	if (c->state == ACTA_SUP_UP && (c->alarms & ACTA_ALARM_DOOR) &&
	    c->up_ms + c->backoff.reset_ms < due_ms)
		due_ms = c->up_ms + c->backoff.reset_ms;
	return due_ms;
}

int64_t
acta_sup_due(const struct acta_sup *sup)
{
	int64_t due_ms = NEVER;

	for (uint32_t i = 0; i < sup->plan->count; i++) {
		int64_t at_ms = child_due(sup, i);

		if (at_ms < due_ms)
			due_ms = at_ms;
	}
	return due_ms;
}

const char *
acta_sup_state_name(enum acta_sup_state state)
{
	switch (state) {
	case ACTA_SUP_STOPPED: return "stopped";
	case ACTA_SUP_STARTING: return "starting";
	case ACTA_SUP_UP: return "up";
	case ACTA_SUP_BACKOFF: return "backoff";
	case ACTA_SUP_STOPPING: return "stopping";
	case ACTA_SUP_DYING: return "stopping";
	case ACTA_SUP_FAILED: return "failed";
	case ACTA_SUP_STORAGE: return "storage-failed";
	}
	return "unknown";
}

const char *
acta_sup_fault_name(enum acta_sup_fault fault)
{
	switch (fault) {
	case ACTA_FAULT_NONE: return "";
	case ACTA_FAULT_HANG: return "hang";
	case ACTA_FAULT_BEAT: return "heartbeat-lost";
	case ACTA_FAULT_READY: return "not-ready";
	case ACTA_FAULT_RECORD: return "bad-record";
	}
	return "unknown";
}

uint32_t
acta_sup_recent(const struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	if (sup->plan->on_exceed == ACTA_EXCEED_ESCALATE)
		return acta_intensity_count(&sup->window, (uint64_t)now_ms);
	return acta_intensity_count(
	    &sup->children[child].window, (uint64_t)now_ms);
}

/* ----------------------------------------------------------------- events -- */

void
acta_sup_start(struct acta_sup *sup, int64_t now_ms)
{
	assert(sup->phase == ACTA_NODE_NEW);
	sup->phase = ACTA_NODE_STARTING;
	sup->last_tick_ms = now_ms;
	start_next(sup, now_ms);
}

void
acta_sup_spawned(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	sup->children[child].beat_ms = now_ms;
	if (spec_of(sup, child)->kind == ACTA_KIND_EXEC)
		acta_sup_ready(sup, child, now_ms);
}

void
acta_sup_ready(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	struct acta_sup_child *c = &sup->children[child];

	if (c->state != ACTA_SUP_STARTING)
		return; /* said twice, or it is being stopped */
	c->state = ACTA_SUP_UP;
	c->due_ms = NEVER;
	c->was_up = c->ever_up = true;
	c->checked = false; /* it has looked, and found its disk good */
	c->up_ms = c->beat_ms = now_ms;
	emit(sup, ACTA_DO_UP, child, 0);
	calm(sup, child, ACTA_ALARM_FAILED);
	calm(sup, child, ACTA_ALARM_STORAGE);
	start_next(sup, now_ms);
}

void
acta_sup_beat(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	sup->children[child].beat_ms = now_ms;
}

void
acta_sup_condemn(struct acta_sup *sup, uint32_t child,
    enum acta_sup_fault fault, int64_t now_ms)
{
	struct acta_sup_child *c = &sup->children[child];

	assert(fault != ACTA_FAULT_NONE);
	/* One that is being stopped has its own deadline. */
	if (c->state != ACTA_SUP_STARTING && c->state != ACTA_SUP_UP)
		return;
	c->state = ACTA_SUP_DYING;
	c->fault = fault;
	emit(sup, ACTA_DO_CONDEMN, child, fault);
	if (fault == ACTA_FAULT_RECORD) {
		/* Its memory is not to be trusted: no last words. */
		emit(sup, ACTA_DO_SIGNAL, child, SIGKILL);
		c->due_ms = NEVER;
		return;
	}
	emit(sup, ACTA_DO_SIGNAL, child, SIGABRT);
	c->due_ms = now_ms + ACTA_SUP_ABORT_MS;
}

/* The end of one that an operator, or the node's own stop, asked to end. */
static void
ended_as_asked(
    struct acta_sup *sup, uint32_t child, enum acta_sup_end end, int64_t now_ms)
{
	struct acta_sup_child *c = &sup->children[child];

	if (end == ACTA_END_STORAGE) {
		rest(sup, child, ACTA_SUP_STORAGE);
		raise_alarm(sup, child, ACTA_ALARM_STORAGE);
	} else if (c->start_then && sup->phase != ACTA_NODE_STOPPING) {
		spawn(sup, child, now_ms);
	} else {
		rest(sup, child, ACTA_SUP_STOPPED);
	}
}

void
acta_sup_ended(
    struct acta_sup *sup, uint32_t child, enum acta_sup_end end, int64_t now_ms)
{
	struct acta_sup_child *c = &sup->children[child];
	bool asked = c->state == ACTA_SUP_STOPPING;

	assert(c->live);
	c->live = false;
	if (c->state == ACTA_SUP_DYING && end == ACTA_END_NORMAL)
		end = ACTA_END_ABNORMAL;
	if (c->was_up)
		acta_backoff_was_up(&c->backoff, now_ms - c->up_ms);

	if (asked || sup->phase == ACTA_NODE_STOPPING) {
		ended_as_asked(sup, child, end, now_ms);
	} else if (end == ACTA_END_STORAGE) {
		rest(sup, child, ACTA_SUP_STORAGE);
		raise_alarm(sup, child, ACTA_ALARM_STORAGE);
	} else if ((end == ACTA_END_START || end == ACTA_END_CONFLICT) &&
	    sup->phase == ACTA_NODE_STARTING && !c->ever_up) {
		rest(sup, child, ACTA_SUP_FAILED);
		emit(sup, ACTA_DO_ESCALATE, child, 0);
		stop_all(sup, end == ACTA_END_CONFLICT ? 5 : 1, now_ms);
		return;
	} else if (is_door(sup, child)) {
		door_ended(sup, child, now_ms);
	} else {
		service_ended(sup, child, end, now_ms);
	}

	if (sup->phase == ACTA_NODE_STOPPING)
		stop_next(sup, now_ms);
	else
		start_next(sup, now_ms);
}

static void
child_tick(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	struct acta_sup_child *c = &sup->children[child];

	switch (c->state) {
	case ACTA_SUP_STARTING:
		acta_sup_condemn(sup, child, ACTA_FAULT_READY, now_ms);
		break;
	case ACTA_SUP_UP:
		if ((c->alarms & ACTA_ALARM_DOOR) &&
		    now_ms >= c->up_ms + c->backoff.reset_ms)
			calm(sup, child, ACTA_ALARM_DOOR);
		if (spec_of(sup, child)->kind != ACTA_KIND_EXEC &&
		    now_ms >= c->beat_ms + ACTA_SUP_BEAT_MS)
			acta_sup_condemn(sup, child, ACTA_FAULT_BEAT, now_ms);
		break;
	case ACTA_SUP_BACKOFF: spawn(sup, child, now_ms); break;
	case ACTA_SUP_STOPPING:
	case ACTA_SUP_DYING:
		emit(sup, ACTA_DO_SIGNAL, child, SIGKILL);
		c->due_ms = NEVER;
		break;
	case ACTA_SUP_STOPPED:
	case ACTA_SUP_FAILED:
	case ACTA_SUP_STORAGE: break;
	}
}

void
acta_sup_tick(struct acta_sup *sup, int64_t now_ms)
{
	/* If it was the root that slept (SIGSTOP, a paused machine), nobody's
	 * silence of that time counts. */
	bool slept = now_ms - sup->last_tick_ms > ACTA_SUP_BEAT_MS / 2;

	sup->last_tick_ms = now_ms;
	for (uint32_t i = 0; i < sup->plan->count; i++) {
		if (slept)
			sup->children[i].beat_ms = now_ms;
		if (child_due(sup, i) <= now_ms)
			child_tick(sup, i, now_ms);
	}
}

/* -------------------------------------------------------------- operators -- */

void
acta_sup_shutdown(struct acta_sup *sup, int status, int64_t now_ms)
{
	if (sup->phase == ACTA_NODE_DONE)
		return;
	if (sup->phase != ACTA_NODE_STOPPING) {
		stop_all(sup, status, now_ms);
		return;
	}
	sup->hurried = true;
	for (uint32_t i = 0; i < sup->plan->count; i++)
		if (sup->children[i].state == ACTA_SUP_STOPPING ||
		    sup->children[i].state == ACTA_SUP_DYING)
			emit(sup, ACTA_DO_SIGNAL, i, SIGKILL);
}

static void
forget_restarts(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = &sup->children[child];
	enum acta_err err = acta_intensity_init(
	    &c->window, sup->plan->intensity, (uint64_t)sup->plan->period_ms);

	assert(err == ACTA_OK); /* init took the same values */
	acta_backoff_reset(&c->backoff);
}

enum acta_err
acta_sup_cmd_start(
    struct acta_sup *sup, uint32_t child, bool checked, int64_t now_ms)
{
	struct acta_sup_child *c = &sup->children[child];

	if (sup->phase >= ACTA_NODE_STOPPING)
		return ACTA_ECLOSED;
	if (!c->begun)
		return ACTA_EAGAIN;
	switch (c->state) {
	case ACTA_SUP_STARTING:
	case ACTA_SUP_UP: return ACTA_EBUSY;
	case ACTA_SUP_DYING: return ACTA_OK; /* it comes back by itself */
	case ACTA_SUP_STOPPING:
		c->start_then = true;
		c->checked |= checked;
		return ACTA_OK;
	case ACTA_SUP_STORAGE:
		if (!checked)
			return ACTA_EDENIED;
		break;
	case ACTA_SUP_STOPPED:
	case ACTA_SUP_FAILED:
	case ACTA_SUP_BACKOFF: break;
	}
	forget_restarts(sup, child);
	/* Until one was ready the page cache may lie: each start looks. */
	c->checked |= checked;
	spawn(sup, child, now_ms);
	return ACTA_OK;
}

enum acta_err
acta_sup_cmd_stop(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	struct acta_sup_child *c = &sup->children[child];

	if (is_door(sup, child))
		return ACTA_EINVAL;
	if (sup->phase >= ACTA_NODE_STOPPING)
		return ACTA_ECLOSED;
	c->begun = true; /* an ordered start passes it over */
	c->start_then = false;
	switch (c->state) {
	case ACTA_SUP_STARTING:
	case ACTA_SUP_UP: ask_to_stop(sup, child, now_ms); break;
	case ACTA_SUP_DYING:
		/* The signals go on as they are due; only no restart follows. */
		c->state = ACTA_SUP_STOPPING;
		break;
	case ACTA_SUP_BACKOFF:
	case ACTA_SUP_FAILED:
		rest(sup, child, ACTA_SUP_STOPPED);
		calm(sup, child, ACTA_ALARM_FAILED);
		break;
	case ACTA_SUP_STOPPED:
	case ACTA_SUP_STOPPING:
	case ACTA_SUP_STORAGE: break; /* that must not be forgotten */
	}
	start_next(sup, now_ms);
	return ACTA_OK;
}

enum acta_err
acta_sup_cmd_restart(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	struct acta_sup_child *c = &sup->children[child];

	if (sup->phase >= ACTA_NODE_STOPPING)
		return ACTA_ECLOSED;
	if (c->state != ACTA_SUP_UP && c->state != ACTA_SUP_STARTING)
		return acta_sup_cmd_start(sup, child, false, now_ms);
	forget_restarts(sup, child);
	c->start_then = true;
	ask_to_stop(sup, child, now_ms);
	return ACTA_OK;
}
