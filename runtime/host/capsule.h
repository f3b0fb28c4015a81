/*
 * runtime/host/capsule.h - a dead letter run again in private: `acta-host --capsule
 * FILE SERVICE.so`. FILE is what `acta dead capsule` writes, the map of @dead show:
 * the message and its actor's rows before it. Nothing leaves, nothing is kept; the
 * handler runs in this process, so that it can be run under gdb.
 */
#ifndef ACTA_HOST_CAPSULE_H
#define ACTA_HOST_CAPSULE_H

/* The exit status: 0 it was handled or refused, 1 it was not, 2 no such file or
 * service, or a capsule of another one. */
int acta_capsule(const char *file, const char *load);

#endif /* ACTA_HOST_CAPSULE_H */
