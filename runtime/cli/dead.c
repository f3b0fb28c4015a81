/* runtime/cli/dead.c - `acta dead`: dead letters. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codecs/envelope.h"
#include "codecs/packer.h"
#include "runtime/cli/cli.h"
#include "runtime/config.h"

#define DEAD_LIMIT 100

/* RFC 3339, in UTC, of ms since 1970. */
static void
time_of(int64_t ms, char out[32])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int64_t
wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void
print_dead_table(acta_value list)
{
	enum { COLUMNS = 7 };
	static const char *const heads[COLUMNS] = { "ID", "TO", "TYPE", "FROM",
		"CAUSE", "AGE", "TEXT" };
	struct acta_reader reader = acta_reader_into(list);
	char **cells =
	    calloc((size_t)(list.size + 1) * COLUMNS, sizeof(*cells));
	int64_t now = wall_ms();
	char age[24];
	uint32_t i;

	if (cells == NULL)
		abort();
	for (i = 0; i < COLUMNS; i++)
		cells[i] = acta_text_keepf("%s", heads[i]);
	for (i = 1; i <= list.size; i++) {
		acta_value row = acta_read(&reader);
		char **at = cells + (size_t)i * COLUMNS;

		acta_out_age(now - acta_int_at(row, "at", now), age);
		at[0] = acta_text_at(row, "id", "");
		at[1] = acta_text_at(row, "to", "");
		at[2] = acta_text_at(row, "do", "");
		at[3] = acta_text_at(row, "from", "");
		if (at[3][0] == '\0') { /* a client's */
			free(at[3]);
			at[3] = acta_text_keepf("-");
		}
		at[4] = acta_text_at(row, "cause", "");
		at[5] = acta_text_keepf("%s", age);
		at[6] = acta_text_at(row, "text", "");
	}
	acta_out_table(cells, COLUMNS, (int)list.size + 1, -1);
	for (i = 0; i < (list.size + 1) * COLUMNS; i++)
		free(cells[i]);
	free(cells);
}

/* Each partition gave up to `limit`: of all of them together no more than that. */
static void
cut_dead(acta_value result, uint32_t limit, struct acta_buf *out)
{
	acta_value list = acta_value_at(result, "dead");
	acta_value missing = acta_value_at(result, "missing");
	struct acta_reader reader = acta_reader_into(list);
	uint32_t count = list.size < limit ? list.size : limit, i;

	acta_pack_map(out, 2 + (missing.type == ACTA_LIST));
	acta_pack_text(out, "dead");
	acta_pack_list(out, count);
	for (i = 0; i < count; i++)
		acta_pack_value(out, acta_read(&reader));
	acta_pack_text(out, "more");
	acta_pack_bool(out, acta_bool_at(result, "more") || list.size > limit);
	if (missing.type == ACTA_LIST) {
		acta_pack_text(out, "missing");
		acta_pack_value(out, missing);
	}
}

static int
dead_list(
    const struct acta_cli *cli, const struct acta_at *at, const char *service)
{
	uint32_t limit = cli->count > 0 ? (uint32_t)cli->count : DEAD_LIMIT;
	struct acta_buf args, answer, cut;
	struct acta_reader reader;
	acta_value result, list, missing;
	char *text;
	int code;

	acta_buf_init(&args);
	acta_buf_init(&answer);
	acta_buf_init(&cut);
	acta_pack_map(&args, service != NULL ? 2 : 1);
	acta_pack_text(&args, "limit");
	acta_pack_int(&args, limit);
	if (service != NULL) {
		acta_pack_text(&args, "service");
		acta_pack_text(&args, service);
	}
	code = acta_client_result(
	    cli, at->call, "@dead", "list", &args, &answer, &result);
	if (code != ACTA_EXIT_OK)
		goto out;
	if (acta_value_at(result, "dead").type == ACTA_LIST) {
		cut_dead(result, limit, &cut);
		reader = acta_reader(cut.data, cut.size);
		result = acta_read(&reader);
	}
	list = acta_value_at(result, "dead");
	missing = acta_value_at(result, "missing");
	if (cli->json) {
		text = acta_json_of(result);
		puts(text);
		free(text);
	} else if (list.type == ACTA_LIST && list.size > 0) {
		print_dead_table(list);
	} else {
		acta_sayf(0, NULL, "no dead letters");
	}
	acta_out_flush();
	/* What did not answer may have some: an empty list proves nothing. */
	if (missing.type == ACTA_LIST && missing.size > 0)
		code = acta_sayf(ACTA_EXIT_FAILED, "acta ps tells which",
		    "%" PRIu32 " partition%s did not answer", missing.size,
		    missing.size == 1 ? "" : "s");
	else if (acta_bool_at(result, "more"))
		acta_sayf(0, "--limit shows more", "there are more");
out:
	acta_buf_fini(&cut);
	acta_buf_fini(&args);
	acta_buf_fini(&answer);
	return code;
}

static void
print_dead(acta_value row)
{
	static const char *const texts[] = { "id", "to", "do", "from", "cause",
		"text" };
	char when[32], *text;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		text = acta_text_at(row, texts[i], "");
		/* No sender: a client. */
		printf("%-9s %s\n", texts[i], text[0] != '\0' ? text : "-");
		free(text);
	}
	time_of(acta_int_at(row, "at", 0), when);
	text = acta_json_of(acta_value_at(row, "args"));
	printf("%-9s %" PRId64 "\n%-9s %s\n%-9s %s\n", "attempts",
	    acta_int_at(row, "attempts", 0), "at", when, "args", text);
	free(text);
	text = acta_json_of(acta_value_at(row, "state"));
	printf("%-9s %s\n", "state", text);
	free(text);
}

