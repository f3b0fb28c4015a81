/* runtime/root/report.c - what the root tells operators, as JSON. */
#include "runtime/root/root.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Older than this, a rate is no rate any more. */
#define RATE_MS 3000

static const char *
kind_name(uint32_t kind)
{
	switch ((enum acta_plan_kind)kind) {
	case ACTA_KIND_HOST: return "service";
	case ACTA_KIND_DOOR: return "door";
	case ACTA_KIND_EXEC: return "program";
	case ACTA_KIND_GROUP: return "group";
	}
	return "unknown";
}

static const char *
restart_name(uint32_t restart)
{
	switch ((enum acta_restart)restart) {
	case ACTA_PERMANENT: return "permanent";
	case ACTA_TRANSIENT: return "transient";
	case ACTA_TEMPORARY: return "temporary";
	}
	return "unknown";
}

static const char *
phase_name(enum acta_phase phase)
{
	switch (phase) {
	case ACTA_PHASE_IDLE: return "idle";
	case ACTA_PHASE_GATHER: return "gather";
	case ACTA_PHASE_HANDLER: return "handler";
	case ACTA_PHASE_COMMIT: return "commit";
	case ACTA_PHASE_RELEASE: return "release";
	}
	return "unknown";
}

const char *
acta_root_alarm_name(uint32_t bit)
{
	switch (bit) {
	case ACTA_ALARM_FAILED: return "failed";
	case ACTA_ALARM_STORAGE: return "storage-failed";
	case ACTA_ALARM_DOOR: return "door-restarted";
	default: return "unknown";
	}
}

static void
alarm_text(const struct acta_root *root, uint32_t child, uint32_t bit,
    char *out, size_t size)
{
	const char *name = root->plan.children[child].name;

	const struct acta_sup_flags *flags =
	    acta_sup_flags_over(&root->sup, child);

	if (bit == ACTA_ALARM_FAILED)
		snprintf(out, size,
		    "%s after %" PRIu32 " restarts in %" PRId64
		    " s; see `acta why %s`",
		    flags->on_exceed == ACTA_EXCEED_HOLD ? "held" : "given up",
		    flags->intensity, flags->period_ms / 1000, name);
	else if (bit == ACTA_ALARM_STORAGE)
		snprintf(out, size,
		    "its disk failed; it is held until "
		    "`acta start --storage-checked %s`",
		    name);
	else
		snprintf(out, size,
		    "ended and came back; restarts so far: "
		    "%" PRIu32,
		    root->sup.children[child].restarts);
}

static void
one_alarm(struct acta_doc *doc, const char *service, const char *name,
    const char *text)
{
	acta_doc_open(doc, NULL, '{');
	if (service)
		acta_doc_str(doc, "service", service);
	acta_doc_str(doc, "name", name);
	acta_doc_str(doc, "text", text);
	acta_doc_close(doc, '}');
}

/* With the service's name in each where they stand apart from it. */
static void
alarms_of(const struct acta_root *root, uint32_t child, bool apart,
    struct acta_doc *doc)
{
	const struct acta_root_child *c = &root->children[child];
	const char *service = apart ? root->plan.children[child].name : NULL;
	char text[256];

	for (uint32_t bit = 1; bit <= ACTA_ALARM_DOOR; bit <<= 1) {
		if (!(root->sup.children[child].alarms & bit))
			continue;
		alarm_text(root, child, bit, text, sizeof(text));
		one_alarm(doc, service, acta_root_alarm_name(bit), text);
	}
	for (uint32_t i = 0; i < ACTA_ROOT_ALARMS; i++)
		if (c->alarms[i].name[0])
			one_alarm(
			    doc, service, c->alarms[i].name, c->alarms[i].text);
}

/* What the node itself has: its time is not the wall clock's. */
static void
alarms_of_node(const struct acta_root *root, struct acta_doc *doc)
{
	int64_t off_s = root->slew.off_us / 1000000;
	bool ahead = off_s >= 0;
	char text[256];

	if (!root->clock_alarm)
		return;
	off_s = ahead ? off_s : -off_s;
	snprintf(text, sizeof(text),
	    "the wall clock is %" PRId64 " s %s the node's, which follows it "
	    "by 1 %%, for %" PRId64 " s more%s",
	    off_s, ahead ? "ahead of" : "behind", off_s * ACTA_CLOCK_SLEW,
	    ahead ? "; started anew, the node takes it at once" : "");
	one_alarm(doc, "@node", "clock", text);
}

