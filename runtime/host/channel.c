/*
 * runtime/host/channel.c - both ends of a partition's channels (CORE 3, 4).
 *
 * A sender speaks only after WELCOME has answered its HELLO; whatever goes
 * wrong on the way (a gap, silence, a peer that came up anew) is mended by the
 * same HELLO, so there is one way to agree on where to go on.
 */
#include "runtime/host/part.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"
#include "runtime/host/verdict.h"

static size_t
peer_key(uint8_t *out, char prefix, const char *service, uint32_t part)
{
	size_t n = strlen(service), at = 0;

	if (prefix != 0)
		out[at++] = (uint8_t)prefix;
	out[at++] = (uint8_t)n;
	memcpy(out + at, service, n);
	at += n;
	out[at++] = (uint8_t)(part >> 8);
	out[at++] = (uint8_t)part;
	return at;
}

static size_t
outbox_key(uint8_t *out, const struct acta_out *o, uint64_t seq)
{
	size_t at = peer_key(out, 0, o->service, o->part);

	for (int i = 7; i >= 0; i--)
		out[at++] = (uint8_t)(seq >> (8 * i));
	return at;
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

struct acta_out *
acta_channel_out(
    struct acta_part *part, const char *service, uint32_t peer_part)
{
	struct acta_out *o;

	for (uint32_t i = 0; i < part->out_count; i++) {
		o = &part->outs[i];
		if (o->part == peer_part && strcmp(o->service, service) == 0)
			return o;
	}
	part->outs =
	    realloc(part->outs, (part->out_count + 1) * sizeof(*part->outs));
	if (part->outs == NULL)
		abort();
	o = &part->outs[part->out_count++];
	*o = (struct acta_out){
		.part = peer_part, .next = 1, .acked = 1, .acked_stored = 1
	};
	acta_buf_init(&o->cache);
	snprintf(o->service, sizeof(o->service), "%s", service);
	return o;
}

static struct acta_in *
channel_in(
    struct acta_part *part, struct acta_bytes service, uint32_t peer, bool make)
{
	struct acta_in *in;

	for (uint32_t i = 0; i < part->in_count; i++) {
		in = &part->ins[i];
		if (in->part == peer && strlen(in->service) == service.size &&
		    memcmp(in->service, service.data, service.size) == 0)
			return in;
	}
	if (!make || service.size > ACTA_SERVICE_MAX)
		return NULL;
	part->ins =
	    realloc(part->ins, (part->in_count + 1) * sizeof(*part->ins));
	if (part->ins == NULL)
		abort();
	in = &part->ins[part->in_count++];
	*in = (struct acta_in){ .part = peer };
	memcpy(in->service, service.data, service.size);
	return in;
}

static void
read_chain(struct acta_reader *r, struct acta_hash128 *out, bool *ok)
{
	uint32_t n;
	const void *p = acta_read_bin(r, &n, ok);

	if (*ok && n == 16)
		memcpy(out->bytes, p, 16);
	else
		*ok = false;
}

static bool
load_row(struct acta_part *part, const struct acta_row *row)
{
	const uint8_t *k = row->key;
	struct acta_reader r = acta_reader(row->value, row->value_size);
	bool ok = row->key_size >= 4 && row->key_size == 4u + k[1] &&
	    k[1] <= ACTA_SERVICE_MAX;
	struct acta_bytes name;
	uint32_t peer;

	if (!ok)
		return false;
	name = (struct acta_bytes){ (const char *)k + 2, k[1] };
	peer = (uint32_t)k[2 + k[1]] << 8 | k[3 + k[1]];
	if (k[0] == 'o') {
		char text[ACTA_SERVICE_MAX + 1] = "";
		struct acta_out *o;

		memcpy(text, name.data, name.size);
		o = acta_channel_out(part, text, peer);
		ok = acta_read_list(&r, &ok) == 6 && ok;
		o->next = acta_read_uint(&r, &ok);
		o->acked = o->acked_stored = acta_read_uint(&r, &ok);
		read_chain(&r, &o->chain_acked, &ok);
		read_chain(&r, &o->chain, &ok);
		o->peer_hist = acta_read_uint(&r, &ok);
		o->bytes = acta_read_uint(&r, &ok);
	} else {
		struct acta_in *in = channel_in(part, name, peer, true);

		ok = acta_read_list(&r, &ok) == 9 && ok;
		in->hist = acta_read_uint(&r, &ok);
		in->inc = acta_read_uint(&r, &ok);
		in->next = acta_read_uint(&r, &ok);
		read_chain(&r, &in->chain, &ok);
		in->taken = acta_read_uint(&r, &ok);
		in->handled = acta_read_uint(&r, &ok);
		in->rejected = acta_read_uint(&r, &ok);
		in->parked = acta_read_uint(&r, &ok);
		in->dead = acta_read_uint(&r, &ok);
	}
	return ok;
}

enum acta_err
acta_channels_load(struct acta_part *part)
{
	struct acta_scan *scan =
	    acta_scan_open(part->store, ACTA_T_CHANNEL, "", 0);
	struct acta_row row;
	bool ok = true;
	enum acta_err err;

	while (ok && acta_scan_next(scan, &row))
		ok = load_row(part, &row);
	err = acta_scan_close(&scan);
	return err != ACTA_OK ? err : ok ? ACTA_OK : ACTA_ECORRUPT;
}

/* Messages of other services may use the reserve (a quarter more), so that a
 * cycle of full channels can drain (CORE 4.3). */
bool
acta_channel_room(
    const struct acta_part *part, struct acta_out *out, bool inside)
{
	uint64_t quota = part->config.channel_quota;

	return out->bytes < (inside ? quota + quota / 4 : quota);
}

/* ------------------------------------------------- rows kept in memory -- */

static void
cache_append(struct acta_out *o, uint64_t seq, const void *data, size_t size)
{
	uint32_t n = (uint32_t)size;

	if (o->cache_first == o->cache_end) { /* empty: begin here */
		acta_buf_reset(&o->cache);
		o->cache_at = o->walk_at = 0;
		o->cache_first = o->cache_end = o->walk_seq = seq;
	}
	if (o->cache_end != seq ||
	    o->cache.size - o->cache_at > ACTA_OUT_CACHE_BYTES)
		return;
	acta_buf_append(&o->cache, &n, 4);
	acta_buf_append(&o->cache, data, size);
	o->cache_end++;
}

/* Row `seq`, if it is here: in order, each is one step from the last. */
static const uint8_t *
cache_row(struct acta_out *o, uint64_t seq, size_t *out_size)
{
	uint32_t n;

	if (seq < o->cache_first || seq >= o->cache_end)
		return NULL;
	if (seq < o->walk_seq || o->walk_seq < o->cache_first) {
		o->walk_seq = o->cache_first;
		o->walk_at = o->cache_at;
	}
	for (; o->walk_seq < seq; o->walk_seq++) {
		memcpy(&n, o->cache.data + o->walk_at, 4);
		o->walk_at += 4 + n;
	}
	memcpy(&n, o->cache.data + o->walk_at, 4);
	*out_size = n;
	return o->cache.data + o->walk_at + 4;
}

/* Rows below `seq` are acked. */
static void
cache_trim(struct acta_out *o, uint64_t seq)
{
	uint32_t n;

	for (; o->cache_first < seq && o->cache_first < o->cache_end;
	     o->cache_first++) {
		memcpy(&n, o->cache.data + o->cache_at, 4);
		o->cache_at += 4 + n;
	}
	if (o->cache_at < (1u << 20) || o->cache_at * 2 < o->cache.size)
		return;
	memmove(o->cache.data, o->cache.data + o->cache_at,
	    o->cache.size - o->cache_at);
	o->cache.size -= o->cache_at;
	o->walk_at = o->walk_at > o->cache_at ? o->walk_at - o->cache_at : 0;
	if (o->walk_seq < o->cache_first) {
		o->walk_seq = o->cache_first;
		o->walk_at = 0;
	}
	o->cache_at = 0;
}

void
acta_channel_append(
    struct acta_part *part, struct acta_out *out, const void *data, size_t size)
{
	uint8_t key[64];
	size_t n = outbox_key(key, out, out->next);

	acta_store_put(part->store, ACTA_T_OUTBOX, key, n, data, size);
	cache_append(out, out->next, data, size);
	out->chain = chain_step(out->chain, out->next, data, size);
	out->next++;
	out->bytes += size;
	out->dirty = true;
}

/* Rows below `next` are durable at the peer: walk the chain over them, so that
 * the hash before the first one kept is known. */
static void
ack_row(struct acta_out *o, const void *data, size_t size)
{
	o->chain_acked = chain_step(o->chain_acked, o->acked, data, size);
	o->bytes -= size < o->bytes ? size : o->bytes;
	o->acked++;
}

static bool
ack_to(struct acta_part *part, struct acta_out *o, uint64_t next)
{
	uint8_t prefix[64], from[8];
	size_t n = peer_key(prefix, 0, o->service, o->part), size;
	const uint8_t *cached;
	struct acta_scan *scan;
	struct acta_row row;
	bool ok = true;

	if (next <= o->acked)
		return true;
	if (next > o->next)
		return false;
	while (o->acked < next && o->acked >= o->cache_first &&
	    o->acked < o->cache_end) {
		uint32_t bytes;

		/* The front of the cache: not where sending has walked to. */
		cache_trim(o, o->acked);
		memcpy(&bytes, o->cache.data + o->cache_at, 4);
		cached = o->cache.data + o->cache_at + 4;
		size = bytes;
		ack_row(o, cached, size);
	}
	cache_trim(o, o->acked);
	if (o->acked == next)
		return true;
	for (int i = 0; i < 8; i++)
		from[i] = (uint8_t)(o->acked >> (8 * (7 - i)));
	scan =
	    acta_scan_open_at(part->store, ACTA_T_OUTBOX, prefix, n, from, 8);
	while (ok && o->acked < next && (ok = acta_scan_next(scan, &row)))
		ack_row(o, row.value, row.value_size);
	if (acta_scan_close(&scan) != ACTA_OK)
		ok = false;
	cache_trim(o, o->acked);
	return ok;
}

static void
hello(struct acta_part *part, struct acta_out *o, int64_t now_ms)
{
	struct acta_item item = { .kind = ACTA_ITEM_HELLO };

	o->state = ACTA_OUT_HELLO;
	o->nonce = acta_part_random(part) >> 1;
	o->hello_ms = now_ms;
	item.src = (struct acta_bytes){ part->config.service,
		(uint32_t)strlen(part->config.service) };
	item.src_part = part->config.part;
	item.dst =
	    (struct acta_bytes){ o->service, (uint32_t)strlen(o->service) };
	item.dst_part = o->part;
	item.hist = part->hist;
	item.inc = part->id.incarnation;
	item.nonce = o->nonce;
	item.acked = o->acked;
	item.next = o->next;
	item.chain = o->chain_acked.bytes;
	item.in_memory = part->loaded->service->in_memory;
	part->port.to_part(part->port.self, o->service, o->part, &item);
}

void
acta_part_peer(struct acta_part *part, const char *service, uint32_t peer_part,
    int64_t now_ms)
{
	for (uint32_t i = 0; i < part->out_count; i++) {
		struct acta_out *o = &part->outs[i];

		if (strcmp(o->service, service) != 0 ||
		    (peer_part != UINT32_MAX && o->part != peer_part) ||
		    o->state == ACTA_OUT_STOPPED)
			continue;
		o->state = ACTA_OUT_DOWN;
		if (o->next > o->acked)
			hello(part, o, now_ms);
	}
}

static void
stop_out(struct acta_part *part, struct acta_out *o, const char *what)
{
	char name[64], text[160];

	o->state = ACTA_OUT_STOPPED;
	snprintf(name, sizeof(name), "channel-%.32s.%u", o->service, o->part);
	snprintf(text, sizeof(text), "channel to %.32s.%u stopped: %s",
	    o->service, o->part, what);
	part->port.alarm(part->port.self, name, text);
}

/* ------------------------------------------------------- the receiver -- */

/* The item that answers another, with src and dst as they were. */
static struct acta_item
back(const struct acta_part *part, const struct acta_item *item, uint32_t kind)
{
	struct acta_item out = { .kind = kind };

	out.src = item->src;
	out.src_part = item->src_part;
	out.dst = item->dst;
	out.dst_part = item->dst_part;
	out.hist = part->hist;
	out.inc = part->id.incarnation;
	return out;
}

static void
send_back(struct acta_part *part, const struct acta_item *out)
{
	char service[ACTA_SERVICE_MAX + 1] = "";

	if (out->src.size > ACTA_SERVICE_MAX)
		return;
	memcpy(service, out->src.data, out->src.size);
	part->port.to_part(part->port.self, service, out->src_part, out);
}

static enum acta_verdict
judge_hello(
    struct acta_part *part, struct acta_in *in, const struct acta_item *item)
{
	if (in->next == 0) { /* never met */
		if (item->acked > 1 && !item->in_memory &&
		    !part->loaded->service->in_memory)
			return ACTA_VERDICT_RECEIVER_NEW;
		return ACTA_VERDICT_FRESH;
	}
	if (item->hist != in->hist)
		return item->in_memory ? ACTA_VERDICT_FRESH
				       : ACTA_VERDICT_SENDER_NEW;
	if (item->inc < in->inc)
		return ACTA_VERDICT_FENCED;
	if (in->next > item->next)
		return ACTA_VERDICT_SENDER_BACK;
	if (in->next < item->acked)
		return ACTA_VERDICT_RECEIVER_BACK;
	return ACTA_VERDICT_GO;
}

static void
on_hello(struct acta_part *part, const struct acta_item *item)
{
	struct acta_in *in = channel_in(part, item->src, item->src_part, true);
	struct acta_item out = back(part, item, ACTA_ITEM_WELCOME);
	enum acta_verdict verdict;

	if (in == NULL || item->acked == 0 || item->next < item->acked)
		return;
	verdict = judge_hello(part, in, item);
	if (verdict == ACTA_VERDICT_FRESH) {
		in->hist = item->hist;
		in->next = item->acked;
		memcpy(in->chain.bytes, item->chain, 16);
		verdict = ACTA_VERDICT_GO;
		in->dirty = true;
	}
	if (verdict == ACTA_VERDICT_GO) {
		if (!in->open || in->inc != item->inc || in->queued < in->next)
			in->queued = in->next;
		in->open = true;
		in->nacked = false;
		in->bytes = 0;
		if (in->inc != item->inc) {
			in->inc = item->inc;
			in->dirty = true;
		}
	} else if (verdict != ACTA_VERDICT_FENCED) {
		in->open = false;
		in->stopped = true;
		part->port.alarm(
		    part->port.self, in->service, acta_verdict_text(verdict));
	}
	out.verdict = verdict;
	out.nonce = item->nonce;
	out.next = in->next;
	out.chain = in->chain.bytes;
	out.credit = part->intake_stopped ? 0 : part->config.channel_credit;
	send_back(part, &out);
}

static void
on_data(struct acta_part *part, const struct acta_item *item)
{
	struct acta_in *in = channel_in(part, item->src, item->src_part, false);

	if (in == NULL || !in->open || in->hist != item->hist ||
	    in->inc != item->inc) {
		/* No HELLO was heard: ask for one. */
		struct acta_item out = back(part, item, ACTA_ITEM_NACK);

		part->dropped++;
		out.next = 0;
		send_back(part, &out);
		return;
	}
	/* What waits in the inbox already is not taken in again. */
	if (item->first + item->count <= in->queued) {
		in->want_ack = true;
		return;
	}
	if (item->first > in->queued) {
		in->nacked = true;
		return;
	}
	in->queued = item->first + item->count;
	acta_buf_reset(&part->scratch);
	acta_item_encode(&part->scratch, item);
	acta_buf_append(
	    &part->inbox, &(uint32_t){ (uint32_t)part->scratch.size }, 4);
	acta_buf_append(&part->inbox, part->scratch.data, part->scratch.size);
}

/* --------------------------------------------------------- the sender -- */

static void
on_welcome(struct acta_part *part, const struct acta_item *item, int64_t now_ms)
{
	char service[ACTA_SERVICE_MAX + 1] = "";
	struct acta_out *o;

	if (item->dst.size > ACTA_SERVICE_MAX)
		return;
	memcpy(service, item->dst.data, item->dst.size);
	o = acta_channel_out(part, service, item->dst_part);
	if (o->state != ACTA_OUT_HELLO || o->nonce != item->nonce)
		return; /* the answer to an older question */
	if (item->verdict != ACTA_VERDICT_GO) {
		stop_out(part, o, acta_verdict_text(item->verdict));
		return;
	}
	if (item->next < o->acked || !ack_to(part, o, item->next)) {
		stop_out(part, o,
		    acta_verdict_text(item->next < o->acked
			    ? ACTA_VERDICT_RECEIVER_BACK
			    : ACTA_VERDICT_SENDER_BACK));
		return;
	}
	if (memcmp(o->chain_acked.bytes, item->chain, 16) != 0) {
		stop_out(part, o, acta_verdict_text(ACTA_VERDICT_DIVERGED));
		return;
	}
	o->peer_hist = item->hist;
	o->state = ACTA_OUT_OPEN;
	o->sent = o->acked;
	o->sent_bytes = 0;
	o->credit = item->credit;
	o->progress_ms = now_ms;
	o->dirty = true;
}

static void
on_ack(struct acta_part *part, const struct acta_item *item, int64_t now_ms)
{
	char service[ACTA_SERVICE_MAX + 1] = "";
	struct acta_out *o;

	if (item->dst.size > ACTA_SERVICE_MAX)
		return;
	memcpy(service, item->dst.data, item->dst.size);
	o = acta_channel_out(part, service, item->dst_part);
	if (o->state != ACTA_OUT_OPEN || o->peer_hist != item->hist)
		return;
	if (item->kind == ACTA_ITEM_NACK) {
		hello(part, o, now_ms);
		return;
	}
	if (item->next > o->sent)
		return; /* not of this conversation */
	if (item->next > o->acked)
		o->progress_ms = now_ms;
	if (!ack_to(part, o, item->next)) {
		stop_out(part, o, "a row of the outbox is missing");
		return;
	}
	if (item->credit > o->credit)
		o->credit = item->credit;
}

void
acta_channel_item(
    struct acta_part *part, const struct acta_item *item, int64_t now_ms)
{
	switch (item->kind) {
	case ACTA_ITEM_DATA: on_data(part, item); break;
	case ACTA_ITEM_HELLO: on_hello(part, item); break;
	case ACTA_ITEM_WELCOME: on_welcome(part, item, now_ms); break;
	case ACTA_ITEM_ACK:
	case ACTA_ITEM_NACK: on_ack(part, item, now_ms); break;
	default: part->dropped++; break;
	}
}

/* ------------------------------------------------------------ the turn -- */

static void
store_out(struct acta_part *part, struct acta_out *o)
{
	uint8_t key[64];
	size_t n;

	for (uint64_t seq = o->acked_stored; seq < o->acked; seq++) {
		n = outbox_key(key, o, seq);
		acta_store_delete(part->store, ACTA_T_OUTBOX, key, n);
	}
	o->acked_stored = o->acked;
	acta_buf_reset(&part->pack);
	acta_pack_list(&part->pack, 6);
	acta_pack_uint(&part->pack, o->next);
	acta_pack_uint(&part->pack, o->acked);
	acta_pack_bin(&part->pack, o->chain_acked.bytes, 16);
	acta_pack_bin(&part->pack, o->chain.bytes, 16);
	acta_pack_uint(&part->pack, o->peer_hist);
	acta_pack_uint(&part->pack, o->bytes);
	n = peer_key(key, 'o', o->service, o->part);
	acta_store_put(part->store, ACTA_T_CHANNEL, key, n, part->pack.data,
	    part->pack.size);
	o->dirty = false;
}

static void
store_in(struct acta_part *part, struct acta_in *in)
{
	uint8_t key[64];
	size_t n = peer_key(key, 'i', in->service, in->part);

	acta_buf_reset(&part->pack);
	acta_pack_list(&part->pack, 9);
	acta_pack_uint(&part->pack, in->hist);
	acta_pack_uint(&part->pack, in->inc);
	acta_pack_uint(&part->pack, in->next);
	acta_pack_bin(&part->pack, in->chain.bytes, 16);
	acta_pack_uint(&part->pack, in->taken);
	acta_pack_uint(&part->pack, in->handled);
	acta_pack_uint(&part->pack, in->rejected);
	acta_pack_uint(&part->pack, in->parked);
	acta_pack_uint(&part->pack, in->dead);
	acta_store_put(part->store, ACTA_T_CHANNEL, key, n, part->pack.data,
	    part->pack.size);
	in->dirty = false;
}

void
acta_channels_store(struct acta_part *part, bool all)
{
	for (uint32_t i = 0; i < part->in_count; i++)
		if (part->ins[i].dirty && part->ins[i].next > 0)
			store_in(part, &part->ins[i]);
	/* Acks alone are not worth a commit: they go with the next one, unless
	 * many have gathered. */
	for (uint32_t i = 0; i < part->out_count; i++) {
		struct acta_out *o = &part->outs[i];
		uint64_t acks = o->acked - o->acked_stored;

		if (o->dirty || acks > ACTA_ACKS_LAZY_MAX ||
		    (acks > 0 && (all || acta_store_dirty(part->store))))
			store_out(part, o);
	}
}

struct batch {
	struct acta_part *part;
	struct acta_out *out;
	struct acta_item item;
};

static void
batch_flush(struct batch *b)
{
	struct acta_buf *body = &b->part->pack;

	if (b->item.count == 0)
		return;
	b->item.body = (struct acta_bytes){ (const char *)body->data,
		(uint32_t)body->size };
	b->part->port.to_part(
	    b->part->port.self, b->out->service, b->out->part, &b->item);
	b->item.first += b->item.count;
	b->item.count = 0;
	acta_buf_reset(body);
}

static void
batch_add(struct batch *b, const void *data, size_t size)
{
	acta_pack_raw(&b->part->pack, data, size);
	b->item.count++;
	b->out->sent++;
	b->out->sent_bytes += size;
	if (b->part->pack.size >= ACTA_BATCH_BYTES)
		batch_flush(b);
}

/* One message may begin while anything is left of the credit. */
static bool
may_send(const struct acta_out *o)
{
	return o->sent < o->next && o->sent_bytes < o->credit;
}

/* What the receiver granted, in batches: from memory, else from the outbox. */
static void
send_rows(struct acta_part *part, struct acta_out *o)
{
	struct batch b = { .part = part, .out = o };
	uint8_t prefix[64], from[8];
	size_t n = peer_key(prefix, 0, o->service, o->part), size;
	const uint8_t *cached;
	struct acta_scan *scan;
	struct acta_row row;

	b.item = (struct acta_item){ .kind = ACTA_ITEM_DATA };
	b.item.src = (struct acta_bytes){ part->config.service,
		(uint32_t)strlen(part->config.service) };
	b.item.src_part = part->config.part;
	b.item.dst =
	    (struct acta_bytes){ o->service, (uint32_t)strlen(o->service) };
	b.item.dst_part = o->part;
	b.item.hist = part->hist;
	b.item.inc = part->id.incarnation;
	b.item.first = o->sent;
	acta_buf_reset(&part->pack);
	while (may_send(o) && (cached = cache_row(o, o->sent, &size)) != NULL)
		batch_add(&b, cached, size);
	if (may_send(o)) {
		for (int i = 0; i < 8; i++)
			from[i] = (uint8_t)(o->sent >> (8 * (7 - i)));
		scan = acta_scan_open_at(
		    part->store, ACTA_T_OUTBOX, prefix, n, from, 8);
		while (may_send(o) && acta_scan_next(scan, &row))
			batch_add(&b, row.value, row.value_size);
		(void)acta_scan_close(&scan); /* an error shows at the commit */
	}
	batch_flush(&b);
}

static void
ack_in(struct acta_part *part, struct acta_in *in)
{
	struct acta_item out = { .kind = ACTA_ITEM_ACK };

	out.src =
	    (struct acta_bytes){ in->service, (uint32_t)strlen(in->service) };
	out.src_part = in->part;
	out.dst = (struct acta_bytes){ part->config.service,
		(uint32_t)strlen(part->config.service) };
	out.dst_part = part->config.part;
	out.hist = part->hist;
	out.inc = part->id.incarnation;
	out.next = in->next;
	out.credit =
	    part->intake_stopped ? 0 : in->bytes + part->config.channel_credit;
	if (in->nacked) {
		out.kind = ACTA_ITEM_NACK;
		in->nacked = false;
		in->open = false; /* until the HELLO that answers it */
	}
	send_back(part, &out);
	in->want_ack = false;
}

void
acta_channels_send(struct acta_part *part, int64_t now_ms)
{
	for (uint32_t i = 0; i < part->in_count; i++)
		if (part->ins[i].want_ack || part->ins[i].nacked)
			ack_in(part, &part->ins[i]);
	for (uint32_t i = 0; i < part->out_count; i++) {
		struct acta_out *o = &part->outs[i];

		if (o->state == ACTA_OUT_STOPPED || o->acked == o->next)
			continue;
		if (o->state == ACTA_OUT_DOWN ||
		    (o->state == ACTA_OUT_HELLO &&
			now_ms - o->hello_ms >= ACTA_HELLO_MS) ||
		    (o->state == ACTA_OUT_OPEN &&
			(o->sent > o->acked || o->sent_bytes >= o->credit) &&
			now_ms - o->progress_ms >= ACTA_RESEND_MS))
			hello(part, o, now_ms);
		else if (o->state == ACTA_OUT_OPEN && o->sent < o->next) {
			if (o->sent == o->acked)
				o->progress_ms = now_ms;
			send_rows(part, o);
		}
	}
}

int64_t
acta_channels_wake_ms(const struct acta_part *part)
{
	int64_t wake = INT64_MAX;

	for (uint32_t i = 0; i < part->out_count; i++) {
		const struct acta_out *o = &part->outs[i];
		int64_t at = INT64_MAX;

		if (o->acked == o->next)
			continue;
		if (o->state == ACTA_OUT_HELLO)
			at = o->hello_ms + ACTA_HELLO_MS;
		else if (o->state == ACTA_OUT_OPEN)
			at = o->progress_ms + ACTA_RESEND_MS;
		if (at < wake)
			wake = at;
	}
	return wake;
}
