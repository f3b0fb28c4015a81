/*
 * runtime/host/local.h - messages within a partition, which stay decoded: their
 * args are values in declared order, checked as they are placed. MessagePack is
 * made of one only if it is parked, dies, or must be kept.
 */
#ifndef ACTA_HOST_LOCAL_H
#define ACTA_HOST_LOCAL_H

#include "runtime/host/part.h"

/* Try: false if it must be packed (not within this partition, an arg that is
 * no plain value, something wrong with it); nothing was done then. */
bool acta_local_send(struct acta_actor *actor, const struct acta_ref_ *to,
    const char *type, const acta_field *fields);
/* The message as its handler is to get it. */
void acta_local_open(
    struct acta_part *part, struct acta_sent *sent, struct acta_msg *msg);
/* Its bytes: msg->raw, for a message that was sent decoded. */
void acta_local_pack(struct acta_part *part, struct acta_msg *msg);
/* The name of the next local message. */
struct acta_uid acta_local_uid(struct acta_part *part);

#endif /* ACTA_HOST_LOCAL_H */
