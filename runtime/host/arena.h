/*
 * runtime/host/arena.h - memory of one turn: bump allocation, all of it given
 * back at once. Chunks are kept, so a warm arena never calls malloc.
 */
#ifndef ACTA_ARENA_H
#define ACTA_ARENA_H

#include <stddef.h>

#define ACTA_ARENA_CHUNK (256u << 10)

struct acta_chunk;
struct acta_arena {
	struct acta_chunk *first, *at;
};

void acta_arena_init(struct acta_arena *arena);
void acta_arena_fini(struct acta_arena *arena);
/* Aligned for any type; never NULL (out of memory aborts). */
void *acta_arena_alloc(struct acta_arena *arena, size_t size);
void *acta_arena_copy(struct acta_arena *arena, const void *data, size_t size);
/* A NUL-ended copy. */
char *acta_arena_text(struct acta_arena *arena, const char *data, size_t size);
void acta_arena_reset(struct acta_arena *arena);

#endif /* ACTA_ARENA_H */
