/*
 * store/env.c - the one file that calls LMDB. No DUPSORT, no WRITEMAP, and no
 * nested txns: their bugs in 0.9.24 are known, their use here is none.
 */
#include "store/env.h"
#include "store/arena.h"
#include "store/dir.h"
#include "store/lock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FREE_DBI 0u /* LMDB's own: the free list and the names */
#define MAIN_DBI 1u
#define ROOM_BYTES (1u << 20)   /* a disk with less is full */
#define READER_CHECK_TXNS 4096u /* are the readers still alive? */

struct acta_env_txn {
	struct lmdb *env;
	MDB_txn *txn;
	bool write;
	/* Of a writing txn: puts in key order find their page again. */
	MDB_cursor *cursors[ACTA_MAPS];
};

struct acta_env_cursor {
	MDB_cursor *cursor;
};

struct lmdb {
	struct acta_env base;
	MDB_env *env;
	MDB_dbi dbis[ACTA_MAPS];
	struct acta_env_txn read, write;
	bool reading, writing, no_sync, read_only;
	unsigned page_size, begun;
	int lock_fd; /* -1: none; held until the close */
	char dir[PATH_MAX], path[PATH_MAX];
};

static enum acta_err
translate(int rc)
{
	switch (rc) {
	case MDB_SUCCESS: return ACTA_OK;
	case MDB_NOTFOUND: return ACTA_ENOENT;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case ENOSPC:
	case EDQUOT: return ACTA_EFULL;
	case MDB_VERSION_MISMATCH: return ACTA_EVERSION;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_INCOMPATIBLE: return ACTA_ECORRUPT;
	case ENOENT: return ACTA_ENOENT;
	case ENOMEM: return ACTA_ENOMEM;
	default: return ACTA_EUNSURE; /* EIO, MDB_PANIC and the unforeseen */
	}
}

/* ---------------------------------------------------------------- txns -- */

static enum acta_err
lmdb_begin(struct acta_env *base, bool write, struct acta_env_txn **out)
{
	struct lmdb *env = (struct lmdb *)base;
	struct acta_env_txn *txn = write ? &env->write : &env->read;
	int rc;

	if (write) {
		assert(!env->writing);
		/* A tool that was killed while it read would pin its pages. */
		if (++env->begun % READER_CHECK_TXNS == 0)
			(void)mdb_reader_check(env->env, NULL);
		rc = mdb_txn_begin(env->env, NULL, 0, &txn->txn);
	} else {
		assert(!env->reading);
		/* A reset txn keeps its slot in the reader table. */
		rc = txn->txn
		    ? mdb_txn_renew(txn->txn)
		    : mdb_txn_begin(env->env, NULL, MDB_RDONLY, &txn->txn);
	}
	if (rc != MDB_SUCCESS)
		return translate(rc);
	txn->env = env;
	txn->write = write;
	*(write ? &env->writing : &env->reading) = true;
	*out = txn;
	return ACTA_OK;
}

static void
write_ended(struct acta_env_txn *txn)
{
	/* LMDB closed them with their txn. */
	memset(txn->cursors, 0, sizeof(txn->cursors));
	txn->txn = NULL;
	txn->env->writing = false;
}

static void
lmdb_abort(struct acta_env_txn *txn)
{
	if (!txn->write) {
		mdb_txn_reset(txn->txn);
		txn->env->reading = false;
		return;
	}
	mdb_txn_abort(txn->txn);
	write_ended(txn);
}

/*
 * A commit that failed for space wrote data pages at most; but if it was the
 * meta page that failed, LMDB refuses every later txn, and we cannot know.
 */
static enum acta_err
still_sound(struct lmdb *env)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(env->env, NULL, 0, &txn);

	if (rc != MDB_SUCCESS)
		return ACTA_EUNSURE;
	mdb_txn_abort(txn);
	return ACTA_EFULL;
}

/*
 * A write that a disk had room for in part alone LMDB calls EIO, as it does what
 * broke. If there is no room now, it was that: the pages are those of a commit
 * that is not, and are written anew before they are ever read.
 */
static bool
was_full(const struct lmdb *env, int rc)
{
	return translate(rc) == ACTA_EFULL ||
	    (rc == EIO && acta_dir_full(env->dir, ROOM_BYTES));
}

