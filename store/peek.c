/*
 * store/peek.c - the program acta-peek: what a store holds, one JSON object a
 * line, also beside its running service.
 *   acta-peek DIR [TABLE [PREFIX]]
 */
#include "codecs/json.h"
#include "codecs/reader.h"
#include "store/arena.h"
#include "store/internal.h"
#include "store/lock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A reader keeps a running store from reusing pages: not for long. */
#define BESIDE_WRITER_S 30

struct peek {
	struct acta_store *store;
	struct acta_buf line;
	bool beside_writer;
	time_t until;
};

static void
text(struct acta_buf *line, const char *bytes)
{
	acta_buf_append(line, bytes, strlen(bytes));
}

static void
hex(struct acta_buf *line, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	char two[3];
	size_t i;

	text(line, "\"");
	for (i = 0; i < size; i++) {
		snprintf(two, sizeof(two), "%02x", bytes[i]);
		text(line, two);
	}
	text(line, "\"");
}

static bool
printable(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	size_t i;

	for (i = 0; i < size; i++)
		if (bytes[i] < 0x20 || bytes[i] == 0x7f)
			return false;
	return acta_utf8_valid(data, size);
}

static void
quoted(struct acta_buf *line, const void *data, size_t size)
{
	const char *bytes = data;
	size_t i;

	text(line, "\"");
	for (i = 0; i < size; i++) {
		if (bytes[i] == '"' || bytes[i] == '\\')
			text(line, "\\");
		acta_buf_append(line, bytes + i, 1);
	}
	text(line, "\"");
}

/* false: nobody reads any more. */
static bool
put_line(struct acta_buf *line)
{
	text(line, "\n");
	return fwrite(line->data, 1, line->size, stdout) == line->size;
}

static bool
print_row(struct peek *peek, enum acta_table table, const struct acta_row *row)
{
	struct acta_buf *line = &peek->line;

	acta_buf_reset(line);
	text(line, "{\"table\":\"");
	text(line, acta_table_name(table));
	text(line, "\",\"key\":");
	if (printable(row->key, row->key_size))
		quoted(line, row->key, row->key_size);
	else
		hex(line, row->key, row->key_size);
	text(line, ",\"value\":");
	if (acta_msgpack_check(row->value, row->value_size) == ACTA_OK)
		acta_json_encode(row->value, row->value_size, line);
	else
		hex(line, row->value, row->value_size);
	text(line, "}");
	return put_line(line);
}

static void
field(struct acta_buf *line, const char *name, uint64_t value)
{
	char number[64];

	snprintf(number, sizeof(number), ",\"%s\":%" PRIu64, name, value);
	text(line, number);
}

static void
followers(struct acta_buf *line, const struct acta_store *store)
{
	const struct acta_follower *f;
	uint32_t i;

	text(line, ",\"followers\":{");
	for (i = 0; (f = acta_store_follower(store, i)) != NULL; i++) {
		text(line, i > 0 ? "," : "");
		quoted(line, f->name, strlen(f->name));
		text(line, ":{\"lapsed\":");
		text(line, f->lapsed ? "true" : "false");
		field(line, "next", f->next);
		text(line, "}");
	}
	text(line, "}");
}

static bool
print_meta(struct peek *peek)
{
	struct acta_store_id id = acta_store_id(peek->store);
	struct acta_buf *line = &peek->line;
	struct acta_store_info info;
	uint32_t part, parts;
	const char *service = acta_store_service(peek->store);

	acta_store_info(peek->store, &info);
	acta_store_parts(peek->store, &part, &parts);
	acta_buf_reset(line);
	text(line, "{\"meta\":{\"service\":");
	if (printable(service, strlen(service)))
		quoted(line, service, strlen(service));
	else
		hex(line, service, strlen(service));
	field(line, "format", ACTA_STORE_FORMAT);
	field(line, "part", part);
	field(line, "parts", parts);
	text(line, ",\"history\":");
	hex(line, id.history, sizeof(id.history));
	field(line, "incarnation", id.incarnation);
	field(line, "turn", acta_store_turn(peek->store));
	field(line, "last_ms", (uint64_t)acta_store_last_ms(peek->store));
	field(line, "replay_from", info.replay_from);
	field(line, "keep_from", info.keep_from);
	field(line, "journal_first", info.journal_first);
	field(line, "used_bytes", info.used_bytes);
	field(line, "file_bytes", info.file_bytes);
	field(line, "free_pages", info.free_pages);
	followers(line, peek->store);
	text(line, "}}");
	return put_line(line);
}

static enum acta_err
print_table(struct peek *peek, enum acta_table table, const char *prefix)
{
	struct acta_scan *scan =
	    acta_scan_open(peek->store, table, prefix, strlen(prefix));
	struct acta_row row;
	bool go_on = true;
	enum acta_err err;

	while (go_on && acta_scan_next(scan, &row)) {
		go_on = print_row(peek, table, &row);
		if (peek->beside_writer && time(NULL) > peek->until)
			break;
	}
	err = acta_scan_close(&scan);
	return err == ACTA_OK && !go_on ? ACTA_ECLOSED : err;
}

static bool
late(const struct peek *peek)
{
	return peek->beside_writer && time(NULL) > peek->until;
}

static int
print_all(struct peek *peek, enum acta_table only, const char *prefix)
{
	enum acta_err err = print_meta(peek) ? ACTA_OK : ACTA_ECLOSED;
	unsigned table;

	for (table = 0; table < ACTA_TABLES && err == ACTA_OK; table++)
		if ((only == ACTA_TABLES || only == table) && !late(peek))
			err = print_table(peek, table, prefix);
	if (err == ACTA_OK && fflush(stdout) != 0)
		err = ACTA_ECLOSED;
	if (err != ACTA_OK)
		fprintf(stderr, "acta-peek: %s\n", acta_strerror(err));
	else if (late(peek))
		fprintf(stderr,
		    "acta-peek: cut off after %d s, not to hold up "
		    "the running service: ask for less\n",
		    BESIDE_WRITER_S);
	return err == ACTA_OK && !late(peek) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
usage(void)
{
	unsigned table;

	fprintf(stderr, "usage: acta-peek DIR [TABLE [PREFIX]]\ntables:");
	for (table = 0; table < ACTA_TABLES; table++)
		fprintf(stderr, " %s", acta_table_name(table));
	fprintf(stderr, "\n");
	return 2;
}

int
main(int argc, char **argv)
{
	enum acta_table table = ACTA_TABLES;
	struct peek peek = { 0 };
	struct acta_why why;
	long holder;
	int status;

	if (argc >= 3)
		table = acta_table_named(argv[2]);
	if (argc < 2 || argc > 4 || (argc >= 3 && table == ACTA_TABLES))
		return usage();
	if (acta_store_open_read(argv[1], &peek.store, &why) != ACTA_OK) {
		fprintf(stderr, "acta-peek: %s\n", why.text);
		return EXIT_FAILURE;
	}
	holder = acta_lock_holder(argv[1]);
	if (holder > 0) {
		peek.beside_writer = true;
		peek.until = time(NULL) + BESIDE_WRITER_S;
		fprintf(stderr,
		    "acta-peek: the store is in use by process "
		    "%ld: this may be one turn ahead of its disk\n",
		    holder);
	}
	acta_buf_init(&peek.line);
	status = print_all(&peek, table, argc == 4 ? argv[3] : "");
	acta_buf_fini(&peek.line);
	acta_store_close(&peek.store);
	return status;
}
