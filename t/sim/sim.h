/*
 * t/sim/sim.h - the simulator: a plan from a seed (what clients do and what
 * breaks), a world in which it happens, and checks after every event.
 *
 * plan.c makes the events of a seed; world.c lets them happen, faults.c breaks
 * things, clients.c asks, backup.c backs up; actors.c are the services; check.c
 * keeps what is durable and judges it; last.c judges the end; table.c counts;
 * main.c runs seeds and shrinks the events of one that fails.
 */
#ifndef T_SIM_H
#define T_SIM_H

#include "runtime/cli/cut.h"
#include "runtime/sim/cluster.h"
#include "runtime/sim/ledger.h"

#include <stdio.h>

#define SIM_SERVICES 3u
#define SIM_EVENTS_MAX 400u
#define SIM_KEYS 4u /* actors of a service that the plan knows: "0" .. */
#define SIM_ACTORS (SIM_SERVICES * SIM_KEYS)
#define SIM_OPS_MAX (SIM_EVENTS_MAX + 2 * SIM_ACTORS * SIM_ACTORS)
#define SIM_TRAPS_MAX 64u
#define SIM_COPIES_MAX 8u
#define SIM_PLACES_MAX 12u
#define SIM_REQUESTS 4096u /* the last, whose askers are known */
#define SIM_STEPS_MAX 400000u   /* of one seed: more does not come to rest */
#define SIM_HEAL_US 900000000LL /* simulated, from the heal to quiet */
#define SIM_PROBE_US 60000000LL /* the same, where a copy was put back */
#define SIM_LATER_US 15000000LL /* behind the heal: requests in the calm */
#define SIM_CALM_US 10000000LL /* after that nothing old is under way */
#define SIM_MENDS 5u           /* steps of an operator: reset, accept, .. */
#define SIM_MEND_PROBE 3u      /* in this one a word is said on each channel */
#define SIM_MEND_US 2000000LL  /* between two words of an operator */
#define SIM_LONG_US 120000000LL /* a token that nobody uses stays a day */
#define SIM_LOADS_MAX 24u /* in a second, of a partition without space: an
                          * operator's commands are each tried */
#define SIM_HANDLER_BYTES 12000u /* what one sends at most, to anybody */
#define SIM_DOOR_END 32u        /* the doors' first end of the network */

/* ----------------------------------------------------------------- plan -- */

#define SIM_EVENT_KINDS(X)                                                   \
	X(OP, "request")                                                     \
	X(KILL, "kill")           /* a trap: process a at point b, the c-th */ \
	X(POWER, "power cut")     /* a trap: the machine */                  \
	X(EIO, "EIO")             /* a trap: the disk fails */               \
	X(FULL, "no space")       /* a trap: a commit finds no space */      \
	X(LIMIT, "disk full")     /* of process a, for x us, d bytes left */ \
	X(PAUSE, "SIGSTOP")       /* process a, for x us */                  \
	X(SLOW, "slow")           /* process a, for x us */                  \
	X(TERM, "SIGTERM")        /* process a: it drains and ends */        \
	X(UPGRADE, "new version") /* the same, then a newer schema */        \
	X(ROOT, "root killed")    /* and so all of the node */               \
	X(DOOR, "door killed")    /* door a */                               \
	X(CUT, "link cut")        /* from a to b, for x us */                \
	X(PART, "cut off")        /* a from all; c: 1 its words alone, 2 theirs */ \
	X(REOPEN, "link opened anew") /* of a to b; c: told again, or idle */ \
	X(NET, "bad network")     /* `rates`, for x us */                    \
	X(LINK, "bad link")       /* the same, from a to b alone */          \
	X(WALL, "wall clock set") /* by x us */                              \
	X(COPY, "store copied")   /* of process a */                         \
	X(RESTORE, "copy put back") /* of a's partitions b, their last copy */ \
	X(WIPE, "store made anew")  /* of the same: it is empty */           \
	X(BACKUP, "backup")         /* ends at its c-th step; 0: it does not */ \
	X(PUT_BACK, "backup put back") /* services a, bit by bit; 0: all */

