/*
 * runtime/cli/cli.h - what the subcommands of `acta` share. Data goes to
 * stdout, words to stderr; a command returns its exit code (acta(1)).
 */
#ifndef ACTA_CLI_H
#define ACTA_CLI_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "codecs/buf.h"
#include "codecs/err.h"
#include "codecs/reader.h"
#include "runtime/config_text.h"

#define ACTA_VERSION "0.1.0"

enum acta_exit {
	ACTA_EXIT_OK,
	ACTA_EXIT_FAILED,
	ACTA_EXIT_USAGE, /* or config */
	ACTA_EXIT_NOT_FOUND,
	ACTA_EXIT_NO_NODE,
	ACTA_EXIT_CONFLICT,
	ACTA_EXIT_TIMEOUT,
	ACTA_EXIT_DENIED,
	ACTA_EXIT_PROBLEMS
};

/* What all commands take, and the options of some. */
struct acta_cli {
	const char *command;
	bool json;          /* -o json */
	const char *at;     /* --at, or NULL */
	int64_t timeout_ms; /* --timeout, or 0 */
	bool follow, show, all, checked;
	int plan_fd; /* check: where its plan goes, for the root; or 0 */
	const char *pid_of; /* ps --pid */
	const char *id;     /* call --id */
	bool yes;      /* dead drop, channel accept, reset: it was thought over */
	int64_t count; /* sub --count, dead --limit, logs --lines; 0: none */
	int argc;      /* what is left of the line behind options */
	char **argv;
};

struct acta_command {
	const char *name, *args;
	const char *doc; /* one sentence, then examples */
	const struct argp_option *options;
	int args_min, args_max; /* -1: any number */
	int (*run)(struct acta_cli *cli);
};

int acta_cmd_call(struct acta_cli *cli);
int acta_cmd_cflags(struct acta_cli *cli);
int acta_cmd_check(struct acta_cli *cli);
int acta_cmd_channel(struct acta_cli *cli);
int acta_cmd_dead(struct acta_cli *cli);
int acta_cmd_logs(struct acta_cli *cli);
int acta_cmd_new(struct acta_cli *cli);
int acta_cmd_ps(struct acta_cli *cli);
int acta_cmd_reconcile(struct acta_cli *cli);
int acta_cmd_restart(struct acta_cli *cli);
int acta_cmd_sup(struct acta_cli *cli);
int acta_cmd_run(struct acta_cli *cli);
int acta_cmd_send(struct acta_cli *cli);
int acta_cmd_start(struct acta_cli *cli);
int acta_cmd_state(struct acta_cli *cli);
int acta_cmd_stop(struct acta_cli *cli);
int acta_cmd_store(struct acta_cli *cli);
int acta_cmd_sub(struct acta_cli *cli);
int acta_cmd_why(struct acta_cli *cli);

/* ------------------------------------------------------------- output -- */

/* `acta: TEXT` and, if there is one, `  hint: HINT`, on stderr. Returns
 * `code`, so that a command can return it. */
