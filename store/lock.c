/* store/lock.c - open-file-description locks: closing another descriptor of
 * the file, as POSIX locks would have it, does not drop them. */
#include "store/lock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
open_file(const char *dir, int flags)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/lock", dir);

	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static long
read_pid(int fd)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid;

	if (n <= 0)
		return 0;
	pid = strtol(text, NULL, 10);
	return pid > 0 ? pid : 0;
}

static enum acta_err
refused(int fd, const char *dir, struct acta_why *why)
{
	int error = errno;
	long pid = read_pid(fd);

	(void)close(fd); /* nothing was written through it */
	if (error != EAGAIN && error != EACCES) {
		acta_why_text(
		    why, "cannot lock %s/lock: %s", dir, strerror(error));
		return ACTA_EIO;
	}
	acta_why_text(why, "%s is held by process %ld", dir, pid);
	acta_why_hint(why, "one process at a time: end that one first");
	return ACTA_EBUSY;
}

enum acta_err
acta_lock_take(const char *dir, int *out_fd, struct acta_why *why)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char text[32];
	int fd = open_file(dir, O_RDWR | O_CREAT), n;

	assert(out_fd != NULL);
	if (fd < 0) {
		acta_why_text(
		    why, "cannot open %s/lock: %s", dir, strerror(errno));
		return errno == ENOSPC ? ACTA_EFULL : ACTA_EIO;
	}
	if (fcntl(fd, F_OFD_SETLK, &whole) != 0)
		return refused(fd, dir, why);
	n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	/* The pid is for people: the lock is what holds. On a full disk the
	 * old number may stay. */
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, text, (size_t)n, 0);
	*out_fd = fd;
	return ACTA_OK;
}

void
acta_lock_release(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* read-only use: nothing can be lost */
	*fd = -1;
}

long
acta_lock_holder(const char *dir)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open_file(dir, O_RDWR);
	long pid = 0;

	if (fd < 0)
		return 0;
	if (fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK)
		pid = read_pid(fd);
	(void)close(fd); /* an OFD lock elsewhere does not mind */
	return pid;
}
