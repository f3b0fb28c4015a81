/* runtime/sim/ledger.c - see ledger.h. */
#include "runtime/sim/ledger.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/journal.h"

/* ---------------------------------------------------------------- views -- */

const struct acta_view *
acta_view_of(const struct acta_place *place, bool durable)
{
	static const struct acta_view nothing;
	const struct acta_view *view = acta_sim_disk_view(place->disk, durable);

	return view != NULL ? view : &nothing;
}

bool
acta_view_get(const struct acta_view *view, enum acta_table table,
    const void *key, size_t key_size, struct acta_reader *out)
{
	const struct acta_omap_row *row =
	    acta_omap_get(&view->tables[table], key, key_size);

	if (row == NULL)
		return false;
	*out = acta_reader(acta_omap_value(row), row->size);
	return true;
}

static void __attribute__((format(printf, 2, 3)))
broken(struct acta_ledger *ledger, const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	ledger->broken(ledger->self, format, text);
}

struct acta_view *
acta_view_copy(const struct acta_view *of)
{
	struct acta_view *view = acta_zalloc(1, sizeof(*view));

	if (of == NULL)
		return view;
	*view = *of;
	for (unsigned i = 0; i < ACTA_TABLES; i++)
		view->tables[i] = acta_omap_copy(&of->tables[i]);
	return view;
}

void
acta_ledger_forget(void *view)
{
	struct acta_view *v = view;

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
out_read(struct acta_reader r, struct out_row *out)
{
	bool ok = true;

	(void)acta_read_list(&r, &ok);
	out->next = acta_read_uint(&r, &ok);
	out->acked = acta_read_uint(&r, &ok);
	chain_read(&r, &out->chain_acked);
	chain_read(&r, &out->chain);
}

static void
view_out(const struct acta_view *view, const struct acta_place *to,
    struct out_row *out)
{
	struct acta_reader r;
	uint8_t key[64];

	*out = (struct out_row){ .next = 1, .acked = 1 };
	if (!acta_view_get(
		view, ACTA_T_CHANNEL, key, peer_key(key, 'o', to), &r))
		return;
	out_read(r, out);
}

static void
in_read(struct acta_reader r, struct acta_in_row *out)
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
	out->base = acta_read_uint(&r, &ok);
}

void
acta_view_in(const struct acta_view *view, const struct acta_place *from,
    struct acta_in_row *out)
{
	struct acta_reader r;
	uint8_t key[64];

	*out = (struct acta_in_row){ .next = 1 };
	if (!acta_view_get(
		view, ACTA_T_CHANNEL, key, peer_key(key, 'i', from), &r))
		return;
	in_read(r, out);
}

static struct acta_place *
place_named(const struct acta_ledger *ledger, const char *service, size_t n,
    uint32_t part)
{
	const struct acta_cluster *c = ledger->cluster;
	uint32_t end = acta_cluster_find(c, service, n);

	if (end == UINT32_MAX || part >= c->processes[end]->count)
		return NULL;
	return &c->processes[end]->places[part];
}

