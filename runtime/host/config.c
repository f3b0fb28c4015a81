/* runtime/host/config.c - the map on descriptor 4, with every key's default. */
#include "runtime/host/config.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static acta_value
at(acta_value map, const char *name)
{
	return map.type == ACTA_MAP ? acta_map_get(map, name, strlen(name))
				    : (acta_value){ 0 };
}

static char *
text(acta_value v)
{
	char *out = calloc(1, (v.type == ACTA_STR ? v.size : 0) + 1);

	if (out == NULL)
		abort();
	if (v.type == ACTA_STR)
		memcpy(out, v.as.data, v.size);
	return out;
}

static void
copy(char *out, size_t room, acta_value v)
{
	size_t n = v.type == ACTA_STR ? v.size : 0;

	if (n >= room)
		n = room - 1;
	memcpy(out, v.type == ACTA_STR ? v.as.data : "", n);
	out[n] = '\0';
}

static int64_t
number(acta_value map, const char *name, int64_t otherwise)
{
	return acta_as_int(at(map, name), otherwise);
}

static void
read_routes(struct acta_host_config *c, acta_value list)
{
	struct acta_reader r;

	if (list.type != ACTA_LIST)
		return;
	c->routes = calloc(list.size + 1, sizeof(*c->routes));
	if (c->routes == NULL)
		abort();
	r = acta_reader_into(list);
	for (uint32_t i = 0; i < list.size; i++) {
		acta_value one = acta_read(&r);

		copy(c->routes[i].name, sizeof(c->routes[i].name),
		    at(one, "name"));
		c->routes[i].partitions =
		    (uint32_t)number(one, "partitions", 1);
	}
	c->part.routes = c->routes;
	c->part.route_count = list.size;
}

/* The raw bytes of "settings", to be kept as they are. */
static void
find_settings(struct acta_host_config *c)
{
	struct acta_reader r = acta_reader(c->bytes, c->size);
	bool ok = true;
	uint32_t n = acta_read_map(&r, &ok);

	for (uint32_t i = 0; ok && i < n; i++) {
		acta_value name = acta_read(&r);
		size_t size;
		const void *raw = acta_read_raw(&r, &size);

		if (name.type == ACTA_STR && name.size == 8 &&
		    memcmp(name.as.data, "settings", 8) == 0) {
			c->settings = raw;
			c->settings_size = size;
		}
	}
}

int64_t
acta_host_spin_us(int64_t configured_us, uint32_t cores)
{
	return cores < ACTA_SPIN_CORES_MIN ? 0 : configured_us;
}

/* Those that this process may run on. */
static uint32_t
cores(void)
{
	cpu_set_t set;

	/* It fails on machines of over 1,024. */
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return CPU_SETSIZE;
	return (uint32_t)CPU_COUNT(&set);
}

static void
fill(struct acta_host_config *c, acta_value map)
{
	acta_value backoff = at(map, "backoff"), store = at(map, "store");
	acta_value channel = at(map, "channel"), events = at(map, "events");
	struct acta_part_config *p = &c->part;
	acta_value failed = at(map, "on_failed"), lag = at(map, "on_lag");

	copy(c->node, sizeof(c->node), at(map, "node"));
	copy(c->service, sizeof(c->service), at(map, "service"));
	c->load = text(at(map, "load"));
	c->data = text(at(map, "data"));
	c->run = text(at(map, "run"));
	c->workers = (uint32_t)number(map, "workers", 1);
	c->spin_us = acta_host_spin_us(number(map, "spin_us", 50), cores());
	p->service = c->service;
	p->node = c->node;
	p->parts = (uint32_t)number(map, "partitions", 1);
	p->max_attempts = (uint32_t)number(map, "max_attempts", 5);
	p->max_crashes = (uint32_t)number(map, "max_crashes", 3);
	p->turn_limit_ms = number(map, "turn_limit_ms", 30000);
	p->backoff_min_ms = number(backoff, "min_ms", 100);
	p->backoff_max_ms = number(backoff, "max_ms", 30000);
	p->backoff_factor = acta_as_num(at(backoff, "factor"), 2);
	p->stop_on_failed = failed.type == ACTA_STR && failed.size == 4 &&
	    memcmp(failed.as.data, "stop", 4) == 0;
	p->on_lapse = lag.type == ACTA_STR && lag.size == 5;
	p->on_from = number(map, "on_from", 0);
	p->on_how = p->on_from > 0 ? 's'
	    : p->on_from == 0      ? 'f'
	    : p->on_from == -1     ? 'l'
				   : 't';
	if (p->on_how == 't')
		p->on_from = -p->on_from;
	p->channel_quota = (uint64_t)number(channel, "quota", 256 << 20);
	p->channel_credit = (uint64_t)number(channel, "credit", 4 << 20);
	p->event_age_ms = number(events, "age_ms", 24 * 3600 * 1000);
	p->event_size = (uint64_t)number(events, "size", 1 << 30);
	p->event_count = (uint64_t)number(events, "count", 10000000);
	p->ids_keep_ms = number(at(map, "ids"), "keep_ms", 24 * 3600 * 1000);
	p->ids_quota = (uint64_t)number(at(map, "ids"), "quota", 1 << 30) /
	    (p->parts ? p->parts : 1);
	c->store.service = c->service;
	c->store.parts = p->parts;
	c->store.quota = (uint64_t)number(store, "quota", 16ll << 30);
	c->store.memory = (uint64_t)number(store, "memory", 64 << 20) /
	    (p->parts ? p->parts : 1);
	c->store.journal_keep =
	    (uint64_t)number(store, "journal_keep", 1 << 30);
	read_routes(c, at(map, "services"));
	find_settings(c);
}

enum acta_err
acta_host_config_read(
    int fd, struct acta_host_config *out, struct acta_why *why)
{
	struct acta_buf b;
	struct acta_reader r;
	ssize_t n;

	*out = (struct acta_host_config){ 0 };
	acta_buf_init(&b);
	/* A memfd keeps its offset; whoever wrote it left it at the end. */
	(void)lseek(fd, 0, SEEK_SET);
	do {
		acta_buf_reserve(&b, 65536);
		n = read(fd, b.data + b.size, 65536);
		if (n > 0)
			b.size += (size_t)n;
	} while (n > 0 && b.size <= ACTA_CONFIG_BYTES_MAX);
	out->bytes = b.data;
	out->size = b.size;
	if (n < 0 || b.size > ACTA_CONFIG_BYTES_MAX ||
	    acta_msgpack_check(b.data, b.size) != ACTA_OK) {
		acta_why_text(why,
		    "the config on descriptor %d cannot be "
		    "read",
		    fd);
		acta_why_hint(why, "acta-host is started by acta-root");
		return ACTA_EPROTO;
	}
	r = acta_reader(out->bytes, out->size);
	fill(out, acta_read(&r));
	if (out->service[0] == '\0' || out->part.parts == 0 ||
	    out->workers == 0 || out->workers > ACTA_BOX_WORKERS) {
		acta_why_text(why,
		    "the config names no service, partitions "
		    "or workers");
		return ACTA_EPROTO;
	}
	return ACTA_OK;
}

void
acta_host_config_fini(struct acta_host_config *c)
{
	free(c->bytes);
	free(c->load);
	free(c->data);
	free(c->run);
	free(c->routes);
}
