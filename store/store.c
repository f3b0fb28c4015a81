/* store/store.c - turns: reads through the layers, the commit, the slices. */
#include "store/internal.h"

#include <stdlib.h>

#define INTAKE_PERCENT 80u
#define CLEANUP_PERCENT 95u
#define IDLE_MS 1000

struct acta_store_id
acta_store_id(const struct acta_store *store)
{
	return store->id;
}

bool
acta_history_in_memory(uint64_t history)
{
	uint8_t first;

	memcpy(&first, &history, 1);
	return (first & ACTA_HISTORY_IN_MEMORY) != 0;
}

int64_t
acta_store_last_ms(const struct acta_store *store)
{
	return store->last_ms;
}

uint64_t
acta_store_turn(const struct acta_store *store)
{
	return store->turn;
}

const char *
acta_store_service(const struct acta_store *store)
{
	return store->service;
}

void
acta_store_parts(
    const struct acta_store *store, uint32_t *out_part, uint32_t *out_parts)
{
	*out_part = store->part;
	*out_parts = store->parts;
}

/* ------------------------------------------------------------- reading -- */

enum acta_err
acta_store_reading(struct acta_store *store, struct acta_env_txn **out)
{
	enum acta_err err = ACTA_OK;

	if (store->read == NULL)
		err = store->env->ops->begin(store->env, false, &store->read);
	*out = store->read;
	return err;
}

void
acta_store_reads_end(struct acta_store *store)
{
	acta_scans_end(store);
	if (store->read != NULL)
		store->env->ops->abort(store->read);
	store->read = NULL;
}

/* What a layer says of the key: true if it decides. */
static bool
decides(const struct acta_rowmap *rows, const struct acta_rowkey *key,
    const struct acta_entry **out)
{
	const struct acta_entry *entry = acta_rowmap_find(rows, key);

	*out = NULL;
	if (entry != NULL && entry->kind != ACTA_ROW_NONE &&
	    !acta_rowmap_dead(rows, entry)) {
		if (entry->kind == ACTA_ROW_PUT)
			*out = entry;
		return true;
	}
	return acta_rowmap_hides(rows, key->bytes, key->size, UINT64_MAX) !=
	    NULL;
}

static enum acta_err
get_from_tree(struct acta_store *store, const struct acta_rowkey *key,
    const void **out_value, size_t *out_size)
{
	struct acta_env_txn *txn;
	const void *value;
	size_t size;
	enum acta_err err = acta_store_reading(store, &txn);

	if (err == ACTA_OK)
		err = store->env->ops->get(txn, key->bytes[0], key->bytes + 1,
		    key->size - 1u, &value, &size);
	if (err == ACTA_OK)
		err = acta_row_check(key->bytes, key->size, value, &size);
	if (err != ACTA_OK)
		return err;
	*out_value = value;
	*out_size = size;
	return ACTA_OK;
}

enum acta_err
acta_store_get(struct acta_store *store, enum acta_table table, const void *key,
    size_t key_size, const void **out_value, size_t *out_size)
{
	const struct acta_entry *entry;
	struct acta_rowkey row;

	assert(table < ACTA_TABLES);
	assert(key_size > 0);
	acta_rowkey_init(&row, table, key, key_size);
	if (!decides(&store->ws.rows, &row, &entry) &&
	    !decides(&store->active->rows, &row, &entry) &&
	    !decides(&store->frozen->rows, &row, &entry))
		return get_from_tree(store, &row, out_value, out_size);
	if (entry == NULL)
		return ACTA_ENOENT;
	*out_value = entry->size > 0 ? (const void *)entry->value : "";
	*out_size = entry->size;
	return ACTA_OK;
}

/* ------------------------------------------------------------- writing -- */

void
acta_store_begin(struct acta_store *store)
{
	assert(!acta_writeset_dirty(&store->ws));
	assert(!store->read_only);
}

void
acta_store_put(struct acta_store *store, enum acta_table table, const void *key,
    size_t key_size, const void *value, size_t size)
{
	struct acta_rowkey row;

	assert(table < ACTA_TABLES);
	assert(key_size > 0);
	assert(size <= ACTA_STORE_VALUE_MAX);
	acta_rowkey_init(&row, table, key, key_size);
	acta_writeset_set(&store->ws, &row, ACTA_ROW_PUT, value, size);
}

void
acta_store_delete(struct acta_store *store, enum acta_table table,
    const void *key, size_t key_size)
{
	struct acta_rowkey row;

	assert(table < ACTA_TABLES);
	assert(key_size > 0);
	acta_rowkey_init(&row, table, key, key_size);
	acta_writeset_set(&store->ws, &row, ACTA_ROW_DELETE, NULL, 0);
}

