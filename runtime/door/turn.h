/* turn.h - the poll loop of a door. */
#ifndef ACTA_DOOR_TURN_H
#define ACTA_DOOR_TURN_H

#include "runtime/door/door.h"

void door_turn_init(struct door *door);
/* `linger`: a moment for the last answers to leave. */
void door_turn_fini(struct door *door, bool linger);
/* The services that the config names. */
void door_services_read(struct door *door);
/* Until the root says stop or is gone: true. False: cannot go on. */
bool door_turn_run(
    struct door *door, struct acta_why *why, const char **out_code);

#endif /* ACTA_DOOR_TURN_H */
