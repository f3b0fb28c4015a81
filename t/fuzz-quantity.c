/*
 * t/fuzz-quantity.c - durations, sizes and numbers as people write them. What is
 * taken is written out, read again, and is the same.
 */
#include "t/fuzz.h"

#include <math.h>

#include "codecs/reader.h"
#include "runtime/config_text.h"

static void
said(enum acta_err err, const struct acta_why *why)
{
	fuzz_must(err == ACTA_EINVAL || err == ACTA_ELIMIT);
	fuzz_must(why->hint[0] != '\0');
}

int
fuzz_quantity(const uint8_t *data, size_t size)
{
	struct acta_why why = { "", "" };
	int64_t value, again;
	double number;
	char text[200], out[32];
	enum acta_err err;

	if (size >= sizeof(text) || (size && memchr(data, '\0', size)))
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	err = acta_text_duration(text, &value, &why);
	if (err == ACTA_OK) {
		fuzz_must(value >= 0);
		acta_text_of_duration(value, out);
		fuzz_must(acta_text_duration(out, &again, &why) == ACTA_OK);
		fuzz_must(again == value);
	} else {
		said(err, &why);
	}
	err = acta_text_size(text, &value, &why);
	if (err == ACTA_OK) {
		fuzz_must(value >= 0);
		acta_text_of_size(value, out);
		fuzz_must(acta_text_size(out, &again, &why) == ACTA_OK);
		fuzz_must(again == value);
	} else {
		said(err, &why);
	}
	if (acta_text_int(text, &value) == ACTA_OK) {
		snprintf(out, sizeof(out), "%lld", (long long)value);
		fuzz_must(acta_text_int(out, &again) == ACTA_OK);
		fuzz_must(again == value);
	}
	if (acta_text_num(text, &number) == ACTA_OK)
		fuzz_must(isfinite(number));
	return 0;
}

void
fuzz_quantity_seeds(fuzz_take *take, void *self)
{
	static const char *const texts[] = { "50us", "100ms", "5s", "2m", "24h",
		"1.5s", "0", "36525d", "64MiB", "1.5GiB", "512B", "4194304TiB",
		"64M", "9223372036854775807", "-9223372036854775808", "1e300",
		"0x10", "1e3s", ".5", "-0", "000000000000000000000001us" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		fuzz_text(texts[i], take, self);
}
