/*
 * runtime/host/log.h - one structured line to stderr. Rate-limited: what was
 * dropped is counted and said with the next line. Any thread; never blocks for
 * longer than the write.
 */
#ifndef ACTA_HOST_LOG_H
#define ACTA_HOST_LOG_H

#define ACTA_LOG_PER_SECOND 200u

void acta_log_line(const char *level, const char *event, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

#endif /* ACTA_HOST_LOG_H */
