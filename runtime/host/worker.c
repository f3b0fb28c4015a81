/* runtime/host/worker.c - gather from the sockets, run turns, flush. */
#include "runtime/host/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

#include "runtime/host/death.h"
#include "runtime/host/links.h"
#include "runtime/host/log.h"

#define FRAMES_A_ROUND 64 /* gathered before the partitions run */
#define IDLE_MS 1000
#define RETRY_MS 5      /* a socket that could not take more; doubled .. */
#define RETRY_MS_MAX 80 /* .. up to this, while it takes nothing */
#define EXIT_STORAGE 3
#define TICKS_MAX 20000u /* some microseconds, on any processor */

struct running {
	struct acta_worker *worker;
	struct acta_links *links;
	struct acta_part **parts;
	uint32_t count;
	void *pull;
	int64_t turn_began_us, elapsed_ms;
	uint64_t ticks; /* when that was looked at */
	/* Frames may be there of which no descriptor tells: zmq's do so once,
	 * and are silent again until all has been read. */
	bool unread;
	struct acta_clock clock;
	bool stop;
};

/* ---------------------------------------------------------------- port -- */

static void
to_part(void *self, const char *service, uint32_t part,
    const struct acta_item *item)
{
	acta_links_to_part(
	    ((struct running *)self)->links, service, part, item);
}

static void
to_door(void *self, const char *door, uint64_t door_inc,
    const struct acta_item *item)
{
	acta_links_to_door(
	    ((struct running *)self)->links, door, door_inc, item);
}

static void
event(void *self, const struct acta_item *item)
{
	acta_links_event(((struct running *)self)->links, item);
}

static void
raise_alarm(void *self, const char *name, const char *text)
{
	struct acta_ctl ctl;

	acta_log_line(*text ? "error" : "info", *text ? "alarm" : "alarm-over",
	    "service=%s name=%s text=\"%s\"",
	    ((struct running *)self)->worker->config->service, name, text);
	acta_ctl_init(&ctl, ACTA_CTL_ALARM);
	snprintf(ctl.name, sizeof(ctl.name), "%.47s", name);
	snprintf(ctl.text, sizeof(ctl.text), "%s", text);
	if (acta_ctl_send(ACTA_FD_CTL, &ctl) != ACTA_OK)
		acta_log_line("error", "alarm-unheard", "name=%s", name);
}

static void
outside(void *self, struct acta_outside *run)
{
	struct acta_worker *worker = ((struct running *)self)->worker;

	run->owner = worker;
	acta_pool_add(worker->pool, run);
}

static int64_t
elapsed(void *self)
{
	struct running *w = self;
	uint64_t ticks = acta_clock_ticks();

	/* The clock costs more than a small handler: while next to no time has
	 * gone, it is not asked. */
	if (ticks == 0 || ticks - w->ticks > TICKS_MAX) {
		w->elapsed_ms = (acta_clock_us() - w->turn_began_us) / 1000;
		w->ticks = ticks;
	}
	return w->elapsed_ms;
}

/* The outcome of a commit is unknown, or the store is broken: nothing may be
 * said any more. */
static void __attribute__((noreturn))
end_process(struct running *w, enum acta_err err)
{
	struct acta_ctl ctl;

	acta_ctl_init(&ctl, ACTA_CTL_CAUSE);
	snprintf(ctl.name, sizeof(ctl.name), "storage-failed");
	snprintf(ctl.text, sizeof(ctl.text), "%s: %s",
	    w->worker->config->service, acta_strerror(err));
	acta_log_line("error", ctl.name, "service=%s text=\"%s\"",
	    w->worker->config->service, acta_strerror(err));
	/* The exit status says it too, if this cannot be heard. */
	if (acta_ctl_send(ACTA_FD_CTL, &ctl) != ACTA_OK)
		acta_log_line("error", "root-unheard", "%s", "");
	_exit(EXIT_STORAGE);
}

/* --------------------------------------------------------------- start -- */

