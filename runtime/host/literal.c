/* runtime/host/literal.c - see literal.h. */
#include "runtime/host/literal.h"

#include <string.h>

#include "runtime/host/part.h"

static struct acta_literal *
slot_of(struct acta_literals *l, const char *text, const void *of)
{
	uintptr_t h = (uintptr_t)text ^ ((uintptr_t)of << 3);

	h = h * UINT64_C(0x9e3779b97f4a7c15) >> 32;
	return &l->slots[h % ACTA_LITERAL_SLOTS];
}

static bool
is_in(const struct acta_literal *slot, const char *text, const void *of)
{
	return slot->text == text && slot->of == of;
}

const struct acta_handler_info *
acta_literal_handler(
    struct acta_literals *l, const struct acta_loaded *loaded, const char *type)
{
	struct acta_literal *slot = slot_of(l, type, loaded);
	const struct acta_handler_info *found;

	if (is_in(slot, type, loaded))
		return slot->found;
	found = acta_loaded_find(loaded, type, strlen(type));
	if (acta_loaded_fixed(loaded, type))
		*slot = (struct acta_literal){ type, loaded, found, 0 };
	return found;
}

int
acta_literal_index(struct acta_literals *l, const struct acta_loaded *loaded,
    const struct acta_handler_info *handler, const char *name)
{
	struct acta_literal *slot = slot_of(l, name, handler);
	int index;

	if (is_in(slot, name, handler))
		return slot->index;
	index = acta_schema_index(&handler->args, name, strlen(name));
	if (acta_loaded_fixed(loaded, name))
		*slot = (struct acta_literal){ name, handler, NULL, index };
	return index;
}

const struct acta_ref_ *
acta_literal_ref(struct acta_literals *l, const struct acta_loaded *loaded,
    const char *address)
{
	struct acta_literal *slot = slot_of(l, address, l);
	const struct acta_ref_ *ref;

	if (is_in(slot, address, l))
		return slot->found;
	if (l->refs == ACTA_LITERAL_REFS_MAX ||
	    !acta_loaded_fixed(loaded, address))
		return NULL;
	ref = acta_ref_make(&l->arena, address, strlen(address));
	if (ref == NULL)
		return NULL;
	l->refs++;
	*slot = (struct acta_literal){ address, l, ref, 0 };
	return ref;
}

void
acta_literals_fini(struct acta_literals *l)
{
	acta_arena_fini(&l->arena);
}
