/* runtime/root/root.c - see root.h. */
#include "runtime/root/root.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/root/files.h"

/* ---------------------------------------------------------- small helpers -- */

static int64_t
clock_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts); /* these clocks cannot fail */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
acta_root_now(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

uint32_t
acta_root_find(const struct acta_root *root, const char *name)
{
	for (uint32_t i = 0; i < root->plan.count; i++)
		if (strcmp(root->plan.children[i].name, name) == 0)
			return i;
	return UINT32_MAX;
}

void
acta_root_path(const struct acta_root *root, const char *name,
    char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%s", root->plan.run, name);
}

void
acta_root_log_path(const struct acta_root *root, const char *name,
    char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/log/%s.log", root->plan.run, name);
}

enum acta_err
acta_root_watch(struct acta_root *root, int fd, enum acta_root_event kind,
    uint32_t index, uint32_t events, bool again)
{
	struct epoll_event event = { .events = events };

	event.data.u64 = (uint64_t)kind << 32 | index;
	if (epoll_ctl(root->epoll, again ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
	        &event) != 0)
		return ACTA_EIO;
	return ACTA_OK;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ------------------------------------------------------------------- log -- */

/* stderr may be a pipe that nobody reads: the root must not wait for it. */
static void
write_stderr(const char *line, size_t size)
{
	struct pollfd out = { STDERR_FILENO, POLLOUT, 0 };

	if (poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT))
		return;
	ssize_t written = write(STDERR_FILENO, line, size);

	(void)written; /* there is nobody left to tell */
}

void
acta_root_say(const char *format, ...)
{
	char line[4096];
	va_list args;

	va_start(args, format);
	int size = vsnprintf(line, sizeof(line) - 1, format, args);

	va_end(args);
	if (size < 0)
		return;
	if (size >= (int)sizeof(line) - 1)
		size = (int)sizeof(line) - 2;
	line[size++] = '\n';
	write_stderr(line, (size_t)size);
}

void
acta_root_log(struct acta_root *root, const char *level, const char *format,
    ...)
{
	char line[2048], stamp[32] = "";
	struct timespec now;
	struct tm parts;
	va_list args;
	int head, size;

	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &parts))
		strftime(stamp, sizeof(stamp), "%FT%T", &parts);
	/* The terminal, and a journal, have a time of their own. */
	head = snprintf(line, sizeof(line), "time=%s.%03ldZ ", stamp,
	    now.tv_nsec / 1000000);
	size = head + snprintf(line + head, sizeof(line) - (size_t)head,
	                  "level=%s ", level);
	va_start(args, format);
	int more = vsnprintf(line + size, sizeof(line) - (size_t)size - 1,
	    format, args);

	va_end(args);
	if (more < 0)
		return;
	size += more;
	if (size > (int)sizeof(line) - 2)
		size = (int)sizeof(line) - 2;
	line[size++] = '\n';
	if (root->node_log >= 0) {
		ssize_t written = write(root->node_log, line, (size_t)size);

		(void)written; /* a full disk ends no node */
	}
	if (strcmp(level, "info") != 0)
		write_stderr(line + head, (size_t)(size - head));
}

/* For a value of a log line: one token, quoted, whatever a child said. */
static const char *
quoted(const char *text, char out[256])
{
	size_t at = 0;

	out[at++] = '"';
	for (; *text && at < 252; text++) {
		unsigned char c = (unsigned char)*text;

		out[at++] = c < 0x20 || c == 0x7f ? ' '
		    : c == '"'                    ? '\''
		                                  : (char)c;
	}
	out[at++] = '"';
	out[at] = '\0';
	return out;
}

/* --------------------------------------------------------- records out -- */

static void
go_deaf(struct acta_root *root, uint32_t child)
{
	struct acta_root_child *c = &root->children[child];

	if (c->deaf || c->ctl < 0)
		return;
	c->deaf = true;
	/* Its end, or its silence, follows; a closed pair would spin epoll. */
	(void)epoll_ctl(root->epoll, EPOLL_CTL_DEL, c->ctl, NULL);
}

static enum acta_err
tell_blame(struct acta_root *root, uint32_t child)
{
	struct acta_root_child *c = &root->children[child];
	struct acta_ctl ctl;
	enum acta_err err;

	while (!c->blame_told) {
		bool end = c->blame_at == c->blame.count;

		acta_ctl_init(&ctl, ACTA_CTL_BLAME);
		if (!end) {
			const struct acta_blame_row *row =
			    &c->blame.rows[c->blame_at];

			memcpy(ctl.uid, row->uid, sizeof(ctl.uid));
			ctl.count = row->crashes;
		}
		err = acta_ctl_send(c->ctl, &ctl);
		if (err != ACTA_OK)
			return err;
		if (end)
			c->blame_told = true;
		else
			c->blame_at++;
	}
	return ACTA_OK;
}

static enum acta_err
tell_peers(struct acta_root *root, uint32_t child)
{
	struct acta_root_child *c = &root->children[child];
	const struct acta_peer *peer;
	struct acta_ctl ctl;
	enum acta_err err;

	if (c->told == root->peers.last_change)
		return ACTA_OK;
	for (peer = acta_peers_after(&root->peers, c->told); peer;
	     peer = TAILQ_NEXT(peer, link)) {
		bool old_gone = !peer->endpoint[0] && peer->change <= c->born;

		if (peer->child != child && !old_gone) {
			const struct acta_plan_child *spec =
			    &root->plan.children[peer->child];

			acta_ctl_init(&ctl, ACTA_CTL_PEER);
			ctl.index = peer->worker;
			ctl.workers = spec->workers;
			ctl.partitions = spec->partitions;
			ctl.number = peer->incarnation;
			strcpy(ctl.name, spec->name);
			strcpy(ctl.text, peer->endpoint);
			err = acta_ctl_send(c->ctl, &ctl);
			if (err != ACTA_OK)
				return err;
		}
		c->told = peer->change;
	}
	return ACTA_OK;
}