static bool
open_parts(struct running *w)
{
	struct acta_worker *self = w->worker;
	const struct acta_host_config *c = self->config;
	struct acta_port port = { .self = w,
		.to_part = to_part,
		.to_door = to_door,
		.event = event,
		.alarm = raise_alarm,
		.elapsed_ms = elapsed,
		.outside = self->pool != NULL ? outside : NULL };
	uint32_t own =
	    (c->part.parts - self->index + c->workers - 1) / c->workers;
	struct acta_why why = { "", "" };

	w->parts = calloc(c->part.parts, sizeof(struct acta_part *));
	if (w->parts == NULL)
		abort();
	for (uint32_t p = self->index; p < c->part.parts; p += c->workers) {
		struct acta_part_config config = c->part;
		struct acta_store_options options = c->store;
		char dir[400];
		enum acta_err err;

		config.part = options.part = p;
		config.credit_budget = ACTA_CREDIT_BUDGET / own;
		options.in_memory = self->loaded->service->in_memory;
		options.checked = self->storage_checked;
		snprintf(dir, sizeof(dir), "%s/%u", c->data, p);
		err = acta_part_open(&w->parts[w->count], dir, &options,
		    &config, self->loaded, &port, self->box,
		    acta_clock_ms(&w->clock), &why);
		if (err != ACTA_OK) {
			bool storage =
			    err == ACTA_ECORRUPT || err == ACTA_EUNSURE;

			acta_ctl_init(&self->cause, ACTA_CTL_CAUSE);
			snprintf(self->cause.name, sizeof(self->cause.name),
			    "%s",
			    storage                 ? "storage-failed"
				: err == ACTA_EBUSY ? "locked"
						    : "start-failed");
			snprintf(self->cause.text, sizeof(self->cause.text),
			    "%.190s%s%.190s", why.text, why.hint[0] ? "; " : "",
			    why.hint);
			return false;
		}
		for (uint32_t i = 0; i < self->blame_count; i++)
			acta_part_blame(w->parts[w->count],
			    self->blames[i].uid.bytes, self->blames[i].count,
			    self->blames[i].words);
		w->count++;
	}
	return true;
}

static bool
bind_pull(struct running *w, void *zmq)
{
	struct acta_worker *self = w->worker;
	int zero = 0, hwm = ACTA_LINK_HWM;
	int64_t max = ACTA_LINK_MAXMSG;
	uint64_t incarnation = w->count > 0 ? w->parts[0]->id.incarnation : 0;

	if (self->loaded->service->in_memory || w->count == 0)
		incarnation = (uint64_t)getpid();
	acta_ctl_init(&self->endpoint, ACTA_CTL_ENDPOINT);
	self->endpoint.index = self->index;
	self->endpoint.workers = self->config->workers;
	self->endpoint.partitions = self->config->part.parts;
	self->endpoint.number = incarnation;
	for (uint32_t i = 0; i < w->count; i++)
		if ((uint64_t)w->parts[i]->now_ms > self->endpoint.count)
			self->endpoint.count = (uint64_t)w->parts[i]->now_ms;
	snprintf(self->endpoint.name, sizeof(self->endpoint.name), "%s",
	    self->config->service);
	snprintf(self->endpoint.text, sizeof(self->endpoint.text),
	    "ipc://%s/%s.w%u.%llu", self->config->run, self->config->service,
	    self->index, (unsigned long long)incarnation);
	w->pull = zmq_socket(zmq, ZMQ_PULL);
	if (w->pull == NULL)
		return false;
	zmq_setsockopt(w->pull, ZMQ_LINGER, &zero, sizeof(zero));
	zmq_setsockopt(w->pull, ZMQ_RCVHWM, &hwm, sizeof(hwm));
	zmq_setsockopt(w->pull, ZMQ_MAXMSGSIZE, &max, sizeof(max));
	if (zmq_bind(w->pull, self->endpoint.text) == 0)
		return true;
	acta_ctl_init(&self->cause, ACTA_CTL_CAUSE);
	snprintf(self->cause.name, sizeof(self->cause.name), "start-failed");
	snprintf(self->cause.text, sizeof(self->cause.text),
	    "%.300s cannot be bound: %s", self->endpoint.text,
	    zmq_strerror(zmq_errno()));
	return false;
}

/* ---------------------------------------------------------------- loop -- */

static void
take_ctl(struct running *w, void *pipe)
{
	struct acta_ctl ctl;
	int n;

	while ((n = zmq_recv(pipe, &ctl, sizeof(ctl), ZMQ_DONTWAIT)) >= 0 ||
	    zmq_errno() == EINTR) {
		if (n < 0)
			continue;
		if (n != (int)sizeof(ctl)) { /* "$TERM" of zactor_destroy */
			w->stop = true;
			continue;
		}
		if (ctl.type == ACTA_CTL_STOP)
			w->stop = true;
		if (ctl.type == ACTA_CTL_GO)
			for (uint32_t i = 0; i < w->count; i++)
				acta_part_go(w->parts[i]);
		if (ctl.type != ACTA_CTL_PEER)
			continue;
		acta_links_peer(w->links, &ctl);
		for (uint32_t i = 0;
		     ctl.name[0] == '@' && ctl.text[0] != '\0' && i < w->count;
		     i++)
			acta_part_heads(w->parts[i]);
		if (ctl.name[0] == '@' || ctl.text[0] == '\0')
			continue;
		for (uint32_t i = 0; i < w->count; i++)
			for (uint32_t p = ctl.index; p < ctl.partitions;
			     p += ctl.workers ? ctl.workers : 1)
				acta_part_peer(w->parts[i], ctl.name, p,
				    acta_clock_ms(&w->clock));
	}
}

