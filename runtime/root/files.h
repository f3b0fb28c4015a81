/*
 * runtime/root/files.h - the root's files: folders, locks, small files written
 * by rename, logs with a bound. Errors are told in prose, for the root prints
 * them and ends, or goes on without.
 */
#ifndef ACTA_ROOT_FILES_H
#define ACTA_ROOT_FILES_H

#include <stddef.h>

#include "codecs/err.h"

#define ACTA_LOG_MAX (8u << 20) /* then it is copied to NAME.log.1 and cut */

/* The folder and what is missing above it, 0700. ACTA_EIO. */
ACTA_NODISCARD enum acta_err acta_files_mkdirs(
    const char *path, struct acta_why *why);

/*
 * Make the run folder private. One that others may enter is made 0700 only if
 * it is empty or was a node's before; else ACTA_EDENIED: it may be /tmp.
 */
ACTA_NODISCARD enum acta_err acta_files_private(
    const char *path, struct acta_why *why);

/*
 * Hold `folder`/lock for life; it says who does. `kind` is "data directory" or
 * "run directory", for the message.
 *
 * Owns:    *out_fd is the caller's; closing it gives the lock back.
 * Errors:  ACTA_EBUSY  another node holds it, named in `why`; ACTA_EIO.
 */
ACTA_NODISCARD enum acta_err acta_files_lock(const char *folder,
    const char *kind, const char *node, int *out_fd, struct acta_why *why);

/* Whole or not at all, by rename. Not flushed: it tells of live processes. */
ACTA_NODISCARD enum acta_err acta_files_write(
    const char *path, const void *data, size_t size);

/* Past the bound, keep the last ACTA_LOG_MAX bytes as PATH.1 and cut to none. */
void acta_files_bound_log(const char *path);

/* Remove sockets of workers that a node killed before this one left behind. */
void acta_files_sweep(const char *folder);

#endif /* ACTA_ROOT_FILES_H */
