/*
 * runtime/host/events.c - the partition's log of events: seq contiguous per
 * topic, the same actor's last seq, retention by age, size and count.
 */
#include "runtime/host/part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"

#define TRIM_MIN \
	64u /* rows that one turn may retire, per topic; or twice as
                      * many as it brought */

struct acta_topic *
acta_topic_find(struct acta_part *part, struct acta_bytes name, bool make)
{
	struct acta_topic *t;

	for (uint32_t i = 0; i < part->topic_count; i++) {
		t = &part->topics[i];
		if (strlen(t->name) == name.size &&
		    memcmp(t->name, name.data, name.size) == 0)
			return t;
	}
	if (!make || part->topic_count == ACTA_TOPICS_MAX ||
	    name.size > ACTA_TYPE_MAX)
		return NULL;
	part->topics = realloc(
	    part->topics, (part->topic_count + 1) * sizeof(*part->topics));
	if (part->topics == NULL)
		abort();
	t = &part->topics[part->topic_count++];
	*t = (struct acta_topic){ .next = 1, .first = 1, .needed = UINT64_MAX };
	memcpy(t->name, name.data, name.size);
	return t;
}

enum acta_err
acta_topics_load(struct acta_part *part)
{
	struct acta_scan *scan =
	    acta_scan_open(part->store, ACTA_T_TOPIC, "h", 1);
	struct acta_row row;
	bool ok = true;
	enum acta_err err;

	while (ok && acta_scan_next(scan, &row)) {
		struct acta_reader r = acta_reader(row.value, row.value_size);
		const struct acta_bytes name = { (const char *)row.key + 1,
			(uint32_t)row.key_size - 1 };
		struct acta_topic *t = acta_topic_find(part, name, true);

		ok = t != NULL && acta_read_list(&r, &ok) == 3 && ok;
		if (!ok)
			break;
		t->next = acta_read_uint(&r, &ok);
		t->first = acta_read_uint(&r, &ok);
		t->bytes = acta_read_uint(&r, &ok);
	}
	err = acta_scan_close(&scan);
	return err != ACTA_OK ? err : ok ? ACTA_OK : ACTA_ECORRUPT;
}

void
acta_topic_needed(struct acta_part *part, struct acta_topic *t, uint64_t seq)
{
	if (t->kept && seq > t->needed) { /* some of it may go now */
		t->kept = false;
		t->first_ms = 0;
		part->topics_due_ms = 0;
	}
	t->needed = seq;
}

size_t
acta_event_key(char *out, const struct acta_topic *t, uint64_t seq)
{
	size_t n = strlen(t->name), at = 0;

	out[at++] = (char)n;
	memcpy(out + at, t->name, n);
	at += n;
	for (int i = 7; i >= 0; i--)
		out[at++] = (char)(seq >> (8 * i));
	return at;
}

/* Number the event and put it into the log. The item's topic is the part
 * behind the service's name; it leaves with the turn's commit. */
void
acta_topics_append(struct acta_part *part, struct acta_release *event)
{
	struct acta_item *e = &event->item;
	size_t skip = strlen(part->config.service) + 1;
	const struct acta_bytes name = { e->topic.data + skip,
		e->topic.size - (uint32_t)skip };
	struct acta_topic *t = acta_topic_find(part, name, true);
	char key[ACTA_TYPE_MAX + ACTA_KEY_MAX + 16];
	const void *value;
	size_t n, size;

	if (t == NULL)
		return; /* the API checked: it cannot be */
	e->seq = t->next++;
	e->prev = 0;
	e->src_part = part->config.part;
	e->at_ms = part->now_ms;
	t->appended++;
	t->dirty = true;
	part->topics_due_ms = 0;

	n = 0;
	key[n++] = 'l';
	key[n++] = (char)strlen(t->name);
	memcpy(key + n, t->name, strlen(t->name));
	n += strlen(t->name);
	memcpy(key + n, e->key.data, e->key.size);
	n += e->key.size;
	if (acta_part_get(part, ACTA_T_TOPIC, key, n, &value, &size) ==
	    ACTA_OK) {
		struct acta_reader r = acta_reader(value, size);
		bool ok = true;

		e->prev = acta_read_uint(&r, &ok);
	}
	acta_buf_reset(&part->pack);
	acta_pack_uint(&part->pack, e->seq);
	acta_store_put(part->store, ACTA_T_TOPIC, key, n, part->pack.data,
	    part->pack.size);

	acta_buf_reset(&part->pack);
	acta_pack_list(&part->pack, 5);
	acta_pack_str(&part->pack, e->key.data, e->key.size);
	acta_pack_uint(&part->pack, e->prev);
	acta_pack_int(&part->pack, e->at_ms);
	acta_pack_raw(&part->pack, e->body.data, e->body.size);
	acta_pack_uint(&part->pack, part->next_place++);
	part->numbers_dirty = true;
	n = acta_event_key(key, t, e->seq);
	acta_store_put(part->store, ACTA_T_EVENT, key, n, part->pack.data,
	    part->pack.size);
	t->bytes += part->pack.size;
}