static void
take_frame(struct running *w, zmq_msg_t *frame)
{
	struct acta_reader items;
	struct acta_item item;
	uint64_t epoch;
	enum acta_err err = acta_frame_open(
	    zmq_msg_data(frame), zmq_msg_size(frame), &epoch, &items);
	uint32_t workers = w->worker->config->workers;

	while (err == ACTA_OK &&
	    (err = acta_item_decode(&items, &item)) == ACTA_OK) {
		/* An answer to a sender's HELLO or DATA is for the sender. */
		bool ours = item.kind != ACTA_ITEM_ACK &&
		    item.kind != ACTA_ITEM_NACK &&
		    item.kind != ACTA_ITEM_WELCOME;
		uint32_t part = ours ? item.dst_part : item.src_part;

		if (part >= w->worker->config->part.parts ||
		    part % workers != w->worker->index)
			continue;
		item.epoch = epoch;
		acta_part_item(
		    w->parts[part / workers], &item, acta_clock_ms(&w->clock));
	}
	if (err != ACTA_ENOENT)
		acta_log_line("warn", "bad-frame", "service=%s text=\"%s\"",
		    w->worker->config->service, acta_strerror(err));
}

static bool
take_frames(struct running *w)
{
	w->unread = true;
	for (int i = 0; i < FRAMES_A_ROUND; i++) {
		zmq_msg_t frame;

		zmq_msg_init(&frame);
		if (zmq_msg_recv(&frame, w->pull, ZMQ_DONTWAIT) < 0) {
			w->unread = zmq_errno() == EINTR;
			zmq_msg_close(&frame);
			return i > 0;
		}
		take_frame(w, &frame);
		zmq_msg_close(&frame);
	}
	return true;
}

static bool
run_parts(struct running *w)
{
	uint64_t handled = 0, waiting = 0, dead = 0;
	bool any = false;

	for (uint32_t i = 0; i < w->count; i++) {
		struct acta_part *part = w->parts[i];
		int64_t now_ms = acta_clock_ms(&w->clock);
		bool more = false;
		enum acta_err err;

		part->draining = w->stop;
		w->turn_began_us = acta_clock_us();
		w->elapsed_ms = 0;
		w->ticks = acta_clock_ticks();
		err = acta_part_turn(part, now_ms, &more);
		if (err != ACTA_OK)
			end_process(w, err);
		any |= more;
		handled += part->handled;
		waiting += acta_part_waiting(part);
		dead += part->dead;
	}
	atomic_store(&w->worker->handled, handled);
	atomic_store(&w->worker->waiting, waiting);
	atomic_store(&w->worker->dead, dead);
	return any;
}

static bool
idle_work(struct running *w)
{
	bool any = false;

	for (uint32_t i = 0; i < w->count; i++) {
		bool more = false;
		enum acta_err err = acta_store_idle(
		    w->parts[i]->store, acta_clock_ms(&w->clock), &more);

		if (err == ACTA_EUNSURE || err == ACTA_ECORRUPT)
			end_process(w, err);
		any |= more && err == ACTA_OK;
	}
	return any;
}

static void
link_closed(void *self, const char *name, uint32_t worker, uint32_t workers)
{
	struct running *w = self;
	const struct acta_host_config *c = w->worker->config;

	for (uint32_t r = 0; r < c->part.route_count; r++) {
		if (strcmp(c->routes[r].name, name) != 0)
			continue;
		for (uint32_t i = 0; i < w->count; i++)
			for (uint32_t p = worker; p < c->routes[r].partitions;
			     p += workers)
				acta_part_link_closed(w->parts[i], name, p);
	}
}

static long
wait_ms(struct running *w)
{
	int64_t wake = INT64_MAX, now = acta_clock_ms(&w->clock);

	for (uint32_t i = 0; i < w->count; i++) {
		int64_t at = acta_part_wake_ms(w->parts[i]);

		if (at < wake)
			wake = at;
	}
	if (wake <= now)
		return 0;
	return wake - now < IDLE_MS ? (long)(wake - now) : IDLE_MS;
}

