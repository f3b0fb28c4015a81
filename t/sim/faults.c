/*
 * t/sim/faults.c - what breaks, and the root and the operator that mend it:
 * traps that end a process or the machine at a point, disks that fail or are
 * full, stores that are put back.
 */
#include "t/sim/sim.h"

#include <assert.h>
#include <string.h>

/* ---------------------------------------------------------------- traps -- */

/* Of what was under way where it ends. */
static void
tally_end(const struct acta_cluster *c, uint32_t end, enum sim_point point,
    uint32_t kind)
{
	const struct acta_process *p = c->processes[end];

	if (kind != EV_KILL && kind != EV_POWER)
		return;
	for (uint32_t n = 0; n < p->count; n++) {
		const struct acta_place *place = &p->places[n];
		struct acta_store_info info;

		if (point >= PT_OPEN_DATA)
			sim->tally[T_END_REPLAY] +=
			    acta_sim_disk_map(
				place->disk, false, ACTA_MAP_JOURNAL)
				->count > 1;
		if (point < PT_DATA || point > PT_DONE || place->part == NULL)
			continue;
		acta_store_info(place->part->store, &info);
		sim->tally[T_END_SLICE] += info.entries_frozen > 0;
		sim->tally[T_END_PARKED] += place->part->parked_rows > 0;
	}
}

bool
sim_point_met(uint32_t end, enum sim_point point, uint32_t *out_kind)
{
	static const uint32_t rows[] = { [EV_KILL] = T_KILL,
		[EV_POWER] = T_POWER,
		[EV_EIO] = T_EIO,
		[EV_FULL] = T_FULL };

	for (uint32_t i = 0; i < sim->trap_count; i++) {
		struct sim_trap *trap = &sim->traps[i];

		if (!trap->armed || trap->end != end ||
		    trap->point != (uint32_t)point || --trap->countdown > 0)
			continue;
		tally_end(&sim->cluster, end, point, trap->kind);
		trap->countdown = 1;
		trap->armed = trap->again-- > 0;
		*out_kind = trap->kind;
		sim->power_out |= trap->kind == EV_POWER;
		sim->processes[end].eio |= trap->kind == EV_EIO;
		sim->processes[end].full |= trap->kind == EV_FULL;
		sim->tally[rows[trap->kind] + point]++;
		sim_trace("TRAP: event kind %u of %s at: %s", trap->kind,
		    sim->cluster.routes[end].name, sim_point_names[point]);
		return true;
	}
	return false;
}

static void
trap(const struct sim_event *e)
{
	struct acta_process *p = sim->cluster.processes[e->a];
	uint32_t kind;

	if (sim->trap_count == SIM_TRAPS_MAX)
		return;
	sim->traps[sim->trap_count++] = (struct sim_trap){ .end = e->a,
		.point = e->b,
		.countdown = e->b == PT_BETWEEN ? 1 : e->c,
		.kind = e->kind,
		.again = e->b == PT_BETWEEN ? 0 : e->lives,
		.armed = true };
	if (e->b != PT_BETWEEN || !sim_point_met(e->a, PT_BETWEEN, &kind))
		return;
	if (sim->power_out)
		sim_judge(p, ACTA_OK);
	else if (p->state == ACTA_PROCESS_UP)
		sim_fault_ended(p);
}

/* --------------------------------------------------- processes and root -- */

void
sim_disturb(void)
{
	sim->calm_us = sim->cluster.now_us;
	for (uint32_t a = 0; a < SIM_PLACES_MAX; a++)
		for (uint32_t b = 0; b < SIM_PLACES_MAX; b++)
			sim->talks[a][b].hellos = 0;
}

/* The root tells all of it, and it of all, each after a while. */
static void
tell_later(uint32_t who, uint32_t of)
{
	sim->tells += sim->tell_us[who][of] == 0;
	sim->tell_us[who][of] =
	    sim->cluster.now_us + acta_dice_between(&sim->dice, 0, 20000);
}

void
sim_announce(uint32_t end)
{
	struct acta_cluster *c = &sim->cluster;

	for (uint32_t other = 0; other < ACTA_NET_ENDS_MAX; other++) {
		if (c->net.lives[other] == 0 ||
		    (other < c->count &&
			c->processes[other]->state != ACTA_PROCESS_UP))
			continue;
		tell_later(other, end);
		if (other != end)
			tell_later(end, other);
	}
}

