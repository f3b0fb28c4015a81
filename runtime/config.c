/* runtime/config.c - a node's file: read by the tables, then what hangs
 * together is checked. */
#include "runtime/config_keys.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codecs/envelope.h"
#include "codecs/packer.h"
#include "codecs/reader.h"
#include "codecs/schema.h"
#include "runtime/ctl.h"
#include "store/store.h"

/* ------------------------------------------------------------ settings -- */

/* YAML 1.2's own types of a plain scalar. */
static enum acta_err
pack_scalar(const struct acta_key_reading *r, const struct acta_yaml *node,
    bool as_text, struct acta_buf *buf)
{
	const char *text = node->text;
	int64_t number;
	double num;

	if (!node->plain || as_text)
		acta_pack_text(buf, text);
	else if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		acta_pack_bool(buf, text[0] == 't');
	else if (text[0] == '\0' || strcmp(text, "null") == 0 ||
	    strcmp(text, "~") == 0)
		acta_pack_nil(buf);
	else if (acta_text_int(text, &number) == ACTA_OK)
		acta_pack_int(buf, number);
	else if (acta_text_int(text, &number) == ACTA_ELIMIT)
		return refuse(r, node, "a number over 64 bits: %.60s", text);
	else if (acta_text_num(text, &num) == ACTA_OK)
		acta_pack_num(buf, num);
	else
		acta_pack_text(buf, text);
	return ACTA_OK;
}

/* Recursion is bounded by the depth of the file, which is 16. */
static enum acta_err
pack_yaml(const struct acta_key_reading *r, const struct acta_yaml *node,
    bool as_text, struct acta_buf *buf)
{
	const struct acta_yaml *at;
	enum acta_err err = ACTA_OK;

	if (node->kind == ACTA_YAML_SCALAR)
		return pack_scalar(r, node, as_text, buf);
	if (node->kind == ACTA_YAML_LIST)
		acta_pack_list(buf, node->count);
	else
		acta_pack_map(buf, node->count);
	for (at = node->first; at != NULL && err == ACTA_OK; at = at->next) {
		if (node->kind == ACTA_YAML_MAP)
			acta_pack_text(buf, at->key);
		err = pack_yaml(r, at, false, buf);
	}
	return err;
}

/* A setting declared as text takes a bare 007 or 1.0 as it stands. */
static bool
takes_text(const struct acta_schema *schema, const char *name)
{
	int i = acta_schema_index(schema, name, strlen(name));

	return i >= 0 &&
	    (schema->fields[i].type == ACTA_SCHEMA_STR ||
		schema->fields[i].type == ACTA_SCHEMA_REF);
}

/* Where a wrong setting stands: at its value, else at its name, else where
 * the settings do. `why` names it in quotes. */
static enum acta_err
refuse_setting(const struct acta_key_reading *r,
    const struct acta_config_service *service, const struct acta_yaml *settings,
    const struct acta_schema *schema)
{
	char text[sizeof(r->why->text)], quoted[96];
	const struct acta_yaml *at = NULL;

	snprintf(text, sizeof(text), "%s", r->why->text);
	if (settings == NULL)
		return acta_key_refuse(
		    r, service->line, service->column, "%s", text);
	for (at = settings->first; at != NULL; at = at->next) {
		snprintf(quoted, sizeof(quoted), "\"%.80s\"", at->key);
		if (strstr(text, quoted) == NULL)
			continue;
		if (acta_schema_index(schema, at->key, strlen(at->key)) < 0)
			return refuse_key(r, at, "%s", text);
		return refuse(r, at, "%s", text);
	}
	return refuse_key(r, settings, "%s", text);
}

/* The settings as the service gets them: checked, with its defaults. */
static enum acta_err
read_settings(const struct acta_key_reading *r,
    struct acta_config_service *service, const struct acta_yaml *settings)
{
	acta_value out[ACTA_SCHEMA_FIELDS_MAX], map = { 0 };
	struct acta_schema schema;
	struct acta_reader reader;
	struct acta_buf buf;
	const struct acta_yaml *at;
	uint32_t i, n = 0;
	enum acta_err err;