int acta_say(int code, const struct acta_why *why);
int acta_sayf(int code, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Checked MessagePack as JSON with a blank behind each colon and comma. */
void acta_out_json(const void *msgpack, size_t size, struct acta_buf *out);
/* A value as that, malloc'ed. */
char *acta_json_of(acta_value value);
/* `out` and a newline to stdout. Its failure ends the program, quietly if the
 * reader has gone. */
void acta_out_line(const struct acta_buf *out);
void acta_out_flush(void);
/* What cannot be undone is asked on a terminal, and needs --yes elsewhere. */
bool acta_sure(const struct acta_cli *cli, const char *what);

/*
 * A table: the cells of all rows, row by row, the first row its head; columns
 * as wide as their widest cell. `state` is the column whose words are coloured
 * on a terminal, or -1.
 */
void acta_out_table(char **cells, int columns, int rows, int state);
bool acta_out_colour(void);

/* "3s", "5m", "2h", "4d": for people. `out` of 24 bytes. */
void acta_out_age(int64_t ms, char out[24]);

/* What a terminal would obey becomes '?', the end of a line (but `lines`) and a
 * tab a blank. */
void acta_text_clean(char *text, bool lines);

/* Of a MAP: typed reads with a default. text: malloc'ed, one line that a
 * terminal shows and does not obey; raw: as it is. */
char *acta_text_at(acta_value map, const char *name, const char *otherwise);
char *acta_text_raw_at(acta_value map, const char *name, const char *otherwise);
int64_t acta_int_at(acta_value map, const char *name, int64_t otherwise);
double acta_num_at(acta_value map, const char *name, double otherwise);
bool acta_bool_at(acta_value map, const char *name);
acta_value acta_value_at(acta_value map, const char *name);

/* NAME=VALUE words, or one of JSON, as a map; else it is said. */
int acta_cli_args(int count, char **words, struct acta_buf *out);

int64_t acta_cli_now_ms(void); /* CLOCK_MONOTONIC */

/* --------------------------------------------------------------- node -- */

/* Where a node is: `run` and `name` unknown ("") for a tcp endpoint. */
struct acta_at {
	char *run;  /* its run directory, or "" */
	char *name; /* or "" */
	char *call; /* zmq endpoint */
};

/*
 * Which node is meant: --at, else $ACTA_NODE, else the one that runs. Returns
 * ACTA_EXIT_OK, or what went wrong, said. Entries of nodes that are gone are
 * removed on the way.
 */
int acta_at_find(const struct acta_cli *cli, struct acta_at *out);
void acta_at_fini(struct acta_at *at);

/* A line to RUN/root.sock (or, of a node elsewhere, the same to `@node`), its
 * answer as MessagePack in `out`. Says what went wrong and returns its exit code; an answer {"error": ...} too. */
int acta_root_ask(const struct acta_cli *cli, const struct acta_at *at,
    const char *line, struct acta_buf *out);
/*
 * The folder `data` of that node, and its name (NULL: it is not wanted), malloc'ed:
 * for who reads stores beside their services. Of a node on another machine that
 * would be a folder of the same name here, another node's perhaps: refused. Returns
 * ACTA_EXIT_OK, or what went wrong, said.
 */
int acta_root_data(const struct acta_cli *cli, const struct acta_at *at,
    char **out_node, char **out_data);
/* Does a root listen in this run directory? */
bool acta_root_listens(const char *run);

/* ------------------------------------------------------------- stores -- */

struct acta_place { /* a partition's store */
	char *service, *dir; /* "": its folder's name does not say */
	uint32_t part;
};
struct acta_places { /* in the order of service and partition */
	struct acta_place *list;
	uint32_t count;
};
/* Of the folder `data` of a node. False: it cannot be read (errno). */
bool acta_places_find(struct acta_places *out, const char *data);
/* Of such a folder, of a service's below it, or of one store. */
bool acta_places_below(struct acta_places *out, const char *dir);
const struct acta_place *acta_places_get(
    const struct acta_places *places, const char *service, uint32_t part);
void acta_places_fini(struct acta_places *places);

/* `acta store backup DEST [DATA]`, `acta store restore SRC DATA [SERVICE ...]`:
 * cli->argv behind the verb. */
int acta_store_backup(const struct acta_cli *cli, int argc, char **argv);
int acta_store_restore(const struct acta_cli *cli, int argc, char **argv);
/* "1.5 MiB": for people. `out` of 24 bytes. */
void acta_out_bytes(uint64_t bytes, char out[24]);

/* ------------------------------------------------------------- client -- */

struct acta_client; /* a DEALER at a call endpoint; one thread */

/* NULL: no such endpoint, said. */
struct acta_client *acta_client_open(const char *endpoint);
void acta_client_close(struct acta_client **client);

struct acta_client_call {
	const char *to, *type;
	const struct acta_buf *args; /* a MessagePack map, or NULL */
	const char *id;              /* NULL: made here */
	bool keep, send;
	int64_t timeout_ms;
};
/* A new id, a ULID: for who wants to know it beforehand. */
void acta_client_id(char out[27]);

/*
 * One request and its answer, a checked map, in `out`; sent again under its id
 * if the door went away meanwhile. Errors: ACTA_ECLOSED nobody is there,
 * ACTA_ETIMEDOUT, ACTA_EPROTO.
 */
ACTA_NODISCARD enum acta_err acta_client_ask(struct acta_client *client,
    const struct acta_client_call *call, struct acta_buf *out);

/* Of an answer: the exit code of its error's code. */
int acta_exit_of_code(const char *code);

/* Ask one of the runtime's own services and return its result, in `out`, or
 * say what went wrong. `what` names it in messages. */
int acta_client_result(const struct acta_cli *cli, const char *endpoint,
    const char *to, const char *type, const struct acta_buf *args,
    struct acta_buf *out, acta_value *result);

#endif /* ACTA_CLI_H */
