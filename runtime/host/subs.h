/*
 * runtime/host/subs.h - durable subscriptions (CORE 5): which services' actors
 * hear the events of this partition, and which events the service itself hears.
 *
 * An event becomes, in the commit that publishes it, a message to each of its
 * subscribers, sent as any other: so order across topics, one delivery, credit and
 * backpressure are the channel's. Subscriptions that are to begin in the past are
 * fed from the log, a service's together, in the order published, until they have
 * caught up; what is published meanwhile waits there.
 */
#ifndef ACTA_HOST_SUBS_H
#define ACTA_HOST_SUBS_H

#include "runtime/host/part.h"

#define ACTA_SUBS_TOPIC_MAX 256u /* of one topic, that hear all of its keys */
#define ACTA_SUBS_SLICE 64u      /* events of the log that a turn hands on */

enum acta_err acta_subs_load(struct acta_part *part);
void acta_subs_fini(struct acta_part *part);

/* What a handler publishes, to all that are up to date. Its data are packed. */
void acta_subs_publish(struct acta_actor *actor, const char *topic,
    struct acta_bytes data);
/* "@subscribe" and "@on", of a service of the node. */
void acta_subs_take(struct acta_part *part, const struct acta_msg *msg);
/* Of the service's own handler table, `.on`: to the publishers that do not know
 * it yet. Once a turn; does nothing if there is nothing to say. */
void acta_subs_announce(struct acta_part *part);
/* Some of what the log has for those that are behind. True: there is more, and
 * room for it. */
bool acta_subs_catch_up(struct acta_part *part);

/* A message "@subscribe" of this actor; handler NULL: no more. */
void acta_subs_ask(struct acta_actor *actor, const char *topic,
    const char *key, const char *handler);

#endif /* ACTA_HOST_SUBS_H */
