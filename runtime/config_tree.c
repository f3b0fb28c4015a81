/*
 * runtime/config_tree.c - lists of services: of which kind an entry is, groups
 * within groups, programs, and the order in which all are started.
 */
#include "runtime/config_keys.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------ kinds -- */

static bool
is_one_of(const char *const *names, const char *name)
{
	size_t size = strcspn(name, ".");

	for (; *names != NULL; names++)
		if (strlen(*names) == size && strncmp(*names, name, size) == 0)
			return true;
	return false;
}

bool
acta_config_key_fits(enum acta_config_kind kind, const char *name)
{
	static const char *const of_all[] = { "restart", "significant",
		"shutdown", "backoff", "after", NULL };
	static const char *const of_programs[] = { "name", "exec", "ready",
		"limits", "env", "user", "cwd", "stop_signal", NULL };
	static const char *const of_groups[] = { "group", "strategy",
		"intensity", "period", "auto_shutdown", "on_exceed", "services",
		NULL };

	if (is_one_of(of_all, name))
		return true;
	if (kind == ACTA_CONFIG_GROUP)
		return is_one_of(of_groups, name);
	if (kind == ACTA_CONFIG_PROGRAM)
		return is_one_of(of_programs, name);
	return strcmp(name, "name") == 0 || strncmp(name, "limits", 6) == 0 ||
	    (!is_one_of(of_groups, name) && !is_one_of(of_programs, name));
}

static enum acta_err
refuse_stranger(const struct acta_key_reading *r, enum acta_config_kind kind,
    const struct acta_yaml *node)
{
	static const char *const hints[] = {
		"a service in C has load; a program has exec: [cmd, ...]; a "
		"group has services",
		"a program has exec, and what is said of its supervision",
		"a group has strategy, intensity, period, auto_shutdown, "
		"on_exceed, services",
	};
	static const char *const kinds[] = { "service", "program", "group" };

	acta_why_hint(r->why, "%s", hints[kind]);
	return refuse_key(
	    r, node, "\"%s\" is no key of a %s", node->key, kinds[kind]);
}

enum acta_err
acta_config_read_kind(const struct acta_key_reading *r,
    const struct acta_yaml *map, enum acta_config_kind *out)
{
	const struct acta_yaml *node;
	enum acta_config_kind kind = ACTA_CONFIG_SERVICE;

	if (map->kind != ACTA_YAML_MAP) {
		acta_why_hint(r->why,
		    "like - {name: stock, load: stock.so} "
		    "(invalid_child_spec)");
		return refuse(r, map, "a service is %s, a map is due",
		    acta_key_kind(map));
	}
	if (acta_yaml_get(map, "group") != NULL)
		kind = ACTA_CONFIG_GROUP;
	else if (acta_yaml_get(map, "exec") != NULL)
		kind = ACTA_CONFIG_PROGRAM;
	for (node = map->first; node != NULL; node = node->next) {
		bool inner;

		if (acta_key_find(&acta_service_keys, "", node->key, &inner) &&
		    !acta_config_key_fits(kind, node->key))
			return refuse_stranger(r, kind, node);
	}
	*out = kind;
	return ACTA_OK;
}

/* --------------------------------------------------------------- programs -- */

static bool
can_run(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    access(path, X_OK) == 0;
}

/* Beside the config if it names a place, else in $PATH; NULL: nowhere. */
static char *
find_program(const struct acta_key_reading *r, const char *name)
{
	const char *path = getenv("PATH");
	char *found;

	if (strchr(name, '/') != NULL) {
		found = name[0] == '/'
		    ? acta_text_keepf("%s", name)
		    : acta_text_keepf("%s/%s", r->config->dir,
			  strncmp(name, "./", 2) == 0 ? name + 2 : name);
		if (can_run(found))
			return found;
		free(found);
		return NULL;
	}
	for (; path != NULL && *path != '\0'; path += *path == ':') {
		size_t size = strcspn(path, ":");

		found = acta_text_keepf("%.*s/%s", (int)size, path, name);
		path += size;
		if (found[0] == '/' && can_run(found))
			return found;
		free(found);
	}
	return NULL;
}

