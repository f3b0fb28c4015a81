/*
 * runtime/root/operator.c - RUN/root.sock: one line in, one JSON document out.
 * Nothing here blocks: who waits for a start or a stop is answered when it has
 * come about, and others are served meanwhile.
 */
#include "runtime/root/root.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum acta_err
acta_root_listen(struct acta_root *root, struct acta_why *why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char path[PATH_MAX];
	int folder = -1, fd;

	acta_root_path(root, "root.sock", path);
	unlink(path); /* a killed node's: the lock is ours */
	if (strlen(path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, strlen(path) + 1);
	} else {
		/* Longer than an address may be: reach it by its folder. */
		folder = open(root->plan.run, O_PATH | O_CLOEXEC);
		snprintf(address.sun_path, sizeof(address.sun_path),
		    "/proc/self/fd/%d/root.sock", folder);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(address.sun_path, 0600) != 0 || listen(fd, 64) != 0 ||
	    acta_root_watch(root, fd, ACTA_EVENT_LISTENER, 0, EPOLLIN, false) !=
		ACTA_OK) {
		acta_why_text(
		    why, "cannot listen at %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		if (folder >= 0)
			close(folder);
		return ACTA_EIO;
	}
	if (folder >= 0)
		close(folder);
	root->listener = fd;
	root->bound = true;
	return ACTA_OK;
}

static void
close_client(struct acta_root_client *client)
{
	char rest[4096];

	/* Closed over unread bytes, a socket takes the answer back (ECONNRESET).
	 * Who still writes after this much of a line gets just that. */
	for (int i = 0; client->fd >= 0 && i < 16; i++)
		if (recv(client->fd, rest, sizeof(rest), 0) <= 0)
			break;
	if (client->fd >= 0)
		close(client->fd);
	acta_doc_fini(&client->out);
	client->fd = -1;
	client->wait = ACTA_WAIT_NONE;
}

void
acta_root_clients_close(struct acta_root *root)
{
	for (uint32_t i = 0; i < ACTA_ROOT_CLIENTS; i++)
		close_client(&root->clients[i]);
}

void
acta_root_accept(struct acta_root *root)
{
	struct acta_root_client *client = NULL;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	uint32_t index = 0;
	int fd =
	    accept4(root->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	while (index < ACTA_ROOT_CLIENTS && root->clients[index].fd >= 0)
		index++;
	if (index == ACTA_ROOT_CLIENTS ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
	    (peer.uid != geteuid() && peer.uid != 0) ||
	    acta_root_watch(root, fd, ACTA_EVENT_CLIENT, index, EPOLLIN,
		false) != ACTA_OK) {
		close(fd);
		return;
	}
	client = &root->clients[index];
	*client = (struct acta_root_client){ .fd = fd };
	client->since_ms = acta_root_now();
}

/* ---------------------------------------------------------------- answers -- */

static void
flush(struct acta_root *root, struct acta_root_client *client)
{
	uint32_t index = (uint32_t)(client - root->clients);

	while (client->out_at < client->out.size) {
		ssize_t sent =
		    send(client->fd, client->out.data + client->out_at,
			client->out.size - client->out_at, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN &&
		    acta_root_watch(root, client->fd, ACTA_EVENT_CLIENT, index,
			EPOLLOUT, true) == ACTA_OK)
			return;
		if (sent < 0)
			break;
		client->out_at += (size_t)sent;
	}
	close_client(client);
}

void
acta_root_answer(struct acta_root *root, struct acta_root_client *client)
{
	client->answered = true;
	client->wait = ACTA_WAIT_NONE;
	client->since_ms = acta_root_now();
	acta_doc_end(&client->out);
	if (client->out.bad)
		close_client(client); /* no memory for it: better none */
	else
		flush(root, client);
}

void
acta_root_refuse(struct acta_root *root, struct acta_root_client *client,
    const char *code, const char *text, const char *hint)
{
	struct acta_doc *doc = &client->out;

	acta_doc_open(doc, NULL, '{');
	acta_doc_open(doc, "error", '{');
	acta_doc_str(doc, "code", code);
	acta_doc_str(doc, "text", text);
	acta_doc_str(doc, "hint", hint);
	acta_doc_close(doc, '}');
	acta_doc_close(doc, '}');
	acta_root_answer(root, client);
}

void
acta_root_done(struct acta_root *root, struct acta_root_client *client)
{
	struct acta_doc *doc = &client->out;
	uint32_t child = client->child;

	acta_doc_open(doc, NULL, '{');
	acta_doc_bool(doc, "ok", true);
	acta_doc_str(doc, "service", root->plan.children[child].name);
	acta_doc_str(
	    doc, "state", acta_sup_state_name(root->sup.children[child].state));
	if (root->children[child].pid)
		acta_doc_int(doc, "pid", root->children[child].pid);
	else
		acta_doc_null(doc, "pid");
	acta_doc_close(doc, '}');
	acta_root_answer(root, client);
}

static void
did_not_start(struct acta_root *root, struct acta_root_client *client)
{
	const struct acta_root_child *c = &root->children[client->child];
	const char *name = root->plan.children[client->child].name;
	const char *state =
	    acta_sup_state_name(root->sup.children[client->child].state);
	char text[640], hint[128], word[64];

	if (c->causes_count == 0) {
		snprintf(text, sizeof(text), "%s is %s", name, state);
	} else {
		const struct acta_cause *cause =
		    &c->causes[(c->causes_count - 1) % ACTA_CAUSES_KEPT];

		acta_cause_word(cause, word, sizeof(word));
		snprintf(text, sizeof(text), "%s is %s: %s%s%s", name, state,
		    word, cause->text[0] ? ": " : "", cause->text);
	}
	snprintf(hint, sizeof(hint), "`acta why %s` tells more", name);
	acta_root_refuse(root, client, "failed", text, hint);
}

/* ---------------------------------------------------------------- commands -- */

void
acta_root_not_found(
    struct acta_root *root, struct acta_root_client *client, const char *name)
{
	char text[320], hint[512];
	size_t at = (size_t)snprintf(hint, sizeof(hint), "it has");

	snprintf(text, sizeof(text), "no service \"%s\" in node %s", name,
	    root->plan.node);
	for (uint32_t i = 0; i < root->plan.count && at < sizeof(hint) - 64;
	     i++)
		if (root->sup.children[i].used)
			at += (size_t)snprintf(hint + at, sizeof(hint) - at,
			    "%s %s", i ? "," : "", root->plan.children[i].name);
	acta_root_refuse(root, client, "not-found", text, hint);
}

static void
start_refused(struct acta_root *root, struct acta_root_client *client,
    const char *name, enum acta_err err)
{
	char text[160], hint[160];

	switch (err) {
	case ACTA_EBUSY:
		snprintf(text, sizeof(text), "%s runs already", name);
		snprintf(hint, sizeof(hint), "`acta restart %s`?", name);
		acta_root_refuse(root, client, "conflict", text, hint);
		return;
	case ACTA_EDENIED:
		snprintf(text, sizeof(text),
		    "%s is held: its storage failed, and what the disk holds "
		    "is not known",
		    name);
		snprintf(hint, sizeof(hint),
		    "`acta start --storage-checked %s` checks it past the "
		    "page cache first",
		    name);
		acta_root_refuse(root, client, "storage-failed", text, hint);
		return;
	case ACTA_EAGAIN:
		snprintf(text, sizeof(text),
		    "%s has not had its turn: those before it are starting",
		    name);
		acta_root_refuse(
		    root, client, "busy", text, "try again once it is up");
		return;
	case ACTA_ENOENT:
		snprintf(text, sizeof(text), "%s is a template", name);
		snprintf(hint, sizeof(hint), "`acta sup add %s NAME`",
		    acta_root_parent_name(root, client->child));
		acta_root_refuse(root, client, "conflict", text, hint);
		return;
	case ACTA_EINVAL:
		snprintf(text, sizeof(text), "%s is a door", name);
		snprintf(hint, sizeof(hint),
		    "`acta restart %s` makes a new one; stop the node to stop "
		    "its doors",
		    name);
		acta_root_refuse(root, client, "conflict", text, hint);
		return;
	case ACTA_ECLOSED:
		if (root->sup.phase < ACTA_NODE_STOPPING) {
			const char *group =
			    acta_root_parent_name(root, client->child);

			snprintf(text, sizeof(text),
			    "%s: its group %s is not up", name, group);
			snprintf(hint, sizeof(hint), "`acta start %s`", group);
			acta_root_refuse(root, client, "conflict", text, hint);
			return;
		}
		snprintf(
		    text, sizeof(text), "node %s is stopping", root->plan.node);
		acta_root_refuse(root, client, "unavailable", text, "");
		return;
	default:
		acta_root_refuse(
		    root, client, "internal", acta_strerror(err), "");
	}
}

/* It runs, and a partition of it has stopped (on_failed: stop). */
static bool
goes_on(struct acta_root *root, uint32_t child)
{
	const struct acta_root_child *c = &root->children[child];
	bool stopped = false;

	for (size_t i = 0; i < ACTA_ROOT_ALARMS; i++)
		stopped |= strncmp(c->alarms[i].name, "stopped.", 8) == 0;
	if (!stopped || root->sup.children[child].state != ACTA_SUP_UP)
		return false;
	acta_root_child_go(root, child);
	return true;
}

static void
command(struct acta_root *root, struct acta_root_client *client,
    const char *verb, uint32_t child, bool checked)
{
	const char *name = root->plan.children[child].name;
	int64_t now_ms = acta_root_now();
	enum acta_err err;

	acta_root_log(root, "info", "event=operator do=%s service=%s%s", verb,
	    name, checked ? " storage=checked" : "");
	client->child = child;
	client->wait = ACTA_WAIT_UP;
	if (strcmp(verb, "start") == 0 && goes_on(root, child)) {
		acta_root_done(root, client);
		return;
	}
	if (strcmp(verb, "start") == 0) {
		err = acta_sup_cmd_start(&root->sup, child, checked, now_ms);
	} else if (strcmp(verb, "restart") == 0) {
		err = acta_sup_cmd_restart(&root->sup, child, now_ms);
	} else {
		err = acta_sup_cmd_stop(&root->sup, child, now_ms);
		client->wait = ACTA_WAIT_STOPPED;
	}
	if (err != ACTA_OK) {
		client->wait = ACTA_WAIT_NONE;
		start_refused(root, client, name, err);
		return;
	}
	if (strcmp(verb, "start") == 0)
		acta_root_child_go(root, child);
	acta_root_act(root);
}

static bool
report(
    struct acta_root *root, struct acta_root_client *client, const char *verb)
{
	if (strcmp(verb, "ps") == 0)
		acta_root_report_ps(root, &client->out);
	else if (strcmp(verb, "info") == 0)
		acta_root_report_info(root, &client->out);
	else if (strcmp(verb, "health") == 0)
		acta_root_report_health(root, &client->out);
	else if (strcmp(verb, "where") == 0)
		acta_root_report_where(root, &client->out);
	else
		return false;
	acta_root_answer(root, client);
	return true;
}

static void
obey(struct acta_root *root, struct acta_root_client *client)
{
	char *rest = client->line;
	const char *verb = strsep(&rest, " ");

	if (strcmp(verb, "sup") == 0) {
		acta_root_sup_obey(root, client, rest);
		return;
	}

	const char *name = strsep(&rest, " ");
	const char *flag = strsep(&rest, " ");
	bool checked = flag && strcmp(flag, "checked") == 0;
	bool why = strcmp(verb, "why") == 0;
	uint32_t child;

	if (!name && report(root, client, verb))
		return;
	if (!name || rest || (flag && !checked) ||
	    (checked && strcmp(verb, "start") != 0) ||
	    (!why && strcmp(verb, "start") != 0 && strcmp(verb, "stop") != 0 &&
		strcmp(verb, "restart") != 0)) {
		acta_root_refuse(root, client, "bad-request", "not understood",
		    "one of: ps, info, health, where, why NAME, start NAME "
		    "[checked], stop NAME, restart NAME, sup ...");
		return;
	}
	child = acta_root_find(root, name);
	if (child == UINT32_MAX) {
		acta_root_not_found(root, client, name);
		return;
	}
	if (!why) {
		command(root, client, verb, child, checked);
		return;
	}
	acta_root_report_why(root, child, &client->out);
	acta_root_answer(root, client);
}

/* ------------------------------------------------------------------ events -- */

static void
read_line(struct acta_root *root, struct acta_root_client *client)
{
	size_t room = sizeof(client->line) - 1 - client->line_size;
	ssize_t got =
	    recv(client->fd, client->line + client->line_size, room, 0);
	char *end;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0 || (got == 0 && client->line_size == 0)) {
		close_client(client);
		return;
	}
	client->line_size += (size_t)got;
	client->line[client->line_size] = '\0';
	end = strpbrk(client->line, "\r\n");
	if (!end && got > 0 && client->line_size < sizeof(client->line) - 1)
		return;
	if (end)
		*end = '\0';
	/* What follows the line is not read: it would be a second wish. */
	if (acta_root_watch(root, client->fd, ACTA_EVENT_CLIENT,
		(uint32_t)(client - root->clients), 0, true) != ACTA_OK)
		close_client(client);
	else
		obey(root, client);
}

void
acta_root_client_event(struct acta_root *root, uint32_t index, uint32_t events)
{
	struct acta_root_client *client = &root->clients[index];

	assert(index < ACTA_ROOT_CLIENTS);
	if (client->fd < 0)
		return; /* closed earlier in this round */
	if (client->answered)
		flush(root, client);
	else if (client->wait != ACTA_WAIT_NONE) {
		/* Its wish stands; only nobody waits for the answer. */
		if (events & (EPOLLHUP | EPOLLERR))
			close_client(client);
	} else {
		read_line(root, client);
	}
}

static void
settle(struct acta_root *root, struct acta_root_client *client, int64_t now_ms)
{
	enum acta_sup_state state;

	if (client->wait == ACTA_WAIT_ANSWER ||
	    client->wait == ACTA_WAIT_REMADE)
		return; /* the supervisor will say */
	if (client->wait == ACTA_WAIT_NONE) {
		/* It says nothing, or does not read its answer. */
		if (now_ms - client->since_ms > ACTA_ROOT_LINE_MS)
			close_client(client);
		return;
	}
	state = root->sup.children[client->child].state;
	switch (state) {
	case ACTA_SUP_STARTING:
	case ACTA_SUP_BACKOFF:
	case ACTA_SUP_STOPPING:
	case ACTA_SUP_DYING: return; /* it will move by itself */
	case ACTA_SUP_UP:
		if (client->wait == ACTA_WAIT_UP)
			acta_root_done(root, client);
		else /* another operator started it meanwhile */
			acta_root_refuse(root, client, "conflict",
			    "it was started again", "");
		return;
	case ACTA_SUP_STOPPED:
	case ACTA_SUP_FAILED:
	case ACTA_SUP_STORAGE:
		if (client->wait == ACTA_WAIT_STOPPED)
			acta_root_done(root, client);
		else
			did_not_start(root, client);
		return;
	}
}

void
acta_root_clients_settle(struct acta_root *root, int64_t now_ms)
{
	for (uint32_t i = 0; i < ACTA_ROOT_CLIENTS; i++)
		if (root->clients[i].fd >= 0)
			settle(root, &root->clients[i], now_ms);
}