void
acta_store_delete_prefix(struct acta_store *store, enum acta_table table,
    const void *prefix, size_t prefix_size)
{
	struct acta_rowkey row;

	assert(table < ACTA_TABLES);
	acta_rowkey_init(&row, table, prefix, prefix_size);
	acta_writeset_mark(&store->ws, &row);
}

acta_store_mark
acta_store_mark_now(const struct acta_store *store)
{
	return (acta_store_mark){ .undo = store->ws.undo_count,
		.notes = store->ws.notes.size };
}

void
acta_store_undo(struct acta_store *store, acta_store_mark mark)
{
	acta_writeset_undo(&store->ws, mark.undo, mark.notes);
}

void
acta_store_note(struct acta_store *store, const void *data, size_t size)
{
	acta_buf_append(&store->ws.notes, data, size);
}

bool
acta_store_dirty(const struct acta_store *store)
{
	return acta_writeset_dirty(&store->ws);
}

uint64_t
acta_store_pending_bytes(const struct acta_store *store)
{
	return store->ws.bytes + store->ws.notes.size;
}

void
acta_store_abort(struct acta_store *store)
{
	assert(!store->read_only);
	acta_store_reads_end(store);
	acta_writeset_reset(&store->ws);
}

/* -------------------------------------------------------------- slices -- */

void
acta_store_freeze(struct acta_store *store)
{
	struct acta_generation *gen = store->active;

	assert(acta_generation_empty(store->frozen));
	store->active = store->frozen;
	store->frozen = gen;
	acta_checkpoint_begin(&store->checkpoint, gen);
}

/* A writing txn under way, and what becomes true with its commit. */
struct work {
	struct acta_env_txn *txn;
	bool eager; /* there is time for what may wait */
	bool followers;
	uint64_t lapse; /* followers up to that place */
	struct acta_checkpoint checkpoint;
	struct acta_slice slice;
	struct acta_marks_row marks;
	struct acta_env_info info;
	uint64_t journal_first, turn;
};

static uint64_t
memory(const struct acta_store *store)
{
	return acta_generation_memory(store->active) +
	    acta_generation_memory(store->frozen);
}

static bool
to_merge(const struct acta_store *store)
{
	return !acta_generation_empty(store->frozen);
}

static void
limit_slice(const struct acta_store *store, struct acta_slice *slice)
{
	if (store->slice_rows > 0)
		slice->rows_max = store->slice_rows;
}

/* Records below this are not needed; the last one always is: it has the
 * turn's number and time. */
static uint64_t
trim_below(const struct work *work)
{
	return work->marks.keep_from < work->turn ? work->marks.keep_from
						  : work->turn;
}

static bool
to_trim(const struct acta_store *store)
{
	uint64_t keep =
	    store->keep_from < store->turn ? store->keep_from : store->turn;

	return store->journaled && store->journal_first < keep;
}

static enum acta_err
merge(struct acta_store *store, struct work *work)
{
	enum acta_err err;

	err = acta_checkpoint_merge(&work->checkpoint, store->env, work->txn,
	    store->frozen, &work->slice);
	if (err == ACTA_OK && work->checkpoint.done && store->journaled)
		work->marks.replay_from = store->frozen->last_turn + 1;
	return err;
}

/* What is to be kept, if those lapse that are at `lapse` or before. */
static uint64_t
keep_from(const struct acta_store *store, uint64_t replay_from, uint64_t lapse)
{
	uint64_t need = acta_followers_need(store, lapse);

	return need < replay_from ? need : replay_from;
}

/* Followers need less than is kept, by so much that it is worth a row. */
static bool
to_keep_less(const struct acta_store *store)
{
	return store->journaled &&
	    (acta_followers_lapse(store) > 0 ||
		keep_from(store, store->replay_from, 0) >=
		    store->keep_from + ACTA_STORE_FOLLOW_TURNS);
}

/* The marks move in the commit of what they say: followers' places, and later
 * in it what is cut. */
static enum acta_err
move_marks(struct acta_store *store, struct work *work)
{
	bool merged = work->marks.replay_from != store->replay_from;
	enum acta_err err = ACTA_OK;

	if (!merged && !work->eager && !to_keep_less(store))
		return ACTA_OK;
	work->lapse = acta_followers_lapse(store);
	work->followers = work->lapse > 0 || acta_followers_dirty(store);
	work->marks.keep_from =
	    keep_from(store, work->marks.replay_from, work->lapse);
	assert(work->marks.keep_from >= store->keep_from);
	if (work->followers)
		err = acta_followers_write(store, work->txn, work->lapse);
	if (err == ACTA_OK &&
	    (merged || work->marks.keep_from != store->keep_from))
		err = acta_store_write_marks(store, work->txn, work->marks);
	return err;
}

