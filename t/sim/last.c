/*
 * t/sim/last.c - all is quiet: nothing is lost, nothing was done twice, what
 * was answered is so, sums agree; and each store, read as its owner would read
 * it, holds what its records said.
 */
#include "t/sim/sim.h"

#include <string.h>

int64_t
sim_state_int(const struct acta_view *view, const char *key, const char *name,
    int64_t otherwise)
{
	char row[ACTA_STORE_KEY_MAX];
	size_t n = acta_actor_row(row, key, strlen(key), name, strlen(name));
	struct acta_reader r;

	if (!acta_view_get(view, ACTA_T_STATE, row, n, &r))
		return otherwise;
	return acta_as_int(acta_read(&r), otherwise);
}

static const struct acta_view *
view_at(uint32_t actor, char key[8])
{
	struct acta_process *p = sim->cluster.processes[actor / SIM_KEYS];

	snprintf(key, 8, "%u", actor % SIM_KEYS);
	return acta_view_of(
	    &p->places[acta_partition_of(key, strlen(key), p->count)], true);
}

int64_t
sim_actor_int(uint32_t actor, const char *name, int64_t otherwise)
{
	char key[8];
	const struct acta_view *view = view_at(actor, key);

	return sim_state_int(view, key, name, otherwise);
}

static const char *
service_of(uint32_t actor)
{
	return sim_services[0][actor / SIM_KEYS].name;
}

/* ------------------------------------------------------------- requests -- */

/* Does a request that is done count as a move of the actor asked? */
static bool
is_move(const struct sim_ask *ask)
{
	uint32_t op = ask->event.a;

	return op != OP_ANSWER && op != OP_DENY && op != OP_PEEK &&
	    op != OP_UNKNOWN && op != OP_BAD && op != OP_REUSE &&
	    !sim_of_operator(op);
}

/* A refused send, and one that its asker's deadline passed, are answered nil;
 * what is forwarded may be refused where it went. */
static void
expect(const struct sim_ask *ask, int64_t *least, int64_t *most)
{
	bool may_be_refused = ask->event.a == OP_MOVE;

	if (ask->not_done) /* so nothing of it may be there */
		return;
	if (ask->forgotten) {
		*most += 1;
	} else if (!ask->answered) {
		*most += 1;
		/* Passed by its session, it is done, or was told to be over. */
		*least += ask->passed && !ask->told_over && sim->ends == 0 &&
		    !may_be_refused;
	} else if (ask->event.send) {
		*most += 1;
		*least += !may_be_refused;
	} else if (ask->event.a == OP_PASS) {
		*most += 1;
		*least += ask->ok;
	} else {
		*most += ask->ok;
		*least += ask->ok;
	}
}

/* Each request that was answered moved once, each without an answer at most
 * once. */
static void
check_moves(uint32_t actor)
{
	int64_t moves = sim_actor_int(actor, "moves", 0);
	int64_t least = 0, most = 0;

	for (uint32_t i = 0; i < sim->ask_count; i++)
		if (sim->asks[i].event.b == actor && is_move(&sim->asks[i]))
			expect(&sim->asks[i], &least, &most);
	if (moves < least || moves > most)
		sim_violation("%s/%u has %lld moves, %lld to %lld were "
			      "answered",
		    service_of(actor), actor % SIM_KEYS, (long long)moves,
		    (long long)least, (long long)most);
}

static bool
has(uint32_t actor, const char *row, uint32_t n, int64_t value)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/%u", row, n);
	return sim_actor_int(actor, name, 0) == value;
}

/* How many workers of that actor's service have done it. */
static uint32_t
staged(uint32_t actor, uint32_t n)
{
	const struct acta_process *p = sim->cluster.processes[actor / SIM_KEYS];
	char name[64];
	size_t size = (size_t)snprintf(name, sizeof(name), "staged/%u", n);
	uint32_t count = 0;

	for (uint32_t i = 0; i < p->count; i++) {
		const struct acta_omap *map =
		    &acta_view_of(&p->places[i], true)->tables[ACTA_T_STATE];
		const struct acta_omap_row *row =
		    acta_omap_from(map, "", 0, false);

		for (; row != NULL;
		     row = acta_omap_from(map, row->bytes, row->key_size, true))
			count += row->key_size == 1u + row->bytes[0] + size &&
			    memcmp(row->bytes + 1 + row->bytes[0], name,
				size) == 0;
	}
	return count;
}