static enum acta_err
tell_stop(struct acta_root *root, uint32_t child)
{
	struct acta_root_child *c = &root->children[child];
	struct acta_ctl ctl;
	enum acta_err err;

	if (!c->stop_pending)
		return ACTA_OK;
	acta_ctl_init(&ctl, ACTA_CTL_STOP);
	err = acta_ctl_send(c->ctl, &ctl);
	if (err == ACTA_OK)
		c->stop_pending = false;
	return err;
}

/* All that a child is owed and its pair has room for. */
static void
pump(struct acta_root *root, uint32_t child)
{
	struct acta_root_child *c = &root->children[child];
	enum acta_err err;

	if (c->ctl < 0 || c->deaf)
		return;
	err = tell_stop(root, child);
	if (err == ACTA_OK)
		err = tell_blame(root, child);
	if (err == ACTA_OK)
		err = tell_peers(root, child);
	if (err == ACTA_ECLOSED) {
		go_deaf(root, child);
		return;
	}
	if ((err == ACTA_EAGAIN) == c->writing)
		return;
	c->writing = err == ACTA_EAGAIN;
	if (acta_root_watch(root, c->ctl, ACTA_EVENT_CHILD_CTL, child,
	        c->writing ? EPOLLIN | EPOLLOUT : EPOLLIN, true) != ACTA_OK)
		go_deaf(root, child);
}

/* ---------------------------------------------------------- records in -- */

static void
take_alarm(struct acta_root *root, uint32_t child, const struct acta_ctl *ctl)
{
	struct acta_root_child *c = &root->children[child];
	struct acta_root_alarm *spot = NULL;
	char text[256];

	for (uint32_t i = 0; i < ACTA_ROOT_ALARMS; i++) {
		struct acta_root_alarm *a = &c->alarms[i];

		if (a->name[0] && strcmp(a->name, ctl->name) == 0) {
			spot = a;
			break;
		}
		if (!a->name[0] && !spot)
			spot = a;
	}
	root->dirty = true;
	if (!ctl->text[0]) {
		if (spot && spot->name[0])
			spot->name[0] = '\0';
		acta_root_log(root, "info",
		    "event=alarm-over service=%s alarm=%s",
		    root->plan.children[child].name, ctl->name);
		return;
	}
	acta_root_log(root, "warn", "event=alarm service=%s alarm=%s text=%s",
	    root->plan.children[child].name, ctl->name,
	    quoted(ctl->text, text));
	if (!spot || !ctl->name[0])
		return; /* more at once than are shown: the log has it */
	strcpy(spot->name, ctl->name);
	strcpy(spot->text, ctl->text);
}

static void
take_beat(struct acta_root *root, uint32_t child, const struct acta_ctl *ctl,
    int64_t now_ms)
{
	struct acta_root_child *c = &root->children[child];
	int64_t passed_ms = now_ms - c->beat_ms;

	if (passed_ms > 0 && ctl->count >= c->handled)
		c->rate = (double)(ctl->count - c->handled) * 1000 /
		    (double)passed_ms;
	c->handled = ctl->count;
	c->waiting = ctl->number;
	c->dead = ctl->extra;
	c->beat_ms = now_ms;
	acta_sup_beat(&root->sup, child, now_ms);
}

static enum acta_err
take_record(struct acta_root *root, uint32_t child, const struct acta_ctl *ctl,
    int64_t now_ms)
{
	struct acta_root_child *c = &root->children[child];

	switch (ctl->type) {
	case ACTA_CTL_ENDPOINT:
		return acta_peers_set(&root->peers, child, ctl->index,
		    ctl->number, ctl->text);
	case ACTA_CTL_READY:
		acta_sup_ready(&root->sup, child, now_ms);
		return ACTA_OK;
	case ACTA_CTL_HEARTBEAT:
		take_beat(root, child, ctl, now_ms);
		return ACTA_OK;
	case ACTA_CTL_CAUSE:
		strcpy(c->code, ctl->name);
		strcpy(c->text, ctl->text);
		return ACTA_OK;
	case ACTA_CTL_ALARM:
		take_alarm(root, child, ctl);
		return ACTA_OK;
	default: return ACTA_EPROTO; /* what only the root may say */
	}
}

/* Up to `count` records; false if there may be more. */
static bool
take_records(struct acta_root *root, uint32_t child, uint32_t count,
    int64_t now_ms)
{
	struct acta_root_child *c = &root->children[child];
	struct acta_ctl ctl;

	for (uint32_t i = 0; i < count; i++) {
		if (c->ctl < 0 || c->deaf)
			return true;
		enum acta_err err = acta_ctl_recv(c->ctl, &ctl);

		if (err == ACTA_EAGAIN)
			return true;
		if (err == ACTA_OK)
			err = take_record(root, child, &ctl, now_ms);
		if (err == ACTA_OK)
			continue;
		go_deaf(root, child);
		if (err == ACTA_EPROTO)
			acta_sup_condemn(&root->sup, child, ACTA_FAULT_RECORD,
			    now_ms);
		return true;
	}
	return false;
}