/* A list of texts, as they stand. */
static enum acta_err
read_texts(const struct acta_key_reading *r, const struct acta_yaml *node,
    const char *due, uint32_t max, char ***out)
{
	const struct acta_yaml *at;
	uint32_t count = 0;

	if (node->kind != ACTA_YAML_LIST)
		return acta_key_wrong(r, node, due);
	if (node->count > max) {
		acta_why_hint(r->why, "at most %" PRIu32, max);
		return refuse(r, node, "\"%s\" has %" PRIu32 " elements",
		    node->key, node->count);
	}
	*out = calloc(node->count + 1, sizeof(**out));
	if (*out == NULL)
		abort();
	for (at = node->first; at != NULL; at = at->next) {
		if (at->kind != ACTA_YAML_SCALAR) {
			acta_why_hint(r->why, "quotes make a text of it");
			return refuse(r, at, "an element of \"%s\" is %s",
			    node->key, acta_key_kind(at));
		}
		(*out)[count++] = acta_text_keepf("%s", at->text);
	}
	return ACTA_OK;
}

enum acta_err
acta_config_read_exec(const struct acta_key_reading *r,
    struct acta_config_service *s, const struct acta_yaml *node)
{
	enum acta_err err = read_texts(r, node, "a list: [cmd, argument, ...]",
	    ACTA_CONFIG_ARGS_MAX, &s->argv);

	if (err != ACTA_OK)
		return err;
	if (node->count == 0 || s->argv[0][0] == '\0') {
		acta_why_hint(r->why,
		    "like [redis-server, redis.conf] "
		    "(missing_start)");
		return refuse(r, node, "\"exec\" names no program");
	}
	s->path = find_program(r, s->argv[0]);
	if (s->path != NULL)
		return ACTA_OK;
	acta_why_hint(r->why,
	    strchr(s->argv[0], '/') != NULL
		? "it is looked for beside the config: is it there, and may "
		  "it be run? (chmod +x)"
		: "it is not in $PATH; ./%.60s would be one beside the config",
	    s->argv[0]);
	return refuse(r, node->first, "no program \"%.120s\"", s->argv[0]);
}

/* ------------------------------------------------------------------- lists -- */

static enum acta_err
check_name_once(const struct acta_key_reading *r,
    const struct acta_config_service *s, const struct acta_yaml *map)
{
	const struct acta_config *config = r->config;
	const struct acta_yaml *node =
	    acta_yaml_get(map, s->kind == ACTA_CONFIG_GROUP ? "group" : "name");

	for (uint32_t i = 0; &config->services[i] != s; i++) {
		if (strcmp(config->services[i].name, s->name) != 0)
			continue;
		acta_why_hint(r->why,
		    "the first is in line %" PRIu32 " (duplicate_child_name)",
		    config->services[i].line);
		return refuse(r, node, "a second service \"%s\"", s->name);
	}
	return ACTA_OK;
}

/* OTP's: it could never end its supervisor, or it always comes back. */
static enum acta_err
check_significant(
    const struct acta_key_reading *r, const struct acta_config_service *s)
{
	const struct acta_yaml *node = acta_yaml_get(s->yaml, "significant");
	bool never = s->parent == ACTA_CONFIG_TOP ||
	    r->config->services[s->parent].auto_shutdown == ACTA_AUTO_NEVER;

	if (!s->significant || (!never && s->restart != ACTA_PERMANENT))
		return ACTA_OK;
	acta_why_hint(r->why,
	    never ? "its group needs auto_shutdown: any_significant or "
		    "all_significant (bad_combination)"
		  : "its end never counts: restart: transient or temporary "
		    "(bad_combination)");
	return refuse(r, node, "\"%s\" is significant, %s", s->name,
	    never ? "but nothing shuts down by itself" : "but permanent");
}

/* Of what every group has, and what the template of one must be. */
static enum acta_err
check_children(const struct acta_key_reading *r,
    const struct acta_config_service *group, const struct acta_yaml *list)
{
	if (list == NULL) {
		acta_why_hint(r->why, "services: [] if it begins without any");
		return refuse(r, group->yaml,
		    "group \"%s\" has no \"services\"", group->name);
	}
	if (list->kind != ACTA_YAML_LIST)
		return acta_key_wrong(r, list, "a list");
	if (group->strategy == ACTA_SIMPLE_ONE_FOR_ONE && list->count != 1) {
		acta_why_hint(r->why,
		    "exactly one, the template; `acta sup add %s NAME` starts "
		    "one by it (bad_start_spec)",
		    group->name);
		return refuse(r, list,
		    "group \"%s\" is simple_one_for_one and has %" PRIu32
		    " services",
		    group->name, list->count);
	}
	return ACTA_OK;
}

