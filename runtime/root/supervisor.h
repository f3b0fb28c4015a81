/*
 * runtime/root/supervisor.h - the policy of supervision as a pure state
 * machine: events and the time in, actions out; no I/O, no clock, no chance but
 * the seed. The root carries the actions out; a simulation can too.
 *
 * A tree of supervisors and workers with OTP's semantics in full: strategies,
 * restart types, significant children and auto_shutdown, intensity in period,
 * shutdown kinds, ordered start (each ready before the next), reverse stop,
 * retried restarts, escalation, and the calls that an operator has. Beyond OTP:
 * backoff, hold, doors outside the intensity, hang and heartbeat. Two tables in
 * supervisor.c tell which event means what in which state; runtime/root/README
 * has them in words.
 *
 * A child is a number below `room`, which the caller chooses; the caller keeps
 * what else it knows of the child at that number. The supervisor at the top is
 * ACTA_SUP_TOP.
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
#define ACTA_SUP_DEPTH_MAX 16u     /* supervisors within supervisors */
#define ACTA_SUP_ROOM_MAX (1u << 20)
#define ACTA_SUP_NONE UINT32_MAX
#define ACTA_SUP_TOP (UINT32_MAX - 1)

enum acta_sup_state {
	ACTA_SUP_STOPPED, /* by an operator, by its restart type, or not begun */
	ACTA_SUP_STARTING, /* a process lives, not ready yet */
	ACTA_SUP_UP,
	ACTA_SUP_BACKOFF,  /* none lives; a restart is due */
	ACTA_SUP_STOPPING, /* it was asked to end, or gives up by itself */
	ACTA_SUP_DYING,  /* condemned: SIGABRT, then SIGKILL; then as a crash */
	ACTA_SUP_FAILED, /* held: one restart too many */
	ACTA_SUP_STORAGE /* held: its disk failed; only a checked start */
};
#define ACTA_SUP_STATES 8u

/* How a child's process ended, as far as policy asks. */
enum acta_sup_end {
	ACTA_END_NORMAL,   /* exit status 0 */
	ACTA_END_SHUTDOWN, /* a supervisor that gave up; OTP's `shutdown` */
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
	ACTA_DO_ESCALATE, /* say so: this child's end ends its supervisor, arg */
	ACTA_DO_AUTO_SHUTDOWN, /* the same, for it was significant */
	ACTA_DO_ANSWER, /* to the call about this child; arg: enum acta_sup_word */
	ACTA_DO_FORGET, /* its supervisor knows it no more */
	ACTA_DO_ALL_UP, /* the ordered start is over; once */
	ACTA_DO_EXIT /* all are at rest; arg: the node's exit status; last */
};

struct acta_sup_action {
	enum acta_sup_verb verb;
	uint32_t child;
	int64_t arg;
};

/* OTP's answers, by OTP's names (acta_sup_word_name). */
#define ACTA_SUP_WORDS(X)                                                \
	X(OK, "ok")                                                      \
	X(UNDEFINED, "undefined") /* ok, but it ignored its start */     \
	X(ERROR, "error")         /* its start failed */                 \
	X(ALREADY_STARTED, "already_started")                            \
	X(ALREADY_PRESENT, "already_present")                            \
	X(RUNNING, "running")                                            \
	X(RESTARTING, "restarting")                                      \
	X(NOT_FOUND, "not_found")                                        \
	X(SIMPLE, "simple_one_for_one")                                  \
	X(NOPROC, "noproc") /* the supervisor itself is not up */        \
	X(BAD_START_SPEC, "bad_start_spec")                              \
	X(DUPLICATE_CHILD_NAME, "duplicate_child_name")                  \
	X(BAD_COMBINATION, "bad_combination")                            \
	X(MISSING_ID, "missing_id")                                      \
	X(INVALID_RESTART_TYPE, "invalid_restart_type")                  \
	X(INVALID_SHUTDOWN, "invalid_shutdown")                          \
	X(INVALID_CHILD_TYPE, "invalid_child_type")                      \
	X(INVALID_STRATEGY, "invalid_strategy")                          \
	X(INVALID_INTENSITY, "invalid_intensity")                        \
	X(INVALID_PERIOD, "invalid_period")                              \
	X(INVALID_AUTO_SHUTDOWN, "invalid_auto_shutdown")                \
	X(INVALID_DEPTH, "invalid_depth") /* ours: deeper than 16 */     \
	X(NO_ROOM, "no_room")             /* ours: memory, or numbers */

