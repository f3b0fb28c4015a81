/*
 * runtime/cli/store.c - `acta store`: what a store is and holds, whether it is as
 * it was written, and putting it anew. Backup and restore: backup.c, restore.c.
 *
 * A running store is asked through its worker, but for scrub, which reads the
 * files beside it. Each store is scrubbed in a process of its own: LMDB trusts its
 * file, and a damaged one may be the end of whoever reads it.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codecs/envelope.h"
#include "codecs/packer.h"
#include "codecs/schema.h"
#include "runtime/cli/cli.h"
#include "runtime/store_report.h"
#include "store/lock.h"
#include "store/snapshot.h"

#define BAD_MAX 1000u /* told of one store; the others are counted */
#define INFO_COLUMNS 8
#define SCRUB_COLUMNS 5

void
acta_out_bytes(uint64_t bytes, char out[24])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double n = (double)bytes;
	size_t unit = 0;

	while (n >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		n /= 1024;
		unit++;
	}
	snprintf(out, 24, unit > 0 && n < 10 ? "%.1f %s" : "%.0f %s", n,
	    units[unit]);
}

/* A folder, if there is one of that name, or it could be no service's. */
static bool
is_folder(const char *what)
{
	struct stat st;

	return strchr(what, '/') != NULL ||
	    !acta_service_valid(what, strlen(what)) ||
	    (stat(what, &st) == 0 && S_ISDIR(st.st_mode));
}

/* The stores in a folder; or it is said that there are none. */
static int
find(struct acta_places *out, const char *dir)
{
	if (!acta_places_below(out, dir))
		return acta_sayf(
		    ACTA_EXIT_NOT_FOUND, NULL, "%s: %s", dir, strerror(errno));
	if (out->count > 0)
		return ACTA_EXIT_OK;
	acta_places_fini(out);
	return acta_sayf(ACTA_EXIT_NOT_FOUND,
	    "the folder `data` of a node, a service's in it, or one store",
	    "%s: there is no store in it", dir);
}

/* ----------------------------------------------------------------- info -- */

static char *
bytes_text(acta_value row, const char *name)
{
	char text[24];

	if (acta_value_at(row, name).type == ACTA_NIL)
		return acta_text_keepf("-");
	acta_out_bytes((uint64_t)acta_int_at(row, name, 0), text);
	return acta_text_keepf("%s", text);
}

static void
info_cells(char **at, acta_value row)
{
	acta_value followers = acta_value_at(row, "followers");
	char *service = acta_text_at(row, "service", "");

	at[0] = acta_text_keepf(
	    "%s.%" PRId64, service, acta_int_at(row, "part", 0));
	at[1] = acta_text_keepf("%" PRId64, acta_int_at(row, "incarnation", 0));
	at[2] = acta_text_keepf("%" PRId64, acta_int_at(row, "turn", 0));
	at[3] = bytes_text(row, "used_bytes");
	at[4] = acta_text_keepf("%" PRId64, acta_int_at(row, "free_pages", 0));
	at[5] = bytes_text(row, "quota");
	at[6] = acta_text_keepf("%" PRId64 " to %" PRId64,
	    acta_int_at(row, "journal_first", 0),
	    acta_int_at(row, "journal_last", 0));
	at[7] = acta_text_keepf(
	    "%" PRIu32, followers.type == ACTA_LIST ? followers.size : 0);
	free(service);
}

static void
info_table(acta_value stores)
{
	static const char *const heads[INFO_COLUMNS] = { "STORE", "OPENED",
		"TURN", "USED", "FREE PAGES", "QUOTA", "JOURNAL", "FOLLOWERS" };
	struct acta_reader reader = acta_reader_into(stores);
	int count = (int)(stores.size + 1) * INFO_COLUMNS;
	char **cells = calloc((size_t)count, sizeof(*cells));

	if (cells == NULL)
		abort();
	for (int i = 0; i < INFO_COLUMNS; i++)
		cells[i] = acta_text_keepf("%s", heads[i]);
	for (uint32_t i = 0; i < stores.size; i++)
		info_cells(cells + (i + 1) * INFO_COLUMNS, acta_read(&reader));
	acta_out_table(cells, INFO_COLUMNS, (int)stores.size + 1, -1);
	for (int i = 0; i < count; i++)
		free(cells[i]);
	free(cells);
}

