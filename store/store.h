/*
 * store/store.h - the private store of one partition: ordered tables of bytes,
 * changed by turns, journal-first, on LMDB. What the tables mean is the
 * runtime's business (rows.h has their keys); what is on disk stands in
 * store/README.
 *
 * A turn: acta_store_begin, then gets, puts, deletes, scans, with savepoints
 * (mark, undo) for each message, then acta_store_commit: one journal record, a
 * slice of the checkpoint, one flush.
 *
 * THREADS: one store, one thread. LIFETIME: keys and values that are put are
 * copied at once; those that are got live until the turn's commit or abort.
 */
#ifndef ACTA_STORE_H
#define ACTA_STORE_H

#include "codecs/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACTA_STORE_KEY_MAX 500u /* LMDB takes 511 */
/* Two values of users, and what the runtime puts around them. */
#define ACTA_STORE_VALUE_MAX ((2u << 20) + (64u << 10))
#define ACTA_STORE_FREEZE_ENTRIES 65536u
#define ACTA_STORE_FREEZE_BYTES (16u << 20)
#define ACTA_STORE_FREEZE_TURNS 4096u
#define ACTA_STORE_SLICE_ROWS 512u /* checkpoint work of one turn */
#define ACTA_STORE_SLICE_BYTES (512u << 10)
#define ACTA_STORE_SLICE_GROWTH \
	16u /* so many times that, if the next
                                          * freeze would else have to wait */
#define ACTA_STORE_TRIM_ROWS \
	8u /* of the journal, plus twice as many
                                          * as the turn adds */
#define ACTA_STORE_SCANS_MAX 64u
#define ACTA_STORE_FOLLOWERS_MAX 16u
#define ACTA_STORE_FOLLOWER_NAME_MAX 64u
#define ACTA_STORE_FOLLOW_TURNS 64u /* acked, then their records may go */

enum acta_table {       /* the number is on disk: append only */
	ACTA_T_META,    /* numbers of the runtime: name -> value */
	ACTA_T_STATE,   /* actors' rows */
	ACTA_T_OUTBOX,  /* messages not yet acked */
	ACTA_T_CHANNEL, /* both ends' channel rows */
	ACTA_T_PARKED,  /* messages set aside, by actor */
	ACTA_T_ACTOR, /* what is known of an actor: parked queue, schema, hold */
	ACTA_T_TIMER, /* by actor and name */
	ACTA_T_DUE,   /* by time: timers, asks, parked heads */
	ACTA_T_EVENT, /* the log, by topic and seq */
	ACTA_T_TOPIC, /* heads, and each actor's last */
	ACTA_T_REPLY, /* client ids, by hour and hash */
	ACTA_T_ASK,   /* questions that wait for their answer */
	ACTA_T_TOKEN, /* deferred replies */
	ACTA_T_DEAD,  /* dead letters */
	ACTA_TABLES
};

struct acta_store;

struct acta_store_options {
	const char *service;  /* both are written into the store, and another */
	uint32_t part, parts; /* number of partitions is refused */
	uint64_t quota;       /* bytes of used pages; default 16 GiB */
	uint64_t memory;      /* of both generations; default 64 MiB */
	uint64_t journal_keep; /* bytes kept for followers, at most a quarter
	                        * of the quota; default 1 GiB */
	uint64_t map_size;     /* 0: quota plus reserve */
	bool in_memory;        /* no file: an ordered map, lost at close */
	bool no_sync;      /* benches and the test kit only: no flush at all */
	bool allow_any_fs; /* also NFS, CIFS, FUSE, overlay (refused else) */
	bool checked;      /* after `storage-failed`: read the disk past the
	                        * page cache (O_DIRECT) before speaking */
	uint64_t seed;     /* of history and incarnation ids; 0: getrandom */
	/* Of simulations, so that little data meets all of it: a generation
	 * freezes after so many turns, a slice merges so many rows; 0: as
	 * above. */
	uint32_t freeze_turns, slice_rows;
};

/*
 * Open or create DIR (0700; made with its parents) in the order of CORE 2.10 up
 * to the incarnation record: lock, file system, open, reader check, sync, meta,
 * replay, incarnation committed.
 * Errors: ACTA_EBUSY (`why` names the holder's pid), ACTA_EVERSION,
 * ACTA_EINVAL (other service, other number of partitions, refused file system),
 * ACTA_ECORRUPT or ACTA_EUNSURE (storage-failed), ACTA_EFULL, ACTA_EIO.
 * Blocks: for disk.
 */
