/*
 * runtime/cli/restore.c - `acta store restore`: the stores of a backup, put where a
 * node finds them.
 *
 * What is restored is not the store it was: both may live, and then say different
 * things. So each gets a new history id, and whoever knew the old one stops its
 * channel and says so. Those of one backup are told of each other's new ids: both
 * ends of a channel between two of them hold what belongs together, and it goes on.
 *
 * Everything is made in DATA.restore, durable, before anything appears in its place:
 * a whole node by one rename, single services by one each. Ended before, a restore
 * begins anew; ended between the renames, it goes on with what it has made.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/cli/cli.h"
#include "runtime/cli/cut.h"
#include "store/dir.h"

#define DEPTH_MAX 8 /* of folders that are removed */

struct restore {
	const struct acta_cli *cli;
	const char *from;
	char *data, *stage;
	bool whole; /* not single services */
	char **services;
	int service_count;
	struct acta_manifest all, chosen;
};

/* --------------------------------------------------------------- staging -- */

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

static const struct acta_manifest_store *
find_chosen(void *self, const char *service, uint32_t part)
{
	return acta_manifest_find(self, service, part);
}

static int
restore_one(struct restore *r, const struct acta_manifest_store *of)
{
	const struct acta_put_back all = { .find = find_chosen,
		.self = &r->chosen };
	char *from =
	    acta_text_keepf("%s/%s/%" PRIu32, r->from, of->service, of->part);
	char *to =
	    acta_text_keepf("%s/%s/%" PRIu32, r->stage, of->service, of->part);
	struct acta_why why = { "", "" };
	enum acta_err err = acta_cut_put_back(&all, of, from, to, &why);

	free(from);
	free(to);
	return err == ACTA_OK ? ACTA_EXIT_OK : acta_say(ACTA_EXIT_FAILED, &why);
}

/* Those that are meant, each with the history it is to have. */
static int
choose(struct restore *r)
{
	for (uint32_t i = 0; i < r->all.count; i++) {
		const struct acta_manifest_store *s = &r->all.stores[i];
		struct acta_manifest_store *out;
		bool meant = r->whole;

		for (int k = 0; k < r->service_count; k++)
			meant |= strcmp(r->services[k], s->service) == 0;
		if (!meant)
			continue;
		out = acta_manifest_add(&r->chosen, s->service);
		out->part = s->part;
		out->parts = s->parts;
		out->turn = s->turn;
		memcpy(out->history, s->history, sizeof(out->history));
		if (getrandom(out->fresh, sizeof(out->fresh), 0) !=
		    sizeof(out->fresh))
			return acta_sayf(ACTA_EXIT_FAILED, NULL,
			    "no random numbers from the system");
		out->fresh[0] &= (uint8_t)~ACTA_HISTORY_IN_MEMORY;
	}
	for (int k = 0; k < r->service_count; k++)
		if (acta_manifest_find(&r->chosen, r->services[k], 0) == NULL)
			return acta_sayf(ACTA_EXIT_NOT_FOUND, NULL,
			    "%s has no service \"%s\"", r->from,
			    r->services[k]);
	return ACTA_EXIT_OK;
}

/* ---------------------------------------------------------------- places -- */

/* `path` is in its folder, durably. */
static int
sync_parent(const char *path)
{
	char *parent = acta_text_keepf("%s", path);
	char *slash = strrchr(parent, '/');
	enum acta_err err;

	if (slash != NULL && slash != parent)
		*slash = '\0';
	err = acta_dir_sync(slash == NULL ? "."
		: slash == parent         ? "/"
					  : parent);
	free(parent);
	return err == ACTA_OK ? ACTA_EXIT_OK
			      : acta_sayf(ACTA_EXIT_FAILED, NULL, "%s: %s",
				    path, acta_strerror(err));
}

static int
move(const char *from, const char *to)
{
	if (rename(from, to) == 0)
		return sync_parent(to);
	return acta_sayf(errno == ENOTEMPTY || errno == EEXIST
		? ACTA_EXIT_CONFLICT
		: ACTA_EXIT_FAILED,
	    NULL, "cannot move %s to %s: %s", from, to, strerror(errno));
}

/* "all", of single services: all are made, and only places are to be taken. */
static char *
mark_of(const struct restore *r)
{
	return acta_text_keepf("%s/all", r->stage);
}

static int
make_mark(const struct restore *r)
{
	char *path = mark_of(r);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int code = ACTA_EXIT_OK;

	if (fd < 0 || fsync(fd) != 0 || close(fd) != 0)
		code = acta_sayf(
		    ACTA_EXIT_FAILED, NULL, "%s: %s", path, strerror(errno));
	else
		code = sync_parent(path);
	free(path);
	return code;
}

