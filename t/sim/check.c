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

struct out_row { /* CHANNEL "o", peer */
	uint64_t next, acked;
	struct acta_hash128 chain_acked, chain;
};

struct in_row { /* CHANNEL "i", peer */
	uint64_t hist, inc, next;
	struct acta_hash128 chain;
	uint64_t taken, handled, rejected, parked, dead;
};

static size_t
peer_key(
    uint8_t *out, char prefix, const char *service, size_t n, uint32_t part)
{
	size_t at = 0;

	if (prefix != 0)
		out[at++] = (uint8_t)prefix;
	out[at++] = (uint8_t)n;
	memcpy(out + at, service, n);
	at += n;
	out[at++] = (uint8_t)(part >> 8);
	out[at++] = (uint8_t)part;
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

static bool
out_row_get(const struct sim_view *view, const char *service, size_t n,
    uint32_t part, struct out_row *out)
{
	struct acta_reader r;
	uint8_t key[64];
	bool ok = true;

	*out = (struct out_row){ .next = 1, .acked = 1 };
	if (!sim_view_get(view, ACTA_T_CHANNEL, key,
		peer_key(key, 'o', service, n, part), &r))
		return false;
	(void)acta_read_list(&r, &ok);
	out->next = acta_read_uint(&r, &ok);
	out->acked = acta_read_uint(&r, &ok);
	chain_read(&r, &out->chain_acked);
	chain_read(&r, &out->chain);
	return ok;
}

static bool
in_row_get(const struct sim_view *view, const char *service, size_t n,
    uint32_t part, struct in_row *out)
{
	struct acta_reader r;
	uint8_t key[64];
	bool ok = true;

	*out = (struct in_row){ .next = 1 };
	if (!sim_view_get(view, ACTA_T_CHANNEL, key,
		peer_key(key, 'i', service, n, part), &r))
		return false;
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
	return ok;
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

static const char *
service_of(const struct acta_place *place)
{
	return place->process->config.service;
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

static const struct acta_omap_row *
outbox_row(
    const struct sim_view *view, const struct acta_place *to, uint64_t seq)
{
	uint8_t key[64];
	size_t n =
	    peer_key(key, 0, service_of(to), strlen(service_of(to)), to->index);

	for (int i = 7; i >= 0; i--)
		key[n++] = (uint8_t)(seq >> (8 * i));
	return acta_omap_get(&view->tables[ACTA_T_OUTBOX], key, n);
}

/* I3, I4, I6: what a receiver took is what its sender, durably, sent; its hash
 * tells the same story. */
static void
check_taken(const struct acta_place *to, const struct in_row *in,
    const struct acta_place *from)
{
	const struct sim_view *view = sim_view_of(from, true);
	struct out_row out;
	struct acta_hash128 chain;
	uint64_t seq;

	(void)out_row_get(
	    view, service_of(to), strlen(service_of(to)), to->index, &out);
	if (in->next > out.next) {
		sim_violation("%s took %llu of %s, which durably sent %llu",
		    name_of(to), (unsigned long long)in->next - 1,
		    name_of(from), (unsigned long long)out.next - 1);
		return;
	}
	if (in->next < out.acked) {
		sim_violation("%s has %llu of %s, which knows %llu acked",
		    name_of(to), (unsigned long long)in->next - 1,
		    name_of(from), (unsigned long long)out.acked - 1);
		return;
	}
	chain = out.chain_acked;
	for (seq = out.acked; seq < in->next; seq++) {
		const struct acta_omap_row *row = outbox_row(view, to, seq);

		if (row == NULL) {
			sim_violation("%s: row %llu to %s is not durable",
			    name_of(from), (unsigned long long)seq,
			    name_of(to));
			return;
		}
		chain = chain_step(chain, seq, acta_omap_value(row), row->size);
	}
	if (memcmp(chain.bytes, in->chain.bytes, 16) != 0)
		sim_violation("%s and %s tell different stories up to %llu",
		    name_of(from), name_of(to),
		    (unsigned long long)in->next - 1);
}

/* ------------------------------------------------- a commit can be seen -- */

/* One operation: what it says must follow from what the view said. */
static void
check_op(const struct acta_place *place, const struct sim_view *view,
    unsigned op, unsigned table, const uint8_t *key, size_t key_size,
    const void *value, size_t size)
{
	const struct acta_omap_row *was =
	    acta_omap_get(&view->tables[table], key, key_size);
	struct acta_reader before = was
	    ? acta_reader(acta_omap_value(was), was->size)
	    : acta_reader("", 0);
	struct acta_reader after = acta_reader(value, size);
	bool ok = true;

	(void)before;
	(void)after;
	(void)ok;
	if (op == 1 && table == ACTA_T_OUTBOX && was != NULL)
		sim_violation(
		    "%s: an outbox row is overwritten", name_of(place));
}

static void
apply(struct sim_view *view, unsigned op, unsigned table, const uint8_t *key,
    size_t key_size, const void *value, size_t size)
{
	struct acta_omap *map = &view->tables[table];
	const struct acta_omap_row *row;

	switch (op) {
	case 1:
		memcpy(acta_omap_put(map, key, key_size, size), value, size);
		break;
	case 2: (void)acta_omap_del(map, key, key_size); break;
	default:
		while (
		    (row = acta_omap_from(map, key, key_size, false)) != NULL &&
		    row->key_size >= key_size &&
		    memcmp(row->bytes, key, key_size) == 0) {
			uint8_t gone[ACTA_STORE_KEY_MAX];
			size_t n = row->key_size;

			memcpy(gone, row->bytes, n);
			(void)acta_omap_del(map, gone, n);
		}
	}
}

static void
apply_record(const struct acta_place *place, struct sim_view *view,
    const struct acta_record *record)
{
	const uint8_t *at = record->ops, *end = record->ops + record->ops_size;

	while (at < end) {
		unsigned op = at[0], table = at[1];
		size_t key_size = (size_t)at[2] | (size_t)at[3] << 8;
		size_t size = u32(at + 4);
		const uint8_t *key = at + 8, *value = key + key_size;

		check_op(place, view, op, table, key, key_size, value, size);
		apply(view, op, table, key, key_size, value, size);
		at = value + size;
	}
}

/* The channels as of this commit. */
static void
check_channels(const struct acta_place *place, const struct sim_view *view)
{
	const struct acta_omap *map = &view->tables[ACTA_T_CHANNEL];
	const struct acta_omap_row *row = acta_omap_from(map, "", 0, false);

	for (; row != NULL;
	     row = acta_omap_from(map, row->bytes, row->key_size, true)) {
		const char *name = (const char *)row->bytes + 2;
		size_t n = row->bytes[1];
		uint32_t part =
		    (uint32_t)row->bytes[2 + n] << 8 | row->bytes[3 + n];
		const struct acta_place *peer = place_named(name, n, part);
		struct in_row in;
		struct out_row out;

		if (peer == NULL)
			continue;
		if (row->bytes[0] == 'i') {
			(void)in_row_get(view, name, n, part, &in);
			check_taken(place, &in, peer);
			continue;
		}
		(void)out_row_get(view, name, n, part, &out);
		(void)in_row_get(sim_view_of(peer, true), service_of(place),
		    strlen(service_of(place)), place->index, &in);
		if (out.acked > in.next)
			sim_violation("%s counts %llu acked by %s, which has "
				      "durably %llu",
			    name_of(place), (unsigned long long)out.acked - 1,
			    name_of(peer), (unsigned long long)in.next - 1);
	}
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

void *
sim_check_seen(void *self, struct acta_sim_disk *disk, void *before)
{
	const struct acta_place *place = acta_sim_disk_user(disk);
	struct sim_view *view = view_copy(before);
	const struct acta_omap_row *last =
	    acta_omap_last(acta_sim_disk_map(disk, false, ACTA_MAP_JOURNAL));
	uint64_t turn = last != NULL ? be64(last->bytes) : 0;
	struct acta_record record;
	struct acta_buf whole;

	if (turn == view->turn)
		return view;
	acta_buf_init(&whole);
	if (turn != view->turn + 1)
		sim_violation("%s: turn %llu after %llu", name_of(place),
		    (unsigned long long)turn, (unsigned long long)view->turn);
	else if (!read_record(disk, turn, &whole, &record))
		sim_violation("%s: turn %llu has no sound record",
		    name_of(place), (unsigned long long)turn);
	else if (record.now_ms < view->last_ms)
		sim_violation("%s: time goes back in turn %llu", name_of(place),
		    (unsigned long long)turn);
	if (!sim->violated) {
		apply_record(place, view, &record);
		view->turn = turn;
		view->last_ms = record.now_ms;
		sim->hash =
		    acta_hash64_seeded(whole.data, whole.size, sim->hash);
		sim->tally[T_COMMITS]++;
		check_channels(place, view);
	}
	acta_buf_fini(&whole);
	return view;
}

void
sim_check_durable(void *self, struct acta_sim_disk *disk)
{
}

/* ------------------------------------------------------- an item leaves -- */

static void
check_data(const struct acta_place *place, const struct acta_item *item)
{
	const struct sim_view *view = sim_view_of(place, true);
	const struct acta_place *to =
	    place_named(item->dst.data, item->dst.size, item->dst_part);
	struct acta_reader r = acta_reader(item->body.data, item->body.size);
	struct out_row out;

	if (to == NULL)
		return;
	(void)out_row_get(
	    view, item->dst.data, item->dst.size, item->dst_part, &out);
	if (item->first + item->count > out.next) {
		sim_violation("%s sends %llu to %s, durable are %llu",
		    name_of(place),
		    (unsigned long long)item->first + item->count - 1,
		    name_of(to), (unsigned long long)out.next - 1);
		return;
	}
	for (uint32_t i = 0; i < item->count; i++) {
		const struct acta_omap_row *row =
		    outbox_row(view, to, item->first + i);
		size_t size;
		const void *raw = acta_read_raw(&r, &size);

		if (row == NULL || row->size != size ||
		    memcmp(acta_omap_value(row), raw, size) != 0)
			sim_violation("%s sends another %llu to %s than is "
				      "durable",
			    name_of(place), (unsigned long long)item->first + i,
			    name_of(to));
	}
}

static void
check_next(const struct acta_place *place, const struct acta_item *item)
{
	struct in_row in;

	(void)in_row_get(sim_view_of(place, true), item->src.data,
	    item->src.size, item->src_part, &in);
	if (item->next > in.next)
		sim_violation("%s acks %llu of %.*s/%u, durable are %llu",
		    name_of(place), (unsigned long long)item->next - 1,
		    (int)item->src.size, item->src.data, item->src_part,
		    (unsigned long long)in.next - 1);
}

static void
check_hello(const struct acta_place *place, const struct acta_item *item)
{
	struct out_row out;

	(void)out_row_get(sim_view_of(place, true), item->dst.data,
	    item->dst.size, item->dst_part, &out);
	if (item->next > out.next)
		sim_violation("%s says it sent %llu, durable are %llu",
		    name_of(place), (unsigned long long)item->next - 1,
		    (unsigned long long)out.next - 1);
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
	case ACTA_ITEM_REPLY: sim->tally[T_REPLY]++; break;
	case ACTA_ITEM_EVENT: sim->tally[T_EVENT]++; break;
	default: break;
	}
}
