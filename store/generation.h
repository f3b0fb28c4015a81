/*
 * store/generation.h - what committed turns changed and the tree does not have
 * yet. Two of them: the active one takes turns, the frozen one is merged.
 */
#ifndef ACTA_GENERATION_H
#define ACTA_GENERATION_H

#include "store/index.h"

struct acta_generation {
	struct acta_rowmap rows;
	struct acta_index index;
	uint64_t first_turn, last_turn; /* 0: empty */
	uint64_t journal_bytes;         /* of its turns' records */
	uint64_t row_bytes;             /* keys and values of its rows */
	uint64_t stamp;
	uint32_t turns_max; /* it freezes after so many; kept by a reset */
};

void acta_generation_init(struct acta_generation *gen);
void acta_generation_fini(struct acta_generation *gen);
/* Empty; keeps its memory for the next filling, or frees it. */
void acta_generation_reset(struct acta_generation *gen, bool keep);

void acta_generation_set(struct acta_generation *gen,
    const struct acta_rowkey *key, enum acta_row_kind kind, const void *value,
    size_t size);
void acta_generation_mark(
    struct acta_generation *gen, const struct acta_rowkey *prefix);
/* A turn was applied whole; its record had that size. */
void acta_generation_turn(
    struct acta_generation *gen, uint64_t turn, uint64_t record_bytes);

uint64_t acta_generation_memory(const struct acta_generation *gen);
/* How full, in 1/1024 of what makes it freeze; may be more. */
uint64_t acta_generation_fill(const struct acta_generation *gen);

static inline bool
acta_generation_empty(const struct acta_generation *gen)
{
	return gen->first_turn == 0;
}

#endif /* ACTA_GENERATION_H */