/* ---------------------------------------------------------- black boxes -- */

/* A copy, by pread: a mapping could be cut short under the root (SIGBUS). */
static bool
read_box(const struct acta_root_child *c, uint32_t worker,
    struct acta_box *out)
{
	if (c->box < 0 ||
	    pread(c->box, out, sizeof(*out),
	        (off_t)(worker * sizeof(*out))) != (ssize_t)sizeof(*out))
		return false;
	out->actor[sizeof(out->actor) - 1] = '\0';
	out->type[sizeof(out->type) - 1] = '\0';
	out->text[sizeof(out->text) - 1] = '\0';
	return true;
}

static bool
over_limit(const struct acta_root *root, uint32_t child, uint32_t worker,
    int64_t boot_ms, uint64_t *out_begun)
{
	struct acta_box box;

	if (!read_box(&root->children[child], worker, &box))
		return false;
	int64_t since_ms = atomic_load(&box.since_ms);
	int64_t limit_ms = box.limit_ms
	    ? (int64_t)box.limit_ms
	    : root->plan.children[child].turn_limit_ms;

	if (since_ms < root->woken_ms)
		since_ms = root->woken_ms;
	*out_begun = atomic_load(&box.begun);
	return atomic_load(&box.phase) == ACTA_PHASE_HANDLER && limit_ms > 0 &&
	    boot_ms - since_ms > limit_ms;
}

static void
watch_for_hangs(struct acta_root *root, int64_t now_ms)
{
	int64_t boot_ms = clock_ms(CLOCK_BOOTTIME);

	for (uint32_t i = 0; i < root->plan.count; i++) {
		if (root->sup.children[i].state != ACTA_SUP_UP &&
		    root->sup.children[i].state != ACTA_SUP_STARTING)
			continue;
		for (uint32_t w = 0; w < root->plan.children[i].workers; w++) {
			uint64_t first, again;

			/* Twice the same message: the copy was not torn. */
			if (over_limit(root, i, w, boot_ms, &first) &&
			    over_limit(root, i, w, boot_ms, &again) &&
			    first == again)
				acta_sup_condemn(&root->sup, i,
				    ACTA_FAULT_HANG, now_ms);
		}
	}
}

/* The worker that tells most of an end: in a handler before in a commit. */
static int
telling(enum acta_phase phase)
{
	switch (phase) {
	case ACTA_PHASE_HANDLER: return 3;
	case ACTA_PHASE_COMMIT: return 2;
	case ACTA_PHASE_RELEASE: return 1;
	case ACTA_PHASE_IDLE:
	case ACTA_PHASE_GATHER: break;
	}
	return 0;
}

static void
read_last_words(struct acta_root *root, uint32_t child,
    struct acta_cause *cause)
{
	struct acta_root_child *c = &root->children[child];
	bool own = acta_cause_own_doing(cause);
	struct acta_box box;

	for (uint32_t w = 0; w < root->plan.children[child].workers; w++) {
		if (!read_box(c, w, &box))
			continue;
		uint32_t number = atomic_load(&box.phase);
		enum acta_phase phase = number <= ACTA_PHASE_RELEASE
		    ? (enum acta_phase)number
		    : ACTA_PHASE_IDLE;
		uint32_t crashes = 0;

		if (phase == ACTA_PHASE_HANDLER && own) {
			crashes = acta_blame_count(&c->blame, box.uid);
			if (memcmp(box.uid, box.ran, sizeof(box.uid)) != 0)
				(void)acta_blame_count(&c->blame, box.ran);
		}
		if (w > 0 && telling(phase) <= telling(cause->phase))
			continue;
		cause->phase = phase;
		memcpy(cause->words, box.text, sizeof(box.text));
		if (phase != ACTA_PHASE_HANDLER)
			continue;
		cause->blamed = crashes > 0;
		cause->crashes = crashes;
		memcpy(cause->uid, box.uid, sizeof(box.uid));
		memcpy(cause->ran, box.ran, sizeof(box.ran));
		memcpy(cause->actor, box.actor, sizeof(box.actor));
		memcpy(cause->type, box.type, sizeof(box.type));
	}
}

/* ------------------------------------------------------- the end of one -- */

static struct acta_cause *
last_cause(struct acta_root_child *c)
{
	if (c->causes_count == 0)
		return NULL;
	return &c->causes[(c->causes_count - 1) % ACTA_CAUSES_KEPT];
}

static enum acta_sup_end
end_for_policy(const struct acta_cause *cause)
{
	if (strcmp(cause->code, "storage-failed") == 0)
		return ACTA_END_STORAGE;
	if (strcmp(cause->code, "locked") == 0 ||
	    strcmp(cause->code, "address-in-use") == 0)
		return ACTA_END_CONFLICT;
	if (strcmp(cause->code, "start-failed") == 0 ||
	    cause->how == ACTA_HOW_NOT_RUN)
		return ACTA_END_START;
	if (cause->how == ACTA_HOW_EXITED && cause->number == 0)
		return ACTA_END_NORMAL;
	return ACTA_END_ABNORMAL;
}

