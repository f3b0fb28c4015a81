/*
 * store/env_mem.c - the ordered maps in memory, as skip lists. A txn changes
 * them in place and keeps what it changed, so that it can be taken back. What
 * is read lives until the next commit.
 */
#include "store/env.h"
#include "store/arena.h"
#include "store/rowmap.h"

#include <stdlib.h>

#define HEIGHT_MAX 20u

struct node {
	uint8_t *value;
	size_t size;
	uint16_t key_size;
	uint8_t height;
	struct node *next[]; /* height of them, then the key */
};

/* What undoes one change: a node that was put in (value NULL), one that was
 * taken out, or an old value. */
struct change {
	enum { PUT_IN, TAKEN_OUT, REPLACED } what;
	unsigned map;
	struct node *node;
	uint8_t *value;
	size_t size;
};

struct acta_env_txn {
	struct mem *env;
	bool write, open;
	struct change *changes;
	size_t count, room;
};

struct mem {
	struct acta_env base;
	struct node *heads[ACTA_MAPS];
	struct acta_env_txn read, write;
	uint64_t used, limit, dice;
};

struct acta_env_cursor {
	struct mem *env;
	unsigned map;
	struct node *at; /* stood on; NULL: before the first */
	struct acta_env_txn *txn;
	struct node *follower; /* after a delete: the one that comes next */
	bool deleted;
};

static uint8_t *
key_of(struct node *node)
{
	return (uint8_t *)(node->next + node->height);
}

static struct node *
node_new(unsigned height, const void *key, size_t key_size)
{
	struct node *node = acta_zalloc(
	    1, sizeof(*node) + height * sizeof(node->next[0]) + key_size);

	node->height = (uint8_t)height;
	node->key_size = (uint16_t)key_size;
	if (key_size > 0)
		memcpy(key_of(node), key, key_size);
	return node;
}

static void
node_free(struct node *node)
{
	free(node->value);
	free(node);
}

static uint64_t
cost(const struct node *node)
{
	return sizeof(*node) + node->height * sizeof(node->next[0]) +
	    node->key_size + node->size;
}

/* 1 in 4 nodes is higher by one. */
static unsigned
roll_height(struct mem *env)
{
	unsigned height = 1;
	uint64_t bits;

	env->dice = env->dice * UINT64_C(6364136223846793005) + 1;
	bits = env->dice >> 16;
	while (height < HEIGHT_MAX && (bits & 3) == 0) {
		height++;
		bits >>= 2;
	}
	return height;
}

/* The last node before the key on each level; returns the first >= key. */
static struct node *
search(struct mem *env, unsigned map, const void *key, size_t key_size,
    struct node **before)
{
	struct node *at = env->heads[map], *next = NULL;
	unsigned level = HEIGHT_MAX;

	while (level-- > 0) {
		while ((next = at->next[level]) != NULL &&
		    acta_bytes_compare(
			key_of(next), next->key_size, key, key_size) < 0)
			at = next;
		if (before)
			before[level] = at;
	}
	return next;
}

static bool
is_key(struct node *node, const void *key, size_t key_size)
{
	return node != NULL && node->key_size == key_size &&
	    memcmp(key_of(node), key, key_size) == 0;
}

static void
link_in(struct mem *env, struct node **before, struct node *node)
{
	unsigned level;

	for (level = 0; level < node->height; level++) {
		node->next[level] = before[level]->next[level];
		before[level]->next[level] = node;
	}
	env->used += cost(node);
}

static void
link_out(struct mem *env, struct node **before, struct node *node)
{
	unsigned level;

	for (level = 0; level < node->height; level++)
		before[level]->next[level] = node->next[level];
	env->used -= cost(node);
}

static struct change *
note(struct acta_env_txn *txn)
{
	if (txn->count == txn->room) {
		txn->room = txn->room ? 2 * txn->room : 64;
		txn->changes =
		    acta_resize(txn->changes, txn->room, sizeof(*txn->changes));
	}
	return &txn->changes[txn->count++];
}

/* ---------------------------------------------------------------- txns -- */

