/*
 * runtime/cli/node.c - which node is meant, and how its root is asked. A node
 * that runs is named by a file, NODE.node, that holds the path of its run
 * directory; one whose root.sock nobody listens at is a leftover.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "codecs/json.h"
#include "codecs/packer.h"
#include "codecs/schema.h"
#include "runtime/cli/cli.h"
#include "runtime/config.h"

#define ANSWER_MAX (16u << 20)
#define NODES_MAX 256
#define ASK_MS 5000

static int
root_connect(const char *run)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, saved;

	if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path),
		"%s/root.sock", run) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

bool
acta_root_listens(const char *run)
{
	int fd = root_connect(run);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Is it certain that no root is there? Not on EACCES, nor when it is busy. */
static bool
is_gone(const char *run)
{
	int fd = root_connect(run);

	if (fd < 0)
		return errno == ECONNREFUSED || errno == ENOENT;
	close(fd);
	return false;
}

/* The run directory in a registry's file, or NULL. */
static char *
registered(const char *file)
{
	FILE *stream = fopen(file, "re");
	char line[4096];
	char *out = NULL;

	if (stream == NULL)
		return NULL;
	if (fgets(line, sizeof(line), stream) != NULL && line[0] == '/') {
		line[strcspn(line, "\n")] = '\0';
		out = acta_text_keepf("%s", line);
	}
	fclose(stream);
	return out;
}

struct nodes {
	char *names[NODES_MAX + 1]; /* NULL-ended */
	char *runs[NODES_MAX];
	int count;
};

/* All that run under `base`; what is left of others is removed. */
static void
find_all(const char *base, struct nodes *out)
{
	DIR *dir = opendir(base);
	struct dirent *entry;

	out->count = 0;
	while (dir != NULL && (entry = readdir(dir)) != NULL &&
	    out->count < NODES_MAX) {
		char *dot = strrchr(entry->d_name, '.');
		char *file, *run;

		if (dot == NULL || strcmp(dot, ".node") != 0)
			continue;
		file = acta_text_keepf("%s/%s", base, entry->d_name);
		run = registered(file);
		if (run != NULL && !is_gone(run)) {
			*dot = '\0';
			out->names[out->count] =
			    acta_text_keepf("%s", entry->d_name);
			out->runs[out->count++] = run;
		} else {
			unlink(file);
			free(run);
		}
		free(file);
	}
	if (dir != NULL)
		closedir(dir);
	out->names[out->count] = NULL;
}

static void
nodes_fini(struct nodes *nodes)
{
	int i;

	for (i = 0; i < nodes->count; i++) {
		free(nodes->names[i]);
		free(nodes->runs[i]);
	}
}

static void
set_at(struct acta_at *out, const char *name, const char *run)
{
	out->name = acta_text_keepf("%s", name);
	out->run = acta_text_keepf("%s", run);
	out->call = acta_text_keepf("ipc://%s/call", run);
}

/* By name, or the only one. */
static int
find_named(const char *name, struct acta_at *out)
{
	struct acta_config_world world;
	struct acta_buf buf;
	struct nodes nodes;
	const char *near;
	char *hint;
	int i, code;

	acta_buf_init(&buf);
	acta_config_world(&world, &buf);
	find_all(world.run_base, &nodes);
	acta_buf_fini(&buf);
	for (i = 0; i < nodes.count; i++) {
		if (name != NULL && strcmp(nodes.names[i], name) != 0)
			continue;
		if (name == NULL && nodes.count > 1)
			break;
		set_at(out, nodes.names[i], nodes.runs[i]);
		nodes_fini(&nodes);
		return ACTA_EXIT_OK;
	}
	if (nodes.count == 0) {
		code = acta_sayf(ACTA_EXIT_NO_NODE,
		    "acta run FILE starts one; --at ENDPOINT asks one "
		    "elsewhere",
		    name != NULL ? "no node \"%s\" runs here"
				 : "no node runs here%s",
		    name != NULL ? name : "");
	} else if (name != NULL) {
		near = acta_closest(name, (const char *const *)nodes.names);
		hint = acta_text_keepf("did you mean \"%s\"?",
		    near != NULL ? near : nodes.names[0]);
		code = acta_sayf(
		    ACTA_EXIT_NO_NODE, hint, "no node \"%s\" runs here", name);
		free(hint);
	} else {
		hint = acta_text_keepf("say which: --at %s, or ACTA_NODE=%s",
		    nodes.names[0], nodes.names[1]);
		code = acta_sayf(
		    ACTA_EXIT_USAGE, hint, "%d nodes run here", nodes.count);
		free(hint);
	}
	nodes_fini(&nodes);
	return code;
}

