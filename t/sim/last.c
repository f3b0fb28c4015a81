/* t/sim/last.c - all is quiet: nothing is lost, nothing twice, sums agree. */
#include "t/sim/sim.h"

#include <string.h>

static int64_t
int_row(const struct sim_view *view, const char *key, const char *name,
    int64_t otherwise)
{
	char row[ACTA_STORE_KEY_MAX];
	size_t n = acta_actor_row(row, key, strlen(key), name, strlen(name));
	struct acta_reader r;
	bool ok = true;

	if (!sim_view_get(view, ACTA_T_STATE, row, n, &r))
		return otherwise;
	return acta_read_int(&r, &ok);
}

static const struct sim_view *
view_at(uint32_t service, const char *key)
{
	struct acta_process *p = sim->cluster.processes[service];

	return sim_view_of(
	    &p->places[acta_partition_of(key, strlen(key), p->count)], true);
}

/* Each request that was answered moved once, each without an answer at most
 * once. */
static void
check_moves(uint32_t who, const char *key)
{
	int64_t moves = int_row(view_at(who / SIM_KEYS, key), key, "moves", 0);
	int64_t least = 0, most = 0;

	for (uint32_t i = 0; i < sim->ask_count; i++) {
		const struct sim_ask *ask = &sim->asks[i];

		if (ask->event->b != who)
			continue;
		if (ask->event->send && ask->answered) {
			/* A refused send is counted and answered nil. */
			most++;
			least += ask->event->a == OP_SAY;
			continue;
		}
		least += ask->answered && ask->ok;
		most += (ask->answered && ask->ok) || !ask->answered;
	}
	if (moves < least || moves > most)
		sim_violation("%s/%s has %lld moves, between %lld and %lld "
			      "were answered",
		    sim_services[who / SIM_KEYS].name, key, (long long)moves,
		    (long long)least, (long long)most);
}

/* What one said and the other heard. */
static void
check_heard(
    uint32_t from, const char *from_key, uint32_t to, const char *to_key)
{
	char out[128], in[128];
	int64_t said, heard;

	snprintf(out, sizeof(out), "out/%s/%s", sim_services[to].name, to_key);
	snprintf(in, sizeof(in), "in/%s/%s", sim_services[from].name, from_key);
	said = int_row(view_at(from, from_key), from_key, out, 0);
	heard = int_row(view_at(to, to_key), to_key, in, 0);
	if (said != heard)
		sim_violation("%s/%s said %lld to %s/%s, which heard %lld",
		    sim_services[from].name, from_key, (long long)said,
		    sim_services[to].name, to_key, (long long)heard);
}

void
sim_check_last(struct sim_world *world)
{
	int64_t sum = 0;

	for (uint32_t who = 0; who < world->plan->services * SIM_KEYS; who++) {
		char key[16], other[16];

		snprintf(key, sizeof(key), "%u", who % SIM_KEYS);
		sum += int_row(
			   view_at(who / SIM_KEYS, key), key, "balance", 1000) -
		    1000;
		check_moves(who, key);
		for (uint32_t to = 0; to < world->plan->services * SIM_KEYS;
		     to++) {
			snprintf(other, sizeof(other), "%u", to % SIM_KEYS);
			check_heard(who / SIM_KEYS, key, to / SIM_KEYS, other);
		}
	}
	if (sum != 0)
		sim_violation("the balances are off by %lld", (long long)sum);
}
