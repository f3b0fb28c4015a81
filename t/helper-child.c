/*
 * t/helper-child.c - a service, as the root sees one: speaks ctl.h and does
 * what its arguments say, in order. For t/40-root.t.
 *
 *   helper-child NAME STEP...        (and --storage-checked, from the root)
 *   helper-child --plan FILE         write the plan that FILE describes
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/ctl.h"
#include "runtime/plan.h"

/* What it is told is written to RUN/NAME.heard, where the test reads it. */
struct child {
	const char *name;
	int argc, at;
	char **argv;
	struct acta_box *boxes;
	uint64_t handled;
	FILE *heard;
	bool checked;
	uint64_t stores_at_ms; /* told with its endpoint */
	int beats;             /* -1: none are sent */
};

static int64_t
boot_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
must(bool true_, const char *what)
{
	if (true_)
		return;
	fprintf(stderr, "helper-child: %s: %s\n", what, strerror(errno));
	exit(70);
}

static void
tell(struct acta_ctl *ctl)
{
	if (acta_ctl_send(ACTA_FD_CTL, ctl) != ACTA_OK)
		exit(71);
}

static void
tell_named(enum acta_ctl_type type, const char *name, const char *text)
{
	struct acta_ctl ctl;

	acta_ctl_init(&ctl, type);
	snprintf(ctl.name, sizeof(ctl.name), "%s", name);
	snprintf(ctl.text, sizeof(ctl.text), "%s", text);
	tell(&ctl);
}

static void
hear(struct child *c, const struct acta_ctl *ctl)
{
	switch (ctl->type) {
	case ACTA_CTL_PEER:
		fprintf(c->heard, "peer %s %u %u/%u %llu %s\n", ctl->name,
		    ctl->index, ctl->workers, ctl->partitions,
		    (unsigned long long)ctl->number, ctl->text);
		break;
	case ACTA_CTL_BLAME:
		fprintf(c->heard, "blame %02x %llu\n", ctl->uid[0],
		    (unsigned long long)ctl->count);
		break;
	case ACTA_CTL_STOP: fprintf(c->heard, "stop\n"); break;
	default: fprintf(c->heard, "other %u\n", ctl->type);
	}
	fflush(c->heard);
}

/* Serve until told to stop, or the lifeline ends. `deaf` hears no STOP. */
static void
serve(struct child *c, bool deaf)
{
	struct pollfd fds[2] = { { ACTA_FD_CTL, POLLIN, 0 },
		{ ACTA_FD_LIFELINE, POLLIN, 0 } };

	for (;;) {
		struct acta_ctl ctl;

		if (c->beats >= 0) {
			acta_ctl_init(&ctl, ACTA_CTL_HEARTBEAT);
			ctl.count = c->handled += 10;
			ctl.number = (uint64_t)c->beats;
			ctl.extra = 1;
			tell(&ctl);
		}
		(void)poll(fds, 2, 200);
		if (fds[1].revents)
			exit(0);
		while (acta_ctl_recv(ACTA_FD_CTL, &ctl) == ACTA_OK) {
			hear(c, &ctl);
			if (ctl.type == ACTA_CTL_STOP && !deaf)
				exit(0);
		}
	}
}

static const char *
next(struct child *c)
{
	must(c->at < c->argc, "an argument is missing");
	return c->argv[c->at++];
}

/* A handler begins: uid's first byte, its actor. */
static void
begin_handler(struct child *c)
{
	const char *uid = next(c);
	struct acta_box *box = &c->boxes[0];

	memset(box->uid, 0, sizeof(box->uid));
	box->uid[0] = (uint8_t)strtol(uid, NULL, 16);
	memcpy(box->ran, box->uid, sizeof(box->ran));
	snprintf(box->actor, sizeof(box->actor), "%s/17", c->name);
	snprintf(box->type, sizeof(box->type), "add");
	snprintf(box->text, sizeof(box->text), "a \"bad\" \xff byte");
	atomic_store(&box->since_ms, boot_ms());
	atomic_fetch_add(&box->begun, 1);
	atomic_store(&box->phase, ACTA_PHASE_HANDLER);
}

/* True the first `count` times over all processes of this name. */
static bool
among_first(struct child *c, long count)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s.times", c->name);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	must(fd >= 0 && fstat(fd, &st) == 0, path);
	must(write(fd, ".", 1) == 1, path);
	close(fd);
	return st.st_size < count;
}

