/*
 * runtime/config.h - a node's YAML file, read, checked and resolved. All is
 * checked before anything starts; what is wrong is said as
 *     shop.yaml:14:12: unknown restart type "alway"
 * with a hint. One table (config.c) says of each key its type, default and
 * range, or that this version has it not; acta.yaml(5) is its other copy.
 */
#ifndef ACTA_CONFIG_H
#define ACTA_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "codecs/buf.h"
#include "codecs/err.h"
#include "runtime/plan.h"

#define ACTA_CONFIG_DOORS 4u
#define ACTA_CONFIG_SERVICES_MAX (ACTA_PLAN_CHILDREN_MAX - ACTA_CONFIG_DOORS)
#define ACTA_CONFIG_NODE_KEYS 16u
#define ACTA_CONFIG_SERVICE_KEYS 56u
#define ACTA_CONFIG_ARGS_MAX 256u  /* of a program */
#define ACTA_CONFIG_AFTER_MAX 64u /* of one entry */

/* What a service's .so says of itself (acta-host --describe). */
struct acta_declared {
	char *name, *version, *doc;
	char *settings; /* schema text, "" if none */
	uint32_t abi, schema, handlers;
	bool in_memory;
};
void acta_declared_fini(struct acta_declared *declared);

/*
 * Ask a .so what it declares. ACTA_EINVAL: it is no service, or one that this
 * acta cannot run; ACTA_EIO: it could not be asked. `why` says which. An
 * argument of acta_config_load, so that tests need no compiler.
 */
typedef enum acta_err acta_describe_fn(void *arg, const char *path,
    struct acta_declared *out, struct acta_why *why);

/* What is known beside the file. Borrowed; acta_config_world() fills it in. */
struct acta_config_world {
	const char *state_home;  /* of data: DIR/acta/NODE */
	const char *run_base;    /* of run: DIR/NODE; registry: DIR/NODE.node */
	const char *actor_path;  /* $ACTA_PATH: DIR:DIR */
	const char *program_dir; /* where acta-root, acta-host, acta-door are */
	uint64_t files_max;      /* RLIMIT_NOFILE, hard */
	uint32_t cores;
	acta_describe_fn *describe; /* NULL: services are not looked into */
	void *describe_arg;
};

enum acta_config_kind {
	ACTA_CONFIG_SERVICE, /* load: FILE.so */
	ACTA_CONFIG_PROGRAM, /* exec: [cmd, ...] */
	ACTA_CONFIG_GROUP    /* a supervisor, and what is under it */
};
#define ACTA_CONFIG_TOP UINT32_MAX /* the parent of what is in no group */

/* An entry of a list of services. Numbers are int64_t for the table's sake; times in the unit that
 * the name says. */
struct acta_config_service {
	uint32_t lines[ACTA_CONFIG_SERVICE_KEYS]; /* of each key; 0: default */
	uint32_t line, column;                    /* of its name */
	enum acta_config_kind kind;
	uint32_t parent;              /* index of its group */
	const struct acta_yaml *yaml; /* while it is read */
	char *name;
	char **argv; /* of a program, NULL-ended; argv[0] as written */
	char **after; /* names, NULL-ended; NULL if none */
	bool significant;
	int64_t ready; /* 0 start */
	/* of a group */
	int64_t strategy, intensity, period_ms, auto_shutdown, on_exceed;
	char *load; /* as written */
	char *path; /* of the file, or the program, as found, absolute */
	int64_t partitions, workers;
	int64_t restart; /* enum acta_restart */
	int64_t shutdown_ms;
	int64_t backoff_min_ms, backoff_max_ms, backoff_reset_ms;
	double backoff_factor, backoff_jitter;
	int64_t max_attempts, max_crashes, turn_limit_ms;
	int64_t memory_max, files_max; /* 0: none */
	int64_t on_failed;             /* 0 park, 1 stop */
	int64_t on_lag;                /* 0 hold, 1 lapse */
	/* Where a subscription begins: 0 first, -1 last, a seq, or -(ms since
	 * 1970) of a time. */
	int64_t on_from;
	int64_t ids_keep_ms, ids_quota;
	int64_t events_age_ms, events_size, events_count;
	int64_t spin_us;
	int64_t store_quota, store_memory, store_journal_keep;
	int64_t channel_quota, channel_credit;
	struct acta_buf settings; /* MessagePack map, defaults filled in */
	struct acta_declared declared;
};

struct acta_config {
	uint32_t lines[ACTA_CONFIG_NODE_KEYS];
	char *file; /* absolute */
	char *name; /* as it is called in messages */
	char *dir;  /* of the file */
	char *node, *data, *run;
	char *call, *push, *events; /* tcp endpoints, or "off" */
	int64_t max_body, door_memory;
	bool admin;
	int64_t strategy; /* enum acta_strategy */
	int64_t intensity, period_ms;
	int64_t on_exceed; /* enum acta_exceed */
	char *registry, *program_dir;
	/* In the order of their start, a group before what is in it. */
	uint32_t count;
	struct acta_config_service *services;
};
/* How many of them are services in C. */
uint32_t acta_config_hosts(const struct acta_config *config);

/*
 * The world as the process finds it; `buf` keeps the texts that it had to
 * make. The run base is $XDG_RUNTIME_DIR/acta, else acta-UID in $TMPDIR or
 * /tmp.
 */
void acta_config_world(struct acta_config_world *world, struct acta_buf *buf);

/*
 * Read, check, resolve. On ACTA_OK acta_config_fini frees what it holds, else
 * nothing is held. Errors: ACTA_EINVAL the file is wrong, ACTA_EIO it cannot
 * be read or a service could not be asked; `why` says what.
 * Blocks for as long as the services take to describe themselves.
 */
ACTA_NODISCARD enum acta_err acta_config_load(struct acta_config *config,
    const char *path, const struct acta_config_world *world,
    struct acta_why *why);
void acta_config_fini(struct acta_config *config);

/* The resolved config as YAML (which is again such a file), each line with
 * its origin; or as one line of JSON. */
void acta_config_show(
    const struct acta_config *config, bool json, struct acta_buf *out);

/* What the root is to do. On ACTA_OK acta_plan_fini frees it. */
void acta_config_plan(const struct acta_config *config, struct acta_plan *out);

/* The run directory's room for the longest socket name in it. */
#define ACTA_CONFIG_IPC_MAX 107u

/* acta-host --describe FILE in a child of its own, for at most 10 s; `arg` is
 * the directory of acta-host. The acta_describe_fn of a real run. */
ACTA_NODISCARD enum acta_err acta_config_describe(void *arg, const char *path,
    struct acta_declared *out, struct acta_why *why);

#endif /* ACTA_CONFIG_H */
