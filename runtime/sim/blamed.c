/* runtime/sim/blamed.c - see blamed.h. */
#include "runtime/sim/blamed.h"

#include <stdlib.h>

#include "runtime/root/blame.h"

struct acta_blamed {
	struct acta_blame blame;
};

struct acta_blamed *
acta_blamed_new(void)
{
	struct acta_blamed *b = calloc(1, sizeof(*b));

	if (b == NULL)
		abort();
	return b;
}

void
acta_blamed_free(struct acta_blamed **blamed)
{
	free(*blamed);
	*blamed = NULL;
}

void
acta_blamed_count(struct acta_blamed *b, const uint8_t uid[16])
{
	(void)acta_blame_count(&b->blame, uid); /* the count is asked later */
}

bool
acta_blamed_row(const struct acta_blamed *b, uint32_t i,
    const uint8_t **out_uid, uint32_t *out_crashes)
{
	if (i >= b->blame.count)
		return false;
	*out_uid = b->blame.rows[i].uid;
	*out_crashes = b->blame.rows[i].crashes;
	return true;
}
