/* runtime/host/local.c - see local.h. */
#include "runtime/host/local.h"

#include <string.h>

#include "codecs/packer.h"
#include "runtime/host/stage.h"
#include "runtime/host/turn.h"

#define TEXT_MAX 65536u /* longer ones are packed: they are copied anyway */

/* A copy that lives as long as the turn, of what can be passed as it is. */
static bool
plain(struct acta_part *part, const acta_value *from, acta_value *out)
{
	*out = *from;
	switch (from->type) {
	case ACTA_NIL:
	case ACTA_BOOL:
	case ACTA_INT:
	case ACTA_UINT:
	case ACTA_NUM:
	case ACTA_TIME: return true;
	case ACTA_STR:
		if (from->size > TEXT_MAX ||
		    (from->size > 0 &&
			(from->as.data == NULL ||
			    memchr(from->as.data, 0, from->size) != NULL ||
			    !acta_utf8_valid(from->as.data, from->size))))
			return false;
		break;
	case ACTA_BIN:
		if (from->size > TEXT_MAX ||
		    (from->size > 0 && from->as.data == NULL))
			return false;
		break;
	default: return false;
	}
	out->as.data = acta_arena_copy(&part->arena, from->as.data, from->size);
	return true;
}

/* What it would take packed, or a little more. */
#define FIELD_COST 10u

static bool
place(struct acta_part *part, const struct acta_handler_info *handler,
    const acta_field *fields, acta_value *args, size_t *out_size)
{
	for (const acta_field *f = fields; f->kind != ACTA_K_END_; f++) {
		int at;

		if (f->kind == ACTA_K_NONE_)
			continue;
		if (f->kind != ACTA_K_VALUE_ || f->name == NULL)
			return false;
		if (f->value.type == ACTA_ABSENT)
			continue;
		at = acta_literal_index(
		    &part->literals, part->loaded, handler, f->name);
		if (at < 0 || args[at].type != ACTA_ABSENT ||
		    !plain(part, &f->value, &args[at]))
			return false;
		*out_size += FIELD_COST + strlen(f->name);
		if (f->value.type == ACTA_STR || f->value.type == ACTA_BIN)
			*out_size += f->value.size;
	}
	for (uint32_t i = 0; i < handler->args.count; i++)
		if (!acta_schema_settle(&handler->args, i, &args[i]))
			return false;
	return true;
}

bool
acta_local_send(struct acta_actor *a, const struct acta_ref_ *to,
    const char *type, const acta_field *fields)
{
	struct acta_part *part = a->part;
	const struct acta_handler_info *handler;
	struct acta_sent *s;
	acta_value *args;
	size_t size = 0;

	if (part == NULL || a->no_state || a->misused || a->reads_only ||
	    to == NULL || type == NULL || a->effects >= ACTA_EFFECTS_MAX ||
	    !acta_ref_is_here(part, to) ||
	    acta_key_is_any(to->key.data, to->key.size))
		return false;
	handler = acta_literal_handler(&part->literals, part->loaded, type);
	if (handler == NULL)
		return false;
	args = acta_arena_alloc(
	    &part->arena, (handler->args.count + 1) * sizeof(*args));
	memset(args, 0, handler->args.count * sizeof(*args));
	/* Near its limits it is packed, and told what is wrong. */
	if (!place(part, handler, fields, args, &size) ||
	    size > ACTA_VALUE_BYTES_MAX ||
	    a->effect_bytes + size > ACTA_EFFECT_BYTES_MAX)
		return false;
	a->effects++;
	a->effect_bytes += size;
	s = acta_arena_alloc(&part->arena, sizeof(*s));
	*s = (struct acta_sent){ .here = true,
		.handler = handler,
		.args = args,
		.to = to,
		.from = acta_self(a),
		.trace = a->msg->m.trace };
	*a->sent_tail = s;
	a->sent_tail = &s->next;
	return true;
}

/* History and number: no two alike, and no hash is needed. */
struct acta_uid
acta_local_uid(struct acta_part *part)
{
	struct acta_uid uid;
	uint64_t number = part->next_local++;

	part->numbers_dirty = true;
	memcpy(uid.bytes, part->id.history + 8, 8);
	memcpy(uid.bytes + 8, &number, 8);
	return uid;
}

void
acta_local_open(
    struct acta_part *part, struct acta_sent *s, struct acta_msg *msg)
{
	msg->handler = s->handler;
	msg->args = s->args;
	msg->to = s->to;
	msg->sender = s->from;
	msg->type_text = s->handler->handler->type;
	msg->from_text = s->from->text;
	msg->m.key = s->to->key;
	msg->m.type = (struct acta_bytes){ s->handler->handler->type,
		(uint32_t)s->handler->type_size };
	msg->m.from = (struct acta_bytes){ s->from->text, s->from->size };
	msg->m.id = (struct acta_bytes){ "", 0 };
	msg->m.sent_ms = part->now_ms;
	msg->m.trace = s->trace;
}

void
acta_local_pack(struct acta_part *part, struct acta_msg *msg)
{
	const struct acta_schema *schema;
	struct acta_message m = msg->m;
	struct acta_buf args, b;
	uint32_t count = 0;

	if (msg->raw != NULL)
		return;
	schema = &msg->handler->args;
	acta_buf_init(&args);
	acta_buf_init(&b);
	for (uint32_t i = 0; i < schema->count; i++)
		count += msg->args[i].type != ACTA_ABSENT;
	acta_pack_map(&args, count);
	for (uint32_t i = 0; i < schema->count; i++) {
		if (msg->args[i].type == ACTA_ABSENT)
			continue;
		acta_pack_text(&args, schema->fields[i].name);
		acta_pack_value(&args, msg->args[i]);
	}
	m.args_raw =
	    (struct acta_bytes){ (const char *)args.data, (uint32_t)args.size };
	acta_message_encode(&b, &m);
	msg->raw = acta_arena_copy(&part->arena, b.data, b.size);
	msg->raw_size = b.size;
	acta_buf_fini(&args);
	acta_buf_fini(&b);
}
