/*
 * store/env_sim.h - disks in memory, with what LMDB makes of a real one: a
 * commit is data, a flush, then the root, written through. What a process sees
 * (the page cache) and what a power cut leaves (the disk) are two versions; the
 * disks outlive the envs on them.
 *
 * env_sim_open.c defines acta_env_open for programs that link it in the place
 * of env.c: there DIR is a disk of the disks whose name it begins with.
 *
 * THREADS: all disks, and all stores on them, belong to one thread.
 */
#ifndef ACTA_ENV_SIM_H
#define ACTA_ENV_SIM_H

#include "store/env.h"
#include "store/omap.h"

struct acta_sim_disks;
struct acta_sim_disk;
struct acta_sim_copy; /* of a whole disk, as an operator keeps one */

enum acta_sim_step { /* what is about to be done */
	ACTA_SIM_OPEN,   /* an env is opened */
	ACTA_SIM_SYNC,   /* all is flushed, before a store speaks */
	ACTA_SIM_DATA,   /* a commit writes its pages */
	ACTA_SIM_FLUSH,  /* and flushes them */
	ACTA_SIM_ROOT,   /* and writes its root */
	ACTA_SIM_CACHED, /* which is in the page cache, not yet on the disk */
	ACTA_SIM_DONE,   /* and is on the disk; the caller does not know */
	ACTA_SIM_STEPS
};

enum acta_sim_fate {
	ACTA_SIM_GO,
	/* The process ends here: the call returns ACTA_EUNSURE, and the caller
	 * must close all that it has open. */
	ACTA_SIM_KILL,
	/* OPEN: ACTA_EIO. DATA: nothing is committed. SYNC, FLUSH: it fails, and the pages count as clean
	 * from then on: the page cache lies. ROOT: written or not, and the page
	 * cache has the old one. Elsewhere as GO. */
	ACTA_SIM_EIO,
	/* OPEN, DATA, FLUSH: no space, certainly not committed. Elsewhere as
	 * GO. */
	ACTA_SIM_FULL
};

/*
 * Each may be NULL. A watcher keeps what it makes of a version with that
 * version: so it has its view of what is durable, of what can be seen and of
 * every copy, whatever becomes of the disk.
 */
struct acta_sim_hooks {
	void *self;
	enum acta_sim_fate (*step)(
	    void *self, struct acta_sim_disk *disk, enum acta_sim_step step);
	/* A commit can be seen; `before` is the view of the version it changed
	 * (NULL: of an empty disk). Returns the view of the new one. */
	void *(*seen)(void *self, struct acta_sim_disk *disk, void *before);
	void (*durable)(void *self, struct acta_sim_disk *disk);
	void (*forget)(void *self, void *view); /* its version is no more */
	/* A bit of chance, for an EIO whose outcome is unknown. */
	bool (*toss)(void *self);
};

enum { /* deliberate faults, so that those who check can be checked */
	ACTA_SIM_NO_FLUSH = 1,        /* a commit returns before it is durable */
	ACTA_SIM_NO_SYNC_AT_OPEN = 2, /* sync does nothing */
};

/* `name` begins the DIRs of its disks and is no beginning of another's. */
struct acta_sim_disks *acta_sim_disks_new(
    const char *name, const struct acta_sim_hooks *hooks);
void acta_sim_disks_free(struct acta_sim_disks **disks); /* envs are closed */
void acta_sim_disks_break(struct acta_sim_disks *disks, unsigned bits);

/* The disk at DIR: made empty if there is none. */
struct acta_sim_disk *acta_sim_disk_at(
    struct acta_sim_disks *disks, const char *dir);
const char *acta_sim_disk_dir(const struct acta_sim_disk *disk);
/* The watcher's own, for the disk and for a version of it. */
void *acta_sim_disk_user(const struct acta_sim_disk *disk);
void acta_sim_disk_set_user(struct acta_sim_disk *disk, void *user);
void *acta_sim_disk_view(const struct acta_sim_disk *disk, bool durable);

/* Room for that many bytes of pages; 0: no end. */
void acta_sim_disk_limit(struct acta_sim_disk *disk, uint64_t bytes);
uint64_t acta_sim_disk_used(const struct acta_sim_disk *disk); /* of pages */
/* A power cut, all envs closed: what is not durable goes, or with `keep` had
 * just made it. */
void acta_sim_disk_power(struct acta_sim_disk *disk, bool keep);
bool acta_sim_disk_pending(const struct acta_sim_disk *disk);
bool acta_sim_disk_lies(const struct acta_sim_disk *disk);

/* Of what is durable; put back with the envs closed. A copy of NULL is an
 * empty disk. */
struct acta_sim_copy *acta_sim_copy_take(const struct acta_sim_disk *disk);
void acta_sim_copy_put(
    const struct acta_sim_copy *copy, struct acta_sim_disk *disk);
void acta_sim_copy_free(struct acta_sim_copy **copy);

/* A map as it is on the disk (`durable`) or as a process sees it; borrowed
 * until the disk changes. */
const struct acta_omap *acta_sim_disk_map(
    const struct acta_sim_disk *disk, bool durable, unsigned map);

ACTA_NODISCARD enum acta_err acta_sim_env_open(struct acta_sim_disk *disk,
    const struct acta_env_options *options, struct acta_env **out,
    struct acta_why *why);

/* The disks whose name DIR begins with; NULL: there are none. */
struct acta_sim_disks *acta_sim_disks_of(const char *dir);

#endif /* ACTA_ENV_SIM_H */
