/* store/generation.c - see generation.h. */
#include "store/generation.h"

#define SHARD_BITS 6u
#define KEEP_BYTES (32u << 20)

void
acta_generation_init(struct acta_generation *gen)
{
	*gen = (struct acta_generation){ .turns_max = ACTA_STORE_FREEZE_TURNS };
	acta_rowmap_init(&gen->rows, SHARD_BITS);
}

void
acta_generation_fini(struct acta_generation *gen)
{
	acta_rowmap_fini(&gen->rows);
	acta_index_fini(&gen->index);
}

void
acta_generation_reset(struct acta_generation *gen, bool keep)
{
	size_t bytes = keep ? KEEP_BYTES : 0;

	acta_rowmap_reset(&gen->rows, bytes);
	acta_index_reset(&gen->index, bytes);
	gen->first_turn = gen->last_turn = 0;
	gen->journal_bytes = gen->row_bytes = gen->stamp = 0;
}

void
acta_generation_set(struct acta_generation *gen, const struct acta_rowkey *key,
    enum acta_row_kind kind, const void *value, size_t size)
{
	bool is_new;
	struct acta_entry *entry = acta_rowmap_add(&gen->rows, key, &is_new);

	if (is_new) {
		acta_index_insert(&gen->index, entry);
		gen->row_bytes += key->size;
	}
	/* Nobody reads a generation while a turn is applied, so that a hot key
	 * may be overwritten in its place. */
	if (entry->room < size) {
		entry->value = acta_arena_alloc(&gen->rows.arena, size);
		entry->room = (uint32_t)size;
	}
	if (size > 0)
		memcpy((uint8_t *)(uintptr_t)entry->value, value, size);
	gen->row_bytes += size;
	gen->row_bytes -= entry->size;
	entry->size = (uint32_t)size;
	entry->kind = (uint8_t)kind;
	entry->stamp = ++gen->stamp;
}

void
acta_generation_mark(
    struct acta_generation *gen, const struct acta_rowkey *prefix)
{
	struct acta_mark *mark = acta_rowmap_mark(&gen->rows, prefix);

	mark->last = ++gen->stamp;
	if (mark->first == 0)
		mark->first = mark->last;
}

void
acta_generation_turn(
    struct acta_generation *gen, uint64_t turn, uint64_t record_bytes)
{
	if (gen->first_turn == 0)
		gen->first_turn = turn;
	gen->last_turn = turn;
	gen->journal_bytes += record_bytes;
}

uint64_t
acta_generation_memory(const struct acta_generation *gen)
{
	return acta_rowmap_memory(&gen->rows) + acta_index_memory(&gen->index);
}

static uint64_t
share(uint64_t have, uint64_t most)
{
	return have * 1024 / most;
}

uint64_t
acta_generation_fill(const struct acta_generation *gen)
{
	uint64_t rows = share(
	    gen->rows.count + gen->rows.mark_count, ACTA_STORE_FREEZE_ENTRIES);
	uint64_t bytes = share(gen->journal_bytes, ACTA_STORE_FREEZE_BYTES);
	uint64_t turns = gen->first_turn == 0
	    ? 0
	    : share(gen->last_turn - gen->first_turn + 1, gen->turns_max);
	uint64_t most = rows > bytes ? rows : bytes;

	return most > turns ? most : turns;
}
