/*
 * runtime/root/calls.c - what a supervisor is asked to do: OTP's calls, Acta's
 * operators, and the making of the tree; see supervisor.h.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/root/supervisor_own.h"

#define NONE ACTA_SUP_NONE
#define TOP ACTA_SUP_TOP

static struct acta_sup_child *
at(const struct acta_sup *sup, uint32_t child)
{
	return acta_tree_at(sup, child);
}

/* Can it be asked anything? */
static bool
is_up(const struct acta_sup *sup, uint32_t parent)
{
	enum acta_sup_phase phase = at(sup, parent)->phase;

	return phase == ACTA_NODE_RUNNING || phase == ACTA_NODE_CLEARING ||
	    phase == ACTA_NODE_FILLING;
}

static bool
exists(const struct acta_sup *sup, uint32_t child)
{
	return child < sup->room && sup->children[child].used;
}

static bool
is_simple(const struct acta_sup *sup, uint32_t parent)
{
	return at(sup, parent)->spec.flags.strategy == ACTA_SIMPLE_ONE_FOR_ONE;
}

/* --------------------------------------------------------------- words -- */

const char *
acta_sup_word_name(enum acta_sup_word word)
{
	switch (word) {
#define X(name, text) \
	case ACTA_SUP_##name: return text;
		ACTA_SUP_WORDS(X)
#undef X
	}
	return "unknown";
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

/* ---------------------------------------------------------- specifications -- */

enum acta_sup_word
acta_sup_check_flags(const struct acta_sup_flags *flags)
{
	if (flags->strategy > ACTA_SIMPLE_ONE_FOR_ONE)
		return ACTA_SUP_INVALID_STRATEGY;
	if (flags->intensity > ACTA_INTENSITY_CAP)
		return ACTA_SUP_INVALID_INTENSITY;
	if (flags->period_ms <= 0)
		return ACTA_SUP_INVALID_PERIOD;
	if (flags->auto_shutdown > ACTA_AUTO_ALL)
		return ACTA_SUP_INVALID_AUTO_SHUTDOWN;
	if (flags->on_exceed > ACTA_EXCEED_ESCALATE)
		return ACTA_SUP_INVALID_STRATEGY;
	return ACTA_SUP_OK;
}

enum acta_sup_word
acta_sup_check_spec(
    const struct acta_sup_flags *flags, const struct acta_sup_spec *spec)
{
	bool simple = flags->strategy == ACTA_SIMPLE_ONE_FOR_ONE;

	if (!spec->id[0] && !simple)
		return ACTA_SUP_MISSING_ID;
	if (spec->restart > ACTA_TEMPORARY)
		return ACTA_SUP_INVALID_RESTART_TYPE;
	/* It could never end its supervisor, or always comes back. */
	if (spec->significant &&
	    (flags->auto_shutdown == ACTA_AUTO_NEVER ||
		spec->restart == ACTA_PERMANENT))
		return ACTA_SUP_BAD_COMBINATION;
	if (spec->door && spec->supervisor)
		return ACTA_SUP_INVALID_CHILD_TYPE;
	if (spec->shutdown_ms < ACTA_SHUTDOWN_INFINITY)
		return ACTA_SUP_INVALID_SHUTDOWN;
	if (spec->supervisor)
		return acta_sup_check_flags(&spec->flags);
	return ACTA_SUP_OK;
}

struct acta_sup_flags
acta_sup_flags_of_plan(const struct acta_plan *plan)
{
	return (struct acta_sup_flags){ .strategy = plan->strategy,
		.intensity = plan->intensity,
		.period_ms = plan->period_ms,
		.on_exceed = plan->on_exceed };
}

struct acta_sup_spec
acta_sup_spec_of_plan(const struct acta_plan_child *child)
{
	struct acta_sup_spec spec = { .restart = child->restart,
		.shutdown_ms = child->shutdown_ms,
		.significant = child->significant != 0,
		.supervisor = child->kind == ACTA_KIND_GROUP,
		.door = child->kind == ACTA_KIND_DOOR,
		.program = child->kind == ACTA_KIND_EXEC,
		.flags = { .strategy = child->strategy,
		    .intensity = child->intensity,
		    .period_ms = child->period_ms,
		    .auto_shutdown = child->auto_shutdown,
		    .on_exceed = child->on_exceed },
		.backoff_min_ms = child->backoff_min_ms,
		.backoff_max_ms = child->backoff_max_ms,
		.backoff_reset_ms = child->backoff_reset_ms,
		.backoff_factor = child->backoff_factor,
		.backoff_jitter = child->backoff_jitter };

	memcpy(spec.id, child->name, sizeof(spec.id));
	return spec;
}

enum acta_sup_word
acta_sup_declare(struct acta_sup *sup, uint32_t parent, uint32_t child,
    const struct acta_sup_spec *spec)
{
	struct acta_sup_child *p = at(sup, parent);
	enum acta_sup_word word;

	assert(sup->phase == ACTA_NODE_NEW);
	word = acta_sup_check_spec(&p->spec.flags, spec);
	if (word != ACTA_SUP_OK)
		return word;
	if (is_simple(sup, parent) && p->founders != NONE)
		return ACTA_SUP_BAD_START_SPEC;
	if (spec->supervisor && p->depth + 1 >= ACTA_SUP_DEPTH_MAX)
		return ACTA_SUP_INVALID_DEPTH;
	for (uint32_t i = p->founders; i != NONE; i = at(sup, i)->founder_next)
		if (strcmp(at(sup, i)->spec.id, spec->id) == 0)
			return ACTA_SUP_DUPLICATE_CHILD_NAME;
	word = acta_tree_place(sup, parent, child, spec);
	if (word == ACTA_SUP_OK)
		acta_tree_found(sup, child);
	return word;
}

enum acta_err
acta_sup_init_plan(struct acta_sup *sup, const struct acta_plan *plan,
    uint32_t room, uint64_t seed, enum acta_sup_word *out_word,
    uint32_t *out_child)
{
	struct acta_sup_flags flags = acta_sup_flags_of_plan(plan);
	enum acta_err err;

	*out_word = acta_sup_check_flags(&flags);
	*out_child = NONE;
	if (*out_word != ACTA_SUP_OK)
		return ACTA_EINVAL;
	err = acta_sup_init(sup, &flags, room, seed);
	for (uint32_t i = 0; err == ACTA_OK && i < plan->count; i++) {
		const struct acta_plan_child *child = &plan->children[i];
		struct acta_sup_spec spec = acta_sup_spec_of_plan(child);

		*out_child = i;
		*out_word = acta_sup_declare(
		    sup, child->parent ? child->parent - 1 : TOP, i, &spec);
		if (*out_word != ACTA_SUP_OK)
			err = *out_word == ACTA_SUP_NO_ROOM ? ACTA_ENOMEM
							    : ACTA_EINVAL;
	}
	for (uint32_t i = 0; err == ACTA_OK && i < plan->count; i++) {
		if (plan->children[i].kind != ACTA_KIND_GROUP ||
		    !is_simple(sup, i) || at(sup, i)->founders != NONE)
			continue;
		*out_child = i;
		*out_word = ACTA_SUP_BAD_START_SPEC;
		err = ACTA_EINVAL;
	}
	if (err != ACTA_OK)
		acta_sup_fini(sup);
	return err;
}

/* ------------------------------------------------------------- OTP's calls -- */

static enum acta_sup_word
already(const struct acta_sup *sup, uint32_t child)
{
	const struct acta_sup_child *c = at(sup, child);

	return c->live && !acta_sup_is_restarting(sup, child)
	    ? ACTA_SUP_ALREADY_STARTED
	    : ACTA_SUP_ALREADY_PRESENT;
}

/* One that it began with, and that was deleted or ended since. */
static bool
is_away(const struct acta_sup *sup, uint32_t parent, uint32_t child)
{
	return exists(sup, child) && at(sup, child)->founder &&
	    !at(sup, child)->known && at(sup, child)->parent == parent &&
	    !is_simple(sup, parent);
}

static enum acta_sup_word
place(struct acta_sup *sup, uint32_t parent, uint32_t child,
    const struct acta_sup_spec *spec)
{
	const struct acta_sup_child *p = at(sup, parent);
	enum acta_sup_word word;

	if (is_simple(sup, parent)) {
		assert(!spec);
		word = acta_tree_place(
		    sup, parent, child, &at(sup, p->founders)->spec);
		if (word == ACTA_SUP_OK) /* its number names it */
			at(sup, child)->spec.id[0] = '\0';
		return word;
	}
	if (spec->supervisor && p->depth + 1 >= ACTA_SUP_DEPTH_MAX)
		return ACTA_SUP_INVALID_DEPTH;
	return acta_tree_place(sup, parent, child, spec);
}

enum acta_sup_word
acta_sup_start_child(struct acta_sup *sup, uint32_t parent, uint32_t child,
    const struct acta_sup_spec *spec, int64_t now_ms)
{
	bool back = !spec && is_away(sup, parent, child);
	const struct acta_sup_spec *own = back ? &at(sup, child)->spec : spec;
	enum acta_sup_word word;

	if (!is_up(sup, parent))
		return ACTA_SUP_NOPROC;
	if (child >= sup->room || (!own && !is_simple(sup, parent)))
		return ACTA_SUP_NO_ROOM;
	if (own) {
		uint32_t old;

		word = acta_sup_check_spec(&at(sup, parent)->spec.flags, own);
		if (word != ACTA_SUP_OK)
			return word;
		old = acta_sup_find(sup, parent, own->id);
		if (old != NONE)
			return already(sup, old);
	}
	word = back ? ACTA_SUP_OK : place(sup, parent, child, spec);
	if (word != ACTA_SUP_OK)
		return word;
	acta_sup_event_begin(sup, now_ms);
	acta_tree_link(sup, child);
	at(sup, child)->fresh = true;
	at(sup, child)->calling = ACTA_CALLING_START;
	acta_sup_begin(sup, child, ACTA_TRY_CALL);
	acta_sup_event_end(sup);
	return ACTA_SUP_OK;
}

enum acta_sup_word
acta_sup_terminate_child(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	struct acta_sup_child *c = at(sup, child);

	if (!exists(sup, child))
		return ACTA_SUP_NOT_FOUND;
	if (!is_up(sup, c->parent))
		return ACTA_SUP_NOPROC;
	if (!c->known)
		return ACTA_SUP_NOT_FOUND;
	acta_sup_event_begin(sup, now_ms);
	c->calling = ACTA_CALLING_END;
	acta_sup_end_wanted(sup, child);
	acta_sup_event_end(sup);
	return ACTA_SUP_OK;
}

/* What restart_child and delete_child ask of a child first. */
static enum acta_sup_word
at_rest(const struct acta_sup *sup, uint32_t child)
{
	const struct acta_sup_child *c = at(sup, child);

	if (!exists(sup, child))
		return ACTA_SUP_NOT_FOUND;
	if (!is_up(sup, c->parent))
		return ACTA_SUP_NOPROC;
	if (!c->known)
		return ACTA_SUP_NOT_FOUND;
	if (is_simple(sup, c->parent))
		return ACTA_SUP_SIMPLE;
	if (acta_sup_is_restarting(sup, child))
		return ACTA_SUP_RESTARTING;
	if (c->live)
		return ACTA_SUP_RUNNING;
	return ACTA_SUP_OK;
}

enum acta_sup_word
acta_sup_restart_child(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	enum acta_sup_word word = at_rest(sup, child);

	if (word != ACTA_SUP_OK)
		return word;
	if (at(sup, child)->state == ACTA_SUP_STORAGE)
		return ACTA_SUP_ERROR; /* only a checked start */
	acta_sup_event_begin(sup, now_ms);
	at(sup, child)->calling = ACTA_CALLING_START;
	acta_sup_begin(sup, child, ACTA_TRY_CALL);
	acta_sup_event_end(sup);
	return ACTA_SUP_OK;
}

enum acta_sup_word
acta_sup_delete_child(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	enum acta_sup_word word = at_rest(sup, child);

	if (word != ACTA_SUP_OK)
		return word;
	acta_sup_event_begin(sup, now_ms);
	acta_sup_calm(sup, child, ACTA_ALARM_FAILED);
	acta_sup_forget(sup, child);
	acta_sup_event_end(sup);
	return ACTA_SUP_OK;
}

enum acta_sup_word
acta_sup_count_children(
    const struct acta_sup *sup, uint32_t parent, struct acta_sup_counts *out)
{
	const struct acta_sup_child *p = at(sup, parent);
	struct acta_sup_counts counts = { 0 };

	if (!is_up(sup, parent))
		return ACTA_SUP_NOPROC;
	for (uint32_t i = p->first; i != NONE; i = at(sup, i)->next) {
		const struct acta_sup_child *c = at(sup, i);

		counts.specs++;
		counts.active += c->live && !acta_sup_is_restarting(sup, i);
		if (acta_sup_spec_of(sup, i)->supervisor)
			counts.supervisors++;
		else
			counts.workers++;
	}
	if (is_simple(sup, parent))
		counts.specs = 1;
	*out = counts;
	return ACTA_SUP_OK;
}

uint32_t
acta_sup_which_children(
    const struct acta_sup *sup, uint32_t parent, uint32_t after)
{
	return after == NONE ? at(sup, parent)->last : at(sup, after)->prev;
}

bool
acta_sup_is_restarting(const struct acta_sup *sup, uint32_t child)
{
	const struct acta_sup_child *c = at(sup, child);

	return c->state == ACTA_SUP_BACKOFF || c->pending || c->lost ||
	    c->marked ||
	    (c->state == ACTA_SUP_STARTING &&
		(c->attempt == ACTA_TRY_RESTART ||
		    c->attempt == ACTA_TRY_GROUP));
}

const struct acta_sup_flags *
acta_sup_flags_over(const struct acta_sup *sup, uint32_t child)
{
	return &at(sup, at(sup, child)->parent)->spec.flags;
}

uint32_t
acta_sup_recent(const struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	const struct acta_sup_child *c = at(sup, child);
	const struct acta_intensity *window;

	if (!c->used)
		return 0;
	window = acta_sup_flags_over(sup, child)->on_exceed == ACTA_EXCEED_HOLD
	    ? c->window
	    : at(sup, c->parent)->own_window;
	return window ? acta_intensity_count(window, (uint64_t)now_ms) : 0;
}

/* ----------------------------------------------------------- code_change -- */

static enum acta_sup_word
check_change(const struct acta_sup *sup, uint32_t parent,
    const struct acta_sup_flags *flags, const struct acta_sup_founder *founders,
    uint32_t count)
{
	enum acta_sup_word word = acta_sup_check_flags(flags);
	bool simple = flags->strategy == ACTA_SIMPLE_ONE_FOR_ONE;

	if (word != ACTA_SUP_OK)
		return word;
	/* A template and a list are not turned into one another. */
	if (simple != is_simple(sup, parent))
		return ACTA_SUP_INVALID_STRATEGY;
	for (uint32_t i = 0; i < count; i++) {
		word = acta_sup_check_spec(flags, &founders[i].spec);
		if (word != ACTA_SUP_OK)
			return word;
		if (founders[i].spec.supervisor &&
		    at(sup, parent)->depth + 1 >= ACTA_SUP_DEPTH_MAX)
			return ACTA_SUP_INVALID_DEPTH;
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(founders[i].spec.id, founders[j].spec.id) ==
			    0)
				return ACTA_SUP_DUPLICATE_CHILD_NAME;
	}
	if (simple && count != 1)
		return ACTA_SUP_BAD_START_SPEC;
	return ACTA_SUP_OK;
}

