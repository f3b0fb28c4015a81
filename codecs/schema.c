/* codecs/schema.c - see schema.h. */
#include "codecs/schema.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/envelope.h"
#include "codecs/json.h"
#include "codecs/packer.h"
#include "codecs/reader.h"

#define NAME_MAX_ 64u
#define BRIEF_MIN 3 /* letters of an abbreviation */

static const char *const schema_types[] = { "int", "num", "bool", "str", "bin",
	"time", "list", "map", "ref", "any", NULL };

const char *
acta_type_name(uint32_t type)
{
	static const char *const names[] = { "nothing", "nil", "bool", "int",
		"uint", "num", "str", "bin", "list", "map", "time", "ext" };

	return type < sizeof(names) / sizeof(*names) ? names[type] : "unknown";
}

/* "an int", "a str": people read these. */
static const char *
article(const char *noun)
{
	return strchr("aeiou", noun[0]) && noun[0] != 'u' ? "an" : "a";
}

/* ------------------------------------------------------------- closest -- */

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* Damerau-Levenshtein, each pair swapped at most once (the restricted form):
 * three rows of the table are enough. */
static unsigned
distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
	unsigned rows[3][NAME_MAX_ + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_size; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a_size; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_size; j++) {
			unsigned differs = a[i - 1] != b[j - 1];

			row[j] = min3(
			    last[j] + 1, row[j - 1] + 1, last[j - 1] + differs);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		unsigned *spare = before;

		before = last;
		last = row;
		row = spare;
	}
	return last[b_size];
}

/* "qty" for "quantity", "desc" for "description": how one writes what is long,
 * by its beginning, or by letters of it from its first to its last. */
static bool
abbreviates(
    const char *brief, size_t brief_size, const char *full, size_t full_size)
{
	size_t at = 0;

	if (brief_size < BRIEF_MIN || brief_size >= full_size ||
	    brief[0] != full[0])
		return false;
	if (memcmp(brief, full, brief_size) == 0)
		return true;
	for (size_t i = 0; i < full_size && at < brief_size; i++)
		at += brief[at] == full[i];
	return at == brief_size && brief[brief_size - 1] == full[full_size - 1];
}

/* The nearer of `best` and `candidate`; `*least` is best's distance. */
static const char *
nearer(const char *word, size_t size, const char *candidate, const char *best,
    unsigned *least)
{
	size_t other = strlen(candidate);
	unsigned d;

	if (size == 0 || size > NAME_MAX_ || other > NAME_MAX_)
		return best;
	d = distance(word, size, candidate, other);
	/* All letters wrong is not near, however short the word. */
	if (d > 1 + size / 4 || d >= (size > other ? size : other)) {
		if (!abbreviates(word, size, candidate, other) &&
		    !abbreviates(candidate, other, word, size))
			return best;
		d += NAME_MAX_; /* after all typing errors */
	}
	if (best && d >= *least)
		return best;
	*least = d;
	return candidate;
}

const char *
acta_closest(const char *word, const char *const *words)
{
	const char *best = NULL;
	unsigned least = 0;

	for (; *words; words++)
		best = nearer(word, strlen(word), *words, best, &least);
	return best;
}

/* --------------------------------------------------------------- parse -- */

struct parse {
	const char *at;
	const char *text;
	struct acta_buf defaults;
	struct acta_why *why;
};

static unsigned
column(const struct parse *p)
{
	return (unsigned)(p->at - p->text) + 1;
}

static bool
name_first(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
name_rest(char c)
{
	return name_first(c) || (c >= '0' && c <= '9') || c == '-';
}

static enum acta_err
parse_name(struct parse *p, struct acta_schema_field *field)
{
	size_t size = 0;

	if (name_first(p->at[0]))
		for (size = 1; name_rest(p->at[size]);)
			size++;
	if (size == 0 || size > NAME_MAX_ || p->at[size] != ':') {
		acta_why_text(
		    p->why, "column %u: a field is name:type", column(p));
		acta_why_hint(p->why,
		    "a name is a letter or _, then up to 63 "
		    "letters, digits, _ or -; for example qty:int=1");
		return ACTA_EINVAL;
	}
	memcpy(field->name, p->at, size);
	field->name[size] = '\0';
	field->name_size = (uint8_t)size;
	p->at += size + 1;
	return ACTA_OK;
}

static enum acta_err
parse_type(struct parse *p, struct acta_schema_field *field)
{
	char word[NAME_MAX_ + 1];
	const char *near;
	size_t size = 0;

	while (size < NAME_MAX_ && name_rest(p->at[size]))
		size++;
	memcpy(word, p->at, size);
	word[size] = '\0';
	for (uint8_t i = 0; schema_types[i]; i++) {
		if (strcmp(word, schema_types[i]) == 0) {
			field->type = i;
			p->at += size;
			return ACTA_OK;
		}
	}
	near = acta_closest(word, schema_types);
	acta_why_text(p->why, "column %u: unknown type \"%s\" of \"%s\"",
	    column(p), word, field->name);
	acta_why_hint(p->why,
	    "%s%s%sthe types are int num bool str bin time "
	    "list map ref any",
	    near ? "did you mean \"" : "", near ? near : "",
	    near ? "\"? " : "");
	return ACTA_EINVAL;
}

/* The end of a default: the quote that closes it, or the next blank. */
static const char *
default_end(const char *at)
{
	if (*at != '"') {
		while (*at && !isspace((unsigned char)*at))
			at++;
		return at;
	}
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && at[1])
			at++;
	return *at ? at + 1 : at;
}

