/*
 * runtime/root/child.c - one child of the root: the records to and from it, its
 * black box, its end, and its next process.
 */
#include "runtime/root/root.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
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

/* The last words of the last process that this message has ended. */
static const char *
words_of(const struct acta_root_child *c, const uint8_t uid[16])
{
	const struct acta_cause *last =
	    acta_root_last_cause((struct acta_root_child *)(uintptr_t)c);

	return last != NULL && last->blamed &&
		(memcmp(last->uid, uid, 16) == 0 ||
		    memcmp(last->ran, uid, 16) == 0)
	    ? last->words
	    : "";
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
			snprintf(ctl.text, sizeof(ctl.text), "%s",
			    words_of(c, row->uid));
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
			memcpy(ctl.name, spec->name, sizeof(spec->name));
			memcpy(ctl.text, peer->endpoint, sizeof(ctl.text));
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

/* To partitions that stopped for a failed message, if there are any. Not before
 * it is up: until then nobody takes it. */
static enum acta_err
tell_go(struct acta_root *root, uint32_t child)
{
	struct acta_root_child *c = &root->children[child];
	struct acta_ctl ctl;
	enum acta_err err;

	if (!c->go_pending || root->sup.children[child].state != ACTA_SUP_UP)
		return ACTA_OK;
	acta_ctl_init(&ctl, ACTA_CTL_GO);
	err = acta_ctl_send(c->ctl, &ctl);
	if (err == ACTA_OK)
		c->go_pending = false;
	return err;
}

void
acta_root_child_go(struct acta_root *root, uint32_t child)
{
	root->children[child].go_pending =
	    root->plan.children[child].kind == ACTA_KIND_HOST;
	acta_root_child_pump(root, child);
}

void
acta_root_child_pump(struct acta_root *root, uint32_t child)
{
	struct acta_root_child *c = &root->children[child];
	enum acta_err err;

	if (c->ctl < 0 || c->deaf || c->gone)
		return;
	err = tell_stop(root, child);
	if (err == ACTA_OK)
		err = tell_blame(root, child);
	if (err == ACTA_OK)
		err = tell_peers(root, child);
	if (err == ACTA_OK)
		err = tell_go(root, child);
	/* It takes no more; what it said before, its cause perhaps, is still to
	 * be read. */
	if (err == ACTA_ECLOSED) {
		c->gone = true;
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
	    acta_root_quoted(ctl->text, text));
	if (!spot || !ctl->name[0])
		return; /* more at once than are shown: the log has it */
	memcpy(spot->name, ctl->name, sizeof(spot->name));
	memcpy(spot->text, ctl->text, sizeof(spot->text));
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
		if (ctl->count > 0 && ctl->count <= ACTA_CLOCK_MS_MAX)
			acta_root_clock_reach(root, (int64_t)ctl->count);
		return acta_peers_set(
		    &root->peers, child, ctl->index, ctl->number, ctl->text);
	case ACTA_CTL_READY:
		acta_sup_ready(&root->sup, child, now_ms);
		return ACTA_OK;
	case ACTA_CTL_HEARTBEAT:
		take_beat(root, child, ctl, now_ms);
		return ACTA_OK;
	case ACTA_CTL_CAUSE:
		memcpy(c->code, ctl->name, sizeof(c->code));
		memcpy(c->text, ctl->text, sizeof(c->text));
		return ACTA_OK;
	case ACTA_CTL_ALARM: take_alarm(root, child, ctl); return ACTA_OK;
	default: return ACTA_EPROTO; /* what only the root may say */
	}
}

bool
acta_root_child_records(
    struct acta_root *root, uint32_t child, uint32_t count, int64_t now_ms)
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
			acta_sup_condemn(
			    &root->sup, child, ACTA_FAULT_RECORD, now_ms);
		return true;
	}
	return false;
}

/* ---------------------------------------------------------- black boxes -- */

/* A copy, by pread: a mapping could be cut short under the root (SIGBUS). */
static bool
read_box(const struct acta_root_child *c, uint32_t worker, struct acta_box *out)
{
	if (c->box < 0 ||
	    pread(c->box, out, sizeof(*out), (off_t)(worker * sizeof(*out))) !=
		(ssize_t)sizeof(*out))
		return false;
	out->actor[sizeof(out->actor) - 1] = '\0';
	out->type[sizeof(out->type) - 1] = '\0';
	out->text[sizeof(out->text) - 1] = '\0';
	return true;
}

