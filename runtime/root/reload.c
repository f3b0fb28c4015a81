/*
 * runtime/root/reload.c - SIGHUP: the config is read again, by a process of its
 * own, for the root reads no YAML. It leaves a plan, or words on what is wrong,
 * in files of memory; the root looks at them when it has ended. What is then
 * done with the plan: changes.c.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/root/root.h"

/* Each service is asked for what it declares, for 10 s at most. */
#define READING_MS 120000
#define WORDS_MAX 3000u

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
acta_root_reload_failed(
    struct acta_root *root, const char *why, const char *hint)
{
	char text[256];

	acta_root_log(root, "warn", "event=reload-failed why=%s",
	    acta_root_quoted(why, text));
	acta_root_say("acta: %s: its config stays as it was%s%s",
	    root->plan.node, hint[0] ? "\n  hint: " : "", hint);
}

void
acta_root_reload_fini(struct acta_root *root)
{
	struct acta_root_reload *reload = &root->reload;

	if (reload->pid) /* reaped as an orphan is */
		(void)kill(-reload->pid, SIGKILL);
	close_fd(&reload->plan);
	close_fd(&reload->words);
	free(reload->starting);
	*reload = (struct acta_root_reload){ .plan = -1, .words = -1 };
}

/* ------------------------------------------------------------------ reading -- */

static int
start_reader(struct acta_root *root)
{
	struct acta_root_reload *reload = &root->reload;
	char number[] = "3";
	char *argv[] = { (char *)"acta", (char *)"check", (char *)"--plan",
		number, root->plan.file, NULL };
	struct acta_spawn spawn = {
		.program = root->plan.reader,
		.argv = argv,
		.env = root->env,
		.null = root->null,
		.pass = { -1, -1, -1, -1 },
		.files = root->files,
		.mask = root->mask,
		.oom = root->oom[0] ? root->oom : NULL,
	};
	int pidfd = -1, failed = 0;

	reload->plan = memfd_create("acta-plan", MFD_CLOEXEC);
	reload->words = memfd_create("acta-words", MFD_CLOEXEC);
	if (reload->plan < 0 || reload->words < 0)
		return errno;
	spawn.pass[0] = reload->plan;
	spawn.log = reload->words;
	if (acta_spawn_run(
		&spawn, root->stack, &reload->pid, &pidfd, &failed) != ACTA_OK)
		return failed;
	close(pidfd); /* SIGCHLD tells its end */
	return 0;
}

void
acta_root_reload_begin(struct acta_root *root)
{
	struct acta_root_reload *reload = &root->reload;
	int failed;

	acta_root_log(root, "info", "event=reload file=%s", root->plan.file);
	if (root->sup.phase >= ACTA_NODE_STOPPING) {
		acta_root_reload_failed(root, "the node is stopping", "");
		return;
	}
	/* The file may have changed since it was read: once more, then. */
	if (reload->pid) {
		reload->again = true;
		return;
	}
	reload->again = reload->slow = false;
	reload->since_ms = acta_root_now();
	failed = start_reader(root);
	if (!failed)
		return;
	reload->pid = 0;
	close_fd(&reload->plan);
	close_fd(&reload->words);
	acta_root_reload_failed(root, strerror(failed),
	    "is the program that started this node still there?");
}

/* -------------------------------------------------------------- what it left -- */

/* What the reader said, without what a terminal would obey. */
static void
read_words(int fd, char out[WORDS_MAX + 1])
{
	ssize_t size = pread(fd, out, WORDS_MAX, 0);

	if (size < 0)
		size = 0;
	while (size > 0 && out[size - 1] == '\n')
		size--;
	out[size] = '\0';
	for (char *c = out; *c; c++)
		if (((unsigned char)*c < 0x20 && *c != '\n') || *c == 0x7f)
			*c = '?';
}

/* The bytes are the caller's; NULL: there are none, or too many. */
static uint8_t *
read_plan(int fd, size_t *out_size)
{
	struct stat st;
	uint8_t *data;
	size_t at = 0;

	if (fstat(fd, &st) != 0 || st.st_size <= 0 ||
	    st.st_size > (off_t)ACTA_PLAN_BYTES_MAX)
		return NULL;
	data = malloc((size_t)st.st_size);
	while (data && at < (size_t)st.st_size) {
		ssize_t got =
		    pread(fd, data + at, (size_t)st.st_size - at, (off_t)at);

		if (got <= 0)
			break;
		at += (size_t)got;
	}
	*out_size = at;
	return data;
}

static void
take_plan(struct acta_root *root)
{
	struct acta_plan new;
	size_t size = 0;
	uint8_t *data = read_plan(root->reload.plan, &size);

	if (!data || acta_plan_decode(data, size, &new) != ACTA_OK) {
		acta_root_reload_failed(root,
		    "its reader is of another version than the node",
		    "start the node again");
	} else {
		acta_root_changes(root, &new);
		acta_plan_fini(&new);
	}
	free(data);
}

static void
reader_failed(struct acta_root *root, const siginfo_t *info)
{
	char words[WORDS_MAX + 1], why[256], name[16];

	read_words(root->reload.words, words);
	if (words[0])
		acta_root_say("%s", words);
	if (root->reload.slow) {
		snprintf(why, sizeof(why), "it was not read within %d s",
		    READING_MS / 1000);
	} else if (info->si_code != CLD_EXITED) {
		snprintf(why, sizeof(why), "its reader was killed by %s",
		    acta_signal_name(info->si_status, name));
	} else {
		words[strcspn(words, "\n")] = '\0';
		snprintf(why, sizeof(why), "%.250s",
		    strncmp(words, "acta: ", 6) == 0 ? words + 6 : words);
	}
	acta_root_reload_failed(root, why[0] ? why : "its reader failed",
	    info->si_code == CLD_EXITED ? "" : "send SIGHUP again");
}

void
acta_root_reload_ended(struct acta_root *root, const siginfo_t *info)
{
	struct acta_root_reload *reload = &root->reload;
	bool good = info->si_code == CLD_EXITED && info->si_status == 0;

	reload->pid = 0;
	if (root->sup.phase >= ACTA_NODE_STOPPING)
		acta_root_reload_failed(root, "the node is stopping", "");
	else if (good && !reload->again)
		take_plan(root);
	else if (!good && !reload->again)
		reader_failed(root, info);
	close_fd(&reload->plan);
	close_fd(&reload->words);
	if (reload->again)
		acta_root_reload_begin(root);
}

void
acta_root_reload_tick(struct acta_root *root, int64_t now_ms)
{
	struct acta_root_reload *reload = &root->reload;

	if (reload->pid && !reload->slow &&
	    now_ms - reload->since_ms > READING_MS) {
		reload->slow = true;
		(void)kill(-reload->pid, SIGKILL);
	}
	acta_root_changes_tick(root);
}