ACTA_NODISCARD enum acta_err acta_store_open(const char *dir,
    const struct acta_store_options *options, struct acta_store **out,
    struct acta_why *why);
void acta_store_close(struct acta_store **store); /* no flush is owed */

/*
 * Open the store in DIR to read it, also beside its writer in another process
 * (not in the same one), as of now: for tools. Gets and scans work, one
 * snapshot until the close; a running store may be one turn ahead of its disk.
 * Errors: as above, and ACTA_ENOENT.
 */
ACTA_NODISCARD enum acta_err acta_store_open_read(
    const char *dir, struct acta_store **out, struct acta_why *why);
/* Its service; lives as long as the store. */
const char *acta_store_service(const struct acta_store *store);
void acta_store_parts(
    const struct acta_store *store, uint32_t *out_part, uint32_t *out_parts);
/* "state", "outbox", ...; the table of a name, or ACTA_TABLES. */
const char *acta_table_name(enum acta_table table);
enum acta_table acta_table_named(const char *name);

/* Who this store is: history (128 random bits, made with the store) and
 * incarnation (counts opens; with 64 fresh random bits). The lowest bit of a
 * history's first byte is 1 of a store in memory alone: whoever knew it can tell
 * it from one that is lost, by the first 8 bytes as channels have them. */
#define ACTA_HISTORY_IN_MEMORY 1u
bool acta_history_in_memory(uint64_t history);
struct acta_store_id {
	uint8_t history[16];
	uint64_t incarnation;
	uint64_t incarnation_random;
};
struct acta_store_id acta_store_id(const struct acta_store *store);
/* The time in the last commit (ms since 1970), for a clock that never goes
 * back; 0 in a new store. */
int64_t acta_store_last_ms(const struct acta_store *store);
uint64_t acta_store_turn(const struct acta_store *store); /* last committed */

/* -------------------------------------------------------------- a turn -- */

void acta_store_begin(struct acta_store *store);

/* ACTA_ENOENT; ACTA_ECORRUPT, ACTA_EUNSURE: end the process. */
ACTA_NODISCARD enum acta_err acta_store_get(struct acta_store *store,
    enum acta_table table, const void *key, size_t key_size,
    const void **out_value, size_t *out_size);
/* Sizes within the maxima above are asserted: the caller checked. */
void acta_store_put(struct acta_store *store, enum acta_table table,
    const void *key, size_t key_size, const void *value, size_t size);
void acta_store_delete(struct acta_store *store, enum acta_table table,
    const void *key, size_t key_size);
/* All rows whose key begins so: one mark now, the rows in slices. */
void acta_store_delete_prefix(struct acta_store *store, enum acta_table table,
    const void *prefix, size_t prefix_size);

/* Savepoints nest: undo returns the write-set (and notes) to the mark. */
typedef struct acta_store_mark {
	size_t undo, notes;
} acta_store_mark;
acta_store_mark acta_store_mark_now(const struct acta_store *store);
void acta_store_undo(struct acta_store *store, acta_store_mark mark);

/* What the journal record says beside the rows: appended to its notes (one
 * MessagePack value each: what the turn took; store/README). */
void acta_store_note(struct acta_store *store, const void *data, size_t size);

bool acta_store_dirty(const struct acta_store *store); /* anything to commit? */
uint64_t acta_store_pending_bytes(const struct acta_store *store);

/*
 * Make the turn durable. The write-set is empty afterwards on ACTA_OK, as it
 * was on the others.
 * Errors: ACTA_EFULL certainly not committed (no space, quota): abort, stop
 * intake, try smaller. `reserve` lets clean-up (acks, deletes) use the room
 * between 80 and 95 % of the quota. ACTA_EUNSURE: outcome unknown, the process
 * must end as storage-failed.
 * Blocks: for one flush.
 */
ACTA_NODISCARD enum acta_err acta_store_commit(
    struct acta_store *store, int64_t now_ms, bool reserve);
void acta_store_abort(struct acta_store *store); /* the write-set is empty */

/* ---------------------------------------------------------------- scan -- */

/* In key order, as of the opening; puts and deletes meanwhile are fine and not
 * seen. At most 64 open at once; all are closed by commit and abort. */
struct acta_scan;
struct acta_scan *acta_scan_open(struct acta_store *store,
    enum acta_table table, const void *prefix, size_t prefix_size);