#define X(name, text) EV_##name,
enum sim_event_kind { SIM_EVENT_KINDS(X) EV_KINDS };
#undef X

/* name, message type, its args */
#define SIM_OPS(X)                                                          \
	X(MOVE, "move", "to amount") /* transfer to another account */      \
	X(SAY, "say", "to count fails n") /* numbered messages to another */ \
	X(WORK, "work", "to count n") /* the same; held while it is locked */ \
	X(THROW, "throw", "to count n") /* each comes back, numbered */    \
	X(LOCK, "lock", "ms")                                               \
	X(TOIL, "toil", "")         /* a call that is held */               \
	X(QUERY, "query", "to n how ms") /* ask another */                  \
	X(ANSWER, "answer", "to n how")  /* be answered in several ways */  \
	X(PASS, "pass", "to n how") /* forwarded to another, or to none */  \
	X(DENY, "deny", "")                                                 \
	X(DOOM, "doom", "to n how lives") /* a message that fails or crashes */ \
	X(POST, "post", "to count fails lives n ms") /* outside the turn */ \
	X(STAGE, "stage", "to n")   /* to whichever worker has least to do */ \
	X(TIMER, "after", "n ms")                                           \
	X(EVERY, "every", "n ms times")                                     \
	X(SHOUT, "shout", "")                                               \
	X(FOLLOW, "follow", "to")   /* hear what another shouts */      \
	X(ITEMS, "items", "count")                                          \
	X(PEEK, "peek", "")                                                 \
	X(UNKNOWN, "no-such-type", "")                                      \
	X(BAD, "move", "to")        /* an arg is missing */                 \
	X(REUSE, "shout", "")       /* another's id */               \
	X(RETRY, "@dead-retry", "id") /* of an operator */             \
	X(EDIT, "@dead-retry", "id args") /* with other args */

#define X(name, type, args) OP_##name,
enum sim_op { SIM_OPS(X) OPS };
#undef X

/* What an operator says, of a dead letter. */
static inline bool
sim_of_operator(uint32_t op)
{
	return op == OP_RETRY || op == OP_EDIT;
}

/* How a question is answered. */
enum sim_how {
	HOW_AT_ONCE, HOW_REFUSED, HOW_BY_TIMER, HOW_FORWARDED, HOW_BY_ANOTHER,
	HOW_NIL, HOW_NEVER, HOW_FAILED, HOWS
};
/* How a message is doomed. */
enum sim_doom {
	DOOM_FAILS, DOOM_CRASHES, DOOM_HANGS, DOOM_MISUSES, DOOM_NOWHERE, DOOMS
};

struct sim_event {
	int64_t at_us, x;
	uint32_t kind, number; /* its place in the plan, before any shrinking */
	uint32_t a, b, c, d;   /* of an OP: op, who, to whom, how much */
	uint32_t how, lives, ms, timeout_ms;
	bool kept_id, send, session;
	struct acta_net_rates rates;
};

struct sim_plan {
	uint64_t seed;
	uint32_t parts[SIM_SERVICES], services, doors;
	bool sets_back;  /* copies are put back: only channels are judged */
	bool mends;      /* and an operator makes the channels agree again */
	bool small_quota;
	bool old_ids; /* ids tell their time, and hours of them are forgotten */
	bool late; /* services hear events from their new version on */
	bool memory; /* the last service is in memory: asked, and no more */
	struct acta_part_config config;
	struct acta_store_options store;
	struct acta_net_rates rates;
	int64_t start_us, heal_us; /* from `heal` on nothing breaks */
	struct sim_event events[SIM_EVENTS_MAX];
	uint32_t count;
};

void sim_plan_make(struct sim_plan *plan, uint64_t seed);
void sim_event_print(
    FILE *out, const struct sim_plan *plan, const struct sim_event *event);