/* What a request that was done left behind, sooner or later. */
static void
check_left(const struct sim_ask *ask)
{
	const struct sim_event *e = &ask->event;
	bool right = true;

	if (!ask->answered || (!ask->ok && !e->send) || ask->forgotten)
		return;
	switch (e->a) {
	case OP_QUERY: right = has(e->b, "ask", e->number, 2); break;
	case OP_ANSWER:
		right = has(e->b, "got", e->number, 1);
		if (e->how == HOW_FORWARDED)
			right = has(e->c, "forwarded", e->number, 1);
		break;
	case OP_PASS:
		right = e->send || has(e->c, "forwarded", e->number, 1);
		break;
	case OP_STAGE: right = staged(e->c, e->number) == 1; break;
	case OP_POST:
		right = has(e->b, "posted", e->number, 1) &&
		    has(e->b, "ask", e->number, 2) &&
		    has(e->b, "fired", e->number, 1);
		break;
	case OP_TIMER: right = has(e->b, "fired", e->number, 1); break;
	case OP_EVERY: right = has(e->b, "beats", e->number, e->d); break;
	default: break;
	}
	if (!right)
		sim_violation(
		    "request %u was done, and what it began is not", e->number);
}

/* ------------------------------------------------------------- messages -- */

/* A handler outside is run once, and again only where what it did was lost by
 * an end, or by a commit without space. */
static void
check_world(const struct sim_ask *ask)
{
	const struct sim_event *e = &ask->event;
	uint32_t runs = sim->posts[e->number];

	if (e->a != OP_POST || ask->forgotten)
		return;
	if (runs == 0 && ask->answered && ask->ok && !e->send)
		sim_violation(
		    "request %u was done, and nobody saw it", e->number);
	if (runs > 1 && sim->ends == 0 && sim->tally[T_STORE_FULL] == 0)
		sim_violation("request %u was run %u times, and nothing ended",
		    e->number, runs);
}

/* Nothing has ended or was lost since it was sent: so it was heard. */
static void
check_heard(const struct sim_ask *ask)
{
	if (ask->unknown && !ask->answered && !ask->not_done && !ask->dropped &&
	    ask->calm == sim_disturbances())
		sim_violation("request %u was never answered, and nothing was "
			      "wrong",
		    ask->event.number);
}

static void
check_pair(uint32_t from, uint32_t to, const char *out, const char *in)
{
	char row[128];
	int64_t sent, taken;

	snprintf(
	    row, sizeof(row), "%s/%s/%u", out, service_of(to), to % SIM_KEYS);
	sent = sim_actor_int(from, row, 0);
	snprintf(row, sizeof(row), "%s/%s/%u", in, service_of(from),
	    from % SIM_KEYS);
	taken = sim_actor_int(to, row, 0);
	if (sent != taken)
		sim_violation("%s/%u %s %lld to %s/%u, which %s %lld",
		    service_of(from), from % SIM_KEYS, out, (long long)sent,
		    service_of(to), to % SIM_KEYS, in, (long long)taken);
}

/* Who hears an actor's events hears them to the last. */
static void
check_hears(const struct acta_view *view, const char *key, uint32_t of,
    const char *how, const char *who)
{
	char row[64];
	int64_t heard, last = sim_actor_int(of, "shouts", 0);

	snprintf(
	    row, sizeof(row), "%s/%s/%u", how, service_of(of), of % SIM_KEYS);
	heard = sim_state_int(view, key, row, 0);
	if (heard > last ||
	    (heard != 0 && heard != last && sim->tally[T_LAPSED] == 0))
		sim_violation("%s/%s %s to %lld, the last is %lld", who, key,
		    row, (long long)heard, (long long)last);
}

