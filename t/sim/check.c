/*
 * t/sim/check.c - what must hold after every event: the ledger's invariants
 * (runtime/sim/ledger.h), and what answers say of the actors that gave them.
 */
#include "t/sim/sim.h"

#include <string.h>

static void
on_broken(void *self, const char *kind, const char *text)
{
	sim_violation_of(kind, text);
}

static bool
on_trusted(void *self, const struct acta_place *place)
{
	return !sim->processes[place->process->end].set_back &&
	    !place->process->store.in_memory;
}

void
sim_check_init(void)
{
	sim->ledger = (struct acta_ledger){ .cluster = &sim->cluster,
		.broken = on_broken,
		.trusted = on_trusted };
}

void *
sim_check_seen(void *self, struct acta_sim_disk *disk, void *before)
{
	return acta_sim_disk_user(disk) == NULL
	    ? sim_backup_seen(disk, before)
	    : acta_ledger_seen(&sim->ledger, disk, before);
}

void
sim_check_forget(void *self, void *view)
{
	acta_ledger_forget(view);
}

/* ------------------------------------------------------------ the talk -- */

uint32_t
sim_place_number(const struct acta_place *place)
{
	return place->process->end * 2 + place->index;
}

static struct acta_place *
place_at(const struct acta_bytes *service, uint32_t index)
{
	uint32_t end =
	    acta_cluster_find(&sim->cluster, service->data, service->size);

	return &sim->cluster.processes[end]->places[index];
}

/* In the calm a channel is agreed on once, and then goes on by its acks. */
static void
check_hello(const struct acta_place *place, struct sim_talk *talk,
    const struct acta_item *item)
{
	if (talk->nonce != item->nonce)
		*talk = (struct sim_talk){ .nonce = item->nonce,
			.hellos = talk->hellos };
	if (!sim->healing || sim->set_back ||
	    sim->cluster.now_us < sim->calm_us + SIM_CALM_US)
		return;
	if (++talk->hellos > 1)
		sim_violation("%s to %.*s/%u asks again, and nothing is wrong",
		    place->dir, (int)item->dst.size, item->dst.data,
		    item->dst_part);
}

/* I11: a row is begun while there is credit left. */
static void
check_credit(const struct acta_place *place, struct sim_talk *talk,
    const struct acta_item *item)
{
	struct acta_reader r = acta_reader(item->body.data, item->body.size);
	const struct acta_place *to = place_at(&item->dst, item->dst_part);

	for (uint32_t i = 0; i < item->count; i++) {
		size_t size;

		if ((i == 0 ||
			acta_ledger_row_begins(place, to, item->first + i)) &&
		    talk->sent >= talk->granted)
			sim_broken("%s sends %.*s/%u more than was granted",
			    place->dir, (int)item->dst.size, item->dst.data,
			    item->dst_part);
		(void)acta_read_raw(&r, &size);
		talk->sent += size;
	}
}

static void
check_talk(const struct acta_place *place, const struct acta_item *item)
{
	bool ours =
	    item->kind == ACTA_ITEM_HELLO || item->kind == ACTA_ITEM_DATA;
	const struct acta_place *peer = ours
	    ? place_at(&item->dst, item->dst_part)
	    : place_at(&item->src, item->src_part);
	uint32_t a = sim_place_number(place), b = sim_place_number(peer);
	struct sim_talk *talk = ours ? &sim->talks[a][b] : &sim->talks[b][a];

	switch (item->kind) {
	case ACTA_ITEM_HELLO: check_hello(place, talk, item); break;
	case ACTA_ITEM_DATA: check_credit(place, talk, item); break;
	case ACTA_ITEM_WELCOME:
	case ACTA_ITEM_ACK:
		if (item->nonce == talk->nonce && item->credit > talk->granted)
			talk->granted = item->credit;
		break;
	default: break;
	}
}

/* Without space it tries now and then, and does not turn round and round. */
static void
check_loads(const struct acta_place *place)
{
	struct sim_loads *l =
	    &sim->processes[place->process->end].loads[place->index];

	if (place->part->loads < l->count ||
	    sim->cluster.now_us > l->since_us + 1000000)
		*l = (struct sim_loads){ place->part->loads,
			sim->cluster.now_us };
	/* Who is told to go on tries at once. */
	if (place->part->loads > l->count + SIM_LOADS_MAX &&
	    !sim->plan->config.stop_on_failed)
		sim_violation("%s reads all anew, %llu times in a second",
		    place->dir,
		    (unsigned long long)(place->part->loads - l->count));
}