/* Who has the id now, or had it when the supervisor began. */
static uint32_t
holder_of(const struct acta_sup *sup, uint32_t parent, const char *id)
{
	uint32_t child = acta_sup_find(sup, parent, id);

	if (child != NONE)
		return child;
	for (child = at(sup, parent)->founders; child != NONE;
	     child = at(sup, child)->founder_next)
		if (strcmp(at(sup, child)->spec.id, id) == 0)
			return child;
	return NONE;
}

/* Numbers for all, or for none. */
static enum acta_sup_word
place_new(struct acta_sup *sup, uint32_t parent,
    struct acta_sup_founder *founders, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t old = holder_of(sup, parent, founders[i].spec.id);
		enum acta_sup_word word;

		if (old != NONE) {
			founders[i].child = old;
			continue;
		}
		word = acta_tree_place(
		    sup, parent, founders[i].child, &founders[i].spec);
		if (word == ACTA_SUP_OK) {
			at(sup, founders[i].child)->fresh = true;
			continue;
		}
		while (i-- > 0)
			if (at(sup, founders[i].child)->fresh &&
			    !at(sup, founders[i].child)->known)
				acta_tree_free(sup, founders[i].child);
		return word;
	}
	return ACTA_SUP_OK;
}

static void
take_spec(
    struct acta_sup *sup, uint32_t child, const struct acta_sup_spec *spec)
{
	struct acta_sup_child *c = at(sup, child);
	struct acta_sup_flags flags = c->spec.flags;
	bool supervisor = c->spec.supervisor;

