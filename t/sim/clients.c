/*
 * t/sim/clients.c - requests: each goes to a door picked by chance, again and
 * again under its id until there is an answer. A door passes on what it is
 * given, and sends again what has an id when a service came up anew.
 */
#include "t/sim/sim.h"

#include <string.h>

#include "codecs/packer.h"

#define RETRY_US 700000 /* a client that heard nothing asks again */
#define DAY_MS (24 * 3600 * 1000)
#define DEADLINE_MS 5000 /* of all, once nothing breaks any more */

static const struct {
	const char *type, *args;
} ops[OPS] = {
#define X(name, type_, args_) { type_, args_ },
	SIM_OPS(X)
#undef X
};

static void
address(char *out, size_t room, uint32_t actor)
{
	snprintf(out, room, "%s/%u", sim_services[0][actor / SIM_KEYS].name,
	    actor % SIM_KEYS);
}

static bool
is_word(const char *word, size_t size, const char *what)
{
	return size == strlen(what) && memcmp(word, what, size) == 0;
}

/* Args that spare who is tried again, if the letter was doomed; its row is as
 * runtime/host/answer.c writes it. */
static bool
edited(struct acta_reader r, struct acta_buf *b)
{
	struct acta_message m;
	bool ok = true;
	uint32_t n;

	(void)acta_read_list(&r, &ok);
	(void)acta_read_str(&r, &n, &ok);
	(void)acta_read_str(&r, &n, &ok);
	(void)acta_read_int(&r, &ok);
	(void)acta_read_int(&r, &ok);
	(void)acta_read_bin(&r, &n, &ok);
	if (!ok || acta_message_decode(&r, &m) != ACTA_OK ||
	    !is_word(m.type.data, m.type.size, "doomed"))
		return false;
	acta_pack_map(b, 3);
	acta_pack_text(b, "n");
	acta_pack_int(b, acta_as_int(acta_at(m.args, "n"), 0));
	acta_pack_text(b, "how");
	acta_pack_int(b, DOOM_CRASHES);
	acta_pack_text(b, "lives"); /* it has none to take any more */
	acta_pack_int(b, 0);
	return true;
}

/* What an operator makes of the letter: one that nothing is wrong with, if it was
 * doomed. nil: it is left as it is. */
static void
pack_edit(struct acta_buf *b, const struct sim_event *e)
{
	const struct acta_process *p = sim->cluster.processes[e->b / SIM_KEYS];
	char key[16];
	uint8_t row[8] = { [7] = (uint8_t)e->d };
	struct acta_reader r;
	size_t n;

	n = (size_t)snprintf(key, sizeof(key), "%u", e->b % SIM_KEYS);
	if (!acta_view_get(
		acta_view_of(
		    &p->places[acta_partition_of(key, n, p->count)], true),
		ACTA_T_DEAD, row, 8, &r) ||
	    !edited(r, b))
		acta_pack_nil(b);
}

static void
pack_arg(struct acta_buf *b, const struct sim_event *e, const char *word,
    size_t size)
{
	char to[64];

	acta_pack_str(b, word, (uint32_t)size);
	if (is_word(word, size, "args")) {
		pack_edit(b, e);
	} else if (is_word(word, size, "to")) {
		address(to, sizeof(to), e->c);
		acta_pack_text(b, to);
	} else {
		acta_pack_int(b,
		    is_word(word, size, "n")           ? e->number
			: is_word(word, size, "ms")    ? e->ms
			: is_word(word, size, "how")   ? e->how
			: is_word(word, size, "fails") ? e->how
			: is_word(word, size, "lives") ? e->lives
						       : e->d);
	}
}

static void
pack_args(struct acta_buf *b, const struct sim_event *e)
{
	const char *word = ops[e->a].args;
	uint32_t count = *word != '\0';

	for (const char *at = word; *at != '\0'; at++)
		count += *at == ' ';
	acta_pack_map(b, count);
	while (*word != '\0') {
		size_t size = strcspn(word, " ");

		pack_arg(b, e, word, size);
		word += size + (word[size] == ' ');
	}
}