/* A cause begun: what is known of any end. */
static struct acta_cause *
new_cause(struct acta_root *root, uint32_t child, enum acta_how how,
    int number, int64_t now_ms)
{
	struct acta_root_child *c = &root->children[child];
	struct acta_cause *cause =
	    &c->causes[c->causes_count++ % ACTA_CAUSES_KEPT];
	const struct acta_sup_child *s = &root->sup.children[child];

	*cause = (struct acta_cause){
		.wall_ms = clock_ms(CLOCK_REALTIME),
		.at_ms = now_ms,
		.lived_ms = now_ms - c->spawned_ms,
		.back_ms = -1,
		.how = how,
		.number = number,
		.fault = s->fault,
		.asked = s->state == ACTA_SUP_STOPPING,
		.was_up = s->was_up,
		.phase = ACTA_PHASE_IDLE,
		.waiting = c->waiting,
	};
	strcpy(cause->code, c->code);
	strcpy(cause->text, c->text);
	return cause;
}

/* Tell the supervisor; what it decides completes the cause. */
static void
end_told(struct acta_root *root, uint32_t child, struct acta_cause *cause,
    int64_t now_ms)
{
	uint32_t before = root->sup.children[child].restarts;

	acta_sup_ended(&root->sup, child, end_for_policy(cause), now_ms);
	cause->restarted = root->sup.children[child].restarts != before;
	if (cause->restarted)
		cause->restart = acta_sup_recent(&root->sup, child, now_ms);
	root->children[child].ended_ms = now_ms;
	root->dirty = true;
}

static void
forget_process(struct acta_root *root, uint32_t child)
{
	struct acta_root_child *c = &root->children[child];
	struct acta_peers *peers = &root->peers;
	size_t run = strlen(root->plan.run);

	/* The files of its sockets: the next process binds new names. */
	for (uint32_t i = peers->first[child]; i < peers->first[child + 1];
	     i++) {
		const char *endpoint = peers->all[i].endpoint;

		if (strncmp(endpoint, "ipc://", 6) == 0 &&
		    strncmp(endpoint + 6, root->plan.run, run) == 0 &&
		    endpoint[6 + run] == '/' &&
		    !strstr(endpoint + 6 + run, "/../"))
			unlink(endpoint + 6);
	}
	acta_peers_gone(peers, child);
	close_fd(&c->pidfd);
	close_fd(&c->ctl);
	close_fd(&c->box);
	c->pid = 0;
	c->handled_before += c->handled;
	c->handled = 0;
	c->rate = 0;
	c->code[0] = c->text[0] = '\0';
	for (uint32_t i = 0; i < ACTA_ROOT_ALARMS; i++)
		c->alarms[i].name[0] = '\0';
}

static void
process_ended(struct acta_root *root, uint32_t child, const siginfo_t *info)
{
	struct acta_root_child *c = &root->children[child];
	int64_t now_ms = acta_root_now();
	siginfo_t reaped;

	/* What it said before its end counts: READY, then a crash, is a crash
	 * of one that was up. Its pair holds no more than its buffer. */
	while (!take_records(root, child, ACTA_ROOT_RECORDS, now_ms))
		;
	acta_root_act(root);

	struct acta_cause *cause = new_cause(root, child,
	    info->si_code == CLD_EXITED ? ACTA_HOW_EXITED : ACTA_HOW_SIGNALLED,
	    info->si_status, now_ms);

	read_last_words(root, child, cause);
	if (!cause->asked) {
		if (cause->phase == ACTA_PHASE_HANDLER)
			c->in_handler++;
		else
			c->between++;
	}
	/* Its group may hold children of its own. While it is not reaped, its
	 * number is nobody else's. */
	(void)kill(-c->pid, SIGKILL);
	(void)waitid(P_PID, (id_t)c->pid, &reaped, WEXITED | WNOHANG);
	forget_process(root, child);
	end_told(root, child, cause, now_ms);
	acta_root_act(root);
}

/* All that have ended: children, and orphans of theirs that fell to us. */
static void
reap(struct acta_root *root)
{
	for (;;) {
		siginfo_t info = { .si_pid = 0 };
		uint32_t child = 0;

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
		    info.si_pid == 0)
			return;
		while (child < root->plan.count &&
		    root->children[child].pid != info.si_pid)
			child++;
		if (child < root->plan.count)
			process_ended(root, child, &info);
		else
			(void)waitid(P_PID, (id_t)info.si_pid, &info,
			    WEXITED | WNOHANG);
	}
}

/* ------------------------------------------------------------- a new one -- */

static int
make_memfd(const char *name, const void *data, size_t size, size_t room)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	for (size_t at = 0; at < size;) {
		ssize_t put = pwrite(fd, (const char *)data + at, size - at,
		    (off_t)at);

		if (put <= 0)
			goto fail;
		at += (size_t)put;
	}
	if (room && ftruncate(fd, (off_t)room) != 0)
		goto fail;
	/* No child may pull it from under the others' reads. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		goto fail;
	return fd;
fail:
	close(fd);
	return -1;
}

static char *const *
arguments(struct acta_root *root, const struct acta_plan_child *spec,
    bool checked)
{
	size_t count = 0;

	while (spec->argv[count]) {
		root->argv[count] = spec->argv[count];
		count++;
	}
	if (checked) {
		static char flag[] = "--storage-checked";

		root->argv[count++] = flag;
	}
	root->argv[count] = NULL;
	return root->argv;
}

static int
open_log(struct acta_root *root, const char *name)
{
	char path[PATH_MAX];

	acta_root_log_path(root, name, path);
	return open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* The process, and our ends of what it was given; 0 or an errno. */
