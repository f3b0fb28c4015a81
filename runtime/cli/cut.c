/* runtime/cli/cut.c - see cut.h. */
#include "runtime/cli/cut.h"

#include <string.h>

#include "codecs/packer.h"

/* ---------------------------------------------------------------- taken -- */

enum acta_err
acta_cut_step(struct acta_cut *cut, bool *out_done, struct acta_why *why)
{
	uint32_t i = cut->step % cut->count;
	enum acta_err err;
	uint64_t turn;

	if (cut->step < cut->count) {
		err = acta_snapshot_turn(cut->snapshots[i], &cut->turns[i]);
	} else {
		err = acta_snapshot_take(cut->snapshots[i], &turn, why);
		cut->moved |= err == ACTA_OK && turn != cut->turns[i];
	}
	cut->step++;
	*out_done = cut->step == 2 * cut->count;
	return err;
}

bool
acta_cut_held(const struct acta_cut *cut, uint32_t i, acta_value answer)
{
	acta_value held = acta_map_get(answer, "held", 4);
	acta_value turn = acta_map_get(answer, "turn", 4);

	return held.type == ACTA_BOOL && held.as.b && turn.type == ACTA_INT &&
	    (uint64_t)turn.as.i == cut->turns[i];
}

/* ------------------------------------------------------------- put back -- */

/* The first half of a history id is what channels carry. */
static uint64_t
short_of(const uint8_t history[16])
{
	uint64_t out;

	memcpy(&out, history, sizeof(out));
	return out;
}

/* Of the peer that a row of the channel's table is about. */
static const struct acta_manifest_store *
peer_of(const struct acta_put_back *all, const struct acta_row *row)
{
	const uint8_t *k = row->key;
	char service[256];

	if (row->key_size < 4 || row->key_size != 4u + k[1])
		return NULL;
	memcpy(service, k + 2, k[1]);
	service[k[1]] = '\0';
	return all->find(
	    all->self, service, (uint32_t)k[2 + k[1]] << 8 | k[3 + k[1]]);
}

/*
 * store/rows.h: "i" [history, incarnation, its random, ...], "o" [next, acked,
 * chain, chain, history, ...]. A row that knew another store than the one that was
 * saved with it stays as it is: that channel has to stop. False: it is no such row.
 */
static bool
map_row(const struct acta_row *row, const struct acta_manifest_store *peer,
    struct acta_buf *out)
{
	struct acta_reader r = acta_reader(row->value, row->value_size);
	bool in = *(const uint8_t *)row->key == 'i', ok = true, known = false;
	uint32_t n = acta_read_list(&r, &ok), at;

	acta_buf_reset(out);
	if (!ok || n < 6) /* "t": names no store */
		return false;
	acta_pack_list(out, n);
	for (at = 0; at < n; at++) {
		size_t size;
		const void *raw = acta_read_raw(&r, &size);
		struct acta_reader one = acta_reader(raw, size);
		uint64_t number;

		if (size == 0)
			return false;
		if (at == (in ? 0u : 4u)) {
			number = acta_read_uint(&one, &ok);
			known = ok && number == short_of(peer->history);
			if (known)
				acta_pack_uint(out, short_of(peer->fresh));
		}
		if (known && in && (at == 1 || at == 2))
			acta_pack_uint(out, 0); /* any is newer */
		else if (!known || at != (in ? 0u : 4u))
			acta_pack_raw(out, raw, size);
	}
	return ok && known;
}

/* In one turn of the store. */
static enum acta_err
map_peers(struct acta_store *store, const struct acta_put_back *all)
{
	struct acta_scan *scan;
	struct acta_buf value;
	struct acta_row row;
	enum acta_err err;

	acta_buf_init(&value);
	acta_store_begin(store);
	scan = acta_scan_open(store, ACTA_T_CHANNEL, "", 0);
	while (acta_scan_next(scan, &row)) {
		const struct acta_manifest_store *peer = peer_of(all, &row);

		if (peer != NULL && map_row(&row, peer, &value))
			acta_store_put(store, ACTA_T_CHANNEL, row.key,
			    row.key_size, value.data, value.size);
	}
	err = acta_scan_close(&scan);
	if (err == ACTA_OK)
		err = acta_store_commit(store, acta_store_last_ms(store), true);
	else
		acta_store_abort(store);
	acta_buf_fini(&value);
	return err;
}

static enum acta_err
tell_peers(const struct acta_put_back *all,
    const struct acta_manifest_store *of, const char *dir, uint64_t used,
    struct acta_why *why)
{
	struct acta_store_options options = { .service = of->service,
		.part = of->part,
		.parts = of->parts,
		.quota = (UINT64_C(16) << 30) + 4 * used,
		.allow_any_fs = true,
		.seed = all->seed };
	struct acta_store *store;
	enum acta_err err = acta_store_open(dir, &options, &store, why);

	if (err != ACTA_OK)
		return err;
	err = map_peers(store, all);
	acta_store_close(&store);
	return err;
}

static enum acta_err
check_info(const struct acta_snapshot_info *info, uint64_t turn,
    const struct acta_manifest_store *of, const char *from,
    struct acta_why *why)
{
	if (turn == of->turn && info->part == of->part &&
	    info->parts == of->parts &&
	    memcmp(info->id.history, of->history, 16) == 0 &&
	    strcmp(info->service, of->service) == 0)
		return ACTA_OK;
	acta_why_text(why, "%s is not what was backed up", from);
	return ACTA_ECORRUPT;
}

enum acta_err
acta_cut_put_back(const struct acta_put_back *all,
    const struct acta_manifest_store *of, const char *from, const char *to,
    struct acta_why *why)
{
	struct acta_snapshot *snapshot = NULL;
	struct acta_snapshot_info info = { 0 };
	struct acta_copied copied;
	uint64_t turn;
	enum acta_err err = acta_snapshot_open(from, &snapshot, why);

	if (err == ACTA_OK)
		err = acta_snapshot_take(snapshot, &turn, why);
	if (err == ACTA_OK) {
		acta_snapshot_info(snapshot, &info);
		err = check_info(&info, turn, of, from, why);
	}
	if (err == ACTA_OK)
		err = acta_snapshot_copy(snapshot, to, of->fresh, &copied, why);
	acta_snapshot_close(&snapshot);
	if (err == ACTA_OK)
		err = tell_peers(all, of, to, info.used_bytes, why);
	if (err != ACTA_OK && why->text[0] == '\0')
		acta_why_text(why, "%s: %s", from, acta_strerror(err));
	return err;
}
