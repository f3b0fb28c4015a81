/* store/snapshot.c - see snapshot.h. */
#include "store/snapshot.h"
#include "store/arena.h"
#include "store/internal.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define BATCH_ROWS 16384u /* of a copy's commit, of a look at a running store */
#define BATCH_BYTES (16u << 20)
#define FOLLOWER "follower/"

struct acta_snapshot {
	struct acta_store *store; /* its env, and what it says of itself */
	struct acta_env_txn *txn; /* NULL: nothing is taken */
	struct acta_env_info info;
	uint64_t turn;
};

static const struct acta_env_ops *
ops(const struct acta_snapshot *snapshot)
{
	return snapshot->store->env->ops;
}

enum acta_err
acta_snapshot_open(
    const char *dir, struct acta_snapshot **out, struct acta_why *why)
{
	struct acta_env_options options = { .read_only = true };
	struct acta_snapshot *snapshot;
	struct acta_env *env;
	enum acta_err err;

	if (why != NULL)
		why->text[0] = why->hint[0] = '\0';
	err = acta_env_open(dir, &options, &env, why);
	if (err != ACTA_OK)
		return err;
	snapshot = acta_zalloc(1, sizeof(*snapshot));
	snapshot->store = acta_store_new(env);
	snapshot->store->read_only = true;
	*out = snapshot;
	return ACTA_OK;
}

void
acta_snapshot_drop(struct acta_snapshot *snapshot)
{
	if (snapshot->txn != NULL)
		ops(snapshot)->abort(snapshot->txn);
	snapshot->txn = NULL;
}

enum acta_err
acta_snapshot_flush(struct acta_snapshot *snapshot)
{
	return ops(snapshot)->sync(snapshot->store->env);
}

void
acta_snapshot_close(struct acta_snapshot **snapshot)
{
	struct acta_snapshot *self = *snapshot;

	*snapshot = NULL;
	if (self == NULL)
		return;
	acta_snapshot_drop(self);
	acta_store_close(&self->store);
	free(self);
}

/* The journal's last record is always there. */
static enum acta_err
last_turn(struct acta_snapshot *snapshot)
{
	struct acta_env_cursor *cursor;
	struct acta_row row;
	uint32_t part;
	enum acta_err err;

	snapshot->turn = 0;
	err = ops(snapshot)->cursor_open(
	    snapshot->txn, ACTA_MAP_JOURNAL, &cursor);
	if (err != ACTA_OK)
		return err;
	err = ops(snapshot)->cursor_last(cursor, &row);
	if (err == ACTA_OK &&
	    !acta_journal_key_decode(
		row.key, row.key_size, &snapshot->turn, &part))
		err = ACTA_ECORRUPT;
	ops(snapshot)->cursor_close(cursor);
	return err == ACTA_ENOENT ? ACTA_OK : err;
}

static enum acta_err
begin(struct acta_snapshot *snapshot)
{
	enum acta_err err;

	acta_snapshot_drop(snapshot);
	err = ops(snapshot)->begin(snapshot->store->env, false, &snapshot->txn);
	if (err != ACTA_OK)
		snapshot->txn = NULL;
	return err;
}

enum acta_err
acta_snapshot_turn(struct acta_snapshot *snapshot, uint64_t *out_turn)
{
	enum acta_err err = begin(snapshot);

	if (err == ACTA_OK)
		err = last_turn(snapshot);
	acta_snapshot_drop(snapshot);
	*out_turn = snapshot->turn;
	return err;
}

enum acta_err
acta_snapshot_take(
    struct acta_snapshot *snapshot, uint64_t *out_turn, struct acta_why *why)
{
	enum acta_err err = begin(snapshot);

	if (err == ACTA_OK)
		err = last_turn(snapshot);
	if (err == ACTA_OK)
		err = acta_store_read_self(
		    snapshot->store, snapshot->txn, false, why);
	if (err == ACTA_OK)
		err = ops(snapshot)->info(snapshot->txn, &snapshot->info);
	if (err != ACTA_OK) {
		acta_snapshot_drop(snapshot);
		acta_store_explain(err, why);
		return err;
	}
	*out_turn = snapshot->turn;
	return ACTA_OK;
}

