/*
 * runtime/cli/reconcile.c - `acta reconcile`: both ends of every channel, from the
 * stores of a node that runs or does not. What one end says that it sent must be
 * what the other says that it took: so many, in one story, none missing between.
 *
 * A sender's row tells up to where its messages are numbered and acked, its outbox
 * holds those between; a receiver's row tells up to where it has taken, and what
 * became of them. Both carry the running hash of all messages so far. And who runs
 * messages counts them for itself: what was run twice, by whatever defect, was not
 * taken twice as well.
 *
 * Of a node that runs, the two are not of one instant: a sender is read before and
 * after its receiver, and the receiver must lie between.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/envelope.h"
#include "codecs/packer.h"
#include "runtime/cli/cli.h"
#include "store/hash.h"
#include "store/store.h"

#define TRIES 5 /* of a channel that moves while it is looked at */

struct out { /* a sender's end */
	uint64_t next, acked, peer_hist;
	struct acta_hash128 chain_acked, chain;
};

struct in { /* a receiver's end */
	bool known;
	uint64_t run, run_base; /* as who runs its messages counts */
	uint64_t hist, next, base, taken, handled, rejected, parked, dead;
	struct acta_hash128 chain;
};

struct reconcile {
	const struct acta_cli *cli;
	struct acta_places places;
	uint32_t channels, wrong;
	struct acta_buf rows; /* of the answer in JSON */
	char **cells;         /* of the table */
	int cell_count;
};

/* ------------------------------------------------------------- the ends -- */

static size_t
end_key(uint8_t *out, char kind, const struct acta_place *peer)
{
	size_t n = strlen(peer->service), at = 0;

	if (kind != 0)
		out[at++] = (uint8_t)kind;
	out[at++] = (uint8_t)n;
	memcpy(out + at, peer->service, n);
	at += n;
	out[at++] = (uint8_t)(peer->part >> 8);
	out[at++] = (uint8_t)peer->part;
	return at;
}

static void
read_chain(struct acta_reader *r, struct acta_hash128 *out, bool *ok)
{
	uint32_t n = 0;
	const void *bytes = acta_read_bin(r, &n, ok);

	if (*ok && n == sizeof(out->bytes))
		memcpy(out->bytes, bytes, sizeof(out->bytes));
	else
		*ok = false;
}

static enum acta_err
read_out(struct acta_store *store, const struct acta_place *to, struct out *out)
{
	uint8_t key[64];
	const void *value;
	size_t size;
	struct acta_reader r;
	bool ok = true;
	enum acta_err err = acta_store_get(
	    store, ACTA_T_CHANNEL, key, end_key(key, 'o', to), &value, &size);

	if (err != ACTA_OK)
		return err;
	r = acta_reader(value, size);
	ok = acta_read_list(&r, &ok) == 6 && ok;
	out->next = acta_read_uint(&r, &ok);
	out->acked = acta_read_uint(&r, &ok);
	read_chain(&r, &out->chain_acked, &ok);
	read_chain(&r, &out->chain, &ok);
	out->peer_hist = acta_read_uint(&r, &ok);
	return ok ? ACTA_OK : ACTA_ECORRUPT;
}

static enum acta_err
read_in(struct acta_store *store, const struct acta_place *from, struct in *in)
{
	uint8_t key[64];
	const void *value;
	size_t size;
	struct acta_reader r;
	bool ok = true;
	enum acta_err err = acta_store_get(
	    store, ACTA_T_CHANNEL, key, end_key(key, 'i', from), &value, &size);

	*in = (struct in){ .next = 1, .base = 1 };
	if (err == ACTA_ENOENT)
		return ACTA_OK;
	if (err != ACTA_OK)
		return err;
	r = acta_reader(value, size);
	ok = acta_read_list(&r, &ok) == 12 && ok;
	in->known = true;
	in->hist = acta_read_uint(&r, &ok);
	(void)acta_read_uint(&r, &ok); /* incarnation */
	(void)acta_read_uint(&r, &ok); /* and its random part */
	in->next = acta_read_uint(&r, &ok);
	read_chain(&r, &in->chain, &ok);
	in->taken = acta_read_uint(&r, &ok);
	in->handled = acta_read_uint(&r, &ok);
	in->rejected = acta_read_uint(&r, &ok);
	in->parked = acta_read_uint(&r, &ok);
	in->dead = acta_read_uint(&r, &ok);
	in->base = in->run_base = acta_read_uint(&r, &ok);
	in->run = in->taken;
	if (!ok)
		return ACTA_ECORRUPT;
	err = acta_store_get(
	    store, ACTA_T_CHANNEL, key, end_key(key, 't', from), &value, &size);
	if (err != ACTA_OK)
		return err == ACTA_ENOENT ? ACTA_OK : err;
	r = acta_reader(value, size);
	ok = acta_read_list(&r, &ok) == 2 && ok;
	in->run_base = acta_read_uint(&r, &ok);
	in->run = acta_read_uint(&r, &ok);
	return ok ? ACTA_OK : ACTA_ECORRUPT;
}

