/*
 * runtime/plan.h - what `acta run` hands the root: the config, read, checked
 * and resolved. libc alone. Encoded as records of u16 tag, u32 length, bytes
 * (little-endian); the decoder bounds everything and trusts nothing.
 */
#ifndef ACTA_PLAN_H
#define ACTA_PLAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "codecs/err.h"

#define ACTA_PLAN_CHILDREN_MAX 1024u
#define ACTA_PLAN_BYTES_MAX (16u << 20)

enum acta_plan_kind {
	ACTA_KIND_HOST,
	ACTA_KIND_DOOR,
	ACTA_KIND_EXEC,
	ACTA_KIND_GROUP        /* a supervisor: no process */
};
enum acta_restart { ACTA_PERMANENT, ACTA_TRANSIENT, ACTA_TEMPORARY };
enum acta_exceed { ACTA_EXCEED_HOLD, ACTA_EXCEED_ESCALATE };
enum acta_strategy {
	ACTA_ONE_FOR_ONE,
	ACTA_ONE_FOR_ALL,
	ACTA_REST_FOR_ONE,
	ACTA_SIMPLE_ONE_FOR_ONE
};
enum acta_auto_shutdown { ACTA_AUTO_NEVER, ACTA_AUTO_ANY, ACTA_AUTO_ALL };

#define ACTA_SHUTDOWN_INFINITY (-1) /* ms; 0 is brutal_kill */

struct acta_plan_child {
	char name[40];         /* service, or "@door", "@door-call", ... */
	uint32_t kind;         /* enum acta_plan_kind */
	uint32_t parent;       /* 1 + index of its group, which stands further
	                        * up; 0: it is in none */
	char *program;         /* absolute path */
	char **argv;           /* NULL-ended; argv[0] too */
	uint32_t restart;      /* enum acta_restart */
	int64_t shutdown_ms;
	int64_t backoff_min_ms, backoff_max_ms, backoff_reset_ms;
	double backoff_factor, backoff_jitter;
	uint32_t max_crashes;
	int64_t turn_limit_ms;
	uint64_t memory_max;   /* RLIMIT_DATA in bytes; 0: none */
	uint64_t files_max;    /* RLIMIT_NOFILE; 0: none */
	uint32_t partitions, workers;
	uint32_t significant;  /* 0, 1 */
	/* of a group */
	uint32_t strategy, auto_shutdown, intensity, on_exceed;
	int64_t period_ms;
	uint8_t *config;       /* MessagePack map for the child; opaque here */
	size_t config_size;
	char *keys;            /* "key value\n" of each; for a reload to compare */
};

struct acta_plan {
	char node[40];
	char *file;            /* the YAML, absolute */
	char *data, *run;      /* absolute */
	char *registry;        /* file that names `run` while the node runs */
	char *reader;          /* the program that makes a plan of `file` */
	char *keys;            /* as a child's: the node's own */
	char *announce;        /* what is said once all are ready, for people */
	uint32_t strategy;     /* enum acta_strategy */
	uint32_t intensity;
	int64_t period_ms;
	uint32_t on_exceed;    /* enum acta_exceed */
	uint32_t count;        /* doors first, then all in start order, groups
	                        * before what is in them */
	struct acta_plan_child *children;
};

/* malloc'ed bytes in *out, the caller's. */
ACTA_NODISCARD enum acta_err acta_plan_encode(const struct acta_plan *plan,
    uint8_t **out, size_t *out_size);
/* On ACTA_OK acta_plan_fini frees what it holds. ACTA_EPROTO, ACTA_ELIMIT. */
ACTA_NODISCARD enum acta_err acta_plan_decode(const uint8_t *data, size_t size,
    struct acta_plan *out);
void acta_plan_child_fini(struct acta_plan_child *child);
void acta_plan_fini(struct acta_plan *plan);

#endif /* ACTA_PLAN_H */
