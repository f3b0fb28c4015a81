/* codecs/err.c - see err.h. Stands on libc alone: the root links it too. */
#include "codecs/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codecs/utf8.h"

const char *
acta_strerror(enum acta_err err)
{
	static const char *const texts[] = {
#define X(name, text) text,
		ACTA_ERR_MAP(X)
#undef X
	};

	if ((unsigned)err >= sizeof(texts) / sizeof(*texts))
		return "unknown error";
	return texts[err];
}

/* A cut must not leave half a character behind. */
static void
cut_at_character(char *text)
{
	size_t at = strlen(text), first = at;

	while (first > 0 && ((unsigned char)text[first - 1] & 0xc0) == 0x80)
		first--;
	if (first == 0)
		return;
	unsigned char lead = (unsigned char)text[first - 1];
	size_t need = lead >= 0xf0 ? 4
	    : lead >= 0xe0         ? 3
	    : lead >= 0xc0         ? 2
				   : 1;

	if (at - (first - 1) < need)
		text[first - 1] = '\0';
}

static void put(char *out, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* These texts travel as MessagePack str and JSON, and show what came from
 * anywhere, cut anywhere: UTF-8 they are in any case. */
static void
put(char *out, size_t size, const char *format, va_list args)
{
	if (vsnprintf(out, size, format, args) < 0)
		out[0] = '\0';
	cut_at_character(out);
	acta_utf8_mend(out);
}

void
acta_why_text(struct acta_why *why, const char *format, ...)
{
	va_list args;

	if (!why)
		return;
	va_start(args, format);
	put(why->text, sizeof(why->text), format, args);
	va_end(args);
	why->hint[0] = '\0'; /* a hint belongs to the text before it */
}

void
acta_why_hint(struct acta_why *why, const char *format, ...)
{
	va_list args;

	if (!why)
		return;
	va_start(args, format);
	put(why->hint, sizeof(why->hint), format, args);
	va_end(args);
}
