/* config.c - what a door is told at its start: a MessagePack map. */
#include "runtime/door/door.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codecs/reader.h"

#define CONFIG_BYTES_MAX (16u << 20)

static enum acta_err
read_all(int fd, uint8_t **out, size_t *out_size)
{
	size_t size = 0, room = 65536;
	uint8_t *bytes = malloc(room);

	while (bytes && size < CONFIG_BYTES_MAX) {
		ssize_t n;

		if (size == room) {
			uint8_t *more = realloc(bytes, room * 2);

			if (!more)
				break;
			bytes = more;
			room *= 2;
		}
		/* pread: whoever wrote the memfd left its offset at the end. */
		n = pread(fd, bytes + size, room - size, (off_t)size);
		if (n < 0)
			break;
		if (n == 0) {
			*out = bytes;
			*out_size = size;
			return ACTA_OK;
		}
		size += (size_t)n;
	}
	free(bytes);
	return ACTA_EIO;
}

static char *
text(acta_value map, const char *name)
{
	acta_value v = acta_map_get(map, name, strlen(name));

	return v.type == ACTA_STR ? strndup(v.as.data, v.size) : strdup("");
}

enum acta_err
door_config_read(struct door *door, int fd, struct acta_why *why)
{
	struct door_config *config = &door->config;
	struct acta_reader reader;
	acta_value map, v;
	size_t size;

	if (read_all(fd, &config->bytes, &size) != ACTA_OK) {
		acta_why_text(why, "descriptor %d cannot be read", fd);
		return ACTA_EIO;
	}
	if (acta_msgpack_check(config->bytes, size) != ACTA_OK) {
		acta_why_text(why, "the config is not MessagePack");
		return ACTA_EPROTO;
	}
	reader = acta_reader(config->bytes, size);
	map = acta_read(&reader);
	if (map.type != ACTA_MAP) {
		acta_why_text(why, "the config is not a map");
		return ACTA_EPROTO;
	}
	config->node = text(map, "node");
	config->run = text(map, "run");
	config->call = text(map, "call");
	config->push = text(map, "push");
	config->events = text(map, "events");
	v = acta_map_get(map, "max_body", 8);
	config->max_body =
	    v.type == ACTA_INT && v.as.i > 0 ? (uint64_t)v.as.i : 1u << 20;
	v = acta_map_get(map, "admin", 5);
	config->admin = v.type == ACTA_BOOL && v.as.b;
	config->services = acta_map_get(map, "services", 8);
	if (!*config->run) {
		acta_why_text(why, "the config has no run directory");
		return ACTA_EPROTO;
	}
	return ACTA_OK;
}

void
door_config_fini(struct door_config *config)
{
	free(config->node);
	free(config->run);
	free(config->call);
	free(config->push);
	free(config->events);
	free(config->bytes);
	memset(config, 0, sizeof *config);
}