/* --------------------------------------------------------------- points -- */

#define SIM_POINTS(X)                                   \
	X(BETWEEN, "between rounds")                    \
	X(ITEM, "item taken in")                        \
	X(GATHER, "gather")                             \
	X(HANDLER, "handler")                           \
	X(COMMIT, "commit")                             \
	X(DATA, "commit: data")                         \
	X(FLUSH, "commit: flush")                       \
	X(ROOT, "commit: root")                         \
	X(CACHED, "commit: root in page cache")         \
	X(DONE, "commit: durable, not returned")        \
	X(COMMITTED, "committed")                       \
	X(LEAVING, "an item leaves")                    \
	X(RELEASED, "released")                         \
	X(FRAME, "a frame leaves")                      \
	X(OUTSIDE, "outside: run, not taken over")      \
	X(IDLE_DATA, "idle: data")                      \
	X(IDLE_FLUSH, "idle: flush")                    \
	X(IDLE_ROOT, "idle: root")                      \
	X(IDLE_CACHED, "idle: root in page cache")      \
	X(IDLE_DONE, "idle: durable, not returned")     \
	X(OPEN, "open")                                 \
	X(OPEN_SYNC, "open: sync")                      \
	X(OPEN_DATA, "open: data")                      \
	X(OPEN_FLUSH, "open: flush")                    \
	X(OPEN_ROOT, "open: root")                      \
	X(OPEN_CACHED, "open: root in page cache")      \
	X(OPEN_DONE, "open: durable, not returned")

#define X(name, text) PT_##name,
enum sim_point { SIM_POINTS(X) PT_COUNT };
#undef X
extern const char *const sim_point_names[PT_COUNT];

/* ---------------------------------------------------------------- table -- */

