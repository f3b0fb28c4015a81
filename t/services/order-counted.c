/* order-counted.c - order.c, which counts its lives. */
#include "counted.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include "order.c"
