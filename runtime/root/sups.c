/*
 * runtime/root/sups.c - OTP's calls to a supervisor, from RUN/root.sock: `sup
 * add|remove|start|stop|restart GROUP NAME`, `sup count GROUP`. Their answers
 * are OTP's words. The node itself is the group @node.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/root/root.h"

static bool
is_simple(const struct acta_root *root, uint32_t group)
{
	return group != ACTA_SUP_TOP &&
	    root->plan.children[group].strategy == ACTA_SIMPLE_ONE_FOR_ONE;
}

bool
acta_root_is_template(const struct acta_root *root, uint32_t child)
{
	uint32_t parent = root->plan.children[child].parent;

	return parent > 0 && is_simple(root, parent - 1) &&
	    root->sup.children[child].founder;
}

static const char *
name_of(const struct acta_root *root, uint32_t group)
{
	return group == ACTA_SUP_TOP ? "@node"
				     : root->plan.children[group].name;
}

/* ------------------------------------------------------------------ places -- */

void
acta_root_place_free(struct acta_root *root, uint32_t child)
{
	struct acta_plan_child *spec = &root->plan.children[child];
	struct acta_plan_child old = *spec;

	acta_plan_child_fini(spec);
	/* News of a service's end may be on their way, under its name: the place
	 * is kept for it alone. */
	if (old.kind == ACTA_KIND_HOST) {
		memcpy(spec->name, old.name, sizeof(spec->name));
		spec->kind = old.kind;
		spec->partitions = old.partitions;
		spec->workers = old.workers;
	}
	while (root->plan.count > root->planned &&
	    !root->plan.children[root->plan.count - 1].name[0])
		root->plan.count--;
}

/* The template's program, with its arguments and those of the wish, in `spec`,
 * if there is memory for it. */
static bool
copy_program(struct acta_plan_child *spec,
    const struct acta_plan_child *template, char *const *more)
{
	struct acta_plan_child copy = { .name = "" };
	size_t count = 0, added = 0, i = 0;

	while (template->argv[count])
		count++;
	while (more[added])
		added++;
	copy.program = strdup(template->program);
	copy.argv = calloc(count + added + 1, sizeof(*copy.argv));
	for (; copy.argv && i < count + added; i++) {
		copy.argv[i] =
		    strdup(i < count ? template->argv[i] : more[i - count]);
		if (!copy.argv[i])
			break;
	}
	if (!copy.program || !copy.argv || i < count + added) {
		acta_plan_child_fini(&copy);
		return false;
	}
	spec->program = copy.program;
	spec->argv = copy.argv;
	return true;
}

void
acta_root_renew(struct acta_root *root, uint32_t template, size_t count)
{
	const struct acta_plan_child *from = &root->plan.children[template];

	for (uint32_t i = root->planned; i < root->plan.count; i++) {
		struct acta_plan_child *spec = &root->plan.children[i];
		struct acta_plan_child old = { .name = "" };

		if (!root->sup.children[i].used || i == template ||
		    spec->parent != from->parent)
			continue;
		old.program = spec->program;
		old.argv = spec->argv;
		if (copy_program(spec, from, old.argv + count))
			acta_plan_child_fini(&old);
		spec->memory_max = from->memory_max;
		spec->files_max = from->files_max;
		spec->restart = from->restart;
		spec->shutdown_ms = from->shutdown_ms;
	}
}

uint32_t
acta_root_place(struct acta_root *root)
{
	uint32_t child = root->planned;

	while (child < ACTA_PLAN_CHILDREN_MAX &&
	    (root->plan.children[child].name[0] ||
		root->sup.children[child].used))
		child++;
	if (child == ACTA_PLAN_CHILDREN_MAX)
		return UINT32_MAX;
	if (root->plan.count <= child)
		root->plan.count = child + 1;
	root->children[child] =
	    (struct acta_root_child){ .pidfd = -1, .ctl = -1, .box = -1 };
	return child;
}

/* A place for one more by this template; UINT32_MAX: there is none. */
static uint32_t
new_place(
    struct acta_root *root, uint32_t group, const char *name, char *const *more)
{
	const struct acta_plan_child *template =
	    &root->plan.children[root->sup.children[group].founders];
	struct acta_plan_child *spec;
	uint32_t child = acta_root_place(root);