static void
step(struct acta_hash128 *chain, uint64_t seq, const void *data, size_t size)
{
	uint8_t head[8];

	for (int i = 0; i < 8; i++)
		head[i] = (uint8_t)(seq >> (8 * i));
	*chain = acta_hash128_chain(*chain, head, sizeof(head));
	*chain = acta_hash128_chain(*chain, data, size);
}

/* What is said of the first message of a row: its seq, and what it is. */
static void
name_message(char *out, size_t room, uint64_t seq, const struct acta_row *row)
{
	struct acta_reader r = acta_reader(row->value, row->value_size);
	struct acta_message m;

	if (acta_message_decode(&r, &m) == ACTA_OK)
		snprintf(out, room, "#%" PRIu64 ", \"%.*s\" of %.*s", seq,
		    (int)m.type.size, m.type.data, (int)m.from.size,
		    m.from.data);
	else
		snprintf(out, room, "#%" PRIu64, seq);
}

struct walk { /* through an outbox */
	struct acta_hash128 chain, at_in;
	uint64_t seq;
	char why[300];
};

/* One row: messages first, first + 1, ... False: something is wrong with it. */
static bool
walk_row(struct walk *w, const struct out *out, const struct in *in,
    uint64_t first, const struct acta_row *row)
{
	struct acta_reader r = acta_reader(row->value, row->value_size);
	size_t size = 1;

	/* A row goes once the last of it is acked. */
	if (first > w->seq) {
		char next[200];

		name_message(next, sizeof(next), first, row);
		snprintf(w->why, sizeof(w->why),
		    first - w->seq == 1
			? "message #%" PRIu64
			  " is missing from the outbox, before %s"
			: "messages from #%" PRIu64
			  " on are missing from the outbox, before %s",
		    w->seq, next);
		return false;
	}
	for (uint64_t seq = first; size > 0; seq++) {
		const void *data = acta_read_raw(&r, &size);

		if (size == 0 || seq < out->acked)
			continue;
		if (seq != w->seq) {
			snprintf(w->why, sizeof(w->why),
			    "message #%" PRIu64 " is there twice", seq);
			return false;
		}
		if (seq == in->next)
			w->at_in = w->chain;
		step(&w->chain, seq, data, size);
		w->seq++;
	}
	return true;
}

static bool
walk_outbox(struct acta_store *store, const struct acta_place *to,
    const struct out *out, const struct in *in, struct walk *w)
{
	uint8_t prefix[64];
	size_t n = end_key(prefix, 0, to);
	struct acta_scan *scan =
	    acta_scan_open(store, ACTA_T_OUTBOX, prefix, n);
	struct acta_row row;
	bool ok = true;

	*w = (struct walk){ .chain = out->chain_acked,
		.at_in = out->chain_acked,
		.seq = out->acked };
	while (ok && acta_scan_next(scan, &row)) {
		uint64_t first = 0;

		if (row.key_size != n + 8)
			continue;
		for (int i = 0; i < 8; i++)
			first = first << 8 | ((const uint8_t *)row.key)[n + i];
		ok = walk_row(w, out, in, first, &row);
	}
	if (acta_scan_close(&scan) != ACTA_OK) {
		snprintf(w->why, sizeof(w->why), "the outbox cannot be read");
		return false;
	}
	if (ok && w->seq != out->next) {
		snprintf(w->why, sizeof(w->why),
		    "messages #%" PRIu64 " to #%" PRIu64
		    " are missing from the outbox",
		    w->seq, out->next - 1);
		return false;
	}
	if (ok && memcmp(w->chain.bytes, out->chain.bytes, 16) != 0) {
		snprintf(w->why, sizeof(w->why),
		    "a message in the outbox is not what was sent");
		return false;
	}
	if (in->next == out->next)
		w->at_in = w->chain;
	return ok;
}

/* ------------------------------------------------------------ a channel -- */