static const char *
name_of(const struct acta_place *place)
{
	return place->dir + strlen(place->process->cluster->name);
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

/* The row of an outbox in which message `seq` would be, and its first one's. */
static const struct acta_omap_row *
outbox_row(const struct acta_view *view, const struct acta_place *to,
    uint64_t seq, uint64_t *out_first)
{
	const struct acta_omap_row *row;
	uint8_t key[64];
	size_t n = peer_key(key, 0, to);

	for (int i = 0; i < 8; i++)
		key[n + (size_t)i] = (uint8_t)(seq >> (8 * (7 - i)));
	row = acta_omap_upto(&view->tables[ACTA_T_OUTBOX], key, n + 8);
	if (row == NULL || row->key_size != n + 8 ||
	    memcmp(row->bytes, key, n) != 0)
		return NULL;
	*out_first = be64(row->bytes + n);
	return row;
}

/* Message `seq` of those that wait for `to`; NULL: it is not there. */
static const uint8_t *
outbox_message(const struct acta_view *view, const struct acta_place *to,
    uint64_t seq, size_t *out_size)
{
	uint64_t at = 0;
	const struct acta_omap_row *row = outbox_row(view, to, seq, &at);
	const uint8_t *message = NULL;
	struct acta_reader r;

	*out_size = 0;
	if (row == NULL)
		return NULL;
	r = acta_reader(acta_omap_value(row), row->size);
	for (; at <= seq && r.at < r.end; at++)
		message = acta_read_raw(&r, out_size);
	return at > seq && *out_size > 0 ? message : NULL;
}

bool
acta_ledger_row_begins(
    const struct acta_place *place, const struct acta_place *to, uint64_t seq)
{
	uint64_t first = 0;

	return outbox_row(acta_view_of(place, true), to, seq, &first) != NULL &&
	    first == seq;
}

static uint64_t
outbox_count(const struct acta_omap_row *row)
{
	struct acta_reader r = acta_reader(acta_omap_value(row), row->size);
	uint64_t count = 0;
	size_t size = 1;

	for (; r.at < r.end && size > 0; count++)
		(void)acta_read_raw(&r, &size);
	return count;
}

/* I3, I4, I6: what a receiver took is what its sender, durably, sent; its hash
 * tells the same story. */
const char *
acta_view_disagree(const struct acta_view *view, const struct acta_place *to,
    const struct acta_in_row *in)
{
	struct out_row out;
	struct acta_hash128 chain;
	uint64_t seq;

	view_out(view, to, &out);
	if (in->next > out.next)
		return "more was taken than is durably sent";
	if (in->next < out.acked)
		return "more is acked than was taken";
	chain = out.chain_acked;
	for (seq = out.acked; seq < in->next; seq++) {
		size_t size;
		const uint8_t *message = outbox_message(view, to, seq, &size);

		if (message == NULL)
			return "a message that is not acked is missing";
		chain = chain_step(chain, seq, message, size);
	}
	return memcmp(chain.bytes, in->chain.bytes, 16) == 0
	    ? NULL
	    : "the two tell different stories";
}

const char *
acta_ledger_disagree(const struct acta_place *from, const struct acta_place *to,
    const struct acta_in_row *in)
{
	return acta_view_disagree(acta_view_of(from, true), to, in);
}

/* Between those of which none was set back, everything holds at once. */
static bool
trusted(const struct acta_ledger *ledger, const struct acta_place *a,
    const struct acta_place *b)
{
	return ledger->trusted == NULL ||
	    (ledger->trusted(ledger->self, a) &&
		ledger->trusted(ledger->self, b));
}

/* ------------------------------------------------- a commit can be seen -- */

struct change { /* one operation of a record, and the row before it */
	struct acta_ledger *ledger;
	const struct acta_place *place;
	struct acta_view *view;
	unsigned op, table; /* op: 1 put, 2 delete, 3 delete by prefix */
	const uint8_t *key;
	size_t key_size, size;
	const uint8_t *value;
	const struct acta_omap_row *was;
};

static void
check_in(const struct change *c, const struct acta_place *from)
{
	struct acta_in_row was = { .next = 1 }, is;
	const char *wrong;

	if (c->was != NULL)
		in_read(
		    acta_reader(acta_omap_value(c->was), c->was->size), &was);
	in_read(acta_reader(c->value, c->size), &is);
	if (is.next < was.next && trusted(c->ledger, c->place, from))
		broken(c->ledger, "%s: the cursor of %s goes back",
		    name_of(c->place), name_of(from));
	if (is.taken != is.handled + is.rejected + is.parked + is.dead ||
	    is.taken != is.next - is.base ||
	    (is.hist == was.hist && trusted(c->ledger, c->place, from) &&
		is.taken - was.taken != is.next - was.next))
		broken(c->ledger, "%s: taken of %s are %llu, next is %llu",
		    name_of(c->place), name_of(from),
		    (unsigned long long)is.taken, (unsigned long long)is.next);
	/* A story is begun anew where the two ends do not agree, and nowhere
	 * else: what has been taken of it would come again. */
	if (c->was != NULL && is.base != was.base && is.hist == was.hist &&
	    !from->process->store.in_memory &&
	    acta_ledger_disagree(from, c->place, &was) == NULL)
		broken(c->ledger, "%s begins anew with %s, and both agreed",
		    name_of(c->place), name_of(from));
	if (is.base != was.base) /* another story */
		was = (struct acta_in_row){ .next = is.base };
	c->ledger->taken_handled += is.handled - was.handled;
	c->ledger->taken_rejected += is.rejected - was.rejected;
	c->ledger->taken_parked += is.parked - was.parked;
	c->ledger->taken_dead += is.dead - was.dead;
	if (!trusted(c->ledger, c->place, from))
		return;
	wrong = acta_ledger_disagree(from, c->place, &is);
	if (wrong != NULL)
		broken(c->ledger, "%s takes of %s up to %llu: %s",
		    name_of(c->place), name_of(from),
		    (unsigned long long)is.next - 1, wrong);
}

static void
check_out(const struct change *c, const struct acta_place *to)
{
	struct out_row was = { .next = 1, .acked = 1 }, is;
	struct acta_in_row in;

	if (c->was != NULL)
		out_read(
		    acta_reader(acta_omap_value(c->was), c->was->size), &was);
	out_read(acta_reader(c->value, c->size), &is);
	if (is.next < was.next || is.acked < was.acked || is.acked > is.next)
		broken(c->ledger, "%s: the channel to %s goes back",
		    name_of(c->place), name_of(to));
	acta_view_in(acta_view_of(to, true), c->place, &in);
	if (is.acked > in.next && trusted(c->ledger, c->place, to))
		broken(c->ledger,
		    "%s counts %llu acked by %s, durable are %llu",
		    name_of(c->place), (unsigned long long)is.acked - 1,
		    name_of(to), (unsigned long long)in.next - 1);
}

/* [base, run]; its "i" is put by the same record, before it. */
static void
check_run(const struct change *c, const struct acta_place *from)
{
	struct acta_reader r = acta_reader(c->value, c->size);
	struct acta_in_row in;
	uint64_t base, run;
	bool ok = true;

	acta_view_in(c->view, from, &in);
	ok = acta_read_list(&r, &ok) == 2 && ok;
	base = acta_read_uint(&r, &ok);
	run = acta_read_uint(&r, &ok);
	if (!ok || base != in.base || run != in.taken)
		broken(c->ledger, "%s: run of %s are %llu, taken were %llu",
		    name_of(c->place), name_of(from), (unsigned long long)run,
		    (unsigned long long)in.taken);
}

static void
check_channel(const struct change *c)
{
	size_t n = c->key[1];
	const struct acta_place *peer =
	    place_named(c->ledger, (const char *)c->key + 2, n,
		(uint32_t)c->key[2 + n] << 8 | c->key[3 + n]);

	if (peer == NULL || c->op != 1)
		broken(c->ledger, "%s: a channel of nobody, or deleted",
		    name_of(c->place));
	else if (c->key[0] == 'i')
		check_in(c, peer);
	else if (c->key[0] == 't')
		check_run(c, peer);
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

	/* A session keeps its last one alone. */
	if (c->was == NULL || memcmp(c->key, "\xff\xff\xff", 3) == 0)
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
		broken(c->ledger, "%s: the answer under an id is changed",
		    name_of(c->place));
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
		c->ledger->dead_deleted +=
		    c->table == ACTA_T_DEAD && c->op == 2;
		if (c->op == 1 && c->was != NULL)
			broken(c->ledger,
			    "%s: a row of table %u is overwritten",
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

/* I5: what waits in an outbox for `to` is all that is not acked, whole rows from
 * the one in which the first of it is. Returns how many rows. */
static uint64_t
check_outbox_of(struct acta_ledger *ledger, const struct acta_place *place,
    const struct acta_view *view, const struct acta_place *to)
{
	uint64_t seq, first = 0, rows = 0;
	const struct acta_omap_row *row;
	struct out_row out;

	view_out(view, to, &out);
	seq = out.acked;
	while (seq < out.next) {
		row = outbox_row(view, to, seq, &first);
		if (row == NULL || first + outbox_count(row) <= seq ||
		    (rows > 0 && first != seq)) {
			broken(ledger,
			    "%s: message %llu to %s is gone before "
			    "its ack",
			    name_of(place), (unsigned long long)seq,
			    name_of(to));
			break;
		}
		seq = first + outbox_count(row);
		rows++;
	}
	return rows;
}

static void
check_outbox(struct acta_ledger *ledger, const struct acta_place *place,
    const struct acta_view *view)
{
	const struct acta_cluster *c = ledger->cluster;
	uint64_t rows = 0;

	for (uint32_t i = 0; i < c->count; i++)
		for (uint32_t n = 0; n < c->processes[i]->count; n++)
			rows += check_outbox_of(
			    ledger, place, view, &c->processes[i]->places[n]);
	if (rows != view->tables[ACTA_T_OUTBOX].count)
		broken(ledger, "%s: %zu rows wait, %llu have what is not acked",
		    name_of(place), view->tables[ACTA_T_OUTBOX].count,
		    (unsigned long long)rows);
}

/* Judged by that ledger; NULL: of a copy, by none. */
static void
apply_record(struct acta_ledger *ledger, const struct acta_place *place,
    struct acta_view *view, const struct acta_record *record)
{
	const uint8_t *at = record->ops, *end = record->ops + record->ops_size;
	bool outbox = false;

	while (at < end) {
		struct change c = { .ledger = ledger,
			.place = place,
			.view = view,
			.op = at[0],
			.table = at[1],
			.key = at + 8,
			.key_size = (size_t)at[2] | (size_t)at[3] << 8,
			.size = u32(at + 4) };

		c.value = c.key + c.key_size;
		c.was =
		    acta_omap_get(&view->tables[c.table], c.key, c.key_size);
		if (ledger != NULL)
			check_change(&c);
		apply(&c);
		outbox |= c.table == ACTA_T_OUTBOX;
		at = c.value + c.size;
	}
	if (outbox && ledger != NULL)
		check_outbox(ledger, place, view);
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
take_record(struct acta_ledger *ledger, const struct acta_place *place,
    struct acta_view *view, uint64_t turn, struct acta_buf *whole)
{
	struct acta_record record;

	if (turn != view->turn + 1)
		broken(ledger, "%s: turn %llu after %llu", name_of(place),
		    (unsigned long long)turn, (unsigned long long)view->turn);
	else if (!read_record(place->disk, turn, whole, &record))
		broken(ledger, "%s: turn %llu has no sound record",
		    name_of(place), (unsigned long long)turn);
	else if (record.now_ms < view->last_ms) /* I10 */
		broken(ledger, "%s: time goes back in turn %llu",
		    name_of(place), (unsigned long long)turn);
	apply_record(ledger, place, view, &record);
	view->turn = turn;
	view->last_ms = record.now_ms;
	ledger->hash =
	    acta_hash64_seeded(whole->data, whole->size, ledger->hash);
	ledger->turns++;
}

void *
acta_ledger_seen(
    struct acta_ledger *ledger, struct acta_sim_disk *disk, void *before)
{
	const struct acta_place *place = acta_sim_disk_user(disk);
	struct acta_view *view = acta_view_copy(before);
	const struct acta_omap_row *last =
	    acta_omap_last(acta_sim_disk_map(disk, false, ACTA_MAP_JOURNAL));
	uint64_t turn = last != NULL ? be64(last->bytes) : 0;
	struct acta_buf whole;

	if (turn == view->turn) {
		ledger->merges++;
		return view;
	}
	acta_buf_init(&whole);
	take_record(ledger, place, view, turn, &whole);
	acta_buf_fini(&whole);
	return view;
}

void *
acta_view_copied(const struct acta_view *of, const struct acta_sim_disk *disk,
    const struct acta_view *before)
{
	struct acta_view *view = acta_view_copy(before != NULL ? before : of);
	const struct acta_omap_row *last =
	    acta_omap_last(acta_sim_disk_map(disk, false, ACTA_MAP_JOURNAL));
	struct acta_record record;
	struct acta_buf whole;

	if (last == NULL || be64(last->bytes) != view->turn + 1)
		return view; /* it is being copied, or merged */
	acta_buf_init(&whole);
	if (read_record(disk, view->turn + 1, &whole, &record)) {
		apply_record(NULL, NULL, view, &record);
		view->turn++;
		view->last_ms = record.now_ms;
	}
	acta_buf_fini(&whole);
	return view;
}

/* ------------------------------------------------------- an item leaves -- */

static void
check_data(struct acta_ledger *ledger, const struct acta_place *place,
    const struct acta_item *item)
{
	const struct acta_view *view = acta_view_of(place, true);
	const struct acta_place *to =
	    place_named(ledger, item->dst.data, item->dst.size, item->dst_part);
	struct acta_reader r = acta_reader(item->body.data, item->body.size);

	if (to == NULL)
		return;
	for (uint32_t i = 0; i < item->count; i++) {
		size_t size, kept_size;
		const uint8_t *kept =
		    outbox_message(view, to, item->first + i, &kept_size);
		const void *raw = acta_read_raw(&r, &size);

		if (kept == NULL || kept_size != size ||
		    memcmp(kept, raw, size) != 0)
			broken(ledger,
			    "%s sends %llu to %s, which is not "
			    "durable so",
			    name_of(place), (unsigned long long)item->first + i,
			    name_of(to));
	}
}

static acta_value
own_row(const struct acta_place *place, const char *name, const char *field)
{
	const struct acta_omap_row *row =
	    acta_omap_get(acta_sim_disk_map(place->disk, true, ACTA_MAP_STORE),
		name, strlen(name));
	struct acta_reader r;

	if (row == NULL)
		return (acta_value){ 0 };
	r = acta_reader(acta_omap_value(row), row->size);
	return acta_map_get(acta_read(&r), field, strlen(field));
}

/* I8: who speaks is durably that history and incarnation. */
static void
check_speaker(struct acta_ledger *ledger, const struct acta_place *place,
    const struct acta_item *item)
{
	acta_value history = own_row(place, "identity", "history");
	uint64_t hist = 0;

	if (history.type == ACTA_BIN && history.size == 16)
		memcpy(&hist, history.as.data, sizeof(hist));
	if (item->hist != hist ||
	    (int64_t)item->inc !=
		acta_as_int(own_row(place, "incarnation", "count"), 0))
		broken(ledger,
		    "%s speaks as incarnation %llu, which is not "
		    "durable",
		    name_of(place), (unsigned long long)item->inc);
}

/* An ACK or WELCOME: all below `next` is durable here. */
static void
check_next(struct acta_ledger *ledger, const struct acta_place *place,
    const struct acta_item *item)
{
	const struct acta_place *from =
	    place_named(ledger, item->src.data, item->src.size, item->src_part);
	struct acta_in_row in;

	if (from == NULL)
		return;
	acta_view_in(acta_view_of(place, true), from, &in);
	if (item->next > in.next)
		broken(ledger, "%s acks %llu of %s, durable are %llu",
		    name_of(place), (unsigned long long)item->next - 1,
		    name_of(from), (unsigned long long)in.next - 1);
}

static void
check_hello(struct acta_ledger *ledger, const struct acta_place *place,
    const struct acta_item *item)
{
	const struct acta_place *to =
	    place_named(ledger, item->dst.data, item->dst.size, item->dst_part);
	struct out_row out;

	if (to == NULL)
		return;
	view_out(acta_view_of(place, true), to, &out);
	if (item->next > out.next)
		broken(ledger, "%s says it sent %llu, durable are %llu",
		    name_of(place), (unsigned long long)item->next - 1,
		    (unsigned long long)out.next - 1);
}

/* The record of an id, under whichever hour it lies. */
static bool
reply_row(
    const struct acta_view *view, const uint8_t id[16], struct acta_reader *out)
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
		/* Its hour, or the next one; there is none behind the last. */
		if (memcmp(row->bytes, key, 4) != 0) {
			memcpy(key, row->bytes, 4);
			continue;
		}
		for (int i = 3; i >= 0 && ++key[i] == 0; i--)
			if (i == 0)
				return false;
	}
	return false;
}

bool
acta_ledger_open_code(struct acta_bytes code)
{
	static const char *const codes[] = { "busy", "expired", "unavailable",
		"denied", "bad-args", "bad-request", "unknown-type",
		"id-reused", "id-expired" };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (code.data != NULL && code.size == strlen(codes[i]) &&
		    memcmp(code.data, codes[i], code.size) == 0)
			return true;
	return false;
}

void
acta_ledger_answer(struct acta_ledger *ledger, const struct acta_place *place,
    const uint8_t id[16], const struct acta_item *reply)
{
	struct acta_reader r;
	const void *result;
	bool ok = true;
	uint32_t n;
	size_t size;

	if (acta_ledger_open_code(reply->code))
		return;
	if (!reply_row(acta_view_of(place, true), id, &r)) {
		broken(ledger, "%s answers, and no record is durable",
		    name_of(place));
		return;
	}
	(void)acta_read_list(&r, &ok);
	(void)acta_read_str(&r, &n, &ok);
	(void)acta_read_bin(&r, &n, &ok);
	(void)acta_read_int(&r, &ok);
	if (acta_read_int(&r, &ok) == 0)
		broken(ledger, "%s answers what is durably pending",
		    name_of(place));
	(void)acta_read_str(&r, &n, &ok);
	(void)acta_read_str(&r, &n, &ok);
	result = acta_read_raw(&r, &size);
	if (reply->code.data == NULL &&
	    (size != reply->body.size ||
		memcmp(result, reply->body.data, size) != 0))
		broken(ledger, "%s answers another result than is durable",
		    name_of(place));
}

/* An event stands, durably, in the log under its number. */
static void
check_event(struct acta_ledger *ledger, const struct acta_place *place,
    const struct acta_item *item)
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
	if (!acta_view_get(
		acta_view_of(place, true), ACTA_T_EVENT, key, n + 9, &r)) {
		if (place->process->config.event_count > 100 &&
		    place->process->config.event_size == 0)
			broken(ledger,
			    "%s: event %llu leaves and is not in the log",
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
		broken(ledger, "%s: event %llu is another in the log",
		    name_of(place), (unsigned long long)item->seq);
}

void
acta_ledger_leaves(struct acta_ledger *ledger, const struct acta_place *place,
    const struct acta_item *item)
{
	if (item->kind >= ACTA_ITEM_DATA && item->kind <= ACTA_ITEM_WELCOME)
		check_speaker(ledger, place, item);
	switch (item->kind) {
	case ACTA_ITEM_DATA: check_data(ledger, place, item); break;
	case ACTA_ITEM_WELCOME:
		if (item->verdict != 0)
			break; /* it grants nothing */
		check_next(ledger, place, item);
		break;
	case ACTA_ITEM_ACK: check_next(ledger, place, item); break;
	case ACTA_ITEM_HELLO: check_hello(ledger, place, item); break;
	case ACTA_ITEM_EVENT: check_event(ledger, place, item); break;
	default: break;
	}
}

/* I4: an ack in memory is not ahead of what is durable at the receiver. */
void
acta_ledger_memory(struct acta_ledger *ledger, const struct acta_process *p)
{
	for (uint32_t n = 0; n < p->count; n++) {
		const struct acta_part *part = p->places[n].part;

		for (uint32_t i = 0; i < part->out_count; i++) {
			const struct acta_out *o = part->outs[i];
			const struct acta_place *to = place_named(
			    ledger, o->service, strlen(o->service), o->part);
			struct acta_in_row in;

			if (to == NULL || !trusted(ledger, &p->places[n], to))
				continue;
			acta_view_in(
			    acta_view_of(to, true), &p->places[n], &in);
			if (o->acked > in.next)
				broken(ledger,
				    "%s holds %llu acked by %s, "
				    "durable are %llu",
				    name_of(&p->places[n]),
				    (unsigned long long)o->acked - 1,
				    name_of(to),
				    (unsigned long long)in.next - 1);
		}
	}
}

/* --------------------------------------------------------------- stores -- */

/* The store as its owner reads it: trees, then journal. */
static void
check_table(struct acta_ledger *ledger, struct acta_store *store,
    const struct acta_view *view, enum acta_table table, const char *dir)
{
	const struct acta_omap *map = &view->tables[table];
	const struct acta_omap_row *want = acta_omap_from(map, "", 0, false);
	struct acta_scan *scan = acta_scan_open(store, table, "", 0);
	struct acta_row row = { 0 };

	while (acta_scan_next(scan, &row)) {
		if (want == NULL || want->key_size != row.key_size ||
		    want->size != row.value_size ||
		    memcmp(want->bytes, row.key, row.key_size) != 0 ||
		    memcmp(acta_omap_value(want), row.value, want->size) != 0)
			break;
		want = acta_omap_from(map, want->bytes, want->key_size, true);
		row.key = NULL;
	}
	if (want != NULL || row.key != NULL)
		broken(ledger, "%s: table %s is not what its records say", dir,
		    acta_table_name(table));
	if (acta_scan_close(&scan) != ACTA_OK)
		broken(ledger, "%s: table %s cannot be read", dir,
		    acta_table_name(table));
}

void
acta_ledger_store(struct acta_ledger *ledger, const struct acta_place *place)
{
	struct acta_why why = { "", "" };
	struct acta_store *store;

	if (acta_store_open_read(place->dir, &store, &why) != ACTA_OK) {
		broken(ledger, "%s cannot be read: %s", place->dir, why.text);
		return;
	}
	for (unsigned i = 0; i < ACTA_TABLES; i++)
		check_table(
		    ledger, store, acta_view_of(place, true), i, place->dir);
	acta_store_close(&store);
}
