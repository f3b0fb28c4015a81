/* store/arena.c - see arena.h. */
#include "store/arena.h"

#include <assert.h>
#include <stdlib.h>

#define CHUNK_FIRST 4096u /* an idle service should stay small */
#define CHUNK_NEXT (128u << 10)

struct acta_chunk {
	struct acta_chunk *next;
	size_t room, used;
	_Alignas(8) uint8_t data[];
};

void *
acta_zalloc(size_t count, size_t size)
{
	void *p = calloc(count, size);

	assert(p != NULL);
	return p;
}

void *
acta_resize(void *old, size_t count, size_t size)
{
	void *p = reallocarray(old, count, size);

	assert(p != NULL);
	return p;
}

static struct acta_chunk *
chunk_new(size_t room)
{
	struct acta_chunk *chunk = malloc(sizeof(*chunk) + room);

	assert(chunk != NULL);
	chunk->next = NULL;
	chunk->room = room;
	chunk->used = 0;
	return chunk;
}

/* Go to a chunk that has room: a kept one behind `at`, or a new one. */
static void
advance(struct acta_arena *arena, size_t size)
{
	struct acta_chunk *chunk = arena->at ? arena->at->next : arena->head;
	size_t room = arena->head == NULL ? CHUNK_FIRST : CHUNK_NEXT;

	if (chunk == NULL || chunk->room < size) {
		struct acta_chunk *rest = chunk;

		chunk = chunk_new(size > room ? size : room);
		chunk->next = rest;
		arena->held += chunk->room;
		if (arena->at)
			arena->at->next = chunk;
		else
			arena->head = chunk;
	}
	chunk->used = 0;
	arena->at = chunk;
}

void *
acta_arena_alloc(struct acta_arena *arena, size_t size)
{
	struct acta_chunk *chunk;
	void *p;

	size = (size + 7) & ~(size_t)7;
	chunk = arena->at;
	if (chunk == NULL || chunk->room - chunk->used < size) {
		advance(arena, size);
		chunk = arena->at;
	}
	p = chunk->data + chunk->used;
	chunk->used += size;
	return p;
}

void
acta_arena_reset(struct acta_arena *arena, size_t keep)
{
	struct acta_chunk **link = &arena->head, *chunk;
	size_t held = 0;

	while ((chunk = *link) != NULL) {
		if (held + chunk->room > keep) {
			*link = chunk->next;
			free(chunk);
		} else {
			held += chunk->room;
			link = &chunk->next;
		}
	}
	arena->held = held;
	arena->at = NULL;
}

void
acta_arena_fini(struct acta_arena *arena)
{
	acta_arena_reset(arena, 0);
}
