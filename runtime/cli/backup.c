/*
 * runtime/cli/backup.c - `acta store backup`: copies of all stores of a node as of
 * one instant.
 *
 * What a cut must keep: no receiver has taken what its sender does not know to
 * have sent, and no sender has forgotten as acked what its receiver does not have.
 * An instant at which no partition commits keeps both, as nothing is said before
 * it is durable. So of a node that runs each partition is held between two turns;
 * then the last turns are read, then the snapshots are taken, then all are let go.
 * If each snapshot has the turn that was read, every store was in that state when
 * the first snapshot was begun: they are of one instant, also those whose service
 * was down. And if each partition was still held when it was let go, these turns
 * had been flushed. Else all is done again. Copied is afterwards, from the
 * snapshots, while the node goes on; each store is flushed before, for a service
 * that was down may have been killed before its last turn was.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "codecs/packer.h"
#include "runtime/cli/cli.h"
#include "runtime/cli/cut.h"
#include "store/dir.h"
#include "store/lock.h"

#define TRIES 10
#define HOLD_MS 950
#define ASK_MS \
	300 /* one that does not answer is down, or is found to have moved */

struct backup {
	const struct acta_cli *cli;
	struct acta_at at;
	char *node, *data;
	const char *dest;
	struct acta_places places;
	struct acta_snapshot **snapshots;
	uint64_t *turns;
	int *locks;      /* of a node that does not run; -1: none */
	uint32_t held;   /* partitions; the services of the others are down */
	int64_t held_ms; /* how long the node stood still */
};

/* ------------------------------------------------------------- the node -- */

/* All partitions; the answer's list, empty if there is none. */
static acta_value
ask_all(const struct backup *b, const char *verb, struct acta_buf *answer)
{
	struct acta_client_call call = {
		.to = "@store", .type = verb, .timeout_ms = ASK_MS
	};
	struct acta_client *client = acta_client_open(b->at.call);
	struct acta_reader reader;
	struct acta_buf args;
	acta_value list = { 0 };
	enum acta_err err = ACTA_ECLOSED;

	acta_buf_init(&args);
	acta_pack_map(&args, 1);
	acta_pack_text(&args, "ms");
	acta_pack_uint(&args, HOLD_MS);
	call.args = &args;
	acta_buf_reset(answer);
	if (client != NULL)
		err = acta_client_ask(client, &call, answer);
	acta_client_close(&client);
	acta_buf_fini(&args);
	if (err == ACTA_OK) {
		reader = acta_reader(answer->data, answer->size);
		list = acta_value_at(
		    acta_value_at(acta_read(&reader), "result"), "stores");
	}
	if (list.type != ACTA_LIST)
		list = (acta_value){ 0 };
	return list;
}

/* Where it runs, and where its stores are. */
static int
find_node(struct backup *b)
{
	int code = acta_at_find(b->cli, &b->at);

	return code == ACTA_EXIT_OK
	    ? acta_root_data(b->cli, &b->at, &b->node, &b->data)
	    : code;
}

/* ------------------------------------------------------------- snapshots -- */

static void
forget_places(struct backup *b)
{
	for (uint32_t i = 0; i < b->places.count; i++) {
		if (b->snapshots != NULL)
			acta_snapshot_close(&b->snapshots[i]);
		if (b->locks != NULL)
			acta_lock_release(&b->locks[i]);
	}
	free(b->snapshots);
	free(b->turns);
	free(b->locks);
	b->snapshots = NULL;
	b->turns = NULL;
	b->locks = NULL;
	acta_places_fini(&b->places);
}

static void *
zeroes(uint32_t count, size_t size)
{
	void *out = calloc(count + 1, size);

	if (out == NULL)
		abort();
	return out;
}

/* Each open store takes three descriptors. */
static void
want_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return; /* opening will tell */
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

/* Every store there is, opened; a store in memory has no file. `lock`: nobody may
 * have it. */
