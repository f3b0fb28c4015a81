/*
 * t/fuzz-row.c - a row of a tree as it lies on the disk: one byte the size of
 * its key, the key, the value and its checksum. Whatever lies there: it is told
 * from what was written; and the readers of the runtime's own values end.
 */
#include "t/fuzz.h"

#include "codecs/envelope.h"
#include "store/checkpoint.h"
#include "store/store.h"

/* Lists of numbers, texts, hashes and one message: what all of them are. */
static void
read_as_rows(const uint8_t *value, size_t size)
{
	struct acta_reader r = acta_reader(value, size);
	struct acta_caller caller;
	struct acta_message msg;
	bool ok = true;
	uint32_t n;
	size_t raw;

	(void)acta_read_list(&r, &ok);
	(void)acta_read_int(&r, &ok);
	(void)acta_read_int(&r, &ok);
	(void)acta_read_bin(&r, &n, &ok);
	(void)acta_read_str(&r, &n, &ok);
	(void)acta_read_bool(&r, &ok);
	(void)acta_read_raw(&r, &raw);
	r = acta_reader(value, size);
	(void)acta_read_list(&r, &ok);
	acta_caller_decode(&r, &caller, &ok);
	(void)acta_read_int(&r, &ok);
	r = acta_reader(value, size);
	while (acta_message_decode(&r, &msg) == ACTA_OK)
		fuzz_must(r.at <= r.end);
}

int
fuzz_row(const uint8_t *data, size_t size)
{
	size_t key_size, value_size;
	const uint8_t *value;

	if (size < 2)
		return 0;
	key_size = 1u + data[0] % (size - 1);
	value = data + 1 + key_size;
	value_size = size - 1 - key_size;
	if (acta_row_check(data + 1, key_size, value, &value_size) == ACTA_OK)
		fuzz_must(value_size + ACTA_ROW_CHECK == size - 1 - key_size);
	read_as_rows(value, size - 1 - key_size);
	return 0;
}

void
fuzz_row_seeds(fuzz_take *take, void *self)
{
	static const uint8_t row[] = "\x03\x01"
				     "k1"
				     "\x96\x01\x02\xc4\x10"
				     "0123456789abcdef"
				     "\xa1"
				     "x"
				     "\xc3\x80"
				     "checksum";

	take(self, row, sizeof(row) - 1);
	fuzz_files("t/golden", "message-", ".bin", take, self);
}
