/* runtime/host/part.c - a partition opened and closed, and small things of all. */
#include "runtime/host/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "codecs/packer.h"
#include "runtime/host/outside.h"
#include "runtime/host/park.h"
#include "runtime/host/stage.h"
#include "runtime/host/subs.h"

/* ------------------------------------------------------- small helpers -- */

size_t
acta_actor_row(char *out, const char *key, size_t key_size, const char *name,
    size_t name_size)
{
	out[0] = (char)key_size;
	memcpy(out + 1, key, key_size);
	if (name_size > 0)
		memcpy(out + 1 + key_size, name, name_size);
	return 1 + key_size + name_size;
}

struct acta_uid
acta_part_uid(
    const void *a, size_t an, const void *b, size_t bn, uint64_t number)
{
	struct acta_hash128 h = acta_hash128(a, an);
	struct acta_uid uid;

	h = acta_hash128_chain(h, b, bn);
	h = acta_hash128_chain(h, &number, sizeof(number));
	memcpy(uid.bytes, h.bytes, 16);
	return uid;
}

uint64_t
acta_part_random(struct acta_part *part)
{ /* splitmix64 over a counter: seeds replay */
	uint64_t z = (part->random[0] += 0x9e3779b97f4a7c15u);

	z ^= part->random[1];
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

const struct acta_route *
acta_part_route(const struct acta_part *part, const char *service, size_t size)
{
	for (uint32_t i = 0; i < part->config.route_count; i++) {
		const struct acta_route *r = &part->config.routes[i];

		if (strlen(r->name) == size &&
		    memcmp(r->name, service, size) == 0)
			return r;
	}
	return NULL;
}

enum acta_err
acta_part_fatal(struct acta_part *part, enum acta_err err)
{
	if (err == ACTA_EUNSURE || err == ACTA_ECORRUPT)
		part->failed = true;
	return err;
}

enum acta_err
acta_part_get(struct acta_part *part, enum acta_table table, const void *key,
    size_t size, const void **out, size_t *out_size)
{
	enum acta_err err =
	    acta_store_get(part->store, table, key, size, out, out_size);

	if (err != ACTA_OK && err != ACTA_ENOENT)
		part->failed = true;
	return err;
}

void
acta_part_blame(struct acta_part *part, const uint8_t uid[16], uint32_t count,
    const char *words)
{
	struct acta_blame *b;

	if (part->blame_count == ACTA_BLAMES_MAX)
		return;
	b = &part->blames[part->blame_count++];
	memcpy(b->uid.bytes, uid, 16);
	b->count = count;
	snprintf(b->words, sizeof(b->words), "%s", words);
}

/* ---------------------------------------------------------- open, close -- */

static void
forget(struct acta_part *part)
{
	acta_parked_fini(part);
	part->parked_rows = 0;
	part->parked_wake_ms = 0;
	for (uint32_t i = 0; i < part->in_count; i++)
		acta_inbox_fini(&part->ins[i].inbox);
	for (uint32_t i = 0; i < part->out_count; i++) {
		acta_outbox_fini(part, &part->outs[i]->box);
		free(part->outs[i]);
	}
	free(part->outs);
	free(part->ins);
	free(part->topics);
	acta_subs_fini(part);
	part->outs = NULL;
	part->ins = NULL;
	part->topics = NULL;
	part->out_count = part->in_count = part->in_open = 0;
	part->topic_count = 0;
	part->out_cached = 0;
	part->inbox_turn = 0;
	part->gathered = 0;
}

static enum acta_err
load(struct acta_part *part)
{
	const void *value;
	size_t size;
	uint8_t key[ACTA_STORE_KEY_MAX];
	bool ok = true;
	enum acta_err err;

	part->next_due_ms = 0; /* whatever lies there is looked at */
	part->topics_due_ms = 0;
	acta_store_begin(part->store);
	err = acta_store_get(
	    part->store, ACTA_T_META, "numbers", 7, &value, &size);
	if (err == ACTA_OK) {
		struct acta_reader r = acta_reader(value, size);

		ok = acta_read_list(&r, &ok) == 5 && ok;
		part->next_ask = acta_read_uint(&r, &ok);
		part->next_token = acta_read_uint(&r, &ok);
		part->next_dead = acta_read_uint(&r, &ok);
		part->next_local = acta_read_uint(&r, &ok);
		part->next_place = acta_read_uint(&r, &ok);
	} else if (err != ACTA_ENOENT) {
		return err;
	}
	if (!ok)
		return ACTA_ECORRUPT;
	err = acta_channels_load(part);
	if (err == ACTA_OK)
		err = acta_stop_load(part);
	if (err == ACTA_OK)
		err = acta_parked_load(part);
	if (err == ACTA_OK)
		err = acta_topics_load(part);
	if (err == ACTA_OK)
		err = acta_subs_load(part);
	if (err == ACTA_OK)
		err = acta_ids_load(part);
	if (err == ACTA_OK)
		err = acta_due_first(part, key, &size);
	acta_store_abort(part->store);
	return err;
}

enum acta_err
acta_part_reload(struct acta_part *part)
{
	const struct acta_in *heard = NULL;
	uint32_t count = part->in_count;
	enum acta_err err;

	if (count > 0)
		heard = acta_arena_copy(
		    &part->arena, part->ins, count * sizeof(*heard));
	forget(part);
	part->loads++;
	err = load(part);
	if (err == ACTA_OK)
		acta_channels_recall(part, heard, count);
	acta_outside_recall(part);
	return err;
}

enum acta_err
acta_part_open(struct acta_part **out, const char *dir,
    const struct acta_store_options *options,
    const struct acta_part_config *config, const struct acta_loaded *loaded,
    const struct acta_port *port, struct acta_box *box, int64_t now_ms,
    struct acta_why *why)
{
	struct acta_part *part = calloc(1, sizeof(*part));
	enum acta_err err;

	if (part == NULL)
		abort();
	part->config = *config;
	part->loaded = loaded;
	part->own_route =
	    acta_part_route(part, config->service, strlen(config->service));
	part->port = *port;
	part->box = box ? box : &part->own_box;
	part->next_ask = part->next_token = part->next_dead = 1;
	part->next_local = 1;
	acta_inbox_init(&part->calls);
	acta_buf_init(&part->pack);
	acta_buf_init(&part->scratch);
	part->local_tail = &part->local;
	part->release_tail = &part->releases;
	part->random[0] = config->seed;
	if (config->seed == 0 &&
	    getrandom(part->random, sizeof(part->random), 0) !=
		sizeof(part->random)) {
		err = ACTA_EIO;
		acta_why_text(why, "no random numbers from the system");
		goto fail;
	}
	err = acta_store_open(dir, options, &part->store, why);
	if (err != ACTA_OK)
		goto fail;
	part->id = acta_store_id(part->store);
	memcpy(&part->hist, part->id.history, 8);
	part->random[1] ^= part->id.incarnation_random;
	part->now_ms = acta_store_last_ms(part->store);
	if (now_ms > part->now_ms)
		part->now_ms = now_ms;
	part->intake_stopped = acta_store_intake_stopped(part->store);
	err = load(part);
	if (err != ACTA_OK) {
		acta_why_text(why,
		    "%s: a row of the runtime cannot be read: "
		    "%s",
		    dir, acta_strerror(err));
		goto fail;
	}
	if (loaded->service->in_memory) {
		/* An answer to a question of the life before finds none. */
		part->next_ask = acta_part_random(part) >> 2;
		part->next_token = acta_part_random(part) >> 2;
	}
	*out = part;
	return ACTA_OK;
fail:
	acta_part_close(&part);
	return err;
}

void
acta_part_close(struct acta_part **p)
{
	struct acta_part *part = *p;

	if (part == NULL)
		return;
	forget(part);
	for (uint32_t i = 0; i < part->read_count; i++)
		acta_buf_fini(&part->reads[i].item);
	acta_store_close(&part->store);
	acta_arena_fini(&part->arena);
	acta_literals_fini(&part->literals);
	acta_stages_fini(part);
	acta_inbox_fini(&part->calls);
	acta_buf_fini(&part->pack);
	acta_buf_fini(&part->scratch);
	acta_ids_fini(part);
	acta_outside_fini(part);
	free(part);
	*p = NULL;
}
