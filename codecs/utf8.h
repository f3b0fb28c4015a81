/*
 * codecs/utf8.h - what is UTF-8 (RFC 3629). Inline: the reader looks at every
 * text, and the root, which stands on libc alone, at those that it tells.
 */
#ifndef ACTA_UTF8_H
#define ACTA_UTF8_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Of the sequence at p: its length, 0 if it is malformed (no surrogates, no
 * overlong forms, nothing over U+10FFFF) or `room` cuts it. room > 0. */
static inline size_t
acta_utf8_sequence(const uint8_t *p, size_t room)
{
	uint8_t lead = p[0], low = 0x80, high = 0xbf;
	size_t size;

	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
	if (room < size)
		return 0;
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

/* A '?' for each byte of the text (NUL-ended) that is none. */
static inline void
acta_utf8_mend(char *text)
{
	size_t size = strlen(text);

	while (size) {
		size_t taken = acta_utf8_sequence((const uint8_t *)text, size);

		if (taken == 0) {
			*text = '?';
			taken = 1;
		}
		text += taken;
		size -= taken;
	}
}

#endif /* ACTA_UTF8_H */
