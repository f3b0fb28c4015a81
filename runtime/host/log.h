/*
 * runtime/host/log.h - one structured line to stderr. Rate-limited: what was
 * dropped is counted and said with the next line. Any thread; never blocks for
 * longer than the write.
 */
#ifndef ACTA_HOST_LOG_H
#define ACTA_HOST_LOG_H

#include <stddef.h>

#define ACTA_LOG_PER_SECOND 200u

/* `data` in quotes, as a value of such a line: what would end it, or the line, is
 * escaped. It is cut to fit `room`; returns `out`. */
const char *acta_log_quote(
    char *out, size_t room, const void *data, size_t size);
void acta_log_line(const char *level, const char *event, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

#endif /* ACTA_HOST_LOG_H */
