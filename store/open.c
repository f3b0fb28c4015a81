/*
 * store/open.c - from a directory to a store that may speak: the env (which
 * locks it), sync, meta, replay, incarnation. The order is the point:
 * store/README tells why.
 */
#include "store/internal.h"

#include "codecs/packer.h"
#include "codecs/reader.h"

#include <stdlib.h>
#include <sys/random.h>

#define QUOTA_DEFAULT (UINT64_C(16) << 30)
#define MEMORY_DEFAULT (UINT64_C(64) << 20)
#define KEEP_DEFAULT (UINT64_C(1) << 30)
#define MAP_ROOM (UINT64_C(64) << 20)

/* ----------------------------------------------------- the store's rows -- */

static void
own_key(struct acta_rowkey *out, const char *name)
{
	acta_rowkey_init(out, ACTA_MAP_STORE, name, strlen(name));
}

enum acta_err
acta_store_own_write(struct acta_store *store, struct acta_env_txn *txn,
    const char *name, const struct acta_buf *value)
{
	struct acta_rowkey key;

	own_key(&key, name);
	return acta_row_write(
	    store->env, txn, key.bytes, key.size, value->data, value->size);
}

static enum acta_err
own_check(const struct acta_rowkey *key, const void *value, size_t *size)
{
	enum acta_err err = acta_row_check(key->bytes, key->size, value, size);

	if (err == ACTA_OK && acta_msgpack_check(value, *size) != ACTA_OK)
		err = ACTA_ECORRUPT;
	return err;
}

enum acta_err
acta_store_own_check(const struct acta_row *row, size_t *out_size)
{
	struct acta_rowkey key;

	if (row->key_size > ACTA_STORE_KEY_MAX)
		return ACTA_ECORRUPT;
	acta_rowkey_init(&key, ACTA_MAP_STORE, row->key, row->key_size);
	*out_size = row->value_size;
	return own_check(&key, row->value, out_size);
}

/* A MAP; ABSENT and ACTA_ENOENT if there is no such row. */
static enum acta_err
own_read(struct acta_store *store, struct acta_env_txn *txn, const char *name,
    bool verify, acta_value *out)
{
	struct acta_reader reader;
	struct acta_rowkey key;
	const void *value;
	size_t size;
	enum acta_err err;

	own_key(&key, name);
	err = store->env->ops->get(
	    txn, ACTA_MAP_STORE, key.bytes + 1, key.size - 1u, &value, &size);
	if (err == ACTA_OK && verify)
		err = store->env->ops->verify(txn, value, size);
	if (err == ACTA_OK)
		err = own_check(&key, value, &size);
	if (err != ACTA_OK)
		return err;
	reader = acta_reader(value, size);
	*out = acta_read(&reader);
	return out->type == ACTA_MAP ? ACTA_OK : ACTA_ECORRUPT;
}

static acta_value
field(acta_value map, const char *name)
{
	return acta_map_get(map, name, strlen(name));
}

/* *ok becomes false if it is not there or none. */
static uint64_t
number(acta_value map, const char *name, bool *ok)
{
	acta_value value = field(map, name);

	if (value.type == ACTA_UINT)
		return value.as.u;
	if (value.type == ACTA_INT && value.as.i >= 0)
		return (uint64_t)value.as.i;
	*ok = false;
	return 0;
}

enum acta_err
acta_store_write_marks(struct acta_store *store, struct acta_env_txn *txn,
    struct acta_marks_row marks)
{
	struct acta_buf buf;
	enum acta_err err;

	acta_buf_init(&buf);
	acta_pack_map(&buf, 2);
	acta_pack_text(&buf, "replay_from");
	acta_pack_uint(&buf, marks.replay_from);
	acta_pack_text(&buf, "keep_from");
	acta_pack_uint(&buf, marks.keep_from);
	err = acta_store_own_write(store, txn, "marks", &buf);
	acta_buf_fini(&buf);
	return err;
}

