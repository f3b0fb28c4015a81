/* store/checkpoint.c - see checkpoint.h. */
#include "store/checkpoint.h"
#include "store/journal.h"

#include <endian.h>

void
acta_checkpoint_begin(
    struct acta_checkpoint *cp, const struct acta_generation *frozen)
{
	*cp = (struct acta_checkpoint){ .mark = frozen->rows.marks };
}

static uint64_t
clamp(uint64_t n, uint64_t low, uint64_t high)
{
	return n < low ? low : n > high ? high : n;
}

/* Of `whole`, the part that should be merged by now: a quarter ahead of how
 * full the active generation is. */
static uint64_t
due(uint64_t whole, uint64_t active_fill, uint64_t done)
{
	uint64_t want = whole * active_fill / 1024 * 5 / 4;

	return want > done ? want - done : 0;
}

struct acta_slice
acta_checkpoint_budget(const struct acta_checkpoint *cp,
    const struct acta_generation *frozen, uint64_t active_fill, bool over)
{
	uint64_t growth =
	    over ? 4 * ACTA_STORE_SLICE_GROWTH : ACTA_STORE_SLICE_GROWTH;
	uint64_t rows_most = ACTA_STORE_SLICE_ROWS * growth;
	uint64_t bytes_most = ACTA_STORE_SLICE_BYTES * growth;
	uint64_t rows, bytes;

	if (over) {
		rows = rows_most;
		bytes = bytes_most;
	} else if (cp->mark != NULL) {
		/* How many rows a prefix has nobody knows. */
		rows = rows_most * active_fill / 1024;
		bytes = bytes_most * active_fill / 1024;
	} else {
		rows = due(frozen->rows.count, active_fill, cp->rows);
		bytes = due(frozen->row_bytes, active_fill, cp->bytes);
	}
	return (struct acta_slice){
		.rows_max = clamp(rows, ACTA_STORE_SLICE_ROWS, rows_most),
		.bytes_max = clamp(bytes, ACTA_STORE_SLICE_BYTES, bytes_most),
	};
}

static bool
spent(const struct acta_slice *slice)
{
	return slice->rows >= slice->rows_max ||
	    slice->bytes >= slice->bytes_max;
}

static uint64_t
row_sum(const uint8_t *key, size_t key_size, const void *value, size_t size)
{
	uint64_t seed = acta_hash64(key, key_size);

	return htole64(acta_hash64_seeded(value, size, seed));
}

enum acta_err
acta_row_check(
    const uint8_t *key, size_t key_size, const void *value, size_t *size)
{
	uint64_t sum;

	if (*size < ACTA_ROW_CHECK)
		return ACTA_ECORRUPT;
	*size -= ACTA_ROW_CHECK;
	memcpy(&sum, (const uint8_t *)value + *size, sizeof(sum));
	return sum == row_sum(key, key_size, value, *size) ? ACTA_OK
							   : ACTA_ECORRUPT;
}

enum acta_err
acta_row_write(struct acta_env *env, struct acta_env_txn *txn,
    const uint8_t *key, size_t key_size, const void *value, size_t size)
{
	uint64_t sum = row_sum(key, key_size, value, size);
	void *room;
	enum acta_err err = env->ops->put(
	    txn, key[0], key + 1, key_size - 1, size + ACTA_ROW_CHECK, &room);

	if (err != ACTA_OK)
		return err;
	if (size > 0)
		memcpy(room, value, size);
	memcpy((uint8_t *)room + size, &sum, sizeof(sum));
	return ACTA_OK;
}

/* --------------------------------------------------------------- marks -- */

static bool
has_prefix(const struct acta_row *row, const struct acta_mark *mark)
{
	return row->key_size >= mark->size - 1u &&
	    memcmp(row->key, mark->prefix + 1, mark->size - 1u) == 0;
}

static enum acta_err
delete_rows(struct acta_env *env, struct acta_env_cursor *cursor,
    const struct acta_mark *mark, struct acta_slice *slice)
{
	struct acta_row row;
	enum acta_err err = env->ops->cursor_seek(
	    cursor, mark->prefix + 1, mark->size - 1u, &row);

	while (err == ACTA_OK && has_prefix(&row, mark) && !spent(slice)) {
		slice->rows++;
		slice->bytes += row.key_size + row.value_size;
		err = env->ops->cursor_del(cursor);
		if (err == ACTA_OK)
			err = env->ops->cursor_next(cursor, &row);
	}
	if (err == ACTA_OK && has_prefix(&row, mark))
		return ACTA_EAGAIN; /* the slice ended first */
	return err == ACTA_ENOENT ? ACTA_OK : err;
}

