/*
 * runtime/root/tree.h - the shape of the tree of supervisors: which numbers are
 * taken, who is whose child in which order, under which id. No policy; within
 * supervisor*.c alone.
 */
#ifndef ACTA_ROOT_TREE_H
#define ACTA_ROOT_TREE_H

#include "runtime/root/supervisor.h"

static inline struct acta_sup_child *
acta_tree_at(const struct acta_sup *sup, uint32_t child)
{
	return &sup->children[child == ACTA_SUP_TOP ? sup->room : child];
}

/* Numbers and buckets, all free. ACTA_ENOMEM. */
ACTA_NODISCARD enum acta_err acta_tree_init(struct acta_sup *sup, uint32_t room);
void acta_tree_fini(struct acta_sup *sup);

/* Make `child` one of `parent`'s, in no list yet. NO_ROOM: the number is taken,
 * or there is no memory. */
enum acta_sup_word acta_tree_place(struct acta_sup *sup, uint32_t parent,
    uint32_t child, const struct acta_sup_spec *spec);
/* Windows as the flags above it, and its own, ask for. NO_ROOM. */
enum acta_sup_word acta_tree_fit(struct acta_sup *sup, uint32_t child);
/* The number is free again. */
void acta_tree_free(struct acta_sup *sup, uint32_t child);

/* At the end of its supervisor's list. */
void acta_tree_link(struct acta_sup *sup, uint32_t child);
/* Out of it; a cursor on it goes on. */
void acta_tree_unlink(struct acta_sup *sup, uint32_t child);
/* At the end of those that its supervisor starts with. */
void acta_tree_found(struct acta_sup *sup, uint32_t child);

/* The list in the order of the founders; those that are none, behind them. */
void acta_tree_reorder(struct acta_sup *sup, uint32_t parent);

/* The queue of those that ended while their supervisor was busy. */
void acta_tree_lose(struct acta_sup *sup, uint32_t child);
void acta_tree_unlose(struct acta_sup *sup, uint32_t child);

#endif /* ACTA_ROOT_TREE_H */
