/*
 * helper-tamper.c - do by hand to a stopped store what must never be:
 *   drop DIR      the first row of its outbox is gone
 *   twice DIR     as a build would leave it that applied a message twice: the
 *                 receiving end of its first channel counts one more
 */
#include <stdio.h>
#include <string.h>

#include "codecs/packer.h"
#include "codecs/reader.h"
#include "store/store.h"

static int
change(struct acta_store *store, enum acta_table table, const char *prefix,
    void (*with)(struct acta_store *, const struct acta_row *))
{
	struct acta_scan *scan;
	struct acta_row row;
	int done = 0;

	acta_store_begin(store);
	scan = acta_scan_open(store, table, prefix, strlen(prefix));
	if (acta_scan_next(scan, &row)) {
		with(store, &row);
		done = 1;
	}
	if (acta_scan_close(&scan) != ACTA_OK ||
	    acta_store_commit(store, acta_store_last_ms(store) + 1, false) !=
		ACTA_OK)
		return 0;
	return done;
}

static void
drop(struct acta_store *store, const struct acta_row *row)
{
	acta_store_delete(store, ACTA_T_OUTBOX, row->key, row->key_size);
}

/* [history, inc, random, next, chain, taken, handled, ...] */
static void
twice(struct acta_store *store, const struct acta_row *row)
{
	struct acta_reader r = acta_reader(row->value, row->value_size);
	struct acta_buf b;
	bool ok = true;
	uint32_t n = acta_read_list(&r, &ok);

	acta_buf_init(&b);
	acta_pack_list(&b, n);
	for (uint32_t i = 0; i < n; i++) {
		acta_value v = acta_read(&r);

		if (i == 5 || i == 6)
			acta_pack_uint(&b, v.as.u + 1);
		else
			acta_pack_value(&b, v);
	}
	acta_store_put(
	    store, ACTA_T_CHANNEL, row->key, row->key_size, b.data, b.size);
	acta_buf_fini(&b);
}

int
main(int argc, char **argv)
{
	struct acta_store_options options = { .quota = 1u << 30,
		.memory = 64u << 20,
		.no_sync = true,
		.allow_any_fs = true };
	struct acta_store *store;
	struct acta_why why = { "", "" };
	uint32_t part, parts;
	char service[64];
	int done;

	if (argc != 3 || acta_store_open_read(argv[2], &store, &why) != ACTA_OK)
		return 2;
	snprintf(service, sizeof(service), "%s", acta_store_service(store));
	acta_store_parts(store, &part, &parts);
	acta_store_close(&store);
	options.service = service;
	options.part = part;
	options.parts = parts;
	if (acta_store_open(argv[2], &options, &store, &why) != ACTA_OK) {
		fprintf(stderr, "%s\n", why.text);
		return 2;
	}
	done = strcmp(argv[1], "drop") == 0
	    ? change(store, ACTA_T_OUTBOX, "", drop)
	    : change(store, ACTA_T_CHANNEL, "i", twice);
	acta_store_close(&store);
	return done ? 0 : 1;
}
