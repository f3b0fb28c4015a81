/*
 * t/fuzz.h - the fuzz targets: one a decoder, each in t/fuzz-NAME.c as an
 * int fuzz_NAME(bytes) which does with them what the program does, and holds
 * what came of it to what must be true. `make fuzz` runs them under libFuzzer,
 * t/18-fuzz without it.
 */
#ifndef T_FUZZ_H
#define T_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whoever takes seeds: valid inputs to begin with. */
typedef void fuzz_take(void *self, const void *data, size_t size);

#define FUZZ_TARGETS(X)                                                  \
	X(config) X(ctl) X(frame) X(journal) X(json) X(message) X(msgpack) \
	X(plan) X(quantity) X(request) X(row) X(schema) X(token)

#define X(name)                                                    \
	int fuzz_##name(const uint8_t *data, size_t size);         \
	void fuzz_##name##_seeds(fuzz_take *take, void *self);
FUZZ_TARGETS(X)
#undef X

/* What must be true of any input: under libFuzzer and in a test alike, an abort
 * keeps the input that broke it. */
#define fuzz_must(condition)                                              \
	do {                                                              \
		if (!(condition)) {                                       \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, \
			    __LINE__, #condition);                        \
			abort();                                          \
		}                                                         \
	} while (0)

/* A file of t/golden (NAME with its suffix), or of another folder. */
void fuzz_file(const char *path, fuzz_take *take, void *self);
/* All files of a folder whose names begin and end so. */
void fuzz_files(const char *dir, const char *prefix, const char *suffix,
    fuzz_take *take, void *self);
void fuzz_text(const char *text, fuzz_take *take, void *self);

#endif /* T_FUZZ_H */
