/*
 * runtime/sim/ledger.h - what must hold after every event of a simulated node
 * (RELIABILITY 3.4, CORE): the records of each journal are put together into a
 * view, by this module's own reading of store/README and store/rows.h; what
 * leaves a process, and what other stores say, is compared with the views of
 * what is durable. For the simulator and the test kit.
 */
#ifndef ACTA_SIM_LEDGER_H
#define ACTA_SIM_LEDGER_H

#include "runtime/sim/cluster.h"

struct acta_view { /* what one version of a disk says, all layers together */
	struct acta_omap tables[ACTA_TABLES];
	uint64_t turn;
	int64_t last_ms;
};

struct acta_ledger {
	struct acta_cluster *cluster;
	void *self;
	/* An invariant broke: `kind` is the same for all of its sort. */
	void (*broken)(void *self, const char *kind, const char *text);
	/* Was its store never set back to a copy? NULL: none ever is. */
	bool (*trusted)(void *self, const struct acta_place *place);
	/* counted */
	uint64_t hash; /* of all records */
	uint64_t turns, merges;
	uint64_t dead_deleted; /* dead letters that were retried or dropped */
	uint64_t taken_handled, taken_rejected, taken_parked, taken_dead;
};

/* The disks' hooks: a commit can be seen, a version is forgotten. */
void *acta_ledger_seen(struct acta_ledger *ledger, struct acta_sim_disk *disk,
    void *before);
void acta_ledger_forget(void *view);
/* The first, of a disk onto which a tool copies what that view is of, and then
 * adds a turn of its own. */
void *acta_view_copied(const struct acta_view *of,
    const struct acta_sim_disk *disk, const struct acta_view *before);

/* An item is about to leave: what is durable must imply it. */
void acta_ledger_leaves(struct acta_ledger *ledger,
    const struct acta_place *place, const struct acta_item *item);
/* A REPLY under a kept client id: it must stand, durably, under that id. Not
 * for handlers that only read, nor for those that do not exist. */
void acta_ledger_answer(struct acta_ledger *ledger,
    const struct acta_place *place, const uint8_t id[16],
    const struct acta_item *reply);
/* What its partitions hold in memory agrees with what is durable. */
void acta_ledger_memory(
    struct acta_ledger *ledger, const struct acta_process *process);
/* The store, read as its owner reads it (trees, then journal), is what its
 * records say. Any time. */
void acta_ledger_store(
    struct acta_ledger *ledger, const struct acta_place *place);

/* Does a row of the outbox, as it is durable, begin with this message? */
bool acta_ledger_row_begins(const struct acta_place *place,
    const struct acta_place *to, uint64_t seq);

/* By such a code nothing ran, and no record is left of it. */
bool acta_ledger_open_code(struct acta_bytes code);

/* ------------------------------------------------------------- looking -- */

const struct acta_view *acta_view_of(
    const struct acta_place *place, bool durable);
struct acta_view *acta_view_copy(const struct acta_view *of);
/* A row's value; false: there is none. */
bool acta_view_get(const struct acta_view *view, enum acta_table table,
    const void *key, size_t key_size, struct acta_reader *out);

struct acta_in_row { /* CHANNEL "i", peer */
	uint64_t hist, inc, random, next;
	struct acta_hash128 chain;
	uint64_t taken, handled, rejected, parked, dead, base;
};
void acta_view_in(const struct acta_view *view, const struct acta_place *from,
    struct acta_in_row *out);
/* Is what `to` has taken of `from` what that durably sent? NULL, or what is
 * not so. */
const char *acta_ledger_disagree(const struct acta_place *from,
    const struct acta_place *to, const struct acta_in_row *in);
const char *acta_view_disagree(const struct acta_view *from,
    const struct acta_place *to, const struct acta_in_row *in);

#endif /* ACTA_SIM_LEDGER_H */
