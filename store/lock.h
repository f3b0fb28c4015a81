/*
 * store/lock.h - one holder for a directory: an advisory lock on a file of its
 * own, with the holder's pid in it for people. The lock ends with the process,
 * however that ends; the file stays.
 */
#ifndef ACTA_LOCK_H
#define ACTA_LOCK_H

#include "codecs/err.h"

/*
 * Take DIR/lock. *out_fd holds it until acta_lock_release. Also a second open
 * by the same process is refused.
 * Errors: ACTA_EBUSY (`why` names the pid), ACTA_EFULL, ACTA_EIO.
 */
ACTA_NODISCARD enum acta_err acta_lock_take(
    const char *dir, int *out_fd, struct acta_why *why);
void acta_lock_release(int *fd); /* -1: nothing to do */

/* The pid of DIR's living holder, 0 if there is none or it cannot be known. */
long acta_lock_holder(const char *dir);

#endif /* ACTA_LOCK_H */
