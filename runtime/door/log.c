/* log.c - structured lines to stderr, each event at most 5 times a second. */
#include "runtime/door/door.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINES_MAX 5u
#define WINDOW_MS 1000

const char *
door_log_quote(char out[DOOR_QUOTED_MAX], const char *text)
{
	size_t at = 0;

	out[at++] = '"';
	for (; *text != '\0' && at + 6 < DOOR_QUOTED_MAX; text++) {
		unsigned char c = (unsigned char)*text;

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

/* The window of an event; events are literals, told apart by address. */
static struct door_log_window *
window_of(struct door *door, const char *event)
{
	for (uint32_t i = 0; i < DOOR_LOG_EVENTS; i++) {
		struct door_log_window *w = &door->logged[i];

		if (w->event == event)
			return w;
		if (!w->event) {
			w->event = event;
			w->since_ms = door->now_ms;
			return w;
		}
	}
	return &door->logged[DOOR_LOG_EVENTS - 1];
}

void
door_log(struct door *door, const char *level, const char *event,
    const char *format, ...)
{
	struct door_log_window *w = window_of(door, event);
	char line[1536], more[32] = "";
	struct timespec now;
	struct tm utc;
	va_list args;
	int n;

	if (door->now_ms - w->since_ms >= WINDOW_MS) {
		if (w->dropped > 0)
			snprintf(more, sizeof more, " dropped=%u", w->dropped);
		w->since_ms = door->now_ms;
		w->lines = w->dropped = 0;
	}
	if (++w->lines > LINES_MAX) {
		w->dropped++;
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	n = (int)strftime(line, sizeof line, "time=%Y-%m-%dT%H:%M:%S", &utc);
	n += snprintf(line + n, sizeof line - (size_t)n,
	    ".%03ldZ level=%s event=%s door=%s", now.tv_nsec / 1000000, level,
	    event, door->name);
	if (*format) {
		line[n++] = ' ';
		va_start(args, format);
		n += vsnprintf(line + n, sizeof line - (size_t)n, format, args);
		va_end(args);
	}
	if (n > (int)(sizeof line - sizeof more - 1))
		n = (int)(sizeof line - sizeof more - 1);
	n += snprintf(line + n, sizeof line - (size_t)n, "%s\n", more);
	/* A log that cannot be written has nowhere else to go. */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}
