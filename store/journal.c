/* store/journal.c - see journal.h and store/README. */
#include "store/journal.h"

#include <endian.h>

#define HEAD 40u
#define TAIL 8u
#define OP_HEAD 8u

static uint8_t *
put_u16(uint8_t *at, uint16_t n)
{
	n = htole16(n);
	memcpy(at, &n, sizeof(n));
	return at + sizeof(n);
}

static uint8_t *
put_u32(uint8_t *at, uint32_t n)
{
	n = htole32(n);
	memcpy(at, &n, sizeof(n));
	return at + sizeof(n);
}

static uint8_t *
put_u64(uint8_t *at, uint64_t n)
{
	n = htole64(n);
	memcpy(at, &n, sizeof(n));
	return at + sizeof(n);
}

static uint16_t
get_u16(const uint8_t *at)
{
	uint16_t n;

	memcpy(&n, at, sizeof(n));
	return le16toh(n);
}

static uint32_t
get_u32(const uint8_t *at)
{
	uint32_t n;

	memcpy(&n, at, sizeof(n));
	return le32toh(n);
}

static uint64_t
get_u64(const uint8_t *at)
{
	uint64_t n;

	memcpy(&n, at, sizeof(n));
	return le64toh(n);
}

/* -------------------------------------------------------------- encode -- */

static void
encode_op(struct acta_buf *out, uint8_t op, const uint8_t *key,
    uint16_t key_size, const uint8_t *value, uint32_t size)
{
	uint8_t *at = out->data + out->size;

	*at++ = op;
	*at++ = key[0]; /* the table */
	at = put_u16(at, (uint16_t)(key_size - 1));
	at = put_u32(at, size);
	memcpy(at, key + 1, key_size - 1u);
	if (size > 0)
		memcpy(at + key_size - 1, value, size);
	out->size += OP_HEAD + key_size - 1u + size;
}

/* The marks come first: a row that lived before its mark is left out, so that
 * what follows was written after. */
static uint32_t
encode_ops(struct acta_buf *out, const struct acta_writeset *ws)
{
	const struct acta_mark *mark;
	uint32_t count = 0;
	size_t i;

	for (mark = ws->rows.marks; mark != NULL; mark = mark->next) {
		if (mark->first == 0)
			continue;
		encode_op(out, ACTA_CHANGE_DELETE_PREFIX, mark->prefix,
		    mark->size, NULL, 0);
		count++;
	}
	for (i = 0; i < ws->rows.count; i++) {
		const struct acta_entry *entry = ws->entries[i];

		if (entry->kind == ACTA_ROW_NONE ||
		    acta_rowmap_dead(&ws->rows, entry))
			continue;
		encode_op(out,
		    entry->kind == ACTA_ROW_PUT ? ACTA_CHANGE_PUT
						: ACTA_CHANGE_DELETE,
		    entry->key, entry->key_size, entry->value, entry->size);
		count++;
	}
	return count;
}

void
acta_journal_encode(struct acta_buf *out, const struct acta_writeset *ws,
    uint64_t turn, int64_t now_ms)
{
	uint64_t most = HEAD + ws->bytes + ws->notes.size + TAIL;
	uint32_t count;
	size_t ops_size;
	uint8_t *at;

	assert(most <= UINT32_MAX);
	acta_buf_reset(out);
	acta_buf_reserve(out, most);
	out->size = HEAD;
	count = encode_ops(out, ws);
	ops_size = out->size - HEAD;
	assert(ops_size <= ws->bytes);
	if (ws->notes.size > 0)
		memcpy(out->data + out->size, ws->notes.data, ws->notes.size);
	out->size += ws->notes.size;
	at = out->data;
	memcpy(at, "AcJ", 3);
	at[3] = ACTA_JOURNAL_VERSION;
	at = put_u32(at + 4, (uint32_t)(out->size + TAIL));
	at = put_u64(at, turn);
	at = put_u64(at, (uint64_t)now_ms);
	at = put_u32(at, count);
	at = put_u32(at, (uint32_t)ops_size);
	at = put_u32(at, (uint32_t)ws->notes.size);
	put_u32(at, 0);
	put_u64(out->data + out->size, acta_hash64(out->data, out->size));
	out->size += TAIL;
}

