/* runtime/root/root.c - the loop, the folders, what the actions mean. */
#include "runtime/root/root.h"

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
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/root/files.h"

/* ---------------------------------------------------------- small helpers -- */

int64_t
acta_root_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts); /* these clocks cannot fail */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
acta_root_now(void)
{
	return acta_root_clock(CLOCK_MONOTONIC);
}

uint32_t
acta_root_find(const struct acta_root *root, const char *name)
{
	for (uint32_t i = 0; i < root->plan.count; i++)
		if (root->sup.children[i].used &&
		    strcmp(root->plan.children[i].name, name) == 0)
			return i;
	return UINT32_MAX;
}

const char *
acta_root_parent_name(const struct acta_root *root, uint32_t child)
{
	uint32_t parent = root->plan.children[child].parent;

	return parent ? root->plan.children[parent - 1].name : "@node";
}

void
acta_root_path(
    const struct acta_root *root, const char *name, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%s", root->plan.run, name);
}

void
acta_root_log_path(
    const struct acta_root *root, const char *name, char out[PATH_MAX])
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
acta_root_log(
    struct acta_root *root, const char *level, const char *format, ...)
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
	size = head +
	    snprintf(
		line + head, sizeof(line) - (size_t)head, "level=%s ", level);
	va_start(args, format);
	int more = vsnprintf(
	    line + size, sizeof(line) - (size_t)size - 1, format, args);

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

const char *
acta_root_quoted(const char *text, char out[256])
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

/* ------------------------------------------------------- the node's time -- */

/* One that cannot be told stays with what it had: 10 ms a second, at most. */
static void
show_time(struct acta_root *root)
{
	acta_clock_page_set(&root->clock, root->slew.offset_us);
	for (uint32_t i = 0; i < root->plan.count; i++)
		if (root->children[i].box >= 0 &&
		    acta_clock_page_write(
			&root->clock, root->children[i].box) != ACTA_OK)
			acta_root_log(root, "info",
			    "event=time-not-told service=%s",
			    root->plan.children[i].name);
}

void
acta_root_clock_tick(struct acta_root *root)
{
	int64_t before_us = root->slew.offset_us, wall_us, boot_us;

	acta_clock_read(&wall_us, &boot_us);
	acta_slew_tick(&root->slew, wall_us, boot_us);
	if (root->slew.offset_us != before_us)
		show_time(root);
	if (root->slew.jumped == root->clock_alarm)
		return;
	root->clock_alarm = root->slew.jumped;
	root->dirty = true;
	acta_root_log(root, root->clock_alarm ? "warn" : "info",
	    "event=%s service=@node alarm=clock off_ms=%" PRId64,
	    root->clock_alarm ? "alarm" : "alarm-over",
	    root->slew.off_us / 1000);
}

void
acta_root_clock_reach(struct acta_root *root, int64_t ms)
{
	if (acta_slew_reach(&root->slew, ms, acta_clock_us()))
		show_time(root);
}

static void
start_time(struct acta_root *root)
{
	int64_t wall_us, boot_us;

	acta_clock_read(&wall_us, &boot_us);
	acta_slew_start(&root->slew, wall_us, boot_us);
	acta_clock_page_set(&root->clock, root->slew.offset_us);
}

/* ----------------------------------------------------------------- actions -- */

/* ------------------------------------------------------------------ groups -- */

static bool
is_group(const struct acta_root *root, uint32_t child)
{
	return root->plan.children[child].kind == ACTA_KIND_GROUP;
}

static void
word_of(struct acta_root *root, uint32_t child, char word[64])
{
	struct acta_cause *cause = acta_root_last_cause(&root->children[child]);

	snprintf(word, 64, "none");
	if (cause)
		acta_cause_word(cause, word, 64);
}

static void
group_cause(
    struct acta_root *root, uint32_t group, enum acta_how how, const char *text)
{
	int64_t now_ms = acta_root_now();
	struct acta_cause *cause =
	    acta_root_new_cause(root, group, how, 0, now_ms);