/* What is in the stage goes to its place, one by one. */
static int
place_services(const struct restore *r)
{
	DIR *dir = opendir(r->stage);
	struct dirent *entry;
	char *mark = mark_of(r);
	int code = ACTA_EXIT_OK;

	while (dir != NULL && code == ACTA_EXIT_OK &&
	    (entry = readdir(dir)) != NULL) {
		char *from, *to;

		if (entry->d_name[0] == '.' ||
		    strcmp(entry->d_name, "all") == 0)
			continue;
		from = acta_text_keepf("%s/%s", r->stage, entry->d_name);
		to = acta_text_keepf("%s/%s", r->data, entry->d_name);
		code = move(from, to);
		free(from);
		free(to);
	}
	if (dir != NULL)
		closedir(dir);
	if (code == ACTA_EXIT_OK && (unlink(mark) != 0 || rmdir(r->stage) != 0))
		code = acta_sayf(ACTA_EXIT_FAILED, NULL, "%s: %s", r->stage,
		    strerror(errno));
	free(mark);
	return code;
}

/* Nothing is overwritten: what is there is moved away by whoever wants it gone. */
static int
check_free(const struct restore *r)
{
	static const char hint[] = "move it away first: it is the only one";
	struct stat st;
	int code = ACTA_EXIT_OK;

	if (r->whole) {
		if (rmdir(r->data) != 0 && errno != ENOENT)
			code = acta_sayf(ACTA_EXIT_CONFLICT, hint, "%s: %s",
			    r->data, strerror(errno));
		return code;
	}
	if (stat(r->data, &st) != 0)
		return acta_sayf(ACTA_EXIT_NOT_FOUND,
		    "without services all is restored, into a new folder",
		    "%s: %s", r->data, strerror(errno));
	for (int i = 0; i < r->service_count && code == ACTA_EXIT_OK; i++) {
		char *dir = acta_text_keepf("%s/%s", r->data, r->services[i]);

		if (lstat(dir, &st) == 0)
			code = acta_sayf(ACTA_EXIT_CONFLICT, hint,
			    "%s is there already", dir);
		free(dir);
	}
	return code;
}

static int
make_all(struct restore *r)
{
	struct acta_why why = { "", "" };
	int code = ACTA_EXIT_OK;

	if (acta_manifest_read(&r->all, r->from, &why) != ACTA_OK)
		code = acta_say(ACTA_EXIT_NOT_FOUND, &why);
	if (code == ACTA_EXIT_OK)
		code = choose(r);
	if (code == ACTA_EXIT_OK)
		code = check_free(r);
	/* Of a try that did not come to its end. */
	if (code == ACTA_EXIT_OK &&
	    nftw(r->stage, remove_one, DEPTH_MAX, FTW_DEPTH | FTW_PHYS) != 0 &&
	    errno != ENOENT)
		code = acta_sayf(ACTA_EXIT_FAILED, NULL, "%s: %s", r->stage,
		    strerror(errno));
	if (code == ACTA_EXIT_OK &&
	    acta_dir_make(r->stage, true, &why) != ACTA_OK)
		code = acta_say(ACTA_EXIT_FAILED, &why);
	for (uint32_t i = 0; i < r->chosen.count && code == ACTA_EXIT_OK; i++)
		code = restore_one(r, &r->chosen.stores[i]);
	if (code == ACTA_EXIT_OK && !r->whole)
		code = make_mark(r);
	return code;
}

static int
restore(struct restore *r)
{
	char *mark = mark_of(r);
	struct stat st;
	bool made = !r->whole && stat(mark, &st) == 0;
	int code = ACTA_EXIT_OK;

	free(mark);
	(void)rmdir(
	    r->stage); /* of one that ended with its very last step to do */
	if (made)
		(void)acta_sayf(
		    0, NULL, "what was made in %s is put in place", r->stage);
	else
		code = make_all(r);
	if (code == ACTA_EXIT_OK)
		code = r->whole ? move(r->stage, r->data) : place_services(r);
	if (code != ACTA_EXIT_OK)
		return code;
	if (r->cli->json)
		printf("{\"restored\": true, \"stores\": %" PRIu32 "}\n",
		    r->chosen.count);
	else
		(void)acta_sayf(0,
		    "acta reconcile DATA looks at both ends of each channel",
		    "%s: restored, with new histories", r->data);
	acta_out_flush();
	return ACTA_EXIT_OK;
}

int
acta_store_restore(const struct acta_cli *cli, int argc, char **argv)
{
	struct restore r = { .cli = cli };
	size_t size;
	int code;

	if (argc < 2)
		return acta_sayf(ACTA_EXIT_USAGE,
		    "acta store restore SRC DATA [SERVICE ...]",
		    "which backup, and where is it to go?");
	r.from = argv[0];
	r.data = acta_text_keepf("%s", argv[1]);
	for (size = strlen(r.data); size > 1 && r.data[size - 1] == '/'; size--)
		r.data[size - 1] = '\0';
	r.stage = acta_text_keepf("%s.restore", r.data);
	r.whole = argc == 2;
	r.services = argv + 2;
	r.service_count = argc - 2;
	code = restore(&r);
	acta_manifest_fini(&r.all);
	acta_manifest_fini(&r.chosen);
	free(r.data);
	free(r.stage);
	return code;
}