int
acta_at_find(const struct acta_cli *cli, struct acta_at *out)
{
	const char *at = cli->at != NULL ? cli->at : getenv("ACTA_NODE");

	*out = (struct acta_at){ 0 };
	if (at != NULL && at[0] == '\0')
		at = NULL;
	/* RUN/call of a node on this machine is as good as its name. */
	if (at != NULL && strncmp(at, "ipc://", 6) == 0 && strlen(at) > 11 &&
	    strcmp(at + strlen(at) - 5, "/call") == 0) {
		char *run =
		    acta_text_keepf("%.*s", (int)strlen(at) - 11, at + 6);

		set_at(out, "", run);
		free(run);
		return ACTA_EXIT_OK;
	}
	if (at != NULL && strstr(at, "://") != NULL) {
		out->name = acta_text_keepf("%s", "");
		out->run = acta_text_keepf("%s", "");
		out->call = acta_text_keepf("%s", at);
		return ACTA_EXIT_OK;
	}
	if (at != NULL && strchr(at, '/') != NULL) {
		if (is_gone(at))
			return acta_sayf(ACTA_EXIT_NO_NODE,
			    "it is to be a run directory", "no node runs in %s",
			    at);
		set_at(out, "", at);
		return ACTA_EXIT_OK;
	}
	return find_named(at, out);
}

void
acta_at_fini(struct acta_at *at)
{
	free(at->run);
	free(at->name);
	free(at->call);
	*at = (struct acta_at){ 0 };
}

/* ------------------------------------------------------------ the root -- */

