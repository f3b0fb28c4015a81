/*
 * store/env_sim.c - see env_sim.h. A version of a disk is all its maps at one
 * commit. Two are kept: the one in the page cache and the one on the disk;
 * between commits they differ only after a process ended between the two, or a
 * flush failed.
 */
#include "store/env_sim.h"
#include "store/arena.h"
#include "store/rowmap.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGE 4096u

struct version {
	uint32_t refs;
	struct acta_sim_disks *disks;
	void *view;
	struct acta_omap maps[ACTA_MAPS];
};

struct acta_sim_copy {
	struct version *version;
};

struct acta_sim_disk {
	struct acta_sim_disk *next;
	struct acta_sim_disks *disks;
	struct version *cache, *disk;
	bool open;
	bool lies; /* what the cache has more is not written by a later flush */
	bool torn; /* a root was written over pages that were not */
	uint64_t limit;
	void *user;
	char dir[];
};

struct acta_sim_disks {
	struct acta_sim_disks *next;
	struct acta_sim_disk *first;
	struct acta_sim_hooks hooks;
	unsigned breaks;
	char name[];
};

struct acta_env_txn {
	struct env *env;
	struct version *version;
	bool write;
	uint64_t dirty; /* bytes put */
};

struct env {
	struct acta_env base;
	struct acta_sim_disk *disk;
	uint64_t map_size;
	bool read_only, no_sync;
	struct acta_env_txn read, write;
};

struct acta_env_cursor {
	struct acta_env_txn *txn;
	unsigned map;
	uint16_t key_size; /* where it stands; the row may be deleted */
	bool stands;
	uint8_t key[ACTA_STORE_KEY_MAX + 11];
};

/* All the disks there are, to be found by name as files are. */
static struct acta_sim_disks *all;

/* ------------------------------------------------------------ versions -- */

static struct version *
version_share(struct version *v)
{
	v->refs++;
	return v;
}

static struct version *
version_copy(struct acta_sim_disks *disks, const struct version *of)
{
	struct version *v = acta_zalloc(1, sizeof(*v));
	unsigned i;

	v->refs = 1;
	v->disks = disks;
	for (i = 0; of != NULL && i < ACTA_MAPS; i++)
		v->maps[i] = acta_omap_copy(&of->maps[i]);
	return v;
}

static void
version_drop(struct version **version)
{
	struct version *v = *version;
	unsigned i;

	*version = NULL;
	if (v == NULL || --v->refs > 0)
		return;
	if (v->view != NULL && v->disks->hooks.forget)
		v->disks->hooks.forget(v->disks->hooks.self, v->view);
	for (i = 0; i < ACTA_MAPS; i++)
		acta_omap_fini(&v->maps[i]);
	free(v);
}

/* As many pages as LMDB would fill to three quarters. */
static uint64_t
map_pages(const struct acta_omap *map)
{
	uint64_t bytes = map->bytes + 16 * map->count;

	return (bytes + PAGE / 4 * 3 - 1) / (PAGE / 4 * 3);
}

static uint64_t
version_pages(const struct version *v)
{
	uint64_t pages = 2;
	unsigned i;

	for (i = 0; i < ACTA_MAPS; i++)
		pages += map_pages(&v->maps[i]);
	return pages;
}

/* --------------------------------------------------------------- disks -- */

static enum acta_sim_fate
step(struct acta_sim_disk *disk, enum acta_sim_step at)
{
	const struct acta_sim_hooks *hooks = &disk->disks->hooks;

	return hooks->step ? hooks->step(hooks->self, disk, at) : ACTA_SIM_GO;
}

static void
set_version(struct version **slot, struct version *to)
{
	struct version *old = *slot;

	*slot = version_share(to);
	version_drop(&old);
}

/* A flush that works: also what an ended process left behind is durable, but
 * not what an earlier flush failed to write and now counts as clean. */
