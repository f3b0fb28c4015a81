/* runtime/config_show.c - the resolved config, for people and programs. */
#include "runtime/config_keys.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "codecs/json.h"
#include "codecs/packer.h"
#include "codecs/reader.h"

/* The value of a row as it would be written. */
static void
value_text(const struct acta_key *key, const void *base, char out[PATH_MAX])
{
	const char *at = (const char *)base + key->offset;
	int64_t number = 0;

	if (key->type != ACTA_KEY_TEXT && key->type != ACTA_KEY_ENDPOINT &&
	    key->type != ACTA_KEY_BOOL)
		memcpy(&number, at, sizeof(number));
	switch (key->type) {
	case ACTA_KEY_TEXT:
	case ACTA_KEY_ENDPOINT:
		snprintf(out, PATH_MAX, "%s", *(char *const *)(const void *)at);
		break;
	case ACTA_KEY_SIZE: acta_text_of_size(number, out); break;
	case ACTA_KEY_SHUTDOWN:
		if (number <= 0) {
			snprintf(out, PATH_MAX, "%s",
			    number == 0 ? "brutal_kill" : "infinity");
			break;
		}
		acta_text_of_duration(number * 1000, out);
		break;
	case ACTA_KEY_FROM: acta_text_of_from(number, out); break;
	case ACTA_KEY_MS: acta_text_of_duration(number * 1000, out); break;
	case ACTA_KEY_US: acta_text_of_duration(number, out); break;
	case ACTA_KEY_NUM:
		snprintf(
		    out, PATH_MAX, "%.15g", *(const double *)(const void *)at);
		break;
	case ACTA_KEY_BOOL:
		snprintf(out, PATH_MAX, "%s",
		    *(const bool *)(const void *)at ? "true" : "false");
		break;
	case ACTA_KEY_WORD:
		snprintf(out, PATH_MAX, "%s", key->words[number + 1]);
		break;
	default: snprintf(out, PATH_MAX, "%" PRId64, number);
	}
}

static bool
is_quoted(enum acta_key_type type)
{
	return type != ACTA_KEY_INT && type != ACTA_KEY_NUM &&
	    type != ACTA_KEY_BOOL;
}

/* As a JSON text, which in YAML is a quoted one. */
static void
put_quoted(struct acta_buf *out, const char *text)
{
	struct acta_buf packed;

	acta_buf_init(&packed);
	acta_pack_text(&packed, text);
	acta_json_encode(packed.data, packed.size, out);
	acta_buf_fini(&packed);
}