/* It hears what was said after it had asked, and nothing before. */
static void
check_follows(
    const struct acta_view *view, const char *key, uint32_t actor, uint32_t of)
{
	char row[64];
	int64_t first;

	snprintf(row, sizeof(row), "first-followed/%s/%u", service_of(of),
	    of % SIM_KEYS);
	first = sim_state_int(view, key, row, 0);
	if (first > 0 && first <= sim->before_follow[actor][of])
		sim_violation("%s/%s hears of %s/%u from %lld on, which was "
			      "before it asked",
		    service_of(actor), key, service_of(of), of % SIM_KEYS,
		    (long long)first);
}

static void
check_followers(uint32_t actor, uint32_t actors)
{
	char key[8];
	const struct acta_view *view = view_at(actor, key);

	for (uint32_t of = 0; of < actors; of++) {
		check_hears(view, key, of, "followed", service_of(actor));
		check_follows(view, key, actor, of);
	}
}

/* How many events of one of ash's actors lie before where its hearers begin. */
static int64_t
before_begin(uint32_t of)
{
	char key[8];
	const struct acta_omap *map = &view_at(of, key)->tables[ACTA_T_EVENT];
	const struct acta_part_config *c = &sim->plan->config;
	const struct acta_omap_row *row = acta_omap_from(map, "", 0, false);
	int64_t count = 0;

	for (; row != NULL;
	     row = acta_omap_from(map, row->bytes, row->key_size, true)) {
		struct acta_reader r =
		    acta_reader(acta_omap_value(row), row->size);
		const uint8_t *at = row->bytes + row->key_size - 8;
		int64_t seq = 0;
		bool ok = true, own;
		uint32_t n;
		const char *who;

		for (int i = 0; i < 8; i++)
			seq = seq << 8 | at[i];
		(void)acta_read_list(&r, &ok);
		who = acta_read_str(&r, &n, &ok);
		own = n == strlen(key) && memcmp(who, key, n) == 0;
		(void)acta_read_uint(&r, &ok);
		if (c->on_how == 's')
			count += own && seq < c->on_from;
		else if (c->on_how == 't')
			count += own && acta_read_int(&r, &ok) < c->on_from;
	}
	return count;
}

static uint32_t
part_of(uint32_t of)
{
	char key = (char)('0' + of);

	return acta_partition_of(&key, 1, sim->plan->parts[0]);
}

/* Of a log that was all kept nothing is missed from there on. */
static void
check_begins(const struct acta_view *view, const struct acta_process *p,
    uint32_t of, int64_t last)
{
	char row[64];
	int64_t first, begin;

	snprintf(row, sizeof(row), "first-told/ash/%u", of);
	first = sim_state_int(view, "", row, 0);
	if (first > 0 && sim->plan->config.on_how == 'l' &&
	    first <= sim->processes[p->end].deaf_to[of])
		sim_violation("%s is told of ash/%u from %lld on, which was "
			      "before it asked",
		    p->config.service, of, (long long)first);
	if (sim->plan->config.on_how == 'l' || sim->tally[T_LAPSED] > 0 ||
	    sim->plan->config.event_count <= 5 ||
	    sim->plan->config.event_size > 0 ||
	    (sim->plan->late && p->loaded != &sim->loaded[1][p->end]))
		return;
	begin = before_begin(of) + 1;
	/* What was still to come when it asked is as good as nothing; and where
	 * a backup was put back, when it asked is no more. */
	if (first > 0 && first < begin && sim->put_back == 0 &&
	    sim->plan->config.on_from <=
		(sim->plan->config.on_how == 't'
			? sim->processes[p->end].asked_ms
			: sim->processes[p->end].asked_seq[part_of(of)]))
		sim_violation("%s is told of ash/%u from %lld on, too early "
			      "for %lld",
		    p->config.service, of, (long long)first, (long long)begin);
	if (begin <= last && (first == 0 || first > begin))
		sim_violation("%s is told of ash/%u from %lld on, not %lld",
		    p->config.service, of, (long long)first, (long long)begin);
	sim->tally[T_TOLD_PAST] += sim->plan->late && first == 1;
	sim->tally[T_TOLD_LATE] += first > 1 && first == begin;
}

/* The whole service's, at the actor without a key. */
static void
check_told(const struct acta_process *p)
{
	const struct acta_view *view =
	    acta_view_of(&p->places[acta_partition_of("", 0, p->count)], true);

	for (uint32_t of = 0; of < SIM_KEYS; of++) {
		check_hears(view, "", of, "told", p->config.service);
		check_begins(view, p, of, sim_actor_int(of, "shouts", 0));
	}
}

