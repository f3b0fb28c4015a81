/*
 * t/sim/check.c - what must hold after every event (RELIABILITY 3.4, CORE). The
 * records of each journal are put together into a view, by this file's own
 * reading of store/README and store/rows.h; what leaves a process and what
 * other stores say is compared with the views of what is durable.
 */
#include "t/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "store/journal.h"

/* ---------------------------------------------------------------- views -- */

const struct sim_view *
sim_view_of(const struct acta_place *place, bool durable)
{
	static const struct sim_view nothing;
	const struct sim_view *view = acta_sim_disk_view(place->disk, durable);

	return view != NULL ? view : &nothing;
}

bool
sim_view_get(const struct sim_view *view, enum acta_table table,
    const void *key, size_t key_size, struct acta_reader *out)
{
	const struct acta_omap_row *row =
	    acta_omap_get(&view->tables[table], key, key_size);

	if (row == NULL)
		return false;
	*out = acta_reader(acta_omap_value(row), row->size);
	return true;
}

static struct sim_view *
view_copy(const struct sim_view *of)
{
	struct sim_view *view = acta_zalloc(1, sizeof(*view));

	if (of == NULL)
		return view;
	*view = *of;
	for (unsigned i = 0; i < ACTA_TABLES; i++)
		view->tables[i] = acta_omap_copy(&of->tables[i]);
	return view;
}

void
sim_check_forget(void *self, void *view)
{
	struct sim_view *v = view;

	for (unsigned i = 0; i < ACTA_TABLES; i++)
		acta_omap_fini(&v->tables[i]);
	free(v);
}

static uint32_t
u32(const uint8_t *at)
{
	uint32_t n;

	memcpy(&n, at, 4);
	return n;
}

static uint64_t
be64(const uint8_t *at)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | at[i];
	return n;
}

/* ------------------------------------------------------- channels' rows -- */

static size_t
peer_key(uint8_t *out, char prefix, const struct acta_place *peer)
{
	const char *service = peer->process->config.service;
	size_t n = strlen(service), at = 0;

	if (prefix != 0)
		out[at++] = (uint8_t)prefix;
	out[at++] = (uint8_t)n;
	memcpy(out + at, service, n);
	at += n;
	out[at++] = (uint8_t)(peer->index >> 8);
	out[at++] = (uint8_t)peer->index;
	return at;
}

static void
chain_read(struct acta_reader *r, struct acta_hash128 *out)
{
	bool ok = true;
	uint32_t n;
	const void *data = acta_read_bin(r, &n, &ok);

	if (ok && n == 16)
		memcpy(out->bytes, data, 16);
}

static void
out_read(struct acta_reader r, struct sim_out_row *out)
{
	bool ok = true;

	(void)acta_read_list(&r, &ok);
	out->next = acta_read_uint(&r, &ok);
	out->acked = acta_read_uint(&r, &ok);
	chain_read(&r, &out->chain_acked);
	chain_read(&r, &out->chain);
}

bool
sim_out_row(const struct sim_view *view, const struct acta_place *to,
    struct sim_out_row *out)
{
	struct acta_reader r;
	uint8_t key[64];

	*out = (struct sim_out_row){ .next = 1, .acked = 1 };
	if (!sim_view_get(
		view, ACTA_T_CHANNEL, key, peer_key(key, 'o', to), &r))
		return false;
	out_read(r, out);
	return true;
}

static void
in_read(struct acta_reader r, struct sim_in_row *out)
{
	bool ok = true;

	(void)acta_read_list(&r, &ok);
	out->hist = acta_read_uint(&r, &ok);
	out->inc = acta_read_uint(&r, &ok);
	(void)acta_read_uint(&r, &ok); /* its random part */
	out->next = acta_read_uint(&r, &ok);
	chain_read(&r, &out->chain);
	out->taken = acta_read_uint(&r, &ok);
	out->handled = acta_read_uint(&r, &ok);
	out->rejected = acta_read_uint(&r, &ok);
	out->parked = acta_read_uint(&r, &ok);
	out->dead = acta_read_uint(&r, &ok);
}