/* -------------------------------------------------------------- decode -- */

/* false: it does not fit, or is none that we know. */
static bool
decode_op(const uint8_t **at, const uint8_t *end, struct acta_change *out)
{
	const uint8_t *p = *at, *key = p + OP_HEAD;

	if (end - p < (ptrdiff_t)OP_HEAD)
		return false;
	*out = (struct acta_change){ .kind = p[0],
		.table = p[1],
		.key = key,
		.key_size = get_u16(p + 2),
		.size = get_u32(p + 4) };
	if ((uint64_t)(end - key) < (uint64_t)out->key_size + out->size ||
	    p[0] < ACTA_CHANGE_PUT || p[0] > ACTA_CHANGE_DELETE_PREFIX ||
	    p[1] >= ACTA_TABLES || out->key_size > ACTA_STORE_KEY_MAX ||
	    out->size > ACTA_STORE_VALUE_MAX ||
	    (out->kind != ACTA_CHANGE_PUT && out->size > 0) ||
	    (out->kind != ACTA_CHANGE_DELETE_PREFIX && out->key_size == 0))
		return false;
	out->value = key + out->key_size;
	*at = key + out->key_size + out->size;
	return true;
}

static bool
ops_fit(const struct acta_record *record)
{
	const uint8_t *at = record->ops, *end = at + record->ops_size;
	uint32_t count = 0;
	struct acta_change change;

	while (at < end) {
		if (!decode_op(&at, end, &change))
			return false;
		count++;
	}
	return count == record->rows;
}

enum acta_err
acta_journal_decode(const void *data, size_t size, struct acta_record *out)
{
	const uint8_t *at = data;

	if (size < HEAD + TAIL || memcmp(at, "AcJ", 3) != 0 ||
	    get_u32(at + 4) != size ||
	    get_u64(at + size - TAIL) != acta_hash64(at, size - TAIL))
		return ACTA_ECORRUPT;
	if (at[3] != ACTA_JOURNAL_VERSION)
		return ACTA_EVERSION;
	*out = (struct acta_record){ .turn = get_u64(at + 8),
		.now_ms = (int64_t)get_u64(at + 16),
		.rows = get_u32(at + 24),
		.size = size,
		.ops = at + HEAD,
		.ops_size = get_u32(at + 28),
		.notes_size = get_u32(at + 32) };
	out->notes = out->ops + out->ops_size;
	if ((uint64_t)out->ops_size + out->notes_size != size - HEAD - TAIL ||
	    !ops_fit(out))
		return ACTA_ECORRUPT;
	return ACTA_OK;
}

void
acta_journal_apply(
    const struct acta_record *record, struct acta_generation *gen)
{
	const uint8_t *at = record->ops, *end = at + record->ops_size;
	struct acta_rowkey key;
	struct acta_change change;

	while (at < end) {
		bool fits = decode_op(&at, end, &change);

		assert(fits); /* the record was checked */
		acta_rowkey_init(
		    &key, change.table, change.key, change.key_size);
		if (change.kind == ACTA_CHANGE_DELETE_PREFIX)
			acta_generation_mark(gen, &key);
		else
			acta_generation_set(gen, &key,
			    change.kind == ACTA_CHANGE_PUT ? ACTA_ROW_PUT
							   : ACTA_ROW_DELETE,
			    change.value, change.size);
	}
	acta_generation_turn(gen, record->turn, record->size);
}

bool
acta_store_record_next(
    const struct acta_store_record *record, size_t *at, struct acta_change *out)
{
	const uint8_t *from = (const uint8_t *)record->changes + *at;
	bool any;

	if (*at >= record->changes_size)
		return false;
	any = decode_op(&from,
	    (const uint8_t *)record->changes + record->changes_size, out);
	assert(any); /* the record was checked */
	*at = (size_t)(from - (const uint8_t *)record->changes);
	return true;
}

/* ---------------------------------------------------------------- rows -- */

