/*
 * t/fuzz-schema.c - the text that declares fields, a NUL, and a map that is
 * checked against it. What a handler then reads is of the declared types.
 */
#include "t/fuzz.h"

#include "codecs/packer.h"
#include "codecs/reader.h"
#include "codecs/schema.h"

static bool
of_type(const struct acta_schema_field *field, acta_value value)
{
	switch ((enum acta_schema_type)field->type) {
	case ACTA_SCHEMA_INT: return value.type == ACTA_INT;
	case ACTA_SCHEMA_NUM:
		return value.type == ACTA_NUM || value.type == ACTA_INT;
	case ACTA_SCHEMA_BOOL: return value.type == ACTA_BOOL;
	case ACTA_SCHEMA_STR:
	case ACTA_SCHEMA_REF: return value.type == ACTA_STR;
	case ACTA_SCHEMA_BIN: return value.type == ACTA_BIN;
	case ACTA_SCHEMA_TIME: return value.type == ACTA_TIME;
	case ACTA_SCHEMA_LIST: return value.type == ACTA_LIST;
	case ACTA_SCHEMA_MAP: return value.type == ACTA_MAP;
	case ACTA_SCHEMA_ANY: return value.type != ACTA_ABSENT;
	}
	return false;
}

static void
declared(const struct acta_schema *schema)
{
	struct acta_schema again;

	fuzz_must(schema->count <= ACTA_SCHEMA_FIELDS_MAX);
	for (uint32_t i = 0; i < schema->count; i++) {
		const struct acta_schema_field *f = &schema->fields[i];

		fuzz_must(strlen(f->name) == f->name_size);
		fuzz_must(
		    acta_schema_index(schema, f->name, f->name_size) == (int)i);
		if (f->otherwise.type != ACTA_ABSENT)
			fuzz_must(!f->optional && of_type(f, f->otherwise));
	}
	fuzz_must(acta_schema_init(&again, schema->text, NULL) == ACTA_OK);
	fuzz_must(again.count == schema->count);
	acta_schema_fini(&again);
}

static void
checked(const struct acta_schema *schema, acta_value map)
{
	acta_value out[ACTA_SCHEMA_FIELDS_MAX];
	struct acta_why why = { "", "" };
	bool loose = false;

	for (int strict = 0; strict <= 1; strict++) {
		if (acta_schema_check(schema, map, strict, "arg", out, &why) !=
		    ACTA_OK) {
			fuzz_must(why.text[0] != '\0');
			fuzz_must(acta_utf8_valid(why.text, strlen(why.text)));
			fuzz_must(acta_utf8_valid(why.hint, strlen(why.hint)));
			continue;
		}
		fuzz_must(!strict || loose); /* strict takes no more */
		loose = true;
		for (uint32_t i = 0; i < schema->count; i++) {
			const struct acta_schema_field *f = &schema->fields[i];

			fuzz_must(out[i].type == ACTA_ABSENT
				? f->optional
				: of_type(f, out[i]));
		}
	}
}

int
fuzz_schema(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, '\0', size) : NULL;
	size_t text_size = nul ? (size_t)(nul - data) : size;
	struct acta_schema schema;
	struct acta_why why = { "", "" };
	char *text = malloc(text_size + 1);

	fuzz_must(text != NULL);
	if (text_size)
		memcpy(text, data, text_size);
	text[text_size] = '\0';
	/* A service declares it, so it is C: but NUL, any bytes. */
	if (acta_schema_init(&schema, text, &why) != ACTA_OK) {
		fuzz_must(why.text[0] != '\0');
		free(text);
		return 0;
	}
	declared(&schema);
	if (nul != NULL) {
		const uint8_t *map = nul + 1;
		size_t map_size = size - text_size - 1;
		struct acta_reader r = acta_reader(map, map_size);

		if (acta_msgpack_check(map, map_size) == ACTA_OK)
			checked(&schema, acta_read(&r));
	}
	checked(&schema, (acta_value){ 0 });
	acta_schema_fini(&schema);
	free(text);
	return 0;
}

void
fuzz_schema_seeds(fuzz_take *take, void *self)
{
	static const char all[] =
	    "sku:str qty:int=1 note:str? tags:list price:num when:time raw:bin "
	    "ok:bool extra:map who:ref what:any";
	static const char words[] =
	    "a:str=red b:str=\"a b\" c:num=-1.5e3 d:ref=stock/17 e:bool=true "
	    "f:time=5 g:any=null h_-9:any?";
	struct acta_buf buf;

	acta_buf_init(&buf);
	acta_buf_append(&buf, all, sizeof(all));
	acta_pack_map(&buf, 11);
	acta_pack_text(&buf, "sku");
	acta_pack_text(&buf, "x");
	acta_pack_text(&buf, "qty");
	acta_pack_nil(&buf);
	acta_pack_text(&buf, "note");
	acta_pack_text(&buf, "y");
	acta_pack_text(&buf, "tags");
	acta_pack_list(&buf, 1);
	acta_pack_int(&buf, 1);
	acta_pack_text(&buf, "price");
	acta_pack_num(&buf, 1.5);
	acta_pack_text(&buf, "when");
	acta_pack_time(&buf, 1790000000123);
	acta_pack_text(&buf, "raw");
	acta_pack_bin(&buf, "b", 1);
	acta_pack_text(&buf, "ok");
	acta_pack_bool(&buf, true);
	acta_pack_text(&buf, "extra");
	acta_pack_map(&buf, 0);
	acta_pack_text(&buf, "who");
	acta_pack_text(&buf, "stock/17");
	acta_pack_text(&buf, "what");
	acta_pack_nil(&buf);
	take(self, buf.data, buf.size);
	acta_buf_reset(&buf);
	acta_buf_append(&buf, words, sizeof(words));
	acta_pack_map(&buf, 1);
	acta_pack_text(&buf, "aa"); /* did you mean "a"? */
	acta_pack_int(&buf, 1);
	take(self, buf.data, buf.size);
	acta_buf_fini(&buf);
}
