/*
 * store/env.h - ordered maps of bytes with transactions: what the store needs
 * of a disk. env.c is LMDB, env_mem.c is memory; a simulator brings its own.
 *
 * One writer at a time. THREADS: an env belongs to one thread. What `get` and
 * cursors return lives until the txn ends, in a writing txn until its next
 * change.
 */
#ifndef ACTA_ENV_H
#define ACTA_ENV_H

#include "codecs/err.h"
#include "store/store.h"

/* The maps: one a table, then these. Names as on disk: acta_env_map_name. */
enum {
	ACTA_MAP_JOURNAL = ACTA_TABLES,
	ACTA_MAP_STORE, /* the store's own few rows */
	ACTA_MAPS
};

struct acta_env_info {
	uint64_t used_bytes; /* of pages in use, as the txn sees them */
	uint64_t file_bytes, map_size, free_pages;
	uint64_t journal_bytes; /* of used_bytes those of the journal */
};

struct acta_env_cursor;
struct acta_env_txn;
struct acta_env;

/*
 * Errors, of all: ACTA_ENOENT (get, del, cursors), ACTA_EFULL certainly not
 * done, ACTA_EUNSURE the disk failed, ACTA_ECORRUPT. After an error other than
 * ACTA_ENOENT a writing txn can only be aborted.
 */
struct acta_env_ops {
	void (*close)(struct acta_env *env);
	enum acta_err (*begin)(
	    struct acta_env *env, bool write, struct acta_env_txn **out);
	/* Both end the txn, whatever is returned. */
	enum acta_err (*commit)(struct acta_env_txn *txn);
	void (*abort)(struct acta_env_txn *txn);
	enum acta_err (*get)(struct acta_env_txn *txn, unsigned map,
	    const void *key, size_t key_size, const void **out_value,
	    size_t *out_size);
	/* The caller fills `size` bytes at *out_room before the next call. */
	enum acta_err (*put)(struct acta_env_txn *txn, unsigned map,
	    const void *key, size_t key_size, size_t size, void **out_room);
	enum acta_err (*del)(struct acta_env_txn *txn, unsigned map,
	    const void *key, size_t key_size);
	/* A cursor ends before its txn. Only its own `cursor_del` may change
	 * the map while it is open; the next step then goes on behind. */
	enum acta_err (*cursor_open)(struct acta_env_txn *txn, unsigned map,
	    struct acta_env_cursor **out);
	void (*cursor_close)(struct acta_env_cursor *cursor);
	enum acta_err (*cursor_seek)(struct acta_env_cursor *cursor,
	    const void *key, size_t key_size, struct acta_row *out);
	enum acta_err (*cursor_next)(
	    struct acta_env_cursor *cursor, struct acta_row *out);
	enum acta_err (*cursor_last)(
	    struct acta_env_cursor *cursor, struct acta_row *out);
	enum acta_err (*cursor_del)(struct acta_env_cursor *cursor);
	/* All that is committed, and its directory, is on the disk when it
	 * returns; of a read-only env what can be seen now. */
	enum acta_err (*sync)(struct acta_env *env);
	/* Does the disk, past the page cache, hold the bytes that this txn
	 * got (NULL: the file's two roots)? ACTA_ECORRUPT if not; ACTA_EINVAL
	 * if it cannot be known. */
	enum acta_err (*verify)(
	    struct acta_env_txn *txn, const void *data, size_t size);
	enum acta_err (*info)(
	    struct acta_env_txn *txn, struct acta_env_info *out);
};

struct acta_env {
	const struct acta_env_ops *ops;
	bool lasting; /* what is committed outlives the env */
};

struct acta_env_options {
	uint64_t map_size; /* 0: what the file says */
	bool read_only;    /* beside a writer in another process */
	bool no_sync, allow_any_fs;
	bool bulk; /* commits are durable with the next `sync`, not before */
};

/*
 * DIR/data.mdb. To write: DIR is made, locked until the close, and its file
 * system asked for. The simulator defines this function anew (env_sim.h), so
 * all that opening asks of a real disk is behind it.
 * Errors: ACTA_EBUSY, ACTA_EINVAL, ACTA_EFULL, ACTA_EIO, ACTA_EUNSURE,
 * ACTA_EVERSION, ACTA_ENOENT (read-only, and nothing there); `why`.
 */
ACTA_NODISCARD enum acta_err acta_env_open(const char *dir,
    const struct acta_env_options *options, struct acta_env **out,
    struct acta_why *why);
/* Its quota: map_size, else none. */
struct acta_env *acta_env_mem_new(uint64_t map_size);

const char *acta_env_map_name(unsigned map);

#endif /* ACTA_ENV_H */
