/*
 * runtime/config_describe.c - what a service's .so says of itself. It is loaded
 * in a child process (acta-host --describe), since loading runs its
 * constructors: they may crash, hang or print.
 */
#include "runtime/config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "codecs/json.h"
#include "codecs/reader.h"
#include "runtime/config_text.h"

#define DESCRIBE_MS 10000
#define DESCRIBE_BYTES_MAX (1u << 20)
#define ENV_MAX 4096u

extern char **environ;

struct child {
	pid_t pid;
	int fds[2]; /* its stdout and stderr */
	struct acta_buf text[2];
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* The environment without what changes how programs load: as for a node. */
static char **
scrubbed(void)
{
	static char *out[ENV_MAX];
	size_t n = 0;
	char **at;

	for (at = environ; *at != NULL && n < ENV_MAX - 1; at++)
		if (strncmp(*at, "LD_", 3) != 0 &&
		    strncmp(*at, "ZSYS_", 5) != 0)
			out[n++] = *at;
	out[n] = NULL;
	return out;
}

static enum acta_err
spawn(struct child *child, const char *host, const char *path)
{
	char *argv[] = { (char *)"acta-host", (char *)"--describe",
		(char *)path, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int out[2], err[2], rc;

	if (pipe2(out, O_CLOEXEC) != 0)
		return ACTA_EIO;
	if (pipe2(err, O_CLOEXEC) != 0) {
		close(out[0]);
		close(out[1]);
		return ACTA_EIO;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_adddup2(&actions, err[1], 2);
	posix_spawnattr_init(&attr);
	/* A group of its own, so that what it started ends with it. */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setpgroup(&attr, 0);
	rc = posix_spawn(&child->pid, host, &actions, &attr, argv, scrubbed());
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	close(out[1]);
	close(err[1]);
	child->fds[0] = out[0];
	child->fds[1] = err[0];
	errno = rc;
	return rc == 0 ? ACTA_OK : ACTA_EIO;
}

/* What is there on one of its ends; the end is closed at its end of file. */
static void
take(struct child *child, int which)
{
	struct acta_buf *buf = &child->text[which];
	ssize_t n;

	acta_buf_reserve(buf, 65536);
	n = read(child->fds[which], buf->data + buf->size, 65536);
	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0 || buf->size + (size_t)n > DESCRIBE_BYTES_MAX) {
		close(child->fds[which]);
		child->fds[which] = -1;
		return;
	}
	buf->size += (size_t)n;
}

/*
 * Until it has ended and both its ends are closed, or the time is up:
 * ACTA_ETIMEDOUT. When it ends, whatever it started ends too, else that could
 * hold the pipes open.
 */
static enum acta_err
listen_to(struct child *child)
{
	int64_t until = now_ms() + DESCRIBE_MS;
	int pidfd = pidfd_open(child->pid, 0);
	enum acta_err err = pidfd >= 0 ? ACTA_OK : ACTA_EIO;

	while (err == ACTA_OK &&
	    (pidfd >= 0 || child->fds[0] >= 0 || child->fds[1] >= 0)) {
		struct pollfd polls[3] = { { child->fds[0], POLLIN, 0 },
			{ child->fds[1], POLLIN, 0 }, { pidfd, POLLIN, 0 } };
		int64_t left = until - now_ms();
		int i;

		if (left <= 0 ||
		    (poll(polls, 3, (int)left) < 0 && errno != EINTR)) {
			err = ACTA_ETIMEDOUT;
			break;
		}
		for (i = 0; i < 2; i++)
			if (polls[i].revents != 0)
				take(child, i);
		if (polls[2].revents != 0) {
			kill(-child->pid, SIGKILL);
			close(pidfd);
			pidfd = -1;
		}
	}
	if (pidfd >= 0)
		close(pidfd);
	return err;
}

/* Its end, by force unless it came by itself: the status of waitpid. */
static int
reap(struct child *child)
{
	int status = 0, i;

	kill(-child->pid, SIGKILL);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	for (i = 0; i < 2; i++)
		if (child->fds[i] >= 0)
			close(child->fds[i]);
	return status;
}

static const char *
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* What it said on stderr: what in the first line, a hint in the second. */
static void
pass_on(const char *base, struct acta_buf *text, struct acta_why *why)
{
	char *line, *end, *hint;

	acta_buf_append(text, "", 1);
	line = (char *)text->data;
	end = strchr(line, '\n');
	hint = end != NULL ? strstr(end + 1, "hint: ") : NULL;
	if (end != NULL)
		*end = '\0';
	if (strncmp(line, "acta: ", 6) == 0)
		line += 6;
	if (strstr(line, base) == line)
		acta_why_text(why, "%s", line);
	else
		acta_why_text(why, "%s: %s", base,
		    *line != '\0' ? line : "could not be loaded");
	if (hint != NULL) {
		end = strchr(hint, '\n');
		if (end != NULL)
			*end = '\0';
		acta_why_hint(why, "%s", hint + 6);
	}
}

static char *
text_of(acta_value map, const char *name)
{
	acta_value value = acta_map_get(map, name, strlen(name));
	char *out = value.type == ACTA_STR ? strndup(value.as.data, value.size)
					   : strdup("");

	if (out == NULL)
		abort();
	return out;
}

static int64_t
int_of(acta_value map, const char *name)
{
	acta_value value = acta_map_get(map, name, strlen(name));

	return value.type == ACTA_INT ? value.as.i : 0;
}

static enum acta_err
understand(const char *base, const struct acta_buf *json,
    struct acta_declared *out, struct acta_why *why)
{
	struct acta_buf packed;
	struct acta_reader reader;
	acta_value map, flag, list;

	acta_buf_init(&packed);
	if (acta_json_decode(
		(const char *)json->data, json->size, &packed, NULL) != ACTA_OK)
		goto fail;
	reader = acta_reader(packed.data, packed.size);
	map = acta_read(&reader);
	if (map.type != ACTA_MAP)
		goto fail;
	flag = acta_map_get(map, "in_memory", 9);
	list = acta_map_get(map, "handlers", 8);
	*out = (struct acta_declared){
		.name = text_of(map, "name"),
		.version = text_of(map, "version"),
		.doc = text_of(map, "doc"),
		.settings = text_of(map, "settings"),
		.abi = (uint32_t)int_of(map, "abi"),
		.schema = (uint32_t)int_of(map, "schema"),
		.handlers = list.type == ACTA_LIST ? list.size : 0,
		.in_memory = flag.type == ACTA_BOOL && flag.as.b,
	};
	acta_buf_fini(&packed);
	return ACTA_OK;
fail:
	acta_buf_fini(&packed);
	acta_why_text(why, "%s: its description is not readable", base);
	acta_why_hint(why,
	    "does it print while it is loaded? A constructor "
	    "in it must not");
	return ACTA_EINVAL;
}

enum acta_err
acta_config_describe(void *arg, const char *path, struct acta_declared *out,
    struct acta_why *why)
{
	const char *base = base_of(path);
	struct child child = { .fds = { -1, -1 } };
	char host[4096];
	enum acta_err err;
	int status;

	snprintf(host, sizeof(host), "%s/acta-host", (const char *)arg);
	acta_buf_init(&child.text[0]);
	acta_buf_init(&child.text[1]);
	err = spawn(&child, host, path);
	if (err != ACTA_OK) {
		acta_why_text(why, "%s: %s", host, strerror(errno));
		acta_why_hint(why,
		    "acta and acta-host are installed together: "
		    "install it again");
		if (child.fds[0] >= 0)
			close(child.fds[0]);
		if (child.fds[1] >= 0)
			close(child.fds[1]);
		goto out;
	}
	err = listen_to(&child);
	status = reap(&child);
	if (err != ACTA_OK) {
		acta_why_text(why, "%s: still loading after %d s", base,
		    DESCRIBE_MS / 1000);
		acta_why_hint(why,
		    "a constructor in it waits for something: a service "
		    "begins in its start function");
		err = ACTA_EINVAL;
	} else if (WIFSIGNALED(status)) {
		acta_why_text(why, "%s: crashed while it was loaded (%s)", base,
		    strsignal(WTERMSIG(status)));
		acta_why_hint(why,
		    "a constructor in it, or its descriptor, "
		    "is broken");
		err = ACTA_EINVAL;
	} else if (WEXITSTATUS(status) != 0) {
		pass_on(base, &child.text[1], why);
		err = ACTA_EINVAL;
	} else {
		err = understand(base, &child.text[0], out, why);
	}
out:
	acta_buf_fini(&child.text[0]);
	acta_buf_fini(&child.text[1]);
	return err;
}

void
acta_declared_fini(struct acta_declared *declared)
{
	free(declared->name);
	free(declared->version);
	free(declared->doc);
	free(declared->settings);
	*declared = (struct acta_declared){ 0 };
}
