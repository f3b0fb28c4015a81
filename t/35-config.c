/*
 * t/35-config.c - a wrong config is refused with the place, what is wrong and
 * what to do; a right one becomes the plan that it says. Services are described
 * by the test, so none is loaded.
 */
#include "runtime/config.h"
#include "runtime/config_text.h"

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codecs/reader.h"
#include "store/store.h"

static char dir[64], file[96];
static struct acta_config config;
static struct acta_why why;

/* FILE.so is the service FILE; but for these. */
static enum acta_err
describe(void *arg, const char *path, struct acta_declared *out,
    struct acta_why *why_out)
{
	const char *base = strrchr(path, '/') + 1;
	char name[64];

	(void)arg;
	if (strcmp(base, "new.so") == 0) {
		acta_why_text(why_out,
		    "new.so: needs acta_fly, which this "
		    "acta (ABI 1) has not");
		acta_why_hint(why_out, "it was built for a newer acta");
		return ACTA_EINVAL;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strlen(base) - 3, base);
	*out = (struct acta_declared){
		.name = strdup(strcmp(name, "alias") == 0 ? "other" : name),
		.version = strdup("1.0.0"),
		.doc = strdup(""),
		.settings = strdup(strcmp(name, "order") == 0
			? "warehouse:str limit:int=5 ratio:num? tags:list?"
			: ""),
		.abi = 1,
	};
	return ACTA_OK;
}

static struct acta_config_world world = {
	.state_home = "/state",
	.run_base = "/run/acta",
	.program_dir = "/opt/acta",
	.files_max = 20000,
	.cores = 2,
	.describe = describe,
};

