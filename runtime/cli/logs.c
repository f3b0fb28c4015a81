/*
 * runtime/cli/logs.c - `acta logs`: RUN/log/NAME.log, one or all, and how they
 * grow. A log that the root cut begins again at its start.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codecs/packer.h"
#include "codecs/schema.h"
#include "runtime/cli/cli.h"

#define LINES 100
#define LOGS_MAX 1100
#define FOLLOW_MS 1000 /* a look even if no event came */

struct log {
	char *name;
	int fd;
	off_t at;
};

struct logs {
	struct log log[LOGS_MAX];
	int count;
	bool named; /* several: each line says whose it is */
	bool json;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(
	    ((const struct log *)a)->name, ((const struct log *)b)->name);
}

static bool
has(const struct logs *logs, const char *name)
{
	int i;

	for (i = 0; i < logs->count; i++)
		if (strcmp(logs->log[i].name, name) == 0)
			return true;
	return false;
}

static void
add(struct logs *logs, const char *dir, const char *name)
{
	char *path = acta_text_keepf("%s/%s.log", dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	free(path);
	if (fd < 0 || logs->count == LOGS_MAX) {
		if (fd >= 0)
			close(fd);
		return;
	}
	logs->log[logs->count++] =
	    (struct log){ acta_text_keepf("%s", name), fd, 0 };
}

/* All of the folder that are not there yet. */
static void
add_all(struct logs *logs, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char *dot = strrchr(entry->d_name, '.');

		if (dot == NULL || strcmp(dot, ".log") != 0)
			continue;
		*dot = '\0';
		if (!has(logs, entry->d_name))
			add(logs, path, entry->d_name);
	}
	if (dir != NULL)
		closedir(dir);
}

/* Where the last `lines` lines begin. */
static off_t
tail_of(int fd, int64_t lines)
{
	off_t at = lseek(fd, 0, SEEK_END);
	char block[4096];

	/* A newline at the very end ends the last line: it is not counted. */
	lines++;
	while (at > 0) {
		size_t size =
		    at < (off_t)sizeof(block) ? (size_t)at : sizeof(block);
		size_t i;

		if (pread(fd, block, size, at - (off_t)size) != (ssize_t)size)
			return 0;
		for (i = size; i > 0; i--)
			if (block[i - 1] == '\n' && --lines == 0)
				return at - (off_t)size + (off_t)i;
		at -= (off_t)size;
	}
	return 0;
}

/* {"service", "line"}. Bytes that are no text are shown as bin. */
static void
print_json(const char *name, const char *line, size_t size)
{
	struct acta_buf packed, out;

	acta_buf_init(&packed);
	acta_buf_init(&out);
	acta_pack_map(&packed, 2);
	acta_pack_text(&packed, "service");
	acta_pack_text(&packed, name);
	acta_pack_text(&packed, "line");
	if (acta_utf8_valid(line, size))
		acta_pack_str(&packed, line, size);
	else
		acta_pack_bin(&packed, line, size);
	acta_out_json(packed.data, packed.size, &out);
	acta_out_line(&out);
	acta_buf_fini(&packed);
	acta_buf_fini(&out);
}

/* What is new, in whole lines; at the end also one without its newline. */
static void
copy(const struct logs *logs, struct log *log, bool whole)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t size;
	struct stat st;
	FILE *file;

	if (fstat(log->fd, &st) == 0 && st.st_size < log->at)
		log->at = 0;
	file = fdopen(dup(log->fd), "r");
	if (file == NULL)
		return;
	fseeko(file, log->at, SEEK_SET);
	while ((size = getline(&line, &room, file)) > 0) {
		if (line[size - 1] != '\n' && !whole)
			break;
		log->at += size;
		if (line[size - 1] == '\n')
			size--;
		if (logs->json)
			print_json(log->name, line, (size_t)size);
		else if (logs->named)
			printf("%s | %.*s\n", log->name, (int)size, line);
		else
			printf("%.*s\n", (int)size, line);
	}
	free(line);
	fclose(file);
	acta_out_flush();
}

static void
follow(struct logs *logs, const char *dir)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), i;
	char events[4096];

	if (fd >= 0)
		inotify_add_watch(fd, dir, IN_MODIFY | IN_CREATE);
	for (;;) {
		struct pollfd polls[] = { { fd, POLLIN, 0 },
			{ STDOUT_FILENO, 0, 0 } };

		poll(polls, 2, FOLLOW_MS);
		/* Who read us has gone: the next line may be long in coming. */
		if (polls[1].revents != 0)
			return;
		while (fd >= 0 && read(fd, events, sizeof(events)) > 0)
			;
		if (logs->named)
			add_all(logs, dir);
		for (i = 0; i < logs->count; i++)
			copy(logs, &logs->log[i], false);
	}
}

static int
no_log(const char *dir, const char *name)
{
	static struct logs all;
	const char *words[LOGS_MAX + 1], *near;
	char *hint = NULL;
	int i, code;

	add_all(&all, dir);
	for (i = 0; i < all.count; i++)
		words[i] = all.log[i].name;
	words[all.count] = NULL;
	near = acta_closest(name, words);
	if (near != NULL)
		hint = acta_text_keepf("did you mean \"%s\"?", near);
	code = acta_sayf(
	    ACTA_EXIT_NOT_FOUND, hint, "no log of \"%s\" in %s", name, dir);
	free(hint);
	return code;
}

int
acta_cmd_logs(struct acta_cli *cli)
{
	static struct logs logs;
	const char *name = cli->argc > 0 ? cli->argv[0] : NULL;
	struct acta_at at;
	char *dir;
	int code = acta_at_find(cli, &at), i;

	if (code != ACTA_EXIT_OK)
		return code;
	if (at.run[0] == '\0') {
		code = acta_sayf(ACTA_EXIT_USAGE,
		    "they are files on the node's machine: --at NODE",
		    "acta logs does not go over %s", at.call);
		acta_at_fini(&at);
		return code;
	}
	dir = acta_text_keepf("%s/log", at.run);
	logs.named = name == NULL;
	logs.json = cli->json;
	if (name == NULL)
		add_all(&logs, dir);
	else if (strchr(name, '/') == NULL)
		add(&logs, dir, name);
	if (name != NULL && logs.count == 0)
		code = no_log(dir, name);
	qsort(logs.log, (size_t)logs.count, sizeof(logs.log[0]), by_name);
	for (i = 0; i < logs.count; i++) {
		logs.log[i].at = tail_of(
		    logs.log[i].fd, cli->count > 0 ? cli->count : LINES);
		copy(&logs, &logs.log[i], !cli->follow);
	}
	if (cli->follow && code == ACTA_EXIT_OK)
		follow(&logs, dir);
	free(dir);
	acta_at_fini(&at);
	return code;
}