static void
flush(struct acta_sim_disk *disk)
{
	const struct acta_sim_hooks *hooks = &disk->disks->hooks;

	if (disk->cache == disk->disk || disk->lies)
		return;
	set_version(&disk->disk, disk->cache);
	if (hooks->durable)
		hooks->durable(hooks->self, disk);
}

struct acta_sim_disks *
acta_sim_disks_new(const char *name, const struct acta_sim_hooks *hooks)
{
	size_t size = strlen(name) + 1;
	struct acta_sim_disks *disks = acta_zalloc(1, sizeof(*disks) + size);

	memcpy(disks->name, name, size);
	if (hooks != NULL)
		disks->hooks = *hooks;
	disks->next = all;
	all = disks;
	return disks;
}

void
acta_sim_disks_free(struct acta_sim_disks **disks)
{
	struct acta_sim_disks *self = *disks, **link = &all;
	struct acta_sim_disk *disk, *next;

	*disks = NULL;
	if (self == NULL)
		return;
	while (*link != self)
		link = &(*link)->next;
	*link = self->next;
	for (disk = self->first; disk != NULL; disk = next) {
		next = disk->next;
		assert(!disk->open);
		version_drop(&disk->cache);
		version_drop(&disk->disk);
		free(disk);
	}
	free(self);
}

void
acta_sim_disks_break(struct acta_sim_disks *disks, unsigned bits)
{
	disks->breaks = bits;
}

struct acta_sim_disks *
acta_sim_disks_of(const char *dir)
{
	struct acta_sim_disks *disks = all;

	while (disks != NULL &&
	    strncmp(disks->name, dir, strlen(disks->name)) != 0)
		disks = disks->next;
	return disks;
}

struct acta_sim_disk *
acta_sim_disk_at(struct acta_sim_disks *disks, const char *dir)
{
	struct acta_sim_disk *disk = disks->first;
	size_t size = strlen(dir) + 1;

	while (disk != NULL && strcmp(disk->dir, dir) != 0)
		disk = disk->next;
	if (disk != NULL)
		return disk;
	disk = acta_zalloc(1, sizeof(*disk) + size);
	memcpy(disk->dir, dir, size);
	disk->disks = disks;
	disk->next = disks->first;
	disks->first = disk;
	disk->disk = version_copy(disks, NULL);
	disk->cache = version_share(disk->disk);
	return disk;
}

const char *
acta_sim_disk_dir(const struct acta_sim_disk *disk)
{
	return disk->dir;
}

void *
acta_sim_disk_user(const struct acta_sim_disk *disk)
{
	return disk->user;
}

void
acta_sim_disk_set_user(struct acta_sim_disk *disk, void *user)
{
	disk->user = user;
}

void *
acta_sim_disk_view(const struct acta_sim_disk *disk, bool durable)
{
	return (durable ? disk->disk : disk->cache)->view;
}

void
acta_sim_disk_limit(struct acta_sim_disk *disk, uint64_t bytes)
{
	disk->limit = bytes;
}

uint64_t
acta_sim_disk_used(const struct acta_sim_disk *disk)
{
	return version_pages(disk->cache) * PAGE;
}

void
acta_sim_disk_power(struct acta_sim_disk *disk, bool keep)
{
	assert(!disk->open);
	if (keep)
		flush(disk);
	disk->lies = false;
	set_version(&disk->cache, disk->disk);
}

bool
acta_sim_disk_pending(const struct acta_sim_disk *disk)
{
	return disk->cache != disk->disk;
}

bool
acta_sim_disk_lies(const struct acta_sim_disk *disk)
{
	return disk->lies;
}

struct acta_sim_copy *
acta_sim_copy_take(const struct acta_sim_disk *disk)
{
	struct acta_sim_copy *copy = acta_zalloc(1, sizeof(*copy));

	copy->version = version_share(disk->disk);
	return copy;
}

void
acta_sim_copy_put(const struct acta_sim_copy *copy, struct acta_sim_disk *disk)
{
	struct version *v = copy != NULL ? version_share(copy->version)
					 : version_copy(disk->disks, NULL);

	assert(!disk->open);
	set_version(&disk->cache, v);
	set_version(&disk->disk, v);
	disk->lies = disk->torn = false;
	version_drop(&v);
}

