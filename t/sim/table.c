/* t/sim/table.c - the names of what is counted. */
#include "t/sim/sim.h"

#define X(name, text) text,
const char *const sim_point_names[PT_COUNT] = { SIM_POINTS(X) };
static const char *const tally_names[] = { SIM_TALLIES(X) };
static const char *const kind_names[] = { SIM_EVENT_KINDS(X) };
#undef X
#define X(name, type, args) #name,
static const char *const op_names[] = { SIM_OPS(X) };
#undef X

/* Disks fail where something is written or flushed, and lack space there. */
static bool
can_fail(uint32_t point, bool full)
{
	switch (point) {
	case PT_FLUSH:
	case PT_IDLE_FLUSH:
	case PT_OPEN_FLUSH:
	case PT_OPEN:
	case PT_DATA:
	case PT_IDLE_DATA:
	case PT_OPEN_DATA: return true;
	case PT_ROOT:
	case PT_IDLE_ROOT:
	case PT_OPEN_ROOT:
	case PT_OPEN_SYNC: return !full;
	default: return false;
	}
}

bool
sim_tally_name(uint32_t tally, char room[64])
{
	bool can = true;

	if (tally < T_POWER) {
		snprintf(room, 64, "kill at: %s", sim_point_names[tally]);
	} else if (tally < T_EIO) {
		snprintf(room, 64, "power cut at: %s",
		    sim_point_names[tally - T_POWER]);
	} else if (tally < T_FULL) {
		can = can_fail(tally - T_EIO, false);
		snprintf(
		    room, 64, "EIO at: %s", sim_point_names[tally - T_EIO]);
	} else if (tally < T_KIND) {
		can = can_fail(tally - T_FULL, true);
		snprintf(room, 64, "no space at: %s",
		    sim_point_names[tally - T_FULL]);
	} else if (tally < T_OP) {
		/* Those of the traps are counted where they are met. */
		can = tally - T_KIND > EV_FULL;
		snprintf(room, 64, "event: %s", kind_names[tally - T_KIND]);
	} else if (tally <= T_FIRST) {
		snprintf(room, 64, "asked: %s", op_names[tally - T_OP]);
	} else {
		snprintf(room, 64, "%s", tally_names[tally - T_FIRST - 1]);
	}
	return can;
}