	if (settings != NULL && settings->kind != ACTA_YAML_MAP)
		return acta_key_wrong(r, settings, "a map");
	err = acta_schema_init(&schema, service->declared.settings, r->why);
	if (err != ACTA_OK)
		return err; /* its host refuses to describe such a one */
	acta_buf_init(&buf);
	acta_pack_map(&buf, settings != NULL ? settings->count : 0);
	for (at = settings != NULL ? settings->first : NULL;
	     at != NULL && err == ACTA_OK; at = at->next) {
		acta_pack_text(&buf, at->key);
		err = pack_yaml(r, at, takes_text(&schema, at->key), &buf);
	}
	if (err != ACTA_OK)
		goto out;
	reader = acta_reader(buf.data, buf.size);
	map = acta_read(&reader);
	err = acta_schema_check(&schema, map, true, "setting", out, r->why);
	if (err != ACTA_OK) {
		err = refuse_setting(r, service, settings, &schema);
		goto out;
	}
	for (i = 0; i < schema.count; i++)
		n += out[i].type != ACTA_ABSENT;
	acta_buf_reset(&service->settings);
	acta_pack_map(&service->settings, n);
	for (i = 0; i < schema.count; i++) {
		if (out[i].type == ACTA_ABSENT)
			continue;
		acta_pack_text(&service->settings, schema.fields[i].name);
		acta_pack_value(&service->settings, out[i]);
	}
out:
	acta_buf_fini(&buf);
	acta_schema_fini(&schema);
	return err;
}

/* --------------------------------------------------------- one service -- */

static bool
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Beside the file, then in the actor path. NULL: nowhere. */
static char *
find_load(const struct acta_key_reading *r, const char *load)
{
	const char *at = r->world->actor_path;
	char *path;

	if (load[0] == '/')
		return is_file(load) ? acta_text_keepf("%s", load) : NULL;
	path = acta_text_keepf("%s/%s", r->config->dir, load);
	while (!is_file(path)) {
		size_t size = at != NULL ? strcspn(at, ":") : 0;

		free(path);
		if (at == NULL || *at == '\0')
			return NULL;
		path = acta_text_keepf("%.*s/%s", (int)size, at, load);
		at += size + (at[size] == ':');
	}
	/* The node's services run elsewhere: only an absolute path is one. */
	if (path[0] != '/') {
		char *real = realpath(path, NULL);

		free(path);
		path = real;
	}
	return path;
}