bool
sim_in_row(const struct sim_view *view, const struct acta_place *from,
    struct sim_in_row *out)
{
	struct acta_reader r;
	uint8_t key[64];

	*out = (struct sim_in_row){ .next = 1 };
	if (!sim_view_get(
		view, ACTA_T_CHANNEL, key, peer_key(key, 'i', from), &r))
		return false;
	in_read(r, out);
	return true;
}

static struct acta_place *
place_named(const char *service, size_t n, uint32_t part)
{
	uint32_t end = acta_cluster_find(&sim->cluster, service, n);

	if (end == UINT32_MAX || part >= sim->cluster.processes[end]->count)
		return NULL;
	return &sim->cluster.processes[end]->places[part];
}

static const char *
name_of(const struct acta_place *place)
{
	return place->dir + strlen(sim->cluster.name);
}

static struct acta_hash128
chain_step(
    struct acta_hash128 chain, uint64_t seq, const void *data, size_t size)
{
	uint8_t head[8];

	for (int i = 0; i < 8; i++)
		head[i] = (uint8_t)(seq >> (8 * i));
	chain = acta_hash128_chain(chain, head, sizeof(head));
	return acta_hash128_chain(chain, data, size);
}

/* Message `seq` of those that wait for `to`: a row holds some, one behind the
 * other. NULL: it is not there. *out_rows: how many rows there are. */
static const uint8_t *
outbox_message(const struct sim_view *view, const struct acta_place *to,
    uint64_t seq, size_t *out_size, uint64_t *out_rows)
{
	const struct acta_omap *map = &view->tables[ACTA_T_OUTBOX];
	const struct acta_omap_row *row, *best = NULL;
	uint8_t key[64];
	size_t n = peer_key(key, 0, to);
	uint64_t first = 0, rows = 0;
	struct acta_reader r;
	const uint8_t *message = NULL;

	*out_size = 0;
	for (row = acta_omap_from(map, key, n, false); row != NULL &&
	     row->key_size == n + 8 && memcmp(row->bytes, key, n) == 0;
	     row = acta_omap_from(map, row->bytes, row->key_size, true)) {
		uint64_t at = 0;

		for (int i = 0; i < 8; i++)
			at = at << 8 | row->bytes[n + i];
		rows++;
		if (at <= seq) {
			best = row;
			first = at;
		}
	}
	if (out_rows != NULL)
		*out_rows = rows;
	if (best == NULL)
		return NULL;
	r = acta_reader(acta_omap_value(best), best->size);
	for (; first <= seq && r.at < r.end; first++)
		message = acta_read_raw(&r, out_size);
	return first > seq && *out_size > 0 ? message : NULL;
}

/* I3, I4, I6: what a receiver took is what its sender, durably, sent; its hash
 * tells the same story. */
const char *
sim_channel_disagrees(const struct acta_place *from,
    const struct acta_place *to, const struct sim_in_row *in)
{
	const struct sim_view *view = sim_view_of(from, true);
	struct sim_out_row out;
	struct acta_hash128 chain;
	uint64_t seq;

	(void)sim_out_row(view, to, &out);
	if (in->next > out.next)
		return "more was taken than is durably sent";
	if (in->next < out.acked)
		return "more is acked than was taken";
	chain = out.chain_acked;
	for (seq = out.acked; seq < in->next; seq++) {
		size_t size;
		const uint8_t *message =
		    outbox_message(view, to, seq, &size, NULL);

		if (message == NULL)
			return "a message that is not acked is missing";
		chain = chain_step(chain, seq, message, size);
	}
	return memcmp(chain.bytes, in->chain.bytes, 16) == 0
	    ? NULL
	    : "the two tell different stories";
}

