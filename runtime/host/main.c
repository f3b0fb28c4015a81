/*
 * runtime/host/main.c - acta-host: one service's process. `acta-host NAME
 * [--storage-checked]` is started by the root; `acta-host --describe FILE.so`
 * tells what a service declares; `acta-host --capsule FILE FILE.so` runs a dead
 * letter again in private.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zmq.h>

#include "runtime/clock.h"
#include "runtime/host/capsule.h"
#include "runtime/host/death.h"
#include "runtime/host/log.h"
#include "runtime/host/pool.h"
#include "runtime/host/worker.h"

#define HEARTBEAT_MS 1000
#define BLAME_WAIT_MS 30000

static int
describe(const char *path)
{
	struct acta_loaded loaded;
	struct acta_why why = { "", "" };
	struct acta_buf out;

	if (acta_loaded_open(&loaded, path, &why) != ACTA_OK) {
		fprintf(stderr, "%s\n", why.text);
		if (why.hint[0] != '\0')
			fprintf(stderr, "hint: %s\n", why.hint);
		return 1;
	}
	acta_buf_init(&out);
	acta_loaded_describe(&loaded, &out);
	fwrite(out.data, 1, out.size, stdout);
	acta_buf_fini(&out);
	acta_loaded_close(&loaded);
	return fflush(stdout) == 0 ? 0 : 1;
}

struct host {
	struct acta_host_config config;
	struct acta_loaded loaded;
	struct acta_box *boxes;
	const struct acta_clock_page *clock;
	struct acta_blame blames[ACTA_BLAMES_MAX];
	uint32_t blame_count;
	struct acta_worker *workers;
	zactor_t **actors;
	struct acta_pool *pool; /* NULL: no handler is outside */
	bool storage_checked;
};

static int
refuse(const char *code, const char *text)
{
	struct acta_ctl ctl;
	char said[800];

	acta_ctl_init(&ctl, ACTA_CTL_CAUSE);
	snprintf(ctl.name, sizeof(ctl.name), "%s", code);
	snprintf(ctl.text, sizeof(ctl.text), "%s", text);
	acta_log_line("error", code, "text=%s",
	    acta_log_quote(said, sizeof(said), text, strlen(text)));
	if (acta_ctl_send(ACTA_FD_CTL, &ctl) != ACTA_OK)
		return 2; /* the root is gone: the log has it */
	return 1;
}

/* Who crashed us before: told before anything else, ended by zeros. */
static bool
hear_blames(struct host *h)
{
	static const uint8_t none[16];
	struct pollfd fd = { .fd = ACTA_FD_CTL, .events = POLLIN };

	for (;;) {
		struct acta_ctl ctl;
		enum acta_err err;

		if (poll(&fd, 1, BLAME_WAIT_MS) <= 0)
			return false;
		err = acta_ctl_recv(ACTA_FD_CTL, &ctl);
		if (err == ACTA_EAGAIN)
			continue;
		if (err != ACTA_OK)
			return false;
		if (ctl.type == ACTA_CTL_STOP)
			return false;
		if (ctl.type != ACTA_CTL_BLAME)
			continue;
		if (memcmp(ctl.uid, none, 16) == 0)
			return true;
		if (h->blame_count < ACTA_BLAMES_MAX) {
			struct acta_blame *b = &h->blames[h->blame_count++];

			memcpy(b->uid.bytes, ctl.uid, 16);
			b->count = (uint32_t)ctl.count;
			snprintf(
			    b->words, sizeof(b->words), "%.159s", ctl.text);
		}
	}
}

static acta_status
start_service(struct host *h, const char **out_text)
{
	struct acta_arena arena = { 0 };
	struct acta_actor actor;
	struct acta_clock clock = { .page = h->clock };
	acta_status status = ACTA_DONE;

	if (h->loaded.service->start == NULL)
		return ACTA_DONE;
	memset(&actor, 0, sizeof(actor));
	actor.loaded = &h->loaded;
	actor.arena = &arena;
	actor.no_state = true;
	actor.now_ms = acta_clock_ms(&clock);
	status = h->loaded.service->start(&actor, &h->loaded.shared);
	if (actor.misused)
		status = ACTA_FAILED;
	if (status != ACTA_DONE)
		*out_text = strdup(actor.text ? actor.text : "start() failed");
	acta_actor_fini(&actor);
	acta_arena_fini(&arena);
	return status;
}

static void
tell_workers(struct host *h, const struct acta_ctl *ctl)
{
	for (uint32_t i = 0; i < h->config.workers; i++)
		zmq_send(zactor_resolve(h->actors[i]), ctl, sizeof(*ctl), 0);
}

/* Their boxes are behind those of the workers. */
static void
start_pool(struct host *h)
{
	uint32_t left = ACTA_BOX_WORKERS - h->config.workers;

	for (uint32_t i = 0; i < h->loaded.count && h->pool == NULL; i++)
		if ((h->loaded.handlers[i].handler->flags & ACTA_OUTSIDE) != 0)
			h->pool = acta_pool_new(&h->boxes[h->config.workers],
			    left < ACTA_POOL_THREADS ? left : ACTA_POOL_THREADS,
			    acta_worker_outside_ended);
}