/* Start at the first key >= prefix + from instead. */
struct acta_scan *acta_scan_open_at(struct acta_store *store,
    enum acta_table table, const void *prefix, size_t prefix_size,
    const void *from, size_t from_size);
struct acta_row {
	const void *key, *value;
	size_t key_size, value_size;
};
/* false at the end, and on an error, which acta_scan_close returns. */
bool acta_scan_next(struct acta_scan *scan, struct acta_row *out);
enum acta_err acta_scan_close(struct acta_scan **scan);

/* ----------------------------------------------------------- followers -- */

/*
 * Who reads the journal record by record (a standby, an audit, change capture)
 * registers, and the records from its place on are kept: up to journal_keep
 * bytes, beyond which those that are furthest behind lapse, lest they stop the
 * service. Followers are kept in the store. All but the reading is the
 * writer's, between turns: each call but acta_store_followed commits by itself.
 *
 * `name` is 1 to 64 bytes of a-z, 0-9, `-`, `.` and `/`. *out_next: the turn
 * whose record it reads next. One that is known keeps its place; a new one
 * begins at turn `from`, 0: behind the last.
 * Errors: ACTA_ELAPSED it has lapsed, or `from` is no longer kept;
 * ACTA_EINVAL no such name or turn, or a store without a journal (in memory);
 * ACTA_ELIMIT there are 16; ACTA_EFULL, ACTA_EUNSURE as of a commit.
 */
ACTA_NODISCARD enum acta_err acta_store_follow(struct acta_store *store,
    const char *name, uint64_t from, uint64_t *out_next);
/* ACTA_ENOENT; the commit's. */
ACTA_NODISCARD enum acta_err acta_store_unfollow(
    struct acta_store *store, const char *name);
/*
 * It has, durably, all up to `turn`. Written with a later turn or when idle;
 * what is not, is kept longer than need be and no more.
 * Errors: ACTA_ENOENT, ACTA_ELAPSED, ACTA_EINVAL (no such turn yet).
 */
ACTA_NODISCARD enum acta_err acta_store_followed(
    struct acta_store *store, const char *name, uint64_t turn);
struct acta_follower {
	char name[ACTA_STORE_FOLLOWER_NAME_MAX + 1];
	uint64_t next; /* the turn whose record it needs next */
	bool lapsed;
};
/* In the order of their names; NULL behind the last. */
const struct acta_follower *acta_store_follower(
    const struct acta_store *store, uint32_t index);

/* A turn's record (store/README): what it changed, in order, and its notes. */
struct acta_store_record {
	uint64_t turn;
	int64_t now_ms;
	const void *data; /* all of it, as it is on disk */
	const void *changes, *notes;
	size_t size, changes_size, notes_size;
};
/*
 * Whole and checked; lives until the next call, or the close.
 * Errors: ACTA_ENOENT there is no such turn yet, ACTA_ELAPSED it is no longer
 * kept; as of acta_store_get.
 */
ACTA_NODISCARD enum acta_err acta_store_record(
    struct acta_store *store, uint64_t turn, struct acta_store_record *out);
enum acta_change_kind {
	ACTA_CHANGE_PUT = 1,
	ACTA_CHANGE_DELETE,
	ACTA_CHANGE_DELETE_PREFIX /* all keys that begin with `key` */
};
struct acta_change {
	enum acta_change_kind kind;
	enum acta_table table;
	const void *key, *value;
	uint16_t key_size;
	uint32_t size;
};
/* The change at *at (0: the first), which goes on; false behind the last. */
bool acta_store_record_next(const struct acta_store_record *record, size_t *at,
    struct acta_change *out);

/* ------------------------------------------------------------- between -- */

/*
 * Between turns, when idle: merge a slice (freeze first if the active
 * generation was idle for 1 s). True: there is more to do.
 */
ACTA_NODISCARD enum acta_err acta_store_idle(
    struct acta_store *store, int64_t now_ms, bool *out_more);

struct acta_store_info {
	uint64_t used_bytes, quota, map_size, file_bytes, free_pages;
	uint64_t journal_first, journal_last, replay_from, keep_from;
	uint64_t journal_bytes;
	uint64_t entries_active, entries_frozen, memory, rows_merged;
	uint64_t slice_rows_max,
	    slice_bytes_max; /* the most in one turn so far */
};
void acta_store_info(
    const struct acta_store *store, struct acta_store_info *out);
/* Above 80 % of the quota: take nothing new in. */
bool acta_store_intake_stopped(const struct acta_store *store);

#endif /* ACTA_STORE_H */
