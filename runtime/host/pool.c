/* runtime/host/pool.c - see pool.h. */
#include "runtime/host/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "runtime/host/death.h"

struct thread {
	struct acta_pool *pool;
	struct acta_box *box;
	pthread_t id;
};

struct acta_pool {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct acta_outside *first, **last;
	bool stopped;
	void (*ended)(void *owner, struct acta_outside *run);
	uint32_t count;
	struct thread threads[ACTA_POOL_THREADS];
};

/* The next to run; NULL: stopped. */
static struct acta_outside *
next(struct acta_pool *pool)
{
	struct acta_outside *run;

	pthread_mutex_lock(&pool->lock);
	while (pool->first == NULL && !pool->stopped)
		pthread_cond_wait(&pool->more, &pool->lock);
	run = pool->first;
	if (run != NULL) {
		pool->first = run->queued;
		if (pool->first == NULL)
			pool->last = &pool->first;
	}
	pthread_mutex_unlock(&pool->lock);
	return run;
}

static bool
stopped(struct acta_pool *pool)
{
	bool is;

	pthread_mutex_lock(&pool->lock);
	is = pool->stopped;
	pthread_mutex_unlock(&pool->lock);
	return is;
}

static void *
work(void *args)
{
	struct thread *self = args;
	struct acta_pool *pool = self->pool;
	struct acta_outside *run;

	acta_death_box(self->box);
	while ((run = next(pool)) != NULL) {
		if (stopped(pool))
			run->cancelled = true;
		else
			acta_outside_run(run, self->box);
		atomic_store(&self->box->phase, ACTA_PHASE_IDLE);
		pool->ended(run->owner, run);
	}
	return NULL;
}

struct acta_pool *
acta_pool_new(struct acta_box *boxes, uint32_t count,
    void (*ended)(void *owner, struct acta_outside *run))
{
	struct acta_pool *pool = calloc(1, sizeof(*pool));
	sigset_t all, old;

	if (pool == NULL)
		abort();
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->more, NULL);
	pool->last = &pool->first;
	pool->ended = ended;
	/* Signals of the process are for its first thread. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (; pool->count < count; pool->count++) {
		struct thread *t = &pool->threads[pool->count];

		*t = (struct thread){ pool, &boxes[pool->count], 0 };
		if (pthread_create(&t->id, NULL, work, t) != 0)
			abort();
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pool;
}

void
acta_pool_add(struct acta_pool *pool, struct acta_outside *run)
{
	bool too_late;

	pthread_mutex_lock(&pool->lock);
	too_late = pool->stopped;
	if (!too_late) {
		run->queued = NULL;
		*pool->last = run;
		pool->last = &run->queued;
		pthread_cond_signal(&pool->more);
	}
	pthread_mutex_unlock(&pool->lock);
	if (too_late) {
		run->cancelled = true;
		pool->ended(run->owner, run);
	}
}

void
acta_pool_stop(struct acta_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->stopped = true;
	pthread_cond_broadcast(&pool->more);
	pthread_mutex_unlock(&pool->lock);
}

void
acta_pool_destroy(struct acta_pool **p)
{
	struct acta_pool *pool = *p;

	if (pool == NULL)
		return;
	acta_pool_stop(pool);
	for (uint32_t i = 0; i < pool->count; i++)
		pthread_join(pool->threads[i].id, NULL);
	pthread_cond_destroy(&pool->more);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
	*p = NULL;
}