/* {"stores": [...]} */
static void
info_print(const struct acta_cli *cli, acta_value result)
{
	acta_value stores = acta_value_at(result, "stores");
	char *text;

	if (cli->json) {
		text = acta_json_of(result);
		puts(text);
		free(text);
	} else if (stores.type == ACTA_LIST) {
		info_table(stores);
	}
	acta_out_flush();
}

static int
info_running(const struct acta_cli *cli, const char *service)
{
	struct acta_at at = { 0 };
	struct acta_buf args, answer;
	acta_value result, missing;
	int code = acta_at_find(cli, &at);

	acta_buf_init(&args);
	acta_buf_init(&answer);
	acta_pack_map(&args, service != NULL ? 1 : 0);
	if (service != NULL) {
		acta_pack_text(&args, "service");
		acta_pack_text(&args, service);
	}
	if (code == ACTA_EXIT_OK)
		code = acta_client_result(
		    cli, at.call, "@store", "info", &args, &answer, &result);
	if (code == ACTA_EXIT_OK) {
		info_print(cli, result);
		missing = acta_value_at(result, "missing");
		if (missing.type == ACTA_LIST && missing.size > 0)
			code = acta_sayf(ACTA_EXIT_FAILED,
			    "acta ps tells which; a folder shows its files",
			    "%" PRIu32 " partition%s did not answer",
			    missing.size, missing.size == 1 ? "" : "s");
	}
	acta_buf_fini(&args);
	acta_buf_fini(&answer);
	acta_at_fini(&at);
	return code;
}

static int
info_folder(const struct acta_cli *cli, const char *dir)
{
	struct acta_places places;
	struct acta_buf rows, all;
	struct acta_reader reader;
	uint32_t count = 0, i;
	int code = find(&places, dir);

	if (code != ACTA_EXIT_OK)
		return code;
	acta_buf_init(&rows);
	acta_buf_init(&all);
	for (i = 0; i < places.count; i++) {
		struct acta_why why = { "", "" };
		struct acta_store *store;
		long holder = acta_lock_holder(places.list[i].dir);

		if (acta_store_open_read(places.list[i].dir, &store, &why) !=
		    ACTA_OK) {
			code = acta_sayf(ACTA_EXIT_FAILED, why.hint,
			    "%.400s: %s", places.list[i].dir, why.text);
			continue;
		}
		if (holder > 0)
			(void)acta_sayf(0, NULL,
			    "%.400s is in use by process %ld: this may be one "
			    "turn ahead of its disk",
			    places.list[i].dir, holder);
		acta_store_report(&rows, store, false);
		acta_store_close(&store);
		count++;
	}
	acta_pack_map(&all, 1);
	acta_pack_text(&all, "stores");
	acta_pack_list(&all, count);
	acta_pack_raw(&all, rows.data, rows.size);
	reader = acta_reader(all.data, all.size);
	info_print(cli, acta_read(&reader));
	acta_buf_fini(&rows);
	acta_buf_fini(&all);
	acta_places_fini(&places);
	return code;
}

static int
info(const struct acta_cli *cli, int argc, char **argv)
{
	if (argc > 0 && is_folder(argv[0]))
		return info_folder(cli, argv[0]);
	return info_running(cli, argc > 0 ? argv[0] : NULL);
}

/* ---------------------------------------------------------------- scrub -- */

struct scrubbed { /* what the child told */
	struct acta_copied read;
	struct acta_buf bad; /* packed texts */
	uint32_t told, count;
	char table[32]; /* that it read last */
	bool done;
};

static void
tell_table(void *self, const char *name)
{
	fprintf(self, "T %s\n", name);
	fflush(self);
}

static void
tell_bad(void *self, const char *where)
{
	fprintf(self, "B %s\n", where);
}

