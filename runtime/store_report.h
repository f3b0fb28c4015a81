/*
 * runtime/store_report.h - what `acta store info` shows of a store: a running one
 * through its worker, a stopped one by the command itself.
 */
#ifndef ACTA_STORE_REPORT_H
#define ACTA_STORE_REPORT_H

#include "codecs/buf.h"
#include "store/store.h"

/* Append one MessagePack map; its fields stand in acta(1). */
void acta_store_report(struct acta_buf *out, const struct acta_store *store,
    bool in_memory);

#endif /* ACTA_STORE_REPORT_H */
