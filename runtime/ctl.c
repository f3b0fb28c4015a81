/* runtime/ctl.c - control records, one a packet; see ctl.h. */
#include "runtime/ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

_Static_assert(sizeof(struct acta_ctl) == 512,
    "a control record has no padding and one size on both sides");

void
acta_ctl_init(struct acta_ctl *ctl, enum acta_ctl_type type)
{
	memset(ctl, 0, sizeof(*ctl));
	ctl->magic = ACTA_CTL_MAGIC;
	ctl->type = (uint32_t)type;
}

enum acta_err
acta_ctl_send(int fd, const struct acta_ctl *ctl)
{
	ssize_t sent;

	do
		sent = send(fd, ctl, sizeof(*ctl), MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent == (ssize_t)sizeof(*ctl))
		return ACTA_OK;
	/* ENOBUFS is the same news as EAGAIN: no room now. */
	if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS))
		return ACTA_EAGAIN;
	return ACTA_ECLOSED;
}

static bool
known(uint32_t type)
{
	return (type >= ACTA_CTL_ENDPOINT && type <= ACTA_CTL_ALARM) ||
	    (type >= ACTA_CTL_PEER && type <= ACTA_CTL_GO);
}

enum acta_err
acta_ctl_recv(int fd, struct acta_ctl *out)
{
	struct acta_ctl ctl;
	struct iovec part = { &ctl, sizeof(ctl) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	uint32_t resets = 0;
	ssize_t size;

	/* A peer that ended with something unread resets the pair: that is told
	 * first, once, and then comes what it had said. */
	do
		size = recvmsg(fd, &message, MSG_DONTWAIT);
	while (size < 0 &&
	    (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
	if (size < 0)
		return errno == EAGAIN ? ACTA_EAGAIN : ACTA_ECLOSED;
	/* An empty packet and the end of file look alike, and are: neither side
	 * sends empty packets. */
	if (size == 0)
		return ACTA_ECLOSED;
	if (size != (ssize_t)sizeof(ctl) || (message.msg_flags & MSG_TRUNC) ||
	    ctl.magic != ACTA_CTL_MAGIC || !known(ctl.type))
		return ACTA_EPROTO;
	if (!memchr(ctl.name, '\0', sizeof(ctl.name)) ||
	    !memchr(ctl.text, '\0', sizeof(ctl.text)))
		return ACTA_EPROTO;
	*out = ctl;
	return ACTA_OK;
}
