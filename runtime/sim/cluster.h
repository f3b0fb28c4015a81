/*
 * runtime/sim/cluster.h - the services of a node as processes that are not:
 * their partitions run in one thread, on simulated disks, joined by a simulated
 * network, and the time is a number. What a process does in one round of its
 * loop (host/worker.c) is acta_cluster_round; what comes next, and when, is the
 * caller's to choose: that is how order is simulated.
 */
#ifndef ACTA_SIM_CLUSTER_H
#define ACTA_SIM_CLUSTER_H

#include "runtime/clock.h"
#include "runtime/host/part.h"
#include "runtime/sim/blamed.h"
#include "runtime/sim/net.h"
#include "store/env_sim.h"

#define ACTA_CLUSTER_PROCESSES_MAX 32u
#define ACTA_CLUSTER_DOORS_MAX 4u
#define ACTA_CLUSTER_PARTS_MAX 8u
#define ACTA_CLUSTER_FRAMES_A_ROUND 64u

struct acta_cluster;
struct acta_process;

struct acta_place { /* a partition, where it runs: what its port is told */
	struct acta_process *process;
	uint32_t index;
	struct acta_part *part; /* NULL: not open */
	struct acta_sim_disk *disk;
	char dir[64];
	bool more; /* its last turn left work, or something came */
};

enum acta_process_state {
	ACTA_PROCESS_DOWN,
	ACTA_PROCESS_UP,
	ACTA_PROCESS_FAILED /* storage-failed: held until it is checked */
};

struct acta_process {
	struct acta_cluster *cluster;
	uint32_t end; /* of the network */
	const struct acta_loaded *loaded;
	struct acta_part_config config;
	struct acta_store_options store;
	uint32_t count;
	struct acta_place places[ACTA_CLUSTER_PARTS_MAX];
	struct acta_box box;
	struct acta_blamed *blamed; /* the root's, of this service */

	enum acta_process_state state;
	bool ended;      /* killed in the call in hand: no word leaves it */
	bool paused;     /* SIGSTOP: it is given no round */
	bool own_fault;  /* it ended by itself, in a handler */
	uint64_t starts; /* so far */
	int64_t last_ms; /* that its clock showed */
	uint64_t known[ACTA_NET_ENDS_MAX]; /* the lives it was told of */
	uint64_t epochs[ACTA_NET_ENDS_MAX]; /* of the links to them */
	struct acta_buf out[ACTA_NET_ENDS_MAX];
	/* For doors of which it was not told yet, by their lives. */
	struct acta_buf unheard[ACTA_CLUSTER_DOORS_MAX];
	uint64_t unheard_inc[ACTA_CLUSTER_DOORS_MAX];
	struct acta_net_frame **queue; /* arrived, not yet read */
	uint32_t queue_at, queue_end, queue_room;
	/* Handlers outside, where the cluster has pools: begun, and run to their
	 * end; the second are not yet taken over. */
	struct acta_outside *outside, *outside_ran;
	uint32_t outside_count, outside_ran_count;
	int64_t wake_us; /* when it wants its next round, if nothing comes */
	uint32_t slow;   /* ms that each look at the turn's clock finds gone */
	int64_t turn_ms;
};

struct acta_cluster_hooks { /* each may be NULL */
	void *self;
	/* A point of a turn is reached: true ends the process there. */
	bool (*point)(
	    void *self, struct acta_place *place, const char *point);
	/* An item leaves; `end` it goes to. True: the process ends before. */
	bool (*leaves)(void *self, struct acta_place *place, uint32_t end,
	    const struct acta_item *item);
	/* A door got an item. */
	void (*door)(void *self, uint32_t door, const struct acta_item *item);
	void (*alarm)(void *self, struct acta_place *place, const char *name,
	    const char *text);
};

struct acta_door {
	const char *name;
	uint32_t end;
	uint64_t life;
	uint64_t known[ACTA_NET_ENDS_MAX];
};

struct acta_cluster {
	uint64_t seed;
	int64_t now_us;
	int64_t wall_us;    /* the wall clock less now_us */
	struct acta_slew slew; /* the node's time, as its root keeps it */
	bool pools; /* handlers outside wait for acta_process_outside */
	uint64_t epochs;
	struct acta_net net;
	struct acta_sim_disks *disks;
	struct acta_cluster_hooks hooks;
	struct acta_process *processes[ACTA_CLUSTER_PROCESSES_MAX];
	struct acta_route routes[ACTA_CLUSTER_PROCESSES_MAX];
	uint32_t count;
	struct acta_door doors[ACTA_CLUSTER_DOORS_MAX];
	uint32_t door_count;
	char name[32];
};

