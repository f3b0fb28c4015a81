/*
 * runtime/host/links.h - a worker's sockets to other workers and to doors: one
 * PUSH each, opened at first use, anew for each incarnation of the peer. What
 * is said in a turn is one frame a peer.
 */
#ifndef ACTA_HOST_LINKS_H
#define ACTA_HOST_LINKS_H

#include "codecs/envelope.h"
#include "runtime/ctl.h"

#define ACTA_LINK_FRAME_MAX (1u << 20)
#define ACTA_LINK_WAIT_MAX (64u << 20) /* bytes that wait for a socket */
#define ACTA_LINK_UNHEARD_MAX 64u      /* doors not yet told of, or gone */
#define ACTA_LINK_UNHEARD_BYTES (4u << 20)
#define ACTA_LINK_HWM 1024
#define ACTA_LINK_IDLE_MS 60000
#define ACTA_LINK_MAXMSG (4 << 20)

struct acta_links;

struct acta_links *acta_links_new(void *zmq);
void acta_links_destroy(struct acta_links **links);
/* A PEER record: the old socket is closed, never reconnected. */
void acta_links_peer(struct acta_links *links, const struct acta_ctl *peer);
/* Append to the frame for that partition's worker, or that door. What has no
 * endpoint is dropped and counted: the protocol asks again. */
void acta_links_to_part(struct acta_links *links, const char *service,
    uint32_t part, const struct acta_item *item);
void acta_links_to_door(struct acta_links *links, const char *door,
    uint64_t door_inc, const struct acta_item *item);
/* To every door that passes events on. */
void acta_links_event(struct acta_links *links, const struct acta_item *item);
/* Send what was gathered; true: something could not leave yet. */
bool acta_links_flush(struct acta_links *links, int64_t now_ms);
/* Sockets to services that were silent for ACTA_LINK_IDLE_MS are closed; each
 * is told to `closed`, since the next one to there is another link. */
void acta_links_idle(struct acta_links *links, int64_t now_ms,
    void (*closed)(
	void *self, const char *name, uint32_t worker, uint32_t workers),
    void *self);
uint64_t acta_links_dropped(const struct acta_links *links);

#endif /* ACTA_HOST_LINKS_H */
