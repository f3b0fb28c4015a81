/*
 * runtime/host/worker.h - a thread that runs some of a service's partitions:
 * one PULL, its links, its place in the black box. Started and stopped as a
 * zactor: both wait for it.
 */
#ifndef ACTA_HOST_WORKER_H
#define ACTA_HOST_WORKER_H

#include <czmq.h>
#include <pthread.h>

#include "runtime/clock.h"
#include "runtime/ctl.h"
#include "runtime/host/config.h"
#include "runtime/host/part.h"
#include "runtime/host/pool.h"

struct acta_worker {
	const struct acta_host_config *config;
	const struct acta_loaded *loaded;
	struct acta_box *box;
	const struct acta_clock_page *clock;
	const struct acta_blame *blames;
	uint32_t blame_count;
	uint32_t index;
	bool storage_checked;
	struct acta_pool *pool; /* NULL: no handler is outside */
	/* Runs of outside handlers that have ended, and what wakes it for them. */
	pthread_mutex_t ended_lock;
	struct acta_outside *ended;
	int ended_fd;
	/* What it says of itself, for the heartbeat. */
	_Atomic uint64_t handled, waiting, dead;
	/* Set before its start returns: ready, or why not; what stands below was
	 * written before it. */
	_Atomic bool ready;
	struct acta_ctl endpoint, cause;
};

/* The zactor's function; args is a struct acta_worker that outlives it. It
 * takes acta_ctl records (PEER, STOP) by its pipe. */
void acta_worker_run(zsock_t *pipe, void *args);
/* A run of an outside handler has ended; `worker` is its owner. Any thread. */
void acta_worker_outside_ended(void *worker, struct acta_outside *run);

#endif /* ACTA_HOST_WORKER_H */