void
acta_snapshot_info(
    const struct acta_snapshot *snapshot, struct acta_snapshot_info *out)
{
	*out = (struct acta_snapshot_info){
		.service = snapshot->store->service,
		.part = snapshot->store->part,
		.parts = snapshot->store->parts,
		.id = snapshot->store->id,
		.turn = snapshot->turn,
		.map_size = snapshot->info.map_size,
		.used_bytes = snapshot->info.used_bytes,
		.file_bytes = snapshot->info.file_bytes,
	};
}

/* -------------------------------------------------------------- checking -- */

/* As people see it: what is no plain text stands as hex. */
static void
key_text(char *out, size_t room, const void *key, size_t size)
{
	const uint8_t *bytes = key;
	size_t i, at = 0;

	for (i = 0; i < size && at + 4 < room; i++)
		at += (size_t)snprintf(out + at, room - at,
		    bytes[i] > 0x20 && bytes[i] < 0x7f && bytes[i] != '\\'
			? "%c"
			: "\\%02x",
		    bytes[i]);
	out[at] = '\0';
}

static enum acta_err
check_row(unsigned map, const struct acta_row *row)
{
	struct acta_rowkey key;
	size_t size = row->value_size;

	if (row->key_size == 0 || row->key_size > ACTA_STORE_KEY_MAX)
		return ACTA_ECORRUPT;
	acta_rowkey_init(&key, map, row->key, row->key_size);
	return acta_row_check(key.bytes, key.size, row->value, &size);
}

static void
bad_row(struct acta_why *why, unsigned map, const struct acta_row *row)
{
	char key[160];

	key_text(key, sizeof(key), row->key, row->key_size);
	acta_why_text(why, "table %s, key %s: it is not what was written",
	    acta_env_map_name(map), key);
}

/* --------------------------------------------------------------- copying -- */

struct copy {
	struct acta_snapshot *from;
	struct acta_store *to; /* only its env is used, and what it is called */
	struct acta_env_txn *txn;
	uint64_t rows, bytes; /* of the commit to come */
	bool anew;            /* with a history of its own */
	struct acta_copied done;
	struct acta_why *why;
};

/* Called where no cursor of the copy's is open. */
static enum acta_err
copied(struct copy *copy, uint64_t bytes, bool last)
{
	const struct acta_env_ops *to = copy->to->env->ops;
	enum acta_err err;

	copy->rows++;
	copy->bytes += bytes;
	copy->done.bytes += bytes;
	if (!last && copy->rows < BATCH_ROWS && copy->bytes < BATCH_BYTES)
		return ACTA_OK;
	copy->rows = copy->bytes = 0;
	err = to->commit(copy->txn);
	copy->txn = NULL;
	if (err == ACTA_OK && !last)
		err = to->begin(copy->to->env, true, &copy->txn);
	return err;
}