static bool fits(
    const struct acta_schema_field *field, acta_value value, acta_value *out);

/* Pack a default; where it will be is known only when all are packed, so the
 * field keeps its offset meanwhile. */
static enum acta_err
parse_default(struct parse *p, struct acta_schema_field *field)
{
	const char *end = default_end(p->at);
	size_t size = (size_t)(end - p->at), first = p->defaults.size;
	bool text =
	    field->type == ACTA_SCHEMA_STR || field->type == ACTA_SCHEMA_REF;
	acta_value value = { .type = ACTA_ABSENT };

	if (text && *p->at != '"') {
		if (size && acta_utf8_valid(p->at, size))
			acta_pack_str(&p->defaults, p->at, size);
	} else if (acta_json_decode(p->at, size, &p->defaults, NULL) !=
	    ACTA_OK) {
		p->defaults.size = first;
	}
	if (p->defaults.size > first) {
		struct acta_reader r = acta_reader(
		    p->defaults.data + first, p->defaults.size - first);

		value = acta_read(&r);
	}
	if (value.type == ACTA_LIST || value.type == ACTA_MAP ||
	    !fits(field, value, &value)) {
		acta_why_text(p->why,
		    "column %u: the default of \"%s\" is not "
		    "%s %s",
		    column(p), field->name, article(schema_types[field->type]),
		    schema_types[field->type]);
		acta_why_hint(p->why,
		    "a default is a number, true, false or a "
		    "string (in quotes, if it holds blanks)");
		return ACTA_EINVAL;
	}
	field->otherwise =
	    (acta_value){ .type = UINT32_MAX, .as.u = (uint64_t)first };
	p->at = end;
	return ACTA_OK;
}

static enum acta_err
parse_field(struct parse *p, const struct acta_schema *schema,
    struct acta_schema_field *field)
{
	enum acta_err err = parse_name(p, field);

	if (err == ACTA_OK &&
	    acta_schema_index(schema, field->name, field->name_size) >= 0) {
		acta_why_text(p->why, "\"%s\" is declared twice", field->name);
		return ACTA_EINVAL;
	}
	if (err == ACTA_OK)
		err = parse_type(p, field);
	if (err != ACTA_OK)
		return err;
	if (*p->at == '?') {
		field->optional = true;
		p->at++;
	} else if (*p->at == '=') {
		p->at++;
		err = parse_default(p, field);
		if (err != ACTA_OK)
			return err;
	}
	if (*p->at && !isspace((unsigned char)*p->at)) {
		acta_why_text(p->why, "column %u: a blank is due behind \"%s\"",
		    column(p), field->name);
		return ACTA_EINVAL;
	}
	return ACTA_OK;
}

static enum acta_err
parse_all(struct parse *p, struct acta_schema *schema)
{
	enum acta_err err;

	for (;;) {
		while (isspace((unsigned char)*p->at))
			p->at++;
		if (*p->at == '\0')
			return ACTA_OK;
		if (schema->count == ACTA_SCHEMA_FIELDS_MAX) {
			acta_why_text(p->why, "more than %u fields",
			    ACTA_SCHEMA_FIELDS_MAX);
			return ACTA_EINVAL;
		}
		err = parse_field(p, schema, &schema->fields[schema->count]);
		if (err != ACTA_OK)
			return err;
		schema->count++;
	}
}

/* The defaults stay where they are from now on: point at them. */
static void
place_defaults(struct acta_schema *schema, struct acta_buf *defaults)
{
	schema->defaults = defaults->data;
	for (uint32_t i = 0; i < schema->count; i++) {
		struct acta_schema_field *field = &schema->fields[i];

		if (field->otherwise.type != UINT32_MAX)
			continue;
		size_t first = (size_t)field->otherwise.as.u;
		struct acta_reader r =
		    acta_reader(defaults->data + first, defaults->size - first);
		bool ok = fits(field, acta_read(&r), &field->otherwise);

		assert(ok); /* parse_default saw to it */
	}
}

