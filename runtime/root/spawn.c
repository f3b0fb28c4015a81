/* runtime/root/spawn.c - see spawn.h. */
#include "runtime/root/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/close_range.h>

struct passage {
	const struct acta_spawn *spawn;
	pid_t root;
	int failed; /* errno of the child's failure: the memory is one */
};

static void
default_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	/* An ignored signal stays ignored over exec: none must. */
	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &action, NULL); /* SIGKILL refuses */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
limit(const struct acta_spawn *s)
{
	struct rlimit files = s->files;
	struct rlimit memory = { s->memory_max, s->memory_max };

	if (s->files_max) {
		files.rlim_cur = s->files_max;
		if (files.rlim_max < s->files_max)
			files.rlim_max = s->files_max;
	}
	if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
		/* Only the privileged raise the hard limit: take what there is. */
		files = (struct rlimit){ s->files.rlim_max, s->files.rlim_max };
		if (setrlimit(RLIMIT_NOFILE, &files) != 0)
			return -1;
	}
	return s->memory_max ? setrlimit(RLIMIT_DATA, &memory) : 0;
}

static int
arrange_files(const struct acta_spawn *s)
{
	unsigned keep = 3;

	if (dup2(s->null, 0) < 0 || dup2(s->log, 1) < 0 || dup2(s->log, 2) < 0)
		return -1;
	for (; keep < 7 && s->pass[keep - 3] >= 0; keep++)
		if (dup2(s->pass[keep - 3], (int)keep) < 0)
			return -1;
	return close_range(keep, ~0u, CLOSE_RANGE_CLOEXEC);
}

static void
set_oom(const char *score)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	ssize_t written = write(fd, score, strlen(score));

	(void)written; /* it is then only as hard to kill as the root */
	close(fd);
}

/* In the child, on its own stack, in the root's memory, while the root waits:
 * nothing here may allocate or change what the root reads later. */
__attribute__((no_sanitize("address", "thread", "undefined"))) static int
child(void *arg)
{
	struct passage *p = arg;
	const struct acta_spawn *s = p->spawn;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		goto fail;
	if (getppid() != p->root)
		_exit(127); /* it died before the line above */
	if (setpgid(0, 0) != 0 || limit(s) != 0)
		goto fail;
	if (s->oom)
		set_oom(s->oom);
	umask(s->mask);
	if (arrange_files(s) != 0)
		goto fail;
	default_signals();
	execve(s->program, s->argv, s->env);
fail:
	p->failed = errno ? errno : EINVAL;
	_exit(127);
}

enum acta_err
acta_spawn_run(const struct acta_spawn *spawn, char *stack, pid_t *out_pid,
    int *out_pidfd, int *out_errno)
{
	struct passage passage = { spawn, getpid(), 0 };
	int pidfd = -1;
	pid_t pid = clone(child, stack + ACTA_SPAWN_STACK,
	    CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &passage, &pidfd);

	if (pid < 0) {
		*out_errno = errno;
		return ACTA_EIO;
	}
	/* The compiler cannot see that another process wrote it. */
	int failed = *(volatile int *)&passage.failed;

	if (failed) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		close(pidfd);
		*out_errno = failed;
		return ACTA_EIO;
	}
	*out_pid = pid;
	*out_pidfd = pidfd;
	return ACTA_OK;
}