static void
touch(const char *name)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
setup(void)
{
	const char *names[] = { "stock.so", "order.so", "alias.so", "new.so" };
	size_t i;

	snprintf(dir, sizeof(dir), "/tmp/acta-t35-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	for (i = 0; i < 4; i++)
		touch(names[i]);
	snprintf(file, sizeof(file), "%s/shop.yaml", dir);
	ck_assert_int_eq(chdir(dir), 0);
}

static void
teardown(void)
{
	char command[128];

	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}

static enum acta_err
load_bytes(const char *data, size_t size)
{
	FILE *out = fopen(file, "w");

	ck_assert_ptr_nonnull(out);
	ck_assert_uint_eq(fwrite(data, 1, size, out), size);
	fclose(out);
	return acta_config_load(&config, "shop.yaml", &world, &why);
}

static enum acta_err
load(const char *text)
{
	return load_bytes(text, strlen(text));
}

#define STOCK "services:\n  - {name: stock, load: stock.so}\n"
#define RUN(more) "services:\n  - {name: cache, exec: [sh], " more "}\n"
#define GROUP(more) "services:\n  - {group: money, " more ", services: []}\n"
#define ONE(more) "services:\n  - {name: stock, load: stock.so, " more "}\n"
#define ORDER(more) "services:\n  - {name: order, load: order.so" more "}\n"

/* `at` is line:column, "" where a place says nothing. */
static const struct {
	const char *yaml, *at, *text, *hint;
} bad[] = {
	/* YAML itself */
	{ "", "1:1", "an empty file", "services" },
	{ "# only this\n", "1:1", "an empty file", "" },
	{ "- a\n", "1:1", "the file is a list, a map is due", "" },
	{ "shop\n", "1:1", "the file is a value", "" },
	{ "node: [\n", "2:1", "not YAML: did not find expected node", "" },
	{ "node: a\n\tdata: b\n", "2:1", "not YAML:", "blanks, not by tabs" },
	{ "node: a: b\n", "1:8", "not YAML: mapping values", "" },
	{ "node: \"\\q\"\n", "1:8", "not YAML: found unknown escape", "" },
	{ "node: a\xff\n" STOCK, "1:8", "not YAML: invalid leading UTF-8",
	    "must be UTF-8" },
	{ "node: \"a\\0b\"\n" STOCK, "1:7", "a NUL in a text", "" },
	{ "node: a\nnode: b\n" STOCK, "2:1", "key \"node\" twice",
	    "line 1 too" },
	{ "node: &x a\n" STOCK, "1:7", "anchor \"&x\"", "write the value out" },
	{ "node: *x\n" STOCK, "1:7", "alias \"*x\"", "write the value out" },
	{ "node: !!str a\n" STOCK, "1:7", "tag", "leave it out" },
	{ "[a]: b\n" STOCK, "1:1", "a key must be a text", "" },
	{ STOCK "---\n" STOCK, "3:1", "a second document", "one file" },
	{ "a: [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]\n", "1:19",
	    "nested deeper than 16", "" },
	/* keys */
	{ "nodes: a\n" STOCK, "1:1", "unknown key \"nodes\"",
	    "did you mean \"node\"?" },
	{ "partitions: 4\n" STOCK, "1:1", "unknown key \"partitions\"",
	    "belongs to a service" },
	{ "colour: red\n" STOCK, "1:1", "unknown key \"colour\"",
	    "the keys here are node, data, run, door, supervisor, services" },
	{ "door: {cal: off}\n" STOCK, "1:8", "unknown key \"cal\"",
	    "did you mean \"call\"?" },
	{ "max_body: 1MiB\n" STOCK, "1:1", "unknown key \"max_body\"",
	    "it belongs under \"door\"" },
	{ "door.call: off\n" STOCK, "1:1", "unknown key \"door.call\"", "" },
	{ "'': a\n" STOCK, "1:1", "unknown key \"\"", "" },
	{ "door: off\n" STOCK, "1:7", "\"door\" is \"off\", a map is due",
	    "like {call: ...}" },
	{ "services:\n  - {name: stock, laod: stock.so}\n", "2:19",
	    "unknown key \"laod\"", "did you mean \"load\"?" },
	{ ONE("quota: 1GiB"), "2:35", "unknown key \"quota\"",
	    "it belongs under \"ids\", \"store\" or \"channel\"" },
	{ ONE("store: {qota: 1GiB}"), "2:43", "unknown key \"qota\"",
	    "did you mean \"quota\"?" },
	{ ONE("node: x"), "2:35", "unknown key \"node\"", "top of the file" },
	/* names */
	{ "node: Shop\n" STOCK, "1:7", "\"Shop\" is no name for a node",
	    "a small letter" },
	{ "node: ''\n" STOCK, "1:7", "\"node\" is empty, a text is due", "" },
	{ "node: {}\n" STOCK, "1:7", "\"node\" is a map, one value is due",
	    "" },
	{ "services:\n  - {name: Stock, load: stock.so}\n", "2:12",
	    "\"Stock\" is no name for a service", "a small letter" },
	{ "services:\n  - {name: node, load: stock.so}\n", "2:12",
	    "\"node\" is taken: no service may have it", "log/node.log" },
	{ "services:\n  - {name: \"@door\", load: stock.so}\n", "2:12",
	    "\"@door\" is no name", "" },
	{ STOCK "  - name: stock\n    load: stock.so\n", "3:11",
	    "a second service \"stock\"", "the first is in line 2" },
	/* services */
	{ "node: a\n", "1:1", "no \"services\"", "- {name: stock" },
	{ "services:\n", "1:10", "\"services\" is empty, a list is due", "" },
	{ "services: []\n", "1:11", "an empty list of services", "" },
	{ "services: {a: b}\n", "1:11", "\"services\" is a map, a list", "" },
	{ "services:\n  - stock\n", "2:5", "a service is a value, a map is",
	    "" },
	{ "services:\n  - {load: stock.so}\n", "2:5",
	    "a service without \"name\"", "" },
	{ "services:\n  - {name: stock}\n", "2:5",
	    "service \"stock\" has no \"load\"", "load: stock.so" },
	{ "services:\n  - {name: stock, load: stok.so}\n", "2:25",
	    "no file \"stok.so\"", "did you mean \"stock.so\"?" },
	{ "services:\n  - {name: stock, load: /nowhere/x.so}\n", "2:25",
	    "no file \"/nowhere/x.so\"", "was it built?" },
	{ "services:\n  - {name: alias, load: alias.so}\n", "2:12",
	    "alias.so is the service \"other\", not \"alias\"",
	    "write name: other" },
	{ "services:\n  - {name: new, load: new.so}\n", "",
	    "new.so: needs acta_fly, which this acta (ABI 1) has not",
	    "built for a newer acta" },
	/* values */
	{ ONE("restart: alway"), "2:44", "unknown restart type \"alway\"",
	    "did you mean \"permanent\"? The restart types are permanent, "
	    "transient, temporary" },
	{ ONE("restart: permanet"), "2:44", "unknown restart type",
	    "did you mean \"permanent\"?" },
	{ ONE("restart: blue"), "2:44", "unknown restart type \"blue\"",
	    "one of permanent, transient, temporary" },
	{ ONE("partitions: four"), "2:47",
	    "\"partitions\" is \"four\", a whole number is due", "" },
	{ ONE("partitions: 0"), "2:47", "\"partitions\" is 0: out of range",
	    "1 to 1024" },
	{ ONE("partitions: '4'"), "2:47", "a whole number is due", "" },
	{ ONE("partitions: 1.5"), "2:47", "a whole number is due", "" },
	{ ONE("partitions: 99999999999999999999"), "2:47",
	    "a whole number is due", "" },
	{ ONE("partitions: [1]"), "2:47", "\"partitions\" is a list", "" },
	{ ONE("partitions: "), "2:47", "\"partitions\" is empty", "" },
	{ ONE("partitions: 2, workers: 3"), "2:59",
	    "3 workers for 2 partitions", "at most 2 here" },
	{ ONE("shutdown: 5"), "2:45",
	    "\"shutdown\" is \"5\", a time, "
	    "brutal_kill or infinity is due",
	    "say the unit: 5s?" },
	{ ONE("shutdown: -1s"), "2:45", "is due", "durations are like" },
	{ ONE("turn_limit: 5sec"), "2:47", "a duration is due", "" },
	{ ONE("turn_limit: 1ms"), "2:47", "out of range", "10ms to 24h" },
	{ ONE("turn_limit: 50us"), "2:47", "finer than 1ms",
	    "whole milliseconds" },
	{ ONE("turn_limit: 900000h"), "2:47", "a duration is due",
	    "a hundred years" },
	{ ONE("spin: 2s"), "2:41", "out of range", "0 to 1s" },
	{ ONE("store: {quota: 64MB}"), "2:50", "a size is due",
	    "did you mean \"64MiB\"?" },
	{ ONE("store: {quota: lots}"), "2:50", "a size is due",
	    "sizes are like" },
	{ ONE("store: {memory: 1B}"), "2:51", "out of range", "1MiB to 1TiB" },
	{ ONE("store: big"), "2:42", "\"store\" is \"big\", a map is due", "" },
	{ ONE("backoff: {factor: two}"), "2:53", "a number is due", "" },
	{ ONE("backoff: {factor: .nan}"), "2:53", "a number is due", "" },
	{ ONE("backoff: {jitter: 2}"), "2:53", "out of range", "0 to 1" },
	{ ONE("backoff: {min: 60s}"), "2:50", "backoff from 60000ms to 30000ms",
	    "min is where it begins" },
	{ ONE("limits: {memory: 1MiB}"), "2:52", "too little", "32MiB" },
	{ ONE("limits: {files: 3}"), "2:51", "too few", "64" },
	{ ONE("limits: {files: 64}, partitions: 8"), "2:12",
	    "service \"stock\" may need", "fewer workers or partitions" },
	{ ONE("on_failed: halt"), "2:46", "unknown on_failed \"halt\"",
	    "park" },
	{ "supervisor: {on_exceed: holds}\n" STOCK, "1:25",
	    "unknown on_exceed \"holds\"", "did you mean \"hold\"?" },
	{ "supervisor: {intensity: -1}\n" STOCK, "1:25", "out of range",
	    "0 to 1000" },
	{ "supervisor: {period: 0}\n" STOCK, "1:22", "out of range", "" },
	/* doors */
	{ "door: {admin: yes}\n" STOCK, "1:15", "true or false is due", "" },
	{ "door: {call: 7700}\n" STOCK, "1:14", "is no tcp endpoint",
	    "tcp://127.0.0.1:7700, or off" },
	{ "door: {call: 'ipc:///tmp/x'}\n" STOCK, "1:14", "is no tcp endpoint",
	    "run directory" },
	{ "door: {call: 'tcp://127.0.0.1'}\n" STOCK, "1:14", "has no port",
	    "" },
	{ "door: {call: 'tcp://127.0.0.1:70000'}\n" STOCK, "1:14",
	    "has no port", "" },
	{ "door: {call: 'tcp://127.0.0.1:0'}\n" STOCK, "1:14", "has port 0",
	    "choose one" },
	{ "door: {call: 'tcp://0.0.0.0:7700'}\n" STOCK, "1:14",
	    "is not on loopback", "CURVE" },
	{ "door: {call: 'tcp://127.+0.0.1:7700'}\n" STOCK, "1:14",
	    "is not on loopback", "CURVE" },
	{ "door: {call: 'tcp://127. 0.0.1:7700'}\n" STOCK, "1:14",
	    "is not on loopback", "CURVE" },
	{ "door: {call: tcp://127.000.000.0001:7700}\n" STOCK, "1:14",
	    "is not on loopback", "CURVE" },
	{ "door: {call: tcp://127.0.0.1:07700}\n" STOCK, "1:14", "has no port",
	    "like tcp" },
	{ "door: {call: 'tcp://*:7700'}\n" STOCK, "1:14", "is not on loopback",
	    "CURVE" },
	{ "door: {call: 'tcp://127.0.0.1.evil.example:7700'}\n" STOCK, "1:14",
	    "is not on loopback", "CURVE" },
	{ "door: {call: 'tcp://localhost:7700'}\n" STOCK, "1:14",
	    "a number of IPv4", "write tcp://127.0.0.1:7700" },
	{ "door: {push: 'tcp://127.0.0.1:7700'}\n" STOCK, "1:14",
	    "\"call\" and \"push\" both at", "a port of its own" },
	{ "door: {max_body: 2MiB}\n" STOCK, "1:18", "out of range",
	    "1KiB to 1MiB" },
	/* what comes later */
	{ "door: {curve: keys}\n" STOCK, "1:8", "\"curve\" comes later",
	    "no CURVE" },
	{ "door: {allow: [a]}\n" STOCK, "1:8", "\"allow\" comes later", "" },
	{ "supervisor: {strategy: one_for_onne}\n" STOCK, "1:24",
	    "unknown strategy", "did you mean \"one_for_one\"?" },
	{ ONE("direct: x"), "2:35", "\"direct\" comes later", "" },
	{ RUN("env: {A: b}"), "2:31", "\"env\" comes later", "" },
	{ RUN("user: x"), "2:31", "\"user\" comes later", "" },
	{ RUN("cwd: /"), "2:31", "\"cwd\" comes later", "" },
	{ RUN("stop_signal: TERM"), "2:31", "\"stop_signal\" comes later", "" },
	{ RUN("ready: line"), "2:38", "ready \"line\" comes later", "start" },
	/* supervision, with OTP's reasons */
	{ ONE("restart: sometimes"), "2:44", "unknown restart type",
	    "(invalid_restart_type)" },
	{ ONE("shutdown: -10"), "2:45", "\"shutdown\" is \"-10\"",
	    "(invalid_shutdown)" },
	{ ONE("significant: maybe"), "2:48", "\"significant\" is \"maybe\"",
	    "(invalid_significant)" },
	{ ONE("significant: true"), "2:48", "\"stock\" is significant",
	    "(bad_combination)" },
	{ "supervisor: {strategy: all}\n" STOCK, "1:24", "unknown strategy",
	    "(invalid_strategy)" },
	{ "supervisor: {strategy: simple_one_for_one}\n" STOCK, "1:24",
	    "the node itself has no template", "(bad_start_spec)" },
	{ "supervisor: {intensity: infinity}\n" STOCK, "1:25",
	    "a whole number is due", "(invalid_intensity)" },
	{ "supervisor: {period: 0s}\n" STOCK, "1:22", "out of range",
	    "(invalid_period)" },
	{ "supervisor: {period: infinity}\n" STOCK, "1:22", "a duration is due",
	    "(invalid_period)" },
	{ "supervisor: {auto_shutdown: never}\n" STOCK, "1:14",
	    "unknown key \"auto_shutdown\"", "" },
	{ GROUP("auto_shutdown: some"), "2:35", "unknown auto_shutdown",
	    "(invalid_auto_shutdown)" },
	{ GROUP("strategy: simple_one_for_one"), "2:60",
	    "is simple_one_for_one and has 0", "(bad_start_spec)" },
	{ GROUP("load: x.so"), "2:20", "\"load\" is no key of a group",
	    "services" },
	{ GROUP("max_attempts: 3"), "2:20", "is no key of a group", "" },
	{ "services:\n  - group: money\n", "2:5",
	    "group \"money\" has no \"services\"", "" },
	{ "services:\n  - group: money\n    services: {a: b}\n", "3:15",
	    "\"services\" is a map", "" },
	{ "services:\n  - group: stock\n    services:\n"
	  "    - {name: stock, load: stock.so}\n",
	    "4:14", "a second service \"stock\"", "(duplicate_child_name)" },
	{ "services:\n  - group: g\n    auto_shutdown: any_significant\n"
	  "    services:\n    - {name: a, exec: [sh], significant: true}\n",
	    "5:42", "\"a\" is significant, but permanent",
	    "(bad_combination)" },
	{ "services:\n  - group: g\n    strategy: simple_one_for_one\n"
	  "    services:\n    - {name: stock, load: stock.so}\n",
	    "5:7", "the template \"stock\" is no program", "(bad_start_spec)" },
	{ "services:\n  - {exec: [sh]}\n", "2:5", "a program without \"name\"",
	    "(missing_id)" },
	{ "services:\n  - {name: a}\n", "2:5", "has no \"load\"",
	    "(missing_start)" },
	{ "services:\n  - {name: a, exec: []}\n", "2:21", "names no program",
	    "(missing_start)" },
	{ "services:\n  - {name: a, exec: sh}\n", "2:21", "a list", "" },
	{ "services:\n  - {name: a, exec: [[sh]]}\n", "2:22", "is a list", "" },
	{ "services:\n  - {name: a, exec: [no-such-program-here]}\n", "2:22",
	    "no program \"no-such-program-here\"", "$PATH" },
	{ "services:\n  - {name: a, exec: [./nothing]}\n", "2:22", "no program",
	    "chmod" },
	{ "services:\n  - hello\n", "2:5", "a map is due",
	    "(invalid_child_spec)" },
	{ RUN("partitions: 2"), "2:31", "is no key of a program", "" },
	{ ONE("ready: start"), "2:35", "is no key of a service", "" },
	{ ONE("after: payment"), "2:42", "a list", "" },
	{ ONE("after: [payment]"), "2:43", "no service \"payment\"", "" },
	{ ONE("after: [stock]"), "2:43", "cannot be after \"stock\"", "" },
	{ "services:\n  - {name: a, exec: [sh], after: [b]}\n"
	  "  - {name: b, exec: [sh], after: [a]}\n",
	    "2:35", "\"a\" waits for \"b\"", "" },
	{ "services:\n  - {group: g, services: [{name: a, exec: [sh], "
	  "after: [g]}]}\n",
	    "2:57", "\"a\" cannot be after \"g\"", "starts with it" },
	{ ONE("on_lag: skip"), "2:43", "unknown on_lag \"skip\"", "" },
	{ ONE("on_from: yesterday"), "2:44", "\"on_from\" is \"yesterday\"",
	    "" },
	{ ONE("on_from: 0"), "2:44", "\"on_from\" is", "" },
	{ ONE("on_from: 2026-13-31T12:00:00Z"), "2:44", "\"on_from\" is", "" },
	/* settings */
	{ ORDER(""), "2:12", "setting \"warehouse\" is missing", "" },
	{ ORDER(", settings: north"), "2:45", "\"settings\" is \"north\"", "" },
	{ ORDER(", settings: {warehouse: a, limt: 3}"), "2:60",
	    "no setting \"limt\"", "did you mean \"limit\"?" },
	{ ORDER(", settings: {warehouse: a, limit: many}"), "2:67",
	    "setting \"limit\": a str where int is due", "" },
	{ ORDER(", settings: {warehouse: [a]}"), "2:57",
	    "setting \"warehouse\": a list where str is due", "" },
	{ ONE("settings: {a: 1}"), "2:46", "no setting \"a\"", "" },
	/* places */
	{ "run: /tmp/"
	  "0123456789012345678901234567890123456789"
	  "012345678901234567890123456789012345678901234567\n" STOCK,
	    "1:6", "run directory too long", "107 bytes" },
};
#define BAD ((int)(sizeof(bad) / sizeof(bad[0])))

START_TEST(is_refused_with_place_what_and_hint)
{
	char place[64];

	snprintf(place, sizeof(place), "shop.yaml:%s: ", bad[_i].at);
	ck_assert_msg(
	    load(bad[_i].yaml) == ACTA_EINVAL, "taken: %s", bad[_i].yaml);
	ck_assert_msg(bad[_i].at[0] == '\0' ||
		strncmp(why.text, place, strlen(place)) == 0,
	    "%s\n  -> %s, not at %s", bad[_i].yaml, why.text, place);
	ck_assert_msg(strstr(why.text, bad[_i].text) != NULL,
	    "%s\n  -> %s, not %s", bad[_i].yaml, why.text, bad[_i].text);
	ck_assert_msg(strstr(why.hint, bad[_i].hint) != NULL,
	    "%s\n  -> hint %s, not %s", bad[_i].yaml, why.hint, bad[_i].hint);
	/* Nothing is held: the sanitizers see it otherwise. */
	ck_assert_ptr_null(config.services);
}
END_TEST

START_TEST(what_is_too_long_is_refused)
{
	size_t size = (1u << 20) + 1, at, i;
	char *text = malloc(size + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, '#', size);
	ck_assert_int_eq(load_bytes(text, size), ACTA_EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "over 1 MiB"));
	memcpy(text, STOCK, strlen(STOCK));
	ck_assert_int_eq(load_bytes(text, size - 1), ACTA_OK);
	acta_config_fini(&config);

	at = (size_t)sprintf(text, "a: [");
	for (i = 0; i < 65536; i++)
		at += (size_t)sprintf(text + at, "1,");
	sprintf(text + at, "]\n");
	ck_assert_int_eq(load(text), ACTA_EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "over 65536 values"));

	at = (size_t)sprintf(text, "services:\n");
	for (i = 0; i < 1021; i++)
		at += (size_t)sprintf(
		    text + at, "- {name: s%zu, load: stock.so}\n", i);
	world.describe = NULL;
	ck_assert_int_eq(load(text), ACTA_EINVAL);
	ck_assert_ptr_nonnull(
	    strstr(why.text, "shop.yaml:1022:3: more than 1020 services"));
	free(text);
}
END_TEST