	if (child == UINT32_MAX)
		return UINT32_MAX;
	spec = &root->plan.children[child];
	*spec = *template;
	spec->program = NULL;
	spec->argv = NULL;
	spec->keys = NULL;
	spec->config = NULL;
	if (!copy_program(spec, template, more)) {
		acta_root_place_free(root, child);
		return UINT32_MAX;
	}
	snprintf(spec->name, sizeof(spec->name), "%.32s", name);
	return child;
}

void
acta_root_sup_forget(struct acta_root *root, uint32_t child)
{
	/* Who waited for it to be at rest: it is. */
	for (uint32_t i = 0; i < ACTA_ROOT_CLIENTS; i++) {
		struct acta_root_client *client = &root->clients[i];

		if (client->fd < 0 || client->child != child ||
		    client->wait == ACTA_WAIT_NONE)
			continue;
		if (client->wait == ACTA_WAIT_STOPPED)
			acta_root_done(root, client);
		else
			acta_root_refuse(root, client, "failed",
			    "it ended, and its supervisor knows it no more",
			    "`acta logs` has what it said");
	}
	/* Those of the config keep their place, to come back to. */
	if (!root->sup.children[child].used)
		acta_root_place_free(root, child);
}

/* ----------------------------------------------------------------- answers -- */

/* The config has it there, but its supervisor has it not. */
static bool
is_away(const struct acta_root *root, uint32_t group, const char *name)
{
	uint32_t child = acta_root_find(root, name);

	return child != UINT32_MAX && !root->sup.children[child].known &&
	    root->sup.children[child].parent == group &&
	    !acta_root_is_template(root, child);
}

static void
refuse_word(struct acta_root *root, struct acta_root_client *client,
    const char *name, uint32_t group, enum acta_sup_word word)
{
	const char *hint = "";
	char text[160], more[160];

	snprintf(text, sizeof(text), "%.40s in %.40s: %s", name,
	    name_of(root, group), acta_sup_word_name(word));
	switch (word) {
	case ACTA_SUP_ALREADY_STARTED:
	case ACTA_SUP_RUNNING: hint = "it runs"; break;
	case ACTA_SUP_ALREADY_PRESENT:
		snprintf(more, sizeof(more), "`acta sup start %.40s %.40s`",
		    name_of(root, group), name);
		hint = more;
		break;
	case ACTA_SUP_RESTARTING:
		hint = "it is on its way; `acta sup stop` calls that off";
		break;
	case ACTA_SUP_NOT_FOUND:
		hint = "`acta ps` shows who is in which group";
		if (!is_away(root, group, name))
			break;
		snprintf(more, sizeof(more),
		    "it was removed, or has ended for good: `acta sup add "
		    "%.40s %.40s`",
		    name_of(root, group), name);
		hint = more;
		break;
	case ACTA_SUP_SIMPLE:
		hint = "one by a template is added and removed, not kept";
		break;
	case ACTA_SUP_NOPROC:
		snprintf(more, sizeof(more), "it is not up: `acta start %.40s`",
		    name_of(root, group));
		hint = more;
		break;
	case ACTA_SUP_ERROR:
		snprintf(more, sizeof(more),
		    "`acta why %.40s`, `acta logs "
		    "%.40s`",
		    name, name);
		hint = more;
		break;
	default: break;
	}
	acta_root_refuse(root, client, acta_sup_word_name(word), text, hint);
}

static uint32_t
group_of(const struct acta_root *root, uint32_t child)
{
	uint32_t parent = root->plan.children[child].parent;

	return parent ? parent - 1 : ACTA_SUP_TOP;
}

/* The second half of a restart. */
static void
start_again(
    struct acta_root *root, struct acta_root_client *client, uint32_t child)
{
	enum acta_sup_word word =
	    acta_sup_restart_child(&root->sup, child, acta_root_now());

	client->wait = ACTA_WAIT_ANSWER;
	if (word == ACTA_SUP_OK)
		return;
	client->wait = ACTA_WAIT_NONE;
	refuse_word(root, client, root->plan.children[child].name,
	    group_of(root, child), word);
}