/* Of a service's workers, and of its handlers outside the turn. */
static uint32_t
boxes_of(const struct acta_root *root, uint32_t child)
{
	uint32_t count =
	    (uint32_t)root->plan.children[child].workers + ACTA_BOX_OUTSIDE;

	return count < ACTA_BOX_WORKERS ? count : ACTA_BOX_WORKERS;
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

void
acta_root_child_hangs(struct acta_root *root, int64_t now_ms)
{
	int64_t boot_ms = acta_root_clock(CLOCK_BOOTTIME);

	for (uint32_t i = 0; i < root->plan.count; i++) {
		if (root->children[i].box < 0)
			continue; /* no process of ours, or none at all */
		if (root->sup.children[i].state != ACTA_SUP_UP &&
		    root->sup.children[i].state != ACTA_SUP_STARTING)
			continue;
		for (uint32_t w = 0; w < boxes_of(root, i); w++) {
			uint64_t first, again;

			/* Twice the same message: the copy was not torn. */
			if (over_limit(root, i, w, boot_ms, &first) &&
			    over_limit(root, i, w, boot_ms, &again) &&
			    first == again)
				acta_sup_condemn(
				    &root->sup, i, ACTA_FAULT_HANG, now_ms);
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
read_last_words(
    struct acta_root *root, uint32_t child, struct acta_cause *cause)
{
	struct acta_root_child *c = &root->children[child];
	bool own = acta_cause_own_doing(cause), told = false, any = false;
	struct acta_box box;

	/* If the thread that did it is known, no other is blamed. */
	for (uint32_t w = 0; w < boxes_of(root, child); w++)
		told |= read_box(c, w, &box) && box.died != 0;
	for (uint32_t w = 0; w < boxes_of(root, child); w++) {
		if (!read_box(c, w, &box) || (told && box.died == 0))
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
		if (any && telling(phase) <= telling(cause->phase))
			continue;
		any = true;
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

struct acta_cause *
acta_root_last_cause(struct acta_root_child *c)
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

struct acta_cause *
acta_root_new_cause(struct acta_root *root, uint32_t child, enum acta_how how,
    int number, int64_t now_ms)
{
	struct acta_root_child *c = &root->children[child];
	struct acta_cause *cause =
	    &c->causes[c->causes_count++ % ACTA_CAUSES_KEPT];
	const struct acta_sup_child *s = &root->sup.children[child];

	*cause = (struct acta_cause){
		.wall_ms = acta_root_clock(CLOCK_REALTIME),
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
	memcpy(cause->code, c->code, sizeof(cause->code));
	memcpy(cause->text, c->text, sizeof(cause->text));
	return cause;
}

/* Tell the supervisor; what it decides completes the cause. */
static void
end_told(struct acta_root *root, uint32_t child, struct acta_cause *cause,
    int64_t now_ms)
{
	uint32_t before = root->sup.children[child].restarts;

	acta_sup_ended(&root->sup, child, end_for_policy(cause), now_ms);
	cause->restarted = root->sup.children[child].used &&
	    root->sup.children[child].restarts != before;
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
	for (uint32_t i = 0; i < peers->of[child].count; i++) {
		const char *endpoint = peers->of[child].at[i].endpoint;

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
		if (c->alarms[i].name[0]) /* a page never written is none */
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
	while (!acta_root_child_records(root, child, ACTA_ROOT_RECORDS, now_ms))
		;
	acta_root_act(root);

	struct acta_cause *cause = acta_root_new_cause(root, child,
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

void
acta_root_reap(struct acta_root *root)
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
		if (child < root->plan.count) {
			process_ended(root, child, &info);
			continue;
		}
		bool reader = info.si_pid == root->reload.pid;
		siginfo_t reaped;

		/* With whom it asked what a service declares. */
		if (reader)
			(void)kill(-info.si_pid, SIGKILL);
		(void)waitid(
		    P_PID, (id_t)info.si_pid, &reaped, WEXITED | WNOHANG);
		if (reader)
			acta_root_reload_ended(root, &info);
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
		ssize_t put =
		    pwrite(fd, (const char *)data + at, size - at, (off_t)at);

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
arguments(
    struct acta_root *root, const struct acta_plan_child *spec, bool checked)
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

int
acta_root_open_log(const struct acta_root *root, const char *name)
{
	char path[PATH_MAX];

	acta_root_log_path(root, name, path);
	return open(
	    path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* The process, and our ends of what it was given; 0 or an errno. */
static int
start_process(struct acta_root *root, uint32_t child, bool checked)
{
	const struct acta_plan_child *spec = &root->plan.children[child];
	struct acta_root_child *c = &root->children[child];
	bool exec = spec->kind == ACTA_KIND_EXEC;
	int pair[2] = { -1, -1 }, config = -1, box = -1, failed = 0;
	int log = acta_root_open_log(root, spec->name);

	if (!exec) {
		if (socketpair(
			AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
			failed = errno;
		config = make_memfd(
		    "acta-config", spec->config, spec->config_size, 0);
		box = make_memfd("acta-box", NULL, 0, ACTA_BOX_FILE);
		if (!failed &&
		    (config < 0 || box < 0 ||
			acta_clock_page_write(&root->clock, box) != ACTA_OK))
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
spawn_failed(struct acta_root *root, uint32_t child, int failed, int64_t now_ms)
{
	struct acta_cause *cause =
	    acta_root_new_cause(root, child, ACTA_HOW_NOT_RUN, failed, now_ms);

	snprintf(cause->text, sizeof(cause->text), "%.300s: %s",
	    root->plan.children[child].program, strerror(failed));
	end_told(root, child, cause, now_ms);
}

void
acta_root_child_start(struct acta_root *root, uint32_t child, bool checked)
{
	struct acta_root_child *c = &root->children[child];
	int64_t now_ms = acta_root_now();
	int failed;

	assert(c->pid == 0); /* never two at once: the old one was reaped */
	c->deaf = c->gone = c->writing = c->stop_pending = c->blame_told =
	    false;
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
	acta_root_child_pump(root, child);
	acta_sup_spawned(&root->sup, child, now_ms);
}

/* ---------------------------------------------------------- being ended -- */

void
acta_root_child_signal(struct acta_root *root, uint32_t child, int number)
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

void
acta_root_child_stop(struct acta_root *root, uint32_t child)
{
	struct acta_root_child *c = &root->children[child];

	acta_root_log(root, "info", "event=stop service=%s pid=%d",
	    root->plan.children[child].name, (int)c->pid);
	if (c->ctl < 0 || c->deaf || c->gone) {
		acta_root_child_signal(root, child, SIGTERM);
		return;
	}
	c->stop_pending = true;
	acta_root_child_pump(root, child);
}
