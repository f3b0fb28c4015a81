/* runtime/host/service.c - load a service and check what it declares. */
#include "runtime/host/service.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/envelope.h"
#include "codecs/json.h"
#include "codecs/packer.h"

/* dlopen's "x.so: undefined symbol: acta_delete" in words that help. */
static void
explain(struct acta_why *why, const char *path, const char *error)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	const char *symbol = strstr(error, "undefined symbol: ");
	char name[80] = "";

	if (symbol == NULL) {
		acta_why_text(why, "%s: %s", base, error);
		acta_why_hint(why,
		    "it must be a shared object: cc -shared -fPIC $(acta "
		    "cflags) -o NAME.so ...");
		return;
	}
	sscanf(symbol, "undefined symbol: %79[A-Za-z0-9_]", name);
	if (strncmp(name, "acta_", 5) == 0) {
		acta_why_text(why,
		    "%s: needs %s, which this acta (ABI %d) "
		    "has not",
		    base, name, ACTA_ABI);
		acta_why_hint(why, "it was built for a newer acta");
	} else {
		acta_why_text(
		    why, "%s: needs %s, which nothing provides", base, name);
		acta_why_hint(why, "link what it needs into %s", base);
	}
}

/* The object in which the descriptor lies: its segments without write. */
static int
find_fixed(struct dl_phdr_info *object, size_t size, void *arg)
{
	struct acta_loaded *l = arg;
	uintptr_t descriptor = (uintptr_t)l->service;
	bool ours = false;

	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &object->dlpi_phdr[i];
		uintptr_t from = object->dlpi_addr + h->p_vaddr;

		if (h->p_type == PT_LOAD && descriptor >= from &&
		    descriptor < from + h->p_memsz)
			ours = true;
	}
	for (int i = 0; ours && i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &object->dlpi_phdr[i];
		uintptr_t from = object->dlpi_addr + h->p_vaddr;

		if (h->p_type != PT_LOAD || (h->p_flags & PF_W) != 0 ||
		    l->fixed_count == ACTA_FIXED_MAX)
			continue;
		l->fixed[l->fixed_count].from = from;
		l->fixed[l->fixed_count++].to = from + h->p_memsz;
	}
	return ours;
}

static int
by_type(const void *a, const void *b)
{
	const struct acta_handler_info *x = a, *y = b;

	return strcmp(x->handler->type, y->handler->type);
}

static bool
on_ok(const struct acta_service *s, const struct acta_handler *h,
    struct acta_why *why)
{
	size_t n = h->on ? strcspn(h->on, ".") : 0;

	if (h->on == NULL && h->key == NULL)
		return true;
	if (h->on == NULL) {
		acta_why_text(why, "%s: handler \"%s\": .key without .on",
		    s->name, h->type);
		return false;
	}
	if (h->on[n] == '.' && acta_service_valid(h->on, n) &&
	    acta_type_valid(h->on + n + 1, strlen(h->on + n + 1)))
		return true;
	acta_why_text(why, "%s: handler \"%s\": .on \"%.100s\" is no topic",
	    s->name, h->type, h->on);
	acta_why_hint(why, "a topic is \"service.name\"");
	return false;
}