static enum acta_err
slice(struct acta_store *store, struct work *work, uint64_t trim_rows)
{
	enum acta_err err = ACTA_OK;

	if (to_merge(store))
		err = merge(store, work);
	if (err == ACTA_OK && store->journaled)
		err = move_marks(store, work);
	if (err == ACTA_OK && store->journaled &&
	    store->journal_first < trim_below(work))
		err = acta_checkpoint_trim(store->env, work->txn,
		    trim_below(work), trim_rows, &work->journal_first);
	return err;
}

static struct work
work_begin(const struct acta_store *store)
{
	return (struct work){ .checkpoint = store->checkpoint,
		.marks = { store->replay_from, store->keep_from },
		.info = store->env_info,
		.journal_first = store->journal_first,
		.turn = store->turn };
}

/* The commit returned: what the work did is so. */
static void
work_done(struct acta_store *store, const struct work *work, bool keep_memory)
{
	store->env_info = work->info;
	store->replay_from = work->marks.replay_from;
	store->keep_from = work->marks.keep_from;
	store->journal_first = work->journal_first;
	store->checkpoint = work->checkpoint;
	if (work->followers)
		acta_followers_written(store, work->lapse);
	store->rows_merged += work->slice.rows;
	if (work->slice.rows > store->slice_rows_max)
		store->slice_rows_max = work->slice.rows;
	if (work->slice.bytes > store->slice_bytes_max)
		store->slice_bytes_max = work->slice.bytes;
	if (to_merge(store) && store->checkpoint.done)
		acta_generation_reset(store->frozen, keep_memory);
}

/* ---------------------------------------------------------- the commit -- */

static uint64_t
percent(const struct acta_store *store, unsigned n)
{
	return store->quota / 100 * n;
}

/* A turn may cross the line, but none begins behind it. */
static enum acta_err
check_quota(const struct acta_store *store, uint64_t used_after, bool reserve)
{
	if (!reserve && acta_store_intake_stopped(store))
		return ACTA_EFULL;
	return used_after > percent(store, CLEANUP_PERCENT) ? ACTA_EFULL
							    : ACTA_OK;
}

static enum acta_err
fill_turn(
    struct acta_store *store, struct work *work, bool reserve, bool with_slice)
{
	const struct acta_env_ops *ops = store->env->ops;
	uint64_t fill;
	uint32_t rows = 0;
	enum acta_err err = ACTA_OK;

	work->turn = store->turn + 1;
	if (store->journaled) {
		err = acta_journal_append(
		    store->env, work->txn, work->turn, &store->record, &rows);
		if (store->journal_first == 0)
			work->journal_first = work->turn;
	}
	if (err == ACTA_OK)
		err = ops->info(work->txn, &work->info);
	if (err == ACTA_OK)
		err = check_quota(store, work->info.used_bytes, reserve);
	if (err != ACTA_OK || !with_slice)
		return err;
	fill = acta_generation_fill(store->active) +
	    store->ws.rows.count * 1024 / ACTA_STORE_FREEZE_ENTRIES;
	work->slice = acta_checkpoint_budget(&store->checkpoint, store->frozen,
	    fill, memory(store) > store->memory);
	limit_slice(store, &work->slice);
	err = slice(store, work, ACTA_STORE_TRIM_ROWS + 2 * rows);
	/* What was cut is not there to lapse for. */
	if (err == ACTA_OK && store->follower_count > 0)
		err = ops->info(work->txn, &work->info);
	return err;
}

static enum acta_err
write_turn(
    struct acta_store *store, struct work *work, bool reserve, bool with_slice)
{
	const struct acta_env_ops *ops = store->env->ops;
	enum acta_err err;

	*work = work_begin(store);
	err = ops->begin(store->env, true, &work->txn);
	if (err != ACTA_OK)
		return err;
	err = fill_turn(store, work, reserve, with_slice);
	if (err == ACTA_OK)
		return ops->commit(work->txn);
	ops->abort(work->txn);
	return err;
}

/* The record's rows are now the newest of what is committed. */
static void
turn_done(struct acta_store *store, int64_t now_ms)
{
	struct acta_record record;
	enum acta_err err;

	err = acta_journal_decode(
	    store->record.data, store->record.size, &record);
	assert(err == ACTA_OK); /* we wrote it a moment ago */
	acta_journal_apply(&record, store->active);
	store->turn++;
	store->last_ms = now_ms;
	acta_writeset_reset(&store->ws);
	if (acta_generation_fill(store->active) >= 1024 && !to_merge(store))
		acta_store_freeze(store);
}