/* --------------------------------------------------------- dead letters -- */

struct dead {
	uint32_t seen[SIM_EVENTS_MAX];
};

static bool
is(const struct acta_bytes *bytes, const char *text)
{
	return bytes->size == strlen(text) &&
	    memcmp(bytes->data, text, bytes->size) == 0;
}

/* A dead letter is of a message that was doomed, and of that cause. */
static void
check_letter(struct dead *dead, const struct acta_omap_row *row)
{
	struct acta_reader r = acta_reader(acta_omap_value(row), row->size);
	struct acta_bytes cause;
	struct acta_message m;
	bool ok = true, right = false;
	uint32_t n;
	int64_t number, how, attempts;

	(void)acta_read_list(&r, &ok);
	cause.data = acta_read_str(&r, &cause.size, &ok);
	(void)acta_read_str(&r, &n, &ok);
	attempts = acta_read_int(&r, &ok);
	(void)acta_read_int(&r, &ok);
	(void)acta_read_bin(&r, &n, &ok);
	if (!ok || acta_message_decode(&r, &m) != ACTA_OK) {
		sim_violation("a dead letter cannot be read");
		return;
	}
	number = acta_as_int(acta_at(m.args, "n"), 0);
	how = acta_as_int(acta_at(m.args, "how"), -1);
	if (is(&m.type, "forwarded")) {
		right = is(&cause, "unknown-service");
	} else if (is(&m.type, "answer")) {
		right = how == HOW_FAILED && is(&cause, "failed");
	} else if (is(&m.type, "doomed") && number < SIM_EVENTS_MAX) {
		right = dead->seen[number]++ == 0;
		if (how == DOOM_FAILS)
			right &= is(&cause, "failed");
		else if (how == DOOM_CRASHES || how == DOOM_HANGS)
			right &= is(&cause, "crashed");
		else if (how == DOOM_MISUSES)
			right &= is(&cause, "misused");
		else
			right &= is(&cause, "unknown-service");
	}
	if (is(&cause, "failed") && attempts != sim->plan->config.max_attempts)
		sim_violation(
		    "a message died after %lld attempts", (long long)attempts);
	if (!right)
		sim_violation("an innocent is a dead letter: %.*s %lld, %.*s",
		    (int)m.type.size, m.type.data, (long long)number,
		    (int)cause.size, cause.data);
	sim->tally[T_DEAD_FAILED] += is(&cause, "failed");
	sim->tally[T_DEAD_CRASHED] += is(&cause, "crashed");
	sim->tally[T_DEAD_MISUSED] += is(&cause, "misused");
	sim->tally[T_DEAD_NOWHERE] += is(&cause, "unknown-service");
}

/* And each that was doomed is one, and was run as often as may be. */
static void
check_doomed(const struct dead *dead, const struct sim_ask *ask)
{
	const struct sim_event *e = &ask->event;
	/* Once it may have no durable name: as a local message, whose crash is
	 * laid to the one that was gathered. A power cut takes the root's
	 * memory. */
	uint32_t max = (sim->plan->config.max_crashes + 1) * (1 + sim->powers) *
	    (1 + (uint32_t)sim->ledger.dead_deleted);
	bool crashes = e->how == DOOM_CRASHES || e->how == DOOM_HANGS;
	bool survives = crashes && e->lives < 3;

	if (e->a != OP_DOOM || !ask->answered || (!ask->ok && !e->send) ||
	    ask->forgotten)
		return;
	if (crashes && sim->crashes[e->number] > max)
		sim_violation("message %u crashed %u processes, %u is the most",
		    e->number, sim->crashes[e->number], max);
	if (survives && !has(e->c, "survived", e->number, 1))
		sim_violation(
		    "message %u, which should live, does not", e->number);
	sim->tally[T_SURVIVED] += survives;
	if (!survives && dead->seen[e->number] != 1 &&
	    !has(e->c, "survived", e->number, 1))
		sim_violation("doomed message %u is no dead letter", e->number);
}

