/*
 * codecs/buf.h - a byte buffer that grows and is reused: reset keeps its
 * memory, so that a warm one never allocates. OOM aborts (no peer chooses how
 * much we allocate: sizes are checked before).
 */
#ifndef ACTA_BUF_H
#define ACTA_BUF_H

#include <stddef.h>
#include <stdint.h>

struct acta_buf {
	uint8_t *data;
	size_t size, room;
};

void acta_buf_init(struct acta_buf *buf);
void acta_buf_fini(struct acta_buf *buf);
/* At least `more` bytes free behind `size`; the pointers may move. */
void acta_buf_reserve(struct acta_buf *buf, size_t more);
void acta_buf_append(struct acta_buf *buf, const void *data, size_t size);

static inline void
acta_buf_reset(struct acta_buf *buf)
{
	buf->size = 0;
}

#endif /* ACTA_BUF_H */
