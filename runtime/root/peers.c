/* runtime/root/peers.c - see peers.h. */
#include "runtime/root/peers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum acta_err
acta_peers_init(struct acta_peers *peers, const struct acta_plan *plan)
{
	uint32_t total = 0;

	*peers = (struct acta_peers){ 0 };
	TAILQ_INIT(&peers->changes);
	peers->of = calloc(ACTA_PLAN_CHILDREN_MAX, sizeof(*peers->of));
	if (!peers->of)
		return ACTA_ENOMEM;
	/* A door binds one, as worker 0. */
	for (uint32_t i = 0; i < plan->count; i++) {
		peers->of[i].count =
		    plan->children[i].workers ? plan->children[i].workers : 1;
		total += peers->of[i].count;
	}
	peers->all = calloc(total + 1, sizeof(*peers->all));
	if (!peers->all) {
		acta_peers_fini(peers);
		return ACTA_ENOMEM;
	}
	/* child and worker are written with the first change: endpoints that
	 * are never announced stay untouched pages. */
	for (uint32_t i = 0, at = 0; i < plan->count; i++) {
		peers->of[i].at = &peers->all[at];
		at += peers->of[i].count;
	}
	peers->planned = plan->count;
	return ACTA_OK;
}

void
acta_peers_fini(struct acta_peers *peers)
{
	for (uint32_t i = peers->planned;
	     peers->of && i < ACTA_PLAN_CHILDREN_MAX; i++)
		free(peers->of[i].at);
	free(peers->all);
	free(peers->of);
	peers->all = NULL;
	peers->of = NULL;
}

enum acta_err
acta_peers_room(struct acta_peers *peers, uint32_t child, uint32_t workers)
{
	struct acta_peer_room *room = &peers->of[child];

	assert(child >= peers->planned);
	assert(!room->at || room->count == workers);
	if (room->at)
		return ACTA_OK;
	room->at = calloc(workers, sizeof(*room->at));
	if (!room->at)
		return ACTA_ENOMEM;
	room->count = workers;
	return ACTA_OK;
}

enum acta_err
acta_peers_set(struct acta_peers *peers, uint32_t child, uint32_t worker,
    uint64_t incarnation, const char *endpoint)
{
	if (worker >= peers->of[child].count)
		return ACTA_EPROTO;
	struct acta_peer *peer = &peers->of[child].at[worker];
	size_t size = strlen(endpoint);

	assert(size < sizeof(peer->endpoint));
	if (peer->change)
		TAILQ_REMOVE(&peers->changes, peer, link);
	peer->change = ++peers->last_change;
	peer->child = child;
	peer->worker = worker;
	peer->incarnation = incarnation;
	memcpy(peer->endpoint, endpoint, size + 1);
	TAILQ_INSERT_TAIL(&peers->changes, peer, link);
	return ACTA_OK;
}

void
acta_peers_gone(struct acta_peers *peers, uint32_t child)
{
	for (uint32_t i = 0; i < peers->of[child].count; i++) {
		struct acta_peer *peer = &peers->of[child].at[i];

		if (!peer->change || !peer->endpoint[0])
			continue;
		TAILQ_REMOVE(&peers->changes, peer, link);
		peer->change = ++peers->last_change;
		peer->endpoint[0] = '\0';
		TAILQ_INSERT_TAIL(&peers->changes, peer, link);
	}
}

const struct acta_peer *
acta_peers_after(const struct acta_peers *peers, uint64_t after)
{
	const struct acta_peer *first = NULL, *peer;

	/* From the newest back: who follows closely is found at once. */
	TAILQ_FOREACH_REVERSE(peer, &peers->changes, acta_peer_list, link)
	{
		if (peer->change <= after)
			break;
		first = peer;
	}
	return first;
}
