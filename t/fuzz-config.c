/*
 * t/fuzz-config.c - the bytes of a config file: YAML, keys, values, settings.
 * What is wrong is said in UTF-8 with its place; what is taken becomes a plan
 * that the root takes, and is shown as a file that gives the same plan.
 */
#include "t/fuzz.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "codecs/json.h"
#include "codecs/reader.h"
#include "runtime/config.h"

static const char *const loads[] = { "stock.so", "order.so" };
#define LOADS (sizeof(loads) / sizeof(loads[0]))

static char dir[200], file[256];
static int memory = -1; /* what `file` is a link to */
static pid_t owner;

static void
remove_dir(void)
{
	char path[256];

	if (getpid() != owner)
		return;
	for (size_t i = 0; i < LOADS; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, loads[i]);
		(void)unlink(path);
	}
	(void)unlink(file);
	(void)rmdir(dir);
}

static void
open_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[256];

	if (memory >= 0)
		return;
	snprintf(dir, sizeof(dir), "%s/acta-fuzz-XXXXXX", tmp ? tmp : "/tmp");
	fuzz_must(mkdtemp(dir) != NULL);
	owner = getpid();
	atexit(remove_dir);
	for (size_t i = 0; i < LOADS; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/%s", dir, loads[i]);
		fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		fuzz_must(fd >= 0 && close(fd) == 0);
	}
	memory = memfd_create("shop.yaml", MFD_CLOEXEC);
	fuzz_must(memory >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	snprintf(file, sizeof(file), "%s/shop.yaml", dir);
	fuzz_must(symlink(path, file) == 0);
}

static void
write_file(const void *data, size_t size)
{
	fuzz_must(ftruncate(memory, 0) == 0);
	fuzz_must(pwrite(memory, data, size, 0) == (ssize_t)size);
}

/* FILE.so is the service FILE. */
static enum acta_err
describe(void *arg, const char *path, struct acta_declared *out,
    struct acta_why *why)
{
	const char *base = strrchr(path, '/') + 1;

	(void)arg;
	(void)why;
	*out = (struct acta_declared){
		.name = strndup(base, strcspn(base, ".")),
		.version = strdup("1"),
		.doc = strdup(""),
		.settings = strdup(strcmp(base, "order.so") == 0
			? "warehouse:str limit:int=5 ratio:num? tags:list? "
			  "who:ref=stock/17 more:map? on:bool? any:any?"
			: ""),
		.abi = 1,
	};
	return ACTA_OK;
}

static const struct acta_config_world world = {
	.state_home = "/nonexistent/state",
	.run_base = "/run/acta",
	.program_dir = "/opt/acta",
	.files_max = 20000,
	.cores = 2,
	.describe = describe,
};

/* Its plan, encoded; checked to be one that the root takes. */
static void
plan_of(const struct acta_config *config, uint8_t **out, size_t *out_size)
{
	struct acta_plan plan, back;

	acta_config_plan(config, &plan);
	fuzz_must(acta_plan_encode(&plan, out, out_size) == ACTA_OK);
	fuzz_must(acta_plan_decode(*out, *out_size, &back) == ACTA_OK);
	for (uint32_t i = 0; i < plan.count; i++)
		fuzz_must(acta_msgpack_check(plan.children[i].config,
			      plan.children[i].config_size) == ACTA_OK);
	acta_plan_fini(&plan);
	acta_plan_fini(&back);
}

static void
shown(const struct acta_config *config)
{
	struct acta_config again;
	struct acta_why why = { "", "" };
	struct acta_buf text, packed;
	uint8_t *plan, *plan_again;
	size_t size, size_again;
	enum acta_err err;

	acta_buf_init(&text);
	acta_buf_init(&packed);
	plan_of(config, &plan, &size);
	acta_config_show(config, true, &text);
	fuzz_must(acta_json_decode(
		      (char *)text.data, text.size, &packed, NULL) == ACTA_OK);
	acta_buf_reset(&text);
	acta_config_show(config, false, &text);
	write_file(text.data, text.size);
	err = acta_config_load(&again, file, &world, &why);
	if (err != ACTA_OK)
		fprintf(stderr, "%.*s\n%s\n%s\n", (int)text.size,
		    (char *)text.data, why.text, why.hint);
	fuzz_must(err == ACTA_OK);
	plan_of(&again, &plan_again, &size_again);
	fuzz_must(size == size_again && memcmp(plan, plan_again, size) == 0);
	free(plan);
	free(plan_again);
	acta_config_fini(&again);
	acta_buf_fini(&text);
	acta_buf_fini(&packed);
}