static int
start_process(struct acta_root *root, uint32_t child, bool checked)
{
	const struct acta_plan_child *spec = &root->plan.children[child];
	struct acta_root_child *c = &root->children[child];
	bool exec = spec->kind == ACTA_KIND_EXEC;
	int pair[2] = { -1, -1 }, config = -1, box = -1, failed = 0;
	int log = open_log(root, spec->name);

	if (!exec) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		        pair) != 0)
			failed = errno;
		config = make_memfd("acta-config", spec->config,
		    spec->config_size, 0);
		box = make_memfd("acta-box", NULL, 0, ACTA_BOX_SIZE);
		if (!failed && (config < 0 || box < 0))
			failed = errno;
	}
	struct acta_spawn spawn = {
		.program = spec->program,
		.argv = arguments(root, spec, checked),
		.env = root->env,
		.null = root->null,
		.log = log >= 0 ? log : root->null,
		.pass = { exec ? -1 : pair[1], config, box, root->lifeline[0] },
		.memory_max = spec->memory_max,
		.files_max = spec->files_max,
		.files = root->files,
		.mask = exec ? root->mask : 077,
		.oom = root->oom[0] ? root->oom : NULL,
	};

	if (!failed &&
	    acta_spawn_run(&spawn, root->stack, &c->pid, &c->pidfd, &failed) ==
	        ACTA_OK)
		failed = 0;
	close_fd(&pair[1]);
	close_fd(&config);
	close_fd(&log);
	if (failed) {
		close_fd(&pair[0]);
		close_fd(&box);
		return failed;
	}
	c->ctl = pair[0];
	c->box = box;
	return 0;
}

static void
spawn_failed(struct acta_root *root, uint32_t child, int failed,
    int64_t now_ms)
{
	struct acta_cause *cause =
	    new_cause(root, child, ACTA_HOW_NOT_RUN, failed, now_ms);

	snprintf(cause->text, sizeof(cause->text), "%.300s: %s",
	    root->plan.children[child].program, strerror(failed));
	end_told(root, child, cause, now_ms);
}

static void
start_child(struct acta_root *root, uint32_t child, bool checked)
{
	struct acta_root_child *c = &root->children[child];
	int64_t now_ms = acta_root_now();
	int failed;

	assert(c->pid == 0); /* never two at once: the old one was reaped */
	c->deaf = c->writing = c->stop_pending = c->blame_told = false;
	c->blame_at = 0;
	c->told = 0;
	c->born = root->peers.last_change;
	c->spawned_ms = c->beat_ms = now_ms;
	c->code[0] = c->text[0] = '\0';
	root->dirty = true;

	failed = start_process(root, child, checked);
	if (failed) {
		spawn_failed(root, child, failed, now_ms);
		return;
	}
	/* Unwatched, it would never be reaped: out of memory in the kernel. */
	if (acta_root_watch(root, c->pidfd, ACTA_EVENT_CHILD_END, child,
	        EPOLLIN, false) != ACTA_OK ||
	    (c->ctl >= 0 &&
	        acta_root_watch(root, c->ctl, ACTA_EVENT_CHILD_CTL, child,
	            EPOLLIN, false) != ACTA_OK))
		(void)kill(c->pid, SIGKILL); /* SIGCHLD brings its end */
	acta_root_log(root, "info", "event=start service=%s pid=%d%s",
	    root->plan.children[child].name, (int)c->pid,
	    checked ? " storage=checked" : "");
	pump(root, child);
	acta_sup_spawned(&root->sup, child, now_ms);
}

/* ----------------------------------------------------------------- actions -- */

static void
send_signal(struct acta_root *root, uint32_t child, int number)
{
	struct acta_root_child *c = &root->children[child];

	if (c->pid == 0)
		return;
	/* Whoever dies by force takes what it started along. */
	(void)kill(number == SIGKILL ? -c->pid : c->pid, number);
	/* Its group is made before its exec, so the group is there; still, the
	 * kill must not depend on that. */
	if (number == SIGKILL)
		(void)kill(c->pid, SIGKILL);
}

static void
ask_to_stop(struct acta_root *root, uint32_t child)
{
	struct acta_root_child *c = &root->children[child];

	acta_root_log(root, "info", "event=stop service=%s pid=%d",
	    root->plan.children[child].name, (int)c->pid);
	if (c->ctl < 0 || c->deaf) {
		send_signal(root, child, SIGTERM);
		return;
	}
	c->stop_pending = true;
	pump(root, child);
}

static void
say_up(struct acta_root *root, uint32_t child)
{
	struct acta_root_child *c = &root->children[child];
	int64_t now_ms = acta_root_now();

	for (uint32_t i = 0; i < ACTA_CAUSES_KEPT; i++)
		if (i < c->causes_count && c->causes[i].back_ms < 0)
			c->causes[i].back_ms = now_ms - c->causes[i].at_ms;
	acta_root_log(root, "info",
	    "event=up service=%s pid=%d after_ms=%" PRId64,
	    root->plan.children[child].name, (int)c->pid,
	    now_ms - c->spawned_ms);
}

static void
say_restart(struct acta_root *root, uint32_t child, int64_t delay_ms)
{
	struct acta_cause *cause = last_cause(&root->children[child]);
	char word[64] = "unknown", text[256];

	if (cause)
		acta_cause_word(cause, word, sizeof(word));
	acta_root_log(root, "warn",
	    "event=restart service=%s cause=%s count=%" PRIu32
	    " delay_ms=%" PRId64 " phase=%s%s%s",
	    root->plan.children[child].name, word,
	    root->sup.children[child].restarts, delay_ms,
	    cause && cause->phase == ACTA_PHASE_HANDLER ? "handler" : "between",
	    cause && cause->text[0] ? " text=" : "",
	    cause && cause->text[0] ? quoted(cause->text, text) : "");
}

