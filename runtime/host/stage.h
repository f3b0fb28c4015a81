/*
 * runtime/host/stage.h - competing workers: a message to "service/@any" goes to
 * the worker of that service with the least backlog, as this partition sees it.
 *
 * The workers are ordinary actors, one a partition: "service/@0", "service/@3",
 * ..., the key of each the smallest of its kind whose hash lies there
 * (acta_worker_numbers, store/hash.h). So order, state and answers are as with
 * any actor; only who gets a message is chosen, when it is sent.
 */
#ifndef ACTA_HOST_STAGE_H
#define ACTA_HOST_STAGE_H

#include "runtime/host/part.h"

struct acta_stage; /* of one service, as one partition sends to it */

/* Which partition, and its worker's key; good while the part is open. */
void acta_stage_pick(struct acta_part *part, const struct acta_route *route,
    uint32_t *out_part, struct acta_bytes *out_key);
void acta_stages_fini(struct acta_part *part);

#endif /* ACTA_HOST_STAGE_H */
