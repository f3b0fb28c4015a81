/*
 * runtime/host/outside.h - handlers that may block and touch the world outside
 * (ACTA_OUTSIDE, CORE 1.10): run off the worker, at least once, after their
 * message is durable; their actor takes no other message meanwhile.
 *
 * Such a handler runs on a partition of its own that nobody else sees: in memory,
 * with its actor's rows in it. When it has returned, what has become of the rows,
 * and what it sends, is taken over in one turn, as of any other handler. A process
 * that ends meanwhile has the message still, and runs it again.
 */
#ifndef ACTA_HOST_OUTSIDE_H
#define ACTA_HOST_OUTSIDE_H

#include "runtime/host/turn.h"

#define ACTA_OUTSIDE_MAX 64u /* of one partition at a time */
#define ACTA_OUTSIDE_ROWS_MAX (16u << 20) /* bytes of rows of such an actor */

/* One run of one message. */
struct acta_outside {
	struct acta_outside *next;
	struct acta_outside *queued; /* of the pool's queue */
	void *owner; /* whoever runs it says for whom */
	bool begun; /* the turn that took it is durable: it may run */
	bool cancelled; /* it was not run: the process stops */
	struct acta_part *part, *shadow;
	uint64_t next_ask, next_token; /* behind the numbers kept for it */
	struct acta_outside_timer *timers; /* as they were, by key */
	struct acta_msg msg;
	struct acta_actor actor;
	acta_status status;
};

/* Its message is parked, or is run from there: taken, or told to wait. */
enum acta_fate acta_outside_take(struct acta_part *part, struct acta_msg *msg);
/* Nothing of the turn can be undone any more: what it took begins. ACTA_ECLOSED:
 * the process was ended. */
ACTA_NODISCARD enum acta_err acta_outside_begin(struct acta_part *part);
/* The handler, start to end; `box` says what runs. By any thread. */
void acta_outside_run(struct acta_outside *run, struct acta_box *box);
/* It has ended: the partition takes over what it did in its next turn. By the
 * thread of the partition. */
void acta_outside_done(struct acta_outside *run);
/* One that has ended, as a source of the turn. */
enum acta_fate acta_source_outside(
    struct acta_part *part, struct acta_gather *gather);

/* At the turn's beginning: those that were taken over before are freed. */
void acta_outside_sweep(struct acta_part *part);
/* Queues were read anew: those whose message runs know it again. What was not
 * begun saw rows that are not durable, and is forgotten. */
void acta_outside_recall(struct acta_part *part);
void acta_outside_fini(struct acta_part *part);

#endif /* ACTA_HOST_OUTSIDE_H */