static void
check_dead(void)
{
	struct dead dead = { { 0 } };

	for (uint32_t i = 0; i < sim->cluster.count; i++)
		for (uint32_t n = 0; n < sim->cluster.processes[i]->count;
		     n++) {
			const struct acta_omap *map =
			    &acta_view_of(
				&sim->cluster.processes[i]->places[n], true)
				 ->tables[ACTA_T_DEAD];
			const struct acta_omap_row *row =
			    acta_omap_from(map, "", 0, false);

			for (; row != NULL;
			     row = acta_omap_from(
				 map, row->bytes, row->key_size, true))
				check_letter(&dead, row);
		}
	for (uint32_t i = 0; i < sim->ask_count; i++)
		check_doomed(&dead, &sim->asks[i]);
}

/* ------------------------------------------------------------- channels -- */

static const struct acta_out *
out_of(const struct acta_place *from, const struct acta_place *to)
{
	const char *service = to->process->config.service;

	for (uint32_t i = 0; i < from->part->out_count; i++) {
		const struct acta_out *o = from->part->outs[i];

		if (o->part == to->index && strcmp(o->service, service) == 0)
			return o;
	}
	return NULL;
}

bool
sim_channel_stopped(const struct acta_place *from, const struct acta_place *to)
{
	const struct acta_out *o = out_of(from, to);

	return o != NULL && o->state == ACTA_OUT_STOPPED;
}

/* One of which an end is in memory: what the two processes hold agrees. */
static void
check_in_memory(const struct acta_place *from, const struct acta_place *to)
{
	const struct acta_out *o = out_of(from, to);
	const char *service = from->process->config.service;

	for (uint32_t i = 0; o != NULL && i < to->part->in_count; i++) {
		const struct acta_in *in = &to->part->ins[i];

		if (in->part != from->index ||
		    strcmp(in->service, service) != 0 ||
		    in->hist != from->part->hist)
			continue;
		if (o->acked != o->next || in->next != o->next ||
		    memcmp(in->chain.bytes, o->chain.bytes, 16) != 0)
			sim_violation("%s to %s, in memory: the two tell "
				      "different stories",
			    from->dir, to->dir);
	}
}

/* A word was said on each: what neither arrived nor stopped is silent. */
static void
check_goes_on(const struct acta_place *from, const struct acta_place *to)
{
	const struct acta_out *o = out_of(from, to);

	if (o != NULL && o->acked < o->next)
		sim_violation("%s to %s has not stopped, and %llu wait",
		    from->dir, to->dir,
		    (unsigned long long)(o->next - o->acked));
}

/* A channel that goes on agrees at both ends; one of which an end was set back
 * and does not agree has stopped. */
static void
check_channel(const struct acta_place *from, const struct acta_place *to)
{
	bool memory =
	    from->process->store.in_memory || to->process->store.in_memory;
	bool back = sim_set_apart(from->process->end, to->process->end);
	struct acta_in_row in;
	const char *wrong;

	acta_view_in(acta_view_of(to, true), from, &in);
	wrong = acta_ledger_disagree(from, to, &in);
	if (sim_channel_stopped(from, to)) {
		sim->tally[T_BACK_STOPPED]++;
		if (!back || sim->mended > 0)
			sim_violation("the channel %s to %s has stopped",
			    from->dir, to->dir);
	} else if (wrong != NULL && !memory) {
		sim_violation(
		    "%s to %s goes on, and %s", from->dir, to->dir, wrong);
	} else {
		check_goes_on(from, to);
		if (memory && !sim->set_back)
			check_in_memory(from, to);
		sim->tally[T_BACK_AGREED] += back;
		sim->tally[T_BACK_TOGETHER] +=
		    !back && sim->put_back > 0 && out_of(from, to) != NULL;
	}
}

/* --------------------------------------------------------------- events -- */

struct log { /* of a partition, as it is read */
	const struct acta_place *place;
	uint64_t first, next, seen[SIM_KEYS];
};

