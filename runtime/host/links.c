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
	int64_t used_ms; /* when something left last */
	uint64_t epoch;
	struct acta_buf buf; /* the frame being written */
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
	/* Later sockets have higher epochs, across incarnations too: by a clock
	 * that nobody sets. */
	clock_gettime(CLOCK_BOOTTIME, &now);
	l->zmq = zmq;
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

static struct peer *
add(struct acta_links *l, const char *name, uint32_t worker)
{
	struct peer *p;

	l->peers = realloc(l->peers, (l->count + 1) * sizeof(*l->peers));
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
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->worker = worker;
	return p;
}

/* A door of which no PEER was heard yet, although its call has come. */
static struct peer *
unheard(struct acta_links *l, const char *door, uint64_t door_inc, bool make)
{
	struct peer *p, *spare = NULL;
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->count; i++) {
		p = &l->peers[i];
		if (p->name[0] != '@' || p->endpoint[0] != '\0')
			continue;
		n++;
		if (p->incarnation == door_inc && strcmp(p->name, door) == 0)
			return p;
		if (p->wait == NULL && p->buf.size <= ACTA_LINK_HEAD &&
		    strcmp(p->name, door) == 0)
			spare = p; /* of a door that is gone */
	}
	if (!make || (spare == NULL && n >= ACTA_LINK_UNHEARD_MAX))
		return NULL;
	p = spare != NULL ? spare : add(l, door, 0);
	p->incarnation = door_inc;
	p->epoch = l->epochs++;
	return p;
}

void
acta_links_peer(struct acta_links *l, const struct acta_ctl *peer)
{
	struct peer *p = unheard(l, peer->name, peer->number, false);

	if (p != NULL && peer->text[0] != '\0') {
		/* What waited for it can go; the door before it is gone. */
		for (uint32_t i = 0; i < l->count; i++)
			if (&l->peers[i] != p &&
			    strcmp(l->peers[i].name, peer->name) == 0) {
				peer_close(&l->peers[i]);
				l->peers[i].endpoint[0] = '\0';
			}
		p->workers = 1;
		snprintf(
		    p->endpoint, sizeof(p->endpoint), "%.199s", peer->text);
		return;
	}
	p = find(l, peer->name, peer->index);
	if (p == NULL)
		p = add(l, peer->name, peer->index);
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
	if (p->wait_bytes + p->buf.size > (p->endpoint[0] != '\0'
						  ? ACTA_LINK_WAIT_MAX
						  : ACTA_LINK_UNHEARD_BYTES)) {
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
	/* A large one goes alone: together they could be over the peer's limit. */
	if (p->buf.size + item->body.size > ACTA_LINK_FRAME_MAX)
		frame_end(l, p);
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

		if (strcmp(p->name, service) == 0 && p->workers > 0 &&
		    part % p->workers == p->worker && p->endpoint[0] != '\0') {
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
	struct peer *p = NULL;

	for (uint32_t i = 0; i < l->count && p == NULL; i++)
		if (l->peers[i].incarnation == door_inc &&
		    strcmp(l->peers[i].name, door) == 0)
			p = &l->peers[i];
	/* Its call may come before the root has told of it. */
	if (p == NULL)
		p = unheard(l, door, door_inc, true);
	if (p != NULL)
		append(l, p, item);
	else
		l->dropped++;
}

void
acta_links_event(struct acta_links *l, const struct acta_item *item)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (l->peers[i].endpoint[0] != '\0' &&
		    (strcmp(l->peers[i].name, "@door") == 0 ||
			strcmp(l->peers[i].name, "@door-events") == 0))
			append(l, &l->peers[i], item);
}

static bool
peer_flush(struct acta_links *l, struct peer *p, int64_t now_ms)
{
	if (p->wait == NULL && p->buf.size <= ACTA_LINK_HEAD)
		return false;
	if (p->endpoint[0] == '\0') {
		frame_end(l, p); /* until its PEER, within bounds */
		return false;
	}
	if (!peer_open(l, p))
		return true;
	p->used_ms = now_ms;
	while (p->wait != NULL) {
		struct frame *f = p->wait;

		if (zmq_send(p->push, f->buf.data, f->buf.size, ZMQ_DONTWAIT) <
		    0)
			return true;
		p->wait = f->next;
		if (p->wait == NULL)
			p->wait_tail = &p->wait;
		p->wait_bytes -= f->buf.size;
		acta_buf_fini(&f->buf);
		free(f);
	}
	if (p->buf.size > ACTA_LINK_HEAD) {
		if (zmq_send(p->push, p->buf.data, p->buf.size, ZMQ_DONTWAIT) <
		    0) {
			frame_end(l, p);
			return true;
		}
		acta_buf_reset(&p->buf);
	}
	return false;
}

bool
acta_links_flush(struct acta_links *l, int64_t now_ms)
{
	bool left = false;

	for (uint32_t i = 0; i < l->count; i++)
		left |= peer_flush(l, &l->peers[i], now_ms);
	return left;
}

void
acta_links_idle(struct acta_links *l, int64_t now_ms,
    void (*closed)(
	void *self, const char *name, uint32_t worker, uint32_t workers),
    void *self)
{
	for (uint32_t i = 0; i < l->count; i++) {
		struct peer *p = &l->peers[i];

		if (p->push == NULL || p->name[0] == '@' || p->wait != NULL ||
		    p->buf.size > ACTA_LINK_HEAD ||
		    now_ms - p->used_ms < ACTA_LINK_IDLE_MS)
			continue;
		peer_close(p);
		acta_buf_fini(&p->buf);
		p->epoch = l->epochs++;
		closed(self, p->name, p->worker, p->workers);
	}
}

uint64_t
acta_links_dropped(const struct acta_links *l)
{
	return l->dropped;
}