/* What its restarts are held against, and when the next is. */
static void
restart_fields(const struct acta_root *root, uint32_t child, int64_t now_ms,
    struct acta_doc *doc)
{
	const struct acta_sup_child *s = &root->sup.children[child];
	const struct acta_sup_flags *flags =
	    acta_sup_flags_over(&root->sup, child);

	acta_doc_int(doc, "restarts", s->restarts);
	acta_doc_int(doc, "restarts_in_period",
	    acta_sup_recent(&root->sup, child, now_ms));
	acta_doc_int(doc, "intensity", flags->intensity);
	acta_doc_int(doc, "period_ms", flags->period_ms);
	if (s->state == ACTA_SUP_BACKOFF)
		acta_doc_int(doc, "restart_in_ms",
		    s->due_ms > now_ms ? s->due_ms - now_ms : 0);
	else
		acta_doc_null(doc, "restart_in_ms");
}

static const char *
strategy_name(uint32_t strategy)
{
	switch ((enum acta_strategy)strategy) {
	case ACTA_ONE_FOR_ONE: return "one_for_one";
	case ACTA_ONE_FOR_ALL: return "one_for_all";
	case ACTA_REST_FOR_ONE: return "rest_for_one";
	case ACTA_SIMPLE_ONE_FOR_ONE: return "simple_one_for_one";
	}
	return "unknown";
}

/* Whose child it is; of a group, how it restarts its own. */
static void
place_fields(const struct acta_root *root, uint32_t child, struct acta_doc *doc)
{
	const struct acta_plan_child *spec = &root->plan.children[child];

	if (spec->parent)
		acta_doc_str(
		    doc, "group", root->plan.children[spec->parent - 1].name);
	else
		acta_doc_null(doc, "group");
	acta_doc_int(
	    doc, "depth", (int64_t)root->sup.children[child].depth - 1);
	acta_doc_str(doc, "restart", restart_name(spec->restart));
	if (spec->kind == ACTA_KIND_GROUP)
		acta_doc_str(doc, "strategy",
		    strategy_name(
			root->sup.children[child].spec.flags.strategy));
}

static void
ps_child(const struct acta_root *root, uint32_t child, int64_t now_ms,
    struct acta_doc *doc)
{
	const struct acta_root_child *c = &root->children[child];
	const struct acta_sup_child *s = &root->sup.children[child];
	bool fresh = now_ms - c->beat_ms < RATE_MS;

	acta_doc_open(doc, NULL, '{');
	acta_doc_str(doc, "service", root->plan.children[child].name);
	acta_doc_str(doc, "kind", kind_name(root->plan.children[child].kind));
	acta_doc_str(doc, "state", acta_sup_state_name(s->state));
	if (c->pid)
		acta_doc_int(doc, "pid", c->pid);
	else
		acta_doc_null(doc, "pid");
	restart_fields(root, child, now_ms, doc);
	place_fields(root, child, doc);
	acta_doc_int(doc, "queue", (int64_t)c->waiting);
	acta_doc_int(doc, "handled", (int64_t)(c->handled_before + c->handled));
	acta_doc_tenths(doc, "rate", fresh ? c->rate : 0);
	acta_doc_int(doc, "dead", (int64_t)c->dead);
	acta_doc_int(
	    doc, "uptime_ms", s->state == ACTA_SUP_UP ? now_ms - s->up_ms : 0);
	acta_doc_int(doc, "crashes_in_handler", (int64_t)c->in_handler);
	acta_doc_int(doc, "crashes_between", (int64_t)c->between);
	acta_doc_open(doc, "alarms", '[');
	alarms_of(root, child, false, doc);
	acta_doc_close(doc, ']');
	acta_doc_close(doc, '}');
}

/* Is there such a child, other than as what others are made by? */
static bool
is_there(const struct acta_root *root, uint32_t child)
{
	return root->plan.children[child].name[0] &&
	    root->sup.children[child].used &&
	    !acta_root_is_template(root, child);
}

static void ps_under(const struct acta_root *root, uint32_t parent,
    int64_t now_ms, struct acta_doc *doc);

static void
ps_tree(const struct acta_root *root, uint32_t child, int64_t now_ms,
    struct acta_doc *doc)
{
	if (!is_there(root, child))
		return;
	ps_child(root, child, now_ms, doc);
	if (root->plan.children[child].kind == ACTA_KIND_GROUP)
		ps_under(root, child, now_ms, doc);
}

