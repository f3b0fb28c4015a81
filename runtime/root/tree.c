/* runtime/root/tree.c - see tree.h. */
#include "runtime/root/tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a of the id, from the parent's number on. */
static uint32_t *
bucket_of(const struct acta_sup *sup, uint32_t parent, const char *id)
{
	uint32_t hash = 2166136261u ^ parent * 2654435761u;

	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 16777619u;
	return &sup->buckets[(hash ^ hash >> 15) & (sup->buckets_count - 1)];
}

static void
clean(struct acta_sup_child *c)
{
	*c = (struct acta_sup_child){ .state = ACTA_SUP_STOPPED,
		.due_ms = INT64_MAX,
		.prev = ACTA_SUP_NONE,
		.next = ACTA_SUP_NONE,
		.founder_next = ACTA_SUP_NONE,
		.hash_next = ACTA_SUP_NONE,
		.lost_next = ACTA_SUP_NONE,
		.first = ACTA_SUP_NONE,
		.last = ACTA_SUP_NONE,
		.founders = ACTA_SUP_NONE,
		.founders_last = ACTA_SUP_NONE,
		.lost_first = ACTA_SUP_NONE,
		.lost_last = ACTA_SUP_NONE,
		.cursor = ACTA_SUP_NONE,
		.culprit = ACTA_SUP_NONE };
}

enum acta_err
acta_tree_init(struct acta_sup *sup, uint32_t room)
{
	uint32_t buckets = 1;

	while (buckets < room)
		buckets *= 2;
	sup->room = room;
	sup->buckets_count = buckets;
	sup->children = calloc((size_t)room + 1, sizeof(*sup->children));
	sup->buckets = calloc(buckets, sizeof(*sup->buckets));
	if (!sup->children || !sup->buckets)
		return ACTA_ENOMEM;
	memset(sup->buckets, 0xff, buckets * sizeof(*sup->buckets));
	clean(&sup->children[room]);
	sup->children[room].used = true;
	sup->children[room].parent = ACTA_SUP_NONE;
	return ACTA_OK;
}

void
acta_tree_fini(struct acta_sup *sup)
{
	for (uint32_t i = 0; sup->children && i <= sup->room; i++) {
		free(sup->children[i].window);
		free(sup->children[i].own_window);
	}
	free(sup->children);
	free(sup->buckets);
	sup->children = NULL;
	sup->buckets = NULL;
}

/* Allocated when it is first asked for; the bounds are always the newest. */
static enum acta_sup_word
fit(struct acta_intensity **window, const struct acta_sup_flags *flags)
{
	enum acta_err err;

	if (!*window)
		*window = calloc(1, sizeof(**window));
	if (!*window)
		return ACTA_SUP_NO_ROOM;
	err = acta_intensity_change(
	    *window, flags->intensity, (uint64_t)flags->period_ms);
	assert(err == ACTA_OK); /* checked before */
	return ACTA_SUP_OK;
}

enum acta_sup_word
acta_tree_fit(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = acta_tree_at(sup, child);
	enum acta_sup_word word = ACTA_SUP_OK;

	if (c->spec.supervisor)
		word = fit(&c->own_window, &c->spec.flags);
	if (word == ACTA_SUP_OK && c->parent != ACTA_SUP_NONE) {
		const struct acta_sup_flags *over =
		    &acta_tree_at(sup, c->parent)->spec.flags;

		if (over->on_exceed == ACTA_EXCEED_HOLD)
			word = fit(&c->window, over);
	}
	return word;
}

static void
set_backoff(struct acta_sup_child *c, const struct acta_sup_spec *spec)
{
	c->backoff = (struct acta_backoff){
		.min_ms = spec->backoff_min_ms,
		.max_ms = spec->backoff_max_ms,
		.reset_ms = spec->backoff_reset_ms,
		.factor = spec->backoff_factor,
		.jitter = spec->backoff_jitter,
	};
}

enum acta_sup_word
acta_tree_place(struct acta_sup *sup, uint32_t parent, uint32_t child,
    const struct acta_sup_spec *spec)
{
	struct acta_sup_child *c;
	enum acta_sup_word word;

	if (child >= sup->room)
		return ACTA_SUP_NO_ROOM;
	c = &sup->children[child];
	if (c->used)
		return ACTA_SUP_NO_ROOM;
	clean(c);
	c->used = true;
	c->parent = parent;
	c->depth = acta_tree_at(sup, parent)->depth + 1;
	c->spec = *spec;
	if (sup->used <= child)
		sup->used = child + 1;
	set_backoff(c, acta_sup_spec_of(sup, child));
	word = acta_tree_fit(sup, child);
	if (word != ACTA_SUP_OK)
		acta_tree_free(sup, child);
	return word;
}

void
acta_tree_free(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = &sup->children[child];

	assert(!c->known);
	free(c->window);
	free(c->own_window);
	*c = (struct acta_sup_child){ .due_ms = INT64_MAX };
	while (sup->used > 0 && !sup->children[sup->used - 1].used)
		sup->used--;
}

