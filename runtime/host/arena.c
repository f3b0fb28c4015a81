/* runtime/host/arena.c - a list of chunks, walked forward, rewound whole. */
#include "runtime/host/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct acta_chunk {
	struct acta_chunk *next;
	size_t room, used;
	alignas(max_align_t) char data[];
};

static struct acta_chunk *
chunk_new(size_t room)
{
	struct acta_chunk *c = malloc(sizeof(*c) + room);

	if (c == NULL)
		abort();
	c->next = NULL;
	c->room = room;
	c->used = 0;
	return c;
}

void
acta_arena_init(struct acta_arena *arena)
{
	arena->first = arena->at = chunk_new(ACTA_ARENA_CHUNK);
}

void
acta_arena_fini(struct acta_arena *arena)
{
	struct acta_chunk *next;

	for (struct acta_chunk *c = arena->first; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	arena->first = arena->at = NULL;
}

void *
acta_arena_alloc(struct acta_arena *arena, size_t size)
{
	struct acta_chunk *c = arena->at;
	void *p;

	assert(size < SIZE_MAX / 2);
	size = (size + alignof(max_align_t) - 1) &
	    ~(size_t)(alignof(max_align_t) - 1);
	while (c->room - c->used < size) {
		if (c->next == NULL || c->next->room < size) {
			struct acta_chunk *fresh = chunk_new(
			    size > ACTA_ARENA_CHUNK ? size : ACTA_ARENA_CHUNK);

			fresh->next = c->next;
			c->next = fresh;
		}
		c = arena->at = c->next;
		c->used = 0;
	}
	p = c->data + c->used;
	c->used += size;
	return p;
}

void *
acta_arena_copy(struct acta_arena *arena, const void *data, size_t size)
{
	void *p = acta_arena_alloc(arena, size);

	if (size > 0)
		memcpy(p, data, size);
	return p;
}

char *
acta_arena_text(struct acta_arena *arena, const char *data, size_t size)
{
	char *p = acta_arena_alloc(arena, size + 1);

	if (size > 0)
		memcpy(p, data, size);
	p[size] = '\0';
	return p;
}

/* Chunks larger than the usual are given back: one huge message should not
 * hold its memory for ever. */
void
acta_arena_reset(struct acta_arena *arena)
{
	struct acta_chunk **link = &arena->first->next;

	while (*link != NULL) {
		struct acta_chunk *c = *link;

		if (c->room > ACTA_ARENA_CHUNK) {
			*link = c->next;
			free(c);
		} else {
			c->used = 0;
			link = &c->next;
		}
	}
	arena->first->used = 0;
	arena->at = arena->first;
}
