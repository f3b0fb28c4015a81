/*
 * t/sim/sim.h - the simulator: a plan from a seed (what clients do and what
 * breaks), a world in which it happens, and checks after every event.
 *
 * plan.c makes the events of a seed; world.c lets them happen; actors.c are the
 * services; check.c keeps what is durable and judges it; last.c judges the end;
 * main.c runs seeds, shrinks the events of one that fails, and prints a table.
 */
#ifndef T_SIM_H
#define T_SIM_H

#include "runtime/sim/cluster.h"

#include <stdio.h>

#define SIM_SERVICES 3u
#define SIM_EVENTS_MAX 400u
#define SIM_KEYS 4u /* actors of a service that the plan knows: "0" .. */
#define SIM_OPS_MAX SIM_EVENTS_MAX
#define SIM_TRAPS_MAX 64u
#define SIM_STEPS_MAX 400000u    /* of one seed: more does not come to rest */
#define SIM_HEAL_US 900000000LL  /* simulated, from the heal to quiet */

/* ----------------------------------------------------------------- plan -- */

enum sim_event_kind {
	EV_OP,      /* a client's request: a = enum sim_op */
	EV_KILL,    /* a trap: process a dies at point b, the c-th time */
	EV_POWER,   /* a trap: the machine dies there */
	EV_CUT,     /* a link gives nothing for x us: from end a to end b */
	EV_NET,     /* the rates of the net, for x us */
	EV_KINDS
};

enum sim_op {
	OP_MOVE, /* transfer from one account to another */
	OP_SAY,  /* numbered messages to another actor */
	OPS
};

struct sim_event {
	int64_t at_us;
	uint32_t kind, number; /* its place in the plan, before any shrinking */
	uint32_t a, b, c, d;
	int64_t x;
	bool kept_id, send; /* of an OP */
	struct acta_net_rates rates;
};

struct sim_plan {
	uint64_t seed;
	uint32_t parts[SIM_SERVICES], services, doors;
	struct acta_part_config config;
	struct acta_store_options store;
	struct acta_net_rates rates;
	int64_t heal_us; /* from here on nothing breaks */
	struct sim_event events[SIM_EVENTS_MAX];
	uint32_t count;
};

void sim_plan_make(struct sim_plan *plan, uint64_t seed);
void sim_event_print(FILE *out, const struct sim_event *event);

/* --------------------------------------------------------------- points -- */

enum sim_point { /* where a process or the machine can end */
	PT_BETWEEN, PT_ITEM, PT_GATHER, PT_HANDLER, PT_COMMIT, PT_DATA,
	PT_FLUSH, PT_ROOT, PT_CACHED, PT_DONE, PT_COMMITTED, PT_LEAVING,
	PT_RELEASED, PT_FRAME, PT_IDLE_DATA, PT_IDLE_FLUSH, PT_IDLE_ROOT,
	PT_IDLE_CACHED, PT_IDLE_DONE, PT_OPEN, PT_OPEN_SYNC, PT_OPEN_DATA,
	PT_OPEN_FLUSH, PT_OPEN_ROOT, PT_OPEN_CACHED, PT_OPEN_DONE,
	PT_COUNT
};
extern const char *const sim_point_names[PT_COUNT];

/* ---------------------------------------------------------------- table -- */

/* What happened, over all seeds: one row of zeros is a hole in the test. */
#define SIM_TALLY(X)                                                         \
	X(T_KILL_, "killed")                                                 \
	X(T_POWER_, "power cut")

enum sim_tally {
	T_KILL,                       /* by point */
	T_POWER = T_KILL + PT_COUNT,  /* by point */
	T_OP = T_POWER + PT_COUNT,    /* by kind: asked */
	T_ANSWERED = T_OP + OPS,      /* ok */
	T_REFUSED, T_ASKED_AGAIN, T_SAME_ANSWER, T_UNKNOWN,
	T_POWER_LOST, T_POWER_KEPT,
	T_NET_LOST, T_NET_DOUBLED, T_NET_OVERTAKING, T_NET_LATE, T_NET_CUT,
	T_NET_TO_DEAD, T_NET_OF_DEAD,
	T_HELLO, T_WELCOME, T_NACK, T_ACK, T_DATA, T_REPLY, T_EVENT,
	T_HANDLED, T_COMMITS, T_SKIPPED,
	T_COUNT
};
const char *sim_tally_name(uint32_t tally, char room[64]);

/* ---------------------------------------------------------------- world -- */

struct sim_ask { /* a client's request, until it knows */
	const struct sim_event *event;
	uint64_t id;
	bool begun, answered, final, ok;
	bool unknown; /* without a kept id, and no answer came */
	uint32_t tries;
	uint64_t requests[8]; /* at each door, the last */
	int64_t again_us;
	char code[32];
	struct acta_buf result;
};

struct sim_trap {
	uint32_t end, point, countdown;
	bool power, armed;
};

struct sim_world {
	const struct sim_plan *plan;
	const bool *left_out; /* by event number; NULL: none */
	struct acta_cluster cluster;
	struct acta_dice dice;
	struct acta_loaded loaded[SIM_SERVICES];
	struct sim_ask asks[SIM_OPS_MAX];
	uint32_t ask_count, next_event;
	struct sim_trap traps[SIM_TRAPS_MAX];
	uint32_t trap_count;
	enum { DOING_NOTHING, DOING_ROUND, DOING_IDLE, DOING_OPEN } doing;
	int64_t restart_us[SIM_SERVICES];
	bool tell[ACTA_NET_ENDS_MAX][ACTA_NET_ENDS_MAX]; /* who, of whom */
	int64_t tell_us[ACTA_NET_ENDS_MAX][ACTA_NET_ENDS_MAX];
	bool power_out, healing;
	uint64_t requests;
	uint64_t steps, hash;
	FILE *trace; /* NULL: silent */
	bool violated;
	char violation[512];
	const char *violation_kind; /* its format: shrinking keeps to one kind */
	int64_t violated_us;
	uint64_t tally[T_COUNT];
};

/* The world that runs: actors and hooks find it here. One at a time. */
extern struct sim_world *sim;

void sim_violation(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void sim_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Let the plan happen to its end, or to a violation. */
void sim_world_run(struct sim_world *world, const struct sim_plan *plan,
    const bool *left_out, FILE *trace, unsigned breaks);
void sim_world_fini(struct sim_world *world);

/* --------------------------------------------------------------- actors -- */

extern const struct acta_service sim_services[SIM_SERVICES];

/* --------------------------------------------------------------- checks -- */

struct sim_view { /* what one version of a disk says, all layers put together */
	struct acta_omap tables[ACTA_TABLES];
	uint64_t turn;
	int64_t last_ms;
};

void *sim_check_seen(void *self, struct acta_sim_disk *disk, void *before);
void sim_check_durable(void *self, struct acta_sim_disk *disk);
void sim_check_forget(void *self, void *view);
/* An item is about to leave: what is durable must imply it. */
void sim_check_leaves(struct acta_place *place, uint32_t end,
    const struct acta_item *item);
/* All is quiet: the books must balance. */
void sim_check_last(struct sim_world *world);

const struct sim_view *sim_view_of(
    const struct acta_place *place, bool durable);
/* A row's value; false: there is none. */
bool sim_view_get(const struct sim_view *view, enum acta_table table,
    const void *key, size_t key_size, struct acta_reader *out);

#endif /* T_SIM_H */
