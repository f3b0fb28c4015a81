/*
 * runtime/host/channel.c - both ends of a partition's channels (CORE 3, 4).
 *
 * A sender speaks only after WELCOME has answered its HELLO; whatever goes
 * wrong on the way (a gap, silence, a peer that came up anew) is mended by the
 * same HELLO, so there is one way to agree on where to go on.
 */
#include "runtime/host/turn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"
#include "runtime/host/park.h"
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

struct acta_hash128
acta_chain_step(
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
		o = part->outs[i];
		if (o->part == peer_part && strcmp(o->service, service) == 0)
			return o;
	}
	part->outs =
	    realloc(part->outs, (part->out_count + 1) * sizeof(*part->outs));
	o = malloc(sizeof(*o)); /* one place for as long as the part is open */
	if (part->outs == NULL || o == NULL)
		abort();
	part->outs[part->out_count++] = o;
	*o = (struct acta_out){ .part = peer_part,
		.next = 1,
		.acked = 1,
		.acked_stored = 1,
		.hello_wait_ms = ACTA_HELLO_MS,
		.resend_ms = ACTA_RESEND_MS };
	acta_outbox_init(&o->box, 1);
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
	acta_inbox_init(&in->inbox);
	memcpy(in->service, service.data, service.size);
	snprintf(in->source, sizeof(in->source), "%s.%u", in->service, peer);
	return in;
}

struct acta_in *
acta_channel_in(
    struct acta_part *part, struct acta_bytes service, uint32_t peer_part)
{
	return channel_in(part, service, peer_part, false);
}

struct acta_in *
acta_channel_from(
    struct acta_part *part, struct acta_bytes service, uint32_t peer_part)
{
	const struct acta_route *route =
	    acta_part_route(part, service.data, service.size);