/* Written anew, or of the old one alone. */
static bool
is_own(const struct acta_row *row)
{
	static const char *const names[] = { "identity", FOLLOWER };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (row->key_size >= strlen(names[i]) &&
		    memcmp(row->key, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static enum acta_err
copy_row(struct copy *copy, unsigned map, const struct acta_row *row)
{
	void *room;
	enum acta_err err = check_row(map, row);

	if (err != ACTA_OK) {
		bad_row(copy->why, map, row);
		return err;
	}
	if (map == ACTA_MAP_STORE && copy->anew && is_own(row))
		return ACTA_OK;
	err = copy->to->env->ops->put(
	    copy->txn, map, row->key, row->key_size, row->value_size, &room);
	if (err != ACTA_OK)
		return err;
	if (row->value_size > 0)
		memcpy(room, row->value, row->value_size);
	copy->done.rows++;
	return copied(copy, row->key_size + row->value_size, false);
}

static enum acta_err
copy_map(struct copy *copy, unsigned map)
{
	struct acta_env_cursor *cursor;
	struct acta_row row;
	enum acta_err err =
	    ops(copy->from)->cursor_open(copy->from->txn, map, &cursor);

	if (err != ACTA_OK)
		return err;
	err = ops(copy->from)->cursor_seek(cursor, NULL, 0, &row);
	while (err == ACTA_OK) {
		err = copy_row(copy, map, &row);
		if (err == ACTA_OK)
			err = ops(copy->from)->cursor_next(cursor, &row);
	}
	ops(copy->from)->cursor_close(cursor);
	return err == ACTA_ENOENT ? ACTA_OK : err;
}

static uint64_t
first_kept(const struct acta_snapshot *snapshot)
{
	uint64_t keep = snapshot->store->keep_from;

	return keep < snapshot->turn ? keep : snapshot->turn;
}

/* Records that are needed; those in front of them are half cut perhaps. */
static enum acta_err
copy_records(struct copy *copy, struct acta_journal_walk *walk)
{
	uint64_t expect = first_kept(copy->from);
	struct acta_record record;
	uint32_t rows;
	enum acta_err err;

	while ((err = acta_journal_walk_next(walk, &record)) == ACTA_OK) {
		if (record.turn != expect) {
			err = ACTA_ECORRUPT;
			break;
		}
		expect++;
		err = acta_journal_append(
		    copy->to->env, copy->txn, record.turn, &walk->whole, &rows);
		if (err == ACTA_OK)
			err = copied(copy, record.size, false);
		if (err != ACTA_OK)
			return err;
		copy->done.records++;
	}
	if (err == ACTA_ENOENT && expect == copy->from->turn + 1)
		return ACTA_OK;
	acta_why_text(copy->why, "journal, turn %" PRIu64 ": %s", expect,
	    err == ACTA_ENOENT ? "it is missing" : acta_strerror(err));
	return err == ACTA_ENOENT ? ACTA_ECORRUPT : err;
}

static enum acta_err
copy_journal(struct copy *copy)
{
	struct acta_journal_walk walk;
	enum acta_err err;

	if (copy->from->turn == 0)
		return ACTA_OK;
	err = acta_journal_walk_init(&walk, copy->from->store->env,
	    copy->from->txn, first_kept(copy->from), false);
	if (err == ACTA_OK)
		err = copy_records(copy, &walk);
	acta_journal_walk_fini(&walk);
	return err;
}

static enum acta_err
copy_all(struct copy *copy, const uint8_t *history)
{
	const struct acta_store *from = copy->from->store;
	struct acta_store *to = copy->to;
	enum acta_err err;
	unsigned map;

	err = to->env->ops->begin(to->env, true, &copy->txn);
	for (map = 0; map < ACTA_MAPS && err == ACTA_OK; map++)
		err = map == ACTA_MAP_JOURNAL ? copy_journal(copy)
					      : copy_map(copy, map);
	if (err == ACTA_OK && copy->anew) {
		memcpy(to->service, from->service, sizeof(to->service));
		to->part = from->part;
		to->parts = from->parts;
		to->restored = true;
		memcpy(to->id.history, history, sizeof(to->id.history));
		memcpy(to->parent, from->id.history, sizeof(to->parent));
		to->parent_turn = copy->from->turn;
		err = acta_store_write_identity(to, copy->txn);
	}
	if (err == ACTA_OK)
		err = copied(copy, 0, true);
	if (copy->txn != NULL)
		to->env->ops->abort(copy->txn);
	return err == ACTA_OK ? to->env->ops->sync(to->env) : err;
}

enum acta_err
acta_snapshot_copy(struct acta_snapshot *snapshot, const char *dir,
    const uint8_t history[16], struct acta_copied *out, struct acta_why *why)
{
	struct acta_env_options options = { .map_size = snapshot->info.map_size,
		.allow_any_fs = true,
		.bulk = true };
	struct copy copy = {
		.from = snapshot, .anew = history != NULL, .why = why
	};
	char path[PATH_MAX];
	struct stat st;
	struct acta_env *env;
	enum acta_err err;

	assert(snapshot->txn != NULL);
	assert(history == NULL || !(history[0] & ACTA_HISTORY_IN_MEMORY));
	if (snprintf(path, sizeof(path), "%s/data.mdb", dir) >=
	    (int)sizeof(path)) {
		acta_why_text(why, "the path is too long: %.200s", dir);
		return ACTA_EINVAL;
	}
	if (lstat(path, &st) == 0) {
		acta_why_text(why, "there is a store already: %.200s", dir);
		return ACTA_EBUSY;
	}
	err = acta_env_open(dir, &options, &env, why);
	if (err != ACTA_OK)
		return err == ACTA_ENOENT ? ACTA_EIO : err;
	copy.to = acta_store_new(env);
	err = copy_all(&copy, history);
	acta_store_close(&copy.to);
	if (err == ACTA_OK)
		*out = copy.done;
	else if (why != NULL && why->text[0] == '\0')
		acta_why_text(
		    why, "cannot copy to %.200s: %s", dir, acta_strerror(err));
	return err;
}

/* ------------------------------------------------------------- scrubbing -- */

struct look {
	struct acta_snapshot *snapshot;
	const struct acta_scrub *scrub;
	struct acta_copied *done;
	uint64_t rows, bytes; /* since the snapshot was taken */
	bool blind;           /* where the journal begins is not known */
};

static void __attribute__((format(printf, 2, 3)))
bad(const struct look *look, const char *format, ...)
{
	char text[320];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	look->scrub->bad(look->scrub->self, text);
}

/* A while has passed: let pages go. */
static bool
spent(struct look *look, uint64_t bytes)
{
	look->rows++;
	look->bytes += bytes;
	look->done->bytes += bytes;
	return look->rows >= BATCH_ROWS || look->bytes >= BATCH_BYTES;
}

static enum acta_err
take_anew(struct look *look)
{
	look->rows = look->bytes = 0;
	return begin(look->snapshot);
}

/* Rows behind `after`, which is then the last of them. */
static enum acta_err
scrub_rows(struct look *look, unsigned map, struct acta_rowkey *after)
{
	const struct acta_env_ops *o = ops(look->snapshot);
	struct acta_env_cursor *cursor;
	struct acta_why why;
	struct acta_row row;
	enum acta_err err = o->cursor_open(look->snapshot->txn, map, &cursor);

	if (err != ACTA_OK)
		return err;
	err = o->cursor_seek(cursor, after->bytes + 1, after->size - 1u, &row);
	if (err == ACTA_OK && after->size > 1 &&
	    row.key_size == after->size - 1u &&
	    memcmp(row.key, after->bytes + 1, row.key_size) == 0)
		err = o->cursor_next(cursor, &row);
	while (err == ACTA_OK) {
		if (check_row(map, &row) != ACTA_OK) {
			bad_row(&why, map, &row);
			bad(look, "%s", why.text);
		}
		look->done->rows++;
		if (row.key_size > 0 && row.key_size <= ACTA_STORE_KEY_MAX)
			acta_rowkey_init(after, map, row.key, row.key_size);
		if (spent(look, row.key_size + row.value_size))
			break;
		err = o->cursor_next(cursor, &row);
	}
	o->cursor_close(cursor);
	return err;
}

static enum acta_err
scrub_map(struct look *look, unsigned map)
{
	struct acta_rowkey after;
	enum acta_err err = ACTA_OK;

	acta_rowkey_init(&after, map, NULL, 0);
	while (err == ACTA_OK) {
		err = take_anew(look);
		if (err == ACTA_OK)
			err = scrub_rows(look, map, &after);
	}
	return err == ACTA_ENOENT ? ACTA_OK : err;
}

/* The record at the walk's place; *turn: which it is. */
static enum acta_err
scrub_record(struct look *look, struct acta_journal_walk *walk, uint64_t *turn)
{
	struct acta_record record = { .size = 0 };
	uint64_t there = *turn;
	uint32_t row;
	enum acta_err err;

	if (!walk->have_row)
		return ACTA_ENOENT;
	if (acta_journal_key_decode(
		walk->row.key, walk->row.key_size, &there, &row) &&
	    there != *turn && !look->blind)
		bad(look,
		    "journal, turns %" PRIu64 " to %" PRIu64
		    ": they are missing",
		    *turn, there - 1);
	*turn = there;
	look->blind = false;
	err = acta_journal_walk_next(walk, &record);
	if (err == ACTA_ECORRUPT || err == ACTA_EVERSION)
		bad(look, "journal, turn %" PRIu64 ": %s", there,
		    acta_strerror(err));
	else if (err != ACTA_OK)
		return err;
	look->done->records++;
	/* Behind a bad one the walk may stand anywhere. */
	return spent(look, record.size) || err != ACTA_OK ? ACTA_EAGAIN
							  : ACTA_OK;
}

/* Records from *turn on, or from the first that is kept. */
static enum acta_err
scrub_records(struct look *look, uint64_t *turn)
{
	struct acta_snapshot *s = look->snapshot;
	struct acta_journal_walk walk;
	uint64_t kept = first_kept(s);
	enum acta_err err;

	if (*turn < kept)
		*turn = kept;
	err =
	    acta_journal_walk_init(&walk, s->store->env, s->txn, *turn, false);
	while (err == ACTA_OK) {
		err = scrub_record(look, &walk, turn);
		if (err == ACTA_OK || err == ACTA_EAGAIN)
			++*turn;
	}
	acta_journal_walk_fini(&walk);
	return err;
}

static enum acta_err
scrub_journal(struct look *look)
{
	struct acta_why why = { "", "" };
	uint64_t turn = 1, last;
	enum acta_err err = ACTA_EAGAIN;

	while (err == ACTA_EAGAIN) {
		look->rows = look->bytes = 0;
		err = acta_snapshot_take(look->snapshot, &last, &why);
		if (err != ACTA_OK) {
			/* Its rows were told of; from what is there on. */
			look->blind = turn == 1;
			look->snapshot->store->keep_from = 1;
			err = take_anew(look);
		}
		if (err == ACTA_OK)
			err = scrub_records(look, &turn);
	}
	return err == ACTA_ENOENT ? ACTA_OK : err;
}

enum acta_err
acta_snapshot_scrub(struct acta_snapshot *snapshot,
    const struct acta_scrub *scrub, struct acta_copied *out)
{
	struct look look = {
		.snapshot = snapshot, .scrub = scrub, .done = out
	};
	struct acta_why why = { "", "" };
	uint64_t turn;
	unsigned i;
	enum acta_err err;

	*out = (struct acta_copied){ 0 };
	err = acta_snapshot_take(snapshot, &turn, &why);
	if (err != ACTA_OK)
		bad(&look, "what it says of itself: %s",
		    why.text[0] ? why.text : acta_strerror(err));
	err = ACTA_OK;
	for (i = 0; i < ACTA_MAPS && err == ACTA_OK; i++) {
		/* Its own rows first, then the tables, then the journal. */
		unsigned map = i == 0  ? ACTA_MAP_STORE
		    : i <= ACTA_TABLES ? i - 1
				       : ACTA_MAP_JOURNAL;

		if (scrub->table != NULL)
			scrub->table(scrub->self, acta_env_map_name(map));
		err = map == ACTA_MAP_JOURNAL ? scrub_journal(&look)
					      : scrub_map(&look, map);
		if (err == ACTA_ECORRUPT) {
			bad(&look, "table %s: its pages are damaged",
			    acta_env_map_name(map));
			err = ACTA_OK;
		}
	}
	acta_snapshot_drop(snapshot);
	return err;
}