/* Between those of which none was set back, everything holds at once. */
static bool
trusted(const struct acta_place *a, const struct acta_place *b)
{
	return !sim->processes[a->process->end].set_back &&
	    !sim->processes[b->process->end].set_back;
}

/* ------------------------------------------------- a commit can be seen -- */

struct change { /* one operation of a record, and the row before it */
	const struct acta_place *place;
	struct sim_view *view;
	unsigned op, table; /* op: 1 put, 2 delete, 3 delete by prefix */
	const uint8_t *key;
	size_t key_size, size;
	const uint8_t *value;
	const struct acta_omap_row *was;
};

static void
check_in(const struct change *c, const struct acta_place *from)
{
	struct sim_in_row was = { .next = 1 }, is;
	const char *wrong;

	if (c->was != NULL)
		in_read(
		    acta_reader(acta_omap_value(c->was), c->was->size), &was);
	in_read(acta_reader(c->value, c->size), &is);
	if (is.next < was.next && !sim->set_back)
		sim_violation("%s: the cursor of %s goes back",
		    name_of(c->place), name_of(from));
	if (is.taken != is.handled + is.rejected + is.parked + is.dead ||
	    (is.hist == was.hist && is.taken - was.taken != is.next - was.next))
		sim_violation("%s: taken of %s are %llu, next is %llu",
		    name_of(c->place), name_of(from),
		    (unsigned long long)is.taken, (unsigned long long)is.next);
	sim->tally[T_TAKEN_HANDLED] += is.handled - was.handled;
	sim->tally[T_TAKEN_REJECTED] += is.rejected - was.rejected;
	sim->tally[T_TAKEN_PARKED] += is.parked - was.parked;
	sim->tally[T_TAKEN_DEAD] += is.dead - was.dead;
	if (!trusted(c->place, from))
		return;
	wrong = sim_channel_disagrees(from, c->place, &is);
	if (wrong != NULL)
		sim_violation("%s takes of %s up to %llu: %s",
		    name_of(c->place), name_of(from),
		    (unsigned long long)is.next - 1, wrong);
}

static void
check_out(const struct change *c, const struct acta_place *to)
{
	struct sim_out_row was = { .next = 1, .acked = 1 }, is;
	struct sim_in_row in;

	if (c->was != NULL)
		out_read(
		    acta_reader(acta_omap_value(c->was), c->was->size), &was);
	out_read(acta_reader(c->value, c->size), &is);
	if (is.next < was.next || is.acked < was.acked || is.acked > is.next)
		sim_violation("%s: the channel to %s goes back",
		    name_of(c->place), name_of(to));
	(void)sim_in_row(sim_view_of(to, true), c->place, &in);
	if (is.acked > in.next && trusted(c->place, to))
		sim_violation("%s counts %llu acked by %s, durable are %llu",
		    name_of(c->place), (unsigned long long)is.acked - 1,
		    name_of(to), (unsigned long long)in.next - 1);
}

static void
check_channel(const struct change *c)
{
	size_t n = c->key[1];
	const struct acta_place *peer = place_named((const char *)c->key + 2, n,
	    (uint32_t)c->key[2 + n] << 8 | c->key[3 + n]);

	if (peer == NULL || c->op != 1)
		sim_violation(
		    "%s: a channel of nobody, or deleted", name_of(c->place));
	else if (c->key[0] == 'i')
		check_in(c, peer);
	else
		check_out(c, peer);
}

/* I9: what was answered under an id stays so. */
static void
check_reply(const struct change *c)
{
	struct acta_reader r;
	bool ok = true;
	uint32_t n;

	if (c->was == NULL)
		return;
	r = acta_reader(acta_omap_value(c->was), c->was->size);
	(void)acta_read_list(&r, &ok);
	(void)acta_read_str(&r, &n, &ok);
	(void)acta_read_bin(&r, &n, &ok);
	(void)acta_read_int(&r, &ok);
	if (acta_read_int(&r, &ok) == 0)
		return;
	if (c->op != 1 || c->size != c->was->size ||
	    memcmp(acta_omap_value(c->was), c->value, c->size) != 0)
		sim_violation(
		    "%s: the answer under an id is changed", name_of(c->place));
}

