/*
 * t/fuzz-token.c - the text of a token, which a service may have got from
 * anywhere. What is taken is in the one form there is.
 */
#include "t/fuzz.h"

#include "codecs/envelope.h"

int
fuzz_token(const uint8_t *data, size_t size)
{
	struct acta_token token;
	char text[ACTA_TOKEN_MAX + 1];

	if (acta_token_decode((const char *)data, size, &token) != ACTA_OK)
		return 0;
	fuzz_must(acta_service_valid(token.service.data, token.service.size));
	fuzz_must(token.number <= INT64_MAX && token.chance <= INT64_MAX);
	acta_token_encode(text, &token);
	fuzz_must(strlen(text) == size && memcmp(text, data, size) == 0);
	return 0;
}

void
fuzz_token_seeds(fuzz_take *take, void *self)
{
	fuzz_text("stock.0.1.0123456789ab", take, self);
	fuzz_text("stock.0.1.f123456789ab", take, self);
	fuzz_text("a.4294967295.7fffffffffffffff.7fffffffffffffff", take, self);
	fuzz_text("stock.01.0.0", take, self);
	fuzz_text("stock.0.+1.0", take, self);
}
