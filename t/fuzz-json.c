/*
 * t/fuzz-json.c - a text from outside as JSON. What is taken passes the check
 * of MessagePack, and comes back the same from the text that is made of it;
 * what is not taken leaves the buffer as it was, and says why in UTF-8.
 */
#include "t/fuzz.h"

#include "codecs/json.h"
#include "codecs/reader.h"

int
fuzz_json(const uint8_t *data, size_t size)
{
	struct acta_why why = { "", "" };
	struct acta_buf packed, text, again, text_again;

	acta_buf_init(&packed);
	acta_buf_init(&text);
	acta_buf_init(&again);
	acta_buf_init(&text_again);
	acta_buf_append(&packed, "x", 1); /* it appends */
	if (acta_json_decode((const char *)data, size, &packed, &why) ==
	    ACTA_OK) {
		fuzz_must(acta_msgpack_check(
			      packed.data + 1, packed.size - 1) == ACTA_OK);
		acta_json_encode(packed.data + 1, packed.size - 1, &text);
		fuzz_must(acta_json_decode((const char *)text.data, text.size,
			      &again, &why) == ACTA_OK);
		fuzz_must(again.size == packed.size - 1 &&
		    memcmp(again.data, packed.data + 1, again.size) == 0);
		acta_json_encode(again.data, again.size, &text_again);
		fuzz_must(text.size == text_again.size &&
		    memcmp(text.data, text_again.data, text.size) == 0);
	} else {
		fuzz_must(packed.size == 1);
		fuzz_must(why.text[0] != '\0');
		fuzz_must(acta_utf8_valid(why.text, strlen(why.text)));
		fuzz_must(acta_utf8_valid(why.hint, strlen(why.hint)));
	}
	acta_buf_fini(&packed);
	acta_buf_fini(&text);
	acta_buf_fini(&again);
	acta_buf_fini(&text_again);
	return 0;
}

void
fuzz_json_seeds(fuzz_take *take, void *self)
{
	fuzz_files("t/golden", "", ".json", take, self);
	fuzz_text("{\"a\": {\"$bin\": \"AAEC\"}, \"b\": {\"$num\": \"-inf\"}}",
	    take, self);
	fuzz_text("{\"$map\": [[[1], {\"$ext\": [-128, \"\"]}], [1.5, -0.0]]}",
	    take, self);
	fuzz_text("[\"\\ud83d\\ude00\\u0000\\u007f\\n\", 1e-7, 123456789e9, "
		  "{\"$x\": 1}]",
	    take, self);
}
