/* store/writeset.c - see writeset.h. */
#include "store/writeset.h"
#include "store/journal.h"

#include <stdlib.h>

#define KEEP_BYTES (256u << 10) /* of a turn's memory, for the next one */

/* How it was before: of an entry, or of a mark. */
struct acta_writeset_undo {
	struct acta_entry *entry;
	struct acta_mark *mark;
	const uint8_t *value;
	uint64_t first, last; /* stamps; an entry has only `last` */
	uint32_t size;
	uint8_t kind;
};

void
acta_writeset_init(struct acta_writeset *ws)
{
	*ws = (struct acta_writeset){ 0 };
	acta_rowmap_init(&ws->rows, 0);
	acta_buf_init(&ws->notes);
}

void
acta_writeset_fini(struct acta_writeset *ws)
{
	acta_rowmap_fini(&ws->rows);
	acta_index_fini(&ws->index);
	acta_buf_fini(&ws->notes);
	free(ws->entries);
	free(ws->undo);
}

void
acta_writeset_reset(struct acta_writeset *ws)
{
	acta_rowmap_reset(&ws->rows, KEEP_BYTES);
	acta_index_reset(&ws->index, KEEP_BYTES);
	acta_buf_reset(&ws->notes);
	ws->live = ws->marks_live = ws->undo_count = ws->indexed = 0;
	ws->stamp = ws->bytes = 0;
}

static struct acta_writeset_undo *
undo_push(struct acta_writeset *ws)
{
	if (ws->undo_count == ws->undo_room) {
		ws->undo_room = ws->undo_room ? 2 * ws->undo_room : 64;
		ws->undo =
		    acta_resize(ws->undo, ws->undo_room, sizeof(*ws->undo));
	}
	return &ws->undo[ws->undo_count++];
}

/* What a row adds to the record. */
static uint64_t
weight(const struct acta_entry *entry)
{
	return entry->kind == ACTA_ROW_NONE
	    ? 0
	    : acta_journal_row_size(entry->key_size, entry->size);
}

static void
change(struct acta_writeset *ws, struct acta_entry *entry,
    enum acta_row_kind kind, const uint8_t *value, uint32_t size,
    uint64_t stamp)
{
	ws->bytes -= weight(entry);
	ws->live -= entry->kind != ACTA_ROW_NONE;
	entry->kind = (uint8_t)kind;
	entry->value = value;
	entry->size = size;
	entry->stamp = stamp;
	ws->bytes += weight(entry);
	ws->live += kind != ACTA_ROW_NONE;
}

static void
list(struct acta_writeset *ws, struct acta_entry *entry)
{
	size_t at = ws->rows.count - 1;

	if (at == ws->entry_room) {
		ws->entry_room = ws->entry_room ? 2 * ws->entry_room : 64;
		ws->entries = acta_resize(
		    ws->entries, ws->entry_room, sizeof(*ws->entries));
	}
	ws->entries[at] = entry;
}

void
acta_writeset_set(struct acta_writeset *ws, const struct acta_rowkey *key,
    enum acta_row_kind kind, const void *value, size_t size)
{
	struct acta_entry *entry;
	uint8_t *copy = NULL;
	bool is_new;

	entry = acta_rowmap_add(&ws->rows, key, &is_new);
	if (is_new)
		list(ws, entry);
	*undo_push(ws) = (struct acta_writeset_undo){ .entry = entry,
		.value = entry->value,
		.size = entry->size,
		.kind = entry->kind,
		.last = entry->stamp };
	if (size > 0) {
		copy = acta_arena_alloc(&ws->rows.arena, size);
		memcpy(copy, value, size);
	}
	change(ws, entry, kind, copy, (uint32_t)size, ++ws->stamp);
}

void
acta_writeset_mark(struct acta_writeset *ws, const struct acta_rowkey *prefix)
{
	struct acta_mark *mark = acta_rowmap_mark(&ws->rows, prefix);

	*undo_push(ws) = (struct acta_writeset_undo){
		.mark = mark, .first = mark->first, .last = mark->last
	};
	mark->last = ++ws->stamp;
	if (mark->first == 0) {
		mark->first = mark->last;
		ws->marks_live++;
		ws->bytes += acta_journal_row_size(mark->size, 0);
	}
}

static void
undo_one(struct acta_writeset *ws, const struct acta_writeset_undo *undo)
{
	if (undo->entry != NULL) {
		change(ws, undo->entry, undo->kind, undo->value, undo->size,
		    undo->last);
		return;
	}
	undo->mark->first = undo->first;
	undo->mark->last = undo->last;
	if (undo->first == 0) {
		ws->marks_live--;
		ws->bytes -= acta_journal_row_size(undo->mark->size, 0);
	}
}

void
acta_writeset_undo(struct acta_writeset *ws, size_t undo, size_t notes)
{
	assert(undo <= ws->undo_count);
	assert(notes <= ws->notes.size);
	while (ws->undo_count > undo)
		undo_one(ws, &ws->undo[--ws->undo_count]);
	ws->notes.size = notes;
	/* Stamps go on: an open scan may tell time by them. */
}

bool
acta_writeset_dirty(const struct acta_writeset *ws)
{
	return ws->live > 0 || ws->marks_live > 0 || ws->notes.size > 0;
}

struct acta_index *
acta_writeset_index(struct acta_writeset *ws)
{
	while (ws->indexed < ws->rows.count)
		acta_index_insert(&ws->index, ws->entries[ws->indexed++]);
	return &ws->index;
}
