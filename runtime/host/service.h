/*
 * runtime/host/service.h - a service as it was loaded: its shared object, its
 * handlers with their schemas, its settings.
 */
#ifndef ACTA_HOST_SERVICE_H
#define ACTA_HOST_SERVICE_H

#include "codecs/schema.h"
#include "runtime/acta.h"

#define ACTA_HANDLERS_MAX 1024u
#define ACTA_FIXED_MAX 8u

struct acta_handler_info {
	const struct acta_handler *handler;
	size_t type_size;
	struct acta_schema args;
};

struct acta_loaded {
	void *dl;
	const struct acta_service *service;
	struct acta_handler_info *handlers; /* sorted by type */
	uint32_t count;
	struct acta_schema settings_schema;
	acta_value *settings; /* as declared; points into settings_bytes */
	uint8_t *settings_bytes;
	void *shared; /* what start() made */
	/* Its segments that cannot be written to: what points into them stays
	 * as it is (literal.h). */
	struct {
		uintptr_t from, to;
	} fixed[ACTA_FIXED_MAX];
	uint32_t fixed_count;
};

static inline bool
acta_loaded_fixed(const struct acta_loaded *loaded, const void *at)
{
	for (uint32_t i = 0; i < loaded->fixed_count; i++)
		if ((uintptr_t)at >= loaded->fixed[i].from &&
		    (uintptr_t)at < loaded->fixed[i].to)
			return true;
	return false;
}

/*
 * dlopen and check: ABI, names, handlers, schemas. ACTA_EINVAL, ACTA_EVERSION
 * with `why`. Runs the object's constructors: a child process is the place to
 * do it first.
 */
ACTA_NODISCARD enum acta_err acta_loaded_open(
    struct acta_loaded *out, const char *path, struct acta_why *why);
/* The same of a descriptor that is linked in: it outlives `out`. For tests and
 * the simulator. */
ACTA_NODISCARD enum acta_err acta_loaded_from(struct acta_loaded *out,
    const struct acta_service *service, struct acta_why *why);
/* Check and keep settings (a MAP, checked bytes; copied). */
ACTA_NODISCARD enum acta_err acta_loaded_settings(struct acta_loaded *loaded,
    const void *map, size_t size, struct acta_why *why);
void acta_loaded_close(struct acta_loaded *loaded);

const struct acta_handler_info *acta_loaded_find(
    const struct acta_loaded *loaded, const char *type, size_t size);

/* One line of JSON that describes it (acta-host --describe), into `out`. */
void acta_loaded_describe(
    const struct acta_loaded *loaded, struct acta_buf *out);

#endif /* ACTA_HOST_SERVICE_H */
