/* runtime/cli/main.c - `acta`: the table of subcommands and their options. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/envelope.h"
#include "codecs/schema.h"
#include "runtime/acta.h"
#include "runtime/cli/cli.h"

#define OPTIONS_MAX 32

enum option_key {
	KEY_AT = 256,
	KEY_TIMEOUT,
	KEY_SHOW,
	KEY_PLAN,
	KEY_PID,
	KEY_CHECKED,
	KEY_ID,
	KEY_COUNT,
	KEY_LIMIT,
	KEY_YES
};

#define OPTION(name_, key_, arg_, doc_)                              \
	{                                                            \
		.name = name_, .key = key_, .arg = arg_, .doc = doc_ \
	}
#define OPTION_AT                    \
	OPTION("at", KEY_AT, "NODE", \
	    "the node's name, run directory or call endpoint")
#define OPTION_TIMEOUT                         \
	OPTION("timeout", KEY_TIMEOUT, "TIME", \
	    "how long to wait for the answer (5s)")
#define OPTION_OUTPUT OPTION("output", 'o', "FORMAT", "json, or table")

#ifndef ACTA_COMMIT
#define ACTA_COMMIT ""
#endif

static int
cmd_version(struct acta_cli *cli)
{
	const char *commit = ACTA_COMMIT;

	if (cli->json)
		printf("{\"version\": \"%s\", \"abi\": %d, \"commit\": "
		       "\"%s\"}\n",
		    ACTA_VERSION, ACTA_ABI, commit);
	else
		printf("acta %s (ABI %d%s%s)\n", ACTA_VERSION, ACTA_ABI,
		    commit[0] != '\0' ? ", commit " : "", commit);
	acta_out_flush();
	return ACTA_EXIT_OK;
}

static const struct argp_option plain_options[] = { OPTION_OUTPUT, { 0 } };
static const struct argp_option check_options[] = {
	OPTION("show", KEY_SHOW, NULL,
	    "print the resolved config and where each value is from"),
	/* The root's own, when it reads its config again. */
	{ .name = "plan",
	    .key = KEY_PLAN,
	    .arg = "FD",
	    .flags = OPTION_HIDDEN },
	OPTION_OUTPUT, { 0 }
};
static const struct argp_option node_options[] = { OPTION_AT, OPTION_TIMEOUT,
	OPTION_OUTPUT, { 0 } };
static const struct argp_option ps_options[] = { OPTION("all", 'a', NULL,
						     "doors too"),
	OPTION("pid", KEY_PID, "SERVICE", "only its process id"), OPTION_AT,
	OPTION_TIMEOUT, OPTION_OUTPUT, { 0 } };
static const struct argp_option start_options[] = {
	OPTION("storage-checked", KEY_CHECKED, NULL,
	    "start one held as storage-failed: it reads its store past the "
	    "page cache first"),
	OPTION_AT, OPTION_TIMEOUT, OPTION_OUTPUT, { 0 }
};
static const struct argp_option call_options[] = {
	OPTION("id", KEY_ID, "ID",
	    "the request's own id: the same again is done once"),
	OPTION_AT, OPTION_TIMEOUT, OPTION_OUTPUT, { 0 }
};
static const struct argp_option sub_options[] = {
	OPTION("count", KEY_COUNT, "N", "end after N events"), OPTION_AT,
	OPTION_TIMEOUT, OPTION_OUTPUT, { 0 }
};
static const struct argp_option dead_options[] = { OPTION("limit", KEY_LIMIT,
						       "N", "at most N (100)"),
	OPTION("yes", KEY_YES, NULL, "drop: do not ask"), OPTION_AT,
	OPTION_TIMEOUT, OPTION_OUTPUT, { 0 } };
static const struct argp_option channel_options[] = {
	OPTION("yes", KEY_YES, NULL, "accept, reset: do not ask"), OPTION_AT,
	OPTION_TIMEOUT, OPTION_OUTPUT, { 0 }
};
static const struct argp_option logs_options[] = { OPTION("follow", 'f', NULL,
						       "go on as it grows"),
	OPTION("lines", 'n', "N", "begin N lines before the end (100)"),
	OPTION_AT, OPTION_OUTPUT, { 0 } };

