/*
 * runtime/sim/net.h - a network of frames between ends, as zmq's PUSH and PULL
 * are, and worse: frames are lost, doubled, late and out of order by chance.
 * An end has lives: a frame is for the life it was sent to, and dies with it;
 * frames of a dead sender still arrive, also behind those of its next life.
 */
#ifndef ACTA_SIM_NET_H
#define ACTA_SIM_NET_H

#include "runtime/sim/dice.h"

#include <stddef.h>

#define ACTA_NET_ENDS_MAX 40u
#define ACTA_NET_FRAMES_MAX 1000000u /* on their way: more is a storm */

struct acta_net_frame {
	uint32_t from, to;
	uint64_t from_life, to_life;
	int64_t at_us;  /* it arrives */
	uint64_t order; /* among those that arrive at once */
	size_t size;
	uint8_t data[];
};

struct acta_net_rates { /* of 1,000 frames */
	uint32_t lost, doubled, overtaking, late;
	int64_t delay_us_max; /* of every frame */
	int64_t late_us_max;  /* of those that are late, beside that */
};

struct acta_net_link { /* from one life to one life: in order by itself */
	uint64_t from_life, to_life;
	int64_t last_us;
	int64_t cut_until_us; /* nothing is taken before */
	int64_t bad_until_us; /* till then it has rates of its own */
	struct acta_net_rates rates;
};

struct acta_net_counts {
	uint64_t sent, lost, doubled, overtaking, late, cut;
	uint64_t arrived, to_the_dead, of_the_dead;
};

struct acta_net {
	struct acta_dice dice;
	struct acta_net_rates rates;
	struct acta_net_counts counts;
	uint64_t lives[ACTA_NET_ENDS_MAX]; /* 0: not yet born */
	struct acta_net_link links[ACTA_NET_ENDS_MAX][ACTA_NET_ENDS_MAX];
	struct acta_net_frame **heap;
	size_t count, room;
	uint64_t order;
};

void acta_net_init(struct acta_net *net, struct acta_dice dice);
void acta_net_fini(struct acta_net *net);

/* A new life of an end; the number it gets. */
uint64_t acta_net_born(struct acta_net *net, uint32_t end);
/* A socket of its own from here on: what it sends may overtake the old one's. */
void acta_net_reopened(struct acta_net *net, uint32_t from, uint32_t to);
/* `data` is copied. Sent to that life of `to`, which may be dead already. */
void acta_net_send(struct acta_net *net, uint32_t from, uint32_t to,
    uint64_t to_life, const void *data, size_t size, int64_t now_us);
/* When the next one arrives: INT64_MAX if none is on its way. */
int64_t acta_net_wake_us(const struct acta_net *net);
/* The next that has arrived and whose receiver lives, or NULL: the caller's
 * to free. Those for the dead are dropped on the way. */
struct acta_net_frame *acta_net_take(struct acta_net *net, int64_t now_us);
/* A power cut: all that is on its way is gone. */
void acta_net_clear(struct acta_net *net);

#endif /* ACTA_SIM_NET_H */