/* A .so beside the file with nearly that name. NULL or one to be freed. */
static char *
near_load(const struct acta_key_reading *r, const char *load)
{
	DIR *dir = opendir(r->config->dir);
	struct dirent *entry;
	char *out = NULL;

	while (dir != NULL && out == NULL && (entry = readdir(dir)) != NULL) {
		const char *words[] = { entry->d_name, NULL };
		size_t size = strlen(entry->d_name);

		if (size > 3 && strcmp(entry->d_name + size - 3, ".so") == 0 &&
		    acta_closest(load, words) != NULL)
			out = acta_text_keepf("%s", entry->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	return out;
}

static enum acta_err
check_load(const struct acta_key_reading *r,
    struct acta_config_service *service, const struct acta_yaml *node)
{
	char *near;

	service->path = find_load(r, service->load);
	if (service->path != NULL)
		return ACTA_OK;
	near = near_load(r, service->load);
	if (near != NULL)
		acta_why_hint(r->why, "did you mean \"%s\"?", near);
	else if (r->world->actor_path == NULL || service->load[0] == '/')
		acta_why_hint(r->why,
		    "it is looked for beside the config, "
		    "then in $ACTA_PATH: was it built? (make)");
	else
		acta_why_hint(r->why,
		    "it is neither beside the config nor in "
		    "$ACTA_PATH (%.100s): was it built?",
		    r->world->actor_path);
	free(near);
	return refuse(r, node, "no file \"%.120s\"", service->load);
}

/* What the service says of itself, and that it is the one meant. */
static enum acta_err
check_declared(const struct acta_key_reading *r,
    struct acta_config_service *service, const struct acta_yaml *map)
{
	const struct acta_yaml *name = acta_yaml_get(map, "name");
	const char *base = strrchr(service->path, '/') + 1;
	enum acta_err err;

	if (r->world->describe == NULL)
		return ACTA_OK;
	err = r->world->describe(
	    r->world->describe_arg, service->path, &service->declared, r->why);
	if (err != ACTA_OK)
		return err;
	if (strcmp(service->declared.name, service->name) != 0) {
		acta_why_hint(r->why, "write name: %.40s, or load another file",
		    service->declared.name);
		return refuse(r, name,
		    "%.80s is the service \"%.40s\", not "
		    "\"%s\"",
		    base, service->declared.name, service->name);
	}
	return read_settings(r, service, acta_yaml_get(map, "settings"));
}

static enum acta_err
check_name(const struct acta_key_reading *r, const struct acta_yaml *node,
    const char *noun, const char *name)
{
	static const struct {
		const char *name, *why;
	} taken[] = { { "node", "RUN/log/node.log is the node's own" },
		{ "lock", "DATA/lock is the node's own" } };

	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (strcmp(name, taken[i].name) == 0 &&
		    strcmp(noun, "node") != 0) {
			acta_why_hint(r->why, "%s", taken[i].why);
			return refuse(r, node,
			    "\"%s\" is taken: no %s may have it", name, noun);
		}
	if (acta_service_valid(name, strlen(name)))
		return ACTA_OK;
	acta_why_hint(r->why, "a small letter, then at most 31 of a-z 0-9 -");
	return refuse(r, node, "\"%.60s\" is no name for a %s", name, noun);
}

/* Numbers that hang together. */
static enum acta_err
check_service(const struct acta_key_reading *r, struct acta_config_service *s,
    const struct acta_yaml *map)
{
	const struct acta_yaml *node, *inner;
	bool host = s->kind == ACTA_CONFIG_SERVICE;

	node = acta_yaml_get(map, "workers");
	if (node == NULL) {
		s->workers = s->partitions < r->world->cores ? s->partitions
							     : r->world->cores;
		if (s->workers > (int64_t)ACTA_BOX_WORKERS)
			s->workers = ACTA_BOX_WORKERS;
	} else if (s->workers > s->partitions) {
		acta_why_hint(r->why,
		    "each runs some of the partitions: at "
		    "most %" PRId64 " here",
		    s->partitions);
		return refuse(r, node,
		    "%" PRId64 " workers for %" PRId64 " partition%s",
		    s->workers, s->partitions, s->partitions == 1 ? "" : "s");
	}
	node = acta_yaml_get(map, "backoff");
	if (node != NULL && s->backoff_min_ms > s->backoff_max_ms) {
		inner = acta_yaml_get(node, "min");
		if (inner == NULL)
			inner = acta_yaml_get(node, "max");
		acta_why_hint(r->why,
		    "min is where it begins, max where it "
		    "stays");
		return refuse(r, inner,
		    "backoff from %" PRId64 "ms to %" PRId64 "ms",
		    s->backoff_min_ms, s->backoff_max_ms);
	}
	node = acta_yaml_get(map, "limits");
	inner = node != NULL ? acta_yaml_get(node, "memory") : NULL;
	if (host && inner != NULL && s->memory_max < 32LL << 20) {
		acta_why_hint(r->why,
		    "a service needs 32MiB at least, and "
		    "store.memory on top");
		return refuse(
		    r, inner, "\"memory\" is %s: too little", inner->text);
	}
	inner = node != NULL ? acta_yaml_get(node, "files") : NULL;
	if (host && inner != NULL && s->files_max < 64) {
		acta_why_hint(r->why, "a service needs 64 at least");
		return refuse(
		    r, inner, "\"files\" is %s: too few", inner->text);
	}
	return ACTA_OK;
}

/* Whatever its kind, it has a name, and something to start. */
static enum acta_err
check_needs(const struct acta_key_reading *r,
    const struct acta_config_service *s, const struct acta_yaml *map)
{
	if (s->name == NULL) {
		acta_why_hint(r->why,
		    "like - {name: stock, load: stock.so} (missing_id)");
		return refuse(r, map, "a %s without \"name\"",
		    s->kind == ACTA_CONFIG_PROGRAM ? "program" : "service");
	}
	if (s->kind == ACTA_CONFIG_SERVICE && s->load == NULL) {
		acta_why_hint(r->why, "load: %s.so (missing_start)", s->name);
		return refuse(
		    r, map, "service \"%s\" has no \"load\"", s->name);
	}
	return ACTA_OK;
}

enum acta_err
acta_config_read_one(const struct acta_key_reading *r,
    struct acta_config_service *s, const struct acta_yaml *map)
{
	struct acta_keys t = acta_keys_of(&acta_service_keys, s, s->lines);
	const struct acta_yaml *node;
	enum acta_err err = acta_config_read_kind(r, map, &s->kind);

	if (err != ACTA_OK)
		return err;
	s->yaml = map;
	acta_keys_defaults(r, &t);
	if (s->kind == ACTA_CONFIG_GROUP) /* its children have their own */
		s->shutdown_ms = ACTA_SHUTDOWN_INFINITY;
	err = acta_keys_read(r, &t, "", map);
	if (err != ACTA_OK)
		return err;
	err = check_needs(r, s, map);
	if (err != ACTA_OK)
		return err;
	node =
	    acta_yaml_get(map, s->kind == ACTA_CONFIG_GROUP ? "group" : "name");
	s->line = node->line;
	s->column = node->column;
	err = check_name(r, node,
	    s->kind == ACTA_CONFIG_GROUP ? "group" : "service", s->name);
	if (err == ACTA_OK)
		err = check_service(r, s, map);
	if (err == ACTA_OK && s->kind == ACTA_CONFIG_SERVICE)
		err = check_load(r, s, acta_yaml_get(map, "load"));
	if (err == ACTA_OK && s->kind == ACTA_CONFIG_PROGRAM)
		err = acta_config_read_exec(r, s, acta_yaml_get(map, "exec"));
	return err;
}

/* ------------------------------------------------------------ the node -- */

static enum acta_err
read_services(const struct acta_key_reading *r, const struct acta_yaml *root)
{
	const struct acta_yaml *list = acta_yaml_get(root, "services");
	struct acta_config *config = r->config;
	enum acta_err err = ACTA_OK;
	uint32_t i;

	if (list == NULL) {
		acta_why_hint(r->why,
		    "services:\n  - {name: stock, "
		    "load: stock.so}");
		return refuse(r, root, "no \"services\"");
	}
	if (list->kind != ACTA_YAML_LIST || list->count == 0) {
		acta_why_hint(r->why,
		    "each begins with a dash: "
		    "- {name: stock, load: stock.so}");
		return list->kind == ACTA_YAML_LIST
		    ? refuse(r, list, "an empty list of services")
		    : acta_key_wrong(r, list, "a list");
	}
	err = acta_config_read_tree(r, list);
	/* Loading comes last: it takes time, and a typo elsewhere should not
	 * have to wait for it. */
	for (i = 0; i < config->count && err == ACTA_OK; i++)
		if (config->services[i].kind == ACTA_CONFIG_SERVICE)
			err = check_declared(
			    r, &config->services[i], config->services[i].yaml);
	return err;
}

uint32_t
acta_config_hosts(const struct acta_config *config)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < config->count; i++)
		count += config->services[i].kind == ACTA_CONFIG_SERVICE;
	return count;
}

