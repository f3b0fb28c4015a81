/* runtime/config_world.c - what counts beside the file: folders, limits. */
#include "runtime/config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/config_text.h"

/* The value of a variable that is set to an absolute path, else NULL. */
static const char *
env_dir(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] == '/' ? value : NULL;
}

void
acta_config_world(struct acta_config_world *world, struct acta_buf *buf)
{
	const char *home = env_dir("HOME"), *state = env_dir("XDG_STATE_HOME");
	const char *runtime = env_dir("XDG_RUNTIME_DIR");
	const char *tmp = env_dir("TMPDIR");
	size_t state_at = buf->size, run_at, program_at;
	struct rlimit limit;
	char self[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (state != NULL)
		acta_text_printf(buf, "%s", state);
	else if (home != NULL)
		acta_text_printf(buf, "%s/.local/state", home);
	acta_buf_append(buf, "", 1);
	run_at = buf->size;
	if (runtime != NULL)
		acta_text_printf(buf, "%s/acta", runtime);
	else
		acta_text_printf(buf, "%s/acta-%u", tmp != NULL ? tmp : "/tmp",
		    (unsigned)getuid());
	acta_buf_append(buf, "", 1);
	program_at = buf->size;
	/* The build has all programs in one folder, an installation the
	 * helpers of bin/acta in libexec/acta. */
	self[size > 0 ? size : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	acta_text_printf(buf, "%s/acta-root", self);
	acta_buf_append(buf, "", 1);
	if (access((char *)buf->data + program_at, X_OK) == 0 ||
	    strrchr(self, '/') == NULL) {
		buf->size = program_at;
		acta_text_printf(buf, "%s", self);
	} else {
		buf->size = program_at;
		*strrchr(self, '/') = '\0';
		acta_text_printf(buf, "%s/libexec/acta", self);
	}
	acta_buf_append(buf, "", 1);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		limit.rlim_max = 1024;
	*world = (struct acta_config_world){
		.state_home = state != NULL || home != NULL
		    ? (char *)buf->data + state_at
		    : NULL,
		.run_base = (char *)buf->data + run_at,
		.actor_path = getenv("ACTA_PATH"),
		.program_dir = (char *)buf->data + program_at,
		.files_max = limit.rlim_max,
		.cores = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN),
		.describe = acta_config_describe,
	};
	world->describe_arg = (void *)(uintptr_t)world->program_dir;
}
