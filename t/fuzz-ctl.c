/*
 * t/fuzz-ctl.c - packets between the root and a child, several of them, each
 * led by its size. A record that is taken has a known type and ended texts.
 */
#include "t/fuzz.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/ctl.h"

static int pair[2] = { -1, -1 };

static void
open_pair(void)
{
	if (pair[0] < 0)
		fuzz_must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
			      pair) == 0);
}

static void
packet(const uint8_t *data, size_t size)
{
	struct acta_ctl ctl;
	enum acta_err err;

	if (size == 0) /* no one sends an empty one: it is the end of file */
		return;
	fuzz_must(send(pair[0], data, size, MSG_NOSIGNAL) == (ssize_t)size);
	err = acta_ctl_recv(pair[1], &ctl);
	fuzz_must(err == ACTA_OK || err == ACTA_EPROTO);
	if (err == ACTA_OK) {
		fuzz_must(size == sizeof(ctl));
		fuzz_must(memchr(ctl.name, '\0', sizeof(ctl.name)) != NULL);
		fuzz_must(memchr(ctl.text, '\0', sizeof(ctl.text)) != NULL);
		fuzz_must((ctl.type >= ACTA_CTL_ENDPOINT &&
			      ctl.type <= ACTA_CTL_ALARM) ||
		    (ctl.type >= ACTA_CTL_PEER && ctl.type <= ACTA_CTL_GO));
	}
	fuzz_must(acta_ctl_recv(pair[1], &ctl) == ACTA_EAGAIN);
}

int
fuzz_ctl(const uint8_t *data, size_t size)
{
	open_pair();
	while (size >= 2) {
		size_t one = (size_t)data[0] | (size_t)data[1] << 8;

		data += 2;
		size -= 2;
		if (one > size)
			one = size;
		packet(data, one);
		data += one;
		size -= one;
	}
	return 0;
}

void
fuzz_ctl_seeds(fuzz_take *take, void *self)
{
	static const enum acta_ctl_type types[] = { ACTA_CTL_ENDPOINT,
		ACTA_CTL_HEARTBEAT, ACTA_CTL_PEER, ACTA_CTL_STOP };
	uint8_t bytes[2 * (2 + sizeof(struct acta_ctl))];
	const size_t step = 2 + sizeof(struct acta_ctl);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct acta_ctl ctl;

		acta_ctl_init(&ctl, types[i]);
		snprintf(ctl.name, sizeof(ctl.name), "stock");
		snprintf(ctl.text, sizeof(ctl.text), "ipc:///run/stock.w0.1");
		for (size_t k = 0; k < 2; k++) {
			bytes[k * step] = sizeof(ctl) & 0xff;
			bytes[k * step + 1] = sizeof(ctl) >> 8;
			memcpy(bytes + k * step + 2, &ctl, sizeof(ctl));
		}
		take(self, bytes, sizeof(bytes));
	}
}