void
acta_journal_key_encode(
    uint8_t out[ACTA_JOURNAL_KEY], uint64_t turn, uint32_t row)
{
	uint64_t t = htobe64(turn);
	uint16_t r = htobe16((uint16_t)row);

	assert(row <= UINT16_MAX);
	memcpy(out, &t, sizeof(t));
	memcpy(out + sizeof(t), &r, sizeof(r));
}

bool
acta_journal_key_decode(
    const void *key, size_t size, uint64_t *out_turn, uint32_t *out_row)
{
	uint64_t t;
	uint16_t r;

	if (size != ACTA_JOURNAL_KEY)
		return false;
	memcpy(&t, key, sizeof(t));
	memcpy(&r, (const uint8_t *)key + sizeof(t), sizeof(r));
	*out_turn = be64toh(t);
	*out_row = be16toh(r);
	return true;
}

enum acta_err
acta_journal_append(struct acta_env *env, struct acta_env_txn *txn,
    uint64_t turn, const struct acta_buf *record, uint32_t *out_rows)
{
	size_t done = 0;
	uint32_t row = 0;

	while (done < record->size) {
		size_t left = record->size - done;
		size_t size =
		    left < ACTA_JOURNAL_ROW_MAX ? left : ACTA_JOURNAL_ROW_MAX;
		uint8_t key[ACTA_JOURNAL_KEY];
		void *room;
		enum acta_err err;

		acta_journal_key_encode(key, turn, row++);
		err = env->ops->put(
		    txn, ACTA_MAP_JOURNAL, key, sizeof(key), size, &room);
		if (err != ACTA_OK)
			return err;
		memcpy(room, record->data + done, size);
		done += size;
	}
	*out_rows = row;
	return ACTA_OK;
}

enum acta_err
acta_journal_walk_init(struct acta_journal_walk *walk, struct acta_env *env,
    struct acta_env_txn *txn, uint64_t from, bool verify)
{
	uint8_t key[ACTA_JOURNAL_KEY];
	enum acta_err err;

	*walk = (struct acta_journal_walk){
		.env = env, .txn = txn, .verify = verify
	};
	acta_buf_init(&walk->whole);
	err = env->ops->cursor_open(txn, ACTA_MAP_JOURNAL, &walk->cursor);
	if (err != ACTA_OK)
		return err;
	acta_journal_key_encode(key, from, 0);
	err = env->ops->cursor_seek(walk->cursor, key, sizeof(key), &walk->row);
	walk->have_row = err == ACTA_OK;
	return err == ACTA_ENOENT ? ACTA_OK : err;
}

void
acta_journal_walk_fini(struct acta_journal_walk *walk)
{
	if (walk->cursor)
		walk->env->ops->cursor_close(walk->cursor);
	acta_buf_fini(&walk->whole);
}

/* Append the row to the record and step on. */
static enum acta_err
take_row(struct acta_journal_walk *walk)
{
	enum acta_err err = ACTA_OK;

	if (walk->verify)
		err = walk->env->ops->verify(
		    walk->txn, walk->row.value, walk->row.value_size);
	if (err != ACTA_OK)
		return err;
	acta_buf_append(&walk->whole, walk->row.value, walk->row.value_size);
	err = walk->env->ops->cursor_next(walk->cursor, &walk->row);
	walk->have_row = err == ACTA_OK;
	return err == ACTA_ENOENT ? ACTA_OK : err;
}

enum acta_err
acta_journal_walk_next(struct acta_journal_walk *walk, struct acta_record *out)
{
	uint64_t turn = 0, of_row;
	uint32_t row, expect = 0;
	enum acta_err err;

	if (!walk->have_row)
		return ACTA_ENOENT;
	acta_buf_reset(&walk->whole);
	while (walk->have_row) {
		if (!acta_journal_key_decode(
			walk->row.key, walk->row.key_size, &of_row, &row))
			return ACTA_ECORRUPT;
		if (expect > 0 && of_row != turn)
			break;
		if (row != expect++)
			return ACTA_ECORRUPT;
		turn = of_row;
		err = take_row(walk);
		if (err != ACTA_OK)
			return err;
	}
	err = acta_journal_decode(walk->whole.data, walk->whole.size, out);
	if (err == ACTA_OK && out->turn != turn)
		return ACTA_ECORRUPT;
	return err;
}
