/*
 * runtime/root/root.h - the supervising process: carries out what supervisor.h
 * decides. One thread, one loop; all it needs is allocated before the first
 * child starts. Only the answers to operators allocate later, and may fail.
 */
#ifndef ACTA_ROOT_ROOT_H
#define ACTA_ROOT_ROOT_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "codecs/err.h"
#include "runtime/clock.h"
#include "runtime/ctl.h"
#include "runtime/plan.h"
#include "runtime/root/blame.h"
#include "runtime/root/cause.h"
#include "runtime/root/doc.h"
#include "runtime/root/peers.h"
#include "runtime/root/spawn.h"
#include "runtime/root/supervisor.h"

#define ACTA_ROOT_CLIENTS 32u
#define ACTA_ROOT_ALARMS 8u /* a child's own, at once */
#define ACTA_ROOT_TICK_MS 1000
#define ACTA_ROOT_LINE 2048u /* bytes of a wish */
#define ACTA_ROOT_ARGS 64u   /* of a program that is added */
#define ACTA_ROOT_LINE_MS 10000 /* for a client to say what it wants */
#define ACTA_ROOT_RECORDS 64u   /* read of one child before the next's turn */

struct acta_root_alarm {
	char name[48], text[400]; /* name "": free */
};

/* What the root knows of a child beside its state in the supervisor. */
struct acta_root_child {
	pid_t pid;           /* 0: none lives */
	int pidfd, ctl, box; /* -1: none */
	uint32_t because;    /* 1 + who ended this group; 0: nobody */
	bool removed;        /* the config has it no more: it stops, and goes */
	bool deaf;           /* its end of the pair is closed or broken */
	bool gone;           /* it takes no more, but may have said something */
	bool writing;        /* epoll waits for room in the pair */
	bool stop_pending;   /* STOP found no room */
	bool go_pending;     /* an operator's start is to be told */
	bool blame_told;     /* the ending zero uid is out */
	uint32_t blame_at;   /* next row of its blame table to tell */
	uint64_t told;       /* last change of peers it was told */
	uint64_t born;       /* changes up to this one that mean "gone" are no
	                      * news to it */
	int64_t spawned_ms, ended_ms;
	/* of its heartbeats */
	uint64_t handled_before, handled, waiting, dead;
	int64_t beat_ms;
	double rate;
	/* of its CAUSE record */
	char code[48], text[400];
	/* across its processes */
	uint64_t causes_count; /* in all; the last ACTA_CAUSES_KEPT are there */
	uint64_t in_handler, between;
	struct acta_cause causes[ACTA_CAUSES_KEPT];
	struct acta_root_alarm alarms[ACTA_ROOT_ALARMS]; /* its own, now */
	struct acta_blame blame;
};

enum acta_root_wait {
	ACTA_WAIT_NONE,
	ACTA_WAIT_UP,
	ACTA_WAIT_STOPPED,
	ACTA_WAIT_ANSWER, /* the supervisor's, to one of OTP's calls */
	ACTA_WAIT_REMADE  /* the same, and then it is started again */
};

struct acta_root_client {
	int fd; /* -1: free */
	int64_t since_ms;
	char line[ACTA_ROOT_LINE];
	size_t line_size;
	enum acta_root_wait wait;
	uint32_t child; /* waited for */
	struct acta_doc out;
	size_t out_at;
	bool answered;
};

/* A config being read again, by a process that writes what comes of it. */
struct acta_root_reload {
	pid_t pid;       /* 0: none */
	int plan, words; /* memfds: its plan, and what it said; -1: none */
	bool again;      /* asked for once more meanwhile */
	bool slow;       /* it took too long, and was killed */
	int64_t since_ms;
	/* Of those taken before: who is to be started, in order, each when the
	 * one before is up; and whether some are to be stopped and gone. */
	uint32_t *starting, starting_count;
	bool started; /* the first of them, as far as it was our part */
	bool leaving;
};