/* What happened, over all seeds: a row of zero is a hole in the test. */
#define SIM_TALLIES(X)                                      \
	X(ANSWERED, "request: answered")                    \
	X(REFUSED, "request: refused")                      \
	X(ASKED_AGAIN, "request: asked again, same id")     \
	X(RESENT, "request: sent again by its door")        \
	X(SAME_ANSWER, "request: answered again, the same") \
	X(UNKNOWN, "request: no id, never answered")        \
	X(BUSY, "request: busy")                            \
	X(EXPIRED, "request: expired")                      \
	X(REUSED, "request: id-reused")                     \
	X(ID_EXPIRED, "request: id-expired")                \
	X(UNDONE, "request: its session went on without it") \
	X(SESSION, "request: in a session")                 \
	X(REVIVED, "dead letter: tried again")              \
	X(EDITED, "dead letter: with other args")           \
	X(OUT_ANSWERED, "ask: answered")                    \
	X(OUT_REFUSED, "ask: refused")                      \
	X(OUT_UNDELIVERED, "ask: undelivered")              \
	X(OUT_TIMED_OUT, "ask: timed out")                  \
	X(FIRED, "timer fired")                             \
	X(FOLLOWED, "event heard by a follower")            \
	X(TOLD, "event heard by a service")                 \
	X(TOLD_PAST, "event log heard from its past")       \
	X(TOLD_LATE, "event log heard from within")         \
	X(LAPSED, "events skipped, no room")                \
	X(NEARLY_FULL, "store nearly full, told")           \
	X(STOPPED, "partition stopped, a message failed")   \
	X(GOES_ON, "partition told to go on")               \
	X(RETRIED, "message failed, to be retried")         \
	X(HELD, "message held")                             \
	X(OUTSIDE, "handler outside: run")                  \
	X(OUTSIDE_AGAIN, "handler outside: run again")      \
	X(OUTSIDE_OFF, "handler outside: called off")       \
	X(DEAD_FAILED, "dead letter: failed")               \
	X(DEAD_CRASHED, "dead letter: crashed")             \
	X(DEAD_MISUSED, "dead letter: misused")             \
	X(DEAD_NOWHERE, "dead letter: unknown-service")     \
	X(CRASH, "process crashed by a handler")            \
	X(HUNG, "process hung in a handler")                \
	X(SURVIVED, "crashed, then handled")                \
	X(MIGRATED, "actor migrated")                       \
	X(TAKEN_HANDLED, "taken from a channel: handled")   \
	X(TAKEN_REJECTED, "taken from a channel: rejected") \
	X(TAKEN_PARKED, "taken from a channel: parked")     \
	X(TAKEN_DEAD, "taken from a channel: dead letter")  \
	X(HELLO, "HELLO")                                   \
	X(WELCOME, "WELCOME")                               \
	X(NACK, "NACK")                                     \
	X(ACK, "ACK")                                       \
	X(DATA, "DATA")                                     \
	X(REPLY, "REPLY")                                   \
	X(EVENT, "EVENT")                                   \
	X(COMMITS, "turns committed")                       \
	X(MERGES, "commits without a turn")                \
	X(FROZE, "generation full, frozen")                 \
	X(END_SLICE, "ended: in a commit that merges")      \
	X(END_PARKED, "ended: in a commit, some are parked") \
	X(END_REPLAY, "ended: in an open that replays")     \
	X(STARTS, "process started")                        \
	X(STARTS_CHECKED, "started after storage-failed")   \
	X(REFUSED_LIE, "not started: the page cache lies")  \
	X(STORAGE_FAILED, "storage-failed")                 \
	X(STORE_FULL, "store-full")                         \
	X(POWER_LOST, "un-synced commit: lost")             \
	X(POWER_KEPT, "un-synced commit: kept")             \
	X(BLOCKED, "a message waits for room in a channel") \
	X(EARLY, "request: in a session, before its turn")  \
	X(NET_LOST, "frame: lost")                          \
	X(NET_DOUBLED, "frame: doubled")                    \
	X(NET_OVERTAKING, "frame: overtaking")              \
	X(NET_LATE, "frame: late")                          \
	X(NET_CUT, "frame: link cut")                       \
	X(NET_TO_DEAD, "frame: to a dead process")          \
	X(NET_OF_DEAD, "frame: of a dead process, arrived") \
	X(MEMORY_ASKED, "asked of a service in memory")     \
	X(QUOTA, "store at its quota")                      \
	X(IDS_QUOTA, "client ids at their quota")           \
	X(STAGED, "done by a competing worker")             \
	X(BACK_RESET, "set back: an operator resets")       \
	X(BACK_ACCEPTED, "set back: an operator accepts")   \
	X(BACK_STOPPED, "set back: channel stopped")        \
	X(BACK_AGREED, "set back: channel agrees, goes on") \
	X(BACKUP, "backup: whole")                          \
	X(BACKUP_AGAIN, "backup: not of one instant, again") \
	X(BACKUP_DOWN, "backup: with a service that is down") \
	X(BACKUP_ENDED, "backup: ended by a kill")          \
	X(BACK_ALL, "put back: all")                        \
	X(BACK_SOME, "put back: some services")             \
	X(BACK_TWICE, "put back: again, from the same backup") \
	X(BACK_KILLED, "put back: ended by a kill, again")  \
	X(BACK_TOGETHER, "put back: channel of two goes on")

#define X(name, text) T_##name,
enum sim_tally {
	T_KILL,                        /* by point */
	T_POWER = T_KILL + PT_COUNT,   /* by point */
	T_EIO = T_POWER + PT_COUNT,    /* by point */
	T_FULL = T_EIO + PT_COUNT,     /* by point */
	T_KIND = T_FULL + PT_COUNT,    /* by event kind */
	T_OP = T_KIND + EV_KINDS,      /* by op: asked */
	T_FIRST = T_OP + OPS - 1,
	SIM_TALLIES(X) T_COUNT
};
#undef X
/* Its name; false: it cannot happen (an EIO where nothing is written). */
bool sim_tally_name(uint32_t tally, char room[64]);