static const struct acta_command commands[] = {
	{ "run", "FILE",
	    "Check a config, then run its node until it is stopped.\n\n"
	    "  acta run shop.yaml &\n"
	    "  acta run shop.yaml 2>shop.log &",
	    plain_options, 1, 1, acta_cmd_run },
	{ "check", "FILE",
	    "Check a config as run would, and start nothing.\n\n"
	    "  acta check shop.yaml\n"
	    "  acta check --show shop.yaml",
	    check_options, 1, 1, acta_cmd_check },
	{ "ps", "",
	    "What runs: state, process, restarts, what waits.\n\n"
	    "  acta ps\n"
	    "  acta ps -o json\n"
	    "  kill -9 $(acta ps --pid stock)",
	    ps_options, 0, 0, acta_cmd_ps },
	{ "why", "SERVICE",
	    "Why a service is in the state it is in.\n\n"
	    "  acta why stock",
	    node_options, 1, 1, acta_cmd_why },
	{ "call", "ADDR TYPE [NAME=VALUE ... | JSON]",
	    "Call an actor and print its answer.\n\n"
	    "  acta call stock/17 reserve qty=2\n"
	    "  acta call stock/17 reserve '{\"qty\": 2}'\n"
	    "  acta call --timeout 30s --id 7f3a stock/17 reserve qty=2",
	    call_options, 2, -1, acta_cmd_call },
	{ "send", "ADDR TYPE [NAME=VALUE ... | JSON]",
	    "Send a message: done once it is durable there.\n\n"
	    "  acta send order/9 cancel reason=late",
	    call_options, 2, -1, acta_cmd_send },
	{ "sub", "[PREFIX]",
	    "Print events as they are committed; what was missed is fetched."
	    "\n\n"
	    "  acta sub\n"
	    "  acta sub stock.\n"
	    "  acta sub stock.reserved/17 -o json",
	    sub_options, 0, 1, acta_cmd_sub },
	{ "state", "ADDR [DATA]",
	    "An actor's rows, as its worker has them; as its store has them, "
	    "if "
	    "the\nworker does not answer, or a node's folder `data` is "
	    "named.\n\n"
	    "  acta state stock/17\n"
	    "  acta state stock/17 /var/lib/acta/shop",
	    node_options, 1, 2, acta_cmd_state },
	{ "dead",
	    "[ls [SERVICE] | show ID | retry ID [ARGS] | drop ID | capsule ID "
	    "[FILE]]",
	    "Messages that could not be handled, with their cause.\n\n"
	    "  acta dead\n"
	    "  acta dead ls stock\n"
	    "  acta dead show stock.0.1\n"
	    "  acta dead retry stock.0.1\n"
	    "  acta dead retry stock.0.1 qty=2\n"
	    "  acta dead drop --yes stock.0.1\n"
	    "  acta dead capsule stock.0.1 letter",
	    dead_options, 0, -1, acta_cmd_dead },
	{ "channel", "[ls [SERVICE] | accept FROM TO | reset FROM TO]",
	    "What waits between services, and ways out of a stopped channel."
	    "\n\n"
	    "  acta channel\n"
	    "  acta channel ls order\n"
	    "  acta channel accept order.0 stock.1\n"
	    "  acta channel reset --yes order.0 stock.1",
	    channel_options, 0, 3, acta_cmd_channel },
	{ "reconcile", "[DATA]",
	    "Is all taken, once, that services sent each other?\n\n"
	    "  acta reconcile\n"
	    "  acta reconcile data -o json",
	    node_options, 0, 1, acta_cmd_reconcile },
	{ "store",
	    "[info [DIR | SERVICE] | scrub DIR | SERVICE | compact DIR | "
	    "backup DEST [DATA] | restore SRC DATA [SERVICE ...]]",
	    "What stores hold, whether they are sound, put anew; backups.\n\n"
	    "  acta store\n"
	    "  acta store info data/stock/0\n"
	    "  acta store scrub stock\n"
	    "  acta store compact data/stock\n"
	    "  acta store backup /backups/monday\n"
	    "  acta store restore /backups/monday data\n"
	    "  acta store restore /backups/monday data stock",
	    node_options, 0, -1, acta_cmd_store },
	{ "start", "SERVICE",
	    "Start a service that was stopped or is held.\n\n"
	    "  acta start stock\n"
	    "  acta start --storage-checked stock",
	    start_options, 1, 1, acta_cmd_start },
	{ "stop", "SERVICE",
	    "Stop a service: its messages wait at their senders.\n\n"
	    "  acta stop stock",
	    node_options, 1, 1, acta_cmd_stop },
	{ "restart", "SERVICE",
	    "Stop a service and start it again.\n\n"
	    "  acta restart stock",
	    node_options, 1, 1, acta_cmd_restart },
	{ "sup", "add|remove|start|stop|restart GROUP NAME | count [GROUP]",
	    "The children of a supervisor, by OTP's calls and with its answers."
	    "\n\n"
	    "  acta sup add workers w1 -- --fast\n"
	    "  acta sup remove workers w1\n"
	    "  acta sup stop money payment\n"
	    "  acta sup count workers",
	    node_options, 1, -1, acta_cmd_sup },
	{ "logs", "[SERVICE]",
	    "What a service, or all, have logged.\n\n"
	    "  acta logs stock\n"
	    "  acta logs -f",
	    logs_options, 0, 1, acta_cmd_logs },
	{ "new", "service|node NAME",
	    "Make a service that builds and runs, or a node's config.\n\n"
	    "  acta new service stock && cd stock && make\n"
	    "  acta new node shop",
	    plain_options, 2, 2, acta_cmd_new },
	{ "cflags", "",
	    "What the compiler needs to find acta.h.\n\n"
	    "  cc -shared -fPIC $(acta cflags) -o stock.so stock.c",
	    plain_options, 0, 0, acta_cmd_cflags },
	{ "version", "",
	    "Version, ABI and commit.\n\n"
	    "  acta version -o json",
	    plain_options, 0, 0, cmd_version },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Of the design, and not in this version: told apart from a typo. */
static const char *const later[] = { "trace", "top", "doctor", NULL };

static const struct acta_command *
find_command(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void
print_help(FILE *out)
{
	size_t i;

	fputs("Run and ask a node of supervised services.\n\n"
	      "  acta new service stock && cd stock && make\n"
	      "  acta run stock.yaml &\n"
	      "  acta call stock/17 restock qty=10\n"
	      "  acta ps\n\n"
	      "Usage: acta [--at NODE] [-o json] COMMAND ...\n\n",
	    out);
	for (i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-9s  %.*s\n", commands[i].name,
		    (int)strcspn(commands[i].doc, "\n"), commands[i].doc);
	fputs(
	    "\nacta COMMAND --help tells more; acta(1), acta.yaml(5).\n", out);
}

static int
unknown_command(const char *name)
{
	const char *words[COMMANDS + 1], *near;
	char *hint;
	size_t i;
	int code;

	for (i = 0; later[i] != NULL; i++)
		if (strcmp(later[i], name) == 0)
			return acta_sayf(ACTA_EXIT_USAGE,
			    "acta --help lists what it has",
			    "this version has no \"%s\" yet", name);
	for (i = 0; i < COMMANDS; i++)
		words[i] = commands[i].name;
	words[COMMANDS] = NULL;
	near = acta_closest(name, words);
	hint = near != NULL ? acta_text_keepf("did you mean \"%s\"?", near)
			    : acta_text_keepf("acta --help lists them");
	code = acta_sayf(ACTA_EXIT_USAGE, hint, "unknown command \"%s\"", name);
	free(hint);
	return code;
}

static bool
set_output(struct acta_cli *cli, const char *value)
{
	if (strcmp(value, "json") != 0 && strcmp(value, "table") != 0) {
		acta_sayf(ACTA_EXIT_USAGE, "-o json, or -o table",
		    "unknown output \"%s\"", value);
		return false;
	}
	cli->json = value[0] == 'j';
	return true;
}

/* A time; a bare number is in milliseconds, as in a request. */
static bool
set_timeout(struct acta_cli *cli, const char *value)
{
	struct acta_why why = { "", "" };
	int64_t number;

	if (acta_text_int(value, &number) == ACTA_OK)
		cli->timeout_ms = number;
	else if (acta_text_duration(value, &number, &why) == ACTA_OK)
		cli->timeout_ms = (number + 999) / 1000;
	if (cli->timeout_ms >= 1 && cli->timeout_ms <= ACTA_TIMEOUT_MS_MAX)
		return true;
	acta_sayf(ACTA_EXIT_USAGE, "like 500ms or 30s, at most 7d",
	    "no time-out: \"%s\"", value);
	return false;
}

static bool
set_count(int64_t *out, const char *name, const char *value)
{
	if (acta_text_int(value, out) == ACTA_OK && *out >= 1 &&
	    *out <= 1000000000)
		return true;
	acta_sayf(
	    ACTA_EXIT_USAGE, "a number from 1 on", "--%s: \"%s\"", name, value);
	return false;
}

static error_t
parse_option(int key, char *arg, struct argp_state *state)
{
	struct acta_cli *cli = state->input;
	bool good = true;

	switch (key) {
	case 'o': good = set_output(cli, arg); break;
	case KEY_AT: cli->at = arg; break;
	case KEY_TIMEOUT: good = set_timeout(cli, arg); break;
	case KEY_SHOW: cli->show = true; break;
	case KEY_PLAN: cli->plan_fd = (int)strtol(arg, NULL, 10); break;
	case 'a': cli->all = true; break;
	case 'f': cli->follow = true; break;
	case KEY_PID: cli->pid_of = arg; break;
	case KEY_CHECKED: cli->checked = true; break;
	case KEY_YES: cli->yes = true; break;
	case KEY_ID:
		cli->id = arg;
		good = arg[0] != '\0' && strlen(arg) <= ACTA_ID_MAX;
		if (!good)
			acta_sayf(ACTA_EXIT_USAGE, "1 to 64 bytes",
			    "--id: \"%s\"", arg);
		break;
	case KEY_COUNT: good = set_count(&cli->count, "count", arg); break;
	case KEY_LIMIT: good = set_count(&cli->count, "limit", arg); break;
	case 'n': good = set_count(&cli->count, "lines", arg); break;
	case ARGP_KEY_ARGS:
		cli->argv = state->argv + state->next;
		cli->argc = state->argc - state->next;
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	if (!good)
		exit(ACTA_EXIT_USAGE);
	return 0;
}

/* argp says `unrecognized option` and leaves it at that: look first. */
static bool
options_known(const struct acta_command *command, int argc, char **argv)
{
	const char *words[OPTIONS_MAX] = { "help", "usage" }, *near;
	size_t n = 2, size, j;
	char name[64], *hint;
	int i;

	for (j = 0; command->options[j].name != NULL; j++)
		words[n++] = command->options[j].name;
	words[n] = NULL;
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strncmp(argv[i], "--", 2) != 0)
			continue;
		snprintf(name, sizeof(name), "%.*s",
		    (int)strcspn(argv[i] + 2, "="), argv[i] + 2);
		size = strlen(name);
		for (j = 0; j < n && strncmp(words[j], name, size) != 0; j++)
			;
		if (j < n)
			continue;
		near = acta_closest(name, words);
		hint = near != NULL
		    ? acta_text_keepf("did you mean \"--%s\"?", near)
		    : acta_text_keepf(
			  "acta %s --help lists them", command->name);
		acta_sayf(
		    ACTA_EXIT_USAGE, hint, "unknown option \"--%s\"", name);
		free(hint);
		return false;
	}
	return true;
}

static int
run_command(struct acta_cli *cli, const struct acta_command *command, int argc,
    char **argv)
{
	static char help[] = "--help";
	struct argp argp = { .options = command->options,
		.parser = parse_option,
		.args_doc = command->args,
		.doc = command->doc };

	if (!options_known(command, argc, argv))
		return ACTA_EXIT_USAGE;
	/* argp has --help and -?; many try this first. */
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		argv[1] = help;
	cli->command = command->name;
	argv[0] = acta_text_keepf("acta %s", command->name);
	if (argp_parse(&argp, argc, argv, 0, NULL, cli) != 0)
		return ACTA_EXIT_USAGE;
	free(argv[0]);
	argv[0] = NULL;
	if (cli->argc < command->args_min ||
	    (command->args_max >= 0 && cli->argc > command->args_max)) {
		char *hint = acta_text_keepf("acta %s%s%s", command->name,
		    command->args[0] != '\0' ? " " : "", command->args);
		int code = acta_sayf(ACTA_EXIT_USAGE, hint, "%s",
		    cli->argc < command->args_min ? "something is missing"
						  : "too many arguments");

		free(hint);
		return code;
	}
	return command->run(cli);
}

/* An option before the command, in any of the forms that it has behind it: its
 * value, in `*value`; how many words it is, 0: another option. */
static int
leading_option(char **words, const char *name, char letter, char **value)
{
	size_t size = strlen(name);

	if (letter != '\0' && words[0][1] == letter) {
		*value = words[0][2] != '\0' ? words[0] + 2 : words[1];
		return words[0][2] != '\0' ? 1 : 2;
	}
	if (strncmp(words[0], "--", 2) != 0 ||
	    strncmp(words[0] + 2, name, size) != 0)
		return 0;
	if (words[0][2 + size] == '=') {
		*value = words[0] + 3 + size;
		return 1;
	}
	*value = words[1];
	return words[0][2 + size] == '\0' ? 2 : 0;
}

/* -o json, --at NODE, --timeout TIME. Returns at which word the command is, or
 * -1, said. */
static int
leading_options(struct acta_cli *cli, int argc, char **argv)
{
	int i = 1, words;
	char *value = NULL;

	while (i < argc && argv[i][0] == '-') {
		if ((words = leading_option(argv + i, "output", 'o', &value)) >
		    0) {
			if (value != NULL && !set_output(cli, value))
				return -1;
		} else if ((words = leading_option(
				argv + i, "at", '\0', &value)) > 0) {
			cli->at = value;
		} else if ((words = leading_option(
				argv + i, "timeout", '\0', &value)) > 0) {
			if (value != NULL && !set_timeout(cli, value))
				return -1;
		} else {
			return i;
		}
		if (value == NULL) {
			acta_sayf(ACTA_EXIT_USAGE, "acta --help",
			    "\"%s\" is to have a value", argv[i]);
			return -1;
		}
		i += words;
	}
	return i;
}

int
main(int argc, char **argv)
{
	static char help[] = "--help", *ask[] = { NULL, help, NULL };
	struct acta_cli cli = { 0 };
	const struct acta_command *command;
	int at;

	/* A reader that went away ends us at the next write, without a word;
	 * zmq wants its sockets' writes to fail instead. */
	signal(SIGPIPE, SIG_IGN);
	argp_err_exit_status = ACTA_EXIT_USAGE;
	at = leading_options(&cli, argc, argv);
	if (at < 0)
		return ACTA_EXIT_USAGE;
	if (at >= argc) {
		print_help(stderr);
		return ACTA_EXIT_USAGE;
	}
	if (strcmp(argv[at], "--version") == 0 || strcmp(argv[at], "-V") == 0)
		return cmd_version(&cli);
	if (strcmp(argv[at], "help") == 0 && at + 1 < argc) {
		command = find_command(argv[at + 1]);
		if (command == NULL)
			return unknown_command(argv[at + 1]);
		return run_command(&cli, command, 2, ask);
	}
	if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0 ||
	    strcmp(argv[at], "-?") == 0 || strcmp(argv[at], "help") == 0) {
		print_help(stdout);
		acta_out_flush();
		return ACTA_EXIT_OK;
	}
	if (argv[at][0] == '-')
		return acta_sayf(ACTA_EXIT_USAGE, "acta --help",
		    "unknown option \"%s\"", argv[at]);
	command = find_command(argv[at]);
	if (command == NULL)
		return unknown_command(argv[at]);
	return run_command(&cli, command, argc - at, argv + at);
}