enum acta_err
acta_store_write_identity(struct acta_store *store, struct acta_env_txn *txn)
{
	struct acta_buf buf;
	enum acta_err err;

	acta_buf_init(&buf);
	acta_pack_map(&buf, store->restored ? 7 : 5);
	acta_pack_text(&buf, "format");
	acta_pack_uint(&buf, ACTA_STORE_FORMAT);
	acta_pack_text(&buf, "service");
	acta_pack_text(&buf, store->service);
	acta_pack_text(&buf, "part");
	acta_pack_uint(&buf, store->part);
	acta_pack_text(&buf, "parts");
	acta_pack_uint(&buf, store->parts);
	acta_pack_text(&buf, "history");
	acta_pack_bin(&buf, store->id.history, sizeof(store->id.history));
	if (store->restored) {
		acta_pack_text(&buf, "parent");
		acta_pack_bin(&buf, store->parent, sizeof(store->parent));
		acta_pack_text(&buf, "parent_turn");
		acta_pack_uint(&buf, store->parent_turn);
	}
	err = acta_store_own_write(store, txn, "identity", &buf);
	acta_buf_fini(&buf);
	return err;
}

static enum acta_err
write_incarnation(struct acta_store *store, struct acta_env_txn *txn)
{
	struct acta_buf buf;
	enum acta_err err;

	acta_buf_init(&buf);
	acta_pack_map(&buf, 2);
	acta_pack_text(&buf, "count");
	acta_pack_uint(&buf, store->id.incarnation);
	acta_pack_text(&buf, "random");
	acta_pack_uint(&buf, store->id.incarnation_random);
	err = acta_store_own_write(store, txn, "incarnation", &buf);
	acta_buf_fini(&buf);
	return err;
}

static enum acta_err
read_identity(struct acta_store *store, struct acta_env_txn *txn, bool verify,
    struct acta_why *why)
{
	acta_value map, service, history, parent;
	bool ok = true;
	uint64_t format;
	enum acta_err err = own_read(store, txn, "identity", verify, &map);

	if (err != ACTA_OK)
		return err;
	format = number(map, "format", &ok);
	if (ok && format != ACTA_STORE_FORMAT) {
		acta_why_text(why, "the store has format %llu, we know %u",
		    (unsigned long long)format, ACTA_STORE_FORMAT);
		return ACTA_EVERSION;
	}
	service = field(map, "service");
	history = field(map, "history");
	store->part = (uint32_t)number(map, "part", &ok);
	store->parts = (uint32_t)number(map, "parts", &ok);
	if (!ok || service.type != ACTA_STR ||
	    service.size > ACTA_SERVICE_MAX || history.type != ACTA_BIN ||
	    history.size != sizeof(store->id.history))
		return ACTA_ECORRUPT;
	memcpy(store->service, service.as.data, service.size);
	store->service[service.size] = '\0';
	memcpy(store->id.history, history.as.data, history.size);
	parent = field(map, "parent");
	store->restored = parent.type != ACTA_ABSENT;
	if (!store->restored)
		return ACTA_OK;
	store->parent_turn = number(map, "parent_turn", &ok);
	if (!ok || parent.type != ACTA_BIN ||
	    parent.size != sizeof(store->parent))
		return ACTA_ECORRUPT;
	memcpy(store->parent, parent.as.data, parent.size);
	return ACTA_OK;
}

static enum acta_err
read_numbers(struct acta_store *store, struct acta_env_txn *txn, bool verify)
{
	acta_value marks, incarnation;
	bool ok = true;
	enum acta_err err = own_read(store, txn, "marks", verify, &marks);

	if (err == ACTA_OK)
		err = own_read(store, txn, "incarnation", verify, &incarnation);
	if (err != ACTA_OK)
		return err == ACTA_ENOENT ? ACTA_ECORRUPT : err;
	store->replay_from = number(marks, "replay_from", &ok);
	store->keep_from = number(marks, "keep_from", &ok);
	store->id.incarnation = number(incarnation, "count", &ok);
	store->id.incarnation_random = number(incarnation, "random", &ok);
	return ok && store->replay_from > 0 ? ACTA_OK : ACTA_ECORRUPT;
}

/* -------------------------------------------------------------- replay -- */

/* The turns from replay_from on, without a gap. */
static enum acta_err
replay_walk(struct acta_store *store, struct acta_journal_walk *walk)
{
	struct acta_record record;
	enum acta_err err;

	while ((err = acta_journal_walk_next(walk, &record)) == ACTA_OK) {
		if (record.turn != store->turn + 1)
			return ACTA_ECORRUPT;
		acta_journal_apply(&record, store->active);
		store->turn = record.turn;
		store->last_ms = record.now_ms;
	}
	return err == ACTA_ENOENT ? ACTA_OK : err;
}