static int
open_places(struct backup *b, bool lock)
{
	struct acta_why why = { "", "" };
	enum acta_err err = ACTA_OK;

	if (!acta_places_find(&b->places, b->data))
		return acta_sayf(ACTA_EXIT_NOT_FOUND, NULL, "%s: %s", b->data,
		    strerror(errno));
	if (b->places.count == 0)
		return acta_sayf(ACTA_EXIT_NOT_FOUND,
		    "it is the folder `data` of a node's config",
		    "%s: there is no store in it", b->data);
	want_files();
	b->snapshots = zeroes(b->places.count, sizeof(*b->snapshots));
	b->turns = zeroes(b->places.count, sizeof(*b->turns));
	b->locks = zeroes(b->places.count, sizeof(*b->locks));
	for (uint32_t i = 0; i < b->places.count; i++)
		b->locks[i] = -1;
	for (uint32_t i = 0; i < b->places.count && err == ACTA_OK; i++) {
		const char *dir = b->places.list[i].dir;

		if (lock)
			err = acta_lock_take(dir, &b->locks[i], &why);
		if (err == ACTA_EBUSY)
			acta_why_hint(&why,
			    "of a node that runs: acta store backup DEST");
		if (err == ACTA_OK)
			err = acta_snapshot_open(dir, &b->snapshots[i], &why);
	}
	if (err == ACTA_OK)
		return ACTA_EXIT_OK;
	if (why.text[0] == '\0')
		acta_why_text(&why, "%s", acta_strerror(err));
	return acta_say(
	    err == ACTA_EBUSY ? ACTA_EXIT_CONFLICT : ACTA_EXIT_FAILED, &why);
}

static enum acta_err
take_all(struct backup *b, struct acta_cut *cut, struct acta_why *why)
{
	enum acta_err err = ACTA_OK;
	bool done = false;

	*cut = (struct acta_cut){ .snapshots = b->snapshots,
		.turns = b->turns,
		.count = b->places.count };
	while (err == ACTA_OK && !done)
		err = acta_cut_step(cut, &done, why);
	return err;
}

/* Every one that was let go had been held until then, at the turn we have. */
static bool
all_held(const struct backup *b, const struct acta_cut *cut, acta_value list)
{
	struct acta_reader reader = acta_reader_into(list);
	bool ok = true;

	for (uint32_t i = 0; i < list.size; i++) {
		acta_value row = acta_read(&reader);
		char *service = acta_text_raw_at(row, "service", "");
		const struct acta_place *place = acta_places_get(
		    &b->places, service, (uint32_t)acta_int_at(row, "part", 0));

		/* Not there: its service is in memory. */
		if (place != NULL)
			ok = ok &&
			    acta_cut_held(
				cut, (uint32_t)(place - b->places.list), row);
		free(service);
	}
	return ok;
}

/* A service that was made meanwhile has a store that we do not know. */
static bool
no_others(const struct backup *b)
{
	struct acta_places now;
	bool same =
	    acta_places_find(&now, b->data) && now.count == b->places.count;

	acta_places_fini(&now);
	return same;
}

/* One try; *out_done: the snapshots are of one instant. */
static int
cut_once(struct backup *b, bool *out_done)
{
	struct acta_why why = { "", "" };
	struct acta_cut cut;
	struct acta_buf answer;
	int64_t begin_ms;
	acta_value held, gone;
	enum acta_err err;
	int code = open_places(b, false);

	*out_done = false;
	if (code != ACTA_EXIT_OK)
		return code;
	acta_buf_init(&answer);
	begin_ms = acta_cli_now_ms();
	held = ask_all(b, "hold", &answer);
	err = take_all(b, &cut, &why);
	b->held = held.size;
	b->held_ms = acta_cli_now_ms() - begin_ms;
	gone = ask_all(b, "go", &answer);
	if (err != ACTA_OK)
		code = acta_say(ACTA_EXIT_FAILED, &why);
	*out_done = err == ACTA_OK && !cut.moved && gone.size == held.size &&
	    all_held(b, &cut, gone) && no_others(b);
	acta_buf_fini(&answer);
	return code;
}

static int
cut_running(struct backup *b)
{
	bool done = false;
	int code = find_node(b);

	for (int i = 0; i < TRIES && code == ACTA_EXIT_OK && !done; i++) {
		forget_places(b);
		code = cut_once(b, &done);
	}
	if (code == ACTA_EXIT_OK && !done)
		code = acta_sayf(ACTA_EXIT_TIMEOUT,
		    "services that start over and over, or too many stores: "
		    "acta ps tells; a stopped node is backed up with its DATA",
		    "its partitions did not stand still together, in %d tries",
		    TRIES);
	return code;
}

static int
cut_stopped(struct backup *b, const char *data)
{
	struct acta_why why = { "", "" };
	struct acta_cut cut;
	int code;

	b->node = acta_text_keepf("%s", "");
	b->data = acta_text_keepf("%s", data);
	code = open_places(b, true);
	if (code == ACTA_EXIT_OK && take_all(b, &cut, &why) != ACTA_OK)
		code = acta_say(ACTA_EXIT_FAILED, &why);
	return code;
}

