/* t/02-ctl.c - one record a packet: whole, checked, never blocking. */
#include "runtime/ctl.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int pair[2];

static void
setup(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
}

START_TEST(comes_as_it_went)
{
	struct acta_ctl out, in;

	acta_ctl_init(&out, ACTA_CTL_PEER);
	out.index = 1;
	out.workers = 2;
	out.partitions = 3;
	out.number = UINT64_MAX;
	out.uid[15] = 9;
	strcpy(out.name, "stock");
	memset(out.text, 'x', sizeof(out.text) - 1); /* the longest */
	ck_assert_int_eq(acta_ctl_send(pair[0], &out), ACTA_OK);
	ck_assert_int_eq(acta_ctl_recv(pair[1], &in), ACTA_OK);
	ck_assert_mem_eq(&in, &out, sizeof(in));
	ck_assert_int_eq(acta_ctl_recv(pair[1], &in), ACTA_EAGAIN);
}
END_TEST

START_TEST(what_is_no_record_is_refused_and_the_next_is_read)
{
	struct acta_ctl good, bad, in = { .type = 77 };

	acta_ctl_init(&good, ACTA_CTL_READY);
#define REFUSED(size)                                                       \
	do {                                                                \
		ck_assert_int_eq(send(pair[0], &bad, (size), 0), (size));   \
		ck_assert_int_eq(acta_ctl_recv(pair[1], &in), ACTA_EPROTO); \
		ck_assert_uint_eq(in.type, 77); /* untouched */             \
	} while (0)
	bad = good;
	REFUSED((ssize_t)sizeof(bad) - 1);
	REFUSED(1);
	bad.magic++;
	REFUSED((ssize_t)sizeof(bad));
	bad = good;
	bad.type = 0;
	REFUSED((ssize_t)sizeof(bad));
	bad.type = ACTA_CTL_ALARM + 1;
	REFUSED((ssize_t)sizeof(bad));
	bad.type = ACTA_CTL_GO + 1;
	REFUSED((ssize_t)sizeof(bad));
	bad = good;
	memset(bad.name, 'x', sizeof(bad.name));
	REFUSED((ssize_t)sizeof(bad));
	bad = good;
	memset(bad.text, 'x', sizeof(bad.text));
	REFUSED((ssize_t)sizeof(bad));
#undef REFUSED
	uint8_t longer[sizeof(good) + 1] = { 0 };

	memcpy(longer, &good, sizeof(good));
	ck_assert_int_eq(
	    send(pair[0], longer, sizeof(longer), 0), sizeof(longer));
	ck_assert_int_eq(acta_ctl_recv(pair[1], &in), ACTA_EPROTO);
	ck_assert_int_eq(acta_ctl_send(pair[0], &good), ACTA_OK);
	ck_assert_int_eq(acta_ctl_recv(pair[1], &in), ACTA_OK);
	ck_assert_uint_eq(in.type, ACTA_CTL_READY);
}
END_TEST

START_TEST(full_is_not_closed)
{
	struct acta_ctl ctl;
	enum acta_err err;
	int sent = 0;

	acta_ctl_init(&ctl, ACTA_CTL_HEARTBEAT);
	while ((err = acta_ctl_send(pair[0], &ctl)) == ACTA_OK)
		ck_assert_int_lt(++sent, 100000);
	ck_assert_int_eq(err, ACTA_EAGAIN);
	ck_assert_int_gt(sent, 16);
	ck_assert_int_eq(acta_ctl_recv(pair[1], &ctl), ACTA_OK);
	ck_assert_int_eq(acta_ctl_send(pair[0], &ctl), ACTA_OK);
}
END_TEST

START_TEST(what_was_said_is_heard_after_the_end)
{
	struct acta_ctl ctl;

	acta_ctl_init(&ctl, ACTA_CTL_CAUSE);
	ck_assert_int_eq(acta_ctl_send(pair[0], &ctl), ACTA_OK);
	close(pair[0]);
	ck_assert_int_eq(acta_ctl_recv(pair[1], &ctl), ACTA_OK);
	ck_assert_int_eq(acta_ctl_recv(pair[1], &ctl), ACTA_ECLOSED);
	/* No SIGPIPE either. */
	ck_assert_int_eq(acta_ctl_send(pair[1], &ctl), ACTA_ECLOSED);
}
END_TEST

/* The peer had not read what we said: the pair is reset, and yet. */
START_TEST(what_was_said_is_heard_although_we_were_not)
{
	struct acta_ctl out, in;

	acta_ctl_init(&out, ACTA_CTL_STOP);
	ck_assert_int_eq(acta_ctl_send(pair[0], &out), ACTA_OK);
	acta_ctl_init(&out, ACTA_CTL_CAUSE);
	snprintf(out.name, sizeof(out.name), "storage-failed");
	ck_assert_int_eq(acta_ctl_send(pair[1], &out), ACTA_OK);
	close(pair[1]);
	ck_assert_int_eq(acta_ctl_recv(pair[0], &in), ACTA_OK);
	ck_assert_str_eq(in.name, "storage-failed");
	ck_assert_int_eq(acta_ctl_recv(pair[0], &in), ACTA_ECLOSED);
	close(pair[0]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ctl");
	TCase *tc = tcase_create("records");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, comes_as_it_went);
	tcase_add_test(tc, what_is_no_record_is_refused_and_the_next_is_read);
	tcase_add_test(tc, full_is_not_closed);
	tcase_add_test(tc, what_was_said_is_heard_after_the_end);
	tcase_add_test(tc, what_was_said_is_heard_although_we_were_not);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS;
}
