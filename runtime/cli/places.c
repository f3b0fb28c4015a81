/* runtime/cli/places.c - where stores lie: DATA/SERVICE/PARTITION/data.mdb. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "codecs/envelope.h"
#include "runtime/cli/cli.h"

#define PLACES_MAX 65536u

static int
by_name(const void *a, const void *b)
{
	const struct acta_place *x = a, *y = b;
	int order = strcmp(x->service, y->service);

	return order ? order : (x->part > y->part) - (x->part < y->part);
}

/* If there is a store in `dir`. */
static void
add(struct acta_places *places, const char *dir, const char *service,
    uint32_t part)
{
	char *file = acta_text_keepf("%s/data.mdb", dir);
	struct stat st;

	if (stat(file, &st) == 0 && places->count < PLACES_MAX) {
		places->list = realloc(
		    places->list, (places->count + 1) * sizeof(*places->list));
		if (places->list == NULL)
			abort();
		places->list[places->count++] =
		    (struct acta_place){ acta_text_keepf("%s", service),
			    acta_text_keepf("%s", dir), part };
	}
	free(file);
}

static bool
add_parts(struct acta_places *places, const char *dir, const char *service)
{
	DIR *parts = opendir(dir);
	struct dirent *p;

	if (parts == NULL)
		return false;
	while ((p = readdir(parts)) != NULL) {
		char *path = acta_text_keepf("%s/%s", dir, p->d_name);

		if (p->d_name[strspn(p->d_name, "0123456789")] == '\0')
			add(places, path, service,
			    (uint32_t)strtoul(p->d_name, NULL, 10));
		free(path);
	}
	closedir(parts);
	return true;
}

bool
acta_places_find(struct acta_places *out, const char *data)
{
	DIR *services = opendir(data);
	struct dirent *s;

	*out = (struct acta_places){ 0 };
	if (services == NULL)
		return false;
	while ((s = readdir(services)) != NULL) {
		char *path = acta_text_keepf("%s/%s", data, s->d_name);

		if (acta_service_valid(s->d_name, strlen(s->d_name)))
			(void)add_parts(out, path, s->d_name);
		free(path);
	}
	closedir(services);
	if (out->count > 0)
		qsort(out->list, out->count, sizeof(*out->list), by_name);
	return true;
}

bool
acta_places_below(struct acta_places *out, const char *dir)
{
	if (!acta_places_find(out, dir))
		return false;
	if (out->count == 0)
		(void)add_parts(out, dir, "");
	if (out->count == 0)
		add(out, dir, "", 0);
	if (out->count > 0)
		qsort(out->list, out->count, sizeof(*out->list), by_name);
	return true;
}

const struct acta_place *
acta_places_get(
    const struct acta_places *places, const char *service, uint32_t part)
{
	const struct acta_place key = { (char *)(uintptr_t)service, NULL,
		part };

	return places->count == 0
	    ? NULL
	    : bsearch(&key, places->list, places->count, sizeof(key), by_name);
}

void
acta_places_fini(struct acta_places *places)
{
	for (uint32_t i = 0; i < places->count; i++) {
		free(places->list[i].service);
		free(places->list[i].dir);
	}
	free(places->list);
	*places = (struct acta_places){ 0 };
}
