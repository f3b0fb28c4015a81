/* runtime/host/quote.c - a value of a log line; see log.h. */
#include <stdio.h>

#include "runtime/host/log.h"

const char *
acta_log_quote(char *out, size_t room, const void *data, size_t size)
{
	const unsigned char *from = data;
	size_t at = 0;

	out[at++] = '"';
	for (size_t i = 0; i < size && at + 6 < room; i++) {
		unsigned char c = from[i];

		if (c < 0x20 || c == 0x7f) {
			at += (size_t)snprintf(out + at, 5, "\\x%02x", c);
			continue;
		}
		if (c == '"' || c == '\\')
			out[at++] = '\\';
		out[at++] = (char)c;
	}
	out[at++] = '"';
	out[at] = '\0';
	return out;
}