static enum acta_err
lmdb_commit(struct acta_env_txn *txn)
{
	struct lmdb *env = txn->env;
	int rc;

	assert(txn->write);
	rc = mdb_txn_commit(txn->txn);
	write_ended(txn);
	if (rc == MDB_SUCCESS)
		return ACTA_OK;
	return was_full(env, rc) ? still_sound(env) : ACTA_EUNSURE;
}

/* ---------------------------------------------------------------- rows -- */

static MDB_val
val(const void *data, size_t size)
{
	return (MDB_val){ .mv_size = size, .mv_data = (void *)(uintptr_t)data };
}

static void
row_from(const MDB_val *key, const MDB_val *value, struct acta_row *out)
{
	*out = (struct acta_row){ .key = key->mv_data,
		.value = value->mv_data,
		.key_size = key->mv_size,
		.value_size = value->mv_size };
}

static enum acta_err
lmdb_get(struct acta_env_txn *txn, unsigned map, const void *key,
    size_t key_size, const void **out_value, size_t *out_size)
{
	MDB_val k = val(key, key_size), v;
	int rc = mdb_get(txn->txn, txn->env->dbis[map], &k, &v);

	if (rc != MDB_SUCCESS)
		return translate(rc);
	*out_value = v.mv_data;
	*out_size = v.mv_size;
	return ACTA_OK;
}

static enum acta_err
lmdb_put(struct acta_env_txn *txn, unsigned map, const void *key,
    size_t key_size, size_t size, void **out_room)
{
	MDB_val k = val(key, key_size), v = val(NULL, size);
	MDB_cursor **cursor = &txn->cursors[map];
	int rc = MDB_SUCCESS;

	assert(txn->write);
	if (*cursor == NULL)
		rc = mdb_cursor_open(txn->txn, txn->env->dbis[map], cursor);
	if (rc == MDB_SUCCESS)
		rc = mdb_cursor_put(*cursor, &k, &v, MDB_RESERVE);
	if (rc != MDB_SUCCESS)
		return translate(rc);
	*out_room = v.mv_data;
	return ACTA_OK;
}

static enum acta_err
lmdb_del(
    struct acta_env_txn *txn, unsigned map, const void *key, size_t key_size)
{
	MDB_val k = val(key, key_size);

	assert(txn->write);
	return translate(mdb_del(txn->txn, txn->env->dbis[map], &k, NULL));
}

/* ------------------------------------------------------------- cursors -- */

static enum acta_err
lmdb_cursor_open(
    struct acta_env_txn *txn, unsigned map, struct acta_env_cursor **out)
{
	struct acta_env_cursor *cursor = acta_zalloc(1, sizeof(*cursor));
	int rc =
	    mdb_cursor_open(txn->txn, txn->env->dbis[map], &cursor->cursor);

	if (rc != MDB_SUCCESS) {
		free(cursor);
		return translate(rc);
	}
	*out = cursor;
	return ACTA_OK;
}

static void
lmdb_cursor_close(struct acta_env_cursor *cursor)
{
	mdb_cursor_close(cursor->cursor);
	free(cursor);
}

static enum acta_err
cursor_move(struct acta_env_cursor *cursor, MDB_val k, MDB_cursor_op op,
    struct acta_row *out)
{
	MDB_val v;
	int rc = mdb_cursor_get(cursor->cursor, &k, &v, op);

	if (rc != MDB_SUCCESS)
		return translate(rc);
	row_from(&k, &v, out);
	return ACTA_OK;
}

static enum acta_err
lmdb_cursor_seek(struct acta_env_cursor *cursor, const void *key,
    size_t key_size, struct acta_row *out)
{
	/* LMDB has no empty keys. */
	return cursor_move(cursor, val(key, key_size),
	    key_size > 0 ? MDB_SET_RANGE : MDB_FIRST, out);
}

static enum acta_err
lmdb_cursor_next(struct acta_env_cursor *cursor, struct acta_row *out)
{
	/* After a delete LMDB steps to the row that moved up, by itself. */
	return cursor_move(cursor, val(NULL, 0), MDB_NEXT, out);
}

