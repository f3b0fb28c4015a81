/*
 * runtime/root/changes.c - a new plan for a node that runs: what it has that the
 * node has not is told, and done as far as it can be in life, as OTP's
 * code_change does it. Beyond OTP: who is new is started, in order, each when the
 * one before is up; who is gone is stopped, and then no more a child.
 *
 * Nothing is changed until all of the new plan has been looked at.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/root/root.h"

/* What is to become of the new plan's children. */
struct diff {
	struct acta_plan *new;
	uint32_t *number; /* of each, in the node; UINT32_MAX: it gets none */
	bool *fresh;      /* it was not there */
	bool hosts_added;
	uint32_t told;
	char why[256]; /* it is not taken */
	const char *hint;
};

/* ------------------------------------------------------------------ telling -- */

static void
tell(struct acta_root *root, struct diff *diff, const char *what,
    const char *name, const char *more)
{
	char text[256];

	diff->told++;
	acta_root_say("  %-8s %s%s%s", what, name, more[0] ? ": " : "", more);
	acta_root_log(root, "info", "event=reload-%s service=%s%s%s", what,
	    name, more[0] ? " text=" : "",
	    more[0] ? acta_root_quoted(more, text) : "");
}

/* Values of a line, as far as they are short. */
struct text {
	char text[512];
	size_t size;
};

