/* t/20-store.h - what the store's tests share: a directory of their own, and a
 * shell. */
#ifndef ACTA_T_STORE_H
#define ACTA_T_STORE_H

#include <check.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64]; /* of the store under test */

static inline void
make_dir(void)
{
	snprintf(dir, sizeof(dir), "%s", "/tmp/acta-store-XXXXXX");
	ck_assert(mkdtemp(dir) != NULL);
}

static inline int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

static inline void
remove_dir(void)
{
	ck_assert(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

/* Append to the text at `out`, of so much room. */
static inline void __attribute__((format(printf, 3, 4)))
add_text(char *out, size_t room, const char *format, ...)
{
	size_t used = strlen(out);
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(out + used, room - used, format, args);
	va_end(args);
	ck_assert(n >= 0 && (size_t)n < room - used);
}

/* Output of a shell command with the directory within; it must succeed. */
static inline const char *
shell(const char *before, const char *after)
{
	static char out[1 << 16];
	char command[512];
	size_t size = 0;
	ssize_t n;
	int ends[2], status;
	pid_t child;

	snprintf(command, sizeof(command), "%s%s%s", before, dir, after);
	ck_assert(pipe(ends) == 0);
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	while ((n = read(ends[0], out + size, sizeof(out) - 1 - size)) > 0)
		size += (size_t)n;
	close(ends[0]);
	out[size] = '\0';
	ck_assert(waitpid(child, &status, 0) == child);
	ck_assert_msg(status == 0, "%s: %s", command, out);
	return out;
}

#endif /* ACTA_T_STORE_H */