static void
say_down(struct acta_root *root, uint32_t child)
{
	struct acta_cause *cause = last_cause(&root->children[child]);
	char word[64] = "none";

	if (cause)
		acta_cause_word(cause, word, sizeof(word));
	acta_root_log(root, "info", "event=down service=%s state=%s cause=%s",
	    root->plan.children[child].name,
	    acta_sup_state_name(root->sup.children[child].state), word);
}

/* Why the whole node ends: the operator who started it reads this. */
static void
say_escalation(struct acta_root *root, uint32_t child)
{
	const char *name = root->plan.children[child].name;
	struct acta_cause *cause = last_cause(&root->children[child]);
	char path[PATH_MAX], word[64] = "unknown";

	if (cause)
		acta_cause_word(cause, word, sizeof(word));
	acta_root_log(root, "error", "event=escalate service=%s cause=%s", name,
	    word);
	if (root->sup.children[child].ever_up)
		acta_root_say("acta: %s ended once too often (%s; more than "
		              "%" PRIu32 " restarts in %" PRId64
		              " ms): the node stops",
		    name, word, root->plan.intensity, root->plan.period_ms);
	else if (cause && cause->text[0])
		acta_root_say("acta: %s: %s", name, cause->text);
	else
		acta_root_say("acta: %s: could not start (%s)", name, word);
	if (cause && strstr(cause->text, "hint:"))
		return;
	acta_root_log_path(root, name, path);
	acta_root_say("  hint: its log is %s", path);
}

static void
announce(struct acta_root *root)
{
	acta_root_log(root, "info", "event=ready node=%s pid=%d",
	    root->plan.node, (int)getpid());
	if (root->plan.announce[0])
		acta_root_say("%s", root->plan.announce);
}

static void
say_alarm(struct acta_root *root, uint32_t child, uint32_t bit, bool over)
{
	acta_root_log(root, over ? "info" : "warn",
	    "event=%s service=%s alarm=%s", over ? "alarm-over" : "alarm",
	    root->plan.children[child].name, acta_root_alarm_name(bit));
}

static void
act(struct acta_root *root, const struct acta_sup_action *a)
{
	root->dirty = true;
	switch (a->verb) {
	case ACTA_DO_SPAWN: start_child(root, a->child, a->arg != 0); break;
	case ACTA_DO_STOP: ask_to_stop(root, a->child); break;
	case ACTA_DO_SIGNAL: send_signal(root, a->child, (int)a->arg); break;
	case ACTA_DO_CONDEMN:
		acta_root_log(root, "warn", "event=%s service=%s pid=%d",
		    acta_sup_fault_name((enum acta_sup_fault)a->arg),
		    root->plan.children[a->child].name,
		    (int)root->children[a->child].pid);
		break;
	case ACTA_DO_RESTART: say_restart(root, a->child, a->arg); break;
	case ACTA_DO_UP: say_up(root, a->child); break;
	case ACTA_DO_DOWN: say_down(root, a->child); break;
	case ACTA_DO_ALARM:
		say_alarm(root, a->child, (uint32_t)a->arg, false);
		break;
	case ACTA_DO_CALM:
		say_alarm(root, a->child, (uint32_t)a->arg, true);
		break;
	case ACTA_DO_ESCALATE: say_escalation(root, a->child); break;
	case ACTA_DO_ALL_UP: announce(root); break;
	case ACTA_DO_EXIT:
		root->done = true;
		root->status = (int)a->arg;
		break;
	}
}

void
acta_root_act(struct acta_root *root)
{
	struct acta_sup_action action;

	while (acta_sup_take(&root->sup, &action))
		act(root, &action);
}

/* ------------------------------------------------------------------- loop -- */

static void
write_state(struct acta_root *root)
{
	struct acta_doc doc = { 0 };
	char path[PATH_MAX];

	root->dirty = false;
	acta_root_report_ps(root, &doc);
	acta_doc_end(&doc);
	acta_root_path(root, "state", path);
	if (doc.bad || acta_files_write(path, doc.data, doc.size) != ACTA_OK)
		acta_root_log(root, "info", "event=state-not-written");
	acta_doc_fini(&doc);
}

static void
take_signals(struct acta_root *root)
{
	struct signalfd_siginfo info;

	while (read(root->signals, &info, sizeof(info)) ==
	    (ssize_t)sizeof(info)) {
		char name[16];

		switch ((int)info.ssi_signo) {
		case SIGCHLD: reap(root); break;
		case SIGTERM:
		case SIGINT:
		case SIGQUIT:
			acta_root_log(root, "info", "event=shutdown signal=%s",
			    acta_signal_name((int)info.ssi_signo, name));
			acta_sup_shutdown(&root->sup, 0, acta_root_now());
			acta_root_act(root);
			break;
		default:
			acta_root_log(root, "info", "event=ignored signal=%s",
			    acta_signal_name((int)info.ssi_signo, name));
		}
	}
}