/* Each with what is under it, in the order of their start; who is a child only
 * once its supervisor starts again, behind. As deep as groups are. */
static void
ps_under(const struct acta_root *root, uint32_t parent, int64_t now_ms,
    struct acta_doc *doc)
{
	const struct acta_sup_child *children = root->sup.children;
	const struct acta_sup_child *p =
	    &children[parent == ACTA_SUP_TOP ? root->sup.room : parent];

	for (uint32_t i = p->first; i != ACTA_SUP_NONE; i = children[i].next)
		ps_tree(root, i, now_ms, doc);
	for (uint32_t i = p->founders; i != ACTA_SUP_NONE;
	     i = children[i].founder_next)
		if (!children[i].known)
			ps_tree(root, i, now_ms, doc);
}

void
acta_root_report_ps(const struct acta_root *root, struct acta_doc *doc)
{
	int64_t now_ms = acta_root_now();

	acta_doc_open(doc, NULL, '{');
	acta_doc_str(doc, "node", root->plan.node);
	acta_doc_int(doc, "pid", getpid());
	acta_doc_int(doc, "uptime_ms", now_ms - root->started_ms);
	acta_doc_bool(doc, "ready", root->sup.phase == ACTA_NODE_RUNNING);
	acta_doc_open(doc, "services", '[');
	ps_under(root, ACTA_SUP_TOP, now_ms, doc);
	acta_doc_close(doc, ']');
	acta_doc_open(doc, "alarms", '[');
	alarms_of_node(root, doc);
	for (uint32_t i = 0; i < root->plan.count; i++)
		if (is_there(root, i))
			alarms_of(root, i, true, doc);
	acta_doc_close(doc, ']');
	acta_doc_close(doc, '}');
}

/* -------------------------------------------------------------------- why -- */

static void
time_field(struct acta_doc *doc, const char *key, int64_t wall_ms)
{
	char day[32] = "", text[48];
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts;

	if (gmtime_r(&seconds, &parts))
		strftime(day, sizeof(day), "%FT%T", &parts);
	snprintf(text, sizeof(text), "%s.%03dZ", day, (int)(wall_ms % 1000));
	acta_doc_str(doc, key, text);
}

static void
text_or_null(struct acta_doc *doc, const char *key, const char *text)
{
	if (text[0])
		acta_doc_str(doc, key, text);
	else
		acta_doc_null(doc, key);
}

static void
how_fields(struct acta_doc *doc, const struct acta_cause *cause)
{
	char name[16], word[64];

	acta_cause_word(cause, word, sizeof(word));
	acta_doc_str(doc, "cause", word);
	if (cause->how == ACTA_HOW_SIGNALLED)
		acta_doc_str(
		    doc, "signal", acta_signal_name(cause->number, name));
	else
		acta_doc_null(doc, "signal");
	if (cause->how == ACTA_HOW_EXITED)
		acta_doc_int(doc, "status", cause->number);
	else
		acta_doc_null(doc, "status");
	text_or_null(doc, "fault", acta_sup_fault_name(cause->fault));
	text_or_null(doc, "code", cause->code);
	text_or_null(doc, "text", cause->text);
	acta_doc_bool(doc, "asked", cause->asked);
}

static void
one_cause(const struct acta_sup_flags *flags, const struct acta_cause *cause,
    int64_t now_ms, struct acta_doc *doc)
{
	acta_doc_open(doc, NULL, '{');
	time_field(doc, "at", cause->wall_ms);
	acta_doc_int(doc, "ago_ms", now_ms - cause->at_ms);
	how_fields(doc, cause);
	acta_doc_str(doc, "phase", phase_name(cause->phase));
	text_or_null(doc, "actor", cause->actor);
	text_or_null(doc, "type", cause->type);
	if (cause->phase == ACTA_PHASE_HANDLER)
		acta_doc_hex(doc, "uid", cause->uid, sizeof(cause->uid));
	else
		acta_doc_null(doc, "uid");
	acta_doc_bool(doc, "blamed", cause->blamed);
	acta_doc_int(doc, "crashes", cause->crashes);
	text_or_null(doc, "words", cause->words);
	acta_doc_int(doc, "waiting", (int64_t)cause->waiting);
	acta_doc_int(doc, "lived_ms", cause->lived_ms);
	if (cause->back_ms >= 0)
		acta_doc_int(doc, "back_ms", cause->back_ms);
	else
		acta_doc_null(doc, "back_ms");
	acta_doc_bool(doc, "restarted", cause->restarted);
	acta_doc_int(doc, "restart", cause->restart);
	acta_doc_int(doc, "of", flags->intensity);
	acta_doc_int(doc, "period_ms", flags->period_ms);
	acta_doc_close(doc, '}');
}

