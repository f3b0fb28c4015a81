/*
 * runtime/ctl.h - the records between the root and its children, over a
 * SOCK_SEQPACKET pair, and the black box, a shared page in which a worker says
 * what it is running. libc alone.
 *
 * A child is started with these descriptors: 3 the pair, 4 its config (a
 * memfd; read to the end), 5 the black box (a memfd, of which ACTA_BOX_SIZE is
 * to be mapped shared, and the clock's page for reading: clock.h), 6 the
 * lifeline (end of file: the root is gone, finish the turn and exit). One record is one packet of exactly sizeof(struct acta_ctl);
 * another size, a wrong magic or type is the child's crash.
 */
#ifndef ACTA_CTL_H
#define ACTA_CTL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "codecs/err.h"

enum { ACTA_FD_CTL = 3, ACTA_FD_CONFIG, ACTA_FD_BOX, ACTA_FD_LIFELINE };

#define ACTA_CTL_MAGIC 0x0ac7ac71u

enum acta_ctl_type {
	/* child to root */
	ACTA_CTL_ENDPOINT = 1, /* index: worker; number: incarnation; text:
	                        * "ipc://..." it is bound to; count: the last
	                        * time in its stores, ms (0: none) */
	ACTA_CTL_READY,        /* stores open, handlers registered, bound */
	ACTA_CTL_HEARTBEAT,    /* each second. count: messages handled so far;
	                        * number: messages that wait (parked, outbox);
	                        * extra: dead letters; */
	ACTA_CTL_CAUSE,        /* why it is about to end. name: code
	                        * ("storage-failed", "start-failed", "locked",
	                        * "address-in-use"); text: for people. After
	                        * storage-failed and start-failed on the first
	                        * start the root does not restart */
	ACTA_CTL_ALARM,        /* name: which; text: what; "": it is over */
	/* root to child */
	ACTA_CTL_PEER = 64,    /* name: service or door; index: worker; workers,
	                        * partitions; number: incarnation; text: endpoint
	                        * ("": it is gone) */
	ACTA_CTL_BLAME,        /* uid crashed its process count times; before
	                        * the first PEER, ended by a uid of zeros */
	ACTA_CTL_STOP,         /* stop intake, finish the turn, exit 0 */
	ACTA_CTL_GO,           /* partitions that stopped for a failed message go
	                        * on (on_failed: stop) */
};

struct acta_ctl {
	uint32_t magic;
	uint32_t type;
	uint32_t index, workers, partitions;
	uint32_t spare;
	uint64_t number, count, extra;
	uint8_t uid[16];
	char name[48];
	char text[400];
};

void acta_ctl_init(struct acta_ctl *ctl, enum acta_ctl_type type);
/* ACTA_EAGAIN: would block; ACTA_ECLOSED: the other end is gone. Never
 * blocks, no SIGPIPE. */
ACTA_NODISCARD enum acta_err acta_ctl_send(int fd, const struct acta_ctl *ctl);
/* ACTA_EPROTO: malformed (strings are NUL-ended on ACTA_OK). */
ACTA_NODISCARD enum acta_err acta_ctl_recv(int fd, struct acta_ctl *out);

/* ----------------------------------------------------------- black box -- */

#define ACTA_BOX_WORKERS 64u
#define ACTA_BOX_SIZE 65536u
/* The first boxes are the workers', the next those of the threads on which
 * handlers run that may block. */
#define ACTA_BOX_OUTSIDE 4u
/* Behind the boxes, on a page of its own whatever the size of pages is: */
#define ACTA_BOX_CLOCK ACTA_BOX_SIZE /* struct acta_clock_page */
#define ACTA_BOX_FILE (2 * ACTA_BOX_SIZE)

enum acta_phase {
	ACTA_PHASE_IDLE, ACTA_PHASE_GATHER, ACTA_PHASE_HANDLER,
	ACTA_PHASE_COMMIT, ACTA_PHASE_RELEASE
};

/* Written by one worker, read by the root: live to see a hang, and after the
 * end to find the cause. Strings may be torn while it runs, never unended. */
struct acta_box {
	_Atomic uint32_t phase;    /* enum acta_phase; what follows belongs to the
	                            * last message begun */
	uint32_t part;
	_Atomic uint64_t begun;    /* messages begun so far: progress */
	_Atomic int64_t since_ms;  /* CLOCK_BOOTTIME at which its handler began */
	uint32_t limit_ms;         /* its turn_limit */
	uint8_t uid[16];           /* who is blamed: the message that was gathered */
	uint8_t ran[16];           /* what ran: the same, or a local one it sent */
	char actor[240];
	char type[72];
	char text[256];            /* last words: a backtrace, an assert */
	uint32_t died; /* it was this thread that ended the process */
};
_Static_assert(sizeof(struct acta_box) * ACTA_BOX_WORKERS <= ACTA_BOX_SIZE,
    "the black box has room for every worker");

#endif /* ACTA_CTL_H */