static void
second_tick(struct acta_root *root, int64_t now_ms)
{
	char path[PATH_MAX];

	/* Late by this much, it was the root, or the machine, that slept. */
	if (now_ms - root->tick_ms > ACTA_SUP_BEAT_MS / 2)
		root->woken_ms = clock_ms(CLOCK_BOOTTIME);
	root->tick_ms = now_ms + ACTA_ROOT_TICK_MS;
	watch_for_hangs(root, now_ms);
	for (uint32_t i = 0; i < root->plan.count; i++) {
		acta_root_log_path(root, root->plan.children[i].name, path);
		acta_files_bound_log(path);
	}
	acta_root_log_path(root, "node", path);
	acta_files_bound_log(path);
}

static int
wait_ms(const struct acta_root *root, int64_t now_ms)
{
	int64_t due_ms = acta_sup_due(&root->sup);

	if (root->tick_ms < due_ms)
		due_ms = root->tick_ms;
	return due_ms <= now_ms ? 0 : (int)(due_ms - now_ms);
}

static void
dispatch(struct acta_root *root, const struct epoll_event *event)
{
	uint32_t index = (uint32_t)event->data.u64;

	switch ((enum acta_root_event)(event->data.u64 >> 32)) {
	case ACTA_EVENT_SIGNALS: take_signals(root); break;
	case ACTA_EVENT_LISTENER: acta_root_accept(root); break;
	case ACTA_EVENT_CHILD_END: reap(root); break;
	case ACTA_EVENT_CHILD_CTL:
		if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			(void)take_records(root, index, ACTA_ROOT_RECORDS,
			    acta_root_now());
		pump(root, index);
		break;
	case ACTA_EVENT_CLIENT:
		acta_root_client_event(root, index, event->events);
		break;
	}
	acta_root_act(root);
}

int
acta_root_run(struct acta_root *root)
{
	struct epoll_event events[32];

	root->started_ms = acta_root_now();
	root->tick_ms = root->started_ms + ACTA_ROOT_TICK_MS;
	acta_sup_start(&root->sup, root->started_ms);
	acta_root_act(root);
	while (!root->done) {
		int count = epoll_wait(root->epoll, events, 32,
		    wait_ms(root, acta_root_now()));

		for (int i = 0; i < count; i++)
			dispatch(root, &events[i]);

		int64_t now_ms = acta_root_now();

		if (now_ms >= root->tick_ms)
			second_tick(root, now_ms);
		acta_sup_tick(&root->sup, now_ms);
		acta_root_act(root);
		for (uint32_t i = 0; i < root->plan.count; i++)
			pump(root, i);
		acta_root_clients_settle(root, now_ms);
		if (root->dirty)
			write_state(root);
	}
	acta_root_log(root, "info", "event=exit status=%d", root->status);
	return root->status;
}

/* ------------------------------------------------------------- life cycle -- */

/* What steers the dynamic linker or czmq is not for children; nor is what a
 * service manager told the root about itself. */
static char **
clean_environment(char **environment)
{
	static const char *const dropped[] = { "LD_", "ZSYS_", "NOTIFY_SOCKET=",
		"LISTEN_", "WATCHDOG_", "GLIBC_TUNABLES=", "MALLOC_" };
	size_t count = 0, kept = 0;

	while (environment[count])
		count++;
	char **out = calloc(count + 1, sizeof(*out));

	for (size_t i = 0; out && i < count; i++) {
		bool keep = true;

		for (size_t d = 0; d < sizeof(dropped) / sizeof(*dropped); d++)
			if (strncmp(environment[i], dropped[d],
			        strlen(dropped[d])) == 0)
				keep = false;
		if (keep)
			out[kept++] = environment[i];
	}
	return out;
}

static enum acta_err
init_memory(struct acta_root *root, char **environment)
{
	const struct acta_plan *plan = &root->plan;
	size_t longest = 0;
	uint64_t seed = (uint64_t)clock_ms(CLOCK_REALTIME) ^
	    (uint64_t)getpid() << 40;
	enum acta_err err;

	for (uint32_t i = 0; i < plan->count; i++) {
		size_t count = 0;

		while (plan->children[i].argv[count])
			count++;
		if (count > longest)
			longest = count;
	}
	root->argv = calloc(longest + 2, sizeof(*root->argv));
	root->env = clean_environment(environment);
	root->children = calloc(plan->count + 1, sizeof(*root->children));
	if (!root->argv || !root->env || !root->children)
		return ACTA_ENOMEM;
	for (uint32_t i = 0; i < plan->count; i++) {
		struct acta_root_child *c = &root->children[i];

		c->pidfd = c->ctl = c->box = -1;
	}
	err = acta_peers_init(&root->peers, plan);
	if (err == ACTA_OK)
		err = acta_sup_init(&root->sup, plan, seed);
	return err;
}

/* Descriptors 0 to 9 are taken, so that those for children are above. */
static int
reserve_low(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 10);
	return fd;
}

static void
shun_oom(struct acta_root *root)
{
	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	ssize_t size;

	if (fd < 0)
		return;
	size = pread(fd, root->oom, sizeof(root->oom) - 1, 0);
	/* Without the privilege it stays as it was. */
	if (size <= 0 || pwrite(fd, "-900", 4, 0) != 4)
		root->oom[0] = '\0';
	close(fd);
}