/* Its next version hears what it did not. */
static void
asks(uint32_t end)
{
	struct sim_process *s = &sim->processes[end];

	s->asked_ms = acta_cluster_ms(&sim->cluster);
	memset(s->asked_seq, 0, sizeof(s->asked_seq));
	for (uint32_t of = 0; of < SIM_KEYS; of++) {
		char key = (char)('0' + of);
		uint32_t part = acta_partition_of(&key, 1, sim->plan->parts[0]);

		s->deaf_to[of] = sim_actor_int(of, "shouts", 0);
		s->asked_seq[part] += s->deaf_to[of];
	}
}

void
sim_fault_ended(struct acta_process *p)
{
	struct sim_process *s = &sim->processes[p->end];
	bool full = s->full || sim->cluster.now_us < s->full_until_us;

	if (p->state == ACTA_PROCESS_UP &&
	    (sim->breaks & BREAK_BLAME_KILLS) != 0)
		p->own_fault = true;
	sim_disturb();
	sim->ends++;
	sim->disturbances++;
	/* Killed before the root had enough of it: that blames nobody. */
	if (s->hangs && !p->own_fault)
		sim->crashes[s->hung_by]--;
	acta_process_end(p);
	p->paused = s->hangs = false;
	s->hang_us = INT64_MAX;
	s->restart_us = sim->cluster.now_us +
	    acta_dice_between(&sim->dice, full ? 50000 : 100,
		full || acta_dice_chance(&sim->dice, 200) ? 2000000 : 50000);
	s->check_us = s->idle_us = s->pause_us = s->outside_us = INT64_MAX;
	if (s->upgrade && !p->store.in_memory) {
		s->upgrade = false;
		if (sim->plan->late && p->loaded != &sim->loaded[1][p->end])
			asks(p->end);
		p->loaded = &sim->loaded[1][p->end];
	}
}

static void
disks_lose(struct acta_process *p)
{
	for (uint32_t n = 0; n < p->count; n++) {
		struct acta_sim_disk *disk = p->places[n].disk;
		bool keep = acta_dice_chance(&sim->dice, 500);

		if (acta_sim_disk_pending(disk) && !acta_sim_disk_lies(disk))
			sim->tally[keep ? T_POWER_KEPT : T_POWER_LOST]++;
		acta_sim_disk_power(disk, keep);
	}
}

void
sim_fault_hang_over(struct acta_process *p)
{
	p->own_fault = true;
	sim_fault_ended(p);
}

/* All processes at once, and the root; with the power all that was not durable
 * goes, too, or had just made it. */
void
sim_all_end(bool power)
{
	struct acta_cluster *c = &sim->cluster;

	sim->power_out = false;
	sim->powers++;
	if (power)
		sim_backup_end();
	if (acta_cluster_ms(c) > sim->latest_ms)
		sim->latest_ms = acta_cluster_ms(c);
	for (uint32_t i = 0; i < c->count; i++) {
		/* What is held as failed stays so for the next root. */
		if (!power && c->processes[i]->state == ACTA_PROCESS_FAILED)
			continue;
		sim_fault_ended(c->processes[i]);
		/* The root is a new one, too. */
		acta_blamed_free(&c->processes[i]->blamed);
		c->processes[i]->blamed = acta_blamed_new();
		if (!power)
			continue;
		sim->processes[i].eio = sim->processes[i].check = false;
		c->processes[i]->state = ACTA_PROCESS_DOWN;
		disks_lose(c->processes[i]);
	}
	acta_net_clear(&c->net);
	acta_cluster_boot(c);
	for (uint32_t i = 0; i < c->door_count; i++) {
		(void)acta_cluster_door(c, c->doors[i].name);
		sim_announce(c->doors[i].end);
	}
}

/* The root holds it, until an operator has checked the disk. */
static void
storage_failed(struct acta_process *p)
{
	struct sim_process *s = &sim->processes[p->end];

	sim->tally[T_STORAGE_FAILED]++;
	if (!s->eio)
		sim_violation("%s is storage-failed, and no disk failed",
		    p->config.service);
	sim_fault_ended(p);
	s->restart_us = INT64_MAX;
	s->check = true;
	p->state = ACTA_PROCESS_FAILED;
	s->check_us =
	    sim->cluster.now_us + acta_dice_between(&sim->dice, 10000, 1000000);
}