enum acta_sup_word {
#define X(name, text) ACTA_SUP_##name,
	ACTA_SUP_WORDS(X)
#undef X
};

struct acta_sup_flags {
	uint32_t strategy; /* enum acta_strategy */
	uint32_t intensity;
	int64_t period_ms;
	uint32_t auto_shutdown; /* enum acta_auto_shutdown */
	uint32_t on_exceed;     /* enum acta_exceed */
};

/* A child's specification. Plain values. */
struct acta_sup_spec {
	char id[40];
	uint32_t restart;    /* enum acta_restart */
	int64_t shutdown_ms; /* 0: brutal_kill; ACTA_SHUTDOWN_INFINITY */
	bool significant;
	bool supervisor; /* its type; else a worker */
	bool door;       /* outside strategy and intensity: always back */
	bool program;    /* up with its process; it says no READY, nor beats */
	struct acta_sup_flags flags; /* of a supervisor */
	int64_t backoff_min_ms, backoff_max_ms, backoff_reset_ms;
	double backoff_factor, backoff_jitter;
};

/* What a start was for; it decides what its failure means. */
enum acta_sup_attempt {
	ACTA_TRY_FIRST,    /* its supervisor starts */
	ACTA_TRY_OPERATOR, /* Acta's own start: kept at, like a service's life */
	ACTA_TRY_CALL,     /* OTP's start_child, restart_child: answered */
	ACTA_TRY_RESTART,  /* automatic: retried, and counted */
	ACTA_TRY_GROUP     /* automatic, with its siblings */
};

enum acta_sup_calling {
	ACTA_CALLING_NOT,
	ACTA_CALLING_START,
	ACTA_CALLING_END
};

/* What a supervisor is about. */
enum acta_sup_phase {
	ACTA_NODE_NEW, /* not up; of the top: before the start */
	ACTA_NODE_STARTING,
	ACTA_NODE_RUNNING,
	ACTA_NODE_CLEARING, /* siblings are stopped, to be started anew */
	ACTA_NODE_FILLING,  /* and started */
	ACTA_NODE_STOPPING,
	ACTA_NODE_DONE /* the top alone */
};
#define ACTA_NODE_PHASES 7u

struct acta_sup_child {
	enum acta_sup_state state;
	enum acta_sup_fault fault; /* of the live process */
	bool live;                 /* spawned and not yet said to have ended */
	bool was_up; /* the live process has been ready */
	bool ever_up;
	bool asked;      /* its end is wanted */
	bool start_then; /* while stopping: start again once it has ended */
	bool checked;    /* the next spawn is a checked one */
	bool pending;    /* its supervisor will start it, in order */
	bool marked;     /* its supervisor will stop it first */
	bool stay;       /* a call stopped it meanwhile: not to be started */
	bool lost;       /* ended by itself while its supervisor was busy */
	enum acta_sup_calling calling; /* what a call waits for */
	bool fresh;      /* not a child yet: if its start fails, it never was */
	enum acta_sup_end end; /* of one that is lost */
	enum acta_sup_attempt attempt;
	uint32_t alarms;
	uint32_t restarts; /* automatic ones, in all */
	uint32_t tries;    /* of a door's first start */
	int64_t due_ms;    /* of the state; INT64_MAX: never */
	int64_t up_ms;     /* since when it is up */
	int64_t beat_ms;   /* last sign of life */
	int64_t counted_ms; /* when its last automatic restart was counted */
	struct acta_backoff backoff;
	struct acta_intensity *window; /* of its restarts, under hold; owned */

	/* its place */
	bool used;    /* this number is taken */
	bool known;   /* its supervisor has it in its list */
	bool founder; /* its supervisor starts with it, each time */
	uint32_t parent, depth;
	uint32_t prev, next; /* in the order of start */
	uint32_t founder_next, hash_next, lost_next;
	struct acta_sup_spec spec;

	/* of a supervisor */
	enum acta_sup_phase phase;
	enum acta_sup_end giving_up;  /* what its end will be */
	uint32_t first, last;         /* children, in the order of start */
	uint32_t founders, founders_last; /* of simple_one_for_one: the template */
	uint32_t lost_first, lost_last;
	uint32_t cursor;  /* who is being started, or stopped */
	uint32_t culprit; /* for whom siblings are restarted */
	uint32_t count, live_count;
	bool reordered; /* its list is to be put in the founders' order */
	uint32_t post, post_next; /* told to its own supervisor, next */
	struct acta_intensity *own_window; /* under escalate; owned */
};

