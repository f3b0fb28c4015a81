/*
 * store/snapshot.h - a store as of one instant, for tools: looked through row by
 * row, and copied whole. Also of a running store, by another process than its
 * writer's; a snapshot then keeps pages from being used again, so not for long.
 * Nothing is taken on trust: each row and record is checked as it is read.
 *
 * THREADS: one. Errors, of all: ACTA_ECORRUPT and `why`, which says where;
 * ACTA_EUNSURE the disk failed.
 */
#ifndef ACTA_SNAPSHOT_H
#define ACTA_SNAPSHOT_H

#include "store/store.h"

struct acta_snapshot;

/* The store in DIR; no instant yet. ACTA_ENOENT: there is none. */
ACTA_NODISCARD enum acta_err acta_snapshot_open(
    const char *dir, struct acta_snapshot **out, struct acta_why *why);
void acta_snapshot_close(struct acta_snapshot **snapshot);

/* The last turn that is there now; what was taken is dropped. */
ACTA_NODISCARD enum acta_err acta_snapshot_turn(
    struct acta_snapshot *snapshot, uint64_t *out_turn);
/* From here on, until it is dropped, what is read is as of now. */
ACTA_NODISCARD enum acta_err acta_snapshot_take(
    struct acta_snapshot *snapshot, uint64_t *out_turn, struct acta_why *why);
void acta_snapshot_drop(struct acta_snapshot *snapshot);
/* What was taken is on the disk when it returns: a writer that was killed may have
 * left its last turn in the page cache, where a power cut finds it. */
ACTA_NODISCARD enum acta_err acta_snapshot_flush(
    struct acta_snapshot *snapshot);

struct acta_snapshot_info { /* of what was taken */
	const char *service; /* lives as long as the snapshot */
	uint32_t part, parts;
	struct acta_store_id id;
	uint64_t turn;
	uint64_t map_size, used_bytes, file_bytes;
};
void acta_snapshot_info(
    const struct acta_snapshot *snapshot, struct acta_snapshot_info *out);

struct acta_copied {
	uint64_t rows, records, bytes;
};
/*
 * Copy what was taken into a new store at DIR, made with its parents; all of it
 * is durable when it returns. With `history` the copy is another store with that
 * id, whose bit ACTA_HISTORY_IN_MEMORY is 0: it says of which it came, and has no
 * followers.
 * Errors: ACTA_EBUSY there is a store already; ACTA_EFULL, ACTA_EIO.
 */
ACTA_NODISCARD enum acta_err acta_snapshot_copy(struct acta_snapshot *snapshot,
    const char *dir, const uint8_t history[16], struct acta_copied *out,
    struct acta_why *why);

/*
 * Read all that there is, each row and record, and report what is not as it was
 * written. Nothing need be taken; of a running store it is of no single instant,
 * and holds up no page for more than some thousand rows.
 */
struct acta_scrub {
	void *self;
	/* About to read that table, "journal" or "store". NULL: not told. */
	void (*table)(void *self, const char *name);
	void (*bad)(void *self, const char *where); /* one line of text */
};
ACTA_NODISCARD enum acta_err acta_snapshot_scrub(struct acta_snapshot *snapshot,
    const struct acta_scrub *scrub, struct acta_copied *out);

/*
 * Put a stopped store anew, without free pages: a copy beside it, durable, that
 * takes its place by one rename. Ended at any step it is the store it was or the
 * new one, and what is left over is taken away by the next try.
 * `step`, unless NULL, is told what comes next; tests end the process there.
 * Errors: ACTA_EBUSY it runs, or is read; ACTA_ENOENT; as of copying.
 */
struct acta_compacted {
	uint64_t bytes_before, bytes_after; /* of the file */
	struct acta_copied copied;
};
ACTA_NODISCARD enum acta_err acta_store_compact(const char *dir,
    void (*step)(const char *name), struct acta_compacted *out,
    struct acta_why *why);

#endif /* ACTA_SNAPSHOT_H */