/* What acta-host --capsule reads: the whole letter, as it came. */
static int
write_capsule(const char *file, acta_value letter)
{
	struct acta_config_world world;
	struct acta_buf b, dir;
	/* What is in it is as private as the store that it comes from. */
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "wb") : NULL;
	bool ok;

	acta_buf_init(&b);
	acta_buf_init(&dir);
	acta_pack_value(&b, letter);
	ok = f != NULL && fwrite(b.data, 1, b.size, f) == b.size;
	if (f != NULL && fclose(f) != 0)
		ok = false;
	acta_buf_fini(&b);
	if (!ok)
		return acta_sayf(
		    ACTA_EXIT_FAILED, NULL, "%s: %s", file, strerror(errno));
	acta_config_world(&world, &dir);
	acta_sayf(0, NULL,
	    "%s: run it with: gdb --args %s/acta-host --capsule %s SERVICE.so",
	    file, world.program_dir, file);
	acta_buf_fini(&dir);
	return ACTA_EXIT_OK;
}

/* `verb` of the dead letter `id`, which says where it lies:
 * SERVICE.PARTITION.NUMBER. `edit`: new args for a retry, or NULL; `file`: show
 * writes it there instead. */
static int
dead_one(const struct acta_cli *cli, const struct acta_at *at, const char *verb,
    const char *id, const struct acta_buf *edit, const char *file)
{
	struct acta_buf args, answer;
	char service[40], *text;
	unsigned part;
	unsigned long long number;
	acta_value result;
	int code, used = 0;

	if (sscanf(id, "%39[a-z0-9-].%u.%llu%n", service, &part, &number,
		&used) != 3 ||
	    id[used] != '\0')
		return acta_sayf(ACTA_EXIT_USAGE,
		    "acta dead ls shows them, like stock.0.1",
		    "no dead letter's id: \"%s\"", id);
	acta_buf_init(&args);
	acta_buf_init(&answer);
	acta_pack_map(&args, edit != NULL ? 4 : 3);
	acta_pack_text(&args, "id");
	acta_pack_text(&args, id);
	acta_pack_text(&args, "service");
	acta_pack_text(&args, service);
	acta_pack_text(&args, "part");
	acta_pack_int(&args, part);
	if (edit != NULL) {
		acta_pack_text(&args, "args");
		acta_pack_raw(&args, edit->data, edit->size);
	}
	code = acta_client_result(
	    cli, at->call, "@dead", verb, &args, &answer, &result);
	if (code == ACTA_EXIT_OK && cli->json && file == NULL) {
		text = acta_json_of(result);
		puts(text);
		free(text);
	} else if (code == ACTA_EXIT_OK && strcmp(verb, "show") == 0) {
		if (file != NULL)
			code = write_capsule(file, result);
		else
			print_dead(result);
	} else if (code == ACTA_EXIT_OK) {
		acta_sayf(0, NULL, "%s: %s", id,
		    strcmp(verb, "drop") == 0 ? "dropped"
					      : "it is tried again");
	}
	acta_out_flush();
	acta_buf_fini(&args);
	acta_buf_fini(&answer);
	return code;
}

static int
dead_retry(const struct acta_cli *cli, const struct acta_at *at)
{
	struct acta_buf edit;
	int code = ACTA_EXIT_OK;

	if (cli->argc == 2)
		return dead_one(cli, at, "retry", cli->argv[1], NULL, NULL);
	acta_buf_init(&edit);
	code = acta_cli_args(cli->argc - 2, cli->argv + 2, &edit);
	if (code == ACTA_EXIT_OK)
		code = dead_one(cli, at, "retry", cli->argv[1], &edit, NULL);
	acta_buf_fini(&edit);
	return code;
}

static int
dead_capsule(const struct acta_cli *cli, const struct acta_at *at)
{
	char *file = cli->argc > 2
	    ? acta_text_keepf("%s", cli->argv[2])
	    : acta_text_keepf("%s.capsule", cli->argv[1]);
	int code = dead_one(cli, at, "show", cli->argv[1], NULL, file);

	free(file);
	return code;
}

int
acta_cmd_dead(struct acta_cli *cli)
{
	static const char *const verbs[] = { "ls", "show", "retry", "drop",
		"capsule", NULL };
	const char *what = cli->argc > 0 ? cli->argv[0] : "ls";
	const char *name = cli->argc > 1 ? cli->argv[1] : NULL;
	struct acta_at at = { 0 };
	size_t i = 0;
	int code;

	while (verbs[i] != NULL && strcmp(verbs[i], what) != 0)
		i++;
	if (verbs[i] == NULL)
		return acta_sayf(ACTA_EXIT_USAGE,
		    "ls, show ID, retry ID, drop ID, capsule ID [FILE]",
		    "dead: unknown verb \"%s\"", what);
	if (i > 0 && name == NULL)
		return acta_sayf(ACTA_EXIT_USAGE, "acta dead ls shows the ids",
		    "dead %s: an id is missing", what);
	if (cli->argc > (strcmp(what, "capsule") == 0 ? 3 : 2) &&
	    strcmp(what, "retry") != 0)
		return acta_sayf(ACTA_EXIT_USAGE, "one at a time",
		    "dead %s: too many words", what);
	if (strcmp(what, "drop") == 0 && !acta_sure(cli, "To drop it"))
		return ACTA_EXIT_USAGE;
	code = acta_at_find(cli, &at);
	if (code == ACTA_EXIT_OK)
		code = i == 0 ? dead_list(cli, &at, name)
		    : i == 2  ? dead_retry(cli, &at)
		    : i == 4  ? dead_capsule(cli, &at)
			      : dead_one(cli, &at, what, name, NULL, NULL);
	acta_at_fini(&at);
	return code;
}