static void
wait_for_file(const char *path)
{
	struct stat st;
	struct timespec pause = { 0, 5000000 };

	while (stat(path, &st) != 0)
		nanosleep(&pause, NULL);
}

static void
endpoint(struct child *c)
{
	struct acta_ctl ctl;

	acta_ctl_init(&ctl, ACTA_CTL_ENDPOINT);
	ctl.index = (uint32_t)atoi(next(c));
	ctl.number = (uint64_t)getpid();
	ctl.count = c->stores_at_ms;
	snprintf(ctl.text, sizeof(ctl.text), "ipc://%s", next(c));
	tell(&ctl);
}

static void
step(struct child *c, const char *verb)
{
	if (strcmp(verb, "ready") == 0) {
		tell_named(ACTA_CTL_READY, "", "");
	} else if (strcmp(verb, "serve") == 0) {
		serve(c, false);
	} else if (strcmp(verb, "serve-deaf") == 0) {
		serve(c, true);
	} else if (strcmp(verb, "endpoint") == 0) {
		endpoint(c);
	} else if (strcmp(verb, "stores-at") == 0) {
		c->stores_at_ms = strtoull(next(c), NULL, 10);
	} else if (strcmp(verb, "waiting") == 0) {
		c->beats = atoi(next(c));
	} else if (strcmp(verb, "no-beat") == 0) {
		c->beats = -1;
	} else if (strcmp(verb, "handler") == 0) {
		begin_handler(c);
	} else if (strcmp(verb, "unlink") == 0) {
		close(ACTA_FD_CTL); /* it hears and says nothing any more */
	} else if (strcmp(verb, "spin") == 0) {
		for (;;)
			pause();
	} else if (strcmp(verb, "cause") == 0) {
		const char *code = next(c);

		tell_named(ACTA_CTL_CAUSE, code, next(c));
	} else if (strcmp(verb, "alarm") == 0) {
		const char *name = next(c);

		tell_named(ACTA_CTL_ALARM, name, next(c));
	} else if (strcmp(verb, "raise") == 0) {
		signal(SIGSEGV, SIG_DFL);
		raise(atoi(next(c)));
	} else if (strcmp(verb, "exit") == 0) {
		exit(atoi(next(c)));
	} else if (strcmp(verb, "garbage") == 0) {
		must(write(ACTA_FD_CTL, "what?", 5) == 5, "write");
	} else if (strcmp(verb, "wait-file") == 0) {
		wait_for_file(next(c));
	} else if (strcmp(verb, "say") == 0) {
		printf("%s\n", next(c));
		fflush(stdout);
	} else if (strcmp(verb, "env") == 0) {
		printf("env LD=%s ZSYS=%s HOME=%s\n",
		    getenv("LD_HELPER") ? "there" : "none",
		    getenv("ZSYS_HELPER") ? "there" : "none",
		    getenv("HOME") ? "there" : "none");
		fflush(stdout);
	} else if (strcmp(verb, "orphan") == 0) {
		/* A grandchild that outlives its parent, but not its group. */
		if (fork() == 0) {
			close(ACTA_FD_CTL);
			close(ACTA_FD_LIFELINE);
			printf("orphan %d\n", (int)getpid());
			fflush(stdout);
			for (;;)
				pause();
		}
	} else {
		fprintf(stderr, "helper-child: no step %s\n", verb);
		exit(64);
	}
}

static void
play(struct child *c)
{
	while (c->at < c->argc) {
		const char *verb = next(c);

		/* "first N STEP ARG -- ...": only the first N processes. */
		if (strcmp(verb, "first") == 0) {
			bool now = among_first(c, atol(next(c)));

			while (c->at < c->argc &&
			    strcmp(c->argv[c->at], "--") != 0)
				if (now)
					step(c, next(c));
				else
					c->at++;
			c->at++;
		} else if (strcmp(verb, "unless-checked") == 0) {
			while (c->at < c->argc &&
			    strcmp(c->argv[c->at], "--") != 0)
				if (!c->checked)
					step(c, next(c));
				else
					c->at++;
			c->at++;
		} else {
			step(c, verb);
		}
	}
}

/* ------------------------------------------------------------- a plan -- */

static char *
copy(const char *text)
{
	char *out = strdup(text);

	must(out != NULL, "strdup");
	return out;
}