/* All was merged: the last record is kept for its number and time. */
static enum acta_err
read_last(struct acta_store *store, struct acta_env_txn *txn, bool verify)
{
	struct acta_journal_walk walk;
	struct acta_record record;
	enum acta_err err;

	err =
	    acta_journal_walk_init(&walk, store->env, txn, store->turn, verify);
	if (err == ACTA_OK)
		err = acta_journal_walk_next(&walk, &record);
	if (err == ACTA_OK && record.turn != store->turn)
		err = ACTA_ECORRUPT;
	if (err == ACTA_OK)
		store->last_ms = record.now_ms;
	acta_journal_walk_fini(&walk);
	return err == ACTA_ENOENT ? ACTA_ECORRUPT : err;
}

static enum acta_err
find_journal_first(struct acta_store *store, struct acta_env_txn *txn)
{
	struct acta_env_cursor *cursor;
	struct acta_row row;
	uint32_t part;
	enum acta_err err;

	err = store->env->ops->cursor_open(txn, ACTA_MAP_JOURNAL, &cursor);
	if (err != ACTA_OK)
		return err;
	err = store->env->ops->cursor_seek(cursor, NULL, 0, &row);
	if (err == ACTA_OK &&
	    !acta_journal_key_decode(
		row.key, row.key_size, &store->journal_first, &part))
		err = ACTA_ECORRUPT;
	store->env->ops->cursor_close(cursor);
	return err == ACTA_ENOENT ? ACTA_OK : err;
}

static enum acta_err
replay(struct acta_store *store, struct acta_env_txn *txn, bool verify)
{
	struct acta_journal_walk walk;
	enum acta_err err;

	store->turn = store->replay_from - 1;
	err = acta_journal_walk_init(
	    &walk, store->env, txn, store->replay_from, verify);
	if (err == ACTA_OK)
		err = replay_walk(store, &walk);
	acta_journal_walk_fini(&walk);
	if (err == ACTA_OK)
		err = find_journal_first(store, txn);
	if (err == ACTA_OK && acta_generation_empty(store->active) &&
	    store->turn > 0)
		err = read_last(store, txn, verify);
	return err;
}

/* ------------------------------------------------------------- opening -- */

static enum acta_err
random_bytes(void *out, size_t size, uint64_t *seed)
{
	uint8_t *at = out;

	if (*seed == 0)
		return getrandom(out, size, 0) == (ssize_t)size ? ACTA_OK
								: ACTA_EIO;
	for (; size > 0; at++, size--) {
		*seed = acta_hash64(seed, sizeof(*seed));
		*at = (uint8_t)*seed;
	}
	return ACTA_OK;
}

/* A new incarnation, and in a new store all that it is: one commit. */
static enum acta_err
write_start(struct acta_store *store, bool is_new,
    const struct acta_store_options *options)
{
	const struct acta_env_ops *ops = store->env->ops;
	struct acta_marks_row marks = { 1, 1 };
	struct acta_env_txn *txn;
	uint64_t seed = options->seed;
	enum acta_err err = ACTA_OK;

	store->id.incarnation++;
	if (seed != 0)
		seed ^= acta_hash64(&store->id.incarnation, sizeof(uint64_t));
	if (is_new) {
		store->replay_from = store->keep_from = 1;
		err = random_bytes(
		    store->id.history, sizeof(store->id.history), &seed);
		store->id.history[0] &= (uint8_t)~ACTA_HISTORY_IN_MEMORY;
		if (options->in_memory)
			store->id.history[0] |= ACTA_HISTORY_IN_MEMORY;
	}
	if (err == ACTA_OK)
		err = random_bytes(&store->id.incarnation_random,
		    sizeof(store->id.incarnation_random), &seed);
	if (err == ACTA_OK)
		err = ops->begin(store->env, true, &txn);
	if (err != ACTA_OK)
		return err;
	if (is_new)
		err = acta_store_write_identity(store, txn);
	if (err == ACTA_OK && is_new)
		err = acta_store_write_marks(store, txn, marks);
	if (err == ACTA_OK)
		err = write_incarnation(store, txn);
	if (err == ACTA_OK)
		err = ops->info(txn, &store->env_info);
	if (err == ACTA_OK)
		return ops->commit(txn);
	ops->abort(txn);
	return err;
}