static enum acta_err
init_process(struct acta_root *root)
{
	struct rlimit files;
	sigset_t set;

	root->mask = umask(077);
	if (getrlimit(RLIMIT_NOFILE, &root->files) != 0)
		return ACTA_EIO;
	files = root->files;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files); /* else fewer children */
	/* What a fault raises cannot be blocked; all else comes as records. */
	sigfillset(&set);
	sigdelset(&set, SIGSEGV);
	sigdelset(&set, SIGBUS);
	sigdelset(&set, SIGILL);
	sigdelset(&set, SIGFPE);
	sigdelset(&set, SIGABRT);
	sigdelset(&set, SIGTRAP);
	sigdelset(&set, SIGSYS);
	if (sigprocmask(SIG_SETMASK, &set, NULL) != 0 ||
	    signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		return ACTA_EIO;
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* else init reaps them */
	root->null = reserve_low();
	root->epoll = epoll_create1(EPOLL_CLOEXEC);
	root->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (root->null < 0 || root->epoll < 0 || root->signals < 0 ||
	    pipe2(root->lifeline, O_CLOEXEC) != 0)
		return ACTA_EIO;
	shun_oom(root);
	return acta_root_watch(root, root->signals, ACTA_EVENT_SIGNALS, 0,
	    EPOLLIN, false);
}

static bool
same_folder(const char *one, const char *two)
{
	struct stat a, b;

	return stat(one, &a) == 0 && stat(two, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static enum acta_err
init_folders(struct acta_root *root, struct acta_why *why)
{
	const struct acta_plan *plan = &root->plan;
	char path[PATH_MAX];
	enum acta_err err;

	err = acta_files_mkdirs(plan->data, why);
	if (err == ACTA_OK)
		err = acta_files_mkdirs(plan->run, why);
	if (err == ACTA_OK)
		err = acta_files_private(plan->run, why);
	if (err == ACTA_OK)
		err = acta_files_lock(plan->data, "data directory", plan->node,
		    &root->lock_data, why);
	if (err == ACTA_OK && !same_folder(plan->data, plan->run))
		err = acta_files_lock(plan->run, "run directory", plan->node,
		    &root->lock_run, why);
	if (err != ACTA_OK)
		return err;
	acta_files_sweep(plan->run);
	acta_root_path(root, "log", path);
	err = acta_files_mkdirs(path, why);
	if (err == ACTA_OK)
		root->node_log = open_log(root, "node");
	return err;
}

static enum acta_err
list_node(struct acta_root *root, struct acta_why *why)
{
	const struct acta_plan *plan = &root->plan;
	char text[PATH_MAX + 1];
	char *slash;
	enum acta_err err;

	if (!plan->registry[0])
		return ACTA_OK;
	snprintf(text, sizeof(text), "%s", plan->registry);
	slash = strrchr(text, '/');
	if (slash && slash != text) {
		*slash = '\0';
		err = acta_files_mkdirs(text, why);
		if (err != ACTA_OK)
			return err;
	}
	int size = snprintf(text, sizeof(text), "%s\n", plan->run);

	err = acta_files_write(plan->registry, text, (size_t)size);
	if (err == ACTA_OK)
		root->listed = true;
	else
		acta_why_text(why, "cannot write %s: %s", plan->registry,
		    strerror(errno));
	return err;
}

enum acta_err
acta_root_init(struct acta_root *root, struct acta_plan *plan,
    char **environment, int *out_status, struct acta_why *why)
{
	enum acta_err err;

	*root = (struct acta_root){
		.plan = *plan, .epoll = -1, .signals = -1, .listener = -1,
		.null = -1, .node_log = -1, .lock_data = -1, .lock_run = -1,
		.lifeline = { -1, -1 },
	};
	*plan = (struct acta_plan){ 0 };
	for (uint32_t i = 0; i < ACTA_ROOT_CLIENTS; i++)
		root->clients[i].fd = -1;
	*why = (struct acta_why){ .text = "" };

	err = init_process(root);
	if (err == ACTA_OK)
		err = init_memory(root, environment);
	if (err == ACTA_OK)
		err = init_folders(root, why);
	if (err == ACTA_OK)
		err = acta_root_listen(root, why);
	if (err == ACTA_OK)
		err = list_node(root, why);
	if (err == ACTA_OK)
		return ACTA_OK;
	*out_status = err == ACTA_EBUSY ? 5 : err == ACTA_EINVAL ? 2 : 1;
	if (err == ACTA_EINVAL)
		acta_why_text(why,
		    "supervisor: an intensity of %" PRIu32
		    " is more than the %u that are counted",
		    root->plan.intensity, ACTA_INTENSITY_CAP);
	if (!why->text[0])
		acta_why_text(why, "cannot start: %s: %s", acta_strerror(err),
		    strerror(errno));
	acta_root_fini(root);
	return err;
}

static void
remove_files(struct acta_root *root)
{
	char path[PATH_MAX];

	if (root->listed)
		unlink(root->plan.registry);
	if (!root->bound)
		return;
	acta_root_path(root, "root.sock", path);
	unlink(path);
	acta_root_path(root, "state", path);
	unlink(path);
}

void
acta_root_fini(struct acta_root *root)
{
	acta_root_clients_close(root);
	remove_files(root);
	close_fd(&root->listener);
	close_fd(&root->signals);
	close_fd(&root->epoll);
	close_fd(&root->lifeline[0]);
	close_fd(&root->lifeline[1]);
	close_fd(&root->null);
	close_fd(&root->node_log);
	acta_sup_fini(&root->sup);
	acta_peers_fini(&root->peers);
	free(root->children);
	free(root->argv);
	free(root->env);
	root->children = NULL;
	root->argv = NULL;
	root->env = NULL;
	acta_plan_fini(&root->plan);
	/* Last: whoever waits for these may start at once. */
	close_fd(&root->lock_run);
	close_fd(&root->lock_data);
}