/* In a process of its own. */
static void __attribute__((noreturn)) scrub_child(const char *dir, FILE *out)
{
	struct acta_scrub scrub = {
		.self = out, .table = tell_table, .bad = tell_bad
	};
	struct acta_snapshot *snapshot;
	struct acta_why why = { "", "" };
	struct acta_copied read;
	enum acta_err err;

	tell_table(out, "of tables");
	err = acta_snapshot_open(dir, &snapshot, &why);
	if (err != ACTA_OK) {
		fprintf(out, "B it cannot be opened: %s\n", why.text);
	} else {
		err = acta_snapshot_scrub(snapshot, &scrub, &read);
		acta_snapshot_close(&snapshot);
		if (err != ACTA_OK)
			fprintf(out, "B it cannot be read: %s\n",
			    acta_strerror(err));
		else
			fprintf(out, "D %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
			    read.rows, read.records, read.bytes);
	}
	fflush(out);
	_exit(0);
}

static void
add_bad(struct scrubbed *s, const char *text)
{
	s->count++;
	if (s->count > BAD_MAX)
		return;
	acta_pack_text(&s->bad, text);
	s->told++;
}

static void
hear(struct scrubbed *s, FILE *in)
{
	char line[512];

	while (fgets(line, sizeof(line), in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == 'T')
			snprintf(s->table, sizeof(s->table), "%.30s", line + 2);
		else if (line[0] == 'B')
			add_bad(s, line + 2);
		else if (line[0] == 'D')
			s->done =
			    sscanf(line + 2, "%" SCNu64 " %" SCNu64 " %" SCNu64,
				&s->read.rows, &s->read.records,
				&s->read.bytes) == 3;
	}
}

/* What its end says, if it had not come to the end itself. */
static void
judge_end(struct scrubbed *s, int status)
{
	char text[120];

	if (s->done || (s->count > 0 && WIFEXITED(status)))
		return;
	snprintf(text, sizeof(text),
	    "table %s: reading it ended with %s: the file is damaged", s->table,
	    WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "an error");
	add_bad(s, text);
}

static int
scrub_one(const char *dir, struct scrubbed *s)
{
	int ends[2], status = 0;
	FILE *in;
	pid_t child;

	if (pipe(ends) != 0 || fflush(stdout) != 0 || (child = fork()) < 0)
		return acta_sayf(ACTA_EXIT_FAILED, NULL, "%s", strerror(errno));
	if (child == 0) {
		close(ends[0]);
		scrub_child(dir, fdopen(ends[1], "w"));
	}
	close(ends[1]);
	in = fdopen(ends[0], "r");
	if (in == NULL)
		abort();
	hear(s, in);
	fclose(in);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	judge_end(s, status);
	return ACTA_EXIT_OK;
}

static char *
place_name(const struct acta_place *place)
{
	return place->service[0] != '\0'
	    ? acta_text_keepf("%s.%" PRIu32, place->service, place->part)
	    : acta_text_keepf("%s", place->dir);
}

static void
scrub_cells(char **at, const struct acta_place *place, const struct scrubbed *s)
{
	char bytes[24];

	acta_out_bytes(s->read.bytes, bytes);
	at[0] = place_name(place);
	at[1] = acta_text_keepf("%" PRIu64, s->read.rows);
	at[2] = acta_text_keepf("%" PRIu64, s->read.records);
	at[3] = acta_text_keepf("%s", bytes);
	at[4] = s->count > 0 ? acta_text_keepf("%" PRIu32 " damaged", s->count)
			     : acta_text_keepf("sound");
}

static void
scrub_pack(struct acta_buf *b, const struct acta_place *place,
    const struct scrubbed *s)
{
	acta_pack_map(b, 7);
	acta_pack_text(b, "dir");
	acta_pack_text(b, place->dir);
	acta_pack_text(b, "sound");
	acta_pack_bool(b, s->count == 0);
	acta_pack_text(b, "rows");
	acta_pack_uint(b, s->read.rows);
	acta_pack_text(b, "records");
	acta_pack_uint(b, s->read.records);
	acta_pack_text(b, "bytes");
	acta_pack_uint(b, s->read.bytes);
	acta_pack_text(b, "damaged");
	acta_pack_uint(b, s->count);
	acta_pack_text(b, "bad");
	acta_pack_list(b, s->told);
	acta_pack_raw(b, s->bad.data, s->bad.size);
}

