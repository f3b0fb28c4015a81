/*
 * codecs/schema.h - what fields a message, a result or a service's settings
 * have: "sku:str qty:int=1 note:str? tags:list price:num when:time raw:bin
 * ok:bool extra:map who:ref what:any". Parsed once, checked per message.
 *
 * name:type, then `?` (may be missing or nil) or `=default` (JSON scalar; a str
 * without blanks may be bare: color:str=red). Types: int num bool str bin time
 * list map ref any. int takes INT; num NUM and INT; time TIME and, since JSON
 * has none, INT as ms; bin BIN; str and ref: a STR without NUL, ref moreover
 * a valid address (service or service/key, DESIGN section 2); any: all but
 * absent. A nil where there is a default takes the default (JSON clients write
 * null for what they leave out); but for `any` nil is a value. Names are [a-zA-Z_][a-zA-Z0-9_-]{0,63}, at most 64 fields.
 */
#ifndef ACTA_SCHEMA_H
#define ACTA_SCHEMA_H

#include "codecs/buf.h"
#include "codecs/err.h"
#include "runtime/acta.h"

#define ACTA_SCHEMA_FIELDS_MAX 64u

enum acta_schema_type {
	ACTA_SCHEMA_INT, ACTA_SCHEMA_NUM, ACTA_SCHEMA_BOOL, ACTA_SCHEMA_STR,
	ACTA_SCHEMA_BIN, ACTA_SCHEMA_TIME, ACTA_SCHEMA_LIST, ACTA_SCHEMA_MAP,
	ACTA_SCHEMA_REF, ACTA_SCHEMA_ANY
};

struct acta_schema_field {
	char name[65];
	uint8_t name_size;
	uint8_t type; /* enum acta_schema_type */
	bool optional;
	acta_value otherwise; /* ABSENT if there is no default */
};

struct acta_schema {
	uint32_t count;
	struct acta_schema_field *fields;
	char *text;         /* as declared, for people */
	uint8_t *defaults;  /* what `otherwise` points into */
};

/*
 * Parse. NULL or "" is the schema without fields. On ACTA_OK the caller calls
 * acta_schema_fini; on ACTA_EINVAL (`why` says where and what) nothing is
 * held.
 */
ACTA_NODISCARD enum acta_err acta_schema_init(struct acta_schema *schema,
    const char *text, struct acta_why *why);
void acta_schema_fini(struct acta_schema *schema);

/* -1 if there is none. */
int acta_schema_index(const struct acta_schema *schema, const char *name,
    size_t name_size);

/*
 * Check a MAP (checked bytes; ABSENT counts as empty) and place its values in
 * declared order: out[i] belongs to fields[i]; defaults filled in; missing
 * optional ones ABSENT; time as TIME. `strict`: unknown names are an error
 * with did-you-mean (doors, settings), else ignored (between services).
 * A name twice: the first counts; strict: an error.
 * Errors: ACTA_EINVAL; `why` names the field: text `no arg "quantity"`, hint
 * `did you mean "qty"? It takes qty:int`; `arg "qty": a str where int is due`;
 * `arg "qty" is missing`. `noun` is "arg" or "setting".
 */
ACTA_NODISCARD enum acta_err acta_schema_check(
    const struct acta_schema *schema, acta_value map, bool strict,
    const char *noun, acta_value *out, struct acta_why *why);

/* The same for one value that was placed at `index`: false, it does not fit. */
bool acta_schema_settle(
    const struct acta_schema *schema, uint32_t index, acta_value *value);

/* "int", "str", ... for an acta_value's type, for messages. */
const char *acta_type_name(uint32_t type);

/* The word of `words` (NULL-ended) nearest to `word`, or NULL if none is near
 * (Damerau-Levenshtein distance at most 1 + length / 4; else, if one abbreviates
 * the other). For did-you-mean. */
const char *acta_closest(const char *word, const char *const *words);

#endif /* ACTA_SCHEMA_H */