void
sim_ask_id(const struct sim_ask *ask, uint8_t out[16])
{
	/* A session has one for all: the actor's, until the node is put back. */
	uint64_t name = ask->seq > 0
	    ? ~(uint64_t)(ask->event.b + SIM_ACTORS * ask->session)
	    : ask->id;
	struct acta_hash128 id = acta_hash128(&name, sizeof(name));

	memcpy(out, id.bytes, 16);
}

static void
item_send(const struct sim_ask *ask, uint32_t door, uint32_t flags,
    const struct acta_buf *args)
{
	const struct sim_event *e = &ask->event;
	struct acta_door *d = &sim->cluster.doors[door];
	const char *service = sim_services[0][e->b / SIM_KEYS].name;
	struct acta_message m = { .from = { "", 0 }, .id = { "", 0 } };
	struct acta_item item = { .kind = ACTA_ITEM_CALL };
	uint32_t doubled = sim->cluster.net.rates.doubled;
	struct acta_buf body;
	uint8_t id[16];
	char key[16];

	snprintf(key, sizeof(key), "%u", e->b % SIM_KEYS);
	sim_ask_id(ask, id);
	acta_buf_init(&body);
	m.key = (struct acta_bytes){ key, (uint32_t)strlen(key) };
	m.type = (struct acta_bytes){ ops[e->a].type,
		(uint32_t)strlen(ops[e->a].type) };
	m.sent_ms = acta_cluster_ms(&sim->cluster);
	m.deadline_ms =
	    m.sent_ms + (sim->healing ? DEADLINE_MS : e->timeout_ms);
	m.args_raw = (struct acta_bytes){ (const char *)args->data,
		(uint32_t)args->size };
	item.src = (struct acta_bytes){ d->name, (uint32_t)strlen(d->name) };
	item.inc = d->life;
	item.request = ask->requests[door];
	item.dst = (struct acta_bytes){ service, (uint32_t)strlen(service) };
	item.dst_part = acta_partition_of(
	    key, strlen(key), sim->plan->parts[e->b / SIM_KEYS]);
	item.flags = flags | (e->send ? ACTA_CALL_SEND : 0);
	if (sim_of_operator(e->a))
		item.flags |= ACTA_CALL_ADMIN;
	item.client = e->kept_id ? id : NULL;
	item.id_ms = ask->id_ms;
	if (ask->seq > 0) {
		item.flags |= ACTA_CALL_SESSION;
		item.id_ms = (int64_t)ask->seq;
	}
	m.caller = (struct acta_caller){ .kind = ACTA_CALLER_DOOR,
		.door = item.src,
		.door_inc = item.inc,
		.request = item.request,
		.service = item.dst,
		.part = item.dst_part };
	acta_message_encode(&body, &m);
	item.body =
	    (struct acta_bytes){ (const char *)body.data, (uint32_t)body.size };
	/* zmq doubles nothing: only what has an id bears it. */
	if (!e->kept_id)
		sim->cluster.net.rates.doubled = 0;
	acta_door_send(&sim->cluster, door, e->b / SIM_KEYS, &item);
	sim->cluster.net.rates.doubled = doubled;
	acta_buf_fini(&body);
}

uint64_t
sim_disturbances(void)
{
	const struct acta_net_counts *n = &sim->cluster.net.counts;

	return sim->disturbances + n->lost + n->cut + n->to_the_dead;
}

uint64_t
sim_admin(
    const struct acta_place *to, const char *type, const struct acta_buf *args)
{
	struct acta_door *d = &sim->cluster.doors[0];
	struct acta_message m = { .from = { "", 0 },
		.id = { "", 0 },
		.key = { "", 0 },
		.type = { type, (uint32_t)strlen(type) } };
	struct acta_item item = { .kind = ACTA_ITEM_CALL,
		.inc = d->life,
		.request = ++sim->requests,
		.dst_part = to->index,
		.flags = ACTA_CALL_ADMIN };
	uint32_t doubled = sim->cluster.net.rates.doubled;
	struct acta_buf body;

	acta_buf_init(&body);
	item.src = (struct acta_bytes){ d->name, (uint32_t)strlen(d->name) };
	item.dst = (struct acta_bytes){ to->process->config.service,
		(uint32_t)strlen(to->process->config.service) };
	m.sent_ms = acta_cluster_ms(&sim->cluster);
	m.deadline_ms = m.sent_ms + DEADLINE_MS;
	m.args_raw = (struct acta_bytes){ (const char *)args->data,
		(uint32_t)args->size };
	m.caller = (struct acta_caller){ .kind = ACTA_CALLER_DOOR,
		.door = item.src,
		.door_inc = item.inc,
		.request = item.request,
		.service = item.dst,
		.part = item.dst_part };
	acta_message_encode(&body, &m);
	item.body =
	    (struct acta_bytes){ (const char *)body.data, (uint32_t)body.size };
	sim_trace("operator: %s at %s", type, to->dir);
	sim->cluster.net.rates.doubled = 0; /* zmq doubles nothing */
	acta_door_send(&sim->cluster, 0, to->process->end, &item);
	sim->cluster.net.rates.doubled = doubled;
	acta_buf_fini(&body);
	return item.request;
}

