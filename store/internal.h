/* store/internal.h - the store's insides, for store.c, scan.c and open.c. */
#ifndef ACTA_STORE_INTERNAL_H
#define ACTA_STORE_INTERNAL_H

#include "store/checkpoint.h"
#include "store/env.h"
#include "store/generation.h"
#include "store/journal.h"
#include "store/store.h"
#include "store/writeset.h"

#define ACTA_STORE_FORMAT 1u /* on disk; see store/README */
#define ACTA_SERVICE_MAX 255u

struct acta_following { /* a follower, and what of it is on disk */
	struct acta_follower as;
	uint64_t stored;
};

struct acta_store {
	struct acta_env *env;
	bool journaled, read_only;

	char service[ACTA_SERVICE_MAX + 1];
	uint32_t part, parts;
	uint64_t quota, memory, journal_keep;
	uint32_t slice_rows; /* at most; 0: as the checkpoint has it */
	struct acta_store_id id;
	bool restored; /* from a copy of another history, at that turn */
	uint8_t parent[16];
	uint64_t parent_turn;

	uint64_t turn, replay_from, keep_from;
	uint64_t journal_first; /* that is still there */
	int64_t last_ms;
	struct acta_following followers[ACTA_STORE_FOLLOWERS_MAX];
	uint32_t follower_count;

	struct acta_env_txn *read; /* of this turn; NULL until it is needed */
	struct acta_writeset ws;
	struct acta_generation generations[2], *active, *frozen;
	struct acta_checkpoint checkpoint; /* of frozen, if that is not empty */
	struct acta_buf record, followed;
	struct acta_scan *scans[ACTA_STORE_SCANS_MAX];

	struct acta_env_info env_info; /* as of the last commit */
	uint64_t rows_merged, slice_rows_max, slice_bytes_max;
};

/* For tests and the simulator: a store on any env, which becomes the store's
 * also when this fails. */
ACTA_NODISCARD enum acta_err acta_store_open_env(struct acta_env *env,
    const struct acta_store_options *options, struct acta_store **out,
    struct acta_why *why);

/* The read txn of this turn. */
ACTA_NODISCARD enum acta_err acta_store_reading(
    struct acta_store *store, struct acta_env_txn **out);
/* Scans and the read txn end. */
void acta_store_reads_end(struct acta_store *store);
void acta_scans_end(struct acta_store *store);
void acta_scans_free(struct acta_store *store);
/* Take the active generation out of the turns' way. */
void acta_store_freeze(struct acta_store *store);

/* The store's own rows (store/README), each with its checksum. */
struct acta_marks_row {
	uint64_t replay_from, keep_from;
};
ACTA_NODISCARD enum acta_err acta_store_write_marks(struct acta_store *store,
    struct acta_env_txn *txn, struct acta_marks_row marks);
ACTA_NODISCARD enum acta_err acta_store_own_write(struct acta_store *store,
    struct acta_env_txn *txn, const char *name, const struct acta_buf *value);
/* A checked MessagePack map of *out_size bytes, at a place of the txn. */
ACTA_NODISCARD enum acta_err acta_store_own_check(
    const struct acta_row *row, size_t *out_size);

ACTA_NODISCARD enum acta_err acta_store_write_identity(
    struct acta_store *store, struct acta_env_txn *txn);
/* On an env that becomes its own; nothing is read yet. */
struct acta_store *acta_store_new(struct acta_env *env);
/* Identity, numbers, followers; no replay. ACTA_ENOENT: it is new. */
ACTA_NODISCARD enum acta_err acta_store_read_self(struct acta_store *store,
    struct acta_env_txn *txn, bool verify, struct acta_why *why);
void acta_store_explain(enum acta_err err, struct acta_why *why);

/* follow.c */
ACTA_NODISCARD enum acta_err acta_followers_read(
    struct acta_store *store, struct acta_env_txn *txn);
/* The first turn that a follower needs, of those that do not lapse: all that
 * need one up to `lapse` do. UINT64_MAX: none needs any. */
uint64_t acta_followers_need(const struct acta_store *store, uint64_t lapse);
/* Up to which place they must lapse, as the journal is too long; 0: none. */
uint64_t acta_followers_lapse(const struct acta_store *store);
/* Their rows as they are to be; and that commit has returned. */
ACTA_NODISCARD enum acta_err acta_followers_write(
    struct acta_store *store, struct acta_env_txn *txn, uint64_t lapse);
void acta_followers_written(struct acta_store *store, uint64_t lapse);
bool acta_followers_dirty(const struct acta_store *store);

#endif /* ACTA_STORE_INTERNAL_H */