void
acta_sim_copy_free(struct acta_sim_copy **copy)
{
	if (*copy != NULL)
		version_drop(&(*copy)->version);
	free(*copy);
	*copy = NULL;
}

const struct acta_omap *
acta_sim_disk_map(const struct acta_sim_disk *disk, bool durable, unsigned map)
{
	assert(map < ACTA_MAPS);
	return &(durable ? disk->disk : disk->cache)->maps[map];
}

/* ---------------------------------------------------------------- txns -- */

static enum acta_err
sim_begin(struct acta_env *base, bool write, struct acta_env_txn **out)
{
	struct env *env = (struct env *)base;
	struct acta_env_txn *txn = write ? &env->write : &env->read;

	assert(txn->version == NULL);
	assert(!write || !env->read_only);
	*txn = (struct acta_env_txn){ .env = env, .write = write };
	txn->version = write ? version_copy(env->disk->disks, env->disk->cache)
			     : version_share(env->disk->cache);
	*out = txn;
	return ACTA_OK;
}

static void
sim_abort(struct acta_env_txn *txn)
{
	version_drop(&txn->version);
}

static void
see(struct acta_env_txn *txn)
{
	struct acta_sim_disk *disk = txn->env->disk;
	const struct acta_sim_hooks *hooks = &disk->disks->hooks;
	struct version *before = version_share(disk->cache);

	/* Pages below this root were never written. */
	if (disk->lies)
		disk->torn = true;
	set_version(&disk->cache, txn->version);
	if (hooks->seen)
		disk->cache->view =
		    hooks->seen(hooks->self, disk, before->view);
	version_drop(&before);
}

/* The root's write failed: it is on the disk or not, and LMDB put the old one
 * back into the page cache. */
static void
root_failed(struct acta_env_txn *txn)
{
	struct acta_sim_disk *disk = txn->env->disk;
	const struct acta_sim_hooks *hooks = &disk->disks->hooks;
	struct version *old = version_share(disk->cache);

	if (hooks->toss && hooks->toss(hooks->self)) {
		see(txn);
		flush(disk);
		set_version(&disk->cache, old);
		disk->lies = true;
	}
	version_drop(&old);
}

static enum acta_err
written(struct acta_env_txn *txn, bool flushes)
{
	struct acta_sim_disk *disk = txn->env->disk;

	switch (step(disk, ACTA_SIM_DATA)) {
	case ACTA_SIM_KILL:
	case ACTA_SIM_EIO: return ACTA_EUNSURE;
	case ACTA_SIM_FULL: return ACTA_EFULL;
	default: break;
	}
	if (!flushes)
		return ACTA_OK;
	switch (step(disk, ACTA_SIM_FLUSH)) {
	case ACTA_SIM_KILL: return ACTA_EUNSURE;
	case ACTA_SIM_FULL: return ACTA_EFULL;
	case ACTA_SIM_EIO:
		if (disk->cache != disk->disk)
			disk->lies = true;
		return ACTA_EUNSURE;
	default: flush(disk); return ACTA_OK;
	}
}

static enum acta_err
rooted(struct acta_env_txn *txn, bool flushes)
{
	struct acta_sim_disk *disk = txn->env->disk;

	switch (step(disk, ACTA_SIM_ROOT)) {
	case ACTA_SIM_KILL: return ACTA_EUNSURE;
	case ACTA_SIM_EIO: root_failed(txn); return ACTA_EUNSURE;
	default: break;
	}
	see(txn);
	if (step(disk, ACTA_SIM_CACHED) == ACTA_SIM_KILL)
		return ACTA_EUNSURE;
	if (flushes)
		flush(disk);
	return step(disk, ACTA_SIM_DONE) == ACTA_SIM_KILL ? ACTA_EUNSURE
							  : ACTA_OK;
}