	/* A supervisor's own flags are its own matter: change it apart. */
	c->spec = *spec;
	c->spec.supervisor = supervisor;
	if (supervisor)
		c->spec.flags = flags;
	c->backoff.min_ms = spec->backoff_min_ms;
	c->backoff.max_ms = spec->backoff_max_ms;
	c->backoff.reset_ms = spec->backoff_reset_ms;
	c->backoff.factor = spec->backoff_factor;
	c->backoff.jitter = spec->backoff_jitter;
}

/* Those it begins with, from now on. */
static void
replace_founders(struct acta_sup *sup, uint32_t parent,
    const struct acta_sup_founder *founders, uint32_t count)
{
	struct acta_sup_child *p = at(sup, parent);
	uint32_t old = p->founders, next;

	for (uint32_t i = old; i != NONE; i = at(sup, i)->founder_next)
		at(sup, i)->founder = false;
	for (uint32_t i = 0; i < count; i++)
		at(sup, founders[i].child)->founder = true;
	for (; old != NONE; old = next) {
		next = at(sup, old)->founder_next;
		if (at(sup, old)->founder || at(sup, old)->known)
			continue;
		acta_sup_release(sup, old);
	}
	p->founders = p->founders_last = NONE;
	for (uint32_t i = 0; i < count; i++)
		acta_tree_found(sup, founders[i].child);
}