/* ------------------------------------------------------------------ lists -- */

static void
append(struct acta_sup *sup, struct acta_sup_child *p, uint32_t child)
{
	sup->children[child].prev = p->last;
	sup->children[child].next = ACTA_SUP_NONE;
	if (p->last != ACTA_SUP_NONE)
		sup->children[p->last].next = child;
	else
		p->first = child;
	p->last = child;
}

void
acta_tree_link(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = &sup->children[child];
	struct acta_sup_child *p = acta_tree_at(sup, c->parent);
	uint32_t *bucket = bucket_of(sup, c->parent, c->spec.id);

	assert(!c->known);
	c->known = true;
	append(sup, p, child);
	p->count++;
	if (!c->spec.id[0])
		return; /* found by its number alone */
	c->hash_next = *bucket;
	*bucket = child;
}

static void
unhash(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = &sup->children[child];
	uint32_t *at = bucket_of(sup, c->parent, c->spec.id);

	if (!c->spec.id[0])
		return;
	while (*at != child)
		at = &sup->children[*at].hash_next;
	*at = c->hash_next;
	c->hash_next = ACTA_SUP_NONE;
}

void
acta_tree_unlink(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = &sup->children[child];
	struct acta_sup_child *p = acta_tree_at(sup, c->parent);

	assert(c->known);
	assert(!c->lost);
	if (p->cursor == child)
		p->cursor = p->phase == ACTA_NODE_STARTING ||
			p->phase == ACTA_NODE_FILLING
		    ? c->next
		    : c->prev;
	if (p->culprit == child)
		p->culprit = ACTA_SUP_NONE;
	unhash(sup, child);
	if (c->prev != ACTA_SUP_NONE)
		sup->children[c->prev].next = c->next;
	else
		p->first = c->next;
	if (c->next != ACTA_SUP_NONE)
		sup->children[c->next].prev = c->prev;
	else
		p->last = c->prev;
	c->prev = c->next = ACTA_SUP_NONE;
	p->count--;
	c->known = false;
}

void
acta_tree_reorder(struct acta_sup *sup, uint32_t parent)
{
	struct acta_sup_child *p = acta_tree_at(sup, parent);
	uint32_t others = ACTA_SUP_NONE, child, next;

	/* From the last on, so that the first of them comes to stand first. */
	for (child = p->last; child != ACTA_SUP_NONE; child = next) {
		next = sup->children[child].prev;
		if (sup->children[child].founder)
			continue;
		sup->children[child].next = others;
		others = child;
	}
	p->first = p->last = ACTA_SUP_NONE;
	for (child = p->founders; child != ACTA_SUP_NONE;
	     child = sup->children[child].founder_next)
		if (sup->children[child].known)
			append(sup, p, child);
	for (child = others; child != ACTA_SUP_NONE; child = next) {
		next = sup->children[child].next;
		append(sup, p, child);
	}
}

void
acta_tree_found(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = &sup->children[child];
	struct acta_sup_child *p = acta_tree_at(sup, c->parent);

	c->founder = true;
	c->founder_next = ACTA_SUP_NONE;
	if (p->founders_last != ACTA_SUP_NONE)
		sup->children[p->founders_last].founder_next = child;
	else
		p->founders = child;
	p->founders_last = child;
}

uint32_t
acta_sup_find(const struct acta_sup *sup, uint32_t parent, const char *id)
{
	uint32_t child = *bucket_of(sup, parent, id);

	while (child != ACTA_SUP_NONE &&
	    (sup->children[child].parent != parent ||
		strcmp(sup->children[child].spec.id, id) != 0))
		child = sup->children[child].hash_next;
	return child;
}

void
acta_tree_lose(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = &sup->children[child];
	struct acta_sup_child *p = acta_tree_at(sup, c->parent);

	assert(!c->lost);
	c->lost = true;
	c->lost_next = ACTA_SUP_NONE;
	if (p->lost_last != ACTA_SUP_NONE)
		sup->children[p->lost_last].lost_next = child;
	else
		p->lost_first = child;
	p->lost_last = child;
}

void
acta_tree_unlose(struct acta_sup *sup, uint32_t child)
{
	struct acta_sup_child *c = &sup->children[child];
	struct acta_sup_child *p = acta_tree_at(sup, c->parent);
	uint32_t before = ACTA_SUP_NONE;

	if (!c->lost)
		return;
	for (uint32_t at = p->lost_first; at != child;
	     at = sup->children[at].lost_next)
		before = at;
	if (before == ACTA_SUP_NONE)
		p->lost_first = c->lost_next;
	else
		sup->children[before].lost_next = c->lost_next;
	if (p->lost_last == child)
		p->lost_last = before;
	c->lost = false;
	c->lost_next = ACTA_SUP_NONE;
}
