/* t/fuzz-files.c - seeds from files that the project has anyway. */
#include "t/fuzz.h"

#include <dirent.h>

#define FILE_MAX_BYTES (1u << 20)

void
fuzz_file(const char *path, fuzz_take *take, void *self)
{
	static uint8_t bytes[FILE_MAX_BYTES];
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return;
	take(self, bytes, fread(bytes, 1, sizeof(bytes), file));
	fclose(file);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
fuzz_files(const char *dir, const char *prefix, const char *suffix,
    fuzz_take *take, void *self)
{
	char *names[256], path[512];
	DIR *folder = opendir(dir);
	struct dirent *entry;
	size_t count = 0;

	while (folder != NULL && count < 256 &&
	    (entry = readdir(folder)) != NULL) {
		size_t size = strlen(entry->d_name), tail = strlen(suffix);

		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 ||
		    size < tail ||
		    strcmp(entry->d_name + size - tail, suffix) != 0 ||
		    entry->d_name[0] == '.')
			continue;
		names[count] = strdup(entry->d_name);
		fuzz_must(names[count] != NULL);
		count++;
	}
	if (folder != NULL)
		closedir(folder);
	qsort(names, count, sizeof(names[0]), by_name); /* runs are alike */
	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		fuzz_file(path, take, self);
		free(names[i]);
	}
}

void
fuzz_text(const char *text, fuzz_take *take, void *self)
{
	take(self, text, strlen(text));
}