/* Is it no more than a word that YAML takes for a text as it stands? */
static bool
is_bare(const char *text)
{
	return (isalnum((unsigned char)text[0]) != 0 || text[0] == '/') &&
	    text[strspn(text,
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:-")] == '\0' &&
	    text[strlen(text) - 1] != ':';
}

/* A setting as YAML has it, which is JSON without what that has for what YAML
 * cannot say. The recursion is as deep as the file was. */
static void
put_setting(struct acta_buf *out, struct acta_reader *reader)
{
	struct acta_reader before = *reader;
	acta_value value = acta_read_head(reader);
	bool map = value.type == ACTA_MAP;
	uint32_t i;

	if (value.type == ACTA_TIME) { /* which was written as an int */
		acta_text_printf(out, "%" PRId64, value.as.i);
		return;
	}
	if (value.type != ACTA_LIST && !map) {
		acta_json_encode(
		    before.at, (size_t)(reader->at - before.at), out);
		return;
	}
	acta_buf_append(out, map ? "{" : "[", 1);
	for (i = 0; i < value.size; i++) {
		acta_buf_append(out, ", ", i > 0 ? 2 : 0);
		if (map) {
			put_setting(out, reader);
			acta_buf_append(out, ": ", 2);
		}
		put_setting(out, reader);
	}
	acta_buf_append(out, map ? "}" : "]", 1);
}

/* One line, its origin in a column of its own. */
static void
show_line(struct acta_buf *out, const struct acta_config *config,
    const char *lead, const char *name, const char *value, bool quoted,
    uint32_t line)
{
	size_t begin = out->size;

	acta_text_printf(out, "%s%s: ", lead, name);
	if (quoted && !is_bare(value))
		put_quoted(out, value);
	else
		acta_text_printf(out, "%s", value);
	do
		acta_buf_append(out, " ", 1);
	while (out->size - begin < 46);
	if (line == 0)
		acta_text_printf(out, "# default\n");
	else
		acta_text_printf(out, "# %s:%" PRIu32 "\n", config->name, line);
}

/* One of this entry's; `s` NULL: of the node's. */
static bool
is_shown(const struct acta_key *key, const struct acta_config_service *s)
{
	return key->type != ACTA_KEY_LATER && key->type != ACTA_KEY_OWN &&
	    (s == NULL || acta_config_key_fits(s->kind, key->name));
}

static void
show_table(struct acta_buf *out, const struct acta_config *config,
    const struct acta_keys *t, const char *indent,
    const struct acta_config_service *s)
{
	char open[32] = "", lead[80], value[PATH_MAX];
	bool dash = s != NULL;
	size_t i;

	for (i = 0; i < t->count; i++) {
		const struct acta_key *key = &t->keys[i];
		const char *dot = strchr(key->name, '.');

		if (!is_shown(key, s))
			continue;
		value_text(key, t->base, value);
		/* No limit is the absence of one. */
		if (strncmp(key->name, "limits.", 7) == 0 &&
		    strcmp(value, "0") == 0)
			continue;
		if (dot != NULL &&
		    strncmp(open, key->name, (size_t)(dot - key->name)) != 0) {
			snprintf(open, sizeof(open), "%.*s",
			    (int)(dot - key->name), key->name);
			acta_text_printf(out, "%s%s:\n", indent, open);
		}
		snprintf(lead, sizeof(lead), "%s%s", indent,
		    dot != NULL ? "  " : "");
		if (dash)
			memcpy(lead + strlen(indent) - 2, "- ", 2);
		dash = false;
		show_line(out, config, lead, dot != NULL ? dot + 1 : key->name,
		    value, is_quoted(key->type), t->lines[i]);
	}
}

/* `key: [a, b]`, if there are any. */
static void
show_list(
    struct acta_buf *out, const char *indent, const char *key, char *const *at)
{
	const char *comma = "";

	if (at == NULL)
		return;
	acta_text_printf(out, "%s%s: [", indent, key);
	for (; *at != NULL; at++, comma = ", ") {
		acta_text_printf(out, "%s", comma);
		put_quoted(out, *at);
	}
	acta_text_printf(out, "]\n");
}

/* Groups within groups are as deep as the file was. */
static void
show_entries(struct acta_buf *out, const struct acta_config *config,
    uint32_t parent, uint32_t depth)
{
	char indent[72];

	snprintf(indent, sizeof(indent), "%*s", (int)(4 * depth), "");
	for (uint32_t i = 0; i < config->count; i++) {
		struct acta_config_service *s = &config->services[i];
		struct acta_keys t =
		    acta_keys_of(&acta_service_keys, s, s->lines);
		struct acta_reader reader;

		if (s->parent != parent)
			continue;
		show_table(out, config, &t, indent, s);
		show_list(out, indent, "exec", s->argv);
		show_list(out, indent, "after", s->after);
		if (s->settings.size > 1) { /* an empty map is one byte */
			acta_text_printf(out, "%ssettings: ", indent);
			reader =
			    acta_reader(s->settings.data, s->settings.size);
			put_setting(out, &reader);
			acta_text_printf(out, "\n");
		}
		if (s->kind != ACTA_CONFIG_GROUP)
			continue;
		acta_text_printf(out, "%sservices:", indent);
		if (i + 1 == config->count ||
		    config->services[i + 1].parent != i)
			acta_text_printf(out, " []");
		acta_text_printf(out, "\n");
		show_entries(out, config, i, depth + 1);
	}
}

static void
show_yaml(const struct acta_config *config, struct acta_buf *out)
{
	struct acta_keys t = acta_keys_of(&acta_node_keys,
	    (void *)(uintptr_t)config, (uint32_t *)(uintptr_t)config->lines);

	show_table(out, config, &t, "", NULL);
	acta_text_printf(out, "services:\n");
	show_entries(out, config, ACTA_CONFIG_TOP, 1);
}

/* {"key": {"value": ..., "line": n|null}, ...}, nested maps flat: the names
 * are those of acta.yaml(5), with dots. */
static void
show_json_table(struct acta_buf *out, const struct acta_keys *t,
    const struct acta_config_service *s)
{
	char value[PATH_MAX];
	size_t i;

	for (i = 0; i < t->count; i++) {
		const struct acta_key *key = &t->keys[i];

		if (!is_shown(key, s))
			continue;
		value_text(key, t->base, value);
		acta_text_printf(out, "\"%s\":{\"value\":", key->name);
		if (is_quoted(key->type))
			put_quoted(out, value);
		else
			acta_text_printf(out, "%s", value);
		if (t->lines[i] == 0)
			acta_text_printf(out, ",\"line\":null},");
		else
			acta_text_printf(
			    out, ",\"line\":%" PRIu32 "},", t->lines[i]);
	}
}

static void
show_json_list(struct acta_buf *out, const char *key, char *const *at)
{
	const char *comma = "";

	if (at == NULL)
		return;
	acta_text_printf(out, ",\"%s\":[", key);
	for (; *at != NULL; at++, comma = ",") {
		acta_text_printf(out, "%s", comma);
		put_quoted(out, *at);
	}
	acta_text_printf(out, "]");
}

static void
show_json_entries(
    struct acta_buf *out, const struct acta_config *config, uint32_t parent)
{
	const char *comma = "";

	for (uint32_t i = 0; i < config->count; i++) {
		struct acta_config_service *s = &config->services[i];
		struct acta_keys t =
		    acta_keys_of(&acta_service_keys, s, s->lines);

		if (s->parent != parent)
			continue;
		acta_text_printf(out, "%s{", comma);
		comma = ",";
		show_json_table(out, &t, s);
		acta_text_printf(out, "\"version\":");
		put_quoted(out,
		    s->declared.version != NULL ? s->declared.version : "");
		acta_text_printf(out, ",\"settings\":");
		if (s->settings.size > 0)
			acta_json_encode(
			    s->settings.data, s->settings.size, out);
		else
			acta_text_printf(out, "{}");
		show_json_list(out, "exec", s->argv);
		show_json_list(out, "after", s->after);
		if (s->kind == ACTA_CONFIG_GROUP) {
			acta_text_printf(out, ",\"services\":[");
			show_json_entries(out, config, i);
			acta_text_printf(out, "]");
		}
		acta_text_printf(out, "}");
	}
}

static void
show_json(const struct acta_config *config, struct acta_buf *out)
{
	struct acta_keys t = acta_keys_of(&acta_node_keys,
	    (void *)(uintptr_t)config, (uint32_t *)(uintptr_t)config->lines);

	acta_text_printf(out, "{\"file\":");
	put_quoted(out, config->file);
	acta_text_printf(out, ",");
	show_json_table(out, &t, NULL);
	acta_text_printf(out, "\"services\":[");
	show_json_entries(out, config, ACTA_CONFIG_TOP);
	acta_text_printf(out, "]}");
}

/* ------------------------------------------------------------- to compare -- */

/* A value is one line, whatever is in it. */
static void
put_key(struct acta_buf *out, const char *key, const char *value)
{
	size_t at;

	acta_text_printf(out, "%s ", key);
	at = out->size;
	acta_text_printf(out, "%s", value);
	for (; at < out->size; at++)
		if (out->data[at] == '\n')
			out->data[at] = ' ';
	acta_buf_append(out, "\n", 1);
}

static void
put_key_list(struct acta_buf *out, const char *key, char *const *list)
{
	struct acta_buf text;

	acta_buf_init(&text);
	for (; list != NULL && *list != NULL; list++) {
		acta_buf_append(&text, ", ", text.size > 0 ? 2 : 0);
		put_quoted(&text, *list);
	}
	acta_buf_append(&text, "", 1);
	put_key(out, key, text.size > 1 ? (const char *)text.data : "none");
	acta_buf_fini(&text);
}

static void
put_key_settings(struct acta_buf *out, const struct acta_buf *settings)
{
	struct acta_buf text;

	acta_buf_init(&text);
	acta_json_encode(settings->data, settings->size, &text);
	acta_buf_append(&text, "", 1);
	put_key(out, "settings", (const char *)text.data);
	acta_buf_fini(&text);
}

char *
acta_config_lines(
    const struct acta_config *config, const struct acta_config_service *s)
{
	struct acta_keys t = s != NULL
	    ? acta_keys_of(&acta_service_keys, (void *)(uintptr_t)s, NULL)
	    : acta_keys_of(&acta_node_keys, (void *)(uintptr_t)config, NULL);
	char value[PATH_MAX], *text;
	struct acta_buf out;

	acta_buf_init(&out);
	for (size_t i = 0; i < t.count; i++) {
		const struct acta_key *key = &t.keys[i];

		if (!is_shown(key, s))
			continue;
		value_text(key, t.base, value);
		put_key(&out, key->name,
		    strncmp(key->name, "limits.", 7) == 0 &&
			    strcmp(value, "0") == 0
			? "none"
			: value);
	}
	if (s != NULL)
		put_key_list(&out, "after", s->after);
	if (s != NULL && s->kind == ACTA_CONFIG_PROGRAM) {
		put_key_list(&out, "exec", s->argv);
		put_key(&out, "program", s->path);
	}
	if (s != NULL && s->settings.size > 0)
		put_key_settings(&out, &s->settings);
	if (s != NULL && s->declared.version != NULL)
		put_key(&out, "version", s->declared.version);
	text = acta_text_keepf("%.*s", (int)out.size, (const char *)out.data);
	acta_buf_fini(&out);
	return text;
}

void
acta_config_show(
    const struct acta_config *config, bool json, struct acta_buf *out)
{
	if (json)
		show_json(config, out);
	else
		show_yaml(config, out);
}
