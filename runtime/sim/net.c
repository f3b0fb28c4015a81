/* runtime/sim/net.c - frames in a heap by the time of their arrival. */
#include "runtime/sim/net.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/arena.h"

void
acta_net_init(struct acta_net *net, struct acta_dice dice)
{
	memset(net, 0, sizeof(*net));
	net->dice = dice;
}

void
acta_net_fini(struct acta_net *net)
{
	acta_net_clear(net);
	free(net->heap);
	net->heap = NULL;
}

uint64_t
acta_net_born(struct acta_net *net, uint32_t end)
{
	assert(end < ACTA_NET_ENDS_MAX);
	return ++net->lives[end];
}

void
acta_net_reopened(struct acta_net *net, uint32_t from, uint32_t to)
{
	net->links[from][to].last_us = 0;
}

static bool
before(const struct acta_net_frame *a, const struct acta_net_frame *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void
push(struct acta_net *net, struct acta_net_frame *frame)
{
	size_t at = net->count++;

	assert(net->count <= ACTA_NET_FRAMES_MAX);
	if (net->count > net->room) {
		net->room = net->room ? 2 * net->room : 64;
		net->heap =
		    acta_resize(net->heap, net->room, sizeof(net->heap[0]));
	}
	while (at > 0 && before(frame, net->heap[(at - 1) / 2])) {
		net->heap[at] = net->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	net->heap[at] = frame;
}

static struct acta_net_frame *
pop(struct acta_net *net)
{
	struct acta_net_frame *first = net->heap[0], *last;
	size_t at = 0, down;

	last = net->heap[--net->count];
	while ((down = 2 * at + 1) < net->count) {
		if (down + 1 < net->count &&
		    before(net->heap[down + 1], net->heap[down]))
			down++;
		if (!before(net->heap[down], last))
			break;
		net->heap[at] = net->heap[down];
		at = down;
	}
	net->heap[at] = last;
	return first;
}

/* One copy of a frame, in its place in the order or out of it. */
static void
launch(struct acta_net *net, const struct acta_net_frame *head,
    const void *data, int64_t now_us, const struct acta_net_rates *rates,
    struct acta_net_link *link)
{
	struct acta_net_frame *frame = malloc(sizeof(*frame) + head->size);
	bool overtaking = acta_dice_chance(&net->dice, rates->overtaking);
	bool late = acta_dice_chance(&net->dice, rates->late);

	if (frame == NULL)
		abort();
	*frame = *head;
	memcpy(frame->data, data, head->size);
	frame->order = net->order++;
	frame->at_us = now_us;
	if (rates->delay_us_max > 0)
		frame->at_us +=
		    acta_dice_between(&net->dice, 0, rates->delay_us_max);
	net->counts.overtaking += overtaking;
	net->counts.late += late;
	if (late) {
		frame->at_us +=
		    acta_dice_between(&net->dice, 0, rates->late_us_max);
	} else if (!overtaking && link != NULL) {
		if (frame->at_us < link->last_us)
			frame->at_us = link->last_us;
		link->last_us = frame->at_us;
	}
	push(net, frame);
}

void
acta_net_send(struct acta_net *net, uint32_t from, uint32_t to,
    uint64_t to_life, const void *data, size_t size, int64_t now_us)
{
	struct acta_net_link *link = &net->links[from][to];
	struct acta_net_frame head = { .from = from,
		.to = to,
		.from_life = net->lives[from],
		.to_life = to_life,
		.size = size };
	const struct acta_net_rates *rates =
	    now_us < link->bad_until_us ? &link->rates : &net->rates;

	net->counts.sent++;
	if (link->from_life != head.from_life || link->to_life != to_life) {
		link->from_life = head.from_life;
		link->to_life = to_life;
		link->last_us = 0; /* a socket of its own */
	}
	if (now_us < link->cut_until_us) {
		net->counts.cut++;
		return;
	}
	if (acta_dice_chance(&net->dice, rates->lost)) {
		net->counts.lost++;
		return;
	}
	launch(net, &head, data, now_us, rates, link);
	if (acta_dice_chance(&net->dice, rates->doubled)) {
		net->counts.doubled++;
		launch(net, &head, data, now_us, rates, NULL);
	}
}

int64_t
acta_net_wake_us(const struct acta_net *net)
{
	return net->count > 0 ? net->heap[0]->at_us : INT64_MAX;
}

struct acta_net_frame *
acta_net_take(struct acta_net *net, int64_t now_us)
{
	while (net->count > 0 && net->heap[0]->at_us <= now_us) {
		struct acta_net_frame *frame = pop(net);

		if (frame->to_life == net->lives[frame->to]) {
			net->counts.arrived++;
			if (frame->from_life != net->lives[frame->from])
				net->counts.of_the_dead++;
			return frame;
		}
		net->counts.to_the_dead++;
		free(frame);
	}
	return NULL;
}

void
acta_net_clear(struct acta_net *net)
{
	for (size_t i = 0; i < net->count; i++)
		free(net->heap[i]);
	net->count = 0;
}
