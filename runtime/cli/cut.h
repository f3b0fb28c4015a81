/*
 * runtime/cli/cut.h - the stores of a node as of one instant, and put back: the
 * rules of `acta store backup` and `restore` (backup.c and restore.c tell them),
 * without files, sockets and words; the simulator runs them, too.
 */
#ifndef ACTA_CLI_CUT_H
#define ACTA_CLI_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "codecs/reader.h"
#include "runtime/cli/manifest.h"
#include "store/snapshot.h"

struct acta_cut {
	struct acta_snapshot **snapshots; /* of all stores, opened */
	uint64_t *turns;                  /* theirs: room for as many */
	uint32_t count;
	uint32_t step; /* begins with 0 */
	bool moved;    /* some store was not at the turn that was read */
};

/*
 * A step: of each store the last turn is read, then of each a snapshot is taken.
 * *out_done: that was the last one. A cut that has not moved, and was held to its
 * end, is of one instant. Errors: of the snapshots; `why`.
 */
ACTA_NODISCARD enum acta_err acta_cut_step(
    struct acta_cut *cut, bool *out_done, struct acta_why *why);
/* What the partition of store `i` answered as it was let go: was it held until
 * then, at the turn that we have? */
bool acta_cut_held(const struct acta_cut *cut, uint32_t i, acta_value answer);

struct acta_put_back {
	/* A store that is put back from the same backup, or NULL. */
	const struct acta_manifest_store *(*find)(
	    void *self, const char *service, uint32_t part);
	void *self;
	uint64_t seed; /* of the store's ids; 0: from the system */
};
/*
 * A store of a backup, at `from`, copied to `to` under its new history; of its
 * channels those with stores that are put back with it know these by theirs. All is
 * durable when it returns. Errors: ACTA_ECORRUPT it is not what was backed up;
 * those of the store's and snapshot's functions; `why`.
 */
ACTA_NODISCARD enum acta_err acta_cut_put_back(const struct acta_put_back *all,
    const struct acta_manifest_store *of, const char *from, const char *to,
    struct acta_why *why);

#endif /* ACTA_CLI_CUT_H */
