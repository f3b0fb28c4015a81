/* runtime/host/death.c - see death.h. */
#include "runtime/host/death.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Known to the signal handler alone. */
static struct acta_box *volatile otherwise;
static _Thread_local struct acta_box *volatile own;

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void
dying(int number)
{
	struct acta_box *box = own != NULL ? own : otherwise;
	void *frames[16];
	size_t at;
	int n;

	if (box != NULL) {
		box->died = own != NULL;
		n = backtrace(frames, 16);
		at = (size_t)snprintf(
		    box->text, sizeof(box->text), "signal %d at", number);
		for (int i = 2; i < n && at < sizeof(box->text); i++) {
			Dl_info info;
			int more;

			if (dladdr(frames[i], &info) == 0)
				continue;
			more = snprintf(box->text + at, sizeof(box->text) - at,
			    " %s+0x%lx",
			    info.dli_sname ? info.dli_sname
					   : last_part(info.dli_fname),
			    (unsigned long)((char *)frames[i] -
				(char *)(info.dli_saddr ? info.dli_saddr
							: info.dli_fbase)));
			if (more < 0)
				break;
			at += (size_t)more;
		}
	}
	signal(number, SIG_DFL);
	raise(number);
}

void
acta_death_catch(struct acta_box *box)
{
	static const int numbers[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE,
		SIGABRT };
	struct sigaction act = { .sa_handler = dying,
		.sa_flags = SA_RESETHAND | SA_NODEFER };
	void *warm[2];

	otherwise = box;
	(void)backtrace(warm, 2); /* loads what it needs now, not then */
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		sigaction(numbers[i], &act, NULL);
	signal(SIGPIPE, SIG_IGN);
}

void
acta_death_box(struct acta_box *box)
{
	own = box;
}