static void
check_change(const struct change *c)
{
	switch (c->table) {
	case ACTA_T_CHANNEL: check_channel(c); break;
	case ACTA_T_REPLY: check_reply(c); break;
	case ACTA_T_OUTBOX:
	case ACTA_T_EVENT:
	case ACTA_T_DEAD:
		if (c->op == 1 && c->was != NULL)
			sim_violation("%s: a row of table %u is overwritten",
			    name_of(c->place), c->table);
		break;
	default: break;
	}
}

static void
apply(const struct change *c)
{
	struct acta_omap *map = &c->view->tables[c->table];
	const struct acta_omap_row *row;

	switch (c->op) {
	case 1:
		memcpy(acta_omap_put(map, c->key, c->key_size, c->size),
		    c->value, c->size);
		break;
	case 2: (void)acta_omap_del(map, c->key, c->key_size); break;
	default:
		while ((row = acta_omap_from(
			    map, c->key, c->key_size, false)) != NULL &&
		    row->key_size >= c->key_size &&
		    memcmp(row->bytes, c->key, c->key_size) == 0) {
			uint8_t gone[ACTA_STORE_KEY_MAX];
			size_t n = row->key_size;

			memcpy(gone, row->bytes, n);
			(void)acta_omap_del(map, gone, n);
		}
	}
}

/* I5: what waits in an outbox is exactly what is not acked. */
static void
check_outbox(const struct acta_place *place, const struct sim_view *view)
{
	uint64_t rows = 0;

	for (uint32_t i = 0; i < sim->cluster.count; i++)
		for (uint32_t n = 0; n < sim->cluster.processes[i]->count;
		     n++) {
			struct acta_place *to =
			    &sim->cluster.processes[i]->places[n];
			struct sim_out_row out;
			uint64_t there;
			size_t size;

			(void)sim_out_row(view, to, &out);
			if (out.next > out.acked &&
			    (outbox_message(view, to, out.acked, &size, NULL) ==
				    NULL ||
				outbox_message(view, to, out.next - 1, &size,
				    NULL) == NULL))
				sim_violation("%s: a message to %s is gone "
					      "before its ack",
				    name_of(place), name_of(to));
			/* Acked whole, a row goes with the next commit. */
			if (out.acked > 1 &&
			    outbox_message(view, to, out.acked - 1, &size,
				&there) != NULL &&
			    out.acked == out.next && there > 0)
				sim_violation("%s: all to %s is acked, and "
					      "%llu rows wait",
				    name_of(place), name_of(to),
				    (unsigned long long)there);
			(void)outbox_message(view, to, 0, &size, &there);
			rows += there;
		}
	if (rows != view->tables[ACTA_T_OUTBOX].count)
		sim_violation("%s: %zu rows wait, %llu of a channel",
		    name_of(place), view->tables[ACTA_T_OUTBOX].count,
		    (unsigned long long)rows);
}

static void
apply_record(const struct acta_place *place, struct sim_view *view,
    const struct acta_record *record)
{
	const uint8_t *at = record->ops, *end = record->ops + record->ops_size;
	bool outbox = false;

	while (at < end && !sim->violated) {
		struct change c = { .place = place,
			.view = view,
			.op = at[0],
			.table = at[1],
			.key = at + 8,
			.key_size = (size_t)at[2] | (size_t)at[3] << 8,
			.size = u32(at + 4) };

		c.value = c.key + c.key_size;
		c.was =
		    acta_omap_get(&view->tables[c.table], c.key, c.key_size);
		check_change(&c);
		apply(&c);
		outbox |= c.table == ACTA_T_OUTBOX;
		at = c.value + c.size;
	}
	if (outbox)
		check_outbox(place, view);
}

