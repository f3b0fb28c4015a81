/* runtime/host/log.c - a line is one write, so that lines do not mix. */
#include "runtime/host/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The process's log is one thing, as its stderr is: the only state here. */
static _Atomic int64_t second;
static _Atomic uint32_t written, dropped;

void
acta_log_line(const char *level, const char *event, const char *format, ...)
{
	char line[1600];
	struct timespec now;
	struct tm utc;
	size_t at;
	uint32_t lost;
	va_list ap;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	if (atomic_exchange(&second, (int64_t)now.tv_sec) !=
	    (int64_t)now.tv_sec)
		atomic_store(&written, 0);
	if (atomic_fetch_add(&written, 1) >= ACTA_LOG_PER_SECOND) {
		atomic_fetch_add(&dropped, 1);
		return;
	}
	gmtime_r(&now.tv_sec, &utc);
	at = strftime(line, sizeof(line), "time=%Y-%m-%dT%H:%M:%S", &utc);
	n = snprintf(line + at, sizeof(line) - at,
	    ".%03ldZ level=%s event=%.64s ", now.tv_nsec / 1000000, level,
	    event);
	at += (size_t)n;
	va_start(ap, format);
	n = vsnprintf(line + at, sizeof(line) - at - 32, format, ap);
	va_end(ap);
	if (n > 0)
		at += (size_t)n < sizeof(line) - at - 33
		    ? (size_t)n
		    : sizeof(line) - at - 33;
	lost = atomic_exchange(&dropped, 0);
	if (lost > 0)
		at += (size_t)snprintf(
		    line + at, sizeof(line) - at, " lines_dropped=%u", lost);
	line[at++] = '\n';
	if (write(STDERR_FILENO, line, at) < 0)
		atomic_fetch_add(&dropped, 1);
}
