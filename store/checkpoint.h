/*
 * store/checkpoint.h - merging the frozen generation into the trees, a slice a
 * turn, and cutting what the journal need not keep.
 */
#ifndef ACTA_CHECKPOINT_H
#define ACTA_CHECKPOINT_H

#include "store/env.h"
#include "store/generation.h"

struct acta_checkpoint { /* how far the frozen generation is merged */
	const struct acta_mark *mark; /* the next; marks come first */
	struct acta_index_at at;
	uint64_t rows, bytes; /* merged so far */
	bool done;
};

struct acta_slice {
	uint64_t rows_max, bytes_max; /* at least one row is done */
	uint64_t rows, bytes;         /* what was done */
};

void acta_checkpoint_begin(
    struct acta_checkpoint *cp, const struct acta_generation *frozen);

/* How much to do in this turn, so that the merge ends before the active
 * generation is full. `over`: the memory budget is spent. */
struct acta_slice acta_checkpoint_budget(const struct acta_checkpoint *cp,
    const struct acta_generation *frozen, uint64_t active_fill, bool over);

/* Merge a slice; cp->done when there is no more. Errors: the env's. */
ACTA_NODISCARD enum acta_err acta_checkpoint_merge(struct acta_checkpoint *cp,
    struct acta_env *env, struct acta_env_txn *txn,
    struct acta_generation *frozen, struct acta_slice *slice);

/* Delete journal rows of turns below `keep`, at most rows_max of them.
 * *out_first: the first turn there then is (`keep` if none is left below). */
ACTA_NODISCARD enum acta_err acta_checkpoint_trim(struct acta_env *env,
    struct acta_env_txn *txn, uint64_t keep, uint64_t rows_max,
    uint64_t *out_first);

/* A row of a tree: the value, then its checksum (over table, key, value). */
#define ACTA_ROW_CHECK 8u
/* Errors: ACTA_ECORRUPT. *size: in with the checksum, out without. */
ACTA_NODISCARD enum acta_err acta_row_check(
    const uint8_t *key, size_t key_size, const void *value, size_t *size);
/* Put a row with its checksum; `key` begins with the table. The env's errors. */
ACTA_NODISCARD enum acta_err acta_row_write(struct acta_env *env,
    struct acta_env_txn *txn, const uint8_t *key, size_t key_size,
    const void *value, size_t size);

#endif /* ACTA_CHECKPOINT_H */
