/*
 * t/sim/backup.c - the operator's tools: a backup of all stores while the node
 * runs, step by step, and stores put back from it. What they decide is
 * runtime/cli/cut.c, what they read and write the disks with is store/snapshot.c;
 * the node is held by its own code.
 */
#include "t/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"

#define TRIES 10u
#define ASK_US 300000 /* as the tool waits for who does not answer */
#define HOLD_MS 950
#define STEP_US 300 /* between two of the tool's, at most */
#define STALL_US 400000

bool
sim_set_apart(uint32_t a, uint32_t b)
{
	const struct sim_process *x = &sim->processes[a];
	const struct sim_process *y = &sim->processes[b];

	return (x->set_back || y->set_back) &&
	    (x->put_back == 0 || x->put_back != y->put_back);
}

static struct acta_sim_disk *
disk_of(const char *what, const struct acta_place *place)
{
	char dir[96];

	snprintf(dir, sizeof(dir), "%s@%s/%s/%u", sim->cluster.name, what,
	    place->process->config.service, place->index);
	return acta_sim_disk_at(sim->cluster.disks, dir);
}

static void
empty(struct acta_sim_disk *disk)
{
	acta_sim_copy_put(NULL, disk);
}

/* --------------------------------------------------------- end of a tool -- */

/* It is ended where it is: of a disk's step, what it was about is not done. */
static bool
killed(void)
{
	struct sim_backup *b = &sim->backup;

	if (b->steps_left > 0 && --b->steps_left == 0)
		b->killed = true;
	return b->killed;
}

enum acta_sim_fate
sim_backup_disk(struct acta_sim_disk *disk)
{
	return killed() ? ACTA_SIM_KILL : ACTA_SIM_GO;
}

static void
forget(struct sim_store *stores, uint32_t *count)
{
	for (uint32_t i = 0; i < *count; i++)
		if (stores[i].view != NULL)
			acta_ledger_forget(stores[i].view);
	memset(stores, 0, *count * sizeof(*stores));
	*count = 0;
}

static void
close_all(struct sim_backup *b)
{
	for (uint32_t i = 0; i < b->count; i++)
		acta_snapshot_close(&b->snapshots[i]);
	forget(b->stores, &b->count);
}

void
sim_backup_end(void)
{
	struct sim_backup *b = &sim->backup;

	close_all(b);
	b->state = BACKUP_NONE;
	b->next_us = INT64_MAX;
	b->steps_left = 0;
	b->killed = false;
}

void
sim_backup_fini(struct sim_backup *b)
{
	close_all(b);
	forget(b->kept, &b->kept_count);
}

/* ------------------------------------------------------------ of the node -- */

static void
ask_all(const char *type, bool hold)
{
	struct sim_backup *b = &sim->backup;
	struct acta_place *places[SIM_PLACES_MAX];
	uint32_t count = sim_places(places);
	struct acta_buf args;

	acta_buf_init(&args);
	acta_pack_map(&args, 1);
	acta_pack_text(&args, "ms");
	acta_pack_uint(&args, HOLD_MS);
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t n = 0; n < b->count; n++)
			if (b->stores[n].place == places[i])
				*(hold ? &b->stores[n].held
				       : &b->stores[n].gone) =
				    sim_admin(places[i], type, &args);
	acta_buf_fini(&args);
	b->next_us = sim->cluster.now_us + ASK_US;
}

/* Now and then the tool is not given the processor for long. */
static void
soon(struct sim_backup *b)
{
	b->next_us = sim->cluster.now_us +
	    acta_dice_between(&sim->dice, 0,
		acta_dice_chance(&sim->dice, 100) ? STALL_US : STEP_US);
}

/* {"stores": [{"held", "turn"}]} */
static acta_value
answer_of(const struct acta_item *item)
{
	struct acta_reader r = acta_reader(item->body.data, item->body.size);
	acta_value list = acta_map_get(acta_read(&r), "stores", 6);

	if (list.type != ACTA_LIST || list.size != 1)
		return (acta_value){ 0 };
	r = acta_reader_into(list);
	return acta_read(&r);
}

