/*
 * runtime/cli/ps.c - what is asked of the root: `acta ps`, `why`, `start`,
 * `stop`, `restart`. It answers when every door is down.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"
#include "codecs/schema.h"
#include "runtime/cli/cli.h"

/* A stop ends with the service's own shutdown time, which may be long. */
#define VERB_TIMEOUT_MS 120000
#define COLUMNS 9
#define STATE_COLUMN 1

static void
print_json(const struct acta_buf *answer)
{
	struct acta_buf out;

	acta_buf_init(&out);
	acta_out_json(answer->data, answer->size, &out);
	acta_out_line(&out);
	acta_buf_fini(&out);
}

static acta_value
first_of(const struct acta_buf *answer)
{
	struct acta_reader reader = acta_reader(answer->data, answer->size);

	return acta_read(&reader);
}

/* One child as a row of the table. */
static void
fill_row(acta_value child, char **cells)
{
	int64_t pid = acta_int_at(child, "pid", 0);
	int64_t depth = acta_int_at(child, "depth", 0);
	int64_t next_ms = acta_int_at(child, "restart_in_ms", -1);
	char *state = acta_text_at(child, "state", "?"), age[24];
	char *name = acta_text_at(child, "service", "?");
	bool up = strcmp(state, "up") == 0;

	acta_out_age(up ? acta_int_at(child, "uptime_ms", -1) : -1, age);
	if (depth < 0 || depth > 32)
		depth = 0;
	cells[0] = acta_text_keepf("%*s%s", (int)(2 * depth), "", name);
	free(name);
	cells[1] = state;
	cells[2] =
	    pid > 0 ? acta_text_keepf("%" PRId64, pid) : acta_text_keepf("-");
	cells[3] =
	    acta_text_keepf("%" PRId64, acta_int_at(child, "restarts", 0));
	cells[4] = acta_text_keepf("%" PRId64 "/%" PRId64,
	    acta_int_at(child, "restarts_in_period", 0),
	    acta_int_at(child, "intensity", 0));
	cells[5] = next_ms < 0
	    ? acta_text_keepf("-")
	    : acta_text_keepf("%.1fs", (double)next_ms / 1000);
	cells[6] = acta_text_keepf("%" PRId64, acta_int_at(child, "queue", 0));
	cells[7] = acta_text_keepf("%.1f", acta_num_at(child, "rate", 0));
	cells[8] = acta_text_keepf("%s", age);
}

/* Doors are of interest to who asks, and when something is wrong with one. */
static bool
is_shown(const struct acta_cli *cli, acta_value child)
{
	char *name = acta_text_at(child, "service", "");
	char *state = acta_text_at(child, "state", "");
	bool shown = cli->all || name[0] != '@' || strcmp(state, "up") != 0;

	free(name);
	free(state);
	return shown;
}

static void
print_table(const struct acta_cli *cli, acta_value list)
{
	static const char *const heads[COLUMNS] = { "SERVICE", "STATE", "PID",
		"RESTARTS", "RECENT", "NEXT", "QUEUE", "MSG/S", "UP" };
	struct acta_reader reader = acta_reader_into(list);
	char **cells =
	    calloc((size_t)(list.size + 1) * COLUMNS, sizeof(*cells));
	int rows = 1, i;
	uint32_t n;

	if (cells == NULL)
		abort();
	for (i = 0; i < COLUMNS; i++)
		cells[i] = acta_text_keepf("%s", heads[i]);
	for (n = 0; n < list.size; n++) {
		acta_value child = acta_read(&reader);

		if (is_shown(cli, child))
			fill_row(child, cells + COLUMNS * rows++);
	}
	acta_out_table(cells, COLUMNS, rows, STATE_COLUMN);
	for (i = 0; i < rows * COLUMNS; i++)
		free(cells[i]);
	free(cells);
}

static void
print_alarm(const char *service, acta_value alarm)
{
	char *what = acta_text_at(alarm, "name", "alarm");
	char *text = acta_text_at(alarm, "text", "");

	printf(
	    "! %s: %s%s%s\n", service, what, text[0] != '\0' ? ": " : "", text);
	free(what);
	free(text);
}

/* Of the node itself: they stand beside the services' own. */
static void
print_node_alarms(acta_value list)
{
	struct acta_reader reader;

	if (list.type != ACTA_LIST)
		return;
	reader = acta_reader_into(list);
	for (uint32_t n = 0; n < list.size; n++) {
		acta_value alarm = acta_read(&reader);
		char *name = acta_text_at(alarm, "service", "");

		if (strcmp(name, "@node") == 0)
			print_alarm(name, alarm);
		free(name);
	}
}