static bool
read_record(const struct acta_sim_disk *disk, uint64_t turn,
    struct acta_buf *whole, struct acta_record *out)
{
	const struct acta_omap *map =
	    acta_sim_disk_map(disk, false, ACTA_MAP_JOURNAL);
	uint8_t key[ACTA_JOURNAL_KEY];
	const struct acta_omap_row *row;
	uint32_t part = 0;

	acta_journal_key_encode(key, turn, 0);
	row = acta_omap_get(map, key, sizeof(key));
	while (row != NULL) {
		acta_buf_append(whole, acta_omap_value(row), row->size);
		acta_journal_key_encode(key, turn, ++part);
		row = acta_omap_get(map, key, sizeof(key));
	}
	return acta_journal_decode(whole->data, whole->size, out) == ACTA_OK;
}

static void
take_record(const struct acta_place *place, struct sim_view *view,
    uint64_t turn, struct acta_buf *whole)
{
	struct acta_record record;

	if (turn != view->turn + 1)
		sim_violation("%s: turn %llu after %llu", name_of(place),
		    (unsigned long long)turn, (unsigned long long)view->turn);
	else if (!read_record(place->disk, turn, whole, &record))
		sim_violation("%s: turn %llu has no sound record",
		    name_of(place), (unsigned long long)turn);
	else if (record.now_ms < view->last_ms) /* I10 */
		sim_violation("%s: time goes back in turn %llu", name_of(place),
		    (unsigned long long)turn);
	if (sim->violated)
		return;
	apply_record(place, view, &record);
	view->turn = turn;
	view->last_ms = record.now_ms;
	sim->hash = acta_hash64_seeded(whole->data, whole->size, sim->hash);
	sim->tally[T_COMMITS]++;
}

void *
sim_check_seen(void *self, struct acta_sim_disk *disk, void *before)
{
	const struct acta_place *place = acta_sim_disk_user(disk);
	struct sim_view *view = view_copy(before);
	const struct acta_omap_row *last =
	    acta_omap_last(acta_sim_disk_map(disk, false, ACTA_MAP_JOURNAL));
	uint64_t turn = last != NULL ? be64(last->bytes) : 0;
	struct acta_buf whole;

	if (turn == view->turn) {
		sim->tally[T_MERGES] += sim->doing == DOING_IDLE;
		return view;
	}
	acta_buf_init(&whole);
	take_record(place, view, turn, &whole);
	acta_buf_fini(&whole);
	return view;
}

/* ------------------------------------------------------- an item leaves -- */

static void
check_data(const struct acta_place *place, const struct acta_item *item)
{
	const struct sim_view *view = sim_view_of(place, true);
	const struct acta_place *to =
	    place_named(item->dst.data, item->dst.size, item->dst_part);
	struct acta_reader r = acta_reader(item->body.data, item->body.size);

	if (to == NULL)
		return;
	for (uint32_t i = 0; i < item->count; i++) {
		size_t size, kept_size;
		const uint8_t *kept =
		    outbox_message(view, to, item->first + i, &kept_size, NULL);
		const void *raw = acta_read_raw(&r, &size);

		if (kept == NULL || kept_size != size ||
		    memcmp(kept, raw, size) != 0)
			sim_violation("%s sends %llu to %s, which is not "
				      "durable so",
			    name_of(place), (unsigned long long)item->first + i,
			    name_of(to));
	}
}

/* An ACK or WELCOME: all below `next` is durable here. */
static void
check_next(const struct acta_place *place, const struct acta_item *item)
{
	const struct acta_place *from =
	    place_named(item->src.data, item->src.size, item->src_part);
	struct sim_in_row in;

	if (from == NULL)
		return;
	(void)sim_in_row(sim_view_of(place, true), from, &in);
	if (item->next > in.next)
		sim_violation("%s acks %llu of %s, durable are %llu",
		    name_of(place), (unsigned long long)item->next - 1,
		    name_of(from), (unsigned long long)in.next - 1);
}

