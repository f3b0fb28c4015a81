/* runtime/store_report.c - see store_report.h. */
#include "runtime/store_report.h"

#include <stdio.h>

#include "codecs/packer.h"

static void
number(struct acta_buf *out, const char *name, uint64_t n)
{
	acta_pack_text(out, name);
	acta_pack_uint(out, n);
}

static void
followers(struct acta_buf *out, const struct acta_store *store)
{
	const struct acta_follower *f;
	uint32_t count = 0, i;

	while (acta_store_follower(store, count) != NULL)
		count++;
	acta_pack_text(out, "followers");
	acta_pack_list(out, count);
	for (i = 0; (f = acta_store_follower(store, i)) != NULL; i++) {
		acta_pack_map(out, 3);
		acta_pack_text(out, "name");
		acta_pack_text(out, f->name);
		number(out, "next", f->next);
		acta_pack_text(out, "lapsed");
		acta_pack_bool(out, f->lapsed);
	}
}

void
acta_store_report(
    struct acta_buf *out, const struct acta_store *store, bool in_memory)
{
	struct acta_store_id id = acta_store_id(store);
	struct acta_store_info info;
	uint32_t part, parts;
	char history[2 * sizeof(id.history) + 1];
	size_t i;

	acta_store_parts(store, &part, &parts);
	acta_store_info(store, &info);
	for (i = 0; i < sizeof(id.history); i++)
		snprintf(history + 2 * i, 3, "%02x", id.history[i]);
	acta_pack_map(out, 21);
	acta_pack_text(out, "service");
	acta_pack_text(out, acta_store_service(store));
	number(out, "part", part);
	number(out, "parts", parts);
	acta_pack_text(out, "in_memory");
	acta_pack_bool(out, in_memory);
	acta_pack_text(out, "history");
	acta_pack_text(out, history);
	number(out, "incarnation", id.incarnation);
	number(out, "turn", acta_store_turn(store));
	acta_pack_text(out, "last_ms");
	acta_pack_int(out, acta_store_last_ms(store));
	number(out, "used_bytes", info.used_bytes);
	number(out, "free_pages", info.free_pages);
	number(out, "file_bytes", info.file_bytes);
	acta_pack_text(out, "quota");
	if (info.quota > 0)
		acta_pack_uint(out, info.quota);
	else
		acta_pack_nil(out);
	number(out, "journal_first", info.journal_first);
	number(out, "journal_last", info.journal_last);
	number(out, "journal_bytes", info.journal_bytes);
	number(out, "replay_from", info.replay_from);
	number(out, "keep_from", info.keep_from);
	number(out, "rows_active", info.entries_active);
	number(out, "rows_frozen", info.entries_frozen);
	number(out, "memory", info.memory);
	followers(out, store);
}
