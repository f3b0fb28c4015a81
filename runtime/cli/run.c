/*
 * runtime/cli/run.c - `acta run` and `acta check`. Reading and checking happen
 * here, in a process that ends; what is left is the root, handed a plan.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <arpa/inet.h>
#include <unistd.h>

#include "codecs/packer.h"
#include "runtime/cli/cli.h"
#include "runtime/config.h"

#define WHO_MS 500

/* The config, checked; what is wrong with it is said. */
static int
load(const struct acta_cli *cli, struct acta_config *config)
{
	struct acta_config_world world;
	struct acta_why why;
	struct acta_buf buf, out;
	enum acta_err err;

	acta_buf_init(&buf);
	acta_config_world(&world, &buf);
	err = acta_config_load(config, cli->argv[0], &world, &why);
	acta_buf_fini(&buf);
	if (err == ACTA_OK)
		return ACTA_EXIT_OK;
	if (cli->json) {
		acta_buf_init(&buf);
		acta_buf_init(&out);
		acta_pack_map(&buf, 2);
		acta_pack_text(&buf, "ok");
		acta_pack_bool(&buf, false);
		acta_pack_text(&buf, "error");
		acta_pack_map(&buf, 2);
		acta_pack_text(&buf, "text");
		acta_pack_text(&buf, why.text);
		acta_pack_text(&buf, "hint");
		acta_pack_text(&buf, why.hint);
		acta_out_json(buf.data, buf.size, &out);
		acta_out_line(&out);
		acta_buf_fini(&buf);
		acta_buf_fini(&out);
	}
	return acta_say(ACTA_EXIT_USAGE, &why);
}

/* ----------------------------------------------------------------- run -- */

/*
 * The folder of the nodes' names and, by default, run directories. In a shared
 * /tmp someone else may have made it first: then it is not ours to trust.
 */
static int
prepare_base(const struct acta_config *config)
{
	char *base = acta_text_keepf("%s", config->registry);
	struct stat st;
	int code = ACTA_EXIT_OK;

	*strrchr(base, '/') = '\0';
	if (mkdir(base, 0700) != 0 && errno != EEXIST)
		code = acta_sayf(ACTA_EXIT_FAILED,
		    "XDG_RUNTIME_DIR or TMPDIR may name another place",
		    "%s: %s", base, strerror(errno));
	else if (lstat(base, &st) != 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != getuid())
		code = acta_sayf(ACTA_EXIT_FAILED,
		    "someone else made it: remove it, or set XDG_RUNTIME_DIR",
		    "%s is not a directory of yours", base);
	else if ((st.st_mode & 077) != 0 && chmod(base, 0700) != 0)
		code = acta_sayf(
		    ACTA_EXIT_FAILED, NULL, "%s: %s", base, strerror(errno));
	free(base);
	return code;
}

/* Can a tcp endpoint of ours be bound? It was checked to be 127.x.x.x. */
static bool
is_free(const char *endpoint)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	const char *host = endpoint + strlen("tcp://");
	const char *port = strrchr(host, ':');
	char text[32];
	int64_t number;
	int fd, on = 1;
	bool busy;

	snprintf(text, sizeof(text), "%.*s", (int)(port - host), host);
	if (acta_text_int(port + 1, &number) != ACTA_OK)
		return true;
	address.sin_port = htons((uint16_t)number);
	if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
		return true;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true;
	/* As zmq binds: connections that linger are in nobody's way. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	busy = bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 &&
	    errno == EADDRINUSE;
	close(fd);
	return !busy;
}

/* The node at `endpoint`, by its own answer. Nothing: not one of ours. */
static bool
ask_who(const char *endpoint, char **out_node, int64_t *out_pid)
{
	struct acta_client_call call = {
		.to = "@node", .type = "info", .timeout_ms = WHO_MS
	};
	struct acta_client *client = acta_client_open(endpoint);
	struct acta_reader reader;
	struct acta_buf buf;
	acta_value answer, result;
	bool found = false;

	if (client == NULL)
		return false;
	acta_buf_init(&buf);
	if (acta_client_ask(client, &call, &buf) == ACTA_OK) {
		reader = acta_reader(buf.data, buf.size);
		answer = acta_read(&reader);
		result = acta_value_at(answer, "result");
		if (acta_value_at(result, "node").type == ACTA_STR) {
			*out_node = acta_text_at(result, "node", "");
			*out_pid = acta_int_at(result, "pid", 0);
			found = true;
		}
	}
	acta_client_close(&client);
	acta_buf_fini(&buf);
	return found;
}

static int
check_port(
    const struct acta_config *config, const char *key, const char *endpoint)
{
	char *node, *hint;
	int64_t pid;
	int code;

	if (strcmp(endpoint, "off") == 0 || is_free(endpoint))
		return ACTA_EXIT_OK;
	hint = acta_text_keepf(
	    "stop it, or give door.%s another port in %s", key, config->name);
	/* Only a call door talks; a node's others are beside it. */
	if (ask_who(strcmp(key, "call") == 0 || is_free(config->call) ||
			strcmp(config->call, "off") == 0
		    ? endpoint
		    : config->call,
		&node, &pid)) {
		code = acta_sayf(ACTA_EXIT_CONFLICT, hint,
		    "%s is in use by node \"%s\" (pid %lld)", endpoint, node,
		    (long long)pid);
		free(node);
	} else {
		code = acta_sayf(ACTA_EXIT_CONFLICT, hint,
		    "%s is in use by another program", endpoint);
	}
	free(hint);
	return code;
}

