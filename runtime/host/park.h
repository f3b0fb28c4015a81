/*
 * runtime/host/park.h - messages set aside in their actor's own queue
 * (CORE 1.5): rows of T_PARKED, and in memory one entry an actor that has any.
 */
#ifndef ACTA_HOST_PARK_H
#define ACTA_HOST_PARK_H

#include "runtime/host/part.h"

enum acta_err acta_parked_load(struct acta_part *part);
void acta_parked_fini(struct acta_part *part);
struct acta_parked *acta_parked_find(
    const struct acta_part *part, const char *key, size_t size);

/* Append a message behind its actor's queue; `attempts` so far. Its number in
 * there is msg->row. */
void acta_park_append(struct acta_part *part, struct acta_msg *msg,
    uint32_t attempts, int64_t due_ms, const char *reason);
/* Does that row of the actor's, a timer's message of that type, wait still? */
bool acta_park_has_timer(struct acta_part *part, struct acta_bytes actor,
    struct acta_bytes type, uint64_t n);
/* The row in hand stays where it is, with another count and time. */
void acta_park_update(struct acta_part *part, const struct acta_msg *msg,
    uint32_t attempts, int64_t due_ms, const char *reason);
/* The row in hand, or the one appended, waits for room in a channel: it is tried
 * when some is made, acta_parked_room, and now and then. */
void acta_park_no_room(struct acta_part *part, const struct acta_msg *msg);
void acta_parked_room(struct acta_part *part);
/* The row in hand is done with. */
void acta_park_remove(struct acta_part *part, const struct acta_msg *msg);
void acta_park_hold(
    struct acta_part *part, const struct acta_msg *msg, bool held);

/* An actor whose queue is due, or NULL; and the first row of it that may run:
 * its message is decoded into `msg`. */
struct acta_parked *acta_parked_due(struct acta_part *part);
/* What this turn has appended is durable, and may run in the next. */
void acta_parked_durable(struct acta_part *part);
ACTA_NODISCARD enum acta_err acta_parked_first(
    struct acta_part *part, struct acta_parked *actor, struct acta_msg *msg);
int64_t acta_parked_wake_ms(const struct acta_part *part);

#endif /* ACTA_HOST_PARK_H */
