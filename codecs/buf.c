/* codecs/buf.c - see buf.h. */
#include "codecs/buf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Small enough not to matter, large enough that most messages never grow. */
#define ROOM_MIN 256u

void
acta_buf_init(struct acta_buf *buf)
{
	*buf = (struct acta_buf){ NULL, 0, 0 };
}

void
acta_buf_fini(struct acta_buf *buf)
{
	free(buf->data);
	acta_buf_init(buf);
}

void
acta_buf_reserve(struct acta_buf *buf, size_t more)
{
	size_t room = buf->room ? buf->room : ROOM_MIN;
	uint8_t *data;

	assert(buf->size <= buf->room);
	if (more <= buf->room - buf->size && buf->data)
		return;
	assert(more <= SIZE_MAX / 2 - buf->size);
	while (room - buf->size < more)
		room *= 2;
	data = realloc(buf->data, room);
	if (!data)
		abort();
	buf->data = data;
	buf->room = room;
}

void
acta_buf_append(struct acta_buf *buf, const void *data, size_t size)
{
	acta_buf_reserve(buf, size);
	if (size) /* memcpy may not be given NULL, even for nothing */
		memcpy(buf->data + buf->size, data, size);
	buf->size += size;
}
