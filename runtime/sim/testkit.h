/* runtime/sim/testkit.h - a node of the test kit, for testkit.c and storm.c. */
#ifndef ACTA_SIM_TESTKIT_H
#define ACTA_SIM_TESTKIT_H

#include "runtime/acta_test.h"
#include "runtime/sim/ledger.h"

#define ACTA_TEST_SERVICES_MAX ACTA_CLUSTER_PROCESSES_MAX

struct acta_test_service {
	struct acta_test *test;
	struct acta_loaded loaded;
	struct acta_process *process; /* NULL: not started */
	struct acta_buf settings;     /* packed pairs */
	uint32_t setting_count;
};

struct acta_test_crash_plan {
	char service[ACTA_SERVICE_MAX + 1], point[32];
	uint32_t nth, met;
	bool armed, power;
};

struct acta_test {
	uint64_t seed;
	struct acta_cluster cluster;
	struct acta_ledger ledger;
	struct acta_test_service services[ACTA_TEST_SERVICES_MAX];
	uint32_t count;
	bool started;
	struct acta_test_crash_plan crash;
	bool power_out; /* the node is to lose its power now */
	uint64_t points; /* met so far, of all that a crash can name */
	uint64_t storm;  /* crash at the point of that number; 0: none */
	bool storm_power;
	char met[80]; /* where the storm struck */
	struct acta_arena arena; /* of the test's own actor */
	struct acta_actor actor;
	struct acta_loaded actor_loaded;
	struct acta_service actor_service;
	/* the call in hand */
	uint64_t request;
	bool answered;
	struct acta_buf answer;
	char code[ACTA_TYPE_MAX + 1], text[1200];
	/* the last call, for acta_test_retry */
	struct acta_buf last;
	uint32_t last_to;
	uint8_t last_id[16];
	bool last_keeps; /* its answer is kept under its id */
	const char *refused; /* by what a door checks */
	uint64_t ids;
};

void acta_test_die(struct acta_test *test, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

#endif /* ACTA_SIM_TESTKIT_H */
