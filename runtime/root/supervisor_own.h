/* runtime/root/supervisor_own.h - what supervisor.c and calls.c share. */
#ifndef ACTA_ROOT_SUPERVISOR_OWN_H
#define ACTA_ROOT_SUPERVISOR_OWN_H

#include "runtime/root/tree.h"

/* Every event's function begins with one of these and ends with the other. */
void acta_sup_event_begin(struct acta_sup *sup, int64_t now_ms);
void acta_sup_event_end(struct acta_sup *sup);

void acta_sup_emit(struct acta_sup *sup, enum acta_sup_verb verb,
    uint32_t child, int64_t arg);
/* Start it; nothing of it lives. */
void acta_sup_begin(
    struct acta_sup *sup, uint32_t child, enum acta_sup_attempt attempt);
/* Its end is wanted, in whatever state it is. */
void acta_sup_end_wanted(struct acta_sup *sup, uint32_t child);
/* Ask the live one to end, with what its spec allows it. */
void acta_sup_ask(struct acta_sup *sup, uint32_t child);
/* Its number is free, and those of all that it would have started with. */
void acta_sup_release(struct acta_sup *sup, uint32_t child);
/* The supervisor knows it no more. */
void acta_sup_forget(struct acta_sup *sup, uint32_t child);
/* Answer the call that waits for the child, if one does. */
void acta_sup_answer(
    struct acta_sup *sup, uint32_t child, enum acta_sup_word word);
void acta_sup_calm(struct acta_sup *sup, uint32_t child, uint32_t bit);

#endif /* ACTA_ROOT_SUPERVISOR_OWN_H */