/* ---------------------------------------------------------------- world -- */

struct sim_ask { /* a client's request, until it knows */
	struct sim_event event;
	uint64_t id, seq; /* seq: in its session, 0 none */
	int64_t id_ms;    /* the time that its id tells; 0: none */
	uint64_t calm;    /* what had been disturbed when it was sent */
	bool answered, final, ok;
	bool unknown; /* without a kept id, and no answer came */
	bool not_done; /* without a kept id, and it was told so */
	bool dropped;  /* its door knew no way */
	bool told_over; /* it expired */
	bool passed;   /* its session went on, and its answer is gone */
	bool in_backup; /* it was answered when the last one was begun */
	bool forgotten; /* whether it was done went with what was put back */
	uint32_t session; /* which of its actor's */
	uint64_t replied; /* that request of it, without a kept id */
	uint32_t tries;
	uint64_t requests[ACTA_CLUSTER_DOORS_MAX]; /* the last at each door */
	int64_t again_us;
	char code[32];
	struct acta_buf result;
};

struct sim_trap {
	uint32_t end, point, countdown, kind;
	uint32_t again; /* so many times */
	bool armed;
};

struct sim_process { /* beside the cluster's */
	int64_t restart_us, check_us, idle_us, pause_us, slow_us, round_us;
	int64_t outside_us; /* when one of its handlers outside makes a step */
	int64_t hang_us; /* until then it hangs; INT64_MAX: it does not */
	bool hangs;
	int64_t hung_by; /* that message */
	int64_t full_until_us;
	bool eio;   /* its disk failed since it last started */
	bool full;  /* and had no space */
	bool check; /* storage-failed: it must be read past the page cache */
	bool upgrade;
	bool beyond; /* its quota, before the commit in hand */
	struct acta_sim_copy *copies[ACTA_CLUSTER_PARTS_MAX];
	struct acta_sim_copy *old[ACTA_CLUSTER_PARTS_MAX]; /* BREAK_OLD_STORE */
	bool set_back; /* a copy was put back */
	int64_t deaf_to[SIM_KEYS]; /* of ash: events before its new version */
	int64_t asked_ms;          /* when that began */
	int64_t asked_seq[ACTA_CLUSTER_PARTS_MAX]; /* the last in ash's logs */
	struct sim_loads { /* of a partition: that many since then */
		uint64_t count;
		int64_t since_us;
	} loads[ACTA_CLUSTER_PARTS_MAX];
	uint32_t put_back; /* with those of the same number, from one backup */
};

/* ------------------------------------------------------------- backups -- */

struct sim_store { /* of a backup */
	struct acta_place *place;
	uint64_t held, gone; /* requests that wait for their answer */
	struct acta_view *view; /* what was copied */
	struct acta_manifest_store row;
	struct acta_sim_disk *copy, *stage;
};

struct sim_backup {
	enum { BACKUP_NONE, BACKUP_HOLD, BACKUP_LOOK, BACKUP_GO, BACKUP_COPY } state;
	int64_t next_us; /* its next step; INT64_MAX: there is none */
	uint32_t tries, steps_left; /* 0: it ends by itself */
	uint32_t number; /* of backups that came to their end */
	uint32_t held, gone, copied;
	bool all_held, killed;
	struct acta_cut cut;
	struct acta_snapshot *snapshots[SIM_PLACES_MAX];
	uint64_t turns[SIM_PLACES_MAX];
	struct sim_store stores[SIM_PLACES_MAX];
	uint32_t count;
	struct sim_store kept[SIM_PLACES_MAX]; /* of the last whole one */
	uint32_t kept_count;
	uint32_t chosen; /* services that are put back, bit by bit */
};

struct sim_talk { /* on one channel, since the sender's last question */
	uint64_t nonce, sent, granted;
	uint32_t hellos; /* in the calm */
};