static void
scrub_say(const struct acta_place *place, const struct scrubbed *s)
{
	struct acta_reader reader = acta_reader(s->bad.data, s->bad.size);
	char *name = place_name(place);

	for (uint32_t i = 0; i < s->told; i++) {
		acta_value text = acta_read(&reader);

		(void)acta_sayf(0, NULL, "%s: %.*s", name, (int)text.size,
		    (const char *)text.as.data);
	}
	free(name);
}

static int
scrub_all(const struct acta_cli *cli, const struct acta_places *places)
{
	static const char *const heads[SCRUB_COLUMNS] = { "STORE", "ROWS",
		"RECORDS", "READ", "" };
	int count = (int)(places->count + 1) * SCRUB_COLUMNS;
	char **cells = calloc((size_t)count, sizeof(*cells));
	struct acta_buf rows, all, out;
	uint32_t bad = 0, i;
	int code = ACTA_EXIT_OK;

	if (cells == NULL)
		abort();
	acta_buf_init(&rows);
	acta_buf_init(&all);
	acta_buf_init(&out);
	for (i = 0; i < SCRUB_COLUMNS; i++)
		cells[i] = acta_text_keepf("%s", heads[i]);
	for (i = 0; i < places->count && code == ACTA_EXIT_OK; i++) {
		struct scrubbed s = { .done = false };

		acta_buf_init(&s.bad);
		code = scrub_one(places->list[i].dir, &s);
		bad += s.count > 0;
		scrub_pack(&rows, &places->list[i], &s);
		scrub_cells(
		    cells + (i + 1) * SCRUB_COLUMNS, &places->list[i], &s);
		scrub_say(&places->list[i], &s);
		acta_buf_fini(&s.bad);
	}
	if (code == ACTA_EXIT_OK && cli->json) {
		acta_pack_map(&all, 2);
		acta_pack_text(&all, "sound");
		acta_pack_bool(&all, bad == 0);
		acta_pack_text(&all, "stores");
		acta_pack_list(&all, places->count);
		acta_pack_raw(&all, rows.data, rows.size);
		acta_out_json(all.data, all.size, &out);
		acta_out_line(&out);
	} else if (code == ACTA_EXIT_OK) {
		acta_out_table(
		    cells, SCRUB_COLUMNS, (int)places->count + 1, -1);
	}
	for (i = 0; i < (uint32_t)count; i++)
		free(cells[i]);
	free(cells);
	acta_buf_fini(&rows);
	acta_buf_fini(&all);
	acta_buf_fini(&out);
	if (code == ACTA_EXIT_OK && bad > 0)
		code = acta_sayf(ACTA_EXIT_PROBLEMS,
		    "restore a backup; what can be read acta-peek shows",
		    "%" PRIu32 " of %" PRIu32 " stores %s damaged", bad,
		    places->count, bad == 1 ? "is" : "are");
	return code;
}

/* The folder of a running node's service; malloc'ed, or NULL and *code. */
static char *
service_folder(const struct acta_cli *cli, const char *service, int *code)
{
	struct acta_at at = { 0 };
	char *data = NULL, *dir = NULL;

	*code = acta_at_find(cli, &at);
	if (*code == ACTA_EXIT_OK)
		*code = acta_root_data(cli, &at, NULL, &data);
	if (*code == ACTA_EXIT_OK)
		dir = acta_text_keepf("%s/%s", data, service);
	free(data);
	acta_at_fini(&at);
	return dir;
}