static enum acta_err
check_template(
    const struct acta_key_reading *r, const struct acta_config_service *s)
{
	if (s->parent == ACTA_CONFIG_TOP ||
	    r->config->services[s->parent].strategy !=
		ACTA_SIMPLE_ONE_FOR_ONE ||
	    s->kind == ACTA_CONFIG_PROGRAM)
		return ACTA_OK;
	acta_why_hint(r->why,
	    "a service in C has its stores and its place in the plan: only "
	    "programs can be started by the number (bad_start_spec)");
	return refuse(r, s->yaml, "the template \"%s\" is no program", s->name);
}

/* The recursion is as deep as the file, which is 16. */
static enum acta_err
read_list(const struct acta_key_reading *r, const struct acta_yaml *list,
    uint32_t parent)
{
	struct acta_config *config = r->config;
	const struct acta_yaml *at;
	enum acta_err err = ACTA_OK;

	for (at = list->first; at != NULL && err == ACTA_OK; at = at->next) {
		struct acta_config_service *s =
		    &config->services[config->count];
		uint32_t index = config->count;

		if (index == ACTA_CONFIG_SERVICES_MAX) {
			acta_why_hint(r->why, "split it into nodes");
			return refuse(r, at,
			    "more than %u services: too many for a node",
			    ACTA_CONFIG_SERVICES_MAX);
		}
		acta_buf_init(&s->settings);
		config->count++;
		s->parent = parent;
		err = acta_config_read_one(r, s, at);
		if (err == ACTA_OK)
			err = check_name_once(r, s, at);
		if (err == ACTA_OK)
			err = check_significant(r, s);
		if (err == ACTA_OK)
			err = check_template(r, s);
		if (err != ACTA_OK || s->kind != ACTA_CONFIG_GROUP)
			continue;
		err = check_children(r, s, acta_yaml_get(at, "services"));
		if (err == ACTA_OK)
			err =
			    read_list(r, acta_yaml_get(at, "services"), index);
	}
	return err;
}

/* ------------------------------------------------------------------- order -- */

static uint32_t
depth_of(const struct acta_config *config, uint32_t index)
{
	uint32_t depth = 0;

	for (; index != ACTA_CONFIG_TOP; index = config->services[index].parent)
		depth++;
	return depth;
}

/* Which siblings stand above the two; false: one is within the other. */
static bool
lift(const struct acta_config *config, uint32_t *one, uint32_t *other)
{
	const struct acta_config_service *s = config->services;
	uint32_t a = *one, b = *other;
	uint32_t deep_a = depth_of(config, a), deep_b = depth_of(config, b);

	for (; deep_a > deep_b; deep_a--)
		a = s[a].parent;
	for (; deep_b > deep_a; deep_b--)
		b = s[b].parent;
	if (a == b)
		return false;
	while (s[a].parent != s[b].parent) {
		a = s[a].parent;
		b = s[b].parent;
	}
	*one = a;
	*other = b;
	return true;
}

/* One that has to wait for the other, of the same list. */
struct edge {
	uint32_t later, earlier, line, column;
	bool done;
};

struct order {
	struct edge *edges;
	uint32_t count;
	uint32_t *at; /* the new order, as old indexes */
	uint32_t placed;
};

static uint32_t
find_name(const struct acta_config *config, const char *name)
{
	for (uint32_t i = 0; i < config->count; i++)
		if (strcmp(config->services[i].name, name) == 0)
			return i;
	return config->count;
}

static enum acta_err
add_edge(const struct acta_key_reading *r, struct order *order, uint32_t index,
    const struct acta_yaml *node)
{
	const struct acta_config *config = r->config;
	uint32_t later = index, earlier = find_name(config, node->text);

	if (earlier == config->count) {
		acta_why_hint(r->why,
		    "\"after\" names services, programs or "
		    "groups of this file");
		return refuse(r, node, "no service \"%.60s\"", node->text);
	}
	if (!lift(config, &later, &earlier)) {
		acta_why_hint(r->why, "what is in a group starts with it");
		return refuse(r, node, "\"%s\" cannot be after \"%s\"",
		    config->services[index].name, node->text);
	}
	order->edges[order->count++] =
	    (struct edge){ later, earlier, node->line, node->column, false };
	return ACTA_OK;
}

