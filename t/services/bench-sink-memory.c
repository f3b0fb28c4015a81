/* bench-sink-memory.c - bench-sink.c in memory. */
#define SERVICE_NAME "bench-sink-memory"
#define IN_MEMORY true
#include "bench-sink.c"
