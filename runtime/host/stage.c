/* runtime/host/stage.c - see stage.h. */
#include "runtime/host/stage.h"

#include <stdlib.h>
#include <string.h>

struct worker {
	struct acta_out *out; /* NULL: this very partition's */
	char key[ACTA_WORKER_KEY_MAX];
	uint32_t key_size;
	uint32_t given; /* by the handler that runs: not in a channel yet */
};

struct acta_stage {
	uint32_t count, next; /* among equals they take turns */
	uint64_t run, loads; /* whose `given` it is; when `out` was looked up */
	struct worker workers[];
};

static struct acta_stage *
make(const struct acta_route *route)
{
	struct acta_stage *s =
	    calloc(1, sizeof(*s) + route->partitions * sizeof(*s->workers));
	uint32_t *numbers = calloc(route->partitions, sizeof(*numbers));

	if (s == NULL || numbers == NULL)
		abort();
	s->count = route->partitions;
	acta_worker_numbers(numbers, s->count);
	for (uint32_t p = 0; p < s->count; p++)
		s->workers[p].key_size =
		    (uint32_t)acta_worker_key(s->workers[p].key, numbers[p]);
	free(numbers);
	s->loads = UINT64_MAX;
	return s;
}

static struct acta_stage *
get(struct acta_part *part, const struct acta_route *route)
{
	size_t at = (size_t)(route - part->config.routes);
	struct acta_stage *s;

	if (part->stages == NULL)
		part->stages = calloc(
		    part->config.route_count, sizeof(struct acta_stage *));
	if (part->stages == NULL)
		abort();
	if (part->stages[at] == NULL)
		part->stages[at] = make(route);
	s = part->stages[at];
	if (s->loads != part->loads)
		for (uint32_t p = 0; p < s->count; p++)
			s->workers[p].out =
			    route == part->own_route && p == part->config.part
			    ? NULL
			    : acta_channel_out(part, route->name, p);
	s->loads = part->loads;
	if (s->run != part->runs)
		for (uint32_t p = 0; p < s->count; p++)
			s->workers[p].given = 0;
	s->run = part->runs;
	return s;
}

static uint64_t
backlog(const struct acta_part *part, const struct worker *w)
{
	return w->given +
	    (w->out ? w->out->next - w->out->acked : part->parked_rows);
}

void
acta_stage_pick(struct acta_part *part, const struct acta_route *route,
    uint32_t *out_part, struct acta_bytes *out_key)
{
	struct acta_stage *s = get(part, route);
	uint32_t best = s->next;

	for (uint32_t n = 1; n < s->count; n++) {
		uint32_t p = (s->next + n) % s->count;

		if (backlog(part, &s->workers[p]) <
		    backlog(part, &s->workers[best]))
			best = p;
	}
	s->workers[best].given++;
	s->next = (best + 1) % s->count;
	*out_part = best;
	*out_key = (struct acta_bytes){ s->workers[best].key,
		s->workers[best].key_size };
}

void
acta_stages_fini(struct acta_part *part)
{
	for (uint32_t i = 0; part->stages && i < part->config.route_count; i++)
		free(part->stages[i]);
	free(part->stages);
}