START_TEST(what_cannot_be_read_is_said)
{
	ck_assert_int_eq(
	    acta_config_load(&config, "none.yaml", &world, &why), ACTA_EIO);
	ck_assert_str_eq(why.text, "none.yaml: no such file");
	ck_assert_int_eq(
	    acta_config_load(&config, dir, &world, &why), ACTA_EIO);
	ck_assert_ptr_nonnull(strstr(why.text, "directory"));
}
END_TEST

/* A store as a host makes it, of partition `part` of four. */
static void
make_store(uint32_t part)
{
	struct acta_store_options options = { .service = "stock",
		.part = part,
		.parts = 4,
		.no_sync = true,
		.allow_any_fs = true };
	struct acta_store *store;
	char path[160];

	snprintf(path, sizeof(path), "%s/data/stock/%u", dir, part);
	ck_assert_int_eq(
	    acta_store_open(path, &options, &store, &why), ACTA_OK);
	acta_store_close(&store);
}

START_TEST(another_number_of_partitions_than_stored_is_refused)
{
	char path[160];
	uint32_t i;

	for (i = 0; i < 3; i++)
		make_store(i);
	/* Killed while it made them: they say four, and one is to come. */
	ck_assert_msg(load("data: data\n" ONE("partitions: 4")) == ACTA_OK,
	    "%s", why.text);
	acta_config_fini(&config);
	ck_assert_int_eq(
	    load("data: ./data\n" ONE("partitions: 2")), ACTA_EINVAL);
	make_store(3);
	ck_assert_int_eq(
	    load("data: ./data\n" ONE("partitions: 2")), ACTA_EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text,
	    "shop.yaml:3:47: service \"stock\" has 4 partitions in "));
	ck_assert_ptr_nonnull(strstr(why.hint, "write partitions: 4"));
	ck_assert_int_eq(load("data: data\n" STOCK), ACTA_EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "shop.yaml:3:12: "));
	ck_assert_int_eq(
	    load("data: data\n" ONE("partitions: 8")), ACTA_EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "has 4 partitions in "));
	ck_assert_int_eq(load("data: data\n" ONE("partitions: 4")), ACTA_OK);
	acta_config_fini(&config);
	/* Nor is one that nobody counted on. */
	snprintf(path, sizeof(path), "%s/data/stock/7", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(
	    load("data: data\n" ONE("partitions: 4")), ACTA_EINVAL);
}
END_TEST