/* What a person must see, until it is over. */
static void
print_alarms(acta_value list)
{
	struct acta_reader reader = acta_reader_into(list), inner;
	uint32_t n, k;

	for (n = 0; n < list.size; n++) {
		acta_value child = acta_read(&reader);
		acta_value alarms = acta_value_at(child, "alarms");
		char *name = acta_text_at(child, "service", "?");

		if (alarms.type == ACTA_LIST)
			inner = acta_reader_into(alarms);
		for (k = 0; alarms.type == ACTA_LIST && k < alarms.size; k++) {
			print_alarm(name, acta_read(&inner));
		}
		if (acta_int_at(child, "dead", 0) > 0)
			printf("! %s: dead letters: %" PRId64
			       " (acta dead ls %s)\n",
			    name, acta_int_at(child, "dead", 0), name);
		free(name);
	}
	acta_out_flush();
}

/* Only a process id, for kill(1): nothing else may be on stdout. */
static int
print_pid(const struct acta_cli *cli, acta_value list)
{
	struct acta_reader reader = acta_reader_into(list);
	const char **names = calloc(list.size + 1, sizeof(*names));
	const char *near;
	char *hint = NULL;
	int code = ACTA_EXIT_NOT_FOUND;
	uint32_t n;

	if (names == NULL)
		abort();
	for (n = 0; n < list.size; n++) {
		acta_value child = acta_read(&reader);
		int64_t pid = acta_int_at(child, "pid", 0);
		char *name = acta_text_at(child, "service", "");

		names[n] = name;
		if (strcmp(name, cli->pid_of) != 0)
			continue;
		if (pid > 0) {
			printf("%" PRId64 "\n", pid);
			code = ACTA_EXIT_OK;
		} else {
			char *state = acta_text_at(child, "state", "?");

			code =
			    acta_sayf(ACTA_EXIT_FAILED, "acta why tells more",
				"%s has no process: %s", name, state);
			free(state);
		}
		break;
	}
	if (code == ACTA_EXIT_NOT_FOUND) {
		near = acta_closest(cli->pid_of, names);
		if (near != NULL)
			hint = acta_text_keepf("did you mean \"%s\"?", near);
		acta_sayf(
		    code, hint, "no service \"%s\" in this node", cli->pid_of);
		free(hint);
	}
	for (n = 0; n < list.size; n++)
		free((char *)(uintptr_t)names[n]);
	free(names);
	acta_out_flush();
	return code;
}

int
acta_cmd_ps(struct acta_cli *cli)
{
	struct acta_at at;
	struct acta_buf answer;
	acta_value list;
	int code = acta_at_find(cli, &at);

	if (code != ACTA_EXIT_OK)
		return code;
	acta_buf_init(&answer);
	code = acta_root_ask(cli, &at, "ps", &answer);
	if (code != ACTA_EXIT_OK)
		goto out;
	list = acta_value_at(first_of(&answer), "services");
	if (list.type != ACTA_LIST)
		code = acta_sayf(ACTA_EXIT_FAILED, NULL,
		    "the root's answer has no services");
	else if (cli->pid_of != NULL)
		code = print_pid(cli, list);
	else if (cli->json)
		print_json(&answer);
	else {
		print_table(cli, list);
		print_node_alarms(acta_value_at(first_of(&answer), "alarms"));
		print_alarms(list);
	}
out:
	acta_buf_fini(&answer);
	acta_at_fini(&at);
	return code;
}

/* ------------------------------------------------------------ one child -- */

/* Text in lines of at most 78 characters, as prose is read. */
static void
print_prose(const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t size = strcspn(text, " \n");

		if (column > 0 && column + 1 + size > 78) {
			putchar('\n');
			column = 0;
		} else if (column > 0) {
			putchar(' ');
			column++;
		}
		fwrite(text, 1, size, stdout);
		column += size;
		text += size;
		if (*text == '\n') {
			putchar('\n');
			column = 0;
		}
		text += *text != '\0';
	}
	if (column > 0)
		putchar('\n');
	acta_out_flush();
}

/* Where a verb has led: `acta: stock: up (pid 4242)`. */
static void
say_state(acta_value answer)
{
	char *service = acta_text_at(answer, "service", "?");
	char *state = acta_text_at(answer, "state", "?");
	int64_t pid = acta_int_at(answer, "pid", 0);

	if (pid > 0)
		acta_sayf(
		    0, NULL, "%s: %s (pid %" PRId64 ")", service, state, pid);
	else
		acta_sayf(0, NULL, "%s: %s", service, state);
	free(service);
	free(state);
}