static enum acta_err
handlers_check(struct acta_loaded *l, struct acta_why *why)
{
	const struct acta_service *s = l->service;
	uint32_t n = 0;

	while (n <= ACTA_HANDLERS_MAX && s->handlers[n].type != NULL)
		n++;
	if (n > ACTA_HANDLERS_MAX) {
		acta_why_text(why,
		    "%s: over %u handlers, or no { 0 } at the "
		    "end of the table",
		    s->name, ACTA_HANDLERS_MAX);
		return ACTA_EINVAL;
	}
	l->handlers = calloc(n + 1, sizeof(*l->handlers));
	if (l->handlers == NULL)
		abort();
	for (uint32_t i = 0; i < n; i++) {
		const struct acta_handler *h = &s->handlers[i];
		struct acta_why inner = { "", "" };

		if (!acta_type_valid(h->type, strlen(h->type))) {
			acta_why_text(why, "%s: handler \"%s\": not a type",
			    s->name, h->type);
			acta_why_hint(
			    why, "types are [a-z][a-z0-9-]*, at most 64");
			return ACTA_EINVAL;
		}
		if (h->run == NULL) {
			acta_why_text(why, "%s: handler \"%s\": no function",
			    s->name, h->type);
			acta_why_hint(
			    why, "a handler is { \"%s\", function }", h->type);
			return ACTA_EINVAL;
		}
		/* One that is unknown may be a bound that would not be kept. */
		if ((h->flags &
			~(ACTA_READS | ACTA_INSIDE | ACTA_PRIVATE |
			    ACTA_OUTSIDE)) != 0) {
			acta_why_text(why,
			    "%s: handler \"%s\": flags %#x are unknown to "
			    "this acta",
			    s->name, h->type, (unsigned)h->flags);
			acta_why_hint(why,
			    "acta.h has those there are; it may have been "
			    "built for a later one");
			return ACTA_EINVAL;
		}
		if ((h->flags & ACTA_OUTSIDE) != 0 &&
		    (h->flags & ACTA_READS) != 0) {
			acta_why_text(why,
			    "%s: handler \"%s\": ACTA_OUTSIDE and ACTA_READS",
			    s->name, h->type);
			acta_why_hint(why,
			    "what acts outside is run once its message is "
			    "durable, what only reads writes nothing");
			return ACTA_EINVAL;
		}
		if (!on_ok(s, h, why))
			return ACTA_EINVAL;
		if (acta_schema_init(&l->handlers[i].args, h->args, &inner) !=
		    ACTA_OK) {
			acta_why_text(why, "%s: args of \"%s\": %s", s->name,
			    h->type, inner.text);
			acta_why_hint(why, "%s", inner.hint);
			return ACTA_EINVAL;
		}
		l->handlers[i].handler = h;
		l->handlers[i].type_size = strlen(h->type);
		l->count = i + 1;
	}
	qsort(l->handlers, n, sizeof(*l->handlers), by_type);
	for (uint32_t i = 1; i < n; i++)
		if (by_type(&l->handlers[i - 1], &l->handlers[i]) == 0) {
			acta_why_text(why, "%s: two handlers \"%s\"", s->name,
			    l->handlers[i].handler->type);
			return ACTA_EINVAL;
		}
	return ACTA_OK;
}

/* `what` names it where it has no name of its own that can be trusted. */
static enum acta_err
descriptor_check(
    struct acta_loaded *out, const char *what, struct acta_why *why)
{
	const struct acta_service *s = out->service;
	enum acta_err err;

	if (s->abi != ACTA_ABI || s->size != sizeof(*s) ||
	    s->handler_size != sizeof(struct acta_handler)) {
		acta_why_text(why, "%s: built for ABI %u, this acta has %d",
		    what, s->abi, ACTA_ABI);
		acta_why_hint(why, "compile it again with this acta's header");
		return ACTA_EVERSION;
	}
	if (s->name == NULL || s->handlers == NULL ||
	    !acta_service_valid(s->name, strlen(s->name))) {
		acta_why_text(why, "%s: \"%s\" is not a service's name", what,
		    s->name ? s->name : "");
		acta_why_hint(why, "names are [a-z][a-z0-9-]*, at most 32");
		return ACTA_EINVAL;
	}
	err = handlers_check(out, why);
	if (err != ACTA_OK)
		return err;
	(void)dl_iterate_phdr(find_fixed, out);
	return acta_schema_init(&out->settings_schema, s->settings, why);
}

enum acta_err
acta_loaded_from(struct acta_loaded *out, const struct acta_service *service,
    struct acta_why *why)
{
	enum acta_err err;

	*out = (struct acta_loaded){ .service = service };
	err = descriptor_check(out, "a service", why);
	if (err != ACTA_OK)
		acta_loaded_close(out);
	return err;
}

enum acta_err
acta_loaded_open(
    struct acta_loaded *out, const char *path, struct acta_why *why)
{
	enum acta_err err;

