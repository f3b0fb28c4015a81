/*
 * runtime/root/backoff.h - how long a restart waits: the first not at all, then
 * min, min * factor, ... up to max, each spread by jitter. Pure: chance and
 * time are handed in.
 */
#ifndef ACTA_ROOT_BACKOFF_H
#define ACTA_ROOT_BACKOFF_H

#include <stdint.h>

/* A plain value of its owner; only backoff.c reads `tries`. */
struct acta_backoff {
	int64_t min_ms, max_ms, reset_ms;
	double factor; /* >= 1 */
	double
	    jitter; /* 0..1: the share of the delay that chance adds or takes */
	uint32_t tries;
};

/* The restarts are forgotten: the next is at once. */
void acta_backoff_reset(struct acta_backoff *b);

/* It ended after `up_ms` of being up; reset_ms or more of that forgets. */
void acta_backoff_was_up(struct acta_backoff *b, int64_t up_ms);

/*
 * Milliseconds to wait before the next restart, 0 for the first. `chance` is
 * any 64 random bits. Never more than max_ms.
 */
int64_t acta_backoff_next(struct acta_backoff *b, uint64_t chance);

#endif /* ACTA_ROOT_BACKOFF_H */
