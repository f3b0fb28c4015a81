/*
 * store/scan.c - rows of one table in key order, as of the scan's opening: the
 * write-set's over the active generation's over the frozen one's over the
 * tree's. Of the write-set the rows are noted at the opening; the layers below
 * do not change within a turn.
 */
#include "store/internal.h"

#include <stdlib.h>

enum { LAYERS = 4, WRITES = 0, ACTIVE = 1, FROZEN = 2, TREE = 3 };

struct noted { /* a row of the write-set, as it was */
	const struct acta_entry *entry;
	const uint8_t *value;
	uint32_t size;
	uint8_t kind;
};

struct head {               /* the next row of a layer */
	const uint8_t *key; /* without the table; NULL at the end */
	size_t key_size;
	const void *value;
	size_t size;
	uint8_t kind;
};

struct acta_scan {
	struct acta_store *store;
	bool open;
	enum acta_err err;
	uint64_t as_of; /* of the write-set's stamps */
	struct acta_rowkey prefix;
	struct noted *noted;
	size_t noted_count, noted_room, noted_at;
	struct acta_index_at at[2]; /* in active and frozen */
	struct acta_env_cursor *cursor;
	struct head heads[LAYERS];
};

static bool
in_prefix(const struct acta_scan *scan, const uint8_t *key, size_t size)
{
	size_t want = scan->prefix.size - 1u;

	return size >= want && memcmp(key, scan->prefix.bytes + 1, want) == 0;
}

/* The entry belongs to the scan; `key` with the table. */
static bool
entry_in(const struct acta_scan *scan, const struct acta_entry *entry)
{
	return entry != NULL && entry->key_size >= scan->prefix.size &&
	    memcmp(entry->key, scan->prefix.bytes, scan->prefix.size) == 0;
}

/* ------------------------------------------------------------- opening -- */

static void
note_one(struct acta_scan *scan, const struct acta_entry *entry)
{
	if (scan->noted_count == scan->noted_room) {
		scan->noted_room = scan->noted_room ? 2 * scan->noted_room : 16;
		scan->noted = acta_resize(
		    scan->noted, scan->noted_room, sizeof(*scan->noted));
	}
	scan->noted[scan->noted_count++] = (struct noted){ .entry = entry,
		.value = entry->value,
		.size = entry->size,
		.kind = entry->kind };
}

static void
note_writes(struct acta_scan *scan, const struct acta_rowkey *from)
{
	struct acta_writeset *ws = &scan->store->ws;
	struct acta_index *index;
	struct acta_index_at at;
	struct acta_entry *entry;

	scan->noted_count = scan->noted_at = 0;
	if (ws->live == 0)
		return;
	index = acta_writeset_index(ws);
	at = acta_index_seek(index, from->bytes, from->size);
	while (entry_in(scan, entry = acta_index_get(index, at))) {
		if (entry->kind != ACTA_ROW_NONE &&
		    !acta_rowmap_dead(&ws->rows, entry))
			note_one(scan, entry);
		acta_index_step(index, &at);
	}
}

static void
head_of_entry(struct head *head, const struct acta_entry *entry)
{
	*head = (struct head){ .key = entry->key + 1,
		.key_size = entry->key_size - 1u,
		.value = entry->value,
		.size = entry->size,
		.kind = entry->kind };
}

static void
load_writes(struct acta_scan *scan)
{
	struct head *head = &scan->heads[WRITES];
	const struct noted *noted;

	head->key = NULL;
	if (scan->noted_at == scan->noted_count)
		return;
	noted = &scan->noted[scan->noted_at++];
	head_of_entry(head, noted->entry);
	head->value = noted->value;
	head->size = noted->size;
	head->kind = noted->kind;
}

static struct acta_generation *
generation(const struct acta_scan *scan, int layer)
{
	return layer == ACTIVE ? scan->store->active : scan->store->frozen;
}

static void
load_generation(struct acta_scan *scan, int layer)
{
	struct acta_generation *gen = generation(scan, layer);
	const struct acta_entry *entry =
	    acta_index_get(&gen->index, scan->at[layer - ACTIVE]);

	scan->heads[layer].key = NULL;
	if (!entry_in(scan, entry))
		return;
	head_of_entry(&scan->heads[layer], entry);
	/* Hidden by its own generation's mark: so is all below it. */
	if (acta_rowmap_dead(&gen->rows, entry))
		scan->heads[layer].kind = ACTA_ROW_DELETE;
	acta_index_step(&gen->index, &scan->at[layer - ACTIVE]);
}

