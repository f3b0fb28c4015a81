/* runtime/config_yaml.c - one event pass over a file of bounded everything. */
#include "runtime/config_yaml.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

struct build {
	const char *name;
	struct acta_why *why;
	struct acta_yaml *root, *open; /* `open`: the collection we are in */
	char *key;                     /* read, its value not yet */
	uint32_t key_line, key_column;
	uint32_t depth, nodes, documents;
};

static enum acta_err __attribute__((format(printf, 3, 4)))
refuse(const struct build *b, yaml_mark_t mark, const char *format, ...)
{
	char text[240], hint[sizeof(b->why->hint)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* The hint may be there first, and a new text takes it away. */
	memcpy(hint, b->why->hint, sizeof(hint));
	acta_why_text(b->why, "%s:%zu:%zu: %s", b->name, mark.line + 1,
	    mark.column + 1, text);
	acta_why_hint(b->why, "%s", hint);
	return ACTA_EINVAL;
}

const struct acta_yaml *
acta_yaml_get(const struct acta_yaml *map, const char *key)
{
	const struct acta_yaml *at;

	assert(map->kind == ACTA_YAML_MAP);
	for (at = map->first; at != NULL; at = at->next)
		if (strcmp(at->key, key) == 0)
			return at;
	return NULL;
}

void
acta_yaml_free(struct acta_yaml *node)
{
	/* Walks by the parent pointers: no recursion, whatever was read. */
	while (node != NULL) {
		struct acta_yaml *parent = node->parent;

		if (node->first != NULL) {
			struct acta_yaml *child = node->first;

			node->first = child->next;
			node = child;
			continue;
		}
		free(node->text);
		free(node->key);
		free(node);
		node = parent;
	}
}

/* The place of a new node: in the open collection, or as the root. */
static enum acta_err
add(struct build *b, const yaml_event_t *event, enum acta_yaml_kind kind,
    struct acta_yaml **out)
{
	struct acta_yaml *node;

	if (++b->nodes > ACTA_YAML_NODES_MAX)
		return refuse(b, event->start_mark,
		    "over %u values: no config is this long",
		    ACTA_YAML_NODES_MAX);
	node = calloc(1, sizeof(*node));
	if (node == NULL)
		abort();
	node->kind = kind;
	node->line = (uint32_t)event->start_mark.line + 1;
	node->column = (uint32_t)event->start_mark.column + 1;
	node->parent = b->open;
	if (b->open == NULL) {
		b->root = node;
	} else {
		if (b->open->last != NULL)
			b->open->last->next = node;
		else
			b->open->first = node;
		b->open->last = node;
		b->open->count++;
	}
	node->key = b->key;
	node->key_line = b->key_line;
	node->key_column = b->key_column;
	b->key = NULL;
	*out = node;
	return ACTA_OK;
}

/* A map's next scalar is a key when none waits for its value. */
static bool
key_is_due(const struct build *b)
{
	return b->open != NULL && b->open->kind == ACTA_YAML_MAP &&
	    b->key == NULL;
}

static enum acta_err
take_key(struct build *b, const yaml_event_t *event, const char *text)
{
	const struct acta_yaml *twin = acta_yaml_get(b->open, text);

	if (twin != NULL) {
		acta_why_hint(b->why, "it stands in line %u too: keep one",
		    twin->key_line);
		return refuse(
		    b, event->start_mark, "key \"%.80s\" twice", text);
	}
	if (b->open->count >= ACTA_YAML_KEYS_MAX)
		return refuse(b, event->start_mark, "over %u keys in one map",
		    ACTA_YAML_KEYS_MAX);
	b->key = strdup(text);
	if (b->key == NULL)
		abort();
	b->key_line = (uint32_t)event->start_mark.line + 1;
	b->key_column = (uint32_t)event->start_mark.column + 1;
	return ACTA_OK;
}

static enum acta_err
no_tag(struct build *b, const yaml_event_t *event, const yaml_char_t *anchor,
    const yaml_char_t *tag)
{
	if (anchor != NULL) {
		acta_why_hint(b->why,
		    "anchors and aliases are not read: "
		    "write the value out");
		return refuse(b, event->start_mark, "anchor \"&%.60s\"",
		    (const char *)anchor);
	}
	if (tag != NULL) {
		acta_why_hint(b->why, "tags are not read: leave it out");
		return refuse(
		    b, event->start_mark, "tag \"%.60s\"", (const char *)tag);
	}
	return ACTA_OK;
}

static enum acta_err
on_scalar(struct build *b, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	struct acta_yaml *node;
	enum acta_err err =
	    no_tag(b, event, event->data.scalar.anchor, event->data.scalar.tag);

	if (err != ACTA_OK)
		return err;
	if (strlen(text) != event->data.scalar.length)
		return refuse(b, event->start_mark, "a NUL in a text");
	if (key_is_due(b))
		return take_key(b, event, text);
	err = add(b, event, ACTA_YAML_SCALAR, &node);
	if (err != ACTA_OK)
		return err;
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = strdup(text);
	if (node->text == NULL)
		abort();
	return ACTA_OK;
}

static enum acta_err
on_open(struct build *b, const yaml_event_t *event, enum acta_yaml_kind kind,
    const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct acta_yaml *node;
	enum acta_err err = no_tag(b, event, anchor, tag);

	if (err != ACTA_OK)
		return err;
	if (key_is_due(b))
		return refuse(b, event->start_mark, "a key must be a text");
	if (++b->depth > ACTA_YAML_DEPTH_MAX)
		return refuse(b, event->start_mark, "nested deeper than %u",
		    ACTA_YAML_DEPTH_MAX);
	err = add(b, event, kind, &node);
	if (err == ACTA_OK)
		b->open = node;
	return err;
}

static enum acta_err
on_event(struct build *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++b->documents > 1) {
			acta_why_hint(b->why, "one node, one file");
			return refuse(
			    b, event->start_mark, "a second document");
		}
		return ACTA_OK;
	case YAML_ALIAS_EVENT:
		acta_why_hint(b->why,
		    "anchors and aliases are not read: "
		    "write the value out");
		return refuse(b, event->start_mark, "alias \"*%.60s\"",
		    (const char *)event->data.alias.anchor);
	case YAML_SCALAR_EVENT: return on_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(b, event, ACTA_YAML_LIST,
		    event->data.sequence_start.anchor,
		    event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return on_open(b, event, ACTA_YAML_MAP,
		    event->data.mapping_start.anchor,
		    event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		b->open = b->open->parent;
		return ACTA_OK;
	default: return ACTA_OK;
	}
}

/* What libyaml found wrong. Bytes that are no UTF-8 have an offset only. */
static enum acta_err
syntax(const struct build *b, const yaml_parser_t *parser, const char *data,
    size_t size)
{
	yaml_mark_t mark = parser->problem_mark;
	size_t i;

	if (parser->error == YAML_READER_ERROR) {
		mark = (yaml_mark_t){ 0 };
		for (i = 0; i < parser->problem_offset && i < size; i++) {
			mark.column++;
			if (data[i] == '\n') {
				mark.line++;
				mark.column = 0;
			}
		}
		acta_why_hint(b->why, "the file must be UTF-8 text");
	} else if (mark.index < size && data[mark.index] == '\t') {
		acta_why_hint(b->why, "YAML indents by blanks, not by tabs");
	} else if (parser->context != NULL) {
		acta_why_hint(b->why, "%s that began in line %zu",
		    parser->context, parser->context_mark.line + 1);
	}
	return refuse(b, mark, "not YAML: %s",
	    parser->problem != NULL ? parser->problem : "malformed");
}

static enum acta_err
parse(struct build *b, const char *data, size_t size)
{
	yaml_parser_t parser;
	yaml_event_t event;
	enum acta_err err = ACTA_OK;
	bool end = false;

	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(
	    &parser, (const unsigned char *)data, size);
	while (err == ACTA_OK && !end) {
		if (!yaml_parser_parse(&parser, &event)) {
			err = syntax(b, &parser, data, size);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		err = on_event(b, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return err;
}

/* All of a file of bounded size, malloc'ed. */
static enum acta_err
slurp(const char *path, const char *name, char **out, size_t *out_size,
    struct acta_why *why)
{
	FILE *file = fopen(path, "re");
	char *data = NULL;
	size_t size;
	enum acta_err err = ACTA_EIO;

	if (file == NULL) {
		acta_why_text(why, "%s: %s", name,
		    errno == ENOENT ? "no such file" : strerror(errno));
		if (errno == ENOENT)
			acta_why_hint(why, "acta new node NAME makes one");
		return ACTA_EIO;
	}
	data = malloc(ACTA_YAML_BYTES_MAX + 1);
	if (data == NULL)
		abort();
	size = fread(data, 1, ACTA_YAML_BYTES_MAX + 1, file);
	if (ferror(file)) {
		acta_why_text(why, "%s: %s", name, strerror(errno));
	} else if (size > ACTA_YAML_BYTES_MAX) {
		acta_why_text(
		    why, "%s: over 1 MiB: no config is this long", name);
		err = ACTA_EINVAL;
	} else {
		*out = data;
		*out_size = size;
		data = NULL;
		err = ACTA_OK;
	}
	free(data);
	fclose(file);
	return err;
}

enum acta_err
acta_yaml_load(const char *path, const char *name, struct acta_yaml **out,
    struct acta_why *why)
{
	struct build b = { .name = name, .why = why };
	char *data;
	size_t size;
	enum acta_err err = slurp(path, name, &data, &size, why);

	if (err != ACTA_OK)
		return err;
	err = parse(&b, data, size);
	free(data);
	free(b.key);
	if (err != ACTA_OK) {
		acta_yaml_free(b.root);
		return err;
	}
	*out = b.root;
	return ACTA_OK;
}