static enum acta_err
sim_commit(struct acta_env_txn *txn)
{
	struct acta_sim_disk *disk = txn->env->disk;
	bool flushes = !txn->env->no_sync &&
	    (disk->disks->breaks & ACTA_SIM_NO_FLUSH) == 0;
	enum acta_err err = written(txn, flushes);

	if (err == ACTA_OK)
		err = rooted(txn, flushes);
	version_drop(&txn->version);
	return err;
}

/* ---------------------------------------------------------------- rows -- */

static enum acta_err
sim_get(struct acta_env_txn *txn, unsigned map, const void *key,
    size_t key_size, const void **out_value, size_t *out_size)
{
	const struct acta_omap_row *row =
	    acta_omap_get(&txn->version->maps[map], key, key_size);

	if (row == NULL)
		return ACTA_ENOENT;
	*out_value = acta_omap_value(row);
	*out_size = row->size;
	return ACTA_OK;
}

/* Copy-on-write: what is written needs room beside what is there. */
static bool
has_room(const struct acta_env_txn *txn, size_t size)
{
	const struct acta_sim_disk *disk = txn->env->disk;
	uint64_t limit = txn->env->map_size;

	if (limit == 0 || (disk->limit != 0 && disk->limit < limit))
		limit = disk->limit;
	return limit == 0 ||
	    version_pages(txn->version) * PAGE + txn->dirty + size <= limit;
}

static enum acta_err
sim_put(struct acta_env_txn *txn, unsigned map, const void *key,
    size_t key_size, size_t size, void **out_room)
{
	assert(txn->write);
	if (!has_room(txn, key_size + size))
		return ACTA_EFULL;
	txn->dirty += key_size + size;
	*out_room =
	    acta_omap_put(&txn->version->maps[map], key, key_size, size);
	return ACTA_OK;
}

static enum acta_err
sim_del(
    struct acta_env_txn *txn, unsigned map, const void *key, size_t key_size)
{
	assert(txn->write);
	return acta_omap_del(&txn->version->maps[map], key, key_size)
	    ? ACTA_OK
	    : ACTA_ENOENT;
}

/* ------------------------------------------------------------- cursors -- */

static enum acta_err
sim_cursor_open(
    struct acta_env_txn *txn, unsigned map, struct acta_env_cursor **out)
{
	*out = acta_zalloc(1, sizeof(**out));
	(*out)->txn = txn;
	(*out)->map = map;
	return ACTA_OK;
}

static void
sim_cursor_close(struct acta_env_cursor *cursor)
{
	free(cursor);
}

static enum acta_err
stand_on(struct acta_env_cursor *cursor, const struct acta_omap_row *row,
    struct acta_row *out)
{
	if (row == NULL)
		return ACTA_ENOENT;
	assert(row->key_size <= sizeof(cursor->key));
	memcpy(cursor->key, row->bytes, row->key_size);
	cursor->key_size = row->key_size;
	cursor->stands = true;
	*out = (struct acta_row){ .key = row->bytes,
		.value = acta_omap_value(row),
		.key_size = row->key_size,
		.value_size = row->size };
	return ACTA_OK;
}

static const struct acta_omap *
map_of(const struct acta_env_cursor *cursor)
{
	return &cursor->txn->version->maps[cursor->map];
}

static enum acta_err
sim_cursor_seek(struct acta_env_cursor *cursor, const void *key,
    size_t key_size, struct acta_row *out)
{
	return stand_on(
	    cursor, acta_omap_from(map_of(cursor), key, key_size, false), out);
}

static enum acta_err
sim_cursor_next(struct acta_env_cursor *cursor, struct acta_row *out)
{
	return stand_on(cursor,
	    acta_omap_from(
		map_of(cursor), cursor->key, cursor->key_size, cursor->stands),
	    out);
}

static enum acta_err
sim_cursor_last(struct acta_env_cursor *cursor, struct acta_row *out)
{
	return stand_on(cursor, acta_omap_last(map_of(cursor)), out);
}