START_TEST(a_plan_that_cannot_fit_its_files_is_refused)
{
	world.files_max = 100;
	ck_assert_int_eq(load(ONE("partitions: 16")), ACTA_EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "open files, and has 100"));
	world.files_max = 1000;
	ck_assert_int_eq(load(ONE("partitions: 16")), ACTA_OK);
	acta_config_fini(&config);
}
END_TEST

START_TEST(defaults_are_those_of_the_manual)
{
	const struct acta_config_service *s;

	ck_assert_int_eq(load(STOCK), ACTA_OK);
	ck_assert_str_eq(config.node, "shop");
	ck_assert_str_eq(config.data, "/state/acta/shop");
	ck_assert_str_eq(config.run, "/run/acta/shop");
	ck_assert_str_eq(config.registry, "/run/acta/shop.node");
	ck_assert_str_eq(config.call, "tcp://127.0.0.1:7700");
	ck_assert_str_eq(config.push, "tcp://127.0.0.1:7701");
	ck_assert_str_eq(config.events, "tcp://127.0.0.1:7702");
	ck_assert_int_eq(config.max_body, 1 << 20);
	ck_assert_int_eq(config.door_memory, 256 << 20);
	ck_assert(!config.admin);
	ck_assert_int_eq(config.intensity, 5);
	ck_assert_int_eq(config.period_ms, 30000);
	ck_assert_int_eq(config.on_exceed, ACTA_EXCEED_HOLD);
	ck_assert_uint_eq(config.count, 1);
	s = &config.services[0];
	ck_assert_int_eq(s->partitions, 1);
	ck_assert_int_eq(s->workers, 1);
	ck_assert_int_eq(s->restart, ACTA_PERMANENT);
	ck_assert_int_eq(s->shutdown_ms, 5000);
	ck_assert_int_eq(s->backoff_min_ms, 100);
	ck_assert_int_eq(s->backoff_max_ms, 30000);
	ck_assert_int_eq(s->backoff_reset_ms, 60000);
	ck_assert_double_eq(s->backoff_factor, 2);
	ck_assert_double_eq(s->backoff_jitter, 0.2);
	ck_assert_int_eq(s->max_attempts, 5);
	ck_assert_int_eq(s->max_crashes, 3);
	ck_assert_int_eq(s->turn_limit_ms, 30000);
	ck_assert_int_eq(s->memory_max, 0);
	ck_assert_int_eq(s->files_max, 0);
	ck_assert_int_eq(s->on_failed, 0);
	ck_assert_int_eq(s->ids_keep_ms, 24 * 3600 * 1000);
	ck_assert_int_eq(s->ids_quota, 1 << 30);
	ck_assert_int_eq(s->events_age_ms, 24 * 3600 * 1000);
	ck_assert_int_eq(s->events_size, 1 << 30);
	ck_assert_int_eq(s->events_count, 10000000);
	ck_assert_int_eq(s->spin_us, 50);
	ck_assert_int_eq(s->store_quota, 16LL << 30);
	ck_assert_int_eq(s->store_memory, 64 << 20);
	ck_assert_int_eq(s->store_journal_keep, 1 << 30);
	ck_assert_int_eq(s->channel_quota, 256 << 20);
	ck_assert_int_eq(s->channel_credit, 4 << 20);
	acta_config_fini(&config);
}
END_TEST

