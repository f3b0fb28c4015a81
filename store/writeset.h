/*
 * store/writeset.h - what a turn wants to change, last write wins, with an
 * undo log for savepoints. Values are copied into the turn's arena and stay
 * there until the reset, also when overwritten or undone: a get or a scan may
 * still hold them.
 */
#ifndef ACTA_WRITESET_H
#define ACTA_WRITESET_H

#include "codecs/buf.h"
#include "store/index.h"

struct acta_writeset {
	struct acta_rowmap rows;
	struct acta_entry **entries; /* in the order of their first write */
	size_t entry_room, live;     /* live: kind is not NONE */
	size_t marks_live;
	struct acta_writeset_undo *undo;
	size_t undo_count, undo_room;
	struct acta_index index; /* made by the first scan of a turn */
	size_t indexed;          /* of entries */
	struct acta_buf notes;
	uint64_t stamp;
	uint64_t bytes; /* of live rows, as in the record */
};

void acta_writeset_init(struct acta_writeset *ws);
void acta_writeset_fini(struct acta_writeset *ws);
void acta_writeset_reset(struct acta_writeset *ws);

/* kind PUT or DELETE. */
void acta_writeset_set(struct acta_writeset *ws, const struct acta_rowkey *key,
    enum acta_row_kind kind, const void *value, size_t size);
void acta_writeset_mark(
    struct acta_writeset *ws, const struct acta_rowkey *prefix);
void acta_writeset_undo(struct acta_writeset *ws, size_t undo, size_t notes);
bool acta_writeset_dirty(const struct acta_writeset *ws);

/* The index over all entries so far. */
struct acta_index *acta_writeset_index(struct acta_writeset *ws);

#endif /* ACTA_WRITESET_H */