void
sim_backup_heard(const struct acta_item *item)
{
	struct sim_backup *b = &sim->backup;
	uint32_t *heard = b->state == BACKUP_HOLD ? &b->held : &b->gone;

	if (b->state != BACKUP_HOLD && b->state != BACKUP_GO)
		return;
	for (uint32_t i = 0; i < b->count; i++) {
		uint64_t *request = b->state == BACKUP_HOLD
		    ? &b->stores[i].held
		    : &b->stores[i].gone;

		if (*request != item->request)
			continue;
		*request = 0;
		++*heard;
		if (b->state == BACKUP_GO)
			b->all_held = b->all_held &&
			    acta_cut_held(&b->cut, i, answer_of(item));
		if (*heard == b->count) /* each has answered */
			soon(b);
	}
}

/* ---------------------------------------------------------------- a backup -- */

/* All stores that there are, opened. */
static void
open_all(struct sim_backup *b)
{
	struct acta_place *places[SIM_PLACES_MAX];
	uint32_t count = sim_places(places);
	struct acta_why why;

	close_all(b);
	for (uint32_t i = 0; i < count; i++) {
		if (acta_snapshot_open(places[i]->dir, &b->snapshots[b->count],
			&why) != ACTA_OK)
			continue; /* there is none yet, or it is in memory */
		b->stores[b->count++] = (struct sim_store){ .place = places[i],
			.copy = disk_of(
			    b->number % 2 == 0 ? "backup-a" : "backup-b",
			    places[i]) };
	}
	b->cut = (struct acta_cut){
		.snapshots = b->snapshots, .turns = b->turns, .count = b->count
	};
}

static void
try_begin(struct sim_backup *b)
{
	b->held = b->gone = b->copied = 0;
	b->all_held = true;
	b->state = BACKUP_HOLD;
	open_all(b);
	for (uint32_t i = 0; i < sim->ask_count; i++)
		sim->asks[i].in_backup = sim->asks[i].answered;
	ask_all("@store-hold", true);
	if (b->count == 0)
		sim_backup_end();
}

void
sim_backup_begin(uint32_t steps)
{
	struct sim_backup *b = &sim->backup;

	if (b->state != BACKUP_NONE || b->kept_count > 0)
		return;
	b->tries = 0;
	b->steps_left = steps;
	try_begin(b);
}

static void
look(struct sim_backup *b)
{
	struct acta_why why = { "", "" };
	uint32_t n = b->cut.step;
	bool done = false;
	enum acta_err err = acta_cut_step(&b->cut, &done, &why);

	if (err != ACTA_OK) { /* a store was never written to its end */
		sim_trace("backup: %s %s", acta_strerror(err), why.text);
		b->all_held = false;
	}
	if (n >= b->count && err == ACTA_OK) {
		struct sim_store *s = &b->stores[n - b->count];

		s->view =
		    acta_view_copy(acta_sim_disk_view(s->place->disk, false));
	}
	soon(b);
	if (!done && err == ACTA_OK)
		return;
	b->state = BACKUP_GO;
	ask_all("@store-go", false);
}

/* A service that was made meanwhile has a store that we do not know. */
static bool
no_others(const struct sim_backup *b)
{
	struct acta_place *places[SIM_PLACES_MAX];
	uint32_t count = sim_places(places), there = 0;

	for (uint32_t i = 0; i < count; i++)
		there +=
		    acta_sim_disk_map(places[i]->disk, false, ACTA_MAP_STORE)
			->count > 0;
	return there == b->count;
}

/* Each store is as it is on its disk, come a power cut. A disk that lies has been
 * read; who opens it next finds that out. */
static void
check_durable(const struct sim_store *s)
{
	uint64_t durable = acta_view_of(s->place, true)->turn;

	if (s->view->turn > durable && !acta_sim_disk_lies(s->place->disk))
		sim_violation("%s: the backup has turn %llu, durable is %llu",
		    s->place->dir, (unsigned long long)s->view->turn,
		    (unsigned long long)durable);
}

/* Together they are of one instant. */
static void
check_backup(const struct sim_backup *b)
{
	for (uint32_t i = 0; i < b->count; i++)
		for (uint32_t n = 0; n < b->count; n++) {
			const struct acta_place *to = b->stores[i].place;
			const struct acta_place *from = b->stores[n].place;
			struct acta_in_row in;
			const char *wrong;

			acta_view_in(b->stores[i].view, from, &in);
			wrong = acta_view_disagree(b->stores[n].view, to, &in);
			if (i != n && wrong != NULL)
				sim_violation("%s and %s are not of one "
					      "instant: %s",
				    from->dir, to->dir, wrong);
		}
}