static void
check_hello(const struct acta_place *place, const struct acta_item *item)
{
	const struct acta_place *to =
	    place_named(item->dst.data, item->dst.size, item->dst_part);
	struct sim_out_row out;

	if (to == NULL)
		return;
	(void)sim_out_row(sim_view_of(place, true), to, &out);
	if (item->next > out.next)
		sim_violation("%s says it sent %llu, durable are %llu",
		    name_of(place), (unsigned long long)item->next - 1,
		    (unsigned long long)out.next - 1);
}

/* {"moves": n} is not more than the actor's durable row says. */
static void
check_moves(const struct acta_place *place, const struct sim_ask *ask,
    const struct acta_item *item)
{
	struct acta_reader r = acta_reader(item->body.data, item->body.size);
	char key[16];
	int64_t moves, durable;

	if (item->code.data != NULL || ask->event.a == OP_PASS ||
	    ask->event.a == OP_ANSWER)
		return;
	moves = acta_as_int(acta_at(acta_read(&r), "moves"), 0);
	snprintf(key, sizeof(key), "%u", ask->event.b % SIM_KEYS);
	durable = sim_state_int(sim_view_of(place, true), key, "moves", 0);
	if (moves > durable)
		sim_violation("%s answers %lld moves, durable are %lld",
		    name_of(place), (long long)moves, (long long)durable);
}

/* The record of an id, under whichever hour it lies. */
static bool
reply_row(
    const struct sim_view *view, const uint8_t id[16], struct acta_reader *out)
{
	const struct acta_omap *map = &view->tables[ACTA_T_REPLY];
	const struct acta_omap_row *row;
	uint8_t key[20] = { 0 };

	memcpy(key + 4, id, 16);
	while ((row = acta_omap_from(map, key, sizeof(key), false)) != NULL) {
		if (memcmp(row->bytes + 4, id, 16) == 0) {
			*out = acta_reader(acta_omap_value(row), row->size);
			return true;
		}
		/* Its hour, or the next one. */
		if (memcmp(row->bytes, key, 4) == 0)
			for (int i = 3; i >= 0 && ++key[i] == 0; i--)
				;
		else
			memcpy(key, row->bytes, 4);
	}
	return false;
}

/* An answer under a kept id stands, durably, under that id. */
static void
check_kept(const struct acta_place *place, const struct sim_ask *ask,
    const struct acta_item *item)
{
	struct acta_reader r;
	uint8_t id[16];
	const void *result;
	bool ok = true;
	uint32_t n;
	size_t size;

	if (ask->event.a == OP_PEEK || ask->event.a == OP_UNKNOWN ||
	    sim_leaves_nothing(item))
		return;
	sim_ask_id(ask, id);
	if (!reply_row(sim_view_of(place, true), id, &r)) {
		sim_violation("request %u is answered by %s, and no record "
			      "is durable",
		    ask->event.number, name_of(place));
		return;
	}
	(void)acta_read_list(&r, &ok);
	(void)acta_read_str(&r, &n, &ok);
	(void)acta_read_bin(&r, &n, &ok);
	(void)acta_read_int(&r, &ok);
	if (acta_read_int(&r, &ok) == 0)
		sim_violation("request %u is answered by %s, durably it is "
			      "pending",
		    ask->event.number, name_of(place));
	(void)acta_read_str(&r, &n, &ok);
	(void)acta_read_str(&r, &n, &ok);
	result = acta_read_raw(&r, &size);
	if (item->code.data == NULL &&
	    (size != item->body.size ||
		memcmp(result, item->body.data, size) != 0))
		sim_violation("request %u is answered by %s with another "
			      "result than is durable",
		    ask->event.number, name_of(place));
}