enum acta_err
acta_store_commit(struct acta_store *store, int64_t now_ms, bool reserve)
{
	bool with_slice =
	    to_merge(store) || to_trim(store) || to_keep_less(store);
	struct work work;
	enum acta_err err;

	assert(!store->read_only);
	acta_store_reads_end(store);
	if (!acta_writeset_dirty(&store->ws)) {
		acta_writeset_reset(&store->ws);
		return ACTA_OK;
	}
	if (now_ms < store->last_ms)
		now_ms = store->last_ms;
	acta_journal_encode(
	    &store->record, &store->ws, store->turn + 1, now_ms);
	err = write_turn(store, &work, reserve, with_slice);
	if (err == ACTA_EFULL && with_slice)
		err = write_turn(store, &work, reserve, false);
	if (err != ACTA_OK)
		return err == ACTA_EFULL ? ACTA_EFULL : ACTA_EUNSURE;
	work_done(store, &work, true);
	turn_done(store, now_ms);
	return ACTA_OK;
}

/* ------------------------------------------------------------- between -- */

static enum acta_err
idle_slice(struct acta_store *store)
{
	const struct acta_env_ops *ops = store->env->ops;
	struct work work = work_begin(store);
	enum acta_err err;

	work.eager = true;
	work.slice = (struct acta_slice){ .rows_max = ACTA_STORE_SLICE_ROWS,
		.bytes_max = ACTA_STORE_SLICE_BYTES };
	limit_slice(store, &work.slice);
	err = ops->begin(store->env, true, &work.txn);
	if (err != ACTA_OK)
		return err;
	err = slice(store, &work, ACTA_STORE_SLICE_ROWS);
	if (err == ACTA_OK)
		err = ops->info(work.txn, &work.info);
	if (err != ACTA_OK) {
		ops->abort(work.txn);
		return err;
	}
	err = ops->commit(work.txn);
	if (err == ACTA_OK)
		work_done(store, &work, false);
	return err;
}

static bool
followers_idle(const struct acta_store *store, int64_t now_ms)
{
	return acta_followers_dirty(store) &&
	    now_ms - store->last_ms >= IDLE_MS;
}

/* The active generation should freeze although it is not full. */
static bool
idle_long(const struct acta_store *store, int64_t now_ms)
{
	return !to_merge(store) && !acta_generation_empty(store->active) &&
	    now_ms - store->last_ms >= IDLE_MS;
}

enum acta_err
acta_store_idle(struct acta_store *store, int64_t now_ms, bool *out_more)
{
	enum acta_err err;

	assert(!store->read_only);
	assert(!acta_writeset_dirty(&store->ws));
	acta_store_reads_end(store);
	if (idle_long(store, now_ms))
		acta_store_freeze(store);
	*out_more = false;
	if (!to_merge(store) && !to_trim(store) && !to_keep_less(store) &&
	    !followers_idle(store, now_ms))
		return ACTA_OK;
	err = idle_slice(store);
	/* No room: nothing was lost, and a commit will say so to those who
	 * must act. Not "more", or the caller would spin. */
	if (err == ACTA_EFULL)
		return ACTA_OK;
	if (err != ACTA_OK)
		return ACTA_EUNSURE;
	*out_more =
	    to_merge(store) || to_trim(store) || idle_long(store, now_ms);
	if (!to_merge(store))
		acta_generation_reset(store->frozen, false);
	if (acta_generation_empty(store->active))
		acta_generation_reset(store->active, false);
	return ACTA_OK;
}

void
acta_store_info(const struct acta_store *store, struct acta_store_info *out)
{
	*out = (struct acta_store_info){
		.used_bytes = store->env_info.used_bytes,
		.quota = store->quota,
		.map_size = store->env_info.map_size,
		.file_bytes = store->env_info.file_bytes,
		.free_pages = store->env_info.free_pages,
		.journal_first = store->journal_first,
		.journal_last = store->journaled ? store->turn : 0,
		.replay_from = store->replay_from,
		.keep_from = store->keep_from,
		.journal_bytes = store->env_info.journal_bytes,
		.entries_active = store->active->rows.count,
		.entries_frozen = store->frozen->rows.count,
		.memory = memory(store),
		.rows_merged = store->rows_merged,
		.slice_rows_max = store->slice_rows_max,
		.slice_bytes_max = store->slice_bytes_max,
	};
}

bool
acta_store_intake_stopped(const struct acta_store *store)
{
	return store->env_info.used_bytes > percent(store, INTAKE_PERCENT);
}
