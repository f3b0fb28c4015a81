/*
 * runtime/root/spawn.h - starts one process. posix_spawn cannot set PDEATHSIG
 * or limits, so this does what it does (clone with CLONE_VM | CLONE_VFORK: no
 * copy of page tables) with those in between.
 */
#ifndef ACTA_ROOT_SPAWN_H
#define ACTA_ROOT_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "codecs/err.h"

#define ACTA_SPAWN_STACK 32768u

struct acta_spawn {
	const char *program;
	char *const *argv;
	char *const *env;
	int null, log; /* stdin; stdout and stderr. All > 9, CLOEXEC */
	int pass[4];   /* what becomes 3, 4, 5, 6; -1: none, nor after it */
	uint64_t memory_max, files_max; /* 0: none */
	struct rlimit files; /* what the root itself was started with */
	mode_t mask;
	const char *oom; /* for oom_score_adj, or NULL: leave it */
};

/*
 * Blocks until the program was executed. All signals must be blocked. `stack`
 * is ACTA_SPAWN_STACK bytes, 16-aligned, reusable at once.
 *
 * Owns:    *out_pidfd is the caller's, CLOEXEC.
 * Errors:  ACTA_EIO with errno in *out_errno: there is no process.
 */
ACTA_NODISCARD enum acta_err acta_spawn_run(const struct acta_spawn *spawn,
    char *stack, pid_t *out_pid, int *out_pidfd, int *out_errno);

#endif /* ACTA_ROOT_SPAWN_H */
