/* transfer-two.c - transfer.c under another name. */
#define SERVICE_NAME "transfer-two"
#include "transfer.c"