START_TEST(what_is_written_counts)
{
	const struct acta_config_service *s;

	ck_assert_int_eq(load("{\"node\": \"a\", \"data\": \"./d\",\n"
			      " \"door\": {\"push\": \"off\"},\n"
			      " \"services\": [{\"name\": \"stock\","
			      " \"load\": \"stock.so\"}]}\n"),
	    ACTA_OK); /* JSON is YAML */
	ck_assert_str_eq(config.push, "off");
	acta_config_fini(&config);
	ck_assert_int_eq(load(ONE("partitions: 4, restart: transient, "
				  "shutdown: infinity, spin: 0, "
				  "backoff: {min: 1.5s, max: 2m}, "
				  "limits: {memory: 64MiB, files: 4096}, "
				  "on_failed: park, store: {quota: 1TiB}")),
	    ACTA_OK);
	s = &config.services[0];
	ck_assert_int_eq(s->partitions, 4);
	ck_assert_int_eq(s->workers, 2); /* of two cores */
	ck_assert_int_eq(s->restart, ACTA_TRANSIENT);
	ck_assert_int_eq(s->shutdown_ms, ACTA_SHUTDOWN_INFINITY);
	ck_assert_int_eq(s->spin_us, 0);
	ck_assert_int_eq(s->backoff_min_ms, 1500);
	ck_assert_int_eq(s->backoff_max_ms, 120000);
	ck_assert_int_eq(s->memory_max, 64 << 20);
	ck_assert_int_eq(s->files_max, 4096);
	ck_assert_int_eq(s->on_failed, 0);
	ck_assert_int_eq(s->store_quota, 1LL << 40);
	acta_config_fini(&config);
	ck_assert_int_eq(load(ONE("shutdown: brutal_kill")), ACTA_OK);
	ck_assert_int_eq(config.services[0].shutdown_ms, 0);
	acta_config_fini(&config);
}
END_TEST