static int
ask_about(struct acta_cli *cli, const char *verb, const char *tail)
{
	struct acta_at at;
	struct acta_buf answer;
	char *line, *text;
	int code;

	/* It becomes a line of words: a blank in it would be another word. */
	if (cli->argv[0][strcspn(cli->argv[0], " \t\r\n")] != '\0')
		return acta_sayf(ACTA_EXIT_NOT_FOUND, NULL,
		    "no service \"%s\" in this node", cli->argv[0]);
	code = acta_at_find(cli, &at);
	if (code != ACTA_EXIT_OK)
		return code;
	if (cli->timeout_ms == 0 && strcmp(verb, "why") != 0)
		cli->timeout_ms = VERB_TIMEOUT_MS;
	acta_buf_init(&answer);
	line = acta_text_keepf("%s %s%s", verb, cli->argv[0], tail);
	code = acta_root_ask(cli, &at, line, &answer);
	free(line);
	if (code == ACTA_EXIT_OK && cli->json) {
		print_json(&answer);
	} else if (code == ACTA_EXIT_OK) {
		text = acta_text_raw_at(first_of(&answer), "text", "");
		acta_text_clean(text, true);
		print_prose(text);
		free(text);
	}
	if (code == ACTA_EXIT_OK && strcmp(verb, "why") != 0)
		say_state(first_of(&answer));
	acta_buf_fini(&answer);
	acta_at_fini(&at);
	return code;
}

int
acta_cmd_why(struct acta_cli *cli)
{
	return ask_about(cli, "why", "");
}

int
acta_cmd_start(struct acta_cli *cli)
{
	return ask_about(cli, "start", cli->checked ? " checked" : "");
}

int
acta_cmd_stop(struct acta_cli *cli)
{
	return ask_about(cli, "stop", "");
}

int
acta_cmd_restart(struct acta_cli *cli)
{
	return ask_about(cli, "restart", "");
}

/* ------------------------------------------------------------ supervisors -- */

static void
print_counts(acta_value answer)
{
	static const char *const heads[] = { "SPECS", "ACTIVE", "SUPERVISORS",
		"WORKERS" };
	static const char *const keys[] = { "specs", "active", "supervisors",
		"workers" };
	char *cells[8];
	int i;

	for (i = 0; i < 4; i++) {
		cells[i] = acta_text_keepf("%s", heads[i]);
		cells[4 + i] = acta_text_keepf(
		    "%" PRId64, acta_int_at(answer, keys[i], 0));
	}
	acta_out_table(cells, 4, 2, -1);
	for (i = 0; i < 8; i++)
		free(cells[i]);
}

/* `sup VERB GROUP [NAME [ARG ...]]`, as the root has it. */
int
acta_cmd_sup(struct acta_cli *cli)
{
	const char *verb = cli->argv[0];
	bool count = strcmp(verb, "count") == 0;
	struct acta_buf line, answer;
	struct acta_at at;
	int code, i;

	if (strcmp(verb, "add") != 0 && strcmp(verb, "remove") != 0 &&
	    strcmp(verb, "start") != 0 && strcmp(verb, "stop") != 0 &&
	    strcmp(verb, "restart") != 0 && !count)
		return acta_sayf(ACTA_EXIT_USAGE,
		    "add, remove, start, stop, restart GROUP NAME; count "
		    "[GROUP]",
		    "sup: unknown verb \"%s\"", verb);
	if ((count && cli->argc > 2) || (!count && cli->argc < 3) ||
	    (strcmp(verb, "add") != 0 && cli->argc > 3))
		return acta_sayf(ACTA_EXIT_USAGE,
		    "the node itself is the group @node",
		    count ? "sup count [GROUP]: one group is due"
			  : "sup %s GROUP NAME: two names are due",
		    verb);
	/* It becomes a line of words: a blank in one would be another word. */
	for (i = 1; i < cli->argc; i++)
		if (cli->argv[i][0] == '\0' ||
		    cli->argv[i][strcspn(cli->argv[i], " \t\r\n")] != '\0')
			return acta_sayf(ACTA_EXIT_USAGE,
			    "put it into a file, or into the program",
			    "sup: \"%s\" is no single word", cli->argv[i]);
	code = acta_at_find(cli, &at);
	if (code != ACTA_EXIT_OK)
		return code;
	if (cli->timeout_ms == 0)
		cli->timeout_ms = VERB_TIMEOUT_MS;
	acta_buf_init(&answer);
	acta_buf_init(&line);
	acta_text_printf(&line, "sup %s", verb);
	for (i = 1; i < cli->argc; i++)
		acta_text_printf(&line, " %s", cli->argv[i]);
	if (count && cli->argc == 1)
		acta_text_printf(&line, " @node");
	acta_buf_append(&line, "", 1);
	code = acta_root_ask(cli, &at, (const char *)line.data, &answer);
	if (code == ACTA_EXIT_OK && cli->json)
		print_json(&answer);
	else if (code == ACTA_EXIT_OK && count)
		print_counts(first_of(&answer));
	else if (code == ACTA_EXIT_OK && strcmp(verb, "remove") == 0)
		acta_sayf(
		    0, NULL, "%s: removed from %s", cli->argv[2], cli->argv[1]);
	else if (code == ACTA_EXIT_OK)
		say_state(first_of(&answer));
	acta_buf_fini(&line);
	acta_buf_fini(&answer);
	acta_at_fini(&at);
	return code;
}