/* The plan, as the root takes it; 0, or what was said. */
static int
encode(const struct acta_config *config, uint8_t **out, size_t *out_size)
{
	char self[PATH_MAX];
	struct acta_plan plan;
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	enum acta_err err;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	uint32_t i;
#endif

	acta_config_plan(config, &plan);
	if (size > 0) {
		self[size] = '\0';
		plan.reader = acta_text_keepf("%s", self);
	}
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	/* Their shadow memory is terabytes, which no limit on data allows. */
	for (i = 0; i < plan.count; i++)
		plan.children[i].memory_max = 0;
#endif
	err = acta_plan_encode(&plan, out, out_size);
	acta_plan_fini(&plan);
	if (err != ACTA_OK)
		return acta_sayf(ACTA_EXIT_USAGE, "split it into nodes",
		    "%s: its plan is too large", config->name);
	return ACTA_EXIT_OK;
}

/* For the root, which reads its config again by us. */
static int
write_plan(const struct acta_config *config, int fd)
{
	uint8_t *data;
	size_t size, at = 0;
	int code = encode(config, &data, &size);

	if (code != ACTA_EXIT_OK)
		return code;
	while (at < size) {
		ssize_t n = write(fd, data + at, size - at);

		if (n < 0 && errno != EINTR)
			break;
		at += n > 0 ? (size_t)n : 0;
	}
	free(data);
	return at == size ? ACTA_EXIT_OK
			  : acta_sayf(ACTA_EXIT_FAILED, NULL, "the plan: %s",
				strerror(errno));
}

/* The root, in our place. Returns only if it could not be. */
static int
become_root(const struct acta_config *config)
{
	char *program = acta_text_keepf("%s/acta-root", config->program_dir);
	uint8_t *data;
	size_t size, at = 0;
	char number[16];
	struct rlimit files;
	int fd, code = encode(config, &data, &size);

	if (code != ACTA_EXIT_OK)
		return code;
	fd = memfd_create("acta-plan", 0);
	while (fd >= 0 && at < size) {
		ssize_t n = write(fd, data + at, size - at);

		if (n < 0 && errno != EINTR)
			break;
		at += n > 0 ? (size_t)n : 0;
	}
	free(data);
	if (fd < 0 || at < size || lseek(fd, 0, SEEK_SET) != 0)
		return acta_sayf(
		    ACTA_EXIT_FAILED, NULL, "the plan: %s", strerror(errno));
	/* The hard limit is what the plan was measured against. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_DFL);
	snprintf(number, sizeof(number), "%d", fd);
	acta_out_flush();
	execl(program, "acta-root", "--plan", number, (char *)NULL);
	return acta_sayf(ACTA_EXIT_FAILED,
	    "acta and acta-root are installed together: install it again",
	    "%s: %s", program, strerror(errno));
}

int
acta_cmd_run(struct acta_cli *cli)
{
	struct acta_config config;
	int code = load(cli, &config);

	if (code != ACTA_EXIT_OK)
		return code;
	code = prepare_base(&config);
	if (code == ACTA_EXIT_OK)
		code = check_port(&config, "call", config.call);
	if (code == ACTA_EXIT_OK)
		code = check_port(&config, "push", config.push);
	if (code == ACTA_EXIT_OK)
		code = check_port(&config, "events", config.events);
	if (code == ACTA_EXIT_OK)
		code = become_root(&config);
	acta_config_fini(&config);
	return code;
}

int
acta_cmd_check(struct acta_cli *cli)
{
	struct acta_config config;
	struct acta_buf out;
	int64_t partitions = 0;
	uint32_t i;
	int code = load(cli, &config);

	if (code != ACTA_EXIT_OK)
		return code;
	if (cli->plan_fd > 0) {
		code = write_plan(&config, cli->plan_fd);
		acta_config_fini(&config);
		return code;
	}
	for (i = 0; i < config.count; i++)
		if (config.services[i].kind == ACTA_CONFIG_SERVICE)
			partitions += config.services[i].partitions;
	acta_buf_init(&out);
	if (cli->show) {
		acta_config_show(&config, cli->json, &out);
		if (out.size > 0 && out.data[out.size - 1] == '\n')
			out.size--;
	} else if (cli->json) {
		acta_text_printf(&out,
		    "{\"ok\": true, \"node\": \"%s\", \"services\": %u, "
		    "\"partitions\": %lld}",
		    config.node, config.count, (long long)partitions);
	} else {
		acta_text_printf(&out,
		    "%s: node \"%s\", %u service%s, %lld partition%s: good",
		    config.name, config.node, config.count,
		    config.count == 1 ? "" : "s", (long long)partitions,
		    partitions == 1 ? "" : "s");
	}
	acta_out_line(&out);
	acta_buf_fini(&out);
	acta_config_fini(&config);
	return ACTA_EXIT_OK;
}