/* `path` as seen from the config's folder. Takes what it replaces. */
static char *
absolute(const struct acta_config *config, char *path)
{
	char *out = acta_text_keepf("%s/%s", config->dir,
	    strncmp(path, "./", 2) == 0 ? path + 2 : path);

	free(path);
	return out;
}

/* Of shop.yaml: shop. */
static char *
node_from_file(const struct acta_config *config)
{
	char *out = acta_text_keepf("%s", strrchr(config->file, '/') + 1);
	char *dot = strrchr(out, '.');

	if (dot != NULL &&
	    (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 ||
		strcmp(dot, ".json") == 0))
		*dot = '\0';
	return out;
}

static enum acta_err
check_node(const struct acta_key_reading *r, const struct acta_yaml *root)
{
	struct acta_config *config = r->config;
	const struct acta_yaml *node = acta_yaml_get(root, "node");
	enum acta_err err;

	if (config->node == NULL)
		config->node = node_from_file(config);
	err = check_name(r, node != NULL ? node : root, "node", config->node);
	if (err != ACTA_OK) {
		if (node == NULL)
			acta_why_hint(r->why,
			    "the file's name gives it; add "
			    "node: NAME at the top");
		return err;
	}
	if (config->data != NULL && config->data[0] != '/')
		config->data = absolute(config, config->data);
	if (config->data == NULL && r->world->state_home == NULL) {
		acta_why_hint(r->why, "add data: ./data");
		return refuse(r, root,
		    "no \"data\", and neither "
		    "$XDG_STATE_HOME nor $HOME to put it in");
	}
	if (config->data == NULL)
		config->data = acta_text_keepf(
		    "%s/acta/%s", r->world->state_home, config->node);
	if (config->run != NULL && config->run[0] != '/')
		config->run = absolute(config, config->run);
	if (config->run == NULL)
		config->run =
		    acta_text_keepf("%s/%s", r->world->run_base, config->node);
	config->registry =
	    acta_text_keepf("%s/%s.node", r->world->run_base, config->node);
	if (config->strategy == ACTA_SIMPLE_ONE_FOR_ONE) {
		acta_why_hint(r->why,
		    "a group can have a template: - {group: workers, "
		    "strategy: simple_one_for_one, ...} (bad_start_spec)");
		return refuse(r,
		    acta_yaml_get(
			acta_yaml_get(root, "supervisor"), "strategy"),
		    "the node itself has no template");
	}
	return ACTA_OK;
}