/* Is its group down, and it with that? */
static bool
is_below(const struct acta_root *root, uint32_t child)
{
	uint32_t parent = root->sup.children[child].parent;

	return parent != ACTA_SUP_TOP &&
	    root->sup.children[parent].phase == ACTA_NODE_NEW;
}

static struct acta_story
story_of(const struct acta_root *root, uint32_t child, int64_t now_ms)
{
	const struct acta_plan_child *spec = &root->plan.children[child];
	const struct acta_sup_child *s = &root->sup.children[child];

	return (struct acta_story){
		.service = spec->name,
		.state = s->state,
		.exec = spec->kind == ACTA_KIND_EXEC ||
		    spec->kind == ACTA_KIND_GROUP,
		.door = spec->kind == ACTA_KIND_DOOR,
		.below = is_below(root, child)
		    ? acta_root_parent_name(root, child)
		    : NULL,
		.template = acta_root_is_template(root, child)
		    ? acta_root_parent_name(root, child)
		    : NULL,
		.restart_type = spec->restart,
		.now_ms = now_ms,
		.up_ms = s->up_ms,
		.due_ms = s->due_ms,
		.intensity = acta_sup_flags_over(&root->sup, child)->intensity,
		.max_crashes = spec->max_crashes,
		.period_ms = acta_sup_flags_over(&root->sup, child)->period_ms,
		.turn_limit_ms = spec->turn_limit_ms,
		.shutdown_ms = spec->shutdown_ms,
	};
}

void
acta_root_report_why(
    const struct acta_root *root, uint32_t child, struct acta_doc *doc)
{
	const struct acta_root_child *c = &root->children[child];
	const struct acta_sup_child *s = &root->sup.children[child];
	int64_t now_ms = acta_root_now();
	struct acta_story story = story_of(root, child, now_ms);
	uint64_t kept = c->causes_count < ACTA_CAUSES_KEPT ? c->causes_count
							   : ACTA_CAUSES_KEPT;
	const struct acta_cause *last = kept == 0
	    ? NULL
	    : &c->causes[(c->causes_count - 1) % ACTA_CAUSES_KEPT];
	char text[2048];

	acta_why_prose(last, &story, text, sizeof(text));
	acta_doc_open(doc, NULL, '{');
	acta_doc_str(doc, "service", story.service);
	acta_doc_str(doc, "kind", kind_name(root->plan.children[child].kind));
	acta_doc_str(doc, "state", acta_sup_state_name(s->state));
	acta_doc_str(
	    doc, "restart", restart_name(root->plan.children[child].restart));
	acta_doc_int(doc, "restarts", s->restarts);
	acta_doc_int(doc, "crashes_in_handler", (int64_t)c->in_handler);
	acta_doc_int(doc, "crashes_between", (int64_t)c->between);
	acta_doc_str(doc, "text", text);
	acta_doc_open(doc, "causes", '[');
	for (uint64_t i = 0; i < kept; i++) /* the newest first */
		one_cause(acta_sup_flags_over(&root->sup, child),
		    &c->causes[(c->causes_count - 1 - i) % ACTA_CAUSES_KEPT],
		    now_ms, doc);
	acta_doc_close(doc, ']');
	acta_doc_open(doc, "alarms", '[');
	alarms_of(root, child, false, doc);
	acta_doc_close(doc, ']');
	acta_doc_close(doc, '}');
}

/* ------------------------------------------------------------------ others -- */

