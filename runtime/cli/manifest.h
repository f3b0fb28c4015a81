/*
 * runtime/cli/manifest.h - the file `backup` of a backup: which stores it has, as
 * of which turns. It is written last: without it a folder is no backup.
 *
 * One line of JSON, then XXH3-64 of that line as 16 hex digits:
 *   {"format": 1, "node", "at_ms", "stores": [{"service", "part", "parts",
 *    "history": hex, "turn"}]}
 * The stores lie beside it, SERVICE/PARTITION/, as store/README has them.
 */
#ifndef ACTA_CLI_MANIFEST_H
#define ACTA_CLI_MANIFEST_H

#include <stdint.h>

#include "codecs/err.h"

#define ACTA_MANIFEST_FORMAT 1
#define ACTA_MANIFEST_STORES_MAX 65536u

struct acta_manifest_store {
	char *service;
	uint32_t part, parts;
	uint8_t history[16];
	uint64_t turn;
	uint8_t fresh[16]; /* of restore: its history to be */
};
struct acta_manifest {
	char *node;
	int64_t at_ms;
	struct acta_manifest_store *stores;
	uint32_t count;
};

/* A new store at the end; its service is copied. */
struct acta_manifest_store *acta_manifest_add(
    struct acta_manifest *manifest, const char *service);
const struct acta_manifest_store *acta_manifest_find(
    const struct acta_manifest *manifest, const char *service, uint32_t part);
void acta_manifest_fini(struct acta_manifest *manifest);

/* DIR/backup, durable, or not there. Errors: ACTA_EIO, ACTA_EFULL; `why`. */
ACTA_NODISCARD enum acta_err acta_manifest_write(
    const struct acta_manifest *manifest, const char *dir,
    struct acta_why *why);
/* Errors: ACTA_ENOENT it is no backup, or none that came to its end;
 * ACTA_ECORRUPT, ACTA_EVERSION, ACTA_EIO; `why`. */
ACTA_NODISCARD enum acta_err acta_manifest_read(
    struct acta_manifest *out, const char *dir, struct acta_why *why);

#endif /* ACTA_CLI_MANIFEST_H */
