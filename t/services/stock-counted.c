/* stock-counted.c - stock.c, which counts its lives. */
#include "counted.h"

#include "stock.c"