static void
decide(struct sim_backup *b)
{
	bool done =
	    !b->cut.moved && b->all_held && b->gone == b->held && no_others(b);

	sim_trace("backup: held %u, gone %u, moved %d: %s", b->held, b->gone,
	    b->cut.moved, done ? "done" : "again");
	if (!done && ++b->tries == TRIES) {
		sim_backup_end();
		return;
	}
	if (!done) {
		sim->tally[T_BACKUP_AGAIN]++;
		try_begin(b);
		return;
	}
	sim->tally[T_BACKUP_DOWN] += b->held < b->count;
	check_backup(b);
	b->state = BACKUP_COPY;
	soon(b);
}

/* The next store's copy; behind the last it is a backup. */
static void
copy_next(struct sim_backup *b)
{
	struct sim_store *s = &b->stores[b->copied];
	struct acta_why why = { "", "" };
	struct acta_snapshot_info info;
	struct acta_copied copied;
	enum acta_err err;

	acta_snapshot_info(b->snapshots[b->copied], &info);
	s->row = (struct acta_manifest_store){
		.service = (char *)s->place->process->config.service,
		.part = info.part,
		.parts = info.parts,
		.turn = info.turn
	};
	memcpy(s->row.history, info.id.history, 16);
	empty(s->copy);
	err = acta_snapshot_flush(b->snapshots[b->copied]);
	check_durable(s);
	if (err == ACTA_OK)
		err = acta_snapshot_copy(b->snapshots[b->copied],
		    acta_sim_disk_dir(s->copy), NULL, &copied, &why);
	if (err != ACTA_OK && !b->killed)
		sim_violation("%s: no backup of it: %s %s", s->place->dir,
		    acta_strerror(err), why.text);
	soon(b);
	if (err != ACTA_OK || ++b->copied < b->count)
		return;
	forget(b->kept, &b->kept_count);
	memcpy(b->kept, b->stores, sizeof(b->kept));
	b->kept_count = b->count;
	for (uint32_t i = 0; i < b->count; i++)
		b->stores[i].view = NULL; /* it is kept */
	b->number++;
	sim->tally[T_BACKUP]++;
	sim_backup_end();
}

void
sim_backup_step(void)
{
	struct sim_backup *b = &sim->backup;

	if (!killed())
		switch (b->state) {
		case BACKUP_HOLD: b->state = BACKUP_LOOK; /* fall through */
		case BACKUP_LOOK: look(b); break;
		case BACKUP_GO: decide(b); break;
		case BACKUP_COPY: copy_next(b); break;
		case BACKUP_NONE: break;
		}
	if (!b->killed)
		return;
	sim->tally[T_BACKUP_ENDED]++;
	sim_backup_end();
}

/* ---------------------------------------------------------------- put back -- */

static bool
is_chosen(const struct sim_backup *b, const struct acta_place *place)
{
	return b->chosen == 0 || (b->chosen >> place->process->end & 1) != 0;
}

static const struct acta_manifest_store *
find(void *self, const char *service, uint32_t part)
{
	const struct sim_backup *b = self;

	for (uint32_t i = 0; i < b->kept_count; i++)
		if (b->kept[i].row.part == part &&
		    is_chosen(b, b->kept[i].place) &&
		    strcmp(b->kept[i].row.service, service) == 0)
			return &b->kept[i].row;
	return NULL;
}

void *
sim_backup_seen(struct acta_sim_disk *disk, void *before)
{
	const struct sim_backup *b = &sim->backup;

	for (uint32_t i = 0; i < b->kept_count; i++)
		if (b->kept[i].stage == disk)
			return acta_view_copied(b->kept[i].view, disk, before);
	return NULL; /* of a backup nobody asks */
}