	*out = (struct acta_loaded){ .dl = NULL };
	out->dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (out->dl == NULL) {
		explain(why, path, dlerror());
		return ACTA_EINVAL;
	}
	out->service = dlsym(out->dl, "acta_service_v1");
	err = ACTA_EVERSION;
	if (out->service == NULL) {
		acta_why_text(why, "%s: no acta_service_v1 in it", path);
		acta_why_hint(why, "end the source with ACTA_SERVICE(...)");
	} else {
		err = descriptor_check(out, path, why);
	}
	if (err != ACTA_OK)
		acta_loaded_close(out);
	return err;
}

enum acta_err
acta_loaded_settings(
    struct acta_loaded *l, const void *map, size_t size, struct acta_why *why)
{
	acta_value value = { 0 };

	free(l->settings);
	free(l->settings_bytes);
	l->settings = calloc(ACTA_SCHEMA_FIELDS_MAX, sizeof(*l->settings));
	l->settings_bytes = malloc(size + 1);
	if (l->settings == NULL || l->settings_bytes == NULL)
		abort();
	if (size > 0) {
		struct acta_reader r;

		memcpy(l->settings_bytes, map, size);
		r = acta_reader(l->settings_bytes, size);
		value = acta_read(&r);
	}
	return acta_schema_check(
	    &l->settings_schema, value, true, "setting", l->settings, why);
}

void
acta_loaded_close(struct acta_loaded *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		acta_schema_fini(&l->handlers[i].args);
	free(l->handlers);
	if (l->settings_schema.fields != NULL)
		acta_schema_fini(&l->settings_schema);
	free(l->settings);
	free(l->settings_bytes);
	if (l->dl != NULL)
		dlclose(l->dl);
	*l = (struct acta_loaded){ .dl = NULL };
}

const struct acta_handler_info *
acta_loaded_find(const struct acta_loaded *l, const char *type, size_t size)
{
	uint32_t low = 0, high = l->count;

	while (low < high) {
		uint32_t mid = (low + high) / 2;
		const struct acta_handler_info *h = &l->handlers[mid];
		size_t n = size < h->type_size ? size : h->type_size;
		int c = memcmp(type, h->handler->type, n);

		if (c == 0)
			c = (size > h->type_size) - (size < h->type_size);
		if (c == 0)
			return h;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

static void
pack_pair(struct acta_buf *b, const char *name, const char *value)
{
	acta_pack_text(b, name);
	acta_pack_text(b, value ? value : "");
}

static void
pack_flag(struct acta_buf *b, const char *name, bool value)
{
	acta_pack_text(b, name);
	acta_pack_bool(b, value);
}

void
acta_loaded_describe(const struct acta_loaded *l, struct acta_buf *out)
{
	const struct acta_service *s = l->service;
	struct acta_buf b;

	acta_buf_init(&b);
	acta_pack_map(&b, 8);
	pack_pair(&b, "name", s->name);
	pack_pair(&b, "version", s->version);
	acta_pack_text(&b, "abi");
	acta_pack_int(&b, s->abi);
	pack_pair(&b, "doc", s->doc);
	pack_flag(&b, "in_memory", s->in_memory);
	acta_pack_text(&b, "schema");
	acta_pack_int(&b, s->schema);
	pack_pair(&b, "settings", s->settings);
	acta_pack_text(&b, "handlers");
	acta_pack_list(&b, l->count);
	for (uint32_t i = 0; i < l->count; i++) {
		const struct acta_handler *h = l->handlers[i].handler;

		acta_pack_map(&b, 9);
		pack_pair(&b, "type", h->type);
		pack_pair(&b, "args", h->args);
		pack_pair(&b, "result", h->result);
		pack_pair(&b, "doc", h->doc);
		pack_flag(&b, "reads", h->flags & ACTA_READS);
		pack_flag(&b, "inside", h->flags & ACTA_INSIDE);
		pack_flag(&b, "private", h->flags & ACTA_PRIVATE);
		pack_flag(&b, "outside", h->flags & ACTA_OUTSIDE);
		pack_pair(&b, "on", h->on);
	}
	acta_json_encode(b.data, b.size, out);
	acta_buf_append(out, "\n", 1);
	acta_buf_fini(&b);
}
