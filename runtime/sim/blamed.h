/* runtime/sim/blamed.h - the root's memory of who crashed what, by its own code
 * (root/blame.c), whose names and part.h's cannot be seen at once. */
#ifndef ACTA_SIM_BLAMED_H
#define ACTA_SIM_BLAMED_H

#include <stdbool.h>
#include <stdint.h>

struct acta_blamed;

struct acta_blamed *acta_blamed_new(void);
void acta_blamed_free(struct acta_blamed **blamed);
/* One crash more of a message; uid 0 is nobody. */
void acta_blamed_count(struct acta_blamed *blamed, const uint8_t uid[16]);
/* The i-th; false: there are no more. */
bool acta_blamed_row(const struct acta_blamed *blamed, uint32_t i,
    const uint8_t **out_uid, uint32_t *out_crashes);

#endif /* ACTA_SIM_BLAMED_H */
