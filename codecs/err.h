/*
 * codecs/err.h - every run-time error of this project, and the text that goes
 * with one. The lowest header: all folders include it. Append only.
 */
#ifndef ACTA_ERR_H
#define ACTA_ERR_H

#ifdef NDEBUG
#error "assertions are part of this program: build without NDEBUG"
#endif

#define ACTA_ERR_MAP(X)                                        \
	X(OK, "success")                                       \
	X(EINVAL, "value out of range")                        \
	X(ENOMEM, "out of memory")                             \
	X(EAGAIN, "no room now, try again")                    \
	X(ENOENT, "not there")                                 \
	X(ELIMIT, "a limit was reached")                       \
	X(EPROTO, "malformed message")                         \
	X(ECORRUPT, "stored data failed its check")            \
	X(EFULL, "the store is full: nothing was written")     \
	X(EUNSURE, "the disk failed: the outcome is unknown")  \
	X(EBUSY, "held by another process")                    \
	X(EVERSION, "made by another version")                 \
	X(ECLOSED, "the other side is gone")                   \
	X(ETIMEDOUT, "timed out")                              \
	X(EDENIED, "not allowed")                              \
	X(EIO, "the system call failed")                       \
	X(ELAPSED, "too far behind: it is no longer kept")

enum acta_err {
#define X(name, text) ACTA_##name,
	ACTA_ERR_MAP(X)
#undef X
};

#ifndef ACTA_NODISCARD
#define ACTA_NODISCARD __attribute__((warn_unused_result))
#endif

/* Static text for `err`, never NULL, never allocated. Any thread. */
const char *acta_strerror(enum acta_err err);

/*
 * What a person is told: what and why, and what to do. Filled by the callee
 * when it returns other than ACTA_OK; NULL-safe, truncated to fit, UTF-8
 * whatever is shown in it ('?' for a byte that is none).
 */
struct acta_why {
	char text[320];
	char hint[240]; /* "" if there is none */
};

void acta_why_text(struct acta_why *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void acta_why_hint(struct acta_why *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif /* ACTA_ERR_H */
