/* store/follow.c - followers of the journal: registered in the store, their
 * places held back, and records read by turn. store/README has their rows. */
#include "store/internal.h"

#include "codecs/packer.h"
#include "codecs/reader.h"

#define PREFIX "follower/"
#define PREFIX_SIZE (sizeof(PREFIX) - 1)

/* ---------------------------------------------------------------- rows -- */

static bool
name_valid(const char *name, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') &&
		    !(name[i] >= '0' && name[i] <= '9') &&
		    memchr("-./", name[i], 3) == NULL)
			return false;
	return size > 0 && size <= ACTA_STORE_FOLLOWER_NAME_MAX;
}

static void
row_name(
    char out[PREFIX_SIZE + ACTA_STORE_FOLLOWER_NAME_MAX + 1], const char *name)
{
	memcpy(out, PREFIX, PREFIX_SIZE);
	memcpy(out + PREFIX_SIZE, name, strlen(name) + 1);
}

static enum acta_err
write_row(struct acta_store *store, struct acta_env_txn *txn,
    const struct acta_follower *follower)
{
	char name[PREFIX_SIZE + ACTA_STORE_FOLLOWER_NAME_MAX + 1];
	struct acta_buf buf;
	enum acta_err err;

	row_name(name, follower->name);
	acta_buf_init(&buf);
	acta_pack_map(&buf, 2);
	acta_pack_text(&buf, "next");
	acta_pack_uint(&buf, follower->next);
	acta_pack_text(&buf, "lapsed");
	acta_pack_bool(&buf, follower->lapsed);
	err = acta_store_own_write(store, txn, name, &buf);
	acta_buf_fini(&buf);
	return err;
}

static enum acta_err
read_row(struct acta_store *store, const struct acta_row *row)
{
	const char *name = (const char *)row->key + PREFIX_SIZE;
	size_t name_size = row->key_size - PREFIX_SIZE, size;
	struct acta_following *f = &store->followers[store->follower_count];
	acta_value map, next, lapsed;
	struct acta_reader reader;
	enum acta_err err = acta_store_own_check(row, &size);

	if (err != ACTA_OK)
		return err;
	reader = acta_reader(row->value, size);
	map = acta_read(&reader);
	if (map.type != ACTA_MAP || !name_valid(name, name_size) ||
	    store->follower_count == ACTA_STORE_FOLLOWERS_MAX)
		return ACTA_ECORRUPT;
	next = acta_map_get(map, "next", 4);
	lapsed = acta_map_get(map, "lapsed", 6);
	if (next.type != ACTA_INT || next.as.i < 1 || lapsed.type != ACTA_BOOL)
		return ACTA_ECORRUPT;
	*f = (struct acta_following){ .stored = (uint64_t)next.as.i };
	memcpy(f->as.name, name, name_size);
	f->as.next = f->stored;
	f->as.lapsed = lapsed.as.b;
	/* What it needs is kept, or the journal's marks are not what they say. */
	if (!f->as.lapsed && f->stored < store->keep_from)
		return ACTA_ECORRUPT;
	store->follower_count++;
	return ACTA_OK;
}

enum acta_err
acta_followers_read(struct acta_store *store, struct acta_env_txn *txn)
{
	const struct acta_env_ops *ops = store->env->ops;
	struct acta_env_cursor *cursor;
	struct acta_row row;
	enum acta_err err = ops->cursor_open(txn, ACTA_MAP_STORE, &cursor);

	if (err != ACTA_OK)
		return err;
	store->follower_count = 0;
	err = ops->cursor_seek(cursor, PREFIX, PREFIX_SIZE, &row);
	while (err == ACTA_OK && row.key_size > PREFIX_SIZE &&
	    memcmp(row.key, PREFIX, PREFIX_SIZE) == 0) {
		err = read_row(store, &row);
		if (err == ACTA_OK)
			err = ops->cursor_next(cursor, &row);
	}
	ops->cursor_close(cursor);
	return err == ACTA_ENOENT ? ACTA_OK : err;
}