/* The configured one is the one on disk. */
static enum acta_err
check_identity(const struct acta_store *store,
    const struct acta_store_options *options, struct acta_why *why)
{
	if (strcmp(store->service, options->service) != 0) {
		acta_why_text(why, "the store belongs to service %s, not %s",
		    store->service, options->service);
		return ACTA_EINVAL;
	}
	if (store->parts != options->parts || store->part != options->part) {
		acta_why_text(why,
		    "the store is partition %u of %u, the config says %u "
		    "of %u",
		    store->part, store->parts, options->part, options->parts);
		acta_why_hint(why,
		    "a service keeps its number of partitions: "
		    "set partitions: %u",
		    store->parts);
		return ACTA_EINVAL;
	}
	return ACTA_OK;
}

enum acta_err
acta_store_read_self(struct acta_store *store, struct acta_env_txn *txn,
    bool verify, struct acta_why *why)
{
	enum acta_err err = ACTA_OK;

	if (verify)
		err = store->env->ops->verify(txn, NULL, 0);
	if (err == ACTA_OK)
		err = read_identity(store, txn, verify, why);
	if (err == ACTA_OK)
		err = read_numbers(store, txn, verify);
	if (err == ACTA_OK)
		err = acta_followers_read(store, txn);
	return err;
}

static enum acta_err
read_in(struct acta_store *store, struct acta_env_txn *txn,
    const struct acta_store_options *options, bool *out_new,
    struct acta_why *why)
{
	bool verify = options != NULL && options->checked;
	enum acta_err err = acta_store_read_self(store, txn, verify, why);

	*out_new = err == ACTA_ENOENT;
	if (err == ACTA_OK && options != NULL)
		err = check_identity(store, options, why);
	if (err == ACTA_OK)
		err = replay(store, txn, verify);
	return err;
}

void
acta_store_explain(enum acta_err err, struct acta_why *why)
{
	if (why == NULL || why->text[0] != '\0')
		return;
	acta_why_text(why, "the store cannot be read: %s", acta_strerror(err));
	if (err == ACTA_ECORRUPT)
		acta_why_hint(why, "restore a copy, or look with acta-peek");
}

struct acta_store *
acta_store_new(struct acta_env *env)
{
	struct acta_store *store = acta_zalloc(1, sizeof(*store));

	store->env = env;
	store->quota = QUOTA_DEFAULT;
	store->memory = MEMORY_DEFAULT;
	store->journal_keep = KEEP_DEFAULT;
	store->journaled = env->lasting;
	acta_writeset_init(&store->ws);
	acta_generation_init(&store->generations[0]);
	acta_generation_init(&store->generations[1]);
	store->active = &store->generations[0];
	store->frozen = &store->generations[1];
	acta_buf_init(&store->record);
	acta_buf_init(&store->followed);
	return store;
}

void
acta_store_close(struct acta_store **store)
{
	struct acta_store *self = *store;

	*store = NULL;
	if (self == NULL)
		return;
	acta_store_reads_end(self);
	acta_scans_free(self);
	self->env->ops->close(self->env);
	acta_writeset_fini(&self->ws);
	acta_generation_fini(&self->generations[0]);
	acta_generation_fini(&self->generations[1]);
	acta_buf_fini(&self->record);
	acta_buf_fini(&self->followed);
	free(self);
}

static uint64_t
quota_of(const struct acta_store_options *options)
{
	uint64_t quota = options->quota ? options->quota : QUOTA_DEFAULT;
	uint64_t map = options->map_size;

	/* A small map has its reserve, too. */
	return map != 0 && quota > map - map / 8 ? map - map / 8 : quota;
}

/* Copy-on-write and the checkpoint need room where deletes alone may go. */
static uint64_t
map_size_of(const struct acta_store_options *options)
{
	uint64_t quota = quota_of(options);

	return options->map_size
	    ? options->map_size
	    : (quota + quota / 8 + MAP_ROOM) & ~UINT64_C(0xffff);
}

static enum acta_err
start(struct acta_store *store, const struct acta_store_options *options,
    struct acta_why *why)
{
	struct acta_env_txn *txn;
	bool is_new;
	enum acta_err err = acta_store_reading(store, &txn);

