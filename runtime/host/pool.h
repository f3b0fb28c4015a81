/*
 * runtime/host/pool.h - the threads of a service's outside handlers: a few, which
 * share one queue, each with a place in the black box. Made if the service has
 * such handlers.
 */
#ifndef ACTA_HOST_POOL_H
#define ACTA_HOST_POOL_H

#include "runtime/host/outside.h"

#define ACTA_POOL_THREADS ACTA_BOX_OUTSIDE

struct acta_pool;

/* `ended` is called by a thread of the pool with the run's owner. The boxes: one
 * for each of `count` threads, at most ACTA_POOL_THREADS. */
struct acta_pool *acta_pool_new(struct acta_box *boxes, uint32_t count,
    void (*ended)(void *owner, struct acta_outside *run));
/* Any thread. */
void acta_pool_add(struct acta_pool *pool, struct acta_outside *run);
/* What was not begun ends at once, as not run, and what is added after it too. */
void acta_pool_stop(struct acta_pool *pool);
/* Stopped; waits for what runs. */
void acta_pool_destroy(struct acta_pool **pool);

#endif /* ACTA_HOST_POOL_H */
