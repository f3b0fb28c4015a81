/*
 * runtime/host/literal.h - names that are literals of the service, known by
 * their address. A pointer into a segment that nobody can write to points at
 * the same text for as long as the service is loaded, so what was once found
 * for it (a handler, an address, an arg's place) need not be looked for again.
 */
#ifndef ACTA_HOST_LITERAL_H
#define ACTA_HOST_LITERAL_H

#include "runtime/host/service.h"
#include "store/arena.h"

#define ACTA_LITERAL_SLOTS 512u    /* of a partition; two that meet take turns */
#define ACTA_LITERAL_REFS_MAX 4096u /* addresses kept, then no more */

struct acta_ref_;
struct acta_literal {
	const char *text; /* NULL: free */
	const void *of;   /* what it is a name of */
	const void *found;
	int32_t index;
};
struct acta_literals {
	struct acta_literal slots[ACTA_LITERAL_SLOTS];
	struct acta_arena arena; /* of the addresses; it is never reset */
	uint32_t refs;
};

/* A message type of the service: its handler, or NULL. */
const struct acta_handler_info *acta_literal_handler(
    struct acta_literals *l, const struct acta_loaded *loaded,
    const char *type);
/* The place of an arg in what the handler declares; -1: there is none. */
int acta_literal_index(struct acta_literals *l,
    const struct acta_loaded *loaded, const struct acta_handler_info *handler,
    const char *name);
/* The address, or NULL: it is no literal, or no address. */
const struct acta_ref_ *acta_literal_ref(struct acta_literals *l,
    const struct acta_loaded *loaded, const char *address);
void acta_literals_fini(struct acta_literals *l);

#endif /* ACTA_HOST_LITERAL_H */
