/*
 * store/journal.h - a turn as one record of absolute results. The format
 * stands in store/README; the version is in each record.
 */
#ifndef ACTA_JOURNAL_H
#define ACTA_JOURNAL_H

#include "codecs/buf.h"
#include "store/env.h"
#include "store/generation.h"
#include "store/writeset.h"

#define ACTA_JOURNAL_VERSION 1u
/* A row of the journal fills whole pages, with LMDB's header of 16 bytes. */
#define ACTA_JOURNAL_ROW_MAX (65536u - 16u)
#define ACTA_JOURNAL_KEY 10u /* u64 turn, u16 row: big-endian */

/* Bytes of a row in a record; its key with the table's number. */
static inline uint64_t
acta_journal_row_size(uint64_t key_size, uint64_t size)
{
	return 8 + key_size - 1 + size;
}

struct acta_record {
	uint64_t turn;
	int64_t now_ms;
	uint32_t rows;
	size_t size;
	const uint8_t *ops, *notes;
	size_t ops_size, notes_size;
};

/* Replace the contents of `out` by the turn's record, checksum and all. */
void acta_journal_encode(struct acta_buf *out, const struct acta_writeset *ws,
    uint64_t turn, int64_t now_ms);

/*
 * Check the record whole: sizes, every row, checksum.
 * Errors: ACTA_ECORRUPT, ACTA_EVERSION.
 */
ACTA_NODISCARD enum acta_err acta_journal_decode(
    const void *data, size_t size, struct acta_record *out);

/* Apply a checked record: the one way by which a turn reaches a generation,
 * when it is committed as when it is replayed. */
void acta_journal_apply(
    const struct acta_record *record, struct acta_generation *gen);

/* Write it as rows. *out_rows: how many. Errors: the env's. */
ACTA_NODISCARD enum acta_err acta_journal_append(struct acta_env *env,
    struct acta_env_txn *txn, uint64_t turn, const struct acta_buf *record,
    uint32_t *out_rows);

/* The turn of a journal key; false if it is none. */
bool acta_journal_key_decode(
    const void *key, size_t size, uint64_t *out_turn, uint32_t *out_row);
void acta_journal_key_encode(
    uint8_t out[ACTA_JOURNAL_KEY], uint64_t turn, uint32_t row);

/* Walk the records from a turn on; each is read whole and checked. */
struct acta_journal_walk {
	struct acta_env *env;
	struct acta_env_txn *txn;
	struct acta_env_cursor *cursor;
	struct acta_row row;
	bool have_row, verify;
	struct acta_buf whole; /* of a record of several rows */
};
/* `verify`: compare with the disk past the page cache. Errors: the env's. */
ACTA_NODISCARD enum acta_err acta_journal_walk_init(
    struct acta_journal_walk *walk, struct acta_env *env,
    struct acta_env_txn *txn, uint64_t from, bool verify);
void acta_journal_walk_fini(struct acta_journal_walk *walk);
/* ACTA_ENOENT at the end. The record lives until the next call. */
ACTA_NODISCARD enum acta_err acta_journal_walk_next(
    struct acta_journal_walk *walk, struct acta_record *out);

#endif /* ACTA_JOURNAL_H */
