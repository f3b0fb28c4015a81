/* runtime/config_text.c - durations, sizes, numbers: text to value and back. */
#include "runtime/config_text.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PRINTF_MAX 65536u
#define HUNDRED_YEARS_US (36525LL * 86400 * 1000000)

struct unit {
	const char *name;
	int64_t factor;
};

/* Ascending: what prints them walks from the end. */
static const struct unit durations[] = {
	{ "us", 1 },
	{ "ms", 1000 },
	{ "s", 1000000 },
	{ "m", 60000000LL },
	{ "h", 3600000000LL },
	{ "d", 86400000000LL },
	{ NULL, 0 },
};
static const struct unit sizes[] = {
	{ "B", 1 },
	{ "KiB", 1LL << 10 },
	{ "MiB", 1LL << 20 },
	{ "GiB", 1LL << 30 },
	{ "TiB", 1LL << 40 },
	{ NULL, 0 },
};

void
acta_text_printf(struct acta_buf *buf, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	assert(n >= 0);
	if ((size_t)n >= PRINTF_MAX)
		n = PRINTF_MAX - 1;
	acta_buf_reserve(buf, (size_t)n + 1);
	va_start(args, format);
	vsnprintf((char *)buf->data + buf->size, (size_t)n + 1, format, args);
	va_end(args);
	buf->size += (size_t)n;
}

char *
acta_text_keepf(const char *format, ...)
{
	va_list args;
	char *out;

	va_start(args, format);
	if (vasprintf(&out, format, args) < 0)
		abort();
	va_end(args);
	return out;
}

/* digits[.digits]unit, by the table. */
static enum acta_err
quantity(const char *text, const struct unit *units, int64_t max, int64_t *out)
{
	const char *at = text;
	double value;
	char *end;
	size_t digits = strspn(at, "0123456789");

	at += digits;
	if (*at == '.')
		at += 1 + strspn(at + 1, "0123456789");
	if (digits == 0 || at - text > 24)
		return ACTA_EINVAL;
	value = strtod(text, &end);
	/* strtod would read on into an exponent or hexadecimal. */
	if (end != at && !isalpha((unsigned char)*at))
		return ACTA_EINVAL;
	if (*at == '\0' && value == 0) {
		*out = 0;
		return ACTA_OK;
	}
	for (; units->name != NULL; units++) {
		if (strcmp(units->name, at) != 0)
			continue;
		value *= (double)units->factor;
		if (value > (double)max)
			return ACTA_ELIMIT;
		if (value != floor(value))
			return ACTA_EINVAL;
		*out = (int64_t)value;
		return ACTA_OK;
	}
	return ACTA_EINVAL;
}

enum acta_err
acta_text_duration(const char *text, int64_t *out_us, struct acta_why *why)
{
	enum acta_err err = quantity(text, durations, HUNDRED_YEARS_US, out_us);
	size_t digits = strspn(text, "0123456789");

	if (err == ACTA_ELIMIT)
		acta_why_hint(why, "at most a hundred years");
	else if (err != ACTA_OK && digits > 0 && text[digits] == '\0')
		acta_why_hint(why,
		    "say the unit: %ss? Durations are like 50us 100ms 5s "
		    "2m 24h",
		    text);
	else if (err != ACTA_OK)
		acta_why_hint(why, "durations are like 50us 100ms 5s 2m 24h");
	return err;
}

enum acta_err
acta_text_size(const char *text, int64_t *out_bytes, struct acta_why *why)
{
	enum acta_err err = quantity(text, sizes, 1LL << 62, out_bytes);
	size_t digits = strspn(text, "0123456789");
	char unit = digits > 0 ? (char)toupper((unsigned char)text[digits]) : 0;

	if (err == ACTA_ELIMIT)
		acta_why_hint(why, "at most 4194304TiB");
	else if (err != ACTA_OK && unit != 0 && strchr("KMGT", unit) != NULL &&
	    digits < 12)
		acta_why_hint(
		    why, "did you mean \"%.*s%ciB\"?", (int)digits, text, unit);
	else if (err != ACTA_OK)
		acta_why_hint(why, "sizes are like 512B 64KiB 64MiB 1GiB");
	return err;
}

enum acta_err
acta_text_int(const char *text, int64_t *out)
{
	const char *digits = text + (*text == '-');
	char *end;
	long long value;

	if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
		return ACTA_EINVAL;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno == ERANGE)
		return ACTA_ELIMIT;
	*out = value;
	return ACTA_OK;
}

enum acta_err
acta_text_num(const char *text, double *out)
{
	const char *at = text + (*text == '-' || *text == '+');
	char *end;
	double value;

	/* No "nan", "inf" or hexadecimal, which strtod would take. */
	if (!isdigit((unsigned char)*at) && *at != '.')
		return ACTA_EINVAL;
	if (at[strspn(at, "0123456789.eE+-")] != '\0')
		return ACTA_EINVAL;
	value = strtod(text, &end);
	if (*end != '\0' || end == at || !isfinite(value))
		return ACTA_EINVAL;
	*out = value;
	return ACTA_OK;
}

enum acta_err
acta_text_from(const char *text, int64_t *out)
{
	struct tm utc = { .tm_sec = 0 };
	const char *end;

	if (strcmp(text, "first") == 0 || strcmp(text, "last") == 0) {
		*out = text[0] == 'f' ? ACTA_FROM_FIRST : ACTA_FROM_LAST;
		return ACTA_OK;
	}
	if (acta_text_int(text, out) == ACTA_OK)
		return *out > 0 ? ACTA_OK : ACTA_EINVAL;
	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc);
	if (end == NULL || *end != '\0')
		return ACTA_EINVAL;
	*out = -(int64_t)timegm(&utc) * 1000;
	return *out < ACTA_FROM_LAST ? ACTA_OK : ACTA_EINVAL;
}

void
acta_text_of_from(int64_t from, char out[32])
{
	time_t seconds = (time_t)(-from / 1000);
	struct tm utc;

	if (from == ACTA_FROM_FIRST || from == ACTA_FROM_LAST)
		snprintf(out, 32, from == ACTA_FROM_FIRST ? "first" : "last");
	else if (from > 0)
		snprintf(out, 32, "%" PRId64, from);
	else
		strftime(
		    out, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
}

static void
of_quantity(int64_t value, const struct unit *units, char out[32])
{
	const struct unit *best = units;

	for (; units->name != NULL; units++)
		if (value != 0 && value % units->factor == 0)
			best = units;
	if (value == 0)
		snprintf(out, 32, "0");
	else
		snprintf(out, 32, "%lld%s", (long long)(value / best->factor),
		    best->name);
}

void
acta_text_of_duration(int64_t us, char out[32])
{
	of_quantity(us, durations, out);
	/* A day is read, but 24h is how hours of that order are written. */
	if (strcmp(out, "1d") == 0)
		snprintf(out, 32, "24h");
}

void
acta_text_of_size(int64_t bytes, char out[32])
{
	of_quantity(bytes, sizes, out);
}