static int
fd_of(void *socket)
{
	int fd = -1;
	size_t size = sizeof(fd);

	if (zmq_getsockopt(socket, ZMQ_FD, &fd, &size) != 0)
		abort();
	return fd;
}

void
acta_worker_outside_ended(void *owner, struct acta_outside *run)
{
	struct acta_worker *worker = owner;
	const uint64_t one = 1;

	pthread_mutex_lock(&worker->ended_lock);
	run->queued = worker->ended;
	worker->ended = run;
	pthread_mutex_unlock(&worker->ended_lock);
	/* It cannot fail but if 2^64 - 2 are told and none was heard. */
	if (write(worker->ended_fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static void
take_ended(struct running *w)
{
	struct acta_worker *self = w->worker;
	struct acta_outside *run, *next;
	uint64_t told;

	if (read(self->ended_fd, &told, sizeof(told)) != sizeof(told))
		return; /* nothing has */
	pthread_mutex_lock(&self->ended_lock);
	run = self->ended;
	self->ended = NULL;
	pthread_mutex_unlock(&self->ended_lock);
	for (; run != NULL; run = next) {
		next = run->queued;
		acta_outside_done(run);
	}
}

static bool
runs_outside(const struct running *w)
{
	for (uint32_t i = 0; i < w->count; i++)
		if (w->parts[i]->outside != NULL)
			return true;
	return false;
}

/* By poll(2): zmq_poll asks each socket twice, at three system calls each. */
static void
loop(struct running *w, void *pipe)
{
	struct pollfd items[3] = { { fd_of(w->pull), POLLIN, 0 },
		{ fd_of(pipe), POLLIN, 0 },
		{ w->worker->ended_fd, POLLIN, 0 } };
	int64_t busy_us = acta_clock_us();
	bool more = true, blocked = false, merging = false;
	long retry_ms = RETRY_MS;

	while (!w->stop) {
		bool spinning =
		    acta_clock_us() - busy_us < w->worker->config->spin_us;
		bool unread = w->unread;
		long ms = unread || more || spinning ? 0
		    : blocked                        ? retry_ms
		    : merging                        ? 0
						     : wait_ms(w);

		if (poll(items, 3, (int)ms) > 0 || unread) {
			busy_us = acta_clock_us();
			retry_ms = RETRY_MS;
		} else if (ms == retry_ms && 2 * retry_ms <= RETRY_MS_MAX) {
			retry_ms *= 2; /* it is not up for long */
		}
		if (unread || items[1].revents != 0)
			take_ctl(w, pipe);
		if (items[2].revents != 0) {
			take_ended(w);
			more = true;
		}
		if (!((unread || items[0].revents != 0) && take_frames(w)) &&
		    !more && !spinning) {
			merging = idle_work(w);
			acta_links_idle(
			    w->links, acta_clock_ms(&w->clock), link_closed, w);
		}
		more = run_parts(w);
		blocked = acta_links_flush(w->links, acta_clock_ms(&w->clock));
	}
	/* What is outside cannot be called back: it ends, or the root ends all. */
	while (runs_outside(w)) {
		(void)poll(&items[2], 1, IDLE_MS);
		take_ended(w);
	}
	/* The turns in hand are done; one more writes what was acked. */
	(void)take_frames(w);
	(void)run_parts(w);
	(void)acta_links_flush(w->links, acta_clock_ms(&w->clock));
}

void
acta_worker_run(zsock_t *pipe, void *args)
{
	struct acta_worker *self = args;
	struct running w = { .worker = self };
	void *zmq = zsys_init();

	pthread_mutex_init(&self->ended_lock, NULL);
	self->ended_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (self->ended_fd < 0)
		abort();
	acta_death_box(self->box);
	w.clock.page = self->clock;
	w.unread = true;
	w.links = acta_links_new(zmq);
	bool ready = open_parts(&w) && bind_pull(&w, zmq);

	/* zactor's signal orders this too, but no checker sees into it. */
	atomic_store(&self->ready, ready);
	zsock_signal(pipe, 0);
	if (ready)
		loop(&w, zsock_resolve(pipe));
	if (w.pull != NULL)
		zmq_close(w.pull);
	acta_links_destroy(&w.links);
	for (uint32_t i = 0; i < w.count; i++)
		acta_part_close(&w.parts[i]);
	free(w.parts);
	close(self->ended_fd);
	pthread_mutex_destroy(&self->ended_lock);
}