/* ---------------------------------------------------------------- copies -- */

static int
copy_one(struct backup *b, uint32_t i, struct acta_manifest *manifest,
    uint64_t *bytes)
{
	const struct acta_place *place = &b->places.list[i];
	char *dir = acta_text_keepf(
	    "%s/%s/%" PRIu32, b->dest, place->service, place->part);
	struct acta_manifest_store *store;
	struct acta_snapshot_info info;
	struct acta_why why = { "", "" };
	struct acta_copied copied;
	int code = ACTA_EXIT_OK;

	acta_snapshot_info(b->snapshots[i], &info);
	if (strcmp(info.service, place->service) != 0 ||
	    info.part != place->part)
		code = acta_sayf(ACTA_EXIT_FAILED, NULL,
		    "%s is the store of %s.%" PRIu32, place->dir, info.service,
		    info.part);
	else if (acta_snapshot_flush(b->snapshots[i]) != ACTA_OK)
		code = acta_sayf(ACTA_EXIT_FAILED,
		    "if its service is down: acta start --storage-checked",
		    "%s: its disk failed", place->dir);
	else if (acta_snapshot_copy(
		     b->snapshots[i], dir, NULL, &copied, &why) != ACTA_OK)
		code = acta_say(ACTA_EXIT_FAILED, &why);
	if (code == ACTA_EXIT_OK) {
		store = acta_manifest_add(manifest, info.service);
		store->part = info.part;
		store->parts = info.parts;
		store->turn = info.turn;
		memcpy(store->history, info.id.history, sizeof(store->history));
		*bytes += copied.bytes;
	}
	/* What it kept from being used again may be. */
	acta_snapshot_close(&b->snapshots[i]);
	free(dir);
	return code;
}

static int
copy_all(struct backup *b, struct acta_manifest *manifest)
{
	struct acta_why why = { "", "" };
	struct timespec now;
	uint64_t bytes = 0;
	char size[24];
	int code = ACTA_EXIT_OK;

	clock_gettime(CLOCK_REALTIME, &now);
	manifest->node = acta_text_keepf("%s", b->node);
	manifest->at_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	for (uint32_t i = 0; i < b->places.count && code == ACTA_EXIT_OK; i++)
		code = copy_one(b, i, manifest, &bytes);
	if (code != ACTA_EXIT_OK)
		return code;
	if (acta_manifest_write(manifest, b->dest, &why) != ACTA_OK)
		return acta_say(ACTA_EXIT_FAILED, &why);
	acta_out_bytes(bytes, size);
	if (b->cli->json)
		printf("{\"stores\": %" PRIu32 ", \"bytes\": %" PRIu64
		       ", \"held\": %" PRIu32 ", \"held_ms\": %" PRId64 "}\n",
		    manifest->count, bytes, b->held, b->held_ms);
	else
		(void)acta_sayf(0, NULL,
		    "%s: %" PRIu32 " store%s, %s, of one instant; the node was "
		    "held for %" PRId64 " ms",
		    b->dest, manifest->count, manifest->count == 1 ? "" : "s",
		    size, b->held_ms);
	acta_out_flush();
	return ACTA_EXIT_OK;
}

int
acta_store_backup(const struct acta_cli *cli, int argc, char **argv)
{
	struct backup b = { .cli = cli };
	struct acta_manifest manifest = { 0 };
	struct acta_why why = { "", "" };
	int code;

	if (argc < 1 || argc > 2)
		return acta_sayf(ACTA_EXIT_USAGE,
		    "acta store backup DEST, of a node that runs; with DATA of "
		    "one that does not",
		    "where is it to go?");
	b.dest = argv[0];
	/* An empty folder is as good as none. */
	if (rmdir(b.dest) != 0 && errno != ENOENT)
		return acta_sayf(ACTA_EXIT_CONFLICT,
		    "a backup goes into a folder of its own", "%s: %s", b.dest,
		    strerror(errno));
	code = argc == 2 ? cut_stopped(&b, argv[1]) : cut_running(&b);
	if (code == ACTA_EXIT_OK &&
	    acta_dir_make(b.dest, true, &why) != ACTA_OK)
		code = acta_say(ACTA_EXIT_FAILED, &why);
	if (code == ACTA_EXIT_OK)
		code = copy_all(&b, &manifest);
	acta_manifest_fini(&manifest);
	forget_places(&b);
	acta_at_fini(&b.at);
	free(b.node);
	free(b.data);
	return code;
}