static void
load_tree(struct acta_scan *scan, enum acta_err err, const struct acta_row *row)
{
	struct head *head = &scan->heads[TREE];

	head->key = NULL;
	if (err == ACTA_OK && in_prefix(scan, row->key, row->key_size))
		*head = (struct head){ .key = row->key,
			.key_size = row->key_size,
			.value = row->value,
			.size = row->value_size,
			.kind = ACTA_ROW_PUT };
	else if (err != ACTA_OK && err != ACTA_ENOENT)
		scan->err = err;
}

static void
seek_tree(struct acta_scan *scan, const uint8_t *key, size_t size)
{
	struct acta_row row;

	load_tree(scan,
	    scan->store->env->ops->cursor_seek(scan->cursor, key, size, &row),
	    &row);
}

static void
next_tree(struct acta_scan *scan)
{
	struct acta_row row;

	load_tree(
	    scan, scan->store->env->ops->cursor_next(scan->cursor, &row), &row);
}

static void
open_tree(struct acta_scan *scan, const struct acta_rowkey *from)
{
	struct acta_store *store = scan->store;
	struct acta_env_txn *txn;

	scan->heads[TREE].key = NULL;
	scan->err = acta_store_reading(store, &txn);
	if (scan->err == ACTA_OK)
		scan->err = store->env->ops->cursor_open(
		    txn, from->bytes[0], &scan->cursor);
	if (scan->err == ACTA_OK)
		seek_tree(scan, from->bytes + 1, from->size - 1u);
}

static struct acta_scan *
unused(struct acta_store *store)
{
	size_t i;

	for (i = 0; i < ACTA_STORE_SCANS_MAX; i++) {
		if (store->scans[i] == NULL)
			store->scans[i] =
			    acta_zalloc(1, sizeof(*store->scans[i]));
		if (!store->scans[i]->open)
			return store->scans[i];
	}
	assert(i < ACTA_STORE_SCANS_MAX); /* the caller counts its scans */
	return NULL;
}

struct acta_scan *
acta_scan_open_at(struct acta_store *store, enum acta_table table,
    const void *prefix, size_t prefix_size, const void *from, size_t from_size)
{
	struct acta_scan *scan = unused(store);
	uint8_t start[ACTA_STORE_KEY_MAX];
	struct acta_rowkey key;
	int layer;

	assert(prefix_size + from_size <= ACTA_STORE_KEY_MAX);
	if (prefix_size > 0)
		memcpy(start, prefix, prefix_size);
	if (from_size > 0)
		memcpy(start + prefix_size, from, from_size);
	acta_rowkey_init(&key, table, start, prefix_size + from_size);
	acta_rowkey_init(&scan->prefix, table, prefix, prefix_size);
	scan->store = store;
	scan->open = true;
	scan->cursor = NULL;
	scan->as_of = store->ws.stamp;
	note_writes(scan, &key);
	load_writes(scan);
	for (layer = ACTIVE; layer <= FROZEN; layer++) {
		scan->at[layer - ACTIVE] = acta_index_seek(
		    &generation(scan, layer)->index, key.bytes, key.size);
		load_generation(scan, layer);
	}
	open_tree(scan, &key);
	return scan;
}

struct acta_scan *
acta_scan_open(struct acta_store *store, enum acta_table table,
    const void *prefix, size_t prefix_size)
{
	return acta_scan_open_at(store, table, prefix, prefix_size, NULL, 0);
}

/* -------------------------------------------------------------- merging -- */

/* The layer with the least key; of equals the uppermost. -1: at the end. */
static int
least(const struct acta_scan *scan)
{
	int layer, best = -1;

	for (layer = 0; layer < LAYERS; layer++) {
		const struct head *head = &scan->heads[layer];

		if (head->key == NULL)
			continue;
		if (best < 0 ||
		    acta_bytes_compare(head->key, head->key_size,
			scan->heads[best].key, scan->heads[best].key_size) < 0)
			best = layer;
	}
	return best;
}