static bool
over(const struct acta_part *part, const struct acta_topic *t, int64_t at_ms)
{
	const struct acta_part_config *c = &part->config;

	return (c->event_count > 0 && t->next - t->first > c->event_count) ||
	    (c->event_size > 0 && t->bytes > c->event_size) ||
	    (c->event_age_ms > 0 && at_ms < part->now_ms - c->event_age_ms);
}

/* From the oldest on; what is left over is for the next turn. */
static void
trim(struct acta_part *part, struct acta_topic *t)
{
	uint32_t most = 2 * t->appended > TRIM_MIN ? 2 * t->appended : TRIM_MIN;
	char key[ACTA_TYPE_MAX + 16];

	t->first_ms = 0;
	t->kept = false;
	for (uint32_t i = 0; i < most && t->first < t->next; i++) {
		size_t n = acta_event_key(key, t, t->first), size;
		const void *value;
		struct acta_reader r;
		bool ok = true;
		uint32_t len;
		int64_t at_ms;

		if (acta_part_get(part, ACTA_T_EVENT, key, n, &value, &size) !=
		    ACTA_OK) {
			(void)acta_part_fatal(part, ACTA_ECORRUPT);
			return;
		}
		r = acta_reader(value, size);
		(void)acta_read_list(&r, &ok);
		(void)acta_read_str(&r, &len, &ok);
		(void)acta_read_uint(&r, &ok);
		at_ms = acta_read_int(&r, &ok);
		if (!over(part, t, at_ms)) {
			t->first_ms = at_ms;
			return;
		}
		if (t->first >= t->needed) {
			t->kept = true;
			return;
		}
		acta_store_delete(part->store, ACTA_T_EVENT, key, n);
		t->bytes -= size < t->bytes ? size : t->bytes;
		t->first++;
		t->dirty = true;
	}
}

static void
topic_put(struct acta_part *part, struct acta_topic *t)
{
	char key[ACTA_TYPE_MAX + 2];
	size_t n = strlen(t->name);

	key[0] = 'h';
	memcpy(key + 1, t->name, n);
	acta_buf_reset(&part->pack);
	acta_pack_list(&part->pack, 3);
	acta_pack_uint(&part->pack, t->next);
	acta_pack_uint(&part->pack, t->first);
	acta_pack_uint(&part->pack, t->bytes);
	acta_store_put(part->store, ACTA_T_TOPIC, key, n + 1, part->pack.data,
	    part->pack.size);
	t->appended = 0;
	t->dirty = false;
}

/* When its oldest event is too old; 0: it has to be looked at. */
static int64_t
due_ms(const struct acta_part *part, const struct acta_topic *t)
{
	if (t->first == t->next || t->kept)
		return INT64_MAX;
	if (t->first_ms == 0)
		return 0;
	return part->config.event_age_ms > 0
	    ? t->first_ms + part->config.event_age_ms + 1
	    : INT64_MAX;
}

void
acta_topics_store(struct acta_part *part)
{
	int64_t due = INT64_MAX;

	if (part->topics_due_ms > part->now_ms)
		return;
	for (uint32_t i = 0; i < part->topic_count; i++) {
		struct acta_topic *t = &part->topics[i];

		if (t->dirty || due_ms(part, t) <= part->now_ms)
			trim(part, t);
		if (t->dirty)
			topic_put(part, t);
		if (due_ms(part, t) < due)
			due = due_ms(part, t);
	}
	part->topics_due_ms = due;
}

/* Old events go although nothing new comes; not while there is no space, when
 * nothing can be written down. */
int64_t
acta_topics_wake_ms(const struct acta_part *part)
{
	return part->topics_due_ms;
}

void
acta_part_heads(struct acta_part *part)
{
	char name[ACTA_SERVICE_MAX + ACTA_TYPE_MAX + 2];

	for (uint32_t i = 0; i < part->topic_count; i++) {
		const struct acta_topic *t = &part->topics[i];
		struct acta_item item = { .kind = ACTA_ITEM_HEAD,
			.src_part = part->config.part,
			.seq = t->next - 1 };

		if (t->next == 1)
			continue;
		snprintf(
		    name, sizeof(name), "%s.%s", part->config.service, t->name);
		item.topic =
		    (struct acta_bytes){ name, (uint32_t)strlen(name) };
		part->port.event(part->port.self, &item);
	}
}