/* Numbers without a gap, and each names the one before of its actor. */
static void
check_event(struct log *log, const struct acta_omap_row *row)
{
	struct acta_reader r = acta_reader(acta_omap_value(row), row->size);
	const uint8_t *at = row->bytes + row->key_size - 8;
	uint64_t seq = 0, prev;
	bool ok = true;
	uint32_t n;
	const char *key;

	for (int i = 0; i < 8; i++)
		seq = seq << 8 | at[i];
	(void)acta_read_list(&r, &ok);
	key = acta_read_str(&r, &n, &ok);
	prev = acta_read_uint(&r, &ok);
	if (log->next == 0)
		log->first = log->next = seq;
	if (!ok || n != 1 || *key < '0' || *key >= '0' + (char)SIM_KEYS ||
	    seq != log->next)
		sim_violation("%s: event %llu, due is %llu", log->place->dir,
		    (unsigned long long)seq, (unsigned long long)log->next);
	else if (prev >= log->first ? log->seen[*key - '0'] != prev
				    : log->seen[*key - '0'] != 0)
		sim_violation("%s: event %llu follows %llu of its actor",
		    log->place->dir, (unsigned long long)seq,
		    (unsigned long long)prev);
	else
		log->seen[*key - '0'] = seq;
	log->next++;
}

/* As many as were published, or as retention leaves. */
static void
check_events(const struct acta_place *place)
{
	const struct acta_view *view = acta_view_of(place, true);
	const struct acta_omap *map = &view->tables[ACTA_T_EVENT];
	const struct acta_omap_row *row = acta_omap_from(map, "", 0, false);
	uint64_t keeps = sim->plan->config.event_count;
	uint64_t size = sim->plan->config.event_size, bytes = 0;
	struct log log = { .place = place };
	uint64_t shouts = 0;
	char key[8];

	for (uint32_t n = 0; n < SIM_KEYS; n++) {
		snprintf(key, sizeof(key), "%u", n);
		shouts += (uint64_t)sim_state_int(view, key, "shouts", 0);
	}
	for (; row != NULL;
	     row = acta_omap_from(map, row->bytes, row->key_size, true))
		check_event(&log, row);
	for (row = acta_omap_from(map, "", 0, false); row != NULL;
	     row = acta_omap_from(map, row->bytes, row->key_size, true))
		bytes += row->size;
	if (size > 0 ? bytes > size
		     : map->count != (shouts < keeps ? shouts : keeps) ||
		    (shouts > 0 && log.next != shouts + 1))
		sim_violation("%s: %llu events were published, %zu are kept, "
			      "the last is %llu",
		    place->dir, (unsigned long long)shouts, map->count,
		    (unsigned long long)log.next - 1);
}

static void
check_places(void)
{
	struct acta_place *places[SIM_PLACES_MAX];
	uint32_t count = sim_places(places);

	for (uint32_t i = 0; i < count; i++) {
		if (!places[i]->process->store.in_memory)
			acta_ledger_store(&sim->ledger, places[i]);
		if (!places[i]->process->store.in_memory && !sim->set_back)
			check_events(places[i]);
		for (uint32_t n = 0; n < count; n++)
			if (i != n)
				check_channel(places[i], places[n]);
	}
}

void
sim_check_last(void)
{
	uint32_t actors = sim->plan->services * SIM_KEYS;
	int64_t sum = 0;

	check_places();
	if (sim->set_back)
		return;
	for (uint32_t a = 0; a < actors; a++) {
		sum += sim_actor_int(a, "balance", 1000) - 1000;
		check_moves(a);
		check_followers(a, actors);
		for (uint32_t b = 0; b < actors; b++) {
			check_pair(a, b, "said", "heard");
			check_pair(a, b, "gave", "did");
			check_pair(a, b, "threw", "caught");
			check_pair(a, b, "mailed", "got-mail");
			check_pair(a, b, "back", "got-back");
		}
	}
	for (uint32_t i = 0; i < sim->cluster.count; i++)
		if (!sim->cluster.processes[i]->store.in_memory)
			check_told(sim->cluster.processes[i]);
	if (sum != 0)
		sim_violation("the balances are off by %lld", (long long)sum);
	for (uint32_t i = 0; i < sim->ask_count; i++) {
		check_left(&sim->asks[i]);
		check_world(&sim->asks[i]);
		check_heard(&sim->asks[i]);
	}
	check_dead();
}