/* A mark of a layer above that hides the row. */
static const struct acta_mark *
hidden(const struct acta_scan *scan, int layer, const struct head *head)
{
	const struct acta_store *store = scan->store;
	uint8_t key[ACTA_ROWKEY_MAX];
	const struct acta_mark *mark = NULL;

	if (store->ws.rows.mark_count + store->active->rows.mark_count +
		store->frozen->rows.mark_count ==
	    0)
		return NULL;
	key[0] = scan->prefix.bytes[0];
	memcpy(key + 1, head->key, head->key_size);
	if (layer > WRITES)
		mark = acta_rowmap_hides(
		    &store->ws.rows, key, head->key_size + 1, scan->as_of);
	if (mark == NULL && layer > ACTIVE)
		mark = acta_rowmap_hides(
		    &store->active->rows, key, head->key_size + 1, UINT64_MAX);
	if (mark == NULL && layer > FROZEN)
		mark = acta_rowmap_hides(
		    &store->frozen->rows, key, head->key_size + 1, UINT64_MAX);
	return mark;
}

static void
step(struct acta_scan *scan, int layer)
{
	if (layer == WRITES)
		load_writes(scan);
	else if (layer == TREE)
		next_tree(scan);
	else
		load_generation(scan, layer);
}

/* Go behind all rows of a deleted prefix, which may be many. */
static void
skip_prefix(struct acta_scan *scan, const struct acta_mark *mark)
{
	uint8_t after[ACTA_ROWKEY_MAX];
	size_t size = mark->size;

	memcpy(after, mark->prefix, size);
	while (size > 1 && after[size - 1] == 0xff)
		size--;
	if (size <= 1) {
		scan->heads[TREE].key = NULL; /* nothing comes behind */
		return;
	}
	after[size - 1]++;
	seek_tree(scan, after + 1, size - 1);
}

/* The key is done: every layer that stands on it goes on. */
static void
step_all(struct acta_scan *scan, const struct head *done, int from)
{
	int layer;

	for (layer = from; layer < LAYERS; layer++) {
		const struct head *head = &scan->heads[layer];

		if (head->key != NULL &&
		    acta_bytes_compare(head->key, head->key_size, done->key,
			done->key_size) == 0)
			step(scan, layer);
	}
}

static bool
row_out(struct acta_scan *scan, int layer, const struct head *head,
    struct acta_row *out)
{
	uint8_t key[ACTA_ROWKEY_MAX];
	size_t size = head->size;

	if (layer == TREE) {
		key[0] = scan->prefix.bytes[0];
		memcpy(key + 1, head->key, head->key_size);
		scan->err =
		    acta_row_check(key, head->key_size + 1, head->value, &size);
		if (scan->err != ACTA_OK)
			return false;
	}
	*out = (struct acta_row){ .key = head->key,
		.value = head->value ? head->value : "",
		.key_size = head->key_size,
		.value_size = size };
	return true;
}

bool
acta_scan_next(struct acta_scan *scan, struct acta_row *out)
{
	int layer;

	assert(scan->open);
	while (scan->err == ACTA_OK && (layer = least(scan)) >= 0) {
		struct head head = scan->heads[layer];
		const struct acta_mark *mark = hidden(scan, layer, &head);

		if (mark != NULL && layer == TREE) {
			skip_prefix(scan, mark);
			continue;
		}
		step_all(scan, &head, layer);
		if (mark == NULL && head.kind == ACTA_ROW_PUT)
			return row_out(scan, layer, &head, out);
	}
	return false;
}

/* -------------------------------------------------------------- closing -- */

enum acta_err
acta_scan_close(struct acta_scan **scan)
{
	struct acta_scan *self = *scan;

	*scan = NULL;
	if (self == NULL)
		return ACTA_OK;
	if (self->cursor)
		self->store->env->ops->cursor_close(self->cursor);
	self->cursor = NULL;
	self->open = false;
	return self->err;
}

void
acta_scans_end(struct acta_store *store)
{
	size_t i;

	for (i = 0; i < ACTA_STORE_SCANS_MAX && store->scans[i]; i++) {
		struct acta_scan *scan = store->scans[i];

		if (scan->open)
			(void)acta_scan_close(&scan); /* its error is moot */
	}
}

void
acta_scans_free(struct acta_store *store)
{
	size_t i;

	for (i = 0; i < ACTA_STORE_SCANS_MAX && store->scans[i]; i++) {
		free(store->scans[i]->noted);
		free(store->scans[i]);
	}
}