int
fuzz_config(const uint8_t *data, size_t size)
{
	struct acta_config config;
	struct acta_why why = { "", "" };

	open_dir();
	write_file(data, size);
	if (acta_config_load(&config, file, &world, &why) == ACTA_OK) {
		shown(&config);
		acta_config_fini(&config);
	} else {
		fuzz_must(strstr(why.text, "shop.yaml") != NULL);
		fuzz_must(acta_utf8_valid(why.text, strlen(why.text)));
		fuzz_must(acta_utf8_valid(why.hint, strlen(why.hint)));
	}
	return 0;
}

#define GOOD 5u /* of the seeds: the others are wrong each in its way */

void
fuzz_config_seeds(fuzz_take *take, void *self)
{
	static const char *const texts[] = {
		"services:\n  - {name: stock, load: stock.so}\n",
		"node: shop\ndata: ./data\nrun: /run/shop\n"
		"door: {call: tcp://127.0.0.1:7700, push: off, events: off,\n"
		"       max_body: 512KiB, memory: 64MiB, admin: true}\n"
		"supervisor: {strategy: one_for_one, intensity: 3, period: "
		"5s,\n"
		"             on_exceed: escalate}\n"
		"services:\n"
		"  - name: stock\n    load: stock.so\n    partitions: 4\n"
		"    workers: 2\n    restart: transient\n    shutdown: "
		"infinity\n"
		"    backoff: {min: 1ms, max: 5s, factor: 1.5, jitter: 0.1, "
		"reset: 1m}\n"
		"    max_attempts: 2\n    max_crashes: 9\n    turn_limit: 1s\n"
		"    limits: {memory: 512MiB, files: 4096}\n"
		"    on_failed: park\n    on_lag: hold\n"
		"    ids: {keep: 1h, quota: 64MiB}\n"
		"    events: {age: 24h, size: 1GiB, count: 1000}\n"
		"    spin: 0\n"
		"    store: {quota: 256MiB, memory: 8MiB, journal_keep: 1MiB}\n"
		"    channel: {quota: 1MiB, credit: 64KiB}\n"
		"  - name: order\n    load: order.so\n"
		"    settings: {warehouse: \"n\\u00f6rd\", limit: 7, ratio: "
		"0.5,\n"
		"               tags: [a, 'b c', 1.0, null, ~, true], who: "
		"a/b,\n"
		"               more: {x: {y: 1}}, on: false, any: 0x10}\n",
		/* What is shown must be read as the same text again. */
		"data: \"/a\\u0080\\u0007\\t\\U0001f600 '\\\" #x: "
		"\\n\\uFEFF\"\n"
		"services: [{name: order, load: order.so, settings: {warehouse:"
		" \"\\u2028\\e\", any: {\"\\u0085\": [\"null\", \"5\", "
		"\"on\"]},"
		" more: {? a : b, \"c d\": \"\", \"e:\": '- f', \"$bin\": "
		"x}}}]\n",
		"{\"node\": \"a\", \"services\": [{\"name\": \"order\", "
		"\"load\": \"order.so\", \"settings\": {\"warehouse\": 007}}]}",
		"services:\n  - {name: stock, load: stock.so, shutdown: "
		"brutal_kill}\n",
		"services:\n  - {name: stok, lod: x}\n",
		"a: &x 1\nb: *x\n",
		"services: !!str x\n",
		"---\na: |\n  text\n  more\n...\n---\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct acta_config config;
		struct acta_why why = { "", "" };

		open_dir();
		write_file(texts[i], strlen(texts[i]));
		if (acta_config_load(&config, file, &world, &why) == ACTA_OK)
			acta_config_fini(&config);
		else if (i < GOOD)
			fprintf(stderr, "%s: %s\n", why.text, why.hint);
		fuzz_must((why.text[0] == '\0') == (i < GOOD));
		fuzz_text(texts[i], take, self);
	}
}