	return channel_in(part, service, peer_part,
	    route != NULL && peer_part < route->partitions);
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
		/* Whatever waits is found on disk when it is looked for. */
		o->box.known = o->acked < o->next ? 0 : o->next;
	} else if (k[0] == 't') { /* behind the "i" in the order of keys */
		struct acta_in *in = channel_in(part, name, peer, true);

		ok = acta_read_list(&r, &ok) == 2 && ok;
		(void)acta_read_uint(&r, &ok); /* base */
		in->run = acta_read_uint(&r, &ok);
	} else {
		struct acta_in *in = channel_in(part, name, peer, true);

		ok = acta_read_list(&r, &ok) == 12 && ok;
		in->hist = acta_read_uint(&r, &ok);
		in->inc = acta_read_uint(&r, &ok);
		in->random = acta_read_uint(&r, &ok);
		in->next = acta_read_uint(&r, &ok);
		read_chain(&r, &in->chain, &ok);
		in->taken = in->run = acta_read_uint(&r, &ok);
		in->handled = acta_read_uint(&r, &ok);
		in->rejected = acta_read_uint(&r, &ok);
		in->parked = acta_read_uint(&r, &ok);
		in->dead = acta_read_uint(&r, &ok);
		in->base = acta_read_uint(&r, &ok);
		in->accepts = acta_read_bool(&r, &ok);
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

/* What was heard from senders in this process, although the rows are read anew:
 * late HELLOs are known by it. */
void
acta_channels_recall(
    struct acta_part *part, const struct acta_in *old, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct acta_in *in = channel_in(
		    part, acta_bytes_of(old[i].service), old[i].part, false);

		if (in == NULL)
			continue;
		in->epoch = old[i].epoch;
		if (in->hist != old[i].hist || in->inc != old[i].inc ||
		    in->random != old[i].random)
			continue;
		in->nonce = old[i].nonce;
		in->why = old[i].why;
		in->accepts = old[i].accepts;
	}
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

void
acta_channel_block(
    struct acta_part *part, const char *service, uint32_t peer_part)
{
	struct acta_out *o = acta_channel_out(part, service, peer_part);

	if (o->blocked_ms == 0)
		o->blocked_ms = part->now_ms;
}

void
acta_channel_lapse(struct acta_part *part, struct acta_out *o)
{
	char name[48], text[160];

	o->lapsed++;
	if (o->lapsing)
		return;
	o->lapsing = true;
	snprintf(name, sizeof(name), "lapse-%.24s.%u", o->service, o->part);
	snprintf(text, sizeof(text),
	    "%.32s.%u is behind: events are skipped for it (on_lag: lapse)",
	    o->service, o->part);
	part->port.alarm(part->port.self, name, text);
}

/* There is room again, the reserve too. */
static void
watch_lapse(struct acta_part *part, struct acta_out *o)
{
	char name[48];

	if (!o->lapsing || !acta_channel_room(part, o, false))
		return;
	o->lapsing = false;
	snprintf(name, sizeof(name), "lapse-%.24s.%u", o->service, o->part);
	part->port.alarm(part->port.self, name, "");
}

void
acta_channel_append(
    struct acta_part *part, struct acta_out *out, const void *data, size_t size)
{
	acta_outbox_append(part, out, data, size);
}

static struct acta_bytes
own_name(const struct acta_part *part)
{
	return (struct acta_bytes){ part->config.service,
		(uint32_t)strlen(part->config.service) };
}

static void
hello_send(struct acta_part *part, struct acta_out *o, int64_t now_ms)
{
	struct acta_item item = { .kind = ACTA_ITEM_HELLO };

	o->hello_ms = now_ms;
	item.src = own_name(part);
	item.src_part = part->config.part;
	item.dst =
	    (struct acta_bytes){ o->service, (uint32_t)strlen(o->service) };
	item.dst_part = o->part;
	item.hist = part->hist;
	item.inc = part->id.incarnation;
	item.random = part->id.incarnation_random;
	item.nonce = o->nonce;
	item.acked = o->acked;
	item.next = o->next;
	item.chain = o->chain_acked.bytes;
	item.in_memory = part->loaded->service->in_memory;
	item.peer_hist = o->peer_hist;
	item.version_min = item.version_max = ACTA_CHANNEL_VERSION;
	if (o->refuses)
		item.refused = o->refused.bytes;
	part->port.to_part(part->port.self, o->service, o->part, &item);
}

/* Ask anew where to go on. The nonce is the question's: while no answer comes
 * the same one is asked again, or a peer slower than we ask would always answer
 * the one before. */
static void
hello(struct acta_part *part, struct acta_out *o, int64_t now_ms)
{
	o->state = ACTA_OUT_HELLO;
	/* Higher than those before of this incarnation: a late one shows. */
	o->nonce = ++part->hellos << 24 | (acta_part_random(part) & 0xffffff);
	o->hello_wait_ms = ACTA_HELLO_MS;
	hello_send(part, o, now_ms);
}

static void
hello_again(struct acta_part *part, struct acta_out *o, int64_t now_ms)
{
	o->hello_wait_ms *= 2;
	if (o->hello_wait_ms > ACTA_HELLO_MS_MAX)
		o->hello_wait_ms = ACTA_HELLO_MS_MAX;
	hello_send(part, o, now_ms);
}

void
acta_part_peer(struct acta_part *part, const char *service, uint32_t peer_part,
    int64_t now_ms)
{
	for (uint32_t i = 0; i < part->out_count; i++) {
		struct acta_out *o = part->outs[i];

		if (strcmp(o->service, service) != 0 ||
		    (peer_part != UINT32_MAX && o->part != peer_part))
			continue;
		if (o->state == ACTA_OUT_STOPPED) { /* perhaps mended */
			hello_send(part, o, now_ms);
			continue;
		}
		o->state = ACTA_OUT_DOWN;
		o->resend_ms = ACTA_RESEND_MS;
		if (o->next > o->acked)
			hello(part, o, now_ms);
	}
}

void
acta_part_link_closed(
    struct acta_part *part, const char *service, uint32_t peer_part)
{
	for (uint32_t i = 0; i < part->out_count; i++) {
		struct acta_out *o = part->outs[i];

		if (strcmp(o->service, service) == 0 && o->part == peer_part &&
		    o->state == ACTA_OUT_OPEN)
			o->state = ACTA_OUT_DOWN;
	}
}

/* `why` NULL: the alarm is over. */
static void
alarm_of(struct acta_part *part, const char *way, const char *service,
    uint32_t peer, const char *why)
{
	char name[48], text[300] = "";

	snprintf(name, sizeof(name), "channel-%s-%.24s.%u", way, service, peer);
	if (why != NULL)
		snprintf(text, sizeof(text),
		    "channel %s %.32s.%u stopped: %s; `acta channel` shows the "
		    "ways out",
		    way, service, peer, why);
	part->port.alarm(part->port.self, name, text);
}

/* Nothing is sent; the question is asked again now and then, as a store that
 * was put back right, or an operator's word over there, mends it. */
static void
stop_out(struct acta_part *part, struct acta_out *o, const char *why)
{
	if (o->why != why)
		alarm_of(part, "to", o->service, o->part, why);
	o->state = ACTA_OUT_STOPPED;
	o->why = why;
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

/* The sender has compared our running hash, and it is not its own. */
static bool
is_refused(const struct acta_in *in, const struct acta_item *item)
{
	return item->refused != NULL &&
	    memcmp(item->refused, in->chain.bytes, 16) == 0;
}

/* All that was taken was acked, and as one story: that is seen from here. */
static bool
agrees(const struct acta_in *in, const struct acta_item *item)
{
	return item->acked == in->next &&
	    memcmp(item->chain, in->chain.bytes, 16) == 0;
}

/* Of two ends in one history. */
static enum acta_verdict
judge_cursor(const struct acta_in *in, const struct acta_item *item)
{
	if (in->next > item->next)
		return ACTA_VERDICT_SENDER_BACK;
	if (in->next < item->acked)
		return ACTA_VERDICT_RECEIVER_BACK;
	return is_refused(in, item) ? ACTA_VERDICT_DIVERGED : ACTA_VERDICT_GO;
}

/* In memory each life has a history of its own, and leaves nothing to the next,
 * which may be a durable one. */
static bool
is_new_life(const struct acta_in *in, const struct acta_item *item)
{
	return item->hist != in->hist &&
	    (item->in_memory || acta_history_in_memory(in->hist));
}

static enum acta_verdict
judge_story(
    struct acta_part *part, struct acta_in *in, const struct acta_item *item)
{
	bool lost;

	/* What it knows acked was durable here, unless in memory, as this
	 * service is or was then: a sender in memory that came up anew knows of
	 * nothing. */
	lost = item->acked > 1 && !part->loaded->service->in_memory &&
	    !acta_history_in_memory(item->peer_hist);
	if (in->next == 0) /* never met */
		return lost ? ACTA_VERDICT_RECEIVER_NEW : ACTA_VERDICT_FRESH;
	if (is_new_life(in, item))
		return lost ? ACTA_VERDICT_RECEIVER_BACK : ACTA_VERDICT_FRESH;
	if (item->hist != in->hist)
		return ACTA_VERDICT_SENDER_NEW;
	/* An older incarnation, or a twin of the same number. */
	if (item->inc < in->inc ||
	    (item->inc == in->inc && item->random != in->random))
		return ACTA_VERDICT_FENCED;
	return judge_cursor(in, item);
}

static enum acta_verdict
judge_hello(
    struct acta_part *part, struct acta_in *in, const struct acta_item *item)
{
	enum acta_verdict verdict;

	if (item->version_min > ACTA_CHANNEL_VERSION ||
	    item->version_max < ACTA_CHANNEL_VERSION)
		return ACTA_VERDICT_VERSION;
	verdict = judge_story(part, in, item);
	/* An older copy may be at the very place that the channel is at. */
	if (in->accepts && verdict == ACTA_VERDICT_FENCED)
		verdict = judge_cursor(in, item);
	/* Where both agree a word said twice would have messages taken twice. */
	return in->accepts && verdict != ACTA_VERDICT_GO ? ACTA_VERDICT_FRESH
							 : verdict;
}

static bool
takes_nothing(const struct acta_part *part)
{
	return part->intake_stopped || part->stopped;
}

/* One budget is divided among the channels in use; what was granted stays so. */
static uint64_t
grant(struct acta_part *part, struct acta_in *in)
{
	uint64_t budget = part->config.credit_budget;
	uint64_t window = (budget ? budget : ACTA_CREDIT_BUDGET) /
	    (part->in_open > 0 ? part->in_open : 1);

	in->starved = takes_nothing(part);
	if (window > part->config.channel_credit)
		window = part->config.channel_credit;
	if (window < ACTA_CREDIT_MIN)
		window = ACTA_CREDIT_MIN;
	if (!in->starved && in->bytes + window > in->granted)
		in->granted = in->bytes + window;
	return in->granted;
}

static void
set_open(struct acta_part *part, struct acta_in *in, bool open)
{
	if (open && !in->open)
		part->in_open++;
	else if (!open && in->open)
		part->in_open--;
	in->open = open;
}

static void
open_in(
    struct acta_part *part, struct acta_in *in, const struct acta_item *item)
{
	/* What is in the inbox of another conversation is dropped as it is
	 * looked at: its messages come again. */
	if (!in->open || in->inc != item->inc || in->queued < in->next)
		in->queued = in->next;
	set_open(part, in, true);
	in->epoch = item->epoch;
	in->nonce = item->nonce;
	in->nacked = false;
	in->bytes = in->came = in->granted = 0;
	if (in->inc != item->inc || in->random != item->random) {
		in->inc = item->inc;
		in->random = item->random;
		in->dirty = true;
	}
	if (in->why != NULL)
		alarm_of(part, "from", in->service, in->part, NULL);
	in->why = NULL;
}

static void
on_hello(struct acta_part *part, const struct acta_item *item)
{
	struct acta_in *in = channel_in(part, item->src, item->src_part, true);
	struct acta_item out = back(part, item, ACTA_ITEM_WELCOME);
	enum acta_verdict verdict;
	bool same;

	if (in == NULL || item->acked == 0 || item->next < item->acked)
		return;
	/* What was asked before, or by a link that was closed, tells of what
	 * was: it proves nothing now, and nobody waits for its answer. */
	same = in->hist == item->hist && in->inc == item->inc &&
	    in->random == item->random;
	if (same &&
	    (item->nonce < in->nonce || (in->open && item->epoch < in->epoch)))
		return;
	/* A link that was opened before the one we heard last is of a life that
	 * is over. */
	if (is_new_life(in, item) && item->epoch < in->epoch)
		return;
	if (same && in->open && in->nonce == item->nonce &&
	    !is_refused(in, item)) { /* the answer was lost */
		out.nonce = item->nonce;
		out.next = in->next;
		out.chain = in->chain.bytes;
		out.credit = grant(part, in);
		send_back(part, &out);
		return;
	}
	verdict = judge_hello(part, in, item);
	/* It was good when it was asked first: it came twice, and late. But an
	 * operator's word is newer than any question. */
	if (same && item->nonce == in->nonce && !in->accepts &&
	    verdict != ACTA_VERDICT_GO && verdict != ACTA_VERDICT_DIVERGED)
		return;
	if (verdict == ACTA_VERDICT_FRESH) {
		set_open(part, in, false);
		in->hist = item->hist;
		in->next = in->base = item->acked;
		in->taken = in->handled = in->rejected = in->parked = in->dead =
		    in->run = 0;
		in->run_dirty = true;
		memcpy(in->chain.bytes, item->chain, 16);
		verdict = ACTA_VERDICT_GO;
		in->accepts = false;
		in->dirty = true;
	}
	if (verdict == ACTA_VERDICT_GO) {
		if (in->accepts && agrees(in, item)) {
			in->accepts = false; /* it goes on without */
			in->dirty = true;
		}
		open_in(part, in, item);
	} else if (verdict != ACTA_VERDICT_FENCED) {
		set_open(part, in, false);
		if (in->why != acta_verdict_text(verdict))
			alarm_of(part, "from", in->service, in->part,
			    acta_verdict_text(verdict));
		in->why = acta_verdict_text(verdict);
	}
	out.verdict = verdict;
	out.nonce = item->nonce;
	out.next = in->next;
	out.chain = in->chain.bytes;
	out.credit = verdict == ACTA_VERDICT_GO ? grant(part, in) : 0;
	send_back(part, &out);
}

/* A dead letter that says where it was to go; whoever waits is told. */
static void
bury(struct acta_part *part, const struct acta_out *o, struct acta_msg *msg,
    const struct acta_end *end)
{
	struct acta_reader r = acta_reader(msg->raw, msg->raw_size);
	char to[ACTA_ADDRESS_MAX + 1];
	struct acta_buf b;

	if (acta_message_decode(&r, &msg->m) == ACTA_OK &&
	    msg->m.type.data[0] != '@') {
		snprintf(to, sizeof(to), "%s%s%.*s", o->service,
		    msg->m.key.size > 0 ? "/" : "", (int)msg->m.key.size,
		    msg->m.key.data);
		msg->m.key = acta_bytes_of(to);
		acta_buf_init(&b);
		acta_message_encode(&b, &msg->m);
		msg->raw = acta_arena_copy(&part->arena, b.data, b.size);
		msg->raw_size = b.size;
		acta_buf_fini(&b);
	}
	acta_part_dead(part, msg, "channel-reset", end->text);
	acta_part_answer(part, &msg->m.caller, o->service, end);
}

uint64_t
acta_channel_reset(struct acta_part *part, struct acta_out *o, uint32_t most)
{
	const struct acta_end end = { .outcome = ACTA_UNDELIVERED,
		.code = "failed",
		.text = "its channel was reset: whether it was handled nobody "
			"knows" };

	for (uint32_t i = 0; i < most && o->acked < o->next; i++) {
		struct acta_msg msg = { .attempt = 0 };
		struct acta_reader r;
		const uint8_t *data, *message;
		uint64_t row_end, seq = o->acked;
		size_t size;

		data = acta_outbox_read(part, o, seq, &size, &row_end);
		if (data == NULL)
			break;
		r = acta_reader(data, size);
		message = acta_read_raw(&r, &msg.raw_size);
		if (msg.raw_size == 0)
			break;
		msg.raw = acta_arena_copy(&part->arena, message, msg.raw_size);
		msg.uid = acta_part_uid(o->service, strlen(o->service),
		    &part->hist, sizeof(part->hist), seq);
		if (!acta_outbox_ack(part, o, seq + 1))
			break;
		bury(part, o, &msg, &end);
	}
	o->dirty = true;
	o->state = ACTA_OUT_DOWN;
	return o->next - o->acked;
}

int64_t
acta_channel_oldest_ms(struct acta_part *part, struct acta_out *o)
{
	struct acta_message m;
	struct acta_reader r;
	const uint8_t *data = NULL;
	uint64_t row_end;
	size_t size = 0;

	if (o->acked < o->next)
		data = acta_outbox_read(part, o, o->acked, &size, &row_end);
	if (data == NULL)
		return 0;
	r = acta_reader(data, size);
	return acta_message_decode(&r, &m) == ACTA_OK ? m.sent_ms : 0;
}

static void
on_data(struct acta_part *part, const struct acta_item *item)
{
	struct acta_in *in = channel_in(part, item->src, item->src_part, false);

	if (in != NULL && in->open && in->hist == item->hist &&
	    in->inc == item->inc && item->epoch < in->epoch) {
		part->dropped++; /* by a link that was closed */
		return;
	}
	if (in == NULL || !in->open || in->hist != item->hist ||
	    in->inc != item->inc || item->epoch != in->epoch) {
		/* No HELLO was heard: ask for one, but not for each frame. */
		struct acta_item out = back(part, item, ACTA_ITEM_NACK);

		part->dropped++;
		if (in != NULL && part->now_ms < in->nack_ms)
			return;
		if (in != NULL)
			in->nack_ms = part->now_ms + ACTA_HELLO_MS;
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
	/* Beyond credit it is dropped unread, as all is while there is no
	 * space for it, or it has stopped: the peer sends it again. */
	if (part->full || part->stopped ||
	    in->came > in->granted + ACTA_BEYOND_CREDIT) {
		part->dropped++;
		return;
	}
	if (in->accepts) { /* it goes on without */
		in->accepts = false;
		in->dirty = true;
	}
	in->came += item->body.size;
	in->queued = item->first + item->count;
	acta_inbox_put(&in->inbox, item);
	part->gathered++;
}

/* --------------------------------------------------------- the sender -- */

static void
on_welcome(struct acta_part *part, const struct acta_item *item, int64_t now_ms)
{
	char service[ACTA_SERVICE_MAX + 1] = "";
	struct acta_hash128 chain;
	struct acta_out *o;

	if (item->dst.size > ACTA_SERVICE_MAX)
		return;
	memcpy(service, item->dst.data, item->dst.size);
	o = acta_channel_out(part, service, item->dst_part);
	if ((o->state != ACTA_OUT_HELLO && o->state != ACTA_OUT_STOPPED) ||
	    o->nonce != item->nonce)
		return; /* the answer to an older question */
	if (item->verdict != ACTA_VERDICT_GO) {
		stop_out(part, o, acta_verdict_text(item->verdict));
		return;
	}
	/* Nothing is taken for acked before both tell the same story. */
	if (item->next < o->acked ||
	    !acta_outbox_chain(part, o, item->next, &chain)) {
		stop_out(part, o,
		    acta_verdict_text(item->next < o->acked
			    ? ACTA_VERDICT_RECEIVER_BACK
			    : ACTA_VERDICT_SENDER_BACK));
		return;
	}
	if (memcmp(chain.bytes, item->chain, 16) != 0) {
		stop_out(part, o, acta_verdict_text(ACTA_VERDICT_DIVERGED));
		o->refuses = true; /* which only we can know, and tell now */
		memcpy(o->refused.bytes, item->chain, 16);
		hello_send(part, o, now_ms);
		return;
	}
	if (!acta_outbox_ack(part, o, item->next)) {
		stop_out(part, o, "a row of the outbox is missing");
		return;
	}
	if (o->why != NULL)
		alarm_of(part, "to", o->service, o->part, NULL);
	o->why = NULL;
	o->refuses = false;
	if (o->peer_hist != item->hist)
		o->dirty = true;
	/* Another store than it was does not know what we hear of it. */
	if (o->peer_hist != item->hist && o->peer_hist != 0 &&
	    part->config.part == 0)
		part->announce = part->announce_all = true;
	o->peer_hist = item->hist;
	o->state = ACTA_OUT_OPEN;
	o->sent = o->acked;
	o->sent_bytes = 0;
	o->credit = item->credit;
	o->progress_ms = now_ms;
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
	/* An operator over there has a way out: not after seconds, now. */
	if (item->kind == ACTA_ITEM_NACK && o->state == ACTA_OUT_STOPPED)
		hello_send(part, o, now_ms);
	if (o->state != ACTA_OUT_OPEN || o->peer_hist != item->hist)
		return;
	if (item->kind == ACTA_ITEM_NACK) {
		hello(part, o, now_ms);
		return;
	}
	/* What was acked before was told by WELCOME, and credit counts anew. */
	if (item->nonce != o->nonce || item->next > o->sent)
		return; /* not of this conversation */
	if (item->next > o->acked) {
		o->progress_ms = now_ms;
		o->resend_ms = ACTA_RESEND_MS;
	}
	if (!acta_outbox_ack(part, o, item->next)) {
		stop_out(part, o, "a row of the outbox is missing");
		return;
	}
	if (item->credit > o->credit)
		o->credit = item->credit;
}

/* -------------------------------------------------------------- cycles -- */

/* Ask along the channels that are full: whoever is asked and waits for room,
 * too, hands it on, and what comes home has gone round (CORE 4.3). */
static void
probe_send(struct acta_part *part, const struct acta_out *o,
    const struct acta_item *from, const char *path)
{
	struct acta_item item = *from;
	char text[ACTA_PROBE_HOPS * (ACTA_SERVICE_MAX + 12)];

	snprintf(text, sizeof(text), "%s > %s.%u", path, o->service, o->part);
	item.dst =
	    (struct acta_bytes){ o->service, (uint32_t)strlen(o->service) };
	item.dst_part = o->part;
	item.first++;
	item.text = (struct acta_bytes){ text, (uint32_t)strlen(text) };
	part->port.to_part(part->port.self, o->service, o->part, &item);
}

static bool
is_blocked(const struct acta_part *part, struct acta_out *o)
{
	return o->blocked_ms != 0 && !acta_channel_room(part, o, true);
}

static void
probe_begin(struct acta_part *part, struct acta_out *o)
{
	struct acta_item item = { .kind = ACTA_ITEM_PROBE };
	char path[ACTA_SERVICE_MAX + 12];

	o->probe = acta_part_random(part) >> 1;
	o->probe_ms = part->now_ms;
	item.src = own_name(part);
	item.src_part = part->config.part;
	item.hist = part->hist;
	item.inc = part->id.incarnation;
	item.nonce = o->probe;
	snprintf(path, sizeof(path), "%s.%u", part->config.service,
	    part->config.part);
	probe_send(part, o, &item, path);
}

static void
on_probe(struct acta_part *part, const struct acta_item *item)
{
	struct acta_bytes own = own_name(part);
	char path[ACTA_PROBE_HOPS * (ACTA_SERVICE_MAX + 12)];
	bool home = item->src_part == part->config.part &&
	    item->src.size == own.size &&
	    memcmp(item->src.data, own.data, own.size) == 0;

	if (item->first >= ACTA_PROBE_HOPS || item->text.size >= sizeof(path))
		return;
	memcpy(path, item->text.data, item->text.size);
	path[item->text.size] = '\0';
	for (uint32_t i = 0; i < part->out_count; i++) {
		struct acta_out *o = part->outs[i];

		if (!is_blocked(part, o))
			continue;
		if (home && o->probe == item->nonce && !o->cycle) {
			char name[48], text[400];

			o->cycle = true;
			snprintf(name, sizeof(name), "cycle-%.24s.%u",
			    o->service, o->part);
			snprintf(text, sizeof(text),
			    "full channels in a circle: %.300s", path);
			part->port.alarm(part->port.self, name, text);
		} else if (!home && part->probe_seen != item->nonce) {
			probe_send(part, o, item, path);
		}
	}
	if (!home)
		part->probe_seen = item->nonce;
}

/* What waits is tried again once there is room for more than one message. */
static void
watch_blocked(struct acta_part *part, struct acta_out *o)
{
	char name[48];

	if (o->blocked_ms == 0)
		return;
	if (is_blocked(part, o)) {
		if (part->now_ms - o->blocked_ms >= ACTA_PROBE_MS &&
		    part->now_ms - o->probe_ms >= ACTA_PROBE_MS)
			probe_begin(part, o);
		return;
	}
	if (o->cycle) {
		snprintf(
		    name, sizeof(name), "cycle-%.24s.%u", o->service, o->part);
		part->port.alarm(part->port.self, name, "");
	}
	o->cycle = false;
	if (!acta_channel_room(part, o, false))
		return;
	o->blocked_ms = 0; /* the reserve is free, too */
	acta_parked_room(part);
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
	case ACTA_ITEM_PROBE: on_probe(part, item); break;
	default: part->dropped++; break;
	}
}

/* ------------------------------------------------------------ the turn -- */

static void
store_out(struct acta_part *part, struct acta_out *o)
{
	uint8_t key[64];
	size_t n;

	acta_outbox_store(part, o);
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
	acta_pack_list(&part->pack, 12);
	acta_pack_uint(&part->pack, in->hist);
	acta_pack_uint(&part->pack, in->inc);
	acta_pack_uint(&part->pack, in->random);
	acta_pack_uint(&part->pack, in->next);
	acta_pack_bin(&part->pack, in->chain.bytes, 16);
	acta_pack_uint(&part->pack, in->taken);
	acta_pack_uint(&part->pack, in->handled);
	acta_pack_uint(&part->pack, in->rejected);
	acta_pack_uint(&part->pack, in->parked);
	acta_pack_uint(&part->pack, in->dead);
	acta_pack_uint(&part->pack, in->base);
	acta_pack_bool(&part->pack, in->accepts);
	acta_store_put(part->store, ACTA_T_CHANNEL, key, n, part->pack.data,
	    part->pack.size);
	in->dirty = false;
}

void
acta_channel_accept(struct acta_part *part, struct acta_in *in)
{
	in->accepts = true; /* a restart does not forget it */
	store_in(part, in);
	set_open(part, in, false);
	in->nacked = true; /* asks for its HELLO, if it speaks still */
	in->nack_ms = 0;
}

static void
store_run(struct acta_part *part, struct acta_in *in)
{
	uint8_t key[64];
	size_t n = peer_key(key, 't', in->service, in->part);

	acta_buf_reset(&part->pack);
	acta_pack_list(&part->pack, 2);
	acta_pack_uint(&part->pack, in->base);
	acta_pack_uint(&part->pack, in->run);
	acta_store_put(part->store, ACTA_T_CHANNEL, key, n, part->pack.data,
	    part->pack.size);
	in->run_dirty = false;
}

void
acta_channels_store(struct acta_part *part, bool all)
{
	for (uint32_t i = 0; i < part->in_count; i++) {
		struct acta_in *in = &part->ins[i];

		if (in->dirty && (in->next > 0 || in->accepts))
			store_in(part, in);
		if (in->run_dirty)
			store_run(part, in);
	}
	/* Acks alone are not worth a commit: they go with the next one, unless
	 * many have gathered. */
	for (uint32_t i = 0; i < part->out_count; i++) {
		struct acta_out *o = part->outs[i];
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

/* A row may begin while anything is left of the credit. */
static bool
may_send(const struct acta_out *o)
{
	return o->sent < o->next && o->sent_bytes < o->credit;
}

/* What the receiver granted, row by row. */
static void
send_rows(struct acta_part *part, struct acta_out *o)
{
	struct batch b = { .part = part, .out = o };

	b.item = (struct acta_item){ .kind = ACTA_ITEM_DATA };
	b.item.src = own_name(part);
	b.item.src_part = part->config.part;
	b.item.dst =
	    (struct acta_bytes){ o->service, (uint32_t)strlen(o->service) };
	b.item.dst_part = o->part;
	b.item.hist = part->hist;
	b.item.inc = part->id.incarnation;
	b.item.first = o->sent;
	acta_buf_reset(&part->pack);
	while (may_send(o)) {
		uint64_t end;
		size_t size;
		const uint8_t *data =
		    acta_outbox_read(part, o, o->sent, &size, &end);

		if (data == NULL) { /* unreadable, and the process ends */
			part->failed = true;
			break;
		}
		acta_pack_raw(&part->pack, data, size);
		b.item.count += (uint32_t)(end - o->sent);
		o->sent_bytes += size;
		o->sent = end;
		if (part->pack.size >= ACTA_BATCH_BYTES)
			batch_flush(&b);
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
	out.nonce = in->nonce;
	out.next = in->next;
	out.credit = grant(part, in);
	if (in->nacked) {
		out.kind = ACTA_ITEM_NACK;
		in->nacked = false;
		in->nack_ms = part->now_ms + ACTA_HELLO_MS;
		set_open(part, in, false); /* until the HELLO that answers it */
	}
	send_back(part, &out);
	in->want_ack = false;
}

/* What is to be said on a channel to there, if the time has come for it. */
static void
speak(struct acta_part *part, struct acta_out *o, int64_t now_ms)
{
	bool waits = o->sent > o->acked || o->sent_bytes >= o->credit;
	uint64_t sent = o->sent;

	watch_blocked(part, o);
	watch_lapse(part, o);
	if (o->acked == o->next)
		return;
	switch (o->state) {
	case ACTA_OUT_DOWN: hello(part, o, now_ms); break;
	case ACTA_OUT_HELLO:
	case ACTA_OUT_STOPPED:
		if (now_ms - o->hello_ms >= o->hello_wait_ms)
			hello_again(part, o, now_ms);
		break;
	case ACTA_OUT_OPEN:
		if (waits && now_ms - o->progress_ms >= o->resend_ms) {
			o->resend_ms = 2 * o->resend_ms < ACTA_HELLO_MS_MAX
			    ? 2 * o->resend_ms
			    : ACTA_HELLO_MS_MAX;
			hello(part, o, now_ms);
		} else if (o->sent < o->next) {
			send_rows(part, o);
			/* Without credit it waits on, however many turns. */
			if (sent == o->acked && o->sent > sent)
				o->progress_ms = now_ms;
		}
		break;
	}
}

void
acta_channels_send(struct acta_part *part, int64_t now_ms)
{
	for (uint32_t i = 0; i < part->in_count; i++) {
		struct acta_in *in = &part->ins[i];

		/* It takes in again: who was granted nothing hears it. */
		if (in->starved && in->open && !takes_nothing(part))
			in->want_ack = true;
		if (in->want_ack || in->nacked)
			ack_in(part, in);
	}
	for (uint32_t i = 0; i < part->out_count; i++)
		speak(part, part->outs[i], now_ms);
}

int64_t
acta_channels_wake_ms(const struct acta_part *part)
{
	int64_t wake = INT64_MAX;

	for (uint32_t i = 0; i < part->out_count; i++) {
		struct acta_out *o = part->outs[i];
		int64_t at = INT64_MAX;

		if (o->acked == o->next)
			continue;
		if (o->state == ACTA_OUT_HELLO || o->state == ACTA_OUT_STOPPED)
			at = o->hello_ms + o->hello_wait_ms;
		else if (o->state == ACTA_OUT_OPEN)
			at = o->progress_ms + o->resend_ms;
		if (at < wake)
			wake = at;
		/* Over its soft quota alone it is no part of a circle. */
		if (!is_blocked(part, o))
			continue;
		at = o->blocked_ms > o->probe_ms ? o->blocked_ms : o->probe_ms;
		if (at + ACTA_PROBE_MS < wake)
			wake = at + ACTA_PROBE_MS;
	}
	return wake;
}
