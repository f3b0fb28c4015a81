/* store/omap.c - see omap.h. A key's priority is its hash, so that a map's
 * shape depends on its keys alone. */
#include "store/omap.h"
#include "store/arena.h"
#include "store/rowmap.h"

#include <stdlib.h>

struct acta_omap_node {
	uint32_t refs;
	uint64_t priority;
	struct acta_omap_node *left, *right;
	struct acta_omap_row *row;
};

typedef struct acta_omap_node node;

static void
row_drop(struct acta_omap_row *row)
{
	if (--row->refs == 0)
		free(row);
}

static void
drop(node *n)
{
	while (n != NULL && --n->refs == 0) {
		node *right = n->right;

		drop(n->left);
		row_drop(n->row);
		free(n);
		n = right;
	}
}

static node *
share(node *n)
{
	if (n != NULL)
		n->refs++;
	return n;
}

/* The node at `slot` becomes ours alone, to be written. */
static void
own(node **slot)
{
	node *old = *slot, *copy;

	if (old->refs == 1)
		return;
	copy = acta_zalloc(1, sizeof(*copy));
	*copy = *old;
	copy->refs = 1;
	(void)share(copy->left);
	(void)share(copy->right);
	copy->row->refs++;
	old->refs--;
	*slot = copy;
}

static int
compare(const struct acta_omap_row *row, const void *key, size_t key_size)
{
	return acta_bytes_compare(row->bytes, row->key_size, key, key_size);
}

/* Divide `n`, which is taken, into what lies before the key and behind it. */
static void
split(node *n, const void *key, size_t key_size, node **left, node **right)
{
	while (n != NULL) {
		own(&n);
		if (compare(n->row, key, key_size) < 0) {
			*left = n;
			left = &n->right;
			n = n->right;
		} else {
			*right = n;
			right = &n->left;
			n = n->left;
		}
	}
	*left = *right = NULL;
}

/* All of `left` lies before all of `right`; both are taken. */
static void
join(node **slot, node *left, node *right)
{
	while (left != NULL && right != NULL) {
		if (left->priority > right->priority) {
			own(&left);
			*slot = left;
			slot = &left->right;
			left = left->right;
		} else {
			own(&right);
			*slot = right;
			slot = &right->left;
			right = right->left;
		}
	}
	*slot = left != NULL ? left : right;
}

struct acta_omap
acta_omap_copy(const struct acta_omap *map)
{
	(void)share(map->root);
	return *map;
}

void
acta_omap_fini(struct acta_omap *map)
{
	drop(map->root);
	*map = (struct acta_omap){ 0 };
}

static struct acta_omap_row *
row_new(const void *key, size_t key_size, size_t size)
{
	size_t at = (key_size + 7) / 8 * 8;
	struct acta_omap_row *row =
	    acta_zalloc(1, sizeof(*row) + at + (size > 0 ? size : 1));

	row->refs = 1;
	row->key_size = (uint16_t)key_size;
	row->size = size;
	if (key_size > 0)
		memcpy(row->bytes, key, key_size);
	return row;
}

static void
replace(struct acta_omap *map, struct acta_omap_row *row)
{
	node **slot = &map->root;

	for (;;) {
		int order;

		own(slot);
		order = compare((*slot)->row, row->bytes, row->key_size);
		if (order == 0)
			break;
		slot = order > 0 ? &(*slot)->left : &(*slot)->right;
	}
	map->bytes -= (*slot)->row->size + row->key_size;
	row_drop((*slot)->row);
	(*slot)->row = row;
}

static void
insert(struct acta_omap *map, struct acta_omap_row *row)
{
	node **slot = &map->root, *n = acta_zalloc(1, sizeof(*n));

	n->refs = 1;
	n->priority = acta_hash64(row->bytes, row->key_size);
	n->row = row;
	while (*slot != NULL && (*slot)->priority >= n->priority) {
		own(slot);
		slot = compare((*slot)->row, row->bytes, row->key_size) > 0
		    ? &(*slot)->left
		    : &(*slot)->right;
	}
	split(*slot, row->bytes, row->key_size, &n->left, &n->right);
	*slot = n;
	map->count++;
}

void *
acta_omap_put(
    struct acta_omap *map, const void *key, size_t key_size, size_t size)
{
	struct acta_omap_row *row = row_new(key, key_size, size);

	if (acta_omap_get(map, key, key_size) != NULL)
		replace(map, row);
	else
		insert(map, row);
	map->bytes += key_size + size;
	return (uint8_t *)(uintptr_t)acta_omap_value(row);
}

bool
acta_omap_del(struct acta_omap *map, const void *key, size_t key_size)
{
	node **slot = &map->root, *gone;
	int order;

	if (acta_omap_get(map, key, key_size) == NULL)
		return false;
	for (;;) {
		own(slot);
		order = compare((*slot)->row, key, key_size);
		if (order == 0)
			break;
		slot = order > 0 ? &(*slot)->left : &(*slot)->right;
	}
	gone = *slot;
	join(slot, gone->left, gone->right);
	map->bytes -= gone->row->size + key_size;
	map->count--;
	row_drop(gone->row);
	free(gone);
	return true;
}

const struct acta_omap_row *
acta_omap_get(const struct acta_omap *map, const void *key, size_t key_size)
{
	const node *n = map->root;

	while (n != NULL) {
		int order = compare(n->row, key, key_size);

		if (order == 0)
			return n->row;
		n = order > 0 ? n->left : n->right;
	}
	return NULL;
}

const struct acta_omap_row *
acta_omap_from(
    const struct acta_omap *map, const void *key, size_t key_size, bool after)
{
	const node *n = map->root;
	const struct acta_omap_row *found = NULL;

	while (n != NULL) {
		int order = compare(n->row, key, key_size);

		if (order > 0 || (order == 0 && !after)) {
			found = n->row;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found;
}

const struct acta_omap_row *
acta_omap_upto(const struct acta_omap *map, const void *key, size_t key_size)
{
	const node *n = map->root;
	const struct acta_omap_row *found = NULL;

	while (n != NULL) {
		if (compare(n->row, key, key_size) <= 0) {
			found = n->row;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	return found;
}

const struct acta_omap_row *
acta_omap_last(const struct acta_omap *map)
{
	const node *n = map->root;

	while (n != NULL && n->right != NULL)
		n = n->right;
	return n != NULL ? n->row : NULL;
}