static void
plan_line(struct acta_plan *plan, char *line)
{
	char *key = strtok(line, "\t\n");
	char *value = strtok(NULL, "\t\n");
	struct acta_plan_child *c =
	    plan->count ? &plan->children[plan->count - 1] : NULL;

	if (!key || key[0] == '#')
		return;
	must(value != NULL, key);
	if (strcmp(key, "node") == 0)
		snprintf(plan->node, sizeof(plan->node), "%s", value);
	else if (strcmp(key, "data") == 0)
		plan->data = copy(value);
	else if (strcmp(key, "run") == 0)
		plan->run = copy(value);
	else if (strcmp(key, "registry") == 0)
		plan->registry = copy(value);
	else if (strcmp(key, "announce") == 0)
		plan->announce = copy(value);
	else if (strcmp(key, "intensity") == 0)
		plan->intensity = (uint32_t)atol(value);
	else if (strcmp(key, "period") == 0)
		plan->period_ms = atol(value);
	else if (strcmp(key, "exceed") == 0)
		plan->on_exceed = (uint32_t)atol(value);
	else if (strcmp(key, "child") == 0) {
		c = &plan->children[plan->count++];
		*c = (struct acta_plan_child){ .shutdown_ms = 5000,
			.backoff_min_ms = 20,
			.backoff_max_ms = 100,
			.backoff_reset_ms = 60000,
			.backoff_factor = 2,
			.backoff_jitter = 0.2,
			.max_crashes = 3,
			.turn_limit_ms = 30000,
			.partitions = 2,
			.workers = 1 };
		snprintf(c->name, sizeof(c->name), "%s", value);
		c->argv = calloc(64, sizeof(*c->argv));
		c->config = (uint8_t *)copy("config");
		c->config_size = 6;
	} else if (!c)
		must(false, key);
	else if (strcmp(key, "program") == 0)
		c->program = copy(value);
	else if (strcmp(key, "kind") == 0)
		c->kind = (uint32_t)atol(value);
	else if (strcmp(key, "restart") == 0)
		c->restart = (uint32_t)atol(value);
	else if (strcmp(key, "shutdown") == 0)
		c->shutdown_ms = atol(value);
	else if (strcmp(key, "turn") == 0)
		c->turn_limit_ms = atol(value);
	else if (strcmp(key, "files") == 0)
		c->files_max = (uint64_t)atol(value);
	else if (strcmp(key, "arg") == 0) {
		size_t count = 0;

		while (c->argv[count])
			count++;
		must(count < 62, "too many arguments");
		c->argv[count] = copy(value);
	} else
		must(false, key);
}

static int
write_plan(const char *path)
{
	struct acta_plan plan = { .intensity = 5, .period_ms = 30000 };
	char line[4096];
	FILE *file = fopen(path, "r");
	uint8_t *bytes;
	size_t size;

	must(file != NULL, path);
	plan.children = calloc(64, sizeof(*plan.children));
	must(plan.children != NULL, "calloc");
	plan.file = copy(path);
	while (fgets(line, sizeof(line), file))
		plan_line(&plan, line);
	must(acta_plan_encode(&plan, &bytes, &size) == ACTA_OK, "encode");
	must(fwrite(bytes, 1, size, stdout) == size, "write");
	free(bytes);
	acta_plan_fini(&plan);
	fclose(file);
	return 0;
}

int
main(int argc, char **argv)
{
	struct child c = { .argc = argc, .at = 2, .argv = argv };
	char path[256], config[16];

	if (argc == 3 && strcmp(argv[1], "--plan") == 0)
		return write_plan(argv[2]);
	if (argc < 2)
		return 64;
	c.name = argv[1];
	if (strcmp(argv[argc - 1], "--storage-checked") == 0) {
		c.checked = true;
		c.argc--;
	}
	snprintf(path, sizeof(path), "%s.heard", c.name);
	c.heard = fopen(path, "a");
	must(c.heard != NULL, path);
	fprintf(
	    c.heard, "pid %d%s\n", (int)getpid(), c.checked ? " checked" : "");
	fflush(c.heard);
	must(read(ACTA_FD_CONFIG, config, sizeof(config)) == 6 &&
		memcmp(config, "config", 6) == 0,
	    "its config");
	c.boxes = mmap(NULL, ACTA_BOX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
	    ACTA_FD_BOX, 0);
	must(c.boxes != MAP_FAILED, "its black box");
	play(&c);
	return 0;
}
