/*
 * counted.h - before the source of a service: the same service, which counts
 * the lives of its process, so that a test sees whether a crash came about.
 */
#include <acta.h>

extern int counted_starts;
int counted_starts;

static acta_status
counted_start(acta_actor *self, void **out_shared)
{
	(void)self;
	*out_shared = NULL;
	counted_starts++;
	return ACTA_DONE;
}

#undef ACTA_SERVICE
#define ACTA_SERVICE(name_, version_, ...)                                    \
	extern ACTA_EXPORT const struct acta_service acta_service_v1;         \
	const struct acta_service acta_service_v1 = {                         \
		.abi = ACTA_ABI, .size = sizeof(struct acta_service),         \
		.handler_size = sizeof(struct acta_handler),                  \
		.start = counted_start, .name = name_, .version = version_,   \
		.handlers = __VA_ARGS__ }