struct sim_failed { /* a message that fails some times: when it did last */
	int64_t at_ms[4];
};

struct sim_world {
	const struct sim_plan *plan;
	const bool *left_out; /* by event number; NULL: none */
	unsigned breaks;
	struct acta_cluster cluster;
	struct acta_ledger ledger;
	struct acta_dice dice;
	struct acta_loaded loaded[4][SIM_SERVICES];
	struct sim_process processes[SIM_SERVICES];
	struct sim_ask asks[SIM_OPS_MAX];
	uint32_t ask_count, ask_first, next_event;
	struct sim_trap traps[SIM_TRAPS_MAX];
	uint32_t trap_count;
	enum { DOING_NOTHING, DOING_ROUND, DOING_IDLE, DOING_OPEN } doing;
	int64_t tell_us[ACTA_NET_ENDS_MAX][ACTA_NET_ENDS_MAX]; /* whom, of whom;
	                                                          0: nothing */
	uint32_t tells;
	int64_t net_until_us, slew_us;
	bool power_out, healing, probed, set_back;
	struct sim_backup backup;
	uint32_t put_back; /* so many times was something */
	uint32_t mended;       /* steps of an operator's way out */
	int64_t mend_us;       /* the next */
	uint64_t words[SIM_PLACES_MAX][SIM_PLACES_MAX]; /* not yet answered */
	bool stood[SIM_PLACES_MAX][SIM_PLACES_MAX]; /* channels that stopped */
	bool stands[SIM_PLACES_MAX]; /* a partition in which a message failed */
	int64_t calm_us;       /* nothing was disturbed since */
	uint64_t disturbances; /* what may have cost a request its answer */
	int64_t latest_ms;     /* that the node's time has been */
	struct sim_talk talks[SIM_PLACES_MAX][SIM_PLACES_MAX];
	struct sim_failed failed[SIM_EVENTS_MAX];
	uint32_t powers, ends;
	uint64_t requests;
	/* Who asked: by the request's number, of the last of them. */
	struct sim_ask *asked_by[SIM_REQUESTS];
	/* Each actor has a client that speaks to it in a session: what it asked
	 * last, and what of that was done. */
	struct sim_ask *session_ask[SIM_ACTORS];
	uint64_t session_seq[SIM_ACTORS];
	uint8_t crashes[SIM_EVENTS_MAX]; /* of a doomed message, by its number */
	uint8_t survived[SIM_EVENTS_MAX];
	/* Events of an actor before another first asked to hear them. */
	int64_t before_follow[SIM_ACTORS][SIM_ACTORS];
	bool follows[SIM_ACTORS][SIM_ACTORS];
	uint32_t posts[SIM_EVENTS_MAX]; /* the world outside: runs of a post */
	uint64_t steps, hash;
	FILE *trace; /* NULL: silent */
	bool violated;
	char violation[512];
	const char *violation_kind; /* its format: shrinking keeps to one kind */
	uint64_t tally[T_COUNT];
};

/* The world that runs: actors and hooks find it here. One at a time. */
extern struct sim_world *sim;

