/*
 * runtime/host/outbox.h - what waits on a channel until it is acked. A row of
 * the outbox holds what one turn sent there, message behind message: what is
 * sent together is written, read and deleted together. The newest rows stay in
 * memory, too.
 */
#ifndef ACTA_HOST_OUTBOX_H
#define ACTA_HOST_OUTBOX_H

#include "codecs/buf.h"
#include "store/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACTA_OUTBOX_ROW_BYTES 65536u /* and one message more */
#define ACTA_OUTBOX_ROWS_MAX 65536u  /* known in memory; older ones first */
#define ACTA_OUTBOX_LOAD 1024u       /* rows found at a time on disk */
#define ACTA_OUTBOX_MEMORY (64u << 20) /* bytes of rows, of all channels */

struct acta_part;
struct acta_out;

struct acta_outbox_row {
	uint64_t first; /* it ends where the next begins */
	uint32_t size;
	uint32_t acked;            /* bytes of it that are */
	bool hashed;               /* `chain` is known: that behind it */
	struct acta_hash128 chain;
	uint8_t *data; /* NULL: on disk alone */
};

struct acta_outbox {
	struct acta_buf open; /* what this turn has sent: not a row yet */
	uint64_t open_first;
	/* Rows by number, all that begin below `known`: those before `at` are
	 * deleted, those before `done` are acked. */
	struct acta_outbox_row *rows;
	uint32_t at, done, end, room;
	uint64_t known;
};

/* `next`: the seq of the first message that it will get; 0: there may be rows
 * on disk. */
void acta_outbox_init(struct acta_outbox *box, uint64_t next);
void acta_outbox_fini(struct acta_part *part, struct acta_outbox *box);
/* Message out->next. */
void acta_outbox_append(struct acta_part *part, struct acta_out *out,
    const void *data, size_t size);
/* At the turn's end: what it sent is a row, what is acked is deleted. */
void acta_outbox_store(struct acta_part *part, struct acta_out *out);
/*
 * All below `next` is acked: out->acked, bytes and chain_acked go on. False: a
 * row is missing or damaged.
 */
bool acta_outbox_ack(
    struct acta_part *part, struct acta_out *out, uint64_t next);
/* The hash before message `next`; nothing is changed. False: as above, or it was
 * never sent. */
bool acta_outbox_chain(struct acta_part *part, struct acta_out *out,
    uint64_t next, struct acta_hash128 *out_chain);
/* The messages from `seq` to the end of its row, `*out_end`; NULL: it is not
 * there. They live until something is put into the store. */
const uint8_t *acta_outbox_read(struct acta_part *part, struct acta_out *out,
    uint64_t seq, size_t *out_size, uint64_t *out_end);

#endif /* ACTA_HOST_OUTBOX_H */
