/*
 * runtime/root/supervisor.h - the policy of supervision as a pure state
 * machine: events and the time in, actions out; no I/O, no clock, no chance but
 * the seed. The root carries the actions out; a simulation can too.
 *
 * OTP's one_for_one with ordered start (each ready before the next), reverse
 * stop, restart types and intensity; beyond OTP: backoff, hold, doors outside
 * the intensity, hang and heartbeat. The states stand in runtime/root/README.
 *
 * After every event the caller takes all actions (acta_sup_take) in order.
 */
#ifndef ACTA_ROOT_SUPERVISOR_H
#define ACTA_ROOT_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "codecs/err.h"
#include "runtime/plan.h"
#include "runtime/root/backoff.h"
#include "runtime/root/intensity.h"

#define ACTA_SUP_READY_MS 60000 /* from the spawn to READY */
#define ACTA_SUP_BEAT_MS 10000  /* a child that beats each second is lost */
#define ACTA_SUP_ABORT_MS 2000  /* from SIGABRT to SIGKILL */
#define ACTA_SUP_DOOR_MS 500    /* longest wait before a door's restart */
#define ACTA_SUP_DOOR_TRIES \
	5u /* of a door's first start, then the node fails */

enum acta_sup_state {
	ACTA_SUP_STOPPED, /* by an operator, by its restart type, or not begun */
	ACTA_SUP_STARTING, /* a process lives, not ready yet */
	ACTA_SUP_UP,
	ACTA_SUP_BACKOFF,  /* none lives; a restart is due */
	ACTA_SUP_STOPPING, /* it was asked to end */
	ACTA_SUP_DYING,  /* condemned: SIGABRT, then SIGKILL; then as a crash */
	ACTA_SUP_FAILED, /* held: one restart too many */
	ACTA_SUP_STORAGE /* held: its disk failed; only a checked start */
};

/* How a child's process ended, as far as policy asks. */
enum acta_sup_end {
	ACTA_END_NORMAL,   /* exit status 0 */
	ACTA_END_ABNORMAL, /* any other status, a signal, no process at all */
	ACTA_END_STORAGE,  /* said storage-failed */
	ACTA_END_START,    /* said start-failed, or its program cannot be run */
	ACTA_END_CONFLICT  /* said locked or address-in-use */
};

/* Why a live child is condemned. */
enum acta_sup_fault {
	ACTA_FAULT_NONE,
	ACTA_FAULT_HANG,  /* a handler over its turn limit */
	ACTA_FAULT_BEAT,  /* no heartbeat */
	ACTA_FAULT_READY, /* not ready in time */
	ACTA_FAULT_RECORD /* it sent what is no record */
};

/* Bits of acta_sup_child.alarms. */
#define ACTA_ALARM_FAILED 1u
#define ACTA_ALARM_STORAGE 2u
#define ACTA_ALARM_DOOR 4u /* a door ended; over once it was up long enough */

enum acta_sup_verb {
	ACTA_DO_SPAWN,   /* arg: 1 for a checked start */
	ACTA_DO_STOP,    /* ask it to end */
	ACTA_DO_SIGNAL,  /* arg: the signal */
	ACTA_DO_CONDEMN, /* say so: arg is the fault; the signal comes apart */
	ACTA_DO_RESTART, /* say so: arg is the delay in ms; the spawn comes apart */
	ACTA_DO_UP,      /* say so: it is ready */
	ACTA_DO_DOWN,     /* say so: it is at rest; its state tells how */
	ACTA_DO_ALARM,    /* arg: the bit raised */
	ACTA_DO_CALM,     /* arg: the bit taken back */
	ACTA_DO_ESCALATE, /* say so: this child's end stops the node */
	ACTA_DO_ALL_UP,   /* the ordered start is over; once */
	ACTA_DO_EXIT /* all are at rest; arg: the node's exit status; last */
};

struct acta_sup_action {
	enum acta_sup_verb verb;
	uint32_t child;
	int64_t arg;
};

struct acta_sup_child {
	enum acta_sup_state state;
	enum acta_sup_fault fault; /* of the live process */
	bool live;                 /* spawned and not yet said to have ended */
	bool begun;  /* its first start was tried, or an operator forbade it */
	bool was_up; /* the live process has been ready */
	bool ever_up;
	bool start_then; /* while stopping: start again once it has ended */
	bool checked;    /* the next spawn is a checked one */
	uint32_t alarms;
	uint32_t restarts; /* automatic ones, in all */
	uint32_t tries;    /* of a door's first start */
	int64_t due_ms;    /* of the state; INT64_MAX: never */
	int64_t up_ms;     /* since when it is up */
	int64_t beat_ms;   /* last sign of life */
	struct acta_backoff backoff;
	struct acta_intensity window; /* under hold */
};

