/*
 * runtime/host/config.h - what the host is told at its start (runtime/README):
 * a MessagePack map on descriptor 4.
 */
#ifndef ACTA_HOST_CONFIG_H
#define ACTA_HOST_CONFIG_H

#include "codecs/err.h"
#include "runtime/host/part.h"

#define ACTA_CONFIG_BYTES_MAX (4u << 20)

struct acta_host_config {
	uint8_t *bytes; /* the map; strings below are copies */
	size_t size;
	char node[48], service[ACTA_SERVICE_MAX + 1];
	char *load, *data, *run;
	uint32_t workers;
	int64_t spin_us;
	struct acta_part_config part; /* of each partition, but its number */
	struct acta_store_options store;
	struct acta_route *routes;
	const void *settings; /* packed map, in bytes */
	size_t settings_size;
};

ACTA_NODISCARD enum acta_err acta_host_config_read(
    int fd, struct acta_host_config *out, struct acta_why *why);
void acta_host_config_fini(struct acta_host_config *config);

#endif /* ACTA_HOST_CONFIG_H */
