/*
 * codecs/reader.h - read MessagePack in place, without allocating.
 *
 * Bytes from outside pass acta_msgpack_check() first; after it every read of
 * them succeeds, and a value of type LIST or MAP can be walked although it
 * does not know where it ends.
 *
 * An acta_value (runtime/acta.h, which stands on nothing and may be included
 * by all) of type STR or BIN points at the bytes; EXT at the payload, its ext
 * type is the byte before (((const int8_t *)data)[-1]); LIST and MAP at the
 * first element. TIME is ext -1, in ms (finer digits are cut towards the
 * past). An integer is INT, or UINT if over INT64_MAX. float32 is a NUM.
 */
#ifndef ACTA_READER_H
#define ACTA_READER_H

#include "codecs/err.h"
#include "codecs/utf8.h"
#include "runtime/acta.h"

/* What comes from outside, and what a handler makes. */
#define ACTA_MSGPACK_DEPTH_MAX 32u
#define ACTA_MSGPACK_NODES_MAX 65536u
/*
 * What a handler may make, the runtime can always carry: so much may it put
 * around the values of users. Depth: a row in a list of rows, in a result, in a
 * REPLY or answer (codecs/README counts). Nodes: rows of 65,536 each fill such
 * a list; its bytes are bounded, and a node takes one at least.
 */
#define ACTA_MSGPACK_WRAP_DEPTH 4u
#define ACTA_MSGPACK_WRAP_NODES (4u << 20)

/*
 * Is it exactly one well-formed value? Depth <= 32 (a scalar has depth 0, an
 * empty list 1), nodes <= 65,536, each count and length within what remains,
 * str valid UTF-8 (NUL is allowed here), 0xc1 refused, a time of a valid size
 * and nanoseconds, exact end.
 * Errors: ACTA_EPROTO malformed or truncated; ACTA_ELIMIT too deep or too
 * many. Takes O(size) time, no recursion, no allocation. Any thread.
 */
ACTA_NODISCARD enum acta_err acta_msgpack_check(const void *data, size_t size);

/* The same for what a node of ours made, its answers and events: by
 * ACTA_MSGPACK_WRAP_DEPTH deeper, and of ACTA_MSGPACK_WRAP_NODES more. */
ACTA_NODISCARD enum acta_err acta_msgpack_check_wrapped(
    const void *data, size_t size);

/*
 * The same for the first of several values one behind the other, with limits
 * of the caller's. depth_max is at most 32 + ACTA_MSGPACK_WRAP_DEPTH.
 */
ACTA_NODISCARD enum acta_err acta_msgpack_check_first(const void *data,
    size_t size, uint32_t depth_max, uint32_t nodes_max, size_t *out_size);

struct acta_reader {
	const uint8_t *at, *end;
};

static inline struct acta_reader
acta_reader(const void *data, size_t size)
{
	const uint8_t *at = (const uint8_t *)data;
	/* Nothing may be added to NULL, not even nothing. */
	struct acta_reader r = { at, size ? at + size : at };

	return r;
}

/* The elements of a LIST or pairs of a MAP that was checked as part of a
 * whole: it has no end of its own, count `value.size`. */
struct acta_reader acta_reader_into(acta_value value);

/*
 * The next value; the reader moves behind all of it, elements too. At the end
 * or on malformed bytes: ABSENT, and the reader stays at its end for good, so
 * that a chain of reads is checked once, by its last.
 */
acta_value acta_read(struct acta_reader *reader);

/* Like acta_read, but of a LIST or MAP only the header is consumed: its
 * elements are read next. */
acta_value acta_read_head(struct acta_reader *reader);

/* Typed reads for arrays that we wrote ourselves; a wrong type is as the end:
 * `*ok` becomes false and stays so. str and bin: size out, not NUL-ended. */
int64_t acta_read_int(struct acta_reader *reader, bool *ok);
uint64_t acta_read_uint(struct acta_reader *reader, bool *ok);
bool acta_read_bool(struct acta_reader *reader, bool *ok);
const char *acta_read_str(struct acta_reader *reader, uint32_t *out_size,
    bool *ok);
const void *acta_read_bin(struct acta_reader *reader, uint32_t *out_size,
    bool *ok);
uint32_t acta_read_list(struct acta_reader *reader, bool *ok); /* header */
uint32_t acta_read_map(struct acta_reader *reader, bool *ok);  /* header */

/* Of a whole value: its bytes. Moves the reader; *out_size 0 at the end. */
const void *acta_read_raw(struct acta_reader *reader, size_t *out_size);

/* The value of `name` in a MAP (first if doubled), or ABSENT. */
acta_value acta_map_get(acta_value map, const char *name, size_t name_size);

/*
 * Equal in meaning: 1 in any of its encodings is 1, maps in any order (but 1 is
 * not 1.0; NaN is NaN). Of a doubled key the first counts if the order differs;
 * a key that is itself a list or map is compared by its bytes. O(size) for
 * maps in the same order, else quadratic in the pairs of one map.
 */
bool acta_value_equal(acta_value a, acta_value b);

/* Bytes of well-formed UTF-8 (RFC 3629)? */
bool acta_utf8_valid(const void *data, size_t size);

#endif /* ACTA_READER_H */