/* In a list that is in use: who is new, and, as in OTP, who was away. While
 * others are being started or stopped, those of the past are left away. */
static void
link_new(struct acta_sup *sup, uint32_t parent,
    const struct acta_sup_founder *founders, uint32_t count)
{
	struct acta_sup_child *p = at(sup, parent);

	for (uint32_t i = 0; i < count; i++) {
		struct acta_sup_child *c = at(sup, founders[i].child);

		if (c->known || (p->phase != ACTA_NODE_RUNNING && !c->fresh))
			continue;
		acta_tree_link(sup, founders[i].child);
		c->pending = p->phase == ACTA_NODE_STARTING;
	}
	/* Whose turn has not come, and is not in the new list, has none. */
	for (uint32_t i = p->first; p->phase == ACTA_NODE_STARTING && i != NONE;
	     i = at(sup, i)->next)
		at(sup, i)->pending &= at(sup, i)->founder;
	/* Who is being started or stopped goes by the old order. */
	p->reordered = p->phase != ACTA_NODE_RUNNING;
	if (!p->reordered)
		acta_tree_reorder(sup, parent);
}

/* A template stays what others are made by. */
static enum acta_sup_word
change_template(
    struct acta_sup *sup, uint32_t parent, struct acta_sup_founder *template)
{
	struct acta_sup_child *p = at(sup, parent);
	enum acta_sup_word word;

