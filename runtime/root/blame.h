/*
 * runtime/root/blame.h - which messages a service's process crashed on, and how
 * often. Kept by the root across restarts and told to each new process; after
 * max_crashes the service makes a dead letter of the message.
 */
#ifndef ACTA_ROOT_BLAME_H
#define ACTA_ROOT_BLAME_H

#include <stdbool.h>
#include <stdint.h>

/* More suspects than this at once, and the one longest not seen is forgiven. */
#define ACTA_BLAME_MAX 256u

struct acta_blame_row {
	uint8_t uid[16];
	uint32_t crashes;
};

/* A plain value, all zeros when new. Oldest first. */
struct acta_blame {
	uint32_t count;
	struct acta_blame_row rows[ACTA_BLAME_MAX];
};

bool acta_blame_is_none(const uint8_t uid[16]);
/* One crash more; how many it has now. A uid of zeros is nobody: 0. */
uint32_t acta_blame_count(struct acta_blame *blame, const uint8_t uid[16]);

#endif /* ACTA_ROOT_BLAME_H */