/* Sockets in the run directory have 107 bytes for their whole path. */
static enum acta_err
check_run(const struct acta_key_reading *r, const struct acta_yaml *root)
{
	const struct acta_config *config = r->config;
	const struct acta_yaml *node = acta_yaml_get(root, "run");
	size_t longest = strlen("@door-events"), size, i;

	for (i = 0; i < config->count; i++)
		if (strlen(config->services[i].name) > longest)
			longest = strlen(config->services[i].name);
	size = strlen(config->run) + 1 + longest + strlen(".wNN.NNNNNNNNNN");
	if (size <= ACTA_CONFIG_IPC_MAX)
		return ACTA_OK;
	acta_why_hint(r->why,
	    "a socket's path has %u bytes, and %zu would be "
	    "needed; write run: /tmp/%s or the like",
	    ACTA_CONFIG_IPC_MAX, size, config->node);
	return refuse(r, node != NULL ? node : root,
	    "run directory too long: %.100s", config->run);
}

static enum acta_err
check_doors(const struct acta_key_reading *r, const struct acta_yaml *root)
{
	const char *names[] = { "call", "push", "events" };
	const char *values[] = { r->config->call, r->config->push,
		r->config->events };
	const struct acta_yaml *door = acta_yaml_get(root, "door"), *node;
	int i, j;

	for (i = 0; i < 3; i++) {
		for (j = 0; j < i; j++) {
			if (strcmp(values[i], "off") == 0 ||
			    strcmp(values[i], values[j]) != 0)
				continue;
			node = acta_yaml_get(door, names[i]);
			if (node == NULL)
				node = acta_yaml_get(door, names[j]);
			acta_why_hint(r->why, "each needs a port of its own");
			return refuse(r, node, "\"%s\" and \"%s\" both at %s",
			    names[j], names[i], values[i]);
		}
	}
	return ACTA_OK;
}