void sim_violation(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void sim_violation_of(const char *kind, const char *text);
/* The same, but of what is not promised where a copy was put back. */
void sim_broken(const char *format, ...) __attribute__((format(printf, 1, 2)));
void sim_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Let the plan happen to its end, or to a violation. `turn` is part of the seed
 * of all chance but the plan's. */
void sim_world_run(struct sim_world *world, const struct sim_plan *plan,
    const bool *left_out, uint32_t turn, FILE *trace, unsigned breaks);
void sim_world_fini(struct sim_world *world);
/* All partitions; how many. */
uint32_t sim_places(struct acta_place *out[SIM_PLACES_MAX]);

enum { /* deliberate faults of the simulator's own layer: the checks find them */
	BREAK_NO_FLUSH = 1,    /* a commit returns before it is durable */
	BREAK_EARLY_ACK = 2,   /* the network acks what it is given */
	BREAK_NEW_ID = 4,      /* a client asks again under another id */
	BREAK_OLD_STORE = 8,   /* a restart finds the store as it was before */
	BREAK_UNCHECKED = 16,  /* after storage-failed nobody checks */
	BREAK_BLAME_KILLS = 32 /* the root blames for kills from outside */
};

/* ---------------------------------------------------- faults and the root -- */

bool sim_point_met(uint32_t end, enum sim_point point, uint32_t *out_kind);
void sim_fault(const struct sim_event *event);
/* Of the deliberate faults: a forged ack; a copy to be put back at a restart. */
void sim_break_ack(struct acta_place *from, const struct acta_item *data);
void sim_break_copy(struct acta_process *process);
void sim_fault_ended(struct acta_process *process);
/* It hangs in a handler, until the root has had enough. */
void sim_fault_hang_over(struct acta_process *process);
/* From here on everything must be calm again. */
void sim_disturb(void);
void sim_announce(uint32_t end);
void sim_restart(struct acta_process *process);
/* What came of something that a process did. */
void sim_judge(struct acta_process *process, enum acta_err err);

/* -------------------------------------------------------------- clients -- */

void sim_ask_begin(const struct sim_event *event);
void sim_ask_again(struct sim_ask *ask);
void sim_ask_resend(uint32_t door, uint32_t end);
void sim_ask_reply(uint32_t door, const struct acta_item *item);
struct sim_ask *sim_ask_of(uint32_t door, uint64_t request);
/* Whose it is, although it was asked again since; NULL: not known any more. */
struct sim_ask *sim_ask_by(uint64_t request);
void sim_ask_id(const struct sim_ask *ask, uint8_t out[16]);
/* An operator's word to a partition about its channel with another: the
 * request's number. */
uint64_t sim_operator(const struct acta_place *to, const char *type,
    const struct acta_place *peer);
uint64_t sim_admin(const struct acta_place *to, const char *type,
    const struct acta_buf *args);
uint64_t sim_disturbances(void);

/* -------------------------------------------------------------- backups -- */

void sim_backup_begin(uint32_t steps);
void sim_backup_step(void);
void sim_backup_heard(const struct acta_item *reply);
void sim_backup_end(void); /* its process ends */
void sim_backup_fini(struct sim_backup *backup);
/* Of a disk that belongs to no process. */
enum acta_sim_fate sim_backup_disk(struct acta_sim_disk *disk);
void *sim_backup_seen(struct acta_sim_disk *disk, void *before);
/* These services' stores, from the last backup; 0: all. */
void sim_put_back(uint32_t services);
/* The node ends, without power or with it. */
void sim_all_end(bool power);
/* Were the two put back at different times, or one alone? */
bool sim_set_apart(uint32_t a, uint32_t b);

/* --------------------------------------------------------------- actors -- */

/* As they are, after an upgrade, in memory, before they heard anybody. */
extern const struct acta_service sim_services[4][SIM_SERVICES];
void sim_actors_init(void);

/* --------------------------------------------------------------- checks -- */

void sim_check_init(void);
void *sim_check_seen(void *self, struct acta_sim_disk *disk, void *before);
void sim_check_forget(void *self, void *view);
/* An item is about to leave: what is durable must imply it. */
void sim_check_leaves(struct acta_place *place, uint32_t end,
    const struct acta_item *item);
/* A round has ended. */
void sim_check_round(const struct acta_process *process);
uint32_t sim_place_number(const struct acta_place *place);
bool sim_channel_stopped(
    const struct acta_place *from, const struct acta_place *to);
/* All is quiet: the books must balance. */
void sim_check_last(void);

/* Of a row of an actor, as it is durable. */
int64_t sim_actor_int(uint32_t actor, const char *name, int64_t otherwise);
int64_t sim_state_int(const struct acta_view *view, const char *key,
    const char *name, int64_t otherwise);

#endif /* T_SIM_H */