/* What a sender holds granted was granted in this conversation. */
void
sim_check_round(const struct acta_process *p)
{
	uint64_t quota = sim->plan->config.channel_quota;

	for (uint32_t n = 0; n < p->count; n++) {
		check_loads(&p->places[n]);
		for (uint32_t i = 0; i < p->places[n].part->out_count; i++) {
			const struct acta_out *o = p->places[n].part->outs[i];
			const struct acta_bytes to = { o->service,
				(uint32_t)strlen(o->service) };
			uint32_t a = sim_place_number(&p->places[n]);
			uint32_t b = sim_place_number(place_at(&to, o->part));

			/* CORE 4.3: its reserve, and what one handler that
			 * had begun has sent. */
			if (o->bytes > quota + quota / 4 + SIM_HANDLER_BYTES)
				sim_violation("%s has %llu bytes for %s.%u, "
					      "over its quota of %llu",
				    p->places[n].dir,
				    (unsigned long long)o->bytes, o->service,
				    o->part, (unsigned long long)quota);
			if (o->state == ACTA_OUT_OPEN &&
			    o->nonce == sim->talks[a][b].nonce &&
			    o->credit > sim->talks[a][b].granted)
				sim_broken("%s holds credit for %s.%u that it "
					   "was not given",
				    p->places[n].dir, o->service, o->part);
		}
	}
}

/* ------------------------------------------------------------- answers -- */

/* {"moves": n} is not more than the actor's durable row says. */
static void
check_moves(const struct acta_place *place, const struct sim_ask *ask,
    const struct acta_item *item)
{
	struct acta_reader r = acta_reader(item->body.data, item->body.size);
	char key[16];
	int64_t moves, durable;

	if (item->code.data != NULL || ask->event.a == OP_PASS ||
	    sim_of_operator(ask->event.a) || ask->event.a == OP_ANSWER)
		return;
	moves = acta_as_int(acta_at(acta_read(&r), "moves"), 0);
	snprintf(key, sizeof(key), "%u", ask->event.b % SIM_KEYS);
	durable = sim_state_int(acta_view_of(place, true), key, "moves", 0);
	if (moves > durable)
		sim_violation("%s answers %lld moves, durable are %lld",
		    place->dir, (long long)moves, (long long)durable);
}

static bool
is_code(const struct acta_item *item, const char *code)
{
	return item->code.data != NULL && item->code.size == strlen(code) &&
	    memcmp(item->code.data, code, item->code.size) == 0;
}

static void
check_answer(
    const struct acta_place *place, uint32_t end, const struct acta_item *item)
{
	struct sim_ask *ask = sim_ask_of(end - SIM_DOOR_END, item->request);
	struct sim_ask *by = sim_ask_by(item->request);
	uint8_t id[16];

	if (by != NULL)
		by->told_over |= is_code(item, "expired");
	if (ask == NULL)
		return;
	if (!ask->event.kept_id) {
		if (ask->replied == item->request)
			sim_broken(
			    "request %u is answered twice", ask->event.number);
		ask->replied = item->request;
	}
	check_moves(place, ask, item);
	/* A session's record is gone when its next one is done. */
	if (!ask->event.kept_id || ask->seq > 0 || ask->event.a == OP_PEEK ||
	    ask->event.a == OP_UNKNOWN || sim_of_operator(ask->event.a))
		return;
	sim_ask_id(ask, id);
	acta_ledger_answer(&sim->ledger, place, id, item);
}

void
sim_check_leaves(
    struct acta_place *place, uint32_t end, const struct acta_item *item)
{
	static const uint32_t rows[] = { [ACTA_ITEM_DATA] = T_DATA,
		[ACTA_ITEM_ACK] = T_ACK,
		[ACTA_ITEM_NACK] = T_NACK,
		[ACTA_ITEM_HELLO] = T_HELLO,
		[ACTA_ITEM_WELCOME] = T_WELCOME,
		[ACTA_ITEM_REPLY] = T_REPLY,
		[ACTA_ITEM_EVENT] = T_EVENT };

	if (item->kind < sizeof(rows) / sizeof(rows[0]) && rows[item->kind] > 0)
		sim->tally[rows[item->kind]]++;
	if (item->kind == ACTA_ITEM_HELLO || item->kind == ACTA_ITEM_DATA ||
	    item->kind == ACTA_ITEM_WELCOME || item->kind == ACTA_ITEM_ACK)
		check_talk(place, item);
	if (place->process->store.in_memory)
		return; /* nothing of it is durable */
	/* An operator has said that what the sender tells is so. */
	if (item->kind != ACTA_ITEM_WELCOME || sim->mended < 2)
		acta_ledger_leaves(&sim->ledger, place, item);
	if (item->kind == ACTA_ITEM_REPLY)
		check_answer(place, end, item);
}