void
sim_judge(struct acta_process *p, enum acta_err err)
{
	struct sim_process *s = &sim->processes[p->end];

	sim->doing = DOING_NOTHING;
	if (sim->power_out) {
		sim_all_end(true);
		return;
	}
	if (err == ACTA_ECLOSED && s->hangs) {
		p->paused = true;
		s->pause_us = INT64_MAX;
		s->hang_us = sim->cluster.now_us +
		    acta_dice_between(&sim->dice, 100000, 2000000);
		return;
	}
	switch (err) {
	case ACTA_OK: return;
	case ACTA_ECLOSED: break;
	case ACTA_EUNSURE:
	case ACTA_ECORRUPT: storage_failed(p); return;
	case ACTA_EFULL:
		sim->tally[T_STORE_FULL]++;
		if (!s->full && sim->cluster.now_us >= s->full_until_us &&
		    !sim->plan->small_quota)
			sim_violation("%s is store-full, and no disk is",
			    p->config.service);
		break;
	default:
		if (err != ACTA_EIO || !s->eio)
			sim_violation(
			    "%s: %s", p->config.service, acta_strerror(err));
	}
	sim_fault_ended(p);
}

static bool
lies(const struct acta_process *p)
{
	for (uint32_t n = 0; n < p->count; n++)
		if (acta_sim_disk_lies(p->places[n].disk))
			return true;
	return false;
}

static void put_old(struct acta_process *p);

void
sim_restart(struct acta_process *p)
{
	struct sim_process *s = &sim->processes[p->end];
	struct acta_why why = { "", "" };
	/* The root remembers that, until a start that checked succeeds. */
	bool checked = s->check, lied = lies(p);
	enum acta_err err;

	s->restart_us = s->check_us = INT64_MAX;
	sim->doing = DOING_OPEN;
	if ((sim->breaks & BREAK_UNCHECKED) != 0)
		checked = false;
	if ((sim->breaks & BREAK_OLD_STORE) != 0)
		put_old(p);
	err = acta_process_start(p, checked, &why);
	sim_trace("start %s%s: %s %s", p->config.service,
	    checked ? ", checked" : "", acta_strerror(err), why.text);
	sim->tally[checked ? T_STARTS_CHECKED : T_STARTS] += err == ACTA_OK;
	if (err == ACTA_ECORRUPT && checked && lied) {
		/* Past the page cache it is not what it says: the machine is
		 * started anew, and reads its disks. */
		sim->tally[T_REFUSED_LIE]++;
		sim->power_out = true;
	} else if (err == ACTA_OK && !sim->power_out) {
		s->eio = s->full = s->check = false;
		s->idle_us = sim->cluster.now_us + 1100000;
		sim_announce(p->end);
	}
	sim_judge(p, err);
}

/* ---------------------------------------------------------------- copies -- */

static void
copy(uint32_t end)
{
	struct acta_process *p = sim->cluster.processes[end];

	for (uint32_t n = 0; n < p->count; n++) {
		acta_sim_copy_free(&sim->processes[end].copies[n]);
		sim->processes[end].copies[n] =
		    acta_sim_copy_take(p->places[n].disk);
	}
}

static void
put_back(uint32_t end, uint32_t partitions, bool wipe)
{
	struct acta_process *p = sim->cluster.processes[end];
	struct sim_process *s = &sim->processes[end];

	if (!wipe && s->copies[0] == NULL)
		return;
	if (s->check) /* what failed is not left as it is */
		partitions = UINT32_MAX;
	sim_fault_ended(p);
	p->state = ACTA_PROCESS_DOWN;
	s->set_back = sim->set_back = true;
	s->eio = s->check = false;
	for (uint32_t n = 0; n < p->count; n++)
		if ((partitions >> n & 1) != 0)
			acta_sim_copy_put(
			    wipe ? NULL : s->copies[n], p->places[n].disk);
}

/* ---------------------------------------------------- deliberate faults -- */

void
sim_break_ack(struct acta_place *from, const struct acta_item *data)
{
	struct acta_cluster *c = &sim->cluster;
	uint32_t end = acta_cluster_find(c, data->dst.data, data->dst.size);
	const struct acta_part *to =
	    c->processes[end]->places[data->dst_part].part;
	struct acta_item ack = *data;
	struct acta_buf b;

	if (to == NULL)
		return;
	ack.kind = ACTA_ITEM_ACK;
	for (uint32_t i = 0; i < to->in_count; i++)
		if (to->ins[i].part == data->src_part &&
		    strlen(to->ins[i].service) == data->src.size &&
		    memcmp(to->ins[i].service, data->src.data,
			data->src.size) == 0)
			ack.nonce = to->ins[i].nonce;
	ack.hist = to->hist;
	ack.inc = to->id.incarnation;
	ack.next = data->first + data->count;
	acta_buf_init(&b);
	acta_frame_begin(&b, UINT64_MAX);
	acta_item_encode(&b, &ack);
	acta_net_send(&c->net, end, from->process->end,
	    c->net.lives[from->process->end], b.data, b.size, c->now_us);
	acta_buf_fini(&b);
}