uint64_t
sim_operator(const struct acta_place *to, const char *type,
    const struct acta_place *peer)
{
	struct acta_buf args;
	uint64_t request;

	acta_buf_init(&args);
	acta_pack_map(&args, 2);
	acta_pack_text(&args, "peer");
	acta_pack_text(&args, peer->process->config.service);
	acta_pack_text(&args, "peer_part");
	acta_pack_int(&args, peer->index);
	sim_trace("  about the channel with %s", peer->dir);
	request = sim_admin(to, type, &args);
	acta_buf_fini(&args);
	return request;
}

static void
ask_send(struct sim_ask *ask, uint32_t door, uint32_t flags)
{
	struct acta_buf args;

	acta_buf_init(&args);
	pack_args(&args, &ask->event);
	item_send(ask, door, flags, &args);
	acta_buf_fini(&args);
}

static void
ask_door(struct sim_ask *ask)
{
	uint32_t door = acta_dice_roll(&sim->dice, sim->cluster.door_count);

	if (ask->tries > 0 && (sim->breaks & BREAK_NEW_ID) != 0)
		ask->id += UINT64_C(1) << 40;
	sim_trace("request %u, door %u", ask->event.number, door);
	ask->calm = sim_disturbances();
	ask->dropped =
	    sim->cluster.doors[door].known[ask->event.b / SIM_KEYS] == 0;
	ask->requests[door] = ++sim->requests;
	sim->asked_by[sim->requests % SIM_REQUESTS] = ask;
	ask_send(ask, door, 0);
	sim->tally[ask->tries > 0 ? T_ASKED_AGAIN : T_OP + ask->event.a]++;
	ask->tries++;
	ask->again_us = sim->cluster.now_us + RETRY_US;
}

/* The id of a request that is done with, for another one. */
static bool
take_id(struct sim_ask *ask)
{
	for (uint32_t i = 0; i + 1 < sim->ask_count; i++) {
		const struct sim_ask *other = &sim->asks[i];
		uint32_t op = other->event.a;

		if (other->final && other->answered && other->event.kept_id &&
		    !other->forgotten && other->seq == 0 &&
		    !sim_of_operator(op) && other->event.b == ask->event.b &&
		    other->event.c != ask->event.c && other->ok &&
		    op != OP_REUSE && op != OP_PEEK && op != OP_SHOUT) {
			ask->id = other->id;
			ask->id_ms = other->id_ms;
			return true;
		}
	}
	return false;
}

/* In a session one thing after the other, although some ask before they have
 * heard of the last. True: it has its place. */
static bool
take_seq(struct sim_ask *ask)
{
	bool early;
	uint32_t who = ask->event.b;
	const struct sim_ask *before = sim->session_ask[who];

	if (ask->event.a == OP_UNKNOWN || ask->event.a == OP_BAD ||
	    ask->event.a == OP_PEEK || ask->event.a == OP_REUSE ||
	    sim_of_operator(ask->event.a))
		return false;
	early = before != NULL && !before->answered && !before->passed;
	if (early && !acta_dice_chance(&sim->dice, 300))
		return false;
	sim->tally[T_EARLY] += early;
	ask->seq = ++sim->session_seq[who];
	ask->session = sim->put_back;
	sim->session_ask[who] = ask;
	sim->tally[T_SESSION]++;
	return true;
}

