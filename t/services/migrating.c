/*
 * migrating.c - a service whose schema grows between two lives of it: a test
 * sets migrating_schema and lets the process crash. The descriptor is written
 * out, for ACTA_SERVICE makes a constant one.
 */
#include <acta.h>

/* A handler may leave its message, and its table fields, alone. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

extern int migrating_runs, migrating_from;
int migrating_runs;
int migrating_from = -1;

static acta_status
put(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_int("v", acta_arg_int(msg, "v")));
	return ACTA_DONE;
}

static acta_status
get(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(self, acta_val("v", acta_get(self, "v")),
	    acta_val("new", acta_get(self, "new")));
}

/* v becomes new, a tenth of it; a v below 0 cannot be migrated. */
static acta_status
migrate(acta_actor *self, uint32_t from_schema)
{
	int64_t v = acta_get_int(self, "v", 0);

	migrating_runs++;
	migrating_from = (int)from_schema;
	if (v < 0)
		return acta_fail(self, "v is below 0");
	acta_put(self, acta_int("new", v / 10));
	acta_delete(self, "v");
	return ACTA_DONE;
}

/* clang-format off */
static const struct acta_handler handlers[] = {
	{ "put", put, .args = "v:int" },
	{ "get", get },
	{ 0 }
};
/* clang-format on */

ACTA_EXPORT extern struct acta_service acta_service_v1;
struct acta_service acta_service_v1 = {
	.abi = ACTA_ABI,
	.size = sizeof(struct acta_service),
	.handler_size = sizeof(struct acta_handler),
	.name = "migrating",
	.version = "1.0.0",
	.handlers = handlers,
	.schema = 1,
	.migrate = migrate,
};
