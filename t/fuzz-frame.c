/*
 * t/fuzz-frame.c - a frame of the link: its head, its items, and what they
 * carry. What is decoded is encoded to the same again.
 */
#include "t/fuzz.h"

#include "codecs/envelope.h"
#include "codecs/packer.h"

static void
encoded_again(const struct acta_item *item)
{
	struct acta_item back;
	struct acta_buf once, twice;
	struct acta_reader r;

	acta_buf_init(&once);
	acta_buf_init(&twice);
	acta_item_encode(&once, item);
	r = acta_reader(once.data, once.size);
	fuzz_must(acta_item_decode(&r, &back) == ACTA_OK);
	fuzz_must(r.at == r.end);
	acta_item_encode(&twice, &back);
	fuzz_must(once.size == twice.size &&
	    memcmp(once.data, twice.data, once.size) == 0);
	acta_buf_fini(&once);
	acta_buf_fini(&twice);
}

static void
body(const struct acta_item *item)
{
	struct acta_reader r = acta_reader(item->body.data, item->body.size);
	struct acta_message msg;

	if (item->kind == ACTA_ITEM_DATA) {
		fuzz_must(item->count <= item->body.size);
		fuzz_must(item->first + item->count >= item->first);
	}
	if (item->kind == ACTA_ITEM_DATA || item->kind == ACTA_ITEM_CALL)
		while (acta_message_decode(&r, &msg) == ACTA_OK)
			fuzz_must(msg.args.type == ACTA_MAP);
	if (item->kind == ACTA_ITEM_REPLY || item->kind == ACTA_ITEM_EVENT)
		fuzz_must(acta_msgpack_check_wrapped(
			      item->body.data, item->body.size) == ACTA_OK);
}

int
fuzz_frame(const uint8_t *data, size_t size)
{
	struct acta_reader items;
	struct acta_item item;
	uint64_t epoch;
	enum acta_err err = acta_frame_open(data, size, &epoch, &items);

	if (err != ACTA_OK)
		return 0;
	while ((err = acta_item_decode(&items, &item)) == ACTA_OK) {
		fuzz_must(item.kind >= ACTA_ITEM_DATA &&
		    item.kind <= ACTA_ITEM_PROBE);
		encoded_again(&item);
		body(&item);
	}
	fuzz_must(err == ACTA_ENOENT || err == ACTA_EPROTO);
	fuzz_must(items.at == items.end);
	return 0;
}

void
fuzz_frame_seeds(fuzz_take *take, void *self)
{
	static const struct acta_item more[] = {
		{ .kind = ACTA_ITEM_HEAD,
		    .topic = { "stock.out", 9 },
		    .src_part = 1,
		    .seq = 9 },
		{ .kind = ACTA_ITEM_PROBE,
		    .src = { "cart", 4 },
		    .dst = { "stock", 5 },
		    .nonce = 3,
		    .first = 2,
		    .text = { "a.0 > b.1", 9 } },
	};
	struct acta_buf frame;

	fuzz_files("t/golden", "link-", ".bin", take, self);
	acta_buf_init(&frame);
	acta_frame_begin(&frame, 7);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		acta_item_encode(&frame, &more[i]);
	take(self, frame.data, frame.size);
	acta_buf_fini(&frame);
}
