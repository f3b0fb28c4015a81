/*
 * runtime/host/inbox.h - what was gathered from one source and is not yet run:
 * items in the order in which they came. One for the doors, one for each
 * channel, so that a hot one cannot fill the turn (CORE 1.2).
 */
#ifndef ACTA_HOST_INBOX_H
#define ACTA_HOST_INBOX_H

#include "codecs/envelope.h"

struct acta_inbox {
	struct acta_buf buf; /* each: u32 size, an item as encoded */
	size_t at;           /* of the entry in hand */
	struct acta_item item;
	uint32_t size; /* of the entry in hand; 0: it must be looked at anew */
	/* of a DATA in hand: bytes of its messages that were taken, and the seq
	 * of the message behind them */
	size_t skip;
	uint64_t seq;
};

void acta_inbox_init(struct acta_inbox *box);
void acta_inbox_fini(struct acta_inbox *box);
void acta_inbox_put(struct acta_inbox *box, const struct acta_item *item);
/* The entry in hand: NULL if there is none. One that is malformed has kind 0.
 * It lives until the next put or done. */
struct acta_item *acta_inbox_get(struct acta_inbox *box);
void acta_inbox_done(struct acta_inbox *box);
void acta_inbox_clear(struct acta_inbox *box);

static inline size_t
acta_inbox_bytes(const struct acta_inbox *box)
{
	return box->buf.size - box->at;
}

#endif /* ACTA_HOST_INBOX_H */