/* Clients' clocks are off, too. */
static int64_t
id_ms(void)
{
	int64_t ms = acta_cluster_ms(&sim->cluster);

	if (!sim->plan->old_ids)
		return acta_dice_chance(&sim->dice, 500) ? ms : 0;
	if (acta_dice_chance(&sim->dice, 200))
		ms += acta_dice_between(&sim->dice, -7200, 7200) * 1000;
	return ms;
}

void
sim_ask_begin(const struct sim_event *event)
{
	struct sim_ask *ask = &sim->asks[sim->ask_count++];

	*ask = (struct sim_ask){ .event = *event };
	if (event->a == OP_FOLLOW && !sim->follows[event->b][event->c]) {
		sim->follows[event->b][event->c] = true;
		sim->before_follow[event->b][event->c] =
		    sim_actor_int(event->c, "shouts", 0);
	}
	acta_buf_init(&ask->result);
	ask->id = sim->plan->seed << 20 | sim->ask_count;
	if (event->session && take_seq(ask))
		ask->id_ms = 0; /* the session's */
	else if (event->kept_id)
		ask->id_ms = id_ms();
	if (event->a == OP_REUSE && !take_id(ask))
		sim->ask_count--;
	else
		ask_door(ask);
}

/* Without a kept id nobody may ask again; with one, some do so also after
 * their answer. */
void
sim_ask_again(struct sim_ask *ask)
{
	if (!ask->event.kept_id) {
		ask->final = true;
		ask->unknown = !ask->answered;
		sim->tally[T_UNKNOWN] += ask->unknown;
	} else if (ask->answered &&
	    (sim->healing || acta_dice_chance(&sim->dice, 700))) {
		ask->final = true;
	} else {
		ask_door(ask);
	}
}

void
sim_ask_resend(uint32_t door, uint32_t end)
{
	for (uint32_t i = sim->ask_first; i < sim->ask_count; i++) {
		struct sim_ask *ask = &sim->asks[i];

		if (ask->requests[door] == 0 || ask->answered || ask->final ||
		    !ask->event.kept_id || ask->event.b / SIM_KEYS != end)
			continue;
		sim->tally[T_RESENT]++;
		ask_send(ask, door, ACTA_CALL_AGAIN);
	}
}

struct sim_ask *
sim_ask_of(uint32_t door, uint64_t request)
{
	for (uint32_t i = sim->ask_count; i-- > 0;)
		if (sim->asks[i].requests[door] == request)
			return &sim->asks[i];
	return NULL;
}

struct sim_ask *
sim_ask_by(uint64_t request)
{
	return request + SIM_REQUESTS > sim->requests
	    ? sim->asked_by[request % SIM_REQUESTS]
	    : NULL;
}

static bool
is_code(const struct acta_item *item, const char *code)
{
	return item->code.data != NULL &&
	    is_word(item->code.data, item->code.size, code);
}

/* One way to be refused is as good as another where it must be refused. */
static void
check_code(const struct sim_ask *ask, const struct acta_item *item)
{
	uint32_t op = ask->event.a;
	bool ok = item->code.data == NULL;
	bool right = true;

	if (is_code(item, "failed"))
		right = op == OP_ANSWER || op == OP_PASS || op == OP_TOIL ||
		    sim_of_operator(op);
	else if (op == OP_UNKNOWN)
		right = is_code(item, "unknown-type");
	else if (op == OP_BAD)
		right = is_code(item, "bad-args");
	else if (op == OP_REUSE)
		right = is_code(item, "id-reused");
	else if (op == OP_DENY)
		right = is_code(item, "no") || (ok && ask->event.send);
	else if (sim_of_operator(op))
		right = ok || is_code(item, "not-found");
	else if (op == OP_MOVE)
		right = ok || is_code(item, "poor");
	else if (op == OP_ANSWER && ask->event.how == HOW_REFUSED)
		right = is_code(item, "no");
	else
		right = ok;
	if (!right)
		sim_broken("request %u is answered \"%.*s\"", ask->event.number,
		    (int)item->code.size,
		    item->code.data ? item->code.data : "");
}