enum acta_sup_phase {
	ACTA_NODE_NEW,
	ACTA_NODE_STARTING,
	ACTA_NODE_RUNNING,
	ACTA_NODE_STOPPING,
	ACTA_NODE_DONE
};

/* Visible for reading: reports and tests look, only supervisor.c writes. */
struct acta_sup {
	const struct acta_plan *plan; /* borrowed for life */
	struct acta_sup_child *children;
	enum acta_sup_phase phase;
	uint32_t next; /* of the ordered start */
	bool hurried;
	int status; /* the node's exit status, while it stops */
	uint64_t chance;
	int64_t last_tick_ms;
	struct acta_intensity window;    /* under escalate */
	struct acta_sup_action *actions; /* a queue, emptied after each event */
	uint32_t actions_max, actions_count, actions_taken;
};

/*
 * Owns:    `plan` stays the caller's and must outlive `sup`.
 * Errors:  ACTA_EINVAL  the intensity or period is out of range; ACTA_ENOMEM.
 */
ACTA_NODISCARD enum acta_err acta_sup_init(
    struct acta_sup *sup, const struct acta_plan *plan, uint64_t seed);
void acta_sup_fini(struct acta_sup *sup);

/* The oldest action not yet taken; false if there is none. */
bool acta_sup_take(struct acta_sup *sup, struct acta_sup_action *out);
/* When acta_sup_tick has work; INT64_MAX: never. */
int64_t acta_sup_due(const struct acta_sup *sup);
/* The word of the state for people: "up", "backoff", ... */
const char *acta_sup_state_name(enum acta_sup_state state);
const char *acta_sup_fault_name(enum acta_sup_fault fault);
/* Restarts within the period, of the child or, under escalate, of the node. */
uint32_t acta_sup_recent(
    const struct acta_sup *sup, uint32_t child, int64_t now_ms);

/* -------------------------------------------------------------- events -- */

void acta_sup_start(struct acta_sup *sup, int64_t now_ms);
/* The process of the last SPAWN lives. A plain program is up with it. */
void acta_sup_spawned(struct acta_sup *sup, uint32_t child, int64_t now_ms);
void acta_sup_ready(struct acta_sup *sup, uint32_t child, int64_t now_ms);
void acta_sup_beat(struct acta_sup *sup, uint32_t child, int64_t now_ms);
/* What is no longer to be trusted with its process: see the faults. */
void acta_sup_condemn(struct acta_sup *sup, uint32_t child,
    enum acta_sup_fault fault, int64_t now_ms);
/* It ended and was reaped (or could not be spawned). */
void acta_sup_ended(struct acta_sup *sup, uint32_t child, enum acta_sup_end end,
    int64_t now_ms);
void acta_sup_tick(struct acta_sup *sup, int64_t now_ms);

/* ----------------------------------------------------------- operators -- */

/*
 * Stop all, in reverse order, then EXIT with `status`. A second call hurries:
 * what is left is killed, still in order.
 */
void acta_sup_shutdown(struct acta_sup *sup, int status, int64_t now_ms);

/*
 * Begin to start. Restarts so far are forgotten for backoff and intensity.
 *
 * Errors:  ACTA_EBUSY     it is up or starting already.
 *          ACTA_EDENIED   its storage failed and `checked` is false.
 *          ACTA_ECLOSED   the node is stopping.
 *          ACTA_EAGAIN    the ordered start has not come to it yet.
 */
ACTA_NODISCARD enum acta_err acta_sup_cmd_start(
    struct acta_sup *sup, uint32_t child, bool checked, int64_t now_ms);
/* Errors: ACTA_EINVAL  a door is not stopped alone. ACTA_ECLOSED. */
ACTA_NODISCARD enum acta_err acta_sup_cmd_stop(
    struct acta_sup *sup, uint32_t child, int64_t now_ms);
/* Stop if it lives, then start. Errors: as start's but EBUSY. */
ACTA_NODISCARD enum acta_err acta_sup_cmd_restart(
    struct acta_sup *sup, uint32_t child, int64_t now_ms);

#endif /* ACTA_ROOT_SUPERVISOR_H */
