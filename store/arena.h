/*
 * store/arena.h - memory that is given back all at once: bump allocation in
 * chunks, which a reset keeps, so that a warm arena never calls malloc. Out of
 * memory aborts: who fills an arena has bounded what goes in.
 */
#ifndef ACTA_ARENA_H
#define ACTA_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct acta_chunk;

struct acta_arena {
	struct acta_chunk *head, *at; /* filled up to and with `at` */
	size_t held;                  /* bytes of all chunks */
};

void *acta_arena_alloc(struct acta_arena *arena, size_t size); /* by 8 */
/* Keep chunks up to `keep` bytes for what comes next, free the rest. */
void acta_arena_reset(struct acta_arena *arena, size_t keep);
void acta_arena_fini(struct acta_arena *arena);

/* calloc and realloc that abort. */
void *acta_zalloc(size_t count, size_t size);
void *acta_resize(void *old, size_t count, size_t size);

#endif /* ACTA_ARENA_H */