static enum acta_err
mem_begin(struct acta_env *base, bool write, struct acta_env_txn **out)
{
	struct mem *env = (struct mem *)base;
	struct acta_env_txn *txn = write ? &env->write : &env->read;

	assert(!txn->open);
	txn->env = env;
	txn->write = write;
	txn->open = true;
	*out = txn;
	return ACTA_OK;
}

static enum acta_err
mem_commit(struct acta_env_txn *txn)
{
	size_t i;

	assert(txn->write);
	for (i = 0; i < txn->count; i++) {
		if (txn->changes[i].what == TAKEN_OUT)
			node_free(txn->changes[i].node);
		else if (txn->changes[i].what == REPLACED)
			free(txn->changes[i].value);
	}
	txn->count = 0;
	txn->open = false;
	return ACTA_OK;
}

static void
take_back(struct mem *env, const struct change *change)
{
	struct node *node = change->node, *before[HEIGHT_MAX];

	search(env, change->map, key_of(node), node->key_size, before);
	switch (change->what) {
	case PUT_IN:
		link_out(env, before, node);
		node_free(node);
		break;
	case TAKEN_OUT: link_in(env, before, node); break;
	case REPLACED:
		env->used += change->size - node->size;
		free(node->value);
		node->value = change->value;
		node->size = change->size;
		break;
	}
}

static void
mem_abort(struct acta_env_txn *txn)
{
	while (txn->count > 0)
		take_back(txn->env, &txn->changes[--txn->count]);
	txn->open = false;
}

/* ---------------------------------------------------------------- rows -- */

static enum acta_err
mem_get(struct acta_env_txn *txn, unsigned map, const void *key,
    size_t key_size, const void **out_value, size_t *out_size)
{
	struct node *node = search(txn->env, map, key, key_size, NULL);

	if (!is_key(node, key, key_size))
		return ACTA_ENOENT;
	*out_value = node->value;
	*out_size = node->size;
	return ACTA_OK;
}

static enum acta_err
mem_put(struct acta_env_txn *txn, unsigned map, const void *key,
    size_t key_size, size_t size, void **out_room)
{
	struct mem *env = txn->env;
	struct node *before[HEIGHT_MAX];
	struct node *node = search(env, map, key, key_size, before);
	struct change *change;

	assert(txn->write);
	if (env->used + key_size + size > env->limit)
		return ACTA_EFULL;
	change = note(txn);
	if (is_key(node, key, key_size)) {
		*change = (struct change){ .what = REPLACED,
			.map = map,
			.node = node,
			.value = node->value,
			.size = node->size };
		env->used += size - node->size;
	} else {
		node = node_new(roll_height(env), key, key_size);
		*change =
		    (struct change){ .what = PUT_IN, .map = map, .node = node };
		env->used += size;
		link_in(env, before, node);
	}
	node->value = acta_zalloc(1, size ? size : 1);
	node->size = size;
	*out_room = node->value;
	return ACTA_OK;
}

static enum acta_err
mem_del(
    struct acta_env_txn *txn, unsigned map, const void *key, size_t key_size)
{
	struct node *before[HEIGHT_MAX];
	struct node *node = search(txn->env, map, key, key_size, before);

	assert(txn->write);
	if (!is_key(node, key, key_size))
		return ACTA_ENOENT;
	link_out(txn->env, before, node);
	*note(txn) =
	    (struct change){ .what = TAKEN_OUT, .map = map, .node = node };
	return ACTA_OK;
}

/* ------------------------------------------------------------- cursors -- */

static enum acta_err
mem_cursor_open(
    struct acta_env_txn *txn, unsigned map, struct acta_env_cursor **out)
{
	*out = acta_zalloc(1, sizeof(**out));
	**out =
	    (struct acta_env_cursor){ .env = txn->env, .map = map, .txn = txn };
	return ACTA_OK;
}

static void
mem_cursor_close(struct acta_env_cursor *cursor)
{
	free(cursor);
}