/* -------------------------------------------------------- what is kept -- */

uint64_t
acta_followers_need(const struct acta_store *store, uint64_t lapse)
{
	uint64_t need = UINT64_MAX;
	uint32_t i;

	for (i = 0; i < store->follower_count; i++) {
		const struct acta_follower *f = &store->followers[i].as;

		if (!f->lapsed && f->next > lapse && f->next < need)
			need = f->next;
	}
	return need;
}

/* While what nobody needs is still being cut, the journal's length says
 * nothing of followers; nor do the records that both generations need. */
uint64_t
acta_followers_lapse(const struct acta_store *store)
{
	uint64_t own =
	    store->active->journal_bytes + store->frozen->journal_bytes;
	uint64_t need;

	if (store->env_info.journal_bytes <= own + store->journal_keep ||
	    store->journal_first < store->keep_from)
		return 0;
	need = acta_followers_need(store, 0);
	return need < store->replay_from ? need : 0;
}

static bool
lapses(const struct acta_follower *f, uint64_t lapse)
{
	return !f->lapsed && f->next <= lapse;
}

bool
acta_followers_dirty(const struct acta_store *store)
{
	uint32_t i;

	for (i = 0; i < store->follower_count; i++)
		if (store->followers[i].as.next != store->followers[i].stored)
			return true;
	return false;
}

enum acta_err
acta_followers_write(
    struct acta_store *store, struct acta_env_txn *txn, uint64_t lapse)
{
	enum acta_err err = ACTA_OK;
	uint32_t i;

	for (i = 0; i < store->follower_count && err == ACTA_OK; i++) {
		struct acta_following *f = &store->followers[i];
		struct acta_follower row = f->as;

		if (f->as.next == f->stored && !lapses(&f->as, lapse))
			continue;
		row.lapsed = row.lapsed || lapses(&f->as, lapse);
		err = write_row(store, txn, &row);
	}
	return err;
}

void
acta_followers_written(struct acta_store *store, uint64_t lapse)
{
	uint32_t i;

	for (i = 0; i < store->follower_count; i++) {
		struct acta_following *f = &store->followers[i];

		f->as.lapsed = f->as.lapsed || lapses(&f->as, lapse);
		f->stored = f->as.next;
	}
}

/* ------------------------------------------------------------ followers -- */

/* Where it is, or would be. */
static uint32_t
place(const struct acta_store *store, const char *name, bool *out_there)
{
	uint32_t i = 0;
	int order = 1;

	while (i < store->follower_count &&
	    (order = strcmp(store->followers[i].as.name, name)) < 0)
		i++;
	*out_there = i < store->follower_count && order == 0;
	return i;
}

/* One commit for one row: written, or with `follower` NULL deleted. */
static enum acta_err
commit_row(struct acta_store *store, const char *name,
    const struct acta_follower *follower)
{
	char key[PREFIX_SIZE + ACTA_STORE_FOLLOWER_NAME_MAX + 1];
	const struct acta_env_ops *ops = store->env->ops;
	struct acta_env_txn *txn;
	enum acta_err err;

	assert(!store->read_only);
	assert(!acta_writeset_dirty(&store->ws));
	acta_store_reads_end(store);
	row_name(key, name);
	err = ops->begin(store->env, true, &txn);
	if (err != ACTA_OK)
		return err == ACTA_EFULL ? err : ACTA_EUNSURE;
	err = follower != NULL
	    ? write_row(store, txn, follower)
	    : ops->del(txn, ACTA_MAP_STORE, key, strlen(key));
	if (err == ACTA_OK)
		err = ops->commit(txn);
	else
		ops->abort(txn);
	return err == ACTA_OK || err == ACTA_EFULL ? err : ACTA_EUNSURE;
}

