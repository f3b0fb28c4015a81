/* runtime/host/scratch.h - copies into the turn's arena (store/arena.h). */
#ifndef ACTA_HOST_SCRATCH_H
#define ACTA_HOST_SCRATCH_H

#include <string.h>

#include "store/arena.h"

#define ACTA_SCRATCH_KEEP (4u << 20) /* bytes a turn leaves warm for the next */

static inline void *
acta_arena_copy(struct acta_arena *arena, const void *data, size_t size)
{
	void *p = acta_arena_alloc(arena, size ? size : 1);

	if (size > 0)
		memcpy(p, data, size);
	return p;
}

/* A NUL-ended copy. */
static inline char *
acta_arena_text(struct acta_arena *arena, const char *data, size_t size)
{
	char *p = acta_arena_alloc(arena, size + 1);

	if (size > 0)
		memcpy(p, data, size);
	p[size] = '\0';
	return p;
}

#endif /* ACTA_HOST_SCRATCH_H */