static enum acta_err
sim_cursor_del(struct acta_env_cursor *cursor)
{
	return sim_del(cursor->txn, cursor->map, cursor->key, cursor->key_size);
}

/* ------------------------------------------------------------- the env -- */

static enum acta_err
sim_sync(struct acta_env *base)
{
	struct env *env = (struct env *)base;
	struct acta_sim_disk *disk = env->disk;

	if (env->read_only) {
		flush(disk);
		return ACTA_OK;
	}
	switch (step(disk, ACTA_SIM_SYNC)) {
	case ACTA_SIM_KILL: return ACTA_EUNSURE;
	case ACTA_SIM_EIO:
		disk->lies = disk->cache != disk->disk;
		return ACTA_EUNSURE;
	default: break;
	}
	if (!env->no_sync &&
	    (disk->disks->breaks & ACTA_SIM_NO_SYNC_AT_OPEN) == 0)
		flush(disk);
	return ACTA_OK;
}

static enum acta_err
sim_verify(struct acta_env_txn *txn, const void *data, size_t size)
{
	const struct acta_sim_disk *disk = txn->env->disk;

	return disk->cache == disk->disk ? ACTA_OK : ACTA_ECORRUPT;
}

static enum acta_err
sim_info(struct acta_env_txn *txn, struct acta_env_info *out)
{
	const struct version *version = txn->version;
	uint64_t used = version_pages(version) * PAGE;

	*out = (struct acta_env_info){ .used_bytes = used,
		.file_bytes = used,
		.map_size = txn->env->map_size,
		.journal_bytes =
		    map_pages(&version->maps[ACTA_MAP_JOURNAL]) * PAGE };
	return ACTA_OK;
}

static void
sim_close(struct acta_env *base)
{
	struct env *env = (struct env *)base;

	version_drop(&env->read.version);
	version_drop(&env->write.version);
	if (!env->read_only)
		env->disk->open = false;
	free(env);
}

static const struct acta_env_ops sim_ops = {
	.close = sim_close,
	.begin = sim_begin,
	.commit = sim_commit,
	.abort = sim_abort,
	.get = sim_get,
	.put = sim_put,
	.del = sim_del,
	.cursor_open = sim_cursor_open,
	.cursor_close = sim_cursor_close,
	.cursor_seek = sim_cursor_seek,
	.cursor_next = sim_cursor_next,
	.cursor_last = sim_cursor_last,
	.cursor_del = sim_cursor_del,
	.sync = sim_sync,
	.verify = sim_verify,
	.info = sim_info,
};

static enum acta_err
may_open(struct acta_sim_disk *disk, const struct acta_env_options *options,
    struct acta_why *why)
{
	if (options->read_only)
		return disk->cache->maps[ACTA_MAP_STORE].count > 0
		    ? ACTA_OK
		    : ACTA_ENOENT;
	if (disk->open) {
		acta_why_text(why, "%s is held", disk->dir);
		return ACTA_EBUSY;
	}
	switch (step(disk, ACTA_SIM_OPEN)) {
	case ACTA_SIM_KILL: return ACTA_EUNSURE;
	case ACTA_SIM_EIO: return ACTA_EIO;
	case ACTA_SIM_FULL: return ACTA_EFULL;
	default: return disk->torn ? ACTA_ECORRUPT : ACTA_OK;
	}
}

enum acta_err
acta_sim_env_open(struct acta_sim_disk *disk,
    const struct acta_env_options *options, struct acta_env **out,
    struct acta_why *why)
{
	enum acta_err err = may_open(disk, options, why);
	struct env *env;

	if (err != ACTA_OK)
		return err;
	env = acta_zalloc(1, sizeof(*env));
	env->base = (struct acta_env){ .ops = &sim_ops, .lasting = true };
	env->disk = disk;
	env->map_size = options->map_size;
	env->read_only = options->read_only;
	env->no_sync = options->no_sync;
	if (!env->read_only)
		disk->open = true;
	*out = &env->base;
	return ACTA_OK;
}
