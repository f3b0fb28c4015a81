/* runtime/host/due.c - rows by time: timers, time-outs of asks, tokens. */
#include "runtime/host/turn.h"

#include <string.h>

static size_t
due_key(uint8_t *out, int64_t due_ms, char kind, const void *rest, size_t size)
{
	acta_be64(out, (uint64_t)(due_ms < 0 ? 0 : due_ms));
	out[8] = (uint8_t)kind;
	memcpy(out + 9, rest, size);
	return 9 + size;
}

void
acta_part_due_put(struct acta_part *part, int64_t due_ms, char kind,
    const void *rest, size_t size, const void *value, size_t value_size)
{
	uint8_t key[ACTA_STORE_KEY_MAX];
	size_t n = due_key(key, due_ms, kind, rest, size);

	acta_store_put(part->store, ACTA_T_DUE, key, n, value, value_size);
	if (due_ms < part->next_due_ms)
		part->next_due_ms = due_ms;
}

void
acta_part_due_delete(struct acta_part *part, int64_t due_ms, char kind,
    const void *rest, size_t size)
{
	uint8_t key[ACTA_STORE_KEY_MAX];
	size_t n = due_key(key, due_ms, kind, rest, size);

	acta_store_delete(part->store, ACTA_T_DUE, key, n);
}

/* The first due row; its key in `out` (*out_size 0: there is none). */
enum acta_err
acta_due_first(struct acta_part *part, uint8_t *out, size_t *out_size)
{
	uint8_t from[8];
	struct acta_scan *scan;
	struct acta_row row;
	uint64_t at = 0;

	/* Not through the graves of all that was due before. */
	acta_be64(from, (uint64_t)part->next_due_ms);
	scan = acta_scan_open_at(
	    part->store, ACTA_T_DUE, "", 0, from, sizeof(from));

	*out_size = 0;
	if (acta_scan_next(scan, &row) && row.key_size >= 9) {
		memcpy(out, row.key, row.key_size);
		*out_size = row.key_size;
	}
	part->next_due_ms = INT64_MAX;
	if (*out_size > 0) {
		for (int i = 0; i < 8; i++)
			at = at << 8 | out[i];
		part->next_due_ms = (int64_t)at;
	}
	return acta_scan_close(&scan);
}
