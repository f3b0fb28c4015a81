/* runtime/root/files.c - see files.h. */
#include "runtime/root/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum acta_err
acta_files_mkdirs(const char *path, struct acta_why *why)
{
	char part[PATH_MAX];
	struct stat st;

	if (strlen(path) >= sizeof(part)) {
		acta_why_text(why, "path too long: %.200s", path);
		return ACTA_EIO;
	}
	memcpy(part, path, strlen(path) + 1);
	for (char *at = part + 1;; at++) {
		char was = *at;

		if (was != '/' && was != '\0')
			continue;
		*at = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST) {
			acta_why_text(why, "cannot make directory %s: %s", part,
			    strerror(errno));
			return ACTA_EIO;
		}
		*at = was;
		if (was == '\0')
			break;
	}
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		acta_why_text(why, "%s is no directory", path);
		return ACTA_EIO;
	}
	return ACTA_OK;
}

static bool
empty_or_ours(const char *path)
{
	DIR *dir = opendir(path);
	bool empty = true, ours = false;

	if (!dir)
		return false;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (strcmp(entry->d_name, "lock") == 0)
			ours = true;
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			empty = false;
	}
	closedir(dir);
	return empty || ours;
}

enum acta_err
acta_files_private(const char *path, struct acta_why *why)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		acta_why_text(
		    why, "cannot look at %s: %s", path, strerror(errno));
		return ACTA_EIO;
	}
	if ((st.st_mode & 0777) == 0700 && st.st_uid == geteuid())
		return ACTA_OK;
	if (st.st_uid != geteuid()) {
		acta_why_text(why,
		    "run directory %s belongs to another user (uid %u)", path,
		    (unsigned)st.st_uid);
		acta_why_hint(why, "give the node one of its own: `run: ...`");
		return ACTA_EDENIED;
	}
	if (!empty_or_ours(path)) {
		acta_why_text(why,
		    "run directory %s is open to others and holds what is "
		    "not a node's",
		    path);
		acta_why_hint(why, "give the node one of its own: `run: ...`");
		return ACTA_EDENIED;
	}
	if (chmod(path, 0700) != 0) {
		acta_why_text(
		    why, "cannot make %s private: %s", path, strerror(errno));
		return ACTA_EIO;
	}
	return ACTA_OK;
}

/* Who holds a lock, as it wrote into it. */
static void
tell_holder(int fd, const char *folder, const char *kind, struct acta_why *why)
{
	char line[128] = "", name[64] = "";
	int pid = 0;
	ssize_t size = pread(fd, line, sizeof(line) - 1, 0);

	line[size > 0 ? size : 0] = '\0';
	if (sscanf(line, "node %63s pid %d", name, &pid) != 2) {
		acta_why_text(
		    why, "%s %s is in use by another node", kind, folder);
		acta_why_hint(why, "`acta ps` shows the nodes that run");
		return;
	}
	acta_why_text(why, "%s %s is in use by node \"%s\" (pid %d)", kind,
	    folder, name, pid);
	acta_why_hint(why,
	    "stop that one first (kill %d), or give this one a `%s` of its "
	    "own",
	    pid, strncmp(kind, "run", 3) == 0 ? "run" : "data");
}

enum acta_err
acta_files_lock(const char *folder, const char *kind, const char *node,
    int *out_fd, struct acta_why *why)
{
	char path[PATH_MAX], line[128];
	int fd, length;

	snprintf(path, sizeof(path), "%s/lock", folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		acta_why_text(why, "cannot open %s: %s", path, strerror(errno));
		return ACTA_EIO;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		bool held = errno == EWOULDBLOCK;

		if (held)
			tell_holder(fd, folder, kind, why);
		else
			acta_why_text(
			    why, "cannot lock %s: %s", path, strerror(errno));
		close(fd);
		return held ? ACTA_EBUSY : ACTA_EIO;
	}
	length = snprintf(
	    line, sizeof(line), "node %s pid %d\n", node, (int)getpid());
	if (ftruncate(fd, 0) != 0 ||
	    pwrite(fd, line, (size_t)length, 0) != length) {
		acta_why_text(
		    why, "cannot write %s: %s", path, strerror(errno));
		close(fd);
		return ACTA_EIO;
	}
	*out_fd = fd;
	return ACTA_OK;
}

enum acta_err
acta_files_write(const char *path, const void *data, size_t size)
{
	char part[PATH_MAX];
	int fd;

	if ((size_t)snprintf(part, sizeof(part), "%s.new", path) >=
	    sizeof(part))
		return ACTA_EIO;
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return ACTA_EIO;
	bool whole = write(fd, data, size) == (ssize_t)size;

	close(fd);
	if (!whole || rename(part, path) != 0) {
		unlink(part);
		return ACTA_EIO;
	}
	return ACTA_OK;
}

void
acta_files_bound_log(const char *path)
{
	char old[PATH_MAX], block[16384];
	struct stat st;
	off_t at;
	ssize_t got;
	int from, to;

	if (stat(path, &st) != 0 || st.st_size < (off_t)ACTA_LOG_MAX)
		return;
	if ((size_t)snprintf(old, sizeof(old), "%s.1", path) >= sizeof(old))
		return;
	from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	to = open(
	    old, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	/* The child has it open for appending, so it cannot be renamed away. */
	at = st.st_size - (off_t)ACTA_LOG_MAX;
	for (off_t end = st.st_size; from >= 0 && to >= 0 && at < end;) {
		got = pread(from, block, sizeof(block), at);
		if (got <= 0 || write(to, block, (size_t)got) != got)
			break; /* no room for the old part: the bound rules */
		at += got;
	}
	if (truncate(path, 0) != 0)
		unlink(path); /* then the next child gets a new one */
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
}

void
acta_files_sweep(const char *folder)
{
	DIR *dir = opendir(folder);
	struct stat st;

	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (strstr(entry->d_name, ".w") &&
		    fstatat(dirfd(dir), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISSOCK(st.st_mode))
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}
