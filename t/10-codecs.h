/* t/10-codecs.h - what the tests of the codecs share. */
#ifndef T_CODECS_H
#define T_CODECS_H

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/buf.h"
#include "codecs/json.h"
#include "codecs/packer.h"
#include "codecs/reader.h"

/* The public vectors: every form of many values. Not part of the project. */
#define VECTORS "../shared/data/msgpack-test-suite.json"

static inline int
hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* "93 01-02 03" appended as bytes. */
static inline void
unhex(struct acta_buf *buf, const char *text)
{
	while (*text) {
		if (hex_digit(*text) < 0) {
			text++;
			continue;
		}
		uint8_t byte = (uint8_t)(hex_digit(text[0]) << 4 |
		    hex_digit(text[1]));

		acta_buf_append(buf, &byte, 1);
		text += 2;
	}
}

/* The bytes alone in their block, so that the sanitizer sees a read beyond. */
static inline void *
exact(const void *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	ck_assert_ptr_nonnull(copy);
	if (size)
		memcpy(copy, data, size);
	return copy;
}

static inline enum acta_err
check_exact(const void *data, size_t size)
{
	void *copy = exact(data, size);
	enum acta_err err = acta_msgpack_check(size ? copy : NULL, size);

	free(copy);
	return err;
}

static inline enum acta_err
check_hex(const char *hex)
{
	struct acta_buf buf;
	enum acta_err err;

	acta_buf_init(&buf);
	unhex(&buf, hex);
	err = check_exact(buf.data, buf.size);
	acta_buf_fini(&buf);
	return err;
}

static inline void
fill(struct acta_buf *buf, uint8_t byte, size_t count)
{
	acta_buf_reserve(buf, count);
	memset(buf->data + buf->size, byte, count);
	buf->size += count;
}

/* JSON to MessagePack, as a value that lives as long as `buf`. */
static inline acta_value
from_json(struct acta_buf *buf, const char *json)
{
	struct acta_why why = { "", "" };
	struct acta_reader r;

	acta_buf_init(buf);
	ck_assert_msg(acta_json_decode(json, strlen(json), buf, &why) ==
	    ACTA_OK, "%s: %s", json, why.text);
	r = acta_reader(buf->data, buf->size);
	return acta_read(&r);
}

static inline json_t *
vectors_load(void)
{
	json_t *all = json_load_file(VECTORS, 0, NULL);

	if (!all)
		printf("# skip the public vectors: no %s\n", VECTORS);
	return all;
}

static inline int
run(const char *name, TCase *tc)
{
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 60);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}

#endif /* T_CODECS_H */