struct acta_root {
	/* What was added since stands behind, in the room that is left; a name
	 * of no bytes is a free place. */
	struct acta_plan plan;
	uint32_t planned; /* so many were in the plan that was read */
	struct acta_sup sup;
	struct acta_peers peers;
	struct acta_slew slew; /* the node's time */
	struct acta_clock_page clock;
	struct acta_root_child *children;
	struct acta_root_client clients[ACTA_ROOT_CLIENTS];
	struct acta_root_reload reload;
	int epoll, signals, listener, null, node_log;
	int lock_data, lock_run;
	int lifeline[2]; /* the children hold the reading end */
	char **env;
	char **argv; /* room for any child's, and --storage-checked */
	size_t argv_room;
	struct rlimit files;
	mode_t mask;
	char oom[16]; /* what the children get back, "": untouched */
	int64_t started_ms;
	int64_t tick_ms;  /* the next */
	int64_t woken_ms; /* CLOCK_BOOTTIME: no hang began before this */
	bool clock_alarm; /* told of `slew.jumped` */
	bool bound;       /* RUN/root.sock is ours */
	bool listed;      /* the registry file, too */
	bool dirty;       /* RUN/state is behind */
	bool done;
	int status;
	_Alignas(16) char stack[ACTA_SPAWN_STACK];
};

/*
 * Take the plan (it moves into the root), the locks, the socket. On failure
 * `why` is for the operator and *out_status the exit status.
 */
ACTA_NODISCARD enum acta_err acta_root_init(struct acta_root *root,
    struct acta_plan *plan, char **environment, int *out_status,
    struct acta_why *why);
/* Start all, serve, stop all; the exit status. */
int acta_root_run(struct acta_root *root);
void acta_root_fini(struct acta_root *root);

/* ------------------------------------------------- for the root's own files */

int64_t acta_root_now(void);
/* The group a child is in, or "@node" of what is in none. */
const char *acta_root_parent_name(
    const struct acta_root *root, uint32_t child);
/* The child of that name, or UINT32_MAX. */
uint32_t acta_root_find(const struct acta_root *root, const char *name);
/* Carry out what the supervisor has decided. */
void acta_root_act(struct acta_root *root);
/* RUN/name, or RUN/log/name.log. */
void acta_root_path(
    const struct acta_root *root, const char *name, char out[PATH_MAX]);
void acta_root_log_path(
    const struct acta_root *root, const char *name, char out[PATH_MAX]);

