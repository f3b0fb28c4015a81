/* runtime/root/blame.c - see blame.h. */
#include "runtime/root/blame.h"

#include <assert.h>
#include <string.h>

bool
acta_blame_is_none(const uint8_t uid[16])
{
	static const uint8_t none[16];

	return memcmp(uid, none, sizeof(none)) == 0;
}

uint32_t
acta_blame_count(struct acta_blame *blame, const uint8_t uid[16])
{
	struct acta_blame_row row = { .crashes = 0 };
	uint32_t at = 0;

	assert(blame->count <= ACTA_BLAME_MAX);
	if (acta_blame_is_none(uid))
		return 0;
	while (at < blame->count && memcmp(blame->rows[at].uid, uid, 16) != 0)
		at++;
	if (at < blame->count) {
		row = blame->rows[at];
	} else {
		memcpy(row.uid, uid, sizeof(row.uid));
		if (blame->count < ACTA_BLAME_MAX)
			blame->count++;
		else
			at = 0; /* the oldest makes room */
	}
	if (row.crashes < UINT32_MAX)
		row.crashes++;
	/* Out of its place, or out of the oldest's, and in again as the last. */
	memmove(&blame->rows[at], &blame->rows[at + 1],
	    (blame->count - 1 - at) * sizeof(row));
	blame->rows[blame->count - 1] = row;
	return row.crashes;
}
