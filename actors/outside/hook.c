/*
 * hook.c - tells an HTTP server: one POST a message, with the message's id as its
 * Idempotency-Key, the same on every attempt, so that the server can tell a second
 * attempt from a second message.
 *
 * 2xx is done, 4xx a refusal that no other attempt would change, anything else
 * (5xx, no server, no answer in time) is tried again, with backoff.
 */
#define _GNU_SOURCE /* beside C: the system's calls */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <acta.h>

#define ANSWER_BYTES 512 /* of it the first line is read, no more */
#define SECONDS 10       /* for each step that waits */

static int
open_to(const char *host, const char *port)
{
	const struct addrinfo want = { .ai_socktype = SOCK_STREAM };
	const struct timeval limit = { .tv_sec = SECONDS };
	struct addrinfo *found = NULL;
	int fd = -1;

	if (getaddrinfo(host, port, &want, &found) != 0)
		return -1;
	for (struct addrinfo *at = found; at != NULL && fd < 0;
	     at = at->ai_next) {
		fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC,
		    at->ai_protocol);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		if (connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
			(void)close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	return fd;
}

static bool
send_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

/* The answer's number; 0: there was none. */
static int
status_of(int fd)
{
	char line[ANSWER_BYTES] = "";
	size_t at = 0;
	int status = 0;

	while (at < sizeof(line) - 1 && strchr(line, '\n') == NULL) {
		ssize_t n = recv(fd, line + at, sizeof(line) - 1 - at, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += (size_t)n;
		line[at] = '\0';
	}
	if (sscanf(line, "HTTP/1.%*1[01] %3d", &status) != 1)
		return 0;
	return status;
}

static acta_status
tell(acta_actor *self, const acta_msg *msg)
{
	const char *host = acta_text(self, acta_setting(self, "host"));
	const char *port = acta_text(self, acta_setting(self, "port"));
	const char *text = acta_arg_str(msg, "text");
	const char *head = acta_format(self,
	    "POST %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n"
	    "Idempotency-Key: %s\r\nContent-Type: text/plain\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    acta_text(self, acta_setting(self, "path")), host, port,
	    acta_msg_id(msg), strlen(text));
	int status = 0, fd = open_to(host, port);

	if (fd < 0)
		return acta_fail(self, "%s:%s cannot be reached", host, port);
	if (send_all(fd, head, strlen(head)) &&
	    send_all(fd, text, strlen(text)))
		status = status_of(fd);
	(void)close(fd);
	if (status >= 400 && status < 500)
		return acta_reject(self, "refused", "HTTP %d", status);
	if (status < 200 || status >= 300)
		return acta_fail(self, "HTTP %d", status);
	acta_add(self, "told", 1);
	return acta_reply(self, acta_int("status", status));
}

static const struct acta_handler handlers[] = {
	{ "tell", tell, .args = "text:str", .flags = ACTA_OUTSIDE,
	    .doc = "POST the text." },
	{ 0 }
};

ACTA_SERVICE("hook", "1.0.0", handlers,
    .settings = "host:str=\"127.0.0.1\" port:int=80 path:str=\"/\"");
