/* runtime/host/inbox.c - see inbox.h. */
#include "runtime/host/inbox.h"

#include <string.h>

#define COMPACT_BYTES (1u << 20)
#define KEEP_BYTES (256u << 10) /* of an empty one, for what comes next */

void
acta_inbox_init(struct acta_inbox *box)
{
	*box = (struct acta_inbox){ 0 };
	acta_buf_init(&box->buf);
}

void
acta_inbox_fini(struct acta_inbox *box)
{
	acta_buf_fini(&box->buf);
}

void
acta_inbox_put(struct acta_inbox *box, const struct acta_item *item)
{
	size_t start = box->buf.size;
	uint32_t size = 0;

	acta_buf_append(&box->buf, &size, sizeof(size));
	acta_item_encode(&box->buf, item);
	size = (uint32_t)(box->buf.size - start - sizeof(size));
	memcpy(box->buf.data + start, &size, sizeof(size));
	box->size = 0; /* the entry in hand may have moved */
}

struct acta_item *
acta_inbox_get(struct acta_inbox *box)
{
	struct acta_reader r;

	if (box->at == box->buf.size)
		return NULL;
	if (box->size > 0)
		return &box->item;
	memcpy(&box->size, box->buf.data + box->at, sizeof(box->size));
	r = acta_reader(box->buf.data + box->at + sizeof(box->size), box->size);
	if (acta_item_decode(&r, &box->item) != ACTA_OK)
		box->item.kind = 0;
	return &box->item;
}

void
acta_inbox_done(struct acta_inbox *box)
{
	uint32_t size;

	memcpy(&size, box->buf.data + box->at, sizeof(size));
	box->at += sizeof(size) + size;
	box->size = 0;
	box->skip = 0;
	if (box->at == box->buf.size) {
		acta_inbox_clear(box);
	} else if (box->at > COMPACT_BYTES && box->at * 2 > box->buf.size) {
		memmove(box->buf.data, box->buf.data + box->at,
		    box->buf.size - box->at);
		box->buf.size -= box->at;
		box->at = 0;
	}
}

void
acta_inbox_clear(struct acta_inbox *box)
{
	acta_buf_reset(&box->buf);
	if (box->buf.room > KEEP_BYTES)
		acta_buf_fini(&box->buf);
	box->at = 0;
	box->size = 0;
	box->skip = 0;
}