/* All that is meant, made beside its place. False: it was ended. */
static bool
stage(struct sim_backup *b)
{
	const struct acta_put_back all = {
		.find = find, .self = b, .seed = acta_dice_bits(&sim->dice) | 1
	};
	struct acta_why why = { "", "" };
	enum acta_err err = ACTA_OK;

	for (uint32_t i = 0; i < b->kept_count; i++) {
		struct sim_store *s = &b->kept[i];

		for (int n = 0; n < 16; n++)
			s->row.fresh[n] = (uint8_t)acta_dice_bits(&sim->dice);
		s->row.fresh[0] &= (uint8_t)~ACTA_HISTORY_IN_MEMORY;
		if (s->stage == NULL)
			s->stage = disk_of("stage", s->place);
		empty(s->stage);
	}
	for (uint32_t i = 0; i < b->kept_count && err == ACTA_OK; i++) {
		struct sim_store *s = &b->kept[i];

		if (is_chosen(b, s->place))
			err = acta_cut_put_back(&all, &s->row,
			    acta_sim_disk_dir(s->copy),
			    acta_sim_disk_dir(s->stage), &why);
	}
	if (err != ACTA_OK && !b->killed)
		sim_violation(
		    "not put back: %s %s", acta_strerror(err), why.text);
	return err == ACTA_OK;
}

/* What was said since the backup is gone with it. */
static void
forget_asks(void)
{
	for (uint32_t i = 0; i < sim->ask_count; i++) {
		struct sim_ask *ask = &sim->asks[i];

		ask->replied = 0;
		if ((ask->answered && !ask->in_backup) ||
		    (!ask->answered &&
			(ask->seq > 0 || ask->event.a == OP_REUSE)))
			ask->forgotten = ask->final = true;
	}
	memset(sim->session_ask, 0, sizeof(sim->session_ask));
	memset(sim->session_seq, 0, sizeof(sim->session_seq));
	/* What was heard of may be said anew, under the same numbers. */
	memset(sim->before_follow, 0, sizeof(sim->before_follow));
	for (uint32_t i = 0; i < sim->cluster.count; i++)
		memset(sim->processes[i].deaf_to, 0,
		    sizeof(sim->processes[i].deaf_to));
}

/* Its process has ended; what it is called has another store. */
static void
renamed(struct sim_process *s, struct acta_place *place,
    struct acta_sim_disk *stage)
{
	struct acta_sim_copy *copy =
	    stage != NULL ? acta_sim_copy_take(stage) : NULL;

	acta_sim_copy_put(copy, place->disk);
	acta_sim_copy_free(&copy);
	s->put_back = sim->put_back;
	s->eio = s->check = false;
}

static void
rename_all(struct sim_backup *b)
{
	struct acta_place *places[SIM_PLACES_MAX];
	uint32_t count = sim_places(places);

	for (uint32_t i = 0; i < count; i++) {
		struct acta_process *p = places[i]->process;
		struct sim_process *s = &sim->processes[p->end];
		struct acta_sim_disk *stage = NULL;

		if (!is_chosen(b, places[i]) || p->store.in_memory)
			continue;
		for (uint32_t n = 0; n < b->kept_count; n++)
			if (b->kept[n].place == places[i])
				stage = b->kept[n].stage;
		renamed(s, places[i], stage);
		s->set_back = b->chosen != 0;
	}
}

/* The node, or those services, stand still meanwhile. */
void
sim_put_back(uint32_t services)
{
	struct sim_backup *b = &sim->backup;
	struct acta_cluster *c = &sim->cluster;
	uint32_t kill = b->steps_left;

	if (b->kept_count == 0)
		return;
	sim_backup_end();
	b->chosen = services & ((1u << (c->count - sim->plan->memory)) - 1);
	if (b->chosen == 0)
		sim_all_end(false);
	for (uint32_t i = 0; i < c->count; i++)
		if ((b->chosen >> i & 1) != 0 ||
		    (b->chosen == 0 &&
			c->processes[i]->state == ACTA_PROCESS_FAILED)) {
			sim_fault_ended(c->processes[i]);
			c->processes[i]->state = ACTA_PROCESS_DOWN;
		}
	b->steps_left = kill;
	if (kill == 0)
		b->steps_left = acta_dice_chance(&sim->dice, 300)
		    ? 1 + acta_dice_roll(&sim->dice, 60)
		    : 0;
	while (!sim->violated && !stage(b)) {
		sim->tally[T_BACK_KILLED]++;
		b->killed = false;
		b->steps_left = 0;
	}
	b->steps_left = 0;
	sim->tally[T_BACK_TWICE] += sim->put_back > 0;
	sim->tally[b->chosen == 0 ? T_BACK_ALL : T_BACK_SOME]++;
	sim->put_back++;
	rename_all(b);
	if (b->chosen == 0)
		forget_asks();
	else
		sim->set_back = true;
	sim_disturb();
}