static enum acta_err
lmdb_cursor_last(struct acta_env_cursor *cursor, struct acta_row *out)
{
	return cursor_move(cursor, val(NULL, 0), MDB_LAST, out);
}

static enum acta_err
lmdb_cursor_del(struct acta_env_cursor *cursor)
{
	return translate(mdb_cursor_del(cursor->cursor, 0));
}

/* ------------------------------------------------------------- the env -- */

static enum acta_err
lmdb_sync(struct acta_env *base)
{
	struct lmdb *env = (struct lmdb *)base;
	mdb_filehandle_t fd;

	if (env->no_sync)
		return ACTA_OK;
	/* LMDB has readers flush nothing, but what its writer wrote is in the
	 * page cache of the same file. */
	if (env->read_only)
		return mdb_env_get_fd(env->env, &fd) == MDB_SUCCESS &&
			fdatasync(fd) == 0
		    ? ACTA_OK
		    : ACTA_EUNSURE;
	if (mdb_env_sync(env->env, 1) != MDB_SUCCESS)
		return ACTA_EUNSURE;
	return acta_dir_sync(env->dir);
}

static enum acta_err
lmdb_info(struct acta_env_txn *txn, struct acta_env_info *out)
{
	struct lmdb *env = txn->env;
	MDB_envinfo info;
	MDB_stat stat;
	uint64_t pages = 2, in_file; /* the two meta pages */
	uint64_t of_map, journal = 0;
	unsigned i;
	int rc = MDB_SUCCESS;

	for (i = 0; i < ACTA_MAPS + 2 && rc == MDB_SUCCESS; i++) {
		rc = mdb_stat(txn->txn,
		    i < ACTA_MAPS        ? env->dbis[i]
			: i == ACTA_MAPS ? FREE_DBI
					 : MAIN_DBI,
		    &stat);
		of_map = stat.ms_branch_pages + stat.ms_leaf_pages +
		    stat.ms_overflow_pages;
		pages += of_map;
		if (i == ACTA_MAP_JOURNAL)
			journal = of_map;
	}
	if (rc == MDB_SUCCESS)
		rc = mdb_env_info(env->env, &info);
	if (rc != MDB_SUCCESS)
		return translate(rc);
	in_file = info.me_last_pgno + 1;
	*out = (struct acta_env_info){ .used_bytes = pages * env->page_size,
		.file_bytes = in_file * env->page_size,
		.map_size = info.me_mapsize,
		.free_pages = in_file > pages ? in_file - pages : 0,
		.journal_bytes = journal * env->page_size };
	return ACTA_OK;
}

/* Each page begins with its number, and a value with its page's head; so the
 * place of a value in the file is known without the map's address. */
static size_t
file_offset(const struct lmdb *env, const void *data)
{
	uintptr_t at = (uintptr_t)data, page = at - at % env->page_size;
	uint64_t number;

	memcpy(&number, (const void *)page, sizeof(number));
	return (size_t)number * env->page_size + (at - page);
}