void
sim_break_copy(struct acta_process *p)
{
	struct acta_sim_copy **old = sim->processes[p->end].old;

	for (uint32_t n = 0; n < p->count; n++) {
		acta_sim_copy_free(&old[n]);
		old[n] = acta_sim_copy_take(p->places[n].disk);
	}
}

static void
put_old(struct acta_process *p)
{
	for (uint32_t n = 0; n < p->count; n++)
		if (sim->processes[p->end].old[n] != NULL)
			acta_sim_copy_put(
			    sim->processes[p->end].old[n], p->places[n].disk);
}

/* --------------------------------------------------------------- events -- */

static void
stop(struct acta_process *p, bool upgrade)
{
	enum acta_err err;

	if (p->state != ACTA_PROCESS_UP || p->paused)
		return;
	sim->processes[p->end].upgrade |= upgrade;
	sim->doing = DOING_ROUND;
	sim->tally[T_OUTSIDE_OFF] += p->outside_count;
	err = acta_process_stop(p);
	sim->processes[p->end].hangs = false; /* it is killed in time */
	sim_judge(p, err == ACTA_OK ? ACTA_ECLOSED : err);
}

static void
limit(struct acta_process *p, const struct sim_event *e)
{
	for (uint32_t n = 0; n < p->count; n++)
		acta_sim_disk_limit(p->places[n].disk,
		    acta_sim_disk_used(p->places[n].disk) + e->d);
	sim->processes[p->end].full_until_us = sim->cluster.now_us + e->x;
}

static void
cut_off(const struct sim_event *e, int64_t until_us)
{
	struct acta_cluster *c = &sim->cluster;

	for (uint32_t other = 0; other < ACTA_NET_ENDS_MAX; other++) {
		if (other == e->a)
			continue;
		if (e->c != 2)
			c->net.links[e->a][other].cut_until_us = until_us;
		if (e->c != 1)
			c->net.links[other][e->a].cut_until_us = until_us;
	}
}

void
sim_fault(const struct sim_event *e)
{
	struct acta_cluster *c = &sim->cluster;
	int64_t until_us = c->now_us + e->x;

	sim->tally[T_KIND + e->kind]++;
	sim_disturb();
	switch (e->kind) {
	case EV_KILL:
	case EV_POWER:
	case EV_EIO:
	case EV_FULL: trap(e); break;
	case EV_LIMIT: limit(c->processes[e->a], e); break;
	case EV_PAUSE:
		if (sim->processes[e->a].hang_us != INT64_MAX)
			break;
		c->processes[e->a]->paused = true;
		sim->processes[e->a].pause_us = until_us;
		break;
	case EV_SLOW:
		c->processes[e->a]->slow = 1 + e->c;
		sim->processes[e->a].slow_us = until_us;
		break;
	case EV_TERM: stop(c->processes[e->a], false); break;
	case EV_UPGRADE: stop(c->processes[e->a], true); break;
	case EV_DOOR:
		sim->disturbances++;
		(void)acta_cluster_door(c, c->doors[e->a].name);
		for (uint32_t i = 0; i < sim->ask_count; i++)
			sim->asks[i].requests[e->a] = 0;
		sim_announce(c->doors[e->a].end);
		break;
	case EV_ROOT: sim_all_end(false); break;
	case EV_REOPEN:
		if (e->c == 0 && c->net.lives[e->b] > 0)
			acta_process_tell(c->processes[e->a], e->b);
		else
			acta_process_close_link(c->processes[e->a], e->b);
		break;
	case EV_PART: cut_off(e, until_us); break;
	case EV_LINK:
		c->net.links[e->a][e->b].rates = e->rates;
		c->net.links[e->a][e->b].bad_until_us = until_us;
		break;
	case EV_CUT: c->net.links[e->a][e->b].cut_until_us = until_us; break;
	case EV_NET:
		c->net.rates = e->rates;
		sim->net_until_us = until_us;
		break;
	case EV_WALL: c->wall_us += e->x; break;
	case EV_COPY: copy(e->a); break;
	case EV_RESTORE: put_back(e->a, e->b, false); break;
	case EV_WIPE: put_back(e->a, e->b, true); break;
	case EV_BACKUP: sim_backup_begin(e->c); break;
	case EV_PUT_BACK: sim_put_back(e->a); break;
	default: assert(false);
	}
}
