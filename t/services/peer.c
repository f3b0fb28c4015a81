/* peer.c - msgs.c under another name: what is on the other end of a link. */
#define SERVICE_NAME "peer"
#include "msgs.c"