void
acta_root_sup_answer(
    struct acta_root *root, uint32_t child, enum acta_sup_word word)
{
	for (uint32_t i = 0; i < ACTA_ROOT_CLIENTS; i++) {
		struct acta_root_client *client = &root->clients[i];

		if (client->fd < 0 || client->child != child ||
		    (client->wait != ACTA_WAIT_ANSWER &&
			client->wait != ACTA_WAIT_REMADE))
			continue;
		if (word != ACTA_SUP_OK && word != ACTA_SUP_UNDEFINED) {
			client->wait = ACTA_WAIT_NONE;
			refuse_word(root, client,
			    root->plan.children[child].name,
			    group_of(root, child), word);
		} else if (client->wait == ACTA_WAIT_REMADE) {
			start_again(root, client, child);
		} else {
			acta_root_done(root, client);
		}
	}
}

static void
answer_count(
    struct acta_root *root, struct acta_root_client *client, uint32_t group)
{
	struct acta_sup_counts counts;
	enum acta_sup_word word =
	    acta_sup_count_children(&root->sup, group, &counts);
	struct acta_doc *doc = &client->out;

	if (word != ACTA_SUP_OK) {
		refuse_word(root, client, "count", group, word);
		return;
	}
	/* Doors are outside of supervision. */
	for (uint32_t i = 0; group == ACTA_SUP_TOP && i < root->planned; i++) {
		if (root->plan.children[i].kind != ACTA_KIND_DOOR ||
		    !root->sup.children[i].known)
			continue;
		counts.specs--;
		counts.workers--;
		counts.active -= root->sup.children[i].live &&
		    !acta_sup_is_restarting(&root->sup, i);
	}
	acta_doc_open(doc, NULL, '{');
	acta_doc_bool(doc, "ok", true);
	acta_doc_str(doc, "group", name_of(root, group));
	acta_doc_int(doc, "specs", counts.specs);
	acta_doc_int(doc, "active", counts.active);
	acta_doc_int(doc, "supervisors", counts.supervisors);
	acta_doc_int(doc, "workers", counts.workers);
	acta_doc_close(doc, '}');
	acta_root_answer(root, client);
}

/* -------------------------------------------------------------------- calls -- */

static enum acta_sup_word
call_add(struct acta_root *root, struct acta_root_client *client,
    uint32_t group, const char *name, char *const *more)
{
	uint32_t child = acta_root_find(root, name);
	int64_t now_ms = acta_root_now();
	enum acta_sup_word word;

	client->child = child;
	if (!is_simple(root, group)) {
		struct acta_sup_spec spec;
		uint32_t old = acta_sup_find(&root->sup, group, name);

		/* It comes from the config, and may have been removed. */
		if (old == ACTA_SUP_NONE &&
		    (child == UINT32_MAX || group_of(root, child) != group))
			return ACTA_SUP_NOT_FOUND;
		if (old == ACTA_SUP_NONE)
			return acta_sup_start_child(
			    &root->sup, group, child, NULL, now_ms);
		spec = acta_sup_spec_of_plan(&root->plan.children[old]);
		return acta_sup_start_child(
		    &root->sup, group, old, &spec, now_ms);
	}
	if (child != UINT32_MAX)
		return root->sup.children[child].live
		    ? ACTA_SUP_ALREADY_STARTED
		    : ACTA_SUP_ALREADY_PRESENT;
	child = new_place(root, group, name, more);
	if (child == UINT32_MAX)
		return ACTA_SUP_NO_ROOM;
	client->child = child;
	word = acta_sup_start_child(&root->sup, group, child, NULL, now_ms);
	if (word != ACTA_SUP_OK)
		acta_root_place_free(root, child);
	return word;
}