	if (p->founders != NONE) { /* whatever its id: there is one */
		template->child = p->founders;
		take_spec(sup, p->founders, &template->spec);
		return ACTA_SUP_OK;
	}
	word = acta_tree_place(sup, parent, template->child, &template->spec);
	if (word == ACTA_SUP_OK)
		acta_tree_found(sup, template->child);
	return word;
}

static enum acta_sup_word
change_list(struct acta_sup *sup, uint32_t parent,
    struct acta_sup_founder *founders, uint32_t count)
{
	enum acta_sup_phase phase = at(sup, parent)->phase;
	enum acta_sup_word word = place_new(sup, parent, founders, count);

	if (word != ACTA_SUP_OK)
		return word;
	for (uint32_t i = 0; i < count; i++)
		take_spec(sup, founders[i].child, &founders[i].spec);
	replace_founders(sup, parent, founders, count);
	/* One that is not up, or stops, begins with the new list next time. */
	if (phase != ACTA_NODE_NEW && phase != ACTA_NODE_STOPPING)
		link_new(sup, parent, founders, count);
	for (uint32_t i = 0; i < count; i++)
		at(sup, founders[i].child)->fresh = false;
	return ACTA_SUP_OK;
}

/* Windows as the flags want them; those that are away will be back. */
static enum acta_sup_word
fit_all(struct acta_sup *sup, uint32_t parent)
{
	const struct acta_sup_child *p = at(sup, parent);
	enum acta_sup_word word = acta_tree_fit(sup, parent);

	for (uint32_t child = p->founders; word == ACTA_SUP_OK && child != NONE;
	     child = at(sup, child)->founder_next)
		word = acta_tree_fit(sup, child);
	for (uint32_t child = p->first; word == ACTA_SUP_OK && child != NONE;
	     child = at(sup, child)->next)
		word = acta_tree_fit(sup, child);
	return word;
}

