/*
 * runtime/root/cause.h - how a child's process ended, whose doing it was, and
 * the telling of it. Pure: all facts and the time are handed in.
 */
#ifndef ACTA_ROOT_CAUSE_H
#define ACTA_ROOT_CAUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/ctl.h"
#include "runtime/root/supervisor.h"

#define ACTA_CAUSES_KEPT 16u /* the last ones of each child */

enum acta_how {
	ACTA_HOW_EXITED,
	ACTA_HOW_SIGNALLED,
	ACTA_HOW_NOT_RUN,
	/* of a group; why is in its text */
	ACTA_HOW_GAVE_UP,
	ACTA_HOW_AUTO_SHUTDOWN,
	ACTA_HOW_STOPPED
};

struct acta_cause {
	int64_t wall_ms;  /* when, for people */
	int64_t at_ms;    /* when, monotonic */
	int64_t lived_ms; /* from its spawn */
	int64_t back_ms;  /* until it was ready again; -1: not (yet) */
	enum acta_how how;
	int number;                /* exit status, signal, errno */
	enum acta_sup_fault fault; /* the root ended it, for this */
	bool asked;                /* it was being stopped */
	bool was_up;
	enum acta_phase phase; /* of the worker that tells most */
	bool blamed;           /* its own doing, in a handler */
	uint32_t crashes;      /* of the blamed message so far, with this one */
	bool restarted;        /* a restart followed, at once or later */
	uint32_t restart;      /* which one within the period */
	uint64_t waiting;      /* messages that waited, as it last told */
	uint8_t uid[16], ran[16];
	char actor[240], type[72];
	char words[256];          /* from the black box */
	char code[48], text[400]; /* from its CAUSE record; or of a group */
};

/* "SIGSEGV", "SIG34"; the buffer is the caller's. */
const char *acta_signal_name(int number, char out[16]);
/* One word for the log: SIGSEGV, exit-3, hang, storage-failed, ... */
void acta_cause_word(const struct acta_cause *cause, char *out, size_t size);
/*
 * True if the end was the process's own doing or the root's hang kill, so that
 * a message then in its handler counts a crash. Kills from elsewhere are not.
 */
bool acta_cause_own_doing(const struct acta_cause *cause);

/* What the telling needs beside the cause. */
struct acta_story {
	const char *service;
	enum acta_sup_state state;
	bool exec; /* a plain program: it has no queue and no handler */
	bool door; /* its restarts are not limited */
	const char *below;    /* its group, which is not up; else NULL */
	const char *template; /* of this group, and nothing else; or NULL */
	uint32_t restart_type;
	int64_t now_ms, up_ms, due_ms;
	uint32_t intensity, max_crashes;
	int64_t period_ms, turn_limit_ms, shutdown_ms;
};

/* In prose, NUL-ended, cut to fit. `cause` NULL: it has never ended. */
void acta_why_prose(const struct acta_cause *cause,
    const struct acta_story *story, char *out, size_t size);

#endif /* ACTA_ROOT_CAUSE_H */
