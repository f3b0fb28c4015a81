/*
 * store/dir.h - the directory of a store: made, its entries flushed, its file
 * system asked for. With lock.h and env.c all that opening asks of a real disk.
 */
#ifndef ACTA_DIR_H
#define ACTA_DIR_H

#include "codecs/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Make DIR (0700) with its parents; with `sync` each new entry is durable in
 * its parent. Errors: ACTA_EINVAL (too long), ACTA_EFULL, ACTA_EIO,
 * ACTA_EUNSURE (a flush failed); `why`.
 */
ACTA_NODISCARD enum acta_err acta_dir_make(
    const char *dir, bool sync, struct acta_why *why);
/* Its entries are durable. Errors: ACTA_EIO, ACTA_EUNSURE. */
ACTA_NODISCARD enum acta_err acta_dir_sync(const char *dir);
/* ACTA_EINVAL: a file system that does not keep what LMDB needs; ACTA_EIO. */
ACTA_NODISCARD enum acta_err acta_dir_check_fs(
    const char *dir, struct acta_why *why);
/* Has its disk, or who may use it, no room for so many bytes? Asked by taking
 * them, for a moment. False, too, if that cannot be told. */
bool acta_dir_full(const char *dir, size_t bytes);

#endif /* ACTA_DIR_H */
