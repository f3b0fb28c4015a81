/*
 * t/45-api.h - what the test programs of the services' API share: nodes made of
 * t/services, a look into a loaded service, and asserts on answers.
 *
 * The services of these tests hold exported counters beside the turn. A real
 * service must not; here they show what a run did of which nothing was kept.
 */
#ifndef T_45_API_H
#define T_45_API_H

#include "runtime/acta_test.h"

#include <check.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 1 /* any: these tests assert nothing that depends on it */

static inline const char *
service_path(const char *name)
{
	static char paths[8][512];
	static unsigned next;
	char *path = paths[next++ % 8];
	const char *build = getenv("BUILD");

	snprintf(path, sizeof paths[0], "%s/t/services/%s.so",
	    build ? build : "build/plain", name);
	return path;
}

/* A node of up to three services of t/services; NULL for fewer. */
static inline acta_test *
node(const char *first, const char *second, const char *third)
{
	const char *services[4] = { service_path(first) };

	if (second)
		services[1] = service_path(second);
	if (second && third)
		services[2] = service_path(third);
	return acta_test_new(SEED, services);
}

/* An exported variable or function of a service that the node has loaded. */
static inline void *
probe(const char *service, const char *symbol)
{
	void *object = dlopen(service_path(service), RTLD_NOW | RTLD_LOCAL);
	void *found = object ? dlsym(object, symbol) : NULL;

	ck_assert_msg(found != NULL, "%s: no %s", service, symbol);
	return found;
}

static inline int
probe_int(const char *service, const char *symbol)
{
	return *(int *)probe(service, symbol);
}

static inline bool
is_text(acta_value value, const char *text)
{
	return value.type == ACTA_STR && value.size == strlen(text) &&
	    memcmp(value.as.data, text, value.size) == 0;
}

/* A value as a C string, which lives until the next call of this. */
static inline const char *
text_of(acta_value value)
{
	static char text[4][512];
	static unsigned next;
	char *out = text[next++ % 4];

	if (value.type == ACTA_STR)
		snprintf(out, sizeof text[0], "%.*s", (int)value.size,
		    (const char *)value.as.data);
	else
		snprintf(out, sizeof text[0], "(type %u, %lld)", value.type,
		    (long long)value.as.i);
	return out;
}

#define assert_ok(view_)                                                      \
	do {                                                                  \
		acta_reply_view v_ = (view_);                                 \
		ck_assert_msg(v_.ok, "%s: %s: %s", #view_, v_.code, v_.text); \
	} while (0)
#define assert_refused(view_, code_)                                          \
	do {                                                                  \
		acta_reply_view v_ = (view_);                                 \
		ck_assert_msg(!v_.ok, "%s: not refused", #view_);             \
		ck_assert_msg(strcmp(v_.code, (code_)) == 0,                  \
		    "%s: %s (%s), not %s", #view_, v_.code, v_.text,          \
		    (code_));                                                 \
	} while (0)
#define assert_type(value_, type_)                                            \
	ck_assert_uint_eq((value_).type, (unsigned)(type_))
#define assert_int(value_, want_)                                             \
	do {                                                                  \
		acta_value v_ = (value_);                                     \
		ck_assert_msg(v_.type == ACTA_INT, "%s: %s", #value_,         \
		    text_of(v_));                                             \
		ck_assert_int_eq(v_.as.i, (want_));                           \
	} while (0)
#define assert_text(value_, want_)                                            \
	do {                                                                  \
		acta_value v_ = (value_);                                     \
		ck_assert_msg(is_text(v_, (want_)), "%s: %s, not %s",         \
		    #value_, text_of(v_), (want_));                           \
	} while (0)
#define assert_bool(value_, want_)                                            \
	do {                                                                  \
		acta_value v_ = (value_);                                     \
		ck_assert_msg(v_.type == ACTA_BOOL && v_.as.b == (want_),     \
		    "%s: %s", #value_, text_of(v_));                          \
	} while (0)
#define assert_num(value_, want_)                                             \
	do {                                                                  \
		acta_value v_ = (value_);                                     \
		assert_type(v_, ACTA_NUM);                                    \
		ck_assert_double_eq(v_.as.d, (want_));                        \
	} while (0)
#define state_of(test, address, name) acta_test_state((test), (address), (name))

/* One tcase, all tests in it, TAP on stdout. */
static inline int
run_tests(const char *name, const TTest *const *tests)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tc, 120);
	for (; *tests; tests++)
		tcase_add_test(tc, *tests);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}

#endif /* T_45_API_H */