enum acta_sup_word
acta_sup_change(struct acta_sup *sup, uint32_t parent,
    const struct acta_sup_flags *flags, struct acta_sup_founder *founders,
    uint32_t count, int64_t now_ms)
{
	enum acta_sup_word word;

	if (sup->phase >= ACTA_NODE_STOPPING)
		return ACTA_SUP_NOPROC;
	word = check_change(sup, parent, flags, founders, count);
	if (word != ACTA_SUP_OK)
		return word;
	acta_sup_event_begin(sup, now_ms);
	word = is_simple(sup, parent)
	    ? change_template(sup, parent, founders)
	    : change_list(sup, parent, founders, count);
	if (word == ACTA_SUP_OK) {
		at(sup, parent)->spec.flags = *flags;
		word = fit_all(sup, parent);
	}
	acta_sup_event_end(sup);
	return word;
}

/* ---------------------------------------------------------------- operators -- */

static void
forget_restarts(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = at(sup, child);

	if (c->window)
		c->window->count = c->window->next = 0;
	acta_backoff_reset(&c->backoff);
}

/* Its supervisor has it, or gets it back. */
static enum acta_err
reach(const struct acta_sup *sup, uint32_t child)
{
	const struct acta_sup_child *c = at(sup, child);

	if (sup->phase >= ACTA_NODE_STOPPING)
		return ACTA_ECLOSED;
	if (!exists(sup, child) || (is_simple(sup, c->parent) && c->founder))
		return ACTA_ENOENT;
	if (at(sup, c->parent)->phase == ACTA_NODE_NEW ||
	    at(sup, c->parent)->phase == ACTA_NODE_STOPPING)
		return ACTA_ECLOSED;
	return ACTA_OK;
}

static void
start(struct acta_sup *sup, uint32_t child, bool checked, int64_t now_ms)
{
	struct acta_sup_child *c = at(sup, child);

	acta_sup_event_begin(sup, now_ms);
	if (!c->known)
		acta_tree_link(sup, child);
	forget_restarts(sup, child);
	/* Until one was ready the page cache may lie: each start looks. */
	c->checked |= checked;
	acta_sup_begin(sup, child, ACTA_TRY_OPERATOR);
	acta_sup_event_end(sup);
}

enum acta_err
acta_sup_cmd_start(
    struct acta_sup *sup, uint32_t child, bool checked, int64_t now_ms)
{
	struct acta_sup_child *c = at(sup, child);
	enum acta_err err = reach(sup, child);

	if (err != ACTA_OK)
		return err;
	/* Its turn comes, with its siblings. */
	if (c->pending || (c->marked && !c->live))
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
	case ACTA_SUP_BACKOFF:
		/* With its siblings, which are down for it. */
		if (at(sup, c->parent)->culprit == child)
			return ACTA_EAGAIN;
		break;
	case ACTA_SUP_STOPPED:
	case ACTA_SUP_FAILED: break;
	}
	start(sup, child, checked, now_ms);
	return ACTA_OK;
}

enum acta_err
acta_sup_cmd_stop(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	enum acta_err err;

	if (exists(sup, child) && at(sup, child)->spec.door)
		return ACTA_EINVAL;
	err = reach(sup, child);
	if (err != ACTA_OK || !at(sup, child)->known)
		return err;
	acta_sup_event_begin(sup, now_ms);
	acta_sup_end_wanted(sup, child);
	acta_sup_event_end(sup);
	return ACTA_OK;
}

enum acta_err
acta_sup_cmd_restart(struct acta_sup *sup, uint32_t child, int64_t now_ms)
{
	struct acta_sup_child *c = at(sup, child);
	enum acta_err err = reach(sup, child);

	if (err != ACTA_OK)
		return err;
	if (c->state != ACTA_SUP_UP && c->state != ACTA_SUP_STARTING)
		return acta_sup_cmd_start(sup, child, false, now_ms);
	acta_sup_event_begin(sup, now_ms);
	forget_restarts(sup, child);
	acta_sup_ask(sup, child);
	c->start_then = true;
	acta_sup_event_end(sup);
	return ACTA_OK;
}