/* Visible for reading: reports and tests look, only supervisor.c writes. */
struct acta_sup {
	struct acta_sup_child *children; /* room + 1: the last is the top */
	uint32_t room, used;             /* all numbers >= used are free */
	enum acta_sup_phase phase;       /* the top's */
	bool hurried;
	int status; /* the node's exit status, while it stops */
	uint64_t chance;
	int64_t now_ms, last_tick_ms;
	int64_t soonest_ms; /* nothing is due before */
	uint32_t *buckets, buckets_count;
	uint32_t posts_first, posts_last;
	struct acta_sup_action *actions; /* a queue, emptied after each event */
	uint32_t actions_max, actions_count, actions_taken;
};

/*
 * A tree of the top alone, for children numbered below `room`.
 *
 * Errors:  ACTA_EINVAL  flags out of range, or room; ACTA_ENOMEM.
 */
ACTA_NODISCARD enum acta_err acta_sup_init(struct acta_sup *sup,
    const struct acta_sup_flags *flags, uint32_t room, uint64_t seed);
void acta_sup_fini(struct acta_sup *sup);

/*
 * The tree of a plan, child i of the plan being child i here.
 *
 * Errors:  ACTA_EINVAL  with *out_word saying what of which *out_child;
 *          ACTA_ENOMEM.
 */
ACTA_NODISCARD enum acta_err acta_sup_init_plan(struct acta_sup *sup,
    const struct acta_plan *plan, uint32_t room, uint64_t seed,
    enum acta_sup_word *out_word, uint32_t *out_child);
struct acta_sup_spec acta_sup_spec_of_plan(const struct acta_plan_child *child);
struct acta_sup_flags acta_sup_flags_of_plan(const struct acta_plan *plan);

/*
 * Before the start: `child` is one of those that `parent` starts with, in this
 * order, each time; or, once, the template of a simple_one_for_one.
 */
enum acta_sup_word acta_sup_declare(struct acta_sup *sup, uint32_t parent,
    uint32_t child, const struct acta_sup_spec *spec);

enum acta_sup_word acta_sup_check_flags(const struct acta_sup_flags *flags);
/* Of a child of a supervisor with these flags. */
enum acta_sup_word acta_sup_check_spec(
    const struct acta_sup_flags *flags, const struct acta_sup_spec *spec);

/* The oldest action not yet taken; false if there is none. */
bool acta_sup_take(struct acta_sup *sup, struct acta_sup_action *out);
/* When acta_sup_tick has work, or earlier; INT64_MAX: never. */
int64_t acta_sup_due(const struct acta_sup *sup);
/* The word of the state for people: "up", "backoff", ... */
const char *acta_sup_state_name(enum acta_sup_state state);
const char *acta_sup_fault_name(enum acta_sup_fault fault);
const char *acta_sup_word_name(enum acta_sup_word word);
/* Restarts within the period that count against this child: its own under
 * hold, else its supervisor's. */
uint32_t acta_sup_recent(
    const struct acta_sup *sup, uint32_t child, int64_t now_ms);
/* What the restarts of this child are held against. */
const struct acta_sup_flags *acta_sup_flags_over(
    const struct acta_sup *sup, uint32_t child);
/* Its own, or the template's. */
const struct acta_sup_spec *acta_sup_spec_of(
    const struct acta_sup *sup, uint32_t child);

/* -------------------------------------------------------------- events -- */

void acta_sup_start(struct acta_sup *sup, int64_t now_ms);
/* The process of the last SPAWN lives. A plain program is up with it. */
void acta_sup_spawned(struct acta_sup *sup, uint32_t child, int64_t now_ms);
void acta_sup_ready(struct acta_sup *sup, uint32_t child, int64_t now_ms);
/* It says, instead of READY, that there is nothing for it to do. */
void acta_sup_ignored(struct acta_sup *sup, uint32_t child, int64_t now_ms);
void acta_sup_beat(struct acta_sup *sup, uint32_t child, int64_t now_ms);
/* What is no longer to be trusted with its process: see the faults. */
void acta_sup_condemn(struct acta_sup *sup, uint32_t child,
    enum acta_sup_fault fault, int64_t now_ms);