/*
 * Descriptors of a service's process: one PULL a worker, a PUSH and its
 * connection to each worker of another service, the one back, two files of
 * each partition's store, and what every process has.
 */
static uint64_t
files_needed(
    const struct acta_config *config, const struct acta_config_service *s)
{
	uint64_t others = 0, i;

	for (i = 0; i < config->count; i++)
		if (config->services[i].kind == ACTA_CONFIG_SERVICE)
			others += (uint64_t)config->services[i].workers;
	return 48 + 3 * (uint64_t)s->partitions +
	    (uint64_t)s->workers * (4 + 3 * (others + ACTA_CONFIG_DOORS));
}

static enum acta_err
check_files(const struct acta_key_reading *r)
{
	const struct acta_config *config = r->config;
	uint32_t i;

	for (i = 0; i < config->count; i++) {
		const struct acta_config_service *s = &config->services[i];
		uint64_t need = s->kind == ACTA_CONFIG_SERVICE
		    ? files_needed(config, s)
		    : 0;
		uint64_t have = r->world->files_max;

		if (s->files_max != 0 && (uint64_t)s->files_max < have)
			have = (uint64_t)s->files_max;
		if (need <= have)
			continue;
		acta_why_hint(r->why,
		    "fewer workers or partitions, or more "
		    "files (limits.files, ulimit -Hn)");
		return acta_key_refuse(r, s->line, s->column,
		    "service \"%s\" may "
		    "need %" PRIu64 " open files, and has %" PRIu64,
		    s->name, need, have);
	}
	return ACTA_OK;
}

/* The highest partition that has a folder in `path`, plus one; 0: none. */
static int64_t
stored_partitions(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int64_t most = 0, number;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (acta_text_int(entry->d_name, &number) == ACTA_OK &&
		    number >= most && number < 1 << 20)
			most = number + 1;
	if (dir != NULL)
		closedir(dir);
	return most;
}

/*
 * What a store of them says itself. Fewer folders than partitions may be a
 * first start that was killed half-way: then the ones that are there know.
 * 0: none can be read; its host will say more.
 */
static int64_t
declared_partitions(const char *path, int64_t folders)
{
	struct acta_store *store;
	uint32_t part, parts = 0;
	int64_t i;

	for (i = 0; i < folders && parts == 0; i++) {
		char *dir = acta_text_keepf("%s/%" PRId64, path, i);

		if (acta_store_open_read(dir, &store, NULL) == ACTA_OK) {
			acta_store_parts(store, &part, &parts);
			acta_store_close(&store);
		}
		free(dir);
	}
	return parts;
}

/* Keys belong to partitions by their number, so it is for good. */
static enum acta_err
check_stores(const struct acta_key_reading *r)
{
	const struct acta_config *config = r->config;
	uint32_t i;

	for (i = 0; i < config->count; i++) {
		const struct acta_config_service *s = &config->services[i];
		const struct acta_yaml *node;
		char *path = acta_text_keepf("%s/%s", config->data, s->name);
		int64_t stored = s->kind == ACTA_CONFIG_SERVICE
		    ? stored_partitions(path)
		    : 0;

		if (stored > 0 && stored < s->partitions)
			stored = declared_partitions(path, stored);
		free(path);
		if (stored == 0 || stored == s->partitions)
			continue;
		node = acta_yaml_get(s->yaml, "partitions");
		if (node == NULL)
			node = acta_yaml_get(s->yaml, "name");
		acta_why_hint(r->why,
		    "write partitions: %" PRId64 "; the "
		    "number of a store cannot be changed",
		    stored);
		return refuse(r, node,
		    "service \"%s\" has %" PRId64
		    " partition%s in %.80s, not %" PRId64,
		    s->name, stored, stored == 1 ? "" : "s", config->data,
		    s->partitions);
	}
	return ACTA_OK;
}