START_TEST(a_service_is_found_in_the_actor_path)
{
	char path[160], paths[200];

	snprintf(path, sizeof(path), "%s/more", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	touch("more/far.so");
	snprintf(paths, sizeof(paths), "/nowhere:%s", path);
	world.actor_path = paths;
	ck_assert_int_eq(
	    load("services: [{name: far, load: far.so}]\n"), ACTA_OK);
	strcat(path, "/far.so");
	ck_assert_str_eq(config.services[0].path, path);
	acta_config_fini(&config);
}
END_TEST

static acta_value
map_of(const uint8_t *data, size_t size)
{
	struct acta_reader reader = acta_reader(data, size);

	ck_assert_int_eq(acta_msgpack_check(data, size), ACTA_OK);
	return acta_read(&reader);
}

static bool
is_text(acta_value map, const char *name, const char *text)
{
	acta_value value = acta_map_get(map, name, strlen(name));

	return value.type == ACTA_STR && value.size == strlen(text) &&
	    memcmp(value.as.data, text, value.size) == 0;
}

START_TEST(settings_come_with_their_defaults)
{
	acta_value map;

	ck_assert_int_eq(
	    load(ORDER(", settings: {warehouse: 007, ratio: 2}")), ACTA_OK);
	map = map_of(
	    config.services[0].settings.data, config.services[0].settings.size);
	ck_assert_uint_eq(map.size, 3);
	ck_assert(is_text(map, "warehouse", "007"));
	ck_assert_int_eq(acta_map_get(map, "limit", 5).as.i, 5);
	acta_config_fini(&config);
}
END_TEST

START_TEST(the_plan_has_doors_first_then_services_in_order)
{
	const char *names[] = { "@door", "@door-call", "@door-events", "order",
		"stock" };
	struct acta_plan plan;
	uint8_t *data;
	size_t size;
	uint32_t i;

	ck_assert_int_eq(load("door: {push: off}\n"
			      "services:\n"
			      "  - name: order\n"
			      "    load: order.so\n"
			      "    settings: {warehouse: north}\n"
			      "  - {name: stock, load: stock.so, "
			      "partitions: 3}\n"),
	    ACTA_OK);
	acta_config_plan(&config, &plan);
	acta_config_fini(&config);
	ck_assert_uint_eq(plan.count, 5);
	for (i = 0; i < plan.count; i++) {
		const struct acta_plan_child *child = &plan.children[i];
		acta_value map = map_of(child->config, child->config_size);

		ck_assert_str_eq(child->name, names[i]);
		ck_assert_str_eq(child->argv[1], names[i]);
		ck_assert_str_eq(child->program,
		    i < 3 ? "/opt/acta/acta-door" : "/opt/acta/acta-host");
		ck_assert(is_text(map, "run", "/run/acta/shop"));
		ck_assert_uint_eq(acta_map_get(map, "services", 8).size, 2);
	}
	ck_assert_uint_eq(plan.children[0].memory_max, 0);
	ck_assert_uint_eq(plan.children[1].memory_max, 256 << 20);
	ck_assert_uint_eq(plan.children[4].partitions, 3);
	ck_assert_str_eq(plan.announce,
	    "acta: shop: 2 services up, call "
	    "tcp://127.0.0.1:7700 (acta ps)");
	/* And it survives its way to the root. */
	ck_assert_int_eq(acta_plan_encode(&plan, &data, &size), ACTA_OK);
	acta_plan_fini(&plan);
	ck_assert_int_eq(acta_plan_decode(data, size, &plan), ACTA_OK);
	ck_assert_uint_eq(plan.count, 5);
	acta_plan_fini(&plan);
	free(data);
}
END_TEST

/* " # where" and the blanks before it, in each line. */
static void
cut_origins(char *text)
{
	char *out = text;

	while (*text != '\0') {
		size_t line = strcspn(text, "\n"), keep = line;
		const char *c = strstr(text, " # ");

		if (c != NULL && c < text + line)
			keep = (size_t)(c - text);
		while (keep > 0 && text[keep - 1] == ' ')
			keep--;
		memmove(out, text, keep);
		out += keep;
		text += line;
		if (*text == '\n')
			*out++ = *text++;
	}
	*out = '\0';
}

START_TEST(what_show_prints_is_the_same_config)
{
	struct acta_buf first, second;

	acta_buf_init(&first);
	acta_buf_init(&second);
	ck_assert_int_eq(load("door: {admin: true, events: off}\n"
			      "services:\n"
			      "  - name: order\n"
			      "    load: order.so\n"
			      "    partitions: 3\n"
			      "    backoff: {jitter: 0.25, min: 1500ms}\n"
			      "    limits: {memory: 1GiB}\n"
			      "    settings: {warehouse: \"a: b # c\"}\n"),
	    ACTA_OK);
	acta_config_show(&config, false, &first);
	acta_config_fini(&config);
	ck_assert_msg(load_bytes((char *)first.data, first.size) == ACTA_OK,
	    "%s\n%.*s", why.text, (int)first.size, first.data);
	acta_config_show(&config, false, &second);
	acta_config_fini(&config);
	/* But for the origins, which are now lines of that. */
	acta_buf_append(&first, "", 1);
	acta_buf_append(&second, "", 1);
	ck_assert_ptr_nonnull(strstr((char *)first.data, "# shop.yaml:5"));
	ck_assert_ptr_nonnull(strstr((char *)first.data, "# default"));
	cut_origins((char *)first.data);
	cut_origins((char *)second.data);
	ck_assert_ptr_nonnull(strstr((char *)second.data, "jitter: 0.25"));
	ck_assert_ptr_nonnull(strstr((char *)second.data, "min: 1500ms"));
	ck_assert_msg(strcmp((char *)first.data, (char *)second.data) == 0,
	    "they differ");
	acta_buf_fini(&first);
	acta_buf_fini(&second);
}
END_TEST

/* Nothing in it moves a terminal's cursor, ends a line or begins a comment. */
START_TEST(what_show_prints_of_any_text_is_that_text)
{
	struct acta_buf out;
	char *data;

	acta_buf_init(&out);
	ck_assert_int_eq(
	    load("data: \"/a b #c: "
		 "'\\\\\\\"\\e\\x9b\\u0085\\u2028\\uFEFF\\n\"\n" ORDER(
		     ", settings: {warehouse: \"\\e[1m\", tags: "
		     "[{\"$bin\": x, \"\\t\": null}, {\"$map\": 1}, '5', 5]}")),
	    ACTA_OK);
	data = strdup(config.data);
	acta_config_show(&config, false, &out);
	acta_config_fini(&config);
	for (size_t i = 0; i < out.size; i++)
		ck_assert_msg(out.data[i] == '\n' ||
			(out.data[i] >= 0x20 && out.data[i] < 0x7f),
		    "byte %zu", i);
	ck_assert_msg(load_bytes((char *)out.data, out.size) == ACTA_OK,
	    "%s\n%.*s", why.text, (int)out.size, out.data);
	ck_assert_str_eq(config.data, data);
	ck_assert_uint_eq(acta_map_get(map_of(config.services[0].settings.data,
					   config.services[0].settings.size),
			      "tags", 4)
			      .size,
	    4);
	acta_buf_reset(&out);
	acta_config_show(&config, false, &out);
	acta_buf_append(&out, "", 1);
	ck_assert_ptr_nonnull(strstr((char *)out.data,
	    "tags\": [{\"$bin\": \"x\", \"\\t\": null}, {\"$map\": 1}, "
	    "\"5\", 5]"));
	acta_config_fini(&config);
	acta_buf_fini(&out);
	free(data);
}
END_TEST

START_TEST(quantities_are_read_and_written)
{
	static const struct {
		const char *text;
		int64_t us;
	} times[] = { { "0", 0 }, { "0s", 0 }, { "50us", 50 },
		{ "100ms", 100000 }, { "5s", 5000000 }, { "2m", 120000000 },
		{ "24h", 86400000000 }, { "2d", 172800000000 },
		{ "1.5s", 1500000 } };
	static const char *const not_times[] = { "", "5", "s", "5 s", "1.s.",
		"0x5s", "1e3s", "-5s", "+5s", "5S", "0.5us", "infs" };
	struct acta_why hint;
	int64_t value;
	char out[32];
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		ck_assert_int_eq(
		    acta_text_duration(times[i].text, &value, &hint), ACTA_OK);
		ck_assert_int_eq(value, times[i].us);
		acta_text_of_duration(value, out);
		ck_assert_int_eq(
		    acta_text_duration(out, &value, &hint), ACTA_OK);
		ck_assert_int_eq(value, times[i].us);
	}
	for (i = 0; i < sizeof(not_times) / sizeof(not_times[0]); i++)
		ck_assert_msg(
		    acta_text_duration(not_times[i], &value, &hint) != ACTA_OK,
		    "taken: %s", not_times[i]);
	ck_assert_int_eq(acta_text_size("64MiB", &value, &hint), ACTA_OK);
	ck_assert_int_eq(value, 64 << 20);
	acta_text_of_size(value, out);
	ck_assert_str_eq(out, "64MiB");
	ck_assert_int_eq(
	    acta_text_size("9999999TiB", &value, &hint), ACTA_ELIMIT);
	ck_assert_int_eq(acta_text_size("64mib", &value, &hint), ACTA_EINVAL);
	ck_assert_str_eq(hint.hint, "did you mean \"64MiB\"?");
}
END_TEST