/* It ended and was reaped (or could not be spawned). */
void acta_sup_ended(struct acta_sup *sup, uint32_t child, enum acta_sup_end end,
    int64_t now_ms);
void acta_sup_tick(struct acta_sup *sup, int64_t now_ms);

/* --------------------------------------------------------- OTP's calls -- */

/*
 * What comes about at once is the answer; ACTA_SUP_OK otherwise, and then an
 * ANSWER follows for the child: `ok`, `undefined` or `error`. ALREADY_STARTED,
 * RUNNING, RESTARTING, ALREADY_PRESENT: acta_sup_find says who.
 */

/*
 * `child` is a free number. `spec` is NULL under simple_one_for_one, whose
 * template's is everybody's; and for one that the supervisor began with and has
 * not now, which then has its own number and spec.
 */
enum acta_sup_word acta_sup_start_child(struct acta_sup *sup, uint32_t parent,
    uint32_t child, const struct acta_sup_spec *spec, int64_t now_ms);
enum acta_sup_word acta_sup_terminate_child(
    struct acta_sup *sup, uint32_t child, int64_t now_ms);
enum acta_sup_word acta_sup_restart_child(
    struct acta_sup *sup, uint32_t child, int64_t now_ms);
/* Comes about at once: no ANSWER follows. */
enum acta_sup_word acta_sup_delete_child(
    struct acta_sup *sup, uint32_t child, int64_t now_ms);

struct acta_sup_counts {
	uint32_t specs, active, supervisors, workers;
};
enum acta_sup_word acta_sup_count_children(const struct acta_sup *sup,
    uint32_t parent, struct acta_sup_counts *out);
/* Newest first: the one after `after`, ACTA_SUP_NONE for the first, and after
 * the last. */
uint32_t acta_sup_which_children(
    const struct acta_sup *sup, uint32_t parent, uint32_t after);
/* The known child of that id, or ACTA_SUP_NONE. */
uint32_t acta_sup_find(
    const struct acta_sup *sup, uint32_t parent, const char *id);
/* OTP's `restarting` in place of a pid. */
bool acta_sup_is_restarting(const struct acta_sup *sup, uint32_t child);

/* One of a new list of founders: in, a number for it if it is new; out, the
 * number it has. */
struct acta_sup_founder {
	uint32_t child;
	struct acta_sup_spec spec;
};
/*
 * OTP's code_change: new flags, new founders. All or nothing. Processes are
 * left alone: who is new is known, but not started; who is not in the new list
 * is kept, behind the others. In any phase: one that is not up, or is stopping,
 * begins with the new list next time; one that is starting starts who is new,
 * too; while siblings are restarted they keep the old order to the end of it.
 */
enum acta_sup_word acta_sup_change(struct acta_sup *sup, uint32_t parent,
    const struct acta_sup_flags *flags, struct acta_sup_founder *founders,
    uint32_t count, int64_t now_ms);

/* ----------------------------------------------------------- operators -- */

/*
 * Stop all, in reverse order, then EXIT with `status`. A second call hurries:
 * what is left is killed, still in order.
 */
void acta_sup_shutdown(struct acta_sup *sup, int status, int64_t now_ms);

/*
 * Begin to start. Restarts so far are forgotten for backoff and intensity.
 * Unlike restart_child's, a start that fails is tried again, as a restart.
 *
 * Errors:  ACTA_EBUSY     it is up or starting already.
 *          ACTA_EDENIED   its storage failed and `checked` is false.
 *          ACTA_ECLOSED   its supervisor is stopping, or not up.
 *          ACTA_EAGAIN    the ordered start has not come to it yet.
 *          ACTA_ENOENT    there is no such child.
 */
ACTA_NODISCARD enum acta_err acta_sup_cmd_start(
    struct acta_sup *sup, uint32_t child, bool checked, int64_t now_ms);
/* Errors: ACTA_EINVAL  a door is not stopped alone. ACTA_ECLOSED, ACTA_ENOENT. */
ACTA_NODISCARD enum acta_err acta_sup_cmd_stop(
    struct acta_sup *sup, uint32_t child, int64_t now_ms);
/* Stop if it lives, then start. Errors: as start's but EBUSY. */
ACTA_NODISCARD enum acta_err acta_sup_cmd_restart(
    struct acta_sup *sup, uint32_t child, int64_t now_ms);

#endif /* ACTA_ROOT_SUPERVISOR_H */