static enum acta_err
read_root(const struct acta_key_reading *r, const struct acta_yaml *root)
{
	struct acta_config *config = r->config;
	struct acta_keys t =
	    acta_keys_of(&acta_node_keys, config, config->lines);
	enum acta_err err;

	if (root == NULL) {
		acta_why_hint(r->why,
		    "it needs services at least; acta new "
		    "node NAME makes one");
		return acta_key_refuse(r, 1, 1, "an empty file");
	}
	if (root->kind != ACTA_YAML_MAP)
		return refuse(r, root, "the file is %s, a map is due",
		    acta_key_kind(root));
	acta_keys_defaults(r, &t);
	err = acta_keys_read(r, &t, "", root);
	if (err == ACTA_OK)
		err = check_node(r, root);
	if (err == ACTA_OK)
		err = check_doors(r, root);
	if (err == ACTA_OK)
		err = read_services(r, root);
	if (err == ACTA_OK)
		err = check_run(r, root);
	if (err == ACTA_OK)
		err = check_files(r);
	if (err == ACTA_OK)
		err = check_stores(r);
	return err;
}

enum acta_err
acta_config_load(struct acta_config *config, const char *path,
    const struct acta_config_world *world, struct acta_why *why)
{
	struct acta_key_reading r = { config, world, why };
	struct acta_yaml *root = NULL;
	char cwd[PATH_MAX];
	enum acta_err err;

	*config = (struct acta_config){ 0 };
	why->text[0] = why->hint[0] = '\0';
	config->name = acta_text_keepf("%s", path);
	if (path[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL)
		config->file = acta_text_keepf("%s", path);
	else
		config->file = acta_text_keepf("%s/%s", cwd,
		    strncmp(path, "./", 2) == 0 ? path + 2 : path);
	config->dir = acta_text_keepf("%s", config->file);
	*strrchr(config->dir, '/') = '\0';
	config->program_dir = acta_text_keepf("%s", world->program_dir);
	/* A message has 320 bytes: the place in the file must fit. */
	if (strlen(config->name) > 80) {
		free(config->name);
		config->name =
		    acta_text_keepf("%s", strrchr(config->file, '/') + 1);
	}
	err = acta_yaml_load(path, config->name, &root, why);
	if (err == ACTA_OK)
		err = read_root(&r, root);
	acta_yaml_free(root);
	if (err != ACTA_OK)
		acta_config_fini(config);
	return err;
}

void
acta_config_fini(struct acta_config *config)
{
	uint32_t i;

	for (i = 0; i < config->count; i++) {
		struct acta_config_service *s = &config->services[i];

		free(s->name);
		free(s->load);
		free(s->path);
		for (char **arg = s->argv; arg != NULL && *arg != NULL; arg++)
			free(*arg);
		free(s->argv);
		for (char **one = s->after; one != NULL && *one != NULL; one++)
			free(*one);
		free(s->after);
		acta_buf_fini(&s->settings);
		acta_declared_fini(&s->declared);
	}
	free(config->services);
	free(config->file);
	free(config->name);
	free(config->dir);
	free(config->node);
	free(config->data);
	free(config->run);
	free(config->call);
	free(config->push);
	free(config->events);
	free(config->registry);
	free(config->program_dir);
	*config = (struct acta_config){ 0 };
}
