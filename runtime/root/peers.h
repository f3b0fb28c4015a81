/*
 * runtime/root/peers.h - the endpoints of all workers, in the order of their
 * last change. Who follows remembers the number of the last change it was told;
 * so a slow reader costs no queue: it is told the newest of each, later.
 */
#ifndef ACTA_ROOT_PEERS_H
#define ACTA_ROOT_PEERS_H

#include <stdint.h>
#include <sys/queue.h>

#include "codecs/err.h"
#include "runtime/plan.h"

struct acta_peer {
	TAILQ_ENTRY(acta_peer) link; /* linked once it has ever changed */
	uint64_t change;             /* 0: never */
	uint32_t child, worker;
	uint64_t incarnation;
	char endpoint[400]; /* "": gone */
};

struct acta_peers {
	TAILQ_HEAD(acta_peer_list, acta_peer) changes;
	struct acta_peer *all; /* of those that the plan began with */
	struct acta_peer_room {
		struct acta_peer *at;
		uint32_t count;
	} *of; /* each child */
	uint32_t planned;
	uint64_t last_change;
};

ACTA_NODISCARD enum acta_err acta_peers_init(
    struct acta_peers *peers, const struct acta_plan *plan);
void acta_peers_fini(struct acta_peers *peers);

/* A child with so many workers. ACTA_ENOMEM. */
ACTA_NODISCARD enum acta_err acta_peers_room(
    struct acta_peers *peers, uint32_t child, uint32_t workers);

/* Errors: ACTA_EPROTO  the child has no such worker. */
ACTA_NODISCARD enum acta_err acta_peers_set(struct acta_peers *peers,
    uint32_t child, uint32_t worker, uint64_t incarnation,
    const char *endpoint);
/* All endpoints of `child` are gone. */
void acta_peers_gone(struct acta_peers *peers, uint32_t child);
/* The first change after number `after`; NULL if none. */
const struct acta_peer *acta_peers_after(
    const struct acta_peers *peers, uint64_t after);

#endif /* ACTA_ROOT_PEERS_H */
