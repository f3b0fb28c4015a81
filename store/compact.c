/*
 * store/compact.c - a stopped store put anew (snapshot.h). The copy is made in a
 * folder beside the file, with everything in it flushed; then one rename.
 *
 * LMDB keeps the number of its last txn in lock.mdb, and whoever opens it alone
 * sets that right from the file. So nobody may hold lock.mdb while the file
 * changes under it: for that moment the byte is locked by which LMDB knows
 * whether it is alone, and others wait.
 */
#include "store/dir.h"
#include "store/lock.h"
#include "store/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "compact"

struct compact {
	const char *dir;
	void (*step)(const char *name);
	struct acta_compacted *out;
	struct acta_why *why;
	char folder[PATH_MAX], copy[PATH_MAX], file[PATH_MAX], lock[PATH_MAX];
};

static void
step(const struct compact *c, const char *name)
{
	if (c->step != NULL)
		c->step(name);
}

static enum acta_err
failed(const struct compact *c, const char *what, const char *path)
{
	acta_why_text(
	    c->why, "cannot %s %.200s: %s", what, path, strerror(errno));
	return errno == ENOSPC ? ACTA_EFULL : ACTA_EIO;
}

/* What a try before has left, or this one. */
static enum acta_err
clean(const struct compact *c)
{
	static const char *const names[] = { "data.mdb", "lock.mdb", "lock" };
	char path[PATH_MAX + 16];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", c->folder, names[i]);
		if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
			return failed(c, "remove", path);
	}
	if (rmdir(c->folder) != 0 && errno != ENOENT)
		return failed(c, "remove", c->folder);
	return ACTA_OK;
}

static enum acta_err
copy(const struct compact *c)
{
	struct acta_snapshot *snapshot;
	struct acta_snapshot_info info;
	uint64_t turn;
	enum acta_err err = acta_snapshot_open(c->dir, &snapshot, c->why);

	if (err != ACTA_OK)
		return err;
	err = acta_snapshot_take(snapshot, &turn, c->why);
	if (err == ACTA_OK) {
		acta_snapshot_info(snapshot, &info);
		c->out->bytes_before = info.file_bytes;
		err = acta_snapshot_copy(
		    snapshot, c->folder, NULL, &c->out->copied, c->why);
	}
	acta_snapshot_close(&snapshot);
	return err == ACTA_ENOENT ? ACTA_ECORRUPT : err;
}

/* The byte of lock.mdb that LMDB locks; *out_fd holds it. */
static enum acta_err
take_alone(const struct compact *c, int *out_fd)
{
	struct flock byte = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1
	};
	int fd = open(c->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return failed(c, "open", c->lock);
	if (fcntl(fd, F_OFD_SETLK, &byte) != 0) {
		(void)close(fd); /* nothing was written through it */
		acta_why_text(c->why, "%.200s is being read", c->dir);
		acta_why_hint(c->why,
		    "acta-peek, or another tool: wait until it has ended");
		return ACTA_EBUSY;
	}
	*out_fd = fd;
	return ACTA_OK;
}

static enum acta_err
swap(const struct compact *c)
{
	struct stat st;
	int alone = -1;
	enum acta_err err = take_alone(c, &alone);

	if (err != ACTA_OK)
		return err;
	step(c, "rename");
	if (rename(c->copy, c->file) != 0)
		err = failed(c, "rename", c->copy);
	step(c, "renamed");
	if (err == ACTA_OK)
		err = acta_dir_sync(c->dir);
	if (err == ACTA_OK && stat(c->file, &st) == 0)
		c->out->bytes_after = (uint64_t)st.st_size;
	acta_lock_release(&alone);
	return err;
}

static enum acta_err
compact_locked(const struct compact *c)
{
	enum acta_err err = clean(c), cleaned;

	step(c, "copy");
	if (err == ACTA_OK)
		err = copy(c);
	step(c, "copied");
	if (err == ACTA_OK)
		err = swap(c);
	step(c, "clean");
	cleaned = clean(c);
	step(c, "cleaned");
	return err != ACTA_OK ? err : cleaned;
}

enum acta_err
acta_store_compact(const char *dir, void (*told)(const char *name),
    struct acta_compacted *out, struct acta_why *why)
{
	struct compact c = { .dir = dir, .step = told, .out = out, .why = why };
	struct stat st;
	int lock;
	enum acta_err err;

	*out = (struct acta_compacted){ .bytes_before = 0 };
	if (why != NULL)
		why->text[0] = why->hint[0] = '\0';
	if (strlen(dir) > PATH_MAX - 64) {
		acta_why_text(why, "the path is too long: %.200s", dir);
		return ACTA_EINVAL;
	}
	snprintf(c.folder, sizeof(c.folder), "%.4000s/" FOLDER, dir);
	snprintf(c.copy, sizeof(c.copy), "%.4000s/" FOLDER "/data.mdb", dir);
	snprintf(c.file, sizeof(c.file), "%.4000s/data.mdb", dir);
	snprintf(c.lock, sizeof(c.lock), "%.4000s/lock.mdb", dir);
	if (stat(c.file, &st) != 0) {
		acta_why_text(why, "there is no store in %.200s: %s", dir,
		    strerror(errno));
		return ACTA_ENOENT;
	}
	err = acta_lock_take(dir, &lock, why);
	if (err != ACTA_OK)
		return err;
	err = compact_locked(&c);
	acta_lock_release(&lock);
	return err;
}