void
acta_root_report_info(const struct acta_root *root, struct acta_doc *doc)
{
	const struct acta_plan *plan = &root->plan;
	const struct acta_sup_flags *flags =
	    &root->sup.children[root->sup.room].spec.flags;

	acta_doc_open(doc, NULL, '{');
	acta_doc_str(doc, "node", plan->node);
	acta_doc_int(doc, "pid", getpid());
	acta_doc_int(doc, "uptime_ms", acta_root_now() - root->started_ms);
	acta_doc_str(doc, "file", plan->file);
	acta_doc_str(doc, "data", plan->data);
	acta_doc_str(doc, "run", plan->run);
	acta_doc_open(doc, "supervisor", '{');
	acta_doc_str(doc, "strategy", strategy_name(flags->strategy));
	acta_doc_int(doc, "intensity", flags->intensity);
	acta_doc_int(doc, "period_ms", flags->period_ms);
	acta_doc_str(doc, "on_exceed",
	    flags->on_exceed == ACTA_EXCEED_HOLD ? "hold" : "escalate");
	acta_doc_close(doc, '}');
	acta_doc_close(doc, '}');
}

/* Healthy: the start is over and each child is as it should be. */
static bool
as_it_should(const struct acta_root *root, uint32_t child)
{
	const struct acta_sup_child *s = &root->sup.children[child];

	return s->state == ACTA_SUP_UP || s->state == ACTA_SUP_STOPPED;
}

void
acta_root_report_health(const struct acta_root *root, struct acta_doc *doc)
{
	bool ok = root->sup.phase == ACTA_NODE_RUNNING;
	int64_t up = 0, services = 0;

	for (uint32_t i = 0; i < root->plan.count; i++) {
		if (!is_there(root, i))
			continue;
		services++;
		ok = ok && as_it_should(root, i);
		up += root->sup.children[i].state == ACTA_SUP_UP;
	}
	acta_doc_open(doc, NULL, '{');
	acta_doc_bool(doc, "ok", ok);
	acta_doc_str(doc, "node", root->plan.node);
	acta_doc_bool(doc, "ready", root->sup.phase == ACTA_NODE_RUNNING);
	acta_doc_int(doc, "up", up);
	acta_doc_int(doc, "services", services);
	acta_doc_open(doc, "not_up", '[');
	for (uint32_t i = 0; i < root->plan.count; i++)
		if (is_there(root, i) && !as_it_should(root, i))
			acta_doc_str(doc, NULL, root->plan.children[i].name);
	acta_doc_close(doc, ']');
	acta_doc_open(doc, "alarms", '[');
	alarms_of_node(root, doc);
	for (uint32_t i = 0; i < root->plan.count; i++)
		if (is_there(root, i))
			alarms_of(root, i, true, doc);
	acta_doc_close(doc, ']');
	acta_doc_close(doc, '}');
}

/* As everywhere: what no reader of JSON need hold is a string (codecs/README). */
static void
put_unsigned(struct acta_doc *doc, const char *key, uint64_t value)
{
	char text[24];

	if (value <= INT64_MAX) {
		acta_doc_int(doc, key, (int64_t)value);
		return;
	}
	snprintf(text, sizeof(text), "%" PRIu64, value);
	acta_doc_str(doc, key, text);
}

static void
where_child(const struct acta_root *root, uint32_t child, struct acta_doc *doc)
{
	const struct acta_plan_child *spec = &root->plan.children[child];
	const struct acta_peers *peers = &root->peers;

	acta_doc_open(doc, NULL, '{');
	acta_doc_str(doc, "service", spec->name);
	acta_doc_str(doc, "kind", kind_name(spec->kind));
	if (root->children[child].pid)
		acta_doc_int(doc, "pid", root->children[child].pid);
	else
		acta_doc_null(doc, "pid");
	acta_doc_int(doc, "partitions", spec->partitions);
	acta_doc_open(doc, "endpoints", '[');
	for (uint32_t i = 0; i < peers->of[child].count; i++) {
		const struct acta_peer *peer = &peers->of[child].at[i];

		if (!peer->change || !peer->endpoint[0])
			continue;
		acta_doc_open(doc, NULL, '{');
		acta_doc_int(doc, "worker", peer->worker);
		put_unsigned(doc, "incarnation", peer->incarnation);
		acta_doc_str(doc, "endpoint", peer->endpoint);
		acta_doc_close(doc, '}');
	}
	acta_doc_close(doc, ']');
	acta_doc_close(doc, '}');
}

void
acta_root_report_where(const struct acta_root *root, struct acta_doc *doc)
{
	acta_doc_open(doc, NULL, '{');
	acta_doc_str(doc, "node", root->plan.node);
	acta_doc_open(doc, "services", '[');
	for (uint32_t i = 0; i < root->plan.count; i++)
		if (is_there(root, i))
			where_child(root, i, doc);
	acta_doc_close(doc, ']');
	acta_doc_close(doc, '}');
}
