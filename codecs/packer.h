/*
 * codecs/packer.h - append MessagePack to a buffer, each value in its
 * shortest form. On msgpack-c.
 */
#ifndef ACTA_PACKER_H
#define ACTA_PACKER_H

#include "codecs/buf.h"
#include "runtime/acta.h"

void acta_pack_nil(struct acta_buf *buf);
void acta_pack_bool(struct acta_buf *buf, bool value);
void acta_pack_int(struct acta_buf *buf, int64_t value);
void acta_pack_uint(struct acta_buf *buf, uint64_t value);
void acta_pack_num(struct acta_buf *buf, double value); /* float 64 */
void acta_pack_str(struct acta_buf *buf, const char *data, size_t size);
void acta_pack_text(struct acta_buf *buf, const char *text); /* NUL-ended */
void acta_pack_bin(struct acta_buf *buf, const void *data, size_t size);
void acta_pack_ext(struct acta_buf *buf, int8_t type, const void *data,
    size_t size);
void acta_pack_time(struct acta_buf *buf, int64_t ms_since_1970);
void acta_pack_list(struct acta_buf *buf, uint32_t count); /* header */
void acta_pack_map(struct acta_buf *buf, uint32_t count);  /* header, pairs */
void acta_pack_raw(struct acta_buf *buf, const void *data, size_t size);

/* Any value; of a LIST or MAP the elements are copied from where it points.
 * ABSENT packs as nil. */
void acta_pack_value(struct acta_buf *buf, acta_value value);

#endif /* ACTA_PACKER_H */
