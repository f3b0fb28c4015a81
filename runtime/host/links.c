/* runtime/host/links.c - PUSH sockets, frames, and what waits for them. */
#include "runtime/host/links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zmq.h>

struct frame {
	struct frame *next;
	struct acta_buf buf;
};

struct peer {
	char name[48];
	uint32_t worker, workers;
	uint64_t incarnation;
	char endpoint[200];
	void *push;
	uint64_t epoch;
	struct acta_buf buf;      /* the frame being written */
	struct frame *wait, **wait_tail;
	size_t wait_bytes;
};

struct acta_links {
	void *zmq;
	struct peer *peers;
	uint32_t count;
	uint64_t dropped, epochs;
};

struct acta_links *
acta_links_new(void *zmq)
{
	struct acta_links *l = calloc(1, sizeof(*l));
	struct timespec now;

	if (l == NULL)
		abort();
	clock_gettime(CLOCK_REALTIME, &now);
	l->zmq = zmq;
	/* Later sockets have higher epochs, across incarnations too. */
	l->epochs = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	return l;
}

static void
peer_close(struct peer *p)
{
	if (p->push != NULL)
		zmq_close(p->push);
	p->push = NULL;
	acta_buf_reset(&p->buf);
	for (struct frame *f = p->wait, *next; f != NULL; f = next) {
		next = f->next;
		acta_buf_fini(&f->buf);
		free(f);
	}
	p->wait = NULL;
	p->wait_tail = &p->wait;
	p->wait_bytes = 0;
}

void
acta_links_destroy(struct acta_links **links)
{
	struct acta_links *l = *links;

	if (l == NULL)
		return;
	for (uint32_t i = 0; i < l->count; i++) {
		peer_close(&l->peers[i]);
		acta_buf_fini(&l->peers[i].buf);
	}
	free(l->peers);
	free(l);
	*links = NULL;
}

static struct peer *
find(struct acta_links *l, const char *name, uint32_t worker)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (l->peers[i].worker == worker &&
		    strcmp(l->peers[i].name, name) == 0)
			return &l->peers[i];
	return NULL;
}

void
acta_links_peer(struct acta_links *l, const struct acta_ctl *peer)
{
	struct peer *p = find(l, peer->name, peer->index);

	if (p == NULL) {
		l->peers = realloc(l->peers,
		    (l->count + 1) * sizeof(*l->peers));
		if (l->peers == NULL)
			abort();
		/* The tails point into the array: set them again. */
		for (uint32_t i = 0; i < l->count; i++)
			if (l->peers[i].wait == NULL)
				l->peers[i].wait_tail = &l->peers[i].wait;
		p = &l->peers[l->count++];
		memset(p, 0, sizeof(*p));
		acta_buf_init(&p->buf);
		p->wait_tail = &p->wait;
		snprintf(p->name, sizeof(p->name), "%s", peer->name);
		p->worker = peer->index;
	}
	peer_close(p);
	p->workers = peer->workers > 0 ? peer->workers : 1;
	p->incarnation = peer->number;
	snprintf(p->endpoint, sizeof(p->endpoint), "%.199s", peer->text);
	p->epoch = l->epochs++;
}

static bool
peer_open(struct acta_links *l, struct peer *p)
{
	int zero = 0, one = 1, hwm = ACTA_LINK_HWM;

	if (p->push != NULL)
		return true;
	if (p->endpoint[0] == '\0' ||
	    (p->push = zmq_socket(l->zmq, ZMQ_PUSH)) == NULL)
		return false;
	zmq_setsockopt(p->push, ZMQ_LINGER, &zero, sizeof(zero));
	zmq_setsockopt(p->push, ZMQ_IMMEDIATE, &one, sizeof(one));
	zmq_setsockopt(p->push, ZMQ_SNDHWM, &hwm, sizeof(hwm));
	if (zmq_connect(p->push, p->endpoint) == 0)
		return true;
	zmq_close(p->push);
	p->push = NULL;
	return false;
}

/* A full frame waits for its turn; too much of it is dropped. */
static void
frame_end(struct acta_links *l, struct peer *p)
{
	struct frame *f;

	if (p->buf.size <= ACTA_LINK_HEAD)
		return;
	if (p->wait_bytes + p->buf.size > ACTA_LINK_WAIT_MAX) {
		l->dropped++;
		acta_buf_reset(&p->buf);
		return;
	}
	f = malloc(sizeof(*f));
	if (f == NULL)
		abort();
	f->next = NULL;
	f->buf = p->buf;
	acta_buf_init(&p->buf);
	p->wait_bytes += f->buf.size;
	*p->wait_tail = f;
	p->wait_tail = &f->next;
}

static void
append(struct acta_links *l, struct peer *p, const struct acta_item *item)
{
	if (p->endpoint[0] == '\0') {
		l->dropped++;
		return;
	}
	if (p->buf.size == 0)
		acta_frame_begin(&p->buf, p->epoch);
	acta_item_encode(&p->buf, item);
	if (p->buf.size >= ACTA_LINK_FRAME_MAX)
		frame_end(l, p);
}

void
acta_links_to_part(struct acta_links *l, const char *service, uint32_t part,
    const struct acta_item *item)
{
	for (uint32_t i = 0; i < l->count; i++) {
		struct peer *p = &l->peers[i];

		if (strcmp(p->name, service) == 0 &&
		    part % p->workers == p->worker) {
			append(l, p, item);
			return;
		}
	}
	l->dropped++;
}

void
acta_links_to_door(struct acta_links *l, const char *door, uint64_t door_inc,
    const struct acta_item *item)
{
	struct peer *p = find(l, door, 0);

	if (p != NULL && p->incarnation == door_inc)
		append(l, p, item);
	else
		l->dropped++; /* that door is gone, and its client with it */
}

void
acta_links_event(struct acta_links *l, const struct acta_item *item)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (strcmp(l->peers[i].name, "@door") == 0 ||
		    strcmp(l->peers[i].name, "@door-events") == 0)
			append(l, &l->peers[i], item);
}

static bool
peer_flush(struct acta_links *l, struct peer *p)
{
	if (p->wait == NULL && p->buf.size <= ACTA_LINK_HEAD)
		return false;
	if (!peer_open(l, p))
		return true;
	while (p->wait != NULL) {
		struct frame *f = p->wait;

		if (zmq_send(p->push, f->buf.data, f->buf.size,
		        ZMQ_DONTWAIT) < 0)
			return true;
		p->wait = f->next;
		if (p->wait == NULL)
			p->wait_tail = &p->wait;
		p->wait_bytes -= f->buf.size;
		acta_buf_fini(&f->buf);
		free(f);
	}
	if (p->buf.size > ACTA_LINK_HEAD) {
		if (zmq_send(p->push, p->buf.data, p->buf.size,
		        ZMQ_DONTWAIT) < 0) {
			frame_end(l, p);
			return true;
		}
		acta_buf_reset(&p->buf);
	}
	return false;
}

bool
acta_links_flush(struct acta_links *l)
{
	bool left = false;

	for (uint32_t i = 0; i < l->count; i++)
		left |= peer_flush(l, &l->peers[i]);
	return left;
}

uint64_t
acta_links_dropped(const struct acta_links *l)
{
	return l->dropped;
}