static void add(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
add(struct text *text, const char *format, ...)
{
	size_t room = sizeof(text->text) - text->size;
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(text->text + text->size, room, format, args);
	va_end(args);
	if (size > 0)
		text->size += (size_t)size < room ? (size_t)size : room - 1;
}

/* ------------------------------------------------------------------ keys -- */

/* When a key's new value is one that the node goes by. */
enum when {
	WHEN_NOW,
	WHEN_STARTED, /* once its process is started again */
	WHEN_BOTH     /* its supervisor now, its process then */
};

static enum when
when_of(const char *key, size_t size)
{
	static const char *const now[] = { "restart", "significant", "after",
		"shutdown", "strategy", "intensity", "period", "auto_shutdown",
		"on_exceed" };

	if (size > 8 && memcmp(key, "backoff.", 8) == 0)
		return WHEN_BOTH;
	for (size_t i = 0; i < sizeof(now) / sizeof(*now); i++)
		if (strlen(now[i]) == size && memcmp(key, now[i], size) == 0)
			return WHEN_NOW;
	return WHEN_STARTED;
}

struct key {
	const char *name, *value;
	int name_size, value_size;
};

/* The next line `key value` of such a text; false: there is none. */
static bool
next_key(const char **at, struct key *out)
{
	const char *end = strchr(*at, '\n'), *blank = strchr(*at, ' ');

	if (!end || !blank || blank > end)
		return false;
	*out = (struct key){ .name = *at,
		.value = blank + 1,
		.name_size = (int)(blank - *at),
		.value_size = (int)(end - blank - 1) };
	*at = end + 1;
	return true;
}

static bool
find_key(const char *keys, const struct key *wanted, struct key *out)
{
	while (next_key(&keys, out))
		if (out->name_size == wanted->name_size &&
		    memcmp(out->name, wanted->name, (size_t)out->name_size) ==
			0)
			return true;
	*out = (struct key){ .value = "none", .value_size = 4 };
	return false;
}

static bool
same_value(const struct key *one, const struct key *other)
{
	return one->value_size == other->value_size &&
	    memcmp(one->value, other->value, (size_t)one->value_size) == 0;
}

/* What may hold a secret, or is long, is named alone. */
static void
add_key(struct text *text, const struct key *was, const struct key *is)
{
	const struct key *name = is->name ? is : was;
	bool shown = was->value_size <= 48 && is->value_size <= 48 &&
	    !(name->name_size == 8 && memcmp(name->name, "settings", 8) == 0) &&
	    !(name->name_size == 4 && memcmp(name->name, "exec", 4) == 0);

	add(text, "%s%.*s", text->size ? ", " : "", name->name_size,
	    name->name);
	if (shown)
		add(text, " %.*s -> %.*s", was->value_size, was->value,
		    is->value_size, is->value);
}

typedef void key_fn(void *arg, const struct key *name, const struct key *was,
    const struct key *is);

/* All keys whose values differ, in the order of the table they are from. */
static void
each_difference(const char *old, const char *new, key_fn *fn, void *arg)
{
	struct key was, is;

	for (const char *at = new; next_key(&at, &is);) {
		(void)find_key(old, &is, &was); /* "none" is a value, too */
		if (!same_value(&was, &is))
			fn(arg, &is, &was, &is);
	}
	for (const char *at = old; next_key(&at, &was);)
		if (!find_key(new, &was, &is) && !same_value(&was, &is))
			fn(arg, &was, &was, &is);
}

/* ------------------------------------------------- may it be taken at all? -- */

static const char *
parent_name(const struct acta_plan *plan, const struct acta_plan_child *c)
{
	return c->parent ? plan->children[c->parent - 1].name : "@node";
}

static const char *
kind_word(uint32_t kind)
{
	switch ((enum acta_plan_kind)kind) {
	case ACTA_KIND_HOST: return "service";
	case ACTA_KIND_DOOR: return "door";
	case ACTA_KIND_EXEC: return "program";
	case ACTA_KIND_GROUP: return "group";
	}
	return "unknown";
}

static bool
is_simple(const struct acta_plan_child *c)
{
	return c->kind == ACTA_KIND_GROUP &&
	    c->strategy == ACTA_SIMPLE_ONE_FOR_ONE;
}

/* The place of a service that was removed, which is kept for it. */
static uint32_t
kept_place(const struct acta_root *root, const char *name)
{
	for (uint32_t i = 0; i < root->plan.count; i++)
		if (!root->sup.children[i].used &&
		    strcmp(root->plan.children[i].name, name) == 0)
			return i;
	return UINT32_MAX;
}

static uint32_t
find_new(const struct acta_plan *new, const char *name)
{
	for (uint32_t i = 0; i < new->count; i++)
		if (strcmp(new->children[i].name, name) == 0)
			return i;
	return UINT32_MAX;
}

static bool refuse(struct diff *diff, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool
refuse(struct diff *diff, const char *hint, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(diff->why, sizeof(diff->why), format, args);
	va_end(args);
	diff->hint = hint;
	return false;
}

#define ANEW "stop the node and start it with this file"

/* What the root has laid out for the life of a child. */
static bool
fits_place(struct diff *diff, const struct acta_plan_child *was,
    const struct acta_plan_child *is)
{
	if (was->kind != is->kind)
		return refuse(diff, ANEW,
		    "%s was a %s and cannot become a %s "
		    "while the node runs",
		    is->name, kind_word(was->kind), kind_word(is->kind));
	if (is->kind == ACTA_KIND_HOST &&
	    (was->partitions != is->partitions || was->workers != is->workers))
		return refuse(diff, ANEW,
		    "%s has %" PRIu32 " partitions and %" PRIu32
		    " workers for the life of the node",
		    is->name, was->partitions, was->workers);
	if (is_simple(was) != is_simple(is))
		return refuse(diff, ANEW,
		    "%s: simple_one_for_one is for the "
		    "life of a group",
		    is->name);
	return true;
}

static bool
fits_parent(const struct acta_root *root, struct diff *diff,
    const struct acta_plan_child *was, const struct acta_plan_child *is)
{
	const char *here = parent_name(&root->plan, was);
	const char *there = parent_name(diff->new, is);

	if (strcmp(here, there) == 0)
		return true;
	return refuse(diff, ANEW,
	    "%s is in %s and cannot move to %s while the "
	    "node runs",
	    is->name, here, there);
}

/* Who it is in the node, or UINT32_MAX. The template of a group is one, whatever
 * its name. */
static uint32_t
who_is(const struct acta_root *root, const struct acta_plan *new,
    const struct acta_plan_child *is)
{
	uint32_t group = UINT32_MAX;

	if (is->parent && is_simple(&new->children[is->parent - 1]))
		group =
		    acta_root_find(root, new->children[is->parent - 1].name);
	if (group != UINT32_MAX && is_simple(&root->plan.children[group]))
		return root->sup.children[group].founders;
	return acta_root_find(root, is->name);
}

static bool
fits(const struct acta_root *root, struct diff *diff,
    const struct acta_plan_child *is, uint32_t *fresh)
{
	uint32_t at = who_is(root, diff->new, is);
	uint32_t kept = kept_place(root, is->name);
	uint32_t namesake = acta_root_find(root, is->name);

	if (namesake != UINT32_MAX && !root->sup.children[namesake].founder &&
	    !root->children[namesake].removed)
		return refuse(diff,
		    "`acta sup remove` it, or name it otherwise",
		    "%s is there already, added to %s by its template",
		    is->name, acta_root_parent_name(root, namesake));
	if (namesake != UINT32_MAX && at != namesake)
		return refuse(diff,
		    "take the one away first, with a file between",
		    "%s is the name of another one, in %s", is->name,
		    acta_root_parent_name(root, namesake));
	if (at == UINT32_MAX && kept != UINT32_MAX)
		return fits_place(diff, &root->plan.children[kept], is);
	if (at == UINT32_MAX) {
		*fresh += 1;
		return true;
	}
	return fits_place(diff, &root->plan.children[at], is) &&
	    fits_parent(root, diff, &root->plan.children[at], is);
}

static bool
may_be_taken(const struct acta_root *root, struct diff *diff)
{
	const struct acta_plan *old = &root->plan, *new = diff->new;
	uint32_t fresh = 0, room = 0;

	if (strcmp(old->node, new->node) != 0)
		return refuse(diff, ANEW, "node %s cannot become node %s",
		    old->node, new->node);
	if (strcmp(old->data, new->data) != 0 ||
	    strcmp(old->run, new->run) != 0)
		return refuse(diff, ANEW,
		    "data and run are for the life of "
		    "the node");
	for (uint32_t i = 0; i < new->count; i++)
		if (!fits(root, diff, &new->children[i], &fresh))
			return false;
	for (uint32_t i = root->planned; i < ACTA_PLAN_CHILDREN_MAX; i++)
		room += !root->plan.children[i].name[0] &&
		    !root->sup.children[i].used;
	if (fresh > room)
		return refuse(diff, ANEW,
		    "there is room for %" PRIu32
		    " more children, not for %" PRIu32,
		    room, fresh);
	return true;
}

/* Room for the longest line of arguments. */
static bool
make_arguments_room(struct acta_root *root, const struct acta_plan *new)
{
	size_t longest = 0;
	char **argv;

	for (uint32_t i = 0; i < new->count; i++)
		for (size_t n = 0;
		     new->children[i].argv &&new->children[i].argv[n]; n++)
			if (n >= longest)
				longest = n + 1;
	longest += ACTA_ROOT_ARGS + 2;
	if (longest <= root->argv_room)
		return true;
	argv = calloc(longest, sizeof(*argv));
	if (!argv)
		return false;
	free(root->argv);
	root->argv = argv;
	root->argv_room = longest;
	return true;
}

/* ----------------------------------------------------------------- applying -- */

/* Who has which number. A door is laid out for the node's life. */
static void
number_all(struct acta_root *root, struct diff *diff)
{
	for (uint32_t i = 0; i < diff->new->count; i++) {
		const struct acta_plan_child *is = &diff->new->children[i];
		uint32_t at = who_is(root, diff->new, is);

		diff->number[i] = at;
		if (at != UINT32_MAX || is->kind == ACTA_KIND_DOOR)
			continue;
		at = kept_place(root, is->name);
		if (at == UINT32_MAX)
			at = acta_root_place(root);
		assert(at != UINT32_MAX); /* counted before */
		/* Its name takes the place; all else follows. */
		memcpy(
		    root->plan.children[at].name, is->name, sizeof(is->name));
		diff->number[i] = at;
		diff->fresh[i] = true;
		diff->hosts_added |= is->kind == ACTA_KIND_HOST;
	}
}

/* What a process is started with: the old goes with the new plan. */
static void
swap_process(struct acta_plan_child *c, struct acta_plan_child *from)
{
	struct acta_plan_child old = *c;

	c->program = from->program;
	c->argv = from->argv;
	c->config = from->config;
	c->config_size = from->config_size;
	c->keys = from->keys;
	from->program = old.program;
	from->argv = old.argv;
	from->config = old.config;
	from->config_size = old.config_size;
	from->keys = old.keys;
	c->memory_max = from->memory_max;
	c->files_max = from->files_max;
	c->max_crashes = from->max_crashes;
	c->turn_limit_ms = from->turn_limit_ms;
}

static void
take_policy(struct acta_plan_child *c, const struct acta_plan_child *from)
{
	c->restart = from->restart;
	c->significant = from->significant;
	c->shutdown_ms = from->shutdown_ms;
	c->backoff_min_ms = from->backoff_min_ms;
	c->backoff_max_ms = from->backoff_max_ms;
	c->backoff_reset_ms = from->backoff_reset_ms;
	c->backoff_factor = from->backoff_factor;
	c->backoff_jitter = from->backoff_jitter;
	c->strategy = from->strategy;
	c->auto_shutdown = from->auto_shutdown;
	c->intensity = from->intensity;
	c->period_ms = from->period_ms;
	c->on_exceed = from->on_exceed;
}

/* Doors know it from now on, and what is asked of it waits until it is up. */
static void
announce(struct acta_root *root, uint32_t child)
{
	struct acta_plan_child *c = &root->plan.children[child];

	if (child >= root->peers.planned &&
	    acta_peers_room(&root->peers, child, c->workers) != ACTA_OK)
		c->workers = 0;
	if (acta_peers_set(&root->peers, child, 0, 0, "") != ACTA_OK)
		acta_root_log(root, "error",
		    "event=reload-incomplete service=%s why=memory", c->name);
}

static void
place_fresh(
    struct acta_root *root, struct diff *diff, struct acta_plan_child *from)
{
	uint32_t at = diff->number[from - diff->new->children];
	struct acta_plan_child *c = &root->plan.children[at];

	acta_plan_child_fini(c); /* of one that was removed: its name */
	*c = *from;
	from->program = NULL;
	from->argv = NULL;
	from->config = NULL;
	from->keys = NULL;
	if (c->parent)
		c->parent = diff->number[c->parent - 1] + 1;
	if (c->kind == ACTA_KIND_HOST)
		announce(root, at);
	tell(root, diff, "added", c->name, "");
}

/* One that was there: its lines. */
struct lines {
	const struct acta_plan_child *child;
	struct text now, then;
};

static void
take_key(void *arg, const struct key *name, const struct key *was,
    const struct key *is)
{
	struct lines *lines = arg;
	enum when when = when_of(name->name, (size_t)name->name_size);

	if (when != WHEN_STARTED)
		add_key(&lines->now, was, is);
	if (when == WHEN_STARTED ||
	    (when == WHEN_BOTH && lines->child->kind == ACTA_KIND_HOST))
		add_key(&lines->then, was, is);
}

static void
take_one(
    struct acta_root *root, struct diff *diff, struct acta_plan_child *from)
{
	uint32_t at = diff->number[from - diff->new->children];
	struct acta_plan_child *c = &root->plan.children[at];
	struct lines lines = { .child = c };
	size_t count = 0;

	while (c->argv && c->argv[count])
		count++;
	each_difference(c->keys, from->keys, take_key, &lines);
	take_policy(c, from);
	swap_process(c, from);
	memcpy(c->name, from->name, sizeof(c->name)); /* of a template */
	if (lines.now.size)
		tell(root, diff, "changed", c->name, lines.now.text);
	if (acta_root_is_template(root, at))
		acta_root_renew(root, at, count);
	if (!lines.then.size)
		return;
	if (acta_root_is_template(root, at))
		add(&lines.then, "; for those that start from now on");
	else
		add(&lines.then, "; once it is restarted: `acta restart %s`",
		    c->name);
	tell(root, diff, "changed", c->name, lines.then.text);
}

static void
take_node_key(void *arg, const struct key *name, const struct key *was,
    const struct key *is)
{
	bool door = memcmp(name->name, "door.", 5) == 0;
	struct text *text = arg;

	if (memcmp(name->name, "supervisor.", 11) == 0)
		add_key(&text[0], was, is);
	else if (door && was->name && is->name &&
	    (memcmp(was->value, "off\n", 4) == 0 ||
		memcmp(is->value, "off\n", 4) == 0))
		add_key(&text[2], was, is);
	else if (door)
		add_key(&text[1], was, is);
}

/* The node's own, its doors among them. */
static void
take_node(struct acta_root *root, struct diff *diff)
{
	struct acta_plan *old = &root->plan, *new = diff->new;
	struct text text[3] = { { .size = 0 } };
	char *keys = old->keys;

	each_difference(old->keys, new->keys, take_node_key, text);
	old->keys = new->keys;
	new->keys = keys;
	old->strategy = new->strategy;
	old->intensity = new->intensity;
	old->period_ms = new->period_ms;
	old->on_exceed = new->on_exceed;
	if (text[0].size)
		tell(root, diff, "changed", "@node", text[0].text);
	if (text[1].size) {
		add(&text[1],
		    "; once doors, and for max_body services, are "
		    "restarted: `acta restart @door-call`, ...");
		tell(root, diff, "changed", "@node", text[1].text);
	}
	if (text[2].size) {
		add(&text[2], "; once the node is started again");
		tell(root, diff, "changed", "@node", text[2].text);
	}
}

/* Do those that stay keep their order? */
static bool
in_order(const struct acta_root *root, uint32_t group,
    const struct acta_sup_founder *founders, uint32_t count)
{
	const struct acta_sup_child *children = root->sup.children;
	uint32_t old = group == ACTA_SUP_TOP ? children[root->sup.room].founders
					     : children[group].founders;
	uint32_t i = 0, k;

	for (; old != ACTA_SUP_NONE; old = children[old].founder_next) {
		for (k = 0; k < count && founders[k].child != old; k++)
			;
		if (k == count)
			continue; /* it goes */
		if (k < i)
			return false;
		i = k;
	}
	return true;
}

/* One supervisor's flags and children. `parent` as in the new plan: 0 is the
 * top. Doors that the new plan has not are here for life. */
static enum acta_sup_word
change_one(struct acta_root *root, struct diff *diff, uint32_t parent,
    const struct acta_sup_flags *flags, struct acta_sup_founder *founders)
{
	uint32_t group = parent ? diff->number[parent - 1] : ACTA_SUP_TOP;
	uint32_t count = 0;

	for (uint32_t i = 0; parent == 0 && i < root->planned; i++) {
		const struct acta_plan_child *c = &root->plan.children[i];

		if (c->kind != ACTA_KIND_DOOR || !c->name[0])
			continue;
		founders[count].child = i;
		founders[count++].spec = acta_sup_spec_of_plan(c);
	}
	for (uint32_t i = 0; i < diff->new->count; i++) {
		if (diff->new->children[i].parent != parent ||
		    diff->new->children[i].kind == ACTA_KIND_DOOR)
			continue;
		founders[count].child = diff->number[i];
		founders[count++].spec = acta_sup_spec_of_plan(
		    &root->plan.children[diff->number[i]]);
	}
	if (!(parent && diff->fresh[parent - 1]) &&
	    !in_order(root, group, founders, count))
		tell(root, diff, "changed",
		    group == ACTA_SUP_TOP ? "@node"
					  : root->plan.children[group].name,
		    "the order of its services");
	return acta_sup_change(
	    &root->sup, group, flags, founders, count, acta_root_now());
}

static enum acta_sup_word
change_all(struct acta_root *root, struct diff *diff)
{
	struct acta_sup_founder *founders =
	    calloc(ACTA_PLAN_CHILDREN_MAX, sizeof(*founders));
	struct acta_sup_flags flags = acta_sup_flags_of_plan(diff->new);
	enum acta_sup_word word = ACTA_SUP_NO_ROOM;

	if (!founders)
		return word;
	word = change_one(root, diff, 0, &flags, founders);
	/* A group stands before what is in it. */
	for (uint32_t i = 0; word == ACTA_SUP_OK && i < diff->new->count; i++) {
		const struct acta_plan_child *c = &diff->new->children[i];

		if (c->kind != ACTA_KIND_GROUP)
			continue;
		flags = acta_sup_spec_of_plan(c).flags;
		word = change_one(root, diff, i + 1, &flags, founders);
	}
	free(founders);
	return word;
}

/* Who is in the config no more, told; those at the head of it are to go, and take
 * along what is in them. */
static void
remove_gone(struct acta_root *root, struct diff *diff)
{
	for (uint32_t i = 0; i < root->plan.count; i++) {
		const struct acta_plan_child *c = &root->plan.children[i];
		const struct acta_sup_child *s = &root->sup.children[i];

		if (!s->used || c->kind == ACTA_KIND_DOOR ||
		    root->children[i].removed ||
		    find_new(diff->new, c->name) != UINT32_MAX)
			continue;
		if (c->parent && !s->founder &&
		    is_simple(&root->plan.children[c->parent - 1]))
			continue; /* added by its template */
		tell(root, diff, "removed", c->name, "");
		root->children[i].removed = !s->founder;
		root->reload.leaving |= !s->founder;
	}
}

static bool
stands_apart(const struct diff *diff, uint32_t i)
{
	const struct acta_plan_child *c = &diff->new->children[i];

	/* What is in a group that is new starts with it. */
	return !c->parent ||
	    (!diff->fresh[c->parent - 1] &&
		!is_simple(&diff->new->children[c->parent - 1]));
}

static void
queue_new(struct acta_root *root, const struct diff *diff)
{
	struct acta_root_reload *reload = &root->reload;

	for (uint32_t i = 0; i < diff->new->count; i++) {
		uint32_t at = diff->number[i];

		if (at == UINT32_MAX ||
		    (!diff->fresh[i] && !root->children[at].removed))
			continue;
		root->children[at].removed = false;
		if (stands_apart(diff, i) &&
		    reload->starting_count < ACTA_PLAN_CHILDREN_MAX)
			reload->starting[reload->starting_count++] = at;
	}
}

static void
apply(struct acta_root *root, struct diff *diff)
{
	enum acta_sup_word word;

	number_all(root, diff);
	take_node(root, diff);
	for (uint32_t i = 0; i < diff->new->count; i++) {
		if (diff->fresh[i])
			place_fresh(root, diff, &diff->new->children[i]);
		else if (diff->number[i] != UINT32_MAX)
			take_one(root, diff, &diff->new->children[i]);
	}
	queue_new(root, diff);
	word = change_all(root, diff);
	/* Only for want of memory: all else was looked at before. */
	if (word != ACTA_SUP_OK)
		acta_root_log(root, "error", "event=reload-incomplete why=%s",
		    acta_sup_word_name(word));
	acta_root_act(root);
	remove_gone(root, diff);
	if (diff->hosts_added)
		acta_root_say("  hint: services that are to send to a new one, "
			      "or to hear it, need `acta restart`");
	if (diff->told == 0)
		acta_root_say("  nothing has changed");
	for (uint32_t i = 0; i < diff->new->count; i++)
		if (diff->fresh[i] && !root->sup.children[diff->number[i]].used)
			acta_root_place_free(root, diff->number[i]);
	root->dirty = true;
	acta_root_changes_tick(root);
}

void
acta_root_changes(struct acta_root *root, struct acta_plan *new)
{
	struct diff diff = { .new = new };

	diff.number = calloc(new->count + 1, sizeof(*diff.number));
	diff.fresh = calloc(new->count + 1, sizeof(*diff.fresh));
	if (!root->reload.starting)
		root->reload.starting = calloc(
		    ACTA_PLAN_CHILDREN_MAX, sizeof(*root->reload.starting));
	if (!diff.number || !diff.fresh || !root->reload.starting ||
	    !make_arguments_room(root, new)) {
		acta_root_reload_failed(root, "no memory", "");
	} else if (!may_be_taken(root, &diff)) {
		acta_root_reload_failed(root, diff.why, diff.hint);
	} else {
		acta_root_say("acta: %s: %s was read again", root->plan.node,
		    root->plan.file);
		apply(root, &diff);
	}
	free(diff.number);
	free(diff.fresh);
}

/* -------------------------------------------------------------- afterwards -- */

/* True: the first of those to be started is waited for no more. */
static bool
start_first(struct acta_root *root)
{
	struct acta_root_reload *reload = &root->reload;
	uint32_t child = reload->starting[0];
	const struct acta_sup_child *s = &root->sup.children[child];
	enum acta_sup_phase phase;
	enum acta_err err;

	if (!s->used || !s->founder)
		return true;
	phase = s->parent == ACTA_SUP_TOP ? root->sup.phase
					  : root->sup.children[s->parent].phase;
	if (s->parent == ACTA_SUP_TOP && phase == ACTA_NODE_RUNNING)
		phase = root->sup.children[root->sup.room].phase;
	if (phase == ACTA_NODE_CLEARING || phase == ACTA_NODE_FILLING)
		return false; /* siblings are being restarted */
	if (phase != ACTA_NODE_RUNNING)
		return true; /* its supervisor starts it, or stops */
	if (!reload->started) {
		reload->started = true;
		err = acta_sup_cmd_start(
		    &root->sup, child, false, acta_root_now());
		if (err != ACTA_OK)
			return true;
		acta_root_act(root);
	}
	return s->state != ACTA_SUP_STARTING && s->state != ACTA_SUP_STOPPING &&
	    s->state != ACTA_SUP_DYING;
}

/* Of siblings that go the last one is the first, and the one before it waits for
 * its end. */
static bool
has_its_turn(const struct acta_root *root, uint32_t child)
{
	const struct acta_sup_child *children = root->sup.children;

	for (uint32_t i = children[child].next; i != ACTA_SUP_NONE;
	     i = children[i].next)
		if (root->children[i].removed && children[i].live)
			return false;
	return true;
}

static void
end_removed(struct acta_root *root, uint32_t child)
{
	const struct acta_sup_child *s = &root->sup.children[child];
	enum acta_sup_word word;

	if (s->state == ACTA_SUP_STOPPING || s->state == ACTA_SUP_DYING ||
	    !has_its_turn(root, child))
		return; /* on its way */
	word = acta_sup_terminate_child(&root->sup, child, acta_root_now());
	if (word == ACTA_SUP_OK && s->used && s->known && !s->live)
		word =
		    acta_sup_delete_child(&root->sup, child, acta_root_now());
	(void)word; /* not yet: another turn of the loop comes */
	acta_root_act(root);
}

/* Some of those that go are still there. */
static bool
end_all_removed(struct acta_root *root)
{
	bool live = false, left = false;

	for (uint32_t i = root->plan.count; i-- > 0;) {
		const struct acta_sup_child *s = &root->sup.children[i];

		if (i >= root->plan.count || !root->children[i].removed)
			continue;
		if (s->used)
			end_removed(root, i);
		root->children[i].removed = s->used;
		left |= s->used;
		live |= s->used && s->live;
	}
	root->reload.leaving = left;
	return live;
}

void
acta_root_changes_tick(struct acta_root *root)
{
	struct acta_root_reload *reload = &root->reload;

	/* What is new may want the place of what is gone: its port, its file. */
	if (reload->leaving && end_all_removed(root))
		return;
	while (reload->starting_count > 0 && start_first(root)) {
		reload->started = false;
		memmove(reload->starting, reload->starting + 1,
		    --reload->starting_count * sizeof(*reload->starting));
	}
}