	if (err == ACTA_OK) {
		err = read_in(store, txn, options, &is_new, why);
		acta_store_reads_end(store);
	}
	if (err == ACTA_ENOENT && is_new) {
		memcpy(store->service, options->service,
		    strlen(options->service) + 1);
		store->part = options->part;
		store->parts = options->parts;
		err = ACTA_OK;
	}
	if (err == ACTA_OK)
		err = write_start(store, is_new, options);
	if (err == ACTA_OK && !acta_generation_empty(store->active))
		acta_store_freeze(store);
	return err;
}

enum acta_err
acta_store_open_env(struct acta_env *env,
    const struct acta_store_options *options, struct acta_store **out,
    struct acta_why *why)
{
	struct acta_store *store = acta_store_new(env);
	enum acta_err err;

	store->quota = quota_of(options);
	if (options->memory)
		store->memory = options->memory;
	for (int i = 0; options->freeze_turns > 0 && i < 2; i++)
		store->generations[i].turns_max = options->freeze_turns;
	store->slice_rows = options->slice_rows;
	if (options->journal_keep)
		store->journal_keep = options->journal_keep;
	if (store->journal_keep > store->quota / 4)
		store->journal_keep = store->quota / 4;
	err = start(store, options, why);
	if (err != ACTA_OK) {
		acta_store_explain(err, why);
		acta_store_close(&store);
		return err;
	}
	*out = store;
	return ACTA_OK;
}

static enum acta_err
check_options(const struct acta_store_options *options, struct acta_why *why)
{
	if (options->service == NULL || options->service[0] == '\0' ||
	    strlen(options->service) > ACTA_SERVICE_MAX) {
		acta_why_text(why, "the service has no valid name");
		return ACTA_EINVAL;
	}
	if (options->part >= options->parts) {
		acta_why_text(why, "there is no partition %u of %u",
		    options->part, options->parts);
		return ACTA_EINVAL;
	}
	return ACTA_OK;
}

/* From an env that is locked and open: what is now read may be in the page
 * cache alone, of a writer that was killed, so make it durable before we speak
 * of it. */
static enum acta_err
open_synced(struct acta_env *env, const struct acta_store_options *options,
    struct acta_store **out, struct acta_why *why)
{
	enum acta_err err = env->ops->sync(env);

	if (err != ACTA_OK) {
		env->ops->close(env);
		return err;
	}
	return acta_store_open_env(env, options, out, why);
}

enum acta_err
acta_store_open(const char *dir, const struct acta_store_options *options,
    struct acta_store **out, struct acta_why *why)
{
	struct acta_env_options env_options = { .map_size =
						    map_size_of(options),
		.no_sync = options->no_sync,
		.allow_any_fs = options->allow_any_fs };
	struct acta_env *env;
	enum acta_err err;

	if (why != NULL)
		why->text[0] = why->hint[0] = '\0';
	err = check_options(options, why);
	if (err != ACTA_OK)
		return err;
	if (options->in_memory)
		return acta_store_open_env(
		    acta_env_mem_new(map_size_of(options)), options, out, why);
	err = acta_env_open(dir, &env_options, &env, why);
	if (err == ACTA_OK)
		err = open_synced(env, options, out, why);
	else if (err == ACTA_ENOENT)
		err = ACTA_EIO;
	if (err != ACTA_OK)
		acta_store_explain(err, why);
	return err;
}

enum acta_err
acta_store_open_read(
    const char *dir, struct acta_store **out, struct acta_why *why)
{
	struct acta_env_options options = { .read_only = true };
	struct acta_env *env;
	struct acta_store *store;
	struct acta_env_txn *txn;
	bool is_new;
	enum acta_err err;

	if (why != NULL)
		why->text[0] = why->hint[0] = '\0';
	err = acta_env_open(dir, &options, &env, why);
	if (err != ACTA_OK)
		return err;
	store = acta_store_new(env);
	store->read_only = true;
	store->quota = 0; /* it is the writer's to say */
	/* The same txn serves all that is read later. */
	err = acta_store_reading(store, &txn);
	if (err == ACTA_OK)
		err = read_in(store, txn, NULL, &is_new, why);
	if (err == ACTA_OK)
		err = env->ops->info(txn, &store->env_info);
	if (err != ACTA_OK) {
		acta_store_explain(err, why);
		acta_store_close(&store);
		return err;
	}
	*out = store;
	return ACTA_OK;
}