static enum acta_err
compare_with_disk(
    const struct lmdb *env, const void *data, size_t size, size_t offset)
{
	size_t page = env->page_size, from = offset / page * page;
	size_t length = (offset + size + page - 1) / page * page - from;
	int fd = open(env->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	enum acta_err err = ACTA_OK;
	void *copy = NULL;

	if (fd < 0)
		return ACTA_EINVAL;
	if (posix_memalign(&copy, page, length) != 0)
		err = ACTA_ENOMEM;
	else if (pread(fd, copy, length, (off_t)from) < (ssize_t)length)
		err = ACTA_EUNSURE;
	else if (memcmp((char *)copy + (offset - from), data, size) != 0)
		err = ACTA_ECORRUPT;
	free(copy);
	(void)close(fd); /* it was read only */
	return err;
}

/* The two meta pages lie at the start of the map, which any row leads to. */
static enum acta_err
compare_roots(struct acta_env_txn *txn)
{
	struct lmdb *env = txn->env;
	MDB_cursor *cursor;
	MDB_val k, v;
	int rc = mdb_cursor_open(txn->txn, env->dbis[ACTA_MAP_STORE], &cursor);

	if (rc == MDB_SUCCESS) {
		rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
		mdb_cursor_close(cursor);
	}
	if (rc != MDB_SUCCESS)
		return rc == MDB_NOTFOUND ? ACTA_OK : translate(rc);
	return compare_with_disk(env,
	    (const char *)v.mv_data - file_offset(env, v.mv_data),
	    2 * (size_t)env->page_size, 0);
}

/*
 * After a failed flush Linux marks the pages clean, so the map may show what
 * the disk never took; O_DIRECT asks the disk. Closing the descriptor drops no
 * lock: LMDB's are on the other file.
 */
static enum acta_err
lmdb_verify(struct acta_env_txn *txn, const void *data, size_t size)
{
	if (data == NULL)
		return compare_roots(txn);
	return compare_with_disk(
	    txn->env, data, size, file_offset(txn->env, data));
}

static void
lmdb_close(struct acta_env *base)
{
	struct lmdb *env = (struct lmdb *)base;

	if (env->read.txn)
		mdb_txn_abort(env->read.txn);
	if (env->env)
		mdb_env_close(env->env);
	acta_lock_release(&env->lock_fd);
	free(env);
}

static const struct acta_env_ops lmdb_ops = {
	.close = lmdb_close,
	.begin = lmdb_begin,
	.commit = lmdb_commit,
	.abort = lmdb_abort,
	.get = lmdb_get,
	.put = lmdb_put,
	.del = lmdb_del,
	.cursor_open = lmdb_cursor_open,
	.cursor_close = lmdb_cursor_close,
	.cursor_seek = lmdb_cursor_seek,
	.cursor_next = lmdb_cursor_next,
	.cursor_last = lmdb_cursor_last,
	.cursor_del = lmdb_cursor_del,
	.sync = lmdb_sync,
	.verify = lmdb_verify,
	.info = lmdb_info,
};

/* One txn opens (and makes) all maps; their handles stay. */
static int
open_maps(struct lmdb *env, bool read_only)
{
	MDB_txn *txn;
	unsigned i;
	int rc =
	    mdb_txn_begin(env->env, NULL, read_only ? MDB_RDONLY : 0, &txn);

	if (rc != MDB_SUCCESS)
		return rc;
	for (i = 0; i < ACTA_MAPS && rc == MDB_SUCCESS; i++)
		rc = mdb_dbi_open(txn, acta_env_map_name(i),
		    read_only ? 0 : MDB_CREATE, &env->dbis[i]);
	if (rc == MDB_SUCCESS)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

/*
 * LMDB makes its table of readers by ftruncate, maps it, and touches it: without
 * a free block that is a SIGBUS. So its blocks are there before, as many as LMDB
 * would make itself, for 126 readers. No lock of ours lies on that file yet, which
 * the close here would let go.
 */
#define READERS_BYTES 8192

static int
reserve_readers(const char *dir)
{
	char path[PATH_MAX];
	struct stat st;
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/lock.mdb", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	if (fstat(fd, &st) != 0)
		rc = errno;
	else if (st.st_size < READERS_BYTES)
		rc = posix_fallocate(fd, 0, READERS_BYTES);
	if (close(fd) != 0 && rc == 0)
		rc = errno;
	return rc;
}

/*
 * lock.mdb, which is set right only by who is alone, has the number of the last
 * txn; were it another file's, as data.mdb was put in its place under a reader, the
 * next commit would go over the wrong root. A reader may open the file that was,
 * too, while it is being replaced.
 */
static int
check_pair(struct lmdb *env, bool read_only)
{
	struct stat ours, theirs;
	MDB_envinfo info;
	MDB_txn *txn;
	size_t last;
	int fd, rc = mdb_env_get_fd(env->env, &fd);

	if (rc != MDB_SUCCESS)
		return rc;
	if (fstat(fd, &ours) != 0 || stat(env->path, &theirs) != 0)
		return errno;
	if (ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev)
		return EBUSY;
	if (read_only) /* its writer may be going on */
		return MDB_SUCCESS;
	/* If the last writer died with its root written and the number not, this
	 * sets it right: the lock tells. */
	rc = mdb_txn_begin(env->env, NULL, 0, &txn);
	if (rc != MDB_SUCCESS)
		return rc;
	mdb_txn_abort(txn);
	rc = mdb_txn_begin(env->env, NULL, MDB_RDONLY, &txn);
	if (rc != MDB_SUCCESS)
		return rc;
	last = mdb_txn_id(txn);
	mdb_txn_abort(txn);
	rc = mdb_env_info(env->env, &info);
	return rc == MDB_SUCCESS && info.me_last_txnid != last ? EBUSY : rc;
}

static int
open_file(
    struct lmdb *env, const char *dir, const struct acta_env_options *options)
{
	unsigned flags = MDB_NOTLS | MDB_NORDAHEAD |
	    (options->read_only ? MDB_RDONLY : 0) |
	    (options->no_sync || options->bulk ? MDB_NOSYNC : 0);
	int rc = mdb_env_create(&env->env), dead;

	if (rc == MDB_SUCCESS && options->map_size > 0)
		rc = mdb_env_set_mapsize(env->env, options->map_size);
	if (rc == MDB_SUCCESS)
		rc = mdb_env_set_maxdbs(env->env, ACTA_MAPS + 8);
	if (rc == MDB_SUCCESS && !options->read_only)
		rc = reserve_readers(dir);
	if (rc == MDB_SUCCESS)
		rc = mdb_env_open(env->env, dir, flags, 0600);
	/* Readers that were killed would pin their pages for ever. */
	if (rc == MDB_SUCCESS)
		rc = mdb_reader_check(env->env, &dead);
	if (rc == MDB_SUCCESS)
		rc = check_pair(env, options->read_only);
	if (rc == MDB_SUCCESS)
		rc = open_maps(env, options->read_only);
	return rc;
}

/* One writer at a time, on a file system that keeps what LMDB needs. */
static enum acta_err
take_dir(struct lmdb *env, const struct acta_env_options *options,
    struct acta_why *why)
{
	enum acta_err err = acta_dir_make(env->dir, !options->no_sync, why);

	if (err == ACTA_OK)
		err = acta_lock_take(env->dir, &env->lock_fd, why);
	if (err == ACTA_OK && !options->allow_any_fs)
		err = acta_dir_check_fs(env->dir, why);
	return err;
}

static enum acta_err
open_translate(int rc)
{
	if (rc == EACCES || rc == EPERM || rc == EMFILE || rc == ENFILE ||
	    rc == EAGAIN)
		return ACTA_EIO;
	return translate(rc);
}

enum acta_err
acta_env_open(const char *dir, const struct acta_env_options *options,
    struct acta_env **out, struct acta_why *why)
{
	struct lmdb *env = acta_zalloc(1, sizeof(*env));
	MDB_stat stat;
	enum acta_err err = ACTA_OK;
	int rc;

	env->lock_fd = -1;
	env->no_sync = options->no_sync;
	env->read_only = options->read_only;
	env->base = (struct acta_env){ .ops = &lmdb_ops, .lasting = true };
	if (snprintf(env->path, sizeof(env->path), "%s/data.mdb", dir) >=
	    (int)sizeof(env->path)) {
		acta_why_text(why, "the path is too long: %.200s", dir);
		err = ACTA_EINVAL;
	} else {
		memcpy(env->dir, dir, strlen(dir) + 1);
		if (!options->read_only)
			err = take_dir(env, options, why);
	}
	if (err != ACTA_OK) {
		lmdb_close(&env->base);
		return err;
	}
	rc = open_file(env, dir, options);
	if (rc == MDB_SUCCESS)
		rc = mdb_env_stat(env->env, &stat);
	if (rc != MDB_SUCCESS) {
		if (rc == EBUSY) {
			acta_why_text(why,
			    "%s was replaced while somebody reads what was "
			    "there",
			    env->path);
			acta_why_hint(why, "once that has ended it opens");
		} else {
			acta_why_text(why, "cannot open %s: %s", env->path,
			    mdb_strerror(rc));
		}
		lmdb_close(&env->base);
		return rc == EBUSY ? ACTA_EBUSY : open_translate(rc);
	}
	env->page_size = stat.ms_psize;
	*out = &env->base;
	return ACTA_OK;
}