enum acta_err
acta_schema_init(
    struct acta_schema *schema, const char *text, struct acta_why *why)
{
	struct acta_schema made = { 0 };
	struct parse p = { .why = why };
	enum acta_err err;

	made.text = strdup(text ? text : "");
	made.fields = calloc(ACTA_SCHEMA_FIELDS_MAX, sizeof(*made.fields));
	if (!made.text || !made.fields)
		abort();
	p.at = p.text = made.text;
	acta_buf_init(&p.defaults);
	err = parse_all(&p, &made);
	if (err != ACTA_OK) {
		acta_buf_fini(&p.defaults);
		acta_schema_fini(&made);
		return err;
	}
	place_defaults(&made, &p.defaults);
	*schema = made;
	return ACTA_OK;
}

void
acta_schema_fini(struct acta_schema *schema)
{
	free(schema->fields);
	free(schema->text);
	free(schema->defaults);
	*schema = (struct acta_schema){ 0 };
}

/* --------------------------------------------------------------- check -- */

static inline bool
is_named(const struct acta_schema_field *field, const char *name, size_t size)
{
	return field->name_size == size && memcmp(field->name, name, size) == 0;
}

int
acta_schema_index(
    const struct acta_schema *schema, const char *name, size_t name_size)
{
	for (uint32_t i = 0; i < schema->count; i++)
		if (is_named(&schema->fields[i], name, name_size))
			return (int)i;
	return -1;
}

static bool
fits_str(acta_value value, bool ref)
{
	struct acta_bytes service, key;

	if (value.type != ACTA_STR ||
	    (value.size && memchr(value.as.data, '\0', value.size)))
		return false;
	return !ref ||
	    acta_address_split(value.as.data, value.size, &service, &key) ==
	    ACTA_OK;
}

/* Whether the value is of the field's type; *out as the handler gets it. */
static bool
fits(const struct acta_schema_field *field, acta_value value, acta_value *out)
{
	uint32_t type = value.type;
	bool ok = false;

	switch ((enum acta_schema_type)field->type) {
	case ACTA_SCHEMA_INT: ok = type == ACTA_INT; break;
	case ACTA_SCHEMA_NUM: ok = type == ACTA_NUM || type == ACTA_INT; break;
	case ACTA_SCHEMA_BOOL: ok = type == ACTA_BOOL; break;
	case ACTA_SCHEMA_STR: ok = fits_str(value, false); break;
	case ACTA_SCHEMA_REF: ok = fits_str(value, true); break;
	case ACTA_SCHEMA_BIN: ok = type == ACTA_BIN; break;
	case ACTA_SCHEMA_LIST: ok = type == ACTA_LIST; break;
	case ACTA_SCHEMA_MAP: ok = type == ACTA_MAP; break;
	case ACTA_SCHEMA_ANY: ok = type != ACTA_ABSENT; break;
	case ACTA_SCHEMA_TIME:
		ok = type == ACTA_TIME || type == ACTA_INT;
		value.type = ACTA_TIME; /* both have their ms in as.i */
		break;
	}
	if (ok)
		*out = value;
	return ok;
}

static void
why_type(const struct acta_schema_field *field, acta_value value,
    const char *noun, struct acta_why *why)
{
	const char *due = schema_types[field->type];
	const char *is = acta_type_name(value.type);

	if (value.type == ACTA_UINT)
		acta_why_text(why,
		    "%s \"%s\": an int over INT64_MAX where %s "
		    "is due",
		    noun, field->name, due);
	else if (value.type == ACTA_NIL)
		acta_why_text(why, "%s \"%s\": nil where %s is due", noun,
		    field->name, due);
	else if (value.type == ACTA_STR && field->type == ACTA_SCHEMA_REF)
		acta_why_text(
		    why, "%s \"%s\" is not an address", noun, field->name);
	else if (value.type == ACTA_STR && field->type == ACTA_SCHEMA_STR)
		acta_why_text(why, "%s \"%s\": a str with a NUL in it", noun,
		    field->name);
	else
		acta_why_text(why, "%s \"%s\": %s %s where %s is due", noun,
		    field->name, article(is), is, due);
	if (value.type == ACTA_STR && field->type == ACTA_SCHEMA_REF)
		acta_why_hint(why, "an address is service or service/key");
	else if (field->optional && value.type != ACTA_NIL)
		acta_why_hint(why, "it may be left out");
}