/* Each worker opens its partitions and binds before its start returns. */
static bool
start_workers(struct host *h, struct acta_ctl *cause)
{
	uint32_t n = h->config.workers;

	h->workers = calloc(n, sizeof(*h->workers));
	h->actors = calloc(n, sizeof(zactor_t *));
	if (h->workers == NULL || h->actors == NULL)
		abort();
	for (uint32_t i = 0; i < n; i++) {
		struct acta_worker *w = &h->workers[i];

		w->config = &h->config;
		w->loaded = &h->loaded;
		w->box = &h->boxes[i];
		w->clock = h->clock;
		w->blames = h->blames;
		w->blame_count = h->blame_count;
		w->index = i;
		w->storage_checked = h->storage_checked;
		w->pool = h->pool;
		h->actors[i] = zactor_new(acta_worker_run, w);
		if (!atomic_load(&w->ready)) {
			*cause = w->cause;
			return false;
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		struct acta_ctl peer = h->workers[i].endpoint;

		if (acta_ctl_send(ACTA_FD_CTL, &peer) != ACTA_OK)
			return false;
		/* Its own workers are peers like any other. */
		peer.type = ACTA_CTL_PEER;
		tell_workers(h, &peer);
	}
	return true;
}

static bool
heartbeat(struct host *h)
{
	struct acta_ctl ctl;

	acta_ctl_init(&ctl, ACTA_CTL_HEARTBEAT);
	for (uint32_t i = 0; i < h->config.workers; i++) {
		ctl.count += atomic_load(&h->workers[i].handled);
		ctl.number += atomic_load(&h->workers[i].waiting);
		ctl.extra += atomic_load(&h->workers[i].dead);
	}
	/* One that does not fit in is made good by the next. */
	return acta_ctl_send(ACTA_FD_CTL, &ctl) != ACTA_ECLOSED;
}

/* The control thread: root and lifeline in, heartbeats out. */
static void
control(struct host *h)
{
	struct pollfd fds[2] = { { .fd = ACTA_FD_CTL, .events = POLLIN },
		{ .fd = ACTA_FD_LIFELINE, .events = POLLIN } };
	int64_t next_us = acta_clock_us();

	for (;;) {
		int64_t now = acta_clock_us();
		struct acta_ctl ctl;
		enum acta_err err;

		if (now >= next_us) {
			if (!heartbeat(h))
				return;
			next_us = now + HEARTBEAT_MS * 1000;
		}
		if (poll(fds, 2, (int)((next_us - now) / 1000) + 1) < 0)
			continue;
		if ((fds[1].revents & (POLLIN | POLLHUP)) != 0)
			return; /* the root is gone */
		while ((err = acta_ctl_recv(ACTA_FD_CTL, &ctl)) == ACTA_OK) {
			if (ctl.type == ACTA_CTL_STOP)
				return;
			if (ctl.type == ACTA_CTL_GO ||
			    (ctl.type == ACTA_CTL_PEER &&
				strcmp(ctl.name, h->config.service) != 0))
				tell_workers(h, &ctl);
		}
		if (err != ACTA_EAGAIN)
			return;
	}
}

static int
serve(struct host *h)
{
	struct acta_why why = { "", "" };
	struct acta_ctl ctl;
	const char *text = "";

	if (acta_host_config_read(ACTA_FD_CONFIG, &h->config, &why) != ACTA_OK)
		return refuse("start-failed", why.text);
	h->boxes = mmap(NULL, ACTA_BOX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
	    ACTA_FD_BOX, 0);
	h->clock = acta_clock_page_map(ACTA_FD_BOX);
	if (h->boxes == MAP_FAILED || h->clock == NULL)
		return refuse("start-failed", "no black box on descriptor 5");
	acta_death_catch(&h->boxes[0]);
	if (acta_loaded_open(&h->loaded, h->config.load, &why) != ACTA_OK ||
	    acta_loaded_settings(&h->loaded, h->config.settings,
		h->config.settings_size, &why) != ACTA_OK)
		return refuse("start-failed", why.text);
	if (strcmp(h->loaded.service->name, h->config.service) != 0) {
		acta_why_text(&why, "%s is the service \"%s\", not \"%s\"",
		    h->config.load, h->loaded.service->name, h->config.service);
		return refuse("start-failed", why.text);
	}
	if (!hear_blames(h))
		return 0;
	if (start_service(h, &text) != ACTA_DONE)
		return refuse("start-failed", text);
	zsys_handler_set(NULL);
	zsys_set_linger(0);
	zsys_set_max_sockets(8192);
	zsys_init();
	start_pool(h);
	acta_ctl_init(&ctl, ACTA_CTL_CAUSE);
	if (!start_workers(h, &ctl))
		return refuse(
		    ctl.name[0] ? ctl.name : "start-failed", ctl.text);
	acta_ctl_init(&ctl, ACTA_CTL_READY);
	if (acta_ctl_send(ACTA_FD_CTL, &ctl) == ACTA_OK)
		control(h);
	if (h->pool != NULL)
		acta_pool_stop(h->pool);
	for (uint32_t i = 0; i < h->config.workers; i++)
		zactor_destroy(&h->actors[i]);
	acta_pool_destroy(&h->pool);
	if (h->loaded.service->stop != NULL)
		h->loaded.service->stop(h->loaded.shared);
	fflush(NULL);
	/* All is durable and every thread has ended: nothing is owed to the
	 * libraries' own clean-up. */
	_exit(0);
}

int
main(int argc, char **argv)
{
	struct host *h;

	if (argc == 3 && strcmp(argv[1], "--describe") == 0)
		return describe(argv[2]);
	if (argc == 4 && strcmp(argv[1], "--capsule") == 0)
		return acta_capsule(argv[2], argv[3]);
	if (argc < 2 || argv[1][0] == '-') {
		fprintf(stderr,
		    "acta-host: it is started by acta-root, or: "
		    "acta-host --describe FILE.so, or: "
		    "acta-host --capsule FILE SERVICE.so\n");
		return 2;
	}
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		abort();
	h->storage_checked =
	    argc > 2 && strcmp(argv[2], "--storage-checked") == 0;
	return serve(h);
}