	cause->asked = how == ACTA_HOW_STOPPED;
	cause->lived_ms = now_ms - root->sup.children[group].up_ms;
	snprintf(cause->text, sizeof(cause->text), "%s", text);
	root->children[group].ended_ms = now_ms;
}

/* "1 restart in 5 s" */
static const char *
bound_of(const struct acta_sup_flags *flags, char out[64])
{
	bool whole = flags->period_ms % 1000 == 0;

	snprintf(out, 64, "%" PRIu32 " restart%s in %" PRId64 " %s",
	    flags->intensity, flags->intensity == 1 ? "" : "s",
	    whole ? flags->period_ms / 1000 : flags->period_ms,
	    whole ? "s" : "ms");
	return out;
}

/* Why a group ends: what became of this child of it. */
static void
group_ends(
    struct acta_root *root, uint32_t child, uint32_t group, enum acta_how how)
{
	const struct acta_sup_flags *flags =
	    acta_sup_flags_over(&root->sup, child);
	struct acta_cause *cause = acta_root_last_cause(&root->children[child]);
	const char *name = root->plan.children[child].name;
	const char *said = cause ? cause->text : "";
	char text[sizeof(cause->text)], word[64], bound[64];

	if (group == ACTA_SUP_TOP)
		return;
	word_of(root, child, word);
	if (how == ACTA_HOW_AUTO_SHUTDOWN)
		snprintf(text, sizeof(text), "%s ended (%s)", name, word);
	else if (is_group(root, child))
		snprintf(text, sizeof(text), "%s gave up: %.300s", name, said);
	else if (cause && cause->was_up)
		snprintf(text, sizeof(text),
		    "%s ended once too often (%s; more than %s)", name, word,
		    bound_of(flags, bound));
	else
		snprintf(text, sizeof(text), "%s could not start (%s%s%.200s)",
		    name, word, said[0] ? ": " : "", said);
	group_cause(root, group, how, text);
	root->children[group].because =
	    is_group(root, child) && root->children[child].because
	    ? root->children[child].because
	    : child + 1;
}

/* ------------------------------------------------------------------ saying -- */

static void
say_up(struct acta_root *root, uint32_t child)
{
	struct acta_root_child *c = &root->children[child];
	int64_t now_ms = acta_root_now();

	for (uint32_t i = 0; i < ACTA_CAUSES_KEPT; i++)
		if (i < c->causes_count && c->causes[i].back_ms < 0)
			c->causes[i].back_ms = now_ms - c->causes[i].at_ms;
	c->because = 0;
	if (is_group(root, child)) {
		acta_root_log(root, "info", "event=up supervisor=%s",
		    root->plan.children[child].name);
		return;
	}
	acta_root_log(root, "info",
	    "event=up service=%s pid=%d after_ms=%" PRId64,
	    root->plan.children[child].name, (int)c->pid,
	    now_ms - c->spawned_ms);
}

static void
say_restart(struct acta_root *root, uint32_t child, int64_t delay_ms)
{
	struct acta_cause *cause = acta_root_last_cause(&root->children[child]);
	char word[64], text[256];

	word_of(root, child, word);
	if (cause && is_group(root, child)) {
		cause->restarted = true;
		cause->restart =
		    acta_sup_recent(&root->sup, child, acta_root_now());
	}
	acta_root_log(root, "warn",
	    "event=restart service=%s cause=%s count=%" PRIu32
	    " delay_ms=%" PRId64 " phase=%s%s%s",
	    root->plan.children[child].name, word,
	    root->sup.children[child].restarts, delay_ms,
	    cause && cause->phase == ACTA_PHASE_HANDLER ? "handler" : "between",
	    cause && cause->text[0] ? " text=" : "",
	    cause && cause->text[0] ? acta_root_quoted(cause->text, text) : "");
}