static enum acta_err
read_after(
    const struct acta_key_reading *r, struct order *order, uint32_t index)
{
	struct acta_config_service *s = &r->config->services[index];
	const struct acta_yaml *node = acta_yaml_get(s->yaml, "after"), *at;
	enum acta_err err;

	if (node == NULL)
		return ACTA_OK;
	err = read_texts(
	    r, node, "a list: [payment]", ACTA_CONFIG_AFTER_MAX, &s->after);
	for (at = node->first; at != NULL && err == ACTA_OK; at = at->next)
		err = add_edge(r, order, index, at);
	return err;
}

/* The first edge that keeps `index` waiting, or NULL. */
static const struct edge *
waits(const struct order *order, uint32_t index)
{
	for (uint32_t i = 0; i < order->count; i++)
		if (order->edges[i].later == index && !order->edges[i].done)
			return &order->edges[i];
	return NULL;
}

/* The first in the file's order that waits for nobody, then the next. */
static enum acta_err
place(const struct acta_key_reading *r, struct order *order, bool *placed,
    uint32_t parent)
{
	const struct acta_config *config = r->config;

	for (;;) {
		const struct edge *stuck = NULL;
		uint32_t i = 0;
		enum acta_err err;

		for (; i < config->count; i++) {
			const struct edge *edge;

			if (placed[i] || config->services[i].parent != parent)
				continue;
			edge = waits(order, i);
			if (edge == NULL)
				break;
			stuck = stuck != NULL ? stuck : edge;
		}
		if (i == config->count && stuck == NULL)
			return ACTA_OK;
		if (i == config->count) {
			acta_why_hint(r->why,
			    "somewhere on the way each waits for the next");
			return acta_key_refuse(r, stuck->line, stuck->column,
			    "\"%s\" waits for \"%s\", and that for it",
			    config->services[stuck->later].name,
			    config->services[stuck->earlier].name);
		}
		placed[i] = true;
		order->at[order->placed++] = i;
		for (uint32_t e = 0; e < order->count; e++)
			order->edges[e].done |= order->edges[e].earlier == i;
		err = place(r, order, placed, i);
		if (err != ACTA_OK)
			return err;
	}
}

static void
rearrange(struct acta_config *config, const struct order *order)
{
	struct acta_config_service *old = config->services;
	uint32_t *now = calloc(config->count + 1, sizeof(*now));

	config->services = calloc(config->count + 1, sizeof(*old));
	if (config->services == NULL || now == NULL)
		abort();
	for (uint32_t i = 0; i < config->count; i++) {
		config->services[i] = old[order->at[i]];
		now[order->at[i]] = i;
	}
	for (uint32_t i = 0; i < config->count; i++)
		if (config->services[i].parent != ACTA_CONFIG_TOP)
			config->services[i].parent =
			    now[config->services[i].parent];
	free(now);
	free(old);
}

static enum acta_err
put_in_order(const struct acta_key_reading *r)
{
	struct acta_config *config = r->config;
	size_t most = (size_t)config->count * ACTA_CONFIG_AFTER_MAX;
	struct order order = {
		.edges = calloc(most + 1, sizeof(*order.edges)),
		.at = calloc(config->count + 1, sizeof(*order.at)),
	};
	bool *placed = calloc(config->count + 1, sizeof(*placed));
	enum acta_err err = ACTA_OK;

	if (order.edges == NULL || order.at == NULL || placed == NULL)
		abort();
	for (uint32_t i = 0; i < config->count && err == ACTA_OK; i++)
		err = read_after(r, &order, i);
	if (err == ACTA_OK)
		err = place(r, &order, placed, ACTA_CONFIG_TOP);
	if (err == ACTA_OK)
		rearrange(config, &order);
	free(order.edges);
	free(order.at);
	free(placed);
	return err;
}

enum acta_err
acta_config_read_tree(
    const struct acta_key_reading *r, const struct acta_yaml *list)
{
	struct acta_config *config = r->config;
	enum acta_err err;

	config->services =
	    calloc(ACTA_CONFIG_SERVICES_MAX, sizeof(*config->services));
	if (config->services == NULL)
		abort();
	err = read_list(r, list, ACTA_CONFIG_TOP);
	if (err == ACTA_OK)
		err = put_in_order(r);
	return err;
}