static void
check_answer(
    const struct acta_place *place, uint32_t end, const struct acta_item *item)
{
	const struct sim_ask *ask =
	    sim_ask_of(end - SIM_DOOR_END, item->request);

	if (ask == NULL)
		return;
	check_moves(place, ask, item);
	if (ask->event.kept_id)
		check_kept(place, ask, item);
}

/* An event stands, durably, in the log under its number. */
static void
check_event(const struct acta_place *place, const struct acta_item *item)
{
	const char *topic = memchr(item->topic.data, '.', item->topic.size);
	uint8_t key[ACTA_TYPE_MAX + 16];
	struct acta_reader r;
	size_t n, size;
	bool ok = true;
	uint32_t length;
	const void *data;

	n = item->topic.size - (size_t)(topic + 1 - item->topic.data);
	key[0] = (uint8_t)n;
	memcpy(key + 1, topic + 1, n);
	for (int i = 0; i < 8; i++)
		key[1 + n + i] = (uint8_t)(item->seq >> (8 * (7 - i)));
	/* Retention may have taken it in the same commit. */
	if (!sim_view_get(
		sim_view_of(place, true), ACTA_T_EVENT, key, n + 9, &r)) {
		if (sim->plan->config.event_count > 100)
			sim_violation("%s: event %llu leaves and is not in "
				      "the log",
			    name_of(place), (unsigned long long)item->seq);
		return;
	}
	(void)acta_read_list(&r, &ok);
	(void)acta_read_str(&r, &length, &ok);
	if (acta_read_uint(&r, &ok) != item->prev)
		ok = false;
	(void)acta_read_int(&r, &ok);
	data = acta_read_raw(&r, &size);
	if (!ok || size != item->body.size ||
	    memcmp(data, item->body.data, size) != 0)
		sim_violation("%s: event %llu is another in the log",
		    name_of(place), (unsigned long long)item->seq);
}

void
sim_check_leaves(
    struct acta_place *place, uint32_t end, const struct acta_item *item)
{
	switch (item->kind) {
	case ACTA_ITEM_DATA:
		sim->tally[T_DATA]++;
		check_data(place, item);
		break;
	case ACTA_ITEM_ACK:
		sim->tally[T_ACK]++;
		check_next(place, item);
		break;
	case ACTA_ITEM_WELCOME:
		sim->tally[T_WELCOME]++;
		if (item->verdict == 0)
			check_next(place, item);
		break;
	case ACTA_ITEM_HELLO:
		sim->tally[T_HELLO]++;
		check_hello(place, item);
		break;
	case ACTA_ITEM_NACK: sim->tally[T_NACK]++; break;
	case ACTA_ITEM_REPLY:
		sim->tally[T_REPLY]++;
		check_answer(place, end, item);
		break;
	case ACTA_ITEM_EVENT:
		sim->tally[T_EVENT]++;
		check_event(place, item);
		break;
	default: break;
	}
}

/* I4: an ack in memory is not ahead of what is durable at the receiver. */
void
sim_check_memory(const struct acta_process *p)
{
	for (uint32_t n = 0; n < p->count; n++) {
		const struct acta_part *part = p->places[n].part;

		for (uint32_t i = 0; i < part->out_count; i++) {
			const struct acta_out *o = part->outs[i];
			const struct acta_place *to = place_named(
			    o->service, strlen(o->service), o->part);
			struct sim_in_row in;

			if (to == NULL || !trusted(&p->places[n], to))
				continue;
			(void)sim_in_row(
			    sim_view_of(to, true), &p->places[n], &in);
			if (o->acked > in.next)
				sim_violation("%s holds %llu acked by %s, "
					      "durable are %llu",
				    name_of(&p->places[n]),
				    (unsigned long long)o->acked - 1,
				    name_of(to),
				    (unsigned long long)in.next - 1);
		}
	}
}
