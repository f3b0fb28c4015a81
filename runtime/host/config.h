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

/*
 * How long an idle worker looks for work before it sleeps, of what is
 * configured: nothing where cores are few. A call has five other threads to go
 * through; who spins on one of two cores takes it from those it waits for
 * (measured: 3.6 times a bare echo, 2.6 without).
 */
#define ACTA_SPIN_CORES_MIN 3u
int64_t acta_host_spin_us(int64_t configured_us, uint32_t cores);

ACTA_NODISCARD enum acta_err acta_host_config_read(
    int fd, struct acta_host_config *out, struct acta_why *why);
void acta_host_config_fini(struct acta_host_config *config);

#endif /* ACTA_HOST_CONFIG_H */