/* "a:int b:str=x", as far as it goes into a hint. */
static void
why_unknown(const struct acta_schema *schema, acta_value name, const char *noun,
    struct acta_why *why)
{
	const char *best = NULL, *shown = name.as.data;
	uint32_t size = name.size > NAME_MAX_ ? NAME_MAX_ : name.size;
	unsigned least = 0;

	while (size < name.size && size > 0 && (shown[size] & 0xc0) == 0x80)
		size--; /* not through the middle of a character */
	for (uint32_t i = 0; i < schema->count; i++)
		best = nearer(name.as.data, name.size, schema->fields[i].name,
		    best, &least);
	acta_why_text(why, "no %s \"%.*s\"", noun, (int)size, shown);
	if (schema->count == 0)
		acta_why_hint(why, "It takes none");
	else if (best)
		acta_why_hint(why, "did you mean \"%s\"? It takes %s", best,
		    schema->text);
	else
		acta_why_hint(why, "It takes %s", schema->text);
}

/* The field that the key names; most maps are in declared order, so look at
 * `hint` first. */
static int
field_of(const struct acta_schema *schema, acta_value key, uint32_t hint)
{
	if (key.type != ACTA_STR)
		return -1;
	if (hint < schema->count &&
	    is_named(&schema->fields[hint], key.as.data, key.size))
		return (int)hint;
	return acta_schema_index(schema, key.as.data, key.size);
}

/* Place the values of the map, as they are, in declared order. */
static enum acta_err
place(const struct acta_schema *schema, acta_value map, bool strict,
    const char *noun, acta_value *out, struct acta_why *why)
{
	struct acta_reader r = acta_reader_into(map);

	for (uint32_t i = 0; i < map.size; i++) {
		acta_value key = acta_read(&r);
		acta_value value = acta_read(&r);
		int at = field_of(schema, key, i);

		if (at >= 0 && out[at].type == ACTA_ABSENT) {
			out[at] = value;
		} else if (strict && at >= 0) {
			acta_why_text(why, "%s \"%s\" is there twice", noun,
			    schema->fields[at].name);
			return ACTA_EINVAL;
		} else if (strict && key.type == ACTA_STR) {
			why_unknown(schema, key, noun, why);
			return ACTA_EINVAL;
		} else if (strict) {
			acta_why_text(why,
			    "the name of %s %s is %s %s, not a "
			    "str",
			    article(noun), noun,
			    article(acta_type_name(key.type)),
			    acta_type_name(key.type));
			return ACTA_EINVAL;
		}
	}
	return ACTA_OK;
}

/* `value` as it was placed, to what the handler gets. */
static enum acta_err
settle(const struct acta_schema *schema, uint32_t index, const char *noun,
    acta_value *value, struct acta_why *why)
{
	const struct acta_schema_field *field = &schema->fields[index];
	bool has_default = field->otherwise.type != ACTA_ABSENT;

	if (value->type == ACTA_NIL && field->type != ACTA_SCHEMA_ANY &&
	    (has_default || field->optional))
		value->type = ACTA_ABSENT;
	if (value->type != ACTA_ABSENT) {
		if (fits(field, *value, value))
			return ACTA_OK;
		why_type(field, *value, noun, why);
		return ACTA_EINVAL;
	}
	if (has_default)
		*value = field->otherwise;
	else if (field->optional)
		*value = (acta_value){ .type = ACTA_ABSENT };
	else {
		acta_why_text(why, "%s \"%s\" is missing", noun, field->name);
		acta_why_hint(why, "It takes %s", schema->text);
		return ACTA_EINVAL;
	}
	return ACTA_OK;
}

bool
acta_schema_settle(
    const struct acta_schema *schema, uint32_t index, acta_value *value)
{
	return settle(schema, index, "arg", value, NULL) == ACTA_OK;
}

enum acta_err
acta_schema_check(const struct acta_schema *schema, acta_value map, bool strict,
    const char *noun, acta_value *out, struct acta_why *why)
{
	enum acta_err err = ACTA_OK;

	if (map.type != ACTA_MAP && map.type != ACTA_ABSENT) {
		acta_why_text(why, "%s %s where a map of %ss is due",
		    article(acta_type_name(map.type)), acta_type_name(map.type),
		    noun);
		return ACTA_EINVAL;
	}
	if (map.type == ACTA_ABSENT)
		map.size = 0;
	for (uint32_t i = 0; i < schema->count; i++)
		out[i] = (acta_value){ .type = ACTA_ABSENT };
	err = place(schema, map, strict, noun, out, why);
	for (uint32_t i = 0; i < schema->count && err == ACTA_OK; i++)
		err = settle(schema, i, noun, &out[i], why);
	return err;
}