enum acta_err
acta_store_follow(struct acta_store *store, const char *name, uint64_t from,
    uint64_t *out_next)
{
	struct acta_following new = { .stored = from };
	struct acta_following *f;
	bool there;
	enum acta_err err;

	if (!store->journaled || !name_valid(name, strlen(name)))
		return ACTA_EINVAL;
	f = &store->followers[place(store, name, &there)];
	if (there) {
		if (f->as.lapsed)
			return ACTA_ELAPSED;
		*out_next = f->as.next;
		return ACTA_OK;
	}
	if (from == 0)
		new.stored = store->turn + 1;
	if (new.stored > store->turn + 1)
		return ACTA_EINVAL;
	if (new.stored < store->keep_from)
		return ACTA_ELAPSED;
	if (store->follower_count == ACTA_STORE_FOLLOWERS_MAX)
		return ACTA_ELIMIT;
	memcpy(new.as.name, name, strlen(name) + 1);
	new.as.next = new.stored;
	err = commit_row(store, name, &new.as);
	if (err != ACTA_OK)
		return err;
	memmove(f + 1, f,
	    (size_t)(&store->followers[store->follower_count] - f) *
		sizeof(*f));
	*f = new;
	store->follower_count++;
	*out_next = new.as.next;
	return ACTA_OK;
}

enum acta_err
acta_store_unfollow(struct acta_store *store, const char *name)
{
	struct acta_following *f;
	bool there;
	enum acta_err err;

	f = &store->followers[place(store, name, &there)];
	if (!there)
		return ACTA_ENOENT;
	err = commit_row(store, name, NULL);
	if (err != ACTA_OK)
		return err;
	store->follower_count--;
	memmove(f, f + 1,
	    (size_t)(&store->followers[store->follower_count] - f) *
		sizeof(*f));
	return ACTA_OK;
}

enum acta_err
acta_store_followed(struct acta_store *store, const char *name, uint64_t turn)
{
	struct acta_following *f;
	bool there;

	f = &store->followers[place(store, name, &there)];
	if (!there)
		return ACTA_ENOENT;
	if (f->as.lapsed)
		return ACTA_ELAPSED;
	if (turn > store->turn)
		return ACTA_EINVAL;
	if (turn >= f->as.next)
		f->as.next = turn + 1;
	return ACTA_OK;
}

const struct acta_follower *
acta_store_follower(const struct acta_store *store, uint32_t index)
{
	return index < store->follower_count ? &store->followers[index].as
					     : NULL;
}

/* -------------------------------------------------------------- records -- */

/* The record whole, into store->followed. */
static enum acta_err
read_record(struct acta_store *store, uint64_t turn, struct acta_record *out)
{
	struct acta_journal_walk walk;
	struct acta_env_txn *txn;
	struct acta_buf whole;
	enum acta_err err = acta_store_reading(store, &txn);

	if (err != ACTA_OK)
		return err;
	err = acta_journal_walk_init(&walk, store->env, txn, turn, false);
	if (err == ACTA_OK)
		err = acta_journal_walk_next(&walk, out);
	if (err == ACTA_OK) { /* its bytes are ours from here on */
		whole = walk.whole;
		walk.whole = store->followed;
		store->followed = whole;
	}
	acta_journal_walk_fini(&walk);
	return err;
}

enum acta_err
acta_store_record(
    struct acta_store *store, uint64_t turn, struct acta_store_record *out)
{
	struct acta_record record;
	enum acta_err err;

	if (turn == 0 || turn > store->turn || !store->journaled)
		return ACTA_ENOENT;
	if (turn < store->keep_from && turn != store->turn)
		return ACTA_ELAPSED;
	err = read_record(store, turn, &record);
	if (err == ACTA_OK && record.turn != turn)
		err = ACTA_ECORRUPT;
	if (err != ACTA_OK)
		return err == ACTA_ENOENT ? ACTA_ECORRUPT : err;
	*out = (struct acta_store_record){ .turn = turn,
		.now_ms = record.now_ms,
		.data = store->followed.data,
		.size = record.size,
		.changes = record.ops,
		.changes_size = record.ops_size,
		.notes = record.notes,
		.notes_size = record.notes_size };
	return ACTA_OK;
}
