/*
 * t/fuzz-journal.c - a record of the journal. The last byte of the input says
 * whether it comes as it lies on the disk, or with its size and checksum put
 * right, so that what stands behind them is reached. What passes is applied.
 */
#include "t/fuzz.h"

#include "store/hash.h"
#include "store/journal.h"
#include "store/store.h"

#define HEAD_BYTES 40u
#define TAIL_BYTES 8u

static void
put_right(uint8_t *record, size_t size)
{
	uint32_t size32 = (uint32_t)size;
	uint64_t sum;

	memcpy(record, "AcJ", 3);
	record[3] = ACTA_JOURNAL_VERSION;
	memcpy(
	    record + 4, &size32, sizeof(size32)); /* little-endian, as here */
	sum = acta_hash64(record, size - TAIL_BYTES);
	memcpy(record + size - TAIL_BYTES, &sum, sizeof(sum));
}

static void
apply(const struct acta_record *record)
{
	struct acta_generation gen;

	acta_generation_init(&gen);
	acta_journal_apply(record, &gen);
	/* Any suffix may be replayed over what it has made already. */
	acta_journal_apply(record, &gen);
	acta_generation_fini(&gen);
}

int
fuzz_journal(const uint8_t *data, size_t size)
{
	struct acta_record record;
	uint8_t *copy;
	uint64_t turn;
	uint32_t row;

	(void)acta_journal_key_decode(data, size, &turn, &row);
	if (size < 1)
		return 0;
	copy = malloc(size);
	fuzz_must(copy != NULL);
	memcpy(copy, data, size);
	if (copy[--size] % 2 == 1 && size >= HEAD_BYTES + TAIL_BYTES)
		put_right(copy, size);
	if (acta_journal_decode(copy, size, &record) == ACTA_OK) {
		fuzz_must(record.size == size);
		fuzz_must(record.ops_size + record.notes_size + HEAD_BYTES +
			TAIL_BYTES ==
		    size);
		apply(&record);
	}
	free(copy);
	return 0;
}

void
fuzz_journal_seeds(fuzz_take *take, void *self)
{
	struct acta_writeset ws;
	struct acta_rowkey key;
	struct acta_buf record;

	acta_writeset_init(&ws);
	acta_rowkey_init(&key, ACTA_T_STATE,
	    "\1"
	    "1items/",
	    8);
	acta_writeset_mark(&ws, &key);
	acta_rowkey_init(&key, ACTA_T_STATE,
	    "\1"
	    "1left",
	    6);
	acta_writeset_set(&ws, &key, ACTA_ROW_PUT, "\x08", 1);
	acta_rowkey_init(
	    &key, ACTA_T_OUTBOX, "\5stock\0\0\0\0\0\0\0\0\0\1", 16);
	acta_writeset_set(&ws, &key, ACTA_ROW_PUT, "message", 7);
	acta_rowkey_init(&key, ACTA_T_DUE, "due", 3);
	acta_writeset_set(&ws, &key, ACTA_ROW_DELETE, NULL, 0);
	acta_buf_init(&record);
	acta_journal_encode(&record, &ws, 7, 1790000000123);
	acta_buf_append(&record, "\1", 1);
	take(self, record.data, record.size);
	acta_buf_fini(&record);
	acta_writeset_fini(&ws);
}
