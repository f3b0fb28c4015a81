/* runtime/host/outbox.c - see outbox.h. */
#include "runtime/host/outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/reader.h"
#include "runtime/host/turn.h"

static size_t
row_key(uint8_t *out, const struct acta_out *o, uint64_t first)
{
	size_t n = strlen(o->service);

	out[0] = (uint8_t)n;
	memcpy(out + 1, o->service, n);
	out[1 + n] = (uint8_t)(o->part >> 8);
	out[2 + n] = (uint8_t)o->part;
	acta_be64(out + 3 + n, first);
	return 11 + n;
}

void
acta_outbox_init(struct acta_outbox *box, uint64_t next)
{
	*box = (struct acta_outbox){ .known = next };
	acta_buf_init(&box->open);
}

static void
drop_data(struct acta_part *part, struct acta_outbox_row *row)
{
	if (row->data != NULL)
		part->out_cached -= row->size;
	free(row->data);
	row->data = NULL;
}

void
acta_outbox_fini(struct acta_part *part, struct acta_outbox *box)
{
	for (uint32_t i = box->at; i < box->end; i++)
		drop_data(part, &box->rows[i]);
	free(box->rows);
	acta_buf_fini(&box->open);
}

/* ---------------------------------------------------------------- rows -- */

static struct acta_outbox_row *
push(struct acta_outbox *box, uint64_t first, size_t size)
{
	struct acta_outbox_row *row;

	if (box->end == box->room && box->at > box->room / 2) {
		memmove(box->rows, box->rows + box->at,
		    (box->end - box->at) * sizeof(*box->rows));
		box->end -= box->at;
		box->done -= box->at;
		box->at = 0;
	}
	if (box->end == box->room) {
		box->room = box->room ? 2 * box->room : 16;
		box->rows = realloc(box->rows, box->room * sizeof(*box->rows));
		if (box->rows == NULL)
			abort();
	}
	row = &box->rows[box->end++];
	*row =
	    (struct acta_outbox_row){ .first = first, .size = (uint32_t)size };
	return row;
}

static uint64_t
end_of(const struct acta_outbox *box, uint32_t i)
{
	return i + 1 < box->end ? box->rows[i + 1].first : box->known;
}

/* All rows there are, up to what is written. */
static uint64_t
written(const struct acta_out *o)
{
	return o->box.open.size > 0 ? o->box.open_first : o->next;
}

/* Some more of those that are on disk alone. */
static bool
load(struct acta_part *part, struct acta_out *o)
{
	struct acta_outbox *box = &o->box;
	uint8_t key[64], prefix[64];
	size_t n = row_key(key, o, box->known);
	struct acta_scan *scan;
	struct acta_row row;
	uint32_t count = 0;
	bool more = true, ok = true;

	memcpy(prefix, key, n - 8);
	scan = acta_scan_open_at(
	    part->store, ACTA_T_OUTBOX, prefix, n - 8, key + n - 8, 8);
	while (ok && (more = acta_scan_next(scan, &row))) {
		uint64_t first = 0;

		ok = row.key_size == n;
		for (int i = 0; ok && i < 8; i++)
			first =
			    first << 8 | ((const uint8_t *)row.key)[n - 8 + i];
		if (count++ == ACTA_OUTBOX_LOAD) { /* it ends the one before */
			box->known = first;
			break;
		}
		if (ok)
			push(box, first, row.value_size);
	}
	if (acta_scan_close(&scan) != ACTA_OK)
		part->failed = true;
	ok = ok && !part->failed;
	if (ok && !more)
		box->known = written(o);
	return ok;
}

/* The row that `seq` is in. */
static struct acta_outbox_row *
find(struct acta_part *part, struct acta_out *o, uint64_t seq, uint32_t *out_i)
{
	struct acta_outbox *box = &o->box;
	uint32_t low, high;

	while (seq >= box->known && box->known < written(o)) {
		uint64_t before = box->known;

		if (!load(part, o) || box->known == before)
			return NULL;
	}
	if (seq >= box->known || box->at == box->end ||
	    seq < box->rows[box->at].first)
		return NULL;
	low = box->at;
	high = box->end;
	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (box->rows[mid].first <= seq)
			low = mid;
		else
			high = mid;
	}
	*out_i = low;
	return &box->rows[low];
}

static const uint8_t *
data_of(struct acta_part *part, struct acta_out *o, struct acta_outbox_row *row)
{
	uint8_t key[64];
	size_t n = row_key(key, o, row->first), size;
	const void *value;

	if (row->data != NULL)
		return row->data;
	if (acta_part_get(part, ACTA_T_OUTBOX, key, n, &value, &size) !=
		ACTA_OK ||
	    size != row->size)
		return NULL;
	return value;
}

/* ------------------------------------------------------------- writing -- */

