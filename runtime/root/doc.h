/*
 * runtime/root/doc.h - writes one JSON document into memory. Commas and escapes
 * are its business; bytes that are no UTF-8 become U+FFFD. After running out of
 * memory it swallows the rest, and `bad` tells.
 */
#ifndef ACTA_ROOT_DOC_H
#define ACTA_ROOT_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACTA_DOC_MAX (8u << 20) /* beyond this it is `bad`, too */

struct acta_doc {
	char *data; /* not NUL-ended */
	size_t size, room;
	bool comma; /* a value stands before */
	bool bad;
};

/* `key` is NULL in arrays and at the top; `open` is '{' or '['. */
void acta_doc_open(struct acta_doc *doc, const char *key, char open);
void acta_doc_close(struct acta_doc *doc, char close);
void acta_doc_str(struct acta_doc *doc, const char *key, const char *text);
void acta_doc_int(struct acta_doc *doc, const char *key, int64_t value);
void acta_doc_tenths(struct acta_doc *doc, const char *key, double value);
void acta_doc_bool(struct acta_doc *doc, const char *key, bool value);
void acta_doc_null(struct acta_doc *doc, const char *key);
void acta_doc_hex(
    struct acta_doc *doc, const char *key, const uint8_t *bytes, size_t size);
/* Ends the document with a newline. */
void acta_doc_end(struct acta_doc *doc);
void acta_doc_fini(struct acta_doc *doc);

#endif /* ACTA_ROOT_DOC_H */