static void
say_down(struct acta_root *root, uint32_t child)
{
	struct acta_cause *cause = acta_root_last_cause(&root->children[child]);
	char word[64];

	/* Its end was not its own: nobody has said why yet. */
	if (is_group(root, child) && root->sup.children[child].ever_up &&
	    (!cause || cause->back_ms >= 0))
		group_cause(root, child, ACTA_HOW_STOPPED, "");
	word_of(root, child, word);
	acta_root_log(root, "info", "event=down service=%s state=%s cause=%s",
	    root->plan.children[child].name,
	    acta_sup_state_name(root->sup.children[child].state), word);
}

/* Why the whole node ends: the operator who started it reads this. */
static void
say_escalation(struct acta_root *root, uint32_t child)
{
	const char *name = root->plan.children[child].name;
	const struct acta_sup_flags *flags =
	    acta_sup_flags_over(&root->sup, child);
	struct acta_cause *cause = acta_root_last_cause(&root->children[child]);
	uint32_t leaf = root->children[child].because;
	char path[PATH_MAX], word[64], bound[64];

	word_of(root, child, word);
	acta_root_log(root, "error",
	    "event=escalate service=%s cause=%s supervisor=%s", name, word,
	    acta_root_parent_name(root, child));
	if (root->plan.children[child].parent)
		return; /* its group's end is looked after further up */
	if (is_group(root, child))
		acta_root_say("acta: %s: %s: the node stops", name,
		    cause ? cause->text : "gave up");
	else if (root->sup.children[child].ever_up)
		acta_root_say("acta: %s ended once too often (%s; more than "
			      "%s): the node stops",
		    name, word, bound_of(flags, bound));
	else if (cause && cause->text[0])
		acta_root_say("acta: %s: %s", name, cause->text);
	else
		acta_root_say("acta: %s: could not start (%s)", name, word);
	if (cause && strstr(cause->text, "hint:"))
		return;
	if (leaf)
		name = root->plan.children[leaf - 1].name;
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
	case ACTA_DO_SPAWN:
		acta_root_child_start(root, a->child, a->arg != 0);
		break;
	case ACTA_DO_STOP: acta_root_child_stop(root, a->child); break;
	case ACTA_DO_SIGNAL:
		acta_root_child_signal(root, a->child, (int)a->arg);
		break;
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
	case ACTA_DO_ESCALATE:
		say_escalation(root, a->child);
		group_ends(root, a->child, (uint32_t)a->arg, ACTA_HOW_GAVE_UP);
		break;
	case ACTA_DO_AUTO_SHUTDOWN:
		acta_root_log(root, "info",
		    "event=auto-shutdown supervisor=%s child=%s",
		    acta_root_parent_name(root, a->child),
		    root->plan.children[a->child].name);
		group_ends(
		    root, a->child, (uint32_t)a->arg, ACTA_HOW_AUTO_SHUTDOWN);
		break;
	case ACTA_DO_ANSWER:
		acta_root_sup_answer(
		    root, a->child, (enum acta_sup_word)a->arg);
		break;
	case ACTA_DO_FORGET: acta_root_sup_forget(root, a->child); break;
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

	while (
	    read(root->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		char name[16];

		switch ((int)info.ssi_signo) {
		case SIGCHLD: acta_root_reap(root); break;
		case SIGHUP: acta_root_reload_begin(root); break;
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
		root->woken_ms = acta_root_clock(CLOCK_BOOTTIME);
	root->tick_ms = now_ms + ACTA_ROOT_TICK_MS;
	acta_root_clock_tick(root);
	acta_root_child_hangs(root, now_ms);
	for (uint32_t i = 0; i < root->plan.count; i++) {
		if (!root->plan.children[i].name[0])
			continue;
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
	case ACTA_EVENT_CHILD_END: acta_root_reap(root); break;
	case ACTA_EVENT_CHILD_CTL:
		if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			(void)acta_root_child_records(
			    root, index, ACTA_ROOT_RECORDS, acta_root_now());
		acta_root_child_pump(root, index);
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
		int count = epoll_wait(
		    root->epoll, events, 32, wait_ms(root, acta_root_now()));

		for (int i = 0; i < count; i++)
			dispatch(root, &events[i]);

		int64_t now_ms = acta_root_now();

		if (now_ms >= root->tick_ms)
			second_tick(root, now_ms);
		acta_sup_tick(&root->sup, now_ms);
		acta_root_act(root);
		for (uint32_t i = 0; i < root->plan.count; i++)
			acta_root_child_pump(root, i);
		acta_root_reload_tick(root, now_ms);
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
	static const char *const dropped[] = { "LD_", "ZSYS_",
		"NOTIFY_SOCKET=", "LISTEN_", "WATCHDOG_",
		"GLIBC_TUNABLES=", "MALLOC_" };
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

/* Room for what is added later: pages that are never written cost nothing. */
static enum acta_err
make_room(struct acta_plan *plan)
{
	struct acta_plan_child *children =
	    calloc(ACTA_PLAN_CHILDREN_MAX, sizeof(*children));

	if (!children)
		return ACTA_ENOMEM;
	memcpy(children, plan->children, plan->count * sizeof(*children));
	free(plan->children);
	plan->children = children;
	return ACTA_OK;
}

static enum acta_err
init_memory(struct acta_root *root, char **environment,
    enum acta_sup_word *out_word, uint32_t *out_child)
{
	struct acta_plan *plan = &root->plan;
	size_t longest = 0;
	uint64_t seed = (uint64_t)acta_root_clock(CLOCK_REALTIME) ^
	    (uint64_t)getpid() << 40;
	enum acta_err err;

	for (uint32_t i = 0; i < plan->count; i++) {
		size_t count = 0;

		while (plan->children[i].argv && plan->children[i].argv[count])
			count++;
		if (count > longest)
			longest = count;
	}
	root->argv_room = longest + ACTA_ROOT_ARGS + 2;
	root->argv = calloc(root->argv_room, sizeof(*root->argv));
	root->env = clean_environment(environment);
	root->children =
	    calloc(ACTA_PLAN_CHILDREN_MAX + 1, sizeof(*root->children));
	if (!root->argv || !root->env || !root->children ||
	    make_room(plan) != ACTA_OK)
		return ACTA_ENOMEM;
	root->planned = plan->count;
	for (uint32_t i = 0; i < plan->count; i++) {
		struct acta_root_child *c = &root->children[i];

		c->pidfd = c->ctl = c->box = -1;
	}
	err = acta_peers_init(&root->peers, plan);
	if (err == ACTA_OK)
		err = acta_sup_init_plan(&root->sup, plan,
		    ACTA_PLAN_CHILDREN_MAX, seed, out_word, out_child);
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
	return acta_root_watch(
	    root, root->signals, ACTA_EVENT_SIGNALS, 0, EPOLLIN, false);
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
		root->node_log = acta_root_open_log(root, "node");
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
	enum acta_sup_word word = ACTA_SUP_OK;
	uint32_t child = ACTA_SUP_NONE;
	enum acta_err err;

	*root = (struct acta_root){
		.plan = *plan,
		.epoll = -1,
		.signals = -1,
		.listener = -1,
		.null = -1,
		.node_log = -1,
		.lock_data = -1,
		.lock_run = -1,
		.lifeline = { -1, -1 },
		.reload = { .plan = -1, .words = -1 },
	};
	*plan = (struct acta_plan){ 0 };
	for (uint32_t i = 0; i < ACTA_ROOT_CLIENTS; i++)
		root->clients[i].fd = -1;
	start_time(root);
	*why = (struct acta_why){ .text = "" };

	err = init_process(root);
	if (err == ACTA_OK)
		err = init_memory(root, environment, &word, &child);
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
		acta_why_text(why, "supervisor: %s%s%s",
		    acta_sup_word_name(word),
		    child == ACTA_SUP_NONE ? "" : ": ",
		    child == ACTA_SUP_NONE ? ""
					   : root->plan.children[child].name);
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
	acta_root_reload_fini(root);
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