struct verdict {
	enum { AGREES, WRONG, MOVES } is;
	bool in_memory; /* its receiver: nothing can be said of what it took */
	struct out out;
	struct in in;
	char why[300];
};

static void wrong(struct verdict *v, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void
wrong(struct verdict *v, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(v->why, sizeof(v->why), format, ap);
	va_end(ap);
	v->is = WRONG;
}

/* The receiver's own books. */
static void
judge_in(struct verdict *v)
{
	const struct in *in = &v->in;

	if (in->taken != in->handled + in->rejected + in->parked + in->dead)
		wrong(v,
		    "%" PRIu64 " were taken, and of %" PRIu64
		    " is written down what became of them",
		    in->taken,
		    in->handled + in->rejected + in->parked + in->dead);
	else if (in->taken > in->next - in->base)
		wrong(v,
		    "%" PRIu64 " messages were taken more than once: #%" PRIu64
		    " to #%" PRIu64 " are %" PRIu64 ", taken were %" PRIu64,
		    in->taken - (in->next - in->base), in->base, in->next - 1,
		    in->next - in->base, in->taken);
	else if (in->taken < in->next - in->base)
		wrong(v,
		    "%" PRIu64 " messages were passed over: #%" PRIu64
		    " to #%" PRIu64 " are %" PRIu64 ", taken were %" PRIu64,
		    in->next - in->base - in->taken, in->base, in->next - 1,
		    in->next - in->base, in->taken);
	else if (in->run_base != in->base)
		wrong(v,
		    "taken is counted from #%" PRIu64 ", run from #%" PRIu64,
		    in->base, in->run_base);
	else if (in->run > in->taken)
		wrong(v,
		    "%" PRIu64 " messages were taken more than once: %" PRIu64
		    " were run, #%" PRIu64 " to #%" PRIu64 " are %" PRIu64,
		    in->run - in->taken, in->run, in->base, in->next - 1,
		    in->taken);
	else if (in->run < in->taken)
		wrong(v,
		    "%" PRIu64 " messages were taken and not run: of #%" PRIu64
		    " to #%" PRIu64 " %" PRIu64 " were",
		    in->taken - in->run, in->base, in->next - 1, in->run);
}

static void
judge(struct verdict *v, struct acta_store *from, const struct acta_place *to,
    uint64_t from_hist, uint64_t acked_before)
{
	const struct out *out = &v->out;
	const struct in *in = &v->in;
	struct walk walk;

	v->is = AGREES;
	if (in->known)
		judge_in(v);
	if (v->is != AGREES)
		return;
	if (in->known && in->hist != from_hist)
		wrong(v, "it took from another store than is there now");
	else if (in->next < acked_before)
		wrong(v,
		    "messages #%" PRIu64 " to #%" PRIu64
		    " were acked, and it has not got them: its store is older",
		    in->next, acked_before - 1);
	else if (in->next > out->next)
		wrong(v,
		    "it took up to #%" PRIu64 ", sent were up to #%" PRIu64
		    ": the sender's store is older",
		    in->next - 1, out->next - 1);
	else if (!walk_outbox(from, to, out, in, &walk))
		wrong(v, "%s", walk.why);
	else if (in->known && in->next < out->acked)
		v->is = MOVES; /* acked since it was read */
	else if (in->known &&
	    memcmp(walk.at_in.bytes, in->chain.bytes, 16) != 0)
		wrong(v,
		    "up to #%" PRIu64 " it took other messages than were sent",
		    in->next - 1);
}

static struct acta_store *
open_place(const struct acta_place *place, struct verdict *v)
{
	struct acta_store *store = NULL;
	struct acta_why why = { "", "" };
	enum acta_err err = acta_store_open_read(place->dir, &store, &why);

	if (err != ACTA_OK)
		wrong(v, "%s.%u cannot be read: %.200s", place->service,
		    place->part, why.text[0] ? why.text : acta_strerror(err));
	return store;
}

/* Sender, receiver, sender: what is acked at first was taken, what is sent at
 * last is all that could be. */
static void
look(const struct acta_place *from, const struct acta_place *to,
    struct verdict *v)
{
	struct acta_store *store = open_place(from, v);
	struct acta_store_id id;
	uint64_t hist, acked = 1;
	enum acta_err err;

	if (store == NULL)
		return;
	err = read_out(store, to, &v->out);
	acked = v->out.acked;
	acta_store_close(&store);
	if (err == ACTA_OK && (store = open_place(to, v)) != NULL) {
		err = read_in(store, from, &v->in);
		acta_store_close(&store);
	}
	if (err == ACTA_OK && v->is != WRONG &&
	    (store = open_place(from, v)) != NULL) {
		id = acta_store_id(store);
		memcpy(&hist, id.history, sizeof(hist));
		err = read_out(store, to, &v->out);
		if (err == ACTA_OK)
			judge(v, store, to, hist, acked);
		acta_store_close(&store);
	}
	if (err != ACTA_OK)
		wrong(v, "a row of the channel cannot be read: %s",
		    acta_strerror(err));
}

/* There is no store at the other end: it is in memory, it never was up, or it is
 * lost. What was acked was taken by one. */
static void
look_alone(const struct acta_place *from, const struct acta_place *to,
    struct verdict *v)
{
	struct acta_store *store = open_place(from, v);
	struct walk walk;
	enum acta_err err;

	if (store == NULL)
		return;
	v->in = (struct in){ .next = 1, .base = 1 };
	err = read_out(store, to, &v->out);
	if (err != ACTA_OK) {
		wrong(v, "a row of the channel cannot be read: %s",
		    acta_strerror(err));
	} else if (acta_history_in_memory(v->out.peer_hist)) {
		v->in.next = v->out.acked;
		v->in.taken = v->out.acked - 1;
		v->in_memory = true;
	} else if (v->out.acked > 1) {
		wrong(v, "there is no such store");
	}
	if (err == ACTA_OK && v->is == AGREES &&
	    !walk_outbox(store, to, &v->out, &v->in, &walk))
		wrong(v, "%s", walk.why);
	acta_store_close(&store);
}

static void
pack_place(struct acta_buf *b, const struct acta_place *place)
{
	char *text = acta_text_keepf("%s.%u", place->service, place->part);

	acta_pack_text(b, text);
	free(text);
}

static void
report(struct reconcile *r, const struct acta_place *from,
    const struct acta_place *to, const struct verdict *v)
{
	struct acta_buf *b = &r->rows;
	uint64_t waiting = v->out.next - v->in.next;

	r->channels++;
	r->wrong += v->is != AGREES;
	if (v->in.next > v->out.next)
		waiting = 0;
	acta_pack_map(b, 10);
	acta_pack_text(b, "from");
	pack_place(b, from);
	acta_pack_text(b, "to");
	pack_place(b, to);
	acta_pack_text(b, "agrees");
	acta_pack_bool(b, v->is == AGREES);
	acta_pack_text(b, "sent");
	acta_pack_uint(b, v->out.next - 1);
	acta_pack_text(b, "taken");
	acta_pack_uint(b, v->in.taken);
	acta_pack_text(b, "waiting");
	acta_pack_uint(b, waiting);
	acta_pack_text(b, "parked");
	acta_pack_uint(b, v->in.parked);
	acta_pack_text(b, "dead");
	acta_pack_uint(b, v->in.dead);
	acta_pack_text(b, "in_memory");
	acta_pack_bool(b, v->in_memory);
	acta_pack_text(b, "why");
	acta_pack_text(b, v->why);
	r->cells =
	    realloc(r->cells, (size_t)(r->cell_count + 6) * sizeof(*r->cells));
	if (r->cells == NULL)
		abort();
	r->cells[r->cell_count++] =
	    acta_text_keepf("%s.%u", from->service, from->part);
	r->cells[r->cell_count++] =
	    acta_text_keepf("%s.%u", to->service, to->part);
	r->cells[r->cell_count++] =
	    acta_text_keepf("%" PRIu64, v->out.next - 1);
	r->cells[r->cell_count++] = acta_text_keepf("%" PRIu64, v->in.taken);
	r->cells[r->cell_count++] = acta_text_keepf("%" PRIu64, waiting);
	r->cells[r->cell_count++] = acta_text_keepf("%s%s",
	    v->is != AGREES    ? ""
		: v->in_memory ? "in memory: only what was sent is known"
			       : "agrees",
	    v->why);
}

static void
channel(struct reconcile *r, const struct acta_place *from,
    const struct acta_place *to)
{
	struct verdict v = { .is = MOVES };

	for (int i = 0; i < TRIES && v.is == MOVES; i++)
		look(from, to, &v);
	if (v.is == MOVES)
		wrong(&v, "it moves too fast to be looked at: ask again");
	report(r, from, to, &v);
}

/* All that a store sends to. */
static void
channels_of(struct reconcile *r, const struct acta_place *from)
{
	struct verdict v = { .is = AGREES };
	struct acta_store *store = open_place(from, &v);
	struct acta_scan *scan;
	struct acta_row row;
	struct acta_place *peers = NULL;
	uint32_t count = 0;

	if (store == NULL) {
		acta_sayf(0, NULL, "%s", v.why);
		r->wrong++;
		return;
	}
	scan = acta_scan_open(store, ACTA_T_CHANNEL, "o", 1);
	while (acta_scan_next(scan, &row)) {
		const uint8_t *k = row.key;

		if (row.key_size < 4 || row.key_size != 4u + k[1])
			continue;
		peers = realloc(peers, (count + 1) * sizeof(*peers));
		if (peers == NULL)
			abort();
		peers[count++] = (struct acta_place){
			acta_text_keepf("%.*s", (int)k[1], (const char *)k + 2),
			NULL, (uint32_t)k[2 + k[1]] << 8 | k[3 + k[1]]
		};
	}
	if (acta_scan_close(&scan) != ACTA_OK)
		r->wrong++;
	acta_store_close(&store);
	for (uint32_t i = 0; i < count; i++) {
		const struct acta_place *to = acta_places_get(
		    &r->places, peers[i].service, peers[i].part);

		if (to != NULL) {
			channel(r, from, to);
		} else {
			v = (struct verdict){ .is = AGREES };
			look_alone(from, &peers[i], &v);
			report(r, from, &peers[i], &v);
		}
		free(peers[i].service);
	}
	free(peers);
}

/* --------------------------------------------------------------- command -- */

static void
print(struct reconcile *r)
{
	struct acta_buf b, out;

	if (!r->cli->json) {
		if (r->channels > 0)
			acta_out_table(r->cells, 6, (int)r->channels + 1, -1);
		acta_out_flush();
		if (r->wrong == 0)
			acta_sayf(0, NULL,
			    "%u channels: nothing is lost, nothing was taken "
			    "twice",
			    r->channels);
		else
			acta_sayf(0, NULL, "%u of %u channels do not agree",
			    r->wrong, r->channels);
		return;
	}
	acta_buf_init(&b);
	acta_buf_init(&out);
	acta_pack_map(&b, 2);
	acta_pack_text(&b, "agrees");
	acta_pack_bool(&b, r->wrong == 0);
	acta_pack_text(&b, "channels");
	acta_pack_list(&b, r->channels);
	acta_pack_raw(&b, r->rows.data, r->rows.size);
	acta_out_json(b.data, b.size, &out);
	acta_out_line(&out);
	acta_buf_fini(&b);
	acta_buf_fini(&out);
}

/* The folder that was named, or the running node's. */
static int
find_data(const struct acta_cli *cli, char **out)
{
	struct acta_at at = { 0 };
	int code;

	if (cli->argc > 0) {
		*out = acta_text_keepf("%s", cli->argv[0]);
		return ACTA_EXIT_OK;
	}
	code = acta_at_find(cli, &at);
	if (code == ACTA_EXIT_OK)
		code = acta_root_data(cli, &at, NULL, out);
	acta_at_fini(&at);
	return code;
}

int
acta_cmd_reconcile(struct acta_cli *cli)
{
	static const char *const head[] = { "FROM", "TO", "SENT", "TAKEN",
		"WAITING", "" };
	struct reconcile r = { .cli = cli };
	char *data = NULL;
	int code = find_data(cli, &data);

	if (code != ACTA_EXIT_OK)
		return code;
	acta_buf_init(&r.rows);
	r.cells = malloc(sizeof(head));
	if (r.cells == NULL)
		abort();
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		r.cells[r.cell_count++] = acta_text_keepf("%s", head[i]);
	if (!acta_places_find(&r.places, data))
		code = acta_sayf(ACTA_EXIT_NOT_FOUND,
		    "it is the folder `data` of a node's config", "%s: %s",
		    data, strerror(errno));
	else if (r.places.count == 0)
		code = acta_sayf(ACTA_EXIT_NOT_FOUND,
		    "it is the folder `data` of a node's config",
		    "%s: there is no store in it", data);
	for (uint32_t i = 0; i < r.places.count; i++)
		channels_of(&r, &r.places.list[i]);
	if (code == ACTA_EXIT_OK)
		print(&r);
	for (int i = 0; i < r.cell_count; i++)
		free(r.cells[i]);
	free(r.cells);
	acta_places_fini(&r.places);
	acta_buf_fini(&r.rows);
	free(data);
	return code != ACTA_EXIT_OK ? code
	    : r.wrong == 0          ? ACTA_EXIT_OK
				    : ACTA_EXIT_PROBLEMS;
}