/* `name` names the disks: no other cluster alive may have it. */
void acta_cluster_init(struct acta_cluster *cluster, uint64_t seed,
    const char *name, int64_t now_us, const struct acta_cluster_hooks *hooks,
    const struct acta_sim_hooks *disk_hooks);
void acta_cluster_fini(struct acta_cluster *cluster);

/* Before the first start. `config` and `store` give the numbers; names, part
 * and seeds are filled in. `loaded` outlives the cluster. */
struct acta_process *acta_cluster_add(struct acta_cluster *cluster,
    const struct acta_loaded *loaded, uint32_t partitions,
    const struct acta_part_config *config,
    const struct acta_store_options *store);
/* A door, and its life; again for the same name: it came up anew. */
struct acta_door *acta_cluster_door(
    struct acta_cluster *cluster, const char *name);

/* The root starts, all processes being down: it reads the wall clock once. */
void acta_cluster_boot(struct acta_cluster *cluster);
int64_t acta_cluster_ms(const struct acta_cluster *cluster); /* its time */
/*
 * Open its partitions and run none of them yet. ACTA_ECLOSED: it ended on the
 * way (a hook said so); others as acta_store_open's. It is DOWN then, or
 * FAILED after ACTA_EUNSURE and ACTA_ECORRUPT. `checked`: the disk is read past
 * the page cache first.
 */
ACTA_NODISCARD enum acta_err acta_process_start(
    struct acta_process *process, bool checked, struct acta_why *why);
/* Whatever it was doing: closed, its queue and unsent frames gone. After an end
 * by its own fault the root counts the blame. */
void acta_process_end(struct acta_process *process);
/* The root tells `process` that another (or a door) came up; or tells it again:
 * then the old link goes on beside the new one, too. */
void acta_process_tell(struct acta_process *process, uint32_t end);
/* Its link to there was idle for long, and is closed: another is opened when
 * there is something to say. */
void acta_process_close_link(struct acta_process *process, uint32_t end);
/* What the root does at once in a quiet node: all are told of it, it of all. */
void acta_cluster_announce(struct acta_cluster *cluster, uint32_t end);

/*
 * One round: take up to `frames` from its queue, a turn of each partition that
 * has work, send. ACTA_ECLOSED: it was ended at a point; ACTA_EUNSURE,
 * ACTA_ECORRUPT: storage-failed; ACTA_EFULL: store-full. After any of these the
 * caller ends it.
 */
ACTA_NODISCARD enum acta_err acta_process_round(
    struct acta_process *process, uint32_t frames);
/* Idle work of its stores: a slice of what is to merge. Errors as above. */
ACTA_NODISCARD enum acta_err acta_process_idle(
    struct acta_process *process, bool *out_more);
/* Give it an item as if a frame had brought it. ACTA_ECLOSED: it was ended. */
ACTA_NODISCARD enum acta_err acta_place_give(
    struct acta_place *place, const struct acta_item *item);
/* Does it want a round now? */
bool acta_process_ready(const struct acta_process *process);
int64_t acta_process_ms(struct acta_process *process); /* its clock */
/* The n-th of its handlers outside, of `outside_count` + `outside_ran_count`,
 * makes its step: it is run, or what it did is to be taken over. ACTA_ECLOSED:
 * the process was ended. */
ACTA_NODISCARD enum acta_err acta_process_outside(
    struct acta_process *process, uint32_t n);
/* SIGTERM: handlers outside that were not run are called off, the turns in hand
 * are done, acks written, all sent; then it ends. */
ACTA_NODISCARD enum acta_err acta_process_stop(struct acta_process *process);

/* Move one frame that has arrived to its receiver: false if there is none. */
bool acta_cluster_deliver(struct acta_cluster *cluster);
/* A door sends an item to a partition. */
void acta_door_send(struct acta_cluster *cluster, uint32_t door,
    uint32_t end, const struct acta_item *item);
/* A service's index; UINT32_MAX: there is none. */
uint32_t acta_cluster_find(
    const struct acta_cluster *cluster, const char *name, size_t size);

#endif /* ACTA_SIM_CLUSTER_H */