static enum acta_err
stand_on(
    struct acta_env_cursor *cursor, struct node *node, struct acta_row *out)
{
	cursor->deleted = false;
	if (node == NULL)
		return ACTA_ENOENT;
	cursor->at = node;
	*out = (struct acta_row){ .key = key_of(node),
		.value = node->value,
		.key_size = node->key_size,
		.value_size = node->size };
	return ACTA_OK;
}

static enum acta_err
mem_cursor_seek(struct acta_env_cursor *cursor, const void *key,
    size_t key_size, struct acta_row *out)
{
	return stand_on(
	    cursor, search(cursor->env, cursor->map, key, key_size, NULL), out);
}

static enum acta_err
mem_cursor_next(struct acta_env_cursor *cursor, struct acta_row *out)
{
	if (cursor->deleted)
		return stand_on(cursor, cursor->follower, out);
	return stand_on(cursor,
	    cursor->at ? cursor->at->next[0]
		       : cursor->env->heads[cursor->map]->next[0],
	    out);
}

static enum acta_err
mem_cursor_last(struct acta_env_cursor *cursor, struct acta_row *out)
{
	struct node *head = cursor->env->heads[cursor->map], *at = head;
	unsigned level = HEIGHT_MAX;

	while (level-- > 0)
		while (at->next[level] != NULL)
			at = at->next[level];
	return stand_on(cursor, at == head ? NULL : at, out);
}

static enum acta_err
mem_cursor_del(struct acta_env_cursor *cursor)
{
	struct node *node = cursor->at;

	assert(node != NULL && !cursor->deleted);
	cursor->follower = node->next[0];
	cursor->deleted = true;
	return mem_del(cursor->txn, cursor->map, key_of(node), node->key_size);
}

/* ------------------------------------------------------------- the env -- */

static enum acta_err
mem_sync(struct acta_env *base)
{
	return ACTA_OK;
}

static enum acta_err
mem_verify(struct acta_env_txn *txn, const void *data, size_t size)
{
	return ACTA_OK;
}

static enum acta_err
mem_info(struct acta_env_txn *txn, struct acta_env_info *out)
{
	const struct node *node;
	uint64_t journal = 0;

	/* Only tests give a store in memory a journal, and a small one. */
	for (node = txn->env->heads[ACTA_MAP_JOURNAL]->next[0]; node != NULL;
	     node = node->next[0])
		journal += cost(node);
	*out = (struct acta_env_info){ .used_bytes = txn->env->used,
		.file_bytes = txn->env->used,
		.map_size = txn->env->limit,
		.journal_bytes = journal };
	return ACTA_OK;
}

static void
mem_close(struct acta_env *base)
{
	struct mem *env = (struct mem *)base;
	unsigned i;

	for (i = 0; i < ACTA_MAPS; i++) {
		struct node *node = env->heads[i], *next;

		for (; node != NULL; node = next) {
			next = node->next[0];
			node_free(node);
		}
	}
	free(env->write.changes);
	free(env);
}

static const struct acta_env_ops mem_ops = {
	.close = mem_close,
	.begin = mem_begin,
	.commit = mem_commit,
	.abort = mem_abort,
	.get = mem_get,
	.put = mem_put,
	.del = mem_del,
	.cursor_open = mem_cursor_open,
	.cursor_close = mem_cursor_close,
	.cursor_seek = mem_cursor_seek,
	.cursor_next = mem_cursor_next,
	.cursor_last = mem_cursor_last,
	.cursor_del = mem_cursor_del,
	.sync = mem_sync,
	.verify = mem_verify,
	.info = mem_info,
};

struct acta_env *
acta_env_mem_new(uint64_t map_size)
{
	struct mem *env = acta_zalloc(1, sizeof(*env));
	unsigned i;

	env->base.ops = &mem_ops;
	env->limit = map_size ? map_size : UINT64_MAX;
	env->dice = UINT64_C(0x9e3779b97f4a7c15);
	for (i = 0; i < ACTA_MAPS; i++)
		env->heads[i] = node_new(HEIGHT_MAX, NULL, 0);
	return &env->base;
}
