/* runtime/root/doc.c - see doc.h. */
#include "runtime/root/doc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
put(struct acta_doc *doc, const char *bytes, size_t size)
{
	if (doc->bad)
		return;
	if (size > doc->room - doc->size) {
		size_t room = doc->room * 2 + size + 512;
		char *data =
		    room <= ACTA_DOC_MAX ? realloc(doc->data, room) : NULL;

		if (!data) {
			doc->bad = true;
			return;
		}
		doc->data = data;
		doc->room = room;
	}
	memcpy(doc->data + doc->size, bytes, size);
	doc->size += size;
}

static void
put_text(struct acta_doc *doc, const char *text)
{
	put(doc, text, strlen(text));
}

/* Bytes of the UTF-8 character at `at`, 0 if it is none (RFC 3629). */
static size_t
character(const unsigned char *at)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t size = at[0] < 0x80 ? 1
	    : at[0] >= 0xf8        ? 0
	    : at[0] >= 0xf0        ? 4
	    : at[0] >= 0xe0        ? 3
	    : at[0] >= 0xc0        ? 2
				   : 0;
	uint32_t code = size == 4 ? at[0] & 7u
	    : size == 3           ? at[0] & 15u
				  : at[0] & 31u;

	if (size < 2)
		return size;
	for (size_t i = 1; i < size; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0; /* the ending NUL as well */
		code = code << 6 | (at[i] & 0x3fu);
	}
	if (code < least[size] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return size;
}

static void
put_string(struct acta_doc *doc, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	char escape[8];

	put(doc, "\"", 1);
	while (*at) {
		size_t size = character(at);

		if (size == 0) {
			put_text(doc, "\xef\xbf\xbd");
			size = 1;
		} else if (*at == '"' || *at == '\\') {
			escape[0] = '\\';
			escape[1] = (char)*at;
			put(doc, escape, 2);
		} else if (*at == '\n') {
			put(doc, "\\n", 2);
		} else if (*at < 0x20 || *at == 0x7f) {
			snprintf(escape, sizeof(escape), "\\u%04x", *at);
			put(doc, escape, 6);
		} else {
			put(doc, (const char *)at, size);
		}
		at += size;
	}
	put(doc, "\"", 1);
}

static void
put_key(struct acta_doc *doc, const char *key)
{
	if (doc->comma)
		put(doc, ", ", 2);
	doc->comma = true;
	if (key) {
		put_string(doc, key);
		put(doc, ": ", 2);
	}
}

void
acta_doc_open(struct acta_doc *doc, const char *key, char open)
{
	put_key(doc, key);
	put(doc, &open, 1);
	doc->comma = false;
}

void
acta_doc_close(struct acta_doc *doc, char close)
{
	put(doc, &close, 1);
	doc->comma = true;
}

void
acta_doc_str(struct acta_doc *doc, const char *key, const char *text)
{
	put_key(doc, key);
	put_string(doc, text);
}

void
acta_doc_int(struct acta_doc *doc, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	put_key(doc, key);
	put_text(doc, text);
}

void
acta_doc_tenths(struct acta_doc *doc, const char *key, double value)
{
	char text[48];

	/* No more than a rate needs; a huge one must still be a number. */
	snprintf(text, sizeof(text), "%.1f",
	    value >= 0 && value < 1e15 ? value : 0.0);
	put_key(doc, key);
	put_text(doc, text);
}

void
acta_doc_bool(struct acta_doc *doc, const char *key, bool value)
{
	put_key(doc, key);
	put_text(doc, value ? "true" : "false");
}

void
acta_doc_null(struct acta_doc *doc, const char *key)
{
	put_key(doc, key);
	put_text(doc, "null");
}

void
acta_doc_hex(
    struct acta_doc *doc, const char *key, const uint8_t *bytes, size_t size)
{
	char pair[3];

	put_key(doc, key);
	put(doc, "\"", 1);
	for (size_t i = 0; i < size; i++) {
		snprintf(pair, sizeof(pair), "%02x", bytes[i]);
		put(doc, pair, 2);
	}
	put(doc, "\"", 1);
}

void
acta_doc_end(struct acta_doc *doc)
{
	put(doc, "\n", 1);
}

void
acta_doc_fini(struct acta_doc *doc)
{
	free(doc->data);
	*doc = (struct acta_doc){ 0 };
}