START_TEST(where_in_a_log_is_read_and_written)
{
	static const struct {
		const char *text;
		int64_t from;
	} places[] = {
		{ "first", ACTA_FROM_FIRST },
		{ "last", ACTA_FROM_LAST },
		{ "17", 17 },
		{ "2026-01-31T12:00:00Z", -1769860800000 },
	};
	static const char *const none[] = { "", "0", "-1", "Last", "17s",
		"1970-01-01T00:00:00Z", "2026-01-31", "2026-01-31T12:00:00Zz",
		"2026-01-31T12:00:00" };
	int64_t from;
	char out[32];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		ck_assert_int_eq(
		    acta_text_from(places[i].text, &from), ACTA_OK);
		ck_assert_int_eq(from, places[i].from);
		acta_text_of_from(from, out);
		ck_assert_str_eq(out, places[i].text);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ck_assert_int_ne(acta_text_from(none[i], &from), ACTA_OK);
}
END_TEST

/* name, and whose: "stock money/payment" */
static const char *
order_of(const struct acta_plan *plan)
{
	static char text[512];
	size_t at = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < plan->count; i++) {
		const struct acta_plan_child *c = &plan->children[i];

		if (c->kind == ACTA_KIND_DOOR)
			continue;
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s%s%s",
		    at ? " " : "",
		    c->parent ? plan->children[c->parent - 1].name : "",
		    c->parent ? "/" : "", c->name);
	}
	return text;
}

