/*
 * runtime/host/death.h - the last words of a process that dies by its own doing:
 * the signal and a backtrace, into the black box of the thread that did it.
 */
#ifndef ACTA_HOST_DEATH_H
#define ACTA_HOST_DEATH_H

#include "runtime/ctl.h"

/* From now on; a thread that has no box of its own writes into `otherwise`. */
void acta_death_catch(struct acta_box *otherwise);
/* This thread's box. */
void acta_death_box(struct acta_box *box);

#endif /* ACTA_HOST_DEATH_H */