/* A line for people, as it is, to stderr; dropped if it would block. */
void acta_root_say(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* An event, `key=value ...`: info to RUN/log/node.log, others to stderr too. */
void acta_root_log(struct acta_root *root, const char *level,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* One token of a log line, quoted, whatever a child said. */
const char *acta_root_quoted(const char *text, char out[256]);
/* Each second: follow the wall clock, tell the children, raise the alarm. */
void acta_root_clock_tick(struct acta_root *root);
/* A child's stores have been at `ms`: so is the node, from now on. */
void acta_root_clock_reach(struct acta_root *root, int64_t ms);
/* Of CLOCK_REALTIME, CLOCK_BOOTTIME, ...: milliseconds. */
int64_t acta_root_clock(clockid_t clock);

/* child.c: the processes. */
void acta_root_child_start(
    struct acta_root *root, uint32_t child, bool checked);
void acta_root_child_stop(struct acta_root *root, uint32_t child);
void acta_root_child_signal(struct acta_root *root, uint32_t child, int number);
/* Tell it all that it is owed and its pair has room for. */
void acta_root_child_pump(struct acta_root *root, uint32_t child);
/* An operator has started it, be it up or no: what stopped goes on. */
void acta_root_child_go(struct acta_root *root, uint32_t child);
/* Take up to `count` of its records; false if there may be more. */
bool acta_root_child_records(
    struct acta_root *root, uint32_t child, uint32_t count, int64_t now_ms);
/* Condemn those with a handler over its turn limit. */
void acta_root_child_hangs(struct acta_root *root, int64_t now_ms);
/* All that have ended: children, and orphans of theirs that fell to us. */
void acta_root_reap(struct acta_root *root);
/* A cause begun: what is known of any end. */
struct acta_cause *acta_root_new_cause(struct acta_root *root, uint32_t child,
    enum acta_how how, int number, int64_t now_ms);
/* NULL: it has never ended. */
struct acta_cause *acta_root_last_cause(struct acta_root_child *child);
/* RUN/log/NAME.log for appending, or -1. */
int acta_root_open_log(const struct acta_root *root, const char *name);

/* report.c: the documents of ps, why, info, health, where. */
void acta_root_report_ps(const struct acta_root *root, struct acta_doc *doc);
void acta_root_report_why(
    const struct acta_root *root, uint32_t child, struct acta_doc *doc);
void acta_root_report_info(const struct acta_root *root, struct acta_doc *doc);
void acta_root_report_health(
    const struct acta_root *root, struct acta_doc *doc);
void acta_root_report_where(const struct acta_root *root, struct acta_doc *doc);
const char *acta_root_alarm_name(uint32_t bit);

/* reload.c: SIGHUP. The config is read again; what can be changed is. */
void acta_root_reload_begin(struct acta_root *root);
/* Its reader ended so, and was reaped. */
void acta_root_reload_ended(struct acta_root *root, const siginfo_t *info);
/* Once a turn of the loop: a reader that is too slow, and changes.c's. */
void acta_root_reload_tick(struct acta_root *root, int64_t now_ms);
void acta_root_reload_fini(struct acta_root *root);
/* It is said, and that nothing was changed. */
void acta_root_reload_failed(
    struct acta_root *root, const char *why, const char *hint);

/* changes.c: what a new plan has that the node has not. It is told, and done as
 * far as it can be in life; `new` is the caller's, but parts of it move. */
void acta_root_changes(struct acta_root *root, struct acta_plan *new);
/* Once a turn of the loop: who is new is started, who is gone is stopped. */
void acta_root_changes_tick(struct acta_root *root);

/* A free place in the plan, or UINT32_MAX; free again. */
uint32_t acta_root_place(struct acta_root *root);
void acta_root_place_free(struct acta_root *root, uint32_t child);
/* Those made by this template have its program from now on, which had `count`
 * arguments before. */
void acta_root_renew(struct acta_root *root, uint32_t template, size_t count);

/* sups.c: OTP's calls, `sup ...` of RUN/root.sock. */
void acta_root_sup_obey(
    struct acta_root *root, struct acta_root_client *client, char *rest);
/* The supervisor's answer to the call about this child. */
void acta_root_sup_answer(
    struct acta_root *root, uint32_t child, enum acta_sup_word word);
/* It is no child any more: whoever was added leaves the place free. */
void acta_root_sup_forget(struct acta_root *root, uint32_t child);
/* Is it what others are made by, and never run itself? */
bool acta_root_is_template(const struct acta_root *root, uint32_t child);

/* operator.c: RUN/root.sock. */
void acta_root_answer(struct acta_root *root, struct acta_root_client *client);
void acta_root_refuse(struct acta_root *root, struct acta_root_client *client,
    const char *code, const char *text, const char *hint);
/* "ok": it is in this state now. */
void acta_root_done(struct acta_root *root, struct acta_root_client *client);
void acta_root_not_found(
    struct acta_root *root, struct acta_root_client *client, const char *name);
ACTA_NODISCARD enum acta_err acta_root_listen(
    struct acta_root *root, struct acta_why *why);
void acta_root_accept(struct acta_root *root);
void acta_root_client_event(
    struct acta_root *root, uint32_t client, uint32_t events);
/* After each round: answer who waited for what has come about; time-outs. */
void acta_root_clients_settle(struct acta_root *root, int64_t now_ms);
void acta_root_clients_close(struct acta_root *root);

/* What an epoll event is about: kind in the upper half, index in the lower. */
enum acta_root_event {
	ACTA_EVENT_SIGNALS,
	ACTA_EVENT_LISTENER,
	ACTA_EVENT_CHILD_END,
	ACTA_EVENT_CHILD_CTL,
	ACTA_EVENT_CLIENT
};
ACTA_NODISCARD enum acta_err acta_root_watch(struct acta_root *root, int fd,
    enum acta_root_event kind, uint32_t index, uint32_t events, bool again);

#endif /* ACTA_ROOT_ROOT_H */
