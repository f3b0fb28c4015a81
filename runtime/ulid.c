/* runtime/ulid.c - 128 bits in Crockford's base 32, the highest first. */
#include "runtime/ulid.h"

#include <string.h>

void
acta_ulid(char out[27], int64_t ms, const uint8_t random[10])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint8_t bytes[16];
	int i, bit;

	for (i = 0; i < 6; i++)
		bytes[i] = (uint8_t)((uint64_t)ms >> (40 - 8 * i));
	memcpy(bytes + 6, random, 10);
	/* 26 digits are 130 bits: the first two of them are zeros. */
	for (i = 0; i < 26; i++) {
		unsigned value = 0;

		for (bit = i * 5 - 2; bit < i * 5 + 3; bit++) {
			value <<= 1;
			if (bit >= 0)
				value |= (bytes[bit / 8] >> (7 - bit % 8)) & 1;
		}
		out[i] = digits[value];
	}
	out[26] = '\0';
}
