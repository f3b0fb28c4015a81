/* nest-peer.c - nest.c under another name: what is on the other end of a link. */
#define SERVICE_NAME "nest-peer"
#include "nest.c"