static void
first_answer(struct sim_ask *ask, const struct acta_item *item)
{
	bool ok = item->code.data == NULL;

	check_code(ask, item);
	ask->answered = true;
	ask->ok = ok;
	snprintf(ask->code, sizeof(ask->code), "%.*s",
	    ok ? 0 : (int)item->code.size, ok ? "" : item->code.data);
	acta_buf_append(&ask->result, item->body.data, item->body.size);
	sim->tally[ok ? T_ANSWERED : T_REFUSED]++;
	sim->tally[T_REUSED] += is_code(item, "id-reused");
	sim->tally[T_REVIVED] += ok && ask->event.a == OP_RETRY;
	sim->tally[T_EDITED] += ok && ask->event.a == OP_EDIT;
	sim->hash =
	    acta_hash64_seeded(item->body.data, item->body.size, sim->hash);
}

/* It may have been done, or not: nobody knows any more. But only if it is as old
 * as what is forgotten. */
static void
id_expired(struct sim_ask *ask)
{
	const struct acta_part_config *config = &sim->plan->config;

	if (acta_cluster_ms(&sim->cluster) > sim->latest_ms)
		sim->latest_ms = acta_cluster_ms(&sim->cluster);
	if (config->ids_quota == 0 &&
	    (!sim->plan->old_ids ||
		ask->id_ms >= sim->latest_ms - config->ids_keep_ms))
		sim_broken(
		    "request %u is forgotten too early", ask->event.number);
	sim->tally[T_ID_EXPIRED]++;
	ask->final = true;
}

/* Of an operator. */
static void
word_heard(uint64_t request)
{
	for (uint32_t a = 0; a < SIM_PLACES_MAX; a++)
		for (uint32_t b = 0; b < SIM_PLACES_MAX; b++)
			if (sim->words[a][b] == request)
				sim->words[a][b] = 0;
}

void
sim_ask_reply(uint32_t door, const struct acta_item *item)
{
	struct sim_ask *ask = sim_ask_of(door, item->request);
	bool ok = item->code.data == NULL;

	if (ask == NULL && ok) {
		word_heard(item->request);
		sim_backup_heard(item);
	}
	if (ask == NULL)
		return;
	ask->requests[door] = 0; /* the door is done with it */
	sim_trace("answer to request %u: %.*s", ask->event.number,
	    ok ? 2 : (int)item->code.size, ok ? "ok" : item->code.data);
	sim->tally[T_BUSY] += is_code(item, "busy");
	sim->tally[T_EXPIRED] += is_code(item, "expired");
	/* Its session has gone on, and remembers that nothing of it was done. */
	if (is_code(item, "expired") && ask->seq > 0 && item->hint.size > 0) {
		ask->final = ask->passed = ask->not_done = true;
		sim->tally[T_UNDONE]++;
		return;
	}
	if (is_code(item, "busy") || is_code(item, "expired")) {
		/* Nothing ran: it is asked again, if it has an id. */
		ask->not_done = !ask->event.kept_id;
		return;
	}
	/* A session keeps its last answer alone. Who did not wait for it does
	 * not know whether it was done, or had expired. */
	if (is_code(item, "id-expired") && ask->seq > 0 && !ask->answered &&
	    ask->seq < sim->session_seq[ask->event.b]) {
		ask->final = ask->passed = true;
		return;
	}
	if (is_code(item, "id-expired") && ask->id_ms > 0) {
		id_expired(ask);
		return;
	}
	/* The node was started anew with its clock set back. */
	if (is_code(item, "bad-request") &&
	    ask->id_ms > acta_cluster_ms(&sim->cluster) + DAY_MS / 2) {
		ask->final = true;
		return;
	}
	if (!ask->answered) {
		first_answer(ask, item);
		return;
	}
	sim->tally[T_SAME_ANSWER]++;
	/* The one reads as of now, the other finds it gone; and a session keeps
	 * its last answer alone. */
	if (ask->event.a == OP_PEEK || sim_of_operator(ask->event.a) ||
	    (ask->seq > 0 && is_code(item, "id-expired")))
		return;
	if (ok != ask->ok || (!ok && !is_code(item, ask->code)) ||
	    ask->result.size != item->body.size ||
	    memcmp(ask->result.data, item->body.data, item->body.size) != 0)
		sim_broken("request %u has two answers", ask->event.number);
}