/* Send all, then read to the end, by `until_ms`. */
static enum acta_err
exchange(int fd, const char *line, int64_t until_ms, struct acta_buf *out)
{
	if (dprintf(fd, "%s\n", line) < 0)
		return ACTA_ECLOSED;
	shutdown(fd, SHUT_WR);
	for (;;) {
		struct pollfd polls = { fd, POLLIN, 0 };
		int64_t left = until_ms - acta_cli_now_ms();
		ssize_t n;

		if (left <= 0)
			return ACTA_ETIMEDOUT;
		if (poll(&polls, 1, (int)left) < 0 && errno != EINTR)
			return ACTA_EIO;
		if (polls.revents == 0)
			continue;
		acta_buf_reserve(out, 65536);
		n = read(fd, out->data + out->size, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ACTA_ECLOSED;
		if (n == 0)
			return ACTA_OK;
		out->size += (size_t)n;
		if (out->size > ANSWER_MAX)
			return ACTA_ELIMIT;
	}
}

/* One question to the root of this machine's node: its answer in `out`. */
static enum acta_err
ask_root(
    const char *run, const char *line, int64_t timeout_ms, struct acta_buf *out)
{
	int fd = root_connect(run);
	struct acta_buf text;
	enum acta_err err;

	if (fd < 0)
		return ACTA_ENOENT;
	acta_buf_init(&text);
	err = exchange(fd, line, acta_cli_now_ms() + timeout_ms, &text);
	close(fd);
	if (err == ACTA_OK)
		err = acta_json_decode(
		    (const char *)text.data, text.size, out, NULL);
	acta_buf_fini(&text);
	return err;
}

/* The service nearest to `name`, as a hint, or NULL. The root lists what there
 * is; which of it is near it does not know. */
static char *
near_service(const char *run, const char *name)
{
	struct acta_buf answer;
	struct acta_reader reader;
	const char **names = NULL, *near;
	acta_value list = { 0 };
	char *hint = NULL;
	uint32_t i;

	acta_buf_init(&answer);
	if (ask_root(run, "ps", ASK_MS, &answer) == ACTA_OK) {
		reader = acta_reader(answer.data, answer.size);
		list = acta_value_at(acta_read(&reader), "services");
	}
	if (list.type != ACTA_LIST)
		list.size = 0;
	reader = acta_reader_into(list);
	names = calloc(list.size + 1, sizeof(*names));
	if (names == NULL)
		abort();
	for (i = 0; i < list.size; i++)
		names[i] = acta_text_at(acta_read(&reader), "service", "");
	near = acta_closest(name, names);
	if (near != NULL)
		hint = acta_text_keepf("did you mean \"%s\"?", near);
	for (i = 0; i < list.size; i++)
		free((char *)(uintptr_t)names[i]);
	free(names);
	acta_buf_fini(&answer);
	return hint;
}

/* {"error": {"code", "text", "hint"}}, said; its exit code. `line` is what was
 * asked. */
static int
say_error(acta_value error, const char *run, const char *line)
{
	char *code = acta_text_at(error, "code", "failed");
	char *text = acta_text_at(error, "text", code);
	char *hint = acta_text_at(error, "hint", ""), *near = NULL;
	char verb[32], name[64];
	int exit_code;

	if (strcmp(code, "not-found") == 0 && strncmp(line, "sup ", 4) != 0 &&
	    sscanf(line, "%31s %63s", verb, name) == 2)
		near = near_service(run, name);
	exit_code = acta_sayf(
	    acta_exit_of_code(code), near != NULL ? near : hint, "%s", text);
	free(code);
	free(text);
	free(hint);
	free(near);
	return exit_code;
}

/* The same question through a door: `VERB NAME checked` is the type and args
 * of a call to @node. */
static int
ask_by_door(const struct acta_cli *cli, const struct acta_at *at,
    const char *line, struct acta_buf *out)
{
	char verb[32] = "", name[64] = "", tail[32] = "";
	struct acta_buf args, answer;
	acta_value result;
	int words = sscanf(line, "%31s %63s %31s", verb, name, tail), code;

	acta_buf_init(&args);
	acta_buf_init(&answer);
	acta_pack_map(&args, words > 1 ? (uint32_t)words - 1 : 0);
	if (words > 1) {
		acta_pack_text(&args, "service");
		acta_pack_text(&args, name);
	}
	if (words > 2) {
		acta_pack_text(&args, "checked");
		acta_pack_bool(&args, true);
	}
	code = acta_client_result(
	    cli, at->call, "@node", verb, &args, &answer, &result);
	if (code == ACTA_EXIT_OK)
		acta_pack_value(out, result);
	acta_buf_fini(&args);
	acta_buf_fini(&answer);
	return code;
}

int
acta_root_ask(const struct acta_cli *cli, const struct acta_at *at,
    const char *line, struct acta_buf *out)
{
	int64_t timeout = cli->timeout_ms > 0 ? cli->timeout_ms : ASK_MS;
	struct acta_reader reader;
	acta_value answer, error;
	enum acta_err err;

	if (at->run[0] == '\0')
		return ask_by_door(cli, at, line, out);
	err = ask_root(at->run, line, timeout, out);
	if (err == ACTA_ENOENT)
		return acta_sayf(ACTA_EXIT_NO_NODE, "acta run FILE starts one",
		    "no node runs in %s: %s", at->run, strerror(errno));
	if (err == ACTA_ETIMEDOUT)
		return acta_sayf(ACTA_EXIT_TIMEOUT, "--timeout waits longer",
		    "the root of %s has not answered within %lld ms", at->run,
		    (long long)timeout);
	if (err != ACTA_OK)
		return acta_sayf(ACTA_EXIT_FAILED, NULL,
		    "the root of %s gave no answer: %s", at->run,
		    acta_strerror(err));
	reader = acta_reader(out->data, out->size);
	answer = acta_read(&reader);
	error = acta_value_at(answer, "error");
	if (error.type == ACTA_MAP)
		return say_error(error, at->run, line);
	return ACTA_EXIT_OK;
}

/* Which node answered `info` by a door? The one whose root listens here says the
 * same of itself, and is as old but for the time that this took. */
static bool
is_here(acta_value info, int64_t asked_ms)
{
	char *run = acta_text_raw_at(info, "run", "");
	char *node = acta_text_raw_at(info, "node", ""), *own = NULL;
	struct acta_buf answer;
	struct acta_reader reader;
	acta_value here;
	int64_t older_ms;
	bool is = false;

	acta_buf_init(&answer);
	if (run[0] == '/' &&
	    ask_root(run, "info", ASK_MS, &answer) == ACTA_OK) {
		reader = acta_reader(answer.data, answer.size);
		here = acta_read(&reader);
		own = acta_text_raw_at(here, "node", "");
		older_ms = acta_int_at(here, "uptime_ms", -1) -
		    acta_int_at(info, "uptime_ms", -1);
		is = strcmp(own, node) == 0 && older_ms >= 0 &&
		    older_ms <= acta_cli_now_ms() - asked_ms + 1 &&
		    acta_int_at(here, "pid", -1) ==
			acta_int_at(info, "pid", -2);
	}
	acta_buf_fini(&answer);
	free(own);
	free(node);
	free(run);
	return is;
}

int
acta_root_data(const struct acta_cli *cli, const struct acta_at *at,
    char **out_node, char **out_data)
{
	int64_t asked_ms = acta_cli_now_ms();
	struct acta_buf answer;
	struct acta_reader reader;
	acta_value info;
	int code;

	acta_buf_init(&answer);
	code = acta_root_ask(cli, at, "info", &answer);
	reader = acta_reader(answer.data, answer.size);
	info = code == ACTA_EXIT_OK ? acta_read(&reader) : (acta_value){ 0 };
	if (code == ACTA_EXIT_OK && at->run[0] == '\0' &&
	    !is_here(info, asked_ms))
		code = acta_sayf(ACTA_EXIT_NOT_FOUND, "ask on its machine",
		    "the node at %s is not on this machine, nor are its "
		    "stores",
		    at->call);
	if (code == ACTA_EXIT_OK) {
		*out_data = acta_text_raw_at(info, "data", "");
		if (out_node != NULL)
			*out_node = acta_text_raw_at(info, "node", "");
	}
	acta_buf_fini(&answer);
	return code;
}