START_TEST(groups_and_programs_become_a_tree)
{
	struct acta_plan plan;
	const struct acta_plan_child *c;

	ck_assert_int_eq(
	    load("supervisor: {strategy: rest_for_one}\n"
		 "services:\n"
		 "  - {name: stock, load: stock.so}\n"
		 "  - group: money\n"
		 "    strategy: one_for_all\n"
		 "    auto_shutdown: any_significant\n"
		 "    restart: transient\n"
		 "    services:\n"
		 "    - {name: cache, exec: [sh, -c, 'sleep 1', 7],\n"
		 "       restart: temporary, significant: true}\n"
		 "    - {group: deep, services: []}\n"
		 "  - group: workers\n"
		 "    strategy: simple_one_for_one\n"
		 "    services: [{name: worker, exec: [sh], "
		 "restart: temporary}]\n"),
	    ACTA_OK);
	acta_config_plan(&config, &plan);
	ck_assert_str_eq(order_of(&plan),
	    "stock money money/cache money/deep workers workers/worker");
	ck_assert_uint_eq(plan.strategy, ACTA_REST_FOR_ONE);
	c = &plan.children[plan.count - 5];
	ck_assert_uint_eq(c->kind, ACTA_KIND_GROUP);
	ck_assert_uint_eq(c->strategy, ACTA_ONE_FOR_ALL);
	ck_assert_uint_eq(c->auto_shutdown, ACTA_AUTO_ANY);
	ck_assert_uint_eq(c->restart, ACTA_TRANSIENT);
	ck_assert_uint_eq(c->intensity, 1);
	ck_assert_int_eq(c->period_ms, 5000);
	ck_assert_uint_eq(c->on_exceed, ACTA_EXCEED_ESCALATE);
	ck_assert_int_eq(c->shutdown_ms, ACTA_SHUTDOWN_INFINITY);
	c = &plan.children[plan.count - 4];
	ck_assert_uint_eq(c->kind, ACTA_KIND_EXEC);
	ck_assert_uint_eq(c->significant, 1);
	ck_assert_str_eq(c->argv[0], "sh");
	ck_assert_str_eq(c->argv[2], "sleep 1");
	ck_assert_str_eq(c->argv[3], "7");
	ck_assert_ptr_null(c->argv[4]);
	ck_assert_int_eq(c->program[0], '/');
	ck_assert_int_eq(c->shutdown_ms, 5000);
	acta_plan_fini(&plan);
	acta_config_fini(&config);
}
END_TEST

/* Whoever is after another is behind it; the rest stays as it was written. */
START_TEST(after_is_an_order)
{
	struct acta_plan plan;

	ck_assert_int_eq(
	    load("services:\n"
		 "  - {name: a, exec: [sh], after: [d]}\n"
		 "  - {name: b, exec: [sh]}\n"
		 "  - {group: g, services: [\n"
		 "      {name: c, exec: [sh], after: [e, f]},\n"
		 "      {name: d, exec: [sh], after: [c]}]}\n"
		 "  - {name: e, exec: [sh], after: [b]}\n"
		 "  - {group: h, services: [{name: f, exec: [sh]}]}\n"),
	    ACTA_OK);
	acta_config_plan(&config, &plan);
	ck_assert_str_eq(order_of(&plan), "b e h h/f g g/c g/d a");
	acta_plan_fini(&plan);
	acta_config_fini(&config);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config");
	TCase *tc = tcase_create("config");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, is_refused_with_place_what_and_hint, 0, BAD);
	tcase_add_test(tc, what_is_too_long_is_refused);
	tcase_add_test(tc, what_cannot_be_read_is_said);
	tcase_add_test(tc, another_number_of_partitions_than_stored_is_refused);
	tcase_add_test(tc, a_plan_that_cannot_fit_its_files_is_refused);
	tcase_add_test(tc, defaults_are_those_of_the_manual);
	tcase_add_test(tc, what_is_written_counts);
	tcase_add_test(tc, a_service_is_found_in_the_actor_path);
	tcase_add_test(tc, settings_come_with_their_defaults);
	tcase_add_test(tc, the_plan_has_doors_first_then_services_in_order);
	tcase_add_test(tc, what_show_prints_is_the_same_config);
	tcase_add_test(tc, what_show_prints_of_any_text_is_that_text);
	tcase_add_test(tc, quantities_are_read_and_written);
	tcase_add_test(tc, where_in_a_log_is_read_and_written);
	tcase_add_test(tc, groups_and_programs_become_a_tree);
	tcase_add_test(tc, after_is_an_order);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