static enum acta_err
merge_mark(struct acta_checkpoint *cp, struct acta_env *env,
    struct acta_env_txn *txn, struct acta_slice *slice)
{
	struct acta_env_cursor *cursor;
	enum acta_err err =
	    env->ops->cursor_open(txn, cp->mark->prefix[0], &cursor);

	if (err != ACTA_OK)
		return err;
	err = delete_rows(env, cursor, cp->mark, slice);
	env->ops->cursor_close(cursor);
	if (err == ACTA_OK) {
		slice->rows++; /* a mark without rows is work too */
		cp->mark = cp->mark->next;
	}
	return err;
}

/* ---------------------------------------------------------------- rows -- */

static enum acta_err
merge_row(struct acta_env *env, struct acta_env_txn *txn,
    const struct acta_generation *frozen, const struct acta_entry *entry)
{
	enum acta_err err;

	if (acta_rowmap_dead(&frozen->rows, entry))
		return ACTA_OK; /* its mark took it */
	if (entry->kind == ACTA_ROW_PUT)
		return acta_row_write(env, txn, entry->key, entry->key_size,
		    entry->value, entry->size);
	err = env->ops->del(
	    txn, entry->key[0], entry->key + 1, entry->key_size - 1u);
	return err == ACTA_ENOENT ? ACTA_OK : err;
}

enum acta_err
acta_checkpoint_merge(struct acta_checkpoint *cp, struct acta_env *env,
    struct acta_env_txn *txn, struct acta_generation *frozen,
    struct acta_slice *slice)
{
	const struct acta_entry *entry;
	enum acta_err err;

	while (cp->mark != NULL && !spent(slice)) {
		err = merge_mark(cp, env, txn, slice);
		if (err != ACTA_OK)
			return err == ACTA_EAGAIN ? ACTA_OK : err;
	}
	while (!spent(slice)) {
		entry = acta_index_get(&frozen->index, cp->at);
		if (entry == NULL)
			break;
		err = merge_row(env, txn, frozen, entry);
		if (err != ACTA_OK)
			return err;
		acta_index_step(&frozen->index, &cp->at);
		slice->rows++;
		slice->bytes += entry->key_size + entry->size;
		cp->rows++;
		cp->bytes += entry->key_size + entry->size;
	}
	cp->done =
	    cp->mark == NULL && acta_index_get(&frozen->index, cp->at) == NULL;
	return ACTA_OK;
}

/* ---------------------------------------------------------------- trim -- */

static enum acta_err
trim_rows(struct acta_env *env, struct acta_env_cursor *cursor, uint64_t keep,
    uint64_t rows_max, uint64_t *out_first)
{
	struct acta_row row;
	uint64_t turn;
	uint32_t part;
	enum acta_err err = env->ops->cursor_seek(cursor, NULL, 0, &row);

	for (; err == ACTA_OK; rows_max--) {
		if (!acta_journal_key_decode(
			row.key, row.key_size, &turn, &part))
			return ACTA_ECORRUPT;
		*out_first = turn;
		if (turn >= keep || rows_max == 0)
			return ACTA_OK;
		err = env->ops->cursor_del(cursor);
		if (err == ACTA_OK)
			err = env->ops->cursor_next(cursor, &row);
	}
	*out_first = keep;
	return err == ACTA_ENOENT ? ACTA_OK : err;
}

enum acta_err
acta_checkpoint_trim(struct acta_env *env, struct acta_env_txn *txn,
    uint64_t keep, uint64_t rows_max, uint64_t *out_first)
{
	struct acta_env_cursor *cursor;
	enum acta_err err =
	    env->ops->cursor_open(txn, ACTA_MAP_JOURNAL, &cursor);

	if (err != ACTA_OK)
		return err;
	err = trim_rows(env, cursor, keep, rows_max, out_first);
	env->ops->cursor_close(cursor);
	return err;
}
