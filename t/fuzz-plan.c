/*
 * t/fuzz-plan.c - what the root reads from its pipe. What is decoded is within
 * the bounds that the root relies on, and is encoded to the same again.
 */
#include "t/fuzz.h"

#include "runtime/plan.h"

static void
sound(const struct acta_plan *plan)
{
	fuzz_must(plan->count <= ACTA_PLAN_CHILDREN_MAX);
	fuzz_must(plan->node[0] != '\0' && strchr(plan->node, '/') == NULL);
	fuzz_must(plan->data[0] == '/' && plan->run[0] == '/');
	fuzz_must(plan->period_ms > 0);
	for (uint32_t i = 0; i < plan->count; i++) {
		const struct acta_plan_child *c = &plan->children[i];

		fuzz_must(c->name[0] != '\0' && c->name[0] != '.');
		fuzz_must(strchr(c->name, '/') == NULL);
		fuzz_must(c->program[0] == '/' && c->argv[0] != NULL);
		fuzz_must(c->kind <= ACTA_KIND_EXEC);
		fuzz_must(c->restart <= ACTA_TEMPORARY);
		fuzz_must(c->backoff_min_ms >= 0);
		fuzz_must(c->backoff_max_ms >= c->backoff_min_ms);
		fuzz_must(c->backoff_factor >= 1 && c->backoff_jitter <= 1);
		fuzz_must(c->shutdown_ms >= ACTA_SHUTDOWN_INFINITY);
	}
}

int
fuzz_plan(const uint8_t *data, size_t size)
{
	struct acta_plan plan, back;
	uint8_t *once, *twice;
	size_t once_size, twice_size;

	if (acta_plan_decode(data, size, &plan) != ACTA_OK)
		return 0;
	sound(&plan);
	fuzz_must(acta_plan_encode(&plan, &once, &once_size) == ACTA_OK);
	fuzz_must(acta_plan_decode(once, once_size, &back) == ACTA_OK);
	fuzz_must(acta_plan_encode(&back, &twice, &twice_size) == ACTA_OK);
	fuzz_must(
	    once_size == twice_size && memcmp(once, twice, once_size) == 0);
	free(once);
	free(twice);
	acta_plan_fini(&plan);
	acta_plan_fini(&back);
	return 0;
}

void
fuzz_plan_seeds(fuzz_take *take, void *self)
{
	char *argv[] = { "acta-host", "stock", NULL };
	struct acta_plan_child children[2] = {
		{ .name = "@door",
		    .kind = ACTA_KIND_DOOR,
		    .program = "/opt/acta/acta-door",
		    .argv = argv,
		    .backoff_factor = 2,
		    .backoff_max_ms = 500,
		    .partitions = 1,
		    .workers = 1 },
		{ .name = "stock",
		    .kind = ACTA_KIND_HOST,
		    .program = "/opt/acta/acta-host",
		    .argv = argv,
		    .restart = ACTA_TRANSIENT,
		    .shutdown_ms = ACTA_SHUTDOWN_INFINITY,
		    .backoff_min_ms = 100,
		    .backoff_max_ms = 30000,
		    .backoff_reset_ms = 60000,
		    .backoff_factor = 1.5,
		    .backoff_jitter = 0.2,
		    .max_crashes = 3,
		    .turn_limit_ms = 30000,
		    .memory_max = 1u << 30,
		    .files_max = 4096,
		    .partitions = 4,
		    .workers = 2,
		    .config = (uint8_t *)"\x80",
		    .config_size = 1 },
	};
	struct acta_plan plan = { .node = "shop",
		.file = "/srv/shop.yaml",
		.data = "/srv/data",
		.run = "/run/acta/shop",
		.registry = "/run/acta/shop.node",
		.announce = "acta: shop: 1 service up",
		.intensity = 5,
		.period_ms = 30000,
		.on_exceed = ACTA_EXCEED_ESCALATE,
		.count = 2,
		.children = children };
	uint8_t *bytes;
	size_t size;

	fuzz_must(acta_plan_encode(&plan, &bytes, &size) == ACTA_OK);
	take(self, bytes, size);
	free(bytes);
}
