/*
 * codecs/json.h - JSON to MessagePack and back, without loss. On jansson for
 * reading; written by hand into a buffer, since jansson must build a tree.
 *
 * Integers over INT64_MAX: a JSON string going out (jansson has no uint64);
 * bin {"$bin": base64}; ext and time {"$ext": [type, base64]}; a map with keys
 * other than str, or with doubled keys, {"$map": [[k, v], ...]}; NUM that are
 * NaN or infinite {"$num": "nan" | "inf" | "-inf"}; a NUM that is whole keeps
 * its ".0". A map that has one single key that begins with "$" goes out
 * as {"$map": ...} so that it is not taken for one of these. What goes out can
 * be shown on a terminal, and is YAML, too: controls and odd ends of lines are
 * escaped.
 */
#ifndef ACTA_JSON_H
#define ACTA_JSON_H

#include "codecs/buf.h"
#include "codecs/err.h"

/*
 * Append `text` (size bytes, UTF-8, exactly one JSON value of any kind, depth
 * <= 32, nodes <= 65,536, no doubled keys) as MessagePack to `out`.
 * Errors: ACTA_EPROTO (`why`: line, column, what), ACTA_ELIMIT; `out` is then
 * as before. Allocates (jansson): at most a small multiple of `size`.
 */
ACTA_NODISCARD enum acta_err acta_json_decode(const char *text, size_t size,
    struct acta_buf *out, struct acta_why *why);

/* Append checked MessagePack as JSON, compact, on one line, not NUL-ended. */
void acta_json_encode(const void *msgpack, size_t size, struct acta_buf *out);

#endif /* ACTA_JSON_H */
