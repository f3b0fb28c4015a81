/* store/dir.c - see dir.h. */
#include "store/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum acta_err
acta_dir_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return ACTA_EIO;
	rc = fsync(fd);
	(void)close(fd); /* it was read only */
	return rc == 0 ? ACTA_OK : ACTA_EUNSURE;
}

/* Make PATH with its parents, each entry durable in its parent. */
enum acta_err
acta_dir_make(const char *dir, bool sync, struct acta_why *why)
{
	char path[PATH_MAX], *slash = path;
	enum acta_err err = ACTA_OK;

	if (strlen(dir) + sizeof("/data.mdb") > sizeof(path)) {
		acta_why_text(why, "the path is too long: %.200s", dir);
		return ACTA_EINVAL;
	}
	memcpy(path, dir, strlen(dir) + 1);
	while (err == ACTA_OK && slash != NULL) {
		bool made;

		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		made = mkdir(path, 0700) == 0;
		if (!made && errno != EEXIST) {
			acta_why_text(
			    why, "cannot make %s: %s", path, strerror(errno));
			return errno == ENOSPC ? ACTA_EFULL : ACTA_EIO;
		}
		if (made && sync) {
			char *last = strrchr(path, '/');

			if (last != NULL && last != path)
				*last = '\0';
			err = acta_dir_sync(last == NULL ? "."
				: last == path           ? "/"
							 : path);
			if (last != NULL && last != path)
				*last = '/';
		}
		if (slash)
			*slash = '/';
	}
	return err;
}

/* LMDB needs locks and a coherent map: not so over a network, nor through
 * layers. Magic numbers: linux/magic.h, and cifs. */
enum acta_err
acta_dir_check_fs(const char *dir, struct acta_why *why)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} refused[] = {
		{ 0x6969, "NFS" },
		{ 0x517b, "SMB" },
		{ 0xff534d42, "CIFS" },
		{ 0xfe534d42, "SMB2" },
		{ 0x65735546, "FUSE" },
		{ 0x794c7630, "overlay" },
		{ 0x01021997, "9P" },
		{ 0x00c36400, "Ceph" },
	};
	struct statfs fs;
	size_t i;

	if (statfs(dir, &fs) != 0) {
		acta_why_text(why, "cannot ask for %s's file system: %s", dir,
		    strerror(errno));
		return ACTA_EIO;
	}
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if ((unsigned long)fs.f_type % (1ul << 32) != refused[i].magic)
			continue;
		acta_why_text(why,
		    "%s is on %s, which does not keep what it "
		    "promises",
		    dir, refused[i].name);
		acta_why_hint(why, "use a local ext4 or xfs");
		return ACTA_EINVAL;
	}
	return ACTA_OK;
}

bool
acta_dir_full(const char *dir, size_t bytes)
{
	int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600), error;

	if (fd < 0)
		return errno == ENOSPC || errno == EDQUOT;
	error = posix_fallocate(fd, 0, (off_t)bytes);
	(void)close(fd); /* and so it is gone */
	return error == ENOSPC || error == EDQUOT;
}