static void
close_row(struct acta_part *part, struct acta_out *o)
{
	struct acta_outbox *box = &o->box;
	struct acta_outbox_row *row;
	uint8_t key[64];
	size_t n = row_key(key, o, box->open_first), size = box->open.size;

	acta_store_put(
	    part->store, ACTA_T_OUTBOX, key, n, box->open.data, size);
	/* Behind rows that are on disk alone it is so, too. */
	if (box->known == box->open_first &&
	    box->end - box->at < ACTA_OUTBOX_ROWS_MAX) {
		row = push(box, box->open_first, size);
		row->hashed = true;
		row->chain = o->chain;
		if (part->out_cached + size <= ACTA_OUTBOX_MEMORY) {
			row->data = malloc(size);
			if (row->data == NULL)
				abort();
			memcpy(row->data, box->open.data, size);
			part->out_cached += size;
		}
		box->known = o->next;
	}
	acta_buf_reset(&box->open);
}

void
acta_outbox_append(
    struct acta_part *part, struct acta_out *o, const void *data, size_t size)
{
	struct acta_outbox *box = &o->box;

	if (box->open.size == 0)
		box->open_first = o->next;
	acta_buf_append(&box->open, data, size);
	o->chain = acta_chain_step(o->chain, o->next, data, size);
	o->next++;
	o->bytes += size;
	o->dirty = true;
	if (box->open.size >= ACTA_OUTBOX_ROW_BYTES)
		close_row(part, o);
}

void
acta_outbox_store(struct acta_part *part, struct acta_out *o)
{
	struct acta_outbox *box = &o->box;
	uint8_t key[64];

	if (box->open.size > 0)
		close_row(part, o);
	for (; box->at < box->done; box->at++) {
		size_t n = row_key(key, o, box->rows[box->at].first);

		acta_store_delete(part->store, ACTA_T_OUTBOX, key, n);
	}
	if (box->at == box->end)
		box->at = box->done = box->end = 0;
}

/* ------------------------------------------------------------- reading -- */

/* Past the messages before `seq`. */
static bool
skip_to(struct acta_reader *r, uint64_t first, uint64_t seq)
{
	size_t size = 1;

	for (; first < seq && size > 0; first++)
		(void)acta_read_raw(r, &size);
	return size > 0;
}

const uint8_t *
acta_outbox_read(struct acta_part *part, struct acta_out *o, uint64_t seq,
    size_t *out_size, uint64_t *out_end)
{
	uint32_t i = 0;
	struct acta_outbox_row *row = find(part, o, seq, &i);
	const uint8_t *data = row != NULL ? data_of(part, o, row) : NULL;
	struct acta_reader r;

	if (data == NULL)
		return NULL;
	r = acta_reader(data, row->size);
	if (!skip_to(&r, row->first, seq))
		return NULL;
	*out_size = (size_t)(r.end - r.at);
	*out_end = end_of(&o->box, i);
	return r.at;
}

/* Part of a row: each message is looked at. */
static bool
ack_within(struct acta_part *part, struct acta_out *o,
    struct acta_outbox_row *row, uint64_t to)
{
	const uint8_t *data = data_of(part, o, row), *message;
	struct acta_reader r;
	size_t size;

	if (data == NULL)
		return false;
	r = acta_reader(data, row->size);
	if (!skip_to(&r, row->first, o->acked))
		return false;
	for (; o->acked < to; o->acked++) {
		message = acta_read_raw(&r, &size);
		if (size == 0)
			return false;
		o->chain_acked =
		    acta_chain_step(o->chain_acked, o->acked, message, size);
		row->acked += (uint32_t)size;
		o->bytes -= size < o->bytes ? size : o->bytes;
	}
	return true;
}

bool
acta_outbox_chain(struct acta_part *part, struct acta_out *o, uint64_t next,
    struct acta_hash128 *out_chain)
{
	uint64_t at = o->acked;

	*out_chain = o->chain_acked;
	while (at < next) {
		uint32_t i = 0;
		struct acta_outbox_row *row = find(part, o, at, &i);
		struct acta_reader r;
		const uint8_t *data;
		uint64_t end;

		if (row == NULL)
			return false;
		end = end_of(&o->box, i);
		if (next >= end && row->hashed) {
			*out_chain = row->chain;
			at = end;
			continue;
		}
		data = data_of(part, o, row);
		if (data == NULL)
			return false;
		r = acta_reader(data, row->size);
		if (!skip_to(&r, row->first, at))
			return false;
		for (; at < next && at < end; at++) {
			size_t size;
			const uint8_t *message = acta_read_raw(&r, &size);

			if (size == 0)
				return false;
			*out_chain =
			    acta_chain_step(*out_chain, at, message, size);
		}
	}
	return true;
}

bool
acta_outbox_ack(struct acta_part *part, struct acta_out *o, uint64_t next)
{
	struct acta_outbox *box = &o->box;

	if (next > written(o))
		return next <= o->acked;
	while (o->acked < next) {
		uint32_t i = 0;
		struct acta_outbox_row *row = find(part, o, o->acked, &i);
		uint64_t end;

		if (row == NULL)
			return false;
		end = end_of(box, i);
		if (next >= end && row->hashed) {
			uint64_t left = row->size - row->acked;

			o->chain_acked = row->chain;
			o->bytes -= left < o->bytes ? left : o->bytes;
			o->acked = end;
		} else if (!ack_within(part, o, row, next < end ? next : end)) {
			return false;
		}
		if (o->acked < end)
			break;
		drop_data(part, row);
		box->done = i + 1;
	}
	return true;
}