static int
scrub(const struct acta_cli *cli, int argc, char **argv)
{
	struct acta_places places;
	char *dir;
	int code = ACTA_EXIT_OK;

	if (argc != 1)
		return acta_sayf(ACTA_EXIT_USAGE,
		    "acta store scrub DIR | SERVICE", "what is to be read?");
	dir = is_folder(argv[0]) ? acta_text_keepf("%s", argv[0])
				 : service_folder(cli, argv[0], &code);
	if (code == ACTA_EXIT_OK)
		code = find(&places, dir);
	if (code == ACTA_EXIT_OK) {
		code = scrub_all(cli, &places);
		acta_places_fini(&places);
	}
	free(dir);
	return code;
}

/* -------------------------------------------------------------- compact -- */

static int
exit_of(enum acta_err err)
{
	return err == ACTA_EBUSY ? ACTA_EXIT_CONFLICT
	    : err == ACTA_ENOENT ? ACTA_EXIT_NOT_FOUND
				 : ACTA_EXIT_FAILED;
}

static int
compact_one(const struct acta_place *place, struct acta_buf *rows, bool json)
{
	struct acta_compacted out;
	struct acta_why why = { "", "" };
	char before[24], after[24], *name;
	enum acta_err err = acta_store_compact(place->dir, NULL, &out, &why);

	if (err != ACTA_OK) {
		if (why.text[0] == '\0')
			acta_why_text(
			    &why, "%.200s: %s", place->dir, acta_strerror(err));
		return acta_say(exit_of(err), &why);
	}
	acta_pack_map(rows, 3);
	acta_pack_text(rows, "dir");
	acta_pack_text(rows, place->dir);
	acta_pack_text(rows, "bytes_before");
	acta_pack_uint(rows, out.bytes_before);
	acta_pack_text(rows, "bytes_after");
	acta_pack_uint(rows, out.bytes_after);
	if (json)
		return ACTA_EXIT_OK;
	acta_out_bytes(out.bytes_before, before);
	acta_out_bytes(out.bytes_after, after);
	name = place_name(place);
	(void)acta_sayf(0, NULL, "%s: %s, was %s", name, after, before);
	free(name);
	return ACTA_EXIT_OK;
}

static int
compact(const struct acta_cli *cli, int argc, char **argv)
{
	struct acta_places places;
	struct acta_buf rows, all, out;
	uint32_t done = 0;
	int code;

	if (argc != 1)
		return acta_sayf(ACTA_EXIT_USAGE, "acta store compact DIR",
		    "which store is to be put anew?");
	code = find(&places, argv[0]);
	if (code != ACTA_EXIT_OK)
		return code;
	acta_buf_init(&rows);
	acta_buf_init(&all);
	acta_buf_init(&out);
	for (; done < places.count && code == ACTA_EXIT_OK; done++)
		code = compact_one(&places.list[done], &rows, cli->json);
	if (code == ACTA_EXIT_OK && cli->json) {
		acta_pack_map(&all, 1);
		acta_pack_text(&all, "stores");
		acta_pack_list(&all, done);
		acta_pack_raw(&all, rows.data, rows.size);
		acta_out_json(all.data, all.size, &out);
		acta_out_line(&out);
	}
	acta_buf_fini(&rows);
	acta_buf_fini(&all);
	acta_buf_fini(&out);
	acta_places_fini(&places);
	return code;
}

int
acta_cmd_store(struct acta_cli *cli)
{
	static const struct {
		const char *name;
		int (*run)(const struct acta_cli *cli, int argc, char **argv);
	} verbs[] = {
		{ "info", info },
		{ "scrub", scrub },
		{ "compact", compact },
		{ "backup", acta_store_backup },
		{ "restore", acta_store_restore },
	};
	const char *words[sizeof(verbs) / sizeof(verbs[0]) + 1], *near;
	const char *what = cli->argc > 0 ? cli->argv[0] : "info";
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(what, verbs[i].name) == 0)
			return cli->argc > 0
			    ? verbs[i].run(cli, cli->argc - 1, cli->argv + 1)
			    : verbs[i].run(cli, 0, NULL);
		words[i] = verbs[i].name;
	}
	words[i] = NULL;
	near = acta_closest(what, words);
	return acta_sayf(ACTA_EXIT_USAGE,
	    near != NULL ? near : "info, scrub, compact, backup, restore",
	    "store: unknown verb \"%s\"", what);
}
