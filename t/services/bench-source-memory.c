/* bench-source-memory.c - bench-source.c in memory, to the sink in memory. */
#define SERVICE_NAME "bench-source-memory"
#define SINK "bench-sink-memory/flow"
#define IN_MEMORY true
#include "bench-source.c"
