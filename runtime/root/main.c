/*
 * runtime/root/main.c - acta-root: `acta-root --plan FD`, executed by `acta
 * run` with the encoded plan behind FD, a pipe or a memfd.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/plan.h"
#include "runtime/root/root.h"

extern char **environ;

/* To its end. ACTA_ELIMIT: no plan is this long. */
static enum acta_err
read_plan(int fd, struct acta_plan *out)
{
	size_t size = 0, room = 0;
	uint8_t *data = NULL;
	enum acta_err err = ACTA_OK;

	(void)lseek(fd, 0, SEEK_SET); /* a memfd stands where it was written */
	for (;;) {
		if (size == room) {
			uint8_t *more = realloc(data, room * 2 + 65536);

			if (!more || room > ACTA_PLAN_BYTES_MAX) {
				if (more)
					data = more;
				err = more ? ACTA_ELIMIT : ACTA_ENOMEM;
				break;
			}
			data = more;
			room = room * 2 + 65536;
		}
		ssize_t got = read(fd, data + size, room - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			err = ACTA_EIO;
		if (got <= 0)
			break;
		size += (size_t)got;
	}
	if (err == ACTA_OK)
		err = acta_plan_decode(data, size, out);
	free(data);
	return err;
}

static int
parse_fd(const char *text)
{
	char *end;
	long fd;

	errno = 0;
	fd = strtol(text, &end, 10);
	return *text && !*end && !errno && fd >= 0 && fd <= 1 << 20 ? (int)fd
								    : -1;
}

int
main(int argc, char **argv)
{
	static struct acta_root root;
	struct acta_plan plan;
	struct acta_why why;
	enum acta_err err;
	int status, fd = -1;

	if (argc == 3 && strcmp(argv[1], "--plan") == 0)
		fd = parse_fd(argv[2]);
	if (fd < 0) {
		fputs("usage: acta-root --plan FD\n"
		      "  hint: `acta run FILE` starts it\n",
		    stderr);
		return 2;
	}
	/* Tables apart from the heap: their untouched pages cost nothing, and
	 * the encoded plan is given back whole. */
	(void)mallopt(M_MMAP_THRESHOLD, 16384);
	err = read_plan(fd, &plan);
	close(fd);
	if (err != ACTA_OK) {
		fprintf(stderr, "acta: cannot read the plan: %s\n",
		    acta_strerror(err));
		return 2;
	}
	err = acta_root_init(&root, &plan, environ, &status, &why);
	if (err != ACTA_OK) {
		acta_root_say("acta: %s%s%s", why.text,
		    why.hint[0] ? "\n  hint: " : "", why.hint);
		return status;
	}
	status = acta_root_run(&root);
	acta_root_fini(&root);
	return status;
}