static enum acta_sup_word
call(struct acta_root *root, struct acta_root_client *client, const char *verb,
    uint32_t group, uint32_t child)
{
	bool simple = is_simple(root, group);
	int64_t now_ms = acta_root_now();
	enum acta_sup_word word;

	client->child = child;
	if (strcmp(verb, "stop") == 0 ||
	    (simple && strcmp(verb, "remove") == 0))
		return acta_sup_terminate_child(&root->sup, child, now_ms);
	if (simple)
		return ACTA_SUP_SIMPLE;
	if (strcmp(verb, "start") == 0)
		return acta_sup_restart_child(&root->sup, child, now_ms);
	if (strcmp(verb, "restart") == 0) {
		client->wait = ACTA_WAIT_REMADE;
		return acta_sup_terminate_child(&root->sup, child, now_ms);
	}
	word = acta_sup_delete_child(&root->sup, child, now_ms);
	if (word == ACTA_SUP_OK) /* at once: no answer follows */
		client->wait = ACTA_WAIT_NONE;
	return word;
}

static void
obey(struct acta_root *root, struct acta_root_client *client, const char *verb,
    uint32_t group, const char *name, char *const *more)
{
	uint32_t child = acta_root_find(root, name);
	struct acta_sup_counts counts;
	enum acta_sup_word word;

	acta_root_log(root, "info",
	    "event=operator do=sup-%s group=%s "
	    "service=%s",
	    verb, name_of(root, group), name);
	client->wait = ACTA_WAIT_ANSWER;
	client->child = UINT32_MAX;
	if (acta_sup_count_children(&root->sup, group, &counts) != ACTA_SUP_OK)
		word = ACTA_SUP_NOPROC; /* whomever it is about */
	else if (strcmp(verb, "add") == 0)
		word = call_add(root, client, group, name, more);
	else if (child == UINT32_MAX || group_of(root, child) != group ||
	    acta_root_is_template(root, child))
		word = ACTA_SUP_NOT_FOUND;
	else if (root->plan.children[child].kind == ACTA_KIND_DOOR)
		word = ACTA_SUP_INVALID_CHILD_TYPE;
	else
		word = call(root, client, verb, group, child);
	if (word != ACTA_SUP_OK) {
		client->wait = ACTA_WAIT_NONE;
		refuse_word(root, client, name, group, word);
	} else if (client->wait == ACTA_WAIT_NONE) {
		acta_root_done(root, client);
	}
	acta_root_act(root);
}

/* A name becomes that of a log. */
static bool
is_name(const char *name)
{
	size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return size > 0 && size <= 32 && !name[size] && name[0] >= 'a' &&
	    name[0] <= 'z' && strcmp(name, "node") != 0; /* the root's own */
}

void
acta_root_sup_obey(
    struct acta_root *root, struct acta_root_client *client, char *rest)
{
	static const char *const verbs[] = { "add", "remove", "start", "stop",
		"restart", "count" };
	char *words[ACTA_ROOT_ARGS + 4] = { NULL };
	uint32_t count = 0, group, verb = 0;

	while (rest && count < ACTA_ROOT_ARGS + 3)
		words[count++] = strsep(&rest, " ");
	while (count > 0 && verb < 6 && strcmp(words[0], verbs[verb]) != 0)
		verb++;
	if (count < 2 || verb == 6 || rest || (verb == 5) != (count == 2) ||
	    (verb > 0 && count > 3) || (verb == 0 && !is_name(words[2]))) {
		acta_root_refuse(root, client, "bad-request", "not understood",
		    "sup add GROUP NAME [ARG ...], sup remove|start|stop|"
		    "restart GROUP NAME, sup count GROUP");
		return;
	}
	group = strcmp(words[1], "@node") == 0 ? ACTA_SUP_TOP
					       : acta_root_find(root, words[1]);
	if (group == UINT32_MAX) {
		acta_root_not_found(root, client, words[1]);
		return;
	}
	if (group != ACTA_SUP_TOP &&
	    root->plan.children[group].kind != ACTA_KIND_GROUP) {
		char text[96];

		snprintf(text, sizeof(text), "%.40s is no group", words[1]);
		acta_root_refuse(root, client, "noproc", text,
		    "`acta ps` shows groups; @node is the node itself");
		return;
	}
	if (verb == 5)
		answer_count(root, client, group);
	else
		obey(root, client, verbs[verb], group, words[2], words + 3);
}
